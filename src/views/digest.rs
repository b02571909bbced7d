//! The digest of a generation: SHA-256 over the rows of every table in the order of their keys. Both stores give the
//! same digest for the same rows.

use aws_lc_rs::digest::{Context, SHA256};

use super::dump;
use crate::store::{Pool, StoreError};
use throughline_domain::fact::envelope::hex;
use throughline_projections::TABLES;

/// The digest of the generation that this pool reads.
pub(super) async fn digest_of(pool: &Pool) -> Result<String, StoreError> {
    let (mut whole, mut lots, mut begun) = (Context::new(&SHA256), dump::read(pool), 0);
    while let Some(lot) = lots.recv().await {
        let lot = lot?;
        if lot.table == begun {
            whole.update(TABLES[lot.table].name.as_bytes());
            begun += 1;
        }
        whole.update(&lot.bytes);
    }
    if begun == TABLES.len() { Ok(hex(whole.finish().as_ref())) } else { Err(dump::broken_off()) }
}
