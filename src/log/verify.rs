//! Verify: reads the whole log again and reports everything that was altered or damaged.
//!
//! It trusts nothing: every column is read as bytes and compared with the record, every record with its hash, and the
//! records' order with the head and the stored commands. It repairs nothing, and knows nothing about journeys: the
//! caller supplies the check whether a payload can be read.

mod pages;

use std::collections::{HashMap, HashSet};
use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use uuid::Uuid;

use super::{Log, LogError};
use crate::causes;
use crate::store::{Dialect, Sql, StoreError, columns, doing, is_corrupt, on};
use throughline_domain::fact::envelope::{Envelope, Position, StreamId, hex, leaf_hash};

static PAGE: Sql = Sql::new(
    "select e.position, {raw_uuid e.event_id} as event_id, {raw_text e.stream_kind} as stream_kind, \
     {raw_uuid e.stream_id} as stream_id, {raw_int e.version} as version, {raw_text e.type} as event_type, \
     {raw_text e.contract} as contract, {raw_date e.occurred_on} as occurred_on, \
     {raw_instant e.recorded_at} as recorded_at, {raw_text e.actor} as actor, {raw_uuid e.command_id} as command_id, \
     {raw_text e.record} as record, {raw_bytes e.hash} as hash, \
     {raw_int c.first_position} as first_position, {raw_int c.last_position} as last_position \
     from events e left join commands c on c.actor = e.actor and c.command_id = e.command_id \
     where e.position > $1 order by e.position limit $2",
);

/// The head and the newest event in one statement, so that both are from the same moment.
static HEAD: Sql = Sql::new(
    "select {raw_int h.position} as position, {raw_instant h.recorded_at} as recorded_at, newest.position as newest \
     from (select max(position) as position from events) newest left join log_head h on h.id = 1",
);

static COMMANDS_WITHOUT_EVENTS: Sql = Sql::new(
    "select {raw_text c.actor} as actor, {raw_uuid c.command_id} as command_id, \
     {raw_int c.first_position} as first_position, {raw_int c.last_position} as last_position \
     from commands c where c.last_position >= c.first_position and not exists (\
     select 1 from events e where e.position = c.first_position and e.actor = c.actor \
     and e.command_id = c.command_id) order by c.first_position limit $1",
);

/// The deployment's own keys, and whether there is a pointer to the live view.
static SECRETS: Sql =
    Sql::new("select {raw_text name} as name, {raw_bytes value} as value from secrets order by name limit $1");
static POINTERS: Sql = Sql::new("select count(*) from live_view where id = 1");

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&PAGE, &HEAD, &COMMANDS_WITHOUT_EVENTS, &pages::REACHES, &SECRETS, &POINTERS];

/// The number of events in one read.
const PAGE_SIZE: i64 = 1_000;
/// The default number of findings that are kept. Further ones are only counted.
pub const FINDINGS_KEPT: usize = 1_000;
/// More keys than a log has.
const SECRETS_AT_MOST: i64 = 100;
/// The key with which repeated commands are compared.
const FINGERPRINT_KEY: &str = "command_fingerprint";
const FINGERPRINT_KEY_BYTES: usize = 32;
/// The most characters of a stored value that a finding shows.
const SHOWN: usize = 120;

/// The result of a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The number of events read.
    pub events: u64,
    /// The position of the last event.
    pub position: Position,
    /// The first findings, as many as were requested.
    pub findings: Vec<Finding>,
    /// The total number of findings.
    pub found: u64,
}

impl Verified {
    /// Whether there are no findings.
    pub const fn is_sound(&self) -> bool {
        self.found == 0
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The position in the log. `None` if the finding is about the head.
    pub position: Option<Position>,
    /// The damage.
    pub damage: Damage,
}

/// Damage to an event, a command or the head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Damage {
    /// The record does not match the hash stored beside it. One of them was changed.
    Changed {
        /// The stored hash, in hexadecimal.
        stored: String,
        /// The hash of the current record.
        computed: String,
    },
    /// The record is not an envelope.
    Unreadable(String),
    /// This build cannot read the record's payload.
    Payload(String),
    /// A column differs from the record that it was copied from.
    Column {
        /// The name of the column.
        column: &'static str,
        /// The column's value.
        stored: String,
        /// The value in the record.
        record: String,
    },
    /// Events are missing, from the finding's position to this one.
    Missing(Position),
    /// The event has a position below 1.
    Early,
    /// The stream's versions are not consecutive.
    Version {
        /// The stream.
        stream: StreamId,
        /// The expected version.
        expected: i64,
        /// The version found.
        found: i64,
    },
    /// The event's recording time is earlier than that of the event before it.
    Earlier {
        /// When the event before it was recorded.
        before: DateTime<Utc>,
        /// When this event was recorded.
        recorded_at: DateTime<Utc>,
    },
    /// The stored command and the event disagree.
    Command(String),
    /// The head is not at the last event.
    Head(String),
    /// An index or a page of the file does not match its table, so lookups may miss rows.
    Index(String),
    /// The database cannot read the pages with the events from the finding's position to this one.
    Pages {
        /// The last of these positions, as far as it can be determined.
        to: Position,
        /// The database's error.
        why: String,
    },
    /// A table beside the events was altered or damaged.
    Table {
        /// The name of the table.
        table: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.position, &self.damage) {
            (Some(from), Damage::Missing(to)) if from == *to => write!(f, "position {from}: the event is missing"),
            (Some(from), Damage::Missing(to)) => write!(f, "positions {from} to {to}: the events are missing"),
            (Some(from), Damage::Pages { to, why }) => {
                write!(f, "positions {from} to {to}: the database cannot read them: {why}")
            }
            (Some(position), damage) => write!(f, "position {position}: {damage}"),
            (None, damage) => damage.fmt(f),
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { stored, computed } => {
                write!(f, "the record was changed: its hash is {computed}, stored is {stored}")
            }
            Self::Unreadable(why) => write!(f, "the record cannot be read: {why}"),
            Self::Payload(why) => write!(f, "the payload cannot be read: {why}"),
            Self::Column { column, stored, record } => {
                write!(f, "the column {column} differs from the record: it holds {stored}, the record says {record}")
            }
            Self::Missing(to) => write!(f, "the events up to {to} are missing"),
            Self::Early => f.write_str("there can be no event here: positions start at 1"),
            Self::Version { stream, expected, found } => {
                write!(f, "{stream} continues with version {found} instead of {expected}")
            }
            Self::Earlier { before, recorded_at } => {
                write!(f, "recorded at {recorded_at}, before the previous event ({before})")
            }
            Self::Command(why) => write!(f, "the stored command disagrees: {why}"),
            Self::Head(why) => write!(f, "the head is wrong: {why}"),
            Self::Index(why) => write!(f, "the database's own check fails: {why}"),
            Self::Pages { to, why } => write!(f, "the database cannot read the events up to {to}: {why}"),
            Self::Table { table, why } => write!(f, "the table {table} is damaged: {why}"),
        }
    }
}

columns! {
    /// An event's row, as bytes. Nothing in it is trusted yet.
    struct Row {
        position: i64,
        event_id: Option<Vec<u8>>,
        stream_kind: Option<Vec<u8>>,
        stream_id: Option<Vec<u8>>,
        version: Option<i64>,
        event_type: Option<Vec<u8>>,
        contract: Option<Vec<u8>>,
        occurred_on: Option<Vec<u8>>,
        recorded_at: Option<Vec<u8>>,
        actor: Option<Vec<u8>>,
        command_id: Option<Vec<u8>>,
        record: Option<Vec<u8>>,
        hash: Option<Vec<u8>>,
        first_position: Option<i64>,
        last_position: Option<i64>,
    }
}

columns! {
    struct HeadRow {
        position: Option<i64>,
        recorded_at: Option<Vec<u8>>,
        newest: Option<i64>,
    }
}

columns! {
    struct SecretRow {
        name: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
    }
}

columns! {
    struct CommandRow {
        actor: Option<Vec<u8>>,
        command_id: Option<Vec<u8>>,
        first_position: Option<i64>,
        last_position: Option<i64>,
    }
}

/// Why a payload cannot be read, as the caller reports it.
pub type Unread = Box<dyn std::error::Error + Send + Sync>;

impl Log {
    /// Reads the whole log again and reports the damage, at most [`FINDINGS_KEPT`] findings. `read_payload` checks
    /// whether this build can read an event's payload.
    pub async fn verify(
        &self,
        read_payload: impl FnMut(&Envelope) -> Result<(), Unread>,
    ) -> Result<Verified, LogError> {
        self.verify_naming(FINDINGS_KEPT, read_payload).await
    }

    /// The same, with at most `most` findings.
    pub async fn verify_naming(
        &self,
        most: usize,
        mut read_payload: impl FnMut(&Envelope) -> Result<(), Unread>,
    ) -> Result<Verified, LogError> {
        let mut walk = Walk::new(self.store.dialect(), most);
        let (mut after, mut size, mut is_asked_again) = (Position(i64::MIN), PAGE_SIZE, false);
        loop {
            match self.rows_after(after, size).await {
                Ok(rows) if rows.is_empty() => {
                    if walk.ends(self.head_row().await)? {
                        break;
                    }
                    // Another process may have appended since the last page. An event is missing only if it is not
                    // found twice.
                    if is_asked_again {
                        walk.find(None, Damage::Head("it counts a later event, which is not found".to_owned()));
                        break;
                    }
                    is_asked_again = true;
                }
                Ok(rows) => {
                    for row in &rows {
                        walk.step(row, &mut read_payload);
                    }
                    (after, is_asked_again) = (rows.last().map_or(after, |last| Position(last.position)), false);
                }
                // The events before the unreadable page are read one by one.
                Err(error) if is_corrupt(&error) && size > 1 => size = (size / 10).max(1),
                Err(error) if is_corrupt(&error) => {
                    let Some(readable) = self.readable_after(after).await else {
                        walk.ends(self.head_row().await)?;
                        break;
                    };
                    (after, size) = (readable, PAGE_SIZE);
                    walk.skip_unreadable_up_to(after, causes::in_words(&error));
                }
                Err(error) => return Err(error.into()),
            }
        }
        match self.commands_without_events(most).await {
            Ok(commands) => commands.iter().for_each(|command| walk.command_without_events(command)),
            Err(error) => walk.cannot_read("commands", error)?,
        }
        match self.secrets().await {
            Ok(secrets) => walk.secrets(&secrets),
            Err(error) => walk.cannot_read("secrets", error)?,
        }
        match self.pointers().await {
            Ok(1) => {}
            Ok(_) => {
                let why = "it names no live view: run `throughline rebuild` to build one".to_owned();
                walk.find(None, Damage::Table { table: "live_view", why });
            }
            Err(error) => walk.cannot_read("live_view", error)?,
        }
        let tables = ["events", "commands", "log_head", "live_view", "secrets"];
        match self.store.check_indexes(&tables, most).await {
            Ok(wrong) => wrong.into_iter().for_each(|wrong| walk.find(None, Damage::Index(wrong))),
            Err(error) if is_corrupt(&error) => walk.find(None, Damage::Index(causes::in_words(&error))),
            Err(error) => return Err(error.into()),
        }
        Ok(walk.done())
    }

    async fn secrets(&self) -> Result<Vec<SecretRow>, StoreError> {
        let reader = &self.store.reader;
        let sql = SECRETS.text(reader.dialect());
        let rows = on!(reader, pool => sqlx::query_as(sql).bind(SECRETS_AT_MOST).fetch_all(pool).await);
        rows.map_err(doing("read the keys to verify them"))
    }

    async fn pointers(&self) -> Result<i64, StoreError> {
        let reader = &self.store.reader;
        let sql = POINTERS.text(reader.dialect());
        let count: sqlx::Result<(i64,)> = on!(reader, pool => sqlx::query_as(sql).fetch_one(pool).await);
        count.map(|(count,)| count).map_err(doing("look for the pointer to the live view"))
    }

    async fn head_row(&self) -> Result<HeadRow, StoreError> {
        let reader = &self.store.reader;
        let sql = HEAD.text(reader.dialect());
        let row = on!(reader, pool => sqlx::query_as(sql).fetch_one(pool).await);
        row.map_err(doing("read the head to verify it"))
    }

    async fn commands_without_events(&self, most: usize) -> Result<Vec<CommandRow>, StoreError> {
        let reader = &self.store.reader;
        let sql = COMMANDS_WITHOUT_EVENTS.text(reader.dialect());
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = on!(reader, pool => sqlx::query_as(sql).bind(most).fetch_all(pool).await);
        rows.map_err(doing("read the commands to verify them"))
    }
}

/// The events of a command, as far as the walk has read.
struct Run {
    command: (Option<Vec<u8>>, Option<Vec<u8>>),
    last: i64,
}

/// The walk through the log: the state that the next event must follow.
struct Walk {
    dialect: Dialect,
    /// The most findings to keep.
    most: usize,
    events: u64,
    position: Position,
    recorded_at: Option<DateTime<Utc>>,
    versions: HashMap<StreamId, i64>,
    run: Option<Run>,
    findings: Vec<Finding>,
    found: u64,
    /// Whether unreadable events were skipped. If so, versions after them need not be consecutive.
    has_gap: bool,
    /// Positions with a finding, so that consequences of it are not reported again.
    named: HashSet<i64>,
}

impl Walk {
    fn new(dialect: Dialect, most: usize) -> Self {
        Self {
            dialect,
            most,
            events: 0,
            position: Position::default(),
            recorded_at: None,
            versions: HashMap::new(),
            run: None,
            findings: Vec::new(),
            found: 0,
            has_gap: false,
            named: HashSet::new(),
        }
    }

    fn done(self) -> Verified {
        Verified { events: self.events, position: self.position, findings: self.findings, found: self.found }
    }

    fn find(&mut self, position: Option<Position>, damage: Damage) {
        self.found += 1;
        if self.findings.len() < self.most {
            self.named.extend(position.map(|position| position.0));
            self.findings.push(Finding { position, damage });
        }
    }

    /// Skips events that the database cannot read.
    fn skip_unreadable_up_to(&mut self, to: Position, why: String) {
        let from = self.position.next();
        self.find(Some(from), Damage::Pages { to, why });
        self.position = to;
        (self.run, self.has_gap) = (None, true);
    }

    /// Reports a table that the database cannot read. Other errors end the verification.
    fn cannot_read(&mut self, table: &'static str, error: StoreError) -> Result<(), StoreError> {
        if !is_corrupt(&error) {
            return Err(error);
        }
        self.find(None, Damage::Table { table, why: causes::in_words(&error) });
        Ok(())
    }

    /// Whether the log ends here, according to its head. Reports what is wrong with the head.
    fn ends(&mut self, head: Result<HeadRow, StoreError>) -> Result<bool, StoreError> {
        match head {
            Ok(head) if head.newest.is_some_and(|newest| newest > self.position.0) => return Ok(false),
            Ok(head) => self.head(&head),
            Err(error) => self.cannot_read("log_head", error)?,
        }
        Ok(true)
    }

    /// Checks the key with which repeated commands are compared.
    fn secrets(&mut self, secrets: &[SecretRow]) {
        let key = secrets.iter().find(|secret| secret.name.as_deref() == Some(FINGERPRINT_KEY.as_bytes()));
        let why = match key.map(|key| key.value.as_deref().unwrap_or_default().len()) {
            Some(FINGERPRINT_KEY_BYTES) => return,
            Some(bytes) => format!("its {FINGERPRINT_KEY} has {bytes} bytes and not {FINGERPRINT_KEY_BYTES}"),
            None => format!("its {FINGERPRINT_KEY} is missing: commands cannot be recorded"),
        };
        self.find(None, Damage::Table { table: "secrets", why });
    }

    fn step(&mut self, row: &Row, read_payload: &mut impl FnMut(&Envelope) -> Result<(), Unread>) {
        let position = Position(row.position);
        let next = self.position.next();
        if position > next {
            self.find(Some(next), Damage::Missing(Position(row.position - 1)));
            self.run = None;
        } else if position < next {
            // Only at the beginning, because the rows are in order.
            self.find(Some(position), Damage::Early);
        }
        self.events += 1;
        let found_before = self.found;
        let envelope = self.record(row);
        if let Some(envelope) = &envelope {
            self.columns(row, envelope);
            if let Err(error) = read_payload(envelope) {
                self.find(Some(position), Damage::Payload(causes::in_words(&*error)));
            }
        }
        let is_sound = self.found == found_before;
        self.order(row, envelope.as_ref().filter(|_| is_sound));
        if is_sound {
            self.command(row);
        } else {
            self.run = None;
        }
        self.position = self.position.max(position);
    }

    /// Hashes the record again and parses it.
    fn record(&mut self, row: &Row) -> Option<Envelope> {
        let position = Some(Position(row.position));
        let bytes = row.record.as_deref().unwrap_or_default();
        let stored = row.hash.as_deref().unwrap_or_default();
        let text = std::str::from_utf8(bytes);
        let computed = text.map(|text| leaf_hash(text).to_vec());
        if computed.as_deref() != Ok(stored) {
            let computed = computed.map_or_else(|_| "of bytes that are not UTF-8".to_owned(), |hash| hex(&hash));
            self.find(position, Damage::Changed { stored: hex(stored), computed });
        }
        match text.map(Envelope::from_record) {
            Ok(Ok(envelope)) => Some(envelope),
            Ok(Err(error)) => {
                self.find(position, Damage::Unreadable(causes::in_words(&error)));
                None
            }
            Err(_) => None,
        }
    }

    /// Compares each column with the record.
    fn columns(&mut self, row: &Row, envelope: &Envelope) {
        let recorded_at = match self.dialect {
            Dialect::Sqlite => envelope.recorded_at.to_rfc3339_opts(SecondsFormat::AutoSi, false),
            Dialect::Postgres => envelope.recorded_at.to_rfc3339_opts(SecondsFormat::Micros, true),
        };
        let occurred_on = envelope.occurred.earliest().to_string();
        let uuids = [
            ("event_id", &row.event_id, envelope.event_id.0),
            ("stream_id", &row.stream_id, envelope.stream.id),
            ("command_id", &row.command_id, envelope.command_id.0),
        ];
        let numbers =
            [("position", Some(row.position), envelope.position.0), ("version", row.version, envelope.version)];
        let texts = [
            ("stream_kind", &row.stream_kind, Some(envelope.stream.kind.as_str())),
            ("type", &row.event_type, Some(envelope.event_type.as_str())),
            ("contract", &row.contract, envelope.contract.as_deref()),
            ("occurred_on", &row.occurred_on, Some(occurred_on.as_str())),
            ("recorded_at", &row.recorded_at, Some(recorded_at.as_str())),
            ("actor", &row.actor, Some(envelope.actor.subject.as_str())),
        ];
        let mut differs = |column, stored: String, record: String| {
            self.find(Some(Position(row.position)), Damage::Column { column, stored, record });
        };
        for (column, stored, record) in numbers {
            if stored != Some(record) {
                differs(column, stored.map_or_else(nothing, |number| number.to_string()), record.to_string());
            }
        }
        for (column, stored, record) in uuids {
            if stored.as_deref() != Some(record.as_bytes()) {
                differs(column, shown_id(stored.as_deref()), record.to_string());
            }
        }
        for (column, stored, record) in texts {
            if stored.as_deref() != record.map(str::as_bytes) {
                differs(column, shown(stored.as_deref()), shown(record.map(str::as_bytes)));
            }
        }
    }

    /// Checks that versions are consecutive and recording times never decrease. A damaged row is placed by its columns.
    fn order(&mut self, row: &Row, envelope: Option<&Envelope>) {
        let position = Some(Position(row.position));
        let stream = envelope.map_or_else(|| stream_of(row), |envelope| Some(envelope.stream));
        let version = envelope.map_or(row.version, |envelope| Some(envelope.version));
        if let (Some(stream), Some(found)) = (stream, version) {
            let expected = self.versions.get(&stream).copied().unwrap_or(0) + 1;
            if found != expected && !(self.has_gap && found > expected) {
                self.find(position, Damage::Version { stream, expected, found });
            }
            self.versions.insert(stream, found.max(expected));
        }
        let recorded_at = envelope.map_or_else(|| instant(row.recorded_at.as_deref()), |known| Some(known.recorded_at));
        let Some(recorded_at) = recorded_at else { return };
        match self.recorded_at {
            Some(before) if recorded_at < before => self.find(position, Damage::Earlier { before, recorded_at }),
            _ => {}
        }
        self.recorded_at = Some(recorded_at);
    }

    /// Checks that every event is stored under its command's id, together with that command's other events and no more.
    fn command(&mut self, row: &Row) {
        let position = Some(Position(row.position));
        let id = shown_id(row.command_id.as_deref());
        let command = (row.actor.clone(), row.command_id.clone());
        let before = self.run.take();
        let continues = before.as_ref().is_some_and(|run| run.command == command);
        if let Some(run) = before.filter(|run| !continues && run.last >= row.position) {
            let other = shown_id(run.command.1.as_deref());
            self.find(position, Damage::Command(format!("{other} claims this event, which belongs to {id}")));
        }
        let (Some(first), Some(last)) = (row.first_position, row.last_position) else {
            self.find(position, Damage::Command(format!("{id} is not stored")));
            return;
        };
        if row.position < first || row.position > last {
            let why = format!("{id} is stored with positions {first} to {last}");
            self.find(position, Damage::Command(why));
        } else if !continues && first < row.position && self.position.0 == row.position - 1 && self.is_whole_before(row)
        {
            let why = format!("{id} is stored from position {first}, which holds other events");
            self.find(position, Damage::Command(why));
        }
        self.run = Some(Run { command, last });
    }

    /// Whether the position before has no finding, so that this is not a consequence of it.
    fn is_whole_before(&self, row: &Row) -> bool {
        !self.named.contains(&(row.position - 1))
    }

    fn command_without_events(&mut self, command: &CommandRow) {
        let first = command.first_position.unwrap_or_default();
        let missing_before = |finding: &Finding| match (finding.position, &finding.damage) {
            (Some(from), Damage::Missing(to)) => (from.0..=to.0).contains(&first),
            _ => false,
        };
        if self.named.contains(&first) || self.findings.iter().any(missing_before) {
            return;
        }
        let last = command.last_position.unwrap_or_default();
        let (id, actor) = (shown_id(command.command_id.as_deref()), shown(command.actor.as_deref()));
        let why =
            format!("{id} of {actor} is stored with positions {first} to {last}, which hold no event of this command");
        self.find(Some(Position(first)), Damage::Command(why));
    }

    /// Checks that the head is at the last event, with that event's recording time.
    fn head(&mut self, head: &HeadRow) {
        let last = self.position.0;
        let Some(position) = head.position else {
            self.find(None, Damage::Head("its row is missing".to_owned()));
            return;
        };
        if position > last {
            let why = format!(
                "it is at {position}, but the last event is at {last}: the head was moved, or events are missing"
            );
            self.find(None, Damage::Head(why));
        } else if position < last {
            self.find(None, Damage::Head(format!("it is at {position}, but the last event is at {last}")));
        } else if let Some(recorded_at) = self.recorded_at.filter(|_| !self.named.contains(&last))
            && instant(head.recorded_at.as_deref()) != Some(recorded_at)
        {
            let says = shown(head.recorded_at.as_deref());
            self.find(None, Damage::Head(format!("it says {says}, but the last event was recorded at {recorded_at}")));
        }
    }
}

fn stream_of(row: &Row) -> Option<StreamId> {
    let kind = std::str::from_utf8(row.stream_kind.as_deref()?).ok()?.parse().ok()?;
    Some(StreamId { kind, id: Uuid::from_slice(row.stream_id.as_deref()?).ok()? })
}

fn instant(stored: Option<&[u8]>) -> Option<DateTime<Utc>> {
    let text = std::str::from_utf8(stored?).ok()?;
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc())
}

fn nothing() -> String {
    "nothing".to_owned()
}

/// A stored value as a finding shows it: as text if it is text, and shortened.
fn shown(stored: Option<&[u8]>) -> String {
    let Some(bytes) = stored else { return nothing() };
    match std::str::from_utf8(bytes) {
        Ok(text) if text.chars().count() > SHOWN => format!("{:?}…", text.chars().take(SHOWN).collect::<String>()),
        Ok(text) => format!("{text:?}"),
        Err(_) => format!("the bytes {}", hex(&bytes[..bytes.len().min(SHOWN / 2)])),
    }
}

fn shown_id(stored: Option<&[u8]>) -> String {
    let id = stored.and_then(|bytes| Uuid::from_slice(bytes).ok());
    id.map_or_else(|| shown(stored), |id| id.to_string())
}
