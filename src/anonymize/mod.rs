//! Names into other names, so that a report can be handed to strangers.
//!
//! Users, hosts, paths, and every word of a reply that is not of the catalogue's own vocabulary become what a keyed hash
//! makes of them: the same name becomes the same other name wherever it stands, in all outputs of a run and, with the
//! same key, in other runs; without the key nothing leads back but guessing what is behind a name from what it did.
//! Addresses keep their prefixes: two of one network are two of one network afterwards (the idea of Crypto-PAn).
//!
//! It works on sessions that were judged and on events before they are shown, so no output has to know of it. Codes,
//! commands, times, sizes and ports stay as they are.

mod session;
#[cfg(test)]
mod tests;
mod words;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::catalogue::catalogue;
use crate::ftp::{Endpoint, Host, SessionKey, Verb};
use crate::text::Text;

/// Endings of file names that tell nothing about whose file it is.
const ENDINGS: &[&str] = &[
    "bin", "bz2", "csv", "dat", "doc", "docx", "gz", "htm", "html", "jpg", "json", "log", "md",
    "mp4", "part", "pdf", "php", "png", "sql", "tar", "tgz", "tmp", "txt", "xls", "xlsx", "xml",
    "xz", "zip", "zst",
];

/// Seven letters and digits for 35 bits.
fn letters(number: u64) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let place = |shift: u32| usize::try_from(number >> shift & 31).unwrap_or(0);
    let letter = |part: u32| LETTERS.get(place(part * 5)).copied().unwrap_or(b'a');
    (0..7).map(|part| char::from(letter(part))).collect()
}

/// Makes other names, by a key.
#[derive(Clone)]
pub struct Anonymizer {
    key: [u8; 32],
}

/// The key is not shown.
impl std::fmt::Debug for Anonymizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Anonymizer")
    }
}

impl Anonymizer {
    /// By a key of any length. Who knows it, or can guess it, can try names until they fit.
    pub fn new(key: &[u8]) -> Self {
        Self {
            key: blake3::derive_key("ftpwhy 2026 names in reports", key),
        }
    }

    /// A number that depends on the key, on what kind of thing it is for, and on its bytes.
    fn number(&self, kind: &str, bytes: &[u8]) -> u64 {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(kind.as_bytes()).update(&[0]).update(bytes);
        let hash = hasher.finalize();
        let first = hash.as_bytes().first_chunk::<8>();
        first.map_or(0, |first| u64::from_le_bytes(*first))
    }

    /// `user-3f9ka2c`: what kind it is of, and seven letters of the hash.
    fn name(&self, kind: &str, bytes: &[u8]) -> String {
        format!("{kind}-{}", letters(self.number(kind, bytes)))
    }

    /// A command that no catalogue knows may be a name that was typed in the wrong place.
    pub fn verb(&self, verb: Verb) -> Verb {
        if catalogue().command(verb).is_some() || verb == Verb::ODD {
            return verb;
        }
        let hash = letters(self.number("verb", verb.as_str().as_bytes()));
        Verb::new(format!("X{hash}").as_bytes())
    }

    /// A user. The names that RFC 1635 gives to everybody stay.
    pub fn user(&self, name: &[u8]) -> Text {
        if name.eq_ignore_ascii_case(b"anonymous") || name.eq_ignore_ascii_case(b"ftp") {
            return Text::from(name);
        }
        self.name("user", name).into()
    }

    /// A path: part by part, so that what is in one directory stays in one directory.
    pub fn path(&self, path: &[u8]) -> Text {
        let parts: Vec<String> = path
            .split(|b| *b == b'/')
            .map(|part| self.part(part))
            .collect();
        parts.join("/").into()
    }

    fn part(&self, part: &[u8]) -> String {
        if part.is_empty() || part == b"." || part == b".." {
            return String::from_utf8_lossy(part).into_owned();
        }
        let name = self.name("p", part);
        let dot = part.iter().rposition(|b| *b == b'.');
        let ending = dot.and_then(|dot| part.get(dot + 1..));
        let ending = ending.and_then(|ending| std::str::from_utf8(ending).ok());
        match ending.filter(|ending| ENDINGS.contains(ending)) {
            Some(ending) => format!("{name}.{ending}"),
            None => name,
        }
    }

    /// An address of the same kind. As many first bits as two have in common, as many they have in common afterwards.
    pub fn ip(&self, ip: IpAddr) -> IpAddr {
        match ip {
            IpAddr::V4(ip) => {
                let bits = u128::from(u32::from(ip)) << 96;
                let bits = self.bits("4", bits, 32) >> 96;
                IpAddr::V4(Ipv4Addr::from(u32::try_from(bits).unwrap_or(0)))
            }
            IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from(self.bits("6", u128::from(ip), 128))),
        }
    }

    /// Turns each bit over, or not, by what the key makes of the bits before it.
    fn bits(&self, kind: &str, bits: u128, count: u32) -> u128 {
        let mut turned = 0;
        for place in 0..count {
            let before = bits.checked_shr(128 - place).unwrap_or(0);
            let asked = [&place.to_be_bytes()[..], &before.to_be_bytes()].concat();
            let turns = self.number(kind, &asked) & 1 == 1;
            turned |= u128::from(turns) << (127 - place);
        }
        bits ^ turned
    }

    /// A host.
    pub fn host(&self, host: &Host) -> Host {
        match host {
            Host::Ip(ip) => Host::Ip(self.ip(*ip)),
            Host::Name(name) => Host::Name(Arc::new(self.name("host", name.bytes()).into())),
        }
    }

    /// An end of a connection; its port stays.
    pub fn end(&self, end: &Endpoint) -> Endpoint {
        Endpoint {
            host: self.host(&end.host),
            port: end.port,
        }
    }

    /// The id of a session: it is made of addresses, and could be found by trying them.
    pub fn id(&self, key: SessionKey) -> SessionKey {
        SessionKey(self.number("session", &key.0.to_le_bytes()))
    }

    /// The name of an input, by its place among them: its path may name people and machines.
    pub fn input(place: usize, path: &[u8]) -> Text {
        let name = path.rsplit(|b| *b == b'/').next().unwrap_or_default();
        let ending = name.iter().position(|b| *b == b'.');
        let endings = ending.and_then(|at| name.get(at..)).unwrap_or_default();
        let known = endings.split(|b| *b == b'.').filter_map(|part| {
            let part = std::str::from_utf8(part).ok()?;
            let is_known = ENDINGS.contains(&part) || matches!(part, "pcap" | "pcapng" | "cap");
            is_known.then_some(part)
        });
        let number = (place + 1).to_string();
        let parts = [number.as_str()].into_iter().chain(known);
        let parts: Vec<&str> = parts.collect();
        format!("input-{}", parts.join(".")).into()
    }
}
