//! The grammar of the rulebook, declared once: every table, its keys, the kind of each value, and its meaning.
//!
//! [`check`](super::check) checks a document against it, the reader takes defaults from it, and the JSON Schema and
//! `docs/rulebook.md` are generated from it. It holds data only. A rule that compares values (a window that is longer
//! than its target, for example) is code and stands with the parser of its section.

pub(super) mod case_attribute;
pub(super) mod case_values;
pub(super) mod contract;
pub(super) mod kpi;
pub(super) mod league;
pub(super) mod outcome;
pub(super) mod report;
pub(super) mod retention;
pub(super) mod supply;
pub(super) mod terms;
mod workforce;

use super::codes::CodeList;

/// A table of the document: the keys that it may hold.
pub(super) struct Table {
    /// Its name, unique in the grammar: a definition of the JSON Schema and a heading of the reference page.
    pub(super) name: &'static str,
    /// What an error message calls it, such as "a condition".
    pub(super) noun: &'static str,
    /// What it is for. Sentences for the reference page.
    pub(super) about: &'static str,
    /// Its keys, in the order of the reference page.
    pub(super) keys: &'static [Key],
    /// Rules about which keys go together.
    pub(super) rules: &'static [Rule],
    /// Further rules that the program applies. Sentences for the reference page.
    pub(super) notes: &'static [&'static str],
}

impl Table {
    /// The key of this name.
    pub(super) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// One key of a table.
#[derive(Clone, Copy)]
pub(super) struct Key {
    /// The spelling of the key.
    pub(super) name: &'static str,
    /// The values that it takes.
    pub(super) kind: Kind,
    /// Whether it may be left out.
    pub(super) need: Need,
    /// The unit of a number, such as "days".
    pub(super) unit: Option<&'static str>,
    /// An example value in TOML, as the remedies of error messages show it. A table that is written as a `[section]`
    /// has none.
    pub(super) example: &'static str,
    /// What it means, in one or two sentences.
    pub(super) meaning: &'static str,
}

impl Key {
    /// A required key.
    pub(super) const fn new(name: &'static str, kind: Kind, example: &'static str, meaning: &'static str) -> Self {
        Self { name, kind, need: Need::Required, unit: None, example, meaning }
    }

    /// The same key, which may be left out.
    pub(super) const fn optional(self) -> Self {
        Self { need: Need::Optional, ..self }
    }

    /// The same key, which has this value (in TOML) where it is left out.
    pub(super) const fn or(self, default: &'static str) -> Self {
        Self { need: Need::Default(default), ..self }
    }

    /// The same key with a unit.
    pub(super) const fn unit(self, unit: &'static str) -> Self {
        Self { unit: Some(unit), ..self }
    }

    /// The table that it holds, or that its list holds.
    pub(super) const fn table(&self) -> Option<&'static Table> {
        match self.kind {
            Kind::Table(table) | Kind::Tables(table) | Kind::List(&Kind::Table(table), _) => Some(table),
            _ => None,
        }
    }

    /// Whether it is written as a section: `[key]` or `[[key]]`.
    pub(super) const fn is_section(&self) -> bool {
        self.example.is_empty()
    }
}

/// Whether a key may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// It must be written.
    Required,
    /// It may be left out.
    Optional,
    /// It has this value (in TOML) where it is left out.
    Default(&'static str),
}

/// The values that a key takes.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// The number of the grammar.
    Grammar,
    /// A text that is not empty and has no space at its ends.
    Text,
    /// A code that the list of `[codes]` allows.
    Code(CodeList),
    /// The code of an outcome of this rulebook.
    Outcome,
    /// The name of a `[[calendar.pause]]`.
    Pause,
    /// The name of a time zone.
    Zone,
    /// The name of a bank-holiday division.
    Division,
    /// A day of every year, `MM-DD`.
    MonthDay,
    /// An ISO 4217 code.
    Currency,
    /// The event that starts the clock of a standard.
    ClockStart,
    /// What figures are broken down by: a word, or an attribute of cases that the rulebook has.
    Dimension,
    /// One of a few words.
    Word(&'static [Word<()>]),
    /// True or false.
    Flag,
    /// True, false, or one of a few words.
    FlagOr(&'static [Word<()>]),
    /// A date as TOML writes it, without quotes.
    Date,
    /// A date in quotes.
    QuotedDate,
    /// A list of a first and a last day, each in quotes.
    DateRange,
    /// A whole number of 0 or more.
    Whole,
    /// A whole number of 1 or more.
    Positive,
    /// Any number.
    Number,
    /// A number of 0 or more.
    NotNegative,
    /// A number from 0 to 1.
    Share,
    /// A number from 0 to 100.
    Percent,
    /// An amount of money of 0 or more, as a text or a number.
    Money,
    /// A value of a fact: a text, a whole number, true or false.
    Value,
    /// A list.
    List(&'static Kind, Items),
    /// A table: `[key]`, or in one line.
    Table(&'static Table),
    /// A list of tables: `[[key]]`, or in one line.
    Tables(&'static Table),
    /// A table with free keys.
    Map(&'static Map),
}

/// A table whose keys the author chooses.
pub(super) struct Map {
    /// What an error message calls it.
    pub(super) noun: &'static str,
    /// What a key is, such as "domain", for the reference page.
    pub(super) key: &'static str,
    /// The list of `[codes]` that must allow each key, if there is one.
    pub(super) codes: Option<CodeList>,
    /// The kind of its values.
    pub(super) of: Kind,
    /// An example of a value in TOML.
    pub(super) example: &'static str,
}

/// Which lists are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Items {
    /// Any list.
    Any,
    /// At least one element.
    Some,
    /// No element twice.
    Distinct,
    /// At least one element, and none twice.
    SomeDistinct,
}

impl Items {
    /// Whether the list needs an element.
    pub(super) const fn needs_one(self) -> bool {
        matches!(self, Self::Some | Self::SomeDistinct)
    }

    /// Whether an element may not stand twice.
    pub(super) const fn are_distinct(self) -> bool {
        matches!(self, Self::Distinct | Self::SomeDistinct)
    }
}

/// A word that a key can have, what the program reads it as, and what it means.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word<T> {
    pub(super) text: &'static str,
    pub(super) value: T,
    pub(super) meaning: &'static str,
}

impl<T> Word<T> {
    pub(super) const fn new(text: &'static str, value: T, meaning: &'static str) -> Self {
        Self { text, value, meaning }
    }
}

/// The words alone, for [`Kind::Word`].
pub(super) const fn words<T: Copy, const N: usize>(of: &[Word<T>; N]) -> [Word<()>; N] {
    let mut words = [Word { text: "", value: (), meaning: "" }; N];
    let mut at = 0;
    while at < N {
        words[at] = Word { text: of[at].text, value: (), meaning: of[at].meaning };
        at += 1;
    }
    words
}

/// A rule about which keys of a table go together. In a text, `{}` stands for the keys that break the rule.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rule {
    /// Exactly one of these keys; with `with`, only where that key is written.
    One { with: Option<&'static str>, of: &'static [&'static str], none: Fix, several: Fix },
    /// At least one of these keys.
    Some { of: &'static [&'static str], none: Fix },
    /// The key is written only with the other.
    Needs { key: &'static str, other: &'static str, fix: Fix },
    /// Where the key is written, the other is required.
    Requires { key: &'static str, other: &'static str },
    /// Where one of these keys is written, all are required.
    Together(&'static [&'static str]),
    /// The key is written with none of the others.
    Apart { key: &'static str, others: &'static [&'static str], fix: Fix },
}

/// What is wrong and what to do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fix {
    pub(super) problem: &'static str,
    pub(super) remedy: &'static str,
}

/// Texts of which none may stand twice.
pub(super) const TEXTS: Kind = Kind::List(&Kind::Text, Items::Distinct);
/// At least one text, and none twice.
pub(super) const SOME_TEXTS: Kind = Kind::List(&Kind::Text, Items::SomeDistinct);
/// At least one value of a fact.
pub(super) const SOME_VALUES: Kind = Kind::List(&Kind::Value, Items::Some);

#[cfg(test)]
mod tests;
