//! How TCP fared, in words for a ladder's lines: only what is worth a word.

use std::time::Duration;

use super::names::end_words;
use super::words::{count, lasting, per_mille, percent, seconds, size};
use crate::ftp::{DataRecord, Fate, Sent, Side, TcpRecord};

/// A time without new bytes below this is nothing to speak of.
const SILENCE: Duration = Duration::from_secs(5);
/// Parts of a thousand that were sent again from which on it matters.
const RESENT: u64 = 10;

/// What became of the attempt to open a data connection.
pub(super) fn tried(seen: &DataRecord, ascii: bool) -> String {
    let mut words = vec![match seen.fate {
        Fate::Opened => "opened".to_owned(),
        Fate::Refused if seen.attempts == 0 => "refused, the client says".to_owned(),
        Fate::Unanswered if seen.attempts == 0 => "never answered, the client says".to_owned(),
        Fate::Refused => format!("{}, refused", count(u64::from(seen.attempts), "SYN")),
        Fate::Unanswered => format!("{}, never answered", count(u64::from(seen.attempts), "SYN")),
        Fate::NeverTried => "no attempt to connect was seen".to_owned(),
    }];
    if let Some(tcp) = &seen.tcp {
        let after = tcp
            .answered_after
            .map(|after| format!("after {} s", seconds(after)));
        match seen.fate {
            Fate::Refused => words.extend(after),
            Fate::Unanswered => words.extend(again(&tcp.retries)),
            Fate::Opened | Fate::NeverTried => {}
        }
        words.extend(tcp.icmp.map(|icmp| format!("ICMP says {}", icmp.why)));
        words.extend(tcp.half_open.then(|| "half open".to_owned()));
    }
    if seen.third_party {
        let opener = seen.opener.as_ref().map(|end| end.terminal(ascii));
        words.push(format!(
            "from {}, a third party",
            opener.unwrap_or_default()
        ));
    }
    if seen.guessed {
        words.push("guessed by its ends and time".to_owned());
    }
    words.join(", ")
}

/// `again after 1.00, 3.00 s`
fn again(retries: &[Duration]) -> Option<String> {
    let times: Vec<String> = retries.iter().map(|time| seconds(*time)).collect();
    (!times.is_empty()).then(|| format!("again after {} s", times.join(", ")))
}

/// What moved on a data connection, and how it ended.
pub(super) fn moved(seen: &DataRecord) -> String {
    let bytes = seen.bytes_to_client.max(seen.bytes_to_server);
    let end = seen.end.map_or("still open", end_words);
    let by = seen.ended_by.map(|side| format!(" by {}", side.id()));
    let mut words = vec![format!(
        "{} moved, {end}{}",
        size(bytes),
        by.unwrap_or_default()
    )];
    let expected = seen.expected.filter(|expected| expected.bytes != bytes);
    words.extend(expected.map(|e| format!("{} expected ({})", size(e.bytes), e.by)));
    if seen.offset > 0 {
        words.push(format!("from {} on", size(seen.offset)));
    }
    if let Some(tcp) = &seen.tcp {
        words.extend(tcp.bytes_a_second().map(|rate| format!("{}/s", size(rate))));
        words.extend(fared(tcp));
    }
    words.join(", ")
}

/// What was wrong on the way, if anything was.
pub(super) fn fared(tcp: &TcpRecord) -> Vec<String> {
    let mut words = Vec::new();
    for side in [Side::Client, Side::Server] {
        words.extend(of_side(tcp.sent(side), side));
    }
    if tcp.silence >= SILENCE {
        words.push(format!("silent for {}", lasting(tcp.silence)));
    }
    if tcp.resets_ignored > 0 {
        words.push(format!("{} made up", count(tcp.resets_ignored, "reset")));
    }
    words
}

fn of_side(sent: &Sent, side: Side) -> Vec<String> {
    let mut words = Vec::new();
    let id = side.id();
    let all = sent.bytes.saturating_add(sent.resent_bytes);
    let share = per_mille(sent.resent_bytes, all);
    if share >= RESENT {
        words.push(format!("{} of the {id}'s bytes sent again", percent(share)));
    }
    if sent.zero_windows > 0 {
        let longest = lasting(sent.zero_window_longest);
        let times = count(sent.zero_windows, "time");
        words.push(format!("the {id}'s window closed {times}, up to {longest}"));
    }
    if sent.missing > 0 {
        let missing = size(sent.missing);
        words.push(format!("{missing} of the {id}'s not in the capture"));
    }
    words
}

/// How TCP fared on the control connection, as one line; `None` when all went well.
pub(super) fn of_control(tcp: &TcpRecord) -> Option<String> {
    let mut words = Vec::new();
    words.extend(again(&tcp.retries).map(|again| format!("SYN sent {again}")));
    words.extend(tcp.icmp.map(|icmp| format!("ICMP says {}", icmp.why)));
    words.extend(tcp.half_open.then(|| "half open".to_owned()));
    if let Some(side) = tcp.only {
        words.push(format!("only what the {} sent was captured", side.id()));
    }
    words.extend(fared(tcp));
    if words.is_empty() {
        return None;
    }
    let handshake = tcp.handshake;
    let begin = handshake.map(|time| format!("handshake {} s", seconds(time)));
    words.splice(0..0, begin);
    Some(format!("TCP: {}.", words.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Origin;
    use crate::ftp::{DataMode, End, Endpoint, Expected, Icmp};

    fn record(fate: Fate, tcp: TcpRecord) -> DataRecord {
        let end = Endpoint::new([192, 0, 2, 10].into(), 50_000);
        DataRecord {
            fate,
            attempts: 3,
            tcp: Some(tcp),
            ..DataRecord::never_tried(DataMode::Pasv, end, Origin::default())
        }
    }

    #[test]
    fn attempts_are_told_with_their_times() {
        let unanswered = TcpRecord {
            retries: vec![Duration::from_secs(1), Duration::from_secs(3)],
            ..TcpRecord::default()
        };
        assert_eq!(
            tried(&record(Fate::Unanswered, unanswered), true),
            "3 SYNs, never answered, again after 1.00, 3.00 s"
        );
        let refused = TcpRecord {
            answered_after: Some(Duration::from_micros(300)),
            icmp: Some(Icmp {
                why: "prohibited",
                origin: Origin::default(),
            }),
            ..TcpRecord::default()
        };
        assert_eq!(
            tried(&record(Fate::Refused, refused), true),
            "3 SYNs, refused, after 0.0003 s, ICMP says prohibited"
        );
    }

    #[test]
    fn what_moved_is_told_with_what_was_wrong() {
        let tcp = TcpRecord {
            silence: Duration::from_secs(61),
            by_client: Sent {
                zero_windows: 2,
                zero_window_longest: Duration::from_secs(60),
                ..Sent::default()
            },
            by_server: Sent {
                bytes: 900,
                resent_bytes: 100,
                missing: 10,
                ..Sent::default()
            },
            ..TcpRecord::default()
        };
        let seen = DataRecord {
            bytes_to_client: 900,
            end: Some(End::Reset),
            ended_by: Some(Side::Client),
            expected: Some(Expected {
                bytes: 5000,
                by: "150",
            }),
            ..record(Fate::Opened, tcp)
        };
        assert_eq!(
            moved(&seen),
            "900 B moved, reset by client, 5.0 kB expected (150), the client's window closed 2 times, up to 1:00, \
             10.0 % of the server's bytes sent again, 10 B of the server's not in the capture, silent for 1:01"
        );
        assert_eq!(of_control(&TcpRecord::default()), None);
    }
}
