//! Transfers of a log that tells nothing else, given to the sessions of a capture that made them.
//!
//! What is given away no longer counts where the log told it. A session of such a log is no more than its transfers, so it is
//! gone when all of them are.

use super::Findings;
use super::joining::Held;
use crate::diagnostic::{Origin, SourceId};
use crate::join::{self, Moved};
use crate::lookup::Lookup;
use crate::session::Session;

impl Findings {
    /// Joins the transfers of all logs of transfers with the sessions of all captures.
    /// `proven` are clocks of other logs, by the series of captures that they are ahead of.
    pub(super) fn join_moved(
        &mut self,
        wire: &mut [Held],
        moved: &mut Vec<Held>,
        proven: &[(i64, SourceId)],
    ) {
        let mut gave = vec![false; moved.len()];
        for heard in wire.chunk_by_mut(|a, b| a.series == b.series) {
            let series = heard.first().map(|held| held.series);
            let proven = proven.iter().filter(|clock| Some(clock.1) == series);
            let proven: Vec<i64> = proven.map(|clock| clock.0).collect();
            let mut from = 0;
            for told in moved.chunk_by_mut(|a, b| a.series == b.series) {
                for place in self.join_log(heard, told, &proven) {
                    if let Some(gave) = gave.get_mut(from + place) {
                        *gave = true;
                    }
                }
                from += told.len();
            }
        }
        let mut gave = gave.into_iter();
        moved.retain(|held| !(gave.next() == Some(true) && is_empty(&held.session)));
    }

    /// Joins the transfers of one series of logs with the sessions of one of captures; says which sessions gave some away.
    fn join_log(&mut self, heard: &mut [Held], told: &mut [Held], proven: &[i64]) -> Vec<usize> {
        let ours: Vec<&Session> = heard.iter().map(|held| &held.session).collect();
        let theirs: Vec<&Session> = told.iter().map(|held| &held.session).collect();
        let Some(Moved { clock, pairs }) = join::moved_in_common(&ours, &theirs, proven) else {
            return Vec::new();
        };
        let log = theirs.first().map(|session| session.origin.source);
        let of: usize = theirs.iter().map(|session| session.transfers.len()).sum();
        let mut given: Lookup<(usize, usize), ()> = Lookup::default();
        let mut captures = Vec::new();
        let mut gave = Vec::new();
        for ((session, exchange), (place, transfer)) in &pairs {
            let line = told
                .get(*place)
                .and_then(|held| held.session.transfers.get(*transfer));
            let line = line.map(|transfer| transfer.origin);
            if let Some((held, line)) = heard.get_mut(*session).zip(line) {
                also_tells(&mut held.session, *exchange, line);
                captures.push(held.session.origin.source);
                given.insert((*place, *transfer), ());
                gave.push(*place);
            }
        }
        gave.sort_unstable();
        gave.dedup();
        for place in &gave {
            if let Some(held) = told.get_mut(*place) {
                give_away(held, |transfer| given.get(&(*place, transfer)).is_some());
            }
        }
        let count = format!("{} of {of} transfers", pairs.len());
        self.tell_joined(captures, log.unwrap_or_default(), clock, &count);
        gave
    }
}

/// The log's line stands beside the reply that ended the transfer.
fn also_tells(session: &mut Session, exchange: usize, line: Origin) {
    if !session.sources.contains(&line.source) {
        session.sources.push(line.source);
    }
    let Some(exchange) = session.exchanges.get_mut(exchange) else {
        return;
    };
    if let (None, Some(reply)) = (&exchange.also, &exchange.last) {
        exchange.also = Some(Box::new(reply.of_logged_transfer(line)));
    }
}

fn give_away(held: &mut Held, is_given: impl Fn(usize) -> bool) {
    let transfers = std::mem::take(&mut held.session.transfers);
    let mut given = Vec::new();
    for (place, transfer) in transfers.into_iter().enumerate() {
        if is_given(place) {
            given.push(transfer.origin);
        } else {
            held.session.transfers.push(transfer);
        }
    }
    if let Some(beside) = &mut held.beside {
        beside.rows.forget_transfers(&given);
    }
}

fn is_empty(session: &Session) -> bool {
    session.transfers.is_empty() && session.exchanges.is_empty() && session.elided_transfers == 0
}
