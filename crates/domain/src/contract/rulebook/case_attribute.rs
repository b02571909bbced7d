//! Attributes of cases: facts that were frozen when a case was assessed, such as an age or a gender, by which figures
//! can be broken down.
//!
//! Pure. It says which value a case has. It counts nothing.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::grammar::case_attribute::UNKNOWN;
use super::parse::rows_by_upper_edge;
use super::reader::{Report, Section};
use super::{Labels, Rulebook};
use crate::fact::event::Attribute;

/// An attribute of cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseAttribute {
    /// Its code, unique among the attributes.
    pub code: String,
    /// Its title on boards.
    pub title: String,
    /// The name of the fact that the assessment freezes.
    pub fact: String,
    /// Its values.
    pub values: CaseAttributeValues,
    /// The label of cases whose value is not known.
    pub unknown: String,
}

/// The values of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaseAttributeValues {
    /// Those that are stated. These always have a row, in this order.
    AsStated(Vec<String>),
    /// Bands of a number.
    Bands {
        /// The inclusive upper edge of each band but the last, rising.
        upper: Vec<u32>,
        /// The label of each band.
        labels: Vec<String>,
    },
}

impl CaseAttribute {
    /// The value of a case, from the frozen fact. None if the fact is no number and the attribute has bands.
    pub fn value_of(&self, fact: &Attribute) -> Option<String> {
        match &self.values {
            CaseAttributeValues::AsStated(_) => Some(fact.to_string()),
            CaseAttributeValues::Bands { upper, labels } => {
                let number = number(fact)?;
                labels.get(upper.partition_point(|edge| Decimal::from(*edge) < number)).cloned()
            }
        }
    }

    /// The values that always have a row, in order.
    pub fn listed(&self) -> &[String] {
        match &self.values {
            CaseAttributeValues::AsStated(values) => values,
            CaseAttributeValues::Bands { labels, .. } => labels,
        }
    }

    /// The label of a value. An empty one is not known.
    pub fn label(&self, value: &str, labels: &Labels) -> String {
        match &self.values {
            _ if value.is_empty() => self.unknown.clone(),
            CaseAttributeValues::AsStated(_) => labels.of(value),
            CaseAttributeValues::Bands { .. } => value.to_owned(),
        }
    }

    /// The attribute in a sentence.
    pub(super) fn in_words(&self) -> String {
        let Self { code, title, fact, values, unknown } = self;
        let values = match values {
            CaseAttributeValues::AsStated(values) if values.is_empty() => "as stated".to_owned(),
            CaseAttributeValues::AsStated(values) => format!("as stated, such as {}", values.join(", ")),
            CaseAttributeValues::Bands { labels, .. } => format!("in the bands {}", labels.join(", ")),
        };
        format!(
            "Figures can be broken down by attribute:{code}, {title}: the fact {fact} of the first assessment that \
             states it, {values}. A case without it counts as {unknown}."
        )
    }
}

impl Rulebook {
    /// The attribute of cases with this code.
    pub fn case_attribute(&self, code: &str) -> Option<&CaseAttribute> {
        self.case_attributes.iter().find(|attribute| attribute.code == code)
    }

    /// The values of a case by code, from the facts that are frozen for it. What is not known is left out.
    pub fn case_attributes_of(&self, frozen: &BTreeMap<&str, Attribute>) -> BTreeMap<&str, String> {
        let value = |attribute: &CaseAttribute| attribute.value_of(frozen.get(attribute.fact.as_str())?);
        self.case_attributes.iter().filter_map(|one| Some((one.code.as_str(), value(one)?))).collect()
    }
}

fn number(fact: &Attribute) -> Option<Decimal> {
    match fact {
        Attribute::Quantity(quantity) => Some(quantity.0),
        Attribute::Text(text) => Decimal::from_str_exact(text).ok(),
        Attribute::Flag(_) => None,
    }
}

/// The codes of `[[case_attribute]]`, as written.
pub(super) fn codes(top: &Section<'_>) -> Vec<String> {
    top.sections("case_attribute").iter().filter_map(|section| section.text("code")).collect()
}

/// Reads `[[case_attribute]]`.
pub(super) fn case_attributes(top: &Section<'_>, report: &mut Report<'_>) -> Vec<CaseAttribute> {
    let mut attributes: Vec<CaseAttribute> = Vec::new();
    for section in top.sections("case_attribute") {
        let values = values(&section, report);
        let (Some(code), Some(title)) = (section.text("code"), section.text("title")) else { continue };
        if attributes.iter().any(|earlier| earlier.code == code) {
            let problem = format!("the attribute {code:?} is already defined above");
            report.add(section.place_of("code"), Some(&section.path_of("code")), problem, "give it another code");
        }
        let fact = section.text("fact").unwrap_or_else(|| code.clone());
        let unknown = section.text("unknown").unwrap_or_else(|| UNKNOWN.to_owned());
        attributes.extend(values.map(|values| CaseAttribute { code, title, fact, values, unknown }));
    }
    attributes
}

fn values(section: &Section<'_>, report: &mut Report<'_>) -> Option<CaseAttributeValues> {
    if section.has("upper") {
        let (upper, labels) = rows_by_upper_edge(section, report)?;
        return Some(CaseAttributeValues::Bands { upper, labels });
    }
    Some(CaseAttributeValues::AsStated(section.texts("values")))
}

#[cfg(test)]
mod tests {
    use super::super::explain;
    use super::super::tests::{WHOLE, faults, rulebook};
    use super::*;
    use crate::fact::event::Quantity;

    const AGE: &str = "[[case_attribute]]\ncode = \"age_band\"\ntitle = \"Age\"\nfact = \"age\"\nupper = [17, 24]\n\
                       labels = [\"Under 18\", \"18-24\", \"25 and over\"]\n";

    fn age_band() -> CaseAttribute {
        rulebook(&format!("{WHOLE}{AGE}")).case_attributes.remove(0)
    }

    #[test]
    fn an_age_is_in_the_band_whose_edge_it_does_not_pass() {
        let band = |fact: &Attribute| age_band().value_of(fact);
        let of = |age: i64| band(&Attribute::Quantity(Quantity(age.into())));
        assert_eq!(
            [0, 17, 18, 24, 25].map(of),
            ["Under 18", "Under 18", "18-24", "18-24", "25 and over"].map(|label| Some(label.to_owned()))
        );
        assert_eq!(band(&Attribute::Text("17.5".to_owned())).as_deref(), Some("18-24"), "17.5 is above 17");
        assert_eq!(band(&Attribute::Text("old".to_owned())), None, "this is not known");
        assert_eq!(band(&Attribute::Flag(true)), None);
    }

    #[test]
    fn a_value_is_as_stated_and_an_unknown_one_has_a_label_of_its_own() {
        let text = "[[case_attribute]]\ncode = \"gender\"\ntitle = \"Gender\"\nvalues = [\"female\", \"male\"]\n\
                    unknown = \"Not stated\"\n";
        let read = rulebook(&format!("{WHOLE}{text}"));
        let gender = read.case_attribute("gender").expect("it is read");
        assert_eq!((gender.fact.as_str(), gender.listed().len()), ("gender", 2));
        let other = gender.value_of(&Attribute::Text("other".to_owned()));
        assert_eq!(other.as_deref(), Some("other"), "a value that is not listed is not lost");
        assert_eq!(gender.label("", &read.labels), "Not stated");
        assert_eq!(gender.label("female", &read.labels), "Female");
        assert_eq!(age_band().label("18-24", &read.labels), "18-24");
        assert_eq!(age_band().label("", &read.labels), "Unknown");
        let sentence = "Figures can be broken down by attribute:gender, Gender: the fact gender of the first assessment \
                        that states it, as stated, such as female, male. A case without it counts as Not stated.";
        assert!(explain::of(&read).iter().any(|one| one == sentence), "{:#?}", explain::of(&read));
        assert_eq!(rulebook(WHOLE).sections_that_differ(&read), ["case_attribute"]);
    }

    #[test]
    fn faults_of_attributes_name_line_and_remedy() {
        let lines = WHOLE.lines().count();
        let fault = |text: &str, line: usize, fault: &str| {
            let found = faults(&format!("{WHOLE}{text}"));
            assert_eq!(found, [format!("line {}: case_attribute.{fault}", lines + line)], "{text}");
        };
        fault(
            &format!("{AGE}[[case_attribute]]\ncode = \"age_band\"\ntitle = \"Again\"\n"),
            8,
            "code: the attribute \"age_band\" is already defined above; give it another code",
        );
        fault(
            &AGE.replace(", \"25 and over\"", ""),
            6,
            "labels: 2 edges make 3 rows, but there are 2 labels; write 3 labels, the last for all above the last edge",
        );
    }
}
