//! Performance in the API: the figures of a contract, its stages month by month, its indicators and its grade.

use std::sync::Arc;

use async_graphql::{Context, Result, SimpleObject};
use chrono::NaiveDate;

use super::boards::Group;
use super::context::{OrFault as _, RequestContext as _};
use super::figures::{self, CompareWith, Dimension, MeasureDefinition, MeasureFigures};
use super::indicators::{self, PerformanceGrade};
use super::kpis::{self, Kpi};
use super::list::{NOT_IN_SCOPE, Source};
use super::period::PeriodInput;
use super::scalars::Date;
use super::small_counts;
use crate::access::InScope;
use crate::queries::board::Group as BoardGroup;
use crate::queries::measures::{self, FiguresQuery, OfContract};
use crate::queries::performance::{self, MonthsRow};
use crate::queries::period::months_of_contract;
use crate::queries::small_counts::{self as hidden, MonthsShown};
use crate::views::generation::Generation;
use throughline_domain::contract::rulebook::supply::Supplied;
use throughline_domain::contract::{ContractRecord, Rulebook};
use throughline_domain::performance::asked::to_date;
use throughline_domain::performance::measure::{self, FactKind, Facts, Formula};
use throughline_domain::performance::period::{Months, Period};
use throughline_domain::performance::report::ContractCalendar;
use throughline_gateway::Code;

/// The most rows whose facts are listed in one answer.
const WITH_MEMBERS_MAX: usize = 100;

/// Which figures are requested.
pub(super) struct PerformanceAsked {
    /// Only these measures, by code.
    pub(super) measures: Option<Vec<String>>,
    pub(super) by: Vec<Dimension>,
    /// Attributes of cases, by code.
    pub(super) by_attributes: Vec<String>,
    pub(super) period: Option<PeriodInput>,
    pub(super) compare_with: Vec<CompareWith>,
}

/// The figures of a contract: those of any measure, and how many cases reached each stage month by month.
#[derive(SimpleObject)]
pub struct Performance {
    /// A table for each stage, in the order of the rulebook. Only by area or whole.
    stages: Vec<StageCounts>,
    /// The declined referrals, by the month of the decision. They still count as referrals.
    declined: Vec<MonthCounts>,
    /// The figures of each requested measure, by any dimensions, beside what they are compared with. By keyworker or
    /// team, absences, slots and scores are only for those who see the absences and assessments of workers.
    figures: Vec<MeasureFigures>,
    /// The indicators, month by month, for the service areas that you may see: the service standards with levels, then
    /// those that the rulebook makes of measures.
    kpis: Vec<Kpi>,
    /// The grade of the period, for the whole contract. Null if the rulebook has no grades, and for those who see only
    /// some service areas.
    grade: Option<PerformanceGrade>,
}

impl Performance {
    /// With the board of stages, of these measures only if some are named.
    fn with_stages(self, board: performance::Performance, measures: Option<&[String]>, of: &StagesOf<'_>) -> Self {
        let months = board.months;
        let wanted = |code: &String| measures.is_none_or(|measures| measures.contains(code));
        let shown = board.stages.into_iter().filter(|stage| wanted(&stage.code));
        let shown = shown.map(|stage| {
            let rows = of.rows(stage.rows, months, Some(&stage.code));
            StageCounts { code: stage.code, label: stage.label, rows }
        });
        Self { stages: shown.collect(), declined: of.rows(board.declined, months, None), ..self }
    }
}

/// The number of cases that reached one stage.
#[derive(Debug, Clone, SimpleObject)]
pub struct StageCounts {
    /// The code of the stage.
    code: String,
    /// The label on the board, such as `Housing Secured`.
    label: String,
    /// The rows of the table.
    rows: Vec<MonthCounts>,
}

/// One row of counts, month by month.
#[derive(Debug, Clone, SimpleObject)]
pub struct MonthCounts {
    /// The cases that the row counts.
    group: Group,
    /// The count of each month.
    months: Vec<MonthCount>,
    /// The total of these months. Null if it would say something about few people, and without supply.
    total: Option<u64>,
    /// The total from the month in which the contract started to the last of these months. Null if it would say something
    /// about few people, and without supply.
    cumulative: Option<u64>,
}

/// The count of one month.
#[derive(Debug, Clone, SimpleObject)]
pub struct MonthCount {
    /// The first day of the month.
    month: Date,
    /// The number of cases. Null if it counts few people, or would say something about them, and you may not see small
    /// counts; and if the area did not supply the facts: this is not 0.
    journeys: Option<u64>,
    /// Whether the month was not over at `asOf`, so that the count may still grow.
    provisional: bool,
}

/// What the tables of stages are shown by.
struct StagesOf<'s> {
    rulebook: &'s Rulebook,
    as_of: NaiveDate,
    starts_on: NaiveDate,
    hides_small_counts: bool,
}

impl StagesOf<'_> {
    /// The rows of a stage, or of the declined referrals.
    fn rows(&self, rows: Vec<MonthsRow>, months: Months, stage: Option<&str>) -> Vec<MonthCounts> {
        let shown = if self.hides_small_counts {
            MonthsShown::without_small(&rows)
        } else {
            rows.iter().map(MonthsShown::of).collect()
        };
        let row = |(row, shown): (MonthsRow, MonthsShown)| self.row(row, &shown, (months, stage));
        rows.into_iter().zip(shown).map(row).collect()
    }

    fn row(&self, row: MonthsRow, shown: &MonthsShown, (months, stage): (Months, Option<&str>)) -> MonthCounts {
        let area = match &row.group {
            BoardGroup::Area(area) => Some(area.as_str()),
            _ => None,
        };
        let is_supplied = |first: NaiveDate, last: NaiveDate| match (area, stage) {
            (Some(area), Some(stage)) => self.is_supplied((area, stage), (first, last)),
            _ => true,
        };
        let counts = months.iter().zip(&shown.by_month).map(|(month, journeys)| MonthCount {
            month: Date(month.first()),
            journeys: journeys.filter(|_| is_supplied(month.first(), month.last())),
            provisional: month.is_provisional(self.as_of),
        });
        let (first, last) = (months.first().first(), months.last().last());
        MonthCounts {
            months: counts.collect(),
            total: shown.total.filter(|_| is_supplied(first, last)),
            cumulative: shown.cumulative.filter(|_| is_supplied(self.starts_on.min(first), last)),
            group: row.group.into(),
        }
    }

    /// Whether an area supplies on some day what a stage needs.
    fn is_supplied(&self, (area, stage): (&str, &str), (first, last): (NaiveDate, NaiveDate)) -> bool {
        let needs = self.rulebook.needs(&Formula::Count(Facts::one(FactKind::Stages, stage)));
        let days = (first, last.min(self.as_of));
        needs.iter().all(|facts| self.rulebook.supplied(area, *facts, days) != Supplied::Never)
    }
}

/// The contract of a source, as its figures need it.
pub(super) struct Asker<'a> {
    pub(super) source: Arc<Source>,
    pub(super) rulebook: &'a Arc<Rulebook>,
    scope: InScope<'a>,
}

/// The performance of a contract.
pub(super) async fn performance(ctx: &Context<'_>, source: Source, asked: PerformanceAsked) -> Result<Performance> {
    let contract = Arc::clone(&source.contract_state);
    let rulebook = rules(contract.newest_rulebook())?;
    let code = source.code.clone();
    let (source, scope) = (Arc::new(source), ctx.in_scope(&code));
    let scope = scope.ok_or_else(|| Code::Forbidden.error(NOT_IN_SCOPE))?;
    let reader = Asker { source, rulebook, scope };
    let looks_at = |field| ctx.look_ahead().field(field).exists();
    let figures = if looks_at("figures") { reader.figures(ctx, &asked).await? } else { Vec::new() };
    let members = ctx.look_ahead().field("figures").field("rows").field("members");
    if members.exists() && figures.iter().map(MeasureFigures::len).sum::<usize>() > WITH_MEMBERS_MAX {
        let message = format!(
            "members are listed for at most {WITH_MEMBERS_MAX} rows at once: ask for fewer measures, dimensions or \
             months, or without members"
        );
        return Err(Code::BadUserInput.error(message));
    }
    let period = reader.period(asked.period);
    let kpis = if looks_at("kpis") { kpis::kpis(ctx, &reader, period.clone()?).await? } else { Vec::new() };
    let grade = if looks_at("grade") { indicators::grade(ctx, &reader, period?).await? } else { None };
    let shown = Performance { stages: Vec::new(), declined: Vec::new(), figures, kpis, grade };
    if looks_at("stages") || looks_at("declined") { reader.stages(ctx, shown, &asked).await } else { Ok(shown) }
}

/// The rulebook of an open contract.
pub(super) fn rules(newest: Option<&Arc<Rulebook>>) -> Result<&Arc<Rulebook>> {
    newest.ok_or_else(|| Code::Internal.error("an open contract has no rulebook"))
}

impl Asker<'_> {
    async fn figures(&self, ctx: &Context<'_>, asked: &PerformanceAsked) -> Result<Vec<MeasureFigures>> {
        let measures = figures::measures_asked(asked.measures.as_deref(), self.rulebook)?;
        if asked.by.iter().any(|by| matches!(by, Dimension::Keyworker | Dimension::Team)) {
            figures::check_staff(ctx, &measures, self.rulebook)?;
        }
        let query = FiguresQuery {
            measures: &measures,
            by: &figures::dimensions(&asked.by, &asked.by_attributes)?,
            period: self.period(asked.period)?,
            compare: figures::compared(&asked.compare_with),
            as_of: self.source.as_of,
        };
        let found = self.found(&query).await?;
        let is_hidden = small_counts::are_hidden(ctx, self.scope.contract(), self.rulebook);
        let found = if is_hidden { hidden::figures(found) } else { found };
        found.iter().map(|found| MeasureFigures::of(found, &self.source, self.rulebook)).collect()
    }

    async fn found(&self, query: &FiguresQuery<'_>) -> Result<Vec<measures::MeasureFigures>> {
        let record = self.record();
        let (generation, scope) = self.view();
        let found = measures::figures(generation, scope, self.of_contract(&record), query).await;
        found.map_err(|error| figures::refused(&error))
    }

    /// The contract's record at the as-of date.
    pub(super) fn record(&self) -> ContractRecord {
        self.source.contract_state.contract_record(self.source.as_of)
    }

    /// The view, as the caller sees it.
    pub(super) fn view(&self) -> (&Generation, InScope<'_>) {
        (&self.source.generation, self.scope)
    }

    /// The contract, as its figures need it.
    pub(super) fn of_contract<'c>(&'c self, record: &'c ContractRecord) -> OfContract<'c> {
        OfContract { rulebook: self.rulebook, record, starts_on: self.starts_on() }
    }

    /// The period of figures. Default: from the start of the contract to the end of the month of the day.
    fn period(&self, period: Option<PeriodInput>) -> Result<Period> {
        period_asked(&self.source, self.rulebook, period)
    }

    fn starts_on(&self) -> NaiveDate {
        starts_on(&self.source)
    }

    async fn stages(&self, ctx: &Context<'_>, shown: Performance, asked: &PerformanceAsked) -> Result<Performance> {
        let by = match asked.by.as_slice() {
            [] | [Dimension::Whole] if asked.by_attributes.is_empty() => performance::By::Whole,
            [Dimension::Area] if asked.by_attributes.is_empty() => performance::By::Area,
            _ => {
                let message = "stages and declined are by AREA or WHOLE: ask for figures by other dimensions";
                return Err(Code::BadUserInput.error(message));
            }
        };
        let codes = asked.measures.as_deref();
        figures::measures_asked(codes, self.rulebook)?;
        let as_of = self.source.as_of;
        let whole_contract = || Ok(months_of_contract(&self.source.contract_state, as_of));
        let months = asked.period.map_or_else(whole_contract, PeriodInput::months)?;
        let board = performance::in_months(&self.source.generation, self.scope, as_of, self.rulebook, (by, months));
        let of = StagesOf {
            rulebook: self.rulebook,
            as_of,
            starts_on: self.starts_on(),
            hides_small_counts: small_counts::are_hidden(ctx, self.scope.contract(), self.rulebook),
        };
        Ok(shown.with_stages(board.await.or_fault()?, codes, &of))
    }
}

/// The first day of a contract.
pub(super) fn starts_on(source: &Source) -> NaiveDate {
    source.contract_state.starts_on().unwrap_or(source.as_of)
}

/// The period of figures. Default: from the start of the contract to the end of the month of the day.
pub(super) fn period_asked(source: &Source, rulebook: &Rulebook, period: Option<PeriodInput>) -> Result<Period> {
    let starts_on = starts_on(source);
    let calendar = ContractCalendar { financial_year: rulebook.calendar.financial_year, starts_on };
    period.map_or_else(|| Ok(to_date(starts_on, source.as_of)), |period| period.of_figures(calendar))
}

/// The measures of a contract.
pub(super) fn definitions(rulebook: Option<&Arc<Rulebook>>) -> Result<Vec<MeasureDefinition>> {
    Ok(measure::measures(rules(rulebook)?).iter().map(Into::into).collect())
}
