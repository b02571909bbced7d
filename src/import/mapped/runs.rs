//! The facts of a run: the source, the run itself, and the records that went missing or returned.
//!
//! They are recorded when the files were read. A dry run records none. The same files again, with nothing new in them,
//! are no further run, and what stopped before it recorded anything is none. It never changes what was recorded about a
//! case.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;

use super::gone::GoneRecords;
use super::{ATTEMPTS, Run, ShortId};
use crate::import::ImportError;
use crate::import::lines::digest_of;
use crate::import::mapping::{Gone, Leads, Snapshot, SourceTerms};
use crate::log::append::Expected;
use crate::record::{CommandRequest, RecordError};
use throughline_domain::command::{Atomic, Command, When};
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{
    CommandId, Envelope, EventId, JourneyId, Position, Source, StreamId, StreamKind,
};
use throughline_domain::fact::event::{
    DecodeError, Event, Holds, ImportCounts, ImportRun, Leading, RowMissing, RowReturned, RunEnd, SourceRegistered,
};

/// The number of records whose absence or return is recorded together.
const TOGETHER: usize = 512;

/// The records of a source in a contract that went missing once, by case and id: the last that was recorded of it.
#[derive(Debug, Default)]
pub(super) struct Missing(BTreeMap<(StreamId, String), Noted>);

/// What was last recorded about the absence of a record.
#[derive(Debug, Clone, Copy)]
struct Noted {
    is_missing: bool,
    version: i64,
    event: EventId,
}

impl Missing {
    /// Adds an event, if it is about a record of this source in this contract.
    pub(super) fn learn(&mut self, envelope: &Envelope, contract: &str, record: &str) -> Result<(), DecodeError> {
        let (of, journey, is_missing) = match Recorded::decode(envelope)?.event {
            Event::RowMissing(fact) => (fact.contract, fact.journey, true),
            Event::RowReturned(fact) => (fact.contract, fact.journey, false),
            _ => return Ok(()),
        };
        if of == contract {
            let noted = Noted { is_missing, version: envelope.version, event: envelope.event_id };
            self.0.insert((StreamId::journey(journey), record.to_owned()), noted);
        }
        Ok(())
    }

    fn of(&self, stream: StreamId, record: &str) -> Option<Noted> {
        self.0.get(&(stream, record.to_owned())).copied()
    }
}

impl Run<'_> {
    /// Records which of these records are missing since this run, and which are there again.
    pub(super) async fn note_missing(&mut self, gone: &GoneRecords, missing: &Missing) -> Result<(), ImportError> {
        if self.import.recorder.is_dry_run() {
            return Ok(());
        }
        let (system, contract) = (self.ids.system, self.ids.contract);
        let lost = gone.iter().flat_map(|(stream, records)| records.iter().map(|record| (*stream, record)));
        let lost = lost.filter(|(stream, record)| missing.of(*stream, record).is_none_or(|noted| !noted.is_missing));
        let lost = lost.map(|(stream, record)| {
            let (system, contract) = (system.to_owned(), contract.to_owned());
            let fact = RowMissing { system, contract, journey: JourneyId(stream.id) };
            (stream, record, Event::from(fact))
        });
        let back =
            missing.0.iter().filter(|((stream, record), noted)| noted.is_missing && self.is_here(record, *stream));
        let back = back.map(|((stream, record), _)| {
            let (system, contract) = (system.to_owned(), contract.to_owned());
            let fact = RowReturned { system, contract, journey: JourneyId(stream.id) };
            (*stream, record, Event::from(fact))
        });
        let noted: Vec<(StreamId, &String, Event)> = lost.chain(back).collect();
        for portion in noted.chunks(TOGETHER) {
            let sent = portion.iter().map(|(stream, record, fact)| self.note(*stream, record, fact, missing));
            for sent in join_all(sent).await {
                sent?;
            }
        }
        self.noted += noted.len();
        Ok(())
    }

    async fn note(&self, stream: StreamId, record: &str, fact: &Event, missing: &Missing) -> Result<(), ImportError> {
        let before = missing.of(stream, record);
        let newest = before.map_or_else(|| "new".to_owned(), |noted| noted.event.to_string());
        let name = fact.event_type().as_str();
        let id = self.ids.id("command", &[name, record, &stream.to_string(), &newest]);
        let own = StreamId { kind: StreamKind::Import, id: self.ids.id("absence", &[record, &stream.to_string()]) };
        let command = Command::record_fact(own, When::TODAY, fact.clone());
        let version = before.map_or(0, |noted| noted.version);
        // If another import of the same source was first, it has noted the same.
        self.send_noted(CommandId(id), command, (version, Some(record))).await.map(drop)
    }

    /// The position of the newest run that had other files or another mapping.
    pub(super) async fn other_run(&self) -> Result<Position, ImportError> {
        let mut newest = Position::default();
        for envelope in self.import.recorder.log().stream(StreamId::source(self.ids.system)).await? {
            let Event::ImportRun(run) = Recorded::decode(&envelope)?.event else { continue };
            let is_this = run.mapping == self.mapping.digest && run.files == self.digests;
            if run.contract == self.ids.contract && !is_this {
                newest = envelope.position;
            }
        }
        Ok(newest)
    }

    /// Records the run, and its source if it is new or has other terms.
    pub(super) async fn note_run(&self, began: DateTime<Utc>, ended: RunEnd) -> Result<(), ImportError> {
        if self.import.recorder.is_dry_run() || (ended == RunEnd::Stopped && self.is_nothing_new()) {
            return Ok(());
        }
        let registered = self.registered();
        let run = ImportRun {
            system: self.ids.system.to_owned(),
            contract: self.ids.contract.to_owned(),
            mapping: self.mapping.digest.clone(),
            files: self.digests.to_vec(),
            counts: self.counts(),
            started_at: began,
            finished_at: self.import.recorder.now().max(began),
            ended,
        };
        let stream = StreamId::source(self.ids.system);
        for _ in 0..ATTEMPTS {
            let known = self.import.recorder.log().stream(stream).await?;
            let of_source = Earlier::of(&known, self.ids.contract)?;
            let is_registered = of_source.registered.as_ref() == Some(&registered);
            if is_registered && self.is_nothing_new() && of_source.run.is_some_and(|last| is_again(&last, &run)) {
                return Ok(());
            }
            let source = (!is_registered).then(|| Event::from(registered.clone()));
            let facts: Vec<Event> = source.into_iter().chain([run.clone().into()]).collect();
            let each = facts.iter().map(|fact| fact.payload().get().to_owned()).collect::<Vec<_>>().join("\n");
            let version = i64::try_from(known.len()).expect("a list in memory is counted in 64 bits");
            let digest = digest_of(each.as_bytes()).expect("memory can be read");
            let id = self.ids.id("command", &["ImportRun", &version.to_string(), &digest]);
            let commands = facts.into_iter().map(|fact| Command::record_fact(stream, When::TODAY, fact)).collect();
            let together = Command::Atomic(Atomic { stream, commands });
            match self.send_noted(CommandId(id), together, (version, None)).await? {
                Noting::Done => return Ok(()),
                Noting::Changed => {}
            }
        }
        Err(ImportError::NotNoted(
            "imports of the same source ended at the same time: import the files again".to_owned(),
        ))
    }

    async fn send_noted(
        &self,
        id: CommandId,
        command: Command,
        (version, record): (i64, Option<&str>),
    ) -> Result<Noting, ImportError> {
        let source = Source { record_id: record.map(str::to_owned), ..self.source("", None) };
        let request = CommandRequest::new(self.import.principal_here(), id, command)
            .expecting(Expected::Exact(version))
            .from_source(Some(source))
            .accepting_every_warning();
        match self.import.recorder.append(request).await {
            Ok(_) => Ok(Noting::Done),
            Err(RecordError::Conflict { .. } | RecordError::CommandIdReused) => Ok(Noting::Changed),
            Err(RecordError::Refused(refusals)) => {
                let each = refusals.into_iter().map(|refusal| refusal.message).collect::<Vec<_>>();
                Err(ImportError::NotNoted(each.join("; ")))
            }
            Err(RecordError::Denied(denied)) => Err(ImportError::NotNoted(denied.to_string())),
            Err(RecordError::DryRun(_)) => unreachable!("an import never asks for a dry run of a single command"),
            Err(RecordError::Fault(fault)) => Err(fault.into()),
        }
    }

    /// Whether a record is in a row of this case.
    pub(super) fn is_here(&self, record: &str, stream: StreamId) -> bool {
        let seen = self.seen.get(&self.key(record));
        seen.is_some_and(|seen| seen.stream.is_none_or(|now| now == ShortId::of(stream)))
    }

    /// Whether the run recorded nothing.
    const fn is_nothing_new(&self) -> bool {
        self.summary.recorded + self.summary.corrected + self.summary.retracted == 0 && self.noted == 0
    }

    const fn counts(&self) -> ImportCounts {
        let summary = &self.summary;
        ImportCounts {
            recorded: summary.recorded,
            corrected: summary.corrected,
            there: summary.there,
            refused: summary.refused,
            unreadable: summary.unreadable,
            missing: summary.missing,
            retracted: summary.retracted,
        }
    }

    fn registered(&self) -> SourceRegistered {
        let SourceTerms { system, numbers, snapshot, leads, gone } = &self.mapping.source;
        SourceRegistered {
            system: system.clone(),
            contract: self.ids.contract.to_owned(),
            numbers: numbers.clone(),
            holds: match snapshot {
                Snapshot::Full => Holds::Everything,
                Snapshot::Delta => Holds::Changes,
            },
            leads: match leads {
                Leads::Here => Leading::Correction,
                Leads::Source => Leading::Source,
            },
            purge_most: match gone {
                Gone::Reported => None,
                Gone::Retracted { most } => Some(*most),
            },
        }
    }
}

/// The answer to a fact about a run.
enum Noting {
    Done,
    /// The stream is no longer as it was read.
    Changed,
}

/// What was recorded of a source in a contract before.
#[derive(Default)]
struct Earlier {
    registered: Option<SourceRegistered>,
    run: Option<ImportRun>,
}

impl Earlier {
    fn of(events: &[Envelope], contract: &str) -> Result<Self, DecodeError> {
        let mut earlier = Self::default();
        for envelope in events {
            match Recorded::decode(envelope)?.event {
                Event::SourceRegistered(fact) if fact.contract == contract => earlier.registered = Some(fact),
                Event::ImportRun(fact) if fact.contract == contract => earlier.run = Some(fact),
                _ => {}
            }
        }
        Ok(earlier)
    }
}

/// Whether a run imported the same files in the same way as the one before.
fn is_again(last: &ImportRun, run: &ImportRun) -> bool {
    (&last.mapping, &last.files, last.ended) == (&run.mapping, &run.files, run.ended)
}
