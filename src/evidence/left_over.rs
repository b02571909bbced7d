//! Removes uploads that nobody completed or attached within a day, and objects that belong to no file.
//!
//! Whether a file is evidence of a case is asked of the log: what a fact names is never removed.

use std::time::Duration;

use chrono::TimeDelta;
use uuid::Uuid;

use super::error::EvidenceError;
use super::registry::{File, State};
use super::{EvidenceFiles, JourneyId};
use crate::log::{Log, LogError};
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{EventId, StreamId};
use throughline_domain::fact::event::{Event, EventType};

/// How long an upload is kept that nobody uses.
const KEPT_FOR: TimeDelta = TimeDelta::days(1);
/// How often left-over uploads are looked for.
const EVERY: Duration = Duration::from_mins(30);
/// The most files and objects of one round.
const ROUND: i64 = 1_000;

/// What a round removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    /// Uploads.
    pub files: usize,
    /// Objects of no file.
    pub objects: usize,
}

impl EvidenceFiles {
    /// Removes what is left over, again and again. Runs until it is aborted.
    pub async fn keep_tidy(self, log: Log) {
        loop {
            tokio::time::sleep(EVERY).await;
            if let Err(error) = self.remove_left_over(&log).await {
                tracing::warn!(%error, "left-over uploads could not be removed");
            }
        }
    }

    /// Removes what has been left over for a day.
    pub async fn remove_left_over(&self, log: &Log) -> Result<Removed, EvidenceError> {
        let mut removed = Removed::default();
        let Ok(objects) = self.objects() else { return Ok(removed) };
        let before = self.0.clock.now() - KEPT_FOR;
        for file in self.0.registry.left_over(before, ROUND).await? {
            if self.is_evidence(log, &file).await? {
                self.0.registry.keep(file.id).await?;
            } else if self.remove(&file).await? {
                removed.files += 1;
            }
        }
        for object in self.0.registry.garbage(before, ROUND).await? {
            objects.delete(object).await?;
            self.0.registry.forget(object).await?;
            removed.objects += 1;
        }
        Ok(removed)
    }

    /// Removes an upload of a caller. One that is evidence of a case stays.
    pub async fn remove_upload(&self, log: &Log, file: &File) -> Result<(), EvidenceError> {
        if self.is_evidence(log, file).await? {
            return Err(EvidenceError::InUse);
        }
        if self.remove(file).await? { Ok(()) } else { Err(EvidenceError::NoUpload) }
    }

    /// Whether a fact of the case names the file, whether or not it was corrected or retracted later.
    async fn is_evidence(&self, log: &Log, file: &File) -> Result<bool, LogError> {
        let State::Complete { sha256, .. } = &file.state else { return Ok(false) };
        names(log, file.journey, sha256).await
    }

    /// Removes a file that nobody has used since it was read, with its objects.
    pub(super) async fn remove(&self, file: &File) -> Result<bool, EvidenceError> {
        let Some(objects) = self.0.registry.remove(file).await? else { return Ok(false) };
        self.discard(objects).await;
        Ok(true)
    }

    /// Deletes objects of no file. One that cannot be deleted now is deleted by a later round.
    pub(super) async fn discard(&self, ids: Vec<Uuid>) {
        let Ok(objects) = self.objects() else { return };
        for id in ids {
            let deleted = match objects.delete(id).await {
                Ok(()) => self.0.registry.forget(id).await.map_err(EvidenceError::from),
                Err(error) => Err(error.into()),
            };
            if let Err(error) = deleted {
                tracing::warn!(object = %id, %error, "an object of the evidence store is deleted later");
            }
        }
    }
}

/// Whether a fact of a case names a digest.
async fn names(log: &Log, journey: JourneyId, sha256: &str) -> Result<bool, LogError> {
    let payload = |error: Box<dyn std::error::Error + Send + Sync>| LogError::Payload(error);
    let mut attached: Vec<EventId> = Vec::new();
    for envelope in log.stream(StreamId::journey(journey)).await? {
        let is_wanted = [EventType::EvidenceAttached, EventType::FactCorrected]
            .iter()
            .any(|wanted| wanted.as_str() == envelope.event_type);
        if !is_wanted {
            continue;
        }
        let recorded = Recorded::decode(&envelope).map_err(|error| payload(error.into()))?;
        let named = match &recorded.event {
            Event::EvidenceAttached(piece) => {
                attached.push(recorded.event_id);
                piece.sha256.clone()
            }
            Event::FactCorrected(correction) if attached.contains(&correction.target) => {
                correction.payload["sha256"].as_str().map(str::to_owned)
            }
            _ => None,
        };
        if named.as_deref() == Some(sha256) {
            return Ok(true);
        }
    }
    Ok(false)
}
