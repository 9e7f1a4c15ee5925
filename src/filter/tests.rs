//! What is typed, what it comes to, and where it is wrong.

use jiff::tz::TimeZone;

use super::*;
use crate::ftp::{Endpoint, Host, ReplyCode};

/// Wednesday, 2026-03-04 12:30 in Berlin.
fn now() -> Now {
    let at = Timestamp::from_nanos(1_772_623_800_000_000_000);
    Now::new(at, TimeZone::get("Europe/Berlin").unwrap())
}

#[test]
fn times_are_read_as_people_say_them() {
    let expected = [
        ("2026-03-01T03:00:00Z", "2026-03-01T03:00:00Z"),
        ("2026-03-01t03:00:00.5+05:30", "2026-02-28T21:30:00.500Z"),
        ("2026-03-01 03:00:00 -0100", ""),
        ("2026-03-01 03:00:00-0100", "2026-03-01T04:00:00Z"),
        ("2026-03-01", "2026-02-28T23:00:00Z"),
        ("2026-07-01 03:00", "2026-07-01T01:00:00Z"),
        ("03:00", "2026-03-04T02:00:00Z"),
        ("23:00:30", "2026-03-03T22:00:30Z"),
        ("2h", "2026-03-04T09:30:00Z"),
        ("-2h", "2026-03-04T09:30:00Z"),
        ("90 min", "2026-03-04T10:00:00Z"),
        ("1h30m", "2026-03-04T10:00:00Z"),
        ("3 days ago", "2026-03-01T11:30:00Z"),
        ("2 Weeks", "2026-02-18T11:30:00Z"),
        ("now", "2026-03-04T11:30:00Z"),
        (" today ", "2026-03-03T23:00:00Z"),
        ("yesterday", "2026-03-02T23:00:00Z"),
        ("monday", "2026-03-01T23:00:00Z"),
        ("wed", "2026-03-03T23:00:00Z"),
        ("last wednesday", "2026-02-24T23:00:00Z"),
        ("last-week", "2026-02-22T23:00:00Z"),
        ("this week", "2026-03-01T23:00:00Z"),
        ("last-month", "2026-01-31T23:00:00Z"),
        ("this_year", "2025-12-31T23:00:00Z"),
    ];
    for (typed, want) in expected {
        let found = now().read(typed).map(|at| at.to_string());
        assert_eq!(found.unwrap_or_default(), want, "{typed}");
    }
}

/// Clocks go forward at 2 on 2026-03-29 and back at 3 on 2026-10-25.
#[test]
fn days_are_those_of_the_calendar_and_of_two_equal_times_the_first_counts() {
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let noon = |day: i64| Timestamp::from_seconds(day * 86_400 + 43_200, 0);
    let spring = Now::new(noon(20_541), berlin.clone());
    let told = |now: &Now, typed: &str| now.read(typed).unwrap().to_string();
    assert_eq!(told(&spring, "now"), "2026-03-29T12:00:00Z");
    assert_eq!(told(&spring, "1 day"), "2026-03-28T13:00:00Z");
    assert_eq!(told(&spring, "24h"), "2026-03-28T12:00:00Z");
    assert_eq!(told(&spring, "2026-03-29 02:30"), "2026-03-29T01:30:00Z");
    assert_eq!(told(&spring, "2026-10-25 02:30"), "2026-10-25T00:30:00Z");
}

#[test]
fn what_is_no_time_is_shown_where_it_goes_wrong() {
    let expected = [
        ("2026-13-01", 5),
        ("2026-02-29", 8),
        ("2026-3-01", 6),
        ("2026-03-01x", 10),
        ("2026-03-01T25:00", 11),
        ("2026-03-01T03:60", 14),
        ("2026-03-01T03:00 Berlin", 16),
        ("2026-03-01T03:00+1:00", 18),
        ("3:00", 1),
        ("03:00:", 6),
        ("3 dys ago", 2),
        ("3 days agone", 7),
        ("99999999999999999999 h", 0),
        ("1h30", 4),
        ("fryday", 0),
        ("last fryday", 5),
        ("last-", 5),
        ("", 0),
        ("9999-01-01", 0),
        ("\u{202e}2h", 0),
    ];
    for (typed, at) in expected {
        let fault = now().read(typed).expect_err(typed);
        assert_eq!(fault.at, at, "{typed}: {}", fault.why);
    }
}

fn filter(words: &Words) -> Result<Filter, Wrong> {
    Filter::read(words, &now()).map(|filter| filter.expect("conditions"))
}

#[test]
fn nothing_typed_is_no_filter() {
    assert!(Filter::read(&Words::default(), &now()).unwrap().is_none());
}

#[test]
fn hosts_are_addresses_networks_and_names() {
    let fits = |words: &str, host: &str| {
        let choice = Choice::read("--client", &[words.to_owned()], true, Hosts::read).unwrap();
        choice.fits(|hosts: &Hosts| hosts.fits(&Host::read(host.as_bytes())))
    };
    assert!(fits("192.0.2.7", "192.0.2.7") && !fits("192.0.2.7", "192.0.2.70"));
    assert!(fits("::ffff:192.0.2.7", "192.0.2.7") && fits("192.0.2.7", "::ffff:192.0.2.7"));
    assert!(fits("192.0.2.0/24", "192.0.2.255") && !fits("192.0.2.0/24", "192.0.3.0"));
    assert!(
        fits("192.0.2.9/24", "192.0.2.1"),
        "the rest of the address is no matter"
    );
    assert!(fits("2001:db8::/32", "2001:db8:1::7") && !fits("2001:db8::/32", "192.0.2.1"));
    assert!(fits("198.51.100.0/24,192.0.2.0/24", "192.0.2.1"));
    assert!(fits("!192.0.2.0/24", "198.51.100.1") && !fits("!192.0.2.0/24", "192.0.2.1"));
    assert!(fits("192.0.2.0/24,!192.0.2.1", "192.0.2.2"));
    assert!(!fits("192.0.2.0/24,!192.0.2.1", "192.0.2.1"));
    assert!(fits("*.example.net", "ftp.example.net") && !fits("*.example.net", "192.0.2.1"));
    assert!(
        fits("cafe", "cafe"),
        "a name of hexadecimal letters is a name"
    );
    assert!(fits("0.0.0.0/0", "192.0.2.1") && !fits("0.0.0.0/0", "2001:db8::1"));
}

#[test]
fn servers_may_have_a_port() {
    let fits = |words: &str, ip: &str, port: u16| {
        let end = Endpoint::new(ip.parse().unwrap(), port);
        Server::read(words).unwrap().fits(&end)
    };
    assert!(fits("192.0.2.1:2121", "192.0.2.1", 2121) && !fits("192.0.2.1:2121", "192.0.2.1", 21));
    assert!(fits("192.0.2.0/24:21", "192.0.2.9", 21) && fits(":990", "192.0.2.9", 990));
    assert!(fits("[2001:db8::1]:21", "2001:db8::1", 21) && fits("2001:db8::1", "2001:db8::1", 7));
    assert!(
        fits("[2001:db8::/32]", "2001:db8::1", 7) && !fits("[2001:db8::1]:21", "2001:db8::1", 22)
    );
}

#[test]
fn codes_are_digits_and_letters_for_any_digit() {
    let fits = |words: &str, code: u16| {
        let choice = Choice::read("--code", &[words.to_owned()], true, pattern::code).unwrap();
        choice.fits(|pattern: &CodePattern| pattern.fits(ReplyCode::new(code).unwrap()))
    };
    assert!(fits("5xx", 550) && fits("5yz", 501) && !fits("5xx", 450));
    assert!(fits("5xx,!550", 553) && !fits("5xx,!550", 550) && fits("55x", 552));
    assert!(fits("421", 421) && fits("4xx,530", 530) && !fits("!4xx", 425) && fits("?2?", 425));
}

#[test]
fn paths_without_a_slash_are_about_the_last_part() {
    let fits = |glob: &str, path: &[u8]| pattern::Path::read(glob).unwrap().fits(path);
    assert!(fits("*.csv", b"in/2026/a.csv") && fits("*.csv", b"a.csv") && fits("in", b"/a/in/"));
    assert!(fits("/in/*", b"/in/a") && !fits("/in/*", b"/in/b/a") && fits("/in/**", b"/in/b/a"));
    assert!(!fits("*.csv", b"a.csv.tmp") && fits("[ab]?", b"b1") && fits("{x,y}", b"y"));
    assert!(fits("*\u{e9}s", "caf\u{e9}s".as_bytes()) && fits("caf*", b"caf\xe9s\n"));
    assert!(fits("a.txt", b"c:\\in\\a.txt"));
}

#[test]
fn a_wrong_word_is_pointed_at() {
    let words = |set: &dyn Fn(&mut Words)| {
        let mut words = Words::default();
        set(&mut words);
        let wrong = filter(&words).expect_err("a fault");
        (wrong.option, wrong.at)
    };
    let client = |typed: &str| words(&|w| w.clients = vec![typed.to_owned()]).1;
    assert_eq!(client("192.0.2.x"), 8);
    assert_eq!(client("192.0.2.0/33"), 10);
    assert_eq!(client("2001:db8::/129"), 11);
    assert_eq!(client("192.0.2.1,192.0.300.1"), 16);
    assert_eq!(client("192.0.2"), 7);
    assert_eq!(client("192.0.2.1.5"), 10);
    assert_eq!(client("2001:db8::g"), 10);
    assert_eq!(client("!"), 1);
    assert_eq!(client("192.0.2.1,"), 10);
    let code = |typed: &str| words(&|w| w.codes = vec![typed.to_owned()]).1;
    assert_eq!(
        (code("5xx,!55o"), code("7xx"), code("55"), code("5500")),
        (7, 0, 2, 3)
    );
    let server = |typed: &str| words(&|w| w.servers = vec![typed.to_owned()]).1;
    assert_eq!(
        (server("192.0.2.1:70000"), server("[2001:db8::1]21")),
        (10, 13)
    );
    assert_eq!(
        words(&|w| w.causes = vec!["tls-handsake".into()]),
        ("--cause", 9)
    );
    assert_eq!(words(&|w| w.sides = vec!["nettwork".into()]), ("--side", 3));
    assert_eq!(
        words(&|w| w.commands = vec!["RE-TR".into()]),
        ("--command", 2)
    );
    assert_eq!(words(&|w| w.users = vec!["a[b".into()]), ("--user", 1));
    assert_eq!(
        words(&|w| w.sessions = vec!["12g".into()]),
        ("--session", 2)
    );
    assert_eq!(words(&|w| w.since = Some("2 moons".into())), ("--since", 2));
    let backwards =
        |w: &mut Words| (w.since, w.until) = (Some("today".into()), Some("yesterday".into()));
    assert_eq!(words(&backwards), ("--until", 0));
}

#[test]
fn a_fault_is_marked_below_what_was_typed_and_acts_on_no_terminal() {
    let words = Words {
        clients: vec!["\u{1b}[2J192.0.2.x".into()],
        codes: vec!["5xx,!55o".into()],
        ..Words::default()
    };
    let wrong = filter(&words).expect_err("a fault").told();
    assert!(!wrong.contains('\u{1b}'), "{wrong:?}");
    let words = Words {
        codes: vec!["5xx,!55o".into()],
        ..Words::default()
    };
    let expected = "--code: a code is like 550, 55x or 5xx\n        5xx,!55o\n               ^";
    assert_eq!(filter(&words).expect_err("a fault").told(), expected);
}
