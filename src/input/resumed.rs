//! A source from the place on up to which an earlier run read it, and a note of how far this one does.
//!
//! A plain file is read from that place, and so is one whose lines are wrapped one by one, of which the print tells where it
//! is on the disk. What is packed or wrapped otherwise has no places, so it is read from its beginning and what is known is
//! passed over. A line whose end is not written yet is left for a later run.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Seek, SeekFrom};

use super::discover::identity;
use super::open::{self, Opened, file};
use super::print::{Piece, Print, is_compressed, remember};
use super::wrapped::{Unwrapper, Wrapping};
use crate::input::{Candidate, OpenError};
use crate::limits;

/// How far a source was read: whole lines, and the bytes they have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// Bytes, decompressed and unwrapped.
    pub bytes: u64,
    /// Line ends among them.
    pub lines: u64,
}

/// A source that is ready to be read from a place on.
pub struct Resumed {
    /// The source; its head is that of the whole.
    pub opened: Opened,
    /// The bytes before the place, decompressed and unwrapped.
    pub before: u64,
    /// Where the bytes of the file are others than those that are read: what it is known by, as far as it is read now. One
    /// that fits nothing where it is packed.
    pub print: Option<Print>,
    /// The print of the packed file itself, taken before it is read: what is written to it meanwhile is new to the next run.
    pub packed: Option<Print>,
    /// True where what is known was read and passed over, because its wrapping has no places.
    pub is_passed_over: bool,
    /// Bytes of a last line without end, which are left where that is known before it is read.
    pub left: u64,
}

/// Opens a candidate at a place, up to which it is known by a print; nothing where it was renamed, replaced or emptied since
/// it was found. With `in_lines` a last line without end is left. What is written to it from now on is new to the next run:
/// of several logs that are written one after the other, none is read further than those before it.
///
/// # Errors
///
/// When it can't be opened.
pub fn open_at(
    candidate: &Candidate,
    known: Option<(Place, &Print)>,
    in_lines: bool,
) -> Result<Option<Resumed>, OpenError> {
    let explain = |error: io::Error| open::explain(&error);
    let file = found(candidate, known).map_err(explain)?;
    file.map(|file| from_found(candidate, file, known, in_lines))
        .transpose()
}

/// The same with the file that was found. Nothing is opened by its name again: that may be another one's by now.
fn from_found(
    candidate: &Candidate,
    mut file: File,
    known: Option<(Place, &Print)>,
    in_lines: bool,
) -> Result<Resumed, OpenError> {
    let explain = |error: io::Error| open::explain(&error);
    if candidate.regular {
        file.seek(SeekFrom::Start(0)).map_err(explain)?;
    }
    let whole = file.try_clone().map_err(explain)?;
    let mut resumed = Resumed::whole(open::opened(candidate, whole)?);
    let (is_packed, wrapping) = (resumed.opened.is_packed, resumed.opened.wrapping);
    let places = match wrapping {
        _ if is_packed || !candidate.regular => None,
        None => Some(None),
        Some(wrapping) => wrapping.is_by_line().then_some(Some(wrapping)),
    };
    if let Some(wrapping) = places {
        let from = resumed.at_place(candidate, file, (wrapping, known), in_lines);
        return from.map_err(explain);
    }
    if is_packed {
        resumed.packed = Print::of_file(candidate).ok();
        resumed.print = wrapping.map(|_| Print::default());
    } else if wrapping.is_some() {
        resumed.print = Some(Print::of_file(candidate).unwrap_or_default());
        resumed.is_passed_over = known.is_some();
    }
    if let Some((place, _)) = known {
        resumed.before = pass_over(&mut resumed.opened, place).map_err(explain)?;
    }
    Ok(resumed)
}

impl Candidate {
    /// True for the file that was found, as it was or longer: not one that has got its name since.
    pub(super) fn is(&self, file: &mut File) -> io::Result<bool> {
        let meta = file.metadata()?;
        if Some(identity(&meta)) != self.identity || meta.len() < self.length {
            return Ok(false);
        }
        // One that was emptied and written to again since is as long, and another log.
        let look = self.look.as_ref().filter(|look| look.bytes() > 0);
        look.map_or(Ok(true), |look| look.fits(file))
    }

    /// True while it is what it was when it was looked at; also where it was not, or can't be read.
    pub fn is_still(&self) -> bool {
        let is = || self.is(&mut file(self)?);
        self.look.is_none() || is().unwrap_or(false)
    }

    /// Looks at it: how long it is at this moment, and what is in it. It is read no further, and only while it is that. One
    /// that can't be read stays as it is: that is told where it is opened.
    pub fn look_at(&mut self) {
        let look = || {
            let mut file = file(self)?;
            let meta = file.metadata()?;
            let look = Print::up_to(&mut file, meta.len())?;
            io::Result::Ok((meta, look))
        };
        if let Ok((meta, look)) = look() {
            (self.identity, self.length) = (Some(identity(&meta)), meta.len());
            self.look = Some(look);
        }
    }
}

/// The file that was found, if it is still there and what is known of it is in it.
fn found(candidate: &Candidate, known: Option<(Place, &Print)>) -> io::Result<Option<File>> {
    let mut file = match file(candidate) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && candidate.regular => {
            return Ok(None);
        }
        other => other?,
    };
    if candidate.regular && !candidate.is(&mut file)? {
        return Ok(None);
    }
    if let Some((_, print)) = known
        && !is_compressed(&mut file)
        && !print.fits(&mut file)?
    {
        return Ok(None);
    }
    Ok(Some(file))
}

/// Passes over what is known of a source that has no places; gives its bytes.
fn pass_over(opened: &mut Opened, place: Place) -> io::Result<u64> {
    let reader = &mut opened.reader;
    if opened.wrapping.is_none() {
        return io::copy(&mut reader.take(place.bytes), &mut io::sink());
    }
    let empty: Box<dyn Read + Send> = Box::new(io::empty());
    let mut source = BufReader::new(std::mem::replace(reader, empty));
    let (mut bytes, mut line) = (0, Vec::new());
    for _ in 0..place.lines {
        line.clear();
        let read = source.read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        bytes += read as u64;
    }
    *reader = Box::new(source);
    Ok(bytes)
}

impl Resumed {
    /// A source from its beginning.
    pub fn whole(opened: Opened) -> Self {
        Self {
            opened,
            before: 0,
            print: None,
            packed: None,
            is_passed_over: false,
            left: 0,
        }
    }

    /// A file that is read on from a place. Where each line is unwrapped by itself, what the print is of ends there.
    fn at_place(
        mut self,
        candidate: &Candidate,
        mut file: File,
        (wrapping, known): (Option<Wrapping>, Option<(Place, &Print)>),
        in_lines: bool,
    ) -> io::Result<Self> {
        let length = candidate.length;
        let start = match wrapping {
            None => known.map_or(0, |(place, _)| place.bytes),
            Some(_) => known.map_or(0, |(_, print)| print.bytes()),
        };
        let mut end = length.max(start);
        self.before = known.map_or(0, |(place, _)| place.bytes);
        if let Some(wrapping) = wrapping {
            if in_lines {
                end = end_of_lines(&mut file, wrapping, (start, end))?;
            }
            self.left = length.saturating_sub(end);
            self.print = Some(Print::up_to(&mut file, end)?);
        }
        let rest = Steady {
            candidate: candidate.clone(),
            file,
            at: start,
            end,
        };
        self.opened.reader = match wrapping {
            None => Box::new(rest),
            Some(wrapping) => {
                let rest = BufReader::with_capacity(limits::WINDOW_BYTES, rest);
                Box::new(Unwrapper::new(wrapping, Box::new(rest)))
            }
        };
        Ok(self)
    }
}

/// A file that is read as far as it went when it was looked at. Where it is emptied meanwhile, as rotation does that copies, it is
/// over: what is written to it then is another log, which may soon be as long. So it is looked at again behind each piece, before
/// that is handed on.
struct Steady {
    candidate: Candidate,
    file: File,
    at: u64,
    end: u64,
}

impl Read for Steady {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let most = most.min(to.len());
        self.file.seek(SeekFrom::Start(self.at))?;
        let read = self.file.read(to.get_mut(..most).unwrap_or_default())?;
        if read > 0 && self.candidate.look.is_some() && !self.candidate.is(&mut self.file)? {
            self.end = self.at;
            return Ok(0);
        }
        self.at += read as u64;
        Ok(read)
    }
}

/// Where the last whole line of a file ends, of which no more than a piece of a longer one stands at its end.
fn end_of_lines(
    file: &mut File,
    wrapping: Wrapping,
    (start, length): (u64, u64),
) -> io::Result<u64> {
    let from = start.max(length.saturating_sub(limits::LOG_ENTRY_BYTES as u64));
    let mut last = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.take(length - from).read_to_end(&mut last)?;
    while let Some(end) = memchr::memrchr(b'\n', &last) {
        last.truncate(end);
        let line = memchr::memrchr(b'\n', &last)
            .map_or(&last[..], |at| last.get(at + 1..).unwrap_or_default());
        if !wrapping.is_piece(line) {
            return Ok(from + end as u64 + 1);
        }
    }
    // A line that is too long is cut anywhere.
    let is_endless = length - from >= limits::LOG_ENTRY_BYTES as u64;
    Ok(if is_endless { length } else { start })
}

/// A source that is read in whole lines, and notes what another run needs to go on.
pub struct Tracked<'r> {
    source: &'r mut (dyn Read + Send),
    /// A last line without end is left.
    in_lines: bool,
    /// What was read and not handed over: from a place on, and up to another one whole lines.
    rest: Vec<u8>,
    start: usize,
    usable: usize,
    is_over: bool,
    failed: Option<io::Error>,
    /// The bytes before, and those that were handed over.
    bytes: u64,
    last: Vec<u8>,
}

impl std::fmt::Debug for Tracked<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tracked")
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

impl<'r> Tracked<'r> {
    /// From a place on, before which these bytes stand. With `in_lines` a last line without end is left for later.
    pub fn new(source: &'r mut (dyn Read + Send), before: u64, in_lines: bool) -> Self {
        Self {
            source,
            in_lines,
            rest: Vec::new(),
            start: 0,
            usable: 0,
            is_over: false,
            failed: None,
            bytes: before,
            last: Vec::new(),
        }
    }

    /// Bytes before the place that was reached.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of the line whose end was not there.
    pub fn left(&self) -> usize {
        self.rest.len() - self.usable
    }

    /// The print of what was read up to here, by the first bytes of the whole; `before` is that of an earlier run, which
    /// stays where nothing came.
    pub fn print(&self, head: &[u8], before: Option<&Print>) -> Print {
        if let (Some(before), true) = (before, self.last.is_empty()) {
            return before.clone();
        }
        let most = usize::try_from(self.bytes).unwrap_or(usize::MAX);
        let head = head.get(..most.min(limits::PRINT_BYTES)).unwrap_or(head);
        Print {
            head: Piece::new(head, head.len() as u64),
            tail: Piece::new(&self.last, self.bytes),
        }
    }

    /// Reads once behind the piece of a line that is left, into a buffer that has room for both, and leaves what is behind the
    /// last whole line of it. Gives the bytes of whole lines.
    fn read_lines(&mut self, to: &mut [u8]) -> usize {
        let piece = self.rest.len();
        if let Some(start) = to.get_mut(..piece) {
            start.copy_from_slice(&self.rest);
        }
        let read = loop {
            match self.source.read(to.get_mut(piece..).unwrap_or_default()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        let read = read.unwrap_or_else(|error| {
            self.failed = Some(error);
            0
        });
        if read == 0 {
            self.is_over = true;
            self.usable = if self.in_lines { 0 } else { piece };
            return 0;
        }
        let both = to.get(..piece + read).unwrap_or_default();
        let end = match memchr::memrchr(b'\n', both.get(piece..).unwrap_or_default()) {
            Some(end) => piece + end + 1,
            // Of a line that is too long nothing is left.
            None if both.len() > limits::LOG_LINE_BYTES => both.len(),
            None => 0,
        };
        self.rest.clear();
        self.rest
            .extend_from_slice(both.get(end..).unwrap_or_default());
        end
    }

    /// The same where there is little room: by a buffer between.
    fn fill(&mut self) {
        let mut between = vec![0; self.rest.len() + limits::LOG_LINE_BYTES];
        let end = self.read_lines(&mut between);
        if end > 0 {
            between.truncate(end);
            between.extend_from_slice(&self.rest);
            (self.rest, self.usable) = (between, end);
        }
    }

    fn hand_over(&mut self, bytes: &[u8]) -> usize {
        remember(&mut self.last, bytes);
        self.bytes += bytes.len() as u64;
        bytes.len()
    }
}

impl Read for Tracked<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.rest.get(self.start..self.usable).unwrap_or_default();
            if !ready.is_empty() {
                let read = ready.read(to)?;
                self.start += read;
                return Ok(self.hand_over(to.get(..read).unwrap_or_default()));
            }
            if self.is_over {
                return self.failed.take().map_or(Ok(0), Err);
            }
            self.rest.drain(..self.start);
            (self.start, self.usable) = (0, 0);
            if to.len() < 2 * self.rest.len() + limits::PRINT_BYTES {
                self.fill();
                continue;
            }
            let read = self.read_lines(to);
            if read > 0 {
                return Ok(self.hand_over(to.get(..read).unwrap_or_default()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::input::discover;

    /// What is read of a log that was found, after something happened to it.
    fn read_after(happens: impl Fn(&std::path::Path)) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        std::fs::write(&path, "one\ntwo\n").unwrap();
        let mut found = discover(std::slice::from_ref(&path), &mut Diagnostics::default());
        found[0].look_at();
        happens(&path);
        let mut resumed = open_at(&found[0], None, true).unwrap()?;
        let mut read = String::new();
        resumed.opened.reader.read_to_string(&mut read).unwrap();
        Some(read)
    }

    #[test]
    fn a_log_is_read_as_far_as_it_went_when_it_was_found() {
        let whole = Some("one\ntwo\n".to_owned());
        assert_eq!(read_after(|_| ()), whole);
        assert_eq!(
            read_after(|path| std::fs::write(path, "one\ntwo\nthree\n").unwrap()),
            whole
        );
        let renamed = read_after(|path| {
            std::fs::rename(path, path.with_extension("1")).unwrap();
            std::fs::write(path, "three\nfour\nfive\n").unwrap();
        });
        assert_eq!(renamed, None);
        assert_eq!(read_after(|path| std::fs::write(path, "").unwrap()), None);
        // Copied, emptied, and already longer again.
        let emptied = read_after(|path| std::fs::write(path, "three\nfour\nfive\n").unwrap());
        assert_eq!(emptied, None);
        assert_eq!(read_after(|path| std::fs::remove_file(path).unwrap()), None);
    }

    /// A log that was found, and its folder.
    fn found_log(bytes: &[u8]) -> (tempfile::TempDir, Candidate) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        std::fs::write(&path, bytes).unwrap();
        let mut found = discover(&[path], &mut Diagnostics::default()).remove(0);
        found.look_at();
        (folder, found)
    }

    fn read_all(mut resumed: Resumed) -> String {
        let mut read = String::new();
        resumed.opened.reader.read_to_string(&mut read).unwrap();
        read
    }

    #[test]
    fn a_log_that_is_emptied_before_it_is_read_is_over() {
        for (then, expected) in [
            ("one\ntwo\nthree\n", "one\ntwo\n"),
            ("", ""),
            ("three\n", ""),
            ("three\nfour\nfive\n", ""),
        ] {
            let (_folder, found) = found_log(b"one\ntwo\n");
            let resumed = open_at(&found, None, true).unwrap().unwrap();
            std::fs::write(&found.path, then).unwrap();
            assert_eq!(read_all(resumed), expected, "{then}");
        }
    }

    #[test]
    fn what_has_got_the_name_since_is_not_read() {
        use std::io::Write as _;
        let packed = |text: &str| {
            let fast = flate2::Compression::fast();
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), fast);
            encoder.write_all(text.as_bytes()).unwrap();
            encoder.finish().unwrap()
        };
        for (first, second) in [
            (b"one\n".to_vec(), Vec::new()),
            (b"one\n".to_vec(), packed("two\n")),
            (packed("one\n"), packed("two\n")),
            (packed("one\n"), b"two\n".to_vec()),
        ] {
            let (_folder, candidate) = found_log(&first);
            let file = found(&candidate, None).unwrap().unwrap();
            std::fs::rename(&candidate.path, candidate.path.with_extension("1")).unwrap();
            std::fs::write(&candidate.path, &second).unwrap();
            let resumed = from_found(&candidate, file, None, true).unwrap();
            let own = resumed.packed.clone();
            assert_eq!(own.is_some(), first.starts_with(&[0x1f]));
            assert!(own.is_none() || own == candidate.look);
            assert_eq!(read_all(resumed), "one\n");
        }
    }

    #[test]
    fn a_wrapped_log_is_read_up_to_the_last_whole_line() {
        let read = |text: &str| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("x.log");
            std::fs::write(&path, text).unwrap();
            let found = discover(&[path], &mut Diagnostics::default());
            let mut resumed = open_at(&found[0], None, true).unwrap().unwrap();
            let mut read = String::new();
            resumed.opened.reader.read_to_string(&mut read).unwrap();
            (read, resumed.print.unwrap().bytes(), resumed.left)
        };
        let line = |words: &str| {
            format!(
                "{{\"log\":\"{words}\",\"stream\":\"stdout\",\"time\":\"2026-11-22T08:16:55Z\"}}\n"
            )
        };
        let whole = line("a\\n");
        let plain = "2026-11-22T08:16:55Z stdout F a\n".to_owned();
        for more in [String::new(), "{\"log\":\"b".to_owned(), line("a piece")] {
            let left = more.len() as u64;
            let expected = (plain.clone(), whole.len() as u64, left);
            assert_eq!(read(&format!("{whole}{more}")), expected);
        }
    }
}
