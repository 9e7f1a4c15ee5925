//! Laws that hold for every input (docs/ARCHITECTURE.md, invariants): they are checked over the recordings, over
//! synthetic conversations, and over random bytes.

use ftpwhy::diagnostic::Origin;
use ftpwhy::ftp::{Found, Line, Lines, Replies, Side};
use ftpwhy::run::Wanted;
use proptest::prelude::*;

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

/// Reply codes of one conversation, whatever happens to its segments on the way.
#[test]
fn segments_may_be_split_repeated_swapped_and_overlap() {
    let mut rng = Rng::new(4);
    for index in 0..60 {
        let conversation = traffic::random_conversation(&mut rng, index);
        let expected = traffic::replies(&conversation);
        let packets = conversation.packets();
        let split = traffic::split_segments(&packets, &mut rng);
        let mangled = [
            traffic::duplicate(&packets, &mut rng),
            traffic::swap_neighbours(&split, &mut rng),
            traffic::overlap(&packets, &mut rng),
            traffic::duplicate(&traffic::swap_neighbours(&split, &mut rng), &mut rng),
            split,
            packets,
        ];
        for (way, packets) in mangled.iter().enumerate() {
            let codes = codes_of(packets, Container::PcapMicros);
            assert_eq!(
                codes, expected,
                "conversation {index}, way {way}: {conversation:?}"
            );
        }
    }
}

#[test]
fn a_lost_segment_is_one_hole_and_nothing_else_changes() {
    let talk = |reply: &str| {
        let text = format!(
            "< 220 hi\n> USER a\n{reply}< 331 pw\n> PASS b\nwait 20s\n< 230 in\n> PWD\n< 257 \"/\"\n> QUIT\n< 221 bye\n! server fin\n"
        );
        Conversation::parse(&text)
    };
    let events = |conversation: &Conversation| {
        let temporary = Temporary::new();
        let path = temporary.file(
            "x.pcap",
            &capture(&conversation.packets(), Container::Pcapng),
        );
        run_with(&settings(&[&path], Wanted::Events)).1
    };
    assert_eq!(reply_codes(&events(&talk(""))), [220, 331, 230, 257, 221]);
    let lost = Conversation::parse(
        "< 220 hi\n> USER a\n! lost < 331 pw\n> PASS b\nwait 20s\n< 230 in\n> PWD\n< 257 \"/\"\n> QUIT\n< 221 bye\n! server fin\n",
    );
    let events = events(&lost);
    assert_eq!(reply_codes(&events), [220, 230, 257, 221]);
    assert_eq!(
        events.matches("\"kind\":\"missing\"").count(),
        1,
        "{events}"
    );
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

proptest! {
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
        let temporary = Temporary::new();
        let path = temporary.file("x", &[head, bytes].concat());
        let (findings, _) = run_with(&settings(&[&path], Wanted::Events));
        for input in findings.tallies.inputs.values() {
            prop_assert_eq!(input.records, input.taken + input.ignored + input.unrecognised);
        }
        for (kind, reason, _) in findings.tallies.diagnostics.iter() {
            prop_assert_ne!(kind.id(), "internal-error", "{}", reason);
        }
    }
}
