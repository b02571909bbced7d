//! The files that the program writes about rulebooks: `schema/rulebook.schema.json` and `docs/rulebook.md`, which
//! follow from the grammar, and `docs/measures.md`.
//!
//! They are what the program writes, and the schema agrees with the parser. The part of JSON Schema that the file
//! uses is evaluated here. An unknown keyword is a failure, so that no part of the schema goes unchecked.

use std::collections::HashMap;
use std::process::Command;

use serde_json::{Map, Value};
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::rulebook::{canonical_json, packs::packs};

use crate::tidy::File;

const SCHEMA: &str = include_str!("../../schema/rulebook.schema.json");
const REFERENCE: &str = include_str!("../../docs/rulebook.md");
/// Keywords that do not restrict values.
const REMARKS: [&str; 7] = ["$schema", "$id", "$defs", "title", "description", "default", "examples"];

fn schema() -> Value {
    serde_json::from_str(SCHEMA).expect("JSON")
}

/// The faults of a value, each with its path.
fn faults(root: &Value, schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let mut faults_found = Vec::new();
    let rules = schema.as_object().expect("a schema is an object");
    for (rule, says) in rules {
        let found = match rule.as_str() {
            remark if REMARKS.contains(&remark) => Vec::new(),
            "$ref" => {
                let name = says.as_str().and_then(|says| says.strip_prefix("#/$defs/")).expect("a definition");
                faults(root, &root["$defs"][name], value, path)
            }
            "const" => wrong(value == says, path, "is not the constant"),
            "enum" => wrong(says.as_array().is_some_and(|words| words.contains(value)), path, "is not in the list"),
            "type" => wrong(is_of_type(value, says), path, "is of another type"),
            "pattern" => wrong(value.as_str().is_none_or(|text| matches(text, says)), path, "has another form"),
            "format" => wrong(value.as_str().is_none_or(is_date), path, "is not a date"),
            "minimum" | "maximum" => bound(value, rule, says, path),
            "minItems" => wrong(items(value) >= says.as_u64().unwrap_or(0), path, "has too few elements"),
            "maxItems" => wrong(items(value) <= says.as_u64().unwrap_or(0), path, "has too many elements"),
            "uniqueItems" => wrong(are_distinct(value), path, "has an element twice"),
            "items" => {
                let items = value.as_array().into_iter().flatten();
                items.flat_map(|item| faults(root, says, item, path)).collect()
            }
            "required" => required(says, value, path),
            "properties" => properties(root, says, value, path),
            "additionalProperties" => additional(root, rules, says, value, path),
            "oneOf" => wrong(fitting(root, says, value, path) == 1, path, "matches none or several forms"),
            "anyOf" => wrong(fitting(root, says, value, path) > 0, path, "matches no form"),
            "allOf" => says.as_array().into_iter().flatten().flat_map(|part| faults(root, part, value, path)).collect(),
            "not" => wrong(!faults(root, says, value, path).is_empty(), path, "matches a form that is not allowed"),
            "dependentRequired" => {
                present(says, value).flat_map(|(_, required_with)| required(required_with, value, path)).collect()
            }
            "dependentSchemas" => present(says, value).flat_map(|(_, part)| faults(root, part, value, path)).collect(),
            unknown => panic!("{path}: this test does not know {unknown}"),
        };
        faults_found.extend(found);
    }
    faults_found
}

fn wrong(fits: bool, path: &str, problem: &str) -> Vec<String> {
    if fits { Vec::new() } else { vec![format!("{path} {problem}")] }
}

/// The entries of a keyword whose keys the value has.
fn present<'a>(says: &'a Value, value: &'a Value) -> impl Iterator<Item = (&'a String, &'a Value)> {
    says.as_object().into_iter().flatten().filter(|(key, _)| value.get(key.as_str()).is_some())
}

fn are_distinct(value: &Value) -> bool {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().enumerate().all(|(at, item)| !items[..at].contains(item))
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && text.parse::<chrono::NaiveDate>().is_ok()
}

/// Whether a text has the form of one of the patterns of the schema.
fn matches(text: &str, pattern: &Value) -> bool {
    let is_form = |form: &str| {
        let alike = |(letter, form): (char, char)| if form == '0' { letter.is_ascii_digit() } else { letter == form };
        text.len() == form.len() && text.chars().zip(form.chars()).all(alike)
    };
    match pattern.as_str().expect("a pattern") {
        r"^\S(.*\S)?$" => !text.is_empty() && text.trim() == text,
        r"^\d{2}-\d{2}$" => is_form("00-00"),
        r"^\d{4}-\d{2}-\d{2}$" => is_form("0000-00-00"),
        "^[A-Z]{3}$" => text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()),
        "^[-.0-9]+$" => !text.is_empty() && text.bytes().all(|byte| b"-.0123456789".contains(&byte)),
        starts => {
            let names = starts.strip_prefix("^(").and_then(|names| names.strip_suffix(")$")).expect("a known pattern");
            names.split('|').any(|name| match name.strip_suffix(".+") {
                Some(prefix) => text.len() > prefix.len() && text.starts_with(prefix),
                None => text == name,
            })
        }
    }
}

fn items(value: &Value) -> u64 {
    value.as_array().map_or(0, Vec::len) as u64
}

fn is_of_type(value: &Value, says: &Value) -> bool {
    let is = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64(),
        // The canonical form writes a decimal as text.
        "number" => value.is_number() || value.as_str().is_some_and(|text| text.parse::<f64>().is_ok()),
        other => panic!("this test does not know the type {other}"),
    };
    says.as_str().map_or_else(|| says.as_array().into_iter().flatten().filter_map(Value::as_str).any(is), is)
}

fn bound(value: &Value, rule: &str, says: &Value, path: &str) -> Vec<String> {
    let number = value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    let (Some(number), Some(bound)) = (number, says.as_f64()) else { return Vec::new() };
    wrong(if rule == "minimum" { number >= bound } else { number <= bound }, path, "is out of bounds")
}

fn required(says: &Value, value: &Value, path: &str) -> Vec<String> {
    let keys = says.as_array().into_iter().flatten().filter_map(Value::as_str);
    keys.filter(|key| value.get(key).is_none()).map(|key| format!("{path} lacks {key}")).collect()
}

fn properties(root: &Value, says: &Value, value: &Value, path: &str) -> Vec<String> {
    let known = says.as_object().into_iter().flatten();
    known
        .filter_map(|(key, schema)| Some((key, schema, value.get(key)?)))
        .flat_map(|(key, schema, value)| faults(root, schema, value, &format!("{path}.{key}")))
        .collect()
}

fn additional(root: &Value, rules: &Map<String, Value>, says: &Value, value: &Value, path: &str) -> Vec<String> {
    let known = rules.get("properties").and_then(Value::as_object);
    let others =
        value.as_object().into_iter().flatten().filter(|(key, _)| known.is_none_or(|known| !known.contains_key(*key)));
    others
        .flat_map(|(key, value)| match says {
            Value::Bool(false) => vec![format!("{path} has the unknown {key}")],
            schema => faults(root, schema, value, &format!("{path}.{key}")),
        })
        .collect()
}

fn fitting(root: &Value, says: &Value, value: &Value, path: &str) -> usize {
    let forms = says.as_array().into_iter().flatten();
    forms.filter(|form| faults(root, form, value, path).is_empty()).count()
}

fn faults_of(text: &str) -> Vec<String> {
    let schema = schema();
    let value = serde_json::from_str(&canonical_json(text).expect("TOML")).expect("JSON");
    faults(&schema, &schema, &value, "")
}

/// The output of `throughline rulebook` with this argument.
fn printed(what: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_throughline")).args(["rulebook", what]).output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn the_schema_and_the_reference_page_are_what_the_program_writes() {
    assert_eq!(printed("schema"), SCHEMA, "run: throughline rulebook schema > schema/rulebook.schema.json");
    assert_eq!(printed("reference"), REFERENCE, "run: throughline rulebook reference > docs/rulebook.md");
}

#[test]
fn the_page_of_measures_is_what_the_program_writes() {
    let page = File::at("docs/measures.md").text;
    assert_eq!(printed("measures"), page, "run: throughline rulebook measures > docs/measures.md");
}

#[test]
fn the_schema_accepts_every_pack_and_the_fixture() {
    for pack in packs() {
        assert_eq!(faults_of(pack.text), Vec::<String>::new(), "{}", pack.code);
    }
    assert_eq!(faults_of(include_str!("../try/rulebook.toml")), Vec::<String>::new());
}

/// Replaces one part of a text.
fn with(text: &str, part: &str, replacement: &str) -> String {
    assert!(text.contains(part), "{part}");
    text.replacen(part, replacement, 1)
}

#[test]
fn the_schema_refuses_a_document_that_the_parser_refuses() {
    let text = include_str!("../try/rulebook.toml");
    for (part, replacement) in [
        ("applies_by = \"achieved\"", "applies_by = \"soon\""),
        ("contract = \"try\"", "colour = \"red\"\ncontract = \"try\""),
        ("continuity = \"cumulative\", ", ""),
        ("amount = \"900.00\"\n", ""),
        (
            "weeks = 13, continuity = \"none\", combine = \"nothing\" }",
            "weeks = 13, days = 91, continuity = \"none\", combine = \"nothing\" }",
        ),
        ("trigger = { spell = [\"education\"] }", "trigger = { spell = [] }"),
        ("trigger = { spell = [\"education\"] }", "trigger = { level = [\"2\"], plan = [\"php\"] }"),
        ("trigger = { spell = [\"education\"] }", "trigger = { spell = [\"education\"] }\nscope = \"area\""),
        ("trigger = { spell = [\"education\"] }", "scope = \"area\""),
        ("trigger = { spell = [\"education\"] }", "repeats = 0\ntrigger = { spell = [\"education\"] }"),
        ("basis = \"average\", at_least = 16, ", "basis = \"average\", "),
    ] {
        let text = with(text, part, replacement);
        assert!(Rulebook::parse(&text).is_err(), "{replacement:?} is read");
        assert!(!faults_of(&text).is_empty(), "{replacement:?} matches the schema");
    }
}

/// How often a key of a section is changed, over all rulebooks together. Further ones of the same section are alike.
const OF_EACH_KEY: usize = 3;

/// The lines of a section that were changed so far, by the head of the section and the key.
type Changed = HashMap<(String, String), usize>;

/// Every text that results from one line of a rulebook: the line taken out, its key misspelt, or its value replaced. Only
/// some lines of each key of a section are changed.
fn mutations(text: &str, changed: &mut Changed) -> Vec<String> {
    const VALUES: [&str; 9] =
        ["7", "-7", "0.5", "true", "\"a word\"", "2021-02-03", "[]", "[\"a\", \"a\"]", "{ a = 1 }"];
    let (mut at, mut head, mut texts) = (0, "", Vec::new());
    for line in text.split_inclusive('\n') {
        let (before, after) = (&text[..at], &text[at + line.len()..]);
        at += line.len();
        if line.starts_with('[') {
            head = line.trim_end();
        }
        let written = line
            .split_once(" = ")
            .filter(|(key, _)| key.chars().all(|letter| letter == '_' || letter.is_alphanumeric()));
        let Some((key, value)) = written else { continue };
        let times = changed.entry((head.to_owned(), key.to_owned())).or_default();
        *times += 1;
        if *times > OF_EACH_KEY {
            continue;
        }
        let replaced = VALUES.iter().map(|value| format!("{key} = {value}\n"));
        let lines = replaced.chain([String::new(), format!("{key}_ = {value}")]);
        texts.extend(lines.map(|line| [before, &line, after].concat()));
    }
    texts
}

#[test]
fn the_schema_accepts_every_document_that_the_parser_accepts() {
    let fixture = include_str!("../try/rulebook.toml");
    let texts = packs().iter().map(|pack| pack.text).chain([fixture]);
    let (mut refused, mut accepted, mut changed) = (0, 0, Changed::new());
    for text in texts.flat_map(|text| mutations(text, &mut changed)) {
        if let Err(errors) = Rulebook::parse(&text) {
            let lines = text.lines().count();
            assert!(errors.iter().all(|error| (1..=lines).contains(&error.line)), "{errors:?}");
            refused += 1;
        } else {
            assert_eq!(faults_of(&text), Vec::<String>::new(), "{text}");
            accepted += 1;
        }
    }
    assert!(refused > 1_000 && accepted > 50, "{refused} refused, {accepted} accepted");
}
