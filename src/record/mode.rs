//! What a recorder does with commands besides deciding them. What a mode means is decided here and nowhere else.

use crate::views::Views;

/// The mode of a recorder.
#[derive(Clone)]
pub(super) enum Mode {
    /// Senders are independent of each other. The live view says what each of them may know, which logins and case
    /// numbers are taken, and what to warn of.
    Live(Views),
    /// The same for a sender that may know the whole deployment, such as a file on this machine. No subject, worker or
    /// team is hidden from it.
    Trusted(Views),
    /// A sequence of commands from one trusted source. The live view is not asked, because it would be behind the
    /// sequence. Commands are queued in the order in which they are polled.
    Ordered,
    /// The same, but nothing is written. Each command sees what earlier ones would have recorded.
    DryRun,
}

impl Mode {
    /// The view that is asked before a command is decided, and that shows the result.
    pub(super) const fn view(&self) -> Option<&Views> {
        match self {
            Self::Live(views) | Self::Trusted(views) => Some(views),
            Self::Ordered | Self::DryRun => None,
        }
    }

    /// The view that limits what a sender may know. Without one, senders belong to the whole contract and know
    /// everyone.
    pub(super) const fn limiting_view(&self) -> Option<&Views> {
        match self {
            Self::Live(views) => Some(views),
            Self::Trusted(_) | Self::Ordered | Self::DryRun => None,
        }
    }

    /// Whether commands are judged without recording them.
    pub(super) const fn is_dry_run(&self) -> bool {
        matches!(self, Self::DryRun)
    }

    /// The mode in which no one is hidden from the sender.
    pub(super) fn trusted(&self) -> Self {
        match self {
            Self::Live(views) => Self::Trusted(views.clone()),
            Self::Trusted(_) | Self::Ordered | Self::DryRun => self.clone(),
        }
    }

    /// The mode in which commands are one sequence. A dry run stays one.
    pub(super) const fn ordered(&self) -> Self {
        if self.is_dry_run() { Self::DryRun } else { Self::Ordered }
    }
}
