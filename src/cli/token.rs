//! `token`: prints a short-lived token, signed with the local key.

use std::collections::BTreeSet;
use std::io::Write as _;

use anyhow::{Context as _, Result};
use chrono::TimeDelta;
use clap::Args;
use uuid::Uuid;

use super::commands::key;
use super::files::read_log;
use super::terminal::{self, message};
use super::{Ending, Places};
use crate::access::token::LocalKey;
use crate::access::{Principal, Role, Scope};
use crate::clock::{Chance, Clock};
use throughline_domain::contract::Contract;
use throughline_domain::contract::rulebook::CodeList;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::StreamId;

/// The holder of a token, and what it lets them see.
#[derive(Debug, Args)]
pub(super) struct TokenArguments {
    /// The role: keyworker, manager, commissioner, auditor, integrator or administrator.
    #[arg(long)]
    role: Role,
    /// The login of the token's holder.
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    subject: String,
    /// The code of a contract that the holder may see. Repeat for more contracts. Default: all contracts.
    #[arg(long = "contract")]
    contracts: Vec<String>,
    /// The code of a service area of these contracts, such as a commissioner's borough. The holder sees only this
    /// area. Repeat for more areas. Default: all areas. Not for keyworkers and administrators.
    #[arg(long = "area", requires = "contracts")]
    areas: Vec<String>,
    /// How many minutes the token is valid, at most a day.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(i64).range(1..=1440))]
    minutes: i64,
}

pub(super) async fn run(places: &Places, arguments: TokenArguments) -> Result<Ending> {
    let TokenArguments { role, subject, contracts, areas, minutes } = arguments;
    if !areas.is_empty() && !role.may_be_limited_to_areas() {
        message(format_args!("a token for a {role} cannot be limited to areas: leave out --area"));
        return Ok(Ending::WrongUse);
    }
    if !contracts.is_empty()
        && let Some(wrong) = unknown_to_the_log(places, &contracts, &areas).await?
    {
        message(wrong);
        return Ok(Ending::WrongUse);
    }
    let contracts = contracts.into_iter().collect::<BTreeSet<_>>();
    let scope = match (contracts.is_empty(), areas.is_empty()) {
        (true, _) => Scope::Deployment,
        (false, true) => Scope::Contracts(contracts),
        (false, false) => Scope::Areas { contracts, areas: areas.into_iter().collect() },
    };
    let principal = Principal { subject, role, scope };
    let token = issue(&*key(places)?, &principal, TimeDelta::minutes(minutes));
    writeln!(terminal::out(), "{token}")?;
    Ok(Ending::Done)
}

/// Checks the contracts and areas of a token. Returns an error message for a contract that was never opened, or an area
/// that none of the contracts' rulebooks lists.
async fn unknown_to_the_log(places: &Places, contracts: &[String], areas: &[String]) -> Result<Option<String>> {
    let log = read_log(places).await.context("cannot read the database, which a token with --contract needs")?;
    let (mut listed, mut lists_all) = (BTreeSet::new(), false);
    for code in contracts {
        let mut contract = Contract::default();
        for envelope in log.stream(StreamId::contract(code)).await? {
            contract.evolve(&Recorded::decode(&envelope)?)?;
        }
        if contract.code() != Some(code) {
            return Ok(Some(format!("contract {code:?} was never opened in this database: check the code")));
        }
        match contract.newest_rulebook().and_then(|rulebook| rulebook.codes.listed(CodeList::Areas)) {
            Some(areas) => listed.extend(areas.iter().cloned()),
            None => lists_all = true,
        }
    }
    let unknown = areas.iter().find(|area| !lists_all && !listed.contains(*area));
    let known = || listed.iter().cloned().collect::<Vec<_>>().join(", ");
    Ok(unknown.map(|area| format!("no rulebook of these contracts lists the area {area:?}: use one of {}", known())))
}

/// Issues a token that is valid from now on. Tokens always use the machine's clock.
pub(super) fn issue(key: &LocalKey, principal: &Principal, lasting: TimeDelta) -> String {
    let now = Clock::Machine.now();
    key.issue(principal, now, lasting, Uuid::from_bytes(Chance::System.bytes()))
}
