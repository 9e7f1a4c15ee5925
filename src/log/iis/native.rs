//! IIS 4 to 6 in the two forms without a header: Microsoft's own, and the common log format.
//!
//! `client, user, date, time, MSFTPSVC1, computer, server, ms, bytes, bytes, code, Windows' error, [1]USER, alice, -,` in
//! local time, the date as the machine's owner likes it; and `client - user [date] "[1]USER alice" 331 0`. A line is an
//! exchange. What web servers write in the same forms has another service's name, or no number before the command.

use std::borrow::Cow;

use super::{Numbered, end, numbered, reason};
use crate::ftp::ReplyCode;
use crate::log::{Exchange, Record, envelope, filezilla_server_0};

/// `None` for what is neither.
pub(super) fn record(line: &[u8]) -> Option<Record<'_>> {
    let (first, _) = envelope::word(line)?;
    if first.ends_with(b",") {
        with_commas(line)
    } else {
        common(line)
    }
}

/// Cuts at the next comma.
fn field<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let end = memchr::memmem::find(rest, b", ")?;
    let (value, after) = rest.split_at_checked(end)?;
    *rest = after.get(2..)?;
    Some(value)
}

fn user(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    (text != b"-").then_some(Cow::Borrowed(text))
}

fn code(text: &[u8]) -> Option<u16> {
    u16::try_from(envelope::number(text)?).ok()
}

/// In a session that the line numbers, or that is found by client and user.
fn exchange<'b>(client: &'b [u8], name: &'b [u8], number: Option<u64>) -> Exchange<'b> {
    let mut exchange = number.map_or_else(Exchange::default, |n| Exchange::of_numbered_session(n, client));
    exchange.client = Some(end(client, None));
    exchange.user = user(name);
    exchange
}

fn with_commas(line: &[u8]) -> Option<Record<'_>> {
    let mut rest = line;
    let client = field(&mut rest)?;
    let name = field(&mut rest)?;
    let from_date = rest;
    let (date, time) = (field(&mut rest)?, field(&mut rest)?);
    let stamp = filezilla_server_0::stamp(from_date.get(..date.len() + 2 + time.len())?)?;
    let service = field(&mut rest)?;
    if !(service.starts_with(b"MSFTPSVC") || service.starts_with(b"FTPSVC")) {
        return None;
    }
    let _computer = field(&mut rest)?;
    let server = field(&mut rest)?;
    let mut number = || envelope::number(field(&mut rest)?);
    let (_milliseconds, by_client, by_server) = (number()?, number()?, number()?);
    let code = code(field(&mut rest)?)?;
    let win32 = envelope::number(field(&mut rest)?)?;
    let method = field(&mut rest)?;
    // A name may hold commas.
    let argument = rest.strip_suffix(b", -,").or_else(|| rest.strip_suffix(b",")).unwrap_or(rest);
    let (session, method) = numbered(method).map_or((None, method), |(n, method)| (Some(n), method));
    let mut exchange = exchange(client, name, session);
    exchange.server = Some(end(server, None));
    Numbered {
        method: Some(method).filter(|method| !method.is_empty())?,
        argument: Some(argument).filter(|argument| *argument != b"-").unwrap_or_default(),
        code: ReplyCode::new(code),
        reason: reason(Some(win32), None),
        bytes: (Some(by_server), Some(by_client)),
    }
    .fill(&mut exchange);
    Some(exchange.record(stamp))
}

fn common(line: &[u8]) -> Option<Record<'_>> {
    // Only the number tells it from other servers' logs in this form.
    let at = memchr::memmem::find(line, b"] \"[")?;
    let (head, rest) = line.split_at_checked(at + 1)?;
    let (who, date) = head.split_at_checked(head.len().checked_sub("[22/Nov/2026:08:16:57 -0000]".len())?)?;
    let (stamp, _) = envelope::common_date(date)?;
    let (client, name) = envelope::word(who.strip_suffix(b" ")?)?;
    let (_ident, name) = envelope::word(name)?;
    let rest = rest.strip_prefix(b" \"")?;
    let quote = memchr::memrchr(b'"', rest)?;
    let (command, rest) = (rest.get(..quote)?, rest.get(quote + 1..)?);
    let (session, command) = numbered(command)?;
    let (method, argument) = envelope::word(command).unwrap_or((command, b""));
    let (status, bytes) = envelope::word(rest.strip_prefix(b" ")?)?;
    let bytes = envelope::number(bytes);
    let mut exchange = exchange(client, name, Some(session));
    Numbered {
        method: Some(method).filter(|method| !method.is_empty())?,
        argument: Some(argument).filter(|argument| *argument != b"-").unwrap_or_default(),
        code: ReplyCode::new(code(status)?),
        reason: Cow::default(),
        bytes: (bytes, bytes),
    }
    .fill(&mut exchange);
    Some(exchange.record(stamp))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::tests::{events_of, shows};
    use crate::log::{Bare, Format, Read, iis};

    fn told(line: &str) -> Vec<String> {
        events_of("iis", line).into_iter().map(|(_, words)| words).collect()
    }

    #[test]
    fn both_forms_are_read() {
        let lines = "192.0.2.7, -, 11/22/26, 8:16:55, MSFTPSVC1, FTP1, 192.0.2.10, 16, 10, 40, 331, 0, [5]USER, alice, -,\n\
                     192.0.2.7, -, 11/22/26, 8:16:56, MSFTPSVC1, FTP1, 192.0.2.10, 16, 10, 40, 530, 1326, [5]PASS, hunter2, -,\n\
                     192.0.2.7, alice, 11/22/26, 8:16:58, MSFTPSVC1, FTP1, 192.0.2.10, 90, 7000, 0, 226, 0, [5]created, /a, b.txt, -,\n";
        let expected = [
            "introduced 192.0.2.7",
            "USER alice",
            "331 ",
            "PASS secret",
            "530 sc-win32-status 1326",
            "STOR /a, b.txt",
            "STOR /a, b.txt 7000 incomplete",
            "226 ",
            "closed input-ended",
        ];
        assert_eq!(told(lines), expected);
        let line = "192.0.2.7 - EX\\al [22/Nov/2026:08:16:57 +0100] \"[5]sent /a \"b\".txt\" 550 0";
        let expected = [
            "introduced 192.0.2.7 EX\\al",
            "RETR /a \"b\".txt",
            "550 ",
            "closed input-ended",
        ];
        assert_eq!(told(line), expected);
    }

    #[test]
    fn web_servers_and_half_lines_are_not_taken() {
        let line = "192.0.2.7, -, 11/22/26, 8:16:55, MSFTPSVC1, FTP1, 192.0.2.10, 16, 10, 40, 331, 0, [5]USER, alice, -,";
        for line in [
            line.replace("MSFTPSVC1", "W3SVC1"),
            line.replace("11/22/26", "22.22.26"),
            line.replace("331", "x"),
            line.replace(", [5]USER, alice, -,", ""),
            line.replace("[5]USER", ""),
            "192.0.2.7 - - [22/Nov/2026:08:16:57 +0100] \"GET /a HTTP/1.1\" 200 5".to_owned(),
            "192.0.2.7 - - [22/Nov/2026:08:16:57 +0100] \"[5]\" 200 5".to_owned(),
            "] \"[5]USER a\" 331 0".to_owned(),
        ] {
            let read = iis::FORMAT.read(&Bare::read(line.as_bytes()));
            assert_eq!(read, Read::Unrecognised, "{line}");
        }
    }

    #[test]
    fn no_secret_is_kept() {
        let line = b"192.0.2.7 - - [22/Nov/2026:08:16:57 +0100] \"[5]PASS hunter2\" 230 0";
        assert!(!shows(&record(line), "hunter2"));
    }
}
