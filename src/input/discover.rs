//! Arguments become candidates: files that may be read, in the order of their paths.
//!
//! A directory gives its files and those one level below. Nothing is opened
//! here, and nothing that goes wrong ends the run.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::diagnostic::{DiagnosticKind, Diagnostics, Origin, SourceId};
use crate::input::{Print, series_name};
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
    /// Where its bytes are, where that is not its path.
    pub at: Option<PathBuf>,
    /// Why it can't be read, where that is known before it is opened.
    pub refused: Option<String>,
    /// What it is to the system, whatever it is called; `None` where it is not there.
    pub identity: Option<(u64, u64)>,
    /// What was in it when it was looked at, where it matters that it still is.
    pub look: Option<Print>,
}

impl Candidate {
    /// Where its bytes are.
    pub fn at(&self) -> &Path {
        self.at.as_deref().unwrap_or(&self.path)
    }

    /// How far it is read: where it was looked at, not what was written to it since.
    pub(super) fn bound(&self) -> u64 {
        self.look.as_ref().map_or(u64::MAX, |_| self.length)
    }
}

/// Device and number of a file; everywhere else than on Unix all are alike.
pub(super) fn identity(meta: &Metadata) -> (u64, u64) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        (meta.dev(), meta.ino())
    }
    #[cfg(not(unix))]
    {
        let _ = meta;
        (0, 0)
    }
}

/// Finds the candidates behind the arguments. Each file once, sorted by path, so that the order of arguments does not
/// matter. What can't be looked at becomes a candidate too: opening it will say why.
pub fn discover(arguments: &[PathBuf], diagnostics: &mut Diagnostics) -> Vec<Candidate> {
    discover_some(arguments, limits::DIRECTORY_FILES, diagnostics)
}

/// The same with another bound on what is taken from each directory argument.
fn discover_some(
    arguments: &[PathBuf],
    most: usize,
    diagnostics: &mut Diagnostics,
) -> Vec<Candidate> {
    let mut found = Vec::new();
    for path in arguments {
        match path.metadata() {
            Ok(meta) if meta.is_dir() => {
                let mut room = Room {
                    left: most,
                    is_short: false,
                };
                directory(path, 1, &mut room, &mut found, diagnostics);
                if room.is_short {
                    tell_limit(path, most, diagnostics);
                }
            }
            _ => found.push(candidate(path, true)),
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path).then(b.named.cmp(&a.named)));
    found.dedup_by(|later, first| later.path == first.path);
    found
}

/// How many files may still be taken from an argument, and whether there were more.
struct Room {
    left: usize,
    is_short: bool,
}

fn tell_limit(path: &Path, most: usize, diagnostics: &mut Diagnostics) {
    let reason = format!(
        "{} holds more than {most} files; the rest is left out",
        path.display()
    );
    let at = Origin {
        source: SourceId(u32::MAX),
        ..Origin::default()
    };
    diagnostics.add(DiagnosticKind::LimitReached, at, &reason);
}

/// Takes what is in a directory, as long as there is room. Symbolic links are followed, but never deeper than the levels,
/// so that a circle of them ends.
fn directory(
    path: &Path,
    levels: u32,
    room: &mut Room,
    found: &mut Vec<Candidate>,
    diagnostics: &mut Diagnostics,
) {
    let entries = match path.read_dir() {
        Ok(entries) => entries,
        Err(error) => {
            return found.push(Candidate {
                named: true,
                ..unreadable(path, &error, diagnostics)
            });
        }
    };
    // Of too many the first by name, in whatever order the system lists them.
    let mut paths = BTreeSet::new();
    for entry in entries.filter_map(Result::ok) {
        paths.insert(entry.path());
        if paths.len() > room.left {
            paths.pop_last();
            room.is_short = true;
        }
    }
    for path in paths {
        match path.metadata() {
            Ok(meta) if meta.is_dir() && levels > 0 => {
                directory(&path, levels - 1, room, found, diagnostics);
            }
            Ok(meta) if meta.is_file() => match room.left.checked_sub(1) {
                Some(left) => {
                    room.left = left;
                    found.push(candidate(&path, false));
                }
                None => room.is_short = true,
            },
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

/// What is known of a file by its path.
pub fn candidate(path: &Path, named: bool) -> Candidate {
    let meta = path.metadata().ok();
    let modified = meta
        .as_ref()
        .and_then(|m| m.modified().ok())
        .and_then(|m| m.duration_since(UNIX_EPOCH).ok());
    Candidate {
        path: path.to_owned(),
        named,
        regular: path.as_os_str() != "-" && meta.as_ref().is_some_and(Metadata::is_file),
        identity: meta.as_ref().map(identity),
        look: None,
        length: meta.map_or(0, |m| m.len()),
        modified: modified
            .map(|m| Timestamp::from_seconds(i64::try_from(m.as_secs()).unwrap_or(i64::MAX), 0)),
        at: None,
        refused: None,
    }
}

/// The files beside one whose names are those of its rotations, the youngest first.
pub fn rotations(path: &Path) -> Vec<Candidate> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let Ok(entries) = parent.unwrap_or(Path::new(".")).read_dir() else {
        return Vec::new();
    };
    let (series, _) = series_name(path);
    let beside =
        |name: std::ffi::OsString| parent.map_or_else(|| name.clone().into(), |p| p.join(&name));
    let paths = entries
        .filter_map(Result::ok)
        .map(|e| beside(e.file_name()));
    let alike = paths.map(|path: PathBuf| (series_name(&path), path));
    let alike = alike.filter(|((name, _), other)| *name == series && other != path);
    let mut alike: Vec<_> = alike.collect();
    alike.sort();
    let files = alike.into_iter().rev().take(limits::ROTATIONS);
    let files = files.map(|(_, path)| candidate(&path, true));
    files.filter(|candidate| candidate.regular).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files of a directory, by name, that a bound leaves, and whether that is told.
    fn found(most: usize) -> (Vec<String>, bool) {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("b");
        std::fs::create_dir(&inner).unwrap();
        for name in ["d", "a", "c", "b/2", "b/1"] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        let mut diagnostics = Diagnostics::default();
        let candidates = discover_some(&[folder.path().to_owned()], most, &mut diagnostics);
        let name = |c: &Candidate| c.path.strip_prefix(folder.path()).unwrap().to_owned();
        let names = candidates.iter().map(name);
        let told: Vec<_> = diagnostics.iter().collect();
        let is_told = match told[..] {
            [] => false,
            [(kind, ..)] => kind == DiagnosticKind::LimitReached,
            _ => panic!("{told:?}"),
        };
        (
            names.map(|n| n.to_string_lossy().into_owned()).collect(),
            is_told,
        )
    }

    #[test]
    fn of_too_many_files_the_first_by_name_are_taken_and_that_is_told() {
        assert!(!found(5).1);
        assert_eq!(
            found(limits::DIRECTORY_FILES).0,
            ["a", "b/1", "b/2", "c", "d"]
        );
        assert_eq!(
            found(4),
            (["a", "b/1", "b/2", "c"].map(str::to_owned).into(), true)
        );
        assert_eq!(found(2), (["a", "b/1"].map(str::to_owned).into(), true));
        assert_eq!(found(0), (Vec::new(), true));
    }

    #[cfg(unix)]
    #[test]
    fn a_circle_of_links_ends() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), "x").unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("circle")).unwrap();
        let mut diagnostics = Diagnostics::default();
        let found = discover(&[folder.path().to_owned()], &mut diagnostics);
        let paths: Vec<_> = found.iter().map(|c| c.path.clone()).collect();
        let expected = ["a", "circle/a"].map(|name| folder.path().join(name));
        assert_eq!(paths, expected);
        assert!(diagnostics.iter().next().is_none());
    }

    /// Who may write to a directory of logs must not make a run read a device that never ends.
    #[cfg(unix)]
    #[test]
    fn a_link_to_a_device_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/zero", folder.path().join("x.log")).unwrap();
        let found = discover(&[folder.path().to_owned()], &mut Diagnostics::default());
        assert_eq!(found, []);
    }
}
