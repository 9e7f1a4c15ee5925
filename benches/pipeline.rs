//! How fast the whole pipeline is, from files to findings.
//!
//! `cargo bench` writes inputs from fixed seeds into a temporary directory and prints a line for each and for one and
//! two threads: the best of five runs. The hash in an input's name is that of its bytes; figures of different hashes do
//! not compare. A word as an argument picks the inputs whose names contain it. Without `--bench`, as `cargo test`
//! runs it, inputs are tiny and read once.
//!
//! `cargo bench --bench pipeline -- --write bulk 1000 FILE` writes an input of 1000 MB, and reads nothing.
//! `cargo bench --bench pipeline -- --judging` tells how much of the time goes into judging, on one thread: all sessions of
//! a vsftpd log are judged once more, and that is held against the time of a whole run over the log.
#![expect(
    clippy::disallowed_methods,
    reason = "a bench is there to look at the clock"
)]

mod inputs;
#[path = "../tests/it/synth.rs"]
mod synth;
#[path = "../tests/it/traffic.rs"]
mod traffic;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ftpwhy::cause::classify_showing;
use ftpwhy::limits;
use ftpwhy::run::{Settings, Wanted, run};
use ftpwhy::session::Session;
use jiff::tz::TimeZone;

use inputs::{Digest, Kind};

const RUNS: usize = 5;
const MEGABYTE: u64 = 1_000_000;

/// Megabytes of each input.
fn size(kind: Kind) -> u64 {
    match kind {
        Kind::Bulk => 100,
        Kind::Vsftpd => 50,
        Kind::Control | Kind::Xferlog | Kind::Small => 20,
    }
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let words = arguments.split(|word| *word == "--write").nth(1);
    if let Some(words) = words {
        return write(words);
    }
    if arguments.contains(&"--judging") {
        return judging();
    }
    let whole = arguments.contains(&"--bench");
    let filter = arguments.iter().find(|word| !word.starts_with('-'));
    let wanted = |kind: &Kind| filter.is_none_or(|word| kind.name().contains(word));
    let directory = Temporary::new()?;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{:<18} {:>11} {:>9} {:>7} {:>10} {:>8} {:>11}",
        "input", "bytes", "records", "threads", "best ms", "MB/s", "records/s"
    )?;
    for kind in Kind::ALL.into_iter().filter(wanted) {
        let path = directory.0.join(kind.name());
        let (bytes, runs) = if whole {
            (size(kind) * MEGABYTE, RUNS)
        } else {
            (MEGABYTE / 5, 1)
        };
        let digest = kind.write(bytes, &path)?;
        for threads in [1, 2] {
            measure(kind, digest, &path, threads, runs, &mut out)?;
        }
        if path.is_dir() {
            fs::remove_dir_all(&path)?;
        } else {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// What follows `--write`: the kind, megabytes, where to; and perhaps cargo's `--bench`.
fn write(words: &[&str]) -> io::Result<()> {
    let usage = || io::Error::other("--write control|bulk|vsftpd|xferlog|small MEGABYTES PATH");
    let [kind, megabytes, path, ..] = words else {
        return Err(usage());
    };
    let kind = Kind::named(kind).ok_or_else(usage)?;
    let megabytes: u64 = megabytes.parse().map_err(|_| usage())?;
    let digest = kind.write(megabytes * MEGABYTE, Path::new(path))?;
    let bytes = digest.bytes;
    writeln!(io::stdout(), "{}@{digest} {bytes} bytes", kind.name())
}

fn measure(
    kind: Kind,
    digest: Digest,
    path: &Path,
    threads: usize,
    runs: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(io::Error::other)?;
    let (mut best, mut records) = (Duration::MAX, 0);
    for _ in 0..runs {
        let begin = Instant::now();
        records = pool.install(|| read(path))?;
        best = best.min(begin.elapsed());
    }
    let name = format!("{}@{digest}", kind.name());
    let nanos = best.as_nanos().max(1);
    let megabytes_a_second = u128::from(digest.bytes) * 1000 / nanos;
    let records_a_second = u128::from(records) * 1_000_000_000 / nanos;
    let (bytes, millis) = (digest.bytes, best.as_secs_f64() * 1000.0);
    writeln!(
        out,
        "{name:<18} {bytes:>11} {records:>9} {threads:>7} {millis:>10.1} {megabytes_a_second:>8} {records_a_second:>11}"
    )
}

/// The share of judging in a whole run; the best of five of both.
fn judging() -> io::Result<()> {
    let directory = Temporary::new()?;
    let path = directory.0.join("judging");
    Kind::Vsftpd.write(50 * MEGABYTE, &path)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let line = pool.map_err(io::Error::other)?.install(|| {
        let sessions = run(&settings(&path, Wanted::Sessions), &mut io::sink())?.sessions;
        let (mut whole, mut judged, mut failures) = (Duration::MAX, Duration::MAX, 0);
        for _ in 0..RUNS {
            let begin = Instant::now();
            read(&path)?;
            whole = whole.min(begin.elapsed());
            let (mut spent, mut met) = (Duration::ZERO, 0);
            // A run judges sessions in such batches when they have just been built; so these have just been copied.
            for batch in sessions.chunks(limits::SESSIONS_TO_JUDGE) {
                let batch: Vec<Session> = batch.iter().map(|(s, _)| s.clone()).collect();
                let begin = Instant::now();
                met += batch.iter().map(|s| classify_showing(s, &|_| false).len()).sum::<usize>();
                spent += begin.elapsed();
            }
            failures = met;
            judged = judged.min(spent);
        }
        let share = judged.as_secs_f64() / whole.as_secs_f64() * 100.0;
        let (whole, judged, sessions) = (whole.as_millis(), judged.as_millis(), sessions.len());
        io::Result::Ok(format!(
            "{sessions} sessions, {failures} failures: judged in {judged} ms of {whole}: {share:.1} %"
        ))
    });
    writeln!(io::stdout(), "{}", line?)
}

fn settings(path: &Path, wanted: Wanted) -> Settings {
    Settings {
        paths: vec![path.to_path_buf()],
        listed: None,
        joins: true,
        from: None,
        log_zone: TimeZone::UTC,
        year: None,
        wanted,
        filter: None,
        grouping: None,
        anonymizer: None,
        window_bytes: limits::WINDOW_BYTES,
        progress: false,
    }
}

/// Reads a file or directory and gives the number of packets and lines.
fn read(path: &Path) -> io::Result<u64> {
    let findings = run(&settings(path, Wanted::Tallies), &mut io::sink())?;
    let inputs = findings.tallies.inputs.values();
    Ok(inputs.map(|input| input.records).sum())
}

/// A directory that is removed when it is dropped.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> io::Result<Self> {
        let name = format!("pipeline-{}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}
