//! ProFTPD's messages, in its own log (`SystemLog`) and in syslog.
//!
//! `date host proftpd[pid] server (name[address]): message` in a file of its own, `server (name[address]) - message` in
//! syslog. One process per session. Messages hold no reply codes; where one stands for exactly one reply, that is
//! implied. Commands stand there at debug level 4 and above only. Sessions of SSH (`mod_sftp`) are passed over.
//! What `mod_tls` refuses stands in a file of its own (`TLSLog`), without the clients.

mod follow;
mod messages;
mod tls;
pub(in crate::log) mod zone;

use crate::ftp::{Host, Vantage};
use crate::log::{Bare, Description, Follow, Format, Read, Record, Sample, envelope, proftpd_ext};
use crate::time::Stamp;

use messages::Said;

/// The format.
pub static FORMAT: Proftpd = Proftpd;

/// ProFTPD's messages.
#[derive(Debug)]
pub struct Proftpd;

static DESCRIPTION: Description = Description {
    name: "proftpd",
    title: "ProFTPD's SystemLog and TLSLog, and ProFTPD in syslog",
    source: "ProFTPD 1.3.8 log.c, mod_auth.c, mod_core.c, mod_tls.c, data.c, main.c",
    vantage: Vantage::ServerLog,
    gaps: &[
        "reply codes: what a message stands for is implied",
        "commands and replies of what succeeds",
        "most failed commands after login",
        "logins that succeed, and the start and end of sessions, unless SyslogLevel is INFO",
        "ports",
        "clients, in a TLSLog",
    ],
    samples: &[
        Sample {
            lines: "2026-11-22 08:16:56,120 ftp1 proftpd[90] ftp1.example (c.example[::ffff:192.0.2.7]): FTP session opened.\n\
                    2026-11-22 08:16:57,120 ftp1 proftpd[90] ftp1.example (c.example[::ffff:192.0.2.7]): USER two words: no such user found \
                    from c.example [::ffff:192.0.2.7] to ::ffff:192.0.2.10:21\n\
                    2026-11-22 08:16:57,121 ftp1 proftpd[90] ftp1.example (c.example[::ffff:192.0.2.7]): mod_delay/0.7: delaying for 7 usecs\n\
                    2026-11-22 08:16:58,120 ftp1 proftpd[90] ftp1.example (c.example[::ffff:192.0.2.7]): FTP login timed out, disconnected\n\
                    2026-11-22 08:16:58,121 ftp1 proftpd[90] ftp1.example (c.example[::ffff:192.0.2.7]): FTP session closed.",
            events: "introduced 192.0.2.7; opened; login two words refused; 530 implied by no such user found; \
                     421 implied by FTP login timed out; closed fin by server",
        },
        Sample {
            lines: "Nov 22 08:16:56 ftp1 proftpd[90]: ftp1.example (192.0.2.7[192.0.2.7]) - USER bob (Login failed): Incorrect password.\n\
                    Nov 22 08:16:57 ftp1 proftpd[90]: ftp1.example (192.0.2.7[192.0.2.7]) - Maximum login attempts (1) exceeded",
            events: "introduced 192.0.2.7; login bob refused; 530 implied by Login failed; closed fin by server",
        },
        Sample {
            lines: "Nov 02 08:16:56 ftp1 proftpd[90] ftp1.example (192.0.2.7[192.0.2.7]): USER alice: Login successful.\n\
                    Nov 02 08:16:57 ftp1 proftpd[90] ftp1.example (192.0.2.7[192.0.2.7]): Refused PORT 192,0,2,9,4,1 (address mismatch)\n\
                    Nov 02 08:16:58 ftp1 proftpd[90] ftp1.example (192.0.2.7[192.0.2.7]): FTP session closed.",
            events: "introduced 192.0.2.7; login alice accepted; 230 implied by Login successful; PORT 192,0,2,9,4,1; \
                     500 implied by Refused; closed fin",
        },
        Sample {
            lines: "2026-11-22 08:16:56,120 mod_tls/2.9.2[90]: TLS/TLS-C requested, starting TLS handshake\n\
                    2026-11-22 08:16:57,120 mod_tls/2.9.2[90]: client did not reuse TLS session, rejecting data connection\n\
                    2026-11-22 08:16:57,120 mod_tls/2.9.2[90]: unable to open data connection: TLS negotiation failed",
            events: "introduced; 425 implied by unable to open data connection; closed input-ended",
        },
    ],
};

/// What a message of the daemon, which has no client, is ignored for.
const DAEMON: &str = "a message of the server about itself";

impl Format for Proftpd {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        if let Some(head) = head(line.message, line.tag.is_some()) {
            let pid = head.pid;
            return match head.kind {
                Kind::Module => Read::Ignored("a log of a module or of tracing"),
                Kind::Tls => told(tls::said(head.rest), &Bare { stamp: head.stamp, ..*line }, pid, b""),
                Kind::Server => read(&Bare { stamp: head.stamp, ..*line }, pid, head.rest),
            };
        }
        if let Some(said) = tls::continued(line.message).filter(|_| line.tag.is_none()) {
            return told(said, line, 0, b"");
        }
        if !line.tag.is_some_and(is_tag) {
            return match foreground(line) {
                Some(text) => read(line, 0, text),
                None if is_start(line) => Read::Ignored(DAEMON),
                None => Read::Unrecognised,
            };
        }
        read(line, line.pid.unwrap_or(0), line.message)
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(follow::Following::default())
    }
}

/// What old releases print when they run in the foreground: neither date nor process.
fn foreground<'b>(line: &Bare<'b>) -> Option<&'b [u8]> {
    let session = session(line.message).filter(|_| line.tag.is_none())?;
    matches!(Host::read(session.address), Host::Ip(_)).then_some(line.message)
}

/// `ftp1.example - ProFTPD 1.3.0 (stable) (built …) standalone mode STARTUP`, which they print as well.
fn is_start(line: &Bare<'_>) -> bool {
    let name = memchr::memmem::find(line.message, b" - ProFTPD ").and_then(|at| line.message.get(..at));
    let is_end = line.message.ends_with(b" STARTUP") || line.message.ends_with(b" SHUTDOWN");
    line.tag.is_none() && is_end && name.is_some_and(|name| !name.contains(&b' '))
}

fn is_tag(tag: &[u8]) -> bool {
    tag.starts_with(b"proftpd") || tag == b"in.proftpd"
}

/// Who writes a line of a file.
enum Kind {
    Server,
    /// `mod_sql/4.5[90]: `, in the log of a module, or `[90] <command:7>: ` in that of tracing.
    Module,
    /// `mod_tls/2.9[90]: `
    Tls,
}

/// The head of a line in a file: what stands before the server's name.
struct Head<'b> {
    kind: Kind,
    stamp: Stamp,
    pid: u32,
    rest: &'b [u8],
}

/// `2026-11-22 08:16:56,120 ftp1 proftpd[90] `, `Nov 22 08:16:56 ftp1 proftpd[90] `; date and host may be switched off
/// (`LogOptions`), and the process may be called by its role. Where syslog names the program, only a line with a date of its
/// own is one of these: a server that runs in the foreground writes it to journald.
fn head(line: &[u8], is_tagged: bool) -> Option<Head<'_>> {
    let dated = date(line);
    if dated.is_none() && is_tagged {
        return None;
    }
    let (stamp, rest) = dated.unwrap_or((Stamp::None, line));
    let is_dated = dated.is_some();
    if let Some((pid, rest)) = label(rest, is_dated) {
        return finish(stamp, pid, rest, is_dated);
    }
    let (_, rest_of_host) = envelope::word(rest)?;
    if let Some((pid, rest)) = label(rest_of_host, is_dated) {
        return finish(stamp, pid, rest, is_dated);
    }
    // The logs of modules and of tracing name no host.
    if let Some((pid, rest)) = rest.strip_prefix(b"[").filter(|_| is_dated).and_then(number) {
        return rest.starts_with(b" <").then_some(Head {
            kind: Kind::Module,
            stamp,
            pid,
            rest,
        });
    }
    let name = rest.strip_prefix(b"mod_").filter(|_| is_dated)?;
    let open = memchr::memchr(b'[', name).filter(|open| *open < 48)?;
    let (pid, rest) = number(name.get(open + 1..)?)?;
    let kind = if name.starts_with(b"tls/") { Kind::Tls } else { Kind::Module };
    let rest = rest.strip_prefix(b":")?;
    Some(Head {
        kind,
        stamp,
        pid,
        rest: rest.strip_prefix(b" ").unwrap_or(rest),
    })
}

/// Without a date, only what names a client is known for a line of ProFTPD.
fn finish(stamp: Stamp, pid: u32, rest: &[u8], is_dated: bool) -> Option<Head<'_>> {
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    (is_dated || session(rest).is_some()).then_some(Head {
        kind: Kind::Server,
        stamp,
        pid,
        rest,
    })
}

/// `proftpd[90]`; by its role (`LogOptions +RoleBasedProcessLabels`) `session[90]` or `daemon[90]`.
fn label(text: &[u8], is_dated: bool) -> Option<(u32, &[u8])> {
    let names: [&[u8]; 3] = [b"proftpd[", b"session[", b"daemon["];
    let allowed = if is_dated { 3 } else { 1 };
    let rest = names.iter().take(allowed).find_map(|name| text.strip_prefix(*name))?;
    number(rest)
}

/// `90]`, and what follows.
fn number(text: &[u8]) -> Option<(u32, &[u8])> {
    let end = text.iter().take(11).position(|b| *b == b']')?;
    let pid = u32::try_from(envelope::number(text.get(..end)?)?).ok()?;
    Some((pid, text.get(end + 1..)?))
}

/// `2026-11-22 08:16:56,120 ` or `Nov 22 08:16:56 `.
fn date(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let (stamp, rest) = match line.first()? {
        b'0'..=b'9' => envelope::blank_date(line).or_else(|| envelope::foreign_syslog_date(line))?,
        _ => envelope::syslog_date(line)
            .or_else(|| envelope::foreign_syslog_date(line))
            .or_else(|| foreign_date(line))?,
    };
    Some((stamp, rest.strip_prefix(b" ")?))
}

/// The same where the month is in a language that is not known here: no time can be told from it.
fn foreign_date(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let (month, rest) = envelope::word(line)?;
    let (day, rest) = envelope::word(rest)?;
    let (time, after) = rest.split_first_chunk::<8>()?;
    let is_day = envelope::number(day).is_some_and(|day| (1..=31).contains(&day));
    let &[_, _, b':', _, _, b':', _, _] = time else {
        return None;
    };
    let is_month = (3..=12).contains(&month.len()) && !month.iter().any(u8::is_ascii_digit);
    (is_day && is_month).then_some((Stamp::None, after))
}

/// A session's line, behind the server's name.
struct Session<'b> {
    address: &'b [u8],
    message: &'b [u8],
}

/// `ftp1.example (c.example[192.0.2.7]): message`, in syslog with ` - ` instead of `: `. The server's name may be missing.
/// No name has a blank or a bracket in it.
fn session(text: &[u8]) -> Option<Session<'_>> {
    let open = memchr::memchr(b'(', text)?;
    let name = text.get(..open)?;
    if name.trim_ascii().contains(&b' ') {
        return None;
    }
    let inside = text.get(open + 1..)?;
    let start = memchr::memchr(b'[', inside)?;
    let address = inside.get(start + 1..)?;
    let end = memchr::memchr(b']', address)?;
    let is_name = |b: &u8| *b != b' ' && *b != b')';
    if !inside.get(..start)?.iter().all(is_name) || !address.get(..end)?.iter().all(is_name) {
        return None;
    }
    let rest = address.get(end..)?.strip_prefix(b"])")?;
    let message = rest.strip_prefix(b": ").or_else(|| rest.strip_prefix(b" - "))?;
    Some(Session {
        address: address.get(..end)?,
        message,
    })
}

fn read<'b>(line: &Bare<'b>, pid: u32, text: &'b [u8]) -> Read<'b> {
    let Some(session) = session(text) else {
        if proftpd_ext::is_known(text) {
            return Read::Unrecognised;
        }
        return Read::Ignored(if is_pam(text) { "a message of PAM about a login" } else { DAEMON });
    };
    told(messages::said(session.message), line, pid, session.address)
}

fn told<'b>(said: Result<Said<'b>, &'static str>, line: &Bare<'b>, pid: u32, client: &'b [u8]) -> Read<'b> {
    match said {
        Ok(said) => Read::Taken(Record {
            stamp: line.stamp,
            number: pid,
            client,
            user: said.user,
            times: line.times,
            fact: said.fact,
            implied: said.implied,
        }),
        Err(reason) => Read::Ignored(reason),
    }
}

fn is_pam(text: &[u8]) -> bool {
    let words: [&[u8]; 5] = [b"pam_", b"PAM", b"authentication failure;", b"check pass;", b"session "];
    words.iter().any(|word| text.starts_with(word))
}

#[cfg(test)]
mod tests;
