//! What is wrong with a rulebook, said so that its author can put it right.
//!
//! It never quotes more than a key or a code, and never stops at the first fault.

use std::fmt;

/// One fault of a rulebook: where it stands, what is wrong, what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulebookError {
    /// The line of the text, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// The key as a dotted path, such as `codes.plan_kinds`; none where the text is
    /// not TOML and so has no keys yet. In a list of tables the line says which one.
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
