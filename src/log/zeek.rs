//! Zeek's `ftp.log`, in columns under a header (TSV) or in JSON, a command a line.
//!
//! Columns are found by the header, and where it is in another file they are those of Zeek 3 and later. Escaped bytes of
//! columns (`\x09`) are read; in JSON they stand as Zeek wrote them. Keys are Zeek's own (`id.orig_h`), or nested as
//! shippers make them (`id: {orig_h}`). Zeek writes the *last* reply that came before the next command it logs: a 221
//! beside another command than QUIT is the answer to a QUIT that it does not log, and the command's own is lost.

mod shipped;

use std::borrow::Cow;

use serde::Deserialize;

use crate::ftp::{Endpoint, Host, ReplyCode, Vantage};
use crate::log::header::{Column, Header, Row, Writer, unescaped};
use crate::log::{
    Bare, Description, Exchange, Follow, Format, Read, Record, Sample, dialogue, envelope,
};
use crate::time::{Stamp, Timestamp};

/// The format.
pub static FORMAT: Zeek = Zeek;

/// Zeek's log.
#[derive(Debug)]
pub struct Zeek;

static DESCRIPTION: Description = Description {
    name: "zeek",
    title: "Zeek's ftp.log",
    source: "Zeek 7 base/protocols/ftp main.zeek and info.zeek, and its logs",
    vantage: Vantage::SensorLog,
    gaps: &[
        "all commands but APPE, DELE, RETR, STOR, STOU, ACCT, PORT, PASV, EPRT and EPSV, and with them logins",
        "all replies to a command but the last before the next command: a refusal may be overwritten",
        "the end of sessions",
        "what TLS hides",
    ],
    samples: &[
        Sample {
            lines: r#"{"ts":1795335415.5,"uid":"CAbC1","id.orig_h":"192.0.2.7","id.orig_p":40000,"id.resp_h":"192.0.2.10","id.resp_p":21,"user":"alice","password":"<hidden>","command":"PASV","reply_code":227,"reply_msg":"Entering Passive Mode (192,0,2,10,195,80).","data_channel.passive":true}
{"ts":1795335416.5,"uid":"CAbC1","id.orig_h":"192.0.2.7","id.orig_p":40000,"id.resp_h":"192.0.2.10","id.resp_p":21,"user":"alice","command":"RETR","arg":"ftp://192.0.2.10/a.txt","reply_code":550,"reply_msg":"Failed to open file."}"#,
            events: "introduced 192.0.2.7 alice; PASV; 227 Entering Passive Mode (192,0,2,10,195,80).; \
                     RETR ftp://192.0.2.10/a.txt; 550 Failed to open file.; closed input-ended",
        },
        Sample {
            lines: r#"{"_path":"ftp","ts":"2026-11-22T08:16:55.500000Z","uid":"CAbC2","id":{"orig_h":"2001:db8::7","orig_p":40000,"resp_h":"2001:db8::10","resp_p":21},"user":"<unknown>","command":"STOR","arg":"ftp://[2001:db8::10]/b","reply_code":221,"reply_msg":"Goodbye."}"#,
            events: "introduced 2001:db8::7; STOR ftp://[2001:db8::10]/b; closed input-ended",
        },
        Sample {
            lines: "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tftp\n\
                    #fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tuser\tpassword\tcommand\targ\treply_code\treply_msg\n\
                    #types\ttime\tstring\taddr\tport\taddr\tport\tstring\tstring\tstring\tstring\tcount\tstring\n\
                    1795335415.500000\tCAbC3\t192.0.2.7\t40000\t192.0.2.10\t21\talice\t<hidden>\tRETR\tftp://192.0.2.10/a\\x09b.txt\t550\tFailed to open file.\n\
                    #close\t2026-11-22-09-00-00",
            events: "introduced 192.0.2.7 alice; RETR ftp://192.0.2.10/a\tb.txt; 550 Failed to open file.; closed input-ended",
        },
    ],
};

/// The columns of Zeek 3 and later.
#[rustfmt::skip]
static ASSUMED: Header = {
    use Column::{Argument, ClientIp, ClientPort, Epoch, Method, Other, ServerIp, ServerPort, Session, Status, Text, User};
    Header::assumed_in_tabs(&[
        Epoch, Session, ClientIp, ClientPort, ServerIp, ServerPort, User, Other, Method, Argument, Other, Other, Status, Text,
        Other, Other, Other, Other, Other,
    ])
};

impl Format for Zeek {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        let line = line.message;
        if line.first() != Some(&b'{') {
            return columns(&ASSUMED, line);
        }
        // Zeek's writer for Kafka puts the log's name around each row.
        let inside = line.strip_prefix(b"{\"ftp\":").map(<[u8]>::trim_ascii_start).filter(|rest| rest.starts_with(b"{"));
        let line = inside.and_then(|rest| rest.trim_ascii_end().strip_suffix(b"}")).unwrap_or(line);
        let has = |part: &[u8]| memchr::memmem::find(line, part).is_some();
        if has(b"\"zeek\"") && has(b"\"ftp\"") && has(b"\"session_id\"") {
            return shipped::read(line);
        }
        if !has(b"\"uid\"") || !has(b"orig_h\"") {
            return Read::Unrecognised;
        }
        let text = String::from_utf8_lossy(line);
        match serde_json::from_str::<Object>(&text) {
            Ok(row) if row.path.as_ref().is_some_and(|path| path != "ftp") => {
                Read::Ignored("another of Zeek's logs")
            }
            Ok(row) => record(row).map_or(Read::Unrecognised, Read::Taken),
            Err(_) => Read::Unrecognised,
        }
    }

    fn is_headed_by(&self, header: &Header) -> Option<bool> {
        Some(header.writer == Writer::Zeek && header.path.as_deref() == Some(b"ftp"))
    }

    fn read_under<'b>(&self, header: &Header, line: &Bare<'b>) -> Read<'b> {
        if header.writer == Writer::Zeek && header.has_columns() && line.message.first() != Some(&b'{') {
            return columns(header, line.message);
        }
        self.read(line)
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(dialogue::Following::new(Vantage::SensorLog))
    }
}

#[derive(Deserialize)]
struct Object {
    #[serde(rename = "_path")]
    path: Option<String>,
    ts: Time,
    uid: String,
    #[serde(rename = "id.orig_h", alias = "id_orig_h")]
    orig_h: Option<String>,
    #[serde(rename = "id.orig_p", alias = "id_orig_p")]
    orig_p: Option<u16>,
    #[serde(rename = "id.resp_h", alias = "id_resp_h")]
    resp_h: Option<String>,
    #[serde(rename = "id.resp_p", alias = "id_resp_p")]
    resp_p: Option<u16>,
    id: Option<Ends>,
    user: Option<String>,
    command: Option<String>,
    arg: Option<String>,
    reply_code: Option<u16>,
    reply_msg: Option<String>,
}

#[derive(Deserialize)]
struct Ends {
    orig_h: String,
    orig_p: u16,
    resp_h: String,
    resp_p: u16,
}

/// `LogAscii::json_timestamps` makes it seconds, milliseconds or ISO 8601.
#[derive(Deserialize)]
#[serde(untagged)]
enum Time {
    Number(f64),
    Text(String),
}

impl Time {
    fn stamp(&self) -> Stamp {
        match self {
            Self::Text(text) => envelope::iso_date(text.as_bytes()).unwrap_or(Stamp::None),
            Self::Number(number) => {
                // Milliseconds since 1970 have twelve digits and more from 1973 on, seconds not for 30,000 years.
                let seconds = if *number < 1e11 { *number } else { *number / 1e3 };
                #[expect(clippy::cast_possible_truncation, reason = "saturates")]
                let micros = (seconds * 1e6).round() as i64;
                Stamp::Utc(Timestamp::from_nanos(micros.saturating_mul(1000)))
            }
        }
    }
}

/// The commands of `FTP::logged_commands`, and those of rows that Zeek writes for a session without any of them.
const COMMANDS: [&str; 14] = [
    "APPE", "DELE", "RETR", "STOR", "STOU", "ACCT", "PORT", "PASV", "EPRT", "EPSV", "USER", "PASS", "AUTH", "QUIT",
];

/// What a row tells, in columns or in JSON.
struct Entry<'b> {
    client: Option<Endpoint>,
    server: Option<Endpoint>,
    user: Option<Cow<'b, [u8]>>,
    command: Option<Cow<'b, [u8]>>,
    argument: Cow<'b, [u8]>,
    code: Option<u16>,
    text: Cow<'b, [u8]>,
}

impl<'b> Entry<'b> {
    /// True for a row of an `ftp.log`: other logs have commands, too.
    fn is_of_ftp(&self) -> bool {
        let is_known = |command: &Cow<'_, [u8]>| {
            COMMANDS.iter().any(|known| known.as_bytes() == command.as_ref()) || command.as_ref() == b"<init>"
        };
        self.code.is_some() || self.command.as_ref().is_some_and(is_known)
    }

    fn exchange(self, uid: &[u8]) -> Exchange<'b> {
        let mut exchange = Exchange::of_named_session(uid);
        (exchange.client, exchange.server) = (self.client, self.server);
        exchange.user = self.user.filter(|user| user.as_ref() != b"<unknown>");
        let command = self.command.filter(|command| !command.starts_with(b"<"));
        let is_quit = command.as_ref().is_none_or(|command| command.as_ref() == b"QUIT");
        if let Some(command) = command {
            exchange.set_command(&command, self.argument);
        }
        let code = self.code.and_then(ReplyCode::new);
        if let Some(code) = code.filter(|code| is_quit || code.number() != 221) {
            exchange.add_reply(code, self.text);
        }
        exchange
    }
}

fn end(host: &[u8], port: Option<u16>) -> Endpoint {
    Endpoint {
        host: Host::read(host),
        port,
    }
}

/// `None` for what is no row of an `ftp.log`.
fn record(row: Object) -> Option<Record<'static>> {
    let stamp = row.ts.stamp();
    let (client, server) = match &row.id {
        Some(ends) => (
            Some(end(ends.orig_h.as_bytes(), Some(ends.orig_p))),
            Some(end(ends.resp_h.as_bytes(), Some(ends.resp_p))),
        ),
        None => (
            row.orig_h.as_deref().map(|host| end(host.as_bytes(), row.orig_p)),
            row.resp_h.as_deref().map(|host| end(host.as_bytes(), row.resp_p)),
        ),
    };
    let bytes = |text: Option<String>| text.map(|text| Cow::Owned(text.into_bytes()));
    let entry = Entry {
        client,
        server,
        user: bytes(row.user),
        command: bytes(row.command),
        argument: bytes(row.arg).unwrap_or_default(),
        code: row.reply_code,
        text: bytes(row.reply_msg).unwrap_or_default(),
    };
    let is_of_ftp = entry.is_of_ftp();
    is_of_ftp.then(|| entry.exchange(row.uid.as_bytes()).record(stamp))
}

/// A line in columns.
fn columns<'b>(header: &Header, line: &'b [u8]) -> Read<'b> {
    let path = header.path.as_deref();
    if path.is_some_and(|path| path != b"ftp") {
        return Read::Ignored("another of Zeek's logs");
    }
    let row = header.row(line, Column::Other);
    row.and_then(|row| row_record(&row, path.is_some()))
        .map_or(Read::Unrecognised, Read::Taken)
}

/// `None` for what is no row of an `ftp.log`. That it `is_ftp` stands in the header.
fn row_record<'b>(row: &Row<'b>, is_ftp: bool) -> Option<Record<'b>> {
    let stamp = epoch(row.get(Column::Epoch))?;
    let uid = row.value(Column::Session)?;
    let ip = |column| row.value(column).map(Host::read);
    let endpoint = |host, port| Endpoint {
        host,
        port: row.port(port),
    };
    let client = ip(Column::ClientIp).map(|host| endpoint(host, Column::ClientPort));
    let server = ip(Column::ServerIp).map(|host| endpoint(host, Column::ServerPort));
    let is_sure = client.as_ref().is_some_and(|client| client.host.ip().is_some());
    let code = match row.value(Column::Status) {
        Some(digits) => Some(u16::try_from(envelope::number(digits)?).ok()?),
        None => None,
    };
    let text = |column| row.value(column).map(unescaped);
    let entry = Entry {
        client,
        server,
        user: text(Column::User),
        command: text(Column::Method),
        argument: text(Column::Argument).unwrap_or_default(),
        code,
        text: text(Column::Text).unwrap_or_default(),
    };
    (is_ftp || is_sure && entry.is_of_ftp()).then(|| entry.exchange(uid).record(stamp))
}

/// `1795335415.500000`; with other letters in their place where a time was made unknown.
fn epoch(text: &[u8]) -> Option<Stamp> {
    if text.iter().all(|b| matches!(b, b'X' | b'.')) {
        return Some(Stamp::None);
    }
    let (seconds, digits) = match memchr::memchr(b'.', text) {
        Some(dot) => text.split_at_checked(dot)?,
        None => (text, &b""[..]),
    };
    let digits = digits.strip_prefix(b".").unwrap_or_default();
    let nanos = match u32::try_from(digits.len()).ok()? {
        0 => 0,
        count => envelope::number(digits)? * 10_u64.checked_pow(9_u32.checked_sub(count)?)?,
    };
    let seconds = i64::try_from(envelope::number(seconds)?).ok()?;
    let at = Timestamp::from_seconds(seconds, u32::try_from(nanos).ok()?);
    Some(Stamp::Utc(at))
}

#[cfg(test)]
mod tests {
    use crate::log::tests::shows;
    use super::*;

    fn check(rest: &str, expected: &str) {
        let line = format!("{{\"ts\":1795335415.123456,\"uid\":\"C1\",\"id.orig_h\":\"192.0.2.7\",{rest}}}");
        let told = match FORMAT.read(&Bare::read(line.as_bytes())) {
            Read::Taken(_) => "taken",
            Read::Ignored(reason) => reason,
            Read::Unrecognised => "unrecognised",
        };
        assert_eq!(told, expected, "{line}");
    }

    #[test]
    fn only_rows_of_ftp_are_taken() {
        check(r#""command":"DELE","arg":"x""#, "taken");
        check(r#""command":"<init>","reply_code":220"#, "taken");
        check(r#""command":"NICK","value":"x""#, "unrecognised");
        check(r#""proto":"tcp""#, "unrecognised");
        check(r#""_path":"conn""#, "another of Zeek's logs");
        check(r#""command":"DELE","id.orig_p":"x""#, "unrecognised");
    }

    #[test]
    fn rows_are_known_in_what_shippers_make_of_them() {
        let row = r#"{"ts":1.0,"uid":"C1","id.orig_h":"192.0.2.7","command":"DELE","arg":"x","reply_code":550,"reply_msg":"No"}"#;
        let expected = ["1 introduced 192.0.2.7", "1 DELE x", "1 550 No", "1 closed input-ended"];
        assert_eq!(told(&format!("{{\"ftp\": {row}}}\n")), expected);
        let shipped = r#"{"@timestamp":"2026-11-22T08:16:55.500Z","zeek":{"session_id":"C1","ftp":{"user":"alice","password":"hunter2","command":"DELE","arg":"x","reply":{"code":550,"msg":"No"}}},"source":{"address":"192.0.2.7","ip":"192.0.2.7","port":40000},"destination":{"ip":"192.0.2.10","port":21}}"#;
        assert_eq!(told(&format!("{shipped}\n")), ["1 introduced 192.0.2.7 alice", "1 DELE x", "1 550 No", "1 closed input-ended"]);
        let elastic = format!(r#"{{"_index":"filebeat","_source":{shipped}}}"#);
        assert_eq!(told(&format!("{elastic}\n"))[1], "1 DELE x");
    }

    #[test]
    fn times_are_read_in_all_three_forms() {
        let expected = Stamp::Utc(Timestamp::from_nanos(1_795_335_415_123_000_000));
        assert_eq!(Time::Number(1_795_335_415.123).stamp(), expected);
        assert_eq!(Time::Number(1_795_335_415_123.0).stamp(), expected);
        assert_eq!(Time::Text("2026-11-22T08:16:55.123Z".to_owned()).stamp(), expected);
        assert_eq!(Time::Text("never".to_owned()).stamp(), Stamp::None);
    }

    fn told(lines: &str) -> Vec<String> {
        let told = crate::log::tests::events_of("zeek", lines);
        told.into_iter().map(|(session, words)| format!("{session} {words}")).collect()
    }

    #[test]
    fn columns_change_in_the_middle_of_a_file() {
        let lines = "#separator \\x09\n#path\tftp\n#fields\tts\tuid\tid.orig_h\tcommand\treply_code\ttags\n\
                     1.5\tC1\t192.0.2.7\tLIST\t550\t-\n\
                     #close\t2026-11-22-08-00-00\n\
                     #separator \\x2c\n#unset_field,NIL\n#path,ftp\n#fields,uid,ts,reply_code,reply_msg,command,arg,id.orig_h\n\
                     C1,2.25,226,bye\\x2c bye,RETR,-,192.0.2.7\n\
                     C1,2.25,NIL,NIL,<init>,NIL,192.0.2.7\n\
                     C1,2.25,221,bye,QUIT,NIL,192.0.2.7\n";
        let expected = [
            "1 introduced 192.0.2.7",
            "1 LIST",
            "1 550 ",
            "1 RETR -",
            "1 226 bye, bye",
            "1 QUIT",
            "1 221 bye",
            "1 closed goodbye",
        ];
        assert_eq!(told(lines), expected);
    }

    #[test]
    fn a_row_without_a_header_is_read_if_it_is_one_of_ftp() {
        let row = |command: &str, code: &str| {
            format!(
                "1795335415.5\tC1\t192.0.2.7\t40000\t192.0.2.10\t21\talice\t-\t{command}\t-\t-\t-\t{code}\t-\t-\t-\t-\t-\t-\n"
            )
        };
        assert_eq!(told(&row("DELE", "550")).get(1..3), Some(&["1 DELE".to_owned(), "1 550 ".to_owned()][..]));
        assert_eq!(told(&row("NICK", "-")), [""; 0]);
        assert_eq!(told(&row("DELE", "550").replace("192.0.2.7", "host")), [""; 0]);
    }

    #[test]
    fn other_logs_and_half_rows_are_not_taken() {
        let mut header = Header::default();
        for line in ["#separator \\x09", "#path\tconn", "#fields\tts\tuid\tproto"] {
            header.take(line.as_bytes());
        }
        let read = |header: &Header, line: &str| match FORMAT.read_under(header, &Bare::read(line.as_bytes())) {
            Read::Taken(_) => "taken",
            Read::Ignored(reason) => reason,
            Read::Unrecognised => "unrecognised",
        };
        assert_eq!(read(&header, "1.0\tC1\ttcp"), "another of Zeek's logs");
        header.take(b"#path\tftp");
        assert_eq!(read(&header, "XXXXXXXXXX.XXXXXX\tC1\ttcp"), "taken");
        for line in ["1.0\tC1", "1.0\tC1\ttcp\tmore", "1.x\tC1\ttcp", "1.0\t-\ttcp", "1.0123456789\tC1\ttcp", ""] {
            assert_eq!(read(&header, line), "unrecognised", "{line}");
        }
        // Objects in JSON are known under any header.
        let json = r#"{"ts":1.0,"uid":"C1","id.orig_h":"192.0.2.7","command":"DELE"}"#;
        assert_eq!(read(&header, json), "taken");
    }

    #[test]
    fn passwords_are_not_kept() {
        let lines = "#separator \\x09\n#path\tftp\n#fields\tts\tuid\tuser\tpassword\tcommand\targ\n\
                     1.0\tC1\tanonymous\thunter2\tPASS\thunter2\n";
        assert!(!told(lines).concat().contains("hunter2"));
        let line = r#"{"ts":1.0,"uid":"C1","id.orig_h":"192.0.2.7","password":"hunter2","command":"PASS","arg":"hunter2"}"#;
        let read = FORMAT.read(&Bare::read(line.as_bytes()));
        assert!(matches!(read, Read::Taken(_)));
        assert!(!shows(&read, "hunter2"));
    }
}
