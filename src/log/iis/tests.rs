//! What IIS writes under the headers that its owners choose, and what looks alike.

use super::*;
use crate::log::tests::{events_of, shows};
use crate::log::{Detected, FORMATS};

const GUID: &str = "4b1a2cf9-e364-4b1a-ab27-fe9050daa5ea";

fn told(lines: &str) -> Vec<String> {
    let told = events_of("iis", lines);
    told.into_iter().map(|(session, words)| format!("{session} {words}")).collect()
}

/// The events of lines under a header with these columns, without the first and the last one.
fn under(columns: &str, lines: &[&str]) -> Vec<String> {
    let software = "Microsoft Internet Information Services 8.5";
    let text = format!("#Software: {software}\n#Date: 2026-11-22 08:00:00\n#Fields: {columns}\n{}\n", lines.join("\n"));
    let told = told(&text);
    let end = told.len().saturating_sub(1);
    told.get(1..end).unwrap_or_default().to_vec()
}

fn read(header: &str, line: &str) -> Read<'static> {
    let mut known = Header::default();
    header.lines().for_each(|line| known.take(line.as_bytes()));
    let line: &'static str = line.to_owned().leak();
    FORMAT.read_under(&known, &Bare::read(line.as_bytes()))
}

#[test]
fn columns_may_be_missing_and_stand_in_any_order() {
    let line = format!("RETR 550 {GUID} a+b%20c%.txt");
    assert_eq!(under("cs-method sc-status x-session cs-uri-stem", &[&line]), ["1 RETR a b c%.txt", "1 550 "]);
    let lines = ["08:00:01 192.0.2.7 40000 - 0 USER", "08:00:02 192.0.2.7 40000 530 5 PASS"];
    assert_eq!(
        under("time c-ip c-port sc-status sc-win32-status cs-method", &lines),
        ["1 USER", "1 PASS secret", "1 530 sc-win32-status 5"]
    );
}

#[test]
fn a_line_without_a_header_is_read_by_what_the_server_writes_unless_told_otherwise() {
    let line = format!("2026-11-22 08:16:55 192.0.2.7 EX\\al 192.0.2.10 21 opts utf8+on 200 0 0 {GUID} -");
    let expected = ["1 introduced 192.0.2.7 EX\\al", "1 OPTS utf8 on", "1 200 ", "1 closed input-ended"];
    assert_eq!(told(&line), expected);
    for (before, between) in [
        ("192.0.2.7 al 192.0.2.10 21", ""),
        ("192.0.2.7 al 192.0.2.10 21", "42 20 0 "),
        ("192.0.2.7", "42 20 0 "),
    ] {
        let told = told(&format!("2026-11-22 08:16:55 {before} DELE a 550 2 0 {between}{GUID} -"));
        assert_eq!(told.get(1..3), Some(&["1 DELE a".to_owned(), "1 550 sc-win32-status 2".to_owned()][..]), "{before}");
    }
    for line in [
        "08:16:55 192.0.2.7 [2]DELE a 550",
        "08:16:55 192.0.2.7 [2]DELE a 550 0",
        "08:16:55 192.0.2.7 al 21 [2]DELE a 550",
    ] {
        let told = told(line);
        assert_eq!(told.get(1..3), Some(&["1 DELE a".to_owned(), "1 550 ".to_owned()][..]), "{line}");
        assert_eq!(Detected::by_head(format!("{line}\n").as_bytes()), Detected::named("iis"));
    }
}

#[test]
fn numbers_of_sessions_start_anew_with_the_service() {
    let lines = "#Software: Microsoft Internet Information Server 4.0\n\
                 #Date: 2026-11-22 08:00:00\n\
                 #Fields: time c-ip cs-method cs-uri-stem sc-status\n\
                 08:00:00 192.0.2.7 [2]USER alice 331\n\
                 08:00:01 192.0.2.7 [2]PASS - 530\n\
                 08:00:02 192.0.2.7 [2]USER alice 331\n\
                 08:00:03 192.0.2.7 [2]PASS - 230\n\
                 08:00:04 192.0.2.8 [2]QUIT - 226\n\
                 #Date: 2026-11-22 08:10:00\n\
                 08:10:00 192.0.2.7 [2]USER bob 331\n";
    let expected = [
        "1 introduced 192.0.2.7",
        "1 USER alice",
        "1 331 ",
        "1 PASS secret",
        "1 530 ",
        "1 USER alice",
        "1 331 ",
        "1 PASS secret",
        "1 230 ",
        "2 introduced 192.0.2.8",
        "2 QUIT",
        "2 constant [226] of QUIT of IIS 4",
        "2 closed goodbye",
        "1 closed idle",
        "3 introduced 192.0.2.7",
        "3 USER bob",
        "3 331 ",
        "3 closed input-ended",
    ];
    assert_eq!(told(lines), expected);
}

#[test]
fn the_older_servers_may_have_the_columns_of_web_servers() {
    let columns = "date time c-ip cs-username s-sitename s-computername s-ip s-port cs-method cs-uri-stem cs-uri-query \
                   sc-status sc-win32-status sc-bytes cs-bytes time-taken cs-version cs-host cs(User-Agent) cs(Referer)";
    let line = "2026-11-22 08:00:01 192.0.2.7 alice MSFTPSVC1 FTP1 192.0.2.10 21 [1]sent /a - 426 10054 4096 0 90 FTP - - -";
    let expected = ["1 RETR /a", "1 RETR /a 4096 incomplete", "1 426 sc-win32-status 10054"];
    assert_eq!(under(columns, &[line]), expected);
    assert_eq!(under(columns, &[&line.replace("[1]sent", "GET"), &line.replace("[1]sent", "RETR")]), [""; 0]);
}

#[test]
fn a_time_alone_is_of_the_day_in_the_header() {
    let header = "#Date: 2026-11-22 23:59:00\n#Fields: time c-ip cs-method cs-uri-stem sc-status";
    let stamp = |line: &str| match read(header, line) {
        Read::Taken(record) => Some(record.stamp),
        _ => None,
    };
    let start = crate::time::days_from_date(2026, 11, 22) * 86_400 + 86_340;
    assert_eq!(stamp("00:00:01 192.0.2.7 [2]QUIT - 221"), Some(crate::time::Stamp::OfDay(start, 1)));
    assert_eq!(stamp("24:00:01 192.0.2.7 [2]QUIT - 221"), None);
}

#[test]
fn bytes_of_a_data_connection_are_those_of_the_transfer_after_it() {
    let columns = "time c-ip s-port cs-method cs-uri-stem sc-status sc-win32-status sc-bytes cs-bytes x-session";
    let data = format!("08:00:02 192.0.2.7 57348 DataChannelClosed - - 0 5000 0 {GUID}");
    let lines = [
        format!("08:00:00 192.0.2.7 21 ControlChannelOpened - - 0 0 0 {GUID}"),
        format!("08:00:01 192.0.2.7 57348 DataChannelOpened - - 0 0 0 {GUID}"),
        data.clone(),
        format!("08:00:02 192.0.2.7 21 RETR a 226 0 24 8 {GUID}"),
        format!("08:00:03 192.0.2.7 21 NOOP - 200 0 24 8 {GUID}"),
        format!("08:00:04 192.0.2.7 21 RETR b 550 2 24 8 {GUID}"),
    ];
    let expected = [
        "1 opened",
        "1 RETR a",
        "1 RETR a 5000 incomplete",
        "1 226 ",
        "1 NOOP",
        "1 200 ",
        "1 RETR b",
        "1 550 sc-win32-status 2",
    ];
    assert_eq!(under(columns, &lines.each_ref().map(String::as_str)), expected);
    // The data connection alone begins no session.
    assert_eq!(under(columns, &[&data]), [""; 0]);
}

#[test]
fn a_connection_that_broke_is_told() {
    let columns = "time c-ip cs-method sc-status sc-win32-status sc-substatus x-session";
    let opened = format!("08:00:00 192.0.2.7 ControlChannelOpened - 0 0 {GUID}");
    for (win32, end) in [("0", "fin"), ("64", "reset"), ("1236", "reset"), ("121", "fin"), ("-", "fin")] {
        let closed = format!("08:00:09 192.0.2.7 ControlChannelClosed - {win32} 0 {GUID}");
        let text = format!("#Fields: {columns}\n{opened}\n{closed}\n{closed}\n");
        assert_eq!(told(&text).last(), Some(&format!("1 closed {end}")), "{win32}");
    }
}

#[test]
fn logs_of_other_servers_are_not_taken() {
    let iis = "#Software: Microsoft Internet Information Services 10.0\n#Fields: ";
    let web = "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status";
    let mail = "time c-ip s-sitename cs-method cs-uri-stem sc-status";
    for (columns, line) in [
        (web, "2026-11-22 08:00:00 192.0.2.10 GET /a - 80 - 192.0.2.7 curl 200"),
        (web, "2026-11-22 08:00:00 192.0.2.10 DELE /a - 21 - 192.0.2.7 curl 250"),
        ("time c-ip cs-method cs-uri-stem sc-status", "08:00:00 192.0.2.7 GET /a 200"),
        ("time c-ip cs-method cs-uri-query sc-status", "08:00:00 192.0.2.7 QUIT a 240"),
        (mail, "08:00:00 192.0.2.7 SMTPSVC1 QUIT a 240"),
        ("time c-ip s-port cs-method sc-status", "08:00:00 192.0.2.7 25 QUIT 240"),
        ("time c-ip s-port sc-status", "08:00:00 192.0.2.7 21 226"),
    ] {
        assert_eq!(read(&format!("{iis}{columns}"), line), Read::Unrecognised, "{line}");
    }
    let eft = "#Software: CuteLogger\n#Fields: time c-ip cs-method sc-status";
    assert_eq!(read(eft, "08:00:00 192.0.2.7 [1]user 331"), Read::Unrecognised);
    assert_eq!(read("", "08:00:00 192.0.2.7 GET /a 200"), Read::Unrecognised);
    let line = "2026-11-22 08:16:55 192.0.2.7 - 192.0.2.10 21 USER a 331 0 0 no-guid -";
    assert_eq!(read("", line), Read::Unrecognised);
    assert!(FORMATS.iter().all(|f| f.is_headed_by(&Header::default()) != Some(true)));
}

#[test]
fn half_lines_and_lies_are_not_believed() {
    let header = "#Fields: time c-ip cs-method cs-uri-stem sc-status x-session";
    for line in [
        "08:00:00 192.0.2.7 USER alice",
        "08:00:00 192.0.2.7 USER alice x4 s",
        "08:00:00 192.0.2.7 USER alice 99999999999999999999999 s",
        "08:00:00 192.0.2.7 - alice 331 s",
        "8 192.0.2.7 USER alice 331 s",
        "\0",
    ] {
        assert_eq!(read(header, line), Read::Unrecognised, "{line}");
    }
    // What is no code is none: 0, and what no reply has.
    for code in ["0", "999"] {
        let Read::Taken(record) = read(header, &format!("08:00:00 192.0.2.7 USER alice {code} s")) else {
            panic!("{code}");
        };
        assert!(format!("{record:?}").contains("replies: []"), "{code}");
    }
}

#[test]
fn a_name_can_not_forge_a_session_and_no_secret_is_kept() {
    let header = "#Fields: time c-ip cs-username cs-method cs-uri-stem sc-status x-session";
    let Read::Taken(record) = read(header, "08:00:00 192.0.2.7 - USER x 230 in s 331 s") else {
        panic!("not taken");
    };
    let words = format!("{record:?}");
    assert!(words.contains("ReplyCode(331)") && !words.contains("ReplyCode(230)"), "{words}");
    for line in [
        "08:00:00 192.0.2.7 - PASS hunter2 230 s",
        "08:00:00 192.0.2.7 - pass hunter2 hunter2 230 s",
        "08:00:00 192.0.2.7 - PASShunter2 - 500 s",
        "08:00:00 192.0.2.7 - [3]PASS hunter2 230 s",
        "08:00:00 192.0.2.7 - AUTH PLAIN+hunter2 504 s",
        "08:00:00 192.0.2.7 - SITE PSWD+hunter2 200 s",
    ] {
        let read = read(header, line);
        assert!(matches!(read, Read::Taken(_)), "{line}");
        assert!(!shows(&read, "hunter2"), "{line}");
    }
}
