//! A source is cut in windows of whole records, which are decoded side by side and merged in order.
//!
//! One mechanism for logs and captures, for one thread and many: while a wave
//! of windows is decoded, the next one is read and cut. What comes out does not
//! depend on the size of a window or the number of threads.

use std::io::{self, Read};

use rayon::prelude::*;

use crate::limits;

/// Bytes that are asked for first of a source.
const FIRST_READ: usize = 16 * 1024;

/// Whole records of a source.
#[derive(Debug)]
pub struct Window<N> {
    /// Bytes before it in the (decompressed) source.
    pub offset: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What was noted when it was cut.
    pub notes: N,
}

/// Finds the borders of records.
pub trait Cut {
    /// What is noted about a window: the places of its packets, say.
    type Notes: Send + Sync;

    /// Cuts the whole records at the start of `bytes`, which stand at `offset` in the source; gives their length and
    /// notes. `last` says that no bytes follow. A length of 0 asks for more bytes.
    fn cut(&mut self, bytes: &[u8], offset: u64, last: bool) -> (usize, Self::Notes);
}

/// What is done with a window beside others, in any order.
pub trait Decode: Sync {
    /// What cutting noted.
    type Notes: Send + Sync;
    /// What decoding gives; it may borrow from the window.
    type Part<'w>: Send
    where
        Self::Notes: 'w;

    /// Decodes one window.
    fn decode<'w>(&self, window: &'w Window<Self::Notes>) -> Self::Part<'w>;
}

/// How reading ended.
#[derive(Debug)]
pub struct Ended {
    /// Bytes read.
    pub bytes: u64,
    /// The error that ended it, if it was not the end of the source. Everything before it was worked on.
    pub error: Option<io::Error>,
}

/// Reads a source to its end. `window_bytes` is the size of a window, `progress` is told of bytes as they are read.
///
/// Windows are decoded side by side; `merge` gets their parts one after the other, in order.
pub fn read<C, D, M>(
    source: &mut (dyn Read + Send),
    window_bytes: usize,
    cutter: &mut C,
    decoder: &D,
    merge: M,
    progress: &(dyn Fn(u64) + Sync),
) -> Ended
where
    C: Cut + Send,
    D: Decode<Notes = C::Notes>,
    M: for<'w> FnMut(&'w Window<D::Notes>, D::Part<'w>) + Send,
{
    let mut windows = Windows::new(source, window_bytes);
    windows.read(cutter, decoder, merge, progress);
    windows.ended()
}

/// Works on a wave in steps: while the parts of one step are merged, the windows of the next are decoded.
fn work_on<D, M>(wave: &[Window<D::Notes>], per_step: usize, decoder: &D, merge: &mut M)
where
    D: Decode,
    M: for<'w> FnMut(&'w Window<D::Notes>, D::Part<'w>) + Send,
{
    let mut steps = wave.chunks(per_step.max(1));
    let Some(mut step) = steps.next() else { return };
    let mut parts = decode_all(step, decoder);
    for next in steps {
        let ((), next_parts) = rayon::join(
            || merge_all::<D, M>(step, parts, merge),
            || decode_all(next, decoder),
        );
        (step, parts) = (next, next_parts);
    }
    merge_all::<D, M>(step, parts, merge);
}

fn decode_all<'w, D: Decode>(step: &'w [Window<D::Notes>], decoder: &D) -> Vec<D::Part<'w>> {
    step.par_iter()
        .map(|window| decoder.decode(window))
        .collect()
}

fn merge_all<'w, D, M>(step: &'w [Window<D::Notes>], parts: Vec<D::Part<'w>>, merge: &mut M)
where
    D: Decode,
    M: for<'p> FnMut(&'p Window<D::Notes>, D::Part<'p>),
{
    for (window, part) in step.iter().zip(parts) {
        merge(window, part);
    }
}

/// A source that gives its windows one after the other.
#[derive(Debug)]
pub struct Windows<R> {
    source: R,
    window_bytes: usize,
    /// A buffer, and the number of bytes at its start that are in use: the start of a record whose end was not read yet.
    carried: (Vec<u8>, usize),
    /// Buffers of windows that are done with.
    spare: Vec<Vec<u8>>,
    offset: u64,
    ended: bool,
    error: Option<io::Error>,
}

impl<R: Read + Send> Windows<R> {
    /// From the first byte on.
    pub fn new(source: R, window_bytes: usize) -> Self {
        Self {
            source,
            window_bytes,
            carried: (Vec::new(), 0),
            spare: Vec::new(),
            offset: 0,
            ended: false,
            error: None,
        }
    }

    /// Reads what is left of the source; see [`read`].
    pub fn read<C, D, M>(
        &mut self,
        cutter: &mut C,
        decoder: &D,
        mut merge: M,
        progress: &(dyn Fn(u64) + Sync),
    ) where
        C: Cut + Send,
        D: Decode<Notes = C::Notes>,
        M: for<'w> FnMut(&'w Window<D::Notes>, D::Part<'w>) + Send,
    {
        // One thread works on a window while that is still in the core's cache; several need some in reserve.
        let (per_step, steps) = match rayon::current_num_threads() {
            1 => (1, 1),
            threads => (limits::WINDOWS_PER_THREAD * threads, limits::STEPS),
        };
        let mut wave = self.wave(cutter, per_step * steps, progress);
        while !wave.is_empty() {
            let ((), next) = rayon::join(
                || work_on(&wave, per_step, decoder, &mut merge),
                || self.wave(cutter, per_step * steps, progress),
            );
            for window in wave {
                self.recycle(window);
            }
            wave = next;
        }
    }

    /// The next window; `None` at the end of the source.
    pub fn next<C: Cut>(
        &mut self,
        cutter: &mut C,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Option<Window<C::Notes>> {
        let over = self.ended && self.carried.1 == 0;
        (!over).then(|| self.window(cutter, progress))
    }

    /// Takes back the buffer of a window. Fresh memory costs more than reading into old.
    pub fn recycle<N>(&mut self, window: Window<N>) {
        self.spare.push(window.bytes);
    }

    /// How reading ended, or how far it has got.
    pub fn ended(self) -> Ended {
        Ended {
            bytes: self.offset,
            error: self.error,
        }
    }

    fn wave<C: Cut>(
        &mut self,
        cutter: &mut C,
        windows: usize,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Vec<Window<C::Notes>> {
        let mut wave = Vec::with_capacity(windows);
        while wave.len() < windows
            && let Some(window) = self.next(cutter, progress)
        {
            wave.push(window);
        }
        wave
    }

    fn window<C: Cut>(
        &mut self,
        cutter: &mut C,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Window<C::Notes> {
        let (mut bytes, mut filled) = std::mem::take(&mut self.carried);
        let mut target = self.window_bytes.max(1);
        loop {
            let before = filled;
            filled = self.fill(&mut bytes, filled, target);
            progress((filled - before) as u64);
            let read = bytes.get(..filled).unwrap_or_default();
            let (used, notes) = cutter.cut(read, self.offset, self.ended);
            if used > 0 || self.ended {
                let used = if self.ended && used == 0 {
                    filled
                } else {
                    used
                };
                self.carry(read.get(used..).unwrap_or_default());
                bytes.truncate(used);
                let offset = self.offset;
                self.offset += used as u64;
                // The last one may be empty; what was noted at the end of the source matters all the same.
                return Window {
                    offset,
                    bytes,
                    notes,
                };
            }
            target = target.max(filled).saturating_mul(2);
        }
    }

    /// Puts the start of a record at the start of the next window's buffer.
    fn carry(&mut self, rest: &[u8]) {
        let mut buffer = self.spare.pop().unwrap_or_default();
        if buffer.len() < rest.len() {
            buffer.resize(rest.len(), 0);
        }
        if let Some(start) = buffer.get_mut(..rest.len()) {
            start.copy_from_slice(rest);
        }
        self.carried = (buffer, rest.len());
    }

    /// Reads until so many bytes of a buffer are in use, in as few steps as the source allows; gives how many are. Buffers
    /// keep their length, so none is cleared before it is read into.
    fn fill(&mut self, bytes: &mut Vec<u8>, mut filled: usize, target: usize) -> usize {
        if self.ended {
            return filled;
        }
        while filled < target {
            if filled == bytes.len() {
                // A small source needs no large buffer.
                bytes.resize(target.min((2 * filled).max(FIRST_READ)), 0);
            }
            let end = bytes.len().min(target);
            let room = bytes.get_mut(filled..end).unwrap_or_default();
            match self.source.read(room) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.error = Some(error);
                    self.ended = true;
                    break;
                }
            }
        }
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cuts lines.
    struct Lines;

    impl Cut for Lines {
        type Notes = ();
        fn cut(&mut self, bytes: &[u8], _offset: u64, last: bool) -> (usize, ()) {
            let end = memchr::memrchr(b'\n', bytes).map_or(0, |end| end + 1);
            (if last { bytes.len() } else { end }, ())
        }
    }

    struct Split;

    impl Decode for Split {
        type Notes = ();
        type Part<'w> = Vec<&'w [u8]>;
        fn decode<'w>(&self, window: &'w Window<()>) -> Vec<&'w [u8]> {
            window.bytes.split_inclusive(|b| *b == b'\n').collect()
        }
    }

    fn lines_of(
        source: &mut (dyn Read + Send),
        window_bytes: usize,
    ) -> (Vec<(u64, Vec<u8>)>, Ended) {
        let mut lines = Vec::new();
        let mut merge = |window: &Window<()>, part: Vec<&[u8]>| {
            let mut offset = window.offset;
            for line in part {
                lines.push((offset, line.to_vec()));
                offset += line.len() as u64;
            }
        };
        let ended = read(
            source,
            window_bytes,
            &mut Lines,
            &Split,
            &mut merge,
            &|_| {},
        );
        (lines, ended)
    }

    fn lines_with(window_bytes: usize, mut text: &[u8]) -> Vec<(u64, Vec<u8>)> {
        let length = text.len() as u64;
        let (lines, ended) = lines_of(&mut text, window_bytes);
        assert_eq!(ended.bytes, length);
        lines
    }

    #[test]
    fn any_window_gives_the_same_records() {
        let text = b"a\nbb\n\nlonger than a window\nlast without end";
        let expected = lines_with(1 << 20, text);
        assert_eq!(expected.len(), 5);
        for window_bytes in 1..20 {
            assert_eq!(
                lines_with(window_bytes, text),
                expected,
                "window of {window_bytes}"
            );
        }
    }

    /// A source that ends where a window does: what is noted at its end belongs to no byte.
    #[test]
    fn what_is_noted_at_the_end_is_handed_on() {
        struct Ends;
        impl Cut for Ends {
            type Notes = bool;
            fn cut(&mut self, bytes: &[u8], _offset: u64, last: bool) -> (usize, bool) {
                (bytes.len(), last)
            }
        }
        impl Decode for Ends {
            type Notes = bool;
            type Part<'w> = bool;
            fn decode(&self, window: &Window<bool>) -> bool {
                window.notes
            }
        }
        for length in [0, 1, 4, 8, 9] {
            let text = vec![b'a'; length];
            let (mut lengths, mut ends) = (0, Vec::new());
            let mut merge = |window: &Window<bool>, last: bool| {
                lengths += window.bytes.len();
                ends.push(last);
            };
            let ended = read(&mut &text[..], 4, &mut Ends, &Ends, &mut merge, &|_| {});
            assert_eq!((lengths, ended.bytes), (length, length as u64));
            assert_eq!(ends.pop(), Some(true));
            assert!(!ends.contains(&true));
        }
    }

    #[test]
    fn what_was_read_before_an_error_is_kept() {
        struct Breaks(bool);
        impl Read for Breaks {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                if std::mem::replace(&mut self.0, true) {
                    return Err(io::Error::other("broken"));
                }
                buffer[..4].copy_from_slice(b"a\nb\n");
                Ok(4)
            }
        }
        let (lines, ended) = lines_of(&mut Breaks(false), 1 << 10);
        assert_eq!(lines.len(), 2);
        assert!(ended.error.is_some());
    }
}
