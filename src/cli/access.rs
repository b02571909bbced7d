//! Access on the command line: grants of roles, keys of machines, and a check of the file of issuers.
//!
//! A new key is printed once, to standard output, and nowhere else. On Postgres, servers keep running and follow.

use std::io::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::Result;
use chrono::NaiveDate;
use clap::{Args, Subcommand};

use super::commands::{open, record};
use super::files::read_log;
use super::table::{Table, columns, print};
use super::terminal::{self, message};
use super::{Ending, Format, Misuse, Places, day};
use crate::access::Role;
use crate::access::api_key::NewKey;
use crate::access::sign_in::SignIn;
use crate::causes;
use crate::clock::{Chance, Clock};
use crate::record::{DEPLOYMENT_ZONE, civil_day};
use crate::store::Store;
use throughline_domain::access::{Access, Author};
use throughline_domain::command::{Command, When};
use throughline_domain::fact::envelope::{ApiKeyId, GrantId, StreamId};
use throughline_domain::fact::event::{
    ApiKeyIssued, ApiKeyRevoked, EVERY_CONTRACT, Event, RoleGranted, RoleRevoked, SessionsRevoked,
};
use throughline_domain::fact::{History, Recorded};

/// The reason that the log records where none was given.
const NO_REASON: &str = "revoked on the command line";

/// The commands on granted roles.
#[derive(Debug, Subcommand)]
pub(super) enum AccessCommand {
    /// Grants a role to a login. It counts for tokens of issuers whose file says `grants = "deployment"` or `"both"`.
    #[command(after_help = "Example: throughline access grant --login kw-07 --role keyworker --contract shps")]
    Grant(GrantArguments),
    /// Revokes a granted role, from the next request on.
    #[command(after_help = "Example: throughline access revoke 0190c2a4-7b1e-7000-8000-000000000051")]
    Revoke {
        /// The id of the grant.
        grant: GrantId,
        /// The reason: at most 200 characters, without personal data.
        #[arg(long, default_value = NO_REASON)]
        reason: String,
    },
    /// Ends all sessions of a login: tokens issued until now are no longer accepted.
    #[command(after_help = "Example: throughline access end-sessions --login kw-07 --reason 'telephone lost'")]
    EndSessions {
        /// The login.
        #[arg(long)]
        login: String,
        /// The reason: at most 200 characters, without personal data.
        #[arg(long, default_value = NO_REASON)]
        reason: String,
    },
    /// Lists the granted roles, revoked ones included.
    #[command(after_help = "Example: throughline access list --format csv")]
    List {
        /// The output format.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// A role to grant.
#[derive(Debug, Args)]
pub(super) struct GrantArguments {
    /// The login, as the identity provider spells it.
    #[arg(long)]
    login: String,
    /// The role: keyworker, manager, commissioner, auditor, integrator or administrator.
    #[arg(long)]
    role: Role,
    /// The URL of the only issuer whose tokens count. Default: every issuer that the server trusts.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    #[command(flatten)]
    scope: ScopeArguments,
    /// The first day without the role. Default: until it is revoked.
    #[arg(long, value_parser = day)]
    until: Option<NaiveDate>,
}

/// Contracts and areas.
#[derive(Debug, Args)]
pub(super) struct ScopeArguments {
    /// The code of a contract. Repeat for more contracts. Default: all contracts.
    #[arg(long = "contract")]
    contracts: Vec<String>,
    /// The code of a service area of these contracts. Repeat for more areas. Default: all areas.
    #[arg(long = "area", requires = "contracts")]
    areas: Vec<String>,
}

impl ScopeArguments {
    fn contracts(&self) -> Vec<String> {
        if self.contracts.is_empty() { vec![EVERY_CONTRACT.to_owned()] } else { self.contracts.clone() }
    }
}

/// The commands on keys of machines.
#[derive(Debug, Subcommand)]
pub(super) enum ApiKeyCommand {
    /// Issues a key with which a machine signs in as an integrator, and prints it. It is not shown again.
    #[command(
        after_help = "Example: throughline api-key issue --label nightly-feed --contract shps --expires-on 2027-01-01"
    )]
    Issue {
        /// The name of the machine.
        #[arg(long)]
        label: String,
        #[command(flatten)]
        scope: ScopeArguments,
        /// The first day on which the key is no longer accepted, at most two years from today.
        #[arg(long, value_parser = day)]
        expires_on: NaiveDate,
    },
    /// Issues a key that replaces another one, and prints it. Both are accepted until the old one ends.
    #[command(after_help = "Example: throughline api-key rotate KEY --expires-on 2027-01-01 --old-until 2026-02-01")]
    Rotate {
        /// The id of the key to replace.
        #[arg(id = "api_key", value_name = "KEY")]
        key: ApiKeyId,
        /// The first day on which the new key is no longer accepted.
        #[arg(long, value_parser = day)]
        expires_on: NaiveDate,
        /// The first day on which the old key is no longer accepted.
        #[arg(long, value_parser = day)]
        old_until: NaiveDate,
    },
    /// Revokes a key, from the next request on.
    #[command(after_help = "Example: throughline api-key revoke 0190c2a4-7b1e-7000-8000-000000000052")]
    Revoke {
        /// The id of the key.
        #[arg(id = "api_key", value_name = "KEY")]
        key: ApiKeyId,
        /// The reason: at most 200 characters, without personal data.
        #[arg(long, default_value = NO_REASON)]
        reason: String,
    },
    /// Lists the keys, revoked ones included, and when each was last used.
    #[command(after_help = "Example: throughline api-key list")]
    List {
        /// The output format.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// Whose tokens a server accepts.
#[derive(Debug, Args)]
pub(super) struct SignInArguments {
    /// A file of identity providers (`OpenID` Connect) whose tokens are accepted: see docs/operating.md.
    #[arg(long, value_name = "FILE", env = "THROUGHLINE_ISSUERS")]
    pub(super) issuers: Option<PathBuf>,
    /// Do not accept tokens of the local key. Then `throughline token` is of no use here.
    #[arg(long)]
    pub(super) no_local_tokens: bool,
    /// The address of a reverse proxy before the server. Its `X-Forwarded-For` says where a request is from, and failed
    /// sign-ins are limited by that address. Repeat for more proxies.
    #[arg(long = "proxy", value_name = "ADDRESS")]
    pub(super) proxies: Vec<IpAddr>,
}

/// The commands on the file of issuers.
#[derive(Debug, Subcommand)]
pub(super) enum SignInCommand {
    /// Checks a file of issuers and fetches the keys of each. Status 1 if a provider cannot be used.
    #[command(after_help = "Example: throughline sign-in check --issuers issuers.toml")]
    Check {
        /// The file.
        #[arg(long, value_name = "FILE", env = "THROUGHLINE_ISSUERS")]
        issuers: PathBuf,
    },
}

pub(super) async fn run(places: &Places, command: AccessCommand) -> Result<Ending> {
    match command {
        AccessCommand::Grant(GrantArguments { login, role, issuer, scope, until }) => {
            let grant = GrantId(Chance::System.id_at(Clock::Machine.now()));
            let done = format!("granted {role} to {login} as {grant}");
            let contracts = scope.contracts();
            let fact = RoleGranted { grant, login, issuer, role, contracts, areas: scope.areas, until };
            keep(places, fact, &done).await
        }
        AccessCommand::Revoke { grant, reason } => {
            keep(places, RoleRevoked { grant, reason }, &format!("revoked {grant}")).await
        }
        AccessCommand::EndSessions { login, reason } => {
            let done = format!("ended the sessions of {login}");
            let fact = SessionsRevoked { login, issued_before: Clock::Machine.now(), reason };
            keep(places, fact, &done).await
        }
        AccessCommand::List { format } => {
            let access = recorded(places).await?;
            print(&mut terminal::out(), &[grants(&access)], format)?;
            Ok(Ending::Done)
        }
    }
}

pub(super) async fn run_api_key(places: &Places, command: ApiKeyCommand) -> Result<Ending> {
    let id = ApiKeyId(Chance::System.id_at(Clock::Machine.now()));
    match command {
        ApiKeyCommand::Issue { label, scope, expires_on } => {
            let made = NewKey::make(&Chance::System);
            let contracts = scope.contracts();
            let fact = ApiKeyIssued {
                key: id,
                label,
                digest: made.digest,
                contracts,
                areas: scope.areas,
                expires_on,
                replaces: None,
                replaced_until: None,
            };
            issue(places, fact, &made.secret).await
        }
        ApiKeyCommand::Rotate { key, expires_on, old_until } => {
            let access = recorded(places).await?;
            let old = access.key(key).ok_or_else(|| Misuse(format!("there is no key {key}: see api-key list")))?;
            let made = NewKey::make(&Chance::System);
            let fact = ApiKeyIssued {
                key: id,
                digest: made.digest,
                expires_on,
                replaces: Some(key),
                replaced_until: Some(old_until),
                ..old.details.clone()
            };
            issue(places, fact, &made.secret).await
        }
        ApiKeyCommand::Revoke { key, reason } => {
            keep(places, ApiKeyRevoked { key, reason }, &format!("revoked {key}")).await
        }
        ApiKeyCommand::List { format } => {
            let access = recorded(places).await?;
            let log = read_log(places).await?;
            let ids: Vec<ApiKeyId> = access.keys.iter().map(|key| key.details.key).collect();
            let used = log.key_uses(&ids).await?;
            let rows = access.keys.iter().map(|key| {
                let used = used.get(&key.details.key).map(ToString::to_string).unwrap_or_default();
                let details = &key.details;
                let (contracts, areas) = (details.contracts.join(" "), details.areas.join(" "));
                let state = state(key.is_in_force(today()), key.revoked.as_ref());
                vec![
                    details.key.to_string(),
                    details.label.clone(),
                    contracts,
                    areas,
                    key.ends_on.to_string(),
                    used,
                    state,
                ]
            });
            let columns = columns(&["key", "label", "contracts", "areas", "expires on", "last used", "state"]);
            let table = Table { title: "keys of machines".to_owned(), columns, rows: rows.collect() };
            print(&mut terminal::out(), &[table], format)?;
            Ok(Ending::Done)
        }
    }
}

pub(super) async fn run_sign_in(command: SignInCommand) -> Result<Ending> {
    let SignInCommand::Check { issuers } = command;
    let checked = SignIn::check(&issuers).await.map_err(|error| Misuse(causes::in_words(&error)))?;
    let (mut out, mut ending) = (terminal::out(), Ending::Done);
    for one in checked {
        match one.found {
            Ok((url, set)) => {
                writeln!(out, "{}: the keys are at {url}", one.issuer)?;
                let (keys, unusable) = set.listed();
                for (id, algorithms) in keys {
                    writeln!(out, "  {id}: {}", algorithms.join(", "))?;
                }
                if unusable > 0 {
                    writeln!(out, "  {unusable} further keys are not used: they are for other purposes or algorithms")?;
                }
            }
            Err(error) => {
                writeln!(out, "{}: NOT USABLE: {}", one.issuer, causes::in_words(&error))?;
                ending = Ending::CheckFailed;
            }
        }
    }
    Ok(ending)
}

/// Records a fact about access.
async fn keep(places: &Places, fact: impl Into<Event>, done: &str) -> Result<Ending> {
    Store::must_exist(places.database())?;
    let deployment = open(places).await?;
    let command = Command::record_fact(StreamId::deployment(), When::TODAY, fact);
    let ending = record(&deployment.recorder, &deployment.clock, command, done).await;
    deployment.close().await;
    ending
}

/// Issues a key and prints it.
async fn issue(places: &Places, fact: ApiKeyIssued, secret: &str) -> Result<Ending> {
    let done = format!("issued {} for {}", fact.key, fact.label);
    let ending = keep(places, fact, &done).await?;
    if ending == Ending::Done {
        writeln!(terminal::out(), "{secret}")?;
        message("keep the key now: it is not stored and cannot be shown again");
    }
    Ok(ending)
}

/// Everything that the log says about access.
async fn recorded(places: &Places) -> Result<Access> {
    let mut history = History::default();
    for event in read_log(places).await?.stream(StreamId::deployment()).await? {
        history.evolve(Recorded::decode(&event)?);
    }
    Ok(Access::of(&history))
}

fn today() -> NaiveDate {
    civil_day(Clock::Machine.now(), DEPLOYMENT_ZONE)
}

fn state(is_in_force: bool, revoked: Option<&Author>) -> String {
    match revoked {
        Some(revoked) => format!("revoked by {} at {}", revoked.by, revoked.at),
        None if is_in_force => "in force".to_owned(),
        None => "over".to_owned(),
    }
}

fn grants(access: &Access) -> Table {
    let rows = access.grants.iter().map(|grant| {
        let details = &grant.details;
        vec![
            details.grant.to_string(),
            details.login.clone(),
            details.role.to_string(),
            details.contracts.join(" "),
            details.areas.join(" "),
            details.issuer.clone().unwrap_or_default(),
            details.until.map(|until| until.to_string()).unwrap_or_default(),
            grant.granted.by.clone(),
            state(grant.is_in_force(today()), grant.revoked.as_ref()),
        ]
    });
    let names = ["grant", "login", "role", "contracts", "areas", "issuer", "until", "granted by", "state"];
    Table { title: "granted roles".to_owned(), columns: columns(&names), rows: rows.collect() }
}
