//! Data connections, and how TCP fared, for programs.

use std::time::Duration;

use serde::Serialize;

use super::tls::Tls;
use super::{Address, Seconds, Time};
use crate::ftp::{DataRecord, End, Sent, Side, TcpRecord};

/// What a `data` event says.
#[derive(Serialize)]
pub(super) struct DataRow<'a> {
    mode: &'static str,
    announced: Address,
    fate: &'static str,
    end: Option<&'static str>,
    ended_by: Option<&'static str>,
    bytes_to_client: u64,
    bytes_to_server: u64,
    guessed: bool,
    verb: Option<String>,
    opener: Option<Address>,
    third_party: bool,
    attempts: u32,
    expected: Option<Expected>,
    offset: u64,
    bytes_per_second: Option<u64>,
    tcp: Option<Tcp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<Tls<'a>>,
}

#[derive(Serialize)]
struct Expected {
    bytes: u64,
    by: &'static str,
}

impl<'a> DataRow<'a> {
    pub(super) fn new(record: &'a DataRecord) -> Self {
        Self {
            mode: record.mode.id(),
            announced: Address::new(&record.announced),
            fate: record.fate.id(),
            end: record.end.map(End::id),
            ended_by: record.ended_by.map(Side::id),
            bytes_to_client: record.bytes_to_client,
            bytes_to_server: record.bytes_to_server,
            guessed: record.guessed,
            verb: record.verb.map(|verb| verb.to_string()),
            opener: record.opener.as_ref().map(Address::new),
            third_party: record.third_party,
            attempts: record.attempts,
            expected: record.expected.map(|expected| Expected {
                bytes: expected.bytes,
                by: expected.by,
            }),
            offset: record.offset,
            bytes_per_second: record.tcp.as_ref().and_then(TcpRecord::bytes_a_second),
            tcp: record.tcp.as_ref().map(Tcp::new),
            tls: record.tls.as_deref().map(Tls::new),
        }
    }
}

/// How TCP fared on a connection.
#[derive(Serialize)]
pub(super) struct Tcp {
    answered_after: Option<Seconds>,
    handshake: Option<Seconds>,
    retries: Vec<Seconds>,
    first_byte: Option<Time>,
    last_byte: Option<Time>,
    silence: Seconds,
    silence_at_end: Seconds,
    by_client: Half,
    by_server: Half,
    resets_ignored: u64,
    icmp: Option<&'static str>,
    mid_stream: bool,
    half_open: bool,
    only: Option<&'static str>,
    reused: bool,
}

#[derive(Serialize)]
struct Half {
    bytes: u64,
    missing: u64,
    segments: u64,
    resent_segments: u64,
    resent_bytes: u64,
    resent_share: Option<f64>,
    duplicates: u64,
    keep_alives: u64,
    unacknowledged: u32,
    zero_windows: u64,
    zero_window_longest: Seconds,
    zero_window_at_end: bool,
}

impl Half {
    fn new(sent: &Sent) -> Self {
        Self {
            bytes: sent.bytes,
            missing: sent.missing,
            segments: sent.segments,
            resent_segments: sent.resent_segments,
            resent_bytes: sent.resent_bytes,
            resent_share: sent.resent_share(),
            duplicates: sent.duplicates,
            keep_alives: sent.keep_alives,
            unacknowledged: sent.unacknowledged,
            zero_windows: sent.zero_windows,
            zero_window_longest: Seconds(sent.zero_window_longest),
            zero_window_at_end: sent.zero_window_at_end,
        }
    }
}

impl Tcp {
    pub(super) fn new(record: &TcpRecord) -> Self {
        let seconds = |time: Option<Duration>| time.map(Seconds);
        Self {
            answered_after: seconds(record.answered_after),
            handshake: seconds(record.handshake),
            retries: record.retries.iter().map(|time| Seconds(*time)).collect(),
            first_byte: record.first_byte.map(Time),
            last_byte: record.last_byte.map(Time),
            silence: Seconds(record.silence),
            silence_at_end: Seconds(record.silence_at_end),
            by_client: Half::new(&record.by_client),
            by_server: Half::new(&record.by_server),
            resets_ignored: record.resets_ignored,
            icmp: record.icmp.map(|icmp| icmp.why),
            mid_stream: record.mid_stream,
            half_open: record.half_open,
            only: record.only.map(Side::id),
            reused: record.reused,
        }
    }
}
