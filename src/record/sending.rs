//! Sending: a prepared command goes to the append task, and its result is read back.
//!
//! A sender of many commands waits for all of them and reads earlier recordings in one query. It never holds a
//! connection of the store while another sender waits for one.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::authorization::{Earlier, amends, still_may};
use super::{Decision, RecordError, Recorder, Sender};
use crate::log::append::{self, Answer, Appended, Expected, Rejection, Request};
use crate::log::{Log, LogError};
use crate::telemetry::repeated::Repeated;
use throughline_domain::command::Command;
use throughline_domain::fact::History;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{CommandId, Envelope, StreamId};

static UNREAD: Repeated = Repeated::of("the result of a repeated command cannot be read");

/// A command that only needs to be decided and written.
pub struct PreparedCommand<'a> {
    recorder: &'a Recorder,
    asked: SentCommand,
    request: Request<Decision>,
}

/// A command that was given to the append task.
pub struct Sent {
    asked: SentCommand,
    waiting: append::Sent<RecordError>,
}

/// What was sent, kept to check a command that was already recorded.
struct SentCommand {
    sender: Sender,
    id: CommandId,
    command: Command,
    expected: Expected,
}

impl<'a> PreparedCommand<'a> {
    pub(super) fn new(recorder: &'a Recorder, sender: Sender, command: Command, request: Request<Decision>) -> Self {
        let asked = SentCommand { sender, id: request.command_id, command, expected: request.expected };
        Self { recorder, asked, request }
    }

    /// Gives the command to the append task and waits for the result.
    pub async fn append(self) -> Result<Appended, RecordError> {
        let recorder = self.recorder;
        let mut answers = recorder.answers(vec![self.send().await?]).await;
        answers.pop().expect("a command that is sent has an answer")
    }

    /// Gives the command to the append task, which keeps the order in which commands are sent.
    pub async fn send(self) -> Result<Sent, RecordError> {
        let Self { recorder, asked, request } = self;
        match recorder.appender.send(request).await {
            Ok(waiting) => Ok(Sent { asked, waiting }),
            Err(rejection) => Err(recorder.rejected(rejection, &asked).await),
        }
    }
}

impl Recorder {
    /// Waits for the results of commands that were sent, and returns them in order. Earlier recordings are read for all
    /// of them together.
    pub async fn answers(&self, sent: Vec<Sent>) -> Vec<Result<Appended, RecordError>> {
        let mut answered = Vec::with_capacity(sent.len());
        for Sent { asked, waiting } in sent {
            answered.push((asked, waiting.answer().await));
        }
        let before = answered.iter().filter(|(_, answer)| matches!(answer, Ok(Answer::Before(..))));
        let before = match Before::read(&self.log, before.map(|(asked, _)| asked)).await {
            Ok(before) => Ok(before),
            Err(fault) => {
                UNREAD.met(&fault);
                Err(())
            }
        };
        let mut appended = Vec::with_capacity(answered.len());
        for (asked, answer) in answered {
            appended.push(match (answer, &before) {
                (Ok(Answer::New(events)), _) => Ok(Appended { events, replayed: false }),
                (Ok(Answer::RepeatedInDryRun), _) => self.replayed(asked, Vec::new(), &History::default()).await,
                (Ok(Answer::Before(..)), Ok(before)) => {
                    let (events, stream_history) = (before.events(&asked), before.stream_history(&asked));
                    self.replayed(asked, events, stream_history).await
                }
                (Ok(Answer::Before(..)), Err(())) => Err(RecordError::Fault(LogError::Unreachable)),
                (Err(rejection), _) => Err(self.rejected(rejection, &asked).await),
            });
        }
        appended
    }

    /// The first result of a repeated command, if the sender may still send it and see its events. If that cannot be
    /// checked, the command is still in the log.
    async fn replayed(
        &self,
        asked: SentCommand,
        events: Vec<Envelope>,
        stream_history: &History,
    ) -> Result<Appended, RecordError> {
        let earlier = Earlier { command: &asked.command, stream_history, events: &events };
        let may = still_may(self.mode.limiting_view(), asked.sender, earlier).await;
        may.map_err(|fault| {
            UNREAD.met(&fault);
            RecordError::Fault(LogError::Unreachable)
        })??;
        Ok(Appended { events, replayed: true })
    }

    async fn rejected(&self, rejection: Rejection<RecordError>, asked: &SentCommand) -> RecordError {
        match rejection {
            Rejection::Refused(refused) => refused,
            Rejection::CommandIdReused => RecordError::CommandIdReused,
            Rejection::DryRun(events) => RecordError::DryRun(events),
            Rejection::Fault(fault) => RecordError::Fault(fault),
            Rejection::Conflict { expected, actual } => {
                debug_assert_eq!(expected, asked.expected);
                self.conflict(asked.command.stream(), expected, actual).await
            }
        }
    }
}

/// The first results of repeated commands, and the streams of those that amend facts.
struct Before {
    by_command: HashMap<(String, CommandId), Vec<Envelope>>,
    streams: HashMap<StreamId, History>,
    none: History,
}

impl Before {
    async fn read<'a>(log: &Log, asked: impl Iterator<Item = &'a SentCommand>) -> Result<Self, LogError> {
        let mut before = Self { by_command: HashMap::new(), streams: HashMap::new(), none: History::default() };
        let (mut ids, mut streams): (BTreeMap<&str, Vec<CommandId>>, HashSet<StreamId>) = Default::default();
        for asked in asked {
            ids.entry(&asked.sender.principal.subject).or_default().push(asked.id);
            if amends(&asked.command) {
                streams.insert(asked.command.stream());
            }
        }
        for (actor, ids) in ids {
            for envelope in log.of_commands(actor, &ids).await? {
                let key = (actor.to_owned(), envelope.command_id);
                before.by_command.entry(key).or_default().push(envelope);
            }
        }
        if !streams.is_empty() {
            for envelope in log.streams(streams.into_iter().map(|stream| (stream, 0))).await? {
                let recorded = Recorded::decode(&envelope).map_err(|error| LogError::Payload(Box::new(error)))?;
                before.streams.entry(envelope.stream).or_default().evolve(recorded);
            }
        }
        Ok(before)
    }

    fn events(&self, asked: &SentCommand) -> Vec<Envelope> {
        self.by_command.get(&(asked.sender.principal.subject.clone(), asked.id)).cloned().unwrap_or_default()
    }

    fn stream_history(&self, asked: &SentCommand) -> &History {
        self.streams.get(&asked.command.stream()).unwrap_or(&self.none)
    }
}
