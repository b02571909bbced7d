//! How a case leaves the caseload and comes back, as mutations take it.

use super::reading::{Means as _, Reading, States};
use crate::graphql::scalars::{Date, Id};
use throughline_domain::fact::event::Event;

facts! {
    /// A dated mark that the client no longer engages; the case stays on the caseload until it is closed.
    DisengagementFact | DisengagementPatch => Disengaged {
        /// Why: a code of the rulebook.
        reason: String,
        /// When they were last seen.
        last_seen_on: Option<Date>,
    }
    /// The close of a case.
    CloseFact | ClosePatch => JourneyClosed {
        /// Why: a code of the rulebook.
        reason: String,
        /// Where the client went, in the service's own words for destinations.
        destination: Option<String>,
    }
    /// A closed case that goes on.
    ReopeningFact | ReopeningPatch => JourneyReopened {
        /// Why: at most 200 characters, nothing personal.
        reason: String,
    }
    /// A case that goes to another contract or service.
    TransferFact | TransferPatch => JourneyTransferred {
        /// Why: a code of the rulebook's close reasons.
        reason: String,
        /// Where it goes: the contract's code or the service's name.
        destination: String,
    }
}

inputs! {
    /// The client no longer engages.
    DisengageInput {
        /// Which journey.
        journey: Id,
        /// Why.
        #[graphql(flatten)]
        fact: DisengagementFact,
    }
    /// The case is closed.
    CloseJourneyInput {
        /// Which journey.
        journey: Id,
        /// Why.
        #[graphql(flatten)]
        fact: CloseFact,
    }
    /// A closed case goes on: it is on the caseload again from this day on.
    ReopenJourneyInput {
        /// Which journey.
        journey: Id,
        /// Why.
        #[graphql(flatten)]
        fact: ReopeningFact,
    }
    /// The case goes to another contract or service: it leaves the caseload, and the receiving contract begins its own
    /// journey.
    TransferJourneyInput {
        /// Which journey.
        journey: Id,
        /// Why, and where to.
        #[graphql(flatten)]
        fact: TransferFact,
    }
}
