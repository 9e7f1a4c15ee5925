//! What ncftp's programs write with `-d`, and ncftp into its trace: `Cmd: ` commands, and replies as `NNN: `.
//!
//! The other lines of a reply have no code and are indented; they are passed over. A file has the time in front of every
//! line, the terminal has not.

use std::borrow::Cow;

use crate::ftp::{End, ReplyCode, Side, Vantage, grammar};
use crate::log::transcript::{self, Aside};
use crate::log::{Bare, Description, Fact, Follow, Format, Read, Record, Sample, envelope};
use crate::time::Stamp;

/// The format.
pub static FORMAT: Ncftp = Ncftp;

/// ncftp's trace.
#[derive(Debug)]
pub struct Ncftp;

static DESCRIPTION: Description = Description {
    name: "ncftp",
    title: "ncftp",
    source: "LibNcFTP 3.2.6 c_trace and rcmd.c, and its traces",
    vantage: Vantage::ClientLog,
    gaps: &[
        "the client's address",
        "all lines of a reply but the first",
        "the time, on a terminal",
        "the time zone",
    ],
    samples: &[Sample {
        lines: "2026-11-22 08:16:55  LibNcFTP 3.2.6 (November 12, 2016) compiled for linux-x86_64-glibc2.33\n\
                2026-11-22 08:16:55  220: Hello\n\
                2026-11-22 08:16:55       Ready\n\
                2026-11-22 08:16:55  Connected to 192.0.2.10.\n\
                2026-11-22 08:16:55  Cmd: USER alice\n\
                2026-11-22 08:16:55  331: Password required\n\
                2026-11-22 08:16:55  Cmd: PASS xxxxxxxx\n\
                2026-11-22 08:16:55  530: Login incorrect.",
        events: "introduced; 220 Hello; USER alice; 331 Password required; PASS secret; 530 Login incorrect.; \
                 closed input-ended",
    }],
};

impl Format for Ncftp {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        let dated = envelope::blank_date(line.message)
            .and_then(|(stamp, rest)| Some((stamp, rest.strip_prefix(b"  ")?)));
        let (stamp, text) = dated.unwrap_or((Stamp::None, line.message));
        let fact = if let Some(sent) = text.strip_prefix(b"Cmd: ") {
            grammar::command(sent).map(Fact::Command)
        } else {
            reply(text).or_else(|| message(text))
        };
        match fact {
            Some(fact) => Read::Taken(Record {
                stamp,
                ..transcript::record(fact)
            }),
            None if stamp != Stamp::None || is_own(text) => Read::Ignored("a message of the client, or a further line of a reply"),
            None => transcript::of_terminal(text).map_or(Read::Unrecognised, Read::Ignored),
        }
    }

    fn knows(&self, head: &[u8]) -> bool {
        super::whole_lines(head).any(|line| memchr::memmem::find(line, b"LibNcFTP ").is_some())
            || super::first_lines(head).any(|line| {
                let text = envelope::blank_date(line).map_or(line, |(_, rest)| rest.trim_ascii_start());
                text.starts_with(b"Cmd: ")
            })
    }

    fn is_for_whole_files(&self) -> bool {
        true
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(transcript::Following::default())
    }
}

/// `331: Password required`
fn reply(text: &[u8]) -> Option<Fact<'_>> {
    ReplyCode::from_digits(text)?;
    let rest = text.get(3..)?.strip_prefix(b":")?;
    let code = text.get(..3)?;
    Some(Fact::Client(Aside::Said(Cow::Owned([code, rest].concat()))))
}

fn message(text: &[u8]) -> Option<Fact<'_>> {
    let has = |part: &str| memchr::memmem::find(text, part.as_bytes()).is_some();
    if let Some(place) = text.strip_prefix(b"Could not connect to ") {
        let end = memchr::memmem::find(place, b": ").unwrap_or(place.len());
        let name = place.get(..end)?.split(|b| *b == b' ').next()?;
        let fate = transcript::fate(text)?;
        return Some(Fact::Client(Aside::Failed(fate, transcript::endpoint(name))));
    }
    if let Some(place) = text.strip_prefix(b"connect to ") {
        let end = memchr::memmem::find(place, b" failed")?;
        let fate = transcript::fate(text)?;
        return Some(Fact::Client(Aside::Failed(fate, transcript::endpoint(place.get(..end)?))));
    }
    if has("-- timed out") {
        return Some(Fact::Client(Aside::TimedOut));
    }
    if has("Remote host has closed the connection") || has("Lost control connection") || has("lost control connection") {
        return Some(Fact::Client(Aside::Closed(End::Fin, Some(Side::Server))));
    }
    None
}

fn is_own(text: &[u8]) -> bool {
    const STARTS: [&str; 16] = [
        "Retrying PASV",
        "Falling back",
        "Cannot recover",
        "Server hungup",
        "LibNcFTP", "Uname: ", "Contents of /etc/", "Glibc: ", "Connected to ", "Logged in to ", "ncftp", "  ", "Trying to connect",
        "Could not ", "Connection ", "Fcntl",
    ];
    STARTS.iter().any(|start| text.starts_with(start.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::tests::events_of;

    #[test]
    fn without_dates_and_with_attempts_that_fail() {
        let lines = "LibNcFTP 3.2.6\nCould not connect to 192.0.2.10: Connection refused.\n220: a\nCmd: ACCT hunter2\n\
                     Remote host has closed the connection.\n";
        let told: Vec<_> = events_of("ncftp", lines).into_iter().map(|(_, w)| w).collect();
        assert_eq!(told, ["introduced", "closed reset", "introduced", "220 a", "ACCT secret", "closed fin by server"]);
        for line in ["220 a", "22: a", "hello", "Cmd:"] {
            assert_eq!(FORMAT.read(&Bare::read(line.as_bytes())), Read::Unrecognised, "{line}");
        }
    }
}
