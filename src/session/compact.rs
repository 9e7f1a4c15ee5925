//! Keeps long sessions small: of what succeeded long ago only the numbers stay.
//!
//! Failures and the newest half are kept; indexes between exchanges, data
//! connections and transfers stay right.

use super::pair::Pending;
use super::{Exchange, Outcome, Session};

impl Session {
    /// True when there is more than `most` of anything.
    pub(super) fn is_too_long(&self, most: usize) -> bool {
        let kept = [self.exchanges.len(), self.transfers.len(), self.data.len()];
        kept.iter().any(|kept| *kept > most)
    }

    /// How much is kept of it: exchanges, transfers and data connections.
    pub(super) fn kept(&self) -> usize {
        self.exchanges.len() + self.transfers.len() + self.data.len()
    }

    /// Drops what succeeded long ago, and, should all have failed, the oldest failures, so that less than `most` is left of
    /// anything. Gives the exchanges that were dropped.
    pub(super) fn compact(
        &mut self,
        most: usize,
        pending: &mut Pending,
        announced: &mut Option<usize>,
    ) -> Vec<Exchange> {
        let newest = self.exchanges.len().saturating_sub(most / 2);
        let failed = self
            .exchanges
            .iter()
            .take(newest)
            .filter(|e| e.outcome == Outcome::Failure)
            .count();
        let mut too_many = failed.saturating_sub(most / 4);
        let mut places = Vec::with_capacity(self.exchanges.len());
        let (mut kept, mut dropped) = (Vec::new(), Vec::new());
        for (index, exchange) in std::mem::take(&mut self.exchanges).into_iter().enumerate() {
            let old_failure =
                index < newest && exchange.outcome == Outcome::Failure && too_many > 0;
            too_many -= usize::from(old_failure);
            self.elided_failures += u64::from(old_failure);
            let keep = index >= newest
                || pending.holds(index)
                || exchange.outcome == Outcome::Failure && !old_failure;
            places.push(keep.then_some(kept.len()));
            if keep { &mut kept } else { &mut dropped }.push(exchange);
        }
        self.elided += dropped.len() as u64;
        self.exchanges = kept;
        let place = |index: usize| places.get(index).copied().flatten();
        pending.rename(place);
        for transfer in &mut self.transfers {
            transfer.exchange = transfer.exchange.and_then(place);
        }
        self.compact_data(most, announced);
        self.compact_transfers(most);
        dropped
    }

    /// Keeps what exchanges use, and the newest of the others: behind TLS nobody says what a connection is for.
    fn compact_data(&mut self, most: usize, announced: &mut Option<usize>) {
        let newest = self.data.len().saturating_sub(most / 8);
        let mut used: Vec<bool> = (0..self.data.len()).map(|place| place >= newest).collect();
        for index in self
            .exchanges
            .iter()
            .filter_map(|e| e.data)
            .chain(*announced)
        {
            if let Some(used) = used.get_mut(index) {
                *used = true;
            }
        }
        let mut places = Vec::with_capacity(used.len());
        let mut next = 0;
        for used in &used {
            places.push(used.then_some(next));
            next += usize::from(*used);
        }
        let mut used = used.into_iter();
        self.data.retain(|_| used.next().unwrap_or(false));
        let place = |index: usize| places.get(index).copied().flatten();
        for exchange in &mut self.exchanges {
            exchange.data = exchange.data.and_then(place);
        }
        *announced = announced.and_then(place);
    }

    fn compact_transfers(&mut self, most: usize) {
        let newest = self.transfers.len().saturating_sub(most / 2);
        let mut index = 0;
        let (mut bytes, mut count) = (0, 0);
        self.transfers.retain(|transfer| {
            index += 1;
            let keep = index > newest || transfer.exchange.is_some();
            if !keep {
                bytes = u64::saturating_add(bytes, transfer.bytes.unwrap_or(0));
                count += 1;
            }
            keep
        });
        self.elided_transfers += count;
        self.elided_bytes = self.elided_bytes.saturating_add(bytes);
    }
}
