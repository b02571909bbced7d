//! What an erasure forbids: a new case of an erased subject.
//!
//! Pure.

use super::Given;
use crate::fact::envelope::{StreamId, SubjectId};
use crate::fact::refusal::{Refusal, RefusalCode};
use crate::people::subject;

/// Refuses a case of a subject whose data was erased.
pub(super) fn not_of_erased(of: SubjectId, given: &Given<'_>) -> Result<(), Vec<Refusal>> {
    if !(given.history)(StreamId::subject(of)).is_some_and(subject::is_erased) {
        return Ok(());
    }
    let message = "the data of this subject was erased: if the person has come again, refer them as a new subject";
    Err(Refusal::new(RefusalCode::SubjectErased, message).at("subject").alone())
}
