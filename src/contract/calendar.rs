//! Working days: which civil days offices are open, by bank-holiday division.
//!
//! Calendars are data, never computed: the days stand in `calendar/bank-holidays.json`, as GOV.UK publishes them
//! (alphagov/calendars for 2015 to 2021, the public feed www.gov.uk/bank-holidays.json for 2022 to 2027; Open
//! Government Licence v3.0). Beyond the years of the data nothing is guessed: it is said that they end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use chrono::{Datelike as _, Days, NaiveDate, Weekday};
use serde::Deserialize;
use serde_json::Value;

/// The bank holidays that ship.
const SHIPPED: &str = include_str!("calendar/bank-holidays.json");

/// The bank holidays of every division.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankHolidays {
    divisions: BTreeMap<String, WorkingDays>,
}

/// The working days of one division: Monday to Friday, but for its bank holidays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkingDays {
    division: String,
    holidays: BTreeSet<NaiveDate>,
    first_year: i32,
    last_year: i32,
}

/// A day lies outside the years whose bank holidays are known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{day} lies outside the bank holidays of {division} that are known ({first_year} to {last_year}): use a build that knows them"
)]
pub struct BeyondCalendar {
    /// The day that was asked about.
    pub day: NaiveDate,
    /// The division.
    pub division: String,
    /// The first year that is known.
    pub first_year: i32,
    /// The last year that is known.
    pub last_year: i32,
}

/// A calendar file that is of neither form.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableCalendar {
    /// It is not JSON.
    #[error("the calendar is not JSON")]
    Json(#[from] serde_json::Error),
    /// It is JSON of another form.
    #[error("the calendar has no division with dated bank holidays: take the file that GOV.UK publishes")]
    Form,
    /// A date is of neither form.
    #[error("{0:?} is no date of a calendar: write YYYY-MM-DD or DD/MM/YYYY")]
    Date(String),
}

impl BankHolidays {
    /// The bank holidays that ship.
    pub fn shipped() -> &'static Self {
        static READ: LazyLock<BankHolidays> =
            LazyLock::new(|| BankHolidays::read(SHIPPED).expect("the calendar that ships is checked by a test"));
        &READ
    }

    /// Reads a calendar in either form: today's public feed (`{division: {events: [{date}]}}`, ISO dates) or the
    /// earlier `{divisions: {division: {year: [{date}]}}}` with DD/MM/YYYY.
    pub fn read(text: &str) -> Result<Self, UnreadableCalendar> {
        #[derive(Deserialize)]
        struct Day {
            date: String,
        }
        let whole: Value = serde_json::from_str(text)?;
        let divisions = whole.get("divisions").unwrap_or(&whole).as_object().ok_or(UnreadableCalendar::Form)?;
        let mut read = BTreeMap::new();
        for (division, of) in divisions {
            let lists = of.as_object().into_iter().flatten().filter(|(_, list)| list.is_array());
            let mut holidays = BTreeSet::new();
            for (_, list) in lists {
                for Day { date } in Vec::<Day>::deserialize(list)? {
                    holidays.insert(date_of(&date).ok_or(UnreadableCalendar::Date(date))?);
                }
            }
            if let (Some(first), Some(last)) = (holidays.first(), holidays.last()) {
                let (first_year, last_year) = (first.year(), last.year());
                let division = division.clone();
                read.insert(division.clone(), WorkingDays { division, holidays, first_year, last_year });
            }
        }
        if read.is_empty() { Err(UnreadableCalendar::Form) } else { Ok(Self { divisions: read }) }
    }

    /// The working days of a division.
    pub fn division(&self, name: &str) -> Option<&WorkingDays> {
        self.divisions.get(name)
    }

    /// The names of the divisions.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.divisions.keys().map(String::as_str)
    }
}

fn date_of(text: &str) -> Option<NaiveDate> {
    text.parse().ok().or_else(|| NaiveDate::parse_from_str(text, "%d/%m/%Y").ok())
}

impl WorkingDays {
    /// Whether offices are open that day.
    pub fn is_working(&self, day: NaiveDate) -> Result<bool, BeyondCalendar> {
        if matches!(day.weekday(), Weekday::Sat | Weekday::Sun) {
            return Ok(false);
        }
        if !(self.first_year..=self.last_year).contains(&day.year()) {
            let Self { division, first_year, last_year, .. } = self.clone();
            return Err(BeyondCalendar { day, division, first_year, last_year });
        }
        Ok(!self.holidays.contains(&day))
    }

    /// The n-th working day after a day, counted from the day after it; the day itself for 0.
    pub fn nth_after(&self, from: NaiveDate, n: u32) -> Result<NaiveDate, BeyondCalendar> {
        let mut day = from;
        for _ in 0..n {
            loop {
                day = day.checked_add_days(Days::new(1)).expect("a calendar ends long before time does");
                if self.is_working(day)? {
                    break;
                }
            }
        }
        Ok(day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    #[test]
    fn the_nth_working_day_is_that_of_the_golden_table() {
        for line in include_str!("../../tests/golden/working_days.csv").lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            let [from, n, division, expected] = cells.as_slice() else { panic!("{line}") };
            let days = BankHolidays::shipped().division(division).expect("a division");
            assert_eq!(days.nth_after(day(from), n.parse().expect("a number")), Ok(day(expected)), "{line}");
        }
    }

    #[test]
    fn the_calendar_that_ships_has_every_division_from_2015_to_2027() {
        let shipped = BankHolidays::shipped();
        assert_eq!(shipped.names().collect::<Vec<_>>(), ["england-and-wales", "northern-ireland", "scotland"]);
        for division in shipped.divisions.values() {
            assert_eq!((division.first_year, division.last_year), (2015, 2027));
            let weekday = |day: &&NaiveDate| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
            assert_eq!(division.holidays.iter().filter(weekday).count(), division.holidays.len());
        }
        let scotland = shipped.division("scotland").expect("a division");
        assert_eq!(scotland.is_working(day("2020-04-13")), Ok(true), "Easter Monday is worked in Scotland");
    }

    #[test]
    fn both_forms_of_a_calendar_are_read_alike() {
        let early = r#"{"title": "x", "divisions": {"scotland": {"slug": "s",
            "2019": [{"title": "t", "date": "25/12/2019", "notes": "", "bunting": true}],
            "2020": [{"title": "t", "date": "01/01/2020", "notes": "", "bunting": true}]}}}"#;
        let today = r#"{"scotland": {"division": "scotland", "events": [
            {"title": "t", "date": "2019-12-25"}, {"title": "t", "date": "2020-01-01"}]}}"#;
        assert_eq!(BankHolidays::read(early).expect("a calendar"), BankHolidays::read(today).expect("a calendar"));
        assert!(matches!(BankHolidays::read("{}"), Err(UnreadableCalendar::Form)));
        assert!(matches!(BankHolidays::read("[]"), Err(UnreadableCalendar::Form)));
        let wrong = today.replace("2019-12-25", "25 December");
        assert!(matches!(BankHolidays::read(&wrong), Err(UnreadableCalendar::Date(_))));
    }

    #[test]
    fn beyond_its_years_the_calendar_says_so() {
        let days = BankHolidays::shipped().division("england-and-wales").expect("a division");
        let beyond = days.nth_after(day("2027-12-30"), 2).expect_err("2028 is unknown");
        assert_eq!((beyond.day, beyond.last_year), (day("2028-01-03"), 2027));
        assert_eq!(days.nth_after(day("2030-01-01"), 0), Ok(day("2030-01-01")));
    }
}
