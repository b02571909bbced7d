//! A fault of a rulebook, with its place and what to write instead.
//!
//! A message quotes no more than a key or a code.

use std::fmt;

/// One fault of a rulebook: its place, what is wrong and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulebookError {
    /// The line in the text, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// The key as a dotted path, such as `codes.plan_kinds`; `None` where the text is not TOML and has no keys yet.
    /// In a list of tables the line shows which table is meant.
    pub key: Option<String>,
    /// What is wrong, in lower case, no full stop.
    pub problem: String,
    /// What to do, such as `write rulebook = 1`.
    pub remedy: String,
}

impl fmt::Display for RulebookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        write!(f, "{}; {}", self.problem, self.remedy)
    }
}

impl std::error::Error for RulebookError {}
