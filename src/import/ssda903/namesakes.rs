//! Children's codes that differ only by leading zeros or by case. A spreadsheet drops leading zeros, so one child may
//! be recorded twice.
//!
//! Pure. It never joins two children. It only reports codes that look alike.

use std::collections::{BTreeSet, HashMap};

use super::RowResult;

/// Codes, grouped by their text without leading zeros and case.
#[derive(Debug, Default)]
pub(super) struct Namesakes {
    codes: HashMap<String, BTreeSet<String>>,
}

impl Namesakes {
    /// The codes that are already known.
    pub(super) fn of(codes: impl IntoIterator<Item = String>) -> Self {
        let mut namesakes = Self::default();
        namesakes.learn(codes);
        namesakes
    }

    /// Adds further codes.
    pub(super) fn learn(&mut self, codes: impl IntoIterator<Item = String>) {
        for code in codes {
            self.codes.entry(bare(&code)).or_default().insert(code);
        }
    }

    /// Adds a remark to the result of a row whose child's code looks like another.
    pub(super) fn note(&self, result: &mut RowResult) {
        let Some(child) = &result.child else { return };
        let alike = self.codes.get(&bare(child)).into_iter().flatten().filter(|code| *code != child);
        let alike: Vec<&str> = alike.map(String::as_str).collect();
        if alike.is_empty() {
            return;
        }
        let note =
            format!("differs from {} by leading zeros or case only: one child may be here twice", alike.join(", "));
        result.note = Some(result.note.take().map_or_else(|| note.clone(), |before| format!("{before}; {note}")));
    }
}

fn bare(code: &str) -> String {
    code.trim_start_matches('0').to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::super::Outcome;
    use super::*;

    fn noted(child: &str, codes: &[&str]) -> Option<String> {
        let mut result = RowResult {
            line: Some(2),
            child: Some(child.to_owned()),
            began_on: None,
            outcome: Outcome::Missing,
            note: None,
        };
        Namesakes::of(codes.iter().map(|code| (*code).to_owned())).note(&mut result);
        result.note
    }

    #[test]
    fn only_codes_that_differ_by_zeros_or_case_alone_are_reported() {
        let expected = "differs from 001234, 01234 by leading zeros or case only: one child may be here twice";
        assert_eq!(noted("1234", &["01234", "1234", "001234", "12340", "12034"]).as_deref(), Some(expected));
        assert!(noted("00ab1", &["AB1"]).is_some_and(|note| note.starts_with("differs from AB1 by")));
        assert_eq!(noted("1234", &["1234", "1235", "12340"]), None);
    }
}
