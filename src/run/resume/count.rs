//! Which sessions count in this run: not those that an earlier one counted, nor those that a later one will.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::SourceId;
use crate::ftp::{End, SessionKey};
use crate::session::Session;
use crate::state::Counted;
use crate::time::Timestamp;

/// Decides for the sessions of one series.
#[derive(Debug, Default)]
pub(in crate::run) struct Counting {
    /// Sessions that count already, of inputs that are read again as a whole.
    before: BTreeMap<u64, Vec<Counted>>,
    keys: BTreeSet<u64>,
    /// The inputs may be read again by a later run, which has to know what counts by now.
    is_again: bool,
    /// What counts by now, and where it was heard.
    pub(in crate::run) counted: Vec<(Counted, Vec<SourceId>)>,
    over: Over,
    /// How many sessions a later run counts, by where they begin, and all sources in which they were heard.
    pub(in crate::run) withheld: BTreeMap<SourceId, u64>,
    pub(in crate::run) waiting: Vec<SourceId>,
}

/// What it is to be over.
#[derive(Debug, Default)]
pub(in crate::run) enum Over {
    /// The input is not.
    #[default]
    NotYet,
    /// The input is, and no later run goes on.
    ForGood,
    /// What ends now is open, but for these, whose records are not kept.
    But(Vec<SessionKey>),
    /// What ends by nothing but the end of the input is open.
    InputEnded,
}

impl Counting {
    /// For inputs of which these sessions count by now. With `is_again` they are read as a whole, and maybe again.
    pub(in crate::run) fn new<'c>(
        before: impl Iterator<Item = &'c Counted>,
        is_again: bool,
    ) -> Self {
        let mut counting = Self {
            is_again,
            ..Self::default()
        };
        for counted in before {
            counting.keys.insert(counted.key);
            if let Some(ends) = counted.ends {
                let known = counting.before.entry(ends).or_default();
                known.push(counted.clone());
            }
        }
        counting
    }

    /// The inputs turn out to be read as a whole.
    pub(in crate::run) fn set_again(&mut self) {
        self.is_again = true;
    }

    /// The input is over.
    pub(in crate::run) fn end(&mut self, over: Over) {
        self.over = over;
    }

    /// True for a session that counts now.
    pub(in crate::run) fn counts(&mut self, session: &Session) -> bool {
        let is_open = match &self.over {
            Over::NotYet | Over::ForGood => false,
            Over::But(counted) => !counted.contains(&session.key),
            Over::InputEnded => session
                .closing
                .as_ref()
                .is_none_or(|c| c.end == End::InputEnded),
        };
        let one = counted(session);
        let is_counted = self.is_again && self.was_counted(&one);
        if is_open && !is_counted {
            *self.withheld.entry(session.origin.source).or_default() += 1;
            self.waiting.extend(&session.sources);
            return false;
        }
        if self.is_again {
            self.counted.push((one, session.sources.clone()));
        }
        !is_counted
    }

    /// The same session, or, where its beginning is not among the inputs any more, the rest of it.
    fn was_counted(&self, one: &Counted) -> bool {
        if self.keys.contains(&one.key) {
            return true;
        }
        let same_ends = one.ends.and_then(|ends| self.before.get(&ends));
        let is_within = |other: &Counted| one.start >= other.start && one.start <= other.last;
        one.start.is_some() && same_ends.is_some_and(|known| known.iter().any(is_within))
    }
}

fn counted(session: &Session) -> Counted {
    let has_ports = [&session.client, &session.server]
        .into_iter()
        .all(|end| end.as_ref().is_some_and(|end| end.port.is_some()));
    let ends = || SessionKey::new(session.client.as_ref(), session.server.as_ref(), None, 0).0;
    Counted {
        key: session.key.0,
        ends: has_ports.then(ends),
        start: session.start.map(Timestamp::nanos),
        last: session.last.map(Timestamp::nanos),
    }
}
