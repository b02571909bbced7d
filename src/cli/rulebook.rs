//! `rulebook`: what a rulebook says, before anybody publishes it.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::commands::{complain, complain_of};
use super::{BadFile, Ending};
use crate::contract::Rulebook;
use crate::contract::rulebook::{packs, sentences};

/// The text of a rulebook: of a pack that ships, or of a file.
pub(super) fn text(named: &str) -> Result<String> {
    match packs::pack(named) {
        Some(pack) => Ok(pack.text.to_owned()),
        None => read(Path::new(named)),
    }
}

/// The text of a rulebook's file.
pub(super) fn read(path: &Path) -> Result<String> {
    let read = std::fs::read_to_string(path);
    read.map_err(|source| BadFile { doing: "read the rulebook", path: path.to_owned(), source }).with_context(|| {
        let packs: Vec<_> = packs::packs().iter().map(|pack| pack.code).collect();
        format!("give a rulebook's file, or one of the packs {}", packs.join(", "))
    })
}

pub(super) fn check(named: &[String]) -> Result<Ending> {
    let mut ending = Ending::Done;
    let mut read: Vec<(&String, String, Rulebook)> = Vec::new();
    for name in named {
        let text = text(name)?;
        match Rulebook::parse(&text) {
            Ok(rulebook) => read.push((name, text, rulebook)),
            Err(errors) => ending = complain_of(name, &errors),
        }
    }
    for (at, (name, text, rulebook)) in read.iter().enumerate() {
        for (earlier, _, other) in &read[..at] {
            if let Some(error) = rulebook.overlap(text, other) {
                complain(&format!("{name}: {error} (as in {earlier})"));
                ending = Ending::WrongUse;
            }
        }
    }
    let mut out = std::io::stdout().lock();
    for (name, _, rulebook) in &read {
        writeln!(out, "{name}")?;
        for sentence in sentences::of(rulebook) {
            writeln!(out, "  {sentence}")?;
        }
    }
    Ok(ending)
}

pub(super) fn hash(named: &str) -> Result<Ending> {
    match Rulebook::parse(&text(named)?) {
        Ok(rulebook) => {
            writeln!(std::io::stdout().lock(), "{}", rulebook.hash())?;
            Ok(Ending::Done)
        }
        Err(errors) => Ok(complain_of(named, &errors)),
    }
}
