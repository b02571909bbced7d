//! Thirty nights of snapshots from a seed: after each night the log says exactly what the files said, by a model that
//! knows nothing of the import, and nothing was recorded without a cause.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;
use throughline::import::mapped::SourceFile;
use throughline::import::mapping::Mapping;
use throughline_domain::fact::envelope::{Envelope, EventId, StreamKind};
use throughline_domain::fact::event::EventType;
use throughline_domain::fact::{History, Recorded};
use uuid::Uuid;

use crate::field::is_full;
use crate::mapped::{Files, MST, import, mapping, mst, on_both_stores, whole_log};
use crate::stores::Fresh;

const NIGHTS: u64 = 30;
const CASES: u64 = 12;

/// Contacts and school terms of the cases of the referrals: two kinds of rows, each with its own columns.
const NIGHTLY: &str = r#"mapping = 1
[source]
system = "nights"
numbers = "referrals"
snapshot = "full"
purges = PURGES
purge_most = 100
[read]
format = "csv"
dates = ["DD/MM/YYYY"]
absent = ["-"]
[[table]]
name = "contacts"
file = "contacts*.csv"
[[table]]
name = "terms"
file = "terms*.csv"
[[record]]
table = "contacts"
id = "{id}"
case = "{case}"
[[record.fact]]
type = "contact_logged"
on = "on"
channel = "channel"
with = { value = "client" }
attendance = { value = "none" }
[[record]]
table = "terms"
id = "{id}"
case = "{case}"
[[record.fact]]
type = "spell_started"
on = "from"
domain = { value = "education" }
hours_per_week = "hours"
[[record.fact]]
type = "spell_ended"
on = "to"
"#;

/// Random numbers from a seed: the same on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % most
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = usize::try_from(self.below(last as u64 + 1)).expect("small");
            items.swap(last, other);
        }
    }
}

/// What a row says.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Says {
    Contact { on: u64, channel: &'static str },
    Term { from: u64, to: Option<u64>, hours: Option<u64> },
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    case: u64,
    says: Says,
}

fn new_row(dice: &mut Dice, is_contact: bool) -> Row {
    let case = dice.below(CASES);
    let says = if is_contact {
        Says::Contact { on: dice.below(28) + 1, channel: ["phone", "letter"][usize::from(dice.one_in(2))] }
    } else {
        let to = dice.one_in(2).then(|| dice.below(28) + 1);
        Says::Term { from: dice.below(28) + 1, to, hours: (!dice.one_in(3)).then(|| dice.below(30) + 1) }
    };
    Row { case, says }
}

/// The source: what it holds tonight, and what it once held and took away.
#[derive(Default)]
struct Source {
    rows: BTreeMap<String, Row>,
    away: BTreeMap<String, Row>,
    former: BTreeMap<String, Row>,
    numbered: u64,
}

impl Source {
    /// A day's work: rows are added, changed, changed back, taken away, brought back, and given to another case.
    fn day(&mut self, dice: &mut Dice) {
        for _ in 0..=dice.below(4) {
            self.numbered += 1;
            let is_contact = dice.one_in(2);
            let id = format!("{}-{}", if is_contact { "K" } else { "S" }, self.numbered);
            self.rows.insert(id, new_row(dice, is_contact));
        }
        let ids: Vec<String> = self.rows.keys().cloned().collect();
        for id in ids {
            match dice.below(24) {
                0..=2 => {
                    let changed = new_row(dice, id.starts_with('K'));
                    let row = self.rows.get_mut(&id).expect("it is there");
                    self.former.insert(id, std::mem::replace(row, Row { case: row.case, ..changed }));
                }
                3 => {
                    if let Some(former) = self.former.remove(&id) {
                        self.rows.insert(id, former);
                    }
                }
                4 => {
                    let gone = self.rows.remove(&id).expect("it is there");
                    self.away.insert(id, gone);
                }
                // Two case records were merged, or one was divided again.
                5 => self.rows.get_mut(&id).expect("it is there").case = dice.below(CASES),
                _ => {}
            }
        }
        let away: Vec<String> = self.away.keys().cloned().collect();
        for id in away {
            if dice.one_in(5) {
                let back = self.away.remove(&id).expect("it is away");
                self.rows.insert(id, back);
            }
        }
    }

    /// The files of the night: columns and rows in any order, in any encoding, in one part or two.
    fn files(&self, dice: &mut Dice, files: &Files) -> Vec<SourceFile> {
        let (contacts, terms): (Vec<_>, Vec<_>) = self.rows.iter().partition(|(id, _)| id.starts_with('K'));
        let mut written = Vec::new();
        for (name, columns, mut rows) in [
            ("contacts", vec!["id", "case", "on", "channel"], contacts),
            ("terms", vec!["id", "case", "from", "to", "hours"], terms),
        ] {
            let mut columns = columns;
            columns.push("remark");
            dice.shuffle(&mut columns);
            dice.shuffle(&mut rows);
            let middle = rows.len() / 2;
            let parts = if dice.one_in(3) { vec![&rows[..middle], &rows[middle..]] } else { vec![&rows[..]] };
            for (nth, part) in parts.into_iter().enumerate() {
                let text = part.iter().fold(format!("{}\n", columns.join(",")), |mut text, (id, row)| {
                    let cells: Vec<String> = columns.iter().map(|column| cell(column, id, row)).collect();
                    writeln!(text, "{}", cells.join(",")).expect("text");
                    text
                });
                written.push(files.with(&format!("{name}-{nth}.csv"), encoded(dice, &text)));
            }
        }
        written
    }
}

fn encoded(dice: &mut Dice, text: &str) -> Vec<u8> {
    match dice.below(4) {
        0 => text.as_bytes().to_vec(),
        1 => format!("\u{feff}{}", text.replace('\n', "\r\n")).into_bytes(),
        2 => format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect(),
        _ => format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_be_bytes).collect(),
    }
}

fn cell(column: &str, id: &str, row: &Row) -> String {
    let nothing = || "-".to_owned();
    match (column, &row.says) {
        ("id", _) => id.to_owned(),
        ("case", _) => format!("R-{}", row.case),
        ("on", Says::Contact { on, .. }) => format!("{on:02}/02/2018"),
        ("channel", Says::Contact { channel, .. }) => (*channel).to_owned(),
        ("from", Says::Term { from, .. }) => format!("{from:02}/02/2018"),
        ("to", Says::Term { to, .. }) => to.map_or_else(nothing, |to| format!("{to:02}/04/2018")),
        ("hours", Says::Term { hours, .. }) => hours.map_or_else(nothing, |hours| hours.to_string()),
        _ => "\u{e9}".to_owned(),
    }
}

/// A record of a case.
type Record = (String, String);

/// What a row says as facts, in words.
fn facts(row: &Row) -> BTreeSet<String> {
    match &row.says {
        Says::Contact { on, channel } => BTreeSet::from([format!("ContactLogged 2018-02-{on:02} {channel}")]),
        Says::Term { from, to, hours } => {
            let hours = hours.map_or_else(|| "null".to_owned(), |hours| hours.to_string());
            let start = format!("SpellStarted 2018-02-{from:02} {hours}");
            std::iter::once(start).chain(to.map(|to| format!("SpellEnded 2018-04-{to:02} "))).collect()
        }
    }
}

/// What the log says of the records of the source, in the same words.
fn recorded(events: &[Envelope], cases: &BTreeMap<Uuid, String>) -> BTreeMap<Record, BTreeSet<String>> {
    let ours: BTreeMap<EventId, String> = events
        .iter()
        .filter_map(|event| {
            let source = event.source.as_ref().filter(|source| source.system == "nights")?;
            Some((event.event_id, source.record_id.clone()?))
        })
        .collect();
    let mut found: BTreeMap<Record, BTreeSet<String>> = BTreeMap::new();
    for (case, name) in cases {
        let of_case = events.iter().filter(|event| event.stream.id == *case);
        let history = History::of(of_case.map(|event| Recorded::decode(event).expect("ours")));
        for fact in history.facts() {
            let Some(record) = ours.get(&fact.original.event_id) else { continue };
            let payload: Value = serde_json::from_str(fact.event.payload().get()).expect("JSON");
            let detail = match fact.event.event_type() {
                EventType::ContactLogged => payload["channel"].as_str().expect("a channel").to_owned(),
                EventType::SpellStarted => payload["hours_per_week"].to_string(),
                _ => String::new(),
            };
            let words = format!("{} {} {detail}", fact.event.event_type().as_str(), fact.occurred.earliest());
            found.entry((name.clone(), record.clone())).or_default().insert(words);
        }
    }
    found
}

/// The number of each case, by the id of its stream.
fn cases_of(events: &[Envelope]) -> BTreeMap<Uuid, String> {
    let received = events.iter().filter(|event| event.event_type == "ReferralReceived");
    let numbered = |event: &Envelope| {
        let source = event.source.as_ref().expect("a source");
        (event.stream.id, source.record_id.clone().expect("a record"))
    };
    received.map(numbered).collect()
}

/// The records that these events are about, by case.
fn touched(events: &[Envelope], cases: &BTreeMap<Uuid, String>, types: &[&str]) -> BTreeSet<Record> {
    let about = |event: &Envelope| {
        let case = if event.stream.kind == StreamKind::Journey {
            event.stream.id
        } else {
            let payload: Value = serde_json::from_str(event.payload.get()).expect("JSON");
            payload["journey"].as_str()?.parse().expect("an id")
        };
        let record = event.source.as_ref().expect("a source").record_id.clone().expect("a record");
        Some((cases[&case].clone(), record))
    };
    events
        .iter()
        .filter(|event| types.is_empty() || types.contains(&event.event_type.as_str()))
        .filter_map(about)
        .collect()
}

/// The model: what the log must say of each record of each case.
struct Model {
    purges: bool,
    says: BTreeMap<Record, BTreeSet<String>>,
    missing: BTreeSet<Record>,
}

impl Model {
    /// Takes a snapshot. Returns the records of which something must be recorded.
    fn take(&mut self, source: &Source) -> BTreeSet<Record> {
        let tonight: BTreeMap<Record, BTreeSet<String>> =
            source.rows.iter().map(|(id, row)| ((format!("R-{}", row.case), id.clone()), facts(row))).collect();
        let before = self.says.clone();
        if self.purges {
            self.says.clone_from(&tonight);
        } else {
            self.says.extend(tonight.clone());
        }
        self.missing = self.says.keys().filter(|record| !tonight.contains_key(*record)).cloned().collect();
        let all = before.keys().chain(self.says.keys());
        all.filter(|record| before.get(*record) != self.says.get(*record)).cloned().collect()
    }
}

async fn thirty_nights(fresh: &Fresh, purges: bool, seed: u64) {
    let files = Files::new();
    let rows: Vec<String> = (0..CASES).map(|case| format!("R-{case},05/01/2018,mid,09/01/2018\n")).collect();
    let referrals = files.with("r.csv", format!("reference,received,area,accepted\n{}", rows.concat()));
    import(fresh, &mapping("referrals"), &[referrals]).await;
    let nightly = Mapping::parse(&NIGHTLY.replace("PURGES", &purges.to_string())).expect("a mapping");
    let (mut dice, mut source) = (Dice(seed), Source::default());
    let mut model = Model { purges, says: BTreeMap::new(), missing: BTreeSet::new() };
    let mut log = whole_log(fresh).await;
    let cases = cases_of(&log);
    for night in 1..=NIGHTS {
        let place = format!("seed {seed}, purges {purges}, night {night}");
        if !dice.one_in(8) {
            source.day(&mut dice);
        }
        let tonight = source.files(&mut dice, &files);
        let (missing, changed) = (model.missing.clone(), model.take(&source));
        let (summary, results) = import(fresh, &nightly, &tonight).await;
        assert_eq!((summary.refused, summary.unreadable), (0, 0), "{place}: {results:#?}");
        let before = std::mem::replace(&mut log, whole_log(fresh).await).len();
        let new = &log[before..];
        assert_eq!(recorded(&log, &cases), model.says, "{place}");
        let (of_imports, of_cases): (Vec<Envelope>, Vec<Envelope>) =
            new.iter().cloned().partition(|event| event.stream.kind == StreamKind::Import);
        assert_eq!(touched(&of_cases, &cases, &[]), changed, "{place}: what was recorded has a cause");
        let lost: BTreeSet<Record> = model.missing.difference(&missing).cloned().collect();
        let back: BTreeSet<Record> = missing.difference(&model.missing).cloned().collect();
        assert_eq!(touched(&of_imports, &cases, &["RowMissing"]), lost, "{place}");
        assert_eq!(touched(&of_imports, &cases, &["RowReturned"]), back, "{place}");
        let digests: BTreeSet<&str> =
            new.iter().filter_map(|event| event.source.as_ref()?.file_digest.as_deref()).collect();
        assert!(digests.iter().all(|digest| digest.len() == 64), "{place}");

        import(fresh, &nightly, &tonight).await;
        assert_eq!(whole_log(fresh).await.len(), log.len(), "{place}: the same night again");
    }
    let corrected = log.iter().filter(|event| event.event_type == "FactCorrected").count();
    assert!(corrected > 20 && model.says.len() > 20, "the nights had little to say: {corrected}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_each_of_thirty_nights_the_log_says_what_the_snapshots_said() {
    let seeds = if is_full() { 10 } else { 1 };
    for seed in 1..=seeds {
        for purges in [false, true] {
            on_both_stores(mst(), MST, async |fresh| thirty_nights(fresh, purges, seed).await).await;
        }
    }
}
