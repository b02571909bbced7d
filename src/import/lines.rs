//! Reads the lines of a file one at a time, with a limit on their length.
//!
//! It handles text only and does not interpret lines. A line that is not UTF-8 or is too long is reported, and the next
//! line is read. Memory use does not grow with the file or with a line.

use std::io::{self, BufRead, BufReader, Read};

use aws_lc_rs::digest;

use crate::cloud_event::LineError;
use throughline_domain::fact::envelope::hex;

/// The longest line that is read, in bytes. It holds the largest possible batch of claims, with room to spare.
pub const LINE_MAX: usize = 8 * 1024 * 1024;

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// A reader of lines.
#[derive(Debug)]
pub struct Lines<R> {
    from: BufReader<R>,
    number: u64,
    line: Vec<u8>,
}

impl<R: Read> Lines<R> {
    /// A reader of the lines of this text.
    pub fn of(from: R) -> Self {
        Self { from: BufReader::with_capacity(1 << 16, from), number: 0, line: Vec::new() }
    }

    /// The next line that is not empty, with its number from 1, without line end, byte order mark or carriage return.
    pub fn next_line(&mut self) -> io::Result<Option<(u64, Result<&str, LineError>)>> {
        loop {
            let Some(is_whole) = self.read()? else { return Ok(None) };
            self.number += 1;
            if !is_whole {
                let message = format!("longer than {} MiB: check for a missing line end", LINE_MAX >> 20);
                return Ok(Some((self.number, Err(LineError::line(message)))));
            }
            if self.line.iter().any(|byte| !byte.is_ascii_whitespace()) {
                break;
            }
        }
        Ok(Some((self.number, text(&self.line, self.number))))
    }

    /// Reads up to the next line end. Returns whether the line was short enough to keep, or `None` at the end of the
    /// file.
    fn read(&mut self) -> io::Result<Option<bool>> {
        self.line.clear();
        let (mut is_whole, mut is_begun) = (true, false);
        loop {
            let bytes = match self.from.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            if bytes.is_empty() {
                return Ok(is_begun.then_some(is_whole));
            }
            is_begun = true;
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let part = &bytes[..end.unwrap_or(bytes.len())];
            is_whole &= self.line.len() + part.len() <= LINE_MAX;
            if is_whole {
                self.line.extend_from_slice(part);
            }
            let taken = part.len() + usize::from(end.is_some());
            self.from.consume(taken);
            if end.is_some() {
                return Ok(Some(is_whole));
            }
        }
    }
}

fn text(line: &[u8], number: u64) -> Result<&str, LineError> {
    let text = std::str::from_utf8(line).map_err(|error| {
        let message = format!("not UTF-8 from byte {}: save the file as UTF-8", error.valid_up_to() + 1);
        LineError::line(message)
    })?;
    let text = if number == 1 { text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text) } else { text };
    // White space at the ends may be fields: a tab may separate them.
    Ok(text.strip_suffix('\r').unwrap_or(text))
}

/// The SHA-256 of everything that can be read, in lower-case hexadecimal.
pub fn digest_of(mut from: impl Read) -> io::Result<String> {
    let mut whole = digest::Context::new(&digest::SHA256);
    let mut part = vec![0; 1 << 16];
    loop {
        match from.read(&mut part) {
            Ok(0) => return Ok(hex(whole.finish().as_ref())),
            Ok(read) => whole.update(&part[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> Vec<(u64, Result<String, String>)> {
        let mut lines = Lines::of(bytes);
        let mut read = Vec::new();
        while let Some((number, line)) = lines.next_line().expect("memory can be read") {
            read.push((number, line.map(str::to_owned).map_err(|error| error.to_string())));
        }
        read
    }

    #[test]
    fn byte_order_marks_carriage_returns_empty_lines_and_a_missing_end_are_accepted() {
        let read = lines(b"\xef\xbb\xbfone\r\n\r\n  \ntwo\nthree");
        let texts: Vec<(u64, &str)> = read.iter().map(|(at, line)| (*at, line.as_deref().expect("text"))).collect();
        assert_eq!(texts, [(1, "one"), (4, "two"), (5, "three")]);
    }

    #[test]
    fn a_line_that_is_not_text_is_reported_and_the_next_line_is_read() {
        let read = lines(b"caf\xe9\nnext\n");
        assert_eq!(read[0], (1, Err("not UTF-8 from byte 4: save the file as UTF-8".to_owned())));
        assert_eq!(read[1], (2, Ok("next".to_owned())));
    }

    #[test]
    fn a_line_of_ten_mebibytes_is_reported_without_being_kept_in_memory() {
        let mut file = vec![b'x'; 10 << 20];
        file.extend_from_slice(b"\nnext");
        let mut lines = Lines::of(file.as_slice());
        let (number, line) = lines.next_line().expect("memory can be read").expect("a line");
        assert_eq!(number, 1);
        assert!(line.expect_err("too long").message.starts_with("longer than 8 MiB"));
        assert!(lines.line.capacity() <= 2 * LINE_MAX);
        assert_eq!(lines.next_line().expect("memory can be read").expect("a line").1, Ok("next"));
    }

    #[test]
    fn the_page_for_imports_says_how_long_a_line_may_be() {
        let said = format!("A line is at most {} MiB", LINE_MAX >> 20);
        let page: Vec<&str> = include_str!("../../docs/import.md").split_whitespace().collect();
        assert!(page.join(" ").contains(&said), "{said}");
    }
}
