//! The inputs of the referral inbox: referrals that partners offer, and the decisions on them.

use super::convert::{Conversion, IntoDomain as _};
use super::identity::IdentityFact;
use super::referral::{ExternalReferenceInput, ReferrerInput};
use crate::graphql::scalars::Id;
use crate::inbox::SentReferral;
use throughline_domain::command::offers::LinkTo;
use throughline_domain::fact::envelope::{JourneyId, SubjectId};

inputs! {
    /// Offers a referral to a contract. Send the same record again whenever it changes: it stays one offered referral,
    /// and what is unchanged records nothing.
    OfferReferralInput {
        /// The code of the contract.
        contract: String,
        /// The name of your system, such as `advice-centre`.
        source: String,
        /// The number of the record in your system. It is a pseudonym; national identifiers are refused.
        record: String,
        /// The service area: a code of the rulebook.
        area: String,
        /// The cohort: a code of the rulebook.
        cohort: Option<String>,
        /// The referrer of the person.
        referrer: Option<ReferrerInput>,
        /// The service that you ask for: at most 200 characters, without personal data.
        service: Option<String>,
        /// The case numbers in further systems.
        #[graphql(default)]
        external_references: Vec<ExternalReferenceInput>,
        /// Who the person is. It is stored sealed. What is left out stays as it was.
        identity: Option<IdentityFact>,
    }
    /// Accepts an offered referral. It opens a case for the offered person, received on the day of the referral.
    AcceptOfferInput {
        /// The id of the offered referral.
        offer: Id,
    }
    /// Links an offered referral to a person whom the service knows, or to a case that is open. Give one of the two.
    LinkOfferInput {
        /// The id of the offered referral.
        offer: Id,
        /// The id of the known person. A case is opened for them.
        person: Option<Id>,
        /// The id of the open case. No case is opened.
        journey: Option<Id>,
    }
    /// Declines an offered referral. The partner sees the reason and the remark.
    DeclineOfferInput {
        /// The id of the offered referral.
        offer: Id,
        /// The reason: a close reason of the rulebook, by code.
        reason: String,
        /// Words for the partner: at most 200 characters, without personal data.
        remark: Option<String>,
    }
    /// Withdraws an offered referral that you sent, before it is decided.
    WithdrawOfferInput {
        /// The id of the offered referral.
        offer: Id,
        /// The reason: a close reason of the rulebook, by code.
        reason: String,
    }
}

impl OfferReferralInput {
    /// The referral as its partner sends it.
    pub fn read(self, conversion: &mut Conversion) -> SentReferral {
        let identity =
            self.identity.map(|identity| conversion.field("identity", |conversion| identity.read(conversion)));
        SentReferral {
            contract: self.contract,
            source: self.source,
            record: self.record,
            when: self.when.read(conversion),
            area: self.area,
            cohort: self.cohort,
            referrer: self.referrer.into_domain(conversion),
            service: self.service,
            external_references: self.external_references.into_domain(conversion),
            identity,
        }
    }
}

impl LinkOfferInput {
    /// What the referral is linked to. After an invalid input, any value: the command is refused anyway.
    pub fn target(&self, conversion: &mut Conversion) -> LinkTo {
        match (self.person, self.journey) {
            (Some(person), None) => LinkTo::Person(SubjectId(person.0)),
            (None, Some(journey)) => LinkTo::Case(JourneyId(journey.0)),
            _ => {
                let message = "give either the known person or the open case";
                conversion.field("person", |conversion| conversion.missing(message));
                LinkTo::Person(SubjectId(self.offer.0))
            }
        }
    }
}
