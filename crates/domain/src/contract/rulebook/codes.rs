//! The codes that commands of a contract may use.
//!
//! Codes are compared letter by letter.

use std::collections::BTreeMap;

/// One of the lists of `[codes]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CodeList {
    /// Service areas: boroughs, provinces, districts.
    Areas,
    /// Cohorts that a referral may name.
    Cohorts,
    /// Kinds of referring organisation.
    ReferrerKinds,
    /// Kinds of plan.
    PlanKinds,
    /// Channels of contact.
    ContactChannels,
    /// Domains of spells, such as employment or accommodation.
    SpellDomains,
    /// Kinds of evidence.
    EvidenceKinds,
    /// Kinds of risk.
    RiskKinds,
    /// Achievements that can be recorded.
    AchievementCodes,
    /// Measures that can be recorded.
    MeasureCodes,
    /// Reasons for a disengagement.
    DisengageReasons,
    /// Reasons for closing a case.
    CloseReasons,
    /// Defects of evidence and of claims.
    DefectCodes,
}

impl CodeList {
    /// Every list, in the order of the grammar.
    pub const ALL: [Self; 13] = [
        Self::Areas,
        Self::Cohorts,
        Self::ReferrerKinds,
        Self::PlanKinds,
        Self::ContactChannels,
        Self::SpellDomains,
        Self::EvidenceKinds,
        Self::RiskKinds,
        Self::AchievementCodes,
        Self::MeasureCodes,
        Self::DisengageReasons,
        Self::CloseReasons,
        Self::DefectCodes,
    ];

    /// Its key in `[codes]`, such as `plan_kinds`.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Areas => "areas",
            Self::Cohorts => "cohorts",
            Self::ReferrerKinds => "referrer_kinds",
            Self::PlanKinds => "plan_kinds",
            Self::ContactChannels => "contact_channels",
            Self::SpellDomains => "spell_domains",
            Self::EvidenceKinds => "evidence_kinds",
            Self::RiskKinds => "risk_kinds",
            Self::AchievementCodes => "achievement_codes",
            Self::MeasureCodes => "measure_codes",
            Self::DisengageReasons => "disengage_reasons",
            Self::CloseReasons => "close_reasons",
            Self::DefectCodes => "defect_codes",
        }
    }
}

/// The code lists of a contract. A list that is left out allows any code. An empty list allows none: `cohorts = []`
/// means that the contract has no cohorts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Codes {
    pub(super) lists: BTreeMap<CodeList, Vec<String>>,
    /// The codes of measures whose recorded values are amounts of money.
    pub(super) money: Vec<String>,
}

impl Codes {
    /// Whether a command may use this code. The error holds the codes that it may use, in the order of the rulebook.
    pub fn check(&self, list: CodeList, code: &str) -> Result<(), &[String]> {
        match self.listed(list) {
            Some(codes) if !codes.iter().any(|listed| listed == code) => Err(codes),
            _ => Ok(()),
        }
    }

    /// Whether what is recorded under a code is an amount of money in the currency of the rulebook.
    pub fn is_money(&self, measure_code: &str) -> bool {
        self.money.iter().any(|code| code == measure_code)
    }

    /// The codes of a list in the order of the rulebook; `None` if any code is allowed.
    pub fn listed(&self, list: CodeList) -> Option<&[String]> {
        self.lists.get(&list).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::{CodeList, Codes};

    #[test]
    fn a_list_left_out_allows_any_code_and_an_empty_one_none() {
        let codes = Codes {
            lists: [(CodeList::PlanKinds, vec!["php".to_owned()]), (CodeList::Cohorts, Vec::new())].into(),
            ..Codes::default()
        };
        assert_eq!(codes.check(CodeList::PlanKinds, "php"), Ok(()));
        assert_eq!(codes.check(CodeList::PlanKinds, "PHP"), Err(["php".to_owned()].as_slice()));
        assert_eq!(codes.check(CodeList::Cohorts, "a"), Err([].as_slice()));
        assert_eq!(codes.check(CodeList::Areas, "anywhere"), Ok(()));
    }
}
