//! The measures that a rulebook may name: in ratios, indicators, leagues and reports.
//!
//! It checks that a measure is there, and nothing else about it.

use super::super::Rulebook;
use super::super::outcome::parse as outcome;
use super::super::reader::{Fault, Section};
use super::Measure;

/// The measures of a rulebook, while its text is read.
pub(in super::super) struct KnownMeasures {
    measures: Vec<Measure>,
    /// The codes of sections that make measures. One with a fault is not read, and its fault is reported there.
    unread: Vec<String>,
}

impl KnownMeasures {
    pub(in super::super) fn of(top: &Section<'_>, rulebook: &Rulebook) -> Self {
        let over_many = outcome::codes_over_many(top);
        let outcomes = outcome::codes(top).into_iter().filter(|code| !over_many.contains(code));
        let codes_of = |key: &str| -> Vec<String> {
            top.sections(key).iter().filter_map(|section| section.text("code")).collect()
        };
        let others = ["stage", "standard", "measure"].into_iter().flat_map(codes_of);
        Self { measures: super::measures(rulebook), unread: others.chain(outcomes).collect() }
    }

    /// The measures that could be read.
    pub(in super::super) fn measures(&self) -> &[Measure] {
        &self.measures
    }

    /// The measure of this code, if it could be read.
    pub(in super::super) fn find(&self, code: &str) -> Option<&Measure> {
        self.measures.iter().find(|measure| measure.code == code)
    }

    /// The fault of a code that is no measure. One whose section has a fault of its own has no other.
    pub(in super::super) fn unknown(&self, code: &str, remedy: impl Into<String>) -> Option<Fault> {
        let is_there = self.find(code).is_some() || self.unread.iter().any(|unread| unread == code);
        let fault = || Fault::Remedied { problem: format!("there is no measure {code:?}"), remedy: remedy.into() };
        (!is_there).then(fault)
    }
}
