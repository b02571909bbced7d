//! The table of contacts and attempted contacts.

use super::{CaseRead, Row, columns, precision, word};
use throughline_domain::fact::envelope::WorkerId;
use throughline_domain::journey::Contact;
use throughline_projections::last_contact;

pub(super) const MEANING: &str = "One row for each contact or attempted contact with a day up to the as-of date, by \
    case and then in the order of their days. Boards count the rows with `counts`. Notes are not exported.";

/// A contact of a case.
pub(in crate::export) struct ContactRow<'a> {
    read: &'a CaseRead<'a>,
    contact: &'a Contact,
}

columns! {
    ContactRow<'_> {
        "contact": Uuid Always,
            "The id of the event that first recorded the contact." =>
            |row| row.contact.event_id.0.into();
        "journey": Uuid Always, "The case." => |row| row.read.case.id.0.into();
        "area": Text Always, "The service area of the case, by code." => |row| (&row.read.case.referral.area).into();
        "occurred_on": Date Always, "The day of the contact." => |row| row.contact.occurred.earliest().into();
        "precision": Text Always,
            "How exactly that day is known: day, month or year." =>
            |row| precision(row.contact.occurred);
        "channel": Text Always, "The channel, by code." => |row| (&row.contact.details.channel).into();
        "direction": Text Optional, "Who started it: outgoing (the service) or incoming." =>
            |row| row.contact.details.direction.map_or(super::Cell::Null, word);
        "with": Text Always, "The other side: client, family, carer, professional, employer or landlord." =>
            |row| row.contact.details.with.as_str().into();
        "attendance": Text Always,
            "The attendance at an appointment: attended, did_not_attend, cancelled_by_client, cancelled_by_service, \
             not_offered or none." =>
            |row| word(row.contact.details.attendance);
        "face_to_face": Boolean Always,
            "Whether both sides saw each other." =>
            |row| row.contact.details.is_face_to_face().into();
        "two_way": Boolean Always, "Whether both sides spoke or wrote." => |row| row.contact.details.two_way.into();
        "is_group": Boolean Always, "Whether it was a group session." => |row| row.contact.details.group.into();
        "minutes": Integer Optional ["minutes"], "The duration." => |row| row.contact.details.minutes.into();
        "scheduled_on": Date Optional, "The day for which the appointment was booked." =>
            |row| row.contact.details.scheduled_on.into();
        "appointment": Uuid Optional, "The appointment that the contact completes." =>
            |row| row.contact.details.appointment.map(|appointment| appointment.0).into();
        "counts": Boolean Always, "Whether boards count it: it was made, and with a person whom the rulebook counts." =>
            |row| last_contact::counts(row.contact, &row.read.case.rulebook.recency).into();
        "worker": Uuid Optional,
            "The worker who had the contact." =>
            |row| row.contact.details.worker.map(|worker| worker.0).into();
        "worker_label": Text Optional, "The worker's label on boards." =>
            |row| row.read.reading.staff.label(row.contact.details.worker).into();
        "keyworker": Uuid Optional, "The keyworker who held the case on the day of the contact." =>
            |row| row.keyworker().map(|worker| worker.0).into();
        "keyworker_label": Text Optional, "The keyworker's label on boards." =>
            |row| row.read.reading.staff.label(row.keyworker()).into();
        "recorded_at": Instant Optional, "When the contact was first recorded." =>
            |row| row.read.history.event(row.contact.event_id).map(|event| event.recorded_at).into();
    }
}

impl ContactRow<'_> {
    fn keyworker(&self) -> Option<WorkerId> {
        self.read.case.journey.keyworker_on(self.contact.occurred.earliest())
    }
}

/// The contacts of a case.
pub(in crate::export) fn rows(read: &CaseRead<'_>) -> Vec<Row> {
    let cells = |contact| {
        let row = ContactRow { read, contact };
        COLUMNS.iter().map(|column| (column.cell)(&row)).collect()
    };
    read.case.journey.contacts.iter().map(cells).collect()
}
