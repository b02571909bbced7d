//! Records that are gone from a full snapshot: they are reported, or retracted if the source purges.
//!
//! A snapshot that could not be read as a whole, or that lost far too much, retracts nothing. A record that is now of
//! another case is gone from the former one.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::plan::{CORRECTED_HERE, Commands};
use super::runs::Missing;
use super::{Answer, Known, Outcome, RowResult, Run, Taken, problems};
use crate::import::mapping::Gone;
use crate::import::{ImportError, Problem};
use throughline_domain::fact::envelope::{Position, StreamId, StreamKind};
use throughline_domain::fact::refusal::RefusalCode;

/// The number of streams that are looked at together.
const STREAMS: usize = 512;
/// The code of records that are not retracted, because too many are gone at once.
const TOO_MANY_GONE: &str = "TOO_MANY_GONE";

/// The records that are gone, by the stream of their facts.
pub(super) type GoneRecords = BTreeMap<StreamId, BTreeSet<String>>;

impl Run<'_> {
    /// Looks for records that were recorded before this import began and are in no row of it.
    pub(super) async fn gone(
        &mut self,
        before: Position,
        report: &mut impl FnMut(&RowResult),
    ) -> Result<(), ImportError> {
        if let Some(reason) = self.not_comparable() {
            self.summary.not_compared = Some(reason);
            return Ok(());
        }
        let (absent, mut all, missing) = self.absent(before).await?;
        let mut gone = GoneRecords::new();
        let streams: Vec<(StreamId, BTreeSet<String>)> = absent.into_iter().collect();
        for portion in streams.chunks(STREAMS) {
            let wanted: Vec<(StreamId, Option<StreamId>)> = portion.iter().map(|(stream, _)| (*stream, None)).collect();
            let known = self.known(&wanted).await?;
            for (stream, records) in portion {
                let known = &known[stream];
                let (still, past): (BTreeSet<_>, BTreeSet<_>) =
                    records.iter().cloned().partition(|record| known.has(record));
                all -= past.len();
                if !still.is_empty() {
                    gone.insert(*stream, still);
                }
            }
        }
        let count: usize = gone.values().map(BTreeSet::len).sum();
        match self.mapping.source.gone {
            Gone::Reported => {
                self.each(&gone, report, |_| Outcome::Missing);
                return self.note_missing(&gone, &missing).await;
            }
            Gone::Retracted { most } if count * 100 > all * usize::from(most) => {
                let message = format!(
                    "{count} of {all} records are gone, more than {most} of a hundred, so nothing was retracted: check \
                     that the snapshot is whole, or raise purge_most"
                );
                let problem = Problem { code: TOO_MANY_GONE, message, path: None };
                self.each(&gone, report, |_| Outcome::Refused(vec![problem.clone()]));
            }
            Gone::Retracted { .. } => self.retract(gone, report).await?,
        }
        // Before it purged, the source may have had missing records.
        self.note_missing(&GoneRecords::new(), &missing).await
    }

    /// Why gone records cannot be distinguished from records that were not read.
    fn not_comparable(&self) -> Option<String> {
        if self.unread > 0 {
            return Some(format!("{} rows could not be read as any record: correct them first", self.unread));
        }
        let read: BTreeSet<usize> = self.summary.found.iter().flat_map(|found| found.tables.iter().copied()).collect();
        let tables = self.mapping.wanted.tables.iter().enumerate();
        let absent: Vec<&str> =
            tables.filter(|(at, _)| !read.contains(at)).map(|(_, table)| table.name.as_str()).collect();
        let message =
            || format!("a full snapshot needs a file of every table, and there was none of {}", absent.join(", "));
        (!absent.is_empty()).then(message)
    }

    /// The records of this source in the contract that are in no row of their case, the number of all its records, and
    /// those that went missing before. Records that only these very files added are not counted: a snapshot that is sent
    /// again has lost as much as it had the first time.
    async fn absent(&self, before: Position) -> Result<(GoneRecords, usize, Missing), ImportError> {
        let (mut absent, mut all, mut missing) = (GoneRecords::new(), HashSet::new(), Missing::default());
        let since = self.other_run().await?;
        let mut after = Position::default();
        while after < before {
            let page = self.import.recorder.log().page(after, before).await?;
            let Some(last) = page.last() else { break };
            after = last.position;
            for envelope in &page {
                let source = envelope.source.as_ref().filter(|source| source.system == self.ids.system);
                let Some(source) = source else { continue };
                let Some(record) = source.record_id.as_deref() else { continue };
                let stream = envelope.stream;
                if stream.kind == StreamKind::Import {
                    missing.learn(envelope, self.ids.contract, record)?;
                }
                if stream.kind != StreamKind::Journey || envelope.contract.as_deref() != Some(self.ids.contract) {
                    continue;
                }
                let is_here = self.is_here(record, stream);
                let is_of_these = source.file_digest.as_ref().is_some_and(|digest| self.digests.contains(digest));
                let is_new_in_these = is_here && is_of_these && envelope.position > since;
                if !is_new_in_these {
                    all.insert(self.ids.id("record of a case", &[record, &stream.to_string()]));
                }
                if !is_here {
                    absent.entry(stream).or_default().insert(record.to_owned());
                }
            }
        }
        Ok((absent, all.len(), missing))
    }

    /// Reports the same kind of result for every record.
    fn each(&mut self, gone: &GoneRecords, report: &mut impl FnMut(&RowResult), outcome: impl Fn(&str) -> Outcome) {
        for record in gone.values().flatten() {
            let mut result = self.result(None, None, Some(record.clone()), outcome(record));
            let is_moved = self.seen.contains_key(&self.key(record));
            result.note = is_moved.then(|| "the row names another case now: this is about the former one".to_owned());
            self.summary.count(&result.outcome);
            report(&result);
        }
    }

    /// Retracts the facts of records, those of one stream together.
    async fn retract(&mut self, gone: GoneRecords, report: &mut impl FnMut(&RowResult)) -> Result<(), ImportError> {
        for (stream, records) in gone {
            let mut known = self.known(&[(stream, None)]).await?.remove(&stream).unwrap_or_default();
            let (kept, records): (BTreeSet<String>, BTreeSet<String>) =
                records.into_iter().partition(|record| self.taking().keeps(&known, record));
            let message = "the record is gone from the snapshot, but was corrected here: retract it here, or leave it";
            let problem = Problem { code: CORRECTED_HERE, message: message.to_owned(), path: None };
            self.each(&GoneRecords::from([(stream, kept)]), report, |_| Outcome::Refused(vec![problem.clone()]));
            let left = self.retract_alone(&mut known, (stream, records), report).await?;
            // Each of these has facts that those of another one need.
            let Some(commands) = self.taking().gone(&known, stream, left.iter()) else { continue };
            let outcome = self.retract_together(&mut known, &commands, &left).await?;
            self.each(&GoneRecords::from([(stream, left)]), report, |_| outcome.clone());
        }
        Ok(())
    }

    /// Retracts the records of a stream one by one, so that every event names its own record. Returns those that only go
    /// together.
    async fn retract_alone(
        &mut self,
        known: &mut Known,
        (stream, mut left): (StreamId, BTreeSet<String>),
        report: &mut impl FnMut(&RowResult),
    ) -> Result<BTreeSet<String>, ImportError> {
        loop {
            let mut needed = BTreeSet::new();
            for record in &left {
                let alone = BTreeSet::from([record.clone()]);
                let Some(commands) = self.taking().gone(known, stream, alone.iter()) else { continue };
                let outcome = self.retract_together(known, &commands, &alone).await?;
                if is_needed(&outcome) {
                    needed.insert(record.clone());
                } else {
                    self.each(&GoneRecords::from([(stream, alone)]), report, |_| outcome.clone());
                }
            }
            // Once those that need it are gone, a record may go too.
            if needed.is_empty() || needed.len() == left.len() {
                return Ok(needed);
            }
            left = needed;
        }
    }

    async fn retract_together(
        &mut self,
        known: &mut Known,
        commands: &Commands,
        records: &BTreeSet<String>,
    ) -> Result<Outcome, ImportError> {
        let record = records.first().map(String::as_str).unwrap_or_default();
        let mut taken = Taken::default();
        let answer = self.send(known, commands, self.source(record, None), &mut taken).await?;
        self.remember(taken.recorded);
        Ok(match answer {
            Answer::Done(Outcome::Corrected(marks) | Outcome::Recorded(marks), _) => Outcome::Retracted(marks),
            Answer::Done(other, _) => other,
            Answer::Refused(refusals) => Outcome::Refused(problems(refusals, |_| None)),
            Answer::NotAllowed(problem) => Outcome::Refused(vec![problem]),
            Answer::Changed => {
                let message = "the case was changed while the snapshot was compared: import it again";
                Outcome::Refused(vec![Problem { code: "VERSION_CONFLICT", message: message.to_owned(), path: None }])
            }
        })
    }
}

/// Whether a record was not retracted because facts of others need its own.
fn is_needed(outcome: &Outcome) -> bool {
    let code = RefusalCode::FactHasDependents.as_str();
    matches!(outcome, Outcome::Refused(problems) if problems.iter().all(|problem| problem.code == code))
}
