//! The stories of journeys: everything that was recorded of each, decoded, as far as a reading knows.
//!
//! A story that was read is kept. It is only a beginning: whoever asks for it again is told what the log holds after it,
//! which is asked anew each time, so that it does not matter which node has appended. Nothing here says who may read it
//! but [`stories`], and no answer about a journey's rights is kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_graphql::{Context, Result};

use crate::graphql::at::Known;
use crate::graphql::context::{self, Asked as _, OrFault as _};
use crate::graphql::event::Event;
use crate::log::{Log, LogError};
use throughline_domain::fact::History;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{Envelope, EventId, JourneyId, StreamId};

/// How many events the stories that are kept have together at most; one takes about a kilobyte.
const EVENTS_KEPT: usize = 80_000;
/// How many events a story has at most that is kept.
const LONGEST_KEPT: usize = 2_000;

/// The history of a journey with the events as recorded, as far as a reading knows.
#[derive(Debug, Clone)]
pub struct Story {
    known: Known,
    history: History,
    envelopes: Vec<Envelope>,
}

impl Story {
    /// What these events of one stream tell, as far as a reading knows; none if it knows none of them.
    pub fn of(envelopes: Vec<Envelope>, known: Known) -> Result<Option<Self>, LogError> {
        let mut story = Self { known, history: History::default(), envelopes: Vec::new() };
        story.go_on(envelopes.into_iter().filter(|envelope| known.covers(envelope.position)))?;
        Ok((!story.envelopes.is_empty()).then_some(story))
    }

    /// Takes the stream's next events.
    fn go_on(&mut self, envelopes: impl IntoIterator<Item = Envelope>) -> Result<(), LogError> {
        for envelope in envelopes {
            let recorded = Recorded::decode(&envelope).map_err(|error| LogError::Payload(Box::new(error)))?;
            self.history.evolve(recorded);
            self.envelopes.push(envelope);
        }
        Ok(())
    }

    /// The part of a whole story that a reading knows; none if it knows none of it.
    pub fn as_known(whole: &Arc<Self>, known: Known) -> Option<Arc<Self>> {
        if known == Known::ALL {
            return Some(Arc::clone(whole));
        }
        let events = whole.history.events().iter().filter(|event| known.covers(event.position)).cloned();
        let envelopes = whole.envelopes.iter().filter(|envelope| known.covers(envelope.position)).cloned();
        let part = Self { known, history: History::of(events), envelopes: envelopes.collect() };
        (!part.envelopes.is_empty()).then(|| Arc::new(part))
    }

    /// Until where in the log it is known.
    pub(in crate::graphql) const fn known(&self) -> Known {
        self.known
    }

    pub(in crate::graphql) const fn history(&self) -> &History {
        &self.history
    }

    /// The event of this id.
    pub(super) fn event(&self, id: EventId) -> Option<Event> {
        self.envelopes.iter().find(|envelope| envelope.event_id == id).cloned().map(Event)
    }

    /// The code of the journey's contract.
    pub fn contract(&self) -> Option<&str> {
        self.history.contract()
    }
}

/// The stories that were read, for whoever asks next.
#[derive(Debug, Default)]
pub struct Stories {
    kept: Mutex<Kept>,
}

/// Whole stories, and how many events they have together.
#[derive(Debug, Default)]
struct Kept {
    stories: HashMap<JourneyId, Arc<Story>>,
    events: usize,
}

impl Kept {
    fn take(&mut self, id: JourneyId) {
        if let Some(gone) = self.stories.remove(&id) {
            self.events -= gone.envelopes.len();
        }
    }

    fn keep(&mut self, id: JourneyId, story: &Arc<Story>) {
        self.take(id);
        let events = story.envelopes.len();
        if events > LONGEST_KEPT {
            return;
        }
        if self.events + events > EVENTS_KEPT {
            // Which of them go is left to chance: of a round that is longer than what is kept, some are found again.
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

impl Stories {
    /// The whole stories of these journeys as the log has them now, in one read of what is not known of them.
    async fn read(&self, log: &Log, ids: &[JourneyId]) -> Result<HashMap<JourneyId, Arc<Story>>, LogError> {
        let mut stories: HashMap<JourneyId, Arc<Story>> = {
            let kept = self.kept();
            ids.iter().filter_map(|id| Some((*id, Arc::clone(kept.stories.get(id)?)))).collect()
        };
        let version = |id| stories.get(id).map_or(0, |story: &Arc<Story>| story.history.version());
        let after = ids.iter().map(|id| (StreamId::journey(*id), version(id)));
        let mut new: HashMap<JourneyId, Vec<Envelope>> = HashMap::new();
        for envelope in log.streams(after).await? {
            new.entry(JourneyId(envelope.stream.id)).or_default().push(envelope);
        }
        for (id, envelopes) in new {
            let story = match stories.remove(&id) {
                None => Story::of(envelopes, Known::ALL)?,
                Some(begun) => {
                    // Where nobody else reads it, it goes on as it is.
                    self.kept().take(id);
                    let mut story = Arc::unwrap_or_clone(begun);
                    story.go_on(envelopes)?;
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
        self.kept.lock().expect("nobody panics while holding the stories")
    }
}

/// The stories of many journeys as known then, of those that the caller may read, in one read.
pub async fn stories(
    ctx: &Context<'_>,
    ids: impl Iterator<Item = JourneyId>,
    known: Known,
) -> Result<HashMap<JourneyId, Arc<Story>>> {
    let (kept, ids): (&Arc<Stories>, Vec<JourneyId>) = (ctx.data_unchecked(), ids.collect());
    let read = kept.read(&ctx.parts().log, &ids).await.or_fault()?;
    let known_part = |(id, whole)| Some((id, Story::as_known(&whole, known)?));
    let mut stories: HashMap<JourneyId, Arc<Story>> = read.into_iter().filter_map(known_part).collect();
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

    fn story(events: usize) -> Arc<Story> {
        let envelopes = (1..=events).map(event).collect();
        Arc::new(Story { known: Known::ALL, history: History::default(), envelopes })
    }

    const fn id(n: usize) -> JourneyId {
        JourneyId(Uuid::from_u128(n as u128))
    }

    #[test]
    fn what_is_kept_never_grows_beyond_its_bound() {
        let (mut kept, of_a_thousand) = (Kept::default(), story(1_000));
        for n in 0..3 * EVENTS_KEPT / 1_000 {
            kept.keep(id(n), &of_a_thousand);
            let events: usize = kept.stories.values().map(|story| story.envelopes.len()).sum();
            assert_eq!(kept.events, events);
            assert!(events <= EVENTS_KEPT, "{events}");
            assert!(kept.stories.contains_key(&id(n)), "what came last is there");
        }
        assert!(kept.events >= EVENTS_KEPT / 2);
    }

    #[test]
    fn a_story_that_went_on_takes_the_place_of_its_beginning_and_one_without_end_is_not_kept() {
        let mut kept = Kept::default();
        kept.keep(id(1), &story(3));
        kept.keep(id(1), &story(4));
        kept.keep(id(2), &story(LONGEST_KEPT + 1));
        assert_eq!((kept.events, kept.stories.len()), (4, 1));
        kept.keep(id(1), &story(LONGEST_KEPT + 1));
        assert_eq!((kept.events, kept.stories.len()), (0, 0));
    }
}
