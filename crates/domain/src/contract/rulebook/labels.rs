//! Words for codes: what forms and lists show where the code is not enough.
//!
//! It never changes a code, and no rule looks at a label.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::reader::{Report, Section, found, path_of};
use crate::fact::text;

/// The labels that the rulebook gives, by code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels(BTreeMap<String, String>);

impl Labels {
    /// What people read for a code: the label that the rulebook gives it, else the code in words, such as
    /// `Moved away` for `moved_away`.
    pub fn of(&self, code: &str) -> String {
        self.0.get(code).cloned().unwrap_or_else(|| in_words(code))
    }

    /// The codes that have a label of their own.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

fn in_words(code: &str) -> String {
    let words = code.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Reads `[labels]`.
pub(super) fn labels(top: &Section<'_>, report: &mut Report<'_>) -> Labels {
    let Some(section) = top.section("labels", report) else { return Labels::default() };
    let mut read = BTreeMap::new();
    for (key, item) in section.table {
        let code = key.get_ref().as_ref();
        let path = path_of(&section.path, code);
        let mut wrong = |problem: String| {
            report.add(item.span(), Some(&path), problem, format!("write {code} = \"A few words\""));
        };
        match item.get_ref() {
            DeValue::String(text) if text.trim().is_empty() || text.trim() != text => {
                wrong("a label is words without a space at its ends".to_owned());
            }
            DeValue::String(text) => match text::fault(text) {
                Some(fault) => wrong(fault.to_owned()),
                None => drop(read.insert(code.to_owned(), text.clone().into_owned())),
            },
            other => wrong(format!("expected a text, found {}", found(other))),
        }
    }
    Labels(read)
}

#[cfg(test)]
mod tests {
    use super::Labels;

    #[test]
    fn a_code_without_a_label_is_shown_in_words() {
        let labels = Labels([("no_longer_lac".to_owned(), "No longer looked after".to_owned())].into());
        assert_eq!(labels.of("no_longer_lac"), "No longer looked after");
        assert_eq!(labels.of("moved_away"), "Moved away");
        assert_eq!(labels.of("éducation"), "Éducation");
    }
}
