//! A sync that fails, once or for a while: what it was to bring to the disk never gets there, and nothing that is
//! acknowledged rests on it.

use std::os::unix::process::ExitStatusExt as _;

use throughline::store::Dialect;

use super::disk::{self, Disk, Syncs};
use super::power::{Recording, cut};
use super::shim::{ALL, LOG, Order, Shim, WAL};
use super::trace::{self, Step, What};
use super::{Acknowledged, Heard, Run, acknowledged, kill, look, missing, unavailable, with_journeys};
use crate::field::{Field, RawDb, is_full};
use crate::stores::Place;

/// How often the power is cut after a failed sync, and how often when all of it is asked for.
const CUTS: usize = 8;
const CUTS_FULL: usize = 300;
const CLIENTS: usize = 8;
/// The signal that a process aborts by.
const ABORTED: i32 = 6;

fn cuts() -> usize {
    if is_full() { CUTS_FULL } else { CUTS }
}

/// The first step after the earliest of these answers.
fn answered(steps: &[Step], known: &[Acknowledged]) -> usize {
    let earliest = known.iter().map(|known| known.mark).min().expect("somebody is answered");
    steps.iter().position(|step| step.end > earliest).expect("the program continues")
}

/// The first step at which a sync of this file failed.
fn lost(steps: &[Step], file: &str) -> usize {
    let is_lost = |step: &Step| step.file == file && matches!(step.what, What::Lost);
    steps.iter().position(is_lost).expect("a sync failed")
}

/// Cuts from a step on lose nothing, and cuts from another one on would where nothing is written again.
async fn assert_harmless(recording: &Recording, field: &Field, (from, then): (usize, usize), control: &str) {
    cut(recording, field, (from, cuts()), Syncs::All).await.assert_harmless();
    let lossy = cut(recording, field, (then, cuts()), Syncs::WithoutRewrites).await;
    eprintln!("control, {control}: {lossy:?}");
    assert!(lossy.losing > 0, "{lossy:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_failed_sync_was_to_bring_is_written_again_before_anything_is_acknowledged() {
    for put_back in [0, 1] {
        let (place, field) = (Place::on(Dialect::Sqlite).await, Field::of("a failed sync"));
        let journeys = with_journeys(&place, &field, 16).await;
        let file = place.file().expect("a file");
        let (before, shim) = (disk::files(file), Shim::before(file));
        let (child, run) = Run::start(&place, &shim, &field, &journeys).await;
        let mut known = run.contacts(CLIENTS, 40).await;

        shim.order(Order::Files, WAL);
        shim.order(Order::PutBack, put_back);
        shim.order(Order::SkipSyncs, 3);
        shim.order(Order::FailSyncs, 1);
        let heard = run.hear(CLIENTS, 10).await;
        assert_eq!(shim.failed(), 1);
        known.extend(acknowledged(&heard));
        // Nobody can say yet whether these are recorded. Some are sent again, and the others never.
        let in_doubt = unavailable(&heard);
        assert!(!in_doubt.is_empty(), "somebody waited for that sync");
        let all_in_doubt = heard.iter().all(|(_, heard)| *heard != Heard::Unavailable { in_doubt: false });
        assert!(all_in_doubt, "a command is said to be lost for certain: {heard:?}");
        let mut later = run.repeat(in_doubt.iter().copied().step_by(2)).await;
        later.extend(run.contacts(CLIENTS, 40).await);
        kill(child);

        let steps = trace::read(&shim.trace());
        let (from, then) = (lost(&steps, "-wal"), answered(&steps, &later));
        known.extend(later);
        let recording = Recording { before, steps, acknowledged: known };
        // Control: a program that would only sync again, as if nothing had been lost, loses.
        assert_harmless(&recording, &field, (from, then), &format!("synced again, put back {put_back}")).await;
        let times = look(&place).await.expect("the log is whole");
        assert_eq!(missing(&times, &recording.acknowledged), Ok(0));
        place.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_start_finds_behind_a_failed_sync_is_written_again_before_anything_follows_it() {
    let (place, field) = (Place::on(Dialect::Sqlite).await, Field::of("a start after failed syncs"));
    let journeys = with_journeys(&place, &field, 16).await;
    let file = place.file().expect("a file");
    let (before, shim) = (disk::files(file), Shim::before(file));
    let (child, run) = Run::start(&place, &shim, &field, &journeys).await;
    let mut known = run.contacts(CLIENTS, 40).await;
    shim.order(Order::Files, WAL);
    shim.order(Order::FailSyncs, ALL);
    let heard = run.hear(CLIENTS, 5).await;
    assert_eq!(heard.len(), CLIENTS * 5, "everybody is answered");
    assert!(heard.iter().all(|(_, heard)| *heard == Heard::Unavailable { in_doubt: true }), "{heard:?}");
    kill(child);
    shim.order(Order::FailSyncs, 0);

    // What the last of them wrote is read, though it is in memory alone.
    let (child, run) = Run::start(&place, &shim, &field, &journeys).await;
    let later = run.contacts(CLIENTS, 40).await;
    kill(child);
    let times = look(&place).await.expect("the log is whole");
    let recorded = missing(&times, heard.iter().map(|(known, _)| known)).expect("nothing twice") < heard.len();
    assert!(recorded, "what was in doubt is recorded after all, as it may be");

    let steps = trace::read(&shim.trace());
    let (from, then) = (lost(&steps, "-wal"), answered(&steps, &later));
    known.extend(later);
    let recording = Recording { before, steps, acknowledged: known };
    // Control: a start that takes what it finds for what is on the disk loses what it acknowledges from then on.
    assert_harmless(&recording, &field, (from, then), "the start writes nothing again").await;
    place.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sync_of_a_file_that_was_brought_up_in_part_ends_the_program_and_the_next_begins_at_the_first_page() {
    // One or the other, or both when all of it is asked for.
    let either = Field::of("put back").below(2);
    for put_back in (0..2).filter(|nth| is_full() || *nth == either) {
        let (place, field) = (Place::on(Dialect::Sqlite).await, Field::of("a failed sync of the file"));
        let journeys = with_journeys(&place, &field, 16).await;
        let file = place.file().expect("a file");
        let (before, shim) = (disk::files(file), Shim::before(file));
        let (mut child, run) = Run::start(&place, &shim, &field, &journeys).await;
        let mut known = run.contacts(CLIENTS, 40).await;
        // An open read keeps the rest of the write-ahead log from the file.
        let mut reader = RawDb::at(&place).await;
        reader.run("begin; select count(*) from log_head").await;
        let is_in_part = || {
            let steps = trace::read(&shim.trace());
            steps.iter().any(|step| step.file.is_empty() && matches!(step.what, What::Write(..)))
        };
        while !is_in_part() {
            known.extend(run.contacts(CLIENTS, 40).await);
        }
        shim.order(Order::Files, LOG);
        shim.order(Order::PutBack, put_back);
        shim.order(Order::FailSyncs, 1);
        reader.run("rollback").await;
        drop(reader);
        let heard = run.hear(CLIENTS, 200).await;
        assert!(heard.len() < CLIENTS * 200, "it ends by itself");
        assert_eq!(child.wait().expect("it ends").signal(), Some(ABORTED), "and closes nothing");
        assert_eq!((shim.failed(), unavailable(&heard).len()), (1, 0));
        known.extend(acknowledged(&heard));

        let (child, run) = Run::start(&place, &shim, &field, &journeys).await;
        known.extend(run.contacts(CLIENTS, 40).await);
        kill(child);
        let steps = trace::read(&shim.trace());
        let from = lost(&steps, "");
        assert_harm_if_it_continued(&before, &steps[..from], &field).await;
        let recording = Recording { before, steps, acknowledged: known };
        cut(&recording, &field, (from, cuts()), Syncs::All).await.assert_harmless();
        let times = look(&place).await.expect("the log is whole");
        assert_eq!(missing(&times, &recording.acknowledged), Ok(0));
        place.remove().await;
    }
}

/// Control: a process that continues writes the pages of that checkpoint again, and not those of the one before it;
/// once their sync goes well, the write-ahead log is done with.
async fn assert_harm_if_it_continued(before: &disk::Files, steps: &[Step], field: &Field) {
    let began = steps.iter().rposition(|step| step.file == "-wal" && matches!(step.what, What::Sync));
    let checkpoint = &steps[began.expect("a checkpoint begins with a sync")..];
    let mut disk = Disk::holding(before, Syncs::All);
    disk.take_all(steps);
    let on = |file: &str, what| Step { file: file.to_owned(), what, end: 0 };
    disk.take(&on("", What::Lost));
    disk.take_all(checkpoint.iter().filter(|step| step.file.is_empty()));
    disk.take_all(&[on("", What::Sync), on("-wal", What::Unlink), on("", What::SyncDirectory)]);
    let place = Place::on(Dialect::Sqlite).await;
    disk::put(&disk.cut(field), place.file().expect("a file"));
    let found = look(&place).await;
    eprintln!("control, continuing after that sync: {found:?}");
    assert!(found.is_err(), "the pages of the first part are missing: {found:?}");
    place.remove().await;
}
