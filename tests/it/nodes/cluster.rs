//! A Postgres cluster of a test's own, which it may stop: made by the programs, and as the user, of the server that the
//! tests run on.

use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;

use crate::stores::Place;

/// What the server needs to know, as `tests/with-postgres` has it.
const SETTINGS: &str = "listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nmax_connections = 100\n\
                        shared_buffers = 32MB\nfsync = on\nsynchronous_commit = on\n";

/// A cluster that serves, until it is dropped.
pub(super) struct Cluster {
    directory: TempDir,
    programs: PathBuf,
    /// The user that the other server runs as.
    owner: (u32, u32),
    port: u16,
}

impl Cluster {
    /// Makes one and starts it.
    pub(super) async fn start() -> Self {
        let given = Place::server();
        let mut conn = PgConnection::connect(&given).await.expect("the server answers");
        let places = "select (select setting from pg_config where name = 'BINDIR'), current_setting('data_directory')";
        let places: sqlx::Result<(String, String)> = sqlx::query_as(places).fetch_one(&mut conn).await;
        let (programs, data) = places.expect("a superuser of the server asks where its programs are");
        let data = std::fs::metadata(&data).unwrap_or_else(|error| {
            panic!(
                "a server that can be restarted is made as the one of the tests is, on this machine: {data}: {error}"
            )
        });
        let owner = (data.uid(), data.gid());
        let directory = tempfile::tempdir().expect("a temporary directory");
        if is_root() {
            std::os::unix::fs::chown(directory.path(), Some(owner.0), Some(owner.1)).expect("it is given away");
        }
        let mut cluster = Self { directory, programs: programs.into(), owner, port: 0 };
        cluster
            .run("initdb", &["-D", "data", "-U", "postgres", "-E", "UTF8", "--locale=C", "--auth=trust", "--no-sync"]);
        let settings = cluster.directory.path().join("data/postgresql.conf");
        let written = std::fs::read_to_string(&settings).expect("settings");
        std::fs::write(&settings, written + SETTINGS).expect("settings");
        cluster.port = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
            listener.local_addr().expect("an address").port()
        };
        cluster.control(&["start"]);
        cluster
    }

    /// The URL of its database.
    pub(super) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Stops it in this mode and starts it again.
    pub(super) fn restart(&self, mode: &str) {
        self.control(&["restart", "-m", mode]);
    }

    fn control(&self, what: &[&str]) {
        let port = format!("-p {}", self.port);
        let always = ["--silent", "-w", "-t", "60", "-D", "data", "-l", "log", "-o", &port];
        self.run("pg_ctl", &[what, &always].concat());
    }

    fn run(&self, name: &str, arguments: &[&str]) {
        let status = self.program(name).args(arguments).status().expect("the program runs");
        let said = std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
        assert!(status.success(), "{name} {arguments:?}: {status}\n{said}");
    }

    fn program(&self, name: &str) -> Command {
        let mut program = Command::new(self.programs.join(name));
        program.current_dir(self.directory.path()).env("LC_ALL", "C").stdin(Stdio::null());
        // What it starts would hold the pipes of the test.
        program.stdout(Stdio::null()).stderr(Stdio::null());
        if is_root() {
            // Postgres refuses to run as root.
            program.uid(self.owner.0).gid(self.owner.1);
        }
        program
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let stop = ["stop", "--silent", "-w", "-D", "data", "-m", "immediate"];
        // It may not have started.
        let _ = self.program("pg_ctl").args(stop).status();
    }
}

/// Whether this process is root's.
fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|of| of.uid() == 0)
}
