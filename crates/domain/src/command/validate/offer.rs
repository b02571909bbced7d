//! Checks the values of offered referrals that other referrals do not have.
//!
//! Pure. The values of the referral itself are checked as for any referral.

use super::{CODE_MAX, NAME_MAX, REASON_MAX, Rules, Validator};
use crate::contract::rulebook::CodeList;
use crate::fact::event::ReferralOffered;

/// The most case numbers of further systems. With the record of the partner they are as many as a referral may have.
const FURTHER_REFERENCES_MAX: usize = 19;

impl Validator {
    /// Checks the source, the record and the service that a partner names.
    pub(crate) fn offered(&mut self, offered: &ReferralOffered) {
        self.plain("source", &offered.source, CODE_MAX);
        self.reference("record", &offered.record);
        self.at_most("external_references", offered.external_references.len(), FURTHER_REFERENCES_MAX);
        if let Some(service) = &offered.service {
            self.plain("service", service, NAME_MAX);
        }
    }

    /// Checks why an offered referral is declined or withdrawn.
    pub(crate) fn turned_down(&mut self, reason: &str, remark: Option<&str>, rules: Rules<'_>) {
        self.code("reason", reason, CodeList::CloseReasons, rules);
        if let Some(remark) = remark {
            self.plain("remark", remark, REASON_MAX);
        }
    }
}
