//! Laws that hold for every input (docs/ARCHITECTURE.md, invariants): they are checked over the recordings, over
//! synthetic conversations, and over random bytes.

use std::fmt::Write as _;

use ftpwhy::diagnostic::Origin;
use ftpwhy::ftp::{Found, Line, Lines, Replies, Side};
use ftpwhy::limits;
use ftpwhy::log::{Detected, FORMATS};
use ftpwhy::run::Wanted;
use proptest::prelude::*;
use serde_json::Value;

use crate::invariants::file;
use crate::invariants::log::{assert_windows_change_nothing, read};
use crate::invariants::shown::Places;
use crate::support::{Temporary, files_below, reply_codes, run_with, settings, testdata};
use crate::synth::{Container, Conversation, Packet, capture, merge};
use crate::traffic::{self, Rng};

/// Everything that a run shows: events, and numbers.
fn shown(settings: &ftpwhy::run::Settings) -> (String, String) {
    let (findings, events) = run_with(settings);
    (events, format!("{:?}", findings.tallies))
}

#[test]
fn any_window_gives_the_same_events_and_numbers() {
    let mut rng = Rng::new(3);
    for path in files_below(&testdata()) {
        let mut settings = settings(&[&path], Wanted::Events);
        let expected = shown(&settings);
        for _ in 0..3 {
            settings.window_bytes = 1 + rng.below(5000);
            assert_eq!(
                shown(&settings),
                expected,
                "{} with windows of {}",
                path.display(),
                settings.window_bytes
            );
        }
    }
}

fn all_samples() -> Vec<u8> {
    let mut all = Vec::new();
    for sample in FORMATS.iter().flat_map(|f| f.describe().samples) {
        all.extend_from_slice(sample.lines.as_bytes());
        all.extend_from_slice(b"\n\nno log at all\n");
    }
    all.extend(std::iter::repeat_n(b'x', limits::LOG_LINE_BYTES * 3));
    all.extend_from_slice(b"\nSun Nov 22 09:00:00 2026 [pid 900] CONNECT: Client \"192.0.2.9\"");
    all
}

#[test]
fn a_line_longer_than_windows_is_one_line() {
    let all = all_samples();
    let format = Detected::named("vsftpd").unwrap();
    for window in [1, 7, 64, 777, 5000, 65_000, 70_000, 131_072] {
        let whole = assert_windows_change_nothing(format, &all, window);
        assert!(whole.rows.lines().count() > 10);
    }
}

#[test]
fn headers_hold_across_windows() {
    let columns = ["c-ip cs-username", "cs-username c-ip"];
    let mut lines = String::from("#Software: Pure-FTPd 1\n");
    for place in 0..200 {
        let (date, names) = (1 + place / 20, columns[place % 2]);
        let who = ["192.0.2.7 alice", "alice 192.0.2.7"][place % 2];
        writeln!(
            lines,
            "#Date: 2026-11-{date:02} 20:00:00\n#Fields: time {names} cs-method cs-uri-stem"
        )
        .unwrap();
        writeln!(
            lines,
            "23:59:00 {who} []sent /{place}#x\n00:00:01 {who} []created /{place}"
        )
        .unwrap();
    }
    lines.push_str(&"#".repeat(limits::LOG_LINE_BYTES + 10));
    lines.push_str("\n23:59:00 alice 192.0.2.7 []sent /last\n");
    let format = Detected::by_head(lines.as_bytes()).unwrap();
    assert_eq!(format, Detected::named("pureftpd-w3c").unwrap());
    for window in [1, 13, 100, 1009, 66_000] {
        let whole = assert_windows_change_nothing(format, lines.as_bytes(), window);
        let input = whole.tallies.inputs.values().next().unwrap();
        assert_eq!((input.taken, input.unrecognised), (401, 1));
    }
}

/// Names in any encoding: Latin-1, KOI8-R, and GBK with a second byte that is `\`, `|`, `"` or a bracket elsewhere. Which
/// encoding it is, is not guessed; and no line is lost.
#[test]
fn no_line_is_lost_for_a_name_in_another_encoding() {
    let names: [&[u8]; 5] = [
        b"\xe4l\xefce",
        b"\xd0\xd2\xc9\xd7\xc5\xd4",
        b"\xb5\x5c\xd1\x7c",
        b"\xc4\x5b\xc4\x5d",
        b"\xff\xfe",
    ];
    for format in FORMATS {
        let description = format.describe();
        for sample in description.samples {
            let format = Detected::named(description.name).unwrap();
            let lines = sample.lines.as_bytes();
            let expected = taken(format, lines);
            for name in names {
                // Who writes JSON escapes it.
                let is_json = lines.starts_with(b"{");
                let escaped = replaced(name, b"\\", b"\\\\");
                let name = if is_json { &escaped } else { name };
                let renamed = replaced(
                    &replaced(lines, b"alice", name),
                    b"a.txt",
                    &[name, b".txt"].concat(),
                );
                let got = taken(format, &renamed);
                assert_eq!(
                    got,
                    expected,
                    "{}: {}",
                    description.name,
                    String::from_utf8_lossy(&renamed)
                );
            }
        }
    }
}

fn taken(format: Detected, lines: &[u8]) -> Option<u64> {
    let shown = read(format, &[lines], 1 << 20, Places::Shown);
    shown
        .tallies
        .inputs
        .values()
        .next()
        .map(|input| input.taken)
}

fn replaced(bytes: &[u8], word: &[u8], by: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(word.len()).position(|part| part == word) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(by);
        rest = &rest[at + word.len()..];
    }
    out.extend_from_slice(rest);
    out
}

#[test]
fn any_number_of_threads_gives_the_same_output() {
    let root = testdata();
    let mut settings = settings(&[&root.join("demo"), &root.join("cases")], Wanted::Events);
    settings.window_bytes = 3000;
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| shown(&settings))
    };
    let expected = with(1);
    assert!(expected.0.lines().count() > 500);
    assert_eq!(with(2), expected);
    assert_eq!(with(8), expected);
}

#[test]
fn the_order_of_arguments_does_not_matter() {
    let files = files_below(&testdata().join("demo"));
    let forward: Vec<_> = files.iter().map(std::path::PathBuf::as_path).collect();
    let backward: Vec<_> = forward.iter().rev().copied().collect();
    assert_eq!(
        shown(&settings(&forward, Wanted::Events)),
        shown(&settings(&backward, Wanted::Events))
    );
}

#[test]
fn every_record_is_accounted_for() {
    for path in files_below(&testdata()) {
        let (findings, events) = run_with(&settings(&[&path], Wanted::Events));
        for input in findings.tallies.inputs.values() {
            assert_eq!(
                input.records,
                input.taken + input.ignored + input.unrecognised,
                "{}",
                path.display()
            );
        }
        let counted: u64 = findings
            .tallies
            .by_vantage
            .values()
            .map(|v| v.observed.total())
            .sum();
        assert_eq!(
            counted,
            reply_codes(&events).len() as u64,
            "{}",
            path.display()
        );
    }
}

/// The codes that a capture of these packets gives.
fn codes_of(packets: &[Packet], container: Container) -> Vec<u16> {
    let temporary = Temporary::new();
    let path = temporary.file("x.pcap", &capture(packets, container));
    reply_codes(&run_with(&settings(&[&path], Wanted::Events)).1)
}

/// What events say, but for when and where it was captured and how often TCP had to send it.
fn said(packets: &[Packet]) -> Vec<Value> {
    let temporary = Temporary::new();
    let path = temporary.file("x.pcap", &capture(packets, Container::PcapNanos));
    let events = run_with(&settings(&[&path], Wanted::Events)).1;
    let mut events: Vec<Value> = events
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for event in &mut events {
        let fields = event.as_object_mut().unwrap();
        for captured in ["at", "origin", "ends", "tcp", "bytes_per_second"] {
            fields.remove(captured);
        }
    }
    // When a data connection is over in the capture, a reply may have come before its last segment or not.
    events.sort_by_key(|event| match event["kind"].as_str() {
        Some("data") => event["announced"].to_string(),
        _ => String::new(),
    });
    events
}

fn assert_same(got: &[Value], expected: &[Value], what: &str) {
    for (got, expected) in got.iter().zip(expected) {
        assert_eq!(got.to_string(), expected.to_string(), "{what}");
    }
    assert_eq!(got.len(), expected.len(), "{what}");
}

/// Everything that was said in a conversation, whatever happens to its segments on the way. One in four sequence numbers
/// wraps.
#[test]
fn segments_may_be_split_repeated_swapped_and_overlap() {
    let rng = &mut Rng::new(4);
    for index in 0..150 {
        let conversation = traffic::random_conversation(rng, index);
        let packets = conversation.packets();
        let expected = said(&packets);
        let codes = expected.iter().filter(|e| e["kind"] == "reply");
        let codes: Vec<u64> = codes.filter_map(|e| e["code"].as_u64()).collect();
        let sent = traffic::replies(&conversation).into_iter().map(u64::from);
        assert_eq!(codes, sent.collect::<Vec<_>>(), "{conversation:?}");
        let split = traffic::split_segments(&packets, rng);
        let wild = traffic::overlap(&traffic::duplicate(&split, rng), rng);
        let mangled = [
            traffic::duplicate(&packets, rng),
            traffic::swap_neighbours(&split, rng),
            traffic::overlap(&packets, rng),
            traffic::duplicate(&traffic::swap_neighbours(&split, rng), rng),
            traffic::swap_neighbours(&traffic::swap_neighbours(&wild, rng), rng),
            split,
        ];
        for (way, packets) in mangled.iter().enumerate() {
            assert_same(&said(packets), &expected, &format!("{index}, way {way}"));
        }
    }
}

/// True for what a client or server says in these events.
fn is_said(event: &Value) -> bool {
    matches!(event["kind"].as_str(), Some("command" | "reply"))
}

/// A lost segment is what was said in it, one hole, and nothing else.
#[test]
fn a_lost_segment_is_one_hole_and_nothing_else_changes() {
    let rng = &mut Rng::new(5);
    let mut lost_ones = 0;
    for index in 0..200 {
        let conversation = traffic::random_conversation(rng, index);
        let packets = conversation.packets();
        let whole = said(&packets);
        let is_control = |p: &Packet| p.src == conversation.server || p.dst == conversation.server;
        // What a side says last has nothing behind it that would show the hole.
        let carries = |p: &&Packet| is_control(p) && !p.payload.is_empty();
        let of = |src| packets.iter().filter(carries).filter(move |p| p.src == src);
        let choice = rng.below(packets.len());
        let Some(victim) = packets.get(choice).filter(|p| carries(p)) else {
            continue;
        };
        let is_last = of(victim.src).next_back() == Some(victim);
        let begins = |word: &[u8]| victim.payload.starts_with(word);
        let announces = [&b"227"[..], b"229", b"PORT", b"EPRT"];
        let part_of_reply = [&b"211"[..], b" "];
        if is_last || announces.into_iter().chain(part_of_reply).any(begins) {
            continue;
        }
        lost_ones += 1;
        let mut rest = packets.clone();
        rest.remove(choice);
        // Not split: what comes right behind a hole is taken for a line only where it looks like one.
        let rest = match rng.below(2) {
            0 => rest,
            _ => traffic::duplicate(&rest, rng),
        };
        let mut seen = said(&rest);
        let holes = seen.iter().filter(|e| e["kind"] == "missing").count();
        let bytes = seen.iter().find(|e| e["kind"] == "missing");
        assert_eq!(holes, 1, "{index}: {victim:?}");
        assert_eq!(bytes.unwrap()["bytes"], victim.payload.len(), "{index}");
        seen.retain(|e| e["kind"] != "missing");
        // The order of what both sides said at the hole is not known, and the user only if the name was heard.
        let words = |events: &[Value], side: &str| -> Vec<String> {
            let said = events.iter().filter(|e| is_said(e) && e["kind"] == side);
            said.map(|e| {
                format!(
                    "{} {} {} {}",
                    e["verb"], e["argument"], e["code"], e["text"]
                )
            })
            .collect()
        };
        for side in ["command", "reply"] {
            let (mut expected, got) = (words(&whole, side), words(&seen, side));
            let by_server = victim.src == conversation.server;
            if by_server == (side == "reply") {
                let at = got.iter().zip(&expected).take_while(|(a, b)| a == b);
                expected.remove(at.count());
            }
            assert_eq!(got, expected, "{index}: {victim:?}");
        }
        let rest = |events: Vec<Value>| -> Vec<Value> {
            let rest = events.into_iter().filter(|e| !is_said(e));
            rest.map(|mut e| {
                let fields = e.as_object_mut().unwrap();
                for heard in ["user", "verb", "expected", "offset"] {
                    fields.remove(heard);
                }
                e
            })
            .collect()
        };
        assert_same(&rest(seen), &rest(whole), &format!("{index}: {victim:?}"));
    }
    assert!(lost_ones > 40, "{lost_ones}");
}

#[test]
fn a_conversation_reads_the_same_in_every_container_and_among_others() {
    let mut rng = Rng::new(8);
    let conversations: Vec<_> = (0..12)
        .map(|i| traffic::random_conversation(&mut rng, i))
        .collect();
    let all = merge(conversations.iter().map(Conversation::packets).collect());
    let mut expected: Vec<u16> = conversations.iter().flat_map(traffic::replies).collect();
    expected.sort_unstable();
    for container in [
        Container::PcapMicros,
        Container::PcapNanos,
        Container::PcapMicrosBe,
        Container::Pcapng,
    ] {
        let mut codes = codes_of(&all, container);
        codes.sort_unstable();
        assert_eq!(codes, expected);
    }
}

#[test]
fn a_log_holds_the_replies_that_were_sent() {
    let mut rng = Rng::new(12);
    let conversations: Vec<_> = (0..40)
        .map(|i| traffic::random_conversation(&mut rng, i))
        .collect();
    let temporary = Temporary::new();
    let log = traffic::vsftpd_log(&conversations, 1000);
    let path = temporary.file("vsftpd.log", log.as_bytes());
    let mut codes = reply_codes(&run_with(&settings(&[&path], Wanted::Events)).1);
    let mut expected: Vec<u16> = conversations.iter().flat_map(traffic::replies).collect();
    codes.sort_unstable();
    expected.sort_unstable();
    assert_eq!(codes, expected);
}

/// Code, first record and last record of the replies in these bytes, given in chunks.
fn replies_in(chunks: &[&[u8]]) -> Vec<(u16, Vec<u8>, u32)> {
    let mut found = Vec::new();
    let mut lines = Lines::new(Side::Server);
    let mut replies = Replies::default();
    let mut keep = |f: Found<'_>| {
        if let Found::Reply { reply, .. } = f {
            found.push((reply.code.number(), reply.text.into_owned(), reply.lines));
        }
    };
    for chunk in chunks {
        lines.push(chunk, None, Origin::default(), &mut |line: Line<'_>| {
            replies.line(line, &mut keep);
        });
    }
    lines.finish(&mut |line| replies.line(line, &mut keep));
    replies.finish(&mut keep);
    found
}

/// Bytes that look like a server's, and bytes that do not.
fn server_bytes() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        (
            100u16..=699,
            prop_oneof![Just(" "), Just("-"), Just("")],
            "[ -~]{0,12}"
        )
            .prop_map(|(c, m, t)| format!("{c}{m}{t}\r\n").into_bytes()),
        "[ -~]{0,12}".prop_map(|t| format!("{t}\r\n").into_bytes()),
        proptest::collection::vec(any::<u8>(), 0..12),
    ];
    proptest::collection::vec(line, 0..12).prop_map(|lines| lines.concat())
}

/// What a client or server may send, with losses between.
fn chunks() -> impl Strategy<Value = Vec<Option<Vec<u8>>>> {
    let bytes = prop_oneof![
        server_bytes(),
        "(USER|PASS|cwd|NOOP|XX) ?[ -~]{0,12}(\r\n|\n|\r|)".prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..200),
    ];
    proptest::collection::vec(
        prop_oneof![8 => bytes.prop_map(Some), 1 => Just(None)],
        0..10,
    )
}

/// The lines of these chunks; `None` is a loss.
fn lines_in(sender: Side, chunks: &[Option<Vec<u8>>], each: &mut dyn FnMut(Line<'_>)) {
    let mut lines = Lines::new(sender);
    for (chunk, record) in chunks.iter().zip(1..) {
        let origin = Origin {
            record,
            ..Origin::default()
        };
        match chunk {
            Some(bytes) => lines.push(bytes, None, origin, each),
            None => lines.lose(each),
        }
    }
    lines.finish(each);
}

proptest! {
    /// Nothing of a control connection is passed over: but for line ends, NUL and Telnet commands, every byte is in a line,
    /// in order.
    #[test]
    fn every_byte_is_in_a_line(chunks in chunks(), client in any::<bool>()) {
        let no_telnet = |b: &u8| *b != 0xff;
        let chunks: Vec<Option<Vec<u8>>> = chunks.into_iter().map(|c| c.map(|c| c.into_iter().filter(no_telnet).collect())).collect();
        let sender = if client { Side::Client } else { Side::Server };
        let mut found = Vec::new();
        lines_in(sender, &chunks, &mut |line| found.extend_from_slice(line.bytes));
        let counts = |b: &u8| !matches!(b, 0 | b'\r' | b'\n');
        let said: Vec<u8> = chunks.iter().flatten().flatten().copied().filter(counts).collect();
        let found: Vec<u8> = found.into_iter().filter(counts).collect();
        prop_assert_eq!(found, said);
    }

    /// Every line of a server is in one reply, or told as a stray.
    #[test]
    fn every_line_is_in_a_reply_or_a_stray(chunks in chunks(), turns in proptest::collection::vec(any::<bool>(), 10)) {
        let mut lines = Vec::new();
        lines_in(Side::Server, &chunks, &mut |line| lines.push((line.bytes.to_vec(), line.end)));
        let mut replies = Replies::default();
        let mut counted = 0;
        let mut count = |found: Found<'_>| counted += match found {
            Found::Reply { reply, .. } => reply.lines as usize,
            Found::Stray(_) => 1,
        };
        for ((bytes, end), turn) in lines.iter().zip(turns.iter().cycle()) {
            let line = Line { bytes, at: None, origin: Origin::default(), ends: 0, end: *end };
            replies.line(line, &mut count);
            if *turn {
                replies.client_spoke(&mut count);
            }
        }
        replies.finish(&mut count);
        prop_assert_eq!(counted, lines.len());
    }

    #[test]
    fn any_split_of_bytes_gives_the_same_replies(bytes in server_bytes(), cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        let mut cuts: Vec<usize> = cuts.iter().map(|c| c.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let chunks: Vec<&[u8]> = cuts.windows(2).map(|w| &bytes[w[0]..w[1]]).collect();
        prop_assert_eq!(replies_in(&chunks), replies_in(&[&bytes]));
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        prop_assert_eq!(replies_in(&single), replies_in(&[&bytes]));
    }

    #[test]
    fn any_bytes_after_any_head_end_well(head in prop_oneof![
            Just(vec![]), Just(vec![0xd4, 0xc3, 0xb2, 0xa1]), Just(vec![0x0a, 0x0d, 0x0d, 0x0a]), Just(vec![0x1f, 0x8b, 8]),
            Just(b"Tue Nov 10 10:00:00 2026 [pid 2] CONNECT: Client \"192.0.2.1\"\n".to_vec())],
        bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        file::check(&[vec![1, 77], head, bytes].concat());
    }
}
