//! Looks at the content of an uploaded file: its digest, its real type, and whether it is safe to keep.
//!
//! The declared type is never believed. No byte of the content is in a message.

use std::io::{self, Read, Seek, SeekFrom};

use aws_lc_rs::digest::{Context, SHA256};

use super::archive;
use super::media::Media;
use throughline_domain::fact::envelope::hex;

/// The bytes at the beginning that most types are known by.
const HEAD: usize = 64 * 1024;
/// The bytes that are read at once.
const PIECE: usize = 64 * 1024;
/// The most headers of entries of ZIP archives that a file may contain, so that no reader of archives meets more.
const HEADERS_MAX: usize = 10_000;
/// The beginning of such a header.
const HEADER: &[u8] = b"PK\x01\x02";
/// The beginning of a compound file, the form of old Office documents and of Outlook's e-mails.
const COMPOUND: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
/// The name of a part that only Outlook's e-mails have.
const OUTLOOK: &str = "__properties_version1.0";

/// Why the content of a file is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadContent {
    /// It is of another type than declared.
    #[error("the content of the file is {found} and not {declared}: declare its real type, or save it as another type")]
    OtherType {
        /// The type of the content.
        found: &'static str,
        /// The declared type.
        declared: &'static str,
    },
    /// It is of no type that is accepted.
    #[error("the content of the file is of no type that is accepted as evidence: save it as PDF, for example")]
    UnknownType,
    /// It unpacks to far more than it is.
    #[error("the file unpacks to far more than it is: remove its large parts, or save it as PDF")]
    Bomb,
    /// It contains macros.
    #[error("the document contains macros: save it without them, or as PDF")]
    Macros,
    /// Its archive is unusual or damaged.
    #[error("the document is damaged or unusual, {0}: open it, save it again, and upload the new file")]
    Archive(&'static str),
}

/// Why a file was not judged good.
#[derive(Debug)]
pub(super) enum Fault {
    /// Its content is refused.
    Content(BadContent),
    /// It could not be read. If the evidence store is the cause, the reader knows the fault.
    Read,
}

impl Fault {
    /// What is wrong with the content, once it is known that the evidence store has no fault.
    pub(super) const fn into_content(self) -> BadContent {
        match self {
            Self::Content(bad) => bad,
            Self::Read => BadContent::Archive("it cannot be read to its end"),
        }
    }

    /// A fault while an entry was unpacked: of the store, if the store said so, and otherwise of the archive.
    pub(super) fn of_archive(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
                Self::Content(BadContent::Archive("an entry of its ZIP archive cannot be unpacked"))
            }
            _ => Self::Read,
        }
    }
}

/// Reads a file of this size from its beginning to its end and judges its content. Returns its SHA-256, in lower-case
/// hexadecimal, if it is what it was declared to be.
pub(super) fn look_at(reader: &mut (impl Read + Seek), size: u64, declared: Media) -> Result<String, Fault> {
    let seen = Seen::of(reader)?;
    let found = match seen.kind() {
        Kind::Is(media) => Some(media),
        Kind::Archive if seen.headers > HEADERS_MAX => {
            return Err(Fault::Content(BadContent::Archive("its ZIP archive has too many entries")));
        }
        Kind::Archive => Some(archive::kind(reader, size)?),
        // Text says little about its type, so the declared one decides which form it must have.
        Kind::Text => {
            [Media::Text, Media::Csv, Media::Eml].into_iter().find(|of| *of == declared && seen.reads_as(*of))
        }
        Kind::Unknown => None,
    };
    match found {
        Some(media) if media == declared => Ok(seen.sha256),
        Some(media) => {
            Err(Fault::Content(BadContent::OtherType { found: media.as_str(), declared: declared.as_str() }))
        }
        None if seen.kind() == Kind::Text => {
            let found = Media::Text.as_str();
            Err(Fault::Content(BadContent::OtherType { found, declared: declared.as_str() }))
        }
        None => Err(Fault::Content(BadContent::UnknownType)),
    }
}

/// What the bytes look like, before an archive is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Is(Media),
    Archive,
    Text,
    Unknown,
}

/// What one pass over the bytes shows.
struct Seen {
    head: Vec<u8>,
    sha256: String,
    is_text: bool,
    is_outlook: bool,
    headers: usize,
}

impl Seen {
    fn of(reader: &mut (impl Read + Seek)) -> Result<Self, Fault> {
        reader.seek(SeekFrom::Start(0)).map_err(|_| Fault::Read)?;
        let outlook: Vec<u8> = OUTLOOK.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let (mut digest, mut head) = (Context::new(&SHA256), Vec::with_capacity(HEAD));
        let (mut is_text, mut is_outlook, mut headers) = (true, false, 0);
        // The end of the last piece is kept before the next one, so that no mark is missed between two.
        let mut window: Vec<u8> = Vec::with_capacity(PIECE + outlook.len());
        loop {
            let kept = window.len();
            let read = reader.by_ref().take(PIECE as u64).read_to_end(&mut window).map_err(|_| Fault::Read)?;
            if read == 0 {
                break;
            }
            let piece = &window[kept..];
            digest.update(piece);
            head.extend(&piece[..piece.len().min(HEAD - head.len())]);
            is_text &= piece.iter().all(|byte| is_of_text(*byte));
            is_outlook |= contains(&window, &outlook);
            // A mark that lies in the kept bytes as a whole was counted before.
            let from = kept.saturating_sub(HEADER.len() - 1);
            headers += window[from..].windows(HEADER.len()).filter(|found| *found == HEADER).count();
            let keep_from = window.len().saturating_sub(outlook.len());
            window.drain(..keep_from);
        }
        let sha256 = hex(digest.finish().as_ref());
        Ok(Self { head, sha256, is_text, is_outlook, headers })
    }

    fn kind(&self) -> Kind {
        if self.head.starts_with(COMPOUND) {
            return if self.is_outlook { Kind::Is(Media::Msg) } else { Kind::Unknown };
        }
        if self.head.starts_with(b"PK\x03\x04") {
            return Kind::Archive;
        }
        match infer::get(&self.head).map(|found| found.mime_type()) {
            Some("application/pdf") => Kind::Is(Media::Pdf),
            Some("image/jpeg") => Kind::Is(Media::Jpeg),
            Some("image/png") => Kind::Is(Media::Png),
            Some("image/heif") => Kind::Is(Media::Heic),
            None if self.is_text && !self.head.is_empty() && !is_page(&self.head) => Kind::Text,
            // Pages, scripts and programs are no evidence, even where they are text.
            Some(_) | None => Kind::Unknown,
        }
    }

    /// Whether text has the form of this type.
    fn reads_as(&self, media: Media) -> bool {
        let lines = || self.head.split(|byte| *byte == b'\n');
        match media {
            Media::Csv => lines().count() <= 2 || self.head.iter().any(|byte| b",;\t|".contains(byte)),
            Media::Eml => is_email(lines()),
            _ => true,
        }
    }
}

/// Whether text may contain this byte: every printable character in UTF-8 or in a Windows code page, tabs and line
/// ends.
const fn is_of_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x20..=0x7e | 0x80..=0xff)
}

/// Whether text is a web page or a picture as text, which a browser would run. Those that begin otherwise are known by
/// their first tag.
fn is_page(head: &[u8]) -> bool {
    let begin: Vec<u8> = head.iter().take(1024).map(u8::to_ascii_lowercase).collect();
    [&b"<html"[..], b"<script", b"<svg", b"<!doctype", b"<?php"].iter().any(|tag| contains(&begin, tag))
}

/// Whether text begins with the headers of an e-mail.
fn is_email<'a>(lines: impl Iterator<Item = &'a [u8]>) -> bool {
    let is_header = |line: &[u8]| {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        !name.is_empty() && name.len() < line.len() && name.iter().all(u8::is_ascii_graphic)
    };
    let folded = |line: &[u8]| line.starts_with(b" ") || line.starts_with(b"\t");
    let headers: Vec<&[u8]> = lines.map(<[u8]>::trim_ascii_end).take_while(|line| !line.is_empty()).collect();
    let has = |name: &str| {
        headers
            .iter()
            .any(|line| line.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name.as_bytes())))
    };
    !headers.is_empty()
        && headers.iter().all(|line| is_header(line) || folded(line))
        && has("from:")
        && ["date:", "received:", "to:", "subject:"].into_iter().any(has)
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    const PDF: &[u8] = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n";
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0";
    const EMAIL: &[u8] =
        b"From: a@example.org\r\nTo: b@example.org\r\nSubject: a letter\r\n folded\r\n\r\nDear client\r\n";

    fn judged(content: &[u8], declared: Media) -> Result<Media, BadContent> {
        let looked = look_at(&mut Cursor::new(content), content.len() as u64, declared);
        looked.map(|_| declared).map_err(|fault| match fault {
            Fault::Content(bad) => bad,
            Fault::Read => panic!("it was not read"),
        })
    }

    #[test]
    fn the_digest_is_that_of_the_bytes() {
        let digest = look_at(&mut Cursor::new(b"abc"), 3, Media::Text).expect("text");
        assert_eq!(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn a_file_of_its_declared_type_is_accepted() {
        for (content, media) in [
            (PDF, Media::Pdf),
            (PNG, Media::Png),
            (b"\xff\xd8\xff\xe0\0\x10JFIF\0", Media::Jpeg),
            (b"month,pay\n2018-01,1000\n", Media::Csv),
            (b"month\n", Media::Csv),
            ("paid \u{a3}20".as_bytes(), Media::Text),
            (b"paid \xa320", Media::Text),
            (EMAIL, Media::Eml),
            (EMAIL, Media::Text),
        ] {
            assert_eq!(judged(content, media), Ok(media), "{media:?}");
        }
    }

    #[test]
    fn a_file_of_another_type_than_declared_is_refused() {
        let other = |found: Media, declared: Media| BadContent::OtherType {
            found: found.as_str(),
            declared: declared.as_str(),
        };
        assert_eq!(judged(PNG, Media::Pdf), Err(other(Media::Png, Media::Pdf)));
        assert_eq!(judged(PDF, Media::Text), Err(other(Media::Pdf, Media::Text)));
        assert_eq!(judged(b"plain", Media::Pdf), Err(other(Media::Text, Media::Pdf)));
        assert_eq!(judged(b"not an e-mail", Media::Eml), Err(other(Media::Text, Media::Eml)));
        assert_eq!(judged(b"one\ntwo\nthree\nfour", Media::Csv), Err(other(Media::Text, Media::Csv)));
    }

    #[test]
    fn programs_pages_scripts_and_old_office_documents_are_no_evidence() {
        let old = [COMPOUND, &[0; 600]].concat();
        let elf = [&b"\x7fELF\x02\x01\x01"[..], &[0; 60]].concat();
        for content in [
            &b"MZ\x90\0\x03\0\0\0"[..],
            &elf,
            b"<html><script>alert(1)</script></html>",
            b"  \n<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
            b"#!/bin/sh\nrm -r /\n",
            b"text with a NUL \0",
            b"",
            &old,
        ] {
            for declared in [Media::Text, Media::Csv, Media::Msg] {
                assert_eq!(judged(content, declared), Err(BadContent::UnknownType), "{content:?}");
            }
        }
    }

    #[test]
    fn an_email_of_outlook_is_known_by_a_part_that_only_it_has_wherever_it_lies() {
        let name: Vec<u8> = OUTLOOK.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for before in [0, PIECE - COMPOUND.len() - 7, 3 * PIECE] {
            let email = [COMPOUND, &vec![0; before], &name, &[0; 100]].concat();
            assert_eq!(judged(&email, Media::Msg), Ok(Media::Msg), "{before}");
        }
    }

    #[test]
    fn headers_of_entries_are_counted_once_wherever_they_lie() {
        for before in [0, PIECE - 2, PIECE - 4, 2 * PIECE - 1] {
            let bytes = [&vec![1; before], HEADER, &[1; 50], HEADER].concat();
            assert_eq!(Seen::of(&mut Cursor::new(bytes)).expect("read").headers, 2, "{before}");
        }
    }
}
