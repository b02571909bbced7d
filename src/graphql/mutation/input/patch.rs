//! Corrections as patches: converts each field of an input to a patch of the payload.
//!
//! A field that is left out does not change; null clears it. This module does not look at the fact being corrected.

use async_graphql::{InputObject, MaybeUndefined};
use chrono::NaiveTime;
use serde::Serialize;
use serde_json::{Map, Value};

use super::contract::PartyInput;
use super::convert::{Conversion, IntoDomain};
use super::evidence::Digits;
use super::identity::{AddressInput, BirthDate, IdentifierText, IdentityText, NamesInput, NeedText, NoteText};
use super::name_value::{
    CriterionInput, CriterionPatch, FactAtAssessmentInput, FactAtAssessmentPatch, ItemScoreInput, ItemScorePatch,
    SpellAttributeInput, SpellAttributePatch,
};
use super::referral::{ExternalReferenceInput, ReferrerInput};
use super::{DayPeriodInput, SubjectKind};
use crate::graphql::contract_record::NoticeKind;
use crate::graphql::event::Precision;
use crate::graphql::journey::appointment::CancelledBy;
use crate::graphql::journey::contact::{Attendance, ContactWith, Direction};
use crate::graphql::journey::referral::Eligibility;
use crate::graphql::scalars::{Date, Decimal, Id, LocalTime};
use throughline_domain::command::{Patched, PatchedDate};
use throughline_domain::fact::event;
use throughline_domain::fact::sealed::PersonalText;

/// The type of a fact's field, with the type that a correction uses for it.
pub trait Patchable {
    /// The type of the field in a correction.
    type Patch;
}

impl<T: Patchable> Patchable for Option<T> {
    type Patch = T::Patch;
}

impl<T: Patchable> Patchable for MaybeUndefined<T> {
    type Patch = T::Patch;
}

/// A field value of a correction, as a patch of the payload.
pub trait Patches {
    /// The patch.
    fn patched(self, conversion: &mut Conversion) -> Value;
}

/// Adds a field to the patch.
pub(super) fn say<P: Patches>(
    patch: &mut Map<String, Value>,
    name: &str,
    said: MaybeUndefined<P>,
    conversion: &mut Conversion,
) {
    let value = match said {
        MaybeUndefined::Undefined => return,
        MaybeUndefined::Null => Value::Null,
        MaybeUndefined::Value(value) => conversion.field(name, |conversion| value.patched(conversion)),
    };
    patch.insert(name.to_owned(), value);
}

/// The value of an input, as the payload writes it.
fn written<T: Serialize>(value: impl IntoDomain<T>, conversion: &mut Conversion) -> Value {
    serde_json::to_value(value.into_domain(conversion)).expect("a payload value serialises to JSON")
}

/// Declares types that a correction gives in full, as the mutation does.
macro_rules! whole {
    ($($given:ty => $into_domain:ty;)*) => {$(
        impl Patchable for $given {
            type Patch = Self;
        }

        written_as! { $given => $into_domain; }
    )*};
}

/// Declares how the values of a correction are written.
macro_rules! written_as {
    ($($given:ty => $into_domain:ty;)*) => {$(
        impl Patches for $given {
            fn patched(self, conversion: &mut Conversion) -> Value {
                written::<$into_domain>(self, conversion)
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

written_as! {
    NoteText => PersonalText;
    Vec<NoteText> => Vec<PersonalText>;
    Vec<NeedText> => PersonalText;
    IdentityText => PersonalText;
    IdentifierText => PersonalText;
    BirthDate => PersonalText;
    NamesInput => PersonalText;
    AddressInput => PersonalText;
}

impl Patchable for Id {
    type Patch = Self;
}

impl Patches for Id {
    fn patched(self, _: &mut Conversion) -> Value {
        Value::String(self.0.to_string())
    }
}

impl Patchable for Vec<Id> {
    type Patch = Self;
}

impl Patches for Vec<Id> {
    fn patched(self, conversion: &mut Conversion) -> Value {
        self.into_iter().map(|id| id.patched(conversion)).collect()
    }
}

/// Declares types that are lists of names and values. A correction gives only the names that it changes.
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

/// The corrected referrer. A field that is left out stays the same; null clears it.
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
    fn patched(self, conversion: &mut Conversion) -> Value {
        let mut patch = Map::new();
        say(&mut patch, "organisation", self.organisation, conversion);
        say(&mut patch, "kind", self.kind, conversion);
        patch.into()
    }
}

/// The corrected period. A day that is left out stays the same.
#[derive(Debug, Clone, InputObject)]
pub struct DayPeriodPatch {
    /// The first day.
    pub first: MaybeUndefined<Date>,
    /// The last day. It belongs to the period.
    pub last: MaybeUndefined<Date>,
}

impl Patchable for DayPeriodInput {
    type Patch = DayPeriodPatch;
}

impl Patches for DayPeriodPatch {
    fn patched(self, conversion: &mut Conversion) -> Value {
        let mut patch = Map::new();
        say(&mut patch, "first", self.first, conversion);
        say(&mut patch, "last", self.last, conversion);
        patch.into()
    }
}

/// The corrected date of a fact.
#[derive(Debug, Clone, InputObject)]
pub struct WhenPatch {
    /// The date in the contract's time zone. Default: the date that the fact has now.
    pub occurred_on: MaybeUndefined<Date>,
    /// How exactly the day is known. Default: as the fact has it now.
    pub precision: MaybeUndefined<Precision>,
    /// The time of that day. Default: the time that the fact has now. Null: the time is not known.
    pub local_time: MaybeUndefined<LocalTime>,
}

impl WhenPatch {
    /// The patch of the date.
    pub fn read(self, conversion: &mut Conversion) -> PatchedDate {
        let needed = "this value cannot be cleared: leave it out to keep it, or give another value";
        if self.occurred_on.is_null() {
            conversion.field("occurred_on", |conversion| conversion.missing(needed));
        }
        if self.precision.is_null() {
            conversion.field("precision", |conversion| conversion.missing(needed));
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
