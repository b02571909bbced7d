//! Retention in the API: who is due to be erased under the periods of a contract, and what stands against it.
//!
//! It only lists. Proposing and approving an erasure are mutations.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use chrono::NaiveDate;

use super::bounds::PageLength;
use super::context::{OrFault as _, RequestContext as _};
use super::cursor::{Cursors, SAME_FILTER};
use super::page::{Listed, More, Page};
use super::people::ErasureGround;
use super::scalars::Date;
use crate::access::{InScope, Scope};
use crate::queries::retention::{self, Due, Place};
use throughline_domain::contract::Contract;
use throughline_domain::contract::retention::{Keeps, RunningPeriod};
use throughline_domain::fact::envelope::SubjectId;
use throughline_domain::fact::sealed::Class;
use throughline_domain::people::subject::{Erasure, Hold};
use throughline_gateway::Code;

/// A class of data about a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Class")]
pub enum DataClass {
    /// Names, birth date, contact details and numbers.
    Identity,
    /// Notes, agreed actions, needs and evidence files.
    Special,
}

/// A retention period that is over.
#[derive(Debug, Clone, SimpleObject)]
pub struct RetentionPeriodOver {
    /// The class of data.
    class: DataClass,
    /// The first day on which the data need not be kept any more.
    over_since: Date,
    /// The length of the period in months.
    months: u32,
    /// The source of the period, such as a clause of the contract. Null if no source states it.
    source: Option<String>,
    /// Whether the period is an illustration that no source states. Do not erase anyone by it.
    illustrative: bool,
}

impl From<&RunningPeriod> for RetentionPeriodOver {
    fn from(RunningPeriod { period, over_on }: &RunningPeriod) -> Self {
        Self {
            class: period.class.into(),
            over_since: Date(*over_on),
            months: period.months,
            source: period.source.clone(),
            illustrative: period.illustrative,
        }
    }
}

/// The reason for which a contract keeps the data of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum KeptBecause {
    /// The person has an open case there, or a partner's referral of the person waits for a decision.
    OpenCase,
    /// The contract has no retention period for one of the classes.
    NoPeriod,
    /// A retention period is not over there.
    PeriodRuns,
}

/// A contract that still keeps the data of a person.
#[derive(Debug, Clone, SimpleObject)]
pub struct KeptByContract {
    /// The code of the contract. Null if the contract is not in your scope.
    contract: Option<String>,
    /// The reason.
    because: KeptBecause,
    /// The first day on which the contract no longer keeps it. Null while this is not known.
    until: Option<Date>,
}

impl KeptByContract {
    fn of(kept: &retention::KeptBy, scope: &Scope) -> Self {
        let (because, until) = match kept.keeps {
            Keeps::OpenCase => (KeptBecause::OpenCase, None),
            Keeps::NoPeriod => (KeptBecause::NoPeriod, None),
            Keeps::Until(day) => (KeptBecause::PeriodRuns, Some(Date(day))),
        };
        let contract = scope.contract(&kept.contract).map(|_| kept.contract.clone());
        Self { contract, because, until }
    }
}

/// A legal hold that stands against an erasure.
#[derive(Debug, Clone, SimpleObject)]
pub struct StandingHold {
    /// The id of the hold. Use it to lift the hold.
    hold: ID,
    /// The day from which it applies.
    placed_on: Date,
    /// The reason.
    reason: String,
}

impl From<&Hold> for StandingHold {
    fn from(Hold { placed, .. }: &Hold) -> Self {
        Self {
            hold: ID(placed.details.hold.to_string()),
            placed_on: Date(placed.occurred.earliest()),
            reason: placed.details.reason.clone(),
        }
    }
}

/// An erasure that was proposed and is not approved yet.
#[derive(Debug, Clone, SimpleObject)]
pub struct ProposedErasure {
    /// The id of the event that proposed it. An approval names it.
    event: ID,
    /// The ground.
    ground: ErasureGround,
    /// The day of the proposal.
    proposed_on: Date,
}

impl From<&Erasure> for ProposedErasure {
    fn from(Erasure { proposed, .. }: &Erasure) -> Self {
        Self {
            event: ID(proposed.event_id.to_string()),
            ground: proposed.details.ground.into(),
            proposed_on: Date(proposed.occurred.earliest()),
        }
    }
}

/// A person whose data is due to be erased under a retention period of a contract.
#[derive(Debug, Clone, SimpleObject)]
pub struct RetentionDue {
    /// The id of the subject. Use it to propose the erasure.
    subject: ID,
    /// The last day of the person's last case in the contract. Periods are counted from it. A partner's referral without a
    /// case ends on the day of the decision on it.
    ended_on: Date,
    /// The periods that are over, one for each class.
    over: Vec<RetentionPeriodOver>,
    /// The contracts that still keep the person's data, by code: other contracts, or this one for another class.
    kept_by: Vec<KeptByContract>,
    /// The legal holds that stand against an erasure, oldest first.
    holds: Vec<StandingHold>,
    /// Whether nothing stands against an erasure: no contract keeps the data, and there is no legal hold. An erasure is
    /// always of the whole person.
    erasable: bool,
    /// The erasure that was proposed, if one was.
    proposed: Option<ProposedErasure>,
}

impl RetentionDue {
    fn of(due: &Due, scope: &Scope) -> Self {
        Self {
            subject: ID(due.subject.to_string()),
            ended_on: Date(due.ended_on),
            over: due.over.iter().map(Into::into).collect(),
            kept_by: due.kept_by.iter().map(|kept| KeptByContract::of(kept, scope)).collect(),
            holds: due.holds.iter().map(Into::into).collect(),
            erasable: due.may_be_erased(),
            proposed: due.proposed.as_ref().map(Into::into),
        }
    }
}

impl Listed for RetentionDue {
    type Totals = RetentionDueTotals;
    const PAGE: &'static str = "A page of people who are due to be erased, in the order in which their cases ended.";
    const EDGE: &'static str = "A person who is due to be erased, with its cursor.";
    const ONE: &'static str = "person";
    const MANY: &'static str = "people";
}

/// The list of people who are due as a whole.
pub struct RetentionDueTotals {
    contract: String,
    on: NaiveDate,
}

#[Object]
impl RetentionDueTotals {
    /// The number of people on all pages. It is counted only when this field is requested.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<usize> {
        let (scope, contract) =
            known(ctx, &self.contract).ok_or_else(|| Code::Forbidden.error("this contract is not in your scope"))?;
        let Some(rulebook) = contract.newest_rulebook() else { return Ok(0) };
        let (mut counted, mut after) = (0, None);
        loop {
            let from = (&ctx.app().log, &*ctx.caller().generation);
            let part = retention::due(from, (scope, rulebook), self.on, (after, usize::MAX)).await.or_fault()?;
            counted += part.people.len();
            after = part.searched_to;
            if !part.has_more {
                return Ok(counted);
            }
        }
    }
}

/// A contract in the caller's scope.
fn known<'c>(ctx: &'c Context<'_>, code: &'c str) -> Option<(InScope<'c>, Arc<Contract>)> {
    let scope = ctx.in_scope(code)?;
    Some((scope, ctx.caller().generation.contract_state(scope)?))
}

/// A page of the people who are due on a day; none if the contract is not in the caller's scope.
pub(super) async fn due(
    ctx: &Context<'_>,
    contract: String,
    day: Option<Date>,
    (first, after): (PageLength, Option<String>),
) -> Result<Option<Page<RetentionDue>>> {
    let Some((scope, state)) = known(ctx, &contract) else { return Ok(None) };
    let on = day.map_or_else(|| ctx.today(&state), |day| day.0);
    let cursors = Cursors::filtered("retention", &format!("{contract} {on}"), SAME_FILTER);
    let place: Option<Place> = cursors.place(after.as_deref(), |parts| {
        let ended_on: NaiveDate = parts.part()?;
        Some((ended_on, SubjectId(parts.part()?)))
    })?;
    let totals = RetentionDueTotals { contract: contract.clone(), on };
    let Some(rulebook) = state.newest_rulebook() else {
        return Ok(Some(Page::of([], More { before: place.is_some(), after: false }, totals)));
    };
    let from = (&ctx.app().log, &*ctx.caller().generation);
    let part = retention::due(from, (scope, rulebook), on, (place, first.count())).await.or_fault()?;
    let cursor = |(ended_on, subject): Place| cursors.cursor(format_args!("{ended_on}\n{subject}"));
    let visible = &ctx.caller().principal.scope;
    let rows = part.people.iter().map(|(place, due)| (cursor(*place), Some(RetentionDue::of(due, visible))));
    let more = More { before: place.is_some(), after: part.has_more };
    Ok(Some(Page::of(rows, more, totals).searched_to(part.searched_to.map(cursor))))
}
