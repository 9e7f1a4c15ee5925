//! A state as a file: a line that says what it is, which version, and the hash of the rest; then JSON.

use std::fmt;

use super::State;

/// The version that is written, and the highest that is read. The first one knew no repetitions of lines, and is read too.
pub const VERSION: u64 = 2;

/// What the first line begins with.
const NAME: &str = "ftpwhy-state";

/// What a record has beside its line, and a log beside its records, so that most states are written without being moved.
const RECORD_BYTES: usize = 112;
const LOG_BYTES: usize = 2048;

/// Why a file is no state that can be gone on from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// It is something else.
    Foreign,
    /// A later program wrote it.
    Newer(u64),
    /// It is not as it was written.
    Damaged(String),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => f.write_str("this file is no state of ftpwhy; name another one"),
            Self::Newer(version) => write!(
                f,
                "a later version of ftpwhy wrote this state (its version is {version}, this program knows {VERSION})"
            ),
            Self::Damaged(why) => write!(
                f,
                "this state is damaged ({why}); `ftpwhy state reset` puts it aside, and the next run reads everything"
            ),
        }
    }
}

impl State {
    /// The bytes of its file.
    ///
    /// # Errors
    ///
    /// When it can't be written as JSON, which is a fault of this program.
    pub fn to_file(&self) -> Result<Vec<u8>, serde_json::Error> {
        let first = |hash: blake3::Hash| format!("{NAME} {VERSION} {}\n", hash.to_hex());
        // What stands behind it decides on the first line, and need not be moved for it.
        let place = first(blake3::Hash::from_bytes([0; blake3::OUT_LEN]));
        let mut file = Vec::with_capacity(place.len() + self.length());
        file.extend_from_slice(place.as_bytes());
        serde_json::to_writer(&mut file, self)?;
        let (start, body) = file.split_at_mut(place.len());
        start.copy_from_slice(first(blake3::hash(body)).as_bytes());
        file.push(b'\n');
        Ok(file)
    }

    /// About how long it is as JSON.
    fn length(&self) -> usize {
        let records = self.logs.iter().flat_map(|log| &log.carried.records);
        let records = records.map(|record| record.line.0.len() + RECORD_BYTES);
        records.sum::<usize>() + LOG_BYTES * (1 + self.logs.len())
    }

    /// Reads the bytes of a file.
    ///
    /// # Errors
    ///
    /// When it is no state, or not one that this program knows.
    pub fn of_file(file: &[u8]) -> Result<Self, Wrong> {
        let end = memchr::memchr(b'\n', file).unwrap_or(file.len());
        let (first, body) = file.split_at(end);
        let first = str::from_utf8(first).unwrap_or_default();
        let mut words = first.split(' ');
        if words.next() != Some(NAME) {
            return Err(Wrong::Foreign);
        }
        let version = words.next().and_then(|word| word.parse::<u64>().ok());
        match version {
            None | Some(0) => return Err(Wrong::Damaged("it has no version".to_owned())),
            Some(version) if version > VERSION => return Err(Wrong::Newer(version)),
            Some(_) => {}
        }
        let body = body
            .strip_prefix(b"\n")
            .and_then(|body| body.strip_suffix(b"\n"));
        let body = body.ok_or_else(|| Wrong::Damaged("its end is missing".to_owned()))?;
        if words.next() != Some(blake3::hash(body).to_hex().as_str()) {
            return Err(Wrong::Damaged("its hash is another".to_owned()));
        }
        Self::of_json(body)
    }

    /// Reads what stands behind the first line of a file.
    ///
    /// # Errors
    ///
    /// When it is no state in JSON.
    pub fn of_json(body: &[u8]) -> Result<Self, Wrong> {
        serde_json::from_slice(body).map_err(|error| Wrong::Damaged(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let state = State {
            runs: 7,
            ..State::default()
        };
        let file = state.to_file().unwrap();
        assert_eq!(State::of_file(&file), Ok(state));
    }

    #[test]
    fn what_the_first_version_wrote_is_read() {
        let record = "{\"log\":0,\"record\":3,\"offset\":40,\"line\":\"x\"}";
        let old: crate::state::Record = serde_json::from_str(record).unwrap();
        assert_eq!((old.record, old.again), (3, None));
        let file = String::from_utf8(State::default().to_file().unwrap()).unwrap();
        let old = file.replacen(" 2 ", " 1 ", 1);
        assert_eq!(State::of_file(old.as_bytes()), Ok(State::default()));
    }

    #[test]
    fn what_is_none_is_told_apart() {
        let file = State::default().to_file().unwrap();
        let text = String::from_utf8(file.clone()).unwrap();
        assert_eq!(State::of_file(b""), Err(Wrong::Foreign));
        assert_eq!(State::of_file(b"{\"runs\":1}"), Err(Wrong::Foreign));
        let newer = text.replacen(" 2 ", " 3 ", 1);
        assert_eq!(State::of_file(newer.as_bytes()), Err(Wrong::Newer(3)));
        for cut in 13..file.len() {
            let damaged = State::of_file(&file[..cut]);
            assert!(matches!(damaged, Err(Wrong::Damaged(_))), "cut at {cut}");
        }
        let changed = text.replacen("\"runs\":0", "\"runs\":1", 1);
        assert!(matches!(
            State::of_file(changed.as_bytes()),
            Err(Wrong::Damaged(_))
        ));
    }
}
