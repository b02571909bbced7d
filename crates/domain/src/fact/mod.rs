//! What is recorded: ids and dates, every kind of event, a stream's history, and the words in which a command is
//! refused.

pub mod changed;
pub mod consistency;
pub mod envelope;
pub mod event;
pub mod history;
pub mod identity;
pub mod money;
pub mod path;
pub mod personal;
pub mod privacy;
pub mod refusal;
pub mod role;
pub mod sealed;
pub mod text;
pub(crate) mod tracked;

pub use self::history::{Entry, Fact, History, Recorded};
