//! Every format, whole, cut, damaged, in pieces, and made to be large.

use std::io::Write;

use super::*;
use proptest::prelude::*;

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(plain, ruzstd::encoding::CompressionLevel::Fastest)
}

fn xz(plain: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::XzOptions::with_preset(0);
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(plain: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn lz4(plain: &[u8]) -> Vec<u8> {
    let info = lz4_flex::frame::FrameInfo::new()
        .block_size(lz4_flex::frame::BlockSize::Max64KB)
        .content_checksum(true);
    let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

type Compress = fn(&[u8]) -> Vec<u8>;

const ALL: [Compress; 5] = [gzip, zstd, xz, bzip2, lz4];

/// Zeros that are passed over, with a magic number of zstd and lz4.
const SKIPPABLE: &[u8] = &[0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9];

/// Bytes that do not get much smaller.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    (0..length).map(|_| next()).collect()
}

/// What comes out, and what went wrong.
fn read_with(bytes: &[u8], bytes_max: u64) -> (Vec<u8>, Option<io::Error>) {
    assert!(is_compressed(bytes));
    let mut decompressor = Decompressor::new(Box::new(io::Cursor::new(bytes.to_vec())));
    decompressor.bytes_max = bytes_max;
    let mut plain = Vec::new();
    let mut buffer = [0; 10_000];
    loop {
        match decompressor.read(&mut buffer) {
            Ok(0) => return (plain, None),
            Ok(read) => plain.extend(&buffer[..read]),
            Err(error) => {
                assert_eq!(decompressor.read(&mut buffer).unwrap(), 0);
                return (plain, Some(error));
            }
        }
    }
}

fn read(bytes: &[u8]) -> (Vec<u8>, Option<io::Error>) {
    read_with(bytes, limits::DECOMPRESSED_BYTES)
}

fn kind(error: Option<io::Error>) -> Option<ErrorKind> {
    error.map(|error| error.kind())
}

#[test]
fn every_format_is_told_by_its_bytes() {
    for plain in [&b""[..], b"220 ready\r\n", &noise(300_000)] {
        for compress in ALL {
            let (found, error) = read(&compress(plain));
            assert!(found == plain && error.is_none(), "{error:?}");
        }
    }
    // "hello\n", as the tool lz4 writes it in the old form.
    let old = b"\x02\x21\x4c\x18\x07\x00\x00\x00\x60hello\n";
    let (found, error) = read(old);
    assert!(found == b"hello\n" && error.is_none(), "{error:?}");
    assert!(!is_compressed(b"BZh0") && !is_compressed(b"220 ready\r\n") && !is_compressed(b""));
}

#[test]
fn compressed_files_behind_one_another_are_one() {
    for compress in ALL {
        let parts = [
            compress(b"one "),
            compress(b""),
            compress(&noise(70_000)),
            compress(b"end"),
        ];
        let plain = [b"one ", &noise(70_000)[..], b"end"].concat();
        let (found, error) = read(&parts.concat());
        assert!(found == plain && error.is_none(), "{error:?}");
        // As a tape or a disk pads them.
        let padded = [&parts[0][..], &[0; 400], &parts[3], &[0; 100]].concat();
        let (found, error) = read(&padded);
        assert!(found == b"one end" && error.is_none(), "{error:?}");
    }
    for compress in [zstd, lz4] {
        let bytes = [
            SKIPPABLE,
            &compress(b"a"),
            SKIPPABLE,
            &compress(b"b"),
            SKIPPABLE,
        ]
        .concat();
        let (found, error) = read(&bytes);
        assert!(found == b"ab" && error.is_none(), "{error:?}");
    }
}

#[test]
fn what_stands_before_a_cut_is_read() {
    let plain = [&b"220 ready\r\n".repeat(20_000)[..], &noise(1_500_000)].concat();
    for (compress, block) in [
        (gzip as Compress, 40_000),
        (zstd, 140_000),
        (xz, 70_000),
        (bzip2, 100_000),
        (lz4, 70_000),
    ] {
        let bytes = compress(&plain);
        for part in [3, 2] {
            let (found, error) = read(&bytes[..bytes.len() - bytes.len() / part]);
            assert_eq!(kind(error), Some(ErrorKind::UnexpectedEof));
            assert!(plain.starts_with(&found));
            let expected = plain.len() - plain.len() / part - 250_000 / part - block;
            assert!(found.len() > expected, "{} of {expected}", found.len());
        }
    }
}

#[test]
fn a_cut_at_any_place_is_told() {
    for compress in ALL {
        let bytes = compress(b"220 ready\r\n331 password\r\n");
        for length in MAGIC_BYTES..bytes.len() {
            let (found, error) = read(&bytes[..length]);
            assert_eq!(kind(error), Some(ErrorKind::UnexpectedEof), "{length}");
            assert!(b"220 ready\r\n331 password\r\n".starts_with(&found));
        }
    }
    let cut = [&SKIPPABLE[..9], b""].concat();
    assert_eq!(kind(read(&cut).1), Some(ErrorKind::UnexpectedEof));
}

#[test]
fn what_follows_and_is_not_compressed_is_told_with_its_place() {
    for compress in ALL {
        let bytes = compress(b"220 ready\r\n");
        let (found, error) = read(&[&bytes[..], b"not this"].concat());
        let error = error.unwrap();
        assert_eq!(
            (&found[..], error.kind()),
            (&b"220 ready\r\n"[..], ErrorKind::InvalidData)
        );
        let words = format!("ends at byte {}, and", bytes.len());
        assert!(error.to_string().contains(&words), "{error}");
    }
}

#[test]
fn damage_is_told_and_what_stands_before_it_is_read() {
    let plain = noise(1_500_000);
    for compress in ALL {
        let mut bytes = compress(&plain);
        let place = bytes.len() / 2;
        for byte in &mut bytes[place..place + 40] {
            *byte ^= 0x55;
        }
        let (found, error) = read(&bytes);
        assert_eq!(kind(error), Some(ErrorKind::InvalidData));
        assert!(
            found.len() > plain.len() / 3 && plain[..plain.len() / 3] == found[..plain.len() / 3]
        );
    }
}

/// Gives a few bytes at a time, as a pipe does.
struct Slow(io::Cursor<Vec<u8>>, usize);

impl Read for Slow {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let most = to.len().min(self.1);
        self.0.read(&mut to[..most])
    }
}

#[test]
fn what_stands_before_a_damage_is_the_same_however_it_arrives_and_is_asked_for() {
    for compress in ALL {
        let mut bytes = compress(&noise(20_000));
        let middle = bytes.len() / 2;
        for byte in &mut bytes[middle..middle + 40] {
            *byte ^= 0x5a;
        }
        let read = |at_a_time: usize, buffer: usize| {
            let source = Slow(io::Cursor::new(bytes.clone()), at_a_time);
            let mut decompressor = Decompressor::new(Box::new(source));
            let (mut all, mut piece) = (Vec::new(), vec![0; buffer]);
            loop {
                match decompressor.read(&mut piece) {
                    Ok(0) => return (all, None),
                    Ok(read) => all.extend_from_slice(&piece[..read]),
                    Err(error) => return (all, Some(error.to_string())),
                }
            }
        };
        let whole = read(usize::MAX, 1 << 16);
        assert!(whole.1.is_some());
        for (at_a_time, buffer) in [(13, 1 << 16), (usize::MAX, 7), (1000, 1000)] {
            assert_eq!(read(at_a_time, buffer), whole);
        }
    }
}

#[test]
fn a_file_that_grows_out_of_proportion_is_left() {
    let zeros = vec![0; 4_000_000];
    for compress in [gzip, zstd, xz, bzip2] as [Compress; 4] {
        let bytes = compress(&zeros);
        let (found, error) = read_with(&bytes, 1_000_000);
        assert_eq!(
            kind(error),
            Some(ErrorKind::FileTooLarge),
            "{}",
            bytes.len()
        );
        assert!((1_000_000..1_020_000).contains(&found.len()));
        // Within the bound nothing is asked, and a large file that is not much compressed is no bomb.
        assert!(read_with(&bytes, 4_000_000).1.is_none());
    }
    assert!(read_with(&gzip(&noise(100_000)), 10).1.is_none());
    // Beyond the bound a file may still become so many times as large as it is.
    let ratio = usize::try_from(limits::DECOMPRESSED_RATIO).unwrap();
    let within = gzip(&[&noise(3000), &zeros[..ratio * 2000]].concat());
    assert!(read_with(&within, 1000).1.is_none(), "{}", within.len());
}

#[test]
fn a_format_that_asks_for_too_much_memory_does_not_get_it() {
    // A window of 1.5 GiB in xz, and of 2 GiB in zstd.
    let xz =
        b"\xfd7zXZ\x00\x00\x04\xe6\xd6\xb4F\x02\x00!\x01%\x00\x00\x00;x{A\x01\x00\x05hello\n\x00";
    let zstd = b"\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00";
    for bytes in [&xz[..], zstd] {
        let error = read(bytes).1;
        assert_eq!(kind(error), Some(ErrorKind::OutOfMemory));
    }
    // A window of so many eighths of 128 MiB: the bound lies between `zstd --long` and the next size.
    let window = |eighths: u8| read(&[0x28, 0xb5, 0x2f, 0xfd, 0, (17 << 3) | eighths, 1, 0, 0]).1;
    let eighth = 16 << 20;
    assert!((8 * eighth..9 * eighth).contains(&limits::DECOMPRESSION_MEMORY));
    assert!(window(0).is_none());
    assert_eq!(kind(window(1)), Some(ErrorKind::OutOfMemory));
}

#[test]
fn a_source_that_fails_is_not_taken_for_damage() {
    struct Fails(io::Cursor<Vec<u8>>);
    impl Read for Fails {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            match self.0.read(to)? {
                0 => Err(io::Error::from(ErrorKind::TimedOut)),
                read => Ok(read),
            }
        }
    }
    for compress in ALL {
        let bytes = compress(b"220 ready\r\n");
        let source = Fails(io::Cursor::new(bytes[..bytes.len() - 3].to_vec()));
        let mut decompressor = Decompressor::new(Box::new(source));
        let error = io::copy(&mut decompressor, &mut io::sink()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
}

proptest! {
    #[test]
    fn any_damage_ends_well(
        which in 0..ALL.len(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 1..6),
    ) {
        let mut bytes = ALL[which](&b"220 ready\r\n".repeat(300));
        for (place, byte, edit) in edits {
            let place = MAGIC_BYTES + place.index(bytes.len() - MAGIC_BYTES);
            match edit {
                0 => bytes[place] = byte,
                1 => bytes.truncate(place + 1),
                _ => bytes.insert(place, byte),
            }
        }
        let (found, _error) = read(&bytes);
        prop_assert!(found.len() < 3_000_000);
    }
}
