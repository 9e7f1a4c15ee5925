//! Reports whose numbers and words were written by hand, and bytes that must not get through.

mod attacks;

use proptest::prelude::*;

use super::*;
use crate::cause::Failure;
use crate::diagnostic::Origin;
use crate::ftp::{Event, ReplyCode};
use crate::session::{Exchange, KeptReply, Observer, Session};
use crate::tally::tests::{Heard as Random, Talk, count, failure, heard, origin};

fn one_failure() -> (Talk, Vec<Failure>) {
    let talk = Talk::new(&[
        "< 220 ready",
        "> USER alice",
        "< 331 password",
        "> PASS hunter2",
        "< 230 in",
        "> RETR x",
        "< 550 No such file",
        "> QUIT",
        "< 221 bye",
    ]);
    let mut failure = failure("path-not-found", "RETR", 550, "RETR x -> 550 No such file");
    failure.exchange = Some(3);
    failure.at = Some(Timestamp::from_nanos(talk.start + 800_000_000));
    (talk, vec![failure])
}

fn tallies() -> Tallies {
    let (talk, failures) = one_failure();
    let mut tallies = Tallies::default();
    talk.count(&failures, &mut tallies);
    let input = InputTally {
        path: "/var/log/web1.pcap".into(),
        format: Some("pcap"),
        vantage: Some(Vantage::Wire),
        bytes: 1_234_567,
        records: 40,
        taken: 11,
        ignored: 29,
        unrecognised: 0,
        gaps: &[],
        reported: None,
    };
    tallies.inputs.insert(SourceId(0), input);
    tallies
}

fn report_of(tallies: &Tallies) -> Report {
    Report::new(tallies, &Options::default())
}

#[test]
fn nothing_read_is_said_in_few_lines() {
    let report = report_of(&Tallies::default());
    let expected = "\
ftpwhy  no input
        0 sessions   0 commands   0 replies

VERDICT i  Nothing was read.

COVERAGE
   nothing was read

next: ftpwhy --help
";
    assert_eq!(terminal::report(&report, Look::PIPED), expected);
    let expected = r#"{"schema":"ftpwhy.report/1","inputs":[],"window":{"first":null,"last":null},"vantage":null,"replies":{"total":0,"by_class":{},"by_code":[],"candidates":[]},"commands":[],"sessions":{"total":0,"logged_in":0,"failed":0,"clean":0,"ends":{},"tls":0,"joined":0,"replies_from_log":0},"failures":{"total":0,"causes":[],"not_counted":[]},"latency":[],"after_last_byte":null,"transfers":[],"tops":{"clients":[],"users":[],"servers":[],"paths":[],"sampled":false},"brute_force":[],"shared":[],"brute_force_spread":[],"turned_away":[],"clear_text_logins":{"count":0,"users":0,"names":[]},"protocol":{"breaches":[],"outside":[]},"timeline":{"hours":0,"buckets":[]},"also":[],"verdict":{"mark":"i","lines":["Nothing was read."]},"diagnostics":[]}"#;
    assert_eq!(json::report(&report).trim_end(), expected);
}

#[test]
fn one_failing_session_in_78_columns_of_ascii() {
    let text = terminal::report(&report_of(&tallies()), Look::PIPED);
    let expected = "\
ftpwhy  2026-03-01 03:00:00 to 2026-03-01 03:00:01 UTC   web1.pcap
        1 session   4 commands   5 replies

VERDICT !! 1 failed operation in 1 of 1 session.
           The cause, since 03:00:00: Nothing exists under this name
           (path-not-found).
           It can be mended on the clients' side.

CAUSES                                     fails    share clients  since
!! path-not-found               client         1  100.0 %       1  03:00:00
     ##############################  likely   1 session   1 client   1 user
     why   Nothing exists under this name. ";
    assert_eq!(text.get(..expected.len()), Some(expected));
    let expected = "
     see   web1.pcap #7: RETR x -> 550 No such file
           session c38c21e3
     do    ";
    assert!(text.contains(expected), "{text}");
    let expected = "

REPLY CODES  5 observed
   220  1     ####################  service ready
   221  1     ####################  goodbye
   230  1     ####################  logged in
   331  1     ####################  password required
   550  1     ####################  file action not taken
   2xx 3   3xx 1   5xx 1

SESSIONS  clean 0   with failures 1   logged in 1
   ended: QUIT 1
   id        start     client         fails  mostly
   c38c21e3  03:00:00  198.51.100.23      1  path-not-found

MOST FAILURES
   clients  198.51.100.23 1
   users    alice 1
   paths    x 1

LATENCY  in seconds, from the command to its first reply
             n   p50   p90   p99   max
   greeting  1  0.10  0.10  0.10  0.10
   PASS      1  0.10  0.10  0.10  0.10
   QUIT      1  0.10  0.10  0.10  0.10
   RETR      1  0.10  0.10  0.10  0.10
   USER      1  0.10  0.10  0.10  0.10

SECURITY  TLS in 0 of 1 sessions (0.0 %)
   clear text   1 login: alice

COVERAGE
   file       format  records  taken  ignored  unread
   web1.pcap  pcap         40     11       29       0

next: ftpwhy timeline /var/log/web1.pcap -s c38c21e3
      ftpwhy explain path-not-found
";
    assert!(text.ends_with(expected), "{text}");
    assert!(text.lines().all(|line| line.len() <= 78));
}

#[test]
fn one_session_as_json() {
    let (talk, failures) = one_failure();
    let sources = Sources::new(["logs/a.log".into()]);
    let mut out = Vec::new();
    json::session(&mut out, &talk.session(), &failures, &sources);
    let expected = r#"{"session":"c38c21e3451a2873","vantage":"wire","client":{"ip":"198.51.100.23","port":40001},"server":{"ip":"203.0.113.5","port":21},"user":"alice","start":"2026-03-01T03:00:00Z","end_at":"2026-03-01T03:00:01.100Z","duration":1.1,"end":"goodbye","ended_by":"client","tls":false,"commands":4,"replies":5,"failures":["path-not-found"],"not_counted":[],"transfers":0,"bytes":0,"origins":["logs/a.log"]}
"#;
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn its_ladder_has_the_failure_below_the_reply() {
    let (talk, failures) = one_failure();
    let sources = Sources::default().with(&tallies());
    let text = ladder::ladder(
        &talk.session(),
        &failures,
        &sources,
        &TimeZone::UTC,
        Look::PIPED,
    );
    let expected = "\
session c38c21e3   198.51.100.23:40001 -> 203.0.113.5:21   alice   plain
        1.1 s   FAILED  path-not-found
  2026-03-01 03:00:00
    +0.10            (connects) ----->
    +0.20    0.10 s                <-- 220 ready  #3
    +0.30            USER alice ----->  #4
    +0.40    0.10 s                <-- 331 password  #5
    +0.50            PASS **********  #6
!   +0.60    0.10 s                <-- 230 in  #7
    +0.70            RETR x --------->  #8
    +0.80    0.10 s                <-- 550 No such file  #9
                     !! path-not-found (likely): RETR x -> 550 No such file
                        web1.pcap #7
    +0.90            QUIT ----------->  #10
    +1.00    0.10 s                <-- 221 bye  #11
  !: what shows the failure
  Ended: QUIT, closed by the client.  Nothing transferred.
";
    assert_eq!(text, expected);
}

#[derive(Default)]
struct Rows {
    sources: Sources,
    events: Vec<u8>,
    sessions: Vec<Session>,
}

impl Observer for Rows {
    fn event(&mut self, session: &Session, event: &Event<'_>) {
        json::event(&mut self.events, session, event, &self.sources);
    }
    fn passed(&mut self, _: &Session, _: &KeptReply) {}
    fn dropped(&mut self, _: &Session, _: &Exchange) {}
    fn finished(&mut self, session: Session) {
        self.sessions.push(session);
    }
}

#[test]
fn events_as_json_lines() {
    let talk = Talk::new(&["> PASS hunter2", "~ 530 no", "+ STOR a b", "lost"]);
    let mut rows = Rows {
        sources: Sources::new(["a.log".into()]),
        ..Rows::default()
    };
    talk.tell(&mut rows);
    let common = |kind: &str, record: u64| {
        let at = record - 1;
        format!(
            r#"{{"kind":"{kind}","at":"2026-03-01T03:00:00.{at}00Z","session":"c38c21e3451a2873","vantage":"wire","client":{{"ip":"198.51.100.23","port":40001}},"server":{{"ip":"203.0.113.5","port":21}},"user":null,"origin":{{"source":"a.log","record":{record},"offset":{record}0}}"#
        )
    };
    let expected = [
        common("opened", 2) + "}",
        common("command", 3) + r#","verb":"PASS","argument":null,"secret":true}"#,
        common("reply", 4)
            + r#","code":530,"text":"no","lines":1,"evidence":"implied","implied_by":"FAIL LOGIN","ends":4}"#,
        common("transfer", 5)
            + r#","verb":"STOR","path":"a b","direction":"upload","bytes":1000,"complete":true}"#,
        common("missing", 6) + r#","bytes":100,"direction":"to-client"}"#,
        common("closed", 7) + r#","end":"fin","ended_by":"client"}"#,
    ];
    let text = String::from_utf8(rows.events).unwrap();
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn what_has_no_certain_code_is_shown_apart_and_counted_as_no_reply() {
    let talk = Talk::new(&["> STOR a", "? one of two", "c always", "> NOOP", "< 200 ok"]);
    let mut rows = Rows {
        sources: Sources::new(["a.log".into()]),
        ..Rows::default()
    };
    talk.tell(&mut rows);
    let text = String::from_utf8(rows.events).unwrap();
    let shown: Vec<_> = text
        .lines()
        .filter_map(|row| row.split_once(r#""code":"#))
        .collect();
    let shown: Vec<_> = shown.iter().map(|(_, detail)| *detail).collect();
    let expected = [
        r#"null,"codes":[426,451],"text":"","lines":1,"evidence":"candidates","implied_by":"FAIL UPLOAD","ends":4}"#,
        r#"226,"text":"","lines":1,"evidence":"constant","implied_by":"AltLog w3c","ends":5}"#,
        r#"200,"text":"ok","lines":1,"evidence":"observed","ends":7}"#,
    ];
    assert_eq!(shown, expected);
    // The reply that counts is the other command's.
    let session = &rows.sessions[0];
    assert_eq!(
        (
            session.replies,
            session.exchanges[2].code().map(ReplyCode::number)
        ),
        (1, Some(200))
    );
    let mut tallies = Tallies::default();
    talk.count(&[], &mut tallies);
    let page = codes::codes(&report_of(&tallies), Look::PIPED);
    assert!(
        page.contains("1 by FAIL UPLOAD: one of 426, 451") && !page.contains("AltLog"),
        "{page}"
    );
}

#[test]
fn escape_bidi_and_carriage_return_in_names_are_shown_not_sent() {
    let (mut talk, mut failures) = one_failure();
    talk.lines[1] = b"> USER al\x1b[31mice".to_vec();
    failures[0].proofs[0].text = "RETR x\u{202e}gpj -> 550 no\r226 yes".into();
    let mut tallies = Tallies::default();
    talk.count(&failures, &mut tallies);
    let input = tallies.inputs.entry(SourceId(0)).or_default();
    input.path = Text::from(&b"/logs/evil\x1b]0;x\x07.log"[..]);
    input.vantage = Some(Vantage::ServerLog);
    let report = report_of(&tallies);
    let text = terminal::report(&report, Look::PIPED);
    assert!(text.contains("see   evil\\x1b]0;x\\x07.log:7: RETR x\\u{202e}gpj -> 550 no226 yes\n"));
    assert!(text.contains("users    al\\x1b[31mice 1"), "{text}");
    assert!(
        !text.contains("ftpwhy timeline"),
        "such a path can't be typed"
    );
    let json = json::report(&report);
    assert!(
        json.contains(r#""path":"/logs/evil\u001b]0;x\u0007.log""#),
        "{json}"
    );
    assert!(
        json.contains(r#""text":"RETR x\u202egpj -> 550 no\r226 yes""#),
        "{json}"
    );
}

#[test]
fn the_vantage_with_most_replies_leads_and_the_other_is_not_added() {
    let mut tallies = tallies();
    let mut logged = Talk::new(&["> USER bob", "~ 530 no"]);
    logged.vantage = Vantage::ServerLog;
    for _ in 0..2 {
        logged.count(
            &[failure("auth-bad-credentials", "PASS", 530, "no")],
            &mut tallies,
        );
    }
    let report = report_of(&tallies);
    assert_eq!(report.main.vantage, Some(Vantage::Wire));
    assert_eq!(
        (
            report.main.failures,
            report.main.replies,
            report.main.implied
        ),
        (1, 5, 0)
    );
    let text = terminal::report(&report, Look::PIPED);
    assert!(
        text.contains("The server log tells of 2 failed operations: see ALSO HEARD."),
        "{text}"
    );
    let expected = "
ALSO HEARD  by the server log; not added to the numbers above
   2 sessions   0 replies   2 failed operations   2 auth-bad-credentials
";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn what_harms_nobody_is_named_and_not_counted() {
    let mut probe = failure("path-not-found", "SIZE", 550, "no");
    probe.benign = true;
    let mut tallies = Tallies::default();
    Talk::new(&["< 220 hi"]).count(&[probe], &mut tallies);
    let report = report_of(&tallies);
    let text = terminal::report(&report, Look::PIPED);
    assert!(
        text.contains("VERDICT i  No failure seen in 1 session with 1 reply.\n"),
        "{text}"
    );
    assert!(
        text.contains("CAUSES  no failed operation\n   not counted: 1 path-not-found\n"),
        "{text}"
    );
}

#[test]
fn hidden_sessions_and_missing_codes_are_said_in_the_verdict() {
    let mut tallies = Tallies::default();
    Talk::new(&["< 220 hi", "> AUTH TLS", "< 234 ok", "tls"]).count(&[], &mut tallies);
    let hidden = report_of(&tallies).verdict.lines;
    assert!(
        hidden[1].starts_with("1 session (100.0 %) is hidden by TLS"),
        "{hidden:?}"
    );
    let mut tallies = Tallies::default();
    let mut transfers = Talk::new(&["+ RETR a"]);
    transfers.vantage = Vantage::TransferLog;
    transfers.count(&[], &mut tallies);
    let codeless = report_of(&tallies).verdict.lines;
    assert!(
        codeless[1].starts_with("This transfer log holds no reply codes"),
        "{codeless:?}"
    );
}

/// The report with each of its sessions shown.
fn with_all_sessions(report: Report, all: &[Random]) -> Report {
    let mut kept = KeptSessions::default();
    for (talk, failures, _) in all {
        let session = talk.session();
        kept.observe(&session, failures, &session, |_| failures.clone());
    }
    report.with_sessions(&kept)
}

/// Everything that a run could print about these.
fn all_outputs(all: &[Random], path: &[u8]) -> Vec<String> {
    let mut tallies = count(all);
    if let Some(input) = tallies.inputs.get_mut(&SourceId(0)) {
        input.path = path.into();
    }
    let sample = Some(Text::from(path));
    let kind = DiagnosticKind::Malformed;
    tallies
        .diagnostics
        .add_sample(kind, Origin::default(), "no reply", sample);
    let report = report_of(&tallies);
    let mut outputs = vec![
        json::report(&report),
        csv::report(&report),
        csv::causes(&report),
        markdown::report(&report),
        html::report(&with_all_sessions(report.clone(), all)),
    ];
    for look in [
        Look::PIPED,
        Look::terminal(120, false),
        Look::terminal(60, true),
    ] {
        outputs.push(terminal::report(&report, look));
        outputs.push(causes::causes(&report, look));
        outputs.push(codes::codes(&report, look));
        for (talk, failures, _) in all {
            let session = talk.session();
            outputs.push(ladder::ladder(
                &session,
                failures,
                &report.sources,
                &TimeZone::UTC,
                look,
            ));
            outputs.push(sessions::session(&session, failures, &TimeZone::UTC, look));
        }
    }
    let mut rows = Rows {
        sources: report.sources.clone(),
        ..Rows::default()
    };
    for (talk, failures, _) in all {
        talk.tell(&mut rows);
        let session = rows.sessions.pop().unwrap();
        json::session(&mut rows.events, &session, failures, &report.sources);
        let listed = [(session, failures.clone())];
        outputs.push(csv::sessions(&listed, &report.sources));
        outputs.push(markdown::sessions(&listed, &report));
    }
    let rows = String::from_utf8(rows.events).unwrap();
    for row in rows.lines() {
        serde_json::from_str::<serde_json::Value>(row).unwrap();
    }
    serde_json::from_str::<serde_json::Value>(&outputs[0]).unwrap();
    outputs.push(rows);
    outputs
}

fn is_clean(output: &str) -> bool {
    let mut plain = output.to_owned();
    for colour in ["1;31", "33", "36", "1", "0"] {
        plain = plain.replace(&format!("\x1b[{colour}m"), "");
    }
    let bad = |c: char| {
        c != '\n' && c.is_control()
            || matches!(u32::from(c), 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff)
    };
    !plain.chars().any(bad)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nothing_of_the_input_acts_on_a_terminal(
        all in prop::collection::vec(heard(), 0..4),
        path in prop::collection::vec(any::<u8>(), 0..24),
    ) {
        for output in all_outputs(&all, &path) {
            prop_assert!(is_clean(&output), "{:?}", output);
        }
    }
}

#[test]
fn no_output_holds_a_password() {
    let talk = Talk::new(&[
        "> USER bob",
        "> PASS hunter2",
        "< 530 no",
        "> PSAS",
        "> ACCT hunter2",
    ]);
    let failures = vec![failure("auth-bad-credentials", "PASS", 530, "PASS -> 530")];
    for output in all_outputs(&[(talk, failures, 1)], b"a\xe2\x80\xae\x1b[2J.log") {
        assert!(!output.contains("hunter2") && is_clean(&output), "{output}");
    }
}

#[test]
fn ascii_is_ascii_and_fits_its_columns() {
    let talk = Talk::new(&["> USER \u{fc}\u{4e2d}", "< 530 \u{fc}"]);
    let failures = vec![failure(
        "auth-bad-credentials",
        "PASS",
        530,
        &"\u{fc}".repeat(400),
    )];
    let mut tallies = tallies();
    talk.count(&failures, &mut tallies);
    let report = report_of(&tallies);
    let pages = [
        terminal::report(&report, Look::PIPED),
        causes::causes(&report, Look::PIPED),
        codes::codes(&report, Look::PIPED),
        ladder::ladder(
            &talk.session(),
            &failures,
            &report.sources,
            &TimeZone::UTC,
            Look::PIPED,
        ),
    ];
    for page in pages {
        assert!(page.is_ascii(), "{page}");
        assert!(page.lines().all(|l| l.len() <= 78), "{page}");
    }
    assert_eq!(origin(7), report.main.causes[0].evidence[0].origin);
}

#[test]
fn a_data_connection_stands_where_it_was_tried() {
    let talk = Talk::new(&[
        "< 220 hi",
        "> PASV ",
        "< 227 Entering Passive Mode (10,0,0,5,195,80)",
        "> LIST ",
        "= 5",
        "< 425 Failed to establish connection.",
    ]);
    let mut why = failure("data-private-address", "LIST", 425, "227 says 10.0.0.5");
    why.exchange = Some(2);
    let mut tallies = tallies();
    talk.count(&[why.clone()], &mut tallies);
    let sources = report_of(&tallies).sources;
    let text = ladder::ladder(
        &talk.session(),
        &[why],
        &sources,
        &TimeZone::UTC,
        Look::PIPED,
    );
    let expected = "
    +0.20    0.10 s                <-- 220 hi  #3
    +0.30            PASV ----------->  #4
    +0.40    0.10 s                <-- 227 Entering Passive Mode
                                       (10,0,0,5,195,80)  #5
    +0.40                    | PASV expects 10.0.0.5:50000
    +0.50            LIST ----------->  #6
    +0.55                    | 4 SYNs, never answered #6
    +0.70    0.20 s                <-- 425 Failed to establish connection.  #8
                     !! data-private-address (likely): 227 says 10.0.0.5
                        web1.pcap #7
  Ended: closed by the client.  Nothing transferred.
";
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn more_of_the_same_file_is_named_by_its_records() {
    let mut tallies = tallies();
    for record in [9, 9, 12, 14] {
        let mut other = failure("path-not-found", "RETR", 550, "again");
        other.proofs[0].origin = origin(record);
        Talk::new(&[]).count(&[other], &mut tallies);
    }
    let text = causes::causes(&report_of(&tallies), Look::PIPED);
    let told = "see   web1.pcap #9: again\n           web1.pcap #12: again\n           web1.pcap #14: again\n";
    assert!(text.contains(told), "{text}");
    assert!(text.contains("           #7   session"), "{text}");
}
