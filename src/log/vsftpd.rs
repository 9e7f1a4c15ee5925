//! vsftpd's own log, to a file or through syslog, with or without `log_ftp_protocol`.
//!
//! One line becomes one [`Record`] here; `follow` finds out which of the
//! three processes of a session wrote it. vsftpd escapes nothing: it replaces
//! what is not printable by `?` (in a file) and quotes texts without touching
//! the quotes in them, so texts are read from the right end of the line.
//! A line that is not written by `vsf_log_*` is told by name and passed over.

mod follow;
mod quick;

use std::borrow::Cow;

use crate::ftp::{ReplyCode, TransferRecord, Uncounted, Vantage, Verb, grammar};
use crate::limits;
use crate::log::{
    Bare, Description, Fact, Follow, Format, Implied, Lines, Read, Record, Sample, envelope,
};
use crate::time::Stamp;

/// The format.
pub static FORMAT: Vsftpd = Vsftpd;

/// vsftpd's own log.
#[derive(Debug)]
pub struct Vsftpd;

static DESCRIPTION: Description = Description {
    name: "vsftpd",
    title: "vsftpd's own log, as a file or in syslog",
    source: "vsftpd 3.0.5 logging.c",
    vantage: Vantage::ServerLog,
    gaps: &[
        "commands and replies, without log_ftp_protocol=YES",
        "the end of sessions, without log_ftp_protocol=YES",
        "in syslog: what is said before the login",
        "ports",
        "letters beyond ASCII in names",
    ],
    samples: &[
        Sample {
            lines: "Sun Nov 22 08:16:55 2026 [pid 501] CONNECT: Client \"::ffff:192.0.2.7\"\n\
                    Sun Nov 22 08:16:56 2026 [pid 500] [alice] FAIL LOGIN: Client \"::ffff:192.0.2.7\"",
            events: "introduced 192.0.2.7; opened; login alice refused; 530 implied by FAIL LOGIN; closed input-ended",
        },
        Sample {
            lines: "Sun Nov 22 08:16:56 2026 [pid 500] [ftp] OK LOGIN: Client \"192.0.2.7\", anon password \"x@y.example\"\n\
                    Sun Nov 22 08:16:57 2026 [pid 502] [ftp] OK DOWNLOAD: Client \"192.0.2.7\", \"/a, \"b\".txt\", 260 bytes, 5.39Kbyte/sec",
            events: "introduced 192.0.2.7 ftp; login ftp accepted; 230 implied by OK LOGIN; RETR /a, \"b\".txt 260 complete; \
                     226 implied by OK DOWNLOAD; closed input-ended",
        },
        Sample {
            lines: "Sun Nov 22 08:16:55 2026 [pid 501] FTP command: Client \"192.0.2.7\", \"PASS <password>\"\n\
                    Sun Nov 22 08:16:55 2026 [pid 501] FTP response: Client \"192.0.2.7\", \"530 Login incorrect.\"",
            events: "introduced 192.0.2.7; PASS secret; 530 Login incorrect.; closed input-ended",
        },
        Sample {
            lines: "Nov 22 08:16:55 ftp1 vsftpd[502]: [bob] OK CHMOD: Client \"2001:db8::7\", \"/a 600\"",
            events: "introduced 2001:db8::7 bob; SITE CHMOD 600 /a; 200 implied by OK CHMOD; closed input-ended",
        },
    ],
};

impl Format for Vsftpd {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        match line.tag {
            None => native(whole(line.message)),
            Some(b"vsftpd") => syslog(line),
            Some(_) => Read::Unrecognised,
        }
    }

    fn read_run(&self, lines: &mut Lines<'_>) {
        let mut repeated = quick::Repeated::default();
        lines.take_while(|line| quick::record(line, &mut repeated));
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(follow::Following::default())
    }
}

/// Without the blanks that some hands a line goes through leave behind its closing quote.
fn whole(line: &[u8]) -> &[u8] {
    let trimmed = line.trim_ascii_end();
    if trimmed.ends_with(b"\"") { trimmed } else { line }
}

/// `Sun Nov 22 08:16:55 2026 [pid 501] ` and a message.
fn native(line: &[u8]) -> Read<'_> {
    let Some((stamp, rest)) = envelope::ctime(line) else {
        // A text that held a line end (SUSE does not replace it) goes on for one more line: its closing quote.
        return match line {
            b"\"" => Read::Ignored("the end of a text with a line end in it"),
            _ => glued(line).or_else(|| undated(line)).unwrap_or(Read::Unrecognised),
        };
    };
    if let Some((pid, message)) = process(rest)
        && let Some(read) = message_of(stamp, pid, message)
    {
        return read;
    }
    match glued(rest) {
        Some(read) => read,
        // `die()` of SUSE's build writes `date vsftpd [pid 1]: "" from "address": text` (no line end follows).
        None if rest.starts_with(b" vsftpd [pid ") => {
            Read::Ignored("a message of the server about itself")
        }
        None => Read::Unrecognised,
    }
}

/// A record in mid-line, behind a message that had no line end.
fn glued(line: &[u8]) -> Option<Read<'_>> {
    const DATE: usize = "Sun Nov 22 08:16:55 2026".len();
    let marks = memchr::memmem::find_iter(line, b" [pid ");
    marks.take(limits::LOG_NAME_ENDS).find_map(|mark| {
        let (stamp, rest) = envelope::ctime(line.get(mark.checked_sub(DATE)?..)?)?;
        let (pid, message) = process(rest)?;
        message_of(stamp, pid, message)
    })
}

/// What is left of a line without its date, and perhaps without its process: people cut it off where they show a log.
fn undated(line: &[u8]) -> Option<Read<'_>> {
    let (pid, text) = numbered(line).unwrap_or((0, line));
    message_of(Stamp::None, pid, text)
}

/// ` [pid 501] `
fn process(rest: &[u8]) -> Option<(u32, &[u8])> {
    let rest = rest.strip_prefix(b" [pid ")?;
    let end = memchr::memchr(b']', rest.get(..12).unwrap_or(rest))?;
    let pid = u32::try_from(envelope::number(rest.get(..end)?)?).ok()?;
    Some((pid, rest.get(end..)?.strip_prefix(b"] ")?))
}

fn syslog<'b>(line: &Bare<'b>) -> Read<'b> {
    let (pid, text) = numbered(line.message).unwrap_or((line.pid.unwrap_or(0), line.message));
    if let Some(read) = message_of(line.stamp, pid, text) {
        return read;
    }
    if text.starts_with(b"pam_")
        || text.starts_with(b"(pam_")
        || text.starts_with(b"authentication failure;")
    {
        // PAM and vsftpd both write about one login.
        return Read::Ignored("a message of PAM about a login");
    }
    Read::Ignored("a message of the server about itself")
}

/// `[pid 501] `, where a forwarder took off no more of a file's line than the date. Without a user only these events are
/// written (logging.c), so `[pid 501] OK …` is what a user of that name did.
fn numbered(message: &[u8]) -> Option<(u32, &[u8])> {
    let rest = message.strip_prefix(b"[pid ")?;
    let end = memchr::memchr(b']', rest.get(..12).unwrap_or(rest))?;
    let pid = u32::try_from(envelope::number(rest.get(..end)?)?).ok()?;
    let rest = rest.get(end..)?.strip_prefix(b"] ")?;
    let starts: [&[u8]; 5] = [b"[", b"CONNECT: ", b"FTP command: ", b"FTP response: ", b"DEBUG: "];
    starts.iter().any(|start| rest.starts_with(start)).then_some((pid, rest))
}

/// `[user] event: Client "address"…`. The user's name is written as it came, so the first place that fits ends it.
fn message_of(stamp: Stamp, pid: u32, message: &[u8]) -> Option<Read<'_>> {
    let Some(inside) = message.strip_prefix(b"[") else {
        return event(stamp, pid, None, message);
    };
    let mut ends = memchr::memchr_iter(b']', inside).take(limits::LOG_NAME_ENDS);
    ends.find_map(|end| {
        let (user, rest) = inside.split_at_checked(end)?;
        event(stamp, pid, Some(user), rest.strip_prefix(b"] ")?)
    })
}

/// True for the bytes of addresses and host names, and of what people put in their place before they show a log.
static HOST_BYTES: [bool; 256] = {
    let mut is_host = [false; 256];
    let mut letters: &[u8] =
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:.-%_<>*#";
    while let Some((letter, rest)) = letters.split_first() {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        (is_host[*letter as usize] = true);
        letters = rest;
    }
    is_host
};

fn event<'b>(stamp: Stamp, pid: u32, user: Option<&'b [u8]>, text: &'b [u8]) -> Option<Read<'b>> {
    let end = match text {
        [b'F', b'T', b'P', b' ', b'r', ..] => b"FTP response".len(),
        [b'F', b'T', b'P', b' ', b'c', ..] => b"FTP command".len(),
        _ => text.iter().take(16).position(|b| *b == b':')?,
    };
    let (name, rest) = text.split_at_checked(end)?;
    let rest = rest.strip_prefix(b": Client \"")?;
    let quote = memchr::memchr(b'"', rest)?;
    let (client, rest) = (rest.get(..quote)?, rest.get(quote + 1..)?);
    let is_host = |b: &u8| HOST_BYTES.get(usize::from(*b)) == Some(&true);
    if !client.iter().all(is_host) || !(rest.is_empty() || rest.starts_with(b", ")) {
        return None;
    }
    let (fact, implied) = match name {
        b"FTP response" => (reply(quoted(rest)?), None),
        // A line of NUL or control bytes leaves no text.
        b"FTP command" if rest.is_empty() => return Some(Read::Ignored("an empty command")),
        b"FTP command" => match grammar::command(without_telnet(quoted(rest)?.0)) {
            Some(command) => (Fact::Command(command), None),
            None => return Some(Read::Ignored("an empty command")),
        },
        b"CONNECT" => opened(rest),
        b"DEBUG" => return Some(Read::Ignored("a debug message")),
        _ => outcome(name, rest)?,
    };
    Some(Read::Taken(Record {
        stamp,
        number: pid,
        client,
        user,
        times: 1,
        fact,
        implied,
    }))
}

/// `, "text"` as text, and whether its closing quote is there. A text with a line end in it has the quote on the next line.
fn quoted(rest: &[u8]) -> Option<(&[u8], bool)> {
    let text = rest.strip_prefix(b", \"")?;
    Some(match text.strip_suffix(b"\"") {
        Some(text) => (text, true),
        None => (text, false),
    })
}

/// A reply is logged as it is sent, in pieces (`vsf_cmdio_write_raw`); CR LF at the end of a piece shows as `??`, or as
/// `#015#012` where rsyslog escaped it.
fn reply((text, is_closed): (&[u8], bool)) -> Fact<'_> {
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let has_code =
        ReplyCode::from_digits(text).is_some() && matches!(text.get(3), Some(b' ' | b'-'));
    if has_code {
        return Fact::Reply {
            text,
            ends_line: true,
        };
    }
    let cut = text
        .strip_suffix(b"??")
        .or_else(|| text.strip_suffix(b"#015#012"))
        .or_else(|| text.strip_suffix(b"#012"));
    match cut {
        Some(text) => Fact::Reply {
            text,
            ends_line: true,
        },
        None => Fact::Reply {
            text,
            ends_line: !is_closed,
        },
    }
}

/// `CONNECT: …, "Connection refused: too many sessions."`: 421 is sent (prelogin.c, three texts).
fn opened(rest: &[u8]) -> (Fact<'_>, Option<Implied>) {
    let refused = rest.starts_with(b", \"Connection refused");
    let implied = refused
        .then(|| Implied::new(421, "Connection refused"))
        .flatten();
    (Fact::Opened { refused }, implied)
}

/// The replies that a transfer without success may have had (postlogin.c): one that moved something was broken off.
fn failed_transfer(verb: Verb, has_moved: bool) -> Option<&'static Uncounted> {
    static BROKEN_UPLOAD: Uncounted = Uncounted::one_of(&[421, 426, 451], "FAIL UPLOAD with bytes");
    static BROKEN_DOWNLOAD: Uncounted = Uncounted::one_of(&[421, 426, 451], "FAIL DOWNLOAD with bytes");
    static UPLOAD: Uncounted = Uncounted::one_of(&[421, 425, 426, 451, 522, 550, 553], "FAIL UPLOAD");
    static DOWNLOAD: Uncounted = Uncounted::one_of(&[421, 425, 426, 451, 522, 550], "FAIL DOWNLOAD");
    match (verb, has_moved) {
        (Verb::STOR, true) => Some(&BROKEN_UPLOAD),
        (Verb::STOR, false) => Some(&UPLOAD),
        (Verb::RETR, true) => Some(&BROKEN_DOWNLOAD),
        (Verb::RETR, false) => Some(&DOWNLOAD),
        _ => None,
    }
}

/// The messages about a command that is over (`vsf_log_do_log`), with the reply where there is only one that fits,
/// or those that do (postlogin.c, prelogin.c).
fn outcome<'b>(name: &[u8], rest: &'b [u8]) -> Option<(Fact<'b>, Option<Implied>)> {
    #[rustfmt::skip]
    let (verb, code, by) = match name {
        b"OK LOGIN"      => ("",     230, "OK LOGIN"),
        b"FAIL LOGIN"    => ("",     530, "FAIL LOGIN"),
        b"OK UPLOAD"     => ("STOR", 226, "OK UPLOAD"),
        b"FAIL UPLOAD"   => ("STOR",   0, "FAIL UPLOAD"),
        b"OK DOWNLOAD"   => ("RETR", 226, "OK DOWNLOAD"),
        b"FAIL DOWNLOAD" => ("RETR",   0, "FAIL DOWNLOAD"),
        b"OK MKDIR"      => ("MKD",  257, "OK MKDIR"),
        b"FAIL MKDIR"    => ("MKD",  550, "FAIL MKDIR"),
        b"OK RMDIR"      => ("RMD",  250, "OK RMDIR"),
        b"FAIL RMDIR"    => ("RMD",  550, "FAIL RMDIR"),
        b"OK DELETE"     => ("DELE", 250, "OK DELETE"),
        b"FAIL DELETE"   => ("DELE", 550, "FAIL DELETE"),
        b"OK RENAME"     => ("RNTO", 250, "OK RENAME"),
        b"FAIL RENAME"   => ("RNTO", 550, "FAIL RENAME"),
        b"OK CHMOD"      => ("SITE", 200, "OK CHMOD"),
        b"FAIL CHMOD"    => ("SITE", 550, "FAIL CHMOD"),
        _ => return None,
    };
    let implied = Implied::new(code, by);
    let is_ok = by.starts_with("OK");
    if verb.is_empty() {
        // An anonymous user's password or Red Hat's reason follows; neither is kept. A second `Client` here means that
        // the user's name was made to look like the end of itself.
        let is_forged = memchr::memmem::find(rest, b": Client \"").is_some();
        let fact = Fact::Login { accepted: is_ok, reason: b"" };
        return (!is_forged).then_some((fact, implied));
    }
    let verb = Verb::new(verb.as_bytes());
    let (path, bytes) = path(rest, matches!(verb, Verb::STOR | Verb::RETR))?;
    let argument = match verb {
        // `/path 600`
        Verb::SITE => {
            let (path, mode) = path.split_at_checked(memchr::memrchr(b' ', path)?)?;
            Cow::Owned([b"CHMOD", mode, b" ", path].concat())
        }
        // `/from /to` in one text; names may hold blanks, but what is renamed to starts at the root.
        Verb::RNTO => {
            let at = memchr::memmem::rfind(path, b" /").map_or(0, |at| at + 1);
            Cow::Borrowed(path.get(at..)?)
        }
        Verb::STOR | Verb::RETR => {
            let transfer = TransferRecord {
                verb,
                path,
                // vsftpd writes no number for none.
                bytes: Some(bytes.unwrap_or(0)),
                complete: Some(is_ok),
            };
            let implied = implied.or_else(|| failed_transfer(verb, bytes.is_some()).map(Implied::Uncounted));
            return Some((Fact::Transfer(transfer), implied));
        }
        _ => Cow::Borrowed(path),
    };
    Some((Fact::Done { verb, argument }, implied))
}

/// `, "path", 260 bytes, 5.39Kbyte/sec`, from the right.
fn path(rest: &[u8], has_rate: bool) -> Option<(&[u8], Option<u64>)> {
    let mut rest = rest.strip_prefix(b", \"")?;
    if has_rate {
        let rate = rest.strip_suffix(b"Kbyte/sec")?;
        let comma = memchr::memrchr(b',', rate)?;
        let is_number = |b: &u8| b.is_ascii_digit() || *b == b'.';
        if !rate.get(comma + 2..)?.iter().all(is_number) {
            return None;
        }
        rest = rest.get(..comma)?;
    }
    let mut bytes = None;
    if let Some(count) = rest.strip_suffix(b" bytes")
        && let Some(comma) = memchr::memmem::rfind(count, b"\", ")
        && let Some(number) = envelope::number(count.get(comma + 3..)?)
    {
        bytes = Some(number);
        rest = rest.get(..=comma)?;
    }
    Some((rest.strip_suffix(b"\"")?, bytes))
}

/// vsftpd writes `?` for each byte that is no printable ASCII: an ABOR behind Telnet's IP and DM is `????ABOR`.
fn without_telnet(command: &[u8]) -> &[u8] {
    let start = command.iter().position(|b| *b != b'?').unwrap_or(0);
    command.get(start..).unwrap_or(command)
}

#[cfg(test)]
mod tests;
