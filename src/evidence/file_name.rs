//! Names of files: what one may contain. A name is personal, so it is never part of a message, a log line or a URL.

/// The most characters of a name.
const LENGTH_MAX: usize = 200;

/// The name of a file. It never shows in debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct FileName(String);

impl std::fmt::Debug for FileName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileName(..)")
    }
}

/// Why a text is no name of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// It is empty or too long.
    #[error("name: use 1 to {LENGTH_MAX} characters")]
    Length,
    /// It has parts of a path.
    #[error("name: give the name of the file alone, without folders: no /, \\ or :, and not . or ..")]
    Path,
    /// It has characters that do not show, or that change the direction of text.
    #[error("name: leave out control characters and characters that change the direction of text")]
    Hidden,
    /// Its ending is not one of the declared type.
    #[error("name: the ending does not belong to the declared type: use {0}")]
    Ending(&'static str),
}

impl FileName {
    /// Reads a name.
    pub fn read(text: &str) -> Result<Self, BadName> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > LENGTH_MAX {
            return Err(BadName::Length);
        }
        if text.contains(['/', '\\', ':']) || text.chars().all(|character| character == '.') {
            return Err(BadName::Path);
        }
        if text.chars().any(is_hidden) {
            return Err(BadName::Hidden);
        }
        Ok(Self(text.to_owned()))
    }

    /// A name that was read before.
    pub(super) const fn known(text: String) -> Self {
        Self(text)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name after its last dot, in lower case.
    pub(super) fn ending(&self) -> String {
        self.0.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default()
    }
}

/// Whether a character is a control character, changes the direction of text, or has no width.
pub(super) fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_name_of_a_file() {
        for good in ["payslip.pdf", "Übersicht März.PDF", "a.b.c", "tenancy (signed).docx", "租约.pdf", ".hidden.txt"]
        {
            assert_eq!(FileName::read(good).map(|name| name.as_str().to_owned()).as_deref(), Ok(good));
        }
        assert_eq!(FileName::read(" payslip.PDF ").map(|name| name.ending()).as_deref(), Ok("pdf"));
    }

    #[test]
    fn names_with_parts_of_a_path_or_hidden_characters_are_refused() {
        for path in ["../payslip.pdf", "/etc/passwd", "a/b.pdf", "..\\b.pdf", "C:b.pdf", ".", "..", "..."] {
            assert_eq!(FileName::read(path), Err(BadName::Path), "{path}");
        }
        for hidden in ["a\u{202e}fdp.exe", "a\nb.pdf", "a\0.pdf", "a\u{200b}b.pdf", "\u{2066}a.pdf", "a\u{7f}.pdf"] {
            assert_eq!(FileName::read(hidden), Err(BadName::Hidden), "{hidden:?}");
        }
        for length in [String::new(), "  ".to_owned(), "a".repeat(201)] {
            assert_eq!(FileName::read(&length), Err(BadName::Length));
        }
    }

    #[test]
    fn debug_output_shows_no_name() {
        let name = FileName::read("canary.pdf").expect("a name");
        assert!(!format!("{name:?}").contains("canary"));
    }
}
