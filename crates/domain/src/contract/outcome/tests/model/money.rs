//! Settles claims before any submission: groups, one payment per person, tiers and caps.
//!
//! Everything is tried again from the start whenever one claim gives its place to another.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use uuid::Uuid;

use super::facts::{Day, date};
use crate::contract::outcome::Status;
use crate::contract::rulebook::Rulebook;
use crate::contract::rulebook::outcome::{AchievedBy, OncePer, Outcome, WhenCapped};
use crate::contract::rulebook::terms::{CapScope, Crossing};
use crate::fact::envelope::ClaimId;

/// An achieved claim, without regard to others.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry<'r> {
    pub(super) claim: ClaimId,
    pub(super) journey: Uuid,
    pub(super) person: Uuid,
    /// The rulebook that judges it, and the index of the outcome.
    pub(super) rules: &'r Rulebook,
    pub(super) outcome: usize,
    pub(super) repeat: u32,
    pub(super) on: Day,
    pub(super) tiers: Vec<(Option<u32>, Decimal)>,
    pub(super) status: Status,
}

/// The result of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Become {
    pub(super) status: Status,
    pub(super) amount: Option<Decimal>,
    pub(super) excluded_by: Option<String>,
}

impl<'r> Entry<'r> {
    fn terms(&self) -> &'r Outcome {
        &self.rules.outcomes[self.outcome]
    }

    fn code(&self) -> &'r str {
        &self.terms().code
    }

    fn order(&self) -> (Day, ClaimId) {
        (self.on, self.claim)
    }

    /// The price of the n-th claim.
    fn price(&self, nth: u32) -> Option<Decimal> {
        let fits = |up_to: Option<u32>| up_to.is_none_or(|last| nth <= last);
        self.tiers.iter().find(|(up_to, _)| fits(*up_to)).map(|(_, amount)| *amount)
    }

    /// Whether it is paid once per person.
    fn is_of_person(&self) -> bool {
        self.terms().once_per == OncePer::Person
    }

    fn times(&self) -> usize {
        match &self.terms().achieved_by {
            AchievedBy::Journey(terms) => terms.repeats as usize,
            AchievedBy::Many(_) => usize::MAX,
        }
    }
}

/// The outcomes that this one converts from, directly or through others.
fn converts(rules: &Rulebook, code: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut at = rules.outcome(code).and_then(|outcome| outcome.convert_from.clone());
    while let Some(from) = at {
        at = rules.outcome(&from).and_then(|outcome| outcome.convert_from.clone());
        all.push(from);
    }
    all
}

/// The outcomes of which only one is paid together with this one: those of its group, and those that convert from each
/// other, directly or through others.
fn exclusive(rules: &Rulebook, code: &str) -> BTreeSet<String> {
    let mut set: BTreeSet<String> = [code.to_owned()].into();
    loop {
        let joins = |one: &Outcome, other: &Outcome| {
            one.group.is_some() && one.group == other.group
                || one.convert_from.as_ref() == Some(&other.code)
                || other.convert_from.as_ref() == Some(&one.code)
        };
        let more = rules.outcomes.iter().filter(|one| !set.contains(&one.code));
        let inside = |one: &&Outcome| rules.outcomes.iter().any(|other| set.contains(&other.code) && joins(one, other));
        let more: Vec<String> = more.filter(inside).map(|one| one.code.clone()).collect();
        if more.is_empty() {
            return set;
        }
        set.extend(more);
    }
}

/// The order of claims in a group: the one that converts, then the higher price, the earlier, the first in the file.
fn rank(entry: &Entry<'_>, price: Decimal) -> (std::cmp::Reverse<usize>, std::cmp::Reverse<Decimal>, Day, usize, u32) {
    let height = converts(entry.rules, entry.code()).len();
    (std::cmp::Reverse(height), std::cmp::Reverse(price), entry.on, entry.outcome, entry.repeat)
}

/// Claims that give their place to another, because the caps leave them nothing.
#[derive(Debug, Default, Clone)]
struct Gone {
    of_group: BTreeSet<ClaimId>,
    of_person: BTreeSet<ClaimId>,
}

/// Settles claims with each other. None if the order runs in a circle, which the written rules do not decide.
pub(super) fn settle(entries: &[Entry<'_>], in_force: &Rulebook) -> Option<Vec<Become>> {
    let mut gone = Gone::default();
    loop {
        let next = next_places(entries, in_force, &gone)?;
        let mut in_order: Vec<usize> = (0..entries.len()).collect();
        in_order.sort_by_key(|at| entries[*at].order());
        let gives = in_order.into_iter().find(|at| {
            let entry = &entries[*at];
            let has_nothing = next[*at].status == Status::Capped;
            let of_person = !gone.of_person.contains(&entry.claim);
            let of_group = when_capped_next(entry) && !gone.of_group.contains(&entry.claim);
            has_nothing && (of_person || of_group)
        });
        let Some(at) = gives else { return Some(next) };
        gone.of_person.insert(entries[at].claim);
        if when_capped_next(&entries[at]) {
            gone.of_group.insert(entries[at].claim);
        }
    }
}

fn when_capped_next(entry: &Entry<'_>) -> bool {
    entry.terms().when_capped == WhenCapped::Next
}

/// Whether a claim has an amount that can be paid, now or after the waiting period.
fn can_hold(entry: &Entry<'_>, price: Option<Decimal>) -> bool {
    price.is_some() && matches!(entry.status, Status::Claimable | Status::Achieved)
}

fn next_places(entries: &[Entry<'_>], in_force: &Rulebook, gone: &Gone) -> Option<Vec<Become>> {
    let alone: Vec<Option<Decimal>> = entries.iter().map(|entry| entry.price(1)).collect();
    let excluded = excluded(entries, &alone, gone)?;
    let mut in_order: Vec<usize> = (0..entries.len()).collect();
    in_order.sort_by_key(|at| entries[*at].order());
    let mut used: BTreeMap<(usize, String), Decimal> = BTreeMap::new();
    let mut counted: BTreeMap<&str, u32> = BTreeMap::new();
    let mut becomes: BTreeMap<usize, Become> = BTreeMap::new();
    for at in in_order {
        let entry = &entries[at];
        if entry.status != Status::Claimable || excluded[at].is_some() {
            continue;
        }
        let nth = counted.entry(entry.code()).or_default();
        let Some(price) = entry.price(*nth + 1) else { continue };
        if gone.of_group.contains(&entry.claim) || gone.of_person.contains(&entry.claim) {
            becomes.insert(at, Become { status: Status::Capped, amount: Some(price), excluded_by: None });
            continue;
        }
        let left = left(entry, price, in_force, &used);
        let status = if left > Decimal::ZERO || price == Decimal::ZERO { Status::Claimable } else { Status::Capped };
        if left > Decimal::ZERO {
            *nth += 1;
            for (place, pot) in pots(entry, in_force) {
                *used.entry((place, pot)).or_default() += left;
            }
        }
        // A capped claim shows the amount that it would have.
        let amount = Some(if status == Status::Capped { price } else { left });
        becomes.insert(at, Become { status, amount, excluded_by: None });
    }
    let rest = |at: usize| {
        let entry = &entries[at];
        let price = entry.price(counted.get(entry.code()).copied().unwrap_or(0) + 1);
        match &excluded[at] {
            Some(by) => Become { status: Status::Excluded, amount: price, excluded_by: Some(by.clone()) },
            None if entry.status == Status::Claimable => {
                Become { status: Status::Achieved, amount: price, excluded_by: None }
            }
            None => Become { status: entry.status, amount: price, excluded_by: None },
        }
    };
    Some((0..entries.len()).map(|at| becomes.get(&at).cloned().unwrap_or_else(|| rest(at))).collect())
}

/// For each claim, the claim that has the payment instead, if there is one.
fn excluded(entries: &[Entry<'_>], prices: &[Option<Decimal>], gone: &Gone) -> Option<Vec<Option<String>>> {
    let beats_in_group = |one: usize, other: usize| {
        let (a, b) = (&entries[one], &entries[other]);
        let of_one_person = a.person == b.person && a.is_of_person() && b.is_of_person();
        (a.journey == b.journey || of_one_person)
            && a.code() != b.code()
            && (exclusive(a.rules, a.code()).contains(b.code()) || exclusive(b.rules, b.code()).contains(a.code()))
            && !gone.of_group.contains(&a.claim)
            && can_hold(a, prices[one])
            && rank(a, prices[one].unwrap_or_default()) < rank(b, prices[other].unwrap_or_default())
    };
    let beats_for_person = |one: usize, other: usize| {
        let (a, b) = (&entries[one], &entries[other]);
        a.person == b.person
            && a.code() == b.code()
            && b.is_of_person()
            && !gone.of_person.contains(&a.claim)
            && can_hold(a, prices[one])
            && a.order() < b.order()
    };
    // None means not decided yet. A claim that has a place is decided before the claims that it excludes.
    let mut decided: Vec<Option<Option<String>>> = vec![None; entries.len()];
    while decided.iter().any(Option::is_none) {
        let open = (0..entries.len()).filter(|at| decided[*at].is_none());
        let all = |at: usize, beats: &dyn Fn(usize, usize) -> bool| -> Vec<usize> {
            (0..entries.len()).filter(|other| *other != at && beats(*other, at)).collect()
        };
        let ready = |at: &usize| {
            let before = all(*at, &beats_in_group).into_iter().chain(all(*at, &beats_for_person));
            before.into_iter().all(|other| decided[other].is_some())
        };
        let at = open.into_iter().find(ready)?;
        let has_it = |other: &usize| decided[*other] == Some(None);
        let mut by_group: Vec<usize> = all(at, &beats_in_group).into_iter().filter(has_it).collect();
        by_group.sort_by_key(|other| rank(&entries[*other], prices[*other].unwrap_or_default()));
        let by_person = all(at, &beats_for_person).into_iter().filter(has_it).count();
        let by = by_group.first().map(|other| entries[*other].code().to_owned());
        let person = (by_person >= entries[at].times() && by_person > 0).then(|| "person".to_owned());
        decided[at] = Some(person.or(by));
    }
    decided.into_iter().collect()
}

/// The part of a price that the caps leave.
fn left(entry: &Entry<'_>, price: Decimal, in_force: &Rulebook, used: &BTreeMap<(usize, String), Decimal>) -> Decimal {
    let mut left = price;
    // The part that partial caps leave must fit under the caps that take a claim whole or not at all.
    for crossing in [Crossing::Partial, Crossing::Whole] {
        for (place, pot) in pots(entry, in_force) {
            let cap = &in_force.caps[place];
            let room = (cap.amount - used.get(&(place, pot)).copied().unwrap_or_default()).max(Decimal::ZERO);
            if cap.crossing == crossing && left > room {
                left = if crossing == Crossing::Whole { Decimal::ZERO } else { room };
            }
        }
    }
    left
}

/// The pots that a claim counts in, for each cap.
fn pots(entry: &Entry<'_>, in_force: &Rulebook) -> Vec<(usize, String)> {
    let mut pots = Vec::new();
    for (place, cap) in in_force.caps.iter().enumerate() {
        if !cap.outcomes.is_empty() && !cap.outcomes.iter().any(|code| code == entry.code()) {
            continue;
        }
        let pot = match cap.scope {
            CapScope::Contract => String::new(),
            CapScope::Year => {
                let start = in_force.calendar.financial_year;
                let on = date(entry.on).format("%m-%d").to_string();
                let before = on < format!("{:02}-{:02}", start.month, start.day);
                let year: i32 = date(entry.on).format("%Y").to_string().parse().expect("a year");
                (if before { year - 1 } else { year }).to_string()
            }
            CapScope::Person => entry.person.to_string(),
            CapScope::Outcome => entry.code().to_owned(),
        };
        pots.push((place, pot));
    }
    pots
}
