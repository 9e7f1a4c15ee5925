//! What lftp shows with `debug` or `-d`: `---> ` commands, `<--- ` replies, `---- ` and `**** ` its own messages.
//!
//! Below level 4 commands are not shown, and of the replies only the greeting and failures. Lines may begin with process
//! id, date and context (`debug -p -t -c`). What stands in no such line is what lftp shows anyway.

use crate::ftp::{End, Side, Vantage, grammar};
use crate::log::transcript::{self, Aside};
use crate::log::{Bare, Description, Fact, Follow, Format, Read, Record, Sample, envelope};
use crate::time::Stamp;

/// The format.
pub static FORMAT: Lftp = Lftp;

/// lftp's messages.
#[derive(Debug)]
pub struct Lftp;

static DESCRIPTION: Description = Description {
    name: "lftp",
    title: "lftp",
    source: "lftp 4.9 src/ftpclass.cc and src/log.cc, and its messages",
    vantage: Vantage::ClientLog,
    gaps: &[
        "the client's address",
        "the time, without `debug -t`",
        "commands, and replies to them, below level 4",
        "which connection a line is of, where several are open",
    ],
    samples: &[
        Sample {
            lines: "---- Connecting to ftp.example.com (192.0.2.10) port 21\n\
                    <--- 220 Ready\n\
                    ---> USER alice\n\
                    <--- 331 Password required\n\
                    ---> PASS hunter2\n\
                    <--- 530-Sorry\n\
                    <--- 530 Login incorrect.\n\
                    Login failed: 530 Login incorrect.\n\
                    ---- Closing control socket",
            events: "introduced; opened; 220 Ready; USER alice; 331 Password required; PASS secret; \
                     530 Sorry\nLogin incorrect.; closed fin by client",
        },
        Sample {
            lines: "2026-11-22 08:16:55 ---- Connecting to 192.0.2.10 (192.0.2.10) port 2121\n\
                    2026-11-22 08:16:55 **** Socket error (Connection refused) - reconnecting\n\
                    2026-11-22 08:17:25 ---- Connecting to 192.0.2.10 (192.0.2.10) port 2121\n\
                    2026-11-22 08:17:25 <--- 220 Ready\n\
                    2026-11-22 08:17:26 ---> QUIT\n\
                    2026-11-22 08:17:26 <--- 221 Bye\n\
                    2026-11-22 08:17:26 ---- Closing control socket",
            events: "introduced; closed reset; introduced; opened; 220 Ready; QUIT; 221 Bye; closed goodbye",
        },
    ],
};

impl Format for Lftp {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        let (stamp, number, rest) = prefixed(line.message);
        let Some((mark, text)) = rest.split_first_chunk::<4>() else {
            return Read::Unrecognised;
        };
        let text = text.strip_prefix(b" ").unwrap_or(text);
        let fact = match mark {
            b"--->" => match grammar::command(text) {
                Some(command) => Fact::Command(command),
                None => return Read::Ignored("an empty command"),
            },
            b"<---" => transcript::said(text),
            b"----" | b"****" => match message(text) {
                Some(aside) => Fact::Client(aside),
                None => return Read::Ignored("a message of the client about a session"),
            },
            b"++++" | b"!---" => return Read::Ignored("a message of the client about a session"),
            // Shown while TLS is being agreed upon.
            _ if rest.starts_with(b"Certificate: ") || rest.starts_with(b"Certificate depth: ") => {
                Fact::Client(Aside::Securing)
            }
            _ => return other(rest).map_or(Read::Unrecognised, Read::Ignored),
        };
        Read::Taken(Record {
            stamp,
            number,
            ..transcript::record(fact)
        })
    }

    fn knows(&self, head: &[u8]) -> bool {
        let is_own = |line: &[u8]| {
            let (_, _, rest) = prefixed(Bare::read(line).message);
            rest.starts_with(b"<--- ") || rest.starts_with(b"---- ")
        };
        transcript::is_spoken(self, head) && super::first_lines(head).any(is_own)
    }

    fn is_for_whole_files(&self) -> bool {
        true
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(transcript::Following::default())
    }
}

/// `[4711] 2026-11-22 08:16:55 ftp://alice@192.0.2.10 ---> `: the date, the process, and the rest.
fn prefixed(line: &[u8]) -> (Stamp, u32, &[u8]) {
    fn process(line: &[u8]) -> Option<(u32, &[u8])> {
        let (pid, rest) = envelope::word(line.strip_prefix(b"[")?)?;
        let pid = envelope::number(pid.strip_suffix(b"]")?)?;
        Some((u32::try_from(pid).ok()?, rest))
    }
    let (number, rest) = process(line).unwrap_or((0, line));
    let (stamp, rest) = match envelope::blank_date(rest) {
        Some((stamp, rest)) => (stamp, rest.strip_prefix(b" ").unwrap_or(rest)),
        None => (Stamp::None, rest),
    };
    let rest = match envelope::word(rest) {
        Some((_, after)) if is_marked(after) && !is_marked(rest) => after,
        _ => rest,
    };
    (stamp, number, rest)
}

fn is_marked(line: &[u8]) -> bool {
    let marks: [&[u8]; 6] = [b"---> ", b"<--- ", b"---- ", b"**** ", b"++++ ", b"!--- "];
    marks.iter().any(|mark| line.starts_with(mark))
}

fn message(text: &[u8]) -> Option<Aside<'_>> {
    let has = |part: &str| memchr::memmem::find(text, part.as_bytes()).is_some();
    if text.starts_with(b"Connecting data socket") || text.starts_with(b"Accepted data connection") {
        return None;
    }
    // In any language; for data the same stands there, and by then a data connection is agreed upon.
    if let Some(server) = place_of(text) {
        return Some(Aside::Connecting(Some(server)));
    }
    if has("ata socket error") || has("data connection failed") || has("ata connection: ") {
        return transcript::fate(text).map(Aside::DataFailed);
    }
    if has("Closing control socket") {
        return Some(Aside::Closed(End::Fin, Some(Side::Client)));
    }
    if has("Peer closed connection") || has("remote end closes connection") || has("Remote closed connection") {
        return Some(Aside::Closed(End::Fin, Some(Side::Server)));
    }
    if has("Connection reset by peer") {
        return Some(Aside::Closed(End::Reset, Some(Side::Server)));
    }
    if text.starts_with(b"Timeout - reconnecting") {
        return Some(Aside::TimedOut);
    }
    if has("gnutls_handshake") || has("SSL_connect") || has("ertificate verification") {
        return Some(Aside::TlsFailed);
    }
    let is_attempt = has("ocket error") || has("connect");
    transcript::fate(text).filter(|_| is_attempt).map(|fate| Aside::Failed(fate, None))
}

/// `Connecting to ftp.example.com (192.0.2.10) port 21`
fn place_of(text: &[u8]) -> Option<crate::ftp::Endpoint> {
    let open = memchr::memchr(b'(', text)?;
    let close = open + memchr::memchr(b')', text.get(open..)?)?;
    let mut server = transcript::endpoint(text.get(open + 1..close)?)?;
    let rest = text.get(close + 1..)?.trim_ascii();
    server.port = rest.rsplit(|b| *b == b' ').next().and_then(transcript::number);
    server.host.ip().and(server.port)?;
    Some(server)
}

/// What lftp shows at any level.
fn other(line: &[u8]) -> Option<&'static str> {
    const STARTS: [&str; 21] = [
        "Certificate", " Issued by: ", " Checking against: ", "  Trusted", "ERROR: Certificate", "WARNING: Certificate",
        "Certificate depth", "SHA1 fingerprint", "Loaded ",
        "Login failed", "Fatal error", "lftp ", "cd ok", "cd: ", "get: ", "put: ", "mget: ", "mput: ", "rm: ", "ls: ",
        "mirror: ",
    ];
    let is_own = STARTS.iter().any(|start| line.starts_with(start.as_bytes()))
        || memchr::memmem::find(line, b"Access failed: ").is_some()
        || memchr::memmem::find(line, b" bytes transferred").is_some();
    if is_own {
        return Some("what the client shows beside its log");
    }
    transcript::of_terminal(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::tests::{events_of, shows};

    fn told(lines: &str) -> Vec<String> {
        let told = events_of("lftp", lines);
        told.into_iter().map(|(s, w)| format!("{s} {w}")).collect()
    }

    #[test]
    fn data_connections_that_fail_are_told_with_their_announcement() {
        let lines = "<--- 220 Ready\n\
                     ---> PASV\n\
                     <--- 227 Entering Passive Mode (192,0,2,10,195,80)\n\
                     ---- Connecting data socket to (192.0.2.10) port 50000\n\
                     **** Data socket error (Connection timed out) - reconnecting\n\
                     ---- Closing data socket\n\
                     <--- 220 Ready\n";
        let told = told(lines);
        assert!(told[4].contains("Unanswered") && told[4].contains("192.0.2.10"), "{}", told[4]);
        assert_eq!(told[5..8], ["1 closed idle", "2 introduced", "2 220 Ready"]);
    }

    #[test]
    fn prefixes_and_secrets() {
        for prefix in ["[4711] ", "2026-11-22 08:16:55 ", "[4711] 2026-11-22 08:16:55 ftp://u@192.0.2.10 ", "2026-11-22 08:16:55 ftp.example.com ", ""] {
            let line = format!("{prefix}---> PASS hunter2");
            let read = FORMAT.read(&Bare::read(line.as_bytes()));
            assert!(matches!(read, Read::Taken(_)), "{line}");
            assert!(!shows(&read, "hunter2"));
        }
        for line in ["", "--", "data.bin", "--> USER u", "no --- mark"] {
            assert_eq!(FORMAT.read(&Bare::read(line.as_bytes())), Read::Unrecognised, "{line}");
        }
    }

    #[test]
    fn an_answer_behind_a_certificate_is_behind_tls() {
        let lines = "---- Connecting to ftp.example.com (192.0.2.10) port 990\nCertificate: CN=ftp.example.com\n\
                     Certificate: CN=A CA\n<--- 220 Ready\nCertificate: CN=ftp.example.com\n---> NOOP\n<--- 200 ok\n";
        assert_eq!(
            told(lines),
            ["1 introduced", "1 opened", "1 tls", "1 220 Ready", "1 NOOP", "1 200 ok", "1 closed input-ended"]
        );
        // Nothing was answered.
        assert!(!told("---> AUTH TLS\n<--- 234 ok\nCertificate: CN=x\n").iter().any(|w| w.contains("tls")));
    }

    #[test]
    fn tls_that_fails_is_told() {
        let lines = "<--- 220 Ready\n---> AUTH TLS\n<--- 234 Go\n\
                     **** gnutls_handshake: A TLS fatal alert has been received.\n\
                     ---- Closing control socket\n";
        let told = told(lines);
        assert_eq!(told[4], "1 tls failed");
        assert_eq!(told[5], "1 closed fin by client");
    }
}
