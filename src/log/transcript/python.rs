//! Texts as Python's `repr` prints them become the bytes that they stand for.

use std::borrow::Cow;

/// What stands between the quotes of a literal: `'…'`, `"…"` or `b'…'`. `None` where it is none, or something follows.
pub(in crate::log) fn literal(text: &[u8]) -> Option<&[u8]> {
    let text = text.strip_prefix(b"b").unwrap_or(text);
    let quote = *text.first().filter(|b| matches!(b, b'\'' | b'"'))?;
    text.get(1..)?.strip_suffix(&[quote])
}

/// The text without its backslashes. What is no escape is kept.
pub(in crate::log) fn unescaped(text: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr::memchr(b'\\', text) else {
        return Cow::Borrowed(text);
    };
    let (head, mut rest) = text.split_at(first);
    let mut out = head.to_vec();
    while let Some((byte, after)) = rest.split_first() {
        let length = match byte {
            b'\\' => push_escape(after, &mut out),
            other => {
                out.push(*other);
                0
            }
        };
        rest = after.get(length..).unwrap_or_default();
    }
    Cow::Owned(out)
}

/// Pushes what an escape stands for; answers how long it is, without the backslash.
fn push_escape(after: &[u8], out: &mut Vec<u8>) -> usize {
    let hex = |digits: usize| {
        let text = after.get(1..=digits)?;
        u32::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok()
    };
    let push_char = |number: u32, out: &mut Vec<u8>| {
        let found = char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER);
        out.extend_from_slice(found.encode_utf8(&mut [0; 4]).as_bytes());
    };
    match after.first() {
        Some(b'n') => out.push(b'\n'),
        Some(b'r') => out.push(b'\r'),
        Some(b't') => out.push(b'\t'),
        Some(quoted @ (b'\\' | b'\'' | b'"')) => out.push(*quoted),
        // A byte of what the text was read as, mostly Latin-1.
        Some(b'x') => match hex(2) {
            Some(number) => {
                push_char(number, out);
                return 3;
            }
            None => out.push(b'\\'),
        },
        Some(kind @ (b'u' | b'U')) => {
            let digits = if *kind == b'u' { 4 } else { 8 };
            match hex(digits) {
                Some(number) => {
                    push_char(number, out);
                    return digits + 1;
                }
                None => out.push(b'\\'),
            }
        }
        _ => {
            out.push(b'\\');
            return 0;
        }
    }
    usize::from(out.last() != Some(&b'\\') || after.first() == Some(&b'\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_escapes() {
        for (text, expected) in [
            ("'a'", Some("a")),
            ("\"it's\"", Some("it's")),
            ("b'a\\r\\n'", Some("a\r\n")),
            ("'a\\\\b\\'c\\x41\\u20ac'", Some("a\\b'cA\u{20ac}")),
            ("'\\q\\x4'", Some("\\q\\x4")),
            ("'\\'", Some("\\")),
            ("a", None),
            ("'a", None),
            ("'", None),
        ] {
            let read = literal(text.as_bytes()).map(unescaped);
            assert_eq!(read.as_deref(), expected.map(str::as_bytes), "{text}");
        }
    }
}
