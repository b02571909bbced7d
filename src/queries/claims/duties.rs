//! Who did a step of a claim that another step must not be done by: who verified its evidence, and who submitted its
//! batch.
//!
//! It only names logins and what the rulebook keeps apart. The recorder refuses; here nothing is refused.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;

use super::answer::{Claim, Claims};
use throughline_domain::command::batches::{submitted_by_you, verified_by_you};
use throughline_domain::contract::outcome::State;
use throughline_domain::fact::History;
use throughline_domain::fact::envelope::{BatchId, EventId, EvidenceId};
use throughline_domain::fact::event::{Event, EvidenceVerified};
use throughline_domain::fact::refusal::Refusal;
use throughline_domain::people::login;

/// The logins behind the steps of claims.
#[derive(Debug, Default)]
pub(super) struct StepsBy {
    /// The logins that verified a piece of evidence, by the event that attached it.
    verified: BTreeMap<EventId, BTreeSet<String>>,
    /// The logins that submitted claims of a batch.
    submitted: BTreeMap<BatchId, BTreeSet<String>>,
}

impl StepsBy {
    /// Reads the logins from the histories of cases with verified evidence, and of batches.
    pub(super) fn of<'a>(
        cases: impl Iterator<Item = &'a History>,
        batches: impl Iterator<Item = (BatchId, &'a History)>,
    ) -> Self {
        let mut steps = Self::default();
        cases.for_each(|history| steps.of_case(history));
        for (batch, history) in batches {
            let submissions = history.events().iter().filter(|recorded| is_submission(&recorded.event));
            let logins: BTreeSet<String> = submissions.map(|recorded| recorded.actor.subject.clone()).collect();
            steps.submitted.insert(batch, logins);
        }
        steps
    }

    /// A person who corrected a verification vouches for it too.
    fn of_case(&mut self, history: &History) {
        let facts = history.facts();
        let attached: HashMap<EvidenceId, EventId> = facts
            .iter()
            .filter_map(|fact| match fact.event {
                Event::EvidenceAttached(piece) => Some((piece.evidence, fact.original.event_id)),
                _ => None,
            })
            .collect();
        for fact in &facts {
            let Event::EvidenceVerified(EvidenceVerified { evidence }) = fact.event else { continue };
            let Some(attached) = attached.get(evidence) else { continue };
            let logins = [fact.original, fact.reading].map(|recorded| recorded.actor.subject.clone());
            self.verified.entry(*attached).or_default().extend(logins);
        }
    }
}

/// Whether it matters to a later step who recorded the event: a verification, a submission, or a correction, which may
/// be that of a verification.
pub(super) const fn has_a_duty(event: &Event) -> bool {
    matches!(event, Event::EvidenceVerified(_) | Event::FactCorrected(_)) || is_submission(event)
}

const fn is_submission(event: &Event) -> bool {
    matches!(event, Event::BatchSubmitted(_) | Event::ClaimResubmitted(_))
}

impl Claims {
    /// The logins that verified evidence on which a claim rests. `None` if nobody did.
    pub(super) fn verified_by(&self, claim: &Claim) -> Option<BTreeSet<String>> {
        let State::Reached(achievement) = &claim.state else { return None };
        let verified = achievement.events.iter().filter_map(|event| self.steps_by.verified.get(event));
        let logins: BTreeSet<String> = verified.flatten().cloned().collect();
        (!logins.is_empty()).then_some(logins)
    }

    /// Why somebody may not submit a claim on a day, because they verified its evidence.
    pub fn kept_from_submitting(&self, claim: &Claim, who: &str, on: NaiveDate) -> Option<Refusal> {
        let rulebook = self.contract.rulebook_in_force(on).filter(|rulebook| rulebook.duties.verify_submit);
        rulebook?;
        let verified_by = self.verified_by(claim)?;
        verified_by.iter().any(|login| login::is_same(login, who)).then(|| verified_by_you(claim.claim))
    }

    /// Why somebody may not decide on claims of a batch on a day, because they submitted some.
    pub fn kept_from_deciding(&self, batch: BatchId, who: &str, on: NaiveDate) -> Option<Refusal> {
        let rulebook = self.contract.rulebook_in_force(on).filter(|rulebook| rulebook.duties.submit_decide);
        rulebook?;
        let submitted_by = self.steps_by.submitted.get(&batch)?;
        submitted_by.iter().any(|login| login::is_same(login, who)).then(submitted_by_you)
    }
}
