//! The inputs about reveals. They have no date: a reveal begins and ends when it is recorded.

use async_graphql::InputObject;

use super::Stamp;
use super::convert::Conversion;
use crate::graphql::scalars::Id;
use throughline_domain::fact::envelope::RevealId;
use throughline_domain::fact::event::IdentityRevealed;

/// How long a reveal lasts, unless the command says otherwise.
const MINUTES: i32 = 30;

/// Reveals who a subject is, for a limited time.
#[derive(Debug, Clone, InputObject)]
pub struct RevealIdentityInput {
    /// The fields that every command has.
    #[graphql(flatten)]
    pub stamp: Stamp,
    /// The id of the reveal. Default: a new id.
    pub reveal: Option<Id>,
    /// The id of the subject, as you see it in a case of the contract.
    pub subject: Id,
    /// The code of the contract for which you need it. You must be able to read a case of the subject in it.
    pub contract: String,
    /// The reason: at most 200 characters, without personal data.
    pub reason: String,
    /// For how many minutes, from 1 to 480. Default: 30.
    pub minutes: Option<i32>,
}

impl RevealIdentityInput {
    /// The payload of the event.
    pub fn read(self, reveal: RevealId, conversion: &mut Conversion) -> IdentityRevealed {
        let minutes = u16::try_from(self.minutes.unwrap_or(MINUTES)).unwrap_or_else(|_| {
            let message = "a reveal lasts from 1 to 480 minutes: use a number in this range";
            conversion.field("minutes", |conversion| conversion.invalid(message));
            0
        });
        IdentityRevealed { reveal, contract: self.contract, reason: self.reason, minutes }
    }
}

/// Ends a reveal before its time is over.
#[derive(Debug, Clone, InputObject)]
pub struct EndRevealInput {
    /// The fields that every command has.
    #[graphql(flatten)]
    pub stamp: Stamp,
    /// The id of the reveal.
    pub reveal: Id,
    /// The id of the subject, as you see it in a case of the contract.
    pub subject: Id,
    /// The code of the contract of the reveal.
    pub contract: String,
}
