//! Records the demo's commands in a log, on a clock that follows them.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt as _;
use futures_util::stream::FuturesOrdered;
use tokio::task::coop::unconstrained;

use super::story::{Item, Story};
use crate::clock::Clock;
use crate::log::append::{Appended, Expected};
use crate::record::{Instruction, NotDone, Recorder};
use throughline_domain::fact::envelope::{CommandId, EventId, Position};
use throughline_domain::fact::refusal::RefusalCode;

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
    NotDone {
        /// The command.
        command_id: CommandId,
        /// The time at which it should have been recorded.
        recorded_at: DateTime<Utc>,
        /// The reason.
        why: NotDone,
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
    let recorder = &recorder.in_order_of_telling();
    let targets: HashSet<CommandId> = story.items().iter().flat_map(|item| item.deed.targets()).copied().collect();
    let mut stated: HashMap<CommandId, EventId> = HashMap::with_capacity(targets.len());
    let mut position = Position::default();
    let mut progress = Progress { commands: 0, of: story.items().len(), at: clock.now() };
    for moment in story.items().chunk_by(|one, other| one.recorded_at == other.recorded_at) {
        clock.set(moment[0].recorded_at);
        let instructions = moment.iter().map(|item| instruction(item, &stated)).collect::<Result<Vec<_>, _>>()?;
        let sent = moment.iter().zip(instructions).map(|(item, instruction)| send(recorder, item, instruction));
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

async fn send(recorder: &Recorder, item: &Item, instruction: Instruction) -> Result<Appended, PlayError> {
    let (command_id, recorded_at) = (item.command_id, item.recorded_at);
    recorder.append(instruction).await.map_err(|why| PlayError::NotDone { command_id, recorded_at, why })
}

fn instruction(item: &Item, stated: &HashMap<CommandId, EventId>) -> Result<Instruction, PlayError> {
    let command = item.deed.command(|of| stated.get(&of).copied()).ok_or(PlayError::Untold(item.command_id))?;
    Ok(Instruction {
        // The demo accepts warnings, because real cases have them too, such as two calls on one day.
        accept_warnings: RefusalCode::WARNINGS.iter().map(|code| code.as_str().to_owned()).collect(),
        dry_run: false,
        principal: item.principal.clone(),
        command_id: item.command_id,
        body: Vec::new(),
        expected: Expected::Any,
        source: item.source.clone(),
        command,
    })
}
