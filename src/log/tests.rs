//! The formats' sample lines, and what holds of all formats. What holds of any bytes is in `tests/invariants`.

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use super::*;
use crate::diagnostic::SourceId;
use crate::input::Cut;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// An event in a few words.
pub(super) fn tell(event: &Event<'_>) -> String {
    match &event.kind {
        EventKind::Introduced(who) => {
            let mut told = "introduced".to_owned();
            if let Some(client) = &who.client {
                write!(told, " {}", client.host.json()).unwrap();
            }
            if let Some(user) = &who.user {
                write!(told, " {}", user.json()).unwrap();
            }
            told + if who.approximate { " approximate" } else { "" }
        }
        EventKind::Opened => "opened".to_owned(),
        EventKind::Command(command) => match command.argument() {
            Some(argument) => format!("{} {}", command.verb, text(argument)),
            None if command.is_secret() => format!("{} secret", command.verb),
            None => command.verb.to_string(),
        },
        EventKind::Reply(reply) => match reply.evidence {
            Evidence::Observed => format!("{} {}", reply.code.number(), text(&reply.text)),
            Evidence::Implied { by } => format!("{} implied by {by}", reply.code.number()),
        },
        EventKind::Uncounted(reply) if reply.is_constant => {
            format!("constant {:?} of {}", reply.codes, reply.by)
        }
        EventKind::Uncounted(reply) => format!("one of {:?} by {}", reply.codes, reply.by),
        EventKind::Login { user, accepted } => {
            format!(
                "login {} {}",
                text(user),
                if *accepted { "accepted" } else { "refused" }
            )
        }
        EventKind::Transfer(transfer) => {
            let complete = if transfer.complete == Some(true) {
                "complete"
            } else {
                "incomplete"
            };
            let bytes = transfer.bytes.map_or("?".to_owned(), |b| b.to_string());
            format!(
                "{} {} {bytes} {complete}",
                transfer.verb,
                text(transfer.path)
            )
        }
        EventKind::Tls(tls) => {
            let version = tls
                .version
                .map_or_else(String::new, |v| format!(" {}", v.name()));
            match tls.completed {
                Some(true) => format!("tls{version}"),
                _ => format!("tls failed{version}"),
            }
        }
        EventKind::Closed(closing) => match closing.by {
            Some(by) => format!("closed {} by {}", closing.end.id(), by.id()),
            None => format!("closed {}", closing.end.id()),
        },
        other => format!("{other:?}"),
    }
}

/// An event as the session's number (from 1), its line, and its words.
type Told = (usize, u64, String);

/// Reads sources one behind the other.
fn read(format: Detected, sources: &[&[u8]]) -> (Vec<Told>, Vec<Counts>, Diagnostics) {
    let mut keys = Vec::new();
    let mut told = Vec::new();
    let mut each = |event: Event<'_>| {
        let known = keys.iter().position(|k| *k == event.session);
        let number = known.unwrap_or(keys.len());
        if known.is_none() {
            assert!(matches!(event.kind, EventKind::Introduced(_)), "{event:?}");
            keys.push(event.session);
        }
        told.push((number + 1, event.origin.record, tell(&event)));
    };
    let clock = || Clock::new(TimeZone::UTC, None, Some(2026));
    let mut reader = LogReader::new(format, SourceId(0), clock());
    let mut counts = Vec::new();
    for (id, source) in (0..).zip(sources) {
        reader.begin_source(SourceId(id), clock());
        let (_, header) = Cutter::new(format).cut(source, 0, true);
        let part = reader.decode(source, &header);
        reader.merge(0, part, &mut each);
        counts.push(reader.counts(SourceId(id)));
    }
    reader.finish(&mut each);
    (told, counts, reader.take_diagnostics())
}

/// True where a value, printed as Rust prints it, shows a text: as letters, or as a list of bytes.
pub(super) fn shows(value: &impl std::fmt::Debug, text: &str) -> bool {
    let printed = format!("{value:?}");
    let bytes = format!("{:?}", text.as_bytes());
    printed.contains(text) || printed.contains(bytes.trim_matches(['[', ']']))
}

/// The events of lines in a format, with the number of their session.
pub(super) fn events_of(format: &str, lines: &str) -> Vec<(usize, String)> {
    let format = Detected::named(format).unwrap();
    let (told, ..) = read(format, &[lines.as_bytes()]);
    told.into_iter()
        .map(|(session, _, words)| (session, words))
        .collect()
}

#[test]
fn every_sample_gives_its_events_and_tells_its_format() {
    for format in FORMATS {
        let Description { name, samples, .. } = format.describe();
        assert!(!samples.is_empty(), "{name}");
        for sample in *samples {
            let events: Vec<String> = events_of(name, sample.lines)
                .into_iter()
                .map(|(_, words)| words)
                .collect();
            assert_eq!(events.join("; "), sample.events, "{name}: {}", sample.lines);
            assert_eq!(
                Detected::by_head(sample.lines.as_bytes()),
                Detected::named(name)
            );
        }
    }
}

#[test]
fn sessions_go_on_from_one_source_to_the_next() {
    let lines = b"Sun Nov 22 08:00:00 2026 [pid 501] CONNECT: Client \"192.0.2.7\"\n\
                  Sun Nov 22 08:00:01 2026 [pid 500] [u] OK LOGIN: Client \"192.0.2.7\"\n\
                  Sun Nov 22 08:00:02 2026 [pid 502] [u] OK MKDIR: Client \"192.0.2.7\", \"/d\"\n";
    let format = Detected::by_head(lines).unwrap();
    let second = lines.iter().position(|b| *b == b'\n').unwrap() + 1;
    let (whole, ..) = read(format, &[lines]);
    let (parts, counts, _) = read(format, &[&lines[..second], &lines[second..]]);
    let words = |told: &[Told]| told.iter().map(|t| (t.0, t.2.clone())).collect::<Vec<_>>();
    assert_eq!(words(&parts), words(&whole));
    assert_eq!((counts[0].records, counts[1].records), (1, 2));
    assert_eq!(parts.last().unwrap().1, 2);
}

/// A server that rotates its log writes the header again.
fn header_of(lines: &str) -> String {
    let header = lines.lines().take_while(|line| line.starts_with('#'));
    header.flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn a_log_cut_in_two_at_any_line_gives_the_same_sessions() {
    let words = |told: Vec<Told>| told.into_iter().map(|t| (t.0, t.2)).collect::<Vec<_>>();
    for format in FORMATS {
        let Description { name, samples, .. } = format.describe();
        for lines in samples.iter().map(|sample| sample.lines) {
            let named = Detected::named(name).unwrap();
            let whole = words(read(named, &[lines.as_bytes()]).0);
            let header = header_of(lines);
            for (end, _) in lines
                .match_indices('\n')
                .filter(|(at, _)| *at >= header.len())
            {
                let (first, second) = lines.split_at(end + 1);
                let second = format!("{header}{second}");
                let parts = [first.as_bytes(), second.as_bytes()];
                assert_eq!(words(read(named, &parts).0), whole, "{name}: {first}");
            }
        }
    }
}

#[test]
fn two_formats_in_one_file_are_both_read() {
    let lines = "Sun Nov 22 08:00:00 2026 [pid 501] [u] OK UPLOAD: Client \"192.0.2.7\", \"/a\", 5 bytes, 1.00Kbyte/sec\n\
                 Sun Nov 22 08:00:00 2026 1 192.0.2.7 5 /a b _ i r u ftp 0 * c\n";
    let told = events_of("vsftpd", lines);
    assert_eq!(
        told.iter()
            .filter(|(_, t)| t == "STOR /a 5 complete")
            .count(),
        2
    );
    assert_eq!(told.iter().map(|(s, _)| *s).max(), Some(2));
}

#[test]
fn lines_are_counted_by_what_became_of_them() {
    let lines = b"\nNov 22 08:00:00 h sshd[1]: hi\nwhat PASS secret\nNov 22 08:00:00 h vsftpd[9]: [u] OK LOGIN: Client \"192.0.2.7\"\r\n";
    let (_, counts, diagnostics) = read(Detected::named("vsftpd").unwrap(), &[lines]);
    let expected = Counts {
        records: 4,
        taken: 1,
        ignored: 2,
        unrecognised: 1,
    };
    assert_eq!(counts, [expected]);
    let shown: Vec<_> = diagnostics
        .iter()
        .map(|(kind, reason, o)| (kind.id(), reason, o.first.record))
        .collect();
    assert_eq!(
        shown,
        [
            ("not-read", "another program's message", 2),
            ("not-read", "empty line", 1),
            ("malformed", "a line in no known form", 3)
        ]
    );
    assert!(!format!("{diagnostics:?}").contains("secret"));
}

#[test]
fn what_no_format_knows_is_not_detected() {
    let heads: [&[u8]; 6] = [
        b"",
        b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0",
        b"192.0.2.7 - - [22/Nov/2026:08:00:00 +0000] \"GET /a HTTP/1.1\" 200 5\n",
        b"Sun Nov 22 08:00:00 2026 Info: Begin Logfile\n",
        b"Nov 22 08:00:00 h sshd[1]: hi\n",
        b"#Software: Microsoft Internet Information Services 10.0\n#Fields: date time\n",
    ];
    for head in heads {
        assert_eq!(Detected::by_head(head), None, "{}", text(head));
    }
}

#[test]
fn a_repeated_message_counts_as_often_as_it_says() {
    let lines = "Nov 22 08:00:00 h vsftpd[9]: message repeated 3 times: [ [u] FAIL LOGIN: Client \"192.0.2.7\"]\n";
    let told = events_of("vsftpd", lines);
    assert_eq!(
        told.iter()
            .filter(|(_, t)| t == "530 implied by FAIL LOGIN")
            .count(),
        3
    );
}

#[test]
fn silence_ends_a_session_at_its_last_line() {
    let lines = "Sun Nov 22 08:00:00 2026 1 192.0.2.7 5 /a b _ i r u ftp 0 * c\n\
                 Sun Nov 22 08:59:59 2026 1 192.0.2.7 5 /b b _ i r u ftp 0 * c\n\
                 Sun Nov 22 10:00:00 2026 1 192.0.2.7 5 /c b _ i r u ftp 0 * c\n";
    let (told, ..) = read(Detected::named("xferlog").unwrap(), &[lines.as_bytes()]);
    let closed: Vec<_> = told.iter().filter(|t| t.2.starts_with("closed")).collect();
    assert_eq!(
        (closed[0].0, closed[0].1, closed[0].2.as_str()),
        (1, 2, "closed idle")
    );
    assert_eq!(
        (closed[1].0, closed[1].1, closed[1].2.as_str()),
        (2, 3, "closed input-ended")
    );
    assert_eq!(End::Idle.id(), "idle");
}

#[test]
fn a_text_is_found_in_what_is_printed_in_either_form() {
    assert!(shows(&b"PASS hunter2".as_slice(), "hunter2"));
    assert!(shows(&"PASS hunter2", "hunter2"));
    assert!(!shows(&b"PASS ****".as_slice(), "hunter2"));
}
