//! The shape of what is said of a batch: its names, remarks and codes.
//!
//! Pure. Which claims there are and what they come to is not asked here.

use super::{CODE_MAX, REASON_MAX, Rules, Shape};
use crate::contract::rulebook::CodeList;
use crate::journey::event::BatchOpened;
use crate::log::envelope::Occurred;

impl Shape {
    /// How a batch is begun.
    pub(crate) fn of_batch(&mut self, occurred: Occurred, opened: &BatchOpened) {
        self.occurred(occurred);
        if let Some(reference) = &opened.reference {
            self.plain("reference", reference, CODE_MAX);
        }
        if let Some(period) = opened.period {
            self.date(period.first, "period.first");
            self.date(period.last, "period.last");
            if period.last < period.first {
                self.invalid("period.last", "the period would end before it begins: write its last day");
            }
        }
    }

    /// Why a claim is rejected.
    pub(crate) fn rejection(&mut self, defect: &str, remark: Option<&str>, rules: Rules<'_>) {
        self.code("defect", defect, CodeList::DefectCodes, rules);
        if let Some(remark) = remark {
            self.remark(remark);
        }
    }

    /// What is said of a claim.
    pub(crate) fn remark(&mut self, remark: &str) {
        self.plain("remark", remark, REASON_MAX);
    }

    /// The number of a remittance, which may look like a telephone number.
    pub(crate) fn remittance(&mut self, reference: &str) {
        self.reference("reference", reference);
    }
}
