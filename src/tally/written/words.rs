//! What the smallest parts of tallies are called where they are written: codes, names, ends, times, places.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use super::{own_words, written};
use crate::capture::Flavour;
use crate::catalogue::{CauseId, catalogue};
use crate::cause::{Proof, Rule};
use crate::diagnostic::{DiagnosticKind, Diagnostics, Occurrences, Origin, SourceId};
use crate::ftp::{
    DataMode, Direction, End, Endpoint, Host, ReplyCode, SessionKey, Uncounted, Vantage, Verb,
};
use crate::limits;
use crate::log::Detected;
use crate::tally::{Attribute, InputTally, Reported};
use crate::text::{self, Text};
use crate::time::Timestamp;

const NANOS: i64 = 1_000_000_000;

/// A number, or the digits of one that readers with doubles could not hold.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(in crate::tally) enum Number {
    Small(i64),
    Large(String),
}

/// A number of any size.
pub(in crate::tally) struct Large(pub(in crate::tally) u64);

/// A hash, or other bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::tally) struct Hash(pub(in crate::tally) u64);

impl Hash {
    pub(in crate::tally) fn hex(self) -> String {
        format!("{:016x}", self.0)
    }

    pub(in crate::tally) fn read(hex: &str) -> Result<Self, String> {
        let is_hex = hex.len() == 16 && hex.bytes().all(|b| b.is_ascii_hexdigit());
        let number = u64::from_str_radix(hex, 16).ok().filter(|_| is_hex);
        number
            .map(Self)
            .ok_or_else(|| unknown("sixteen hexadecimal digits", hex))
    }
}

/// `no cause is called "x"`
fn unknown(what: &str, word: &str) -> String {
    let word: String = word.chars().take(64).collect();
    let word = text::terminal_str(&word, true);
    format!("\"{word}\" is not {what} that this version knows")
}

fn small(number: u64) -> Option<i64> {
    let is_small = number < 10_u64.pow(limits::WRITTEN_DIGITS);
    i64::try_from(number).ok().filter(|_| is_small)
}

written! {
    Large as Number:
        |large| small(large.0).map_or_else(|| Number::Large(large.0.to_string()), Number::Small),
        |number| match number {
            Number::Small(small) => u64::try_from(small).map(Large).map_err(|_| "a negative number".to_owned()),
            Number::Large(digits) => digits.parse().map(Large).map_err(|_| unknown("a number", &digits)),
        };
    Hash as String: |hash| hash.hex(), |hex| Self::read(&hex);
    SessionKey as Hash: |key| Hash(key.0), |hash| Ok(Self(hash.0));
    // Whole seconds are numbers; anything finer is the digits of nanoseconds.
    Timestamp as Number:
        |at| if at.nanos() % NANOS == 0 {
            Number::Small(at.seconds())
        } else {
            Number::Large(at.nanos().to_string())
        },
        |number| match number {
            Number::Small(seconds) => seconds.checked_mul(NANOS).map(Self::from_nanos)
                .ok_or_else(|| "a time too far away".to_owned()),
            Number::Large(nanos) => nanos.parse().map(Self::from_nanos).map_err(|_| unknown("a time", &nanos)),
        };
    Text as Cow<'_, str>: |text| escaped(text.bytes()), |words| unescaped(&words);
    ReplyCode as u16: |code| code.number(), |number| Self::new(number).ok_or_else(|| format!("{number} is no reply code"));
    Verb as String: |verb| verb.to_string(), |word| verb(&word);
    Host as Cow<'_, str>: |host| host_words(host), |words| read_host(&words);
    Endpoint as (Host, Option<u16>): |end| (end.host.clone(), end.port), |end| Ok(Self { host: end.0, port: end.1 });
    SourceId as u32: |source| source.0, |number| Ok(Self(number));
    Origin as (SourceId, Large, Large):
        |origin| (origin.source, Large(origin.record), Large(origin.offset)),
        |place| Ok(Self { source: place.0, record: place.1.0, offset: place.2.0 });
    Proof as (Origin, Text): |proof| (proof.origin, proof.text.clone()), |read| Ok(Self { origin: read.0, text: read.1 });
    Uncounted as (String, Vec<u16>, bool):
        |reply| (reply.by.to_string(), reply.codes.to_vec(), reply.is_constant),
        |read| Ok(Self { by: own_words(&read.0), codes: Cow::Owned(read.1), is_constant: read.2 });
    InputTally as InputForm: |input| InputForm::of(input), |form| form.input();
    Diagnostics as Vec<NoteForm>: |notes| notes.iter().map(NoteForm::of).collect(), |forms| read_notes(forms);
}

/// Writes and reads one of several words.
macro_rules! ids {
    ($($type:ident, $what:literal: $($one:ident),+;)*) => {$(
        written! {
            $type as Cow<'static, str>:
                |one| Cow::Borrowed(one.id()),
                |id| {
                    // Whoever adds a word is told here.
                    let _all = |one| match one { $($type::$one => (),)+ };
                    let all = [$($type::$one),+];
                    all.into_iter().find(|one| one.id() == id).ok_or_else(|| unknown($what, &id))
                };
        }
    )*};
}

ids! {
    Vantage, "a vantage": Wire, ServerLog, ClientLog, TransferLog, SensorLog;
    Direction, "a direction": Upload, Download, Listing;
    End, "an end": Fin, Reset, Idle, InputEnded, Goodbye;
    DataMode, "a mode": Port, Pasv, Eprt, Epsv, Lprt, Lpsv, Spsv;
    Rule, "a rule of the protocol": NotBegun, BegunTwice, BegunForNothing, CompleteTwice, Unasked, AsksForNothing, NotFollowed;
    Attribute, "an attribute": Client, Network, User, Server, Tls, Mode;
    DiagnosticKind, "a kind of diagnostic": Unreadable, UnknownFormat, Empty, Truncated, Damaged, NotRead, Malformed, LimitReached,
        Missing, HeardTwice, CountedTwice, Assumed, Carried, Changed, InternalError;
}

impl<'de> Deserialize<'de> for CauseId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        let id = catalogue().cause_by_name(&name);
        id.ok_or_else(|| serde::de::Error::custom(unknown("a cause", &name)))
    }
}

/// Bytes as text: what is not UTF-8 as `\xfc`, a backslash as two.
fn escaped(bytes: &[u8]) -> Cow<'_, str> {
    if let Some(text) = std::str::from_utf8(bytes)
        .ok()
        .filter(|t| !t.contains('\\'))
    {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        out.push_str(&chunk.valid().replace('\\', "\\\\"));
        for byte in chunk.invalid() {
            // Writing to a String can't fail.
            let _ok = write!(out, "\\x{byte:02x}");
        }
    }
    Cow::Owned(out)
}

fn unescaped(words: &str) -> Result<Text, String> {
    let mut parts = words.split('\\');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    while let Some(part) = parts.next() {
        if part.is_empty() {
            // Two backslashes: what follows them is as it stands.
            let rest = parts.next().ok_or("a text that ends in one backslash")?;
            bytes.push(b'\\');
            bytes.extend(rest.as_bytes());
            continue;
        }
        let code = part.strip_prefix('x').and_then(|hex| hex.get(..2));
        let byte = code.filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        let byte = byte.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.ok_or("a backslash in a text, and no byte behind it")?);
        bytes.extend(part.get(3..).unwrap_or_default().as_bytes());
    }
    Ok(Text::from(&*bytes))
}

fn verb(word: &str) -> Result<Verb, String> {
    let verb = match word {
        "connect" => Verb::CONNECT,
        word => Verb::new(word.as_bytes()),
    };
    (verb.as_str() == word)
        .then_some(verb)
        .ok_or_else(|| unknown("a command", word))
}

/// An address as it is; a name behind `@`, so that it is none.
fn host_words(host: &Host) -> Cow<'_, str> {
    match host {
        Host::Ip(ip) => Cow::Owned(ip.to_string()),
        Host::Name(name) => Cow::Owned(format!("@{}", escaped(name.bytes()))),
    }
}

fn read_host(words: &str) -> Result<Host, String> {
    if let Some(name) = words.strip_prefix('@') {
        return Ok(Host::Name(Arc::new(unescaped(name)?)));
    }
    let ip = words
        .parse::<IpAddr>()
        .map_err(|_| unknown("an address", words))?;
    Ok(Host::Ip(ip.to_canonical()))
}

/// What a format can't tell follows from the format.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InputForm {
    path: Text,
    format: Option<String>,
    vantage: Option<Vantage>,
    bytes: Large,
    records: u64,
    taken: u64,
    ignored: u64,
    unrecognised: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reported: Option<(Hash, SourceId, Text)>,
}

impl InputForm {
    fn of(input: &InputTally) -> Self {
        Self {
            path: input.path.clone(),
            format: input.format.map(str::to_owned),
            vantage: input.vantage,
            bytes: Large(input.bytes),
            records: input.records,
            taken: input.taken,
            ignored: input.ignored,
            unrecognised: input.unrecognised,
            reported: input
                .reported
                .as_ref()
                .map(|of| (Hash(of.report), of.place, of.name.clone())),
        }
    }

    fn input(self) -> Result<InputTally, String> {
        let format = self.format.map(|name| format(&name)).transpose()?;
        Ok(InputTally {
            path: self.path,
            format: format.map(|(name, _)| name),
            vantage: self.vantage,
            bytes: self.bytes.0,
            records: self.records,
            taken: self.taken,
            ignored: self.ignored,
            unrecognised: self.unrecognised,
            gaps: format.map_or(&[], |(_, gaps)| gaps),
            reported: self.reported.map(|of| Reported {
                report: of.0.0,
                place: of.1,
                name: of.2,
            }),
        })
    }
}

type KnownFormat = (&'static str, &'static [&'static str]);

/// A format's name, and what it can't tell.
fn format(name: &str) -> Result<KnownFormat, String> {
    let captures = [Flavour::Pcap, Flavour::Pcapng].map(|flavour| (flavour.name(), &[][..]));
    let logs = Detected::named(name).and_then(Detected::describe);
    let mut known = captures
        .into_iter()
        .chain(logs.map(|log| (log.name, log.gaps)));
    known
        .find(|(known, _)| *known == name)
        .ok_or_else(|| unknown("a format", name))
}

/// A kind, our reason, where first, how often, and the bytes that show it.
#[derive(Serialize, Deserialize)]
pub(super) struct NoteForm(DiagnosticKind, String, Origin, Large, Option<Text>);

impl NoteForm {
    fn of((kind, reason, met): (DiagnosticKind, &str, &Occurrences)) -> Self {
        Self(
            kind,
            reason.to_owned(),
            met.first,
            Large(met.count),
            met.sample.clone(),
        )
    }
}

fn read_notes(forms: Vec<NoteForm>) -> Result<Diagnostics, String> {
    let mut notes = Diagnostics::default();
    let all = forms.len();
    for NoteForm(kind, reason, first, count, sample) in forms {
        let count = count.0;
        let met = Occurrences {
            first,
            count,
            sample,
        };
        notes.add_many(kind, &reason, met);
    }
    if notes.iter().count() == all {
        Ok(notes)
    } else {
        Err("a diagnostic that stands there twice".to_owned())
    }
}
