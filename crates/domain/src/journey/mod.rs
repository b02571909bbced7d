//! One client's journey from referral to what lasted: how its facts combine, and which of them can be true together.

pub mod caseload;
mod fold;
pub mod rules;

use chrono::NaiveDate;

pub use self::fold::*;
use crate::fact::history::History;

impl fold::Evidence {
    /// Whether the evidence counts: it was neither withdrawn nor rejected.
    pub const fn counts(&self) -> bool {
        self.withdrawn.is_none() && self.rejected.is_none()
    }
}

impl History {
    /// The case as all facts leave it.
    pub fn journey(&self) -> Journey {
        Journey::fold(&self.facts())
    }

    /// The case at the end of this day: the fold of the facts dated up to then.
    pub fn journey_as_of(&self, day: NaiveDate) -> Journey {
        Journey::fold(&self.facts_as_of(day))
    }
}

#[cfg(test)]
mod tests;
