//! Dry run: judges commands exactly as the append task does, without writing.
//!
//! It sees the current log, and on top of it the events that earlier commands of the dry run would have recorded. It
//! takes no lock and no writer's connection, so it can run beside writers.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::{
    Answer, AppendTask, Appender, BATCH, Batch, Decide, Rejection, Request, State, Verdict, WAITING, Waiting,
    commands_of, gather,
};
use crate::clock::{Chance, Clock};
use crate::log::{Log, LogError, secrets};
use crate::store::{Conn, doing};
use crate::telemetry::repeated::Repeated;
use throughline_domain::fact::changed::ChangedStreams;
use throughline_domain::fact::envelope::Position;

static NOT_JUDGED: Repeated = Repeated::of("the commands of a dry run cannot be judged");

impl<D: Decide<S>, S: State> Appender<D, S> {
    /// An appender that writes nothing. The ids and positions in its answers are made up. For a command that it has
    /// already judged, it returns no events.
    pub async fn dry_run(log: Log, clock: Arc<Clock>, chance: Arc<Chance>) -> Result<Self, LogError> {
        let (key, head) = (secrets::fingerprint_key(&log).await?, log.head().await?);
        // Each stream is read once, and its cached state stays current.
        let (states, left_at, alone_since) = (HashMap::new(), None, Position::default());
        let task = AppendTask { log: log.clone(), clock, chance, key, states, left_at, alone_since };
        let batch = Batch {
            head,
            known: HashMap::new(),
            events: Vec::new(),
            commands: Vec::new(),
            changed: ChangedStreams::default(),
        };
        let (queue, waiting) = mpsc::channel(WAITING);
        tokio::spawn(DryRun { task, batch, began_at: head.position }.run(waiting));
        Ok(Self { queue, log })
    }
}

/// An append task, and the events that would be in the log by now.
struct DryRun<S> {
    task: AppendTask<S>,
    batch: Batch,
    /// The position of the log at the start. Later positions are made up here.
    began_at: Position,
}

impl<S: State> DryRun<S> {
    async fn run<D: Decide<S>>(mut self, mut waiting: mpsc::Receiver<Waiting<D, S>>) {
        let mut batch = Vec::with_capacity(BATCH);
        while waiting.recv_many(&mut batch, BATCH).await > 0 {
            gather(&mut waiting, &mut batch).await;
            let looked_up = self.look_up(&batch).await;
            for Waiting { request, reply } in batch.drain(..) {
                let answer = match &looked_up {
                    Ok(()) => self.judge(&request),
                    Err(error) => {
                        NOT_JUDGED.met(error);
                        Err(Rejection::Fault(LogError::NotBegun))
                    }
                };
                // If the caller no longer waits, it does not need the answer.
                let _ = reply.send(answer);
            }
        }
    }

    /// Reads what the commands need from the log, unless it was already read or made up.
    async fn look_up<D: Decide<S>>(&mut self, waiting: &[Waiting<D, S>]) -> Result<(), LogError> {
        let Self { task, batch, .. } = self;
        let conn = Conn::acquire(&task.log.store.reader).await;
        let mut conn = conn.map_err(doing("connect for a dry run"))?;
        let ids: Vec<_> = waiting
            .iter()
            .map(|waiting| (waiting.request.actor.subject.as_str(), waiting.request.command_id))
            .collect();
        for (id, known) in commands_of(&mut conn, &ids).await? {
            // A command judged earlier under this id takes precedence.
            batch.known.entry(id).or_insert(known);
        }
        // Streams with made-up events have changed, too.
        batch.changed.widen(task.changed(&mut conn, batch.head.position, waiting).await?);
        task.load(&mut conn, batch.head.position, &batch.changed, waiting).await?;
        Ok(())
    }

    fn judge<D: Decide<S>>(&mut self, request: &Request<D>) -> Result<Answer, Rejection<D::Refusal>> {
        let Self { task, batch, began_at } = self;
        let now = task.clock.now().max(batch.head.recorded_at);
        let verdict = task.judge(batch, request, now).map_err(Rejection::Fault)?;
        batch.commands.clear();
        match verdict {
            Verdict::Accepted(_) => Ok(Answer::New(std::mem::take(&mut batch.events))),
            Verdict::Replayed(first, last) if last <= *began_at => Ok(Answer::Before(first, last)),
            Verdict::Replayed(..) => Ok(Answer::RepeatedInDryRun),
            Verdict::Rejected(rejection) => Err(rejection),
        }
    }
}
