//! The lexer of the GraphQL specification of September 2025 (§2.1): names, numbers, strings and punctuators, each with
//! its position.
//!
//! It reads syntax that the library's parser cannot: surrogate pairs, `\u{…}` and `\"""`. It must never give a string a
//! value other than the specification's, because values are recorded.

use async_graphql::{Number, Pos};

use super::Refusal;

/// One token of the text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token<'a> {
    /// A name, including keywords.
    Name(&'a str),
    /// A number, already parsed.
    Number(Number),
    /// A string or block string, already parsed.
    Text(String),
    /// One of `! $ & ( ) : = @ [ ] { | }`.
    Sign(char),
    /// `...`
    Spread,
    /// The end of the text.
    End,
}

/// Reads one token after the other.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    pos: Pos,
}

/// A syntax error at a position.
pub(super) fn syntax(pos: Pos, problem: &str) -> Refusal {
    Refusal::Syntax { message: format!("syntax error at {pos}: {problem}"), at: vec![pos] }
}

impl<'a> Lexer<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0, pos: Pos { line: 1, column: 1 } }
    }

    /// The next token and its position.
    pub(super) fn next(&mut self) -> Result<(Token<'a>, Pos), Refusal> {
        self.skip_ignored();
        let pos = self.pos;
        let rest = &self.text[self.at..];
        let Some(first) = rest.chars().next() else { return Ok((Token::End, pos)) };
        let token = match first {
            '!' | '$' | '&' | '(' | ')' | ':' | '=' | '@' | '[' | ']' | '{' | '|' | '}' => {
                self.advance(1);
                Token::Sign(first)
            }
            '.' if rest.starts_with("...") => {
                self.advance(3);
                Token::Spread
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                let length = run(rest, is_word);
                self.advance(length);
                Token::Name(&rest[..length])
            }
            '0'..='9' | '-' => self.number(rest)?,
            '"' => Token::Text(self.string(rest)?),
            _ => return Err(syntax(pos, "unexpected character")),
        };
        Ok((token, pos))
    }

    /// Skips white space, commas, comments and byte order marks.
    fn skip_ignored(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            let length = match rest.chars().next() {
                Some(' ' | '\t' | ',' | '\n' | '\r') => 1,
                Some('\u{feff}') => '\u{feff}'.len_utf8(),
                Some('#') => rest.find(['\n', '\r']).unwrap_or(rest.len()),
                _ => return,
            };
            self.advance(length);
        }
    }

    /// Moves forward by this number of bytes.
    fn advance(&mut self, bytes: usize) {
        let (passed, rest) = self.text[self.at..].split_at(bytes);
        let mut chars = passed.chars().peekable();
        while let Some(passed) = chars.next() {
            let next = chars.peek().copied().or_else(|| rest.chars().next());
            // A carriage return followed by a line feed ends one line.
            let ends_line = passed == '\n' || (passed == '\r' && next != Some('\n'));
            if ends_line {
                self.pos = Pos { line: self.pos.line + 1, column: 1 };
            } else {
                self.pos.column += 1;
            }
        }
        self.at += bytes;
    }

    fn number(&mut self, rest: &str) -> Result<Token<'a>, Refusal> {
        let pos = self.pos;
        let refuse = || syntax(pos, "invalid number");
        let digits = |from: usize| run(&rest[from..], |byte| byte.is_ascii_digit());
        let bytes = rest.as_bytes();
        let mut end = usize::from(bytes[0] == b'-');
        let whole = digits(end);
        if whole == 0 || (whole > 1 && bytes[end] == b'0') {
            return Err(refuse());
        }
        end += whole;
        let mut is_whole = true;
        if bytes.get(end) == Some(&b'.') {
            let fraction = digits(end + 1);
            end += 1 + fraction;
            is_whole = false;
            if fraction == 0 {
                return Err(refuse());
            }
        }
        if let Some(b'e' | b'E') = bytes.get(end) {
            end += 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = digits(end);
            end += exponent;
            is_whole = false;
            if exponent == 0 {
                return Err(refuse());
            }
        }
        if bytes.get(end).is_some_and(|&byte| byte == b'.' || is_word(byte)) {
            return Err(refuse());
        }
        let number = &rest[..end];
        // GraphQL has the integer `-0`, JSON has not.
        let number = if is_whole && number == "-0" { "0" } else { number };
        let number = number.parse().map_err(|_| refuse())?;
        self.advance(end);
        Ok(Token::Number(number))
    }

    fn string(&mut self, rest: &str) -> Result<String, Refusal> {
        let pos = self.pos;
        let endless = || syntax(pos, "unterminated string");
        if let Some(block) = rest.strip_prefix("\"\"\"") {
            let (raw, length) = block_content(block).ok_or_else(endless)?;
            self.advance(length + 3);
            return Ok(block_value(&raw));
        }
        let mut value = String::new();
        let mut at = 1;
        loop {
            let next = rest[at..].chars().next().ok_or_else(endless)?;
            match next {
                '"' => break,
                '\n' | '\r' => return Err(endless()),
                '\\' => {
                    let Some((read, length)) = escaped(&rest[at..]) else {
                        self.advance(at);
                        return Err(syntax(self.pos, "invalid escape in a string"));
                    };
                    value.push(read);
                    at += length;
                }
                plain => {
                    value.push(plain);
                    at += plain.len_utf8();
                }
            }
        }
        self.advance(at + 1);
        Ok(value)
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn run(text: &str, belongs: impl Fn(u8) -> bool) -> usize {
    text.bytes().position(|byte| !belongs(byte)).unwrap_or(text.len())
}

/// The character of the escape at the beginning of the text, and the length of the escape in bytes.
fn escaped(text: &str) -> Option<(char, usize)> {
    let read = match text.as_bytes().get(1)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(text),
        _ => return None,
    };
    Some((read, 2))
}

/// The same for `\uXXXX`, a surrogate pair of these, and `\u{X…}`.
fn unicode(text: &str) -> Option<(char, usize)> {
    if let Some(braced) = text.strip_prefix("\\u{") {
        let digits = braced.find('}').filter(|&digits| digits > 0)?;
        return Some((char::from_u32(hexadecimal(&braced[..digits])?)?, digits + 4));
    }
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        hexadecimal(digits)
    };
    let leading = unit(0)?;
    if let Some(single) = char::from_u32(leading) {
        return Some((single, 6));
    }
    let units = [u16::try_from(leading).ok()?, u16::try_from(unit(6)?).ok()?];
    let pair = char::decode_utf16(units).next()?.ok()?;
    Some((pair, 12))
}

fn hexadecimal(digits: &str) -> Option<u32> {
    let is_number = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_number.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

/// The content of a block string after its opening quotes, and its length including the closing quotes.
fn block_content(text: &str) -> Option<(String, usize)> {
    let mut raw = String::new();
    let mut at = 0;
    loop {
        let marks = at + text[at..].find("\"\"\"")?;
        let Some(before) = text[at..marks].strip_suffix('\\') else {
            raw.push_str(&text[at..marks]);
            return Some((raw, marks + 3));
        };
        raw.push_str(before);
        raw.push_str("\"\"\"");
        at = marks + 3;
    }
}

/// The value of a block string, with common indentation and blank lines at the ends removed.
fn block_value(raw: &str) -> String {
    let unified = raw.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = unified.split('\n').collect();
    let indent_of = |line: &str| line.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let is_blank = |line: &&str| indent_of(line) == line.len();
    let shared = lines.iter().skip(1).filter(|line| !is_blank(line)).map(|line| indent_of(line)).min().unwrap_or(0);
    let Some(first) = lines.iter().position(|line| !is_blank(line)) else { return String::new() };
    let last = lines.iter().rposition(|line| !is_blank(line)).unwrap_or(first);
    let stripped = lines.iter().enumerate().map(|(nth, line)| match nth {
        0 => line,
        _ => line.get(shared..).unwrap_or_default(),
    });
    stripped.skip(first).take(last - first + 1).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value of a string, if the text is a single string.
    fn string(text: &str) -> Option<String> {
        let mut lexer = Lexer::new(text);
        let (token, _) = lexer.next().ok()?;
        let (Token::Text(value), Ok((Token::End, _))) = (token, lexer.next()) else { return None };
        Some(value)
    }

    #[test]
    fn strings_are_read_as_the_specification_says() {
        for (written, value) in [
            (r#""""#, ""),
            (r#""a \" \\ \/ \b\f\n\r\t""#, "a \" \\ / \u{8}\u{c}\n\r\t"),
            (r#""\u00e9\u{e9}\u{1F600}\u{000000001f600}""#, "éé😀😀"),
            (r#""\ud83d\ude00""#, "😀"),
            (r#""\uD83D\uDE00 \u0041""#, "😀 A"),
            (r#""\u{10FFFF}\u0000""#, "\u{10FFFF}\0"),
            (r#""{[( # no comment""#, "{[( # no comment"),
            (r#""""""""#, ""),
            (r#""""a \""" b""""#, "a \"\"\" b"),
            (r#""""\"""""""#, "\"\"\""),
            (r#""""a \u0041 \n""""#, r"a \u0041 \n"),
            ("\"\"\"\n    one\r\n      two\n  \n    three\n   \"\"\"", "one\n  two\n\nthree"),
            ("\"\"\"  first\n  second\"\"\"", "  first\nsecond"),
            (r#""""he said "no" """"#, "he said \"no\" "),
        ] {
            assert_eq!(string(written).as_deref(), Some(value), "{written}");
        }
    }

    #[test]
    fn invalid_strings_are_refused() {
        for written in [
            r#""\ud83d""#,
            r#""\ude00\ud83d""#,
            r#""\ud83d\u0041""#,
            r#""\ud83dx""#,
            r#""\u{}""#,
            r#""\u{110000}""#,
            r#""\u{d83d}""#,
            r#""\u{+41}""#,
            r#""\u00g0""#,
            r#""\u004""#,
            r#""\x""#,
            "\"a\nb\"",
            "\"a",
            "\"\"\"a",
            "\"\"\"a \\\"\"\"",
        ] {
            assert_eq!(string(written), None, "{written}");
        }
    }

    #[test]
    fn every_token_has_its_position() {
        let mut lexer = Lexer::new("\u{feff}{ a,\r\n\tb # é\r\"é\" 1 ... x }");
        let mut places = Vec::new();
        loop {
            let (token, pos) = lexer.next().expect("a word");
            if token == Token::End {
                break;
            }
            places.push((pos.line, pos.column));
        }
        assert_eq!(places, [(1, 2), (1, 4), (2, 2), (3, 1), (3, 5), (3, 7), (3, 11), (3, 13)]);
    }
}
