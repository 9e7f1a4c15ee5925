//! What was moved, and who and what failed most, for programs.

use serde::Serialize;

use crate::report::{Heard, Spread, TransferRow};

#[derive(Serialize)]
pub(super) struct Transfers {
    direction: &'static str,
    files: u64,
    bytes: u64,
    incomplete: u64,
    unmeasured: u64,
    sizes: Option<SpreadObject>,
    bytes_per_second: Option<SpreadObject>,
}

#[derive(Serialize)]
struct SpreadObject {
    n: u64,
    p10: u64,
    p50: u64,
    p90: u64,
    max: u64,
}

impl SpreadObject {
    fn new(spread: Spread) -> Self {
        Self {
            n: spread.count,
            p10: spread.p10,
            p50: spread.p50,
            p90: spread.p90,
            max: spread.max,
        }
    }
}

impl Transfers {
    pub(super) fn all(heard: &Heard) -> Vec<Self> {
        let row = |row: &TransferRow| Self {
            direction: row.direction.id(),
            files: row.tally.files,
            bytes: row.tally.bytes,
            incomplete: row.tally.incomplete,
            unmeasured: row.tally.unmeasured,
            sizes: row.sizes.map(SpreadObject::new),
            bytes_per_second: row.rates.map(SpreadObject::new),
        };
        heard.transfers.iter().map(row).collect()
    }
}

/// Those with most failures, the most first.
#[derive(Serialize)]
pub(super) struct Tops {
    clients: Vec<Top>,
    users: Vec<Top>,
    servers: Vec<Top>,
    paths: Vec<Top>,
    sampled: bool,
}

#[derive(Serialize)]
struct Top {
    name: String,
    failures: u64,
}

fn tops<K>(rows: &[(K, u64)], name: impl Fn(&K) -> String) -> Vec<Top> {
    let top = |(key, failures): &(K, u64)| Top {
        name: name(key),
        failures: *failures,
    };
    rows.iter().map(top).collect()
}

impl Tops {
    pub(super) fn new(heard: &Heard) -> Self {
        Self {
            clients: tops(&heard.top_clients, crate::ftp::Host::json),
            users: tops(&heard.top_users, |user| user.json().into_owned()),
            servers: tops(&heard.top_servers, crate::ftp::Host::json),
            paths: tops(&heard.top_paths, |path| path.json().into_owned()),
            sampled: heard.sampled,
        }
    }
}
