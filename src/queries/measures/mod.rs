//! Measures: the figures of a contract, by any of its dimensions, for any period, beside what they are compared with.
//!
//! One evaluation for all: the API, the boards of the command line and documents. The arithmetic is that of
//! [`throughline_domain::performance`]. Each figure can name the facts that it counts ([`members`]).

mod caseload_throughout;
mod cases;
mod groups;
pub mod members;
mod supply;
mod tallies;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use self::groups::Groups;
pub use self::groups::{AttributeValue, Member};
use self::supply::Supplies;
use self::tallies::{Loaded, Span, TalliesOf, Tally};
use crate::access::InScope;
use crate::store::{Sql, StoreError};
use crate::views::generation::Generation;
pub use throughline_domain::contract::rulebook::Dimension;
use throughline_domain::contract::{ContractRecord, Rulebook};
use throughline_domain::fact::envelope::WorkerId;
use throughline_domain::performance::comparison::{Actuals, Aim, Comparison};
use throughline_domain::performance::figure::Figure;
use throughline_domain::performance::fraction::{Fraction, OutOfRange};
use throughline_domain::performance::measure::{
    Basis, ContractValues, Facts, Formula, Measure, TakeOfContract, Unit, Work, Workforce, measures,
};
use throughline_domain::performance::period::Period;
use throughline_domain::performance::target::{self as targets, Part, Profile, TargetError};
use throughline_domain::performance::workforce::DayRange;

/// Every statement of this module.
pub(super) fn statements() -> Vec<&'static Sql> {
    let of_cases = [caseload_throughout::STATEMENTS, cases::STATEMENTS].concat();
    [&tallies::statements(), of_cases.as_slice(), groups::STATEMENTS, members::STATEMENTS].concat()
}

/// The most rows of one question.
pub const ROWS_MAX: usize = 10_000;
/// The most months of a question by month.
pub const BY_MONTH_MAX: usize = 120;

/// What a figure is compared with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a column that is asked for or not")]
pub struct CompareWith {
    /// The targets of every profile.
    pub targets: bool,
    /// The period before.
    pub previous: bool,
    /// The mean of the three months before.
    pub three_months: bool,
    /// The same period a year before.
    pub year_before: bool,
}

/// A question for figures.
#[derive(Debug, Clone)]
pub struct FiguresQuery<'q> {
    /// The measures, in the order of the answer.
    pub measures: &'q [Measure],
    /// The dimensions, in the order of the answer.
    pub by: &'q [Dimension],
    /// The period.
    pub period: Period,
    /// What the figures are compared with.
    pub compare: CompareWith,
    /// The as-of date.
    pub as_of: NaiveDate,
}

/// What a contract knows of itself, for figures that no case makes.
#[derive(Debug, Clone, Copy)]
pub struct OfContract<'c> {
    /// Its rules.
    pub rulebook: &'c Rulebook,
    /// Its targets and what was recorded for it as a whole, at the as-of date.
    pub record: &'c ContractRecord,
    /// Its first day. What ends before it is not compared with.
    pub starts_on: NaiveDate,
}

/// The figures of one measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeasureFigures {
    /// The measure.
    pub measure: Measure,
    /// The measures above and below, if it is a ratio.
    pub parts: Option<(Measure, Measure)>,
    /// Its rows.
    pub rows: Vec<FigureRow>,
}

/// One figure and what it is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FigureRow {
    /// The member of each dimension, in the order of the question, without the month.
    pub members: Vec<Member>,
    /// The dimension of each of them.
    pub by: Vec<Dimension>,
    /// The workers of the group, if it is that of a team.
    pub workers: Vec<WorkerId>,
    /// The profiles of cases in the group, if it is by attributes of cases.
    pub profiles: Vec<String>,
    /// The period: that of the question, or a month of it.
    pub period: Period,
    /// The figure.
    pub figure: Figure,
    /// What it is compared with.
    pub comparison: Comparison,
    /// The service areas of the group that do not supply, on every day of the period, the facts that the figure needs.
    pub without_supply: Vec<String>,
}

/// Why figures cannot be computed.
#[derive(Debug, thiserror::Error)]
pub enum FiguresError {
    /// The view could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A number is too large.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// A target cannot be computed.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The contract has no measure of this code.
    #[error("unknown measure {code:?}: use one of {}", known.join(", "))]
    UnknownMeasure {
        /// The code.
        code: String,
        /// The codes of its measures.
        known: Vec<String>,
    },
    /// The contract has no attribute of cases of this code.
    #[error("unknown attribute {code:?} of cases: {}", remedy(known))]
    UnknownAttribute {
        /// The code.
        code: String,
        /// The codes of its attributes.
        known: Vec<String>,
    },
    /// There would be too many rows.
    #[error("the answer would have more than {ROWS_MAX} rows: ask for fewer dimensions, measures or months")]
    TooManyRows,
    /// There would be too many months.
    #[error("by month, a period has at most {BY_MONTH_MAX} months: ask for a shorter one")]
    TooManyMonths,
    /// The values of cases would be computed from too many facts.
    #[error("a value of cases is computed from at most {} facts: ask for a shorter period", cases::FACTS_MAX)]
    TooManyFacts,
    /// A period that is not made of months was asked for by month.
    #[error("this period is not made of whole months: leave out the month as a dimension, or ask for whole months")]
    NotOfMonths,
}

/// What to do about an attribute that a contract does not have.
fn remedy(known: &[String]) -> String {
    if known.is_empty() {
        "the rulebook of the contract names none".to_owned()
    } else {
        format!("use one of {}", known.join(", "))
    }
}

/// The measures of a rulebook with these codes.
pub fn named(rulebook: &Rulebook, codes: &[String]) -> Result<Vec<Measure>, FiguresError> {
    let all = measures(rulebook);
    let find = |code: &String| {
        all.iter().find(|measure| measure.code == *code).cloned().ok_or_else(|| {
            let known = all.iter().map(|measure| measure.code.clone()).collect();
            FiguresError::UnknownMeasure { code: code.clone(), known }
        })
    };
    codes.iter().map(find).collect()
}

/// The figures of a contract, as known in this view.
pub async fn figures(
    generation: &Generation,
    scope: InScope<'_>,
    of: OfContract<'_>,
    query: &FiguresQuery<'_>,
) -> Result<Vec<MeasureFigures>, FiguresError> {
    in_periods(generation, scope, of, (query, &parts(query)?)).await
}

/// The same for several periods instead of that of the question, in a row each: such as the last twelve months at the
/// end of each month.
pub async fn in_periods(
    generation: &Generation,
    scope: InScope<'_>,
    of: OfContract<'_>,
    (query, parts): (&FiguresQuery<'_>, &[Period]),
) -> Result<Vec<MeasureFigures>, FiguresError> {
    check_attributes(of.rulebook, query.by)?;
    let wanted = Wanted::of(of.rulebook, query.measures);
    let spans = spans(parts, query);
    let by: Vec<Dimension> = query.by.iter().filter(|by| **by != Dimension::Month).cloned().collect();
    let mut loaded = Loaded::read((generation, scope), &wanted, &by, (&spans, query.as_of)).await?;
    let groups = Groups::of((generation, scope), of.rulebook, (&by, &wanted), &mut loaded, query.as_of).await?;
    let profiles = if query.compare.targets { targets::in_force(of.record, of.rulebook) } else { Vec::new() };
    let supplies = Supplies { rulebook: of.rulebook, scope, as_of: query.as_of };
    let (wanted, loaded) = (&wanted, &loaded);
    let evaluation = Evaluation { of, query, wanted, loaded, groups: &groups, profiles: &profiles, supplies };
    let groups_of = |measure: &Measure| groups.rows(measure, wanted);
    let groups: Vec<Vec<Vec<Member>>> = query.measures.iter().map(groups_of).collect();
    if groups.iter().map(Vec::len).sum::<usize>().saturating_mul(parts.len()) > ROWS_MAX {
        return Err(FiguresError::TooManyRows);
    }
    let asked = query.measures.iter().zip(&groups);
    asked.map(|(measure, groups)| evaluation.of_measure(measure, groups, parts)).collect()
}

/// Refuses attributes of cases that the rulebook does not name.
fn check_attributes(rulebook: &Rulebook, by: &[Dimension]) -> Result<(), FiguresError> {
    let unknown = by.iter().find_map(|by| match by {
        Dimension::Attribute(code) if rulebook.case_attribute(code).is_none() => Some(code.clone()),
        _ => None,
    });
    let known = || rulebook.case_attributes.iter().map(|attribute| attribute.code.clone()).collect();
    unknown.map_or(Ok(()), |code| Err(FiguresError::UnknownAttribute { code, known: known() }))
}

/// The periods of the rows: that of the question, or each of its months.
fn parts(query: &FiguresQuery<'_>) -> Result<Vec<Period>, FiguresError> {
    if !query.by.contains(&Dimension::Month) {
        return Ok(vec![query.period]);
    }
    let months = query.period.months().filter(|_| Span::of(&query.period).is_of_months);
    let months: Vec<Period> = months.ok_or(FiguresError::NotOfMonths)?.iter().map(Period::month).collect();
    if months.len() > BY_MONTH_MAX { Err(FiguresError::TooManyMonths) } else { Ok(months) }
}

/// All periods that are needed, each once.
fn spans(parts: &[Period], query: &FiguresQuery<'_>) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for period in parts.iter().flat_map(|period| compared(period, query.compare)) {
        let span = Span::of(&period);
        if !spans.contains(&span) {
            spans.push(span);
        }
    }
    spans
}

/// A period and those that it is compared with.
fn compared(period: &Period, compare: CompareWith) -> Vec<Period> {
    let previous = (compare.previous || compare.targets).then(|| period.previous()).flatten();
    let three = compare.three_months.then(|| period.three_months_before()).flatten();
    let year = compare.year_before.then(|| period.year_before()).flatten();
    let others = previous.into_iter().chain(three.into_iter().flatten()).chain(year);
    std::iter::once(*period).chain(others).collect()
}

/// The measures that must be counted: those of the question, and those that their ratios are made of.
#[derive(Debug)]
pub(super) struct Wanted {
    measures: BTreeMap<String, Measure>,
}

impl Wanted {
    fn of(rulebook: &Rulebook, asked: &[Measure]) -> Self {
        let mut found: BTreeMap<String, Measure> =
            asked.iter().map(|measure| (measure.code.clone(), measure.clone())).collect();
        let parts = asked.iter().flat_map(|measure| measure.formula.parts());
        let missing: BTreeSet<&String> = parts.filter(|code| !found.contains_key(*code)).collect();
        if !missing.is_empty() {
            let is_missing = |measure: &Measure| missing.contains(&measure.code);
            let others = measures(rulebook).into_iter().filter(is_missing).collect::<Vec<_>>();
            found.extend(others.into_iter().map(|measure| (measure.code.clone(), measure)));
        }
        Self { measures: found }
    }

    /// The measures above and below in a ratio.
    fn parts(&self, measure: &Measure) -> Option<(Measure, Measure)> {
        let Formula::Ratio { of, over, .. } = &measure.formula else { return None };
        Some((self.get(of)?.clone(), self.get(over)?.clone()))
    }

    fn get(&self, code: &str) -> Option<&Measure> {
        self.measures.get(code)
    }

    /// Each measure to count.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Measure> {
        self.measures.values()
    }

    /// The measures above and below in a ratio of the same cases.
    fn cohort<'w>(&'w self, measure: &'w Measure) -> Option<(&'w Measure, &'w Measure)> {
        match &measure.formula {
            Formula::Ratio { of, over, basis: Basis::Cohort, .. } => Some((self.get(of)?, self.get(over)?)),
            _ => None,
        }
    }

    /// Each ratio of the same cases, with the measures above and below.
    pub(super) fn cohorts(&self) -> impl Iterator<Item = (&Measure, &Measure, &Measure)> {
        self.iter().filter_map(|measure| self.cohort(measure).map(|(of, over)| (measure, of, over)))
    }
}

/// Everything that the figures of one question are computed from.
struct Evaluation<'e> {
    of: OfContract<'e>,
    query: &'e FiguresQuery<'e>,
    wanted: &'e Wanted,
    loaded: &'e Loaded,
    groups: &'e Groups<'e>,
    profiles: &'e [Profile],
    supplies: Supplies<'e>,
}

impl Evaluation<'_> {
    fn of_measure(
        &self,
        measure: &Measure,
        groups: &[Vec<Member>],
        parts: &[Period],
    ) -> Result<MeasureFigures, FiguresError> {
        let mut rows = Vec::with_capacity(groups.len() * parts.len());
        for members in groups {
            let (workers, profiles) = (self.groups.workers_of(members), self.groups.profiles_of(members));
            for period in parts {
                rows.push(self.row(measure, (members, &workers, &profiles), period)?);
            }
        }
        Ok(MeasureFigures { measure: measure.clone(), parts: self.wanted.parts(measure), rows })
    }

    fn row(
        &self,
        measure: &Measure,
        (members, workers, profiles): (&[Member], &[WorkerId], &[String]),
        period: &Period,
    ) -> Result<FigureRow, FiguresError> {
        let figure = |period: &Period| self.figure(measure, members, period);
        let is_of_contract = |period: &Period| self.of.starts_on <= period.last();
        let beside = |period: Option<Period>| {
            period.filter(is_of_contract).map_or(Ok(Figure::not_applicable()), |period| figure(&period))
        };
        let compare = self.query.compare;
        let needs_previous = compare.previous || compare.targets;
        let three_months = match period.three_months_before() {
            Some([one, two, three]) if compare.three_months => {
                [beside(Some(one))?, beside(Some(two))?, beside(Some(three))?]
            }
            _ => [Figure::not_applicable(); 3],
        };
        let actuals = Actuals {
            now: figure(period)?,
            previous: needs_previous.then(|| beside(period.previous())).transpose()?,
            three_months: compare.three_months.then_some(three_months),
            year_before: compare.year_before.then(|| beside(period.year_before())).transpose()?,
        };
        let mut comparison = Comparison::of(&actuals, self.aims(measure, members, period)?)?;
        if !compare.previous {
            comparison.previous = None;
        }
        let (members, by, figure) = (members.to_vec(), self.groups.by().to_vec(), actuals.now);
        let (workers, profiles) = (workers.to_vec(), profiles.to_vec());
        let without_supply = self.supplies.lacking((measure, self.wanted), &members, period).areas;
        Ok(FigureRow { members, by, workers, profiles, period: *period, figure, comparison, without_supply })
    }

    /// The targets of each profile. Only the whole contract, its service areas and its cohorts have targets, and a caller
    /// who sees some areas sees neither the whole nor whole cohorts.
    fn aims(&self, measure: &Measure, members: &[Member], period: &Period) -> Result<Vec<Aim>, FiguresError> {
        let part = match members {
            [] if self.groups.are_whole() => Some(Part::Whole),
            [Member::Area(area)] => Some(Part::area(area)),
            [Member::Cohort(cohort)] if self.groups.are_whole() && !cohort.is_empty() => Some(Part::cohort(cohort)),
            _ => None,
        };
        let aim = |profile: &Profile| {
            let of_period = |period: Option<Period>| match (&part, period) {
                (Some(part), Some(period)) => target(profile, measure, part, &period),
                _ => Ok(Figure::not_applicable()),
            };
            let (now, previous) = (of_period(Some(*period))?, of_period(period.previous())?);
            Ok(Aim { profile: profile.name().to_owned(), now, previous })
        };
        self.profiles.iter().map(aim).collect()
    }

    /// The figure of a measure for a group of cases and a period.
    fn figure(&self, measure: &Measure, members: &[Member], period: &Period) -> Result<Figure, FiguresError> {
        if self.supplies.lacking((measure, self.wanted), members, period).is_all {
            return Ok(Figure::no_data());
        }
        let figure = match &measure.formula {
            Formula::Ratio { of, over, basis, .. } => {
                let [of, over] = [of, over].map(|code| self.wanted.get(code));
                let (Some(of), Some(over)) = (of, over) else { return Ok(Figure::not_applicable()) };
                let below = self.base(over, members, period)?;
                let above = match basis {
                    Basis::Period => self.base(of, members, period)?,
                    Basis::Cohort => {
                        let of = TalliesOf::Cohort(measure.code.clone(), Span::of(period));
                        Figure::count(self.groups.tallies(&of, members).iter().map(|tally| tally.facts).sum())
                    }
                };
                above.divided_by(&below)?
            }
            _ => self.base(measure, members, period)?,
        };
        Ok(if period.is_provisional(self.query.as_of) { figure.provisional() } else { figure })
    }

    /// The figure of a measure that is no ratio.
    fn base(&self, measure: &Measure, members: &[Member], period: &Period) -> Result<Figure, FiguresError> {
        let span = Span::of(period);
        match &measure.formula {
            Formula::Count(facts) => {
                let count: u64 = self.facts(&span, members, facts).map(|tally| tally.facts).sum();
                let is_of_cases = measure.unit == Unit::Cases;
                Ok(if is_of_cases { Figure::count(count) } else { Figure::amount(count.into()) })
            }
            Formula::Sum(facts) => {
                let quantities: Vec<Fraction> = self.facts(&span, members, facts).map(|tally| tally.quantity).collect();
                if quantities.is_empty() {
                    Ok(Figure::no_data())
                } else {
                    Ok(Figure::amount(Fraction::sum(quantities)?))
                }
            }
            Formula::Caseload | Formula::CaseloadThroughout if self.query.as_of < period.first() => {
                Ok(Figure::no_data())
            }
            Formula::CaseloadThroughout => {
                let cases = self.groups.worths(measure, &span, members).len();
                Ok(Figure::count(u64::try_from(cases).map_err(|_| OutOfRange)?))
            }
            Formula::Caseload => {
                let cases = self.groups.tallies(&TalliesOf::Caseload(span), members);
                Ok(Figure::count(cases.iter().map(|tally| tally.facts).sum()))
            }
            Formula::OfContract(of) if members.is_empty() && self.groups.are_whole() => self.of_contract(of, &span),
            Formula::OfCases(of) => Ok(of.figure(&self.groups.worths(measure, &span, members))?),
            Formula::Share(share) => Ok(share.figure(&self.groups.worths(measure, &span, members))?),
            Formula::Work(Work::AwaitingPlan) if self.of.rulebook.referral_to_plan.is_none() => Ok(Figure::no_data()),
            Formula::Work(_) if self.query.as_of < period.first() => Ok(Figure::no_data()),
            Formula::Work(work) => {
                let found = self.groups.tallies(&TalliesOf::Work(*work, span), members);
                let count = found.iter().map(|tally| tally.facts).sum();
                let is_of_cases = measure.unit == Unit::Cases;
                Ok(if is_of_cases { Figure::count(count) } else { Figure::amount(count.into()) })
            }
            Formula::Wte if self.groups.are_of_workers() && self.groups.are_whole() => {
                let is_counted = |worker| self.groups.hold_worker(members, worker);
                Ok(self.loaded.wte((period, self.query.as_of), is_counted)?)
            }
            Formula::Workforce(_) | Formula::Supervision(_) => Ok(self.workforce(&measure.formula, members, period)?),
            Formula::OfContract(_) | Formula::Wte | Formula::Ratio { .. } => Ok(Figure::not_applicable()),
        }
    }

    /// A number about the workers, the posts or the cases that they hold. Service areas have no workers of their own.
    fn workforce(&self, formula: &Formula, members: &[Member], period: &Period) -> Result<Figure, OutOfRange> {
        let (span, as_of) = (Span::of(period), self.query.as_of);
        let Some(days) = DayRange::to_last(period.first(), period.last().min(as_of)) else {
            return Ok(Figure::no_data());
        };
        match formula {
            Formula::Workforce(Workforce::MeanCaseload) => {
                let cases = self.groups.tallies(&TalliesOf::CaseDays(span), members);
                let total = Fraction::sum(cases.iter().map(|tally| tally.quantity))?;
                Ok(total.over(days.length().into())?.map_or(Figure::no_data(), Figure::amount))
            }
            Formula::Workforce(Workforce::Seen { within_days }) => {
                let cases = self.groups.tallies(&TalliesOf::Seen(span, *within_days), members);
                Ok(Figure::count(cases.iter().map(|tally| tally.facts).sum()))
            }
            _ if self.groups.are_of_workers() && self.groups.are_whole() => {
                self.loaded.staff.figure(formula, (period, as_of), |about| self.groups.hold(members, about))
            }
            _ => Ok(Figure::not_applicable()),
        }
    }

    /// The tallies of these facts in a group and a period.
    fn facts<'t>(&'t self, span: &Span, members: &[Member], facts: &'t Facts) -> impl Iterator<Item = &'t Tally> {
        let tallies = Tally::within(self.groups.tallies(&span.tallies_of(), members), span);
        tallies.iter().filter(move |tally| tally.is_one_of(facts))
    }

    /// What was recorded for the contract as a whole. No data if nothing was.
    fn of_contract(&self, of: &ContractValues, span: &Span) -> Result<Figure, FiguresError> {
        let recorded = self.of.record.measures.iter().filter(|entry| entry.details.code == of.code);
        let dated = recorded.map(|entry| {
            let day = entry.details.period.map_or(entry.occurred.earliest(), |of| of.last);
            (day, Fraction::from(entry.details.value.0))
        });
        let mut values: Vec<(NaiveDate, Fraction)> = dated.filter(|(day, _)| span.holds(*day)).collect();
        // Of several values of one day, the last is the one that was recorded last.
        values.sort_by_key(|(day, _)| *day);
        let Some((_, last)) = values.last().copied() else { return Ok(Figure::no_data()) };
        let sum = Fraction::sum(values.iter().map(|(_, value)| *value))?;
        let count = u64::try_from(values.len()).map_err(|_| OutOfRange)?;
        Ok(match of.take {
            TakeOfContract::Sum => Figure::amount(sum),
            TakeOfContract::Mean => Figure::quotient(sum, count.into())?,
            TakeOfContract::Last => Figure::amount(last),
        })
    }
}

/// The target of a profile. That of a share is published in percent.
fn target(profile: &Profile, measure: &Measure, part: &Part, period: &Period) -> Result<Figure, FiguresError> {
    let target = profile.target((&measure.code, measure.nature()), part, period)?;
    if measure.unit == Unit::Percent { Ok(target.divided_by(&Figure::amount(100.into()))?) } else { Ok(target) }
}
