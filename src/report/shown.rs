//! Sessions that a page shows one by one: rows, some step by step, and the worst side by side.
//!
//! Bounded in rows, lines and characters, so that a page of a hundred thousand sessions can still be used; what is left
//! out is counted.

use jiff::tz::TimeZone;

use super::Sources;
use super::gantt::Gantt;
use super::ladder::ladder;
use super::layout::Look;
use crate::catalogue::CauseId;
use crate::cause::Failure;
use crate::ftp::SessionKey;
use crate::session::Session;
use crate::tally::{KeptSessions, SessionRow, Smallest};

/// Lines of one session that are shown step by step, and those before its first failure among them.
const LINES: usize = 120;
const LINES_BEFORE: usize = 60;
/// Lines of its beginning, where that is farther away.
const FIRST_LINES: usize = 12;
/// Characters of all sessions that are shown step by step.
const CHARACTERS: usize = 600_000;
/// Stretches of time in which the worst stand side by side.
const CELLS: usize = 200;
/// Columns of a step.
const LOOK: Look = Look {
    ascii: false,
    width: 118,
    colour: false,
};

/// Sessions to show.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    /// Those with most failures, then the earliest.
    pub rows: Vec<SessionRow>,
    /// Sessions that have no row.
    pub more: u64,
    /// Sessions step by step, each once.
    pub ladders: Vec<Ladder>,
    /// The worst of them, by their places.
    pub worst: Vec<usize>,
    /// Of causes the place of one that shows it.
    pub examples: Vec<(CauseId, usize)>,
    /// The worst side by side.
    pub gantt: Option<Gantt>,
    /// Sessions that would be shown step by step if there was room.
    pub untold: u64,
}

/// A session step by step.
#[derive(Debug, Clone)]
pub struct Ladder {
    /// Its name.
    pub session: SessionKey,
    /// What is shown of it, safe to show.
    pub lines: Vec<Line>,
}

/// A line of a ladder.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its text.
    pub text: String,
    /// True where it says what failed.
    pub is_failure: bool,
}

/// Draws ladders until there is no more room.
struct Drawing<'s> {
    shown: Shown,
    sources: &'s Sources,
    zone: &'s TimeZone,
    characters: usize,
}

impl Drawing<'_> {
    /// The place of a session's ladder.
    fn place(&mut self, session: &Session, failures: &[Failure]) -> Option<usize> {
        let ladders = &self.shown.ladders;
        if let Some(place) = ladders.iter().position(|l| l.session == session.key) {
            return Some(place);
        }
        let lines = excerpt(&ladder(session, failures, self.sources, self.zone, LOOK));
        let characters: usize = lines.iter().map(|line| line.text.len()).sum();
        if self.characters + characters > CHARACTERS {
            self.shown.untold += 1;
            return None;
        }
        self.characters += characters;
        self.shown.ladders.push(Ladder {
            session: session.key,
            lines,
        });
        Some(self.shown.ladders.len() - 1)
    }
}

impl Shown {
    /// What is kept of the vantage that leads, in which there are so many sessions.
    pub(super) fn new(
        kept: &KeptSessions,
        heard: &super::Heard,
        sources: &Sources,
        zone: &TimeZone,
    ) -> Self {
        let Some(kept) = heard.vantage.and_then(|vantage| kept.of(vantage)) else {
            return Self::default();
        };
        let rows: Vec<_> = kept.rows.iter().cloned().collect();
        let more = heard.sessions.total.saturating_sub(rows.len() as u64);
        let worst = kept.worst.iter();
        let worst: Vec<_> = worst
            .map(|w| (w.session.clone(), w.failures.clone()))
            .collect();
        let mut drawing = Drawing {
            shown: Self {
                rows,
                more,
                gantt: Gantt::new(&worst, CELLS, worst.len()),
                ..Self::default()
            },
            sources,
            zone,
            characters: 0,
        };
        let wholes = || kept.examples.values().flat_map(Smallest::iter);
        for cause in &heard.causes {
            // The session of the evidence; a cause that is found over many sessions is no session's own.
            let session = cause.evidence.first().map(|e| e.session);
            let own = kept.examples.get(&cause.id);
            let own = own.and_then(|few| few.iter().next());
            let shown = own.or_else(|| wholes().find(|w| Some(w.session.key) == session));
            let Some(whole) = shown else { continue };
            if let Some(place) = drawing.place(&whole.session, &whole.failures) {
                drawing.shown.examples.push((cause.id, place));
            }
        }
        for whole in kept.worst.iter() {
            if let Some(place) = drawing.place(&whole.session, &whole.failures) {
                drawing.shown.worst.push(place);
            }
        }
        drawing.shown
    }
}

/// The lines around the first failure, where there are too many.
fn excerpt(ladder: &str) -> Vec<Line> {
    let lines: Vec<Line> = ladder.lines().map(line).collect();
    if lines.len() <= LINES {
        return lines;
    }
    let failure = lines.iter().position(|line| line.is_failure).unwrap_or(0);
    let last = lines.len() - LINES + FIRST_LINES;
    let from = failure
        .saturating_sub(LINES_BEFORE)
        .clamp(FIRST_LINES, last);
    let to = from + LINES - FIRST_LINES;
    let gap = |count: usize| {
        let text = format!("  ... {count} lines left out ...");
        (count > 0).then(|| line(&text))
    };
    let (before, after) = (gap(from - FIRST_LINES), gap(lines.len() - to));
    let mut rest = lines.into_iter();
    let first: Vec<_> = rest.by_ref().take(FIRST_LINES).collect();
    let middle = rest.skip(from - FIRST_LINES).take(to - from);
    let shown = first.into_iter().chain(before).chain(middle).chain(after);
    shown.collect()
}

fn line(text: &str) -> Line {
    Line {
        text: text.to_owned(),
        is_failure: text.trim_start().starts_with("!!"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_ladder_is_shown_around_its_first_failure() {
        let all: Vec<String> = (0..1000)
            .map(|n| {
                if n == 700 {
                    "  !! failed".to_owned()
                } else {
                    format!("line {n}")
                }
            })
            .collect();
        let lines = excerpt(&all.join("\n"));
        let texts: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts.len(), LINES + 2);
        assert_eq!(texts[..2], ["line 0", "line 1"]);
        assert_eq!(texts[FIRST_LINES], "  ... 628 lines left out ...");
        assert_eq!(texts[FIRST_LINES + 1], "line 640");
        assert!(lines[FIRST_LINES + 1 + LINES_BEFORE].is_failure);
        assert_eq!(texts[texts.len() - 1], "  ... 252 lines left out ...");
        let short = excerpt("a\nb");
        assert_eq!(short.len(), 2);
        // All lines are told or counted, wherever the failure is.
        for at in [0, 5, 999] {
            let all: Vec<_> = (0..1000)
                .map(|n| if n == at { "!! x" } else { "y" })
                .collect();
            let lines = excerpt(&all.join("\n"));
            assert!(lines.iter().any(|line| line.is_failure));
            let gaps = lines.iter().filter(|l| l.text.starts_with("  ..."));
            let gaps: usize = gaps
                .map(|l| l.text.split(' ').nth(3).unwrap().parse::<usize>().unwrap())
                .sum();
            let told = lines
                .iter()
                .filter(|l| !l.text.starts_with("  ..."))
                .count();
            assert_eq!(told + gaps, 1000, "{at}");
        }
    }
}
