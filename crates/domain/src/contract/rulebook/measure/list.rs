//! The list of measures of a rulebook: those of its own and those that every contract has.
//!
//! It counts nothing.

use super::super::outcome::AchievedBy;
use super::super::{CodeList, Labels, Rulebook, Stage};
use super::case_value::{ContractValues, TakeOfContract};
use super::money::in_currency;
use super::{Basis, FactKind, Facts, Formula, Measure, Unit, Work, of_workforce, workforce};

/// The measures of a rulebook: its stages, its own measures, its standards and outcomes, those of the workforce, then
/// those of every kind of fact. Each code is there once. Of two with the same code, the one named first in this order has it.
pub fn measures(rulebook: &Rulebook) -> Vec<Measure> {
    let mut list = List { rulebook, measures: Vec::new() };
    for stage in &rulebook.stages {
        list.add(Measure {
            version: Some(rulebook.version.clone()),
            ..Measure::counted(stage.code.clone(), stage.label.clone(), Facts::one(FactKind::Stages, &stage.code))
        });
    }
    for measure in &rulebook.measures {
        list.add(measure.clone());
    }
    for pair in rulebook.stages.windows(2) {
        list.conversion(pair);
    }
    for standard in &rulebook.standards {
        list.add(Measure {
            code: standard.code.clone(),
            title: rulebook.labels.of(&standard.code),
            prose: format!(
                "The share of obligations of the standard {} that were met by their due date.",
                standard.code
            ),
            unit: Unit::Percent,
            places: 0,
            formula: Formula::Ratio {
                of: of_kind(FactKind::InTime, &standard.code),
                over: of_kind(FactKind::Due, &standard.code),
                basis: Basis::Period,
                percent: true,
            },
            version: Some(rulebook.version.clone()),
        });
        list.kind(FactKind::Due, &standard.code);
        list.kind(FactKind::InTime, &standard.code);
    }
    for outcome in &rulebook.outcomes {
        if matches!(outcome.achieved_by, AchievedBy::Many(_)) {
            continue;
        }
        let facts = || Facts::one(FactKind::Achieved, &outcome.code);
        list.add(Measure::counted(outcome.code.clone(), outcome.title.clone(), facts()));
        list.add(Measure::counted(of_kind(FactKind::Achieved, &outcome.code), outcome.title.clone(), facts()));
    }
    // Before recorded values, so that ratios of the workforce are never made of what was recorded under such a code.
    for measure in of_workforce(&rulebook.caseload) {
        list.add(measure);
    }
    for code in rulebook.codes.listed(CodeList::MeasureCodes).into_iter().flatten() {
        list.add(Measure::counted(code.clone(), rulebook.labels.of(code), Facts::one(FactKind::Recorded, code)));
        list.add(Measure {
            code: format!("contract:{code}"),
            title: rulebook.labels.of(code),
            prose: format!("The sum of the values recorded for the contract under {code}."),
            unit: Unit::Amount,
            places: 0,
            formula: Formula::OfContract(ContractValues { code: code.clone(), take: TakeOfContract::Sum }),
            version: None,
        });
    }
    list.of_every_contract();
    let plain = list.measures;
    let find = |code: &str| plain.iter().find(|measure| measure.code == code);
    plain.iter().map(|measure| in_currency(rulebook, measure.clone(), find)).collect()
}

/// The measure with this code.
pub fn measure(rulebook: &Rulebook, code: &str) -> Option<Measure> {
    measures(rulebook).into_iter().find(|measure| measure.code == code)
}

/// Whether a code is one of those that the program has for every contract: the word of a kind of fact, or the code of
/// a measure that no rulebook changes.
pub fn is_of_every_contract(code: &str) -> bool {
    let is_work = Work::ALL.iter().any(|work| work.as_str() == code);
    let is_other = ["contacts", "caseload", "caseload_throughout", "wte"].contains(&code);
    FactKind::named(code).is_some() || is_work || is_other || workforce::has(code)
}

/// The code of the measure that counts the facts of a kind with a code.
pub fn of_kind(kind: FactKind, code: &str) -> String {
    format!("{}:{code}", kind.as_str())
}

/// The measures as they are put together.
struct List<'r> {
    rulebook: &'r Rulebook,
    measures: Vec<Measure>,
}

impl List<'_> {
    fn add(&mut self, measure: Measure) {
        if self.measures.iter().all(|other| other.code != measure.code) {
            self.measures.push(measure);
        }
    }

    fn kind(&mut self, kind: FactKind, code: &str) {
        let title = format!("{}: {}", Labels::default().of(kind.as_str()), self.rulebook.labels.of(code));
        self.add(Measure::counted(of_kind(kind, code), title, Facts::one(kind, code)));
    }

    /// The share of a stage over the one before it in the funnel: of the same cases, and of the period.
    fn conversion(&mut self, pair: &[Stage]) {
        let [earlier, later] = pair else { return };
        let cohort = format!(
            "Cases that reached the stage {}, as a share of those that reached {} in the period.",
            later.code, earlier.code
        );
        let period = format!(
            "Cases that reached the stage {} in the period, as a share of the cases that reached {} in it. They need not \
             be the same cases.",
            later.code, earlier.code
        );
        for (code, basis, prose) in [
            (format!("conversion:{}", later.code), Basis::Cohort, cohort),
            (format!("conversion_in_period:{}", later.code), Basis::Period, period),
        ] {
            self.add(Measure {
                code,
                title: format!("{} over {}", later.label, earlier.label),
                prose,
                unit: Unit::Percent,
                places: 0,
                formula: Formula::Ratio { of: later.code.clone(), over: earlier.code.clone(), basis, percent: true },
                version: Some(self.rulebook.version.clone()),
            });
        }
    }

    fn of_every_contract(&mut self) {
        let rulebook = self.rulebook;
        let contacts = Facts { kinds: vec![FactKind::FaceToFace, FactKind::Remote], codes: Vec::new() };
        self.add(Measure {
            prose: "Contacts made, in any way.".to_owned(),
            ..Measure::counted("contacts".to_owned(), "Contacts".to_owned(), contacts)
        });
        for kind in FactKind::ALL {
            if !kind.prose().0.is_empty() {
                let code = kind.as_str().to_owned();
                let title = Labels::default().of(&code);
                self.add(Measure::counted(code, title, Facts::all(kind)));
            }
            let codes = kind.codes().filter(|_| kind != FactKind::Recorded);
            for code in codes.and_then(|list| rulebook.codes.listed(list)).into_iter().flatten() {
                self.kind(kind, code);
            }
        }
        for (code, title, prose, unit, places, formula) in [
            (
                "caseload",
                "Caseload",
                "Cases accepted and not closed at the end of the period.",
                Unit::Cases,
                0,
                Formula::Caseload,
            ),
            (
                "caseload_throughout",
                "Caseload throughout",
                "Cases that were on the caseload on every day of the period.",
                Unit::Cases,
                0,
                Formula::CaseloadThroughout,
            ),
            (
                "wte",
                "Full-time equivalents",
                "Full-time equivalents of the workers of the contract, as the mean over the days of the period.",
                Unit::Wte,
                1,
                Formula::Wte,
            ),
        ] {
            let (code, title, prose) = (code.to_owned(), title.to_owned(), prose.to_owned());
            self.add(Measure { code, title, prose, unit, places, formula, version: None });
        }
        for work in Work::ALL {
            let ((title, prose), formula) = (work.words(), Formula::Work(work));
            let (code, title, prose) = (work.as_str().to_owned(), title.to_owned(), prose.to_owned());
            self.add(Measure { code, title, prose, unit: formula.unit(), places: 0, formula, version: None });
        }
    }
}
