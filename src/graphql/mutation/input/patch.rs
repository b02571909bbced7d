//! Corrections as patches: what an input says of each field, as a patch of the payload.
//!
//! A field that is left out says nothing, null clears it. It only reads what is said and never looks at the fact.

use async_graphql::{InputObject, MaybeUndefined};
use chrono::NaiveTime;
use serde::Serialize;
use serde_json::{Map, Value};

use super::contract::PartyInput;
use super::evidence::Digits;
use super::named::{
    CriterionInput, CriterionPatch, FactAtAssessmentInput, FactAtAssessmentPatch, ItemScoreInput, ItemScorePatch,
    SpellAttributeInput, SpellAttributePatch,
};
use super::reading::{Means, Reading};
use super::referral::{ExternalReferenceInput, ReferrerInput};
use super::{DayPeriodInput, SubjectKind};
use crate::graphql::dealings::NoticeKind;
use crate::graphql::event::Precision;
use crate::graphql::journey::appointment::CancelledBy;
use crate::graphql::journey::contact::{Attendance, ContactWith, Direction};
use crate::graphql::journey::referral::Eligibility;
use crate::graphql::scalars::{Date, Decimal, Id, LocalTime};
use throughline_domain::command::{Patched, PatchedDate};
use throughline_domain::fact::event;

/// A type of a fact's field, and the type in which a correction gives it.
pub trait Patchable {
    /// What a correction gives, where it gives something.
    type Patch;
}

impl<T: Patchable> Patchable for Option<T> {
    type Patch = T::Patch;
}

impl<T: Patchable> Patchable for MaybeUndefined<T> {
    type Patch = T::Patch;
}

/// What a correction gives for a field, as a patch of the payload.
pub trait Patches {
    /// The patch.
    fn patched(self, reading: &mut Reading) -> Value;
}

/// Says of a field what a correction says of it.
pub(super) fn say<P: Patches>(
    patch: &mut Map<String, Value>,
    name: &str,
    said: MaybeUndefined<P>,
    reading: &mut Reading,
) {
    let value = match said {
        MaybeUndefined::Undefined => return,
        MaybeUndefined::Null => Value::Null,
        MaybeUndefined::Value(value) => reading.field(name, |reading| value.patched(reading)),
    };
    patch.insert(name.to_owned(), value);
}

/// A value of an input as a payload writes it.
fn written<T: Serialize>(value: impl Means<T>, reading: &mut Reading) -> Value {
    serde_json::to_value(value.meant(reading)).expect("a payload holds only what JSON can say")
}

/// Declares the fields that a correction gives as a mutation does: whole.
macro_rules! whole {
    ($($given:ty => $meant:ty;)*) => {$(
        impl Patchable for $given {
            type Patch = Self;
        }

        impl Patches for $given {
            fn patched(self, reading: &mut Reading) -> Value {
                written::<$meant>(self, reading)
            }
        }
    )*};
}

whole! {
    String => String;
    Digits => String;
    bool => bool;
    i32 => u32;
    Date => chrono::NaiveDate;
    LocalTime => NaiveTime;
    Decimal => event::Quantity;
    ContactWith => event::ContactWith;
    Attendance => event::Attendance;
    Direction => event::Direction;
    CancelledBy => event::CancelledBy;
    Eligibility => event::Eligibility;
    SubjectKind => event::SubjectKind;
    NoticeKind => event::NoticeKind;
    Vec<ExternalReferenceInput> => Vec<event::ExternalReference>;
    Vec<PartyInput> => Vec<event::Party>;
}

impl Patchable for Id {
    type Patch = Self;
}

impl Patches for Id {
    fn patched(self, _: &mut Reading) -> Value {
        Value::String(self.0.to_string())
    }
}

impl Patchable for Vec<Id> {
    type Patch = Self;
}

impl Patches for Vec<Id> {
    fn patched(self, reading: &mut Reading) -> Value {
        self.into_iter().map(|id| id.patched(reading)).collect()
    }
}

/// Declares the fields that are lists of names with values: a correction gives the names that it is about.
macro_rules! by_name {
    ($($given:ty => $patch:ty;)*) => {$(
        impl Patchable for Vec<$given> {
            type Patch = Vec<$patch>;
        }
    )*};
}

by_name! {
    SpellAttributeInput => SpellAttributePatch;
    FactAtAssessmentInput => FactAtAssessmentPatch;
    CriterionInput => CriterionPatch;
    ItemScoreInput => ItemScorePatch;
}

/// What should read otherwise of who referred the client: a field left out stays as it was, null clears it.
#[derive(Debug, Clone, InputObject)]
pub struct ReferrerPatch {
    /// The organisation.
    pub organisation: MaybeUndefined<String>,
    /// The kind of referrer: a code of the rulebook.
    pub kind: MaybeUndefined<String>,
}

impl Patchable for ReferrerInput {
    type Patch = ReferrerPatch;
}

impl Patches for ReferrerPatch {
    fn patched(self, reading: &mut Reading) -> Value {
        let mut patch = Map::new();
        say(&mut patch, "organisation", self.organisation, reading);
        say(&mut patch, "kind", self.kind, reading);
        patch.into()
    }
}

/// What should read otherwise of a stretch of whole days: a day left out stays as it was.
#[derive(Debug, Clone, InputObject)]
pub struct DayPeriodPatch {
    /// The first day.
    pub first: MaybeUndefined<Date>,
    /// The last day, inside.
    pub last: MaybeUndefined<Date>,
}

impl Patchable for DayPeriodInput {
    type Patch = DayPeriodPatch;
}

impl Patches for DayPeriodPatch {
    fn patched(self, reading: &mut Reading) -> Value {
        let mut patch = Map::new();
        say(&mut patch, "first", self.first, reading);
        say(&mut patch, "last", self.last, reading);
        patch.into()
    }
}

/// What should read otherwise of when a fact was so.
#[derive(Debug, Clone, InputObject)]
pub struct WhenPatch {
    /// The civil date in the contract's zone; left out, the day that the fact has now.
    pub occurred_on: MaybeUndefined<Date>,
    /// How exactly that day is known; left out, as exactly as now.
    pub precision: MaybeUndefined<Precision>,
    /// The time of that day; left out, the time that the fact has now, and null where it is not known after all.
    pub local_time: MaybeUndefined<LocalTime>,
}

impl WhenPatch {
    /// What it says.
    pub fn read(self, reading: &mut Reading) -> PatchedDate {
        let needed = "a fact always has this: leave it out to keep it, or give another value";
        if self.occurred_on.is_null() {
            reading.field("occurred_on", |reading| reading.missing(needed));
        }
        if self.precision.is_null() {
            reading.field("precision", |reading| reading.missing(needed));
        }
        PatchedDate {
            on: self.occurred_on.take().map(|date| date.0),
            precision: self.precision.take().map(Into::into),
            local_time: match self.local_time {
                MaybeUndefined::Undefined => Patched::Stays,
                MaybeUndefined::Null => Patched::Cleared,
                MaybeUndefined::Value(time) => Patched::Becomes(time.0),
            },
        }
    }
}
