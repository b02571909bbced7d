//! The access log: who opened whose names, notes or files of evidence, and when.
//!
//! It is in the database of keys, apart from the log, because it is kept for a limited time. An opening is on disk here
//! before the caller sees anything of it: if it cannot be written, nothing is opened. It never has a text about a
//! person, only ids, the login of the caller and the kinds of what was opened.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Days, Utc};
use serde_json::json;
use uuid::Uuid;

use super::{Here, KeyError, KeyStore};
use crate::access::Principal;
use crate::clock::Chance;
use crate::store::{Conn, Sql, StoreError, columns, doing, on};
use throughline_domain::fact::envelope::{RevealId, SubjectId};
use throughline_domain::people::login;

/// The subjects are read from the keys: each person with something to open has one, and a destroyed one leaves its row.
static NOTE: Sql = Sql::new(
    "insert into access_log (response, subject, opened_at, request, role, login, login_key, identity, notes, evidence, \
     reveal) select $1, k.subject, $2, $3, $4, $5, $6, $7, $8, $9, $10 from keys k where k.subject in {uuids $11} \
     group by k.subject \
     on conflict (response, subject) do update set identity = access_log.identity or excluded.identity, \
     notes = access_log.notes or excluded.notes, evidence = access_log.evidence or excluded.evidence, \
     reveal = coalesce(access_log.reveal, excluded.reveal)",
);

/// A page of the entries between two instants, before a place, newest first. `$6` limits it.
macro_rules! page {
    ($filter:literal) => {
        concat!(
            "select response, subject, opened_at, request, role, login, identity, notes, evidence, reveal \
             from access_log where opened_at >= $1 and opened_at < $2 and (opened_at, response, subject) < ($3, $4, $5)",
            $filter,
            " order by opened_at desc, response desc, subject desc limit $6"
        )
    };
}

static PAGE: Sql = Sql::new(page!(""));
static PAGE_OF_SUBJECT: Sql = Sql::new(page!(" and subject = $7"));
static PAGE_OF_LOGIN: Sql = Sql::new(page!(" and login_key = $7"));
static PAGE_OF_BOTH: Sql = Sql::new(page!(" and subject = $7 and login_key = $8"));

/// The number of entries between two instants.
macro_rules! count {
    ($filter:literal) => {
        concat!("select count(*) from access_log where opened_at >= $1 and opened_at < $2", $filter)
    };
}

static COUNT: Sql = Sql::new(count!(""));
static COUNT_OF_SUBJECT: Sql = Sql::new(count!(" and subject = $3"));
static COUNT_OF_LOGIN: Sql = Sql::new(count!(" and login_key = $3"));
static COUNT_OF_BOTH: Sql = Sql::new(count!(" and subject = $3 and login_key = $4"));

static PRUNE: Sql = Sql::new(
    "delete from access_log where (response, subject) in \
     (select response, subject from access_log where opened_at < $1 order by opened_at, response, subject limit $2)",
);

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[
    &NOTE,
    &PAGE,
    &PAGE_OF_SUBJECT,
    &PAGE_OF_LOGIN,
    &PAGE_OF_BOTH,
    &COUNT,
    &COUNT_OF_SUBJECT,
    &COUNT_OF_LOGIN,
    &COUNT_OF_BOTH,
    &PRUNE,
];

/// The days for which entries are kept, unless the operator says otherwise: six years, in which a claim may be brought.
pub const KEPT_FOR_DAYS: u32 = 2_192;

/// How often old entries are removed.
const EVERY: Duration = Duration::from_hours(1);
/// The most entries that one statement removes.
const PORTION: i64 = 1_000;
/// The most characters of a request's id. A client may send any.
const REQUEST_ID_MAX: usize = 100;

/// What may be opened of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Names, birth date, contact details, numbers and needs.
    Identity,
    /// Notes and agreed actions.
    Notes,
    /// Files of evidence and their small pictures.
    Evidence,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Identity, Self::Notes, Self::Evidence];

    /// The name of the kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Notes => "notes",
            Self::Evidence => "evidence",
        }
    }
}

/// Something of a person that a response opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Opening {
    /// The person.
    pub subject: SubjectId,
    /// What.
    pub kind: Kind,
    /// The reveal that allows it, if the role of the caller does not.
    pub reveal: Option<RevealId>,
}

/// The response that opens something, and its caller.
#[derive(Debug, Clone)]
pub struct Opener {
    response: Uuid,
    request: String,
    principal: Principal,
}

impl Opener {
    /// A response to this request of a caller. It is a response of its own, whatever the id of the request: the
    /// operations of a socket share that id.
    pub fn of(principal: &Principal, request: &str) -> Self {
        let request = request.chars().take(REQUEST_ID_MAX).collect();
        Self { response: Uuid::from_bytes(Chance::System.bytes()), request, principal: principal.clone() }
    }
}

/// An entry of the access log: what one response opened of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessEntry {
    /// The response.
    pub response: Uuid,
    /// The person.
    pub subject: SubjectId,
    /// When.
    pub opened_at: DateTime<Utc>,
    /// The id of the request.
    pub request: String,
    /// The role of the caller.
    pub role: String,
    /// The login of the caller.
    pub login: String,
    /// What was opened.
    pub kinds: BTreeSet<Kind>,
    /// The reveal that allowed it, if the role did not.
    pub reveal: Option<RevealId>,
}

/// Which entries to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessFilter {
    /// Only of this person.
    pub subject: Option<SubjectId>,
    /// Only of this login, in any spelling.
    pub who: Option<String>,
    /// Only from this instant on.
    pub from: DateTime<Utc>,
    /// Only before this instant.
    pub to: DateTime<Utc>,
}

impl AccessFilter {
    /// The entries of a person and of a login, whichever are given, between two instants if they are given.
    pub fn of(subject: Option<SubjectId>, who: Option<String>) -> Self {
        let to = DateTime::parse_from_rfc3339("9999-01-01T00:00:00Z").expect("an instant").to_utc();
        Self { subject, who, from: DateTime::UNIX_EPOCH, to }
    }

    /// The same between two instants, as far as they are given.
    #[must_use]
    pub fn between(self, from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) -> Self {
        Self { from: from.unwrap_or(self.from), to: to.unwrap_or(self.to), ..self }
    }
}

/// The place of an entry in the list.
pub type AccessPlace = (DateTime<Utc>, Uuid, Uuid);

impl AccessEntry {
    /// The place of the entry in the list.
    pub const fn place(&self) -> AccessPlace {
        (self.opened_at, self.response, self.subject.0)
    }
}

columns! {
    struct Row {
        response: Uuid,
        subject: Uuid,
        opened_at: DateTime<Utc>,
        request: String,
        role: String,
        login: String,
        identity: bool,
        notes: bool,
        evidence: bool,
        reveal: Option<Uuid>,
    }
}

impl From<Row> for AccessEntry {
    fn from(row: Row) -> Self {
        let kinds = [(Kind::Identity, row.identity), (Kind::Notes, row.notes), (Kind::Evidence, row.evidence)];
        Self {
            response: row.response,
            subject: SubjectId(row.subject),
            opened_at: row.opened_at,
            request: row.request,
            role: row.role,
            login: row.login,
            kinds: kinds.into_iter().filter(|(_, opened)| *opened).map(|(kind, _)| kind).collect(),
            reveal: row.reveal.map(RevealId),
        }
    }
}

/// The people with the same openings, by what was opened.
type Alike = BTreeMap<(BTreeSet<Kind>, Option<RevealId>), BTreeSet<SubjectId>>;

/// The openings of each person together, and people with the same together.
fn alike(openings: &[Opening]) -> Alike {
    let mut of_each: BTreeMap<SubjectId, (BTreeSet<Kind>, Option<RevealId>)> = BTreeMap::new();
    for opening in openings {
        let (kinds, reveal) = of_each.entry(opening.subject).or_default();
        kinds.insert(opening.kind);
        *reveal = reveal.or(opening.reveal);
    }
    let mut alike = Alike::new();
    for (subject, what) in of_each {
        alike.entry(what).or_default().insert(subject);
    }
    alike
}

impl KeyStore {
    /// Notes what a response opens, before it is shown. Once this returns, it is on disk. A response that opens more of
    /// a person later has still one entry for them.
    pub async fn note_openings(&self, by: &Opener, openings: &[Opening]) -> Result<(), KeyError> {
        if openings.is_empty() {
            return Ok(());
        }
        let here = self.here()?;
        let now = here.clock.now();
        let mut conn = Conn::begun(&here.database.writer).await.map_err(doing("begin to note an access"))?;
        let mut noted = Ok(());
        for ((kinds, reveal), subjects) in &alike(openings) {
            noted = note(&mut conn, (by, now), (kinds, *reveal), subjects).await;
            if noted.is_err() {
                break;
            }
        }
        let done = match noted {
            Ok(()) => conn.commit().await,
            Err(error) => Err(error),
        };
        if done.is_err() {
            conn.rollback().await;
        }
        Ok(done.map_err(doing("note an access"))?)
    }

    /// A page of the access log, newest first, at most `most` entries.
    pub async fn access_log(
        &self,
        filter: &AccessFilter,
        before: Option<AccessPlace>,
        most: i64,
    ) -> Result<Vec<AccessEntry>, KeyError> {
        let reader = &self.here()?.database.reader;
        let sql = match (filter.subject, &filter.who) {
            (None, None) => &PAGE,
            (Some(_), None) => &PAGE_OF_SUBJECT,
            (None, Some(_)) => &PAGE_OF_LOGIN,
            (Some(_), Some(_)) => &PAGE_OF_BOTH,
        };
        let sql = sql.text(reader.dialect());
        let (at, response, subject) = before.unwrap_or((filter.to, Uuid::max(), Uuid::max()));
        let rows: sqlx::Result<Vec<Row>> = on!(reader, pool => {
            let page = sqlx::query_as(sql).bind(filter.from).bind(filter.to).bind(at).bind(response).bind(subject);
            let page = page.bind(most);
            let page = match filter.subject {
                Some(subject) => page.bind(subject.0),
                None => page,
            };
            let page = match &filter.who {
                Some(who) => page.bind(login::key(who)),
                None => page,
            };
            page.fetch_all(pool).await
        });
        let rows = rows.map_err(doing("read the access log"))?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// The number of entries of the access log that a filter lets through.
    pub async fn access_count(&self, filter: &AccessFilter) -> Result<i64, KeyError> {
        let reader = &self.here()?.database.reader;
        let sql = match (filter.subject, &filter.who) {
            (None, None) => &COUNT,
            (Some(_), None) => &COUNT_OF_SUBJECT,
            (None, Some(_)) => &COUNT_OF_LOGIN,
            (Some(_), Some(_)) => &COUNT_OF_BOTH,
        };
        let sql = sql.text(reader.dialect());
        let counted: sqlx::Result<(i64,)> = on!(reader, pool => {
            let count = sqlx::query_as(sql).bind(filter.from).bind(filter.to);
            let count = match filter.subject {
                Some(subject) => count.bind(subject.0),
                None => count,
            };
            let count = match &filter.who {
                Some(who) => count.bind(login::key(who)),
                None => count,
            };
            count.fetch_one(pool).await
        });
        Ok(counted.map_err(doing("count the access log"))?.0)
    }

    /// Removes the entries of the access log that are older than so many days. Returns their number.
    pub async fn prune_access_log(&self, days: u32) -> Result<u64, KeyError> {
        let here = self.here()?;
        let before = here.clock.now().checked_sub_days(Days::new(days.into())).unwrap_or(DateTime::UNIX_EPOCH);
        let mut removed = 0;
        loop {
            let portion = here.prune(before).await?;
            removed += portion;
            if portion < PORTION.unsigned_abs() {
                return Ok(removed);
            }
        }
    }

    /// Removes old entries of the access log again and again. Runs until it is aborted.
    pub async fn keep_access_log_for(self, days: u32) {
        while self.why_away().is_none() {
            if let Err(error) = self.prune_access_log(days).await {
                tracing::warn!(%error, "old entries of the access log could not be removed");
            }
            tokio::time::sleep(EVERY).await;
        }
    }
}

impl Here {
    async fn prune(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let writer = &self.database.writer;
        let sql = PRUNE.text(writer.dialect());
        let pruned = on!(writer, pool => {
            sqlx::query(sql).bind(before).bind(PORTION).execute(pool).await.map(|done| done.rows_affected())
        });
        pruned.map_err(doing("remove old entries of the access log"))
    }
}

/// Notes that the same was opened of several people. It fails if one of them has no key, so that none goes unnoted.
async fn note(
    conn: &mut Conn,
    (by, now): (&Opener, DateTime<Utc>),
    (kinds, reveal): (&BTreeSet<Kind>, Option<RevealId>),
    subjects: &BTreeSet<SubjectId>,
) -> sqlx::Result<()> {
    let sql = NOTE.text(conn.dialect());
    let (login, wanted) = (&by.principal.subject, json!(subjects).to_string());
    let [identity, notes, evidence] = Kind::ALL.map(|kind| kinds.contains(&kind));
    let written = on!(conn, conn => {
        let note = sqlx::query(sql).bind(by.response).bind(now).bind(&by.request).bind(by.principal.role.as_str());
        let note = note.bind(login).bind(login::key(login)).bind(identity).bind(notes).bind(evidence);
        let note = note.bind(reveal.map(|reveal| reveal.0)).bind(&wanted);
        note.execute(&mut **conn).await.map(|done| done.rows_affected())
    })?;
    if usize::try_from(written).is_ok_and(|rows| rows == subjects.len()) {
        Ok(())
    } else {
        Err(sqlx::Error::RowNotFound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn subject(of: u128) -> SubjectId {
        SubjectId(Uuid::from_u128(of))
    }

    #[test]
    fn the_openings_of_one_person_are_one_entry_and_people_with_the_same_are_noted_together() {
        let reveal = Some(RevealId(Uuid::from_u128(9)));
        let opening = |of, kind, reveal| Opening { subject: subject(of), kind, reveal };
        let found = alike(&[
            opening(1, Kind::Identity, None),
            opening(1, Kind::Notes, None),
            opening(2, Kind::Identity, None),
            opening(3, Kind::Identity, None),
            opening(4, Kind::Identity, reveal),
        ]);
        let expected = Alike::from([
            (([Kind::Identity].into(), None), [subject(2), subject(3)].into()),
            (([Kind::Identity].into(), reveal), [subject(4)].into()),
            (([Kind::Identity, Kind::Notes].into(), None), [subject(1)].into()),
        ]);
        assert_eq!(found, expected);
    }

    #[test]
    fn the_id_of_a_request_is_cut_off_where_a_client_sends_a_long_one() {
        let principal = Principal {
            subject: "kw-07".to_owned(),
            role: crate::access::Role::Manager,
            scope: crate::access::Scope::Deployment,
        };
        let [one, other] = [Opener::of(&principal, &"x".repeat(500)), Opener::of(&principal, "r-1")];
        assert_eq!((one.request.len(), other.request.as_str()), (REQUEST_ID_MAX, "r-1"));
        assert_ne!(one.response, other.response);
    }
}
