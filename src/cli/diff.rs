//! `rebuild --diff`: shows what a rebuild would change, before anyone switches to it.
//!
//! It compares the live view with one built from the log, under the published rules or with a draft added. It publishes
//! nothing, and the view that it builds never becomes the live view.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use chrono::NaiveDate;

use super::board::{Opened, opened};
use super::commands::unless_stopped;
use super::files::is_damage;
use super::rulebook::{NamedRulebook, read};
use super::table::{self, Table, columns};
use super::terminal::{self, message};
use super::views::show_progress;
use super::{Ending, Format, Places};
use crate::access::{InScope, Scope};
use crate::causes;
use crate::clock::Clock;
use crate::queries;
use crate::queries::claims::{self, Claim, Claims, ClaimsQuery, Purpose, Shift};
use crate::queries::compare::Side;
use crate::queries::period::months_of_contract;
use crate::record::{DEPLOYMENT_ZONE, civil_day};
use crate::views::diff::RowsDiffer;
use crate::views::generation::Generation;
use crate::views::rebuild::Options;
use crate::views::{Depth, ViewError, Views};
use throughline_domain::command::contracts as command;
use throughline_domain::contract::{Contract, Rulebook};
use throughline_domain::fact::money::Money;
use throughline_domain::performance::period::Months;

/// The arguments of `rebuild --diff`.
pub(super) struct Asking<'a> {
    /// A draft of further rules for a contract.
    pub(super) rulebook: Option<&'a Path>,
    /// The as-of date of boards and claims. Default: today.
    pub(super) as_of: Option<NaiveDate>,
    /// The number of threads that decode and fold.
    pub(super) workers: Option<u16>,
    /// Whether a difference ends the command with status 1.
    pub(super) exit_code: bool,
    /// The output format.
    pub(super) format: Format,
}

/// Two views at the same position.
struct Compared {
    live: Arc<Generation>,
    built: Arc<Generation>,
    rows: RowsDiffer,
}

pub(super) async fn run(places: &Places, asking: &Asking<'_>) -> Result<Ending> {
    // This reads the live view without opening it for writing. Opening it for writing would replace a damaged view
    // first.
    let (Opened::ToWrite(log) | Opened::ToRead(log)) = unless_stopped(opened(places)).await?;
    let compared = match Views::open_unchecked(log.clone()).await {
        Ok(views) => {
            let shown = unless_stopped(show(&views, asking)).await;
            views.close().await;
            shown
        }
        Err(error) => Err(error.into()),
    };
    match compared {
        Err(error) if error.downcast_ref().is_some_and(ViewError::is_no_view_to_use) || is_damage(&error) => {
            message(format_args!("there is no live view to compare with: {}", causes::in_words(&*error)));
            let views = unless_stopped(async { Ok(Views::open_apart(log).await?) }).await?;
            let shown = alone(&views, asking).await;
            views.close().await;
            shown
        }
        compared => compared,
    }
}

/// The result of a rebuild when there is no live view to compare with. The check fails, because nothing is known to be
/// equal.
async fn alone(views: &Views, asking: &Asking<'_>) -> Result<Ending> {
    let (position, digest) = views.position_and_digest().await?;
    let built = vec!["built".to_owned(), position.to_string(), digest];
    let table =
        Table { title: "Views".to_owned(), columns: columns(&["View", "Position", "Digest"]), rows: vec![built] };
    table::print(&mut terminal::out(), &[table], asking.format)?;
    Ok(if asking.exit_code { Ending::CheckFailed } else { Ending::Done })
}

async fn show(views: &Views, asking: &Asking<'_>) -> Result<Ending> {
    let draft = match asking.rulebook.map(|path| draft(views, path)).transpose()? {
        Some(Err(ending)) => return Ok(ending),
        Some(Ok(draft)) => Some(Arc::new(draft)),
        None => None,
    };
    let compared = compare(views, asking, draft).await?;
    let mut tables = vec![positions(&compared).await?, unsound(&compared).await?, rows(&compared)];
    tables.push(journeys(&compared).await?);
    let scope = Scope::Deployment;
    for contract in compared.built.contract_states(&scope) {
        let Some(scoped) = contract.code().and_then(|code| scope.contract(code)) else { continue };
        let Some(before) = compared.live.contract_state(scoped) else { continue };
        let (before, after) = (Under::of(before, asking.as_of), Under::of(Arc::clone(&contract), asking.as_of));
        tables.push(numbers(&compared, scoped, &before, &after).await?);
        tables.extend(claims_table(views, &compared, scoped, &before).await?);
    }
    // Positions and digests are always shown. Every other table is a difference.
    tables.retain(|table| !table.rows.is_empty());
    let differs = tables.len() > 1;
    table::print(&mut terminal::out(), &tables, asking.format)?;
    if !differs {
        message("no differences");
    }
    Ok(if differs && asking.exit_code { Ending::CheckFailed } else { Ending::Done })
}

/// Reads a draft as if it were to be published now.
fn draft(views: &Views, path: &Path) -> Result<Result<Rulebook, Ending>> {
    let NamedRulebook { name, text, rulebook } = match NamedRulebook::of(&path.display().to_string(), read(path)?) {
        Ok(rulebook) => rulebook,
        Err(wrong) => return Ok(Err(wrong)),
    };
    let code = &rulebook.contract;
    let contract = Scope::Deployment.contract(code).and_then(|scoped| views.live().contract_state(scoped));
    let Some(contract) = contract else {
        message(format_args!("{name}: contract {code:?} is not open: open it with `throughline contract open`"));
        return Ok(Err(Ending::WrongUse));
    };
    let today = civil_day(Clock::Machine.now(), contract.zone().unwrap_or(DEPLOYMENT_ZONE));
    Ok(command::draft(&contract, &text, today).map_err(|refusals| {
        for refusal in refusals {
            message(format_args!("{name}: {refusal}"));
        }
        Ending::WrongUse
    }))
}

/// Builds a view beside the live view and compares the two. If the live view changes meanwhile, the comparison uses a
/// second view built from the same events and rules as the live view had.
async fn compare(views: &Views, asking: &Asking<'_>, draft: Option<Arc<Rulebook>>) -> Result<Compared> {
    let workers = asking.workers.map_or(Options::default().workers, usize::from);
    let options = Options { workers, ..Options::default() };
    let live = views.live();
    let position = *live.position().borrow();
    let shown = tokio::spawn(show_progress(views.known_progress()));
    let built = views.foreseen((position, position), draft, options).await;
    shown.abort();
    let built = built?;
    let rows = live.rows_that_differ(&built).await?;
    if live.stands_at().await? == position {
        return Ok(Compared { live, built, rows });
    }
    message("events are being recorded: the comparison uses the live view's state at the start, built from the log");
    let live = views.foreseen((position, live.rulebooks_upto), None, options).await?;
    let rows = live.rows_that_differ(&built).await?;
    Ok(Compared { live, built, rows })
}

/// A contract under the rules of one side, at an as-of date.
struct Under {
    contract: Arc<Contract>,
    as_of: NaiveDate,
    today: NaiveDate,
}

impl Under {
    fn of(contract: Arc<Contract>, as_of: Option<NaiveDate>) -> Self {
        let today = civil_day(Clock::Machine.now(), contract.zone().unwrap_or(DEPLOYMENT_ZONE));
        Self { contract, as_of: as_of.unwrap_or(today), today }
    }

    fn rules(&self) -> Result<&Rulebook> {
        self.contract.newest_rulebook().map(Arc::as_ref).ok_or_else(|| anyhow!("an open contract has a rulebook"))
    }

    fn months(&self) -> Months {
        months_of_contract(&self.contract, self.as_of)
    }
}

async fn positions(compared: &Compared) -> Result<Table> {
    let mut rows = Vec::new();
    for (name, view) in [("live", &compared.live), ("built", &compared.built)] {
        rows.push(vec![name.to_owned(), view.stands_at().await?.to_string(), view.digest().await?]);
    }
    Ok(Table { title: "Views".to_owned(), columns: columns(&["View", "Position", "Digest"]), rows })
}

/// Faults that the database's own check finds in the live view. Rows may be equal and still be missing from an index.
async fn unsound(compared: &Compared) -> Result<Table> {
    let wrong = compared.live.wrong(Depth::Indexes).await?;
    let rows = wrong.into_iter().map(|wrong| vec![wrong]).collect();
    Ok(Table { title: "The live view is damaged".to_owned(), columns: columns(&["What the database says"]), rows })
}

fn rows(compared: &Compared) -> Table {
    let rows = compared.rows.tables.iter().map(|(table, counts)| {
        let counts = [counts.only_one, counts.only_other, counts.changed].map(|count| count.to_string());
        std::iter::once((*table).to_owned()).chain(counts).collect()
    });
    Table {
        title: "Rows that differ".to_owned(),
        columns: columns(&["Table", "Only live", "Only built", "Changed"]),
        rows: rows.collect(),
    }
}

/// The cases whose rows differ, and the reason.
async fn journeys(compared: &Compared) -> Result<Table> {
    let ids = || compared.rows.journeys.keys().copied();
    let mut names = queries::compare::names(&compared.live, ids()).await?;
    names.extend(queries::compare::names(&compared.built, ids()).await?);
    let scope = Scope::Deployment;
    let rules = |view: &Generation, code: &str| {
        let contract = scope.contract(code).and_then(|scoped| view.contract_state(scoped))?;
        contract.newest_rulebook().map(Arc::clone)
    };
    let why = |code: &str| match (rules(&compared.live, code), rules(&compared.built, code)) {
        (Some(was), Some(is)) if was.hash() == is.hash() => "rows do not match the log".to_owned(),
        (Some(was), Some(is)) => format!("rules: {}", was.sections_that_differ(&is).join(", ")),
        _ => "no rules on one side".to_owned(),
    };
    let rows = compared.rows.journeys.iter().map(|(journey, tables)| {
        let (contract, reference) = names.get(journey).cloned().unwrap_or_default();
        let tables: Vec<&str> = tables.iter().copied().collect();
        vec![reference, journey.to_string(), tables.join(", "), why(&contract), contract]
    });
    Ok(Table {
        title: "Journeys that differ".to_owned(),
        columns: columns(&["Reference", "Journey", "Tables", "Because", "Contract"]),
        rows: rows.collect(),
    })
}

async fn numbers(compared: &Compared, scope: InScope<'_>, before: &Under, after: &Under) -> Result<Table> {
    let side = |of: &'_ Under, rulebook| Side { as_of: of.as_of, upto: *compared.built.position().borrow(), rulebook };
    let (one, other) = (side(before, before.rules()?), side(after, after.rules()?));
    let (one, other) = ((&one, before.months()), (&other, after.months()));
    let found = queries::compare::numbers_that_differ(&compared.live, scope, one, &compared.built, other).await?;
    let rows = found.into_iter().map(|number| {
        let month = number.month.map_or_else(|| "to date".to_owned(), |month| month.to_string());
        let (one, other) = (number.one.to_string(), number.other.to_string());
        vec![number.board.title().to_owned(), number.group.label(), number.column, month, one, other]
    });
    Ok(Table {
        title: format!("Numbers of {} that differ on {}", scope.contract(), before.as_of),
        columns: columns(&["Board", "Row", "Column", "Month", "Live", "Built"]),
        rows: rows.collect(),
    })
}

async fn claims_table(views: &Views, compared: &Compared, scope: InScope<'_>, under: &Under) -> Result<Option<Table>> {
    let asked = ClaimsQuery { as_of: under.as_of, today: under.today, purpose: Purpose::Look };
    let before = claims::of_contract(&compared.live, views.log(), scope, asked.clone()).await?;
    let after = claims::of_contract(&compared.built, views.log(), scope, asked).await?;
    let Some((before, after)) = before.zip(after) else { return Ok(None) };
    let (shifts, _) = claims::shifts(&before, &after);
    let mut rows: Vec<Vec<String>> = shifts.iter().map(|shift| row(shift, &before, &after)).collect();
    if !rows.is_empty() {
        let delta: Money = shifts.iter().map(|shift| shift.delta).sum();
        let blank = String::new;
        rows.push(vec!["together".to_owned(), blank(), blank(), blank(), blank(), delta.to_string(), blank()]);
    }
    Ok(Some(Table {
        title: format!("Claims of {} that move on {}", scope.contract(), under.as_of),
        columns: columns(&["Moved", "Claim", "Outcome", "Live", "Built", "Delta", "Because"]),
        rows,
    }))
}

fn row(shift: &Shift, before: &Claims, after: &Claims) -> Vec<String> {
    let (was, is) = (before.get(shift.claim), after.get(shift.claim));
    let status = |claim: Option<&Claim>| claim.map_or("none", |claim| claim.status.as_str()).to_owned();
    let outcome = is.or(was).map(|claim| claim.outcome.clone()).unwrap_or_default();
    let rules = claims::rules_that_differ(was, is).join(", ");
    vec![
        shift.how.as_str().to_owned(),
        shift.claim.to_string(),
        outcome,
        status(was),
        status(is),
        shift.delta.to_string(),
        rules,
    ]
}
