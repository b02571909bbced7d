//! Subjects: the registered people, families, sites and areas, by pseudonym.

use super::{Rows, Value, table};
use throughline_domain::fact::envelope::SubjectId;
use throughline_domain::fact::event::SubjectKind;
use throughline_domain::people::subject::Subject;

table!("subject", key 1, ["id": Uuid, "kind": Text, "registered_on": Date]);

/// The row of a subject. None if it was never registered.
pub fn rows(id: SubjectId, subject: &Subject, rows: &mut Rows) {
    let Some(registered) = &subject.registered else { return };
    let kind = match registered.details.kind {
        SubjectKind::Person => "person",
        SubjectKind::Family => "family",
        SubjectKind::Site => "site",
        SubjectKind::Area => "area",
    };
    rows.add(&TABLE, [Value::Uuid(id.0), Value::text(kind), Value::Date(registered.occurred.earliest())]);
}
