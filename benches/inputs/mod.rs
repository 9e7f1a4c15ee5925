//! Writes inputs that look like traffic, of any size, from fixed seeds.
//!
//! Nothing is held in memory but some conversations at a time. Conversations are those of the tests' `traffic.rs`:
//! most sessions hold a failure, so the code that explains failures is far busier than on a healthy server.
#![allow(dead_code, reason = "each bench uses a part")]

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::net::SocketAddr;
use std::path::Path;

use jiff::Timestamp;

use super::synth::{Container, Conversation, Packet, capture};
use super::traffic::{Rng, random_conversation, vsftpd_log};

pub(crate) const SEED: u64 = 42;
const SECOND: i64 = 1_000_000_000;
/// Conversations made at a time; in [`random_conversation`]s that is a quarter of a second each.
const BATCH: u32 = 2000;
/// What the longest conversation takes is less.
const LONGEST: i64 = 900 * SECOND;
/// Bytes before the first packet of a pcap file.
const PCAP_HEADER: usize = 24;
const MSS: usize = 1448;
const FIN_ACK: u8 = 0x11;
const SYN: u8 = 0x02;
const SYN_ACK: u8 = 0x12;
const ACK: u8 = 0x10;

/// A sort of input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A capture of port 21 with many short conversations.
    Control,
    /// A capture of downloads of 10 to 100 MB, each with a control connection of its own.
    Bulk,
    /// A vsftpd log with commands and replies.
    Vsftpd,
    /// An xferlog.
    Xferlog,
    /// A directory of 64 files: captures like `Control`, logs like `Vsftpd` and `Xferlog`.
    Small,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [
        Self::Control,
        Self::Bulk,
        Self::Vsftpd,
        Self::Xferlog,
        Self::Small,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Bulk => "bulk",
            Self::Vsftpd => "vsftpd",
            Self::Xferlog => "xferlog",
            Self::Small => "small",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Writes at least so many bytes, and not many more, to a file or, if it is many files, into a new directory.
    pub(crate) fn write(self, bytes: u64, path: &Path) -> io::Result<Digest> {
        let mut digest = Digest::default();
        if self == Self::Small {
            let kinds = [Self::Control, Self::Vsftpd, Self::Control, Self::Xferlog];
            fs::create_dir(path)?;
            for (seed, kind) in (0..64).zip(kinds.into_iter().cycle()) {
                let path = path.join(format!("{seed:02}.{}", kind.name()));
                digest = kind.write_one(SEED + seed, bytes / 64, &path, digest)?;
            }
            return Ok(digest);
        }
        digest = self.write_one(SEED, bytes, path, digest)?;
        Ok(digest)
    }

    fn write_one(self, seed: u64, bytes: u64, path: &Path, digest: Digest) -> io::Result<Digest> {
        let file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        let goal = digest.bytes + bytes;
        let mut to = Target { file, digest, goal };
        let rng = &mut Rng::new(seed);
        match self {
            Self::Control => control(rng, &mut to)?,
            Self::Bulk => bulk(rng, &mut to)?,
            Self::Vsftpd => vsftpd(rng, &mut to)?,
            Self::Xferlog | Self::Small => xferlog(rng, &mut to)?,
        }
        to.file.flush()?;
        Ok(to.digest)
    }
}

/// How much was written, and what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Digest {
    pub(crate) bytes: u64,
    hash: u64,
}

impl Default for Digest {
    fn default() -> Self {
        Self {
            bytes: 0,
            hash: 0xcbf2_9ce4_8422_2325,
        }
    }
}

impl Digest {
    /// Of what is at hand as a whole.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut digest = Self::default();
        digest.add(bytes);
        digest
    }

    fn add(&mut self, bytes: &[u8]) {
        // FNV-1a.
        let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        self.hash = bytes.iter().fold(self.hash, mix);
        self.bytes += bytes.len() as u64;
    }
}

/// Half of the hash: enough to tell one input from another.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.hash >> 32)
    }
}

/// A file, and what went into it.
struct Target {
    file: BufWriter<File>,
    digest: Digest,
    goal: u64,
}

impl Target {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.add(bytes);
        self.file.write_all(bytes)
    }

    /// The header of a pcap file.
    fn begin(&mut self) -> io::Result<()> {
        self.put(&capture(&[], Container::PcapMicros))
    }

    fn packets(&mut self, packets: &[Packet]) -> io::Result<()> {
        let file = capture(packets, Container::PcapMicros);
        self.put(file.get(PCAP_HEADER..).unwrap_or_default())
    }

    fn is_full(&self) -> bool {
        self.digest.bytes >= self.goal
    }
}

/// Port 21 only; conversations overlap.
fn control(rng: &mut Rng, to: &mut Target) -> io::Result<()> {
    to.begin()?;
    let mut waiting = Vec::<Packet>::new();
    let mut indices = 0..;
    while !to.is_full() {
        let mut earliest = i64::MAX;
        for index in indices.by_ref().take(20) {
            let conversation = random_conversation(rng, index);
            // Those that follow begin up to a quarter of a second later.
            earliest = conversation.start_ns - SECOND;
            let packets = conversation.packets().into_iter();
            waiting.extend(packets.filter(|p| p.src.port() == 21 || p.dst.port() == 21));
        }
        waiting.sort_by_key(|packet| packet.at_ns);
        let ready = waiting.partition_point(|packet| packet.at_ns < earliest);
        to.packets(&waiting.drain(..ready).collect::<Vec<_>>())?;
    }
    to.packets(&waiting)
}

/// One download after the other, with an ACK for every second segment.
fn bulk(rng: &mut Rng, to: &mut Target) -> io::Result<()> {
    to.begin()?;
    // Noise that does not compress, a prime number of bytes, so that segments differ.
    let noise: Vec<u8> = (0..1_000_003)
        .map(|_| rng.below(256).to_le_bytes()[0])
        .collect();
    let mut start_ns = 1_772_323_200 * SECOND;
    let mut index = 0;
    while !to.is_full() {
        let room = to.goal.saturating_sub(to.digest.bytes);
        let megabytes = u64::try_from(10 + rng.below(91)).unwrap_or(10);
        let bytes = (megabytes * 1_000_000).min(room * 93 / 100 + 10_000);
        start_ns = download(index, start_ns, bytes, &noise, to)?;
        index += 1;
    }
    Ok(())
}

/// Writes a session with a download in passive mode and gives the time after it.
fn download(index: u32, start: i64, bytes: u64, noise: &[u8], to: &mut Target) -> io::Result<i64> {
    let (host, port) = (1 + index % 250, 40_000 + index % 20_000);
    let (high, low) = (100 + index % 100, index / 100 % 256);
    // 10 µs from packet to packet: about a gigabit per second.
    let packets = bytes.div_ceil(MSS as u64) * 3 / 2 + 10;
    let millis = packets * 10_000 / 1_000_000 + 50;
    let text = format!(
        "client 198.51.100.{host}:{port}\n< 220 ready\n> USER bob\n< 331 password?\n> PASS x\n< 230 ok\n> TYPE I\n\
         < 200 binary\n> PASV\n< 227 Entering Passive Mode (192,0,2,10,{high},{low}).\n> RETR big{index}.iso\n\
         < 150 Opening BINARY mode data connection for big{index}.iso ({bytes} bytes).\nwait {millis}ms\n\
         < 226 Transfer complete.\n> QUIT\n< 221 Goodbye.\n! server fin"
    );
    let mut conversation = Conversation::parse(&text);
    conversation.start_ns = start;
    let (said, times) = conversation.play();
    let waits = times.get(11).copied().unwrap_or(start);
    let (before, after) = said.split_at(said.partition_point(|packet| packet.at_ns < waits));
    to.packets(before)?;
    let data_port = u16::try_from(high * 256 + low).unwrap_or(40_000);
    let mut data = Data {
        client: SocketAddr::new(conversation.client.ip(), conversation.client.port() + 1),
        server: SocketAddr::new(conversation.server.ip(), data_port),
        at_ns: waits,
        next: [index.wrapping_mul(0x9e37_79b9), !index],
        packets: Vec::new(),
    };
    data.send(0, SYN, &[]);
    data.send(1, SYN_ACK, &[]);
    data.send(0, ACK, &[]);
    let mut left = usize::try_from(bytes).unwrap_or(usize::MAX);
    let mut segments = noise.chunks_exact(MSS).cycle();
    let mut count = 0_u32;
    while left > 0 {
        let segment = segments.next().unwrap_or_default();
        let segment = segment.get(..left).unwrap_or(segment);
        data.send(1, ACK, segment);
        left -= segment.len();
        count += 1;
        if count.is_multiple_of(2) {
            data.send(0, ACK, &[]);
        }
        if data.packets.len() > 1000 {
            to.packets(&std::mem::take(&mut data.packets))?;
        }
    }
    data.send(1, FIN_ACK, &[]);
    data.send(0, FIN_ACK, &[]);
    data.send(1, ACK, &[]);
    to.packets(&data.packets)?;
    to.packets(after)?;
    Ok(after.last().map_or(start, |packet| packet.at_ns) + SECOND)
}

/// A data connection.
struct Data {
    client: SocketAddr,
    server: SocketAddr,
    at_ns: i64,
    /// The next sequence numbers of client and server.
    next: [u32; 2],
    packets: Vec<Packet>,
}

impl Data {
    /// From the client if `from` is 0, else from the server.
    fn send(&mut self, from: usize, flags: u8, payload: &[u8]) {
        let [client, server] = self.next;
        let (src, dst, seq, ack) = match from {
            0 => (self.client, self.server, client, server),
            _ => (self.server, self.client, server, client),
        };
        let packet = Packet {
            at_ns: self.at_ns,
            src,
            dst,
            seq,
            ack: if flags & ACK == 0 { 0 } else { ack },
            flags,
            payload: payload.to_vec(),
        };
        let next = packet.end().wrapping_add((flags & 0x03 != 0).into());
        if let Some(place) = self.next.get_mut(from) {
            *place = next;
        }
        self.at_ns += 10_000;
        self.packets.push(packet);
    }
}

/// Batches do not overlap in time, conversations within a batch do.
fn vsftpd(rng: &mut Rng, to: &mut Target) -> io::Result<()> {
    // A small file should not be one batch.
    let room = to.goal - to.digest.bytes;
    let batch = BATCH.min(u32::try_from(room / 4000).unwrap_or(BATCH).max(10));
    let mut late = 0;
    let mut index = 0;
    while !to.is_full() {
        let mut conversations = Vec::new();
        for _ in 0..batch {
            let mut conversation = random_conversation(rng, index);
            conversation.start_ns += late;
            conversations.push(conversation);
            index += 1;
        }
        late += LONGEST;
        // Process numbers begin again, as they do.
        let log = vsftpd_log(&conversations, 10 + index % 1_000_000 * 4);
        to.put(log.as_bytes())?;
    }
    Ok(())
}

/// Downloads, uploads and deletions of some users, one a second or so, one in ten incomplete.
fn xferlog(rng: &mut Rng, to: &mut Target) -> io::Result<()> {
    let mut second = 1_772_323_200;
    while !to.is_full() {
        second += i64::from(rng.below(3) == 0);
        let time = Timestamp::from_second(second).map_err(io::Error::other)?;
        let stamp = time.strftime("%a %b %e %H:%M:%S %Y");
        let host = match rng.below(8) {
            0 => format!("2001:db8::{:x}", rng.below(4000)),
            1 => format!("host{}.example", rng.below(100)),
            _ => format!("198.51.100.{}", rng.below(256)),
        };
        let bytes = rng.below(20_000_000);
        let took = 1 + bytes / 1_000_000;
        let name = rng.pick(&["a file", "daily/report", "image", "x"]);
        let (number, direction) = (rng.below(10_000), rng.pick(&["o", "o", "o", "i", "i", "d"]));
        let (access, user) = match rng.below(4) {
            0 => ("a", "someone@host.example"),
            _ => ("r", rng.pick(&["alice", "bob", "carol", "dave"])),
        };
        let status = if rng.below(10) == 0 { "i" } else { "c" };
        let line = format!(
            "{stamp} {took} {host} {bytes} /pub/{name}{number}.bin b _ {direction} {access} {user} ftp 0 * {status}\n"
        );
        to.put(line.as_bytes())?;
    }
    Ok(())
}
