//! Which data connection that a capture holds without its announcement is which transfer of the log.
//!
//! Where the log does not hold the ports, only the order is left: as many transfers as data connections, one after another,
//! each in the time of its opposite.

use crate::session::{DataConnection, Exchange, Session};

/// By how much the two clocks and the log's whole seconds may be off, in nanoseconds.
const TOLERANCE: i64 = 2_000_000_000;

/// Gives the transfers that TLS hid the data connections that were seen, if nothing speaks against it.
pub(super) fn tie(wire: &mut Session) {
    let is_open = |exchange: &(usize, &Exchange)| {
        let known = wire
            .data_of(exchange.1)
            .is_some_and(|data| data.seen.is_some());
        exchange.1.hidden && !known && exchange.1.verb().is_some_and(|verb| verb.is_transfer())
    };
    let exchanges: Vec<(usize, &Exchange)> =
        wire.exchanges.iter().enumerate().filter(is_open).collect();
    let is_guessed =
        |data: &(usize, &DataConnection)| data.1.seen.as_ref().is_some_and(|seen| seen.guessed);
    let mut seen: Vec<(usize, &DataConnection)> =
        wire.data.iter().enumerate().filter(is_guessed).collect();
    seen.sort_by_key(|(_, data)| data.seen.as_ref().and_then(|seen| seen.tried));
    let opposite = || exchanges.iter().zip(&seen);
    if exchanges.len() != seen.len()
        || !opposite().all(|((_, exchange), (_, data))| is_of_its_time(exchange, data))
    {
        return;
    }
    let pairs: Vec<(usize, usize)> = opposite()
        .map(|((exchange, _), (data, _))| (*exchange, *data))
        .collect();
    for (exchange, data) in pairs {
        if let Some(exchange) = wire.exchanges.get_mut(exchange) {
            exchange.data = Some(data);
        }
    }
}

/// The reply came after the first packet, and not long after the last one.
fn is_of_its_time(exchange: &Exchange, data: &DataConnection) -> bool {
    let Some(seen) = &data.seen else {
        return false;
    };
    let (Some(at), Some(tried)) = (exchange.at(), seen.tried) else {
        return false;
    };
    let last = seen.last.unwrap_or(tried);
    at.nanos() >= tried.nanos() - TOLERANCE && at.nanos() <= last.nanos() + TOLERANCE
}
