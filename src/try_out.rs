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

use chrono::NaiveDate;
use uuid::Uuid;

pub use known::{KnownAt, MalformedInstant};

use crate::cloud_event::LineError;
use crate::contract::Rulebook;
use crate::contract::outcome::many::Many;
use crate::contract::outcome::many::ManyEvaluation;
use crate::contract::outcome::settle::{Entitlement, Settled, Terms, settle};
use crate::contract::outcome::versions::entitlement;
use crate::contract::outcome::{Case, Evaluation, People, State, claim_id, evaluate};
use crate::journey::History;
use crate::log::envelope::JourneyId;
use crate::shares::share_out;

/// How many journeys are put into words at a time.
const BLOCK: usize = 1_000;

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
    evaluations: Vec<Evaluation>,
}

/// What some of the journeys have come to.
#[derive(Default)]
struct Share {
    judged: Vec<Judged>,
    entitlements: Vec<Entitlement>,
    many: Many,
}

impl Trial<'_> {
    /// Reads the events and writes one JSON object a line for each outcome of each journey, in the order of their ids
    /// and codes; outcomes over many journeys come last.
    pub fn run(&self, events: impl Read, mut out: impl Write) -> Result<Tried, TryError> {
        let streams = reading::read(self, events)?;
        let people = People::of(&streams.subjects, self.as_of);
        let (mut ours, others): (Vec<(Uuid, History)>, Vec<_>) =
            streams.journeys.into_iter().partition(|(_, history)| self.is_of_contract(history));
        let of_others = others.iter().filter(|(_, history)| history.contract().is_some()).count();
        ours.sort_unstable_by_key(|(id, _)| *id);
        let tried = Tried { events: streams.events, journeys: ours.len(), of_others };
        let mut all = Share::default();
        let shares = share_out(ours, |share| self.judged(share, &people));
        all.judged.reserve_exact(tried.journeys);
        all.entitlements.reserve_exact(shares.iter().map(|share| share.entitlements.len()).sum());
        for share in shares {
            all.judged.extend(share.judged);
            all.entitlements.extend(share.entitlements);
            all.many.merge(share.many);
        }
        let many = all.many.evaluations(self.rulebook, self.as_of, |subject| people.person(subject));
        all.entitlements.extend(answer::entitlements_of_many(self, &many));
        let settled = settle(&Terms::alone(self.rulebook), &all.entitlements, &[]).claims;
        self.answer(all.judged, &many, &settled, &mut out).and_then(|()| out.flush()).map_err(TryError::Write)?;
        Ok(tried)
    }

    fn is_of_contract(&self, history: &History) -> bool {
        let contract = history.events().iter().find_map(|event| event.contract.as_deref());
        contract == Some(&self.rulebook.contract)
    }

    fn judged(&self, journeys: Vec<(Uuid, History)>, people: &People) -> Share {
        let mut share = Share::default();
        for (journey, history) in journeys {
            let journey = JourneyId(journey);
            let case = Case::of(&history.facts_as_of(self.as_of));
            let person = case.subject.map(|subject| people.person(subject));
            share.many.add(journey, &case, self.rulebook);
            let evaluations = evaluate(&case, self.rulebook, self.as_of);
            share.entitlements.extend(evaluations.iter().filter_map(|evaluation| {
                let State::Reached(achievement) = &evaluation.state else { return None };
                let claim = claim_id(journey, &self.rulebook.outcomes[evaluation.outcome].code, evaluation.repeat);
                let days = (self.as_of, self.as_of);
                Some(entitlement(claim, (journey.0, person), evaluation.outcome, achievement, days))
            }));
            share.judged.push(Judged { journey, evaluations });
        }
        share
    }

    fn answer(
        &self,
        judged: Vec<Judged>,
        many: &[ManyEvaluation],
        mut settled: &[Settled],
        out: &mut impl Write,
    ) -> io::Result<()> {
        let mut judged = judged.into_iter();
        let words = answer::Words::of(self)?;
        let mut before: Vec<io::Result<Vec<u8>>> = Vec::new();
        while judged.len() > 0 || !before.is_empty() {
            let mut told = Vec::with_capacity(BLOCK.min(judged.len()));
            for judged in judged.by_ref().take(BLOCK) {
                let (own, others) = settled.split_at(judged.reached());
                told.push((judged, own));
                settled = others;
            }
            // While one block is written, the next is put into words.
            before = std::thread::scope(|scope| {
                let next = (!told.is_empty()).then(|| scope.spawn(|| share_out(told, |share| words.lines(share))));
                std::mem::take(&mut before).into_iter().try_for_each(|lines| out.write_all(&lines?))?;
                let next = next.map(|next| next.join().expect("to put a journey into words does not panic"));
                Ok::<_, io::Error>(next.unwrap_or_default())
            })?;
        }
        let mut settled = settled.iter();
        many.iter().try_for_each(|evaluation| answer::line_of_many(self, evaluation, &mut settled).write(out))
    }
}

impl Judged {
    /// How many of its outcomes are reached: so many are settled.
    fn reached(&self) -> usize {
        self.evaluations.iter().filter(|evaluation| matches!(evaluation.state, State::Reached(_))).count()
    }
}
