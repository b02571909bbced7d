//! What a recorder does with commands besides deciding them. What a mode means is decided here and nowhere else.

use crate::views::Views;

/// The mode of a recorder.
#[derive(Clone)]
pub(super) enum Mode {
    /// Senders are independent of each other. The live view says what each of them may know, which logins and case
    /// numbers are taken, and what to warn of.
    Live(Views),
    /// The same for a sender that is never trusted with more.
    Limited(Views),
    /// The same for a sender that may know the whole deployment, such as a file on this machine. No subject, worker or
    /// team is hidden from it.
    Trusted(Views),
    /// A sequence of commands from one trusted source. The live view is not asked, because it would be behind the
    /// sequence. Commands are queued in the order in which they are polled.
    Ordered,
    /// Nothing is written. Each command sees what earlier ones would have recorded. A view, if there is one, says which
    /// logins and case numbers are taken, and what to warn of.
    DryRun(Option<Views>),
}

impl Mode {
    /// The view that is asked before a command is decided, and that shows the result.
    pub(super) const fn view(&self) -> Option<&Views> {
        match self {
            Self::Live(views) | Self::Limited(views) | Self::Trusted(views) => Some(views),
            Self::DryRun(views) => views.as_ref(),
            Self::Ordered => None,
        }
    }

    /// The view that limits what a sender may know. Without one, senders belong to the whole contract and know
    /// everyone.
    pub(super) const fn limiting_view(&self) -> Option<&Views> {
        match self {
            Self::Live(views) | Self::Limited(views) => Some(views),
            Self::Trusted(_) | Self::Ordered | Self::DryRun(_) => None,
        }
    }

    /// Whether commands are one sequence, so that nothing may be read for one of them while the next one is queued.
    pub(super) const fn is_sequence(&self) -> bool {
        matches!(self, Self::Ordered)
    }

    /// Whether commands are judged without recording them.
    pub(super) const fn is_dry_run(&self) -> bool {
        matches!(self, Self::DryRun(_))
    }

    /// The mode in which no one is hidden from the sender.
    pub(super) fn trusted(&self) -> Self {
        match self {
            Self::Live(views) => Self::Trusted(views.clone()),
            Self::Limited(_) | Self::Trusted(_) | Self::Ordered | Self::DryRun(_) => self.clone(),
        }
    }

    /// The mode of a sender that is never trusted with more. A mode without a view stays.
    pub(super) fn limited(&self) -> Self {
        match self {
            Self::Live(views) | Self::Limited(views) | Self::Trusted(views) => Self::Limited(views.clone()),
            Self::Ordered | Self::DryRun(_) => self.clone(),
        }
    }

    /// The mode in which commands are one sequence. A dry run stays one.
    pub(super) const fn ordered(&self) -> Self {
        if self.is_dry_run() { Self::DryRun(None) } else { Self::Ordered }
    }
}
