//! The facts of referrals that partners offer: offered, accepted, linked, declined, withdrawn.
//!
//! Only data. Who the offered person is stands in the stream of their subject, sealed.

use serde::{Deserialize, Serialize};

use super::{ExternalReference, ReferralReceived, Referrer};
use crate::fact::envelope::{JourneyId, SubjectId};

/// A partner offered a referral. Offered again with other values, it is a new version of the same offer, and the newest
/// one counts. The date is the day on which the partner referred the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferralOffered {
    /// The login of the partner, as logins are compared.
    pub partner: String,
    /// The name of the partner's system.
    pub source: String,
    /// The number of the record in that system: a pseudonym, never a national identifier.
    pub record: String,
    /// The subject that stands for the offered person.
    pub subject: SubjectId,
    /// The service area, a code of the rulebook.
    pub area: String,
    /// The cohort, a code of the rulebook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cohort: Option<String>,
    /// The referrer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referrer: Option<Referrer>,
    /// The service that the partner asks for: at most 200 characters, no personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Case numbers in further systems.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external_references: Vec<ExternalReference>,
    /// A digest of who the person is, as the partner last sent it. It is keyed with the key of the person, so that it
    /// confirms no guess and means nothing once the key is destroyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_digest: Option<String>,
}

impl ReferralOffered {
    /// The referral of the case that the offer opens, for this subject. The partner's record is its first case number.
    pub fn referral(&self, subject: SubjectId) -> ReferralReceived {
        let own = ExternalReference { system: self.source.clone(), id: self.record.clone() };
        let others = self.external_references.iter().filter(|other| **other != own).cloned();
        ReferralReceived {
            subject,
            area: self.area.clone(),
            cohort: self.cohort.clone(),
            referrer: self.referrer.clone(),
            external_references: std::iter::once(own.clone()).chain(others).collect(),
        }
    }
}

/// The service accepted an offered referral. It opened a case for the offered person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferAccepted {
    /// The case.
    pub journey: JourneyId,
}

/// The service found that it knows the offered person. The case is a new one for the known person, or one that was open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferLinked {
    /// The known person.
    pub subject: SubjectId,
    /// The case.
    pub journey: JourneyId,
}

/// The service declined an offered referral.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferDeclined {
    /// The reason: a code of the rulebook's close reasons.
    pub reason: String,
    /// Words for the partner: at most 200 characters, no personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
}

/// The partner withdrew an offered referral before it was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferWithdrawn {
    /// The reason: a code of the rulebook's close reasons.
    pub reason: String,
}
