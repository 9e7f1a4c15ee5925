//! A list of inputs: one JSON object a line, each an input with what is known of it.
//!
//! With a list a run is a part of a larger one: its inputs have the numbers that they have there, they are called as they
//! are there, whatever file or pipe their bytes come from here, and which captures are read as one was found out over all of
//! them. So the sums of such runs are those of the one run.

use std::io::{BufRead, Read as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::look::Look;
use crate::diagnostic::SourceId;
use crate::input::{self, Candidate};
use crate::limits;
use crate::state::Bytes;
use crate::text;
use crate::time::Timestamp;

/// An input of a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// What it is called, and by what series of logs are found.
    pub(super) path: Bytes,
    /// Where its bytes are, if that is not its path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<Bytes>,
    /// Its number in the whole run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) place: Option<u32>,
    /// False where it was found in a directory.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub(super) named: bool,
    /// Its bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) length: Option<u64>,
    /// When it was last written to, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) modified: Option<i64>,
    /// Why it can't be read, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unreadable: Option<String>,
    /// What a first look has shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) look: Option<Look>,
    /// The captures that it is read with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) series: Option<InSeries>,
    /// True where its bytes are read more than once, so that a pipe will not do.
    #[serde(default, skip_serializing_if = "is_no")]
    pub(super) again: bool,
}

/// A capture among those that it is read with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InSeries {
    /// The number of the first of them.
    pub(super) of: u32,
    /// When it begins, by the clock that they go by.
    pub(super) starts: Option<Timestamp>,
    /// Nanoseconds by which its own clock is behind that one.
    pub(super) behind: i64,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_yes(is: &bool) -> bool {
    *is
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_no(is: &bool) -> bool {
    !is
}

impl Listed {
    /// An input that was found.
    pub fn of(candidate: &Candidate) -> Self {
        let is_regular = candidate.regular;
        Self {
            path: Bytes::of(&candidate.path),
            at: None,
            place: None,
            named: candidate.named,
            length: is_regular.then_some(candidate.length),
            modified: candidate.modified.map(Timestamp::seconds),
            unreadable: None,
            look: None,
            series: None,
            again: false,
        }
    }

    /// Where it may be read.
    pub(super) fn candidate(&self) -> Candidate {
        let path = self.path.path();
        let at: Option<PathBuf> = self.at.as_ref().map(Bytes::path);
        let found = input::candidate(at.as_deref().unwrap_or(&path), self.named);
        let modified = self
            .modified
            .map(|seconds| Timestamp::from_seconds(seconds, 0));
        let words = self.unreadable.as_deref();
        Candidate {
            path,
            // What was looked at elsewhere can be read once.
            regular: found.regular || self.look.is_some(),
            length: self.length.unwrap_or(found.length),
            modified: modified.or(found.modified),
            at,
            refused: words.map(|words| text::terminal_str(words, true)),
            ..found
        }
    }

    /// Its path.
    pub fn path(&self) -> PathBuf {
        self.path.path()
    }

    /// The number of an input in the whole run.
    pub(super) fn source(&self, index: usize) -> SourceId {
        self.place.map_or_else(|| super::source_id(index), SourceId)
    }
}

/// Reads a list, and puts it in the order of a run.
///
/// # Errors
///
/// Says what is wrong with it.
pub fn list(path: &Path) -> Result<Vec<Listed>, String> {
    let lines = input::list(path).map_err(|error| error.0)?;
    in_order(read(lines)?)
}

fn read(mut lines: impl BufRead) -> Result<Vec<Listed>, String> {
    let mut all = Vec::new();
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let most = limits::LISTED_BYTES as u64 + 1;
        let read = lines.by_ref().take(most).read_until(b'\n', &mut line);
        let wrong = |words: &str| format!("line {number}: {words}");
        let read = read.map_err(|error| wrong(&error.to_string()))?;
        if read == 0 {
            break;
        }
        if read > limits::LISTED_BYTES {
            return Err(wrong(&format!(
                "has more than {} bytes",
                limits::LISTED_BYTES
            )));
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        if all.len() >= limits::WRITTEN_KEYS {
            return Err(wrong(&too_many()));
        }
        let listed = serde_json::from_slice(&line);
        let told = |error: serde_json::Error| wrong(&text::terminal_str(&error.to_string(), true));
        all.push(listed.map_err(told)?);
    }
    Ok(all)
}

/// That a report can't name so many inputs.
pub(super) fn too_many() -> String {
    format!(
        "more than {} inputs, which is what one report names; read them in several runs, say of a day or a site each",
        limits::WRITTEN_KEYS
    )
}

/// By number where there are numbers, else by path, each once.
fn in_order(mut all: Vec<Listed>) -> Result<Vec<Listed>, String> {
    let numbered = all.iter().filter(|listed| listed.place.is_some()).count();
    if numbered == 0 {
        all.sort_by_cached_key(|listed| (listed.path.path(), !listed.named));
        all.dedup_by(|later, first| later.path == first.path);
        return Ok(all);
    }
    if numbered < all.len() {
        return Err("some inputs have a place and others none".to_owned());
    }
    all.sort_by_key(|listed| listed.place);
    match all.windows(2).find(|pair| match pair {
        [a, b] => a.place == b.place || a.path.path() >= b.path.path(),
        _ => false,
    }) {
        None => Ok(all),
        Some(_) => Err("places are not those of the order of paths, each once".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(text: &str) -> Result<Vec<Listed>, String> {
        in_order(read(text.as_bytes())?)
    }

    #[test]
    fn a_list_is_read_in_the_order_of_a_run() {
        let all =
            listed("{\"path\":\"b\"}\n\n{\"path\":\"a/x\"}\n{\"path\":\"b\",\"named\":false}\n");
        let names: Vec<_> = all.unwrap().iter().map(|l| l.path.path()).collect();
        assert_eq!(names, ["a/x", "b"].map(PathBuf::from));
        let all = listed("{\"path\":\"b\",\"place\":7}\n{\"path\":\"a\",\"place\":2}").unwrap();
        let sources: Vec<_> = all.iter().zip(0..).map(|(l, i)| l.source(i).0).collect();
        assert_eq!(sources, [2, 7]);
    }

    #[test]
    fn what_is_no_list_is_told() {
        for (text, why) in [
            ("{", "line 1: EOF"),
            ("{\"path\":\"a\"}\n{}", "line 2: missing field `path`"),
            ("{\"path\":\"a\",\"size\":1}", "unknown field `size`"),
            (
                "{\"path\":\"a\",\"place\":1}\n{\"path\":\"b\"}",
                "others none",
            ),
            (
                "{\"path\":\"a\",\"place\":1}\n{\"path\":\"b\",\"place\":1}",
                "each once",
            ),
            (
                "{\"path\":\"b\",\"place\":1}\n{\"path\":\"a\",\"place\":2}",
                "order of paths",
            ),
            (
                "{\"path\":\"a\",\"look\":{\"format\":\"x\\u001b[m\"}}",
                "no format is called",
            ),
        ] {
            let told = listed(text).unwrap_err();
            assert!(
                told.contains(why) && !told.contains('\u{1b}'),
                "{text}: {told}"
            );
        }
        let long = format!("{{\"path\":\"{}\"}}", "x".repeat(limits::LISTED_BYTES));
        assert!(listed(&long).unwrap_err().contains("has more than"));
        let many = "{\"path\":\"a\"}\n".repeat(limits::WRITTEN_KEYS + 1);
        assert!(listed(&many).unwrap_err().contains("in several runs"));
    }

    #[test]
    fn what_is_read_elsewhere_keeps_its_name() {
        let line =
            "{\"path\":\"hdfs://n/x.log\",\"at\":\"Cargo.toml\",\"length\":5,\"modified\":-1}";
        let candidate = listed(line).unwrap()[0].candidate();
        assert_eq!(candidate.at(), Path::new("Cargo.toml"));
        assert_eq!(candidate.path, Path::new("hdfs://n/x.log"));
        assert_eq!((candidate.length, candidate.regular), (5, true));
        assert_eq!(candidate.modified, Some(Timestamp::from_seconds(-1, 0)));
        let line = "{\"path\":\"Cargo.toml\",\"unreadable\":\"gone\\u0007\"}";
        let candidate = listed(line).unwrap()[0].candidate();
        let refused = input::open(&candidate).err().unwrap();
        assert_eq!(refused.0, "gone\\x07");
    }
}
