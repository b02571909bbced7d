//! The people around cases: subjects, the workers who hold their cases, and teams of workers.
//!
//! Pure. These streams belong to the deployment, not to one contract. They hold no personal data unsealed: a
//! subject is a pseudonym, and a worker or team has a label.

pub mod login;
pub(crate) mod open_close;
pub mod reveal;
pub mod subject;
pub mod team;
#[cfg(test)]
mod tests;
pub mod worker;

use crate::fact::refusal::{Refusal, RefusalCode};

/// The refusal to register a subject twice.
pub(crate) fn subject_exists() -> Refusal {
    let message = "a subject with this id is already registered: leave the registration out, or use another id";
    Refusal::new(RefusalCode::SubjectExists, message).at("subject")
}
