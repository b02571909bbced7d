//! The reference page of the rulebook, `docs/rulebook.md`, generated from the grammar.

use std::fmt::Write as _;

use super::grammar::contract::RULEBOOK;
use super::grammar::report::DIMENSIONS;
use super::grammar::{Items, Key, Kind, Map, Need, Rule, Table, Word};

const INTRODUCTION: &str = "\
# The rulebook

A rulebook holds the rules of one contract: its codes, its boards, what it pays for and how much. It is a TOML file,
one for each version of the contract. This page lists every section and every key. The program writes it from the
same declaration that it checks rulebooks against: `throughline rulebook reference`. For editors there is a JSON Schema,
[`schema/rulebook.schema.json`](../schema/rulebook.schema.json): `throughline rulebook schema`.

- `throughline rulebook check FILE` says in sentences what a rulebook means, or lists every fault with its line, its
  key and what to write instead.
- `throughline try` evaluates a file of events under a rulebook and stores nothing.
- `throughline rulebook preview` shows which claims of a contract a draft would change.
- `throughline rulebook publish` publishes a rulebook. A published version never changes; publish a further version
  instead.
- The packs that ship (`projections/rulebooks/`) are complete examples.

A rulebook is known by its hash: the SHA-256 of its content as canonical JSON (RFC 8785). Comments, layout and the
order of keys do not change it. An unknown section or key is a fault, so no rule is published and then ignored.

Words used here: a case is one referral of a client in one contract, from the referral to its close. A spell is a
period in a state, such as a job or a tenancy. The as-of date is the day at whose end the facts are read.
";

/// The page as Markdown, as `docs/rulebook.md` holds it.
pub fn markdown() -> String {
    let mut page = Page { entries: vec![Entry { heading: "Header".to_owned(), level: 2, table: &RULEBOOK }] };
    page.add(&RULEBOOK, "");
    let mut text = INTRODUCTION.to_owned();
    for entry in &page.entries {
        page.write(entry, &mut text).expect("writing to a String cannot fail");
    }
    text
}

/// A table with its heading.
struct Entry {
    heading: String,
    level: usize,
    table: &'static Table,
}

struct Page {
    entries: Vec<Entry>,
}

impl Page {
    /// Adds the tables that a table holds, each once and below the table that holds it first.
    fn add(&mut self, of: &'static Table, path: &str) {
        for key in of.keys {
            self.add_kind(key.kind, &super::reader::path_of(path, key.name), key.is_section());
        }
    }

    fn add_kind(&mut self, kind: Kind, path: &str, is_section: bool) {
        let level = if path.contains('.') && !path.contains('<') { 3 } else { 2 };
        let (table, heading) = match kind {
            Kind::Table(of) if is_section => (of, format!("[{path}]")),
            Kind::Tables(of) if is_section => (of, format!("[[{path}]]")),
            Kind::Table(of) | Kind::Tables(of) => (of, path.to_owned()),
            Kind::Map(map) => return self.add_kind(map.of, &format!("{path}.<{}>", map.key), false),
            Kind::List(of, _) => return self.add_kind(*of, path, is_section),
            _ => return,
        };
        if self.entries.iter().all(|entry| entry.table.name != table.name) {
            self.entries.push(Entry { heading, level, table });
            self.add(table, path);
        }
    }

    fn write(&self, entry: &Entry, text: &mut String) -> std::fmt::Result {
        let Entry { heading, level, table } = entry;
        writeln!(text, "\n{} {}\n\n{}\n", "#".repeat(*level), code(heading, table), table.about)?;
        writeln!(text, "| key | value | needed | example | meaning |\n| --- | --- | --- | --- | --- |")?;
        for key in table.keys {
            self.write_key(key, text)?;
        }
        for key in table.keys {
            if let Some(words) = words(key.kind) {
                writeln!(text, "\n`{}`:\n{words}", key.name)?;
            }
        }
        let rules = table.rules.iter().map(in_words).chain(table.notes.iter().map(|note| (*note).to_owned()));
        let rules: Vec<String> = rules.map(|rule| format!("- {rule}\n")).collect();
        if !rules.is_empty() {
            write!(text, "\nRules:\n{}", rules.concat())?;
        }
        Ok(())
    }

    fn write_key(&self, key: &Key, text: &mut String) -> std::fmt::Result {
        let unit = key.unit.map(|unit| format!(", in {unit}")).unwrap_or_default();
        let needed = match key.need {
            Need::Required => "required".to_owned(),
            Need::Optional => "optional".to_owned(),
            Need::Default(default) => format!("default `{default}`"),
        };
        let example = if key.is_section() { String::new() } else { format!("`{}`", key.example) };
        let (name, value, meaning) = (key.name, self.value(key.kind), key.meaning);
        writeln!(text, "| `{name}` | {value}{unit} | {needed} | {example} | {meaning} |")
    }

    fn value(&self, kind: Kind) -> String {
        let plain = match kind {
            Kind::Grammar => "the number 1",
            Kind::Text => "text",
            Kind::Code(list) => return format!("a code of `codes.{}`", list.key()),
            Kind::Outcome => "the code of an outcome",
            Kind::Pause => "the name of a pause",
            Kind::Zone => "the name of a time zone",
            Kind::Division => "the name of a division",
            Kind::MonthDay => "text, `MM-DD`",
            Kind::Currency => "text, three capital letters",
            Kind::ClockStart => "text, an event",
            Kind::Word(_) | Kind::Dimension => "a word",
            Kind::Flag => "`true` or `false`",
            Kind::FlagOr(_) => "`true`, `false` or a word",
            Kind::Date => "date",
            Kind::QuotedDate => "date in quotes",
            Kind::DateRange => "first and last day in quotes",
            Kind::Whole => "whole number, 0 or more",
            Kind::Positive => "whole number, 1 or more",
            Kind::Number => "number",
            Kind::NotNegative => "number, 0 or more",
            Kind::Share => "number from 0 to 1",
            Kind::Percent => "number from 0 to 100",
            Kind::Money => "amount, 0 or more",
            Kind::Value => "text, whole number, `true` or `false`",
            Kind::List(of, items) => return self.list(*of, items),
            Kind::Table(of) => return format!("table [{}]({})", of.name, self.anchor(of)),
            Kind::Tables(of) => return format!("list of tables [{}]({})", of.name, self.anchor(of)),
            Kind::Map(Map { key, of, .. }) => return format!("table of `<{key}>` = {}", self.value(*of)),
        };
        plain.to_owned()
    }

    fn list(&self, of: Kind, items: Items) -> String {
        let least = if items.needs_one() { ", at least one" } else { "" };
        let distinct = if items.are_distinct() { ", none twice" } else { "" };
        format!("list{least}{distinct}: {}", self.value(of))
    }

    /// The link to a table, as GitHub makes it from the heading.
    fn anchor(&self, of: &Table) -> String {
        let heading = self.entries.iter().find(|entry| entry.table.name == of.name).map(|entry| entry.heading.as_str());
        let letters = heading.unwrap_or_default().chars().filter(|letter| letter.is_alphanumeric() || *letter == '_');
        format!("#{}", letters.flat_map(char::to_lowercase).collect::<String>())
    }
}

fn code(heading: &str, table: &Table) -> String {
    if table.name == RULEBOOK.name { heading.to_owned() } else { format!("`{heading}`") }
}

/// The words of a key with their meanings, as a list.
fn words(kind: Kind) -> Option<String> {
    let lines = |words: &[Word<()>]| {
        let lines: Vec<String> = words.iter().map(|word| format!("- `{}`: {}", word.text, word.meaning)).collect();
        Some(lines.join("\n"))
    };
    match kind {
        Kind::Word(words) | Kind::FlagOr(words) => lines(words),
        Kind::Dimension => lines(&DIMENSIONS),
        Kind::List(of, _) => words(*of),
        _ => None,
    }
}

fn in_words(rule: &Rule) -> String {
    match *rule {
        Rule::One { with: None, of, .. } => format!("Write exactly one of {}.", listed(of, "and")),
        Rule::One { with: Some(key), of, .. } => format!("With `{key}`, write exactly one of {}.", listed(of, "and")),
        Rule::Some { of, .. } => format!("Write at least one of {}.", listed(of, "and")),
        Rule::Needs { key, other, .. } => format!("`{key}` works only with `{other}`."),
        Rule::Requires { key, other } => format!("`{key}` needs `{other}`."),
        Rule::Together(keys) => format!("Write {} together, or none of them.", listed(keys, "and")),
        Rule::Apart { key, others, .. } => format!("`{key}` cannot be combined with {}.", listed(others, "or")),
    }
}

fn listed(keys: &[&str], last: &str) -> String {
    let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
    match keys.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [rest @ .., end] => format!("{} {last} {end}", rest.join(", ")),
    }
}
