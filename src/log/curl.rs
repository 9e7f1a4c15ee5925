//! What curl shows with `-v`, `--trace-ascii` and `--trace`.
//!
//! `-v` marks commands `> `, replies `< ` and its own messages `* `; its progress meter may stand in front of them on one
//! line. A trace prints what was sent in rows, behind a line that says by whom. Both may have the time of day; without a
//! date that is no time. curl shows other protocols in the same way, and does not show its QUIT.

use std::borrow::Cow;

use crate::ftp::{End, Endpoint, Side, TlsVersion, Vantage, grammar};
use crate::log::transcript::{self, Aside, Row};
use crate::log::{Bare, Description, Fact, Follow, Format, Read, Sample, envelope};

/// The format.
pub static FORMAT: Curl = Curl;

/// curl's messages.
#[derive(Debug)]
pub struct Curl;

static DESCRIPTION: Description = Description {
    name: "curl",
    title: "curl -v and --trace",
    source: "curl 7.20 to 8.10 src/tool_cb_dbg.c, lib/ftp.c, lib/connect.c, and its messages",
    vantage: Vantage::ClientLog,
    gaps: &[
        "the client's address",
        "the date; without --trace-time all of the time",
        "the QUIT at the end and its reply",
        "bytes moved",
    ],
    samples: &[
        Sample {
            lines: "*   Trying 192.0.2.10:21...\n\
                    * Connected to ftp.example.com (192.0.2.10) port 21 (#0)\n\
                    < 220-Hello\n\
                    < 220 Ready\n\
                    > USER alice\n\
                    < 331 Password required\n\
                    > PASS hunter2\n\
                    < 530 Login incorrect.\n\
                    * Access denied: 530\n\
                    * Closing connection 0\n\
                    curl: (67) Access denied: 530",
            events: "introduced; opened; 220 Hello\nReady; USER alice; 331 Password required; PASS secret; \
                     530 Login incorrect.; closed fin by client",
        },
        Sample {
            lines: "08:16:55.100000 == Info:   Trying 192.0.2.10:21...\n\
                    08:16:55.200000 <= Recv header, 11 bytes (0xb)\n\
                    0000: 220 Ready\n\
                    08:16:55.200000 => Send header, 12 bytes (0xc)\n\
                    0000: PASS hunter2\n\
                    08:16:55.300000 <= Recv header, 81 bytes (0x51)\n\
                    0000: 230 A long reply, of which the dump has more than one row, as th\n\
                    0040: is one has.\n\
                    08:16:55.400000 == Info: Connection #0 to host 192.0.2.10 left intact",
            events: "introduced; opened; 220 Ready; PASS secret; \
                     230 A long reply, of which the dump has more than one row, as this one has.; closed input-ended",
        },
    ],
};

impl Format for Curl {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        let Some(text) = without_meter(line.message) else {
            return Read::Ignored("the progress meter");
        };
        match fact(without_time(text)) {
            Some(Ok(fact)) => Read::Taken(transcript::record(fact)),
            Some(Err(reason)) => Read::Ignored(reason),
            None => transcript::of_terminal(text).map_or(Read::Unrecognised, Read::Ignored),
        }
    }

    /// The same marks stand before HTTP: a reply of FTP, or its port, must be there.
    fn knows(&self, head: &[u8]) -> bool {
        super::first_lines(head).any(|line| {
            let text = without_meter(Bare::read(line).message).map(without_time).unwrap_or_default();
            let is_reply = |mark: &[u8]| text.strip_prefix(mark).is_some_and(|t| grammar::reply_line(t).is_some());
            let has = |part: &str| memchr::memmem::find(text, part.as_bytes()).is_some();
            is_reply(b"< ")
                || row(text).is_some_and(|row| grammar::reply_line(row.bytes.trim_ascii_end()).is_some())
                || (info(text).is_some() && (has(":21...") || has(" port 21 ") || has(" port 21:") || has("FTP response")))
        })
    }

    fn is_for_whole_files(&self) -> bool {
        true
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(transcript::Following::default())
    }
}

/// The shortest row of the meter.
const METER_BYTES: usize = 60;

/// Without the rows of the progress meter in front; `None` where nothing else is there.
fn without_meter(line: &[u8]) -> Option<&[u8]> {
    let is_heading = |l: &[u8]| l.starts_with(b"  % Total ") || l.trim_ascii_start().starts_with(b"Dload  Upload");
    if is_heading(line) {
        return None;
    }
    let has_meter = memchr::memchr(b'\r', line).is_some();
    let last = line.rsplit(|b| *b == b'\r').next().unwrap_or(line);
    let length = last.iter().take_while(|b| b" 0123456789:-.kMGTP".contains(b)).count();
    if length < METER_BYTES || !matches!(last.first(), Some(b' ' | b'0'..=b'9')) {
        return (!has_meter || !last.is_empty()).then_some(last);
    }
    last.get(length..).filter(|rest| !rest.is_empty())
}

/// Without `08:16:55.123456 ` and, since 8.x, `[0-0] `.
fn without_time(text: &[u8]) -> &[u8] {
    let is_time = |t: &[u8]| t.len() == 15 && t.get(2) == Some(&b':') && t.get(8) == Some(&b'.');
    let rest = match envelope::word(text) {
        Some((word, rest)) if is_time(word) && word.first().is_some_and(u8::is_ascii_digit) => rest,
        _ => text,
    };
    match envelope::word(rest) {
        Some((word, after)) if word.starts_with(b"[") && word.ends_with(b"]") && word.len() < 16 => after,
        _ => rest,
    }
}

/// One of curl's own messages.
fn info(text: &[u8]) -> Option<&[u8]> {
    text.strip_prefix(b"* ").or_else(|| text.strip_prefix(b"== Info: "))
}

fn fact(text: &[u8]) -> Option<Result<Fact<'_>, &'static str>> {
    const OTHER: &str = "a message of the client about a session";
    if let Some(said) = text.strip_prefix(b"< ") {
        if said.starts_with(b"HTTP/") {
            return Some(Err("another protocol"));
        }
        return Some(Ok(transcript::said(said)));
    }
    if let Some(sent) = text.strip_prefix(b"> ") {
        return Some(command(sent));
    }
    if let Some(words) = info(text) {
        return Some(message(words).map(Fact::Client).ok_or(OTHER));
    }
    if let Some(row) = row(text) {
        return Some(Ok(match grammar::command(&row.bytes) {
            // The secret ends here. As the server's words such a row is no loss: it is inside a list of commands.
            Some(command) if command.is_secret() && row.bytes.first().is_some_and(u8::is_ascii_alphabetic) && is_verb(&row.bytes) => {
                Fact::Command(crate::ftp::Command::new(command.verb, None))
            }
            _ => Fact::Client(Aside::Row(row)),
        }));
    }
    if let Some(direction) = text.strip_prefix(b"<= Recv ").or_else(|| text.strip_prefix(b"=> Send ")) {
        let side = if text.starts_with(b"<") { Side::Server } else { Side::Client };
        let is_control = direction.starts_with(b"header");
        return Some(Ok(Fact::Client(Aside::Sender(is_control.then_some(side)))));
    }
    let starts: [&[u8]; 8] = [b"{ [", b"} [", b"curl: (", b"Warning: ", b"Note: ", b"Last-Modified: ", b"Content-Length: ", b"Accept-ranges: "];
    starts.iter().any(|start| text.starts_with(start)).then_some(Err(OTHER))
}

fn is_verb(line: &[u8]) -> bool {
    let word = line.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    (3..=8).contains(&word.len()) && word.iter().all(u8::is_ascii_alphabetic)
}

fn command(text: &[u8]) -> Result<Fact<'_>, &'static str> {
    if memchr::memmem::find(text, b" HTTP/").is_some() || !is_verb(text) {
        return Err("another protocol");
    }
    grammar::command(text).map(Fact::Command).ok_or("an empty command")
}

/// `0040: text`, or in `--trace` `0010: 35 35 30 …`.
fn row(text: &[u8]) -> Option<Row<'_>> {
    let colon = memchr::memchr(b':', text.get(..9).unwrap_or(text)).filter(|at| *at >= 4)?;
    let (digits, rest) = (text.get(..colon)?, text.get(colon + 1..)?.strip_prefix(b" ")?);
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let place = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    let bytes = hexadecimal(rest).map_or(Cow::Borrowed(rest), Cow::Owned);
    Some(Row { place, bytes })
}

/// Sixteen pairs of digits or blanks, and as many characters as there are pairs.
fn hexadecimal(rest: &[u8]) -> Option<Vec<u8>> {
    let (pairs, shown) = rest.split_at_checked(48)?;
    let mut bytes = Vec::with_capacity(16);
    for group in pairs.chunks(3) {
        let &[high, low, b' '] = group else {
            return None;
        };
        if group == b"   " {
            continue;
        }
        let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
        bytes.push(digit(high)? * 16 + digit(low)?);
    }
    (!bytes.is_empty() && bytes.len() == shown.len()).then_some(bytes)
}

fn message(words: &[u8]) -> Option<Aside<'_>> {
    let text = words.trim_ascii_start();
    let has = |part: &str| memchr::memmem::find(text, part.as_bytes()).is_some();
    if let Some(server) = text.strip_prefix(b"Trying ") {
        let end = memchr::memmem::find(server, b"...").unwrap_or(server.len());
        return Some(Aside::Connecting(transcript::endpoint(server.get(..end)?)));
    }
    if text.starts_with(b"Connected to ") || text.starts_with(b"Established connection to ") {
        return Some(Aside::Connected(in_brackets(text)));
    }
    if let Some(rest) = text.strip_prefix(b"connect to ") {
        let server = spelled(rest);
        return has(" failed: ").then(|| transcript::fate(text)).flatten().map(|fate| Aside::Failed(fate, server));
    }
    if text.starts_with(b"Failed to connect to ") || text.starts_with(b"Connection timed out after") || text.starts_with(b"Connection timeout after") {
        return transcript::fate(text).map(|fate| Aside::Failed(fate, None));
    }
    secured(text).or_else(|| ending(text))
}

/// `SSL connection using TLSv1.3 / …`, `TLS 1.2 connection using …` (Secure Transport)
fn secured(text: &[u8]) -> Option<Aside<'_>> {
    let version = if let Some(rest) = text.strip_prefix(b"SSL connection using ") {
        rest.split(|b| *b == b' ').next().and_then(TlsVersion::named)
    } else {
        let at = memchr::memmem::find(text, b" connection using ")?;
        let words = text.get(..at).filter(|words| words.starts_with(b"TLS "))?;
        TlsVersion::named(&words.split(|b| *b == b' ').collect::<Vec<_>>().concat())
    };
    Some(Aside::Secured(version))
}

fn ending(text: &[u8]) -> Option<Aside<'_>> {
    let has = |part: &str| memchr::memmem::find(text, part.as_bytes()).is_some();
    let has_small = |part: &str| has(part) || text.to_ascii_lowercase().starts_with(part.as_bytes());
    if has("left intact") {
        return Some(Aside::AtRest);
    }
    if has_small("closing connection") || has_small("shutting down connection") {
        return (!has("partial download")).then_some(Aside::Closed(End::Fin, Some(Side::Client)));
    }
    if has("Connection reset by peer") || has("ECONNRESET") {
        return Some(Aside::Closed(End::Reset, Some(Side::Server)));
    }
    if has("response reading failed") || has("control connection looks dead") {
        return Some(Aside::Closed(End::Fin, Some(Side::Server)));
    }
    if has("FTP response timeout") || has("Operation timed out") || has("Operation too slow") {
        return Some(Aside::GivenUp);
    }
    if has("Accept timeout occurred") {
        return Some(Aside::DataFailed(crate::ftp::Fate::Unanswered));
    }
    let is_tls = has("SSL certificate problem")
        || has("SSL_connect")
        || has("SSL_ERROR")
        || has(":SSL routines:")
        || has("TLS connect error")
        || has("gnutls_handshake() failed")
        || has("no alternative certificate subject name matches")
        || (text.starts_with(b"schannel: ") && has("failed"));
    is_tls.then_some(Aside::TlsFailed)
}

/// `ftp.example.com (192.0.2.10) port 21`, `ftp.example.com (192.0.2.10 port 21)`
fn in_brackets(text: &[u8]) -> Option<Endpoint> {
    let open = memchr::memchr(b'(', text)?;
    spelled(text.get(open + 1..)?)
}

/// `192.0.2.10 port 21`, with or without a bracket in between.
fn spelled(text: &[u8]) -> Option<Endpoint> {
    let mut words = text.split(|b| b" )".contains(b)).filter(|word| !word.is_empty());
    let mut server = transcript::endpoint(words.next()?)?;
    if words.next()? == b"port" {
        let port = words.next().unwrap_or_default();
        server.port = transcript::number(port.strip_suffix(b":").unwrap_or(port));
    }
    Some(server)
}

#[cfg(test)]
mod tests;
