//! Checks the values of each fact of a contract: texts, periods, codes and numbers.
//!
//! Pure. It never reads another fact. The checks of a rulebook are in the publishing command.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike as _, NaiveDate};

use super::{CODE_MAX, REASON_MAX, Rules, Validator};
use crate::contract::Contract;
use crate::contract::rulebook::canonical::sha256_hex;
use crate::contract::rulebook::{CodeList, MonthDay};
use crate::fact::envelope::Occurred;
use crate::fact::event::{
    ActionAgreed, ClosedDocument, CommentaryRecorded, ContractOpened, ContractVaried, DoubleFundingDismissed, Event,
    KpiAssessed, Party, PeriodClosed, Quantity, TargetRatio, TargetSeries, TargetsPublished,
};
use crate::fact::path::{Name, Place, Under};
use crate::fact::personal;
use crate::fact::refusal::{Refusal, RefusalCode};
use crate::performance::measure::measures;
use crate::performance::target::{VALUE, faulty_ratios};

/// The most parties of a contract.
const PARTIES_MAX: usize = 50;
/// The most series of one version of targets.
const SERIES_MAX: usize = 2_000;
/// The most months of one series: a hundred years.
const MONTHS_MAX: usize = 1_200;
/// The most years of one series.
const YEARS_MAX: usize = 100;
/// The most documents of a closed period.
const DOCUMENTS_MAX: usize = 50;
/// The most bytes of all documents of a closed period. Written as a line of an export they are at most twice as long,
/// which is less than the longest line that an import reads.
const DOCUMENTS_BYTES_MAX: usize = 3 * 1024 * 1024;

impl Validator {
    /// Checks the values of a fact of a contract.
    pub(crate) fn of_contract(&mut self, occurred: Occurred, fact: &Event, contract: &Contract) {
        match fact {
            Event::ContractOpened(opened) => self.opening(opened),
            Event::ContractVaried(varied) => self.variation(varied),
            Event::ContractEnded(ended) => self.reason(&ended.reason),
            Event::TargetsPublished(published) => self.targets(published, Rules { contract, on: occurred.earliest() }),
            Event::CommentaryRecorded(said) => self.commentary(said),
            Event::PeriodClosed(closed) => self.closing(occurred, closed),
            Event::ReportSubmitted(submitted) => {
                self.plain("report", &submitted.report, CODE_MAX);
                self.over("period", submitted.period);
            }
            Event::KpiAssessed(assessed) => self.assessed(assessed),
            Event::NoticeIssued(issued) => {
                self.reason(&issued.reason);
                if let Some(kpi) = &issued.kpi {
                    self.plain("kpi", kpi, CODE_MAX);
                }
            }
            Event::ActionAgreed(action) => self.action(occurred, action),
            Event::DoubleFundingDismissed(dismissed) => self.dismissal(dismissed),
            _ => {}
        }
    }

    /// Checks the terms of a new contract.
    pub(crate) fn opening(&mut self, opened: &ContractOpened) {
        self.contract_code("code", &opened.code);
        self.name("name", &opened.name);
        self.parties(&opened.parties);
        self.date(opened.starts_on, "starts_on");
        if let Some(ends_on) = opened.ends_on {
            self.date(ends_on, "ends_on");
            if ends_on < opened.starts_on {
                self.invalid("ends_on", "the contract ends before it starts: use a day on or after starts_on");
            }
        }
    }

    fn parties(&mut self, parties: &[Party]) {
        self.at_most("parties", parties.len(), PARTIES_MAX);
        for (index, party) in parties.iter().take(PARTIES_MAX).enumerate() {
            self.name(&format!("parties.{index}.name"), &party.name);
            if let Some(role) = &party.role {
                self.name(&format!("parties.{index}.role"), role);
            }
        }
    }

    fn variation(&mut self, varied: &ContractVaried) {
        self.reason(&varied.reason);
        if let Some(name) = &varied.name {
            self.name("name", name);
        }
        if let Some(parties) = &varied.parties {
            self.parties(parties);
        }
        if let Some(ends_on) = varied.ends_on {
            self.date(ends_on, "ends_on");
        }
        if varied.name.is_none() && varied.parties.is_none() && varied.ends_on.is_none() {
            self.missing("name", "the variation changes nothing: give a new name, new parties or a new last day");
        }
    }

    fn targets(&mut self, published: &TargetsPublished, rules: Rules<'_>) {
        self.plain("profile", &published.profile, CODE_MAX);
        let is_short = self.at_most("series", published.series.len(), SERIES_MAX);
        if published.series.is_empty() {
            self.missing("series", "there are no targets: give at least one series");
        }
        let mut named = BTreeSet::new();
        for (index, series) in published.series.iter().take(SERIES_MAX).enumerate() {
            let path = format!("series.{index}");
            self.series(&path, series, rules);
            if !named.insert((&series.measure, &series.area, &series.cohort)) {
                self.invalid(&path, "this measure and area or cohort appear twice: give one series for each");
            }
        }
        // What looks like personal data, or is no valid code, is not repeated in further messages.
        if is_short && self.refusals.is_empty() {
            for (index, fault) in faulty_ratios(published) {
                self.invalid(&format!("series.{index}.ratio.of"), fault.to_string());
            }
        }
    }

    /// Checks one series: by month, by year or as a ratio, and in one way only.
    fn series(&mut self, path: &str, series: &TargetSeries, rules: Rules<'_>) {
        self.aim(&format!("{path}.measure"), &series.measure, rules);
        if let Some(area) = &series.area {
            self.code(&format!("{path}.area"), area, CodeList::Areas, rules);
        }
        if let Some(cohort) = &series.cohort {
            let path = format!("{path}.cohort");
            if series.area.is_some() {
                self.invalid(&path, "a series is for an area or a cohort: give only one of them");
            } else {
                self.code(&path, cohort, CodeList::Cohorts, rules);
            }
        }
        let (months, years) = (format!("{path}.months"), format!("{path}.years"));
        match (series.months.is_empty(), series.years.is_empty(), &series.ratio) {
            (true, true, None) => self.missing(&months, "the series has no targets: give months, years or a ratio"),
            (false, true, None) => self.series_of(&months, &series.months, MONTHS_MAX, |validator, name, month| {
                if month.day() != 1 {
                    validator.invalid(name, "a month is given as its first day: use a date such as 2018-02-01");
                }
            }),
            (true, false, None) => {
                let starts =
                    rules.contract.rulebook_in_force(rules.on).map(|rulebook| rulebook.calendar.financial_year);
                self.series_of(&years, &series.years, YEARS_MAX, |validator, name, year| {
                    let given = MonthDay { month: year.month(), day: year.day() };
                    if let Some(MonthDay { month, day }) = starts.filter(|starts| *starts != given) {
                        let example = format!("{:04}-{month:02}-{day:02}", year.year());
                        validator
                            .invalid(name, format!("a year is given as its first day: use a date such as {example}"));
                    }
                });
            }
            (true, true, Some(ratio)) => self.ratio(&format!("{path}.ratio"), ratio, rules),
            _ => self
                .invalid(path, "the series has several kinds of targets: give only months, only years or only a ratio"),
        }
    }

    /// Checks the targets of a series by month or year.
    fn series_of(
        &mut self,
        path: &str,
        targets: &BTreeMap<NaiveDate, Quantity>,
        most: usize,
        is_first: impl Fn(&mut Self, Name<'_>, NaiveDate),
    ) {
        self.at_most(path, targets.len(), most);
        for (first, target) in targets.iter().take(most) {
            let named = first.to_string();
            let (name, value) = (Name(path, &named), Under(path, &named));
            self.date(*first, name);
            is_first(self, name, *first);
            if target.0.is_sign_negative() && !target.0.is_zero() {
                self.invalid(value, format!("{target} is out of range: a target is 0 or more"));
            } else {
                self.quantity(value, *target);
            }
        }
    }

    fn ratio(&mut self, path: &str, ratio: &TargetRatio, rules: Rules<'_>) {
        self.aim(&format!("{path}.of"), &ratio.of, rules);
        let factor = format!("{path}.factor");
        if ratio.factor.0.is_sign_negative() || ratio.factor.0.is_zero() {
            self.invalid(&factor, format!("{} is out of range: a factor is above 0", ratio.factor));
        } else {
            self.quantity(&factor, ratio.factor);
        }
    }

    /// Checks the measure of a target: a stage, outcome or standard of the rulebook in force, one of its listed
    /// measures, or any other measure of its contract.
    fn aim(&mut self, path: impl Place, measure: &str, rules: Rules<'_>) {
        if !self.text(path, measure, CODE_MAX) {
            return;
        }
        let Some(rulebook) = rules.in_force().filter(|_| measure != VALUE) else { return };
        let stages = rulebook.stages.iter().map(|stage| stage.code.as_str());
        let outcomes = rulebook.outcomes.iter().map(|outcome| outcome.code.as_str());
        let standards = rulebook.standards.iter().map(|standard| standard.code.as_str());
        let listed = rulebook.codes.listed(CodeList::MeasureCodes);
        let recorded = listed.into_iter().flatten().map(String::as_str);
        let known: BTreeSet<&str> = stages.chain(outcomes).chain(standards).chain(recorded).collect();
        if known.contains(measure) {
            return;
        }
        let measures = measures(rulebook);
        let known: BTreeSet<&str> = known.into_iter().chain(measures.iter().map(|one| one.code.as_str())).collect();
        // If the rulebook lists no measures, any measure is accepted.
        if known.contains(measure) || !self.impersonal(path, personal::found_in(measure)) || listed.is_none() {
            return;
        }
        let message = format!("the rulebook {} has no measure {measure:?}: use one of those allowed", rulebook.version);
        let refusal = Refusal::new(RefusalCode::UnknownCode, message).at(path);
        let rule = "a target names one of the rulebook's stages, outcomes, standards or codes.measure_codes, or \
                    another measure of its contract, or the value of all outcomes: value:outcomes";
        self.refuse(refusal.by(rule).allowing(known));
    }

    fn commentary(&mut self, said: &CommentaryRecorded) {
        self.plain("report", &said.report, CODE_MAX);
        self.over("period", said.period);
        self.plain("section", &said.section, CODE_MAX);
        self.plain("text", &said.text, REASON_MAX);
    }

    /// A period can only be closed once it is over.
    fn closing(&mut self, occurred: Occurred, closed: &PeriodClosed) {
        self.over("period", closed.period);
        if closed.period.last > occurred.latest() {
            self.invalid("period.last", "the period is not over: date the closing on or after its last day");
        } else if closed.period.last >= self.today {
            self.invalid("period.last", "the period is not over: close it on the day after its last day, or later");
        }
        self.documents(&closed.documents);
    }

    /// Checks the documents of a closed period: each report once, unchanged since it was built, and not too long.
    fn documents(&mut self, documents: &[ClosedDocument]) {
        if !self.at_most("documents", documents.len(), DOCUMENTS_MAX) {
            return;
        }
        let bytes: usize = documents.iter().map(|document| document.content.as_str().len()).sum();
        if bytes > DOCUMENTS_BYTES_MAX {
            let message = format!(
                "the documents of this period have {bytes} bytes: use at most {DOCUMENTS_BYTES_MAX}, with fewer \
                 tables in the rulebook's reports"
            );
            self.too_long("period", message);
            return;
        }
        let mut reports = BTreeSet::new();
        for (index, document) in documents.iter().enumerate() {
            self.plain(&format!("documents.{index}.report"), &document.report, CODE_MAX);
            if !reports.insert(&document.report) {
                self.invalid(&format!("documents.{index}.report"), "this report appears twice: give it once");
            }
            if document.digest != sha256_hex(document.content.as_str()) {
                let message = "the digest is not that of the content: give the document as it was closed";
                self.invalid(&format!("documents.{index}.digest"), message);
            }
        }
    }

    fn assessed(&mut self, assessed: &KpiAssessed) {
        self.plain("kpi", &assessed.kpi, CODE_MAX);
        self.over("period", assessed.period);
        if let Some(value) = assessed.value {
            self.quantity("value", value);
        }
        // Without a grade, the rulebook decides it.
        if !assessed.grade.is_empty() {
            self.plain("grade", &assessed.grade, CODE_MAX);
        }
        if let Some(reason) = &assessed.reason {
            self.reason(reason);
        }
    }

    fn action(&mut self, occurred: Occurred, action: &ActionAgreed) {
        self.plain("text", &action.text, REASON_MAX);
        if let Some(owner) = &action.owner {
            self.name("owner", owner);
        }
        if let Some(due_on) = action.due_on {
            self.date(due_on, "due_on");
            if due_on < occurred.earliest() {
                self.invalid("due_on", "the action is due before it was agreed: use a later day");
            }
        }
    }

    fn dismissal(&mut self, dismissed: &DoubleFundingDismissed) {
        self.plain("class", &dismissed.class, CODE_MAX);
        self.reason(&dismissed.reason);
        if dismissed.journey == dismissed.other {
            self.invalid("other", "both cases are the same: name the other case");
        }
    }
}
