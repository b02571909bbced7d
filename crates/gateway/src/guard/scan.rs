//! Counts tokens and open brackets in the text of a document, in one pass without recursion.
//!
//! It reads strings and comments exactly as the parser does, so that it counts every bracket that the parser will
//! descend into. It must never accept an unterminated string: the parser would read its quotation marks differently.

use async_graphql::Pos;

use super::Refusal;

/// The result of the scan.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scan {
    /// Tokens: names, numbers, strings and punctuators.
    pub(super) tokens: u64,
    /// The most brackets open at once.
    pub(super) nesting: u64,
}

/// Scans a text, or refuses an unterminated string.
pub(super) fn scan(text: &str) -> Result<Scan, Refusal> {
    let bytes = text.as_bytes();
    let (mut tokens, mut open, mut nesting) = (0_u64, 0_u64, 0_u64);
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let end = match byte {
            b' ' | b',' | b'\t' | b'\r' | b'\n' => {
                at += 1;
                continue;
            }
            b'#' => {
                at += comment(&bytes[at..]);
                continue;
            }
            b'"' => at + string(&bytes[at..]).ok_or_else(|| unterminated(text, at))?,
            b'{' | b'[' | b'(' => {
                open += 1;
                nesting = nesting.max(open);
                at + 1
            }
            b'}' | b']' | b')' => {
                open = open.saturating_sub(1);
                at + 1
            }
            b'.' => at + run(&bytes[at..], |byte| byte == b'.'),
            byte if is_word(byte) => at + run(&bytes[at..], is_word),
            _ => at + 1,
        };
        tokens += 1;
        at = end;
    }
    Ok(Scan { tokens, nesting })
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn run(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|&byte| !belongs(byte)).unwrap_or(bytes.len())
}

fn comment(bytes: &[u8]) -> usize {
    run(bytes, |byte| byte != b'\n' && byte != b'\r')
}

/// The length of the string that begins here, including its quotation marks.
fn string(bytes: &[u8]) -> Option<usize> {
    if let Some(block) = bytes.strip_prefix(b"\"\"\"") {
        return block_string(block).map(|length| length + 3);
    }
    let mut at = 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\n' | b'\r' => return None,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The length of a block string's content and its closing quotes.
fn block_string(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match bytes.get(at)? {
            b'\\' if bytes[at..].starts_with(b"\\\"\"\"") => at += 4,
            b'"' if bytes[at..].starts_with(b"\"\"\"") => return Some(at + 3),
            _ => at += 1,
        }
    }
}

fn unterminated(text: &str, at: usize) -> Refusal {
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
    let pos = Pos { line, column };
    Refusal::Syntax { message: format!("syntax error at {pos}: unterminated string"), at: vec![pos] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(text: &str) -> (u64, u64) {
        let scanned = scan(text).expect("every string ends");
        (scanned.tokens, scanned.nesting)
    }

    #[test]
    fn tokens_and_brackets_are_counted() {
        assert_eq!(counts(""), (0, 0));
        assert_eq!(counts("{ a }"), (3, 1));
        assert_eq!(counts("{ a(x: [1, {y: 2}]) ...F }"), (17, 4));
        assert_eq!(counts("\u{feff}{ é }"), (7, 1));
    }

    #[test]
    fn brackets_in_strings_and_comments_do_not_count() {
        assert_eq!(counts(r#"{ a(x: "[[[[ \" {{{{") }"#).1, 2);
        assert_eq!(counts("{ a # {{{{{\n b }").1, 1);
        assert_eq!(counts("{ a # {{{{{\r b }").1, 1);
        assert_eq!(counts(r#"{ a(x: """ [[[[ \""" [[[[ "" [[ """) }"#).1, 2);
        assert_eq!(counts(r##"{ a(x: "# \\", y: "[") { b } }"##).1, 2);
    }

    #[test]
    fn an_unterminated_string_is_refused_at_its_beginning() {
        for text in
            ["{\n a(x: \"", "{\n a(x: \"b\n\") }", "{\n a(x: \"b\\", "{\n a(x: \"\"\" b\" [[[[[[", "{\n a(x: \"\"\""]
        {
            let Err(Refusal::Syntax { at, .. }) = scan(text) else {
                panic!("accepted {text:?}");
            };
            assert_eq!(at, [Pos { line: 2, column: 7 }], "{text:?}");
        }
    }
}
