//! Referrals in the API: how a case began, who holds it, and how it left the caseload.

use std::collections::BTreeMap;

use async_graphql::{ComplexObject, Context, Enum, ID, Result, SimpleObject};

use super::Occurrence;
use crate::graphql::entry::{Shown as _, entries, shown};
use crate::graphql::event::OccurredOn;
use crate::graphql::people::Worker;
use crate::graphql::point_in_time::KnownUpTo;
use crate::graphql::scalars::Date;
use throughline_domain::fact::Entry;
use throughline_domain::fact::envelope::{EventId, WorkerId};
use throughline_domain::fact::event::{self, Attribute, KEYWORKER};
use throughline_domain::journey;

entries! {
    /// The referral that opened a case.
    Referral of ReferralReceived, occurred "When it was received." {
        /// The service area: a code of the rulebook.
        area: String,
        /// The cohort, if the contract has cohorts.
        cohort: Option<String>,
        /// The referrer of the client.
        referrer: Option<Referrer>,
        #[doc = "The case numbers in other systems. The first is the reference of the case. \
                 Null if you may see only pseudonyms."]
        external_references: Option<Vec<ExternalReference>> = |entry| Some(entry.details.external_references.shown()),
    }
    /// An eligibility assessment, with the facts of that day.
    EligibilityAssessment of EligibilityAssessed, occurred "The date of the assessment." {
        /// The result.
        result: Eligibility,
        /// The criteria that were assessed.
        criteria: Vec<Criterion>,
        /// The facts of that day, such as age, round or benefit.
        facts: Vec<FactAtAssessment>,
    }
    /// A dated mark that the client has disengaged.
    Disengagement of Disengaged, occurred "The date." {
        /// The reason: a code of the rulebook.
        reason: String,
        /// The day on which the client was last seen.
        last_seen_on: Option<Date>,
    }
}

/// The referrer of the client.
#[derive(Debug, Clone, SimpleObject)]
pub struct Referrer {
    /// The organisation, if known.
    organisation: Option<String>,
    /// The kind of referrer: a code of the rulebook.
    kind: Option<String>,
}

/// The case number in another system.
#[derive(Debug, Clone, SimpleObject)]
pub struct ExternalReference {
    /// The name of the other system.
    system: String,
    /// The case number in that system.
    id: String,
}

shown! {
    event::Referrer => Referrer:
        |from| Referrer { organisation: from.organisation.clone(), kind: from.kind.clone() };
    event::ExternalReference => ExternalReference:
        |number| ExternalReference { system: number.system.clone(), id: number.id.clone() };
    event::Eligibility => Eligibility: |result| (*result).into();
    BTreeMap<String, bool> => Vec<Criterion>:
        |criteria| criteria.iter().map(|(name, met)| Criterion { name: name.clone(), value: *met }).collect();
    BTreeMap<String, Attribute> => Vec<FactAtAssessment>: |facts| {
        facts.iter().map(|(name, fact)| FactAtAssessment { name: name.clone(), value: fact.to_string() }).collect()
    };
}

/// Whether a client is eligible for the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "event::Eligibility")]
pub enum Eligibility {
    /// The client is eligible.
    Eligible,
    /// The client is not eligible.
    NotEligible,
}

/// An eligibility criterion that was assessed.
#[derive(Debug, Clone, SimpleObject)]
pub struct Criterion {
    /// The code of the criterion.
    name: String,
    /// Whether it was met.
    value: bool,
}

/// A fact at the eligibility assessment, such as `age: 34`.
#[derive(Debug, Clone, SimpleObject)]
pub struct FactAtAssessment {
    /// The name of the fact.
    name: String,
    /// The value, as text.
    value: String,
}

/// The assignment of a worker to the case.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct Assignment {
    /// The id of the event that first recorded it. Use it as the target of a correction or retraction.
    event: ID,
    #[graphql(skip)]
    worker: WorkerId,
    #[graphql(skip)]
    known: KnownUpTo,
    /// The role of the worker on the case: `keyworker` and others.
    role: String,
    /// The first day.
    from: Date,
    /// The first day after the assignment, if it ended: the worker was released, or another keyworker took the case.
    to: Option<Date>,
    /// The release, if the worker was released.
    released: Option<Occurrence>,
}

#[ComplexObject]
impl Assignment {
    /// The worker.
    async fn worker(&self, ctx: &Context<'_>) -> Option<Result<Worker>> {
        Worker::load(ctx, self.worker, self.known).await
    }

    /// Whether this role puts the case on the worker's caseload.
    async fn is_keyworker(&self) -> bool {
        self.role == KEYWORKER
    }
}

impl Assignment {
    /// An assignment, with its worker as known at the knowledge date.
    pub(super) fn of(held: &journey::Assignment, known: KnownUpTo) -> Self {
        Self {
            event: ID(held.event_id.to_string()),
            worker: held.worker,
            known,
            role: held.role.clone(),
            from: Date(held.from),
            to: held.to.map(Date),
            released: held.released.as_ref().map(Occurrence::of),
        }
    }
}

/// The decline or withdrawal of a referral.
#[derive(Debug, Clone, SimpleObject)]
pub struct ReferralEnd {
    /// The id of the event that first recorded it. Use it as the target of a correction or retraction.
    event: ID,
    /// The date.
    occurred: OccurredOn,
    /// The reason: a code of the rulebook.
    reason: String,
}

impl ReferralEnd {
    fn of(event: EventId, occurred: OccurredOn, reason: &str) -> Self {
        Self { event: ID(event.to_string()), occurred, reason: reason.to_owned() }
    }
}

impl From<&Entry<event::ReferralDeclined>> for ReferralEnd {
    fn from(entry: &Entry<event::ReferralDeclined>) -> Self {
        Self::of(entry.event_id, entry.occurred.into(), &entry.details.reason)
    }
}

impl From<&Entry<event::ReferralWithdrawn>> for ReferralEnd {
    fn from(entry: &Entry<event::ReferralWithdrawn>) -> Self {
        Self::of(entry.event_id, entry.occurred.into(), &entry.details.reason)
    }
}

/// How a case left the caseload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "journey::HowClosed")]
pub enum HowClosed {
    /// It was closed.
    Closed,
    /// It was transferred to another contract or service.
    Transferred,
}

/// The close or transfer of a case.
#[derive(Debug, Clone, SimpleObject)]
pub struct CaseClosure {
    /// The id of the event that first recorded it. Use it as the target of a correction or retraction.
    event: ID,
    /// The date.
    occurred: OccurredOn,
    /// Whether the case was closed or transferred.
    how: HowClosed,
    /// The reason: a code of the rulebook.
    reason: String,
    /// The destination of the client. For a transfer: the code of the contract or the name of the service.
    destination: Option<String>,
    /// The reopening, if the case was reopened.
    reopened: Option<Occurrence>,
}

impl From<&journey::Close> for CaseClosure {
    fn from(close: &journey::Close) -> Self {
        Self {
            event: ID(close.event_id.to_string()),
            occurred: close.occurred.into(),
            how: close.how.into(),
            reason: close.reason.clone(),
            destination: close.destination.clone(),
            reopened: close.reopened.as_ref().map(|on| Occurrence::why(on, Some(&on.details.reason))),
        }
    }
}
