//! Deletes the files of a person whose data is erased.
//!
//! Objects are deleted before their file is forgotten, so that an erasure that was broken off finds what is left.

use uuid::Uuid;

use super::error::EvidenceError;
use super::{EvidenceFiles, SubjectId};

/// The number of files that are read at once.
const PAGE: i64 = 200;

impl EvidenceFiles {
    /// Deletes every file that was sealed for a person. Returns their number. It can be done again.
    pub async fn erase(&self, subject: SubjectId) -> Result<usize, EvidenceError> {
        let (mut after, mut erased) = (Uuid::nil(), 0);
        loop {
            let page = self.0.registry.of_person(subject, (after, PAGE)).await?;
            let Some(last) = page.last() else { return Ok(erased) };
            after = last.id;
            for file in &page {
                // A server without an evidence store cannot delete what is in one.
                let objects = self.objects()?;
                for object in self.0.registry.objects_of(file.id).await? {
                    objects.delete(object).await?;
                    self.0.registry.forget(object).await?;
                }
                self.0.registry.erase(file.id).await?;
                erased += 1;
            }
        }
    }
}
