//! FTP's own words as types (RFC 959, RFC 2228, RFC 2389, RFC 2428, RFC 3659, RFC 4217).
//!
//! * A *control connection* carries *commands* one way and *replies* the other way.
//! * A reply has a three-digit code: *preliminary* (1yz), *completion* (2yz), *intermediate* (3yz), *transient negative*
//!   (4yz), *permanent negative* (5yz).
//! * An *exchange* is a command with every reply up to the one that settles it (RFC 959 section 5.4).
//! * A *transfer* moves a file or a listing over a *data connection*, which the client (*passive* mode) or the server
//!   (*active* mode) opens.
//!
//! Bytes become lines ([`Lines`]), a server's lines become replies ([`Replies`]), a client's lines commands
//! ([`grammar::command`]). This module knows no packets and no log formats.

mod assemble;
mod command;
mod event;
pub mod grammar;
mod lines;
mod reply;
mod tcp;
mod tls;

pub use assemble::{Found, Replies};
pub use command::{Command, Verb};
pub use event::{
    Closing, DataMode, DataRecord, Direction, End, Endpoint, Event, EventKind, Expected, Fate,
    Hearing, Host, Introduction, SessionKey, Side, TransferRecord, Vantage,
};
pub use lines::{Line, LineEnd, Lines};
pub use reply::{Evidence, Reply, ReplyClass, ReplyCode, Uncounted};
pub use tcp::{Icmp, Sent, TcpRecord};
pub use tls::{Alert, Certificate, TlsRecord, TlsVersion};
