//! Records the demo's commands in a log, on a clock that follows them.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt as _;
use futures_util::stream::FuturesOrdered;
use tokio::task::coop::unconstrained;

use super::story::{Item, Story};
use crate::clock::Clock;
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
    /// A command corrects or retracts a fact that no earlier command stated.
    #[error("the demo's command {0} is about a fact that no earlier command stated")]
    Untold(CommandId),
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
    mut report: impl FnMut(Progress),
) -> Result<Played, PlayError> {
    let recorder = &recorder.ordered();
    let targets: HashSet<CommandId> = story.items().iter().flat_map(|item| item.deed.targets()).copied().collect();
    let mut stated: HashMap<CommandId, EventId> = HashMap::with_capacity(targets.len());
    let mut position = Position::default();
    let mut progress = Progress { commands: 0, of: story.items().len(), at: clock.now() };
    for moment in story.items().chunk_by(|one, other| one.recorded_at == other.recorded_at) {
        clock.set(moment[0].recorded_at);
        let requests = moment.iter().map(|item| request(item, &stated)).collect::<Result<Vec<_>, _>>()?;
        let sent = moment.iter().zip(requests).map(|(item, request)| send(recorder, item, request));
        // With tokio's budget, the task would pause when it is spent and continue with the last commands first.
        let done = unconstrained(sent.collect::<FuturesOrdered<_>>().try_collect::<Vec<Appended>>()).await?;
        for (item, appended) in moment.iter().zip(&done) {
            position = position.max(appended.position());
            if let Some(event) = appended.events.last().filter(|_| targets.contains(&item.command_id)) {
                stated.insert(item.command_id, event.event_id);
            }
        }
        progress = Progress { commands: progress.commands + moment.len(), at: moment[0].recorded_at, ..progress };
        report(progress);
    }
    Ok(Played { commands: story.items().len(), position })
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
