//! Records the demo's commands in a log, on a clock that follows them.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt as _;
use futures_util::stream::FuturesOrdered;
use tokio::task::coop::unconstrained;

use super::story::{Item, Story};
use crate::clock::Clock;
use crate::log::LogError;
use crate::log::append::Appended;
use crate::record::{CommandRequest, RecordError, Recorder};
use throughline_domain::fact::envelope::{CommandId, EventId, Position};

/// The result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Played {
    /// The number of commands recorded.
    pub commands: usize,
    /// The position of the last event.
    pub position: Position,
}

/// Why not all commands could be recorded.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// The log did not accept a command: the demo is wrong, or the log was not empty.
    #[error("the demo's command {command_id} of {recorded_at} was not recorded: {why:?}")]
    NotRecorded {
        /// The command.
        command_id: CommandId,
        /// The time at which it should have been recorded.
        recorded_at: DateTime<Utc>,
        /// The reason.
        why: RecordError,
    },
    /// A command depends on a fact that no earlier command stated.
    #[error("the demo's command {0} is about a fact that no earlier command stated")]
    Untold(CommandId),
    /// The claims of the contract could not be read.
    #[error("cannot read the demo's claims")]
    Claims(#[source] LogError),
    /// The live view does not follow.
    #[error("the live view did not reach position {0} in time")]
    Behind(Position),
}

/// Records the demo's commands in an empty log. The clock must be one that is set. Afterwards it shows the demo's last
/// moment.
///
/// Commands with the same recording time are sent together. Each is polled, and thereby queued, in order, and the
/// append task keeps that order.
pub async fn play(recorder: &Recorder, clock: &Clock, story: &Story) -> Result<Played, PlayError> {
    play_showing(recorder, clock, story, |_| {}).await
}

/// The progress of the recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The number of commands recorded.
    pub commands: usize,
    /// The total number of commands.
    pub of: usize,
    /// The recording time of the last of them, on the demo's clock.
    pub at: DateTime<Utc>,
}

/// The same, with a report after each recording time.
pub async fn play_showing(
    recorder: &Recorder,
    clock: &Clock,
    story: &Story,
    report: impl FnMut(Progress),
) -> Result<Played, PlayError> {
    let mut playing = Playing::of(recorder, clock, story, report);
    playing.up_to(story.items().len()).await?;
    Ok(playing.played())
}

/// A story that is being recorded.
pub(super) struct Playing<'a, R> {
    recorder: Recorder,
    clock: &'a Clock,
    story: &'a Story,
    /// The commands whose events later commands name.
    targets: HashSet<CommandId>,
    stated: HashMap<CommandId, EventId>,
    position: Position,
    commands: usize,
    report: R,
}

impl<'a, R: FnMut(Progress)> Playing<'a, R> {
    pub(super) fn of(recorder: &Recorder, clock: &'a Clock, story: &'a Story, report: R) -> Self {
        let targets: HashSet<CommandId> = story.items().iter().flat_map(|item| item.deed.targets()).copied().collect();
        let stated = HashMap::with_capacity(targets.len());
        let (position, commands) = (Position::default(), 0);
        Self { recorder: recorder.ordered(), clock, story, targets, stated, position, commands, report }
    }

    /// Records the commands up to this one, which is not recorded yet.
    pub(super) async fn up_to(&mut self, end: usize) -> Result<(), PlayError> {
        let items = &self.story.items()[self.commands..end.max(self.commands)];
        for moment in items.chunk_by(|one, other| one.recorded_at == other.recorded_at) {
            self.clock.set(moment[0].recorded_at);
            let requests = moment.iter().map(|item| request(item, &self.stated)).collect::<Result<Vec<_>, _>>()?;
            let sent = moment.iter().zip(requests).map(|(item, request)| send(&self.recorder, item, request));
            // With tokio's budget, the task would pause when it is spent and continue with the last commands first.
            let done = unconstrained(sent.collect::<FuturesOrdered<_>>().try_collect::<Vec<Appended>>()).await?;
            for (item, appended) in moment.iter().zip(&done) {
                self.position = self.position.max(appended.position());
                if let Some(event) = appended.events.last().filter(|_| self.targets.contains(&item.command_id)) {
                    self.stated.insert(item.command_id, event.event_id);
                }
            }
            self.commands += moment.len();
            let of = self.story.items().len();
            (self.report)(Progress { commands: self.commands, of, at: moment[0].recorded_at });
        }
        Ok(())
    }

    /// Notes that something beside the story was recorded, up to this position.
    pub(super) fn passed(&mut self, position: Position) {
        self.position = self.position.max(position);
    }

    /// The result so far.
    pub(super) const fn played(&self) -> Played {
        Played { commands: self.commands, position: self.position }
    }
}

async fn send(recorder: &Recorder, item: &Item, request: CommandRequest) -> Result<Appended, PlayError> {
    let (command_id, recorded_at) = (item.command_id, item.recorded_at);
    recorder.append(request).await.map_err(|why| PlayError::NotRecorded { command_id, recorded_at, why })
}

fn request(item: &Item, stated: &HashMap<CommandId, EventId>) -> Result<CommandRequest, PlayError> {
    let command = item.deed.command(|of| stated.get(&of).copied()).ok_or(PlayError::Untold(item.command_id))?;
    let request = CommandRequest::new(item.principal.clone(), item.command_id, command);
    // Real cases have warnings too, such as two calls on one day.
    Ok(request.from_source(item.source.clone()).accepting_every_warning())
}
