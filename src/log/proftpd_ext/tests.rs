//! Layouts, lines that clients make look like others, and how sessions are told apart.

use super::*;
use crate::diagnostic::Origin;
use crate::ftp::Event;
use crate::limits;
use crate::log::tests::{events_of, tell, shows};
use crate::time::{Clock, Timestamp};

const RICH: &str = r#"%{iso8601} pid=%P id=%{UNIQUE_ID}e client=%a host=%h port=%{remote-port} user=%u orig=%U proto=%{protocol} cmd="%r" verb=%m code=%s text="%S" path="%f" bytes=%b ms=%R status=%{transfer-status} failure="%{transfer-failure}" reason="%E""#;

/// A line in that layout.
fn rich(pid: u32, time: &str, user: &str, command: &str, code: &str, text: &str, reason: &str) -> String {
    let verb = command.split(' ').next().unwrap();
    format!(
        "2026-11-22 {time},500 pid={pid} id=U{pid} client=192.0.2.7 host=c.example port=4711 user={user} orig=- proto=ftp \
         cmd=\"{command}\" verb={verb} code={code} text=\"{text}\" path=\"-\" bytes=- ms=0 status=- failure=\"-\" reason=\"{reason}\""
    )
}

/// What a format makes of lines: the events, each behind the number of its session, and why lines were passed over.
fn told(format: &ProftpdExt, lines: &[String]) -> Vec<String> {
    let mut following = format.follow();
    let mut clock = Clock::new(jiff::tz::TimeZone::UTC, None, Some(2026));
    let mut keys = Vec::new();
    let mut told = Vec::new();
    for line in lines {
        let mut each = |event: Event<'_>| {
            if !keys.contains(&event.session) {
                keys.push(event.session);
            }
            let number = keys.iter().position(|key| *key == event.session).unwrap() + 1;
            told.push(format!("{number} {}", tell(&event)));
        };
        match format.read(&Bare::read(line.as_bytes())) {
            Read::Taken(record) => {
                let at = clock.utc(record.stamp);
                following.record(&record, at, Origin::default(), &mut each);
            }
            Read::Ignored(reason) => told.push(reason.to_owned()),
            Read::Unrecognised => told.push("unrecognised".to_owned()),
        }
    }
    told
}

fn in_layout(layout: &str) -> ProftpdExt {
    ProftpdExt::in_layout(layout).unwrap()
}

/// A line's session, command and reply in a given layout, without what every line has.
#[track_caller]
fn check(layout: &str, line: &str, expected: &str) {
    let told = told(&in_layout(layout), &[line.to_owned()]);
    let told: Vec<_> = told.iter().map(|words| words.strip_prefix("1 ").unwrap_or(words)).collect();
    assert_eq!(told.join("; "), expected, "{layout}\n{line}");
}

#[test]
fn lines_are_read_by_the_layout_that_is_given() {
    let who = "introduced 192.0.2.7";
    for (layout, line, expected) in [
        ("%a %r %s", "192.0.2.7 RETR a b 226 226 550", format!("{who} approximate; RETR a b 226 226; 550 ")),
        ("<%P> %a:%{remote-port} %m|%J|%s", "<7> 192.0.2.7:21 RETR|a b|226", format!("{who}; RETR a b; 226 ")),
        ("%P %a:%{remote-port} %r %s", "7 2001:db8::7:4711 NOOP 200", "introduced 2001:db8::7; NOOP; 200 ".to_owned()),
        ("%P %a %m %F %s", "7 192.0.2.7 SITE CHMOD 600 /a b 550", format!("{who}; SITE CHMOD 600 /a b; 550 ")),
        ("%P %a %m %F %s", "7 192.0.2.7 STOR /a b 226", format!("{who}; STOR /a b; 226 ")),
        ("%P %a %m %F %s", "7 192.0.2.7 PASS /srv/bob 530", format!("{who}; PASS secret; 530 ")),
        ("%T 100%% %{protocol} %P %a %r %s", "0.25 100% ftps 7 192.0.2.7 CCC 200", format!("{who}; CCC; 200 ")),
        ("%{epoch}.%{millisecs} %P %a %r %s", "1763799416.120 7 192.0.2.7 CCC 200", format!("{who}; CCC; 200 ")),
        (
            "%P %a \"%r\" %s %b %{transfer-status}",
            "7 192.0.2.7 \"RETR a\" 426 12 cancelled",
            format!("{who}; RETR a; RETR a 12 incomplete; 426 "),
        ),
        (
            "%P %a \"%r\" %s %b %{transfer-status}",
            "7 192.0.2.7 \"RETR a\" 226 12 success",
            format!("{who}; RETR a; RETR a 12 complete; 226 "),
        ),
        ("%P %a \\\"%r\\\" %s %{new-thing}", "7 192.0.2.7 \"CCC\" 200 any thing", format!("{who}; CCC; 200 ")),
        ("%r %s", "RETR a 226x", "unrecognised".to_owned()),
        ("%a %r %s", "RETR", "unrecognised".to_owned()),
        ("%P %{protocol} %r %s", "7 sftp STAT a -", SSH.to_owned()),
    ] {
        check(layout, line, &expected);
    }
}

#[test]
fn a_layout_that_can_not_be_read_says_why() {
    for (layout, word) in [
        ("%h %s", "neither"),
        ("%r%S", "between"),
        ("%Q %r", "\"%Q %r\""),
        ("%{Nothing} %r", "variable"),
        ("%r %", "variable"),
        ("%r %{", "variable"),
        ("", "neither"),
    ] {
        let words = ProftpdExt::in_layout(layout).unwrap_err();
        assert!(words.contains(word), "{layout}: {words}");
    }
    assert!(ProftpdExt::in_layout(&"%r ".repeat(1000)).is_err());
}

#[test]
fn layouts_of_a_configuration_are_all_tried() {
    let text = b"LogFormat a \"%P %a %r %s\"\nLogFormat b \"id=%P from %a: %r -> %s\"\nLogFormat c \"%b\"\nLogFormat d \"%Q %r\"";
    let all = ProftpdExt::configured(text, None).unwrap();
    let lines = ["7 192.0.2.7 NOOP 200", "id=8 from 192.0.2.7: NOOP -> 200"].map(str::to_owned);
    let events = told(&all, &lines);
    let expected = ["1 introduced 192.0.2.7", "1 NOOP", "1 200 ", "2 introduced 192.0.2.7", "2 NOOP", "2 200 "];
    assert_eq!(events, expected);
    let one = ProftpdExt::configured(text, Some("a")).unwrap();
    assert_eq!(told(&one, &lines)[3..], ["unrecognised"]);
    for name in ["c", "d", "none"] {
        assert!(ProftpdExt::configured(text, Some(name)).is_err(), "{name}");
    }
    assert!(ProftpdExt::configured(b"ServerName x", None).is_err());
}

/// Quotation marks, blanks and whole ends of lines in a name stay in the name.
#[test]
fn a_name_that_looks_like_the_rest_of_the_line_stays_a_name() {
    for (command, code) in [
        ("STOR a\" 226 5", "550 -"),
        ("STOR \" 226 5\" 226 5", "550 0"),
        ("STOR qu\"ote,'x.txt", "226 11"),
        ("RETR [22/Nov/2026:08:16:57 +0000] \"RETR b\" 226 5", "550 -"),
        ("STOR  two  blanks ", "226 1"),
        ("STOR \u{fc}\t\u{1b}[31m", "226 1"),
    ] {
        let line = format!("192.0.2.7 UNKNOWN alice [22/Nov/2026:08:16:57 +0000] \"{command}\" {code}\n");
        let told: Vec<String> = events_of("proftpd-ext", &line).into_iter().map(|(_, words)| words).collect();
        assert_eq!(told[1].trim_start(), command, "{line}");
        let digits = code.get(..3).unwrap();
        let reply = told.iter().find(|words| words.starts_with(digits));
        assert!(reply.is_some(), "{told:?}");
    }
}

#[test]
fn what_can_be_read_in_two_ways_tells_nothing() {
    let format = in_layout(RICH);
    let forged = "RETR x\" verb=RETR code=226 text=\"y";
    let lines = [
        rich(7, "08:00:00", "alice", "RETR a\"b text=\"c", "550", "a\"b text=\"c: No such file or directory", ""),
        rich(7, "08:00:01", "alice", forged, "550", "No", ""),
        rich(7, "08:00:02", "alice", "CWD a", "550", "\" code=226 text=\"", ""),
    ];
    let expected = [
        "1 introduced 192.0.2.7 alice",
        "1 RETR a\"b text=\"c",
        "1 550 a\"b text=\"c: No such file or directory",
        TWO_WAYS,
        "1 CWD a",
        "1 550 \" code=226 text=\"",
    ];
    assert_eq!(told(&format, &lines), expected);
}

#[test]
fn lines_made_to_be_slow_are_given_up() {
    let format = in_layout("%r a%S a%f a%D a%w a%U %s");
    let many = usize::try_from(limits::LAYOUT_STEPS).unwrap() * 8;
    let line = format!("{} x", "NOOP a".repeat(many));
    assert_eq!(told(&format, &[line]), [TWO_WAYS]);
}

#[test]
fn no_password_is_kept() {
    let format = in_layout("%P %a %A \"%r\" %m %J %s");
    for line in [
        "7 192.0.2.7 UNKNOWN \"PASS hunter2\" PASS hunter2 530",
        "7 192.0.2.7 UNKNOWN \"ACCT hunter2\" ACCT hunter2 502",
        "7 192.0.2.7 UNKNOWN \"PASShunter2\" PASShunter2 - 500",
        "7 192.0.2.7 hunter2@example.com \"RETR a\" RETR a 226",
        "7 192.0.2.7 UNKNOWN \"SITE PSWD a hunter2\" SITE PSWD a hunter2 500",
    ] {
        let read = format.read(&Bare::read(line.as_bytes()));
        assert!(matches!(read, Read::Taken(_)), "{line}");
        assert!(!shows(&read, "hunter2"), "{line}");
    }
    let line = "192.0.2.7 UNKNOWN - [22/Nov/2026:08:16:55 +0000] \"PASS hunter2\" 530 -";
    let read = FORMAT.read(&Bare::read(line.as_bytes()));
    assert!(matches!(read, Read::Taken(_)) && !shows(&read, "hunter2"));
}

#[test]
fn the_end_of_a_session_tells_why() {
    let format = in_layout(RICH);
    let end = |pid, reason| {
        rich(pid, "08:00:02", "-", "NOOP", "-", "-", reason)
            .replace("cmd=\"NOOP\" verb=NOOP", "cmd=\"\" verb=")
    };
    for (reason, expected) in [
        ("Timeout exceeded: TimeoutIdle", "421 implied by the reason why the session ended; 1 closed fin"),
        ("Timeout exceeded: TimeoutStalled during data transfer", "closed fin"),
        ("Configured policy: Denied by MaxLoginAttempts", "closed fin"),
        ("Read EOF from client", "closed fin"),
        ("", "closed fin"),
    ] {
        let lines = [rich(7, "08:00:00", "-", "USER bob", "331", "-", ""), end(7, reason)];
        let told = told(&format, &lines);
        assert_eq!(told[3..].join("; "), format!("1 {expected}"), "{reason}");
    }
    let refused = told(&format, &[end(7, "Configured policy: Denied by MaxConnectionsPerHost")]);
    assert_eq!(refused[1], "1 530 implied by the reason why the session ended");
    assert!(told(&format, &[end(7, "Quit")]).is_empty());
    let stalled = rich(7, "08:00:00", "-", "RETR a", "426", "Aborted", "Timeout exceeded: TimeoutStalled during data transfer");
    let given_up = rich(7, "08:00:00", "-", "RETR a", "150", "Opening", "").replace("status=-", "status=timeout");
    let told = told(&format, &[given_up, stalled]);
    assert_eq!(told[1..], ["1 introduced 192.0.2.7", "1 RETR a", "1 426 implied by the reason why the session ended", "1 closed fin"]);
}

#[test]
fn a_command_was_sent_before_its_answer() {
    let line = rich(7, "08:00:07", "alice", "LIST", "425", "No", "").replace("ms=0", "ms=2500");
    let format = in_layout(RICH);
    let Read::Taken(record) = format.read(&Bare::read(line.as_bytes())) else {
        panic!("{line}");
    };
    let mut times = Vec::new();
    let at = Some(Timestamp::from_seconds(10, 0));
    format.follow().record(&record, at, Origin::default(), &mut |event| {
        times.extend(event.at.map(|at| (at.nanos() / 1_000_000, tell(&event))));
    });
    let told: Vec<_> = times.iter().map(|(at, words)| (*at, words.as_str())).collect();
    assert_eq!(told[1..], [(7500, "LIST"), (10_000, "425 No")]);
}

#[test]
fn a_process_of_ssh_is_passed_over_as_a_whole() {
    let format = in_layout("%P %a \"%r\" %s");
    let lines = [
        "7 192.0.2.7 \"KEXINIT\" -",
        "7 192.0.2.7 \"USERAUTH_REQUEST bob password\" -",
        "7 192.0.2.7 \"PASS (hidden)\" 530",
        "8 192.0.2.7 \"USER bob\" 331",
        "7 192.0.2.7 \"USER bob\" 331",
    ];
    let expected = ["1 introduced 192.0.2.7", "1 USER bob", "1 331 "];
    assert_eq!(told(&format, &lines.map(str::to_owned)), expected);
}

/// The server's clock falls to UTC with the login; the date has no zone.
#[test]
fn times_of_a_session_are_in_one_zone() {
    let format = in_layout(RICH);
    let lines = [
        rich(7, "10:00:00", "-", "USER alice", "331", "-", ""),
        rich(7, "05:00:03", "alice", "PASS (hidden)", "230", "-", ""),
        rich(8, "10:00:05", "-", "USER eve", "331", "-", ""),
        rich(7, "05:00:06", "alice", "NOOP", "200", "-", ""),
    ];
    let mut following = format.follow();
    let mut clock = Clock::new(jiff::tz::TimeZone::UTC, None, Some(2026));
    let mut times = Vec::new();
    for line in &lines {
        let Read::Taken(record) = format.read(&Bare::read(line.as_bytes())) else {
            panic!("{line}");
        };
        let at = clock.utc(record.stamp);
        following.record(&record, at, Origin::default(), &mut |event| {
            times.extend(event.at.map(Timestamp::seconds));
        });
    }
    times.dedup();
    let first = times[0];
    assert_eq!(times, [0, 3, 5, 6].map(|second| first + second));
    let told = following.take_diagnostics();
    assert_eq!(told.iter().count(), 1);
}

#[test]
fn layouts_that_others_chose_are_known() {
    let date = "[22/Nov/2026:08:16:57 +0000]";
    for line in [
        format!("192.0.2.7 UNKNOWN alice {date} \"RETR a b\" 550"),
        format!("192.0.2.7 UNKNOWN alice {date} \"RETR a b\" 550 \"/srv/a b\" -"),
        format!("192.0.2.7 UNKNOWN alice {date} \"RETR a b\" 550 - 0.001"),
        format!("{date}|192.0.2.7|alice|a b|RETR|550|-"),
        format!("TIME:{date} CLIENT:alice IP:192.0.2.7 FILE:a b PATH:/srv/a b METHOD:RETR CODE:550"),
        format!("TIME:{date} CLIENT:alice IP:192.0.2.7 FILE:a b PATH:/srv/a b METHOD:RETR CODE:550 RESP:No such file"),
        "2026-11-22 08:16:57 alice@192.0.2.7 [RETR a b] 550".to_owned(),
        "2026-11-22 08:16:57,120 192.0.2.7 alice \"RETR a b\" 550 -".to_owned(),
        format!("Nov 22 08:16:57 ftp1 proftpd[77]: 192.0.2.7 UNKNOWN alice {date} \"RETR a b\" 550 -"),
    ] {
        let told: Vec<String> = events_of("proftpd", &(line.clone() + "\n")).into_iter().map(|(_, words)| words).collect();
        let told = told.join("; ");
        assert!(told.starts_with("introduced 192.0.2.7 alice"), "{line}: {told}");
        assert!(told.contains("RETR a b; 550"), "{line}: {told}");
    }
}

#[test]
fn old_releases_name_the_servers_own_user_before_a_login() {
    let line = |user, command, code| {
        format!("192.0.2.7 UNKNOWN {user} [16/Apr/2026:12:48:49 +1000] \"{command}\" {code} -")
    };
    let lines = [line("ftp", "USER alice", 331), line("alice", "PASS (hidden)", 230), line("alice", "MKD a", 257)];
    let told = told(&FORMAT, &lines);
    assert!(told.iter().all(|words| words.starts_with("1 ")), "{told:?}");
}

#[test]
fn logs_of_web_servers_are_not_taken() {
    for line in [
        "192.0.2.7 - - [22/Nov/2026:08:16:57 +0000] \"GET /a HTTP/1.1\" 200 260",
        "192.0.2.7 - - [22/Nov/2026:08:16:57 +0000] \"RETR /a HTTP/1.1\" 500 260",
        "192.0.2.7 - - [22/Nov/2026:08:16:57 +0000] \"GET /a\" 200 260",
        "192.0.2.7 - - [22/Nov/2026:08:16:57 +0000] \"-\" 408 -",
        "192.0.2.7 - - [22/Nov/2026:08:16:57 +0000] \"\\x16\\x03\\x01\" 400 226",
        "192.0.2.7 - - [22/Nov/2026:08:16:57 +0000] \"PROPFIND /\" 207 1",
        "192.0.2.7 - bob [22/Nov/2026:08:16:57 +0000] \"POST /\" 226 1",
        "\"any words\" 500 12",
        "x 5",
        "\"",
        "\"\" -",
    ] {
        assert_eq!(FORMAT.read(&Bare::read(line.as_bytes())), Read::Unrecognised, "{line}");
    }
}
