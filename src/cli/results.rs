//! The file with the result of each row of an import: CSV, or NDJSON if its name ends in .ndjson.
//!
//! It never replaces a file that is being imported. It prints a message when it replaces another file.

use std::fs::File;
use std::io::{LineWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Map, Value};

use super::terminal::message;
use super::{BadFile, Misuse};
use crate::import::Problem;
use crate::rows::csv_row;

/// A result file that is being written.
pub(crate) struct Results {
    path: PathBuf,
    /// Each row is in the file when it is written. However the import ends, the result of each finished row is
    /// there.
    to: LineWriter<File>,
    heads: &'static [&'static str],
    is_ndjson: bool,
    /// The first write error. The import continues.
    unwritten: std::io::Result<()>,
}

impl Results {
    /// Creates the file: at this path, or beside the first imported file.
    pub(crate) fn begin(path: Option<PathBuf>, imported: &[PathBuf], heads: &'static [&'static str]) -> Result<Self> {
        let beside = || imported.first().map(|first| crate::store::sibling(first, ".results.csv"));
        let path = path.or_else(beside).context("no file to import")?;
        if imported.iter().any(|imported| are_same_file(imported, &path)) {
            return Err(Misuse(format!(
                "{} is one of the files to import: give another --results file",
                path.display()
            ))
            .into());
        }
        if path.exists() {
            message(format_args!("{} already existed and was replaced", path.display()));
        }
        let to = crate::store::private().write(true).create(true).truncate(true).open(&path);
        let to = to.map_err(|source| BadFile { doing: "write", path: path.clone(), source })?;
        let is_ndjson = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("ndjson"));
        let mut results = Self { path, to: LineWriter::new(to), heads, is_ndjson, unwritten: Ok(()) };
        if !is_ndjson {
            results.unwritten =
                csv_row(&mut results.to, heads.iter().map(|head| (*head).to_owned()).collect::<Vec<_>>().iter());
        }
        Ok(results)
    }

    /// Writes a row: a text, a number or nothing for each column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Value>) {
        if self.unwritten.is_err() {
            return;
        }
        self.unwritten = if self.is_ndjson {
            let cells = self.heads.iter().map(|head| (*head).to_owned()).zip(cells);
            writeln!(self.to, "{}", Value::Object(cells.collect::<Map<_, _>>()))
        } else {
            let cells: Vec<String> = cells.into_iter().map(|cell| text(&cell)).collect();
            csv_row(&mut self.to, cells.iter())
        };
    }

    /// Ends the file and returns its path.
    pub(crate) fn end(mut self) -> Result<PathBuf> {
        let ended = self.unwritten.and_then(|()| self.to.flush());
        ended.with_context(|| format!("cannot write {}", self.path.display()))?;
        Ok(self.path)
    }
}

/// What is wrong with a row, for one line of the file: the codes, the places and the messages of its problems.
pub(crate) fn in_one_row(problems: &[Problem]) -> (Option<String>, Option<String>, Option<String>) {
    let each = |of: fn(&Problem) -> Option<&str>, mark: &str| {
        let each: Vec<&str> = problems.iter().filter_map(of).collect();
        (!each.is_empty()).then(|| each.join(mark))
    };
    let code = each(|problem| Some(problem.code), " ");
    (code, each(|problem| problem.path.as_deref(), " "), each(|problem| Some(&problem.message), "; "))
}

/// A message and a further remark in one cell.
pub(crate) fn remark(message: Option<String>, note: Option<&str>) -> Option<String> {
    match (message, note) {
        (Some(message), Some(note)) => Some(format!("{message}; {note}")),
        (message, note) => message.or_else(|| note.map(str::to_owned)),
    }
}

fn are_same_file(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

fn text(cell: &Value) -> String {
    match cell {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
