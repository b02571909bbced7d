//! The true course of one case, whatever was recorded about it and when.

use chrono::NaiveDate;

use super::areas::Worker;
use super::days::{LAST, after, before, working, working_after};
use super::dice::Dice;

/// What really happened in a case.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) received_on: NaiveDate,
    pub(super) answer: Answer,
    /// When a plan would be agreed, if nothing prevents it.
    pub(super) plan_due: NaiveDate,
    pub(super) plan_on: Option<NaiveDate>,
    /// When a home would be secured, if one is found.
    pub(super) home_due: NaiveDate,
    pub(super) home: Option<Home>,
    pub(super) exit: Option<Exit>,
    /// The day from which the client could no longer be reached.
    pub(super) silent_from: Option<NaiveDate>,
    /// The keyworkers of the case, each with the first day.
    pub(super) keyworkers: Vec<(NaiveDate, usize)>,
}

/// The service's answer to a referral.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Accepted(NaiveDate),
    Declined(NaiveDate, &'static str),
    /// No answer by the end of the demo's year.
    Pending,
}

/// A home that was secured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Home {
    pub(super) from: NaiveDate,
    /// Whether the client kept their existing home or moved to a new one.
    pub(super) secured_as: &'static str,
    /// When and why it was lost or left, and the home after it.
    pub(super) end: Option<(NaiveDate, &'static str, Option<NaiveDate>)>,
}

/// How a case was closed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exit {
    pub(super) on: NaiveDate,
    pub(super) reason: &'static str,
}

const DECLINED_FOR: [(u32, &str); 5] = [
    (34, "not_eligible"),
    (26, "council_owes_main_duty"),
    (18, "referred_elsewhere"),
    (14, "declined_support"),
    (8, "duplicate_referral"),
];

const CLOSED_WITHOUT_HOME: [(u32, &str); 8] = [
    (38, "lost_contact"),
    (16, "declined_support"),
    (13, "moved_away"),
    (13, "referred_elsewhere"),
    (11, "council_owes_main_duty"),
    (5, "in_custody"),
    (3, "in_hospital"),
    (1, "deceased"),
];

const HOMES_ENDED_FOR: [(u32, &str); 4] =
    [(35, "tenancy not renewed"), (30, "moved to another home"), (20, "evicted"), (15, "relationship ended")];

impl Course {
    /// A case from its referral to the service's answer. Milestones are added later.
    pub(super) fn received(on: NaiveDate, dice: &Dice) -> Self {
        let answer = answer(on, dice);
        let begins = match answer {
            Answer::Accepted(on) => on,
            Answer::Declined(..) | Answer::Pending => on,
        };
        let wait = dice.weighted(&[(58, (2, 9)), (28, (10, 17)), (14, (18, 40))]);
        Self {
            received_on: on,
            answer,
            plan_due: working_after(begins, dice.from(wait.0..=wait.1)),
            plan_on: None,
            home_due: on,
            home: None,
            exit: None,
            silent_from: None,
            keyworkers: Vec::new(),
        }
    }

    pub(super) const fn accepted_on(&self) -> Option<NaiveDate> {
        match self.answer {
            Answer::Accepted(on) => Some(on),
            Answer::Declined(..) | Answer::Pending => None,
        }
    }

    /// Adds the plan. A home may follow.
    pub(super) fn plan(&mut self, on: NaiveDate, dice: &Dice) {
        let wait = dice.weighted(&[(30, (3, 20)), (42, (21, 60)), (28, (61, 120))]);
        self.plan_on = Some(on);
        self.home_due = working_after(on, dice.from(wait.0..=wait.1));
    }

    /// Adds the home that was kept or found. Some do not last.
    pub(super) fn secure(&mut self, from: NaiveDate, dice: &Dice) {
        let secured_as = dice.weighted(&[(37, "kept"), (63, "new")]);
        let end = dice.permille(120).then(|| {
            let to = after(from, dice.from(25..=200));
            let next = dice.permille(450).then(|| after(to, dice.from(0..=40))).filter(|next| *next <= LAST);
            (to, dice.weighted(&HOMES_ENDED_FOR), next)
        });
        self.home = Some(Home { from, secured_as, end: end.filter(|(to, ..)| *to <= LAST) });
    }

    /// Decides how the case ended, if it did by the end of the demo's year.
    pub(super) fn finish(&mut self, dice: &Dice) {
        let Some(accepted_on) = self.accepted_on() else { return };
        let exit = match (&self.home, self.plan_on) {
            (Some(home), _) => {
                let housed = if home.secured_as == "kept" { "home_kept" } else { "housed" };
                let reason = dice.weighted(&[(72, housed), (22, "support_ended_as_planned"), (6, "lost_contact")]);
                Exit { on: working_after(home.from, dice.from(21..=110)), reason }
            }
            (None, Some(plan_on)) => {
                let reason = dice.weighted(&CLOSED_WITHOUT_HOME);
                Exit { on: working_after(plan_on, dice.from(35..=160)), reason }
            }
            (None, None) => {
                let reason = dice.weighted(&CLOSED_WITHOUT_HOME);
                Exit { on: working_after(accepted_on, dice.from(28..=110)), reason }
            }
        };
        if exit.reason == "lost_contact" {
            let mark = before(exit.on, dice.from(24..=55)).max(after(accepted_on, 2));
            self.silent_from = Some(self.milestone().map_or(mark, |day| mark.max(after(day, 1))));
        }
        self.exit = (exit.on <= LAST).then_some(exit);
    }

    /// The last day on which the client was certainly in touch.
    fn milestone(&self) -> Option<NaiveDate> {
        self.home.map(|home| home.from).max(self.plan_on)
    }

    /// The last day of work on the case.
    pub(super) fn worked_until(&self) -> NaiveDate {
        self.exit.map_or(LAST, |exit| exit.on)
    }

    /// Assigns keyworkers: some cases wait for one, some change, and every case leaves a keyworker who leaves.
    pub(super) fn staff(&mut self, team: &[Worker], dice: &Dice) {
        let Some(accepted_on) = self.accepted_on() else { return };
        if self.plan_on.is_none() && dice.permille(70) {
            return;
        }
        let wait = dice.weighted(&[(55, 0), (25, 1), (12, 3), (8, 6)]);
        let mut from = working_after(accepted_on, wait);
        if self.milestone().is_some_and(|day| from > day) {
            from = accepted_on;
        }
        let mut holder = None;
        while from <= self.worked_until() {
            let there = |at: &usize| team[*at].is_there(from) && Some(*at) != holder;
            let others: Vec<usize> = (0..team.len()).filter(there).collect();
            let next = *dice.pick(&others);
            holder = Some(next);
            self.keyworkers.push((from, next));
            let change = dice.permille(90).then(|| working_after(from, dice.from(20..=120)));
            let gone = team[next].left_on.map(|left_on| working_after(left_on, dice.from(0..=9)));
            match change.into_iter().chain(gone).min() {
                Some(day) => from = day,
                None => return,
            }
        }
    }

    /// The keyworker on a day.
    pub(super) fn keyworker(&self, on: NaiveDate) -> Option<usize> {
        self.keyworkers.iter().rev().find(|(from, _)| *from <= on).map(|(_, at)| *at)
    }
}

fn answer(received_on: NaiveDate, dice: &Dice) -> Answer {
    if dice.permille(80) {
        let on = working_after(received_on, dice.from(1..=9));
        let reason = dice.weighted(&DECLINED_FOR);
        return if on <= LAST { Answer::Declined(on, reason) } else { Answer::Pending };
    }
    let wait = dice.weighted(&[(30, 0), (30, 1), (20, 2), (12, 4), (8, 7)]);
    let on = working(after(received_on, wait));
    if on <= LAST { Answer::Accepted(on) } else { Answer::Pending }
}
