//! Everything that is added up.
//!
//! Events, exchanges, sessions and failures become counts, and counts of parts become counts of the whole: `absorb` is
//! associative and commutative, the default its identity, and a tally of two parts is the same as that of both in one.
//! So threads, the order of files and the places where a file is cut can't show. There are only integers and ordered
//! keys; percentages, order and words are the business of the report.

pub mod across;
pub mod breach;
pub mod cause;
pub mod client;
pub mod count;
pub mod gather;
pub mod group;
pub mod histogram;
pub mod judge;
pub mod kept;
pub mod left_out;
pub mod merge;
pub mod session;
pub mod shares;
pub mod smallest;
#[cfg(test)]
pub(crate) mod tests;
pub mod timeline;
pub mod who;
pub mod written;

use std::collections::{BTreeMap, BTreeSet};

pub use across::{Across, ClearLogins, Limit};
pub use breach::{BreachTally, Breaches};
pub use cause::{CauseTally, Causes, Exemplar};
pub use client::{ClientTally, LetIn, PathTally, UserTally};
pub use count::{Counts, Span};
pub use gather::Gather;
pub use group::{By, Group, GroupTally, Grouping, Groups};
pub use histogram::Histogram;
pub use judge::Spread;
pub use kept::{KeptOfVantage, KeptSessions, SessionRow, Whole};
pub use left_out::{Asked, LeftOut};
pub use merge::Reported;
pub use session::{SessionTally, TransferTally, Worst};
pub use shares::{Attribute, Share, Shares, Value};
pub use smallest::Smallest;
pub use timeline::{Bucket, Pace, Timeline};
pub use who::{Distinct, Named, Part, Table};

use serde::{Deserialize, Serialize};

use crate::cause::Failure;
use crate::diagnostic::{Diagnostics, SourceId};
use crate::ftp::{Direction, Evidence, Host, ReplyCode, Uncounted, Vantage, Verb};
use crate::session::{Exchange, KeptReply, Session};
use crate::text::Text;

/// All that is known about the inputs in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tallies {
    /// Counts of different vantages are never added up.
    #[serde(with = "written::map")]
    pub by_vantage: BTreeMap<Vantage, VantageTally>,
    /// What was read of each source.
    #[serde(with = "written::map")]
    pub inputs: BTreeMap<SourceId, InputTally>,
    /// Sources of which something is told and nothing was read; they have a path.
    #[serde(with = "written::map")]
    pub passed_over: BTreeMap<SourceId, InputTally>,
    /// What was asked for; several things where several runs are added up.
    pub asked: BTreeSet<Asked>,
    /// What a person should know about them.
    pub diagnostics: Diagnostics,
}

/// What was read of a source. Always `records = taken + ignored + unrecognised`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InputTally {
    /// The path as given.
    pub path: Text,
    /// The format's name; `None` when no reader knows it.
    pub format: Option<&'static str>,
    /// From where it hears.
    pub vantage: Option<Vantage>,
    /// Bytes, decompressed.
    pub bytes: u64,
    /// Packets or lines.
    pub records: u64,
    /// Records that became events.
    pub taken: u64,
    /// Records that are understood and tell nothing about FTP.
    pub ignored: u64,
    /// Records that nobody understood.
    pub unrecognised: u64,
    /// What this format can't tell.
    pub gaps: &'static [&'static str],
    /// The report that it was taken from, where it was.
    pub reported: Option<Reported>,
}

/// What was heard from one vantage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VantageTally {
    /// The first and the last time.
    pub span: Span,
    /// Replies that the sources hold.
    pub observed: Counts<ReplyCode>,
    /// Replies that messages of the sources stand for.
    pub implied: Counts<ReplyCode>,
    /// Replies of which only candidates are known.
    pub candidates: Counts<Uncounted>,
    /// Settled exchanges; without verb those that nobody asked for.
    pub exchanges: Counts<(Option<Verb>, ReplyCode)>,
    /// From a command to its first reply.
    #[serde(with = "written::map")]
    pub waits: BTreeMap<Verb, Histogram>,
    /// From the last packet of a data connection to the reply that says the transfer is over.
    pub goodbyes: Histogram,
    /// Sessions.
    pub sessions: SessionTally,
    /// Failures as they were judged session by session.
    #[serde(with = "written::map")]
    pub causes: Causes,
    /// Transfers by direction.
    #[serde(with = "written::map")]
    pub transfers: BTreeMap<Direction, TransferTally>,
    /// By client; `None` where the source names none.
    pub clients: Table<Option<Host>, ClientTally>,
    /// By user.
    pub users: Table<Text, UserTally>,
    /// By server, where the source names one.
    pub servers: Table<Host, UserTally>,
    /// By path, those with failures.
    pub paths: Table<Text, PathTally>,
    /// By hour.
    pub timeline: Timeline,
    /// What failed operations have in common.
    pub shares: Shares,
    /// What only shows across sessions.
    pub across: Across,
    /// Breaches of the protocol.
    pub breaches: Breaches,
    /// What a filter took away and none of these numbers holds.
    pub left_out: LeftOut,
    /// By what was asked for.
    pub groups: Groups,
}

impl Tallies {
    /// Adds a reply that a session does not keep.
    pub fn observe_reply(&mut self, session: &Session, reply: &KeptReply) {
        let tally = self.by_vantage.entry(session.vantage).or_default();
        tally.observe_passed(session, reply);
    }

    /// Adds an exchange that a session does not keep.
    pub fn observe_exchange(&mut self, session: &Session, exchange: &Exchange) {
        let tally = self.by_vantage.entry(session.vantage).or_default();
        tally.observe_exchange(exchange);
    }

    /// Adds a session that is over, with all that it keeps and its failures. Many are added by a [`Gather`].
    pub fn observe_session(&mut self, session: &Session, failures: &[Failure]) {
        let mut gather = Gather::default();
        gather.observe(session, failures);
        self.absorb(gather.finish());
    }

    /// Counts what a filter took away from a vantage.
    pub fn leave_out(&mut self, vantage: Vantage, left_out: LeftOut) {
        let tally = self.by_vantage.entry(vantage).or_default();
        tally.left_out.absorb(left_out);
    }

    /// Adds another part's numbers.
    pub fn absorb(&mut self, other: Self) {
        let Self {
            by_vantage,
            inputs,
            passed_over,
            asked,
            diagnostics,
        } = other;
        for (vantage, tally) in by_vantage {
            self.by_vantage.entry(vantage).or_default().absorb(tally);
        }
        for (source, input) in inputs {
            self.inputs.entry(source).or_default().absorb(input);
        }
        for (source, input) in passed_over {
            self.passed_over.entry(source).or_default().absorb(input);
        }
        self.asked.extend(asked);
        self.diagnostics.absorb(diagnostics);
    }
}

impl VantageTally {
    /// Adds a reply that a session does not keep: another preliminary one of the same exchange.
    pub fn observe_passed(&mut self, session: &Session, reply: &KeptReply) {
        self.observe_reply(reply);
        self.breaches.observe_passed(session, reply);
    }

    /// Adds a reply.
    pub fn observe_reply(&mut self, reply: &KeptReply) {
        self.span.add(reply.at);
        if reply.evidence != Evidence::Observed {
            self.implied.add(reply.code);
            return;
        }
        self.observed.add(reply.code);
        if let Some(at) = reply.at {
            let one = Bucket {
                replies: 1,
                failures: 0,
            };
            self.timeline.add(at, one);
        }
    }

    /// Adds an exchange.
    pub fn observe_exchange(&mut self, exchange: &Exchange) {
        self.span.add(exchange.sent);
        for reply in exchange.replies() {
            self.observe_reply(reply);
        }
        let Some(code) = exchange.code() else { return };
        let verb = exchange.asked();
        self.exchanges.add((verb, code));
        if let (Some(verb), Some(waited)) = (verb, exchange.measured_wait()) {
            self.waits.entry(verb).or_default().add(waited);
        }
    }

    fn observe_transfers(&mut self, session: &Session) {
        for transfer in &session.transfers {
            let tally = self.transfers.entry(transfer.direction).or_default();
            tally.observe(session, transfer);
        }
        for exchange in &session.exchanges {
            let seen = session.data_of(exchange).and_then(|d| d.seen.as_deref());
            let over = exchange.last.as_ref();
            let over = over.filter(|r| matches!(r.code.number(), 226 | 250));
            let times = seen.and_then(|s| s.last).zip(over.and_then(|r| r.at));
            if let Some((last, said)) = times {
                self.goodbyes.add(said.since(last));
            }
        }
    }

    /// Adds another part's numbers.
    pub fn absorb(&mut self, other: Self) {
        let Self {
            span,
            observed,
            implied,
            candidates,
            exchanges,
            waits,
            goodbyes,
            sessions,
            causes,
            transfers,
            clients,
            users,
            servers,
            paths,
            timeline,
            shares,
            across,
            breaches,
            left_out,
            groups,
        } = other;
        self.span.absorb(span);
        self.observed.absorb(observed);
        self.implied.absorb(implied);
        self.candidates.absorb(candidates);
        self.exchanges.absorb(exchanges);
        for (verb, histogram) in waits {
            self.waits.entry(verb).or_default().absorb(histogram);
        }
        self.goodbyes.absorb(goodbyes);
        self.sessions.absorb(sessions);
        for (key, tally) in causes {
            self.causes.entry(key).or_default().absorb(tally);
        }
        for (direction, tally) in transfers {
            self.transfers.entry(direction).or_default().absorb(tally);
        }
        self.clients.absorb(clients);
        self.users.absorb(users);
        self.servers.absorb(servers);
        self.paths.absorb(paths);
        self.timeline.absorb(timeline);
        self.shares.absorb(shares);
        self.across.absorb(across);
        self.breaches.absorb(breaches);
        self.left_out.absorb(left_out);
        self.groups.absorb(groups);
    }
}

impl InputTally {
    /// Adds what was read of another part of the same source.
    pub fn absorb(&mut self, other: Self) {
        let Self {
            path,
            format,
            vantage,
            bytes,
            records,
            taken,
            ignored,
            unrecognised,
            gaps,
            reported,
        } = other;
        if path > self.path {
            self.path = path;
        }
        self.format = self.format.max(format);
        self.vantage = self.vantage.max(vantage);
        self.bytes = self.bytes.saturating_add(bytes);
        self.records += records;
        self.taken += taken;
        self.ignored += ignored;
        self.unrecognised += unrecognised;
        self.gaps = self.gaps.max(gaps);
        self.reported = self.reported.take().max(reported);
    }
}
