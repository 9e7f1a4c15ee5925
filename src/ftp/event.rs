//! What was heard, when, and at which byte: the one type that captures and logs both end in.
//!
//! An event borrows the bytes it was read from; a session copies what it keeps.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use crate::diagnostic::Origin;
use crate::ftp::{Command, Reply, TcpRecord, TlsRecord, Uncounted, Verb};
use crate::text::{self, Text};
use crate::time::Timestamp;

/// From where the traffic was heard. Counts of different vantages are never added up: a login that stands in a capture
/// and in a log is one login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Vantage {
    /// A packet capture.
    Wire,
    /// The server's own log.
    ServerLog,
    /// The client's own log.
    ClientLog,
    /// A log of finished transfers (xferlog).
    TransferLog,
    /// A network sensor's log.
    SensorLog,
}

impl Vantage {
    /// The word in machine-readable output.
    pub fn id(self) -> &'static str {
        match self {
            Self::Wire => "wire",
            Self::ServerLog => "server-log",
            Self::ClientLog => "client-log",
            Self::TransferLog => "transfer-log",
            Self::SensorLog => "sensor-log",
        }
    }
}

/// A host by address, or by name where the log gives only that.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// An address; an IPv4 address mapped into IPv6 is kept as IPv4.
    Ip(IpAddr),
    /// A name, as read.
    Name(Arc<Text>),
}

impl Host {
    /// Reads an address (also `::ffff:192.0.2.1`), or takes the bytes as a name.
    pub fn read(bytes: &[u8]) -> Self {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Self::Name(Arc::new(Text::cut(bytes, 256)));
        };
        // So servers that listen on IPv6 write most of their clients.
        let mapped = text.strip_prefix("::ffff:");
        let mapped = mapped.and_then(|text| text.parse::<Ipv4Addr>().ok());
        match mapped.map(IpAddr::V4).map_or_else(|| text.parse(), Ok) {
            Ok(ip) => Self::Ip(ip.to_canonical()),
            Err(_) => Self::Name(Arc::new(Text::cut(bytes, 256))),
        }
    }

    /// The address, if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(ip) => Some(*ip),
            Self::Name(_) => None,
        }
    }

    /// For a JSON string.
    pub fn json(&self) -> String {
        match self {
            Self::Ip(ip) => ip.to_string(),
            Self::Name(name) => name.json().into_owned(),
        }
    }

    /// For a terminal.
    pub fn terminal(&self, ascii: bool) -> String {
        match self {
            Self::Ip(ip) => ip.to_string(),
            Self::Name(name) => name.terminal(ascii),
        }
    }
}

/// One end of a connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The host.
    pub host: Host,
    /// The TCP port, where the source has it.
    pub port: Option<u16>,
}

impl Endpoint {
    /// An endpoint of a capture.
    pub fn new(ip: IpAddr, port: u16) -> Self {
        Self {
            host: Host::Ip(ip),
            port: Some(port),
        }
    }

    /// An endpoint of a log that has no port.
    pub fn host(host: Host) -> Self {
        Self { host, port: None }
    }

    /// For a terminal: `192.0.2.1:21`, `[2001:db8::1]:21`, `192.0.2.1`.
    pub fn terminal(&self, ascii: bool) -> String {
        let host = self.host.terminal(ascii);
        match self.port {
            Some(port) if host.contains(':') => format!("[{host}]:{port}"),
            Some(port) => format!("{host}:{port}"),
            None => host,
        }
    }
}

/// Tells the events of one control connection from those of another. Equal between runs over the same input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey(pub u64);

impl SessionKey {
    /// A key from what identifies the session: its ends, its start and, in logs, a process or session number.
    pub fn new(
        client: Option<&Endpoint>,
        server: Option<&Endpoint>,
        start: Option<Timestamp>,
        number: u64,
    ) -> Self {
        let mut hash = text::StableHash::new();
        for end in [client, server].into_iter().flatten() {
            hash = match &end.host {
                Host::Ip(IpAddr::V4(ip)) => hash.bytes(&ip.octets()),
                Host::Ip(IpAddr::V6(ip)) => hash.bytes(&ip.octets()),
                Host::Name(name) => hash.bytes(name.bytes()),
            };
            hash = hash.number(u64::from(end.port.unwrap_or(0)));
        }
        let start = start.map_or(0, Timestamp::nanos);
        Self(hash.bytes(&start.to_le_bytes()).number(number).finish())
    }
}

/// Sixteen hexadecimal digits; the first eight are enough for people.
impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// One of the two sides of a control connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The side that sends commands.
    Client,
    /// The side that sends replies.
    Server,
}

impl Side {
    /// The other side.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    /// The word in machine-readable output.
    pub fn id(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// A FIN.
    Fin,
    /// A RST.
    Reset,
    /// Nothing more was heard for long.
    Idle,
    /// The input ends while it is open.
    InputEnded,
    /// QUIT and 221: both sides said goodbye.
    Goodbye,
}

impl End {
    /// The word in machine-readable output.
    pub fn id(self) -> &'static str {
        match self {
            Self::Fin => "fin",
            Self::Reset => "reset",
            Self::Idle => "idle",
            Self::InputEnded => "input-ended",
            Self::Goodbye => "goodbye",
        }
    }
}

/// What became of the attempt to open a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// It opened.
    Opened,
    /// The SYN was answered by a RST or an ICMP error.
    Refused,
    /// The SYN was never answered.
    Unanswered,
    /// No SYN was seen.
    NeverTried,
}

impl Fate {
    /// The word in machine-readable output.
    pub fn id(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Refused => "refused",
            Self::Unanswered => "unanswered",
            Self::NeverTried => "never-tried",
        }
    }
}

/// The command by which a data connection was agreed upon (RFC 959, RFC 2428, RFC 1639).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DataMode {
    /// `PORT`: the server connects.
    Port,
    /// `PASV`: the client connects.
    Pasv,
    /// `EPRT`: the server connects.
    Eprt,
    /// `EPSV`: the client connects.
    Epsv,
    /// `LPRT`: the server connects.
    Lprt,
    /// `LPSV`: the client connects.
    Lpsv,
    /// `SPSV`, which some servers have: the client connects; the reply holds a port and nothing else.
    Spsv,
}

impl DataMode {
    /// The word in machine-readable output: the command.
    pub fn id(self) -> &'static str {
        match self {
            Self::Port => "PORT",
            Self::Pasv => "PASV",
            Self::Eprt => "EPRT",
            Self::Epsv => "EPSV",
            Self::Lprt => "LPRT",
            Self::Lpsv => "LPSV",
            Self::Spsv => "SPSV",
        }
    }

    /// True where the server listens and the client connects.
    pub fn is_passive(self) -> bool {
        matches!(self, Self::Pasv | Self::Epsv | Self::Lpsv | Self::Spsv)
    }
}

/// How many bytes a transfer should move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Bytes.
    pub bytes: u64,
    /// Who says so: `150` (its text), `SIZE` (its answer, less what REST skips) or `ALLO`.
    pub by: &'static str,
}

/// A data connection as it was seen on the wire, told when its fate is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataRecord {
    /// How it was agreed upon.
    pub mode: DataMode,
    /// True when its announcement was not heard (hidden by TLS, or lost): the ends and the time say that it belongs here.
    pub guessed: bool,
    /// Where the listening side said it listens.
    pub announced: Endpoint,
    /// The reply (227, 229) or command (PORT, EPRT) that announced it.
    pub announced_by: Origin,
    /// The first packet of it, where there is one.
    pub first: Option<Origin>,
    /// What became of it.
    pub fate: Fate,
    /// SYNs seen.
    pub attempts: u32,
    /// When the first SYN was seen.
    pub tried: Option<Timestamp>,
    /// When the last packet of it was seen.
    pub last: Option<Timestamp>,
    /// How it ended, if it opened.
    pub end: Option<End>,
    /// Who ended it: the first FIN or RST.
    pub ended_by: Option<Side>,
    /// Payload bytes towards the client.
    pub bytes_to_client: u64,
    /// Payload bytes towards the server.
    pub bytes_to_server: u64,
    /// What was seen of its TLS, if it begins with it.
    pub tls: Option<Box<TlsRecord>>,
    /// The end that connected.
    pub opener: Option<Endpoint>,
    /// True when an end is on neither of the control connection's hosts: server to server, or a stranger.
    pub third_party: bool,
    /// The transfer command that uses it.
    pub verb: Option<Verb>,
    /// How many bytes it should move.
    pub expected: Option<Expected>,
    /// Bytes of the file that REST told to skip.
    pub offset: u64,
    /// How TCP fared on it.
    pub tcp: Option<TcpRecord>,
}

impl DataRecord {
    /// Of a data connection that nobody tried to open.
    pub fn never_tried(mode: DataMode, announced: Endpoint, announced_by: Origin) -> Self {
        Self {
            mode,
            guessed: false,
            announced,
            announced_by,
            first: None,
            fate: Fate::NeverTried,
            attempts: 0,
            tried: None,
            last: None,
            end: None,
            ended_by: None,
            bytes_to_client: 0,
            bytes_to_server: 0,
            opener: None,
            third_party: false,
            verb: None,
            expected: None,
            offset: 0,
            tcp: None,
            tls: None,
        }
    }
}

/// A transfer as a log tells of it when it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferRecord<'b> {
    /// The command that stands for it: RETR, STOR, ….
    pub verb: Verb,
    /// The path as logged.
    pub path: &'b [u8],
    /// Bytes moved, where the log says so.
    pub bytes: Option<u64>,
    /// Whether all of it was moved, where the log says so.
    pub complete: Option<bool>,
}

/// Which way a transfer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// To the server.
    Upload,
    /// To the client.
    Download,
    /// A directory's list, to the client.
    Listing,
}

impl Direction {
    /// The direction of a transfer command's data.
    pub fn of(verb: Verb) -> Self {
        match verb {
            Verb::STOR | Verb::STOU | Verb::APPE => Self::Upload,
            Verb::LIST | Verb::NLST | Verb::MLSD => Self::Listing,
            _ => Self::Download,
        }
    }

    /// The word in machine-readable output.
    pub fn id(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Download => "download",
            Self::Listing => "listing",
        }
    }
}

/// Who speaks, and from where it is heard: always the first event of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Introduction {
    /// From where the session is heard.
    pub vantage: Vantage,
    /// The client's end.
    pub client: Option<Endpoint>,
    /// The server's end.
    pub server: Option<Endpoint>,
    /// The user, where the source names one before any login is seen.
    pub user: Option<Text>,
    /// True where the source can't tell two sessions of the same client apart for certain.
    pub approximate: bool,
}

/// The ends of a control connection as another capture shows them, or the far side of an address translation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hearing {
    /// The client's end.
    pub client: Endpoint,
    /// The server's end.
    pub server: Endpoint,
}

/// How a control connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// How.
    pub end: End,
    /// Who sent the first FIN or RST.
    pub by: Option<Side>,
    /// What became of the attempt to open it.
    pub fate: Fate,
    /// A side whose bytes were sent again and never acknowledged, and how often they were sent again.
    pub unacknowledged: Option<(Side, u32)>,
    /// How TCP fared on it, where packets are at hand.
    pub tcp: Option<Box<TcpRecord>>,
}

impl Closing {
    /// As heard where no packets are at hand.
    pub fn heard(end: End) -> Self {
        Self {
            end,
            by: None,
            fate: Fate::Opened,
            unacknowledged: None,
            tcp: None,
        }
    }
}

/// Something that was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind<'b> {
    /// A session begins to be heard, whether or not its opening was.
    Introduced(Box<Introduction>),
    /// The same control connection stands in another capture as well, or under other addresses. What it said there is
    /// not told again.
    AlsoHeard(Box<Hearing>),
    /// The control connection opens.
    Opened,
    /// A command.
    Command(Command<'b>),
    /// A reply.
    Reply(Reply<'b>),
    /// A reply whose code is not known, or a number that is no code. It answers nothing and is not counted as a reply.
    Uncounted(&'static Uncounted),
    /// A login's outcome, where the source says it apart from a reply.
    Login {
        /// The user, as logged.
        user: &'b [u8],
        /// True when let in.
        accepted: bool,
    },
    /// A transfer that is over.
    Transfer(TransferRecord<'b>),
    /// A data connection whose fate is known.
    Data(Box<DataRecord>),
    /// TLS starts here: what follows can't be read.
    Protected,
    /// What was seen of the TLS handshake, told when it is over.
    Tls(Box<TlsRecord>),
    /// Clear text again: after CCC, or because the handshake failed.
    Unprotected,
    /// Bytes that were sent and are not in the capture.
    Missing {
        /// How many; `None` when unknown.
        bytes: Option<u64>,
        /// Who sent them.
        sender: Side,
    },
    /// The control connection is over.
    Closed(Closing),
}

/// Something that was heard, with its time and place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'b> {
    /// When its last byte was heard; `None` where the source has no time.
    pub at: Option<Timestamp>,
    /// The packet or line that holds its first byte.
    pub origin: Origin,
    /// The packet or line that holds its last byte.
    pub ends: u64,
    /// The control connection it belongs to.
    pub session: SessionKey,
    /// What it is.
    pub kind: EventKind<'b>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_an_address_where_it_can_be_one() {
        let ip = |text: &str| Host::read(text.as_bytes()).ip().map(|ip| ip.to_string());
        assert_eq!(ip("192.0.2.1").as_deref(), Some("192.0.2.1"));
        assert_eq!(ip("::ffff:192.0.2.1").as_deref(), Some("192.0.2.1"));
        assert_eq!(ip("::FFFF:192.0.2.1").as_deref(), Some("192.0.2.1"));
        assert_eq!(ip("::ffff:c000:201").as_deref(), Some("192.0.2.1"));
        assert_eq!(ip("2001:db8::7").as_deref(), Some("2001:db8::7"));
        for name in [
            "ftp.example",
            "::ffff:192.0.2",
            "::ffff:192.0.2.1:21",
            "",
            "192.0.2.1 ",
        ] {
            assert_eq!(Host::read(name.as_bytes()).json(), name);
            assert_eq!(ip(name), None);
        }
    }
}
