//! A rulebook as clients read it: the words and rules from which a form is built, and the versions that were published.
//!
//! It shows what a rulebook says and judges nothing.

use std::sync::Arc;

use async_graphql::{Enum, ID, Object, Result, SimpleObject};

use super::bounds::PageLength;
use super::cursor;
use super::event::OccurredOn;
use super::list::PageInfo;
use super::scalars::{Date, Decimal};
use throughline_domain::contract::rulebook::outcome::{AchievedBy, OncePer as Once};
use throughline_domain::contract::rulebook::terms::Within;
use throughline_domain::contract::rulebook::{self as domain, CodeList, Labels, Rulebook, sentences, shown_value};
use throughline_domain::contract::{Contract, Published};
use throughline_domain::fact::envelope::{EventId, Occurred};

/// One version of a contract's rules: its words, outcomes and standards.
pub struct RulebookVersion {
    rulebook: Arc<Rulebook>,
    event: EventId,
    published: Option<Occurred>,
    superseded_by: Option<String>,
}

/// A step of the funnel.
#[derive(Debug, Clone, SimpleObject)]
pub struct StageOfFunnel {
    /// Its code.
    code: String,
    /// What boards print.
    label: String,
}

/// A code, and the word that people read for it.
#[derive(Debug, Clone, SimpleObject)]
pub struct CodeLabel {
    /// The code: what commands and filters take.
    code: String,
    /// The word: the label that the rulebook gives the code, else the code in words.
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

/// The codes that commands may use, list by list, in the rulebook's order. A list that is null allows any code; an empty
/// one allows none.
pub struct RulebookCodes {
    rulebook: Arc<Rulebook>,
}

/// The codes that commands may use, list by list, in the rulebook's order. A list that is null allows any code; an empty
/// one allows none.
#[Object]
impl RulebookCodes {
    /// Service areas.
    async fn areas(&self) -> Option<Vec<CodeLabel>> {
        self.list(CodeList::Areas)
    }

    /// Cohorts that a referral may name.
    async fn cohorts(&self) -> Option<Vec<CodeLabel>> {
        self.list(CodeList::Cohorts)
    }

    /// Kinds of referrer.
    async fn referrer_kinds(&self) -> Option<Vec<CodeLabel>> {
        self.list(CodeList::ReferrerKinds)
    }

    /// Kinds of plan.
    async fn plan_kinds(&self) -> Option<Vec<CodeLabel>> {
        self.list(CodeList::PlanKinds)
    }

    /// Ways in which a contact is made.
    async fn contact_channels(&self) -> Option<Vec<CodeLabel>> {
        self.list(CodeList::ContactChannels)
    }

    /// What a spell can be a spell of.
    async fn spell_domains(&self) -> Option<Vec<CodeLabel>> {
        self.list(CodeList::SpellDomains)
    }

    /// Kinds of evidence.
    async fn evidence_kinds(&self) -> Option<Vec<CodeLabel>> {
        self.list(CodeList::EvidenceKinds)
    }

    /// Kinds of risk.
    async fn risk_kinds(&self) -> Option<Vec<CodeLabel>> {
        self.list(CodeList::RiskKinds)
    }

    /// Achievements that can be recorded.
    async fn achievement_codes(&self) -> Option<Vec<CodeLabel>> {
        self.list(CodeList::AchievementCodes)
    }

    /// Measures that can be recorded.
    async fn measure_codes(&self) -> Option<Vec<CodeLabel>> {
        self.list(CodeList::MeasureCodes)
    }

    /// Reasons of a disengagement.
    async fn disengage_reasons(&self) -> Option<Vec<CodeLabel>> {
        self.list(CodeList::DisengageReasons)
    }

    /// Reasons of a close, a decline and a withdrawal.
    async fn close_reasons(&self) -> Option<Vec<CodeLabel>> {
        self.list(CodeList::CloseReasons)
    }

    /// What can be wrong with evidence or a claim.
    async fn defect_codes(&self) -> Option<Vec<CodeLabel>> {
        self.list(CodeList::DefectCodes)
    }
}

impl RulebookCodes {
    fn list(&self, list: CodeList) -> Option<Vec<CodeLabel>> {
        self.rulebook.codes.listed(list).map(|codes| CodeLabel::all(codes, &self.rulebook.labels))
    }
}

/// The attributes that a spell of one domain may have.
#[derive(Debug, Clone, SimpleObject)]
pub struct DomainAttributes {
    /// The domain of the spell.
    domain: CodeLabel,
    /// Its attributes, by name. A spell of this domain may have no others.
    attributes: Vec<AttributeChoice>,
}

/// An attribute of a spell.
#[derive(Debug, Clone, SimpleObject)]
pub struct AttributeChoice {
    /// Its name, as commands take it.
    name: String,
    /// The word that people read for it.
    label: String,
    /// Whether every spell of the domain must say it from its start.
    required: bool,
    /// The values that it may have, in the rulebook's order; null: any.
    values: Option<Vec<CodeLabel>>,
}

/// Whom an outcome is paid once for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Once")]
pub enum OncePer {
    /// Each journey.
    Journey,
    /// Each person, across journeys and linked records.
    Person,
}

/// An outcome that the contract pays for or counts.
#[derive(Debug, Clone, SimpleObject)]
pub struct RulebookOutcome {
    /// Its code.
    code: String,
    /// What people call it.
    title: String,
    /// The class by which payments for the same thing are looked for in other contracts.
    class: Option<String>,
    /// The group of which at most one outcome is paid.
    group: Option<String>,
    /// The lower outcome that it takes up: it pays the difference.
    converts_from: Option<String>,
    /// Whom it is paid once for.
    once_per: OncePer,
    /// Whether it is about many journeys together.
    over_many: bool,
    /// How many times it can be achieved in one journey.
    repeats: u32,
    /// The evidence that it asks for; null: none.
    evidence: Option<EvidenceAsked>,
    /// From how many working days after the day it was achieved it may be claimed.
    claimable_after_working_days: u32,
    /// Until how many days after the day it was achieved it may be claimed; null: without an end.
    claimable_within_days: Option<u32>,
    /// How many times it may be submitted, rejected ones included.
    attempts: u32,
    /// Whether it has a price.
    priced: bool,
    /// Everything that the rulebook says of it, in sentences.
    in_words: Vec<String>,
}

/// The evidence that an outcome asks for.
#[derive(Debug, Clone, SimpleObject)]
pub struct EvidenceAsked {
    /// Kinds of which one is enough.
    any_of: Vec<CodeLabel>,
    /// Kinds that must all be there.
    all_of: Vec<CodeLabel>,
    /// Whether each piece must be verified.
    verified: bool,
    /// How many days before the day of achievement a piece may be dated; null: any.
    dated_before_days: Option<u32>,
    /// How many days after the day of achievement a piece may be dated; null: any.
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
            priced: !outcome.tariffs.is_empty(),
            in_words: sentences::of_outcome(rulebook, outcome).iter().map(|said| said.trim().to_owned()).collect(),
        }
    }
}

/// A service standard: what must be done within so many days of something.
#[derive(Debug, Clone, SimpleObject)]
pub struct RulebookStandard {
    /// Its code.
    code: String,
    /// The word that people read for it.
    label: String,
    /// The calendar days that there are; null where working days are counted.
    within_days: Option<u32>,
    /// The working days that there are; null where calendar days are counted.
    within_working_days: Option<u32>,
    /// The share in percent at which it is met.
    minimum_level: Option<Decimal>,
    /// The share in percent below which the failure is major.
    lower_level: Option<Decimal>,
    /// Everything that the rulebook says of it, in a sentence.
    in_words: String,
}

impl RulebookStandard {
    fn of(standard: &domain::Standard, labels: &Labels) -> Self {
        let (within_days, within_working_days) = match standard.within {
            Within::Days(days) => (Some(days), None),
            Within::WorkingDays(days) => (None, Some(days)),
        };
        Self {
            code: standard.code.clone(),
            label: labels.of(&standard.code),
            within_days,
            within_working_days,
            minimum_level: standard.minimum_level.map(Decimal),
            lower_level: standard.lower_level.map(Decimal),
            in_words: sentences::of_standard(standard),
        }
    }
}

/// One version of a contract's rules: its words, outcomes and standards.
#[Object]
impl RulebookVersion {
    /// What the parties call it.
    async fn version(&self) -> &str {
        &self.rulebook.version
    }

    /// What boards print above everything else.
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

    /// The event that published it.
    async fn event(&self) -> ID {
        ID(self.event.to_string())
    }

    /// The version that supersedes it, because it was published later with the same first day; null where it judges.
    async fn superseded_by(&self) -> Option<&str> {
        self.superseded_by.as_deref()
    }

    /// Whether it also reaches cases dated before its first day.
    async fn retroactive(&self) -> bool {
        self.rulebook.retroactive
    }

    /// ISO 4217 code of every amount.
    async fn currency(&self) -> &str {
        &self.rulebook.currency
    }

    /// The time zone of every civil date, such as `Europe/London`.
    async fn zone(&self) -> &'static str {
        self.rulebook.calendar.zone.name()
    }

    /// The bank-holiday division by which working days are counted.
    async fn working_days(&self) -> &str {
        &self.rulebook.calendar.working_days
    }

    /// The last day up to which the bank holidays of that division are known here: beyond it no working day is counted.
    async fn bank_holidays_through(&self) -> Option<Date> {
        self.rulebook.working_days().known_through().map(Date)
    }

    /// SHA-256 of the bank holidays of that division that are known here, in lower-case hexadecimal.
    async fn bank_holidays_hash(&self) -> &'static str {
        self.rulebook.working_days().hash()
    }

    /// The service areas, where the rulebook lists them.
    async fn areas(&self) -> Option<&[String]> {
        self.rulebook.codes.listed(CodeList::Areas)
    }

    /// The funnel, in order.
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

    /// The attributes that spells may have, by domain. A domain that is not listed allows any.
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

    /// The outcomes, in the rulebook's order.
    async fn outcomes(&self) -> Vec<RulebookOutcome> {
        self.rulebook.outcomes.iter().map(|outcome| RulebookOutcome::of(outcome, &self.rulebook)).collect()
    }

    /// The service standards, in the rulebook's order.
    async fn standards(&self) -> Vec<RulebookStandard> {
        self.rulebook.standards.iter().map(|of| RulebookStandard::of(of, &self.rulebook.labels)).collect()
    }

    /// The grades, the best first.
    async fn grades(&self) -> Vec<CodeLabel> {
        self.rulebook.grades.iter().map(|grade| CodeLabel::of(&grade.code, &self.rulebook.labels)).collect()
    }

    /// The target profiles that stand side by side.
    async fn target_profiles(&self) -> Vec<CodeLabel> {
        CodeLabel::all(&self.rulebook.profiles, &self.rulebook.labels)
    }

    /// The days on which reports are due, in order.
    async fn reports_due(&self) -> Vec<Date> {
        self.rulebook.reports.due.iter().copied().map(Date).collect()
    }
}

impl RulebookVersion {
    /// A version of a contract's rules, as the contract knows it.
    pub(super) fn of(published: &Published, contract: &Contract) -> Self {
        Self {
            rulebook: Arc::clone(&published.rulebook),
            event: published.event_id,
            published: contract.history().event(published.event_id).map(|recorded| recorded.occurred),
            superseded_by: contract.superseding(published).map(|later| later.rulebook.version.clone()),
        }
    }
}

/// A version of the rules and its place in the order.
#[derive(SimpleObject)]
pub struct RulebookVersionEdge {
    /// Give it as `after` to go on from here.
    cursor: String,
    /// The version.
    node: RulebookVersion,
}

/// Versions of a contract's rules in the order of their publication, page by page.
#[derive(SimpleObject)]
pub struct RulebookVersionConnection {
    /// The versions of this page, each with its cursor.
    edges: Vec<RulebookVersionEdge>,
    /// The versions of this page.
    nodes: Vec<RulebookVersion>,
    /// Where the page begins and ends.
    page_info: PageInfo,
    /// How many there are on all pages.
    total_count: usize,
}

impl RulebookVersionConnection {
    /// A page of the versions that a contract knows.
    pub(super) fn of(contract: &Contract, (first, after): (PageLength, Option<String>)) -> Result<Self> {
        let published = contract.rulebooks();
        let list = format!("rulebooks {}", contract.code().unwrap_or_default());
        let place = |cursor: String| cursor::place(&cursor, &list, cursor::PAGE_BEFORE, |at| at.parse::<usize>().ok());
        let rest = after.map(place).transpose()?.unwrap_or(0).min(published.len());
        let shown = &published[rest..published.len().min(rest + first.count())];
        let cursors: Vec<String> = (rest + 1..).take(shown.len()).map(|at| cursor::of(&list, at)).collect();
        let page_info = PageInfo::of(&cursors, rest + shown.len() < published.len(), rest > 0);
        let version = |of: &Published| RulebookVersion::of(of, contract);
        let edges = cursors.into_iter().zip(shown);
        Ok(Self {
            edges: edges.map(|(cursor, of)| RulebookVersionEdge { cursor, node: version(of) }).collect(),
            nodes: shown.iter().map(version).collect(),
            page_info,
            total_count: published.len(),
        })
    }
}
