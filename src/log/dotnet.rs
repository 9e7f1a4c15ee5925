//! What .NET's `FtpWebRequest` writes with `System.Net` tracing: commands and replies with the number of the connection.
//!
//! A reply of several lines is printed as it came, so its other lines stand alone and belong to the line before. What was
//! sent and received is dumped again by the socket below; that is passed over.

use crate::ftp::{Vantage, grammar};
use crate::log::transcript::{self, Aside};
use crate::log::{Bare, Description, Fact, Follow, Format, Read, Record, Sample, envelope};

/// The format.
pub static FORMAT: Dotnet = Dotnet;

/// .NET's trace.
#[derive(Debug)]
pub struct Dotnet;

static DESCRIPTION: Description = Description {
    name: "dotnet",
    title: ".NET's trace of System.Net",
    source: ".NET Framework 4 System.Net FtpControlStream and Logging, and its traces",
    vantage: Vantage::ClientLog,
    gaps: &["the time", "how a connection ends", "lines inside a reply that begin with neither a blank nor a code"],
    samples: &[Sample {
        lines: "System.Net Information: 0 : [4568] FtpControlStream#64500199 - Created connection from 192.0.2.7:4000 to 192.0.2.10:21.\n\
                System.Net Information: 0 : [4568] FtpControlStream#64500199 - Received response [220-Hello\n\
                220 Ready]\n\
                System.Net Information: 0 : [4568] FtpControlStream#64500199 - Sending command [USER alice]\n\
                System.Net Information: 0 : [4568] FtpControlStream#64500199 - Received response [331 Password required]\n\
                System.Net Information: 0 : [4568] FtpControlStream#64500199 - Sending command [PASS ********]\n\
                System.Net Information: 0 : [4568] FtpControlStream#64500199 - Received response [530 Login incorrect.]\n\
                System.Net.Sockets Verbose: 0 : [4568] Data from Socket#51213311::Receive",
        events: "introduced; opened; 220 Hello\nReady; USER alice; 331 Password required; PASS secret; \
                 530 Login incorrect.; closed input-ended",
    }],
};

impl Format for Dotnet {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        let text = line.message;
        if !text.starts_with(b"System.Net") {
            if grammar::reply_line(text).is_some() || text.first() == Some(&b' ') {
                return Read::Taken(Record {
                    number: transcript::SAME_SESSION,
                    ..transcript::record(transcript::said(closed(text)))
                });
            }
            let is_times = text.trim_ascii_start().starts_with(b"DateTime=") || text.starts_with(b"ProcessId=");
            return if is_times {
                Read::Ignored("a time beside a message")
            } else {
                Read::Unrecognised
            };
        }
        match message(text) {
            Some((number, fact)) => Read::Taken(Record {
                number,
                ..transcript::record(fact)
            }),
            None => Read::Ignored("another message of the trace"),
        }
    }

    fn knows(&self, head: &[u8]) -> bool {
        super::whole_lines(head).any(|line| line.starts_with(b"System.Net") && memchr::memmem::find(line, b"Ftp").is_some())
    }

    fn is_for_whole_files(&self) -> bool {
        true
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(transcript::Following::default())
    }
}

/// Without the bracket that ends a reply.
fn closed(text: &[u8]) -> &[u8] {
    text.strip_suffix(b"]").unwrap_or(text)
}

fn message(text: &[u8]) -> Option<(u32, Fact<'_>)> {
    const STREAM: &[u8] = b"FtpControlStream#";
    let at = memchr::memmem::find(text.get(..200).unwrap_or(text), STREAM)?;
    let (number, rest) = envelope::word(text.get(at + STREAM.len()..)?)?;
    let number = u32::try_from(envelope::number(number)?).ok()?;
    let rest = rest.strip_prefix(b"- ")?;
    if let Some(said) = rest.strip_prefix(b"Received response [") {
        return Some((number, transcript::said(closed(said))));
    }
    if let Some(sent) = rest.strip_prefix(b"Sending command [") {
        return grammar::command(closed(sent)).map(|command| (number, Fact::Command(command)));
    }
    let ends = rest.strip_prefix(b"Created connection from ")?;
    let to = memchr::memmem::find(ends, b" to ")?;
    let server = ends.get(to + 4..)?.trim_ascii_end();
    let server = transcript::endpoint(server.strip_suffix(b".").unwrap_or(server));
    Some((number, Fact::Client(Aside::Connected(server))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::tests::events_of;

    #[test]
    fn connections_side_by_side_are_told_apart_and_secrets_are_not_told() {
        let line = |stream: u32, rest: &str| format!("System.Net Information: 0 : [1] FtpControlStream#{stream} - {rest}\n");
        let lines = [
            line(7, "Sending command [PASS hunter2]"),
            line(8, "Received response [220 a]"),
            line(7, "Received response [230 b]]"),
        ];
        let told: Vec<_> = events_of("dotnet", &lines.concat()).into_iter().map(|(s, w)| format!("{s} {w}")).collect();
        let secret = lines[0].trim_end().as_bytes();
        assert!(!format!("{:?}", FORMAT.read(&Bare::read(secret))).contains("104, 117, 110"));
        assert_eq!(told[..5], ["1 introduced", "1 PASS secret", "2 introduced", "2 220 a", "1 230 b]"]);
    }
}
