//! The referral inbox: how a partner's referral becomes a command, and how offered referrals are read.
//!
//! Every entrance uses it: GraphQL, HTTP and imports. It decides nothing about a referral and opens no sealed text. An
//! offer that the caller may not see is as if it did not exist.

pub mod received;

use std::collections::BTreeMap;

use crate::access::Principal;
use crate::access::offers::OfferAccess;
use crate::access::relation::Relation;
use crate::log::{Log, LogError};
use throughline_domain::command::offers::{OfferAct, OfferCommand, OfferReferral};
use throughline_domain::command::{Command, When};
use throughline_domain::fact::envelope::{OfferId, OfferKey, StreamId};
use throughline_domain::fact::event::{ExternalReference, IdentitySealed, ReferralOffered, Referrer};
use throughline_domain::fact::{History, Recorded};
use throughline_domain::offer::Offer;
use throughline_domain::people::login;

/// A referral as a partner sends it.
#[derive(Debug, Clone)]
pub struct SentReferral {
    /// The code of the contract.
    pub contract: String,
    /// The name of the partner's system.
    pub source: String,
    /// The number of the record in that system.
    pub record: String,
    /// The day of the referral.
    pub when: When,
    /// The service area.
    pub area: String,
    /// The cohort.
    pub cohort: Option<String>,
    /// The referrer.
    pub referrer: Option<Referrer>,
    /// The service that the partner asks for.
    pub service: Option<String>,
    /// Case numbers in further systems.
    pub external_references: Vec<ExternalReference>,
    /// Who the person is.
    pub identity: Option<IdentitySealed>,
}

impl SentReferral {
    /// The offer that the referral belongs to when this caller sends it.
    pub fn offer(&self, principal: &Principal) -> OfferId {
        offer_of(principal, &self.contract, Record { source: &self.source, record: &self.record })
    }

    /// The command that offers the referral, as this caller.
    pub fn command(self, principal: &Principal) -> Command {
        let offer = self.offer(principal);
        let fact = ReferralOffered {
            partner: login::key(&principal.subject),
            source: self.source,
            record: self.record,
            subject: offer.subject(),
            area: self.area,
            cohort: self.cohort,
            referrer: self.referrer,
            service: self.service,
            external_references: self.external_references,
            identity_digest: None,
        };
        let new = OfferReferral { contract: self.contract, identity: self.identity, fact };
        Command::Offer(OfferCommand { offer, when: self.when, act: OfferAct::Offer(Box::new(new)) })
    }
}

/// A record of a partner's system.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// The name of the system.
    pub source: &'a str,
    /// The number of the record.
    pub record: &'a str,
}

/// The offer that a record is when this caller sends it.
pub fn offer_of(principal: &Principal, contract: &str, of: Record<'_>) -> OfferId {
    let partner = login::key(&principal.subject);
    OfferId::of(OfferKey { contract, partner: &partner, source: of.source, record: of.record })
}

/// An offered referral that a caller may see.
#[derive(Debug, Clone)]
pub struct KnownOffer {
    /// Its id.
    pub id: OfferId,
    /// The code of its contract.
    pub contract: String,
    /// Its state.
    pub offer: Offer,
}

/// Those of these offers that a caller may see, as the log has them now.
pub async fn known(
    log: &Log,
    principal: &Principal,
    offers: &[OfferId],
) -> Result<BTreeMap<OfferId, KnownOffer>, LogError> {
    let mut histories: BTreeMap<OfferId, History> = BTreeMap::new();
    if !offers.is_empty() {
        for envelope in log.streams(offers.iter().map(|id| (StreamId::offer(*id), 0))).await? {
            let recorded = Recorded::decode(&envelope).map_err(|error| LogError::Payload(Box::new(error)))?;
            histories.entry(OfferId(envelope.stream.id)).or_default().evolve(recorded);
        }
    }
    let seen = |(id, history): (OfferId, History)| {
        let (contract, offer) = (history.contract()?.to_owned(), Offer::of(&history));
        let offered = offer.details()?;
        let access = OfferAccess { contract: &contract, area: &offered.area, partner: &offered.partner };
        let is_seen = access.relation(principal) != Relation::Outside;
        is_seen.then_some((id, KnownOffer { id, contract, offer }))
    };
    Ok(histories.into_iter().filter_map(seen).collect())
}
