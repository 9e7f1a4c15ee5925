//! Inputs to begin with: the project's recordings, and its formats' samples.

use std::path::{Path, PathBuf};

/// Bytes of a recording that are of use: what is longer is slow.
const CAPTURE_BYTES: usize = 9000;
const LOG_BYTES: usize = 3000;

/// Whatever the project has of a kind, by the ends of names.
fn recordings(endings: &[&str]) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // As a part of the fuzzer this stands a folder lower.
    let testdata = [root.join("testdata"), root.join("../testdata")];
    let mut paths = Vec::new();
    for folder in testdata {
        below(&folder, &mut paths);
    }
    paths.sort();
    let is_wanted = |path: &&PathBuf| {
        let name = path.to_string_lossy();
        endings.iter().any(|ending| name.ends_with(ending))
    };
    let wanted = paths.iter().filter(is_wanted);
    wanted.filter_map(|path| std::fs::read(path).ok()).collect()
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    for path in entries.filter_map(|entry| entry.ok().map(|e| e.path())) {
        if path.is_dir() {
            below(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// The beginnings of logs, up to a line's end.
pub fn logs() -> Vec<Vec<u8>> {
    let mut logs = recordings(&[
        ".log",
        ".log.1",
        "syslog",
        "syslog.iso",
        "xferlog",
        ".clf",
        ".stats",
        ".w3c",
    ]);
    for log in &mut logs {
        log.truncate(LOG_BYTES);
        log.truncate(
            log.iter()
                .rposition(|b| *b == b'\n')
                .map_or(0, |end| end + 1),
        );
    }
    logs
}

/// The captures that are small.
pub fn captures() -> Vec<Vec<u8>> {
    let mut captures = recordings(&[".pcap", ".pcapng"]);
    captures.retain(|capture| capture.len() <= CAPTURE_BYTES);
    captures
}

pub fn packed() -> Vec<Vec<u8>> {
    recordings(&[".gz", ".compressed"])
}
