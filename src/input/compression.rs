//! Compressed bytes become plain ones, told by their magic numbers: gzip, zstd, xz, bzip2, lz4.
//!
//! A file may be several compressed ones behind one another, as `cat`, `pigz` or a rotation that appends make them. What
//! could be decompressed before a damage or a cut is handed on before the error is. A file that grows out of all
//! proportion is left at a bound, and no format gets more memory than its bound. Reads no archives (tar, zip).

use std::io::{self, BufRead, ErrorKind, Read};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use bzip2::bufread::BzDecoder;
use flate2::bufread::GzDecoder;
use lz4_flex::frame::FrameDecoder;
use lzma_rust2::{Action, Status, XzStream};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder as ZstdDecoder};

use crate::limits;

#[cfg(test)]
mod tests;

/// Bytes of a magic number that have to be looked at.
pub(super) const MAGIC_BYTES: usize = 6;

/// Plain bytes that a decoder is asked for at a time.
const PLAIN_BYTES: usize = 4096;

/// How something is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Gzip,
    Zstd,
    Xz,
    Bzip2,
    Lz4,
    /// The form of lz4 of before 2013, which has no end mark.
    OldLz4,
    /// Something to be passed over, in zstd and lz4 alike (RFC 8878 section 3.1.2).
    Skippable,
}

impl Format {
    fn of(magic: &[u8]) -> Option<Self> {
        match magic {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some(Self::Bzip2),
            [0x04, 0x22, 0x4d, 0x18, ..] => Some(Self::Lz4),
            [0x02, 0x21, 0x4c, 0x18, ..] => Some(Self::OldLz4),
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Skippable),
            _ => None,
        }
    }
}

/// True when bytes that begin like this are compressed.
pub(super) fn is_compressed(head: &[u8]) -> bool {
    Format::of(head).is_some()
}

/// What is known of the compressed side while a decoder has it.
#[derive(Debug, Default)]
struct Meter {
    used: AtomicU64,
    ended: AtomicBool,
    /// The error of the source itself.
    failed: OnceLock<(ErrorKind, String)>,
}

/// The compressed bytes.
struct Input {
    source: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    /// What the source failed with behind what is buffered.
    failure: Option<io::Error>,
    meter: Arc<Meter>,
}

impl Input {
    fn buffered(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// Reads until there are this many bytes, or no more.
    fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        while self.buffered().len() < wanted && self.more()? {}
        Ok(self.buffered())
    }

    /// Reads on behind what is buffered; false at the end. Reads as much as there is room for, however it arrives: how
    /// far a decoder comes in damaged bytes depends on how many it is given.
    fn more(&mut self) -> io::Result<bool> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let length = self.buffer.len();
        if let Some(error) = self.failure.take() {
            return Err(self.fail(error));
        }
        let wanted = limits::SNIFF_BYTES as u64;
        let source = &mut self.source;
        let read = source.take(wanted).read_to_end(&mut self.buffer);
        match read {
            Err(error) if self.buffer.len() == length => Err(self.fail(error)),
            // What came before an error is of use.
            read => {
                self.failure = read.err();
                Ok(self.buffer.len() > length)
            }
        }
    }

    fn fail(&mut self, error: io::Error) -> io::Error {
        let failed = (error.kind(), error.to_string());
        self.meter.failed.get_or_init(|| failed);
        error
    }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.buffered().is_empty() && !self.more()? {
            self.meter.ended.store(true, Relaxed);
        }
        Ok(self.buffered())
    }

    fn consume(&mut self, used: usize) {
        self.start += used;
        self.meter.used.fetch_add(used as u64, Relaxed);
    }
}

impl Read for Input {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(to)?;
        self.consume(read);
        Ok(read)
    }
}

/// What the next bytes belong to.
enum Member {
    /// Nothing yet.
    Between(Input),
    Gzip(GzDecoder<Input>),
    Zstd(Box<Zstd>),
    Xz(Box<(Input, XzStream)>),
    Bzip2(BzDecoder<Input>),
    /// True for the old form.
    Lz4(Box<FrameDecoder<Input>>, bool),
    Over,
    /// Bytes that are not compressed.
    Alien,
}

/// Decompresses; see the module.
pub(super) struct Decompressor {
    member: Member,
    meter: Arc<Meter>,
    produced: u64,
    /// Plain bytes that were not handed over yet. A decoder is always asked for as many, so that it comes as far in damaged
    /// bytes whoever asks; what its error leaves behind in a buffer is lost, so it is a small one.
    plain: Vec<u8>,
    start: usize,
    /// Plain bytes that are given whatever they were made of.
    bytes_max: u64,
}

impl Decompressor {
    /// For bytes that begin with a magic number.
    pub(super) fn new(source: Box<dyn Read + Send>) -> Self {
        let meter = Arc::new(Meter::default());
        let input = Input {
            source,
            buffer: Vec::new(),
            start: 0,
            failure: None,
            meter: meter.clone(),
        };
        Self {
            member: Member::Between(input),
            meter,
            produced: 0,
            plain: Vec::new(),
            start: 0,
            bytes_max: limits::DECOMPRESSED_BYTES,
        }
    }

    fn used(&self) -> u64 {
        self.meter.used.load(Relaxed)
    }

    /// What went wrong, in words; the decoders' own differ for the same thing.
    fn explain(&self, error: &io::Error) -> io::Error {
        let at = self.used();
        if let Some((kind, words)) = self.meter.failed.get() {
            return io::Error::new(*kind, words.clone());
        }
        if error.kind() == ErrorKind::OutOfMemory {
            let words = format!("decompressing it takes more memory than is given to it: {error}");
            return io::Error::new(ErrorKind::OutOfMemory, words);
        }
        if self.meter.ended.load(Relaxed) {
            let words = format!("the file ends inside its compressed data, after byte {at}");
            return io::Error::new(ErrorKind::UnexpectedEof, words);
        }
        let words = format!("the compressed data is damaged before byte {at}: {error}");
        io::Error::new(ErrorKind::InvalidData, words)
    }

    fn alien(&self) -> io::Error {
        let at = self.used();
        let words = format!("the compressed data ends at byte {at}, and what follows is none");
        io::Error::new(ErrorKind::InvalidData, words)
    }

    fn is_out_of_proportion(&self) -> bool {
        self.produced > self.bytes_max && self.produced / limits::DECOMPRESSED_RATIO > self.used()
    }
}

impl Read for Decompressor {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if to.is_empty() {
            return Ok(0);
        }
        if self.start == self.plain.len() {
            self.start = 0;
            let mut plain = std::mem::take(&mut self.plain);
            plain.resize(PLAIN_BYTES, 0);
            let read = self.decompress(&mut plain);
            plain.truncate(*read.as_ref().unwrap_or(&0));
            self.plain = plain;
            read?;
        }
        let read = self.plain.get(self.start..).unwrap_or_default().read(to)?;
        self.start += read;
        Ok(read)
    }
}

impl Decompressor {
    /// The next plain bytes; 0 at the end.
    fn decompress(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.is_out_of_proportion() {
            self.member = Member::Over;
            self.produced = 0;
            let words = format!(
                "its first {} bytes became more than {} times as many",
                self.used(),
                limits::DECOMPRESSED_RATIO
            );
            return Err(io::Error::new(ErrorKind::FileTooLarge, words));
        }
        loop {
            match self.member.read(to) {
                Ok(0) => {
                    let member = std::mem::replace(&mut self.member, Member::Over);
                    let next = member.end(&self.meter).and_then(start);
                    self.member = match next {
                        Ok(Member::Over) => return Ok(0),
                        Ok(Member::Alien) => return Err(self.alien()),
                        Ok(next) => next,
                        Err(error) => return Err(self.explain(&error)),
                    };
                }
                Ok(read) => {
                    self.produced += read as u64;
                    return Ok(read);
                }
                Err(error) => {
                    let error = self.explain(&error);
                    self.member = Member::Over;
                    return Err(error);
                }
            }
        }
    }
}

impl Member {
    /// The next plain bytes; 0 at its end.
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Between(_) | Self::Over | Self::Alien => Ok(0),
            Self::Gzip(decoder) => decoder.read(to),
            Self::Bzip2(decoder) => decoder.read(to),
            Self::Lz4(decoder, _) => decoder.read(to),
            Self::Xz(it) => xz(&mut it.0, &mut it.1, to),
            Self::Zstd(it) => it.read(to),
        }
    }

    /// Gives back what follows it.
    fn end(self, meter: &Meter) -> io::Result<Option<Input>> {
        let input = match self {
            Self::Over | Self::Alien => return Ok(None),
            Self::Between(input) => input,
            Self::Gzip(decoder) => decoder.into_inner(),
            Self::Bzip2(decoder) => decoder.into_inner(),
            Self::Xz(it) => it.0,
            Self::Lz4(decoder, is_old) => {
                // lz4_flex takes an end between two blocks for the end of the frame.
                if meter.ended.load(Relaxed) && !is_old {
                    return Err(ErrorKind::UnexpectedEof.into());
                }
                decoder.into_inner()
            }
            Self::Zstd(it) => it.end()?,
        };
        Ok(Some(input))
    }
}

/// Begins with the next member. Zeros behind one fill up a block of a tape or of a disk.
fn start(input: Option<Input>) -> io::Result<Member> {
    let Some(mut input) = input else {
        return Ok(Member::Over);
    };
    loop {
        let head = input.peek(MAGIC_BYTES)?;
        let zeros = head.iter().take_while(|byte| **byte == 0).count();
        let format = Format::of(head);
        match format {
            None if head.is_empty() => return Ok(Member::Over),
            None if zeros > 0 => input.consume(zeros),
            None => return Ok(Member::Alien),
            Some(Format::Skippable) => skip(&mut input)?,
            Some(Format::Gzip) => return Ok(Member::Gzip(GzDecoder::new(input))),
            Some(Format::Bzip2) => return Ok(Member::Bzip2(BzDecoder::new(input))),
            Some(Format::Lz4) => return Ok(Member::Lz4(FrameDecoder::new(input).into(), false)),
            Some(Format::OldLz4) => return Ok(Member::Lz4(FrameDecoder::new(input).into(), true)),
            Some(Format::Xz) => {
                let stream = XzStream::new_mem_limit(false, kibibytes());
                return Ok(Member::Xz(Box::new((input, stream))));
            }
            Some(Format::Zstd) => {
                let mut decoder = ZstdDecoder::new();
                decoder.set_max_window_size(limits::DECOMPRESSION_MEMORY as u64);
                decoder.init(&mut input).map_err(zstd_error)?;
                return Ok(Member::Zstd(Box::new(Zstd {
                    input,
                    decoder,
                    failed: None,
                })));
            }
        }
    }
}

fn kibibytes() -> u32 {
    u32::try_from(limits::DECOMPRESSION_MEMORY / 1024).unwrap_or(u32::MAX)
}

/// Passes over a skippable frame: four bytes of magic, four of length, content.
fn skip(input: &mut Input) -> io::Result<()> {
    let mut header = [0; 8];
    input.read_exact(&mut header)?;
    let [.., a, b, c, d] = header;
    let length = u64::from(u32::from_le_bytes([a, b, c, d]));
    let skipped = io::copy(&mut input.take(length), &mut io::sink())?;
    if skipped < length {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

fn xz(input: &mut Input, stream: &mut XzStream, to: &mut [u8]) -> io::Result<usize> {
    loop {
        let bytes = input.fill_buf()?;
        let is_end = bytes.is_empty();
        let step = stream.process(bytes, to, Action::Run)?;
        input.consume(step.bytes_consumed);
        if step.bytes_produced > 0 || step.status == Status::StreamEnd {
            return Ok(step.bytes_produced);
        }
        if is_end {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
}

/// A frame of zstd. The decoder keeps a window of what it made to refer back to; it gives that away at the frame's end
/// only.
struct Zstd {
    input: Input,
    decoder: ZstdDecoder,
    failed: Option<io::Error>,
}

impl Zstd {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
            let one = || BlockDecodingStrategy::UptoBlocks(1);
            if let Err(error) = self.decoder.decode_blocks(&mut self.input, one()) {
                self.failed = Some(zstd_error(error));
                // An empty last block and a checksum: what came before the damage is wanted.
                let end = [1, 0, 0, 0, 0, 0, 0];
                self.decoder
                    .decode_blocks(&end[..], one())
                    .map_err(zstd_error)?;
            }
        }
        self.decoder.read(to)
    }

    fn end(self) -> io::Result<Input> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let told = self.decoder.get_checksum_from_data();
        if told.is_some() && told != self.decoder.get_calculated_checksum() {
            let words = "a checksum that is wrong";
            return Err(io::Error::new(ErrorKind::InvalidData, words));
        }
        Ok(self.input)
    }
}

fn zstd_error(error: FrameDecoderError) -> io::Error {
    match error {
        FrameDecoderError::WindowSizeTooBig { .. } => {
            io::Error::new(ErrorKind::OutOfMemory, error.to_string())
        }
        FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::MagicNumberReadError(it)) => {
            it
        }
        error => io::Error::new(ErrorKind::InvalidData, error.to_string()),
    }
}
