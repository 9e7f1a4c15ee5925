//! What one line tells of a command together with what came of it: sensors and many servers write a line when an exchange
//! is over, not when something is said.
//!
//! A format fills in what its line holds; [`dialogue`](crate::log::dialogue) makes events of it. A secret is dropped when
//! the command is set. What the line holds is told as it is: nothing is put in that a server must have said in between.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use crate::ftp::{Command, End, Endpoint, Evidence, Host, Reply, ReplyCode, Uncounted, Verb};
use crate::limits;
use crate::log::{Fact, Record};
use crate::text::StableHash;
use crate::time::Stamp;

/// What moved during a transfer command, where the line says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moved {
    /// Bytes moved.
    pub bytes: Option<u64>,
    /// Whether that is all of it.
    pub complete: Option<bool>,
}

/// A command and what came of it. Anything may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exchange<'b> {
    /// The log's own name of the session, as a number. Without one the session is found by client and user, and is only
    /// approximate.
    pub session: Option<u64>,
    /// True where that number is given again after the server has started anew: USER of a user who is in tells.
    pub is_numbered_anew: bool,
    /// The client's end.
    pub client: Option<Endpoint>,
    /// The server's end.
    pub server: Option<Endpoint>,
    /// The user, once the log knows one.
    pub user: Option<Cow<'b, [u8]>>,
    /// True where the line says that the control connection opens.
    pub opens: bool,
    command: Option<(Verb, Cow<'b, [u8]>)>,
    /// The replies.
    pub replies: Vec<Reply<'b>>,
    /// A reply that is known only so far, or not at all.
    pub uncounted: Option<&'static Uncounted>,
    /// What the command moved; without a command, what the session's next transfer did.
    pub moved: Option<Moved>,
    /// How long after the command the line was written, where it says so.
    pub waited: Option<Duration>,
    /// How a login came out, where the line says so in other ways than by a reply.
    pub accepted: Option<bool>,
    /// How the session ends with this line, if it does.
    pub end: Option<End>,
}

impl<'b> Exchange<'b> {
    /// In a session that the log names by a number.
    pub fn of_session(number: u64) -> Self {
        Self {
            session: Some(number),
            ..Self::default()
        }
    }

    /// In a session that the log names by a word: a GUID, say.
    pub fn of_named_session(name: &[u8]) -> Self {
        Self::of_session(StableHash::new().bytes(name).finish())
    }

    /// In a session that the log numbers, anew when the server starts.
    pub fn of_numbered_session(number: u64, client: &[u8]) -> Self {
        Self {
            is_numbered_anew: true,
            ..Self::of_session(StableHash::new().number(number).bytes(client).finish())
        }
    }

    /// Sets the command. A secret in it is not kept.
    pub fn set_command(&mut self, verb: &[u8], argument: Cow<'b, [u8]>) {
        let verb = Verb::new(verb);
        let command = Command::new(verb, Some(&argument));
        let kept = match command.argument() {
            Some(kept) => kept.len(),
            // The word that makes it a secret.
            None if verb == Verb::SITE => argument
                .iter()
                .take_while(|b| !b.is_ascii_whitespace())
                .count(),
            None => 0,
        };
        let argument = match argument {
            Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(..kept).unwrap_or_default()),
            Cow::Owned(mut bytes) => {
                bytes.truncate(kept);
                Cow::Owned(bytes)
            }
        };
        self.command = Some((verb, argument));
    }

    /// The command.
    pub fn command(&self) -> Option<Command<'_>> {
        let (verb, argument) = self.command.as_ref()?;
        Some(Command::new(*verb, Some(argument)))
    }

    /// Adds a reply of one line, or a line to the one before where that has the same code: a command has no two replies of
    /// one code.
    pub fn add_reply(&mut self, code: ReplyCode, text: Cow<'b, [u8]>) {
        match self.replies.last_mut() {
            Some(last) if last.code == code => {
                let before = last.text.to_mut();
                if before.len() + text.len() < limits::REPLY_BYTES {
                    before.push(b'\n');
                    before.extend_from_slice(&text);
                }
                last.lines = last.lines.saturating_add(1);
            }
            _ => self.replies.push(Reply {
                code,
                text,
                lines: 1,
                evidence: Evidence::Observed,
            }),
        }
    }

    /// The record of a line that holds this.
    pub fn record(self, stamp: Stamp) -> Record<'b> {
        Record {
            stamp,
            number: 0,
            client: b"",
            user: None,
            times: 1,
            fact: Fact::Exchange(Box::new(self)),
            implied: None,
        }
    }

    /// True where the line says nothing of a session that is not known.
    pub(super) fn needs_a_session(&self) -> bool {
        self.command.is_none() && self.replies.is_empty() && self.accepted.is_none() && !self.opens
    }

    /// True where the client begins a login.
    pub(super) fn begins_login(&self) -> bool {
        self.command
            .as_ref()
            .is_some_and(|(verb, _)| *verb == Verb::USER)
    }

    /// True where a login is accepted.
    pub(super) fn lets_in(&self) -> bool {
        let is_login = matches!(
            self.command,
            Some((Verb::USER | Verb::PASS | Verb::ACCT, _))
        );
        is_login
            && self
                .replies
                .iter()
                .any(|reply| matches!(reply.code.number(), 230 | 232))
    }

    /// The number by which its session is found.
    pub(super) fn session_number(&self) -> u64 {
        self.session
            .unwrap_or_else(|| self.nameless(self.user.as_deref()))
    }

    /// The number of the client's session before it has a user.
    pub(super) fn number_before_login(&self) -> Option<u64> {
        (self.session.is_none() && self.user.is_some()).then(|| self.nameless(None))
    }

    fn nameless(&self, user: Option<&[u8]>) -> u64 {
        let client = self.client.as_ref();
        let port = client.and_then(|client| client.port);
        let hash = StableHash::new();
        let hash = match client.map(|client| &client.host) {
            Some(Host::Ip(IpAddr::V4(ip))) => hash.bytes(&ip.octets()),
            Some(Host::Ip(IpAddr::V6(ip))) => hash.bytes(&ip.octets()),
            Some(Host::Name(name)) => hash.bytes(name.bytes()),
            None => hash,
        };
        hash.number(u64::from(port.unwrap_or(0)))
            .bytes(user.unwrap_or_default())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Origin;
    use crate::ftp::Vantage;
    use crate::log::tests::shows;
    use crate::log::{Follow, dialogue, tests::tell};
    use crate::time::Timestamp;

    /// An exchange of a client at 192.0.2.`client`.
    fn exchange(client: u8, user: &str, command: &str, code: u16) -> Exchange<'static> {
        let (verb, argument) = command.split_once(' ').unwrap_or((command, ""));
        let host = Host::read(format!("192.0.2.{client}").as_bytes());
        let mut exchange = Exchange {
            client: Some(Endpoint::host(host)),
            user: (!user.is_empty()).then(|| user.as_bytes().to_vec().into()),
            ..Exchange::default()
        };
        exchange.set_command(verb.as_bytes(), argument.as_bytes().to_vec().into());
        if let Some(code) = ReplyCode::new(code) {
            exchange.add_reply(code, Cow::default());
        }
        exchange
    }

    /// The events of exchanges, a second apart, each behind the number of its session.
    fn told(exchanges: Vec<Exchange<'_>>) -> Vec<String> {
        let mut following = dialogue::Following::new(Vantage::ServerLog);
        let (mut keys, mut told) = (Vec::new(), Vec::new());
        let mut each = |event: crate::ftp::Event<'_>| {
            if !keys.contains(&event.session) {
                keys.push(event.session);
            }
            let number = keys.iter().position(|key| *key == event.session).unwrap() + 1;
            told.push(format!("{number} {}", tell(&event)));
        };
        for (second, exchange) in (0..).zip(exchanges) {
            let record = exchange.record(Stamp::None);
            let at = Some(Timestamp::from_seconds(second, 0));
            following.record(&record, at, Origin::default(), &mut each);
        }
        following.finish(&mut each);
        told
    }

    #[test]
    fn a_secret_is_not_kept() {
        let secrets = [
            ("PASS", "hunter2"),
            ("acct", "hunter2"),
            ("SITE", "PSWD hunter2"),
            ("PASShunter2", ""),
            ("auth", "PLAIN hunter2"),
        ];
        for (verb, argument) in secrets {
            let mut exchange = Exchange::of_session(1);
            exchange.set_command(verb.as_bytes(), argument.as_bytes().into());
            assert!(!shows(&exchange, "hunter2"), "{verb}");
            let command = exchange.command().unwrap();
            assert!(
                command.is_secret() || command.argument() == Some(b"PLAIN"),
                "{verb}"
            );
        }
    }

    #[test]
    fn replies_of_one_code_are_lines_of_one() {
        let mut exchange = Exchange::default();
        for (number, text) in [(150, "a"), (226, "b"), (226, "c")] {
            let code = ReplyCode::new(number).unwrap();
            exchange.add_reply(code, text.as_bytes().into());
        }
        let replies = exchange.replies.iter();
        let told: Vec<_> = replies
            .map(|r| (r.code.number(), r.lines, &*r.text))
            .collect();
        assert_eq!(told, [(150, 1, &b"a"[..]), (226, 2, b"b\nc")]);
    }

    #[test]
    fn a_session_without_a_name_is_found_by_client_and_user() {
        let quit = Exchange {
            end: Some(End::Fin),
            ..exchange(7, "alice", "QUIT", 221)
        };
        let exchanges = vec![
            exchange(7, "", "USER alice", 331),
            exchange(8, "", "USER alice", 331),
            exchange(7, "alice", "PASS x", 230),
            exchange(7, "alice", "RETR a", 550),
            exchange(8, "", "PASS x", 530),
            quit.clone(),
            quit,
        ];
        let expected = [
            "1 introduced 192.0.2.7 approximate",
            "1 USER alice",
            "1 331 ",
            "2 introduced 192.0.2.8 approximate",
            "2 USER alice",
            "2 331 ",
            "1 PASS secret",
            "1 230 ",
            "1 RETR a",
            "1 550 ",
            "2 PASS secret",
            "2 530 ",
            "1 QUIT",
            "1 221 ",
            "1 closed goodbye",
            "3 introduced 192.0.2.7 alice approximate",
            "3 QUIT",
            "3 221 ",
            "3 closed goodbye",
            "2 closed input-ended",
        ];
        assert_eq!(told(exchanges), expected);
    }

    #[test]
    fn what_moved_and_a_login_stand_between_command_and_reply() {
        let moved = |bytes| {
            Some(Moved {
                bytes: Some(bytes),
                complete: None,
            })
        };
        let exchanges = vec![
            Exchange {
                opens: true,
                session: Some(5),
                accepted: Some(false),
                ..exchange(7, "bob", "PASS x", 530)
            },
            Exchange {
                session: Some(5),
                moved: moved(12),
                waited: Some(Duration::from_millis(1500)),
                ..exchange(7, "bob", "STOR a b", 226)
            },
            Exchange {
                session: Some(5),
                moved: moved(12),
                ..exchange(7, "bob", "CWD a", 0)
            },
            Exchange {
                end: Some(End::Reset),
                ..Exchange::of_session(5)
            },
            Exchange {
                end: Some(End::Reset),
                ..Exchange::of_session(5)
            },
        ];
        let expected = [
            "1 introduced 192.0.2.7 bob",
            "1 opened",
            "1 PASS secret",
            "1 login bob refused",
            "1 530 ",
            "1 STOR a b",
            "1 STOR a b 12 incomplete",
            "1 226 ",
            "1 CWD a",
            "1 closed reset",
        ];
        assert_eq!(told(exchanges), expected);
    }
}
