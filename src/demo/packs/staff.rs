//! The staff of a pack: its teams and workers, their hours, absences and scores, and one worker who leaves.

use chrono::{Months, NaiveDate};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::super::areas::Worker;
use super::super::days::{MORNING, Moment, after};
use super::super::dice::Dice;
use super::super::opening::joins;
use super::super::story::{Item, NAMES};
use super::super::telling::caller;
use super::calendar::Days;
use super::{Every, Pack, Span};
use crate::access::Role;
use throughline_domain::command::Command;
use throughline_domain::fact::envelope::{Occurred, StreamId, TeamId, VacancyId};
use throughline_domain::fact::event::{
    AbsenceRecorded, AssessmentScored, CapacitySet, Event, KEYWORKER, Quantity, TeamSet, VacancyFilled, VacancyOpened,
    WorkerLeft, WteSet,
};

/// The worker who leaves, by their place in the list.
const LEAVER: usize = 1;
/// The worker who works part of the week.
const PART_TIME: usize = 2;
/// The worker who is away for some weeks.
const ABSENT: usize = 0;
/// The month in which the leaver leaves, counted from 0.
const LEAVES_IN: u32 = 6;

/// All workers of a pack, and the team of each.
#[derive(Debug)]
pub(super) struct Roster {
    pub(super) workers: Vec<Worker>,
    team_of: Vec<usize>,
    teams: usize,
}

/// A team.
#[derive(Debug, Clone, Copy)]
pub(super) struct Team<'a> {
    pub(super) roster: &'a Roster,
    number: usize,
}

impl Team<'_> {
    /// The members who work here on a day, by their place in the list of all workers.
    pub(super) fn on_duty(&self, on: NaiveDate) -> Vec<usize> {
        let Roster { workers, team_of, .. } = self.roster;
        (0..workers.len()).filter(|at| team_of[*at] == self.number && workers[*at].is_there(on)).collect()
    }

    fn set(&self, on: NaiveDate) -> TeamSet {
        let members = self.on_duty(on).into_iter().map(|at| self.roster.workers[at].id).collect();
        TeamSet { label: format!("Team {}", self.number + 1), members }
    }

    fn stream(&self, pack: &Pack) -> StreamId {
        StreamId::team(TeamId(Uuid::new_v5(&NAMES, format!("team {} of {}", self.number, pack.code).as_bytes())))
    }
}

impl Roster {
    /// The workers of a pack. One of them leaves, and a new one joins the same team a month later.
    pub(super) fn of(pack: &Pack, days: &Days) -> Self {
        let teams = usize::try_from(pack.staff.teams).expect("a number of teams");
        let numbered = |number, joined_on| Worker::numbered(pack.worker_letters, number, joined_on);
        let mut workers: Vec<Worker> = (1..=pack.staff.workers).map(|number| numbered(number, days.first)).collect();
        let mut team_of: Vec<usize> = (0..workers.len()).map(|at| at % teams).collect();
        let leaves_on = days.working(days.first + Months::new(LEAVES_IN));
        workers[LEAVER].left_on = Some(leaves_on);
        workers.push(numbered(pack.staff.workers + 1, days.working(leaves_on + Months::new(1))));
        team_of.push(team_of[LEAVER]);
        Self { workers, team_of, teams }
    }

    /// The team of an area, by the place of the area in the rulebook.
    pub(super) fn team(&self, area: usize) -> Team<'_> {
        Team { roster: self, number: area % self.teams }
    }

    /// The login of the first worker.
    pub(super) fn first_login(&self) -> &str {
        &self.workers[0].login
    }

    /// Everything that is recorded about the staff.
    pub(super) fn items(&self, pack: &Pack, days: &Days, dice: &Dice) -> Vec<Item> {
        let joined = self.workers.iter().map(|worker| joins(worker, days.zone)).collect();
        let mut office = Office { pack, days, items: joined };
        for (at, worker) in self.workers.iter().enumerate() {
            let wte = Decimal::new(if at == PART_TIME { 6 } else { 10 }, 1);
            office.state(worker.joined_on, StreamId::worker(worker.id), WteSet { wte: Quantity(wte) });
        }
        for team in (0..self.teams).map(|number| self.team(number)) {
            let cases_per_wte = Quantity(pack.staff.capacity.into());
            office.state(days.first, team.stream(pack), team.set(days.first));
            office.state(days.first, team.stream(pack), CapacitySet { cases_per_wte });
        }
        self.changes(&mut office);
        for period in days.periods(Every::Quarter) {
            for worker in self.workers.iter().filter(|worker| worker.is_there(period.last)) {
                for (instrument, span) in pack.staff.scores {
                    office.state(period.last, StreamId::worker(worker.id), scored(instrument, *span, dice));
                }
            }
        }
        office.items
    }

    /// The absence of one worker, the leaving of another, and the vacancy until a new worker joins.
    fn changes(&self, office: &mut Office<'_>) {
        let away_on = office.days.working(office.days.first + Months::new(2));
        let away = AbsenceRecorded { kind: "sickness".to_owned(), back_on: Some(after(away_on, 18)) };
        office.state(away_on, StreamId::worker(self.workers[ABSENT].id), away);
        let (leaver, newcomer) = (&self.workers[LEAVER], &self.workers[self.workers.len() - 1]);
        let Some(left_on) = leaver.left_on else { return };
        let team = self.team(self.team_of[LEAVER]);
        let stream = team.stream(office.pack);
        let vacancy = VacancyId(Uuid::new_v5(&NAMES, format!("vacancy of {}", leaver.label).as_bytes()));
        let (role, wte) = (KEYWORKER.to_owned(), Quantity(Decimal::ONE));
        office.state(left_on, StreamId::worker(leaver.id), WorkerLeft {});
        office.state(left_on, stream, VacancyOpened { vacancy, role, wte });
        office.state(newcomer.joined_on, stream, VacancyFilled { vacancy, worker: Some(newcomer.id) });
        office.state(newcomer.joined_on, stream, team.set(newcomer.joined_on));
    }
}

fn scored(instrument: &str, (least, most): Span, dice: &Dice) -> AssessmentScored {
    let score = Quantity(dice.from(least..=most).into());
    AssessmentScored { instrument: instrument.to_owned(), items: [].into(), score }
}

/// Where the manager records facts about the staff.
struct Office<'a> {
    pack: &'a Pack,
    days: &'a Days,
    items: Vec<Item>,
}

impl Office<'_> {
    /// Adds a fact, recorded on its day.
    fn state(&mut self, on: NaiveDate, stream: StreamId, fact: impl Into<Event>) {
        let manager = caller("manager", Role::Manager, self.pack.code);
        let name = format!("fact {} about the staff of {}", self.items.len(), self.pack.code);
        let at = Moment::at(on, MORNING).instant_in(self.days.zone);
        self.items.push(Item::new(at, manager, &name, Command::record_fact(stream, Occurred::on(on), fact)));
    }
}
