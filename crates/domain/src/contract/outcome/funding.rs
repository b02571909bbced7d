//! Double funding: several contracts pay for the same days of one person under the same class of outcomes.
//!
//! Pure. Both claims stay valid. This module only finds them, for people who may see both.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::fact::envelope::{ClaimId, JourneyId, SubjectId};

/// A claim that may also be funded by another contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Funded<'a> {
    /// The code of the contract.
    pub contract: &'a str,
    /// The class of its outcome.
    pub class: &'a str,
    /// The claim.
    pub claim: ClaimId,
    /// The case.
    pub journey: JourneyId,
    /// The person behind linked records.
    pub person: SubjectId,
    /// The first counted day.
    pub from: NaiveDate,
    /// The first day that is not counted any more. For a single-day outcome: the day after.
    pub to: NaiveDate,
}

/// A dismissed finding: the class, and the two cases in the order of their ids.
pub type Dismissed = BTreeSet<(String, [JourneyId; 2])>;

/// The pairs of claims that may be funded twice, by their indexes, each pair once and in order.
pub fn double_funding(funded: &[Funded<'_>], dismissed: &Dismissed) -> Vec<(usize, usize)> {
    let mut alike: BTreeMap<(SubjectId, &str), Vec<usize>> = BTreeMap::new();
    for (at, of) in funded.iter().enumerate() {
        alike.entry((of.person, of.class)).or_default().push(at);
    }
    let twice = |one: &Funded<'_>, other: &Funded<'_>| {
        let journeys = [one.journey.min(other.journey), one.journey.max(other.journey)];
        one.contract != other.contract
            && one.from < other.to
            && other.from < one.to
            && !dismissed.contains(&(one.class.to_owned(), journeys))
    };
    let mut pairs = Vec::new();
    for claims in alike.into_values() {
        for (nth, one) in claims.iter().enumerate() {
            let others = claims[nth + 1..].iter().filter(|other| twice(&funded[*one], &funded[**other]));
            pairs.extend(others.map(|other| (*one, *other)));
        }
    }
    pairs.sort_unstable();
    pairs
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn funded(n: u128, contract: &'static str, class: &'static str, from: &str, to: &str) -> Funded<'static> {
        let day = |text: &str| text.parse().expect("a day");
        let (claim, journey, person) = (Uuid::from_u128(n), Uuid::from_u128(0x10 + n), Uuid::from_u128(1));
        Funded {
            contract,
            class,
            claim: ClaimId(claim),
            journey: JourneyId(journey),
            person: SubjectId(person),
            from: day(from),
            to: day(to),
        }
    }

    #[test]
    fn one_person_in_two_contracts_same_outcome_class_overlapping_counted_days() {
        let here = funded(1, "mhep", "employment", "2022-01-03", "2022-04-04");
        let there = funded(2, "shps", "employment", "2022-04-03", "2022-07-03");
        let pair = [here.clone(), there.clone()];
        assert_eq!(double_funding(&pair, &Dismissed::new()), [(0, 1)]);
        let dismissed = Dismissed::from([("employment".to_owned(), [here.journey, there.journey])]);
        assert_eq!(double_funding(&pair, &dismissed), []);
    }

    #[test]
    fn touching_days_another_class_another_person_or_the_same_contract_are_not_double_funding() {
        let here = || funded(1, "mhep", "employment", "2022-01-03", "2022-04-04");
        let next = funded(2, "shps", "employment", "2022-04-04", "2022-07-03");
        let housing = funded(2, "shps", "housing", "2022-01-03", "2022-07-03");
        let ours = funded(2, "mhep", "employment", "2022-01-03", "2022-07-03");
        let mut other = funded(2, "shps", "employment", "2022-01-03", "2022-07-03");
        other.person = SubjectId(Uuid::from_u128(2));
        for not in [next, housing, ours, other] {
            assert_eq!(double_funding(&[here(), not], &Dismissed::new()), []);
        }
    }
}
