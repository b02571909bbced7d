//! Lists of claims: a filter, an order by day, and pages.
//!
//! A list shows the claims of cases that the caller may read. Claims for many cases together are shown only to a caller
//! who sees the whole contract. A cursor belongs to its list.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_graphql::{Context, Result, SimpleObject};
use chrono::NaiveDate;

use super::super::bounds::PageLength;
use super::super::cursor::{Cursors, SAME_FILTER};
use super::super::filter_checks;
use super::super::journey;
use super::super::money::Money;
use super::super::page::{self, Listed, Page};
use super::super::point_in_time::KnownUpTo;
use super::super::scalars::Position;
use super::super::selection::Selected;
use super::{Claim, ClaimStatus, earliest_on, readable};
use crate::queries::claims::{self, Claims};
use throughline_domain::fact::envelope::ClaimId;

impl Listed for Claim {
    type Totals = ClaimTotals;
    const PAGE: &'static str = "A page of claims, in the order of the days on which they were or will be achieved.";
    const EDGE: &'static str = "A claim with its cursor.";
    const ONE: &'static str = "claim";
    const MANY: &'static str = "claims";
}

/// A list of claims as a whole.
#[derive(SimpleObject)]
pub struct ClaimTotals {
    /// The number of claims on all pages.
    total_count: usize,
    /// The total amount of the claims on all pages that have an amount.
    total_amount: Money,
    /// The position of the log up to which the claims are judged. Name it when you submit a batch.
    position: Position,
    /// Whether the as-of date lies in the future. In a forecast nothing can be claimed, and open spells are assumed to
    /// continue.
    forecast: bool,
}

/// Which claims to return.
#[derive(Debug, Clone, Default)]
pub(in crate::graphql) struct ClaimFilter {
    pub(in crate::graphql) status: Option<Vec<ClaimStatus>>,
    pub(in crate::graphql) outcome: Option<String>,
    pub(in crate::graphql) selected: Selected,
}

impl ClaimFilter {
    /// Only the claims that can be claimed, among these.
    pub(in crate::graphql) fn claimable(selected: Selected) -> Self {
        Self { status: Some(vec![ClaimStatus::Claimable]), outcome: None, selected }
    }

    /// The filter as text, for the name of the list.
    fn name(&self) -> String {
        format!("{:?} {:?}{}", self.status, self.outcome, self.selected.name())
    }

    fn fits(&self, claim: &claims::Claim) -> bool {
        let status = ClaimStatus::from(claim.status);
        self.status.as_ref().is_none_or(|wanted| wanted.contains(&status))
            && self.outcome.as_ref().is_none_or(|outcome| claim.outcome == *outcome)
            && self.selected.fits(claim, claim.achieved_on())
    }
}

/// The sort key of a claim: its day, then its id.
type Place = (NaiveDate, ClaimId);

fn stands(claim: &claims::Claim) -> Place {
    let day = claim.achieved_on().or(earliest_on(&claim.state)).unwrap_or(NaiveDate::MAX);
    (day, claim.claim)
}

/// A page of a contract's claims, limited to those the caller may see.
pub(in crate::graphql) async fn page(
    ctx: &Context<'_>,
    contract_claims: &Arc<Claims>,
    filter: ClaimFilter,
    (first, after): (PageLength, Option<String>),
) -> Result<Page<Claim>> {
    filter_checks::outcome([&*contract_claims.contract], filter.outcome.as_deref())?;
    let list = format!("{} {}", filter.name(), contract_claims.asked.as_of);
    let cursors = Cursors::filtered("claims", &list, SAME_FILTER);
    let after: Option<Place> = cursors.place(after.as_deref(), |parts| Some((parts.part()?, parts.part()?)))?;
    let mut fitting: Vec<&claims::Claim> = contract_claims.claims.iter().filter(|claim| filter.fits(claim)).collect();
    keep_visible(ctx, contract_claims, &mut fitting).await?;
    fitting.sort_by_key(|claim| stands(claim));
    let total = fitting.iter().filter_map(|claim| claim.amount).sum();
    let skipped = after.map_or(0, |after| fitting.partition_point(|claim| stands(claim) <= after));
    let (shown, more) = page::part(&fitting, skipped, first);
    let is_looked_into = {
        let asked = ctx.look_ahead();
        let nodes = [asked.field("nodes"), asked.field("edges").field("node")];
        nodes.iter().any(|node| node.field("journey").exists() || node.field("evidence").exists())
    };
    let stories = if is_looked_into {
        journey::case_histories(
            ctx,
            shown.iter().filter_map(|claim| claim.about.journey()).collect::<BTreeSet<_>>().into_iter(),
            KnownUpTo(contract_claims.position),
        )
        .await?
    } else {
        HashMap::new()
    };
    let row = |of: &&claims::Claim| {
        let story = of.about.journey().and_then(|journey| stories.get(&journey)).cloned();
        let (day, claim) = stands(of);
        let cursor = cursors.cursor(format_args!("{day}\n{claim}"));
        (cursor, Some(Claim { contract_claims: Arc::clone(contract_claims), of: (*of).clone(), story }))
    };
    let totals = ClaimTotals {
        total_count: fitting.len(),
        total_amount: Money::of(total, contract_claims.currency()),
        position: Position(contract_claims.position),
        forecast: contract_claims.asked.as_of > contract_claims.asked.today,
    };
    Ok(Page::of(shown.iter().map(row), more, totals))
}

/// Keeps the claims of cases that the caller may read.
async fn keep_visible(ctx: &Context<'_>, contract_claims: &Claims, claims: &mut Vec<&claims::Claim>) -> Result<()> {
    let code = contract_claims.contract.code().unwrap_or_default();
    let journeys = claims.iter().filter_map(|claim| claim.about.journey());
    if let Some(readable) = readable(ctx, code, journeys).await? {
        claims.retain(|claim| claim.about.journey().is_some_and(|journey| readable.contains(&journey)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_of_a_claim_without_a_day_reads_back() {
        let cursors = Cursors::of("claims");
        let place: Place = (NaiveDate::MAX, ClaimId(uuid::Uuid::from_u128(7)));
        let cursor = cursors.cursor(format_args!("{}\n{}", place.0, place.1));
        let found = cursors.place(Some(&cursor), |parts| Some((parts.part()?, parts.part()?)));
        assert_eq!(found.expect("its own cursor"), Some(place));
    }
}
