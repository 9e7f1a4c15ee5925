//! Announced data connections, and what became of them.
//!
//! A 227, 228 or 229 reply, a PORT, EPRT or LPRT command says where a data connection will
//! be awaited; the first connection to that place is it. The announced address
//! may be wrong (that is what we look for), so the control connection's own
//! peer with the announced port counts as well.

use std::net::IpAddr;

use super::connection::Facts;
use super::ends::Socket;
use super::expect::Purpose;
use crate::diagnostic::Origin;
use crate::ftp::{Command, DataMode, DataRecord, End, Endpoint, Fate, Reply, Side, Verb, grammar};
use crate::time::Timestamp;

/// Where a data connection is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Announcement {
    pub(super) mode: DataMode,
    /// The address as announced.
    pub(super) announced: Socket,
    /// The listening side's address as the control connection shows it, with the announced port.
    pub(super) likely: Socket,
    /// The record that announced it.
    pub(super) by: Origin,
    /// It was not heard.
    pub(super) guessed: bool,
}

/// An announcement in force: the connection that came for it, and what for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offer {
    pub(super) announcement: Announcement,
    pub(super) data: Option<usize>,
    pub(super) purpose: Purpose,
}

impl Announcement {
    /// From a PORT, EPRT or LPRT command: the client will listen.
    pub(super) fn of_command(command: &Command<'_>, client: IpAddr, by: Origin) -> Option<Self> {
        let argument = command.argument()?;
        let (mode, (ip, port)) = match command.verb {
            Verb::PORT => (DataMode::Port, grammar::host_port(argument)?),
            Verb::EPRT => (DataMode::Eprt, grammar::extended_port(argument)?),
            Verb::LPRT => (DataMode::Lprt, grammar::long_port(argument)?),
            _ => return None,
        };
        Some(Self::new(mode, (ip, port), client, by))
    }

    /// From a 227, 228 or 229 reply: the server listens.
    pub(super) fn of_reply(reply: &Reply<'_>, server: &Socket, by: Origin) -> Option<Self> {
        if !(227..=229).contains(&reply.code.number()) {
            return None;
        }
        let (text, server) = (&reply.text, server.ip());
        let (mode, at) = match reply.code.number() {
            227 => match grammar::passive(text) {
                Some(at) => (DataMode::Pasv, at),
                None => (DataMode::Spsv, (server, grammar::short_passive(text)?)),
            },
            228 => (DataMode::Lpsv, grammar::long_passive(text)?),
            229 => {
                let (ip, port) = grammar::extended_passive(text)?;
                (DataMode::Epsv, (ip.unwrap_or(server), port))
            }
            _ => return None,
        };
        Some(Self::new(mode, at, server, by))
    }

    fn new(mode: DataMode, at: (IpAddr, u16), host: IpAddr, by: Origin) -> Self {
        let (ip, port) = at;
        Self {
            mode,
            announced: Socket::new(ip, port),
            likely: Socket::new(host, port),
            by,
            guessed: false,
        }
    }

    /// Of a data connection whose announcement was not heard: by its ends alone. `passive` says that the client opened
    /// it.
    pub(super) fn guess(facts: &Facts, passive: bool) -> Self {
        let listener = facts.ends[1];
        let mode = match (passive, listener.ip().is_ipv4()) {
            (true, true) => DataMode::Pasv,
            (true, false) => DataMode::Epsv,
            (false, true) => DataMode::Port,
            (false, false) => DataMode::Eprt,
        };
        let at = (listener.ip(), listener.port());
        Self {
            guessed: true,
            ..Self::new(mode, at, listener.ip(), facts.first.origin)
        }
    }

    /// The side that connects.
    pub(super) fn opener(&self) -> Side {
        if self.mode.is_passive() {
            Side::Client
        } else {
            Side::Server
        }
    }
}

impl Offer {
    /// For an announcement whose connection came already, or not yet.
    pub(super) fn new(announcement: Announcement, data: Option<usize>) -> Self {
        Self {
            announcement,
            data,
            purpose: Purpose::default(),
        }
    }

    /// What is known of it now; `seen` are the facts of its connection, if there is one, `hosts` those of the control
    /// connection.
    pub(super) fn record(
        &self,
        seen: Option<&Facts>,
        hosts: [IpAddr; 2],
        now: Option<Timestamp>,
    ) -> DataRecord {
        let Announcement {
            mode,
            announced,
            by,
            guessed,
            ..
        } = self.announcement;
        let announced = Endpoint::new(announced.ip(), announced.port());
        let nothing = DataRecord {
            guessed,
            verb: self.purpose.verb,
            expected: self.purpose.expected,
            offset: self.purpose.offset,
            ..DataRecord::never_tried(mode, announced, by)
        };
        let Some(facts) = seen else {
            return nothing;
        };
        // The opener is direction 0: the client in passive mode, the server in active mode.
        let opener = self.announcement.opener();
        let tcp = facts.record(opener, now);
        let side = |direction: usize| {
            if direction == 0 {
                opener
            } else {
                opener.other()
            }
        };
        let fate = facts.fate();
        let came = fate == Fate::Opened;
        DataRecord {
            first: Some(facts.first.origin),
            fate,
            attempts: facts.attempts,
            tried: facts.first.at,
            last: facts.last,
            end: came.then(|| facts.ended.map_or(End::InputEnded, |(end, _)| end)),
            ended_by: facts
                .ended
                .filter(|_| came)
                .map(|(_, direction)| side(direction)),
            bytes_to_client: tcp.by_server.bytes,
            bytes_to_server: tcp.by_client.bytes,
            opener: Some(Endpoint::new(facts.ends[0].ip(), facts.ends[0].port())),
            third_party: facts.ends.iter().any(|end| !hosts.contains(&end.ip())),
            tcp: Some(tcp),
            ..nothing
        }
    }
}

/// True for the commands that replace an announcement. `EPSV ALL` only says what the client will not use any more.
pub(super) fn replaces(command: &Command<'_>) -> bool {
    let is_all = || {
        command
            .argument()
            .is_some_and(|a| a.eq_ignore_ascii_case(b"ALL"))
    };
    let verb = command.verb;
    verb.is_active() || verb.is_passive() && !is_all()
}
