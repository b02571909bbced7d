//! What each column of the view tables says about people.
//!
//! Pure. No view table holds a sealed text or a name. A column without a class fails a test; a row for a new table is
//! one line.

use throughline_domain::classified;
use throughline_domain::fact::privacy::Holder;

/// The columns of every view table, and of the two tables beside them.
pub const TABLES: &[Holder] = classified! {
    agenda: Pseudonym [journey, item] Open [contract, area] Staff [worker, keyworker, last_keyworker]
        Case [kind, counts_from, counts_to, state, due_on, due_at];
    assignment: Pseudonym [journey] Staff [worker] Case [role, counts_from, to_on] Open [contract];
    case_profile: Pseudonym [journey] Case [counts_from, counts_to, profile] Open [contract];
    caseload: Pseudonym [journey, reference] Case [from_on, to_on, received_on] Open [contract, area] Staff [keyworker];
    checkpoint: Operational [id, position, rulebooks_upto, definition, log_event];
    contract: Open [code, name, starts_on, ends_on, rulebook_version, rulebook_hash];
    countable: Pseudonym [journey] Open [contract, area] Staff [keyworker, worker]
        Case [day, kind, code, nth, cohort, referrer, latest, month, counts_from, counts_to, quantity, ahead];
    cover: Staff [team, id, absent, stands_in, from_on, to_on];
    erasure: Pseudonym [subject, approval] Case [ground, is_erased];
    external_reference: Pseudonym [journey, id] Open [system, contract];
    held: Open [contract] Staff [keyworker] Case [stage, journeys];
    journey: Pseudonym [id, reference, subject] Open [contract, area]
        Case [cohort, referrer, received_on, received_latest, accepted_on, declined_on];
    last_contact: Open [contract, area] Staff [keyworker] Case [last, own, journeys];
    last_contact_by_area: Open [contract, area] Case [last, journeys];
    monthly: Open [contract, area] Case [kind, code, cohort, month, journeys];
    newest_day: Open [contract] Case [day, journeys];
    obligation: Pseudonym [journey] Open [standard, contract, area] Staff [keyworker, last_keyworker]
        Case [nth, counts_from, counts_to, state, from_on, due_on, ended_on];
    offered_referral: Pseudonym [id, subject] Open [contract, source, area] Staff [partner] Case [received_on, state];
    parked: Open [kind] Pseudonym [id] Operational [version, position, error];
    referral_to_plan: Pseudonym [journey] Open [contract, area]
        Case [counts_from, counts_to, from_on, plan_on, closed_on, lowest, highest, exact, early];
    staffing: Staff [holder, kind, item, code, from_on, to_on, amount];
    stage: Pseudonym [journey] Open [contract, area] Case [stage, ordinal, reached_on, month, counts_from];
    state: Pseudonym [journey] Case [counts_from, to_on, state];
    subject: Pseudonym [id] Case [kind, registered_on];
    subject_link: Pseudonym [subject, other] Case [from_on, to_on];
    team: Staff [id, from_on, to_on, label];
    team_member: Staff [team, worker, from_on, to_on];
    tracked_item: Pseudonym [id, journey];
    wait: Open [contract, area] Case [state, lowest, highest, exact, early, month, journeys];
    worker: Staff [id, login, label, joined_on, left_on, login_key];
    wte: Staff [worker, from_on, to_on, wte];
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn every_column_of_a_view_table_has_a_class_and_no_other_column_has_one() {
        for table in crate::TABLES {
            let known: BTreeSet<&str> = table.columns.iter().map(|(column, _)| *column).collect();
            let holder = super::TABLES.iter().find(|holder| holder.name == table.name);
            let listed: BTreeSet<&str> =
                holder.iter().flat_map(|holder| holder.fields).map(|(_, column)| *column).collect();
            assert_eq!(listed, known, "say in projections/privacy.rs what the columns of {} are", table.name);
        }
    }

    #[test]
    fn no_view_table_holds_a_sealed_text() {
        let sealed = super::TABLES.iter().flat_map(|table| table.fields).filter(|(class, _)| class.is_sealed());
        assert_eq!(sealed.count(), 0);
    }
}
