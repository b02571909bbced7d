//! Runs each command by calling the library, and prints its result.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use async_graphql::ServerError;
use chrono::NaiveDate;
use tokio::net::TcpListener;

use super::files::ImportOptions;
use super::terminal::{self, message};
use super::{BadFile, Misuse};
use super::{
    Cli, Command, ContractCommand, Ending, ImportCommand, ImportHow, LogCommand, ParkedCommand, Places,
    RulebookCommand, SignInArguments, access, access_log, api_schema, backup, bench, board, demo, diff, export, files,
    import, keys, period, report, retention, rulebook, subject, token, try_out, views, webhook,
};
use crate::access::sign_in::SignIn;
use crate::access::token::LocalKey;
use crate::access::{Principal, Role, Scope};
use crate::causes;
use crate::clock::{Chance, Clock};
use crate::deployment::Deployment;
use crate::http;
use crate::import::read::Format;
use crate::jobs;
use crate::log::Log;
use crate::outbox;
use crate::record::{CommandRequest, RecordError, Recorder};
use crate::store::{Mode, Store};
use crate::views::Views;
use throughline_domain::command::contracts::OpenContract;
use throughline_domain::command::{Command as Stated, When};
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::calendar::BankHolidays;
use throughline_domain::contract::rulebook::{reference, schema};
use throughline_domain::fact::envelope::CommandId;
use throughline_domain::fact::event::{ContractOpened, Party};
use throughline_domain::performance::reference as measures;
use throughline_gateway::{Budget, Capacity, Documents, Explorer, Terms, guard};

/// The actor that the log records for commands from the command line.
pub(super) const COMMAND_LINE: &str = "command-line";

pub(super) async fn run(cli: Cli) -> Result<Ending> {
    let places = cli.places;
    if let Some(file) = &places.bank_holidays {
        add_bank_holidays(file)?;
    }
    match cli.command {
        Command::Demo(arguments) => demo::run(&places, &arguments).await,
        Command::Serve {
            listen,
            trusted_documents,
            origins,
            budget,
            requests,
            connections,
            no_graphiql,
            sign_in,
            without_lost_events,
            webhooks,
            access_log,
            imports,
        } => {
            let stop = stop_signal();
            let imports = match imports.terms()? {
                Ok(imports) => imports,
                Err(ending) => return Ok(ending),
            };
            if without_lost_events {
                set_aside(&places).await?;
            }
            let documents = match trusted_documents.as_deref().map(trusted).transpose()? {
                None => Documents::default(),
                Some(Ok(documents)) => documents,
                Some(Err(wrong)) => {
                    message(wrong);
                    return Ok(Ending::WrongUse);
                }
            };
            let explorer = if no_graphiql { Explorer::Absent } else { Explorer::Served };
            let (budget, capacity) = (Arc::new(Budget::per_minute(budget)), Arc::new(Capacity::of(requests)));
            let terms = Terms { budget, capacity, documents, origins, explorer, ..Terms::default() };
            let sign_in = settings(&places, &sign_in)?;
            let terms = (sign_in, terms);
            serve(&places, (&listen, connections), (terms, webhooks.terms(), access_log, imports), stop).await
        }
        Command::Contract(ContractCommand::Open { rulebook, name, parties, starts_on, ends_on }) => {
            let opening = Opening { rulebook, name, parties, starts_on, ends_on };
            open_contract(&places, opening).await
        }
        Command::Board(arguments) => board::run(&places, &arguments).await,
        Command::Report(arguments) => report::run(&places, &arguments).await,
        Command::Period(command) => period::run(&places, &command).await,
        Command::Token(arguments) => token::run(&places, arguments).await,
        Command::Key(command) => keys::run(&places, command).await,
        Command::AccessLog(arguments) => access_log::run(&places, &arguments).await,
        Command::Subject(command) => subject::run(&places, command).await,
        Command::Access(command) => access::run(&places, command).await,
        Command::ApiKey(command) => access::run_api_key(&places, command).await,
        Command::SignIn(command) => access::run_sign_in(command).await,
        Command::Schema(arguments) => api_schema::print(&arguments),
        Command::Rulebook(RulebookCommand::Check { rulebooks }) => rulebook::check(&rulebooks),
        Command::Rulebook(RulebookCommand::Hash { rulebook }) => rulebook::hash(&rulebook),
        Command::Rulebook(RulebookCommand::Schema) => rulebook::print(&schema::json_schema()),
        Command::Rulebook(RulebookCommand::Reference) => rulebook::print(&reference::markdown()),
        Command::Rulebook(RulebookCommand::Measures) => rulebook::print(&measures::markdown()),
        Command::Rulebook(RulebookCommand::Publish { contract, rulebook }) => {
            rulebook::publish(&places, &contract, &rulebook).await
        }
        Command::Rulebook(RulebookCommand::Preview(arguments)) => rulebook::preview(&places, &arguments).await,
        Command::Try { rulebook, events, as_of, known_at } => try_out::run(&rulebook, &events, as_of, known_at),
        Command::Rebuild { rulebook, workers, diff: true, exit_code, as_of, format } => {
            let rulebook = rulebook.as_deref();
            diff::run(&places, &diff::Asking { rulebook, as_of, workers, exit_code, format }).await
        }
        Command::Rebuild { rulebook, workers, .. } => views::rebuild(&places, rulebook.as_deref(), workers).await,
        Command::Parked(ParkedCommand::List) => views::list_parked(&places).await,
        Command::Parked(ParkedCommand::Retry) => views::retry_parked(&places).await,
        Command::Bench(arguments) => bench::run(arguments).await,
        Command::Log(LogCommand::Verify { all }) => files::verify(&places, all).await,
        Command::Log(LogCommand::Tail { after }) => files::tail(&places, after).await,
        Command::Retention(command) => retention::run(&places, &command).await,
        Command::Webhook(command) => webhook::run(&places, command).await,
        Command::Backup { file } => backup::backup(&places, &file).await,
        Command::Restore { file } => backup::restore(&places, &file).await,
        Command::Import { sample: Some(file), .. } => import::sample(&file),
        Command::Import { command: Some(command), .. } => import_files(&places, command).await,
        Command::Import { .. } => Ok(Ending::WrongUse),
        Command::Export(command) => export::run(&places, command).await,
    }
}

/// Adds a file of bank holidays to the built-in ones.
fn add_bank_holidays(file: &Path) -> Result<()> {
    let read = std::fs::read_to_string(file);
    let text = read.map_err(|source| BadFile { doing: "read the bank holidays", path: file.to_owned(), source })?;
    let further = BankHolidays::read(&text).map_err(|error| Misuse(format!("{}: {error}", file.display())))?;
    let shipped = BankHolidays::shipped();
    let shipped: Vec<&str> = shipped.names().collect();
    for division in further.names().filter(|name| !shipped.contains(name)) {
        message(format_args!(
            "{}: {division:?} is not a built-in division ({}): its days count only for rulebooks that name this \
                division",
            file.display(),
            shipped.join(", ")
        ));
    }
    Ok(BankHolidays::add(further)?)
}

async fn import_files(places: &Places, command: ImportCommand) -> Result<Ending> {
    match command {
        ImportCommand::Ndjson { file, as_recorded: true, .. } => files::restore(places, &file).await,
        ImportCommand::Ndjson { file, contract, how, .. } => {
            files::import_ndjson(places, file, import_options(contract.unwrap_or_default(), how)).await
        }
        ImportCommand::Ssda903 { files, contract, area, how } => {
            files::import_ssda903(places, files, area, import_options(contract, how)).await
        }
        ImportCommand::Csv(arguments) => import::run(places, Format::Csv, arguments).await,
        ImportCommand::Xlsx(arguments) => import::run(places, Format::Xlsx, arguments).await,
        ImportCommand::Xml(arguments) => import::run(places, Format::Xml, arguments).await,
        ImportCommand::Json(arguments) => import::run(places, Format::Json, arguments).await,
        ImportCommand::Check { mapping, files } => import::check(&mapping, &files).await,
        ImportCommand::Mapping { name } => import::print(&name),
        ImportCommand::Schema => import::schema(),
    }
}

fn import_options(contract: String, how: ImportHow) -> ImportOptions {
    ImportOptions { contract, is_dry_run: how.dry_run, results: how.results }
}

/// Opens the deployment for writing, with the machine's clock.
pub(super) async fn open(places: &Places) -> Result<Deployment> {
    let opened = Deployment::open_with_keys(
        places.database(),
        &places.key_places(),
        Arc::new(Clock::Machine),
        Arc::new(Chance::System),
    )
    .await;
    with_evidence(places, opened.context("cannot open the database")?)
}

/// The deployment with its files of evidence where the command line says.
pub(super) fn with_evidence(places: &Places, deployment: Deployment) -> Result<Deployment> {
    match &places.evidence_store {
        Some(url) => Ok(deployment.with_evidence_at(url).map_err(|error| Misuse(causes::in_words(&error)))?),
        None => Ok(deployment),
    }
}

pub(super) fn key(places: &Places) -> Result<Arc<LocalKey>> {
    Ok(Arc::new(LocalKey::read_or_make(places.key())?))
}

/// Renames views that follow events which the log has lost.
async fn set_aside(places: &Places) -> Result<()> {
    let store = Arc::new(Store::open(places.database(), Mode::Write).await?);
    let aside = Views::set_aside(&Log::open(Arc::clone(&store)).await?).await?;
    for view in aside {
        message(format_args!("the log has lost its newest events; the view that had applied them is kept as {view}"));
    }
    store.close().await;
    Ok(())
}

/// The settings for signing in: the local key and the file of issuers.
fn settings(places: &Places, arguments: &SignInArguments) -> Result<SignIn> {
    let local = if arguments.no_local_tokens { None } else { Some(key(places)?) };
    let read = SignIn::read(local, arguments.issuers.as_deref());
    Ok(read.map_err(|error| Misuse(causes::in_words(&error)))?.behind(&arguments.proxies))
}

async fn serve(
    places: &Places,
    (listen, connections): (&str, usize),
    (terms, webhooks, access_log, imports): ((SignIn, Terms), outbox::Terms, access_log::KeptFor, Option<jobs::Terms>),
    stop: impl Future<Output = ()>,
) -> Result<Ending> {
    let listener = listening(listen).await?;
    let mut stop = std::pin::pin!(stop);
    let deployment = tokio::select! {
        opened = open(places) => opened?,
        () = &mut stop => {
            // Work in progress is in no committed transaction. The next start deletes a view that is not complete.
            tracing::info!("stopped before serving");
            return Ok(Ending::Done);
        }
    };
    if deployment.log.head().await?.position.0 == 0 {
        message(
            "the database is empty: stop the server, then open a contract with `throughline contract open --rulebook \
                FILE`",
        );
    }
    let deployment = deployment.with_webhooks(webhooks).keeping_access_log_for(access_log.days());
    let deployment = match imports {
        Some(imports) => deployment.with_imports(imports),
        None => deployment,
    };
    serve_until_stopped(deployment, terms, listener, connections, stop).await?;
    Ok(Ending::Done)
}

/// The documents in a folder, or the reason why they cannot be used.
fn trusted(folder: &Path) -> Result<Result<Documents, String>> {
    let unreadable = |source| BadFile { doing: "read the trusted documents in", path: folder.to_owned(), source };
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_none_or(|extension| extension != "graphql") {
            continue;
        }
        let text = std::fs::read_to_string(&path);
        let text = text.map_err(|source| BadFile { doing: "read the trusted document", path: path.clone(), source })?;
        if let Err(refusals) = guard::check_text(&text) {
            let wrong: Vec<String> = refusals.into_iter().map(|refusal| ServerError::from(refusal).message).collect();
            return Ok(Err(format!("{}: {}", path.display(), wrong.join("; "))));
        }
        texts.push(text);
    }
    if texts.is_empty() {
        return Ok(Err(format!(
            "{} contains no *.graphql files: give the folder that holds the trusted documents",
            folder.display()
        )));
    }
    tracing::info!(documents = texts.len(), "answering trusted documents only");
    Ok(Ok(Documents::trusted(texts)))
}

/// Binds a listener to an address.
pub(super) async fn listening(at: &str) -> Result<TcpListener> {
    let bound = TcpListener::bind(at).await;
    Ok(bound.map_err(|error| Misuse(format!("cannot listen on {at}: {error}; give another address with --listen")))?)
}

/// Serves a deployment, and sends its webhooks, until the process receives a signal to stop. Then it finishes the
/// requests in progress. A webhook that is under way then is sent again after the next start.
pub(super) async fn serve_until_stopped(
    deployment: Deployment,
    (sign_in, terms): (SignIn, Terms),
    listener: TcpListener,
    connections: usize,
    stop: impl Future<Output = ()>,
) -> Result<()> {
    tracing::info!(url = http::url_of(listener.local_addr()?), "serving");
    if let Some(reason) = deployment.keys.why_away() {
        tracing::warn!(%reason, "the key store is away: names and notes are neither shown nor recorded");
    }
    let sending = tokio::spawn(deployment.outbox.clone().keep_sending());
    let importing = tokio::spawn(deployment.imports.clone().keep_running(deployment.recorder.clone()));
    let router = http::router(deployment.app(), sign_in, terms);
    http::serve(listener, http::connections_within(connections), router, stop).await;
    tracing::info!("stopping");
    sending.abort();
    importing.abort();
    // The tasks are aborted on purpose. An import that is running is begun anew after the next start.
    let _ = sending.await;
    let _ = importing.await;
    deployment.close().await;
    Ok(())
}

/// Completes when the process receives a signal to stop. Signals count from this call on, so call it before starting
/// the work that they should stop.
pub(super) fn stop_signal() -> impl Future<Output = ()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let signals = signal(SignalKind::interrupt()).and_then(|one| Ok((one, signal(SignalKind::terminate())?)));
        async move {
            // Without a handler, the system ends the process.
            let Ok((mut interrupt, mut terminate)) = signals else { return std::future::pending().await };
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
    }
    #[cfg(not(unix))]
    async {
        drop(tokio::signal::ctrl_c().await);
    }
}

/// Runs a query on the views. A signal to stop ends it early, and then the caller drops everything built for the query.
pub(super) async fn unless_stopped<T>(asked: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        answered = asked => answered,
        () = stop_signal() => anyhow::bail!("stopped before the end; nothing was kept"),
    }
}

/// The arguments of `contract open`.
struct Opening {
    rulebook: String,
    name: Option<String>,
    parties: Vec<String>,
    starts_on: Option<NaiveDate>,
    ends_on: Option<NaiveDate>,
}

async fn open_contract(places: &Places, opening: Opening) -> Result<Ending> {
    let text = rulebook::text(&opening.rulebook)?;
    let rulebook = match Rulebook::parse(&text) {
        Ok(rulebook) => rulebook,
        Err(errors) => return Ok(rulebook::print_errors(&opening.rulebook, &errors)),
    };
    let mut parties = Vec::new();
    for party in &opening.parties {
        let Some((role, name)) = party.split_once('=') else {
            message(format_args!("--party {party:?}: use ROLE=NAME, such as 'commissioner=A council'"));
            return Ok(Ending::WrongUse);
        };
        parties.push(Party { name: name.to_owned(), role: Some(role.to_owned()) });
    }
    let fact = ContractOpened {
        code: rulebook.contract.clone(),
        name: opening.name.unwrap_or_else(|| rulebook.title.clone()),
        parties,
        starts_on: opening.starts_on.unwrap_or(rulebook.effective_from),
        ends_on: opening.ends_on,
    };
    let deployment = open(places).await?;
    let command = Stated::OpenContract(OpenContract { when: When::TODAY, fact, rulebook: text });
    let ending = record(
        &deployment.recorder,
        &deployment.clock,
        command,
        &format!("opened {} under rulebook {}", rulebook.contract, rulebook.version),
    )
    .await;
    deployment.close().await;
    ending
}

/// Records a command from the command line and prints the result.
pub(super) async fn record(recorder: &Recorder, clock: &Clock, command: Stated, done: &str) -> Result<Ending> {
    sent(command_line(Role::Administrator), (recorder, clock), command, done).await
}

/// The same in another role, for what administrators may not record.
pub(super) async fn record_as(role: Role, to: &Deployment, command: Stated, done: &str) -> Result<Ending> {
    sent(command_line(role), (&to.recorder, &to.clock), command, done).await
}

/// The same for a person, for what two people have to agree on.
pub(super) async fn record_for(person: Principal, to: &Deployment, command: Stated, done: &str) -> Result<Ending> {
    sent(person, (&to.recorder, &to.clock), command, done).await
}

fn command_line(role: Role) -> Principal {
    Principal { subject: COMMAND_LINE.to_owned(), role, scope: Scope::Deployment }
}

async fn sent(
    principal: Principal,
    (recorder, clock): (&Recorder, &Clock),
    command: Stated,
    done: &str,
) -> Result<Ending> {
    let id = CommandId(Chance::System.id_at(clock.now()));
    match recorder.append(CommandRequest::new(principal, id, command)).await {
        Ok(appended) => {
            writeln!(terminal::out(), "{done}, at position {}", appended.position())?;
            Ok(Ending::Done)
        }
        Err(RecordError::Refused(refusals)) => {
            for refusal in refusals {
                message(refusal);
            }
            Ok(Ending::WrongUse)
        }
        Err(RecordError::Fault(fault)) => Err(fault.into()),
        Err(RecordError::Denied(denied)) => Err(denied.into()),
        Err(other) => bail!("{other:?}"),
    }
}
