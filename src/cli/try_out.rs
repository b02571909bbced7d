//! `try`: a rulebook on a file of events, with nothing stored.

use std::io::BufWriter;
use std::path::Path;

use anyhow::{Context as _, Result};
use chrono::NaiveDate;

use super::commands::{complain, complain_of};
use super::files::opened;
use super::{Ending, rulebook};
use crate::contract::Rulebook;
use crate::try_out::{KnownAt, Trial, TryError};

pub(super) fn run(rulebook: &str, events: &Path, as_of: NaiveDate, known_at: Option<KnownAt>) -> Result<Ending> {
    let rules = match Rulebook::parse(&rulebook::text(rulebook)?) {
        Ok(rules) => rules,
        Err(errors) => return Ok(complain_of(rulebook, &errors)),
    };
    let file = opened(events)?;
    let trial = Trial { rulebook: &rules, as_of, known_at };
    let tried = match trial.run(file, BufWriter::new(std::io::stdout().lock())) {
        Ok(tried) => tried,
        Err(TryError::Line { line, error }) => {
            complain(&format!("{}: line {line}: {error}", events.display()));
            return Ok(Ending::WrongUse);
        }
        Err(other) => return Err(other).with_context(|| format!("cannot try {}", events.display())),
    };
    if tried.of_others > 0 {
        let (others, contract) = (tried.of_others, &rules.contract);
        complain(&format!("{others} journeys of other contracts than {contract} are left out"));
    }
    let is_nothing = tried.journeys == 0 && tried.of_others > 0;
    Ok(if is_nothing { Ending::CheckFailed } else { Ending::Done })
}
