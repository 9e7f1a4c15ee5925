//! Logs that are rotated between runs, in every way that rotation has: nothing is lost, and nothing counts twice.

use std::path::{Path, PathBuf};
use std::process::Command;

use ftpwhy::diagnostic::DiagnosticKind;
use ftpwhy::run::Wanted;
use ftpwhy::state::State;
use ftpwhy::tally::Tallies;

use crate::state::{Sum, busy_log, go_on};
use crate::support::{Temporary, files_below, run_with, settings};
use crate::traffic::Rng;

/// How a log goes away to make room for the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// `x.log` becomes `x.log.1`, and that `x.log.2`.
    Rename,
    /// `x.log` is copied to `x.log.1` and emptied.
    CopyTruncate,
    /// `x.log` becomes `x.log-20260301`.
    Date,
}

/// How it is packed: by which program, and at once or a rotation later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Packing {
    program: &'static str,
    ending: &'static str,
    is_delayed: bool,
}

struct Rotation<'t> {
    folder: &'t Temporary,
    way: Way,
    packing: Option<Packing>,
    turns: usize,
}

impl Rotation<'_> {
    fn log(&self) -> PathBuf {
        self.folder.path("x.log")
    }

    fn append(&self, bytes: &[u8]) {
        use std::io::Write as _;
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.create(true).append(true).open(self.log()).unwrap();
        file.write_all(bytes).unwrap();
    }

    fn rotate(&mut self) {
        self.turns += 1;
        let first = if self.way == Way::Date {
            format!("x.log-202603{:02}", self.turns)
        } else {
            self.number_on();
            "x.log.1".to_owned()
        };
        let (log, first) = (self.log(), self.folder.path(&first));
        if self.way == Way::CopyTruncate {
            std::fs::copy(&log, &first).unwrap();
            std::fs::File::create(&log).unwrap();
        } else {
            std::fs::rename(&log, &first).unwrap();
        }
        self.pack(&first);
    }

    /// `x.log.1.gz` becomes `x.log.2.gz`.
    fn number_on(&self) {
        for number in (1..30).rev() {
            for ending in ["", ".gz", ".zst", ".xz", ".bz2"] {
                let from = self.folder.path(&format!("x.log.{number}{ending}"));
                let to = self.folder.path(&format!("x.log.{}{ending}", number + 1));
                if from.exists() {
                    std::fs::rename(from, to).unwrap();
                }
            }
        }
    }

    fn pack(&self, first: &Path) {
        let Some(packing) = self.packing else { return };
        for path in self.files() {
            let is_plain = path.extension().is_none_or(|e| e != packing.ending);
            let is_late = packing.is_delayed && path == first;
            if path != self.log() && is_plain && !is_late {
                let packed = Command::new(packing.program)
                    .args(["-q"])
                    .arg(&path)
                    .status();
                assert!(packed.unwrap().success());
                // zstd leaves what it has read.
                drop(std::fs::remove_file(&path));
            }
        }
    }

    fn files(&self) -> Vec<PathBuf> {
        files_below(self.folder.path("x.log").parent().unwrap())
    }
}

fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output();
    found.is_ok_and(|output| output.status.success())
}

/// Writes a log in pieces, rotates and reads it in between, and adds up. With `named` alone the rotated files are not inputs.
fn read_rotated(
    rotation: &mut Rotation<'_>,
    log: &str,
    seed: u64,
    is_named_alone: bool,
) -> (Sum, State) {
    let mut rng = Rng::new(seed);
    let mut state = State::default();
    let mut sum = Sum::default();
    let mut rest = log.as_bytes();
    rotation.append(b"");
    while !rest.is_empty() {
        let mut length = (1 + rng.below(6000)).min(rest.len());
        if rng.below(2) == 0 {
            length += rest[length..]
                .iter()
                .position(|b| *b == b'\n')
                .map_or(0, |end| end + 1);
        }
        let (piece, after) = rest.split_at(length);
        rest = after;
        rotation.append(piece);
        // A program that is told to open its log anew ends its line first.
        let ends_line = piece.ends_with(b"\n");
        match rng.below(4) {
            0 | 1 => sum.add_tallies(&read(rotation, &mut state, false, is_named_alone)),
            // A log that was never read is not known by what is in it.
            2.. if ends_line && (state.runs > 0 || !is_named_alone) => {
                rotation.rotate();
                rotation.append(b"");
            }
            _ => {}
        }
    }
    sum.add_tallies(&read(rotation, &mut state, true, is_named_alone));
    (sum, state)
}

fn read(rotation: &Rotation<'_>, state: &mut State, closes: bool, is_named_alone: bool) -> Tallies {
    let files = if is_named_alone {
        vec![rotation.log()]
    } else {
        rotation.files()
    };
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let tallies = go_on(&settings(&files, Wanted::Tallies), state, closes).tallies;
    for (kind, reason, _) in tallies.diagnostics.iter() {
        assert_ne!(kind, DiagnosticKind::Changed, "{reason}");
        assert_ne!(kind, DiagnosticKind::LimitReached, "{reason}");
    }
    tallies
}

/// What one run over all of it counts.
fn whole(log: &str) -> Sum {
    let folder = Temporary::new();
    let path = folder.file("x.log", log.as_bytes());
    let (whole, _) = run_with(&settings(&[&path], Wanted::Tallies));
    Sum::of(&whole.tallies)
}

fn assert_rotated(way: Way, packing: Option<Packing>, seed: u64, is_named_alone: bool) {
    let log = busy_log(seed, 50);
    let folder = Temporary::new();
    let mut rotation = Rotation {
        folder: &folder,
        way,
        packing,
        turns: 0,
    };
    let (sum, state) = read_rotated(&mut rotation, &log, seed, is_named_alone);
    assert!(rotation.turns > 1, "{way:?} {packing:?}: too few rotations");
    assert_eq!(sum, whole(&log), "{way:?} {packing:?} {seed}");
    assert_eq!(state.open_sessions(), 0);
}

#[test]
fn every_way_of_rotation_adds_up() {
    for way in [Way::Rename, Way::CopyTruncate, Way::Date] {
        for seed in 1..4 {
            assert_rotated(way, None, seed, false);
        }
    }
}

#[test]
fn every_way_of_packing_adds_up() {
    for (program, ending) in [
        ("gzip", "gz"),
        ("zstd", "zst"),
        ("xz", "xz"),
        ("bzip2", "bz2"),
    ] {
        if !has(program) {
            eprintln!("skipped: {program} is not installed");
            continue;
        }
        for is_delayed in [false, true] {
            let packing = Some(Packing {
                program,
                ending,
                is_delayed,
            });
            let (way, seed) = if is_delayed {
                (Way::Rename, 7)
            } else {
                (Way::CopyTruncate, 8)
            };
            assert_rotated(way, packing, seed, false);
        }
    }
}

/// Only the log itself is named: a rotated file beside it is found by what is in it.
#[test]
fn the_rest_of_a_renamed_log_is_found() {
    for seed in 1..4 {
        assert_rotated(Way::Rename, None, seed, true);
        assert_rotated(Way::Date, None, seed, true);
    }
}

#[test]
fn a_log_that_shrank_or_is_another_one_is_told() {
    let folder = Temporary::new();
    let log = busy_log(3, 10);
    let (first, second) = log.split_at(log.len() / 2);
    let path = folder.file("x.log", first.as_bytes());
    let settings = settings(&[&path], Wanted::Tallies);
    let changed = |tallies: &Tallies| {
        let changed = tallies
            .diagnostics
            .iter()
            .filter(|(kind, ..)| *kind == DiagnosticKind::Changed);
        changed
            .map(|(_, reason, _)| reason.to_owned())
            .collect::<Vec<_>>()
    };
    let mut state = State::default();
    assert!(changed(&go_on(&settings, &mut state, false).tallies).is_empty());
    let last = second.lines().last().unwrap();
    std::fs::write(&path, format!("{last}\n")).unwrap();
    let told = changed(&go_on(&settings, &mut state, false).tallies);
    assert!(told.len() == 1 && told[0].contains("shorter"), "{told:?}");
    std::fs::write(&path, busy_log(4, 40)).unwrap();
    let told = changed(&go_on(&settings, &mut state, false).tallies);
    assert!(
        told.iter().any(|told| told.contains("not the file")),
        "{told:?}"
    );
}

#[test]
fn a_clock_that_went_back_is_told() {
    let folder = Temporary::new();
    let line = |hour: u32| {
        format!("Sun Nov 22 {hour:02}:16:55 2026 [pid 501] CONNECT: Client \"192.0.2.7\"\n")
    };
    let path = folder.file("x.log", line(9).as_bytes());
    let settings = settings(&[&path], Wanted::Tallies);
    let mut state = State::default();
    go_on(&settings, &mut state, false);
    std::fs::write(&path, line(9) + &line(8)).unwrap();
    let told = go_on(&settings, &mut state, false).tallies;
    let told = told
        .diagnostics
        .iter()
        .find(|(kind, ..)| *kind == DiagnosticKind::Changed);
    assert!(told.is_some_and(|(_, reason, _)| reason.contains("3600 s")));
}

/// Copying and packing a large log takes a while, and a run may come in the middle of it.
#[test]
fn a_copy_that_is_being_made_counts_once() {
    use std::io::Write as _;
    let log = busy_log(31, 40);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(log.as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    for (name, copy) in [("x.log.1", log.as_bytes()), ("x.log.1.gz", &packed)] {
        for was_read in [false, true] {
            let folder = Temporary::new();
            let (mut state, mut sum) = (State::default(), Sum::default());
            let path = folder.file("x.log", &log.as_bytes()[..log.len() / 2]);
            let mut read = |state: &mut State, closes: bool| {
                let files = files_below(path.parent().unwrap());
                let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
                let tallies = go_on(&settings(&files, Wanted::Tallies), state, closes).tallies;
                sum.add_tallies(&tallies);
                let told = tallies.diagnostics.iter();
                told.map(|(kind, reason, _)| (kind, reason.contains("a copy of this log")))
                    .collect::<Vec<_>>()
            };
            if was_read {
                read(&mut state, false);
            }
            std::fs::write(&path, &log).unwrap();
            for part in 1..4 {
                folder.file(name, &copy[..copy.len() * part / 4]);
                let told = read(&mut state, false);
                assert!(
                    told.contains(&(DiagnosticKind::Carried, true)),
                    "{name} {told:?}"
                );
            }
            folder.file(name, copy);
            std::fs::write(&path, "").unwrap();
            read(&mut state, true);
            assert_eq!(sum, whole(&log), "{name} {was_read}");
        }
    }
}

/// The program itself, as Debian has it.
#[test]
fn what_logrotate_does_adds_up() {
    let Some(logrotate) = ["logrotate", "/usr/sbin/logrotate"]
        .into_iter()
        .find(|name| has(name))
    else {
        eprintln!("skipped: logrotate is not installed");
        return;
    };
    let ways = [
        "",
        "compress",
        "compress\ndelaycompress",
        "copytruncate",
        "copytruncate\ncompress",
        "dateext\ndateformat -%Y%m%d%s\ncompress\ndelaycompress",
    ];
    for (number, way) in ways.into_iter().enumerate() {
        let folder = Temporary::new();
        let rotation = Rotation {
            folder: &folder,
            way: Way::Rename,
            packing: None,
            turns: 0,
        };
        let log = busy_log(20 + number as u64, 40);
        let lines: Vec<&str> = log.split_inclusive('\n').collect();
        let (mut state, mut sum) = (State::default(), Sum::default());
        let place = folder.path("kept");
        std::fs::create_dir(&place).unwrap();
        let (configuration, status) = (place.join("conf"), place.join("status"));
        let text = format!(
            "{} {{\nsu root root\nrotate 50\ncreate\n{way}\n}}\n",
            rotation.log().display()
        );
        let text = if is_root() {
            text
        } else {
            text.replace("su root root\n", "")
        };
        std::fs::write(&configuration, text).unwrap();
        for (turn, piece) in lines.chunks(lines.len() / 9).enumerate() {
            rotation.append(piece.concat().as_bytes());
            if turn % 3 != 1 {
                sum.add_tallies(&read_logs(&rotation, &mut state, false));
            }
            let ran = Command::new(logrotate)
                .arg("-f")
                .arg("-s")
                .arg(&status)
                .arg(&configuration)
                .output();
            let ran = ran.unwrap();
            assert!(
                ran.status.success(),
                "{}",
                String::from_utf8_lossy(&ran.stderr)
            );
            if way.contains("dateext") {
                // Names go by the second.
                std::thread::sleep(std::time::Duration::from_millis(1050));
            }
        }
        sum.add_tallies(&read_logs(&rotation, &mut state, true));
        assert_eq!(sum, whole(&log), "{way}");
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout == b"0\n")
}

fn read_logs(rotation: &Rotation<'_>, state: &mut State, closes: bool) -> Tallies {
    let mut files = rotation.files();
    files.retain(|path| {
        path.file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("x.log")
    });
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    go_on(&settings(&files, Wanted::Tallies), state, closes).tallies
}
