//! What only shows across sessions: how many were open at once, which passive ports were given out, whether passive
//! transfers work in clear and behind TLS, who logs in in clear text.
//!
//! Only adds up; what follows from it is judged in [`super::judge`] and worded in the report.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::count::Counts;
use super::gather::Speakers;
use super::smallest::Smallest;
use super::who::Distinct;
use super::written::{Hash, list, written};
use crate::cause::Failure;
use crate::ftp::{End, Fate, SessionKey, Vantage};
use crate::limits;
use crate::session::{Outcome, Session};
use crate::text::Text;
use crate::time::Timestamp;

/// Sums over sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Across {
    /// When sessions were open.
    pub opened: Opened,
    /// Passive ports given out.
    pub ports: Ports,
    /// Sessions in which a passive data connection served a transfer: in clear, behind TLS.
    pub passive: (u64, u64),
    /// Logins in clear text.
    pub clear: ClearLogins,
}

/// Logins with a password that crossed the network in clear text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClearLogins {
    /// Sessions.
    pub count: u64,
    /// Users.
    pub users: Distinct<{ limits::DISTINCT_EXACT }>,
    /// A few of their names.
    pub names: Smallest<Text, { limits::NAMES }>,
}

/// A limit on sessions, by the name of its cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// On all of them.
    Total,
    /// On those of one client.
    PerClient,
}

impl Limit {
    /// The limit that a cause is about.
    pub fn of(cause: &str) -> Option<Self> {
        match cause {
            "limit-connections-total" => Some(Self::Total),
            "limit-connections-per-client" => Some(Self::PerClient),
            _ => None,
        }
    }
}

/// A session's time, and whether a limit turned it away. The earliest comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Stay {
    start: Timestamp,
    end: Timestamp,
    session: SessionKey,
    client: u64,
    refused: Option<(Timestamp, Limit)>,
}

written! {
    Stay as (Timestamp, Timestamp, SessionKey, Hash, Option<(Timestamp, Limit)>):
        |stay| (stay.start, stay.end, stay.session, Hash(stay.client), stay.refused),
        |read| Ok(Self { start: read.0, end: read.1, session: read.2, client: read.3.0, refused: read.4 });
    Ports as PortsForm: |ports| PortsForm::of(ports), |form| form.ports();
}

/// When the first sessions were open; later ones are left out, see [`limits::SESSIONS_AT_ONCE`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened(Smallest<Stay, { limits::SESSIONS_AT_ONCE }>);

impl Opened {
    fn observe(&mut self, session: &Session, failures: &[Failure], speakers: Speakers) {
        let (Some(start), Some(last)) = (session.start, session.last) else {
            return;
        };
        if !self.0.wants(|stay| start <= stay.start) {
            return;
        }
        let refused = failures.iter().filter(|f| !f.benign);
        let refused = refused.filter_map(|f| Some((f.at?, Limit::of(f.cause.name())?)));
        // Packets show that a session is still open when the capture ends; a log may only have no line for its end.
        let is_open = session.vantage == Vantage::Wire && session.end() == End::InputEnded;
        self.0.add(Stay {
            start,
            end: if is_open {
                Timestamp::from_nanos(i64::MAX)
            } else {
                last
            },
            session: session.key,
            client: speakers.client,
            refused: refused.min(),
        });
    }

    /// How often so many sessions were open when one was turned away: all of them, or those of its client. Those that were
    /// turned away themselves do not count.
    pub fn at_refusals(&self, limit: Limit) -> Counts<u64> {
        let of = |stay: &Stay| match limit {
            Limit::Total => 0,
            Limit::PerClient => stay.client,
        };
        let mut stays: BTreeMap<u64, (Vec<Timestamp>, Vec<Timestamp>)> = BTreeMap::new();
        for stay in self.0.iter().filter(|stay| stay.refused.is_none()) {
            let (starts, ends) = stays.entry(of(stay)).or_default();
            starts.push(stay.start);
            ends.push(stay.end);
        }
        for (_, ends) in stays.values_mut() {
            ends.sort_unstable(); // the starts are in order
        }
        let mut counts = Counts::default();
        for stay in self.0.iter() {
            let Some((at, _)) = stay.refused.filter(|(_, by)| *by == limit) else {
                continue;
            };
            let Some((starts, ends)) = stays.get(&of(stay)) else {
                continue;
            };
            let begun = starts.partition_point(|start| *start <= at);
            let over = ends.partition_point(|end| *end < at);
            counts.add(begun.saturating_sub(over) as u64);
        }
        counts
    }
}

/// Ports, a bit each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ports(Vec<u64>);

impl Ports {
    /// One for each 64 ports.
    const WORDS: usize = 1024;

    fn add(&mut self, port: u16) {
        if self.0.is_empty() {
            self.0 = vec![0; Self::WORDS];
        }
        if let Some(word) = self.0.get_mut(usize::from(port) / 64) {
            *word |= 1 << (port % 64);
        }
    }

    fn absorb(&mut self, other: &Self) {
        if self.0.is_empty() {
            self.0.clone_from(&other.0);
        }
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            *word |= more;
        }
    }

    /// The lowest, the highest, and how many.
    pub fn range(&self) -> Option<(u64, u64, u64)> {
        let count = self.0.iter().map(|word| u64::from(word.count_ones())).sum();
        let words = || (0..).zip(&self.0).filter(|(_, word)| **word != 0);
        let (first, low) = words().next()?;
        let (last, high) = words().last()?;
        let low = first * 64 + u64::from(low.trailing_zeros());
        let high = last * 64 + 63 - u64::from(high.leading_zeros());
        Some((low, high, count))
    }
}

/// Those of 64 ports that were given out, by the number of the 64.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct PortsForm(#[serde(deserialize_with = "list::<_, _, { Ports::WORDS }>")] Vec<(u16, Hash)>);

impl PortsForm {
    fn of(ports: &Ports) -> Self {
        let words = (0..).zip(&ports.0);
        let words = words.filter(|(_, word)| **word != 0);
        Self(words.map(|(place, word)| (place, Hash(*word))).collect())
    }

    fn ports(self) -> Result<Ports, String> {
        let mut ports = Ports::default();
        for (place, word) in self.0 {
            ports.0.resize(Ports::WORDS, 0);
            let known = ports
                .0
                .get_mut(usize::from(place))
                .filter(|known| **known == 0);
            *known.ok_or("ports that there are not, or twice")? = word.0;
        }
        Ok(ports)
    }
}

impl Across {
    pub(super) fn observe(&mut self, session: &Session, failures: &[Failure], speakers: Speakers) {
        self.opened.observe(session, failures, speakers);
        let passive = session.data.iter().filter(|d| d.mode.is_passive());
        let ports = passive.filter(|d| d.seen.as_ref().is_none_or(|seen| !seen.guessed));
        for port in ports.filter_map(|d| d.announced.as_ref()?.port) {
            self.ports.add(port);
        }
        let behind_tls = session.is_behind_tls();
        if has_passive_transfer(session) {
            self.passive.0 += u64::from(!behind_tls);
            self.passive.1 += u64::from(behind_tls);
        }
        if session.logged_in && !behind_tls && session.commands > 0 && !session.is_anonymous() {
            self.clear.count += 1;
            if let Some(user) = &session.user {
                self.clear.users.add_hash(speakers.user);
                if self.clear.names.wants(|last| user < last) {
                    self.clear.names.add(user.clone());
                }
            }
        }
    }

    pub(super) fn absorb(&mut self, other: Self) {
        let Self {
            opened,
            ports,
            passive,
            clear,
        } = other;
        self.opened.0.absorb(opened.0);
        self.ports.absorb(&ports);
        self.passive.0 += passive.0;
        self.passive.1 += passive.1;
        self.clear.count += clear.count;
        self.clear.users.include(&clear.users);
        self.clear.names.absorb(clear.names);
    }
}

/// A passive data connection stood, or served a transfer that succeeded.
fn has_passive_transfer(session: &Session) -> bool {
    let stood = session.data.iter().any(|d| {
        let opened = d
            .seen
            .as_ref()
            .is_some_and(|seen| seen.fate == Fate::Opened);
        d.mode.is_passive() && opened
    });
    stood
        || session.exchanges.iter().any(|e| {
            let passive = session.data_of(e).is_some_and(|d| d.mode.is_passive());
            passive && e.outcome == Outcome::Success && e.verb().is_some_and(|v| v.is_transfer())
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::tests::{Talk, failure};

    /// Sessions that begin a second apart, last a hundred seconds, and of which one is turned away.
    fn opened(sessions: usize, turned_away: u64) -> Opened {
        let mut session = Talk::new(&["< 220 hi"]).session();
        let start = session.start.unwrap();
        let at = |second: usize| {
            let nanos = i64::try_from(second).unwrap() * 1_000_000_000;
            Some(start.later(nanos))
        };
        let mut opened = Opened::default();
        for (second, number) in (0..sessions).zip(0..) {
            session.key = SessionKey(number);
            (session.start, session.last) = (at(second), at(second + 100));
            let mut refused = failure("limit-connections-total", "CONNECT", 421, "no");
            refused.at = session.start;
            let refused = [refused];
            let failures = if number == turned_away {
                &refused[..]
            } else {
                &[]
            };
            opened.observe(&session, failures, Speakers::default());
        }
        opened
    }

    /// Far more sessions than are kept, all open when the first one is turned away.
    #[test]
    fn of_very_many_sessions_the_first_tell_how_many_were_open() {
        let opened = opened(limits::SESSIONS_AT_ONCE + 500, 50);
        assert_eq!(opened.0.iter().count(), limits::SESSIONS_AT_ONCE);
        let counts = opened.at_refusals(Limit::Total);
        assert_eq!(counts.iter().collect::<Vec<_>>(), [(&50, 1)]);
    }

    /// Those that were over by then do not count, and one that ends at that moment does.
    #[test]
    fn sessions_that_were_over_were_not_open() {
        let counts = opened(300, 250).at_refusals(Limit::Total);
        assert_eq!(counts.iter().collect::<Vec<_>>(), [(&100, 1)]);
    }

    #[test]
    fn ports_have_a_lowest_a_highest_and_a_number() {
        let of = |each: &[u16]| {
            let mut ports = Ports::default();
            for port in each {
                ports.add(*port);
            }
            ports
        };
        assert_eq!(of(&[]).range(), None);
        assert_eq!(of(&[0]).range(), Some((0, 0, 1)));
        assert_eq!(of(&[65_535]).range(), Some((65_535, 65_535, 1)));
        assert_eq!(
            of(&[50_003, 50_001, 50_070, 50_001]).range(),
            Some((50_001, 50_070, 3))
        );
        let mut sum = of(&[50_003]);
        sum.absorb(&of(&[50_001, 50_003, 49_000]));
        assert_eq!(sum.range(), Some((49_000, 50_003, 3)));
        let mut sum = Ports::default();
        sum.absorb(&of(&[7, 8]));
        assert_eq!(sum.range(), Some((7, 8, 2)));
    }
}
