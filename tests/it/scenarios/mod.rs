//! The scenarios of tests/scenarios: texts that an auditor can read, each with what is expected. Every folder has its
//! own kind: journeys with their claims, batches, and what people do and see: days, boards, refusals, and what was
//! known when.
//!
//! A line that begins with `#` is a comment. Lines with an indent belong to the line above them.

mod batches;
mod claims;
mod facts;
mod steps;

use std::{fs, path::Path};

/// A line of a scenario, and the lines that belong to it.
struct Line<'a> {
    text: &'a str,
    words: Vec<&'a str>,
    /// With their indent.
    beneath: Vec<&'a str>,
}

impl Line<'_> {
    /// The lines that belong to it, without indent.
    fn expected(&self) -> Vec<&str> {
        self.beneath.iter().map(|line| line.trim()).collect()
    }
}

/// The lines of a scenario without comments.
fn lines(text: &str) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        if line.starts_with(' ') {
            lines.last_mut().expect("a scenario begins without an indent").beneath.push(line);
        } else {
            lines.push(Line { text: line, words: line.split_whitespace().collect(), beneath: Vec::new() });
        }
    }
    lines
}

/// The scenarios of a folder: their paths and texts.
fn texts(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios").join(folder);
    let paths = fs::read_dir(&folder).expect("the folder").map(|file| file.expect("a file").path());
    let mut paths: Vec<_> = paths.filter(|path| path.is_file()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "no scenario in {}", folder.display());
    paths.iter().map(|path| (path.display().to_string(), fs::read_to_string(path).expect("a text"))).collect()
}
