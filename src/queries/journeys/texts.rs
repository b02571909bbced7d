//! The texts of the lists of journeys: four ways to the rows, six orders, one set of binds.
//!
//! | bind | is | bind | is |
//! | --- | --- | --- | --- |
//! | `$1` | the contract | `$13` | received up to this day |
//! | `$2` | the day for which the caller's rights were read | `$14`, `$15` | in one of these states |
//! | `$3` | which cases may be shown: all, held, among | `$16`, `$17` | a case number's system and id |
//! | `$4` | those that these workers hold, or these | `$18`, `$19` | references from here up to there |
//! | `$5` | and whether those without a keyworker | `$20` | the day at whose end it is read |
//! | `$6`, `$7`, `$8` | area, cohort, stage | `$21`, `$22` | last contact from here up to there |
//! | `$9` | the keyworkers | `$23` | the subject |
//! | `$10` | whether only those without a keyworker | `$24` | whether only those without a contact |
//! | `$11` | the keyworker's team | `$25`, `$26` | the place after which the page begins |
//! | `$12` | received from this day on | `$27` | how many rows |
//!
//! A filter that is not asked for is bound as null. Nothing here decides which text answers a question.
//!
//! Written out, the 28 texts would repeat the same filters on two thousand lines. A test writes them out:
//! `cargo test --test it -- psql`, then `tmp/statements.sql` in the build folder.

use crate::queries::caseload_scope::may_be_shown;
use crate::store::Sql;

/// The furthest stage that the journey `j` has reached.
macro_rules! stage {
    () => {
        "(select g.stage from stage g where g.journey = j.id and g.counts_from <= $20 order by g.ordinal desc limit 1)"
    };
}

/// The date of the last contact of the journey `j` that counts.
macro_rules! day {
    () => {
        "(select max(k.day) from countable k where k.kind in ('face_to_face', 'remote') and k.journey = j.id and k.day <= $20)"
    };
}

/// The requested workers, by id or by team.
macro_rules! asked_workers {
    () => {
        "(select v.id from worker v where v.id in {uuids $9} union all select m.worker from team_member m \
         where m.team = $11 and m.from_on <= $20 and m.to_on > $20)"
    };
}

/// The caseload `c` with its journeys `j`. `w` is set if the keyworker has left.
macro_rules! from_caseload {
    ($more:expr) => {
        concat!(
            " from caseload c join journey j on j.id = c.journey ",
            "left join worker w on w.id = c.keyworker and w.left_on <= $20 ",
            "where c.contract = $1 and c.from_on <= $20 and c.to_on > $20",
            $more
        )
    };
}

/// Journeys `j` with their state `s` and their keyworker assignment `h`. `w` is set if that keyworker has left.
macro_rules! from_journeys {
    ($journeys:expr, $where:literal) => {
        concat!(
            " from ",
            $journeys,
            " join state s on s.journey = j.id and s.counts_from <= $20 and s.to_on > $20 ",
            "left join assignment h on h.journey = j.id and h.role = 'keyworker' and h.counts_from <= $20 ",
            "and h.to_on > $20 left join worker w on w.id = h.worker and w.left_on <= $20 where ",
            $where
        )
    };
}

/// The few journeys found by a case number, a subject or a worker.
macro_rules! found {
    () => {
        concat!(
            "(select x.journey from external_reference x where x.contract = $1 and x.system = $16 and x.id = $17 ",
            "union select n.id from journey n where n.subject = $23 and n.contract = $1 ",
            "union select a.journey from assignment a where a.contract = $1 and a.worker in ",
            asked_workers!(),
            ") f join journey j on j.id = f.journey"
        )
    };
}

/// The conditions of the filter, and the check that the caller may see the journey. A condition that is null is skipped
/// before any lookup, and cheap conditions come first. The casts only tell Postgres the type of a bind.
macro_rules! filters {
    ($state:literal, $keyworker:literal) => {
        concat!(
            " and (cast($6 as text) is null or j.area = $6) and (cast($7 as text) is null or j.cohort = $7) ",
            "and (cast($12 as date) is null or j.received_on >= $12) ",
            "and (cast($13 as date) is null or j.received_on <= $13) and (cast($14 as text) is null or ",
            $state,
            " in ($14, $15)) and j.reference >= $18 and (cast($19 as text) is null or j.reference < $19) ",
            "and (cast($23 as uuid) is null or j.subject = $23) and (cast($9 as text) is null or ",
            $keyworker,
            " in {uuids $9} and w.id is null) and (not $10 or ",
            $keyworker,
            " is null or w.id is not null) and (cast($11 as uuid) is null or w.id is null and ",
            $keyworker,
            " in (select m.worker from team_member m where m.team = $11 and m.from_on <= $20 and m.to_on > $20)) ",
            "and (cast($16 as text) is null or exists ",
            "(select 1 from external_reference x where x.journey = j.id and x.system = $16 and x.id = $17)) ",
            "and (cast($8 as text) is null or ",
            stage!(),
            " = $8) and (cast($21 as date) is null or ",
            "(select min(k.latest) from countable k where k.kind in ('face_to_face', 'remote') and k.journey = j.id and k.day >= $21 and k.day = ",
            day!(),
            ") <= $22) and (not $24 or not exists ",
            "(select 1 from countable k where k.kind in ('face_to_face', 'remote') and k.journey = j.id and k.day <= $20)) ",
            "and ",
            may_be_shown!("j.id")
        )
    };
}

/// A page of these rows, sorted by a key in one direction.
macro_rules! page {
    ($rows:expr, $keyworker:literal, $id:literal, $key:expr, $after:literal, $direction:literal) => {
        Sql::new(concat!(
            "select p.journey, p.reference, p.area, p.received_on, p.keyworker, p.stage, p.day, ",
            "(select min(k.latest) from countable k where k.kind in ('face_to_face', 'remote') and k.journey = p.journey and k.day = p.day) as latest from (",
            "select j.id as journey, j.reference, j.area, j.received_on, ",
            "case when w.id is null then ",
            $keyworker,
            " end as keyworker, ",
            stage!(),
            " as stage, ",
            day!(),
            " as day, ",
            $key,
            " as place",
            $rows,
            " and (",
            $key,
            ", ",
            $id,
            ") ",
            $after,
            " ($25, $26) order by ",
            $key,
            $direction,
            ", ",
            $id,
            $direction,
            " limit $27) p order by p.place",
            $direction,
            ", p.journey",
            $direction
        ))
    };
}

/// The statements over one set of rows.
#[derive(Debug)]
pub(super) struct Texts {
    /// The number of rows.
    pub(super) count: Sql,
    /// By reference, ascending and descending.
    pub(super) by_reference: [Sql; 2],
    /// By the date received, ascending and descending.
    pub(super) by_received: [Sql; 2],
    /// By the date of the last contact, ascending and descending. No contact comes before every contact.
    pub(super) by_contact: [Sql; 2],
}

macro_rules! texts {
    ($rows:expr, $keyworker:literal, $id:literal, $reference:literal, $received:literal) => {
        Texts {
            count: Sql::new(concat!("select count(*)", $rows)),
            by_reference: [
                page!($rows, $keyworker, $id, $reference, ">", ""),
                page!($rows, $keyworker, $id, $reference, "<", " desc"),
            ],
            by_received: [
                page!($rows, $keyworker, $id, $received, ">", ""),
                page!($rows, $keyworker, $id, $received, "<", " desc"),
            ],
            by_contact: [
                page!($rows, $keyworker, $id, concat!("coalesce(", day!(), ", '0001-01-02')"), ">", ""),
                page!($rows, $keyworker, $id, concat!("coalesce(", day!(), ", '0001-01-02')"), "<", " desc"),
            ],
        }
    };
}

/// The caseload of a contract. For two of the orders, its indexes return the rows already sorted.
pub(super) static CASELOAD: Texts = texts!(
    concat!(from_caseload!(""), filters!("'on_caseload'", "c.keyworker")),
    "c.keyworker",
    "c.journey",
    "c.reference",
    "c.received_on"
);
/// The caseload of one keyworker or of a team. There are few rows, so sorting them is cheap, and the index by keyworker
/// skips cases that they held earlier. The text is written so that the planner does not choose an index for the order
/// instead.
pub(super) static CASELOAD_HELD: Texts = texts!(
    concat!(
        from_caseload!(concat!(" and c.keyworker in ", asked_workers!())),
        filters!("'on_caseload'", "c.keyworker")
    ),
    "c.keyworker",
    "j.id",
    "j.reference",
    "j.received_on"
);
/// Every journey of a contract.
pub(super) static JOURNEYS: Texts = texts!(
    concat!(from_journeys!("journey j", "j.contract = $1"), filters!("s.state", "h.worker")),
    "h.worker",
    "j.id",
    "j.reference",
    "j.received_on"
);
/// The journeys of a contract found by a case number, a subject or a worker. Each of these lookups is limited to the
/// contract. The text is written so that the planner does not choose the contract's own indexes instead.
pub(super) static JOURNEYS_FOUND: Texts = texts!(
    concat!(from_journeys!(found!(), "1 = 1"), filters!("s.state", "h.worker")),
    "h.worker",
    "j.id",
    "j.reference",
    "j.received_on"
);

/// The number of cases on the caseload and the number of journeys referred by the end of the day `$2`, without a
/// filter. The indexes alone give the answer.
pub(super) static WHOLE: [Sql; 2] = [
    Sql::new("select count(*) from caseload where contract = $1 and from_on <= $2 and to_on > $2"),
    Sql::new("select count(*) from journey where contract = $1 and received_on <= $2"),
];

impl Texts {
    /// All statements.
    pub(super) fn all(&'static self) -> impl Iterator<Item = &'static Sql> {
        let pages = [&self.by_reference, &self.by_received, &self.by_contact];
        std::iter::once(&self.count).chain(pages.into_iter().flatten())
    }
}
