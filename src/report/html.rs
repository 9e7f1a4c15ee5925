//! The report as one page for a browser: nothing is loaded, and all of it can be read without its script.
//!
//! The page is a template (`templates/report.html`) whose engine escapes all that is put into it. Before that, text of
//! the input goes through the same view as on a terminal, so that neither controls nor what turns the direction of text
//! get in. The policy at its head lets only our own style and script act, by their hashes. Nothing is computed here but
//! where things are drawn.

#![expect(
    clippy::unused_self,
    clippy::trivially_copy_pass_by_ref,
    clippy::ref_option,
    reason = "a template calls methods, and passes references"
)]

mod charts;
mod diff;
mod letter;
mod patterns;

use std::time::Duration;

use askama::Template;

pub use diff::diff;
pub(super) use letter::letter;

use super::groups::MatrixRow;
use super::heard::Evidence;
use super::layout::Look;
use super::names::{direction_name, end_words, tops, transfer_cells, verb_name, zone_name};
use super::words::{count, lasting, percent, replies, size, thousands};
use super::{CauseRow, CodeRow, Guesser, Heard, Ladder, Mark, Report, TransferRow};
use super::{Since, sessions, since, terminal, vantage_words};
use crate::ftp::{End, Endpoint, Host, ReplyCode, SessionKey, Verb};
use crate::tally::SessionRow;
use crate::text::{self, Text};
use crate::time::Timestamp;

const STYLE: &str = include_str!("../../templates/report.css");
const SCRIPT: &str = include_str!("../../templates/report.js");
/// What the page may do: show itself. A test holds the hashes.
const POLICY: &str = "default-src 'none'; \
    style-src 'sha256-vHBgTowj82tlLJS2AGwJ/7veoqmQhX3Tx9ZXBNIkpdo='; \
    script-src 'sha256-wYti48GD3LUmFaykv/+AdIjE28MdnCo0hV8+8a4jF/Y='; \
    img-src data:; base-uri 'none'; form-action 'none'";

/// Commands and codes in the table of both.
const COMMANDS: usize = 50;
const CODES: usize = 40;
/// Files and diagnostics shown.
const FILES: usize = 500;
const NOTES: usize = 200;
/// Characters of a name shown.
const NAME: usize = 80;
/// Characters of a proof shown.
const PROOF: usize = 400;

/// The whole page.
pub fn report(report: &Report) -> String {
    // Writing to a String can't fail.
    Page::new(report).render().unwrap_or_default()
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'r> {
    report: &'r Report,
    main: &'r Heard,
    style: &'static str,
    script: &'static str,
    policy: &'static str,
}

impl<'r> Page<'r> {
    fn new(report: &'r Report) -> Self {
        Self {
            report,
            main: &report.main,
            style: STYLE,
            script: SCRIPT,
            policy: POLICY,
        }
    }
}

/// The style of a verdict or a cause.
fn mark_class(mark: Mark) -> &'static str {
    match mark {
        Mark::Severe => "severe",
        Mark::Failure => "failure",
        Mark::Note => "note-mark",
    }
}

/// A file that was read.
struct InputRow {
    name: String,
    format: &'static str,
    vantage: &'static str,
    numbers: [String; 5],
}

/// Words and numbers.
impl Page<'_> {
    fn number(&self, number: &u64) -> String {
        thousands(*number)
    }

    fn percent(&self, per_mille: &u64) -> String {
        percent(*per_mille)
    }

    /// An estimate has a sign.
    fn about(&self, number: &u64, exact: &bool) -> String {
        let about = if *exact { "" } else { "~" };
        format!("{about}{}", thousands(*number))
    }

    fn size(&self, bytes: &u64) -> String {
        size(*bytes)
    }

    fn time(&self, at: Option<Timestamp>) -> String {
        at.map_or_else(String::new, |at| self.at(&at))
    }

    fn at(&self, at: &Timestamp) -> String {
        at.date_time(&self.report.zone)
    }

    fn started(&self, row: &SessionRow) -> String {
        self.time(row.start)
    }

    fn lasted(&self, nanos: &Option<u64>) -> String {
        nanos.map_or_else(String::new, |nanos| lasting(Duration::from_nanos(nanos)))
    }

    /// Our own words, in which names may be quoted.
    fn say(&self, words: &str) -> String {
        text::terminal_str(words, false)
    }

    /// What a proof says.
    fn show(&self, words: &Text) -> String {
        Look::WHOLE.cut(words.terminal(false), PROOF)
    }

    fn cut(&self, shown: String) -> String {
        Look::WHOLE.cut(shown, NAME)
    }

    fn mark_class(&self, mark: &Mark) -> &'static str {
        mark_class(*mark)
    }

    fn verb(&self, verb: &Option<Verb>) -> String {
        verb_name(*verb)
    }

    fn end(&self, end: &End) -> &'static str {
        end_words(*end)
    }

    fn host(&self, host: &Host) -> String {
        self.cut(host.terminal(false))
    }

    fn user(&self, user: &Option<Text>) -> String {
        let user = user.as_ref().map(|user| user.terminal(false));
        self.cut(user.unwrap_or_default())
    }

    fn client(&self, client: &Option<Endpoint>) -> String {
        let client = client.as_ref().map(|client| client.terminal(false));
        self.cut(client.unwrap_or_default())
    }

    fn short(&self, session: &SessionKey) -> String {
        session.to_string().chars().take(8).collect()
    }

    fn place(&self, evidence: &Evidence) -> String {
        self.report.sources.place(evidence.origin, false)
    }

    fn codes(&self, codes: &[u16]) -> String {
        let codes: Vec<_> = codes.iter().map(u16::to_string).collect();
        codes.join(", ")
    }

    fn code_name(&self, row: &CodeRow) -> String {
        row.name.unwrap_or("not in the catalogue").replace('-', " ")
    }

    fn named(&self, causes: &[CauseRow]) -> String {
        let names = causes.iter();
        let names: Vec<_> = names
            .map(|cause| format!("{} {}", thousands(cause.count), cause.id))
            .collect();
        names.join(", ")
    }
}

/// Head, verdict and the sections there are.
impl Page<'_> {
    fn title(&self) -> String {
        let first = self.report.verdict.lines.first();
        let first = first.map_or("", String::as_str);
        format!("FTP report: {}", self.say(first))
    }

    fn scope(&self) -> String {
        let (first, last) = (self.report.window.first(), self.report.window.last());
        let files = match self.report.inputs.as_slice() {
            [(one, _)] => self.cut(self.report.sources.name(*one, false)),
            many => count(many.len() as u64, "file"),
        };
        if first.is_none() {
            return files;
        }
        let zone = text::terminal_str(zone_name(&self.report.zone), false);
        let (first, last) = (self.time(first), self.time(last));
        format!("{first} \u{2192} {last} {zone}, {files}")
    }

    /// Numbers and what they count.
    fn totals(&self) -> [(String, &'static str); 5] {
        let main = self.main;
        [
            (thousands(main.sessions.total), "sessions"),
            (thousands(main.sessions.commands), "commands"),
            (thousands(main.replies), "replies"),
            (thousands(main.failures), "failed operations"),
            (thousands(main.sessions.failed), "sessions with failures"),
        ]
    }

    fn has_heard(&self) -> bool {
        self.main.sessions.total > 0 || self.main.replies > 0
    }

    /// What there is below, in order.
    fn sections(&self) -> Vec<(&'static str, &'static str)> {
        let (main, heard) = (self.main, self.has_heard());
        let all = [
            (heard, "causes", "Causes"),
            (
                heard && !main.patterns.shared.is_empty(),
                "shared",
                "What failures share",
            ),
            (heard && self.report.since.is_some(), "changes", "Changes"),
            (heard, "codes", "Reply codes"),
            (
                heard && !main.matrix.rows.is_empty(),
                "commands",
                "Commands",
            ),
            (heard && main.hours.rows.len() > 1, "time", "Over time"),
            (heard, "sessions", "Sessions"),
            (heard && !self.tops().is_empty(), "most", "Most failures"),
            (heard && !self.waits().is_empty(), "latency", "Latency"),
            (
                heard && !main.transfers.is_empty(),
                "transfers",
                "Transfers",
            ),
            (heard && !main.protocol.is_empty(), "protocol", "Protocol"),
            (heard && main.sessions.commands > 0, "security", "Security"),
            (!self.report.also.is_empty(), "also", "Also heard"),
            (true, "coverage", "Coverage"),
            (!self.report.next.is_empty(), "next", "Next"),
        ];
        let there = all.iter().filter(|(there, ..)| *there);
        there.map(|(_, id, name)| (*id, *name)).collect()
    }

    fn earlier(&self, since: &Since) -> String {
        since::scope(since)
    }

    fn nothing_to_compare(&self) -> &'static str {
        since::NOTHING
    }

    fn legend(&self) -> &'static str {
        since::LEGEND
    }

    fn replies(&self) -> String {
        let implied = match self.main.implied {
            0 => String::new(),
            n => format!(", {} implied by messages", thousands(n)),
        };
        let classes = self.main.classes.iter();
        let classes: Vec<_> = classes
            .map(|(class, n)| format!("{class}xx {}", thousands(*n)))
            .collect();
        let observed = thousands(self.main.replies);
        format!("{observed} observed{implied}. {}", classes.join(", "))
    }

    fn protection(&self) -> String {
        sessions::protection(&self.main.sessions)
    }

    fn guessed(&self, guesser: &Guesser) -> String {
        let about = if guesser.exact { "" } else { "about " };
        format!(
            "{} refused, {about}{}, {} let in.",
            count(guesser.tries, "login"),
            count(guesser.users, "name"),
            thousands(guesser.accepted),
        )
    }

    fn vantage(&self, heard: &Heard) -> &'static str {
        heard.vantage.map_or("", vantage_words)
    }

    fn heard_totals(&self, heard: &Heard) -> String {
        let totals = [
            count(heard.sessions.total, "session"),
            replies(heard.replies),
            count(heard.failures, "failed operation"),
        ];
        totals.join(", ")
    }

    fn tops(&self) -> Vec<(&'static str, String, u64)> {
        let tops = tops(self.main).into_iter();
        tops.map(|(kind, name, n)| (kind, self.cut(name), n))
            .collect()
    }

    fn direction(&self, row: &TransferRow) -> &'static str {
        direction_name(row.direction)
    }

    fn transfer(&self, row: &TransferRow) -> [String; 7] {
        transfer_cells(row)
    }

    fn elided_transfers(&self) -> String {
        let (files, bytes) = self.main.elided_transfers;
        format!(
            "And {} more of long sessions, {}.",
            thousands(files),
            size(bytes)
        )
    }
}

/// Sessions, step by step and as rows.
impl Page<'_> {
    fn sessions(&self) -> String {
        let rows = &self.main.sessions;
        let ends = rows.ends.iter();
        let ends: Vec<_> = ends
            .map(|(end, n)| format!("{} {}", end_words(*end), thousands(*n)))
            .collect();
        format!(
            "Clean {}, with failures {}, logged in {}. Ended: {}.",
            thousands(rows.clean),
            thousands(rows.failed),
            thousands(rows.logged_in),
            ends.join(", "),
        )
    }

    fn session_notes(&self) -> Vec<String> {
        let rows = &self.main.sessions;
        let mut notes = sessions::notes(self.report, rows);
        if !self.report.is_sum() && self.holds_sums() {
            notes.push(sessions::OF_SUMS.to_owned());
        }
        notes
    }

    /// True where only sums are left of the sessions, so that none can be shown.
    fn holds_sums(&self) -> bool {
        self.main.sessions.total > 0 && self.report.shown.rows.is_empty()
    }

    fn listed(&self) -> String {
        let shown = &self.report.shown;
        let rows = thousands(shown.rows.len() as u64);
        match shown.more {
            0 => format!("All {rows}"),
            more => format!(
                "{rows} with most failures, then the earliest; {} more are not listed",
                thousands(more)
            ),
        }
    }

    fn first_failure(&self, row: &SessionRow) -> String {
        let first = row.first.map(|(cause, code)| sessions::told(code, cause));
        first.unwrap_or_default()
    }

    fn has_ladder(&self, session: &SessionKey) -> bool {
        let mut ladders = self.report.shown.ladders.iter();
        ladders.any(|ladder| ladder.session == *session)
    }

    /// What shows a cause step by step.
    fn example(&self, cause: &CauseRow) -> Option<&Ladder> {
        let shown = &self.report.shown;
        let example = shown.examples.iter().find(|(id, _)| *id == cause.id)?;
        shown.ladders.get(example.1)
    }

    /// True where a session's ladder stands below this cause, and not below an earlier one.
    fn is_drawn_at(&self, ladder: &Ladder, cause: &CauseRow) -> bool {
        let shown = &self.report.shown;
        let mut there = shown.examples.iter().filter(|(_, place)| {
            let other = shown.ladders.get(*place);
            other.is_some_and(|other| other.session == ladder.session)
        });
        there.next().is_some_and(|(id, _)| *id == cause.id)
    }

    /// The worst that are no examples of causes.
    fn worst(&self) -> Vec<&Ladder> {
        let shown = &self.report.shown;
        let is_example = |place: &usize| shown.examples.iter().any(|(_, other)| other == place);
        let worst = shown.worst.iter().filter(|place| !is_example(place));
        worst
            .filter_map(|place| shown.ladders.get(*place))
            .collect()
    }

    fn has_worst(&self) -> bool {
        !self.worst().is_empty()
    }

    fn ladder_title(&self, ladder: &Ladder) -> String {
        let rows = &self.report.shown.rows;
        let row = rows.iter().find(|row| row.session == ladder.session);
        let words = row.map(|row| {
            let fails = count(row.failures.0, "failure");
            let (user, client) = (self.user(&row.user), self.client(&row.client));
            format!("{} {user} {client}: {fails}", self.time(row.start))
        });
        format!(
            "{} {}",
            self.short(&ladder.session),
            words.unwrap_or_default()
        )
    }

    fn untold(&self) -> String {
        let sessions = count(self.report.shown.untold, "more session");
        format!(
            "{sessions} would be shown step by step if there was room: ftpwhy timeline shows them."
        )
    }
}

/// Inputs and what was to be said of them.
impl Page<'_> {
    fn inputs(&self) -> Vec<InputRow> {
        let report = self.report;
        let row = |name: String, input: &crate::tally::InputTally| InputRow {
            name,
            format: input.format.unwrap_or("-"),
            vantage: input.vantage.map_or("", vantage_words),
            numbers: [
                size(input.bytes),
                thousands(input.records),
                thousands(input.taken),
                thousands(input.ignored),
                thousands(input.unrecognised),
            ],
        };
        let files = report.inputs.iter().take(FILES);
        let mut rows: Vec<_> = files
            .map(|(source, input)| row(self.cut(report.sources.name(*source, false)), input))
            .collect();
        if report.inputs.len() != 1 {
            let all = format!("all {}", count(report.inputs.len() as u64, "file"));
            rows.push(row(all, &report.all_inputs));
        }
        rows
    }

    fn notes(&self) -> Vec<(String, String)> {
        let notes = self.report.grouped.iter().take(NOTES);
        let told = notes.map(|note| {
            let (severity, kind) = (note.kind.severity().id(), note.kind.id());
            let words = terminal::told(self.report, note, Look::WHOLE);
            (format!("{severity} {kind}"), words)
        });
        told.collect()
    }

    fn notes_left_out(&self) -> Option<String> {
        let more = self.report.grouped.len().saturating_sub(NOTES);
        (more > 0).then(|| format!("{} more: ftpwhy report --as json", thousands(more as u64)))
    }
}

/// Commands down, codes across.
impl Page<'_> {
    fn matrix_codes(&self) -> &[ReplyCode] {
        let codes = &self.main.matrix.codes;
        codes.get(..CODES).unwrap_or(codes)
    }

    fn matrix_rows(&self) -> &[MatrixRow] {
        let rows = &self.main.matrix.rows;
        rows.get(..COMMANDS).unwrap_or(rows)
    }

    /// Class and number of each cell.
    fn matrix_cells(&self, row: &MatrixRow) -> Vec<(String, String)> {
        let rows = self.main.matrix.rows.iter();
        let most = rows.flat_map(|row| &row.cells).max().copied();
        let cell = |(code, n): (&ReplyCode, &u64)| match n {
            0 => (String::new(), String::new()),
            n => {
                let good = if code.is_negative() { 'b' } else { 'g' };
                let class = format!("{good}{}", charts::heat(*n, most.unwrap_or(1)));
                (class, thousands(*n))
            }
        };
        self.matrix_codes()
            .iter()
            .zip(&row.cells)
            .map(cell)
            .collect()
    }

    fn matrix_left_out(&self) -> Option<String> {
        let matrix = &self.main.matrix;
        let codes = matrix.codes.len().saturating_sub(CODES);
        let rows = matrix.rows.len().saturating_sub(COMMANDS);
        (codes + rows > 0).then(|| {
            let (codes, rows) = (count(codes as u64, "code"), count(rows as u64, "command"));
            format!("{rows} and {codes} are not shown: ftpwhy codes --matrix")
        })
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest as _, Sha256};

    use super::*;

    #[test]
    fn the_policy_names_our_own_style_and_script_and_nothing_else() {
        for (what, text) in [("style-src", STYLE), ("script-src", SCRIPT)] {
            let hash = STANDARD.encode(Sha256::digest(text));
            let rule = format!("{what} 'sha256-{hash}';");
            assert!(POLICY.contains(&rule), "the policy needs {rule}");
        }
        assert!(POLICY.starts_with("default-src 'none'; ") && !POLICY.contains("unsafe"));
    }

    #[test]
    fn only_our_own_style_and_script_are_put_in_as_they_are() {
        let template = include_str!("../../templates/report.html");
        assert_eq!(template.matches("|safe").count(), 2);
        assert!(template.contains("{{ style|safe }}") && template.contains("{{ script|safe }}"));
        for attribute in [" style=", " onclick", " src=", "http:", "https:"] {
            assert!(!template.contains(attribute), "{attribute}");
        }
    }
}
