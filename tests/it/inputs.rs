//! Laws of reading captures and compressed files: what networks and disks do to an input changes nothing that was said.

use std::io::Write;

use ftpwhy::run::Wanted;

use crate::frames;
use crate::support::{Temporary, reply_codes, run_with, settings, testdata};
use crate::traffic::{self, Rng};

/// The replies are the same for packets that a path with a small MTU cut up, and for those of a tunnel through one.
#[test]
fn packets_may_be_fragmented_and_fragments_come_in_any_order() {
    let mut rng = Rng::new(9);
    for index in 0..40 {
        let conversation = traffic::random_conversation(&mut rng, index);
        let expected = traffic::replies(&conversation);
        let mut numbers = 1..u16::MAX;
        let mut cut = |packet: &[u8], rng: &mut Rng| {
            let size = 8 * (1 + rng.below(6));
            let parts = frames::fragments(packet, size, numbers.next().unwrap());
            frames::shuffled(&parts, rng)
        };
        let (mut plain, mut tunnelled) = (Vec::new(), Vec::new());
        for packet in conversation.packets() {
            let parts = cut(&frames::packet(&packet.frame()), &mut rng);
            for part in &parts {
                let outer = cut(&frames::tunnelled(part), &mut rng);
                tunnelled.extend(outer.into_iter().map(|part| (packet.at_ns, part)));
            }
            plain.extend(parts.into_iter().map(|part| (packet.at_ns, part)));
        }
        for packets in [plain, tunnelled] {
            let temporary = Temporary::new();
            let path = temporary.file("x.pcap", &frames::pcap(101, &packets));
            let (findings, events) = run_with(&settings(&[&path], Wanted::Events));
            assert_eq!(reply_codes(&events), expected, "conversation {index}");
            let input = findings.tallies.inputs.values().next().unwrap();
            assert_eq!(input.records, input.taken + input.ignored);
        }
    }
}

type Compress = fn(&[u8]) -> Vec<u8>;

/// Every compression that is read, with the ending of its files' names.
fn compressions() -> [(&'static str, Compress); 5] {
    [
        ("gz", |plain| {
            let level = flate2::Compression::new(6);
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }),
        ("zst", |plain| {
            let level = ruzstd::encoding::CompressionLevel::Fastest;
            ruzstd::encoding::compress_to_vec(plain, level)
        }),
        ("xz", |plain| {
            let options = lzma_rust2::XzOptions::with_preset(0);
            let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }),
        ("bz2", |plain| {
            let level = bzip2::Compression::fast();
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), level);
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }),
        ("lz4", |plain| {
            let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }),
    ]
}

/// Reply codes, records, and the ids of diagnostics of one file.
fn read(name: &str, bytes: &[u8]) -> (Vec<u16>, u64, Vec<&'static str>) {
    let temporary = Temporary::new();
    let path = temporary.file(name, bytes);
    let (findings, events) = run_with(&settings(&[&path], Wanted::Events));
    let inputs = findings.tallies.inputs.values();
    let told = findings.tallies.diagnostics.iter();
    (
        reply_codes(&events),
        inputs.map(|input| input.records).sum(),
        told.map(|(kind, ..)| kind.id()).collect(),
    )
}

#[test]
fn a_compressed_file_reads_as_the_plain_one_whatever_its_name() {
    let demo = testdata().join("demo");
    for name in ["passive-blocked.pcapng", "healthy.vsftpd.log"] {
        let plain = std::fs::read(demo.join(name)).unwrap();
        let expected = read(name, &plain);
        assert!(expected.0.len() > 5);
        let half = plain.len() / 2;
        for (ending, compress) in compressions() {
            let bytes = compress(&plain);
            assert_eq!(read(&format!("{name}.{ending}"), &bytes), expected);
            assert_eq!(read("x", &bytes), expected, "{ending}");
            // In two pieces, and with something else behind.
            let pieces = [compress(&plain[..half]), compress(&plain[half..])].concat();
            assert_eq!(read(name, &pieces), expected, "{ending}");
            let (codes, records, told) = read(name, &[&bytes[..], b"more"].concat());
            assert_eq!((codes, records), (expected.0.clone(), expected.1));
            assert_eq!(told, [&["damaged"], &expected.2[..]].concat());
        }
    }
}

#[test]
fn a_compressed_file_that_was_cut_is_read_up_to_there() {
    let mut rng = Rng::new(5);
    let conversations: Vec<_> = (0..60)
        .map(|index| traffic::random_conversation(&mut rng, index))
        .collect();
    let plain = traffic::vsftpd_log(&conversations, 1000).into_bytes();
    let (expected, ..) = read("x.log", &plain);
    // Small blocks, as the others write them by themselves for larger files.
    for (ending, compress) in compressions() {
        let pieces: Vec<u8> = plain.chunks(plain.len() / 8).flat_map(compress).collect();
        let cut = &pieces[..pieces.len() - pieces.len() / 3];
        let (codes, _, told) = read("x.log", cut);
        assert!(told.contains(&"truncated"), "{ending}: {told:?}");
        assert!(expected.starts_with(&codes) && codes.len() > expected.len() / 3);
    }
}

/// A radio sends several packets in one frame: none of them is lost, and the frame counts once.
#[test]
fn packets_may_share_a_wifi_frame() {
    let mut rng = Rng::new(6);
    for index in 0..20 {
        let conversation = traffic::random_conversation(&mut rng, index);
        let packets = conversation.packets();
        let frames: Vec<_> = packets
            .chunks(2)
            .map(|pair| {
                let inside: Vec<_> = pair.iter().map(|p| frames::packet(&p.frame())).collect();
                (pair[0].at_ns, frames::wifi(&inside))
            })
            .collect();
        let bytes = frames::pcap(105, &frames);
        let (codes, records, told) = read("x.pcap", &bytes);
        assert_eq!(codes, traffic::replies(&conversation), "{index}");
        assert_eq!(records, frames.len() as u64);
        assert!(!told.contains(&"not-read"));
    }
}
