//! The only place that opens inputs.
//!
//! Compression is told by the first bytes ([`compression`]), never by the name, and so is what wraps a log's lines
//! ([`wrapped`](super::wrapped)). Says in words
//! what can be done when a file can't be opened.

use std::io::{self, Read};

use super::compression::{self, Decompressor};
use super::wrapped::{Unwrapper, Wrapping};
use crate::input::Candidate;
use crate::limits;

/// A source that is ready to be read: decompressed bytes, and a look at the first of them.
pub struct Opened {
    /// The bytes, from the first.
    pub reader: Box<dyn Read + Send>,
    /// The first bytes, at most [`limits::SNIFF_BYTES`]; they come from `reader` again.
    pub head: Vec<u8>,
    /// True where it was decompressed.
    pub is_packed: bool,
    /// What wraps each line, which was taken off.
    pub(super) wrapping: Option<Wrapping>,
}

/// Why a source can't be read, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenError(pub String);

/// Opens a candidate and looks at its head. A file that ends or breaks inside its compression opens all the same: the
/// error comes when its bytes run out.
pub fn open(candidate: &Candidate) -> Result<Opened, OpenError> {
    if let Some(words) = &candidate.refused {
        return Err(OpenError(words.clone()));
    }
    if candidate.at().as_os_str() == "-" {
        return unpacked(Box::new(io::stdin()));
    }
    opened(candidate, file(candidate).map_err(|e| explain(&e))?)
}

/// The same with its file, from where that stands.
pub(super) fn opened(candidate: &Candidate, file: std::fs::File) -> Result<Opened, OpenError> {
    if file.metadata().is_ok_and(|m| m.is_dir()) {
        return Err(OpenError("is a directory".to_owned()));
    }
    unpacked(Box::new(file.take(candidate.bound())))
}

/// A candidate's file, as it is on the disk.
pub(super) fn file(candidate: &Candidate) -> io::Result<std::fs::File> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    let file = std::fs::File::open(candidate.at())?;
    Ok(file)
}

/// Takes off what bytes are compressed and wrapped in, and looks at the head of what is inside.
///
/// # Errors
///
/// When not even the first bytes can be read.
pub fn unpacked(raw: Box<dyn Read + Send>) -> Result<Opened, OpenError> {
    let (plain, is_compressed) = unpacked_only(raw)?;
    let opened = with_head(plain);
    let wrapping = Wrapping::of(&opened.head);
    let opened = match wrapping {
        Some(wrapping) => with_head(Unwrapper::new(wrapping, opened.reader)),
        None => opened,
    };
    Ok(Opened {
        is_packed: is_compressed,
        wrapping,
        ..opened
    })
}

/// Takes off what bytes are compressed in, and says whether they were.
fn unpacked_only(mut raw: Box<dyn Read + Send>) -> Result<(Box<dyn Read + Send>, bool), OpenError> {
    let mut magic = Vec::new();
    let looked_at = raw.by_ref().take(compression::MAGIC_BYTES as u64);
    io::copy(&mut { looked_at }, &mut magic).map_err(|e| explain(&e))?;
    let is_compressed = compression::is_compressed(&magic);
    let whole = Box::new(io::Cursor::new(magic).chain(raw));
    let plain: Box<dyn Read + Send> = if is_compressed {
        Box::new(Decompressor::new(whole))
    } else {
        whole
    };
    Ok((plain, is_compressed))
}

/// The text of a configuration file.
///
/// # Errors
///
/// When it can't be read, or has more than [`limits::CONFIGURATION_BYTES`].
pub fn configuration(path: &std::path::Path) -> Result<Vec<u8>, OpenError> {
    whole(path, limits::CONFIGURATION_BYTES)
}

/// The first bytes of a file, decompressed; nothing where it can't be read.
pub fn head(path: &std::path::Path) -> Vec<u8> {
    named(path).map(|opened| opened.head).unwrap_or_default()
}

fn named(path: &std::path::Path) -> Result<Opened, OpenError> {
    open(&Candidate {
        path: path.to_owned(),
        named: true,
        regular: true,
        length: 0,
        modified: None,
        at: None,
        refused: None,
        identity: None,
        look: None,
    })
}

/// A report in JSON, or several, decompressed.
///
/// # Errors
///
/// Also where there is more than [`limits::REPORT_BYTES`] of it.
pub fn earlier_report(path: &std::path::Path) -> Result<Vec<u8>, OpenError> {
    all_of(named(path)?.reader, limits::REPORT_BYTES)
}

/// The lines of a list of inputs, decompressed.
///
/// # Errors
///
/// When not even its beginning can be read.
pub fn list(path: &std::path::Path) -> Result<impl io::BufRead + use<>, OpenError> {
    let opened = if path.as_os_str() == "-" {
        unpacked_only(Box::new(io::stdin()))
    } else {
        #[expect(clippy::disallowed_methods, reason = "this is the one place")]
        let file = std::fs::File::open(path).map_err(|error| explain(&error))?;
        unpacked_only(Box::new(file))
    };
    Ok(io::BufReader::new(opened?.0))
}

/// What earlier runs left, or none where there is no such file.
///
/// # Errors
///
/// When it can't be read, or is longer than [`limits::STATE_BYTES`].
pub fn earlier_state(path: &std::path::Path) -> Result<Option<Vec<u8>>, OpenError> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(explain(&error)),
    };
    let length = file.metadata().map_err(|error| explain(&error))?.len();
    if length > limits::STATE_BYTES {
        return Err(OpenError("it is longer than any state".to_owned()));
    }
    let mut bytes = Vec::new();
    let read = file.take(limits::STATE_BYTES).read_to_end(&mut bytes);
    read.map_err(|error| explain(&error))?;
    Ok(Some(bytes))
}

fn whole(path: &std::path::Path, most: usize) -> Result<Vec<u8>, OpenError> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    let file = std::fs::File::open(path).map_err(|e| explain(&e))?;
    all_of(file, most)
}

/// The beginning of such a file would be another one.
fn all_of(file: impl Read, most: usize) -> Result<Vec<u8>, OpenError> {
    let mut text = Vec::new();
    let read = file.take(most as u64 + 1).read_to_end(&mut text);
    read.map_err(|e| explain(&e))?;
    if text.len() > most {
        let words = format!("has more than {most} bytes, which no such file has");
        return Err(OpenError(words));
    }
    Ok(text)
}

fn with_head(mut reader: impl Read + Send + 'static) -> Opened {
    let mut head = Vec::new();
    let failed = reader
        .by_ref()
        .take(limits::SNIFF_BYTES as u64)
        .read_to_end(&mut head)
        .err();
    let start = io::Cursor::new(head.clone());
    let rest: Box<dyn Read + Send> = match failed {
        None => Box::new(reader),
        Some(error) => Box::new(Failing(Some(error))),
    };
    Opened {
        reader: Box::new(start.chain(rest)),
        head,
        is_packed: false,
        wrapping: None,
    }
}

/// Gives back, after the head, the error that the head ended with.
struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

pub(super) fn explain(error: &io::Error) -> OpenError {
    let advice = match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory; check the spelling",
        io::ErrorKind::PermissionDenied => {
            "permission denied; run as a user or group that may read it (server logs often belong to group adm or root)"
        }
        _ => return OpenError(error.to_string()),
    };
    OpenError(advice.to_owned())
}
