//! Views in any state: what cannot be lived on is found as it is opened and built anew, by `serve` and by `rebuild`.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command as Program, Output};
use std::sync::Arc;

use throughline::log::Log;
use throughline::store::{Dialect, Mode, Store};
use throughline::views::{ViewError, Views};

use crate::deployment::{Deployment, record_a_case};
use crate::field::{Field, RawDb, is_full};
use crate::stores::{Place, STORES};
use crate::wait::PATIENCE;

/// The size of a page of a view's file.
const PAGE: u64 = 4096;
/// Bytes that are written into a page.
const BYTES: usize = 200;

async fn log(url: &str) -> Log {
    Log::open(Arc::new(Store::open(url, Mode::Write).await.expect("the store opens"))).await.expect("the log opens")
}

pub(crate) fn run(url: &str, arguments: &[&str]) -> Output {
    let mut program = Program::new(env!("CARGO_BIN_EXE_throughline"));
    program.env("THROUGHLINE_DATABASE", url).env("RUST_LOG", "warn").args(arguments);
    program.output().expect("it runs")
}

pub(crate) fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn file(deployment: &Deployment) -> PathBuf {
    PathBuf::from(deployment.url().strip_prefix("sqlite:").expect("a file"))
}

async fn live_file(deployment: &Deployment) -> PathBuf {
    let live = RawDb::at(deployment.place()).await.live_view().await;
    PathBuf::from(format!("{}-g{live}", file(deployment).display()))
}

/// Writes bytes by chance into every so many pages of a file, from one on; the first page is left alone.
pub(crate) fn spoil(file: &Path, field: &Field, (first, every): (u64, u64)) {
    let mut file = std::fs::File::options().read(true).write(true).open(file).expect("it opens");
    let pages = file.metadata().expect("it is there").len() / PAGE;
    let pages: Vec<u64> = (first.max(1)..pages).step_by(usize::try_from(every).expect("few")).collect();
    assert!(!pages.is_empty(), "there are such pages");
    for (nth, page) in pages.into_iter().enumerate() {
        // Much of a page may be empty; how it begins never is.
        let at = page * PAGE + if nth == 0 { 0 } else { field.below(PAGE - BYTES as u64) };
        let bytes: Vec<u8> = (0..BYTES).map(|_| u8::try_from(field.below(256)).expect("a byte")).collect();
        file.seek(SeekFrom::Start(at)).expect("within the file");
        file.write_all(&bytes).expect("it is written");
    }
}

/// A log of some journeys, with its view, closed.
async fn with_journeys(field: &Field, count: usize) -> (Deployment, String) {
    let deployment = Deployment::on(Dialect::Sqlite).await;
    let recorder = deployment.recorder().await;
    record_a_case(&recorder).await;
    field.further_journeys(&recorder, count).await;
    let digest = deployment.digest().await;
    drop(recorder);
    settled(&deployment).await;
    (deployment, digest)
}

/// Closes a deployment's files, and waits until each holds all that was written to it.
pub(crate) async fn settled(deployment: &Deployment) {
    deployment.log.store().close().await;
    let file = file(deployment);
    let folder = file.parent().expect("a folder");
    let journal_of = || {
        let names = std::fs::read_dir(folder).expect("it is listed");
        let mut names = names.map(|name| name.expect("an entry").path().display().to_string());
        names.find_map(|name| name.strip_suffix("-wal").map(str::to_owned))
    };
    // Two that close at the same moment leave it to each other: another one closes after them.
    let brought_in = async {
        while let Some(file) = journal_of() {
            alter_view(&file, "pragma wal_checkpoint(passive)").await;
        }
    };
    tokio::time::timeout(PATIENCE, brought_in).await.expect("the last connection is closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_whose_pages_are_damaged_is_replaced_by_rebuild_and_at_the_start() {
    let field = Field::of("a_view_whose_pages_are_damaged");
    let (deployment, whole) = with_journeys(&field, if is_full() { 2_000 } else { 100 }).await;
    let rounds = if is_full() { 48 } else { 4 };
    let mut lost = 0;
    for round in 0..rounds {
        let view = live_file(&deployment).await;
        spoil(&view, &field, (1 + round % 7, if round % 2 == 0 { 7 } else { 31 }));
        // Control: used without a look at it, it gives no digest, or another one, unless an index alone is damaged.
        let views = Views::open_unchecked(log(deployment.url()).await).await;
        if let Ok(views) = views {
            lost += usize::from(views.position_and_digest().await.map_or(true, |(_, digest)| digest != whole));
            views.close().await;
            views.log().store().close().await;
        }
        if round % 4 < 2 {
            let rebuilt = run(deployment.url(), &["rebuild"]);
            assert_eq!(rebuilt.status.code(), Some(0), "round {round}: {}", said(&rebuilt));
            assert!(said(&rebuilt).contains(&whole), "round {round}: {}", said(&rebuilt));
        }
        let opened = log(deployment.url()).await;
        let views = Views::open(opened, throughline::queries::statements)
            .await
            .unwrap_or_else(|error| panic!("round {round}: {error:?}"));
        assert_eq!(views.is_fresh(), round % 4 >= 2, "round {round}");
        assert_eq!(views.position_and_digest().await.expect("a digest").1, whole, "round {round}");
        views.close().await;
        views.log().store().close().await;
    }
    assert!(lost > 0, "in none of {rounds} rounds was a row damaged that an unlooked-at view would have given");
    deployment.end().await;
}

/// States of a view that are no damage of its bytes, on each store.
fn states(dialect: Dialect, place: &Place) -> Vec<String> {
    match dialect {
        Dialect::Sqlite => {
            ["a folder", "the pointer is gone", "an index is of other columns"].map(str::to_owned).to_vec()
        }
        Dialect::Postgres => {
            let (_, name) = place.url().rsplit_once("application_name=").expect("a name");
            [
                "alter table {}_gN.worker alter joined_on type text using joined_on::text",
                "drop index {}_gN.journey_by_reference",
                "delete from {}.live_view",
                "alter table {}_gN.journey add column more text not null default 'x'; alter table {}_gN.journey drop column area",
            ]
            .map(|state| state.replace("{}", name))
            .to_vec()
        }
    }
}

const OTHER_COLUMNS: &str = "pragma writable_schema = on; update sqlite_schema set sql = \
    replace(sql, '(contract, reference', '(reference, contract') where name = 'journey_by_reference'; \
    pragma writable_schema = off";

#[tokio::test(flavor = "multi_thread")]
async fn whatever_state_a_view_is_in_the_start_and_rebuild_replace_it() {
    for dialect in STORES {
        let place = Place::on(dialect).await;
        let first = log(place.url()).await;
        let views = Views::open(first.clone(), throughline::queries::statements).await.expect("it opens");
        let (_, whole) = views.position_and_digest().await.expect("a digest");
        views.close().await;
        first.store().close().await;
        for state in states(dialect, &place) {
            for command in ["serve", "rebuild"] {
                let live = RawDb::at(&place).await.live_view().await;
                match place.file() {
                    Some(_) if state == "the pointer is gone" => {
                        RawDb::at(&place).await.run("delete from live_view").await;
                    }
                    Some(file) => {
                        let view = format!("{}-g{live}", file.display());
                        if state == "a folder" {
                            std::fs::remove_file(&view).expect("it goes");
                            std::fs::create_dir(&view).expect("it is made");
                            std::fs::write(format!("{view}/somebody's"), "own").expect("it is written");
                        } else {
                            alter_view(&view, OTHER_COLUMNS).await;
                        }
                    }
                    None => RawDb::at(&place).await.run(&state.replace("_gN", &format!("_g{live}"))).await,
                }
                if command == "rebuild" {
                    let rebuilt = run(place.url(), &["rebuild"]);
                    assert_eq!(rebuilt.status.code(), Some(0), "{state}: {}", said(&rebuilt));
                    assert!(said(&rebuilt).contains(&whole), "{state}: {}", said(&rebuilt));
                }
                let log = log(place.url()).await;
                let views = Views::open(log.clone(), throughline::queries::statements)
                    .await
                    .unwrap_or_else(|error| panic!("{state}: {error:?}"));
                // Control: what `rebuild` has made is used as it is.
                assert_eq!(views.is_fresh(), command == "serve", "{state}");
                assert_eq!(views.position_and_digest().await.expect("a digest").1, whole, "{state}");
                views.close().await;
                log.store().close().await;
                if state == "a folder" {
                    let view = format!("{}-g{live}", place.file().expect("a file").display());
                    let kept = std::fs::read_to_string(format!("{view}/somebody's")).expect("it is nobody's to remove");
                    assert_eq!(kept, "own");
                }
            }
        }
        place.remove().await;
    }
}

async fn alter_view(view: &str, sql: &str) {
    use sqlx::{AssertSqlSafe, Connection as _, Executor as _, SqliteConnection};
    let mut view = SqliteConnection::connect(&format!("sqlite:{view}")).await.expect("the view opens");
    view.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.expect("the owner may do anything");
    view.close().await.expect("it closes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_looks_at_the_indexes_of_the_live_view_and_leaves_it() {
    let field = Field::of("a_comparison_looks_at_the_indexes");
    let (deployment, whole) = with_journeys(&field, 20).await;
    let compare = || run(deployment.url(), &["rebuild", "--diff", "--exit-code"]);
    let alike = compare();
    assert_eq!(alike.status.code(), Some(0), "{}", said(&alike));
    let view = live_file(&deployment).await;
    alter_view(&view.display().to_string(), OTHER_COLUMNS).await;
    for _ in 0..2 {
        let differs = compare();
        assert_eq!(differs.status.code(), Some(1), "{}", said(&differs));
        assert!(said(&differs).contains("journey_by_reference"), "{}", said(&differs));
    }
    // Control: its rows are alike, so that nothing but the look at its indexes finds it.
    let views = Views::open_unchecked(log(deployment.url()).await).await.expect("it opens");
    assert_eq!(views.position_and_digest().await.expect("a digest").1, whole);
    views.close().await;
    views.log().store().close().await;
    deployment.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_view_of_another_log_is_kept_aside_and_another_is_built() {
    let field = Field::of("the_view_of_another_log");
    let (short, _) = with_journeys(&field, 0).await;
    let (deployment, whole) = with_journeys(&field, 10).await;
    let (own, foreign) = (live_file(&deployment).await, live_file(&short).await);
    let kept = std::fs::read(&own).expect("it is read");
    std::fs::copy(&foreign, &own).expect("it is copied");
    let reading = Store::open(deployment.url(), Mode::Read).await.expect("the store opens");
    let reading = Views::open_to_read(Log::open(Arc::new(reading)).await.expect("the log opens")).await;
    assert!(matches!(reading, Err(ViewError::Damaged { .. })), "it is not read either");
    let views = Views::open(log(deployment.url()).await, throughline::queries::statements).await.expect("it opens");
    assert!(views.is_fresh());
    assert_eq!(views.position_and_digest().await.expect("a digest").1, whole);
    views.close().await;
    views.log().store().close().await;
    let aside = PathBuf::from(format!("{}.foreign-14", own.display()));
    assert_eq!(std::fs::read(&aside).expect("it is kept"), std::fs::read(&foreign).expect("it is there"));
    // Control: its own view is used as it is.
    std::fs::write(live_file(&deployment).await, kept).expect("it is written");
    let views = Views::open(log(deployment.url()).await, throughline::queries::statements).await.expect("it opens");
    assert!(!views.is_fresh());
    views.close().await;
    views.log().store().close().await;
    short.end().await;
    deployment.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_replaces_a_view_that_turns_out_to_be_damaged() {
    let field = Field::of("a_server_replaces_a_view");
    let (deployment, whole) = with_journeys(&field, 20).await;
    let views = Views::open(log(deployment.url()).await, throughline::queries::statements).await.expect("it opens");
    let damaged = views.live().number;
    // It was whole as it was opened, as a large one is taken to be.
    alter_view(&live_file(&deployment).await.display().to_string(), OTHER_COLUMNS).await;
    let keeper = tokio::spawn(views.clone().keep_up());
    let mut progress = views.progress();
    let is_over = |progress: &Option<throughline::views::rebuild::Progress>| {
        progress.is_some_and(|progress| progress.phase == throughline::views::rebuild::Phase::Done)
    };
    tokio::time::timeout(PATIENCE, progress.wait_for(is_over)).await.expect("in time").expect("it is");
    assert_ne!(views.live().number, damaged);
    assert_eq!(views.position_and_digest().await.expect("a digest").1, whole);
    let generations = views.generations().await.expect("the pointer is read");
    assert_eq!(generations.previous, None, "nobody goes back to a damaged one");
    keeper.abort();
    views.close().await;
    views.log().store().close().await;
    deployment.end().await;
}
