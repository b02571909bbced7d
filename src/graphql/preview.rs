//! What a draft of a rulebook would move, as clients read it. Nothing is stored.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use chrono::NaiveDate;

use super::bounds::PageLength;
use super::claim::{Claim, ClaimGround, ClaimScope, ClaimStatus, Derivation, UntilPayable};
use super::context::{Asked as _, OrFault as _};
use super::cursor;
use super::list::PageInfo;
use super::money::Money;
use super::mutation::payload::Problem;
use super::mutation::sent::Sent;
use super::scalars::Date;
use crate::views::claims::{Asked, Cause, Move, Moved, Preview, Purpose, Total};
use throughline_domain::command::contracts;
use throughline_domain::fact::envelope::ClaimId;
use throughline_domain::fact::money;
use throughline_domain::fact::refusal::told;

/// How a claim would move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Moved")]
pub enum ClaimMoved {
    /// There is money for it that there was not.
    Gained,
    /// There is no money for it that there was.
    Lost,
    /// Its amount, its day or what has become of it is another.
    Changed,
}

/// A claim that would move.
#[derive(Clone, SimpleObject)]
pub struct ClaimMove {
    /// The claim's id.
    id: ID,
    /// How.
    moved: ClaimMoved,
    /// A pseudonym of its case: the same in every preview of the contract, and no case number; none where it is about many
    /// journeys together.
    case: Option<String>,
    /// The outcome, by its code in the rulebook.
    outcome: String,
    /// As it is; none where there is no such claim yet.
    before: Option<PreviewedClaim>,
    /// As it would be; none where there would be no such claim.
    after: Option<PreviewedClaim>,
    /// What there would be for it beyond what there is, with what would be proposed for its line.
    delta: Money,
    /// The rules that move it, each with the facts on which it turns; at least one.
    causes: Vec<MoveCause>,
}

/// A claim as a preview shows it.
#[derive(Clone)]
pub struct PreviewedClaim {
    claim: Claim,
    case: Option<String>,
}

/// A claim as a preview shows it: by a pseudonym of its case, and with the case itself for those who may read it.
#[Object]
impl PreviewedClaim {
    /// The claim's id.
    async fn id(&self) -> ID {
        self.claim.own_id()
    }

    /// A pseudonym of its case: the same in every preview of the contract, and no case number; none where it is about many
    /// journeys together.
    async fn case(&self) -> Option<&str> {
        self.case.as_deref()
    }

    /// What has become of it, or would.
    async fn status(&self) -> ClaimStatus {
        self.claim.stands()
    }

    /// The outcome, by its code in the rulebook.
    async fn outcome(&self) -> &str {
        self.claim.of_outcome()
    }

    /// What people call the outcome.
    async fn title(&self) -> &str {
        self.claim.outcome_title()
    }

    /// Which time it is that the outcome is achieved, from 1.
    async fn repeat(&self) -> u32 {
        self.claim.nth_time()
    }

    /// The cohort, site or area that it is about, where it is about many journeys together.
    async fn scope(&self) -> Option<ClaimScope> {
        self.claim.over_many()
    }

    /// What is due for it, or would be but for its status; none where it is not achieved or has no price.
    async fn amount(&self) -> Option<Money> {
        self.claim.due()
    }

    /// The day on which it was achieved.
    async fn achieved_on(&self) -> Option<Date> {
        self.claim.was_achieved_on()
    }

    /// The day on which it is achieved if what holds now goes on.
    async fn earliest_on(&self) -> Option<Date> {
        self.claim.foreseen_on()
    }

    /// The id of the journey that it is about; none where it is about many together.
    async fn journey_id(&self) -> Option<ID> {
        self.claim.of_journey_id()
    }

    /// What is left until it can be paid; none where it can be claimed or was submitted.
    async fn until_payable(&self) -> Option<UntilPayable> {
        self.claim.left_until_payable()
    }

    /// Why it is what it is: the rules, the events, the days, the hours and the evidence.
    async fn derivation(&self) -> Derivation {
        self.claim.derived()
    }
}

/// What of an outcome, or by a rule, would move.
#[derive(SimpleObject)]
pub struct PreviewTotal {
    /// The outcome by its code, or the rule by its key.
    code: String,
    /// How many claims there would be money for that there is not now.
    gained: usize,
    /// How many claims there would be no money for that there is now.
    lost: usize,
    /// How many claims would be otherwise and are neither gained nor lost.
    changed: usize,
    /// What there would be for them together beyond what there is.
    money_delta: Money,
}

/// A rule that would move a claim, and the facts on which it turns.
#[derive(Clone, SimpleObject)]
pub struct MoveCause {
    /// The key of its outcome, or of the rulebook, as rulebooks spell it: `hours`, `only_if`, `cap`; `outcome` where there
    /// is no such outcome before or after.
    rule: &'static str,
    /// What the rule says now; none where it says nothing.
    before: Option<String>,
    /// What the rule would say. Where that is what it says now, the claim moves because another one does.
    after: Option<String>,
    /// The events on which the rule turns, such as the start of a job with the hours that are too few; none where the
    /// rule alone decides, or where what it asks for was never stated.
    events: Vec<ClaimGround>,
}

impl From<&Cause> for MoveCause {
    fn from(cause: &Cause) -> Self {
        Self {
            rule: cause.rule,
            before: cause.before.as_deref().map(str::to_owned),
            after: cause.after.as_deref().map(str::to_owned),
            events: cause.grounds.iter().map(Into::into).collect(),
        }
    }
}

/// A claim that would move, and its place in the order.
#[derive(SimpleObject)]
pub struct ClaimMoveEdge {
    /// Give it as `after` to go on from here.
    cursor: String,
    /// The claim.
    node: ClaimMove,
}

/// The claims that would move, in the order of their ids, page by page.
#[derive(SimpleObject)]
pub struct ClaimMoveConnection {
    /// The claims of this page, each with its cursor.
    edges: Vec<ClaimMoveEdge>,
    /// The claims of this page.
    nodes: Vec<ClaimMove>,
    /// Where the page begins and ends.
    page_info: PageInfo,
    /// How many there are on all pages.
    total_count: usize,
}

/// What a draft of a rulebook would move among the claims of a contract as of a day.
pub struct RulebookPreview {
    judged: Option<Preview>,
    problems: Vec<Problem>,
}

/// What a draft of a rulebook would move among the claims of a contract as of a day. Nothing is stored; published, the
/// switch gives exactly this, as long as nothing else is recorded.
#[Object]
impl RulebookPreview {
    /// How many claims there would be money for that there is not now.
    async fn gained(&self) -> usize {
        self.count(Moved::Gained)
    }

    /// How many claims there would be no money for that there is now.
    async fn lost(&self) -> usize {
        self.count(Moved::Lost)
    }

    /// How many claims would be otherwise and are neither gained nor lost.
    async fn changed(&self) -> usize {
        self.count(Moved::Changed)
    }

    /// How many claims would stay as they are.
    async fn unchanged(&self) -> usize {
        self.judged.as_ref().map_or(0, |preview| preview.unchanged)
    }

    /// What there would be for all claims together beyond what there is; none where the draft cannot be published.
    async fn money_delta(&self) -> Option<Money> {
        let preview = self.judged.as_ref()?;
        Some(money_of(preview, preview.moves.iter().map(|of| of.delta).sum()))
    }

    /// The same by outcome, in the order of their codes: of outcomes of which nothing would move nothing is said.
    async fn by_outcome(&self) -> Vec<PreviewTotal> {
        self.totals(Preview::by_outcome)
    }

    /// The same by the rules that move claims, in the order of their keys: a claim that several rules move is counted under
    /// each.
    async fn by_rule(&self) -> Vec<PreviewTotal> {
        self.totals(Preview::by_rule)
    }

    /// The claims that would move, in the order of their ids.
    #[expect(clippy::unused_async, reason = "a resolver is async whether or not it waits")]
    async fn claims(
        &self,
        #[graphql(default, desc = "How many, from 1 to 200; 20 if left out or null.")] first: PageLength,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
    ) -> Result<ClaimMoveConnection> {
        self.page(first.count(), after.as_deref())
    }

    /// Why the draft could not be published; empty if it could.
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

    fn page(&self, first: usize, after: Option<&str>) -> Result<ClaimMoveConnection> {
        let moves = self.judged.as_ref().map_or(&[][..], |preview| &preview.moves);
        let after = after.map(place).transpose()?;
        let rest = after.map_or(0, |after| moves.partition_point(|of| of.claim <= after));
        let shown = &moves[rest..moves.len().min(rest + first)];
        let cursors: Vec<String> = shown.iter().map(|of| cursor(of.claim)).collect();
        let page_info = PageInfo::of(&cursors, rest + shown.len() < moves.len(), rest > 0);
        let nodes: Vec<ClaimMove> = shown.iter().filter_map(|of| self.node(of)).collect();
        let edges = cursors.into_iter().zip(nodes.clone());
        Ok(ClaimMoveConnection {
            edges: edges.map(|(cursor, node)| ClaimMoveEdge { cursor, node }).collect(),
            nodes,
            page_info,
            total_count: moves.len(),
        })
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

/// The name of the one list of a preview.
const MOVES: &str = "moves";

fn cursor(claim: ClaimId) -> String {
    cursor::of(MOVES, claim)
}

fn place(cursor: &str) -> Result<ClaimId> {
    cursor::place(cursor, MOVES, cursor::PAGE_BEFORE, |claim| Some(ClaimId(claim.parse().ok()?)))
}

/// Judges the claims of a contract with and without a draft.
pub(super) async fn preview(
    ctx: &Context<'_>,
    (code, text): (&str, &str),
    as_of: Option<NaiveDate>,
) -> Result<Option<RulebookPreview>> {
    let Some(scope) = ctx.in_scope(code) else { return Ok(None) };
    let generation = &ctx.caller().generation;
    let Some(contract) = generation.told(scope) else { return Ok(None) };
    let today = ctx.today(&contract);
    let draft = match contracts::draft(&contract, text, today) {
        Ok(draft) => draft,
        Err(refusals) => {
            let problems = told(refusals).into_iter().map(|refusal| Problem::of(refusal, &Sent::default())).collect();
            return Ok(Some(RulebookPreview { judged: None, problems }));
        }
    };
    let asked = Asked { as_of: as_of.unwrap_or(today), today, purpose: Purpose::Look };
    let judged = generation.preview(&ctx.parts().log, scope, asked, draft).await.or_fault()?;
    Ok(Some(RulebookPreview { judged, problems: Vec::new() }))
}
