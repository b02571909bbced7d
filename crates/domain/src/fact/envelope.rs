//! The envelope: the fields of every event around its payload, and the exact bytes that are stored and hashed.
//!
//! Pure types. The order and spelling of fields must never change, because every hash depends on them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

/// Declares a newtype over a UUID, so that ids of different kinds cannot be mixed up.
macro_rules! id {
    ($(#[$doc:meta] $name:ident;)*) => {$(
        #[$doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )*};
}

id! {
    /// An event's own id (`UUIDv7`), given by the append task.
    EventId;
    /// The id that a client gives a command, so that sending it twice records it once.
    CommandId;
    /// One referral episode of one subject in one contract.
    JourneyId;
    /// A person, family, site or area; a pseudonym.
    SubjectId;
    /// A keyworker or other member of staff.
    WorkerId;
    /// A period in a job, home, placement or course within a journey.
    SpellId;
    /// An appointment to see or call a client.
    AppointmentId;
    /// A task for a client.
    TaskId;
    /// A risk to a client, from when it is raised to when it is cleared.
    RiskId;
    /// A document that proves a fact.
    EvidenceId;
    /// A reason to keep a subject's data.
    HoldId;
    /// A team of workers.
    TeamId;
    /// A vacant post.
    VacancyId;
    /// One worker covering for another.
    CoverId;
    /// A commissioner's formal notice.
    NoticeId;
    /// An action that the parties of a contract agreed.
    ActionId;
    /// Claims that are submitted to the commissioner together.
    BatchId;
    /// One outcome of one journey, or of several cases together, for one of the times that it can be achieved.
    ClaimId;
    /// A decision to pay more or less than the amount of a closed line.
    AdjustmentId;
    /// A role that was granted to a login.
    GrantId;
    /// A key with which a machine signs in.
    ApiKeyId;
    /// A limited time in which a caller may see who a subject is.
    RevealId;
    /// A referral that a partner offered, before it is a case.
    OfferId;
}

/// A position in the log: global, without gaps, from 1. Zero is the position before the first event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub i64);

impl Position {
    /// The position that follows this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The kind of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamKind {
    /// One contract: its opening, rulebooks and decisions.
    Contract,
    /// One referral episode of one subject in one contract.
    Journey,
    /// A person, family, site or area.
    Subject,
    /// A keyworker or other member of staff.
    Worker,
    /// A team of workers.
    Team,
    /// Claims of one contract that are submitted to the commissioner together, with the decisions and payments.
    Batch,
    /// The deployment itself: who may use it. There is one such stream.
    Deployment,
    /// One referral that a partner offered to a contract, from the first offer to the decision.
    Offer,
    /// A source that sends files, with the runs of their import; or one of its records that went missing.
    Import,
}

impl StreamKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Contract,
        Self::Journey,
        Self::Subject,
        Self::Worker,
        Self::Team,
        Self::Batch,
        Self::Deployment,
        Self::Offer,
        Self::Import,
    ];

    /// The kind, as written in records, SQL and URLs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contract => "contract",
            Self::Journey => "journey",
            Self::Subject => "subject",
            Self::Worker => "worker",
            Self::Team => "team",
            Self::Batch => "batch",
            Self::Deployment => "deployment",
            Self::Offer => "offer",
            Self::Import => "import",
        }
    }

    /// Whether streams of this kind belong to the deployment rather than to one contract (domain.md §3).
    pub const fn belongs_to_deployment(self) -> bool {
        matches!(self, Self::Subject | Self::Worker | Self::Team | Self::Deployment | Self::Import)
    }
}

impl FromStr for StreamKind {
    type Err = EnvelopeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| EnvelopeError::StreamKind(text.to_owned()))
    }
}

/// The name of one stream: its kind and its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StreamId {
    /// The kind of the stream.
    pub kind: StreamKind,
    /// The id of the stream.
    pub id: Uuid,
}

impl StreamId {
    /// The stream of a journey.
    pub const fn journey(id: JourneyId) -> Self {
        Self { kind: StreamKind::Journey, id: id.0 }
    }

    /// The stream of a subject.
    pub const fn subject(id: SubjectId) -> Self {
        Self { kind: StreamKind::Subject, id: id.0 }
    }

    /// The stream of a worker.
    pub const fn worker(id: WorkerId) -> Self {
        Self { kind: StreamKind::Worker, id: id.0 }
    }

    /// The stream of a team.
    pub const fn team(id: TeamId) -> Self {
        Self { kind: StreamKind::Team, id: id.0 }
    }

    /// The stream of a batch.
    pub const fn batch(id: BatchId) -> Self {
        Self { kind: StreamKind::Batch, id: id.0 }
    }

    /// The stream of an offered referral.
    pub const fn offer(id: OfferId) -> Self {
        Self { kind: StreamKind::Offer, id: id.0 }
    }

    /// The one stream of the deployment itself.
    pub const fn deployment() -> Self {
        Self { kind: StreamKind::Deployment, id: DEPLOYMENT }
    }

    /// The stream of a source that sends files. The id is derived from its name.
    pub fn source(system: &str) -> Self {
        Self { kind: StreamKind::Import, id: Uuid::new_v5(&SOURCES, system.as_bytes()) }
    }

    /// The stream of the contract with this code. The id is derived from the code, so a code can be opened only once.
    pub fn contract(code: &str) -> Self {
        Self { kind: StreamKind::Contract, id: Uuid::new_v5(&CONTRACTS, code.as_bytes()) }
    }
}

/// What makes an offered referral: the same partner, source and record in one contract are the same offer.
#[derive(Debug, Clone, Copy)]
pub struct OfferKey<'a> {
    /// The code of the contract.
    pub contract: &'a str,
    /// The key of the partner's login.
    pub partner: &'a str,
    /// The name of the partner's system.
    pub source: &'a str,
    /// The number of the record in that system.
    pub record: &'a str,
}

impl OfferId {
    /// The offer with this key. Two partners never share one, whatever their systems are called.
    pub fn of(key: OfferKey<'_>) -> Self {
        let OfferKey { contract, partner, source, record } = key;
        // The length of each part keeps keys apart that read alike when they are joined.
        let name = [contract, partner, source, record].map(|part| format!("{}:{part}", part.len())).concat();
        Self(Uuid::new_v5(&OFFERS, name.as_bytes()))
    }

    /// The subject that stands for the offered person.
    pub fn subject(self) -> SubjectId {
        SubjectId(Uuid::new_v5(&self.0, b"subject"))
    }

    /// The case that the offer opens when it is accepted. There is one at most.
    pub fn journey(self) -> JourneyId {
        JourneyId(Uuid::new_v5(&self.0, b"journey"))
    }
}

/// The UUID namespace for deriving the id of an offer from its key.
const OFFERS: Uuid = Uuid::from_u128(0x7d34_0c5b_91e2_5a6f_b8d0_53f7_2e9c_4a16);

/// The UUID namespace for deriving a contract stream's id from the contract's code.
const CONTRACTS: Uuid = Uuid::from_u128(0x6f1c_5a0e_4b1d_5d8e_9a35_2f64_7c1b_90d3);

/// The UUID namespace for deriving a source stream's id from the name of the source.
const SOURCES: Uuid = Uuid::from_u128(0x51c4_0f7e_28ab_5c19_b6d3_7e90_1a44_c2f5);

/// The id of the deployment's own stream, the same in every database.
const DEPLOYMENT: Uuid = Uuid::from_u128(0x2b1d_7a40_93c6_5f0b_8e57_41c9_d02e_6a18);

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.as_str(), self.id)
    }
}

impl FromStr for StreamId {
    type Err = EnvelopeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || EnvelopeError::Stream(text.to_owned());
        let (kind, id) = text.split_once('/').ok_or_else(malformed)?;
        Ok(Self { kind: kind.parse()?, id: id.parse().map_err(|_| malformed())? })
    }
}

/// How exactly the date of a fact is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// The exact day.
    #[default]
    Day,
    /// A day in the month.
    Month,
    /// A day in the year.
    Year,
}

/// The date of a fact, as a civil date in the contract's zone.
///
/// `on` is always the first day of the interval that the precision covers (domain.md §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Occurred {
    on: NaiveDate,
    precision: Precision,
    local_time: Option<NaiveTime>,
}

impl Occurred {
    /// A fact on exactly this day.
    pub const fn on(day: NaiveDate) -> Self {
        Self { on: day, precision: Precision::Day, local_time: None }
    }

    /// A fact on `day`, or on some day of the month or year of `day`.
    pub fn within(day: NaiveDate, precision: Precision) -> Self {
        let on = match precision {
            Precision::Day => Some(day),
            Precision::Month => day.with_day(1),
            Precision::Year => day.with_day(1).and_then(|d| d.with_month(1)),
        };
        Self { on: on.expect("every month has a first day"), precision, local_time: None }
    }

    /// The same fact with a time of day, which is kept only if the exact day is known.
    #[must_use]
    pub fn at(self, local_time: Option<NaiveTime>) -> Self {
        Self { local_time: local_time.filter(|_| self.precision == Precision::Day), ..self }
    }

    /// The first possible day of the fact. It determines the order of facts and whether a fact counts at an as-of date.
    pub const fn earliest(&self) -> NaiveDate {
        self.on
    }

    /// The last possible day of the fact.
    pub fn latest(&self) -> NaiveDate {
        let months = match self.precision {
            Precision::Day => return self.on,
            Precision::Month => 1,
            Precision::Year => 12,
        };
        let after = self.on.checked_add_months(Months::new(months));
        after.and_then(|day| day.checked_sub_days(Days::new(1))).unwrap_or(NaiveDate::MAX)
    }

    /// How exactly the date is known.
    pub const fn precision(&self) -> Precision {
        self.precision
    }

    /// The local time of day, if given.
    pub const fn local_time(&self) -> Option<NaiveTime> {
        self.local_time
    }
}

/// The person or machine that did something, their role at the time, and on whose behalf.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// The login or the machine's name, from the token.
    pub subject: String,
    /// The role in which they acted.
    pub role: String,
    /// The person on whose behalf they acted, if not their own.
    #[serde(default)]
    pub on_behalf_of: Option<String>,
}

/// The source of a fact that was not entered here.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The name of the other system.
    pub system: String,
    /// The record's case number there: a pseudonym, never a national identifier.
    #[serde(default)]
    pub record_id: Option<String>,
    /// SHA-256 of the imported file, in lower-case hexadecimal.
    #[serde(default)]
    pub file_digest: Option<String>,
    /// The row of that file, from 1.
    #[serde(default)]
    pub row: Option<u64>,
}

/// One event, as stored in the log.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// Its position in the log.
    pub position: Position,
    /// Its own id.
    pub event_id: EventId,
    /// Its stream.
    pub stream: StreamId,
    /// Its version in that stream, from 1.
    pub version: i64,
    /// Its type, such as `ContactLogged`.
    pub event_type: String,
    /// The version of the payload format.
    pub schema_version: u16,
    /// The code of its contract. `None` if the stream belongs to the deployment.
    pub contract: Option<String>,
    /// The date of the fact.
    pub occurred: Occurred,
    /// When the log recorded it, to the microsecond.
    pub recorded_at: DateTime<Utc>,
    /// Who recorded it.
    pub actor: Actor,
    /// The source of the fact.
    pub source: Option<Source>,
    /// The command that recorded it.
    pub command_id: CommandId,
    /// The correlation id, which related events share.
    pub correlation_id: Option<Uuid>,
    /// The event that caused it.
    pub causation_id: Option<EventId>,
    /// The payload.
    pub payload: Box<RawValue>,
    /// Sixteen random bytes, so that a hash alone never confirms a guessed fact.
    pub salt: [u8; 16],
}

/// A parsed record: the envelope's fields in their stored order. It borrows from the text where it can, because a fold
/// of a whole log reads each record once.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record<'a> {
    /// Its place in the log.
    pub position: Position,
    /// Its id.
    pub event_id: EventId,
    /// Its stream.
    pub stream: StreamId,
    /// Its place in the stream.
    pub version: i64,
    /// The name of its type.
    #[serde(rename = "type", borrow)]
    pub event_type: Cow<'a, str>,
    /// The version of its payload.
    pub schema_version: u16,
    /// The code of the contract that the stream belongs to.
    pub contract: Option<Cow<'a, str>>,
    occurred_on: NaiveDate,
    precision: Precision,
    local_time: Option<NaiveTime>,
    /// When the log took it.
    #[serde(with = "micros")]
    pub recorded_at: DateTime<Utc>,
    /// Who recorded it.
    pub actor: Cow<'a, Actor>,
    source: Option<Cow<'a, Source>>,
    command_id: CommandId,
    correlation_id: Option<Uuid>,
    causation_id: Option<EventId>,
    /// Its payload, as JSON.
    #[serde(borrow)]
    pub payload: &'a RawValue,
    #[serde(with = "hex_salt")]
    salt: [u8; 16],
}

impl<'a> Record<'a> {
    /// Parses a record.
    pub fn read(record: &'a str) -> Result<Self, EnvelopeError> {
        serde_json::from_str(record).map_err(EnvelopeError::Record)
    }

    /// The date of the fact.
    pub(crate) fn occurred(&self) -> Occurred {
        Occurred::within(self.occurred_on, self.precision).at(self.local_time)
    }
}

impl Envelope {
    /// The record: the exact bytes that are stored and hashed.
    pub fn to_record(&self) -> String {
        let stored = Record {
            position: self.position,
            event_id: self.event_id,
            stream: self.stream,
            version: self.version,
            event_type: Cow::Borrowed(&self.event_type),
            schema_version: self.schema_version,
            contract: self.contract.as_deref().map(Cow::Borrowed),
            occurred_on: self.occurred.on,
            precision: self.occurred.precision,
            local_time: self.occurred.local_time,
            recorded_at: self.recorded_at,
            actor: Cow::Borrowed(&self.actor),
            source: self.source.as_ref().map(Cow::Borrowed),
            command_id: self.command_id,
            correlation_id: self.correlation_id,
            causation_id: self.causation_id,
            payload: &self.payload,
            salt: self.salt,
        };
        serde_json::to_string(&stored).expect("an envelope can be written as JSON")
    }

    /// Reads a record back.
    pub fn from_record(record: &str) -> Result<Self, EnvelopeError> {
        let read = Record::read(record)?;
        Ok(Self {
            occurred: read.occurred(),
            position: read.position,
            event_id: read.event_id,
            stream: read.stream,
            version: read.version,
            event_type: read.event_type.into_owned(),
            schema_version: read.schema_version,
            contract: read.contract.map(Cow::into_owned),
            recorded_at: read.recorded_at,
            actor: read.actor.into_owned(),
            source: read.source.map(Cow::into_owned),
            command_id: read.command_id,
            correlation_id: read.correlation_id,
            causation_id: read.causation_id,
            payload: read.payload.to_owned(),
            salt: read.salt,
        })
    }
}

/// The hash stored beside a record: SHA-256 over a zero byte and the record (an RFC 6962 leaf).
pub fn leaf_hash(record: &str) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&[0]);
    context.update(record.as_bytes());
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// Bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}

/// An error in an envelope from outside.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// The stream kind is unknown.
    #[error("unknown stream kind {0:?}: use contract, journey, subject, worker, team or batch")]
    StreamKind(String),
    /// The stream's name is not a kind, a slash and a UUID.
    #[error("malformed stream {0:?}: use a kind, a slash and a UUID, such as journey/0190…")]
    Stream(String),
    /// The record is not the JSON of an envelope.
    #[error("record cannot be read")]
    Record(#[source] serde_json::Error),
}

/// `recorded_at` with exactly six decimals, in UTC.
mod micros {
    use chrono::{DateTime, SecondsFormat, Utc};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(at: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&at.to_rfc3339_opts(SecondsFormat::Micros, true))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<DateTime<Utc>, D::Error> {
        DateTime::<Utc>::deserialize(from)
    }
}

/// The salt as 32 hexadecimal digits.
mod hex_salt {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(salt: &[u8; 16], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&super::hex(salt))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 16], D::Error> {
        let text = <&str>::deserialize(from)?;
        u128::from_str_radix(text, 16)
            .ok()
            .filter(|_| text.len() == 32)
            .map(u128::to_be_bytes)
            .ok_or_else(|| D::Error::custom("a salt is 32 hexadecimal digits"))
    }
}
