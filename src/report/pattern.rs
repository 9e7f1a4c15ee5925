//! How failures lie in time and place, what they have in common, and what only shows across sessions.
//!
//! The last arithmetic over [`crate::tally`]'s sums; what says nothing is left out. `told` has the words for it.

mod told;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use super::words::per_mille;
use crate::catalogue::CauseId;
use crate::ftp::Verb;
use crate::tally::{
    Attribute, CauseTally, ClearLogins, LetIn, Limit, Share, Span, UserTally, VantageTally,
};
use crate::text::Text;
use crate::time::Timestamp;

pub(super) use told::{
    guessed, lines, logins, of_all, section, shared_about, shared_cells, told_logins, told_pattern,
};

/// Failures below which nothing is said about when they came.
const BURST: u64 = 10;
/// Failures, and other operations, below which nothing is said about what they share.
const SHARED: u64 = 5;
/// Rows of what failures share.
const SHARED_ROWS: usize = 5;

/// How the failures of one cause lie in time and place.
#[derive(Debug, Clone, Default)]
pub struct Pattern {
    /// Half of them or more in a short time, where the rest took much longer.
    pub burst: Option<Burst>,
    /// From the beginning of the input to the first, where that is long.
    pub began_after: Option<Duration>,
    /// The only directory that paths name.
    pub directory: Option<Text>,
    /// Sessions open when others were turned away.
    pub open: Option<AtOnce>,
    /// Passive ports given out: the lowest, the highest, how many.
    pub ports: Option<(u64, u64, u64)>,
}

/// Many failures in a short time.
#[derive(Debug, Clone, Copy)]
pub struct Burst {
    /// How many.
    pub count: u64,
    /// In how many seconds.
    pub seconds: i64,
    /// From when on.
    pub from: Timestamp,
}

/// Sessions open when others were turned away.
#[derive(Debug, Clone, Copy)]
pub struct AtOnce {
    /// Whose sessions are counted.
    pub limit: Limit,
    /// The fewest.
    pub least: u64,
    /// The most.
    pub most: u64,
    /// Sessions turned away.
    pub refusals: u64,
}

/// A value that failed operations have more often than others.
#[derive(Debug, Clone)]
pub struct SharedRow {
    /// Of which attribute.
    pub attribute: &'static str,
    /// The value.
    pub value: Text,
    /// Failed operations with it, and in parts of a thousand of all failed ones.
    pub failed: (u64, u64),
    /// Other operations with it, and in parts of a thousand of all others.
    pub others: (u64, u64),
    /// How many times more often, in tenths; `None` where no other operation has it.
    pub tenths: Option<u64>,
}

/// Guesses that are spread over clients.
#[derive(Debug, Clone)]
pub struct SpreadRow {
    /// `network` or `user`.
    pub kind: &'static str,
    /// Which.
    pub value: Text,
    /// Clients.
    pub clients: u64,
    /// Logins refused.
    pub tries: u64,
    /// Sessions in which one was let in.
    pub accepted: u64,
}

/// A user who was let in before, and is refused ever since.
#[derive(Debug, Clone)]
pub struct TurnedAway {
    /// The user.
    pub user: Text,
    /// Logins refused.
    pub tries: u64,
    /// From so many clients.
    pub clients: u64,
    /// The first and the last of these.
    pub refused: Span,
    /// When the user was let in last.
    pub let_in: Option<Timestamp>,
}

/// Logins in clear text.
#[derive(Debug, Clone, Default)]
pub struct ClearRow {
    /// Sessions.
    pub count: u64,
    /// Users.
    pub users: u64,
    /// A few of their names.
    pub names: Vec<Text>,
}

/// What only shows across sessions.
#[derive(Debug, Clone, Default)]
pub struct Patterns {
    /// Clients, where they are known exactly.
    pub clients: Option<u64>,
    /// Users, where they are known exactly.
    pub users: Option<u64>,
    /// What failures share, the most telling first.
    pub shared: Vec<SharedRow>,
    /// Failed operations, and others, that this is about.
    pub operations: (u64, u64),
    /// Guesses that are spread.
    pub spread: Vec<SpreadRow>,
    /// Users refused since some time.
    pub turned_away: Vec<TurnedAway>,
    /// Logins in clear text.
    pub clear: ClearRow,
}

impl Patterns {
    pub(super) fn new(tally: &VantageTally, top: usize) -> Self {
        let exact = !tally.clients.is_sample() && !tally.users.is_sample();
        let clients = tally.clients.iter().filter(|(host, _)| host.is_some());
        let total = tally.shares.total;
        Self {
            clients: exact.then(|| clients.count() as u64),
            users: exact.then(|| tally.users.iter().count() as u64),
            shared: shared(tally),
            operations: (total.failed, total.all.saturating_sub(total.failed)),
            spread: spread(tally, top),
            turned_away: turned_away(tally, top),
            clear: ClearRow::new(&tally.across.clear),
        }
    }
}

impl ClearRow {
    fn new(logins: &ClearLogins) -> Self {
        Self {
            count: logins.count,
            users: logins.users.count(),
            names: logins.names.iter().cloned().collect(),
        }
    }
}

impl Pattern {
    pub(super) fn new<const N: usize>(
        id: CauseId,
        failures: &CauseTally<N>,
        tally: &VantageTally,
    ) -> Self {
        let mut directories = failures.directories.iter();
        let limit = Limit::of(id.name());
        let ports = tally
            .across
            .ports
            .range()
            .filter(|_| id.name() == "data-pool-exhausted");
        Self {
            burst: burst(failures),
            began_after: began_after(failures.span, tally.span),
            directory: directories
                .next()
                .filter(|_| directories.next().is_none())
                .cloned(),
            open: limit.and_then(|limit| at_once(limit, tally)),
            ports,
        }
    }
}

/// Two stretches side by side that hold half of all failures or more, where all took five times as long.
fn burst<const N: usize>(failures: &CauseTally<N>) -> Option<Burst> {
    let seconds = failures.pace.seconds();
    let stretches: Vec<(i64, u64)> = failures.pace.iter().collect();
    let with_next = stretches.iter().enumerate().map(|(index, (from, n))| {
        let next = stretches
            .get(index + 1)
            .filter(|(next, _)| *next == from + seconds);
        (n + next.map_or(0, |(_, n)| *n), Reverse(*from))
    });
    let (count, Reverse(from)) = with_next.max()?;
    let span = failures.span.last()?.since(failures.span.first()?);
    let long = span.as_secs() >= seconds.unsigned_abs().saturating_mul(10);
    let many = failures.count >= BURST && count * 2 >= failures.count;
    (many && long).then(|| Burst {
        count,
        seconds: seconds * 2,
        from: Timestamp::from_seconds(from, 0),
    })
}

/// A tenth of the input, and ten minutes at the least, had gone by.
fn began_after(failures: Span, all: Span) -> Option<Duration> {
    let after = failures.first()?.since(all.first()?);
    let span = all.last()?.since(all.first()?);
    (after >= Duration::from_secs(600) && after >= span / 10).then_some(after)
}

fn at_once(limit: Limit, tally: &VantageTally) -> Option<AtOnce> {
    let counts = tally.across.opened.at_refusals(limit);
    let least = counts.iter().next().map(|(open, _)| *open)?;
    let most = counts.iter().last().map(|(open, _)| *open)?;
    Some(AtOnce {
        limit,
        least,
        most,
        refusals: counts.total(),
    })
}

/// Values that half of the failed operations have, twice as often as others do.
fn shared(tally: &VantageTally) -> Vec<SharedRow> {
    let shares = &tally.shares;
    let total = shares.total;
    let mut rows: Vec<SharedRow> = Vec::new();
    for (attribute, values) in &shares.by_value {
        let told = values.iter().filter_map(|(value, share)| {
            SharedRow::new(attribute.id(), || value.text(), *share, total)
        });
        rows.extend(told);
    }
    rows.extend(shared_commands(tally));
    // The strongest first; a network that is one client only says nothing more.
    rows.sort_by(|a, b| (Reverse(a.strength()), &a.value).cmp(&(Reverse(b.strength()), &b.value)));
    let clients: Vec<u64> = rows
        .iter()
        .filter(|r| r.attribute == "client")
        .map(|r| r.failed.0)
        .collect();
    rows.retain(|row| row.attribute != Attribute::Network.id() || !clients.contains(&row.failed.0));
    rows.truncate(SHARED_ROWS);
    rows
}

/// The same of commands. That failed logins have PASS in common needs no saying.
fn shared_commands(tally: &VantageTally) -> Vec<SharedRow> {
    let mut by_verb: BTreeMap<Verb, Share> = BTreeMap::new();
    for (_, cause) in tally.causes.iter().filter(|((_, benign), _)| !benign) {
        for (verb, n) in cause.verbs.iter() {
            by_verb.entry(*verb).or_default().failed += n;
        }
    }
    for ((verb, _), n) in tally.exchanges.iter() {
        if let Some(share) = verb.and_then(|verb| by_verb.get_mut(&verb)) {
            share.all += n;
        }
    }
    let is_login = |verb: Verb| matches!(verb, Verb::USER | Verb::PASS | Verb::ACCT);
    let told = by_verb.into_iter().filter(|(verb, _)| !is_login(*verb));
    let row = |(verb, share): (Verb, Share)| {
        SharedRow::new(
            "command",
            || verb.to_string().into(),
            share,
            tally.shares.total,
        )
    };
    told.filter_map(row).collect()
}

impl SharedRow {
    fn new(
        attribute: &'static str,
        value: impl Fn() -> Text,
        share: Share,
        total: Share,
    ) -> Option<Self> {
        let others = share.all.saturating_sub(share.failed);
        let all_others = total.all.saturating_sub(total.failed);
        let failed = (share.failed, per_mille(share.failed, total.failed));
        let others = (others, per_mille(others, all_others));
        let tenths = (failed.1 * 10).checked_div(others.1);
        let tells = tenths.is_none_or(|tenths| tenths >= 20);
        let enough = share.failed >= SHARED && all_others >= SHARED && failed.1 >= 500;
        (tells && enough).then_some(Self {
            attribute,
            value: value(),
            failed,
            others,
            tenths,
        })
    }

    fn strength(&self) -> (u64, u64) {
        (self.tenths.unwrap_or(u64::MAX), self.failed.0)
    }
}

fn spread(tally: &VantageTally, top: usize) -> Vec<SpreadRow> {
    let spread = tally.spread();
    let networks = spread
        .networks
        .into_iter()
        .map(|(value, g)| ("network", value, g));
    let users = spread
        .users
        .into_iter()
        .map(|(value, g)| ("user", value, g));
    let mut rows: Vec<SpreadRow> = networks
        .chain(users)
        .map(|(kind, value, guesses)| SpreadRow {
            kind,
            value,
            clients: guesses.clients,
            tries: guesses.tries,
            accepted: guesses.accepted,
        })
        .collect();
    rows.sort_by_key(|row| Reverse(row.tries));
    rows.truncate(top);
    rows
}

fn turned_away(tally: &VantageTally, top: usize) -> Vec<TurnedAway> {
    let users = tally.users.iter().filter(|(_, user)| user.is_turned_away());
    let row = |(name, user): (&Text, &UserTally)| TurnedAway {
        user: name.clone(),
        tries: user.failed_logins,
        clients: user.refused_clients.count(),
        refused: user.refused,
        let_in: user.let_in.last(),
    };
    let mut rows: Vec<_> = users.map(row).collect();
    rows.sort_by(|a, b| (Reverse(a.tries), &a.user).cmp(&(Reverse(b.tries), &b.user)));
    rows.truncate(top);
    rows
}

/// The first session in which a client that guesses was let in after it had been refused.
pub(super) fn let_in_after(client: &crate::tally::ClientTally) -> Option<LetIn> {
    let refused = client.failed_span.first()?;
    let mut let_in = client.let_in.iter();
    let_in
        .find(|one| one.at.is_some_and(|at| at >= refused))
        .cloned()
}
