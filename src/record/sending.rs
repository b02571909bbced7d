//! Sending: a command that is ready goes to the append task, and what became of it is read back.
//!
//! Whoever sends many at once waits for all of them and has what was recorded before read in one go: nobody holds a
//! connection of the store while others wait for one.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::NaiveDate;

use super::admission::{amends, still_may};
use super::{Decision, NotDone, Recorder};
use crate::access::Principal;
use crate::log::append::{self, Answer, Appended, Expected, Rejection, Request};
use crate::log::{Log, LogError};
use crate::telemetry::repeated::Repeated;
use throughline_domain::command::Command;
use throughline_domain::fact::History;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{CommandId, Envelope, StreamId};

static UNREAD: Repeated = Repeated::of("what was recorded before cannot be read");

/// A command that has only to be decided and written.
pub struct Ready<'a> {
    recorder: &'a Recorder,
    asked: Asked,
    request: Request<Decision>,
}

/// A command that is with the append task.
pub struct Sent {
    asked: Asked,
    waiting: append::Sent<NotDone>,
}

/// What was sent, for whoever has to look at it again where it was recorded before.
struct Asked {
    sender: (Principal, NaiveDate),
    id: CommandId,
    command: Command,
    expected: Expected,
}

impl<'a> Ready<'a> {
    pub(super) fn new(
        recorder: &'a Recorder,
        sender: (Principal, NaiveDate),
        command: Command,
        request: Request<Decision>,
    ) -> Self {
        let asked = Asked { sender, id: request.command_id, command, expected: request.expected };
        Self { recorder, asked, request }
    }

    /// Hands it to the append task and waits for what becomes of it.
    pub async fn append(self) -> Result<Appended, NotDone> {
        let recorder = self.recorder;
        let mut answers = recorder.answers(vec![self.send().await?]).await;
        answers.pop().expect("a command that is sent has an answer")
    }

    /// Hands it to the append task, which takes commands in the order in which they are sent.
    pub async fn send(self) -> Result<Sent, NotDone> {
        let Self { recorder, asked, request } = self;
        match recorder.appender.send(request).await {
            Ok(waiting) => Ok(Sent { asked, waiting }),
            Err(rejection) => Err(recorder.rejected(rejection, &asked).await),
        }
    }
}

impl Recorder {
    /// Waits for what becomes of commands that were sent, and says it in their order. What was recorded before is read
    /// for all of them together.
    pub async fn answers(&self, sent: Vec<Sent>) -> Vec<Result<Appended, NotDone>> {
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
                (Ok(Answer::Rehearsed), _) => self.replayed(asked, Vec::new(), &History::default()).await,
                (Ok(Answer::Before(..)), Ok(before)) => {
                    let (events, told) = (before.events(&asked), before.told(&asked));
                    self.replayed(asked, events, told).await
                }
                (Ok(Answer::Before(..)), Err(())) => Err(NotDone::Fault(LogError::Unreachable)),
                (Err(rejection), _) => Err(self.rejected(rejection, &asked).await),
            });
        }
        appended
    }

    /// What a command did the first time, for whoever may still do it and see it. Where that cannot be told, the command
    /// is in the log all the same.
    async fn replayed(&self, asked: Asked, events: Vec<Envelope>, told: &History) -> Result<Appended, NotDone> {
        let may = still_may(self.asked(), asked.sender, (&asked.command, told), &events).await;
        may.map_err(|fault| {
            UNREAD.met(&fault);
            NotDone::Fault(LogError::Unreachable)
        })??;
        Ok(Appended { events, replayed: true })
    }

    async fn rejected(&self, rejection: Rejection<NotDone>, asked: &Asked) -> NotDone {
        match rejection {
            Rejection::Refused(not_done) => not_done,
            Rejection::CommandIdReused => NotDone::CommandIdReused,
            Rejection::DryRun(events) => NotDone::DryRun(events),
            Rejection::Fault(fault) => NotDone::Fault(fault),
            Rejection::Conflict { expected, actual } => {
                debug_assert_eq!(expected, asked.expected);
                self.conflict(asked.command.stream(), expected, actual).await
            }
        }
    }
}

/// What commands did that were recorded before, and the streams of those that amend something.
struct Before {
    by_command: HashMap<(String, CommandId), Vec<Envelope>>,
    streams: HashMap<StreamId, History>,
    none: History,
}

impl Before {
    async fn read<'a>(log: &Log, asked: impl Iterator<Item = &'a Asked>) -> Result<Self, LogError> {
        let mut before = Self { by_command: HashMap::new(), streams: HashMap::new(), none: History::default() };
        let (mut ids, mut streams): (BTreeMap<&str, Vec<CommandId>>, HashSet<StreamId>) = Default::default();
        for asked in asked {
            ids.entry(&asked.sender.0.subject).or_default().push(asked.id);
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

    fn events(&self, asked: &Asked) -> Vec<Envelope> {
        self.by_command.get(&(asked.sender.0.subject.clone(), asked.id)).cloned().unwrap_or_default()
    }

    fn told(&self, asked: &Asked) -> &History {
        self.streams.get(&asked.command.stream()).unwrap_or(&self.none)
    }
}
