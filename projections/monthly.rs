//! Counts by month: how many countable facts of each kind and code there are, by area, cohort and month.
//!
//! Obligations are not counted here: whether one is due depends on the day of the question.

use super::{FOREVER, Rows, Value, countable, counted};

counted!("monthly", ["contract": Text, "kind": Text, "code": Text, "area": Text, "cohort": Text, "month": Date]);

/// Counts the facts of these rows that count after all events in the log.
pub fn count(contract: &str, rows: &mut Rows) {
    let last = countable::counted(rows).filter(|row| row.day("counts_to") == Some(FOREVER));
    let keys = last.map(|row| {
        let [kind, code, area, cohort, month] =
            ["kind", "code", "area", "cohort", "month"].map(|column| row.cell(column).clone());
        [Value::text(contract), kind, code, area, cohort, month]
    });
    for key in keys.collect::<Vec<_>>() {
        rows.count(&TABLE, key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows_of_journey;
    use throughline_domain::contract::Rulebook;
    use throughline_domain::performance::measure::FactKind;
    use throughline_domain::world::{JOURNEY, RULES, contact, day, given, on, referral};

    #[test]
    fn each_fact_is_counted_in_its_month_and_an_obligation_is_not() {
        let standard = "[[standard]]\ncode = \"first_contact\"\nfrom = \"referral_received\"\nwithin = { days = 7 }\n\
             met_by = { contact = { made = true } }\n";
        let rulebook = Rulebook::parse(&format!("{RULES}\n{standard}")).expect("the rulebook is valid");
        let story = given([
            on("2018-01-10", referral()),
            on("2018-01-15", contact()),
            on("2018-01-20", contact()),
            on("2018-02-01", contact()),
        ]);
        let rows = rows_of_journey(JOURNEY, "shps", &story.case().facts(), &rulebook);
        let months = |kind: FactKind| -> Vec<(Value, i64)> {
            let kind = Value::text(kind.as_str());
            let counts = rows.counts().iter().filter(|((table, key), _)| *table == TABLE.name && key[1] == kind);
            counts.map(|((_, key), count)| (key[5].clone(), *count)).collect()
        };
        let [january, february] = ["2018-01-01", "2018-02-01"].map(|month| Value::Date(day(month)));
        assert_eq!(months(FactKind::Remote), [(january, 2), (february, 1)]);
        assert!(months(FactKind::Due).is_empty() && months(FactKind::InTime).is_empty());
    }
}
