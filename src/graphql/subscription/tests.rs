//! A right that is withdrawn ends what it was needed for, before another item is told.

use super::*;
use crate::access::{Role, Scope};
use crate::clock::{Chance, Clock};
use crate::demo::{self, SEED, Size, Story as Tale};
use crate::deployment::Deployment;

/// A deployment with a small part of the demo's story.
async fn deployment(folder: &std::path::Path) -> Deployment {
    let url = format!("sqlite:{}", folder.join("log.db").display());
    let clock = Arc::new(Clock::standing_at(demo::GOES_ON_AT));
    let deployment =
        Deployment::open(&url, Arc::clone(&clock), Arc::new(Chance::seeded(SEED))).await.expect("it opens");
    demo::play(&deployment.recorder, &clock, &Tale::new(SEED, Size::OneIn(200))).await.expect("the story is played");
    deployment
}

fn follower(deployment: &Deployment) -> Follower {
    let parts = Parts {
        log: deployment.log.clone(),
        views: deployment.views.clone(),
        recorder: deployment.recorder.clone(),
        clock: Arc::clone(&deployment.clock),
    };
    let scope = Scope::Contracts([demo::CONTRACT.to_owned()].into());
    Follower { parts, principal: Principal { subject: "manager".to_owned(), role: Role::Manager, scope } }
}

/// Takes an item, loses the right, and is told nothing more.
async fn ends<T: Told>(mut telling: T, lose: impl Fn(&mut Principal), principal: impl Fn(&mut T) -> &mut Principal) {
    assert!(telling.next().await.expect("no fault").is_some(), "there is something to tell");
    lose(principal(&mut telling));
    assert!(telling.next().await.expect("no fault").is_none(), "the right is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_followed_ends_with_the_right_to_it() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let deployment = deployment(folder.path()).await;
    let from_the_beginning = async || {
        let follower = follower(&deployment);
        let steps = follower.steps(Some(Position(envelope::Position(0)))).await.expect("the log is read");
        (follower, steps)
    };
    let contract = || demo::CONTRACT.to_owned();
    let losses: [fn(&mut Principal); 2] = [
        |principal| principal.role = Role::Administrator,
        |principal| principal.scope = Scope::Contracts(["another".to_owned()].into()),
    ];
    for (nth, lose) in losses.into_iter().enumerate() {
        let (follower, steps) = from_the_beginning().await;
        let journey = demo::documented_journey();
        let of_journey = OfJourney { follower, contract: contract(), journey, steps };
        ends(of_journey, lose, |telling| &mut telling.follower.principal).await;
        let (follower, steps) = from_the_beginning().await;
        let changed = VecDeque::new();
        let of_caseload = OfCaseload { follower, contract: contract(), keyworker: None, steps, changed };
        ends(of_caseload, lose, |telling| &mut telling.follower.principal).await;
        // Whoever follows the log without the scope of a contract is told nothing of it, and waits.
        if nth == 0 {
            let (follower, steps) = from_the_beginning().await;
            let recorded = Recorded { follower, filter: EventFilter::default(), steps, read: VecDeque::new() };
            ends(recorded, lose, |telling| &mut telling.follower.principal).await;
        }
    }
    deployment.close().await;
}
