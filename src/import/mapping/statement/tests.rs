//! What rows state: dates with their precision, codes, values that say nothing, conditions and joins.

use super::*;

const MAPPING: &str = r#"mapping = 1
[source]
system = "mosaic"
[read]
format = "csv"
dates = ["DD/MM/YYYY", "MM/YYYY"]
absent = ["Don't know"]
[codes.channel]
"1" = "phone"
"2" = "home_visit"
"9" = ""
[[table]]
name = "clients"
file = "clients*"
key = "id"
[[table]]
name = "visits"
file = "visits*"
join = [{ table = "clients", column = "client" }]
[[record]]
table = "visits"
id = "{clients.case}/{visit}"
case = "{clients.case}"
unless = { status = ["cancelled"] }
[[record.fact]]
type = "contact_logged"
on = "day"
time = "time"
channel = { column = "channel", codes = "channel", default = "email" }
with = { value = "client" }
attendance = { column = "came", codes = { Y = "attended", N = "did_not_attend" } }
minutes = "minutes"
worker = "worker"
"#;

/// What a row of visits states, as text, or why it cannot be read.
fn stated(row: &[(&str, &str)]) -> String {
    let mapping = Mapping::parse(MAPPING).expect("a mapping");
    let cells = |table: usize, row: &[(&str, &str)]| -> Vec<Cell> {
        let columns = mapping.wanted.tables[table].columns.iter();
        let text = |name: &str| row.iter().find(|(column, _)| *column == name).map_or("", |(_, text)| *text);
        columns.map(|column| Cell::Text(text(&column.name).to_owned())).collect()
    };
    let client = cells(0, &[("id", "C1"), ("case", "R-1")]);
    let joined = row.contains(&("client", "C1")).then_some(client.as_slice());
    let own = cells(1, row);
    let ids = Ids { system: "mosaic", numbers: "mosaic", contract: "shps", partner: "council" };
    let mut stated = mapping.statements(1, Cells { own: &own, joined: &[joined] }, ids);
    match stated.pop() {
        None => "nothing".to_owned(),
        Some(Err((record, error))) => format!("{}: {error}", record.as_deref().unwrap_or("?")),
        Some(Ok(statement)) => {
            let fact = &statement.facts[0];
            let mut payload: Value = serde_json::from_str(fact.event.payload().get()).expect("JSON");
            if payload.get("worker").is_some() {
                payload["worker"] = json!("W");
            }
            let time = fact.occurred.local_time().map(|time| time.to_string()).unwrap_or_default();
            format!("{} {} {time} {payload}", statement.record, fact.occurred.earliest())
        }
    }
}

const VISIT: [(&str, &str); 7] = [
    ("client", "C1"),
    ("visit", "V1"),
    ("day", "31/01/2018"),
    ("time", "14:30"),
    ("channel", "1"),
    ("came", "Y"),
    ("minutes", "30"),
];

/// The visit with some values changed.
fn with(changes: &[(&'static str, &'static str)]) -> String {
    let kept = VISIT.iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    stated(&kept.chain(changes).copied().collect::<Vec<_>>())
}

#[test]
fn a_row_states_its_fact_with_translated_codes_and_joined_ids() {
    let expected = json!({
        "channel": "phone",
        "with": "client",
        "attendance": "attended",
        "two_way": false,
        "minutes": 30,
    });
    assert_eq!(with(&[]), format!("R-1/V1 2018-01-31 14:30:00 {expected}"));
    assert!(with(&[("worker", "W-7")]).contains(r#""worker":"W""#));
    assert!(!with(&[("minutes", "Don't know")]).contains("minutes"), "nothing is known of them");
    assert!(with(&[("channel", "")]).contains(r#""channel":"email""#));
    assert!(with(&[("channel", "7")]).contains(r#""channel":"email""#), "the default is for unknown codes too");
    assert!(with(&[("day", "01/2018"), ("time", "")]).starts_with("R-1/V1 2018-01-01  "));
}

#[test]
fn a_row_that_cannot_be_read_names_column_and_remedy_and_never_the_value() {
    let wrong = |changes: &[(&'static str, &'static str)], expected: &str| {
        let message = with(changes);
        assert!(message.starts_with(expected), "{message} is not {expected}");
        assert!(!message.contains("secret"), "{message}");
    };
    wrong(&[("day", "secret")], "R-1/V1: day: not a date in a form of the mapping");
    wrong(&[("day", "")], "R-1/V1: day: empty: the date is needed");
    wrong(&[("came", "secret")], "R-1/V1: came: a code that the mapping does not know");
    wrong(&[("came", "")], "R-1/V1: came: empty: attendance of contact_logged is needed");
    wrong(&[("channel", "9")], "R-1/V1: channel: empty: channel of contact_logged is needed");
    wrong(&[("minutes", "secret")], "R-1/V1: minutes: not a whole number");
    wrong(&[("time", "secret")], "R-1/V1: time: not a time of day");
    wrong(&[("client", "secret")], "?: clients.case, visit: empty: the id of the record is needed");
}

#[test]
fn a_row_that_the_conditions_leave_out_states_nothing() {
    assert_eq!(with(&[("status", "cancelled")]), "nothing");
    assert_ne!(with(&[("status", "open")]), "nothing");
}
