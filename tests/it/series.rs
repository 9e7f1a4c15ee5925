//! Captures that belong together are read as one: cut in parts, packed, renamed, heard twice.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use ftpwhy::report::{Options, Report, json};
use ftpwhy::run::Wanted;
use serde_json::Value;

use crate::support::{Temporary, files_below, run_with, settings, testdata};
use crate::synth::{Container, Conversation, Packet, capture, merge};
use crate::traffic::{self, Rng};

/// A capture as its parts: what stands before the packets, and the packets' records.
struct Records {
    head: Vec<u8>,
    packets: Vec<Vec<u8>>,
}

/// Takes a sound little-endian capture apart; `None` for others.
fn records(bytes: &[u8]) -> Option<Records> {
    let word = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?) as usize);
    let (mut head, mut packets) = (Vec::new(), Vec::new());
    let mut at = 0;
    if word(0)? == 0x0a0d_0d0a {
        while at < bytes.len() {
            let (kind, length) = (word(at)?, word(at + 4)?);
            let block = bytes
                .get(at..at + length)
                .filter(|b| b.len() >= 12)?
                .to_vec();
            match kind {
                2 | 3 | 6 => packets.push(block),
                _ if packets.is_empty() => head.extend(block),
                _ => {} // statistics behind the packets
            }
            at += length;
        }
    } else if matches!(word(0)?, 0xa1b2_c3d4 | 0xa1b2_3c4d) {
        head = bytes.get(..24)?.to_vec();
        at = 24;
        while at < bytes.len() {
            let length = 16 + word(at + 8)?;
            packets.push(bytes.get(at..at + length)?.to_vec());
            at += length;
        }
    } else {
        return None;
    }
    Some(Records { head, packets })
}

impl Records {
    /// The capture of these packets alone.
    fn part(&self, from: usize, to: usize) -> Vec<u8> {
        [&self.head[..], &self.packets[from..to].concat()].concat()
    }

    fn pieces(&self, cuts: &[usize]) -> Vec<Vec<u8>> {
        let ends: Vec<usize> = [&[0], cuts, &[self.packets.len()]].concat();
        ends.windows(2).map(|w| self.part(w[0], w[1])).collect()
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// Drops what says in which file something stands.
fn without_places(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for key in [
                "origin",
                "ends",
                "source",
                "record",
                "inputs",
                "diagnostics",
                "origins",
            ] {
                // `ends` counts how sessions ended, or says where a reply ends.
                if key != "ends" || object.get(key).is_some_and(Value::is_number) {
                    object.remove(key);
                }
            }
            object.values_mut().for_each(without_places);
        }
        Value::String(text) if text.starts_with("No FTP was found") => text.clear(),
        Value::Array(array) => array.iter_mut().for_each(without_places),
        _ => {}
    }
}

/// What a run over these files shows, but for the places: events, report, diagnostics, records.
#[derive(Debug, PartialEq)]
struct Shown {
    events: Vec<String>,
    report: Value,
    diagnostics: BTreeMap<(String, String), u64>,
    records: [u64; 4],
}

fn shown(paths: &[&Path]) -> Shown {
    let (findings, events) = run_with(&settings(paths, Wanted::Events));
    let options = Options {
        sources: findings.sources.clone(),
        ..Options::default()
    };
    let report = json::report(&Report::new(&findings.tallies, &options));
    let mut report: Value = serde_json::from_str(&report).unwrap();
    without_places(&mut report);
    let events = events.lines().map(|line| {
        let mut event: Value = serde_json::from_str(line).unwrap();
        without_places(&mut event);
        event.to_string()
    });
    let mut diagnostics = BTreeMap::new();
    for (kind, reason, met) in findings.tallies.diagnostics.iter() {
        let key = (kind.id().to_owned(), reason.to_owned());
        *diagnostics.entry(key).or_default() += met.count;
    }
    let mut records = [0; 4];
    for input in findings.tallies.inputs.values() {
        let of = [
            input.records,
            input.taken,
            input.ignored,
            input.unrecognised,
        ];
        records.iter_mut().zip(of).for_each(|(sum, n)| *sum += n);
    }
    Shown {
        events: events.collect(),
        report,
        diagnostics,
        records,
    }
}

fn shown_of(paths: &[PathBuf]) -> Shown {
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    shown(&paths)
}

fn assert_same(found: &Shown, expected: &Shown, what: &str) {
    assert_eq!(found.records, expected.records, "{what}");
    assert_eq!(found.diagnostics, expected.diagnostics, "{what}");
    assert_eq!(found.events, expected.events, "{what}");
    assert_eq!(found.report, expected.report, "{what}");
}

/// Names of parts in the order of time, as people and programs give them.
fn names(way: usize, parts: usize, extension: &str) -> Vec<String> {
    let mut names: Vec<String> = (0..parts)
        .map(|i| match way {
            0 if i == 0 => format!("x.{extension}"),
            0 => format!("x.{extension}{i}"),
            // A wrapped ring: the oldest file is not number 0.
            1 => format!("x.{extension}{:02}", (i + 2) % parts),
            2 => format!("x-2026-03-01_{:02}.{extension}", i + 3),
            3 => format!("x_{:05}_2026030112{:02}00.{extension}", i + 1, i),
            _ => format!(
                "{}.{extension}",
                char::from(b'a' + u8::try_from(i).unwrap())
            ),
        })
        .collect();
    if way == 5 {
        names.reverse();
    }
    names
}

/// Splits a capture in these places, in files of every way of naming, one of them packed.
fn assert_splits_change_nothing(what: &str, whole: &[u8], cuts: &[usize], rng: &mut Rng) {
    let records = records(whole).unwrap();
    let temporary = Temporary::new();
    let extension = if whole.starts_with(&[0x0a]) {
        "pcapng"
    } else {
        "pcap"
    };
    let expected = shown(&[&temporary.file("whole", &records.part(0, records.packets.len()))]);
    let way = rng.below(6);
    let pieces = records.pieces(cuts);
    let packed = rng.below(pieces.len() + 1);
    let mut paths: Vec<PathBuf> = Vec::new();
    for (i, name) in names(way, pieces.len(), extension).iter().enumerate() {
        paths.push(if i == packed {
            temporary.file(&format!("{name}.gz"), &gzip(&pieces[i]))
        } else {
            temporary.file(name, &pieces[i])
        });
    }
    assert_same(
        &shown_of(&paths),
        &expected,
        &format!("{what} cut at {cuts:?}, way {way}"),
    );
    if rng.below(4) == 0 {
        paths.reverse();
        assert_same(&shown_of(&paths), &expected, &format!("{what} backward"));
    }
}

fn random_cuts(packets: usize, rng: &mut Rng) -> Vec<usize> {
    let mut cuts: Vec<usize> = (0..=rng.below(3)).map(|_| rng.below(packets + 1)).collect();
    cuts.sort_unstable();
    cuts
}

#[test]
fn a_conversation_in_several_captures_is_one() {
    let mut rng = Rng::new(21);
    for index in 0..30 {
        let conversations: Vec<_> = (0..=(index % 3))
            .map(|i| traffic::random_conversation(&mut rng, index * 3 + i).packets())
            .collect();
        let packets = merge(conversations);
        let container = rng.pick(&[
            Container::PcapMicros,
            Container::PcapNanos,
            Container::Pcapng,
        ]);
        let cuts = random_cuts(packets.len(), &mut rng);
        let whole = capture(&packets, container);
        assert_splits_change_nothing(&format!("conversation {index}"), &whole, &cuts, &mut rng);
    }
}

#[test]
fn a_recording_in_several_captures_is_one() {
    let mut rng = Rng::new(22);
    for path in files_below(&testdata()) {
        let whole = std::fs::read(&path).unwrap();
        let Some(records) = records(&whole).filter(|records| records.packets.len() > 1) else {
            continue;
        };
        let cuts = random_cuts(records.packets.len(), &mut rng);
        assert_splits_change_nothing(&path.display().to_string(), &whole, &cuts, &mut rng);
    }
}

#[test]
fn a_conversation_may_be_cut_at_every_packet() {
    let text = "< 220 hi\n> USER a\n< 331 pw\n> PASS b\n< 230 in\n> PASV\n< 227 Entering Passive Mode (192,0,2,10,195,80).\n\
                > RETR f\n< 150 go\n! data opened 40000 server fin\n< 226 done\n> PASV\n\
                < 227 Entering Passive Mode (192,0,2,10,195,81).\n> LIST\n! data unanswered\n< 425 no\n> QUIT\n< 221 bye\n! server fin\n";
    let packets = Conversation::parse(text).packets();
    let mut rng = Rng::new(23);
    let wholes = [Container::PcapMicros, Container::Pcapng].map(|c| capture(&packets, c));
    for cut in 0..=packets.len() {
        assert_splits_change_nothing("the conversation", &wholes[cut % 2], &[cut], &mut rng);
    }
}

/// The session rows of a run.
fn sessions(paths: &[&Path]) -> Vec<Value> {
    let (findings, _) = run_with(&settings(paths, Wanted::Sessions));
    let mut rows = Vec::new();
    for (session, failures) in &findings.sessions {
        json::session(&mut rows, session, failures, &findings.sources);
    }
    let rows = String::from_utf8(rows).unwrap();
    rows.lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect()
}

fn kinds(shown: &Shown) -> Vec<&str> {
    shown.diagnostics.keys().map(|(kind, _)| &**kind).collect()
}

const TALK: &str = "< 220 hi\n> USER a\n< 331 pw\n> PASS b\n< 230 in\n> PASV\n< 227 Entering Passive Mode (192,0,2,10,195,80).\n\
    > RETR f\n< 150 go\n! data opened 40000 server fin\n< 226 done\n> PASV\n\
    < 227 Entering Passive Mode (192,0,2,10,195,81).\n> LIST\n! data unanswered\n< 425 no\n> QUIT\n< 221 bye\n! server fin\n";

#[test]
fn packets_that_were_captured_twice_count_once() {
    let whole = capture(&Conversation::parse(TALK).packets(), Container::PcapMicros);
    let single = records(&whole).unwrap();
    let twice = single.packets.iter().flat_map(|packet| {
        let micros = u32::from_le_bytes(*packet[4..].first_chunk().unwrap());
        let later = (micros + 20).min(999_999).to_le_bytes();
        [
            packet.clone(),
            [&packet[..4], &later, &packet[8..]].concat(),
        ]
    });
    let mirrored = Records {
        head: single.head.clone(),
        packets: twice.collect(),
    };
    let temporary = Temporary::new();
    let expected = shown(&[&temporary.file("once.pcap", &whole)]);
    let all = mirrored.part(0, mirrored.packets.len());
    let found = shown(&[&temporary.file("twice.pcap", &all)]);
    // A connection's own record counts them.
    let without_counts = |shown: &Shown| -> Vec<Value> {
        let events = shown.events.iter().map(|event| {
            let mut event: Value = serde_json::from_str(event).unwrap();
            event.as_object_mut().unwrap().remove("tcp");
            event
        });
        events.collect()
    };
    assert_eq!(without_counts(&found), without_counts(&expected));
    assert_eq!(found.report, expected.report);
    let told: Vec<_> = found.diagnostics.iter().collect();
    let [((kind, reason), count)] = told[..] else {
        panic!("{told:?}");
    };
    assert_eq!(kind, "heard-twice");
    assert!(*count * 3 > single.packets.len() as u64, "{count}");
    assert!(
        reason.starts_with("every packet was captured twice"),
        "{reason}"
    );
}

/// The same packets, to the last bit, captured by a clock that is ahead.
fn by_another_clock(packets: &[Packet], ahead: i64) -> Records {
    let mut records = records(&capture(packets, Container::PcapNanos)).unwrap();
    for (packet, record) in packets.iter().zip(&mut records.packets) {
        let at = packet.at_ns + ahead;
        let time = [at / 1_000_000_000, at % 1_000_000_000].map(|t| u32::try_from(t).unwrap());
        record.splice(..8, time.map(u32::to_le_bytes).concat());
    }
    records
}

/// Splits packets over two captures that both hear most of them, with clocks that differ a little.
#[test]
fn two_captures_of_the_same_traffic_are_one() {
    let mut rng = Rng::new(31);
    for ahead in [
        0,
        40_000,
        -40_000,
        900_000_000,
        -900_000_000,
        47_000_000_000,
        -3_600_000_000_000,
    ] {
        let packets = Conversation::parse(TALK).packets();
        let heard = |from: usize, rng: &mut Rng, shift: i64| {
            let mut records = by_another_clock(&packets, shift);
            // Each loses packets that the other one has.
            let mut place = from;
            records.packets.retain(|_| {
                place += 1;
                !place.is_multiple_of(8) || rng.below(2) == 0
            });
            records.part(0, records.packets.len())
        };
        let temporary = Temporary::new();
        let expected =
            shown(&[&temporary.file("all.pcap", &capture(&packets, Container::PcapNanos))]);
        let client = temporary.file("client.pcap", &heard(0, &mut rng, 0));
        let server = temporary.file("server.pcap", &heard(4, &mut rng, ahead));
        let both = sessions(&[&client, &server]);
        assert_eq!(both.len(), 1, "clock {ahead}: {both:?}");
        assert_eq!(both[0]["origins"].as_array().unwrap().len(), 2, "{both:?}");
        assert_eq!(both[0]["replies"], 9, "{both:?}");
        let found = shown(&[&client, &server]);
        assert_eq!(
            found.report["replies"], expected.report["replies"],
            "clock {ahead}"
        );
        assert_eq!(
            found.report["failures"]["total"],
            expected.report["failures"]["total"]
        );
        assert!(
            kinds(&found).contains(&"heard-twice"),
            "{:?}",
            found.diagnostics
        );
        let is_set_right = kinds(&found).contains(&"assumed");
        assert_eq!(is_set_right, ahead.abs() > 10_000_000, "clock {ahead}");
    }
}

#[test]
fn recordings_at_client_and_server_are_one_session_each() {
    let mut seen = 0;
    for path in files_below(&testdata().join("cases")) {
        let server = path.with_file_name("server.pcap");
        if path.file_name().is_none_or(|n| n != "client.pcapng") || !server.exists() {
            continue;
        }
        seen += 1;
        let alone = sessions(&[&path]).len().max(sessions(&[&server]).len());
        let both = sessions(&[&path, &server]);
        assert_eq!(both.len(), alone, "{}: {both:#?}", path.display());
        let translated = path.to_string_lossy().contains("/nat-");
        // There, the second server's SYNs never came to the first one's network.
        let both = both.iter().filter(|s| s["replies"] != 0);
        for session in both {
            assert_eq!(session["origins"].as_array().unwrap().len(), 2, "{session}");
            assert_eq!(session["also"].is_array(), translated, "{session}");
        }
    }
    assert!(seen >= 5, "{seen}");
}

/// The packets as they are behind a router that gives the client another address.
pub(crate) fn translated(packets: &[crate::synth::Packet]) -> Vec<crate::synth::Packet> {
    let outside = |end: std::net::SocketAddr| {
        if end.ip().to_string() == "198.51.100.11" {
            format!("203.0.113.5:{}", end.port() ^ 0x1000)
                .parse()
                .unwrap()
        } else {
            end
        }
    };
    let packets = packets.iter().cloned().map(|mut packet| {
        packet.at_ns += 20_000;
        (packet.src, packet.dst) = (outside(packet.src), outside(packet.dst));
        packet
    });
    packets.collect()
}

#[test]
fn both_sides_of_an_address_translation_are_one_session() {
    let packets = Conversation::parse(TALK).packets();
    let all = merge(vec![packets.clone(), translated(&packets)]);
    let temporary = Temporary::new();
    let one = temporary.file("one.pcap", &capture(&packets, Container::PcapNanos));
    let path = temporary.file("x.pcap", &capture(&all, Container::PcapNanos));
    let found = shown(&[&path]);
    assert_eq!(found.report["replies"], shown(&[&one]).report["replies"]);
    assert_eq!(kinds(&found), ["heard-twice"]);
    let rows = sessions(&[&path]);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0]["client"]["ip"], "198.51.100.11");
    assert_eq!(rows[0]["also"][0]["client"]["ip"], "203.0.113.5");
    // The same in two files.
    let inside = temporary.file("in.pcap", &capture(&packets, Container::PcapNanos));
    let outside = temporary.file(
        "out.pcap",
        &capture(&translated(&packets), Container::Pcapng),
    );
    let rows = sessions(&[&inside, &outside]);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0]["origins"].as_array().unwrap().len(), 2);
}

#[test]
fn two_halves_under_other_addresses_are_one_session() {
    let packets = Conversation::parse(TALK).packets();
    let mut halves = translated(&packets);
    halves.retain(|packet| packet.src.ip().to_string() == "192.0.2.10");
    let mut asked = packets.clone();
    asked.retain(|packet| packet.src.ip().to_string() != "192.0.2.10");
    let temporary = Temporary::new();
    let one = temporary.file("one.pcap", &capture(&packets, Container::PcapNanos));
    let path = temporary.file(
        "x.pcap",
        &capture(&merge(vec![asked, halves]), Container::PcapNanos),
    );
    let found = shown(&[&path]);
    assert_eq!(found.report["replies"], shown(&[&one]).report["replies"]);
    assert!(kinds(&found).contains(&"heard-twice"));
    let rows = sessions(&[&path]);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0]["also"][0]["client"]["ip"], "203.0.113.5");
}

#[test]
fn the_same_ends_in_another_network_are_another_connection() {
    let text = "< 220 hi\n> USER a\n< 331 pw\n> PASS b\n< 230 in\n> PWD\n< 257 \"/\"\n";
    let other = format!("start 2026-03-01T06:00:00Z\n! no handshake\n{text}");
    let temporary = Temporary::new();
    let first = capture(&Conversation::parse(text).packets(), Container::PcapNanos);
    let mut packets = Conversation::parse(&other).packets();
    for packet in &mut packets {
        packet.seq = packet.seq.wrapping_add(1 << 30);
        packet.ack = packet.ack.wrapping_add(1 << 30);
    }
    // Named like a ring, and once more as one capture after the other in one series.
    let a = temporary.file("x.pcap1", &first);
    let b = temporary.file("x.pcap2", &capture(&packets, Container::PcapNanos));
    let rows = sessions(&[&a, &b]);
    assert_eq!(rows.len(), 2, "{rows:?}");
    for row in rows {
        assert_eq!(row["replies"], 4, "{row}");
    }
}

#[test]
fn the_same_bytes_count_once() {
    let temporary = Temporary::new();
    let whole = capture(&Conversation::parse(TALK).packets(), Container::Pcapng);
    let one = temporary.file("one.pcapng", &whole);
    let copy = temporary.file("copy.pcapng.gz", &gzip(&whole));
    let expected = shown(&[&one]);
    let found = shown(&[&one, &copy]);
    assert_eq!(
        (&found.events, &found.report),
        (&expected.events, &expected.report)
    );
    assert_eq!(kinds(&found), ["heard-twice"]);
}

#[test]
fn a_missing_file_of_a_ring_is_a_hole() {
    let whole = capture(&Conversation::parse(TALK).packets(), Container::PcapMicros);
    let records = records(&whole).unwrap();
    let temporary = Temporary::new();
    let count = records.packets.len();
    let a = temporary.file("x_00001.pcap", &records.part(0, 9));
    let b = temporary.file("x_00003.pcap", &records.part(14, count));
    let found = shown(&[&a, &b]);
    assert_eq!(kinds(&found), ["missing"], "{:?}", found.diagnostics);
    assert_eq!(sessions(&[&a, &b]).len(), 1);
}

/// The disk was full, or the file is still being written: what was written of it counts, and so do the files behind it.
#[test]
fn a_cut_file_of_a_ring_costs_its_last_packet() {
    let whole = capture(&Conversation::parse(TALK).packets(), Container::PcapMicros);
    let records = records(&whole).unwrap();
    let temporary = Temporary::new();
    let count = records.packets.len();
    let mut middle = records.part(9, 14);
    middle.truncate(middle.len() - 3);
    let files = [records.part(0, 9), middle, records.part(14, count)];
    let names = ["x_00001.pcap", "x_00002.pcap", "x_00003.pcap"];
    let paths: Vec<PathBuf> = names
        .iter()
        .zip(&files)
        .map(|(name, bytes)| temporary.file(name, bytes))
        .collect();
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let found = shown(&paths);
    assert_eq!(kinds(&found), ["missing", "truncated"]);
    assert_eq!(sessions(&paths).len(), 1);
    // Until more is there: a file that grows is read as far as it goes.
    let growing = temporary.file("y.pcap", &records.part(0, 14)[..600]);
    assert_eq!(sessions(&[&growing]).len(), 1);
}

#[test]
fn three_captures_of_the_same_traffic_are_set_to_one_clock() {
    let packets = Conversation::parse(TALK).packets();
    let temporary = Temporary::new();
    let heard = |name: &str, ahead: i64| {
        let bytes = by_another_clock(&packets, ahead).part(0, packets.len());
        temporary.file(name, &bytes)
    };
    let [a, b, c] = [
        heard("a.pcap", 0),
        heard("b.pcap", 2_000_000_000),
        heard("c.pcap", -40_000_000_000),
    ];
    let found = sessions(&[&a, &b, &c]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["origins"].as_array().unwrap().len(), 3);
    assert_eq!(found[0]["replies"], sessions(&[&a])[0]["replies"]);
}
