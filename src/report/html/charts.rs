//! Where bars stand and how long they are, in the units of their drawings.

use std::time::Duration;

use super::Page;
use crate::report::gantt::{Bar, Cell, Gantt};
use crate::report::layout::Look;
use crate::report::names::wait_name;
use crate::report::words::{count, seconds, thousands};
use crate::report::{HourRow, WaitRow};

/// Units of the whole time, and the most of one stretch of it.
const TIME: u64 = 960;
const STRETCH: u64 = 80;
/// Height of the bars of replies and failures, and where each stand.
const HEIGHT: u64 = 84;
const REPLIES: u64 = 101;
const FAILURES: u64 = 216;
/// Units of a power of ten on the scale of waits, which begins at a tenth of a millisecond and has seven.
const DECADE: u64 = 100;
const SCALE_FROM: u64 = 100_000;

/// Height of a session's row, and of a name's foot in it.
const ROW: usize = 18;
const FOOT: usize = 10;
/// Where sessions' bars begin, and units of a stretch in them.
const BARS: usize = 190;
const CELL: usize = 4;
/// Characters of a user beside a bar.
const WHO: usize = 16;

/// Bars of one stretch of time.
pub(super) struct HourBar {
    pub(super) title: String,
    pub(super) x: u64,
    pub(super) width: u64,
    pub(super) replies: u64,
    pub(super) replies_y: u64,
    pub(super) failures: u64,
    pub(super) failures_y: u64,
}

/// A row of waits.
pub(super) struct Wait {
    pub(super) name: String,
    pub(super) count: String,
    pub(super) times: [String; 4],
    pub(super) from: u64,
    pub(super) length: u64,
}

/// A session's bar.
pub(super) struct GanttRow {
    pub(super) name: String,
    pub(super) y: usize,
    pub(super) text_y: usize,
    pub(super) runs: Vec<Run>,
}

/// A part of it in which the same goes on.
pub(super) struct Run {
    pub(super) class: &'static str,
    pub(super) x: usize,
    pub(super) width: usize,
}

/// How strong a colour is, from 1 to 6: half of the most is one step less, and so on.
pub(super) fn heat(number: u64, most: u64) -> u32 {
    let halved = most.max(1).ilog2().saturating_sub(number.max(1).ilog2());
    6_u32.saturating_sub(halved / 2).max(1)
}

/// A part of a thousand of the height; what is more than nothing shows.
fn height(per_mille: u64) -> u64 {
    (per_mille * HEIGHT).div_ceil(1000)
}

/// Where a time stands on the scale of powers of ten.
pub(super) fn position(time: Duration) -> u64 {
    let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let mut from = SCALE_FROM;
    for decade in 0..7 {
        let to = from * 10;
        if nanos < to {
            // Within a power of ten, twice as long is three tenths of the way; the places between are near enough.
            let steps = [1, 2, 3, 4, 5, 6, 7, 8, 9];
            let places = [0, 30, 48, 60, 70, 78, 85, 90, 95];
            let reached = steps
                .iter()
                .zip(places)
                .filter(|(step, _)| nanos >= from * **step);
            let within = reached.map(|(_, place)| place).next_back().unwrap_or(0);
            return decade * DECADE + within;
        }
        from = to;
    }
    7 * DECADE
}

/// Neighbouring cells that are the same, as one.
fn runs(cells: &[Cell]) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut at = 0;
    for same in cells.chunk_by(|one, other| one == other) {
        let class = match same.first() {
            Some(Cell::Open) => "open",
            Some(Cell::Transfer) => "transfer",
            Some(Cell::Failure) => "failure",
            Some(Cell::Blank) | None => "",
        };
        if !class.is_empty() {
            runs.push(Run {
                class,
                x: BARS + at * CELL,
                width: same.len() * CELL,
            });
        }
        at += same.len();
    }
    runs
}

impl Page<'_> {
    pub(super) fn stretch(&self) -> String {
        let hours = &self.main.hours;
        let each = match hours.hours {
            1 => "A bar is an hour.".to_owned(),
            24 => "A bar is a day.".to_owned(),
            n => format!("A bar is {n} hours."),
        };
        let peak = hours.peak.map(|peak| {
            let (most, from) = (peak.bucket.failures, self.at(&peak.from));
            format!(" Most failures: {} from {from}.", thousands(most))
        });
        each + &peak.unwrap_or_default()
    }

    /// The first and the last stretch.
    pub(super) fn hours_ends(&self) -> (String, String) {
        let rows = &self.main.hours.rows;
        let from = |row: Option<&HourRow>| row.map_or_else(String::new, |row| self.at(&row.from));
        (from(rows.first()), from(rows.last()))
    }

    pub(super) fn hours_label(&self) -> String {
        let (replies, failures) = (self.main.replies, self.main.failures);
        format!(
            "Replies ({}) and failures ({}) over time; the table below has the numbers",
            thousands(replies),
            thousands(failures)
        )
    }

    pub(super) fn hours_bars(&self) -> Vec<HourBar> {
        let stretches = self.main.hours.rows.len().max(1) as u64;
        let stretch = (TIME / stretches).clamp(1, STRETCH);
        let bar = |(x, row): (u64, &HourRow)| {
            let (replies, failures) = (height(row.replies_bar), height(row.failures_bar));
            let told = count(row.bucket.failures, "failure");
            let from = self.at(&row.from);
            HourBar {
                title: format!("{from}: {} replies, {told}", thousands(row.bucket.replies)),
                x,
                width: stretch - stretch / 5,
                replies,
                replies_y: REPLIES - replies,
                failures,
                failures_y: FAILURES - failures,
            }
        };
        let places = (0..).map(|place| place * stretch);
        places.zip(&self.main.hours.rows).map(bar).collect()
    }

    pub(super) fn gantt_height(&self, gantt: &Gantt) -> usize {
        gantt.bars.len() * ROW
    }

    pub(super) fn gantt_scope(&self, gantt: &Gantt) -> String {
        format!("{} \u{2192} {}", self.at(&gantt.from), self.at(&gantt.to))
    }

    pub(super) fn gantt_label(&self, gantt: &Gantt) -> String {
        let sessions = count(gantt.bars.len() as u64, "session");
        format!("{sessions} over time; each is told step by step elsewhere on this page")
    }

    pub(super) fn gantt_rows(&self, gantt: &Gantt) -> Vec<GanttRow> {
        let row = |(y, bar): (usize, &Bar)| {
            let client = || bar.client.as_ref().map(|end| end.host.terminal(false));
            let who = bar.user.as_ref().map(|user| user.terminal(false));
            let who = Look::WHOLE.cut(who.or_else(client).unwrap_or_default(), WHO);
            GanttRow {
                name: format!("{} {who}", self.short(&bar.session)),
                y,
                text_y: y + FOOT,
                runs: runs(&bar.cells),
            }
        };
        let places = (0..).map(|place| place * ROW);
        places.zip(&gantt.bars).map(row).collect()
    }

    /// Waits that were measured: logs of whole seconds measure nothing shorter.
    pub(super) fn waits(&self) -> Vec<Wait> {
        let measured = self.main.latency.iter().filter(|row| !row.max.is_zero());
        let wait = |row: &WaitRow| {
            let (from, to) = (position(row.p50), position(row.p99));
            Wait {
                name: wait_name(row),
                count: thousands(row.count),
                times: [row.p50, row.p90, row.p99, row.max].map(seconds),
                from,
                length: (to - from).max(6),
            }
        };
        measured.map(wait).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_less_is_paler_and_what_is_longer_stands_farther() {
        assert_eq!(
            [heat(1000, 1000), heat(1, 1000), heat(1, 1), heat(250, 1000)],
            [6, 2, 6, 5]
        );
        let times = [
            0,
            99_999,
            100_000,
            200_000,
            1_000_000,
            5_000_000_000,
            u64::MAX,
        ];
        let places = times.map(|nanos| position(Duration::from_nanos(nanos)));
        assert_eq!(places, [0, 0, 0, 30, 100, 470, 700]);
        assert_eq!([height(0), height(1), height(1000)], [0, 1, HEIGHT]);
    }
}
