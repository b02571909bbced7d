//! Privacy: every field has a class, what is sealed is what the classes say, and the page says so.

mod canary;
mod fields;
mod rotation;
pub(crate) mod site;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, TypeKind, TypeSystemDefinition};
use serde_json::Value;
use sqlx::{Connection as _, Executor as _, Row as _};
use throughline::privacy::{inputs, stores};
use throughline_domain::fact::envelope::{Actor, Position, Source};
use throughline_domain::fact::event::EventType;
use throughline_domain::fact::privacy::{EVENTS, Holder, PrivacyClass, RECORD, SEALED};
use throughline_projections::privacy as views;

use self::fields::Found;
use crate::app::{TestApp, on_both_stores_with_keys};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Parts that an example leaves out, with all that has fields in them. An example is never edited.
const LEFT_OUT: [(EventType, &str, &str); 1] =
    [(EventType::BatchOpened, "claims", r#"{ "achieved": { "first": "2022-01-01", "last": "2022-03-31" } }"#)];

/// Sealed fields that an example clears.
const CLEARED: [(EventType, &str); 1] = [(EventType::IdentitySealed, "email")];

fn text_of(path: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The fields of the events of a type, from the examples of every kind of stream and what they leave out.
fn fields_of(event_type: EventType) -> Found {
    let found = RefCell::new(Found::new());
    for kind in event_type.stream_kinds() {
        let name = event_type.cloud_event_type(*kind, event_type.schema_version());
        let mut example: Value = serde_json::from_str(&text_of(&format!("schema/events/{name}.json"))).expect("JSON");
        for (_, part, value) in LEFT_OUT.into_iter().filter(|(of, ..)| *of == event_type) {
            example[part] = serde_json::from_str(value).expect("JSON");
        }
        fields::of_payload(event_type, example, &found);
    }
    found.into_inner()
}

fn names(holder: &Holder) -> BTreeSet<String> {
    holder.fields.iter().map(|(_, name)| (*name).to_owned()).collect()
}

/// Fails with the names of fields that have no class, and of classes that have no field.
fn assert_classified(of: &str, known: &BTreeSet<String>, listed: &BTreeSet<String>, file: &str) {
    let missing: Vec<_> = known.difference(listed).collect();
    assert!(missing.is_empty(), "say in {file} which class these fields of {of} have: {missing:?}");
    let gone: Vec<_> = listed.difference(known).collect();
    assert!(gone.is_empty(), "{file} has classes for fields that {of} has not: {gone:?}");
}

#[test]
fn every_field_of_every_event_has_a_class() {
    for (event_type, holder) in EventType::ALL.iter().zip(EVENTS) {
        let known: BTreeSet<String> = fields_of(*event_type).into_keys().collect();
        assert_classified(event_type.as_str(), &known, &names(holder), "crates/domain/src/fact/privacy.rs");
    }
}

#[test]
fn a_field_that_no_row_names_is_found() {
    let mut holder = EVENTS[0];
    let known: BTreeSet<String> = fields_of(EventType::ALL[0]).into_keys().collect();
    holder.fields = &holder.fields[1..];
    let forgotten = std::panic::catch_unwind(|| assert_classified(holder.name, &known, &names(&holder), "the list"));
    assert!(forgotten.is_err(), "a forgotten field is not noticed");
}

#[test]
fn what_is_sealed_in_the_examples_is_what_the_classes_say() {
    let mut sealed_fields = 0;
    for (event_type, holder) in EventType::ALL.iter().zip(EVENTS) {
        let found = fields_of(*event_type);
        for (class, name) in holder.fields {
            let values: Vec<&Value> = found[*name].iter().filter(|value| !value.is_null()).collect();
            let at = format!("{}.{name}", event_type.as_str());
            if class.is_sealed() {
                assert_eq!(values.is_empty(), CLEARED.contains(&(*event_type, *name)), "{at}: values in the example");
            }
            for value in values {
                assert_eq!(value.get("commitment").is_some(), class.is_sealed(), "{at}: {value}");
                if class.is_sealed() {
                    assert_eq!(value["class"], class.as_str(), "{at}");
                    let known: BTreeSet<String> = value.as_object().expect("an object").keys().cloned().collect();
                    assert_classified("a sealed text", &known, &names(&SEALED[0]), "SEALED");
                    sealed_fields += 1;
                }
            }
        }
    }
    assert!(sealed_fields > 15, "names, notes and needs are sealed");
}

/// The types of the fields of every input that are no inputs themselves.
fn input_fields() -> BTreeMap<(String, String), String> {
    let document = parse_schema(throughline::graphql::sdl()).expect("the schema is read");
    let mut inputs = BTreeMap::new();
    for definition in document.definitions {
        let TypeSystemDefinition::Type(of) = definition else { continue };
        let TypeKind::InputObject(input) = of.node.kind else { continue };
        for field in input.fields {
            let mut base = field.node.ty.node.base;
            while let BaseType::List(of) = base {
                base = of.base;
            }
            let BaseType::Named(named) = base else { unreachable!("a list has ended") };
            inputs.insert((of.node.name.node.to_string(), field.node.name.node.to_string()), named.to_string());
        }
    }
    let types: BTreeSet<String> = inputs.keys().map(|(of, _)| of.clone()).collect();
    inputs.retain(|_, of| !types.contains(of));
    inputs
}

#[test]
fn every_field_of_every_input_has_a_class() {
    let fields = input_fields();
    let listed = |holders: &'static [Holder], input: &str, field: &str| -> Option<PrivacyClass> {
        let holder = holders.iter().find(|holder| holder.name == input)?;
        holder.fields.iter().find(|(_, name)| *name == field).map(|(class, _)| *class)
    };
    let own = |input: &str, field: &str| listed(inputs::INPUTS, input, field);
    let general = |field: &str| listed(inputs::EVERY_INPUT, "every_input", field);

    let missing: Vec<String> = fields
        .keys()
        .filter(|(input, field)| own(input, field).or_else(|| general(field)).is_none())
        .map(|(input, field)| format!("{input}.{field}"))
        .collect();
    assert!(missing.is_empty(), "say in src/privacy/inputs.rs which class these have: {missing:?}");

    let used: BTreeSet<&str> =
        fields.keys().filter(|(input, field)| own(input, field).is_none()).map(|(_, field)| field.as_str()).collect();
    let gone: Vec<_> =
        names(&inputs::EVERY_INPUT[0]).into_iter().filter(|name| !used.contains(name.as_str())).collect();
    assert!(gone.is_empty(), "src/privacy/inputs.rs names fields that no input has: {gone:?}");

    for holder in inputs::INPUTS {
        for (class, field) in holder.fields {
            let at = format!("{}.{field}", holder.name);
            assert!(fields.contains_key(&(holder.name.to_owned(), (*field).to_owned())), "{at} is no field");
            assert_ne!(general(field), Some(*class), "{at} needs no row of its own");
        }
    }
}

/// The columns of every table that a log, its view and its key store have.
async fn stored_columns(app: &TestApp) -> BTreeMap<String, BTreeSet<String>> {
    let mut columns: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut add = |table: String, column: String| columns.entry(table).or_default().insert(column);
    let Some(file) = app.fresh.place().file() else {
        let mut conn = sqlx::PgConnection::connect(app.fresh.url()).await.expect("the server answers");
        let listed = "select table_name::text, column_name::text from information_schema.columns \
            where starts_with(table_schema, current_schema())";
        for row in conn.fetch_all(listed).await.expect("the columns are listed") {
            add(row.get(0), row.get(1));
        }
        return columns;
    };
    let backup = file.with_extension("backup");
    let taken = std::process::Command::new(env!("CARGO_BIN_EXE_throughline"))
        .env("THROUGHLINE_DATABASE", app.fresh.url())
        .arg("backup")
        .arg(&backup)
        .output()
        .expect("the program runs");
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
    let folder = std::fs::read_dir(file.parent().expect("a folder")).expect("the folder is read");
    for path in folder.map(|entry| entry.expect("a file").path()).filter(|path| is_database(path)) {
        let url = format!("sqlite:{}", path.display());
        let mut conn = sqlx::SqliteConnection::connect(&url).await.expect("the file opens");
        let listed = "select tables.name, columns.name from sqlite_master tables \
            join pragma_table_info(tables.name) columns where tables.type = 'table'";
        for row in conn.fetch_all(listed).await.expect("the columns are listed") {
            add(row.get(0), row.get(1));
        }
    }
    columns
}

/// Whether a file is a database of `SQLite`, by how it begins.
fn is_database(path: &Path) -> bool {
    std::fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"SQLite format 3\0"))
}

#[tokio::test]
async fn every_column_of_every_stored_table_has_a_class() {
    on_both_stores_with_keys(async |app| {
        let stored = stored_columns(app).await;
        assert!(["events", "keys", "caseload"].iter().all(|table| stored.contains_key(*table)), "{stored:?}");
        let mut listed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for holder in stores::LOG.iter().chain(stores::KEYS).chain(views::TABLES) {
            listed.insert(holder.name.to_owned(), names(holder));
        }
        // A backup is a file of SQLite, whichever store holds the log.
        if app.fresh.place().file().is_none() {
            listed.remove("backup");
        }
        let (known, named) = (stored.keys().cloned().collect(), listed.keys().cloned().collect());
        assert_classified("the databases", &known, &named, "src/privacy/stores.rs or projections/privacy.rs");
        for (table, columns) in &stored {
            assert_classified(table, columns, &listed[table], "src/privacy/stores.rs or projections/privacy.rs");
        }
    })
    .await;
}

#[tokio::test]
async fn every_field_of_a_record_has_a_class() {
    on_both_stores_with_keys(async |app| {
        let mut events = app.fresh.log.page(Position(0), Position(1)).await.expect("the log is read");
        let mut event = events.pop().expect("a contract was opened");
        event.actor = Actor { on_behalf_of: Some("kw-08".to_owned()), ..event.actor };
        event.source = Some(Source {
            system: "council".to_owned(),
            record_id: Some("17".to_owned()),
            file_digest: Some("00".to_owned()),
            row: Some(1),
        });
        let record: Value = serde_json::from_str(&event.to_record()).expect("JSON");
        let mut known = BTreeSet::new();
        for (name, value) in record.as_object().expect("an object") {
            match value.as_object().filter(|_| ["actor", "source", "stream"].contains(&name.as_str())) {
                Some(parts) => known.extend(parts.keys().map(|part| format!("{name}.{part}"))),
                None => drop(known.insert(name.clone())),
            }
        }
        assert!(known.remove("payload"), "the payload has rows of its own");
        assert_classified("a record", &known, &names(&RECORD[0]), "crates/domain/src/fact/privacy.rs");
    })
    .await;
}

#[test]
fn the_privacy_page_is_what_the_program_writes() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_throughline"))
        .args(["schema", "--privacy"])
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let page = String::from_utf8(output.stdout).expect("text");
    assert!(page == text_of("docs/privacy.md"), "run: throughline schema --privacy > docs/privacy.md");
}
