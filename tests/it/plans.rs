//! How Postgres goes about statements that take a list of ids, once it knows how much is in the tables: by the ids, and
//! never through the whole log.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};
use throughline::log;
use throughline::store::Dialect;

use crate::field::{Field, RawDb, is_full, now};
use crate::stores::Fresh;

/// How many ids are asked for.
const ASKED: u32 = 60;
/// How much may be looked at for each.
const FOR_EACH: u32 = 40;

/// A log of so many events, each two of a command and each twenty of a stream.
fn filled(events: u32) -> String {
    let record = "repeat('x', 500)";
    format!(
        "insert into events select n, md5('e' || n)::uuid, 'journey', md5('s' || n / 20)::uuid, 1 + n % 20, 'TaskSet', \
         'shps', '2018-01-01', '2018-01-01', 'tester', md5('c' || n / 2)::uuid, {record}, '' \
         from generate_series(1001, 1000 + {events}) n; \
         insert into commands select 'tester', md5('c' || n / 2)::uuid, null, n, n + 1 \
         from generate_series(1002, 999 + {events}, 2) n; \
         analyze events; analyze commands"
    )
}

/// How many events a step of a plan has looked at, if it looks at events: so many rows, so many times.
fn looked_at(step: &str) -> f64 {
    let number = |before: &str| {
        let (_, after) = step.split_once(before)?;
        after.split([' ', ')']).next()?.parse::<f64>().ok()
    };
    if step.contains(" on events") {
        number("actual rows=").zip(number("loops=")).map_or(0.0, |(a, b)| a * b)
    } else {
        0.0
    }
}

/// How many events a statement looks at: as it is planned for its first values, and as for any.
async fn costs(conn: &mut PgConnection, text: &str, values: &str) -> f64 {
    let mut most = 0.0_f64;
    for mode in ["force_custom_plan", "force_generic_plan"] {
        let prepared = format!("deallocate all; set plan_cache_mode = {mode}; prepare asked as {text}");
        conn.execute(sqlx::raw_sql(AssertSqlSafe(prepared))).await.expect("it is prepared");
        let explain = AssertSqlSafe(format!("explain (analyze, timing off) execute asked({values})"));
        let plan = conn.fetch_all(sqlx::raw_sql(explain)).await.expect("a plan");
        let steps: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
        assert!(steps.iter().any(|step| step.contains(" on events")), "{steps:#?}");
        most = most.max(steps.iter().map(|step| looked_at(step)).sum());
    }
    most
}

/// What a query gives, as a literal.
async fn literal(conn: &mut PgConnection, query: String) -> String {
    let row = conn.fetch_one(sqlx::raw_sql(AssertSqlSafe(query))).await.expect("an answer");
    format!("'{}'", row.get::<String, _>(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_ids_leads_to_its_events_and_not_through_the_whole_log() {
    let events = if is_full() { 100_000 } else { 30_000 };
    let fresh = Fresh::on(Dialect::Postgres, now()).await;
    Field::of("plans").journeys(&fresh.recorder, 0).await;
    RawDb::at(fresh.place()).await.run(&filled(events)).await;
    let mut conn = PgConnection::connect(fresh.url()).await.expect("the server answers");
    let statements: Vec<&str> =
        log::statements(Dialect::Postgres).into_iter().map(|sql| sql.text(Dialect::Postgres)).collect();
    let of = |words: &str| {
        let mut found = statements.iter().copied().filter(|text| text.contains(words));
        found.next().unwrap_or_else(|| panic!("no statement has {words:?}"))
    };
    let all = |what: &str, first: u32| {
        format!("select json_agg({what})::text from generate_series({first}, {}) n", first + ASKED - 1)
    };
    let of_commands_asked = literal(&mut conn, all("md5('c' || n)::uuid", 600)).await;
    let events_asked = literal(&mut conn, all("md5('e' || n)::uuid", 1_200)).await;
    let streams_asked = literal(&mut conn, all("json_build_array('journey', md5('s' || n)::uuid, 0)", 60)).await;
    let (of_commands, most) = (of("from commands c join events e on e.position between"), i64::MAX);
    let commands = format!("'tester', {of_commands_asked}, {most}");
    for (text, values) in [
        (of_commands, commands.clone()),
        (of("select record from events where event_id in"), format!("{events_asked}, {most}")),
        (of("join events e on e.stream_id = s.id"), format!("{streams_asked}, {most}")),
    ] {
        let cost = costs(&mut conn, text, &values).await;
        assert!(
            cost >= f64::from(ASKED) && cost <= f64::from(ASKED * FOR_EACH),
            "{cost} events are looked at by {text}"
        );
    }

    // Control: in the order of the log alone, the whole of it is looked at.
    let by_position = of_commands.replace("c.first_position, e.position limit", "e.position limit");
    assert_ne!(by_position, of_commands);
    let cost = costs(&mut conn, &by_position, &commands).await;
    assert!(cost >= f64::from(events), "only {cost} events are looked at");
    fresh.end().await;
}
