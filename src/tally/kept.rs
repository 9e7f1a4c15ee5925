//! Sessions that are shown one by one where all can't be: the worst ones as rows, and some whole.
//!
//! Bounded whatever the number of sessions, and the same ones whatever the order in which they came. Made only where
//! somebody asks for it.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

use super::smallest::Smallest;
use crate::catalogue::CauseId;
use crate::cause::Failure;
use crate::diagnostic::Origin;
use crate::ftp::{End, Endpoint, ReplyCode, SessionKey, Vantage};
use crate::limits;
use crate::session::Session;
use crate::text::Text;
use crate::time::Timestamp;

/// Sessions kept, by vantage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptSessions(BTreeMap<Vantage, KeptOfVantage>);

/// Sessions kept of one vantage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptOfVantage {
    /// Those with most failures, then the earliest.
    pub rows: Smallest<SessionRow, { limits::LISTED_SESSIONS }>,
    /// The first of them, whole.
    pub worst: Smallest<Whole<(Reverse<u64>, Option<Timestamp>)>, { limits::WORST_SESSIONS }>,
    /// Of each cause the session in which it was first met.
    pub examples: BTreeMap<CauseId, Smallest<Whole<Option<Timestamp>>, 1>>,
}

/// A session as a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionRow {
    /// Failures that count.
    pub failures: Reverse<u64>,
    /// When it began.
    pub start: Option<Timestamp>,
    /// Its name.
    pub session: SessionKey,
    /// Where it was first heard.
    pub origin: Origin,
    /// How long it took, in nanoseconds.
    pub nanos: Option<u64>,
    /// The user.
    pub user: Option<Text>,
    /// The client's end.
    pub client: Option<Endpoint>,
    /// Commands heard.
    pub commands: u64,
    /// Bytes moved.
    pub bytes: u64,
    /// True with TLS.
    pub tls: bool,
    /// The first failure that counts: its cause, and the code that told of it.
    pub first: Option<(CauseId, Option<ReplyCode>)>,
    /// How it ended.
    pub end: End,
}

/// A session with its failures, in its place among others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole<P> {
    place: P,
    /// The session.
    pub session: Session,
    /// Its failures, with all that shows them.
    pub failures: Vec<Failure>,
}

impl<P: Ord> Whole<P> {
    fn new(place: P, session: &Session, failures: Vec<Failure>) -> Self {
        Self {
            place,
            session: session.clone(),
            failures,
        }
    }

    fn order(&self) -> (&P, Origin, SessionKey) {
        (&self.place, self.session.origin, self.session.key)
    }
}

impl<P: Ord> PartialOrd for Whole<P> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<P: Ord> Ord for Whole<P> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}

impl SessionRow {
    fn new(session: &Session, failures: &[Failure]) -> Self {
        let mut counted = failures.iter().filter(|f| !f.benign);
        let fails = counted.clone().count() as u64;
        let nanos = session.duration().map(|d| d.as_nanos());
        Self {
            failures: Reverse(fails),
            start: session.start,
            session: session.key,
            origin: session.origin,
            nanos: nanos.map(|n| u64::try_from(n).unwrap_or(u64::MAX)),
            user: session.user.clone(),
            client: session.client.clone(),
            commands: session.commands,
            bytes: session.bytes(),
            tls: session.is_behind_tls(),
            first: counted.next().map(|f| (f.cause, f.code)),
            end: session.end(),
        }
    }
}

impl KeptSessions {
    /// Those of a vantage.
    pub fn of(&self, vantage: Vantage) -> Option<&KeptOfVantage> {
        self.0.get(&vantage)
    }

    /// Looks at a session that is over, or what is asked for of it. What is kept whole is `whole`, with the failures that
    /// `judge` gives: those at hand may lack what shows them.
    pub fn observe(
        &mut self,
        session: &Session,
        failures: &[Failure],
        whole: &Session,
        judge: impl Fn(&Session) -> Vec<Failure>,
    ) {
        let kept = self.0.entry(session.vantage).or_default();
        let mut counted: Vec<_> = failures.iter().filter(|f| !f.benign).collect();
        let place = (Reverse(counted.len() as u64), session.start);
        if kept.rows.wants(|last| place <= (last.failures, last.start)) {
            kept.rows.add(SessionRow::new(session, failures));
        }
        if !counted.is_empty() && kept.worst.wants(|last| place <= last.place) {
            kept.worst.add(Whole::new(place, whole, judge(whole)));
        }
        // Of each cause the first.
        counted.sort_by_key(|f| (f.cause, f.at));
        counted.dedup_by_key(|f| f.cause);
        for failure in counted {
            let place = failure.at;
            let example = kept.examples.entry(failure.cause).or_default();
            if example.wants(|last| place <= last.place) {
                example.add(Whole::new(place, whole, judge(whole)));
            }
        }
    }

    /// Adds those of another part.
    pub fn absorb(&mut self, other: Self) {
        for (vantage, other) in other.0 {
            let kept = self.0.entry(vantage).or_default();
            kept.rows.absorb(other.rows);
            kept.worst.absorb(other.worst);
            for (cause, example) in other.examples {
                kept.examples.entry(cause).or_default().absorb(example);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tally::tests::{Heard, heard};

    fn kept(all: &[Heard]) -> KeptSessions {
        let mut kept = KeptSessions::default();
        for (talk, failures, _) in all {
            let session = talk.session();
            kept.observe(&session, failures, &session, |_| failures.clone());
        }
        kept
    }

    fn added(a: &KeptSessions, b: &KeptSessions) -> KeptSessions {
        let mut sum = a.clone();
        sum.absorb(b.clone());
        sum
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn what_is_kept_depends_on_no_order(mut all in prop::collection::vec(heard(), 0..24), at in 0..24_usize) {
            // No two sessions of a run have the same name.
            for (place, (talk, _, _)) in all.iter_mut().enumerate() {
                talk.number = place as u64;
            }
            let whole = kept(&all);
            let (a, b) = all.split_at(at.min(all.len()));
            let (a, b) = (kept(a), kept(b));
            prop_assert_eq!(&added(&a, &b), &whole);
            prop_assert_eq!(&added(&b, &a), &whole);
            prop_assert_eq!(&added(&whole, &KeptSessions::default()), &whole);
        }
    }

    #[test]
    fn there_are_never_more_than_the_bounds() {
        let talk = crate::tally::tests::Talk::new(&["> RETR x", "< 550 no"]);
        let mut session = talk.session();
        let failures = [crate::tally::tests::failure(
            "path-not-found",
            "RETR",
            550,
            "no",
        )];
        let mut kept = KeptSessions::default();
        for number in 0..3 * limits::LISTED_SESSIONS as u64 {
            session.key = SessionKey(number);
            kept.observe(&session, &failures, &session, |_| failures.to_vec());
        }
        let kept = kept.of(Vantage::Wire).unwrap();
        assert_eq!(kept.rows.iter().count(), limits::LISTED_SESSIONS);
        assert_eq!(kept.worst.iter().count(), limits::WORST_SESSIONS);
        let examples: Vec<_> = kept.examples.values().flat_map(Smallest::iter).collect();
        assert_eq!(examples.len(), 1);
        assert_eq!(examples[0].session.key, SessionKey(0));
    }
}
