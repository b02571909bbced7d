//! `throughline try` on a file of events, compared with only reading and parsing that file.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::time::Instant;

use anyhow::{Context as _, Result};

use super::generate::{CONTRACT, Generated, LAST_DAY, SEED};
use super::ground::{Ground, size};
use super::report::{Figure, Limit};
use crate::cloud_event;
use crate::record::DEPLOYMENT_ZONE;
use crate::try_out::{KnownAt, Trial};
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::rulebook::packs::pack;

/// The default number of events in the file.
const EVENTS: u64 = 1_000_000;

/// Runs the measurement, which uses no store.
pub(super) fn measure(ground: &Ground) -> Result<Vec<Figure>> {
    let journeys = ground.journeys(EVENTS);
    let (events, answers) = (ground.scratch("events.ndjson"), ground.scratch("answers.ndjson"));
    let mut file = BufWriter::new(File::create(&events)?);
    for event in Generated::of(journeys, SEED) {
        writeln!(file, "{}", cloud_event::to_line(&event, DEPLOYMENT_ZONE))?;
    }
    file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    let rulebook = Rulebook::parse(pack(CONTRACT).context("it ships")?.text).ok().context("a pack is read")?;
    let known: KnownAt = "1900-01-01".parse()?;
    let run = |known_at: Option<KnownAt>| -> Result<f64> {
        let trial = Trial { rulebooks: std::slice::from_ref(&rulebook), as_of: LAST_DAY, known_at };
        let began = Instant::now();
        trial.run(File::open(&events)?, BufWriter::new(File::create(&answers)?))?;
        Ok(began.elapsed().as_secs_f64())
    };
    let (mut whole, mut read) = (Vec::new(), Vec::new());
    for round in 0..=ground.rounds() {
        tracing::info!(round, of = ground.rounds(), "trying");
        // With a knowledge date before all events, every line is read and parsed, and nothing else is done.
        let (tried, parsed) = (run(None)?, run(Some(known))?);
        if round > 0 {
            whole.push(tried);
            read.push(parsed);
        }
    }
    let figure = Figure::new("try", "s", size(journeys), whole);
    Ok(vec![figure.against("reading and parsing the same file", &read).within(Limit::at_most_times(3.0))])
}
