//! A team: who is in it, which posts are vacant, who stands in for whom.
//!
//! Pure. A team is a label and its members. Which cases it has follows from who holds them, and is asked elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use uuid::Uuid;

use super::pairs::{Pairs, Part, Words};
use super::worker::in_force;
use crate::journey::Fact;
use crate::journey::event::{CoverStarted, Event, Quantity, TeamSet, VacancyOpened};
use crate::journey::ground::Groundless;
use crate::journey::refusal::{Refusal, RefusalCode as Code};
use crate::journey::stated::{Stated, judged};
use crate::log::envelope::{Occurred, WorkerId};

/// A team at some point of view: what the facts of its stream, folded in order, amount to.
#[derive(Debug, Clone, Default)]
pub struct Team {
    /// How it was set, each from its day on, in order.
    pub set: Vec<(NaiveDate, TeamSet)>,
    /// How many open cases a full-time member holds at most, each value from its day on.
    pub capacity: Vec<(NaiveDate, Quantity)>,
    /// Every vacant post, in the order in which they were opened.
    pub vacancies: Vec<Vacancy>,
    /// Every cover, in the order in which they were started.
    pub covers: Vec<Cover>,
}

/// A vacant post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vacancy {
    /// The post.
    pub details: VacancyOpened,
    /// Since when it is vacant.
    pub opened: Occurred,
    /// When it was filled, if it was, and by whom, if that is known.
    pub filled: Option<(Occurred, Option<WorkerId>)>,
}

/// Somebody stands in for somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cover {
    /// Who stands in for whom.
    pub details: CoverStarted,
    /// Since when.
    pub started: Occurred,
    /// The first day without it, if it ended.
    pub ended: Option<Occurred>,
}

impl Team {
    /// Folds facts that stand in order.
    pub fn fold(facts: &[Fact<'_>]) -> Self {
        let mut team = Self::default();
        for fact in facts {
            team.apply(fact);
        }
        team
    }

    fn apply(&mut self, fact: &Fact<'_>) {
        let (occurred, on) = (fact.occurred, fact.occurred.earliest());
        match fact.event {
            Event::TeamSet(set) => self.set.push((on, set.clone())),
            Event::CapacitySet(set) => self.capacity.push((on, set.cases_per_wte)),
            Event::VacancyOpened(details) => {
                self.vacancies.push(Vacancy { details: details.clone(), opened: occurred, filled: None });
            }
            Event::VacancyFilled(filled) => {
                let open = |one: &&mut Vacancy| one.details.vacancy == filled.vacancy && one.filled.is_none();
                if let Some(vacancy) = self.vacancies.iter_mut().find(open) {
                    vacancy.filled = Some((occurred, filled.worker));
                }
            }
            Event::CoverStarted(details) => {
                self.covers.push(Cover { details: details.clone(), started: occurred, ended: None });
            }
            Event::CoverEnded(ended) => {
                let open = |one: &&mut Cover| one.details.cover == ended.cover && one.ended.is_none();
                if let Some(cover) = self.covers.iter_mut().find(open) {
                    cover.ended = Some(occurred);
                }
            }
            _ => {}
        }
    }

    /// The team as these facts leave it.
    pub fn now(&self) -> Option<&TeamSet> {
        self.set.last().map(|(_, set)| set)
    }

    /// How many open cases a full-time member holds at most on this day, where that was set.
    pub fn capacity_on(&self, day: NaiveDate) -> Option<Quantity> {
        in_force(&self.capacity, day)
    }

    /// Over which days `[from, to)` it was called what; the last one goes on.
    pub fn labels(&self) -> Vec<(&str, NaiveDate, Option<NaiveDate>)> {
        let mut labels: Vec<(&str, NaiveDate, Option<NaiveDate>)> = Vec::new();
        for (from, to, set) in self.stretches() {
            match labels.last_mut() {
                Some((label, _, until)) if *label == set.label => *until = to,
                _ => labels.push((&set.label, from, to)),
            }
        }
        labels
    }

    /// Over which days `[from, to)` who was in it, in order and without overlap; the last ones go on.
    pub fn memberships(&self) -> BTreeMap<WorkerId, Vec<(NaiveDate, Option<NaiveDate>)>> {
        let mut members: BTreeMap<WorkerId, Vec<(NaiveDate, Option<NaiveDate>)>> = BTreeMap::new();
        for (from, to, set) in self.stretches() {
            for member in set.members.iter().collect::<BTreeSet<_>>() {
                let days = members.entry(*member).or_default();
                match days.last_mut() {
                    Some((_, until)) if *until == Some(from) => *until = to,
                    _ => days.push((from, to)),
                }
            }
        }
        members
    }

    /// Each setting with the days over which it stood; one that was replaced on its own day stood for none.
    fn stretches(&self) -> impl Iterator<Item = (NaiveDate, Option<NaiveDate>, &TeamSet)> {
        let ends = self.set.iter().skip(1).map(|(from, _)| Some(*from)).chain([None]);
        let stretches = self.set.iter().zip(ends).map(|((from, set), to)| (*from, to, set));
        stretches.filter(|(from, to, _)| to.is_none_or(|to| *from < to))
    }
}

const VACANCIES: Words = Words {
    field: "vacancy",
    begins: "was opened",
    ends: "was filled",
    exists: Code::VacancyExists,
    not_found: Code::VacancyNotFound,
    over: Code::VacancyAlreadyFilled,
};

const COVERS: Words = Words {
    field: "cover",
    begins: "started",
    ends: "ended",
    exists: Code::CoverExists,
    not_found: Code::CoverNotFound,
    over: Code::CoverAlreadyEnded,
};

fn vacancy(event: &Event) -> Option<(Uuid, Part)> {
    match event {
        Event::VacancyOpened(opened) => Some((opened.vacancy.0, Part::Begins)),
        Event::VacancyFilled(filled) => Some((filled.vacancy.0, Part::Ends)),
        _ => None,
    }
}

fn cover(event: &Event) -> Option<(Uuid, Part)> {
    match event {
        Event::CoverStarted(started) => Some((started.cover.0, Part::Begins)),
        Event::CoverEnded(ended) => Some((ended.cover.0, Part::Ends)),
        _ => None,
    }
}

/// The facts of a team's stream that stand without ground, in their order.
pub(crate) fn judge(facts: &[Stated<'_>]) -> Vec<Groundless> {
    let first = facts.iter().find(|fact| matches!(fact.event, Event::TeamSet(_)));
    let (vacancies, covers) = (Pairs::of(facts, vacancy, VACANCIES), Pairs::of(facts, cover, COVERS));
    judged(facts, |fact| {
        let Some(first) = first else { return Some(Refusal::team_not_found()) };
        if fact.is_before(first) {
            return Some(before_it_was_set(first));
        }
        vacancies.refusal(fact).or_else(|| covers.refusal(fact)).or_else(|| stranger(facts, fact))
    })
}

fn before_it_was_set(first: &Stated<'_>) -> Refusal {
    let message = format!("the team was set up on {}: date this on or after that day, or set it earlier", first.day());
    Refusal::new(Code::BeforeTeam, message).at("occurred_on").naming([first.fact()])
}

/// Only a member, or somebody who was one, is stood in for.
fn stranger(facts: &[Stated<'_>], fact: &Stated<'_>) -> Option<Refusal> {
    let Event::CoverStarted(cover) = fact.event else { return None };
    let holds = |other: &Stated<'_>| match other.event {
        Event::TeamSet(set) => !other.is_after(fact) && set.members.contains(&cover.absent),
        _ => false,
    };
    (!facts.iter().any(holds)).then(|| {
        let message = "this worker was no member of the team by that day: name a member, or set the team first";
        Refusal::new(Code::NotAMember, message).at("absent")
    })
}
