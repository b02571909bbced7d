//! Reading a file of events: windows of lines, decoded by all processors, folded in the order of the file.
//!
//! Only what outcomes look at is decoded; of everything else the line must be an event, and no more.

use std::io::Read;
use std::ops::Range;

use chrono::{DateTime, Utc};

use super::{Streams, Trial, TryError};
use crate::cloud_event::{self, CloudEvent, LineError};
use crate::contract::outcome::is_looked_at;
use crate::import::lines::Lines;
use crate::journey::Recorded;
use crate::journey::event::EventType;
use crate::log::envelope::{Actor, EventId, Position, StreamId, StreamKind};
use crate::shares::processors;

/// As much text as one processor decodes at a time: so little that the memory for it is used again and again.
const WINDOW: usize = 512 * 1024;

/// Some lines of the file, one after the other in one text.
#[derive(Default)]
struct Window {
    text: String,
    lines: Vec<(u64, Result<Range<usize>, LineError>)>,
}

/// What one line adds.
type Decoded = Result<Option<(StreamId, Recorded)>, TryError>;

pub(super) fn read(trial: &Trial<'_>, events: impl Read) -> Result<Streams, TryError> {
    let mut lines = Lines::of(events);
    let mut streams = Streams::default();
    let mut windows: Vec<Window> = (0..processors()).map(|_| Window::default()).collect();
    loop {
        for window in &mut windows {
            window.fill(&mut lines)?;
        }
        if windows[0].lines.is_empty() {
            return Ok(streams);
        }
        let decoded: Vec<Vec<Decoded>> = std::thread::scope(|scope| {
            let at_work: Vec<_> = windows.iter().map(|window| scope.spawn(|| decode(trial, window))).collect();
            at_work.into_iter().map(|part| part.join().expect("decoding lines does not panic")).collect()
        });
        for decoded in decoded.into_iter().flatten() {
            streams.events += 1;
            if let Some((stream, recorded)) = decoded? {
                streams.add(stream, recorded);
            }
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

fn decode(trial: &Trial<'_>, window: &Window) -> Vec<Decoded> {
    let lines = window.lines.iter().map(|(number, line)| {
        let text = line.as_ref().map_err(Clone::clone).map(|range| &window.text[range.clone()]);
        let decoded = text.and_then(|text| one(trial, *number, text));
        decoded.map_err(|error| TryError::Line { line: *number, error })
    });
    lines.collect()
}

fn one(trial: &Trial<'_>, number: u64, line: &str) -> Result<Option<(StreamId, Recorded)>, LineError> {
    let event = cloud_event::from_line(line)?;
    let zone = trial.rulebook.calendar.zone;
    let is_known = trial.known_at.is_none_or(|known| known.knows(&event, zone));
    if !is_known || !is_looked_at(event.event_type) {
        return Ok(None);
    }
    let is_referral = event.event_type == EventType::ReferralReceived;
    if is_referral && event.data.contract.is_none() {
        return Err(LineError::at("data.contract", "missing: write the code of the contract"));
    }
    let position = i64::try_from(number).expect("a file has fewer lines than that");
    let CloudEvent { id, stream, recorded_at, .. } = event;
    let recorded = Recorded {
        event_id: EventId(id),
        position: Position(position),
        version: position,
        occurred: event.occurred(Some(zone))?,
        event: event.event()?,
        contract: event.data.contract.filter(|_| is_referral),
        recorded_at: recorded_at.unwrap_or(DateTime::<Utc>::MIN_UTC),
        actor: Actor { subject: String::new(), role: String::new(), on_behalf_of: None },
    };
    Ok(Some((stream, recorded)))
}

impl Streams {
    fn add(&mut self, stream: StreamId, recorded: Recorded) {
        let streams = match stream.kind {
            StreamKind::Journey => &mut self.journeys,
            StreamKind::Subject => &mut self.subjects,
            _ => return,
        };
        streams.entry(stream.id).or_default().evolve(recorded);
    }
}
