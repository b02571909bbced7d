//! Mutations on reveals: to see for a limited time who a subject is, and to end that.

use super::input::convert::Conversion;
use super::input::reveal::{EndRevealInput, RevealIdentityInput};
use super::mutations::mutations;
use super::payload::RevealPayload;
use super::{Answered, answered, own_id, record};
use crate::graphql::reveal::named_subject;
use throughline_domain::command::{Command, When};
use throughline_domain::fact::envelope::{RevealId, StreamId, SubjectId};
use throughline_domain::fact::event::{Event, RevealEnded};

/// The mutations on reveals.
#[derive(Default)]
pub(super) struct RevealMutations;

/// The command that records a fact about a subject, dated today.
fn of_subject(subject: SubjectId, fact: impl Into<Event>) -> Command {
    Command::record_fact(StreamId::subject(subject), When::TODAY, fact)
}

mutations! {
    RevealMutations

    /// Reveals to you who a subject is, where you otherwise see a pseudonym: `Subject.identity` is opened for your login
    /// and role from now on, for some minutes. Notes and files stay closed. The reason is recorded, and the data
    /// protection officer sees it.
    reveal_identity(ctx, input: RevealIdentityInput) -> RevealPayload {
        answered(async {
            let id = RevealId(own_id(&input.stamp, "reveal", input.reveal));
            let subject = named_subject(ctx, input.subject.0, &input.contract).await?;
            let (stamp, contract, mut conversion) = (input.stamp.clone(), input.contract.clone(), Conversion::default());
            let command = of_subject(subject, input.read(id, &mut conversion));
            let outcome = record(ctx, stamp, conversion, command).await?;
            RevealPayload::of(ctx, (subject, &contract), id, outcome).await
        })
        .await
    }

    /// Ends a reveal before its time is over. An auditor or commissioner ends their own, an administrator any.
    end_reveal(ctx, input: EndRevealInput) -> RevealPayload {
        answered(async {
            let id = RevealId(input.reveal.0);
            let subject = named_subject(ctx, input.subject.0, &input.contract).await?;
            let command = of_subject(subject, RevealEnded { reveal: id });
            let outcome = record(ctx, input.stamp, Conversion::default(), command).await?;
            RevealPayload::of(ctx, (subject, &input.contract), id, outcome).await
        })
        .await
    }
}
