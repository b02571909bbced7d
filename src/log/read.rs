//! Reads the log: by position, by stream, by event.
//!
//! Each read is one short statement. Nothing here may keep a transaction open.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::json;
use uuid::Uuid;

use super::{Head, Log, LogError};
use crate::store::{Pool, Sql, columns, doing, on};
use throughline_domain::fact::envelope::{CommandId, Envelope, EnvelopeError, EventId, JourneyId, Position, StreamId};

pub(super) static HEAD: Sql =
    Sql::new("select position, recorded_at, epoch, {clock database_time} from log_head where id = 1");

static PAGE: Sql =
    Sql::new("select record from events where position > $1 and position <= $2 order by position limit $3");

static PAGE_AS_STORED: Sql =
    Sql::new("select record, hash from events where position > $1 and position <= $2 order by position limit $3");

pub(super) static STREAMS: Sql = Sql::new(
    "select e.record from {streams $1} s \
     join events e on e.stream_id = s.id and e.stream_kind = s.kind and e.version > s.version \
     order by e.position limit $2",
);

static OF_TYPE: Sql = Sql::new(
    "select record from events where type = $1 and position > $2 and position <= $3 order by position limit $4",
);

static OF_TYPE_AND_CONTRACT: Sql = Sql::new(
    "select record from events where type = $1 and contract = $2 and position > $3 and position <= $4 \
     order by position limit $5",
);

static OF_TYPE_AND_NO_CONTRACT: Sql = Sql::new(
    "select record from events where type = $1 and contract is null and position > $2 and position <= $3 \
     order by position limit $4",
);

static OF_ONE_CONTRACT: Sql = Sql::new(
    "select record from events where contract = $1 and position > $2 and position <= $3 order by position limit $4",
);

static OF_NO_CONTRACT: Sql = Sql::new(
    "select record from events where contract is null and position > $1 and position <= $2 order by position limit $3",
);

static EVENTS: Sql = Sql::new("select record from events where event_id in {uuids $1} order by position limit $2");

/// The order is that of the log, because no two commands share a position. If the events were ordered by position only,
/// Postgres would read the whole log in that order instead of using the ids.
static OF_COMMANDS: Sql = Sql::new(
    "select e.record from commands c join events e on e.position between c.first_position and c.last_position \
     where c.actor = $1 and c.command_id in {uuids $2} order by c.first_position, e.position limit $3",
);

static CONTRACTS: Sql = Sql::new(
    "select record from events where stream_kind = 'contract' and position > $1 and position <= $2 order by position limit $3",
);

static OF_CONTRACT: Sql = Sql::new(
    "select record from events where position > $1 and position <= $2 \
     and (contract = $3 and stream_kind in ('journey', 'batch') or stream_kind = 'subject') \
     and type not in ('ContactLogged', 'ReferralAccepted', 'WorkerAssigned', 'TaskSet', 'TaskDone', \
     'AssessmentScored', 'JourneyClosed', 'SubjectRegistered') order by position limit $4",
);

static JOURNEYS_BETWEEN: Sql = Sql::new(
    "select distinct stream_id from events where position > $1 and position <= $2 and stream_kind = 'journey' \
     and contract = $3 and stream_id > $4 order by stream_id limit $5",
);

static CONCERNING: Sql = Sql::new(
    "select record from events where contract = $1 and position > $2 and position <= $3 \
     and (occurred_on <= $4 or type in ('FactCorrected', 'FactRetracted', 'RulebookPublished', 'CommentaryRecorded', \
     'KpiAssessed')) order by position limit $5",
);

static CONCERNING_ANY_CONTRACT: Sql = Sql::new(
    "select record from events where contract is null and position > $1 and position <= $2 \
     and (type in ('SubjectsLinked', 'SubjectsUnlinked', 'WorkerJoined', 'WorkerLeft', 'WteSet', 'AbsenceRecorded', \
     'TeamSet', 'CapacitySet', 'VacancyOpened', 'VacancyFilled', 'CoverStarted', 'CoverEnded', 'AssessmentScored') \
     and occurred_on <= $3 or type in ('FactCorrected', 'FactRetracted')) order by position limit $4",
);

static RECORDED: Sql = Sql::new("select recorded_at from events where position = $1");

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[
    &HEAD,
    &JOURNEYS_BETWEEN,
    &RECORDED,
    &PAGE,
    &PAGE_AS_STORED,
    &OF_TYPE,
    &OF_TYPE_AND_CONTRACT,
    &OF_TYPE_AND_NO_CONTRACT,
    &OF_ONE_CONTRACT,
    &OF_NO_CONTRACT,
    &STREAMS,
    &EVENTS,
    &OF_COMMANDS,
    &CONTRACTS,
    &OF_CONTRACT,
    &CONCERNING,
    &CONCERNING_ANY_CONTRACT,
];

/// A part of the log that an index covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lane {
    /// The whole log.
    Whole,
    /// The events of a type.
    Type(&'static str),
    /// The events of a type that belong to one contract.
    TypeOfContract(&'static str, String),
    /// The events of a type that do not belong to a contract.
    TypeOfNoContract(&'static str),
    /// The events of a contract.
    Contract(String),
    /// The events that do not belong to a contract: those of subjects, workers and teams.
    NoContract,
}

/// The most events in one read.
pub const PAGE_SIZE: i64 = 2_000;

columns! {
    pub(super) struct HeadRow {
        pub(super) position: i64,
        pub(super) recorded_at: chrono::DateTime<chrono::Utc>,
        pub(super) epoch: i64,
        pub(super) database_time: Option<chrono::DateTime<chrono::Utc>>,
    }
}

impl From<HeadRow> for Head {
    fn from(row: HeadRow) -> Self {
        let HeadRow { position, recorded_at, epoch, database_time } = row;
        Self { position: Position(position), recorded_at, epoch, database_time }
    }
}

/// A stored event: its record and the hash beside it, which may not be the record's hash.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The event.
    pub envelope: Envelope,
    /// Its record.
    pub record: String,
    /// The hash stored beside it.
    pub hash: Vec<u8>,
}

/// Streams, each with the version after which its events are read, in the form that a statement binds.
pub(crate) fn wanted(streams: impl Iterator<Item = (StreamId, i64)>) -> String {
    let rows: Vec<_> = streams.map(|(stream, version)| json!([stream.kind.as_str(), stream.id, version])).collect();
    serde_json::Value::Array(rows).to_string()
}

/// Parses records into envelopes.
pub(super) fn envelopes(records: Vec<(String,)>) -> Result<Vec<Envelope>, EnvelopeError> {
    records.into_iter().map(|(record,)| Envelope::from_record(&record)).collect()
}

/// A position that this log does not have. A client that continued after it would wait for ever without noticing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the log ends at position {head}: {after} belongs to another log, or is not recorded yet")]
pub struct Elsewhere {
    /// The position after which the client wanted to continue.
    pub after: Position,
    /// The last position of the log.
    pub head: Position,
}

impl Log {
    /// The log's head. Followers are notified of a new position, even if another process appended it.
    pub async fn head(&self) -> Result<Head, LogError> {
        let reader = &self.store.reader;
        let sql = HEAD.text(reader.dialect());
        let row: HeadRow =
            on!(reader, pool => sqlx::query_as(sql).fetch_one(pool).await).map_err(doing("read the head"))?;
        self.announce(Position(row.position));
        Ok(row.into())
    }

    /// The last position recorded at or before an instant. Zero if there is none.
    pub async fn recorded_by(&self, instant: DateTime<Utc>) -> Result<Position, LogError> {
        let head = self.head().await?;
        if head.recorded_at <= instant {
            return Ok(head.position);
        }
        // Recording times never decrease with the position.
        let (mut by, mut after) = (0, head.position.0);
        while after - by > 1 {
            let middle = by.midpoint(after);
            match self.recorded_at(Position(middle)).await? {
                Some(recorded) if recorded <= instant => by = middle,
                _ => after = middle,
            }
        }
        Ok(Position(by))
    }

    /// The journeys of a contract with events after one position and up to another, in the order of their ids: at most
    /// `most` of them after this one.
    pub async fn journeys_between(
        &self,
        contract: &str,
        after: Position,
        upto: Position,
        place: JourneyId,
        most: i64,
    ) -> Result<Vec<JourneyId>, LogError> {
        let reader = &self.store.reader;
        let sql = JOURNEYS_BETWEEN.text(reader.dialect());
        let found: sqlx::Result<Vec<(Uuid,)>> = on!(reader, pool => {
            let page = sqlx::query_as(sql).bind(after.0).bind(upto.0).bind(contract).bind(place.0).bind(most);
            page.fetch_all(pool).await
        });
        let found = found.map_err(doing("find the journeys with new events"))?;
        Ok(found.into_iter().map(|(id,)| JourneyId(id)).collect())
    }

    /// When the event at a position was recorded. `None` if there is no event.
    pub async fn recorded_at(&self, position: Position) -> Result<Option<DateTime<Utc>>, LogError> {
        let reader = &self.store.reader;
        let sql = RECORDED.text(reader.dialect());
        let found: sqlx::Result<Option<(DateTime<Utc>,)>> =
            on!(reader, pool => sqlx::query_as(sql).bind(position.0).fetch_optional(pool).await);
        Ok(found.map_err(doing("read when an event was recorded"))?.map(|(recorded,)| recorded))
    }

    /// Checks that a position belongs to this log, so that a client can continue after it.
    pub async fn within(&self, after: Position) -> Result<Result<(), Elsewhere>, LogError> {
        let head = self.head().await?.position;
        Ok(if after > head { Err(Elsewhere { after, head }) } else { Ok(()) })
    }

    /// The events after one position and up to another, in order, at most [`PAGE_SIZE`] of them.
    pub async fn page(&self, after: Position, upto: Position) -> Result<Vec<Envelope>, LogError> {
        self.page_of(after, upto, PAGE_SIZE).await
    }

    /// The events after one position and up to another, in order, at most `most` of them.
    pub async fn page_of(&self, after: Position, upto: Position, most: i64) -> Result<Vec<Envelope>, LogError> {
        let reader = &self.store.reader;
        let sql = PAGE.text(reader.dialect());
        let records = on!(reader, pool => {
            sqlx::query_as(sql).bind(after.0).bind(upto.0).bind(most).fetch_all(pool).await
        });
        Ok(envelopes(records.map_err(doing("read a page of the log"))?)?)
    }

    /// The events after one position and up to another, in order, each with its stored record and hash, at most
    /// [`PAGE_SIZE`] of them.
    pub async fn page_as_stored(&self, after: Position, upto: Position) -> Result<Vec<Stored>, LogError> {
        let reader = &self.store.reader;
        let sql = PAGE_AS_STORED.text(reader.dialect());
        let rows: sqlx::Result<Vec<(String, Vec<u8>)>> = on!(reader, pool => {
            sqlx::query_as(sql).bind(after.0).bind(upto.0).bind(PAGE_SIZE).fetch_all(pool).await
        });
        let rows = rows.map_err(doing("read a page of the log"))?;
        let stored =
            |(record, hash): (String, Vec<u8>)| Ok(Stored { envelope: Envelope::from_record(&record)?, record, hash });
        rows.into_iter().map(stored).collect()
    }

    /// The events of several parts of the log after one position and up to another, in the order of the log, at most
    /// `most` of them. Uses one short statement for each part. The parts must not overlap.
    pub async fn page_among(
        &self,
        lanes: &[Lane],
        after: Position,
        upto: Position,
        most: i64,
    ) -> Result<Vec<Envelope>, LogError> {
        if let [Lane::Whole] = lanes {
            return self.page_of(after, upto, most).await;
        }
        let mut found = Vec::new();
        for lane in lanes {
            found.extend(self.page_of_lane(lane, after, upto, most).await?);
        }
        found.sort_by_key(|event: &Envelope| event.position);
        found.truncate(usize::try_from(most).unwrap_or_default());
        Ok(found)
    }

    async fn page_of_lane(
        &self,
        lane: &Lane,
        after: Position,
        upto: Position,
        most: i64,
    ) -> Result<Vec<Envelope>, LogError> {
        let reader = &self.store.reader;
        let (sql, named): (&'static Sql, Vec<&str>) = match lane {
            Lane::Whole => return self.page_of(after, upto, most).await,
            Lane::Type(name) => (&OF_TYPE, vec![*name]),
            Lane::TypeOfContract(name, code) => (&OF_TYPE_AND_CONTRACT, vec![*name, code.as_str()]),
            Lane::TypeOfNoContract(name) => (&OF_TYPE_AND_NO_CONTRACT, vec![*name]),
            Lane::Contract(code) => (&OF_ONE_CONTRACT, vec![code.as_str()]),
            Lane::NoContract => (&OF_NO_CONTRACT, Vec::new()),
        };
        let sql = sql.text(reader.dialect());
        let records = on!(reader, pool => {
            let query = named.iter().fold(sqlx::query_as(sql), |query, named| query.bind(*named));
            query.bind(after.0).bind(upto.0).bind(most).fetch_all(pool).await
        });
        Ok(envelopes(records.map_err(doing("read a part of the log"))?)?)
    }

    /// The whole stream, in order. Empty if the stream does not exist.
    pub async fn stream(&self, stream: StreamId) -> Result<Vec<Envelope>, LogError> {
        self.streams([(stream, 0)].into_iter()).await
    }

    /// The events of several streams, each after a version, in the order of the log.
    pub async fn streams(&self, streams: impl Iterator<Item = (StreamId, i64)>) -> Result<Vec<Envelope>, LogError> {
        let records = records_of(&self.store.reader, &wanted(streams)).await.map_err(doing("read streams"))?;
        Ok(envelopes(records)?)
    }

    /// The events of all contract streams up to a position, in order.
    pub async fn contracts(&self, upto: Position) -> Result<Vec<Envelope>, LogError> {
        self.contracts_between(Position::default(), upto).await
    }

    /// The events of all contract streams after one position and up to another, in order.
    pub async fn contracts_between(&self, after: Position, upto: Position) -> Result<Vec<Envelope>, LogError> {
        let reader = &self.store.reader;
        let sql = CONTRACTS.text(reader.dialect());
        let records =
            on!(reader, pool => sqlx::query_as(sql).bind(after.0).bind(upto.0).bind(i64::MAX).fetch_all(pool).await);
        Ok(envelopes(records.map_err(doing("read the contracts"))?)?)
    }

    /// The events that claims of a contract may depend on: those of its journeys and batches and of every subject after
    /// one position and up to another, in order, at most [`PAGE_SIZE`] of them. The most frequent types that no outcome
    /// uses are left out.
    pub async fn of_contract(&self, code: &str, after: Position, upto: Position) -> Result<Vec<Envelope>, LogError> {
        let reader = &self.store.reader;
        let sql = OF_CONTRACT.text(reader.dialect());
        let records = on!(reader, pool => {
            let page = sqlx::query_as(sql).bind(after.0).bind(upto.0).bind(code).bind(PAGE_SIZE);
            page.fetch_all(pool).await
        });
        Ok(envelopes(records.map_err(doing("read the events of a contract"))?)?)
    }

    /// The events of a contract after one position and up to another that may concern the days up to a day: facts dated
    /// on one of them, every correction and retraction, every rulebook, every commentary and every assessment of an
    /// indicator. In order, at most [`PAGE_SIZE`] of them.
    pub async fn concerning(
        &self,
        (code, last_day): (&str, NaiveDate),
        after: Position,
        upto: Position,
    ) -> Result<Vec<Envelope>, LogError> {
        let reader = &self.store.reader;
        let sql = CONCERNING.text(reader.dialect());
        let records = on!(reader, pool => {
            let page = sqlx::query_as(sql).bind(code).bind(after.0).bind(upto.0).bind(last_day).bind(PAGE_SIZE);
            page.fetch_all(pool).await
        });
        Ok(envelopes(records.map_err(doing("read the events that concern a period"))?)?)
    }

    /// The same of subjects, workers and teams, which belong to no contract: links of subjects, and what boards of the
    /// workforce rest on.
    pub async fn concerning_any_contract(
        &self,
        last_day: NaiveDate,
        after: Position,
        upto: Position,
    ) -> Result<Vec<Envelope>, LogError> {
        let reader = &self.store.reader;
        let sql = CONCERNING_ANY_CONTRACT.text(reader.dialect());
        let records = on!(reader, pool => {
            let page = sqlx::query_as(sql).bind(after.0).bind(upto.0).bind(last_day).bind(PAGE_SIZE);
            page.fetch_all(pool).await
        });
        Ok(envelopes(records.map_err(doing("read the events of subjects, workers and teams that concern a period"))?)?)
    }

    /// The events of these ids, in the order of the log.
    pub async fn events(&self, ids: &[EventId]) -> Result<Vec<Envelope>, LogError> {
        let reader = &self.store.reader;
        let sql = EVENTS.text(reader.dialect());
        let wanted = json!(ids).to_string();
        let records = on!(reader, pool => sqlx::query_as(sql).bind(&wanted).bind(PAGE_SIZE).fetch_all(pool).await);
        Ok(envelopes(records.map_err(doing("read events by id"))?)?)
    }

    /// The events of these commands of an actor, in the order of the log.
    pub async fn of_commands(&self, actor: &str, ids: &[CommandId]) -> Result<Vec<Envelope>, LogError> {
        let reader = &self.store.reader;
        let sql = OF_COMMANDS.text(reader.dialect());
        let wanted = json!(ids).to_string();
        let records = on!(reader, pool => {
            sqlx::query_as(sql).bind(actor).bind(&wanted).bind(i64::MAX).fetch_all(pool).await
        });
        Ok(envelopes(records.map_err(doing("read events by command"))?)?)
    }
}

/// The records of these streams, in the form that a statement binds.
async fn records_of(pool: &Pool, wanted: &str) -> sqlx::Result<Vec<(String,)>> {
    let sql = STREAMS.text(pool.dialect());
    on!(pool, pool => sqlx::query_as(sql).bind(wanted).bind(i64::MAX).fetch_all(pool).await)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Dialect;
    use throughline_domain::contract::outcome::is_looked_at;
    use throughline_domain::fact::event::EventType;

    #[test]
    fn no_event_that_claims_depend_on_is_left_out() {
        let sql = OF_CONTRACT.text(Dialect::Sqlite);
        let left_out: Vec<&EventType> =
            EventType::ALL.iter().filter(|of| sql.contains(&format!("'{}'", of.as_str()))).collect();
        assert_eq!(left_out.len(), 8, "each is the name of a type");
        assert!(!left_out.into_iter().any(|of| is_looked_at(*of)));
    }
}
