//! Links of subjects: over which days which other record was said to be of the same subject.
//!
//! A link stands in the streams of both, so each has its own row, from its own stream alone. Who is reached over many
//! links is asked, never stored.

use super::FOREVER;
use super::{Rows, Value, table};
use throughline_domain::fact::envelope::SubjectId;
use throughline_domain::people::subject::Link;

table!("subject_link", key 3, ["subject": Uuid, "other": Uuid, "from_on": Date, "to_on": Date]);

/// The rows of a subject: one for each stretch of days.
pub fn rows(id: SubjectId, links: &[Link], rows: &mut Rows) {
    for Link { with, from, to } in links {
        let to = to.unwrap_or(FOREVER);
        rows.add(&TABLE, [Value::Uuid(id.0), Value::Uuid(with.0), Value::Date(*from), Value::Date(to)]);
    }
}
