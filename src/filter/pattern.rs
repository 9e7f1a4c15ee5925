//! Names, paths, hosts and codes as patterns.

use std::collections::BTreeSet;
use std::net::IpAddr;

use globset::{Candidate, ErrorKind, GlobBuilder, GlobMatcher};
use ipnet::IpNet;

use super::words::Fault;
use crate::catalogue::{CauseId, CodePattern, Party, catalogue};
use crate::ftp::{Endpoint, Host, Verb};

/// A name with `*`, `?`, `[abc]` and `{one,two}`.
#[derive(Debug, Clone)]
pub(super) struct Name(GlobMatcher);

impl Name {
    pub(super) fn read(word: &str) -> Result<Self, Fault> {
        glob(word, false).map(Self)
    }

    pub(super) fn fits(&self, name: &[u8]) -> bool {
        self.0.is_match_candidate(&Candidate::from_bytes(name))
    }
}

/// A path: without `/` it is held against the last part; `*` and `?` stop at a `/`, `**` does not.
#[derive(Debug, Clone)]
pub(super) struct Path {
    glob: GlobMatcher,
    whole: bool,
}

impl Path {
    pub(super) fn read(word: &str) -> Result<Self, Fault> {
        let glob = glob(word, true)?;
        let whole = word.contains('/');
        Ok(Self { glob, whole })
    }

    pub(super) fn fits(&self, path: &[u8]) -> bool {
        let trimmed = path.strip_suffix(b"/").unwrap_or(path);
        let last = trimmed.rsplit(|b| *b == b'/' || *b == b'\\').next();
        let held = if self.whole { Some(path) } else { last };
        held.is_some_and(|held| self.glob.is_match_candidate(&Candidate::from_bytes(held)))
    }
}

fn glob(word: &str, stops: bool) -> Result<GlobMatcher, Fault> {
    let built = GlobBuilder::new(word)
        .literal_separator(stops)
        .backslash_escape(true)
        .build();
    let glob = built.map_err(|error| {
        let place = |c: char| word.chars().rev().position(|known| known == c);
        let from_end = match error.kind() {
            ErrorKind::UnclosedClass | ErrorKind::InvalidRange(..) => place('['),
            ErrorKind::UnclosedAlternates => place('{'),
            ErrorKind::UnopenedAlternates => place('}'),
            ErrorKind::DanglingEscape => place('\\'),
            _ => None,
        };
        let length = word.chars().count();
        let at = from_end.map_or(0, |from_end| length - 1 - from_end);
        Fault::new(at, format!("not a pattern: {}", error.kind()))
    })?;
    Ok(glob.compile_matcher())
}

/// Hosts: an address, a network, or a name.
#[derive(Debug, Clone)]
pub(super) enum Hosts {
    Net(IpNet),
    Named(Name),
}

impl Hosts {
    /// What is made of hexadecimal digits, dots and colons must be an address; anything else is a name.
    pub(super) fn read(word: &str) -> Result<Self, Fault> {
        let (address, bits) = match word.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (word, None),
        };
        let digits = |c: char| c.is_ascii_digit() || c == '.';
        let looks_like_one = address.contains(':')
            || address.chars().all(digits)
            || bits.is_some()
            || address.starts_with(|c: char| c.is_ascii_digit())
                && address.matches('.').count() == 3;
        if !looks_like_one {
            return Name::read(word).map(Self::Named);
        }
        let ip = address.parse::<IpAddr>();
        let ip = ip.map_err(|_| not_an_address(address))?;
        let Some(bits) = bits else {
            return Ok(Self::Net(IpNet::from(ip.to_canonical())));
        };
        let most = if ip.is_ipv4() { 32 } else { 128 };
        let net = bits.parse().ok().and_then(|bits| IpNet::new(ip, bits).ok());
        let net = net.ok_or_else(|| {
            let at = address.chars().count() + 1;
            Fault::new(at, format!("a network has 0 to {most} bits"))
        })?;
        Ok(Self::Net(net.trunc()))
    }

    pub(super) fn fits(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Net(net), Host::Ip(ip)) => net.contains(ip),
            (Self::Named(name), Host::Name(known)) => name.fits(known.bytes()),
            _ => false,
        }
    }
}

fn not_an_address(address: &str) -> Fault {
    let colons = address.contains(':');
    let may_stand = |c: char| match c {
        '.' => true,
        ':' => colons,
        c if colons => c.is_ascii_hexdigit(),
        c => c.is_ascii_digit(),
    };
    if let Some(at) = address.chars().position(|c| !may_stand(c)) {
        return Fault::new(at, "no address has this character");
    }
    let mut at = 0;
    for (number, part) in address.split('.').enumerate().filter(|_| !colons) {
        let is_one = part.parse::<u8>().is_ok() && (part == "0" || !part.starts_with('0'));
        if !is_one || number == 4 {
            return Fault::new(at, "an IPv4 address has four numbers from 0 to 255");
        }
        at += part.len() + 1;
    }
    Fault::new(address.chars().count(), "the address is not whole")
}

/// A server: hosts, and a port behind a colon.
#[derive(Debug, Clone)]
pub(super) struct Server {
    hosts: Option<Hosts>,
    port: Option<u16>,
}

impl Server {
    /// `192.0.2.0/24`, `192.0.2.1:2121`, `[2001:db8::1]:21`, `ftp.example:21`, `:990`.
    pub(super) fn read(word: &str) -> Result<Self, Fault> {
        let (hosts, start, port) = match word.strip_prefix('[').and_then(|w| w.split_once(']')) {
            Some((hosts, "")) => (hosts, 1, None),
            Some((hosts, rest)) => {
                let at = hosts.chars().count() + 2;
                let odd = || Fault::new(at, "behind the address only a port may stand");
                (hosts, 1, Some(rest.strip_prefix(':').ok_or_else(odd)?))
            }
            None if word.matches(':').count() == 1 => match word.split_once(':') {
                Some((hosts, port)) => (hosts, 0, Some(port)),
                None => (word, 0, None),
            },
            None => (word, 0, None),
        };
        let number = port.map(|port| {
            let found = port.parse::<u16>().ok().filter(|port| *port > 0);
            let at = word.chars().count() - port.chars().count();
            found.ok_or_else(|| Fault::new(at, "a port is a number from 1 to 65535"))
        });
        let hosts = match hosts {
            "" if port.is_some() => None,
            hosts => Some(Hosts::read(hosts).map_err(|fault| fault.behind(start))?),
        };
        let port = number.transpose()?;
        Ok(Self { hosts, port })
    }

    pub(super) fn fits(&self, end: &Endpoint) -> bool {
        self.hosts
            .as_ref()
            .is_none_or(|hosts| hosts.fits(&end.host))
            && self.port.is_none_or(|port| end.port == Some(port))
    }
}

/// `550`, `55x`, `5xx`, `4yz`: digits, and letters for any digit.
pub(crate) fn code(word: &str) -> Result<CodePattern, Fault> {
    let any = |c: char| matches!(c.to_ascii_lowercase(), 'x' | 'y' | 'z' | '?' | '*');
    for (at, c) in word.chars().enumerate() {
        let fits = match at {
            0 => ('1'..='6').contains(&c) || any(c),
            1 | 2 => c.is_ascii_digit() || any(c),
            _ => false,
        };
        if !fits {
            return Err(Fault::new(at, "a code is like 550, 55x or 5xx"));
        }
    }
    let digits = word.chars().map(|c| if any(c) { '?' } else { c });
    let digits: String = digits.collect();
    let short = || Fault::new(digits.len(), "a code has three digits: 550, 55x or 5xx");
    let whole = digits.len() == 3;
    CodePattern::read(&digits)
        .filter(|_| whole)
        .ok_or_else(short)
}

/// A command; `connect` is the greeting.
pub(crate) fn verb(word: &str) -> Result<Verb, Fault> {
    if word.eq_ignore_ascii_case("connect") {
        return Ok(Verb::CONNECT);
    }
    let at = word.chars().position(|c| !c.is_ascii_alphanumeric());
    let odd = |at| Fault::new(at, "a command is like RETR; connect is the greeting");
    match (at, word.len()) {
        (Some(at), _) => Err(odd(at)),
        (None, 9..) => Err(odd(8)),
        _ => Ok(Verb::new(word.as_bytes())),
    }
}

/// Causes as they are found session by session: that passwords were guessed shows only where all are counted, one by one
/// these are refused logins.
pub(super) fn causes_of_sessions(word: &str) -> Result<BTreeSet<CauseId>, Fault> {
    let mut found = causes(word)?;
    if found.iter().any(|id| id.name() == "abuse-brute-force") {
        found.extend(catalogue().cause_by_name("auth-bad-credentials"));
    }
    Ok(found)
}

/// Causes by an id of the catalogue, or by a pattern of ids (`tls-*`).
pub(crate) fn causes(word: &str) -> Result<BTreeSet<CauseId>, Fault> {
    let name = Name::read(word)?;
    let all = catalogue().causes();
    let fits = all.filter(|(id, _)| name.fits(id.name().as_bytes()));
    let found: BTreeSet<_> = fits.map(|(id, _)| id).collect();
    if found.is_empty() {
        let known = catalogue().causes().map(|(id, _)| common(id.name(), word));
        let why =
            "no cause has such an id; docs/CAUSES.md has all, `ftpwhy causes` those that occur";
        return Err(Fault::new(known.max().unwrap_or(0), why));
    }
    Ok(found)
}

/// Characters at the start that two words have in common.
fn common(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count()
}

/// Who can mend it.
pub(super) fn side(word: &str) -> Result<Party, Fault> {
    use Party::{Client, Network, Policy, Server, Unknown};
    let all = [Client, Server, Network, Policy, Unknown];
    let found = all.into_iter().find(|side| side.id() == word);
    let known = all.iter().map(|side| common(side.id(), word)).max();
    let why = "a side is one of client, server, network, policy, unknown";
    found.ok_or_else(|| Fault::new(known.unwrap_or(0), why))
}

/// The beginning of a session's id.
pub(super) fn session(word: &str) -> Result<String, Fault> {
    let wrong = |c: char| !c.is_ascii_hexdigit();
    match word.chars().position(wrong) {
        Some(at) => Err(Fault::new(at, "an id is made of the digits 0-9 and a-f")),
        None if word.len() > 16 => Err(Fault::new(16, "an id has sixteen digits at most")),
        None => Ok(word.to_ascii_lowercase()),
    }
}
