//! Tries one or more versions of a rulebook on a file of events, and gives the result of every outcome of every journey
//! at a date.
//!
//! Nothing is stored and no deployment is used. The file is read once, a window of lines at a time. Memory grows with
//! the facts that outcomes depend on, not with the file. A line that cannot be read ends the trial, because an
//! incomplete answer about money is of no use.

mod answer;
mod known;
mod reading;

use std::collections::HashMap;
use std::io::{self, Read, Write};

use chrono::NaiveDate;
use uuid::Uuid;

pub use known::{KnownAt, MalformedInstant};

use crate::cloud_event::LineError;
use crate::parallel::share_out;
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::civil_day::civil_day;
use throughline_domain::contract::outcome::aggregate::Many;
use throughline_domain::contract::outcome::settle::{Entitlement, Settled, settle};
use throughline_domain::contract::outcome::versions::{
    ClaimDays, Claimant, Judged, JudgedMany, Sight, Versions, entitlement,
};
use throughline_domain::contract::outcome::{Case, People, State, claim_id};
use throughline_domain::fact::History;
use throughline_domain::fact::envelope::{EventId, JourneyId};

/// The number of journeys that are formatted at a time.
const BLOCK: usize = 1_000;

/// A trial of rules on the facts up to an as-of date and a knowledge date.
#[derive(Debug, Clone, Copy)]
pub struct Trial<'r> {
    /// The rules: one or more versions for one contract.
    pub rulebooks: &'r [Rulebook],
    /// The as-of date: facts are read at the end of this day.
    pub as_of: NaiveDate,
    /// The knowledge date. `None` counts all events.
    pub known_at: Option<KnownAt>,
}

/// What was found in a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tried {
    /// The number of lines read.
    pub events: u64,
    /// The journeys of the rulebook's contract.
    pub journeys: usize,
    /// The journeys of other contracts, which are left out.
    pub of_others: usize,
}

/// Why a trial ended early.
#[derive(Debug, thiserror::Error)]
pub enum TryError {
    /// The file cannot be read.
    #[error("cannot read the events")]
    Read(#[source] io::Error),
    /// The answer cannot be written.
    #[error("cannot write the results")]
    Write(#[source] io::Error),
    /// A line is not an event.
    #[error("line {line}: {error}")]
    Line {
        /// Its number, from 1.
        line: u64,
        /// What is wrong with the line.
        error: LineError,
    },
}

/// The streams of a file, each with the facts that outcomes depend on.
#[derive(Debug, Default)]
struct Streams {
    journeys: HashMap<Uuid, History>,
    subjects: HashMap<Uuid, History>,
    events: u64,
}

/// The result of one journey.
struct OfJourney {
    journey: JourneyId,
    judged: Vec<Judged>,
}

/// The results of some of the journeys.
#[derive(Default)]
struct Share {
    journeys: Vec<OfJourney>,
    entitlements: Vec<Entitlement>,
    /// What journeys contribute to outcomes over several cases, for each version.
    many: Vec<Many>,
}

impl<'r> Trial<'r> {
    /// Reads the events and writes one JSON object a line for each outcome of each journey, in the order of their ids
    /// and codes. Outcomes over several cases come last.
    pub fn run(&self, events: impl Read, mut out: impl Write) -> Result<Tried, TryError> {
        let streams = reading::read(self, events)?;
        let people = People::of(&streams.subjects, self.as_of);
        let (mut ours, others): (Vec<(Uuid, History)>, Vec<_>) =
            streams.journeys.into_iter().partition(|(_, history)| self.is_of_contract(history));
        let of_others = others.iter().filter(|(_, history)| history.contract().is_some()).count();
        ours.sort_unstable_by_key(|(id, _)| *id);
        let tried = Tried { events: streams.events, journeys: ours.len(), of_others };
        let versions = Versions::of(self.rulebooks);
        let mut all = Share { many: nothing_added(&versions), ..Share::default() };
        let shares = share_out(ours, |share| self.judged(&versions, share, &people));
        all.journeys.reserve_exact(tried.journeys);
        all.entitlements.reserve_exact(shares.iter().map(|share| share.entitlements.len()).sum());
        for share in shares {
            all.journeys.extend(share.journeys);
            all.entitlements.extend(share.entitlements);
            all.many.iter_mut().zip(share.many).for_each(|(all, of_share)| all.merge(of_share));
        }
        let sight = Sight { as_of: self.as_of, submitted_on: &|_| None, recorded_on: &|_| None };
        let many = versions.judge_many(sight, &all.many, |subject| people.person(subject));
        let terms = versions.terms(self.as_of);
        all.entitlements.extend(answer::entitlements_of_many(self, &versions, &terms, &many));
        let settled = settle(&terms, &all.entitlements, &[]).claims;
        let words = answer::Words::of(self, &versions, &terms).map_err(TryError::Write)?;
        answer(&words, all.journeys, &many, &settled, &mut out).and_then(|()| out.flush()).map_err(TryError::Write)?;
        Ok(tried)
    }

    /// The first version. All versions belong to the same contract.
    fn first(&self) -> &'r Rulebook {
        self.rulebooks.first().expect("at least one version is tried")
    }

    fn is_of_contract(&self, history: &History) -> bool {
        let contract = history.events().iter().find_map(|event| event.contract.as_deref());
        contract == Some(&self.first().contract)
    }

    fn judged(&self, versions: &Versions<'_>, journeys: Vec<(Uuid, History)>, people: &People) -> Share {
        let mut share = Share { many: nothing_added(versions), ..Share::default() };
        let terms = versions.terms(self.as_of);
        let zone = self.first().calendar.zone;
        for (journey, history) in journeys {
            let journey = JourneyId(journey);
            let case = Case::of(&history.facts_as_of(self.as_of));
            let person = case.subject.map(|subject| people.person(subject));
            for (version, many) in share.many.iter_mut().enumerate() {
                many.add(journey, &case, versions.get(version));
            }
            let recorded_on = |event: EventId| history.event(event).map(|of| civil_day(of.recorded_at, zone));
            let sight = Sight { as_of: self.as_of, submitted_on: &|_| None, recorded_on: &recorded_on };
            let judged = versions.judge(journey, &case, sight);
            share.entitlements.extend(judged.iter().filter_map(|Judged { version, evaluation }| {
                let State::Reached(achievement) = &evaluation.state else { return None };
                let code = &versions.get(*version).outcomes[evaluation.outcome].code;
                let claim = claim_id(journey, code, evaluation.repeat);
                let outcome = terms.number(*version, evaluation.outcome);
                let claimant = Claimant { holder: journey.0, person };
                Some(entitlement(claim, claimant, outcome, achievement, ClaimDays::on(self.as_of)))
            }));
            share.journeys.push(OfJourney { journey, judged });
        }
        share
    }
}

fn nothing_added(versions: &Versions<'_>) -> Vec<Many> {
    (0..versions.len()).map(|_| Many::default()).collect()
}

/// Writes the lines of every journey, then those of outcomes over several cases.
fn answer(
    words: &answer::Words<'_>,
    journeys: Vec<OfJourney>,
    many: &[JudgedMany],
    mut settled: &[Settled],
    out: &mut impl Write,
) -> io::Result<()> {
    let mut journeys = journeys.into_iter();
    let mut before: Vec<io::Result<Vec<u8>>> = Vec::new();
    while journeys.len() > 0 || !before.is_empty() {
        let mut block = Vec::with_capacity(BLOCK.min(journeys.len()));
        for journey in journeys.by_ref().take(BLOCK) {
            let (own, others) = settled.split_at(journey.reached());
            block.push((journey, own));
            settled = others;
        }
        // The next block is formatted while this one is written.
        before = std::thread::scope(|scope| {
            let next = (!block.is_empty()).then(|| scope.spawn(|| share_out(block, |share| words.lines(share))));
            std::mem::take(&mut before).into_iter().try_for_each(|lines| out.write_all(&lines?))?;
            let next = next.map(|next| next.join().expect("formatting a journey does not panic"));
            Ok::<_, io::Error>(next.unwrap_or_default())
        })?;
    }
    let mut settled = settled.iter();
    many.iter().try_for_each(|judged| words.line_of_many(judged, &mut settled).write(out))
}

impl OfJourney {
    /// The number of its outcomes that are reached. Each of them is settled.
    fn reached(&self) -> usize {
        self.judged.iter().filter(|judged| matches!(judged.evaluation.state, State::Reached(_))).count()
    }
}
