//! How tests wait: for a position or a change that the service announces; where nothing announces it, by looking again.

use std::time::Duration;

use throughline::views::Views;

/// How long a test waits for what must happen, on a machine that has other things to do.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
/// The rest between two looks.
const REST: Duration = Duration::from_millis(20);

/// Waits until a condition holds, looking whenever a rebuild of these views makes progress. The last look is after its
/// end.
pub(crate) async fn until_views(views: &Views, what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let mut progress = views.progress();
    let looking = async {
        while !holds().await {
            progress.changed().await.expect("the views are open");
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"));
}

/// Waits until a condition holds, looking again and again. For what happens in other processes.
pub(crate) async fn until(what: &str, holds: impl AsyncFnMut() -> bool) {
    until_within(PATIENCE, what, holds).await;
}

/// The same within this time.
pub(crate) async fn until_within(patience: Duration, what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !holds().await {
            tokio::time::sleep(REST).await;
        }
    };
    tokio::time::timeout(patience, looking).await.unwrap_or_else(|_| panic!("{what}: not within {patience:?}"));
}
