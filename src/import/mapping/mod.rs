//! Mappings: data that says how the files of another system become facts.
//!
//! Pure. A mapping reads no file and knows no log. It is a TOML text with a grammar of its own; every fault of a text
//! is found at once, with its line and what to write instead. What a row states under a mapping depends on the row and on
//! nothing else.

mod facts;
mod grammar;
mod parse;
mod propose;
mod schema;
mod shipped;
mod statement;
mod value;

use std::collections::BTreeMap;
use std::fmt;

pub use propose::propose;
pub use schema::json_schema;
pub use shipped::{Shipped, shipped};
pub(crate) use statement::{Cells, Ids, StatedFact, Statement};

use super::read::{Format, Wanted};
use facts::{FactKind, Field};
use throughline_domain::fact::event::EventType;
use value::DateForm;

/// How the files of another system become facts.
#[derive(Debug)]
pub struct Mapping {
    /// The SHA-256 of its text, in lower-case hexadecimal.
    pub digest: String,
    /// The other system.
    pub source: SourceTerms,
    /// How its files are read.
    pub wanted: Wanted,
    /// The tables: for each one its key and its joins, in the order of the tables that are read.
    pub(crate) tables: Vec<TableTerms>,
    pub(crate) records: Vec<RecordTerms>,
    dates: Vec<DateForm>,
    absent: Vec<String>,
}

/// What a source and its files mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceTerms {
    /// The name of the system.
    pub system: String,
    /// The system whose case and worker numbers its files use: often itself.
    pub numbers: String,
    /// What a set of files holds.
    pub snapshot: Snapshot,
    /// What counts where a fact was corrected here.
    pub leads: Leads,
    /// What becomes of a record that is gone from a full snapshot.
    pub gone: Gone,
}

/// What a set of files holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Snapshot {
    /// Every record of the source.
    Full,
    /// Only what is new or changed.
    Delta,
}

/// What counts where a fact was corrected here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leads {
    /// The correction: a row that says something new is a conflict.
    Here,
    /// The source.
    Source,
}

/// What becomes of a record that is gone from a full snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// It is reported, and stays.
    Reported,
    /// Its facts are retracted, unless more records of a hundred are gone.
    Retracted {
        /// The most records of a hundred.
        most: u8,
    },
}

/// The key and the joins of a table.
#[derive(Debug)]
pub(crate) struct TableTerms {
    /// The column by which other tables join this one.
    pub(crate) key: Option<usize>,
    pub(crate) joins: Vec<Join>,
}

/// A table that another one joins.
#[derive(Debug)]
pub(crate) struct Join {
    /// The index of the joined table.
    pub(crate) table: usize,
    /// The column that holds the key: of the joining table, or of one that it joins before.
    pub(crate) column: Spot,
}

/// A place of a value in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spot {
    /// A column of the row.
    Own(usize),
    /// A column of the row of a joined table.
    Joined { join: usize, column: usize },
}

/// A record of the source.
#[derive(Debug)]
pub(crate) struct RecordTerms {
    /// The index of its table.
    pub(crate) table: usize,
    id: Template,
    owner: Owner,
    conditions: Conditions,
    /// The rows that say that the record was never so. Empty: none does.
    purged: Vec<Condition>,
    /// Whether several rows hold it and the earliest date counts.
    is_earliest: bool,
    facts: Vec<FactTerms>,
}

/// What the facts of a record belong to.
#[derive(Debug)]
enum Owner {
    Case(Template),
    Worker(Template),
    Offer(Template),
}

/// A fact of a record.
#[derive(Debug)]
struct FactTerms {
    kind: &'static FactKind,
    on: Source,
    time: Option<Source>,
    conditions: Conditions,
    fields: Vec<(&'static Field, FieldTerms)>,
}

/// The value of a field, or its named values.
#[derive(Debug)]
enum FieldTerms {
    One(Source),
    Named(Vec<(String, Source)>),
}

/// A text with the values of columns in it.
#[derive(Debug)]
struct Template(Vec<Part>);

#[derive(Debug)]
enum Part {
    Text(String),
    Column(Spot, String),
}

/// Which rows state something.
#[derive(Debug, Default)]
struct Conditions {
    when: Vec<Condition>,
    unless: Vec<Condition>,
}

#[derive(Debug)]
struct Condition {
    spot: Spot,
    texts: Vec<String>,
}

/// How a value is found.
#[derive(Debug)]
struct Source {
    origin: Origin,
    codes: Option<BTreeMap<String, String>>,
    default: Option<String>,
    absent: Vec<String>,
    dates: Option<Vec<DateForm>>,
    is_last_day: bool,
    kind: AttributeKind,
}

impl Default for Source {
    fn default() -> Self {
        Self {
            origin: Origin::Constant(String::new()),
            codes: None,
            default: None,
            absent: Vec::new(),
            dates: None,
            is_last_day: false,
            kind: AttributeKind::Text,
        }
    }
}

#[derive(Debug)]
enum Origin {
    Column(Spot, String),
    Constant(String),
    Template(Template),
}

/// What an attribute is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum AttributeKind {
    #[default]
    Text,
    Number,
    Flag,
}

/// One fault of a mapping: its place, what is wrong and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingError {
    /// The line in the text, from 1.
    pub line: usize,
    /// The key as a dotted path. `None` where the text is not TOML.
    pub key: Option<String>,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for MappingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        write!(f, "{}; {}", self.problem, self.remedy)
    }
}

impl std::error::Error for MappingError {}

impl Mapping {
    /// Reads a mapping, or finds every fault of its text.
    pub fn parse(text: &str) -> Result<Self, Vec<MappingError>> {
        parse::parse(text)
    }

    /// The format of its files.
    pub const fn format(&self) -> Format {
        self.wanted.format
    }

    /// Whether it states or offers referrals whose area no row says.
    pub(crate) fn needs_area(&self) -> bool {
        let facts = self.records.iter().flat_map(|record| &record.facts);
        let mut referrals =
            facts.filter(|fact| matches!(fact.kind.event, EventType::ReferralReceived | EventType::ReferralOffered));
        referrals.any(|referral| !referral.fields.iter().any(|(field, _)| field.name == "area"))
    }
}
