//! What failures share, what only shows across sessions, and breaches of the protocol, as rows.

use super::{Rows, path, seconds, shown, time};
use crate::report::Sources;
use crate::report::heard::{CauseRow, Heard};
use crate::tally::Limit;

/// When and where the failures of a cause came.
pub(super) fn of_cause(rows: &mut Rows, cause: &CauseRow) {
    let (id, pattern) = (cause.id.name(), &cause.pattern);
    if let Some(burst) = &pattern.burst {
        rows.numbers("cause", id, "burst", &[("count", burst.count)]);
        rows.add("cause", id, "burst", "seconds", &burst.seconds.to_string());
        rows.add("cause", id, "burst", "from", &burst.from.to_string());
    }
    if let Some(after) = pattern.began_after {
        rows.add("cause", id, "", "began_after", &seconds(after));
    }
    if let Some(directory) = &pattern.directory {
        rows.add("cause", id, "", "directory", &shown(directory));
    }
    if let Some(open) = &pattern.open {
        let numbers = [
            ("least", open.least),
            ("most", open.most),
            ("refusals", open.refusals),
        ];
        rows.numbers("cause", id, "open_at_refusals", &numbers);
        let of = match open.limit {
            Limit::Total => "all",
            Limit::PerClient => "client",
        };
        rows.add("cause", id, "open_at_refusals", "of", of);
    }
    if let Some((lowest, highest, count)) = pattern.ports {
        let numbers = [("lowest", lowest), ("highest", highest), ("count", count)];
        rows.numbers("cause", id, "passive_ports", &numbers);
    }
}

/// Of a vantage.
pub(super) fn of_heard(rows: &mut Rows, heard: &Heard, sources: &Sources) {
    let patterns = &heard.patterns;
    let (of_failed, of_others) = patterns.operations;
    for row in &patterns.shared {
        let numbers = [
            ("failed", row.failed.0),
            ("others", row.others.0),
            ("of_failed", of_failed),
            ("of_others", of_others),
        ];
        rows.numbers("shared", row.attribute, &shown(&row.value), &numbers);
    }
    for row in &patterns.spread {
        let numbers = [
            ("clients", row.clients),
            ("tries", row.tries),
            ("accepted", row.accepted),
        ];
        rows.numbers("brute-force-spread", row.kind, &shown(&row.value), &numbers);
    }
    for row in &patterns.turned_away {
        let user = shown(&row.user);
        let numbers = [("tries", row.tries), ("clients", row.clients)];
        rows.numbers("turned-away", &user, "", &numbers);
        rows.span("turned-away", &user, row.refused);
        rows.add("turned-away", &user, "", "let_in", &time(row.let_in));
    }
    let clear = &patterns.clear;
    let numbers = [("count", clear.count), ("users", clear.users)];
    rows.numbers("clear-text-logins", "", "", &numbers);
    for row in &heard.protocol.breaches {
        let first = row.first.as_ref();
        let place = first.map(|proof| {
            let source = path(sources, proof.origin.source);
            format!("{source}:{}", proof.origin.record)
        });
        let (id, place) = (row.rule.id(), place.unwrap_or_default());
        rows.numbers("breach", id, &place, &[("count", row.count)]);
        let text = first.map(|proof| shown(&proof.text));
        rows.add("breach", id, &place, "text", &text.unwrap_or_default());
    }
    for row in &heard.protocol.outside {
        let (verb, code) = (row.verb.to_string(), row.code.number().to_string());
        rows.numbers("outside", &verb, &code, &[("count", row.count)]);
        rows.add("outside", &verb, &code, "common", &row.common.to_string());
    }
}
