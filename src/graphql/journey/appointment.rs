//! Appointments in the API: when the client is to be met, and the outcome.

use async_graphql::{ComplexObject, Context, Enum, ID, Result, SimpleObject};

use super::contact::Contact;
use super::{Journey, Occurrence};
use crate::graphql::event::OccurredOn;
use crate::graphql::people::Worker;
use crate::graphql::scalars::{Date, LocalTime};
use throughline_domain::fact::envelope::{EventId, WorkerId};
use throughline_domain::fact::event;
use throughline_domain::journey::{self, AppointmentOver, Journey as Folded};
use throughline_projections::agenda::State;

/// The state of an appointment at the end of the as-of date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum AppointmentState {
    /// It is on the as-of date or later.
    Booked,
    /// Its day has passed, and no outcome is recorded.
    Unrecorded,
    /// The client attended.
    Kept,
    /// The client did not attend.
    Missed,
    /// The client or the service cancelled it.
    Cancelled,
    /// The case ended before an outcome was recorded.
    Lapsed,
}

impl AppointmentState {
    /// The state of an appointment whose day is past, or not, at the as-of date.
    pub(in crate::graphql) const fn of(state: State, is_past: bool) -> Self {
        match state {
            State::Open if is_past => Self::Unrecorded,
            State::Open => Self::Booked,
            State::Done => Self::Kept,
            State::Missed => Self::Missed,
            State::Cancelled => Self::Cancelled,
            State::Lapsed => Self::Lapsed,
        }
    }
}

/// Who cancelled an appointment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "event::CancelledBy")]
pub enum CancelledBy {
    /// The client.
    Client,
    /// The service.
    Service,
}

/// An appointment with the client.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Appointment {
    /// The id of the appointment. Use it to move or cancel the appointment, or to log the contact.
    #[graphql(owned)]
    pub(in crate::graphql) id: ID,
    /// The id of the event that first recorded it. Use it as the target of a correction or retraction.
    event: ID,
    /// When it was booked.
    booked: OccurredOn,
    /// The day of the appointment, after all moves.
    scheduled_on: Date,
    /// The time of that day in the contract's time zone, if one was agreed.
    time: Option<LocalTime>,
    /// The channel: a code of the rulebook.
    channel: String,
    /// The state at the end of the as-of date.
    pub(super) state: AppointmentState,
    /// The moves, oldest first.
    moves: Vec<Occurrence>,
    /// The cancellation, if it was cancelled without a contact.
    cancelled: Option<Occurrence>,
    /// Who cancelled it, if known.
    cancelled_by: Option<CancelledBy>,
    /// The case.
    journey: Journey,
    #[graphql(skip)]
    worker: Option<WorkerId>,
    #[graphql(skip)]
    kept_by: Option<EventId>,
}

#[ComplexObject]
impl Appointment {
    /// The worker who meets the client: the worker it was booked for, otherwise the keyworker.
    async fn worker(&self, ctx: &Context<'_>) -> Option<Result<Worker>> {
        Worker::load(ctx, self.worker?, self.journey.known()).await
    }

    /// The contact that records the outcome.
    async fn contact(&self) -> Option<Contact> {
        self.journey.contact(self.kept_by?)
    }
}

impl Appointment {
    /// An appointment in a case folded as of a day.
    pub(in crate::graphql) fn of(folded: &Folded, appointment: &journey::Appointment, journey: Journey) -> Self {
        let slot = appointment.slot(journey.as_of);
        let (mut cancelled, mut cancelled_by, mut kept_by) = (None, None, None);
        match &appointment.over {
            None => {}
            Some(AppointmentOver::Contact(contact)) => {
                kept_by = Some(contact.event_id);
                cancelled_by = match contact.details.attendance {
                    event::Attendance::CancelledByClient => Some(CancelledBy::Client),
                    event::Attendance::CancelledByService => Some(CancelledBy::Service),
                    _ => None,
                };
            }
            Some(AppointmentOver::Cancelled(entry)) => {
                cancelled = Some(Occurrence::why(entry, entry.details.reason.as_deref()));
                cancelled_by = entry.details.by.map(Into::into);
            }
        }
        Self {
            id: ID(appointment.details.appointment.to_string()),
            event: ID(appointment.event_id.to_string()),
            booked: appointment.booked.into(),
            scheduled_on: Date(slot.on),
            time: slot.time.map(LocalTime),
            channel: slot.channel.to_owned(),
            state: AppointmentState::of(State::of_appointment(folded, appointment), slot.on < journey.as_of),
            moves: appointment.moves.iter().map(Occurrence::of).collect(),
            cancelled,
            cancelled_by,
            worker: slot.worker.or_else(|| folded.keyworker_on(journey.as_of)),
            kept_by,
            journey,
        }
    }
}
