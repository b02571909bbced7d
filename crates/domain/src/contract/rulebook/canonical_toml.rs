//! Reads the text as TOML, and writes its canonical JSON.
//!
//! It does not interpret keys and fills in no defaults: the canonical form holds what was written.

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::RulebookError;
use super::canonical;
use super::reader::{Report, path_of};

/// The largest whole number that every JSON reader holds exactly (2⁵³ − 1).
const LARGEST_WHOLE: i64 = 9_007_199_254_740_991;

/// The canonical form of a TOML text: RFC 8785 over the JSON of the whole document as written, without defaults. Its
/// SHA-256 is the hash of the rulebook.
///
/// Tables become objects, whether written as sections, dotted keys or inline. Arrays, also arrays of tables, become
/// arrays in file order. Strings are written after TOML's escapes, booleans as booleans. Whole numbers become JSON
/// numbers (in decimal, in whatever base they were written) and are refused beyond ±(2⁵³ − 1). A decimal becomes a
/// *string* of exactly the characters in the file (`16.50` and `16.5` differ), a date a string `YYYY-MM-DD`. Times
/// and date-times, which no key of grammar 1 takes, become strings in the form of RFC 3339. Nothing is added, left
/// out or normalised (Unicode stays as written).
///
/// In Python, `json.dumps(tomllib.loads(text, parse_float=str), default=str, sort_keys=True, separators=(",", ":"),
/// ensure_ascii=False)` gives the same text, unless it holds a time, or a key outside the Basic Multilingual Plane.
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
        // A second fault on the same line is mostly a consequence of the first.
        if line == last_line {
            continue;
        }
        last_line = line;
        let remedy = if fault.message() == "duplicate key" {
            "keep one of the two"
        } else {
            "correct the TOML here; the rest is checked once the whole text can be read"
        };
        report.add(at, None, fault.message(), remedy);
    }
    faults.is_empty().then(|| root.into_inner())
}

/// The canonical form of a document. A number that JSON cannot hold is reported.
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
        DeValue::Integer(whole) => {
            if let Some(whole) = whole_number(whole) {
                return Value::Number(Number::from(whole));
            }
            report.add(
                item.span(),
                Some(path),
                "the number is too large for some JSON readers",
                format!("write a number of at most {LARGEST_WHOLE} either side of 0"),
            );
            Value::Null
        }
    }
}

/// A whole number that every JSON reader holds exactly.
pub(super) fn whole_number(whole: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(whole.as_str(), whole.radix())
        .ok()
        .filter(|whole| (-LARGEST_WHOLE..=LARGEST_WHOLE).contains(whole))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::super::packs::packs;
    use super::super::{Rulebook, canonical};
    use super::canonical_json;

    /// Every kind of value and every way to write a table, in an odd layout.
    const WRITTEN: &str = r#"
# a comment
'title' = "caf\u00e9 \"x\" \u0001"   # another
rulebook = 0x1
stage.b = [ 1_000, -7,
  +0, # inside
]
[calendar]
on = 2021-04-01
rate = 16.50
scale = +1_0.5e3
flag = true
[[list]]
z = {}
[[list]]
'a b' = { y = '''line
two''', x = [] }
"#;

    #[test]
    fn the_canonical_form_holds_what_was_written() {
        let expected = [
            r#"{"calendar":{"flag":true,"on":"2021-04-01","rate":"16.50","scale":"+1_0.5e3"},"#,
            r#""list":[{"z":{}},{"a b":{"x":[],"y":"line\ntwo"}}],"rulebook":1,"#,
            r#""stage":{"b":[1000,-7,0]},"title":"café \"x\" \u0001"}"#,
        ];
        let canonical = canonical_json(WRITTEN).expect("TOML");
        assert_eq!(canonical, expected.concat());
        // Computed with Python's tomllib, json and hashlib.
        assert_eq!(
            canonical::sha256_hex(&canonical),
            "03c6cd188b63907efc4b749e0c3f91a277ee3310d56618aac044f75f44ed45db"
        );
    }

    #[test]
    fn a_number_that_json_readers_would_round_is_refused() {
        assert!(canonical_json("a = [9007199254740991, -9007199254740991]").is_ok());
        let errors = canonical_json("a = 1\n[b]\nc = [9007199254740992]").expect_err("a fault");
        assert_eq!(
            errors[0].to_string(),
            "line 3: b.c: the number is too large for some JSON readers; \
             write a number of at most 9007199254740991 either side of 0"
        );
        assert!(canonical_json("a = 99999999999999999999").is_err());
    }

    #[test]
    fn the_hash_of_a_pack_is_that_of_its_canonical_form_whatever_the_line_ends() {
        for pack in packs() {
            let rulebook = Rulebook::parse(pack.text).expect("a pack has no faults");
            let canonical = canonical_json(pack.text).expect("a pack is TOML");
            assert_eq!(rulebook.hash(), canonical::sha256_hex(&canonical));
            let windows = pack.text.replace('\n', "\r\n");
            assert_eq!(canonical_json(&windows).expect("TOML"), canonical);
        }
    }

    /// Writes JSON as TOML, with a choice of layout at every turn.
    struct Author<I> {
        choices: I,
        text: String,
    }

    impl<I: Iterator<Item = bool>> Author<I> {
        fn choose(&mut self) -> bool {
            self.choices.next().expect("the choices repeat for ever")
        }

        fn layout(&mut self, odd: &str) {
            if self.choose() {
                self.text.push_str(odd);
            }
        }

        fn quoted(text: &str) -> String {
            let mut quoted = String::from("\"");
            for character in text.chars() {
                if character.is_control() || "\"\\".contains(character) {
                    write!(quoted, "\\U{:08x}", u32::from(character)).expect("a String");
                } else {
                    quoted.push(character);
                }
            }
            quoted + "\""
        }

        fn key(&mut self, key: &str) -> String {
            let bare = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if bare && self.choose() { key.to_owned() } else { Self::quoted(key) }
        }

        fn inline(&mut self, value: &Value) {
            match value {
                Value::String(text) => self.text.push_str(&Self::quoted(text)),
                Value::Array(items) => {
                    self.text.push('[');
                    for item in items {
                        self.layout(" # odd\n\t");
                        self.inline(item);
                        self.text.push(',');
                    }
                    self.text.push(']');
                }
                Value::Object(members) => {
                    self.text.push('{');
                    for (index, (key, member)) in members.iter().enumerate() {
                        self.text.push_str(if index > 0 { "," } else { "" });
                        self.layout("  ");
                        let key = self.key(key);
                        self.text.push_str(&(key + "="));
                        self.inline(member);
                    }
                    self.text.push('}');
                }
                plain => self.text.push_str(&plain.to_string()),
            }
        }

        fn table(&mut self, path: &str, members: &Map<String, Value>) {
            let mut members: Vec<_> = members.iter().collect();
            if self.choose() {
                members.reverse();
            }
            let (sections, plain): (Vec<_>, Vec<_>) =
                members.into_iter().partition(|(_, member)| is_table(member) && self.choose());
            for (key, member) in plain {
                self.layout("\n# odd\n   ");
                let key = self.key(key);
                self.text.push_str(&(key + " = "));
                self.inline(member);
                self.layout("   # odd");
                self.text.push('\n');
            }
            for (key, member) in sections {
                let dot = if path.is_empty() { "" } else { "." };
                let path = format!("{path}{dot}{}", self.key(key));
                let (tables, header) = match member {
                    Value::Array(items) => (items.as_slice(), format!("[[{path}]]\n")),
                    one => (std::slice::from_ref(one), format!("[{path}]\n")),
                };
                for table in tables {
                    self.text.push_str(&header);
                    self.table(&path, table.as_object().expect("a table"));
                }
            }
        }
    }

    fn is_table(value: &Value) -> bool {
        match value {
            Value::Object(_) => true,
            Value::Array(items) => !items.is_empty() && items.iter().all(Value::is_object),
            _ => false,
        }
    }

    fn text() -> impl Strategy<Value = String> {
        let characters = proptest::collection::vec(any::<char>(), 0..4);
        prop_oneof!["[a-c]{1,2}", characters.prop_map(String::from_iter)]
    }

    fn table(member: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
        proptest::collection::btree_map(text(), member, 0..4)
            .prop_map(|members| Value::Object(members.into_iter().collect()))
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            text().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                proptest::collection::vec(table(inner.clone()), 1..3).prop_map(Value::from),
                table(inner),
            ]
        })
    }

    proptest! {
        #[test]
        fn layout_order_and_spelling_of_tables_do_not_change_the_canonical_form(
            root in table(value()),
            choices in proptest::collection::vec(any::<bool>(), 1..40),
        ) {
            let mut author = Author { choices: choices.into_iter().cycle(), text: String::new() };
            author.table("", root.as_object().expect("a table"));
            prop_assert_eq!(canonical_json(&author.text), Ok(canonical::json(&root)), "{}", author.text);
        }
    }
}
