//! A path as configurations write it becomes files: a pattern's, a folder's, or the one that it names.
//!
//! Patterns have `*` and `?`, in the last part only, as ProFTPD's do. Opens nothing.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::open::{OpenError, explain};
use crate::limits;

/// The files behind a path, sorted. A pattern that fits none has none; a path without a pattern is a file that is there or
/// not, which opening it tells.
///
/// # Errors
///
/// When the folder can't be looked into.
pub fn files_of(path: &Path) -> Result<Vec<PathBuf>, OpenError> {
    let name = path.file_name().unwrap_or_default();
    let (folder, pattern) = if path.is_dir() {
        (path, OsStr::new("*"))
    } else if name
        .as_encoded_bytes()
        .iter()
        .any(|b| matches!(b, b'*' | b'?'))
    {
        (path.parent().unwrap_or(Path::new("")), name)
    } else {
        return Ok(vec![path.to_path_buf()]);
    };
    let here = Path::new(".");
    let entries = if folder.as_os_str().is_empty() {
        here
    } else {
        folder
    }
    .read_dir();
    let entries = entries.map_err(|error| explain(&error))?;
    let names = entries
        .filter_map(Result::ok)
        .map(|entry| entry.file_name());
    let fits =
        |name: &std::ffi::OsString| fits(pattern.as_encoded_bytes(), name.as_encoded_bytes());
    let paths = names.filter(fits).map(|name| folder.join(name));
    let mut files: Vec<PathBuf> = paths.filter(|path| path.is_file()).collect();
    files.sort();
    files.truncate(limits::CONFIGURATION_FILES);
    Ok(files)
}

/// Whether a name fits a pattern. A dot in front is fitted by a dot only.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    if name.starts_with(b".") && !pattern.starts_with(b".") {
        return false;
    }
    // Where the last `*` stands, and how far into the name it reaches so far.
    let (mut star, mut at, mut place) = (None, 0, 0);
    while let Some(byte) = name.get(at) {
        match pattern.get(place) {
            Some(b'*') => {
                star = Some((place, at));
                place += 1;
            }
            Some(wanted) if wanted == byte || *wanted == b'?' => (at, place) = (at + 1, place + 1),
            _ => match star {
                Some((star_place, reached)) => {
                    star = Some((star_place, reached + 1));
                    (at, place) = (reached + 1, star_place + 1);
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(place).all(|rest| *rest == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_names() {
        for (pattern, name, expected) in [
            ("*.conf", "a.conf", true),
            ("*.conf", ".conf", false),
            (".*", ".conf", true),
            ("*.conf", "a.conf.bak", false),
            ("a*b*c", "aXbXbc", true),
            ("a*b*c", "aXcXb", false),
            ("?.conf", "a.conf", true),
            ("?.conf", "ab.conf", false),
            ("*", "", true),
            ("***", "x", true),
        ] {
            assert_eq!(
                fits(pattern.as_bytes(), name.as_bytes()),
                expected,
                "{pattern} {name}"
            );
        }
    }
}
