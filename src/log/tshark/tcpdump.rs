//! Lines that tcpdump prints: `08:16:55.100 IP 192.0.2.10.21 > 192.0.2.7.40001: Flags [P.], … length 20: FTP: 220 Ready`.
//!
//! Only the first line of what a packet holds stands there. The day stands there with `-tttt` or `-tt`; without, no time is
//! told.

use crate::ftp::Host;
use crate::log::tshark::{Piece, epoch};
use crate::log::{Read, Record, envelope, transcript};
use crate::time::Stamp;

use super::packet::Packet;

/// What stands before the words of FTP.
const FTP: &[u8] = b": FTP: ";

/// A packet, if it is a line of tcpdump.
pub(super) fn packet(text: &[u8]) -> Option<Read<'_>> {
    let head = text.get(..128).unwrap_or(text);
    let (at, mark) = [&b" IP "[..], b" IP6 "].into_iter().find_map(|mark| Some((memchr::memmem::find(head, mark)?, mark)))?;
    let stamp = stamp(text.get(..at)?)?;
    let (source, rest) = envelope::word(text.get(at + mark.len()..)?)?;
    let (target, rest) = envelope::word(rest.strip_prefix(b"> ")?)?;
    let (source, target) = (endpoint(source)?, endpoint(target.strip_suffix(b":")?)?);
    if !rest.starts_with(b"Flags [") {
        return None;
    }
    let Some(said) = memchr::memmem::find(rest, FTP).and_then(|at| rest.get(at + FTP.len()..)) else {
        return Some(Read::Ignored("a packet of another protocol"));
    };
    let mut packet = Packet::between(source.0, target.0);
    (packet.source.port, packet.target.port) = (Some(source.1), Some(target.1));
    if said.first().is_some_and(u8::is_ascii_digit) || said.first() == Some(&b' ') {
        packet.add_first_line(said);
    } else {
        packet.add_command_line(said);
    }
    Some(Read::Taken(Record {
        stamp,
        ..transcript::record(crate::log::Fact::Piece(Piece::Packet(Box::new(packet))))
    }))
}

/// The time in front; that of a day alone is none.
fn stamp(text: &[u8]) -> Option<Stamp> {
    if let Some(at) = epoch(text) {
        return Some(Stamp::Utc(at));
    }
    if let Some((stamp, rest)) = envelope::blank_date(text) {
        return rest.is_empty().then_some(stamp);
    }
    let (time, _) = text.split_first_chunk::<8>()?;
    envelope::clock(*time).map(|_| Stamp::None)
}

/// `192.0.2.10.21`, or `192.0.2.10.ftp` without `-n`.
fn endpoint(text: &[u8]) -> Option<(Host, u16)> {
    let dot = memchr::memrchr(b'.', text)?;
    let (host, port) = (text.get(..dot)?, text.get(dot + 1..)?);
    let port = if port == b"ftp" { Some(21) } else { transcript::number(port) };
    Some((Host::read(host), port?))
}

#[cfg(test)]
mod tests {
    use crate::log::Detected;
    use crate::log::tests::events_of;

    const LINES: &str = "08:16:55.100000 IP 192.0.2.10.21 > 192.0.2.7.40001: Flags [P.], seq 1:12, ack 1, win 229, length 11: FTP: 220 Ready\n\
                         08:16:55.110000 IP 192.0.2.7.40001 > 192.0.2.10.21: Flags [.], ack 12, win 229, length 0\n\
                         08:16:55.200000 IP 192.0.2.7.40001 > 192.0.2.10.21: Flags [P.], seq 1:11, ack 12, win 229, length 10: FTP: USER bob\n\
                         08:16:55.300000 IP 192.0.2.10.ftp > 192.0.2.7.40001: Flags [P.], seq 12:21, ack 11, win 229, length 9: FTP: 331 Pw\n\
                         08:16:55.400000 IP 192.0.2.7.40001 > 192.0.2.10.21: Flags [P.], seq 11:25, ack 21, win 229, length 14: FTP: PASS hunter2\n\
                         08:16:55.500000 IP 192.0.2.10.21 > 192.0.2.7.40001: Flags [P.], seq 21:29, ack 25, win 229, length 8: FTP: 530 No\n";

    #[test]
    fn what_it_prints_is_told() {
        let detected = Detected::by_head(LINES.as_bytes()).and_then(Detected::describe);
        assert_eq!(detected.map(|d| d.name), Some("tshark"));
        let told: Vec<String> = events_of("tshark", LINES).into_iter().map(|(_, words)| words).collect();
        assert_eq!(told[1..6], ["220 Ready", "USER bob", "331 Pw", "PASS secret", "530 No"], "{told:?}");
        assert!(told[0].contains("192.0.2.7"), "{told:?}");
    }
}
