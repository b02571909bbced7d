//! The command line: the arguments of each command, and its exit status.
//!
//! Results go to standard output, progress and logs to standard error. Exit status: 0 done, 1 a check failed, 2 wrong
//! use, 3 a fault. Nothing here decides a fact or reads a table.

mod access;
mod access_log;
mod api_schema;
mod backup;
mod bench;
mod board;
mod commands;
mod demo;
mod diff;
mod export;
mod files;
mod import;
mod keys;
mod period;
mod report;
mod results;
mod retention;
mod rulebook;
mod serve;
mod subject;
mod subject_access;
mod table;
mod terminal;
mod token;
mod try_out;
mod views;
mod webhook;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use chrono::{Datelike as _, NaiveDate};
use clap::{Args, Parser, Subcommand, ValueEnum};

use self::access::SignInArguments;
use self::serve::{ImportArguments, WebhookReach};
use crate::causes;
use crate::http::CONNECTIONS;
use crate::import::ImportError;
use crate::import::as_recorded::RestoreError;
use crate::import::read::Unfit;
use crate::keys::{Kek, KeyPlaces};
use crate::log::LogError;
use crate::store::StoreError;
use crate::telemetry::{self, Work};
use crate::try_out::KnownAt;
use throughline_gateway::{PER_MINUTE, REQUESTS};

/// Event-sourced case tracking and claims for outcomes contracts.
#[derive(Debug, Parser)]
#[command(name = "throughline", version, max_term_width = terminal::HELP_WIDTH)]
struct Cli {
    #[command(flatten)]
    places: Places,
    #[command(subcommand)]
    command: Command,
}

/// The database, the signing key and the bank holidays.
#[derive(Debug, Args)]
struct Places {
    /// The database: `sqlite:FILE` or `postgres://USER@HOST/DATABASE`. Default: `sqlite:throughline.db`.
    #[arg(long, global = true, env = "THROUGHLINE_DATABASE", hide_env_values = true)]
    database: Option<String>,
    /// The file of the local signing key. Default: `throughline.key`. If the file does not exist, it is created,
    /// readable by you only.
    #[arg(long, global = true, env = "THROUGHLINE_KEY")]
    key: Option<PathBuf>,
    /// The database of keys, which open names and notes: `sqlite:FILE` or `postgres://USER@HOST/DATABASE`. Default: beside
    /// the database, as the file `FILE.keys` or the schema `SCHEMA_keys`.
    #[arg(long, global = true, env = "THROUGHLINE_KEYS", hide_env_values = true)]
    keys: Option<String>,
    /// The file of the key-encryption key, which wraps those keys. Default: `FILE.kek` beside an SQLite database. The
    /// environment variable `THROUGHLINE_KEK` may hold the key itself, in base64.
    #[arg(long, global = true, value_name = "FILE", env = "THROUGHLINE_KEK_FILE")]
    kek_file: Option<PathBuf>,
    /// A file of further bank holidays, in the format of www.gov.uk/bank-holidays.json. Its days are added to the
    /// built-in ones, which end with 2027. Give the same file to every command and server that uses the same database.
    #[arg(long, global = true, value_name = "FILE", env = "THROUGHLINE_BANK_HOLIDAYS")]
    bank_holidays: Option<PathBuf>,
    /// Where files of evidence are kept, sealed: `file:///FOLDER` or `s3://BUCKET/PREFIX`, with the endpoint and the
    /// credentials in the environment (`AWS_ENDPOINT`, `AWS_ACCESS_KEY_ID` and so on). Default: the folder
    /// FILE.evidence beside an `SQLite` file; on Postgres, none are kept.
    #[arg(long, global = true, value_name = "URL", env = "THROUGHLINE_EVIDENCE")]
    evidence_store: Option<String>,
}

impl Places {
    fn database(&self) -> &str {
        self.database.as_deref().unwrap_or("sqlite:throughline.db")
    }

    /// Where the keys of people are, and what wraps them.
    fn key_places(&self) -> KeyPlaces {
        let kek = std::env::var("THROUGHLINE_KEK").ok().filter(|kek| !kek.is_empty()).map(Kek);
        KeyPlaces { keys: self.keys.clone(), kek_file: self.kek_file.clone(), kek }
    }

    fn key(&self) -> &Path {
        self.key.as_deref().unwrap_or(Path::new("throughline.key"))
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Records a realistic year of cases on a simulated clock, prints the boards, tokens and the URL, and serves.
    #[command(
        after_help = "Example: throughline demo --listen 127.0.0.1:8080\n\nAnother pack: throughline demo --pack mhep --once"
    )]
    Demo(demo::DemoArguments),
    /// Runs the service.
    #[command(after_help = "Example: throughline serve --database postgres://throughline@localhost/throughline")]
    Serve {
        /// The address to listen on.
        #[arg(long, env = "THROUGHLINE_LISTEN", default_value = "127.0.0.1:8080")]
        listen: String,
        /// Answer only documents in the `*.graphql` files of this folder, sent as text or as the SHA-256 of the text.
        #[arg(long, value_name = "DIR")]
        trusted_documents: Option<PathBuf>,
        /// A further origin whose pages may send requests and open a WebSocket, such as `https://cases.example.org`.
        /// Repeat for more origins. The service's own origin is always allowed.
        #[arg(long = "origin", value_name = "URL", value_parser = origin)]
        origins: Vec<String>,
        /// The most that one login may use within a minute, in the unit of `extensions.cost`. 0 means no limit.
        #[arg(long, value_name = "COST", default_value_t = PER_MINUTE)]
        budget: u64,
        /// The most requests to work on at the same time. Further requests get 503 with Retry-After.
        #[arg(long, value_name = "MOST", default_value_t = REQUESTS, value_parser = at_least_one)]
        requests: usize,
        /// The most connections at the same time.
        #[arg(long, value_name = "MOST", default_value_t = CONNECTIONS, value_parser = at_least_one)]
        connections: usize,
        /// Do not serve the page at `/graphiql`.
        #[arg(long)]
        no_graphiql: bool,
        #[command(flatten)]
        sign_in: SignInArguments,
        /// Start even if the log has lost events that a view had already applied. The view is kept beside the database
        /// under another name.
        #[arg(long)]
        without_lost_events: bool,
        #[command(flatten)]
        webhooks: WebhookReach,
        #[command(flatten)]
        access_log: access_log::KeptFor,
        #[command(flatten)]
        imports: ImportArguments,
    },
    /// Opens contracts.
    #[command(subcommand, after_help = "Example: throughline contract open --rulebook shps")]
    Contract(ContractCommand),
    /// Prints the performance tables of a contract, or the figures of any of its measures.
    #[command(
        after_help = "Examples: throughline board --contract shps --as-of 2018-02-23 --known-at 2018-02-23\n          \
            throughline board --contract shps --list-measures\n          \
            throughline board --contract shps --measures referral --by area --period 2018-02 --compare targets"
    )]
    Board(board::BoardArguments),
    /// Prints a report of a contract for a period, or writes it as a workbook, a page or data.
    #[command(after_help = "Examples: throughline report --contract shps --list\n          \
            throughline report --contract shps --report monthly --period 2018-02\n          \
            throughline report --contract shps --report monthly --period 2018-02 --format xlsx --output shps.xlsx\n          \
            throughline report --contract shps --report monthly --period 2018-02 --restated\n          \
            throughline report --contract stoke-psychology --due")]
    Report(report::ReportArguments),
    /// Closes periods of a contract, and lists the closed ones.
    #[command(subcommand, after_help = "Example: throughline period close --contract shps --period 2018-02")]
    Period(period::PeriodCommand),
    /// Prints a short-lived token, signed with the local key.
    #[command(after_help = "Examples: throughline token --role keyworker --subject kw-07 --contract shps\n          \
                            throughline token --role commissioner --subject brent --contract shps --area brent")]
    Token(token::TokenArguments),
    /// Creates the store of the keys that open names and notes, rotates what wraps them, or backs it up.
    #[command(subcommand, after_help = "Example: throughline key rotate")]
    Key(keys::KeyCommand),
    /// Lists who opened whose names, notes or files of evidence, and when, newest first.
    #[command(after_help = "Example: throughline access-log --who kw-07 --from 2018-03-01 --format csv")]
    AccessLog(access_log::AccessLogArguments),
    /// Erases what identifies a person, in two steps by two people. On SQLite, a running server has these as mutations.
    #[command(
        subcommand,
        after_help = "Example: throughline subject erase propose SUBJECT --ground subject_request \
            --login ann@example.org"
    )]
    Subject(subject::SubjectCommand),
    /// Grants, revokes and lists roles, and ends sessions. On SQLite, a running server has these as mutations.
    #[command(subcommand, after_help = "Example: throughline access list")]
    Access(access::AccessCommand),
    /// Issues, rotates, revokes and lists keys with which machines sign in.
    #[command(subcommand, after_help = "Example: throughline api-key list")]
    ApiKey(access::ApiKeyCommand),
    /// Checks how people sign in through identity providers.
    #[command(subcommand, after_help = "Example: throughline sign-in check --issuers issuers.toml")]
    SignIn(access::SignInCommand),
    /// Prints the GraphQL schema, the table of who may see which fields, or the privacy page.
    #[command(after_help = "Example: throughline schema > schema.graphql")]
    Schema(api_schema::SchemaArguments),
    /// Imports files, through the same commands as the API.
    #[command(
        args_conflicts_with_subcommands = true,
        arg_required_else_help = true,
        after_help = "Examples: throughline import ndjson events.ndjson --contract shps\n          \
            throughline import --sample referrals.csv > mapping.toml\n          \
            throughline import check mapping.toml referrals.csv\n          \
            throughline import csv referrals.csv --mapping mapping.toml --contract shps"
    )]
    Import {
        /// Print a first mapping for this CSV file or workbook, guessed from its header and first rows.
        #[arg(long, value_name = "FILE")]
        sample: Option<PathBuf>,
        #[command(subcommand)]
        command: Option<ImportCommand>,
    },
    /// Exports the log, or tables for analysts, to files.
    #[command(
        subcommand,
        after_help = "Examples: throughline export ndjson > events.ndjson\n          \
            throughline export journeys --contract shps --format parquet --out journeys.parquet"
    )]
    Export(export::ExportCommand),
    /// Copies the current log to a file while servers run, and verifies the copy. The file contains no signing key.
    /// Status 1 if the log is damaged.
    #[command(after_help = "Example: throughline backup throughline-2018-03-01.backup")]
    Backup {
        /// The file to write. It must not exist yet.
        file: PathBuf,
    },
    /// Restores the log of a backup into an empty database, SQLite or Postgres, verifies it and builds its view.
    #[command(after_help = "Example: throughline restore throughline-2018-03-01.backup --database sqlite:restored.db")]
    Restore {
        /// The file that `backup` wrote.
        file: PathBuf,
    },
    /// Rebuilds the view tables from the log and switches to them. Prints position and digest, old and new. On
    /// Postgres, servers keep running meanwhile. If a server holds an `SQLite` file, use its mutation `startRebuild`
    /// instead.
    #[command(after_help = "Examples: throughline rebuild --rulebook shps-2018-04.toml\n          \
                            throughline rebuild --diff --exit-code")]
    Rebuild {
        /// Publish this further rulebook first, so that the new view applies it. With `--diff` it is a draft and is not
        /// published.
        #[arg(long)]
        rulebook: Option<PathBuf>,
        /// The number of threads that decode and fold. Default: one for each core. The result does not depend on it.
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
        workers: Option<u16>,
        /// Only compare the rebuilt view with the live view, also while a server runs: rows, cases, the numbers of
        /// boards, and claims, with the reason for each difference. Nothing is published, and the live view does not
        /// change.
        #[arg(long)]
        diff: bool,
        /// End with status 1 if anything differs.
        #[arg(long, requires = "diff")]
        exit_code: bool,
        /// The as-of date for boards and claims. Default: today.
        #[arg(long, requires = "diff", value_parser = day)]
        as_of: Option<NaiveDate>,
        /// The output format of the differences.
        #[arg(long, value_enum, default_value_t, requires = "diff")]
        format: Format,
    },
    /// Checks, explains, previews and publishes rulebooks.
    #[command(subcommand, after_help = "Example: throughline rulebook check shps-2018-04.toml")]
    Rulebook(RulebookCommand),
    /// Prints the status of every outcome of every case in a file of events under a rulebook, one JSON object a line.
    /// Nothing is stored.
    #[command(after_help = "Example: throughline try --rulebook shps.toml --events events.ndjson --as-of 2018-02-28")]
    Try {
        /// The rulebook's file, or the name of a built-in pack. For several versions of one contract, give each.
        #[arg(long, required = true)]
        rulebook: Vec<String>,
        /// The events as NDJSON `CloudEvents`, one a line, in the order in which they were recorded.
        #[arg(long)]
        events: PathBuf,
        /// The as-of date: facts are read at the end of this day.
        #[arg(long, value_parser = day)]
        as_of: NaiveDate,
        /// The knowledge date: only events recorded by then count. A day (until its end in the contract's zone), or an
        /// instant with its offset.
        #[arg(long)]
        known_at: Option<KnownAt>,
    },
    /// Lists or retries parked streams, whose events could not be applied to the views.
    #[command(subcommand, after_help = "Example: throughline parked list")]
    Parked(ParkedCommand),
    /// Verifies or follows the log.
    #[command(subcommand, after_help = "Example: throughline log verify")]
    Log(LogCommand),
    /// Lists the people whose data is due to be erased under the retention periods of a contract.
    #[command(subcommand, after_help = "Example: throughline retention due --contract shps")]
    Retention(retention::RetentionCommand),
    /// Makes, changes, replays, ends and lists webhook subscriptions: addresses that are sent the events of a contract.
    /// A server sends them. If a server holds an `SQLite` file, use its mutations instead, such as
    /// `createSubscription`.
    #[command(
        subcommand,
        after_help = "Example: throughline webhook create --contract shps --url https://example.org/throughline"
    )]
    Webhook(webhook::WebhookCommand),
    /// Measures the service on this machine, compared with the same machine without it, on logs that it generates.
    /// `docs/performance.md` describes the measurements. A figure that misses its limit is marked as missed. It does
    /// not fail the command.
    #[command(after_help = "Example: throughline bench rebuild --events 1000000")]
    Bench(bench::BenchArguments),
}

#[derive(Debug, Subcommand)]
enum RulebookCommand {
    /// Checks rulebooks and explains them in sentences. For several rulebooks, also checks whether their versions
    /// overlap.
    #[command(after_help = "Example: throughline rulebook check shps-2018-04.toml")]
    Check {
        /// The files, or names of built-in packs.
        #[arg(required = true)]
        rulebooks: Vec<String>,
    },
    /// Publishes a further rulebook of an open contract, builds the view that applies it, and switches to that view.
    #[command(
        after_help = "Example: throughline rulebook publish shps shps-2018-04.toml\n\nOn Postgres, servers keep \
            running meanwhile and follow. If a server holds an SQLite file, use its mutation `publishRulebook` instead."
    )]
    Publish {
        /// The contract's code.
        contract: String,
        /// The file, or the name of a built-in pack.
        rulebook: String,
    },
    /// Shows which claims of a contract a draft rulebook would change, and why. Nothing is stored.
    #[command(after_help = "Example: throughline rulebook preview shps shps-2018-04.toml --as-of 2018-04-01")]
    Preview(rulebook::PreviewArguments),
    /// Prints the hash that identifies a rulebook: the SHA-256 of its content, whatever its layout.
    #[command(after_help = "Example: throughline rulebook hash shps-2018-04.toml")]
    Hash {
        /// The file, or the name of a built-in pack.
        rulebook: String,
    },
    /// Prints the JSON Schema of rulebooks, for editors that complete and check TOML.
    #[command(after_help = "Example: throughline rulebook schema > rulebook.schema.json")]
    Schema,
    /// Prints the reference page of rulebooks: every section and key, as Markdown.
    #[command(after_help = "Example: throughline rulebook reference > rulebook.md")]
    Reference,
    /// Prints the page of measures: what each number counts, and by which formula, as Markdown.
    #[command(after_help = "Example: throughline rulebook measures > measures.md")]
    Measures,
}

#[derive(Debug, Subcommand)]
enum ParkedCommand {
    /// Lists the parked streams, with the position of the event and the reason. Status 1 if there are any.
    #[command(after_help = "Example: throughline parked list")]
    List,
    /// Tries each parked stream again, and lists those that are still parked. Status 1 if there are any.
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
        /// The rulebook's file, or the name of a built-in pack: `shps`, `mhep`, `innovation-fund`, `mst-essex`,
        /// `case-management`, `dwp-cep`, `ealing-better-lives`, `kmc`, `sehatmandi`, `stoke-psychology`.
        #[arg(long)]
        rulebook: String,
        /// The contract's name. Default: the rulebook's title.
        #[arg(long)]
        name: Option<String>,
        /// A party to the contract, as ROLE=NAME. Repeat for more parties.
        #[arg(long = "party")]
        parties: Vec<String>,
        /// The first day. Default: the rulebook's `effective_from`.
        #[arg(long, value_parser = day)]
        starts_on: Option<NaiveDate>,
        /// The last day, if the contract has one.
        #[arg(long, value_parser = day)]
        ends_on: Option<NaiveDate>,
    },
}

#[derive(Debug, Subcommand)]
enum ImportCommand {
    /// Imports events as NDJSON CloudEvents, one a line.
    #[command(after_help = "Example: throughline import ndjson events.ndjson --contract shps")]
    Ndjson {
        /// The file.
        file: PathBuf,
        /// The contract of events that do not name one.
        #[arg(long, required_unless_present = "as_recorded")]
        contract: Option<String>,
        /// Import into an empty log, keeping positions, ids and recorded times. For restore, audit and tests.
        #[arg(long, conflicts_with_all = ["contract", "results", "dry_run"])]
        as_recorded: bool,
        #[command(flatten)]
        how: ImportHow,
    },
    /// Imports CSV files under a mapping.
    #[command(
        after_help = "Example: throughline import csv referrals.csv --mapping referrals --contract shps --dry-run"
    )]
    Csv(import::MappedArguments),
    /// Imports workbooks under a mapping.
    #[command(after_help = "Example: throughline import xlsx referrals.xlsx --mapping mapping.toml --contract shps")]
    Xlsx(import::MappedArguments),
    /// Imports XML files under a mapping.
    #[command(after_help = "Example: throughline import xml census.xml --mapping cin-census --contract cin")]
    Xml(import::MappedArguments),
    /// Imports JSON files under a mapping.
    #[command(after_help = "Example: throughline import json cases.json --mapping mapping.toml --contract shps")]
    Json(import::MappedArguments),
    /// Checks a mapping, and files under it, without a database. Status 1 if anything is wrong.
    #[command(after_help = "Example: throughline import check mapping.toml referrals.csv")]
    Check {
        /// The mapping's file, or the name of one that ships.
        mapping: String,
        /// Files to read under it.
        files: Vec<PathBuf>,
    },
    /// Prints a mapping that ships, to copy and change.
    #[command(after_help = "Example: throughline import mapping referrals > mapping.toml")]
    Mapping {
        /// The name of the mapping.
        name: String,
    },
    /// Prints the JSON Schema of mappings, for editors that complete and check TOML.
    #[command(after_help = "Example: throughline import schema > mapping.schema.json")]
    Schema,
    /// Imports children looked after: the episodes file of an SSDA903 return. Each child becomes a case and each
    /// episode a spell.
    #[command(after_help = "Example: throughline import ssda903 episodes.csv --contract mst-essex --dry-run")]
    Ssda903 {
        /// The files, oldest first. If two files differ about an episode, the later file counts.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The contract of the children's cases.
        #[arg(long)]
        contract: String,
        /// The area of new cases, a code of the rulebook. Default: the rulebook's `default_area`.
        #[arg(long)]
        area: Option<String>,
        #[command(flatten)]
        how: ImportHow,
    },
}

/// Options of an import.
#[derive(Debug, Args)]
pub(crate) struct ImportHow {
    /// Report the result of each row without recording anything.
    #[arg(long)]
    dry_run: bool,
    /// The file for the result of each row, as NDJSON if the name ends in .ndjson. Default: FILE.results.csv.
    #[arg(long)]
    results: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum LogCommand {
    /// Reads, hashes and decodes the whole log again, has the database check its indexes, and lists every alteration.
    #[command(after_help = "Example: throughline log verify --all")]
    Verify {
        /// List every finding, not only the first thousand.
        #[arg(long)]
        all: bool,
    },
    /// Prints new events as NDJSON CloudEvents as they are recorded.
    #[command(after_help = "Example: throughline log tail --after 1000")]
    Tail {
        /// Print the events after this position, then new ones. Default: new events only.
        #[arg(long)]
        after: Option<i64>,
    },
}

/// The format of a command's output.
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
    /// The command did its work.
    Done,
    /// The check found a fault.
    CheckFailed,
    /// The command was used wrongly, or the domain refused it.
    WrongUse,
}

/// The stack of a thread that answers requests, in bytes. A document goes as deep as the limit allows, and unoptimised the
/// functions that resolve the larger types of the API take up to 280 kB each.
const STACK: usize = 8 << 20;
/// The most time to wait for threads that still work on something already given up.
const LEFT_AFTER: Duration = Duration::from_secs(1);

/// Runs the command line on a new runtime.
///
/// The runtime is created here and not in the binary, so that all asynchronous code is compiled once, with the library.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(help) => {
            let code = if help.use_stderr() { 2 } else { 0 };
            // If this cannot be printed, there is nowhere to report it.
            let _ = help.print();
            return ExitCode::from(code);
        }
    };
    telemetry::start(match cli.command {
        Command::Serve { .. } | Command::Demo(_) => Work::Service,
        _ => Work::Command,
    });
    exit_code(block_on(cli))
}

fn block_on(cli: Cli) -> anyhow::Result<Ending> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK).build()?;
    let ended = runtime.block_on(commands::run(cli));
    // Threads may still work on something already given up, such as a view. Nobody needs the result, so the process
    // does not wait for them.
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
            terminal::message(format_args!("error: {}", causes::in_words(&*error)));
            ExitCode::from(if is_wrong_use(&error) { 2 } else { 3 })
        }
    }
}

/// An origin in the form that browsers use: a scheme, a host and optionally a port.
fn origin(text: &str) -> Result<String, &'static str> {
    let origin = text.trim_end_matches('/');
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    let is_host = |host: &str| !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
    match host {
        Some(host) if is_host(host) => Ok(origin.to_ascii_lowercase()),
        _ => Err("use SCHEME://HOST or SCHEME://HOST:PORT, such as https://cases.example.org"),
    }
}

/// A limit: a whole number from 1.
fn at_least_one(text: &str) -> Result<usize, &'static str> {
    text.parse().ok().filter(|most| *most > 0).ok_or("use a whole number from 1")
}

/// A date, in the format of the API.
fn day(text: &str) -> Result<NaiveDate, &'static str> {
    let day = text.parse().ok().filter(|day: &NaiveDate| text.len() == 10 && day.year() > 0);
    day.ok_or("use a date as YYYY-MM-DD")
}

/// A file named in a command cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {}: check the name and your permissions", .path.display())]
struct BadFile {
    doing: &'static str,
    path: PathBuf,
    source: std::io::Error,
}

/// An argument of a command is wrong.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Misuse(String);

/// Whether the user can fix the error by running the command differently.
fn is_wrong_use(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let store = cause.downcast_ref::<StoreError>();
        let import = cause.downcast_ref::<ImportError>();
        if matches!(
            import,
            Some(
                ImportError::NoContract(_)
                    | ImportError::Area { .. }
                    | ImportError::Unfit { unfit: Unfit::Wrong { .. }, .. }
            )
        ) {
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

/// Whether the reader of the output closed the pipe.
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
    fn the_id_of_a_key_is_not_taken_for_the_file_of_the_signing_key() {
        let id = "0190c2a4-7b1e-7000-8000-000000000052";
        let rotate = ["rotate", id, "--expires-on", "2027-01-01", "--old-until", "2026-02-01"];
        for rest in [&["revoke", id][..], &rotate[..]] {
            let arguments = [&["throughline", "api-key"][..], rest].concat();
            assert!(<Cli as clap::Parser>::try_parse_from(arguments).is_ok());
        }
    }

    #[test]
    fn a_day_has_a_year_of_four_figures() {
        assert_eq!(day("2024-02-29"), Ok(NaiveDate::from_ymd_opt(2024, 2, 29).expect("a leap day")));
        for text in ["2018-02-29", "2018-2-23", "+262142-12-31", "-001-01-01", "today", ""] {
            assert_eq!(day(text), Err("use a date as YYYY-MM-DD"), "{text}");
        }
    }
}
