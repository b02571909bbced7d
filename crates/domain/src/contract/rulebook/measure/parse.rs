//! Reads `[[measure]]`.
//!
//! Each measure is read alone. The measures that ratios name are checked once the whole rulebook is read, because they
//! may be any of its measures.

mod case_value;

use super::super::Codes;
use super::super::check::listed;
use super::super::grammar::case_values::TAKES_OF_CONTRACT;
use super::super::grammar::terms::BASES;
use super::super::outcome::parse as outcome;
use super::super::reader::{Fault, Report, Section};
use super::case_value::{ContractValues, TakeOfContract};
use super::known::KnownMeasures;
use super::{Basis, FactKind, Facts, Formula, Measure, is_of_every_contract};

/// The most decimal places that are shown.
const PLACES_MAX: u32 = 6;

/// The codes that facts of some kinds can have, as written, also those of sections with faults.
struct Names<'n> {
    codes: &'n Codes,
    stages: Vec<String>,
    standards: Vec<String>,
    outcomes: Vec<String>,
    /// The outcomes over many cases, which no single case achieves.
    over_many: Vec<String>,
}

/// The measures of the rulebook. The codes are those of its lists.
pub(in super::super) fn measures(top: &Section<'_>, codes: &Codes, report: &mut Report<'_>) -> Vec<Measure> {
    let names = Names {
        codes,
        stages: codes_of(top, "stage"),
        standards: codes_of(top, "standard"),
        outcomes: outcome::codes(top),
        over_many: outcome::codes_over_many(top),
    };
    let mut earlier: Vec<String> = Vec::new();
    let mut measures: Vec<Measure> = Vec::new();
    for section in top.sections("measure") {
        let (formula, places) = (names.formula(&section, report), places(&section, report));
        let Some(code) = section.text("code") else { continue };
        if let Some(problem) = names.taken(&code, &earlier) {
            report.add(section.place_of("code"), Some(&section.path_of("code")), problem, "give it another code");
        }
        earlier.push(code.clone());
        if let (Some(title), Some(formula), Some(places)) = (section.text("title"), formula, places) {
            let prose = section.text("about").unwrap_or_else(|| formula.in_words());
            let (unit, version) = (formula.unit(), top.text("version"));
            measures.push(Measure { code, title, prose, unit, places, formula, version });
        }
    }
    measures
}

/// The codes of the sections of one key.
fn codes_of(top: &Section<'_>, key: &str) -> Vec<String> {
    top.sections(key).iter().filter_map(|section| section.text("code")).collect()
}

fn places(section: &Section<'_>, report: &mut Report<'_>) -> Option<u32> {
    let places = section.whole("places")?;
    if places > PLACES_MAX
        && let Some(item) = section.item("places")
    {
        item.wrong(format!("{places} is more than {PLACES_MAX}"), report);
    }
    Some(places)
}

impl Names<'_> {
    /// Why a measure cannot have this code.
    fn taken(&self, code: &str, earlier: &[String]) -> Option<String> {
        if code.contains(':') {
            return Some(format!("{code:?} has a colon, as codes of the program's own measures have"));
        }
        if is_of_every_contract(code) {
            return Some(format!("{code:?} is the code of a measure that the program has"));
        }
        if holds(earlier, code) {
            return Some(format!("the measure {code:?} is already defined above"));
        }
        let others = [(&self.stages, "a stage"), (&self.standards, "a standard"), (&self.outcomes, "an outcome")];
        let other = others.into_iter().find(|(codes, _)| holds(codes, code));
        other.map(|(_, what)| format!("{code:?} is already the code of {what}"))
    }

    fn formula(&self, section: &Section<'_>, report: &mut Report<'_>) -> Option<Formula> {
        if let Some(count) = section.section("count") {
            return Some(Formula::Count(self.facts(&count, report)));
        }
        if let Some(sum) = section.section("sum") {
            return Some(Formula::Sum(self.facts(&sum, report)));
        }
        if let Some(of_cases) = section.section("of_cases") {
            return Some(Formula::OfCases(case_value::of_cases(self, &of_cases, report)?));
        }
        if let Some(share) = section.section("share") {
            return Some(Formula::Share(case_value::share(self, &share, report)?));
        }
        if let Some(instrument) = section.text("supervision") {
            return Some(Formula::Supervision(instrument));
        }
        if let Some(ratio) = section.section("ratio") {
            return Some(Formula::Ratio {
                of: ratio.text("of")?,
                over: ratio.text("over")?,
                basis: ratio.word("basis", &BASES)?,
                percent: ratio.flag("percent")?,
            });
        }
        let code = section.text("of_contract")?;
        let take = if section.has("take") { section.word("take", &TAKES_OF_CONTRACT)? } else { TakeOfContract::Sum };
        Some(Formula::OfContract(ContractValues { code, take }))
    }

    fn facts(&self, section: &Section<'_>, report: &mut Report<'_>) -> Facts {
        let kinds: Vec<FactKind> = section.texts("facts").iter().filter_map(|word| FactKind::named(word)).collect();
        if let Some(kind) = kinds.iter().find(|kind| kind.needs_code()).filter(|_| !section.has("codes")) {
            let problem = format!("facts of the kind {:?} are counted only by code", kind.as_str());
            report.add(section.at.clone(), Some(&section.path_of("codes")), problem, "write codes = [\"a_code\"]");
        }
        for item in section.item("codes").map(|item| item.elements()).unwrap_or_default() {
            let Ok(code) = item.text() else { continue };
            // A code is right if the facts of one of the kinds can have it.
            let faults: Option<Vec<Fault>> = kinds.iter().map(|kind| self.refused(*kind, &code)).collect();
            if let Some(fault) = faults.and_then(|faults| faults.into_iter().next()) {
                item.faulty(fault, report);
            }
        }
        Facts { kinds, codes: section.texts("codes") }
    }

    /// Why no fact of a kind can have this code.
    fn refused(&self, kind: FactKind, code: &str) -> Option<Fault> {
        match kind {
            FactKind::Stages => unknown("stage", &self.stages, code, "write a [[stage]] of that code"),
            FactKind::Achieved if holds(&self.over_many, code) => Some(Fault::Remedied {
                problem: format!("the outcome {code:?} is about many cases together, so no single case achieves it"),
                remedy: "name an outcome without scope".to_owned(),
            }),
            FactKind::Achieved => unknown("outcome", &self.outcomes, code, "write an [[outcome]] of that code"),
            FactKind::Due | FactKind::InTime => {
                unknown("standard", &self.standards, code, "write a [[standard]] of that code")
            }
            FactKind::SessionsOffered | FactKind::SessionsAttended => {
                unknown("kind of session", &["group", "single"].map(str::to_owned), code, "")
            }
            FactKind::Withdrawn => Some(Fault::Remedied {
                problem: format!("a withdrawal has no code, so none can be {code:?}"),
                remedy: "leave codes out".to_owned(),
            }),
            _ => listed(self.codes, kind.codes()?, code).err(),
        }
    }
}

fn holds(codes: &[String], code: &str) -> bool {
    codes.iter().any(|one| one == code)
}

/// The fault of a code that is not among those known. The last text is the remedy if there are none.
fn unknown(what: &str, known: &[String], code: &str, otherwise: &str) -> Option<Fault> {
    if holds(known, code) {
        return None;
    }
    let remedy = if known.is_empty() { otherwise.to_owned() } else { format!("write one of {}", known.join(", ")) };
    Some(Fault::Remedied { problem: format!("there is no {what} {code:?}"), remedy })
}

/// Reports ratios of what is no measure of the rulebook, of themselves, of other ratios, of values of cases, and of what
/// is not a number of cases if the basis needs cases. The rate of an outcome is such a ratio too.
pub(in super::super) fn check_ratios(top: &Section<'_>, known: &KnownMeasures, report: &mut Report<'_>) {
    let ratios = Ratios { known };
    for section in top.sections("measure") {
        let (Some(code), Some(ratio)) = (section.text("code"), section.section("ratio")) else { continue };
        let basis = ratio.word("basis", &BASES).unwrap_or(Basis::Period);
        for item in ["of", "over"].into_iter().filter_map(|key| ratio.item(key)) {
            let Ok(named) = item.text() else { continue };
            if let Some(fault) = ratios.fault(&code, &named, basis) {
                item.faulty(fault, report);
            }
        }
    }
    for item in top.sections("outcome").iter().filter_map(|section| section.item("rate_over")) {
        if let Some(fault) = item.text().ok().and_then(|named| ratios.fault("", &named, Basis::Period)) {
            item.faulty(fault, report);
        }
    }
}

struct Ratios<'m> {
    known: &'m KnownMeasures,
}

impl Ratios<'_> {
    /// Why the ratio of this code cannot be made of the measure that is named.
    fn fault(&self, code: &str, named: &str, basis: Basis) -> Option<Fault> {
        if named == code {
            let (problem, remedy) = ("it would be a ratio of itself", "name another measure");
            return Some(Fault::Remedied { problem: problem.to_owned(), remedy: remedy.to_owned() });
        }
        let (problem, remedy) = match self.known.find(named).map(|known| &known.formula) {
            None => return self.known.unknown(named, self.remedy()),
            Some(Formula::Ratio { of, over, .. }) => {
                (format!("{named:?} is itself a ratio"), format!("write {of} or {over}, which it is made of"))
            }
            Some(Formula::OfCases(_) | Formula::Share(_)) => (
                format!("{named:?} is made of the values of cases, and no ratio is made of these"),
                "name a measure that counts or adds up".to_owned(),
            ),
            Some(formula) if basis == Basis::Cohort && !formula.counts_cases() => (
                format!("{named:?} is not a number of cases, which the basis cohort needs"),
                "write basis = \"period\", or name a measure that counts cases, such as a stage".to_owned(),
            ),
            Some(_) => return None,
        };
        Some(Fault::Remedied { problem, remedy })
    }

    /// The measures of this rulebook that a ratio can be made of. Those that every contract has are too many to name.
    fn remedy(&self) -> String {
        let own = self.known.measures().iter().filter(|known| {
            let is_alone = matches!(known.formula, Formula::Ratio { .. } | Formula::OfCases(_) | Formula::Share(_));
            !is_alone && !known.code.contains(':') && !is_of_every_contract(&known.code)
        });
        let own: Vec<&str> = own.map(|known| known.code.as_str()).collect();
        let others = "one that every contract has, such as contacts, exits, caseload or wte";
        if own.is_empty() { format!("write {others}") } else { format!("write one of {}, or {others}", own.join(", ")) }
    }
}

#[cfg(test)]
mod tests;
