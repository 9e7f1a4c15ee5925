//! The report as a mail, read back by a library that has no part in writing it.

use ftpwhy::report::mail::{Address, Envelope};
use ftpwhy::report::{Options, Report, SharedRow, mail};
use ftpwhy::run::Wanted;
use ftpwhy::tally::Tallies;
use ftpwhy::text::Text;
use ftpwhy::time::Timestamp;
use mail_parser::{Message, MessageParser, MimeHeaders as _};

use crate::cli::ftpwhy;
use crate::support::{Temporary, run_with, settings, testdata};

const INPUT: &str = "testdata/demo";

/// What mail programs show without cutting it.
const LETTER_BYTES: usize = 100_000;

fn printed(arguments: &[&str]) -> String {
    let output = ftpwhy(arguments);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn read(mail: &str) -> Message<'_> {
    MessageParser::new().parse(mail.as_bytes()).unwrap()
}

/// Names of the headers in order, as they stand there.
fn headers(mail: &str) -> Vec<&str> {
    let head = mail.split("\r\n\r\n").next().unwrap();
    let lines = head
        .split("\r\n")
        .filter(|line| !line.starts_with([' ', '\t']));
    lines.map(|line| line.split(':').next().unwrap()).collect()
}

const HEADERS: [&str; 8] = [
    "MIME-Version",
    "Date",
    "From",
    "Subject",
    "Message-ID",
    "Auto-Submitted",
    "To",
    "Content-Type",
];

/// Fails unless each line is one that any mail system carries.
fn assert_carried(mail: &str) {
    assert!(mail.is_ascii());
    for line in mail.split("\r\n") {
        assert!(line.len() <= 78 && !line.contains(['\r', '\n']), "{line:?}");
    }
}

fn envelope(prefix: &str) -> Envelope {
    Envelope {
        from: Address::read("ftp@example.org").unwrap(),
        to: vec![Address::read("ops@example.org").unwrap()],
        prefix: prefix.to_owned(),
        because: Vec::new(),
        at: Timestamp::from_seconds(1_700_000_000, 0),
    }
}

#[test]
fn a_mail_has_the_verdict_in_its_subject_and_the_report_as_text_and_page() {
    let mail = printed(&[
        INPUT,
        "--as",
        "eml",
        "--mail-to",
        "ops@example.org, b.c+d@example.net",
    ]);
    assert_carried(&mail);
    assert_eq!(headers(&mail), HEADERS);
    let message = read(&mail);
    let json: serde_json::Value = serde_json::from_str(&printed(&[INPUT, "--json"])).unwrap();
    let worst = &json["failures"]["causes"][0];
    let wanted = format!(
        "[ftpwhy] !! {}: {} {}",
        json["verdict"]["lines"][0]
            .as_str()
            .unwrap()
            .trim_end_matches('.'),
        worst["id"].as_str().unwrap(),
        worst["count"],
    );
    assert_eq!(message.subject(), Some(wanted.as_str()));
    let to: Vec<_> = message
        .to()
        .unwrap()
        .iter()
        .map(|a| a.address().unwrap())
        .collect();
    assert_eq!(to, ["ops@example.org", "b.c+d@example.net"]);
    let from = message.from().unwrap().first().unwrap();
    assert_eq!(from.address(), Some("ftpwhy@example.org"));
    let last = json["window"]["last"].as_str().unwrap();
    let date = message.date().unwrap().to_rfc3339();
    assert!(
        last.starts_with(date.trim_end_matches('Z')),
        "{date} {last}"
    );
    assert_eq!(message.text_body_count(), 1);
    assert_eq!(
        message.body_text(0).unwrap().replace("\r\n", "\n"),
        printed(&[INPUT])
    );
    let page = message.body_html(0).unwrap();
    for cause in json["failures"]["causes"].as_array().unwrap() {
        assert!(page.contains(cause["id"].as_str().unwrap()), "{cause}");
    }
    assert!(page.len() < LETTER_BYTES && !page.contains("<script"));
    assert!(message.attachments().next().is_none());
    let types = message.content_type().unwrap();
    assert_eq!(
        (types.ctype(), types.subtype()),
        ("multipart", Some("alternative"))
    );
}

#[test]
fn the_same_input_gives_the_same_mail_and_another_one_another_id() {
    let asked = [INPUT, "--as", "eml", "--mail-to", "ops@example.org"];
    let mail = printed(&asked);
    assert_eq!(mail, printed(&[&asked[..], &["-j", "1"]].concat()));
    let other = printed(&[&asked[..], &["--now", "2026-12-24T18:00:00Z"]].concat());
    let (mail, other) = (read(&mail), read(&other));
    assert_eq!(other.date().unwrap().to_rfc3339(), "2026-12-24T18:00:00Z");
    assert_ne!(mail.message_id(), other.message_id());
    let id = mail.message_id().unwrap();
    assert!(id.ends_with("@example.org") && id.len() == 32 + 12, "{id}");
}

#[test]
fn a_sender_and_a_subject_can_be_given_and_a_draft_has_no_recipient() {
    let temporary = Temporary::new();
    let file = temporary.path("a.eml");
    let path = file.to_str().unwrap();
    let printed = printed(&[
        INPUT,
        "-o",
        path,
        "--mail-from",
        "ftp@host.example",
        "--subject-prefix",
        "Nachtbericht \u{fc}ber ftp1:",
    ]);
    assert!(printed.is_empty());
    let mail = std::fs::read_to_string(file).unwrap();
    let message = read(&mail);
    assert!(message.to().is_none());
    assert_eq!(
        message.from().unwrap().first().unwrap().address(),
        Some("ftp@host.example")
    );
    assert!(
        message
            .subject()
            .unwrap()
            .starts_with("Nachtbericht \u{fc}ber ftp1: !! ")
    );
    assert_carried(&mail);
}

#[test]
fn recipients_that_are_more_than_an_address_are_refused() {
    for bad in [
        "ops@example.org\r\nBcc: all@example.org",
        "ops@example.org\nSubject: x",
        "ops@example.org\0",
        "Ops <ops@example.org>",
        "\"a b\"@example.org",
        "ops@example.org;all@example.org",
        "ops",
        "@example.org",
        "ops@",
        "ops@-x.org",
        "o..ps@example.org",
        "\u{fc}@example.org",
        "ops@b\u{fc}cher.example",
        "-odq@[192.0.2.1]",
        "",
    ] {
        assert!(Address::read(bad).is_none(), "{bad:?}");
        if bad.contains('\0') || bad.is_empty() || bad.starts_with('-') {
            continue; // no argument can hold the first, and the others are no values of an option
        }
        for option in ["--mail-to", "--mail-from"] {
            let output = ftpwhy(&["missing.pcap", "--as", "eml", option, bad]);
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{option} {bad:?}");
            assert!(
                said.contains("no mail address") && said.lines().count() == 1,
                "{said:?}"
            );
        }
    }
    assert!(Address::read(&format!("a@{}.org", "b".repeat(64))).is_none());
    assert!(Address::read(&format!("{}@b.org", "a".repeat(65))).is_none());
    for good in [
        "ops@example.org",
        "root@localhost",
        "o'x=y+z@a-b.example",
        " a@b ",
    ] {
        assert!(Address::read(good).is_some(), "{good:?}");
    }
}

#[test]
fn options_of_mails_without_a_mail_are_refused() {
    for arguments in [
        &[INPUT, "--mail-to", "ops@example.org"][..],
        &["events", INPUT, "--mail-to", "ops@example.org"],
        &[INPUT, "--json", "--subject-prefix", "x"],
    ] {
        let output = ftpwhy(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty());
    }
    let output = ftpwhy(&["codes", INPUT, "--as", "eml"]);
    assert_eq!(output.status.code(), Some(2), "only the report is a mail");
}

#[test]
fn hostile_words_in_verdict_and_prefix_make_no_header() {
    let long = "\u{30c6}\u{1f4a5}".repeat(2_000);
    for hostile in [
        "fine\r\nBcc: evil@example.org\r\n\r\n<script>x</script>",
        "fine\nBcc: evil@example.org",
        "fine\rBcc: evil@example.org",
        "fine\u{2028}Bcc: evil@example.org\u{85}Bcc: evil@example.org\u{b}\u{c}Bcc: evil@example.org",
        "=?utf-8?Q?=0D=0ABcc:_evil@example.org?=",
        "\u{202e}gro.elpmaxe@live :ccB\u{2066}",
        "\u{0}\u{7f}\u{1b}]0;owned\u{7}",
        long.as_str(),
        &"x".repeat(5_000),
        &" ".repeat(5_000),
        "--=\r\n--",
        ".\r\n.",
        "",
    ] {
        for (verdict, prefix) in [(hostile, "[ftp]"), ("fine", hostile)] {
            let mut report = Report::new(&Tallies::default(), &Options::default());
            report.verdict.lines = vec![verdict.to_owned(), verdict.to_owned()];
            let mail = mail::report(&report, &envelope(prefix));
            assert_carried(&mail);
            assert_eq!(headers(&mail), HEADERS, "{hostile:?}");
            let message = read(&mail);
            assert_eq!(message.parts.len(), 3, "{hostile:?}");
            let subject = message.subject().unwrap();
            let is_bad = |c: char| {
                c.is_control()
                    || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}')
            };
            assert!(!subject.contains(is_bad), "{subject:?}");
            assert!(subject.chars().count() <= 180, "{subject:?}");
            let page = message.body_html(0).unwrap();
            assert!(!page.contains("<script") && !page.contains('\u{202e}'));
            let text = message.body_text(0).unwrap();
            assert!(text.lines().all(|line| line.is_ascii() && line.len() <= 78));
        }
    }
}

#[test]
fn the_page_of_a_mail_stays_small_however_much_failed() {
    let demo = testdata().join("demo");
    let (findings, _) = run_with(&settings(&[&demo], Wanted::Tallies));
    let mut report = Report::new(&findings.tallies, &Options::default());
    let hostile = "<\"'&".repeat(5_000);
    let mut causes = report.main.causes.clone();
    for cause in &mut causes {
        for evidence in &mut cause.evidence {
            evidence.text = Text::from(hostile.as_str());
        }
    }
    report.main.causes = causes.iter().cycle().take(250).cloned().collect();
    let users = (0..5_000).map(|n| (Text::from(format!("{n}{hostile}")), 1));
    report.main.top_users = users.collect();
    let worst = report.main.sessions.worst.clone();
    report.main.sessions.worst = worst.iter().cycle().take(5_000).cloned().collect();
    for worst in &mut report.main.sessions.worst {
        worst.user = Some(Text::from(hostile.as_str()));
    }
    let shared = |n: u64| SharedRow {
        attribute: "user",
        value: Text::from(format!("shared-{n} {hostile}").as_str()),
        failed: (7, 1000),
        others: (0, 0),
        tenths: None,
    };
    report.main.patterns.shared = (0..5_000).map(shared).collect();
    report.verdict.lines = vec![hostile.clone(); 6];
    report.next = vec![hostile; 3];
    let notes = report.grouped.clone();
    report.grouped = notes.iter().cycle().take(5_000).cloned().collect();
    let mail = mail::report(&report, &envelope("[ftp]"));
    let message = read(&mail);
    let page = message.body_html(0).unwrap();
    assert!(page.contains("What failures share") && page.contains("shared-0 &"));
    assert!(page.len() < LETTER_BYTES, "{}", page.len());
    assert!(page.len() > 20_000, "{}", page.len());
}
