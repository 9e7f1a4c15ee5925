//! What failed operations have in common: of each attribute of a session its values, and how many operations each had,
//! failed and in all.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::who::{Part, Table};
use crate::cause::Failure;
use crate::ftp::{Endpoint, Host};
use crate::session::Session;
use crate::text::Text;

/// What sessions may have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribute {
    /// The client.
    Client,
    /// The network of the client: the first 24 bits of an IPv4 address, 64 of an IPv6 address.
    Network,
    /// The user.
    User,
    /// The server's end.
    Server,
    /// Whether the session is behind TLS.
    Tls,
    /// How data connections were agreed upon.
    Mode,
}

impl Attribute {
    /// The word in machine-readable output.
    pub fn id(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Network => "network",
            Self::User => "user",
            Self::Server => "server",
            Self::Tls => "tls",
            Self::Mode => "mode",
        }
    }
}

/// Operations with one value of an attribute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// Failed ones that count.
    pub failed: u64,
    /// All.
    pub all: u64,
}

impl Part for Share {
    fn absorb(&mut self, other: Self) {
        self.failed += other.failed;
        self.all += other.all;
    }
}

/// Operations by the values of each attribute.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shares {
    /// Of all sessions.
    pub total: Share,
    /// By value.
    pub by_value: BTreeMap<Attribute, Table<Text, Share>>,
}

impl Shares {
    pub(super) fn observe(&mut self, session: &Session, failures: &[Failure]) {
        let failed = failures.iter().filter(|f| !f.benign).count() as u64;
        let heard = session.exchanges.len() as u64 + session.elided;
        let transfers = session.transfers.iter().filter(|t| t.exchange.is_none());
        let heard = heard + transfers.count() as u64;
        let share = Share {
            failed,
            all: heard.max(failed),
        };
        self.total.absorb(share);
        let mut add = |attribute, value: Option<Text>| {
            let table = self.by_value.entry(attribute).or_default();
            if let Some(row) = value.and_then(|value| table.row(&value)) {
                row.absorb(share);
            }
        };
        let client = session.client.as_ref();
        add(Attribute::Client, client.map(|c| c.host.json().into()));
        add(Attribute::Network, client.and_then(|c| network(&c.host)));
        add(Attribute::User, session.user.clone());
        let server = session.server.as_ref();
        add(
            Attribute::Server,
            server.map(|s: &Endpoint| s.terminal(true).into()),
        );
        if session.commands > 0 {
            let tls = if session.is_behind_tls() {
                "behind TLS"
            } else {
                "in clear"
            };
            add(Attribute::Tls, Some(tls.into()));
        }
        add(Attribute::Mode, mode(session));
    }

    pub(super) fn absorb(&mut self, other: Self) {
        self.total.absorb(other.total);
        for (attribute, table) in other.by_value {
            self.by_value.entry(attribute).or_default().absorb(table);
        }
    }
}

/// `198.51.100.0/24`
pub(super) fn network(host: &Host) -> Option<Text> {
    let name = match host.ip()? {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            let ip = std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0);
            format!("{ip}/64")
        }
    };
    Some(name.into())
}

/// `PASV`, `PORT`, … where a session has only one.
fn mode(session: &Session) -> Option<Text> {
    let first = session.data.first()?.mode;
    let only = session.data.iter().all(|d| d.mode == first);
    only.then(|| first.id().into())
}
