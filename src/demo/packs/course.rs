//! The true course of one case of a pack, whatever was recorded about it and when.

use chrono::NaiveDate;

use super::super::course::{Answer, Exit};
use super::super::days::{after, before};
use super::super::dice::Dice;
use super::calendar::Days;
use super::staff::Team;
use super::{Need, Pack, Population, What};

/// What really happened in a case.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) population: &'static Population,
    pub(super) received_on: NaiveDate,
    pub(super) answer: Answer,
    /// The steps that were taken, each with its day, in the order of the table.
    pub(super) taken: Vec<Taken>,
    pub(super) exit: Option<Exit>,
    /// The day from which the client could no longer be reached.
    pub(super) silent_from: Option<NaiveDate>,
    /// The keyworkers of the case, each with the first day.
    pub(super) keyworkers: Vec<(NaiveDate, usize)>,
}

/// A step that was taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    /// The day of the needed step before it.
    pub(super) since: NaiveDate,
    /// Its day. `None` for a task that was set and not done.
    pub(super) on: Option<NaiveDate>,
    pub(super) what: &'static What,
}

impl Course {
    /// Draws the course of a case that is received on a day.
    pub(super) fn of(
        pack: &Pack,
        population: &'static Population,
        received_on: NaiveDate,
        days: &Days,
        dice: &Dice,
    ) -> Self {
        let answer = answer(pack, population, received_on, days, dice);
        let mut course = Self {
            population,
            received_on,
            answer,
            taken: Vec::new(),
            exit: None,
            silent_from: None,
            keyworkers: Vec::new(),
        };
        if let Answer::Accepted(accepted_on) = answer {
            course.steps(pack, accepted_on, days, dice);
        }
        course
    }

    fn steps(&mut self, pack: &Pack, accepted_on: NaiveDate, days: &Days, dice: &Dice) {
        let (mut since, mut worked_until, mut reasons) = (accepted_on, accepted_on, pack.endings.finished);
        for step in self.population.steps {
            let on = days.later(since, step.after, dice);
            let is_taken = dice.permille(step.odds);
            let is_task = matches!(step.what, What::Task { .. });
            if (is_taken || is_task) && since <= days.last {
                let on = Some(on).filter(|on| is_taken && *on <= days.last);
                if on.is_some() || is_task {
                    self.taken.push(Taken { since, on, what: &step.what });
                }
            }
            if is_taken && !step.what.may_follow_a_close() {
                worked_until = worked_until.max(on);
            }
            match (step.need, is_taken) {
                (Need::Needed, true) => since = on,
                (Need::Needed, false) => {
                    reasons = pack.endings.ended;
                    break;
                }
                (Need::Aside, _) => {}
            }
        }
        self.leave(pack, reasons, since.max(worked_until), days, dice);
    }

    fn leave(&mut self, pack: &Pack, reasons: super::Odds<&'static str>, since: NaiveDate, days: &Days, dice: &Dice) {
        let reason = dice.weighted(reasons);
        let on = days.later(since, self.population.stays, dice);
        if reason == pack.endings.lost {
            self.silent_from = Some(before(on, dice.from(18..=50)).max(after(since, 1)));
        }
        self.exit = (on <= days.last).then_some(Exit { on, reason });
    }

    pub(super) const fn accepted_on(&self) -> Option<NaiveDate> {
        match self.answer {
            Answer::Accepted(on) => Some(on),
            Answer::Declined(..) | Answer::Pending => None,
        }
    }

    /// The last day of work on the case.
    pub(super) fn worked_until(&self, days: &Days) -> NaiveDate {
        self.exit.map_or(days.last, |exit| exit.on)
    }

    /// The day on which the case ended, if it did. The client is not referred again before it.
    pub(super) fn left_on(&self) -> Option<NaiveDate> {
        match self.answer {
            Answer::Declined(on, _) => Some(on),
            Answer::Accepted(_) => self.exit.map(|exit| exit.on),
            Answer::Pending => None,
        }
    }

    /// Assigns keyworkers of the team: a few cases wait for one, and every case leaves a keyworker who leaves.
    pub(super) fn staff(&mut self, team: &Team<'_>, days: &Days, dice: &Dice) {
        let Some(accepted_on) = self.accepted_on() else { return };
        if dice.permille(40) {
            return;
        }
        let (mut from, mut holder) = (days.later(accepted_on, (0, 3), dice), None);
        while from <= self.worked_until(days) {
            let others = team.on_duty(from).into_iter().filter(|at| Some(*at) != holder).collect::<Vec<_>>();
            if others.is_empty() {
                return;
            }
            let next = *dice.pick(&others);
            holder = Some(next);
            self.keyworkers.push((from, next));
            let Some(left_on) = team.roster.workers[next].left_on else { return };
            from = days.later(left_on, (0, 5), dice);
        }
    }

    /// The keyworker on a day.
    pub(super) fn keyworker(&self, on: NaiveDate) -> Option<usize> {
        self.keyworkers.iter().rev().find(|(from, _)| *from <= on).map(|(_, at)| *at)
    }
}

fn answer(pack: &Pack, population: &Population, received_on: NaiveDate, days: &Days, dice: &Dice) -> Answer {
    let on = days.later(received_on, population.answered_after, dice);
    let is_accepted = dice.permille(population.accepted);
    let reason = dice.weighted(pack.endings.declined);
    match is_accepted {
        _ if on > days.last => Answer::Pending,
        true => Answer::Accepted(on),
        false => Answer::Declined(on, reason),
    }
}
