//! What two versions of a contract's rules must not have in common.
//!
//! It compares rulebooks that were read whole, and names the line at which the later one should be otherwise.

use super::reader::Report;
use super::{Rulebook, RulebookError, document};

impl Rulebook {
    /// What this version, written so, has in common with another version of the same contract and must not: its
    /// content, its name, or another zone than the contract's dates.
    pub fn overlap(&self, text: &str, other: &Self) -> Option<RulebookError> {
        if self.contract != other.contract {
            return None;
        }
        let (key, problem, remedy) = if self.hash == other.hash {
            ("version", format!("the content is that of version {} already", other.version), "leave one of the two out")
        } else if self.version == other.version {
            ("version", format!("another text is version {} already", other.version), "name this one otherwise")
        } else if self.calendar.zone != other.calendar.zone {
            ("calendar", format!("the contract's dates are of {}", other.calendar.zone), "keep that zone")
        } else {
            return None;
        };
        let mut report = Report::new(text);
        let root = document::read(text, &mut report)?;
        let at = root.get(key).map_or(0..0, toml::Spanned::span);
        report.add(at, Some(key), problem, remedy);
        report.into_errors().pop()
    }
}
