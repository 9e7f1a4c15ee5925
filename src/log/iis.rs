//! The FTP logs of Microsoft IIS: of IIS 4 to 6, and of FTP 7 and later, in W3C's extended format; of IIS 4 to 6 also in
//! Microsoft's own and in the common log format.
//!
//! A line is a finished exchange with its last code; what the server said in words is in no log. `sc-win32-status` and
//! `sc-substatus` say why, and stand in the place of the text, under their names. IIS 4 to 6 count sessions anew with the
//! service (`[135]USER`), write `sent` and `created` for RETR and STOR, and most often no date; since 7 a session has a
//! GUID, and opens and closes in lines of its own, as its data connections do. There `sc-bytes` of a command counts what
//! its reply has, and that of the data connection before it what was moved. Logs of the web, mail and news servers look
//! alike and are not taken.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::catalogue::catalogue;
use crate::ftp::{End, Endpoint, Host, ReplyCode, Uncounted, Vantage, Verb};
use crate::log::header::{Column, Header, Row, Writer};
use crate::log::{
    Bare, Description, Exchange, Follow, Format, Moved, Read, Sample, dialogue, envelope,
};

/// The format.
pub static FORMAT: Iis = Iis;

/// The log of IIS.
#[derive(Debug)]
pub struct Iis;

static DESCRIPTION: Description = Description {
    name: "iis",
    title: "Microsoft IIS FTP",
    source: "Microsoft's documents on FTP logging and sub-status codes (KB 969061), and logs of IIS 4 to 10",
    vantage: Vantage::ServerLog,
    gaps: &[
        "the greeting",
        "replies before the last one of a command (150)",
        "the words of replies",
        "connections without a command, where IIS is older than 7",
        "blanks in names, which can not be told from plus signs",
    ],
    samples: &[
        Sample {
            lines: "#Software: Microsoft Internet Information Services 10.0\n\
                    #Version: 1.0\n\
                    #Date: 2026-11-22 08:16:55\n\
                    #Fields: date time c-ip cs-username s-ip s-port cs-method cs-uri-stem sc-status sc-win32-status sc-substatus x-session x-fullpath\n\
                    2026-11-22 08:16:55 192.0.2.7 - 192.0.2.10 21 ControlChannelOpened - - 0 0 4b1a2cf9-e364-4b1a-ab27-fe9050daa5ea -\n\
                    2026-11-22 08:16:55 192.0.2.7 - 192.0.2.10 21 USER alice 331 0 0 4b1a2cf9-e364-4b1a-ab27-fe9050daa5ea -\n\
                    2026-11-22 08:16:56 192.0.2.7 - 192.0.2.10 21 PASS *** 530 1326 41 4b1a2cf9-e364-4b1a-ab27-fe9050daa5ea -\n\
                    2026-11-22 08:16:57 192.0.2.7 - 192.0.2.10 21 QUIT - 221 0 0 4b1a2cf9-e364-4b1a-ab27-fe9050daa5ea -\n\
                    2026-11-22 08:16:57 192.0.2.7 - 192.0.2.10 21 ControlChannelClosed - - 0 0 4b1a2cf9-e364-4b1a-ab27-fe9050daa5ea -",
            events: "introduced 192.0.2.7; opened; USER alice; 331 ; PASS secret; 530 sc-win32-status 1326 sc-substatus 41; \
                     QUIT; 221 ; closed goodbye",
        },
        Sample {
            lines: "#Software: Microsoft Internet Information Services 6.0\n\
                    #Version: 1.0\n\
                    #Date: 2026-11-22 08:16:55\n\
                    #Fields: time c-ip cs-method cs-uri-stem sc-status sc-win32-status\n\
                    08:16:55 192.0.2.7 [7]USER anonymous 331 0\n\
                    08:16:56 192.0.2.7 [7]PASS hunter2@example.com 230 0\n\
                    08:16:58 192.0.2.7 [7]sent /pub/a+b.txt 550 2\n\
                    08:16:59 192.0.2.7 [7]created c.txt 226 0\n\
                    08:26:59 192.0.2.7 [7]closed - 421 121",
            events: "introduced 192.0.2.7; USER anonymous; 331 ; PASS secret; 230 ; RETR /pub/a b.txt; 550 sc-win32-status 2; \
                     STOR c.txt; 226 ; 421 sc-win32-status 121; closed fin",
        },
    ],
};

/// Columns where the header is in another file: what FTP 7 writes unless told otherwise, what it writes with more of them,
/// and what its forerunners did.
#[rustfmt::skip]
static ASSUMED: [Header; 7] = {
    use Column::{Argument, ClientBytes, ClientIp, ClientPort, Date, FullPath, Method, Other, ServerBytes, ServerIp, ServerPort, Session, Site, Status, Substatus, Time, User, Win32};
    [
        Header::assumed(&[
            Date, Time, ClientIp, User, ServerIp, ServerPort, Method, Argument, Status, Win32, Substatus, Session, FullPath,
        ]),
        Header::assumed(&[
            Date, Time, ClientIp, User, ServerIp, ServerPort, Method, Argument, Status, Win32, Substatus, ServerBytes,
            ClientBytes, Other, Session, FullPath,
        ]),
        Header::assumed(&[
            Date, Time, ClientIp, Method, Argument, Status, Win32, Substatus, ServerBytes, ClientBytes, Other, Session,
            FullPath,
        ]),
        Header::assumed(&[
            Date, Time, ClientIp, ClientPort, User, Site, Other, ServerIp, ServerPort, Method, Argument, Status, Win32,
            Substatus, ServerBytes, ClientBytes, Other, Session, FullPath, Other,
        ]),
        Header::assumed(&[Time, ClientIp, Method, Argument, Status]),
        Header::assumed(&[Time, ClientIp, Method, Argument, Status, Win32]),
        Header::assumed(&[Time, ClientIp, User, ServerPort, Method, Argument, Status]),
    ]
};

impl Format for Iis {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        if line.tag.is_some() {
            return Read::Unrecognised;
        }
        if let Some(record) = native::record(line.message) {
            return Read::Taken(record);
        }
        if !line.message.first().is_some_and(u8::is_ascii_digit) {
            return Read::Unrecognised;
        }
        for header in &ASSUMED {
            // A layout that is only assumed must fit to the word.
            let row = header.row(line.message, Column::Other);
            if let Some(row) = row.filter(fits) {
                return record(header, &row).unwrap_or(Read::Unrecognised);
            }
        }
        Read::Unrecognised
    }

    fn is_headed_by(&self, header: &Header) -> Option<bool> {
        let is_ftp = header.has(Column::Session) || header.has(Column::FullPath);
        Some(header.writer == Writer::Microsoft && is_ftp && may_be_ours(header))
    }

    fn read_under<'b>(&self, header: &Header, line: &Bare<'b>) -> Read<'b> {
        if !header.has_columns() {
            return self.read(line);
        }
        if line.tag.is_some() || !may_be_ours(header) {
            return Read::Unrecognised;
        }
        let row = header.row(line.message, Column::Argument);
        row.and_then(|row| record(header, &row)).unwrap_or(Read::Unrecognised)
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(dialogue::Following::new(Vantage::ServerLog))
    }
}

/// True where words of their own form stand where the assumed columns have them.
fn fits(row: &Row<'_>) -> bool {
    let method = row.get(Column::Method);
    let server = row.value(Column::ServerIp);
    let is_since_7 = is_guid(row.get(Column::Session))
        && method.iter().all(u8::is_ascii_alphabetic)
        && server.is_none_or(|ip| Host::read(ip).ip().is_some());
    is_since_7 || numbered(method).is_some()
}

fn may_be_ours(header: &Header) -> bool {
    let is_known = matches!(header.writer, Writer::Microsoft | Writer::Unknown | Writer::Other);
    is_known && header.has(Column::Method)
}

/// `[135]USER`: the session's number, and the rest.
pub(super) fn numbered(method: &[u8]) -> Option<(u64, &[u8])> {
    let rest = method.strip_prefix(b"[")?;
    let end = memchr::memchr(b']', rest)?;
    Some((envelope::number(rest.get(..end)?)?, rest.get(end + 1..)?))
}

fn is_guid(text: &[u8]) -> bool {
    let is_dash = |place| matches!(place, 8 | 13 | 18 | 23);
    let mut bytes = text.iter().enumerate();
    text.len() == 36 && bytes.all(|(place, b)| if is_dash(place) { *b == b'-' } else { b.is_ascii_hexdigit() })
}

/// `None` for what is no line of this format.
fn record<'b>(header: &Header, row: &Row<'b>) -> Option<Read<'b>> {
    let stamp = row.stamp(header)?;
    let client = row.value(Column::ClientIp);
    let Some(method) = row.value(Column::Method) else {
        // An empty command, and noise.
        return row.value(Column::Session).is_some_and(is_guid).then_some(Read::Ignored("a line without a command"));
    };
    let mut exchange = match numbered(method) {
        Some((number, _)) => Exchange::of_numbered_session(number, client.unwrap_or_default()),
        None if !is_since_7(header, row, method) => return None,
        None => match (row.value(Column::Session), row.port(Column::ClientPort)) {
            (Some(name), _) => Exchange::of_named_session(name),
            // Another client may have it later.
            (None, Some(port)) => Exchange::of_numbered_session(port.into(), client.unwrap_or_default()),
            (None, None) => Exchange::default(),
        },
    };
    exchange.client = client.map(|ip| end(ip, row.port(Column::ClientPort)));
    let server = row.value(Column::ServerIp);
    exchange.server = server.map(|ip| end(ip, row.port(Column::ServerPort)));
    exchange.user = row.value(Column::User).map(Cow::Borrowed);
    let code = match row.value(Column::Status) {
        Some(digits) => ReplyCode::new(u16::try_from(envelope::number(digits)?).ok()?),
        None => None,
    };
    match numbered(method) {
        Some((_, method)) => Numbered {
            method,
            argument: row.get(Column::Argument),
            code,
            reason: reason(row.number(Column::Win32), row.number(Column::Substatus)),
            bytes: (row.number(Column::ServerBytes), row.number(Column::ClientBytes)),
        }
        .fill(&mut exchange),
        None => {
            if let Err(reason) = since_7(&mut exchange, method, row, code) {
                return Some(Read::Ignored(reason));
            }
        }
    }
    Some(Read::Taken(exchange.record(stamp)))
}

fn end(ip: &[u8], port: Option<u16>) -> Endpoint {
    Endpoint {
        host: Host::read(ip),
        port,
    }
}

/// A log with a column that only FTP has, or a command that only FTP has.
fn is_since_7(header: &Header, row: &Row<'_>, method: &[u8]) -> bool {
    if header.has(Column::Session) || header.has(Column::FullPath) {
        return true;
    }
    let site = row.get(Column::Site);
    let is_other = [&b"SMTPSVC"[..], b"NNTPSVC", b"W3SVC"].iter().any(|name| site.starts_with(name))
        || matches!(row.port(Column::ServerPort), Some(25 | 80 | 119 | 443 | 563 | 587));
    let is_channel = method.ends_with(b"ChannelOpened") || method.ends_with(b"ChannelClosed");
    let is_ftp = is_channel || catalogue().command(Verb::new(method)).is_some();
    is_ftp && !is_other && !header.has(Column::Query) && !header.has(Column::Web)
}

/// Why, as far as the log says.
fn reason(win32: Option<u64>, substatus: Option<u64>) -> Cow<'static, [u8]> {
    let mut text = String::new();
    for (name, number) in [("sc-win32-status", win32), ("sc-substatus", substatus)] {
        if let Some(number) = number.filter(|number| *number != 0) {
            let blank = if text.is_empty() { "" } else { " " };
            // Writing to a string does not fail.
            let _ = write!(text, "{blank}{name} {number}");
        }
    }
    text.into_bytes().into()
}

/// IIS 4 writes it for every QUIT, and answers 221.
static QUIT_OF_4: Uncounted = Uncounted::constant(&[226], "QUIT of IIS 4");

/// What a line of IIS 4 to 6 tells, in any of its forms.
struct Numbered<'b> {
    method: &'b [u8],
    argument: &'b [u8],
    code: Option<ReplyCode>,
    reason: Cow<'static, [u8]>,
    /// Bytes by the server, and by the client.
    bytes: (Option<u64>, Option<u64>),
}

impl<'b> Numbered<'b> {
    fn fill(self, exchange: &mut Exchange<'b>) {
        let verb = match self.method {
            b"sent" => &b"RETR"[..],
            b"created" => b"STOR",
            b"appended" => b"APPE",
            other => other,
        };
        let is_quit = verb.eq_ignore_ascii_case(b"QUIT");
        if verb.eq_ignore_ascii_case(b"closed") {
            exchange.end = Some(End::Fin);
        } else {
            exchange.set_command(verb, plain(self.argument));
        }
        if is_quit {
            exchange.end = Some(End::Goodbye);
        }
        match self.code {
            Some(code) if is_quit && code.number() == 226 => exchange.uncounted = Some(&QUIT_OF_4),
            Some(code) => exchange.add_reply(code, self.reason),
            None => {}
        }
        let (by_server, by_client) = self.bytes;
        let bytes = if verb == b"RETR" { by_server } else { by_client };
        exchange.moved = bytes.map(|bytes| Moved {
            bytes: Some(bytes),
            complete: None,
        });
    }
}

fn since_7<'b>(
    exchange: &mut Exchange<'b>,
    method: &'b [u8],
    row: &Row<'b>,
    code: Option<ReplyCode>,
) -> Result<(), &'static str> {
    match method {
        b"ControlChannelOpened" => exchange.opens = true,
        b"ControlChannelClosed" => {
            // The name of the network is gone, reset by the other side, aborted.
            let is_reset = matches!(row.number(Column::Win32), Some(64 | 10_054 | 1236));
            exchange.end = Some(if is_reset { End::Reset } else { End::Fin });
        }
        b"DataChannelOpened" => return Err("a data connection opens, whose command is told too"),
        b"DataChannelClosed" => {
            let bytes = match (row.number(Column::ServerBytes), row.number(Column::ClientBytes)) {
                (Some(sent), Some(received)) => Some(sent.max(received)),
                // The other direction is not in the log.
                (bytes, None) | (None, bytes) => bytes.filter(|bytes| *bytes > 0),
            };
            if bytes.is_none() {
                return Err("a data connection closes, whose command is told too");
            }
            exchange.moved = Some(Moved {
                bytes,
                complete: None,
            });
            return Ok(());
        }
        _ => exchange.set_command(method, plain(row.get(Column::Argument))),
    }
    if let Some(code) = code {
        exchange.add_reply(code, reason(row.number(Column::Win32), row.number(Column::Substatus)));
    }
    Ok(())
}

/// An argument as it was sent: `+` stands for a blank, `%20` for a byte.
pub(super) fn plain(text: &[u8]) -> Cow<'_, [u8]> {
    let Some(mut found) = memchr::memchr2(b'+', b'%', text) else {
        return Cow::Borrowed(text);
    };
    let hexadecimal = |digit: u8| char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((kept, [mark, after @ ..])) = rest.split_at_checked(found) {
        bytes.extend_from_slice(kept);
        let escaped = match *after {
            [high, low, ..] if *mark == b'%' => hexadecimal(high).zip(hexadecimal(low)),
            _ => None,
        };
        bytes.push(match escaped {
            Some((high, low)) => high * 16 + low,
            None if *mark == b'+' => b' ',
            None => *mark,
        });
        rest = escaped.map_or(after, |_| after.get(2..).unwrap_or_default());
        found = memchr::memchr2(b'+', b'%', rest).unwrap_or(rest.len());
    }
    bytes.extend_from_slice(rest);
    Cow::Owned(bytes)
}

mod native;
#[cfg(test)]
mod tests;
