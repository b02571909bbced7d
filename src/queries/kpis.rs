//! Indicators: the level of each in each month, the figures that it comes from, and what may follow it.
//!
//! Levels are computed from figures of measures, and from nothing else. Where the parties assessed a month, their level
//! applies, and the computed one stays beside it. Nothing is withheld here and no notice is issued.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::measures::{self, BY_MONTH_MAX, CompareWith, FigureRow, FiguresError, FiguresQuery, OfContract};
use crate::access::InScope;
use crate::views::generation::Generation;
use throughline_domain::contract::Rulebook;
use throughline_domain::fact::Entry;
use throughline_domain::fact::event::{self, KpiAssessed, NoticeIssued};
use throughline_domain::fact::money::Money;
use throughline_domain::performance::figure::{Figure, State};
use throughline_domain::performance::fraction::OutOfRange;
use throughline_domain::performance::kpi::{Kpi, KpiPeriod, Level, Levels, MONTHS_OF_A_RUN, kpis, run};
use throughline_domain::performance::measure::{
    Formula, Measure, Unit, measure as measure_of, measures as measures_of,
};
use throughline_domain::performance::period::{Month, Months, Period, Unit as Part};
use throughline_domain::performance::target::Nature;
use throughline_domain::performance::withholding::{WithheldFrom, Withholding};

/// A question for the levels of indicators.
#[derive(Debug, Clone, Copy)]
pub struct KpiQuery {
    /// The period: each month that it touches.
    pub period: Period,
    /// The figures to read of each month, beside that which decides the level.
    pub figures: Figures,
    /// The as-of date.
    pub as_of: NaiveDate,
}

/// Which figures of an indicator are read for each month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figures {
    /// That of the month.
    OfMonth,
    /// Those of the month, of the last three and twelve months, and since the start of the contract.
    OfEveryPeriod,
}

/// An indicator, month by month.
#[derive(Debug, Clone)]
pub struct KpiMonths {
    /// The indicator.
    pub kpi: Kpi,
    /// Its measure.
    pub measure: Measure,
    /// The two measures that it is made of, if it is a ratio.
    pub parts: Option<(Measure, Measure)>,
    /// The months, in order.
    pub months: Vec<KpiMonth>,
}

/// An indicator in one month.
#[derive(Debug, Clone)]
pub struct KpiMonth {
    /// The month.
    pub period: Period,
    /// The figures, the shortest period first. The first is that of the month.
    pub figures: Vec<KpiFigure>,
    /// The level that follows from the figures. None for a month under way, and without a value.
    pub computed: Option<Level>,
    /// The level that applies: that of the assessment as it was settled, or else the computed one, which a run of failing
    /// months makes major.
    pub level: Option<Level>,
    /// The assessment of the parties, the last one if there are several.
    pub assessed: Option<Entry<KpiAssessed>>,
    /// The notices of the kinds that the level allows, issued after the month. Those that answer another indicator are not
    /// among them.
    pub notices: Vec<Entry<NoticeIssued>>,
    /// What may be withheld. None without a major failure, and if the amount is not known.
    pub withheld: Option<Money>,
}

/// The figure of an indicator over some months.
#[derive(Debug, Clone)]
pub struct KpiFigure {
    /// Which months.
    pub over: KpiPeriod,
    /// Their days.
    pub period: Period,
    /// The figure.
    pub figure: Figure,
    /// The level of the figure on its own. None while a month is under way, and without a value. If the value grows with
    /// the length of the period, only the figure that decides has one.
    pub level: Option<Level>,
}

/// What the indicators of a contract are read from.
#[derive(Clone, Copy)]
struct Reading<'r> {
    generation: &'r Generation,
    scope: InScope<'r>,
    of: OfContract<'r>,
    as_of: NaiveDate,
}

/// The indicators of a contract over the months of a period, as known in this view. None before its start.
pub async fn levels(
    generation: &Generation,
    scope: InScope<'_>,
    of: OfContract<'_>,
    asked: KpiQuery,
) -> Result<Vec<KpiMonths>, FiguresError> {
    let reading = Reading { generation, scope, of, as_of: asked.as_of };
    let kpis = with_measures(of);
    let Some((months, shown_from)) = months(&asked.period, of.starts_on)?.filter(|_| !kpis.is_empty()) else {
        return Ok(Vec::new());
    };
    let mut rows: BTreeMap<(KpiPeriod, String), Vec<FigureRow>> = BTreeMap::new();
    let mut parts: BTreeMap<String, (Measure, Measure)> = BTreeMap::new();
    for over in KpiPeriod::ALL {
        let is_read =
            |kpi: &Kpi| over == KpiPeriod::Month || over == kpi.period || asked.figures == Figures::OfEveryPeriod;
        let wanted: BTreeMap<&str, &Measure> =
            kpis.iter().filter(|(kpi, _)| is_read(kpi)).map(|(kpi, of)| (kpi.measure.as_str(), of)).collect();
        let wanted: Vec<Measure> = wanted.into_values().cloned().collect();
        if wanted.is_empty() {
            continue;
        }
        let periods: Vec<Period> = months.iter().filter_map(|month| over.up_to(month, of.starts_on)).collect();
        for found in reading.figures(&wanted, &periods).await? {
            if let Some(of_ratio) = found.parts {
                parts.insert(found.measure.code.clone(), of_ratio);
            }
            rows.insert((over, found.measure.code), found.rows);
        }
    }
    let mut found = Vec::with_capacity(kpis.len());
    for (kpi, measure) in kpis {
        let judged = judged(of.rulebook, (&kpi, &measure), &rows)?;
        let months = reading.months(&kpi, judged, shown_from).await?;
        let parts = parts.get(&measure.code).cloned();
        found.push(KpiMonths { kpi, measure, parts, months });
    }
    Ok(found)
}

/// What may be withheld of an amount for a period that ends on a day. None if the amount is not known, or if the caller
/// sees only some service areas.
pub async fn withheld(
    generation: &Generation,
    scope: InScope<'_>,
    of: OfContract<'_>,
    (withholding, day, as_of): (&Withholding, NaiveDate, NaiveDate),
) -> Result<Option<Money>, FiguresError> {
    Reading { generation, scope, of, as_of }.withheld(withholding, day).await
}

/// The indicators whose measure the rulebook has. A standard with levels is one only if its share has its code.
fn with_measures(of: OfContract<'_>) -> Vec<(Kpi, Measure)> {
    let all = measures_of(of.rulebook);
    let own: BTreeSet<&str> = of.rulebook.kpis.iter().map(|kpi| kpi.code.as_str()).collect();
    let measure = |kpi: &Kpi| {
        let found = all.iter().find(|measure| measure.code == kpi.measure)?;
        (own.contains(kpi.code.as_str()) || found.unit == Unit::Percent).then(|| found.clone())
    };
    kpis(of.rulebook).into_iter().filter_map(|kpi| Some((kpi.clone(), measure(&kpi)?))).collect()
}

/// The months to read, and the first one to show: those of the period, and before them those that can belong to a run of
/// failing months. None before the contract starts.
fn months(period: &Period, starts_on: NaiveDate) -> Result<Option<(Months, Month)>, FiguresError> {
    let (start, last) = (Month::of(starts_on), Month::of(period.last()));
    let shown_from = Month::of(period.first()).max(start);
    if last < shown_from {
        return Ok(None);
    }
    let first = shown_from.back(MONTHS_OF_A_RUN).map_or(start, |first| first.max(start));
    let months = Months::from_to(first, last).filter(|months| months.iter().count() <= BY_MONTH_MAX);
    months.map(|months| Some((months, shown_from))).ok_or(FiguresError::TooManyMonths)
}

/// Whether the value of a measure grows with the length of the period: what adds up, divided by what does not. A level
/// of one period then says nothing about another.
fn grows_with_the_period(rulebook: &Rulebook, measure: &Measure) -> bool {
    let Formula::Ratio { of, over, .. } = &measure.formula else { return false };
    let [above, below] = [of, over].map(|code| measure_of(rulebook, code).map(|part| part.nature()));
    (above, below) == (Some(Nature::Flow), Some(Nature::Level))
}

/// The figures of an indicator for each month, with their own levels.
fn judged(
    rulebook: &Rulebook,
    (kpi, measure): (&Kpi, &Measure),
    rows: &BTreeMap<(KpiPeriod, String), Vec<FigureRow>>,
) -> Result<Vec<Vec<KpiFigure>>, OutOfRange> {
    let levels = Levels::of_kpi(kpi);
    let is_of_one_length = grows_with_the_period(rulebook, measure);
    let mut months: Vec<Vec<KpiFigure>> = Vec::new();
    for over in KpiPeriod::ALL {
        let has_level = over == kpi.period || !is_of_one_length;
        let of_period = rows.get(&(over, kpi.measure.clone())).map_or(&[][..], Vec::as_slice);
        for (at, row) in of_period.iter().enumerate() {
            let value = row.figure.value().filter(|_| has_level && row.figure.state() == State::Value);
            let level = value.map(|value| measure.in_units(value)).transpose()?.map(|value| levels.level(value));
            let figure = KpiFigure { over, period: row.period, figure: row.figure, level };
            match months.get_mut(at) {
                Some(month) => month.push(figure),
                None => months.push(vec![figure]),
            }
        }
    }
    Ok(months)
}

/// The level that applies in each month, from its own level and the grade of its assessment. An assessed month counts in
/// a run of failing months, but a run does not change what the parties settled: also that there is no level.
fn applying(months: &[(Option<Level>, Option<&str>)]) -> Vec<Option<Level>> {
    let settled = |(own, grade): &(Option<Level>, Option<&str>)| grade.map_or(*own, Level::named);
    let levels = run(months.iter().map(settled));
    levels
        .into_iter()
        .zip(months)
        .map(|(level, month)| if month.1.is_some() { settled(month) } else { level })
        .collect()
}

impl Reading<'_> {
    async fn figures(
        &self,
        measures: &[Measure],
        periods: &[Period],
    ) -> Result<Vec<measures::MeasureFigures>, FiguresError> {
        let Some(period) = periods.last().copied() else { return Ok(Vec::new()) };
        let (compare, as_of) = (CompareWith::default(), self.as_of);
        let query = FiguresQuery { measures, by: &[], period, compare, as_of };
        measures::in_periods(self.generation, self.scope, self.of, (&query, periods)).await
    }

    /// The months of an indicator from one on, from the figures of every month that was read.
    async fn months(
        &self,
        kpi: &Kpi,
        judged: Vec<Vec<KpiFigure>>,
        shown_from: Month,
    ) -> Result<Vec<KpiMonth>, FiguresError> {
        let own =
            |figures: &Vec<KpiFigure>| figures.iter().find(|one| one.over == kpi.period).and_then(|one| one.level);
        let assessed: Vec<Option<&Entry<KpiAssessed>>> =
            judged.iter().map(|figures| self.assessed(kpi, figures.first()?.period)).collect();
        let computed = run(judged.iter().map(own));
        let grades = assessed.iter().map(|assessed| assessed.map(|entry| entry.details.grade.as_str()));
        let applying = applying(&judged.iter().map(own).zip(grades).collect::<Vec<_>>());
        let mut months = Vec::new();
        for (((figures, computed), level), assessed) in judged.into_iter().zip(computed).zip(applying).zip(assessed) {
            let Some(period) = figures.first().map(|first| first.period) else { continue };
            if Month::of(period.last()) < shown_from {
                continue;
            }
            let withheld = match &kpi.consequences.withhold {
                Some(withholding) if level == Some(Level::Major) => self.withheld(withholding, period.last()).await?,
                _ => None,
            };
            let tools = level.map(|level| kpi.tools(level)).unwrap_or_default();
            let is_after = |notice: &&Entry<NoticeIssued>| {
                let answers = notice.details.kpi.as_ref().is_none_or(|answered| *answered == kpi.code);
                answers && tools.contains(&notice.details.kind) && notice.occurred.earliest() > period.last()
            };
            let notices = self.of.record.notices.iter().filter(is_after).cloned().collect();
            months.push(KpiMonth { period, figures, computed, level, assessed: assessed.cloned(), notices, withheld });
        }
        Ok(months)
    }

    /// The last assessment of an indicator for a month. It is about the whole contract, so a caller who sees some service
    /// areas is not shown it.
    fn assessed(&self, kpi: &Kpi, month: Period) -> Option<&Entry<KpiAssessed>> {
        let period = event::Period { first: month.first(), last: month.last() };
        let all = self.of.record.assessments.iter().filter(|_| self.scope.areas().is_none());
        all.rev().find(|entry| entry.details.kpi == kpi.code && entry.details.period == period)
    }

    async fn withheld(&self, withholding: &Withholding, day: NaiveDate) -> Result<Option<Money>, FiguresError> {
        if self.scope.areas().is_some() {
            return Ok(None);
        }
        let amount = match &withholding.of {
            WithheldFrom::Amount(amount) => Some((*amount).into()),
            WithheldFrom::Recorded(code) => {
                let recorded =
                    measures_of(self.of.rulebook).into_iter().find(|one| one.code == format!("contract:{code}"));
                let measures: Vec<Measure> = recorded.into_iter().collect();
                let year = Period::of(Part::FinancialYear(self.of.rulebook.calendar.financial_year), day);
                let found = self.figures(&measures, &[year]).await?;
                found.first().and_then(|found| found.rows.first()?.figure.value())
            }
        };
        let currency = &self.of.rulebook.currency;
        Ok(amount.map(|amount| withholding.part_of(amount, currency)).transpose()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use throughline_domain::contract::rulebook::packs::packs;
    use throughline_domain::performance::measure::Basis;
    use throughline_domain::world::day;

    fn shown(first: &str, last: &str, starts_on: &str) -> Option<(String, String, String)> {
        let period = Period::days(day(first), day(last)).expect("in order");
        let found = months(&period, day(starts_on)).expect("few months");
        found.map(|(months, from)| (months.first().to_string(), from.to_string(), months.last().to_string()))
    }

    #[test]
    fn two_months_before_the_period_are_read_for_the_run_but_none_before_the_contract() {
        let months = |first: &str, from: &str, last: &str| Some((first.to_owned(), from.to_owned(), last.to_owned()));
        assert_eq!(shown("2018-04-10", "2018-05-02", "2017-01-01"), months("2018-02", "2018-04", "2018-05"));
        assert_eq!(shown("2018-02-01", "2018-02-28", "2018-01-15"), months("2018-01", "2018-02", "2018-02"));
        assert_eq!(shown("2017-11-01", "2018-02-28", "2018-01-15"), months("2018-01", "2018-01", "2018-02"));
        assert_eq!(shown("2017-11-01", "2017-12-31", "2018-01-15"), None);
    }

    #[test]
    fn an_assessed_month_counts_in_a_run_and_keeps_its_own_level() {
        let minor = Some(Level::Minor);
        let levels = |months: &[(Option<Level>, Option<&str>)]| -> Vec<&str> {
            applying(months).into_iter().map(|level| level.map_or("-", Level::as_str)).collect()
        };
        let unassessed = (minor, None);
        let settled = |grade| (minor, Some(grade));
        assert_eq!(
            levels(&[unassessed, unassessed, settled("minor"), unassessed]),
            ["minor", "minor", "minor", "major"]
        );
        assert_eq!(levels(&[unassessed, unassessed, settled("met"), unassessed]), ["minor", "minor", "met", "minor"]);
        assert_eq!(levels(&[unassessed, settled("waived"), unassessed]), ["minor", "-", "minor"]);
    }

    #[test]
    fn the_value_of_facts_over_what_does_not_add_up_grows_with_the_period() {
        let rulebook = Rulebook::parse(packs()[0].text).expect("a pack is a rulebook");
        let grows = |code: &str| {
            let found = measure_of(&rulebook, code).expect("every contract has it");
            grows_with_the_period(&rulebook, &found)
        };
        let found = ["contacts_per_wte_week", "utilisation", "caseload_per_wte", "contacts"].map(grows);
        assert_eq!(found, [false; 4], "both add up, or neither does, or there is no ratio");
        let ratio = |of: &str, over: &str| Measure {
            formula: Formula::Ratio { of: of.to_owned(), over: over.to_owned(), basis: Basis::Period, percent: false },
            ..measure_of(&rulebook, "utilisation").expect("every contract has it")
        };
        assert!(grows_with_the_period(&rulebook, &ratio("contacts", "caseload")));
        assert!(grows_with_the_period(&rulebook, &ratio("absence_days", "wte")));
        assert!(!grows_with_the_period(&rulebook, &ratio("caseload", "contacts")));
    }

    #[test]
    fn more_months_than_a_question_may_have_are_refused() {
        let period = Period::days(day("2000-01-01"), day("2012-12-31")).expect("in order");
        assert!(matches!(months(&period, day("2000-01-01")), Err(FiguresError::TooManyMonths)));
    }
}
