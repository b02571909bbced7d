//! Counted tables: when they may answer, and how a group of counts comes in one row.
//!
//! They tell how things stand once everything has happened that the log tells of. A question about an earlier day goes to
//! the dated tables, in the same statement, so that no answer is ever half of each.

use super::board;

/// The contract `$1` where nothing of it comes after the day `$2`, so that counted tables say how things stand on it;
/// nothing otherwise. As what an index is searched for it costs no row on the way that does not serve.
macro_rules! settled {
    () => {
        "(select $1 where not exists (select 1 from newest_day n where n.contract = $1 and n.day > $2))"
    };
}
pub(super) use settled;

/// The contract where something does, so that only dated tables can say it.
macro_rules! unsettled {
    () => {
        "(select $1 where exists (select 1 from newest_day n where n.contract = $1 and n.day > $2))"
    };
}
pub(super) use unsettled;

/// The counts of a group in one row, as `days` and `counts`: a row costs more on its way than what is in it.
macro_rules! packed {
    ($days:literal, $counts:literal) => {
        concat!("string_agg(", $days, ", ',') as days, string_agg(cast(", $counts, " as text), ',') as counts")
    };
}
pub(super) use packed;

/// The counts of a group that came in one row: when, and how many.
pub(super) fn unpacked<'r>(mut days: &'r str, mut counts: &'r str) -> impl Iterator<Item = (&'r str, u64)> {
    std::iter::from_fn(move || {
        if counts.is_empty() {
            return None;
        }
        let count = next_of(&mut counts).parse().expect("a count is a number");
        Some((next_of(&mut days), board::count(count)))
    })
}

/// Takes what stands before the next comma. Each is so short that to look at its bytes costs less than to search for one.
fn next_of<'r>(packed: &mut &'r str) -> &'r str {
    let end = packed.bytes().position(|byte| byte == b',').unwrap_or(packed.len());
    let (next, rest) = packed.split_at(end);
    *packed = rest.get(1..).unwrap_or_default();
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_come_with_their_days_and_with_none() {
        assert_eq!(
            unpacked("2018-01-10,2018-02-01", "2,17").collect::<Vec<_>>(),
            [("2018-01-10", 2), ("2018-02-01", 17)]
        );
        assert_eq!(unpacked("", "3").collect::<Vec<_>>(), [("", 3)]);
        assert_eq!(unpacked(",2018-02-01,", "3,10,4").collect::<Vec<_>>(), [("", 3), ("2018-02-01", 10), ("", 4)]);
    }
}
