//! The inputs of contracts: terms, rulebooks, targets, commentary, assessments, notices and actions.

use std::collections::BTreeMap;

use async_graphql::InputObject;
use chrono::NaiveDate;

use super::DayPeriodInput;
use super::convert::{Conversion, IntoDomain, IntoFact};
use super::name_value::each_once;
use crate::graphql::contract_record::NoticeKind;
use crate::graphql::scalars::{Date, Decimal, Id};
use throughline_domain::fact::event::{self, Event, Quantity};

/// A party to a contract.
#[derive(Debug, Clone, InputObject)]
pub struct PartyInput {
    /// The name of the organisation.
    pub name: String,
    /// Its role in this contract: commissioner, provider, investor and so on.
    pub role: Option<String>,
}

impl IntoDomain<Vec<event::Party>> for Vec<PartyInput> {
    fn into_domain(self, _: &mut Conversion) -> Vec<event::Party> {
        self.into_iter().map(|party| event::Party { name: party.name, role: party.role }).collect()
    }
}

/// The target of one month.
#[derive(Debug, Clone, Copy, InputObject)]
pub struct MonthTargetInput {
    /// The first day of the month.
    pub month: Date,
    /// The target, as a decimal such as `53.55`.
    pub target: Decimal,
}

impl IntoDomain<BTreeMap<NaiveDate, Quantity>> for Vec<MonthTargetInput> {
    fn into_domain(self, conversion: &mut Conversion) -> BTreeMap<NaiveDate, Quantity> {
        each_once(self.into_iter().map(|given| (given.month.0, Quantity(given.target.0))), "month", conversion)
    }
}

/// The target of one financial year.
#[derive(Debug, Clone, Copy, InputObject)]
pub struct YearTargetInput {
    /// The first day of the financial year.
    pub year: Date,
    /// The target. Its twelve months have equal parts of it.
    pub target: Decimal,
}

impl IntoDomain<BTreeMap<NaiveDate, Quantity>> for Vec<YearTargetInput> {
    fn into_domain(self, conversion: &mut Conversion) -> BTreeMap<NaiveDate, Quantity> {
        let entries = self.into_iter().map(|of| (of.year.0, Quantity(of.target.0)));
        each_once(entries, "year", conversion)
    }
}

/// Targets that follow from those of another measure.
#[derive(Debug, Clone, InputObject)]
pub struct TargetRatioInput {
    /// The other measure, by code. Its targets of the same profile, and area or cohort, are used.
    pub of: String,
    /// The factor, above 0, such as 0.88.
    pub factor: Decimal,
}

/// The targets of one measure, given in one of three ways: by month, by financial year, or as a ratio of another
/// measure's targets.
#[derive(Debug, Clone, InputObject)]
pub struct TargetSeriesInput {
    /// The stage, outcome or measure of the rulebook, by code. `value:outcomes` is the value of all outcomes together, such
    /// as a budget or a bid, in the currency of the contract.
    pub measure: String,
    /// The service area, by code. Default: the cohort, or else the whole contract.
    pub area: Option<String>,
    /// The cohort, by code, instead of a service area. Default: the service area, or else the whole contract.
    pub cohort: Option<String>,
    /// The target of each month.
    #[graphql(default)]
    pub months: Vec<MonthTargetInput>,
    /// The target of each financial year.
    #[graphql(default)]
    pub years: Vec<YearTargetInput>,
    /// The other measure from whose targets these follow.
    pub ratio: Option<TargetRatioInput>,
}

impl IntoDomain<Vec<event::TargetSeries>> for Vec<TargetSeriesInput> {
    fn into_domain(self, conversion: &mut Conversion) -> Vec<event::TargetSeries> {
        let series = |(index, given): (usize, TargetSeriesInput)| event::TargetSeries {
            measure: given.measure,
            area: given.area,
            cohort: given.cohort,
            months: conversion.entry(index, |conversion| {
                conversion.field("months", |conversion| given.months.into_domain(conversion))
            }),
            years: conversion
                .entry(index, |conversion| conversion.field("years", |conversion| given.years.into_domain(conversion))),
            ratio: given.ratio.map(|ratio| event::TargetRatio { of: ratio.of, factor: Quantity(ratio.factor.0) }),
        };
        self.into_iter().enumerate().map(series).collect()
    }
}

impl IntoDomain<event::NoticeKind> for NoticeKind {
    fn into_domain(self, _: &mut Conversion) -> event::NoticeKind {
        self.into()
    }
}

facts! {
    /// The terms of a new contract.
    OpeningFact | OpeningPatch => ContractOpened {
        /// The contract's code: its short name in rulebooks, commands and URLs, such as `shps`.
        code: String,
        /// The contract's full name.
        name: String,
        /// The parties to the contract.
        #[graphql(default)]
        parties: Vec<PartyInput>,
        /// The first day of the contract.
        starts_on: Date,
        /// The last day of the contract, if it has one.
        ends_on: Option<Date>,
    }
    /// The changed terms. Terms that are left out stay the same.
    VariationFact | VariationPatch => ContractVaried {
        /// The new name of the contract.
        name: Option<String>,
        /// The new parties: the complete list.
        parties: Option<Vec<PartyInput>>,
        /// The new last day of the contract.
        ends_on: Option<Date>,
        /// The change that was agreed: at most 200 characters, without personal data.
        reason: String,
    }
    /// The end of a contract.
    EndFact | EndPatch => ContractEnded {
        /// The reason: at most 200 characters, without personal data.
        reason: String,
    }
    /// A complete version of the targets of one profile. It replaces the version before it, which stays in the log.
    TargetsFact => TargetsPublished {
        /// The profile, such as `contract`, `business_plan` or `minimum_service`.
        profile: String,
        /// The series, one for each measure, and area or cohort.
        series: Vec<TargetSeriesInput>,
    }
    /// A commentary on a figure or a period, for a report.
    CommentaryFact | CommentaryPatch => CommentaryRecorded {
        /// The report, by code.
        report: String,
        /// The period that the commentary is about.
        period: DayPeriodInput,
        /// The section of the report, such as `highlights`.
        section: String,
        /// The commentary: at most 200 characters, without personal data.
        text: String,
    }
    /// A submitted report.
    SubmissionFact | SubmissionPatch => ReportSubmitted {
        /// The report, by code.
        report: String,
        /// The period that the report covers.
        period: DayPeriodInput,
    }
    /// The assessment of a key performance indicator.
    KpiFact | KpiPatch => KpiAssessed {
        /// The indicator: the code of a service standard or measure of the rulebook.
        kpi: String,
        /// The period.
        period: DayPeriodInput,
        /// The measured value. For a service standard: the share met in percent. Leave it out if there was nothing to
        /// measure.
        value: Option<Decimal>,
        /// The grade, for an indicator that the rulebook does not grade. Otherwise leave it out: the grade follows from
        /// the value. A different grade of the rulebook is accepted only with a reason.
        grade: Option<String>,
        /// Why the parties settled it so: a code or words, at most 200 characters, without personal data.
        reason: Option<String>,
    }
    /// A completed action.
    ActionDoneFact | ActionDonePatch => ActionCompleted {
        /// The id of the action.
        action: Id,
    }
    /// The dismissal of a suspected case of double funding.
    DismissalFact | DismissalPatch => DoubleFundingDismissed {
        /// The class of outcomes, such as `employment`.
        class: String,
        /// The id of the case in this contract.
        journey: Id,
        /// The id of the other case.
        other: Id,
        /// The reason: at most 200 characters, without personal data.
        reason: String,
    }
}

/// A period to close.
#[derive(Debug, Clone, Copy, InputObject)]
pub struct ClosedPeriodFact {
    /// The period.
    pub period: DayPeriodInput,
}

identified_facts! {
    /// A formal notice under the contract.
    NoticeFact | NoticePatch => NoticeIssued,
    /// The id of the notice. A correction keeps it.
    notice: NoticeId {
        /// The kind of notice.
        kind: NoticeKind,
        /// The code of the indicator that it answers, if it answers a single one.
        kpi: Option<String>,
        /// The reason: at most 200 characters, without personal data.
        reason: String,
    }
    /// An action that the parties agree.
    ActionFact | ActionPatch => ActionAgreed,
    /// The id of the action. A correction keeps it.
    action: ActionId {
        /// The id of the notice that it answers, if it answers one.
        notice: Option<Id>,
        /// The description of the action: at most 200 characters, without personal data.
        text: String,
        /// The party that must complete the action.
        owner: Option<String>,
        /// The due date.
        due_on: Option<Date>,
    }
}

inputs! {
    /// Opens a contract with its first rulebook.
    OpenContractInput {
        /// The terms of the contract.
        #[graphql(flatten)]
        fact: OpeningFact,
        /// The first rulebook, as TOML.
        rulebook: String,
    }
    /// Changes a contract's terms.
    VaryContractInput {
        /// The code of the contract.
        contract: String,
        /// The changes.
        #[graphql(flatten)]
        fact: VariationFact,
    }
    /// Ends a contract. `occurredOn` is the first day on which it no longer holds.
    EndContractInput {
        /// The code of the contract.
        contract: String,
        /// The reason.
        #[graphql(flatten)]
        fact: EndFact,
    }
    /// Publishes a further version of a contract's rulebook.
    PublishRulebookInput {
        /// The code of the contract.
        contract: String,
        /// The rulebook, as TOML.
        rulebook: String,
    }
    /// Publishes a version of a contract's targets.
    PublishTargetsInput {
        /// The code of the contract.
        contract: String,
        /// The targets.
        #[graphql(flatten)]
        fact: TargetsFact,
    }
    /// Records a commentary for a report.
    RecordCommentaryInput {
        /// The code of the contract.
        contract: String,
        /// The commentary.
        #[graphql(flatten)]
        fact: CommentaryFact,
    }
    /// Closes a period: its figures are settled. Facts dated in it can still be recorded later, with the warning
    /// `PERIOD_CLOSED`.
    ClosePeriodInput {
        /// The code of the contract.
        contract: String,
        /// The period.
        #[graphql(flatten)]
        fact: ClosedPeriodFact,
    }
    /// Records that a report was submitted.
    SubmitReportInput {
        /// The code of the contract.
        contract: String,
        /// The report.
        #[graphql(flatten)]
        fact: SubmissionFact,
    }
    /// Records the parties' assessment of a key performance indicator.
    AssessKpiInput {
        /// The code of the contract.
        contract: String,
        /// The assessment.
        #[graphql(flatten)]
        fact: KpiFact,
    }
    /// Issues a formal notice.
    IssueNoticeInput {
        /// The code of the contract.
        contract: String,
        /// The id of the notice. Default: a new id.
        notice: Option<Id>,
        /// The notice.
        #[graphql(flatten)]
        fact: NoticeFact,
    }
    /// Records an action that the parties agreed.
    AgreeActionInput {
        /// The code of the contract.
        contract: String,
        /// The id of the action. Default: a new id.
        action: Option<Id>,
        /// The action.
        #[graphql(flatten)]
        fact: ActionFact,
    }
    /// Records that an agreed action is completed.
    CompleteActionInput {
        /// The code of the contract.
        contract: String,
        /// The action.
        #[graphql(flatten)]
        fact: ActionDoneFact,
    }
    /// Dismisses a suspected case of double funding.
    DismissDoubleFundingInput {
        /// The code of the contract.
        contract: String,
        /// The cases and the reason.
        #[graphql(flatten)]
        fact: DismissalFact,
    }
}
