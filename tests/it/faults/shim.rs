//! The shim between the program and its files: how it is built, preloaded and given orders.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

/// Calls that fail on the log's own file, on its write-ahead log, on the files of views.
pub(super) const LOG: u64 = 1;
pub(super) const WAL: u64 = 2;
pub(super) const VIEWS: u64 = 4;
/// As many as there are.
pub(super) const ALL: u64 = u64::MAX;

/// Where each order stands in the control file, as the shim reads it.
#[derive(Clone, Copy)]
pub(super) enum Order {
    /// Bytes by which the files may still grow.
    Room,
    /// Whose calls fail.
    Files,
    /// So many writes go well first, and then so many fail.
    SkipWrites,
    FailWrites,
    /// The same for syncs.
    SkipSyncs,
    FailSyncs,
    /// Whether a file reads after a failed sync as it did at the last good one.
    PutBack,
}

/// How many calls have failed stands after the orders.
const FAILED: u64 = 7;

/// A shim's orders and its trace, for one database.
pub(super) struct Shim {
    held: TempDir,
    database: PathBuf,
    control: File,
}

impl Shim {
    /// A shim that lets everything pass, before the program whose log this file is.
    pub(super) fn before(database: &Path) -> Self {
        let held = tempfile::tempdir().expect("a temporary directory");
        let path = held.path().join("control");
        let control = File::options().create_new(true).read(true).write(true).open(path).expect("a control file");
        control.set_len((FAILED + 1) * 8).expect("a control file");
        let directory = database.parent().expect("a file is in a directory").canonicalize().expect("it is there");
        let database = directory.join(database.file_name().expect("a file has a name"));
        let shim = Self { held, database, control };
        shim.order(Order::Room, ALL);
        File::create_new(shim.trace()).expect("a trace");
        shim
    }

    /// Has the program run behind it.
    pub(super) fn preload(&self, program: &mut Command) {
        program.env("LD_PRELOAD", library()).env("FAULTS_DATABASE", &self.database);
        program.env("FAULTS_TRACE", self.trace()).env("FAULTS_CONTROL", self.held.path().join("control"));
    }

    /// Gives an order, which holds from the next call on.
    pub(super) fn order(&self, order: Order, value: u64) {
        self.control.write_all_at(&value.to_ne_bytes(), order as u64 * 8).expect("an order is written");
    }

    /// How many calls have failed so far.
    pub(super) fn failed(&self) -> u64 {
        let mut bytes = [0; 8];
        self.control.read_exact_at(&mut bytes, FAILED * 8).expect("the control file is read");
        u64::from_ne_bytes(bytes)
    }

    /// The file that everything is written down in.
    pub(super) fn trace(&self) -> PathBuf {
        self.held.path().join("trace")
    }

    /// How long the trace is by now: all that an answer rests on stands before this.
    pub(super) fn mark(&self) -> u64 {
        self.trace().metadata().expect("there is a trace").len()
    }
}

/// The shim, compiled once for all tests of this process.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, library) = LIBRARY.get_or_init(|| {
        let held = tempfile::tempdir().expect("a temporary directory");
        let (source, library) = (held.path().join("shim.c"), held.path().join("shim.so"));
        std::fs::write(&source, include_str!("shim.c")).expect("the source is written");
        let mut compiler = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(&source).args(["-ldl", "-lpthread"]);
        let said = compiler.output().unwrap_or_else(|error| {
            panic!("{compiler:?}: {error}: these tests need the C compiler that SQLite is built with")
        });
        assert!(said.status.success(), "{compiler:?}: {}", String::from_utf8_lossy(&said.stderr));
        (held, library)
    });
    library
}
