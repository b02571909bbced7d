//! Events in the API: exactly what the log holds, field by field.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};

use super::context::RequestContext as _;
use super::reveal;
use super::scalars::{Date, Id, Instant, LocalTime, Position};
use crate::access::policy::Action;
use throughline_domain::fact::envelope::{self, Envelope, Occurred};

/// The kind of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "envelope::StreamKind")]
pub enum StreamKind {
    /// One contract: its terms, rulebooks and decisions.
    Contract,
    /// One case: one referral episode of one subject in one contract.
    Journey,
    /// A person, family, site or area.
    Subject,
    /// A keyworker or other member of staff.
    Worker,
    /// A team of workers.
    Team,
    /// One batch: claims of one contract submitted to the commissioner together, with their decisions and payments.
    Batch,
    /// The deployment itself: who may use it. There is one such stream.
    Deployment,
    /// One referral that a partner offered to a contract.
    Offer,
    /// A source that sends files, with the runs of their import; or one of its records that went missing.
    Import,
}

/// How exactly the date of a fact is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "envelope::Precision")]
pub enum Precision {
    /// The exact day.
    Day,
    /// Some day of the month.
    Month,
    /// Some day of the year.
    Year,
}

/// The date of a fact, in the contract's time zone.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub struct OccurredOn {
    /// The day. With a precision of month or year: the first day of that month or year.
    on: Date,
    /// The last possible day: the same day if the precision is day.
    latest: Date,
    /// How exactly the day is known.
    precision: Precision,
    /// The time of day, if one was given.
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

/// The user or machine that recorded a fact, and their role at the time.
#[derive(Debug, Clone, SimpleObject)]
pub struct Actor {
    /// The login or the machine's name. Null if you may not see logins.
    subject: Option<String>,
    /// The role in which they acted.
    role: String,
    /// On whose behalf they acted. Null if on their own.
    on_behalf_of: Option<String>,
}

impl From<&envelope::Actor> for Actor {
    fn from(actor: &envelope::Actor) -> Self {
        let envelope::Actor { subject, role, on_behalf_of } = actor.clone();
        Self { subject: Some(subject), role, on_behalf_of }
    }
}

/// The origin of a fact that was not entered directly here.
#[derive(Debug, Clone, SimpleObject)]
pub struct Source {
    /// The name of the other system.
    system: String,
    /// The case number of the record in that system.
    record_id: Option<String>,
    /// SHA-256 of the imported file, in lower-case hexadecimal.
    file_digest: Option<String>,
    /// The row of that file, from 1.
    row: Option<u64>,
}

/// The stream of an event: all events about one case, contract, batch, subject, worker or team.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub struct Stream {
    /// The kind of stream.
    kind: StreamKind,
    /// The id of the case, contract, batch, subject, worker or team.
    id: Id,
}

/// One event of the log. Events never change.
#[derive(Debug, Clone)]
pub struct Event(pub Envelope);

/// One event of the log. Events never change.
#[Object]
impl Event {
    /// The id of the event.
    pub async fn id(&self) -> ID {
        ID(self.0.event_id.to_string())
    }

    /// The position of the event in the log. Positions count from 1.
    async fn position(&self) -> Position {
        Position(self.0.position)
    }

    /// The type of the event, such as `ContactLogged`.
    #[graphql(name = "type")]
    async fn event_type(&self) -> &str {
        &self.0.event_type
    }

    /// The version of the payload's format.
    async fn schema_version(&self) -> u16 {
        self.0.schema_version
    }

    /// The stream of the event. If you may see only pseudonyms, the id of a subject's stream says nothing.
    async fn stream(&self, ctx: &Context<'_>) -> Result<Stream> {
        let envelope::StreamId { kind, id } = self.0.stream;
        // Those who read the feed verify records, which have the id.
        let is_hidden = kind == envelope::StreamKind::Subject && !ctx.may(Action::ReadEvents);
        let id = if is_hidden {
            let context = format!("event {}", self.0.event_id);
            reveal::shown_id(ctx, envelope::SubjectId(id), &context).await?
        } else {
            id
        };
        Ok(Stream { kind: kind.into(), id: Id(id) })
    }

    /// The number of the event in its stream, from 1.
    async fn version(&self) -> i64 {
        self.0.version
    }

    /// The code of the contract. Null if the stream does not belong to a contract.
    async fn contract(&self) -> Option<&str> {
        self.0.contract.as_deref()
    }

    /// The date of the fact.
    async fn occurred(&self) -> OccurredOn {
        self.0.occurred.into()
    }

    /// When the event was recorded.
    async fn recorded_at(&self) -> Instant {
        Instant(self.0.recorded_at)
    }

    /// Who recorded it.
    async fn actor(&self) -> Actor {
        (&self.0.actor).into()
    }

    /// The origin of the fact. Null if it was entered directly here.
    async fn source(&self) -> Option<Source> {
        self.0.source.clone().map(|source| Source {
            system: source.system,
            record_id: source.record_id,
            file_digest: source.file_digest,
            row: source.row,
        })
    }

    /// The id of the command that recorded it.
    async fn command_id(&self) -> Id {
        Id(self.0.command_id.0)
    }

    /// The id that related events share.
    async fn correlation_id(&self) -> Option<Id> {
        self.0.correlation_id.map(Id)
    }

    /// The id of the event that caused it.
    async fn causation_id(&self) -> Option<Id> {
        self.0.causation_id.map(|id| Id(id.0))
    }

    /// The payload as JSON text. Null if you may see only pseudonyms.
    async fn payload(&self) -> Option<&str> {
        Some(self.0.payload.get())
    }

    /// The record: the exact bytes that the log stores and hashes. Null if you may see only pseudonyms.
    async fn record(&self) -> Option<String> {
        Some(self.0.to_record())
    }

    /// SHA-256 over a zero byte and the record, in lower-case hexadecimal.
    async fn hash(&self) -> String {
        envelope::hex(&envelope::leaf_hash(&self.0.to_record()))
    }
}
