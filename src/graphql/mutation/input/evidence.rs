//! Evidence as mutations take it: what shows that something was so, and what a check of it found.

use async_graphql::NewType;

use super::reading::{Means, Reading, States};
use crate::graphql::scalars::{Date, Id};
use throughline_domain::fact::event::Event;

/// Hexadecimal digits, which mean the same in either case.
#[derive(Debug, Clone, NewType)]
pub struct Digits(String);

impl Means<String> for Digits {
    fn meant(self, _: &mut Reading) -> String {
        self.0.to_ascii_lowercase()
    }
}

identified_facts! {
    /// Something that shows that what is claimed was so. The file itself is kept elsewhere; its digest stands here.
    EvidenceFact | EvidencePatch => EvidenceAttached,
    /// The evidence's own id, which a correction keeps.
    evidence: EvidenceId {
        /// What it is: a code of the rulebook, such as `payslip`.
        kind: String,
        /// SHA-256 of the file, in 64 hexadecimal digits.
        sha256: Option<Digits>,
        /// The date on the document.
        dated_on: Date,
        /// The day on which the service got hold of it.
        obtained_on: Option<Date>,
        /// How it did, by code, such as `from_client`.
        obtained_how: Option<String>,
        /// What it shows: events or spells of the journey, by id.
        #[graphql(default)]
        supports: Vec<Id>,
    }
}

facts! {
    /// A piece of evidence that is taken back.
    EvidenceWithdrawalFact | EvidenceWithdrawalPatch => EvidenceWithdrawn {
        /// Which piece.
        evidence: Id,
        /// Why.
        reason: Option<String>,
    }
    /// A piece of evidence that was checked and found good.
    EvidenceVerificationFact | EvidenceVerificationPatch => EvidenceVerified {
        /// Which piece.
        evidence: Id,
    }
    /// A piece of evidence that was checked and has a defect.
    EvidenceRejectionFact | EvidenceRejectionPatch => EvidenceRejected {
        /// Which piece.
        evidence: Id,
        /// What is wrong with it: a code of the rulebook.
        defect: String,
    }
}

inputs! {
    /// Something shows that what is claimed was so.
    AttachEvidenceInput {
        /// Which journey.
        journey: Id,
        /// The evidence's own id; left out, one is made.
        evidence: Option<Id>,
        /// The evidence.
        #[graphql(flatten)]
        fact: EvidenceFact,
    }
    /// A piece of evidence is taken back: it no longer counts from this day on.
    WithdrawEvidenceInput {
        /// Which journey.
        journey: Id,
        /// Which piece, and why.
        #[graphql(flatten)]
        fact: EvidenceWithdrawalFact,
    }
    /// Somebody checked a piece of evidence and found it good.
    VerifyEvidenceInput {
        /// Which journey.
        journey: Id,
        /// Which piece.
        #[graphql(flatten)]
        fact: EvidenceVerificationFact,
    }
    /// Somebody checked a piece of evidence and found a defect: it no longer counts from this day on.
    RejectEvidenceInput {
        /// Which journey.
        journey: Id,
        /// Which piece, and what is wrong with it.
        #[graphql(flatten)]
        fact: EvidenceRejectionFact,
    }
}
