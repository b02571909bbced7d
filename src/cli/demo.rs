//! demo
use super::{Ending, Places};
pub(super) async fn run(_places: &Places, _listen: &str, _once: bool) -> anyhow::Result<Ending> {
    anyhow::bail!("soon")
}
