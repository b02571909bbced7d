//! How a journey began, who holds it and how it left the caseload, as clients read it.

use async_graphql::{ComplexObject, Context, Enum, ID, Result, SimpleObject};

use super::Step;
use crate::graphql::at::Known;
use crate::graphql::event::OccurredOn;
use crate::graphql::people::Worker;
use crate::graphql::scalars::Date;
use throughline_domain::fact::Entry;
use throughline_domain::fact::envelope::{EventId, WorkerId};
use throughline_domain::fact::event::{self, KEYWORKER};
use throughline_domain::journey;

/// The referral with which a journey begins.
#[derive(Debug, Clone, SimpleObject)]
pub struct Referral {
    /// The event that recorded it first: what a correction or retraction names as its target.
    event: ID,
    /// When it was received.
    occurred: OccurredOn,
    /// The service area: a code of the rulebook.
    area: String,
    /// The cohort, where the contract has cohorts.
    cohort: Option<String>,
    /// Who referred the client.
    referrer: Option<Referrer>,
    /// Case numbers of other systems; the first is what people call the journey. None where you see pseudonyms alone.
    external_references: Option<Vec<ExternalReference>>,
}

/// Who referred the client.
#[derive(Debug, Clone, SimpleObject)]
pub struct Referrer {
    /// The organisation, if it is known.
    organisation: Option<String>,
    /// The kind of referrer: a code of the rulebook.
    kind: Option<String>,
}

/// The case number of another system.
#[derive(Debug, Clone, SimpleObject)]
pub struct ExternalReference {
    /// The other system's name.
    system: String,
    /// The case number there.
    id: String,
}

impl From<&Entry<event::ReferralReceived>> for Referral {
    fn from(entry: &Entry<event::ReferralReceived>) -> Self {
        let event::ReferralReceived { area, cohort, referrer, external_references, .. } = entry.details.clone();
        let references = external_references.into_iter();
        Self {
            event: ID(entry.event_id.to_string()),
            occurred: entry.occurred.into(),
            area,
            cohort,
            referrer: referrer.map(|from| Referrer { organisation: from.organisation, kind: from.kind }),
            external_references: Some(
                references.map(|reference| ExternalReference { system: reference.system, id: reference.id }).collect(),
            ),
        }
    }
}

/// Whether a client is one whom the contract is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "event::Eligibility")]
pub enum Eligibility {
    /// They are.
    Eligible,
    /// They are not.
    NotEligible,
}

/// A judgement whether the client is eligible, with the facts as they stood that day.
#[derive(Debug, Clone, SimpleObject)]
pub struct EligibilityAssessment {
    /// The event that recorded it first: what a correction or retraction names as its target.
    event: ID,
    /// When it was made.
    occurred: OccurredOn,
    /// What was found.
    result: Eligibility,
    /// The criteria that were looked at.
    criteria: Vec<Criterion>,
    /// The facts of that day, such as age, round or benefit.
    facts: Vec<FactAtAssessment>,
}

/// A criterion of eligibility that was looked at.
#[derive(Debug, Clone, SimpleObject)]
pub struct Criterion {
    /// Its code.
    name: String,
    /// Whether it was met.
    value: bool,
}

/// Something that was so when eligibility was judged, such as `age: 34`.
#[derive(Debug, Clone, SimpleObject)]
pub struct FactAtAssessment {
    /// Its name.
    name: String,
    /// Its value, as text.
    value: String,
}

impl From<&Entry<event::EligibilityAssessed>> for EligibilityAssessment {
    fn from(entry: &Entry<event::EligibilityAssessed>) -> Self {
        let event::EligibilityAssessed { result, criteria, facts } = &entry.details;
        let criteria = criteria.iter().map(|(name, met)| Criterion { name: name.clone(), value: *met });
        let facts = facts.iter().map(|(name, fact)| FactAtAssessment { name: name.clone(), value: fact.to_string() });
        Self {
            event: ID(entry.event_id.to_string()),
            occurred: entry.occurred.into(),
            result: (*result).into(),
            criteria: criteria.collect(),
            facts: facts.collect(),
        }
    }
}

/// A worker held the case from one day until another.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct Assignment {
    /// The event that recorded it first: what a correction or retraction names as its target.
    event: ID,
    #[graphql(skip)]
    worker: WorkerId,
    #[graphql(skip)]
    known: Known,
    /// In which role: `keyworker` and others.
    role: String,
    /// The first day.
    from: Date,
    /// The first day no longer, if it ended: they were released, or another keyworker took the case.
    to: Option<Date>,
    /// The release, if they were released.
    released: Option<Step>,
}

#[ComplexObject]
impl Assignment {
    /// Who held it.
    async fn worker(&self, ctx: &Context<'_>) -> Option<Result<Worker>> {
        Worker::load(ctx, self.worker, self.known).await
    }

    /// Whether this role makes the case part of the worker's caseload.
    async fn is_keyworker(&self) -> bool {
        self.role == KEYWORKER
    }
}

impl Assignment {
    /// An assignment, with its worker as they were known then.
    pub(super) fn of(held: &journey::Assignment, known: Known) -> Self {
        Self {
            event: ID(held.event_id.to_string()),
            worker: held.worker,
            known,
            role: held.role.clone(),
            from: Date(held.from),
            to: held.to.map(Date),
            released: held.released.as_ref().map(Step::of),
        }
    }
}

/// When and why a referral came to nothing.
#[derive(Debug, Clone, SimpleObject)]
pub struct Leaving {
    /// The event that recorded it first: what a correction or retraction names as its target.
    event: ID,
    /// When.
    occurred: OccurredOn,
    /// Why: a code of the rulebook.
    reason: String,
}

impl Leaving {
    fn of(event: EventId, occurred: OccurredOn, reason: &str) -> Self {
        Self { event: ID(event.to_string()), occurred, reason: reason.to_owned() }
    }
}

impl From<&Entry<event::ReferralDeclined>> for Leaving {
    fn from(entry: &Entry<event::ReferralDeclined>) -> Self {
        Self::of(entry.event_id, entry.occurred.into(), &entry.details.reason)
    }
}

impl From<&Entry<event::ReferralWithdrawn>> for Leaving {
    fn from(entry: &Entry<event::ReferralWithdrawn>) -> Self {
        Self::of(entry.event_id, entry.occurred.into(), &entry.details.reason)
    }
}

/// A dated mark that the client no longer engages.
#[derive(Debug, Clone, SimpleObject)]
pub struct Disengagement {
    /// The event that recorded it first: what a correction or retraction names as its target.
    event: ID,
    /// When.
    occurred: OccurredOn,
    /// Why: a code of the rulebook.
    reason: String,
    /// When they were last seen.
    last_seen_on: Option<Date>,
}

impl From<&Entry<event::Disengaged>> for Disengagement {
    fn from(entry: &Entry<event::Disengaged>) -> Self {
        Self {
            event: ID(entry.event_id.to_string()),
            occurred: entry.occurred.into(),
            reason: entry.details.reason.clone(),
            last_seen_on: entry.details.last_seen_on.map(Date),
        }
    }
}

/// How a case left the caseload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "journey::HowClosed")]
pub enum HowClosed {
    /// The work is over.
    Closed,
    /// It goes on in another contract or service.
    Transferred,
}

/// The case left the caseload, for good or until it was reopened.
#[derive(Debug, Clone, SimpleObject)]
pub struct Close {
    /// The event that recorded it first: what a correction or retraction names as its target.
    event: ID,
    /// When.
    occurred: OccurredOn,
    /// Whether the case was closed or transferred.
    how: HowClosed,
    /// Why: a code of the rulebook.
    reason: String,
    /// Where the client went; of a transfer, the contract's code or the service's name.
    destination: Option<String>,
    /// The reopening, if the case went on.
    reopened: Option<Step>,
}

impl From<&journey::Close> for Close {
    fn from(close: &journey::Close) -> Self {
        Self {
            event: ID(close.event_id.to_string()),
            occurred: close.occurred.into(),
            how: close.how.into(),
            reason: close.reason.clone(),
            destination: close.destination.clone(),
            reopened: close.reopened.as_ref().map(|on| Step::why(on, Some(&on.details.reason))),
        }
    }
}
