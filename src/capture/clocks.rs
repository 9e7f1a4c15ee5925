//! Handshakes that two captures heard become the difference of their clocks.
//!
//! Captures of one connection at two places are read as one in the order of their times, so a clock that is half a second
//! off puts replies before their commands. A SYN passes one place first and its answer the other one, so the mean of
//! both differences is that of the clocks, as in NTP (RFC 5905 section 8); what is left is half of what the path takes
//! longer in one direction. Does not know drift: handshakes of the whole capture are taken together.

use std::collections::BTreeMap;

use super::survey::Track;
use crate::limits;
use crate::time::Timestamp;

/// What makes the clock of a capture that of the ones it is read with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shift {
    /// Nanoseconds to add to its times.
    pub nanos: i64,
    /// Handshakes that tell so.
    pub handshakes: usize,
}

/// Which clock each unit should be set to. `tracks` have the unit of their capture with them, `starts` are the times of
/// the units' first packets; the one that begins first is believed.
pub fn shifts(tracks: &[(usize, Track)], starts: &[Option<Timestamp>]) -> Vec<Shift> {
    let differences = differences(tracks);
    let mut shifts: Vec<Option<Shift>> = vec![None; starts.len()];
    let mut order: Vec<usize> = (0..starts.len()).collect();
    order.sort_by_key(|unit| (starts.get(*unit).copied().flatten(), *unit));
    for unit in order {
        spread(unit, &differences, &mut shifts);
    }
    shifts.into_iter().map(Option::unwrap_or_default).collect()
}

/// By how much the clock of a second unit is ahead of that of a first, from the handshakes that both heard.
fn differences(tracks: &[(usize, Track)]) -> BTreeMap<(usize, usize), Vec<i64>> {
    let mut heard: Vec<_> = tracks
        .iter()
        .filter_map(|(unit, track)| Some((track.proof()?, *unit, track.handshake()?)))
        .collect();
    heard.sort_unstable();
    let mut differences: BTreeMap<(usize, usize), Vec<i64>> = BTreeMap::new();
    // A connection in many captures is held against the first of them alone: that connects all, and a capture that is
    // made up of one handshake costs no more than others.
    heard.dedup_by_key(|(proof, unit, _)| (*proof, *unit));
    for same in heard.chunk_by(|a, b| a.0 == b.0) {
        let Some(((_, first, [asked, answered]), others)) = same.split_first() else {
            continue;
        };
        for (_, other, [asked_too, answered_too]) in others {
            let ahead = |a: &Timestamp, b: &Timestamp| b.nanos().saturating_sub(a.nanos()) / 2;
            let mean = ahead(asked, asked_too).saturating_add(ahead(answered, answered_too));
            differences.entry((*first, *other)).or_default().push(mean);
            differences.entry((*other, *first)).or_default().push(-mean);
        }
    }
    for found in differences.values_mut() {
        found.sort_unstable();
    }
    differences
}

/// Sets the clocks of all units that are connected with this one, unless they are set.
fn spread(
    from: usize,
    differences: &BTreeMap<(usize, usize), Vec<i64>>,
    shifts: &mut [Option<Shift>],
) {
    let Some(slot @ None) = shifts.get_mut(from) else {
        return;
    };
    *slot = Some(Shift::default());
    let mut next = vec![(from, 0_i64)];
    while let Some((unit, nanos)) = next.pop() {
        for ((_, other), found) in differences.range((unit, 0)..=(unit, usize::MAX)) {
            let (Some(slot @ None), Some(ahead)) =
                (shifts.get_mut(*other), found.get(found.len() / 2))
            else {
                continue;
            };
            let exact = nanos.saturating_sub(*ahead);
            // Nearer than that they can't be told apart from what the network does.
            let is_set = exact.unsigned_abs() >= limits::CLOCKS_AGREE_NANOS;
            *slot = Some(Shift {
                nanos: if is_set { exact } else { 0 },
                handshakes: found.len(),
            });
            next.push((*other, exact));
        }
    }
}
