//! Logs whose sessions are by several protocols, of which only a session's first line says which: those by FTP become
//! events, and the lines of the others are named and passed over.

use crate::diagnostic::{DiagnosticKind, Diagnostics, Origin};
use crate::limits;
use crate::log::{Fact, Follow, Out, Record, talk};
use crate::lookup::Lookup;
use crate::time::Timestamp;

const OTHER: &str = "a session by another protocol";
const UNKNOWN: &str = "a session whose beginning, and with it the protocol, is not in the log";

/// The sessions of one log.
pub(super) struct Following {
    talk: talk::Following,
    /// Whether a session is by FTP, where its first line was seen. Where others are taken for FTP, these are not kept.
    is_ftp: Lookup<u32, bool>,
    /// What is assumed of a session whose first line is not in the log.
    otherwise: bool,
    diagnostics: Diagnostics,
}

impl Following {
    /// For a server that is mostly asked by FTP.
    pub(super) fn mostly_ftp() -> Self {
        Self::assuming(true)
    }

    /// For a server that is mostly asked by other protocols: a session is by FTP where its login says so.
    pub(super) fn seldom_ftp() -> Self {
        Self::assuming(false)
    }

    fn assuming(otherwise: bool) -> Self {
        Self {
            talk: talk::Following::default(),
            is_ftp: Lookup::default(),
            otherwise,
            diagnostics: Diagnostics::default(),
        }
    }

    /// Learns from a record; answers why it is not told, if it is not.
    fn learn(&mut self, record: &Record<'_>) -> Result<(), &'static str> {
        let number = record.number;
        let is_begun = match record.fact {
            Fact::Remark(_) => Some(false),
            Fact::Opened { .. } => Some(true),
            Fact::Login { .. } => (!self.otherwise).then_some(true),
            _ => None,
        };
        if let Some(is_ftp) = is_begun {
            self.is_ftp.remove(&number);
            if self.is_ftp.len() >= limits::OPEN_SESSIONS {
                self.is_ftp = Lookup::default();
            }
            if !is_ftp || !self.otherwise {
                self.is_ftp.insert(number, is_ftp);
            }
        }
        let known = self.is_ftp.get(&number).copied();
        if let Fact::Closed(_) = record.fact {
            self.is_ftp.remove(&number);
        }
        match (known, &record.fact) {
            (Some(false), _) | (_, Fact::Remark(_)) => Err(OTHER),
            (None, _) if !self.otherwise => Err(UNKNOWN),
            _ => Ok(()),
        }
    }
}

impl Follow for Following {
    fn record(
        &mut self,
        record: &Record<'_>,
        at: Option<Timestamp>,
        origin: Origin,
        out: &mut Out<'_>,
    ) {
        match self.learn(record) {
            Ok(()) => self.talk.record(record, at, origin, out),
            Err(reason) => self
                .diagnostics
                .add(DiagnosticKind::NotRead, origin, reason),
        }
    }

    fn finish(&mut self, out: &mut Out<'_>) {
        self.talk.finish(out);
    }

    fn take_diagnostics(&mut self) -> Diagnostics {
        let mut diagnostics = std::mem::take(&mut self.diagnostics);
        diagnostics.absorb(self.talk.take_diagnostics());
        diagnostics
    }
}
