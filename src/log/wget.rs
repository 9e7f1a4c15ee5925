//! What wget shows of FTP: with `-S` or `-d` the commands (`--> `) and every reply, else only its own steps.
//!
//! Replies have no mark. Without them `Logged in!` and `Login incorrect.` stand for one reply each; the other steps
//! (`==> PASV ... done.`) may stand for several and are passed over. A line with the date stands at the start of each file.

use crate::ftp::{End, Endpoint, Side, TransferRecord, Vantage, Verb, grammar};
use crate::log::transcript::{self, Aside};
use crate::log::{
    Bare, Description, Fact, Follow, Format, Implied, Read, Record, Sample, envelope,
};
use crate::time::Stamp;

/// The format.
pub static FORMAT: Wget = Wget;

/// wget's messages.
#[derive(Debug)]
pub struct Wget;

static DESCRIPTION: Description = Description {
    name: "wget",
    title: "wget",
    source: "GNU wget 1.12 to 1.24 src/ftp.c, ftp-basic.c and connect.c, and its messages",
    vantage: Vantage::ClientLog,
    gaps: &[
        "the client's address",
        "the time of what is said",
        "without -S or -d: replies but to the login, and commands",
        "lines inside a reply that begin with neither a blank nor a code",
        "the time zone",
    ],
    samples: &[
        Sample {
            lines: "--2026-11-22 08:16:55--  ftp://ftp.example.com/a.txt\n\
                    \x20          => 'a.txt'\n\
                    Connecting to ftp.example.com (ftp.example.com)|192.0.2.10|:21... connected.\n\
                    220 Ready\n\
                    Logging in as anonymous ... \n\
                    --> USER anonymous\n\
                    \n\
                    331 Password required\n\
                    --> PASS Turtle Power!\n\
                    \n\
                    230 Hello\n\
                    --> RETR a.txt\n\
                    \n\
                    150 Here it comes\n\
                    226 Done\n\
                    2026-11-22 08:16:56 (1,2 MB/s) - 'a.txt' saved [4711]",
            events: "introduced; opened; 220 Ready; USER anonymous; 331 Password required; PASS secret; 230 Hello; RETR a.txt; \
                     150 Here it comes; 226 Done; RETR a.txt 4711 complete; closed input-ended",
        },
        Sample {
            lines: "--2026-11-22 08:16:55--  ftp://192.0.2.10/a.txt\n\
                    Connecting to 192.0.2.10:21... connected.\n\
                    Logging in as alice ... \n\
                    Login incorrect.",
            events: "introduced; opened; login  refused; 530 implied by Login incorrect.; closed input-ended",
        },
    ],
};

impl Format for Wget {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        let text = line.message;
        if let Some(sent) = text.strip_prefix(b"--> ") {
            return match grammar::command(sent) {
                Some(command) => Read::Taken(transcript::record(Fact::Command(command))),
                None => Read::Ignored("an empty command"),
            };
        }
        // Blanks stand before replies of one line, and before lines inside longer ones.
        if grammar::reply_line(text).is_some() {
            return Read::Taken(transcript::record(transcript::said(text)));
        }
        if let Some(taken) = connection(text).or_else(|| saved(text)).or_else(|| login(text)) {
            return taken;
        }
        if is_own(text) {
            return Read::Ignored("a message of the client about a session");
        }
        if text.first() == Some(&b' ') {
            return Read::Taken(transcript::record(transcript::said(text)));
        }
        transcript::of_terminal(text).map_or(Read::Unrecognised, Read::Ignored)
    }

    fn knows(&self, head: &[u8]) -> bool {
        super::first_lines(head).any(|line| {
            line.starts_with(b"--> USER ") || line.starts_with(b"--") && memchr::memmem::find(line, b"--  ftp").is_some()
        })
    }

    fn is_for_whole_files(&self) -> bool {
        true
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(transcript::Following::default())
    }
}

/// `Connecting to ftp.example.com (…)|192.0.2.10|:21... connected.`, or failed, and why. In other languages than English
/// the words are others, but for the bars.
fn connection(text: &[u8]) -> Option<Read<'_>> {
    if text.starts_with(b"Control connection closed") {
        let fact = Fact::Client(Aside::Closed(End::Fin, Some(Side::Server)));
        return Some(Read::Taken(transcript::record(fact)));
    }
    if text.starts_with(b"Error in server response") {
        let fact = Fact::Client(Aside::Closed(End::Fin, Some(Side::Client)));
        return Some(Read::Taken(transcript::record(fact)));
    }
    if let Some(why) = text.strip_prefix(b"failed: ") {
        let fate = transcript::fate(why)?;
        return Some(Read::Taken(transcript::record(Fact::Client(Aside::Failed(fate, None)))));
    }
    if text == b"couldn't connect" || text.starts_with(b"couldn't connect to ") {
        let fate = transcript::fate(text)?;
        return Some(Read::Taken(transcript::record(Fact::Client(Aside::DataFailed(fate)))));
    }
    let is_english = text.starts_with(b"Connecting to ");
    let end = memchr::memmem::find(text, b"...").or_else(|| memchr::memmem::find(text, "…".as_bytes()));
    let head = text.get(..end?)?;
    let has_bars = memchr::memmem::find(head, b"|:").is_some();
    if !is_english && !has_bars {
        return None;
    }
    let server = server(head)?;
    if matches!(server.port, Some(80 | 443)) {
        return Some(Read::Ignored("another protocol"));
    }
    let outcome = text.get(head.len()..)?;
    let fact = match transcript::fate(outcome) {
        Some(fate) => Aside::Failed(fate, Some(server)),
        None if memchr::memmem::find(outcome, b"failed").is_some() => return Some(Read::Ignored("an attempt to connect that failed, for an unknown reason")),
        None if is_english && memchr::memmem::find(outcome, b"connected").is_some() => Aside::Connected(Some(server)),
        None => Aside::Connecting(Some(server)),
    };
    Some(Read::Taken(transcript::record(Fact::Client(fact))))
}

/// The last word of `Connecting to ftp.example.com (ftp.example.com)|192.0.2.10|:21`.
fn server(head: &[u8]) -> Option<Endpoint> {
    let word = head.trim_ascii_end().rsplit(|b| *b == b' ').next()?;
    let Some(bars) = memchr::memmem::rfind(word, b"|:") else {
        return transcript::endpoint(word);
    };
    let before = word.get(..bars)?;
    let open = memchr::memrchr(b'|', before)?;
    // Of several addresses the first is tried first.
    let first = before.get(open + 1..)?.split(|b| *b == b',').next()?;
    let mut server = transcript::endpoint(first)?;
    server.port = transcript::number(word.get(bars + 2..)?);
    Some(server)
}

/// `2026-11-22 08:16:56 (1,2 MB/s) - 'a.txt' saved [4711]`, or `[4711/4711]`.
fn saved(text: &[u8]) -> Option<Read<'_>> {
    let (stamp, rest) = envelope::blank_date(text)?;
    let rest = rest.strip_prefix(b" (")?;
    let dash = memchr::memmem::find(rest, b") - ")?;
    let rest = rest.get(dash + 4..)?;
    let open = memchr::memrchr(b'[', rest)?;
    let numbers = rest.get(open + 1..)?.trim_ascii_end().strip_suffix(b"]")?;
    let mut numbers = numbers.split(|b| *b == b'/').map(envelope::number);
    let bytes = numbers.next()??;
    let whole = numbers.next().flatten();
    let name = rest.get(..open)?.trim_ascii();
    let name = name.get(..memchr::memrchr(b' ', name).unwrap_or(name.len()))?;
    let record = TransferRecord {
        verb: Verb::RETR,
        path: unquoted(name),
        bytes: Some(bytes),
        complete: Some(whole.is_none_or(|whole| whole == bytes)),
    };
    Some(Read::Taken(Record {
        stamp,
        ..transcript::record(Fact::Transfer(record))
    }))
}

fn unquoted(name: &[u8]) -> &[u8] {
    for (open, close) in [("‘", "’"), ("'", "'"), ("`", "'"), ("»", "«"), ("„", "“"), ("« ", " »"), ("«", "»")] {
        let inner = name.strip_prefix(open.as_bytes()).and_then(|n| n.strip_suffix(close.as_bytes()));
        if let Some(inner) = inner {
            return inner;
        }
    }
    name
}

/// `Logging in as alice ... Logged in!`, and what it comes to where that stands in a line of its own.
fn login(text: &[u8]) -> Option<Read<'_>> {
    let rest = match text.strip_prefix(b"Logging in as ") {
        Some(rest) => {
            let dots = memchr::memmem::find(rest, b" ... ")?;
            if rest.get(dots + 5..)?.is_empty() {
                return Some(Read::Ignored("a message of the client about a session"));
            }
            (Some(rest.get(..dots)?), rest.get(dots + 5..)?)
        }
        None => (None, text),
    };
    let (user, outcome) = rest;
    let (accepted, implied) = match outcome.trim_ascii() {
        b"Logged in!" => (true, Implied::new(230, "Logged in!")),
        b"Login incorrect." => (false, Implied::new(530, "Login incorrect.")),
        _ => return None,
    };
    Some(Read::Taken(Record {
        user,
        implied,
        ..transcript::record(Fact::Login { accepted, reason: b"" })
    }))
}

fn is_own(text: &[u8]) -> bool {
    const STARTS: [&str; 44] = [
        "           => ", "==> ", "done.", "Logging in as ", "Length: ", "Resolving ", "Reusing existing connection", "Setting --",
        "DEBUG output", "Reading HSTS", "URI encoding", "Converted file name", "Created socket", "Releasing ", "Deleting unused",
        "conaddr is", "trying to connect to", "Closed fd", "UNIX TYPE", "VMS: I know", "Windows_NT", "changing working directory",
        "Prepended initial PWD", "   pwd: ", "   old: ", "  new: ", "Logged in!", "Local socket fd", "binding to address",
        "Accepted client", "No such file", "No such directory", "Caching ", "Found ", "Removed ", "Finished ", "FINISHED ",
        "Downloaded: ", "Total wall clock", "Retrying", "Giving up", "Saving HSTS", "File ", "Removing ",
    ];
    let starts = STARTS.iter().any(|start| text.starts_with(start.as_bytes()));
    let word = text.trim_ascii_start();
    let digits = word.iter().take_while(|b| b.is_ascii_digit()).count();
    let is_bar = digits > 0 && word.get(digits) == Some(&b'K') && text.first() == Some(&b' ');
    let is_saved = text.starts_with(b"20") && envelope::blank_date(text).is_some_and(|(stamp, _)| stamp != Stamp::None);
    let is_bar_of_terminal = memchr::memmem::find(text, b"%[").is_some() || memchr::memmem::find(text, b"=>   ").is_some();
    starts || is_bar || is_saved || is_bar_of_terminal || text.starts_with(b"--2") || text.starts_with(b"--1")
        || text.starts_with(b"--0") || text.ends_with(b"error: ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Detected;
    use crate::log::tests::events_of;

    fn told(lines: &str) -> Vec<String> {
        let told = events_of("wget", lines);
        told.into_iter().map(|(s, w)| format!("{s} {w}")).collect()
    }

    #[test]
    fn attempts_and_other_languages() {
        let lines = "Connecting to ftp.example.com (ftp.example.com)|192.0.2.10|:21... failed: Connection refused.\n\
                     Connecting to 192.0.2.11:2121... failed: Connection timed out.\n\
                     Verbindungsaufbau zu ftp.example.com (ftp.example.com)|192.0.2.10|:21 … verbunden.\n\
                     220 Hallo\n";
        assert_eq!(
            told(lines),
            ["1 introduced", "1 closed reset", "2 introduced", "2 closed idle", "3 introduced", "3 opened", "3 220 Hallo", "3 closed input-ended"]
        );
    }

    #[test]
    fn without_replies_only_the_login_is_known() {
        let lines = "Connecting to 192.0.2.10:21... connected.\n\
                     Logging in as alice ... Logged in!\n\
                     ==> SYST ... done.    ==> PWD ... done.\n\
                     ==> SIZE a ... 6\n\
                     ==> PASV ... done.    ==> RETR a ... done.\n\
                     \x20    0K                                                       100%  129K=0s\n\
                     2026-11-22 08:16:56 (129 KB/s) - \u{2018}a b\u{2019} saved [6/7]\n";
        assert_eq!(
            told(lines)[2..],
            ["1 login alice accepted", "1 230 implied by Logged in!", "1 RETR a b 6 incomplete", "1 closed input-ended"]
        );
    }

    #[test]
    fn other_protocols_and_secrets_are_not_told() {
        let http = b"--2026-11-22 08:16:55--  http://example.com/\nConnecting to example.com|192.0.2.10|:80... connected.\n\
                     HTTP request sent, awaiting response... 200 OK\nLength: 5 [text/html]\n";
        assert_eq!(Detected::by_head(http), None);
        for line in ["--> PASS hunter2", "Setting --password (password) to hunter2"] {
            let read = FORMAT.read(&Bare::read(line.as_bytes()));
            assert!(read != Read::Unrecognised && !format!("{read:?}").contains("104, 117, 110"), "{line}");
        }
    }
}
