//! Zeek's `ftp.log` in JSON, one object per command.
//!
//! Keys are Zeek's own (`id.orig_h`), or nested as shippers make them (`id: {orig_h}`). Zeek writes the *last* reply that
//! came before the next command it logs: a 221 beside another command than QUIT is the answer to a QUIT that it does not
//! log, and the command's own is lost.

use serde::Deserialize;

use crate::ftp::{Endpoint, Host, ReplyCode, Vantage};
use crate::log::{
    Bare, Description, Follow, Format, Read, Record, Sample, Exchange, dialogue, envelope,
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
    ],
};

impl Format for Zeek {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        let line = line.message;
        let has = |part: &[u8]| memchr::memmem::find(line, part).is_some();
        if line.first() != Some(&b'{') || !has(b"\"uid\"") || !has(b"orig_h\"") {
            return Read::Unrecognised;
        }
        let text = String::from_utf8_lossy(line);
        match serde_json::from_str::<Row>(&text) {
            Ok(row) if row.path.as_ref().is_some_and(|path| path != "ftp") => {
                Read::Ignored("another of Zeek's logs")
            }
            Ok(row) => record(row).map_or(Read::Unrecognised, Read::Taken),
            Err(_) => Read::Unrecognised,
        }
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(dialogue::Following::new(Vantage::SensorLog))
    }
}

#[derive(Deserialize)]
struct Row {
    #[serde(rename = "_path")]
    path: Option<String>,
    ts: Time,
    uid: String,
    #[serde(rename = "id.orig_h")]
    orig_h: Option<String>,
    #[serde(rename = "id.orig_p")]
    orig_p: Option<u16>,
    #[serde(rename = "id.resp_h")]
    resp_h: Option<String>,
    #[serde(rename = "id.resp_p")]
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

/// `None` for what is no row of an `ftp.log`: other logs have commands too.
fn record(row: Row) -> Option<Record<'static>> {
    let stamp = row.ts.stamp();
    let is_known = |command: &String| COMMANDS.contains(&command.as_str()) || command == "<init>";
    if row.reply_code.is_none() && !row.command.as_ref().is_some_and(is_known) {
        return None;
    }
    let end = |host: &str, port| Endpoint {
        host: Host::read(host.as_bytes()),
        port,
    };
    let (client, server) = match &row.id {
        Some(ends) => (
            Some(end(&ends.orig_h, Some(ends.orig_p))),
            Some(end(&ends.resp_h, Some(ends.resp_p))),
        ),
        None => (
            row.orig_h.as_deref().map(|host| end(host, row.orig_p)),
            row.resp_h.as_deref().map(|host| end(host, row.resp_p)),
        ),
    };
    let user = row.user.filter(|user| user != "<unknown>");
    let mut exchange = Exchange::of_named_session(row.uid.as_bytes());
    (exchange.client, exchange.server) = (client, server);
    exchange.user = user.map(|user| user.into_bytes().into());
    let command = row.command.filter(|command| !command.starts_with('<'));
    let is_quit = command.as_ref().is_none_or(|command| command == "QUIT");
    if let Some(command) = command {
        let argument = row.arg.unwrap_or_default().into_bytes();
        exchange.set_command(command.as_bytes(), argument.into());
    }
    let code = row.reply_code.and_then(ReplyCode::new);
    if let Some(code) = code.filter(|code| is_quit || code.number() != 221) {
        let text = row.reply_msg.unwrap_or_default().into_bytes();
        exchange.add_reply(code, text.into());
    }
    Some(exchange.record(stamp))
}

#[cfg(test)]
mod tests {
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
    fn times_are_read_in_all_three_forms() {
        let expected = Stamp::Utc(Timestamp::from_nanos(1_795_335_415_123_000_000));
        assert_eq!(Time::Number(1_795_335_415.123).stamp(), expected);
        assert_eq!(Time::Number(1_795_335_415_123.0).stamp(), expected);
        assert_eq!(Time::Text("2026-11-22T08:16:55.123Z".to_owned()).stamp(), expected);
        assert_eq!(Time::Text("never".to_owned()).stamp(), Stamp::None);
    }

    #[test]
    fn passwords_are_not_kept() {
        let line = r#"{"ts":1.0,"uid":"C1","id.orig_h":"192.0.2.7","password":"hunter2","command":"PASS","arg":"hunter2"}"#;
        let read = FORMAT.read(&Bare::read(line.as_bytes()));
        assert!(matches!(read, Read::Taken(_)));
        assert!(!format!("{read:?}").contains("hunter2"));
    }
}
