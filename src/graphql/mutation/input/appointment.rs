//! Appointments as mutations take them: booked for a day to come, moved, called off.

use async_graphql::MaybeUndefined;

use super::reading::{Means, Reading, States};
use crate::graphql::journey::appointment::CancelledBy;
use crate::graphql::scalars::{Date, Id, LocalTime};
use throughline_domain::fact::event::{self, Event};

impl Means<event::CancelledBy> for CancelledBy {
    fn meant(self, _: &mut Reading) -> event::CancelledBy {
        self.into()
    }
}

identified_facts! {
    /// A time at which the client is to be met.
    AppointmentFact | AppointmentPatch => AppointmentBooked,
    /// The appointment's own id, which a correction keeps.
    appointment: AppointmentId {
        /// The day it is for: today or a day to come.
        scheduled_on: Date,
        /// The time of that day in the contract's zone, where one was agreed.
        time: Option<LocalTime>,
        /// How the client is to be met: a code of the rulebook, such as `face_to_face`.
        channel: String,
        /// Who is to meet the client. Without a worker, it is the keyworker of the day.
        worker: Option<Id>,
    }
}

facts! {
    /// What becomes otherwise of an appointment; what is left out stays as it was, null clears the time or worker.
    AppointmentMoveFact | AppointmentMovePatch => AppointmentMoved {
        /// Which appointment.
        appointment: Id,
        /// The day it is for from here on.
        scheduled_on: Option<Date>,
        /// The time of that day; null where none is agreed any more.
        time: MaybeUndefined<LocalTime>,
        /// How the client is to be met: a code of the rulebook.
        channel: Option<String>,
        /// Who is to meet the client; null for the keyworker of the day.
        worker: MaybeUndefined<Id>,
    }
    /// An appointment that will not take place.
    AppointmentCancelFact | AppointmentCancelPatch => AppointmentCancelled {
        /// Which appointment.
        appointment: Id,
        /// Who called it off, where that is known.
        by: Option<CancelledBy>,
        /// Why.
        reason: Option<String>,
    }
}

inputs! {
    /// A time is agreed at which the client is to be met.
    BookAppointmentInput {
        /// Which journey.
        journey: Id,
        /// The appointment's own id; left out, one is made.
        appointment: Option<Id>,
        /// The appointment.
        #[graphql(flatten)]
        fact: AppointmentFact,
    }
    /// An appointment is for another day, time, channel or worker.
    MoveAppointmentInput {
        /// Which journey.
        journey: Id,
        /// Which appointment, and what becomes otherwise.
        #[graphql(flatten)]
        fact: AppointmentMoveFact,
    }
    /// An appointment will not take place. One that the client did not come to is not cancelled: log the contact that was
    /// missed.
    CancelAppointmentInput {
        /// Which journey.
        journey: Id,
        /// Which appointment, by whom and why.
        #[graphql(flatten)]
        fact: AppointmentCancelFact,
    }
}
