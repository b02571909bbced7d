//! The inputs of mutations: one typed input for each fact.
//!
//! A field has the name of the event's payload field in camel case, so that the path of a refusal matches it.

/// Declares the facts of inputs. Each becomes the payload of the event named beside it, field by field. A fact that can
/// be corrected also gets a patch type.
macro_rules! facts {
    ($($(#[$doc:meta])* $name:ident $(| $patch:ident)? => $event:ident $fields:tt)*) => {$(
        fact! { $(#[$doc])* $name => $event $fields }
        $(patch! { $patch $fields })?
    )*};
}

/// Declares one fact of an input.
macro_rules! fact {
    ($(#[$doc:meta])* $name:ident => $event:ident {
        $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, async_graphql::InputObject)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl $name {
            /// The payload of the event.
            pub fn read(self, conversion: &mut Conversion) -> throughline_domain::fact::event::$event {
                throughline_domain::fact::event::$event {
                    $($field: conversion.field(stringify!($field), |conversion| self.$field.into_domain(conversion)),)*
                }
            }
        }

        impl IntoFact for $name {
            fn into_fact(self, conversion: &mut Conversion) -> Event {
                self.read(conversion).into()
            }
        }
    };
}

/// Declares facts with an id of their own, by which other facts refer to them. A mutation may leave the id out; a
/// correction keeps it.
macro_rules! identified_facts {
    ($($(#[$doc:meta])* $name:ident | $patch:ident => $event:ident, $(#[doc = $id_doc:literal])* $id:ident: $id_type:ident {
        $($(#[doc = $field_doc:literal])* $(#[graphql($($graphql:tt)*)])? $field:ident: $type:ty),* $(,)?
    })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, async_graphql::InputObject)]
        pub struct $name {
            $($(#[doc = $field_doc])* $(#[graphql($($graphql)*)])? pub $field: $type,)*
        }

        impl $name {
            /// The fact with this id.
            pub const fn of(self, id: uuid::Uuid) -> crate::graphql::mutation::input::Identified<Self> {
                crate::graphql::mutation::input::Identified { id, fact: self }
            }
        }

        impl crate::graphql::mutation::input::Identified<$name> {
            /// The payload of the event.
            pub fn read(self, conversion: &mut Conversion) -> throughline_domain::fact::event::$event {
                throughline_domain::fact::event::$event {
                    $id: throughline_domain::fact::envelope::$id_type(self.id),
                    $($field: conversion.field(stringify!($field), |conversion| self.fact.$field.into_domain(conversion)),)*
                }
            }
        }

        impl IntoFact for crate::graphql::mutation::input::Identified<$name> {
            fn into_fact(self, conversion: &mut Conversion) -> Event {
                self.read(conversion).into()
            }
        }

        patch! {
            $patch {
                $(#[doc = $id_doc])* $id: crate::graphql::scalars::Id,
                $($(#[doc = $field_doc])* $(#[graphql($($graphql)*)])? $field: $type,)*
            }
        }
    )*};
}

/// Declares the patch that corrects a fact. Each field may be left out or null.
macro_rules! patch {
    ($patch:ident {
        $($(#[doc = $field_doc:literal])* $(#[graphql($($graphql:tt)*)])? $field:ident: $type:ty),* $(,)?
    }) => {
        /// The corrected fields of the fact. A field that is left out stays the same; null clears it.
        #[derive(Debug, Clone, async_graphql::InputObject)]
        pub struct $patch {
            $(
                $(#[doc = $field_doc])*
                pub $field: async_graphql::MaybeUndefined<
                    <$type as crate::graphql::mutation::input::patch::Patchable>::Patch,
                >,
            )*
        }

        impl crate::graphql::mutation::input::patch::Patches for $patch {
            fn patched(self, conversion: &mut Conversion) -> serde_json::Value {
                let mut patch = serde_json::Map::new();
                $(crate::graphql::mutation::input::patch::say(&mut patch, stringify!($field), self.$field, conversion);)*
                patch.into()
            }
        }
    };
}

/// Declares the inputs of mutations: the common fields, the fields of the mutation, then the date.
macro_rules! inputs {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, async_graphql::InputObject)]
        pub struct $name {
            /// The fields that every command has.
            #[graphql(flatten)]
            pub stamp: crate::graphql::mutation::input::Stamp,
            $($(#[$field_doc])* pub $field: $type,)*
            /// The date of the fact.
            #[graphql(flatten)]
            pub when: crate::graphql::mutation::input::When,
        }
    )*};
}

pub mod access;
pub mod amend;
pub mod appointment;
pub mod batch;
pub mod contract;
pub mod convert;
pub mod evidence;
pub mod exit;
pub mod identity;
pub mod name_value;
pub mod offer;
pub mod patch;
pub mod people;
pub mod referral;
pub mod reveal;
pub mod spell;
pub mod work;

use async_graphql::InputObject;
use chrono::{NaiveDate, NaiveTime};
use uuid::Uuid;

use self::convert::{Conversion, IntoDomain};
use crate::graphql::event::Precision;
use crate::graphql::scalars::{Date, Decimal, Id, LocalTime};
use crate::log::append::Expected;
use throughline_domain::command;
use throughline_domain::fact::envelope::{
    ActionId, AppointmentId, CommandId, CoverId, EventId, EvidenceId, HoldId, JourneyId, NoticeId, Occurred, RiskId,
    SpellId, SubjectId, TaskId, VacancyId, WorkerId,
};
use throughline_domain::fact::event::{self, Quantity};

/// The fields that every command has.
#[derive(Debug, Clone, InputObject)]
pub struct Stamp {
    /// The id of the command. A command runs once per id: sending it again returns the first result.
    pub command_id: Id,
    /// The version that the stream must have. 0: the stream must not exist yet. Default: any version.
    pub expected_version: Option<i64>,
    /// Whether only to check the command. Nothing is recorded, and the same id can be used again.
    #[graphql(default)]
    pub dry_run: bool,
    /// The codes of the warnings that the sender has seen and accepts.
    #[graphql(default)]
    pub accept_warnings: Vec<String>,
}

impl Stamp {
    /// The id of the command.
    pub const fn command(&self) -> CommandId {
        CommandId(self.command_id.0)
    }

    /// The version that the command expects of its stream.
    pub fn expected(&self, conversion: &mut Conversion) -> Expected {
        match self.expected_version {
            None => Expected::Any,
            Some(0) => Expected::None,
            Some(version) => {
                if version < 0 {
                    conversion.field("expected_version", |conversion| conversion.invalid(negative(version)));
                }
                Expected::Exact(version)
            }
        }
    }

    /// An id derived from the command's id. Sending the command again gives the same id.
    pub fn id_for(&self, thing: &str) -> Uuid {
        Uuid::new_v5(&self.command_id.0, thing.as_bytes())
    }
}

/// A fact with the id of the item that it creates.
#[derive(Debug, Clone)]
pub struct Identified<F> {
    /// The id by which other facts refer to it.
    pub id: Uuid,
    /// The fact.
    pub fact: F,
}

/// The date of a fact.
#[derive(Debug, Clone, Copy, InputObject)]
pub struct When {
    /// The date in the contract's time zone. Default: today.
    pub occurred_on: Option<Date>,
    /// How exactly the day is known.
    #[graphql(default_with = "Precision::Day")]
    pub precision: Precision,
    /// The time of that day, if known.
    pub local_time: Option<LocalTime>,
}

impl When {
    /// The date that the command gives to its fact. If none was given, the decision dates it today.
    pub fn read(self, conversion: &mut Conversion) -> command::When {
        let (precision, local_time) = (self.precision.into(), self.local_time.map(|time| time.0));
        if self.precision != Precision::Day && self.local_time.is_some() {
            let message = "a time needs an exact day, and only the month or year is known: leave the time out";
            conversion.field("local_time", |conversion| conversion.invalid(message));
        }
        match self.occurred_on {
            Some(date) => Occurred::within(date.0, precision).at(local_time).into(),
            None => command::When::Today { precision, local_time },
        }
    }
}

/// Declares conversions that are the same wherever a type occurs.
macro_rules! meanings {
    ($($given:ty => $into_domain:ty: $read:expr;)*) => {$(
        impl IntoDomain<$into_domain> for $given {
            fn into_domain(self, _: &mut Conversion) -> $into_domain {
                let read: fn($given) -> $into_domain = $read;
                read(self)
            }
        }
    )*};
}

meanings! {
    String => String: |text| text;
    Option<String> => String: Option::unwrap_or_default;
    bool => bool: |flag| flag;
    Date => NaiveDate: |date| date.0;
    LocalTime => NaiveTime: |time| time.0;
    Decimal => Quantity: |decimal| Quantity(decimal.0);
    DayPeriodInput => event::Period: Into::into;
    Vec<Id> => Vec<Uuid>: |ids| ids.into_iter().map(|id| id.0).collect();
    Id => WorkerId: |id| WorkerId(id.0);
    Id => SpellId: |id| SpellId(id.0);
    Id => AppointmentId: |id| AppointmentId(id.0);
    Id => TaskId: |id| TaskId(id.0);
    Id => RiskId: |id| RiskId(id.0);
    Id => EvidenceId: |id| EvidenceId(id.0);
    Id => EventId: |id| EventId(id.0);
    Id => JourneyId: |id| JourneyId(id.0);
    Id => SubjectId: |id| SubjectId(id.0);
    Id => HoldId: |id| HoldId(id.0);
    Id => VacancyId: |id| VacancyId(id.0);
    Id => CoverId: |id| CoverId(id.0);
    Id => NoticeId: |id| NoticeId(id.0);
    Id => ActionId: |id| ActionId(id.0);
    Vec<Id> => Vec<WorkerId>: |ids| ids.into_iter().map(|id| WorkerId(id.0)).collect();
}

/// GraphQL integers are signed, payload numbers are not.
impl IntoDomain<u32> for i32 {
    fn into_domain(self, conversion: &mut Conversion) -> u32 {
        self.try_into().unwrap_or_else(|_| {
            conversion.invalid(negative(self));
            0
        })
    }
}

fn negative(number: impl std::fmt::Display) -> String {
    format!("{number} is out of range: use 0 or more")
}

/// A period of whole days, such as a month or a quarter.
#[derive(Debug, Clone, Copy, InputObject)]
pub struct DayPeriodInput {
    /// The first day.
    pub first: Date,
    /// The last day. It belongs to the period.
    pub last: Date,
}

impl From<DayPeriodInput> for event::Period {
    fn from(days: DayPeriodInput) -> Self {
        Self { first: days.first.0, last: days.last.0 }
    }
}

/// The kind of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, async_graphql::Enum)]
#[graphql(remote = "event::SubjectKind")]
pub enum SubjectKind {
    /// One person.
    Person,
    /// A family that is worked with as one.
    Family,
    /// A clinic, school or other place.
    Site,
    /// A district or province.
    Area,
}
