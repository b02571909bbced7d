//! The format in which events are imported and exported: one CloudEvents 1.0 JSON object on a line.
//!
//! Pure: it reads and writes text and does not use files, the log or a clock. It never guesses: an unknown key in
//! `data` or in a payload is an error that names the key. Reading a written line gives the same envelope again, except
//! for the salt, which only a line for a restore carries.
//!
//! `sequence` is the position. The CloudEvents sequence extension requires strings that sort as text, so it is written
//! with leading zeros. When reading, a number or a string without leading zeros is accepted too.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Offset as _, SecondsFormat};
use chrono::{LocalResult, SubsecRound as _, TimeZone as _, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use throughline_domain::command::validate;
use throughline_domain::contract::civil_day::start_of_day;
use throughline_domain::fact::envelope::{
    Actor, CommandId, Envelope, EnvelopeError, EventId, Occurred, Position, Precision, Source, StreamId, StreamKind,
    hex,
};
use throughline_domain::fact::event::{DecodeError, Event, EventType};

/// The `source` of the events that we write.
pub const SOURCE: &str = "throughline";
/// The supported version of CloudEvents.
const SPEC_VERSION: &str = "1.0";
/// The content type of `data`.
const JSON: &str = "application/json";
/// The number of digits of the greatest position.
const SEQUENCE_DIGITS: usize = 19;

/// An event as read from a line.
#[derive(Debug, Clone)]
pub struct CloudEvent {
    /// The line's id: the event's id if the line comes from an export, and the command's id when it is imported.
    pub id: Uuid,
    /// The CloudEvents source.
    pub source: String,
    /// The type of event.
    pub event_type: EventType,
    /// The version of the payload format.
    pub schema_version: u16,
    /// The stream of the event.
    pub stream: StreamId,
    /// The time of the fact.
    pub time: Time,
    /// When a log recorded it.
    pub recorded_at: Option<DateTime<Utc>>,
    /// Its position in that log.
    pub sequence: Option<Position>,
    /// The extensions of a line for a restore.
    pub kept: Option<Kept>,
    /// The `data` of the line.
    pub data: Data,
}

/// The extensions of a line from which the same record can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// The position of the line before it in the same file. Zero for the first line.
    pub after: Position,
    /// The record's salt.
    pub salt: [u8; 16],
    /// The stored hash of the record.
    pub hash: [u8; 32],
}

/// The `data` of an event's line.
#[derive(Debug, Clone)]
pub struct Data {
    /// The contract's code.
    pub contract: Option<String>,
    /// The version of the event in its stream.
    pub version: Option<i64>,
    /// The precision of its date.
    pub precision: Precision,
    /// The local time of the fact: not given, given as null, or given.
    pub local_time: Option<Option<NaiveTime>>,
    /// Who recorded it.
    pub actor: Option<Actor>,
    /// The source of the fact.
    pub source: Option<Source>,
    /// The command that recorded it.
    pub command_id: Option<CommandId>,
    /// The correlation id, which related events share.
    pub correlation_id: Option<Uuid>,
    /// The event that caused it.
    pub causation_id: Option<EventId>,
    /// The payload, as written.
    pub payload: Box<RawValue>,
}

/// The `time` of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// A civil date.
    Date(NaiveDate),
    /// An instant, with the offset as written.
    Instant(DateTime<FixedOffset>),
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineError {
    /// The key, with dots. `None` if the error is about the whole line.
    pub key: Option<String>,
    /// What is wrong and how to fix it.
    pub message: String,
}

impl LineError {
    /// An error about a whole line.
    pub fn line(message: impl Into<String>) -> Self {
        Self { key: None, message: message.into() }
    }

    /// An error about one key.
    pub fn at(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { key: Some(key.into()), message: message.into() }
    }
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "{key}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for LineError {}

/// The keys of a line in the order in which they are written.
#[derive(Serialize)]
struct Written<'a> {
    specversion: &'static str,
    id: EventId,
    source: &'static str,
    #[serde(rename = "type")]
    event_type: String,
    subject: String,
    time: String,
    recordedtime: String,
    sequence: String,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    kept: Option<WrittenKept>,
    datacontenttype: &'static str,
    data: WrittenData<'a>,
}

/// The CloudEvents extensions of a line for a restore.
#[derive(Serialize)]
struct WrittenKept {
    aftersequence: String,
    recordsalt: String,
    recordhash: String,
}

#[derive(Serialize)]
struct WrittenData<'a> {
    contract: Option<&'a str>,
    version: i64,
    precision: Precision,
    local_time: Option<NaiveTime>,
    actor: &'a Actor,
    source: Option<&'a Source>,
    command_id: CommandId,
    correlation_id: Option<Uuid>,
    causation_id: Option<EventId>,
    payload: &'a RawValue,
}

/// The line of an event, without a line end. `zone` is the zone of the contract's dates.
pub fn to_line(envelope: &Envelope, zone: Tz) -> String {
    written(envelope, zone, None)
}

/// The line of an event with the extensions from which a restore makes the same record.
pub fn to_kept_line(envelope: &Envelope, zone: Tz, kept: Kept) -> String {
    let kept =
        WrittenKept { aftersequence: digits(kept.after), recordsalt: hex(&kept.salt), recordhash: hex(&kept.hash) };
    written(envelope, zone, Some(kept))
}

fn digits(position: Position) -> String {
    format!("{:0SEQUENCE_DIGITS$}", position.0)
}

fn written(envelope: &Envelope, zone: Tz, kept: Option<WrittenKept>) -> String {
    let event_type = EventType::named(&envelope.event_type).map_or_else(
        || {
            format!(
                "throughline.{}.{}.v{}",
                envelope.stream.kind.as_str(),
                envelope.event_type,
                envelope.schema_version
            )
        },
        |known| known.cloud_event_type(envelope.stream.kind, envelope.schema_version),
    );
    let written = Written {
        specversion: SPEC_VERSION,
        id: envelope.event_id,
        source: SOURCE,
        event_type,
        subject: envelope.stream.to_string(),
        time: time_of(envelope.occurred, zone).to_rfc3339_opts(SecondsFormat::AutoSi, true),
        recordedtime: envelope.recorded_at.to_rfc3339_opts(SecondsFormat::Micros, true),
        sequence: digits(envelope.position),
        kept,
        datacontenttype: JSON,
        data: WrittenData {
            contract: envelope.contract.as_deref(),
            version: envelope.version,
            precision: envelope.occurred.precision(),
            local_time: envelope.occurred.local_time(),
            actor: &envelope.actor,
            source: envelope.source.as_ref(),
            command_id: envelope.command_id,
            correlation_id: envelope.correlation_id,
            causation_id: envelope.causation_id,
            payload: &envelope.payload,
        },
    };
    serde_json::to_string(&written).expect("an envelope can be written as JSON")
}

/// The instant at which a fact's first day or local time begins in a zone.
fn time_of(occurred: Occurred, zone: Tz) -> DateTime<FixedOffset> {
    let began = || start_of_day(occurred.earliest(), zone);
    let local = occurred.local_time().map(|time| occurred.earliest().and_time(time));
    let at = local.and_then(|local| zone.from_local_datetime(&local).earliest()).map(|at| at.to_utc());
    at.unwrap_or_else(began).with_timezone(&zone).fixed_offset()
}

/// The keys of a line as they are read. Unknown keys are extensions and are ignored.
#[derive(Deserialize)]
#[serde(expecting = "one CloudEvents JSON object")]
struct Read<'a> {
    #[serde(borrow)]
    specversion: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow, rename = "type")]
    event_type: Option<&'a RawValue>,
    #[serde(borrow)]
    subject: Option<&'a RawValue>,
    #[serde(borrow)]
    time: Option<&'a RawValue>,
    #[serde(borrow)]
    recordedtime: Option<&'a RawValue>,
    #[serde(borrow)]
    sequence: Option<&'a RawValue>,
    #[serde(borrow)]
    aftersequence: Option<&'a RawValue>,
    #[serde(borrow)]
    recordsalt: Option<&'a RawValue>,
    #[serde(borrow)]
    recordhash: Option<&'a RawValue>,
    #[serde(borrow)]
    datacontenttype: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// The keys of `data`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct ReadData<'a> {
    #[serde(borrow)]
    contract: Option<&'a RawValue>,
    #[serde(borrow)]
    version: Option<&'a RawValue>,
    #[serde(borrow)]
    precision: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    local_time: Option<&'a RawValue>,
    #[serde(borrow)]
    actor: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow)]
    command_id: Option<&'a RawValue>,
    #[serde(borrow)]
    correlation_id: Option<&'a RawValue>,
    #[serde(borrow)]
    causation_id: Option<&'a RawValue>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

/// A key that is present, even if it holds null.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

/// Reads a line.
pub fn from_line(line: &str) -> Result<CloudEvent, LineError> {
    let read: Read<'_> = serde_json::from_str(line).map_err(|error| LineError::line(not_json(&error)))?;
    if let Some(version) = optional::<String>("specversion", read.specversion)?.filter(|is| is != SPEC_VERSION) {
        return Err(LineError::at("specversion", format!("{version:?} is not supported: write \"{SPEC_VERSION}\"")));
    }
    if let Some(content) = optional::<String>("datacontenttype", read.datacontenttype)?.filter(|is| is != JSON) {
        return Err(LineError::at("datacontenttype", format!("{content:?} is not supported: write \"{JSON}\"")));
    }
    let id = required("id", read.id, "write the event's UUID")?;
    let type_name: String =
        required("type", read.event_type, "write one such as throughline.journey.contact_logged.v1")?;
    let (event_type, kind, schema_version) = known_type(&type_name)?;
    let subject: String = required("subject", read.subject, "write journey/ and the journey's UUID")?;
    let stream = stream_of(&subject, event_type, kind)?;
    let time = time(&required::<String>("time", read.time, "write the date of the fact")?)?;
    let recorded_at = optional::<DateTime<Utc>>("recordedtime", read.recordedtime)?;
    Ok(CloudEvent {
        id,
        source: optional("source", read.source)?.unwrap_or_default(),
        event_type,
        schema_version,
        stream,
        time,
        recorded_at: recorded_at.map(|at| at.trunc_subsecs(6)),
        sequence: read.sequence.map(sequence).transpose()?,
        kept: kept(read.aftersequence, read.recordsalt, read.recordhash)?,
        data: data(read.data)?,
    })
}

/// The extensions for a restore, all of them or none. If one is missing, the names may have another meaning in the
/// file.
fn kept(after: Option<&RawValue>, salt: Option<&RawValue>, hash: Option<&RawValue>) -> Result<Option<Kept>, LineError> {
    let (Some(after), Some(salt), Some(hash)) = (after, salt, hash) else { return Ok(None) };
    let after: String = required("aftersequence", Some(after), "write the sequence of the line before")?;
    let digits = after.parse().ok().filter(|position| *position >= 0).map(Position);
    let after = digits.ok_or_else(|| LineError::at("aftersequence", "not a position: write a whole number from 0"))?;
    let (salt, hash) = (bytes("recordsalt", salt)?, bytes("recordhash", hash)?);
    Ok(Some(Kept { after, salt, hash }))
}

fn bytes<const LENGTH: usize>(key: &str, raw: &RawValue) -> Result<[u8; LENGTH], LineError> {
    let text: String = required(key, Some(raw), "write the value in hexadecimal")?;
    let bytes = text.as_bytes().chunks(2).map(|two| {
        let two = std::str::from_utf8(two).ok().filter(|two| two.len() == 2 && !two.starts_with('+'))?;
        u8::from_str_radix(two, 16).ok()
    });
    let bytes: Option<Vec<u8>> = bytes.collect();
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| {
        LineError::at(key, format!("not {LENGTH} bytes in hexadecimal: leave the line as it was exported"))
    })
}

/// The id of a line that could not be read, if the line has one.
pub fn id_of(line: &str) -> Option<Uuid> {
    #[derive(Deserialize)]
    struct Identified {
        id: Uuid,
    }
    serde_json::from_str(line).ok().map(|Identified { id }| id)
}

fn data(raw: Option<&RawValue>) -> Result<Data, LineError> {
    let read: ReadData<'_> = required("data", raw, "write an object with contract and payload")?;
    let payload = read.payload.ok_or_else(|| LineError::at("data.payload", "missing: write the facts as an object"))?;
    if !payload.get().starts_with('{') {
        return Err(LineError::at("data.payload", "not an object: write the facts as an object"));
    }
    let local_time = match read.local_time {
        None => None,
        some => Some(optional("data.local_time", some)?),
    };
    Ok(Data {
        contract: optional("data.contract", read.contract)?,
        version: optional("data.version", read.version)?,
        precision: optional("data.precision", read.precision)?.unwrap_or_default(),
        local_time,
        actor: optional("data.actor", read.actor)?,
        source: optional("data.source", read.source)?,
        command_id: optional("data.command_id", read.command_id)?,
        correlation_id: optional("data.correlation_id", read.correlation_id)?,
        causation_id: optional("data.causation_id", read.causation_id)?,
        payload: payload.to_owned(),
    })
}

impl CloudEvent {
    /// When the fact happened, as a civil date in the zone of its contract.
    ///
    /// An instant is converted to the zone (2022-03-31T23:30Z is 1 April in London). Its time of day counts unless
    /// `data.local_time` is given. Without a zone, the date is taken as written.
    pub fn occurred(&self, zone: Option<Tz>) -> Result<Occurred, LineError> {
        let (on, time_of_day) = match self.time {
            Time::Date(date) => (date, None),
            Time::Instant(at) => {
                let local = zone.map_or(at.naive_local(), |zone| local_in(at, zone));
                (local.date(), Some(local.time()).filter(|time| *time != NaiveTime::MIN))
            }
        };
        let local_time = self.data.local_time.unwrap_or(time_of_day);
        if self.data.precision != Precision::Day && self.data.local_time.flatten().is_some() {
            let message = "a fact with precision month or year has no time of day: leave out local_time, or write \
                precision day";
            return Err(LineError::at("data.local_time", message));
        }
        Ok(Occurred::within(on, self.data.precision).at(local_time))
    }

    /// The payload as an event of its type.
    pub fn event(&self) -> Result<Event, LineError> {
        Event::decode(self.event_type.as_str(), self.schema_version, self.data.payload.get()).map_err(payload_error)
    }
}

/// Refuses an event with a number that cannot be stored exactly or is out of range. This also applies to events
/// imported as recorded.
pub fn check_numbers(event: &Event) -> Result<(), LineError> {
    let payload = if matches!(event, Event::FactCorrected(_)) { "data.payload.payload" } else { "data.payload" };
    validate::check_numbers(event).map_err(|refusals| {
        let first = refusals.into_iter().next().expect("a refusal says something");
        let at = first.path.map_or_else(|| payload.to_owned(), |path| format!("{payload}.{path}"));
        LineError::at(at, first.message)
    })
}

/// The civil time of an instant in a zone. A time written with the zone's own offset does not change.
fn local_in(at: DateTime<FixedOffset>, zone: Tz) -> NaiveDateTime {
    let written = at.naive_local();
    // Offsets are written in whole minutes, but some historical offsets had seconds.
    let is_own = |offset: i32| (offset - at.offset().local_minus_utc()).abs() < 60;
    let own = match zone.offset_from_local_datetime(&written) {
        LocalResult::Single(offset) => is_own(offset.fix().local_minus_utc()),
        LocalResult::Ambiguous(one, other) => {
            is_own(one.fix().local_minus_utc()) || is_own(other.fix().local_minus_utc())
        }
        LocalResult::None => false,
    };
    if own { written } else { at.with_timezone(&zone).naive_local() }
}

/// The names of the current event types, computed once so that a long file does not build them for each line.
fn present_types() -> &'static HashMap<String, (EventType, StreamKind, u16)> {
    static NAMES: LazyLock<HashMap<String, (EventType, StreamKind, u16)>> = LazyLock::new(|| {
        let kinds = |of: &EventType| of.stream_kinds().iter().map(|kind| (*of, *kind)).collect::<Vec<_>>();
        let present = EventType::ALL.iter().flat_map(kinds).map(|(of, kind)| (of, kind, of.schema_version()));
        present.map(|(of, kind, version)| (of.cloud_event_type(kind, version), (of, kind, version))).collect()
    });
    &NAMES
}

fn known_type(name: &str) -> Result<(EventType, StreamKind, u16), LineError> {
    let present = present_types().get(name).copied();
    let Some((event_type, kind, version)) = present.or_else(|| EventType::from_cloud_event_type(name)) else {
        let message =
            format!("this build does not know the type {}: leave out the line, or use a later build", cut(name));
        return Err(LineError::at("type", message));
    };
    if version == 0 || version > event_type.schema_version() {
        let newest = event_type.cloud_event_type(kind, event_type.schema_version());
        let message =
            format!("this build does not know version {version} of the type: write {newest}, or use a later build");
        return Err(LineError::at("type", message));
    }
    Ok((event_type, kind, version))
}

fn stream_of(subject: &str, event_type: EventType, kind: StreamKind) -> Result<StreamId, LineError> {
    let stream: StreamId = match subject.strip_prefix("contract/") {
        // A contract may be named by its code, because the id of its stream is derived from the code.
        Some(code) if Uuid::parse_str(code).is_err() => StreamId::contract(code),
        _ => subject.parse().map_err(|error: EnvelopeError| LineError::at("subject", error.to_string()))?,
    };
    if stream.kind != kind {
        let message = format!(
            "{} belongs to a {2}, not a {}: write {2}/ and its UUID",
            event_type.as_str(),
            stream.kind.as_str(),
            kind.as_str()
        );
        return Err(LineError::at("subject", message));
    }
    Ok(stream)
}

fn time(text: &str) -> Result<Time, LineError> {
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(Time::Date(date));
    }
    DateTime::parse_from_rfc3339(text).map(Time::Instant).map_err(|_| {
        let message = format!("{} is not a date: write YYYY-MM-DD, or RFC 3339 with its offset", cut(text));
        LineError::at("time", message)
    })
}

fn sequence(raw: &RawValue) -> Result<Position, LineError> {
    let text = raw.get().trim_matches('"');
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let position = text.parse().ok().filter(|position| digits && *position > 0);
    position.map(Position).ok_or_else(|| {
        LineError::at("sequence", format!("{} is not a position: write a whole number from 1", cut(raw.get())))
    })
}

fn required<'a, T: Deserialize<'a>>(key: &str, raw: Option<&'a RawValue>, remedy: &str) -> Result<T, LineError> {
    optional(key, raw)?.ok_or_else(|| LineError::at(key, format!("missing: {remedy}")))
}

fn optional<'a, T: Deserialize<'a>>(key: &str, raw: Option<&'a RawValue>) -> Result<Option<T>, LineError> {
    let Some(raw) = raw else { return Ok(None) };
    serde_json::from_str(raw.get()).map_err(|error| located(key, &error))
}

/// An error from reading JSON under a key. Names the key beneath it if serde names one.
fn located(key: &str, error: &serde_json::Error) -> LineError {
    let text = error.to_string();
    // The column is relative to a part of the line, so it is removed.
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    let named = text.split('`').nth(1);
    match named {
        Some(field) if text.starts_with("unknown field") => {
            let known = text.split_once(", ").map_or("", |(_, known)| known);
            LineError::at(format!("{key}.{field}"), format!("unknown key: leave out the key ({known})"))
        }
        Some(field) if text.starts_with("missing field") => {
            LineError::at(format!("{key}.{field}"), "missing: write a value")
        }
        _ => LineError::at(key, format!("cannot be read: {text}")),
    }
}

/// Why a payload cannot be read, with its key if known.
pub fn payload_error(error: DecodeError) -> LineError {
    match error {
        DecodeError::Payload { source, .. } => located("data.payload", &source),
        DecodeError::UnknownType(_) | DecodeError::UnknownVersion { .. } => LineError::at("type", error.to_string()),
    }
}

fn not_json(error: &serde_json::Error) -> String {
    if error.is_data() {
        let text = error.to_string();
        return format!("not a CloudEvent ({text}): write one JSON object on each line");
    }
    format!("not JSON at column {} ({}): write one JSON object on each line", error.column(), reason(error))
}

fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text).to_owned()
}

/// A text from outside, shortened for an error message.
fn cut(text: &str) -> String {
    format!("{:?}", text.chars().take(80).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONDON: Tz = chrono_tz::Europe::London;

    fn line(time: &str, data: &str) -> String {
        format!(
            r#"{{"specversion":"1.0","id":"1e582dfa-7468-5240-bcd8-82e5aca601c4","source":"x","type":"throughline.journey.plan_agreed.v1","subject":"journey/75bc4ed3-d337-53b3-84ba-0f80d78336e8","time":"{time}","data":{{{data}"payload":{{"kind":"php"}}}}}}"#
        )
    }

    fn occurred(time: &str, data: &str) -> Occurred {
        let read = from_line(&line(time, data)).expect("a line");
        read.occurred(Some(LONDON)).expect("a day")
    }

    fn day(text: &str) -> Occurred {
        Occurred::on(text.parse().expect("a date"))
    }

    fn at(text: &str, time: &str) -> Occurred {
        day(text).at(Some(time.parse().expect("a time")))
    }

    #[test]
    fn a_line_needs_only_the_required_keys() {
        let read = from_line(&line("2022-01-03", "")).expect("a line");
        assert_eq!(read.event_type, EventType::PlanAgreed);
        assert_eq!((read.sequence, read.recorded_at, read.data.contract), (None, None, None));
        assert_eq!(read.data.precision, Precision::Day);
    }

    #[test]
    fn an_instant_is_a_day_of_the_contracts_zone() {
        assert_eq!(occurred("2022-03-31T23:30:00Z", ""), at("2022-04-01", "00:30:00"));
        assert_eq!(occurred("2022-04-01T00:00:00+01:00", ""), day("2022-04-01"));
        assert_eq!(occurred("2022-03-31T23:00:00Z", ""), day("2022-04-01"), "midnight says no time");
        assert_eq!(occurred("2022-04-01", ""), day("2022-04-01"));
    }

    #[test]
    fn local_time_takes_precedence_over_the_time_of_day() {
        assert_eq!(occurred("2022-01-03T14:00:00Z", r#""local_time":null,"#), day("2022-01-03"));
        assert_eq!(occurred("2022-01-03T00:00:00Z", r#""local_time":"09:15:00","#), at("2022-01-03", "09:15:00"));
        assert_eq!(occurred("2022-01-03", r#""local_time":"00:00:00","#), at("2022-01-03", "00:00:00"));
    }

    #[test]
    fn a_month_counts_from_its_first_day_and_has_no_time() {
        let month = occurred("2022-01-17", r#""precision":"month","#);
        assert_eq!(month, Occurred::within("2022-01-01".parse().expect("a date"), Precision::Month));
        let read = from_line(&line("2022-01-17", r#""precision":"month","local_time":"09:00:00","#)).expect("a line");
        assert_eq!(read.occurred(None).expect_err("no time").key.as_deref(), Some("data.local_time"));
    }

    #[test]
    fn a_day_is_written_at_its_midnight_with_the_zones_offset_and_reads_back() {
        use chrono_tz::Tz as Zone;
        let written = |occurred, zone| time_of(occurred, zone).to_rfc3339_opts(SecondsFormat::AutoSi, true);
        assert_eq!(written(day("2022-01-03"), LONDON), "2022-01-03T00:00:00Z");
        assert_eq!(written(day("2022-07-03"), LONDON), "2022-07-03T00:00:00+01:00");
        assert_eq!(written(at("2022-07-03", "14:30:00"), LONDON), "2022-07-03T14:30:00+01:00");
        // That day had no midnight in Brazil, and Kabul's historical offset had seconds.
        let (sao_paulo, kabul) = (Zone::America__Sao_Paulo, Zone::Asia__Kabul);
        assert_eq!(written(day("2018-11-04"), sao_paulo), "2018-11-04T01:00:00-02:00");
        for (on, zone) in [("2018-11-04", sao_paulo), ("1900-06-01", kabul), ("2022-10-30", LONDON)] {
            let text = line(&written(day(on), zone), r#""local_time":null,"#);
            assert_eq!(from_line(&text).expect("a line").occurred(Some(zone)).expect("a day"), day(on));
        }
    }

    #[test]
    fn a_sequence_is_a_number_or_its_text() {
        for written in ["12", r#""12""#, r#""0000000000000000012""#] {
            let text = line("2022-01-03", "").replacen('{', &format!(r#"{{"sequence":{written},"#), 1);
            assert_eq!(from_line(&text).expect("a line").sequence, Some(Position(12)), "{written}");
        }
        for written in ["0", "-1", "1.5", r#""""#, r#""twelve""#, "[]"] {
            let text = line("2022-01-03", "").replacen('{', &format!(r#"{{"sequence":{written},"#), 1);
            assert_eq!(from_line(&text).expect_err("no position").key.as_deref(), Some("sequence"), "{written}");
        }
    }

    #[test]
    fn sequences_sort_as_text() {
        let digits = |position: i64| format!("{position:0SEQUENCE_DIGITS$}");
        assert!(digits(9) < digits(10) && digits(10) < digits(i64::MAX));
    }

    #[test]
    fn unknown_extensions_are_ignored() {
        let text = line("2022-01-03", "").replacen('{', r#"{"traceparent":"00-0af7","partitionkey":7,"#, 1);
        assert!(from_line(&text).is_ok());
    }

    #[test]
    fn an_error_names_the_key_and_the_remedy() {
        let error_of = |from: &str, to: &str| {
            let text = line("2022-01-03", "").replacen(from, to, 1);
            from_line(&text).and_then(|read| read.event().map(drop)).expect_err(to).to_string()
        };
        assert_eq!(error_of(r#""time""#, r#""times""#), "time: missing: write the date of the fact");
        assert_eq!(error_of("1.0", "0.3"), r#"specversion: "0.3" is not supported: write "1.0""#);
        assert!(error_of("plan_agreed.v1", "plan_torn.v1").starts_with("type: this build does not know the type"));
        assert!(error_of("journey/75bc", "subject/75bc").starts_with("subject: PlanAgreed belongs to a journey"));
        assert!(error_of("journey/75bc", "75bc").starts_with("subject: malformed stream"));
        assert!(
            error_of(r#""payload""#, r#""payloads""#)
                .starts_with("data.payloads: unknown key: leave out the key (expected")
        );
        assert!(error_of(r#""kind""#, r#""kinds""#).starts_with("data.payload.kinds: unknown key"));
        assert_eq!(error_of(r#""kind":"php""#, ""), "data.payload.kind: missing: write a value");
        assert_eq!(error_of(r#"{"kind":"php"}"#, "[]"), "data.payload: not an object: write the facts as an object");
        assert!(error_of("}", "").starts_with("not JSON at column"));
    }
}
