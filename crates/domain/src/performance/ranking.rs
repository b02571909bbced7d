//! League tables: who comes first.
//!
//! Pure. Equal values have equal ranks, and the next rank leaves as many out: 1, 2, 3, 3, 5. Who has no value has no
//! rank.

use super::fraction::Fraction;

/// A place in a league table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place<T> {
    /// From 1. None without a value.
    pub rank: Option<usize>,
    /// The name.
    pub name: String,
    /// The value.
    pub value: Option<Fraction>,
    /// What stands there.
    pub of: T,
}

/// The league table of these names and values: the greatest value first, by name within a tie, those without a value
/// last.
pub fn ranked<T>(values: impl IntoIterator<Item = (String, Option<Fraction>, T)>) -> Vec<Place<T>> {
    let mut rows: Vec<(String, Option<Fraction>, T)> = values.into_iter().collect();
    // None is less than any value.
    rows.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    let mut places: Vec<Place<T>> = Vec::with_capacity(rows.len());
    for (at, (name, value, of)) in rows.into_iter().enumerate() {
        let tied = places.last().filter(|before| before.value == value);
        let rank = value.map(|_| tied.and_then(|before| before.rank).unwrap_or(at + 1));
        places.push(Place { rank, name, value, of });
    }
    places
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(values: &[(&str, Option<u64>)]) -> Vec<(Option<usize>, String)> {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), value.map(Fraction::from), ()));
        ranked(values).into_iter().map(|place| (place.rank, place.name)).collect()
    }

    #[test]
    fn ties_share_a_rank_by_name_and_the_next_rank_leaves_as_many_out() {
        let found =
            table(&[("e", Some(7)), ("d", Some(9)), ("a", Some(30)), ("c", Some(9)), ("b", Some(20)), ("f", None)]);
        let expected = [(1, "a"), (2, "b"), (3, "c"), (3, "d"), (5, "e")];
        let mut expected: Vec<_> = expected.map(|(rank, name)| (Some(rank), name.to_owned())).into();
        expected.push((None, "f".to_owned()));
        assert_eq!(found, expected);
    }

    proptest! {
        #[test]
        fn a_rank_is_one_more_than_the_number_of_those_above(
            scores in proptest::collection::vec(proptest::option::weighted(0.9, 0_u64..6), 0..20),
        ) {
            let named = scores.iter().enumerate();
            let named = named.map(|(at, score)| (format!("{at:02}"), score.map(Fraction::from), ()));
            let places = ranked(named);
            prop_assert_eq!(places.len(), scores.len());
            for place in &places {
                let above = scores.iter().filter(|score| score.map(Fraction::from) > place.value).count();
                prop_assert_eq!(place.rank, place.value.map(|_| above + 1));
            }
            prop_assert!(places.windows(2).all(|two| (two[1].value, &two[0].name) < (two[0].value, &two[1].name)));
        }
    }
}
