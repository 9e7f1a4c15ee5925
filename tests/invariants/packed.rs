//! What hides a log: compressed bytes come back as they were, however they arrive, and what stands before a cut is read;
//! lines in journald's, Docker's and UTF-16's wrapping come back as lines.
//!
//! An input is: what is asked, a place, and bytes.

use std::fmt;
use std::io::{self, Cursor, ErrorKind, Read, Write as _};

use ftpwhy::input::unpacked;

use super::Choices;

/// Plain bytes that are looked at: a few compressed bytes can become gigabytes.
const PLAIN_BYTES: u64 = 1 << 20;

/// Plain bytes before a damage that may be lost.
const LOST_BYTES: usize = 1 << 16;

/// Gives a few bytes at a time.
struct Slow(Cursor<Vec<u8>>, usize);

impl Read for Slow {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let most = to.len().min(self.1);
        self.0.read(&mut to[..most])
    }
}

/// What comes out of a file, and what ends it.
#[derive(PartialEq, Eq)]
struct Plain {
    bytes: Vec<u8>,
    error: Option<ErrorKind>,
}

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = self.bytes.get(..100).unwrap_or(&self.bytes);
        let length = self.bytes.len();
        write!(
            f,
            "{length} bytes {:?}, {:?}",
            String::from_utf8_lossy(start),
            self.error
        )
    }
}

fn plain(file: &[u8], at_a_time: usize) -> Plain {
    let source = Slow(Cursor::new(file.to_vec()), at_a_time);
    let opened = unpacked(Box::new(source)).expect("memory can be read");
    let mut bytes = Vec::new();
    let read = opened.reader.take(PLAIN_BYTES).read_to_end(&mut bytes);
    assert!(bytes.starts_with(&opened.head) || opened.head.len() as u64 > PLAIN_BYTES);
    Plain {
        bytes,
        error: read.err().map(|error| error.kind()),
    }
}

fn is_compressed(file: &[u8]) -> bool {
    let magics: [&[u8]; 6] = [
        &[0x1f, 0x8b],
        &[0x28, 0xb5, 0x2f, 0xfd],
        &[0xfd, b'7', b'z', b'X', b'Z', 0],
        b"BZh",
        &[0x04, 0x22, 0x4d, 0x18],
        &[0x02, 0x21, 0x4c, 0x18],
    ];
    let is_skippable = matches!(file, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
    is_skippable || magics.iter().any(|magic| file.starts_with(magic))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::XzOptions::with_preset(0);
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).expect("options");
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// However the bytes of a file arrive, it is the same file.
fn arrives(file: &[u8], at_a_time: usize) -> Plain {
    let whole = plain(file, usize::MAX);
    assert_eq!(plain(file, at_a_time), whole, "{at_a_time} bytes at a time");
    whole
}

/// A file that is cut is what stands before the cut.
fn is_cut(file: &[u8], at: usize) {
    let whole = plain(file, usize::MAX);
    let part = plain(&file[..at], usize::MAX);
    // In a wrapping a cut entry is handed on as it stands.
    let is_wrapped = matches!(whole.bytes.first(), Some(b'{' | b'_' | 0xef | 0xff | 0xfe));
    if !is_compressed(&file[..at]) || is_wrapped {
        return;
    }
    // What a decoder had made and not handed on when it met a damage is lost.
    let is_damaged = whole.error.is_some() && part.bytes.len() < whole.bytes.len() + LOST_BYTES;
    let is_start = whole.bytes.starts_with(&part.bytes);
    assert!(
        is_start || is_damaged && part.bytes.starts_with(&whole.bytes),
        "cut at {at}: {part:?} of {whole:?}"
    );
}

/// Compressed bytes come back; two files behind one another are both there.
fn comes_back(bytes: &[u8], at: usize) {
    if is_compressed(bytes) {
        return;
    }
    let expected = plain(bytes, usize::MAX);
    for pack in [gzip, bzip2, lz4, xz, zstd] {
        let packed = pack(bytes);
        assert_eq!(plain(&packed, usize::MAX), expected);
        let (first, second) = bytes.split_at(at);
        let both = [pack(first), pack(second)].concat();
        assert_eq!(plain(&both, 1000), expected);
        let short = &packed[..packed.len() - 1];
        let cut = plain(short, usize::MAX);
        assert!(cut.error.is_some(), "the cut is not told");
    }
}

/// A line as an entry of Docker's, or as two where there is a place to cut it.
fn docker(line: &str, at: usize) -> (String, bool) {
    let entry = |log: &str| {
        let log = serde_json::Value::from(log);
        format!("{{\"log\":{log},\"stream\":\"stdout\",\"time\":\"2026-11-22T08:16:55Z\"}}\n")
    };
    match line
        .split_at_checked(at)
        .filter(|(start, _)| !start.is_empty())
    {
        Some((start, end)) => (entry(start) + &entry(&format!("{end}\n")), true),
        None => (entry(&format!("{line}\n")), false),
    }
}

/// Lines in a wrapping are lines.
fn is_unwrapped(bytes: &[u8], at: usize) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let lines: Vec<&str> = text.split('\n').collect();
    let escaped = |line: &str| line.replace('\r', "#015");
    let mut entries = String::new();
    let mut journal = String::new();
    let (mut from_docker, mut from_journal) = (String::new(), String::new());
    for line in &lines {
        let (entry, is_cut) = docker(line, at);
        entries += &entry;
        from_docker += if is_cut { "\n" } else { "" };
        let bare = line.strip_suffix('\r').unwrap_or(line);
        from_docker += &format!("2026-11-22T08:16:55Z stdout F {}\n", escaped(bare));
        let message = serde_json::Value::from(*line);
        journal += &format!(
            "{{\"__REALTIME_TIMESTAMP\":\"1795335415000000\",\"_HOSTNAME\":\"h\",\"_COMM\":\"x\",\"MESSAGE\":{message}}}\n"
        );
        from_journal += &format!("2026-11-22T08:16:55Z h x: {}\n", escaped(line));
    }
    let told = |file: &str| {
        String::from_utf8_lossy(&plain(file.as_bytes(), usize::MAX).bytes).into_owned()
    };
    if text.len() < 100_000 {
        assert_eq!(told(&entries), from_docker);
        assert_eq!(told(&journal), from_journal);
    }
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf_16 = [&[0xff, 0xfe], &*units].concat();
    let back = plain(&utf_16, usize::MAX);
    assert_eq!(
        String::from_utf8_lossy(&back.bytes),
        format!("\u{feff}{text}")
    );
}

/// Reads what is packed.
pub fn check(data: &[u8]) {
    let mut choices = Choices::new(data);
    let (asked, place) = (choices.byte(), choices.below(1 << 16));
    let bytes = choices.rest();
    let at = place % (bytes.len() + 1);
    match asked % 4 {
        0 => drop(arrives(bytes, 1 + place % 64)),
        1 => is_cut(bytes, at),
        2 => comes_back(bytes, at),
        _ => is_unwrapped(bytes, place % 64),
    }
}

/// The compressed recordings, lines in every compression and wrapping.
pub fn seeds() -> Vec<Vec<u8>> {
    let line = b"Sun Nov 22 08:16:55 2026 [pid 501] CONNECT: Client \"192.0.2.7\"\n";
    let lines = line.repeat(20);
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3], &*gzip(line)].concat();
    let journal = b"__CURSOR=s=1\n__REALTIME_TIMESTAMP=1795335415000000\n_HOSTNAME=h\nSYSLOG_IDENTIFIER=vsftpd\n_PID=7\n\
                    MESSAGE\n\x03\0\0\0\0\0\0\0a\nb\n\n";
    let docker = br#"{"log":"220 hi\r\n","stream":"stdout","time":"2026-11-22T08:16:55.123456789Z"}
{"log":"part","stream":"stderr","time":"2026-11-22T08:16:56Z"}
"#;
    let mut files = vec![
        gzip(&lines),
        bzip2(&lines),
        lz4(&lines),
        xz(&lines),
        zstd(&lines),
        lines.clone(),
        skippable,
    ];
    files.extend([
        journal.to_vec(),
        docker.to_vec(),
        b"\xff\xfea\0b\0\n\0".to_vec(),
    ]);
    files.extend(super::seeds::packed());
    let asked = |file: Vec<u8>| (0_u8..4).map(move |asked| [&[asked, 1, 13], &*file].concat());
    files.into_iter().flat_map(asked).collect()
}
