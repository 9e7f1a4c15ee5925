//! What Python's ftplib prints with `set_debuglevel`: `*cmd*`, `*resp*` and, at level 2, every line as it was sent.
//!
//! A `*resp*` is a whole reply; the `*get*` and `*put*` lines say the same again and are not counted.

use std::borrow::Cow;

use crate::ftp::{End, Fate, Side, Vantage, grammar};
use crate::log::transcript::{self, Aside, python};
use crate::log::{Bare, Description, Fact, Follow, Format, Read, Record, Sample};

/// The format.
pub static FORMAT: PythonFtplib = PythonFtplib;

/// ftplib's messages.
#[derive(Debug)]
pub struct PythonFtplib;

static DESCRIPTION: Description = Description {
    name: "python-ftplib",
    title: "Python's ftplib",
    source: "CPython 2.7 and 3 Lib/ftplib.py, and its messages",
    vantage: Vantage::ClientLog,
    gaps: &["the client's and the server's address", "the time", "when a connection opens and how it ends"],
    samples: &[Sample {
        lines: "*get* '220-Hello\\n'\n\
                *get* '220 Ready\\n'\n\
                *resp* '220-Hello\\n220 Ready'\n\
                *cmd* 'USER alice'\n\
                *put* 'USER alice\\r\\n'\n\
                *get* '331 Password required\\n'\n\
                *resp* '331 Password required'\n\
                *cmd* 'PASS *******'\n\
                *resp* \"530 Can't log in.\"",
        events: "introduced; 220 Hello\nReady; USER alice; 331 Password required; PASS secret; 530 Can't log in.; \
                 closed input-ended",
    }],
};

impl Format for PythonFtplib {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        let text = line.message;
        let Some((kind, literal)) = marked(text) else {
            if let Some(aside) = exception(text) {
                return Read::Taken(transcript::record(Fact::Client(aside)));
            }
            return other(text).map_or(Read::Unrecognised, Read::Ignored);
        };
        let Some(inner) = python::literal(literal) else {
            return Read::Unrecognised;
        };
        let fact = match kind {
            b"resp" => Some(said(inner)),
            b"cmd" => sent(inner),
            b"get" | b"put" | b"welcome" => return Read::Ignored("a line of what is told as a whole"),
            _ => return Read::Ignored("a message of the client about a session"),
        };
        match fact {
            Some(fact) => Read::Taken(Record {
                stamp: line.stamp,
                ..transcript::record(fact)
            }),
            None => Read::Ignored("an empty command"),
        }
    }

    fn knows(&self, head: &[u8]) -> bool {
        transcript::is_spoken(self, head)
    }

    fn is_for_whole_files(&self) -> bool {
        true
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(transcript::Following::default())
    }
}

/// `*cmd* 'USER alice'`: the word between the stars, and the rest.
fn marked(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = line.strip_prefix(b"*")?;
    let end = memchr::memchr(b'*', rest.get(..12).unwrap_or(rest))?;
    let kind = rest.get(..end)?;
    let is_word = !kind.is_empty() && kind.iter().all(u8::is_ascii_lowercase);
    Some((kind, rest.get(end + 1..)?.strip_prefix(b" ")?)).filter(|_| is_word)
}

fn said(inner: &[u8]) -> Fact<'_> {
    match python::unescaped(inner) {
        Cow::Borrowed(text) => transcript::said(text),
        owned @ Cow::Owned(_) => Fact::Client(Aside::Said(owned)),
    }
}

fn sent(inner: &[u8]) -> Option<Fact<'_>> {
    let command = grammar::command(inner)?;
    match python::unescaped(inner) {
        owned @ Cow::Owned(_) if !command.is_secret() => Some(Fact::Client(Aside::Sent(owned))),
        _ => Some(Fact::Command(command)),
    }
}

/// The exception at the end of a traceback that stands for what became of a connection.
fn exception(line: &[u8]) -> Option<Aside<'_>> {
    let word = line.split(|b| *b == b':').next().unwrap_or_default();
    Some(match word {
        b"ConnectionRefusedError" => Aside::Failed(Fate::Refused, None),
        b"TimeoutError" | b"socket.timeout" => Aside::TimedOut,
        b"EOFError" => Aside::Closed(End::Fin, Some(Side::Server)),
        b"ConnectionResetError" => Aside::Closed(End::Reset, Some(Side::Server)),
        b"ssl.SSLError" | b"ssl.SSLCertVerificationError" | b"ssl.SSLEOFError" => Aside::TlsFailed,
        _ => return None,
    })
}

/// What a program around ftplib prints.
fn other(line: &[u8]) -> Option<&'static str> {
    if grammar::reply_line(line).is_some() || line.starts_with(b"ftplib.error_") {
        return Some("what the program prints of a reply");
    }
    if line.starts_with(b"Traceback (most recent call last):") || line.starts_with(b"  File \"") || line.starts_with(b"    ") {
        return Some("a line of a Python traceback");
    }
    transcript::of_terminal(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::tests::{events_of, shows};

    fn told(lines: &str) -> Vec<String> {
        let told = events_of("python-ftplib", lines);
        told.into_iter().map(|(s, w)| format!("{s} {w}")).collect()
    }

    #[test]
    fn texts_lose_their_escapes() {
        let lines = "*cmd* 'RETR it\\'s a \"\\\\\\x41\\u20ac\"'\n*resp* '550 no\\ttab'\n*resp* '220 next'\n";
        assert_eq!(
            told(lines),
            ["1 introduced", "1 RETR it's a \"\\A\u{20ac}\"", "1 550 no\ttab", "1 closed idle", "2 introduced", "2 220 next", "2 closed input-ended"]
        );
    }

    #[test]
    fn an_exception_tells_what_became_of_a_connection() {
        let lines = "*resp* '220 a'\n*cmd* 'PASV'\n*resp* '227 Entering Passive Mode (192,0,2,10,195,80)'\nTimeoutError: timed out\n\
                     *cmd* 'NOOP'\nEOFError\n";
        let told = told(lines);
        assert!(told[4].contains("Unanswered") && told[4].contains("192.0.2.10"), "{}", told[4]);
        assert_eq!(told[5..], ["1 NOOP", "1 closed fin by server"]);
    }

    #[test]
    fn secrets_and_damage_are_not_told() {
        for line in ["*cmd* 'PASS hunter2'", "*cmd* 'ACCT a\\tb hunter2'", "*cmd* b'pass hunter2\\r\\n'"] {
            let read = FORMAT.read(&Bare::read(line.as_bytes()));
            assert!(matches!(read, Read::Taken(_)), "{line}");
            assert!(!shows(&read, "hunter2"));
        }
        for line in ["*cmd*", "*cmd* USER", "*cmd* 'USER", "* Connected", "** x", "*CMD* 'x'"] {
            assert_eq!(FORMAT.read(&Bare::read(line.as_bytes())), Read::Unrecognised, "{line}");
        }
    }
}
