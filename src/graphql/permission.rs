//! What somebody may record about a journey, or do with a claim, before they try: the policy that guards the mutation,
//! and the ground that its fact would stand on.
//!
//! It promises nothing about values: codes, dates and ids are judged when the command comes.

use std::sync::Arc;

use async_graphql::{Context, Object, SimpleObject};
use chrono::NaiveDate;

use super::context::Asked as _;
use super::journey::Story;
use super::mutation::input::batch::Verdict;
use crate::access::policy::{Action, policy};
use crate::access::relation::Relation;
use crate::views::claims;
use throughline_domain::command::batches::LineAct;
use throughline_domain::contract::batch::BatchLine;
use throughline_domain::contract::outcome::Status;
use throughline_domain::fact::consistency::Change;
use throughline_domain::fact::envelope::Occurred;
use throughline_domain::fact::event::{
    AchievementRecorded, Event, JourneyClosed, JourneyReopened, JourneyTransferred, PlanAgreed, ReferralAccepted,
    ReferralDeclined, ReferralWithdrawn,
};
use throughline_domain::fact::refusal::{Refusal, RefusalCode};
use throughline_domain::journey::rules;

/// Whether you may do something, and why not.
#[derive(Debug, Clone, SimpleObject)]
pub struct Permission {
    /// Whether you may, dated today; where the journey is closed, also whether you may on or before the day of its close.
    allowed: bool,
    /// Why not, and what to do next; where you may, but not dated today, by when.
    reason: Option<String>,
}

/// What you may record about a journey, dated today or, where it is closed, by its close.
pub struct JourneyPermissions {
    /// What the caller is to the journey.
    pub(super) relation: Relation,
    /// The journey as it is known.
    pub(super) story: Arc<Story>,
    /// Today in its contract.
    pub(super) today: NaiveDate,
}

impl JourneyPermissions {
    fn may(&self, ctx: &Context<'_>, action: Action, like: Option<&Event>) -> Permission {
        let not = |reason: String| Permission { allowed: false, reason: Some(reason) };
        if let Err(denied) = policy(&ctx.caller().principal, action, self.relation) {
            return not(denied.to_string());
        }
        let Some(fact) = like else { return Permission { allowed: true, reason: None } };
        match self.stands(self.today, fact) {
            Err(refusals) => {
                let reason = refusals.into_iter().map(|refusal| refusal.message).collect::<Vec<_>>().join("; ");
                // What was so before the close may be written down after it.
                let is_late = self.closed_on().is_some_and(|on| self.stands(on, fact).is_ok());
                Permission { allowed: is_late, reason: Some(reason) }
            }
            Ok(()) => Permission { allowed: true, reason: None },
        }
    }

    /// Whether a fact of a day would stand beside the recorded ones.
    fn stands(&self, on: NaiveDate, fact: &Event) -> Result<(), Vec<Refusal>> {
        rules::check(self.story.history(), Change::Record(Occurred::on(on), fact))
    }

    /// The day of the close that stands.
    fn closed_on(&self) -> Option<NaiveDate> {
        self.story.history().journey().closed().map(|close| close.occurred.earliest())
    }
}

/// What you may do with a claim, as things were decided of it. Whether a batch is open for it is not said.
pub struct ClaimPermissions {
    /// The claim as it stands.
    pub(super) claim: claims::Claim,
    /// Its newest line in a batch.
    pub(super) line: Option<BatchLine>,
}

impl ClaimPermissions {
    fn may(
        &self,
        ctx: &Context<'_>,
        action: Action,
        stands: impl FnOnce(&Self) -> Result<(), Box<Refusal>>,
    ) -> Permission {
        let denied = policy(&ctx.caller().principal, action, Relation::Contract).err().map(|denied| denied.to_string());
        let reason = denied.or_else(|| stands(self).err().map(|refusal| refusal.message));
        Permission { allowed: reason.is_none(), reason }
    }

    /// Whether this may be done with its line.
    fn line_may(&self, act: LineAct) -> Result<(), Box<Refusal>> {
        let not_submitted = || {
            let message = format!("the claim {} was not submitted: submit it in a batch first", self.claim.claim);
            Box::new(Refusal::new(RefusalCode::BatchNotSubmitted, message))
        };
        self.line.as_ref().ok_or_else(not_submitted)?.may(act)
    }
}

/// What you may do with a claim, as things were decided of it. Whether a batch is open for it is not said.
#[Object]
impl ClaimPermissions {
    /// Submit it in an open batch.
    async fn submit_batch(&self, ctx: &Context<'_>) -> Permission {
        self.may(ctx, Action::ClaimOutcomes, |of| of.claim.submittable())
    }

    /// Submit it again.
    async fn resubmit_claim(&self, ctx: &Context<'_>) -> Permission {
        self.may(ctx, Action::ClaimOutcomes, |of| {
            of.line_may(LineAct::Resubmit)?;
            if of.claim.status == Status::Queried { Ok(()) } else { of.claim.submittable() }
        })
    }

    /// Take it back before it is decided.
    async fn withdraw_claim(&self, ctx: &Context<'_>) -> Permission {
        self.may(ctx, Action::ClaimOutcomes, |of| of.line_may(LineAct::Withdraw))
    }

    /// Accept, query or reject it: this decision, or whatever of them is left where none is named.
    async fn decide_claim(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only this decision.")] decision: Option<Verdict>,
    ) -> Permission {
        let act = match decision {
            Some(Verdict::Accept) => LineAct::Accept,
            Some(Verdict::Query) => LineAct::Query,
            Some(Verdict::Reject) | None => LineAct::Reject,
        };
        self.may(ctx, Action::DecideClaims, |of| of.line_may(act))
    }

    /// Record what was paid for it.
    async fn record_payment(&self, ctx: &Context<'_>) -> Permission {
        self.may(ctx, Action::SettleClaims, |of| of.line_may(LineAct::Pay))
    }

    /// Decide, in an open batch, that more or less is due for it.
    async fn raise_adjustment(&self, ctx: &Context<'_>) -> Permission {
        self.may(ctx, Action::SettleClaims, |of| of.line_may(LineAct::Adjust))
    }
}

/// A fact of the work with the client, which ends with the close.
#[expect(clippy::unnecessary_wraps, reason = "of some mutations there is nothing like them")]
fn work() -> Option<Event> {
    Some(PlanAgreed { kind: String::new() }.into())
}

/// A fact of what becomes of the client, which may follow the close.
#[expect(clippy::unnecessary_wraps, reason = "of some mutations there is nothing like them")]
fn outcome() -> Option<Event> {
    Some(AchievementRecorded { code: String::new(), level: None }.into())
}

/// Declares a field for each mutation: its action, and a fact that stands on the same ground.
macro_rules! permissions {
    ($($(#[$doc:meta])* $field:ident: $action:ident, $like:expr;)*) => {
        /// What you may record about a journey, dated today or, where it is closed, by its close.
        #[Object]
        impl JourneyPermissions {
            $(
                $(#[$doc])*
                async fn $field(&self, ctx: &Context<'_>) -> Permission {
                    self.may(ctx, Action::$action, $like.as_ref())
                }
            )*
        }
    };
}

permissions! {
    /// Take the client on.
    accept_referral: RecordFacts, Some(ReferralAccepted {}.into());
    /// Not take the client on.
    decline_referral: RecordFacts, Some(ReferralDeclined { reason: String::new() }.into());
    /// Record that the referral was taken back.
    withdraw_referral: RecordFacts, Some(ReferralWithdrawn { reason: String::new() }.into());
    /// Judge whether the client is eligible.
    assess_eligibility: RecordFacts, work();
    /// Give the case to a worker.
    assign_worker: RecordFacts, work();
    /// Take the case from a worker.
    release_worker: RecordFacts, work();
    /// Book an appointment.
    book_appointment: RecordFacts, work();
    /// Move an appointment.
    move_appointment: RecordFacts, work();
    /// Cancel an appointment.
    cancel_appointment: RecordFacts, outcome();
    /// Log a contact.
    log_contact: RecordFacts, work();
    /// Record that the client engages.
    start_engagement: RecordFacts, work();
    /// Agree a plan.
    agree_plan: RecordFacts, work();
    /// Review a plan.
    review_plan: RecordFacts, work();
    /// Close a plan.
    close_plan: RecordFacts, work();
    /// Set a task.
    set_task: RecordFacts, work();
    /// Record that a task was done.
    complete_task: RecordFacts, work();
    /// Cancel a task.
    cancel_task: RecordFacts, work();
    /// Score an assessment.
    score_assessment: RecordFacts, outcome();
    /// Start a job, home, placement or course.
    start_spell: RecordFacts, outcome();
    /// Record what became otherwise in a spell.
    change_spell: RecordFacts, outcome();
    /// End a spell.
    end_spell: RecordFacts, outcome();
    /// Record a measure.
    record_measure: RecordFacts, outcome();
    /// Record an achievement.
    record_achievement: RecordFacts, outcome();
    /// Raise a risk.
    raise_risk: RecordFacts, outcome();
    /// Clear a risk.
    clear_risk: RecordFacts, outcome();
    /// Attach evidence.
    attach_evidence: RecordFacts, outcome();
    /// Take evidence back.
    withdraw_evidence: RecordFacts, outcome();
    /// Find evidence good.
    verify_evidence: RecordFacts, outcome();
    /// Find evidence wanting.
    reject_evidence: RecordFacts, outcome();
    /// Record that the client no longer engages.
    disengage: RecordFacts, work();
    /// Close the case.
    close_journey: RecordFacts, Some(JourneyClosed { reason: String::new(), destination: None }.into());
    /// Open the case again.
    reopen_journey: RecordFacts, Some(JourneyReopened { reason: String::new() }.into());
    /// Give the case to another contract or service.
    transfer_journey: RecordFacts,
        Some(JourneyTransferred { reason: String::new(), destination: String::new() }.into());
    /// Correct a fact.
    correct_fact: CorrectFacts, None::<Event>;
    /// Take facts back that never were so.
    retract_fact: CorrectFacts, None::<Event>;
}
