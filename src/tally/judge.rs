//! Causes that only show across sessions: guessing passwords, a pool of passive ports that is used up, a firewall that is
//! blind behind TLS.
//!
//! Says of failures whose cause was told session by session that they are part of something larger. Adds nothing up.

use std::collections::{BTreeMap, BTreeSet};

use super::cause::{CauseTally, Causes, refused_login};
use super::count::Counts;
use super::shares::network;
use super::who::Named;
use super::{ClientTally, UserTally, VantageTally};
use crate::catalogue::{CauseId, Confidence, catalogue};
use crate::ftp::Host;
use crate::limits;
use crate::text::Text;

/// Guesses that are spread so that no client stands out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spread {
    /// Networks whose clients guess together, with what they did.
    pub networks: BTreeMap<Text, Guesses>,
    /// Users that many clients try and none gets in as.
    pub users: BTreeMap<Text, Guesses>,
}

/// What was guessed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Guesses {
    /// Clients.
    pub clients: u64,
    /// Logins refused.
    pub tries: u64,
    /// Sessions in which one was let in.
    pub accepted: u64,
}

impl ClientTally {
    /// True when so many logins failed, and more than were accepted, that passwords are being guessed: behind an address
    /// with many honest users most logins are good.
    pub fn guesses(&self) -> bool {
        self.failed_logins >= limits::BRUTE_FORCE_LOGINS && self.mostly_fails()
    }

    fn mostly_fails(&self) -> bool {
        self.failed_logins > self.accepted_logins
    }
}

impl UserTally {
    /// Refused from so many clients, and never let in.
    fn is_targeted(&self) -> bool {
        self.refused_clients.count() >= limits::BRUTE_FORCE_CLIENTS && self.let_in.first().is_none()
    }

    /// Let in before and refused ever since: something changed on the server, or the password did.
    pub fn is_turned_away(&self) -> bool {
        let since = self.refused.first().zip(self.let_in.last());
        let ever_since = since.is_some_and(|(refused, let_in)| let_in < refused);
        ever_since && self.failed_logins >= limits::TURNED_AWAY_LOGINS
    }
}

impl VantageTally {
    /// The causes, with those failures that are part of something larger shown as what they are.
    pub fn judged_causes(&self) -> Causes {
        let mut causes = self.causes.clone();
        self.judge_guesses(&mut causes);
        self.judge_pool(&mut causes);
        self.judge_firewall(&mut causes);
        causes
    }

    /// Clients that guess together, or one user from many places. Those that guess alone are not listed.
    pub fn spread(&self) -> Spread {
        let mut spread = Spread::default();
        let clients = self
            .clients
            .iter()
            .filter_map(|(host, tally)| Some((host.as_ref()?, tally)));
        for (host, tally) in clients.filter(|(_, t)| t.failed_logins > 0 && !t.guesses()) {
            if let Some(network) = network(host).filter(|_| tally.mostly_fails()) {
                spread.networks.entry(network).or_default().add(tally);
            }
        }
        spread.networks.retain(|_, guesses| {
            guesses.clients >= limits::BRUTE_FORCE_NEIGHBOURS
                && guesses.tries >= limits::BRUTE_FORCE_LOGINS
        });
        for (user, tally) in self.users.iter().filter(|(_, user)| user.is_targeted()) {
            let guesses = Guesses {
                clients: tally.refused_clients.count(),
                tries: tally.failed_logins,
                accepted: 0,
            };
            spread.users.insert(user.clone(), guesses);
        }
        spread
    }

    /// Wrong passwords of clients that guess, alone or together.
    fn judge_guesses(&self, causes: &mut Causes) {
        let refused = causes
            .keys()
            .find(|(id, benign)| refused_login(*id) && !benign);
        let Some((refused, guessing)) = refused.copied().zip(named("abuse-brute-force")) else {
            return;
        };
        let spread = self.spread();
        let targets: BTreeSet<u64> = spread.users.keys().map(Named::hash).collect();
        let is_part = |host: &Host, client: &ClientTally| {
            let near = || network(host).is_some_and(|n| spread.networks.contains_key(&n));
            let aimed = || client.accepted_logins == 0 && client.users.meets(&targets);
            client.guesses() || client.mostly_fails() && (near() || aimed())
        };
        let (mut guessed, mut others) = (CauseTally::default(), CauseTally::default());
        for (client, tally) in self.clients.iter() {
            let at_it = client.as_ref().is_some_and(|host| is_part(host, tally));
            let to = if at_it { &mut guessed } else { &mut others };
            to.include(tally.refused.clone());
        }
        if guessed.count == 0 {
            return;
        }
        // That each password was wrong is sure; that they were guessed is a matter of numbers.
        guessed.say(Confidence::Likely);
        if let Some(all) = causes.get_mut(&refused) {
            if self.clients.is_sample() {
                all.remove(&guessed);
            } else {
                *all = others;
            }
        }
        causes.retain(|_, tally| tally.count > 0);
        causes
            .entry((guessing, false))
            .or_default()
            .include(guessed);
    }

    /// The server finds no port, and hardly one of those it ever gave out was left out.
    fn judge_pool(&self, causes: &mut Causes) {
        let Some((low, high, count)) = self.across.ports.range() else {
            return;
        };
        let range = high - low + 1;
        if range <= limits::POOL_PORTS && count.saturating_mul(10) >= range.saturating_mul(9) {
            rename(
                causes,
                "data-listener-failed",
                "data-pool-exhausted",
                Confidence::Likely,
            );
        }
    }

    /// Passive transfers work in clear, and none does behind TLS.
    fn judge_firewall(&self, causes: &mut Causes) {
        let (clear, behind_tls) = self.across.passive;
        let closed = named("data-passive-not-connected").and_then(|id| causes.get(&(id, false)));
        let hidden = closed.is_some_and(|tally| tally.protected == tally.count);
        if hidden && behind_tls == 0 && clear >= limits::FIREWALL_SESSIONS {
            let many = closed.is_some_and(|tally| tally.sessions >= limits::FIREWALL_SESSIONS);
            let sure = if many {
                Confidence::Likely
            } else {
                Confidence::Possible
            };
            rename(
                causes,
                "data-passive-not-connected",
                "data-firewall-blind",
                sure,
            );
        }
    }
}

impl Guesses {
    fn add(&mut self, client: &ClientTally) {
        self.clients += 1;
        self.tries += client.failed_logins;
        self.accepted += client.accepted_logins;
    }
}

impl<const N: usize> CauseTally<N> {
    /// All are as sure as this.
    fn say(&mut self, confidence: Confidence) {
        self.confidences = Counts::default();
        self.confidences.add_many(confidence, self.count);
    }
}

fn named(cause: &str) -> Option<CauseId> {
    catalogue().cause_by_name(cause)
}

/// All counted failures of one cause are of another one.
fn rename(causes: &mut Causes, from: &str, to: &str, confidence: Confidence) {
    let Some((from, to)) = named(from).zip(named(to)) else {
        return;
    };
    if let Some(mut tally) = causes.remove(&(from, false)) {
        tally.say(confidence);
        causes.entry((to, false)).or_default().include(tally);
    }
}
