//! The catalogue's samples: each conversation must end in the cause that it stands with.

mod facts;
mod renamed;

use std::time::Duration;

use super::facts::Case;
use super::{Failure, classify, scene};
use crate::catalogue::samples;
use crate::diagnostic::Origin;
use crate::ftp::{
    Alert, Closing, DataMode, DataRecord, End, Endpoint, Event, EventKind, Expected, Fate, Found,
    Introduction, Line, LineEnd, Replies, ReplyCode, SessionKey, Side, TcpRecord, TlsRecord,
    Vantage, grammar,
};
use crate::session::{Builder, Exchange, KeptReply, Observer, Session, Transfer};
use crate::time::Timestamp;

/// A conversation in the catalogue's small language, played to a session builder.
///
/// `> command`, `< reply line`, `wait 300s`, `! data unanswered|refused|never-tried|open N|uploaded N|reset-by-client N|window-closed N|silent N|unacknowledged N|by-stranger|…`,
/// `! tls failed`, `! tls alert server 40`, `! client fin`, `! server reset`, `! client gave-up`, `! vanished`, `! syn refused|unanswered`. A step takes 10 ms.
struct Talk {
    now: Timestamp,
    record: u64,
    announced: Option<(DataMode, Origin)>,
    replies: Replies,
    builder: Builder,
    finished: Finished,
    closed: bool,
    /// What the last reply promised.
    promised: Option<Expected>,
    /// What ALLO announced.
    allocated: Option<Expected>,
}

#[derive(Default)]
struct Finished(Vec<Session>);

impl Observer for Finished {
    fn event(&mut self, _: &Session, _: &Event<'_>) {}
    fn passed(&mut self, _: &Session, _: &KeptReply) {}
    fn dropped(&mut self, _: &Session, _: &Exchange) {}
    fn finished(&mut self, session: Session) {
        self.0.push(session);
    }
}

fn end(ip: &str, port: u16) -> Endpoint {
    Endpoint::new(ip.parse().unwrap(), port)
}

impl Talk {
    fn play(talk: &str) -> Session {
        let introduction = Introduction {
            vantage: Vantage::Wire,
            client: Some(end("198.51.100.11", 40_001)),
            server: Some(end("192.0.2.10", 21)),
            user: None,
            approximate: false,
        };
        let mut played = Self {
            now: Timestamp::from_seconds(1_772_323_200, 0),
            record: 0,
            announced: None,
            replies: Replies::default(),
            builder: Builder::default(),
            finished: Finished::default(),
            closed: false,
            promised: None,
            allocated: None,
        };
        played.emit(EventKind::Introduced(Box::new(introduction)));
        if !talk.contains("! syn") {
            played.emit(EventKind::Opened);
        }
        for line in talk.lines() {
            played.step(line);
        }
        if !played.closed {
            played.close(End::Fin, Some(Side::Client), Fate::Opened, None);
        }
        played.finished.0.pop().unwrap()
    }

    fn emit(&mut self, kind: EventKind<'_>) {
        let origin = Origin {
            record: self.record,
            ..Origin::default()
        };
        let event = Event {
            at: Some(self.now),
            origin,
            ends: self.record,
            session: SessionKey(1),
            kind,
        };
        self.builder.take(&event, &mut self.finished);
    }

    fn tick(&mut self, time: Duration) {
        self.record += 1;
        self.now =
            Timestamp::from_nanos(self.now.nanos() + i64::try_from(time.as_nanos()).unwrap());
    }

    fn step(&mut self, line: &str) {
        self.tick(Duration::from_millis(10));
        let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
        match mark {
            ">" => self.client(rest.as_bytes()),
            "<" | "<+" => self.server(rest.as_bytes()),
            "wait" => {
                let seconds = rest.strip_suffix('s').unwrap().parse().unwrap();
                self.tick(Duration::from_secs(seconds));
            }
            "!" => self.happens(rest),
            _ => panic!("a talk has no line like {line:?}"),
        }
    }

    fn client(&mut self, line: &[u8]) {
        let command = grammar::command(line).unwrap();
        if let "PORT" | "EPRT" = command.verb.as_str() {
            self.announced = Some((
                DataMode::Port,
                Origin {
                    record: self.record,
                    ..Origin::default()
                },
            ));
        }
        if let ("ALLO", Some(bytes)) = (command.verb.as_str(), command.argument()) {
            let bytes = std::str::from_utf8(bytes).unwrap().parse().unwrap();
            self.allocated = Some(Expected { bytes, by: "ALLO" });
        }
        self.emit(EventKind::Command(command));
    }

    fn server(&mut self, bytes: &[u8]) {
        let origin = Origin {
            record: self.record,
            ..Origin::default()
        };
        let mut found = Vec::new();
        let line = Line {
            bytes,
            at: Some(self.now),
            origin,
            ends: self.record,
            end: LineEnd::Whole,
        };
        self.replies.line(line, &mut |f| match f {
            Found::Reply { reply, origin, .. } => {
                let text = reply.text.into_owned().into();
                found.push((crate::ftp::Reply { text, ..reply }, origin));
            }
            Found::Stray(_) => panic!("not a reply: {bytes:?}"),
        });
        for (reply, origin) in found {
            self.promised =
                grammar::promised_bytes(&reply.text).map(|bytes| Expected { bytes, by: "150" });
            match reply.code.number() {
                227 => self.announced = Some((DataMode::Pasv, origin)),
                229 => self.announced = Some((DataMode::Epsv, origin)),
                _ => {}
            }
            self.emit(EventKind::Reply(reply));
        }
    }

    fn happens(&mut self, what: &str) {
        let words: Vec<&str> = what.split(' ').collect();
        let side = |word: &str| {
            if word == "client" {
                Side::Client
            } else {
                Side::Server
            }
        };
        match words.as_slice() {
            ["data", fate, bytes @ ..] => {
                let bytes = bytes.first().map_or(0, |b| b.parse().unwrap());
                self.data(fate, bytes);
            }
            ["tls", "failed"] => self.tls(None),
            ["tls", "alert", who, number] => self.tls(Some((side(who), number.parse().unwrap()))),
            ["vanished"] => {
                self.close(End::InputEnded, None, Fate::Opened, Some((Side::Client, 5)));
            }
            ["syn", "refused"] => self.close(End::Reset, Some(Side::Server), Fate::Refused, None),
            ["syn", "unanswered"] => self.close(End::Idle, None, Fate::Unanswered, None),
            ["client", "gave-up"] => {
                self.close(End::Idle, Some(Side::Client), Fate::Opened, None);
            }
            [who, "fin"] => self.close(End::Fin, Some(side(who)), Fate::Opened, None),
            [who, "reset"] => self.close(End::Reset, Some(side(who)), Fate::Opened, None),
            _ => panic!("nothing happens like {what:?}"),
        }
    }

    /// A handshake that failed, with a fatal alert or without one.
    fn tls(&mut self, alert: Option<(Side, u8)>) {
        self.emit(EventKind::Protected);
        let origin = Origin::default();
        let alert = alert.map(|(sender, number)| Alert {
            sender,
            read: Some((2, number)),
            origin,
        });
        self.emit(EventKind::Tls(Box::new(TlsRecord {
            completed: Some(false),
            alerts: alert.into_iter().collect(),
            ..TlsRecord::default()
        })));
        self.emit(EventKind::Unprotected);
    }

    fn data(&mut self, how: &str, bytes: u64) {
        let (mode, announced_by) = self.announced.unwrap();
        let (fate, end, ended_by) = match how {
            "unanswered" => (Fate::Unanswered, None, None),
            "refused" => (Fate::Refused, None, None),
            "never-tried" => (Fate::NeverTried, None, None),
            "open" | "window-closed" | "silent" | "unacknowledged" => {
                (Fate::Opened, Some(End::InputEnded), None)
            }
            "fin" | "by-stranger" => (Fate::Opened, Some(End::Fin), Some(Side::Server)),
            "uploaded" => (Fate::Opened, Some(End::Fin), Some(Side::Client)),
            "reset-by-client" => (Fate::Opened, Some(End::Reset), Some(Side::Client)),
            "reset-by-server" => (Fate::Opened, Some(End::Reset), Some(Side::Server)),
            _ => panic!("no data connection is {how:?}"),
        };
        let announced = self::end("192.0.2.10", 50_000);
        let mut tcp = TcpRecord::default();
        match how {
            "window-closed" => {
                tcp.by_client.zero_window_at_end = true;
                tcp.by_client.zero_window_longest = Duration::from_secs(60);
            }
            "silent" => tcp.silence_at_end = Duration::from_secs(60),
            "unacknowledged" => tcp.by_server.unacknowledged = 5,
            _ => {}
        }
        let record = DataRecord {
            fate,
            attempts: 3,
            tried: Some(self.now),
            last: Some(self.now),
            end,
            ended_by,
            bytes_to_client: if how == "uploaded" { 0 } else { bytes },
            bytes_to_server: if how == "uploaded" { bytes } else { 0 },
            opener: Some(self::end(
                if how == "by-stranger" {
                    "203.0.113.9"
                } else {
                    "198.51.100.11"
                },
                50_001,
            )),
            third_party: how == "by-stranger",
            expected: self.promised.or(self.allocated),
            tcp: Some(tcp),
            ..DataRecord::never_tried(mode, announced, announced_by)
        };
        self.emit(EventKind::Data(Box::new(record)));
    }

    fn close(
        &mut self,
        end: End,
        by: Option<Side>,
        fate: Fate,
        unacknowledged: Option<(Side, u32)>,
    ) {
        self.closed = true;
        self.emit(EventKind::Closed(Closing {
            end,
            by,
            fate,
            unacknowledged,
            tcp: None,
        }));
    }
}

fn failures_of(talk: &str) -> Vec<Failure> {
    classify(&Talk::play(talk))
}

#[test]
fn every_sample_ends_in_its_cause() {
    let mut played = 0;
    let mut causes = 0;
    let mut wrong = Vec::new();
    for (id, talks) in samples() {
        causes += usize::from(!talks.is_empty());
        for talk in talks {
            played += 1;
            let found = failures_of(&talk);
            if found.last().map(|f| f.cause) != Some(id) {
                let found: Vec<_> = found
                    .iter()
                    .map(|f| (f.cause, f.code.map(ReplyCode::number)))
                    .collect();
                wrong.push(format!("{id}: {found:?} in\n{talk}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        causes >= 25 && played >= causes,
        "{causes} causes have {played} samples"
    );
}

#[test]
fn what_a_case_lacks_rules_out_nothing_that_holds() {
    let mut cases = 0;
    for (id, talks) in samples() {
        for talk in talks {
            let session = Talk::play(&talk);
            let exchanges = session.exchanges.iter().enumerate();
            let cases_of_exchanges = exchanges.map(|place| Case {
                session: &session,
                exchange: Some(place),
                transfer: None,
            });
            let cases_of_transfers = session.transfers.iter().map(|transfer| Case {
                session: &session,
                exchange: None,
                transfer: Some(transfer),
            });
            for case in cases_of_exchanges.chain(cases_of_transfers) {
                assert_eq!(scene::mistaken(&case), [""; 0], "{id}: {talk}");
                cases += 1;
            }
        }
    }
    assert!(cases > 1000, "{cases}");
}

#[test]
fn a_good_session_has_no_failure() {
    let talk = "< 220 ready\n> USER bob\n< 331 password\n> PASS x\n< 230 in\n> PASV\n\
        < 227 ok (192,0,2,10,195,80)\n> LIST\n< 150 go\n! data fin 100\n< 226 done\n> QUIT\n< 221 bye";
    assert_eq!(failures_of(talk), []);
}

#[test]
fn a_cancelled_download_is_benign_and_a_broken_one_is_not() {
    let talk = |middle: &str| {
        format!(
            "< 220 ready\n> USER b\n< 230 in\n> PASV\n< 227 ok (192,0,2,10,195,80)\n> RETR x\n< 150 go\n{middle}\n< 426 broken"
        )
    };
    let benign = |middle: &str| {
        failures_of(&talk(middle))
            .iter()
            .map(|f| f.benign)
            .collect::<Vec<_>>()
    };
    assert_eq!(benign("> ABOR"), [true]);
    assert_eq!(benign("! data reset-by-client 10"), [false]);
}

#[test]
fn what_a_client_only_wishes_for_is_not_counted() {
    let failures = |said: &str| {
        let talk = format!("< 220 ready\n> USER b\n< 230 in\n{said}");
        let told = failures_of(&talk);
        told.iter().map(|f| f.benign).collect::<Vec<_>>()
    };
    assert_eq!(failures("> OPTS UTF8 ON\n< 504 Unknown command"), [true]);
    assert_eq!(failures("> NOOP\n< 502 'noop' not implemented"), [true]);
    assert_eq!(failures("> TYPE Q\n< 504 Unknown TYPE"), [false]);
    assert_eq!(failures("> APPE a\n< 502 'appe' not implemented"), [false]);
}

#[test]
fn a_transfer_that_only_a_log_tells_of_is_not_explained() {
    let mut session = Talk::play("< 220 ready");
    session.vantage = Vantage::TransferLog;
    session.transfers.push(Transfer {
        verb: crate::ftp::Verb::new(b"STOR"),
        path: Some("/x".into()),
        direction: crate::ftp::Direction::Upload,
        bytes: None,
        complete: Some(false),
        exchange: None,
        at: None,
        origin: Origin::default(),
    });
    let names: Vec<&str> = classify(&session).iter().map(|f| f.cause.name()).collect();
    assert_eq!(names, ["transfer-unexplained"]);
}

/// What is remembered to be quick begins anew, and no rule is lost by it.
#[test]
fn more_scenes_than_are_remembered_have_the_same_rules() {
    use std::fmt::Write as _;
    let named = |talk: &str| -> Vec<_> {
        let failures = classify(&Talk::play(talk));
        failures
            .iter()
            .map(|failure| failure.cause.name())
            .collect()
    };
    let refused = "< 220 hi\n> USER bob\n< 331 pw\n> PASS x\n< 530 Login incorrect.\n";
    let first = named(refused);
    assert_eq!(first, ["auth-bad-credentials"]);
    let (mut most, each) = (0, 512);
    for part in 0..=crate::limits::KNOWN_TEXTS / each {
        let mut talk = "< 220 hi\n".to_owned();
        for number in part * each..(part + 1) * each {
            writeln!(talk, "> Q{number}\n< 500 no").unwrap();
        }
        assert_eq!(named(&talk).len(), each);
        most = scene::remembered().max(most);
    }
    assert!(most <= crate::limits::KNOWN_TEXTS && scene::remembered() < most);
    assert_eq!(named(refused), first);
}

/// Who waits for a look-up waits for seconds; what is shorter is a server that slows guessing down.
#[test]
fn a_greeting_is_late_from_some_seconds_on() {
    let named = |seconds: u64| -> Vec<_> {
        let failures = classify(&Talk::play(&format!("wait {seconds}s\n< 220 hi\n")));
        failures
            .iter()
            .map(|failure| failure.cause.name())
            .collect()
    };
    let bound = crate::limits::SLOW_TO_LET_IN.as_secs();
    assert_eq!(named(bound - 1), Vec::<&str>::new());
    assert_eq!(named(bound), ["server-slow-greeting"]);
}

/// What broke the last exchange also ended the session; an earlier failure did not.
#[test]
fn a_session_that_breaks_off_is_told_beside_earlier_failures() {
    let named = |talk: &str| -> Vec<_> {
        let failures = classify(&Talk::play(talk));
        failures
            .iter()
            .map(|failure| (failure.cause.name(), failure.exchange.is_some()))
            .collect()
    };
    let refused = "< 220 hi\n> CWD x\n< 550 x: No such file or directory\n";
    let [first] = named(refused)[..] else {
        panic!("{:?}", named(refused));
    };
    assert!(first.1);
    let later = named(&format!("{refused}> NOOP\n< 200 ok\n! server reset\n"));
    assert_eq!(later.len(), 2, "{later:?}");
    assert_eq!(later[0], first);
    assert!(!later[1].1);
}
