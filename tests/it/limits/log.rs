//! Bounds on lines of logs and on what is looked for in them.

use std::fmt::Write as _;

use ftpwhy::diagnostic::DiagnosticKind;
use ftpwhy::limits;
use ftpwhy::run::Findings;

use super::{count, read, replies, sessions};

const DATE: &str = "Sun Mar  1 00:00:00 2026";

/// A line of vsftpd.
fn line(pid: usize, user: &str, event: &str, rest: &str) -> String {
    let user = if user.is_empty() {
        String::new()
    } else {
        format!("[{user}] ")
    };
    format!("{DATE} [pid {pid}] {user}{event}: Client \"203.0.113.7\"{rest}\n")
}

fn connect(pid: usize) -> String {
    line(pid, "", "CONNECT", "")
}

fn reply(pid: usize, text: &str) -> String {
    line(pid, "", "FTP response", &format!(", \"{text}\""))
}

fn vsftpd(lines: &str) -> Findings {
    read("vsftpd.log", lines.as_bytes())
}

/// Records, those taken and those that nobody knew.
fn accounts(findings: &Findings) -> (u64, u64, u64) {
    let input = findings.tallies.inputs.values().next().unwrap();
    assert_eq!(
        input.records,
        input.taken + input.ignored + input.unrecognised
    );
    (input.records, input.taken, input.unrecognised)
}

#[test]
fn a_line_without_end_is_one_that_nobody_knows() {
    let long = "x".repeat(3 * limits::LOG_LINE_BYTES);
    let lines = [
        connect(10),
        reply(10, "220 hi"),
        long + "\n",
        reply(10, "421 bye"),
    ]
    .concat();
    let findings = vsftpd(&lines);
    assert_eq!(accounts(&findings), (4, 3, 1));
    assert_eq!((sessions(&findings), replies(&findings)), (1, 2));
    assert_eq!(count(&findings, DiagnosticKind::Malformed), 1);
}

#[test]
fn a_name_of_many_brackets_costs_its_line_alone() {
    let named = |brackets: usize| {
        let user = "]".repeat(brackets);
        let strange = line(10, &user, "FTP response", ", \"230 in\"");
        let findings = vsftpd(
            &[
                connect(10),
                reply(10, "220 hi"),
                strange,
                reply(10, "421 bye"),
            ]
            .concat(),
        );
        (accounts(&findings), replies(&findings))
    };
    let most = limits::LOG_NAME_ENDS - 1;
    assert_eq!(named(most), ((4, 4, 0), 3));
    assert_eq!(named(most + 1), ((4, 3, 1), 2));
    assert_eq!(named(60_000), ((4, 3, 1), 2));
}

#[test]
fn the_login_of_one_of_many_is_looked_for_among_the_newest() {
    // The process that lets a user in is not the one that spoke, and not its neighbour.
    let told = |others: usize| {
        let mut lines = connect(1000);
        for other in 1..=others {
            lines += &connect(1000 + 1000 * other);
        }
        lines += &line(997, "bob", "OK LOGIN", "");
        lines += &reply(1000, "421 bye");
        let findings = vsftpd(&lines);
        assert_eq!(accounts(&findings).2, 0);
        sessions(&findings)
    };
    let most = limits::LOG_CANDIDATES - 1;
    assert_eq!(told(most), most as u64 + 1);
    assert_eq!(told(most + 1), most as u64 + 3);
}

#[test]
fn a_header_of_too_many_columns_costs_the_lines_below_it() {
    let fields = "date time c-ip cs-username s-ip s-port cs-method cs-uri-stem sc-status sc-win32-status sc-substatus x-session";
    let values = "2026-03-01 00:00:00 203.0.113.7 - 192.0.2.1 21 USER bob 331 0 0 1";
    let more = |word: &str, count: usize| format!(" {word}").repeat(count);
    let head = "#Software: Microsoft Internet Information Services 7.5\n#Version: 1.0\n#Date: 2026-03-01 00:00:00\n";
    let told = |columns: usize| {
        let extra = columns - fields.split(' ').count();
        let wide = format!(
            "#Fields: {fields}{}\n{values}{}\n",
            more("x-more", extra),
            more("-", extra)
        );
        let text =
            format!("{head}#Fields: {fields}\n{values}\n{wide}#Fields: {fields}\n{values}\n");
        let findings = read("u_ex.log", text.as_bytes());
        (accounts(&findings), replies(&findings))
    };
    assert_eq!(told(limits::LOG_COLUMNS), ((9, 3, 0), 3));
    assert_eq!(told(limits::LOG_COLUMNS + 1), ((9, 2, 1), 2));
    assert_eq!(told(8000), ((9, 2, 1), 2));
}

#[test]
fn a_format_is_told_by_the_first_lines_that_are_not_empty() {
    let told = |before: usize| {
        let others = "Mar  1 00:00:00 ftp1 sshd[7]: Server listening on 0.0.0.0 port 22.\n\n";
        let own = "Mar  1 00:00:00 ftp1 pure-ftpd: (?@203.0.113.7) [INFO] New connection from 203.0.113.7\n";
        let findings = read("syslog", (others.repeat(before) + own).as_bytes());
        let unknown = count(&findings, DiagnosticKind::UnknownFormat);
        (sessions(&findings), unknown)
    };
    assert_eq!(told(limits::SNIFF_LINES - 1), (1, 0));
    assert_eq!(told(limits::SNIFF_LINES), (0, 1));
}

#[test]
fn a_format_is_told_by_the_first_bytes() {
    let told = |before: usize| {
        let other = format!("Mar  1 00:00:00 ftp1 sshd[7]: {}\n", "x".repeat(4000));
        let own = "Mar  1 00:00:00 ftp1 pure-ftpd: (?@203.0.113.7) [INFO] New connection from 203.0.113.7\n";
        let lines = other.repeat(before / other.len()) + own;
        let findings = read("syslog", lines.as_bytes());
        let unknown = count(&findings, DiagnosticKind::UnknownFormat);
        (sessions(&findings), unknown)
    };
    assert_eq!(told(limits::SNIFF_BYTES - 200), (1, 0));
    assert_eq!(told(limits::SNIFF_BYTES + 5000), (0, 1));
}

/// Sessions of one user and host that all end only with the log: to forget one must not take as long as there are others.
#[test]
fn thousands_of_sessions_that_look_alike_are_each_counted() {
    let mut lines = String::new();
    let count = 20_000;
    for _ in 0..count {
        lines += "Mar  1 00:00:00 ftp1 pure-ftpd: (?@203.0.113.7) [INFO] New connection from 203.0.113.7\n";
    }
    let findings = read("pure.log", lines.as_bytes());
    assert_eq!(accounts(&findings), (count, count, 0));
    assert_eq!(sessions(&findings), count);
}

/// Each line may end the reply, or the one before it was inside: what is undecided is decided once.
#[test]
fn replies_that_may_end_anywhere_are_put_together_in_time() {
    let mut lines = connect(10);
    let pairs = 8000;
    for _ in 0..pairs {
        lines += &reply(10, "250-a");
        lines += &reply(10, "550 b");
    }
    lines += &line(10, "", "FTP command", ", \"NOOP\"");
    lines += &reply(10, "200 ok");
    let findings = vsftpd(&lines);
    assert_eq!(accounts(&findings), (2 * pairs + 3, 2 * pairs + 3, 0));
    assert_eq!(replies(&findings), pairs + 1);
}

#[test]
fn a_repeated_message_counts_so_often_and_no_more() {
    let line = |times: u64| {
        let message = "message repeated TIMES times: [ (?@203.0.113.7) [INFO] New connection from 203.0.113.7]";
        let message = message.replace("TIMES", &times.to_string());
        format!("Mar  1 00:00:00 ftp1 pure-ftpd: {message}\n")
    };
    let told = |times: u64| sessions(&read("pure.log", line(times).as_bytes()));
    assert_eq!(told(7), 7);
    let most = u64::from(limits::LOG_REPETITIONS);
    assert_eq!(told(most + 7), most);
}

#[test]
fn a_log_of_a_hundred_years_is_counted_by_longer_stretches() {
    let mut lines = String::new();
    for year in 1970..2070 {
        for month in ["Jan", "Apr", "Jul", "Oct"] {
            for day in 1..=28 {
                let date = format!("Sun {month} {day:2} 00:00:00 {year}");
                writeln!(lines, "{date} 1 203.0.113.7 5 /a b _ o r bob ftp 0 * c").unwrap();
            }
        }
    }
    let findings = read("xferlog", lines.as_bytes());
    assert_eq!(accounts(&findings), (11_200, 11_200, 0));
    assert_eq!(sessions(&findings), 11_200);
}
