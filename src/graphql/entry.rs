//! Facts in the API: one row for each fact that is shown by itself, with its event, its date and its fields.
//!
//! The inverse of the facts in mutation inputs. Objects that several facts make, such as a task or a spell, are not
//! declared here.

use async_graphql::ID;
use chrono::NaiveDate;

use super::journey::work::DayPeriod;
use super::scalars::{Date, Decimal};
use throughline_domain::fact::envelope::JourneyId;
use throughline_domain::fact::event::{Period, Quantity};

/// Declares objects that each show one fact of the type named beside it: first the event and its date, if it has a
/// description of the date, then the fields. A field has the payload field's name, or says how it is read from the
/// entry.
macro_rules! entries {
    ($($(#[$doc:meta])* $name:ident of $event:ident $(, $occurred:ident $when:literal)? {
        $($(#[doc = $field_doc:literal])* $field:ident: $type:ty $(= $read:expr)?),* $(,)?
    })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, async_graphql::SimpleObject)]
        pub struct $name {
            $(
                /// The id of the event that first recorded it. Use it as the target of a correction or retraction.
                event: async_graphql::ID,
                #[doc = $when]
                $occurred: crate::graphql::event::OccurredOn,
            )?
            $($(#[doc = $field_doc])* $field: $type,)*
        }

        impl From<&throughline_domain::fact::Entry<throughline_domain::fact::event::$event>> for $name {
            fn from(entry: &throughline_domain::fact::Entry<throughline_domain::fact::event::$event>) -> Self {
                Self {
                    $(
                        event: async_graphql::ID(entry.event_id.to_string()),
                        $occurred: entry.occurred.into(),
                    )?
                    $($field: crate::graphql::entry::read!(entry, $event, $field: $type $(= $read)?),)*
                }
            }
        }
    )*};
}
pub(super) use entries;

/// Reads one field of an entry.
macro_rules! read {
    ($entry:ident, $event:ident, $field:ident: $type:ty) => {
        crate::graphql::entry::Shown::shown(&$entry.details.$field)
    };
    ($entry:ident, $event:ident, $field:ident: $type:ty = $read:expr) => {{
        let read: fn(&throughline_domain::fact::Entry<throughline_domain::fact::event::$event>) -> $type = $read;
        read($entry)
    }};
}
pub(super) use read;

/// A value of a payload that the API shows.
pub trait Shown<T> {
    /// The value as the API shows it.
    fn shown(&self) -> T;
}

/// Declares conversions that are the same wherever a type occurs.
macro_rules! shown {
    ($($recorded:ty => $shown:ty: $show:expr;)*) => {$(
        impl crate::graphql::entry::Shown<$shown> for $recorded {
            fn shown(&self) -> $shown {
                let show: fn(&$recorded) -> $shown = $show;
                show(self)
            }
        }
    )*};
}
pub(super) use shown;

shown! {
    String => String: Clone::clone;
    NaiveDate => Date: |day| Date(*day);
    Quantity => Decimal: |quantity| Decimal(quantity.0);
    Period => DayPeriod: |period| (*period).into();
    JourneyId => ID: |id| ID(id.to_string());
}

impl<T, S: Shown<T>> Shown<Option<T>> for Option<S> {
    fn shown(&self) -> Option<T> {
        self.as_ref().map(Shown::shown)
    }
}

impl<T, S: Shown<T>> Shown<Vec<T>> for Vec<S> {
    fn shown(&self) -> Vec<T> {
        self.iter().map(Shown::shown).collect()
    }
}
