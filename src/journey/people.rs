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
        PeopleCommand::AddWorker { worker, occurred, fact } => {
            shape.occurred(*occurred);
            if worker.0.is_nil() {
                shape.invalid("worker", "the nil UUID stands for nobody: give another id, or leave it out");
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journey::refusal::RefusalCode as Code;
    use crate::journey::story::{ANN, BOB, SUBJECT, TODAY, day, when};

    fn decided(command: &PeopleCommand) -> Result<Vec<NewEvent>, Vec<Code>> {
        let known = |stream| stream == StreamId::worker(BOB) || stream == StreamId::subject(SUBJECT);
        let codes = |refusals: Vec<Refusal>| refusals.into_iter().map(|refusal| refusal.code).collect();
        decide(command, day(TODAY), &known).map_err(codes)
    }

    fn joining(worker: WorkerId, at: &str, label: &str) -> PeopleCommand {
        let fact = WorkerJoined { login: Some("ann@example.org".to_owned()), label: label.to_owned() };
        PeopleCommand::AddWorker { worker, occurred: when(at), fact }
    }

    #[test]
    fn a_worker_joins_once_under_a_label() {
        let events = decided(&joining(ANN, "2018-01-02", "KW-07")).expect("accepted");
        assert_eq!((events[0].stream, events[0].contract.as_deref()), (StreamId::worker(ANN), None));
        assert_eq!(decided(&joining(BOB, "2018-01-02", "KW-07")), Err(vec![Code::WorkerExists]));
        let odd = joining(ANN, "2018-03-01", "ann@example.org");
        assert_eq!(decided(&odd), Err(vec![Code::DatedInFuture, Code::PersonalData]));
    }

    #[test]
    fn a_subject_is_registered_once() {
        let registering =
            |subject, at| PeopleCommand::RegisterSubject { subject, occurred: when(at), kind: SubjectKind::Person };
        let stranger = SubjectId(uuid::Uuid::from_u128(0x29));
        let events = decided(&registering(stranger, "2018-01-02")).expect("accepted");
        assert_eq!(events[0].stream, StreamId::subject(stranger));
        assert_eq!(decided(&registering(SUBJECT, "2018-01-02")), Err(vec![Code::SubjectExists]));
        assert_eq!(decided(&registering(stranger, "2018-03-02")), Err(vec![Code::DatedInFuture]));
    }
}
