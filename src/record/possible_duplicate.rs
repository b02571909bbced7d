//! A person who may be known already: another record has an equal number, or the same birth date and a name that sounds
//! alike.
//!
//! The index says so when the command arrives. It leads only to a warning, so facts recorded meanwhile do not matter.
//! Only a sender who may open names is warned, and only of records whose names they may open. A fault of the index
//! never stops a command.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Sender, ViewWarning};
use crate::access::policy::{Action, policy};
use crate::access::relation::Relation;
use crate::log::LogError;
use crate::queries;
use crate::search::{PeopleSearch, SearchError};
use crate::telemetry::repeated::Repeated;
use crate::views::Views;
use throughline_domain::command::Command;
use throughline_domain::command::offers::OfferAct;
use throughline_domain::fact::envelope::{StreamKind, SubjectId};
use throughline_domain::fact::event::{Event, IdentitySealed};
use throughline_domain::fact::refusal::{Refusal, RefusalCode};

static NOT_COMPARED: Repeated = Repeated::warning("a person cannot be compared with those who are known");

/// The most time that a command waits until the index holds what was recorded before it.
const PATIENCE: Duration = Duration::from_secs(1);

const CODE: RefusalCode = RefusalCode::PossibleDuplicate;

/// The person of a command, what it says of them, and the path of that in the command.
fn named(command: &Command) -> Option<(SubjectId, Option<&IdentitySealed>, &'static str)> {
    match command {
        Command::ReceiveReferral(referral) => match (&referral.identity, referral.register) {
            (Some(said), _) => Some((referral.fact.subject, Some(said), "identity")),
            // Nothing is known of a new person.
            (None, Some(_)) => None,
            (None, None) => Some((referral.fact.subject, None, "subject")),
        },
        Command::RecordFact(stated) if stated.stream.kind == StreamKind::Subject => match &stated.fact {
            Event::IdentitySealed(said) => Some((SubjectId(stated.stream.id), Some(said), "subject")),
            _ => None,
        },
        // The person was recorded when the referral was offered.
        Command::Offer(decided) if matches!(decided.act, OfferAct::Accept) => {
            Some((decided.offer.subject(), None, "offer"))
        }
        _ => None,
    }
}

/// The warnings for people who may be known under other records.
pub(super) async fn warnings(
    views: &Views,
    search: &PeopleSearch,
    sender: &Sender,
    command: &Command,
    accepted: &BTreeSet<String>,
) -> Result<Vec<ViewWarning>, LogError> {
    let may_open = policy(&sender.principal, Action::OpenIdentity, Relation::Own).is_ok();
    if !may_open || search.is_away() || accepted.contains(CODE.as_str()) {
        return Ok(Vec::new());
    }
    let people: Vec<_> = command.each().into_iter().filter_map(named).collect();
    if people.is_empty() {
        return Ok(Vec::new());
    }
    // Once for all people of the command, however many these are.
    search.passed(views.log().head().await?.position, PATIENCE).await;
    let mut warnings = Vec::new();
    for (subject, said, path) in people {
        let alike = match alike(search, subject, said).await {
            Ok(alike) => alike,
            Err(SearchError::Log(error)) => return Err(error),
            Err(SearchError::Key(error)) => {
                NOT_COMPARED.met(&error);
                continue;
            }
        };
        let known = queries::openable::subjects(&views.live(), &sender.principal, sender.today, &alike).await?;
        if !known.is_empty() {
            let message = "this person may be known already: use the record of that person, link the two, or accept \
                           this warning if they are different people";
            let rule = "an equal number, or the same birth date and a name that sounds alike";
            let warning = Refusal::new(CODE, message).at(path).by(rule).allowing(&known).as_warning();
            warnings.push(ViewWarning { decided_on: None, warning });
        }
    }
    Ok(warnings)
}

/// The other records that look like the person in the whole deployment.
async fn alike(
    search: &PeopleSearch,
    subject: SubjectId,
    said: Option<&IdentitySealed>,
) -> Result<Vec<SubjectId>, SearchError> {
    let alike = match said {
        Some(said) => search.would_be_alike(subject, said).await?,
        None => search.pairs_of(subject).await?,
    };
    Ok(alike.into_keys().collect())
}
