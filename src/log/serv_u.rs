//! Serv-U's log: commands, replies and events, each with the number of its session.
//!
//! Which of them are written is the owner's choice. What an event stands for is told only where the log holds no replies.
//! Up to version 6 the number in front is the owner's choice too, so text alone tells commands from replies; since
//! version 7 it is 20 for commands and 21 for replies. A session on the port of SSH or HTTP is passed over.

use crate::ftp::{Command, End, TransferRecord, Vantage, Verb, grammar};
use crate::log::{
    Bare, Description, Fact, Follow, Format, Implied, Read, Record, Sample, envelope, protocols,
};
use crate::time::{Stamp, days_from_date};

/// The format.
pub static FORMAT: ServU = ServU;

/// Serv-U's log.
#[derive(Debug)]
pub struct ServU;

static DESCRIPTION: Description = Description {
    name: "serv-u",
    title: "Serv-U",
    source: "logs of Serv-U 6 and 15.1, and a program that evaluates those of 2013",
    vantage: Vantage::ServerLog,
    gaps: &[
        "the client's port",
        "lines inside a reply that have no code",
        "who closed a session",
        "the time zone",
        "what the owner chose not to have logged",
    ],
    samples: &[
        Sample {
            lines: "[02] Sun 22Nov26 08:16:55 - (000123) Connected to 192.0.2.7 (local address 192.0.2.10, port 21)\n\
                    [21] Sun 22Nov26 08:16:55 - (000123) 220 Serv-U FTP Server v15.1 ready...\n\
                    [20] Sun 22Nov26 08:16:56 - (000123) USER alice\n\
                    [21] Sun 22Nov26 08:16:56 - (000123) 331 User name okay, need password.\n\
                    [20] Sun 22Nov26 08:16:56 - (000123) PASS **********\n\
                    [02] Sun 22Nov26 08:16:56 - (000123) User \"alice\" logged in\n\
                    [21] Sun 22Nov26 08:16:56 - (000123) 230 User logged in, proceed.\n\
                    [20] Sun 22Nov26 08:16:57 - (000123) QUIT\n\
                    [21] Sun 22Nov26 08:16:57 - (000123) 221 Goodbye, closing session.\n\
                    [02] Sun 22Nov26 08:16:57 - (000123) Closed session",
            events: "introduced 192.0.2.7; opened; 220 Serv-U FTP Server v15.1 ready...; USER alice; \
                     331 User name okay, need password.; PASS secret; login alice accepted; \
                     230 User logged in, proceed.; QUIT; 221 Goodbye, closing session.; closed goodbye",
        },
        Sample {
            lines: "[02] Sun 22Nov26 08:16:55 - (000124) Connected to 192.0.2.7 (local address 192.0.2.10, port 21)\n\
                    [02] Sun 22Nov26 08:16:56 - (000124) User \"bob\" logged in\n\
                    [03] Sun 22Nov26 08:16:59 - (000124) Sent file \"D:\\a - b.txt\" successfully (1,234.56 KB/sec - 811,068 bytes)\n\
                    [02] Sun 22Nov26 08:17:00 - (000124) User \"bob\" logged out\n\
                    [02] Sun 22Nov26 08:17:01 - (000125) Connected to 192.0.2.8 (local address 192.0.2.10, port 21)\n\
                    [02] Sun 22Nov26 08:17:02 - (000125) Invalid login credentials; user: \"eve\"; password: \"x\"",
            events: "introduced 192.0.2.7; opened; login bob accepted; 230 implied by logged in; \
                     RETR D:\\a - b.txt 811068 complete; introduced 192.0.2.8; opened; login eve refused; \
                     226 implied by Sent file; closed input-ended; 530 implied by Invalid login credentials; \
                     closed input-ended",
        },
        Sample {
            lines: "[5] Sun 22Nov26 08:16:55 - (000007) Connected to 192.0.2.7 (Local address 192.0.2.10)\n\
                    [6] Sun 22Nov26 08:16:55 - (000007) 220 Serv-U FTP Server v6.4 for WinSock ready...\n\
                    [2] Sun 22Nov26 08:16:56 - (000007) USER alice\n\
                    [4] Sun 22Nov26 08:16:57 - (000007) Receiving file \\\\srv\\a.txt",
            events: "introduced 192.0.2.7; opened; 220 Serv-U FTP Server v6.4 for WinSock ready...; USER alice; \
                     closed input-ended",
        },
    ],
};

impl Format for ServU {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        entry(line.message).unwrap_or(Read::Unrecognised)
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(protocols::Following::mostly_ftp())
    }
}

/// `[02] Sun 22Nov26 08:16:55 - (000123) text`; what the server writes about itself has no session.
fn entry(line: &[u8]) -> Option<Read<'_>> {
    let rest = line.strip_prefix(b"[")?;
    let end = memchr::memchr(b']', rest.get(..4).unwrap_or(rest))?;
    let kind = envelope::number(rest.get(..end)?)?;
    let (stamp, rest) = date(rest.get(end + 1..)?.strip_prefix(b" ")?)?;
    let rest = rest.strip_prefix(b" - ")?;
    let Some(inside) = rest.strip_prefix(b"(") else {
        return Some(Read::Ignored("a message of the server about itself"));
    };
    let end = memchr::memchr(b')', inside.get(..12).unwrap_or(inside))?;
    let number = u32::try_from(envelope::number(inside.get(..end)?)?).ok()?;
    let text = inside.get(end + 1..)?;
    let text = text.strip_prefix(b" ").unwrap_or(text);
    let record = |fact| Record {
        stamp,
        number,
        client: b"",
        user: None,
        times: 1,
        fact,
        implied: None,
    };
    Some(match said(kind, text) {
        Some(Said::Reply) => Read::Taken(record(Fact::Reply {
            text,
            ends_line: true,
        })),
        Some(Said::Command(command)) => Read::Taken(record(Fact::Command(command))),
        None => match told(text) {
            Some((client, user, fact, implied)) => Read::Taken(Record {
                client,
                user,
                implied,
                ..record(fact)
            }),
            None => Read::Ignored("a message of the server about a session"),
        },
    })
}

/// `Sun 22Nov26 08:16:55`, and what follows.
fn date(text: &[u8]) -> Option<(Stamp, &[u8])> {
    let (&[_, _, _, b' ', d1, d2, m1, m2, m3, y1, y2, b' '], rest) = text.split_first_chunk::<12>()? else {
        return None;
    };
    let day = envelope::two(d1, d2).filter(|day| (1..=31).contains(day))?;
    let days = days_from_date(2000 + envelope::two(y1, y2)?, envelope::month([m1, m2, m3])?, day);
    let (time, rest) = rest.split_first_chunk::<8>()?;
    Some((Stamp::Local(days * 86_400 + envelope::clock(*time)?, 0), rest))
}

enum Said<'b> {
    Reply,
    Command(Command<'b>),
}

/// What was said by either side; `None` for what the server writes about it.
fn said(kind: u64, text: &[u8]) -> Option<Said<'_>> {
    match kind {
        20 => return grammar::command(text).map(Said::Command),
        21 => return Some(Said::Reply),
        10.. => return None,
        _ => {}
    }
    if grammar::reply_line(text).is_some() {
        return Some(Said::Reply);
    }
    // Verbs are capitals, events are sentences.
    let verb = text.split(|b| *b == b' ').next().unwrap_or_default();
    let is_verb = (3..=4).contains(&verb.len()) && verb.iter().all(u8::is_ascii_uppercase);
    grammar::command(text).filter(|_| is_verb).map(Said::Command)
}

type Told<'b> = (&'b [u8], Option<&'b [u8]>, Fact<'b>, Option<Implied>);

/// What an event tells: client, user, fact, and what it stands for.
fn told(text: &[u8]) -> Option<Told<'_>> {
    if let Some(rest) = text.strip_prefix(b"Connected to ") {
        let client = rest.split(|b| *b == b' ').next().unwrap_or_default();
        let client = client.strip_suffix(b";").unwrap_or(client);
        // SSH and HTTP; the port is not written by old versions, which know FTP only.
        let others: [&[u8]; 3] = [b", port 22)", b", port 80)", b", port 443)"];
        let fact = if others.iter().any(|end| rest.ends_with(end)) {
            Fact::Remark("another protocol")
        } else {
            Fact::Opened { refused: false }
        };
        return Some((unquoted(client), None, fact, None));
    }
    if text.starts_with(b"Closed session") || text.starts_with(b"Closing connection") {
        return Some((b"", None, Fact::Closed(End::Fin), None));
    }
    if let Some(rest) = text.strip_prefix(b"Invalid login credentials; ") {
        // The password may follow; it is not looked at.
        let name = rest.get(memchr::memchr(b'"', rest)? + 1..)?;
        let end = memchr::memmem::find(name, b"\";").or_else(|| memchr::memchr(b'"', name))?;
        return Some(login(name.get(..end)?, false));
    }
    if let Some(rest) = text.strip_prefix(b"User \"") {
        return Some(login(rest.strip_suffix(b"\" logged in")?, true));
    }
    let (verb, rest, by) = match (text.strip_prefix(b"Sent file "), text.strip_prefix(b"Received file ")) {
        (Some(rest), _) => (Verb::RETR, rest, "Sent file"),
        (_, Some(rest)) => (Verb::STOR, rest, "Received file"),
        _ => return None,
    };
    transfer(verb, rest, by)
}

fn login(user: &[u8], accepted: bool) -> Told<'_> {
    let (code, by) = if accepted { (230, "logged in") } else { (530, "Invalid login credentials") };
    (b"", Some(user), Fact::Login { accepted, reason: b"" }, Implied::new(code, by))
}

/// `"D:\a.txt" successfully (1,234.56 KB/sec - 811,068 bytes)`, from the right.
fn transfer<'b>(verb: Verb, text: &'b [u8], by: &'static str) -> Option<Told<'b>> {
    let at = memchr::memmem::rfind(text, b" successfully (")?;
    let (_, tail) = text.split_at(memchr::memmem::rfind(text, b" - ")? + 3);
    let mut digits: Vec<u8> = tail.split(|b| *b == b' ').next()?.to_vec();
    digits.retain(|b| !b",.".contains(b));
    let transfer = TransferRecord {
        verb,
        path: unquoted(text.get(..at)?),
        bytes: Some(envelope::number(&digits)?),
        complete: Some(true),
    };
    Some((b"", None, Fact::Transfer(transfer), Implied::new(226, by)))
}

fn unquoted(text: &[u8]) -> &[u8] {
    let inside = text.strip_prefix(b"\"").and_then(|t| t.strip_suffix(b"\""));
    inside.unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::tests::{events_of, shows};

    const HEAD: &str = "[02] Sun 22Nov26 08:16:55 - ";

    #[test]
    fn what_is_no_entry_is_not_taken() {
        for line in [
            HEAD.replace("[02]", "[]") + "(000001) x",
            HEAD.replace("[02]", "[abc]") + "(000001) x",
            HEAD.replace("22Nov", "32Nov") + "(000001) x",
            HEAD.replace("Nov", "Nix") + "(000001) x",
            HEAD.replace("08:16:55", "08:16:75") + "(000001) x",
            HEAD.to_owned() + "(x) y",
            HEAD.to_owned() + "(000001",
            "[02] Sun, 22 Nov 2026 08:16:55 (0000001) x".to_owned(),
        ] {
            assert_eq!(FORMAT.read(&Bare::read(line.as_bytes())), Read::Unrecognised, "{line}");
        }
        let own = HEAD.to_owned() + "FTP Server listening on port number 21, IP 192.0.2.10";
        let ignored = Read::Ignored("a message of the server about itself");
        assert_eq!(FORMAT.read(&Bare::read(own.as_bytes())), ignored);
    }

    #[test]
    fn a_session_by_another_protocol_is_passed_over_until_its_number_is_given_again() {
        let lines = [
            "[02] Sun 22Nov26 08:16:55 - (000001) Connected to 192.0.2.7 (local address 192.0.2.10, port 443)\n",
            "[02] Sun 22Nov26 08:16:56 - (000001) User \"alice\" logged in\n",
            "[41] Sun 22Nov26 08:16:56 - (000001) 200 OK\n",
            "[02] Sun 22Nov26 08:17:55 - (000001) Connected to 192.0.2.8 (local address 192.0.2.10, port 21)\n",
            "[21] Sun 22Nov26 08:17:55 - (000001) 220 Hi\n",
        ];
        let told: Vec<_> = events_of("serv-u", &lines.concat()).into_iter().map(|(_, w)| w).collect();
        assert_eq!(told, ["introduced 192.0.2.8", "opened", "220 Hi", "closed input-ended"]);
    }

    #[test]
    fn a_password_in_an_event_is_not_kept() {
        let line = HEAD.to_owned() + "(000001) Invalid login credentials; user: \"a\"b\"; password: \"hunter2\"";
        let Read::Taken(record) = FORMAT.read(&Bare::read(line.as_bytes())) else {
            panic!("{line}");
        };
        assert_eq!(record.user, Some(&b"a\"b"[..]));
        assert!(!shows(&record.fact, "hunter2"));
    }

    #[test]
    fn a_number_given_again_is_another_session_and_what_a_client_sends_is_no_reply() {
        let lines = [
            "[02] Sun 22Nov26 08:16:55 - (000001) Connected to 192.0.2.7 (local address 192.0.2.10, port 21)\n",
            "[20] Sun 22Nov26 08:16:56 - (000001) 230 let me in\n",
            "[21] Sun 22Nov26 08:16:56 - (000001) 500 Syntax error.\n",
            "[02] Sun 22Nov26 08:17:55 - (000001) Connected to 2001:db8::7 (local address 2001:db8::1, port 21)\n",
            "[21] Sun 22Nov26 08:17:55 - (000001) 220 Hi\n",
        ];
        let told: Vec<_> = events_of("serv-u", &lines.concat()).into_iter().map(|(s, w)| format!("{s} {w}")).collect();
        let expected = [
            "1 introduced 192.0.2.7",
            "1 opened",
            "1 230 let me in",
            "1 500 Syntax error.",
            "1 closed idle",
            "2 introduced 2001:db8::7",
            "2 opened",
            "2 220 Hi",
            "2 closed input-ended",
        ];
        assert_eq!(told, expected);
    }
}
