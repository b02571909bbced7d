//! Counted tables: when they may answer, and how a group of counts comes in one row.
//!
//! They tell how things stand once everything has happened that the log tells of. A question about an earlier day goes to
//! the dated tables, in the same statement, so that no answer is ever half of each.

use chrono::NaiveDate;

use super::board;

/// Whether nothing of the contract `$1` comes after the day `$2`, so that counted tables say how things stand on it.
macro_rules! settled {
    () => {
        "not exists (select 1 from newest_day n where n.contract = $1 and n.day > $2)"
    };
}
pub(super) use settled;

/// Whether something does, so that only dated tables can say it.
macro_rules! unsettled {
    () => {
        "exists (select 1 from newest_day n where n.contract = $1 and n.day > $2)"
    };
}
pub(super) use unsettled;

/// The counts of a group in one text: days, separated by a space, and how many.
macro_rules! packed {
    ($count:literal, $($day:expr),+) => {
        concat!("string_agg(", $("cast(", $day, " as text) || ' ' || ",)+ "cast(", $count, " as text), ',')")
    };
}
pub(super) use packed;

/// The counts of a group: the text of its days, and how many.
pub(super) fn unpacked(packed: &str) -> impl Iterator<Item = (&str, u64)> {
    packed.split(',').map(|one| {
        let (days, count) = one.rsplit_once(' ').expect("days and a count");
        (days, board::count(count.parse().expect("a count is a number")))
    })
}

/// A day as both stores write it in a text.
pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day is a date")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_come_with_their_days_in_one_text() {
        let counts: Vec<_> = unpacked("2018-01-10 2018-01-31 2,2018-02-01 2018-02-01 17").collect();
        assert_eq!(counts, [("2018-01-10 2018-01-31", 2), ("2018-02-01 2018-02-01", 17)]);
        assert_eq!(packed!("x.n", "x.a", "x.b").matches("cast(").count(), 3);
    }
}
