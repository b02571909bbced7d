//! Contacts as clients read them, and the days since one.

use async_graphql::{ComplexObject, Context, Enum, ID, Result, SimpleObject};

use super::appointment::Appointment;
use crate::graphql::at::Known;
use crate::graphql::event::OccurredOn;
use crate::graphql::people::Worker;
use crate::graphql::scalars::Date;
use throughline_domain::contract::Rulebook;
use throughline_domain::fact::envelope::WorkerId;
use throughline_domain::fact::event;
use throughline_projections::{self, DaySpan};

/// A contact or an attempt at one.
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own that clients ask")]
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Contact {
    /// The event that recorded it first: what a correction or retraction names as its target.
    event: ID,
    /// When it was.
    occurred: OccurredOn,
    /// How: a code of the rulebook.
    channel: String,
    /// With whom.
    with: ContactWith,
    /// What became of the appointment.
    attendance: Attendance,
    /// Who began it.
    direction: Option<Direction>,
    /// Whether they saw each other.
    face_to_face: bool,
    /// Whether both sides spoke or wrote.
    two_way: bool,
    /// Whether it was a group session.
    group: bool,
    /// How long it took, in minutes.
    minutes: Option<u32>,
    /// The day the appointment had been made for.
    scheduled_on: Option<Date>,
    /// The appointment of which this is what became.
    appointment: Option<Appointment>,
    /// Whether it counts for the days since contact: made, and with somebody whom the rulebook counts.
    counts: bool,
    #[graphql(skip)]
    worker: Option<WorkerId>,
    #[graphql(skip)]
    known: Known,
}

impl Contact {
    /// A contact as these rules count it.
    pub(super) fn of(
        contact: &throughline_domain::journey::Contact,
        rules: Option<&Rulebook>,
        known: Known,
        appointment: Option<Appointment>,
    ) -> Self {
        let details = &contact.details;
        Self {
            event: ID(contact.event_id.to_string()),
            occurred: contact.occurred.into(),
            channel: details.channel.clone(),
            with: details.with.into(),
            attendance: details.attendance.into(),
            direction: details.direction.map(Into::into),
            face_to_face: details.is_face_to_face(),
            two_way: details.two_way,
            group: details.group,
            minutes: details.minutes,
            scheduled_on: details.scheduled_on.map(Date),
            appointment,
            counts: rules.is_some_and(|rules| throughline_projections::contact::counts(contact, &rules.recency)),
            worker: details.worker,
            known,
        }
    }
}

#[ComplexObject]
impl Contact {
    /// Which worker; none where it was nobody of ours in particular.
    async fn worker(&self, ctx: &Context<'_>) -> Option<Result<Worker>> {
        Worker::load(ctx, self.worker?, self.known).await
    }
}

/// With whom a contact was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "event::ContactWith")]
pub enum ContactWith {
    /// The client.
    Client,
    /// The client's family.
    Family,
    /// The client's carer.
    Carer,
    /// Another professional.
    Professional,
    /// The client's employer.
    Employer,
    /// The client's landlord.
    Landlord,
}

/// What became of an appointment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "event::Attendance")]
pub enum Attendance {
    /// They came.
    Attended,
    /// They did not come and had not said so.
    DidNotAttend,
    /// They called it off.
    CancelledByClient,
    /// The service called it off.
    CancelledByService,
    /// No appointment was offered.
    NotOffered,
    /// There was no appointment: a call, a letter.
    None,
}

/// Who began a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "event::Direction")]
pub enum Direction {
    /// The service reached out.
    Outgoing,
    /// The service was reached.
    Incoming,
}

/// Whose contacts count for the days since contact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Enum)]
pub enum ContactMeasure {
    /// Contacts made by anyone of the service.
    #[default]
    Anyone,
    /// Contacts made by today's keyworker, also from before the case was theirs.
    Keyworker,
}

/// Whole days between two facts of which only bounds are known when one of them is imprecise.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub struct Days {
    /// The number of days, where it is known exactly.
    exactly: Option<u32>,
    /// The fewest days it can be.
    at_least: u32,
    /// The most days it can be.
    at_most: u32,
}

impl From<DaySpan> for Days {
    fn from(span: DaySpan) -> Self {
        Self { exactly: span.exact(), at_least: span.lowest, at_most: span.highest }
    }
}
