//! The inputs of evidence: attach, withdraw, verify and reject.

use async_graphql::NewType;

use super::convert::{Conversion, IntoDomain, IntoFact};
use crate::graphql::scalars::{Date, Id};
use throughline_domain::fact::event::Event;
use throughline_domain::fact::refusal::{Refusal, RefusalCode};

/// Hexadecimal digits, upper or lower case.
#[derive(Debug, Clone, NewType)]
pub struct Digits(String);

impl EvidenceFact {
    /// The fact with the digest of an uploaded file. Refused if it already has another digest.
    pub fn with_digest_of(self, sha256: String) -> Result<Self, Box<Refusal>> {
        if self.sha256.as_ref().is_some_and(|given| !given.0.eq_ignore_ascii_case(&sha256)) {
            let message = "this is not the SHA-256 of the uploaded file: leave it out, or upload the right file";
            return Err(Box::new(Refusal::new(RefusalCode::DigestDiffers, message).at("sha256")));
        }
        Ok(Self { sha256: Some(Digits(sha256)), ..self })
    }
}

impl IntoDomain<String> for Digits {
    fn into_domain(self, _: &mut Conversion) -> String {
        self.0.to_ascii_lowercase()
    }
}

identified_facts! {
    /// Evidence for a claim. The log has only the digest of its file.
    EvidenceFact | EvidencePatch => EvidenceAttached,
    /// The id of the evidence. A correction keeps it.
    evidence: EvidenceId {
        /// The kind of evidence: a code of the rulebook, such as `payslip`.
        kind: String,
        /// SHA-256 of the file, as 64 hexadecimal digits. With `upload` it may be left out.
        sha256: Option<Digits>,
        /// The date on the document.
        dated_on: Date,
        /// The day on which the service obtained it.
        obtained_on: Option<Date>,
        /// How the service obtained it, by code, such as `from_client`.
        obtained_how: Option<String>,
        /// The ids of the events or spells of the case that it proves.
        #[graphql(default)]
        supports: Vec<Id>,
    }
}

facts! {
    /// The withdrawal of a piece of evidence.
    EvidenceWithdrawalFact | EvidenceWithdrawalPatch => EvidenceWithdrawn {
        /// The id of the piece of evidence.
        evidence: Id,
        /// The reason.
        reason: Option<String>,
    }
    /// The verification of a piece of evidence: it was checked and accepted.
    EvidenceVerificationFact | EvidenceVerificationPatch => EvidenceVerified {
        /// The id of the piece of evidence.
        evidence: Id,
    }
    /// The rejection of a piece of evidence: it was checked and has a defect.
    EvidenceRejectionFact | EvidenceRejectionPatch => EvidenceRejected {
        /// The id of the piece of evidence.
        evidence: Id,
        /// The defect: a code of the rulebook.
        defect: String,
    }
}

inputs! {
    /// Attaches a piece of evidence to a case.
    AttachEvidenceInput {
        /// The id of the case.
        journey: Id,
        /// The id of the evidence. Default: a new id.
        evidence: Option<Id>,
        /// The id of a complete upload of yours for this case. Its SHA-256 is recorded.
        upload: Option<Id>,
        /// The evidence.
        #[graphql(flatten)]
        fact: EvidenceFact,
    }
    /// Withdraws a piece of evidence. It no longer counts from this day.
    WithdrawEvidenceInput {
        /// The id of the case.
        journey: Id,
        /// The piece of evidence and the reason.
        #[graphql(flatten)]
        fact: EvidenceWithdrawalFact,
    }
    /// Records that a piece of evidence was checked and accepted.
    VerifyEvidenceInput {
        /// The id of the case.
        journey: Id,
        /// The piece of evidence.
        #[graphql(flatten)]
        fact: EvidenceVerificationFact,
    }
    /// Records that a piece of evidence was checked and has a defect. It no longer counts from this day.
    RejectEvidenceInput {
        /// The id of the case.
        journey: Id,
        /// The piece of evidence and its defect.
        #[graphql(flatten)]
        fact: EvidenceRejectionFact,
    }
}
