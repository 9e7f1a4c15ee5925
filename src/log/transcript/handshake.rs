//! The handshake of TLS on a control connection, as far as a client shows it.
//!
//! Clients say the same of each data connection, so the first word counts.

use crate::diagnostic::Origin;
use crate::ftp::{EventKind, TlsRecord, TlsVersion};

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Handshake {
    #[default]
    None,
    /// It is under way since that line.
    UnderWay(Origin),
    Over,
}

impl Handshake {
    /// It is under way.
    pub(super) fn begin(&mut self, at: Origin) {
        if *self == Self::None {
            *self = Self::UnderWay(at);
        }
    }

    /// It came to its end, well or not.
    pub(super) fn end(
        &mut self,
        at: Origin,
        completed: bool,
        version: Option<TlsVersion>,
    ) -> Option<EventKind<'static>> {
        let hello = match std::mem::replace(self, Self::Over) {
            Self::Over => return None,
            Self::UnderWay(hello) => hello,
            Self::None => at,
        };
        Some(EventKind::Tls(Box::new(TlsRecord {
            hello: Some(hello),
            version,
            completed: Some(completed),
            ..TlsRecord::default()
        })))
    }

    /// The server speaks: what was under way came to its end well.
    pub(super) fn answered(&mut self) -> Option<EventKind<'static>> {
        match *self {
            Self::UnderWay(hello) => self.end(hello, true, None),
            _ => None,
        }
    }
}
