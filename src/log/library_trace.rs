//! What libraries and programs print of what they say and hear, behind marks of their own: `Net::FTP` of Perl and of Ruby,
//! node-ftp, `FluentFTP` and Rebex behind a logger, libcurl's callbacks, suppaftp, editors with FTP in them. Also lines
//! without any mark, as a stream that was saved from a capture has them.
//!
//! A mark alone proves nothing, so what stands behind it decides: a reply's code, or a verb of FTP. All other lines are the
//! program's own. Programs that mark lines in ways of their own, and say more beside, have a format of their own.

use std::borrow::Cow;

use crate::ftp::{Side, Vantage, grammar};
use crate::log::transcript::{self, Aside};
use crate::log::{Bare, Description, Fact, Follow, Format, Read, Record, Sample, envelope};
use crate::text::StableHash;
use crate::time::Stamp;

/// The format.
pub static FORMAT: LibraryTrace = LibraryTrace;

/// What libraries print.
#[derive(Debug)]
pub struct LibraryTrace;

static DESCRIPTION: Description = Description {
    name: "library-trace",
    title: "what FTP libraries print (Perl, Ruby, Node.js, .NET, libcurl), and bare dialogues",
    source: "Net::Cmd 3.14 of Perl, net-ftp 0.3 of Ruby, node-ftp 0.3, FluentFTP 49, suppaftp 6, and what they print",
    vantage: Vantage::ClientLog,
    gaps: &[
        "the client's address",
        "the time, where no logger writes it",
        "how a connection begins and ends",
        "which connection a line is of, but for Perl's",
        "lines inside a reply that have no mark",
    ],
    samples: &[
        Sample {
            lines: "Net::FTP>>> Net::FTP(3.14)\n\
                    Net::FTP=GLOB(0x55d0c8)<<< 220-Welcome\n\
                    Net::FTP=GLOB(0x55d0c8)<<<  to all\n\
                    Net::FTP=GLOB(0x55d0c8)<<< 220 Ready\n\
                    Net::FTP=GLOB(0x55d0c8)>>> USER alice\n\
                    Net::FTP=GLOB(0x55d0c8)<<< 331 Password required\n\
                    Net::FTP=GLOB(0x55d0c8)>>> PASS ....\n\
                    Net::FTP=GLOB(0x55d0c8)<<< 530 Login incorrect.",
            events: "introduced; 220 Welcome\n to all\nReady; USER alice; 331 Password required; PASS secret; \
                     530 Login incorrect.; closed input-ended",
        },
        Sample {
            lines: "2026-11-22 08:16:55.100 [INF] (Fetch.Ftp) Response: 220 Ready [739139.554d]\n\
                    2026-11-22 08:16:55.200 [INF] (Fetch.Ftp) Command:  FEAT\n\
                    2026-11-22 08:16:55.210 [DBG] (Fetch.Ftp) Waiting for response to: FEAT\n\
                    2026-11-22 08:16:55.300 [INF] (Fetch.Ftp) Response: 500 Unknown [2ms]",
            events: "introduced; 220 Ready [739139.554d]; FEAT; 500 Unknown [2ms]; closed input-ended",
        },
        Sample {
            lines: "[connection] < '220-Hi\\r\\n220 It\\'s ready\\r\\n'\n\
                    [parser] < '220 Ready\\r\\n'\n\
                    [connection] > 'USER alice'\n\
                    [connection] < '530 No\\r\\n'",
            events: "introduced; 220 Hi\nIt's ready; USER alice; 530 No; closed input-ended",
        },
        Sample {
            lines: "220 Ready\nUSER alice\n331 Password required\nPASS x\n230 In\nQUIT\n221 Bye",
            events: "introduced; 220 Ready; USER alice; 331 Password required; PASS secret; 230 In; QUIT; 221 Bye; closed goodbye",
        },
    ],
};

impl Format for LibraryTrace {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        match spoken(line) {
            Some(spoken) => Read::Taken(Record {
                stamp: spoken.stamp,
                number: spoken.number,
                ..transcript::record(spoken.fact)
            }),
            None if line.message.is_empty() => Read::Unrecognised,
            None => Read::Ignored("another message of the program"),
        }
    }

    fn knows(&self, head: &[u8]) -> bool {
        let (mut proofs, mut replies, mut foreign, mut marked) = (0, 0, 0, 0);
        for line in super::first_lines(head) {
            if memchr::memmem::find(line, b"EZA").is_some_and(|at| at < 2) {
                return false;
            }
            let line = Bare::read(line);
            let Some(spoken) = spoken(&line) else {
                continue;
            };
            foreign += usize::from(!spoken.is_common);
            marked += usize::from(!spoken.is_bare);
            match spoken.fact {
                Fact::Command(command) => proofs += usize::from(PROOFS.contains(&command.verb.to_string().as_str())),
                Fact::Client(Aside::Sent(_)) => proofs += 1,
                _ => replies += 1,
            }
        }
        // Without any mark, more must speak for it.
        proofs > 0 && replies > usize::from(marked == 0) && foreign > 0
    }

    fn is_for_whole_files(&self) -> bool {
        true
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(transcript::Following::default())
    }
}

/// A line of what was said.
struct Spoken<'b> {
    stamp: Stamp,
    number: u32,
    fact: Fact<'b>,
    /// The mark is one that clients of other formats write as well.
    is_common: bool,
    /// There is no mark.
    is_bare: bool,
}

/// A mark, whose words stand behind it, and whether it says so without a code too.
struct Mark {
    text: &'static str,
    side: Side,
    is_sure: bool,
}

const fn mark(text: &'static str, side: Side, is_sure: bool) -> Mark {
    Mark { text, side, is_sure }
}

/// The marks, the longer ones first where one ends like another.
#[rustfmt::skip]
static MARKS: [Mark; 20] = [
    mark("<<< ", Side::Server, true),
    mark(">>> ", Side::Client, true),
    mark("<< ", Side::Server, false),
    mark(">> ", Side::Client, false),
    mark("<- ", Side::Server, false),
    mark("-> ", Side::Client, false),
    mark("< ", Side::Server, false),
    mark("> ", Side::Client, false),
    mark("Response: ", Side::Server, true),
    mark("Response:\t", Side::Server, true),
    mark("Command: ", Side::Client, true),
    mark("Command:\t", Side::Client, true),
    mark("get: ", Side::Server, true),
    mark("put: ", Side::Client, true),
    mark("HEADER_IN: ", Side::Server, false),
    mark("HEADER_OUT: ", Side::Client, false),
    mark("Received: ", Side::Server, false),
    mark("Sent: ", Side::Client, false),
    mark("CC IN: ", Side::Server, false),
    mark("CC OUT: ", Side::Client, false),
];

/// How much may stand before a mark: a date, a level, the name of a class.
const PREFIX_BYTES: usize = 192;

fn spoken<'b>(line: &Bare<'b>) -> Option<Spoken<'b>> {
    let text = line.message;
    // Syslog's date may be followed by the mark itself, which then looks like a program's name.
    let tagged = match line.tag {
        Some(b"Response") if line.pid.is_none() => fact(Side::Server, text, true),
        Some(b"Command") if line.pid.is_none() => fact(Side::Client, text, true),
        _ => None,
    };
    if let Some(fact) = tagged {
        return Some(Spoken { stamp: line.stamp, number: 0, fact, is_common: false, is_bare: false });
    }
    if text.starts_with(b"[parser] ") {
        return None;
    }
    let head = text.get(..PREFIX_BYTES).unwrap_or(text);
    let found = |mark: &'static Mark| {
        let at = memchr::memmem::find(head, mark.text.as_bytes())?;
        let before = text.get(..at)?;
        let is_word = before.last().is_none_or(|b| b" \t])}:_|`".contains(b) || before.starts_with(b"Net::"));
        is_word.then_some((at, mark))
    };
    // The first mark is the program's: what is said stands behind it. Of those that end at one place the longest counts.
    let (at, mark) = MARKS.iter().filter_map(found).min_by_key(|(at, mark)| (*at, MARKS.len() - mark.text.len()))
        .or_else(|| bare(text))?;
    let (prefix, said) = (text.get(..at)?, text.get(at + mark.text.len()..)?);
    let said = if mark.text.starts_with("HEADER") { behind_clock(said) } else { said };
    let own = ["<<< ", ">>> ", "get: ", "put: ", "-> ", "<- ", ""];
    Some(Spoken {
        stamp: stamp(prefix).unwrap_or(line.stamp),
        number: number(prefix),
        fact: fact(mark.side, said, mark.is_sure)?,
        is_common: prefix.is_empty() && !own.contains(&mark.text) && !is_quoted(said),
        is_bare: mark.text.is_empty(),
    })
}

/// No mark at all.
static NO_MARKS: [Mark; 2] = [mark("", Side::Server, false), mark("", Side::Client, false)];

/// A reply or a command without a mark.
fn bare(text: &[u8]) -> Option<(usize, &'static Mark)> {
    let is_reply = grammar::reply_line(text).is_some();
    let [server, client] = &NO_MARKS;
    Some((0, if is_reply { server } else { client })).filter(|_| is_reply || is_command(text))
}

/// The verbs by which a command is known.
const VERBS: [&str; 42] = [
    "ABOR", "ACCT", "ALLO", "APPE", "AUTH", "CCC", "CDUP", "CLNT", "CWD", "DELE", "EPRT", "EPSV", "FEAT", "HELP", "HOST", "LIST",
    "MDTM", "MFMT", "MKD", "MLSD", "MLST", "MODE", "NLST", "NOOP", "OPTS", "PASS", "PASV", "PBSZ", "PORT", "PROT", "PWD", "QUIT",
    "REST", "RETR", "RMD", "RNFR", "RNTO", "SITE", "SIZE", "STOR", "SYST", "TYPE",
];

/// Those that mail and news do not know, whose replies look alike.
const PROOFS: [&str; 12] = ["USER", "PASV", "EPSV", "PORT", "EPRT", "RETR", "STOR", "CWD", "MLSD", "TYPE", "FEAT", "PWD"];

fn is_command(text: &[u8]) -> bool {
    let word = text.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    word == b"USER" || VERBS.iter().any(|verb| verb.as_bytes() == word)
}

/// What one side said, if it is that. Where the mark is sure, the server's lines inside a reply are told too.
fn fact(side: Side, text: &[u8], is_sure: bool) -> Option<Fact<'_>> {
    let text = text.strip_prefix(b" ").filter(|rest| side == Side::Client || grammar::reply_line(rest).is_some()).unwrap_or(text);
    let text = match unquoted(text)? {
        Cow::Borrowed(text) => text,
        Cow::Owned(text) if side == Side::Server => {
            let has_code = grammar::reply_line(text.split(|b| *b == b'\n').next()?).is_some();
            return (has_code || text.starts_with(b" ")).then_some(Fact::Client(Aside::Said(Cow::Owned(text))));
        }
        Cow::Owned(text) => {
            let text = text.strip_suffix(b"\n").unwrap_or(&text);
            let command = grammar::command(text).filter(|command| is_command(text) && !command.is_secret());
            let sent = Aside::Sent(Cow::Owned(text.to_vec()));
            return command.map(|_| Fact::Client(sent));
        }
    };
    match side {
        Side::Server => {
            let is_inside = is_sure && !text.is_empty() || text.starts_with(b" ");
            (grammar::reply_line(text).is_some() || is_inside).then(|| transcript::said(text))
        }
        Side::Client => {
            let is_known = is_command(text) && memchr::memchr(b'\n', text).is_none();
            grammar::command(text).filter(|_| is_known).map(Fact::Command)
        }
    }
}

fn is_quoted(text: &[u8]) -> bool {
    matches!(text, [b'\'', .., b'\''] | [b'"', .., b'"'])
}

/// Out of quotes, with what a language writes for line ends made line ends again; out of a list of bytes.
fn unquoted(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    if let Some(list) = text.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")) {
        let byte = |digits: &[u8]| envelope::number(digits.trim_ascii()).and_then(|n| u8::try_from(n).ok());
        let bytes: Option<Vec<u8>> = list.split(|b| *b == b',').map(byte).collect();
        return Some(Cow::Owned(without_ends(&bytes?)));
    }
    let inside = if is_quoted(text) { text.get(1..text.len() - 1)? } else { text };
    if memchr::memchr(b'\\', inside).is_none() || (!is_quoted(text) && memchr::memmem::find(inside, b"\\r\\n").is_none()) {
        return Some(Cow::Borrowed(inside));
    }
    let mut plain = Vec::with_capacity(inside.len());
    let mut bytes = inside.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => match bytes.next() {
                Some(b'n') => plain.push(b'\n'),
                Some(b'r') | None => {}
                Some(b't') => plain.push(b'\t'),
                Some(other) => plain.push(other),
            },
            _ => plain.push(byte),
        }
    }
    Some(Cow::Owned(without_ends(&plain)))
}

/// With LF between lines, and none behind them.
fn without_ends(text: &[u8]) -> Vec<u8> {
    let mut text: Vec<u8> = text.iter().copied().filter(|b| *b != b'\r').collect();
    while text.last() == Some(&b'\n') {
        text.pop();
    }
    text
}

/// Without `12.35.47.540 `, which a program may put between the mark and what was said.
fn behind_clock(text: &[u8]) -> &[u8] {
    let cut = envelope::word(text).filter(|(clock, _)| clock.len() >= 8 && clock.iter().all(|b| b.is_ascii_digit() || b".:".contains(b)));
    cut.map_or(text, |(_, rest)| rest)
}

/// The date with which a logger begins a line.
fn stamp(prefix: &[u8]) -> Option<Stamp> {
    let inside = prefix.strip_prefix(b"[").unwrap_or(prefix);
    let word = inside.split(|b| *b == b' ' || *b == b']').next().unwrap_or_default();
    let Some((stamp, rest)) = envelope::blank_date(inside) else {
        return envelope::iso_date(word);
    };
    // ` +02:00`
    let zone = rest.strip_prefix(b" ").and_then(|rest| rest.get(..6)).filter(|zone| matches!(zone.first(), Some(b'+' | b'-')));
    let zoned = zone.and_then(|zone| {
        let date = inside.get(..inside.len() - rest.len())?;
        let text = [date, zone].concat();
        let text: Vec<u8> = text.iter().map(|b| if *b == b' ' { b'T' } else { *b }).collect();
        envelope::iso_date(&text)
    });
    Some(zoned.unwrap_or(stamp))
}

/// The number of a connection: Perl names the object that holds it.
fn number(prefix: &[u8]) -> u32 {
    if !prefix.starts_with(b"Net::FTP=") {
        return 0;
    }
    let hash = prefix.iter().fold(StableHash::new(), |hash, byte| hash.number(u64::from(*byte))).finish();
    u32::try_from(hash >> 33).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Detected;
    use crate::log::tests::{events_of, shows};

    fn told(lines: &str) -> Vec<String> {
        let detected = Detected::by_head(lines.as_bytes()).and_then(Detected::describe).map(|d| d.name);
        assert_eq!(detected, Some("library-trace"), "{lines}");
        events_of("library-trace", lines).into_iter().map(|(_, words)| words).collect()
    }

    const LOGIN: [&str; 6] = ["introduced", "220 Hi", "USER bob", "331 Pw", "PASS secret", "530 No"];

    #[test]
    fn the_marks_of_many_programs_are_known() {
        for lines in [
            "connect: 192.0.2.10, 21\nget: 220 Hi\nput: USER bob\nget: 331 Pw\nput: PASS ******\nget: 530 No\n",
            "[02-23 12:17:23] [debug] < '220 Hi\\r\\n'\n[02-23 12:17:23] [debug] > USER bob\n[02-23 12:17:23] [debug] < '331 Pw\\r\\n'\n\
             [02-23 12:17:23] [debug] > PASS ******\n[02-23 12:17:24] [debug] < '530 No\\r\\n'\n",
            "Connecting\n220 Hi\n-> USER bob\n331 Pw\n-> PASS *HIDDEN*\n530 No\nUnable to connect\n",
            "x.js:97 < 220 Hi\nx.js:97 > USER bob\nx.js:97 < 331 Pw\nx.js:97 > PASS x\nx.js:97 < 530 No\n",
            "CURLINFO_HEADER_IN: 12.35.47.575 220 Hi\nCURLINFO_TEXT: 12.35.47.577 x\nCURLINFO_HEADER_OUT: USER bob\n\
             CURLINFO_HEADER_IN: 331 Pw\nCURLINFO_HEADER_OUT: PASS x\nCURLINFO_HEADER_IN: 530 No\n",
            "[Info]: Response: 220 Hi\n[Info]: Command:  USER bob\n[Info]: Response: 331 Pw\n[Info]: Command:  PASS ***\n[Info]: Response: 530 No\n",
            "info: A.B[0]\n      Response: 220 Hi\ninfo: A.B[0]\n      Command:  USER bob\n      Response: 331 Pw\n\
             \x20     Command:  PASS ***\n      Response: 530 No\n",
            "[2026-11-22T08:16:55Z TRACE suppaftp] CC IN: [50, 50, 48, 32, 72, 105, 13, 10]\n[2026-11-22T08:16:55Z TRACE suppaftp] CC OUT: USER bob\n\
             [2026-11-22T08:16:55Z TRACE suppaftp] CC IN: [51, 51, 49, 32, 80, 119, 13, 10]\n[2026-11-22T08:16:55Z TRACE suppaftp] CC OUT: PASS x\n\
             [2026-11-22T08:16:55Z TRACE suppaftp] CC IN: [53, 51, 48, 32, 78, 111, 13, 10]\n",
        ] {
            assert_eq!(told(lines)[..6], LOGIN, "{lines}");
        }
    }

    #[test]
    fn connections_of_perl_are_told_apart() {
        let lines = "Net::FTP=GLOB(0x1)<<< 220 a\nNet::FTP=GLOB(0x2)<<< 220 b\nNet::FTP=GLOB(0x1)>>> USER c\n";
        let told = events_of("library-trace", lines);
        let sessions: Vec<_> = told.iter().map(|(session, words)| (*session, words.as_str())).collect();
        assert!(sessions.contains(&(1, "USER c")) && sessions.contains(&(2, "220 b")), "{sessions:?}");
    }

    #[test]
    fn other_texts_are_not_taken_for_a_dialogue() {
        for text in [
            "220 pages\nLIST of things\n331 more\n",
            "GET / HTTP/1.1\n< HTTP/1.1 200 OK\n> Host: x\n",
            "* Connected\n< 220 Hi\n> USER bob\n< 530 No\n> QUIT\n",
            "220 mx ESMTP\nEHLO x\n250 ok\nQUIT\n221 bye\n",
        ] {
            let found = Detected::by_head(text.as_bytes()).and_then(Detected::describe);
            assert_ne!(found.map(|d| d.name), Some("library-trace"), "{text}");
        }
    }

    #[test]
    fn secrets_are_not_kept() {
        for line in [">>> PASS hunter2", "[connection] > 'PASS hunter2\\n'", "CC OUT: ACCT hunter2", "Command:  PASS hunter2", "put: PASS hunter2"] {
            let read = FORMAT.read(&Bare::read(line.as_bytes()));
            assert!(!shows(&read, "hunter2"), "{line}: {read:?}");
        }
    }
}
