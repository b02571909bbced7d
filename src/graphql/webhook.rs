//! Webhooks in the API: the subscriptions of a contract, their keys, and what became of each delivery.
//!
//! A secret is never read here. It is shown once, in the payload of the mutation that made it.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::bounds::PageLength;
use super::context::{OrFault as _, RequestContext as _};
use super::contract::Contract;
use super::cursor::Cursors;
use super::page::{self, Listed, More, Page};
use super::scalars::{Instant, Position};
use crate::outbox::keys::{self, SigningKey};
use crate::outbox::subscription::{self, State, Subscription};
use throughline_gateway::Code;

/// Whether the events of a subscription are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "State")]
pub enum SubscriptionState {
    /// Events are sent.
    Active,
    /// Somebody has paused it. Nothing is lost: it continues where it was.
    Paused,
    /// The service has stopped it: the receiver answered 410, or one event could not be delivered for three days.
    /// `reason` says which. Set it to `ACTIVE` to try again.
    Disabled,
    /// It was ended, and its keys were removed.
    Ended,
}

/// The kind of a key that signs webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "keys::KeyKind")]
pub enum WebhookKeyKind {
    /// HMAC-SHA256: a secret that both sides know (`v1`).
    Hmac,
    /// Ed25519: the receiver knows the public key only (`v1a`).
    Ed25519,
}

/// A key that signs the webhooks of a subscription.
#[derive(Debug, Clone, SimpleObject)]
pub struct WebhookKey {
    /// The id of the key.
    id: ID,
    /// The kind of the key.
    kind: WebhookKeyKind,
    /// The public key (`whpk_…`). Null for a shared secret, which is shown only when it is made.
    public_key: Option<String>,
    /// When the key was made.
    created_at: Instant,
}

impl From<&SigningKey> for WebhookKey {
    fn from(key: &SigningKey) -> Self {
        Self {
            id: ID(key.id.to_string()),
            kind: key.kind.into(),
            public_key: key.public(),
            created_at: Instant(key.created_at),
        }
    }
}

/// One attempt to deliver one event.
#[derive(Debug, Clone, SimpleObject)]
pub struct Delivery {
    /// The number of the attempt among all of its subscription, from 1.
    number: i64,
    /// The id of the event: the header `webhook-id`.
    event: ID,
    /// The type of the event, such as `ContactLogged`.
    #[graphql(name = "type")]
    event_type: String,
    /// The position of the event in the log.
    position: Position,
    /// The number of the attempt for this event, from 1.
    attempt: i64,
    /// When it was sent.
    sent_at: Instant,
    /// Whether the receiver took the event: whether it answered with a status from 200 to 299.
    delivered: bool,
    /// The status of the answer. Null if there was none.
    status: Option<i32>,
    /// Why the event was not taken. Null if it was.
    problem: Option<String>,
    /// How long the attempt took, in milliseconds.
    took_ms: i64,
    /// When the event is tried again. Null if it is not.
    next_attempt: Option<Instant>,
    /// Whether the event was given up with this attempt and has not been delivered since.
    gave_up: bool,
}

impl From<subscription::Delivery> for Delivery {
    fn from(of: subscription::Delivery) -> Self {
        Self {
            number: of.number,
            event: ID(of.event.to_string()),
            event_type: of.event_type,
            position: Position(of.position),
            attempt: of.attempt,
            sent_at: Instant(of.sent_at),
            delivered: of.is_delivered,
            status: of.status.map(i32::from),
            problem: of.problem,
            took_ms: of.took_ms,
            next_attempt: of.next_attempt.map(Instant),
            gave_up: of.is_dead,
        }
    }
}

/// A subscription to the events of a contract by webhook: an address that is sent each event, signed and in order.
#[derive(Debug, Clone)]
pub struct WebhookSubscription(pub(super) Subscription);

impl WebhookSubscription {
    /// The subscription with this id, if its contract is in the caller's scope.
    pub(super) async fn find(ctx: &Context<'_>, id: Uuid) -> Result<Option<Self>> {
        let scope = &ctx.caller().principal.scope;
        Ok(ctx.app().outbox.find(scope, id).await.or_fault()?.map(Self))
    }
}

/// A subscription to the events of a contract by webhook: an address that is sent each event, signed and in order.
#[Object]
impl WebhookSubscription {
    /// The id of the subscription.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// The contract whose events are sent.
    async fn contract(&self, ctx: &Context<'_>) -> Option<Contract> {
        Contract::today(ctx, ctx.in_scope(&self.0.contract)?)
    }

    /// The address that events are sent to.
    async fn url(&self) -> &str {
        &self.0.url
    }

    /// The types of events that are sent, such as `ContactLogged`. Null for all types.
    async fn types(&self) -> Option<Vec<&str>> {
        self.0.types.as_ref().map(|types| types.iter().map(String::as_str).collect())
    }

    /// Whether names and other identity are sent. Sealed values are not sent, so it is always false.
    async fn identity(&self) -> bool {
        self.0.identity
    }

    /// Whether events are sent.
    async fn state(&self) -> SubscriptionState {
        self.0.state.into()
    }

    /// Why the service has stopped it. Null if it has not.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// The position up to which every event was delivered, or is not for this subscription.
    async fn position(&self) -> Position {
        Position(self.0.position)
    }

    /// How many positions of the log it is behind. 0: nothing waits.
    async fn lag(&self, ctx: &Context<'_>) -> i64 {
        ctx.app().outbox.lag(self.0.position)
    }

    /// Increased with each change. Pass it as `expectedVersion`.
    async fn version(&self) -> i64 {
        self.0.version
    }

    /// The failed attempts for the next event. 0: there are none.
    async fn attempts(&self) -> i64 {
        self.0.attempts
    }

    /// When the first of these attempts failed.
    async fn failing_since(&self) -> Option<Instant> {
        self.0.failing_since.map(Instant)
    }

    /// When the next event is tried again.
    async fn next_attempt(&self) -> Option<Instant> {
        self.0.next_attempt.map(Instant)
    }

    /// The login that made the subscription.
    async fn created_by(&self) -> &str {
        &self.0.created_by
    }

    /// When the subscription was made.
    async fn created_at(&self) -> Instant {
        Instant(self.0.created_at)
    }

    /// The keys that sign, oldest first. Each of them signs each event.
    async fn keys(&self, ctx: &Context<'_>) -> Result<Vec<WebhookKey>> {
        Ok(ctx.app().outbox.keys(&self.0).await.or_fault()?.iter().map(Into::into).collect())
    }

    /// The attempts, newest first. The newest 1,000 are kept.
    async fn deliveries(
        &self,
        ctx: &Context<'_>,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Result<Page<Delivery>> {
        let list = DeliveryTotals { of: self.0.clone(), list: DeliveryList::All };
        list.page(ctx, first, after).await
    }

    /// The events that were given up and not delivered since, oldest first: the last attempt of each. They are kept until
    /// the event is delivered.
    async fn dead_letters(
        &self,
        ctx: &Context<'_>,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Result<Page<Delivery>> {
        let list = DeliveryTotals { of: self.0.clone(), list: DeliveryList::Dead };
        list.page(ctx, first, after).await
    }
}

/// Which deliveries a list has.
#[derive(Debug, Clone, Copy)]
enum DeliveryList {
    All,
    Dead,
}

impl Listed for Delivery {
    type Totals = DeliveryTotals;
    const PAGE: &'static str = "A page of deliveries of a subscription.";
    const EDGE: &'static str = "A delivery with its cursor.";
    const ONE: &'static str = "delivery";
    const MANY: &'static str = "deliveries";
}

/// A list of deliveries as a whole.
pub struct DeliveryTotals {
    of: Subscription,
    list: DeliveryList,
}

#[Object]
impl DeliveryTotals {
    /// The number of deliveries on all pages. It is counted only when this field is requested.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        let outbox = &ctx.app().outbox;
        let counted = match self.list {
            DeliveryList::All => outbox.delivery_count(&self.of).await,
            DeliveryList::Dead => outbox.dead_letter_count(&self.of).await,
        };
        counted.or_fault()
    }
}

impl DeliveryTotals {
    async fn page(self, ctx: &Context<'_>, first: PageLength, after: Option<String>) -> Result<Page<Delivery>> {
        let outbox = &ctx.app().outbox;
        let cursors = Cursors::of(format!("{:?} deliveries {}", self.list, self.of.id));
        let place = cursors.place(after.as_deref(), super::cursor::Parts::part)?;
        let most = first.rows() + 1;
        let mut found = match self.list {
            DeliveryList::All => outbox.deliveries(&self.of, place, most).await,
            DeliveryList::Dead => outbox.dead_letters(&self.of, place, most).await,
        }
        .or_fault()?;
        let more = More { before: place.is_some(), after: page::cut(&mut found, first.count()) };
        let rows = found.into_iter().map(|delivery| (cursors.cursor(delivery.number), Some(delivery.into())));
        Ok(Page::of(rows, more, self))
    }
}

impl Listed for WebhookSubscription {
    type Totals = SubscriptionTotals;
    const PAGE: &'static str = "A page of webhook subscriptions, in the order in which they were made.";
    const EDGE: &'static str = "A webhook subscription with its cursor.";
    const ONE: &'static str = "subscription";
    const MANY: &'static str = "subscriptions";
}

/// A list of subscriptions as a whole.
pub struct SubscriptionTotals {
    contract: String,
}

#[Object]
impl SubscriptionTotals {
    /// The number of subscriptions on all pages. It is counted only when this field is requested.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        let scope = ctx.in_scope(&self.contract);
        let scope = scope.ok_or_else(|| Code::Forbidden.error("this contract is not in your scope"))?;
        ctx.app().outbox.count_of_contract(scope).await.or_fault()
    }
}

/// A page of the subscriptions of a contract; none if the contract is not in the caller's scope.
pub(super) async fn subscriptions(
    ctx: &Context<'_>,
    contract: String,
    (first, after): (PageLength, Option<String>),
) -> Result<Option<Page<WebhookSubscription>>> {
    let Some(scope) = ctx.in_scope(&contract).filter(|scope| ctx.caller().generation.contract_state(*scope).is_some())
    else {
        return Ok(None);
    };
    let cursors = Cursors::of(format!("subscriptions {contract}"));
    let place: Option<(DateTime<Utc>, Uuid)> = cursors.place(after.as_deref(), |parts| {
        let micros = parts.part()?;
        Some((DateTime::from_timestamp_micros(micros)?, parts.part()?))
    })?;
    let mut found = ctx.app().outbox.of_contract(scope, place, first.rows() + 1).await.or_fault()?;
    let more = More { before: place.is_some(), after: page::cut(&mut found, first.count()) };
    let cursor = |of: &Subscription| cursors.cursor(format_args!("{}\n{}", of.created_at.timestamp_micros(), of.id));
    let rows: Vec<_> = found.into_iter().map(|of| (cursor(&of), Some(WebhookSubscription(of)))).collect();
    Ok(Some(Page::of(rows, more, SubscriptionTotals { contract: contract.clone() })))
}
