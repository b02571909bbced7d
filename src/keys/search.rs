//! The tables of the search for people, beside the keys: which keyed hashes belong to whom, up to where the log is
//! indexed, and which records look like one person.
//!
//! Only hashes and ids are here. Nothing is computed from a name here, and nothing is opened. When the keys of a person
//! are destroyed, the same transaction removes what they were found by.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{KeyError, KeyStore};
use crate::store::{Conn, Sql, columns, doing, on};
use throughline_domain::fact::envelope::{EventId, Position, SubjectId};

static CURSOR: Sql = Sql::new("select spelling, run, position, event from search_cursor where id = 1");

static RESTART: Sql = Sql::new(
    "update search_cursor set spelling = $1, run = run + 1, position = 0, event = null where id = 1 and run = $2",
);

static FORGET_TOKENS: Sql = Sql::new("delete from search_token");

static FORGET_PAIRS: Sql = Sql::new("delete from possible_duplicate");

/// Moves the cursor, unless another process has moved it further or has begun anew.
static MOVE: Sql =
    Sql::new("update search_cursor set position = $1, event = $2 where id = 1 and run = $3 and position <= $4");

/// Locks the key of a person, so that it is not destroyed before the transaction ends.
static HOLD: Sql = Sql::new(
    "update keys set created_at = created_at where subject = $1 and class = 'identity' and wrapped is not null",
);

static REMOVE_TOKENS: Sql = Sql::new("delete from search_token where subject in {uuids $1}");

static REMOVE_PAIRS: Sql =
    Sql::new("delete from possible_duplicate where subject in {uuids $1} or other in {uuids $1}");

static ADD_TOKENS: Sql =
    Sql::new("insert into search_token (token, subject) select added.one, added.other from {pairs $1} added");

/// The first `$3` people other than `$2` who are found by one of the tokens `$1`, each with these tokens.
static ALIKE: Sql = Sql::new(
    "select token, subject from search_token where token in {uuids $1} and subject in (select distinct subject \
     from search_token where token in {uuids $1} and subject <> $2 order by subject limit $3) order by subject, token",
);

static ADD_PAIRS: Sql = Sql::new(
    "insert into possible_duplicate (subject, other, reason) \
     select added.one, added.other, cast($2 as text) from {pairs $1} added where true \
     on conflict (subject, other) do nothing",
);

/// The people who match every one of `$2` criteria. `$1` has rows of (criterion, token). Those who match the token `$3`
/// come first, and then all by id; only those after the place (`$4`, `$5`).
static FOUND: Sql = Sql::new(
    "select subject, later from \
     (select t.subject, min(case when t.token = $3 then cast(0 as bigint) else 1 end) as later from \
     {pairs $1} asked join search_token t on t.token = asked.other group by t.subject \
     having count(distinct asked.one) = $2) found \
     where later > $4 or later = $4 and subject > $5 order by later, subject limit $6",
);

static PAIRS_AFTER: Sql = Sql::new(
    "select subject, other, reason from possible_duplicate where subject > $1 or subject = $1 and other > $2 \
     order by subject, other limit $3",
);

static PAIRS_OF: Sql = Sql::new(
    "select subject, other, reason from possible_duplicate where subject = $1 or other = $1 \
     order by subject, other limit $2",
);

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[
    &CURSOR,
    &RESTART,
    &FORGET_TOKENS,
    &FORGET_PAIRS,
    &MOVE,
    &HOLD,
    &REMOVE_TOKENS,
    &REMOVE_PAIRS,
    &ADD_TOKENS,
    &ALIKE,
    &ADD_PAIRS,
    &FOUND,
    &PAIRS_AFTER,
    &PAIRS_OF,
];

/// The most people that one person is taken to look like.
pub(crate) const ALIKE_MAX: i64 = 20;

/// A keyed hash of something that a person is found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Token(pub Uuid);

/// Why two records look like one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// They have the same National Insurance number, NHS number or unique pupil number.
    Identifier,
    /// They have the same birth date, and names that are the same or sound alike.
    Name,
}

impl Likeness {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Identifier => "identifier",
            Self::Name => "name",
        }
    }
}

/// A pair of records that look like one person. The smaller id comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// The first record.
    pub subject: SubjectId,
    /// The other record.
    pub other: SubjectId,
    /// Why they look like one person.
    pub likeness: Likeness,
}

/// What one person is found by.
#[derive(Debug, Clone, Default)]
pub(crate) struct FoundBy {
    /// The tokens that a search looks for.
    pub(crate) tokens: BTreeSet<Token>,
    /// The tokens that only records of one person share, with what they say.
    pub(crate) alike: BTreeMap<Token, Likeness>,
    /// The other records that are linked with this one, or that were dismissed as other people.
    pub(crate) settled: BTreeSet<SubjectId>,
}

/// Up to where the log is indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SearchCursor {
    /// The version of the spelling.
    pub(crate) spelling: i64,
    /// How often the index was begun.
    pub(crate) run: i64,
    /// The position of the last event that is indexed.
    pub(crate) position: Position,
    /// The id of that event.
    pub(crate) event: Option<EventId>,
}

/// What a search looks for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    /// For each criterion, the tokens of which a person must have one.
    pub(crate) criteria: Vec<BTreeSet<Token>>,
    /// The token of those who come first.
    pub(crate) first: Option<Token>,
}

/// The place of a person in the results of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FoundAt {
    /// Whether the person comes after those who match exactly: 0 or 1.
    pub(crate) later: i64,
    /// The person.
    pub(crate) subject: SubjectId,
}

columns! {
    struct CursorRow {
        spelling: i64,
        run: i64,
        position: i64,
        event: Option<Uuid>,
    }
}

columns! {
    struct PairRow {
        subject: Uuid,
        other: Uuid,
        reason: String,
    }
}

impl From<PairRow> for Pair {
    fn from(row: PairRow) -> Self {
        let likeness = if row.reason == Likeness::Identifier.as_str() { Likeness::Identifier } else { Likeness::Name };
        Self { subject: SubjectId(row.subject), other: SubjectId(row.other), likeness }
    }
}

impl KeyStore {
    /// Up to where the log is indexed.
    pub(crate) async fn search_cursor(&self) -> Result<SearchCursor, KeyError> {
        let reader = &self.here()?.database.reader;
        let sql = CURSOR.text(reader.dialect());
        let row: sqlx::Result<CursorRow> = on!(reader, pool => sqlx::query_as(sql).fetch_one(pool).await);
        let CursorRow { spelling, run, position, event } = row.map_err(doing("read how far the search is"))?;
        Ok(SearchCursor { spelling, run, position: Position(position), event: event.map(EventId) })
    }

    /// Empties the index, so that it is built anew by this version of the spelling. Does nothing if another process has
    /// done so since the cursor was read.
    pub(crate) async fn restart_search(&self, since: SearchCursor, spelling: i64) -> Result<(), KeyError> {
        let here = self.here()?;
        let mut conn = Conn::begun(&here.database.writer).await.map_err(doing("begin to empty the search"))?;
        let emptied = restart_in(&mut conn, since, spelling).await;
        ended(conn, emptied).await.map_err(doing("empty the search"))?;
        Ok(())
    }

    /// Replaces what these people are found by, and moves the cursor from one event to another. Returns false if another
    /// process has indexed further or has begun anew meanwhile: then nothing is changed. People whose key was destroyed
    /// are found no more.
    pub(crate) async fn index(
        &self,
        from: SearchCursor,
        upto: (Position, Option<EventId>),
        people: &BTreeMap<SubjectId, FoundBy>,
    ) -> Result<bool, KeyError> {
        let here = self.here()?;
        let mut conn = Conn::begun(&here.database.writer).await.map_err(doing("begin to index people"))?;
        let indexed = index_in(&mut conn, from, upto, people).await;
        Ok(ended(conn, indexed).await.map_err(doing("index people"))?)
    }

    /// The people whom a search finds, after a place.
    pub(crate) async fn found(
        &self,
        asked: &Asked,
        after: Option<FoundAt>,
        most: i64,
    ) -> Result<Vec<FoundAt>, KeyError> {
        let reader = &self.here()?.database.reader;
        let sql = FOUND.text(reader.dialect());
        let criteria = asked.criteria.iter().enumerate().flat_map(|(nth, tokens)| {
            let criterion = Uuid::from_u128(nth as u128);
            tokens.iter().map(move |token| (criterion, *token))
        });
        let criteria = json!(criteria.collect::<Vec<_>>()).to_string();
        let number = i64::try_from(asked.criteria.len()).expect("a search has few criteria");
        let first = asked.first.unwrap_or(Token(Uuid::nil())).0;
        let after = after.unwrap_or(FoundAt { later: -1, subject: SubjectId(Uuid::nil()) });
        let found: sqlx::Result<Vec<(Uuid, i64)>> = on!(reader, pool => {
            let found = sqlx::query_as(sql).bind(&criteria).bind(number).bind(first);
            found.bind(after.later).bind(after.subject.0).bind(most).fetch_all(pool).await
        });
        let found = found.map_err(doing("search people"))?;
        Ok(found.into_iter().map(|(subject, later)| FoundAt { later, subject: SubjectId(subject) }).collect())
    }

    /// The people who share one of these tokens with a person, each with the strongest likeness.
    pub(crate) async fn alike(
        &self,
        subject: SubjectId,
        tokens: &BTreeMap<Token, Likeness>,
    ) -> Result<BTreeMap<SubjectId, Likeness>, KeyError> {
        if tokens.is_empty() {
            return Ok(BTreeMap::new());
        }
        let reader = &self.here()?.database.reader;
        let sql = ALIKE.text(reader.dialect());
        let wanted = json!(tokens.keys().collect::<Vec<_>>()).to_string();
        let found: sqlx::Result<Vec<(Uuid, Uuid)>> = on!(reader, pool => {
            sqlx::query_as(sql).bind(&wanted).bind(subject.0).bind(ALIKE_MAX).fetch_all(pool).await
        });
        Ok(strongest(found.map_err(doing("look for people who are alike"))?, tokens))
    }

    /// The pairs that look like one person, after a pair.
    pub(crate) async fn pairs_after(
        &self,
        (subject, other): (SubjectId, SubjectId),
        most: i64,
    ) -> Result<Vec<Pair>, KeyError> {
        let reader = &self.here()?.database.reader;
        let sql = PAIRS_AFTER.text(reader.dialect());
        let found: sqlx::Result<Vec<PairRow>> = on!(reader, pool => {
            sqlx::query_as(sql).bind(subject.0).bind(other.0).bind(most).fetch_all(pool).await
        });
        Ok(found.map_err(doing("list pairs of records"))?.into_iter().map(Into::into).collect())
    }

    /// The pairs of one person.
    pub(crate) async fn pairs_of(&self, subject: SubjectId) -> Result<Vec<Pair>, KeyError> {
        let reader = &self.here()?.database.reader;
        let sql = PAIRS_OF.text(reader.dialect());
        let found: sqlx::Result<Vec<PairRow>> = on!(reader, pool => {
            sqlx::query_as(sql).bind(subject.0).bind(ALIKE_MAX).fetch_all(pool).await
        });
        Ok(found.map_err(doing("list the pairs of a record"))?.into_iter().map(Into::into).collect())
    }
}

/// Removes what a person is found by, in the transaction that destroys their keys.
pub(super) async fn remove_in(conn: &mut Conn, subject: SubjectId) -> sqlx::Result<()> {
    let one = json!([subject]).to_string();
    remove_all_in(conn, &one).await
}

async fn remove_all_in(conn: &mut Conn, subjects: &str) -> sqlx::Result<()> {
    for sql in [&REMOVE_TOKENS, &REMOVE_PAIRS] {
        let sql = sql.text(conn.dialect());
        on!(conn, conn => sqlx::query(sql).bind(subjects).execute(&mut **conn).await.map(drop))?;
    }
    Ok(())
}

async fn restart_in(conn: &mut Conn, since: SearchCursor, spelling: i64) -> sqlx::Result<()> {
    let sql = RESTART.text(conn.dialect());
    let restarted = on!(conn, conn => {
        let restart = sqlx::query(sql).bind(spelling).bind(since.run).execute(&mut **conn).await;
        restart.map(|done| done.rows_affected())
    })?;
    for sql in [&FORGET_TOKENS, &FORGET_PAIRS].into_iter().filter(|_| restarted == 1) {
        let sql = sql.text(conn.dialect());
        on!(conn, conn => sqlx::query(sql).execute(&mut **conn).await.map(drop))?;
    }
    Ok(())
}

async fn index_in(
    conn: &mut Conn,
    from: SearchCursor,
    (position, event): (Position, Option<EventId>),
    people: &BTreeMap<SubjectId, FoundBy>,
) -> sqlx::Result<bool> {
    let sql = MOVE.text(conn.dialect());
    let moved = on!(conn, conn => {
        let moved = sqlx::query(sql).bind(position.0).bind(event.map(|event| event.0)).bind(from.run);
        moved.bind(from.position.0).execute(&mut **conn).await.map(|done| done.rows_affected())
    })?;
    if moved == 0 {
        return Ok(false);
    }
    if people.is_empty() {
        return Ok(true);
    }
    let mut kept: Vec<(SubjectId, &FoundBy)> = Vec::with_capacity(people.len());
    // In the order of ids, as a rotation goes through the keys, so that the two never wait for each other.
    for (subject, found_by) in people.iter().filter(|(_, found_by)| !found_by.tokens.is_empty()) {
        let sql = HOLD.text(conn.dialect());
        let held = on!(conn, conn => {
            sqlx::query(sql).bind(subject.0).execute(&mut **conn).await.map(|done| done.rows_affected())
        })?;
        if held > 0 {
            kept.push((*subject, found_by));
        }
    }
    // After the keys are held, as a destruction takes them: in another order the two would wait for each other.
    remove_all_in(conn, &json!(people.keys().collect::<Vec<_>>()).to_string()).await?;
    let tokens = kept.iter().flat_map(|(subject, found_by)| {
        found_by.tokens.iter().chain(found_by.alike.keys()).map(move |token| (*token, *subject))
    });
    let tokens = json!(tokens.collect::<Vec<_>>()).to_string();
    let sql = ADD_TOKENS.text(conn.dialect());
    on!(conn, conn => sqlx::query(sql).bind(&tokens).execute(&mut **conn).await.map(drop))?;
    pair_in(conn, &kept).await?;
    Ok(true)
}

/// Stores the pairs that these people are part of, without those that were settled.
async fn pair_in(conn: &mut Conn, people: &[(SubjectId, &FoundBy)]) -> sqlx::Result<()> {
    let mut pairs: BTreeMap<Likeness, BTreeSet<(SubjectId, SubjectId)>> = BTreeMap::new();
    for (subject, found_by) in people.iter().filter(|(_, found_by)| !found_by.alike.is_empty()) {
        let sql = ALIKE.text(conn.dialect());
        let wanted = json!(found_by.alike.keys().collect::<Vec<_>>()).to_string();
        let found: Vec<(Uuid, Uuid)> = on!(conn, conn => {
            sqlx::query_as(sql).bind(&wanted).bind(subject.0).bind(ALIKE_MAX).fetch_all(&mut **conn).await
        })?;
        let alike = strongest(found, &found_by.alike).into_iter();
        for (other, likeness) in alike.filter(|(other, _)| !found_by.settled.contains(other)) {
            let pair = (*subject.min(&other), *subject.max(&other));
            pairs.entry(likeness).or_default().insert(pair);
        }
    }
    for (likeness, pairs) in pairs {
        let sql = ADD_PAIRS.text(conn.dialect());
        let pairs = json!(pairs).to_string();
        on!(conn, conn => {
            sqlx::query(sql).bind(&pairs).bind(likeness.as_str()).execute(&mut **conn).await.map(drop)
        })?;
    }
    Ok(())
}

/// The people of rows of (token, person), each with the strongest likeness.
fn strongest(rows: Vec<(Uuid, Uuid)>, tokens: &BTreeMap<Token, Likeness>) -> BTreeMap<SubjectId, Likeness> {
    let mut alike: BTreeMap<SubjectId, Likeness> = BTreeMap::new();
    for (token, subject) in rows {
        let Some(likeness) = tokens.get(&Token(token)).copied() else { continue };
        alike.entry(SubjectId(subject)).and_modify(|known| *known = likeness.min(*known)).or_insert(likeness);
    }
    alike
}

/// Commits what was done, or rolls it back.
async fn ended<T>(mut conn: Conn, done: sqlx::Result<T>) -> sqlx::Result<T> {
    let done = match done {
        Ok(done) => conn.commit().await.map(|()| done),
        Err(error) => Err(error),
    };
    if done.is_err() {
        conn.rollback().await;
    }
    done
}
