//! The progress of an import: a bar on a terminal, otherwise a line from time to time.
//!
//! It shows how far the files are read. It never says what became of a record.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;

use crate::cli::terminal::{ProgressLine, message};
use crate::import::mapped::RowResult;
use crate::import::read::Format;

/// The characters of the bar.
const BAR: u64 = 30;
/// How many results there are between two states of the bar.
const SHOWN_EVERY: u64 = 500;
/// How many results there are between two lines.
const SAID_EVERY: u64 = 100_000;

/// The progress of an import of some files.
pub(super) struct Progress {
    bar: Option<ProgressLine>,
    /// The lines of the files before each one, and of all.
    lines: Option<Lines>,
    results: u64,
}

/// The lines of files.
struct Lines {
    before: Vec<u64>,
    all: u64,
}

impl Progress {
    /// The progress of files of this format. The lines of a workbook are not known before it is read.
    pub(super) fn of(paths: &[PathBuf], format: Format) -> Self {
        let lines = if format == Format::Xlsx { None } else { Lines::of(paths).ok() };
        Self { bar: ProgressLine::on_terminal(), lines, results: 0 }
    }

    /// Takes the next result.
    pub(super) fn take(&mut self, result: &RowResult) {
        self.results += 1;
        let every = if self.bar.is_some() { SHOWN_EVERY } else { SAID_EVERY };
        if !self.results.is_multiple_of(every) {
            return;
        }
        let text = match (&self.lines, result.file.zip(result.line)) {
            (Some(lines), Some((file, line))) => lines.shown(lines.before[file] + line, self.results),
            _ => format!("{} records", self.results),
        };
        match &mut self.bar {
            Some(bar) => bar.show(text),
            None => message(text),
        }
    }
}

impl Lines {
    fn of(paths: &[PathBuf]) -> std::io::Result<Self> {
        let mut lines = Self { before: Vec::with_capacity(paths.len()), all: 0 };
        for path in paths {
            lines.before.push(lines.all);
            let mut file = BufReader::with_capacity(1 << 20, std::fs::File::open(path)?);
            loop {
                let part = file.fill_buf()?;
                if part.is_empty() {
                    break;
                }
                lines.all += part.split(|byte| *byte == b'\n').count() as u64 - 1;
                let read = part.len();
                file.consume(read);
            }
        }
        Ok(lines)
    }

    /// A bar with the share of lines that are done, and the number of records.
    fn shown(&self, line: u64, records: u64) -> String {
        let all = self.all.max(1);
        let share = line.min(all);
        let done = usize::try_from(share * BAR / all).unwrap_or_default();
        let bar = format!("{}{}", "#".repeat(done), ".".repeat(usize::try_from(BAR).unwrap_or_default() - done));
        format!("[{bar}] {} %, {records} records", share * 100 / all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_shows_the_share_of_all_lines_of_all_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, lines: usize| {
            let path = folder.path().join(name);
            std::fs::write(&path, "a,b\n".repeat(lines)).expect("written");
            path
        };
        let lines = Lines::of(&[file("one", 30), file("two", 90)]).expect("read");
        assert_eq!((lines.before.as_slice(), lines.all), ([0, 30].as_slice(), 120));
        assert_eq!(lines.shown(60, 55), "[###############...............] 50 %, 55 records");
        assert_eq!(lines.shown(500, 120), "[##############################] 100 %, 120 records");
        assert_eq!(Lines { before: vec![0], all: 0 }.shown(0, 0), "[..............................] 0 %, 0 records");
    }
}
