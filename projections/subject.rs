//! Subjects: which people, families, sites and areas the deployment knows, by pseudonym.

use super::{Rows, Value, table};
use crate::journey::event::{SubjectKind, SubjectRegistered};
use crate::log::envelope::{Occurred, SubjectId};

table!("subject", key 1, ["id": Uuid, "kind": Text, "registered_on": Date]);

/// The row of a subject.
pub fn rows(id: SubjectId, registered_on: Occurred, registered: &SubjectRegistered) -> Rows {
    let kind = match registered.kind {
        SubjectKind::Person => "person",
        SubjectKind::Family => "family",
        SubjectKind::Site => "site",
        SubjectKind::Area => "area",
    };
    let mut rows = Rows::default();
    rows.add(&TABLE, [Value::Uuid(id.0), Value::text(kind), Value::Date(registered_on.earliest())]);
    rows
}
