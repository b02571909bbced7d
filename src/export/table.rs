//! The export of one table: who may see which rows, as of and as known when, and the rows in portions.
//!
//! Every row is as of the same day and as known at the same position of the log, however long the export takes. One
//! portion of cases is in memory at a time; the claims of a contract are evaluated as a whole.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::NaiveDate;
use uuid::Uuid;

use super::tables::{
    CaseRead, Cell, Head, Reading, Row, Table, claims, contacts, journeys, obligations, payments, spells,
};
use crate::access::InScope;
use crate::access::policy::Redaction;
use crate::access::pseudonym::Pseudonyms;
use crate::access::relation::Standing;
use crate::log::{Log, LogError};
use crate::parallel::share_out;
use crate::queries::caseload_scope::shown;
use crate::queries::claims::{self as claim_queries, CaseMoney, Claims, ClaimsQuery, Purpose, Receipts};
use crate::queries::exports::{self, ListedCases};
use crate::store::StoreError;
use crate::views::generation::Generation;
use throughline_domain::contract::batch::Batch;
use throughline_domain::contract::batch::ledger::Ledger;
use throughline_domain::contract::{Contract, Rulebook};
use throughline_domain::fact::envelope::{BatchId, Envelope, JourneyId, Position, StreamId, StreamKind, SubjectId};
use throughline_domain::fact::event::DecodeError;
use throughline_domain::fact::{History, Recorded};
use throughline_domain::journey::Journey;
use throughline_projections::CaseFacts;

/// The cases of one portion.
const CASES: usize = 1_024;
/// The claims of one portion.
const CLAIMS: usize = 4_096;
/// The parked streams that are read at once.
const PARKED: i64 = 1_000;

/// Why a table cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The contract has no rulebook, so nothing in it can be read.
    #[error("contract {0:?} has no rulebook yet: publish one")]
    NoRulebook(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A recorded event cannot be read.
    #[error("the event at position {position} cannot be read: run `throughline log verify`")]
    Payload {
        /// The event's position.
        position: Position,
        /// The cause.
        source: DecodeError,
    },
    /// The rows could not be made.
    #[error("making the rows ended early")]
    Panicked,
}

/// What is exported, and for whom.
#[derive(Debug, Clone)]
pub struct Question<'q> {
    /// The table.
    pub table: Table,
    /// The view that answers: the live one, or that of a knowledge date.
    pub view: Arc<Generation>,
    /// The live view, which says who may see what now.
    pub live: Arc<Generation>,
    /// The contract.
    pub scope: InScope<'q>,
    /// The cases that the caller's rights cover now.
    pub standing: &'q Standing,
    /// What is hidden from the caller.
    pub redactions: &'static [Redaction],
    /// The as-of date.
    pub as_of: NaiveDate,
    /// Today in the contract's zone. After it, nothing is claimable.
    pub today: NaiveDate,
}

/// What a file says about itself, so that the export can be repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The table.
    pub table: Table,
    /// Its columns.
    pub columns: Vec<Head>,
    /// The code of the contract.
    pub contract: String,
    /// The title of its rulebook.
    pub title: String,
    /// The version of the rulebook that was applied.
    pub rulebook: String,
    /// ISO 4217 code of the contract's amounts.
    pub currency: String,
    /// The as-of date.
    pub as_of: NaiveDate,
    /// The position of the log up to which events are known.
    pub position: Position,
    /// Whether case numbers are left out.
    pub is_pseudonymous: bool,
    /// The streams of the deployment that could not be applied to the view. Their rows are as of their last readable
    /// event.
    pub parked: usize,
}

impl Description {
    /// The description of a table of a contract, before anything was read.
    pub fn of(table: Table, contract: &Contract, rulebook: &Rulebook, as_of: NaiveDate) -> Self {
        Self {
            table,
            columns: table.columns(rulebook),
            contract: contract.code().unwrap_or_default().to_owned(),
            title: rulebook.title.clone(),
            rulebook: rulebook.version.clone(),
            currency: rulebook.currency.clone(),
            as_of,
            position: Position::default(),
            is_pseudonymous: false,
            parked: 0,
        }
    }
}

/// A table that is being exported.
pub struct Export {
    description: Description,
    log: Log,
    maker: Arc<Maker>,
    rest: Rest,
    /// What is shown in place of the ids of subjects, to those who see only pseudonyms.
    pseudonyms: Option<Pseudonyms>,
}

/// The column of the ids of subjects, in each table that has one.
const SUBJECT: &str = "subject";

/// The rows that are still to be made.
enum Rest {
    /// The rows of these cases.
    Cases(std::vec::IntoIter<JourneyId>),
    /// The claims from this index on.
    Claims(Arc<Claims>, usize),
    /// The batches from this index on.
    Batches(Vec<(BatchId, Arc<Batch>)>, usize),
}

/// Makes the rows of cases.
#[derive(Debug)]
struct Maker {
    table: Table,
    reading: Reading,
    attributes: Vec<String>,
    position: Position,
    /// The last valid version of each parked case.
    parked: HashMap<Uuid, i64>,
}

impl Export {
    /// Begins an export: fixes the position of the log, and reads which rows the caller may see.
    pub async fn open(log: &Log, asked: Question<'_>) -> Result<Self, TableError> {
        let contract = asked.view.contract_state(asked.scope);
        let rulebook = contract.as_ref().and_then(|contract| contract.newest_rulebook().cloned());
        let (Some(contract), Some(rulebook)) = (contract, rulebook) else {
            return Err(TableError::NoRulebook(asked.scope.contract().to_owned()));
        };
        let parked = parked(&asked.view).await?;
        let (position, rest, money) = rest(log, &asked).await?;
        let staff = exports::staff(&asked.view, asked.as_of).await?;
        let hidden = asked.redactions;
        let description = Description {
            position,
            is_pseudonymous: hidden.contains(&Redaction::CaseNumbers),
            parked: parked.len(),
            ..Description::of(asked.table, &contract, &rulebook, asked.as_of)
        };
        let attributes = spells::attributes(&rulebook);
        let reading = Reading { contract: description.contract.clone(), rulebook, as_of: asked.as_of, staff, money };
        let parked = parked.into_iter().filter(|(stream, _)| stream.kind == StreamKind::Journey);
        let parked = parked.map(|(stream, version)| (stream.id, version)).collect();
        let maker = Maker { table: asked.table, reading, attributes, position, parked };
        let sees_pseudonyms = hidden.contains(&Redaction::SubjectIds);
        let pseudonyms = if sees_pseudonyms { Some(log.pseudonyms().await?.clone()) } else { None };
        let mut export = Self { description, log: log.clone(), maker: Arc::new(maker), rest, pseudonyms };
        export.hide(hidden);
        Ok(export)
    }

    /// Marks the columns that are hidden from the caller as optional: they have no values.
    fn hide(&mut self, redactions: &[Redaction]) {
        for column in &mut self.description.columns {
            if column.hidden_by.is_some_and(|redaction| redactions.contains(&redaction)) {
                column.is_optional = true;
            } else {
                column.hidden_by = None;
            }
        }
    }

    /// What the file says about itself.
    pub const fn description(&self) -> &Description {
        &self.description
    }

    /// The next rows, in order. `None` after the last ones. A portion may be empty.
    pub async fn next(&mut self) -> Result<Option<Vec<Row>>, TableError> {
        let rows = match &mut self.rest {
            Rest::Cases(cases) => {
                let portion: Vec<JourneyId> = cases.by_ref().take(CASES).collect();
                if portion.is_empty() {
                    return Ok(None);
                }
                Some(self.of_cases(&portion).await?)
            }
            Rest::Claims(claims, done) => {
                let (claims, from) = (Arc::clone(claims), *done);
                *done += CLAIMS;
                made(move || of_claims(&claims, from)).await?
            }
            Rest::Batches(batches, done) => {
                let nth = *done;
                *done += 1;
                (nth < batches.len()).then(|| payments::rows(batches, nth, &self.description.currency))
            }
        };
        Ok(rows.map(|rows| self.redacted(rows)))
    }

    /// The rows without what is hidden from the caller, and with pseudonyms for those who see only these.
    fn redacted(&self, mut rows: Vec<Row>) -> Vec<Row> {
        if let Some(pseudonyms) = &self.pseudonyms {
            let mut columns = self.description.columns.iter();
            if let Some(at) = columns.position(|column| column.name == SUBJECT) {
                for row in &mut rows {
                    if let Cell::Uuid(id) = &mut row[at] {
                        *id = pseudonyms.of(&self.description.contract, SubjectId(*id));
                    }
                }
            }
        }
        let columns = self.description.columns.iter().enumerate();
        for (at, _) in columns.filter(|(_, column)| column.hidden_by.is_some()) {
            for row in &mut rows {
                row[at] = Cell::Null;
            }
        }
        rows
    }

    /// The rows of these cases, from their streams up to the position of the export.
    async fn of_cases(&self, cases: &[JourneyId]) -> Result<Vec<Row>, TableError> {
        let events = self.log.streams(cases.iter().map(|id| (StreamId::journey(*id), 0))).await?;
        let mut streams: BTreeMap<JourneyId, Vec<Envelope>> = BTreeMap::new();
        for event in events {
            streams.entry(JourneyId(event.stream.id)).or_default().push(event);
        }
        let (maker, streams) = (Arc::clone(&self.maker), streams.into_iter().collect::<Vec<_>>());
        let shares = made(move || {
            share_out(streams, |share| {
                let rows = share.into_iter().map(|(id, events)| maker.rows(id, &events));
                rows.collect::<Result<Vec<Vec<Row>>, TableError>>()
            })
        });
        let shares = shares.await?.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(shares.into_iter().flatten().flatten().collect())
    }
}

impl Maker {
    /// The rows of one case. None if its referral was retracted or is dated later.
    fn rows(&self, id: JourneyId, events: &[Envelope]) -> Result<Vec<Row>, TableError> {
        let last = self.parked.get(&id.0).copied().unwrap_or(i64::MAX);
        let mut history = History::default();
        for event in events.iter().filter(|event| event.position <= self.position && event.version <= last) {
            let recorded =
                Recorded::decode(event).map_err(|source| TableError::Payload { position: event.position, source })?;
            history.evolve(recorded);
        }
        let reading = &self.reading;
        let facts = history.facts_as_of(reading.as_of);
        let journey = Journey::fold(&facts);
        let Some(case) = CaseFacts::of(id, &reading.contract, &journey, &reading.rulebook) else {
            return Ok(Vec::new());
        };
        let read = CaseRead { reading, history: &history, facts: &facts, case };
        Ok(match self.table {
            Table::Journeys => vec![journeys::row(&read)],
            Table::Contacts => contacts::rows(&read),
            Table::Spells => spells::rows(&read, &self.attributes),
            Table::Obligations => obligations::rows(&read),
            Table::Claims | Table::Payments => unreachable!("these rows are not made case by case"),
        })
    }
}

/// Runs work that takes a while on a blocking thread.
async fn made<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, TableError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| TableError::Panicked)
}

fn of_claims(claims: &Claims, from: usize) -> Option<Vec<Row>> {
    if from >= claims.claims.len() {
        return None;
    }
    let to = claims.claims.len().min(from + CLAIMS);
    let ledger = Ledger::of(&claims.batches);
    Some(self::claims::rows(&claims.claims[from..to], &Receipts::of(&ledger, &claims.batches)))
}

/// The streams that could not be applied to a view, each with its last valid version.
async fn parked(view: &Generation) -> Result<Vec<(StreamId, i64)>, StoreError> {
    let (mut found, mut after) = (Vec::new(), Position::default());
    loop {
        let page = view.parked(after, PARKED).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after = last.position;
        found.extend(page.iter().map(|parked| (parked.stream, parked.version)));
    }
}

/// The position of the log that the export uses, the rows to make, and the submitted claims of each case if the table
/// shows them.
async fn rest(log: &Log, asked: &Question<'_>) -> Result<(Position, Rest, BTreeMap<JourneyId, CaseMoney>), TableError> {
    let cases = asked.scope.cases(asked.standing);
    let is_live = asked.live.number == asked.view.number;
    if matches!(asked.table, Table::Claims | Table::Payments) {
        let position = *asked.view.position().borrow();
        let among = shown(&asked.live, cases).await?;
        let rest = match asked.table {
            Table::Claims => Rest::Claims(of_contract(log, asked, position, among).await?, 0),
            _ => Rest::Batches(batches(log, asked, position, among).await?, 0),
        };
        return Ok((position, rest, BTreeMap::new()));
    }
    // An earlier view holds earlier areas and assignments, while access follows those of now.
    let among = if is_live { None } else { shown(&asked.live, cases).await? };
    let ListedCases { position, cases } = exports::cases(&asked.view, cases.among(among.as_ref()), asked.as_of).await?;
    let money = match asked.table {
        Table::Journeys => {
            let batches = claim_queries::batches(log, asked.scope.contract(), position, asked.as_of).await?;
            let ledger = Ledger::of(&batches);
            Receipts::of(&ledger, &batches).by_case()
        }
        _ => BTreeMap::new(),
    };
    Ok((position, Rest::Cases(cases.into_iter()), money))
}

/// The claims of the contract that the caller may see.
async fn of_contract(
    log: &Log,
    asked: &Question<'_>,
    position: Position,
    among: Option<BTreeSet<JourneyId>>,
) -> Result<Arc<Claims>, TableError> {
    let query = ClaimsQuery { as_of: asked.as_of, today: asked.today, purpose: Purpose::Look };
    let claims = claim_queries::of_contract_at(&asked.view, log, asked.scope, query, position).await?;
    let claims = claims.ok_or_else(|| TableError::NoRulebook(asked.scope.contract().to_owned()))?;
    Ok(match among {
        None => claims,
        Some(journeys) => Arc::new(claims.within(&journeys)),
    })
}

/// The batches of the contract, with the lines and amounts that the caller may see.
async fn batches(
    log: &Log,
    asked: &Question<'_>,
    position: Position,
    among: Option<BTreeSet<JourneyId>>,
) -> Result<Vec<(BatchId, Arc<Batch>)>, TableError> {
    let batches = claim_queries::batches(log, asked.scope.contract(), position, asked.as_of).await?;
    let Some(journeys) = among else { return Ok(batches) };
    let within = batches.into_iter().map(|(id, batch)| {
        let theirs = batch.within(|line| line.about.journey().is_some_and(|journey| journeys.contains(&journey)));
        (id, Arc::new(theirs))
    });
    Ok(within.collect())
}
