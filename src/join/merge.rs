//! Two sessions that are one.

use super::dialogue::{agreement, announced, hidden_after};
use super::order;
use crate::ftp::{End, Evidence};
use crate::session::{DataConnection, Exchange, KeptReply, Session, Transfer};

/// Adds what a log holds of a session to what a capture holds: the places of what both tell, and what TLS hides from the
/// capture. Times of the log, whose clock is so many nanoseconds ahead, are set to the capture's clock.
pub fn merge(wire: &mut Session, mut log: Session, ahead: i64) {
    set_clock(&mut log, ahead);
    let pairs = agreement(wire, &log).map_or_else(Vec::new, |found| found.pairs);
    for (heard, told) in &pairs {
        let told = log.exchanges.get(*told);
        let reply = told.and_then(|e| e.replies().next_back());
        let exchange = wire.exchanges.get_mut(*heard);
        if let Some((exchange, reply)) = exchange.zip(reply) {
            exchange.also.get_or_insert_with(|| Box::new(reply.clone()));
        }
    }
    for source in &log.sources {
        if !wire.sources.contains(source) {
            wire.sources.push(*source);
        }
    }
    if let Some(after) = hidden_after(wire) {
        unhide(wire, log, &pairs, after);
    } else if wire.user.is_none() {
        wire.user = log.user;
    }
    wire.joined = true;
}

fn set_clock(log: &mut Session, ahead: i64) {
    for exchange in &mut log.exchanges {
        exchange.sent = exchange.sent.map(|at| at.later(-ahead));
        for reply in exchange.replies_mut() {
            reply.at = reply.at.map(|at| at.later(-ahead));
        }
    }
    for transfer in &mut log.transfers {
        transfer.at = transfer.at.map(|at| at.later(-ahead));
    }
}

/// Puts in what TLS hides: every exchange of the log that the capture does not hold, behind those that it does.
fn unhide(wire: &mut Session, log: Session, pairs: &[(usize, usize)], after: usize) {
    let Session {
        exchanges,
        data,
        transfers,
        candidates,
        user,
        ..
    } = log;
    let data = data
        .into_iter()
        .map(|data| place_of(wire, data, &exchanges));
    let data: Vec<usize> = data.collect();
    let place = |told: usize| {
        let pair = pairs.binary_search_by_key(&told, |pair| pair.1).ok()?;
        pairs.get(pair).map(|pair| pair.0)
    };
    let heard = std::mem::take(&mut wire.exchanges);
    let mut places: Vec<Option<usize>> = vec![None; exchanges.len()];
    let mut moved = Vec::with_capacity(heard.len());
    let mut told = exchanges.into_iter().enumerate().peekable();
    let count = heard.len();
    for (index, exchange) in heard.into_iter().enumerate() {
        moved.push(wire.exchanges.len());
        let is_last = index + 1 == count;
        wire.exchanges.push(exchange);
        // The log's exchanges up to the next one that the capture holds as well.
        while let Some((number, _)) = told.peek() {
            let same = place(*number);
            if same.is_some_and(|same| same > index) {
                break;
            }
            let Some((number, exchange)) = told.next() else {
                break;
            };
            let fits = index >= after || is_last;
            if same.is_some() {
                if let Some(place) = places.get_mut(number) {
                    *place = Some(wire.exchanges.len() - 1);
                }
            } else if fits && (exchange.command.is_some() || exchange.code().is_some()) {
                if let Some(place) = places.get_mut(number) {
                    *place = Some(wire.exchanges.len());
                }
                add(wire, exchange, &data);
            }
        }
    }
    if count == 0 {
        for (number, exchange) in told {
            if let Some(place) = places.get_mut(number) {
                *place = Some(wire.exchanges.len());
            }
            add(wire, exchange, &data);
        }
    }
    for transfer in &mut wire.transfers {
        transfer.exchange = transfer.exchange.and_then(|e| moved.get(e).copied());
    }
    add_transfers(wire, transfers, &places);
    wire.candidates.extend(candidates);
    wire.user = user.or_else(|| wire.user.take());
    wire.logged_in |= log.logged_in;
    order::tie(wire);
    say_goodbye(wire);
}

/// Adds the log's transfers that the capture does not show; `places` are those of the log's exchanges.
fn add_transfers(wire: &mut Session, transfers: Vec<Transfer>, places: &[Option<usize>]) {
    for mut transfer in transfers {
        let place = transfer.exchange.and_then(|e| places.get(e).copied());
        transfer.exchange = place.flatten();
        let same = |known: &Transfer| known.exchange == transfer.exchange;
        if transfer.exchange.is_none() || !wire.transfers.iter().any(same) {
            wire.transfers.push(transfer);
        }
    }
}

/// Adds one exchange that only the log holds.
fn add(wire: &mut Session, mut exchange: Exchange, data: &[usize]) {
    exchange.hidden = true;
    exchange.state.protected = true;
    // Stamps that are cut to whole seconds are early; it was after what came before it.
    let mut known = wire.exchanges.iter().rev().find_map(Exchange::at);
    let begun = exchange.preliminary.as_deref_mut().into_iter();
    let replies = begun.chain(&mut exchange.last);
    let times = [&mut exchange.sent].into_iter();
    for at in times.chain(replies.map(|reply| &mut reply.at)) {
        *at = at.map(|at| known.map_or(at, |known| at.max(known)));
        known = at.or(known);
    }
    exchange.data = exchange.data.and_then(|number| data.get(number).copied());
    wire.commands += u64::from(exchange.command.as_ref().is_some_and(|c| !c.assumed));
    let replies = exchange.replies();
    let observed = |reply: &&KeptReply| reply.evidence == Evidence::Observed;
    wire.replies += replies.filter(observed).count() as u64;
    wire.exchanges.push(exchange);
}

/// A data connection that the log announces may be one that the capture holds without its announcement: its place among
/// the capture's, at which it is put if it is new.
fn place_of(wire: &mut Session, told: DataConnection, exchanges: &[Exchange]) -> usize {
    let by = told.announced_by;
    let announcing = |e: &&Exchange| e.last.as_ref().is_some_and(|r| r.origin == by);
    let port = told.announced.as_ref().and_then(|a| a.port);
    let port = port.or_else(|| exchanges.iter().find(announcing).and_then(announced));
    let same = |known: &DataConnection| {
        let guessed = known.seen.as_ref().is_some_and(|seen| seen.guessed);
        let known = known.announced.as_ref().and_then(|a| a.port);
        guessed && known.is_some() && known == port
    };
    let place = wire.data.iter().position(same);
    let Some((place, known)) = place.and_then(|place| Some((place, wire.data.get_mut(place)?)))
    else {
        wire.data.push(told);
        return wire.data.len() - 1;
    };
    known.mode = told.mode;
    known.announced = told.announced.or(known.announced.take());
    known.announced_by = by;
    if let Some(seen) = &mut known.seen {
        (seen.guessed, seen.mode, seen.announced_by) = (false, told.mode, by);
    }
    place
}

/// QUIT and 221 that TLS hid make an orderly end a goodbye.
fn say_goodbye(wire: &mut Session) {
    let said = |e: &Exchange| e.code().is_some_and(|code| code.number() == 221);
    let goodbye = wire.exchanges.iter().rev().take(2).any(said);
    if let Some(closing) = wire
        .closing
        .as_mut()
        .filter(|c| c.end == End::Fin && goodbye)
    {
        closing.end = End::Goodbye;
    }
}
