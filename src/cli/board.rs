//! board
use super::{Ending, Format, Places};
pub(super) async fn run(
    _places: &Places,
    _c: &str,
    _o: Option<chrono::NaiveDate>,
    _f: Format,
) -> anyhow::Result<Ending> {
    anyhow::bail!("soon")
}
