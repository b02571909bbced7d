//! The recorded history of a case: its events, decoded, up to a log position.
//!
//! A history that was read is kept in memory. The next query reads only the events recorded since, from the log, so
//! that it does not matter which node appended them. Only [`case_histories`] checks who may read a case, and no access
//! decision is kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_graphql::{Context, Result};

use crate::graphql::context::{self, OrFault as _, RequestContext as _};
use crate::graphql::event::Event;
use crate::graphql::point_in_time::KnownUpTo;
use crate::log::{Log, LogError};
use throughline_domain::fact::History;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{Envelope, EventId, JourneyId, StreamId};

/// The most events in all kept histories together. One event takes about a kilobyte.
const EVENTS_KEPT: usize = 80_000;
/// The most events in a history that is kept.
const LONGEST_KEPT: usize = 2_000;

/// The history of a case with its recorded events, up to a log position.
#[derive(Debug, Clone)]
pub struct CaseHistory {
    known: KnownUpTo,
    history: History,
    envelopes: Vec<Envelope>,
}

impl CaseHistory {
    /// The history from the events of one stream, up to a log position; none if no event is known by then.
    pub fn of(envelopes: Vec<Envelope>, known: KnownUpTo) -> Result<Option<Self>, LogError> {
        let mut story = Self { known, history: History::default(), envelopes: Vec::new() };
        story.append(envelopes.into_iter().filter(|envelope| known.covers(envelope.position)))?;
        Ok((!story.envelopes.is_empty()).then_some(story))
    }

    /// Adds the next events of the stream.
    fn append(&mut self, envelopes: impl IntoIterator<Item = Envelope>) -> Result<(), LogError> {
        for envelope in envelopes {
            let recorded = Recorded::decode(&envelope).map_err(|error| LogError::Payload(Box::new(error)))?;
            self.history.evolve(recorded);
            self.envelopes.push(envelope);
        }
        Ok(())
    }

    /// The part of a history up to a log position; none if no event is known by then.
    pub fn as_known(whole: &Arc<Self>, known: KnownUpTo) -> Option<Arc<Self>> {
        if known == KnownUpTo::ALL {
            return Some(Arc::clone(whole));
        }
        let events = whole.history.events().iter().filter(|event| known.covers(event.position)).cloned();
        let envelopes = whole.envelopes.iter().filter(|envelope| known.covers(envelope.position)).cloned();
        let part = Self { known, history: History::of(events), envelopes: envelopes.collect() };
        (!part.envelopes.is_empty()).then(|| Arc::new(part))
    }

    /// The last log position used.
    pub(in crate::graphql) const fn known(&self) -> KnownUpTo {
        self.known
    }

    pub(in crate::graphql) const fn history(&self) -> &History {
        &self.history
    }

    /// The event with this id.
    pub(super) fn event(&self, id: EventId) -> Option<Event> {
        self.envelopes.iter().find(|envelope| envelope.event_id == id).cloned().map(Event)
    }

    /// The code of the case's contract.
    pub fn contract(&self) -> Option<&str> {
        self.history.contract()
    }
}

/// The kept histories, for later queries.
#[derive(Debug, Default)]
pub struct CaseHistories {
    kept: Mutex<Kept>,
}

/// The kept histories and their total number of events.
#[derive(Debug, Default)]
struct Kept {
    stories: HashMap<JourneyId, Arc<CaseHistory>>,
    events: usize,
}

impl Kept {
    fn take(&mut self, id: JourneyId) {
        if let Some(gone) = self.stories.remove(&id) {
            self.events -= gone.envelopes.len();
        }
    }

    fn keep(&mut self, id: JourneyId, story: &Arc<CaseHistory>) {
        self.take(id);
        let events = story.envelopes.len();
        if events > LONGEST_KEPT {
            return;
        }
        if self.events + events > EVENTS_KEPT {
            // Which histories are dropped is random. If a round of queries needs more than fits, some are then still
            // found.
            let mut stays = false;
            self.stories.retain(|_, _| {
                stays = !stays;
                stays
            });
            self.events = self.stories.values().map(|story| story.envelopes.len()).sum();
        }
        self.events += events;
        self.stories.insert(id, Arc::clone(story));
    }
}

impl CaseHistories {
    /// The histories of these cases as the log has them now. One statement reads the events not kept yet.
    async fn read(&self, log: &Log, ids: &[JourneyId]) -> Result<HashMap<JourneyId, Arc<CaseHistory>>, LogError> {
        let mut stories: HashMap<JourneyId, Arc<CaseHistory>> = {
            let kept = self.kept();
            ids.iter().filter_map(|id| Some((*id, Arc::clone(kept.stories.get(id)?)))).collect()
        };
        let version = |id| stories.get(id).map_or(0, |story: &Arc<CaseHistory>| story.history.version());
        let after = ids.iter().map(|id| (StreamId::journey(*id), version(id)));
        let mut new: HashMap<JourneyId, Vec<Envelope>> = HashMap::new();
        for envelope in log.streams(after).await? {
            new.entry(JourneyId(envelope.stream.id)).or_default().push(envelope);
        }
        for (id, envelopes) in new {
            let story = match stories.remove(&id) {
                None => CaseHistory::of(envelopes, KnownUpTo::ALL)?,
                Some(begun) => {
                    // If no other query uses the history, it is extended in place.
                    self.kept().take(id);
                    let mut story = Arc::unwrap_or_clone(begun);
                    story.append(envelopes)?;
                    Some(story)
                }
            };
            if let Some(story) = story.map(Arc::new) {
                self.kept().keep(id, &story);
                stories.insert(id, story);
            }
        }
        Ok(stories)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("no code panics while it holds the lock")
    }
}

/// The histories of many cases at a knowledge date, limited to those that the caller may read, in one read.
pub async fn case_histories(
    ctx: &Context<'_>,
    ids: impl Iterator<Item = JourneyId>,
    known: KnownUpTo,
) -> Result<HashMap<JourneyId, Arc<CaseHistory>>> {
    let (kept, ids): (&Arc<CaseHistories>, Vec<JourneyId>) = (ctx.data_unchecked(), ids.collect());
    let read = kept.read(&ctx.app().log, &ids).await.or_fault()?;
    let known_part = |(id, whole)| Some((id, CaseHistory::as_known(&whole, known)?));
    let mut stories: HashMap<JourneyId, Arc<CaseHistory>> = read.into_iter().filter_map(known_part).collect();
    let named: Vec<(JourneyId, &str)> =
        stories.iter().filter_map(|(id, story)| Some((*id, story.contract()?))).collect();
    let readable = context::readable(ctx, &named).await?;
    stories.retain(|id, _| readable.contains(id));
    Ok(stories)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn event(version: usize) -> Envelope {
        let record = json!({
            "position": version, "event_id": Uuid::nil(), "stream": { "kind": "journey", "id": Uuid::nil() },
            "version": version, "type": "ContactLogged", "schema_version": 1, "contract": "shps",
            "occurred_on": "2018-02-01", "local_time": null, "precision": "day",
            "recorded_at": "2018-02-01T09:00:00.000000Z",
            "actor": { "subject": "ann", "role": "keyworker", "on_behalf_of": null }, "source": null,
            "command_id": Uuid::nil(), "correlation_id": null, "causation_id": null, "payload": {},
            "salt": "00000000000000000000000000000000",
        });
        Envelope::from_record(&record.to_string()).expect("a record")
    }

    fn story(events: usize) -> Arc<CaseHistory> {
        let envelopes = (1..=events).map(event).collect();
        Arc::new(CaseHistory { known: KnownUpTo::ALL, history: History::default(), envelopes })
    }

    const fn id(n: usize) -> JourneyId {
        JourneyId(Uuid::from_u128(n as u128))
    }

    #[test]
    fn kept_histories_never_exceed_the_limit() {
        let (mut kept, of_a_thousand) = (Kept::default(), story(1_000));
        for n in 0..3 * EVENTS_KEPT / 1_000 {
            kept.keep(id(n), &of_a_thousand);
            let events: usize = kept.stories.values().map(|story| story.envelopes.len()).sum();
            assert_eq!(kept.events, events);
            assert!(events <= EVENTS_KEPT, "{events}");
            assert!(kept.stories.contains_key(&id(n)), "the latest history is kept");
        }
        assert!(kept.events >= EVENTS_KEPT / 2);
    }

    #[test]
    fn a_longer_history_replaces_its_beginning_and_one_that_is_too_long_is_not_kept() {
        let mut kept = Kept::default();
        kept.keep(id(1), &story(3));
        kept.keep(id(1), &story(4));
        kept.keep(id(2), &story(LONGEST_KEPT + 1));
        assert_eq!((kept.events, kept.stories.len()), (4, 1));
        kept.keep(id(1), &story(LONGEST_KEPT + 1));
        assert_eq!((kept.events, kept.stories.len()), (0, 0));
    }
}
