//! Chooses the version of a contract's rulebook that judges a claim, and judges it.
//!
//! Pure. Versions are ordered by the day on which they come into force. A case moves to a later version if the date
//! that chooses the version is on or after the start of the later one, under both versions. It never moves back. The
//! version is chosen again for every as-of date and knowledge date. Submitted lines stay as they were frozen. Of
//! versions with the same first day, the one published last judges. The others only define the terms of the lines that
//! were frozen under them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use chrono::NaiveDate;
use serde_json::{Value, json};
use uuid::Uuid;

use super::settle::{Entitlement, Terms};
use super::{Achievement, Case, Evaluation, State, Status, claim_id, evaluate};
use crate::contract::outcome::aggregate::{Many, ManyEvaluation};
use crate::contract::rulebook::canonical;
use crate::contract::rulebook::{AppliesBy, Rulebook};
use crate::fact::envelope::{ClaimId, EventId, JourneyId, StreamId, SubjectId};
use crate::fact::event::ManyAbout;

/// The known versions of a contract's rulebook: those that judge, in the order in which they come into force, and those
/// that a later version superseded.
#[derive(Debug, Clone)]
pub struct Versions<'r>(Vec<&'r Rulebook>, Vec<&'r Rulebook>);

/// Splits versions, given in the order of publication, into those that judge, in the order in which they come into
/// force, and those that a later version with the same first day superseded.
pub fn parted<R: Deref<Target = Rulebook>>(published: impl IntoIterator<Item = R>) -> (Vec<R>, Vec<R>) {
    let (mut judging, mut superseded): (Vec<R>, Vec<R>) = (Vec::new(), Vec::new());
    for next in published {
        match judging.iter_mut().find(|known| known.effective_from == next.effective_from) {
            Some(known) => superseded.push(std::mem::replace(known, next)),
            None => judging.push(next),
        }
    }
    judging.sort_by_key(|rulebook| rulebook.effective_from);
    (judging, superseded)
}

/// The point in time from which a case is judged.
#[derive(Clone, Copy)]
pub struct Sight<'a> {
    /// The as-of date: facts are read at the end of this day.
    pub as_of: NaiveDate,
    /// The day on which a claim was submitted, if it was.
    pub submitted_on: &'a dyn Fn(ClaimId) -> Option<NaiveDate>,
    /// The civil date on which an event was recorded.
    pub recorded_on: &'a dyn Fn(EventId) -> Option<NaiveDate>,
}

/// An outcome, judged by the version that applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The index of the version in the order of coming into force.
    pub version: usize,
    /// The evaluation. Its outcome index refers to that version.
    pub evaluation: Evaluation,
}

/// An outcome over many cases, judged by the version that applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedMany {
    /// The index of the version in the order of coming into force.
    pub version: usize,
    /// The evaluation. Its outcome index refers to that version.
    pub evaluation: ManyEvaluation,
}

impl<'r> Versions<'r> {
    /// These versions, given in the order of publication. There must be at least one.
    pub fn of(rulebooks: impl IntoIterator<Item = &'r Rulebook>) -> Self {
        let (judging, superseded) = parted(rulebooks);
        Self::known(judging, superseded)
    }

    /// Versions that [`parted`] has split. At least one of them must judge.
    pub fn known(judging: Vec<&'r Rulebook>, superseded: Vec<&'r Rulebook>) -> Self {
        assert!(!judging.is_empty(), "a contract is opened with a rulebook");
        Self(judging, superseded)
    }

    /// The number of versions that judge.
    #[expect(clippy::len_without_is_empty, reason = "there is at least one")]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// The version with this index.
    pub fn get(&self, version: usize) -> &'r Rulebook {
        self.0[version]
    }

    /// The version in force on a day. Before the first one starts, the first.
    pub fn in_force(&self, on: NaiveDate) -> &'r Rulebook {
        let begun = self.0.iter().rev().find(|rulebook| rulebook.effective_from <= on);
        begun.or(self.0.first()).expect("there is a version")
    }

    /// The relations between the outcomes of all versions, with the caps in force on a day.
    pub fn terms(&self, on: NaiveDate) -> Terms<'r> {
        let all: Vec<&Rulebook> = self.0.iter().chain(&self.1).copied().collect();
        Terms::of(&all, self.in_force(on), on)
    }

    /// The version that applies. Starting from the last retroactive version in force, the case moves to each later
    /// version in force by the as-of date, unless the date that chooses is before that version starts, as the current
    /// version or the later one sees it. So a prospective version never pays an outcome dated before it came into
    /// force.
    fn applying(&self, as_of: NaiveDate, chosen_by: impl Fn(usize) -> Option<NaiveDate>) -> usize {
        let in_force = |version: &&Rulebook| version.effective_from <= as_of;
        let known = self.0.iter().take_while(|version| in_force(version)).count().max(1);
        let first = self.0[..known].iter().rposition(|version| version.retroactive && in_force(version)).unwrap_or(0);
        (first + 1..known).fold(first, |present, later| {
            let begins = self.0[later].effective_from;
            let is_before = |version: usize| chosen_by(version).is_some_and(|date| date < begins);
            if is_before(present) || is_before(later) { present } else { later }
        })
    }

    /// Judges every outcome of one case, each by the version that applies to it. Ordered by version, then in file
    /// order.
    pub fn judge(&self, journey: JourneyId, case: &Case<'_>, sight: Sight<'_>) -> Vec<Judged> {
        if let [only] = self.0.as_slice() {
            let evaluated = evaluate(case, only, sight.as_of).into_iter();
            return evaluated.map(|evaluation| Judged { version: 0, evaluation }).collect();
        }
        let evaluated: Vec<Vec<Evaluation>> =
            self.0.iter().map(|rulebook| evaluate(case, rulebook, sight.as_of)).collect();
        let key = |version: usize, of: &Evaluation| (self.code(version, of.outcome), of.repeat);
        let known: Vec<BTreeMap<(&str, u32), &Evaluation>> =
            (0..).zip(&evaluated).map(|(version, of)| of.iter().map(|of| (key(version, of), of)).collect()).collect();
        let claims: BTreeSet<(&str, u32)> = known.iter().flat_map(BTreeMap::keys).copied().collect();
        let named = |(outcome, repeat)| OneClaim { journey, outcome, repeat };
        let applying: BTreeMap<(&str, u32), usize> = claims
            .into_iter()
            .map(|claim| {
                let date = |version: usize| self.date(version, named(claim), case, known[version].get(&claim), sight);
                (claim, self.applying(sight.as_of, date))
            })
            .collect();
        let judged = (0..).zip(evaluated.iter()).flat_map(|(version, of)| of.iter().map(move |of| (version, of)));
        judged
            .filter(|(version, of)| applying[&key(*version, of)] == *version)
            .map(|(version, evaluation)| Judged { version, evaluation: evaluation.clone() })
            .collect()
    }

    /// The date of a claim that chooses the version, under a version. None if it has no such date yet.
    fn date(
        &self,
        version: usize,
        claim: OneClaim<'_>,
        case: &Case<'_>,
        of: Option<&&Evaluation>,
        sight: Sight<'_>,
    ) -> Option<NaiveDate> {
        match self.0[version].applies_by {
            AppliesBy::Referred => case.received.map(|received| received.earliest()),
            AppliesBy::Submitted => {
                let id = claim_id(claim.journey, claim.outcome, claim.repeat);
                Some((sight.submitted_on)(id).unwrap_or(sight.as_of))
            }
            AppliesBy::Occurred => of?.begun.map(|begun| begun.on),
            AppliesBy::Recorded => (sight.recorded_on)(of?.begun?.event),
            AppliesBy::Achieved => match &of?.state {
                State::Reached(achievement) => Some(achievement.achieved_on),
                State::Maturing { .. } | State::NotStarted { .. } => None,
            },
        }
    }

    /// Judges every outcome over many cases, each period by the version that applies to it. `many` holds the
    /// contributions of the cases under each version.
    pub fn judge_many(
        &self,
        sight: Sight<'_>,
        many: &[Many],
        person: impl Fn(SubjectId) -> SubjectId,
    ) -> Vec<JudgedMany> {
        let evaluated = self.0.iter().zip(many).map(|(rules, many)| many.evaluations(rules, sight.as_of, &person));
        let evaluated: Vec<Vec<ManyEvaluation>> = evaluated.collect();
        let mut judged = Vec::new();
        for (version, of) in (0..).zip(evaluated) {
            for evaluation in of {
                let code = self.code(version, evaluation.outcome);
                let ends = evaluation.last.succ_opt().unwrap_or(NaiveDate::MAX);
                let holder = evaluation.about().holder(&self.0[version].contract);
                let date = |version: usize| match self.0[version].applies_by {
                    AppliesBy::Submitted => {
                        Some((sight.submitted_on)(claim_id(holder, code, 1)).unwrap_or(sight.as_of))
                    }
                    _ => Some(ends),
                };
                if self.applying(sight.as_of, date) == version {
                    judged.push(JudgedMany { version, evaluation });
                }
            }
        }
        judged
    }

    fn code(&self, version: usize, outcome: usize) -> &'r str {
        &self.0[version].outcomes[outcome].code
    }
}

/// A claim of one case.
#[derive(Clone, Copy)]
struct OneClaim<'a> {
    journey: JourneyId,
    outcome: &'a str,
    repeat: u32,
}

/// Who a claim is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimant {
    /// The case, cohort, site or area that holds the outcome.
    pub holder: Uuid,
    /// The person of the case.
    pub person: Option<SubjectId>,
}

/// The days on which a claim is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimDays {
    /// The as-of date.
    pub as_of: NaiveDate,
    /// Today. A later as-of date makes a forecast.
    pub today: NaiveDate,
}

impl ClaimDays {
    /// The as-of date, seen on that day.
    pub const fn on(as_of: NaiveDate) -> Self {
        Self { as_of, today: as_of }
    }
}

/// The entitlement of an achieved outcome, before it is settled with others. A forecast is not claimed.
pub fn entitlement(
    claim: ClaimId,
    claimant: Claimant,
    outcome: usize,
    achievement: &Achievement,
    days: ClaimDays,
) -> Entitlement {
    let (Claimant { holder, person }, ClaimDays { as_of, today }) = (claimant, days);
    let foreseen = |standing: Status| match standing {
        Status::Claimable if as_of > today => Status::Achieved,
        standing => standing,
    };
    let (standing, in_time) = (foreseen(achievement.standing(as_of)), foreseen(achievement.standing_in_time(as_of)));
    let (achieved_on, price) = (achievement.achieved_on, achievement.price.clone());
    Entitlement { claim, holder, person, outcome, achieved_on, price, standing, in_time }
}

impl ManyEvaluation {
    /// The cohort, site or area and the period that a claim is about.
    pub fn about(&self) -> ManyAbout {
        ManyAbout { of: self.of.clone(), first: self.first, last: self.last }
    }
}

impl ManyAbout {
    /// The id under which a cohort, site or area of a contract holds the outcomes of the period.
    pub fn holder(&self, contract: &str) -> JourneyId {
        let contract = StreamId::contract(contract).id;
        JourneyId(Uuid::new_v5(&contract, format!("{}/{}", self.of, self.first).as_bytes()))
    }
}

/// The derivation that a claim's digest freezes: the rulebook, days, gaps, hours and events.
pub fn derivation(rulebook: &Rulebook, outcome: &str, achievement: &Achievement) -> Value {
    let gap = |gap: &super::Gap| json!({ "from": gap.from, "to": gap.to, "counted": gap.counted });
    let mut derivation = json!({
        "rulebook": rulebook.hash(),
        "outcome": outcome,
        "achieved_on": achievement.achieved_on,
        "days_counted": achievement.days_counted,
        "gaps": achievement.gaps.iter().map(gap).collect::<Vec<_>>(),
        "hours": achievement.hours.map(|hours| hours.to_string()),
        "events": achievement.events,
    });
    if let Some(days) = rulebook.bank_holidays_of(outcome) {
        derivation["bank_holidays"] = json!(days.hash());
    }
    derivation
}

/// SHA-256 of a derivation, over its RFC 8785 JSON, in lower-case hexadecimal.
pub fn digest(derivation: &Value) -> String {
    canonical::sha256_hex(&canonical::json(derivation))
}

#[cfg(test)]
mod tests;
