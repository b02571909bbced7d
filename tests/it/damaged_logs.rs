//! Logs in trouble: pages that cannot be read, tables beside the events, copies where nothing may be written, and dumps
//! that lack the privileges.

use std::path::{Path, PathBuf};

use throughline::log::Log;
use throughline::log::verify::{Damage, Finding};
use throughline::store::{Dialect, Mode, Store};
use throughline_domain::fact::envelope::Position;

use crate::damaged_views::{run, said, settled, spoil};
use crate::deployment::{Deployment, record_a_case};
use crate::field::{Field, is_full};
use crate::stores::STORES;

async fn findings(log: &Log) -> Vec<Finding> {
    log.verify(|_| Ok(())).await.expect("no fault").findings
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_looks_at_the_tables_beside_the_events() {
    for dialect in STORES {
        let deployment = Deployment::on(dialect).await;
        record_a_case(&deployment.recorder().await).await;
        // Control: the log is sound before.
        assert_eq!(findings(&deployment.log).await, [], "on {dialect:?}");
        let emptied = |findings: &[Finding], of: &str| {
            let [Finding { damage: Damage::Table { table, .. }, .. }] = findings else { panic!("{of}: {findings:?}") };
            assert_eq!(*table, of, "on {dialect:?}");
        };
        deployment.behind_its_back("delete from live_view").await.expect("the owner may do anything");
        emptied(&findings(&deployment.log).await, "live_view");
        let again = "insert into live_view (id, generation) values (1, 1); update secrets set value = substr(value, 2)";
        deployment.behind_its_back(again).await.expect("the owner may do anything");
        emptied(&findings(&deployment.log).await, "secrets");
        deployment.behind_its_back("delete from secrets").await.expect("the owner may do anything");
        emptied(&findings(&deployment.log).await, "secrets");
        deployment.end().await;
    }
}

/// A log of some pages, closed: it is one file and its view.
async fn closed(field: &Field, journeys: usize) -> (Deployment, PathBuf) {
    let deployment = Deployment::on(Dialect::Sqlite).await;
    let recorder = deployment.recorder().await;
    record_a_case(&recorder).await;
    field.further_journeys(&recorder, journeys).await;
    deployment.digest().await;
    drop(recorder);
    settled(&deployment).await;
    let file = PathBuf::from(deployment.url().strip_prefix("sqlite:").expect("a file"));
    (deployment, file)
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_the_log_that_cannot_be_read_are_named_and_not_backed_up() {
    let field = Field::of("pages_of_the_log");
    let (deployment, file) = closed(&field, if is_full() { 500 } else { 60 }).await;
    let whole = std::fs::read(&file).expect("it is read");
    let backup = |name: &str| file.with_file_name(name).display().to_string();
    let (before, verify) = (backup("before.backup"), ["log", "verify", "--all"]);
    // Control: nothing is named before, and it is backed up.
    let sound = run(deployment.url(), &verify);
    assert_eq!(sound.status.code(), Some(0), "{}", said(&sound));
    assert_eq!(run(deployment.url(), &["backup", &before]).status.code(), Some(0));
    let mut named = 0;
    for round in 0..if is_full() { 40 } else { 6 } {
        std::fs::write(&file, &whole).expect("it is written");
        spoil(&file, &field, (2 + round, 13));
        let damaged = run(deployment.url(), &verify);
        assert_eq!(damaged.status.code(), Some(1), "round {round}: {}", said(&damaged));
        assert!(said(&damaged).contains("DAMAGED"), "round {round}: {}", said(&damaged));
        named += usize::from(said(&damaged).contains("the database cannot read them"));
        let after = backup("after.backup");
        let backed_up = run(deployment.url(), &["backup", &after]);
        // What is in the copy may be whole where an index alone is damaged.
        let is_kept = Path::new(&after).exists();
        assert!(matches!(backed_up.status.code(), Some(0 | 1)), "round {round}: {}", said(&backed_up));
        if is_kept {
            std::fs::remove_file(&after).expect("it goes");
        }
    }
    assert!(named > 0, "no page with events was hit");
    deployment.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn privileges_that_a_dump_has_lost_are_given_again() {
    let deployment = Deployment::on(Dialect::Postgres).await;
    record_a_case(&deployment.recorder().await).await;
    let lose = "revoke all on events, commands, log_head, live_view, secrets from throughline_app; \
                do $$ begin execute format('revoke all on schema %I from throughline_app', current_schema()); end $$";
    deployment.behind_its_back(lose).await.expect("the owner may do anything");
    let opened = async |mode| {
        let store = Store::open(deployment.url(), mode).await.expect("the store opens");
        Log::open(std::sync::Arc::new(store)).await
    };
    // Control: a reader gives nothing, and may not read.
    opened(Mode::Read).await.expect_err("it may not be read");
    let log = opened(Mode::Write).await.expect("the log opens");
    assert_eq!(log.head().await.expect("a head").position, Position(14));
    log.store().close().await;
    opened(Mode::Read).await.expect("it may be read").store().close().await;
    deployment.end().await;
}

#[cfg(unix)]
mod read_only {
    //! Copies where nothing may be written. A superuser may write anywhere, so that the program runs as nobody then.

    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::os::unix::process::CommandExt as _;
    use std::process::{Command as Program, Output};

    use super::*;

    const NOBODY: u32 = 65_534;

    struct Copy {
        folder: tempfile::TempDir,
        program: PathBuf,
        is_superuser: bool,
    }

    impl Copy {
        /// A copy of a log, and of its view if it is to have one.
        fn of(file: &Path, with_view: bool) -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let program = folder.path().join("throughline");
            let own = env!("CARGO_BIN_EXE_throughline");
            std::fs::hard_link(own, &program).or_else(|_| std::fs::copy(own, &program).map(drop)).expect("a program");
            let log = folder.path().join("log.db");
            std::fs::copy(file, &log).expect("it is copied");
            let view = PathBuf::from(format!("{}-g1", file.display()));
            if with_view {
                std::fs::copy(&view, folder.path().join("log.db-g1")).expect("it is copied");
            }
            let is_superuser = std::fs::metadata(folder.path()).expect("it is there").uid() == 0;
            Self { folder, program, is_superuser }
        }

        /// Takes away the right to write: to everything, or to the log's file alone.
        fn seal(&self, mode_of_the_folder: u32) {
            for entry in std::fs::read_dir(self.folder.path()).expect("it is listed") {
                let path = entry.expect("an entry").path();
                if path != self.program {
                    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).expect("it is sealed");
                }
            }
            let mode = std::fs::Permissions::from_mode(mode_of_the_folder);
            std::fs::set_permissions(self.folder.path(), mode).expect("it is sealed");
        }

        fn run(&self, arguments: &[&str]) -> Output {
            let mut program = Program::new(&self.program);
            program.env("THROUGHLINE_DATABASE", format!("sqlite:{}", self.folder.path().join("log.db").display()));
            program.env("RUST_LOG", "warn").args(arguments).current_dir("/");
            if self.is_superuser {
                program.uid(NOBODY).gid(NOBODY);
            }
            program.output().expect("it runs")
        }

        fn names(&self) -> Vec<String> {
            let entries = std::fs::read_dir(self.folder.path()).expect("it is listed");
            let mut names: Vec<String> =
                entries.map(|entry| entry.expect("an entry").file_name().display().to_string()).collect();
            names.sort();
            names
        }

        fn end(self) {
            let mode = std::fs::Permissions::from_mode(0o700);
            std::fs::set_permissions(self.folder.path(), mode).expect("it is opened");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_copy_where_nothing_may_be_written_is_verified_exported_and_read() {
        let field = Field::of("a_copy_where_nothing_may_be_written");
        let (deployment, file) = closed(&field, 5).await;
        for mode_of_the_folder in [0o555, 0o777] {
            let copy = Copy::of(&file, true);
            copy.seal(mode_of_the_folder);
            let before = copy.names();
            for arguments in [
                &["log", "verify"][..],
                &["export", "ndjson"],
                &["board", "--contract", "shps"],
                &["rebuild", "--diff", "--exit-code"],
            ] {
                let output = copy.run(arguments);
                assert_eq!(output.status.code(), Some(0), "{mode_of_the_folder:o} {arguments:?}: {}", said(&output));
                assert_eq!(copy.names(), before, "{mode_of_the_folder:o} {arguments:?} leaves something behind");
            }
            // Control: it cannot be written.
            assert_ne!(copy.run(&["rebuild"]).status.code(), Some(0), "{mode_of_the_folder:o}");
            copy.end();
        }
        deployment.end().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn of_a_copy_without_its_view_it_is_said_what_would_be_built() {
        let field = Field::of("of_a_copy_without_its_view");
        let (deployment, file) = closed(&field, 5).await;
        let whole = deployment_digest(&deployment).await;
        let copy = Copy::of(&file, false);
        copy.seal(0o555);
        let output = copy.run(&["rebuild", "--diff"]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert!(said(&output).contains(&whole) && said(&output).contains("no live view"), "{}", said(&output));
        // Control: nothing was compared, which is no success for a check.
        assert_eq!(copy.run(&["rebuild", "--diff", "--exit-code"]).status.code(), Some(1));
        copy.end();
        deployment.end().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_copy_whose_newest_events_cannot_be_read_is_refused() {
        let field = Field::of("a_copy_whose_newest_events");
        let (deployment, file) = closed(&field, 1).await;
        let copy = Copy::of(&file, false);
        std::fs::write(copy.folder.path().join("log.db-wal"), "the newest events").expect("it is written");
        copy.seal(0o555);
        let output = copy.run(&["log", "verify"]);
        assert_eq!(output.status.code(), Some(3), "{}", said(&output));
        assert!(said(&output).contains("log.db-wal holds the newest events"), "{}", said(&output));
        copy.end();
        deployment.end().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_view_that_may_not_be_written_is_replaced() {
        let field = Field::of("a_view_that_may_not_be_written");
        let (deployment, file) = closed(&field, 5).await;
        let whole = deployment_digest(&deployment).await;
        let copy = Copy::of(&file, true);
        let path = |name: &str| copy.folder.path().join(name);
        for (name, mode) in [("log.db", 0o666), ("log.db-g1", 0o444), ("", 0o777)] {
            std::fs::set_permissions(path(name), std::fs::Permissions::from_mode(mode)).expect("it is set");
        }
        let output = copy.run(&["rebuild"]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert!(said(&output).contains(&whole), "{}", said(&output));
        assert!(copy.names().contains(&"log.db-g2".to_owned()), "{:?}", copy.names());
        copy.end();
        deployment.end().await;
    }

    async fn deployment_digest(deployment: &Deployment) -> String {
        let log = std::sync::Arc::new(Store::open(deployment.url(), Mode::Write).await.expect("the store opens"));
        let log = Log::open(log).await.expect("the log opens");
        let views = throughline::views::Views::open(log, throughline::queries::statements).await.expect("it opens");
        let (_, digest) = views.position_and_digest().await.expect("a digest");
        views.close().await;
        views.log().store().close().await;
        digest
    }
}
