//! What the command `ftp` of the BSDs, Linux, macOS and Windows shows: replies as they come and, with `-d`, `---> ` commands.
//!
//! Replies have no mark, so a line must look like one. Two sentences that begin with 421 are the client's own and stand
//! for a connection that is lost. Without `-d` a log has no commands but those that the user typed, which are not told.

use crate::ftp::{End, Side, Vantage, grammar};
use crate::log::transcript::{self, Aside};
use crate::log::{Bare, Description, Fact, Follow, Format, Read, Sample};

/// The format.
pub static FORMAT: BsdFtp = BsdFtp;

/// The messages of `ftp`.
#[derive(Debug)]
pub struct BsdFtp;

static DESCRIPTION: Description = Description {
    name: "bsd-ftp",
    title: "the command ftp",
    source: "tnftp 20210827, inetutils 2.4 and netkit 0.17 ftp, ftp.exe of Windows 10, and their messages",
    vantage: Vantage::ClientLog,
    gaps: &[
        "the client's address",
        "the time",
        "commands, without -d",
        "lines inside a reply that begin with neither a blank nor a code",
    ],
    samples: &[
        Sample {
            lines: "Connected to 192.0.2.10.\n\
                    220-Hello\n\
                    220 Ready\n\
                    ---> USER alice\n\
                    331 Password required\n\
                    ---> PASS XXXX\n\
                    530 Login incorrect.\n\
                    Login failed.\n\
                    ---> QUIT\n\
                    221 Bye",
            events: "introduced; opened; 220 Hello\nReady; USER alice; 331 Password required; PASS secret; \
                     530 Login incorrect.; QUIT; 221 Bye; closed goodbye",
        },
        Sample {
            lines: "Connected to ftp.example.com.\n\
                    220 Ready\n\
                    User (ftp.example.com:(none)): alice\n\
                    331 Password required\n\
                    Password:\n\
                    230 Hello\n\
                    ftp> put a.txt\n\
                    200 PORT command successful.\n\
                    421 Service not available, remote server has closed connection.",
            events: "introduced; opened; 220 Ready; 331 Password required; 230 Hello; 200 PORT command successful.; \
                     closed fin by server",
        },
    ],
};

impl Format for BsdFtp {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        let text = without_prompt(line.message);
        if let Some(sent) = text.strip_prefix(b"---> ") {
            return match grammar::command(sent) {
                Some(command) => Read::Taken(transcript::record(Fact::Command(command))),
                None => Read::Ignored("an empty command"),
            };
        }
        if let Some(aside) = message(text) {
            return Read::Taken(transcript::record(Fact::Client(aside)));
        }
        let is_moved = memchr::memmem::find(text, b" bytes received in ").is_some()
            || memchr::memmem::find(text, b" bytes sent in ").is_some();
        if !is_moved && grammar::reply_line(text).is_some() {
            return Read::Taken(transcript::record(transcript::said(text)));
        }
        if is_own(text) || text.len() < line.message.len() {
            return Read::Ignored("what the client shows, or the user types");
        }
        if text.first() == Some(&b' ') {
            return Read::Taken(transcript::record(transcript::said(text)));
        }
        transcript::of_terminal(text).map_or(Read::Unrecognised, Read::Ignored)
    }

    fn knows(&self, head: &[u8]) -> bool {
        let mut has = (false, false);
        for line in super::first_lines(head) {
            let text = without_prompt(Bare::read(line).message);
            if text.starts_with(b"<--- ") || text.starts_with(b"--> ") {
                return false;
            }
            let starts: [&[u8]; 9] = [b"220 ", b"220-", b"331 ", b"230 ", b"230-", b"ftp: ", b"tnftp: ", b"421 ", b"530 "];
            has.0 |= starts.iter().any(|start| text.starts_with(start));
            has.1 |= text.starts_with(b"---> ") || text.starts_with(b"Connected to ") || line.starts_with(b"ftp>") || message(text).is_some();
        }
        has == (true, true)
    }

    fn is_for_whole_files(&self) -> bool {
        true
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(transcript::Following::default())
    }
}

/// Without the prompts, several where commands came from a file, that stand in front of an answer.
fn without_prompt(line: &[u8]) -> &[u8] {
    let mut rest = line;
    while let Some(after) = rest.strip_prefix(b"ftp> ") {
        rest = after;
    }
    for start in [&b"User ("[..], b"Name ("] {
        let prompt = rest.strip_prefix(start).and_then(|r| memchr::memmem::find(r, b"): "));
        let answer = prompt.and_then(|at| rest.get(start.len() + at + 3..));
        if let Some(answer) = answer.filter(|a| grammar::reply_line(a).is_some()) {
            return answer;
        }
    }
    let answer = rest.strip_prefix(b"Password:").map(<[u8]>::trim_ascii_start);
    if let Some(answer) = answer.filter(|a| grammar::reply_line(a).is_some()) {
        return answer;
    }
    rest.strip_prefix(b"> ftp:").map_or(rest, |_| rest.get(2..).unwrap_or(rest))
}

fn message(text: &[u8]) -> Option<Aside<'_>> {
    if text.starts_with(b"421 Service not available, remote server has closed connection")
        || text.starts_with(b"Connection closed by remote host")
    {
        return Some(Aside::Closed(End::Fin, Some(Side::Server)));
    }
    if text.starts_with(b"421 Service not available, user interrupt") {
        return Some(Aside::Closed(End::Fin, Some(Side::Client)));
    }
    if let Some(server) = text.strip_prefix(b"Connected to ") {
        let server = server.split(|b| *b == b' ').next().unwrap_or_default();
        return Some(Aside::Connected(transcript::endpoint(server.strip_suffix(b".").unwrap_or(server))));
    }
    if let Some(server) = text.strip_prefix(b"Trying ") {
        let server = server.trim_ascii_end();
        let server = server.strip_suffix(b"...").unwrap_or(server).trim_ascii_end();
        return transcript::endpoint(server).map(|server| Aside::Connecting(Some(server)));
    }
    let words = ["ftp: ", "tnftp: ", "pftp: ", "lukemftp: "].iter().find_map(|name| text.strip_prefix(name.as_bytes()))?;
    if words.starts_with(b"connect to address ") || words.starts_with(b"Can't connect to ") || words.starts_with(b"connect") {
        return transcript::fate(words).map(|fate| Aside::Failed(fate, named(words)));
    }
    None
}

/// The address in `connect to address 192.0.2.10: …` and in ``Can't connect to `192.0.2.10:21': …``.
fn named(words: &[u8]) -> Option<crate::ftp::Endpoint> {
    if let Some(rest) = words.strip_prefix(b"connect to address ") {
        let end = memchr::memmem::find(rest, b": ").unwrap_or(rest.len());
        return transcript::endpoint(rest.get(..end)?);
    }
    let open = words.iter().position(|b| b"`'\"".contains(b))?;
    let rest = words.get(open + 1..)?;
    let end = rest.iter().position(|b| b"'\"".contains(b))?;
    transcript::endpoint(rest.get(..end)?)
}

fn is_own(text: &[u8]) -> bool {
    const STARTS: [&str; 66] = [
        "ftp:", "tnftp: ", "ftp>", "Name (", "User (", "Password:", "Account:", "Login failed", "local: ", "remote: ", "Remote system type",
        "Remote directory", "Local directory", "Using binary mode", "Using ascii mode", "Passive mode", "Hash mark", "Interactive mode",
        "Verbose mode", "Debugging ", "Not connected", "Already connected", "Use of PASV", "features[", "setupsockbufsize",
        "updateremotecwd", "remotemodtime", "(input) ", "?Invalid command", "?Ambiguous command", "usage: ", "Tick counter",
        "Tenex mode", "Filename globbing", "Bell mode", "Glob", "Case mapping", "Type set to", "100% |", "Usage: ", "Invalid command",
        "ftps: ", "Kerberos", "Trying ", "getaddrinfo", "Restarting at", "lcd ", "SSL not available", "Remote system",
        // Windows, in other languages.
        "Verbindung mit ", "Benutzer (", "Kennwort:", "Fehler bei der Anmeldung", "Verbindung beendet", "Connecté à ", "Utilisateur (",
        "Mot de passe", "Échec de l'ouverture", "Conectado a ", "Usuario (", "Contraseña:", "Error al iniciar", "Connesso a ", "Utente (",
        "Accesso non riuscito", "已连接到 ",
    ];
    let is_moved = text.first().is_some_and(u8::is_ascii_digit)
        && (memchr::memmem::find(text, b" bytes ").is_some() || memchr::memmem::find(text, b"% |").is_some());
    let is_bar = text.trim_ascii_start().iter().take(4).any(|b| *b == b'%') && memchr::memchr(b'|', text).is_some();
    // The shell's prompt, and the command.
    let is_shell = [&b"$ ftp"[..], b"# ftp", b">ftp ", b"> ftp "].iter().any(|mark| memchr::memmem::find(text, mark).is_some());
    is_shell || is_moved || is_bar || STARTS.iter().any(|start| text.starts_with(start.as_bytes())) || text == b"Login failed."
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Detected;
    use crate::log::tests::events_of;

    fn told(lines: &str) -> Vec<String> {
        let told = events_of("bsd-ftp", lines);
        told.into_iter().map(|(s, w)| format!("{s} {w}")).collect()
    }

    #[test]
    fn an_answer_that_is_printed_twice_is_one() {
        let line = "229 Entering Extended Passive Mode (|||50000|)\n";
        let lines = format!("220 Ready\n---> EPSV\n{line}{line}---> LIST\n425 no\n---> EPSV\n{line}{line}");
        assert_eq!(told(&lines).iter().filter(|t| t.contains("229 ")).count(), 2);
    }

    #[test]
    fn what_windows_and_shells_show_is_no_reply() {
        for line in [
            "Verbindung mit 192.0.2.10 wurde hergestellt.", "Benutzer (192.0.2.10:(none)): bob", "Kennwort:", "Mot de passe :",
            "C:\\Users\\x>ftp 192.0.2.10", "root@host:~# ftp -p 192.0.2.10", "SSL not available",
        ] {
            let read = FORMAT.read(&Bare::read(line.as_bytes()));
            assert!(matches!(read, Read::Ignored(_)), "{line}: {read:?}");
        }
    }

    #[test]
    fn attempts_that_fail_are_told_as_such() {
        let lines = "Trying 192.0.2.10:21 ...\n\
                     ftp: Can't connect to `192.0.2.10:21': Connection refused\n\
                     ftp: Can't connect to `ftp.example.com:ftp'\n\
                     ftp: connect to address 192.0.2.11: Connection timed out\n\
                     Trying 192.0.2.12...\n\
                     Connected to ftp.example.com.\n220 Ready\n421 Idle for too long.\n";
        assert_eq!(
            told(lines),
            [
                "1 introduced", "1 closed reset", "2 introduced", "2 closed idle", "3 introduced", "3 opened", "3 220 Ready",
                "3 421 Idle for too long.", "3 closed input-ended"
            ]
        );
    }

    #[test]
    fn prompts_and_secrets() {
        let lines = "ftp> ftp> 220 Ready\nUser (h:(none)): 331 pw\nftp> user alice hunter2\nftp> ---> PASS hunter2\n";
        assert_eq!(told(lines), ["1 introduced", "1 220 Ready", "1 331 pw", "1 PASS secret", "1 closed input-ended"]);
        for line in ["220Ready", "data.bin", "22 x"] {
            assert_eq!(FORMAT.read(&Bare::read(line.as_bytes())), Read::Unrecognised, "{line}");
        }
        for head in ["200 ok\n300 more\n", "Connected to a.\n200 ok\n", "220 1 2 3\n221 4 5 6\n", "<--- 220 x\n---> USER u\n220 x\n"] {
            assert_ne!(Detected::by_head(head.as_bytes()), Detected::named("bsd-ftp"), "{head}");
        }
    }
}
