//! Writes what an FTP conversation looks like from outside, sharing no code with the reader of it.
//!
//! [`Conversation::parse`] turns a text, a line a step, into [`Step`]s, [`Conversation::packets`]
//! these into TCP segments (data connections included), [`capture`] these into a pcap or pcapng
//! file of Ethernet frames. `traffic.rs` makes up conversations, mangles packets, writes logs.
//!
//! It does not check that a reply fits its command, and writes no TLS, VLAN tags, fragments,
//! truncated frames, TCP checksums or retransmissions (but see `traffic.rs`).
#![allow(dead_code, unreachable_pub, reason = "includers use a part")]
#![allow(clippy::panic, clippy::expect_used, reason = "tests only")]
#![allow(clippy::indexing_slicing, clippy::string_slice, reason = "tests only")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::{str::FromStr, time::Duration};

const SECOND: i64 = 1_000_000_000;
/// What a step takes at least, and from packet to packet within a step.
const STEP: i64 = 10_000_000;
const TICK: i64 = 50_000;
const MSS: usize = 1448;
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

/// One of the two ends of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The FTP client.
    Client,
    /// The FTP server.
    Server,
}

/// How a data connection ends, after its last byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataEnd {
    /// The sender closes, then the receiver.
    Fin,
    /// The sender resets.
    Reset,
    /// The receiver resets.
    ReceiverReset,
}

/// What becomes of a data connection: used, or its SYN answered by a reset, or its SYN (at 0, 1
/// and 3 s) not answered; that takes no more than 10 ms of the conversation's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "said above")]
pub enum DataFate {
    Opened {
        bytes: u64,
        by: Sender,
        end: DataEnd,
    },
    Refused,
    Unanswered,
}

/// One thing that happens, in order; takes 10 ms, or longer if its packets (50 µs each) need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The client sends these bytes, in one segment if they fit; an ACK follows each segment.
    Client(Vec<u8>),
    /// The server does.
    Server(Vec<u8>),
    /// Nothing, for exactly so long.
    Wait(Duration),
    /// The data connection last announced by a 227, 229, PORT or EPRT.
    Data(DataFate),
    /// Happens but is not captured; of `Client` and `Server`, the ACK still is.
    Lost(Box<Step>),
    /// RST on the control connection.
    ClientReset,
    /// The same from the server.
    ServerReset,
    /// FIN; the server follows unless it does something in a later step.
    ClientFin,
    /// The same the other way round.
    ServerFin,
    /// Only step of a control connection whose SYN is answered by a reset.
    SynRefused,
    /// Only step of a control connection whose SYN (at 0, 1 and 3 s) is not answered.
    SynUnanswered,
}

impl Step {
    /// Whose doing it is, if it is one side's.
    pub fn by(&self) -> Option<Sender> {
        match self {
            Step::Lost(step) => step.by(),
            Step::Client(_) | Step::ClientReset | Step::ClientFin => Some(Sender::Client),
            Step::Server(_) | Step::ServerReset | Step::ServerFin => Some(Sender::Server),
            _ => None,
        }
    }

    /// What is said in it.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Step::Lost(step) => step.bytes(),
            Step::Client(bytes) | Step::Server(bytes) => bytes,
            _ => &[],
        }
    }

    fn parse(line: &str) -> Self {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["<", ..] => Step::Server(unescape(&line[1..])),
            [">", ..] => Step::Client(unescape(&line[1..])),
            ["wait", time] => {
                let (digits, unit) = time.split_at(time.trim_end_matches(['m', 's']).len());
                let units = ["ms", "s", "m"].iter().position(|&name| name == unit);
                let millis = [1, 1000, 60_000][units.expect("wait takes ms, s or m")];
                Step::Wait(Duration::from_millis(number::<u64>(digits) * millis))
            }
            ["!", "data", "refused"] => Step::Data(DataFate::Refused),
            ["!", "data", "unanswered"] => Step::Data(DataFate::Unanswered),
            ["!", "data", "opened", ref rest @ ..] => Step::Data(opened(rest)),
            ["!", "lost", ..] => {
                let (_, rest) = line.split_once("lost").unwrap_or_default();
                Step::Lost(Box::new(Step::parse(rest.trim_start())))
            }
            ["!", "client", "fin"] => Step::ClientFin,
            ["!", "server", "fin"] => Step::ServerFin,
            ["!", "client", "reset"] => Step::ClientReset,
            ["!", "server", "reset"] => Step::ServerReset,
            ["!", "syn", "refused"] => Step::SynRefused,
            ["!", "syn", "unanswered"] => Step::SynUnanswered,
            _ => panic!("not a step: {line:?}"),
        }
    }
}

/// One control connection and its data connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// The client's end of the control connection.
    pub client: SocketAddr,
    /// The server's end of the control connection.
    pub server: SocketAddr,
    /// Beginning, in nanoseconds since 1970.
    pub start_ns: i64,
    /// What happens.
    pub steps: Vec<Step>,
    /// Whether the capture shows the control connection being made; that takes 10 ms.
    pub handshake: bool,
}

impl Conversation {
    /// Reads the text form. Skips blank lines, lines that begin with `#`, and indentation.
    ///
    /// ```text
    /// client 198.51.100.11:40001           headers, optional; these are the defaults
    /// server 192.0.2.10:21
    /// start 2026-03-01T00:00:00Z
    /// < 220 ready                          from the server, CRLF added, a segment a line
    /// <+ more                              same segment as the line before (also >+)
    /// > USER bob                           \r \n \t \\ \xNN; \c at the end: no CRLF
    /// wait 5s                              ms, s, m
    /// ! data unanswered                    or refused
    /// ! data opened 12345 server fin       or reset, or by receiver reset
    /// ! lost < 226 done                    any step
    /// ! client fin                         also server fin, client reset, server reset
    /// ! syn refused                        or unanswered: the only step
    /// ! no handshake                       the capture starts in mid-stream
    /// ```
    ///
    /// # Panics
    /// On any other line.
    pub fn parse(text: &str) -> Self {
        let (mut client, mut server) = (number("198.51.100.11:40001"), number("192.0.2.10:21"));
        let mut start_ns = parse_time("2026-03-01T00:00:00Z");
        let (mut handshake, mut lines) = (true, Vec::<String>::new());
        for line in text.lines().map(str::trim_start) {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match (word, rest.trim()) {
                ("client", addr) => client = number(addr),
                ("server", addr) => server = number(addr),
                ("start", time) => start_ns = parse_time(time),
                ("!", "no handshake") => handshake = false,
                ("<+" | ">+", _) => {
                    let last = lines.last_mut().filter(|last| last.contains(&word[..1]));
                    let last = last.expect("a line before it, of the same side");
                    *last = format!("{last}\\r\\n{rest}");
                }
                _ if line.is_empty() || line.starts_with('#') => {}
                _ => lines.push(line.to_owned()),
            }
        }
        let steps: Vec<Step> = lines.iter().map(|line| Step::parse(line)).collect();
        let alone = matches!(steps[..], [Step::SynRefused | Step::SynUnanswered, ..]);
        assert!(!alone || steps.len() == 1, "never connected");
        Conversation {
            client,
            server,
            start_ns,
            steps,
            handshake: handshake && !alone,
        }
    }

    /// The packets, by time. Every data connection must have been announced.
    pub fn packets(&self) -> Vec<Packet> {
        merge(vec![self.play().0])
    }

    /// The packets, late SYNs too early, and when each step begins.
    pub fn play(&self) -> (Vec<Packet>, Vec<i64>) {
        let mut wire = Wire::default();
        let mut flow = Flow::new(self.client, self.server, self.start_ns);
        let (mut at, mut times) = (self.start_ns, Vec::new());
        if self.handshake {
            wire.now = at;
            flow.handshake(&mut wire);
            at += STEP;
        }
        for (index, step) in self.steps.iter().enumerate() {
            times.push(at);
            let (step, lost) = match step {
                Step::Lost(inner) => (&**inner, true),
                step => (step, false),
            };
            (wire.now, wire.lost) = (at, lost);
            let shown = wire.packets.len();
            let from = usize::from(step.by() == Some(Sender::Server));
            match step {
                Step::Client(bytes) | Step::Server(bytes) => flow.say(&mut wire, from, bytes),
                Step::Data(fate) => self.data(&mut wire, *fate, index),
                Step::ClientReset | Step::ServerReset => flow.send(&mut wire, from, RST | ACK, &[]),
                Step::ClientFin | Step::ServerFin => {
                    let mut later = self.steps[index + 1..].iter().filter_map(Step::by);
                    let alone = later.all(|by| Some(by) == step.by());
                    flow.close(&mut wire, from, alone);
                }
                Step::SynRefused => flow.refused(&mut wire),
                Step::SynUnanswered => flow.unanswered(&mut wire),
                Step::Wait(_) => {}
                Step::Lost(_) => panic!("lost twice"),
            }
            if lost && matches!(step, Step::Data(_)) {
                wire.packets.truncate(shown);
            }
            at = match step {
                Step::Wait(time) => at + i64::try_from(time.as_nanos()).expect("a short wait"),
                _ => wire.now.max(at + STEP),
            };
        }
        (wire.packets, times)
    }

    fn data(&self, wire: &mut Wire, fate: DataFate, index: usize) {
        let mut before = self.steps[..index].iter().rev();
        let announced = before.find_map(|step| self.announced(step));
        let (opener, to) = announced.expect("a 227, 229, PORT or EPRT before the data connection");
        let port = 32768 + hash(&format!("{} {index}", self.client)) % 28000;
        let from = match opener {
            Sender::Client => (self.client.ip(), u16::try_from(port).expect("a port")),
            Sender::Server => (self.server.ip(), 20),
        };
        let mut flow = Flow::new(from.into(), to, wire.now);
        match fate {
            DataFate::Refused => flow.refused(wire),
            DataFate::Unanswered => flow.unanswered(wire),
            DataFate::Opened { bytes, by, end } => {
                let from = usize::from(by != opener);
                let content = vec![b'.'; usize::try_from(bytes).expect("a size")];
                flow.handshake(wire);
                flow.say(wire, from, &content);
                match end {
                    DataEnd::Fin => flow.close(wire, from, true),
                    DataEnd::Reset => flow.send(wire, from, RST | ACK, &[]),
                    DataEnd::ReceiverReset => flow.send(wire, 1 - from, RST | ACK, &[]),
                }
            }
        }
    }

    /// Who will open the data connection that this step announces, and to where.
    fn announced(&self, step: &Step) -> Option<(Sender, SocketAddr)> {
        let text = String::from_utf8_lossy(step.bytes()).to_ascii_uppercase();
        let ((opener, peer), verbs) = match step.by()? {
            Sender::Client => ((Sender::Server, self.client.ip()), ["PORT", "EPRT"]),
            Sender::Server => ((Sender::Client, self.server.ip()), ["227 ", "229 "]),
        };
        let mut lines = text.lines().rev();
        let line = lines.find(|line| line.get(..4).is_some_and(|verb| verbs.contains(&verb)))?;
        let fields: Vec<&str> = line.split('|').collect();
        let numbers = line[4..].split(|c: char| !c.is_ascii_digit());
        let numbers: Vec<u8> = numbers.filter_map(|n| n.parse().ok()).collect();
        let (ip, port) = match (&fields[..], &numbers[..]) {
            ([_, _, "", port, ..], _) => (peer, port.parse().ok()?),
            ([_, _, ip, port, ..], _) => (ip.parse().ok()?, port.parse().ok()?),
            (_, &[.., a, b, c, d, high, low]) => {
                let port = u16::from_be_bytes([high, low]);
                (Ipv4Addr::new(a, b, c, d).into(), port)
            }
            _ => return None,
        };
        let usable = !ip.is_unspecified() && ip.is_ipv4() == peer.is_ipv4();
        Some((
            opener,
            SocketAddr::new(if usable { ip } else { peer }, port),
        ))
    }
}

/// What follows `! data opened`.
fn opened(words: &[&str]) -> DataFate {
    let (bytes, by, end) = match words {
        [bytes, by, "fin"] => (bytes, *by, DataEnd::Fin),
        [bytes, by, "reset"] => (bytes, *by, DataEnd::Reset),
        [bytes, by, "by", "receiver", "reset"] => (bytes, *by, DataEnd::ReceiverReset),
        _ => panic!("how does the data connection end? {words:?}"),
    };
    let (bytes, client) = (number(bytes), by == "client");
    assert!(client || by == "server", "client or server: {words:?}");
    let by = [Sender::Server, Sender::Client][usize::from(client)];
    DataFate::Opened { bytes, by, end }
}

fn number<T: FromStr>(text: &str) -> T {
    text.parse()
        .unwrap_or_else(|_| panic!("wrong number or address: {text:?}"))
}

/// `2026-03-01T00:00:00Z` or with a fraction, as nanoseconds since 1970.
fn parse_time(text: &str) -> i64 {
    let text = text.trim_end_matches('Z');
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let fields: Vec<i64> = whole.split(['-', 'T', ':']).map(number).collect();
    // The year begins in March, so that the leap day is its last.
    let (year, month) = ((fields[0] * 12 + fields[1] - 3) / 12, (fields[1] + 9) % 12);
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + fields[2];
    let seconds = (days - 719_469) * 86400 + fields[3] * 3600 + fields[4] * 60 + fields[5];
    seconds * SECOND + number::<i64>(&format!("{fraction:0<9}"))
}

/// What follows `<` or `>`: escapes resolved, CRLF added.
fn unescape(text: &str) -> Vec<u8> {
    let text = text.strip_prefix(' ').unwrap_or(text);
    let whole = format!("{text}\\r\\n");
    let mut rest = text.strip_suffix("\\c").unwrap_or(&whole);
    let mut out = Vec::new();
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.extend(plain.bytes());
        let (byte, length) = match escape.as_bytes() {
            [b'r', ..] => (b'\r', 1),
            [b'n', ..] => (b'\n', 1),
            [b't', ..] => (b'\t', 1),
            [b'\\', ..] => (b'\\', 1),
            [b'x', _, _, ..] => (u8::from_str_radix(&escape[1..3], 16).expect("hex"), 3),
            _ => panic!("unknown escape: {text:?}"),
        };
        out.push(byte);
        rest = &escape[length..];
    }
    out.extend(rest.bytes());
    out
}

fn number32(size: usize) -> u32 {
    u32::try_from(size).expect("32 bits")
}

/// FNV-1a and a mix: numbers that look random.
fn hash(text: &str) -> u32 {
    let mix = |sum: u32, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let sum = text.bytes().fold(0x811c_9dc5, mix);
    (sum ^ sum >> 15).wrapping_mul(0x2c1b_3c6d)
}

#[derive(Default)]
struct Wire {
    packets: Vec<Packet>,
    now: i64,
    lost: bool,
}

/// A TCP connection; the end that opens it is 0.
#[derive(Clone)]
struct Flow {
    ends: [SocketAddr; 2],
    next: [u32; 2],
    closed: [bool; 2],
}

impl Flow {
    fn new(opener: SocketAddr, listener: SocketAddr, salt: i64) -> Self {
        let isn = |end: SocketAddr| match hash(&format!("{end} {opener} {listener} {salt}")) {
            // One in four wraps within its first kilobytes.
            number if number % 4 == 0 => !(number >> 21),
            number => number,
        };
        let next = [isn(opener), isn(listener)];
        Flow {
            ends: [opener, listener],
            next,
            closed: [false; 2],
        }
    }

    fn send(&mut self, wire: &mut Wire, from: usize, flags: u8, payload: &[u8]) {
        let packet = Packet {
            at_ns: wire.now,
            src: self.ends[from],
            dst: self.ends[1 - from],
            seq: self.next[from],
            ack: self.next[1 - from] * u32::from(flags & ACK != 0),
            flags,
            payload: payload.to_vec(),
        };
        self.next[from] = packet.end().wrapping_add((flags & (SYN | FIN) != 0).into());
        wire.now += TICK;
        if !wire.lost {
            wire.packets.push(packet);
        }
    }

    fn handshake(&mut self, wire: &mut Wire) {
        self.send(wire, 0, SYN, &[]);
        self.send(wire, 1, SYN | ACK, &[]);
        self.send(wire, 0, ACK, &[]);
    }

    fn refused(&mut self, wire: &mut Wire) {
        self.send(wire, 0, SYN, &[]);
        self.next[1] = 0;
        self.send(wire, 1, RST | ACK, &[]);
    }

    fn unanswered(&mut self, wire: &mut Wire) {
        let begin = wire.now;
        for wait in [0, SECOND, 3 * SECOND] {
            wire.now = begin + wait;
            self.clone().send(wire, 0, SYN, &[]);
        }
        wire.now = begin;
    }

    fn say(&mut self, wire: &mut Wire, from: usize, bytes: &[u8]) {
        let lost = wire.lost;
        for segment in bytes.chunks(MSS) {
            wire.lost = lost;
            self.send(wire, from, PSH | ACK, segment);
            wire.lost = false;
            self.send(wire, 1 - from, ACK, &[]);
        }
    }

    fn close(&mut self, wire: &mut Wire, from: usize, both: bool) {
        let other = 1 - from;
        self.send(wire, from, FIN | ACK, &[]);
        self.closed[from] = true;
        if both && !self.closed[other] {
            self.send(wire, other, FIN | ACK, &[]);
            self.send(wire, from, ACK, &[]);
        } else {
            self.send(wire, other, ACK, &[]);
        }
    }
}

/// A captured TCP segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Capture time, in nanoseconds since 1970.
    pub at_ns: i64,
    /// Who sends it.
    pub src: SocketAddr,
    /// To whom.
    pub dst: SocketAddr,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number.
    pub ack: u32,
    /// The low eight flags of the TCP header.
    pub flags: u8,
    /// Its bytes.
    pub payload: Vec<u8>,
}

impl Packet {
    /// An Ethernet II frame of at least 60 bytes, with TCP options except on RST.
    pub fn frame(&self) -> Vec<u8> {
        let words = if self.flags & RST == 0 { 8 } else { 5 };
        let stamps = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0];
        let (src, dst) = (self.src.port().to_be_bytes(), self.dst.port().to_be_bytes());
        let numbers = [self.seq, self.ack].map(u32::to_be_bytes).concat();
        let rest = [words << 4, self.flags, 0xfa, 0xf0, 0, 0, 0, 0];
        let begin = [&src, &dst, &numbers[..], &rest].concat();
        let options = &stamps[..usize::from(words) * 4 - 20];
        let tcp = [&begin, options, &self.payload].concat();
        let length = u16::try_from(tcp.len()).expect("a segment");
        let ip = match (self.src.ip(), self.dst.ip()) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                let (size, id) = ((length + 20).to_be_bytes(), self.at_ns.to_be_bytes());
                let begin = [0x45, 0, size[0], size[1], id[4], id[5], 64, 0, 64, 6, 0, 0];
                let mut ip = [&begin[..], &src.octets(), &dst.octets()].concat();
                let word = |word: &[u8]| u32::from(word[0]) << 8 | u32::from(word[1]);
                let sum: u32 = 0xffff - ip.chunks(2).map(word).sum::<u32>() % 0xffff;
                ip[10..12].copy_from_slice(&sum.to_be_bytes()[2..]);
                [&[8, 0], &ip[..]].concat()
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                let [high, low] = length.to_be_bytes();
                let begin = [0x86, 0xdd, 0x60, 0, 0, 0, high, low, 6, 64];
                [&begin[..], &src.octets(), &dst.octets()].concat()
            }
            _ => panic!("both ends on IPv4 or both on IPv6"),
        };
        let mut frame = [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2], &ip[..], &tcp].concat();
        frame.resize(frame.len().max(60), 0);
        frame
    }

    /// The sequence number after the payload.
    pub fn end(&self) -> u32 {
        self.seq.wrapping_add(number32(self.payload.len()))
    }

    /// The segment with these bytes of the payload.
    pub fn part(&self, from: usize, to: usize) -> Self {
        let seq = self.seq.wrapping_add(number32(from));
        Packet {
            seq,
            payload: self.payload[from..to].to_vec(),
            ..self.clone()
        }
    }
}

/// All packets by time; at the same time, those of an earlier list first.
pub fn merge(lists: Vec<Vec<Packet>>) -> Vec<Packet> {
    let mut packets: Vec<Packet> = lists.into_iter().flatten().collect();
    packets.sort_by_key(|packet| packet.at_ns);
    packets
}

/// A capture file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// pcap, little-endian, microseconds (the rest is cut off).
    PcapMicros,
    /// pcap, little-endian, nanoseconds.
    PcapNanos,
    /// pcap, big-endian, microseconds (the rest is cut off).
    PcapMicrosBe,
    /// pcapng, little-endian, nanoseconds, one section, one interface.
    Pcapng,
}

/// The packets as a file, in the order given.
pub fn capture(packets: &[Packet], container: Container) -> Vec<u8> {
    let mut out = Vec::new();
    let be = container == Container::PcapMicrosBe;
    let bytes = |n: &u32| if be { n.to_be_bytes() } else { n.to_le_bytes() };
    let put = |out: &mut Vec<u8>, words: &[u32]| out.extend(words.iter().flat_map(bytes));
    let (magic, unit) = match container {
        Container::PcapNanos => (0xa1b2_3c4d, 1),
        _ => (0xa1b2_c3d4, 1000),
    };
    if container == Container::Pcapng {
        let section = [0x0a0d_0d0a, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28];
        put(&mut out, &section);
        // Ethernet; option 9, if_tsresol, is 10^-9.
        put(&mut out, &[1, 32, 1, 0x4_0000, 0x0001_0009, 9, 0, 32]);
    } else {
        let version = if be { 0x0002_0004 } else { 0x0004_0002 };
        put(&mut out, &[magic, version, 0, 0, 0x4_0000, 1]);
    }
    for packet in packets {
        let (mut frame, time) = (packet.frame(), packet.at_ns);
        let word = |number: i64| u32::try_from(number).expect("a time from 1970 to 2106");
        let length = number32(frame.len());
        if container == Container::Pcapng {
            frame.resize(frame.len().next_multiple_of(4), 0);
            let total = 32 + length.next_multiple_of(4);
            let (high, low) = (word(time >> 32), word(time & 0xffff_ffff));
            put(&mut out, &[6, total, 0, high, low, length, length]);
            out.extend(frame);
            put(&mut out, &[total]);
        } else {
            let (seconds, rest) = (word(time / SECOND), word(time % SECOND) / unit);
            put(&mut out, &[seconds, rest, length, length]);
            out.extend(frame);
        }
    }
    out
}
