//! Suricata's `eve.json`: one JSON object per line, of which those of type `ftp` hold a command with its replies.
//!
//! Objects of other types are passed over by their type alone, without being read: such files are large and FTP is rare in
//! them. An alert repeats the `ftp` object of the record that is there too, and `ftp_data` repeats a transfer command's
//! name, so neither is counted again.

use std::borrow::Cow;

use serde::Deserialize;

use crate::ftp::{Endpoint, Host, ReplyCode, Vantage};
use crate::limits;
use crate::log::{
    Bare, Description, Follow, Format, Read, Record, Sample, Exchange, dialogue, envelope,
};
use crate::time::Stamp;

/// The format.
pub static FORMAT: Suricata = Suricata;

/// Suricata's log.
#[derive(Debug)]
pub struct Suricata;

static DESCRIPTION: Description = Description {
    name: "suricata",
    title: "Suricata's eve.json",
    source: "Suricata 7 output-json-ftp.c, and logs of Suricata 6 and 7",
    vantage: Vantage::SensorLog,
    gaps: &[
        "the end of sessions",
        "what TLS hides",
        "when a reply came: a command and its replies have one time",
        "lines of a reply behind its first one, where Suricata laid it down before they came",
        "which line belongs to which reply, where a command has several and one is longer than a line",
    ],
    samples: &[
        Sample {
            lines: r#"{"timestamp":"2026-11-22T08:16:55.100000+0000","flow_id":1,"event_type":"ftp","src_ip":"192.0.2.7","src_port":40000,"dest_ip":"192.0.2.10","dest_port":21,"proto":"TCP","ftp":{"completion_code":["220"],"reply":["Welcome"],"reply_received":"yes"}}
{"timestamp":"2026-11-22T08:16:56.100000+0000","flow_id":1,"event_type":"ftp","src_ip":"192.0.2.7","src_port":40000,"dest_ip":"192.0.2.10","dest_port":21,"proto":"TCP","tx_id":1,"ftp":{"command":"PASS","command_data":"hunter2","completion_code":["530"],"reply":["Login incorrect."],"reply_received":"yes"}}"#,
            events: "introduced 192.0.2.7; 220 Welcome; PASS secret; 530 Login incorrect.; closed input-ended",
        },
        Sample {
            lines: r#"{"timestamp":"2026-11-22T08:16:55.1+0000","flow_id":2,"event_type":"alert","src_ip":"192.0.2.7","alert":{"action":"allowed"},"ftp":{"command":"RETR"}}
{"timestamp":"2026-11-22T08:16:55.1+0000","flow_id":2,"event_type":"ftp","src_ip":"192.0.2.7","src_port":40000,"dest_ip":"192.0.2.10","dest_port":21,"ftp":{"command":"RETR","command_data":"a \"b\".txt","completion_code":["150","226"],"reply":["Opening.","Done."],"reply_received":"yes"}}
{"timestamp":"2026-11-22T08:16:55.2+0000","flow_id":3,"event_type":"ftp_data","src_ip":"192.0.2.10","ftp_data":{"filename":"a","command":"RETR"}}"#,
            events: "introduced 192.0.2.7; RETR a \"b\".txt; 150 Opening.; 226 Done.; closed input-ended",
        },
    ],
};

impl Format for Suricata {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        if line.message.first() != Some(&b'{') {
            return Read::Unrecognised;
        }
        match event_type(line.message) {
            Some(b"ftp") => record(line.message).map_or(Read::Unrecognised, Read::Taken),
            Some(kind) if line.message.starts_with(b"{\"timestamp\":\"") => Read::Ignored(match kind {
                b"ftp_data" => "a data connection, whose command is told too",
                b"alert" => "an alert: what it repeats is told too",
                _ => "an event of another protocol",
            }),
            _ => Read::Unrecognised,
        }
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(dialogue::Following::new(Vantage::SensorLog))
    }
}

/// The value of `"event_type"`; inside of strings its quotes would be escaped.
fn event_type(line: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"\"event_type\"";
    let at = memchr::memmem::find(line, NAME)?;
    let rest = line.get(at + NAME.len()..)?.trim_ascii_start();
    let rest = rest.strip_prefix(b":")?.trim_ascii_start();
    let rest = rest.strip_prefix(b"\"")?;
    rest.get(..memchr::memchr(b'"', rest)?)
}

#[derive(Deserialize)]
struct Event {
    timestamp: String,
    flow_id: u64,
    src_ip: Option<String>,
    src_port: Option<u16>,
    dest_ip: Option<String>,
    dest_port: Option<u16>,
    ftp: Ftp,
}

#[derive(Deserialize)]
struct Ftp {
    command: Option<String>,
    command_data: Option<String>,
    #[serde(default)]
    completion_code: Vec<String>,
    #[serde(default)]
    reply: Vec<String>,
}

fn record(line: &[u8]) -> Option<Record<'static>> {
    let text = String::from_utf8_lossy(line);
    let event: Event = serde_json::from_str(&text).ok()?;
    let end = |ip: Option<&str>, port| {
        ip.map(|ip| Endpoint {
            host: Host::read(ip.as_bytes()),
            port,
        })
    };
    let source = end(event.src_ip.as_deref(), event.src_port);
    let target = end(event.dest_ip.as_deref(), event.dest_port);
    let is_from_server = event.src_port == Some(limits::FTP_PORT) && event.dest_port != event.src_port;
    let (client, server) = if is_from_server {
        (target, source)
    } else {
        (source, target)
    };
    let mut exchange = Exchange::of_session(event.flow_id);
    (exchange.client, exchange.server) = (client, server);
    let Ftp {
        command,
        command_data,
        completion_code,
        reply,
    } = event.ftp;
    if let Some(command) = command {
        let argument = command_data.unwrap_or_default().into_bytes();
        exchange.set_command(command.as_bytes(), Cow::Owned(argument));
    }
    add_replies(&mut exchange, &completion_code, reply);
    Some(exchange.record(envelope::iso_date(event.timestamp.as_bytes()).unwrap_or(Stamp::None)))
}

/// Codes and texts stand in lists of their own. A line without a code, and one without a text, is in one of them only; but
/// the first line has a code, and so has the last.
fn add_replies(exchange: &mut Exchange<'_>, codes: &[String], texts: Vec<String>) {
    let codes: Vec<ReplyCode> = codes
        .iter()
        .filter_map(|code| ReplyCode::from_digits(code.as_bytes()))
        .collect();
    let (Some(first), Some(last)) = (codes.first(), codes.last()) else {
        return;
    };
    if first == last && codes.iter().all(|code| code == first) {
        for text in texts.into_iter().take(limits::REPLY_LINES as usize) {
            exchange.add_reply(*first, text.into_bytes().into());
        }
        if exchange.replies.is_empty() {
            exchange.add_reply(*first, Cow::default());
        }
        return;
    }
    let is_paired = codes.len() == texts.len();
    let count = texts.len();
    let mut texts = texts.into_iter();
    for (index, code) in codes.iter().enumerate().take(limits::REPLY_LINES as usize) {
        let text = if is_paired || (index == 0 && count > 1) {
            texts.next()
        } else if index + 1 == codes.len() {
            texts.next_back()
        } else {
            None
        };
        exchange.add_reply(*code, text.unwrap_or_default().into_bytes().into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::tests::{events_of, shows};

    fn line(ftp: &str) -> String {
        format!(
            "{{\"timestamp\":\"2026-11-22T08:16:55.100000+0000\",\"flow_id\":1,\"event_type\": \"ftp\",\"src_ip\":\"192.0.2.10\",\
             \"src_port\":21,\"dest_ip\":\"192.0.2.7\",\"dest_port\":40000,\"ftp\":{ftp}}}\n"
        )
    }

    fn check(records: &[&str], expected: &[&str]) {
        let lines: String = records.iter().map(|r| line(r)).collect();
        let told = events_of("suricata", &lines);
        let told: Vec<&str> = told.iter().map(|(_, words)| words.as_str()).collect();
        assert_eq!(told.first(), Some(&"introduced 192.0.2.7"));
        assert_eq!(told.get(1..told.len() - 1), Some(expected));
    }

    #[test]
    fn lines_of_one_reply_are_one_reply() {
        check(
            &[
                r#"{"completion_code":["220","220"],"reply":["a","b"]}"#,
                r#"{"command":"FEAT","completion_code":["211","211"],"reply":["Features:"," SIZE","End"]}"#,
                r#"{"command":"STAT","completion_code":["226"]}"#,
            ],
            &["220 a\nb", "FEAT", "211 Features:\n SIZE\nEnd", "STAT", "226 "],
        );
    }

    #[test]
    fn the_rest_of_a_reply_is_not_the_next_commands() {
        check(
            &[
                r#"{"completion_code":["220"],"reply":["a"]}"#,
                r#"{"command":"USER","command_data":"u","completion_code":["220","331"],"reply":["b","c"]}"#,
                r#"{"command":"LIST","completion_code":["150","226","221"],"reply":["x","y","z","bye"]}"#,
                r#"{"command":"NOOP","reply_received":"no"}"#,
            ],
            &["220 a", "USER u", "331 c", "LIST", "150 x", "226 ", "221 bye", "NOOP"],
        );
    }

    #[test]
    fn secrets_and_damage_are_not_told() {
        let secret = line(r#"{"command":"PASS","command_data":"hunter2"}"#);
        let read = FORMAT.read(&Bare::read(secret.trim_end().as_bytes()));
        assert!(!shows(&read, "hunter2"));
        assert!(matches!(read, Read::Taken(_)));
        for damaged in [secret.trim_end_matches("}\n"), "{\"event_type\":\"dns\"}", "{}", "{"] {
            assert_eq!(FORMAT.read(&Bare::read(damaged.as_bytes())), Read::Unrecognised, "{damaged}");
        }
    }
}
