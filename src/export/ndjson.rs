//! Export as NDJSON: every event that somebody may see, in the order of the log, a CloudEvents object a line.
//!
//! It streams page by page up to where the log stood when it began. It never writes half a line.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

use chrono_tz::Tz;
use serde_json::Value;

use crate::access::Scope;
use crate::cloud_event::{self, Kept};
use crate::log::read::Stored;
use crate::log::{Log, LogError};
use crate::record::DEPLOYMENT_ZONE;
use throughline_domain::contract::{Rulebook, RulebookError};
use throughline_domain::fact::envelope::{Envelope, Position, StreamId, WorkerId};
use throughline_domain::fact::event::{DecodeError, Event, EventType};

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A recorded event cannot be read.
    #[error("the event at position {position} cannot be read: run `throughline log verify`")]
    Payload {
        /// Where it is.
        position: Position,
        /// Why.
        source: DecodeError,
    },
    /// What stands beside a record is no hash.
    #[error("the event at position {position} has no hash beside it: run `throughline log verify`")]
    Hash {
        /// Where it is.
        position: Position,
    },
    /// A published rulebook cannot be read.
    #[error("the rulebook at position {position} cannot be read: this build is older than the log")]
    Rulebook {
        /// Where it was published.
        position: Position,
        /// What this build does not understand of it.
        errors: Vec<RulebookError>,
    },
    /// The lines could not be written.
    #[error("the lines cannot be written")]
    Write(#[from] io::Error),
}

/// Writes every event in scope, with what a restore needs to make the same records of them; gives how many.
///
/// Subjects and workers belong to the deployment: with a scope of single contracts, those that its events name come
/// along.
pub async fn ndjson(log: &Log, scope: &Scope, to: &mut impl Write) -> Result<u64, ExportError> {
    let upto = log.head().await?.position;
    let mut zones = Zones::load(log, upto).await?;
    let named = match scope {
        Scope::Deployment => HashSet::new(),
        Scope::Contracts(_) | Scope::Areas { .. } => named_streams(log, scope, upto).await?,
    };
    let (mut after, mut before, mut written) = (Position::default(), Position::default(), 0);
    loop {
        let page = log.page_as_stored(after, upto).await?;
        let Some(last) = page.last() else { break };
        after = last.envelope.position;
        for Stored { envelope, hash, .. } in &page {
            if is_within(scope, envelope) || named.contains(&envelope.stream) {
                let Ok(hash) = hash.as_slice().try_into() else {
                    return Err(ExportError::Hash { position: envelope.position });
                };
                let kept = Kept { after: before, salt: envelope.salt, hash };
                let mut line = zones.kept_line(envelope, kept)?;
                line.push('\n');
                to.write_all(line.as_bytes())?;
                (before, written) = (envelope.position, written + 1);
            }
        }
    }
    to.flush()?;
    Ok(written)
}

fn is_within(scope: &Scope, envelope: &Envelope) -> bool {
    match (scope, envelope.contract.as_deref()) {
        (Scope::Deployment, _) => true,
        (_, Some(code)) => scope.contract(code).is_some(),
        (_, None) => false,
    }
}

/// The subjects and workers that the events in scope name.
async fn named_streams(log: &Log, scope: &Scope, upto: Position) -> Result<HashSet<StreamId>, ExportError> {
    let mut named = HashSet::new();
    let mut after = Position::default();
    loop {
        let page = log.page(after, upto).await?;
        let Some(last) = page.last() else { return Ok(named) };
        after = last.position;
        for envelope in page.iter().filter(|envelope| is_within(scope, envelope)) {
            named.extend(names(envelope)?);
        }
    }
}

fn names(envelope: &Envelope) -> Result<Vec<StreamId>, ExportError> {
    let worker = |worker: Option<WorkerId>| worker.map(StreamId::worker).into_iter().collect();
    Ok(match event(envelope)? {
        Event::ReferralReceived(referral) => vec![StreamId::subject(referral.subject)],
        Event::WorkerAssigned(assigned) => worker(Some(assigned.worker)),
        Event::WorkerReleased(released) => worker(Some(released.worker)),
        Event::ContactLogged(contact) => worker(contact.worker),
        Event::TaskSet(task) => worker(task.owner),
        // Of whatever type the replacement is, a worker stands in it as one of these; a subject is never corrected.
        Event::FactCorrected(correction) => {
            let named = ["worker", "owner"].iter().find_map(|key| correction.payload.get(*key));
            worker(named.and_then(Value::as_str).and_then(|id| id.parse().ok()))
        }
        _ => Vec::new(),
    })
}

fn event(envelope: &Envelope) -> Result<Event, ExportError> {
    Event::decode(&envelope.event_type, envelope.schema_version, envelope.payload.get())
        .map_err(|source| ExportError::Payload { position: envelope.position, source })
}

/// The zones of the contracts' dates, by which events are written as lines.
#[derive(Debug, Default)]
pub struct Zones {
    by_contract: HashMap<String, Tz>,
}

impl Zones {
    /// The zones of every contract with a rulebook up to a position.
    pub async fn load(log: &Log, upto: Position) -> Result<Self, ExportError> {
        let mut zones = Self::default();
        for envelope in log.contracts(upto).await? {
            zones.learn(&envelope)?;
        }
        Ok(zones)
    }

    /// The line of an event, without its end. The zone of a contract that opens later is learnt as its rulebook passes.
    pub fn line(&mut self, envelope: &Envelope) -> Result<String, ExportError> {
        Ok(cloud_event::to_line(envelope, self.zone(envelope)?))
    }

    /// The same with what is needed to make the same record of it again.
    fn kept_line(&mut self, envelope: &Envelope, kept: Kept) -> Result<String, ExportError> {
        Ok(cloud_event::to_kept_line(envelope, self.zone(envelope)?, kept))
    }

    fn zone(&mut self, envelope: &Envelope) -> Result<Tz, ExportError> {
        self.learn(envelope)?;
        let code = envelope.contract.as_deref();
        Ok(code.and_then(|code| self.by_contract.get(code)).copied().unwrap_or(DEPLOYMENT_ZONE))
    }

    /// All rulebooks of a contract have the same zone: the first one says it.
    fn learn(&mut self, envelope: &Envelope) -> Result<(), ExportError> {
        let Some(code) = &envelope.contract else { return Ok(()) };
        if envelope.event_type != EventType::RulebookPublished.as_str() || self.by_contract.contains_key(code) {
            return Ok(());
        }
        if let Event::RulebookPublished(published) = event(envelope)? {
            let rulebook = Rulebook::parse(&published.content)
                .map_err(|errors| ExportError::Rulebook { position: envelope.position, errors })?;
            self.by_contract.insert(code.clone(), rulebook.calendar.zone);
        }
        Ok(())
    }
}
