//! glFTPd's `login.log`: who came in, who was turned away, and who left, with one process per session.
//!
//! `ctime [pid     ] event`. What users and scripts announce (`glftpd.log`) and what operators change (`sysop.log`) look
//! alike and tell nothing about a session.

use crate::ftp::{End, Uncounted, Vantage};
use crate::log::{
    Bare, Description, Fact, Follow, Format, Implied, Read, Record, Sample, envelope, talk,
};


/// The format.
pub static FORMAT: Glftpd = Glftpd;

/// glFTPd's logins.
#[derive(Debug)]
pub struct Glftpd;

static DESCRIPTION: Description = Description {
    name: "glftpd",
    title: "glFTPd's logins",
    source: "login.log of glFTPd 2, and the patterns by which site bots read glFTPd 1 and 2",
    vantage: Vantage::ServerLog,
    gaps: &[
        "commands and replies",
        "transfers (they are in its xferlog)",
        "sessions without a login",
        "which reply a timeout or a refusal was",
        "the time zone",
    ],
    samples: &[
        Sample {
            lines: "Sun Nov 22 08:16:55 2026 [19417   ] LOGIN: <UNKNOWN>@host.example (192.0.2.7) NONE \"alice\" \"team\" \"No Tagline Set\"\n\
                    Sun Nov 22 08:17:55 2026 [19417   ] LOGOUT: *@host.example (192.0.2.7) \"alice\" \"team\" \"No Tagline Set\"",
            events: "introduced 192.0.2.7; login alice accepted; 230 implied by LOGIN; closed fin",
        },
        Sample {
            lines: "Sun Nov 22 08:16:55 2026 [19419   ] bob: *@192.0.2.8 (192.0.2.8): Login failure.\n\
                    Sun Nov 22 08:16:56 2026 [19420   ] eve@192.0.2.9 (192.0.2.9): connection refused: ident@ip not added to any users.\n\
                    Sun Nov 22 08:46:56 2026 [19421   ] TIMEOUT: carol (*@192.0.2.8) timed out after being idle 900 seconds.",
            events: "introduced 192.0.2.8; login bob refused; introduced 192.0.2.9; opened; closed fin by server; \
                     introduced 192.0.2.8 carol; closed fin by server; one of [421, 530] by Login failure; \
                     closed input-ended",
        },
    ],
};

impl Format for Glftpd {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        if line.tag.is_some() {
            return Read::Unrecognised;
        }
        entry(line.message).unwrap_or(Read::Unrecognised)
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(talk::Following::default())
    }
}

/// `Sun Nov 22 08:16:55 2026 [19417   ] event`
fn entry(line: &[u8]) -> Option<Read<'_>> {
    let (stamp, rest) = envelope::ctime(line)?;
    let inside = rest.strip_prefix(b" [")?;
    let end = memchr::memchr(b']', inside.get(..16).unwrap_or(inside))?;
    let pid = envelope::number(inside.get(..end)?.trim_ascii_end())?;
    let text = inside.get(end + 1..)?.strip_prefix(b" ")?;
    let Some(event) = event(text) else {
        return Some(Read::Ignored("a message of the server about itself"));
    };
    let Event { client, user, fact, implied } = event;
    Some(Read::Taken(Record {
        stamp,
        number: u32::try_from(pid).ok()?,
        client,
        user,
        times: 1,
        fact,
        implied,
    }))
}

struct Event<'b> {
    client: &'b [u8],
    user: Option<&'b [u8]>,
    fact: Fact<'b>,
    implied: Option<Implied>,
}

fn event(text: &[u8]) -> Option<Event<'_>> {
    if let Some(rest) = text.strip_prefix(b"LOGIN: ") {
        let (client, rest) = address(rest)?;
        return Some(Event {
            client,
            user: Some(quoted(rest)?),
            fact: Fact::Login {
                accepted: true,
                reason: b"",
            },
            implied: Implied::new(230, "LOGIN"),
        });
    }
    if let Some(rest) = text.strip_prefix(b"LOGOUT: ") {
        let (client, rest) = address(rest)?;
        return Some(Event {
            client,
            user: Some(quoted(rest)?),
            fact: Fact::Closed(End::Fin),
            implied: None,
        });
    }
    if let Some(rest) = text.strip_prefix(b"TIMEOUT: ") {
        let (user, rest) = envelope::word(rest)?;
        let host = rest.strip_prefix(b"(")?;
        let end = memchr::memmem::find(host, b") timed out after being idle ")?;
        let at = memchr::memchr(b'@', host.get(..end)?)?;
        return Some(Event {
            client: host.get(at + 1..end)?,
            user: Some(user),
            fact: Fact::Failed {
                verb: None,
                argument: None,
                text: host.get(end + 2..)?,
                closes: true,
            },
            implied: None,
        });
    }
    turned_away(text)
}

/// `bob: *@host (192.0.2.8): Login failure.`, and the same without a user where nobody may come from there.
fn turned_away(text: &[u8]) -> Option<Event<'_>> {
    static FAILURE: Uncounted = Uncounted::one_of(&[421, 530], "Login failure");
    static REFUSED: Uncounted = Uncounted::one_of(&[421, 530], "Bad user@host, Banned user@host, Deleted");
    let (client, rest) = address(text)?;
    let reason = rest.strip_prefix(b": ")?;
    if reason.starts_with(b"connection refused: ") {
        return Some(Event {
            client,
            user: None,
            fact: Fact::Opened { refused: true },
            implied: None,
        });
    }
    let uncounted = match reason {
        b"Login failure." | b"Repeated login failures." => &FAILURE,
        b"Bad user@host." | b"Banned user@host." | b"Deleted." => &REFUSED,
        _ => return None,
    };
    let (user, _) = envelope::word(text)?;
    Some(Event {
        client,
        user: Some(user.strip_suffix(b":")?),
        fact: Fact::Login {
            accepted: false,
            reason: b"",
        },
        implied: Some(Implied::Uncounted(uncounted)),
    })
}

/// The address in the first pair of brackets, and what follows.
fn address(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = memchr::memmem::find(text, b" (")? + 2;
    let end = start + memchr::memchr(b')', text.get(start..)?)?;
    Some((text.get(start..end)?, text.get(end + 1..)?))
}

/// The first text in quotes.
fn quoted(text: &[u8]) -> Option<&[u8]> {
    let inside = text.get(memchr::memmem::find(text, b" \"")? + 2..)?;
    inside.get(..memchr::memmem::find(inside, b"\" ")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_lines_are_told_apart() {
        let head = "Sun Nov 22 08:16:55 2026 ";
        for (rest, expected) in [
            ("[19417   ] '*' killed a ghost with PID (7).", Read::Ignored("a message of the server about itself")),
            ("[19417   ] bob: *@h (192.0.2.8): Something else.", Read::Ignored("a message of the server about itself")),
            ("[pid 501] CONNECT: Client \"192.0.2.7\"", Read::Unrecognised),
            ("[] LOGIN: x", Read::Unrecognised),
            ("Info: Begin Logfile", Read::Unrecognised),
        ] {
            let line = format!("{head}{rest}");
            assert_eq!(FORMAT.read(&Bare::read(line.as_bytes())), expected, "{line}");
        }
    }
}
