//! Any bytes as what an earlier run left: they are refused in words, or a run goes on from them over any file, counts
//! every record, and leaves something that is read back.
//!
//! An input is: a state's JSON in its first line, and a file.

use std::path::Path;

use ftpwhy::diagnostic::DiagnosticKind;
use ftpwhy::log::FORMATS;
use ftpwhy::run::{Settings, Wanted, run_on};
use ftpwhy::state::State;
use jiff::tz::TimeZone;

use super::file::Temporary;
use super::shown::assert_accounted;

fn settings(path: &Path) -> Settings {
    Settings {
        paths: vec![path.to_path_buf()],
        listed: None,
        joins: true,
        from: None,
        log_zone: TimeZone::UTC,
        year: Some(2026),
        wanted: Wanted::Events,
        filter: None,
        grouping: None,
        anonymizer: None,
        window_bytes: 1 << 16,
        progress: false,
    }
}

fn split(data: &[u8]) -> (&[u8], &[u8]) {
    let end = data.iter().position(|b| *b == b'\n').unwrap_or(data.len());
    (&data[..end], data.get(end + 1..).unwrap_or_default())
}

/// Goes on from a state over a file.
pub fn check(data: &[u8]) {
    drop(State::of_file(data));
    let (json, file) = split(data);
    let Ok(state) = State::of_json(json) else {
        return;
    };
    let written = state.to_file().expect("JSON");
    assert_eq!(State::of_file(&written), Ok(state.clone()));
    drop(state.shown());
    let file = Temporary::new(file);
    for closes in [false, true] {
        let mut rows = Vec::new();
        let ran = run_on(&settings(&file.0), &state, closes, &mut rows);
        let (findings, left) = ran.expect("writing to memory");
        for (source, input) in &findings.tallies.inputs {
            assert_accounted(*source, input);
        }
        for (kind, reason, _) in findings.tallies.diagnostics.iter() {
            assert_ne!(kind, DiagnosticKind::InternalError, "{reason}");
        }
        let written = left.to_file().expect("JSON");
        assert_eq!(State::of_file(&written), Ok(left));
    }
}

/// What is left behind the first half of each format's lines, and all of them.
pub fn seeds() -> Vec<Vec<u8>> {
    let samples = FORMATS.iter().flat_map(|f| f.describe().samples);
    let captures = super::seeds::captures().into_iter().take(4);
    let lines = samples.map(|sample| sample.lines.as_bytes().to_vec());
    let half = |whole: Vec<u8>| {
        let file = Temporary::new(&whole[..whole.len() / 2]);
        let ran = run_on(
            &settings(&file.0),
            &State::default(),
            false,
            &mut Vec::new(),
        );
        let (_, left) = ran.expect("writing to memory");
        let written = left.to_file().expect("JSON");
        let (_, json) = split(&written);
        [json, &whole].concat()
    };
    captures.chain(lines).map(half).collect()
}
