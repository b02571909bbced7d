//! The days and hours of the demo's year: when the service was open, and when facts were recorded.

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeZone as _, Utc, Weekday};
use chrono_tz::Europe::London;
use chrono_tz::Tz;

/// The first day of the demo's year.
pub(super) const FIRST: NaiveDate = day(2017, 3, 1);
/// The last day of the demo's year.
pub(super) const LAST: NaiveDate = day(2018, 2, 28);
/// The number of months in the demo's year.
pub(super) const MONTHS: usize = 12;

/// The bank holidays of the demo's year in England.
const BANK_HOLIDAYS: [NaiveDate; 8] = [
    day(2017, 4, 14),
    day(2017, 4, 17),
    day(2017, 5, 1),
    day(2017, 5, 29),
    day(2017, 8, 28),
    day(2017, 12, 25),
    day(2017, 12, 26),
    day(2018, 1, 1),
];

/// The first hour in which facts are recorded on a working day.
pub(super) const MORNING: u32 = 9;
/// The last hour in which facts are recorded.
pub(super) const EVENING: u32 = 18;

/// The hours to which recording times are rounded up, so that the demo is recorded in a few large batches.
const TAKEN_AT: [u32; 5] = [8, 10, 13, 16, EVENING];

/// A valid date.
pub(super) const fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).expect("the demo uses valid dates")
}

/// The day this many days later.
pub(super) fn after(from: NaiveDate, days: u32) -> NaiveDate {
    from + Days::new(days.into())
}

/// The day this many days earlier.
pub(super) fn before(from: NaiveDate, days: u32) -> NaiveDate {
    from - Days::new(days.into())
}

/// Whether the service was open.
pub(super) fn is_working(day: NaiveDate) -> bool {
    !matches!(day.weekday(), Weekday::Sat | Weekday::Sun) && !BANK_HOLIDAYS.contains(&day)
}

/// This day, or the next day on which the service was open.
pub(super) fn working(mut day: NaiveDate) -> NaiveDate {
    while !is_working(day) {
        day = after(day, 1);
    }
    day
}

/// The day this many calendar days later, or the next working day after it.
pub(super) fn working_after(from: NaiveDate, days: u32) -> NaiveDate {
    working(after(from, days))
}

/// Every working day of a period, both ends included.
pub(super) fn working_days(from: NaiveDate, to: NaiveDate) -> Vec<NaiveDate> {
    from.iter_days().take_while(|day| *day <= to).filter(|day| is_working(*day)).collect()
}

/// The first and the last day of a month of the demo's year, counted from 0.
pub(super) fn month(index: usize) -> (NaiveDate, NaiveDate) {
    let months = |count: usize| chrono::Months::new(u32::try_from(count).expect("a small number of months"));
    (FIRST + months(index), before(FIRST + months(index + 1), 1))
}

/// When a fact was recorded: a day and a full hour in London.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    pub(super) day: NaiveDate,
    pub(super) hour: u32,
}

impl Moment {
    /// The last moment of the demo's year.
    pub(super) const END: Self = Self::at(LAST, EVENING);

    pub(super) const fn at(day: NaiveDate, hour: u32) -> Self {
        Self { day, hour }
    }

    /// The recording time in the log, in London.
    pub(super) fn instant(self) -> DateTime<Utc> {
        self.instant_in(London)
    }

    /// The recording time in the log, in a time zone.
    pub(super) fn instant_in(self, zone: Tz) -> DateTime<Utc> {
        let hour = TAKEN_AT.into_iter().find(|hour| self.hour <= *hour).expect("no fact is recorded after the evening");
        let local = self.day.and_hms_opt(hour, 0, 0).expect("an hour of a day");
        let local = zone.from_local_datetime(&local).single().expect("no clock changes in office hours");
        local.with_timezone(&Utc)
    }
}
