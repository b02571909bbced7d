//! Whether a sender may reveal a subject, or end a reveal.

use chrono::NaiveDate;

use super::Authorization;
use crate::access::{Principal, Role};
use crate::queries;
use crate::store::StoreError;
use crate::views::generation::Generation;
use throughline_domain::command::{Command, RecordFact};
use throughline_domain::fact::History;
use throughline_domain::fact::envelope::{StreamId, SubjectId};
use throughline_domain::fact::event::Event;
use throughline_domain::fact::refusal::Refusal;
use throughline_domain::people::reveal;

/// The fact that a command records by itself, with its stream.
const fn recorded(command: &Command) -> Option<(StreamId, &Event)> {
    match command {
        Command::RecordFact(RecordFact { stream, fact, .. }) => Some((*stream, fact)),
        _ => None,
    }
}

/// Whether a command reveals a subject for a contract in which the sender reads no case of it.
pub(super) async fn reveals_another(
    live: &Generation,
    principal: &Principal,
    on: NaiveDate,
    command: &Command,
) -> Result<bool, StoreError> {
    let Some((stream, Event::IdentityRevealed(revealed))) = recorded(command) else { return Ok(false) };
    let what = (SubjectId(stream.id), revealed.contract.as_str());
    Ok(!queries::subjects::is_readable_in(live, principal, on, what).await?)
}

/// The refusal where a sender may not reveal this subject, or where a reveal is not theirs to end. An administrator may
/// end any.
pub(super) fn refused(of: &Authorization, command: &Command, stream_history: Option<&History>) -> Option<Refusal> {
    let sender = &of.sender.principal;
    match recorded(command)?.1 {
        Event::IdentityRevealed(_) => of.reveals_another.then(Refusal::subject_not_found),
        Event::RevealEnded(_) if sender.role == Role::Administrator => None,
        Event::RevealEnded(ended) => {
            let all = stream_history.map(reveal::reveals).unwrap_or_default();
            let is_theirs = |one: &reveal::Reveal| one.is_of(sender.role.as_str(), &sender.subject);
            let named = all.iter().find(|one| one.details.reveal == ended.reveal);
            (!named.is_some_and(is_theirs)).then(reveal::not_found)
        }
        _ => None,
    }
}
