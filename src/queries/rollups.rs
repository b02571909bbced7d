//! Rollups: tables of counts, and how the counts of a group are packed in one row.
//!
//! They hold the counts after all events in the log. A question about a day before the contract's newest fact reads the
//! dated tables. Both parts are in one statement, so that no answer mixes the two: of `(select $1 where exists …)` and
//! `(select $1 where not exists …)` one is the contract and the other nothing. As the value that an index is searched
//! for, nothing reads no rows. Counts are packed with `string_agg`, because transferring a row costs more than its
//! content.

use super::board;

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
