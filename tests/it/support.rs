//! What the tests share: places, runs, temporary files.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use ftpwhy::limits;
use ftpwhy::run::{Findings, Settings, Wanted, run};
use jiff::tz::TimeZone;

/// The project's own recordings.
pub(crate) fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

/// Every file below a directory, sorted.
pub(crate) fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut entries: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// Settings that depend on nothing outside the input.
pub(crate) fn settings(paths: &[&Path], wanted: Wanted) -> Settings {
    Settings {
        paths: paths.iter().map(|p| p.to_path_buf()).collect(),
        listed: None,
        joins: true,
        from: None,
        log_zone: TimeZone::UTC,
        year: Some(2026),
        wanted,
        filter: None,
        grouping: None,
        anonymizer: None,
        window_bytes: limits::WINDOW_BYTES,
        progress: false,
    }
}

/// Runs with settings; gives the findings and what was written.
pub(crate) fn run_with(settings: &Settings) -> (Findings, String) {
    let mut out = Vec::new();
    let findings = run(settings, &mut out).unwrap();
    (findings, String::from_utf8(out).unwrap())
}

/// The reply codes of all events of a run, in order.
pub(crate) fn reply_codes(events: &str) -> Vec<u16> {
    let replies = events
        .lines()
        .map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
    let replies = replies.filter(|e| e["kind"] == "reply" && e["evidence"] == "observed");
    replies
        .map(|e| u16::try_from(e["code"].as_u64().unwrap()).unwrap())
        .collect()
}

/// A directory that is removed when it is dropped.
pub(crate) struct Temporary(PathBuf);

impl Temporary {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("it-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A path inside.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file inside.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}
