//! The evidence for an outcome: the pieces that count, the missing kinds, and all events that the outcome is based on.
//!
//! It never asks for evidence of a kind that the rulebook does not name.

use std::collections::BTreeSet;

use super::case::{Case, Evidence, Said};
use super::judge::Reached;
use super::proof::{WhyNot, is_within};
use crate::contract::rulebook::outcome::{Digest, EvidenceTerms, JourneyTerms};
use crate::fact::envelope::EventId;

/// The evidence for an outcome.
pub(super) struct Shown {
    /// The missing kinds. If one of several kinds would do, all of them.
    pub(super) missing: Vec<String>,
    /// The events that the outcome is based on, in the order in which they are listed: facts, then evidence.
    pub(super) events: Vec<EventId>,
}

pub(super) fn shown(case: &Case<'_>, terms: &JourneyTerms, reached: &Reached) -> Shown {
    let of_facts = facts(case, reached);
    let mut events: Vec<EventId> = terms.only_if.iter().flat_map(|condition| case.stated(condition)).collect();
    events.extend(of_facts.iter().flat_map(|said| said.events()));
    for risk in reached.risks.iter().map(|at| &case.risks[*at]) {
        events.extend(risk.raised.1.events());
        events.extend(risk.cleared.iter().flat_map(|(_, said)| said.events()));
    }
    let mut missing = Vec::new();
    if let Some(asked) = &terms.evidence {
        let counts = |piece: &&Evidence<'_>| why_not(case, asked, reached, &of_facts, piece).is_empty();
        let counting: Vec<&Evidence<'_>> = case.evidence.iter().filter(counts).collect();
        let has = |kind: &String| counting.iter().any(|piece| piece.kind == kind);
        if !asked.any_of.is_empty() && !asked.any_of.iter().any(has) {
            missing.extend(asked.any_of.iter().cloned());
        }
        for kind in asked.all_of.iter().filter(|kind| !has(kind)) {
            if !missing.contains(kind) {
                missing.push(kind.clone());
            }
        }
        for piece in counting {
            events.extend(piece.attached.events());
            events.extend(piece.verified.iter().filter(|_| asked.verified).flat_map(|said| said.events()));
        }
    }
    let mut seen = BTreeSet::new();
    events.retain(|event| seen.insert(*event));
    Shown { missing, events }
}

/// The facts that an outcome is based on: its single-day fact, or the starts, changes and ends of its spells.
pub(super) fn facts(case: &Case<'_>, reached: &Reached) -> Vec<Said> {
    let mark = reached.mark.map(|at| case.marks[at].said);
    let spells = reached.spells.iter().map(|at| &case.spells[*at]);
    let of_spells = spells.flat_map(|spell| {
        let steps = spell.steps.iter().map(|step| step.said);
        steps.chain(spell.ended.map(|(_, said)| said))
    });
    mark.into_iter().chain(of_spells).collect()
}

/// Why a piece of evidence does not count. Empty if it was neither withdrawn nor rejected, has a date that the rulebook
/// accepts, has a digest where the rulebook requires one, and supports the trigger, a spell of the run, or an event of
/// one.
pub(super) fn why_not(
    case: &Case<'_>,
    asked: &EvidenceTerms,
    reached: &Reached,
    facts: &[Said],
    piece: &Evidence<'_>,
) -> Vec<WhyNot> {
    let shows_spell = || reached.spells.iter().any(|at| piece.supports.contains(&case.spells[*at].id.0));
    let shows_event = || facts.iter().any(|said| said.is_in(piece.supports));
    let supports = match piece.supports {
        [] => Some(WhyNot::SupportsNothing),
        _ if shows_spell() || shows_event() => None,
        _ => Some(WhyNot::SupportsOther),
    };
    let reasons = [
        (!piece.is_of(asked)).then_some(WhyNot::OtherKind),
        piece.gone,
        (asked.verified && piece.verified.is_none()).then_some(WhyNot::NotVerified),
        (asked.digest == Digest::Required && !piece.has_digest).then_some(WhyNot::NoDigest),
        is_within(asked, reached, piece).err(),
        supports,
    ];
    reasons.into_iter().flatten().collect()
}

impl Evidence<'_> {
    /// Whether the evidence is of a required kind.
    pub(super) fn is_of(&self, asked: &EvidenceTerms) -> bool {
        asked.any_of.iter().chain(&asked.all_of).any(|kind| kind == self.kind)
    }
}
