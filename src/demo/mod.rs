//! The demo: a year of a homelessness prevention service, told from a seed and played into a fresh log.
//!
//! Everyone and everything in it is invented; only some printed counts of a real board return in it. The story is pure:
//! the same seed and size give the same commands. Nothing that serves may depend on it.

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

/// The code of the contract that the story is about.
pub const CONTRACT: &str = "shps";

/// Where a demo's clock goes on after the story: 1 March 2018, 09:00 in London.
pub const GOES_ON_AT: DateTime<Utc> = DateTime::from_timestamp(1_519_894_800, 0).expect("an instant of our time");

#[cfg(test)]
mod tests;
