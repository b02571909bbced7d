//! Data quality in the API: what stops a case from counting or a claim from being paid, by rule, with the cases.
//!
//! Only the cases that the caller may see are flagged. The rules are in [`crate::queries::data_quality`].

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Result, SimpleObject};

use super::bounds::PageLength;
use super::claim::Claim;
use super::context::{self, OrFault as _, RequestContext as _};
use super::contract::Contract;
use super::cursor::{Cursors, PAGE_BEFORE};
use super::journey::{self, Journey};
use super::list::Source;
use super::money::Money;
use super::page::{self, Listed, Page};
use super::scalars::Date;
use crate::queries;
use crate::queries::claims::Claims;
use crate::queries::data_quality::{self, Flagged, Member};
use throughline_domain::fact::envelope::{ClaimId, JourneyId};

/// A rule of data quality, with what it flags on the cases that you may see.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct DataQuality {
    /// The code of the rule, such as `hours_unknown`, `evidence_missing:payslip` or `no_keyworker`.
    rule: String,
    /// What is wrong, and what to do.
    title: String,
    /// The number of cases, each counted once.
    cases: usize,
    /// The full price of the claims that the rule stops. Null if the rule is about cases alone. A claim that two rules
    /// stop is in both amounts.
    amount_at_risk: Option<Money>,
    #[graphql(skip)]
    flagged: Flagged,
    #[graphql(skip)]
    source: Arc<Source>,
    #[graphql(skip)]
    claims: Arc<Claims>,
}

#[ComplexObject]
impl DataQuality {
    /// The cases and claims that the rule flags, by day.
    async fn members(
        &self,
        ctx: &Context<'_>,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Result<Page<DataQualityMember>> {
        let cursors = Cursors::filtered("data quality", &format!("{} {}", self.rule, self.source.as_of), PAGE_BEFORE);
        let after = cursors.place(after.as_deref(), |parts| Some((parts.part()?, parts.text()?)))?;
        let all = &self.flagged.members;
        let skipped = after.map_or(0, |after: (chrono::NaiveDate, String)| {
            all.partition_point(|member| (member.day, identity(member)) <= after)
        });
        let (shown, more) = page::part(all, skipped, first);
        let journeys = shown.iter().filter_map(|member| member.journey);
        let cases = journey::case_histories(ctx, journeys, self.source.known).await?;
        let row = |member: &Member| {
            let cursor = cursors.cursor(format_args!("{}\n{}", member.day, identity(member)));
            (cursor, Some(self.member(member, &cases)))
        };
        let totals = DataQualityTotals { total_count: all.len() };
        Ok(Page::of(shown.iter().map(row), more, totals))
    }
}

/// What identifies a member among those of its day.
fn identity(member: &Member) -> String {
    let (journey, claim) = (member.journey.map(|id| id.to_string()), member.claim.map(|id| id.to_string()));
    format!("{} {}", journey.unwrap_or_default(), claim.unwrap_or_default())
}

/// A case or a claim that a rule of data quality flags.
#[derive(SimpleObject)]
pub struct DataQualityMember {
    /// The day that the rule is about: on which the outcome was achieved, the claim window ends or ended, the plan or
    /// the referral is dated, the case came to the caseload, or the last such contact was made.
    on: Date,
    /// The case. Null for a claim over several cases.
    journey: Option<Journey>,
    /// The claim. Null if the rule is about the case alone.
    claim: Option<Claim>,
    /// The full price of the claim. Null without a claim, and without a price.
    amount: Option<Money>,
}

/// A list of flagged cases and claims as a whole.
#[derive(SimpleObject)]
pub struct DataQualityTotals {
    /// The number of cases and claims on all pages.
    total_count: usize,
}

impl Listed for DataQualityMember {
    type Totals = DataQualityTotals;
    const PAGE: &'static str = "A page of the cases and claims that a rule flags, by day.";
    const EDGE: &'static str = "A flagged case or claim with its cursor.";
    const ONE: &'static str = "case or claim";
    const MANY: &'static str = "cases and claims";
}

impl DataQuality {
    /// What the rules flag on the cases of a contract that the caller may see.
    pub(super) async fn of(ctx: &Context<'_>, contract: &Contract) -> Result<Vec<Self>> {
        let (claims, rulebook) = (contract.contract_claims(ctx).await?, contract.rules()?);
        let (source, standing) = (contract.source(), context::standing(ctx).await?);
        let found = data_quality::flagged(contract.generation(), contract.scope(ctx)?, rulebook, claims).await;
        let found = found.or_fault()?;
        let cases = source.cases(ctx, &standing, None)?;
        let found = match queries::caseload_scope::shown(&ctx.caller().generation, cases).await.or_fault()? {
            Some(shown) => data_quality::within(found, &shown),
            None => found,
        };
        let source = Arc::new(source);
        let shown = found.into_iter().map(|flagged| Self {
            rule: flagged.rule.code(),
            title: flagged.rule.title(rulebook),
            cases: flagged.cases(),
            amount_at_risk: flagged.at_risk().map(|amount| Money::of(amount, claims.currency())),
            flagged,
            source: Arc::clone(&source),
            claims: Arc::clone(claims),
        });
        Ok(shown.collect())
    }

    fn member(&self, member: &Member, cases: &HashMap<JourneyId, Arc<journey::CaseHistory>>) -> DataQualityMember {
        let story = member.journey.and_then(|id| cases.get(&id));
        let claim = |claim: ClaimId| Claim::with_journey(&self.claims, claim, story.cloned());
        let case = |id: JourneyId| Some(Journey::beneath(&self.source, id, Arc::clone(story?)));
        DataQualityMember {
            on: Date(member.day),
            journey: member.journey.and_then(case),
            claim: member.claim.and_then(claim),
            amount: member.amount.map(|amount| Money::of(amount, self.claims.currency())),
        }
    }
}
