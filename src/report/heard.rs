//! What was heard from one vantage: rows in the order in which they are shown.

use std::cmp::Reverse;
use std::time::Duration;

use super::Options;
use super::groups::{GroupRows, Matrix, Order};
use super::hours::Hours;
use super::pattern::{self, Pattern, Patterns};
use super::protocol::Protocol;
use super::words::per_mille;
use crate::catalogue::{Cause, CauseId, Confidence, Party, catalogue};
use crate::diagnostic::Origin;
use crate::ftp::{
    Direction, End, Host, ReplyClass, ReplyCode, SessionKey, Uncounted, Vantage, Verb,
};
use crate::limits;
use crate::tally::{
    CauseTally, Histogram, LeftOut, LetIn, Named, Span, Table, TransferTally, UserTally,
    VantageTally, Worst,
};
use crate::text::Text;

/// Codes shown in the report; all are in the table of codes.
const FREQUENT_CODES: usize = 12;

/// A vantage, finished.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// Which; `None` when nothing was heard at all.
    pub vantage: Option<Vantage>,
    /// The first and the last time.
    pub span: Span,
    /// Replies observed.
    pub replies: u64,
    /// Replies that messages stand for.
    pub implied: u64,
    /// Messages that stand for one of several replies, and how often.
    pub candidates: Vec<(Uncounted, u64)>,
    /// Replies observed by first digit, those that occur.
    pub classes: Vec<(u8, u64)>,
    /// Replies by code.
    pub codes: Vec<CodeRow>,
    /// The most frequent codes, most frequent first.
    pub frequent: Vec<CodeRow>,
    /// Settled exchanges by verb and code.
    pub commands: Vec<CommandRow>,
    /// Replies and failures over time.
    pub hours: Hours,
    /// Sessions.
    pub sessions: SessionRows,
    /// Failed operations that count.
    pub failures: u64,
    /// Their causes, most frequent first.
    pub causes: Vec<CauseRow>,
    /// What harms nobody, most frequent first.
    pub not_counted: Vec<CauseRow>,
    /// Waits, the greeting's first, then by how often.
    pub latency: Vec<WaitRow>,
    /// Transfers by direction.
    pub transfers: Vec<TransferRow>,
    /// Transfers of long sessions whose direction was not kept, and their bytes.
    pub elided_transfers: (u64, u64),
    /// Clients with most failures.
    pub top_clients: Vec<(Host, u64)>,
    /// Users with most failures.
    pub top_users: Vec<(Text, u64)>,
    /// Different servers that the source names; as many as are kept apart.
    pub servers: usize,
    /// Servers with most failures.
    pub top_servers: Vec<(Host, u64)>,
    /// Paths with most failures.
    pub top_paths: Vec<(Text, u64)>,
    /// Clients that guess passwords, most tries first.
    pub guessers: Vec<Guesser>,
    /// What only shows across sessions.
    pub patterns: Patterns,
    /// What was said against the protocol.
    pub protocol: Protocol,
    /// True when there were too many clients, users, servers or paths to look at each.
    pub sampled: bool,
    /// What a filter took away.
    pub left_out: LeftOut,
    /// Commands and the codes that settled them.
    pub matrix: Matrix,
    /// By what was asked for.
    pub groups: Option<GroupRows>,
}

/// A reply code.
#[derive(Debug, Clone)]
pub struct CodeRow {
    /// The code.
    pub code: ReplyCode,
    /// Its name, where it is known.
    pub name: Option<&'static str>,
    /// Replies observed.
    pub observed: u64,
    /// Replies implied.
    pub implied: u64,
    /// Observed ones in parts of a thousand of the most frequent code's.
    pub bar: u64,
}

/// A command and the code that settled it.
#[derive(Debug, Clone, Copy)]
pub struct CommandRow {
    /// The verb; `None` where nobody asked.
    pub verb: Option<Verb>,
    /// The code.
    pub code: ReplyCode,
    /// How often.
    pub count: u64,
}

/// Sessions in numbers.
#[derive(Debug, Clone, Default)]
pub struct SessionRows {
    /// All.
    pub total: u64,
    /// With an accepted login.
    pub logged_in: u64,
    /// With a failure that counts.
    pub failed: u64,
    /// Without.
    pub clean: u64,
    /// With TLS, and in parts of a thousand of all.
    pub protected: (u64, u64),
    /// Put together of what a capture and a log hold.
    pub joined: u64,
    /// Of those with TLS, the ones that a log holds too.
    pub unhidden: u64,
    /// Replies that TLS hid from the capture and a log holds.
    pub hidden: u64,
    /// Whose opening was not heard.
    pub joined_late: u64,
    /// Put together by guess.
    pub approximate: u64,
    /// How they ended, most frequent first.
    pub ends: Vec<(End, u64)>,
    /// Commands heard.
    pub commands: u64,
    /// Bytes that the captures lack, and how often.
    pub missing: (u64, u64),
    /// Exchanges that were judged only by their codes.
    pub elided: u64,
    /// The worst ones.
    pub worst: Vec<Worst>,
}

/// How much a cause matters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// Good to know; for a verdict: nothing is wrong.
    #[default]
    Note,
    /// Something fails.
    Failure,
    /// A great part of all that fails.
    Severe,
}

impl Mark {
    /// Readable without colour.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Note => "i",
            Self::Failure => "!",
            Self::Severe => "!!",
        }
    }
}

/// A cause with its evidence.
#[derive(Debug, Clone)]
pub struct CauseRow {
    /// Its id.
    pub id: CauseId,
    /// What is known about it.
    pub entry: &'static Cause,
    /// How much it matters.
    pub mark: Mark,
    /// Who can mend it.
    pub side: Party,
    /// How sure it is, mostly.
    pub confidence: &'static str,
    /// Failed operations.
    pub count: u64,
    /// In parts of a thousand of all failures.
    pub share: u64,
    /// In parts of a thousand of the most frequent cause's.
    pub bar: u64,
    /// Sessions.
    pub sessions: u64,
    /// Different clients.
    pub clients: u64,
    /// Different users.
    pub users: u64,
    /// False when clients or users are estimates.
    pub exact: bool,
    /// The first and the last.
    pub span: Span,
    /// How they lie in time and place.
    pub pattern: Pattern,
    /// What shows it: of the first failures, each proof once.
    pub evidence: Vec<Evidence>,
}

/// Something one can open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Where.
    pub origin: Origin,
    /// The session.
    pub session: SessionKey,
    /// What stands there.
    pub text: Text,
}

/// How long the replies to a command took.
#[derive(Debug, Clone, Copy)]
pub struct WaitRow {
    /// The verb; `None` for the reply that says a transfer is over, counted from the last byte.
    pub verb: Option<Verb>,
    /// How many.
    pub count: u64,
    /// Half of them were not longer.
    pub p50: Duration,
    /// Nine of ten were not longer.
    pub p90: Duration,
    /// 99 of a hundred were not longer.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

/// Transfers of one direction.
#[derive(Debug, Clone)]
pub struct TransferRow {
    /// Which way.
    pub direction: Direction,
    /// How many, how large, how many broken.
    pub tally: TransferTally,
    /// How large they were, where known.
    pub sizes: Option<Spread>,
    /// Bytes a second, where packets are at hand.
    pub rates: Option<Spread>,
}

/// How numbers are spread.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    /// How many.
    pub count: u64,
    /// One of ten was not larger.
    pub p10: u64,
    /// Half of them were not larger.
    pub p50: u64,
    /// Nine of ten were not larger.
    pub p90: u64,
    /// The largest.
    pub max: u64,
}

impl Spread {
    fn new(histogram: &Histogram) -> Option<Self> {
        (histogram.count() > 0).then(|| Self {
            count: histogram.count(),
            p10: histogram.number_at(100),
            p50: histogram.number_at(500),
            p90: histogram.number_at(900),
            max: histogram.largest(),
        })
    }
}

/// A client that guesses passwords.
#[derive(Debug, Clone)]
pub struct Guesser {
    /// The client.
    pub client: Host,
    /// Logins refused.
    pub tries: u64,
    /// User names tried.
    pub users: u64,
    /// False when that is an estimate.
    pub exact: bool,
    /// Sessions in which it was let in.
    pub accepted: u64,
    /// The first of these after it had been refused.
    pub let_in: Option<LetIn>,
}

impl Heard {
    pub(super) fn new(vantage: Vantage, tally: &VantageTally, options: &Options) -> Self {
        let (top, order) = (options.top, options.order);
        let judged = tally.judged_causes();
        let of = |benign: bool| {
            let causes = judged.iter().filter(|(k, _)| k.1 == benign);
            cause_rows(tally, causes, order)
        };
        let (causes, not_counted) = (of(false), of(true));
        let exchanges = tally.exchanges.iter();
        let codes = code_rows(tally);
        let frequent = frequent(&codes);
        let command = |(&(verb, code), count)| CommandRow { verb, code, count };
        Self {
            vantage: Some(vantage),
            span: tally.span,
            replies: tally.observed.total(),
            implied: tally.implied.total(),
            candidates: tally
                .candidates
                .iter()
                .map(|(reply, n)| (reply.clone(), n))
                .collect(),
            classes: classes(tally),
            codes: in_order(codes, order),
            frequent,
            commands: exchanges.map(command).collect(),
            hours: Hours::new(&tally.timeline),
            sessions: session_rows(tally, top),
            failures: causes.iter().map(|c| c.count).sum(),
            causes,
            not_counted,
            latency: wait_rows(tally),
            transfers: transfer_rows(tally),
            elided_transfers: tally.sessions.elided_transfers,
            top_clients: top_rows(client_failures(tally), top),
            top_users: top_rows(failures_of(&tally.users), top),
            servers: tally.servers.iter().count(),
            top_servers: top_rows(failures_of(&tally.servers), top),
            top_paths: top_rows(path_failures(tally), top),
            guessers: guessers(tally),
            patterns: Patterns::new(tally, top),
            protocol: Protocol::new(tally),
            sampled: is_sampled(tally),
            left_out: tally.left_out,
            matrix: Matrix::new(tally),
            groups: GroupRows::new(tally, options),
        }
    }
}

fn classes(tally: &VantageTally) -> Vec<(u8, u64)> {
    let of = |class: ReplyClass| {
        let codes = tally.observed.iter().filter(|(c, _)| c.class() == class);
        (class.digit(), codes.map(|(_, n)| n).sum())
    };
    let all = ReplyClass::ALL.into_iter().map(of);
    all.filter(|(_, n)| *n > 0).collect()
}

fn code_rows(tally: &VantageTally) -> Vec<CodeRow> {
    let mut codes: Vec<ReplyCode> = tally.observed.iter().map(|(code, _)| *code).collect();
    codes.extend(tally.implied.iter().map(|(code, _)| *code));
    codes.sort_unstable();
    codes.dedup();
    let most = tally.observed.most().map_or(0, |c| tally.observed.get(c));
    let row = |code: ReplyCode| {
        let observed = tally.observed.get(&code);
        CodeRow {
            code,
            name: catalogue().reply(code).map(|r| r.name.as_str()),
            observed,
            implied: tally.implied.get(&code),
            bar: per_mille(observed, most),
        }
    };
    codes.into_iter().map(row).collect()
}

fn frequent(codes: &[CodeRow]) -> Vec<CodeRow> {
    let mut codes = in_order(codes.to_vec(), Some(Order::Count));
    codes.truncate(FREQUENT_CODES);
    codes
}

/// By code, or most frequent first.
fn in_order(mut codes: Vec<CodeRow>, order: Option<Order>) -> Vec<CodeRow> {
    if order == Some(Order::Count) {
        codes.sort_by_key(|row| (Reverse(row.observed), Reverse(row.implied), row.code));
    }
    codes
}

fn session_rows(tally: &VantageTally, top: usize) -> SessionRows {
    let sessions = &tally.sessions;
    let mut ends: Vec<_> = sessions.ends.iter().map(|(end, n)| (*end, n)).collect();
    ends.sort_by_key(|(end, n)| (Reverse(*n), *end));
    let share = per_mille(sessions.protected, sessions.total);
    SessionRows {
        total: sessions.total,
        logged_in: sessions.logged_in,
        failed: sessions.failed,
        clean: sessions.total.saturating_sub(sessions.failed),
        protected: (sessions.protected, share),
        joined: sessions.joined,
        unhidden: sessions.unhidden,
        hidden: sessions.hidden,
        joined_late: sessions.joined_late,
        approximate: sessions.approximate,
        ends,
        commands: sessions.commands,
        missing: sessions.missing,
        elided: sessions.elided,
        worst: sessions.worst.iter().take(top).cloned().collect(),
    }
}

type Causes<'a> = (
    &'a (CauseId, bool),
    &'a CauseTally<{ limits::DISTINCT_EXACT }>,
);

fn cause_rows<'a>(
    all: &VantageTally,
    causes: impl Iterator<Item = Causes<'a>>,
    order: Option<Order>,
) -> Vec<CauseRow> {
    let mut causes: Vec<_> = causes.collect();
    causes.sort_by_key(|(key, tally)| (Reverse(tally.count), **key));
    let total = causes.iter().map(|(_, tally)| tally.count).sum();
    let most = causes.first().map_or(0, |(_, tally)| tally.count);
    match order {
        Some(Order::Name) => causes.sort_by_key(|(key, _)| **key),
        Some(Order::First) => causes.sort_by_key(|(_, tally)| tally.span.first()),
        Some(Order::Sessions) => causes.sort_by_key(|(_, tally)| Reverse(tally.sessions)),
        _ => {}
    }
    let row = |(key, tally): &Causes<'_>| CauseRow {
        pattern: Pattern::new(key.0, tally, all),
        ..cause_row(key.0, tally, total, most)
    };
    causes.iter().map(row).collect()
}

fn cause_row(
    id: CauseId,
    tally: &CauseTally<{ limits::DISTINCT_EXACT }>,
    total: u64,
    most: u64,
) -> CauseRow {
    let entry = catalogue().cause(id);
    let side = entry.side;
    let share = per_mille(tally.count, total);
    let mut evidence = Vec::new();
    for exemplar in tally.exemplars.iter() {
        for proof in &exemplar.proofs {
            let shown = Evidence {
                origin: proof.origin,
                session: exemplar.session,
                text: proof.text.clone(),
            };
            if !evidence.contains(&shown) {
                evidence.push(shown);
            }
        }
    }
    CauseRow {
        id,
        entry,
        mark: match side {
            _ if share >= 250 => Mark::Severe,
            Party::Policy => Mark::Note,
            _ => Mark::Failure,
        },
        side,
        confidence: tally
            .confidences
            .most()
            .map_or("possible", |c| confidence_word(*c)),
        count: tally.count,
        share,
        bar: per_mille(tally.count, most),
        sessions: tally.sessions,
        clients: tally.clients.count(),
        users: tally.users.count(),
        exact: tally.clients.is_exact() && tally.users.is_exact(),
        span: tally.span,
        pattern: Pattern::default(),
        evidence,
    }
}

/// A guess from the code alone is one possibility of several.
pub(super) fn confidence_word(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Code => Confidence::Possible.id(),
        known => known.id(),
    }
}

fn wait_rows(tally: &VantageTally) -> Vec<WaitRow> {
    let row = |verb: Option<Verb>, waits: &Histogram| WaitRow {
        verb,
        count: waits.count(),
        p50: waits.quantile(500),
        p90: waits.quantile(900),
        p99: waits.quantile(990),
        max: waits.max(),
    };
    let mut rows: Vec<_> = tally
        .waits
        .iter()
        .map(|(verb, waits)| row(Some(*verb), waits))
        .collect();
    let greeting = |r: &WaitRow| r.verb != Some(Verb::CONNECT);
    rows.sort_by_key(|r| (greeting(r), Reverse(r.count), r.verb));
    if tally.goodbyes.count() > 0 {
        rows.push(row(None, &tally.goodbyes));
    }
    rows
}

fn transfer_rows(tally: &VantageTally) -> Vec<TransferRow> {
    let row = |(direction, tally): (&Direction, &TransferTally)| TransferRow {
        direction: *direction,
        tally: tally.clone(),
        sizes: Spread::new(&tally.sizes),
        rates: Spread::new(&tally.rates),
    };
    tally.transfers.iter().map(row).collect()
}

fn client_failures(tally: &VantageTally) -> Vec<(Host, u64)> {
    let row = |(host, client): (&Option<Host>, &crate::tally::ClientTally)| {
        Some((host.clone()?, client.failures))
    };
    tally.clients.iter().filter_map(row).collect()
}

fn failures_of<K: Named>(table: &Table<K, UserTally>) -> Vec<(K, u64)> {
    let rows = table.iter();
    rows.map(|(name, row)| (name.clone(), row.failures))
        .collect()
}

fn path_failures(tally: &VantageTally) -> Vec<(Text, u64)> {
    let paths = tally.paths.iter();
    paths
        .map(|(path, row)| (path.clone(), row.failures))
        .collect()
}

fn is_sampled(tally: &VantageTally) -> bool {
    let hosts = tally.clients.is_sample() || tally.servers.is_sample();
    hosts || tally.users.is_sample() || tally.paths.is_sample()
}

fn top_rows<K: Ord>(mut rows: Vec<(K, u64)>, top: usize) -> Vec<(K, u64)> {
    rows.retain(|(_, failures)| *failures > 0);
    rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    rows.truncate(top);
    rows
}

fn guessers(tally: &VantageTally) -> Vec<Guesser> {
    let guessing = tally.clients.iter().filter(|(_, client)| client.guesses());
    let row = |(host, client): (&Option<Host>, &crate::tally::ClientTally)| {
        Some(Guesser {
            client: host.clone()?,
            tries: client.failed_logins,
            users: client.users.count(),
            exact: client.users.is_exact(),
            accepted: client.accepted_logins,
            let_in: pattern::let_in_after(client),
        })
    };
    let mut rows: Vec<_> = guessing.filter_map(row).collect();
    rows.sort_by(|a, b| b.tries.cmp(&a.tries).then_with(|| a.client.cmp(&b.client)));
    rows
}
