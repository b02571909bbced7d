//! The arguments of `serve` about what other systems are sent, and what they send.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::terminal::message;
use super::{BadFile, Ending};
use crate::jobs::sources::Sources;
use crate::jobs::{self, Limits};
use crate::outbox::{self, addresses::Reach};

/// How far webhooks may reach.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct WebhookReach {
    /// Also send webhooks to addresses of this machine and its network, by HTTPS or HTTP. Without it, only to public
    /// addresses by HTTPS.
    #[arg(long, env = "THROUGHLINE_ALLOW_PRIVATE_WEBHOOKS")]
    allow_private_webhooks: bool,
}

impl WebhookReach {
    /// The terms under which webhooks are sent.
    pub(super) fn terms(self) -> outbox::Terms {
        let reach = if self.allow_private_webhooks { Reach::Private } else { Reach::Public };
        outbox::Terms { reach, ..outbox::Terms::default() }
    }
}

/// What other systems may send.
#[derive(Debug, Clone, Args)]
pub(super) struct ImportArguments {
    /// Take imports by `POST /import/{source}`, and keep what is sent in this folder until it is imported. It may hold
    /// personal data. It is made if it does not exist. Servers of one database need one folder that all of them reach.
    #[arg(long, value_name = "DIR", env = "THROUGHLINE_IMPORT_FOLDER")]
    import_folder: Option<PathBuf>,
    /// The mappings of the sources: `DIR/CONTRACT/SOURCE.toml` is the mapping of the source SOURCE of that contract.
    #[arg(long, value_name = "DIR", requires = "import_folder", env = "THROUGHLINE_MAPPINGS")]
    mappings: Option<PathBuf>,
}

impl ImportArguments {
    /// The terms under which imports are taken, if they are; or how the command ends after printing every fault of the
    /// mappings.
    pub(super) fn terms(&self) -> Result<std::result::Result<Option<jobs::Terms>, Ending>> {
        let Some(folder) = &self.import_folder else { return Ok(Ok(None)) };
        let sources = match self.mappings.as_deref().map(Sources::read).transpose() {
            Ok(sources) => sources.unwrap_or_default(),
            Err(errors) => {
                for error in errors {
                    message(error);
                }
                return Ok(Err(Ending::WrongUse));
            }
        };
        tracing::info!(sources = sources.count(), "taking imports");
        let terms = jobs::Terms::of(folder, sources, Limits::default());
        let path = folder.clone();
        Ok(Ok(Some(terms.map_err(|source| BadFile { doing: "use the folder of imports", path, source })?)))
    }
}
