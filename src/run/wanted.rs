//! What is wanted of a run. Says nothing of how it is come by.

/// What is wanted of a run besides the tallies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Nothing.
    Tallies,
    /// Every event, written as it comes.
    Events,
    /// Every exchange, written when its session is over.
    Exchanges,
    /// Every session with its failures.
    Sessions,
    /// A bounded choice of sessions, to be shown one by one.
    Page,
    /// Both.
    PageAndSessions,
}

impl Wanted {
    /// True where every session is kept.
    pub(super) fn keeps_sessions(self) -> bool {
        matches!(self, Self::Sessions | Self::PageAndSessions)
    }

    /// True where some are chosen to be shown.
    pub(super) fn has_page(self) -> bool {
        matches!(self, Self::Page | Self::PageAndSessions)
    }
}
