//! Any bytes in a file, through the whole program: what it is, is found out; nothing fails; cuts change nothing.
//!
//! An input is: the size of windows, and the file.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use ftpwhy::diagnostic::DiagnosticKind;
use ftpwhy::run::{Settings, Wanted, run};
use jiff::tz::TimeZone;

use super::Choices;
use super::shown::{Shown, assert_accounted, assert_same};

/// A file that is removed when it is dropped.
pub(super) struct Temporary(pub(super) PathBuf);

impl Temporary {
    pub(super) fn new(bytes: &[u8]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ftpwhy-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, bytes).expect("a temporary file");
        Self(path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

fn run_over(path: &Path, window_bytes: usize, wanted: Wanted) -> Shown {
    let settings = Settings {
        paths: vec![path.to_path_buf()],
        listed: None,
        joins: true,
        from: None,
        log_zone: TimeZone::UTC,
        year: Some(2026),
        wanted,
        filter: None,
        grouping: None,
        anonymizer: None,
        window_bytes,
        progress: false,
    };
    let mut rows = Vec::new();
    let findings = run(&settings, &mut rows).expect("writing to memory");
    Shown::of(findings, String::from_utf8(rows).expect("rows are UTF-8"))
}

/// Reads a file.
pub fn check(data: &[u8]) {
    let mut choices = Choices::new(data);
    let window_bytes = 1 + choices.below(4000);
    let file = Temporary::new(choices.rest());
    let whole = run_over(&file.0, 1 << 20, Wanted::Events);
    for (source, input) in &whole.tallies.inputs {
        assert_accounted(*source, input);
    }
    for (kind, reason, _) in whole.tallies.diagnostics.iter() {
        assert_ne!(kind, DiagnosticKind::InternalError, "{reason}");
    }
    let parts = run_over(&file.0, window_bytes, Wanted::Events);
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
    run_over(&file.0, window_bytes, Wanted::Sessions).assert_fit_to_show();
}

/// Some of everything.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = super::packed::seeds();
    let captures = super::seeds::captures().into_iter().take(6);
    let logs = super::seeds::logs();
    let samples = ftpwhy::log::FORMATS
        .iter()
        .flat_map(|f| f.describe().samples);
    let samples = samples.map(|sample| sample.lines.as_bytes().to_vec());
    seeds.extend(
        captures
            .chain(logs)
            .chain(samples)
            .map(|file| [&[0, 77], &*file].concat()),
    );
    seeds
}
