//! A report in one line for monitoring systems: how things stand, why, and numbers to draw.
//!
//! `FTP WARNING - why | replies=5;;;0 failures=1;;;0 …`, as the Monitoring Plugins Development Guidelines have it.

use super::words::percent;
use super::{Report, words};
use crate::ftp::Verb;
use crate::text;

/// The line; `status` is the word for how things stand. Without a report there are no numbers.
pub fn line(status: &str, why: &str, report: Option<&Report>) -> String {
    // What stands behind the first bar is numbers.
    let why = text::terminal_str(why, true).replace('|', "/");
    let numbers = report.map(numbers).unwrap_or_default();
    format!("FTP {status} - {why}{numbers}\n")
}

fn numbers(report: &Report) -> String {
    let main = &report.main;
    let share = words::per_mille(main.sessions.failed, main.sessions.total);
    let share = percent(share).replace(' ', "");
    let login = main.latency.iter().find(|w| w.verb == Some(Verb::PASS));
    let login = login.map(|login| format!(" login_p90={:.6}s;;;0", login.p90.as_secs_f64()));
    format!(
        " | replies={};;;0 sessions={};;;0 failures={};;;0 failed={share};;;0;100{}",
        main.replies + main.implied,
        main.sessions.total,
        main.failures,
        login.unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Options;
    use crate::tally::Tallies;

    #[test]
    fn words_of_strangers_end_neither_the_line_nor_the_text() {
        let told = line("OK", "a|b\nc\x1b[31m", None);
        assert_eq!(told, "FTP OK - a/b / c\\x1b[31m\n");
    }

    #[test]
    fn numbers_stand_behind_the_bar() {
        let report = Report::new(&Tallies::default(), &Options::default());
        let told = line("UNKNOWN", "Nothing was read.", Some(&report));
        let expected = "FTP UNKNOWN - Nothing was read. | replies=0;;;0 sessions=0;;;0 failures=0;;;0 failed=0.0%;;;0;100\n";
        assert_eq!(told, expected);
    }
}
