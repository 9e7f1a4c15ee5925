//! What failed operations have in common: of each attribute of a session its values, and how many operations each had,
//! failed and in all.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::who::{Named, Part, Table};
use super::written;
use crate::cause::Failure;
use crate::ftp::{DataMode, Endpoint, Host};
use crate::session::Session;
use crate::text::{StableHash, Text};

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

/// A value of an attribute. It becomes words only where it is shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Value {
    /// A client.
    Host(Host),
    /// The network of a client, by its first address.
    Network(IpAddr),
    /// A server's end.
    End(Endpoint),
    /// A user.
    User(Text),
    /// Whether it is behind TLS.
    Tls(bool),
    /// How data connections are agreed upon.
    Mode(DataMode),
}

impl Value {
    pub(super) fn network(host: &Host) -> Option<Self> {
        let first = match host.ip()? {
            IpAddr::V4(ip) => Ipv4Addr::from_bits(ip.to_bits() & !0xff).into(),
            IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
        };
        Some(Self::Network(first))
    }

    /// One of our own words.
    fn word(&self) -> &'static str {
        match self {
            Self::Tls(true) => "behind TLS",
            Self::Tls(false) => "in clear",
            Self::Mode(mode) => mode.id(),
            _ => "",
        }
    }

    /// In words.
    pub fn text(&self) -> Text {
        match self {
            Self::Host(host) => host.json().into(),
            Self::Network(first) if first.is_ipv4() => format!("{first}/24").into(),
            Self::Network(first) => format!("{first}/64").into(),
            Self::End(end) => end.terminal(true).into(),
            Self::User(user) => user.clone(),
            Self::Tls(_) | Self::Mode(_) => self.word().into(),
        }
    }
}

impl Named for Value {
    fn hash(&self) -> u64 {
        match self {
            Self::Host(host) => host.hash(),
            Self::Network(first) => Host::Ip(*first).hash(),
            Self::End(end) => StableHash::new()
                .number(end.host.hash())
                .number(u64::from(end.port.unwrap_or(0)))
                .finish(),
            Self::User(user) => user.hash(),
            Self::Tls(_) | Self::Mode(_) => {
                StableHash::new().bytes(self.word().as_bytes()).finish()
            }
        }
    }
}

/// Operations with one value of an attribute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shares {
    /// Of all sessions.
    pub total: Share,
    /// By value.
    #[serde(with = "written::map")]
    pub by_value: BTreeMap<Attribute, Table<Value, Share>>,
}

impl Share {
    /// The operations of a session.
    pub(super) fn of(session: &Session, failures: &[Failure]) -> Self {
        let failed = failures.iter().filter(|f| !f.benign).count() as u64;
        let heard = session.exchanges.len() as u64 + session.elided;
        let transfers = session.transfers.iter().filter(|t| t.exchange.is_none());
        let heard = heard + transfers.count() as u64;
        Self {
            failed,
            all: heard.max(failed),
        }
    }
}

impl Shares {
    /// Every attribute of which sessions are asked has a table, whether or not it has rows.
    pub(super) fn begin(&mut self) {
        for attribute in [
            Attribute::Client,
            Attribute::Network,
            Attribute::User,
            Attribute::Server,
            Attribute::Mode,
        ] {
            self.by_value.entry(attribute).or_default();
        }
    }

    /// Adds operations of sessions with this value.
    pub(super) fn put(&mut self, attribute: Attribute, value: &Value, share: Share) {
        let table = self.by_value.entry(attribute).or_default();
        if let Some(row) = table.row(value) {
            row.absorb(share);
        }
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
    Value::network(host).map(|network| network.text())
}

/// `PASV`, `PORT`, … where a session has only one.
pub(super) fn mode(session: &Session) -> Option<DataMode> {
    let first = session.data.first()?.mode;
    let only = session.data.iter().all(|d| d.mode == first);
    only.then_some(first)
}
