//! The exit codes, their meaning, their merge.

use std::process::ExitCode;

use crate::diagnostic::{DiagnosticKind, Severity};
use crate::tally::Tallies;

/// How a run ended. Where several hold, the strongest wins: [`Exit::Nothing`], then [`Exit::Condition`], then
/// [`Exit::Partial`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: done, and a condition given with `--fail-on` holds.
    Condition,
    /// 2: wrong usage, or nothing could be read, or the output could not be written.
    Nothing,
    /// 3: done, but a named input was unreadable, damaged or not understood.
    Partial,
    /// 75: another run holds the lock of the state (`EX_TEMPFAIL` of sysexits.h: try again later).
    Busy,
    /// What `check` says to a monitoring system.
    Checked(Status),
}

/// How things stand, in the numbers that monitoring systems understand (Monitoring Plugins Development Guidelines).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// 0: nothing to be done.
    Ok,
    /// 1: somebody should look at it.
    Warning,
    /// 2: somebody must look at it now.
    Critical,
    /// 3: it can't be told.
    Unknown,
}

impl Status {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Done | Self::Checked(Status::Ok) => 0,
            Self::Condition | Self::Checked(Status::Warning) => 1,
            Self::Nothing | Self::Checked(Status::Critical) => 2,
            Self::Partial | Self::Checked(Status::Unknown) => 3,
            Self::Busy => 75,
        }
    }

    /// How a run over inputs ends, by what was read and what was not.
    pub fn of(tallies: &Tallies) -> Self {
        let is_told = |wanted| tallies.diagnostics.iter().any(|(kind, ..)| kind == wanted);
        let read = tallies.inputs.values().any(|input| input.format.is_some());
        let worst = tallies.diagnostics.worst();
        // All was left for the next run: nothing went wrong, unless something else did.
        let left = worst != Some(Severity::Error) && is_told(DiagnosticKind::Carried);
        match (read || left || is_told(DiagnosticKind::Empty), worst) {
            (false, _) => Self::Nothing,
            (true, Some(Severity::Error)) => Self::Partial,
            (true, _) => Self::Done,
        }
    }

    fn strength(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Partial => 1,
            Self::Condition => 2,
            Self::Nothing | Self::Busy | Self::Checked(_) => 3,
        }
    }

    /// The stronger of two.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        if other.strength() > self.strength() {
            other
        } else {
            self
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Origin;

    #[test]
    fn what_is_left_for_the_next_run_is_no_failure_and_excuses_none() {
        let mut tallies = Tallies::default();
        let mut tell = |kind| {
            tallies.diagnostics.add(kind, Origin::default(), "x");
            Exit::of(&tallies)
        };
        assert_eq!(tell(DiagnosticKind::Carried), Exit::Done);
        assert_eq!(tell(DiagnosticKind::Unreadable), Exit::Nothing);
    }

    #[test]
    fn the_stronger_wins() {
        assert_eq!(Exit::Partial.and(Exit::Condition), Exit::Condition);
        assert_eq!(Exit::Condition.and(Exit::Nothing), Exit::Nothing);
        assert_eq!(Exit::Partial.and(Exit::Done), Exit::Partial);
    }
}
