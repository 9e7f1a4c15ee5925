//! Announced data connections, and what became of them.
//!
//! A 227 or 229 reply, a PORT or EPRT command says where a data connection will
//! be awaited; the first connection to that place is it. The announced address
//! may be wrong (that is what we look for), so the control connection's own
//! peer with the announced port counts as well.

use std::net::{IpAddr, SocketAddr};

use super::connection::Facts;
use crate::diagnostic::Origin;
use crate::ftp::{Command, DataMode, DataRecord, End, Endpoint, Fate, Reply, Side, Verb, grammar};

/// Where a data connection is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Announcement {
    pub(super) mode: DataMode,
    /// The address as announced.
    pub(super) announced: SocketAddr,
    /// The listening side's address as the control connection shows it, with the announced port.
    pub(super) likely: SocketAddr,
    /// The record that announced it.
    pub(super) by: Origin,
}

impl Announcement {
    /// From a PORT or EPRT command: the client will listen.
    pub(super) fn of_command(command: &Command<'_>, client: IpAddr, by: Origin) -> Option<Self> {
        let argument = command.argument()?;
        let (mode, (ip, port)) = match command.verb.as_str() {
            "PORT" => (DataMode::Port, grammar::host_port(argument)?),
            "EPRT" => (DataMode::Eprt, grammar::extended_port(argument)?),
            _ => return None,
        };
        Some(Self {
            mode,
            announced: SocketAddr::new(ip, port),
            likely: SocketAddr::new(client, port),
            by,
        })
    }

    /// From a 227 or 229 reply: the server listens.
    pub(super) fn of_reply(reply: &Reply<'_>, server: IpAddr, by: Origin) -> Option<Self> {
        let (mode, (ip, port)) = match reply.code.number() {
            227 => (DataMode::Pasv, grammar::passive(&reply.text)?),
            229 => (
                DataMode::Epsv,
                (server, grammar::extended_passive(&reply.text)?),
            ),
            _ => return None,
        };
        Some(Self {
            mode,
            announced: SocketAddr::new(ip, port),
            likely: SocketAddr::new(server, port),
            by,
        })
    }

    /// What is known of it now; `seen` are the facts of its connection, if there is one.
    pub(super) fn record(&self, seen: Option<&Facts>) -> DataRecord {
        let announced = Endpoint::new(self.announced.ip(), self.announced.port());
        let Some(facts) = seen else {
            return DataRecord {
                mode: self.mode,
                announced,
                announced_by: self.by,
                first: None,
                fate: Fate::NeverTried,
                attempts: 0,
                tried: None,
                last: None,
                end: None,
                ended_by: None,
                bytes_to_client: 0,
                bytes_to_server: 0,
                tls: None,
            };
        };
        // The opener is direction 0: the client in passive mode, the server in active mode.
        let opener = if self.mode.is_passive() {
            Side::Client
        } else {
            Side::Server
        };
        let [by_opener, by_listener] = facts.bytes();
        let (to_client, to_server) = if opener == Side::Client {
            (by_listener, by_opener)
        } else {
            (by_opener, by_listener)
        };
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
            mode: self.mode,
            announced,
            announced_by: self.by,
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
            bytes_to_client: to_client,
            bytes_to_server: to_server,
            tls: None,
        }
    }
}

/// True for the commands that replace an announcement.
pub(super) fn replaces(verb: Verb) -> bool {
    verb.is_passive() || verb.is_active()
}
