//! Patterns in words: the same for every form that people read. How names of the input are shown is the form's matter.

use super::{AtOnce, Pattern, SharedRow};
use crate::ftp::Host;
use crate::report::layout::{Look, Page};
use crate::report::words::{count, lasting, percent, thousands};
use crate::report::{Heard, Report};
use crate::tally::{LetIn, Limit};
use crate::text::Text;
use crate::time::Timestamp;

/// How a form shows text of the input, in at most so many characters.
pub(in crate::report) type Show<'s> = dyn Fn(&Text, usize) -> String + 's;

/// `1 of 12 clients`
pub(in crate::report) fn of_all(number: u64, all: Option<u64>, noun: &str) -> String {
    match all {
        Some(all) if all > number => format!("{} of {}", thousands(number), count(all, noun)),
        _ => count(number, noun),
    }
}

/// When and where the failures of a cause came, and what filled a limit: what each is about, and its words.
pub(in crate::report) fn told_pattern(
    report: &Report,
    pattern: &Pattern,
    total: u64,
    show: &Show<'_>,
) -> Vec<(&'static str, Vec<String>)> {
    let mut told = Vec::new();
    let mut when = Vec::new();
    if let Some(burst) = &pattern.burst {
        let minutes = count(u64::try_from(burst.seconds / 60).unwrap_or(0), "minute");
        let from = report.short_time(burst.from);
        when.push(format!(
            "{} of {} within {minutes} from {from}",
            thousands(burst.count),
            thousands(total)
        ));
    }
    let began = pattern.began_after;
    when.extend(began.map(|after| format!("the first {} into the input", lasting(after))));
    if !when.is_empty() {
        told.push(("when", when));
    }
    if let Some(directory) = &pattern.directory {
        told.push(("where", vec![show(directory, 60)]));
    }
    if let Some(open) = &pattern.open {
        told.push(("limit", vec![open.words()]));
    }
    if let Some((low, high, number)) = pattern.ports {
        let words = format!("{low} to {high}, {} given out", count(number, "port"));
        told.push(("ports", vec![words]));
    }
    told
}

/// The same as lines of text.
pub(in crate::report) fn lines(page: &mut Page, report: &Report, pattern: &Pattern, total: u64) {
    let look = page.look;
    let show = |text: &Text, most| look.cut(look.show(text), most);
    for (about, words) in told_pattern(report, pattern, total, &show) {
        page.groups(&format!("     {about:<6}"), &words);
    }
}

impl AtOnce {
    fn words(&self) -> String {
        let whose = match self.limit {
            Limit::Total => "",
            Limit::PerClient => " of the client",
        };
        let refusals = count(self.refusals, "refusal");
        if self.least == self.most {
            let open = count(self.most, "session");
            return format!("{open}{whose} open at each of {refusals}");
        }
        let (least, most) = (thousands(self.least), thousands(self.most));
        format!("{least} to {most} sessions{whose} open at {refusals}")
    }
}

/// What is compared where it is told what failures share.
pub(in crate::report) fn shared_about(heard: &Heard) -> String {
    let (failed, others) = heard.patterns.operations;
    format!(
        "{} failed operations, {} others",
        thousands(failed),
        thousands(others)
    )
}

/// Shares of failed operations and of others, and how many times more often.
pub(in crate::report) fn shared_cells(row: &SharedRow) -> [String; 3] {
    let times = row
        .tenths
        .map(|t| format!("{}.{}", thousands(t / 10), t % 10));
    [
        percent(row.failed.1),
        percent(row.others.1),
        times.unwrap_or_else(|| "only".to_owned()),
    ]
}

/// What the failures share, as a table of few lines.
pub(in crate::report) fn section(page: &mut Page, heard: &Heard) {
    let patterns = &heard.patterns;
    if patterns.shared.is_empty() {
        return;
    }
    page.heading("WHAT FAILURES SHARE", &shared_about(heard));
    let titles = ["", "", "failed", "others", "times"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    for row in &patterns.shared {
        let value = page.look.cut(page.look.show(&row.value), 40);
        let mut cells = vec![row.attribute.to_owned(), value];
        cells.extend(shared_cells(row));
        rows.push(cells);
    }
    page.table(3, &[false, false, true, true, true], rows);
}

/// What logins show across sessions: what each is about, and its words.
pub(in crate::report) fn told_logins(
    report: &Report,
    heard: &Heard,
    show: &Show<'_>,
) -> Vec<(&'static str, String)> {
    let patterns = &heard.patterns;
    let spread = patterns.spread.iter().map(|row| {
        let words = format!(
            "{} {}: {} refused, {}, {} let in",
            row.kind,
            show(&row.value, 40),
            count(row.tries, "login"),
            count(row.clients, "client"),
            thousands(row.accepted),
        );
        ("brute force", words)
    });
    let turned_away = patterns.turned_away.iter().map(|row| {
        let time = |at: Option<Timestamp>| at.map(|at| report.short_time(at)).unwrap_or_default();
        let words = format!(
            "{}: {} refused from {} since {}, let in until {}; something changed there",
            show(&row.user, 40),
            count(row.tries, "login"),
            count(row.clients, "client"),
            time(row.refused.first()),
            time(row.let_in),
        );
        ("turned away", words)
    });
    let mut told: Vec<_> = spread.chain(turned_away).collect();
    let clear = &patterns.clear;
    if clear.count > 0 {
        let names: Vec<_> = clear.names.iter().map(|name| show(name, 24)).collect();
        let more = clear.users.saturating_sub(names.len() as u64);
        let more = if more > 0 {
            format!(" and {} more", thousands(more))
        } else {
            String::new()
        };
        let words = format!(
            "{}: {}{more}",
            count(clear.count, "login"),
            names.join(", ")
        );
        told.push(("clear text", words));
    }
    told
}

/// The same as lines of text.
pub(in crate::report) fn logins(page: &mut Page, report: &Report, heard: &Heard) {
    let look = page.look;
    let show = |text: &Text, most| look.cut(look.show(text), most);
    for (about, words) in told_logins(report, heard, &show) {
        page.hang(&format!("   {about:<13}"), &words);
    }
}

/// A client's name for a row about guessing, with the session to look at first.
pub(in crate::report) fn guessed(
    report: &Report,
    client: &Host,
    let_in: Option<&LetIn>,
    look: Look,
) -> Option<String> {
    let let_in = let_in?;
    let user = let_in
        .user
        .as_ref()
        .map(|user| look.cut(look.show(user), 24));
    let session: String = let_in.session.to_string().chars().take(8).collect();
    Some(format!(
        "{} got in as {} at {}, session {session}: look there first",
        look.cut(client.terminal(look.ascii), 40),
        user.unwrap_or_default(),
        let_in
            .at
            .map(|at| report.short_time(at))
            .unwrap_or_default(),
    ))
}
