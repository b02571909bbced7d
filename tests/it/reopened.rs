//! Reopening: a view is what the log says, whatever it was doing when the process ended, and start-up checks its
//! statements.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use throughline::clock::{Chance, Clock};
use throughline::deployment::Deployment;
use throughline::evidence;
use throughline::jobs;
use throughline::keys;
use throughline::log::{self, Log, key_uses};
use throughline::outbox;
use throughline::queries;
use throughline::record::Recorder;
use throughline::store::{Mode, Sql, Store};
use throughline::views::{self, Views};
use throughline_domain::command::Command;
use throughline_domain::command::contracts::PublishRulebook;
use throughline_domain::contract::rulebook::packs::pack;
use throughline_domain::fact::envelope::Occurred;

use crate::field::{CONTRACT, Field, RawDb, day, now, whole};
use crate::stores::{Place, STORES};

async fn log_at(place: &Place) -> Log {
    let store = Store::open(place.url(), Mode::Write).await.expect("the store opens");
    Log::open(Arc::new(store)).await.expect("the log opens")
}

/// Opens the live view, which brings it up to the log, and compares it with one that is built anew.
pub(crate) async fn assert_rebuilt_alike(place: &Place) {
    let log = log_at(place).await;
    let views = Views::open(log.clone(), throughline::queries::statements).await.expect("the view opens");
    let head = log.head().await.expect("the head").position;
    assert_eq!(*views.live().position().borrow(), head, "an opened view has caught up");
    let live = views.live().digest().await.expect("a digest");
    views.live().close().await;
    let rebuilt = Views::rebuild(&log, throughline::queries::statements).await.expect("it is built anew");
    assert_eq!(rebuilt.old, Some((head, live)));
    assert_eq!(rebuilt.old, Some(rebuilt.new), "the live view is what the log says");
    log.store().close().await;
}

/// A write side whose view nobody keeps up.
async fn without_a_projector(place: &Place) -> (Log, Recorder, tokio::task::JoinHandle<()>) {
    let log = log_at(place).await;
    let views = Views::open(log.clone(), throughline::queries::statements).await.expect("the view opens");
    let (clock, chance) = (Arc::new(Clock::standing_at(now())), Arc::new(Chance::System));
    let (recorder, task) = Recorder::start(log.clone(), views, clock, chance).await.expect("it starts");
    (log, recorder, task)
}

#[tokio::test]
async fn a_view_that_stopped_between_append_and_project_catches_up_when_it_is_opened() {
    for dialect in STORES {
        let (place, field) = (Place::on(dialect).await, Field::of("behind"));
        let (log, recorder, task) = without_a_projector(&place).await;
        let journeys = field.journeys(&recorder, 10).await;
        drop(recorder);
        task.await.expect("it ends");
        log.store().close().await;
        assert_rebuilt_alike(&place).await;

        // Then from a checkpoint in the middle, with streams that have earlier events.
        let (log, recorder, task) = without_a_projector(&place).await;
        for journey in &journeys {
            recorder.append(field.contact(*journey)).await.expect("it is appended");
        }
        drop(recorder);
        task.await.expect("it ends");
        log.store().close().await;
        assert_rebuilt_alike(&place).await;
        place.remove().await;
    }
}

/// The rulebook stands far beyond the first page that a reader of the log takes.
#[tokio::test]
async fn a_view_is_built_anew_though_a_further_rulebook_stands_far_from_the_first() {
    for dialect in STORES {
        let (place, field) = (Place::on(dialect).await, Field::of("further rulebook"));
        let (log, recorder, task) = without_a_projector(&place).await;
        field.journeys(&recorder, 1).await;
        for _ in 0..21 {
            let sent = (0..500).map(|_| recorder.append(field.subject()));
            for done in futures_util::future::join_all(sent).await {
                done.expect("it is appended");
            }
        }
        let text = pack(CONTRACT).expect("it ships").text.replace("version = \"2017-03\"", "version = \"2017-04\"");
        let command = Command::PublishRulebook(PublishRulebook {
            contract: CONTRACT.to_owned(),
            when: Occurred::on(day()).into(),
            rulebook: text.replace("effective_from = 2017-03-01", "effective_from = 2017-04-01"),
        });
        recorder.append(field.instruct(command)).await.expect("it is published");
        drop(recorder);
        task.await.expect("it ends");
        let rebuilt = Views::rebuild(&log, throughline::queries::statements).await.expect("it is built anew");
        assert_ne!(rebuilt.old, Some(rebuilt.new), "the new view applies the further rulebook");
        log.store().close().await;
        assert_rebuilt_alike(&place).await;
        place.remove().await;
    }
}

#[tokio::test]
async fn a_statement_that_the_store_does_not_understand_stops_the_start() {
    static BROKEN: Sql = Sql::new("select nobody from nowhere where id = $1");
    for dialect in STORES {
        let place = Place::on(dialect).await;
        let log = log_at(&place).await;
        let refused = log.store().prepare(&[&BROKEN]).await.expect_err("it is not understood");
        assert_eq!(refused.to_string(), "cannot prepare every statement");
        log.store().close().await;

        let mut raw_db = RawDb::at(&place).await;
        raw_db.run("alter table commands rename column first_position to first_place").await;
        let store = Store::open(place.url(), Mode::Write).await.expect("the store opens");
        let refused = Log::open(Arc::new(store)).await.expect_err("a statement names a column that is gone");
        assert_eq!(refused.to_string(), "cannot prepare every statement");
        raw_db.run("alter table commands rename column first_place to first_position").await;
        log_at(&place).await.store().close().await;
        place.remove().await;
    }
}

/// Start-up prepares the statements of these lists; a test counts that none is missing from them.
#[tokio::test]
async fn every_statement_is_in_the_lists_that_start_up_prepares() {
    for dialect in STORES {
        let place = Place::on(dialect).await;
        let clock = Arc::new(Clock::standing_at(now()));
        let opened = Deployment::open(place.url(), clock, Arc::new(Chance::System)).await.expect("it opens");
        assert_eq!(whole(&opened.log).await.len(), 0);
        let listed = [log::statements(dialect), views::STATEMENTS_ON_THE_LOG.to_vec(), beside_the_log()].concat();
        opened.log.store().prepare(&listed).await.expect("each is understood");
        opened.close().await;
        place.remove().await;
    }
    let all = [
        log::statements(throughline::store::Dialect::Postgres),
        views::STATEMENTS_ON_THE_LOG.to_vec(),
        beside_the_log(),
        keys::statements(),
        views::statements(),
        queries::statements(),
    ];
    let all: BTreeSet<String> = all.concat().iter().map(|statement| format!("{statement:p}")).collect();
    let written = statements_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    // Those of lists are put together by macros, all of them in one place.
    let named = all.len() - queries::journeys::statements().len();
    assert_eq!(named, written.len(), "a statement is missing from its module's list: {written:#?}");
}

/// The statements on tables that stand beside the log.
fn beside_the_log() -> Vec<&'static Sql> {
    [key_uses::STATEMENTS.to_vec(), evidence::statements(), jobs::STATEMENTS.to_vec(), outbox::STATEMENTS.to_vec()]
        .concat()
}

/// Every `static NAME: Sql` below a folder.
fn statements_in(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(statements_in(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a text");
            let named = text.lines().filter_map(|line| line.trim().split_once(": Sql =")).map(|(before, _)| before);
            found.extend(named.map(|name| format!("{}: {name}", path.display())));
        }
    }
    found
}
