//! The command line: what each command takes, and how it ends.
//!
//! Results go to standard output, progress and logs to standard error. Exit status: 0 done, 1 the check failed, 2 wrong
//! use, 3 a fault. Nothing here decides a fact or reads a table.

mod backup;
mod bench;
mod board;
mod commands;
mod demo;
mod diff;
mod files;
mod results;
mod rulebook;
mod table;
mod try_out;
mod views;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use chrono::{Datelike as _, NaiveDate};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::access::Role;
use crate::causes;
use crate::http::CONNECTIONS;
use crate::import::ImportError;
use crate::import::as_recorded::RestoreError;
use crate::log::LogError;
use crate::store::StoreError;
use crate::telemetry::{self, Work};
use crate::try_out::KnownAt;
use throughline_gateway::{PER_MINUTE, REQUESTS};

/// Event-sourced case tracking and claims for outcomes contracts.
#[derive(Debug, Parser)]
#[command(name = "throughline", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    places: Places,
    #[command(subcommand)]
    command: Command,
}

/// Where things are.
#[derive(Debug, Args)]
struct Places {
    /// The database, `sqlite:FILE` or `postgres://USER@HOST/DATABASE`; `sqlite:throughline.db` if left out.
    #[arg(long, global = true, env = "THROUGHLINE_DATABASE", hide_env_values = true)]
    database: Option<String>,
    /// The file of the local signing key, `throughline.key` if left out; it is made, readable by you alone, if there is
    /// none.
    #[arg(long, global = true, env = "THROUGHLINE_KEY")]
    key: Option<PathBuf>,
    /// A further file of bank holidays, in the form of www.gov.uk/bank-holidays.json: its days are added to those that
    /// ship, which end with 2027. Everything that works on one database is given the same file.
    #[arg(long, global = true, value_name = "FILE", env = "THROUGHLINE_BANK_HOLIDAYS")]
    bank_holidays: Option<PathBuf>,
}

impl Places {
    fn database(&self) -> &str {
        self.database.as_deref().unwrap_or("sqlite:throughline.db")
    }

    fn key(&self) -> &Path {
        self.key.as_deref().unwrap_or(Path::new("throughline.key"))
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A realistic year of journeys on a scripted clock: prints the boards, tokens and the URL, and serves.
    #[command(after_help = "Example: throughline demo --listen 127.0.0.1:8080")]
    Demo {
        /// Where to listen.
        #[arg(long, default_value = "127.0.0.1:8080")]
        listen: String,
        /// Print the boards and end.
        #[arg(long)]
        once: bool,
    },
    /// The service.
    #[command(after_help = "Example: throughline serve --database postgres://throughline@localhost/throughline")]
    Serve {
        /// Where to listen.
        #[arg(long, env = "THROUGHLINE_LISTEN", default_value = "127.0.0.1:8080")]
        listen: String,
        /// Answer only to the documents in the files `*.graphql` of this folder, by their text or by its SHA-256.
        #[arg(long, value_name = "DIR")]
        trusted_documents: Option<PathBuf>,
        /// An origin beside the service's own whose pages may ask and open a WebSocket, such as
        /// `https://cases.example.org`; give it again for more.
        #[arg(long = "origin", value_name = "URL", value_parser = origin)]
        origins: Vec<String>,
        /// What one login may ask for within a minute, in the figures of `extensions.cost`; 0 for no limit.
        #[arg(long, value_name = "COST", default_value_t = PER_MINUTE)]
        budget: u64,
        /// How many requests are worked on at once at most; beyond that they are answered 503 with Retry-After.
        #[arg(long, value_name = "MOST", default_value_t = REQUESTS, value_parser = at_least_one)]
        requests: usize,
        /// How many connections there are at once at most.
        #[arg(long, value_name = "MOST", default_value_t = CONNECTIONS, value_parser = at_least_one)]
        connections: usize,
        /// Serve no page at `/graphiql`.
        #[arg(long)]
        no_graphiql: bool,
        /// Goes on although a view has followed the log further than it goes, so that events are lost: the view is kept
        /// beside, under another name.
        #[arg(long)]
        without_lost_events: bool,
    },
    /// Contracts.
    #[command(subcommand, after_help = "Example: throughline contract open --rulebook shps")]
    Contract(ContractCommand),
    /// The performance tables of a contract.
    #[command(after_help = "Example: throughline board --contract shps --as-of 2018-02-23 --known-at 2018-02-23")]
    Board {
        /// The contract's code.
        #[arg(long)]
        contract: String,
        /// The day at whose end the facts are read; today if left out.
        #[arg(long, value_parser = day)]
        as_of: Option<NaiveDate>,
        /// Only what was recorded by then: a day (until its end in the contract's zone), or an instant with its offset.
        #[arg(long)]
        known_at: Option<KnownAt>,
        /// How to print.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// A short-lived signed token from the local key.
    #[command(after_help = "Examples: throughline token --role keyworker --subject kw-07 --contract shps\n          \
                            throughline token --role commissioner --subject brent --contract shps --area brent")]
    Token {
        /// What its bearer is: keyworker, manager, commissioner, auditor, integrator or administrator.
        #[arg(long)]
        role: Role,
        /// The bearer's login.
        #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
        subject: String,
        /// A contract that the bearer may see, by code; give it again for more, leave it out for all.
        #[arg(long = "contract")]
        contracts: Vec<String>,
        /// A service area of these contracts to which the bearer is limited, by code, such as a commissioner's borough; give
        /// it again for more, leave it out for all. Not for keyworkers and administrators.
        #[arg(long = "area", requires = "contracts")]
        areas: Vec<String>,
        /// How many minutes it lasts, at most a day.
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(i64).range(1..=1440))]
        minutes: i64,
    },
    /// The GraphQL schema, or who sees what of it.
    #[command(after_help = "Example: throughline schema > schema.graphql")]
    Schema {
        /// The table of roles, fields and relations in its place.
        #[arg(long)]
        access: bool,
    },
    /// Brings files in, through the same commands as the API.
    #[command(subcommand, after_help = "Example: throughline import ndjson events.ndjson --contract shps")]
    Import(ImportCommand),
    /// Takes files out.
    #[command(subcommand, after_help = "Example: throughline export ndjson > events.ndjson")]
    Export(ExportCommand),
    /// Writes the log, as it stands now, to a file of its own while servers go on, and verifies what was written. It holds
    /// no signing key. Status 1 if the log is not as it was written.
    #[command(after_help = "Example: throughline backup throughline-2018-03-01.backup")]
    Backup {
        /// The file to write; it must not be there yet.
        file: PathBuf,
    },
    /// Puts the log of a backup into an empty database, of either kind, verifies it and builds its view.
    #[command(after_help = "Example: throughline restore throughline-2018-03-01.backup --database sqlite:restored.db")]
    Restore {
        /// The file that `backup` wrote.
        file: PathBuf,
    },
    /// Builds the view tables anew from the log and switches to them; prints position and digest, old and new. On Postgres
    /// servers go on meanwhile; a server that holds an `SQLite` file does it itself, by the mutation `startRebuild`.
    #[command(after_help = "Examples: throughline rebuild --rulebook shps-2018-04.toml\n          \
                            throughline rebuild --diff --exit-code")]
    Rebuild {
        /// Publishes this further rulebook first; the new view applies it. With `--diff` it is a draft and is not
        /// published.
        #[arg(long)]
        rulebook: Option<PathBuf>,
        /// Threads that decode and fold; one for each core if left out. What is built does not depend on it.
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
        workers: Option<u16>,
        /// Only compares what would be built with the live view, a server's too: rows, journeys, numbers of boards and
        /// claims, with what made them differ. Nothing is published, and the live view stays.
        #[arg(long)]
        diff: bool,
        /// Ends with status 1 if anything differs.
        #[arg(long, requires = "diff")]
        exit_code: bool,
        /// The day on which boards and claims are compared; today if left out.
        #[arg(long, requires = "diff", value_parser = day)]
        as_of: Option<NaiveDate>,
        /// How to print what differs.
        #[arg(long, value_enum, default_value_t, requires = "diff")]
        format: Format,
    },
    /// Rulebooks: what they say, what they would move, and publishing them.
    #[command(subcommand, after_help = "Example: throughline rulebook check shps-2018-04.toml")]
    Rulebook(RulebookCommand),
    /// What every outcome of every journey in a file of events comes to under a rulebook: one JSON object a line.
    /// Nothing is stored.
    #[command(after_help = "Example: throughline try --rulebook shps.toml --events events.ndjson --as-of 2018-02-28")]
    Try {
        /// The rulebook's file, or the name of a pack that ships. Several versions of one contract: name each.
        #[arg(long, required = true)]
        rulebook: Vec<String>,
        /// The events as NDJSON `CloudEvents`, one a line; their order is the order in which they were recorded.
        #[arg(long)]
        events: PathBuf,
        /// The day at whose end the facts are read.
        #[arg(long, value_parser = day)]
        as_of: NaiveDate,
        /// Only what was recorded by then: a day (until its end in the contract's zone), or an instant with its offset.
        #[arg(long)]
        known_at: Option<KnownAt>,
    },
    /// Streams whose events the views could not take in.
    #[command(subcommand, after_help = "Example: throughline parked list")]
    Parked(ParkedCommand),
    /// The log.
    #[command(subcommand, after_help = "Example: throughline log verify")]
    Log(LogCommand),
    /// Measures this machine with the service on it, beside what the same machine does without, on logs that it makes for
    /// the purpose: `docs/performance.md` says what is measured and how. A figure that is missed is said; it is no failure.
    #[command(after_help = "Example: throughline bench rebuild --events 1000000")]
    Bench(bench::BenchArguments),
}

#[derive(Debug, Subcommand)]
enum RulebookCommand {
    /// Checks rulebooks and says in sentences what they mean; of several also whether their versions overlap.
    #[command(after_help = "Example: throughline rulebook check shps-2018-04.toml")]
    Check {
        /// The files, or names of packs that ship.
        #[arg(required = true)]
        rulebooks: Vec<String>,
    },
    /// Publishes a further rulebook of an open contract, builds the view that applies it, and switches to it.
    #[command(
        after_help = "Example: throughline rulebook publish shps shps-2018-04.toml\n\nOn Postgres servers go on meanwhile \
            and follow; against a server that holds an SQLite file use the mutation `publishRulebook`."
    )]
    Publish {
        /// The contract's code.
        contract: String,
        /// The file, or the name of a pack that ships.
        rulebook: String,
    },
    /// What a draft of a rulebook would move among the claims of a contract, and why; nothing is stored.
    #[command(after_help = "Example: throughline rulebook preview shps shps-2018-04.toml --as-of 2018-04-01")]
    Preview {
        /// The contract's code.
        contract: String,
        /// The draft's file, or the name of a pack that ships.
        rulebook: String,
        /// The day at whose end the facts are read; today in the contract's zone if left out.
        #[arg(long, value_parser = day)]
        as_of: Option<NaiveDate>,
        /// How to print.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Prints the name of a rulebook among all others: the SHA-256 of its content, whatever its layout.
    #[command(after_help = "Example: throughline rulebook hash shps-2018-04.toml")]
    Hash {
        /// The file, or the name of a pack that ships.
        rulebook: String,
    },
}

#[derive(Debug, Subcommand)]
enum ParkedCommand {
    /// Names each, with the place of the event and the reason; status 1 if there are any.
    #[command(after_help = "Example: throughline parked list")]
    List,
    /// Tries each again, and names those that still are; status 1 if there are any.
    #[command(after_help = "Example: throughline parked retry")]
    Retry,
}

#[derive(Debug, Subcommand)]
enum ContractCommand {
    /// Opens a contract with its first rulebook.
    #[command(
        after_help = "Example: throughline contract open --rulebook shps.toml --name 'SHPS' --party 'commissioner=A council'"
    )]
    Open {
        /// The rulebook's file, or the name of a pack that ships: `shps`, `mhep`, `innovation-fund`, `mst-essex`.
        #[arg(long)]
        rulebook: String,
        /// What people call the contract; the rulebook's title if left out.
        #[arg(long)]
        name: Option<String>,
        /// Somebody bound by it, as ROLE=NAME; give it again for more.
        #[arg(long = "party")]
        parties: Vec<String>,
        /// The first day; the rulebook's `effective_from` if left out.
        #[arg(long, value_parser = day)]
        starts_on: Option<NaiveDate>,
        /// The last day, if it has one.
        #[arg(long, value_parser = day)]
        ends_on: Option<NaiveDate>,
    },
}

#[derive(Debug, Subcommand)]
enum ImportCommand {
    /// Events as NDJSON CloudEvents, one a line.
    #[command(after_help = "Example: throughline import ndjson events.ndjson --contract shps")]
    Ndjson {
        /// The file.
        file: PathBuf,
        /// The contract of events that name none.
        #[arg(long, required_unless_present = "as_recorded")]
        contract: Option<String>,
        /// Into an empty log, keeping positions, ids and recorded times: for restore, audit and tests.
        #[arg(long, conflicts_with_all = ["contract", "results", "dry_run"])]
        as_recorded: bool,
        #[command(flatten)]
        how: ImportHow,
    },
    /// Children looked after: the episodes file of an SSDA903 return, each child a journey and each episode a spell.
    #[command(after_help = "Example: throughline import ssda903 episodes.csv --contract mst-essex --dry-run")]
    Ssda903 {
        /// The files, oldest first: of two that say otherwise of an episode, the later is the newer word.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The contract that the children's journeys are in.
        #[arg(long)]
        contract: String,
        /// The area of journeys that begin, a code of the rulebook; its `default_area` if left out.
        #[arg(long)]
        area: Option<String>,
        #[command(flatten)]
        how: ImportHow,
    },
}

/// How a file is imported.
#[derive(Debug, Args)]
struct ImportHow {
    /// Say what would become of each row, and record nothing.
    #[arg(long)]
    dry_run: bool,
    /// Where to write what became of each row, as NDJSON if the name ends so; FILE.results.csv if left out.
    #[arg(long)]
    results: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum ExportCommand {
    /// Every event as NDJSON in the CloudEvents form, one a line, in the order of the log.
    #[command(visible_alias = "events", after_help = "Example: throughline export ndjson > events.ndjson")]
    Ndjson {
        /// Only what belongs to this contract; give it again for more.
        #[arg(long = "contract")]
        contracts: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
enum LogCommand {
    /// Re-reads, re-hashes and decodes the whole log, has the database check its indexes, and names everything that was
    /// altered.
    #[command(after_help = "Example: throughline log verify --all")]
    Verify {
        /// Name every finding, and not the first thousand alone.
        #[arg(long)]
        all: bool,
    },
    /// Prints events as they come, as NDJSON CloudEvents.
    #[command(after_help = "Example: throughline log tail --after 1000")]
    Tail {
        /// Only events after this position; those to come if left out.
        #[arg(long)]
        after: Option<i64>,
    },
}

/// How to print a result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// Comma-separated values.
    Csv,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It did what it was to do.
    Done,
    /// What it checked is not as it should be.
    CheckFailed,
    /// It was used wrongly, or the domain refused it.
    WrongUse,
}

/// How long threads that are at work on what was given up may take to notice.
const LEFT_AFTER: Duration = Duration::from_secs(1);

/// Runs the command line on a runtime of its own.
///
/// The runtime is here rather than in the binary so that all that is asynchronous is compiled once, with the library.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(help) => {
            let code = if help.use_stderr() { 2 } else { 0 };
            // Nobody to tell if even this cannot be printed.
            let _ = help.print();
            return ExitCode::from(code);
        }
    };
    telemetry::start(match cli.command {
        Command::Serve { .. } | Command::Demo { .. } => Work::Service,
        _ => Work::Command,
    });
    exit_code(block_on(cli))
}

fn block_on(cli: Cli) -> anyhow::Result<Ending> {
    let runtime = tokio::runtime::Runtime::new()?;
    let ended = runtime.block_on(commands::run(cli));
    // Threads may be at work on what was given up, such as a view: nobody needs it any more, and nobody waits for them.
    runtime.shutdown_timeout(LEFT_AFTER);
    ended
}

fn exit_code(ended: anyhow::Result<Ending>) -> ExitCode {
    match ended {
        Ok(Ending::Done) => ExitCode::SUCCESS,
        Ok(Ending::CheckFailed) => ExitCode::from(1),
        Ok(Ending::WrongUse) => ExitCode::from(2),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            commands::complain(&format!("error: {}", causes::in_words(&*error)));
            ExitCode::from(if is_wrong_use(&error) { 2 } else { 3 })
        }
    }
}

/// An origin as browsers name it: a scheme, a host and perhaps a port.
fn origin(text: &str) -> Result<String, &'static str> {
    let origin = text.trim_end_matches('/');
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    let is_host = |host: &str| !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
    match host {
        Some(host) if is_host(host) => Ok(origin.to_ascii_lowercase()),
        _ => Err("write an origin as SCHEME://HOST or SCHEME://HOST:PORT, such as https://cases.example.org"),
    }
}

/// How many of something there may be.
fn at_least_one(text: &str) -> Result<usize, &'static str> {
    text.parse().ok().filter(|most| *most > 0).ok_or("write a whole number from 1")
}

/// A day, as the API takes it.
fn day(text: &str) -> Result<NaiveDate, &'static str> {
    let day = text.parse().ok().filter(|day: &NaiveDate| text.len() == 10 && day.year() > 0);
    day.ok_or("write a day as YYYY-MM-DD")
}

/// A file that a command names cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {}: check the name, and that you may", .path.display())]
struct BadFile {
    doing: &'static str,
    path: PathBuf,
    source: std::io::Error,
}

/// What a command was given cannot be what was meant.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Misuse(String);

/// Whoever ran the command can mend it by running it otherwise.
fn is_wrong_use(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let store = cause.downcast_ref::<StoreError>();
        let import = cause.downcast_ref::<ImportError>();
        if matches!(import, Some(ImportError::NoContract(_) | ImportError::Area { .. })) {
            return true;
        }
        let restored = matches!(cause.downcast_ref::<RestoreError>(), Some(RestoreError::Line { .. }));
        let unfit = matches!(cause.downcast_ref::<LogError>(), Some(LogError::Restore(_)));
        restored
            || unfit
            || cause.is::<BadFile>()
            || cause.is::<Misuse>()
            || store.is_some_and(|store| {
                matches!(store, StoreError::Url(_) | StoreError::Missing(_) | StoreError::Lost { .. })
            })
    })
}

/// Whoever read our output has had enough of it.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn a_day_has_a_year_of_four_figures() {
        assert_eq!(day("2024-02-29"), Ok(NaiveDate::from_ymd_opt(2024, 2, 29).expect("a leap day")));
        for text in ["2018-02-29", "2018-2-23", "+262142-12-31", "-001-01-01", "today", ""] {
            assert_eq!(day(text), Err("write a day as YYYY-MM-DD"), "{text}");
        }
    }
}
