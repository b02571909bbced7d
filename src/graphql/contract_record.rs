//! The contract's record in the API: terms, targets, commentary, assessments, notices and actions.

use async_graphql::{Enum, ID, Result, SimpleObject};

use super::entry::{Shown, entries, shown};
use super::filter_checks;
use super::journey::Occurrence;
use super::journey::work::{DayPeriod, Measure};
use super::scalars::{Date, Decimal};
use throughline_domain::contract::register;
use throughline_domain::contract::rulebook::CodeList;
use throughline_domain::contract::{Contract, Rulebook};
use throughline_domain::fact::event;
use throughline_domain::performance::assessment;

/// A party to a contract.
#[derive(Debug, Clone, SimpleObject)]
pub struct Party {
    /// The name of the organisation.
    name: String,
    /// Its role in this contract: commissioner, provider, investor and so on.
    role: Option<String>,
}

shown! {
    event::Party => Party: |party| Party { name: party.name.clone(), role: party.role.clone() };
    event::NoticeKind => NoticeKind: |kind| (*kind).into();
}

entries! {
    /// A change to the contract's terms.
    Variation of ContractVaried {
        /// When it was agreed, and the reason.
        agreed: Occurrence = |entry| Occurrence::why(entry, Some(&entry.details.reason)),
        /// The new name of the contract. Null if unchanged.
        name: Option<String>,
        /// The new parties. Null if unchanged.
        parties: Option<Vec<Party>>,
        /// The new last day of the contract. Null if unchanged.
        ends_on: Option<Date>,
    }
    /// A commentary on a figure or a period, for a report.
    Commentary of CommentaryRecorded, occurred "The date of the commentary." {
        /// The code of the report.
        report: String,
        /// The period that the commentary is about.
        period: DayPeriod,
        /// The section of the report.
        section: String,
        /// The text of the commentary.
        text: String,
    }
    /// A submitted report.
    ReportSubmission of ReportSubmitted {
        /// The code of the report.
        report: String,
        /// The period that the report covers.
        period: DayPeriod,
        /// When it was submitted.
        submitted: Occurrence = Occurrence::of,
    }
    /// The assessment of a key performance indicator, as settled by the parties.
    KpiAssessment of KpiAssessed {
        /// The code of the indicator.
        kpi: String,
        /// The period.
        period: DayPeriod,
        /// The measured value. Null if there was nothing to measure.
        value: Option<Decimal>,
        /// The code of the grade.
        grade: String,
        /// When it was assessed, and the reason if the parties gave one.
        assessed: Occurrence = |entry| Occurrence::why(entry, entry.details.reason.as_deref()),
    }
    /// A formal notice under the contract.
    ContractNotice of NoticeIssued {
        /// The id of the notice.
        id: ID = |entry| ID(entry.details.notice.to_string()),
        /// The kind of notice.
        kind: NoticeKind,
        /// The code of the indicator that it answers. Null if it answers no single one.
        kpi: Option<String>,
        /// When it was issued, and the reason.
        issued: Occurrence = |entry| Occurrence::why(entry, Some(&entry.details.reason)),
    }
    /// A dismissed suspicion of double funding between two cases.
    DoubleFundingDismissal of DoubleFundingDismissed {
        /// The class of outcomes.
        class: String,
        /// The id of the case in this contract.
        journey: ID,
        /// The id of the other case.
        other: ID,
        /// When it was dismissed, and the reason.
        dismissed: Occurrence = |entry| Occurrence::why(entry, Some(&entry.details.reason)),
    }
}

/// Which targets to return.
#[derive(Debug, Clone, Default)]
pub(super) struct TargetsAsked {
    /// Only targets of this profile.
    pub(super) profile: Option<String>,
    /// Only targets for this measure.
    pub(super) measure: Option<String>,
    /// Only targets for this area.
    pub(super) area: Option<String>,
}

/// The version in force of the targets of one profile.
#[derive(Debug, Clone, SimpleObject)]
pub struct Targets {
    /// The profile, such as `contract`, `business_plan` or `minimum_service`.
    profile: String,
    /// The version of the profile, from 1 in the order of publication.
    version: i32,
    /// When it was published.
    published: Occurrence,
    /// The series, one for each measure, and area or cohort.
    series: Vec<TargetSeries>,
}

impl Targets {
    /// The requested targets in force, in the order of publication.
    pub(super) fn in_force(
        contract: &Contract,
        contract_record: &register::ContractRecord,
        asked: &TargetsAsked,
    ) -> Result<Vec<Self>> {
        asked.check(contract, contract_record)?;
        let is = |asked: &Option<String>, one: Option<&str>| asked.as_deref().is_none_or(|asked| one == Some(asked));
        let fits = |series: &&event::TargetSeries| {
            is(&asked.measure, Some(&series.measure)) && is(&asked.area, series.area.as_deref())
        };
        let wanted = contract_record.targets_in_force().filter(|targets| is(&asked.profile, Some(targets.profile())));
        let shown = wanted.map(|targets| Self {
            profile: targets.profile().to_owned(),
            version: i32::try_from(targets.version).unwrap_or(i32::MAX),
            published: Occurrence::of(&targets.published),
            series: targets.published.details.series.iter().filter(fits).map(Into::into).collect(),
        });
        Ok(shown.collect())
    }
}

impl TargetsAsked {
    /// Refuses profiles, measures and areas that no rulebook version has and no targets name.
    fn check(&self, contract: &Contract, contract_record: &register::ContractRecord) -> Result<()> {
        let published = || contract_record.targets_in_force();
        let series = || published().flat_map(|targets| &targets.published.details.series);
        let Self { profile, measure, area } = self;
        if let Some(profile) = profile.as_deref().filter(|asked| !published().any(|of| of.profile() == *asked)) {
            let profiles = |rules: &Rulebook| Some(rules.profiles.clone()).filter(|profiles| !profiles.is_empty());
            filter_checks::code([contract], "profile", Some(profile), profiles)?;
        }
        if let Some(measure) = measure.as_deref().filter(|asked| !series().any(|of| of.measure == *asked)) {
            filter_checks::code([contract], "measure", Some(measure), aims)?;
        }
        match area.as_deref().filter(|asked| !series().any(|of| of.area.as_deref() == Some(asked))) {
            Some(area) => filter_checks::area([contract], Some(area)),
            None => Ok(()),
        }
    }
}

/// The stages and measures that may have targets; none if the rulebook allows any.
fn aims(rules: &Rulebook) -> Option<Vec<String>> {
    let mut aims = filter_checks::listed(rules, CodeList::MeasureCodes)?;
    aims.extend(rules.stages.iter().map(|stage| stage.code.clone()));
    aims.extend(rules.outcomes.iter().map(|outcome| outcome.code.clone()));
    aims.extend(rules.standards.iter().map(|standard| standard.code.clone()));
    Some(aims)
}

/// The parties to the contract.
pub(super) fn parties(terms: &register::Terms) -> Vec<Party> {
    terms.parties().iter().map(Shown::shown).collect()
}

/// The measurements of the whole contract, oldest first.
pub(super) fn measures(
    contract: &Contract,
    contract_record: &register::ContractRecord,
    code: Option<&str>,
) -> Result<Vec<Measure>> {
    let measured =
        || contract_record.measures.iter().filter(|found| code.is_none_or(|code| found.details.code == code));
    if measured().next().is_none() {
        filter_checks::code([contract], "measure", code, |rules| filter_checks::listed(rules, CodeList::MeasureCodes))?;
    }
    Ok(measured().map(Into::into).collect())
}

impl KpiAssessment {
    /// The assessments of key performance indicators, oldest first.
    pub(super) fn found(
        contract: &Contract,
        contract_record: &register::ContractRecord,
        kpi: Option<&str>,
    ) -> Result<Vec<Self>> {
        let found = || contract_record.assessments.iter().filter(|one| kpi.is_none_or(|kpi| one.details.kpi == kpi));
        if found().next().is_none() {
            filter_checks::code([contract], "indicator", kpi, assessment::indicators)?;
        }
        Ok(found().map(Into::into).collect())
    }
}

impl ReportSubmission {
    /// The submissions of a report, oldest first.
    pub(super) fn of_report(contract_record: &register::ContractRecord, report: Option<&str>) -> Vec<Self> {
        let asked =
            contract_record.reports.iter().filter(|one| report.is_none_or(|report| one.details.report == report));
        asked.map(Into::into).collect()
    }
}

impl Commentary {
    /// The commentary for a report and exactly a period, oldest first.
    pub(super) fn said(
        contract_record: &register::ContractRecord,
        report: Option<&str>,
        period: Option<event::Period>,
    ) -> Result<Vec<Self>> {
        filter_checks::days("the days of the period", period.map(|days| days.first), period.map(|days| days.last))?;
        let said = contract_record.commentary.iter().filter(|said| {
            report.is_none_or(|report| said.details.report == report)
                && period.is_none_or(|period| said.details.period == period)
        });
        Ok(said.map(Into::into).collect())
    }
}

/// The targets of one measure, given by month, by financial year, or as a ratio of another measure's targets.
#[derive(Debug, Clone, SimpleObject)]
pub struct TargetSeries {
    /// The code of the stage or measure in the rulebook.
    measure: String,
    /// The code of the service area. Null for a cohort or the whole contract.
    area: Option<String>,
    /// The code of the cohort. Null for a service area or the whole contract.
    cohort: Option<String>,
    /// The target of each month, in order. Empty if the targets are given in another way.
    months: Vec<MonthTarget>,
    /// The target of each financial year, in order. Empty if the targets are given in another way.
    years: Vec<YearTarget>,
    /// The other measure from whose targets these follow. Null if the targets are given in another way.
    ratio: Option<TargetRatio>,
}

/// The target of one month.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub struct MonthTarget {
    /// The first day of the month.
    month: Date,
    /// The target.
    target: Decimal,
}

/// The target of one financial year.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub struct YearTarget {
    /// The first day of the financial year.
    year: Date,
    /// The target. Its twelve months have equal parts of it.
    target: Decimal,
}

/// Targets that follow from those of another measure.
#[derive(Debug, Clone, SimpleObject)]
pub struct TargetRatio {
    /// The code of the other measure. Its targets of the same profile, and area or cohort, are used.
    of: String,
    /// The factor.
    factor: Decimal,
}

impl From<&event::TargetSeries> for TargetSeries {
    fn from(series: &event::TargetSeries) -> Self {
        let months = series.months.iter();
        let years = series.years.iter();
        Self {
            measure: series.measure.clone(),
            area: series.area.clone(),
            cohort: series.cohort.clone(),
            months: months.map(|(month, of)| MonthTarget { month: Date(*month), target: Decimal(of.0) }).collect(),
            years: years.map(|(year, of)| YearTarget { year: Date(*year), target: Decimal(of.0) }).collect(),
            ratio: series
                .ratio
                .as_ref()
                .map(|ratio| TargetRatio { of: ratio.of.clone(), factor: Decimal(ratio.factor.0) }),
        }
    }
}

/// The kind of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "event::NoticeKind")]
pub enum NoticeKind {
    /// The provider must say how it will improve.
    ImprovementPlan,
    /// The provider must follow a plan supervised by the commissioner.
    PerformancePlan,
    /// Part of the payment is withheld.
    Withholding,
    /// Referrals are redirected or stopped.
    ReferralChange,
    /// The contract is terminated.
    Termination,
}

/// An action that the parties agreed.
#[derive(Debug, Clone, SimpleObject)]
pub struct ContractAction {
    /// The id of the action.
    id: ID,
    /// The id of the notice that it answers. Null if it answers none.
    notice: Option<ID>,
    /// The description of the action.
    text: String,
    /// The party that must complete the action.
    owner: Option<String>,
    /// The due date.
    due_on: Option<Date>,
    /// When it was agreed.
    agreed: Occurrence,
    /// When it was completed. Null if it is not completed yet.
    completed: Option<Occurrence>,
}

impl From<&register::Action> for ContractAction {
    fn from(action: &register::Action) -> Self {
        let agreed = &action.agreed.details;
        Self {
            id: ID(agreed.action.to_string()),
            notice: agreed.notice.map(|notice| ID(notice.to_string())),
            text: agreed.text.clone(),
            owner: agreed.owner.clone(),
            due_on: agreed.due_on.map(Date),
            agreed: Occurrence::of(&action.agreed),
            completed: action.completed.as_ref().map(Occurrence::of),
        }
    }
}
