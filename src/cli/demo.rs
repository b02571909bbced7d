//! The demo: records a year of cases in a fresh database, prints its boards, and runs a server on it.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use chrono::TimeDelta;
use chrono_tz::Tz;
use clap::Args;
use tempfile::TempDir;

use super::commands::{listening, serve_until_stopped, stop_signal, with_evidence};
use super::table;
use super::terminal::{self, ProgressLine, message};
use super::token::issue;
use super::webhook::WebhookReach;
use super::{Ending, Format, Misuse, Places, board};
use crate::access::token::LocalKey;
use crate::access::{Principal, Role, Scope};
use crate::clock::{Chance, Clock};
use crate::demo::{Demo, Progress, SEED, Size};
use crate::deployment::Deployment;
use crate::http;
use crate::keys::KeyPlaces;
use throughline_domain::contract::rulebook::packs::packs;
use throughline_domain::fact::envelope::Position;
use throughline_gateway::Terms;

/// How long the demo's tokens are valid.
const TOKENS_LAST: TimeDelta = TimeDelta::hours(12);
/// The number of tables that the demo prints before it serves. They fit on a screen beside the tokens.
const TABLES_ON_A_PAGE: usize = 2;
/// The most time that the live view may take to apply all events of the demo.
const PATIENCE: Duration = Duration::from_mins(10);

/// What to demonstrate, and how.
#[derive(Debug, Args)]
pub(super) struct DemoArguments {
    /// The built-in pack whose year to record: `shps`, `mhep`, `innovation-fund`, `mst-essex`, `case-management`,
    /// `dwp-cep`, `ealing-better-lives`, `kmc`, `sehatmandi`, `stoke-psychology`. Default: `shps`.
    #[arg(long, value_name = "NAME")]
    pack: Option<String>,
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: String,
    /// Print the boards and exit.
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    webhooks: WebhookReach,
}

pub(super) async fn run(places: &Places, arguments: &DemoArguments) -> Result<Ending> {
    let DemoArguments { pack, listen, once, webhooks } = arguments;
    let demo = demo_of(pack.as_deref())?;
    let own = TempDir::with_prefix("throughline-demo-").context("cannot make a temporary directory")?;
    let database = match &places.database {
        Some(database) => database.clone(),
        None => format!("sqlite:{}", own.path().join("throughline.db").display()),
    };
    let key = places.key.clone().unwrap_or_else(|| own.path().join("throughline.key"));
    let key = Arc::new(LocalKey::read_or_make(&key)?);
    let listener = if *once { None } else { Some(listening(listen).await?) };
    let mut stop = std::pin::pin!(stop_signal());
    let keys = places.key_places();
    let ending = tokio::select! {
        ending = record_year(&database, &keys, &demo) => ending?,
        () = &mut stop => return Ok(Ending::Done),
    };
    if ending == Ending::Done {
        let clock = Arc::new(Clock::going_on_from(demo.continues_at));
        let deployment = Deployment::open_with_keys(&database, &keys, clock, Arc::new(Chance::System)).await?;
        let deployment = with_evidence(places, deployment)?;
        match listener {
            None => {
                print_boards(&deployment, &demo, usize::MAX).await?;
                deployment.close().await;
            }
            Some(listener) => {
                print_banner(&key, &demo, &http::url_of(listener.local_addr()?))?;
                print_boards(&deployment, &demo, TABLES_ON_A_PAGE).await?;
                print_whole_boards(&database, &demo)?;
                let deployment = deployment.with_webhooks(webhooks.terms());
                serve_until_stopped(deployment, (key.into(), Terms::default()), listener, http::CONNECTIONS, stop)
                    .await?;
            }
        }
    }
    Ok(ending)
}

/// The year of a pack.
fn demo_of(pack: Option<&str>) -> Result<Demo> {
    let Some(code) = pack else { return Ok(Demo::main(SEED, Size::Whole)) };
    let unknown = || {
        let codes: Vec<&str> = packs().iter().map(|pack| pack.code).collect();
        Misuse(format!("there is no pack {code:?}: use one of {}", codes.join(", ")))
    };
    Ok(Demo::of(code, SEED).ok_or_else(unknown)?)
}

/// Records the demo's commands in an empty database.
async fn record_year(database: &str, keys: &KeyPlaces, demo: &Demo) -> Result<Ending> {
    let clock = Arc::new(Clock::standing_at(demo.continues_at));
    let deployment = Deployment::open_with_keys(database, keys, clock, Arc::new(Chance::seeded(SEED))).await?;
    if deployment.log.head().await?.position != Position::default() {
        message("the demo needs an empty database: leave out --database, or name a database that does not exist yet");
        deployment.close().await;
        return Ok(Ending::WrongUse);
    }
    tracing::info!(commands = demo.story.items().len(), "recording a year of cases");
    demo.play(&deployment.app(), progress()).await.context("a command of the demo was refused")?;
    let head = deployment.log.head().await?.position;
    if !deployment.views.passed(head, PATIENCE).await {
        bail!("the live view did not reach position {head} in time");
    }
    tracing::info!(events = head.0, "recorded the year");
    deployment.close().await;
    Ok(Ending::Done)
}

/// Shows the progress: on a terminal as one line that changes, in a log as one line for each quarter of the work.
fn progress() -> impl FnMut(Progress) {
    let (mut line, mut shown) = (ProgressLine::on_terminal(), 0);
    move |Progress { commands, of, at }| {
        let percent = commands * 100 / of.max(1);
        match &mut line {
            Some(line) if percent > shown => {
                shown = percent;
                line.show(format_args!("recording a year of cases: {percent} %, {}", at.format("%B %Y")));
            }
            None if percent >= shown + 25 => {
                shown = percent;
                tracing::info!(percent, month = %at.format("%Y-%m"), "recording");
            }
            Some(_) | None => {}
        }
    }
}

/// Prints the first boards, at most `most` tables.
async fn print_boards(deployment: &Deployment, demo: &Demo, most: usize) -> Result<()> {
    let scope = Scope::Deployment;
    let scoped = scope.contract(demo.contract).context("the demo's contract is in every scope")?;
    let contract = deployment.views.live().contract_state(scoped).context("the demo's contract is open")?;
    let mut tables = board::tables(&deployment.views.live(), scoped, &contract, demo.last_day).await?;
    tables.truncate(most);
    let mut out = terminal::out();
    writeln!(out, "{}\n", contract.opened().map(|opened| opened.name.clone()).unwrap_or_default())?;
    table::print(&mut out, &tables, Format::Table)?;
    Ok(())
}

/// Prints the command that shows every board of a running demo.
fn print_whole_boards(database: &str, demo: &Demo) -> Result<()> {
    let mut out = terminal::out();
    let Demo { contract, last_day, .. } = demo;
    writeln!(out, "Every board: throughline board --contract {contract} --as-of {last_day} --database {database}")?;
    Ok(out.flush()?)
}

fn print_banner(key: &LocalKey, demo: &Demo, url: &str) -> Result<()> {
    let mut out = terminal::out();
    let starts_at = demo.continues_at.with_timezone(&demo.zone);
    let day = starts_at.format("%-d %B %Y, %H:%M");
    writeln!(out, "The demo's clock starts at {day} in {}. It sets today's date, recording times", city(demo.zone))?;
    writeln!(out, "and default dates. Tokens use this machine's clock.\n")?;
    for role in Role::ALL {
        let subject = if role == Role::Keyworker { demo.keyworker.clone() } else { role.as_str().to_owned() };
        let scope = match role {
            Role::Administrator => Scope::Deployment,
            _ => Scope::Contracts([demo.contract.to_owned()].into()),
        };
        let token = issue(key, &Principal { subject: subject.clone(), role, scope }, TOKENS_LAST);
        writeln!(out, "{role} {subject}\n  {token}")?;
    }
    let (reference, journey) = &demo.case;
    let what = if demo.is_main() { "The case that README follows" } else { "A case of this keyworker" };
    writeln!(out, "\n{what}: {reference}, {journey}")?;
    if !demo.is_main() {
        writeln!(out, "A query to start with: {}", first_query(demo.contract))?;
    }
    writeln!(out, "GraphQL:  {url}/graphql")?;
    writeln!(out, "GraphiQL: {url}/graphiql\n")?;
    Ok(out.flush()?)
}

/// A query that each role but the administrator may send.
fn first_query(contract: &str) -> String {
    let fields = "view { asOf } caseload { nodes { reference stage { label } } }";
    format!("{{ contract(code: \"{contract}\") {{ {fields} }} }}")
}

/// The city that a time zone is named after.
fn city(zone: Tz) -> String {
    zone.name().rsplit('/').next().unwrap_or_default().replace('_', " ")
}

#[cfg(test)]
mod tests;
