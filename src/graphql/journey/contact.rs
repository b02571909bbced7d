//! Contacts in the API, and the days since a contact.

use async_graphql::{ComplexObject, Context, Enum, ID, Result, SimpleObject};

use super::appointment::Appointment;
use crate::graphql::event::OccurredOn;
use crate::graphql::people::Worker;
use crate::graphql::point_in_time::KnownUpTo;
use crate::graphql::scalars::Date;
use crate::graphql::sealed::SealedText;
use throughline_domain::contract::Rulebook;
use throughline_domain::fact::envelope::WorkerId;
use throughline_domain::fact::event;
use throughline_projections::{self, DaySpan};

/// A contact or an attempted contact.
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the API")]
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Contact {
    /// The id of the event that first recorded it. Use it as the target of a correction or retraction.
    event: ID,
    /// The date of the contact.
    occurred: OccurredOn,
    /// The channel: a code of the rulebook.
    channel: String,
    /// The person contacted.
    with: ContactWith,
    /// The attendance at the appointment.
    attendance: Attendance,
    /// Who initiated the contact.
    direction: Option<Direction>,
    /// Whether it was face to face.
    face_to_face: bool,
    /// Whether both sides spoke or wrote.
    two_way: bool,
    /// Whether it was a group session.
    group: bool,
    /// The duration in minutes.
    minutes: Option<u32>,
    /// The day for which the appointment was booked.
    scheduled_on: Option<Date>,
    /// The appointment that this contact completes.
    appointment: Option<Appointment>,
    /// Whether it counts for the days since contact: it was made, and with a person whom the rulebook counts.
    counts: bool,
    /// The note, if there is one.
    note: Option<SealedText>,
    #[graphql(skip)]
    worker: Option<WorkerId>,
    #[graphql(skip)]
    known: KnownUpTo,
}

impl Contact {
    /// A contact, counted by this rulebook.
    pub(super) fn of(
        contact: &throughline_domain::journey::Contact,
        rules: Option<&Rulebook>,
        known: KnownUpTo,
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
            counts: rules.is_some_and(|rules| throughline_projections::last_contact::counts(contact, &rules.recency)),
            note: None,
            worker: details.worker,
            known,
        }
    }

    /// The same with its note.
    pub(super) fn with_note(self, note: Option<SealedText>) -> Self {
        Self { note, ..self }
    }
}

#[ComplexObject]
impl Contact {
    /// The worker. Null if no particular worker made the contact.
    async fn worker(&self, ctx: &Context<'_>) -> Option<Result<Worker>> {
        Worker::load(ctx, self.worker?, self.known).await
    }
}

/// The person contacted.
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

/// The attendance at an appointment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "event::Attendance")]
pub enum Attendance {
    /// The client attended.
    Attended,
    /// The client did not attend and did not cancel.
    DidNotAttend,
    /// The client cancelled.
    CancelledByClient,
    /// The service cancelled.
    CancelledByService,
    /// No appointment was offered.
    NotOffered,
    /// There was no appointment, for example for a call or a letter.
    None,
}

/// Who initiated a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "event::Direction")]
pub enum Direction {
    /// The service contacted the person.
    Outgoing,
    /// The person contacted the service.
    Incoming,
}

/// Which contacts count for the days since contact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Enum)]
pub enum ContactMeasure {
    /// Contacts with any worker of the service.
    #[default]
    Anyone,
    /// Contacts with today's keyworker, including those from before they took the case.
    Keyworker,
}

/// Whole days between two facts, with bounds if a date is imprecise.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub struct DayCount {
    /// The number of days. Null if a date is imprecise.
    exactly: Option<u32>,
    /// The smallest possible number of days.
    at_least: u32,
    /// The largest possible number of days.
    at_most: u32,
}

impl From<DaySpan> for DayCount {
    fn from(span: DaySpan) -> Self {
        Self { exactly: span.exact(), at_least: span.lowest, at_most: span.highest }
    }
}
