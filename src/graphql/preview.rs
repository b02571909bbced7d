//! The preview of a draft rulebook in the API. Nothing is stored.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use chrono::NaiveDate;

use super::bounds::PageLength;
use super::claim::{Claim, ClaimGround, ClaimScope, ClaimStatus, Derivation, UntilPayable};
use super::context::{OrFault as _, RequestContext as _};
use super::cursor::{Cursors, Parts};
use super::money::Money;
use super::mutation::input_path::SentInput;
use super::mutation::payload::Problem;
use super::page::{self, Listed, Page};
use super::scalars::Date;
use crate::queries;
use crate::queries::claims::{Cause, ClaimsQuery, Move, Moved, Preview, Purpose, Total};
use throughline_domain::command::contracts;
use throughline_domain::fact::envelope::ClaimId;
use throughline_domain::fact::money;
use throughline_domain::fact::refusal::limited;

/// How a claim would change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Moved")]
pub enum ClaimMoved {
    /// Money would become due that is not due now.
    Gained,
    /// Money that is due now would no longer be due.
    Lost,
    /// Its amount, date or status would change.
    Changed,
}

/// A claim that would change.
#[derive(Clone, SimpleObject)]
pub struct ClaimMove {
    /// The id of the claim.
    id: ID,
    /// How the claim would change.
    moved: ClaimMoved,
    /// A pseudonym of the case, the same in every preview of the contract. It is not a case number. Null if the claim
    /// covers many cases together.
    case: Option<String>,
    /// The code of the outcome in the rulebook.
    outcome: String,
    /// The claim now. Null if it does not exist yet.
    before: Option<PreviewedClaim>,
    /// The claim under the draft. Null if it would not exist.
    after: Option<PreviewedClaim>,
    /// The difference in money, draft minus now, including the adjustments that would be proposed for its line.
    delta: Money,
    /// The rules that change the claim, each with the facts it depends on. At least one.
    causes: Vec<ClaimChangeCause>,
}

/// A claim in a preview.
#[derive(Clone)]
pub struct PreviewedClaim {
    claim: Claim,
    case: Option<String>,
}

/// A claim in a preview. It names its case by a pseudonym, and shows the case itself only to those who may read it.
#[Object]
impl PreviewedClaim {
    /// The id of the claim.
    async fn id(&self) -> ID {
        self.claim.own_id()
    }

    /// A pseudonym of the case, the same in every preview of the contract. It is not a case number. Null if the claim
    /// covers many cases together.
    async fn case(&self) -> Option<&str> {
        self.case.as_deref()
    }

    /// The status of the claim, now or under the draft.
    async fn status(&self) -> ClaimStatus {
        self.claim.stands()
    }

    /// The code of the outcome in the rulebook.
    async fn outcome(&self) -> &str {
        self.claim.of_outcome()
    }

    /// The title of the outcome.
    async fn title(&self) -> &str {
        self.claim.outcome_title()
    }

    /// For an outcome that can be achieved several times: which time this is, from 1.
    async fn repeat(&self) -> u32 {
        self.claim.nth_time()
    }

    /// The cohort, site or area. Null if the claim is for one case.
    async fn scope(&self) -> Option<ClaimScope> {
        self.claim.over_many()
    }

    /// The amount due, or the amount that its status holds back. Null if the outcome is not achieved or has no price.
    async fn amount(&self) -> Option<Money> {
        self.claim.due()
    }

    /// The day on which the outcome was achieved.
    async fn achieved_on(&self) -> Option<Date> {
        self.claim.was_achieved_on()
    }

    /// The day on which the outcome is achieved if open spells continue.
    async fn earliest_on(&self) -> Option<Date> {
        self.claim.foreseen_on()
    }

    /// The id of the case. Null if the claim covers many cases together.
    async fn journey_id(&self) -> Option<ID> {
        self.claim.of_journey_id()
    }

    /// What is left until the claim can be paid. Null if it can be claimed or was submitted.
    async fn until_payable(&self) -> Option<UntilPayable> {
        self.claim.left_until_payable()
    }

    /// The reasons for the claim's status and amount: rules, events, days, hours and evidence.
    async fn derivation(&self) -> Derivation {
        self.claim.derived()
    }
}

/// The total change for one outcome or one rule.
#[derive(SimpleObject)]
pub struct PreviewTotal {
    /// The code of the outcome, or the key of the rule.
    code: String,
    /// The number of claims for which money would become due that is not due now.
    gained: usize,
    /// The number of claims for which money that is due now would no longer be due.
    lost: usize,
    /// The number of other claims that would change.
    changed: usize,
    /// The total difference in money, draft minus now.
    money_delta: Money,
}

/// A rule that would change a claim, and the facts it depends on.
#[derive(Clone, SimpleObject)]
pub struct ClaimChangeCause {
    /// The key of the outcome or rulebook that differs, as written in the rulebook: `hours`, `only_if`, `cap`.
    /// `outcome` if the outcome exists only before or only after.
    rule: &'static str,
    /// The rule now. Null if there is none.
    before: Option<String>,
    /// The rule under the draft. If it is the same as now, the claim changes because another claim does.
    after: Option<String>,
    /// The events that the rule depends on, such as the start of a job with too few hours. Empty if the rule alone
    /// decides, or if the fact it requires was never recorded.
    events: Vec<ClaimGround>,
}

impl From<&Cause> for ClaimChangeCause {
    fn from(cause: &Cause) -> Self {
        Self {
            rule: cause.rule,
            before: cause.before.as_deref().map(str::to_owned),
            after: cause.after.as_deref().map(str::to_owned),
            events: cause.grounds.iter().map(Into::into).collect(),
        }
    }
}

impl Listed for ClaimMove {
    type Totals = ClaimMoveTotals;
    const PAGE: &'static str = "A page of claims that would change, in the order of their ids.";
    const EDGE: &'static str = "A claim that would change, with its cursor.";
    const ONE: &'static str = "claim";
    const MANY: &'static str = "claims";
}

/// A list of claims that would change as a whole.
#[derive(SimpleObject)]
pub struct ClaimMoveTotals {
    /// The number of claims on all pages.
    total_count: usize,
}

/// The changes that a draft rulebook would make to the claims of a contract as of a day.
pub struct RulebookPreview {
    judged: Option<Preview>,
    problems: Vec<Problem>,
}

/// The changes that a draft rulebook would make to the claims of a contract as of a day. Nothing is stored. Publishing
/// the draft has exactly this effect, if nothing else is recorded in the meantime.
#[Object]
impl RulebookPreview {
    /// The number of claims for which money would become due that is not due now.
    async fn gained(&self) -> usize {
        self.count(Moved::Gained)
    }

    /// The number of claims for which money that is due now would no longer be due.
    async fn lost(&self) -> usize {
        self.count(Moved::Lost)
    }

    /// The number of other claims that would change.
    async fn changed(&self) -> usize {
        self.count(Moved::Changed)
    }

    /// The number of claims that would not change.
    async fn unchanged(&self) -> usize {
        self.judged.as_ref().map_or(0, |preview| preview.unchanged)
    }

    /// The total difference in money, draft minus now. Null if the draft cannot be published.
    async fn money_delta(&self) -> Option<Money> {
        let preview = self.judged.as_ref()?;
        Some(money_of(preview, preview.moves.iter().map(|of| of.delta).sum()))
    }

    /// The changes by outcome, in the order of their codes. Outcomes without a change are left out.
    async fn by_outcome(&self) -> Vec<PreviewTotal> {
        self.totals(Preview::by_outcome)
    }

    /// The changes by rule, in the order of the keys. A claim that several rules change is counted under each.
    async fn by_rule(&self) -> Vec<PreviewTotal> {
        self.totals(Preview::by_rule)
    }

    /// The claims that would change, in the order of their ids.
    #[expect(clippy::unused_async, reason = "a resolver must be async")]
    async fn claims(
        &self,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Result<Page<ClaimMove>> {
        let moves = self.judged.as_ref().map_or(&[][..], |preview| &preview.moves);
        let cursors = Cursors::of("moves");
        let after: Option<ClaimId> = cursors.place(after.as_deref(), Parts::part)?;
        let skipped = after.map_or(0, |after| moves.partition_point(|of| of.claim <= after));
        let (shown, more) = page::part(moves, skipped, first);
        let rows = shown.iter().map(|of| (cursors.cursor(of.claim), self.node(of)));
        Ok(Page::of(rows, more, ClaimMoveTotals { total_count: moves.len() }))
    }

    /// Why the draft cannot be published. Empty if it can.
    async fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl RulebookPreview {
    fn count(&self, how: Moved) -> usize {
        self.judged.as_ref().map_or(0, |preview| preview.count(how))
    }

    fn totals(&self, of: impl Fn(&Preview) -> Vec<Total>) -> Vec<PreviewTotal> {
        let Some(preview) = &self.judged else { return Vec::new() };
        let shown = |total: Total| PreviewTotal {
            code: total.of,
            gained: total.gained,
            lost: total.lost,
            changed: total.changed,
            money_delta: money_of(preview, total.delta),
        };
        of(preview).into_iter().map(shown).collect()
    }

    fn node(&self, of: &Move) -> Option<ClaimMove> {
        let preview = self.judged.as_ref()?;
        let shown = |claims| {
            let claim = Claim::among(claims, of.claim)?;
            Some(PreviewedClaim { claim, case: preview.case(of.claim) })
        };
        Some(ClaimMove {
            id: ID(of.claim.to_string()),
            moved: of.how.into(),
            case: preview.case(of.claim),
            outcome: preview.outcome(of.claim).to_owned(),
            before: shown(&preview.before),
            after: shown(&preview.after),
            delta: money_of(preview, of.delta),
            causes: of.causes.iter().map(Into::into).collect(),
        })
    }
}

fn money_of(preview: &Preview, amount: money::Money) -> Money {
    Money::of(amount, preview.before.currency())
}

/// Judges the claims of a contract with and without a draft.
pub(super) async fn preview(
    ctx: &Context<'_>,
    code: &str,
    text: &str,
    as_of: Option<NaiveDate>,
) -> Result<Option<RulebookPreview>> {
    let Some(scope) = ctx.in_scope(code) else { return Ok(None) };
    let generation = &ctx.caller().generation;
    let Some(contract) = generation.contract_state(scope) else { return Ok(None) };
    let today = ctx.today(&contract);
    let draft = match contracts::draft(&contract, text, today) {
        Ok(draft) => draft,
        Err(refusals) => {
            let problems =
                limited(refusals).into_iter().map(|refusal| Problem::of(refusal, &SentInput::default())).collect();
            return Ok(Some(RulebookPreview { judged: None, problems }));
        }
    };
    let asked = ClaimsQuery { as_of: as_of.unwrap_or(today), today, purpose: Purpose::Look };
    let judged = queries::claims::preview(generation, &ctx.app().log, scope, asked, draft).await.or_fault()?;
    Ok(Some(RulebookPreview { judged, problems: Vec::new() }))
}
