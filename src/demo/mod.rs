//! The demo: a year of one contract, generated from a seed and recorded in a fresh log.
//!
//! Without a name it is a homelessness prevention service, whose year is written in detail. Every other pack that ships
//! has a year from its rulebook and a table (`packs`). All people and facts are invented. Only some counts come from a
//! real printed board. The generator is pure: the same seed and size give the same commands. The service must not
//! depend on it.

mod areas;
mod case;
mod claims;
mod contacts;
mod course;
mod days;
mod dice;
mod documented;
mod opening;
mod packs;
mod play;
mod story;
mod telling;
mod therapy;
mod year;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Europe::London;
use chrono_tz::Tz;

use self::claims::{Act, Settling};
use self::days::LAST;
use self::packs::PackYear;
use self::play::Playing;
use crate::app::App;
pub use areas::Size;
pub use documented::{DOCUMENTED_REFERENCE, documented_journey};
pub use play::{PlayError, Played, Progress, play, play_showing};
pub use story::{Deed, Item, SEED, Story};
use throughline_domain::fact::envelope::JourneyId;

/// The code of the demo's main contract.
pub const CONTRACT: &str = "shps";

/// Where a demo's clock starts after the year: 1 March 2018, 09:00 in London.
pub const CONTINUES_AT: DateTime<Utc> = DateTime::from_timestamp(1_519_894_800, 0).expect("an instant of our time");

/// A year of one pack, and how it continues.
#[derive(Debug)]
pub struct Demo {
    /// The code of its contract.
    pub contract: &'static str,
    /// The time zone of its contract.
    pub zone: Tz,
    /// The last day of the year.
    pub last_day: NaiveDate,
    /// Where the clock starts after the year.
    pub continues_at: DateTime<Utc>,
    /// The login of a keyworker.
    pub keyworker: String,
    /// The number and the id of a case to look at.
    pub case: (String, JourneyId),
    /// Every command but those on batches, in the order of recording.
    pub story: Story,
    acts: Vec<Act>,
    seed: u64,
}

impl Demo {
    /// The year of the main contract.
    pub fn main(seed: u64, size: Size) -> Self {
        Self {
            contract: CONTRACT,
            zone: London,
            last_day: LAST,
            continues_at: CONTINUES_AT,
            keyworker: "kw-01".to_owned(),
            case: (DOCUMENTED_REFERENCE.to_owned(), documented_journey()),
            story: Story::new(seed, size),
            acts: Vec::new(),
            seed,
        }
    }

    /// The year of the pack with this code. `None` if no such pack ships.
    pub fn of(code: &str, seed: u64) -> Option<Self> {
        if code == CONTRACT {
            return Some(Self::main(seed, Size::Whole));
        }
        let pack = packs::named(code)?;
        let PackYear { story, acts, last_day, continues_at, zone, login, case } = PackYear::of(pack, seed);
        let (contract, keyworker) = (pack.code, login);
        Some(Self { contract, zone, last_day, continues_at, keyworker, case, story, acts, seed })
    }

    /// Whether this is the year that the README follows.
    pub fn is_main(&self) -> bool {
        self.contract == CONTRACT
    }

    /// Records the year in an empty log: its commands, and between them its batches of claims. The clock of the
    /// application must be one that is set.
    pub async fn play(&self, app: &App, report: impl FnMut(Progress)) -> Result<Played, PlayError> {
        let mut playing = Playing::of(&app.recorder, &app.clock, &self.story, report);
        let mut settling = Settling::of(app, self.contract, self.seed);
        let items = self.story.items();
        for act in &self.acts {
            playing.up_to(items.partition_point(|item| item.recorded_at <= act.at)).await?;
            app.clock.set(act.at);
            if let Some(position) = settling.act(*act).await? {
                playing.passed(position);
            }
        }
        playing.up_to(items.len()).await?;
        Ok(playing.played())
    }
}

#[cfg(test)]
mod tests;
