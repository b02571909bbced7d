//! What a caller may record about a case or do with a claim, before they try. It checks the access policy of the
//! mutation and whether the state of the case or claim allows it.
//!
//! Values are not checked: codes, dates and ids are judged when the command arrives.

use std::sync::Arc;

use async_graphql::{Context, Object, SimpleObject};
use chrono::NaiveDate;

use super::context::RequestContext as _;
use super::journey::CaseHistory;
use super::mutation::input::batch::Verdict;
use crate::access::policy::{Action, policy};
use crate::access::relation::Relation;
use crate::queries::claims;
use throughline_domain::command::batches::LineAct;
use throughline_domain::contract::batch::BatchLine;
use throughline_domain::contract::outcome::Status;
use throughline_domain::fact::consistency::Change;
use throughline_domain::fact::envelope::Occurred;
use throughline_domain::fact::event::{AchievementRecorded, Event, PlanAgreed};
use throughline_domain::fact::refusal::{Refusal, RefusalCode};
use throughline_domain::journey::rules;

/// Whether you may do something and, if not, why.
#[derive(Debug, Clone, SimpleObject)]
pub struct Permission {
    /// Whether you may do it with today's date. For a closed case: also whether you may do it with a date on or before
    /// the close.
    allowed: bool,
    /// Why you may not, and what to do next. If you may only with an earlier date: the latest date allowed.
    reason: Option<String>,
}

/// What you may record about a case: dated today or, if the case is closed, dated on or before the close.
pub struct JourneyPermissions {
    /// The caller's relation to the case.
    pub(super) relation: Relation,
    /// The known case.
    pub(super) story: Arc<CaseHistory>,
    /// Today in the contract's time zone.
    pub(super) today: NaiveDate,
}

impl JourneyPermissions {
    /// Whether the caller may take an action and, if a sample fact is given, record a fact like it.
    pub(super) fn may(&self, ctx: &Context<'_>, action: Action, like: Option<&Event>) -> Permission {
        let not = |reason: String| Permission { allowed: false, reason: Some(reason) };
        if let Err(denied) = policy(&ctx.caller().principal, action, self.relation) {
            return not(denied.to_string());
        }
        let Some(fact) = like else { return Permission { allowed: true, reason: None } };
        match self.stands(self.today, fact) {
            Err(refusals) => {
                let reason = refusals.into_iter().map(|refusal| refusal.message).collect::<Vec<_>>().join("; ");
                // Facts dated before the close may be recorded after it.
                let is_late = self.closed_on().is_some_and(|on| self.stands(on, fact).is_ok());
                Permission { allowed: is_late, reason: Some(reason) }
            }
            Ok(()) => Permission { allowed: true, reason: None },
        }
    }

    /// Whether a fact dated on this day is consistent with the recorded ones.
    fn stands(&self, on: NaiveDate, fact: &Event) -> Result<(), Vec<Refusal>> {
        rules::check(self.story.history(), Change::Record(Occurred::on(on), fact))
    }

    /// The date of the close in force.
    fn closed_on(&self) -> Option<NaiveDate> {
        self.story.history().journey().closed().map(|close| close.occurred.earliest())
    }
}

/// What you may do with a claim, given the decisions on it. It does not check whether a batch is open for the claim.
pub struct ClaimPermissions {
    /// The present claim.
    pub(super) claim: claims::Claim,
    /// Its latest line in a batch.
    pub(super) line: Option<BatchLine>,
    /// Why another person must submit it.
    pub(super) kept_from_submitting: Option<Refusal>,
    /// Why another person must decide on it.
    pub(super) kept_from_deciding: Option<Refusal>,
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

    /// Whether this action is possible on its line.
    fn line_may(&self, act: LineAct) -> Result<(), Box<Refusal>> {
        let not_submitted = || {
            let message = format!("the claim {} was not submitted: submit it in a batch first", self.claim.claim);
            Box::new(Refusal::new(RefusalCode::BatchNotSubmitted, message))
        };
        self.line.as_ref().ok_or_else(not_submitted)?.may(act)
    }
}

/// What you may do with a claim, given the decisions on it. It does not check whether a batch is open for the claim.
#[Object]
impl ClaimPermissions {
    /// Submit the claim in an open batch.
    async fn submit_batch(&self, ctx: &Context<'_>) -> Permission {
        self.may(ctx, Action::ClaimOutcomes, |of| {
            of.claim.submittable()?;
            apart(of.kept_from_submitting.as_ref())
        })
    }

    /// Submit the claim again.
    async fn resubmit_claim(&self, ctx: &Context<'_>) -> Permission {
        self.may(ctx, Action::ClaimOutcomes, |of| {
            of.line_may(LineAct::Resubmit)?;
            if of.claim.status != Status::Queried {
                of.claim.submittable()?;
            }
            apart(of.kept_from_submitting.as_ref())
        })
    }

    /// Withdraw the claim before a decision.
    async fn withdraw_claim(&self, ctx: &Context<'_>) -> Permission {
        self.may(ctx, Action::ClaimOutcomes, |of| of.line_may(LineAct::Withdraw))
    }

    /// Accept, query or reject the claim. The argument selects one decision. Default: any decision that is still
    /// possible.
    async fn decide_claim(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The decision. Default: any decision that is still possible.")] decision: Option<Verdict>,
    ) -> Permission {
        let act = match decision {
            Some(Verdict::Accept) => LineAct::Accept,
            Some(Verdict::Query) => LineAct::Query,
            Some(Verdict::Reject) | None => LineAct::Reject,
        };
        self.may(ctx, Action::DecideClaims, |of| {
            of.line_may(act)?;
            apart(of.kept_from_deciding.as_ref())
        })
    }

    /// Record a payment for the claim.
    async fn record_payment(&self, ctx: &Context<'_>) -> Permission {
        self.may(ctx, Action::SettleClaims, |of| of.line_may(LineAct::Pay))
    }

    /// Raise an adjustment of the claim in an open batch.
    async fn raise_adjustment(&self, ctx: &Context<'_>) -> Permission {
        self.may(ctx, Action::SettleClaims, |of| of.line_may(LineAct::Adjust))
    }
}

/// Refuses a step that another person must do.
fn apart(kept: Option<&Refusal>) -> Result<(), Box<Refusal>> {
    kept.map_or(Ok(()), |refusal| Err(Box::new(refusal.clone())))
}

/// A sample fact of the work with the client. Such facts end with the close.
pub(super) const fn work() -> PlanAgreed {
    PlanAgreed { kind: String::new(), actions: Vec::new(), note: None }
}

/// A sample fact about outcomes. Such facts may follow the close.
pub(super) const fn outcome() -> AchievementRecorded {
    AchievementRecorded { code: String::new(), level: None }
}
