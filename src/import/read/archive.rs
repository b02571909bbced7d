//! Looks through the archive of a workbook before it is opened, and refuses one that would need too much memory.
//!
//! The library that reads workbooks trusts them: it keeps all texts, and a cell until it ends. So every part is read
//! once as XML before, as it will be read then. Nothing of it is kept here.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};

use quick_xml::events::Event;
use quick_xml::{Error, Reader};
use zip::ZipArchive;

use super::Unfit;

/// The most bytes of one part of a workbook that is kept in memory, such as its texts.
const KEPT_MAX: u64 = 256 << 20;
/// The most bytes of all parts.
const ALL_MAX: u64 = 8 << 30;
/// How many times larger than the archive its content may be, and from how many bytes this counts.
const GROWTH_MAX: u64 = 250;
const GROWTH_FROM: u64 = 64 << 20;
/// The longest text, tag or comment, and the longest text of a cell with all its pieces, in bytes. A cell of a workbook
/// holds at most 32,767 characters.
const PIECE_MAX: u64 = 1 << 20;
/// The deepest nesting of elements.
const DEPTH_MAX: usize = 256;
/// The most parts of a workbook.
const PARTS_MAX: usize = 10_000;

const NOT_A_WORKBOOK: &str = "this is not a workbook: save it as .xlsx";
const GROWN: &str = "the workbook unpacks to far more than a workbook needs, and is not read: save the sheet as CSV";
const LONG: &str = "a cell of the workbook is longer than 1 MiB: shorten it, or save the sheet as CSV";
const DEEP: &str = "the elements of the workbook are nested too deep: save it again as .xlsx";
const DOCUMENT_TYPE: &str = "the workbook has a document type, which is never read: save it again as .xlsx";
const UNSOUND: &str = "a sheet of the workbook is not well-formed: save it again as .xlsx";

/// Reads through every part of the archive and counts, without keeping anything.
pub(super) fn look_through(file: &mut File, size: u64) -> Result<(), Unfit> {
    let wrong = || Unfit::wrong(NOT_A_WORKBOOK);
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|_| wrong())?;
    if archive.len() > PARTS_MAX {
        return Err(Unfit::wrong(format!(
            "the workbook has more than {PARTS_MAX} parts: save the sheet as a workbook of its own"
        )));
    }
    let counts = Counts { size, all: Cell::new(0), piece: Cell::new(0) };
    for at in 0..archive.len() {
        let part = archive.by_index(at).map_err(|_| wrong())?;
        let what = part.name().map_or(What::Other, |name| What::named(&name));
        let most = if what == What::Sheet { ALL_MAX } else { KEPT_MAX };
        counts.piece.set(0);
        let mut reader = Reader::from_reader(Part { from: BufReader::new(part), counts: &counts, read: 0, most });
        reader.config_mut().expand_empty_elements = true;
        let is_sound = what == What::Other || elements(&mut reader, &counts)?;
        if !is_sound && what == What::Sheet {
            return Err(Unfit::wrong(UNSOUND));
        }
        drain(reader.get_mut(), &counts)?;
    }
    Ok(())
}

/// What a part of a workbook is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// A sheet, which is read row by row.
    Sheet,
    /// Another part with elements, which is kept while it is read.
    Elements,
    /// An image or the like.
    Other,
}

impl What {
    fn named(name: &str) -> Self {
        let name = name.to_lowercase();
        let (folder, file) = name.rsplit_once('/').unwrap_or(("", name.as_str()));
        if folder.ends_with("worksheets") && file.starts_with("sheet") {
            Self::Sheet
        } else if [".xml", ".rels"].iter().any(|ending| file.ends_with(ending)) {
            Self::Elements
        } else {
            Self::Other
        }
    }
}

/// What was read of an archive.
struct Counts {
    /// The bytes of the archive.
    size: u64,
    /// The bytes of all parts.
    all: Cell<u64>,
    /// The bytes since the last whole piece.
    piece: Cell<u64>,
}

/// A part whose bytes are counted.
struct Part<'a, R> {
    from: BufReader<R>,
    counts: &'a Counts,
    read: u64,
    most: u64,
}

impl<R: Read> Read for Part<'_, R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let part = self.fill_buf()?;
        let count = part.len().min(to.len());
        to[..count].copy_from_slice(&part[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for Part<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let all = self.counts.all.get();
        let is_grown = all > GROWTH_FROM && all / self.counts.size.max(1) > GROWTH_MAX;
        if is_grown || all > ALL_MAX || self.read > self.most {
            return Err(io::Error::new(ErrorKind::QuotaExceeded, GROWN));
        }
        if self.counts.piece.get() > PIECE_MAX {
            return Err(io::Error::new(ErrorKind::QuotaExceeded, LONG));
        }
        self.from.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        let bytes = count as u64;
        self.read += bytes;
        self.counts.all.set(self.counts.all.get() + bytes);
        self.counts.piece.set(self.counts.piece.get() + bytes);
        self.from.consume(count);
    }
}

/// Reads the elements of a part. Returns whether it is well-formed to its end.
fn elements<R: Read>(reader: &mut Reader<Part<'_, R>>, counts: &Counts) -> Result<bool, Unfit> {
    let mut buffer = Vec::new();
    let mut depth = 0_usize;
    // The depth of the cell or shared text that is being read, and the bytes of its text.
    let (mut cell, mut length) = (None, 0_u64);
    loop {
        buffer.clear();
        counts.piece.set(0);
        let event = match reader.read_event_into(&mut buffer) {
            Ok(event) => event,
            Err(Error::Io(error)) => return Err(refused(&error)),
            Err(_) => return Ok(false),
        };
        match event {
            Event::Start(start) => {
                depth += 1;
                if cell.is_none() && matches!(start.local_name().as_ref(), "c" | "si") {
                    (cell, length) = (Some(depth), 0);
                }
            }
            Event::End(_) => {
                cell = cell.filter(|begun| *begun != depth);
                depth = depth.saturating_sub(1);
            }
            Event::Text(text) => length += text.len() as u64,
            Event::CData(text) => length += text.len() as u64,
            Event::GeneralRef(_) => length += 1,
            Event::DocType(_) => return Err(Unfit::wrong(DOCUMENT_TYPE)),
            Event::Eof => return Ok(true),
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
        if depth > DEPTH_MAX {
            return Err(Unfit::wrong(DEEP));
        }
        if cell.is_some() && length > PIECE_MAX {
            return Err(Unfit::wrong(LONG));
        }
    }
}

/// Reads the rest of a part, and only counts it.
fn drain<R: Read>(part: &mut Part<'_, R>, counts: &Counts) -> Result<(), Unfit> {
    loop {
        counts.piece.set(0);
        let count = part.fill_buf().map_err(|error| refused(&error))?.len();
        if count == 0 {
            return Ok(());
        }
        part.consume(count);
    }
}

/// A limit that was reached, or an archive that cannot be unpacked.
fn refused(error: &io::Error) -> Unfit {
    match error.kind() {
        ErrorKind::QuotaExceeded => Unfit::wrong(error.to_string()),
        _ => Unfit::wrong(NOT_A_WORKBOOK),
    }
}
