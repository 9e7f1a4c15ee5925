//! WinSCP's session log: every line with a mark (`>` sent, `<` received, `.` `!` `*` its own) and the time to the millisecond.
//!
//! A file holds one session, and each attempt to connect again is one of its own. Sessions of other protocols have the
//! same marks, with other words behind them, and so do the lines of scripts.

use crate::ftp::{End, Side, Vantage, grammar};
use crate::log::transcript::{self, Aside};
use crate::log::{Bare, Description, Fact, Follow, Format, Read, Record, Sample, envelope};
use crate::time::Stamp;

/// The format.
pub static FORMAT: Winscp = Winscp;

/// WinSCP's log.
#[derive(Debug)]
pub struct Winscp;

static DESCRIPTION: Description = Description {
    name: "winscp",
    title: "WinSCP",
    source: "WinSCP 5 and 6 core/SessionInfo.cpp and core/FtpFileSystem.cpp, and its logs",
    vantage: Vantage::ClientLog,
    gaps: &["the client's address", "the server's address, by its name", "the time zone"],
    samples: &[Sample {
        lines: ". 2026-11-22 08:16:55.100 WinSCP Version 6.3.1 (Build 14746) (OS 10.0.19045)\n\
                . 2026-11-22 08:16:55.110 Connecting to ftp.example.com ...\n\
                . 2026-11-22 08:16:55.200 Connected with ftp.example.com. Waiting for welcome message...\n\
                < 2026-11-22 08:16:55.210 220-Hello\n\
                < 2026-11-22 08:16:55.210 220 Ready\n\
                > 2026-11-22 08:16:55.220 USER alice\n\
                < 2026-11-22 08:16:55.230 331 Password required\n\
                > 2026-11-22 08:16:55.240 PASS ********\n\
                < 2026-11-22 08:16:55.250 530 Login incorrect.\n\
                . 2026-11-22 08:16:55.260 Disconnected from server\n\
                * 2026-11-22 08:16:55.270 (EFatal) Connection failed.",
        events: "introduced; opened; 220 Hello\nReady; USER alice; 331 Password required; PASS secret; \
                 530 Login incorrect.; closed fin by client",
    }],
};

impl Format for Winscp {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        let Some((mark, stamp, text)) = marked(line.message) else {
            return Read::Unrecognised;
        };
        match fact(mark, text) {
            Ok(fact) => Read::Taken(Record {
                stamp,
                ..transcript::record(fact)
            }),
            Err(reason) => Read::Ignored(reason),
        }
    }

    fn knows(&self, head: &[u8]) -> bool {
        transcript::is_spoken(self, head)
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(transcript::Following::default())
    }
}

/// `< 2026-11-22 08:16:55.100 text`
fn marked(line: &[u8]) -> Option<(u8, Stamp, &[u8])> {
    let (&[mark, b' '], rest) = line.split_first_chunk::<2>()? else {
        return None;
    };
    if !b"<>.!*".contains(&mark) {
        return None;
    }
    let (stamp, rest) = envelope::blank_date(rest)?;
    let text = rest.strip_prefix(b" ").or_else(|| rest.is_empty().then_some(rest))?;
    Some((mark, stamp, text))
}

fn fact(mark: u8, text: &[u8]) -> Result<Fact<'_>, &'static str> {
    match mark {
        b'<' | b'>' if text.starts_with(b"Script: ") => Err("a line of a script"),
        b'<' | b'>' if text.starts_with(b"Type: SSH") || text.starts_with(b"Status code: ") || text.is_empty() => {
            Err("a session by another protocol")
        }
        b'<' => Ok(transcript::said(text)),
        b'>' => {
            let word = text.split(|b| *b == b' ').next().unwrap_or_default();
            let is_verb = word.len() <= 8 && word.iter().all(u8::is_ascii_alphabetic);
            let command = grammar::command(text).filter(|_| is_verb);
            command.map(Fact::Command).ok_or("a session by another protocol")
        }
        _ => message(text).map(Fact::Client).ok_or("a message of the client about a session"),
    }
}

fn message(text: &[u8]) -> Option<Aside<'_>> {
    let has = |part: &str| memchr::memmem::find(text, part.as_bytes()).is_some();
    if let Some(place) = text.strip_prefix(b"Connecting to ") {
        if has("port ") && has("SSH") {
            return None;
        }
        let place = place.trim_ascii_end();
        let place = place.strip_suffix(b"...").unwrap_or(place).trim_ascii_end();
        return transcript::endpoint(place).map(|server| Aside::Connecting(Some(server)));
    }
    if text.starts_with(b"Connected with ") {
        return Some(Aside::Connected(None));
    }
    if has("data connection") && (has("Can't open") || has("Can't establish") || has("could not be established") || has("failed")) {
        return transcript::fate(text).map(Aside::DataFailed);
    }
    if text.starts_with(b"Timeout detected. (data connection)") {
        return Some(Aside::DataTimedOut);
    }
    if text.starts_with(b"Timeout detected. (control connection)") || text.starts_with(b"Timeout detected.") && !has("data connection") {
        return Some(Aside::GivenUp);
    }
    if has("Connection reset by peer") || has("10054") || has("ECONNRESET") {
        return Some(Aside::Closed(End::Reset, Some(Side::Server)));
    }
    if has("Server closed connection") || has("closed by remote host") || has("Server unexpectedly closed") {
        return Some(Aside::Closed(End::Fin, Some(Side::Server)));
    }
    if text.starts_with(b"Disconnected from server") {
        return Some(Aside::Closed(End::Fin, Some(Side::Client)));
    }
    if text.starts_with(b"TLS connection established") || text.starts_with(b"SSL connection established") {
        return Some(Aside::Secured(None));
    }
    if has("Can't establish SSL connection") || has("Can't establish TLS connection") || has("SSL3_") || has(":SSL routines:") {
        return Some(Aside::TlsFailed);
    }
    let is_attempt = has("onnection failed") || has("connect to") || has("onnection attempt") || has("Connection refused");
    transcript::fate(text).filter(|_| is_attempt).map(|fate| Aside::Failed(fate, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Detected;
    use crate::log::tests::events_of;

    fn dated(line: &str) -> String {
        line.replacen(' ', " 2026-11-22 08:16:55.100 ", 1)
    }

    fn told(lines: &[&str]) -> Vec<String> {
        let lines: Vec<String> = lines.iter().map(|line| dated(line) + "\r\n").collect();
        let told = events_of("winscp", &lines.concat());
        told.into_iter().map(|(s, w)| format!("{s} {w}")).collect()
    }

    #[test]
    fn each_attempt_is_a_session() {
        let told = told(&[
            ". Connecting to ftp.example.com ...",
            ". Connection attempt failed with \"ECONNREFUSED - Connection refused by server\".",
            ". Connection failed.",
            ". Connecting to ftp.example.com:2121 ...",
            ". Connected with ftp.example.com:2121. Waiting for welcome message...",
            "< 220 Ready",
            "> PASV",
            "< 227 Entering Passive Mode (203,0,113,9,195,80)",
            "> LIST",
            ". Timeout detected. (data connection)",
            ". Timeout detected. (control connection)",
            ". Connecting to ftp.example.com:2121 ...",
            "< 220 Ready",
        ]);
        assert_eq!(told[..2], ["1 introduced", "1 closed reset"]);
        assert!(told[8].starts_with("2 Data(") && told[8].contains("fate: Unanswered"), "{}", told[8]);
        assert_eq!(told[9], "2 closed idle by client");
        assert_eq!(told[10..12], ["3 introduced", "3 opened"]);
    }

    #[test]
    fn what_is_behind_tls_is_told() {
        let told = told(&[
            ". Connecting to ftp.example.com:990 ...",
            ". TLS connection established. Waiting for welcome message...",
            "< 220 Ready",
            ". TLS connection established",
        ]);
        assert_eq!(told, ["1 introduced", "1 opened", "1 tls", "1 220 Ready", "1 closed input-ended"]);
    }

    #[test]
    fn other_protocols_scripts_and_secrets_are_not_told() {
        let lines = ["> Script: open ftp://u:hunter2@h", "> Type: SSH_FXP_INIT, Size: 5", "< Type: SSH_FXP_VERSION", "> PASS hunter2", "! x"];
        for line in lines {
            let line = dated(line);
            let read = FORMAT.read(&Bare::read(line.as_bytes()));
            assert!(read != Read::Unrecognised && !format!("{read:?}").contains("104, 117, 110"), "{line}");
        }
        let sftp = b". 2026-11-22 08:16:55.100 Looking up host\n> 2026-11-22 08:16:55.100 Type: SSH_FXP_INIT, Size: 5\n";
        assert_eq!(Detected::by_head(sftp), None);
        for line in ["< 220 Ready", ". Connecting", "x 2026-11-22 08:16:55.100 y", "> 2026-11-22"] {
            assert_eq!(FORMAT.read(&Bare::read(line.as_bytes())), Read::Unrecognised, "{line}");
        }
    }
}
