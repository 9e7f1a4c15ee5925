//! When and where failures came, what they share, and what only shows across sessions.

use serde::Serialize;

use super::{Seconds, Time};
use crate::cause::Proof;
use crate::report::{
    BreachRow, ClearRow, Heard, OutsideRow, Pattern, SharedRow, Sources, SpreadRow, TurnedAway,
};
use crate::tally::Limit;
use crate::text::{Text, json};

/// Fields of a cause; what says nothing is left out.
#[derive(Serialize)]
pub(super) struct CausePattern {
    #[serde(skip_serializing_if = "Option::is_none")]
    burst: Option<Burst>,
    #[serde(skip_serializing_if = "Option::is_none")]
    began_after: Option<Seconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    directory: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    open_at_refusals: Option<AtOnce>,
    #[serde(skip_serializing_if = "Option::is_none")]
    passive_ports: Option<Ports>,
}

#[derive(Serialize)]
struct Burst {
    count: u64,
    seconds: i64,
    from: Time,
}

#[derive(Serialize)]
struct AtOnce {
    of: &'static str,
    least: u64,
    most: u64,
    refusals: u64,
}

#[derive(Serialize)]
struct Ports {
    lowest: u64,
    highest: u64,
    count: u64,
}

impl CausePattern {
    pub(super) fn new(pattern: &Pattern) -> Self {
        let open = pattern.open.as_ref().map(|open| AtOnce {
            of: match open.limit {
                Limit::Total => "all",
                Limit::PerClient => "client",
            },
            least: open.least,
            most: open.most,
            refusals: open.refusals,
        });
        Self {
            burst: pattern.burst.as_ref().map(|burst| Burst {
                count: burst.count,
                seconds: burst.seconds,
                from: Time(burst.from),
            }),
            began_after: pattern.began_after.map(Seconds),
            directory: pattern.directory.as_ref().map(text),
            open_at_refusals: open,
            passive_ports: pattern.ports.map(|(lowest, highest, count)| Ports {
                lowest,
                highest,
                count,
            }),
        }
    }
}

fn text(text: &Text) -> String {
    text.json().into_owned()
}

/// Fields of a vantage.
#[derive(Serialize)]
pub(super) struct Patterns {
    shared: Vec<Shared>,
    brute_force_spread: Vec<Spread>,
    turned_away: Vec<Turned>,
    clear_text_logins: Clear,
    protocol: Protocol,
}

/// What was said against the protocol.
#[derive(Serialize)]
struct Protocol {
    breaches: Vec<BreachObject>,
    outside: Vec<OutsideObject>,
}

#[derive(Serialize)]
struct BreachObject {
    id: &'static str,
    count: u64,
    source: Option<String>,
    record: Option<u64>,
    text: Option<String>,
}

#[derive(Serialize)]
struct OutsideObject {
    verb: String,
    code: u16,
    count: u64,
    common: bool,
}

impl Protocol {
    fn new(heard: &Heard, sources: &Sources) -> Self {
        let breach = |row: &BreachRow| {
            let first = row.first.as_ref();
            let path = |proof: &Proof| json(sources.path(proof.origin.source)).into_owned();
            BreachObject {
                id: row.rule.id(),
                count: row.count,
                source: first.map(path),
                record: first.map(|proof| proof.origin.record),
                text: first.map(|proof| text(&proof.text)),
            }
        };
        let outside = |row: &OutsideRow| OutsideObject {
            verb: row.verb.to_string(),
            code: row.code.number(),
            count: row.count,
            common: row.common,
        };
        Self {
            breaches: heard.protocol.breaches.iter().map(breach).collect(),
            outside: heard.protocol.outside.iter().map(outside).collect(),
        }
    }
}

#[derive(Serialize)]
struct Shared {
    attribute: &'static str,
    value: String,
    failed: u64,
    others: u64,
    of_failed: u64,
    of_others: u64,
}

#[derive(Serialize)]
struct Spread {
    by: &'static str,
    value: String,
    clients: u64,
    tries: u64,
    accepted: u64,
}

#[derive(Serialize)]
struct Turned {
    user: String,
    tries: u64,
    clients: u64,
    first: Option<Time>,
    last: Option<Time>,
    let_in: Option<Time>,
}

#[derive(Serialize)]
struct Clear {
    count: u64,
    users: u64,
    names: Vec<String>,
}

impl Patterns {
    pub(super) fn new(heard: &Heard, sources: &Sources) -> Self {
        let patterns = &heard.patterns;
        let (of_failed, of_others) = patterns.operations;
        let shared = |row: &SharedRow| Shared {
            attribute: row.attribute,
            value: text(&row.value),
            failed: row.failed.0,
            others: row.others.0,
            of_failed,
            of_others,
        };
        let spread = |row: &SpreadRow| Spread {
            by: row.kind,
            value: text(&row.value),
            clients: row.clients,
            tries: row.tries,
            accepted: row.accepted,
        };
        let turned = |row: &TurnedAway| Turned {
            user: text(&row.user),
            tries: row.tries,
            clients: row.clients,
            first: row.refused.first().map(Time),
            last: row.refused.last().map(Time),
            let_in: row.let_in.map(Time),
        };
        Self {
            shared: patterns.shared.iter().map(shared).collect(),
            brute_force_spread: patterns.spread.iter().map(spread).collect(),
            turned_away: patterns.turned_away.iter().map(turned).collect(),
            clear_text_logins: Clear::new(&patterns.clear),
            protocol: Protocol::new(heard, sources),
        }
    }
}

impl Clear {
    fn new(row: &ClearRow) -> Self {
        Self {
            count: row.count,
            users: row.users,
            names: row.names.iter().map(text).collect(),
        }
    }
}
