//! Labels for codes, for forms and lists.
//!
//! No rule depends on a label.

use std::collections::BTreeMap;

/// The labels that the rulebook gives, by code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels(pub(super) BTreeMap<String, String>);

impl Labels {
    /// The label of a code. Without one in the rulebook, the code in words: `Moved away` for `moved_away`.
    pub fn of(&self, code: &str) -> String {
        self.0.get(code).cloned().unwrap_or_else(|| in_words(code))
    }

    /// The codes with a label in the rulebook.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

fn in_words(code: &str) -> String {
    let words = code.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
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
