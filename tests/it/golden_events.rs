//! One example of each event version lies in `schema/events/`, named by its `CloudEvents` type. Files are added,
//! never edited: what was once recorded is read for ever.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;
use throughline_domain::contract::Rulebook;
use throughline_domain::fact::envelope::StreamKind;
use throughline_domain::fact::event::{Event, EventType};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schema/events")
}

/// Every file's name without `.json`, and its text.
fn examples() -> Vec<(String, String)> {
    let files = std::fs::read_dir(folder()).expect("schema/events is there");
    let paths = files.map(|file| file.expect("a file").path()).filter(|path| path.extension() == Some("json".as_ref()));
    let read = |path: PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        (name, std::fs::read_to_string(&path).expect("a text"))
    };
    paths.map(read).collect()
}

#[test]
fn each_version_of_each_event_has_its_example_and_there_is_no_other() {
    let found: BTreeSet<String> = examples().into_iter().map(|(name, _)| name).collect();
    let versions = |event_type: &EventType| {
        let event_type = *event_type;
        event_type.stream_kinds().iter().flat_map(move |kind| {
            (1..=event_type.schema_version()).map(move |version| event_type.cloud_event_type(*kind, version))
        })
    };
    assert_eq!(found, EventType::ALL.iter().flat_map(versions).collect());
}

#[test]
fn each_example_is_read_and_a_present_one_written_again_as_it_was() {
    for (name, text) in examples() {
        let (event_type, _, version) = EventType::from_cloud_event_type(&name).expect("a type of ours");
        let event =
            Event::decode(event_type.as_str(), version, &text).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert_eq!(event.event_type(), event_type);
        if version == event_type.schema_version() {
            let written: Value = serde_json::from_str(event.payload().get()).expect("JSON");
            assert_eq!(written, serde_json::from_str::<Value>(&text).expect("JSON"), "{name}");
        }
    }
}

#[test]
fn the_example_of_a_rulebook_carries_its_own_hash() {
    let name = EventType::RulebookPublished.cloud_event_type(StreamKind::Contract, 1);
    let text = std::fs::read_to_string(folder().join(format!("{name}.json"))).expect("the example");
    let Event::RulebookPublished(published) = Event::decode("RulebookPublished", 1, &text).expect("an event") else {
        panic!("a rulebook")
    };
    assert_eq!(Rulebook::parse(&published.content).expect("a rulebook").hash(), published.hash);
}
