//! The file of a piece of evidence in the API: what it is, and short-lived links for those who may open it.
//!
//! The name of the file is not here. It comes with the download.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use async_graphql::{Context, Object, Result};

use crate::access::policy::{Action, policy};
use crate::evidence::link::{LIFE_MAX, Wanted};
use crate::evidence::{self, EvidenceFiles, State};
use crate::graphql::bounds::LINK_SECONDS;
use crate::graphql::context::{self, OrFault as _, RequestContext as _};
use crate::store::StoreError;
use throughline_domain::fact::envelope::JourneyId;

/// The file of a piece of evidence.
pub struct EvidenceFile {
    file: Arc<evidence::File>,
    contract: String,
}

impl EvidenceFile {
    pub(super) const fn of(file: Arc<evidence::File>, contract: String) -> Self {
        Self { file, contract }
    }

    /// A link for the caller. None if they may not open files of the case.
    async fn link_to(&self, ctx: &Context<'_>, wanted: Wanted, seconds: Option<i32>) -> Result<Option<String>> {
        let principal = &ctx.caller().principal;
        let relation = context::relation(ctx, self.file.journey, &self.contract).await?;
        if policy(principal, Action::OpenEvidence, relation).is_err() {
            return Ok(None);
        }
        let seconds = seconds.and_then(|seconds| u16::try_from(seconds).ok()).unwrap_or(LIFE_MAX);
        ctx.app().evidence.link((self.file.id, wanted), principal, seconds).await.or_fault().map(Some)
    }
}

/// The file of a piece of evidence. It is stored encrypted under the key of the client.
#[Object]
impl EvidenceFile {
    /// The size in bytes.
    async fn size(&self) -> i32 {
        i32::try_from(self.file.size).unwrap_or(i32::MAX)
    }

    /// The type, such as `application/pdf`. It was found in the content, not taken from the name.
    #[graphql(name = "type")]
    async fn media(&self) -> &'static str {
        self.file.media.as_str()
    }

    /// SHA-256 of the file, in lower-case hexadecimal.
    async fn sha256(&self) -> Option<&str> {
        match &self.file.state {
            State::Complete { sha256, .. } => Some(sha256),
            State::Open | State::Checking => None,
        }
    }

    /// A link to download the file from this server, for you alone. Send your token with it. Null if you may not open
    /// it.
    async fn link(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            validator(custom = "LINK_SECONDS"),
            desc = "How long the link works, in seconds, from 1 to 300. Default: 300."
        )]
        expires_in: Option<i32>,
    ) -> Option<Result<String>> {
        self.link_to(ctx, Wanted::File, expires_in).await.transpose()
    }

    /// A link to a small picture of the file, as PNG, for you alone. Null if you may not open the file, or if it is not
    /// a JPEG or PNG picture.
    async fn thumbnail(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            validator(custom = "LINK_SECONDS"),
            desc = "How long the link works, in seconds, from 1 to 300. Default: 300."
        )]
        expires_in: Option<i32>,
    ) -> Option<Result<String>> {
        if !matches!(self.file.state, State::Complete { thumbnail: Some(_), .. }) {
            return None;
        }
        self.link_to(ctx, Wanted::Thumbnail, expires_in).await.transpose()
    }
}

/// Reads the files of many pieces of evidence in one statement, by case and digest.
pub struct FilesOfEvidence(pub EvidenceFiles);

impl Loader<(JourneyId, String)> for FilesOfEvidence {
    type Value = Arc<evidence::File>;
    type Error = Arc<StoreError>;

    async fn load(
        &self,
        keys: &[(JourneyId, String)],
    ) -> Result<HashMap<(JourneyId, String), Self::Value>, Self::Error> {
        let found = self.0.files_of(keys).await?;
        let wanted = found.into_iter().filter(|(key, _)| keys.contains(key));
        Ok(wanted.map(|(key, file)| (key, Arc::new(file))).collect())
    }
}
