//! Figures in the API: the value of a measure for a group of cases and a period, what it is compared with, and the
//! facts that it counts.
//!
//! The arithmetic is in [`crate::queries::measures`]. This module only shapes the response.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Enum, ID, Object, Result, SimpleObject};
use rust_decimal::Decimal as Number;

use super::bounds::PageLength;
use super::context::{self, RequestContext as _};
use super::cursor::{Cursors, PAGE_BEFORE};
use super::fault::fault;
use super::journey::{self, Journey};
use super::list::Source;
use super::page::{Listed, More, Page};
use super::people::Worker;
use super::period::FigurePeriod;
use super::point_in_time::KnownUpTo;
use super::scalars::{Date, Decimal};
use crate::access::policy::Action;
use crate::queries::measures::members::{CountedBy, CountedFact, MembersQuery, Place, Which};
use crate::queries::measures::{self, AttributeValue, FiguresError, Member};
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::rulebook::Labels;
use throughline_domain::fact::envelope::WorkerId;
use throughline_domain::performance::comparison::{AgainstTarget, Arrow, Beside, Met};
use throughline_domain::performance::figure::{Figure as Value, State};
use throughline_domain::performance::fraction::{Fraction, OutOfRange};
use throughline_domain::performance::measure::{Basis, Formula, Measure, Unit, Workforce, measures as measures_of};
use throughline_gateway::Code;

/// The decimal places of targets and of numbers that a figure is made of.
const PLACES: u32 = 6;

/// The most dimensions of one question.
const DIMENSIONS_MAX: usize = 3;

/// What figures are broken down by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum Dimension {
    /// One row for each service area.
    Area,
    /// One row for each cohort.
    Cohort,
    /// One row for each kind of referrer.
    Referrer,
    /// One row for each keyworker who held the case on the day of the fact, and one for cases without a keyworker.
    Keyworker,
    /// One row for each team of these keyworkers at `asOf`. A keyworker in several teams counts in the row of each.
    Team,
    /// One row for each code of the facts: the reason of an exit, the kind of a plan, the channel of a contact.
    Code,
    /// One row for each month of the period.
    Month,
    /// One row for the whole contract. It stands alone.
    Whole,
    /// One row for each value of an attribute of cases, and one for cases without it. Name the attribute in
    /// `byAttributes` instead.
    Attribute,
}

/// What figures are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum CompareWith {
    /// The targets in force of every profile.
    Targets,
    /// The period before.
    Previous,
    /// The mean of the three months before. Only for a month.
    ThreeMonths,
    /// The same period a year before.
    YearBefore,
}

/// What a number counts, and by which formula.
#[derive(Debug, Clone, SimpleObject)]
pub struct MeasureDefinition {
    /// The code, such as `php_complete` or `exits:lost_contact`.
    code: String,
    /// The title on boards.
    title: String,
    /// What it counts.
    prose: String,
    /// What its value is a number of: cases, contacts, facts, an amount, money, full-time equivalents, days, percent, or
    /// for each.
    unit: String,
    /// The ISO 4217 code of the currency. Null if its values are no money.
    currency: Option<String>,
    /// The number of decimal places that are shown.
    places: u32,
    /// The formula.
    formula: String,
    /// The version of the rulebook that defines it. Null if every contract has it.
    version: Option<String>,
}

impl From<&Measure> for MeasureDefinition {
    fn from(measure: &Measure) -> Self {
        Self {
            code: measure.code.clone(),
            title: measure.title.clone(),
            prose: measure.prose.clone(),
            unit: measure.unit.as_str().to_owned(),
            currency: match measure.unit {
                Unit::Money(currency) => Some(currency.as_str().to_owned()),
                _ => None,
            },
            places: measure.places,
            formula: measure.formula.to_string(),
            version: measure.version.clone(),
        }
    }
}

/// The figures of one measure.
#[derive(SimpleObject)]
pub struct MeasureFigures {
    /// The measure.
    measure: MeasureDefinition,
    /// The rows, in the order of the requested dimensions.
    rows: Vec<FigureRow>,
}

/// One figure, what it is compared with, and what it counts.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct FigureRow {
    /// The member of each requested dimension, in the same order. Empty for the whole contract.
    group: Vec<FigureGroup>,
    /// The period: the requested one, or one of its months.
    period: FigurePeriod,
    /// The figure.
    figure: Figure,
    /// The figure against the target of each profile. Empty unless `TARGETS` is requested.
    targets: Vec<TargetComparison>,
    /// The service areas of the group, by code, that did not supply the facts of the figure on every day of the period. A
    /// figure over several areas then counts only what was supplied.
    without_supply: Vec<String>,
    /// The figure beside that of the period before. Null unless `PREVIOUS` is requested.
    previous: Option<Comparison>,
    /// The figure beside the mean of the three months before. Null unless `THREE_MONTHS` is requested.
    three_months: Option<Comparison>,
    /// The figure beside that of a year before. Null unless `YEAR_BEFORE` is requested.
    year_before: Option<Comparison>,
    #[graphql(skip)]
    behind: Behind,
}

/// What is needed to list the facts behind a figure.
struct Behind {
    source: Arc<Source>,
    measure: Measure,
    /// The measures above and below, if it is a ratio.
    parts: Option<(Measure, Measure)>,
    row: measures::FigureRow,
}

/// The cases that a figure counts, by one dimension.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct FigureGroup {
    /// The dimension.
    dimension: Dimension,
    /// The label on boards.
    label: String,
    /// The code of the area, cohort, referrer or fact, or the value of the attribute. Null for keyworkers, teams and
    /// cases without one.
    code: Option<String>,
    /// The code of the attribute, if the row is for a value of an attribute of cases.
    attribute: Option<String>,
    /// The id of the team, if the row is for a team.
    team: Option<ID>,
    #[graphql(skip)]
    keyworker: Option<WorkerId>,
    #[graphql(skip)]
    known: KnownUpTo,
}

#[ComplexObject]
impl FigureGroup {
    /// The keyworker, if the row is for a keyworker.
    async fn keyworker(&self, ctx: &Context<'_>) -> Option<Result<Worker>> {
        Worker::load(ctx, self.keyworker?, self.known).await
    }
}

impl FigureGroup {
    pub(super) fn of(member: &Member, by: &measures::Dimension, labels: &Labels, known: KnownUpTo) -> Self {
        let (label, attribute) = (member.label(labels), None);
        let plain = |dimension| Self { dimension, label, code: None, attribute, team: None, keyworker: None, known };
        let coded =
            |group: Self, code: &String| Self { code: Some(code.clone()).filter(|one| !one.is_empty()), ..group };
        match member {
            Member::Area(code) => coded(plain(Dimension::Area), code),
            Member::Cohort(code) => coded(plain(Dimension::Cohort), code),
            Member::Referrer(code) => coded(plain(Dimension::Referrer), code),
            Member::Code(code) => coded(plain(Dimension::Code), code),
            Member::Keyworker(_, worker) => Self { keyworker: Some(*worker), ..plain(Dimension::Keyworker) },
            Member::Team(_, team) => Self { team: Some(ID(team.to_string())), ..plain(Dimension::Team) },
            Member::NoTeam => plain(Dimension::Team),
            Member::Attribute(AttributeValue { attribute, value, .. }) => {
                Self { attribute: Some(attribute.clone()), ..coded(plain(Dimension::Attribute), value) }
            }
            Member::Unassigned if *by == measures::Dimension::Team => plain(Dimension::Team),
            Member::Unassigned => plain(Dimension::Keyworker),
        }
    }
}

/// Whether a figure has a value, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "State")]
pub enum FigureState {
    /// It has a value.
    Value,
    /// It has a value that may still change, because its period was not over at `asOf`.
    Provisional,
    /// There is nothing to give a value of: no target, or a share of nothing.
    NotApplicable,
    /// The facts are not supplied. This is not 0.
    NoData,
    /// It is hidden because it counts few people.
    Suppressed,
}

/// One number, and what it is made of.
#[derive(Debug, Clone, SimpleObject)]
pub struct Figure {
    /// Whether it has a value, and if not, why.
    state: FigureState,
    /// The value, rounded half up once to the decimal places of its measure. In percent for a share.
    value: Option<Decimal>,
    /// What is counted or summed, to at most six decimal places.
    numerator: Option<Decimal>,
    /// What the numerator is divided by. Null for a plain count or amount.
    denominator: Option<Decimal>,
}

/// A figure beside another.
#[derive(Debug, Clone, SimpleObject)]
pub struct Comparison {
    /// The other figure.
    base: Figure,
    /// The figure in percent of the other, rounded half up once. Null on 0 and without a value.
    percent: Option<Decimal>,
    /// The figure less the other.
    difference: Option<Decimal>,
}

/// Whether a figure rose or fell against its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum Trend {
    /// The unrounded ratio of actual to target is greater than that of the period before.
    Up,
    /// It is smaller.
    Down,
    /// It is the same.
    Flat,
}

/// A figure against the target of one profile.
#[derive(Debug, Clone, SimpleObject)]
pub struct TargetComparison {
    /// The profile, such as `contract` or `business_plan`.
    profile: String,
    /// The target, the percentage and the difference.
    #[graphql(flatten)]
    beside: Comparison,
    /// Whether the figure is the target or more. Null if one of the two has no value.
    met: Option<bool>,
    /// How the ratio of actual to target changed since the period before. Null if one of the two ratios has no value.
    trend: Option<Trend>,
}

/// A number to at most six decimal places.
pub(super) fn exact(number: Fraction) -> Result<Decimal, OutOfRange> {
    number.rounded(PLACES).map(|number| Decimal(number.normalize()))
}

/// How the numbers of a measure are shown.
#[derive(Clone, Copy)]
pub(super) struct Shown {
    unit: Unit,
    places: u32,
}

impl Shown {
    pub(super) const fn of(measure: &Measure) -> Self {
        Self { unit: measure.unit, places: measure.places }
    }

    /// Numbers that are no measure's own, such as the rate of an outcome.
    pub(super) const fn with(unit: Unit, places: u32) -> Self {
        Self { unit, places }
    }

    fn number(self, value: Option<Fraction>, places: u32) -> Result<Option<Decimal>, OutOfRange> {
        let shown = value.map(|value| if self.unit == Unit::Percent { value.in_percent() } else { Ok(value) });
        let rounded = shown.transpose()?.map(|value| value.rounded(places)).transpose()?;
        Ok(rounded.map(Decimal))
    }

    pub(super) fn figure(self, figure: &Value, places: u32) -> Result<Figure, OutOfRange> {
        Ok(Figure {
            state: figure.state().into(),
            value: self.number(figure.value(), places)?,
            numerator: figure.numerator().map(exact).transpose()?,
            denominator: figure.denominator().map(exact).transpose()?,
        })
    }

    fn beside(self, beside: &Beside) -> Result<Comparison, OutOfRange> {
        // A target or a mean of months may lie between whole numbers.
        let normal = |shown: Option<Decimal>| shown.map(|shown| Decimal(shown.0.normalize()));
        let base = self.figure(&beside.base, PLACES)?;
        Ok(Comparison {
            base: Figure { value: normal(base.value), ..base },
            percent: beside.ratio.percent(0)?.map(Decimal),
            difference: normal(self.number(beside.difference.value(), PLACES)?),
        })
    }

    pub(super) fn against(self, against: &AgainstTarget) -> Result<TargetComparison, OutOfRange> {
        Ok(TargetComparison {
            profile: against.profile.clone(),
            beside: self.beside(&against.beside)?,
            met: match against.met {
                Met::Met => Some(true),
                Met::NotMet => Some(false),
                Met::Unknown(_) => None,
            },
            trend: match against.arrow {
                Arrow::Up => Some(Trend::Up),
                Arrow::Down => Some(Trend::Down),
                Arrow::Flat => Some(Trend::Flat),
                Arrow::None => None,
            },
        })
    }
}

impl MeasureFigures {
    /// The number of rows.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The figures of one measure, as of a day.
    pub(super) fn of(found: &measures::MeasureFigures, source: &Arc<Source>, rulebook: &Rulebook) -> Result<Self> {
        let rows = found.rows.iter();
        let rows = rows.map(|row| FigureRow::of(row, found, source, rulebook)).collect::<Result<_>>()?;
        Ok(Self { measure: (&found.measure).into(), rows })
    }
}

impl FigureRow {
    fn of(
        row: &measures::FigureRow,
        of: &measures::MeasureFigures,
        source: &Arc<Source>,
        rulebook: &Rulebook,
    ) -> Result<Self> {
        let shown = Shown::of(&of.measure);
        let beside = |beside: Option<&Beside>| beside.map(|beside| shown.beside(beside)).transpose();
        let build = || -> Result<Self, OutOfRange> {
            let comparison = &row.comparison;
            let group = row.members.iter();
            Ok(Self {
                group: group
                    .zip(&row.by)
                    .map(|(member, by)| FigureGroup::of(member, by, &rulebook.labels, source.known))
                    .collect(),
                period: FigurePeriod::of(&row.period, source.as_of),
                figure: shown.figure(&row.figure, shown.places)?,
                targets: comparison.targets.iter().map(|target| shown.against(target)).collect::<Result<_, _>>()?,
                without_supply: row.without_supply.clone(),
                previous: beside(comparison.previous.as_ref())?,
                three_months: beside(comparison.three_months.as_ref())?,
                year_before: beside(comparison.year_before.as_ref())?,
                behind: Behind {
                    source: Arc::clone(source),
                    measure: of.measure.clone(),
                    parts: of.parts.clone(),
                    row: row.clone(),
                },
            })
        };
        build().map_err(|error| refused(&error.into()))
    }
}

#[ComplexObject]
impl FigureRow {
    /// The facts that the figure counts, by date, on cases that you may see: of a share or a rate those above, or with
    /// `below` those that they are divided by. Null if the figure is not made of facts of cases, and if it or the numbers
    /// that it is made of are hidden.
    async fn members(
        &self,
        ctx: &Context<'_>,
        #[graphql(default, desc = "Whether to list what the number is divided by.")] below: bool,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Option<Result<Page<FigureMember>>> {
        let asked = self.behind.asked(below)?;
        Some(self.behind.page(ctx, asked, (first, after)).await)
    }
}

impl Behind {
    /// The question for what is above or below in the figure. None if that is not made of facts of cases.
    fn asked(&self, below: bool) -> Option<MembersQuery> {
        let figure = &self.row.figure;
        let has_parts = figure.numerator().is_some() || figure.denominator().is_some();
        if figure.state() == State::Suppressed || figure.value().is_some() && !has_parts {
            return None;
        }
        let counted = match &self.measure.formula {
            Formula::Ratio { basis, .. } => {
                let (of, over) = self.parts.as_ref()?;
                match (below, basis) {
                    (true, _) => counted(over)?,
                    (false, Basis::Period) => counted(of)?,
                    (false, Basis::Cohort) => match (counted(over)?, counted(of)?) {
                        (CountedBy::Facts { facts, .. }, CountedBy::Facts { facts: with, .. }) => {
                            CountedBy::Facts { facts, with: Some(with) }
                        }
                        _ => return None,
                    },
                }
            }
            Formula::Share(share) if below => CountedBy::Cases { value: share.value.clone(), which: Which::All },
            _ if below => return None,
            _ => counted(&self.measure)?,
        };
        Some(MembersQuery {
            counted,
            period: self.row.period,
            members: self.row.members.clone(),
            workers: self.row.workers.clone(),
            profiles: self.row.profiles.clone(),
            as_of: self.source.as_of,
        })
    }

    async fn page(
        &self,
        ctx: &Context<'_>,
        asked: MembersQuery,
        (first, after): (PageLength, Option<String>),
    ) -> Result<Page<FigureMember>> {
        let cursors = Cursors::filtered("members", &format!("{asked:?}"), PAGE_BEFORE);
        let after = cursors.place(after.as_deref(), |parts| {
            let (day, journey, kind, nth) = (parts.part()?, parts.part()?, parts.part()?, parts.part()?);
            Some(Place { day, journey, kind, nth, code: parts.text()? })
        })?;
        let (source, standing) = (&*self.source, context::standing(ctx).await?);
        let among = source.shown_now(ctx, &standing).await?;
        let cases = source.cases(ctx, &standing, among.as_ref())?;
        let page = (after.as_ref(), first.rows());
        let found = measures::members::page(&source.generation, cases, &asked, page).await;
        let (found, more) = found.map_err(|error| refused(&error))?;
        let stories = journey::case_histories(ctx, found.iter().map(|one| one.place.journey), source.known).await?;
        let row = |fact: &CountedFact| {
            let Place { day, journey, kind, code, nth } = &fact.place;
            let story = stories.get(journey).cloned();
            let case = story.map(|story| Journey::beneath(source, *journey, story));
            let cursor = cursors.cursor(format_args!("{day}\n{journey}\n{kind}\n{nth}\n{code}"));
            (cursor, case.map(|case| FigureMember::of(fact, case)))
        };
        let rows: Vec<_> = found.iter().map(row).collect();
        let more = More { before: after.is_some(), after: more };
        let totals = FigureMemberTotals { source: Arc::clone(&self.source), asked };
        Ok(Page::of(rows, more, totals))
    }
}

/// What a measure counts, if it counts facts of cases.
fn counted(measure: &Measure) -> Option<CountedBy> {
    match &measure.formula {
        Formula::Count(facts) | Formula::Sum(facts) => Some(CountedBy::Facts { facts: facts.clone(), with: None }),
        Formula::Caseload => Some(CountedBy::Caseload),
        Formula::CaseloadThroughout => Some(CountedBy::CaseloadThroughout),
        Formula::OfCases(of) => Some(CountedBy::Cases { value: of.value.clone(), which: Which::Exact }),
        Formula::Share(share) => {
            Some(CountedBy::Cases { value: share.value.clone(), which: Which::Within(share.band) })
        }
        Formula::Work(work) => Some(CountedBy::Work(*work)),
        Formula::Workforce(Workforce::Seen { within_days }) => Some(CountedBy::Seen { within_days: *within_days }),
        Formula::OfContract(_)
        | Formula::Wte
        | Formula::Workforce(_)
        | Formula::Supervision(_)
        | Formula::Ratio { .. } => None,
    }
}

/// A fact that a figure counts.
#[derive(SimpleObject)]
pub struct FigureMember {
    /// The day of the fact, or of the fact that gives the case its value. For a case on the caseload: the day from which
    /// it was on it with this keyworker.
    on: Date,
    /// The kind of fact, as in the codes of measures.
    kind: String,
    /// The code of the fact. Null if it has none.
    code: Option<String>,
    /// The value that the fact adds, or the value that the case has: days, what was recorded, or a part of 1. Null if it
    /// counts as one, and for days between dates of which one is known only by its month or year.
    quantity: Option<Decimal>,
    /// The case.
    journey: Journey,
}

impl FigureMember {
    fn of(fact: &CountedFact, journey: Journey) -> Self {
        let Place { day, kind, code, .. } = &fact.place;
        let quantity = fact.quantity.map(|millionths| Number::new(millionths, PLACES).normalize());
        Self {
            on: Date(*day),
            kind: kind.clone(),
            code: Some(code.clone()).filter(|code| !code.is_empty()),
            quantity: quantity.map(Decimal),
            journey,
        }
    }
}

impl Listed for FigureMember {
    type Totals = FigureMemberTotals;
    const PAGE: &'static str = "A page of the facts that a figure counts, by date.";
    const EDGE: &'static str = "A fact with its cursor.";
    const ONE: &'static str = "fact";
    const MANY: &'static str = "facts";
}

/// The facts that a figure counts, as a whole.
pub struct FigureMemberTotals {
    source: Arc<Source>,
    asked: MembersQuery,
}

#[Object]
impl FigureMemberTotals {
    /// The number of facts on all pages. It is counted only when this field is requested.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<u64> {
        let (source, standing) = (&*self.source, context::standing(ctx).await?);
        let among = source.shown_now(ctx, &standing).await?;
        let cases = source.cases(ctx, &standing, among.as_ref())?;
        let count = measures::members::count(&source.generation, cases, &self.asked).await;
        count.map_err(|error| refused(&error))
    }
}

/// The dimensions of the question, then the attributes of cases. `WHOLE` stands alone.
pub(super) fn dimensions(by: &[Dimension], attributes: &[String]) -> Result<Vec<measures::Dimension>> {
    let twice = by.iter().enumerate().any(|(at, one)| by[..at].contains(one));
    if attributes.iter().enumerate().any(|(at, one)| attributes[..at].contains(one)) {
        return Err(Code::BadUserInput.error("name each attribute once in byAttributes"));
    }
    if by.contains(&Dimension::Attribute) {
        return Err(Code::BadUserInput.error("name the attribute by its code in byAttributes, and leave out ATTRIBUTE"));
    }
    if by.len() + attributes.len() > DIMENSIONS_MAX {
        let message = format!("figures have at most {DIMENSIONS_MAX} dimensions: leave some out");
        return Err(Code::BadUserInput.error(message));
    }
    if twice || by.len() + attributes.len() > 1 && by.contains(&Dimension::Whole) {
        return Err(Code::BadUserInput.error("name each dimension once, and WHOLE only alone"));
    }
    let attributes = attributes.iter().cloned().map(measures::Dimension::Attribute);
    Ok(by.iter().filter_map(|by| by.of_figures()).chain(attributes).collect())
}

impl Dimension {
    const fn of_figures(self) -> Option<measures::Dimension> {
        Some(match self {
            Self::Area => measures::Dimension::Area,
            Self::Cohort => measures::Dimension::Cohort,
            Self::Referrer => measures::Dimension::Referrer,
            Self::Keyworker => measures::Dimension::Keyworker,
            Self::Team => measures::Dimension::Team,
            Self::Code => measures::Dimension::Code,
            Self::Month => measures::Dimension::Month,
            Self::Whole | Self::Attribute => return None,
        })
    }
}

/// What the figures are compared with.
pub(super) fn compared(with: &[CompareWith]) -> measures::CompareWith {
    measures::CompareWith {
        targets: with.contains(&CompareWith::Targets),
        previous: with.contains(&CompareWith::Previous),
        three_months: with.contains(&CompareWith::ThreeMonths),
        year_before: with.contains(&CompareWith::YearBefore),
    }
}

/// The measures with these codes; without codes, the stages of the rulebook.
pub(super) fn measures_asked(codes: Option<&[String]>, rulebook: &Rulebook) -> Result<Vec<Measure>> {
    if let Some(codes) = codes {
        return measures::named(rulebook, codes).map_err(|error| refused(&error));
    }
    let stages: Vec<String> = rulebook.stages.iter().map(|stage| stage.code.clone()).collect();
    measures::named(rulebook, &stages).map_err(|error| refused(&error))
}

/// Refuses figures of single workers or teams to a caller who does not see the absences and scores of workers, if one of
/// the measures, or a part of its ratio, is made of these.
pub(super) fn check_staff(ctx: &Context<'_>, asked: &[Measure], rulebook: &Rulebook) -> Result<()> {
    let is_of_staff = |formula: &Formula| {
        matches!(formula, Formula::Supervision(_) | Formula::Workforce(Workforce::AbsenceDays | Workforce::Slots))
    };
    let parts: Vec<&String> = asked.iter().flat_map(|measure| measure.formula.parts()).collect();
    let are_of_staff =
        |all: Vec<Measure>| all.iter().any(|one| parts.contains(&&one.code) && is_of_staff(&one.formula));
    let shows_staff = asked.iter().any(|measure| is_of_staff(&measure.formula))
        || !parts.is_empty() && are_of_staff(measures_of(rulebook));
    if shows_staff && !ctx.may(Action::ReadStaff) {
        let message = "your role does not see absences and scores of single workers: ask for the whole contract";
        return Err(Code::Forbidden.error(message));
    }
    Ok(())
}

/// The error that a client sees.
pub(super) fn refused(error: &FiguresError) -> async_graphql::Error {
    match error {
        FiguresError::Store(error) => fault(error),
        FiguresError::UnknownMeasure { .. }
        | FiguresError::UnknownAttribute { .. }
        | FiguresError::OutOfRange(_)
        | FiguresError::Target(_)
        | FiguresError::TooManyRows
        | FiguresError::TooManyMonths
        | FiguresError::TooManyFacts
        | FiguresError::NotOfMonths => Code::BadUserInput.error(error.to_string()),
    }
}
