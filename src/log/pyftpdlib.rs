//! pyftpdlib's log, at its levels INFO and DEBUG.
//!
//! Every line of a session begins with the client's address and port, which tell the sessions apart for certain. At DEBUG
//! every command stands there, and every reply by its last line. At INFO a log knows logins, transfers, a few commands
//! with their replies' codes, and how a session ended. The words around a line are the business of Python's `logging`:
//! lines are known by the address.

mod follow;

use std::borrow::Cow;

use crate::ftp::{End, ReplyCode, TransferRecord, Vantage, Verb, grammar};
use crate::log::{
    Bare, Description, Fact, Follow, Format, Implied, Read, Record, Sample, Exchange, envelope,
};
use crate::time::Stamp;

/// The format.
pub static FORMAT: Pyftpdlib = Pyftpdlib;

/// pyftpdlib's log.
#[derive(Debug)]
pub struct Pyftpdlib;

static DESCRIPTION: Description = Description {
    name: "pyftpdlib",
    title: "pyftpdlib",
    source: "pyftpdlib 0.7 to 2.2 handlers.py and log.py, and logs of 1.0, 1.5 and 2.2",
    vantage: Vantage::ServerLog,
    gaps: &[
        "all but the last line of a reply",
        "at INFO: commands but logins, transfers, CWD, DELE, MKD, RMD, RNFR, RNTO, REIN, MFMT and SITE CHMOD",
        "at INFO: replies but to those commands; refused transfers",
        "the time zone",
    ],
    samples: &[
        Sample {
            lines: "[I 2026-11-22 08:16:54] >>> starting FTP server on 0.0.0.0:21, pid=7 <<<\n\
                    [I 2026-11-22 08:16:55] 192.0.2.7:40000-[] FTP session opened (connect)\n\
                    [I 2026-11-22 08:16:56] 192.0.2.7:40000-[] USER 'bob' failed login.\n\
                    [I 2026-11-22 08:16:57] 192.0.2.7:40000-[alice] USER 'alice' logged in.\n\
                    [I 2026-11-22 08:16:58] 192.0.2.7:40000-[alice] CWD /srv/x y 550 'No such file or directory.'\n\
                    [I 2026-11-22 08:16:59] 192.0.2.7:40000-[alice] STOR /srv/a b.txt completed=1 bytes=12 seconds=0.001\n\
                    [I 2026-11-22 08:17:00] 192.0.2.7:40000-[alice] FTP session closed (disconnect).",
            events: "introduced 192.0.2.7; opened; login bob refused; 530 implied by failed login; login alice accepted; \
                     230 implied by logged in; CWD /srv/x y; 550 No such file or directory.; \
                     STOR /srv/a b.txt 12 complete; 226 implied by completed=1; closed fin",
        },
        Sample {
            lines: "[I 13-02-19 10:55:45] 2001:db8::7:34178-[] FTP session opened (connect)\n\
                    [D 13-02-19 10:55:45] 2001:db8::7:34178-[] -> 220 pyftpdlib 1.0.0 ready.\n\
                    [D 13-02-19 10:55:46] 2001:db8::7:34178-[] <- USER alice\n\
                    [D 13-02-19 10:55:46] 2001:db8::7:34178-[] -> 331 Username ok, send password.\n\
                    [D 13-02-19 10:55:46] 2001:db8::7:34178-[alice] <- PASS ******\n\
                    [D 13-02-19 10:55:46] 2001:db8::7:34178-[alice] -> 230 Login successful.\n\
                    [I 13-02-19 10:55:46] 2001:db8::7:34178-[alice] USER 'alice' logged in.\n\
                    [I 13-02-19 11:00:46] 2001:db8::7:34178-[alice] -> 421 Control connection timed out.\n\
                    [I 13-02-19 11:00:46] 2001:db8::7:34178-[alice] FTP session closed (disconnect).",
            events: "introduced 2001:db8::7; opened; 220 pyftpdlib 1.0.0 ready.; USER alice; \
                     331 Username ok, send password.; PASS secret; 230 Login successful.; \
                     421 Control connection timed out.; closed fin by server",
        },
    ],
};

/// Bytes before the address: the level, the date, and what else `logging` was told to put there.
const PREFIX_BYTES: usize = 160;

impl Format for Pyftpdlib {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        let text = uncoloured(line.message);
        let head = header(text);
        if let Some((client, user, message, before)) = session(text) {
            let stamp = match head {
                Some((stamp, _)) => stamp,
                None => any_date(before).unwrap_or(line.stamp),
            };
            return taken(stamp, client, user, message);
        }
        if let Some((_, rest)) = head {
            return Read::Ignored(match rest.first() {
                Some(b'[') => "a message of the library about itself",
                _ => "a message of the server about itself",
            });
        }
        if is_of_traceback(text) {
            return Read::Ignored("a line of a Python traceback");
        }
        Read::Unrecognised
    }

    fn knows(&self, head: &[u8]) -> bool {
        super::first_lines(head).any(|line| {
            let text = uncoloured(Bare::read(line).message);
            header(text).is_some() || session(text).is_some_and(|(.., message, _)| told(message).is_ok())
        })
    }

    fn is_for_whole_files(&self) -> bool {
        true
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(follow::Following::default())
    }
}

/// Without the colours that are written to a terminal.
fn uncoloured(line: &[u8]) -> &[u8] {
    let Some(rest) = line.strip_prefix(b"\x1b") else {
        return line;
    };
    let end = rest.iter().take(12).position(u8::is_ascii_alphabetic);
    end.and_then(|end| rest.get(end + 1..)).unwrap_or(line)
}

/// `[I 2026-11-22 08:16:55] `, `[I 26-11-22 08:16:55] `, or the first with a process id.
fn header(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let rest = line.strip_prefix(b"[")?;
    let (&[b'I' | b'D' | b'W' | b'E' | b'C', b' '], rest) = rest.split_first_chunk::<2>()? else {
        return None;
    };
    let is_short = rest.get(2) == Some(&b'-');
    let (stamp, rest) = if is_short {
        let date: Vec<u8> = [b"20", rest.get(..17)?].concat();
        (envelope::blank_date(&date)?.0, rest.get(17..)?)
    } else {
        envelope::blank_date(rest)?
    };
    let end = memchr::memchr(b']', rest.get(..16).unwrap_or(rest))?;
    // The colour ends behind the bracket.
    let rest = rest.get(end + 1..)?;
    let rest = rest.strip_prefix(b"\x1b[0m").or_else(|| rest.strip_prefix(b"\x1b(B\x1b[m")).unwrap_or(rest);
    Some((stamp, rest.trim_ascii_start()))
}

/// A date in a prefix of `logging`'s own.
fn any_date(before: &[u8]) -> Option<Stamp> {
    let start = before.iter().position(u8::is_ascii_digit)?;
    envelope::blank_date(before.get(start..)?).map(|(stamp, _)| stamp)
}

/// The client, the user, the message, and what stands before.
type Parts<'b> = (&'b [u8], &'b [u8], &'b [u8], &'b [u8]);

/// The client, the user, the message, and what stands before: `192.0.2.7:40000-[alice] message`, or in old versions
/// `[alice]@192.0.2.7:40000 message`.
fn session(line: &[u8]) -> Option<Parts<'_>> {
    let head = line.get(..PREFIX_BYTES).unwrap_or(line);
    if let Some(dash) = memchr::memmem::find(head, b"-[") {
        let before = line.get(..dash)?;
        let mut start = before.iter().rposition(|b| !is_of_address(*b)).map_or(0, |i| i + 1);
        if start > 0 && before.get(start - 1).is_some_and(u8::is_ascii_alphabetic) {
            // `INFO:pyftpdlib:192.0.2.7:40000`
            start += memchr::memchr(b':', before.get(start..)?)? + 1;
        }
        let client = before.get(start..)?;
        if split_port(client).is_some() {
            let rest = line.get(dash + 2..)?;
            // A user's name may hold the bracket: then it is known by what messages begin with.
            let end = end_of_user(rest)?;
            return Some((client, rest.get(..end)?, rest.get(end + 2..)?, line.get(..start)?));
        }
    }
    let at = memchr::memmem::find(head, b"]@")?;
    let open = memchr::memrchr(b'[', line.get(..at)?)?;
    let (client, message) = envelope::word(line.get(at + 2..)?)?;
    let is_address = !client.is_empty() && client.iter().all(|b| is_of_address(*b));
    is_address.then_some((client, line.get(open + 1..at)?, message, line.get(..open)?))
}

fn is_of_address(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || byte == b'.' || byte == b':' || byte == b'%'
}

/// The place of `] ` behind the user's name.
fn end_of_user(rest: &[u8]) -> Option<usize> {
    let mut ends = memchr::memmem::find_iter(rest, b"] ").take(crate::limits::LOG_NAME_ENDS);
    let first = ends.next()?;
    let is_message = |end: usize| {
        rest.get(end + 2..).is_some_and(|m| m.starts_with(b"-> ") || m.starts_with(b"<- ") || m.starts_with(b"FTP session "))
    };
    if is_message(first) {
        return Some(first);
    }
    Some(ends.find(|end| is_message(*end)).unwrap_or(first))
}

/// The address and the port, which is behind the last colon also of an IPv6 address.
fn split_port(client: &[u8]) -> Option<(&[u8], u16)> {
    let colon = memchr::memrchr(b':', client)?;
    let port = u16::try_from(envelope::number(client.get(colon + 1..)?)?).ok()?;
    let host = client.get(..colon)?;
    (host.len() > 1).then_some((host, port))
}

fn is_of_traceback(line: &[u8]) -> bool {
    let names: [&[u8]; 2] = [b"Error: ", b"Exception: "];
    line.starts_with(b"    ")
        || line.starts_with(b"  File \"")
        || line.starts_with(b"Traceback (most recent call last):")
        || names.iter().any(|name| {
            let word = line.split(|b| *b == b' ').next().unwrap_or_default();
            word.ends_with(name.trim_ascii_end()) && word.first().is_some_and(u8::is_ascii_alphabetic)
        })
}

fn taken<'b>(stamp: Stamp, client: &'b [u8], user: &'b [u8], message: &'b [u8]) -> Read<'b> {
    let (fact, named, implied) = match told(message) {
        Ok(told) => told,
        Err(reason) => return Read::Ignored(reason),
    };
    Read::Taken(Record {
        stamp,
        number: 0,
        client,
        user: named.or(Some(user)).filter(|user| !user.is_empty()),
        times: 1,
        fact,
        implied,
    })
}

type Told<'b> = (Fact<'b>, Option<&'b [u8]>, Option<Implied>);

/// What a message tells, the user that it names, and the reply that it stands for.
fn told(message: &[u8]) -> Result<Told<'_>, &'static str> {
    const OTHER: &str = "a message of the server about a session";
    // Before 1.0 the arrows were longer.
    let said = message.strip_prefix(b"-> ").or_else(|| message.strip_prefix(b"==> "));
    if let Some(text) = said {
        let ends_line = true;
        return Ok((Fact::Reply { text, ends_line }, None, None));
    }
    let sent = message.strip_prefix(b"<- ").or_else(|| message.strip_prefix(b"<== "));
    if let Some(text) = sent {
        let command = grammar::command(text).ok_or("an empty command")?;
        return Ok((Fact::Command(command), None, None));
    }
    if message.starts_with(b"FTP session opened") {
        return Ok((Fact::Opened { refused: false }, None, None));
    }
    if message.starts_with(b"FTP session closed") {
        return Ok((Fact::Closed(End::Fin), None, None));
    }
    if let Some(name) = message.strip_prefix(b"USER '") {
        for (ending, accepted, code, by) in [
            (&b"' logged in."[..], true, 230, "logged in"),
            (b"' failed login.", false, 530, "failed login"),
        ] {
            if let Some(user) = name.strip_suffix(ending) {
                let reason = b"";
                return Ok((Fact::Login { accepted, reason }, Some(user), Implied::new(code, by)));
            }
        }
        return Err(OTHER);
    }
    transfer(message).or_else(|| finished(message)).ok_or(OTHER)
}

/// `RETR /a b.txt completed=1 bytes=12 seconds=0.001`; old versions end behind the path, and say nothing of the outcome.
fn transfer(message: &[u8]) -> Option<Told<'_>> {
    let (word, rest) = envelope::word(message)?;
    let verb = Verb::new(word);
    if !verb.is_transfer() || !word.iter().all(u8::is_ascii_uppercase) {
        return None;
    }
    let (path, complete, bytes) = match memchr::memmem::rfind(rest, b" completed=") {
        Some(at) => {
            let facts = rest.get(at + 11..)?;
            let bytes = memchr::memmem::find(facts, b"bytes=").and_then(|at| facts.get(at + 6..));
            let digits = bytes.and_then(|b| b.split(|b| *b == b' ').next());
            (rest.get(..at)?, Some(facts.first()? == &b'1'), digits.and_then(envelope::number))
        }
        None => (rest, None, None),
    };
    let implied = Implied::new(226, "completed=1").filter(|_| complete == Some(true));
    let record = TransferRecord {
        verb,
        path,
        bytes,
        complete,
    };
    Some((Fact::Transfer(record), None, implied))
}

/// `CWD /x 550 'No such file or directory.'`, `MKD /x 257`
fn finished(message: &[u8]) -> Option<Told<'_>> {
    let word = message.split(|b| *b == b' ').next()?;
    if !(3..=4).contains(&word.len()) || !word.iter().all(u8::is_ascii_uppercase) {
        return None;
    }
    let (head, text) = match message.last() {
        Some(quote @ (b'\'' | b'"')) => {
            let open = memchr::memmem::rfind(message.get(..message.len() - 1)?, &[b' ', *quote])?;
            let text = message.get(open + 2..message.len() - 1)?;
            (message.get(..open)?, unquoted(text))
        }
        _ => (message, Cow::default()),
    };
    let blank = memchr::memrchr(b' ', head)?;
    let code = head.get(blank + 1..).filter(|digits| digits.len() == 3)?;
    let code = ReplyCode::from_digits(code)?;
    let argument = head.get(word.len()..blank)?.trim_ascii_start();
    let mut exchange = Exchange::default();
    exchange.set_command(word, Cow::Borrowed(argument));
    exchange.add_reply(code, text);
    Some((Fact::Exchange(Box::new(exchange)), None, None))
}

/// A text of Python without its backslashes.
fn unquoted(text: &[u8]) -> Cow<'_, [u8]> {
    crate::log::transcript::python::unescaped(text)
}

#[cfg(test)]
mod tests;
