//! The inputs of referrals: how a case begins, eligibility, and assignment of workers.

use async_graphql::InputObject;
use serde_json::{Map, Value};

use super::SubjectKind;
use super::convert::{Conversion, IntoDomain, IntoFact};
use super::identity::IdentityFact;
use super::name_value::{CriterionInput, FactAtAssessmentInput};
use super::patch::Patches;
use crate::graphql::journey::referral::Eligibility;
use crate::graphql::scalars::{Date, Id};
use throughline_domain::fact::event::{self, Event, KEYWORKER};

/// The referrer of the client.
#[derive(Debug, Clone, InputObject)]
pub struct ReferrerInput {
    /// The organisation, if known.
    pub organisation: Option<String>,
    /// The kind of referrer: a code of the rulebook.
    pub kind: Option<String>,
}

/// The case number in another system. It is a pseudonym; national identifiers are refused.
#[derive(Debug, Clone, InputObject)]
pub struct ExternalReferenceInput {
    /// The name of the other system.
    pub system: String,
    /// The case number in that system.
    pub id: String,
}

impl IntoDomain<event::Referrer> for ReferrerInput {
    fn into_domain(self, _: &mut Conversion) -> event::Referrer {
        event::Referrer { organisation: self.organisation, kind: self.kind }
    }
}

impl IntoDomain<Vec<event::ExternalReference>> for Vec<ExternalReferenceInput> {
    fn into_domain(self, _: &mut Conversion) -> Vec<event::ExternalReference> {
        let references = self.into_iter();
        references.map(|given| event::ExternalReference { system: given.system, id: given.id }).collect()
    }
}

impl IntoDomain<event::Eligibility> for Eligibility {
    fn into_domain(self, _: &mut Conversion) -> event::Eligibility {
        self.into()
    }
}

identified_facts! {
    /// A referral. It fixes the area and the cohort; only a correction changes them.
    ReferralFact | ReferralPatch => ReferralReceived,
    /// The id of the referred subject. A correction keeps it.
    subject: SubjectId {
        /// The service area: a code of the rulebook.
        area: String,
        /// The cohort: a code of the rulebook.
        cohort: Option<String>,
        /// The referrer of the client.
        referrer: Option<ReferrerInput>,
        /// The case numbers in other systems. The first is the reference of the case.
        #[graphql(default)]
        external_references: Vec<ExternalReferenceInput>,
    }
}

/// The acceptance of a referral. It has no other fields.
#[derive(Debug, Clone, Copy, InputObject)]
pub struct AcceptFact {
    /// Always true.
    pub accepted: bool,
}

/// Refuses `false` in a field that must be true.
pub(super) fn only_true(said: bool, conversion: &mut Conversion) {
    if !said {
        conversion.invalid("give true, or retract the fact if it was recorded by mistake");
    }
}

impl AcceptFact {
    /// The payload of the event.
    pub fn read(self, conversion: &mut Conversion) -> event::ReferralAccepted {
        conversion.field("accepted", |conversion| only_true(self.accepted, conversion));
        event::ReferralAccepted {}
    }
}

/// The correction of an acceptance. Only its date can be corrected.
#[derive(Debug, Clone, InputObject)]
pub struct AcceptPatch {
    /// True, or left out.
    pub accepted: Option<bool>,
}

impl Patches for AcceptPatch {
    fn patched(self, conversion: &mut Conversion) -> Value {
        conversion.field("accepted", |conversion| only_true(self.accepted.unwrap_or(true), conversion));
        Value::Object(Map::new())
    }
}

impl IntoFact for AcceptFact {
    fn into_fact(self, conversion: &mut Conversion) -> Event {
        self.read(conversion).into()
    }
}

facts! {
    /// The decline of a referral.
    DeclineFact | DeclinePatch => ReferralDeclined {
        /// The reason: a close reason of the rulebook, by code.
        reason: String,
    }
    /// The withdrawal of a referral.
    WithdrawalFact | WithdrawalPatch => ReferralWithdrawn {
        /// The reason: a close reason of the rulebook, by code.
        reason: String,
    }
    /// The result of an eligibility assessment, with the facts of that day. Outcomes use these facts, even if they
    /// change later.
    EligibilityFact | EligibilityPatch => EligibilityAssessed {
        /// The result.
        result: Eligibility,
        /// The criteria that were assessed, by code, and whether each was met.
        #[graphql(default)]
        criteria: Vec<CriterionInput>,
        /// The facts of that day, such as age, round or benefit.
        #[graphql(default)]
        facts: Vec<FactAtAssessmentInput>,
    }
    /// The assignment of a worker to the case. A new keyworker replaces the former one from that day.
    AssignmentFact | AssignmentPatch => WorkerAssigned {
        /// The id of the worker.
        worker: Id,
        /// The role of the worker on the case.
        #[graphql(default_with = "KEYWORKER.to_owned()")]
        role: String,
        /// The first day on which the worker no longer holds the case, for an assignment of limited length. Then the
        /// former keyworker holds it again. Default: the assignment has no end.
        until: Option<Date>,
    }
    /// The release of a worker from the case.
    ReleaseFact | ReleasePatch => WorkerReleased {
        /// The id of the worker.
        worker: Id,
        /// The role that the worker gives up.
        #[graphql(default_with = "KEYWORKER.to_owned()")]
        role: String,
    }
}

inputs! {
    /// Records a referral. It opens a case.
    ReceiveReferralInput {
        /// The code of the contract.
        contract: String,
        /// The id of the case. Default: a new id.
        journey: Option<Id>,
        /// The id of the referred subject. Default: a new subject is registered together with the referral.
        subject: Option<Id>,
        /// The kind of a new subject.
        #[graphql(default_with = "SubjectKind::Person")]
        subject_kind: SubjectKind,
        /// Who the subject is. It is stored sealed.
        identity: Option<IdentityFact>,
        /// The referral.
        #[graphql(flatten)]
        fact: ReferralFact,
    }
    /// Creates or corrects a referral by its number in another system.
    UpsertReferralInput {
        /// The code of the contract.
        contract: String,
        /// The system, and the number of the case there.
        external_reference: ExternalReferenceInput,
        /// The kind of the subject, if the case is new.
        #[graphql(default_with = "SubjectKind::Person")]
        subject_kind: SubjectKind,
        /// The service area: a code of the rulebook.
        area: String,
        /// The cohort: a code of the rulebook. Left out: that of an existing case stays.
        cohort: Option<String>,
        /// The referrer of the client. Left out: that of an existing case stays.
        referrer: Option<ReferrerInput>,
    }
    /// Accepts the referral.
    AcceptReferralInput {
        /// The id of the case.
        journey: Id,
    }
    /// Declines the referral.
    DeclineReferralInput {
        /// The id of the case.
        journey: Id,
        /// The reason.
        #[graphql(flatten)]
        fact: DeclineFact,
    }
    /// Records that the referrer or the client withdrew the referral.
    WithdrawReferralInput {
        /// The id of the case.
        journey: Id,
        /// The reason.
        #[graphql(flatten)]
        fact: WithdrawalFact,
    }
    /// Records an eligibility assessment.
    AssessEligibilityInput {
        /// The id of the case.
        journey: Id,
        /// The result, the criteria and the facts.
        #[graphql(flatten)]
        fact: EligibilityFact,
    }
    /// Assigns a worker to the case.
    AssignWorkerInput {
        /// The id of the case.
        journey: Id,
        /// The worker and the role.
        #[graphql(flatten)]
        fact: AssignmentFact,
    }
    /// Assigns a worker to many cases of one contract: all of them or none. `expectedVersion` cannot be used here.
    AssignWorkersInput {
        /// The ids of the cases, 1,000 at most.
        journeys: Vec<Id>,
        /// The worker, the role and the end.
        #[graphql(flatten)]
        fact: AssignmentFact,
    }
    /// Releases a worker from the case. `occurredOn` is the first day on which they no longer hold it.
    ReleaseWorkerInput {
        /// The id of the case.
        journey: Id,
        /// The worker and the role.
        #[graphql(flatten)]
        fact: ReleaseFact,
    }
}
