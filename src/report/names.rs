//! What things are called, and how rows are written, where people read.

use jiff::tz::TimeZone;

use super::Spread;
use super::heard::{Heard, TransferRow, WaitRow};
use super::words::{size, thousands};
use crate::ftp::{Direction, End, Verb};

/// A machine without a zone says `Etc/UTC`; people say UTC.
pub(super) fn zone_name(zone: &TimeZone) -> &str {
    match zone.iana_name() {
        Some("Etc/UTC") => "UTC",
        name => name.unwrap_or("local time"),
    }
}

/// How a session ended.
pub(super) fn end_words(end: End) -> &'static str {
    match end {
        End::Goodbye => "QUIT",
        End::Fin => "closed",
        End::Reset => "reset",
        End::Idle => "idle",
        End::InputEnded => "still open",
    }
}

/// What was waited for.
pub(super) fn wait_name(row: &WaitRow) -> String {
    match row.verb {
        None => "last byte to 226".to_owned(),
        verb => verb_name(verb),
    }
}

/// A command, and what replies answer that nobody asked for.
pub(super) fn verb_name(verb: Option<Verb>) -> String {
    match verb {
        None => "(unasked)".to_owned(),
        Some(Verb::CONNECT) => "greeting".to_owned(),
        Some(verb) => verb.to_string(),
    }
}

/// Transfers of one direction.
pub(super) fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::Upload => "uploads",
        Direction::Download => "downloads",
        Direction::Listing => "listings",
    }
}

/// Transfers in cells: how many, bytes, the median and the largest size, the median rate, how many broken and unmeasured.
pub(super) fn transfer_cells(row: &TransferRow) -> [String; 7] {
    let of = |spread: Option<Spread>, number: fn(Spread) -> u64| {
        spread.map_or_else(String::new, |spread| size(number(spread)))
    };
    [
        thousands(row.tally.files),
        size(row.tally.bytes),
        of(row.sizes, |sizes| sizes.p50),
        of(row.sizes, |sizes| sizes.max),
        of(row.rates, |rates| rates.p50),
        thousands(row.tally.incomplete),
        thousands(row.tally.unmeasured),
    ]
}

/// Who and what failed most: what it is, its name as it can be shown, and failures. A server by itself says nothing.
pub(super) fn tops(heard: &Heard) -> Vec<(&'static str, String, u64)> {
    let clients = heard.top_clients.iter();
    let clients = clients.map(|(host, n)| ("client", host.terminal(false), *n));
    let users = heard.top_users.iter();
    let users = users.map(|(name, n)| ("user", name.terminal(false), *n));
    let servers = heard.top_servers.iter().filter(|_| heard.servers > 1);
    let servers = servers.map(|(host, n)| ("server", host.terminal(false), *n));
    let paths = heard.top_paths.iter();
    let paths = paths.map(|(path, n)| ("path", path.terminal(false), *n));
    clients.chain(users).chain(servers).chain(paths).collect()
}
