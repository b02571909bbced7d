//! What a record needs, row after row: nothing, new facts, patches, retractions or a conflict.

use throughline_domain::fact::envelope::{Actor, Envelope, EventId, Occurred, Position, Source, StreamId};
use throughline_domain::fact::event::FactRetracted;
use uuid::Uuid;

use super::*;
use crate::import::mapping::{Cells, Mapping};
use crate::import::read::Cell;

const MAPPING: &str = r#"mapping = 1
[source]
system = "mosaic"
[read]
format = "csv"
dates = ["DD/MM/YYYY"]
absent = ["Don't know"]
[[table]]
name = "jobs"
optional = ["pay"]
[[record]]
table = "jobs"
id = "{id}"
case = "{client}"
[[record.fact]]
type = "spell_started"
on = "from"
domain = { value = "employment" }
hours_per_week = "hours"
attributes = { pay = "pay" }
[[record.fact]]
type = "spell_ended"
on = { column = "to", end = "last_day" }
reason = "why"
"#;

/// The columns of a row, in the order in which the mapping names them.
const COLUMNS: [&str; 7] = ["pay", "client", "id", "from", "hours", "to", "why"];

fn mapping(leads: &str) -> Mapping {
    Mapping::parse(&MAPPING.replace("system = \"mosaic\"", &format!("system = \"mosaic\"\n{leads}")))
        .expect("a mapping")
}

fn stated(mapping: &Mapping, row: &[(&str, &str)]) -> Statement {
    let columns: Vec<&str> = mapping.wanted.tables[0].columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(columns, COLUMNS);
    let cell = |column: &&str| {
        let text = row.iter().find(|(name, _)| name == column).map(|(_, text)| (*text).to_owned());
        text.map_or(Cell::Absent, Cell::Text)
    };
    let cells: Vec<Cell> = COLUMNS.iter().map(cell).collect();
    let mut stated = mapping.statements(0, Cells { own: &cells, joined: &[] }, ids());
    stated.pop().expect("a record").expect("a statement")
}

fn ids() -> Ids<'static> {
    Ids { system: "mosaic", numbers: "mosaic", contract: "shps", partner: "council" }
}

fn row<'a>(hours: &'a str, to: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("id", "J1"),
        ("client", "C1"),
        ("from", "01/02/2018"),
        ("hours", hours),
        ("to", to),
        ("why", ""),
        ("pay", "10"),
    ]
}

/// A stream in which commands are recorded as the log would record them.
struct Story {
    known: Known,
    version: i64,
}

impl Story {
    fn new() -> Self {
        Self { known: Known::default(), version: 0 }
    }

    fn add(&mut self, stream: StreamId, occurred: Occurred, event: &Event, system: Option<&str>) -> EventId {
        self.version += 1;
        let id = EventId(Uuid::from_u128(self.version.unsigned_abs().into()));
        let envelope = Envelope {
            position: Position(self.version),
            event_id: id,
            stream,
            version: self.version,
            event_type: event.event_type().as_str().to_owned(),
            schema_version: event.event_type().schema_version(),
            contract: Some("shps".to_owned()),
            occurred,
            payload: event.payload(),
            source: system.map(|system| Source {
                system: system.to_owned(),
                record_id: Some("J1".to_owned()),
                file_digest: None,
                row: None,
            }),
            recorded_at: chrono::DateTime::UNIX_EPOCH,
            actor: Actor { subject: "integrator".to_owned(), role: "integrator".to_owned(), on_behalf_of: None },
            command_id: CommandId(id.0),
            correlation_id: None,
            causation_id: None,
            salt: [0; 16],
        };
        self.known.learn(&envelope, "mosaic").expect("readable");
        id
    }

    /// Records what a plan asks for, from a source or by hand.
    fn take(&mut self, commands: &Commands) {
        for (of, command) in &commands.each {
            match command {
                Command::RecordFact(fact) => {
                    let occurred = fact.when.decided_on(chrono::NaiveDate::MAX);
                    self.add(fact.stream, occurred, &fact.fact, Some("mosaic"));
                }
                Command::PatchFact(patch) => self.correct(patch, *of, Some("mosaic")),
                Command::RetractFacts(retraction) => {
                    for target in &retraction.targets {
                        self.retract(retraction.stream, *target, Some("mosaic"));
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn correct(&mut self, patch: &PatchFact, of: EventType, system: Option<&str>) {
        let now = self.known.history.fact(patch.target).expect("a fact");
        let mut payload: Value = serde_json::from_str(now.event.payload().get()).expect("JSON");
        for (name, value) in &patch.payload {
            match value {
                Value::Null => drop(payload.as_object_mut().expect("an object").remove(name)),
                Value::Object(inner) => {
                    for (inner_name, value) in inner {
                        payload[name][inner_name] = value.clone();
                    }
                }
                value => payload[name] = value.clone(),
            }
        }
        let correction = throughline_domain::fact::event::FactCorrected {
            target: patch.target,
            occurred_on: patch.occurred.on.unwrap_or(now.occurred.earliest()),
            precision: patch.occurred.precision.unwrap_or(now.occurred.precision()),
            local_time: None,
            schema_version: of.schema_version(),
            payload,
            reason: patch.reason.clone(),
        };
        let (stream, occurred) = (patch.stream, now.occurred);
        self.add(stream, occurred, &correction.into(), system);
    }

    fn retract(&mut self, stream: StreamId, target: EventId, system: Option<&str>) {
        let retraction = FactRetracted { target, reason: "a test".to_owned() };
        self.add(stream, Occurred::on(day("2018-03-01")), &retraction.into(), system);
    }

    /// Somebody corrects the hours of the job here.
    fn hours_by_hand(&mut self, stream: StreamId, hours: i32) {
        let target = self.known.fact("J1", EventType::SpellStarted).expect("a start").original.event_id;
        let payload = json!({ "hours_per_week": hours });
        let patch = PatchFact {
            stream,
            target,
            occurred: PatchedDate::default(),
            of: Some(EventType::SpellStarted),
            payload: payload.as_object().expect("an object").clone(),
            reason: "by hand".to_owned(),
        };
        self.correct(&patch, EventType::SpellStarted, None);
    }
}

fn day(text: &str) -> chrono::NaiveDate {
    text.parse().expect("a day")
}

fn taking(mapping: &Mapping) -> Taking<'_> {
    Taking { ids: ids(), leads: mapping.source.leads, area: None, reason: "mosaic import, file 12345678" }
}

/// What a row needs, in words, after which it is recorded.
fn take(story: &mut Story, mapping: &Mapping, row: &[(&str, &str)]) -> String {
    match taking(mapping).plan(&story.known, &stated(mapping, row)) {
        Plan::Nothing(note) => note.unwrap_or_else(|| "nothing".to_owned()),
        Plan::Conflict(problems) => problems[0].message.clone(),
        Plan::Take(commands) => {
            let each = commands.each.iter().map(|(of, command)| match command {
                Command::PatchFact(patch) => {
                    let on = patch.occurred.on.map(|on| format!(" {on}")).unwrap_or_default();
                    format!("patch {}{on} {}", of.snake_case(), Value::Object(patch.payload.clone()))
                }
                Command::RetractFacts(_) => format!("retract {}", of.snake_case()),
                _ => format!("record {}", of.snake_case()),
            });
            let words = each.collect::<Vec<_>>().join(", ");
            story.take(&commands);
            words
        }
    }
}

#[test]
fn a_changed_value_is_a_patch_and_a_b_a_is_two() {
    let (mut story, mapping) = (Story::new(), mapping(""));
    assert_eq!(take(&mut story, &mapping, &row("16", "")), "record spell_started");
    assert_eq!(take(&mut story, &mapping, &row("16", "")), "nothing");
    assert_eq!(take(&mut story, &mapping, &row("20", "")), r#"patch spell_started {"hours_per_week":20}"#);
    assert_eq!(take(&mut story, &mapping, &row("16.0", "")), r#"patch spell_started {"hours_per_week":16}"#);
    assert_eq!(take(&mut story, &mapping, &row("16", "")), "nothing");
    assert_eq!(take(&mut story, &mapping, &row("Don't know", "")), r#"patch spell_started {"hours_per_week":null}"#);
    assert_eq!(story.version, 4);
}

#[test]
fn the_same_change_has_one_id_and_each_turn_another() {
    let (mut story, mapping) = (Story::new(), mapping(""));
    let mut ids = Vec::new();
    for hours in ["16", "20", "16", "20"] {
        let stated = stated(&mapping, &row(hours, ""));
        let id = |story: &Story| match taking(&mapping).plan(&story.known, &stated) {
            Plan::Take(commands) => commands,
            other => panic!("{other:?}"),
        };
        let commands = id(&story);
        assert_eq!(commands.id, id(&story).id, "planned twice");
        ids.push(commands.id);
        story.take(&commands);
    }
    let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), 4);
}

#[test]
fn an_end_comes_goes_and_moves_and_the_last_day_is_the_day_before() {
    let (mut story, mapping) = (Story::new(), mapping(""));
    take(&mut story, &mapping, &row("16", ""));
    assert_eq!(take(&mut story, &mapping, &row("16", "31/03/2018")), "record spell_ended");
    let end = story.known.fact("J1", EventType::SpellEnded).expect("an end").now.expect("so").occurred;
    assert_eq!(end.earliest(), day("2018-04-01"));
    assert_eq!(take(&mut story, &mapping, &row("16", "30/04/2018")), "patch spell_ended 2018-05-01 {}");
    assert_eq!(take(&mut story, &mapping, &row("16", "")), "retract spell_ended");
    assert_eq!(take(&mut story, &mapping, &row("16", "")), "nothing");
    assert_eq!(take(&mut story, &mapping, &row("16", "30/04/2018")), "record spell_ended", "it returned");
}

#[test]
fn a_column_that_a_file_lacks_changes_nothing() {
    let (mut story, mapping) = (Story::new(), mapping(""));
    take(&mut story, &mapping, &row("16", ""));
    let mut without = row("20", "");
    without.retain(|(name, _)| *name != "pay");
    assert_eq!(take(&mut story, &mapping, &without), r#"patch spell_started {"hours_per_week":20}"#);
    assert_eq!(take(&mut story, &mapping, &row("20", "")), "nothing", "the pay is still there");
    let mut cleared = row("20", "");
    cleared.retain(|(name, _)| *name != "pay");
    cleared.push(("pay", ""));
    assert_eq!(take(&mut story, &mapping, &cleared), r#"patch spell_started {"attributes":{"pay":null}}"#);
}

#[test]
fn what_was_corrected_here_is_a_conflict_unless_the_source_leads() {
    let mapping_here = mapping("");
    let stream = stated(&mapping_here, &row("16", "")).stream;
    let mut story = Story::new();
    take(&mut story, &mapping_here, &row("16", ""));
    story.hours_by_hand(stream, 18);
    assert_eq!(take(&mut story, &mapping_here, &row("16", "")), "changed here since; the source has not changed");
    assert_eq!(
        take(&mut story, &mapping_here, &row("20", "")),
        "spell_started was corrected here since (hours_per_week: here 18, in the row 20): correct one of the two, or \
         declare the source leading"
    );
    assert_eq!(take(&mut story, &mapping_here, &row("18", "")), "nothing", "the source agrees");
    assert_eq!(
        take(&mut story, &mapping("leading = true"), &row("20", "")),
        r#"patch spell_started {"hours_per_week":20}"#
    );
    assert_eq!(take(&mut story, &mapping_here, &row("22", "")), r#"patch spell_started {"hours_per_week":22}"#);
}

#[test]
fn what_was_retracted_here_is_not_recorded_again_unless_the_source_leads() {
    let (mut story, here) = (Story::new(), mapping(""));
    take(&mut story, &here, &row("16", ""));
    let start = story.known.fact("J1", EventType::SpellStarted).expect("a start").original.event_id;
    story.retract(stated(&here, &row("16", "")).stream, start, None);
    assert!(take(&mut story, &here, &row("16", "")).starts_with("spell_started was retracted here"));
    assert_eq!(take(&mut story, &mapping("leading = true"), &row("16", "")), "record spell_started");
    assert_eq!(take(&mut story, &here, &row("16", "")), "nothing");
}

#[test]
fn a_gone_record_that_was_corrected_here_is_kept_unless_the_source_leads() {
    let (mut story, here) = (Story::new(), mapping(""));
    take(&mut story, &here, &row("16", ""));
    assert!(!taking(&here).keeps(&story.known, "J1"));
    story.hours_by_hand(stated(&here, &row("16", "")).stream, 18);
    assert!(taking(&here).keeps(&story.known, "J1"));
    assert!(!taking(&mapping("leading = true")).keeps(&story.known, "J1"));
}

#[test]
fn the_same_row_of_another_case_is_another_command() {
    let (story, mapping) = (Story::new(), mapping(""));
    let id = |row: &[(&str, &str)]| match taking(&mapping).plan(&story.known, &stated(&mapping, row)) {
        Plan::Take(commands) => commands.id,
        other => panic!("{other:?}"),
    };
    let mut moved = row("16", "");
    moved[1] = ("client", "C2");
    assert_ne!(id(&row("16", "")), id(&moved));
    assert_eq!(id(&row("16", "")), id(&row("16", "")));
}

#[test]
fn a_record_that_is_gone_and_returns_is_retracted_and_recorded_anew() {
    let (mut story, mapping) = (Story::new(), mapping(""));
    take(&mut story, &mapping, &row("16", "31/03/2018"));
    let stream = stated(&mapping, &row("16", "")).stream;
    let record = ["J1".to_owned()];
    let gone = taking(&mapping).gone(&story.known, stream, record.iter()).expect("facts");
    assert!(gone.corrects);
    story.take(&gone);
    assert!(!story.known.has("J1"));
    assert!(taking(&mapping).gone(&story.known, stream, record.iter()).is_none(), "once");
    assert_eq!(take(&mut story, &mapping, &row("16", "31/03/2018")), "record spell_started, record spell_ended");
}

#[test]
fn a_purged_record_is_retracted_whatever_else_its_row_says_unless_it_was_corrected_here() {
    let purging = "case = \"{client}\"\npurge = { client = [\"C1\"] }";
    let purging = Mapping::parse(&MAPPING.replace("case = \"{client}\"", purging)).expect("a mapping");
    let (mut story, mapping) = (Story::new(), mapping(""));
    assert_eq!(take(&mut story, &purging, &row("16", "")), "nothing", "it was never recorded");
    let recorded = take(&mut story, &mapping, &row("16", "28/02/2018"));
    assert_eq!(recorded, "record spell_started, record spell_ended");
    assert!(take(&mut story, &purging, &row("no number", "")).starts_with("retract "));
    assert_eq!(take(&mut story, &purging, &row("16", "")), "nothing");
    let returned = take(&mut story, &mapping, &row("16", "28/02/2018"));
    assert_eq!(returned, "record spell_started, record spell_ended");
    let stream = stated(&mapping, &row("16", "")).stream;
    story.hours_by_hand(stream, 30);
    let conflict = take(&mut story, &purging, &row("16", ""));
    assert!(conflict.contains("corrected here"), "{conflict}");
}
