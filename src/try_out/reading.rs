//! Reads a file of events: windows of lines, decoded on all processors and folded in the order of the file.
//!
//! Only events that outcomes depend on are decoded. Every other line only has to be a valid event.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Read;
use std::ops::Range;

use uuid::Uuid;

use super::known::recorded_at;
use super::{Streams, Trial, TryError};
use crate::cloud_event::{self, CloudEvent, LineError};
use crate::import::lines::Lines;
use crate::parallel::processors;
use throughline_domain::contract::outcome::is_looked_at;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{Actor, EventId, Position, StreamId, StreamKind};
use throughline_domain::fact::event::EventType;

/// The amount of text that one processor decodes at a time. It is small, so that its memory is reused.
const WINDOW: usize = 512 * 1024;

/// Consecutive lines of the file in one text.
#[derive(Default)]
struct Window {
    text: String,
    lines: Vec<(u64, Result<Range<usize>, LineError>)>,
}

/// What one line adds.
struct Decoded {
    line: u64,
    id: Uuid,
    /// A digest of its text. The same event may occur twice, but a different event with the same id may not.
    text: u64,
    /// The event, if it is known and outcomes depend on it.
    fact: Option<(StreamId, Recorded)>,
}

/// The events of a file by their ids: the line of each, and the digest of its text.
type Seen = HashMap<Uuid, (u64, u64)>;

pub(super) fn read(trial: &Trial<'_>, events: impl Read) -> Result<Streams, TryError> {
    let mut lines = Lines::of(events);
    let mut streams = Streams::default();
    let mut seen = Seen::new();
    let mut windows: Vec<Window> = (0..processors()).map(|_| Window::default()).collect();
    loop {
        for window in &mut windows {
            window.fill(&mut lines)?;
        }
        if windows[0].lines.is_empty() {
            return Ok(streams);
        }
        let decoded: Vec<Vec<Result<Decoded, TryError>>> = std::thread::scope(|scope| {
            let at_work: Vec<_> = windows.iter().map(|window| scope.spawn(|| decode(trial, window))).collect();
            at_work.into_iter().map(|part| part.join().expect("decoding lines does not panic")).collect()
        });
        for decoded in decoded.into_iter().flatten() {
            streams.events += 1;
            let decoded = decoded?;
            let line = decoded.line;
            streams.take(decoded, &mut seen).map_err(|error| TryError::Line { line, error })?;
        }
    }
}

impl Window {
    /// Fills the window with the next lines. The window is empty at the end of the file.
    fn fill<R: Read>(&mut self, lines: &mut Lines<R>) -> Result<(), TryError> {
        self.text.clear();
        self.lines.clear();
        while self.text.len() < WINDOW {
            let Some((number, line)) = lines.next_line().map_err(TryError::Read)? else { break };
            let begin = self.text.len();
            let line = line.map(|line| {
                self.text.push_str(line);
                begin..self.text.len()
            });
            self.lines.push((number, line));
        }
        Ok(())
    }
}

fn decode(trial: &Trial<'_>, window: &Window) -> Vec<Result<Decoded, TryError>> {
    let lines = window.lines.iter().map(|(number, line)| {
        let text = line.as_ref().map_err(Clone::clone).map(|range| &window.text[range.clone()]);
        let decoded = text.and_then(|text| {
            let (id, fact) = one(trial, *number, text)?;
            let mut digest = DefaultHasher::new();
            text.hash(&mut digest);
            Ok(Decoded { line: *number, id, text: digest.finish(), fact })
        });
        decoded.map_err(|error| TryError::Line { line: *number, error })
    });
    lines.collect()
}

fn one(trial: &Trial<'_>, number: u64, line: &str) -> Result<(Uuid, Option<(StreamId, Recorded)>), LineError> {
    let event = cloud_event::from_line(line)?;
    let zone = trial.first().calendar.zone;
    let is_known = trial.known_at.is_none_or(|known| known.knows(&event, zone));
    if !is_known || !is_looked_at(event.event_type) {
        return Ok((event.id, None));
    }
    let is_referral = event.event_type == EventType::ReferralReceived;
    if is_referral && event.data.contract.is_none() {
        return Err(LineError::at("data.contract", "missing: write the code of the contract"));
    }
    let fact = event.event()?;
    cloud_event::check_numbers(&fact)?;
    let position = i64::try_from(number).expect("a file has fewer lines than that");
    let recorded_at = recorded_at(&event, zone);
    let CloudEvent { id, stream, .. } = event;
    let recorded = Recorded {
        event_id: EventId(id),
        position: Position(position),
        version: position,
        occurred: event.occurred(Some(zone))?,
        event: fact,
        contract: event.data.contract.filter(|_| is_referral),
        recorded_at,
        actor: Actor { subject: String::new(), role: String::new(), on_behalf_of: None },
    };
    Ok((id, Some((stream, recorded))))
}

impl Streams {
    /// Adds a line. An event that an earlier line already held counts once.
    fn take(&mut self, decoded: Decoded, seen: &mut Seen) -> Result<(), LineError> {
        let Decoded { line, id, text, fact } = decoded;
        match seen.entry(id) {
            Entry::Vacant(place) => drop(place.insert((line, text))),
            Entry::Occupied(before) if before.get().1 == text => return Ok(()),
            Entry::Occupied(before) => {
                let message = format!(
                    "the event {id} is on line {} with different content: give the event a new id",
                    before.get().0
                );
                return Err(LineError::at("id", message));
            }
        }
        if let Some((stream, recorded)) = fact {
            self.add(stream, recorded);
        }
        Ok(())
    }

    fn add(&mut self, stream: StreamId, recorded: Recorded) {
        let streams = match stream.kind {
            StreamKind::Journey => &mut self.journeys,
            StreamKind::Subject => &mut self.subjects,
            _ => return,
        };
        streams.entry(stream.id).or_default().evolve(recorded);
    }
}
