//! A team: who is in it, which posts are vacant, who stands in for whom.
//!
//! Pure. A team is a label and its members. Which cases it has follows from who holds them, and is asked elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use uuid::Uuid;

use super::worker::in_force;
use crate::fact::Entry;
use crate::fact::Fact;
use crate::fact::consistency::Groundless;
use crate::fact::consistency::{Stated, judged};
use crate::fact::envelope::WorkerId;
use crate::fact::event::{
    CapacitySet, CoverEnded, CoverStarted, Event, Quantity, TeamSet, VacancyFilled, VacancyOpened,
};
use crate::fact::refusal::{Refusal, RefusalCode as Code};
use crate::people::open_close::{Pairs, Part, Words};

/// A team at some point of view: what the facts of its stream, folded in order, amount to.
#[derive(Debug, Clone, Default)]
pub struct Team {
    /// How it was set, each from its day on, in order.
    pub set: Vec<Entry<TeamSet>>,
    /// How many open cases a full-time member holds at most, each value from its day on.
    pub capacity: Vec<Entry<CapacitySet>>,
    /// Every vacant post, in the order in which they were opened.
    pub vacancies: Vec<Vacancy>,
    /// Every cover, in the order in which they were started.
    pub covers: Vec<Cover>,
}

/// A vacant post.
#[derive(Debug, Clone)]
pub struct Vacancy {
    /// The post, and since when it is vacant.
    pub opened: Entry<VacancyOpened>,
    /// When it was filled, if it was.
    pub filled: Option<Entry<VacancyFilled>>,
}

/// Somebody stands in for somebody else.
#[derive(Debug, Clone)]
pub struct Cover {
    /// Who for whom, and since when.
    pub started: Entry<CoverStarted>,
    /// The first day without it, if it was ended.
    pub ended: Option<Entry<CoverEnded>>,
}

impl Cover {
    /// The days `[from, to)` over which it lasts; one without an end has no last day.
    pub fn days(&self) -> (NaiveDate, Option<NaiveDate>) {
        let ended = self.ended.as_ref().map(|ended| ended.occurred.earliest());
        (self.started.occurred.earliest(), self.started.details.until.into_iter().chain(ended).min())
    }
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
        match fact.event {
            Event::TeamSet(set) => self.set.push(Entry::of(fact, set)),
            Event::CapacitySet(set) => self.capacity.push(Entry::of(fact, set)),
            Event::VacancyOpened(opened) => {
                self.vacancies.push(Vacancy { opened: Entry::of(fact, opened), filled: None });
            }
            Event::VacancyFilled(filled) => {
                let open = |one: &&mut Vacancy| one.opened.details.vacancy == filled.vacancy && one.filled.is_none();
                if let Some(vacancy) = self.vacancies.iter_mut().find(open) {
                    vacancy.filled = Some(Entry::of(fact, filled));
                }
            }
            Event::CoverStarted(started) => {
                self.covers.push(Cover { started: Entry::of(fact, started), ended: None });
            }
            Event::CoverEnded(ended) => {
                let open = |one: &&mut Cover| one.started.details.cover == ended.cover && one.ended.is_none();
                if let Some(cover) = self.covers.iter_mut().find(open) {
                    cover.ended = Some(Entry::of(fact, ended));
                }
            }
            _ => {}
        }
    }

    /// The team as these facts leave it.
    pub fn now(&self) -> Option<&Entry<TeamSet>> {
        self.set.last()
    }

    /// How many open cases a full-time member holds at most on this day, where that was set.
    pub fn capacity_on(&self, day: NaiveDate) -> Option<Quantity> {
        in_force(&self.capacity, day).map(|set| set.cases_per_wte)
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
        let from = |set: &Entry<TeamSet>| set.occurred.earliest();
        let ends = self.set.iter().skip(1).map(move |set| Some(from(set))).chain([None]);
        let stretches = self.set.iter().zip(ends).map(move |(set, to)| (from(set), to, &set.details));
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
