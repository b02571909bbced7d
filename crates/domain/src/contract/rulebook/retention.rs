//! How long data about people is kept: one period for each class, from the last day of a person's last case.
//!
//! It says when a period is over. It never decides that anything is erased.

use chrono::{Datelike as _, Months, NaiveDate};

use super::grammar::retention::CLASSES;
use super::reader::{Report, Section};
use crate::fact::sealed::Class;

/// The longest period: a hundred years.
const MONTHS_MAX: u32 = 1_200;
/// The months of a year.
const YEAR: u32 = 12;

/// How long the data of one class is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// The class of data.
    pub class: Class,
    /// The period in months, from 1 to 1,200.
    pub months: u32,
    /// The source of the period. None if no source states it.
    pub source: Option<String>,
    /// Whether the period is an illustration that no source states.
    pub illustrative: bool,
}

impl Retention {
    /// The first day on which the data need not be kept any more, if the last case ended on this day.
    pub fn over_on(&self, ended_on: NaiveDate) -> NaiveDate {
        ended_on.checked_add_months(Months::new(self.months)).unwrap_or(NaiveDate::MAX)
    }

    /// The latest day on which a last case may have ended for the period to be over on a day.
    pub fn ended_by(&self, on: NaiveDate) -> NaiveDate {
        let earliest = on.checked_sub_months(Months::new(self.months)).unwrap_or(NaiveDate::MIN);
        // The last days of a longer month end on the same day of a shorter one.
        let later = earliest.iter_days().take_while(|day| day.month() == earliest.month() && self.over_on(*day) <= on);
        later.last().unwrap_or(earliest)
    }

    /// The period in words, such as "6 years".
    pub fn period_in_words(&self) -> String {
        let (number, unit) =
            if self.months.is_multiple_of(YEAR) { (self.months / YEAR, "year") } else { (self.months, "month") };
        if number == 1 { format!("1 {unit}") } else { format!("{number} {unit}s") }
    }

    /// Why the data is kept, in words: the period and its source.
    pub fn in_words(&self) -> String {
        let source = match &self.source {
            Some(source) if self.illustrative => format!("{source}; illustrative"),
            Some(source) => source.clone(),
            None => "illustrative: no source states it".to_owned(),
        };
        let period = self.period_in_words();
        format!("Data of the class {} is kept for {period} after the last case ({source}).", self.class.as_str())
    }
}

/// The class without a period, if the rulebook has periods for the others only.
pub(super) fn class_without_period(periods: &[Retention]) -> Option<Class> {
    let has = |class: &Class| periods.iter().any(|period| period.class == *class);
    Class::ALL.into_iter().find(|class| !periods.is_empty() && !has(class))
}

/// Reads `[[retention]]`.
pub(super) fn retention(top: &Section<'_>, report: &mut Report<'_>) -> Vec<Retention> {
    let mut periods: Vec<Retention> = Vec::new();
    for section in top.sections("retention") {
        let Some(period) = period(&section, report) else { continue };
        if periods.iter().any(|earlier| earlier.class == period.class) {
            let problem = format!("the class {:?} already has a period above", period.class.as_str());
            let remedy = "keep one period for each class";
            report.add(section.place_of("class"), Some(&section.path_of("class")), problem, remedy);
        }
        periods.push(period);
    }
    periods
}

fn period(section: &Section<'_>, report: &mut Report<'_>) -> Option<Retention> {
    let (years, months) = (section.whole("years"), section.whole("months"));
    let source = section.text("source");
    let illustrative = section.flag("illustrative")?;
    if section.has("illustrative") && !illustrative && source.is_none() {
        let remedy = "write source = \"contract, clause 27.4\", or illustrative = true where no source states it";
        let at = section.place_of("illustrative");
        report.add(at, Some(&section.path_of("illustrative")), "the period has no source", remedy);
    }
    let key = if years.is_some() { "years" } else { "months" };
    let months = years.map(|years| years.saturating_mul(YEAR)).or(months)?;
    if months > MONTHS_MAX {
        let problem = "the period is longer than 100 years";
        let remedy = "write the period after which the data is due to be erased";
        report.add(section.place_of(key), Some(&section.path_of(key)), problem, remedy);
    }
    Some(Retention { class: section.word("class", &CLASSES)?, months, source, illustrative })
}

#[cfg(test)]
mod tests {
    use super::super::explain;
    use super::super::tests::{WHOLE, faults, rulebook};
    use super::*;
    use crate::world::day;

    fn with(retention: &str) -> String {
        format!("{WHOLE}\n[[retention]]\nclass = \"identity\"\n{retention}\n")
    }

    fn months(months: u32) -> Retention {
        Retention { class: Class::Identity, months, source: None, illustrative: true }
    }

    #[test]
    fn a_period_is_over_on_the_day_that_the_calendar_says() {
        for (period, ended, over) in [
            (1, "2023-01-31", "2023-02-28"),
            (12, "2024-02-29", "2025-02-28"),
            (72, "2018-02-23", "2024-02-23"),
            (18, "2022-08-31", "2024-02-29"),
        ] {
            assert_eq!(months(period).over_on(day(ended)), day(over), "{period} {ended}");
        }
    }

    #[test]
    fn who_is_due_on_a_day_is_found_by_the_last_day_that_a_case_may_have_ended() {
        for (period, on, ended) in [
            (1, "2023-02-28", "2023-01-31"),
            (1, "2023-03-30", "2023-02-28"),
            (1, "2023-03-28", "2023-02-28"),
            (12, "2025-02-28", "2024-02-29"),
            (72, "2024-02-23", "2018-02-23"),
        ] {
            let period = months(period);
            assert_eq!(period.ended_by(day(on)), day(ended), "{period:?} {on}");
            assert!(period.over_on(day(ended)) <= day(on));
            assert!(period.over_on(day(ended).succ_opt().expect("a day")) > day(on));
        }
    }

    #[test]
    fn periods_are_explained_and_a_missing_class_is_a_warning() {
        let read = rulebook(&with("years = 6\nsource = \"contract, clause 27.4\""));
        assert_eq!(read.retention.len(), 1);
        assert_eq!(rulebook(WHOLE).sections_that_differ(&read), ["retention"]);
        let sentences = explain::of(&read);
        for sentence in [
            "Data of the class identity is kept for 6 years after the last case (contract, clause 27.4).",
            "Warning: [[retention]]: the class special has no period, so nobody becomes due for erasure. Write a period \
             for it.",
        ] {
            assert!(sentences.iter().any(|one| one == sentence), "{sentences:#?}");
        }
        let both = with("months = 18\nillustrative = true")
            + "[[retention]]\nclass = \"special\"\nyears = 1\nillustrative = true\n";
        let both = rulebook(&both);
        assert_eq!(both.retention.iter().map(Retention::period_in_words).collect::<Vec<_>>(), ["18 months", "1 year"]);
        assert!(!explain::of(&both).iter().any(|one| one.contains("[[retention]]")));
    }

    #[test]
    fn nonsense_is_refused_with_line_and_remedy() {
        let section = WHOLE.lines().count() + 2;
        for (retention, at, fault) in [
            ("illustrative = true", 0, "retention: the period is missing; write years = 6 or months = 18"),
            (
                "years = 6\nmonths = 6\nillustrative = true",
                0,
                "retention: the period is given as years and months; write only years or only months",
            ),
            (
                "years = 101\nillustrative = true",
                2,
                "retention.years: the period is longer than 100 years; write the period after which the data is due to \
                 be erased",
            ),
            (
                "years = 6",
                0,
                "retention: the period has no source; write source = \"contract, clause 27.4\", or illustrative = true \
                 where no source states it",
            ),
            (
                "years = 6\nillustrative = false",
                3,
                "retention.illustrative: the period has no source; write source = \"contract, clause 27.4\", or \
                 illustrative = true where no source states it",
            ),
            (
                "years = 6\nillustrative = true\n[[retention]]\nclass = \"identity\"\nyears = 2\nillustrative = true",
                5,
                "retention.class: the class \"identity\" already has a period above; keep one period for each class",
            ),
        ] {
            let found = faults(&with(retention));
            assert_eq!(found, [format!("line {}: {fault}", section + at)], "{retention}");
        }
        for years in ["0", "-1", "1.5", "\"6\""] {
            assert_eq!(faults(&with(&format!("years = {years}\nillustrative = true"))).len(), 1, "{years}");
        }
        assert_eq!(faults(&with("years = 6\nillustrative = true").replace("\"identity\"", "\"names\"")).len(), 1);
    }
}
