//! Import by mapping: every row of a file states records, each record is compared with what was recorded from it
//! before, and only what differs is recorded.
//!
//! It uses the same commands as the API, and runs beside everything else that writes. The facts of a record are
//! recorded all together or not at all. Every id is derived from source, record, case and content, so that the same
//! file again adds nothing, and an import that was ended in the middle is done again. What was corrected here is never
//! overwritten unless the source is leading. A bad row is reported and the others continue.

mod checked;
mod feed;
mod gone;
mod known;
mod plan;
mod results;
mod runs;

use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use uuid::Uuid;

pub use checked::Checked;
pub use feed::SourceFile;
pub use results::{Outcome, RowResult, Summary};

use super::mapping::{Cells, Ids, Mapping, Snapshot, Statement};
use super::read::{Inspected, Row, Wanted};
use super::{Import, ImportError, Mark, Problem, not_by_import};
use crate::log::append::Expected;
use crate::record::{CommandRequest, RecordError};
use feed::{Joined, Rows};
use known::Known;
use plan::{Commands, Plan, Taking};
use throughline_domain::command::check_source;
use throughline_domain::fact::envelope::{Envelope, Source, StreamId, StreamKind};
use throughline_domain::fact::event::{Event, RunEnd};
use throughline_domain::fact::refusal::{Refusal, RefusalCode, Severity};
use throughline_domain::people::login;

/// The number of rows that are taken together.
const WINDOW: usize = 1024;
/// How often a record is planned anew because its case was changed meanwhile.
const ATTEMPTS: usize = 4;
/// The number of digits of a file's digest in a reason. Too few to look like any personal number.
const DIGEST_SHOWN: usize = 8;
/// The code of a record that two rows state in different ways.
const RECORD_TWICE: &str = "RECORD_TWICE";

impl Import<'_> {
    /// Imports files under a mapping, in order. As soon as some rows are done, `report` gets the result of each of
    /// their records, in the order of the file. Cases whose row names no area are in this one.
    pub async fn mapped(
        &self,
        mapping: &Mapping,
        files: &[SourceFile],
        area: Option<&str>,
        report: impl FnMut(&RowResult),
    ) -> Result<Summary, ImportError> {
        self.mapped_until(&AtomicBool::new(false), mapping, (files, area), report).await.map(|(summary, _)| summary)
    }

    /// Imports files like [`Self::mapped`], and says whether it was stopped: it ends after the rows that are being
    /// recorded once `is_stopped` is set. What was recorded stays, and the run is recorded as stopped.
    pub async fn mapped_until(
        &self,
        is_stopped: &AtomicBool,
        mapping: &Mapping,
        (files, area): (&[SourceFile], Option<&str>),
        mut report: impl FnMut(&RowResult),
    ) -> Result<(Summary, RunEnd), ImportError> {
        self.contract().await?;
        let area = match self.area(area).await {
            Ok(area) => Some(area),
            // Every row has an area of its own, or there are no cases.
            Err(ImportError::Area { named: None, .. }) if !mapping.needs_area() => None,
            Err(error) => return Err(error),
        };
        let wanted = Arc::new(mapping.wanted.clone());
        let mut inspected = Vec::with_capacity(files.len());
        for file in files {
            let of = file.inspect(&wanted).await.map_err(|unfit| ImportError::unfit(&file.name, unfit))?;
            inspected.push((file.clone(), of));
        }
        let joined = Joined::read(&inspected, &wanted, mapping.joined()).await;
        let joined = joined.map_err(|(file, unfit)| ImportError::unfit(&file, unfit))?;
        let partner = login::key(&self.principal.subject);
        let (system, numbers) = (&mapping.source.system, &mapping.source.numbers);
        let ids = Ids { system, numbers, contract: self.contract, partner: &partner };
        let digests: Vec<String> = inspected.iter().map(|(_, of)| of.digest.clone()).collect();
        let began = self.recorder.now();
        let recorder = self.recorder.trusted();
        let import = Import { recorder: &recorder, ..*self };
        let mut run = Run::of(&import, mapping, ids, area.as_deref(), (digests.as_slice(), &joined));
        match run.files((inspected.as_slice(), &wanted), is_stopped, &mut report).await {
            Ok(ended) => {
                run.note_run(began, ended).await?;
                Ok((run.summary, ended))
            }
            Err(error) => {
                // Why it stopped matters more than why the run could not be recorded, which mostly has the same cause.
                let _ = run.note_run(began, RunEnd::Stopped).await;
                Err(error)
            }
        }
    }
}

impl Mapping {
    /// For each table that others join, its key column.
    fn joined(&self) -> HashMap<usize, usize> {
        let joined = self.tables.iter().flat_map(|table| &table.joins).map(|join| join.table);
        joined.filter_map(|table| Some((table, self.tables[table].key?))).collect()
    }
}

/// A record of a row, before it is compared.
struct Item {
    order: usize,
    line: u64,
    table: usize,
    statement: Statement,
}

/// Where a record was seen in this import, and with which content. There is one for every record, so it is small.
#[derive(Clone, Copy)]
struct Seen {
    file: u32,
    line: u32,
    content: u64,
    /// The stream of its facts. `None` if it could not be read, or if rows name several.
    stream: Option<ShortId>,
}

/// The first digits of a stream's id, which are as good as random.
#[derive(Clone, Copy, PartialEq, Eq)]
struct ShortId(NonZeroU64);

impl ShortId {
    fn of(stream: StreamId) -> Self {
        Self(NonZeroU64::new(stream.id.as_u64_pair().0).unwrap_or(NonZeroU64::MIN))
    }
}

/// An import that is running.
struct Run<'a> {
    import: &'a Import<'a>,
    mapping: &'a Mapping,
    ids: Ids<'a>,
    area: Option<&'a str>,
    /// The digest of each file.
    digests: &'a [String],
    joined: &'a Joined,
    /// The file that is being read, and its digest.
    file: usize,
    digest: String,
    reason: String,
    /// Every record that was read, by a hash of its id.
    seen: HashMap<Uuid, Seen>,
    /// Rows whose record is not known.
    unread: u64,
    imagined: HashMap<StreamId, Vec<Envelope>>,
    summary: Summary,
    /// How often it was recorded that a record is missing or has returned.
    noted: usize,
}

/// The results of one stream's records.
#[derive(Default)]
struct Taken {
    results: Vec<(usize, RowResult)>,
    recorded: Vec<Envelope>,
    began: bool,
}

impl<'a> Run<'a> {
    fn of(
        import: &'a Import<'a>,
        mapping: &'a Mapping,
        ids: Ids<'a>,
        area: Option<&'a str>,
        (digests, joined): (&'a [String], &'a Joined),
    ) -> Self {
        Self {
            import,
            mapping,
            ids,
            area,
            digests,
            joined,
            file: 0,
            digest: String::new(),
            reason: String::new(),
            seen: HashMap::new(),
            unread: 0,
            imagined: HashMap::new(),
            summary: Summary::default(),
            noted: 0,
        }
    }

    /// Imports all files, and compares what is gone, unless it is stopped before.
    async fn files(
        &mut self,
        (inspected, wanted): (&[(SourceFile, Inspected)], &Arc<Wanted>),
        is_stopped: &AtomicBool,
        report: &mut impl FnMut(&RowResult),
    ) -> Result<RunEnd, ImportError> {
        let before = self.import.recorder.log().head().await?.position;
        for (at, (file, of)) in inspected.iter().enumerate() {
            self.begin(at, of);
            let mut rows = Rows::of(file, of, wanted);
            loop {
                let window = rows.next(WINDOW).await;
                if is_stopped.load(Ordering::Relaxed) {
                    return Ok(RunEnd::Stopped);
                }
                if window.is_empty() {
                    break;
                }
                self.window(window, report).await?;
            }
            let found = rows.end().await.map_err(|unfit| ImportError::unfit(&file.name, unfit))?;
            self.summary.found.push(found);
        }
        if self.mapping.source.snapshot == Snapshot::Full {
            self.gone(before, report).await?;
        }
        Ok(RunEnd::Completed)
    }

    fn begin(&mut self, file: usize, of: &Inspected) {
        self.file = file;
        self.digest.clone_from(&of.digest);
        self.reason = format!("{} import, file {}", self.ids.system, &of.digest[..DIGEST_SHOWN]);
    }

    fn taking(&self) -> Taking<'_> {
        Taking { ids: self.ids, leads: self.mapping.source.leads, area: self.area, reason: &self.reason }
    }

    /// Imports the records of some rows.
    async fn window(&mut self, rows: Vec<Row>, report: &mut impl FnMut(&RowResult)) -> Result<(), ImportError> {
        let mut results: Vec<(usize, RowResult)> = Vec::new();
        let mut items: Vec<Item> = Vec::new();
        let mut order = 0;
        for row in rows {
            for item in self.items(row, &mut order) {
                match item {
                    Ok(item) => items.extend(self.new_in_run(item, &mut results)),
                    Err(result) => results.push(result),
                }
            }
        }
        // Workers first: cases name them.
        let (workers, cases): (Vec<Item>, Vec<Item>) =
            items.into_iter().partition(|item| item.statement.stream.kind == StreamKind::Worker);
        let mut fault = None;
        for items in [workers, cases] {
            for taken in self.take(items).await? {
                match taken {
                    Ok(taken) => {
                        self.summary.journeys += u64::from(taken.began);
                        results.extend(taken.results);
                        self.remember(taken.recorded);
                    }
                    Err(error) => fault = fault.or(Some(error)),
                }
            }
        }
        results.sort_by_key(|(order, _)| *order);
        for (_, result) in &results {
            self.summary.count(&result.outcome);
            report(result);
        }
        // Rows already recorded are reported before the error of the others.
        fault.map_or(Ok(()), Err)
    }

    /// Keeps what a dry run would have recorded.
    fn remember(&mut self, recorded: Vec<Envelope>) {
        if self.import.recorder.is_dry_run() {
            for event in recorded {
                self.imagined.entry(event.stream).or_default().push(event);
            }
        }
    }

    /// The records of a row, and the results of those that cannot be read.
    fn items(&mut self, row: Row, order: &mut usize) -> Vec<Result<Item, (usize, RowResult)>> {
        let Row { table, line, cells } = row;
        let mut result = |of: &Self, record: Option<String>, outcome: Outcome| {
            *order += 1;
            (*order, of.result(Some(line), table, record, outcome))
        };
        let (Some(table), Ok(cells)) = (table, &cells) else {
            self.unread += 1;
            let error = cells.err().unwrap_or_else(|| crate::cloud_event::LineError::line("the row is of no table"));
            return vec![Err(result(self, None, Outcome::Unreadable(error)))];
        };
        let joined = self.joined.rows(&self.mapping.tables[table].joins, cells);
        let stated = self.mapping.statements(table, Cells { own: cells, joined: &joined }, self.ids);
        let mut items = Vec::with_capacity(stated.len());
        for stated in stated {
            items.push(match stated {
                Ok(statement) => {
                    match self.check(&statement.record, statement.case.as_deref(), line) {
                        Ok(()) => {
                            let (order, _) = result(self, None, Outcome::There(Vec::new()));
                            Ok(Item { order, line, table, statement })
                        }
                        // The id is not a pseudonym. So it is not repeated in the result either.
                        Err(refusals) => {
                            let column = |_: &str| Some(statement.identified_by.clone());
                            let problems = problems(refusals, column);
                            Err(result(self, None, Outcome::Refused(problems)))
                        }
                    }
                }
                Err((record, error)) => {
                    match &record {
                        Some(record) => {
                            let seen = self.seen_here(line, (0, None));
                            self.seen.entry(self.key(record)).or_insert(seen);
                        }
                        None => self.unread += 1,
                    }
                    let record = record.filter(|record| self.check(record, None, line).is_ok());
                    Err(result(self, record, Outcome::Unreadable(error)))
                }
            });
        }
        items
    }

    /// Refuses an id or case number that is a personal number.
    fn check(&self, record: &str, case: Option<&str>, line: u64) -> Result<(), Vec<Refusal>> {
        check_source(&self.source(record, Some(line)))?;
        case.map_or(Ok(()), |case| check_source(&self.source(case, Some(line))))
    }

    /// The record, unless an earlier row of this import states it. Two rows that differ about one record are not both
    /// recorded: the next import would change them back.
    fn new_in_run(&mut self, item: Item, results: &mut Vec<(usize, RowResult)>) -> Option<Item> {
        let content = hash(&item.statement.content());
        let key = self.key(&item.statement.record);
        let Some(seen) = self.seen.get(&key).copied() else {
            let stream = Some(ShortId::of(item.statement.stream));
            self.seen.insert(key, self.seen_here(item.line, (content, stream)));
            return Some(item);
        };
        let is_same = seen.content == content;
        if seen.stream != Some(ShortId::of(item.statement.stream)) {
            self.seen.insert(key, Seen { stream: None, ..seen });
        }
        if !is_same && item.statement.is_earliest {
            return Some(item);
        }
        let is_this_file = usize::try_from(seen.file) == Ok(self.file);
        let place = if is_this_file { String::new() } else { format!(" of file {}", u64::from(seen.file) + 1) };
        let record = Some(item.statement.record.clone());
        let mut result = self.result(Some(item.line), Some(item.table), record, Outcome::There(Vec::new()));
        if is_same {
            result.note = Some(format!("has the same content as line {}{place}", seen.line));
        } else {
            let message = format!(
                "line {}{place} states the same record with other values: keep one row of each record, or make the id \
                 of the mapping distinguish them",
                seen.line
            );
            result.outcome = Outcome::Refused(vec![Problem { code: RECORD_TWICE, message, path: None }]);
        }
        results.push((item.order, result));
        None
    }

    /// Compares records with what was recorded and sends what is new. The records of one stream go in order, streams
    /// all at the same time.
    async fn take(&self, items: Vec<Item>) -> Result<Vec<Result<Taken, ImportError>>, ImportError> {
        let mut streams: Vec<(StreamId, Vec<Item>)> = Vec::new();
        let mut places: HashMap<StreamId, usize> = HashMap::new();
        for item in items {
            let at = *places.entry(item.statement.stream).or_insert(streams.len());
            if at == streams.len() {
                streams.push((item.statement.stream, Vec::new()));
            }
            streams[at].1.push(item);
        }
        let wanted = streams.iter().map(|(stream, items)| (*stream, subject(items))).collect::<Vec<_>>();
        let mut known = self.known(&wanted).await?;
        let taking = streams.into_iter().map(|(stream, items)| {
            let known = known.remove(&stream).unwrap_or_default();
            self.take_stream(known, items)
        });
        Ok(join_all(taking).await)
    }

    /// What was recorded in these streams, each with the stream of its subject.
    async fn known(&self, wanted: &[(StreamId, Option<StreamId>)]) -> Result<HashMap<StreamId, Known>, ImportError> {
        let streams = || wanted.iter().flat_map(|(stream, subject)| std::iter::once(*stream).chain(*subject));
        let recorded = self.import.recorder.log().streams(streams().map(|stream| (stream, 0))).await?;
        let foreseen = streams().filter_map(|stream| self.imagined.get(&stream)).flatten();
        let mut of_subject: HashMap<StreamId, Vec<StreamId>> = HashMap::new();
        for (stream, subject) in wanted {
            of_subject.entry(subject.unwrap_or(*stream)).or_default().push(*stream);
            of_subject.entry(*stream).or_default();
        }
        let mut known: HashMap<StreamId, Known> =
            wanted.iter().map(|(stream, _)| (*stream, Known::default())).collect();
        for envelope in recorded.iter().chain(foreseen) {
            if let Some(known) = known.get_mut(&envelope.stream) {
                known.learn(envelope, self.ids.system)?;
                continue;
            }
            for stream in of_subject.get(&envelope.stream).into_iter().flatten() {
                known.entry(*stream).or_default().learn(envelope, self.ids.system)?;
            }
        }
        Ok(known)
    }

    async fn take_stream(&self, mut known: Known, items: Vec<Item>) -> Result<Taken, ImportError> {
        let mut taken = Taken::default();
        for item in items {
            let (outcome, note) = self.take_record(&mut known, &item, &mut taken).await?;
            let record = Some(item.statement.record.clone());
            let result = self.result(Some(item.line), Some(item.table), record, outcome);
            taken.results.push((item.order, RowResult { note, ..result }));
        }
        Ok(taken)
    }

    /// Imports one record. If its case was changed while it was planned, it is planned again.
    async fn take_record(
        &self,
        known: &mut Known,
        item: &Item,
        taken: &mut Taken,
    ) -> Result<(Outcome, Option<String>), ImportError> {
        let statement = &item.statement;
        for _ in 0..ATTEMPTS {
            if known.is_erased {
                return Ok((Outcome::Refused(vec![of_erased()]), None));
            }
            let commands = match self.taking().plan(known, statement) {
                Plan::Nothing(note) => return Ok((Outcome::There(Vec::new()), note)),
                Plan::Conflict(problems) => return Ok((Outcome::Refused(problems), None)),
                Plan::Take(commands) => commands,
            };
            let source = self.source(&statement.record, Some(item.line));
            match self.send(known, &commands, source, taken).await? {
                Answer::Done(outcome, note) => return Ok((outcome, note)),
                Answer::Refused(refusals) => {
                    let column = |path: &str| {
                        let (of, field) = commands.place(path)?;
                        let fact = statement.facts.iter().find(|fact| fact.event_type() == of)?;
                        fact.column(field).map(str::to_owned)
                    };
                    return Ok((Outcome::Refused(problems(refusals, column)), None));
                }
                Answer::NotAllowed(problem) => return Ok((Outcome::Refused(vec![problem]), None)),
                Answer::Changed => {
                    let stream = statement.stream;
                    let wanted = [(stream, subject(std::slice::from_ref(item)))];
                    *known = self.known(&wanted).await?.remove(&stream).unwrap_or_default();
                }
            }
        }
        let message = "the case was changed again and again while its rows were read: import the file again";
        let problem = Problem { code: "VERSION_CONFLICT", message: message.to_owned(), path: None };
        Ok((Outcome::Refused(vec![problem]), None))
    }

    /// Sends commands that were planned from what is known.
    async fn send(
        &self,
        known: &mut Known,
        commands: &Commands,
        source: Source,
        taken: &mut Taken,
    ) -> Result<Answer, ImportError> {
        // Nobody is there to confirm a warning, so it is accepted at once, and goes into the result.
        let mut warnings = Warnings::default();
        let answer = loop {
            let request = CommandRequest::new(self.import.principal_here(), commands.id, commands.together())
                .with_body(commands.body.clone())
                // The commands were chosen from the state that was read. If that state has changed, nothing is recorded.
                .expecting(Expected::Exact(known.history.version()))
                .from_source(Some(source.clone()))
                .accepting(warnings.codes.iter().map(|code| (*code).to_owned()));
            match self.import.recorder.append(request).await {
                Err(RecordError::Refused(refusals)) if warnings.learn(&refusals) => {}
                answer => break answer,
            }
        };
        let done = match answer {
            Ok(done) => done,
            // Another case of the same subject was first.
            Err(RecordError::Refused(refusals))
                if refusals.iter().any(|refusal| refusal.code == RefusalCode::SubjectExists) =>
            {
                return Ok(Answer::Changed);
            }
            Err(RecordError::Refused(refusals)) => return Ok(Answer::Refused(refusals)),
            Err(RecordError::Denied(denied)) => {
                let problem = Problem { code: "FORBIDDEN", message: not_by_import(denied), path: None };
                return Ok(Answer::NotAllowed(problem));
            }
            Err(RecordError::CommandIdReused | RecordError::Conflict { .. }) => return Ok(Answer::Changed),
            Err(RecordError::DryRun(_)) => unreachable!("an import never asks for a dry run of a single command"),
            Err(RecordError::Fault(fault)) => return Err(fault.into()),
        };
        let marks: Vec<Mark> = done.events.iter().map(|event| (event.position, event.event_id)).collect();
        if done.replayed {
            return Ok(Answer::Done(Outcome::There(marks), None));
        }
        taken.began |= known.history.events().is_empty()
            && done.events.iter().any(|event| event.stream.kind == StreamKind::Journey);
        for event in done.events {
            known.learn(&event, self.ids.system)?;
            taken.recorded.push(event);
        }
        let outcome = if commands.corrects { Outcome::Corrected(marks) } else { Outcome::Recorded(marks) };
        Ok(Answer::Done(outcome, warnings.note()))
    }

    fn source(&self, record: &str, row: Option<u64>) -> Source {
        Source {
            system: self.ids.system.to_owned(),
            record_id: Some(record.to_owned()),
            file_digest: Some(self.digest.clone()),
            row,
        }
    }

    fn result(&self, line: Option<u64>, table: Option<usize>, record: Option<String>, outcome: Outcome) -> RowResult {
        let table = table.map(|table| self.mapping.wanted.tables[table].name.clone());
        RowResult { file: line.map(|_| self.file), line, table, record, outcome, note: None }
    }

    /// A record of the file that is being read. A line beyond four thousand million is shown as the last one.
    fn seen_here(&self, line: u64, (content, stream): (u64, Option<ShortId>)) -> Seen {
        let file = u32::try_from(self.file).unwrap_or(u32::MAX);
        Seen { file, line: u32::try_from(line).unwrap_or(u32::MAX), content, stream }
    }

    fn key(&self, record: &str) -> Uuid {
        self.ids.id("record", &[record])
    }
}

/// The answer to commands.
enum Answer {
    /// What was done, and the warnings that came with it.
    Done(Outcome, Option<String>),
    Refused(Vec<Refusal>),
    NotAllowed(Problem),
    /// The stream is no longer as it was read.
    Changed,
}

/// The problem of a record about a person whose data was erased.
fn of_erased() -> Problem {
    let message = "the data of this person was erased: take the record out of the source, or leave its rows out";
    Problem { code: RefusalCode::SubjectErased.as_str(), message: message.to_owned(), path: None }
}

/// The warnings about one record that were accepted for its source.
#[derive(Default)]
struct Warnings {
    codes: BTreeSet<&'static str>,
    messages: Vec<String>,
}

impl Warnings {
    /// Takes refusals, if they are only warnings and one of them is new.
    fn learn(&mut self, refusals: &[Refusal]) -> bool {
        if refusals.iter().any(|refusal| refusal.severity != Severity::Warning) {
            return false;
        }
        let before = self.codes.len();
        for warning in refusals {
            self.codes.insert(warning.code.as_str());
            self.messages.push(warning.message.clone());
        }
        self.codes.len() > before
    }

    /// The remark of a record that was recorded with them.
    fn note(self) -> Option<String> {
        (!self.messages.is_empty()).then(|| format!("recorded with a warning: {}", self.messages.join("; ")))
    }
}

/// The stream of the subject that records refer or offer.
fn subject(items: &[Item]) -> Option<StreamId> {
    let mut facts = items.iter().flat_map(|item| &item.statement.facts);
    facts.find_map(|fact| match &fact.event {
        Event::ReferralReceived(referral) => Some(StreamId::subject(referral.subject)),
        Event::ReferralOffered(offered) => Some(StreamId::subject(offered.subject)),
        _ => None,
    })
}

fn problems(refusals: Vec<Refusal>, column: impl Fn(&str) -> Option<String>) -> Vec<Problem> {
    let named = |refusal: Refusal| {
        let path = refusal.path.as_ref().and_then(|path| column(&path.to_string()));
        Problem { path, ..refusal.into() }
    };
    refusals.into_iter().map(named).collect()
}

/// A short hash of a record's content, to compare rows of one import.
fn hash(content: &[u8]) -> u64 {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, content);
    let first = digest.as_ref().first_chunk().expect("a digest has 32 bytes");
    u64::from_be_bytes(*first)
}
