//! Indicators in the API: their levels month by month, and what may follow a failure.
//!
//! The rulebook sets the measures and levels. [`crate::queries::kpis`] computes them.

use async_graphql::{Context, Enum, Result, SimpleObject};

use super::contract_record::{ContractNotice, KpiAssessment, NoticeKind};
use super::fault::fault;
use super::figures::{self, Figure, MeasureDefinition, Shown};
use super::money::Money;
use super::performance::Asker;
use super::period::FigurePeriod;
use super::scalars::Decimal;
use super::small_counts;
use crate::queries::kpis::{self, Figures, KpiQuery};
use crate::queries::small_counts as hidden;
use throughline_domain::fact::{event, money};
use throughline_domain::performance::figure::Figure as Value;
use throughline_domain::performance::fraction::OutOfRange;
use throughline_domain::performance::kpi::{self, Direction, Level};
use throughline_domain::performance::measure::Measure;
use throughline_domain::performance::period::Period;

/// How well an indicator was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Level")]
pub enum KpiLevel {
    /// The value is at the minimum level or better.
    Met,
    /// It is beyond the minimum level.
    Minor,
    /// It is beyond the lower level, or beyond the minimum level for the third month in a row or longer.
    Major,
}

/// On which side of its levels the value of an indicator is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Direction")]
pub enum KpiDirection {
    /// A value at a level or above it reaches the level.
    AtLeast,
    /// A value at a level or below it reaches the level.
    AtMost,
}

/// The months that a figure of an indicator counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "kpi::KpiPeriod")]
pub enum KpiPeriod {
    /// The month.
    Month,
    /// The three months up to its end.
    RollingThree,
    /// The twelve months up to its end.
    RollingTwelve,
    /// From the start of the contract to its end.
    SinceStart,
}

/// An indicator, month by month: a service standard with levels, or one that the rulebook makes of a measure.
#[derive(SimpleObject)]
pub struct Kpi {
    /// The code of the indicator. Assessments name it.
    code: String,
    /// The title on boards.
    title: String,
    /// The measure. For a standard: the share of obligations met in time.
    measure: MeasureDefinition,
    /// On which side of the levels a value is good.
    direction: KpiDirection,
    /// The value at which it is met, in percent for a share.
    minimum_level: Option<Decimal>,
    /// The value beyond which the failure is major, in percent for a share.
    lower_level: Option<Decimal>,
    /// The months whose figure decides the level of a month.
    decided_by: KpiPeriod,
    /// The kinds of notices that may be issued after a minor failure.
    minor_tools: Vec<NoticeKind>,
    /// The kinds of notices that may be issued after a major failure.
    major_tools: Vec<NoticeKind>,
    /// The months of the period, in order.
    months: Vec<KpiMonth>,
}

/// An indicator in one month.
#[derive(SimpleObject)]
pub struct KpiMonth {
    /// The month.
    period: FigurePeriod,
    /// The figure of the month.
    figure: Figure,
    /// The figures of the month, of the last three and twelve months, and since the start of the contract.
    figures: Vec<KpiFigure>,
    /// The level that applies: that of the assessment, if the parties assessed the month, or else the computed one. Null
    /// for a month under way, and without a value: such a month breaks a run of failures.
    level: Option<KpiLevel>,
    /// The level that follows from the figures alone. It differs from `level` if the parties settled another one.
    computed_level: Option<KpiLevel>,
    /// The assessment of the parties for this month, the last one if there are several. Null for those who see only some
    /// service areas.
    assessment: Option<KpiAssessment>,
    /// The kinds of notices that may be issued at this level.
    tools: Vec<NoticeKind>,
    /// The notices of these kinds that were issued after the month and answer this indicator. A notice that names no
    /// indicator may stand at several.
    notices: Vec<ContractNotice>,
    /// What may be withheld after a major failure, by the rulebook: a part of the amount of the financial year. Null
    /// without a major failure, if the rulebook withholds nothing, or if that amount is not recorded.
    withheld: Option<Money>,
}

/// The figure of an indicator over some months.
#[derive(SimpleObject)]
pub struct KpiFigure {
    /// Which months.
    over: KpiPeriod,
    /// Their first and last day. The months before the start of the contract are left out.
    period: FigurePeriod,
    /// The figure.
    figure: Figure,
    /// The level of the figure on its own, without a run of months. Null for a month under way, and without a value. If
    /// the value grows with the length of the period, such as contacts for each case, only the figure over `decidedBy`
    /// has one.
    level: Option<KpiLevel>,
}

/// The indicators of the rulebook over the months of a period.
pub(super) async fn kpis(ctx: &Context<'_>, asker: &Asker<'_>, period: Period) -> Result<Vec<Kpi>> {
    let looked_into = ctx.look_ahead().field("kpis").field("months").field("figures");
    let figures = if looked_into.exists() { Figures::OfEveryPeriod } else { Figures::OfMonth };
    let query = KpiQuery { period, figures, as_of: asker.source.as_of };
    let record = asker.record();
    let (generation, scope) = asker.view();
    let found = kpis::levels(generation, scope, asker.of_contract(&record), query).await;
    let mut found = found.map_err(|error| figures::refused(&error))?;
    if small_counts::are_hidden(ctx, scope.contract(), asker.rulebook) {
        found = found.into_iter().map(hidden::kpi).collect();
    }
    let shown = found.iter().map(|found| Kpi::of(found, asker)).collect::<Result<_, _>>();
    shown.map_err(|error: OutOfRange| fault(&error))
}

impl Kpi {
    fn of(found: &kpis::KpiMonths, asker: &Asker<'_>) -> Result<Self, OutOfRange> {
        let kpis::KpiMonths { kpi, measure, months, parts: _ } = found;
        let notices =
            |tools: &[event::NoticeKind]| -> Vec<NoticeKind> { tools.iter().map(|tool| (*tool).into()).collect() };
        Ok(Self {
            code: kpi.code.clone(),
            title: kpi.title.clone(),
            measure: measure.into(),
            direction: kpi.direction.into(),
            minimum_level: kpi.minimum_level.map(Decimal),
            lower_level: kpi.lower_level.map(Decimal),
            decided_by: kpi.period.into(),
            minor_tools: notices(&kpi.consequences.minor_tools),
            major_tools: notices(&kpi.consequences.major_tools),
            months: months.iter().map(|month| KpiMonth::of(month, found, asker)).collect::<Result<_, _>>()?,
        })
    }
}

impl KpiMonth {
    fn of(month: &kpis::KpiMonth, of: &kpis::KpiMonths, asker: &Asker<'_>) -> Result<Self, OutOfRange> {
        let measure = &of.measure;
        let figure = month.figures.first().map_or(Value::not_applicable(), |first| first.figure);
        let tools = month.level.map(|level| of.kpi.tools(level)).unwrap_or_default();
        let in_currency = |amount: money::Money| Money::of(amount, &asker.rulebook.currency);
        Ok(Self {
            period: FigurePeriod::of(&month.period, asker.source.as_of),
            figure: Shown::of(measure).figure(&figure, measure.places)?,
            figures: month.figures.iter().map(|one| KpiFigure::of(one, measure, asker)).collect::<Result<_, _>>()?,
            level: month.level.map(Into::into),
            computed_level: month.computed.map(Into::into),
            assessment: month.assessed.as_ref().map(Into::into),
            tools: tools.iter().map(|tool| (*tool).into()).collect(),
            notices: month.notices.iter().map(Into::into).collect(),
            withheld: month.withheld.map(in_currency),
        })
    }
}

impl KpiFigure {
    fn of(found: &kpis::KpiFigure, measure: &Measure, asker: &Asker<'_>) -> Result<Self, OutOfRange> {
        Ok(Self {
            over: found.over.into(),
            period: FigurePeriod::of(&found.period, asker.source.as_of),
            figure: Shown::of(measure).figure(&found.figure, measure.places)?,
            level: found.level.map(Into::into),
        })
    }
}
