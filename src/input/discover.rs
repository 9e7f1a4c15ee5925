//! Arguments become candidates: files that may be read, in the order of their paths.
//!
//! A directory gives its files and those one level below. Nothing is opened
//! here, and nothing that goes wrong ends the run.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::diagnostic::{DiagnosticKind, Diagnostics, Origin, SourceId};
use crate::limits;
use crate::time::Timestamp;

/// A file that may be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its path as given, or as found below a given directory; `-` is standard input.
    pub path: PathBuf,
    /// True when it was named, false when it was found in a directory: then it may be anything.
    pub named: bool,
    /// True for a file that can be read more than once; a pipe, a terminal, standard input can't.
    pub regular: bool,
    /// Bytes on disk; 0 for standard input.
    pub length: u64,
    /// When it was last written to.
    pub modified: Option<Timestamp>,
}

/// Finds the candidates behind the arguments. Each file once, sorted by path, so that the order of arguments does not
/// matter. What can't be looked at becomes a candidate too: opening it will say why.
pub fn discover(arguments: &[PathBuf], diagnostics: &mut Diagnostics) -> Vec<Candidate> {
    let mut found = Vec::new();
    for path in arguments {
        match path.metadata() {
            Ok(meta) if meta.is_dir() => directory(path, 1, &mut found, diagnostics),
            _ => found.push(candidate(path, true)),
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path).then(b.named.cmp(&a.named)));
    found.dedup_by(|later, first| later.path == first.path);
    found
}

fn directory(path: &Path, levels: u32, found: &mut Vec<Candidate>, diagnostics: &mut Diagnostics) {
    let entries = match path.read_dir() {
        Ok(entries) => entries,
        Err(error) => {
            return found.push(Candidate {
                named: true,
                ..unreadable(path, &error, diagnostics)
            });
        }
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|e| e.path()).collect();
    paths.sort();
    if paths.len() > limits::DIRECTORY_FILES {
        let reason = format!(
            "{} holds more than {} files; the rest is left out",
            path.display(),
            limits::DIRECTORY_FILES
        );
        diagnostics.add(DiagnosticKind::LimitReached, Origin::default(), &reason);
        paths.truncate(limits::DIRECTORY_FILES);
    }
    for path in paths {
        match path.metadata() {
            Ok(meta) if meta.is_dir() && levels > 0 => {
                directory(&path, levels - 1, found, diagnostics);
            }
            Ok(meta) if meta.is_file() => found.push(candidate(&path, false)),
            _ => {}
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error, diagnostics: &mut Diagnostics) -> Candidate {
    let at = Origin {
        source: SourceId(u32::MAX),
        ..Origin::default()
    };
    diagnostics.add(
        DiagnosticKind::Unreadable,
        at,
        &format!("{}: {error}", path.display()),
    );
    candidate(path, true)
}

fn candidate(path: &Path, named: bool) -> Candidate {
    let meta = path.metadata().ok();
    let modified = meta
        .as_ref()
        .and_then(|m| m.modified().ok())
        .and_then(|m| m.duration_since(UNIX_EPOCH).ok());
    Candidate {
        path: path.to_owned(),
        named,
        regular: path.as_os_str() != "-" && meta.as_ref().is_some_and(std::fs::Metadata::is_file),
        length: meta.map_or(0, |m| m.len()),
        modified: modified
            .map(|m| Timestamp::from_seconds(i64::try_from(m.as_secs()).unwrap_or(i64::MAX), 0)),
    }
}
