//! Fingerprints: whether a file holds the bytes that an earlier run read, told by a few of them.
//!
//! A name may be given to another file and a file another name; what was read of a log stays at its beginning, whatever is
//! appended. So a log is known by its first bytes and by the last ones that were read, of what is in it when it is
//! decompressed; and a packed file, once it was looked into, by its own first and last bytes.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use serde::{Deserialize, Serialize};

use super::compression::{self, Decompressor};
use super::open::file;
use crate::input::{Candidate, OpenError};
use crate::limits;

/// A few bytes, and where they end.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Piece {
    /// Bytes before its end.
    pub end: u64,
    /// Its bytes.
    pub length: u64,
    /// Their hash (BLAKE3, the first half).
    pub hash: String,
}

impl Piece {
    /// Of these bytes, which end there.
    pub fn new(bytes: &[u8], end: u64) -> Self {
        Self {
            end,
            length: bytes.len() as u64,
            hash: hash(bytes),
        }
    }

    /// True where it is of a length that is bounded, and not longer than what is before its end.
    fn is_sound(&self) -> bool {
        self.length <= self.end && self.length <= limits::PRINT_BYTES as u64
    }
}

fn hash(bytes: &[u8]) -> String {
    let hash = blake3::hash(bytes).to_hex();
    hash.as_str().chars().take(32).collect()
}

/// What the first bytes of something are known by, up to a place.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Print {
    /// At the beginning.
    pub head: Piece,
    /// Before the place.
    pub tail: Piece,
}

impl Print {
    /// Bytes before the place.
    pub fn bytes(&self) -> u64 {
        self.tail.end
    }

    /// True where a plain file holds what it is of.
    pub(super) fn fits(&self, file: &mut File) -> io::Result<bool> {
        Ok(in_plain(file, u64::MAX, &[self])?.is_some())
    }

    /// Of the whole of a file as it was on the disk when it was looked at, or as it is.
    ///
    /// # Errors
    ///
    /// When it can't be read.
    pub fn of_file(candidate: &Candidate) -> io::Result<Self> {
        if let Some(look) = &candidate.look {
            return Ok(look.clone());
        }
        let mut file = file(candidate)?;
        let length = file.metadata()?.len();
        Self::up_to(&mut file, length)
    }

    /// Of a plain file up to a place.
    pub(super) fn up_to(file: &mut File, place: u64) -> io::Result<Self> {
        let most = place.min(limits::PRINT_BYTES as u64);
        let head = at(file, 0, most)?;
        let tail = at(file, place - most, most)?;
        Ok(Self {
            head: Piece::new(&head, most),
            tail: Piece::new(&tail, place),
        })
    }
}

/// The bytes at a place; fewer at the end.
fn at(file: &mut File, start: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// True where a file is compressed.
pub fn is_packed(candidate: &Candidate) -> bool {
    file(candidate).is_ok_and(|mut file| is_compressed(&mut file))
}

/// The same of a file that is open.
pub(super) fn is_compressed(file: &mut File) -> bool {
    let magic = at(file, 0, compression::MAGIC_BYTES as u64);
    magic.is_ok_and(|magic| compression::is_compressed(&magic))
}

/// How a file compares to what was read before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fit {
    /// Which of the prints fits, the one that reaches farthest.
    pub print: usize,
    /// True where nothing stands behind it.
    pub is_all: bool,
    /// True where the file is packed, and was looked into.
    pub is_packed: bool,
}

/// Looks for the print that fits a file and reaches farthest. What is packed is decompressed only where its first bytes
/// fit.
///
/// # Errors
///
/// When the file can't be read.
pub fn farthest(candidate: &Candidate, prints: &[&Print]) -> Result<Option<Fit>, OpenError> {
    let explain = |error: io::Error| super::open::explain(&error);
    let mut opened = file(candidate).map_err(explain)?;
    let magic = at(&mut opened, 0, compression::MAGIC_BYTES as u64).map_err(explain)?;
    let bound = candidate.bound();
    if compression::is_compressed(&magic) {
        opened.seek(SeekFrom::Start(0)).map_err(explain)?;
        let packed = Decompressor::new(Box::new(opened.take(bound)));
        return Ok(in_packed(packed, prints));
    }
    in_plain(&mut opened, bound, prints).map_err(explain)
}

fn in_plain(file: &mut File, bound: u64, prints: &[&Print]) -> io::Result<Option<Fit>> {
    let length = file.metadata()?.len().min(bound);
    let head = at(file, 0, limits::PRINT_BYTES as u64)?;
    let mut order = candidates(&head, prints);
    order.reverse();
    for index in order {
        let Some(print) = prints.get(index).filter(|p| p.bytes() <= length) else {
            continue;
        };
        let tail = &print.tail;
        if hash(&at(file, tail.end - tail.length, tail.length)?) == tail.hash {
            return Ok(Some(Fit {
                print: index,
                is_all: tail.end == length,
                is_packed: false,
            }));
        }
    }
    Ok(None)
}

/// The prints whose beginning fits, by how far they reach.
fn candidates(head: &[u8], prints: &[&Print]) -> Vec<usize> {
    let fits = |print: &Print| {
        let length = usize::try_from(print.head.length).unwrap_or(usize::MAX);
        print.head.length > 0
            && print.head.is_sound()
            && print.tail.is_sound()
            && head
                .get(..length)
                .is_some_and(|head| hash(head) == print.head.hash)
    };
    let all = prints.iter().enumerate();
    let mut fitting: Vec<usize> = all
        .filter(|(_, p)| fits(p))
        .map(|(index, _)| index)
        .collect();
    fitting.sort_by_key(|index| prints.get(*index).map_or(0, |print| print.bytes()));
    fitting
}

/// Damage ends what is packed; what stands before it may fit.
fn in_packed(mut source: impl Read, prints: &[&Print]) -> Option<Fit> {
    let mut reading = Passing::default();
    reading.go_to(limits::PRINT_BYTES as u64, &mut source);
    let head = std::mem::take(&mut reading.last);
    reading.last.clone_from(&head);
    let mut found = None;
    for index in candidates(&head, prints) {
        let Some(print) = prints.get(index) else {
            continue;
        };
        // All of a short source was read by now.
        let tail = if print.bytes() <= head.len() as u64 {
            let end = usize::try_from(print.bytes()).unwrap_or(0);
            head.get(..end).unwrap_or_default()
        } else {
            if !reading.go_to(print.bytes(), &mut source) {
                break;
            }
            &reading.last
        };
        let length = usize::try_from(print.tail.length).unwrap_or(0);
        let tail = tail.get(tail.len().saturating_sub(length)..);
        if tail.is_some_and(|tail| hash(tail) == print.tail.hash) {
            found = Some(index);
        }
    }
    let index = found?;
    let end = prints.get(index)?.bytes();
    let is_all = reading.bytes == end && !reading.go_to(end + 1, &mut source);
    Some(Fit {
        print: index,
        is_all,
        is_packed: true,
    })
}

/// Passes over a source and remembers the bytes before the place.
#[derive(Default)]
struct Passing {
    bytes: u64,
    last: Vec<u8>,
}

impl Passing {
    /// Goes on to a place; false where the source ends before.
    fn go_to(&mut self, place: u64, source: &mut impl Read) -> bool {
        let mut buffer = vec![0; limits::SNIFF_BYTES];
        while self.bytes < place {
            let most = usize::try_from(place - self.bytes).unwrap_or(usize::MAX);
            let most = most.min(buffer.len());
            let read = source.read(buffer.get_mut(..most).unwrap_or_default());
            let Ok(read @ 1..) = read else { return false };
            self.bytes += read as u64;
            remember(&mut self.last, buffer.get(..read).unwrap_or_default());
        }
        true
    }
}

/// Keeps the last bytes of what was and of what comes.
pub(super) fn remember(last: &mut Vec<u8>, bytes: &[u8]) {
    last.extend_from_slice(
        bytes
            .get(bytes.len().saturating_sub(limits::PRINT_BYTES)..)
            .unwrap_or(bytes),
    );
    let surplus = last.len().saturating_sub(limits::PRINT_BYTES);
    last.drain(..surplus);
}
