//! The knowledge date: until when events count as known.
//!
//! A date means the end of that day in the contract's zone.

use std::str::FromStr;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use crate::cloud_event::{CloudEvent, Time};
use throughline_domain::contract::civil_day::{end_of_day, start_of_day};

/// A knowledge date: a whole day, or an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownAt {
    /// The end of a day in the contract's zone.
    Day(NaiveDate),
    /// An instant.
    Instant(DateTime<Utc>),
}

/// A text that is neither a date nor an instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a date nor an instant: use YYYY-MM-DD, or RFC 3339 with its offset")]
pub struct MalformedInstant(String);

impl FromStr for KnownAt {
    type Err = MalformedInstant;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(day) = text.parse() {
            return Ok(Self::Day(day));
        }
        let instant = DateTime::parse_from_rfc3339(text).map_err(|_| MalformedInstant(text.to_owned()))?;
        Ok(Self::Instant(instant.to_utc()))
    }
}

impl KnownAt {
    /// Whether an event was recorded by this knowledge date.
    pub(super) fn knows(self, event: &CloudEvent, zone: Tz) -> bool {
        let at = recorded_at(event, zone);
        match self {
            Self::Instant(known) => at <= known,
            Self::Day(known) => at <= end_of_day(known, zone),
        }
    }
}

/// When an event was recorded. Without a recording time, the time of the fact counts.
pub(super) fn recorded_at(event: &CloudEvent, zone: Tz) -> DateTime<Utc> {
    match (event.recorded_at, event.time) {
        (Some(at), _) => at,
        (None, Time::Instant(at)) => at.to_utc(),
        (None, Time::Date(day)) => start_of_day(day, zone),
    }
}
