//! Free text: replies of servers, and what a proof says.
//!
//! A text may hold anything. So it is not searched for names: what is kept are words that the catalogue knows from
//! replies in general, short numbers and punctuation, and everything else goes.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::LazyLock;

use super::Anonymizer;
use crate::catalogue::catalogue;
use crate::text::Text;

/// Digits of a number that may stay: codes, and what is no one's number.
const SHORT: usize = 3;

/// Words of RFC texts, of the expressions by which causes are told, commands, and our own words in proofs.
static VOCABULARY: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let replies = catalogue()
        .replies()
        .iter()
        .map(|reply| reply.text.as_str());
    let causes = catalogue().causes().flat_map(|(_, cause)| &cause.text);
    let causes = causes.map(|rule| rule.pattern.as_str());
    let commands = catalogue()
        .commands()
        .iter()
        .map(|entry| entry.verb.as_str());
    let ours = super::session::WORDS.iter().copied();
    let texts = replies.chain(causes).chain(commands).chain(ours);
    let words = texts.flat_map(|text| text.split(|c: char| !c.is_ascii_alphabetic()));
    let words = words.map(str::to_ascii_lowercase);
    words.filter(|word| !word.is_empty()).collect()
});

/// What must go although it is a common word: names of the session itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    parts: BTreeSet<Vec<u8>>,
    users: BTreeSet<Vec<u8>>,
}

impl Names {
    pub(super) fn add_user(&mut self, name: &[u8]) {
        self.add(name);
        self.users.insert(name.to_vec());
    }

    pub(super) fn add(&mut self, name: &[u8]) {
        let parts = name.split(|b| !b.is_ascii_alphanumeric() && b.is_ascii());
        let parts = parts.map(<[u8]>::to_ascii_lowercase);
        self.parts.extend(parts.filter(|part| !part.is_empty()));
    }

    fn holds(&self, word: &[u8]) -> bool {
        self.parts.contains(&word.to_ascii_lowercase())
    }
}

impl Anonymizer {
    /// A text without anything that may be a name.
    pub(super) fn text(&self, text: &[u8], names: &Names) -> Text {
        let mut out = String::with_capacity(text.len());
        for (is_blank, run) in runs(text, |b| b.is_ascii_whitespace()) {
            if is_blank {
                out.push_str(&String::from_utf8_lossy(run));
            } else {
                self.run(run, names, &mut out);
            }
        }
        Text::from(out)
    }

    /// What stands between blanks: punctuation around something, or punctuation and words in turn.
    fn run(&self, run: &[u8], names: &Names, out: &mut String) {
        let is_edge = |b: &u8| b.is_ascii_punctuation() && !matches!(b, b'/' | b'~');
        let lead = run.iter().take_while(|b| is_edge(b)).count();
        let tail = run.iter().rev().take_while(|b| is_edge(b)).count();
        let core = run
            .get(lead..run.len().saturating_sub(tail))
            .unwrap_or_default();
        let edge = |bytes: Option<&[u8]>| {
            let bytes = bytes.unwrap_or_default();
            String::from_utf8_lossy(bytes).into_owned()
        };
        if core.is_empty() {
            out.push_str(&edge(Some(run)));
            return;
        }
        out.push_str(&edge(run.get(..lead)));
        match self.whole(core) {
            Some(other) => out.push_str(&other),
            None => self.mixed(core, names, out),
        }
        out.push_str(&edge(run.get(lead + core.len()..)));
    }

    /// An address, a path, a name with dots.
    fn whole(&self, core: &[u8]) -> Option<String> {
        let text = std::str::from_utf8(core).ok();
        if let Some(ip) = text.and_then(|text| text.parse::<IpAddr>().ok()) {
            return Some(self.ip(ip).to_string());
        }
        if let Some(announced) = text.and_then(|text| self.announced(text)) {
            return Some(announced);
        }
        if let Some((ip, port)) = text.and_then(|text| text.rsplit_once(':'))
            && let Ok(ip) = ip
                .trim_matches(|c| matches!(c, '[' | ']'))
                .parse::<IpAddr>()
            && port.bytes().all(|b| b.is_ascii_digit())
        {
            return Some(format!("{}:{port}", self.ip(ip)));
        }
        let has = |wanted: u8| core.contains(&wanted);
        if has(b'/') || has(b'~') || has(b'\\') {
            return Some(self.path(core).json().into_owned());
        }
        let is_digit = |b: &u8| b.is_ascii_digit() || *b == b'.';
        if core.iter().all(is_digit) && core.len() <= 2 * SHORT {
            return None; // `1.5`
        }
        let is_name = has(b'@') || core.windows(3).any(|w| {
            matches!(w, [a, b'.', c] if a.is_ascii_alphanumeric() && c.is_ascii_alphanumeric())
        });
        is_name.then(|| self.part(core))
    }

    /// `192,0,2,10,195,80`, also behind an opening bracket and words: an address and a port of PASV.
    fn announced(&self, text: &str) -> Option<String> {
        let start = text.find(|c: char| c.is_ascii_digit())?;
        let (before, numbers) = text.split_at_checked(start)?;
        let numbers = numbers.split(',').map(|n| n.parse().ok());
        let numbers: Vec<u8> = numbers.collect::<Option<_>>()?;
        let (host, port @ [_, _]) = numbers.split_first_chunk::<4>()? else {
            return None;
        };
        let is_plain = before.chars().all(|c| c == '(' || c == '=');
        let IpAddr::V4(ip) = self.ip(IpAddr::from(*host)) else {
            return None;
        };
        let octets = ip.octets();
        let numbers = octets.iter().chain(port).map(u8::to_string);
        let numbers: Vec<String> = numbers.collect();
        is_plain.then(|| format!("{before}{}", numbers.join(",")))
    }

    /// Words and what stands between them.
    fn mixed(&self, core: &[u8], names: &Names, out: &mut String) {
        for (is_word, part) in runs(core, |b| b.is_ascii_alphanumeric() || !b.is_ascii()) {
            if is_word {
                out.push_str(&self.word(part, names));
            } else {
                out.push_str(&String::from_utf8_lossy(part));
            }
        }
    }

    fn word<'w>(&self, word: &'w [u8], names: &Names) -> Cow<'w, str> {
        let known = std::str::from_utf8(word).ok().filter(|text| {
            let is_number = text.bytes().all(|b| b.is_ascii_digit());
            let is_common = VOCABULARY.contains(&text.to_ascii_lowercase());
            (is_number && text.len() <= SHORT || is_common) && !names.holds(word)
        });
        match known {
            Some(text) => text.into(),
            None if names.users.contains(word) => self.user(word).json().into_owned().into(),
            None if names.holds(word) => self.part(word).into(),
            None => self.name("w", word).into(),
        }
    }
}

/// A text in runs of bytes that fit and runs of others.
fn runs(text: &[u8], fits: fn(u8) -> bool) -> impl Iterator<Item = (bool, &[u8])> {
    let chunks = text.chunk_by(move |a, b| fits(*a) == fits(*b));
    chunks.map(move |run| (run.first().is_some_and(|byte| fits(*byte)), run))
}
