//! The terminal: which stream takes what, a line of progress, and text that fits.
//!
//! Results go to standard output, so that they can be piped. Messages and progress go to standard error. Progress is
//! shown on a terminal only. Nothing is coloured.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, StdoutLock, Write as _};

/// The most columns of a help text.
pub(super) const HELP_WIDTH: usize = 100;
/// The most columns of a line of text in a table: a terminal of 120 columns, without the indents.
pub(super) const TEXT_WIDTH: usize = 116;

/// Goes back to the start of the line and clears it.
const CLEAR: &str = "\r\x1b[K";

/// Standard output, for results.
pub(super) fn out() -> StdoutLock<'static> {
    io::stdout().lock()
}

/// Prints a message to standard error.
pub(super) fn message(text: impl Display) {
    // If standard error is closed, there is nowhere to report it.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A line of progress that changes. It disappears when it is dropped.
pub(super) struct ProgressLine {
    is_shown: bool,
}

impl ProgressLine {
    /// A line on standard error. `None` if that is not a terminal.
    pub(super) fn on_terminal() -> Option<Self> {
        io::stderr().is_terminal().then_some(Self { is_shown: false })
    }

    /// Shows a text instead of the last one.
    pub(super) fn show(&mut self, text: impl Display) {
        self.is_shown = true;
        write(&format!("{CLEAR}{text}"));
    }

    /// Clears the line.
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            write(CLEAR);
        }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.clear();
    }
}

fn write(text: &str) {
    // If standard error is closed, there is nowhere to show progress.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// A text of at most this many characters. A cut text ends with an ellipsis.
pub(super) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

/// A text in lines that fit a table, broken between words. Lines after the first are indented.
pub(super) fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= TEXT_WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) => lines.push(format!("  {word}")),
            None => lines.push(word.to_owned()),
        }
    }
    lines
}
