//! Bytes from outside, and the ways in which they may be shown.
//!
//! Names, reply texts and paths are written by strangers, so [`Text`] has no
//! `Display`: each place it is shown in has a view that escapes for that
//! place. Nothing here decides what is shown.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::Write as _;
use std::hash::{Hash, Hasher};

/// Bytes as they were read, of any encoding.
#[derive(Clone)]
pub struct Text(Kept);

/// Bytes in the room of three words: most names and paths.
const SHORT: usize = 22;

/// Where the bytes are: in place, or in memory of their own.
#[derive(Clone)]
enum Kept {
    Short { length: u8, bytes: [u8; SHORT] },
    Long(Box<[u8]>),
}

impl Text {
    /// Keeps at most `limit` bytes.
    pub fn cut(bytes: &[u8], limit: usize) -> Self {
        Self::from(bytes.get(..limit).unwrap_or(bytes))
    }

    /// The bytes as read.
    pub fn bytes(&self) -> &[u8] {
        match &self.0 {
            Kept::Short { length, bytes } => bytes.get(..usize::from(*length)).unwrap_or(bytes),
            Kept::Long(bytes) => bytes,
        }
    }

    /// True when there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    /// For a terminal or a mail: see [`terminal`].
    pub fn terminal(&self, ascii: bool) -> String {
        terminal(self.bytes(), ascii)
    }

    /// For a JSON string: UTF-8, bytes that are not become U+FFFD; the JSON writer escapes the rest.
    pub fn json(&self) -> Cow<'_, str> {
        json(self.bytes())
    }
}

impl From<&[u8]> for Text {
    fn from(text: &[u8]) -> Self {
        let mut bytes = [0; SHORT];
        let Ok(length) = u8::try_from(text.len()) else {
            return Self(Kept::Long(text.into()));
        };
        match bytes.get_mut(..text.len()) {
            Some(place) => {
                place.copy_from_slice(text);
                Self(Kept::Short { length, bytes })
            }
            None => Self(Kept::Long(text.into())),
        }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        text.as_bytes().into()
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::from(&[][..])
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bytes().cmp(other.bytes())
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes().hash(state);
    }
}

/// Shows bytes for a person who debugs the program; escaped like [`terminal`].
impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.terminal(true))
    }
}

/// For a JSON string: UTF-8, bytes that are not become U+FFFD.
pub fn json(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// Escapes bytes for a terminal: no control character, no bidirectional override, no invisible character comes through;
/// line ends become ` / `. With `ascii` set, everything beyond ASCII is escaped too.
pub fn terminal(bytes: &[u8], ascii: bool) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            push_terminal(&mut out, c, ascii);
        }
        for byte in chunk.invalid() {
            push_hex(&mut out, *byte);
        }
    }
    out
}

/// Escapes text that already is UTF-8 for a terminal, as [`terminal`] does.
pub fn terminal_str(text: &str, ascii: bool) -> String {
    terminal(text.as_bytes(), ascii)
}

fn push_terminal(out: &mut String, c: char, ascii: bool) {
    match c {
        '\n' => out.push_str(" / "),
        '\r' => {}
        '\t' => out.push(' '),
        ' '..='~' => out.push(c),
        c if c.is_ascii() => push_hex(out, u8::try_from(c).unwrap_or(0)),
        c if ascii || is_unsafe(c) => push_unicode(out, c),
        c => out.push(c),
    }
}

/// `\x1b`
fn push_hex(out: &mut String, byte: u8) {
    // Writing to a String can't fail.
    let _ok = write!(out, "\\x{byte:02x}");
}

/// `\u{202e}`
fn push_unicode(out: &mut String, c: char) {
    let _ok = write!(out, "\\u{{{:x}}}", u32::from(c));
}

/// C1 controls, bidirectional controls, zero-width and invisible characters, tags, private use: what can make a line
/// show something other than what it holds.
fn is_unsafe(c: char) -> bool {
    matches!(u32::from(c),
        0x80..=0x9f | 0xad | 0x61c | 0x115f..=0x1160 | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f
        | 0x3164 | 0xd800..=0xf8ff | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfffb
        | 0xe0000..=0xe0fff | 0xf0000..=0x10_ffff)
}

/// A stable 64-bit hash (FNV-1a) for identifiers that must be equal between runs and machines. Not for tables.
#[derive(Debug, Clone, Copy)]
pub struct StableHash(u64);

impl StableHash {
    /// The start value.
    pub fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Adds bytes.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        self
    }

    /// Adds a number.
    #[must_use]
    pub fn number(self, number: u64) -> Self {
        self.bytes(&number.to_le_bytes())
    }

    /// The hash, with its bits spread (the first digits are what people see).
    pub fn finish(self) -> u64 {
        let mixed = (self.0 ^ (self.0 >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ (mixed >> 29)
    }
}

impl Default for StableHash {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn osc52_clipboard_payload_is_shown_not_sent() {
        assert_eq!(
            terminal(b"\x1b]52;c;cm0gLXJm\x07", false),
            "\\x1b]52;c;cm0gLXJm\\x07"
        );
    }

    #[test]
    fn carriage_return_can_not_forge_a_line() {
        assert_eq!(terminal(b"550 no\r226 yes\n", false), "550 no226 yes / ");
    }

    #[test]
    fn bidi_override_and_zero_width_are_escaped() {
        assert_eq!(
            terminal("a\u{202e}b\u{200b}c".as_bytes(), false),
            "a\\u{202e}b\\u{200b}c"
        );
    }

    #[test]
    fn invalid_utf8_is_hex_and_letters_stay() {
        assert_eq!(
            terminal(b"\xfcbung \xc3\xbcbung", false),
            "\\xfcbung \u{fc}bung"
        );
        assert_eq!(terminal("\u{fc}".as_bytes(), true), "\\u{fc}");
    }

    #[test]
    fn short_and_long_texts_are_kept_whole_and_compare_by_their_bytes() {
        let bytes = [b'x'; 300];
        for length in [0, 1, SHORT - 1, SHORT, SHORT + 1, 255, 256, 300] {
            let text = Text::from(&bytes[..length]);
            assert_eq!(text.bytes(), &bytes[..length]);
            assert_eq!(text, Text::cut(&bytes, length));
            assert_eq!(text.is_empty(), length == 0);
        }
        let long = Text::from("abcdefghijklmnopqrstuvwxyz");
        assert!(long < Text::from("b") && long > Text::from("abc"));
        assert_eq!(size_of::<Text>(), 24);
    }

    #[test]
    fn hash_does_not_change_between_versions() {
        assert_eq!(
            StableHash::new().bytes(b"ftp").number(21).finish(),
            14_207_058_382_139_814_062
        );
    }
}
