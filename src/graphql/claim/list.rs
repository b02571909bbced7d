//! Lists of claims: a filter, an order by day, and pages.
//!
//! A list shows the claims of cases that the caller may read. Claims for many cases together are shown only to a caller
//! who sees the whole contract. A cursor belongs to its list.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_graphql::{Context, Result, SimpleObject};
use chrono::NaiveDate;

use super::super::at::Known;
use super::super::bounds::PageLength;
use super::super::cursor;
use super::super::journey;
use super::super::known;
use super::super::list::PageInfo;
use super::super::money::Money;
use super::super::scalars::Position;
use super::super::selection::Selected;
use super::{Claim, ClaimStatus, earliest_on, readable};
use crate::queries::claims::{self, Claims};
use throughline_domain::fact::envelope::ClaimId;

/// A claim with its cursor.
#[derive(SimpleObject)]
pub struct ClaimEdge {
    /// The cursor of this claim. Pass it as `after` to get the claims that follow.
    cursor: String,
    /// The claim.
    node: Claim,
}

/// A page of claims, in the order of the days on which they were or will be achieved.
#[derive(SimpleObject)]
pub struct ClaimConnection {
    /// The claims of this page, each with its cursor.
    edges: Vec<ClaimEdge>,
    /// The claims of this page.
    nodes: Vec<Claim>,
    /// The cursors of this page, and whether there are more pages.
    page_info: PageInfo,
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
) -> Result<ClaimConnection> {
    known::outcome([&*contract_claims.contract], filter.outcome.as_deref())?;
    let list = format!("{} {}", filter.name(), contract_claims.asked.as_of);
    let after = after.as_deref().map(|cursor| place(cursor, &list)).transpose()?;
    let mut fitting: Vec<&claims::Claim> = contract_claims.claims.iter().filter(|claim| filter.fits(claim)).collect();
    keep_visible(ctx, contract_claims, &mut fitting).await?;
    fitting.sort_by_key(|claim| stands(claim));
    let total = fitting.iter().filter_map(|claim| claim.amount).sum();
    let total_count = fitting.len();
    let (rest, first) = (after.map_or(0, |after| fitting.partition_point(|claim| stands(claim) <= after)), first);
    let shown = &fitting[rest..fitting.len().min(rest + first.count())];
    let is_looked_into = {
        let asked = ctx.look_ahead();
        let nodes = [asked.field("nodes"), asked.field("edges").field("node")];
        nodes.iter().any(|node| node.field("journey").exists() || node.field("evidence").exists())
    };
    let stories = if is_looked_into {
        journey::stories(
            ctx,
            shown.iter().filter_map(|claim| claim.about.journey()).collect::<BTreeSet<_>>().into_iter(),
            Known(contract_claims.position),
        )
        .await?
    } else {
        HashMap::new()
    };
    let node = |of: &&claims::Claim| {
        let story = of.about.journey().and_then(|journey| stories.get(&journey)).cloned();
        Claim { contract_claims: Arc::clone(contract_claims), of: (*of).clone(), story }
    };
    let cursors: Vec<String> = shown.iter().map(|claim| cursor(stands(claim), &list)).collect();
    let page_info = PageInfo::of(&cursors, rest + shown.len() < total_count, rest > 0);
    let edges = cursors.into_iter().zip(shown);
    Ok(ClaimConnection {
        edges: edges.map(|(cursor, of)| ClaimEdge { cursor, node: node(of) }).collect(),
        nodes: shown.iter().map(node).collect(),
        page_info,
        total_count,
        total_amount: Money::of(total, contract_claims.currency()),
        position: Position(contract_claims.position),
        forecast: contract_claims.asked.as_of > contract_claims.asked.today,
    })
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

fn cursor((day, claim): Place, list: &str) -> String {
    cursor::of(&cursor::named("claims", list), format_args!("{day}\n{claim}"))
}

fn place(cursor: &str, list: &str) -> Result<Place> {
    cursor::place(cursor, &cursor::named("claims", list), cursor::SAME_FILTER, |place| {
        let (day, claim) = place.split_once('\n')?;
        let day = if day == NaiveDate::MAX.to_string() { NaiveDate::MAX } else { day.parse().ok()? };
        Some((day, ClaimId(claim.parse().ok()?)))
    })
}
