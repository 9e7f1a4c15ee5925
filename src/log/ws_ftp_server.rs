//! WS_FTP Server's log up to version 5: connections and logins by session, without a year.
//!
//! `MMDD HH:MM:SS (session) event`. What a command was and what came of it is written in lines whose form is documented
//! for their last words only; they are passed over.

use crate::ftp::{End, Vantage};
use crate::log::{
    Bare, Description, Fact, Follow, Format, Implied, Read, Record, Sample, envelope, talk,
};
use crate::time::Stamp;

/// The format.
pub static FORMAT: WsFtpServer = WsFtpServer;

/// WS_FTP Server's log.
#[derive(Debug)]
pub struct WsFtpServer;

static DESCRIPTION: Description = Description {
    name: "ws-ftp-server",
    title: "WS_FTP Server up to 5",
    source: "Ipswitch's user's guide for WS_FTP Server 5, Reading Log Files",
    vantage: Vantage::ServerLog,
    gaps: &[
        "commands and replies",
        "logins that failed",
        "transfers",
        "the year",
        "the time zone",
    ],
    samples: &[Sample {
        lines: "1122 08:16:55 (0000005c) 192.0.2.7:40000 connected to 192.0.2.10:21\n\
                1122 08:16:55 (0000005c) ftp.example.com S(0) 192.0.2.7 alice@unknown logon success (A1)\n\
                1122 08:18:11 (0000005c) ftp.example.com S(0) 192.0.2.7 alice@unknown logoff R:0 D:0 P:0\n\
                1122 08:18:11 (0000005c) 192.0.2.7 connection closed",
        events: "introduced 192.0.2.7; opened; login alice accepted; 230 implied by logon success; closed fin",
    }],
};

impl Format for WsFtpServer {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        entry(line.message).unwrap_or(Read::Unrecognised)
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(talk::Following::default())
    }
}

/// `1122 08:16:55 (0000005c) event`
fn entry(line: &[u8]) -> Option<Read<'_>> {
    let (&[m1, m2, d1, d2, b' '], rest) = line.split_first_chunk::<5>()? else {
        return None;
    };
    let month = envelope::two(m1, m2).filter(|month| (1..=12).contains(month))?;
    let day = envelope::two(d1, d2).filter(|day| (1..=31).contains(day))?;
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let seconds = envelope::clock(*time)?;
    let stamp = Stamp::Yearless(
        u8::try_from(month).ok()?,
        u8::try_from(day).ok()?,
        u32::try_from(seconds).ok()?,
    );
    let inside = rest.strip_prefix(b" (")?;
    let digits = inside.split_first_chunk::<8>()?.0;
    let text = inside.strip_prefix(digits)?.strip_prefix(b") ")?;
    let number = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    Some(match event(text) {
        Some((client, user, fact, implied)) => Read::Taken(Record {
            stamp,
            number,
            client,
            user,
            times: 1,
            fact,
            implied,
        }),
        None => Read::Ignored("a message of the server about a session"),
    })
}

type Event<'b> = (&'b [u8], Option<&'b [u8]>, Fact<'b>, Option<Implied>);

fn event(text: &[u8]) -> Option<Event<'_>> {
    let (first, rest) = envelope::word(text)?;
    if rest.starts_with(b"connected to ") {
        let colon = memchr::memrchr(b':', first)?;
        return Some((first.get(..colon)?, None, Fact::Opened { refused: false }, None));
    }
    if rest == b"connection closed" {
        return Some((first, None, Fact::Closed(End::Fin), None));
    }
    let (_, rest) = envelope::word(rest)?;
    let (client, rest) = envelope::word(rest)?;
    let at = memchr::memmem::rfind(rest, b" logon success")?;
    let who = rest.get(..at)?;
    // `alice@unknown`: behind the name stands what the client gave as its own.
    let user = who.get(..memchr::memrchr(b'@', who).unwrap_or(who.len()))?;
    let fact = Fact::Login {
        accepted: true,
        reason: b"",
    };
    Some((client, Some(user), fact, Implied::new(230, "logon success")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_lines_are_not_taken() {
        let line = "1122 08:16:55 (0000005c) 192.0.2.7:40000 connected to 192.0.2.10:21";
        for (from, to) in [
            ("1122", "1322"),
            ("1122", "1132"),
            ("08:", "28:"),
            ("0000005c", "0000005g"),
            ("(0000005c)", "0000005c"),
            ("1122 ", "2026"),
        ] {
            let line = line.replace(from, to);
            assert_eq!(FORMAT.read(&Bare::read(line.as_bytes())), Read::Unrecognised, "{line}");
        }
    }
}
