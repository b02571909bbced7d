//! The demo: a year of journeys told into a fresh database, its boards, and a server that goes on from there.

use std::io::Write as _;
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
use crate::demo::{self, DOCUMENTED_REFERENCE, SEED, Size, Story};
use crate::deployment::Deployment;
use crate::graphql::transport::Terms;
use crate::http;
use crate::log::envelope::Position;

/// The last day of the story.
const LAST_DAY: NaiveDate = NaiveDate::from_ymd_opt(2018, 2, 28).expect("a real day");
/// How long the demo's tokens last.
const TOKENS_LAST: TimeDelta = TimeDelta::hours(12);
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
    let told = tokio::select! {
        told = tell(&database) => told?,
        () = told_to_stop() => return Ok(Ending::Done),
    };
    if told == Ending::Done {
        let clock = Arc::new(Clock::going_on_from(demo::GOES_ON_AT));
        let deployment = Deployment::open(&database, clock, Arc::new(Chance::System)).await?;
        print_boards(&deployment).await?;
        match listener {
            None => deployment.close().await,
            Some(listener) => {
                print_banner(&key, &http::url_of(listener.local_addr()?))?;
                serve_until_stopped(deployment, (key, Terms::default()), listener).await?;
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
    demo::play(&deployment.recorder, &clock, &story).await.context("the story was not accepted")?;
    let head = deployment.log.head().await?.position;
    if !deployment.views.passed(head, PATIENCE).await {
        bail!("the live view did not follow the story to position {head}");
    }
    tracing::info!(events = head.0, "told");
    deployment.close().await;
    Ok(Ending::Done)
}

async fn print_boards(deployment: &Deployment) -> Result<()> {
    let scope = Scope::Deployment;
    let scoped = scope.contract(demo::CONTRACT).context("the demo's contract is in every scope")?;
    let contract = deployment.views.live().told(scoped).context("the demo's contract is open")?;
    let tables = board::tables(&deployment.views.live(), scoped, &contract, LAST_DAY).await?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}\n", contract.opened().map(|opened| opened.name.clone()).unwrap_or_default())?;
    table::print(&mut out, &tables, Format::Table)?;
    Ok(())
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
    writeln!(out, "GraphiQL: {url}/graphiql")?;
    Ok(out.flush()?)
}
