//! Checks a rulebook against another version of the same contract.
//!
//! A fault names the line of the later version that must change.

use super::reader::Report;
use super::{Rulebook, RulebookError, canonical_toml};

impl Rulebook {
    /// The fault of this version, with this text, beside another version of the same contract: the same content, the
    /// same name, or a different time zone.
    pub fn overlap(&self, text: &str, other: &Self) -> Option<RulebookError> {
        if self.contract != other.contract {
            return None;
        }
        let (key, problem, remedy) = if self.hash == other.hash {
            ("version", format!("version {} already has this content", other.version), "leave one of the two out")
        } else if self.version == other.version {
            ("version", format!("another text is already version {}", other.version), "give this one another name")
        } else if self.calendar.zone != other.calendar.zone {
            ("calendar", format!("the dates of the contract are in the zone {}", other.calendar.zone), "keep that zone")
        } else {
            return None;
        };
        let mut report = Report::new(text);
        let root = canonical_toml::read(text, &mut report)?;
        let at = root.get(key).map_or(0..0, toml::Spanned::span);
        report.add(at, Some(key), problem, remedy);
        report.into_errors().pop()
    }
}
