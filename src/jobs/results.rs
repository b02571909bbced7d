//! The result of each record: counted, written to the result file and, if it was not recorded, put into quarantine.
//!
//! It stores nothing itself.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::sync::{Arc, Mutex};

use super::job::{Progress, Quarantined};
use super::spool::Spool;
use crate::import::mapped::{self, RowResult};
use crate::import::{Mark, Outcome, Problem, Row};
use crate::rows::csv_row;

/// The most records of one job in quarantine. The result file has them all.
pub(super) const QUARANTINE_MAX: i64 = 10_000;

/// The columns of the result file.
const HEADS: [&str; 10] =
    ["file", "line", "table", "record", "outcome", "positions", "events", "code", "column", "message"];

/// What became of a record, in one line.
#[derive(Debug, Default)]
struct Entry {
    file: Option<String>,
    line: Option<u64>,
    table: Option<String>,
    record: Option<String>,
    outcome: &'static str,
    marks: Vec<Mark>,
    /// The newest position, where the events are not listed.
    position: Option<i64>,
    code: Option<String>,
    place: Option<String>,
    message: Option<String>,
}

/// The results of a running job.
#[derive(Debug)]
pub(super) struct Results {
    files: Vec<String>,
    to: BufWriter<File>,
    /// The first write error. The import continues.
    written: io::Result<()>,
    progress: Arc<Mutex<Progress>>,
    quarantined: i64,
}

impl Results {
    /// Begins the result file.
    pub(super) fn begin(
        path: &std::path::Path,
        files: Vec<String>,
        progress: Arc<Mutex<Progress>>,
    ) -> io::Result<Self> {
        let mut to = Spool::new_file(path)?;
        csv_row(&mut to, HEADS.map(str::to_owned).iter())?;
        Ok(Self { files, to, written: Ok(()), progress, quarantined: 0 })
    }

    /// Takes the result of a record of a file.
    pub(super) fn of_record(&mut self, result: &RowResult) {
        let (outcome, marks) = match &result.outcome {
            mapped::Outcome::Recorded(marks) => ("recorded", marks.clone()),
            mapped::Outcome::Corrected(marks) => ("corrected", marks.clone()),
            mapped::Outcome::There(marks) => ("already there", marks.clone()),
            mapped::Outcome::Refused(_) => ("refused", Vec::new()),
            mapped::Outcome::Unreadable(_) => ("unreadable", Vec::new()),
            mapped::Outcome::Missing => ("missing", Vec::new()),
            mapped::Outcome::Retracted(marks) => ("retracted", marks.clone()),
        };
        let (code, place, message) = match &result.outcome {
            mapped::Outcome::Refused(problems) => together(problems),
            mapped::Outcome::Unreadable(error) => (None, error.key.clone(), Some(error.message.clone())),
            mapped::Outcome::Missing => {
                let message = "recorded before, but gone from the snapshot: the record does not change";
                (None, None, Some(message.to_owned()))
            }
            _ => (None, None, None),
        };
        let message = match (message, &result.note) {
            (Some(message), Some(note)) => Some(format!("{message}; {note}")),
            (message, note) => message.or_else(|| note.clone()),
        };
        self.add(&Entry {
            file: result.file.and_then(|file| self.files.get(file).cloned()),
            line: result.line,
            table: result.table.clone(),
            record: result.record.clone(),
            outcome,
            position: None,
            marks,
            code,
            place,
            message,
        });
    }

    /// Takes the result of an event.
    pub(super) fn of_event(&mut self, row: &Row) {
        let (outcome, position) = match &row.outcome {
            Outcome::Recorded(position) => ("recorded", Some(position.0)),
            Outcome::Replayed(position) => ("already there", Some(position.0)),
            Outcome::Refused(_) => ("refused", None),
            Outcome::Unreadable(_) => ("unreadable", None),
        };
        let (code, place, message) = match &row.outcome {
            Outcome::Refused(problems) => together(problems),
            Outcome::Unreadable(error) => (None, error.key.clone(), Some(error.message.clone())),
            Outcome::Recorded(_) | Outcome::Replayed(_) => (None, None, None),
        };
        let record = row.id.map(|id| id.to_string());
        self.add(&Entry { line: Some(row.line), record, outcome, position, code, place, message, ..Entry::default() });
    }

    fn add(&mut self, line: &Entry) {
        self.count(line);
        if self.written.is_ok() {
            self.written = csv_row(&mut self.to, line.cells().iter());
        }
    }

    fn count(&mut self, line: &Entry) {
        let mut progress = self.progress.lock().expect("no panic while counting");
        let counts = &mut progress.counts;
        let counted = match line.outcome {
            "recorded" => &mut counts.recorded,
            "corrected" => &mut counts.corrected,
            "refused" => &mut counts.refused,
            "unreadable" => &mut counts.unreadable,
            "missing" => &mut counts.missing,
            "retracted" => &mut counts.retracted,
            _ => &mut counts.there,
        };
        *counted += 1;
        if line.file.is_some() {
            progress.file.clone_from(&line.file);
        }
        progress.line = number(line.line).or(progress.line);
        let is_new = matches!(line.outcome, "recorded" | "corrected" | "retracted");
        progress.position = progress.position.max(line.newest().filter(|_| is_new));
        let is_quarantined = matches!(line.outcome, "refused" | "unreadable" | "missing");
        if is_quarantined && self.quarantined < QUARANTINE_MAX {
            self.quarantined += 1;
            progress.quarantined.push(Quarantined {
                number: self.quarantined,
                file: line.file.clone(),
                line: number(line.line),
                record: line.record.clone(),
                outcome: line.outcome.to_owned(),
                code: line.code.clone(),
                place: line.place.clone(),
                message: line.message.clone().unwrap_or_default(),
            });
        }
    }

    /// Ends the result file.
    pub(super) fn end(mut self) -> io::Result<()> {
        self.written.and_then(|()| self.to.flush())
    }
}

impl Entry {
    fn newest(&self) -> Option<i64> {
        self.marks.iter().map(|(position, _)| position.0).max().or(self.position)
    }

    fn cells(&self) -> [String; 10] {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let each = |of: fn(&Mark) -> String| self.marks.iter().map(of).collect::<Vec<_>>().join(" ");
        let positions = match self.position {
            Some(position) => position.to_string(),
            None => each(|(position, _)| position.to_string()),
        };
        [
            text(&self.file),
            self.line.map(|line| line.to_string()).unwrap_or_default(),
            text(&self.table),
            text(&self.record),
            self.outcome.to_owned(),
            positions,
            each(|(_, event)| event.to_string()),
            text(&self.code),
            text(&self.place),
            text(&self.message),
        ]
    }
}

/// The codes, the places and the messages of problems.
fn together(problems: &[Problem]) -> (Option<String>, Option<String>, Option<String>) {
    let codes: Vec<&str> = problems.iter().map(|problem| problem.code).collect();
    let places: Vec<&str> = problems.iter().filter_map(|problem| problem.path.as_deref()).collect();
    let messages: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
    let joined = |each: &[&str], mark: &str| (!each.is_empty()).then(|| each.join(mark));
    (joined(&codes, " "), joined(&places, " "), joined(&messages, "; "))
}

fn number(line: Option<u64>) -> Option<i64> {
    line.and_then(|line| i64::try_from(line).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud_event::LineError;
    use throughline_domain::fact::envelope::{EventId, Position};

    #[test]
    fn every_result_is_counted_and_only_what_was_not_recorded_is_in_quarantine() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, progress) = (folder.path().join("results.csv"), Arc::default());
        let mut results = Results::begin(&path, vec!["a.csv".to_owned()], Arc::clone(&progress)).expect("a file");
        let record = |line, outcome| RowResult {
            file: Some(0),
            line: Some(line),
            table: Some("t".to_owned()),
            record: Some("=R".to_owned()),
            outcome,
            note: None,
        };
        let mark = (Position(7), EventId(uuid::Uuid::nil()));
        let problem = |path: &str| Problem { code: "X", message: "wrong".to_owned(), path: Some(path.to_owned()) };
        results.of_record(&record(2, mapped::Outcome::Recorded(vec![mark])));
        results.of_record(&record(3, mapped::Outcome::There(vec![(Position(99), mark.1)])));
        results.of_record(&record(4, mapped::Outcome::Refused(vec![problem("a"), problem("b")])));
        results.of_record(&RowResult { file: None, line: None, ..record(0, mapped::Outcome::Missing) });
        let unread = Outcome::Unreadable(LineError::at("type", "missing"));
        results.of_event(&Row { line: 5, id: None, outcome: unread });
        results.end().expect("written");
        let progress = progress.lock().expect("no panic");
        let counts = progress.counts;
        assert_eq!((counts.recorded, counts.there, counts.refused, counts.missing, counts.unreadable), (1, 1, 1, 1, 1));
        assert_eq!((progress.position, progress.line, progress.file.as_deref()), (Some(7), Some(5), Some("a.csv")));
        let kept: Vec<(i64, &str, Option<&str>)> =
            progress.quarantined.iter().map(|one| (one.number, one.outcome.as_str(), one.place.as_deref())).collect();
        assert_eq!(kept, [(1, "refused", Some("a b")), (2, "missing", None), (3, "unreadable", Some("type"))]);
        let text = std::fs::read_to_string(path).expect("the file");
        assert_eq!(text.lines().count(), 6);
        assert!(text.contains("a.csv,4,t,'=R,refused,,,X X,a b,"), "{text}");
    }
}
