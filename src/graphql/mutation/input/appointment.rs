//! The inputs of appointments: book, move and cancel.

use async_graphql::MaybeUndefined;

use super::convert::{Conversion, IntoDomain, IntoFact};
use crate::graphql::journey::appointment::CancelledBy;
use crate::graphql::scalars::{Date, Id, LocalTime};
use throughline_domain::fact::event::{self, Event};

impl IntoDomain<event::CancelledBy> for CancelledBy {
    fn into_domain(self, _: &mut Conversion) -> event::CancelledBy {
        self.into()
    }
}

identified_facts! {
    /// An appointment with the client.
    AppointmentFact | AppointmentPatch => AppointmentBooked,
    /// The id of the appointment. A correction keeps it.
    appointment: AppointmentId {
        /// The day of the appointment: today or later.
        scheduled_on: Date,
        /// The time of that day in the contract's time zone, if one was agreed.
        time: Option<LocalTime>,
        /// The channel: a code of the rulebook, such as `face_to_face`.
        channel: String,
        /// The id of the worker who meets the client. Default: the keyworker on that day.
        worker: Option<Id>,
    }
}

facts! {
    /// The changes to an appointment. Fields that are left out stay the same; null clears the time or the worker.
    AppointmentMoveFact | AppointmentMovePatch => AppointmentMoved {
        /// The id of the appointment.
        appointment: Id,
        /// The new day.
        scheduled_on: Option<Date>,
        /// The new time of that day. Null: no time is agreed any more.
        time: MaybeUndefined<LocalTime>,
        /// The new channel: a code of the rulebook.
        channel: Option<String>,
        /// The id of the new worker. Null: the keyworker on that day.
        worker: MaybeUndefined<Id>,
    }
    /// The cancellation of an appointment.
    AppointmentCancelFact | AppointmentCancelPatch => AppointmentCancelled {
        /// The id of the appointment.
        appointment: Id,
        /// Who cancelled it, if known.
        by: Option<CancelledBy>,
        /// The reason.
        reason: Option<String>,
    }
}

inputs! {
    /// Books an appointment with the client.
    BookAppointmentInput {
        /// The id of the case.
        journey: Id,
        /// The id of the appointment. Default: a new id.
        appointment: Option<Id>,
        /// The appointment.
        #[graphql(flatten)]
        fact: AppointmentFact,
    }
    /// Moves an appointment to another day, time, channel or worker.
    MoveAppointmentInput {
        /// The id of the case.
        journey: Id,
        /// The appointment and its changes.
        #[graphql(flatten)]
        fact: AppointmentMoveFact,
    }
    /// Cancels an appointment. If the client did not attend, do not cancel the appointment: log the missed contact.
    CancelAppointmentInput {
        /// The id of the case.
        journey: Id,
        /// The appointment, who cancelled it and why.
        #[graphql(flatten)]
        fact: AppointmentCancelFact,
    }
}
