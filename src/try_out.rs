//! Trying a rulebook on a file of events: what every outcome of every journey would have come to on a day.
//!
//! Nothing is stored and no deployment is asked. The file is read once, a window of lines at a time; what is kept grows
//! with the facts that outcomes look at, not with the file. A line that cannot be read ends it: half an answer about
//! money is none.

mod answer;
mod known;
mod reading;

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::num::NonZero;

use chrono::NaiveDate;
use uuid::Uuid;

pub use known::{KnownAt, MalformedInstant};

use crate::cloud_event::LineError;
use crate::contract::Rulebook;
use crate::contract::outcome::many::Many;
use crate::contract::outcome::settle::{Entitlement, Settlement, Terms, settle};
use crate::contract::outcome::{Case, Evaluation, People, State, claim_id, evaluate};
use crate::journey::{Fact, History};
use crate::log::envelope::{JourneyId, SubjectId};

/// What is tried: these rules, on the facts that were so by the end of a day and known by another.
#[derive(Debug, Clone, Copy)]
pub struct Trial<'r> {
    /// The rules.
    pub rulebook: &'r Rulebook,
    /// The day at whose end the facts are read.
    pub as_of: NaiveDate,
    /// Until when events count as known; none: all of them.
    pub known_at: Option<KnownAt>,
}

/// What was found in a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tried {
    /// The lines read.
    pub events: u64,
    /// The journeys of the rulebook's contract.
    pub journeys: usize,
    /// The journeys of other contracts, which are left out.
    pub of_others: usize,
}

/// Why a file cannot be tried.
#[derive(Debug, thiserror::Error)]
pub enum TryError {
    /// The file cannot be read.
    #[error("cannot read the events")]
    Read(#[source] io::Error),
    /// The answer cannot be written.
    #[error("cannot write the answer")]
    Write(#[source] io::Error),
    /// A line is no event.
    #[error("line {line}: {error}")]
    Line {
        /// Its number, from 1.
        line: u64,
        /// What is wrong with it.
        error: LineError,
    },
}

/// The streams of a file, each with what outcomes look at.
#[derive(Debug, Default)]
struct Streams {
    journeys: HashMap<Uuid, History>,
    subjects: HashMap<Uuid, History>,
    events: u64,
}

/// What one journey has come to.
struct Judged {
    journey: JourneyId,
    subject: Option<SubjectId>,
    evaluations: Vec<Evaluation>,
}

impl Trial<'_> {
    /// Reads the events and writes one JSON object a line for each outcome of each journey, in the order of their ids
    /// and codes; outcomes over many journeys come last.
    pub fn run(&self, events: impl Read, mut out: impl Write) -> Result<Tried, TryError> {
        let streams = reading::read(self, events)?;
        let people = People::of(&streams.subjects, self.as_of);
        let is_ours = |history: &History| {
            let contract = history.events().iter().find_map(|event| event.contract.as_deref());
            contract == Some(&self.rulebook.contract)
        };
        let mut ours: Vec<(Uuid, &History)> = streams
            .journeys
            .iter()
            .filter(|(_, history)| is_ours(history))
            .map(|(id, history)| (*id, history))
            .collect();
        ours.sort_unstable_by_key(|(id, _)| *id);
        let (judged, many) = self.judged(&ours);
        let many = many.evaluations(|subject| people.person(subject));
        let entitlements: Vec<Entitlement> = judged
            .iter()
            .flat_map(|judged| self.entitlements(judged, &people))
            .chain(answer::entitlements_of_many(self, &many))
            .collect();
        let settlement = settle(&Terms::alone(self.rulebook), &entitlements, &[]);
        self.answer(&judged, &many, settlement, &mut out).and_then(|()| out.flush()).map_err(TryError::Write)?;
        let of_others = streams.journeys.values().filter(|history| !is_ours(history) && history.contract().is_some());
        Ok(Tried { events: streams.events, journeys: ours.len(), of_others: of_others.count() })
    }

    /// Judges journeys, shared out over the processors.
    fn judged(&self, journeys: &[(Uuid, &History)]) -> (Vec<Judged>, Many<'_>) {
        let share = journeys.len().div_ceil(processors()).max(1);
        let judge = |journeys: &[(Uuid, &History)]| {
            let mut many = Many::new(self.rulebook, self.as_of);
            let judged = journeys.iter().map(|(id, history)| {
                let facts: Vec<Fact<'_>> =
                    history.facts().into_iter().filter(|fact| fact.occurred.earliest() <= self.as_of).collect();
                let case = Case::of(&facts);
                many.add(&case);
                let evaluations = evaluate(&case, self.rulebook, self.as_of);
                Judged { journey: JourneyId(*id), subject: case.subject, evaluations }
            });
            (judged.collect::<Vec<_>>(), many)
        };
        std::thread::scope(|scope| {
            let at_work: Vec<_> = journeys.chunks(share).map(|part| scope.spawn(|| judge(part))).collect();
            let mut judged = Vec::with_capacity(journeys.len());
            let mut many = Many::new(self.rulebook, self.as_of);
            for part in at_work {
                let (of_part, many_of_part) = part.join().expect("judging journeys does not panic");
                judged.extend(of_part);
                many.merge(many_of_part);
            }
            (judged, many)
        })
    }

    fn entitlements<'e>(&'e self, judged: &'e Judged, people: &'e People) -> impl Iterator<Item = Entitlement> + 'e {
        judged.evaluations.iter().filter_map(move |evaluation| {
            let State::Reached(achievement) = &evaluation.state else { return None };
            let code = &self.rulebook.outcomes[evaluation.outcome].code;
            Some(Entitlement {
                claim: claim_id(judged.journey, code, evaluation.repeat),
                holder: judged.journey.0,
                person: judged.subject.map(|subject| people.person(subject)),
                outcome: evaluation.outcome,
                achieved_on: achievement.achieved_on,
                price: achievement.price.clone(),
                standing: achievement.standing(self.as_of),
            })
        })
    }

    fn answer(
        &self,
        judged: &[Judged],
        many: &[crate::contract::outcome::many::ManyEvaluation],
        settlement: Settlement,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let mut settled = settlement.claims.into_iter();
        for judged in judged {
            let mut lines = Vec::with_capacity(judged.evaluations.len());
            for evaluation in &judged.evaluations {
                lines.push(answer::line(self, judged.journey, evaluation, &mut settled));
            }
            lines.sort_by_key(|line| line.outcome);
            lines.iter().try_for_each(|line| line.write(out))?;
        }
        for evaluation in many {
            answer::line_of_many(self, evaluation, &mut settled).write(out)?;
        }
        Ok(())
    }
}

/// How many threads are worth having.
fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}
