//! Targets: what a contract aims at, month by month, in profiles side by side.
//!
//! Pure. A target is never guessed: a month outside its series has none, which is not 0, and neither has a period with
//! such a month. Nothing is rounded.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::figure::Figure;
use super::fraction::{Fraction, OutOfRange};
use super::period::{Month, Period};
use crate::contract::rulebook::CodeList;
use crate::contract::{ContractRecord, Rulebook};
use crate::fact::event::{Quantity, TargetSeries, TargetsPublished};

const AREA: &str = "area";
const COHORT: &str = "cohort";

/// What a figure or target is about: the whole contract, or one member of a dimension.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The whole contract.
    Whole,
    /// One member of a dimension, such as the area `brent`.
    Member {
        /// The dimension: `area`, `team`, `keyworker`, `cohort` and so on.
        dimension: String,
        /// The member, by code.
        code: String,
    },
}

impl Part {
    /// A service area.
    pub fn area(code: &str) -> Self {
        Self::Member { dimension: AREA.to_owned(), code: code.to_owned() }
    }

    /// A cohort.
    pub fn cohort(code: &str) -> Self {
        Self::Member { dimension: COHORT.to_owned(), code: code.to_owned() }
    }

    fn is_of(&self, wanted: &str) -> bool {
        matches!(self, Self::Member { dimension, .. } if dimension == wanted)
    }
}

/// The measure of targets for the value of all outcomes together, in the currency of the contract: a budget or a bid.
/// No figure has this code: what claims are worth is compared with it.
pub const VALUE: &str = "value:outcomes";

/// How the targets of months make that of a longer period, and those of areas that of the whole contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// It adds up: a count, a sum, money. A year has twelve equal parts.
    Flow,
    /// It does not add up: a share, a rate, workers. A longer period has the mean of its months, a month of a year the
    /// year's own target, and the whole contract only what is published for it.
    Level,
}

/// The targets in force of one profile.
#[derive(Debug, Clone)]
pub struct Profile {
    name: String,
    series: BTreeMap<Part, BTreeMap<String, Series>>,
    areas: Vec<Part>,
    cohorts: Vec<Part>,
}

/// The targets of one measure for one part of the contract.
#[derive(Debug, Clone)]
enum Series {
    /// Each month has its own.
    Months(BTreeMap<Month, Fraction>),
    /// The twelve months from each of these on share one.
    Years(BTreeMap<Month, Fraction>),
    /// Those of another measure for the same part, times a factor.
    Ratio { of: String, factor: Fraction },
}

/// Why targets cannot be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// A ratio leads back to itself.
    #[error(
        "the targets of {measure:?} in the profile {profile:?} are a ratio of themselves: give them by month or year"
    )]
    RatioOfItself {
        /// The profile.
        profile: String,
        /// The measure.
        measure: String,
    },
    /// The other measure of a ratio has no targets.
    #[error(
        "the targets of {measure:?} in the profile {profile:?} are a ratio of {of:?}, which has none there: give these too"
    )]
    RatioOfNothing {
        /// The profile.
        profile: String,
        /// The measure.
        measure: String,
        /// The other measure.
        of: String,
    },
    /// A number is too large.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
}

/// The profiles in force, in the order of the rulebook. Of each profile the last published version is in force.
pub fn in_force(contract_record: &ContractRecord, rulebook: &Rulebook) -> Vec<Profile> {
    let (areas, cohorts) = (rulebook.codes.listed(CodeList::Areas), rulebook.codes.listed(CodeList::Cohorts));
    let published = contract_record.targets_in_force().map(|targets| &targets.published.details);
    let mut profiles: Vec<Profile> = published.map(|published| Profile::of(published, (areas, cohorts))).collect();
    let listed_at = |profile: &Profile| rulebook.profiles.iter().position(|listed| *listed == profile.name);
    profiles.sort_by_key(|profile| (listed_at(profile).unwrap_or(usize::MAX), profile.name.clone()));
    profiles
}

impl Profile {
    /// The targets of one version. The areas and cohorts are those of the contract; without a list, those that the targets
    /// name.
    pub fn of(published: &TargetsPublished, (areas, cohorts): (Option<&[String]>, Option<&[String]>)) -> Self {
        let mut series: BTreeMap<Part, BTreeMap<String, Series>> = BTreeMap::new();
        for given in &published.series {
            series.entry(Part::of(given)).or_default().insert(given.measure.clone(), Series::of(given));
        }
        let parts = |listed: Option<&[String]>, dimension: &str| -> Vec<Part> {
            let of = |code: &String| Part::Member { dimension: dimension.to_owned(), code: code.clone() };
            match listed {
                Some(codes) => codes.iter().map(of).collect(),
                None => series.keys().filter(|part| part.is_of(dimension)).cloned().collect(),
            }
        };
        let (areas, cohorts) = (parts(areas, AREA), parts(cohorts, COHORT));
        Self { name: published.profile.clone(), series, areas, cohorts }
    }

    /// The name, such as `business_plan`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The target of a period. Not applicable if one of its months has none, or it is not made of months.
    pub fn target(
        &self,
        (measure, nature): (&str, Nature),
        part: &Part,
        period: &Period,
    ) -> Result<Figure, TargetError> {
        let Some(months) = period.months() else { return Ok(Figure::not_applicable()) };
        let of_month = |month| self.of_month((measure, nature), part, month);
        let Some(targets) = months.iter().map(of_month).collect::<Result<Option<Vec<Fraction>>, _>>()? else {
            return Ok(Figure::not_applicable());
        };
        let target = match nature {
            Nature::Flow => Some(Fraction::sum(targets)?),
            Nature::Level => Fraction::mean(&targets)?,
        };
        Ok(target.map_or(Figure::not_applicable(), Figure::amount))
    }

    /// The target of a month: from the part's own series; for the whole contract without one, the sum of all areas, or
    /// else of all cohorts.
    fn of_month(
        &self,
        (measure, nature): (&str, Nature),
        part: &Part,
        month: Month,
    ) -> Result<Option<Fraction>, TargetError> {
        let (mut asked, mut factor) = (measure, Fraction::from(1));
        for _ in 0..=self.series.get(part).map_or(0, BTreeMap::len) {
            let base = match self.series.get(part).and_then(|of_part| of_part.get(asked)) {
                Some(Series::Ratio { of, factor: further }) => {
                    (asked, factor) = (of, factor.times(*further)?);
                    continue;
                }
                Some(Series::Months(months)) => months.get(&month).copied(),
                Some(Series::Years(years)) => of_year(years, month, nature)?,
                None => match self.parts_with(asked).filter(|_| *part == Part::Whole && nature == Nature::Flow) {
                    Some(parts) => {
                        let of_part = |part: &Part| self.of_month((asked, nature), part, month);
                        let parts = parts.iter().map(of_part).collect::<Result<Option<Vec<_>>, _>>()?;
                        parts.map(Fraction::sum).transpose()?
                    }
                    None if asked == measure => None,
                    None => return Err(self.ratio_of_nothing(measure, asked)),
                },
            };
            return Ok(base.map(|base| base.times(factor)).transpose()?);
        }
        Err(TargetError::RatioOfItself { profile: self.name.clone(), measure: measure.to_owned() })
    }

    /// The areas, or else the cohorts, if one of them has targets of a measure.
    fn parts_with(&self, measure: &str) -> Option<&[Part]> {
        let has = |part: &Part| self.series.get(part).is_some_and(|of_part| of_part.contains_key(measure));
        [&self.areas, &self.cohorts].into_iter().find(|parts| parts.iter().any(has)).map(Vec::as_slice)
    }

    fn ratio_of_nothing(&self, measure: &str, of: &str) -> TargetError {
        let (profile, measure, of) = (self.name.clone(), measure.to_owned(), of.to_owned());
        TargetError::RatioOfNothing { profile, measure, of }
    }
}

/// The target of a month of a year.
fn of_year(years: &BTreeMap<Month, Fraction>, month: Month, nature: Nature) -> Result<Option<Fraction>, OutOfRange> {
    let begun = years.range(..=month).next_back();
    let holding = begun.filter(|(first, _)| first.ahead(11).is_some_and(|last| month <= last));
    match (holding, nature) {
        (None, _) => Ok(None),
        (Some((_, target)), Nature::Flow) => target.over(12.into()),
        (Some((_, target)), Nature::Level) => Ok(Some(*target)),
    }
}

impl Part {
    fn of(series: &TargetSeries) -> Self {
        let cohort = || series.cohort.as_deref().map(Self::cohort);
        series.area.as_deref().map(Self::area).or_else(cohort).unwrap_or(Self::Whole)
    }
}

impl Series {
    fn of(given: &TargetSeries) -> Self {
        let by_month = |targets: &BTreeMap<NaiveDate, Quantity>| {
            targets.iter().map(|(first, target)| (Month::of(*first), target.0.into())).collect()
        };
        match &given.ratio {
            Some(ratio) => Self::Ratio { of: ratio.of.clone(), factor: ratio.factor.0.into() },
            None if given.years.is_empty() => Self::Months(by_month(&given.months)),
            None => Self::Years(by_month(&given.years)),
        }
    }
}

/// The ratios of a version of targets that lead to themselves or to nothing, each with the index of its series.
pub fn faulty_ratios(published: &TargetsPublished) -> Vec<(usize, TargetError)> {
    let series = &published.series;
    let by_name: BTreeMap<(&str, Part), usize> =
        series.iter().enumerate().map(|(index, of)| ((of.measure.as_str(), Part::of(of)), index)).collect();
    let next_of = |of: &TargetSeries| {
        let ratio = of.ratio.as_ref()?;
        by_name.get(&(ratio.of.as_str(), Part::of(of))).copied()
    };
    let next: Vec<Option<usize>> = series.iter().map(next_of).collect();
    let mut faults = Vec::new();
    for (index, given) in series.iter().enumerate() {
        let Some(ratio) = &given.ratio else { continue };
        // The whole contract may take the sum of its areas or cohorts.
        let is_by_part = || Part::of(given) == Part::Whole && series.iter().any(|other| other.measure == ratio.of);
        let (profile, measure) = (published.profile.clone(), given.measure.clone());
        if next[index].is_none() && !is_by_part() {
            faults.push((index, TargetError::RatioOfNothing { profile, measure, of: ratio.of.clone() }));
        } else if std::iter::successors(next[index], |at| next[*at]).take(series.len()).any(|at| at == index) {
            faults.push((index, TargetError::RatioOfItself { profile, measure }));
        }
    }
    faults
}
