//! The JSON form of one referral, as a partner's system sends it over HTTP.
//!
//! It never shows in debug output: it says who a person is. What cannot be read is never repeated.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::SentReferral;
use throughline_domain::command::When;
use throughline_domain::fact::envelope::Occurred;
use throughline_domain::fact::event::{ExternalReference, IdentitySealed, Patched, Referrer};
use throughline_domain::fact::identity::{Address, Names};
use throughline_domain::fact::sealed::PersonalText;

/// One referral.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ReceivedReferral {
    /// The code of the contract. Default: the only contract of the sender.
    #[serde(default)]
    pub contract: Option<String>,
    #[serde(default)]
    record: String,
    #[serde(default)]
    referred_on: Option<NaiveDate>,
    #[serde(default)]
    area: String,
    #[serde(default)]
    cohort: Option<String>,
    #[serde(default)]
    referrer: Option<Referrer>,
    #[serde(default)]
    service: Option<String>,
    #[serde(default)]
    external_references: Vec<ExternalReference>,
    #[serde(default)]
    identity: Option<ReceivedIdentity>,
}

/// Who the person is. What is left out stays as it was.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ReceivedIdentity {
    #[serde(default)]
    names: Option<Names>,
    #[serde(default)]
    birth_date: Option<NaiveDate>,
    #[serde(default)]
    telephone: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    address: Option<Address>,
    #[serde(default)]
    nino: Option<String>,
    #[serde(default)]
    nhs_number: Option<String>,
    #[serde(default)]
    upn: Option<String>,
    #[serde(default)]
    needs: Option<Vec<String>>,
}

impl ReceivedReferral {
    /// The referral, sent from this source to this contract.
    pub fn sent(self, contract: String, source: String) -> SentReferral {
        SentReferral {
            contract,
            source,
            record: self.record,
            when: self.referred_on.map_or(When::TODAY, |day| Occurred::on(day).into()),
            area: self.area,
            cohort: self.cohort,
            referrer: self.referrer,
            service: self.service,
            external_references: self.external_references,
            identity: self.identity.map(ReceivedIdentity::sealed),
        }
    }
}

/// A part of several values, in the form that is sealed.
fn written(part: &impl Serialize) -> String {
    serde_json::to_string(part).expect("texts can be written as JSON")
}

/// A number that identifies a person. Spaces do not count, and letters are capitals.
fn normalised(number: &str) -> String {
    number.chars().filter(|letter| !letter.is_whitespace()).collect::<String>().to_uppercase()
}

fn part(text: Option<String>) -> Patched<PersonalText> {
    text.map_or(Patched::Stays, |text| Patched::Becomes(PersonalText::identity(text)))
}

impl ReceivedIdentity {
    fn sealed(self) -> IdentitySealed {
        let address = self.address.map(|address| {
            let uprn = address.uprn.as_deref().map(normalised);
            written(&Address { uprn, ..address })
        });
        let needs = self.needs.map(|needs| PersonalText::special(written(&needs)));
        IdentitySealed {
            names: part(self.names.as_ref().map(written)),
            birth_date: part(self.birth_date.map(|day| day.to_string())),
            telephone: part(self.telephone),
            email: part(self.email),
            address: part(address),
            nino: part(self.nino.as_deref().map(normalised)),
            nhs_number: part(self.nhs_number.as_deref().map(normalised)),
            upn: part(self.upn.as_deref().map(normalised)),
            needs: needs.map_or(Patched::Stays, Patched::Becomes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_referral_is_read_from_json_and_an_unknown_field_is_refused() {
        let body = r#"{"record":"R-1","referredOn":"2018-02-01","area":"brent","identity":{"nino":"qq 12 34 56 c"}}"#;
        let Ok(received) = serde_json::from_str::<ReceivedReferral>(body) else { panic!("it can be read") };
        let sent = received.sent("shps".to_owned(), "advice".to_owned());
        assert_eq!((sent.record.as_str(), sent.source.as_str()), ("R-1", "advice"));
        let Some(IdentitySealed { nino: Patched::Becomes(nino), names: Patched::Stays, .. }) = &sent.identity else {
            panic!("an identity")
        };
        assert_eq!(nino.clear().map(throughline_domain::fact::sealed::ClearText::text), Some("QQ123456C"));
        assert!(serde_json::from_str::<ReceivedReferral>(r#"{"record":"R-1","name":"x"}"#).is_err());
    }
}
