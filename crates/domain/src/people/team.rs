//! A team: its members, its vacant posts, and its covers.
//!
//! Pure. A team has a label and members. The cases of a team follow from the workers who hold them, and are computed
//! elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use uuid::Uuid;

use super::worker::in_force;
use crate::fact::Entry;
use crate::fact::Fact;
use crate::fact::consistency::Violation;
use crate::fact::consistency::{DatedFact, judged};
use crate::fact::envelope::WorkerId;
use crate::fact::event::{
    CapacitySet, CoverEnded, CoverStarted, Event, Quantity, TeamSet, VacancyFilled, VacancyOpened,
};
use crate::fact::refusal::{Refusal, RefusalCode as Code};
use crate::people::open_close::{Pairs, Part, Words};

/// A team at a point in time: the fold of the facts of its stream.
#[derive(Debug, Clone, Default)]
pub struct Team {
    /// Its names and members, each from its date on, in order.
    pub set: Vec<Entry<TeamSet>>,
    /// The most open cases of one full-time member, each value from its date on.
    pub capacity: Vec<Entry<CapacitySet>>,
    /// All vacant posts, in the order in which they were opened.
    pub vacancies: Vec<Vacancy>,
    /// All covers, in the order in which they were started.
    pub covers: Vec<Cover>,
}

/// A vacant post.
#[derive(Debug, Clone)]
pub struct Vacancy {
    /// The post, and the date from which it is vacant.
    pub opened: Entry<VacancyOpened>,
    /// When it was filled, if it was.
    pub filled: Option<Entry<VacancyFilled>>,
}

/// A cover: one worker does the work of another.
#[derive(Debug, Clone)]
pub struct Cover {
    /// The two workers, and the first day.
    pub started: Entry<CoverStarted>,
    /// The first day without the cover, if it was ended.
    pub ended: Option<Entry<CoverEnded>>,
}

impl Cover {
    /// The days `[from, to)` of the cover. None as end if it has no end.
    pub fn days(&self) -> (NaiveDate, Option<NaiveDate>) {
        let ended = self.ended.as_ref().map(|ended| ended.occurred.earliest());
        (self.started.occurred.earliest(), self.started.details.until.into_iter().chain(ended).min())
    }
}

impl Team {
    /// Folds facts in order.
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

    /// The current name and members.
    pub fn now(&self) -> Option<&Entry<TeamSet>> {
        self.set.last()
    }

    /// The most open cases of one full-time member on this day. None where no value was set.
    pub fn capacity_on(&self, day: NaiveDate) -> Option<Quantity> {
        in_force(&self.capacity, day).map(|set| set.cases_per_wte)
    }

    /// The names of the team, with the days `[from, to)` of each. The last one has no end.
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

    /// The members of the team, with the days `[from, to)` of each membership, in order and without overlap. Current
    /// memberships have no end.
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

    /// Each setting of name and members with the days over which it applied. One that was replaced on its own day has
    /// no days.
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
    is_final: false,
};

const COVERS: Words = Words {
    field: "cover",
    begins: "started",
    ends: "ended",
    exists: Code::CoverExists,
    not_found: Code::CoverNotFound,
    over: Code::CoverAlreadyEnded,
    is_final: false,
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

/// The invalid facts of a team's stream, in order.
pub(crate) fn judge(facts: &[DatedFact<'_>]) -> Vec<Violation> {
    let first = facts.iter().find(|fact| matches!(fact.event, Event::TeamSet(_)));
    let (vacancies, covers) = (Pairs::of(facts, vacancy, VACANCIES), Pairs::of(facts, cover, COVERS));
    judged(facts, |fact| {
        let Some(first) = first else { return Some(Refusal::team_not_found()) };
        if fact.is_before(first) {
            return Some(before_team(first));
        }
        vacancies.refusal(fact).or_else(|| covers.refusal(fact)).or_else(|| not_a_member(facts, fact))
    })
}

fn before_team(first: &DatedFact<'_>) -> Refusal {
    let message = format!("the team was set up on {}: use that day or a later one, or set it up earlier", first.day());
    Refusal::new(Code::BeforeTeam, message).at("occurred_on").naming([first.fact()])
}

/// Only a current or former member can be covered.
fn not_a_member(facts: &[DatedFact<'_>], fact: &DatedFact<'_>) -> Option<Refusal> {
    let Event::CoverStarted(cover) = fact.event else { return None };
    let holds = |other: &DatedFact<'_>| match other.event {
        Event::TeamSet(set) => !other.is_after(fact) && set.members.contains(&cover.absent),
        _ => false,
    };
    (!facts.iter().any(holds)).then(|| {
        let message =
            "this worker has not been a member of the team by that day: name a member, or add the worker first";
        Refusal::new(Code::NotAMember, message).at("absent")
    })
}
