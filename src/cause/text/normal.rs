//! Brings a reply's text into the one form that the catalogue's expressions are written for.
//!
//! All lines become one, in small letters, with single blanks. What is not the server's own wording becomes `x1`: the
//! command's argument, what stands in quotation marks, absolute paths, and the placeholders of message templates. So a
//! file named `too many users.txt` says nothing. Short forms are spelt out (`can't` and `cannot`: `can not`), and `-ise`
//! becomes `-ize`, `logon` becomes `login`, common slips of spelling are mended. Letters lose their accents (see `fold`);
//! nothing is translated.

use memchr::memmem;

use super::fold::fold;
use crate::catalogue::catalogue;
use crate::ftp::{ReplyCode, Verb};
use crate::limits;

/// What stands in the place of a name.
const NAME: &[u8] = b"x1";

/// The longest name in quotation marks or brackets that is taken for one.
const QUOTED_BYTES: usize = 300;

/// Shorter arguments are left alone: they would be found inside other words.
const ARGUMENT_BYTES_MIN: usize = 3;

/// What the client has named, which a reply may repeat.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::cause) struct Named<'a> {
    /// The command's argument.
    pub(in crate::cause) argument: Option<&'a [u8]>,
    /// What another command named for this one: the user for PASS, the old name for RNTO.
    pub(in crate::cause) before: Option<&'a [u8]>,
}

impl<'a> Named<'a> {
    /// False only if a text with these parts holds none of the names: each ends where the argument does.
    pub(super) fn may_stand_in(self, parts: &Parts) -> bool {
        let mut arguments = self.argument.into_iter().chain(self.before);
        arguments.any(|argument| {
            let argument = argument.get(..limits::ARGUMENT_BYTES).unwrap_or(argument);
            let end = argument.trim_ascii_end().last_chunk::<ARGUMENT_BYTES_MIN>();
            end.is_some_and(|end| parts.may_have(end))
        })
    }

    /// The names, each as a whole before its parts.
    fn names(self, verb: Option<Verb>) -> impl Iterator<Item = &'a [u8]> {
        let own = self.argument.into_iter().flat_map(move |a| names(verb, a));
        // A plain word that another command named may as well be the server's.
        let is_plain = |name: &[u8]| name.iter().all(u8::is_ascii_alphabetic);
        let before = self.before.into_iter().flat_map(|a| names(None, a));
        own.chain(before.filter(move |name| !is_plain(name)))
    }
}

/// The one form of a text.
pub(super) fn normalize(
    text: &[u8],
    code: Option<ReplyCode>,
    verb: Option<Verb>,
    named: Named<'_>,
) -> Vec<u8> {
    let text = text.get(..limits::REPLY_TEXT_BYTES).unwrap_or(text);
    let mut line = one_line(text, code);
    for name in named.names(verb) {
        line = without_name(&line, name);
    }
    spelt_out(&without_quoted(&line))
}

/// True when the text holds one of the names, so that its normal form depends on them.
pub(super) fn is_named_in(text: &[u8], verb: Option<Verb>, named: Named<'_>) -> bool {
    let joins_lines = |name: &[u8]| name.contains(&b' ') && text.contains(&b'\n');
    named
        .names(verb)
        .any(|name| memmem::find(text, name).is_some() || joins_lines(name))
}

/// The parts of three letters that stand in a text, as a set of bits; it may have some too many.
pub(super) struct Parts([u64; 4]);

impl Parts {
    pub(super) fn of(text: &[u8]) -> Self {
        // Where lines are joined, a name may stand that was in none.
        if text.contains(&b'\n') {
            return Self([u64::MAX; 4]);
        }
        let mut parts = [0; 4];
        for part in text.windows(ARGUMENT_BYTES_MIN) {
            let (word, bit) = place(part);
            if let Some(word) = parts.get_mut(word) {
                *word |= bit;
            }
        }
        Self(parts)
    }

    fn may_have(&self, part: &[u8]) -> bool {
        let (word, bit) = place(part);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }
}

/// Where three letters stand in a set of 256 bits: which word, and which of its bits.
fn place(three: &[u8]) -> (usize, u64) {
    let number = three.iter().fold(0_u32, |n, b| (n << 8) | u32::from(*b));
    let hash = number.wrapping_mul(0x9e37_79b1) >> 24;
    ((hash >> 6) as usize, 1 << (hash & 63))
}

/// Joins the lines by a blank, without the code that stands before some of them. IIS ends its explanations with a line
/// that only says `End`.
fn one_line(text: &[u8], code: Option<ReplyCode>) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = text
        .split(|b| *b == b'\n')
        .map(|line| without_code(line, code).trim_ascii())
        .filter(|line| !line.is_empty())
        .collect();
    if lines.len() > 1 && lines.last().is_some_and(|l| l.eq_ignore_ascii_case(b"end")) {
        lines.pop();
    }
    lines.join(&b' ')
}

fn without_code(line: &[u8], code: Option<ReplyCode>) -> &[u8] {
    match (line.get(3), line.get(4..)) {
        (Some(b'-' | b' '), Some(rest))
            if code.is_some() && ReplyCode::from_digits(line) == code =>
        {
            rest
        }
        _ => line,
    }
}

/// The names in an argument that a server may repeat: all of it, what follows options, a mode or a time, and the last
/// part of the path.
fn names(verb: Option<Verb>, argument: &[u8]) -> Vec<&[u8]> {
    let argument = argument.get(..limits::ARGUMENT_BYTES).unwrap_or(argument);
    let argument = argument.trim_ascii();
    let words_before = match verb.as_ref().map_or("", Verb::as_str) {
        // The user's name says who was refused, and these two say why.
        "USER" if matches!(argument, b"anonymous" | b"ftp") => return Vec::new(),
        "SITE" => 2,
        "MFMT" | "MFCT" | "MFF" | "MDTM" | "LIST" | "NLST" | "STAT" => 1,
        other if takes_words(other) => return Vec::new(),
        _ => 0,
    };
    let mut whole = argument;
    let mut found = vec![whole];
    for _ in 0..words_before {
        let Some(blank) = memchr::memchr(b' ', whole) else {
            break;
        };
        whole = whole.get(blank..).unwrap_or_default().trim_ascii_start();
        found.push(whole);
    }
    if let Some(slash) = memchr::memrchr(b'/', whole) {
        found.push(whole.get(slash + 1..).unwrap_or_default());
    }
    found.retain(|name| name.len() >= ARGUMENT_BYTES_MIN);
    found
}

/// True for commands whose argument is a word of the protocol, such as `TLS`, which is needed to understand the answer.
fn takes_words(verb: &str) -> bool {
    catalogue()
        .command(Verb::new(verb.as_bytes()))
        .is_some_and(|c| !matches!(c.argument.as_str(), "path" | "user"))
}

/// Puts `x1` in the place of a name where it stands alone. A name that could be a word of the server's sentence (`file`)
/// is only taken for the name at the start, at the end, before a colon and in quotation marks.
fn without_name(line: &[u8], name: &[u8]) -> Vec<u8> {
    let is_word = name.iter().all(u8::is_ascii_alphabetic);
    let mut out = Vec::with_capacity(line.len());
    let mut rest_at = 0;
    for at in memmem::find_iter(line, name) {
        let end = at + name.len();
        let before = at.checked_sub(1).and_then(|i| line.get(i)).copied();
        let after = line.get(end).copied();
        let alone = [before, after]
            .iter()
            .all(|b| b.is_none_or(|b| !b.is_ascii_alphanumeric()));
        let set_off = |b: Option<u8>| b.is_none_or(|b| matches!(b, b':' | b'"' | b'\'' | b'`'));
        if alone && (!is_word || set_off(before) || set_off(after)) {
            out.extend_from_slice(line.get(rest_at..at).unwrap_or_default());
            out.extend_from_slice(NAME);
            rest_at = end;
        }
    }
    out.extend_from_slice(line.get(rest_at..).unwrap_or_default());
    out
}

/// Puts `x1` in the place of everything in quotation marks or brackets for placeholders, and of absolute paths.
fn without_quoted(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    let mut rest = line;
    if let Some(length) = file_name(line) {
        out.extend_from_slice(NAME);
        rest = line.get(length..).unwrap_or_default();
    }
    while let Some((&first, next)) = rest.split_first() {
        let after_word = out.last().is_some_and(u8::is_ascii_alphanumeric);
        let length = match first {
            b'"' => quoted(rest, b"\""),
            0xc2 | 0xe2 | 0xe3 => typographic(rest),
            b'\'' | b'`' if !after_word => quoted(rest, b"'"),
            b'{' => quoted(rest, b"}"),
            b'(' => example(rest),
            b'<' if next.first().is_some_and(u8::is_ascii_alphabetic) => quoted(rest, b">"),
            b'%' if !after_word => template(rest),
            _ if !after_word => path(rest, out.is_empty()),
            _ => None,
        };
        if let Some(length) = length {
            let inside = rest.get(1..length.saturating_sub(1)).unwrap_or_default();
            out.extend_from_slice(match first {
                b'(' => b"",
                b'"' | b'\'' | b'`' if is_command(inside) => inside,
                _ => NAME,
            });
            rest = rest.get(length..).unwrap_or_default();
        } else {
            out.push(first);
            rest = next;
        }
    }
    out
}

/// The length of what begins with a quotation mark, up to the same one before something that is no letter.
fn quoted(line: &[u8], close: &[u8]) -> Option<usize> {
    let bound = line.get(..QUOTED_BYTES).unwrap_or(line);
    memmem::find_iter(bound.get(1..)?, close)
        .map(|at| at + 2)
        .find(|end| line.get(*end).is_none_or(|b| !b.is_ascii_alphanumeric()))
}

/// The length of what stands between typographic quotation marks.
fn typographic(line: &[u8]) -> Option<usize> {
    const MARKS: [(&str, &str); 6] = [
        ("\u{201c}", "\u{201d}"),
        ("\u{2018}", "\u{2019}"),
        ("\u{201e}", "\u{201c}"),
        ("\u{ab}", "\u{bb}"),
        ("\u{300c}", "\u{300d}"),
        ("\u{300a}", "\u{300b}"),
    ];
    let (open, close) = MARKS
        .iter()
        .find(|(open, _)| line.starts_with(open.as_bytes()))?;
    let bound = line.get(..QUOTED_BYTES).unwrap_or(line);
    let at = memmem::find(bound.get(open.len()..)?, close.as_bytes())?;
    Some(open.len() + at + close.len())
}

/// The length of `(e.g., file not found)`, RFC 959's own wording, which servers copy whatever the reason is, and of
/// `(disk full?)`, which the server does not know itself.
fn example(line: &[u8]) -> Option<usize> {
    let begins = line.get(..4)?.eq_ignore_ascii_case(b"(e.g");
    let end = memchr::memchr(b')', line)?;
    let is_guess = line.get(..end)?.last() == Some(&b'?');
    (begins || is_guess).then_some(end + 1)
}

/// `"AUTH TLS"` in quotation marks is the protocol's word, not a name; and who `anonymous` is says why.
fn is_command(inside: &[u8]) -> bool {
    if inside.eq_ignore_ascii_case(b"anonymous") {
        return true;
    }
    let is_plain = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b' ';
    inside.len() <= 16
        && inside.iter().all(is_plain)
        && inside
            .split(|b| *b == b' ')
            .next()
            .is_some_and(|word| catalogue().command(Verb::new(word)).is_some())
}

/// The length of a placeholder of C's `printf`, as manuals and sources print it.
fn template(line: &[u8]) -> Option<usize> {
    let flags = line.iter().skip(1).take_while(|b| {
        matches!(
            b,
            b'0'..=b'9' | b'.' | b'-' | b'*' | b'l' | b'h' | b'z' | b'j' | b'q'
        )
    });
    let end = 1 + flags.count();
    matches!(
        line.get(end)?,
        b's' | b'd' | b'i' | b'u' | b'x' | b'c' | b'f' | b'@'
    )
    .then_some(end + 1)
}

/// The length of a name with a suffix that stands before a colon at the start: `too many users.txt: not found`. What else
/// may stand there is no reason, and the reason follows.
fn file_name(line: &[u8]) -> Option<usize> {
    let colon = memmem::find(line.get(..QUOTED_BYTES).unwrap_or(line), b": ")?;
    let name = line.get(..colon)?;
    let dot = memchr::memrchr(b'.', name)?;
    let suffix = name.get(dot + 1..)?;
    let is_suffix = (1..=5).contains(&suffix.len())
        && suffix.iter().all(u8::is_ascii_alphanumeric)
        && !suffix.iter().all(u8::is_ascii_digit);
    let is_named = dot > 0 && name.get(dot - 1).is_some_and(|b| !b.is_ascii_whitespace());
    (is_suffix && is_named).then_some(colon)
}

/// The length of an absolute path: up to a blank, or up to a colon where the whole text begins with it.
fn path(line: &[u8], at_start: bool) -> Option<usize> {
    let begins = match line {
        [b'/', next, ..] => {
            next.is_ascii_alphanumeric() || matches!(next, b'.' | b'_' | b'~' | b'%')
        }
        [drive, b':', b'\\' | b'/', ..] => drive.is_ascii_alphabetic(),
        [b'\\', b'\\', next, ..] => next.is_ascii_alphanumeric(),
        _ => false,
    };
    if !begins {
        return None;
    }
    if at_start && let Some(colon) = memmem::find(line, b": ") {
        return Some(colon);
    }
    let end = memchr::memchr3(b' ', b'"', b'\'', line).unwrap_or(line.len());
    let end = folder_with_blanks(line, end).unwrap_or(end);
    let marks = line
        .get(..end)?
        .iter()
        .rev()
        .take_while(|b| matches!(b, b'.' | b',' | b';' | b':' | b')' | b'!'));
    Some(end - marks.count())
}

/// The end of a path whose last part was replaced and whose folders have blanks: `/in/too many users/x1`.
fn folder_with_blanks(line: &[u8], first: usize) -> Option<usize> {
    let rest = line.get(first..)?;
    let rest = rest.get(..QUOTED_BYTES).unwrap_or(rest);
    let at = memmem::find(rest, b"/x1")?;
    let between = rest.get(..at)?;
    let is_one = [&b" /"[..], b": ", b"\"", b"'"]
        .iter()
        .all(|break_| memmem::find(between, break_).is_none());
    is_one.then_some(first + at + b"/x1".len())
}

/// Small letters, single blanks, no short forms, no `-ise`.
fn spelt_out(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len() + 8);
    for word in fold(line).split(|b| *b <= b' ').filter(|w| !w.is_empty()) {
        if !out.is_empty() {
            out.push(b' ');
        }
        push_word(&mut out, without_port(word));
    }
    out
}

/// Takes the port from an address: it could be read as the number of an error.
fn without_port(word: &[u8]) -> &[u8] {
    let quad = word
        .iter()
        .take_while(|b| b.is_ascii_digit() || **b == b'.')
        .count();
    match word.split_at_checked(quad) {
        Some((address, [b':', ..])) if address.contains(&b'.') => address,
        _ => word,
    }
}

/// Words begun otherwise than the expressions have them.
const SPELLINGS: [(&[u8], &[u8]); 8] = [
    (b"logon", b"login"),
    (b"allread", b"alread"),
    (b"autority", b"authority"),
    (b"exeed", b"exceed"),
    (b"permision", b"permission"),
    (b"priviledg", b"privileg"),
    (b"recieve", b"receive"),
    (b"unkown", b"unknown"),
];

fn push_word(out: &mut Vec<u8>, word: &[u8]) {
    const APOSTROPHES: [&[u8]; 2] = [b"n't", b"n`t"];
    /// Written without an apostrophe.
    const BARE: [&[u8]; 6] = [b"cant", b"couldnt", b"dont", b"doesnt", b"didnt", b"isnt"];
    const STEMS: [&[u8]; 4] = [b"recognis", b"authoris", b"initialis", b"canonicalis"];
    if let Some(rest) = word.strip_prefix(b"cannot") {
        out.extend_from_slice(b"can not");
        return out.extend_from_slice(rest);
    }
    for short in APOSTROPHES {
        if let Some(at) = memmem::find(word, short) {
            let (stem, rest) = word.split_at(at);
            out.extend_from_slice(match stem {
                b"ca" => b"can",
                b"wo" => b"will",
                _ => stem,
            });
            out.extend_from_slice(b" not");
            return out.extend_from_slice(rest.get(short.len()..).unwrap_or_default());
        }
    }
    if BARE.contains(&word) {
        out.extend_from_slice(word.strip_suffix(b"nt").unwrap_or(word));
        out.extend_from_slice(if word == b"cant" { b"n not" } else { b" not" });
        return;
    }
    for (beginning, right) in SPELLINGS {
        if let Some(rest) = word.strip_prefix(beginning) {
            out.extend_from_slice(right);
            return out.extend_from_slice(rest);
        }
    }
    let start = out.len();
    out.extend_from_slice(word);
    for stem in STEMS {
        if let Some(at) = memmem::find(word, stem)
            && let Some(letter) = out.get_mut(start + at + stem.len() - 1)
        {
            *letter = b'z';
        }
    }
}
