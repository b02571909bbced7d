//! First starts: several at once on nothing, and what they leave on the disk.

use std::process::{Command as Program, Output};

use throughline::access::token::LocalKey;
use throughline::store::Dialect;

use crate::stores::Place;

/// Who starts at once.
const STARTERS: usize = 8;

fn throughline(database: &str, key: &std::path::Path, arguments: &[&str]) -> Program {
    let mut program = Program::new(env!("CARGO_BIN_EXE_throughline"));
    program.env("THROUGHLINE_DATABASE", database).env("THROUGHLINE_KEY", key).env("RUST_LOG", "warn").args(arguments);
    program
}

fn shown(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn many_who_make_the_signing_key_at_once_have_one_key() {
    let directory = tempfile::tempdir().expect("a directory");
    for round in 0..50 {
        let path = directory.path().join(format!("{round}.key"));
        let barrier = std::sync::Barrier::new(STARTERS);
        std::thread::scope(|scope| {
            let start = || {
                barrier.wait();
                LocalKey::read_or_make(&path).map(drop).map_err(|error| error.to_string())
            };
            let starts: Vec<_> = (0..STARTERS).map(|_| scope.spawn(start)).collect();
            for started in starts {
                assert_eq!(started.join().expect("no panic"), Ok(()));
            }
        });
    }
    let names = std::fs::read_dir(directory.path()).expect("a folder").count();
    assert_eq!(names, 50, "nothing is left beside the keys");
    // Control: what is no key is no key, whoever is first.
    let path = directory.path().join("no.key");
    std::fs::write(&path, "half of a ke").expect("a file");
    assert!(LocalKey::read_or_make(&path).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_start_at_once_on_nothing_all_run() {
    for dialect in [Dialect::Sqlite, Dialect::Postgres] {
        let (place, directory) = (Place::on(dialect).await, tempfile::tempdir().expect("a directory"));
        let key = directory.path().join("local.key");
        let open = ["contract", "open", "--rulebook"];
        let mut packs = vec!["shps", "mhep", "innovation-fund"];
        if dialect == Dialect::Sqlite {
            // One process at a time writes to a file.
            packs.truncate(1);
        }
        let mut started = Vec::new();
        for pack in &packs {
            started.push(throughline(place.url(), &key, &[open.as_slice(), &[pack]].concat()));
        }
        for _ in 0..3 {
            started.push(throughline(place.url(), &key, &["token", "--role", "manager", "--subject", "m"]));
        }
        let output = |mut program: Program| std::thread::spawn(move || program.output().expect("it starts"));
        let running: Vec<_> = started.into_iter().map(output).collect();
        for run in running {
            let output = run.join().expect("no panic");
            assert_eq!(output.status.code(), Some(0), "{dialect:?}: {}", shown(&output));
        }
        let verified = throughline(place.url(), &key, &["log", "verify"]).output().expect("it runs");
        let expected = format!("{} events up to position", 2 * packs.len());
        assert!(shown(&verified).contains(&expected), "{}", shown(&verified));
        place.remove().await;
    }
}

#[cfg(unix)]
#[test]
fn every_file_that_is_made_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    let database = format!("sqlite:{}", at("t.db").display());
    std::fs::write(at("given.csv"), "CHILD,DECOM,RNE,LS,CIN,PLACE,DEC,REC\n1,01/04/2022,S,C2,N1,U6,,\n")
        .expect("a file");
    let (file, backup) = (at("given.csv").display().to_string(), at("t.backup").display().to_string());
    for arguments in [
        vec!["contract", "open", "--rulebook", "mst-essex"],
        vec!["token", "--role", "manager", "--subject", "m"],
        vec!["import", "ssda903", &file, "--contract", "mst-essex"],
        vec!["rebuild"],
        vec!["backup", &backup],
    ] {
        // Whatever the mask of whoever starts it lets through.
        let mut program = Program::new("sh");
        program.args(["-c", "umask 000; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_throughline")]).args(&arguments);
        program.env("THROUGHLINE_DATABASE", &database).env("THROUGHLINE_KEY", at("t.key")).env("RUST_LOG", "warn");
        let output = program.output().expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", shown(&output));
    }
    let mut made = Vec::new();
    for entry in std::fs::read_dir(directory.path()).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().display().to_string();
        if name != "given.csv" {
            let bits = entry.metadata().expect("its mode").permissions().mode() & 0o777;
            assert_eq!(bits, 0o600, "{name} is of mode {bits:o}");
            made.push(name);
        }
    }
    made.sort();
    for name in ["given.csv.results.csv", "t.backup", "t.db", "t.db-g2", "t.db-lock", "t.key"] {
        assert!(made.iter().any(|found| found == name), "{name} is not among {made:?}");
    }
}
