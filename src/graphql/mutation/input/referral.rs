//! Referrals as mutations take them: how a journey begins, whether the client is eligible, who holds the case.

use async_graphql::InputObject;
use serde_json::{Map, Value};

use super::SubjectKind;
use super::named::{CriterionInput, FactAtAssessmentInput};
use super::patch::Patches;
use super::reading::{Means, Reading, States};
use crate::graphql::journey::referral::Eligibility;
use crate::graphql::scalars::{Date, Id};
use throughline_domain::fact::event::{self, Event, KEYWORKER};

/// Who referred the client.
#[derive(Debug, Clone, InputObject)]
pub struct ReferrerInput {
    /// The organisation, if it is known.
    pub organisation: Option<String>,
    /// The kind of referrer: a code of the rulebook.
    pub kind: Option<String>,
}

/// The case number of another system: a pseudonym, never a national identifier.
#[derive(Debug, Clone, InputObject)]
pub struct ExternalReferenceInput {
    /// The other system's name.
    pub system: String,
    /// The case number there.
    pub id: String,
}

impl Means<event::Referrer> for ReferrerInput {
    fn meant(self, _: &mut Reading) -> event::Referrer {
        event::Referrer { organisation: self.organisation, kind: self.kind }
    }
}

impl Means<Vec<event::ExternalReference>> for Vec<ExternalReferenceInput> {
    fn meant(self, _: &mut Reading) -> Vec<event::ExternalReference> {
        let references = self.into_iter();
        references.map(|given| event::ExternalReference { system: given.system, id: given.id }).collect()
    }
}

impl Means<event::Eligibility> for Eligibility {
    fn meant(self, _: &mut Reading) -> event::Eligibility {
        self.into()
    }
}

identified_facts! {
    /// A referral: area and cohort are fixed here, only a correction changes them.
    ReferralFact | ReferralPatch => ReferralReceived,
    /// Who is referred: a correction keeps the subject.
    subject: SubjectId {
        /// The service area: a code of the rulebook.
        area: String,
        /// The cohort: a code of the rulebook.
        cohort: Option<String>,
        /// Who referred the client.
        referrer: Option<ReferrerInput>,
        /// Case numbers of other systems; the first is what people call the journey.
        #[graphql(default)]
        external_references: Vec<ExternalReferenceInput>,
    }
}

/// Something that needs no more words.
#[derive(Debug, Clone, Copy, InputObject)]
pub struct AcceptFact {
    /// Always true.
    pub accepted: bool,
}

/// A word that says nothing unless it is true.
pub(super) fn only_true(said: bool, reading: &mut Reading) {
    if !said {
        reading.invalid("write true, or retract the fact if it was not so");
    }
}

impl AcceptFact {
    /// What it says.
    pub fn read(self, reading: &mut Reading) -> event::ReferralAccepted {
        reading.field("accepted", |reading| only_true(self.accepted, reading));
        event::ReferralAccepted {}
    }
}

/// What should read otherwise of a fact that needs no more words: only its date can.
#[derive(Debug, Clone, InputObject)]
pub struct AcceptPatch {
    /// True, or left out.
    pub accepted: Option<bool>,
}

impl Patches for AcceptPatch {
    fn patched(self, reading: &mut Reading) -> Value {
        reading.field("accepted", |reading| only_true(self.accepted.unwrap_or(true), reading));
        Value::Object(Map::new())
    }
}

impl States for AcceptFact {
    fn stated(self, reading: &mut Reading) -> Event {
        self.read(reading).into()
    }
}

facts! {
    /// Why a referral is declined.
    DeclineFact | DeclinePatch => ReferralDeclined {
        /// Why: a code of the rulebook's close reasons.
        reason: String,
    }
    /// Why a referral is taken back.
    WithdrawalFact | WithdrawalPatch => ReferralWithdrawn {
        /// Why: a code of the rulebook's close reasons.
        reason: String,
    }
    /// Whether the client is eligible, with the facts as they stand that day: outcomes look at these, whatever becomes
    /// of them later.
    EligibilityFact | EligibilityPatch => EligibilityAssessed {
        /// What was found.
        result: Eligibility,
        /// The criteria that were looked at, by code, and whether each was met.
        #[graphql(default)]
        criteria: Vec<CriterionInput>,
        /// The facts of that day, such as age, round or benefit.
        #[graphql(default)]
        facts: Vec<FactAtAssessmentInput>,
    }
    /// A worker takes the case; a new keyworker releases the former that day.
    AssignmentFact | AssignmentPatch => WorkerAssigned {
        /// Who takes it.
        worker: Id,
        /// In which role.
        #[graphql(default_with = "KEYWORKER.to_owned()")]
        role: String,
        /// The first day on which they no longer hold it, where it is for some days alone: then the former keyworker holds
        /// it again. Left out, it is for good.
        until: Option<Date>,
    }
    /// A worker no longer holds the case.
    ReleaseFact | ReleasePatch => WorkerReleased {
        /// Who lets go.
        worker: Id,
        /// Of which role.
        #[graphql(default_with = "KEYWORKER.to_owned()")]
        role: String,
    }
}

inputs! {
    /// A client is referred: the journey begins.
    ReceiveReferralInput {
        /// The code of the contract.
        contract: String,
        /// The journey's id; left out, one is made.
        journey: Option<Id>,
        /// Who is referred; left out, a subject is registered along with the referral.
        subject: Option<Id>,
        /// The kind of subject that is registered along.
        #[graphql(default_with = "SubjectKind::Person")]
        subject_kind: SubjectKind,
        /// The referral.
        #[graphql(flatten)]
        fact: ReferralFact,
    }
    /// The service takes the client on.
    AcceptReferralInput {
        /// Which journey.
        journey: Id,
    }
    /// The service does not take the client on.
    DeclineReferralInput {
        /// Which journey.
        journey: Id,
        /// Why.
        #[graphql(flatten)]
        fact: DeclineFact,
    }
    /// Whoever referred the client, or the client, takes the referral back.
    WithdrawReferralInput {
        /// Which journey.
        journey: Id,
        /// Why.
        #[graphql(flatten)]
        fact: WithdrawalFact,
    }
    /// Somebody judged whether the client is eligible.
    AssessEligibilityInput {
        /// Which journey.
        journey: Id,
        /// What was found, and on which facts.
        #[graphql(flatten)]
        fact: EligibilityFact,
    }
    /// A worker takes the case.
    AssignWorkerInput {
        /// Which journey.
        journey: Id,
        /// Who, in which role.
        #[graphql(flatten)]
        fact: AssignmentFact,
    }
    /// A worker takes many cases of one contract, all of them or none. `expectedVersion` is not for many.
    AssignWorkersInput {
        /// Which journeys, at most 1,000.
        journeys: Vec<Id>,
        /// Who, in which role and until when.
        #[graphql(flatten)]
        fact: AssignmentFact,
    }
    /// A worker no longer holds the case: `occurredOn` is the first day on which they did not.
    ReleaseWorkerInput {
        /// Which journey.
        journey: Id,
        /// Who, of which role.
        #[graphql(flatten)]
        fact: ReleaseFact,
    }
}
