//! Everything that comes out of some events: rows, sessions, reports in every form. And what must not be in it.

use ftpwhy::cause::{self, Failure};
use ftpwhy::diagnostic::{Diagnostics, Origin, SourceId};
use ftpwhy::ftp::Event;
use ftpwhy::report::{self, Look, Options, Report, Sources};
use ftpwhy::run::Findings;
use ftpwhy::session::{Builder, Exchange, KeptReply, Observer, Session};
use ftpwhy::tally::{InputTally, Tallies};
use ftpwhy::text::Text;
use jiff::tz::TimeZone;

use super::{CANARY, contains};

/// Everything that comes out.
#[derive(Debug, Default)]
pub struct Shown {
    /// Events, a row each.
    pub rows: String,
    pub tallies: Tallies,
    pub sessions: Vec<(Session, Vec<Failure>)>,
    pub sources: Sources,
}

/// Whether the places where things were read are of interest. Cutting a file in two moves them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Places {
    Shown,
    Hidden,
}

struct Watcher {
    rows: Vec<u8>,
    shown: Shown,
}

impl Observer for Watcher {
    fn event(&mut self, session: &Session, event: &Event<'_>) {
        report::json::event(&mut self.rows, session, event, &self.shown.sources);
    }

    fn passed(&mut self, session: &Session, reply: &KeptReply) {
        self.shown.tallies.observe_reply(session, reply);
    }

    fn dropped(&mut self, session: &Session, exchange: &Exchange) {
        self.shown.tallies.observe_exchange(session, exchange);
    }

    fn finished(&mut self, session: Session) {
        let failures = cause::classify(&session);
        self.shown.tallies.observe_session(&session, &failures);
        self.shown.sessions.push((session, failures));
    }
}

/// What a reader knows at its end.
#[derive(Debug, Default)]
pub struct Ended {
    pub diagnostics: Diagnostics,
    pub inputs: Vec<(SourceId, InputTally)>,
}

/// Shows what a reader hears. It is given a place for its events.
pub fn shown(
    places: Places,
    read: impl FnOnce(&mut (dyn FnMut(Event<'_>) + Send)) -> Ended,
) -> Shown {
    let sources = Sources::new((0..4).map(|_| Text::from("x")));
    let mut watcher = Watcher {
        rows: Vec::new(),
        shown: Shown {
            sources,
            ..Shown::default()
        },
    };
    let mut builder = Builder::with_all_texts(true);
    let ended = read(&mut |mut event| {
        if places == Places::Hidden {
            event.origin = Origin::default();
            event.ends = 0;
        }
        builder.take(&event, &mut watcher);
    });
    builder.finish(&mut watcher);
    let Watcher { rows, mut shown } = watcher;
    shown.rows = String::from_utf8(rows).expect("rows are UTF-8");
    if places == Places::Hidden {
        shown.rows = numbered(&shown.rows);
    }
    shown.tallies.diagnostics.absorb(ended.diagnostics);
    shown.tallies.inputs = ended.inputs.into_iter().collect();
    for (source, input) in &shown.tallies.inputs {
        assert_accounted(*source, input);
    }
    shown
}

/// The rows without places: with their sessions' numbers instead of the keys, which may be made of places.
fn numbered(rows: &str) -> String {
    let mark = "\"session\":\"";
    let mut known: Vec<&str> = Vec::new();
    let mut out = String::new();
    for row in rows.lines() {
        let (before, rest) = row.split_once(mark).expect("each event has a session");
        let (key, after) = rest.split_once('"').expect("a key ends");
        let number = known.iter().position(|k| *k == key).unwrap_or_else(|| {
            known.push(key);
            known.len() - 1
        });
        out += &format!("{before}{mark}{number}\"{}\n", without_records(after));
    }
    out
}

/// `"record":72` is `"record":0`.
fn without_records(row: &str) -> String {
    let mark = "\"record\":";
    let mut parts = row.split(mark);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        let zero = if rest.len() < part.len() { "0" } else { "" };
        out += &format!("{mark}{zero}{rest}");
    }
    out
}

/// The same lines, or the first that differs.
pub fn assert_same(got: &str, expected: &str, why: &str) {
    let mut pairs = got.lines().zip(expected.lines());
    if let Some((a, b)) = pairs.find(|(a, b)| a != b) {
        let same = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
        let [a, b] = [a, b].map(|line| line.get(same.saturating_sub(200)..).unwrap_or(line));
        panic!("{why}\n{a}\n---\n{b}");
    }
    assert_eq!(
        got.lines().count(),
        expected.lines().count(),
        "{why}: {got}\n---\n{expected}"
    );
}

/// Every record is taken, ignored or unrecognised.
pub fn assert_accounted(source: SourceId, input: &InputTally) {
    let told = input.taken + input.ignored + input.unrecognised;
    assert_eq!(input.records, told, "{source:?}: {input:?}");
}

impl Shown {
    /// What a run found, with the rows that it wrote.
    pub fn of(findings: Findings, rows: String) -> Self {
        let Findings {
            tallies,
            sessions,
            sources,
            ..
        } = findings;
        Self {
            rows,
            tallies,
            sessions,
            sources,
        }
    }

    /// The numbers, for comparison.
    pub fn numbers(&self) -> String {
        format!("{:?}", self.tallies)
    }

    /// The forms for programs.
    fn json(&self, report: &Report) -> String {
        let mut sessions = Vec::new();
        for (session, failures) in &self.sessions {
            report::json::session(&mut sessions, session, failures, &self.sources);
        }
        let sessions = String::from_utf8(sessions).expect("JSON is UTF-8");
        [&self.rows, &sessions, &report::json::report(report)]
            .map(String::as_str)
            .concat()
    }

    /// The forms for people.
    fn text(&self, report: &Report, look: Look) -> String {
        let mut text = [
            report::terminal::report(report, look),
            report::terminal::inputs(report, look),
            report::codes::codes(report, look),
            report::causes::causes(report, look),
            report::sessions::header(look),
        ]
        .concat();
        for (session, failures) in &self.sessions {
            text += &report::sessions::session(session, failures, &report.zone, look);
            text += &report::ladder::ladder(session, failures, &self.sources, &report.zone, look);
        }
        for note in &report.diagnostics {
            text += &report::terminal::note(report, note, look);
        }
        text
    }

    /// Nothing that comes out can act on a terminal, JSON is JSON, and no planted secret is in it.
    pub fn assert_fit_to_show(&self) {
        let options = Options {
            zone: TimeZone::UTC,
            sources: self.sources.clone(),
            ..Options::default()
        };
        let report = Report::new(&self.tallies, &options);
        let piped = self.text(&report, Look::PIPED);
        let bad = piped.bytes().find(|b| !matches!(b, b'\n' | b' '..=b'~'));
        assert_eq!(bad, None, "{piped:?}");
        let on_a_terminal = self.text(&report, Look::terminal(100, false));
        assert_harmless(&on_a_terminal);
        let json = self.json(&report);
        assert_harmless(&json);
        for line in json.lines() {
            let parsed = serde_json::from_str::<serde_json::Value>(line);
            assert!(parsed.is_ok(), "{parsed:?}: {line}");
        }
        for text in [piped, on_a_terminal, json, self.numbers()] {
            let is_silent = !contains(text.as_bytes(), CANARY.as_bytes());
            assert!(is_silent, "a secret is shown: {text}");
        }
    }
}

/// No control character, and nothing that turns the direction of text.
fn assert_harmless(text: &str) {
    let is_bad = |c: &char| {
        c.is_control() && *c != '\n'
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let bad = text.chars().find(is_bad);
    assert_eq!(bad, None, "{text:?}");
}
