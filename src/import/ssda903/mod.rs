//! Import of SSDA903 episodes: each child of the return becomes a subject and a journey, each episode a spell of care.
//!
//! It uses the same commands as the API. The commands of a row are recorded all together or not at all. Every id is
//! derived from contract and child, so importing the same file again adds nothing, and a later return adds only what is
//! new. A bad row is reported and the others continue. An episode that is no longer in a return does not change.
//! Postcodes are never stored.

mod file;
mod known;
mod namesakes;
mod plan;
mod words;

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use futures_util::future::join_all;

pub use file::{Return, Unfit};

use super::{Import, ImportError, Mark, Problem, not_by_import};
use crate::cloud_event::LineError;
use crate::log::append::Expected;
use crate::record::{CommandRequest, RecordError};
use file::{Episode, Particulars, Row};
use known::{Ids, Known, KnownEpisode};
use namesakes::Namesakes;
use plan::{Bringing, Commands, Plan, matched};
use throughline_domain::command::check_source;
use throughline_domain::contract::rulebook::CodeList;
use throughline_domain::fact::envelope::{Envelope, Position, Source, SpellId, StreamId};
use throughline_domain::fact::refusal::{Refusal, RefusalCode};
use words::Word;

/// The system named in sources and external references.
pub const SYSTEM: &str = "ssda903";
/// The number of children whose rows are sent at the same time: as many commands as one transaction takes.
const CHILDREN: usize = 512;
/// The number of digits of a file's digest in a reason. Too few to look like any personal number.
const DIGEST_SHOWN: usize = 8;

/// The result of a row, or of an episode that is no longer in any row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowResult {
    /// The line of the file on which the row begins, from 1. `None` if there is no row.
    pub line: Option<u64>,
    /// The child's code, if it could be read and may be shown.
    pub child: Option<String>,
    /// The day on which the episode began, if it could be read.
    pub began_on: Option<NaiveDate>,
    /// The result.
    pub outcome: Outcome,
    /// A further remark.
    pub note: Option<String>,
}

/// The result of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The row was new and was recorded as these events.
    Recorded(Vec<Mark>),
    /// The row differs from an earlier return. These events correct what that return recorded.
    Corrected(Vec<Mark>),
    /// The content was already recorded, by these events or by another row.
    There(Vec<Mark>),
    /// The row was refused.
    Refused(Vec<Problem>),
    /// The row could not be read.
    Unreadable(LineError),
    /// An earlier return had the episode, and no readable row of this one has it. The record does not change.
    Missing,
}

/// The number of rows with each result, over one or more returns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows that recorded something new.
    pub recorded: u64,
    /// Rows that corrected what an earlier return had recorded.
    pub corrected: u64,
    /// Rows that were already recorded.
    pub there: u64,
    /// Rows that were refused.
    pub refused: u64,
    /// Rows that could not be read.
    pub unreadable: u64,
    /// Recorded episodes that are no longer in any row.
    pub missing: u64,
    /// New journeys.
    pub journeys: u64,
    /// The position of the newest event recorded. To see all rows, wait until the live view reaches it.
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
    /// Imports returns in order. If two differ, the later one counts. As soon as a group of children is done, `report`
    /// gets the index of the return and the result of each of the group's rows, in the order of their lines. New
    /// journeys are in this area.
    pub async fn ssda903(
        &self,
        returns: &[Return],
        area: &str,
        mut report: impl FnMut(usize, &RowResult),
    ) -> Result<Summary, ImportError> {
        let mut in_dry_run = HashMap::new();
        let mut summary = Summary::default();
        let mut namesakes = Namesakes::of(self.codes_known().await?);
        namesakes.learn(returns.iter().flat_map(Return::codes));
        for (at, one) in returns.iter().enumerate() {
            let mut unread: Vec<RowResult> = one.unread().collect();
            let children = one.children();
            let portions = children.chunks(CHILDREN).map(Some);
            // A file without a readable row has one empty portion.
            for portion in if children.is_empty() { vec![None] } else { portions.collect() } {
                let portion = portion.unwrap_or_default();
                let taken = self.portion(one, area, portion, &in_dry_run).await?;
                let is_last = portion.last().map(|(child, _)| child) == children.last().map(|(child, _)| child);
                let ahead = unread.iter().take_while(|result| is_last || result.line <= last_line_of(portion)).count();
                let mut results: Vec<RowResult> = unread.drain(..ahead).collect();
                let mut fault = None;
                for child in taken {
                    match child {
                        Ok(child) => {
                            summary.journeys += u64::from(child.began);
                            results.extend(child.results);
                            if self.recorder.is_dry_run() {
                                for event in child.recorded {
                                    in_dry_run.entry(event.stream).or_insert_with(Vec::new).push(event);
                                }
                            }
                        }
                        Err(error) => fault = fault.or(Some(error)),
                    }
                }
                results.sort_by_key(|result| result.line.unwrap_or(u64::MAX));
                for mut result in results {
                    namesakes.note(&mut result);
                    summary.count(&result.outcome);
                    report(at, &result);
                }
                // Rows already recorded are reported before the error of the others.
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

    /// The area of new journeys: the one given, else the rulebook's default, else the only one.
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

    /// Imports the rows of some children. All children are sent at the same time, and each child's rows in order.
    /// Returns the result of each child.
    async fn portion(
        &self,
        of: &Return,
        area: &str,
        children: &[(&str, Vec<&Episode>)],
        in_dry_run: &HashMap<StreamId, Vec<Envelope>>,
    ) -> Result<Vec<Result<Taken, ImportError>>, ImportError> {
        let ids = |child| Ids { contract: self.contract, child };
        let streams = |child| [StreamId::subject(ids(child).subject()), StreamId::journey(ids(child).journey())];
        let wanted = children.iter().flat_map(|(child, _)| streams(child)).map(|stream| (stream, 0));
        let mut recorded: HashMap<StreamId, Vec<Envelope>> = HashMap::new();
        for envelope in self.recorder.log().streams(wanted).await? {
            recorded.entry(envelope.stream).or_default().push(envelope);
        }
        let reason = format!("{SYSTEM} return, file {}", &of.digest[..DIGEST_SHOWN]);
        let silent = of.silent();
        // The children's ids are derived from the contract, so they cannot belong to anyone else.
        let writing = self.recorder.trusted();
        let import = Import { recorder: &writing, ..*self };
        let mut taking = Vec::with_capacity(children.len());
        for (child, episodes) in children {
            let streams = streams(child);
            let envelopes =
                [&recorded, in_dry_run].into_iter().flat_map(|from| streams.iter().filter_map(|s| from.get(s)));
            let known = Known::of(envelopes.flatten(), &silent)?;
            let bringing = Bringing { ids: ids(child), area, reason: &reason };
            let child = Child { import: &import, digest: &of.digest, bringing, known, taken: Taken::default() };
            taking.push(child.take(episodes));
        }
        Ok(join_all(taking).await)
    }
}

impl Return {
    /// The code of each child with a readable row.
    fn codes(&self) -> impl Iterator<Item = String> {
        self.rows.iter().filter_map(|row| if let Row::Read(episode) = row { Some(episode.child.clone()) } else { None })
    }

    /// The rows of each child: the children in the order of the file, the rows of a child in the order of their first
    /// days.
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

    /// The results of the rows that cannot be read.
    fn unread(&self) -> impl Iterator<Item = RowResult> {
        self.rows.iter().filter_map(|row| match row {
            Row::Read(_) => None,
            Row::Unread(unread) => Some(RowResult {
                line: Some(unread.line),
                child: unread.child.clone().filter(|child| check_source(&source(child, &self.digest, 1)).is_ok()),
                began_on: unread.began_on,
                outcome: Outcome::Unreadable(unread.error.clone()),
                note: None,
            }),
        })
    }
}

/// The results of a child's rows.
#[derive(Default)]
struct Taken {
    results: Vec<RowResult>,
    recorded: Vec<Envelope>,
    /// Whether the child's journey is new.
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
    /// Imports the child's rows, which are in order.
    async fn take(mut self, episodes: &[&Episode]) -> Result<Taken, ImportError> {
        if let Err(refusals) = check_source(&source(self.bringing.ids.child, self.digest, 1)) {
            // The code is not a pseudonym, or cannot be stored. So it is not repeated in the result either.
            let refused = Outcome::Refused(problems(refusals, |_| Some("CHILD")));
            self.taken.results =
                episodes.iter().map(|row| RowResult { child: None, ..result_of(row, refused.clone()) }).collect();
            return Ok(self.taken);
        }
        let mut named = HashSet::new();
        for of_day in episodes.chunk_by(|one, other| one.began_on == other.began_on) {
            self.take_day(of_day, &mut named).await?;
        }
        let missing = self.known.others(&self.bringing.ids, &named).into_iter().map(|began_on| RowResult {
            line: None,
            child: Some(self.bringing.ids.child.to_owned()),
            began_on: Some(began_on),
            outcome: Outcome::Missing,
            note: None,
        });
        self.taken.results.extend(missing);
        Ok(self.taken)
    }

    /// Imports the rows of episodes that began on one day. Rows with equal content are one. If several rows differ
    /// about one episode, the newest counts.
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

    /// Imports the newest content of an episode that can be recorded. Older rows of the episode get the same result.
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
                    (outcome.clone(), Some(format!("line {line} has newer content for the same episode")))
                }
            };
            let repeated = already_recorded(&outcome);
            if newest.is_none() && !matches!(outcome, Outcome::Refused(_)) {
                newest = Some((first.line, repeated.clone()));
            }
            self.taken.results.push(RowResult { note, ..result_of(first, outcome) });
            let again = |row: &&Episode| {
                let note = Some(format!("has the same content as line {}", first.line));
                RowResult { note, ..result_of(row, repeated.clone()) }
            };
            self.taken.results.extend(word.rows[1..].iter().map(again));
        }
        Ok(())
    }

    /// Imports a row about this spell, or about a new spell.
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
                let note = before.and_then(|before| corrected_here(before, row)).or_else(|| loose_reason(row));
                Ok((Outcome::There(before.map(marks).unwrap_or_default()), note))
            }
            Plan::Retracted => {
                let message = "the episode was retracted here: if that was wrong, record it again";
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
        let request = CommandRequest::new(self.import.principal_here(), commands.id, commands.together())
            .with_body(commands.body.clone())
            // The commands were chosen from the state that was read. If that state has changed, nothing is recorded.
            .expecting(Expected::Exact(self.known.history.version()))
            .from_source(Some(source(&row.child, self.digest, row.line)))
            .accepting_every_warning();
        let done = match self.import.recorder.append(request).await {
            Ok(done) => done,
            Err(error) => return Ok(Outcome::Refused(refused(error, commands)?)),
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

/// The result of a row with the same content as a row with this result.
fn already_recorded(outcome: &Outcome) -> Outcome {
    match outcome {
        Outcome::Recorded(marks) | Outcome::Corrected(marks) | Outcome::There(marks) => Outcome::There(marks.clone()),
        other => other.clone(),
    }
}

/// The last line of these children.
fn last_line_of(portion: &[(&str, Vec<&Episode>)]) -> Option<u64> {
    portion.iter().flat_map(|(_, episodes)| episodes.iter().map(|episode| episode.line)).max()
}

/// The recorded spell that each of these rows is about.
fn of_rows(rows: &[&Particulars], known: &[KnownEpisode<'_>]) -> Vec<Option<SpellId>> {
    matched(rows, known).into_iter().map(|at| at.map(|at| known[at].spell)).collect()
}

fn result_of(row: &Episode, outcome: Outcome) -> RowResult {
    let (line, child, began_on) = (Some(row.line), Some(row.child.clone()), Some(row.began_on));
    RowResult { line, child, began_on, outcome, note: None }
}

/// The source of a row's facts.
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

fn corrected_here(before: &KnownEpisode<'_>, row: &Episode) -> Option<String> {
    let (began_on, particulars) = before.reads()?;
    let is_other = began_on != row.began_on || particulars != row.particulars;
    is_other.then(|| "corrected here since; the return has not changed".to_owned())
}

fn loose_reason(row: &Episode) -> Option<String> {
    row.has_loose_reason.then(|| "REC is recorded only with a DEC".to_owned())
}

fn problems(refusals: Vec<Refusal>, column: impl Fn(&str) -> Option<&'static str>) -> Vec<Problem> {
    let named = |refusal: Refusal| {
        let path = refusal.path.as_ref().and_then(|path| column(&path.to_string())).map(str::to_owned);
        Problem { path, ..refusal.into() }
    };
    refusals.into_iter().map(named).collect()
}

fn refused(error: RecordError, commands: &Commands) -> Result<Vec<Problem>, ImportError> {
    let problem = |code, message: &str| Ok(vec![Problem { code, message: message.to_owned(), path: None }]);
    match error {
        RecordError::Refused(refusals) => Ok(problems(refusals, |path| commands.column(path))),
        RecordError::Denied(denied) => problem("FORBIDDEN", &not_by_import(denied)),
        RecordError::CommandIdReused | RecordError::Conflict { .. } => {
            problem("VERSION_CONFLICT", "the journey was changed while its rows were read: import the file again")
        }
        RecordError::DryRun(_) => unreachable!("an import never asks for a dry run of a single command"),
        RecordError::Fault(fault) => Err(fault.into()),
    }
}
