//! The people around journeys: subjects whom they are about and workers who hold them.
//!
//! Pure. These streams belong to the deployment, not to one contract. Nothing personal is recorded here: a subject is
//! a pseudonym, a worker a label.

use chrono::NaiveDate;

use crate::journey::command::{NewEvent, registered, subject_exists};
use crate::journey::event::{SubjectKind, WorkerJoined};
use crate::journey::refusal::{Refusal, RefusalCode};
use crate::journey::shape::Shape;
use crate::log::envelope::{Occurred, StreamId, SubjectId, WorkerId};

/// What somebody wants recorded about a subject or a worker.
#[derive(Debug, Clone, PartialEq)]
pub enum PeopleCommand {
    /// A person, family, site or area becomes known.
    RegisterSubject {
        /// Under which id.
        subject: SubjectId,
        /// From when on.
        occurred: Occurred,
        /// What kind of subject.
        kind: SubjectKind,
    },
    /// A keyworker or other member of staff joins.
    AddWorker {
        /// Under which id.
        worker: WorkerId,
        /// From when on.
        occurred: Occurred,
        /// Login and label.
        fact: WorkerJoined,
    },
}

impl PeopleCommand {
    /// The stream that it is about.
    pub const fn stream(&self) -> StreamId {
        match self {
            Self::RegisterSubject { subject, .. } => StreamId::subject(*subject),
            Self::AddWorker { worker, .. } => StreamId::worker(*worker),
        }
    }
}

/// Decides a command: the events that the log should take, or every refusal that is found. `known` says whether the
/// stream exists.
pub fn decide(
    command: &PeopleCommand,
    today: NaiveDate,
    known: &dyn Fn(StreamId) -> bool,
) -> Result<Vec<NewEvent>, Vec<Refusal>> {
    let mut shape = Shape::new(today);
    let stream = command.stream();
    let event = match command {
        PeopleCommand::RegisterSubject { subject, occurred, kind } => {
            shape.occurred(*occurred);
            if known(stream) {
                shape.refuse(subject_exists());
            }
            registered(*subject, *occurred, *kind)
        }
        PeopleCommand::AddWorker { occurred, fact, .. } => {
            shape.occurred(*occurred);
            shape.worker(&fact.label, fact.login.as_deref());
            if known(stream) {
                let message = "a worker of this id has joined already: use that one, or give another id";
                shape.refuse(Refusal::new(RefusalCode::WorkerExists, message).at("worker"));
            }
            NewEvent { stream, contract: None, occurred: *occurred, event: fact.clone().into() }
        }
    };
    shape.done()?;
    Ok(vec![event])
}
