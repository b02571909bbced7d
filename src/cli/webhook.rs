//! `webhook`: makes, changes, replays, ends and lists webhook subscriptions.
//!
//! The same orders as the mutations, by the same code. On `SQLite` they need the file to themselves; against a server
//! use the mutations. Nothing is sent from here.

use std::io::Write as _;
use std::sync::Arc;

use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use uuid::Uuid;

use super::commands::{COMMAND_LINE, open};
use super::table::{self, Table, columns};
use super::terminal::{self, message};
use super::{Ending, Format, Misuse, Places};
use crate::access::{InScope, Scope};
use crate::clock::{Chance, Clock};
use crate::deployment::Deployment;
use crate::log::Log;
use crate::log::append::Expected;
use crate::outbox::addresses::Reach;
use crate::outbox::keys::{KeyKind, SigningKey};
use crate::outbox::manage::{Change, ManageError, Managed, Mode, NewSubscription, Order, Run};
use crate::outbox::subscription::{Delivery, Subscription};
use crate::outbox::{self, Outbox};
use crate::store::{Mode as StoreMode, Store};
use crate::views::Views;
use throughline_domain::fact::envelope::Position;

/// The most rows that a list reads at once.
const ROWS: u32 = 1_000;

/// What to do with webhook subscriptions.
#[derive(Debug, Subcommand)]
pub(super) enum WebhookCommand {
    /// Makes a subscription to the events of a contract. Prints its id and what the receiver needs to verify the
    /// signatures. A shared secret is not shown again.
    #[command(
        after_help = "Example: throughline webhook create --contract shps --url https://example.org/throughline --sign-with ed25519"
    )]
    Create(CreateArguments),
    /// Changes the address or the types of events of a subscription, pauses it, or sends again after it was stopped.
    #[command(after_help = "Example: throughline webhook change 0190c3d2-7c1a-7000-8000-000000000001 --resume")]
    Change(ChangeArguments),
    /// Adds and removes keys of a subscription, or lists them. To replace a key: add one, give it to the receiver, remove
    /// the old one.
    #[command(after_help = "Example: throughline webhook keys 0190c3d2-7c1a-7000-8000-000000000001 --add ed25519")]
    Keys(KeysArguments),
    /// Sends every event after a position again.
    #[command(after_help = "Example: throughline webhook replay 0190c3d2-7c1a-7000-8000-000000000001 --after 0")]
    Replay {
        /// The id of the subscription.
        subscription: Uuid,
        /// The position after which to begin. 0 is before the first event.
        #[arg(long, value_parser = clap::value_parser!(i64).range(0..))]
        after: i64,
    },
    /// Ends a subscription and removes its keys.
    #[command(after_help = "Example: throughline webhook end 0190c3d2-7c1a-7000-8000-000000000001")]
    End {
        /// The id of the subscription.
        subscription: Uuid,
    },
    /// Lists the subscriptions of a contract.
    #[command(after_help = "Example: throughline webhook list --contract shps")]
    List {
        /// The contract's code.
        #[arg(long)]
        contract: String,
        /// The output format.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Lists the newest 1,000 attempts of a subscription, newest first, or the events that were given up.
    #[command(after_help = "Example: throughline webhook deliveries 0190c3d2-7c1a-7000-8000-000000000001 --dead")]
    Deliveries {
        /// The id of the subscription.
        subscription: Uuid,
        /// List only the events that were given up and not delivered since, oldest first.
        #[arg(long)]
        dead: bool,
        /// The output format.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// A new subscription.
#[derive(Debug, Args)]
pub(super) struct CreateArguments {
    /// The contract's code.
    #[arg(long)]
    contract: String,
    /// The address that events are sent to.
    #[arg(long)]
    url: String,
    /// A type of events to send, such as `ContactLogged`. Repeat for more types. Default: all types.
    #[arg(long = "type")]
    types: Vec<String>,
    /// The kind of a key that signs. Repeat for more keys.
    #[arg(long, value_enum, default_value = "hmac")]
    sign_with: Vec<Kind>,
    /// Send the events after this position; 0 for all. Default: only events that are recorded from now on.
    #[arg(long, value_parser = clap::value_parser!(i64).range(0..))]
    after: Option<i64>,
    #[command(flatten)]
    reach: WebhookReach,
}

/// A change of a subscription.
#[derive(Debug, Args)]
pub(super) struct ChangeArguments {
    /// The id of the subscription.
    subscription: Uuid,
    /// The new address.
    #[arg(long)]
    url: Option<String>,
    /// A type of events to send instead of the present ones. Repeat for more types.
    #[arg(long = "type")]
    types: Vec<String>,
    /// Send all types of events.
    #[arg(long, conflicts_with = "types")]
    all_types: bool,
    /// Send nothing until it is resumed.
    #[arg(long)]
    pause: bool,
    /// Send, also after the service has stopped it.
    #[arg(long, conflicts_with = "pause")]
    resume: bool,
    #[command(flatten)]
    reach: WebhookReach,
}

/// A change of keys.
#[derive(Debug, Args)]
pub(super) struct KeysArguments {
    /// The id of the subscription.
    subscription: Uuid,
    /// Add a key of this kind, and print what the receiver needs.
    #[arg(long, value_enum)]
    add: Option<Kind>,
    /// Remove the key with this id.
    #[arg(long)]
    remove: Option<Uuid>,
}

/// The kind of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// HMAC-SHA256: a secret that both sides know.
    Hmac,
    /// Ed25519: the receiver knows the public key only.
    Ed25519,
}

impl From<Kind> for KeyKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Hmac => Self::Hmac,
            Kind::Ed25519 => Self::Ed25519,
        }
    }
}

pub(super) async fn run(places: &Places, command: WebhookCommand) -> Result<Ending> {
    match command {
        WebhookCommand::Create(arguments) => create(places, arguments).await,
        WebhookCommand::Change(arguments) => {
            let ChangeArguments { subscription, url, types, all_types, pause, resume, reach } = arguments;
            let types = match (all_types, types.is_empty()) {
                (true, _) => Some(None),
                (false, false) => Some(Some(types)),
                (false, true) => None,
            };
            let run = if pause { Some(Run::Paused) } else { resume.then_some(Run::Active) };
            let change = Change { url, types, run, ..Change::default() };
            order(places, (subscription, Order::Change(change)), Some(reach)).await
        }
        WebhookCommand::Keys(KeysArguments { subscription, add: None, remove: None }) => {
            list_keys(places, subscription).await
        }
        WebhookCommand::Keys(KeysArguments { subscription, add, remove }) => {
            let change = Change { add_key: add.map(Into::into), remove_key: remove, ..Change::default() };
            order(places, (subscription, Order::Change(change)), None).await
        }
        WebhookCommand::Replay { subscription, after } => {
            order(places, (subscription, Order::Replay(Position(after))), None).await
        }
        WebhookCommand::End { subscription } => order(places, (subscription, Order::End), None).await,
        WebhookCommand::List { contract, format } => list(places, &contract, format).await,
        WebhookCommand::Deliveries { subscription, dead, format } => {
            let listed = if dead { Listed::DeadLetters } else { Listed::All };
            deliveries(places, subscription, (listed, format)).await
        }
    }
}

async fn opened(places: &Places, reach: Option<WebhookReach>) -> Result<Deployment> {
    Store::must_exist(places.database())?;
    let deployment = open(places).await?;
    Ok(match reach {
        Some(reach) => deployment.with_webhooks(reach.terms()),
        None => deployment,
    })
}

async fn create(places: &Places, arguments: CreateArguments) -> Result<Ending> {
    let CreateArguments { contract, url, types, sign_with, after, reach } = arguments;
    let deployment = opened(places, Some(reach)).await?;
    let new = NewSubscription {
        id: Chance::System.id_at(deployment.clock.now()),
        url,
        types: (!types.is_empty()).then_some(types),
        keys: sign_with.into_iter().map(Into::into).collect(),
        after: after.map(Position),
        by: COMMAND_LINE.to_owned(),
        request: Vec::new(),
    };
    let made = deployment.outbox.create(in_scope(&contract)?, new, Mode::Act).await;
    let ending = print(made);
    deployment.close().await;
    ending
}

async fn order(places: &Places, (subscription, order): (Uuid, Order), reach: Option<WebhookReach>) -> Result<Ending> {
    let deployment = opened(places, reach).await?;
    let how = (Expected::Any, Mode::Act);
    let done = deployment.outbox.manage(&Scope::Deployment, subscription, order, how).await;
    let ending = print(done);
    deployment.close().await;
    ending
}

/// Prints the result of an order.
fn print(done: Result<Managed, ManageError>) -> Result<Ending> {
    match done {
        Ok(Managed { subscription, new_keys, .. }) => {
            let mut out = terminal::out();
            let Subscription { id, state, position, .. } = subscription;
            writeln!(out, "subscription {id}: {}, after position {position}", state.as_str())?;
            for key in &new_keys {
                writeln!(out, "key {}: {}", key.id, key.for_the_receiver())?;
            }
            Ok(Ending::Done)
        }
        Err(ManageError::Refused(refusals)) => {
            refusals.iter().for_each(message);
            Ok(Ending::WrongUse)
        }
        Err(ManageError::Fault(fault)) => Err(fault.into()),
        Err(ManageError::IdReused | ManageError::Conflict { .. }) => {
            bail!("the subscription was changed by another process at the same time: run the command again")
        }
    }
}

fn in_scope(contract: &str) -> Result<InScope<'_>> {
    let scope = Scope::Deployment.contract(contract);
    Ok(scope.ok_or_else(|| Misuse(format!("there is no contract {contract:?}: check the code")))?)
}

/// Opens the subscriptions of a database only to read them, also while a server runs.
async fn opened_to_read(places: &Places) -> Result<(Views, Outbox)> {
    Store::must_exist(places.database())?;
    let log = Log::open(Arc::new(Store::open(places.database(), StoreMode::Read).await?)).await?;
    let views = Views::open_to_read(log).await?;
    let outbox = Outbox::of(views.log(), &views, &Arc::new(Clock::Machine));
    Ok((views, outbox))
}

async fn close(views: Views) {
    views.close().await;
    views.log().store().close().await;
}

async fn list(places: &Places, contract: &str, format: Format) -> Result<Ending> {
    let (views, outbox) = opened_to_read(places).await?;
    let (scope, mut rows, mut after) = (in_scope(contract)?, Vec::new(), None);
    loop {
        let found = outbox.of_contract(scope, after, ROWS).await?;
        let Some(last) = found.last() else { break };
        after = Some((last.created_at, last.id));
        rows.extend(found.iter().map(|of| row(&outbox, of)));
    }
    let title = format!("Webhook subscriptions of {contract}");
    let heads = columns(&["Subscription", "State", "Address", "Types", "Position", "Lag", "Failed attempts", "Reason"]);
    table::print(&mut terminal::out(), &[Table { title, columns: heads, rows }], format)?;
    close(views).await;
    Ok(Ending::Done)
}

fn row(outbox: &Outbox, of: &Subscription) -> Vec<String> {
    let types = of
        .types
        .as_ref()
        .map_or("all".to_owned(), |types| types.iter().map(String::as_str).collect::<Vec<_>>().join(" "));
    vec![
        of.id.to_string(),
        of.state.as_str().to_owned(),
        of.url.clone(),
        types,
        of.position.to_string(),
        outbox.lag(of.position).to_string(),
        of.attempts.to_string(),
        of.reason.clone().unwrap_or_default(),
    ]
}

/// Which deliveries to list.
#[derive(Debug, Clone, Copy)]
enum Listed {
    All,
    DeadLetters,
}

async fn deliveries(places: &Places, id: Uuid, (listed, format): (Listed, Format)) -> Result<Ending> {
    let (views, outbox) = opened_to_read(places).await?;
    let of = found(&outbox, id).await?;
    let found = match listed {
        Listed::All => outbox.deliveries(&of, None, ROWS).await?,
        Listed::DeadLetters => outbox.dead_letters(&of, None, ROWS).await?,
    };
    let cells = |delivery: &Delivery| {
        let next = delivery.next_attempt.map(|at| at.to_rfc3339()).unwrap_or_default();
        vec![
            delivery.number.to_string(),
            delivery.sent_at.to_rfc3339(),
            delivery.position.to_string(),
            delivery.event_type.clone(),
            delivery.event.to_string(),
            delivery.attempt.to_string(),
            delivery.status.map(|status| status.to_string()).unwrap_or_default(),
            delivery.took_ms.to_string(),
            delivery.problem.clone().unwrap_or_else(|| "delivered".to_owned()),
            next,
        ]
    };
    let title = match listed {
        Listed::All => format!("Deliveries of {id}"),
        Listed::DeadLetters => format!("Dead letters of {id}"),
    };
    let heads = columns(&[
        "Number",
        "Sent at",
        "Position",
        "Type",
        "Event",
        "Attempt",
        "Status",
        "ms",
        "Result",
        "Next attempt",
    ]);
    let table = Table { title, columns: heads, rows: found.iter().map(cells).collect() };
    table::print(&mut terminal::out(), &[table], format)?;
    close(views).await;
    Ok(Ending::Done)
}

async fn list_keys(places: &Places, id: Uuid) -> Result<Ending> {
    let (views, outbox) = opened_to_read(places).await?;
    let of = found(&outbox, id).await?;
    let cells = |key: &SigningKey| {
        let public = key.public().unwrap_or_default();
        vec![key.id.to_string(), key.kind.as_str().to_owned(), key.created_at.to_rfc3339(), public]
    };
    let rows = outbox.keys(&of).await?.iter().map(cells).collect();
    let table =
        Table { title: format!("Keys of {id}"), columns: columns(&["Key", "Kind", "Made at", "Public key"]), rows };
    table::print(&mut terminal::out(), &[table], Format::Table)?;
    close(views).await;
    Ok(Ending::Done)
}

async fn found(outbox: &Outbox, id: Uuid) -> Result<Subscription> {
    let found = outbox.find(&Scope::Deployment, id).await?;
    Ok(found.ok_or_else(|| Misuse(format!("no subscription has the id {id}: use `throughline webhook list`")))?)
}

/// How far webhooks may reach.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct WebhookReach {
    /// Also send webhooks to addresses of this machine and its network, by HTTPS or HTTP. Without it, only to public
    /// addresses by HTTPS.
    #[arg(long, env = "THROUGHLINE_ALLOW_PRIVATE_WEBHOOKS")]
    allow_private_webhooks: bool,
}

impl WebhookReach {
    /// The terms under which webhooks are sent.
    pub(super) fn terms(self) -> outbox::Terms {
        let reach = if self.allow_private_webhooks { Reach::Private } else { Reach::Public };
        outbox::Terms { reach, ..outbox::Terms::default() }
    }
}
