//! The demo: a year of journeys told into a fresh database, its boards, and a server that goes on from there.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use chrono::{NaiveDate, TimeDelta};
use tempfile::TempDir;

use super::commands::{complain, issue, listening, serve_until_stopped, told_to_stop};
use super::table;
use super::{Ending, Format, Places, board};
use crate::access::token::LocalKey;
use crate::access::{Principal, Role, Scope};
use crate::clock::{Chance, Clock};
use crate::demo::{self, DOCUMENTED_REFERENCE, Progress, SEED, Size, Story};
use crate::deployment::Deployment;
use crate::http;
use throughline_domain::fact::envelope::Position;
use throughline_gateway::Terms;

/// The last day of the story.
const LAST_DAY: NaiveDate = NaiveDate::from_ymd_opt(2018, 2, 28).expect("a real day");
/// How long the demo's tokens last.
const TOKENS_LAST: TimeDelta = TimeDelta::hours(12);
/// How many tables the demo prints when it serves: what fits beside the tokens.
const TABLES_ON_A_PAGE: usize = 2;
/// How long the live view may take to show the whole story.
const PATIENCE: Duration = Duration::from_mins(10);

pub(super) async fn run(places: &Places, listen: &str, once: bool) -> Result<Ending> {
    let own = TempDir::with_prefix("throughline-demo-").context("cannot make a temporary directory")?;
    let database = match &places.database {
        Some(database) => database.clone(),
        None => format!("sqlite:{}", own.path().join("throughline.db").display()),
    };
    let key = places.key.clone().unwrap_or_else(|| own.path().join("throughline.key"));
    let key = Arc::new(LocalKey::read_or_make(&key)?);
    let listener = if once { None } else { Some(listening(listen).await?) };
    let mut stop = std::pin::pin!(told_to_stop());
    let told = tokio::select! {
        told = tell(&database) => told?,
        () = &mut stop => return Ok(Ending::Done),
    };
    if told == Ending::Done {
        let clock = Arc::new(Clock::going_on_from(demo::GOES_ON_AT));
        let deployment = Deployment::open(&database, clock, Arc::new(Chance::System)).await?;
        match listener {
            None => {
                print_boards(&deployment, usize::MAX).await?;
                deployment.close().await;
            }
            Some(listener) => {
                print_banner(&key, &http::url_of(listener.local_addr()?))?;
                print_boards(&deployment, TABLES_ON_A_PAGE).await?;
                print_whole_boards(&database)?;
                let listening = (listener, http::CONNECTIONS);
                serve_until_stopped(deployment, (key, Terms::default()), listening, stop).await?;
            }
        }
    }
    Ok(told)
}

/// Plays the story into an empty database.
async fn tell(database: &str) -> Result<Ending> {
    let story = Story::new(SEED, Size::Whole);
    let clock = Arc::new(Clock::standing_at(demo::GOES_ON_AT));
    let deployment = Deployment::open(database, Arc::clone(&clock), Arc::new(Chance::seeded(SEED))).await?;
    if deployment.log.head().await?.position != Position::default() {
        complain("the demo wants an empty database: leave --database out, or name one that is not there yet");
        deployment.close().await;
        return Ok(Ending::WrongUse);
    }
    tracing::info!(commands = story.items().len(), "telling a year of journeys");
    demo::play_showing(&deployment.recorder, &clock, &story, progress()).await.context("the story was not accepted")?;
    let head = deployment.log.head().await?.position;
    if !deployment.views.passed(head, PATIENCE).await {
        bail!("the live view did not follow the story to position {head}");
    }
    tracing::info!(events = head.0, "told");
    deployment.close().await;
    Ok(Ending::Done)
}

/// Shows how far the story is: on a terminal as one line that changes, in a log a line for each quarter.
fn progress() -> impl FnMut(Progress) {
    let (on_a_terminal, mut shown) = (std::io::stderr().is_terminal(), 0);
    move |Progress { commands, of, at }| {
        let percent = commands * 100 / of.max(1);
        if on_a_terminal && percent > shown {
            shown = percent;
            let end = if commands == of { "\r\x1b[K".to_owned() } else { String::new() };
            let line = format!("\r\x1b[Kbuilding a year of journeys: {percent} %, {}{end}", at.format("%B %Y"));
            // Nobody to show it to if standard error is closed.
            let _ = std::io::stderr().lock().write_all(line.as_bytes());
        } else if !on_a_terminal && percent >= shown + 25 {
            shown = percent;
            tracing::info!(percent, month = %at.format("%Y-%m"), "telling");
        }
    }
}

/// Prints the first of the boards, at most so many tables.
async fn print_boards(deployment: &Deployment, most: usize) -> Result<()> {
    let scope = Scope::Deployment;
    let scoped = scope.contract(demo::CONTRACT).context("the demo's contract is in every scope")?;
    let contract = deployment.views.live().told(scoped).context("the demo's contract is open")?;
    let mut tables = board::tables(&deployment.views.live(), scoped, &contract, LAST_DAY).await?;
    tables.truncate(most);
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}\n", contract.opened().map(|opened| opened.name.clone()).unwrap_or_default())?;
    table::print(&mut out, &tables, Format::Table)?;
    Ok(())
}

/// Says how to print every board of a demo that serves.
fn print_whole_boards(database: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let contract = demo::CONTRACT;
    writeln!(out, "Every board: throughline board --contract {contract} --as-of {LAST_DAY} --database {database}")?;
    Ok(out.flush()?)
}

fn print_banner(key: &LocalKey, url: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "In this demo it is 1 March 2018, 09:00 in London, and goes on from there: today, the times at which"
    )?;
    writeln!(out, "facts are recorded and every date left out are the story's. Tokens go by this machine's clock.\n")?;
    for role in Role::ALL {
        let subject = if role == Role::Keyworker { "kw-01".to_owned() } else { role.as_str().to_owned() };
        let scope = match role {
            Role::Administrator => Scope::Deployment,
            _ => Scope::Contracts([demo::CONTRACT.to_owned()].into()),
        };
        let token = issue(key, &Principal { subject: subject.clone(), role, scope }, TOKENS_LAST);
        writeln!(out, "{role} {subject}\n  {token}")?;
    }
    writeln!(out, "\nThe journey that README follows: {DOCUMENTED_REFERENCE}, {}", demo::documented_journey())?;
    writeln!(out, "GraphQL:  {url}/graphql")?;
    writeln!(out, "GraphiQL: {url}/graphiql\n")?;
    Ok(out.flush()?)
}
