//! What the log knows about a child's episodes: what earlier imports recorded, and the current facts.
//!
//! Pure: it only reads recorded events. The two differ if someone corrected a fact here. A row that repeats what an
//! earlier return said adds nothing, even after such a correction.

use std::collections::{BTreeMap, HashSet};

use chrono::NaiveDate;
use uuid::Uuid;

use super::SYSTEM;
use super::file::{CODES, Particulars};
use throughline_domain::fact::Fact;
use throughline_domain::fact::History;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{CommandId, Envelope, EventId, JourneyId, SpellId, StreamKind, SubjectId};
use throughline_domain::fact::event::{
    Attribute, DecodeError, Event, EventType, FactCorrected, FactRetracted, SpellEnded, SpellStarted,
};

/// The UUID namespace of every id that an import makes.
const IDS: Uuid = Uuid::from_u128(0x3d07_a9d2_5b64_5c1e_8f0a_b1a5_62c4_0e97);

/// A child of one contract. Every id of an import is derived from it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ids<'a> {
    pub(super) contract: &'a str,
    pub(super) child: &'a str,
}

impl Ids<'_> {
    fn id(&self, of: &str, which: &[&str]) -> Uuid {
        let name = serde_json::to_vec(&(SYSTEM, self.contract, self.child, of, which));
        Uuid::new_v5(&IDS, &name.expect("texts are JSON"))
    }

    pub(super) fn journey(&self) -> JourneyId {
        JourneyId(self.id("journey", &[]))
    }

    pub(super) fn subject(&self) -> SubjectId {
        SubjectId(self.id("subject", &[]))
    }

    /// The n-th episode of the child that begins on this day, from 0. A second one is rare.
    pub(super) fn spell(&self, began_on: NaiveDate, nth: usize) -> SpellId {
        SpellId(self.id("spell", &[&began_on.to_string(), &nth.to_string()]))
    }

    /// The command about a spell that follows this event of the journey. `None` for the first command about the spell.
    pub(super) fn command(&self, spell: SpellId, after: Option<EventId>) -> CommandId {
        let after = after.map(|event| event.to_string()).unwrap_or_default();
        CommandId(self.id("command", &[&spell.to_string(), &after]))
    }
}

/// What was recorded about one child.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) history: History,
    pub(super) is_registered: bool,
    /// The attributes without a column in the file.
    silent: Vec<&'static str>,
    /// The events that came from a return.
    ours: HashSet<EventId>,
}

/// A recorded episode.
#[derive(Debug)]
pub(super) struct KnownEpisode<'a> {
    pub(super) spell: SpellId,
    /// What the last row with new content said, limited to the file's columns.
    pub(super) said: Particulars,
    /// The current start. `None` if it was retracted.
    pub(super) start: Option<Fact<'a>>,
    /// The current end, if there is one.
    pub(super) end: Option<Fact<'a>>,
    silent: &'a [&'static str],
}

impl Known {
    /// What these events of the child's journey and subject say, for a file without columns for some attributes.
    pub(super) fn of<'a>(
        envelopes: impl IntoIterator<Item = &'a Envelope>,
        silent: &[&'static str],
    ) -> Result<Self, DecodeError> {
        let mut known = Self { silent: silent.to_vec(), ..Self::default() };
        for envelope in envelopes {
            known.learn(envelope)?;
        }
        Ok(known)
    }

    pub(super) fn learn(&mut self, envelope: &Envelope) -> Result<(), DecodeError> {
        if envelope.stream.kind == StreamKind::Subject {
            self.is_registered = true;
            return Ok(());
        }
        if envelope.source.as_ref().is_some_and(|source| source.system == SYSTEM) {
            self.ours.insert(envelope.event_id);
        }
        self.history.evolve(Recorded::decode(envelope)?);
        Ok(())
    }

    fn ours(&self) -> impl Iterator<Item = &Recorded> {
        self.history.events().iter().filter(|event| self.ours.contains(&event.event_id))
    }

    /// The current referral, and the date that an import last gave it. `None` if no import received the referral.
    pub(super) fn referral(&self) -> Option<(Fact<'_>, NaiveDate)> {
        let original = self.ours().find(|event| matches!(event.event, Event::ReferralReceived(_)))?;
        let corrected = self.corrections(original.event_id).last();
        let said = corrected.map_or(original.occurred, FactCorrected::occurred);
        Some((self.history.fact(original.event_id)?, said.earliest()))
    }

    /// The values to which imports corrected a fact, in order.
    fn corrections(&self, of: EventId) -> impl Iterator<Item = &FactCorrected> {
        self.ours().filter_map(move |event| match &event.event {
            Event::FactCorrected(correction) if correction.target == of => Some(correction),
            _ => None,
        })
    }

    /// The episodes that began on this day, according to earlier returns.
    pub(super) fn episodes<'a>(&'a self, ids: &Ids<'_>, began_on: NaiveDate) -> Vec<KnownEpisode<'a>> {
        let nth = |nth| self.started(ids.spell(began_on, nth)).map(|(original, start)| self.episode(original, start));
        (0..).map_while(nth).collect()
    }

    /// The days on which other recorded episodes began, in order, without retracted ones.
    pub(super) fn others(&self, ids: &Ids<'_>, spells: &HashSet<SpellId>) -> Vec<NaiveDate> {
        let day = |event: &Recorded| match &event.event {
            Event::SpellStarted(start) if !spells.contains(&start.spell) => Some(event.occurred.earliest()),
            _ => None,
        };
        let mut days: Vec<NaiveDate> = self.ours().filter_map(day).collect();
        days.sort_unstable();
        days.dedup();
        let is_other = |episode: &KnownEpisode<'_>| episode.start.is_some() && !spells.contains(&episode.spell);
        let others = |day: NaiveDate| {
            let count = self.episodes(ids, day).iter().filter(|episode| is_other(episode)).count();
            std::iter::repeat_n(day, count)
        };
        days.into_iter().flat_map(others).collect()
    }

    fn started(&self, spell: SpellId) -> Option<(&Recorded, &SpellStarted)> {
        self.history.events().iter().find_map(|event| match &event.event {
            Event::SpellStarted(start) if start.spell == spell => Some((event, start)),
            _ => None,
        })
    }

    fn episode<'a>(&'a self, original: &'a Recorded, start: &'a SpellStarted) -> KnownEpisode<'a> {
        let corrected = self.corrections(original.event_id).filter_map(|correction| {
            let replacement = correction.replacement(original.event.event_type()).ok()?;
            if let Event::SpellStarted(start) = replacement { Some(codes(&start)) } else { None }
        });
        let mut codes = corrected.last().unwrap_or_else(|| codes(start));
        codes.retain(|attribute, _| !self.silent.contains(attribute));
        let said = Particulars { codes, ended: self.said_end(start.spell) };
        let start_now = self.history.fact(original.event_id);
        let end = self.ends(start.spell).find_map(|end| self.history.fact(end.event_id));
        KnownEpisode { spell: start.spell, said, start: start_now, end, silent: &self.silent }
    }

    /// Every end of a spell that was ever recorded, by anyone.
    fn ends(&self, of: SpellId) -> impl Iterator<Item = &Recorded> {
        let is_end = move |event: &&Recorded| matches!(&event.event, Event::SpellEnded(end) if end.spell == of);
        self.history.events().iter().filter(is_end)
    }

    /// The end of a spell as imports gave it, with their corrections applied in order.
    fn said_end(&self, of: SpellId) -> Option<(NaiveDate, Option<String>)> {
        let ends: HashSet<EventId> = self.ends(of).map(|end| end.event_id).collect();
        let mut said = None;
        for event in self.ours() {
            match &event.event {
                Event::SpellEnded(end) if end.spell == of => {
                    said = Some((event.occurred.earliest(), end.reason.clone()));
                }
                Event::FactCorrected(correction) if ends.contains(&correction.target) => {
                    if let Ok(Event::SpellEnded(end)) = correction.replacement(EventType::SpellEnded) {
                        said = Some((correction.occurred_on, end.reason));
                    }
                }
                Event::FactRetracted(FactRetracted { target, .. }) if ends.contains(target) => said = None,
                _ => {}
            }
        }
        said
    }
}

impl KnownEpisode<'_> {
    /// The current values of the attributes without a column in the file.
    pub(super) fn unsaid(&self) -> Vec<(String, Attribute)> {
        let Some(Event::SpellStarted(started)) = self.start.map(|start| start.event) else { return Vec::new() };
        let stands = |attribute: &&'static str| {
            started.attributes.get(*attribute).map(|value| ((*attribute).to_owned(), value.clone()))
        };
        self.silent.iter().filter_map(stands).collect()
    }

    /// The current content of the episode, limited to the file's columns. `None` if its start was retracted.
    pub(super) fn reads(&self) -> Option<(NaiveDate, Particulars)> {
        let start = self.start?;
        let Event::SpellStarted(started) = start.event else { return None };
        let ended = self.end.and_then(|end| match end.event {
            Event::SpellEnded(SpellEnded { reason, .. }) => Some((end.occurred.earliest(), reason.clone())),
            _ => None,
        });
        let mut codes = codes(started);
        codes.retain(|attribute, _| !self.silent.contains(attribute));
        Some((start.occurred.earliest(), Particulars { codes, ended }))
    }
}

/// The codes of the return that a spell stores.
fn codes(start: &SpellStarted) -> BTreeMap<&'static str, String> {
    let kept = |(_, attribute): (&str, &'static str)| match start.attributes.get(attribute) {
        Some(Attribute::Text(code)) => Some((attribute, code.clone())),
        _ => None,
    };
    CODES.into_iter().filter_map(kept).collect()
}
