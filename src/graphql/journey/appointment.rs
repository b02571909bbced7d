//! Appointments as clients read them: when the client is to be met, and what became of it.

use async_graphql::{ComplexObject, Context, Enum, ID, Result, SimpleObject};

use super::contact::Contact;
use super::{Journey, Step};
use crate::graphql::event::OccurredOn;
use crate::graphql::people::Worker;
use crate::graphql::scalars::{Date, LocalTime};
use throughline_domain::fact::envelope::{EventId, WorkerId};
use throughline_domain::fact::event;
use throughline_domain::journey::{self, AppointmentOver, Journey as Folded};
use throughline_projections::agenda::State;

/// What became of an appointment, at the end of the day as of which this is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum AppointmentState {
    /// It is for that day or a later one.
    Booked,
    /// Its day is past, and nobody has said what became of it.
    Unrecorded,
    /// The client was met.
    Kept,
    /// The client did not come.
    Missed,
    /// It was called off, by the client or the service.
    Cancelled,
    /// The case ended before anybody said what became of it.
    Lapsed,
}

impl AppointmentState {
    /// What an appointment for a day is, as of another.
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

/// Who called an appointment off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "event::CancelledBy")]
pub enum CancelledBy {
    /// The client.
    Client,
    /// The service.
    Service,
}

/// A time at which the client is, or was, to be met.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Appointment {
    /// The appointment's own id, by which it is moved, cancelled, kept or missed.
    #[graphql(owned)]
    pub(in crate::graphql) id: ID,
    /// The event that recorded it first: what a correction or retraction names as its target.
    event: ID,
    /// When it was booked.
    booked: OccurredOn,
    /// The day it is for, as it was arranged last.
    scheduled_on: Date,
    /// The time of that day in the contract's zone, where one was agreed.
    time: Option<LocalTime>,
    /// How the client is to be met: a code of the rulebook.
    channel: String,
    /// What became of it.
    pub(super) state: AppointmentState,
    /// Every time that it was moved, oldest first.
    moves: Vec<Step>,
    /// Its cancellation, if it was cancelled without a contact.
    cancelled: Option<Step>,
    /// Who called it off, where that is known.
    cancelled_by: Option<CancelledBy>,
    /// The journey that it is about.
    journey: Journey,
    #[graphql(skip)]
    worker: Option<WorkerId>,
    #[graphql(skip)]
    kept_by: Option<EventId>,
}

#[ComplexObject]
impl Appointment {
    /// Who is to meet the client: the worker it was booked with, or else the keyworker.
    async fn worker(&self, ctx: &Context<'_>) -> Option<Result<Worker>> {
        Worker::load(ctx, self.worker?, self.journey.known()).await
    }

    /// The contact that says what became of it.
    async fn contact(&self) -> Option<Contact> {
        self.journey.contact(self.kept_by?)
    }
}

impl Appointment {
    /// An appointment as it stands when its journey is folded as of a day.
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
                cancelled = Some(Step::why(entry, entry.details.reason.as_deref()));
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
            moves: appointment.moves.iter().map(Step::of).collect(),
            cancelled,
            cancelled_by,
            worker: slot.worker.or_else(|| folded.keyworker_on(journey.as_of)),
            kept_by,
            journey,
        }
    }
}
