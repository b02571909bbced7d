//! Links of subjects: which other record was linked as the same subject, and on which days.
//!
//! A link is recorded in the streams of both subjects, so each has a row of its own, from its own stream. Links through
//! several records are computed when asked, never stored.

use super::FOREVER;
use super::{Rows, Value, table};
use throughline_domain::fact::envelope::SubjectId;
use throughline_domain::people::subject::Link;

table!("subject_link", key 3, ["subject": Uuid, "other": Uuid, "from_on": Date, "to_on": Date]);

/// The rows of a subject: one for each range of days.
pub fn rows(id: SubjectId, links: &[Link], rows: &mut Rows) {
    for Link { with, from, to } in links {
        let to = to.unwrap_or(FOREVER);
        rows.add(&TABLE, [Value::Uuid(id.0), Value::Uuid(with.0), Value::Date(*from), Value::Date(to)]);
    }
}
