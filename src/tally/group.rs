//! The same counts for each user, client, server, path or command, or by the clock and the calendar.
//!
//! Made only where somebody asks for it. What a group holds is added up like everything else; where there are too many
//! names a sample of them is kept, each complete.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::count::Counts;
use super::who::{Named, Part, Table};
use super::written::{is_default, large};
use crate::catalogue::CauseId;
use crate::cause::Failure;
use crate::ftp::{Evidence, Host, ReplyCode, Verb};
use crate::session::{Exchange, KeptReply, Session};
use crate::text::{StableHash, Text};
use crate::time::Timestamp;

/// What things are put together by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The user last named in the session.
    User,
    /// The client's host.
    Client,
    /// The server's host.
    Server,
    /// The hour of the day, whatever the day.
    Hour,
    /// The day of the week.
    Weekday,
    /// The day.
    Day,
    /// The command.
    Command,
    /// The path that the command names.
    Path,
}

impl By {
    /// The word in machine-readable output.
    pub fn id(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Client => "client",
            Self::Server => "server",
            Self::Hour => "hour",
            Self::Weekday => "weekday",
            Self::Day => "day",
            Self::Command => "command",
            Self::Path => "path",
        }
    }

    /// True for what has an order of its own.
    pub fn is_of_time(self) -> bool {
        matches!(self, Self::Hour | Self::Weekday | Self::Day)
    }
}

/// What one group is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// A user or a path.
    Name(Text),
    /// A client or a server.
    Host(Host),
    /// A command.
    Command(Verb),
    /// An hour from 0, a day of the week from Monday as 0.
    Number(i8),
    /// A day: year, month, day.
    Day(i16, i8, i8),
    /// What has no such thing, or of which it is not known.
    None,
}

impl Named for Group {
    fn hash(&self) -> u64 {
        let hash = StableHash::new();
        let bytes = |bytes: &[u8]| hash.bytes(bytes).finish();
        match self {
            Self::Name(name) => name.hash(),
            Self::Host(host) => host.hash(),
            Self::Command(verb) => bytes(verb.as_str().as_bytes()),
            Self::Number(number) => bytes(&number.to_le_bytes()),
            Self::Day(year, month, day) => {
                let [low, high] = year.to_le_bytes();
                let [month, day] = [month, day].map(|n| n.to_le_bytes());
                bytes(&[low, high, month[0], day[0]])
            }
            Self::None => 0,
        }
    }
}

/// What happened in one group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupTally {
    /// Sessions: of a user or host all, of a time those that began then, of a command or path those in which it occurs.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sessions: u64,
    /// Of those the ones with a failure that counts, in this group.
    #[serde(default, skip_serializing_if = "is_default")]
    pub failed: u64,
    /// Replies observed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub replies: Counts<ReplyCode>,
    /// Failed operations that count.
    #[serde(default, skip_serializing_if = "is_default")]
    pub causes: Counts<CauseId>,
    /// Transfers.
    #[serde(default, skip_serializing_if = "is_default")]
    pub transfers: u64,
    /// Bytes that they moved, where known.
    #[serde(with = "large", default, skip_serializing_if = "is_default")]
    pub bytes: u64,
}

impl Part for GroupTally {
    fn absorb(&mut self, other: Self) {
        let Self {
            sessions,
            failed,
            replies,
            causes,
            transfers,
            bytes,
        } = other;
        self.sessions += sessions;
        self.failed += failed;
        self.replies.absorb(replies);
        self.causes.absorb(causes);
        self.transfers += transfers;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// Groups by name.
pub type Groups = Table<Group, GroupTally>;

/// Puts what it is given into groups.
#[derive(Debug, Clone)]
pub struct Grouping {
    by: By,
    zone: TimeZone,
}

impl Grouping {
    /// Groups of a kind; hours and days are those of a zone.
    pub fn new(by: By, zone: TimeZone) -> Self {
        Self { by, zone }
    }

    /// Of what kind the groups are.
    pub fn by(&self) -> By {
        self.by
    }

    /// Adds an exchange that a session does not keep.
    pub fn exchange(&self, groups: &mut Groups, session: &Session, exchange: &Exchange) {
        for reply in exchange.replies() {
            self.reply(groups, session, Some(exchange), reply);
        }
    }

    /// Adds a reply, of an exchange where it is known of which.
    pub fn reply(
        &self,
        groups: &mut Groups,
        session: &Session,
        exchange: Option<&Exchange>,
        reply: &KeptReply,
    ) {
        if reply.evidence == Evidence::Observed
            && let Some(row) = groups.row(&self.group(session, exchange, reply.at))
        {
            row.replies.add(reply.code);
        }
    }

    /// Adds a session that is over, with all that it keeps and its failures.
    pub fn session(&self, groups: &mut Groups, session: &Session, failures: &[Failure]) {
        let (mut met, mut failed) = (BTreeSet::new(), BTreeSet::new());
        if !matches!(self.by, By::Command | By::Path) {
            met.insert(self.group(session, None, session.start));
        }
        for exchange in &session.exchanges {
            self.exchange(groups, session, exchange);
            if matches!(self.by, By::Command | By::Path) {
                met.insert(self.group(session, Some(exchange), None));
            }
        }
        for transfer in &session.transfers {
            let exchange = transfer.exchange.and_then(|e| session.exchanges.get(e));
            let group = match (self.by, exchange) {
                (By::Command, None) => Group::Command(transfer.verb),
                (By::Path, None) => named(transfer.path.as_ref()),
                _ => self.group(session, exchange, transfer.at),
            };
            if let Some(row) = groups.row(&group) {
                row.transfers += 1;
                row.bytes = row.bytes.saturating_add(transfer.bytes.unwrap_or(0));
            }
            if matches!(self.by, By::Command | By::Path) {
                met.insert(group);
            }
        }
        for failure in failures.iter().filter(|f| !f.benign) {
            let exchange = failure.exchange.and_then(|e| session.exchanges.get(e));
            let group = match (self.by, exchange, failure.verb) {
                (By::Command, None, Some(verb)) => Group::Command(verb),
                (By::Path, ..) => named(failure.path(session)),
                _ => self.group(session, exchange, failure.at.or(session.start)),
            };
            if let Some(row) = groups.row(&group) {
                row.causes.add(failure.cause);
            }
            // By time it is the hour in which the session began, whenever it failed.
            let group = if self.by.is_of_time() {
                self.group(session, None, session.start)
            } else {
                group
            };
            met.insert(group.clone());
            failed.insert(group);
        }
        for group in met {
            if let Some(row) = groups.row(&group) {
                row.sessions += 1;
                row.failed += u64::from(failed.contains(&group));
            }
        }
    }

    fn group(
        &self,
        session: &Session,
        exchange: Option<&Exchange>,
        at: Option<Timestamp>,
    ) -> Group {
        let end = |end: Option<&crate::ftp::Endpoint>| {
            end.map_or(Group::None, |end| Group::Host(end.host.clone()))
        };
        match self.by {
            By::User => named(session.user.as_ref()),
            By::Client => end(session.client.as_ref()),
            By::Server => end(session.server.as_ref()),
            By::Command => exchange
                .and_then(Exchange::asked)
                .map_or(Group::None, Group::Command),
            By::Path => named(exchange.and_then(Exchange::path)),
            By::Hour | By::Weekday | By::Day => self.time(at),
        }
    }

    fn time(&self, at: Option<Timestamp>) -> Group {
        let Some(at) = at.and_then(|at| at.civil(&self.zone)) else {
            return Group::None;
        };
        match self.by {
            By::Hour => Group::Number(at.hour()),
            By::Weekday => Group::Number(at.weekday().to_monday_zero_offset()),
            _ => Group::Day(at.year(), at.month(), at.day()),
        }
    }
}

fn named(name: Option<&Text>) -> Group {
    name.map_or(Group::None, |name| Group::Name(name.clone()))
}
