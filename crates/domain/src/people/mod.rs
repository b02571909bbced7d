//! The people around journeys: subjects whom they are about, workers who hold them, and teams of workers.
//!
//! Pure. These streams belong to the deployment, not to one contract. Nothing personal is recorded here: a subject is
//! a pseudonym, a worker and a team a label.

pub mod login;
pub(crate) mod open_close;
pub mod subject;
pub mod team;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod town;
pub mod worker;

use crate::fact::refusal::{Refusal, RefusalCode};

/// The refusal to register a subject twice.
pub(crate) fn subject_exists() -> Refusal {
    let message = "a subject of this id is registered already: leave the registration out, or give another id";
    Refusal::new(RefusalCode::SubjectExists, message).at("subject")
}
