//! What the shim has written down, read back.

use std::path::Path;

/// One thing that was done to one file, named by what its name adds to the database's.
pub(super) struct Step {
    pub(super) file: String,
    pub(super) what: What,
    /// How long the trace was once this stood in it.
    pub(super) end: u64,
}

/// What was done.
pub(super) enum What {
    /// Bytes were written at an offset.
    Write(usize, Vec<u8>),
    /// The file was cut, or made longer, to this length.
    Truncate(usize),
    /// A sync went well.
    Sync,
    /// A sync failed, and what it was to bring to the disk never gets there.
    Lost,
    /// The name was removed.
    Unlink,
    /// The directory was synced.
    SyncDirectory,
    /// The system let a file read as it did before, at an offset; nothing of this waits to be written.
    PutBack(usize, Vec<u8>),
}

/// Every step, in order. A last one that was cut short was never done.
pub(super) fn read(path: &Path) -> Vec<Step> {
    let trace = std::fs::read(path).expect("the trace is read");
    let (mut rest, mut steps) = (&trace[..], Vec::new());
    while let Some(step) = next(&mut rest) {
        let end = (trace.len() - rest.len()).try_into().expect("a length");
        steps.push(Step { file: step.0, what: step.1, end });
    }
    steps
}

fn next(rest: &mut &[u8]) -> Option<(String, What)> {
    let (kind, name) = (number(rest, 4)?, number(rest, 4)?);
    let (offset, length) = (number(rest, 8)?, number(rest, 8)?);
    let name = String::from_utf8(rest.split_off(..name)?.to_vec()).expect("a name is text");
    let data = rest.split_off(..length)?.to_vec();
    let what = match kind {
        1 => What::Write(offset, data),
        2 => What::Truncate(offset),
        3 => What::Sync,
        4 => What::Lost,
        5 => What::Unlink,
        6 => panic!("{name} was renamed to {}, which the replay does not know", String::from_utf8_lossy(&data)),
        7 => What::SyncDirectory,
        8 => What::PutBack(offset, data),
        _ => panic!("the trace has an unknown step {kind}"),
    };
    Some((name, what))
}

/// The next number of so many bytes.
fn number(rest: &mut &[u8], bytes: usize) -> Option<usize> {
    let mut whole = [0; 8];
    whole[..bytes].copy_from_slice(rest.split_off(..bytes)?);
    Some(usize::try_from(u64::from_le_bytes(whole)).expect("this machine's numbers"))
}
