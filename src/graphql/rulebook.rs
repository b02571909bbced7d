//! Rulebooks in the API: the codes and rules from which a client builds forms, and the published versions.
//!
//! This module shows what a rulebook says. It judges nothing.

use std::sync::Arc;

use async_graphql::{Enum, ID, Object, Result, SimpleObject};

use super::bounds::PageLength;
use super::cursor::{Cursors, Parts};
use super::event::OccurredOn;
use super::page::{self, Listed, Page};
use super::scalars::{Date, Decimal};
use throughline_domain::contract::rulebook::league::League;
use throughline_domain::contract::rulebook::outcome::{AchievedBy, Digest, OncePer as Once};
use throughline_domain::contract::rulebook::terms::Within;
use throughline_domain::contract::rulebook::{self as domain, CodeList, Labels, Rulebook, explain, shown_value};
use throughline_domain::contract::{Contract, Published};
use throughline_domain::fact::envelope::{EventId, Occurred};

/// One version of a contract's rulebook: its codes, outcomes and service standards.
pub struct RulebookVersion {
    rulebook: Arc<Rulebook>,
    event: EventId,
    published: Option<Occurred>,
    superseded_by: Option<String>,
}

/// A stage that a case can reach.
#[derive(Debug, Clone, SimpleObject)]
pub struct StageOfFunnel {
    /// The code of the stage.
    code: String,
    /// The label on the board.
    label: String,
}

/// A code with its label.
#[derive(Debug, Clone, SimpleObject)]
pub struct CodeLabel {
    /// The code, for commands and filters.
    code: String,
    /// The label in the rulebook, otherwise the code written as words.
    label: String,
}

impl CodeLabel {
    fn of(code: &str, labels: &Labels) -> Self {
        Self { code: code.to_owned(), label: labels.of(code) }
    }

    fn all<'a>(codes: impl IntoIterator<Item = &'a String>, labels: &Labels) -> Vec<Self> {
        codes.into_iter().map(|code| Self::of(code, labels)).collect()
    }
}

/// The codes that commands may use, list by list, in the order of the rulebook. A list that is null allows any code; an
/// empty list allows none.
pub struct RulebookCodes {
    rulebook: Arc<Rulebook>,
}

/// The codes that commands may use, list by list, in the order of the rulebook. A list that is null allows any code; an
/// empty list allows none.
#[Object]
impl RulebookCodes {
    /// The service areas.
    async fn areas(&self) -> Option<Vec<CodeLabel>> {
        self.list(CodeList::Areas)
    }

    /// The cohorts of a referral.
    async fn cohorts(&self) -> Option<Vec<CodeLabel>> {
        self.list(CodeList::Cohorts)
    }

    /// The kinds of referrer.
    async fn referrer_kinds(&self) -> Option<Vec<CodeLabel>> {
        self.list(CodeList::ReferrerKinds)
    }

    /// The kinds of plan.
    async fn plan_kinds(&self) -> Option<Vec<CodeLabel>> {
        self.list(CodeList::PlanKinds)
    }

    /// The channels of a contact.
    async fn contact_channels(&self) -> Option<Vec<CodeLabel>> {
        self.list(CodeList::ContactChannels)
    }

    /// The domains of a spell.
    async fn spell_domains(&self) -> Option<Vec<CodeLabel>> {
        self.list(CodeList::SpellDomains)
    }

    /// The kinds of evidence.
    async fn evidence_kinds(&self) -> Option<Vec<CodeLabel>> {
        self.list(CodeList::EvidenceKinds)
    }

    /// The kinds of risk.
    async fn risk_kinds(&self) -> Option<Vec<CodeLabel>> {
        self.list(CodeList::RiskKinds)
    }

    /// The codes of achievements.
    async fn achievement_codes(&self) -> Option<Vec<CodeLabel>> {
        self.list(CodeList::AchievementCodes)
    }

    /// The codes of measures.
    async fn measure_codes(&self) -> Option<Vec<CodeLabel>> {
        self.list(CodeList::MeasureCodes)
    }

    /// The reasons for a disengagement.
    async fn disengage_reasons(&self) -> Option<Vec<CodeLabel>> {
        self.list(CodeList::DisengageReasons)
    }

    /// The reasons for a close, a decline and a withdrawal.
    async fn close_reasons(&self) -> Option<Vec<CodeLabel>> {
        self.list(CodeList::CloseReasons)
    }

    /// The defects of evidence and claims.
    async fn defect_codes(&self) -> Option<Vec<CodeLabel>> {
        self.list(CodeList::DefectCodes)
    }
}

impl RulebookCodes {
    fn list(&self, list: CodeList) -> Option<Vec<CodeLabel>> {
        self.rulebook.codes.listed(list).map(|codes| CodeLabel::all(codes, &self.rulebook.labels))
    }
}

/// The attributes that a spell of one domain can have.
#[derive(Debug, Clone, SimpleObject)]
pub struct DomainAttributes {
    /// The domain of the spell.
    domain: CodeLabel,
    /// The attributes, by name. A spell of this domain can have no others.
    attributes: Vec<AttributeChoice>,
}

/// An attribute of a spell.
#[derive(Debug, Clone, SimpleObject)]
pub struct AttributeChoice {
    /// The name, for commands.
    name: String,
    /// The label.
    label: String,
    /// Whether every spell of the domain must have it from its start.
    required: bool,
    /// The allowed values, in the order of the rulebook. Null: any value.
    values: Option<Vec<CodeLabel>>,
}

/// Whether an outcome is paid once per case or once per person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Once")]
pub enum OncePer {
    /// Once per case.
    Journey,
    /// Once per person, across cases and linked records.
    Person,
}

/// An outcome that the contract pays for or counts.
#[derive(Debug, Clone, SimpleObject)]
pub struct RulebookOutcome {
    /// The code of the outcome.
    code: String,
    /// The title of the outcome.
    title: String,
    /// The class of the outcome. Payments under the same class in other contracts are flagged as double funding.
    class: Option<String>,
    /// The group of the outcome. At most one outcome of a group is paid.
    group: Option<String>,
    /// The code of the lower outcome that this outcome converts: only the difference in price is paid.
    converts_from: Option<String>,
    /// Whether it is paid once per case or once per person.
    once_per: OncePer,
    /// Whether it covers many cases together.
    over_many: bool,
    /// How many times it can be achieved in one case.
    repeats: u32,
    /// The evidence that it requires. Null: none.
    evidence: Option<EvidenceAsked>,
    /// The number of working days after achievement before it can be claimed.
    claimable_after_working_days: u32,
    /// The number of days after achievement within which it can be claimed. Null: no limit.
    claimable_within_days: Option<u32>,
    /// How many times it can be submitted, including rejected submissions.
    attempts: u32,
    /// The code of the measure that boards show it as a share of. Null: none.
    rate_over: Option<String>,
    /// Whether it has a price.
    priced: bool,
    /// The rules of the outcome, in sentences.
    in_words: Vec<String>,
}

/// The evidence that an outcome requires.
#[derive(Debug, Clone, SimpleObject)]
pub struct EvidenceAsked {
    /// The kinds of which one is enough.
    any_of: Vec<CodeLabel>,
    /// The kinds that are all required.
    all_of: Vec<CodeLabel>,
    /// Whether each piece must be verified.
    verified: bool,
    /// Whether each piece must have the SHA-256 of its file.
    digest: bool,
    /// The most days before achievement that a piece can be dated. Null: any number.
    dated_before_days: Option<u32>,
    /// The most days after achievement that a piece can be dated. Null: any number.
    dated_after_days: Option<u32>,
}

impl RulebookOutcome {
    fn of(outcome: &domain::Outcome, rulebook: &Rulebook) -> Self {
        let terms = match &outcome.achieved_by {
            AchievedBy::Journey(terms) => Some(terms),
            AchievedBy::Many(_) => None,
        };
        let labels = &rulebook.labels;
        let evidence = terms.and_then(|terms| terms.evidence.as_ref()).map(|asked| EvidenceAsked {
            any_of: CodeLabel::all(&asked.any_of, labels),
            all_of: CodeLabel::all(&asked.all_of, labels),
            verified: asked.verified,
            digest: asked.digest == Digest::Required,
            dated_before_days: asked.dated_before_days,
            dated_after_days: asked.dated_after_days,
        });
        Self {
            code: outcome.code.clone(),
            title: outcome.title.clone(),
            class: outcome.class.clone(),
            group: outcome.group.clone(),
            converts_from: outcome.convert_from.clone(),
            once_per: outcome.once_per.into(),
            over_many: terms.is_none(),
            repeats: terms.map_or(1, |terms| terms.repeats),
            evidence,
            claimable_after_working_days: outcome.claim.after_working_days,
            claimable_within_days: outcome.claim.within_days,
            attempts: outcome.claim.attempts,
            rate_over: outcome.rate_over.clone(),
            priced: !outcome.tariffs.is_empty(),
            in_words: explain::of_outcome(rulebook, outcome).iter().map(|said| said.trim().to_owned()).collect(),
        }
    }
}

/// A service standard: an action that is required within a number of days.
#[derive(Debug, Clone, SimpleObject)]
pub struct RulebookStandard {
    /// The code of the standard.
    code: String,
    /// The label.
    label: String,
    /// The number of calendar days. Null if working days are counted.
    within_days: Option<u32>,
    /// The number of working days. Null if calendar days are counted.
    within_working_days: Option<u32>,
    /// The minimum level, in percent: at or above this share the standard is met.
    minimum_level: Option<Decimal>,
    /// The lower level, in percent: below this share the failure is major.
    lower_level: Option<Decimal>,
    /// The rule of the standard, in a sentence.
    in_words: String,
}

impl RulebookStandard {
    fn of(standard: &domain::Standard, rulebook: &Rulebook) -> Self {
        let (within_days, within_working_days) = match standard.within {
            Within::Days(days) => (Some(days), None),
            Within::WorkingDays(days) => (None, Some(days)),
        };
        Self {
            code: standard.code.clone(),
            label: rulebook.labels.of(&standard.code),
            within_days,
            within_working_days,
            minimum_level: standard.minimum_level.map(Decimal),
            lower_level: standard.lower_level.map(Decimal),
            in_words: explain::of_standard(rulebook, standard),
        }
    }
}

/// An attribute of cases by which figures can be broken down: a fact that the assessment of the eligibility freezes.
#[derive(Debug, Clone, SimpleObject)]
pub struct CaseAttribute {
    /// The code, for `byAttributes`.
    code: String,
    /// The title on boards.
    title: String,
    /// The values that always have a row, in order. Other values have a row where there are cases.
    values: Vec<CodeLabel>,
    /// The label of the row for cases without the fact.
    unknown: String,
}

impl CaseAttribute {
    fn of(attribute: &domain::case_attribute::CaseAttribute, labels: &Labels) -> Self {
        let value = |code: &String| CodeLabel { code: code.clone(), label: attribute.label(code, labels) };
        Self {
            code: attribute.code.clone(),
            title: attribute.title.clone(),
            values: attribute.listed().iter().map(value).collect(),
            unknown: attribute.unknown.clone(),
        }
    }
}

/// A league: service areas, teams or keyworkers in order.
#[derive(Debug, Clone, SimpleObject)]
pub struct RulebookLeague {
    /// The code of the league.
    code: String,
    /// The title of the league.
    title: String,
    /// The rule of the league, in a sentence.
    in_words: String,
}

impl From<&League> for RulebookLeague {
    fn from(league: &League) -> Self {
        Self { code: league.code.clone(), title: league.title.clone(), in_words: league.in_words() }
    }
}

/// One version of a contract's rulebook: its codes, outcomes and service standards.
#[Object]
impl RulebookVersion {
    /// The version's name.
    async fn version(&self) -> &str {
        &self.rulebook.version
    }

    /// The title that boards show at the top.
    async fn title(&self) -> &str {
        &self.rulebook.title
    }

    /// The first day on which it applies.
    async fn effective_from(&self) -> Date {
        Date(self.rulebook.effective_from)
    }

    /// SHA-256 of its canonical content, in lower-case hexadecimal.
    async fn hash(&self) -> &str {
        self.rulebook.hash()
    }

    /// When it was published.
    async fn published(&self) -> Option<OccurredOn> {
        self.published.map(Into::into)
    }

    /// The id of the event that published it.
    async fn event(&self) -> ID {
        ID(self.event.to_string())
    }

    /// The version that replaces it: one published later with the same first day. Null if this version is in use.
    async fn superseded_by(&self) -> Option<&str> {
        self.superseded_by.as_deref()
    }

    /// Whether it also applies to cases dated before its first day.
    async fn retroactive(&self) -> bool {
        self.rulebook.retroactive
    }

    /// The currency of every amount, as an ISO 4217 code.
    async fn currency(&self) -> &str {
        &self.rulebook.currency
    }

    /// The time zone of every date, such as `Europe/London`.
    async fn zone(&self) -> &'static str {
        self.rulebook.calendar.zone.name()
    }

    /// The bank-holiday division for counting working days.
    async fn working_days(&self) -> &str {
        &self.rulebook.calendar.working_days
    }

    /// The last day for which the service knows the bank holidays of that division. Working days after it are not
    /// counted.
    async fn bank_holidays_through(&self) -> Option<Date> {
        self.rulebook.working_days().known_through().map(Date)
    }

    /// SHA-256 of the bank holidays of that division that the service knows, in lower-case hexadecimal.
    async fn bank_holidays_hash(&self) -> &'static str {
        self.rulebook.working_days().hash()
    }

    /// The service areas. Null if the rulebook does not list them.
    async fn areas(&self) -> Option<&[String]> {
        self.rulebook.codes.listed(CodeList::Areas)
    }

    /// The stages, in order.
    async fn stages(&self) -> Vec<StageOfFunnel> {
        self.rulebook
            .stages
            .iter()
            .map(|stage| StageOfFunnel { code: stage.code.clone(), label: stage.label.clone() })
            .collect()
    }

    /// The codes that commands may use, each with its label.
    async fn codes(&self) -> RulebookCodes {
        RulebookCodes { rulebook: Arc::clone(&self.rulebook) }
    }

    /// The attributes of spells, by domain. A domain that is not listed allows any attribute.
    async fn attributes(&self) -> Vec<DomainAttributes> {
        let labels = &self.rulebook.labels;
        let choice = |(name, rule): (&String, &domain::AttributeRule)| AttributeChoice {
            name: name.clone(),
            label: labels.of(name),
            required: rule.required,
            values: rule
                .values
                .as_ref()
                .map(|values| CodeLabel::all(&values.iter().map(shown_value).collect::<Vec<_>>(), labels)),
        };
        let domains = self.rulebook.attributes.domains();
        domains
            .map(|(domain, attributes)| DomainAttributes {
                domain: CodeLabel::of(domain, labels),
                attributes: attributes.iter().map(choice).collect(),
            })
            .collect()
    }

    /// The outcomes, in the order of the rulebook.
    async fn outcomes(&self) -> Vec<RulebookOutcome> {
        self.rulebook.outcomes.iter().map(|outcome| RulebookOutcome::of(outcome, &self.rulebook)).collect()
    }

    /// The service standards, in the order of the rulebook.
    async fn standards(&self) -> Vec<RulebookStandard> {
        self.rulebook.standards.iter().map(|of| RulebookStandard::of(of, &self.rulebook)).collect()
    }

    /// The attributes of cases by which figures can be broken down, in the order of the rulebook.
    async fn case_attributes(&self) -> Vec<CaseAttribute> {
        self.rulebook.case_attributes.iter().map(|one| CaseAttribute::of(one, &self.rulebook.labels)).collect()
    }

    /// The leagues, in the order of the rulebook. `Contract.league` computes one.
    async fn leagues(&self) -> Vec<RulebookLeague> {
        self.rulebook.leagues.iter().map(Into::into).collect()
    }

    /// The grades, best first.
    async fn grades(&self) -> Vec<CodeLabel> {
        self.rulebook.grades.iter().map(|grade| CodeLabel::of(&grade.code, &self.rulebook.labels)).collect()
    }

    /// The target profiles.
    async fn target_profiles(&self) -> Vec<CodeLabel> {
        CodeLabel::all(&self.rulebook.profiles, &self.rulebook.labels)
    }

    /// The days on which reports are due, in order.
    async fn reports_due(&self) -> Vec<Date> {
        self.rulebook.reports.due.iter().copied().map(Date).collect()
    }
}

impl RulebookVersion {
    /// A version of a contract's rulebook, as known to the contract.
    pub(super) fn of(published: &Published, contract: &Contract) -> Self {
        Self {
            rulebook: Arc::clone(&published.rulebook),
            event: published.event_id,
            published: contract.history().event(published.event_id).map(|recorded| recorded.occurred),
            superseded_by: contract.superseding(published).map(|later| later.rulebook.version.clone()),
        }
    }
}

impl Listed for RulebookVersion {
    type Totals = RulebookTotals;
    const PAGE: &'static str = "A page of a contract's rulebook versions, in the order of publication.";
    const EDGE: &'static str = "A rulebook version with its cursor.";
    const ONE: &'static str = "version";
    const MANY: &'static str = "versions";
}

/// A list of rulebook versions as a whole.
#[derive(SimpleObject)]
pub struct RulebookTotals {
    /// The number of versions on all pages.
    total_count: usize,
}

/// A page of the versions that a contract knows.
pub(super) fn versions(
    contract: &Contract,
    (first, after): (PageLength, Option<String>),
) -> Result<Page<RulebookVersion>> {
    let published = contract.rulebooks();
    let cursors = Cursors::of(format!("rulebooks {}", contract.code().unwrap_or_default()));
    let after: Option<usize> = cursors.place(after.as_deref(), Parts::part)?;
    let skipped = after.unwrap_or(0).min(published.len());
    let (shown, more) = page::part(published, skipped, first);
    let cursors = (skipped + 1..).map(|at| cursors.cursor(at));
    let rows = cursors.zip(shown.iter().map(|of| Some(RulebookVersion::of(of, contract))));
    Ok(Page::of(rows, more, RulebookTotals { total_count: published.len() }))
}
