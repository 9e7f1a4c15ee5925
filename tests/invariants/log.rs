//! Lines in any format: every line is counted, cuts change nothing, a password is not shown.
//!
//! An input is: the format, an envelope for all lines, the size of windows, the place of a cut, a line with a password and
//! its place, and the lines.

use std::sync::LazyLock;

use ftpwhy::diagnostic::SourceId;
use ftpwhy::input::{Decode as _, Windows};
use ftpwhy::log::{Cutter, Detected, FORMATS, Format, LogReader};
use ftpwhy::tally::InputTally;
use ftpwhy::time::Clock;
use jiff::tz::TimeZone;

use super::shown::{Ended, Places, Shown, assert_same, shown};
use super::{CANARY, Choices, contains, line_starts};

/// What stands before each line. The first is nothing.
const ENVELOPES: &[&str] = &[
    "",
    "Nov 22 08:16:55 ftp1 vsftpd[77]: ",
    "<30>Nov 22 08:16:55 ftp1 proftpd[77]: ",
    "Nov  2 08:16:55 ftp1 pure-ftpd: ",
    "2026-11-22T08:16:55.123456+00:00 ftp1 ftpd[77]: ",
    "<134>1 2026-11-22T08:16:55Z ftp1 sftpgo 77 - - ",
    "2026-11-22T08:16:55.123456789Z stdout F ",
    "ftp_1  | ",
    "/var/log/ftp.log:7:",
];

const YEAR: i64 = 2026;

fn clock() -> Clock {
    Clock::new(TimeZone::UTC, None, Some(YEAR))
}

/// Reads sources one behind the other, in windows of so many bytes or a little more.
pub fn read(format: Detected, sources: &[&[u8]], window_bytes: usize, places: Places) -> Shown {
    shown(places, |out| {
        let mut reader = LogReader::new(format, SourceId(0), clock());
        for (id, source) in (0..).zip(sources) {
            if id > 0 {
                reader.begin_source(SourceId(id), clock());
            }
            let mut cutter = Cutter::new(format);
            let mut windows = Windows::new(*source, window_bytes);
            while let Some(window) = windows.next(&mut cutter, &|_| {}) {
                let part = format.decode(&window);
                reader.merge(window.offset, part, out);
            }
        }
        reader.finish(out);
        let inputs = reader.all_counts().iter().map(|(source, counts)| {
            let input = InputTally {
                records: counts.records,
                taken: counts.taken,
                ignored: counts.ignored,
                unrecognised: counts.unrecognised,
                format: format.describe().map(|d| d.name),
                vantage: format.describe().map(|d| d.vantage),
                ..InputTally::default()
            };
            (*source, input)
        });
        Ended {
            inputs: inputs.collect(),
            diagnostics: reader.take_diagnostics(),
        }
    })
}

/// Any window gives the same.
pub fn assert_windows_change_nothing(format: Detected, lines: &[u8], window_bytes: usize) -> Shown {
    let whole = read(format, &[lines], lines.len() + 1, Places::Shown);
    let parts = read(format, &[lines], window_bytes, Places::Shown);
    assert_same(
        &parts.rows,
        &whole.rows,
        &format!("windows of {window_bytes}"),
    );
    assert_same(
        &parts.numbers(),
        &whole.numbers(),
        &format!("windows of {window_bytes}"),
    );
    whole
}

/// Two files are one: the writer goes on in the next one. Not asked where lines depend on what the first file says of
/// them: columns that a header names, an order of day and month, a year that has passed.
pub fn assert_files_change_nothing(format: Detected, lines: &[u8], cut: usize) {
    let starts = line_starts(lines);
    let Some(at) = starts.get(cut % starts.len().max(1)) else {
        return;
    };
    if has_memory(lines) {
        return;
    }
    let (first, second) = lines.split_at(*at);
    let whole = read(format, &[lines], lines.len() + 1, Places::Hidden);
    let parts = read(format, &[first, second], lines.len() + 1, Places::Hidden);
    assert_same(&parts.rows, &whole.rows, &format!("cut at {at}"));
    let sum = |shown: &Shown| {
        let mut sum = [0; 4];
        for input in shown.tallies.inputs.values() {
            let counts = [
                input.records,
                input.taken,
                input.ignored,
                input.unrecognised,
            ];
            sum = std::array::from_fn(|index| sum[index] + counts[index]);
        }
        sum
    };
    assert_eq!(sum(&parts), sum(&whole), "cut at {at}");
}

/// True where what one line says decides how a later one is read.
fn has_memory(lines: &[u8]) -> bool {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let months = MONTHS
        .iter()
        .filter(|month| contains(lines, month.as_bytes()));
    let is_unordered = FORMATS
        .iter()
        .filter(|format| format.describe().name == "filezilla-server-0")
        .any(|format| {
            let mut lines = lines.split(|b| *b == b'\n');
            lines.any(|line| takes(*format, line))
        });
    months.count() > 1 || is_unordered || contains(lines, b"#")
}

fn takes(format: &dyn Format, line: &[u8]) -> bool {
    let read = format.read(&ftpwhy::log::Bare::read(line));
    matches!(read, ftpwhy::log::Read::Taken(_))
}

static PASSWORDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(passwords);

/// Lines in which a client sends a password, as the formats' samples have them, each with the line before it and with the
/// headers that say what its columns are.
fn passwords() -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for sample in FORMATS.iter().flat_map(|f| f.describe().samples) {
        let lines: Vec<&str> = sample.lines.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let Some(planted) = planted(line) else {
                continue;
            };
            let before = lines.iter().take(index).enumerate();
            let is_of_use = |(at, line): &(usize, &&str)| line.starts_with('#') || at + 1 == index;
            let block = before.filter(is_of_use).map(|(_, line)| *line);
            let block: Vec<&str> = block.chain([&*planted, ""]).collect();
            found.push(block.join("\n").into_bytes());
        }
    }
    found
}

/// The line with another password.
fn planted(line: &str) -> Option<String> {
    let at = line.to_ascii_uppercase().find("PASS")?;
    let (before, rest) = line.split_at(at + 4);
    let is_verb = !before
        .get(..at)?
        .ends_with(|c: char| c.is_ascii_alphanumeric());
    let mut secret = rest.trim_start_matches([' ', '\t']);
    if secret.len() == rest.len() {
        // `"command":"PASS","command_data":"x"`
        secret = rest.strip_prefix("\",\"command_data\":\"")?;
    }
    let gap = rest.get(..rest.len() - secret.len())?;
    let end = secret
        .find([' ', '\t', '"', '\'', ']'])
        .unwrap_or(secret.len());
    let is_one = is_verb && end > 0;
    is_one.then(|| format!("{before}{gap}{CANARY}{}", &secret[end..]))
}

/// Reads lines in a format that they need not have.
pub fn check(data: &[u8]) {
    if contains(data, CANARY.as_bytes()) {
        return;
    }
    let mut choices = Choices::new(data);
    let format = choices.byte();
    let envelope = ENVELOPES[choices.byte() % ENVELOPES.len()];
    let (window_bytes, cut) = (1 + choices.byte(), choices.byte());
    let (secret, place) = (choices.byte(), choices.byte());
    let lines = in_envelopes(envelope, choices.rest());
    let named = FORMATS
        .get(format)
        .and_then(|f| Detected::named(f.describe().name));
    let Some(format) = named.or_else(|| Detected::by_head(&lines)) else {
        return;
    };
    let lines = with_secret(lines, secret, place);
    let whole = assert_windows_change_nothing(format, &lines, window_bytes);
    whole.assert_fit_to_show();
    assert_files_change_nothing(format, &lines, cut);
}

fn in_envelopes(envelope: &str, lines: &[u8]) -> Vec<u8> {
    let lines = lines.split_inclusive(|b| *b == b'\n');
    lines
        .flat_map(|line| [envelope.as_bytes(), line].concat())
        .collect()
}

/// Plants a line with a password before some line.
fn with_secret(lines: Vec<u8>, secret: usize, place: usize) -> Vec<u8> {
    let Some(secret) = PASSWORDS.get(secret) else {
        return lines;
    };
    let starts = line_starts(&lines);
    let at = starts
        .get(place % starts.len().max(1))
        .copied()
        .unwrap_or(0);
    let (before, after) = lines.split_at(at);
    [before, secret, after].concat()
}

/// Each format's samples, with and without envelope, detected and named, and a log of a server in syslog.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (index, format) in (0_u8..).zip(FORMATS) {
        for (turn, sample) in (0_u8..).zip(format.describe().samples) {
            let lines = format!("{}\n", sample.lines);
            let turn = turn.wrapping_add(index);
            seeds.push([&[index, 0, 40, turn, turn, turn], lines.as_bytes()].concat());
            seeds.push([&[index, turn, 90, turn, 255, 0], lines.as_bytes()].concat());
            seeds.push([&[255, 0, 7, turn, turn, 1], lines.as_bytes()].concat());
        }
    }
    for text in super::seeds::logs() {
        seeds.push([&[255, 0, 200, 9, 3, 7], &*text].concat());
    }
    seeds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_formats_have_a_line_with_a_password() {
        let found = passwords();
        assert!(found.len() > 25, "{}", found.len());
        for block in &found {
            assert!(contains(block, CANARY.as_bytes()));
        }
    }

    #[test]
    fn a_header_is_no_memory_of_a_file_without_one() {
        assert!(has_memory(b"#Fields: a\n") && has_memory(b"1 Jan\n2 Feb\n"));
        assert!(!has_memory(b"Nov 22 08:16:55 ftp1 vsftpd[77]: x\n"));
    }
}
