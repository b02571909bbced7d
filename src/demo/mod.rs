//! The demo: a year of a homelessness prevention service, generated from a seed and recorded in a fresh log.
//!
//! All people and facts are invented. Only some counts come from a real printed board. The generator is pure: the same
//! seed and size give the same commands. The service must not depend on it.

mod areas;
mod case;
mod contacts;
mod course;
mod days;
mod dice;
mod documented;
mod opening;
mod play;
mod story;
mod telling;
mod therapy;
mod year;

use chrono::{DateTime, Utc};

pub use areas::Size;
pub use documented::{DOCUMENTED_REFERENCE, documented_journey};
pub use play::{PlayError, Played, Progress, play, play_showing};
pub use story::{Deed, Item, SEED, Story};

/// The code of the demo's main contract.
pub const CONTRACT: &str = "shps";

/// Where a demo's clock starts after the year: 1 March 2018, 09:00 in London.
pub const CONTINUES_AT: DateTime<Utc> = DateTime::from_timestamp(1_519_894_800, 0).expect("an instant of our time");

#[cfg(test)]
mod tests;
