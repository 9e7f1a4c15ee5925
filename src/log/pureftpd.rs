//! Pure-FTPd's lines in syslog, at any verbosity and in any of its languages.
//!
//! `(user@host) [LEVEL] message`; with `-d` commands are written too, with
//! `-d -d` replies. Most messages stand for one reply, and their text is the
//! reply's (`error` and `die` of ftpd.c write one text to both). `uploaded` and
//! `downloaded` stand for none: they are also written when a transfer failed.
//! Only with `-1` there is a process id; without it user and host are the key.

mod messages;

use std::borrow::Cow;

use crate::ftp::{Command, End, ReplyCode, TransferRecord, Vantage, Verb};
use crate::log::{
    Bare, Description, Fact, Follow, Format, Implied, Read, Record, Sample, envelope, talk,
};

use messages::{Message, Says};

/// The format.
pub static FORMAT: Pureftpd = Pureftpd;

/// Pure-FTPd in syslog.
#[derive(Debug)]
pub struct Pureftpd;

static DESCRIPTION: Description = Description {
    name: "pureftpd",
    title: "Pure-FTPd in syslog",
    source: "Pure-FTPd 1.0.50 ftpd.c, messages_*.h",
    vantage: Vantage::ServerLog,
    gaps: &[
        "commands, without VerboseLog (-d)",
        "replies, without -d -d",
        "ports",
        "which of a user's sessions from one host speaks, without LogPID (-1)",
        "whether a transfer was complete, without -d -d",
    ],
    samples: &[
        Sample {
            lines: "Nov 22 08:16:56 ftp1 pure-ftpd[90]: (?@192.0.2.7) [INFO] New connection from 192.0.2.7\n\
                    Nov 22 08:16:56 ftp1 pure-ftpd[90]: (?@192.0.2.7) [DEBUG] 220 ready\n\
                    Nov 22 08:16:57 ftp1 pure-ftpd[90]: (?@192.0.2.7) [DEBUG] Command [pass] [<*>]\n\
                    Nov 22 08:16:57 ftp1 pure-ftpd[90]: (?@192.0.2.7) [DEBUG] 530 Login authentication failed\n\
                    Nov 22 08:16:57 ftp1 pure-ftpd[90]: (?@192.0.2.7) [WARNING] Authentication failed for user [bob]\n\
                    Nov 22 08:17:57 ftp1 pure-ftpd[90]: (?@192.0.2.7) [INFO] Timeout - try typing a little faster next time",
            events: "introduced 192.0.2.7; opened; 220 ready; PASS secret; 530 Login authentication failed; \
                     421 implied by Timeout; closed fin by server",
        },
        Sample {
            lines: "Nov 22 08:16:56 ftp1 pure-ftpd: (?@host.example) [INFO] New connection from host.example\n\
                    Nov 22 08:16:56 ftp1 pure-ftpd: (?@host.example) [INFO] a@b.example is now logged in\n\
                    Nov 22 08:16:57 ftp1 pure-ftpd: (a@b.example@host.example) [ERROR] Can't open x: y: No such file or directory\n\
                    Nov 22 08:16:58 ftp1 pure-ftpd: (a@b.example@host.example) [NOTICE] /srv/a//b c downloaded  (7 bytes, 1.50KB/sec)\n\
                    Nov 22 08:16:59 ftp1 pure-ftpd: (a@b.example@host.example) [INFO] Logout.",
            events: "introduced host.example approximate; opened; login a@b.example accepted; 230 implied by is now logged in; \
                     RETR x: y; 550 implied by Can't open; RETR /srv/a//b c 7 incomplete; closed fin",
        },
        Sample {
            lines: "Nov 22 08:16:56 ftp1 pure-ftpd: (?@192.0.2.7) [INFO] Neue Verbindung von 192.0.2.7.\n\
                    Nov 22 08:16:57 ftp1 pure-ftpd: (?@192.0.2.7) [WARNING] Authentifizierung fehlgeschlagen f\u{fc}r Benutzer [bob].",
            events: "introduced 192.0.2.7 approximate; opened; login bob refused; 530 implied by Authentication failed; closed input-ended",
        },
    ],
};

impl Format for Pureftpd {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        match line.tag {
            Some(b"pure-ftpd") => {}
            None if is_rest_of_reply(line.message) => {
                return Read::Ignored("a further line of a reply");
            }
            _ => return Read::Unrecognised,
        }
        if line.message.starts_with(b"pam_") {
            return Read::Ignored("a message of PAM about a login");
        }
        let Some(who) = head(line.message) else {
            return Read::Ignored("a message of the server about itself");
        };
        read(line, &who)
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(talk::Following::default())
    }
}

/// What the first process says belongs to no session that it knows of.
const NO_SESSION: u32 = u32::MAX;

/// Who speaks, how loud, and what.
struct Head<'b> {
    user: Option<&'b [u8]>,
    host: &'b [u8],
    level: &'b [u8],
    message: &'b [u8],
}

/// `(user@host) [LEVEL] message`. A host has no `@` (`dns_sanitize`).
fn head(line: &[u8]) -> Option<Head<'_>> {
    let inside = line.strip_prefix(b"(")?;
    let end = memchr::memmem::find(inside, b") ")?;
    let who = inside.get(..end)?;
    let at = memchr::memrchr(b'@', who)?;
    let (user, host) = (who.get(..at)?, who.get(at + 1..)?);
    let rest = inside.get(end + 2..)?;
    let (level, message) = match rest.strip_prefix(b"[") {
        Some(rest) => {
            let end = memchr::memmem::find(rest, b"] ")?;
            (rest.get(..end)?, rest.get(end + 2..)?)
        }
        None => (&b""[..], rest),
    };
    Some(Head {
        user: (user != b"?").then_some(user),
        host,
        level,
        message,
    })
}

fn read<'b>(line: &Bare<'b>, who: &Head<'b>) -> Read<'b> {
    let mut record = Record {
        stamp: line.stamp,
        number: line.pid.unwrap_or(0),
        client: who.host,
        user: who.user,
        times: line.times,
        fact: Fact::Closed(End::Fin),
        implied: None,
    };
    let is_debug = who.level == b"DEBUG";
    if is_debug && let Some(fact) = protocol(who.message) {
        record.fact = fact;
        return Read::Taken(record);
    }
    if let Some(transfer) = transfer(who.message) {
        record.fact = Fact::Transfer(transfer);
        return Read::Taken(record);
    }
    let Some((message, inside, rest)) = messages::find(who.message) else {
        return Read::Ignored("a message that tells of no reply");
    };
    let Some((fact, code)) = fact(message, who.message, inside, rest) else {
        return Read::Ignored(message.by);
    };
    if let Fact::Login { .. } = fact {
        record.user = Some(inside).filter(|user| !user.is_empty());
    }
    if who.host == b"?" {
        // The server's first process, about a client that it does not let in: `message: [address]`.
        let address = rest.strip_prefix(b": [").and_then(|r| r.strip_suffix(b"]"));
        record.client = address.unwrap_or(who.host);
        record.number = NO_SESSION;
    }
    record.fact = fact;
    record.implied = Implied::new(code, message.by);
    Read::Taken(record)
}

/// What a message tells, and the code that it stands for; 0 for none.
fn fact<'b>(
    message: &'static Message,
    text: &'b [u8],
    inside: &'b [u8],
    rest: &'b [u8],
) -> Option<(Fact<'b>, u16)> {
    let inside_or_none = Some(inside).filter(|inside| !inside.is_empty());
    let failed = |verb: &str, closes| Fact::Failed {
        verb: (!verb.is_empty()).then(|| Verb::new(verb.as_bytes())),
        argument: inside_or_none,
        text,
        closes,
    };
    let done = |verb: &[u8], argument| Fact::Done {
        verb: Verb::new(verb),
        argument: Cow::Borrowed(argument),
    };
    Some(match message.says {
        Says::Opened => (Fact::Opened { refused: false }, 0),
        Says::Admitted => (Fact::Login { accepted: true, reason: b"" }, 230),
        Says::Refused => (Fact::Login { accepted: false, reason: b"" }, 530),
        Says::Failed(verb, code) => (failed(verb, false), code),
        Says::Dies(code) => (failed("", true), code),
        Says::Deleted => (done(b"DELE", inside), 250),
        Says::Renamed => {
            // `: [from]->[to]`
            let at = memchr::memmem::rfind(rest, b"]->[")?;
            (done(b"RNTO", rest.get(at + 4..)?.strip_suffix(b"]")?), 250)
        }
        Says::Over => (Fact::Closed(End::Fin), 221),
        Says::Nothing => return None,
    })
}

/// A reply's line, or `Command [verb] [argument]` in any language.
fn protocol(message: &[u8]) -> Option<Fact<'_>> {
    if ReplyCode::from_digits(message).is_some() && matches!(message.get(3), Some(b' ' | b'-')) {
        return Some(Fact::Reply {
            text: message,
            ends_line: true,
        });
    }
    let start = memchr::memmem::find(message, b" [")?;
    let inside = message.get(start + 2..)?.strip_suffix(b"]")?;
    let middle = memchr::memmem::find(inside, b"] [")?;
    let (verb, argument) = (inside.get(..middle)?, inside.get(middle + 3..)?);
    if verb.contains(&b' ') {
        return None;
    }
    let command = Command::new(Verb::new(verb), Some(argument));
    Some(Fact::Command(command))
}

/// `/root//path downloaded  (260 bytes, 1751.58KB/sec)` (`displayrate`): the same two blanks in all languages.
fn transfer(message: &[u8]) -> Option<TransferRecord<'_>> {
    let rest = message.strip_suffix(b"KB/sec)")?;
    let open = memchr::memmem::rfind(rest, b"  (")?;
    let (bytes, rate) = envelope::word(rest.get(open + 3..)?)?;
    let rate = rate.strip_prefix(b"bytes, ")?;
    if !rate.iter().all(|b| b.is_ascii_digit() || *b == b'.') {
        return None;
    }
    let (path, verb) = messages::direction(rest.get(..open)?)?;
    Some(TransferRecord {
        verb,
        path,
        bytes: Some(envelope::number(bytes)?),
        complete: None,
    })
}

/// The answers to FEAT and to SITE HELP are one message of several lines; they stand bare where the log keeps line ends.
fn is_rest_of_reply(line: &[u8]) -> bool {
    const FEATURES: [&[u8]; 25] = [
        b"ALIAS", b"AUTH TLS", b"CHMOD", b"EPRT", b"EPSV", b"ESTA", b"ESTP", b"HELP", b"IDLE",
        b"MDTM", b"MFMT", b"MLSD", b"PASV", b"PBSZ", b"PRET", b"PROT", b"REST STREAM", b"SIZE",
        b"SPSV", b"TIME", b"TVFS", b"UTF8", b"UTIME", b"XDBG", b"CCC",
    ];
    line.strip_prefix(b" ").is_some_and(|line| {
        FEATURES.contains(&line) || line.starts_with(b"MLST type*;") || line.starts_with(b"type=")
    })
}

#[cfg(test)]
mod tests;
