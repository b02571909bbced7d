//! The tables that analysts export: journeys, contacts, spells, obligations, claims and payments.
//!
//! Each table is defined once: its columns stand beside the values that they hold. The files, the description of a
//! table and the page `docs/exports.md` follow from it. Rows are made from the same folds and claims as boards, lists
//! and documents, so that their totals agree. Nothing here reads a log or a view.

pub(super) mod claims;
pub(super) mod contacts;
pub(super) mod journeys;
pub(super) mod obligations;
pub(super) mod payments;
pub(super) mod spells;

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use clap::ValueEnum;
use rust_decimal::Decimal;
use serde::Serialize;
use uuid::Uuid;

use crate::access::policy::Redaction;
use crate::queries::claims::CaseMoney;
use crate::queries::exports::Staff;
use throughline_domain::contract::Rulebook;
use throughline_domain::fact::envelope::{JourneyId, Occurred, WorkerId};
use throughline_domain::fact::money::Money;
use throughline_domain::fact::{Fact, History};
use throughline_projections::CaseFacts;

/// A table that analysts export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub enum Table {
    /// Cases: one row for each, with the date on which it first reached each stage.
    Journeys,
    /// Contacts and attempted contacts: one row for each.
    Contacts,
    /// Jobs, homes, placements and courses: one row for each.
    Spells,
    /// Obligations under the service standards: one row for each.
    Obligations,
    /// Claims: one row for each outcome of each case, cohort, site or area.
    Claims,
    /// Batch lines, adjustments and receipts: one row for each.
    Payments,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 6] =
        [Self::Journeys, Self::Contacts, Self::Spells, Self::Obligations, Self::Claims, Self::Payments];

    /// The name in commands, paths and files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Journeys => "journeys",
            Self::Contacts => "contacts",
            Self::Spells => "spells",
            Self::Obligations => "obligations",
            Self::Claims => "claims",
            Self::Payments => "payments",
        }
    }

    /// What one row is, and which rows there are.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Journeys => journeys::MEANING,
            Self::Contacts => contacts::MEANING,
            Self::Spells => spells::MEANING,
            Self::Obligations => obligations::MEANING,
            Self::Claims => claims::MEANING,
            Self::Payments => payments::MEANING,
        }
    }

    /// The columns that identify a row.
    pub const fn key(self) -> &'static [&'static str] {
        match self {
            Self::Journeys => &["journey"],
            Self::Contacts => &["contact"],
            Self::Spells => &["spell"],
            Self::Obligations => &["journey", "standard", "nth"],
            Self::Claims => &["claim"],
            Self::Payments => &["batch", "nth"],
        }
    }

    /// The columns under a rulebook, whose stages and attributes have columns of their own.
    pub fn columns(self, rulebook: &Rulebook) -> Vec<Head> {
        match self {
            Self::Journeys => journeys::heads(&journeys::stages(rulebook)),
            Self::Contacts => heads(contacts::COLUMNS),
            Self::Spells => spells::heads(&spells::attributes(rulebook)),
            Self::Obligations => heads(obligations::COLUMNS),
            Self::Claims => heads(claims::COLUMNS),
            Self::Payments => heads(payments::COLUMNS),
        }
    }

    /// The columns under any rulebook. Those that depend on it are named by a pattern.
    pub(super) fn patterns(self) -> Vec<Head> {
        match self {
            Self::Journeys => journeys::heads(&[("<stage>".to_owned(), "<label of the stage>".to_owned())]),
            Self::Spells => spells::heads(&["<name>".to_owned()]),
            Self::Contacts => heads(contacts::COLUMNS),
            Self::Obligations => heads(obligations::COLUMNS),
            Self::Claims => heads(claims::COLUMNS),
            Self::Payments => heads(payments::COLUMNS),
        }
    }
}

/// The table does not exist.
#[derive(Debug, thiserror::Error)]
#[error("there is no table {0:?}: use journeys, contacts, spells, obligations, claims or payments")]
pub struct UnknownTable(String);

impl FromStr for Table {
    type Err = UnknownTable;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|table| table.as_str() == text).ok_or_else(|| UnknownTable(text.to_owned()))
    }
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text, or a code of the rulebook.
    Text,
    /// A whole number.
    Integer,
    /// A decimal with at most six digits after the point.
    Decimal,
    /// An amount of money, with the digits of the contract's currency.
    Money,
    /// A civil date in the contract's zone.
    Date,
    /// An instant in UTC, to the microsecond.
    Instant,
    /// An id.
    Uuid,
    /// True or false.
    Boolean,
}

impl Kind {
    /// The name in descriptions.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::Money => "money",
            Self::Date => "date",
            Self::Instant => "instant",
            Self::Uuid => "uuid",
            Self::Boolean => "boolean",
        }
    }
}

/// Whether every row has a value in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// Every row has one.
    Always,
    /// A row may have none.
    Optional,
    /// A row may have none, and pseudonymous exports have none: it shows a case number of another system.
    CaseNumber,
}

/// A column of a table, with the value that it holds in a row.
pub(super) struct Column<F: 'static> {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) unit: &'static str,
    pub(super) meaning: &'static str,
    pub(super) presence: Presence,
    pub(super) cell: F,
}

/// A column as files and descriptions show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The name.
    pub name: String,
    /// The type of its values.
    pub kind: Kind,
    /// The unit, if it has one.
    pub unit: Option<&'static str>,
    /// What a value says.
    pub meaning: String,
    /// Whether a row may have no value.
    pub is_optional: bool,
    /// What hides its values from callers who see only pseudonyms.
    pub hidden_by: Option<Redaction>,
}

/// The heads of these columns.
fn heads<F>(columns: &[Column<F>]) -> Vec<Head> {
    let head = |column: &Column<F>| Head {
        name: column.name.to_owned(),
        kind: column.kind,
        unit: (!column.unit.is_empty()).then_some(column.unit),
        meaning: column.meaning.to_owned(),
        is_optional: column.presence != Presence::Always,
        hidden_by: (column.presence == Presence::CaseNumber).then_some(Redaction::CaseNumbers),
    };
    columns.iter().map(head).collect()
}

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// No value.
    Null,
    /// A text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A decimal.
    Decimal(Decimal),
    /// An amount of money.
    Money(Money),
    /// A civil date.
    Date(NaiveDate),
    /// An instant.
    Instant(DateTime<Utc>),
    /// An id.
    Uuid(Uuid),
    /// True or false.
    Boolean(bool),
}

/// The values of a row, in the order of the columns.
pub type Row = Vec<Cell>;

macro_rules! cells {
    ($($from:ty => |$value:ident| $cell:expr;)*) => {$(
        impl From<$from> for Cell {
            fn from($value: $from) -> Self {
                $cell
            }
        }
    )*};
}

cells! {
    &str => |text| Self::Text(text.to_owned());
    String => |text| Self::Text(text);
    &String => |text| Self::Text(text.clone());
    i64 => |number| Self::Integer(number);
    u32 => |number| Self::Integer(number.into());
    usize => |number| Self::Integer(i64::try_from(number).expect("a count in memory"));
    Decimal => |number| Self::Decimal(number);
    Money => |amount| Self::Money(amount);
    NaiveDate => |day| Self::Date(day);
    DateTime<Utc> => |at| Self::Instant(at);
    Uuid => |id| Self::Uuid(id);
    bool => |flag| Self::Boolean(flag);
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The word with which the log writes a value, such as `did_not_attend`.
fn word(value: impl Serialize) -> Cell {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Cell::Text(word),
        other => unreachable!("the log writes it as a word, not as {other:?}"),
    }
}

/// How exactly a date is known: `day`, `month` or `year`.
fn precision(occurred: Occurred) -> Cell {
    word(occurred.precision())
}

/// What the rows of all cases share.
#[derive(Debug)]
pub(super) struct Reading {
    /// The code of the contract.
    pub(super) contract: String,
    /// The rulebook that the view applies.
    pub(super) rulebook: Arc<Rulebook>,
    /// The as-of date: facts are read at the end of this day.
    pub(super) as_of: NaiveDate,
    /// The names of workers and teams.
    pub(super) staff: Staff,
    /// The submitted claims of each case. Empty if the table does not show them.
    pub(super) money: BTreeMap<JourneyId, CaseMoney>,
}

/// A case at the end of the as-of date.
pub(super) struct CaseRead<'a> {
    pub(super) reading: &'a Reading,
    /// The recorded events of its stream, up to the knowledge date.
    pub(super) history: &'a History,
    /// Its facts up to the as-of date.
    pub(super) facts: &'a [Fact<'a>],
    /// The input of its folds.
    pub(super) case: CaseFacts<'a>,
}

impl CaseRead<'_> {
    /// The keyworker at the end of the as-of date, unless they have left.
    fn keyworker(&self) -> Option<WorkerId> {
        let as_of = self.reading.as_of;
        self.reading.staff.here_on(self.case.journey.keyworker_on(as_of), as_of)
    }
}

/// The names in these texts, each once, in order.
fn each_once(names: impl Iterator<Item = String>) -> Vec<String> {
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Declares the columns of a table: name, type, presence, unit, meaning and value.
macro_rules! columns {
    ($row:ty { $($name:literal: $kind:ident $presence:ident $([$unit:literal])?, $meaning:literal => $cell:expr;)+ }) => {
        /// The columns that every rulebook has, each with its value.
        pub(in crate::export) static COLUMNS: &[$crate::export::tables::Column<
            fn(&$row) -> $crate::export::tables::Cell,
        >] = &[$($crate::export::tables::Column {
            name: $name,
            kind: $crate::export::tables::Kind::$kind,
            unit: concat!($($unit)?),
            meaning: $meaning,
            presence: $crate::export::tables::Presence::$presence,
            cell: $cell,
        }),+];
    };
}
use columns;

#[cfg(test)]
mod tests {
    use super::*;
    use throughline_domain::contract::rulebook::packs::packs;

    #[test]
    fn every_table_is_found_by_its_name_and_its_key_is_among_its_columns() {
        for table in Table::ALL {
            assert_eq!(table.as_str().parse::<Table>().expect("a table"), table);
            let columns = table.patterns();
            for key in table.key() {
                let column = columns.iter().find(|column| column.name == *key);
                assert!(column.is_some_and(|column| !column.is_optional), "{} {key}", table.as_str());
            }
        }
        assert!("cases".parse::<Table>().is_err());
    }

    #[test]
    fn a_stage_never_takes_the_name_of_another_column() {
        let stages = ["contact", "exit", "interview"].map(|code| (code.to_owned(), code.to_owned()));
        let columns = journeys::heads(&stages);
        let names: BTreeSet<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names.len(), columns.len());
        assert!(names.contains("stage_contact_first_on") && names.contains("first_interview_on"), "{names:?}");
    }

    #[test]
    fn no_pack_has_two_columns_of_one_name() {
        for pack in packs() {
            let rulebook = Rulebook::parse(pack.text).expect("the rulebook is valid");
            for table in Table::ALL {
                let columns = table.columns(&rulebook);
                let names: BTreeSet<&String> = columns.iter().map(|column| &column.name).collect();
                assert_eq!(names.len(), columns.len(), "{} {}", pack.code, table.as_str());
            }
        }
    }
}
