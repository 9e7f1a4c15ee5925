//! The lines that ftpd of the BSDs and its many descendants write to syslog.
//!
//! inetutils, Linux's netkit and linux-ftpd-ssl, wu-ftpd, tnftpd, and the ftpd
//! of Solaris and AIX. One process per session, so the process id tells them
//! apart. With `-l` logins are written, with `-l -l` files, with `-d` commands
//! and replies. Some write a reply's code and its text as two messages, the
//! second with nothing to tell it by but its place: a text that is no known
//! message is handed on as the possible rest of a reply.

use crate::ftp::{End, TransferRecord, Uncounted, Vantage, Verb, grammar};
use crate::log::{
    Bare, Description, Fact, Follow, Format, Implied, Read, Record, Sample, envelope, talk,
};

/// The format.
pub static FORMAT: BsdFtpd = BsdFtpd;

/// ftpd in syslog.
#[derive(Debug)]
pub struct BsdFtpd;

static DESCRIPTION: Description = Description {
    name: "bsd-ftpd",
    title: "ftpd of BSD, inetutils, netkit, wu-ftpd, tnftpd in syslog",
    source: "inetutils 2.4 ftpd.c, linux-ftpd-ssl 0.17, wu-ftpd 2.6.2, tnftpd",
    vantage: Vantage::ServerLog,
    gaps: &[
        "commands and replies, without -d",
        "transfers, without -l -l",
        "the end of most sessions, without -d",
        "ports",
        "whether a transfer was complete",
    ],
    samples: &[
        Sample {
            lines: "Nov 22 08:16:56 ftp1 ftpd[77]: connection from ::ffff:192.0.2.7\n\
                    Nov 22 08:16:56 ftp1 ftpd[77]: <--- 220 \n\
                    Nov 22 08:16:56 ftp1 ftpd[77]: ftp1.example FTP server ready.\n\
                    Nov 22 08:16:57 ftp1 ftpd[77]: command: PASS  ???\n\
                    Nov 22 08:16:57 ftp1 ftpd[77]: <--- 530 Login incorrect.#015#012 \n\
                    Nov 22 08:16:57 ftp1 ftpd[77]: FTP LOGIN FAILED FROM ::ffff:192.0.2.7, bob\n\
                    Nov 22 08:16:58 ftp1 ftpd[77]: lost connection",
            events: "introduced 192.0.2.7; opened; 220 ftp1.example FTP server ready.; PASS secret; 530 Login incorrect.; \
                     closed fin by client",
        },
        Sample {
            lines: "Nov 22 08:16:56 ftp1 wu-ftpd[77]: connection from host.example [192.0.2.7]\n\
                    Nov 22 08:16:57 ftp1 wu-ftpd[77]: FTP LOGIN FROM host.example [192.0.2.7], bob\n\
                    Nov 22 08:16:58 ftp1 wu-ftpd[77]: get /a b.txt = 7 bytes\n\
                    Nov 22 08:16:59 ftp1 wu-ftpd[77]: get /c.txt\n\
                    Nov 22 08:31:58 ftp1 wu-ftpd[77]: User bob timed out after 900 seconds at Sun Nov 22 08:31:58 2026",
            events: "introduced 192.0.2.7; opened; login bob accepted; 230 implied by FTP LOGIN FROM; RETR /a b.txt 7 incomplete; \
                     RETR /c.txt ? incomplete; \
                     one of [425, 426, 450, 451, 550] by get without bytes; 421 implied by timed out; closed fin by server",
        },
    ],
};

const TAGS: [&[u8]; 9] = [
    b"ftpd",
    b"in.ftpd",
    b"wu-ftpd",
    b"wu.ftpd",
    b"tnftpd",
    b"lukemftpd",
    b"ftpd-ssl",
    b"in.ftpd-ssl",
    b"gssftpd",
];

/// Messages of the server and of PAM that tell of no command and no reply.
const OWN: [&[u8]; 9] = [
    b"pam_", b"(pam_", b"PAM", b"getpeername", b"getsockname", b"setsockopt", b"bind:", b"accept:", b"authentication failure;",
];

impl Format for BsdFtpd {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        let (Some(tag), Some(pid)) = (line.tag, line.pid) else {
            return Read::Unrecognised;
        };
        if !TAGS.contains(&tag) {
            return Read::Unrecognised;
        }
        let message = without_id(line.message);
        if message.starts_with(b"xferlog (") {
            return Read::Unrecognised;
        }
        if OWN.iter().any(|own| message.starts_with(own)) {
            return Read::Ignored("a message of the server or of PAM about itself");
        }
        let Some(said) = said(message) else {
            return Read::Ignored("a message that does not tell whether the command worked");
        };
        Read::Taken(Record {
            stamp: line.stamp,
            number: pid,
            client: said.client,
            user: said.user,
            times: line.times,
            fact: said.fact,
            implied: said.implied,
        })
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(talk::Following::whole())
    }
}

/// Solaris writes `[ID 484914 daemon.notice] ` in front.
fn without_id(message: &[u8]) -> &[u8] {
    let rest = message.strip_prefix(b"[ID ").and_then(|rest| {
        let end = memchr::memmem::find(rest, b"] ")?;
        rest.get(end + 2..)
    });
    rest.unwrap_or(message)
}

struct Said<'b> {
    client: &'b [u8],
    user: Option<&'b [u8]>,
    fact: Fact<'b>,
    implied: Option<Implied>,
}

impl<'b> Said<'b> {
    fn fact(fact: Fact<'b>) -> Self {
        Self {
            client: b"",
            user: None,
            fact,
            implied: None,
        }
    }
}

fn said(message: &[u8]) -> Option<Said<'_>> {
    if let Some(rest) = message.strip_prefix(b"command: ") {
        return grammar::command(rest).map(|c| Said::fact(Fact::Command(c)));
    }
    if let Some(rest) = message.strip_prefix(b"<--- ") {
        // `530 `, `220- ` alone are the beginning of a line.
        let is_alone = rest.len() <= 5;
        let text = if is_alone { rest.trim_ascii_end() } else { rest };
        return Some(Said::fact(Fact::Reply {
            text,
            ends_line: !is_alone,
        }));
    }
    if let Some(rest) = message.strip_prefix(b"connection from ") {
        let opened = Fact::Opened { refused: false };
        return Some(Said {
            client: host(rest).0,
            ..Said::fact(opened)
        });
    }
    if message == b"connection from" {
        return Some(Said::fact(Fact::Opened { refused: false }));
    }
    if let Some(said) = login(message).or_else(|| end(message)) {
        return Some(said);
    }
    match file(message) {
        Some((verb, rest)) => transfer(verb, rest),
        None => Some(Said::fact(Fact::Reply {
            text: message,
            ends_line: true,
        })),
    }
}

/// `host`, `host [address]`, `address (host) at date`, and what follows the host.
fn host(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|b| matches!(b, b' ' | b','));
    let (name, rest) = text.split_at(end.unwrap_or(text.len()));
    let inside = rest.strip_prefix(b" [").and_then(|rest| {
        let end = memchr::memchr(b']', rest)?;
        Some((rest.get(..end)?, rest.get(end + 1..)?))
    });
    inside.unwrap_or((name, rest))
}

fn login(message: &[u8]) -> Option<Said<'_>> {
    const FROM: &[u8] = b" FROM ";
    let (by, code, accepted) = match message {
        [b'F', b'T', b'P', b' ', b'L', b'O', b'G', b'I', b'N', rest @ ..] => match rest {
            [b' ', b'F', b'R', b'O', b'M', ..] => ("FTP LOGIN FROM", 230, true),
            [b' ', b'F', b'A', ..] => ("FTP LOGIN FAILED", 530, false),
            [b' ', b'R', b'E', b'F', ..] => ("FTP LOGIN REFUSED", 530, false),
            _ => return None,
        },
        _ if message.starts_with(b"ANONYMOUS FTP LOGIN") => {
            let is_refused = memchr::memmem::find(message, b"REFUSED").is_some_and(|at| at < 24);
            if is_refused {
                ("ANONYMOUS FTP LOGIN REFUSED", 530, false)
            } else {
                ("ANONYMOUS FTP LOGIN FROM", 230, true)
            }
        }
        _ if message.starts_with(b"failed login from ") => ("failed login", 530, false),
        _ => return None,
    };
    let at = memchr::memmem::find(message, FROM).or_else(|| memchr::memmem::find(message, b" from "));
    let (client, rest) = host(message.get(at? + FROM.len()..)?);
    let name = rest.strip_prefix(b", ").or_else(|| rest.strip_prefix(b" as "));
    let user = match message.first() {
        // What follows is the password.
        Some(b'A') => Some(&b"anonymous"[..]),
        // inetutils writes no host here: `FROM  as alice`, `FROM , bob`.
        _ => name.or_else(|| rest.strip_prefix(b"as ")).map(without_class),
    };
    Some(Said {
        client,
        user,
        fact: Fact::Login { accepted, reason: b"" },
        implied: Implied::new(code, by),
    })
}

/// NetBSD's adds ` (class: real, type: REAL)`.
fn without_class(user: &[u8]) -> &[u8] {
    let at = memchr::memmem::rfind(user, b" (class: ").filter(|_| user.ends_with(b")"));
    at.and_then(|at| user.get(..at)).unwrap_or(user)
}

static REPEATED: Uncounted = Uncounted::one_of(&[421, 530], "repeated login failures");
static DENIED: Uncounted = Uncounted::one_of(&[421, 530], "ACCESS DENIED");
static NOT_GOT: Uncounted = Uncounted::one_of(&[425, 426, 450, 451, 550], "get without bytes");
static NOT_PUT: Uncounted =
    Uncounted::one_of(&[425, 426, 450, 451, 452, 550, 553], "put or append without bytes");

/// The messages with which a session is over.
fn end(message: &[u8]) -> Option<Said<'_>> {
    let dies = |text| Fact::Failed {
        verb: None,
        argument: None,
        text,
        closes: true,
    };
    let closes = dies(b"");
    if let Some(rest) = message.strip_prefix(b"User ")
        && let Some(end) = memchr::memmem::rfind(rest, b" timed out after ")
    {
        return Some(Said {
            user: rest.get(..end),
            implied: Implied::new(421, "timed out"),
            ..Said::fact(dies(rest.get(end + 1..)?))
        });
    }
    if let Some(rest) = message.strip_prefix(b"repeated login failures from ") {
        return Some(Said {
            client: host(rest).0,
            implied: Some(Implied::Uncounted(&REPEATED)),
            ..Said::fact(closes)
        });
    }
    if message.starts_with(b"ACCESS DENIED ") {
        let at = memchr::memmem::rfind(message, b" TO ")?;
        return Some(Said {
            client: host(message.get(at + 4..)?).0,
            implied: Some(Implied::Uncounted(&DENIED)),
            ..Said::fact(closes)
        });
    }
    if message.starts_with(b"got signal ") || message.starts_with(b"exiting on signal ") {
        return Some(Said::fact(closes));
    }
    let is_over = message.starts_with(b"lost connection") || message == b"FTP session closed";
    is_over.then(|| Said::fact(Fact::Closed(End::Fin)))
}

/// `get path`, and what the word stands for.
fn file(message: &[u8]) -> Option<(Option<Verb>, &[u8])> {
    let (word, rest) = envelope::word(message)?;
    let verb = match word {
        b"get" => Some(Verb::RETR),
        b"put" => Some(Verb::STOR),
        b"append" => Some(Verb::APPE),
        b"delete" | b"mkdir" | b"rmdir" | b"rename" => None,
        _ => return None,
    };
    Some((verb, rest))
}

/// `path = 7 bytes`; without the number the transfer did not begin.
fn transfer(verb: Option<Verb>, rest: &[u8]) -> Option<Said<'_>> {
    let verb = verb?;
    let number = rest.strip_suffix(b" bytes").and_then(|rest| {
        let at = memchr::memmem::rfind(rest, b" = ")?;
        let bytes = envelope::number(rest.get(at + 3..)?)?;
        Some((rest.get(..at)?, bytes))
    });
    let (path, bytes) = match number {
        Some((path, bytes)) => (path, Some(bytes)),
        None => (rest, None),
    };
    let refusal = match verb {
        Verb::RETR => &NOT_GOT,
        _ => &NOT_PUT,
    };
    let transfer = Fact::Transfer(TransferRecord {
        verb,
        path,
        bytes,
        complete: bytes.is_none().then_some(false),
    });
    Some(Said {
        implied: bytes.is_none().then_some(Implied::Uncounted(refusal)),
        ..Said::fact(transfer)
    })
}

#[cfg(test)]
mod tests {
    use crate::log::tests::events_of;

    fn told(message: &str) -> String {
        let log = format!("Nov 22 08:16:56 ftp1 ftpd[9]: {message}\n");
        let words = events_of("bsd-ftpd", &log).into_iter().map(|(_, w)| w);
        words.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn hosts_and_users_are_found_in_all_forms() {
        for (message, host, user) in [
            ("FTP LOGIN FROM 192.0.2.7 as bob", "192.0.2.7 ", "bob"),
            ("FTP LOGIN FROM 192.0.2.7, two words", "192.0.2.7 ", "two words"),
            ("FTP LOGIN FROM h.example [192.0.2.7], bob", "192.0.2.7 ", "bob"),
            ("FTP LOGIN FROM  as bob", "", "bob"),
            ("FTP LOGIN FROM 192.0.2.7 as bob (class: real, type: REAL)", "192.0.2.7 ", "bob"),
            ("[ID 484914 daemon.notice] FTP LOGIN FROM 192.0.2.7, bob", "192.0.2.7 ", "bob"),
            ("ANONYMOUS FTP LOGIN FROM 192.0.2.7, my@secret.example", "192.0.2.7 ", "anonymous"),
        ] {
            let who = format!("introduced {host}").trim_end().to_owned();
            let told = told(message);
            assert!(
                told.starts_with(&format!("{who}; login {user} accepted; 230 implied by")),
                "{message}: {told}"
            );
        }
    }

    #[test]
    fn a_session_that_was_silent_too_long_is_told_in_the_words_of_the_log() {
        let told = told("User two words timed out after 900 seconds at Sun Nov 22 08:31:56 2026");
        assert_eq!(told, "introduced two words; 421 implied by timed out; closed fin by server");
    }

    #[test]
    fn a_text_that_follows_no_code_is_no_reply() {
        assert_eq!(told("Login incorrect."), "");
        assert_eq!(told("FTP LOGIN"), "");
        assert_eq!(told("<---"), "");
    }
}
