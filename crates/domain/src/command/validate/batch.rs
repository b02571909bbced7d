//! Checks the values of a batch: names, remarks and codes.
//!
//! Pure. Which claims exist and their amounts are not checked here.

use super::{CODE_MAX, REASON_MAX, Rules, Validator};
use crate::contract::rulebook::CodeList;
use crate::fact::envelope::Occurred;
use crate::fact::event::{BatchOpened, ClaimSelection};
use crate::fact::refusal::{Refusal, RefusalCode};

impl Validator {
    /// Checks the values of a new batch.
    pub(crate) fn of_batch(&mut self, occurred: Occurred, opened: &BatchOpened, rules: Rules<'_>) {
        self.occurred(occurred);
        if let Some(reference) = &opened.reference {
            self.plain("reference", reference, CODE_MAX);
        }
        if let Some(period) = opened.period {
            self.date(period.first, "period.first");
            self.date(period.last, "period.last");
            if period.last < period.first {
                self.invalid("period.last", "the period ends before it starts: correct its last day");
            }
        }
        if let Some(selection) = &opened.claims {
            self.selection(selection, rules);
        }
    }

    /// Checks the selection of claims that a batch is for: codes of the rulebook, and days in order.
    fn selection(&mut self, selection: &ClaimSelection, rules: Rules<'_>) {
        if let Some(area) = &selection.area {
            self.code("claims.area", area, CodeList::Areas, rules);
        }
        if let Some(cohort) = &selection.cohort {
            self.code("claims.cohort", cohort, CodeList::Cohorts, rules);
        }
        let known = rules.contract.outcome_codes();
        for (at, outcome) in selection.outcomes.iter().enumerate() {
            if !known.contains(outcome.as_str()) {
                let message =
                    format!("no version of the rulebook has an outcome {outcome:?}: use one of the allowed codes");
                let refusal = Refusal::new(RefusalCode::UnknownCode, message).at(format!("claims.outcomes.{at}"));
                self.refuse(refusal.by("outcome").allowing(&known));
            }
        }
        if selection.achieved.is_some_and(|achieved| achieved.last < achieved.first) {
            self.invalid("claims.achieved.last", "the range of days ends before it starts: correct its last day");
        }
    }

    /// Checks the reason for rejecting a claim.
    pub(crate) fn rejection(&mut self, defect: &str, remark: Option<&str>, rules: Rules<'_>) {
        self.code("defect", defect, CodeList::DefectCodes, rules);
        if let Some(remark) = remark {
            self.remark(remark);
        }
    }

    /// Checks a remark about a claim.
    pub(crate) fn remark(&mut self, remark: &str) {
        self.plain("remark", remark, REASON_MAX);
    }

    /// Checks the number of a remittance, which may look like a telephone number.
    pub(crate) fn remittance(&mut self, reference: &str) {
        self.reference("reference", reference);
    }
}
