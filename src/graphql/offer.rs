//! Offered referrals in the API: the referral inbox of a contract, and what a partner sent.
//!
//! Who the offered person is stands with their subject, sealed. An offer that the caller may not see does not exist.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, HashMapCache};
use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use chrono::NaiveDate;
use uuid::Uuid;

use super::bounds::PageLength;
use super::context::{self, OrFault as _, RequestContext as _};
use super::contract::Contract;
use super::cursor::{Cursors, SAME_FILTER};
use super::entry::Shown as _;
use super::event::OccurredOn;
use super::fault::fault;
use super::journey::referral::{ExternalReference, Referrer};
use super::journey::{self, CaseHistory, Journey};
use super::list::NOT_IN_SCOPE;
use super::page::{self, Listed, More, Page};
use super::people::{Subject, Visible};
use super::point_in_time::KnownUpTo;
use super::scalars::Instant;
use crate::access::policy::Action;
use crate::inbox::{self, KnownOffer};
use crate::queries::offers::{self, OfferFilter, Place};
use throughline_domain::fact::envelope::OfferId;
use throughline_domain::fact::event::ReferralOffered;
use throughline_domain::offer::{self, Decided};
use throughline_gateway::Code;

/// The state of an offered referral.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "offer::OfferState")]
pub enum OfferState {
    /// It waits for a decision.
    Offered,
    /// The service accepted it. It opened a case.
    Accepted,
    /// The service linked it to a person whom it knows, or to a case that was open.
    Linked,
    /// The service declined it.
    Declined,
    /// The partner withdrew it.
    Withdrawn,
}

/// The decision on an offered referral.
#[derive(Debug, Clone, SimpleObject)]
pub struct OfferDecision {
    /// The date of the decision.
    occurred: OccurredOn,
    /// The reason, a code of the rulebook, if it was declined or withdrawn.
    reason: Option<String>,
    /// Words for the partner, if there are any.
    remark: Option<String>,
    /// When the decision was recorded.
    decided_at: Instant,
    /// The login that decided. Null for the partner.
    decided_by: Option<String>,
}

impl OfferDecision {
    fn of(decided: &Decided, decided_by: Option<&str>) -> Self {
        let remark = match &decided.decision {
            offer::Decision::Declined(declined) => declined.remark.clone(),
            _ => None,
        };
        Self {
            occurred: decided.fact.occurred.into(),
            reason: decided.decision.reason().map(str::to_owned),
            remark,
            decided_at: Instant(decided.at),
            decided_by: decided_by.map(str::to_owned),
        }
    }
}

/// A referral that a partner offered. It is a case only after the service accepts it.
#[derive(Debug, Clone)]
pub struct OfferedReferral {
    known: Arc<KnownOffer>,
    /// The events of its case, if it has one that the caller may see.
    case: Option<Arc<CaseHistory>>,
}

impl OfferedReferral {
    fn details(&self) -> Option<&ReferralOffered> {
        self.known.offer.details()
    }
}

/// A referral that a partner offered. It is a case only after the service accepts it.
#[Object]
impl OfferedReferral {
    /// The id of the offered referral.
    pub async fn id(&self) -> ID {
        ID(self.known.id.to_string())
    }

    /// The contract that it was offered to.
    async fn contract(&self, ctx: &Context<'_>) -> Option<Contract> {
        Contract::today(ctx, ctx.in_scope(&self.known.contract)?)
    }

    /// What became of it.
    async fn state(&self) -> OfferState {
        self.known.offer.state().into()
    }

    /// The number of events about it. Pass it as `expectedVersion`.
    async fn version(&self) -> i64 {
        self.known.offer.version
    }

    /// The login of the partner who sent it, in the form in which logins are compared.
    async fn partner(&self) -> Option<&str> {
        self.details().map(|offered| offered.partner.as_str())
    }

    /// The name of the partner's system.
    async fn source(&self) -> Option<&str> {
        self.details().map(|offered| offered.source.as_str())
    }

    /// The number of the record in the partner's system.
    async fn record(&self) -> Option<&str> {
        self.details().map(|offered| offered.record.as_str())
    }

    /// The day on which the partner referred the person.
    async fn referred(&self) -> Option<OccurredOn> {
        self.known.offer.received().map(Into::into)
    }

    /// The service area: a code of the rulebook.
    async fn area(&self) -> Option<&str> {
        self.details().map(|offered| offered.area.as_str())
    }

    /// The cohort: a code of the rulebook.
    async fn cohort(&self) -> Option<&str> {
        self.details()?.cohort.as_deref()
    }

    /// The referrer of the person.
    async fn referrer(&self) -> Option<Referrer> {
        self.details()?.referrer.shown()
    }

    /// The service that the partner asks for.
    async fn service(&self) -> Option<&str> {
        self.details()?.service.as_deref()
    }

    /// The case numbers in further systems.
    async fn external_references(&self) -> Vec<ExternalReference> {
        self.details().map(|offered| offered.external_references.shown()).unwrap_or_default()
    }

    /// How often the partner sent it with something new. More than 1: it was changed.
    async fn times_offered(&self) -> u32 {
        self.known.offer.times_offered
    }

    /// When the partner last sent something new.
    async fn offered_at(&self) -> Option<Instant> {
        self.known.offer.offered_at.map(Instant)
    }

    /// Whether the partner sent a change after it was accepted or linked. The case is not changed by that: look at what
    /// is new and correct the case if it concerns it.
    async fn changed_since_decision(&self) -> bool {
        self.known.offer.is_changed_since
    }

    /// The decision that is in force. Null while it waits for one.
    async fn decision(&self, ctx: &Context<'_>) -> Option<OfferDecision> {
        let decided = self.known.offer.decision.as_ref()?;
        let by = Some(decided.by.as_str()).filter(|_| ctx.may(Action::ReadInbox));
        Some(OfferDecision::of(decided, by))
    }

    /// The record of the offered person, with who they are as far as you may open it. Null if you may not see it.
    async fn subject(&self, ctx: &Context<'_>) -> Option<Result<Subject>> {
        let subject = self.details()?.subject;
        let loader: &DataLoader<Visible, HashMapCache> = ctx.data_unchecked();
        match loader.load_one(subject).await {
            Ok(visible) => visible.map(|()| Ok(Subject::today(subject).in_contract(Some(&self.known.contract)))),
            Err(error) => Some(Err(fault(&*error))),
        }
    }

    /// The case that it opened or was linked to. Null if there is none, or you may not see it.
    async fn journey(&self, ctx: &Context<'_>) -> Option<Journey> {
        let id = self.known.offer.decision.as_ref()?.decision.journey()?;
        Journey::today(ctx, id, Arc::clone(self.case.as_ref()?))
    }
}

/// Those of these offers that the caller may see, each with its case if the caller may see that too.
pub(super) async fn find(ctx: &Context<'_>, ids: &[OfferId]) -> Result<HashMap<OfferId, OfferedReferral>> {
    // A keyworker who is no worker of the service sees nothing.
    if !ctx.may(Action::ReadOffers) || ids.is_empty() || context::standing(ctx).await?.is_nobodys() {
        return Ok(HashMap::new());
    }
    let known = inbox::known(&ctx.app().log, &ctx.caller().principal, ids).await.or_fault()?;
    let case = |known: &KnownOffer| known.offer.decision.as_ref().and_then(|decided| decided.decision.journey());
    let cases: Vec<_> = known.values().filter_map(case).collect();
    let histories = if cases.is_empty() || !ctx.may(Action::ReadJourneys) {
        HashMap::new()
    } else {
        journey::case_histories(ctx, cases.into_iter(), KnownUpTo::ALL).await?
    };
    let shown = known.into_iter().map(|(id, known)| {
        let case = case(&known).and_then(|id| histories.get(&id).map(Arc::clone));
        (id, OfferedReferral { known: Arc::new(known), case })
    });
    Ok(shown.collect())
}

/// The offer with this id, if the caller may see it.
pub(super) async fn one(ctx: &Context<'_>, id: OfferId) -> Result<Option<OfferedReferral>> {
    Ok(find(ctx, &[id]).await?.remove(&id))
}

impl Listed for OfferedReferral {
    type Totals = OfferTotals;
    const PAGE: &'static str = "A page of offered referrals, by the day of the referral, oldest first.";
    const EDGE: &'static str = "An offered referral with its cursor.";
    const ONE: &'static str = "offered referral";
    const MANY: &'static str = "offered referrals";
}

/// A list of offered referrals as a whole.
pub struct OfferTotals {
    contract: String,
    filter: OfferFilter,
}

#[Object]
impl OfferTotals {
    /// The number of offered referrals on all pages. It is counted only when this field is requested.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        let scope = ctx.in_scope(&self.contract).ok_or_else(|| Code::Forbidden.error(NOT_IN_SCOPE))?;
        offers::count(&ctx.caller().generation, scope, &self.filter).await.or_fault()
    }
}

/// A page of the offered referrals of a contract; none if the contract is not in the caller's scope.
pub(super) async fn page(
    ctx: &Context<'_>,
    (contract, filter): (String, OfferFilter),
    (first, after): (PageLength, Option<String>),
) -> Result<Option<Page<OfferedReferral>>> {
    let generation = &ctx.caller().generation;
    let Some(scope) = ctx.in_scope(&contract).filter(|scope| generation.contract_state(*scope).is_some()) else {
        return Ok(None);
    };
    let cursors = Cursors::filtered("offers", &format!("{contract} {filter:?}"), SAME_FILTER);
    let place: Option<Place> = cursors.place(after.as_deref(), |parts| {
        let day: NaiveDate = parts.part()?;
        Some((day, OfferId(parts.part::<Uuid>()?)))
    })?;
    let mut found = offers::list(generation, scope, &filter, (place, first.rows() + 1)).await.or_fault()?;
    let more = More { before: place.is_some(), after: page::cut(&mut found, first.count()) };
    let ids: Vec<OfferId> = found.iter().map(|(_, id)| *id).collect();
    let mut shown = self::find(ctx, &ids).await?;
    let rows: Vec<_> =
        found.iter().map(|(day, id)| (cursors.cursor(format_args!("{day}\n{id}")), shown.remove(id))).collect();
    let totals = OfferTotals { contract: contract.clone(), filter };
    Ok(Some(Page::of(rows, more, totals)))
}
