//! Claims in the API: status, amount, and the reasons for both.
//!
//! This module does not judge claims. Lists of claims are in `list`.

mod list;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use chrono::NaiveDate;
use rust_decimal::RoundingStrategy;

pub use list::ClaimTotals;
pub(in crate::graphql) use list::{ClaimFilter, page};

use super::batch::{Batch, BatchLine};
use super::context::{self, OrFault as _, RequestContext as _};
use super::double_funding::{self, DoubleFunding};
use super::event::OccurredOn;
use super::journey::evidence::{Evidence, EvidenceForClaim};
use super::journey::work::DayPeriod;
use super::journey::{self, CaseHistory, Journey};
use super::money::Money;
use super::permission::ClaimPermissions;
use super::point_in_time::KnownUpTo;
use super::scalars::{Date, Decimal};
use crate::access::relation::Cases;
use crate::queries;
use crate::queries::claims::{self, Claims, ClaimsQuery, Excluded, Ground, Purpose};
use throughline_domain::contract::calendar::WorkingDays;
use throughline_domain::contract::outcome::proof::{Proof, dated_within, proofs};
use throughline_domain::contract::outcome::{self, Achievement, Case, Hold, State, Status};
use throughline_domain::contract::rulebook::outcome::{AchievedBy, Digest, HoursBasis as Basis, JourneyTerms};
use throughline_domain::fact::envelope::{self, ClaimId, JourneyId};
use throughline_domain::fact::event::{ClaimAbout, EventType, Period};
use throughline_gateway::Code;

/// The status of a claim. If several apply, the first in this order is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Status")]
pub enum ClaimStatus {
    /// It was paid and the payment was taken back.
    Reversed,
    /// It was paid.
    Paid,
    /// The commissioner accepted it.
    Accepted,
    /// The commissioner rejected it, and it cannot be submitted again.
    Rejected,
    /// The commissioner has queried it.
    Queried,
    /// It was submitted.
    Submitted,
    /// Another claim takes its place: another outcome of its group, the same outcome of the same person, or a higher
    /// level.
    Excluded,
    /// The time in which it could be claimed is over.
    Expired,
    /// It waits until a fact is known or a risk is cleared.
    OnHold,
    /// Evidence is missing.
    EvidenceMissing,
    /// The outcome is achieved, but cannot be claimed yet: the waiting period is not over, it has no price, or the
    /// as-of date lies in the future.
    Achieved,
    /// No money is left under a cap.
    Capped,
    /// It can be claimed.
    Claimable,
    /// The outcome will be achieved if open spells continue.
    Maturing,
    /// The outcome has not begun, or cannot be achieved as the facts are now.
    NotStarted,
}

/// Which hours per week decide whether an outcome qualifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Basis")]
pub enum HoursBasis {
    /// The mean over the covered days.
    Average,
    /// The hours on the first covered day.
    AtStart,
    /// The hours on the last covered day.
    AtEnd,
    /// The hours on every covered day.
    EveryWeek,
}

/// A claim: one outcome of one case, cohort, site or area. For an outcome that can be achieved several times, each time
/// is a claim.
#[derive(Clone)]
pub struct Claim {
    contract_claims: Arc<Claims>,
    of: claims::Claim,
    story: Option<Arc<CaseHistory>>,
}

/// The cohort, site or area of a claim, and the period.
#[derive(Debug, Clone, SimpleObject)]
pub struct ClaimScope {
    /// The code of the cohort or area, or the id of the site. Empty for cases without a cohort.
    of: String,
    /// The period.
    period: DayPeriod,
}

/// The count so far for a claim that covers many cases.
#[derive(Debug, Clone, SimpleObject)]
pub struct ClaimCount {
    /// The number of covered days, each day of a person counted once; or the units of a volume.
    counted: Decimal,
    /// The days of all people, of which `counted` is a share. Null for a volume.
    out_of: Option<Decimal>,
    /// The share, to six decimals. Null if `outOf` is zero or null.
    share: Option<Decimal>,
}

impl From<claims::Counted> for ClaimCount {
    fn from(of: claims::Counted) -> Self {
        let to_six = |share: rust_decimal::Decimal| {
            Decimal(share.round_dp_with_strategy(6, RoundingStrategy::MidpointAwayFromZero).normalize())
        };
        Self { counted: Decimal(of.counted.normalize()), out_of: of.out_of.map(Decimal), share: of.share.map(to_six) }
    }
}

impl ClaimScope {
    pub(super) fn over(of: &str, period: Period) -> Self {
        Self { of: of.to_owned(), period: period.into() }
    }
}

/// What is left until a claim can be paid.
#[derive(Debug, Clone, SimpleObject)]
pub struct UntilPayable {
    /// Why it cannot be claimed yet: `hours_unknown`, `risk_open`, `date_imprecise`, `claim_window`, `out_of_range`,
    /// `bank_holidays_unknown`, `other_clients` (the `only_if` condition of the outcome excludes this client), the code
    /// of the outcome that has the payment, or `person`.
    reason: Option<String>,
    /// The id of the claim that stands in the way. A proposed adjustment or withdrawal of that claim would make room,
    /// once it is raised.
    waits_for: Option<ID>,
    /// The missing kinds of evidence, in one list. `evidence` separates alternatives from required kinds.
    missing: Vec<String>,
    /// The missing evidence; for a maturing claim, the evidence that will be needed. Null if no evidence is required or
    /// none is missing.
    evidence: Option<EvidenceNeeded>,
    /// The day on which the outcome is achieved if open spells continue.
    earliest_on: Option<Date>,
    /// The number of calendar days until then.
    days_left: Option<i64>,
    /// The number of covered days so far, without gaps and pauses. Null if the outcome does not count days.
    days_counted: Option<u32>,
    /// The number of covered days needed on the day of achievement: for 13 weeks, 91.
    days_needed: Option<u32>,
    /// The first day counted.
    counted_from: Option<Date>,
    /// The first day on which it can be claimed, once achieved. Null if the bank holidays until then are not known.
    claimable_from: Option<Date>,
    /// The last day on which it can be claimed. Null if there is no limit.
    claimable_until: Option<Date>,
}

/// The evidence that a claim needs. Each piece must name in `supports` the spell, or the event of the plan, engagement,
/// measure or achievement, that it proves.
#[derive(Debug, Clone, SimpleObject)]
pub struct EvidenceNeeded {
    /// The kinds of which one is enough. Empty if there are no alternatives, or one of them is already there.
    any_of: Vec<String>,
    /// The kinds that are all required.
    all_of: Vec<String>,
    /// Whether each piece must be verified.
    verified: bool,
    /// Whether each piece must have the SHA-256 of its file.
    digest: bool,
    /// The first date that a piece may have. Null: any date.
    dated_from: Option<Date>,
    /// The last date that a piece may have. Null: any date.
    dated_until: Option<Date>,
}

/// The reasons for a claim's status and amount.
#[derive(Debug, Clone, SimpleObject)]
pub struct Derivation {
    /// The rulebook version that judges the claim.
    rulebook: RulebookIdentity,
    /// The fact that starts the claim. If several spells cover the first day counted, the one that started first.
    trigger: Option<ClaimGround>,
    /// The first day counted.
    counted_from: Option<Date>,
    /// The events that the claim rests on: the trigger and the supporting facts.
    events: Vec<ClaimGround>,
    /// The evidence among these events.
    evidence: Vec<ClaimGround>,
    /// The number of covered days used. Null if the outcome does not count days.
    days_counted: Option<u32>,
    /// The uncovered periods among the days.
    gaps: Vec<UncoveredDays>,
    /// Which hours per week are compared. Null if the outcome does not look at hours.
    hours_basis: Option<HoursBasis>,
    /// The hours per week that were compared, to two decimals. Null if unknown.
    hours: Option<Decimal>,
    /// SHA-256 of the bank holidays used to count the waiting period in working days, in lower-case hexadecimal. Null
    /// if there is no such waiting period. It is part of the derivation that a batch line freezes.
    bank_holidays: Option<&'static str>,
}

/// The rulebook version that judges a claim.
#[derive(Debug, Clone, SimpleObject)]
pub struct RulebookIdentity {
    /// The version's name.
    version: String,
    /// SHA-256 of its canonical content, in lower-case hexadecimal.
    hash: String,
}

/// An event that a claim rests on.
#[derive(Debug, Clone, SimpleObject)]
pub struct ClaimGround {
    /// The id of the event.
    id: ID,
    /// The type of the event, such as `SpellStarted`.
    #[graphql(name = "type")]
    event_type: &'static str,
    /// The date of the fact.
    occurred: OccurredOn,
}

/// A period without a spell.
#[derive(Debug, Clone, SimpleObject)]
pub struct UncoveredDays {
    /// The first day without a spell.
    from: Date,
    /// The first day with a spell again, or the day on which the outcome was achieved.
    to: Date,
    /// Whether the days of the period are counted.
    counted: bool,
}

impl From<&Ground> for ClaimGround {
    fn from(ground: &Ground) -> Self {
        let Ground { event, event_type, occurred } = *ground;
        Self { id: ID(event.to_string()), event_type: event_type.as_str(), occurred: occurred.into() }
    }
}

/// A claim: one outcome of one case, cohort, site or area. For an outcome that can be achieved several times, each time
/// is a claim.
#[Object]
impl Claim {
    /// The id of the claim. It is derived from the case or scope, the outcome and the repeat.
    pub async fn id(&self) -> ID {
        ID(self.of.claim.to_string())
    }

    /// The status of the claim.
    async fn status(&self) -> ClaimStatus {
        self.of.status.into()
    }

    /// The code of the outcome in the rulebook.
    async fn outcome(&self) -> &str {
        self.of_outcome()
    }

    /// The title of the outcome.
    async fn title(&self) -> &str {
        self.outcome_title()
    }

    /// For an outcome that can be achieved several times: which time this is, from 1.
    async fn repeat(&self) -> u32 {
        self.nth_time()
    }

    /// The id of the case. Null if the claim covers many cases together.
    async fn journey_id(&self) -> Option<ID> {
        self.of_journey_id()
    }

    /// The case. Null if the claim covers many cases together, and in a rulebook preview.
    async fn journey(&self) -> Option<Journey> {
        self.of_journey_now()
    }

    /// The cohort, site or area. Null if the claim is for one case.
    async fn scope(&self) -> Option<ClaimScope> {
        self.over_many()
    }

    /// The count so far. Null if the claim is for one case.
    async fn counted(&self) -> Option<ClaimCount> {
        self.of.counted.map(Into::into)
    }

    /// The amount due, or the amount that its status holds back. Null if the outcome is not achieved or has no price.
    async fn amount(&self) -> Option<Money> {
        self.due()
    }

    /// The day on which the outcome was achieved.
    async fn achieved_on(&self) -> Option<Date> {
        self.was_achieved_on()
    }

    /// The day on which the outcome is achieved if open spells continue.
    async fn earliest_on(&self) -> Option<Date> {
        self.foreseen_on()
    }

    /// The first day on which it can be claimed, once achieved. Null if the bank holidays until then are not known.
    async fn claimable_from(&self) -> Option<Date> {
        self.achievement().and_then(|of| of.claimable_from.as_ref().ok().copied()).map(Date)
    }

    /// The last day on which it can be claimed, once achieved. Null if there is no limit.
    async fn claimable_until(&self) -> Option<Date> {
        self.achievement().and_then(|of| of.claimable_until).map(Date)
    }

    /// Every piece of evidence of the case: whether it counts for this claim and, if not, why. Empty if the claim
    /// covers many cases together, and in a rulebook preview.
    async fn evidence(&self) -> Vec<EvidenceForClaim> {
        let (Some(journey), Some(story)) = (self.of_journey_now(), &self.story) else { return Vec::new() };
        let facts = story.history().facts_as_of(self.contract_claims.asked.as_of);
        let proofs = self.proofs(&Case::of(&facts));
        let of = |piece: Evidence| {
            let proof = proofs.iter().find(|proof| proof.evidence == piece.own)?;
            Some(EvidenceForClaim::of(self, &piece, &proof.why_not))
        };
        journey.all_evidence().into_iter().filter_map(of).collect()
    }

    /// What is left until the claim can be paid. Null if it can be claimed or was submitted.
    async fn until_payable(&self) -> Option<UntilPayable> {
        self.left_until_payable()
    }

    /// The reasons for the claim's status and amount: rules, events, days, hours and evidence.
    async fn derivation(&self) -> Derivation {
        self.derived()
    }

    /// The lines of this claim in every batch, oldest first, each as it was submitted and with the decision on it.
    async fn history(&self) -> Vec<BatchLine> {
        let lines = self.contract_claims.lines_of(self.of.claim).into_iter();
        lines
            .map(|line| BatchLine::of(line, &self.contract_claims, &self.of.rulebook.currency, self.story.clone()))
            .collect()
    }

    /// Claims of the same person in other contracts, under outcomes of the same class, whose counted days overlap with
    /// those of this claim. Only contracts that you may see; dismissed cases of double funding are left out.
    async fn double_funding(&self, ctx: &Context<'_>) -> Result<Vec<DoubleFunding>> {
        double_funding::of(ctx, &self.contract_claims, &self.of).await
    }

    /// What you may do with the claim.
    async fn viewer_can(&self, ctx: &Context<'_>) -> ClaimPermissions {
        let line = self.of.batch.and_then(|batch| {
            let (_, batch) = self.contract_claims.batches.iter().find(|(known, _)| *known == batch)?;
            batch.line(self.of.claim).cloned()
        });
        let (who, claims) = (&ctx.caller().principal.subject, &self.contract_claims);
        let today = ctx.today(&claims.contract);
        let kept_from_submitting = claims.kept_from_submitting(&self.of, who, today);
        let kept_from_deciding = self.of.batch.and_then(|batch| claims.kept_from_deciding(batch, who, today));
        ClaimPermissions { claim: self.of.clone(), line, kept_from_submitting, kept_from_deciding }
    }

    /// The batch with the line that counts, otherwise the batch with its last line. Null if it was never submitted.
    async fn batch(&self) -> Option<Batch> {
        Batch::among(&self.contract_claims, self.of.batch?)
    }
}

impl Claim {
    fn of_journey_now(&self) -> Option<Journey> {
        let id = self.of.about.journey()?;
        let story = Arc::clone(self.story.as_ref()?);
        Some(Journey::of(id, Arc::clone(&self.contract_claims.contract), self.contract_claims.asked.as_of, story))
    }

    /// Whether the claim is for this outcome.
    pub(super) fn is_of(&self, outcome: &str) -> bool {
        self.of.outcome == outcome
    }

    /// Every piece of evidence of the case, as it applies to this claim.
    pub(super) fn proofs(&self, case: &Case<'_>) -> Vec<Proof> {
        let Some(outcome) = self.of.rulebook.outcome(&self.of.outcome) else { return Vec::new() };
        proofs(case, &self.of.rulebook, outcome, self.of.repeat, self.contract_claims.asked.as_of)
    }

    /// The missing evidence, or the evidence that a maturing claim will need.
    fn evidence_needed(&self) -> Option<EvidenceNeeded> {
        let asked = self.terms()?.evidence.as_ref()?;
        let (any_of, all_of, on) = match (&self.of.state, self.of.status) {
            (State::Maturing { earliest_on, .. }, _) => (asked.any_of.clone(), asked.all_of.clone(), *earliest_on),
            (State::Reached(of), Status::EvidenceMissing) => {
                let lacks = |kind: &&String| of.missing.contains(kind);
                let all_of = asked.all_of.iter().filter(lacks).cloned().collect();
                // One of several alternatives is present unless all of them are missing.
                let any_of =
                    if asked.any_of.iter().all(|kind| lacks(&kind)) { asked.any_of.clone() } else { Vec::new() };
                (any_of, all_of, of.achieved_on)
            }
            _ => return None,
        };
        let (from, to) = dated_within(asked, on);
        Some(EvidenceNeeded {
            any_of,
            all_of,
            verified: asked.verified,
            digest: asked.digest == Digest::Required,
            dated_from: from.map(Date),
            dated_until: to.map(Date),
        })
    }

    fn achievement(&self) -> Option<&Achievement> {
        match &self.of.state {
            State::Reached(achievement) => Some(achievement),
            State::Maturing { .. } | State::NotStarted { .. } => None,
        }
    }

    fn terms(&self) -> Option<&JourneyTerms> {
        match &self.of.rulebook.outcome(&self.of.outcome)?.achieved_by {
            AchievedBy::Journey(terms) => Some(terms),
            AchievedBy::Many(_) => None,
        }
    }

    fn left(&self) -> UntilPayable {
        let earliest = earliest_on(&self.of.state);
        let covered = if let State::Maturing { covered, .. } = self.of.state { covered } else { None };
        let achievement = self.achievement();
        let is_waited_for = self.of.status == Status::Achieved;
        let from = achievement.and_then(|of| of.claimable_from.as_ref().ok().copied());
        UntilPayable {
            reason: self.reason(),
            waits_for: self.of.waits_for.map(|claim| ID(claim.to_string())),
            missing: achievement.map_or_else(Vec::new, |of| of.missing.clone()),
            evidence: self.evidence_needed(),
            earliest_on: earliest.map(Date),
            days_left: earliest.map(|day| (day - self.contract_claims.asked.as_of).num_days()),
            days_counted: covered.map(|covered| covered.so_far),
            days_needed: covered.map(|covered| covered.in_all),
            counted_from: self.of.begun.map(|begun| Date(begun.counted_from)),
            claimable_from: from.filter(|_| is_waited_for).map(Date),
            claimable_until: achievement.and_then(|of| of.claimable_until).map(Date),
        }
    }

    fn reason(&self) -> Option<String> {
        let text = match (self.of.status, self.achievement()) {
            (Status::Expired, _) => "claim_window",
            (Status::OnHold, Some(of)) => of.hold.map(Hold::as_str)?,
            (Status::Achieved, Some(of)) if of.claimable_from.is_err() => "bank_holidays_unknown",
            (Status::Excluded, _) => match self.of.excluded_by.as_ref()? {
                Excluded::Outcome(code) => code,
                Excluded::Person => "person",
            },
            _ if matches!(self.of.state, State::NotStarted { is_for_others: true }) => "other_clients",
            _ => return None,
        };
        Some(text.to_owned())
    }

    /// The reasons for the claim's status and amount.
    pub(super) fn derived(&self) -> Derivation {
        let achievement = self.achievement();
        let begun = self.of.begun;
        let is_evidence = |ground: &&Ground| ground.event_type == EventType::EvidenceAttached;
        let gap = |gap: &outcome::Gap| UncoveredDays { from: Date(gap.from), to: Date(gap.to), counted: gap.counted };
        Derivation {
            rulebook: RulebookIdentity {
                version: self.of.rulebook.version.clone(),
                hash: self.of.rulebook.hash().to_owned(),
            },
            trigger: begun.and_then(|begun| self.of.grounds.iter().find(|of| of.event == begun.event)).map(Into::into),
            counted_from: begun.map(|begun| Date(begun.counted_from)),
            events: self.of.grounds.iter().map(Into::into).collect(),
            evidence: self.of.grounds.iter().filter(is_evidence).map(Into::into).collect(),
            days_counted: achievement.and_then(|of| of.days_counted),
            gaps: achievement.map_or_else(Vec::new, |of| of.gaps.iter().map(gap).collect()),
            hours_basis: self.terms().and_then(|terms| terms.hours.as_ref()).map(|hours| hours.basis.into()),
            hours: achievement.and_then(|of| of.hours).map(two_decimals),
            bank_holidays: self.of.rulebook.bank_holidays_of(&self.of.outcome).map(WorkingDays::hash),
        }
    }

    /// The id of the claim.
    pub(super) fn own_id(&self) -> ID {
        ID(self.of.claim.to_string())
    }

    /// The code of the outcome.
    pub(super) fn of_outcome(&self) -> &str {
        &self.of.outcome
    }

    /// The title of the outcome.
    pub(super) fn outcome_title(&self) -> &str {
        let outcome = self.of.rulebook.outcome(&self.of.outcome);
        outcome.map_or(&self.of.outcome, |outcome| &outcome.title)
    }

    /// Which time the outcome is achieved, from 1.
    pub(super) fn nth_time(&self) -> u32 {
        self.of.repeat
    }

    /// The cohort, site or area, if the claim covers many cases together.
    pub(super) fn over_many(&self) -> Option<ClaimScope> {
        match &self.of.about {
            ClaimAbout::Journey(_) => None,
            ClaimAbout::Many(many) => {
                let period = Period { first: many.first, last: many.last };
                Some(ClaimScope::over(&many.of, period))
            }
        }
    }

    /// The amount due, or the amount that its status holds back.
    pub(super) fn due(&self) -> Option<Money> {
        self.of.amount.map(|amount| Money::of(amount, &self.of.rulebook.currency))
    }

    /// The day on which the outcome was achieved.
    pub(super) fn was_achieved_on(&self) -> Option<Date> {
        self.of.achieved_on().map(Date)
    }

    /// The day on which the outcome is achieved if open spells continue.
    pub(super) fn foreseen_on(&self) -> Option<Date> {
        earliest_on(&self.of.state).map(Date)
    }

    /// The id of the case.
    pub(super) fn of_journey_id(&self) -> Option<ID> {
        self.of.about.journey().map(|id| ID(id.to_string()))
    }

    /// What is left until the claim can be paid; none if it can be claimed or was submitted.
    pub(super) fn left_until_payable(&self) -> Option<UntilPayable> {
        (!self.of.status.is_fact() && self.of.status != Status::Claimable).then(|| self.left())
    }

    /// The status of the claim.
    pub(super) fn stands(&self) -> ClaimStatus {
        self.of.status.into()
    }

    /// The claim with this id, without its case.
    pub(super) fn among(contract_claims: &Arc<Claims>, claim: ClaimId) -> Option<Self> {
        Self::with_journey(contract_claims, claim, None)
    }

    /// The claim with this id, with its case if it is for one that the caller may read.
    pub(super) fn with_journey(
        contract_claims: &Arc<Claims>,
        claim: ClaimId,
        story: Option<Arc<CaseHistory>>,
    ) -> Option<Self> {
        Some(Self { contract_claims: Arc::clone(contract_claims), of: contract_claims.get(claim)?.clone(), story })
    }

    /// The claim with this id as of today, in a contract that the caller may see; none if it is for a case that they
    /// may not read.
    pub(super) async fn today(ctx: &Context<'_>, claim: ClaimId) -> Result<Option<Self>> {
        let generation = &ctx.caller().generation;
        for row in queries::contracts::all(generation, &ctx.caller().principal.scope).await.or_fault()? {
            let Some(contract) = ctx.in_scope(&row.code).and_then(|scope| generation.contract_state(scope)) else {
                continue;
            };
            let today = ctx.today(&contract);
            let asked = ClaimsQuery { as_of: today, today, purpose: Purpose::Look };
            let known = *generation.position().borrow();
            let Some(contract_claims) = as_known(ctx, &row.code, known, asked).await? else { continue };
            let Some(of) = contract_claims.get(claim) else { continue };
            let Some(journey) = of.about.journey() else {
                let sees_all = context::standing(ctx).await?.cases(&row.code) == Cases::All;
                return Ok(Self::among(&contract_claims, claim).filter(|_| sees_all));
            };
            let story = journey::case_histories(ctx, std::iter::once(journey), KnownUpTo(contract_claims.position))
                .await?
                .remove(&journey);
            return Ok(story.and_then(|story| Self::with_journey(&contract_claims, claim, Some(story))));
        }
        Ok(None)
    }

    /// The claims of a case.
    pub(super) fn of_journey(contract_claims: &Arc<Claims>, journey: JourneyId, story: &Arc<CaseHistory>) -> Vec<Self> {
        let claims = contract_claims.of_journey(journey).iter();
        claims
            .map(|of| Self {
                contract_claims: Arc::clone(contract_claims),
                of: of.clone(),
                story: Some(Arc::clone(story)),
            })
            .collect()
    }
}

fn two_decimals(mut hours: rust_decimal::Decimal) -> Decimal {
    hours.rescale(2);
    Decimal(hours)
}

const fn earliest_on(state: &State) -> Option<NaiveDate> {
    match state {
        State::Maturing { earliest_on, .. } => Some(*earliest_on),
        State::Reached(_) | State::NotStarted { .. } => None,
    }
}

/// The claims of a contract as known at a log position, limited to the caller's scope.
pub(super) async fn as_known(
    ctx: &Context<'_>,
    code: &str,
    known: envelope::Position,
    asked: ClaimsQuery,
) -> Result<Option<Arc<Claims>>> {
    let scope = ctx.in_scope(code).ok_or_else(|| Code::Forbidden.error("this contract is not in your scope"))?;
    let (log, generation) = (&ctx.app().log, &ctx.caller().generation);
    let live = *generation.position().borrow();
    let contract_claims = claims::of_contract_at(generation, log, scope, asked, known.min(live)).await.or_fault()?;
    of_caller(ctx, contract_claims).await
}

/// The claims and batches of a contract that the caller may see, if their token is limited to some areas.
pub(super) async fn of_caller(ctx: &Context<'_>, contract_claims: Option<Arc<Claims>>) -> Result<Option<Arc<Claims>>> {
    let (caller, Some(contract_claims)) = (ctx.caller(), contract_claims) else { return Ok(None) };
    let Some(areas) = caller.principal.scope.areas() else { return Ok(Some(contract_claims)) };
    let journeys: Vec<JourneyId> = contract_claims.journeys().into_iter().collect();
    let known = queries::caseload_scope::areas_of(&caller.generation, &journeys).await.or_fault()?;
    let theirs = known.into_iter().filter(|(_, area)| areas.contains(area)).map(|(journey, _)| journey).collect();
    Ok(Some(Arc::new(contract_claims.within(&theirs))))
}

/// Which of these cases of a contract the caller may read. None if they may read every case, and claims that cover many
/// cases too.
pub(super) async fn readable(
    ctx: &Context<'_>,
    code: &str,
    journeys: impl Iterator<Item = JourneyId>,
) -> Result<Option<BTreeSet<JourneyId>>> {
    if context::standing(ctx).await?.cases(code) == Cases::All {
        return Ok(None);
    }
    let named: BTreeSet<JourneyId> = journeys.collect();
    let named: Vec<(JourneyId, &str)> = named.into_iter().map(|journey| (journey, code)).collect();
    context::readable(ctx, &named).await.map(Some)
}
