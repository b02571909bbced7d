//! The reasons why a key store is away.

use super::KeyError;
use crate::causes;

/// Why the key store is away. Names and notes are then neither shown nor recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Away {
    /// This process did not open it.
    #[error("it was not opened")]
    NotOpened,
    /// There is no key store at its place.
    #[error(
        "there is no key store at {0}: restore it from its own backup, name its place with --keys, or create one with \
            `throughline key create` if this log has never had one; then restart"
    )]
    Missing(String),
    /// There is no key-encryption key.
    #[error("there is no key-encryption key: set THROUGHLINE_KEK_FILE or THROUGHLINE_KEK, and restart")]
    NoKek,
    /// It cannot be opened or its keys cannot be unwrapped.
    #[error("{0}")]
    Failed(String),
}

impl Away {
    pub(super) fn of(error: KeyError) -> Self {
        match error {
            KeyError::Away(away) => away,
            other => Self::failed(&other),
        }
    }

    pub(super) fn failed(error: &(dyn std::error::Error + 'static)) -> Self {
        Self::Failed(causes::in_words(error))
    }
}
