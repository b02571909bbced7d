//! The inputs of exits: disengage, close, reopen and transfer.

use super::convert::{Conversion, IntoDomain as _, IntoFact};
use crate::graphql::scalars::{Date, Id};
use throughline_domain::fact::event::Event;

facts! {
    /// A dated mark that the client has disengaged. The case stays on the caseload until it is closed.
    DisengagementFact | DisengagementPatch => Disengaged {
        /// The reason: a code of the rulebook.
        reason: String,
        /// The day on which the client was last seen.
        last_seen_on: Option<Date>,
    }
    /// The close of a case.
    CloseFact | ClosePatch => JourneyClosed {
        /// The reason: a code of the rulebook.
        reason: String,
        /// The destination of the client, in the service's own words.
        destination: Option<String>,
    }
    /// The reopening of a closed case.
    ReopeningFact | ReopeningPatch => JourneyReopened {
        /// The reason: at most 200 characters, without personal data.
        reason: String,
    }
    /// The transfer of a case to another contract or service.
    TransferFact | TransferPatch => JourneyTransferred {
        /// The reason: a close reason of the rulebook, by code.
        reason: String,
        /// The destination: the code of the contract or the name of the service.
        destination: String,
    }
}

inputs! {
    /// Records that the client has disengaged.
    DisengageInput {
        /// The id of the case.
        journey: Id,
        /// The reason.
        #[graphql(flatten)]
        fact: DisengagementFact,
    }
    /// Closes the case.
    CloseJourneyInput {
        /// The id of the case.
        journey: Id,
        /// The reason.
        #[graphql(flatten)]
        fact: CloseFact,
    }
    /// Reopens a closed case. It is on the caseload again from this day.
    ReopenJourneyInput {
        /// The id of the case.
        journey: Id,
        /// The reason.
        #[graphql(flatten)]
        fact: ReopeningFact,
    }
    /// Transfers the case to another contract or service. It leaves the caseload. The receiving contract opens its own
    /// case.
    TransferJourneyInput {
        /// The id of the case.
        journey: Id,
        /// The reason and the destination.
        #[graphql(flatten)]
        fact: TransferFact,
    }
}
