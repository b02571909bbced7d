//! Export as NDJSON: every event that the caller may see, in the order of the log, one CloudEvents object a line.
//!
//! It streams page by page, up to the position of the log at the start. It never writes part of a line.

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
        /// The event's position.
        position: Position,
        /// The cause.
        source: DecodeError,
    },
    /// The value stored beside a record is not a hash.
    #[error("the event at position {position} has no hash beside it: run `throughline log verify`")]
    Hash {
        /// The event's position.
        position: Position,
    },
    /// A published rulebook cannot be read.
    #[error("the rulebook at position {position} cannot be read: this build is older than the log")]
    Rulebook {
        /// The position of its publication.
        position: Position,
        /// What this build does not understand in it.
        errors: Vec<RulebookError>,
    },
    /// The lines could not be written.
    #[error("the lines cannot be written")]
    Write(#[from] io::Error),
}

/// Writes every event in scope, with the extensions from which a restore makes the same records. Returns the number of
/// events.
///
/// Subjects and workers belong to the deployment. If the scope names contracts, the subjects and workers that their
/// events name are exported too.
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

/// The subjects and workers named in the events in scope.
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
        // A replacement of any type names a worker under one of these keys. Subjects are never corrected.
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

/// The zones of the contracts' dates, needed to write events as lines.
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

    /// The line of an event, without a line end. Learns the zone of a contract that opens later from its rulebook.
    pub fn line(&mut self, envelope: &Envelope) -> Result<String, ExportError> {
        Ok(cloud_event::to_line(envelope, self.zone(envelope)?))
    }

    /// The line of an event with the extensions from which a restore makes the same record.
    fn kept_line(&mut self, envelope: &Envelope, kept: Kept) -> Result<String, ExportError> {
        Ok(cloud_event::to_kept_line(envelope, self.zone(envelope)?, kept))
    }

    fn zone(&mut self, envelope: &Envelope) -> Result<Tz, ExportError> {
        self.learn(envelope)?;
        let code = envelope.contract.as_deref();
        Ok(code.and_then(|code| self.by_contract.get(code)).copied().unwrap_or(DEPLOYMENT_ZONE))
    }

    /// All rulebooks of a contract have the same zone, so the first one gives it.
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
