//! The attributes of a case by which figures are broken down, such as an age band or a gender.
//!
//! A case has a row for each range of days `[counts_from, counts_to)` over which the same values are known. The first
//! assessment that states a fact decides its value, for every later day. All values are in one text, so that a question
//! counts by any of them.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde_json::json;

use super::{CaseFacts, FOREVER, Rows, Value, table};

table!("case_profile", key 2, [
    "journey": Uuid, "counts_from": Date, "counts_to": Date, "contract": Text, "profile": Text,
]);

/// The values of a case by the code of the attribute, as the table stores them. Empty if none is known.
pub fn read(profile: &str) -> BTreeMap<String, String> {
    if profile.is_empty() {
        return BTreeMap::new();
    }
    serde_json::from_str(profile).expect("the fold writes every profile as an object of texts")
}

/// The rows of a case.
pub fn rows(case: &CaseFacts<'_>, rows: &mut Rows) {
    let CaseFacts { journey, rulebook, .. } = case;
    if rulebook.case_attributes.is_empty() {
        return;
    }
    let (mut frozen, mut changes) = (BTreeMap::new(), BTreeMap::<NaiveDate, String>::new());
    for assessed in &journey.eligibility {
        for (name, value) in assessed.details.stated() {
            frozen.entry(name).or_insert(value);
        }
        let profile = rulebook.case_attributes_of(&frozen);
        if !profile.is_empty() {
            changes.insert(case.counts_from(assessed.occurred), json!(profile).to_string());
        }
    }
    let mut changes: Vec<(NaiveDate, String)> = changes.into_iter().collect();
    changes.dedup_by(|later, earlier| later.1 == earlier.1);
    let ends = changes.iter().skip(1).map(|(from, _)| *from).chain([FOREVER]);
    for ((from, profile), to) in changes.iter().zip(ends) {
        rows.add(
            &TABLE,
            [
                Value::Uuid(case.id.0),
                Value::Date(*from),
                Value::Date(to),
                Value::text(case.contract),
                Value::text(profile),
            ],
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Row, rows_of_journey};
    use throughline_domain::contract::Rulebook;
    use throughline_domain::fact::event::{Attribute, Eligibility, EligibilityAssessed, Quantity};
    use throughline_domain::world::{JOURNEY, RULES, given, on, referral};

    fn assessed(facts: &[(&str, Attribute)]) -> EligibilityAssessed {
        let facts = facts.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        EligibilityAssessed { result: Eligibility::Eligible, criteria: BTreeMap::new(), facts }
    }

    /// The ranges of a case with these assessments, each with its profile.
    fn ranges(assessments: &[(&str, EligibilityAssessed)]) -> Vec<String> {
        let attributes = "[[case_attribute]]\ncode = \"age_band\"\ntitle = \"Age\"\nfact = \"age\"\nupper = [24]\n\
                          labels = [\"Under 25\", \"25 and over\"]\n[[case_attribute]]\ncode = \"gender\"\n\
                          title = \"Gender\"\n";
        let rulebook = Rulebook::parse(&format!("{RULES}\n{attributes}")).expect("the rulebook is valid");
        let facts = assessments.iter().map(|(day, fact)| on(day, fact.clone()));
        let story = given([on("2018-01-10", referral())].into_iter().chain(facts));
        let rows = rows_of_journey(JOURNEY, "shps", &story.case().facts(), &rulebook);
        let range = |row: Row<'_>| match (row.day("counts_from"), row.day("counts_to"), row.cell("profile")) {
            (Some(from), Some(to), Value::Text(profile)) if to == FOREVER => format!("{from}.. {profile}"),
            (Some(from), Some(to), Value::Text(profile)) => format!("{from}..{to} {profile}"),
            other => panic!("{other:?}"),
        };
        rows.of(&TABLE).map(range).collect()
    }

    fn age(years: i64) -> Attribute {
        Attribute::Quantity(Quantity(years.into()))
    }

    #[test]
    fn the_first_assessment_that_states_a_fact_freezes_it() {
        let female = || Attribute::Text("female".to_owned());
        let found = ranges(&[
            ("2018-01-12", assessed(&[("age", age(24))])),
            ("2018-03-01", assessed(&[("age", age(25)), ("gender", female())])),
        ]);
        assert_eq!(
            found,
            [
                r#"2018-01-12..2018-03-01 {"age_band":"Under 25"}"#,
                r#"2018-03-01.. {"age_band":"Under 25","gender":"female"}"#,
            ]
        );
    }

    #[test]
    fn an_assessment_before_the_referral_counts_from_the_referral_on() {
        let found = ranges(&[("2017-12-20", assessed(&[("age", age(30))]))]);
        assert_eq!(found, [r#"2018-01-10.. {"age_band":"25 and over"}"#]);
    }

    #[test]
    fn what_says_nothing_of_an_attribute_has_no_row() {
        let other = assessed(&[("benefit", Attribute::Flag(true)), ("age", Attribute::Text("old".to_owned()))]);
        assert_eq!(ranges(&[("2018-01-12", other)]), [""; 0]);
    }

    #[test]
    fn a_profile_is_read_as_it_was_written() {
        let found = read(r#"{"age_band":"Under 25"}"#);
        assert_eq!(found.get("age_band").map(String::as_str), Some("Under 25"));
        assert_eq!(read(""), BTreeMap::new());
    }
}
