//! How TCP fared on a connection, as far as a capture shows it: what both sides sent, what had to be sent again, where it
//! stood still.
//!
//! Numbers and times as they were captured. Why something stood still is not said here.

use std::time::Duration;

use crate::diagnostic::Origin;
use crate::ftp::Side;
use crate::time::Timestamp;

/// What one side sent on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sent {
    /// Bytes by sequence numbers: what was sent again counts once, what the capture lacks counts too.
    pub bytes: u64,
    /// Bytes of these that the capture lacks.
    pub missing: u64,
    /// Segments with bytes.
    pub segments: u64,
    /// Segments of these that only repeat, or fill what was lost before it was captured.
    pub resent_segments: u64,
    /// Bytes in them.
    pub resent_bytes: u64,
    /// Segments that were captured twice: the same again within a millisecond, which no sender does.
    pub duplicates: u64,
    /// Probes with no byte, or one below the window, that ask whether the other side is there (RFC 9293 section 3.8.4).
    pub keep_alives: u64,
    /// Segments sent again since the other side last acknowledged everything.
    pub unacknowledged: u32,
    /// How often this side's window was zero: it took no more bytes.
    pub zero_windows: u64,
    /// The longest time for which it was.
    pub zero_window_longest: Duration,
    /// True when it still was at the end.
    pub zero_window_at_end: bool,
}

impl Sent {
    /// The share of bytes that was sent more than once; `None` when none was sent.
    #[expect(clippy::cast_precision_loss, reason = "a share needs no 53 bits")]
    pub fn resent_share(&self) -> Option<f64> {
        let all = self.bytes.saturating_add(self.resent_bytes);
        (all > 0).then(|| self.resent_bytes as f64 / all as f64)
    }
}

/// An ICMP error about a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Icmp {
    /// What it says, in a word for machine-readable output.
    pub why: &'static str,
    /// Its packet.
    pub origin: Origin,
}

/// How TCP fared on a connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TcpRecord {
    /// From the last SYN before its answer to that answer (SYN with ACK, RST or an ICMP error), where it was captured.
    pub answered_after: Option<Duration>,
    /// From that SYN to the ACK that completes the handshake: a whole round trip wherever it was captured.
    pub handshake: Option<Duration>,
    /// When the SYN was sent again, counted from the first; at most [`crate::limits::SYN_TIMES`].
    pub retries: Vec<Duration>,
    /// When the first byte was captured.
    pub first_byte: Option<Timestamp>,
    /// When the last byte that was new was captured.
    pub last_byte: Option<Timestamp>,
    /// The longest time without a new byte between the opening and the end.
    pub silence: Duration,
    /// The time without a new byte before the end.
    pub silence_at_end: Duration,
    /// What the client sent.
    pub by_client: Sent,
    /// What the server sent.
    pub by_server: Sent,
    /// Resets that no receiver acts on, for their sequence numbers (RFC 9293 section 3.10.7.4).
    pub resets_ignored: u64,
    /// The first ICMP error about it.
    pub icmp: Option<Icmp>,
    /// True when the connection was older than the capture.
    pub mid_stream: bool,
    /// True when the SYN was answered and its sender never took that up.
    pub half_open: bool,
    /// The only side whose segments were captured, though the other one spoke too.
    pub only: Option<Side>,
    /// True when an earlier connection had the same ends.
    pub reused: bool,
}

impl TcpRecord {
    /// What a side sent.
    pub fn sent(&self, side: Side) -> &Sent {
        match side {
            Side::Client => &self.by_client,
            Side::Server => &self.by_server,
        }
    }

    /// Bytes a second, of both sides, from the first byte to the last; `None` where there is no such time.
    pub fn bytes_a_second(&self) -> Option<u64> {
        let took = self.last_byte?.since(self.first_byte?);
        let bytes = self.by_client.bytes.saturating_add(self.by_server.bytes);
        let nanos = took.as_nanos();
        let rate = (u128::from(bytes) * 1_000_000_000).checked_div(nanos)?;
        u64::try_from(rate).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_rates() {
        let sent = Sent {
            bytes: 300,
            resent_bytes: 100,
            ..Sent::default()
        };
        assert_eq!(sent.resent_share(), Some(0.25));
        assert_eq!(Sent::default().resent_share(), None);
        let record = TcpRecord {
            first_byte: Some(Timestamp::from_nanos(0)),
            last_byte: Some(Timestamp::from_nanos(500_000_000)),
            by_server: sent,
            ..TcpRecord::default()
        };
        assert_eq!(record.bytes_a_second(), Some(600));
        assert_eq!(TcpRecord::default().bytes_a_second(), None);
    }
}
