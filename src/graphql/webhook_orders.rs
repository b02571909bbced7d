//! The mutations that make, change, replay and end webhook subscriptions.
//!
//! None of this is a fact. The log does not record it, because addresses and keys must be removable.

use async_graphql::{Context, InputObject, MaybeUndefined, Object, Result};
use aws_lc_rs::digest;
use uuid::Uuid;

use super::context::{OrFault as _, RequestContext as _};
use super::mutation::input::Stamp;
use super::mutation::input::convert::Conversion;
use super::mutation::input_path::SentInput;
use super::mutation::payload::{Outcome, Problem, SubscriptionPayload, command_id_reused, conflict, notice};
use super::mutation::{Answered, answered, body};
use super::scalars::{Id, Position};
use super::webhook::{WebhookKeyKind, WebhookSubscription};
use crate::outbox::manage::{Change, ManageError, Managed, Mode, NewSubscription, Order, Run};
use crate::views::admin_requests::{AdminRequest, Known};
use throughline_domain::fact::refusal::Refusal;

/// Whether the events of a subscription shall be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, async_graphql::Enum)]
#[graphql(remote = "Run")]
pub enum SubscriptionRun {
    /// Events are sent. What failed before is tried again at once.
    Active,
    /// Nothing is sent until it is active again.
    Paused,
}

/// A new webhook subscription.
#[derive(Debug, Clone, InputObject)]
pub struct CreateSubscriptionInput {
    /// The fields that every command has.
    #[graphql(flatten)]
    pub stamp: Stamp,
    /// The code of the contract whose events are sent.
    pub contract: String,
    /// The address that events are sent to, such as `https://example.org/throughline`. It must be public.
    pub url: String,
    /// The types of events to send, such as `ContactLogged`. Default: all types.
    pub types: Option<Vec<String>>,
    /// The kinds of the keys that sign: one key is made for each. Default: one HMAC key.
    pub keys: Option<Vec<WebhookKeyKind>>,
    /// Whether to send names and other identity. They are sealed and not sent, so only `false` is accepted.
    #[graphql(default)]
    pub identity: bool,
    /// Send the events after this position; 0 for all. Default: only events that are recorded from now on.
    pub after: Option<Position>,
}

/// A change of a webhook subscription. What is left out stays the same.
#[derive(Debug, Clone, InputObject)]
pub struct ChangeSubscriptionInput {
    /// The fields that every command has.
    #[graphql(flatten)]
    pub stamp: Stamp,
    /// The id of the subscription.
    pub subscription: Id,
    /// The new address.
    pub url: Option<String>,
    /// The new types of events; null for all types.
    pub types: MaybeUndefined<Vec<String>>,
    /// Whether to send events.
    pub state: Option<SubscriptionRun>,
    /// Add a key of this kind. From now on it signs too.
    pub add_key: Option<WebhookKeyKind>,
    /// Remove the key with this id. It signs no more.
    pub remove_key: Option<Id>,
}

/// Which events to send again.
#[derive(Debug, Clone, InputObject)]
pub struct ReplaySubscriptionInput {
    /// The fields that every command has.
    #[graphql(flatten)]
    pub stamp: Stamp,
    /// The id of the subscription.
    pub subscription: Id,
    /// Send every event after this position, whether or not it was sent before; 0 for all. A later position than the
    /// present one leaves events out.
    pub after: Position,
}

/// Which subscription to end.
#[derive(Debug, Clone, InputObject)]
pub struct EndSubscriptionInput {
    /// The fields that every command has.
    #[graphql(flatten)]
    pub stamp: Stamp,
    /// The id of the subscription.
    pub subscription: Id,
}

/// The mutations on webhook subscriptions.
#[derive(Default)]
pub struct WebhookMutations;

/// The mutations on webhook subscriptions. None of them is a fact, and the log does not record them.
#[Object]
impl WebhookMutations {
    /// Makes a subscription: each event of the contract is sent to an address, signed and in order. The payload shows
    /// what the receiver needs to verify the signatures. A shared secret is shown again only if you send the same command
    /// again.
    async fn create_subscription(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contract, the address and what to send.")] input: CreateSubscriptionInput,
    ) -> Answered<SubscriptionPayload> {
        answered(create(ctx, input)).await
    }

    /// Changes a subscription: its address, types of events, keys, or whether it sends. To replace a key, add one, give
    /// it to the receiver, then remove the old one.
    async fn change_subscription(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The subscription and its changes.")] input: ChangeSubscriptionInput,
    ) -> Answered<SubscriptionPayload> {
        let change = Change {
            url: input.url,
            types: match input.types {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(types) => Some(Some(types)),
            },
            run: input.state.map(Into::into),
            add_key: input.add_key.map(Into::into),
            remove_key: input.remove_key.map(|key| key.0),
        };
        answered(act(ctx, &input.stamp, input.subscription, Order::Change(change))).await
    }

    /// Sends events of a subscription again, from any position of the log. It also goes past an event that could not be
    /// delivered, if the position is that of the event.
    async fn replay_subscription(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The subscription and where to begin.")] input: ReplaySubscriptionInput,
    ) -> Answered<SubscriptionPayload> {
        answered(act(ctx, &input.stamp, input.subscription, Order::Replay(input.after.0))).await
    }

    /// Ends a subscription and removes its keys. Its deliveries can still be read.
    async fn end_subscription(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The subscription.")] input: EndSubscriptionInput,
    ) -> Answered<SubscriptionPayload> {
        answered(act(ctx, &input.stamp, input.subscription, Order::End)).await
    }
}

const fn mode(stamp: &Stamp) -> Mode {
    if stamp.dry_run { Mode::Check } else { Mode::Act }
}

async fn create(ctx: &Context<'_>, input: CreateSubscriptionInput) -> Result<SubscriptionPayload> {
    let (sent, caller) = (SentInput::of(ctx)?, ctx.caller());
    let mut reading = Conversion::default();
    input.stamp.expected(&mut reading);
    if input.identity {
        let message = "names and other identity are sealed and are not sent: leave identity out";
        reading.field("identity", |reading| reading.invalid(message));
    }
    if let Err(refusals) = reading.done() {
        return Ok(SubscriptionPayload::of(None, Outcome::refused(refusals, &sent)));
    }
    let Some(scope) = ctx.in_scope(&input.contract) else {
        return Ok(SubscriptionPayload::of(None, Outcome::refused(Refusal::contract_not_found().alone(), &sent)));
    };
    let by = caller.principal.subject.clone();
    let keys = input.keys.unwrap_or_else(|| vec![WebhookKeyKind::Hmac]);
    let new = NewSubscription {
        id: Uuid::new_v5(&input.stamp.command_id.0, format!("subscription {by}").as_bytes()),
        url: input.url,
        types: input.types,
        keys: keys.into_iter().map(Into::into).collect(),
        after: input.after.map(|after| after.0),
        by,
        request: digest::digest(&digest::SHA256, &body(ctx)?).as_ref().to_vec(),
    };
    let made = ctx.app().outbox.create(scope, new, mode(&input.stamp)).await;
    payload(made, &input.stamp, &sent)
}

/// Carries an order on a subscription out, once per command id.
async fn act(ctx: &Context<'_>, stamp: &Stamp, id: Id, order: Order) -> Result<SubscriptionPayload> {
    let (outbox, sent) = (&ctx.app().outbox, SentInput::of(ctx)?);
    let mut reading = Conversion::default();
    let expected = stamp.expected(&mut reading);
    if let Err(refusals) = reading.done() {
        return Ok(SubscriptionPayload::of(None, Outcome::refused(refusals, &sent)));
    }
    let request = AdminRequest { actor: ctx.caller().principal.subject.clone(), id: stamp.command(), body: body(ctx)? };
    match outbox.known(&request) {
        Known::Done => {
            let found = WebhookSubscription::find(ctx, id.0).await?;
            let managed = found.map(|found| (found, Vec::new()));
            return Ok(SubscriptionPayload::of(managed, Outcome::unrecorded(true, Vec::new())));
        }
        Known::AsAnother => {
            return Ok(SubscriptionPayload::of(None, Outcome::unrecorded(false, vec![command_id_reused()])));
        }
        Known::New => {}
    }
    let done = outbox.manage(&ctx.caller().principal.scope, id.0, order, (expected, mode(stamp))).await;
    if done.is_ok() && !stamp.dry_run {
        outbox.remember(request);
    }
    payload(done, stamp, &sent)
}

fn payload(done: Result<Managed, ManageError>, stamp: &Stamp, sent: &SentInput) -> Result<SubscriptionPayload> {
    let refused = |problems: Vec<Problem>| Ok(SubscriptionPayload::of(None, Outcome::unrecorded(false, problems)));
    match done {
        Ok(_) if stamp.dry_run => refused(vec![notice(
            "DRY_RUN",
            "nothing was done because of dryRun; without it the command would succeed".to_owned(),
        )]),
        Ok(Managed { subscription, new_keys, is_repeated }) => {
            let secrets = new_keys.iter().map(super::super::outbox::keys::SigningKey::for_the_receiver).collect();
            let managed = (WebhookSubscription(subscription), secrets);
            Ok(SubscriptionPayload::of(Some(managed), Outcome::unrecorded(is_repeated, Vec::new())))
        }
        Err(ManageError::Refused(refusals)) => Ok(SubscriptionPayload::of(None, Outcome::refused(refusals, sent))),
        Err(ManageError::IdReused) => refused(vec![command_id_reused()]),
        Err(ManageError::Conflict { actual }) => {
            let message = format!("the subscription is at version {actual}: check it, then send the command again");
            refused(vec![conflict(actual, message, Vec::new())])
        }
        Err(ManageError::Fault(fault)) => Err(fault).or_fault(),
    }
}
