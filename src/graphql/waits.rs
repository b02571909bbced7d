//! Referral to plan in the API: the board of a contract, read from its view.

use async_graphql::{Context, Result};

use super::boards::{BoardBy, ReferralToPlan};
use super::context::OrFault as _;
use super::contract::Contract;
use super::period::{PeriodInput, period_of};
use super::small_counts;
use crate::queries::referral_to_plan;
use crate::queries::small_counts::PlanCounts;

/// The rows of the board. None if the rulebook does not measure it.
pub(super) async fn referral_to_plan(
    ctx: &Context<'_>,
    contract: &Contract,
    (by, period): (BoardBy, Option<PeriodInput>),
) -> Result<Option<Vec<ReferralToPlan>>> {
    let rulebook = contract.rules()?;
    let Some(measured) = &rulebook.referral_to_plan else { return Ok(None) };
    let by = match by {
        BoardBy::Area => referral_to_plan::By::Area,
        BoardBy::Whole => referral_to_plan::By::Whole,
    };
    let (generation, how) = (contract.generation(), (by, period_of(period)?));
    let rows = referral_to_plan::rows(generation, contract.scope(ctx)?, contract.day(), rulebook, how).await;
    let rows = rows.or_fault()?;
    let Some(rows) = rows else { return Ok(None) };
    let counts = if small_counts::are_hidden(ctx, &contract.source().code, rulebook) {
        PlanCounts::without_small(&rows)
    } else {
        rows.iter().map(PlanCounts::of).collect()
    };
    let shown = rows.into_iter().zip(counts);
    Ok(Some(shown.map(|row| ReferralToPlan::of(row, &measured.buckets)).collect()))
}
