//! `export subject`: all that is held about a subject, for that subject, as one archive.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use clap::Args;
use uuid::Uuid;

use super::board::open_to_read;
use super::commands::{COMMAND_LINE, unless_stopped};
use super::export::NewFile;
use super::terminal::message;
use super::{Ending, Misuse, Places};
use crate::access::{Principal, Role, Scope};
use crate::causes;
use crate::clock::Clock;
use crate::evidence::EvidenceFiles;
use crate::keys::{KeyStore, KeysOf};
use crate::subject_access::{self, Sources, SubjectAccessError};
use crate::views::Views;
use throughline_domain::fact::envelope::SubjectId;

/// The subject and the file.
#[derive(Debug, Args)]
pub(super) struct SubjectArguments {
    /// The id of the subject.
    #[arg(value_name = "ID")]
    subject: Uuid,
    /// The file to write. An existing file is replaced once the new one is complete.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(super) async fn run(places: &Places, arguments: &SubjectArguments) -> Result<Ending> {
    let views = unless_stopped(open_to_read(places)).await?;
    let clock = Arc::new(Clock::Machine);
    let store = views.log().store();
    let keys = KeyStore::open(store, &places.key_places(), KeysOf::KnownLog, Arc::clone(&clock)).await;
    let evidence = EvidenceFiles::beside(store, keys.clone(), clock);
    let evidence = match &places.evidence_store {
        Some(url) => evidence.at(url).map_err(|error| Misuse(causes::in_words(&error)))?,
        None => evidence,
    };
    let exported = unless_stopped(Box::pin(export((&views, &keys, &evidence), arguments))).await;
    keys.close().await;
    views.close().await;
    exported
}

/// Exports as a manager of the whole deployment: a user who has the database and its keys can open all of it.
async fn export(
    (views, keys, evidence): (&Views, &KeyStore, &EvidenceFiles),
    SubjectArguments { subject, out }: &SubjectArguments,
) -> Result<Ending> {
    let principal = Principal { subject: COMMAND_LINE.to_owned(), role: Role::Manager, scope: Scope::Deployment };
    let live = views.live();
    let from = Sources { log: views.log(), view: &live, keys, evidence };
    // A command is no request over HTTP.
    let now = ("", Clock::Machine.now());
    let gathered = subject_access::gather(from, &principal, SubjectId(*subject), now).await;
    let contents = match gathered {
        Ok(contents) => contents,
        Err(SubjectAccessError::NoSubject) => {
            return Err(Misuse(format!("there is no subject {subject}: check the id")).into());
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(away) = keys.why_away() {
        message(format_args!("names, notes and evidence files stay sealed: {away}"));
    }
    let file = NewFile::beside(out)?;
    let written = subject_access::write(contents, evidence.clone(), file.out()?).await?;
    file.complete()?;
    tracing::info!(%subject, events = written.events, files = written.files, "exported all that is held about a subject");
    Ok(Ending::Done)
}
