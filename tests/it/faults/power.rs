//! Power cuts: what the program writes is recorded, and what a cut at any moment leaves of it is opened.

use std::time::Instant;

use throughline::store::Dialect;

use super::disk::{self, Disk, Files, Syncs};
use super::shim::Shim;
use super::trace::{self, Step};
use super::{Acknowledged, Run, end, kill, look, missing, with_journeys};
use crate::field::{Field, is_full};
use crate::reopened::assert_rebuilt_alike;
use crate::stores::Place;

/// How often the power is cut, and how often when all of it is asked for.
const CUTS: usize = 40;
const CUTS_FULL: usize = 1_000;
/// Of so many cuts one is looked at with its view.
const WITH_VIEW: usize = 8;
const CLIENTS: usize = 8;
/// Contacts from one start to the next end: some checkpoints come to pass.
const CONTACTS: usize = 200;
const CONTACTS_FULL: usize = 300;

/// What was written under load, and what was acknowledged meanwhile.
pub(super) struct Recording {
    pub(super) before: Files,
    pub(super) steps: Vec<Step>,
    pub(super) acknowledged: Vec<Acknowledged>,
}

/// Runs the program so often under load: it is asked to end each time but the last, when it is killed.
async fn record(field: &Field, (runs, contacts): (usize, usize)) -> Recording {
    let place = Place::on(Dialect::Sqlite).await;
    let journeys = with_journeys(&place, field, 16).await;
    let file = place.file().expect("a file");
    let (before, shim) = (disk::files(file), Shim::before(file));
    let mut acknowledged = Vec::new();
    for run in 1..=runs {
        let (child, running) = Run::start(&place, &shim, field, &journeys).await;
        acknowledged.extend(running.contacts(CLIENTS, contacts).await);
        if run < runs {
            end(child);
            assert_nothing_escaped(&before, &shim, file);
        } else {
            kill(child);
        }
    }
    let steps = trace::read(&shim.trace());
    place.remove().await;
    Recording { before, steps, acknowledged }
}

/// The trace holds all that was done to the log's file: without any cut it is as the program left it.
fn assert_nothing_escaped(before: &Files, shim: &Shim, file: &std::path::Path) {
    let mut disk = Disk::holding(before, Syncs::All);
    disk.take_all(&trace::read(&shim.trace()));
    let (replayed, found) = (disk.read(), disk::files(file));
    assert_eq!(replayed.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>(), "the same files");
    for (name, found) in found {
        assert!(replayed[&name] == found, "the trace does not say what became of log.db{name}");
    }
}

/// What came of cuts.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) cuts: usize,
    /// Cuts after which an acknowledged command was missing.
    pub(super) losing: usize,
    /// What was wrong with the log, for each cut after which it was.
    pub(super) wrong: Vec<String>,
}

impl Outcome {
    /// Nothing was lost, and nothing wrong.
    pub(super) fn assert_harmless(&self) {
        assert_eq!((self.losing, self.wrong.as_slice()), (0, &[][..]), "after {} cuts", self.cuts);
    }
}

/// Cuts the power so often, at moments spread over the recording from this step on.
pub(super) async fn cut(recording: &Recording, field: &Field, (from, cuts): (usize, usize), syncs: Syncs) -> Outcome {
    let steps = recording.steps.len() - from;
    let moment = |_| from + usize::try_from(field.below(steps as u64)).expect("a step") + 1;
    let mut moments: Vec<usize> = (0..cuts).map(moment).collect();
    moments.sort_unstable();
    let (mut disk, mut taken, mut outcome) = (Disk::holding(&recording.before, syncs), 0, Outcome::default());
    for moment in moments {
        disk.take_all(&recording.steps[taken..moment]);
        taken = moment;
        let end = recording.steps[moment - 1].end;
        let by_then = recording.acknowledged.iter().filter(|known| known.mark <= end);
        let place = Place::on(Dialect::Sqlite).await;
        disk::put(&disk.cut(field), place.file().expect("a file"));
        match look(&place).await.and_then(|times| missing(&times, by_then)) {
            Ok(0) => {}
            Ok(_) => outcome.losing += 1,
            Err(wrong) => outcome.wrong.push(wrong),
        }
        if syncs == Syncs::All && outcome.cuts.is_multiple_of(WITH_VIEW) {
            assert_rebuilt_alike(&place).await;
        }
        outcome.cuts += 1;
        place.remove().await;
    }
    outcome
}

#[tokio::test(flavor = "multi_thread")]
async fn power_cuts_lose_nothing_acknowledged_and_would_with_fewer_syncs() {
    let field = Field::of("power cuts");
    let (cuts, load) = if is_full() { (CUTS_FULL, (10, CONTACTS_FULL)) } else { (CUTS, (2, CONTACTS)) };
    let began = Instant::now();
    let recording = record(&field, load).await;
    eprintln!(
        "{} acknowledged in {} steps, {:?}",
        recording.acknowledged.len(),
        recording.steps.len(),
        began.elapsed()
    );
    let began = Instant::now();
    let full = cut(&recording, &field, (0, cuts), Syncs::All).await;
    eprintln!("with every sync: {full:?}, {:?}", began.elapsed());
    full.assert_harmless();
    // Control: the same run without the syncs that `synchronous=NORMAL` leaves out loses, and damages nothing.
    let began = Instant::now();
    let normal = cut(&recording, &field, (0, cuts / 2), Syncs::Normal).await;
    eprintln!("control, as synchronous=NORMAL: {normal:?}, {:?}", began.elapsed());
    assert!(normal.losing > 0, "without its syncs the log loses: {normal:?}");
    assert_eq!(normal.wrong, Vec::<String>::new());
    // Control: what is damaged is seen.
    let unsynced = cut(&recording, &field, (0, cuts / 2), Syncs::NoneOfTheLog).await;
    eprintln!("control, the log's file without its syncs: {} of {} damaged", unsynced.wrong.len(), unsynced.cuts);
    assert!(!unsynced.wrong.is_empty(), "a checkpoint that is not on the disk damages the log: {unsynced:?}");
}
