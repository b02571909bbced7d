//! The archive: the evidence files, the data and the page, written one after the other.
//!
//! It blocks, so it runs on a blocking thread. An archive that breaks off has no index, so no program takes it for a
//! whole one. No more than one part of a file is in memory.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::NaiveDate;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use zip::ZipWriter;
use zip::write::{SimpleFileOptions, StreamWriter};

use super::SubjectAccessError;
use super::contents::{Attached, Contents, Held};
use super::page::{LEFT_OUT, page};
use crate::evidence::{EvidenceError, EvidenceFiles, File, OpenedFile};
use throughline_domain::fact::envelope::{EvidenceId, JourneyId};

/// The format of the data file. It changes when a program that reads it has to.
const FORMAT: &str = "throughline subject access 1";
/// How often a file is asked for while all places for downloads are taken, and the wait between.
const TRIES: u32 = 60;
const AGAIN: Duration = Duration::from_secs(1);
/// Why a file is not in the archive.
const ERASED: &str = "the file was erased";
const NO_KEYS: &str = "the key store is away";
/// The most characters of a file's name in the archive.
const NAME_MAX: usize = 80;

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The number of events.
    pub events: usize,
    /// The number of evidence files.
    pub files: usize,
}

/// A piece of evidence in the archive.
pub(super) struct Given {
    pub(super) evidence: EvidenceId,
    pub(super) journey: JourneyId,
    pub(super) kind: String,
    pub(super) dated_on: NaiveDate,
    pub(super) sha256: Option<String>,
    pub(super) is_retracted: bool,
    pub(super) file: Option<GivenFile>,
    /// Why the archive does not have the file.
    pub(super) missing: Option<&'static str>,
}

/// A file in the archive.
#[derive(Debug, Clone)]
pub(super) struct GivenFile {
    pub(super) path: String,
    pub(super) name: String,
    pub(super) media: &'static str,
    pub(super) size: u64,
}

type Archive = ZipWriter<StreamWriter<Valve>>;

/// Writes the archive of what was gathered.
pub async fn write(
    contents: Contents,
    evidence: EvidenceFiles,
    out: Box<dyn Write + Send>,
) -> Result<Written, SubjectAccessError> {
    let runtime = Handle::current();
    let writing = tokio::task::spawn_blocking(move || {
        let is_shut = Arc::new(AtomicBool::new(false));
        let zip = ZipWriter::new_stream(Valve { out, is_shut: Arc::clone(&is_shut) });
        archive(zip, &contents, (&evidence, &runtime), &is_shut)
    });
    writing.await.map_err(|_| SubjectAccessError::Panicked)?
}

/// Lets bytes through until it is shut. What is left of a broken archive, such as its index, is then thrown away: the
/// library writes it when it lets the archive fall.
struct Valve {
    out: Box<dyn Write + Send>,
    is_shut: Arc<AtomicBool>,
}

impl Write for Valve {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_shut.load(Ordering::Relaxed) { Ok(bytes.len()) } else { self.out.write(bytes) }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.is_shut.load(Ordering::Relaxed) { Ok(()) } else { self.out.flush() }
    }
}

fn archive(
    mut zip: Archive,
    contents: &Contents,
    from: (&EvidenceFiles, &Handle),
    is_shut: &AtomicBool,
) -> Result<Written, SubjectAccessError> {
    match fill(&mut zip, contents, from) {
        Ok(written) => {
            zip.finish()?.into_inner().flush()?;
            Ok(written)
        }
        Err(error) => {
            is_shut.store(true, Ordering::Relaxed);
            Err(error)
        }
    }
}

fn fill(
    zip: &mut Archive,
    contents: &Contents,
    from: (&EvidenceFiles, &Handle),
) -> Result<Written, SubjectAccessError> {
    let mut given = Vec::new();
    let mut known: BTreeMap<uuid::Uuid, GivenFile> = BTreeMap::new();
    for attached in &contents.evidence {
        let (mut file, mut missing) = (None, None);
        match &attached.file {
            None if contents.erased_on.is_some() => missing = attached.sha256.as_ref().map(|_| ERASED),
            None => missing = attached.sha256.as_ref().map(|_| "the file is not held here for this person"),
            Some(_) if contents.is_without_keys => missing = Some(NO_KEYS),
            Some(uploaded) if !contents.may_give_files_of(uploaded.subject) => missing = Some(ERASED),
            Some(uploaded) => {
                file = known.get(&uploaded.id).cloned();
                if file.is_none() {
                    match evidence_file(zip, uploaded, known.len() + 1, from)? {
                        Ok(written) => file = Some(known.entry(uploaded.id).or_insert(written).clone()),
                        Err(why) => missing = Some(why),
                    }
                }
            }
        }
        given.push(Given::of(attached, file, missing));
    }
    zip.start_file("data.json", options())?;
    serde_json::to_writer_pretty(&mut *zip, &data(contents, &given))?;
    zip.start_file("index.html", options())?;
    zip.write_all(page(contents, &given).as_bytes())?;
    Ok(Written { events: contents.events.len(), files: known.len() })
}

/// Every entry has the same date, so that the same data gives the same archive.
fn options() -> SimpleFileOptions {
    SimpleFileOptions::default().last_modified_time(zip::DateTime::default())
}

/// Writes a file, or says why it cannot be opened.
fn evidence_file(
    zip: &mut Archive,
    file: &File,
    number: usize,
    (evidence, runtime): (&EvidenceFiles, &Handle),
) -> Result<Result<GivenFile, &'static str>, SubjectAccessError> {
    let opened = match runtime.block_on(in_turn(evidence, file)) {
        Ok(opened) => opened,
        Err(EvidenceError::Erased) => return Ok(Err(ERASED)),
        Err(EvidenceError::NoStore) => return Ok(Err("this server keeps no evidence files")),
        Err(EvidenceError::Keys(_)) => return Ok(Err(NO_KEYS)),
        Err(error @ (EvidenceError::Damaged(_) | EvidenceError::Away(_))) => {
            tracing::warn!(file = %file.id, reason = %error, "a subject access export leaves out an evidence file");
            return Ok(Err("the file cannot be read at present"));
        }
        Err(error) => return Err(error.into()),
    };
    let name = opened.name.as_str().to_owned();
    let path = format!("evidence/{number:03}-{}", plain(&name));
    let given = GivenFile { path, name, media: file.media.as_str(), size: opened.size };
    zip.start_file(given.path.as_str(), options())?;
    let mut parts = pin!(opened.into_stream());
    while let Some(part) = runtime.block_on(parts.next()) {
        zip.write_all(&part.map_err(|error| SubjectAccessError::File(error.into()))?)?;
    }
    Ok(Ok(given))
}

/// Opens a file, once there is a place for its download.
async fn in_turn(evidence: &EvidenceFiles, file: &File) -> Result<OpenedFile, EvidenceError> {
    for _ in 1..TRIES {
        match evidence.open_file(file).await {
            Err(EvidenceError::Busy) => tokio::time::sleep(AGAIN).await,
            opened => return opened,
        }
    }
    evidence.open_file(file).await
}

/// A name that every system can store, and that needs no escape in a link.
fn plain(name: &str) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() || "._-".contains(letter) { letter } else { '_' };
    let all: Vec<char> = name.chars().map(letter).collect();
    // The end of a name says its type.
    all[all.len().saturating_sub(NAME_MAX)..].iter().collect()
}

impl Given {
    fn of(attached: &Attached, file: Option<GivenFile>, missing: Option<&'static str>) -> Self {
        Self {
            evidence: attached.evidence,
            journey: attached.journey,
            kind: attached.kind.clone(),
            dated_on: attached.dated_on,
            sha256: attached.sha256.clone(),
            is_retracted: attached.is_retracted,
            file,
            missing,
        }
    }

    fn json(&self) -> Value {
        let file = self.file.as_ref();
        json!({
            "evidence": self.evidence,
            "journey": self.journey,
            "kind": self.kind,
            "datedOn": self.dated_on,
            "sha256": self.sha256,
            "retracted": self.is_retracted,
            "path": file.map(|file| &file.path),
            "name": file.map(|file| &file.name),
            "mediaType": file.map(|file| file.media),
            "size": file.map(|file| file.size),
            "missing": self.missing,
        })
    }
}

/// The data of the export.
fn data(contents: &Contents, given: &[Given]) -> Value {
    let cases = contents.cases.iter().map(|case| {
        json!({
            "journey": case.journey, "contract": case.contract, "title": case.title, "reference": case.reference,
        })
    });
    let identities = contents.identities.iter().map(|(record, known)| json!({ "subject": record, "identity": known }));
    json!({
        "format": FORMAT,
        "madeAt": contents.made_at,
        "subject": contents.subject,
        "records": contents.people,
        "erasureApprovedOn": contents.erased_on,
        "keysAway": contents.is_without_keys,
        "identities": identities.collect::<Vec<_>>(),
        "cases": cases.collect::<Vec<_>>(),
        "events": contents.events.iter().map(Held::json).collect::<Vec<_>>(),
        "evidence": given.iter().map(Given::json).collect::<Vec<_>>(),
        "leftOut": LEFT_OUT,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_name_in_the_archive_is_no_path_and_keeps_its_ending() {
        assert_eq!(plain("tenancy 2018.pdf"), "tenancy_2018.pdf");
        assert_eq!(plain("../März\\x.pdf"), ".._M_rz_x.pdf");
        let long = plain(&format!("{}.pdf", "a".repeat(200)));
        assert_eq!((long.len(), &long[long.len() - 4..]), (NAME_MAX, ".pdf"));
    }

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_broken_archive_has_no_index_and_a_whole_one_has() {
        for (breaks_off, is_archive) in [(true, false), (false, true)] {
            let (kept, is_shut) = (Kept::default(), Arc::new(AtomicBool::new(false)));
            let out = Box::new(kept.clone());
            let mut zip = ZipWriter::new_stream(Valve { out, is_shut: Arc::clone(&is_shut) });
            zip.start_file("data.json", options()).expect("an entry");
            zip.write_all(&vec![7; 100_000]).expect("its bytes");
            is_shut.store(breaks_off, Ordering::Relaxed);
            drop(zip);
            let bytes = kept.0.lock().expect("no panic").clone();
            assert_eq!(zip::ZipArchive::new(io::Cursor::new(bytes)).is_ok(), is_archive, "{breaks_off}");
        }
    }
}
