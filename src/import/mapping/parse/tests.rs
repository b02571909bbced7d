//! Mappings with faults: each is found at once, with its line and what to write instead.

use super::super::Mapping;

const WHOLE: &str = r#"mapping = 1

[source]
system = "mosaic"

[read]
format = "csv"

[[table]]
name = "referrals"

[[record]]
table = "referrals"
id = "{id}"
case = "{id}"

[[record.fact]]
type = "referral_received"
on = "received"
"#;

fn faults(text: &str) -> Vec<String> {
    match Mapping::parse(text) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}

/// The faults after one change of the text.
fn after(from: &str, to: &str) -> Vec<String> {
    assert!(WHOLE.contains(from), "{from}");
    faults(&WHOLE.replacen(from, to, 1))
}

fn only(faults: &[String], expected: &str) {
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].starts_with(expected), "{} is not {expected}", faults[0]);
}

#[test]
fn a_mapping_wants_the_columns_that_it_names() {
    let mapping = Mapping::parse(WHOLE).expect("a mapping");
    let columns: Vec<&str> = mapping.wanted.tables[0].columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(columns, ["id", "received"]);
    assert!(mapping.needs_area());
    assert!(!Mapping::parse(&format!("{WHOLE}area = \"a\"\n")).expect("a mapping").needs_area());
}

#[test]
fn a_system_has_a_name_that_facts_can_keep() {
    let expected = "line 4: source.system: no fact can keep this name;";
    only(&after("\"mosaic\"", "\" \""), expected);
    only(&after("\"mosaic\"", &format!("\"{}\"", "m".repeat(65))), expected);
    let numbers = after("\"mosaic\"", "\"mosaic\"\nnumbers = \" \"");
    only(&numbers, "line 5: source.numbers: no fact can keep this name;");
}

#[test]
fn an_offered_referral_has_no_purged_rows() {
    let offered = WHOLE.replace("case = \"{id}\"", "offer = \"{id}\"\npurge = { gone = [\"yes\"] }");
    let faults = faults(&offered.replace("referral_received", "referral_offered"));
    only(&faults, "line 16: record.purge: an offered referral is never retracted;");
}

#[test]
fn every_fault_is_found_at_once_with_its_line() {
    let text = WHOLE
        .replace("mapping = 1", "mapping = 2")
        .replace("system", "name")
        .replace("\"csv\"", "\"text\"")
        .replace("on = \"received\"", "on = 5\nreason = \"x\"");
    let faults = faults(&text);
    let expected = [
        "line 1: mapping: this build reads grammar 1 of mappings; write mapping = 1",
        "line 3: source.system: missing; write system = \"mosaic\"",
        "line 4: source.name: there is no such key here; remove it, or write one of system, numbers,",
        "line 7: read.format: expected one of csv, xlsx, xml, json; write format = \"csv\"",
        "line 19: record.fact.on: expected a column;",
        "line 20: record.fact.reason: there is no such key here;",
    ];
    assert_eq!(faults.len(), expected.len(), "{faults:#?}");
    for (fault, expected) in faults.iter().zip(expected) {
        assert!(fault.starts_with(expected), "{fault} is not {expected}");
    }
}

#[test]
fn names_that_lead_nowhere_are_found() {
    only(&after("table = \"referrals\"", "table = \"cases\""), "line 13: record.table: there is no table \"cases\"");
    only(&after("\"referral_received\"", "\"referral\""), "line 18: record.fact.type: there is no fact \"referral\"");
    let codes = "on = \"received\"\ncohort = { column = \"c\", codes = \"cohorts\" }";
    only(
        &after("on = \"received\"", codes),
        "line 20: record.fact.cohort.codes: there is no list of codes \"cohorts\"",
    );
    let join = "name = \"referrals\"\njoin = [{ table = \"clients\", column = \"client\" }]";
    only(
        &after("name = \"referrals\"", join),
        "line 11: table.join.table: there is no other table \"clients\" with a key",
    );
}

#[test]
fn what_cannot_be_meant_is_refused() {
    only(&after("case = \"{id}\"", "case = \"all\""), "line 15: record.case: it names no column");
    only(&after("case = \"{id}\"", "case = \"{id\""), "line 15: record.case: a brace is not closed");
    only(
        &after("case = \"{id}\"\n", ""),
        "line 12: record: a record belongs to a case, to a worker or to an offered referral",
    );
    only(&after("case =", "worker ="), "line 18: record.fact.type: referral_received is no fact of a worker");
    let twice = "on = \"received\"\n\n[[record.fact]]\ntype = \"referral_received\"\non = \"b\"";
    only(&after("on = \"received\"", twice), "line 22: record.fact.type: a second referral_received in one record");
    let both = "on = { column = \"received\", value = \"2018\" }";
    only(&after("on = \"received\"", both), "line 19: record.fact.on: a value has one of column, value and template");
    let form = "format = \"csv\"\ndates = [\"DD/MM\"]";
    only(&after("format = \"csv\"", form), "line 8: read.dates: \"DD/MM\" is not a form of dates");
    only(&after("format = \"csv\"", "format = \"xml\""), "line 6: read.record: missing");
    let element = "name = \"referrals\"\nelement = \"a\"";
    only(&after("name = \"referrals\"", element), "line 11: table.element: a table of a csv file has none");
    let needed = "type = \"plan_agreed\"";
    only(&after("type = \"referral_received\"", needed), "line 17: record.fact.kind: missing; write kind = \"COLUMN\"");
}

#[test]
fn a_text_that_is_not_toml_says_where() {
    let faults = faults("mapping = 1\n[source\n");
    assert!(faults[0].starts_with("line 2: ") && faults[0].contains("correct the TOML here"), "{faults:?}");
}
