//! The text of a file, whatever its encoding: UTF-8, UTF-16 or Windows-1252, as UTF-8.
//!
//! The whole file is inspected once before it is read: its digest, and the encoding that all its bytes allow. A
//! declared encoding is taken at its word, and a byte that it does not have is an error, never a replacement character.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use aws_lc_rs::digest;
use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use throughline_domain::fact::envelope::hex;

/// The bytes of a file that are read at once.
const PART: usize = 1 << 16;
/// The bytes at the beginning of an XML file in which its declaration must end.
const DECLARATION: usize = 512;

/// An encoding of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Character {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// UTF-16, the low byte first.
    Utf16Le,
    /// UTF-16, the high byte first.
    Utf16Be,
    /// Windows-1252, which old programs for Windows write.
    Windows1252,
}

impl Character {
    /// Every encoding with its name in mappings.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::Utf8, "utf-8"),
        (Self::Utf16Le, "utf-16le"),
        (Self::Utf16Be, "utf-16be"),
        (Self::Windows1252, "windows-1252"),
    ];

    fn encoding(self) -> &'static Encoding {
        match self {
            Self::Utf8 => UTF_8,
            Self::Utf16Le => UTF_16LE,
            Self::Utf16Be => UTF_16BE,
            Self::Windows1252 => WINDOWS_1252,
        }
    }

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(of, _)| *of == self).map_or("utf-8", |(_, name)| name)
    }

    /// The encoding that an XML declaration names.
    fn labelled(label: &[u8]) -> Option<Self> {
        let encoding = Encoding::for_label(label)?;
        Self::ALL.into_iter().map(|(of, _)| of).find(|of| of.encoding() == encoding)
    }
}

/// A file that was read once, from beginning to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// SHA-256 of the file, in lower-case hexadecimal.
    pub digest: String,
    /// Its encoding: the one of its byte order mark, else the declared one, else what its bytes allow.
    pub character: Character,
}

impl Inspected {
    /// Inspects a file. Afterwards it is at its end.
    pub fn of(file: &mut File, declared: Option<Character>) -> io::Result<Self> {
        let mut whole = digest::Context::new(&digest::SHA256);
        let mut seen = Seen::default();
        let mut part = vec![0; PART];
        loop {
            match file.read(&mut part) {
                Ok(0) => break,
                Ok(read) => {
                    whole.update(&part[..read]);
                    seen.take(&part[..read]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let character = seen.marked().or(declared).or_else(|| seen.named()).unwrap_or_else(|| seen.guessed());
        Ok(Self { digest: hex(whole.finish().as_ref()), character })
    }
}

/// What the bytes of a file allow.
struct Seen {
    first: Vec<u8>,
    utf8: Option<Decoder>,
    has_undefined: bool,
}

impl Default for Seen {
    fn default() -> Self {
        Self { first: Vec::new(), utf8: Some(UTF_8.new_decoder_without_bom_handling()), has_undefined: false }
    }
}

impl Seen {
    fn take(&mut self, part: &[u8]) {
        let room = DECLARATION - self.first.len().min(DECLARATION);
        self.first.extend_from_slice(&part[..part.len().min(room)]);
        // Bytes that Windows-1252 does not define, and the zero that no text has.
        self.has_undefined |= part.iter().any(|byte| matches!(byte, 0 | 0x81 | 0x8d | 0x8f | 0x90 | 0x9d));
        let Some(decoder) = &mut self.utf8 else { return };
        let mut out = vec![0; part.len() * 3 + 4];
        let (result, ..) = decoder.decode_to_utf8_without_replacement(part, &mut out, false);
        if matches!(result, DecoderResult::Malformed(..)) {
            self.utf8 = None;
        }
    }

    /// The encoding of the byte order mark.
    fn marked(&self) -> Option<Character> {
        match self.first.as_slice() {
            [0xef, 0xbb, 0xbf, ..] => Some(Character::Utf8),
            [0xff, 0xfe, ..] => Some(Character::Utf16Le),
            [0xfe, 0xff, ..] => Some(Character::Utf16Be),
            _ => None,
        }
    }

    /// The encoding that an XML declaration names.
    fn named(&self) -> Option<Character> {
        let declaration = self.first.strip_prefix(b"<?xml")?;
        let end = declaration.windows(2).position(|two| two == b"?>")?;
        let text = str::from_utf8(&declaration[..end]).ok()?;
        let (_, after) = text.split_once("encoding")?;
        let quoted = after.trim_start().strip_prefix('=')?.trim_start();
        let mark = quoted.chars().next().filter(|mark| matches!(mark, '"' | '\''))?;
        Character::labelled(quoted[1..].split(mark).next()?.as_bytes())
    }

    fn guessed(&self) -> Character {
        let zero = |from: usize| self.first.iter().skip(from).step_by(2).take(32).filter(|byte| **byte == 0).count();
        match (zero(0), zero(1)) {
            (0, many) if many > 1 => Character::Utf16Le,
            (many, 0) if many > 1 => Character::Utf16Be,
            _ if self.utf8.is_some() || self.has_undefined => Character::Utf8,
            _ => Character::Windows1252,
        }
    }
}

/// The text of a file as UTF-8, without a byte order mark.
pub(super) struct Decoded<R> {
    from: BufReader<R>,
    decoder: Decoder,
    character: Character,
    /// Bytes of the file that were decoded.
    read: u64,
    out: Vec<u8>,
    given: usize,
    is_ended: bool,
}

impl<R: Read> Decoded<R> {
    pub(super) fn of(from: R, character: Character) -> Self {
        Self {
            from: BufReader::with_capacity(PART, from),
            decoder: character.encoding().new_decoder_with_bom_removal(),
            character,
            read: 0,
            out: Vec::with_capacity(PART * 3),
            given: 0,
            is_ended: false,
        }
    }

    /// Decodes the next part of the file.
    fn fill(&mut self) -> io::Result<()> {
        self.given = 0;
        self.out.clear();
        while self.out.is_empty() && !self.is_ended {
            let part = self.from.fill_buf()?;
            let is_last = part.is_empty();
            self.out.resize(part.len() * 3 + 16, 0);
            let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(part, &mut self.out, is_last);
            self.out.truncate(written);
            self.from.consume(read);
            self.read += read as u64;
            match result {
                DecoderResult::InputEmpty => self.is_ended = is_last,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(length, after) => {
                    let at = self.read.saturating_sub(u64::from(length) + u64::from(after)) + 1;
                    let message = format!(
                        "not {} from byte {at}: save the file as UTF-8, or name its encoding in the mapping, such as \
                         encoding = \"windows-1252\"",
                        self.character.name()
                    );
                    return Err(io::Error::new(io::ErrorKind::InvalidData, message));
                }
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.given == self.out.len() {
            self.fill()?;
        }
        let rest = &self.out[self.given..];
        let count = rest.len().min(to.len());
        to[..count].copy_from_slice(&rest[..count]);
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::file;
    use super::*;

    fn inspected(content: &[u8]) -> Character {
        Inspected::of(&mut file(content), None).expect("a file").character
    }

    fn decoded(content: &[u8], character: Character) -> Result<String, String> {
        let mut text = String::new();
        let read = Decoded::of(content, character).read_to_string(&mut text);
        read.map(|_| text).map_err(|error| error.to_string())
    }

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn an_encoding_is_found_by_mark_declaration_or_bytes() {
        assert_eq!(inspected(b"id,reason\n1,caf\xc3\xa9\n"), Character::Utf8);
        assert_eq!(inspected(b"id,reason\n1,caf\xe9\n"), Character::Windows1252);
        assert_eq!(inspected(&utf16("\u{feff}id,reason", u16::to_le_bytes)), Character::Utf16Le);
        assert_eq!(inspected(&utf16("id,reason", u16::to_be_bytes)), Character::Utf16Be);
        assert_eq!(inspected(b"<?xml version='1.0' encoding='iso-8859-1'?><a/>"), Character::Windows1252);
        assert_eq!(inspected(b"<?xml version='1.0' encoding='us-ascii'?><a/>"), Character::Windows1252);
        assert_eq!(inspected(b"id\n\x81\n"), Character::Utf8, "no encoding has this byte");
    }

    #[test]
    fn every_encoding_is_read_as_the_same_text() {
        let text = "id,reason\n1,café\n";
        assert_eq!(decoded(b"\xef\xbb\xbfid,reason\n1,caf\xc3\xa9\n", Character::Utf8).as_deref(), Ok(text));
        assert_eq!(decoded(b"id,reason\n1,caf\xe9\n", Character::Windows1252).as_deref(), Ok(text));
        let marked = format!("\u{feff}{text}");
        assert_eq!(decoded(&utf16(&marked, u16::to_le_bytes), Character::Utf16Le).as_deref(), Ok(text));
        assert_eq!(decoded(&utf16(text, u16::to_be_bytes), Character::Utf16Be).as_deref(), Ok(text));
    }

    #[test]
    fn a_byte_that_the_encoding_does_not_have_is_named_and_never_replaced() {
        let error = decoded(b"id,reason\n1,caf\xe9\n", Character::Utf8).expect_err("not UTF-8");
        assert!(error.starts_with("not utf-8 from byte 16: save the file as UTF-8"), "{error}");
    }
}
