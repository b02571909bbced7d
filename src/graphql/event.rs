//! Events as clients read them: exactly what the log holds, field by field.

use async_graphql::{Enum, ID, Object, SimpleObject};

use super::scalars::{Date, Id, Instant, LocalTime, Position};
use throughline_domain::fact::envelope::{self, Envelope, Occurred};

/// What a stream tells the story of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "envelope::StreamKind")]
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
    /// Claims of one contract that go to the commissioner together, and what is decided and paid for them.
    Batch,
}

/// How exactly the day of a fact is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "envelope::Precision")]
pub enum Precision {
    /// The very day.
    Day,
    /// Some day of the month.
    Month,
    /// Some day of the year.
    Year,
}

/// When a fact was so, in the contract's zone.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub struct OccurredOn {
    /// The day; with a precision of month or year, the first day of that interval.
    on: Date,
    /// The last day on which it may have been so; the same day where the day itself is known.
    latest: Date,
    /// How exactly the day is known.
    precision: Precision,
    /// The time of that day, where one was given.
    local_time: Option<LocalTime>,
}

impl From<Occurred> for OccurredOn {
    fn from(occurred: Occurred) -> Self {
        Self {
            on: Date(occurred.earliest()),
            latest: Date(occurred.latest()),
            precision: occurred.precision().into(),
            local_time: occurred.local_time().map(LocalTime),
        }
    }
}

/// Who did it, in which role at the time, and for whom.
#[derive(Debug, Clone, SimpleObject)]
pub struct Actor {
    /// The login or the machine's name; none where you see no logins.
    subject: Option<String>,
    /// The role in which they acted.
    role: String,
    /// For whom, where it was not for themselves.
    on_behalf_of: Option<String>,
}

impl From<&envelope::Actor> for Actor {
    fn from(actor: &envelope::Actor) -> Self {
        let envelope::Actor { subject, role, on_behalf_of } = actor.clone();
        Self { subject: Some(subject), role, on_behalf_of }
    }
}

/// Where a fact came from, when it was not typed in here.
#[derive(Debug, Clone, SimpleObject)]
pub struct Source {
    /// The other system's name.
    system: String,
    /// The record's case number there.
    record_id: Option<String>,
    /// SHA-256 of the file that brought it, in lower-case hexadecimal.
    file_digest: Option<String>,
    /// The row of that file, from 1.
    row: Option<u64>,
}

/// The stream that an event belongs to.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub struct Stream {
    /// What it tells the story of.
    kind: StreamKind,
    /// Whose story it is.
    id: Id,
}

/// One immutable event of the log.
#[derive(Debug, Clone)]
pub struct Event(pub Envelope);

/// One immutable event of the log.
#[Object]
impl Event {
    /// The event's own id.
    pub async fn id(&self) -> ID {
        ID(self.0.event_id.to_string())
    }

    /// Its place in the log.
    async fn position(&self) -> Position {
        Position(self.0.position)
    }

    /// Its type, such as `ContactLogged`.
    #[graphql(name = "type")]
    async fn event_type(&self) -> &str {
        &self.0.event_type
    }

    /// The version of the payload's shape.
    async fn schema_version(&self) -> u16 {
        self.0.schema_version
    }

    /// The stream it belongs to.
    async fn stream(&self) -> Stream {
        Stream { kind: self.0.stream.kind.into(), id: Id(self.0.stream.id) }
    }

    /// Its place in that stream, from 1.
    async fn version(&self) -> i64 {
        self.0.version
    }

    /// The code of the contract it belongs to; none where the stream belongs to the deployment.
    async fn contract(&self) -> Option<&str> {
        self.0.contract.as_deref()
    }

    /// When the fact was so.
    async fn occurred(&self) -> OccurredOn {
        self.0.occurred.into()
    }

    /// When the log took it.
    async fn recorded_at(&self) -> Instant {
        Instant(self.0.recorded_at)
    }

    /// Who recorded it.
    async fn actor(&self) -> Actor {
        (&self.0.actor).into()
    }

    /// Where it came from, if it was not typed in here.
    async fn source(&self) -> Option<Source> {
        self.0.source.clone().map(|source| Source {
            system: source.system,
            record_id: source.record_id,
            file_digest: source.file_digest,
            row: source.row,
        })
    }

    /// The id of the command that made it.
    async fn command_id(&self) -> Id {
        Id(self.0.command_id.0)
    }

    /// What it belongs together with.
    async fn correlation_id(&self) -> Option<Id> {
        self.0.correlation_id.map(Id)
    }

    /// The event that led to it.
    async fn causation_id(&self) -> Option<Id> {
        self.0.causation_id.map(|id| Id(id.0))
    }

    /// What was so, as JSON text; none where you see pseudonyms alone.
    async fn payload(&self) -> Option<&str> {
        Some(self.0.payload.get())
    }

    /// The record: the exact bytes that the log stores and hashes; none where you see pseudonyms alone.
    async fn record(&self) -> Option<String> {
        Some(self.0.to_record())
    }

    /// SHA-256 over a zero byte and the record, in lower-case hexadecimal.
    async fn hash(&self) -> String {
        envelope::hex(&envelope::leaf_hash(&self.0.to_record()))
    }
}
