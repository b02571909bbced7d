//! The commands on subjects: erasure, in two steps by two people.

use std::io::Write as _;

use anyhow::Result;
use clap::{Args, Subcommand};
use uuid::Uuid;

use super::commands::{open, record_for};
use super::terminal::{self, message};
use super::{Ending, Misuse, Places};
use crate::access::{Principal, Role, Scope};
use crate::causes;
use crate::deployment::Deployment;
use crate::erasure::Erasures;
use crate::store::Store;
use throughline_domain::command::{Command, When};
use throughline_domain::fact::envelope::{EventId, StreamId, SubjectId};
use throughline_domain::fact::event::{ErasureApproved, ErasureGround, ErasureProposed};
use throughline_domain::fact::{History, Recorded};
use throughline_domain::people::subject::Subject;

/// The commands on subjects.
#[derive(Debug, Subcommand)]
pub(super) enum SubjectCommand {
    /// Erases what identifies a subject: names, notes and files can never be opened again. Cases, figures and claims stay.
    #[command(subcommand)]
    Erase(EraseCommand),
}

/// The two steps of an erasure.
#[derive(Debug, Subcommand)]
pub(super) enum EraseCommand {
    /// Proposes an erasure. Refused while a legal hold is in force.
    #[command(after_help = "Example: throughline subject erase propose 0190c2a4-7b1e-7000-8000-000000000002 \
            --ground subject_request --login ann@example.org")]
    Propose {
        #[command(flatten)]
        whose: Whose,
        /// The reason: `retention_ended`, `subject_request`, `consent_withdrawn` or `unlawful_processing`.
        #[arg(long, value_parser = ground)]
        ground: ErasureGround,
    },
    /// Approves the proposed erasure, by another person, and erases. It cannot be undone.
    #[command(after_help = "Example: throughline subject erase approve 0190c2a4-7b1e-7000-8000-000000000002 \
            --login bob@example.org")]
    Approve {
        #[command(flatten)]
        whose: Whose,
    },
}

/// A subject, and who decides.
#[derive(Debug, Args)]
pub(super) struct Whose {
    /// The id of the subject.
    subject: Uuid,
    /// The login of the person who decides, as the log shall name it.
    #[arg(long)]
    login: String,
}

impl Whose {
    fn stream(&self) -> StreamId {
        StreamId::subject(SubjectId(self.subject))
    }

    fn person(&self) -> Principal {
        Principal { subject: self.login.clone(), role: Role::Administrator, scope: Scope::Deployment }
    }
}

/// The ground of an erasure.
fn ground(text: &str) -> Result<ErasureGround, String> {
    ErasureGround::named(text).ok_or_else(|| {
        let names: Vec<&str> = ErasureGround::ALL.iter().map(|ground| ground.as_str()).collect();
        format!("use one of {}", names.join(", "))
    })
}

pub(super) async fn run(places: &Places, command: SubjectCommand) -> Result<Ending> {
    Store::must_exist(places.database())?;
    let SubjectCommand::Erase(step) = command;
    let deployment = open(places).await?;
    let ended = match &step {
        EraseCommand::Propose { whose, ground } => propose(&deployment, whose, *ground).await,
        EraseCommand::Approve { whose } => approve(&deployment, whose).await,
    };
    deployment.close().await;
    ended
}

async fn propose(deployment: &Deployment, whose: &Whose, ground: ErasureGround) -> Result<Ending> {
    let command = Command::record_fact(whose.stream(), When::TODAY, ErasureProposed { ground });
    let done = format!("proposed to erase {}: another person can approve it", whose.subject);
    record_for(whose.person(), deployment, command, &done).await
}

async fn approve(deployment: &Deployment, whose: &Whose) -> Result<Ending> {
    let proposal = proposal(deployment, whose).await?;
    let command = Command::record_fact(whose.stream(), When::TODAY, ErasureApproved { proposal });
    let done = format!("approved the erasure of {}", whose.subject);
    let ending = record_for(whose.person(), deployment, command, &done).await?;
    if ending != Ending::Done {
        return Ok(ending);
    }
    let approved_at = deployment.log.head().await?.position;
    match Erasures::of(deployment).finish(SubjectId(whose.subject), approved_at).await {
        Ok(()) => {
            writeln!(terminal::out(), "erased {}", whose.subject)?;
            Ok(Ending::Done)
        }
        Err(error) => {
            message(format_args!(
                "approved, but not erased yet: {}: the next server that starts finishes it",
                causes::in_words(&error)
            ));
            Ok(Ending::CheckFailed)
        }
    }
}

/// The newest proposal that nobody has approved.
async fn proposal(deployment: &Deployment, whose: &Whose) -> Result<EventId> {
    let mut history = History::default();
    for event in deployment.log.stream(whose.stream()).await? {
        history.evolve(Recorded::decode(&event)?);
    }
    let erasures = Subject::fold(&history.facts()).erasures;
    let open = erasures.iter().rev().find(|erasure| erasure.approved.is_none());
    let proposed = open.map(|erasure| erasure.proposed.event_id);
    let none =
        || Misuse(format!("nobody has proposed to erase {}, or it is approved: propose it first", whose.subject));
    Ok(proposed.ok_or_else(none)?)
}
