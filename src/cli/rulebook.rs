//! `rulebook`: checks, previews and publishes rulebooks, and prints their grammar.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use chrono::NaiveDate;
use clap::Args;

use super::table::{self, Table, columns};
use super::terminal::{self, message, shortened, wrapped};
use super::{BadFile, Ending, Format, Places, board, day, views};
use crate::access::{InScope, Scope};
use crate::clock::Clock;
use crate::queries;
use crate::queries::claims::{Cause, Claims, ClaimsQuery, Ground, Move, Moved, Preview, Purpose, Total};
use crate::record::{DEPLOYMENT_ZONE, civil_day};
use crate::views::Views;
use crate::views::generation::Generation;
use crate::views::rebuild::Options;
use throughline_domain::command::contracts as command;
use throughline_domain::contract::rulebook::{explain, packs};
use throughline_domain::contract::{Contract, Rulebook, RulebookError};
use throughline_domain::fact::envelope::ClaimId;
use throughline_domain::fact::money::Money;

/// The most characters of a case reference, an outcome code, a status with its amount, and the rules that change a
/// claim. With these a row fits a terminal of 120 columns.
const CASE_MAX: usize = 16;
const OUTCOME_MAX: usize = 16;
const STATUS_MAX: usize = 26;
const RULES_MAX: usize = 10;

/// A contract, a draft of a further rulebook, and the as-of date.
#[derive(Debug, Args)]
pub(super) struct PreviewArguments {
    /// The contract's code.
    contract: String,
    /// The draft's file, or the name of a built-in pack.
    rulebook: String,
    /// The as-of date: facts are read at the end of this day. Default: today in the contract's zone.
    #[arg(long, value_parser = day)]
    as_of: Option<NaiveDate>,
    /// The output format.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The text of a rulebook: a pack that ships, or a file.
pub(super) fn text(named: &str) -> Result<String> {
    match packs::pack(named) {
        Some(pack) => Ok(pack.text.to_owned()),
        None => read(Path::new(named)),
    }
}

/// The text of a rulebook file.
pub(super) fn read(path: &Path) -> Result<String> {
    let read = std::fs::read_to_string(path);
    read.map_err(|source| BadFile { doing: "read the rulebook", path: path.to_owned(), source }).with_context(|| {
        let packs: Vec<_> = packs::packs().iter().map(|pack| pack.code).collect();
        format!("give a rulebook file, or one of the packs {}", packs.join(", "))
    })
}

/// Prints the errors of a rulebook, one a line.
pub(super) fn print_errors(named: &str, errors: &[RulebookError]) -> Ending {
    for error in errors {
        message(format_args!("{named}: {error}"));
    }
    Ending::WrongUse
}

/// A rulebook that was read, with its name on the command line.
pub(super) struct NamedRulebook {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) rulebook: Rulebook,
}

impl NamedRulebook {
    /// Checks the text of a rulebook. If it is wrong, prints the errors.
    pub(super) fn of(name: &str, text: String) -> Result<Self, Ending> {
        match Rulebook::parse(&text) {
            Ok(rulebook) => Ok(Self { name: name.to_owned(), text, rulebook }),
            Err(errors) => Err(print_errors(name, &errors)),
        }
    }
}

pub(super) fn check(named: &[String]) -> Result<Ending> {
    let mut ending = Ending::Done;
    let mut read: Vec<NamedRulebook> = Vec::new();
    for name in named {
        match NamedRulebook::of(name, text(name)?) {
            Ok(rulebook) => read.push(rulebook),
            Err(wrong) => ending = wrong,
        }
    }
    for (at, NamedRulebook { name, text, rulebook }) in read.iter().enumerate() {
        for earlier in &read[..at] {
            if let Some(error) = rulebook.overlap(text, &earlier.rulebook) {
                message(format_args!("{name}: {error} (as in {})", earlier.name));
                ending = Ending::WrongUse;
            }
        }
    }
    let mut out = terminal::out();
    for (at, NamedRulebook { name, rulebook, .. }) in read.iter().enumerate() {
        writeln!(out, "{name}")?;
        for sentence in explain::of(rulebook) {
            writeln!(out, "  {sentence}")?;
        }
        let same_day =
            |other: &Rulebook| other.contract == rulebook.contract && other.effective_from == rulebook.effective_from;
        for earlier in read[..at].iter().filter(|earlier| same_day(&earlier.rulebook)) {
            let NamedRulebook { name, rulebook, .. } = earlier;
            writeln!(out, "  It supersedes version {} ({name}), which has the same first day.", rulebook.version)?;
        }
    }
    Ok(ending)
}

pub(super) fn hash(named: &str) -> Result<Ending> {
    match Rulebook::parse(&text(named)?) {
        Ok(rulebook) => {
            writeln!(terminal::out(), "{}", rulebook.hash())?;
            Ok(Ending::Done)
        }
        Err(errors) => Ok(print_errors(named, &errors)),
    }
}

/// Prints a text that is generated: the JSON Schema, the reference page or the page of measures.
pub(super) fn print(text: &str) -> Result<Ending> {
    write!(terminal::out(), "{text}")?;
    Ok(Ending::Done)
}

/// Publishes a further rulebook, builds the view that applies it and switches to it.
pub(super) async fn publish(places: &Places, contract: &str, named: &str) -> Result<Ending> {
    let rulebook = match NamedRulebook::of(named, text(named)?) {
        Ok(rulebook) => rulebook,
        Err(wrong) => return Ok(wrong),
    };
    let views = views::open(places).await?;
    let ending = publish_to(&views, contract, rulebook).await;
    views::close(views).await;
    ending
}

async fn publish_to(views: &Views, code: &str, rulebook: NamedRulebook) -> Result<Ending> {
    let scope = Scope::Deployment;
    let Some((_, contract)) = open_contract(&views.live(), &scope, code) else { return Ok(Ending::WrongUse) };
    if let Some(ending) = overlapping(&contract, &rulebook) {
        return Ok(ending);
    }
    // Taken before publishing, so that a server that sees the new rulebook leaves the build to this process.
    let right = views.right_to_build().await?;
    let published = views::publish(views, code, rulebook).await?;
    if published != Ending::Done {
        right.release().await;
        return Ok(published);
    }
    views::build(views, right, Options::default()).await?;
    let (position, digest) = views.position_and_digest().await?;
    writeln!(terminal::out(), "live view under it: position {position}  digest {digest}")?;
    Ok(Ending::Done)
}

/// Prints the claims that a draft would change, and why.
pub(super) async fn preview(places: &Places, arguments: &PreviewArguments) -> Result<Ending> {
    let rulebook = match NamedRulebook::of(&arguments.rulebook, text(&arguments.rulebook)?) {
        Ok(rulebook) => rulebook,
        Err(wrong) => return Ok(wrong),
    };
    let views = board::open_to_read(places).await?;
    let ending = preview_in(&views, arguments, &rulebook).await;
    views.close().await;
    ending
}

async fn preview_in(views: &Views, arguments: &PreviewArguments, rulebook: &NamedRulebook) -> Result<Ending> {
    let PreviewArguments { contract: code, as_of, format, .. } = arguments;
    let scope = Scope::Deployment;
    let Some((scoped, contract)) = open_contract(&views.live(), &scope, code) else { return Ok(Ending::WrongUse) };
    let today = civil_day(Clock::Machine.now(), contract.zone().unwrap_or(DEPLOYMENT_ZONE));
    let draft = match command::draft(&contract, &rulebook.text, today) {
        Ok(draft) => draft,
        Err(refusals) => {
            if overlapping(&contract, rulebook).is_none() {
                for refusal in &refusals {
                    message(format_args!("{}: {refusal}", rulebook.name));
                }
            }
            return Ok(Ending::WrongUse);
        }
    };
    let asked = ClaimsQuery { as_of: as_of.unwrap_or(today), today, purpose: Purpose::Look };
    let judged = queries::claims::preview(&views.live(), views.log(), scoped, asked, draft).await?;
    let preview = judged.context("the view has no open contract of this code")?;
    table::print(&mut terminal::out(), &tables(&preview, *format), *format)?;
    Ok(Ending::Done)
}

/// An open contract. If there is none, prints what to do.
pub(super) fn open_contract<'c>(
    view: &Generation,
    scope: &'c Scope,
    code: &'c str,
) -> Option<(InScope<'c>, Arc<Contract>)> {
    let scoped = scope.contract(code);
    let found = scoped.and_then(|scoped| view.contract_state(scoped).map(|contract| (scoped, contract)));
    if found.is_none() {
        message(format_args!("contract {code:?} is not open: open it with `throughline contract open`"));
    }
    found
}

/// Prints the first conflict of a rulebook with one that is published, with its line.
fn overlapping(contract: &Contract, NamedRulebook { name, text, rulebook }: &NamedRulebook) -> Option<Ending> {
    let published = contract.rulebooks().iter();
    let overlaps: Vec<_> =
        published.filter_map(|published| rulebook.overlap(text, &published.rulebook)).take(1).collect();
    (!overlaps.is_empty()).then(|| print_errors(name, &overlaps))
}

fn tables(preview: &Preview, format: Format) -> Vec<Table> {
    let currency = preview.before.currency();
    let money = |amount: Money| format!("{} {currency}", Money::of(amount.amount(), currency));
    let count = |how: Moved| preview.count(how).to_string();
    let delta = money(preview.moves.iter().map(|of| of.delta).sum());
    let (gained, lost, changed) = (count(Moved::Gained), count(Moved::Lost), count(Moved::Changed));
    let summary = vec![format!("as of {}", preview.before.asked.as_of), gained, lost, changed];
    let totals = |title: &str, of: &str, totals: Vec<Total>| Table {
        title: title.to_owned(),
        columns: columns(&[of, "gained", "lost", "changed", "delta"]),
        rows: totals.into_iter().map(|total| total_row(&total, &money)).collect(),
    };
    let mut tables = vec![
        Table {
            title: "Claims that the draft would change".to_owned(),
            columns: columns(&["Claims", "gained", "lost", "changed", "unchanged", "delta"]),
            rows: vec![summary.into_iter().chain([preview.unchanged.to_string(), delta]).collect()],
        },
        totals("By outcome", "outcome", preview.by_outcome()),
        totals("By rule (a claim that several rules change counts under each)", "rule", preview.by_rule()),
    ];
    if format == Format::Table {
        tables.push(changes_in_short(preview, &money));
        tables.push(rules_in_words(preview));
    } else {
        tables.push(changes_in_full(preview, &money));
    }
    tables
}

fn total_row(total: &Total, money: &impl Fn(Money) -> String) -> Vec<String> {
    let counts = [total.gained, total.lost, total.changed].map(|count| count.to_string());
    std::iter::once(total.of.clone()).chain(counts).chain([money(total.delta)]).collect()
}

/// The claims that would change, each in one line of a terminal.
fn changes_in_short(preview: &Preview, money: &impl Fn(Money) -> String) -> Table {
    let moved = |of: &Move| {
        let rules: Vec<&str> = of.causes.iter().map(|cause| cause.rule).collect();
        let case = preview.reference(of.claim).unwrap_or("several cases");
        vec![
            shortened(case, CASE_MAX),
            shortened(preview.outcome(of.claim), OUTCOME_MAX),
            status_in_short(&preview.before, of.claim, money),
            status_in_short(&preview.after, of.claim, money),
            money(of.delta),
            shortened(&rules.join(", "), RULES_MAX),
        ]
    };
    Table {
        title: "Claims that would change".to_owned(),
        columns: columns(&["case", "outcome", "before", "after", "delta", "by"]),
        rows: preview.moves.iter().map(moved).collect(),
    }
}

/// Each rule that changes claims, in words, in lines of a terminal.
fn rules_in_words(preview: &Preview) -> Table {
    let mut rules: Vec<(&str, String)> = Vec::new();
    for cause in preview.moves.iter().flat_map(|of| &of.causes) {
        let words = (cause.rule, in_words(cause));
        if !rules.contains(&words) {
            rules.push(words);
        }
    }
    let lines = rules.iter().flat_map(|(rule, words)| wrapped(&format!("{rule}: {words}")));
    Table {
        title: "These rules in words (complete with --format json)".to_owned(),
        columns: columns(&["now -> in the draft"]),
        rows: lines.map(|line| vec![line]).collect(),
    }
}

/// The claims that would change, with all details.
fn changes_in_full(preview: &Preview, money: &impl Fn(Money) -> String) -> Table {
    let moved = |of: &Move| {
        let causes: Vec<String> = of.causes.iter().map(cause).collect();
        vec![
            preview.reference(of.claim).unwrap_or_default().to_owned(),
            of.claim.to_string(),
            preview.outcome(of.claim).to_owned(),
            of.how.as_str().to_owned(),
            status(&preview.before, of.claim, money),
            status(&preview.after, of.claim, money),
            money(of.delta),
            causes.join("; "),
        ]
    };
    Table {
        title: "Claims that would change".to_owned(),
        columns: columns(&["case", "claim", "outcome", "moved", "before", "after", "delta", "because"]),
        rows: preview.moves.iter().map(moved).collect(),
    }
}

/// The status of a claim and its amount; without the currency if that would be too long for a row.
fn status_in_short(claims: &Claims, claim: ClaimId, money: &impl Fn(Money) -> String) -> String {
    let status = status(claims, claim, money);
    if status.chars().count() <= STATUS_MAX {
        return status;
    }
    shortened(status.trim_end_matches(claims.currency()).trim_end(), STATUS_MAX)
}

/// The status of a claim and its amount.
fn status(claims: &Claims, claim: ClaimId, money: &impl Fn(Money) -> String) -> String {
    let Some(claim) = claims.get(claim) else { return "none".to_owned() };
    let amount = claim.amount.map(|amount| format!(" {}", money(amount))).unwrap_or_default();
    format!("{}{amount}", claim.status.as_str())
}

/// A rule in words, now and in the draft.
fn in_words(of: &Cause) -> String {
    match (&of.before, &of.after) {
        (before, after) if before == after => "another claim changes".to_owned(),
        (Some(before), Some(after)) => format!("{before} -> {after}"),
        (None, Some(after)) => format!("now nothing -> {after}"),
        (Some(before), None) => format!("{before} -> nothing"),
        (None, None) => String::new(),
    }
}

/// A rule in words, with the facts that decide it.
fn cause(of: &Cause) -> String {
    let words = in_words(of);
    let fact = |ground: &Ground| {
        format!("{} of {} ({})", ground.event_type.as_str(), ground.occurred.earliest(), ground.event)
    };
    let facts: Vec<String> = of.grounds.iter().map(fact).collect();
    let because = if facts.is_empty() { String::new() } else { format!(", by {}", facts.join(", ")) };
    format!("{}: {words}{because}", of.rule)
}
