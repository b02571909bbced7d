//! The first and last instant of a civil day in a time zone, including days on which clocks change at midnight.
//!
//! Pure. Everything that turns a day into instants uses these functions, so that "known on" means the same in boards,
//! queries, feeds and files.

use chrono::{DateTime, LocalResult, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;

/// The civil date of an instant in a time zone.
pub fn civil_day(instant: DateTime<Utc>, zone: Tz) -> NaiveDate {
    instant.with_timezone(&zone).date_naive()
}

/// The first instant of a civil day in a time zone. If the clocks skip midnight, the instant at which they do. A day
/// that is skipped entirely starts when the next day starts.
pub fn start_of_day(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    match midnights(day, zone) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => at,
        LocalResult::None => first_after_skipped_midnight(day, zone),
    }
}

/// The last microsecond of a civil day in a time zone. If the clocks go back over midnight, the second time.
pub fn end_of_day(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let Some(next) = day.succ_opt() else { return DateTime::<Utc>::MAX_UTC };
    let before = |at: DateTime<Utc>| at - TimeDelta::microseconds(1);
    match midnights(next, zone) {
        LocalResult::Ambiguous(_, second) if civil_day(before(second), zone) <= day => before(second),
        _ => before(start_of_day(next, zone)),
    }
}

fn midnights(day: NaiveDate, zone: Tz) -> LocalResult<DateTime<Utc>> {
    zone.from_local_datetime(&day.and_time(NaiveTime::MIN)).map(|at| at.to_utc())
}

/// No zone is more than a day from UTC, and no clock skips more than a day.
fn first_after_skipped_midnight(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let midnight = day.and_time(NaiveTime::MIN);
    let is_past = |at: DateTime<Utc>| at.with_timezone(&zone).naive_local() >= midnight;
    let about = midnight.and_utc();
    let (mut before, mut after) = (about - TimeDelta::days(2), about + TimeDelta::days(2));
    while after - before > TimeDelta::seconds(1) {
        let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
        if is_past(middle) {
            after = middle;
        } else {
            before = middle;
        }
    }
    after
}

#[cfg(test)]
mod tests {
    use chrono_tz::{America, Asia, Europe, Pacific};

    use super::*;
    use crate::world::day;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("an instant")
    }

    #[test]
    fn a_day_whose_midnight_is_skipped_begins_when_the_clocks_skip_it() {
        let skipped = [
            (America::Sao_Paulo, "2018-11-04", "2018-11-04T03:00:00Z"),
            (Asia::Beirut, "2022-03-27", "2022-03-26T22:00:00Z"),
            (America::Havana, "2022-03-13", "2022-03-13T05:00:00Z"),
            (America::Asuncion, "2022-10-02", "2022-10-02T04:00:00Z"),
            (America::Santiago, "2022-09-11", "2022-09-11T04:00:00Z"),
            (Pacific::Apia, "2011-12-31", "2011-12-30T10:00:00Z"),
        ];
        for (zone, on, began) in skipped {
            assert_eq!(start_of_day(day(on), zone), at(began), "{zone}");
            assert_eq!(end_of_day(day(on).pred_opt().expect("a day"), zone), at(began) - TimeDelta::microseconds(1));
        }
    }

    #[test]
    fn a_day_that_is_skipped_whole_has_no_instant() {
        let skipped = day("2011-12-30");
        assert_eq!(start_of_day(skipped, Pacific::Apia), at("2011-12-30T10:00:00Z"));
        assert_eq!(end_of_day(skipped, Pacific::Apia), at("2011-12-30T09:59:59.999999Z"));
    }

    #[test]
    fn a_midnight_that_comes_twice_begins_the_day_once_and_ends_the_one_before_at_its_last_instant() {
        // In Havana the clocks go back from 01:00 to 00:00: the first midnight begins the day.
        assert_eq!(start_of_day(day("2022-11-06"), America::Havana), at("2022-11-06T04:00:00Z"));
        assert_eq!(end_of_day(day("2022-11-05"), America::Havana), at("2022-11-06T03:59:59.999999Z"));
        // In St John's they went back from 00:01 to 23:01: the day before ends after the second 23:59.
        assert_eq!(end_of_day(day("2010-11-06"), America::St_Johns), at("2010-11-07T03:29:59.999999Z"));
    }

    #[test]
    fn every_day_ends_where_the_next_begins() {
        let zones = [Europe::London, America::Sao_Paulo, America::Santiago, Asia::Beirut, Pacific::Apia];
        for zone in zones {
            let mut on = day("2010-01-01");
            while on < day("2023-01-01") {
                let next = on.succ_opt().expect("a day");
                assert_eq!(end_of_day(on, zone) + TimeDelta::microseconds(1), start_of_day(next, zone), "{zone} {on}");
                if start_of_day(on, zone) < start_of_day(next, zone) {
                    assert_eq!(civil_day(start_of_day(on, zone), zone), on);
                    assert_eq!(civil_day(end_of_day(on, zone), zone), on);
                }
                on = next;
            }
        }
    }
}
