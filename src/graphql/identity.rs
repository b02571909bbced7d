//! Who a subject is, in the API. Each part is opened by itself, when a response asks for it.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use serde::de::DeserializeOwned;

use super::event::OccurredOn;
use super::scalars::Date;
use super::sealed::{Owner, opened, stays_sealed};
use throughline_domain::fact::envelope::SubjectId;
use throughline_domain::fact::identity::{self, Identity, Part};
use throughline_domain::fact::sealed::PersonalText;

/// Who a subject is.
#[derive(Debug, Clone)]
pub struct SubjectIdentity {
    owner: Owner,
    identity: Identity,
}

impl SubjectIdentity {
    /// The identity of a subject.
    pub(super) const fn of(subject: SubjectId, identity: Identity) -> Self {
        Self { owner: Owner::Subject(subject), identity }
    }

    async fn stays_sealed(&self, ctx: &Context<'_>) -> bool {
        let texts: Vec<&PersonalText> = self.identity.parts().map(|(_, entry)| &entry.details).collect();
        stays_sealed(ctx, &self.owner, &texts).await
    }

    async fn text(&self, ctx: &Context<'_>, part: Part) -> Option<String> {
        opened(ctx, &self.owner, &self.identity.part(part)?.details).await
    }

    /// A part that consists of several values.
    async fn read<T: DeserializeOwned>(&self, ctx: &Context<'_>, part: Part) -> Option<T> {
        serde_json::from_str(&self.text(ctx, part).await?).ok()
    }
}

/// Who a subject is. It is stored sealed: each part is null if it is not known, or if you may not open it.
#[Object]
impl SubjectIdentity {
    /// Whether the identity stays sealed: you may not open it, the person's data was erased, or the keys are away.
    async fn sealed(&self, ctx: &Context<'_>) -> bool {
        self.stays_sealed(ctx).await
    }

    /// The names.
    async fn names(&self, ctx: &Context<'_>) -> Option<PersonNames> {
        let identity::Names { given, family, other } = self.read(ctx, Part::Names).await?;
        Some(PersonNames { given, family, other })
    }

    /// The birth date.
    async fn birth_date(&self, ctx: &Context<'_>) -> Option<Date> {
        self.text(ctx, Part::BirthDate).await?.parse().ok().map(Date)
    }

    /// The telephone number.
    async fn telephone(&self, ctx: &Context<'_>) -> Option<String> {
        self.text(ctx, Part::Telephone).await
    }

    /// The e-mail address.
    async fn email(&self, ctx: &Context<'_>) -> Option<String> {
        self.text(ctx, Part::Email).await
    }

    /// The address.
    async fn address(&self, ctx: &Context<'_>) -> Option<PersonAddress> {
        let identity::Address { lines, postcode, uprn } = self.read(ctx, Part::Address).await?;
        Some(PersonAddress { lines, postcode, uprn })
    }

    /// The National Insurance number.
    async fn nino(&self, ctx: &Context<'_>) -> Option<String> {
        self.text(ctx, Part::Nino).await
    }

    /// The NHS number.
    async fn nhs_number(&self, ctx: &Context<'_>) -> Option<String> {
        self.text(ctx, Part::NhsNumber).await
    }

    /// The unique pupil number (UPN).
    async fn upn(&self, ctx: &Context<'_>) -> Option<String> {
        self.text(ctx, Part::Upn).await
    }

    /// The needs, such as an interpreter or step-free access.
    async fn needs(&self, ctx: &Context<'_>) -> Option<Vec<String>> {
        self.read(ctx, Part::Needs).await
    }

    /// The parts that are known, each with the event that says it. Use the event as the target of a correction. Empty if
    /// the identity stays sealed.
    async fn parts(&self, ctx: &Context<'_>) -> Vec<KnownPart> {
        if self.stays_sealed(ctx).await {
            return Vec::new();
        }
        let known = self.identity.parts();
        known
            .map(|(part, entry)| KnownPart {
                part: part.into(),
                event: ID(entry.event_id.to_string()),
                occurred: entry.occurred.into(),
            })
            .collect()
    }
}

/// The names of a person.
#[derive(Clone, SimpleObject)]
pub struct PersonNames {
    /// The given names.
    given: Option<String>,
    /// The family name.
    family: Option<String>,
    /// Other names: former names, names used every day, other spellings.
    other: Vec<String>,
}

/// An address of a person.
#[derive(Clone, SimpleObject)]
pub struct PersonAddress {
    /// The lines of the address, without the postcode.
    lines: Vec<String>,
    /// The postcode.
    postcode: Option<String>,
    /// The unique property reference number (UPRN).
    uprn: Option<String>,
}

/// A part of an identity that is known.
#[derive(Debug, Clone, SimpleObject)]
pub struct KnownPart {
    /// The part.
    part: IdentityPart,
    /// The id of the event that first recorded it. Use it as the target of a correction or retraction.
    event: ID,
    /// The date from which it is so.
    occurred: OccurredOn,
}

/// A part of an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "identity::Part")]
pub enum IdentityPart {
    /// The names.
    Names,
    /// The birth date.
    BirthDate,
    /// The telephone number.
    Telephone,
    /// The e-mail address.
    Email,
    /// The address.
    Address,
    /// The National Insurance number.
    Nino,
    /// The NHS number.
    NhsNumber,
    /// The unique pupil number (UPN).
    Upn,
    /// The needs.
    Needs,
}
