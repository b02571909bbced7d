//! The text as TOML: what is not TOML, and the canonical JSON of what is.
//!
//! It never judges what a key means and never fills in a default: the canonical form
//! is of what was written.

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::RulebookError;
use super::canonical;
use super::reader::{Report, path_of};

/// The largest whole number that every JSON reader holds exactly (2⁵³ − 1).
const LARGEST_WHOLE: i64 = 9_007_199_254_740_991;

/// The canonical form of a TOML text: RFC 8785 over the JSON of the whole document as
/// written, without defaults. Its SHA-256 is the rulebook's hash.
///
/// Tables become objects, whether written as sections, dotted keys or inline, and
/// arrays (arrays of tables too) become arrays in file order. Strings stand as they
/// read after TOML's escapes, booleans as booleans. Whole numbers become JSON numbers
/// (in decimal, whatever base they were written in) and are refused beyond ±(2⁵³ − 1).
/// A decimal becomes a *string* of exactly the characters in the file (`16.50` and
/// `16.5` are not the same), a date a string `YYYY-MM-DD`. Times and date-times, which
/// no key of grammar 1 takes, become strings as RFC 3339 writes them. Nothing is added,
/// left out or normalised (Unicode stays as it is).
///
/// In Python: `json.dumps(tomllib.loads(text, parse_float=str), default=str,
/// sort_keys=True, separators=(",", ":"), ensure_ascii=False)` gives the same for texts
/// without times and without keys outside the Basic Multilingual Plane.
pub fn canonical_json(text: &str) -> Result<String, Vec<RulebookError>> {
    let mut report = Report::new(text);
    let root = read(text, &mut report).map(|root| canonical(&root, &mut report));
    match root {
        Some(canonical) if report.is_clean() => Ok(canonical),
        _ => Err(report.into_errors()),
    }
}

/// The document, or `None` after reporting each line that is not TOML.
pub(super) fn read<'t>(text: &'t str, report: &mut Report<'_>) -> Option<DeTable<'t>> {
    let (root, faults) = DeTable::parse_recoverable(text);
    let mut last_line = 0;
    for fault in &faults {
        let at = fault.span().unwrap_or(text.len()..text.len());
        let (line, _) = report.position(at.start);
        // What follows on the same line is mostly the same fault seen again.
        if line == last_line {
            continue;
        }
        last_line = line;
        let remedy = if fault.message() == "duplicate key" {
            "keep one of the two"
        } else {
            "correct the TOML here; the rest is checked once all of it can be read"
        };
        report.add(at, None, fault.message(), remedy);
    }
    faults.is_empty().then(|| root.into_inner())
}

/// The canonical form of a document that was read. A number that JSON cannot hold is
/// reported.
pub(super) fn canonical(root: &DeTable<'_>, report: &mut Report<'_>) -> String {
    canonical::json(&object(root, "", report))
}

fn object(table: &DeTable<'_>, path: &str, report: &mut Report<'_>) -> Value {
    let members: Map<String, Value> = table
        .iter()
        .map(|(key, item)| {
            let key = key.get_ref().as_ref();
            (key.to_owned(), json(item, &path_of(path, key), report))
        })
        .collect();
    Value::Object(members)
}

fn json(item: &Spanned<DeValue<'_>>, path: &str, report: &mut Report<'_>) -> Value {
    match item.get_ref() {
        DeValue::String(text) => Value::String(text.clone().into_owned()),
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Float(_) => Value::String(report.text_at(item.span()).to_owned()),
        DeValue::Datetime(date) => Value::String(date.to_string()),
        DeValue::Array(items) => items.iter().map(|item| json(item, path, report)).collect(),
        DeValue::Table(table) => object(table, path, report),
        DeValue::Integer(whole) => match whole_number(whole) {
            Some(whole) => Value::Number(Number::from(whole)),
            None => {
                report.add(
                    item.span(),
                    Some(path),
                    "the number is too large to be read alike by everybody",
                    format!("write a number of at most {LARGEST_WHOLE} either side of 0"),
                );
                Value::Null
            }
        },
    }
}

/// A whole number that every JSON reader holds exactly.
pub(super) fn whole_number(whole: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(whole.as_str(), whole.radix())
        .ok()
        .filter(|whole| (-LARGEST_WHOLE..=LARGEST_WHOLE).contains(whole))
}
