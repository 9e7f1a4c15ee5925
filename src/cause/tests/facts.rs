//! Facts on both sides of where they begin, which conversations alone do not reach.

use std::time::Duration;

use super::Talk;
use crate::cause::facts::{self, Case};
use crate::cause::{classify, left, whole};
use crate::diagnostic::Origin;
use crate::ftp::{DataRecord, End, Expected, Fate, Side, TlsRecord, Vantage, Verb};
use crate::session::Session;
use crate::tally::tests::Talk as Told;

const TRANSFER: &str = "< 220 hi\n> USER bob\n< 331 pw\n> PASS x\n< 230 in\n> PASV\n\
                        < 227 Entering Passive Mode (192,0,2,10,195,80).\n> RETR x\n< 150 go\n";

/// A transfer with this data connection, cut off.
fn transfer(data: &str, change: impl FnOnce(&mut DataRecord)) -> Session {
    let talk = format!("{TRANSFER}! data {data}\nwait 60s\n< 426 Data timeout, closing.\n");
    let mut session = Talk::play(&talk);
    change(session.data[0].seen.as_deref_mut().unwrap());
    session
}

fn holds(session: &Session, name: &str) -> bool {
    let exchanges = session.exchanges.iter().enumerate();
    let found = exchanges.rev().find(|(_, e)| e.data.is_some());
    let case = Case {
        session,
        exchange: found,
        transfer: None,
    };
    let fact = facts::all().find(|fact| fact.name == name).unwrap();
    (fact.holds)(&case)
}

#[test]
fn a_window_is_closed_where_it_is_so_at_the_end_and_for_long() {
    let closed = |at_end: bool, seconds: u64| {
        let session = transfer("window-closed 9000", |data| {
            let sent = &mut data.tcp.as_mut().unwrap().by_client;
            sent.zero_window_at_end = at_end;
            sent.zero_window_longest = Duration::from_secs(seconds);
        });
        holds(&session, "data-window-closed")
    };
    assert!(closed(true, 60) && closed(true, 5));
    assert!(!closed(true, 4) && !closed(false, 60));
}

#[test]
fn a_data_connection_is_silent_where_it_stood_and_nothing_came_for_long() {
    let silent = |fate: Fate, seconds: u64| {
        let session = transfer("silent 9000", |data| {
            data.fate = fate;
            data.tcp.as_mut().unwrap().silence_at_end = Duration::from_secs(seconds);
        });
        holds(&session, "data-silent")
    };
    assert!(silent(Fate::Opened, 60) && silent(Fate::Opened, 5));
    assert!(!silent(Fate::Opened, 4) && !silent(Fate::Unanswered, 60));
}

#[test]
fn bytes_were_moved_where_a_log_or_packets_say_so() {
    let session = Told::new(&["+ RETR a"]).session();
    let moved = |bytes: Option<u64>| {
        let mut transfer = session.transfers[0].clone();
        transfer.bytes = bytes;
        let case = Case {
            session: &session,
            exchange: None,
            transfer: Some(&transfer),
        };
        facts::moved_bytes(&case)
    };
    assert!(moved(Some(1)));
    assert!(!moved(Some(0)) && !moved(None));
}

/// The client found another way; one that it had before explains nothing.
#[test]
fn another_way_is_one_that_comes_later_in_the_same_direction() {
    let found = |before: &[&'static str], after: &[&'static str]| {
        let refused = ["> MLSD", "< 500 unknown command"];
        let lines = [&["< 220 hi"], before, &refused, after].concat();
        let session = Told::new(&lines).session();
        let mut exchanges = session.exchanges.iter().enumerate();
        let exchange = exchanges.find(|(_, e)| e.verb() == Some(Verb::MLSD));
        let case = Case {
            session: &session,
            exchange,
            transfer: None,
        };
        let mut facts = facts::all();
        let fact = facts.find(|fact| fact.name == "same-direction-after");
        (fact.unwrap().holds)(&case)
    };
    let listed = ["> LIST", "< 150 go", "< 226 done"];
    assert!(found(&[], &listed) && found(&listed, &listed));
    assert!(!found(&[], &[]) && !found(&listed, &[]));
    assert!(!found(&[], &["> LIST", "< 425 no"]));
    assert!(!found(&[], &["> STOR a", "< 150 go", "< 226 done"]));
}

/// The exchange after which nothing came, in a server's log.
fn in_vain(lines: &[&str], vantage: Vantage, elided: u64) -> Option<usize> {
    let mut talk = Told::new(&[&["< 220 hi"], lines].concat());
    talk.vantage = vantage;
    let session = Session {
        elided,
        ..talk.session()
    };
    left::left_open(&session).map(|(index, _)| index)
}

#[test]
fn what_is_left_open_is_told_of_logs_that_hold_all() {
    let log = |lines: &[&str]| in_vain(lines, Vantage::ServerLog, 0);
    let tls = ["> AUTH TLS", "< 234 go"];
    assert_eq!(log(&tls), Some(1));
    assert_eq!(in_vain(&tls, Vantage::Wire, 0), None);
    assert_eq!(in_vain(&tls, Vantage::ServerLog, 7), None);
    assert_eq!(log(&["> AUTH TLS", "< 500 no"]), None);
    let passive = [
        "> USER bob",
        "< 331 pw",
        "> PASS x",
        "< 230 in",
        "> PASV",
        "< 227 (192,0,2,10,195,80)",
    ];
    let and = |more: &[&'static str]| log(&[&passive[..], more].concat());
    assert_eq!(and(&[]), Some(3));
    assert_eq!(and(&["> LIST"]), Some(3));
    assert_eq!(and(&["> LIST", "< 150 go"]), None);
    assert_eq!(and(&["> LIST", "< 425 no"]), None);
    assert_eq!(and(&["> PORT 192,0,2,7,4,1", "< 200 ok"]), None);
}

#[test]
fn an_answer_behind_an_agreement_on_tls_is_told_apart() {
    let session = Told::new(&["< 220 hi", "> AUTH TLS", "< 234 go", "< 500 what?"]).session();
    assert!(left::auth_just_agreed(&session, 2));
    assert!(!left::auth_just_agreed(&session, 1) && !left::auth_just_agreed(&session, 0));
    let refused = Told::new(&["< 220 hi", "> AUTH TLS", "< 500 no", "< 500 what?"]).session();
    assert!(!left::auth_just_agreed(&refused, 2));
}

#[test]
fn nothing_was_taken_up_where_tls_began_anew_and_carried_nothing() {
    let session = transfer("open 9000", |_| ());
    let vain = |change: fn(&mut TlsRecord)| {
        let mut tls = TlsRecord {
            resumed: Some(false),
            ..TlsRecord::default()
        };
        change(&mut tls);
        let data = DataRecord {
            tls: Some(Box::new(tls)),
            ..session.data[0].seen.as_deref().unwrap().clone()
        };
        left::took_up_nothing(&data)
    };
    assert!(vain(|_| ()) && vain(|tls| tls.completed = Some(true)));
    assert!(!vain(|tls| tls.completed = Some(false)));
    assert!(!vain(|tls| tls.resumed = Some(true)) && !vain(|tls| tls.resumed = None));
    assert!(!vain(|tls| tls.content = true));
}

/// What shows the failure of the last transfer.
fn proofs(session: &Session) -> Vec<String> {
    let failures = classify(session);
    let proofs = failures.last().unwrap().proofs.iter();
    proofs.map(|proof| proof.text.terminal(true)).collect()
}

#[test]
fn attempts_are_shown_with_their_times() {
    let talk = |data: &str| {
        let refused = TRANSFER.replace("< 150 go\n", "");
        let end = "wait 60s\n< 425 Can't open data connection.\n";
        let mut session = Talk::play(&format!("{refused}! data {data}\n{end}"));
        let seen = session.data[0].seen.as_deref_mut().unwrap();
        seen.first = Some(Origin::default());
        session
    };
    let shown = |session: &Session, words: &str| {
        let proofs = proofs(session);
        assert!(
            proofs.iter().any(|proof| proof.contains(words)),
            "{words}: {proofs:?}"
        );
    };
    shown(&talk("unanswered"), "SYN unanswered, 3 in 0.0 s");
    let after = |millis: u64| {
        let mut session = talk("refused");
        let seen = session.data[0].seen.as_deref_mut().unwrap();
        seen.tcp.get_or_insert_default().answered_after =
            Some(Duration::from_micros(millis * 1000 + 49));
        session
    };
    shown(&after(9), "SYN refused after 0.0090 s, 3 tried");
    shown(&after(10), "SYN refused after 0.0 s, 3 tried");
    shown(&after(1250), "SYN refused after 1.3 s, 3 tried");
}

#[test]
fn less_than_was_promised_is_told_once_the_data_connection_is_over() {
    let told = |promised: u64, end: Option<End>, by: Side| {
        let session = transfer("open 9000", |data| {
            data.expected = Some(Expected {
                bytes: promised,
                by: "150",
            });
            (data.end, data.ended_by) = (end, Some(by));
        });
        ["moved-less", "sizes-differ", "data-ended-by-sender"].map(|name| holds(&session, name))
    };
    let fin = Some(End::Fin);
    assert_eq!(told(9001, fin, Side::Server), [true, true, true]);
    assert_eq!(told(9000, fin, Side::Server), [false, false, true]);
    assert_eq!(told(8999, fin, Side::Client), [false, true, false]);
    assert_eq!(
        told(9001, Some(End::Reset), Side::Server),
        [true, true, false]
    );
    assert_eq!(
        told(9001, Some(End::InputEnded), Side::Server),
        [false, true, false]
    );
}

#[test]
fn a_transfer_is_finished_where_bytes_passed_and_nobody_said_so() {
    let finished = |answer: &str, data: &str| {
        let session = Talk::play(&format!("{TRANSFER}! data {data}\n{answer}"));
        whole::finished(&session).is_some()
    };
    assert!(finished("", "fin 9000"));
    assert!(!finished("", "fin 0") && !finished("", "reset-by-server 9000"));
    assert!(!finished("< 226 done\n", "fin 9000"));
}

#[test]
fn data_is_unprotected_where_nothing_else_was_agreed_upon() {
    let told = |lines: &[&str], elided: u64| {
        let session = Session {
            elided,
            ..Told::new(&[&["< 220 hi"], lines].concat()).session()
        };
        let exchange = session.exchanges.iter().enumerate().next_back();
        let case = Case {
            session: &session,
            exchange,
            transfer: None,
        };
        let fact = facts::all()
            .find(|fact| fact.name == "data-unprotected")
            .unwrap();
        (fact.holds)(&case)
    };
    assert!(told(&["> PROT C", "< 200 ok"], 0) && told(&["> PROT c", "< 534 no"], 0));
    assert!(!told(&["> PROT P", "< 200 ok"], 0));
    assert!(told(&["> LIST", "< 522 no"], 0));
    assert!(!told(&["> LIST", "< 522 no"], 9));
    assert!(!told(&["> PROT P", "< 200 ok", "> LIST", "< 522 no"], 0));
    assert!(told(&["> PROT P", "< 534 no", "> LIST", "< 522 no"], 0));
}
