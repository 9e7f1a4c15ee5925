//! Sessions and transfers in numbers, and the few worst sessions by name.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use super::count::Counts;
use super::histogram::Histogram;
use super::smallest::Smallest;
use super::who::Part;
use super::written;
use crate::catalogue::CauseId;
use crate::cause::Failure;
use crate::diagnostic::Origin;
use crate::ftp::{End, Endpoint, Evidence, Fate, ReplyCode, SessionKey, Vantage};
use crate::limits;
use crate::session::{Exchange, Session, Transfer};
use crate::text::Text;
use crate::time::Timestamp;

/// Sessions and what became of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionTally {
    /// All.
    pub total: u64,
    /// With an accepted login.
    pub logged_in: u64,
    /// With at least one failure that counts.
    pub failed: u64,
    /// With TLS.
    pub protected: u64,
    /// Put together of what a capture and a log hold.
    pub joined: u64,
    /// Of those with TLS, the ones of which a log told what TLS hid.
    pub unhidden: u64,
    /// Replies among those observed that TLS hid from the capture and a log holds.
    pub hidden: u64,
    /// Whose opening was not heard.
    pub joined_late: u64,
    /// Put together by guess: the source can't tell them apart for certain.
    pub approximate: u64,
    /// How they ended.
    pub ends: Counts<End>,
    /// Commands heard.
    pub commands: u64,
    /// Bytes that the captures lack, and how often bytes were lacking.
    #[serde(with = "written::large")]
    pub missing: (u64, u64),
    /// Exchanges of long sessions that were judged only by their codes.
    pub elided: u64,
    /// Transfers of long sessions whose direction was not kept, and their bytes.
    pub elided_transfers: (u64, u64),
    /// Those with the most failures.
    pub worst: Smallest<Worst, { limits::WORST_SESSIONS }>,
}

/// A session with failures; the worst sorts first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worst {
    /// Failures that count.
    pub failures: Reverse<u64>,
    /// When it began.
    pub start: Option<Timestamp>,
    /// Its name.
    pub session: SessionKey,
    /// Where it was first heard.
    pub origin: Origin,
    /// How long it took, in nanoseconds.
    #[serde(with = "written::large")]
    pub nanos: Option<u64>,
    /// The user.
    pub user: Option<Text>,
    /// The client's end.
    pub client: Option<Endpoint>,
    /// Commands heard.
    pub commands: u64,
    /// The cause that occurs most often, and its code.
    pub cause: CauseId,
    /// The code that told of it.
    pub code: Option<ReplyCode>,
    /// How it ended.
    pub end: End,
}

/// Transfers of one direction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferTally {
    /// Begun.
    pub files: u64,
    /// Bytes moved, where known.
    #[serde(with = "written::large")]
    pub bytes: u64,
    /// Known not to be whole.
    pub incomplete: u64,
    /// Whose bytes nobody tells.
    pub unmeasured: u64,
    /// How large each was.
    pub sizes: Histogram,
    /// Bytes a second of each, where packets are at hand.
    pub rates: Histogram,
}

fn hidden_replies(session: &Session) -> u64 {
    let hidden = session.exchanges.iter().filter(|e| e.hidden);
    let replies = hidden.flat_map(Exchange::replies);
    replies.filter(|r| r.evidence == Evidence::Observed).count() as u64
}

impl SessionTally {
    pub(super) fn observe(&mut self, session: &Session, failures: &[Failure]) {
        let counted = failures.iter().filter(|f| !f.benign).count() as u64;
        self.total += 1;
        self.logged_in += u64::from(session.logged_in);
        self.failed += u64::from(counted > 0);
        self.protected += u64::from(session.is_behind_tls());
        self.joined += u64::from(session.joined);
        if session.joined {
            self.unhidden += u64::from(session.exchanges.iter().any(|e| e.hidden));
            self.hidden += hidden_replies(session);
        }
        self.joined_late += u64::from(is_joined_late(session));
        self.approximate += u64::from(session.approximate);
        self.ends.add(session.end());
        self.commands += session.commands;
        self.missing.0 = self.missing.0.saturating_add(session.missing.0);
        self.missing.1 += session.missing.1;
        self.elided += session.elided;
        self.elided_transfers.0 += session.elided_transfers;
        let bytes = self.elided_transfers.1;
        self.elided_transfers.1 = bytes.saturating_add(session.elided_bytes);
        let place = (Reverse(counted), session.start);
        if counted > 0 && self.worst.wants(|w| place <= (w.failures, w.start)) {
            self.worst.extend(Worst::of(session, failures));
        }
    }

    pub(super) fn absorb(&mut self, other: Self) {
        let Self {
            total,
            logged_in,
            failed,
            protected,
            joined,
            unhidden,
            hidden,
            joined_late,
            approximate,
            ends,
            commands,
            missing,
            elided,
            elided_transfers,
            worst,
        } = other;
        self.total += total;
        self.logged_in += logged_in;
        self.failed += failed;
        self.protected += protected;
        self.joined += joined;
        self.unhidden += unhidden;
        self.hidden += hidden;
        self.joined_late += joined_late;
        self.approximate += approximate;
        self.ends.absorb(ends);
        self.commands += commands;
        self.missing.0 = self.missing.0.saturating_add(missing.0);
        self.missing.1 += missing.1;
        self.elided += elided;
        self.elided_transfers.0 += elided_transfers.0;
        let bytes = self.elided_transfers.1;
        self.elided_transfers.1 = bytes.saturating_add(elided_transfers.1);
        self.worst.absorb(worst);
    }
}

impl Worst {
    /// `None` when nothing that counts failed.
    fn of(session: &Session, failures: &[Failure]) -> Option<Self> {
        let mut causes = Counts::default();
        for failure in failures.iter().filter(|f| !f.benign) {
            causes.add((failure.cause, failure.code));
        }
        let (cause, code) = *causes.most()?;
        let nanos = session.duration().map(|d| d.as_nanos());
        Some(Self {
            failures: Reverse(causes.total()),
            start: session.start,
            session: session.key,
            origin: session.origin,
            nanos: nanos.map(|n| u64::try_from(n).unwrap_or(u64::MAX)),
            user: session.user.clone(),
            client: session.client.clone(),
            commands: session.commands,
            cause,
            code,
            end: session.end(),
        })
    }
}

impl TransferTally {
    pub(super) fn observe(&mut self, session: &Session, transfer: &Transfer) {
        self.files += 1;
        match transfer.bytes {
            Some(bytes) => {
                self.sizes.add_number(bytes);
                self.bytes = self.bytes.saturating_add(bytes);
            }
            None => self.unmeasured += 1,
        }
        self.incomplete += u64::from(transfer.complete == Some(false));
        let exchange = transfer.exchange.and_then(|e| session.exchanges.get(e));
        let seen = exchange.and_then(|e| session.data_of(e)?.seen.as_deref());
        let rate = seen.and_then(|seen| seen.tcp.as_ref()?.bytes_a_second());
        if let Some(rate) = rate {
            self.rates.add_number(rate);
        }
    }
}

impl Part for TransferTally {
    fn absorb(&mut self, other: Self) {
        self.files += other.files;
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.incomplete += other.incomplete;
        self.unmeasured += other.unmeasured;
        self.sizes.absorb(other.sizes);
        self.rates.absorb(other.rates);
    }
}

/// Its beginning was not heard. A log need not say that a connection opens: a greeting shows it, and an attempt that failed
/// is all there is.
fn is_joined_late(session: &Session) -> bool {
    let greets = |e: &Exchange| e.command.is_none() && e.code().is_some_and(|c| c.number() == 220);
    let is_greeted =
        session.vantage != Vantage::Wire && session.exchanges.first().is_some_and(greets);
    let is_attempt = session.vantage == Vantage::ClientLog && session.fate() != Fate::Opened;
    !session.opened && !is_greeted && !is_attempt
}
