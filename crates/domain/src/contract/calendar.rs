//! Working days by bank-holiday division.
//!
//! Calendars are data and never computed. The days are in `calendar/bank-holidays.json`, as GOV.UK publishes them
//! (alphagov/calendars for 2015 to 2021, the public feed www.gov.uk/bank-holidays.json for 2022 to 2027; Open
//! Government Licence v3.0; Scotland's 15 June 2026 by Royal Proclamation). A further file may add days, years and
//! divisions. It is read once, before any outcome is judged. For days beyond the years of the data the answer is an
//! error, never a guess.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, OnceLock};

use chrono::{Datelike as _, Days, NaiveDate, Weekday};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::contract::rulebook::canonical;

/// The bank holidays that are built in.
const SHIPPED: &str = include_str!("calendar/bank-holidays.json");

/// The built-in bank holidays with those of a further file, once one is given.
static FURTHER: OnceLock<BankHolidays> = OnceLock::new();

/// The bank holidays of every division.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankHolidays {
    divisions: BTreeMap<String, WorkingDays>,
}

/// The working days of one division: Monday to Friday without its bank holidays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkingDays {
    division: String,
    holidays: BTreeSet<NaiveDate>,
    /// The years with at least one known bank holiday. Other years are unknown.
    years: BTreeSet<i32>,
    /// SHA-256 of the division and its days.
    hash: String,
}

/// A day is outside the years with known bank holidays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "bank holidays of {division} are known only for {years}, not for {day}: give a further file with `--bank-holidays`"
)]
pub struct BeyondCalendar {
    /// The requested day.
    pub day: NaiveDate,
    /// The division.
    pub division: String,
    /// The known years, such as `2015 to 2027`.
    pub years: String,
}

/// A calendar file in neither of the two forms.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableCalendar {
    /// It is not JSON.
    #[error("the calendar is not JSON")]
    Json(#[from] serde_json::Error),
    /// It is JSON in another form.
    #[error("the calendar has no division with dated bank holidays: use the file that GOV.UK publishes")]
    Form,
    /// A date is in neither form.
    #[error("{0:?} is not a date: use YYYY-MM-DD or DD/MM/YYYY")]
    Date(String),
}

/// A further file of bank holidays was given for the second time, or after days had already been counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a further file of bank holidays can be given only once, before any outcome is judged: give it at the start")]
pub struct AlreadyCounted;

impl BankHolidays {
    /// The known bank holidays: the built-in ones, and those of the further file if one was given.
    pub fn known() -> &'static Self {
        static READ: LazyLock<BankHolidays> = LazyLock::new(|| match FURTHER.get() {
            Some(further) => BankHolidays::shipped().with(further),
            None => BankHolidays::shipped(),
        });
        &READ
    }

    /// The built-in bank holidays.
    pub fn shipped() -> Self {
        Self::read(SHIPPED).expect("a test checks the built-in calendar")
    }

    /// Adds a further file to the built-in bank holidays, until this process ends. Call this at the start of the
    /// process, before anything else.
    pub fn add(further: Self) -> Result<(), AlreadyCounted> {
        FURTHER.set(further).map_err(|_| AlreadyCounted)
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
            if !holidays.is_empty() {
                read.insert(division.clone(), WorkingDays::of(division.clone(), holidays));
            }
        }
        if read.is_empty() { Err(UnreadableCalendar::Form) } else { Ok(Self { divisions: read }) }
    }

    /// Combines two calendars. Days, years and divisions are added and none is removed.
    #[must_use]
    pub fn with(mut self, further: &Self) -> Self {
        for (name, of) in &further.divisions {
            let known = self.divisions.get(name).into_iter().flat_map(|known| known.holidays.iter());
            let holidays = known.chain(&of.holidays).copied().collect();
            self.divisions.insert(name.clone(), WorkingDays::of(name.clone(), holidays));
        }
        self
    }

    /// The working days of a division.
    pub fn division(&self, name: &str) -> Option<&WorkingDays> {
        self.divisions.get(name)
    }

    /// The names of the divisions.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.divisions.keys().map(String::as_str)
    }

    /// SHA-256 of all divisions, in lower-case hexadecimal.
    pub fn hash(&self) -> String {
        let hashes: BTreeMap<&str, &str> =
            self.divisions.iter().map(|(name, of)| (name.as_str(), of.hash.as_str())).collect();
        canonical::sha256_hex(&canonical::json(&json!(hashes)))
    }
}

fn date_of(text: &str) -> Option<NaiveDate> {
    text.parse().ok().or_else(|| NaiveDate::parse_from_str(text, "%d/%m/%Y").ok())
}

impl WorkingDays {
    fn of(division: String, holidays: BTreeSet<NaiveDate>) -> Self {
        let years = holidays.iter().map(chrono::Datelike::year).collect();
        let hash = canonical::sha256_hex(&canonical::json(&json!({ "division": division, "days": holidays })));
        Self { division, holidays, years, hash }
    }

    /// SHA-256 of the division's name and bank holidays as RFC 8785 JSON, in lower-case hexadecimal. Derivations that
    /// use the calendar name this hash.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The last day up to which the bank holidays of every year, from the first known year on, are known.
    pub fn known_through(&self) -> Option<NaiveDate> {
        let first = *self.years.first()?;
        let last = (first..=9999).take_while(|year| self.years.contains(year)).last()?;
        NaiveDate::from_ymd_opt(last, 12, 31)
    }

    /// Whether this day is a working day.
    pub fn is_working(&self, day: NaiveDate) -> Result<bool, BeyondCalendar> {
        if matches!(day.weekday(), Weekday::Sat | Weekday::Sun) {
            return Ok(false);
        }
        if !self.years.contains(&day.year()) {
            return Err(BeyondCalendar { day, division: self.division.clone(), years: self.years_known() });
        }
        Ok(!self.holidays.contains(&day))
    }

    /// The fewest and the most civil days from a day to the n-th working day after it, over all days of the known
    /// years. None if no such range is known.
    pub fn waits(&self, n: u32) -> Option<(u32, u32)> {
        let (first, last) = (*self.years.first()?, *self.years.last()?);
        let (first, last) = (NaiveDate::from_ymd_opt(first, 1, 1)?, NaiveDate::from_ymd_opt(last, 12, 31)?);
        let known = first.iter_days().take_while(|day| *day <= last);
        let working: Vec<NaiveDate> = known.filter(|day| self.is_working(*day) == Ok(true)).collect();
        if n == 0 {
            return Some((0, 0));
        }
        // The wait that ends on a working day is shortest from the day before the first of the n, and longest from the
        // working day before it.
        let n = usize::try_from(n).ok()?;
        let span = |from: NaiveDate, to: NaiveDate| u32::try_from((to - from).num_days()).ok();
        let shortest = working.windows(n).filter_map(|days| span(days[0].pred_opt()?, days[n - 1])).min()?;
        let longest = working.windows(n + 1).filter_map(|days| span(days[0], days[n])).max()?;
        Some((shortest, longest))
    }

    /// The known years as text: ranges of years, in order.
    fn years_known(&self) -> String {
        let mut stretches: Vec<(i32, i32)> = Vec::new();
        for year in &self.years {
            match stretches.last_mut() {
                Some((_, last)) if *last + 1 == *year => *last = *year,
                _ => stretches.push((*year, *year)),
            }
        }
        let words = stretches
            .into_iter()
            .map(|(first, last)| if first == last { first.to_string() } else { format!("{first} to {last}") });
        words.collect::<Vec<_>>().join(", ")
    }

    /// The n-th working day after a day, counted from the next day. The day itself for 0.
    pub fn nth_after(&self, from: NaiveDate, n: u32) -> Result<NaiveDate, BeyondCalendar> {
        let mut day = from;
        for _ in 0..n {
            loop {
                day = day.checked_add_days(Days::new(1)).expect("the known years end before the last possible date");
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
    use crate::world::day;

    #[test]
    fn the_nth_working_day_matches_the_golden_table() {
        for line in include_str!("../../../../tests/golden/working_days.csv").lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            let [from, n, division, expected] = cells.as_slice() else { panic!("{line}") };
            let days = BankHolidays::known().division(division).expect("a division");
            assert_eq!(days.nth_after(day(from), n.parse().expect("a number")), Ok(day(expected)), "{line}");
        }
    }

    #[test]
    fn the_built_in_calendar_has_every_division_from_2015_to_2027() {
        let shipped = BankHolidays::known();
        assert_eq!(shipped.names().collect::<Vec<_>>(), ["england-and-wales", "northern-ireland", "scotland"]);
        for division in shipped.divisions.values() {
            assert_eq!(
                (division.years_known(), division.known_through()),
                ("2015 to 2027".to_owned(), Some(day("2027-12-31")))
            );
            let weekday = |day: &&NaiveDate| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
            assert_eq!(division.holidays.iter().filter(weekday).count(), division.holidays.len());
        }
        let scotland = shipped.division("scotland").expect("a division");
        assert_eq!(scotland.is_working(day("2020-04-13")), Ok(true), "Easter Monday is a working day in Scotland");
        assert_eq!(scotland.is_working(day("2026-06-15")), Ok(false), "the World Cup bank holiday");
        let england = shipped.division("england-and-wales").expect("a division");
        assert_eq!(england.is_working(day("2026-06-15")), Ok(true), "only Scotland has it");
    }

    #[test]
    fn both_forms_of_a_calendar_give_the_same_result() {
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
        let days = BankHolidays::known().division("england-and-wales").expect("a division");
        let beyond = days.nth_after(day("2027-12-30"), 2).expect_err("2028 is unknown");
        assert_eq!((beyond.day, beyond.years.as_str()), (day("2028-01-03"), "2015 to 2027"));
        assert_eq!(days.nth_after(day("2030-01-01"), 0), Ok(day("2030-01-01")));
    }

    #[test]
    fn a_further_calendar_adds_days_years_and_divisions_and_removes_none() {
        let known = BankHolidays::known();
        let further = r#"{"scotland": {"events": [{"date": "2026-07-10"}, {"date": "2029-01-01"}]},
            "jersey": {"events": [{"date": "2028-05-09"}]}}"#;
        let both = known.clone().with(&BankHolidays::read(further).expect("a calendar"));
        let scotland = both.division("scotland").expect("a division");
        assert_eq!(scotland.is_working(day("2026-07-10")), Ok(false), "the day that was added");
        assert_eq!(scotland.is_working(day("2026-06-15")), Ok(false), "the built-in days stay");
        assert!(scotland.is_working(day("2028-01-05")).is_err(), "a year without a bank holiday is unknown");
        assert_eq!(
            (scotland.years_known(), scotland.known_through()),
            ("2015 to 2027, 2029".to_owned(), Some(day("2027-12-31")))
        );
        assert_eq!(both.division("jersey").expect("a division").is_working(day("2028-05-09")), Ok(false));
        let hash = |of: &BankHolidays, division: &str| of.division(division).expect("a division").hash().to_owned();
        assert_ne!(hash(&both, "scotland"), hash(known, "scotland"));
        assert_eq!(hash(&both, "england-and-wales"), hash(known, "england-and-wales"));
        assert_ne!(both.hash(), known.hash());
    }
}
