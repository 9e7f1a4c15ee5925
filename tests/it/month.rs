//! A month of nights: recordings of real servers, their times moved to each day, read each night with a state, as mail,
//! metrics and JSON. On three days something else goes wrong.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::civil::{DateTime, date};
use mail_parser::MessageParser;
use prometheus_parse::{Scrape, Value};

use crate::cli::ftpwhy;
use crate::state::Sum;
use crate::support::{Temporary, files_below, testdata};

const DAYS: i8 = 30;

/// How the lines of a log begin: letters of the stamp, and its form.
const VSFTPD: (usize, &str) = (24, "%a %b %e %H:%M:%S %Y");
const SYSLOG: (usize, &str) = (15, "%b %e %H:%M:%S");

/// What happens each day, and what goes wrong each day: from which hour and minute, and in which recording. The last one
/// goes on into the next day.
const EACH_DAY: [(i8, i8, &str); 8] = [
    (2, 15, "demo/healthy.vsftpd.log"),
    (6, 40, "cases/other-port/vsftpd.log"),
    (8, 0, "cases/multiline-replies/vsftpd.log"),
    (9, 30, "cases/idle-time-out/vsftpd.log"),
    (13, 5, "cases/tls-explicit/vsftpd.log"),
    (17, 20, "cases/time-zone/vsftpd.log"),
    (20, 0, "cases/port-used-again/vsftpd.log"),
    (23, 59, "demo/healthy.vsftpd.log"),
];

/// What happens on working days only.
const WORKING_DAYS: [(i8, i8, &str); 3] = [
    (10, 10, "cases/log-cut-in-session/vsftpd.log.1"),
    (10, 11, "cases/log-cut-in-session/vsftpd.log"),
    (15, 45, "cases/rotated-log/vsftpd.log.1"),
];

/// What another server writes each day.
const OTHER_SERVER: [(i8, i8, &str); 2] = [
    (4, 0, "cases/pureftpd-multiline/server.syslog"),
    (16, 0, "cases/pureftpd-multiline/server.syslog"),
];

/// What goes wrong on one day alone, and what is told of it.
const INCIDENTS: [(i8, &str, &str); 3] = [
    (7, "demo/disk-full.vsftpd.log", "storage-io-error"),
    (
        16,
        "cases/active-unreachable/vsftpd.log",
        "data-active-connect-failed",
    ),
    (25, "demo/password-guessing.vsftpd.log", "abuse-brute-force"),
];

/// A line and when it was written.
type Line = (DateTime, String);

/// A recording as it would have been at another time: lines keep their distance.
fn moved(recording: &str, begins: DateTime, (length, form): (usize, &str)) -> Vec<Line> {
    let text = std::fs::read_to_string(testdata().join(recording)).unwrap();
    let written = |line: &str| {
        let (stamp, _) = line.split_at(length);
        // Syslog tells no year.
        let read = DateTime::strptime(form, stamp);
        read.or_else(|_| DateTime::strptime(format!("{form} %Y"), format!("{stamp} 2026")))
            .unwrap()
    };
    let first = written(&text);
    let line = |line: &str| {
        let at = begins + written(line).duration_since(first);
        let (_, rest) = line.split_at(length);
        (at, format!("{}{rest}\n", at.strftime(form)))
    };
    text.lines().map(line).collect()
}

/// All lines of a day, in order.
fn lines_of(day: i8) -> [Vec<Line>; 2] {
    let today = date(2026, 3, day);
    let mut plan = EACH_DAY.to_vec();
    if !matches!(today.weekday().to_monday_zero_offset(), 5 | 6) {
        plan.extend(WORKING_DAYS);
    }
    let planted = INCIDENTS.iter().find(|(on, ..)| *on == day);
    let planted = planted.map(|(_, recording, _)| moved(recording, today.at(11, 30, 0, 0), VSFTPD));
    // Who is up to no good comes from elsewhere.
    let planted = planted.into_iter().flatten();
    let planted = planted.map(|(at, line)| (at, line.replace("198.51.100.", "203.0.113.")));
    let move_all = |plan: &[(i8, i8, &str)], form| {
        let lines = plan.iter().flat_map(|(hour, minute, recording)| {
            // The last one of a day is cut by the night.
            let second = if *minute == 59 { 57 } else { 0 };
            moved(recording, today.at(*hour, *minute, second, 0), form)
        });
        let mut lines: Vec<Line> = lines.collect();
        lines.sort_by_key(|(at, _)| *at);
        lines
    };
    let mut lines = move_all(&plan, VSFTPD);
    lines.extend(planted);
    lines.sort_by_key(|(at, _)| *at);
    [lines, move_all(&OTHER_SERVER, SYSLOG)]
}

/// A log that is written to and rotated.
struct Log {
    path: PathBuf,
    rest: Vec<Line>,
    whole: String,
}

impl Log {
    fn new(path: PathBuf) -> Self {
        Self {
            path,
            rest: Vec::new(),
            whole: String::new(),
        }
    }

    /// Writes what there is up to a time.
    fn write(&mut self, until: DateTime) {
        use std::io::Write as _;
        let now = self.rest.iter().take_while(|(at, _)| *at < until).count();
        let text: String = self.rest.drain(..now).map(|(_, line)| line).collect();
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.create(true).append(true).open(&self.path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        self.whole.push_str(&text);
    }

    /// `x.log` becomes `x.log-20260308`: by another name, or as a copy.
    fn rotate(&self, day: i8, is_copied: bool) {
        let mut name = self.path.clone().into_os_string();
        name.push(format!("-202603{day:02}"));
        if is_copied {
            std::fs::copy(&self.path, name).unwrap();
            std::fs::write(&self.path, "").unwrap();
        } else {
            std::fs::rename(&self.path, name).unwrap();
        }
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The counters of metrics, by name and labels.
fn counters(path: &Path) -> BTreeMap<String, u64> {
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| Ok(line.to_owned()));
    let samples = Scrape::parse(lines).unwrap().samples.into_iter();
    let counters = samples.filter_map(|sample| {
        let Value::Counter(count) = sample.value else {
            return None;
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "counts"
        )]
        let count = count as u64;
        let labels: BTreeMap<_, _> = sample.labels.iter().collect();
        Some((format!("{} {labels:?}", sample.metric), count))
    });
    counters.collect()
}

/// What stands in the mail of a night.
fn assert_names(mail: &[u8], cause: &str) {
    let message = MessageParser::new().parse(mail).unwrap();
    let subject = message.subject().unwrap();
    assert!(subject.starts_with("[ftp1] !"), "{subject}");
    assert!(
        subject.contains(&format!("new-cause ({cause} ")),
        "{subject}"
    );
    for body in [message.body_text(0), message.body_html(0)] {
        assert!(body.unwrap().contains(cause), "{cause}");
    }
}

#[test]
fn a_month_of_nights_speaks_on_three_of_them_and_adds_up() {
    let folder = Temporary::new();
    let (logs, reports) = (folder.path("logs"), folder.path("reports"));
    std::fs::create_dir(&logs).unwrap();
    std::fs::create_dir(&reports).unwrap();
    let (state, metrics) = (folder.path("state"), folder.path("ftp.prom"));
    let mut written = [
        Log::new(logs.join("vsftpd.log")),
        Log::new(logs.join("ftp.log")),
    ];
    let mut before = BTreeMap::new();
    for day in 1..=DAYS {
        let midnight = date(2026, 3, day).tomorrow().unwrap().at(0, 0, 0, 0);
        let is_last = day == DAYS;
        for (log, lines) in written.iter_mut().zip(lines_of(day)) {
            log.rest.extend(lines);
            log.write(if is_last { DateTime::MAX } else { midnight });
        }
        if day % 7 == 1 {
            written[0].rotate(day, false);
            written[1].rotate(day, true);
        }
        let report = reports.join(format!("{day:02}.json"));
        let mut night = vec![text(&logs), "--state", text(&state), "--log-tz", "UTC"];
        night.extend(["--year", "2026", "--fail-on", "new-cause", "--quiet-ok"]);
        night.extend(["--as", "eml", "--mail-to", "ops@example.org"]);
        night.extend(["--subject-prefix", "[ftp1]"]);
        night.extend(["-o", "-", "-o", text(&metrics), "-o", text(&report)]);
        night.extend(is_last.then_some("--close"));
        let output = ftpwhy(&night);
        let planted = INCIDENTS.iter().find(|(on, ..)| *on == day);
        let status = i32::from(planted.is_some());
        assert_eq!(output.status.code(), Some(status), "{day}: {output:?}");
        if let Some((_, _, cause)) = planted {
            assert_names(&output.stdout, cause);
        } else {
            assert!(output.stdout.is_empty(), "{day}: {output:?}");
            assert!(output.stderr.is_empty(), "{day}: {output:?}");
        }
        let now = counters(&metrics);
        for (counter, count) in &before {
            assert!(now.get(counter) >= Some(count), "{day}: {counter} {count}");
        }
        assert!(now.values().sum::<u64>() > before.values().sum(), "{day}");
        before = now;
    }
    assert_adds_up(&folder, &written, (&reports, &before));
}

/// Reports of the nights, added up here and by the program, and their last metrics, are those of one run over everything.
fn assert_adds_up(
    folder: &Temporary,
    written: &[Log],
    (reports, metrics): (&Path, &BTreeMap<String, u64>),
) {
    let all = folder.path("all");
    std::fs::create_dir(&all).unwrap();
    for log in written {
        std::fs::write(all.join(log.path.file_name().unwrap()), &log.whole).unwrap();
    }
    let once = folder.path("once.prom");
    let output = ftpwhy(&[
        text(&all),
        "--log-tz",
        "UTC",
        "--year",
        "2026",
        "--json",
        "-o",
        "-",
        "-o",
        text(&once),
    ]);
    let mut whole = Sum::default();
    whole.add(std::str::from_utf8(&output.stdout).unwrap());
    let files = files_below(reports);
    assert_eq!(files.len(), usize::try_from(DAYS).unwrap());
    let mut nights = Sum::default();
    for file in &files {
        nights.add(&std::fs::read_to_string(file).unwrap());
    }
    assert_eq!(nights, whole);
    assert_eq!(metrics, &counters(&once));
    let names: Vec<&str> = files.iter().map(|file| text(file)).collect();
    let merged = ftpwhy(&[&["merge", "--json"][..], &names].concat());
    let mut sum = Sum::default();
    sum.add(std::str::from_utf8(&merged.stdout).unwrap());
    assert_eq!(sum, whole);
}
