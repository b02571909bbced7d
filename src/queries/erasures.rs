//! Whose erasure was approved, whose is done, and which cases such a person has.
//!
//! For the erasure itself, which may know the whole deployment. It is never asked for a caller.

use std::collections::BTreeSet;

use serde_json::json;
use uuid::Uuid;

use crate::store::{Sql, StoreError, columns, doing, on};
use crate::views::generation::Generation;
use throughline_domain::fact::envelope::{EventId, JourneyId, OfferId, SubjectId};
use throughline_domain::fact::event::ErasureGround;

static OF_SUBJECT: Sql = Sql::new(
    "select subject, ground, approval, is_erased from erasure where subject in {uuids $1} order by subject limit $2",
);
static IN_STATE: Sql = Sql::new(
    "select subject, ground, approval, is_erased from erasure where is_erased = $1 and subject > $2 \
     order by subject limit $3",
);
static REGISTERED: Sql = Sql::new("select id from subject where id in {uuids $1} order by id limit $2");
static CASES: Sql = Sql::new("select id from journey where subject = $1 order by id limit $2");
static OFFERS: Sql = Sql::new("select id from offered_referral where subject = $1 order by id limit $2");

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&OF_SUBJECT, &IN_STATE, &REGISTERED, &CASES, &OFFERS];

columns! {
    struct Row {
        subject: Uuid,
        ground: String,
        approval: Option<Uuid>,
        is_erased: i64,
    }
}

/// How far an erasure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Two people agreed on it.
    Approved,
    /// It is done.
    Erased,
}

/// An erasure that was approved, or is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErasureRow {
    /// The subject.
    pub subject: SubjectId,
    /// Why.
    pub ground: ErasureGround,
    /// The event that approved it, if this log has it.
    pub approval: Option<EventId>,
    /// How far it is.
    pub state: State,
}

impl Row {
    fn read(&self) -> Result<ErasureRow, StoreError> {
        let unreadable = || doing("read erasures")(sqlx::Error::Decode("the ground is unknown".into()));
        let state = if self.is_erased == 0 { State::Approved } else { State::Erased };
        let ground = ErasureGround::named(&self.ground).ok_or_else(unreadable)?;
        Ok(ErasureRow { subject: SubjectId(self.subject), ground, approval: self.approval.map(EventId), state })
    }
}

/// The erasures of these subjects.
pub async fn of_subjects(
    generation: &Generation,
    subjects: &BTreeSet<SubjectId>,
) -> Result<Vec<ErasureRow>, StoreError> {
    let sql = OF_SUBJECT.text(generation.reader.dialect());
    let wanted = json!(subjects).to_string();
    let found: sqlx::Result<Vec<Row>> = on!(&generation.reader, pool => {
        sqlx::query_as(sql).bind(&wanted).bind(i64::MAX).fetch_all(pool).await
    });
    found.map_err(doing("read erasures"))?.iter().map(Row::read).collect()
}

/// The erasures in a state, by the id of the subject, from after this one on.
pub async fn in_state(
    generation: &Generation,
    state: State,
    (after, most): (SubjectId, i64),
) -> Result<Vec<ErasureRow>, StoreError> {
    let sql = IN_STATE.text(generation.reader.dialect());
    let is_erased = i64::from(state == State::Erased);
    let found: sqlx::Result<Vec<Row>> = on!(&generation.reader, pool => {
        sqlx::query_as(sql).bind(is_erased).bind(after.0).bind(most).fetch_all(pool).await
    });
    found.map_err(doing("read erasures"))?.iter().map(Row::read).collect()
}

/// Those of some subjects that are registered.
pub async fn registered(
    generation: &Generation,
    subjects: &BTreeSet<SubjectId>,
) -> Result<BTreeSet<SubjectId>, StoreError> {
    let sql = REGISTERED.text(generation.reader.dialect());
    let wanted = json!(subjects).to_string();
    let found: sqlx::Result<Vec<Uuid>> = on!(&generation.reader, pool => {
        sqlx::query_scalar(sql).bind(&wanted).bind(i64::MAX).fetch_all(pool).await
    });
    Ok(found.map_err(doing("read which subjects are registered"))?.into_iter().map(SubjectId).collect())
}

/// Every case of a subject.
pub async fn cases(generation: &Generation, subject: SubjectId) -> Result<Vec<JourneyId>, StoreError> {
    let sql = CASES.text(generation.reader.dialect());
    let found: sqlx::Result<Vec<Uuid>> = on!(&generation.reader, pool => {
        sqlx::query_scalar(sql).bind(subject.0).bind(i64::MAX).fetch_all(pool).await
    });
    Ok(found.map_err(doing("read the cases of a subject"))?.into_iter().map(JourneyId).collect())
}

/// The offered referrals by which a subject was registered.
pub async fn offers(generation: &Generation, subject: SubjectId) -> Result<Vec<OfferId>, StoreError> {
    let sql = OFFERS.text(generation.reader.dialect());
    let found: sqlx::Result<Vec<Uuid>> = on!(&generation.reader, pool => {
        sqlx::query_scalar(sql).bind(subject.0).bind(i64::MAX).fetch_all(pool).await
    });
    Ok(found.map_err(doing("read the offered referrals of a subject"))?.into_iter().map(OfferId).collect())
}
