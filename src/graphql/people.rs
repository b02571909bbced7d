//! Workers and subjects as clients read them.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, HashMapCache, Loader};
use async_graphql::{Context, ID, Object, Result};

use super::transport::fault;
use crate::log::envelope::{SubjectId, WorkerId};
use crate::store::StoreError;
use crate::views::generation::Generation;
use crate::views::people::WorkerRow;

/// Who was referred: a person, family, site or area, by pseudonym.
pub struct Subject(pub SubjectId);

/// Who was referred: a person, family, site or area, by pseudonym.
#[Object]
impl Subject {
    /// The subject's id: a pseudonym.
    pub async fn id(&self) -> ID {
        ID(self.0.to_string())
    }
}

/// A keyworker or other member of staff.
#[derive(Debug, Clone)]
pub struct Worker(pub WorkerRow);

/// A keyworker or other member of staff.
#[Object]
impl Worker {
    /// The worker's id.
    pub async fn id(&self) -> ID {
        ID(self.0.worker.to_string())
    }

    /// What boards print, such as `KW-07`.
    async fn label(&self) -> &str {
        &self.0.label
    }
}

impl Worker {
    /// The worker of this id, if there is one.
    pub async fn load(ctx: &Context<'_>, id: WorkerId) -> Option<Result<Self>> {
        let loader: &DataLoader<Workers, HashMapCache> = ctx.data_unchecked();
        let found = loader.load_one(id).await.map_err(|error| fault(&*error));
        found.map(|row| row.map(Self)).transpose()
    }
}

/// Loads many workers in one read, each once in a request.
pub struct Workers(pub Arc<Generation>);

impl Loader<WorkerId> for Workers {
    type Value = WorkerRow;
    type Error = Arc<StoreError>;

    async fn load(&self, ids: &[WorkerId]) -> Result<HashMap<WorkerId, Self::Value>, Self::Error> {
        let rows = self.0.workers(ids).await?;
        Ok(rows.into_iter().map(|row| (row.worker, row)).collect())
    }
}
