//! Where sessions are counted at first: in tables without order, which are put in order when all is over.
//!
//! To find a key among ordered ones, and to make the hash by which it is drawn for a sample, is most of what counting
//! would cost. Here that is done once for each client, user, path, and pair of command and code of many sessions. Sums do
//! not depend on how they are put together, so nothing shows of this. What is met seldom goes to its place at once.

use std::collections::BTreeMap;

use super::cause;
use super::client::{ClientTally, PathTally, UserTally};
use super::histogram::Histogram;
use super::shares::{self, Attribute, Share, Shares, Value};
use super::timeline::{Bucket, Timeline};
use super::who::{Named, Part, Table};
use super::{Tallies, VantageTally};
use crate::cause::Failure;
use crate::ftp::{DataMode, Endpoint, Evidence, Host, ReplyCode, Vantage, Verb};
use crate::limits;
use crate::lookup::Lookup;
use crate::session::{Exchange, KeptReply, Session};
use crate::text::Text;
use crate::time::Timestamp;

/// What was counted of sessions and is not in order yet.
#[derive(Debug, Default)]
pub struct Gather(BTreeMap<Vantage, Gathered>);

impl Gather {
    /// Adds a session that is over, with all that it keeps and its failures.
    pub fn observe(&mut self, session: &Session, failures: &[Failure]) {
        let gathered = self.0.entry(session.vantage).or_default();
        gathered.observe(session, failures);
    }

    /// True when a failure that is added next would be kept as an example: then its proofs are wanted.
    pub fn shows(&self, session: &Session, failure: &Failure) -> bool {
        let Some(gathered) = self.0.get(&session.vantage) else {
            return true;
        };
        let causes = &gathered.tally.causes;
        let cause = causes.get(&(failure.cause, failure.benign));
        let client = || gathered.clients.get(&client_of(session));
        cause.is_none_or(|cause| cause.shows(failure))
            || cause::refused_login(failure.cause)
                && client().is_none_or(|client| client.tally.refused.shows(failure))
    }

    /// Puts everything in order.
    pub fn finish(self) -> Tallies {
        let in_order = self.0.into_iter().map(|(v, part)| (v, part.finish()));
        Tallies {
            by_vantage: in_order.collect(),
            ..Tallies::default()
        }
    }
}

/// The hashes of who speaks in a session, made once.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Speakers {
    /// Of the client; 0 where there is none.
    pub(super) client: u64,
    /// Of the user; 0 where there is none.
    pub(super) user: u64,
}

/// Rows in the order in which their keys came, found by a hash.
#[derive(Debug)]
struct Rows<K, V> {
    places: Lookup<K, usize>,
    rows: Vec<(K, V)>,
}

impl<K, V> Default for Rows<K, V> {
    fn default() -> Self {
        Self {
            places: Lookup::default(),
            rows: Vec::new(),
        }
    }
}

impl<K: Clone + Eq + std::hash::Hash, V> Rows<K, V> {
    /// A key's row, which `new` makes where there is none. There always is one then.
    fn row(&mut self, key: &K, new: impl FnOnce() -> V) -> Option<&mut V> {
        let known = self.places.get(key).copied();
        let place = known.unwrap_or(self.rows.len());
        if known.is_none() {
            self.rows.push((key.clone(), new()));
            self.places.insert(key.clone(), place);
        }
        self.rows.get_mut(place).map(|(_, row)| row)
    }

    fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(*self.places.get(key)?).map(|(_, row)| row)
    }

    fn is_full(&self) -> bool {
        self.rows.len() >= limits::GATHERED_ROWS
    }

    /// Takes all rows out.
    fn take(&mut self) -> Vec<(K, V)> {
        std::mem::take(self).rows
    }
}

/// What one client did.
#[derive(Debug, Default)]
struct Client {
    hash: u64,
    tally: ClientTally,
    share: Share,
}

/// What one user did, or was done at one server.
#[derive(Debug, Default)]
struct User {
    hash: u64,
    tally: UserTally,
    share: Share,
}

/// Exchanges with one command and one code.
#[derive(Debug, Default)]
struct Settled {
    count: u64,
    waits: Histogram,
}

/// Replies and failures of the hour that was met last.
#[derive(Debug, Default)]
struct Hour {
    begin: Option<Timestamp>,
    sum: Bucket,
}

impl Hour {
    fn add(&mut self, timeline: &mut Timeline, at: Timestamp, one: Bucket) {
        let is_within = |begin: Timestamp| {
            const HOUR: i64 = 3_600_000_000_000;
            (0..HOUR).contains(&at.nanos().saturating_sub(begin.nanos()))
        };
        if !self.begin.is_some_and(is_within) {
            self.put(timeline);
            let second = at.seconds();
            self.begin = Some(Timestamp::from_seconds(second - second.rem_euclid(3600), 0));
        }
        self.sum.absorb(one);
    }

    fn put(&mut self, timeline: &mut Timeline) {
        if let Some(begin) = self.begin.take() {
            timeline.add(begin, std::mem::take(&mut self.sum));
        }
    }
}

/// What was heard from one vantage.
#[derive(Debug, Default)]
struct Gathered {
    /// What is in order.
    tally: VantageTally,
    /// Replies observed, by their codes; as many as the highest code that was met asks for.
    observed: Vec<u64>,
    hour: Hour,
    exchanges: Rows<(Option<Verb>, ReplyCode), Settled>,
    clients: Rows<Option<Host>, Client>,
    users: Rows<Text, User>,
    servers: Rows<Endpoint, User>,
    /// In clear, behind TLS.
    tls: [Option<Share>; 2],
    modes: Rows<DataMode, Share>,
    paths: Rows<Text, PathTally>,
}

impl Gathered {
    fn observe(&mut self, session: &Session, failures: &[Failure]) {
        self.make_room();
        self.tally.span.add(session.start);
        self.tally.span.add(session.last);
        self.tally.sessions.observe(session, failures);
        for exchange in &session.exchanges {
            self.exchange(exchange);
        }
        for (reply, count) in &session.candidates {
            self.tally.candidates.add_many((*reply).clone(), *count);
        }
        let speakers = self.observe_speakers(session, failures);
        self.observe_failures(session, failures, speakers);
        self.tally.observe_transfers(session);
        self.tally.across.observe(session, failures, speakers);
        self.tally.breaches.observe(session);
    }

    fn reply(&mut self, reply: &KeptReply) {
        self.tally.span.add(reply.at);
        if reply.evidence != Evidence::Observed {
            self.tally.implied.add(reply.code);
            return;
        }
        let place = usize::from(reply.code.number());
        if place >= self.observed.len() {
            self.observed.resize(place + 1, 0);
        }
        if let Some(count) = self.observed.get_mut(place) {
            *count += 1;
        }
        if let Some(at) = reply.at {
            let one = Bucket {
                replies: 1,
                failures: 0,
            };
            self.hour.add(&mut self.tally.timeline, at, one);
        }
    }

    /// As [`VantageTally::observe_exchange`] does.
    fn exchange(&mut self, exchange: &Exchange) {
        self.tally.span.add(exchange.sent);
        for reply in exchange.replies() {
            self.reply(reply);
        }
        let Some(code) = exchange.code() else { return };
        let verb = exchange.asked();
        let waited = exchange.measured_wait().filter(|_| verb.is_some());
        if let Some(row) = self.exchanges.row(&(verb, code), Settled::default) {
            row.count += 1;
            if let Some(waited) = waited {
                row.waits.add(waited);
            }
        }
    }

    /// Adds to the rows of client, user and server, and to what sessions have in common.
    fn observe_speakers(&mut self, session: &Session, failures: &[Failure]) -> Speakers {
        let share = Share::of(session, failures);
        self.tally.shares.total.absorb(share);
        let mut speakers = Speakers::default();
        let mut user = session.user.as_ref().and_then(|user| {
            let new = || User {
                hash: user.hash(),
                ..User::default()
            };
            self.users.row(user, new)
        });
        speakers.user = user.as_ref().map_or(0, |row| row.hash);
        let client = client_of(session);
        let new = || Client {
            hash: client.hash(),
            ..Client::default()
        };
        if let Some(row) = self.clients.row(&client, new) {
            speakers.client = row.hash;
            row.share.absorb(share);
            row.tally.observe(session, failures, speakers);
        }
        let server = session.server.as_ref();
        let server = server.and_then(|server| self.servers.row(server, User::default));
        for row in user.iter_mut().map(|row| &mut **row).chain(server) {
            row.share.absorb(share);
            row.tally.observe(session, failures, speakers);
        }
        if session.commands > 0 {
            let [clear, behind_tls] = &mut self.tls;
            let is_behind = session.is_behind_tls();
            let row = if is_behind { behind_tls } else { clear };
            row.get_or_insert_default().absorb(share);
        }
        let mode = shares::mode(session);
        if let Some(row) = mode.and_then(|mode| self.modes.row(&mode, Share::default)) {
            row.absorb(share);
        }
        speakers
    }

    fn observe_failures(&mut self, session: &Session, failures: &[Failure], speakers: Speakers) {
        let key = |f: &Failure| (f.cause, f.benign);
        for (index, failure) in failures.iter().enumerate() {
            let before = failures.get(..index).unwrap_or_default();
            // A session has few failures, or thousands of the same few causes.
            let new = !before.iter().rev().any(|f| key(f) == key(failure));
            let tally = self.tally.causes.entry(key(failure)).or_default();
            tally.add(session, failure, new, speakers);
            if failure.benign {
                continue;
            }
            if let Some(at) = failure.at.or(session.start) {
                let one = Bucket {
                    replies: 0,
                    failures: 1,
                };
                self.hour.add(&mut self.tally.timeline, at, one);
            }
            let path = failure.path(session);
            if let Some(row) = path.and_then(|path| self.paths.row(path, PathTally::default)) {
                row.failures += 1;
            }
        }
    }

    /// Puts those rows in order of which there are many.
    fn make_room(&mut self) {
        if self.clients.is_full() {
            self.put_clients();
        }
        if self.users.is_full() {
            self.put_users();
        }
        if self.servers.is_full() {
            self.put_servers();
        }
        if self.paths.is_full() {
            put(&mut self.tally.paths, self.paths.take());
        }
    }

    fn put_clients(&mut self) {
        let VantageTally {
            shares, clients, ..
        } = &mut self.tally;
        for (host, row) in self.clients.take() {
            if let Some(host) = &host {
                shares.put(Attribute::Client, &Value::Host(host.clone()), row.share);
                if let Some(network) = Value::network(host) {
                    shares.put(Attribute::Network, &network, row.share);
                }
            }
            put(clients, [(host, row.tally)]);
        }
    }

    fn put_users(&mut self) {
        let VantageTally { shares, users, .. } = &mut self.tally;
        for (user, row) in self.users.take() {
            shares.put(Attribute::User, &Value::User(user.clone()), row.share);
            put(users, [(user, row.tally)]);
        }
    }

    fn put_servers(&mut self) {
        let VantageTally {
            shares, servers, ..
        } = &mut self.tally;
        for (server, row) in self.servers.take() {
            let host = server.host.clone();
            shares.put(Attribute::Server, &Value::End(server), row.share);
            put(servers, [(host, row.tally)]);
        }
    }

    fn put_words(&mut self) {
        let shares: &mut Shares = &mut self.tally.shares;
        for (is_behind, share) in [false, true].into_iter().zip(self.tls) {
            if let Some(share) = share {
                shares.put(Attribute::Tls, &Value::Tls(is_behind), share);
            }
        }
        for (mode, share) in self.modes.take() {
            shares.put(Attribute::Mode, &Value::Mode(mode), share);
        }
    }

    fn finish(mut self) -> VantageTally {
        if self.tally.sessions.total > 0 {
            self.tally.shares.begin();
        }
        self.put_clients();
        self.put_users();
        self.put_servers();
        self.put_words();
        put(&mut self.tally.paths, self.paths.take());
        self.hour.put(&mut self.tally.timeline);
        for (number, count) in (0..).zip(self.observed) {
            if let Some(code) = ReplyCode::new(number) {
                self.tally.observed.add_many(code, count);
            }
        }
        for ((verb, code), settled) in self.exchanges.take() {
            self.tally.exchanges.add_many((verb, code), settled.count);
            if let Some(verb) = verb.filter(|_| settled.waits.count() > 0) {
                let waits = self.tally.waits.entry(verb).or_default();
                waits.absorb(settled.waits);
            }
        }
        self.tally
    }
}

fn client_of(session: &Session) -> Option<Host> {
    session.client.as_ref().map(|client| client.host.clone())
}

fn put<K: Named, V: Part>(table: &mut Table<K, V>, rows: impl IntoIterator<Item = (K, V)>) {
    for (key, part) in rows {
        if let Some(row) = table.row(&key) {
            row.absorb(part);
        }
    }
}
