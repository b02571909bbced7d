//! The inputs of texts about people: notes, and who a subject is. They never show in debug output.

use std::fmt;

use async_graphql::{InputObject, NewType};
use serde::Serialize;

use super::convert::{Conversion, IntoDomain, IntoFact};
use super::patch::Patchable;
use crate::graphql::scalars::{Date, Id};
use throughline_domain::fact::event::Event;
use throughline_domain::fact::identity::{Address, Names};
use throughline_domain::fact::sealed::PersonalText;

/// Declares texts about people, each a text in the API.
macro_rules! secret_texts {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, NewType)]
        pub struct $name(String);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("(secret)")
            }
        }

        impl Patchable for $name {
            type Patch = Self;
        }

        impl Patchable for Vec<$name> {
            type Patch = Self;
        }
    )*};
}

secret_texts! {
    /// A note, or an agreed action.
    NoteText;
    /// A need.
    NeedText;
    /// A name, or a contact detail.
    IdentityText;
    /// A number that identifies a person or a property. Spaces do not count, and letters are capitals.
    IdentifierText;
}

/// A birth date.
#[derive(Clone, Copy, NewType)]
pub struct BirthDate(Date);

impl fmt::Debug for BirthDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl Patchable for BirthDate {
    type Patch = Self;
}

impl IdentifierText {
    fn normalised(self) -> String {
        self.0.chars().filter(|letter| !letter.is_whitespace()).collect::<String>().to_uppercase()
    }
}

/// The names of a person.
#[derive(Debug, Clone, InputObject)]
pub struct NamesInput {
    /// The given names.
    pub given: Option<IdentityText>,
    /// The family name.
    pub family: Option<IdentityText>,
    /// Other names: former names, names used every day, other spellings.
    #[graphql(default)]
    pub other: Vec<IdentityText>,
}

/// An address of a person.
#[derive(Debug, Clone, InputObject)]
pub struct AddressInput {
    /// The lines of the address, without the postcode.
    #[graphql(default)]
    pub lines: Vec<IdentityText>,
    /// The postcode.
    pub postcode: Option<IdentityText>,
    /// The unique property reference number (UPRN).
    pub uprn: Option<IdentifierText>,
}

impl Patchable for NamesInput {
    type Patch = Self;
}

impl Patchable for AddressInput {
    type Patch = Self;
}

fn texts(texts: Vec<IdentityText>) -> Vec<String> {
    texts.into_iter().map(|text| text.0).collect()
}

/// A part of several values, in the form that is sealed.
fn written(part: &impl Serialize) -> String {
    serde_json::to_string(part).expect("texts can be written as JSON")
}

impl IntoDomain<PersonalText> for NoteText {
    fn into_domain(self, _: &mut Conversion) -> PersonalText {
        PersonalText::special(self.0)
    }
}

impl IntoDomain<Vec<PersonalText>> for Vec<NoteText> {
    fn into_domain(self, conversion: &mut Conversion) -> Vec<PersonalText> {
        self.into_iter().map(|text| text.into_domain(conversion)).collect()
    }
}

impl IntoDomain<PersonalText> for Vec<NeedText> {
    fn into_domain(self, _: &mut Conversion) -> PersonalText {
        let needs: Vec<String> = self.into_iter().map(|need| need.0).collect();
        PersonalText::special(written(&needs))
    }
}

impl IntoDomain<PersonalText> for IdentityText {
    fn into_domain(self, _: &mut Conversion) -> PersonalText {
        PersonalText::identity(self.0)
    }
}

impl IntoDomain<PersonalText> for IdentifierText {
    fn into_domain(self, _: &mut Conversion) -> PersonalText {
        PersonalText::identity(self.normalised())
    }
}

impl IntoDomain<PersonalText> for BirthDate {
    fn into_domain(self, _: &mut Conversion) -> PersonalText {
        PersonalText::identity(self.0.0.to_string())
    }
}

impl IntoDomain<PersonalText> for NamesInput {
    fn into_domain(self, _: &mut Conversion) -> PersonalText {
        let (given, family) = (self.given.map(|name| name.0), self.family.map(|name| name.0));
        PersonalText::identity(written(&Names { given, family, other: texts(self.other) }))
    }
}

impl IntoDomain<PersonalText> for AddressInput {
    fn into_domain(self, _: &mut Conversion) -> PersonalText {
        let postcode = self.postcode.map(|postcode| postcode.0);
        let uprn = self.uprn.map(IdentifierText::normalised);
        PersonalText::identity(written(&Address { lines: texts(self.lines), postcode, uprn }))
    }
}

facts! {
    /// Who a subject is. Each part is sealed by itself: a part that is left out stays as it was, and null clears it.
    IdentityFact | IdentityPatch => IdentitySealed {
        /// The names. They replace all names that were recorded.
        names: async_graphql::MaybeUndefined<NamesInput>,
        /// The birth date.
        birth_date: async_graphql::MaybeUndefined<BirthDate>,
        /// The telephone number.
        telephone: async_graphql::MaybeUndefined<IdentityText>,
        /// The e-mail address.
        email: async_graphql::MaybeUndefined<IdentityText>,
        /// The address.
        address: async_graphql::MaybeUndefined<AddressInput>,
        /// The National Insurance number.
        nino: async_graphql::MaybeUndefined<IdentifierText>,
        /// The NHS number.
        nhs_number: async_graphql::MaybeUndefined<IdentifierText>,
        /// The unique pupil number (UPN).
        upn: async_graphql::MaybeUndefined<IdentifierText>,
        /// The needs, such as an interpreter or step-free access.
        needs: async_graphql::MaybeUndefined<Vec<NeedText>>,
    }
}

inputs! {
    /// Records who a subject is, from that day on.
    SealIdentityInput {
        /// The id of the subject.
        subject: Id,
        /// The parts of the identity.
        #[graphql(flatten)]
        fact: IdentityFact,
    }
}
