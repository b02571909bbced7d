//! Erasures: the subjects whose erasure two people agreed on, and whether it is done.
//!
//! It says what is still to be done, and who must never be opened again. It holds nothing that identifies a person.

use super::{Rows, Value, table};
use throughline_domain::fact::envelope::SubjectId;
use throughline_domain::people::subject::Subject;

table!("erasure", key 1, ["subject": Uuid, "ground": Text, "approval": Uuid, "is_erased": Int]);

/// The row of a subject. None if no erasure was approved or done.
pub fn rows(id: SubjectId, subject: &Subject, rows: &mut Rows) {
    let approved = subject.approved();
    let (ground, approval) = match (&subject.erased, approved) {
        (Some(erased), _) => (erased.details.ground, erased.details.approval),
        (None, Some(erasure)) => {
            (erasure.proposed.details.ground, erasure.approved.as_ref().map(|approved| approved.event_id))
        }
        (None, None) => return,
    };
    let approval = approval.map_or(Value::Null, |approval| Value::Uuid(approval.0));
    let is_erased = Value::Int(subject.erased.is_some().into());
    rows.add(&TABLE, [Value::Uuid(id.0), Value::text(ground.as_str()), approval, is_erased]);
}
