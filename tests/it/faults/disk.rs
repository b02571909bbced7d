//! The disk beneath the program, replayed from the trace up to some step: what is on it for certain, and what a power
//! cut at that moment may leave.
//!
//! Between two syncs the system writes sectors when it likes, each as the file stood at that moment, or never. A sector
//! is whole, a write is not. A name is made or removed for certain once its directory is synced.

use std::collections::BTreeMap;
use std::path::Path;

use super::trace::{Step, What};
use crate::field::Field;

const SECTOR: usize = 512;
/// The length of a write-ahead log's own head; what is written beyond are frames.
const HEAD_OF_WAL: usize = 32;

/// Which of the syncs that the program made count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syncs {
    /// All of them.
    All,
    /// Those that `synchronous=NORMAL` makes: none of the write-ahead log at a commit.
    Normal,
    /// None of the log's own file, so that nothing says when it can be trusted.
    NoneOfTheLog,
    /// All, but what a failed sync lost stays lost until the next good one, even where it is written again: what
    /// becomes of a program that only syncs again.
    WithoutRewrites,
}

/// A change that no sync has made good.
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
    /// A write that changes what is read and never gets to the disk.
    InMemory(usize, Vec<u8>),
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write(offset, data) | Self::InMemory(offset, data) => write(content, *offset, data),
            Self::Truncate(length) => content.resize(*length, 0),
        }
    }

    /// The sectors that it touches, as ranges of bytes.
    fn sectors(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
        let bytes = match self {
            Self::Write(offset, data) => *offset..offset + data.len(),
            Self::Truncate(_) | Self::InMemory(..) => 0..0,
        };
        (bytes.start / SECTOR..bytes.end.div_ceil(SECTOR)).map(|nth| nth * SECTOR..(nth + 1) * SECTOR)
    }
}

fn write(content: &mut Vec<u8>, offset: usize, data: &[u8]) {
    let end = offset + data.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(data);
}

/// Brings one sector of a file, as it stands in memory, to the disk.
fn bring(sector: &std::ops::Range<usize>, memory: &[u8], disk: &mut Vec<u8>) {
    let sector = sector.start..sector.end.min(memory.len());
    if !sector.is_empty() {
        write(disk, sector.start, &memory[sector.clone()]);
    }
}

/// A file, whatever its name.
#[derive(Default)]
struct Content {
    /// What is on the disk for certain.
    disk: Vec<u8>,
    /// What the program read at the last sync.
    memory: Vec<u8>,
    changes: Vec<Change>,
    /// Whether frames were written since the last sync, whether or not it counted.
    has_frames: bool,
    /// What failed syncs have lost since the last good one.
    lost: Vec<std::ops::Range<usize>>,
}

impl Content {
    fn sync(&mut self) {
        for change in std::mem::take(&mut self.changes) {
            change.apply(&mut self.memory);
            // Later changes of this sync may touch the sector again, and are brought then.
            change.sectors().for_each(|sector| bring(&sector, &self.memory, &mut self.disk));
        }
        self.disk.resize(self.memory.len(), 0);
        self.lost.clear();
    }

    /// What is changed stays in memory and is no longer on its way to the disk.
    fn lose(&mut self) {
        for change in std::mem::take(&mut self.changes) {
            change.apply(&mut self.memory);
            self.lost.extend(change.sectors());
        }
    }

    fn read(&self) -> Vec<u8> {
        let mut memory = self.memory.clone();
        self.changes.iter().for_each(|change| change.apply(&mut memory));
        memory
    }

    /// What a cut leaves: of the changes up to some moment most sectors, and some of those after it.
    fn cut(&self, field: &Field) -> Vec<u8> {
        let (mut memory, mut disk) = (self.memory.clone(), self.disk.clone());
        let moment = field.below(self.changes.len() as u64 + 1);
        // Out of a hundred: all and none, in order; any; most and few.
        let (before, after) = [(100, 0), (50, 50), (90, 10), (10, 90)][usize::try_from(field.below(4)).expect("few")];
        for (nth, change) in (0..).zip(&self.changes) {
            let share = if nth < moment { before } else { after };
            change.apply(&mut memory);
            match change {
                Change::Truncate(length) if field.below(100) < share => disk.resize(*length, 0),
                Change::Truncate(_) | Change::InMemory(..) => {}
                Change::Write(..) => {
                    change.sectors().filter(|_| field.below(100) < share).for_each(|sector| {
                        bring(&sector, &memory, &mut disk);
                    });
                }
            }
        }
        disk
    }
}

/// What a name stood for since its directory was synced, the newest last; the first is certain.
struct Name(Vec<Option<usize>>);

/// The files of one database.
pub(super) struct Disk {
    contents: Vec<Content>,
    names: BTreeMap<String, Name>,
    syncs: Syncs,
}

/// Files by what their names add to the database's.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

impl Disk {
    /// A disk that holds these files for certain.
    pub(super) fn holding(files: &Files, syncs: Syncs) -> Self {
        let content = |bytes: &Vec<u8>| Content { disk: bytes.clone(), memory: bytes.clone(), ..Content::default() };
        let names = files.keys().cloned().zip((0..).map(|at| Name(vec![Some(at)]))).collect();
        Self { contents: files.values().map(content).collect(), names, syncs }
    }

    /// Does what the program did next, step by step.
    pub(super) fn take_all<'a>(&mut self, steps: impl IntoIterator<Item = &'a Step>) {
        for step in steps {
            self.take(step);
        }
    }

    /// Does what the program did next.
    pub(super) fn take(&mut self, step: &Step) {
        match &step.what {
            What::Unlink => self.name(&step.file).0.push(None),
            What::SyncDirectory => {
                for Name(states) in self.names.values_mut() {
                    states.drain(..states.len() - 1);
                }
            }
            What::Write(offset, data) => {
                let syncs = self.syncs;
                let content = self.content(&step.file);
                content.has_frames |= *offset >= HEAD_OF_WAL;
                let end = offset + data.len();
                let was_lost = content.lost.iter().any(|lost| *offset < lost.end && lost.start < end);
                content.changes.push(if was_lost && syncs == Syncs::WithoutRewrites {
                    Change::InMemory(*offset, data.clone())
                } else {
                    Change::Write(*offset, data.clone())
                });
            }
            What::Truncate(length) => self.content(&step.file).changes.push(Change::Truncate(*length)),
            What::PutBack(offset, data) => write(&mut self.content(&step.file).memory, *offset, data),
            What::Sync => {
                let syncs = self.syncs;
                let content = self.content(&step.file);
                let has_frames = std::mem::take(&mut content.has_frames);
                let counts = match syncs {
                    Syncs::All | Syncs::WithoutRewrites => true,
                    Syncs::Normal => step.file != "-wal" || !has_frames,
                    Syncs::NoneOfTheLog => !step.file.is_empty(),
                };
                if counts {
                    content.sync();
                }
            }
            What::Lost => self.content(&step.file).lose(),
        }
    }

    fn name(&mut self, file: &str) -> &mut Name {
        self.names.entry(file.to_owned()).or_insert_with(|| Name(vec![None]))
    }

    /// The file of this name, which is made if there is none.
    fn content(&mut self, file: &str) -> &mut Content {
        let next = self.contents.len();
        let Name(states) = self.name(file);
        let at = states.last().copied().flatten().unwrap_or_else(|| {
            states.push(Some(next));
            next
        });
        if at == next {
            self.contents.push(Content::default());
        }
        &mut self.contents[at]
    }

    /// What the program reads in the files.
    pub(super) fn read(&self) -> Files {
        let newest = |name: &Name| name.0.last().copied().flatten();
        let read = |(file, name): (&String, &Name)| Some((file.clone(), self.contents[newest(name)?].read()));
        self.names.iter().filter_map(read).collect()
    }

    /// What a cut at this moment may leave.
    pub(super) fn cut(&self, field: &Field) -> Files {
        let cut = |(file, Name(states)): (&String, &Name)| {
            let state = states[usize::try_from(field.below(states.len() as u64)).expect("few")];
            Some((file.clone(), self.contents[state?].cut(field)))
        };
        self.names.iter().filter_map(cut).collect()
    }
}

/// The files of a database, as they stand, without those that no power cut is survived by.
pub(super) fn files(database: &Path) -> Files {
    let (directory, name) = (database.parent().expect("a directory"), database.file_name().expect("a name"));
    let name = name.to_str().expect("a name is text");
    let entries = std::fs::read_dir(directory).expect("the directory is read");
    let files = entries.filter_map(|entry| {
        let entry = entry.expect("the directory is read");
        let file = entry.file_name().to_str()?.strip_prefix(name)?.to_owned();
        let is_kept = !file.ends_with("-shm") && !file.ends_with("-lock");
        is_kept.then(|| (file, std::fs::read(entry.path()).expect("a file is read")))
    });
    files.collect()
}

/// Puts files where a database is to be.
pub(super) fn put(files: &Files, database: &Path) {
    for (file, bytes) in files {
        std::fs::write(format!("{}{file}", database.display()), bytes).expect("a file is written");
    }
}
