//! The write side of a contract: opening it and publishing its rulebooks.
//!
//! Pure and synchronous. A published rulebook was parsed in full by this build. Its hash is computed here and never
//! taken from outside.

use chrono::NaiveDate;
use chrono_tz::Tz;

use crate::command::validate::Validator;
use crate::command::{NewEvent, When};
use crate::contract::rules;
use crate::contract::{Contract, Rulebook, RulebookError};
use crate::fact::envelope::{Occurred, StreamId};
use crate::fact::event::{ContractOpened, Event, RulebookPublished};
use crate::fact::refusal::{Refusal, RefusalCode};

/// The longest rulebook, in bytes.
const RULEBOOK_MAX: usize = 256 * 1024;

/// Opens a contract with its first rulebook.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenContract {
    /// The day of the opening.
    pub when: When,
    /// Its code, name, parties and dates.
    pub fact: ContractOpened,
    /// The rulebook, as TOML.
    pub rulebook: String,
}

impl OpenContract {
    /// The time zone of the contract. None if the rulebook cannot be read.
    pub fn zone(&self) -> Option<Tz> {
        let text = Some(&self.rulebook).filter(|text| text.len() <= RULEBOOK_MAX)?;
        Rulebook::parse(text).ok().map(|rulebook| rulebook.calendar.zone)
    }
}

/// Publishes a further version of the rulebook.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishRulebook {
    /// The code of the contract.
    pub contract: String,
    /// The day of the publication.
    pub when: When,
    /// The rulebook, as TOML.
    pub rulebook: String,
}

/// Decides whether a contract may be opened: returns its first two events, or all refusals that were found.
pub(crate) fn open(
    contract: &Contract,
    command: &OpenContract,
    today: NaiveDate,
) -> Result<Vec<NewEvent>, Vec<Refusal>> {
    let OpenContract { when, fact, rulebook } = command;
    let occurred = when.decided_on(today);
    if contract.opened().is_some() {
        return Err(rules::contract_exists().alone());
    }
    let mut validator = Validator::new(today);
    validator.opening(fact);
    validator.done()?;
    let read = read(occurred, rulebook, &fact.code, today)?;
    let opened = NewEvent {
        stream: StreamId::contract(&fact.code),
        contract: Some(fact.code.clone()),
        occurred,
        event: fact.clone().into(),
    };
    Ok(vec![opened, published(&fact.code, occurred, rulebook, &read)])
}

/// Decides whether a further version of the rulebook may be published.
pub(crate) fn publish(
    contract: &Contract,
    command: &PublishRulebook,
    today: NaiveDate,
) -> Result<Vec<NewEvent>, Vec<Refusal>> {
    let PublishRulebook { contract: code, when, rulebook } = command;
    let occurred = when.decided_on(today);
    if contract.code() != Some(code) {
        return Err(Refusal::contract_not_found().alone());
    }
    let read = read(occurred, rulebook, code, today)?;
    further(contract, &read)?;
    Ok(vec![published(code, occurred, rulebook, &read)])
}

/// Reads a draft of a further version that could be published today.
pub fn draft(contract: &Contract, text: &str, today: NaiveDate) -> Result<Rulebook, Vec<Refusal>> {
    let read = read(Occurred::on(today), text, contract.code().unwrap_or_default(), today)?;
    further(contract, &read)?;
    Ok(read)
}

/// Reads a rulebook that is to be published for this contract.
fn read(occurred: Occurred, text: &str, code: &str, today: NaiveDate) -> Result<Rulebook, Vec<Refusal>> {
    let mut validator = Validator::new(today);
    validator.occurred(occurred);
    if text.len() > RULEBOOK_MAX {
        let message = format!("the rulebook has {} bytes: use at most {RULEBOOK_MAX}", text.len());
        validator.too_long("rulebook", message);
    }
    validator.done()?;
    let rulebook = Rulebook::parse(text).map_err(|errors| errors.iter().map(invalid).collect::<Vec<_>>())?;
    if rulebook.contract != code {
        let message = format!(
            "the rulebook names the contract {:?}, not {code:?}: use the contract that it names",
            rulebook.contract
        );
        let refusal = Refusal::new(RefusalCode::RulebookOfOtherContract, message).at("rulebook").by("contract");
        return Err(vec![refusal.allowing([code])]);
    }
    Ok(rulebook)
}

fn invalid(error: &RulebookError) -> Refusal {
    let refusal = Refusal::new(RefusalCode::InvalidRulebook, error.to_string()).at("rulebook");
    match &error.key {
        Some(key) => refusal.by(key),
        None => refusal,
    }
}

/// Checks that a further version does not repeat a published one or change the time zone. A version with the same first
/// day as another supersedes it.
fn further(contract: &Contract, next: &Rulebook) -> Result<(), Vec<Refusal>> {
    for published in contract.rulebooks() {
        let known = &published.rulebook;
        let (code, message) = if known.hash() == next.hash() {
            let message =
                format!("this content is already published, as version {}: there is nothing to do", known.version);
            (RefusalCode::RulebookAlreadyPublished, message)
        } else if known.version == next.version {
            let message = format!("a version {} is already published: give this one a new version name", known.version);
            (RefusalCode::RulebookVersionTaken, message)
        } else if known.calendar.zone != next.calendar.zone {
            let message = format!("the time zone of a contract cannot change: keep {}", known.calendar.zone);
            (RefusalCode::RulebookZoneChanged, message)
        } else {
            continue;
        };
        return Err(vec![Refusal::new(code, message).at("rulebook")]);
    }
    Ok(())
}

fn published(code: &str, occurred: Occurred, text: &str, rulebook: &Rulebook) -> NewEvent {
    let event = RulebookPublished { content: text.to_owned(), hash: rulebook.hash().to_owned() };
    NewEvent { stream: StreamId::contract(code), contract: Some(code.to_owned()), occurred, event: Event::from(event) }
}

#[cfg(test)]
mod tests;
