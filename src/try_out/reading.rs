//! Reading a file of events: windows of lines, decoded by all processors, folded in the order of the file.
//!
//! Only what outcomes look at is decoded; of everything else the line must be an event, and no more.

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
use crate::shares::processors;
use throughline_domain::contract::outcome::is_looked_at;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{Actor, EventId, Position, StreamId, StreamKind};
use throughline_domain::fact::event::EventType;

/// As much text as one processor decodes at a time: so little that the memory for it is used again and again.
const WINDOW: usize = 512 * 1024;

/// Some lines of the file, one after the other in one text.
#[derive(Default)]
struct Window {
    text: String,
    lines: Vec<(u64, Result<Range<usize>, LineError>)>,
}

/// What one line adds.
struct Decoded {
    line: u64,
    id: Uuid,
    /// A digest of its text: the same event may come twice, another under its id may not.
    text: u64,
    /// The event, if it is known and outcomes look at it.
    fact: Option<(StreamId, Recorded)>,
}

/// The events of a file by their ids: where each stands, and the digest of its text.
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
    /// Fills it with what comes next, in place of what it held; with nothing at the end.
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
    /// Takes what a line adds: an event that stands above already counts once.
    fn take(&mut self, decoded: Decoded, seen: &mut Seen) -> Result<(), LineError> {
        let Decoded { line, id, text, fact } = decoded;
        match seen.entry(id) {
            Entry::Vacant(place) => drop(place.insert((line, text))),
            Entry::Occupied(before) if before.get().1 == text => return Ok(()),
            Entry::Occupied(before) => {
                let message =
                    format!("the event {id} is on line {} with other content: give it its own id", before.get().0);
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
