//! Makes up traffic for laws and benches out of [`Conversation`]s.
//!
//! [`random_conversation`] makes one from a seed. [`split_segments`], [`duplicate`],
//! [`swap_neighbours`] and [`overlap`] change packets but not what was said. [`vsftpd_log`] turns
//! conversations into the log of a vsftpd, and [`replies`] into the codes that a reader of either
//! must find. Everything is decided by the input and the seed of [`Rng`].
//!
//! The log has transfers and logins besides the dialogue, but no `OK MKDIR` and the like, and
//! names are shown below `/` whatever CWD says. Mangling drops nothing: see `! lost` for that.
#![allow(dead_code, unreachable_pub, reason = "includers use a part")]
#![allow(clippy::panic, clippy::expect_used, reason = "tests only")]
#![allow(clippy::indexing_slicing, clippy::string_slice, reason = "tests only")]

use super::synth::{Conversation, DataFate, Packet, Sender, Step, merge};
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const SECOND: i64 = 1_000_000_000;

/// Random numbers from a seed (xorshift).
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// Takes any seed.
    pub fn new(seed: u64) -> Self {
        Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `limit`, which is not 0.
    ///
    /// # Panics
    /// If it is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// Cuts payloads at up to three random places each; the pieces have the time of the whole.
pub fn split_segments(packets: &[Packet], rng: &mut Rng) -> Vec<Packet> {
    let mut out = Vec::new();
    for packet in packets {
        let mut from = 0;
        for _ in 0..rng.below(4) {
            let to = from + rng.below(packet.payload.len() - from + 1);
            if to > from && to < packet.payload.len() {
                out.push(packet.part(from, to));
                from = to;
            }
        }
        out.push(packet.part(from, packet.payload.len()));
    }
    out
}

/// Repeats about a quarter of the packets, half of these at once as the same frame, and half, if
/// they have a payload, as a retransmission 60 µs later, which is after the ACK.
pub fn duplicate(packets: &[Packet], rng: &mut Rng) -> Vec<Packet> {
    let mut out = Vec::new();
    for packet in packets {
        let again = packet.at_ns + if packet.payload.is_empty() { 0 } else { 60_000 };
        let copies = [packet.at_ns, rng.pick(&[packet.at_ns, again])];
        for &at_ns in &copies[..=rng.below(4) / 3] {
            out.push(Packet {
                at_ns,
                ..packet.clone()
            });
        }
    }
    merge(vec![out])
}

/// Swaps about a third of the packets that follow each other in one direction of one connection;
/// SYN and RST stay.
pub fn swap_neighbours(packets: &[Packet], rng: &mut Rng) -> Vec<Packet> {
    let mut out = packets.to_vec();
    let mut last = BTreeMap::new();
    for index in 0..out.len() {
        let (src, dst) = (out[index].src, out[index].dst);
        let before = last
            .remove(&(src.min(dst), src.max(dst)))
            .filter(|&at: &usize| out[at].src == src);
        if out[index].flags & (SYN | RST) != 0 {
            continue;
        }
        if let Some(before) = before.filter(|_| rng.below(3) == 0) {
            out.swap(before, index);
            let at_ns = out[before].at_ns;
            out[before].at_ns = out[index].at_ns;
            out[index].at_ns = at_ns;
        } else {
            last.insert((src.min(dst), src.max(dst)), index);
        }
    }
    out
}

/// Repeats bytes already sent, with other boundaries: before the payload of a segment, or in a
/// segment of their own after it.
pub fn overlap(packets: &[Packet], rng: &mut Rng) -> Vec<Packet> {
    let (mut out, mut sent) = (Vec::new(), BTreeMap::<_, Packet>::new());
    for packet in packets {
        let old = sent
            .get(&(packet.src, packet.dst))
            .filter(|old| old.end() == packet.seq);
        // What was sent without a gap, up to the end of this segment.
        let mut joined = packet.clone();
        if let Some(old) = old {
            (joined.seq, joined.payload) = (old.seq, [&old.payload[..], &packet.payload].concat());
        }
        let length = joined.payload.len();
        let from = rng.below(length - packet.payload.len() + 1);
        let choice = if packet.payload.is_empty() {
            3
        } else {
            rng.below(4)
        };
        out.push(if choice == 0 {
            joined.part(from, length)
        } else {
            packet.clone()
        });
        if choice == 1 {
            out.push(joined.part(from, from + 1 + rng.below(length - from)));
        }
        if choice != 3 || !packet.payload.is_empty() {
            let joined = joined.part(length.saturating_sub(100), length);
            sent.insert((packet.src, packet.dst), joined);
        }
    }
    out
}

/// The codes of the replies the server wrote whole, lost ones too. A multi-line reply (RFC 959
/// section 4.2) counts once.
pub fn replies(conversation: &Conversation) -> Vec<u16> {
    let steps = conversation.steps.iter();
    let said = steps.filter(|step| step.by() == Some(Sender::Server));
    let said: Vec<u8> = said.flat_map(|step| step.bytes().to_vec()).collect();
    let mut open = None;
    let lines = said.split_inclusive(|&byte| byte == b'\n');
    lines
        .filter_map(|line| reply_line(line, &mut open).1)
        .collect()
}

/// The codes of the reply that this line begins and of the one that it ends; `open` is the
/// multi-line reply it is in.
fn reply_line(line: &[u8], open: &mut Option<u16>) -> (Option<u16>, Option<u16>) {
    let digits = line
        .get(..3)
        .filter(|code| code.iter().all(u8::is_ascii_digit));
    let code = digits.map(|code| {
        code.iter()
            .fold(0, |code, digit| code * 10 + u16::from(digit - b'0'))
    });
    let whole = line.ends_with(b"\n");
    match (line.get(3), *open) {
        (Some(b' '), Some(_)) if whole && code == *open => (None, open.take()),
        (Some(b'-'), None) => {
            *open = code;
            (code, None)
        }
        (Some(b' ' | b'\r' | b'\n'), None) if whole => (code, code),
        _ => (None, None),
    }
}

/// The log of a vsftpd with `log_ftp_protocol=YES`, in UTC, IPv4 addresses with `::ffff:`. The n-th
/// conversation, from 0, has the pids C = `offset_pid` + 4n, for its logins C - 1, and after login
/// C + 2. `offset_pid` is at least 1.
///
/// Without a handshake there is no CONNECT. A line that never ends is not logged.
pub fn vsftpd_log(conversations: &[Conversation], offset_pid: u32) -> String {
    let mut lines = Vec::new();
    for (conversation, pid) in conversations.iter().zip((offset_pid..).step_by(4)) {
        let client = match conversation.client.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped().to_string(),
            IpAddr::V6(ip) => ip.to_string(),
        };
        let mut log = Log {
            client,
            pid,
            ..Log::default()
        };
        log.fresh = conversation.handshake;
        for (step, at) in conversation.steps.iter().zip(conversation.play().1) {
            log.now = at;
            log.step(step);
        }
        lines.extend(log.lines);
    }
    lines.sort_by_key(|line: &(i64, String)| line.0);
    lines.into_iter().map(|line| line.1).collect()
}

#[derive(Default)]
struct Log {
    lines: Vec<(i64, String)>,
    client: String,
    pid: u32,
    now: i64,
    /// No reply was written yet.
    fresh: bool,
    user: String,
    logged_in: bool,
    /// What each side has said since its last whole line.
    partial: [Vec<u8>; 2],
    open: Option<u16>,
    /// Verb, argument and time of the commands without a final reply.
    pending: VecDeque<(String, String, i64)>,
    bytes: u64,
}

impl Log {
    fn line(&mut self, pid: u32, event: &str, rest: &str) {
        let user = match self.user.as_str() {
            "" => String::new(),
            user => format!("[{user}] "),
        };
        let (date, client) = (ctime(self.now), &self.client);
        let text = format!("{date} [pid {pid}] {user}{event}: Client \"{client}\"{rest}");
        let shown = text.chars().map(|c| {
            if c == ' ' || c.is_ascii_graphic() {
                c
            } else {
                '?'
            }
        });
        self.lines.push((self.now, shown.chain(['\n']).collect()));
    }

    fn protocol(&mut self, event: &str, text: &str) {
        let pid = self.pid + if self.logged_in { 2 } else { 0 };
        self.line(pid, event, &format!(", \"{text}\""));
    }

    fn step(&mut self, step: &Step) {
        if let Step::Data(DataFate::Opened { bytes, .. }) = step {
            self.bytes = *bytes;
        }
        let server = step.by() == Some(Sender::Server);
        for &byte in step.bytes() {
            let partial = &mut self.partial[usize::from(server)];
            partial.push(byte);
            if byte == b'\n' {
                let line = std::mem::take(partial);
                if server {
                    self.reply(&line);
                } else {
                    self.command(&line);
                }
            }
        }
    }

    fn command(&mut self, line: &[u8]) {
        // A character a byte, so that each byte that is not ASCII shows as a `?`.
        let line: String = line.iter().copied().map(char::from).collect();
        let line = line.trim_end_matches(['\r', '\n']);
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        let verb = verb.to_ascii_uppercase();
        self.protocol(
            "FTP command",
            &match (verb.as_str(), argument) {
                ("PASS", _) => "PASS <password>".to_owned(),
                (_, "") => verb.clone(),
                _ => format!("{verb} {argument}"),
            },
        );
        if verb == "USER" && !self.logged_in {
            argument.clone_into(&mut self.user);
        }
        self.pending
            .push_back((verb, argument.to_owned(), self.now));
    }

    fn reply(&mut self, line: &[u8]) {
        let inside = self.open;
        let (begins, ends) = reply_line(line, &mut self.open);
        let mut text: String = line.iter().copied().map(char::from).collect();
        let again = inside.is_some_and(|code| text.starts_with(&format!("{code}-")));
        if begins.or(ends).is_some() || again {
            text.truncate(text.trim_end_matches(['\r', '\n']).len());
        }
        if std::mem::take(&mut self.fresh) {
            let full = ", \"Connection refused: too many sessions.\"";
            self.line(
                self.pid,
                "CONNECT",
                if begins == Some(421) { full } else { "" },
            );
        }
        let (verb, argument, began) = self.pending.front().cloned().unwrap_or_default();
        let transfer = match verb.as_str() {
            "RETR" => Some("DOWNLOAD"),
            "STOR" | "APPE" | "STOU" => Some("UPLOAD"),
            _ => None,
        };
        match (verb.as_str(), begins, transfer) {
            ("USER" | "PASS", Some(230), _) => {
                self.line(self.pid - 1, "OK LOGIN", "");
                self.logged_in = true;
            }
            ("PASS", Some(530), _) => self.line(self.pid - 1, "FAIL LOGIN", ""),
            (_, Some(226), Some(what)) => self.transfer("OK", what, &argument, began),
            (_, Some(421), Some(what)) => self.transfer("FAIL", what, &argument, began),
            _ => {}
        }
        self.protocol("FTP response", &text);
        let logged = !text.contains("Permission denied.") && !text.contains("Use PORT or PASV");
        match (verb.as_str(), ends, transfer) {
            ("USER" | "PASS", Some(530), _) if !self.logged_in => self.user.clear(),
            (_, Some(425 | 426 | 451 | 550..=553), Some(what)) if logged => {
                self.transfer("FAIL", what, &argument, began);
            }
            _ => {}
        }
        if ends.is_some_and(|code| code >= 200) {
            self.pending.pop_front();
            self.bytes = 0;
        }
    }

    fn transfer(&mut self, outcome: &str, what: &str, name: &str, began: i64) {
        let bytes = std::mem::take(&mut self.bytes);
        let took = u128::from((self.now - began).max(1).unsigned_abs());
        let rate = u128::from(bytes) * 100_000_000_000 / 1024 / took;
        let size = if bytes == 0 {
            String::new()
        } else {
            format!(", {bytes} bytes")
        };
        let name = name.trim_start_matches('/');
        let rate = format!("{}.{:02}Kbyte/sec", rate / 100, rate % 100);
        let event = format!("{outcome} {what}");
        self.line(
            self.pid + 2,
            &event,
            &format!(", \"/{name}\"{size}, {rate}"),
        );
    }
}

/// `Sun Mar  1 00:00:00 2026`, in UTC.
fn ctime(at_ns: i64) -> String {
    let seconds = at_ns.div_euclid(SECOND);
    let (days, time) = (
        seconds.div_euclid(86400) + 719_468,
        seconds.rem_euclid(86400),
    );
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // Months are counted from March.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year + i64::from(month > 9);
    let name = |names: &'static str, at| names.split(' ').nth(usize::try_from(at).unwrap_or(0));
    let weekday = name("Wed Thu Fri Sat Sun Mon Tue", days.rem_euclid(7)).unwrap_or_default();
    let month = name("Mar Apr May Jun Jul Aug Sep Oct Nov Dec Jan Feb", month).unwrap_or_default();
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    format!("{weekday} {month} {day:2} {hour:02}:{minute:02}:{second:02} {year}")
}

/// A random but sensible conversation with a vsftpd, from an address and port of its own for every
/// `index` below seven million, which begins about a quarter of a second after the one before.
/// Every fifth is on IPv6.
pub fn random_conversation(rng: &mut Rng, index: u32) -> Conversation {
    let (host, port, v6) = (1 + index % 250, 32768 + index / 250 % 28000, index % 5 == 4);
    let ends = if v6 {
        format!("client [2001:db8::1:{host:x}]:{port}\nserver [2001:db8::10]:21")
    } else {
        format!("client 198.51.100.{host}:{port}\nserver 192.0.2.10:21")
    };
    let full = "< 421 There are too many connected users, please try later.\n! server fin";
    let steps = match rng.below(40) {
        0 => vec!["! syn refused".to_owned()],
        1 => vec!["! syn unanswered".to_owned()],
        2 => vec![full.to_owned()],
        _ => session(rng, v6, host),
    };
    let mut conversation = Conversation::parse(&format!("{ends}\n{}", steps.join("\n")));
    let late = i64::try_from(rng.below(200_000)).expect("small");
    conversation.start_ns += i64::from(index) * SECOND / 4 + late * 1000;
    conversation
}

fn session(rng: &mut Rng, v6: bool, host: u32) -> Vec<String> {
    let welcome = [
        "< 220 FTP1 ready",
        "< 220-Welcome.\n<+ 220-Be kind.\n<+ 220 ",
    ];
    let mut out = vec![rng.pick(&welcome).to_owned()];
    let user = rng.pick(&["alice", "bob", "carol"]);
    let user = format!("> USER {user}\n< 331 Please specify the password.");
    for _ in 0..rng.pick(&[0, 0, 0, 1, 1, 3]) {
        out.push(format!(
            "{user}\n> PASS wrong\nwait 2s\n< 530 Login incorrect."
        ));
    }
    if rng.below(6) > 0 {
        out.push(format!(
            "{user}\nwait 40ms\n> PASS right\n< 230 Login successful."
        ));
        if rng.below(2) == 0 {
            let more = rng.pick(&["<", "<+"]);
            out.push(format!(
                "> FEAT\n< 211-Features:\n{more}  EPRT\n{more}  SIZE\n{more} 211 End"
            ));
        }
        out.push("> TYPE I\n< 200 Switching to Binary mode.".to_owned());
        for count in 0..=rng.below(6) {
            let name = format!("{}{count}.bin", rng.pick(&["report ", "data-", "x"]));
            out.push(match rng.below(6) {
                0 => format!("> CWD {name}\n< 550 Failed to change directory."),
                1 => format!("> DELE {name}\n< 550 Permission denied."),
                _ => transfer(rng, &name, v6, host),
            });
        }
        if rng.below(12) == 0 {
            out.push("wait 300s\n< 421 Timeout.\n! server fin".to_owned());
            return out;
        }
    }
    let quit = "> QUIT\n< 221 Goodbye.\n! server fin";
    out.push(
        rng.pick(&[quit, quit, "! client fin", "! client reset", "wait 1s"])
            .to_owned(),
    );
    out
}

fn transfer(rng: &mut Rng, name: &str, v6: bool, host: u32) -> String {
    let (high, low) = (80 + rng.below(120), rng.below(256));
    let port = high * 256 + low;
    let announce = match (v6, rng.below(2)) {
        (true, 0) => format!("> EPSV\n< 229 Entering Extended Passive Mode (|||{port}|)"),
        (true, _) => {
            format!("> EPRT |2|2001:db8::1:{host:x}|{port}|\n< 200 EPRT command successful.")
        }
        (_, 0) => format!("> PASV\n< 227 Entering Passive Mode (192,0,2,10,{high},{low})."),
        _ => format!("> PORT 198,51,100,{host},{high},{low}\n< 200 PORT command successful."),
    };
    let bytes = rng.below(20_000);
    let begun = format!("< 150 Opening BINARY mode data connection for {name} ({bytes} bytes).");
    let opened = format!("! data opened {bytes}");
    let done = "< 226 Transfer complete.";
    let list = "< 150 Here comes the directory listing.\n! data opened 640 server fin";
    let failed = "< 425 Failed to establish connection.";
    let cut = "by receiver reset\n< 426 Failure writing network stream.";
    let rest = match rng.below(9) {
        0 => format!("> LIST\n{list}\n< 226 Directory send OK."),
        1 => format!("> RETR {name}\n< 550 Failed to open file."),
        2 => format!("> RETR {name}\n! data unanswered\nwait 4s\n{failed}"),
        3 => format!("> RETR {name}\n! data refused\n{failed}"),
        4 => format!("> RETR {name}\n{begun}\n{opened} server {cut}"),
        5 => format!("> STOR {name}\n< 553 Could not create file."),
        6 => format!("> STOR {name}\n< 150 Ok to send data.\n{opened} client fin\n{done}"),
        _ => format!("> RETR {name}\n{begun}\n{opened} server fin\n{done}"),
    };
    format!("{announce}\n{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    /// What each direction says, first bytes first; None where something is missing.
    fn streams(packets: &[Packet]) -> BTreeMap<(SocketAddr, SocketAddr, u32), Vec<Option<u8>>> {
        let mut isn = BTreeMap::new();
        let mut out: BTreeMap<_, Vec<Option<u8>>> = BTreeMap::new();
        for packet in packets {
            let ends = (packet.src, packet.dst);
            if packet.flags & SYN != 0 {
                isn.insert(ends, packet.seq.wrapping_add(1));
            } else if packet.flags & RST == 0 {
                let at = packet.seq.wrapping_sub(isn[&ends]) as usize;
                let stream = out.entry((ends.0, ends.1, isn[&ends])).or_default();
                stream.resize(stream.len().max(at + packet.payload.len()), None);
                for (place, &byte) in stream[at..].iter_mut().zip(&packet.payload) {
                    assert!(place.is_none_or(|old| old == byte), "other content");
                    *place = Some(byte);
                }
            }
        }
        out
    }

    #[test]
    fn mangling_changes_packets_but_not_what_was_said() {
        let rng = &mut Rng::new(42);
        let mut changed = 0;
        for index in 0..200 {
            let whole = random_conversation(rng, index).packets();
            let mut mangled = whole.clone();
            for mangle in [overlap, split_segments, duplicate, swap_neighbours, overlap] {
                mangled = mangle(&mangled, rng);
                assert_eq!(streams(&mangled), streams(&whole));
                changed += usize::from(mangled != whole);
            }
        }
        assert!(changed > 800, "{changed}");
    }

    #[test]
    fn a_log_and_the_codes_it_stands_for() {
        let conversation = Conversation::parse(
            "< 220-hi\n<+ 220 ready\n> USER bob\n< 331 go on\n> PASS x\n< 230-a\n< 230 b
             > PASV\n< 227 Passive (192,0,2,10,200,1)\n> RETR a b\n< 150 now
             ! data opened 12345 server fin\n! lost < 226 done\n> FEAT\n< 211-F\n< 226 x\n< 211 E",
        );
        assert_eq!(replies(&conversation), [220, 331, 230, 227, 150, 226, 211]);
        let log = vsftpd_log(&[conversation], 10);
        let expected = [
            r#"10] CONNECT: Client "::ffff:198.51.100.11""#,
            r#"10] FTP response: Client "::ffff:198.51.100.11", "220-hi""#,
            r#"10] FTP response: Client "::ffff:198.51.100.11", "220 ready""#,
            r#"10] FTP command: Client "::ffff:198.51.100.11", "USER bob""#,
            r#"10] [bob] FTP response: Client "::ffff:198.51.100.11", "331 go on""#,
            r#"10] [bob] FTP command: Client "::ffff:198.51.100.11", "PASS <password>""#,
            r#"9] [bob] OK LOGIN: Client "::ffff:198.51.100.11""#,
            r#"12] [bob] FTP response: Client "::ffff:198.51.100.11", "230-a""#,
            r#"12] [bob] FTP response: Client "::ffff:198.51.100.11", "230 b""#,
            r#"12] [bob] FTP command: Client "::ffff:198.51.100.11", "PASV""#,
            r#"12] [bob] FTP response: Client "::ffff:198.51.100.11", "227 Passive (192,0,2,10,200,1)""#,
            r#"12] [bob] FTP command: Client "::ffff:198.51.100.11", "RETR a b""#,
            r#"12] [bob] FTP response: Client "::ffff:198.51.100.11", "150 now""#,
            r#"12] [bob] OK DOWNLOAD: Client "::ffff:198.51.100.11", "/a b", 12345 bytes, 401.85Kbyte/sec"#,
            r#"12] [bob] FTP response: Client "::ffff:198.51.100.11", "226 done""#,
            r#"12] [bob] FTP command: Client "::ffff:198.51.100.11", "FEAT""#,
            r#"12] [bob] FTP response: Client "::ffff:198.51.100.11", "211-F""#,
            r#"12] [bob] FTP response: Client "::ffff:198.51.100.11", "226 x??""#,
            r#"12] [bob] FTP response: Client "::ffff:198.51.100.11", "211 E""#,
        ];
        let expected = expected.map(|line| format!("Sun Mar  1 00:00:00 2026 [pid {line}\n"));
        assert_eq!(log, expected.concat());
    }
}
