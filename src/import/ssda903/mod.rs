//! Import of SSDA903 episodes: each child of the return becomes a subject and a journey, each episode a spell of care.
//!
//! Through the same commands as the API, a row's all together or none of them. Every id follows from contract and
//! child, so that the same file again adds nothing and a later return adds what it says anew. A bad row is told and
//! the others go on; what a return no longer names stays as it is. No postcode is ever kept.

mod file;
mod known;
mod namesakes;
mod plan;
mod words;

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use futures_util::future::join_all;

pub use file::{Return, Unfit};

use super::{Import, ImportError, Problem, not_by_import};
use crate::access::{Principal, Scope};
use crate::cloud_event::LineError;
use crate::log::append::Expected;
use crate::record::{Instruction, NotDone};
use file::{Episode, Particulars, Row};
use known::{Ids, Known, KnownEpisode};
use namesakes::Namesakes;
use plan::{Bringing, Commands, Plan, matched};
use throughline_domain::command::check_source;
use throughline_domain::contract::rulebook::CodeList;
use throughline_domain::fact::envelope::{Envelope, EventId, Position, Source, SpellId, StreamId};
use throughline_domain::fact::refusal::{Refusal, RefusalCode};
use words::Word;

/// What stands as the system of sources and external references.
pub const SYSTEM: &str = "ssda903";
/// Children whose rows are sent at the same time: as many commands as one transaction takes.
const CHILDREN: usize = 512;
/// So much of a file's digest names it in a reason: too little to look like any number that is personal.
const DIGEST_SHOWN: usize = 8;

/// What became of a row, or of an episode that no row names any longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The line of the file on which the row begins, from 1; none where there is no row.
    pub line: Option<u64>,
    /// The child's code, where it could be read and may be shown.
    pub child: Option<String>,
    /// The day the episode began, where it could be read.
    pub began_on: Option<NaiveDate>,
    /// What became of it.
    pub outcome: Outcome,
    /// What else there is to say of it.
    pub note: Option<String>,
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It brought something new, by these events.
    Recorded(Vec<Mark>),
    /// It said otherwise than an earlier return; these events correct what that one had brought.
    Corrected(Vec<Mark>),
    /// It was brought in before, by these events or by another row.
    There(Vec<Mark>),
    /// It may not be recorded.
    Refused(Vec<Problem>),
    /// It is not what a row must be.
    Unreadable(LineError),
    /// An earlier return named the episode and no row of this one that could be read does; it stays as it is.
    Missing,
}

/// Where in the log an event stands, and its id.
pub type Mark = (Position, EventId);

/// What became of one or more returns, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows that brought something new.
    pub recorded: u64,
    /// Rows that corrected what an earlier return had brought.
    pub corrected: u64,
    /// Rows that were brought in before.
    pub there: u64,
    /// Rows that may not be recorded.
    pub refused: u64,
    /// Rows that are not what a row must be.
    pub unreadable: u64,
    /// Recorded episodes that no row names any longer.
    pub missing: u64,
    /// Journeys that began.
    pub journeys: u64,
    /// The position of the newest event that a row made; wait for the live view to pass it.
    pub position: Position,
}

impl Summary {
    fn count(&mut self, outcome: &Outcome) {
        let counted = match outcome {
            Outcome::Recorded(_) => &mut self.recorded,
            Outcome::Corrected(_) => &mut self.corrected,
            Outcome::There(_) => &mut self.there,
            Outcome::Refused(_) => &mut self.refused,
            Outcome::Unreadable(_) => &mut self.unreadable,
            Outcome::Missing => &mut self.missing,
        };
        *counted += 1;
        if let Outcome::Recorded(marks) | Outcome::Corrected(marks) = outcome {
            self.position = marks.iter().map(|(position, _)| *position).fold(self.position, Position::max);
        }
    }
}

impl Import<'_> {
    /// Imports returns, one after the other, the later as the newer word; `report` is told the place of the return and
    /// what became of each of its rows as soon as some children are done, those of the same children in the order of
    /// their lines. Journeys that begin are in this area.
    pub async fn ssda903(
        &self,
        returns: &[Return],
        area: &str,
        mut report: impl FnMut(usize, &Told),
    ) -> Result<Summary, ImportError> {
        let mut rehearsed = HashMap::new();
        let mut summary = Summary::default();
        let mut namesakes = Namesakes::of(self.codes_known().await?);
        namesakes.learn(returns.iter().flat_map(Return::codes));
        for (at, one) in returns.iter().enumerate() {
            let mut unread: Vec<Told> = one.unread().collect();
            let children = one.children();
            let portions = children.chunks(CHILDREN).map(Some);
            // A file without a readable row has one portion, of no child.
            for portion in if children.is_empty() { vec![None] } else { portions.collect() } {
                let portion = portion.unwrap_or_default();
                let taken = self.portion(one, area, portion, &rehearsed).await?;
                let is_last = portion.last().map(|(child, _)| child) == children.last().map(|(child, _)| child);
                let ahead = unread.iter().take_while(|told| is_last || told.line <= last_line_of(portion)).count();
                let mut told: Vec<Told> = unread.drain(..ahead).collect();
                let mut fault = None;
                for child in taken {
                    match child {
                        Ok(child) => {
                            summary.journeys += u64::from(child.began);
                            told.extend(child.told);
                            if self.recorder.is_rehearsing() {
                                for event in child.recorded {
                                    rehearsed.entry(event.stream).or_insert_with(Vec::new).push(event);
                                }
                            }
                        }
                        Err(error) => fault = fault.or(Some(error)),
                    }
                }
                told.sort_by_key(|told| told.line.unwrap_or(u64::MAX));
                for mut told in told {
                    namesakes.note(&mut told);
                    summary.count(&told.outcome);
                    report(at, &told);
                }
                // What was recorded is told of before it is said that the rest was not.
                if let Some(fault) = fault {
                    return Err(fault);
                }
            }
        }
        Ok(summary)
    }

    /// The codes of the children of earlier returns, as far as a view knows them.
    async fn codes_known(&self) -> Result<Vec<String>, ImportError> {
        let scoped = self.principal.scope.contract(self.contract).ok_or_else(|| self.no_contract())?;
        Ok(self.recorder.references(scoped, SYSTEM).await?)
    }

    /// The area of journeys that begin: the one that is named, else the rulebook's default, else the only one there is.
    pub async fn area(&self, named: Option<&str>) -> Result<String, ImportError> {
        let contract = self.contract().await?;
        let newest = contract.newest_rulebook().ok_or_else(|| self.no_contract())?;
        let unknown = || {
            let allowed = newest.codes.listed(CodeList::Areas).unwrap_or_default();
            ImportError::Area { named: named.map(str::to_owned), allowed: allowed.to_vec() }
        };
        match (named, newest.codes.listed(CodeList::Areas)) {
            (Some(named), _) => {
                let mut rulebooks = contract.rulebooks().iter().map(|published| &published.rulebook);
                let is_listed = rulebooks.any(|rulebook| rulebook.codes.check(CodeList::Areas, named).is_ok());
                is_listed.then(|| named.to_owned()).ok_or_else(unknown)
            }
            (None, listed) => match (&newest.default_area, listed) {
                (Some(default), _) | (None, Some([default])) => Ok(default.clone()),
                (None, _) => Err(unknown()),
            },
        }
    }

    /// Imports the rows of some children, all children at the same time and each one's rows in order; gives what became
    /// of each child.
    async fn portion(
        &self,
        of: &Return,
        area: &str,
        children: &[(&str, Vec<&Episode>)],
        rehearsed: &HashMap<StreamId, Vec<Envelope>>,
    ) -> Result<Vec<Result<Taken, ImportError>>, ImportError> {
        let ids = |child| Ids { contract: self.contract, child };
        let streams = |child| [StreamId::subject(ids(child).subject()), StreamId::journey(ids(child).journey())];
        let wanted = children.iter().flat_map(|(child, _)| streams(child)).map(|stream| (stream, 0));
        let mut recorded: HashMap<StreamId, Vec<Envelope>> = HashMap::new();
        for envelope in self.log.streams(wanted).await? {
            recorded.entry(envelope.stream).or_default().push(envelope);
        }
        let reason = format!("{SYSTEM} return, file {}", &of.digest[..DIGEST_SHOWN]);
        let silent = of.silent();
        // The children's ids follow from the contract: nobody else's are among them.
        let writing = self.recorder.knowing_everybody();
        let import = Import { recorder: &writing, ..*self };
        let mut taking = Vec::with_capacity(children.len());
        for (child, episodes) in children {
            let streams = streams(child);
            let envelopes =
                [&recorded, rehearsed].into_iter().flat_map(|from| streams.iter().filter_map(|s| from.get(s)));
            let known = Known::of(envelopes.flatten(), &silent)?;
            let bringing = Bringing { ids: ids(child), area, reason: &reason };
            let child = Child { import: &import, digest: &of.digest, bringing, known, taken: Taken::default() };
            taking.push(child.take(episodes));
        }
        Ok(join_all(taking).await)
    }
}

impl Return {
    /// The code of each child whose rows can be read.
    fn codes(&self) -> impl Iterator<Item = String> {
        self.rows.iter().filter_map(|row| if let Row::Read(episode) = row { Some(episode.child.clone()) } else { None })
    }

    /// The rows of each child, the children in the order of the file and the rows of a child in the order of their days.
    fn children(&self) -> Vec<(&str, Vec<&Episode>)> {
        let mut children: Vec<(&str, Vec<&Episode>)> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for row in &self.rows {
            if let Row::Read(episode) = row {
                let at = *places.entry(&episode.child).or_insert(children.len());
                if at == children.len() {
                    children.push((&episode.child, Vec::new()));
                }
                children[at].1.push(episode);
            }
        }
        for (_, episodes) in &mut children {
            episodes.sort_by_key(|episode| (episode.began_on, &episode.particulars, episode.line));
        }
        children
    }

    /// What there is to say of the rows that cannot be read.
    fn unread(&self) -> impl Iterator<Item = Told> {
        self.rows.iter().filter_map(|row| match row {
            Row::Read(_) => None,
            Row::Unread(unread) => Some(Told {
                line: Some(unread.line),
                child: unread.child.clone().filter(|child| check_source(&source(child, &self.digest, 1)).is_ok()),
                began_on: unread.began_on,
                outcome: Outcome::Unreadable(unread.error.clone()),
                note: None,
            }),
        })
    }
}

/// What became of a child's rows.
#[derive(Default)]
struct Taken {
    told: Vec<Told>,
    recorded: Vec<Envelope>,
    /// Whether the child's journey began.
    began: bool,
}

/// A child whose rows are being imported.
struct Child<'a> {
    import: &'a Import<'a>,
    digest: &'a str,
    bringing: Bringing<'a>,
    known: Known,
    taken: Taken,
}

impl Child<'_> {
    /// Takes the child's rows, which stand in order.
    async fn take(mut self, episodes: &[&Episode]) -> Result<Taken, ImportError> {
        if let Err(refusals) = check_source(&source(self.bringing.ids.child, self.digest, 1)) {
            // The code is no pseudonym, or none that can be kept: it is not repeated either.
            let refused = Outcome::Refused(problems(refusals, |_| Some("CHILD")));
            self.taken.told = episodes.iter().map(|row| Told { child: None, ..told(row, refused.clone()) }).collect();
            return Ok(self.taken);
        }
        let mut named = HashSet::new();
        for of_day in episodes.chunk_by(|one, other| one.began_on == other.began_on) {
            self.take_day(of_day, &mut named).await?;
        }
        let missing = self.known.others(&self.bringing.ids, &named).into_iter().map(|began_on| Told {
            line: None,
            child: Some(self.bringing.ids.child.to_owned()),
            began_on: Some(began_on),
            outcome: Outcome::Missing,
            note: None,
        });
        self.taken.told.extend(missing);
        Ok(self.taken)
    }

    /// Takes the rows of episodes that began on one day; those that say the same are one, and of those that say of one
    /// episode one thing after another the newest counts.
    async fn take_day(&mut self, rows: &[&Episode], named: &mut HashSet<SpellId>) -> Result<(), ImportError> {
        let episodes = words::episodes(rows);
        let said: Vec<&Particulars> = episodes.iter().map(|words| words[0].says()).collect();
        let of_row = of_rows(&said, &self.known.episodes(&self.bringing.ids, rows[0].began_on));
        named.extend(of_row.iter().flatten());
        for (words, spell) in episodes.iter().zip(of_row) {
            self.take_episode(words, spell, named).await?;
        }
        Ok(())
    }

    /// Takes the newest word for an episode that may be recorded; those before it are there with it.
    async fn take_episode(
        &mut self,
        words: &[Word<'_>],
        spell: Option<SpellId>,
        named: &mut HashSet<SpellId>,
    ) -> Result<(), ImportError> {
        let mut newest: Option<(u64, Outcome)> = None;
        for word in words {
            let first = word.rows[0];
            let (outcome, note) = match &newest {
                None => self.take_row(first, spell, named).await?,
                Some((line, outcome)) => {
                    (outcome.clone(), Some(format!("line {line} is the newer word for the same episode")))
                }
            };
            let repeated = there_by_now(&outcome);
            if newest.is_none() && !matches!(outcome, Outcome::Refused(_)) {
                newest = Some((first.line, repeated.clone()));
            }
            self.taken.told.push(Told { note, ..told(first, outcome) });
            let again = |row: &&Episode| {
                let note = Some(format!("says what line {} says", first.line));
                Told { note, ..told(row, repeated.clone()) }
            };
            self.taken.told.extend(word.rows[1..].iter().map(again));
        }
        Ok(())
    }

    /// Takes a row that is about this spell, or about one of its own.
    async fn take_row(
        &mut self,
        row: &Episode,
        spell: Option<SpellId>,
        named: &mut HashSet<SpellId>,
    ) -> Result<(Outcome, Option<String>), ImportError> {
        let episodes = self.known.episodes(&self.bringing.ids, row.began_on);
        let before = episodes.iter().find(|episode| Some(episode.spell) == spell);
        let plan = match before {
            Some(before) => self.bringing.again(&self.known, before, row),
            None => Plan::Take(self.bringing.anew(&self.known, episodes.len(), row)),
        };
        match plan {
            Plan::Nothing => {
                let note = before.and_then(|before| stands_otherwise(before, row)).or_else(|| loose_reason(row));
                Ok((Outcome::There(before.map(marks).unwrap_or_default()), note))
            }
            Plan::Retracted => {
                let message = "the episode was retracted here: record it anew if it was so after all";
                let refusal = Refusal::new(RefusalCode::AlreadyRetracted, message);
                Ok((Outcome::Refused(vec![refusal.into()]), None))
            }
            Plan::Take(commands) => {
                named.insert(commands.spell);
                let outcome = self.send(row, &commands).await?;
                Ok((outcome, loose_reason(row)))
            }
        }
    }

    async fn send(&mut self, row: &Episode, commands: &Commands) -> Result<Outcome, ImportError> {
        let only_here = Scope::Contracts([self.import.contract.to_owned()].into());
        let instruction = Instruction {
            principal: Principal { scope: only_here, ..self.import.principal.clone() },
            command_id: commands.id,
            body: commands.body.clone(),
            // What the row calls for follows from what was read; if that has changed, nothing is done.
            expected: Expected::Exact(self.known.history.version()),
            source: Some(source(&row.child, self.digest, row.line)),
            accept_warnings: RefusalCode::WARNINGS.iter().map(|code| code.as_str().to_owned()).collect(),
            dry_run: false,
            command: commands.together(),
        };
        let done = match self.import.recorder.append(instruction).await {
            Ok(done) => done,
            Err(not_done) => return Ok(Outcome::Refused(refused(not_done, commands)?)),
        };
        self.taken.began |= !done.replayed && self.known.history.events().is_empty();
        let marks = done.events.iter().map(|event| (event.position, event.event_id)).collect();
        for event in done.events {
            self.known.learn(&event)?;
            self.taken.recorded.push(event);
        }
        Ok(match (done.replayed, commands.corrects) {
            (true, _) => Outcome::There(marks),
            (false, true) => Outcome::Corrected(marks),
            (false, false) => Outcome::Recorded(marks),
        })
    }
}

/// What is said of a row that says nothing beyond one of which this became.
fn there_by_now(outcome: &Outcome) -> Outcome {
    match outcome {
        Outcome::Recorded(marks) | Outcome::Corrected(marks) | Outcome::There(marks) => Outcome::There(marks.clone()),
        other => other.clone(),
    }
}

/// The last line of these children.
fn last_line_of(portion: &[(&str, Vec<&Episode>)]) -> Option<u64> {
    portion.iter().flat_map(|(_, episodes)| episodes.iter().map(|episode| episode.line)).max()
}

/// Which recorded spell each of these rows is about.
fn of_rows(rows: &[&Particulars], known: &[KnownEpisode<'_>]) -> Vec<Option<SpellId>> {
    matched(rows, known).into_iter().map(|at| at.map(|at| known[at].spell)).collect()
}

fn told(row: &Episode, outcome: Outcome) -> Told {
    let (line, child, began_on) = (Some(row.line), Some(row.child.clone()), Some(row.began_on));
    Told { line, child, began_on, outcome, note: None }
}

/// Where a row's facts came from.
fn source(child: &str, digest: &str, row: u64) -> Source {
    Source {
        system: SYSTEM.to_owned(),
        record_id: Some(child.to_owned()),
        file_digest: Some(digest.to_owned()),
        row: Some(row),
    }
}

/// The events that recorded an episode.
fn marks(episode: &KnownEpisode<'_>) -> Vec<Mark> {
    let facts = [episode.start, episode.end].into_iter().flatten();
    facts.map(|fact| (fact.original.position, fact.original.event_id)).collect()
}

fn stands_otherwise(before: &KnownEpisode<'_>, row: &Episode) -> Option<String> {
    let (began_on, particulars) = before.reads()?;
    let is_other = began_on != row.began_on || particulars != row.particulars;
    is_other.then(|| "corrected here since; the return says what it said before".to_owned())
}

fn loose_reason(row: &Episode) -> Option<String> {
    row.has_loose_reason.then(|| "REC is kept once there is a DEC".to_owned())
}

fn problems(refusals: Vec<Refusal>, column: impl Fn(&str) -> Option<&'static str>) -> Vec<Problem> {
    let named = |refusal: Refusal| {
        let path = refusal.path.as_ref().and_then(|path| column(&path.to_string())).map(str::to_owned);
        Problem { path, ..refusal.into() }
    };
    refusals.into_iter().map(named).collect()
}

fn refused(not_done: NotDone, commands: &Commands) -> Result<Vec<Problem>, ImportError> {
    let problem = |code, message: &str| Ok(vec![Problem { code, message: message.to_owned(), path: None }]);
    match not_done {
        NotDone::Refused(refusals) => Ok(problems(refusals, |path| commands.column(path))),
        NotDone::Denied(denied) => problem("FORBIDDEN", &not_by_import(denied)),
        NotDone::CommandIdReused | NotDone::Conflict { .. } => {
            problem("VERSION_CONFLICT", "the journey was changed while its rows were read: import the file again")
        }
        NotDone::DryRun(_) => unreachable!("an import rehearses, and asks for no dry run of a single command"),
        NotDone::Fault(fault) => Err(fault.into()),
    }
}
