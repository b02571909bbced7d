//! A referral that a partner offered: what was offered last, and what became of it.
//!
//! Pure. A partner may send the same record as often as they like: the newest version counts. An accepted or linked offer
//! never changes its case, whatever the partner sends later.

use chrono::{DateTime, Utc};

use crate::fact::envelope::{JourneyId, Occurred};
use crate::fact::event::{Event, OfferAccepted, OfferDeclined, OfferLinked, OfferWithdrawn, ReferralOffered};
use crate::fact::refusal::DependentFact;
use crate::fact::{Entry, History, Recorded};

/// The state of an offered referral, folded from its stream in the order of the log.
#[derive(Debug, Clone, Default)]
pub struct Offer {
    /// The version of the stream that this state includes.
    pub version: i64,
    /// The newest offer. None before the first.
    pub offered: Option<Entry<ReferralOffered>>,
    /// When the newest offer was recorded.
    pub offered_at: Option<DateTime<Utc>>,
    /// How often the partner sent it with something new.
    pub times_offered: u32,
    /// The decision that is in force.
    pub decision: Option<Decided>,
    /// Whether the partner sent a change after it was accepted or linked.
    pub is_changed_since: bool,
}

/// A decision on an offered referral.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The decision.
    pub decision: Decision,
    /// The event, with its date.
    pub fact: DependentFact,
    /// When it was recorded.
    pub at: DateTime<Utc>,
    /// The login that decided.
    pub by: String,
}

/// What became of an offered referral.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It opened a case for the offered person.
    Accepted(OfferAccepted),
    /// It belongs to a person whom the service knows.
    Linked(OfferLinked),
    /// The service declined it.
    Declined(OfferDeclined),
    /// The partner withdrew it.
    Withdrawn(OfferWithdrawn),
}

/// The state of an offered referral, as lists know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfferState {
    /// It waits for a decision.
    Offered,
    /// It was accepted and opened a case.
    Accepted,
    /// It was linked to a known person or an open case.
    Linked,
    /// The service declined it.
    Declined,
    /// The partner withdrew it.
    Withdrawn,
}

impl OfferState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Offered, Self::Accepted, Self::Linked, Self::Declined, Self::Withdrawn];

    /// The state, as written in tables and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Accepted => "accepted",
            Self::Linked => "linked",
            Self::Declined => "declined",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl Decision {
    /// The state after this decision.
    pub const fn state(&self) -> OfferState {
        match self {
            Self::Accepted(_) => OfferState::Accepted,
            Self::Linked(_) => OfferState::Linked,
            Self::Declined(_) => OfferState::Declined,
            Self::Withdrawn(_) => OfferState::Withdrawn,
        }
    }

    /// The case that the offer opened or was linked to.
    pub const fn journey(&self) -> Option<JourneyId> {
        match self {
            Self::Accepted(accepted) => Some(accepted.journey),
            Self::Linked(linked) => Some(linked.journey),
            Self::Declined(_) | Self::Withdrawn(_) => None,
        }
    }

    /// The reason, a code of the rulebook, if there is one.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Declined(declined) => Some(&declined.reason),
            Self::Withdrawn(withdrawn) => Some(&withdrawn.reason),
            Self::Accepted(_) | Self::Linked(_) => None,
        }
    }
}

impl Offer {
    /// Folds the events of an offer.
    pub fn of(history: &History) -> Self {
        let mut offer = Self { version: history.version(), ..Self::default() };
        history.events().iter().for_each(|event| offer.apply(event));
        offer
    }

    fn apply(&mut self, recorded: &Recorded) {
        match &recorded.event {
            Event::ReferralOffered(offered) => self.offer(recorded, offered),
            Event::OfferAccepted(accepted) => self.decide(recorded, Decision::Accepted(accepted.clone())),
            Event::OfferLinked(linked) => self.decide(recorded, Decision::Linked(linked.clone())),
            Event::OfferDeclined(declined) => self.decide(recorded, Decision::Declined(declined.clone())),
            Event::OfferWithdrawn(withdrawn) => self.decide(recorded, Decision::Withdrawn(withdrawn.clone())),
            _ => {}
        }
    }

    /// A change of what was declined or withdrawn is an offer again. A case that was opened stays as it was.
    fn offer(&mut self, recorded: &Recorded, offered: &ReferralOffered) {
        let (event_id, occurred) = (recorded.event_id, recorded.occurred);
        self.offered = Some(Entry { event_id, occurred, details: offered.clone() });
        self.offered_at = Some(recorded.recorded_at);
        self.times_offered += 1;
        self.decision.take_if(|decided| decided.decision.journey().is_none());
        self.is_changed_since = self.decision.is_some();
    }

    fn decide(&mut self, recorded: &Recorded, decision: Decision) {
        let (event_id, event_type) = (recorded.event_id, recorded.event.event_type());
        let fact = DependentFact { event_id, event_type, occurred: recorded.occurred };
        let by = recorded.actor.subject.clone();
        self.decision = Some(Decided { decision, fact, at: recorded.recorded_at, by });
    }

    /// The state of the offer.
    pub fn state(&self) -> OfferState {
        self.decision.as_ref().map_or(OfferState::Offered, |decided| decided.decision.state())
    }

    /// The day on which the partner referred the person.
    pub fn received(&self) -> Option<Occurred> {
        self.offered.as_ref().map(|offered| offered.occurred)
    }

    /// What the partner offered last.
    pub fn details(&self) -> Option<&ReferralOffered> {
        self.offered.as_ref().map(|offered| &offered.details)
    }
}
