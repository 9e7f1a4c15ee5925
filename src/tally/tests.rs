//! Laws of the tallies, over random sessions; and the generator that makes them.

mod counted;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::catalogue::{CauseId, Confidence, catalogue};
use crate::cause::Proof;
use crate::diagnostic::{DiagnosticKind, Origin};
use crate::ftp::{
    Closing, Command, DataMode, DataRecord, End, Endpoint, Fate, Introduction, Reply, SessionKey,
    Side, TransferRecord,
};
use crate::ftp::{Event, EventKind};
use crate::limits;
use crate::session::{Builder, Observer};
use crate::time::Timestamp;

/// A cause by its name.
pub(crate) fn cause(name: &str) -> CauseId {
    catalogue().cause_by_name(name).unwrap()
}

/// A record of the first source, at a made-up offset.
pub(crate) fn origin(record: u64) -> Origin {
    Origin {
        source: SourceId(0),
        record,
        offset: record * 10,
    }
}

/// A failure without time or exchange, shown by one proof.
pub(crate) fn failure(name: &str, verb: &str, code: u16, proof: &str) -> Failure {
    Failure {
        cause: cause(name),
        confidence: Confidence::Likely,
        benign: false,
        code: ReplyCode::new(code),
        verb: Some(Verb::new(verb.as_bytes())),
        at: None,
        exchange: None,
        transfer: None,
        proofs: vec![Proof {
            origin: origin(7),
            text: proof.into(),
        }],
    }
}

/// A conversation in the making: every line is an event a tenth of a second after the one before.
#[derive(Debug)]
pub(crate) struct Talk {
    pub(crate) vantage: Vantage,
    pub(crate) client: [u8; 4],
    pub(crate) number: u64,
    pub(crate) start: i64,
    /// `> VERB argument`, `< code text`, `~ code text` (implied), `+ VERB path` (a logged transfer), `= record` (the data
    /// connection announced there, never answered), `tls`, `lost`.
    pub(crate) lines: Vec<Vec<u8>>,
    pub(crate) end: Option<End>,
}

impl Talk {
    /// A talk on the wire from 198.51.100.23 on 2026-03-01.
    pub(crate) fn new(lines: &[&str]) -> Self {
        Self {
            vantage: Vantage::Wire,
            client: [198, 51, 100, 23],
            number: 0,
            start: 1_772_334_000_000_000_000,
            lines: lines.iter().map(|l| l.as_bytes().to_vec()).collect(),
            end: Some(End::Fin),
        }
    }

    /// Tells it to an observer, event by event.
    pub(crate) fn tell(&self, observer: &mut dyn Observer) {
        let mut builder = Builder::default();
        self.tell_to(&mut builder, observer);
        builder.finish(observer);
    }

    /// Tells it to somebody who builds sessions.
    pub(crate) fn tell_to(&self, builder: &mut Builder, observer: &mut dyn Observer) {
        let client = Endpoint::new(self.client.into(), 40_001);
        let server = Endpoint::new([203, 0, 113, 5].into(), 21);
        let session = SessionKey::new(Some(&client), Some(&server), None, self.number);
        let introduction = Introduction {
            vantage: self.vantage,
            client: Some(client),
            server: Some(server),
            user: None,
            approximate: false,
        };
        let mut record = 0;
        let mut send = |kind: EventKind<'_>| {
            record += 1;
            let tenths = i64::try_from(record).unwrap() - 1;
            let event = Event {
                at: Some(Timestamp::from_nanos(self.start + tenths * 100_000_000)),
                origin: origin(record),
                ends: record,
                session,
                kind,
            };
            builder.take(&event, observer);
        };
        send(EventKind::Introduced(Box::new(introduction)));
        send(EventKind::Opened);
        for line in &self.lines {
            send(event_of(line, self.start));
        }
        if let Some(end) = self.end {
            send(EventKind::Closed(Closing {
                end,
                by: Some(Side::Client),
                fate: Fate::Opened,
                unacknowledged: None,
                tcp: None,
            }));
        }
    }

    /// Tells it and gives the session back.
    pub(crate) fn session(&self) -> Session {
        let mut kept = Kept::default();
        self.tell(&mut kept);
        kept.0.remove(0)
    }

    /// Tells it and counts it with these failures.
    pub(crate) fn count(&self, failures: &[Failure], tallies: &mut Tallies) {
        self.tell(&mut Counter { tallies, failures });
    }
}

static CANDIDATES: Uncounted = Uncounted::one_of(&[426, 451], "FAIL UPLOAD");
static CONSTANT: Uncounted = Uncounted::constant(&[226], "AltLog w3c");

fn event_of(line: &[u8], start: i64) -> EventKind<'_> {
    let (word, rest) = (
        &line[..1.min(line.len())],
        line.get(2..).unwrap_or_default(),
    );
    let (head, tail) = match rest.iter().position(|b| *b == b' ') {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => (rest, &rest[rest.len()..]),
    };
    match word {
        b">" => EventKind::Command(Command::new(Verb::new(head), Some(tail))),
        b"<" | b"~" => EventKind::Reply(Reply {
            code: ReplyCode::from_digits(head).unwrap(),
            text: tail.into(),
            lines: 1,
            evidence: if word == b"<" {
                Evidence::Observed
            } else {
                Evidence::Implied { by: "FAIL LOGIN" }
            },
        }),
        b"+" => EventKind::Transfer(TransferRecord {
            verb: Verb::new(head),
            path: tail,
            bytes: Some(1000),
            complete: Some(true),
        }),
        b"=" => EventKind::Data(Box::new(unanswered(head, start))),
        b"t" => EventKind::Protected,
        b"?" => EventKind::Uncounted(&CANDIDATES),
        b"c" => EventKind::Uncounted(&CONSTANT),
        _ => EventKind::Missing {
            bytes: Some(100),
            sender: Side::Server,
        },
    }
}

/// Tried 0.55 seconds after the start.
fn unanswered(record: &[u8], start: i64) -> DataRecord {
    let record = std::str::from_utf8(record).unwrap().parse().unwrap();
    let announced = Endpoint::new([10, 0, 0, 5].into(), 50_000);
    DataRecord {
        first: Some(origin(record + 1)),
        fate: Fate::Unanswered,
        attempts: 4,
        tried: Some(Timestamp::from_nanos(start + 550_000_000)),
        ..DataRecord::never_tried(DataMode::Pasv, announced, origin(record))
    }
}

#[derive(Default)]
pub(crate) struct Kept(pub(crate) Vec<Session>);

impl Observer for Kept {
    fn event(&mut self, _: &Session, _: &Event<'_>) {}
    fn passed(&mut self, _: &Session, _: &KeptReply) {}
    fn dropped(&mut self, _: &Session, _: &Exchange) {}
    fn finished(&mut self, session: Session) {
        self.0.push(session);
    }
}

struct Counter<'a> {
    tallies: &'a mut Tallies,
    failures: &'a [Failure],
}

impl Observer for Counter<'_> {
    fn event(&mut self, _: &Session, _: &Event<'_>) {}
    fn passed(&mut self, session: &Session, reply: &KeptReply) {
        self.tallies.observe_reply(session, reply);
    }
    fn dropped(&mut self, session: &Session, exchange: &Exchange) {
        self.tallies.observe_exchange(session, exchange);
    }
    fn finished(&mut self, session: Session) {
        self.tallies.observe_session(&session, self.failures);
    }
}

/// A random talk with random failures, and a diagnostic and an input to go with it.
pub(crate) type Heard = (Talk, Vec<Failure>, u64);

/// Adds one to the tallies.
pub(crate) fn count(heard: &[Heard]) -> Tallies {
    let mut tallies = Tallies::default();
    for (talk, failures, odd) in heard {
        talk.count(failures, &mut tallies);
        let kind = [DiagnosticKind::Damaged, DiagnosticKind::Malformed][usize::from(odd % 2 == 0)];
        tallies.diagnostics.add(kind, origin(*odd), "bad length");
        let input = tallies.inputs.entry(SourceId(0)).or_default();
        input.absorb(InputTally {
            path: "web1.pcap".into(),
            format: Some("pcap"),
            vantage: Some(Vantage::Wire),
            bytes: *odd,
            records: 3,
            taken: 1,
            ignored: 1,
            unrecognised: 1,
            gaps: &[],
            reported: None,
        });
    }
    tallies
}

/// Lines of any bytes, in the shape that [`Talk`] wants.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let verb = prop::sample::select(vec!["USER", "PASS", "PASV", "RETR", "STOR", "QUIT", "NOOP"]);
    let code = prop::sample::select(vec![150, 200, 220, 226, 227, 230, 331, 421, 425, 530, 550]);
    let any = || prop::collection::vec(any::<u8>(), 0..12);
    let join = |mark: &str, word: String, rest: Vec<u8>| {
        let mut line = format!("{mark} {word} ").into_bytes();
        line.extend(rest);
        line
    };
    prop_oneof![
        4 => (verb.clone(), any()).prop_map(move |(v, rest)| join(">", v.to_owned(), rest)),
        4 => (code.clone(), any()).prop_map(move |(c, rest)| join("<", c.to_string(), rest)),
        1 => (code, any()).prop_map(move |(c, rest)| join("~", c.to_string(), rest)),
        1 => any().prop_map(move |rest| join("+", "STOR".to_owned(), rest)),
        1 => Just(b"tls".to_vec()),
        1 => Just(b"lost".to_vec()),
    ]
}

fn failing() -> impl Strategy<Value = Failure> {
    let names = vec![
        "auth-bad-credentials",
        "auth-bad-credentials",
        "path-not-found",
        "timeout-idle",
    ];
    let cause_name = prop::sample::select(names);
    let sure = prop::sample::select(vec![Confidence::Certain, Confidence::Possible]);
    let proof = prop::collection::vec(any::<u8>(), 0..20);
    (
        cause_name,
        sure,
        any::<bool>(),
        prop::option::of(0..5_i64),
        proof,
    )
        .prop_map(|(name, confidence, benign, day, proof)| {
            let mut failure = failure(name, "PASS", 530, "");
            failure.confidence = confidence;
            failure.benign = benign;
            failure.at = day.map(|d| Timestamp::from_seconds(d * 86_400, 0));
            failure.proofs[0].text = Text::from(&proof[..]);
            failure
        })
}

/// A random session.
pub(crate) fn heard() -> impl Strategy<Value = Heard> {
    let vantage = prop::sample::select(vec![Vantage::Wire, Vantage::ServerLog]);
    let end = prop::option::of(prop::sample::select(vec![End::Fin, End::Reset, End::Idle]));
    let lines = prop::collection::vec(line(), 0..12);
    let failures = prop::collection::vec(failing(), 0..5);
    (vantage, 0..3_u8, 0..4_i64, lines, end, failures, 0..9_u64).prop_map(
        |(vantage, last, day, lines, end, failures, number)| {
            let talk = Talk {
                vantage,
                client: [192, 0, 2, last],
                number,
                start: day * 86_400_000_000_000,
                lines,
                end,
            };
            (talk, failures, number)
        },
    )
}

fn many() -> impl Strategy<Value = Vec<Heard>> {
    prop::collection::vec(heard(), 0..6)
}

fn added(a: &Tallies, b: &Tallies) -> Tallies {
    let mut sum = a.clone();
    sum.absorb(b.clone());
    sum
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn absorb_makes_a_commutative_monoid(a in many(), b in many(), c in many()) {
        let (a, b, c) = (count(&a), count(&b), count(&c));
        prop_assert_eq!(&added(&a, &Tallies::default()), &a);
        prop_assert_eq!(&added(&Tallies::default(), &a), &a);
        prop_assert_eq!(added(&a, &b), added(&b, &a));
        prop_assert_eq!(added(&added(&a, &b), &c), added(&a, &added(&b, &c)));
    }

    #[test]
    fn a_tally_of_parts_is_the_tally_of_the_whole(all in many(), at in 0..6_usize) {
        let (a, b) = all.split_at(at.min(all.len()));
        prop_assert_eq!(added(&count(a), &count(b)), count(&all));
    }

    #[test]
    fn sessions_are_gathered_as_they_are_added_one_by_one(all in many()) {
        let (mut gather, mut single) = (Gather::default(), Tallies::default());
        for (talk, failures, _) in &all {
            let session = talk.session();
            gather.observe(&session, failures);
            single.observe_session(&session, failures);
        }
        prop_assert_eq!(gather.finish(), single);
    }

    #[test]
    fn totals_agree(all in many()) {
        for tally in count(&all).by_vantage.values() {
            let timed: u64 = tally.timeline.iter().map(|(_, b)| b.replies).sum();
            prop_assert_eq!(timed, tally.observed.total());
            prop_assert_eq!(tally.sessions.ends.total(), tally.sessions.total);
            let before: u64 = tally.causes.values().map(|c| c.count).sum();
            let after: u64 = tally.judged_causes().values().map(|c| c.count).sum();
            prop_assert_eq!(before, after);
        }
    }
}

#[test]
fn more_rows_than_are_gathered_at_once_are_all_counted() {
    let mut session = Talk::new(&["> RETR x", "< 550 no"]).session();
    let mut failures = [failure("path-not-found", "RETR", 550, "no")];
    failures[0].exchange = Some(1); // behind the greeting
    let mut gather = Gather::default();
    let all = limits::GATHERED_ROWS * 2 + 5;
    for number in (0..all).chain(0..all) {
        session.key = SessionKey(number as u64);
        session.user = Some(Text::from(number.to_string()));
        let host = u32::try_from(number).unwrap().to_be_bytes();
        session.client = Some(Endpoint::new(host.into(), 4000));
        gather.observe(&session, &failures);
    }
    let tally = &gather.finish().by_vantage[&Vantage::Wire];
    assert_eq!(tally.sessions.total, 2 * all as u64);
    assert!(tally.users.is_sample() && tally.clients.is_sample());
    let rows: Vec<_> = tally.users.iter().collect();
    assert_eq!(rows.len(), limits::DISTINCT_EXACT);
    assert!(
        rows.iter()
            .all(|(_, row)| (row.sessions, row.failures) == (2, 2))
    );
    let paths: Vec<_> = tally.paths.iter().map(|(_, row)| row.failures).collect();
    assert_eq!(paths, [2 * all as u64]);
}
