//! Records that are gone from a full snapshot: they are reported, or retracted if the source purges.
//!
//! A snapshot that could not be read as a whole, or that lost far too much, retracts nothing. A record that is now of
//! another case is gone from the former one.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::plan::{CORRECTED_HERE, Commands};
use super::{Answer, Outcome, RowResult, Run, Taken, problems};
use crate::import::mapping::Gone;
use crate::import::{ImportError, Problem};
use throughline_domain::fact::envelope::{Position, StreamId, StreamKind};

/// The number of streams that are looked at together.
const STREAMS: usize = 512;
/// The code of records that are not retracted, because too many are gone at once.
const TOO_MANY_GONE: &str = "TOO_MANY_GONE";

/// The records that are gone, by the stream of their facts.
type GoneRecords = BTreeMap<StreamId, BTreeSet<String>>;

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
        let (absent, mut all) = self.absent(before).await?;
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
            Gone::Reported => self.each(&gone, report, |_| Outcome::Missing),
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
        Ok(())
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

    /// The records of this source in the contract that are in no row of their case, and the number of all its records.
    async fn absent(&self, before: Position) -> Result<(GoneRecords, usize), ImportError> {
        let (mut absent, mut all) = (GoneRecords::new(), HashSet::new());
        let mut after = Position::default();
        while after < before {
            let page = self.import.recorder.log().page(after, before).await?;
            let Some(last) = page.last() else { break };
            after = last.position;
            for envelope in &page {
                let is_ours = envelope.stream.kind == StreamKind::Journey
                    && envelope.contract.as_deref() == Some(self.ids.contract);
                let source = envelope.source.as_ref().filter(|source| is_ours && source.system == self.ids.system);
                let Some(record) = source.and_then(|source| source.record_id.as_deref()) else { continue };
                let stream = envelope.stream;
                all.insert(self.ids.id("record of a case", &[record, &stream.to_string()]).as_u128());
                let seen = self.seen.get(&self.key(record));
                let is_here = seen.is_some_and(|seen| seen.stream.is_none_or(|now| now == stream));
                if !is_here {
                    absent.entry(stream).or_default().insert(record.to_owned());
                }
            }
        }
        Ok((absent, all.len()))
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
            let Some(commands) = self.taking().gone(&known, stream, records.iter()) else { continue };
            let outcome = self.retract_stream(&mut known, &commands, &records).await?;
            self.each(&GoneRecords::from([(stream, records)]), report, |_| outcome.clone());
        }
        Ok(())
    }

    async fn retract_stream(
        &mut self,
        known: &mut super::Known,
        commands: &Commands,
        records: &BTreeSet<String>,
    ) -> Result<Outcome, ImportError> {
        let record = records.first().map(String::as_str).unwrap_or_default();
        let mut taken = Taken::default();
        let answer = self.send(known, commands, self.source(record, None), &mut taken).await?;
        self.remember(taken.recorded);
        Ok(match answer {
            Answer::Done(Outcome::Corrected(marks) | Outcome::Recorded(marks)) => Outcome::Retracted(marks),
            Answer::Done(other) => other,
            Answer::Refused(refusals) => Outcome::Refused(problems(refusals, |_| None)),
            Answer::NotAllowed(problem) => Outcome::Refused(vec![problem]),
            Answer::Changed => {
                let message = "the case was changed while the snapshot was compared: import it again";
                Outcome::Refused(vec![Problem { code: "VERSION_CONFLICT", message: message.to_owned(), path: None }])
            }
        })
    }
}
