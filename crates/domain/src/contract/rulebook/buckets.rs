//! The rows of a board that counts days: an inclusive upper edge and a label for each row.
//!
//! It does not decide which days are counted.

/// A set of rows over whole days. Row `i` holds the days up to and including `upper[i]`. One more row holds everything
/// above the last edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buckets {
    /// Inclusive upper edges in days, strictly rising.
    pub upper: Vec<u32>,
    /// One label for each row: one more than there are edges.
    pub labels: Vec<String>,
    /// The label of the row for cases without a number of days.
    pub none: String,
}

impl Buckets {
    /// The row for this many days, as an index into `labels`.
    pub fn bucket(&self, days: u32) -> usize {
        self.upper.partition_point(|edge| *edge < days)
    }

    /// The row that holds every number of days from `lowest` to `highest`. `None` if they fall in different rows: a
    /// date known only to the month or year then belongs in the row "date imprecise".
    pub fn holding(&self, lowest: u32, highest: u32) -> Option<usize> {
        let bucket = self.bucket(lowest);
        (bucket == self.bucket(highest)).then_some(bucket)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Buckets;

    fn buckets(upper: &[u32]) -> Buckets {
        Buckets {
            upper: upper.to_vec(),
            labels: (0..=upper.len()).map(|row| format!("row {row}")).collect(),
            none: "none".to_owned(),
        }
    }

    #[test]
    fn both_sets_agree_on_every_edge_but_differ_at_28_days() {
        let recency = buckets(&[7, 14, 21, 27]);
        let referral_to_plan = buckets(&[7, 14, 21, 28]);
        let expected = [
            (0, 0, 0),
            (7, 0, 0),
            (8, 1, 1),
            (14, 1, 1),
            (15, 2, 2),
            (21, 2, 2),
            (22, 3, 3),
            (27, 3, 3),
            (28, 4, 3),
            (29, 4, 4),
        ];
        for (days, since_contact, to_plan) in expected {
            assert_eq!(recency.bucket(days), since_contact, "{days} days since contact");
            assert_eq!(referral_to_plan.bucket(days), to_plan, "{days} days to plan");
        }
    }

    #[test]
    fn an_interval_across_an_edge_has_no_row() {
        let set = buckets(&[7, 14, 21, 27]);
        assert_eq!(set.holding(0, 4), Some(0));
        assert_eq!(set.holding(7, 8), None);
        assert_eq!(set.holding(28, 400), Some(4));
        assert_eq!(set.holding(0, u32::MAX), None);
    }

    proptest! {
        #[test]
        fn a_row_holds_an_interval_if_it_holds_every_day_of_it(
            edges in proptest::collection::btree_set(0_u32..60, 0..6),
            lowest in 0_u32..70,
            length in 0_u32..30,
        ) {
            let set = buckets(&edges.into_iter().collect::<Vec<_>>());
            let rows: std::collections::BTreeSet<_> =
                (lowest..=lowest + length).map(|days| set.bucket(days)).collect();
            let only = (rows.len() == 1).then(|| rows.first().copied()).flatten();
            prop_assert_eq!(set.holding(lowest, lowest + length), only);
        }

        #[test]
        fn every_day_is_between_the_edges_of_its_row(
            edges in proptest::collection::btree_set(0_u32..60, 0..6),
            days in 0_u32..70,
        ) {
            let set = buckets(&edges.into_iter().collect::<Vec<_>>());
            let row = set.bucket(days);
            prop_assert!(row < set.labels.len());
            prop_assert!(set.upper.get(row).is_none_or(|edge| days <= *edge));
            prop_assert!(row == 0 || set.upper[row - 1] < days);
        }
    }
}
