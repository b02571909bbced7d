//! Looks into Office documents, which are ZIP archives: a bomb, an entry outside the archive, macros and passwords are
//! refused.
//!
//! Nothing is unpacked to disk. What an entry says of its size is not believed: its bytes are counted.

use std::io::{Read, Seek, SeekFrom};

use zip::ZipArchive;

use super::content::{BadContent, Fault};
use super::file_name::is_hidden;
use super::media::Media;

/// The most entries of an archive.
const ENTRIES_MAX: u16 = 5_000;
/// The most bytes of the list of entries.
const LIST_MAX: u32 = 2 * 1024 * 1024;
/// The most bytes of all entries together, once unpacked.
const UNPACKED_MAX: u64 = 300 * 1024 * 1024;
/// The most bytes that one byte of an archive may unpack to, for the archive as a whole.
const RATIO_MAX: u64 = 150;
/// Archives that unpack to less than this are judged by no ratio.
const SMALL: u64 = 4 * 1024 * 1024;
/// The size of the record that ends an archive, without its comment.
const END: usize = 22;
/// What a place in the record means that is too small for its value (ZIP64).
const ELSEWHERE: u16 = u16::MAX;

/// Which Office document an archive is. An archive of another kind is refused.
pub(super) fn kind(reader: &mut (impl Read + Seek), size: u64) -> Result<Media, Fault> {
    check_list(reader, size)?;
    let unreadable = |error| match error {
        zip::result::ZipError::Io(error) => Fault::of_archive(&error),
        _ => Fault::Content(BadContent::Archive("it cannot be read as a ZIP archive")),
    };
    let mut archive = ZipArchive::new(reader).map_err(unreadable)?;
    let mut names = Names::default();
    let mut unpacked = 0;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|error| match error {
            zip::result::ZipError::UnsupportedArchive(_) | zip::result::ZipError::InvalidPassword => {
                Fault::Content(BadContent::Archive("it is protected by a password or packed in an unusual way"))
            }
            error => unreadable(error),
        })?;
        let name = entry.name().map_err(unreadable)?.into_owned();
        check_name(&name)?;
        names.see(&name);
        unpacked = counted(&mut entry, unpacked, size)?;
    }
    names.kind()
}

/// Checks the record that ends an archive, so that a long list of entries is not read.
fn check_list(reader: &mut (impl Read + Seek), size: u64) -> Result<(), Fault> {
    let refused = |why| Err(Fault::Content(BadContent::Archive(why)));
    let tail = size.min((END + usize::from(u16::MAX)) as u64);
    reader.seek(SeekFrom::Start(size - tail)).map_err(|_| Fault::Read)?;
    let mut end = Vec::new();
    reader.by_ref().take(tail).read_to_end(&mut end).map_err(|_| Fault::Read)?;
    reader.seek(SeekFrom::Start(0)).map_err(|_| Fault::Read)?;
    let Some(at) = end.windows(4).rposition(|window| window == b"PK\x05\x06").filter(|at| at + END <= end.len()) else {
        return refused("it does not end as a ZIP archive");
    };
    let record = &end[at..];
    let short = |from: usize| u16::from_le_bytes([record[from], record[from + 1]]);
    let long = |from: usize| u32::from_le_bytes([record[from], record[from + 1], record[from + 2], record[from + 3]]);
    if record.len() != END + usize::from(short(20)) {
        return refused("there are bytes after the end of its ZIP archive");
    }
    let (entries, length) = (short(10), long(12));
    if short(4) != 0 || short(6) != 0 || short(8) != entries || entries == ELSEWHERE {
        return refused("its ZIP archive has several parts or is of the large form");
    }
    if entries > ENTRIES_MAX || length > LIST_MAX {
        return refused("its ZIP archive has too many entries");
    }
    Ok(())
}

/// Refuses the name of an entry that leads out of the archive.
fn check_name(name: &str) -> Result<(), Fault> {
    let leads_out = name.starts_with('/')
        || name.contains(['\\', ':'])
        || name.split('/').any(|part| part == ".." || part == ".")
        || name.chars().any(is_hidden);
    if leads_out {
        return Err(Fault::Content(BadContent::Archive("the name of an entry in its ZIP archive leads out of it")));
    }
    Ok(())
}

/// Unpacks an entry to nowhere and counts its bytes.
fn counted(entry: &mut impl Read, before: u64, size: u64) -> Result<u64, Fault> {
    let mut total = before;
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let read = match entry.read(&mut buffer) {
            Ok(0) => return Ok(total),
            Ok(read) => read,
            Err(error) => return Err(Fault::of_archive(&error)),
        };
        total += read as u64;
        if total > UNPACKED_MAX || total > SMALL && total / RATIO_MAX > size {
            return Err(Fault::Content(BadContent::Bomb));
        }
    }
}

/// What the names of the entries say about the kind of document.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a name that was seen")]
struct Names {
    has_types: bool,
    has_word: bool,
    has_excel: bool,
    has_macros: bool,
}

impl Names {
    fn see(&mut self, name: &str) {
        self.has_types |= name == "[Content_Types].xml";
        self.has_word |= name.starts_with("word/document");
        self.has_excel |= name == "xl/workbook.xml";
        self.has_macros |= name.to_ascii_lowercase().ends_with("vbaproject.bin");
    }

    fn kind(&self) -> Result<Media, Fault> {
        if self.has_macros {
            return Err(Fault::Content(BadContent::Macros));
        }
        match (self.has_types, self.has_word, self.has_excel) {
            (true, true, false) => Ok(Media::Docx),
            (true, false, true) => Ok(Media::Xlsx),
            _ => Err(Fault::Content(BadContent::Archive("its ZIP archive is neither a Word nor an Excel document"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use zip::write::SimpleFileOptions;
    use zip::{CompressionMethod, ZipWriter};

    use super::*;

    fn archive(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        for (name, content) in entries {
            writer.start_file(*name, options).expect("an entry");
            writer.write_all(content).expect("its bytes");
        }
        writer.finish().expect("an archive").into_inner()
    }

    fn judged(archive: &[u8]) -> Result<Media, BadContent> {
        kind(&mut Cursor::new(archive), archive.len() as u64).map_err(|fault| match fault {
            Fault::Content(bad) => bad,
            fault @ Fault::Read => panic!("{fault:?}"),
        })
    }

    fn document(further: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let own = [("[Content_Types].xml", b"<Types/>".to_vec()), ("word/document.xml", b"<document/>".to_vec())];
        archive(&[&own[..], further].concat())
    }

    #[test]
    fn the_entries_say_whether_it_is_a_word_or_an_excel_document() {
        assert_eq!(judged(&document(&[])), Ok(Media::Docx));
        let own = [("[Content_Types].xml", Vec::new()), ("xl/workbook.xml", Vec::new())];
        assert_eq!(judged(&archive(&own)), Ok(Media::Xlsx));
        for other in [archive(&[("a.txt", Vec::new())]), document(&[("xl/workbook.xml", Vec::new())])] {
            assert!(matches!(judged(&other), Err(BadContent::Archive(_))));
        }
    }

    #[test]
    fn a_bomb_is_refused_by_the_bytes_that_it_unpacks_to() {
        let bomb = document(&[("word/media/a.bin", vec![0; 40 * 1024 * 1024])]);
        assert!(bomb.len() < 100_000, "{}", bomb.len());
        assert_eq!(judged(&bomb), Err(BadContent::Bomb));
        let small = document(&[("word/media/a.bin", vec![0; 1024 * 1024])]);
        assert_eq!(judged(&small), Ok(Media::Docx));
    }

    #[test]
    fn entries_that_lead_out_of_the_archive_are_refused() {
        for name in ["../up.xml", "/etc/passwd", "word/../../up.xml", "a\\b.xml", "C:/up.xml", "a\u{202e}b.xml"] {
            let judged = judged(&document(&[(name, Vec::new())]));
            assert!(matches!(judged, Err(BadContent::Archive(_))), "{name}: {judged:?}");
        }
    }

    #[test]
    fn macros_and_archives_that_are_cut_off_are_refused() {
        assert_eq!(judged(&document(&[("word/vbaProject.bin", vec![1])])), Err(BadContent::Macros));
        let whole = document(&[]);
        for length in [0, 10, END, whole.len() - 1] {
            assert!(matches!(judged(&whole[..length]), Err(BadContent::Archive(_))), "{length}");
        }
        let longer = [&whole[..], b"more"].concat();
        assert!(matches!(judged(&longer), Err(BadContent::Archive(_))));
    }

    #[test]
    fn an_archive_with_too_many_entries_is_refused_before_its_list_is_read() {
        let mut forged = document(&[]);
        let at = forged.len() - END;
        for from in [at + 8, at + 10] {
            forged[from..from + 2].copy_from_slice(&6_000_u16.to_le_bytes());
        }
        assert_eq!(judged(&forged), Err(BadContent::Archive("its ZIP archive has too many entries")));
    }
}
