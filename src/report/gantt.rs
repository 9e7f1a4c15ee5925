//! Many sessions over time: a bar each, from start to end, with transfers and failures in it, and above them how many
//! were open at once.

use std::cmp::Reverse;

use jiff::tz::TimeZone;

use super::Mark;
use super::layout::{Look, Page};
use super::words::{count, per_mille, seconds, thousands};
use crate::cause::Failure;
use crate::ftp::SessionKey;
use crate::session::Session;
use crate::text::Text;
use crate::time::Timestamp;

/// Columns of a row before its bar.
const NAMES: usize = 25;

/// What happened in one stretch of a session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    /// It was not open.
    #[default]
    Blank,
    /// It was open.
    Open,
    /// Something was transferred.
    Transfer,
    /// Something failed.
    Failure,
}

/// A session's bar.
#[derive(Debug, Clone)]
pub struct Bar {
    /// Its name.
    pub session: SessionKey,
    /// Its user.
    pub user: Option<Text>,
    /// Its client's end.
    pub client: Option<crate::ftp::Endpoint>,
    /// What happened in each stretch of time.
    pub cells: Vec<Cell>,
}

/// Sessions over time.
#[derive(Debug, Clone)]
pub struct Gantt {
    /// Where the first stretch begins.
    pub from: Timestamp,
    /// Where the last one ends.
    pub to: Timestamp,
    /// Nanoseconds of each.
    pub step: u64,
    /// The first sessions, by start.
    pub bars: Vec<Bar>,
    /// Sessions that have no bar.
    pub more: u64,
    /// Sessions whose times are not known.
    pub timeless: u64,
    /// Most sessions open at once in each stretch, those without a bar too.
    pub open: Vec<u64>,
    /// The most of all, and since when.
    pub peak: (u64, Timestamp),
}

impl Gantt {
    /// Puts sessions on a line of so many stretches; `None` where none has a time.
    pub fn new(sessions: &[(Session, Vec<Failure>)], cells: usize, most: usize) -> Option<Self> {
        let span = |session: &Session| {
            let start = session.start?;
            Some((start, session.last.unwrap_or(start).max(start)))
        };
        let spans: Vec<_> = sessions.iter().filter_map(|(s, _)| span(s)).collect();
        let from = spans.iter().map(|span| span.0).min()?;
        let to = spans.iter().map(|span| span.1).max()?;
        let length = to.nanos().saturating_sub(from.nanos()).unsigned_abs();
        let count = u64::try_from(cells.max(1)).unwrap_or(1);
        let step = (length / count).saturating_add(1);
        let axis = Axis { from, step };
        let with_time = sessions.iter().filter(|(s, _)| s.start.is_some());
        let mut with_time: Vec<_> = with_time.collect();
        with_time.sort_by_key(|(session, _)| (session.start, session.origin, session.key));
        let bars = with_time.iter().take(most);
        let bars = bars.filter_map(|(session, failures)| {
            let cells = axis.cells(session, failures, span(session)?, cells);
            Some(Bar {
                session: session.key,
                user: session.user.clone(),
                client: session.client.clone(),
                cells,
            })
        });
        let (open, peak) = axis.concurrency(&spans, cells);
        Some(Self {
            from,
            to,
            step,
            bars: bars.collect(),
            more: with_time.len().saturating_sub(most) as u64,
            timeless: (sessions.len() - with_time.len()) as u64,
            open,
            peak,
        })
    }
}

/// A line of stretches.
#[derive(Clone, Copy)]
struct Axis {
    from: Timestamp,
    step: u64,
}

impl Axis {
    fn place(self, at: Timestamp) -> usize {
        let passed = at.nanos().saturating_sub(self.from.nanos()).max(0);
        usize::try_from(passed.unsigned_abs() / self.step).unwrap_or(usize::MAX)
    }

    fn cells(
        self,
        session: &Session,
        failures: &[Failure],
        (start, last): (Timestamp, Timestamp),
        count: usize,
    ) -> Vec<Cell> {
        let mut cells = vec![Cell::Blank; count];
        let mut fill = |from: Timestamp, to: Timestamp, what: Cell| {
            let (from, to) = (self.place(from), self.place(to));
            for cell in cells.iter_mut().take(to.saturating_add(1)).skip(from) {
                *cell = what.max(*cell);
            }
        };
        fill(start, last, Cell::Open);
        for transfer in &session.transfers {
            let exchange = transfer.exchange.and_then(|e| session.exchanges.get(e));
            let begun = exchange.and_then(|e| e.sent).or(transfer.at);
            let over = exchange.and_then(crate::session::Exchange::at);
            if let Some((begun, over)) = begun.zip(over.max(transfer.at)) {
                fill(begun, over.min(last), Cell::Transfer);
            }
        }
        for failure in failures.iter().filter(|f| !f.benign) {
            let at = failure.at.unwrap_or(last);
            fill(at, at, Cell::Failure);
        }
        cells
    }

    /// The most sessions at once in each stretch, and the most of all.
    fn concurrency(
        self,
        spans: &[(Timestamp, Timestamp)],
        count: usize,
    ) -> (Vec<u64>, (u64, Timestamp)) {
        // Who comes at the moment at which another goes was there together with it.
        let starts = spans.iter().map(|span| (span.0, Reverse(true)));
        let ends = spans.iter().map(|span| (span.1, Reverse(false)));
        let mut moments: Vec<_> = starts.chain(ends).collect();
        moments.sort_unstable();
        let mut most = vec![0_u64; count];
        let (mut open, mut peak, mut before) = (0_u64, (0, self.from), 0);
        for (at, Reverse(begins)) in moments {
            let place = self.place(at);
            for cell in most.iter_mut().take(place.saturating_add(1)).skip(before) {
                *cell = open.max(*cell);
            }
            before = place;
            open = if begins {
                open + 1
            } else {
                open.saturating_sub(1)
            };
            if let Some(cell) = most.get_mut(place) {
                *cell = open.max(*cell);
            }
            if open > peak.0 {
                peak = (open, at);
            }
        }
        (most, peak)
    }
}

/// Columns that are left for the bars.
pub fn columns(look: Look) -> usize {
    look.width.saturating_sub(NAMES + 2).max(8)
}

/// The bars as text that ends in a line end.
pub fn gantt(gantt: &Gantt, zone: &TimeZone, look: Look) -> String {
    let mut page = Page::new(look);
    let step = std::time::Duration::from_nanos(gantt.step);
    let (from, to) = (gantt.from.date_time(zone), gantt.to.date_time(zone));
    let arrow = look.pick("to", "\u{2192}");
    let words = format!("{from} {arrow} {to}, a cell is {} s", seconds(step));
    page.heading("SESSIONS OVER TIME", &words);
    let levels = gantt.open.iter();
    let levels: String = levels
        .map(|open| look.level(per_mille(*open, gantt.peak.0)))
        .collect();
    page.line(&format!("{:<NAMES$}{levels}", "open at once"));
    let peak = format!(
        "{} from {}",
        count(gantt.peak.0, "session"),
        gantt.peak.1.date_time(zone)
    );
    page.hang("   ", &format!("at most {peak}"));
    for bar in &gantt.bars {
        page.line(&row(bar, look));
    }
    if gantt.more > 0 {
        page.line(&format!("and {} more: -n 0 for all", thousands(gantt.more)));
    }
    if gantt.timeless > 0 {
        let sessions = count(gantt.timeless, "session");
        page.line(&format!("{sessions} without a time are not here"));
    }
    let [open, moved, failed] = [Cell::Open, Cell::Transfer, Cell::Failure].map(|c| sign(c, look));
    page.line(&format!(
        "{open} open   {moved} transfer   {failed} failure"
    ));
    page.finish()
}

fn sign(cell: Cell, look: Look) -> String {
    match cell {
        Cell::Blank => " ".to_owned(),
        Cell::Open => look.pick("-", "\u{2500}").to_owned(),
        Cell::Transfer => look.pick("#", "\u{2588}").to_owned(),
        Cell::Failure => look.mark(Mark::Failure).replacen("! ", "!", 1),
    }
}

fn row(bar: &Bar, look: Look) -> String {
    let id: String = bar.session.to_string().chars().take(8).collect();
    let user = bar.user.as_ref().map(|user| look.show(user));
    let client = bar.client.as_ref().map(|end| end.host.terminal(look.ascii));
    let who = user.or(client).unwrap_or_else(|| "-".to_owned());
    let who = look.cut(who, NAMES - 11);
    let blank = bar.cells.iter().rev().take_while(|c| **c == Cell::Blank);
    let shown = bar.cells.len() - blank.count();
    let cells = bar.cells.iter().take(shown);
    let cells: Vec<String> = cells.map(|cell| sign(*cell, look)).collect();
    format!("{id} {who:<width$}{}", cells.concat(), width = NAMES - 9)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::tests::{Talk, failure};

    fn sessions() -> Vec<(Session, Vec<Failure>)> {
        let talk = Talk::new(&[
            "< 220 hi",
            "> RETR x",
            "< 150 go",
            "< 226 done",
            "> NOOP",
            "< 500 no",
        ]);
        let first = talk.session();
        let start = first.start.unwrap();
        let mut failed = failure("path-not-found", "NOOP", 500, "NOOP -> 500 no");
        failed.at = first.last;
        let mut second = first.clone();
        (second.start, second.last) = (first.last, Some(first.last.unwrap().later(9_000_000_000)));
        second.exchanges.clear();
        second.transfers.clear();
        second.user = Some("\u{1b}[2J\u{202e}bob".into());
        let mut third = second.clone();
        (third.start, third.last) = (None, None);
        let at_end = Failure {
            at: Some(start.later(5_000_000_000)),
            ..failed.clone()
        };
        vec![
            (third, Vec::new()),
            (second, vec![at_end]),
            (first, vec![failed]),
        ]
    }

    /// The second begins when the first ends, so both are open then; the third has no time.
    #[test]
    fn bars_hold_transfers_and_failures_and_what_is_open_is_counted() {
        let gantt = Gantt::new(&sessions(), 20, 40).unwrap();
        assert_eq!((gantt.timeless, gantt.more, gantt.bars.len()), (1, 0, 2));
        assert_eq!(gantt.peak.0, 2);
        let bar = |bar: usize| {
            let cells = gantt.bars[bar].cells.iter();
            cells
                .map(|cell| " -#!".chars().nth(*cell as usize).unwrap())
                .collect::<String>()
        };
        assert_eq!(
            (bar(0).trim_end(), bar(1).len()),
            ("#!", 20),
            "{:?}",
            bar(0)
        );
        assert!(bar(1).starts_with(" ---") && bar(1).ends_with('-') && bar(1).contains('!'));
        assert_eq!(gantt.open.iter().max(), Some(&2));
        assert_eq!(gantt.open.iter().filter(|open| **open == 0).count(), 0);
        let one = Gantt::new(&sessions(), 20, 1).unwrap();
        assert_eq!((one.more, one.bars.len(), one.peak.0), (1, 1, 2));
    }

    #[test]
    fn a_gantt_fits_its_width_and_is_plain_where_asked() {
        for width in [40, 78, 120] {
            let look = Look {
                width,
                ..Look::PIPED
            };
            let bars = Gantt::new(&sessions(), columns(look), 40).unwrap();
            let text = gantt(&bars, &TimeZone::UTC, look);
            assert!(text.lines().all(|line| line.len() <= width), "{text}");
            assert!(text.is_ascii() && !text.contains('\u{1b}'), "{text:?}");
        }
    }

    #[test]
    fn without_times_there_is_nothing_to_show() {
        let timeless = sessions().remove(0);
        assert!(Gantt::new(&[timeless], 20, 40).is_none());
        assert!(Gantt::new(&[], 20, 40).is_none());
    }
}
