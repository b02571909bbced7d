//! Two projectors of one generation, as on two nodes: the first to run does the work of both.

use super::*;
use crate::views::Views;
use crate::views::test_service::{TestService, open_shps};

#[tokio::test]
async fn a_contract_that_another_node_projected_is_known_when_its_first_journey_comes() {
    let service = TestService::start().await;
    let (log, views) = (&service.log, &service.views);
    let mut one = Projector::new(log.clone(), views.live()).await.expect("a projector");
    let mut other = Projector::new(log.clone(), views.live()).await.expect("another projector");

    service.record(1, open_shps()).await;
    one.step().await.expect("the one projects the contract");
    service.receive(2).await;
    other.step().await.expect("the other projects the journey");
    service.receive(3).await;
    one.step().await.expect("the one continues");

    let head = log.head().await.expect("the head").position;
    assert_eq!(*views.live().position().borrow(), head);
    let rebuilt = Views::rebuild(log, Vec::new).await.expect("the view is rebuilt");
    assert_eq!(rebuilt.old, Some(rebuilt.new));
}
