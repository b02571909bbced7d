//! `try`: evaluates a file of events under a rulebook, without storing anything.

use std::io::BufWriter;
use std::path::Path;

use anyhow::{Context as _, Result};
use chrono::NaiveDate;

use super::Ending;
use super::files::opened;
use super::rulebook::{self, print_errors};
use super::terminal::{self, message};
use crate::try_out::{KnownAt, Trial, TryError};
use throughline_domain::contract::Rulebook;

pub(super) fn run(names: &[String], events: &Path, as_of: NaiveDate, known_at: Option<KnownAt>) -> Result<Ending> {
    let mut rulebooks = Vec::new();
    for name in names {
        let text = rulebook::text(name)?;
        // A rulebook that was already published is tried unchanged, even if a new one with this content would be
        // refused.
        match Rulebook::published(&text) {
            Ok(rules) => rulebooks.push(rules),
            Err(errors) => return Ok(print_errors(name, &errors)),
        }
        if let Err(errors) = Rulebook::parse(&text) {
            print_errors(name, &errors);
        }
    }
    let contract = rulebooks.first().map(|first| first.contract.clone()).unwrap_or_default();
    if let Some((name, other)) = names.iter().zip(&rulebooks).find(|(_, rules)| rules.contract != contract) {
        message(format_args!(
            "{name} is a rulebook of {}, not of {contract}: give rulebooks of one contract",
            other.contract
        ));
        return Ok(Ending::WrongUse);
    }
    let file = opened(events)?;
    let trial = Trial { rulebooks: &rulebooks, as_of, known_at };
    let tried = match trial.run(file, BufWriter::new(terminal::out())) {
        Ok(tried) => tried,
        Err(TryError::Line { line, error }) => {
            message(format_args!("{}: line {line}: {error}", events.display()));
            return Ok(Ending::WrongUse);
        }
        Err(other) => return Err(other).with_context(|| format!("cannot try {}", events.display())),
    };
    if tried.of_others > 0 {
        let others = tried.of_others;
        message(format_args!("{others} cases of contracts other than {contract} are left out"));
    }
    let is_nothing = tried.journeys == 0 && tried.of_others > 0;
    Ok(if is_nothing { Ending::CheckFailed } else { Ending::Done })
}
