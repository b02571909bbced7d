//! Counted tables: when they can answer, and how the counts of a group are packed in one row.
//!
//! They hold the counts after all events in the log. A query for an earlier day reads the dated tables, in the same
//! statement, so that no answer mixes the two.

use super::board;

/// The contract `$1` if it has no fact after the day `$2`, so that the counted tables are right for that day, else
/// nothing. Used as the value that an index is searched for, it reads no rows in vain.
macro_rules! settled {
    () => {
        "(select $1 where not exists (select 1 from newest_day n where n.contract = $1 and n.day > $2))"
    };
}
pub(super) use settled;

/// The contract if it has a later fact, so that only the dated tables can answer.
macro_rules! unsettled {
    () => {
        "(select $1 where exists (select 1 from newest_day n where n.contract = $1 and n.day > $2))"
    };
}
pub(super) use unsettled;

/// The counts of a group in one row, as `days` and `counts`. Transferring a row costs more than its content.
macro_rules! packed {
    ($days:literal, $counts:literal) => {
        concat!("string_agg(", $days, ", ',') as days, string_agg(cast(", $counts, " as text), ',') as counts")
    };
}
pub(super) use packed;

/// The counts of a group from one row, each with its days.
pub(super) fn unpacked<'r>(mut days: &'r str, mut counts: &'r str) -> impl Iterator<Item = (&'r str, u64)> {
    std::iter::from_fn(move || {
        if counts.is_empty() {
            return None;
        }
        let count = next_of(&mut counts).parse().expect("a count is a number");
        Some((next_of(&mut days), board::count(count)))
    })
}

/// Takes the text before the next comma. The texts are so short that comparing bytes is cheaper than a search.
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
    fn counts_are_unpacked_with_and_without_days() {
        assert_eq!(
            unpacked("2018-01-10,2018-02-01", "2,17").collect::<Vec<_>>(),
            [("2018-01-10", 2), ("2018-02-01", 17)]
        );
        assert_eq!(unpacked("", "3").collect::<Vec<_>>(), [("", 3)]);
        assert_eq!(unpacked(",2018-02-01,", "3,10,4").collect::<Vec<_>>(), [("", 3), ("2018-02-01", 10), ("", 4)]);
    }
}
