//! The relations between outcomes, over every version of a contract's rulebook that may judge a claim.
//!
//! Outcomes with the same code are the same outcome in every version. The versions that judge two claims say whether
//! they exclude each other. The caps are those of the version in force.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::contract::rulebook::outcome::{AchievedBy, OncePer};
use crate::contract::rulebook::{Cap, MonthDay, Outcome, Rulebook};

/// The outcomes of all versions, numbered one version after the other.
pub struct Terms<'r> {
    outcomes: Vec<Known<'r>>,
    codes: Vec<&'r str>,
    /// For each version and code, the set of outcomes of which only one is paid. None if the outcome excludes no other.
    sets: Vec<Vec<Option<usize>>>,
    /// For each code, its set over all versions together.
    families: Vec<usize>,
    /// The families with an outcome that is paid once per person.
    once_per_person: BTreeSet<usize>,
    /// The number of the first outcome of each version.
    begins: Vec<usize>,
    hashes: Vec<&'r str>,
    pub(super) caps: &'r [Cap],
    pub(super) currency: &'r str,
    pub(super) financial_year: MonthDay,
    /// The day on which claims are settled.
    pub(super) as_of: NaiveDate,
}

struct Known<'r> {
    version: usize,
    code: usize,
    outcome: &'r Outcome,
}

impl<'r> Terms<'r> {
    /// The terms of these versions on a day, with the caps of the version in force.
    pub fn of(versions: &[&'r Rulebook], in_force: &'r Rulebook, as_of: NaiveDate) -> Self {
        let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
        let (mut outcomes, mut codes, mut begins) = (Vec::new(), Vec::new(), Vec::new());
        for (version, rulebook) in versions.iter().enumerate() {
            begins.push(outcomes.len());
            for outcome in &rulebook.outcomes {
                let code = *numbers.entry(&outcome.code).or_insert_with(|| {
                    codes.push(outcome.code.as_str());
                    codes.len() - 1
                });
                outcomes.push(Known { version, code, outcome });
            }
        }
        let mut families: Vec<usize> = (0..codes.len()).collect();
        let mut sets = vec![vec![None; codes.len()]; versions.len()];
        for (version, rulebook) in versions.iter().enumerate() {
            let number = |code: &str| numbers[code];
            for set in exclusive_sets(rulebook) {
                let members: Vec<usize> = set.iter().map(|at| number(&rulebook.outcomes[*at].code)).collect();
                for member in &members {
                    sets[version][*member] = Some(members[0]);
                    let (from, to) = (families[*member], families[members[0]]);
                    families.iter_mut().filter(|family| **family == from).for_each(|family| *family = to);
                }
            }
        }
        let per_person = outcomes.iter().filter(|of: &&Known<'_>| of.outcome.once_per == OncePer::Person);
        let once_per_person = per_person.map(|of| families[of.code]).collect();
        let Rulebook { caps, currency, calendar, .. } = in_force;
        let financial_year = calendar.financial_year;
        let hashes = versions.iter().map(|rulebook| rulebook.hash()).collect();
        Self { outcomes, codes, sets, families, once_per_person, begins, hashes, caps, currency, financial_year, as_of }
    }

    /// The terms of only one version: its outcomes are numbered by their index in it.
    pub fn alone(rulebook: &'r Rulebook, as_of: NaiveDate) -> Self {
        Self::of(&[rulebook], rulebook, as_of)
    }

    /// The number of an outcome, by its version and its index there.
    pub fn number(&self, version: usize, place: usize) -> usize {
        self.begins[version] + place
    }

    /// The number of an outcome, by the hash of its rulebook and its code.
    pub fn find(&self, hash: &str, code: &str) -> Option<usize> {
        let version = self.hashes.iter().position(|known| *known == hash)?;
        let of_version = self.outcomes[self.begins[version]..].iter().take_while(|known| known.version == version);
        let place = of_version.into_iter().position(|known| known.outcome.code == code)?;
        Some(self.number(version, place))
    }

    /// The outcome with a number.
    pub fn outcome(&self, number: usize) -> &'r Outcome {
        self.outcomes[number].outcome
    }

    /// The index of the outcome's code, which is the same in every version.
    pub(super) fn code(&self, number: usize) -> usize {
        self.outcomes[number].code
    }

    /// The set of outcomes of which only one may be paid, over all versions together.
    pub(super) fn family(&self, number: usize) -> usize {
        self.families[self.code(number)]
    }

    /// Whether any outcome of a family is paid once per person.
    pub(super) fn is_family_of_persons(&self, family: usize) -> bool {
        self.once_per_person.contains(&family)
    }

    /// Whether only one of two outcomes can be paid.
    pub(super) fn exclude_each_other(&self, one: usize, other: usize) -> bool {
        let codes = (self.code(one), self.code(other));
        let in_version = |version: usize| {
            let sets = &self.sets[version];
            sets[codes.0].is_some() && sets[codes.0] == sets[codes.1]
        };
        codes.0 != codes.1 && (in_version(self.outcomes[one].version) || in_version(self.outcomes[other].version))
    }

    /// The codes of the outcomes that an outcome converts from, directly or through others.
    fn taken_up(&self, number: usize) -> impl Iterator<Item = usize> {
        let begins = self.begins[self.outcomes[number].version];
        let of_version = move |known: &&Known<'_>| known.version == self.outcomes[number].version;
        let lower = move |at: &usize| {
            let from = self.outcomes[*at].outcome.convert_from.as_deref()?;
            let of_version = self.outcomes[begins..].iter().take_while(of_version);
            Some(begins + of_version.into_iter().position(|known| known.outcome.code == from)?)
        };
        std::iter::successors(lower(&number), lower).map(|at| self.code(at))
    }

    /// The number of outcomes that an outcome converts from.
    pub(super) fn height(&self, number: usize) -> usize {
        self.taken_up(number).count()
    }

    /// Whether an outcome converts from another, so that it pays the difference.
    pub(super) fn takes_up(&self, number: usize, lower: usize) -> bool {
        self.taken_up(number).any(|code| code == self.code(lower))
    }

    /// How many times an outcome can be achieved.
    pub(super) fn times(&self, number: usize) -> usize {
        match &self.outcome(number).achieved_by {
            AchievedBy::Journey(terms) => terms.repeats as usize,
            AchievedBy::Many(_) => usize::MAX,
        }
    }

    /// Whether an outcome is paid once per person.
    pub(super) fn is_once_per_person(&self, number: usize) -> bool {
        self.outcome(number).once_per == OncePer::Person
    }

    /// The code with this index.
    pub fn name(&self, code: usize) -> &'r str {
        self.codes[code]
    }

    /// The codes of the outcomes that count under a cap.
    pub(super) fn under(&self, cap: &'r Cap) -> impl Iterator<Item = usize> {
        let counts = |name: &&str| cap.outcomes.is_empty() || cap.outcomes.iter().any(|code| code == *name);
        (0..self.codes.len()).filter(move |code| counts(&self.codes[*code]))
    }

    /// Whether payments of an outcome count under a cap.
    pub(super) fn is_under(&self, cap: &Cap, number: usize) -> bool {
        cap.outcomes.is_empty() || cap.outcomes.iter().any(|code| code == self.codes[self.code(number)])
    }
}

/// The sets of outcomes of which only one is paid, by index: those of a group, and those that convert from each other.
fn exclusive_sets(rulebook: &Rulebook) -> Vec<Vec<usize>> {
    let outcomes = &rulebook.outcomes;
    let mut sets: Vec<usize> = (0..outcomes.len()).collect();
    for (at, outcome) in outcomes.iter().enumerate() {
        for (other_at, other) in outcomes.iter().enumerate() {
            let grouped = outcome.group.is_some() && outcome.group == other.group;
            let converts = outcome.convert_from.as_ref() == Some(&other.code);
            if grouped || converts {
                let (from, to) = (sets[other_at], sets[at]);
                sets.iter_mut().filter(|set| **set == from).for_each(|set| *set = to);
            }
        }
    }
    let members = |set: usize| (0..outcomes.len()).filter(|at| sets[*at] == set).collect::<Vec<_>>();
    (0..outcomes.len()).map(members).filter(|members| members.len() > 1).collect()
}
