//! Outcomes and prices in the API: what was achieved, submitted and paid by group, and at which price.
//!
//! The numbers are those of [`crate::queries::claims_by_outcome`] and [`crate::queries::prices`]. This module only
//! shapes the response.

use async_graphql::{Context, Enum, Result, SimpleObject};

use super::contract::Contract;
use super::fault::fault;
use super::figures::{self, Figure, Shown, TargetComparison};
use super::money::Money;
use super::performance::{period_asked, starts_on};
use super::period::{FigurePeriod, PeriodInput};
use super::scalars::{Date, Decimal};
use super::small_counts;
use crate::queries::claims_by_outcome::{self, Amounts, By, ClaimGroup};
use crate::queries::measures::OfContract;
use crate::queries::prices::{self, AtPrice, PriceRow};
use crate::queries::small_counts::{self as hidden, OutcomeCounts};
use throughline_domain::contract::Rulebook;
use throughline_domain::performance::comparison::Comparison;
use throughline_domain::performance::figure::Figure as Value;
use throughline_domain::performance::fraction::OutOfRange;
use throughline_domain::performance::measure::{Unit, measure};

/// How to break down outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "By")]
pub enum OutcomesBy {
    /// One row for each cohort.
    Cohort,
    /// One row for each service area.
    Area,
    /// One row for each month with a claim: of the achievement for what was achieved, of the first submission for
    /// everything else.
    Month,
    /// One row for the whole contract.
    Whole,
}

/// The outcomes of a contract in a period. Outcomes count by the day of achievement; submissions, decisions and payments
/// by the day of the first submission of their claim.
#[derive(SimpleObject)]
pub struct OutcomeBoard {
    /// The period.
    period: FigurePeriod,
    /// Each outcome, in the order of the rulebook.
    outcomes: Vec<OutcomeRows>,
    /// The sums of the amounts of all rows. Null if a number of claims is hidden.
    amounts: Option<OutcomeAmounts>,
    /// What was received beyond everything due, and is not settled, in all batches to date. It is part of no other
    /// amount.
    overpaid: Money,
}

/// One outcome with its rows.
#[derive(SimpleObject)]
pub struct OutcomeRows {
    /// The code of the outcome.
    code: String,
    /// The title of the outcome.
    title: String,
    /// The rows.
    rows: Vec<OutcomeRow>,
}

/// The claims of one outcome in one group.
#[derive(SimpleObject)]
pub struct OutcomeRow {
    /// The group.
    group: OutcomeGroup,
    /// The claims achieved by the facts. This and the other numbers of the row are null where they are hidden because they
    /// count few claims, or would say something about them.
    achieved: Option<u64>,
    /// The claims submitted, rejected ones too. A claim that was submitted again counts once.
    submitted: Option<u64>,
    /// The claims whose last decision is a rejection.
    rejected: Option<u64>,
    /// The claims that were accepted, paid ones too.
    accepted: Option<u64>,
    /// The claims that were paid in full.
    paid: Option<u64>,
    /// The claims that were paid and taken back.
    reversed: Option<u64>,
    /// Their amounts. Null if a number of claims is hidden, because it would follow from the price.
    amounts: Option<OutcomeAmounts>,
    /// The number that the rates are a share of, such as starters. Null if the rulebook names no measure.
    base: Option<Figure>,
    /// The submitted claims as a share of it, rejected ones too, so that cohorts can be compared.
    rate: Option<Figure>,
    /// The submitted claims that were neither rejected nor taken back, as a share of it.
    rate_without_rejected: Option<Figure>,
    /// The number of submitted claims that were neither rejected nor taken back, against the target of each profile.
    /// Only for a service area, a cohort or the whole contract.
    targets: Vec<TargetComparison>,
    /// Their value, against the target times the price on the last day of the period.
    target_values: Vec<TargetComparison>,
}

/// The claims that a row counts.
#[derive(SimpleObject)]
pub struct OutcomeGroup {
    /// The label on boards.
    label: String,
    /// The code of the cohort. Null if the row is not for a cohort, and for cases without one.
    cohort: Option<String>,
    /// The code of the service area. Null if the row is not for an area.
    area: Option<String>,
    /// The first day of the month. Null if the row is not for a month.
    month: Option<Date>,
}

/// Amounts of claims.
#[derive(SimpleObject)]
pub struct OutcomeAmounts {
    /// What is due, or would be due, for everything achieved.
    achieved: Money,
    /// What is due for everything submitted that was neither rejected nor taken back.
    evidenced: Money,
    /// What is due for everything accepted, with its adjustments.
    entitled: Money,
    /// What was received for these claims and their adjustments.
    received: Money,
}

/// A price of an outcome, and what was achieved at it in a period.
#[derive(SimpleObject)]
pub struct OutcomePrice {
    /// The code of the outcome.
    outcome: String,
    /// The title of the outcome.
    title: String,
    /// The only service area that it is for. Null: any.
    area: Option<String>,
    /// The only cohort that it is for. Null: any.
    cohort: Option<String>,
    /// The tariff, as the rulebook states it.
    tariff: Decimal,
    /// The number that the tariff is multiplied by, such as a weight for a province.
    multiplier: Decimal,
    /// The price of one unit: the tariff times the multiplier, rounded as the rulebook says. Null if it is out of range.
    unit_price: Option<Decimal>,
    /// The currency, as an ISO 4217 code.
    currency: String,
    /// The first day of achievement that it is for. Null: any.
    from: Option<Date>,
    /// The last day of achievement that it is for. Null: any.
    to: Option<Date>,
    /// The last unit that it is for. Null: any number.
    up_to: Option<u32>,
    /// Whether no source states it.
    illustrative: bool,
    /// The units achieved at it in the period. Null for one of several prices by volume, and where the number is hidden
    /// because it is small, or would give away one that is.
    units: Option<Decimal>,
    /// The amount of the claims for these units. Null where `units` is.
    amount: Option<Money>,
}

/// The outcomes of a contract.
pub(super) async fn board(
    ctx: &Context<'_>,
    contract: &Contract,
    (by, period): (OutcomesBy, Option<PeriodInput>),
) -> Result<OutcomeBoard> {
    let (source, rulebook) = (contract.source(), contract.rules()?);
    let period = period_asked(&source, rulebook, period)?;
    let record = source.contract_state.contract_record(source.as_of);
    let of = OfContract { rulebook, record: &record, starts_on: starts_on(&source) };
    let claims = contract.contract_claims(ctx).await?;
    let how = (by.into(), period);
    let found = claims_by_outcome::table(&source.generation, contract.scope(ctx)?, of, claims, how).await;
    let found = found.map_err(|error| figures::refused(&error))?;
    let is_hidden = small_counts::are_hidden(ctx, &source.code, rulebook);
    let shown: Vec<Vec<OutcomeCounts>> = found.outcomes.iter().map(|of| OutcomeCounts::of(of, is_hidden)).collect();
    let is_whole = shown.iter().flatten().all(OutcomeCounts::are_whole);
    let outcomes = found.outcomes.iter().zip(&shown);
    let outcomes = outcomes.map(|(outcome, counts)| OutcomeRows::of(outcome, counts, rulebook));
    Ok(OutcomeBoard {
        period: FigurePeriod::of(&period, source.as_of),
        outcomes: outcomes.collect::<Result<_, _>>().map_err(|error| fault(&error))?,
        amounts: is_whole.then(|| OutcomeAmounts::of(&found.amounts, &rulebook.currency)),
        overpaid: Money::of(found.overpaid, &rulebook.currency),
    })
}

/// The prices of a contract. Claims are judged only if units or amounts are requested.
pub(super) async fn prices(
    ctx: &Context<'_>,
    contract: &Contract,
    period: Option<PeriodInput>,
) -> Result<Vec<OutcomePrice>> {
    let (source, rulebook) = (contract.source(), contract.rules()?);
    let period = period_asked(&source, rulebook, period)?;
    let looks_at = |field| ctx.look_ahead().field(field).exists();
    let claims =
        if looks_at("units") || looks_at("amount") { Some(contract.contract_claims(ctx).await?) } else { None };
    let rows = prices::in_force(rulebook, source.as_of).into_iter();
    let rows = rows.map(|row| {
        let at_price = claims.and_then(|claims| row.achieved(claims, &period));
        (row, at_price)
    });
    let mut found: Vec<(PriceRow<'_>, Option<AtPrice>)> = rows.collect();
    if small_counts::are_hidden(ctx, &source.code, rulebook) {
        found = hidden::prices(found);
    }
    Ok(found.iter().map(|(row, at_price)| OutcomePrice::of(row, *at_price, &rulebook.currency)).collect())
}

impl OutcomePrice {
    fn of(row: &PriceRow<'_>, at_price: Option<AtPrice>, currency: &str) -> Self {
        let tariff = row.tariff;
        Self {
            outcome: row.outcome.to_owned(),
            title: row.title.to_owned(),
            area: tariff.area.clone(),
            cohort: tariff.cohort.clone(),
            tariff: Decimal(tariff.amount),
            multiplier: Decimal(tariff.multiplier),
            unit_price: row.unit_price.map(|price| Decimal(price.normalize())),
            currency: currency.to_owned(),
            from: tariff.from.map(Date),
            to: tariff.to.map(Date),
            up_to: tariff.up_to,
            illustrative: tariff.illustrative,
            units: at_price.map(|at_price| Decimal(at_price.units.normalize())),
            amount: at_price.map(|at_price| Money::of(at_price.amount, currency)),
        }
    }
}

impl OutcomeRows {
    fn of(
        outcome: &claims_by_outcome::OutcomeRows,
        counts: &[OutcomeCounts],
        rulebook: &Rulebook,
    ) -> Result<Self, OutOfRange> {
        let base = rulebook.outcome(&outcome.code).and_then(|outcome| outcome.rate_over.as_deref());
        let shown = base.and_then(|code| measure(rulebook, code));
        let shown = shown.map_or((Shown::with(Unit::Cases, 0), 0), |of| (Shown::of(&of), of.places));
        let rows = outcome.rows.iter().zip(counts);
        let rows = rows.map(|(row, counts)| OutcomeRow::of((row, counts), shown, rulebook));
        Ok(Self { code: outcome.code.clone(), title: outcome.title.clone(), rows: rows.collect::<Result<_, _>>()? })
    }
}

impl OutcomeRow {
    fn of(
        (row, counts): (&claims_by_outcome::OutcomeRow, &OutcomeCounts),
        (shown, places): (Shown, u32),
        rulebook: &Rulebook,
    ) -> Result<Self, OutOfRange> {
        let OutcomeCounts { achieved, submitted, rejected, accepted, paid, reversed, .. } = *counts;
        let percent = Shown::with(Unit::Percent, 0);
        let seen = |figure: Value| if counts.is_hidden { figure.hidden() } else { figure };
        let against = |comparison: &Comparison, shown: Shown| {
            let comparison = if counts.is_hidden { comparison.without_figure() } else { comparison.clone() };
            comparison.targets.iter().map(|target| shown.against(target)).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            group: OutcomeGroup::of(&row.group, rulebook),
            achieved,
            submitted,
            rejected,
            accepted,
            paid,
            reversed,
            amounts: counts.are_whole().then(|| OutcomeAmounts::of(&row.amounts, &rulebook.currency)),
            base: row.base.map(|base| shown.figure(&seen(base), places)).transpose()?,
            rate: row.rate.map(|rate| percent.figure(&seen(rate), 0)).transpose()?,
            rate_without_rejected: row.rate_without_rejected.map(|rate| percent.figure(&seen(rate), 0)).transpose()?,
            targets: against(&row.targets, Shown::with(Unit::Cases, 0))?,
            target_values: against(&row.target_values, Shown::with(Unit::Amount, 2))?,
        })
    }
}

impl OutcomeGroup {
    fn of(group: &ClaimGroup, rulebook: &Rulebook) -> Self {
        let plain = Self { label: group.label(&rulebook.labels), cohort: None, area: None, month: None };
        match group {
            ClaimGroup::Whole => plain,
            ClaimGroup::Cohort(code) => Self { cohort: Some(code.clone()).filter(|code| !code.is_empty()), ..plain },
            ClaimGroup::Area(code) => Self { area: Some(code.clone()), ..plain },
            ClaimGroup::Month(month) => Self { month: Some(Date(month.first())), ..plain },
        }
    }
}

impl OutcomeAmounts {
    fn of(amounts: &Amounts, currency: &str) -> Self {
        Self {
            achieved: Money::of(amounts.achieved, currency),
            evidenced: Money::of(amounts.evidenced, currency),
            entitled: Money::of(amounts.entitled, currency),
            received: Money::of(amounts.received, currency),
        }
    }
}
