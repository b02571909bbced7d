//! One client's journey from referral to what lasted: how its facts combine, and which of them can be true together.

pub mod caseload;
mod fold;
pub mod rules;

use chrono::NaiveDate;

pub use self::fold::*;
use crate::fact::history::History;

impl fold::Evidence {
    /// Whether it counts: neither withdrawn nor rejected.
    pub const fn counts(&self) -> bool {
        self.withdrawn.is_none() && self.rejected.is_none()
    }
}

impl History {
    /// The journey as these facts tell it, all of them.
    pub fn journey(&self) -> Journey {
        Journey::fold(&self.facts())
    }

    /// The journey at the end of this day: the fold of the facts that were so by then.
    pub fn journey_as_of(&self, day: NaiveDate) -> Journey {
        Journey::fold(&self.facts_as_of(day))
    }
}

#[cfg(test)]
mod tests;
