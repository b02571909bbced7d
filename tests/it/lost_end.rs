//! A log that has lost its end, and views that are damaged: what is evidence is kept, and what can be built anew is.

use std::process::{Command as Program, Output};
use std::sync::Arc;

use throughline::log::Log;
use throughline::store::{Dialect, Mode, Store};
use throughline::views::{ViewError, Views};
use throughline_domain::fact::envelope::Position;

use crate::deployment::{Deployment, record_a_case};
use crate::field::RawDb;
use crate::stores::{Place, STORES};

async fn log(url: &str) -> Log {
    Log::open(Arc::new(Store::open(url, Mode::Write).await.expect("the store opens"))).await.expect("the log opens")
}

/// A view of the story, moved to a place where there is only so much of the log.
async fn with_lost_end(dialect: Dialect) -> Deployment {
    let deployment = Deployment::on(dialect).await;
    record_a_case(&deployment.recorder().await).await;
    // The view has followed all of it.
    deployment.digest().await;
    deployment.unprotect().await;
    let lose = "delete from events where position > 12; delete from commands where last_position > 12; \
                update log_head set position = 12";
    deployment.behind_its_back(lose).await.expect("the owner may do anything");
    deployment
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_lost_its_end_is_not_served_and_its_view_is_kept_when_the_service_starts_without_it() {
    for dialect in STORES {
        let deployment = with_lost_end(dialect).await;
        let error =
            Views::open(deployment.log.clone(), throughline::queries::statements).await.expect_err("it is refused");
        let ViewError::Ahead { position, head, .. } = &error else { panic!("{error}") };
        assert_eq!((*position, *head), (Position(14), Position(12)));
        assert!(error.to_string().contains("serve --without-lost-events"), "{error}");
        // Whoever does not look twice finds it as it was.
        assert!(matches!(
            Views::open(deployment.log.clone(), throughline::queries::statements).await,
            Err(ViewError::Ahead { .. })
        ));
        let aside = Views::set_aside(&deployment.log).await.expect("it is set aside");
        assert_eq!(aside.len(), 1, "{aside:?}");
        let views = Views::open(deployment.log.clone(), throughline::queries::statements).await.expect("it opens");
        assert_eq!(*views.live().position().borrow(), Position(12));
        views.close().await;
        match dialect {
            Dialect::Sqlite => assert!(std::path::Path::new(&aside[0]).exists(), "{aside:?} is gone"),
            Dialect::Postgres => {
                let look = format!("select position from {}.checkpoint", aside[0]);
                deployment.behind_its_back(&look).await.expect("the schema is there");
                let clear = format!("drop schema {} cascade", aside[0]);
                deployment.behind_its_back(&clear).await.expect("it goes");
            }
        }
        deployment.end().await;
    }
}

fn serve(url: &str, arguments: &[&str]) -> Output {
    let mut program = Program::new(env!("CARGO_BIN_EXE_throughline"));
    program.env("THROUGHLINE_DATABASE", url).env("RUST_LOG", "warn").args(arguments);
    program.output().expect("it runs")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_beside_an_empty_or_missing_log_stops_the_start() {
    let deployment = Deployment::on(Dialect::Sqlite).await;
    record_a_case(&deployment.recorder().await).await;
    deployment.digest().await;
    let file = deployment.url().strip_prefix("sqlite:").expect("a file").to_owned();
    deployment.log.store().close().await;
    std::fs::remove_file(&file).expect("it is lost");
    let key = format!("{file}.key");
    let output = serve(deployment.url(), &["serve", "--listen", "127.0.0.1:0", "--key", &key]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("has followed the log up to position 14, but the log ends at 0"), "{said}");
    assert!(!std::path::Path::new(&file).exists(), "no empty log is left behind");
    for arguments in [&["rebuild"][..], &["log", "verify"], &["board", "--contract", "shps"]] {
        let output = serve(deployment.url(), arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(&format!("{file}-g1 is a view of it: the log was lost")), "{arguments:?}: {said}");
        assert!(!said.contains("create it with"), "{arguments:?}: {said}");
    }
    // What is no database is named, and its cause once.
    std::fs::write(&file, "no database at all ".repeat(500)).expect("it is written");
    let output = serve(deployment.url(), &["serve", "--listen", "127.0.0.1:0", "--key", &key]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains(&format!("cannot migrate the database {file}")), "{said}");
    assert_eq!(said.matches("(code: 26)").count(), 1, "{said}");
    deployment.end().await;
}

/// Ways to damage the live view, on each store.
fn damages(dialect: Dialect, place: &Place) -> Vec<String> {
    match dialect {
        Dialect::Sqlite => vec!["garbage".to_owned(), "a table is gone".to_owned()],
        Dialect::Postgres => {
            let (_, name) = place.url().rsplit_once("application_name=").expect("a name");
            [
                "drop table {}_gN.journey cascade",
                "revoke all on all tables in schema {}_gN from throughline_app; alter table {}_gN.checkpoint owner to current_user",
                "alter table {}_gN.checkpoint rename column definition to other",
            ]
            .map(|damage| damage.replace("{}", name))
            .to_vec()
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_view_is_built_anew_whatever_its_state() {
    for dialect in STORES {
        let place = Place::on(dialect).await;
        let first = log(place.url()).await;
        let views = Views::open(first.clone(), throughline::queries::statements).await.expect("it opens");
        let whole = views.position_and_digest().await.expect("a digest");
        views.close().await;
        for damage in damages(dialect, &place) {
            let live = RawDb::at(&place).await.live_view().await;
            match place.file() {
                Some(file) => {
                    let view = format!("{}-g{live}", file.display());
                    if damage == "garbage" {
                        std::fs::write(&view, "no database at all ".repeat(500)).expect("it is written");
                    } else {
                        let mut raw_db =
                            <sqlx::SqliteConnection as sqlx::Connection>::connect(&format!("sqlite:{view}")).await;
                        let conn: &mut sqlx::SqliteConnection = raw_db.as_mut().expect("it opens");
                        sqlx::Executor::execute(conn, "drop table journey").await.expect("it is dropped");
                    }
                }
                None => RawDb::at(&place).await.run(&damage.replace("_gN", &format!("_g{live}"))).await,
            }
            let views = Views::open(first.clone(), throughline::queries::statements)
                .await
                .unwrap_or_else(|error| panic!("{damage}: {error:?}"));
            assert!(views.is_fresh(), "{damage}");
            assert_eq!(views.position_and_digest().await.expect("a digest"), whole, "{damage}");
            views.close().await;
            // Control: what is whole is used as it is.
            let views = Views::open(first.clone(), throughline::queries::statements).await.expect("it opens");
            assert!(!views.is_fresh(), "{damage}");
            views.close().await;
        }
        first.store().close().await;
        place.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_names_what_an_index_does_not_find_and_every_finding_when_asked() {
    let deployment = Deployment::on(Dialect::Sqlite).await;
    record_a_case(&deployment.recorder().await).await;
    let key = format!("{}.key", deployment.url().trim_start_matches("sqlite:"));
    let verify = |arguments: &[&str]| {
        let output = serve(deployment.url(), &[&["log", "verify", "--key", &key], arguments].concat());
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (status, said) = verify(&[]);
    assert_eq!((status, said.as_str()), (Some(0), "14 events up to position 14: sound\n"));
    let other = "pragma writable_schema = on; update sqlite_schema set sql = replace(sql, '''contract''', '''journey''') \
                 where name = 'events_of_contracts'; pragma writable_schema = off";
    deployment.behind_its_back(other).await.expect("the owner may do anything");
    let (status, said) = verify(&[]);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("the database's own check fails") && said.contains("events_of_contracts"), "{said}");
    let (_, all) = verify(&["--all"]);
    assert_eq!(all, said, "there is no more to name");
    deployment.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_indexes_are_looked_at_where_its_extension_is_there() {
    let deployment = Deployment::on(Dialect::Postgres).await;
    record_a_case(&deployment.recorder().await).await;
    let verified = || deployment.log.verify(|_| Ok(()));
    assert!(verified().await.expect("no fault").is_sound());
    // A server that was installed without it has nothing to look with.
    if deployment.behind_its_back("create extension if not exists amcheck with schema public").await.is_ok() {
        assert!(verified().await.expect("no fault").is_sound());
    }
    deployment.end().await;
}
