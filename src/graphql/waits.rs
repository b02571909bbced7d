//! Referral to plan in the API: the board of a contract, read from its view.

use async_graphql::{Context, Result};

use super::boards::{BoardBy, ReferralToPlan};
use super::context::OrFault as _;
use super::contract::Contract;
use super::period::{PeriodInput, period_of};
use crate::queries::referral_to_plan;

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
    Ok(rows.map(|rows| rows.into_iter().map(|row| ReferralToPlan::of(row, &measured.buckets)).collect()))
}
