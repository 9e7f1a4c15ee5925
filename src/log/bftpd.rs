//! bftpd's log, in a file or syslog: connections, logins, transfers and changes, with one process per session.
//!
//! `ctime bftpd[pid]: event`, or the event behind syslog's own header. Routers and stores of several makers hold builds of
//! it that answer a failed login in other ways, so what such a line stands for is one of several replies.

use std::borrow::Cow;

use crate::ftp::{End, TransferRecord, Uncounted, Vantage, Verb};
use crate::log::{
    Bare, Description, Fact, Follow, Format, Implied, Read, Record, Sample, envelope, talk,
};
use crate::time::Stamp;

/// The format.
pub static FORMAT: Bftpd = Bftpd;

/// bftpd's log.
#[derive(Debug)]
pub struct Bftpd;

static DESCRIPTION: Description = Description {
    name: "bftpd",
    title: "bftpd",
    source: "bftpd 1.6 to 2.9 logging.c, main.c, login.c and commands.c, and builds of it in routers",
    vantage: Vantage::ServerLog,
    gaps: &[
        "commands and replies that open no file and change nothing",
        "which reply a failed login had",
        "the file of an upload that is over",
        "bytes",
        "ports",
        "the time zone",
    ],
    samples: &[
        Sample {
            lines: "Sun Nov 22 08:16:55 2026 bftpd[501]: Incoming connection from 192.0.2.7.\n\
                    Sun Nov 22 08:16:56 2026 bftpd[501]: Successfully logged in as user 'alice'.\n\
                    Sun Nov 22 08:16:57 2026 bftpd[501]: Client is receiving file 'a.txt'.\n\
                    Sun Nov 22 08:16:58 2026 bftpd[501]: File transmission of 'a.txt' successful.\n\
                    Sun Nov 22 08:16:59 2026 bftpd[501]: Error: 'No such file or directory' while changing directory to 'it's'.\n\
                    Sun Nov 22 08:17:00 2026 bftpd[501]: Quitting.",
            events: "introduced 192.0.2.7; opened; login alice accepted; 230 implied by Successfully logged in; \
                     RETR a.txt ? complete; 226 implied by File transmission successful; CWD it's; \
                     451 implied by Error while changing directory; closed fin",
        },
        Sample {
            lines: "Nov 22 08:16:55 router bftpd[502]: Incoming connection from 192.0.2.8.\n\
                    Nov 22 08:16:56 router bftpd[502]: Login as user 'bob' failed.\n\
                    Nov 22 08:16:57 router bftpd[502]: Quitting.",
            events: "introduced 192.0.2.8; opened; login bob refused; one of [421, 530] by Login failed; closed fin",
        },
    ],
};

impl Format for Bftpd {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        let entry = match line.tag {
            Some(tag) if is_bftpd(tag) => Some((line.stamp, line.pid.unwrap_or(0), line.message)),
            Some(_) => None,
            None => native(line.message),
        };
        let Some((stamp, pid, text)) = entry else {
            return Read::Unrecognised;
        };
        match event(text.trim_ascii_end()) {
            Some(event) => Read::Taken(Record {
                stamp,
                number: pid,
                client: event.client,
                user: event.user,
                times: line.times,
                fact: event.fact,
                implied: event.implied,
            }),
            None => Read::Ignored("a message of the server about a session"),
        }
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(talk::Following::default())
    }
}

/// Its name may stand there with the path by which it was started.
fn is_bftpd(name: &[u8]) -> bool {
    name.rsplit(|b| *b == b'/').next() == Some(b"bftpd")
}

/// `Sun Nov 22 08:16:55 2026 bftpd[501]: event`
fn native(line: &[u8]) -> Option<(Stamp, u32, &[u8])> {
    let (stamp, rest) = envelope::ctime(line)?;
    let rest = rest.strip_prefix(b" ")?;
    let bracket = memchr::memchr(b'[', rest.get(..256).unwrap_or(rest))?;
    let (name, rest) = (rest.get(..bracket)?, rest.get(bracket + 1..)?);
    let end = memchr::memchr(b']', rest.get(..12).unwrap_or(rest))?;
    let pid = u32::try_from(envelope::number(rest.get(..end)?)?).ok()?;
    let text = rest.get(end + 1..)?.strip_prefix(b": ")?;
    is_bftpd(name).then_some((stamp, pid, text))
}

struct Event<'b> {
    client: &'b [u8],
    user: Option<&'b [u8]>,
    fact: Fact<'b>,
    implied: Option<Implied>,
}

fn of(fact: Fact<'_>, implied: Option<Implied>) -> Event<'_> {
    Event {
        client: b"",
        user: None,
        fact,
        implied,
    }
}

fn event(text: &[u8]) -> Option<Event<'_>> {
    static FAILED: Uncounted = Uncounted::one_of(&[421, 530], "Login failed");
    if let Some(client) = text.strip_prefix(b"Incoming connection from ") {
        return Some(Event {
            client: client.strip_suffix(b".").unwrap_or(client),
            ..of(Fact::Opened { refused: false }, None)
        });
    }
    let login = |user, accepted, implied| Event {
        user: Some(user),
        ..of(
            Fact::Login {
                accepted,
                reason: b"",
            },
            implied,
        )
    };
    if let Some(rest) = text.strip_prefix(b"Successfully logged in as user '") {
        let implied = Implied::new(230, "Successfully logged in");
        return Some(login(rest.strip_suffix(b"'.")?, true, implied));
    }
    if let Some(rest) = text.strip_prefix(b"Login as user '") {
        let end = memchr::memmem::rfind(rest, b"' failed")?;
        return Some(login(rest.get(..end)?, false, Some(Implied::Uncounted(&FAILED))));
    }
    if text.starts_with(b"Kicked from the server due to ") && text.ends_with(b" timeout.") {
        let fact = Fact::Failed {
            verb: None,
            argument: None,
            text,
            closes: true,
        };
        return Some(of(fact, Implied::new(421, "Kicked from the server")));
    }
    if text == b"Quitting." {
        return Some(of(Fact::Closed(End::Fin), None));
    }
    transfer(text).or_else(|| done(text)).or_else(|| failed(text))
}

fn transfer(text: &[u8]) -> Option<Event<'_>> {
    const SUCCESSFUL: &str = "File transmission successful";
    let (verb, path, complete) = if let Some(rest) = text.strip_prefix(b"File transmission of '") {
        (Verb::RETR, rest.strip_suffix(b"' successful.")?, true)
    } else {
        match text {
            b"File transmission successful." => (Verb::STOR, &b""[..], true),
            b"File transmission interrupted. Send failed." => (Verb::RETR, &b""[..], false),
            _ => return None,
        }
    };
    let implied = if complete {
        Implied::new(226, SUCCESSFUL)
    } else {
        Implied::new(426, "File transmission interrupted")
    };
    let transfer = TransferRecord {
        verb,
        path,
        bytes: None,
        complete: Some(complete),
    };
    Some(of(Fact::Transfer(transfer), implied))
}

/// What was changed.
fn done(text: &[u8]) -> Option<Event<'_>> {
    #[rustfmt::skip]
    let messages: [(&[u8], &[u8], u16, &'static str); 4] = [
        (b"Changed directory to '", b"CWD",  250, "Changed directory"),
        (b"Deleted file '",         b"DELE", 200, "Deleted file"),
        (b"Created directory '",    b"MKD",  257, "Created directory"),
        (b"Removed directory '",    b"RMD",  250, "Removed directory"),
    ];
    for (start, verb, code, by) in messages {
        if let Some(rest) = text.strip_prefix(start) {
            let fact = Fact::Done {
                verb: Verb::new(verb),
                argument: Cow::Borrowed(rest.strip_suffix(b"'.")?),
            };
            return Some(of(fact, Implied::new(code, by)));
        }
    }
    let rest = text.strip_prefix(b"Successfully renamed '")?.strip_suffix(b"'.")?;
    let at = memchr::memmem::rfind(rest, b"' to '")?;
    let fact = Fact::Done {
        verb: Verb::RNTO,
        argument: Cow::Borrowed(rest.get(at + 6..)?),
    };
    Some(of(fact, Implied::new(250, "Successfully renamed")))
}

/// `Error: 'reason' while … 'name'.`
fn failed(text: &[u8]) -> Option<Event<'_>> {
    #[rustfmt::skip]
    let messages: [(&[u8], &[u8], u16, &'static str); 6] = [
        (b"' while changing directory to '",        b"CWD",  451, "Error while changing directory"),
        (b"' while trying to delete file '",        b"DELE", 451, "Error while trying to delete file"),
        (b"' while trying to create directory '",   b"MKD",  451, "Error while trying to create directory"),
        (b"' while trying to remove directory '",   b"RMD",  451, "Error while trying to remove directory"),
        (b"' while trying to rename '",             b"RNTO", 451, "Error while trying to rename"),
        (b"' while trying to receive file '",       b"RETR", 553, "Error while trying to receive file"),
    ];
    let rest = text.strip_prefix(b"Error: '")?.strip_suffix(b"'.")?;
    messages.into_iter().find_map(|(middle, verb, code, by)| {
        let at = memchr::memmem::find(rest, middle)?;
        let argument = rest.get(at + middle.len()..)?;
        let argument = match memchr::memmem::rfind(argument, b"' to '") {
            Some(to) if verb == b"RNTO" => argument.get(to + 6..)?,
            _ => argument,
        };
        let fact = Fact::Failed {
            verb: Some(Verb::new(verb)),
            argument: Some(argument),
            text: rest.get(..at)?,
            closes: false,
        };
        Some(of(fact, Implied::new(code, by)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::tests::events_of;

    #[test]
    fn what_is_changed_refused_and_broken_off() {
        let lines: String = [
            "Incoming connection from 192.0.2.7.",
            "Client is storing file 'b'.",
            "File transmission successful.",
            "File transmission interrupted. Send failed.",
            "Deleted file 'c'.",
            "Successfully renamed '/d' to '/it' to 'e'.",
            "Error: 'Permission denied' while trying to rename '/f' to '/g'.",
            "Error: 'Is a directory' while trying to receive file 'h'.",
            "Kicked from the server due to control connection timeout.",
        ]
        .map(|text| format!("Sun Nov 22 08:16:55 2026 /usr/sbin/bftpd[9]: {text}\n"))
        .concat();
        let told: Vec<_> = events_of("bftpd", &lines).into_iter().map(|(_, w)| w).collect();
        let expected = [
            "introduced 192.0.2.7",
            "opened",
            "STOR  ? complete",
            "226 implied by File transmission successful",
            "RETR  ? incomplete",
            "426 implied by File transmission interrupted",
            "DELE c",
            "200 implied by Deleted file",
            "RNTO e",
            "250 implied by Successfully renamed",
            "RNTO /g",
            "451 implied by Error while trying to rename",
            "RETR h",
            "553 implied by Error while trying to receive file",
            "421 implied by Kicked from the server",
            "closed fin by server",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn another_programs_line_is_none() {
        for line in [
            "Sun Nov 22 08:16:55 2026 ebftpd[9]: Quitting.",
            "Sun Nov 22 08:16:55 2026 bftpd[x]: Quitting.",
            "Sun Nov 22 08:16:55 2026 bftpd: Quitting.",
            "Nov 22 08:16:55 router ftpd[9]: Quitting.",
        ] {
            assert_eq!(FORMAT.read(&Bare::read(line.as_bytes())), Read::Unrecognised, "{line}");
        }
    }
}
