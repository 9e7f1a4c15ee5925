//! The first lines of a report: what it comes to, and what to type next.

use super::words::{count, per_mille, percent, replies, shell, thousands};
use super::{Heard, Mark, Note, Report, vantage_words};
use crate::catalogue::Party;
use crate::diagnostic::{DiagnosticKind, Severity};
use crate::ftp::Vantage;

/// What a report comes to, in a few sentences.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// How bad it is.
    pub mark: Mark,
    /// The sentences, the most important first.
    pub lines: Vec<String>,
}

pub(super) fn verdict(report: &Report) -> Verdict {
    let main = &report.main;
    if main.sessions.total == 0 && main.replies == 0 {
        return nothing(report);
    }
    let mut lines = Vec::new();
    let mark = main.causes.iter().map(|c| c.mark).max();
    if mark.is_some() {
        failures(report, &mut lines);
    } else {
        let sessions = count(main.sessions.total, "session");
        let replies = heard_replies(main);
        lines.push(format!("No failure seen in {sessions}{replies}."));
    }
    limits_of_sight(report, &mut lines);
    let mark = mark.unwrap_or_default();
    Verdict { mark, lines }
}

fn heard_replies(heard: &Heard) -> String {
    match heard.replies {
        0 => String::new(),
        n => format!(" with {}", replies(n)),
    }
}

fn nothing(report: &Report) -> Verdict {
    let records = report.all_inputs.records;
    let mut lines = Vec::new();
    let left_out = report.main.left_out.sessions;
    let line = if left_out > 0 {
        let sessions = count(left_out, "session");
        format!("Nothing that was read fits the filter; {sessions} left out.")
    } else if is_all_open(report) {
        let records = count(records, "new record");
        format!("No session is over yet in {records}; those that are open count when they are.")
    } else if report.inputs.is_empty() || records == 0 {
        "Nothing was read.".to_owned()
    } else {
        let sources = count(report.inputs.len() as u64, "file");
        let records = count(records, "record");
        format!("No FTP was found in {records} of {sources}.")
    };
    lines.push(line);
    unread(report, &mut lines);
    let unreadable = report.diagnostics.iter().any(is_error);
    let mark = if unreadable { Mark::Severe } else { Mark::Note };
    Verdict { mark, lines }
}

/// True where all that was heard is of sessions that are left for the next run.
fn is_all_open(report: &Report) -> bool {
    let mut notes = report.diagnostics.iter();
    notes.any(|note| note.kind == DiagnosticKind::Carried)
}

fn failures(report: &Report, lines: &mut Vec<String>) {
    let main = &report.main;
    let Some(worst) = main.causes.first() else {
        return;
    };
    let operations = count(main.failures, "failed operation");
    let sessions = count(main.sessions.total, "session");
    let failed = thousands(main.sessions.failed);
    lines.push(format!("{operations} in {failed} of {sessions}."));
    let since = worst.span.first().map(|at| report.short_time(at));
    let since = since.map(|at| format!(", since {at}")).unwrap_or_default();
    let title = worst.entry.title.as_str();
    let share = if worst.count == main.failures {
        "All have one cause".to_owned()
    } else {
        format!("{} have one cause", percent(worst.share))
    };
    let share = if main.failures == 1 {
        "The cause".to_owned()
    } else {
        share
    };
    lines.push(format!("{share}{since}: {title} ({}).", worst.id));
    lines.push(mended_by(worst.side).to_owned());
}

fn mended_by(side: Party) -> &'static str {
    match side {
        Party::Client => "It can be mended on the clients' side.",
        Party::Server => "It can be mended on the server.",
        Party::Network => "It can be mended in the network: firewall, NAT or router.",
        Party::Policy => "It is a rule of the server; who set it can change it.",
        Party::Unknown => "What was read does not tell who can mend it.",
    }
}

/// What could not be seen, where it may change the verdict.
fn limits_of_sight(report: &Report, lines: &mut Vec<String>) {
    let main = &report.main;
    let all = main.sessions.protected.0;
    let hidden = all.saturating_sub(main.sessions.unhidden);
    let share = per_mille(hidden, main.sessions.total);
    if hidden > 0 && main.vantage == Some(Vantage::Wire) {
        let sessions = count(hidden, "session");
        let (is, share) = (if hidden == 1 { "is" } else { "are" }, percent(share));
        lines.push(format!(
            "{sessions} ({share}) {is} hidden by TLS: what failed in there shows only in the server's log."
        ));
    }
    if main.replies == 0 {
        let vantage = main.vantage.map_or("input", vantage_words);
        lines.push(format!(
            "This {vantage} holds no reply codes: failures that only a reply tells of are not in it."
        ));
    }
    for heard in report.also.iter().filter(|h| h.failures > main.failures) {
        let vantage = heard.vantage.map_or("", vantage_words);
        let operations = count(heard.failures, "failed operation");
        lines.push(format!(
            "The {vantage} tells of {operations}: see ALSO HEARD."
        ));
    }
    unread(report, lines);
    let (missing, times) = main.sessions.missing;
    if times > 0 {
        let bytes = count(missing, "byte");
        let places = count(times, "place");
        lines.push(format!(
            "The capture lacks {bytes} at {places}; replies may be missing."
        ));
    }
}

/// What was not read, where it is more than a hundredth.
fn unread(report: &Report, lines: &mut Vec<String>) {
    let all = &report.all_inputs;
    let share = per_mille(all.unrecognised, all.records);
    if share >= 10 {
        let records = count(all.unrecognised, "record");
        let share = percent(share);
        lines.push(format!(
            "{records} ({share}) could not be understood: see COVERAGE."
        ));
    }
    if report.diagnostics.iter().any(is_error) {
        lines.push("Part of the input could not be read: see COVERAGE.".to_owned());
    }
}

fn is_error(note: &Note) -> bool {
    note.kind.severity() == Severity::Error
}

/// Commands that show more of the biggest cause, or why nothing was read.
pub(super) fn next(report: &Report) -> Vec<String> {
    let main = &report.main;
    let is_here = !report.is_sum();
    let path = |source| shell(report.sources.path(source)).filter(|_| is_here);
    if let Some(worst) = main.causes.first() {
        let shown = worst.evidence.first();
        let place = shown.map(|e| (path(e.origin.source), e.session.to_string()));
        let ladder = place.and_then(|(path, session)| {
            Some(format!(
                "ftpwhy timeline {} -s {}",
                path?,
                session.get(..8)?
            ))
        });
        let explain = format!("ftpwhy explain {}", worst.id);
        return ladder.into_iter().chain([explain]).collect();
    }
    let is_known_why = main.left_out.sessions > 0 || is_all_open(report);
    if report.is_sum() || is_known_why && main.sessions.total == 0 {
        return Vec::new();
    }
    let Some(first) = report
        .inputs
        .first()
        .and_then(|(_, i)| shell(i.path.bytes()))
    else {
        return vec!["ftpwhy --help".to_owned()];
    };
    if main.sessions.total == 0 {
        let known = report.inputs.iter().any(|(_, i)| i.format.is_some());
        let about = if known {
            format!(" {first}")
        } else {
            String::new()
        };
        return vec![format!("ftpwhy formats{about}")];
    }
    vec![format!("ftpwhy sessions {first}")]
}
