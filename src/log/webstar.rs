//! WebSTAR's FTP log: logins and transfers, one line each when it is over.
//!
//! `client - user [ctime] event n/n`. There is no session in it, so one is found by client and user and only approximate.

use crate::ftp::{End, TransferRecord, Uncounted, Vantage, Verb};
use crate::limits;
use crate::log::{
    Bare, Description, Fact, Follow, Format, Implied, Read, Record, Sample, envelope, talk,
};

/// The format.
pub static FORMAT: Webstar = Webstar;

/// WebSTAR's FTP log.
#[derive(Debug)]
pub struct Webstar;

static DESCRIPTION: Description = Description {
    name: "webstar",
    title: "WebSTAR",
    source: "WebSTAR 4's manual, FTP logging",
    vantage: Vantage::ServerLog,
    gaps: &[
        "commands and replies, but of transfers",
        "which replies refusals were",
        "bytes",
        "whether a transfer was complete",
        "ports",
        "the time zone",
    ],
    samples: &[Sample {
        lines: "192.0.2.7 - alice [Sun Nov 22 08:16:55 2026] User logged in 20/57\n\
                192.0.2.7 - alice [Sun Nov 22 08:17:55 2026] STOR: /HD/a b.txt 254/2887\n\
                192.0.2.7 - alice [Sun Nov 22 08:18:55 2026] User logged out 20/57\n\
                192.0.2.8 - bob [Sun Nov 22 08:19:55 2026] Login failed, bad password. 22/80\n\
                192.0.2.9 - anonymous: me@home.example [Sun Nov 22 08:20:32 2026] Anonymous user logged in 50/72",
        events: "introduced 192.0.2.7 approximate; login alice accepted; 230 implied by logged in; STOR /HD/a b.txt ? incomplete; \
                 closed fin; introduced 192.0.2.8 approximate; login bob refused; introduced 192.0.2.9 approximate; \
                 login anonymous accepted; one of [421, 530] by Login failed; closed input-ended; \
                 230 implied by logged in; closed input-ended",
    }],
};

impl Format for Webstar {
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

/// `192.0.2.7 - alice [Sun Nov 22 08:16:55 2026] event 20/57`
fn entry(line: &[u8]) -> Option<Read<'_>> {
    let (client, rest) = envelope::word(line)?;
    let rest = rest.strip_prefix(b"-")?;
    let mut brackets = memchr::memchr_iter(b'[', rest).take(limits::LOG_NAME_ENDS);
    let (bracket, stamp, behind) = brackets.find_map(|at| {
        let (stamp, behind) = envelope::ctime(rest.get(at + 1..)?)?;
        Some((at, stamp, behind.strip_prefix(b"] ")?))
    })?;
    let user = rest.get(..bracket)?.trim_ascii();
    // What an anonymous user gave as a password follows the name.
    let user = user.strip_prefix(b"anonymous:").map_or(user, |_| b"anonymous");
    let text = counted(behind)?;
    Some(match event(text) {
        Some((fact, implied)) => Read::Taken(Record {
            stamp,
            number: 0,
            client,
            user: Some(user),
            times: 1,
            fact,
            implied,
        }),
        None => Read::Ignored("a message of the server about a session"),
    })
}

/// Without ` 20/57` at the end.
fn counted(text: &[u8]) -> Option<&[u8]> {
    let at = memchr::memrchr(b' ', text)?;
    let tail = text.get(at + 1..)?;
    let tail = tail.strip_suffix(b".").unwrap_or(tail);
    let slash = memchr::memchr(b'/', tail)?;
    envelope::number(tail.get(..slash)?)?;
    envelope::number(tail.get(slash + 1..)?)?;
    text.get(..at)
}

fn event(text: &[u8]) -> Option<(Fact<'_>, Option<Implied>)> {
    static FAILED: Uncounted = Uncounted::one_of(&[421, 530], "Login failed");
    let login = |accepted| Fact::Login {
        accepted,
        reason: b"",
    };
    match text {
        b"User logged in" | b"Anonymous user logged in" => {
            return Some((login(true), Implied::new(230, "logged in")));
        }
        b"User logged out" | b"User timed out" => return Some((Fact::Closed(End::Fin), None)),
        _ if text.starts_with(b"Login failed, ") => {
            return Some((login(false), Some(Implied::Uncounted(&FAILED))));
        }
        _ => {}
    }
    let (verb, path) = match (text.strip_prefix(b"STOR: "), text.strip_prefix(b"RETR: ")) {
        (Some(path), _) => (Verb::STOR, path),
        (_, Some(path)) => (Verb::RETR, path),
        _ => return None,
    };
    let transfer = TransferRecord {
        verb,
        path,
        bytes: None,
        complete: None,
    };
    Some((Fact::Transfer(transfer), None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_servers_line_is_none() {
        for line in [
            "192.0.2.7 - alice [22/Nov/2026:08:16:55 +0000] \"GET / HTTP/1.0\" 200 57",
            "192.0.2.7 - alice [Sun Nov 22 08:16:55 2026] User logged in",
            "192.0.2.7 - alice [Sun Nov 22 08:16:55 2026] [error] client denied",
            "192.0.2.7 alice [Sun Nov 22 08:16:55 2026] User logged in 20/57",
        ] {
            assert_eq!(FORMAT.read(&Bare::read(line.as_bytes())), Read::Unrecognised, "{line}");
        }
    }
}
