//! IEEE 802.11 data frames, and what radios put before them. Only frames in the clear can be read.
//!
//! Several packets in one frame (A-MSDU) are told as such; [`Aggregate::packets`] takes them apart. Does not put fragments of
//! frames together.

use std::ops::ControlFlow::{Break, Continue};

use super::link::{CUT, Layer};
use super::{Decoded, Unwrapped};

const HEADER: usize = 24;
const ADDRESS: usize = 6;
/// Destination, source and length of a packet in an A-MSDU.
const SUBFRAME_HEADER: usize = 14;

/// Radiotap, Prism and AVS: headers that give their own length.
pub(super) fn with_radio(link: i32, frame: &[u8]) -> Unwrapped<'_> {
    let is_avs =
        link == 163 || frame.starts_with(&[0x80, 0x21, 0x10]) || frame.starts_with(&[0, 2, 0x11]);
    let padded = link == 127 && is_padded(frame).unwrap_or(false);
    let length = match frame {
        [_, _, a, b, ..] if link == 127 => u32::from(u16::from_le_bytes([*a, *b])),
        [_, _, _, _, a, b, c, d, ..] if is_avs => u32::from_be_bytes([*a, *b, *c, *d]),
        [_, _, _, _, a, b, c, d, ..] => u32::from_le_bytes([*a, *b, *c, *d]),
        _ => u32::MAX,
    };
    let rest = frame.get(length as usize..);
    rest.map_or(Break(Decoded::Unread(CUT)), |rest| {
        Continue(Layer::Wifi(rest, padded))
    })
}

/// The bit among radiotap's flags that tells of padding between the 802.11 header and its content.
fn is_padded(frame: &[u8]) -> Option<bool> {
    let word = |at: usize| Some(u32::from_le_bytes(*frame.get(at..)?.first_chunk()?));
    let fields = word(4)?;
    let mut at = 4;
    while word(at)? & 0x8000_0000 != 0 {
        at += 4;
    }
    at += 4;
    if fields & 1 != 0 {
        at = at.next_multiple_of(8) + 8;
    }
    Some(fields & 2 != 0 && frame.get(at)? & 0x20 != 0)
}

/// A frame: its control bytes tell what its header holds (IEEE 802.11-2020 section 9.2.4).
pub(super) fn frame(bytes: &[u8], padded: bool) -> Unwrapped<'_> {
    let [control, flags, ..] = bytes else {
        return Break(Decoded::Unread(CUT));
    };
    // Version 0, data, and not one of those without content.
    if control & 0x0f != 0x08 || control & 0x40 != 0 {
        return Break(Decoded::NotTcp);
    }
    if flags & 0x40 != 0 {
        return Break(Decoded::Unread("encrypted IEEE 802.11"));
    }
    let fragment = bytes.get(22).is_some_and(|number| number & 0x0f != 0);
    if fragment || flags & 0x04 != 0 {
        return Break(Decoded::Unread("a fragment of IEEE 802.11"));
    }
    let mut header = HEADER;
    if flags & 3 == 3 {
        header += ADDRESS;
    }
    let quality = (control & 0x80 != 0).then_some(header);
    if quality.is_some() {
        header += if flags & 0x80 != 0 { 6 } else { 2 };
    }
    if padded {
        header = header.next_multiple_of(4);
    }
    let Some(rest) = bytes.get(header..) else {
        return Break(Decoded::Unread(CUT));
    };
    let aggregated = quality.and_then(|at| bytes.get(at));
    if aggregated.is_some_and(|quality| quality & 0x80 != 0) {
        return Break(Decoded::Aggregate(Aggregate(rest)));
    }
    Continue(Layer::Llc(rest))
}

/// The packets of an A-MSDU: each behind two addresses and its length, padded to four bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Aggregate<'b>(&'b [u8]);

impl<'b> Aggregate<'b> {
    /// Its packets, each beginning with its LLC header.
    pub(crate) fn packets(self) -> Packets<'b> {
        Packets(self.0)
    }
}

/// See [`Aggregate::packets`].
#[derive(Debug)]
pub(crate) struct Packets<'b>(&'b [u8]);

impl<'b> Iterator for Packets<'b> {
    type Item = &'b [u8];

    fn next(&mut self) -> Option<&'b [u8]> {
        let (header, rest) = self.0.split_first_chunk::<SUBFRAME_HEADER>()?;
        let [.., high, low] = *header;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let packet = rest.get(..length).unwrap_or(rest);
        let padded = (SUBFRAME_HEADER + length).next_multiple_of(4) - SUBFRAME_HEADER;
        self.0 = rest.get(padded..).unwrap_or_default();
        Some(packet)
    }
}
