//! What a session, its failures and an event hold, with other names.

use std::borrow::Cow;

use super::Anonymizer;
use super::words::Names;
use crate::catalogue::catalogue;
use crate::cause::Failure;
use crate::ftp::{
    Certificate, Command, DataRecord, Event, EventKind, Hearing, Host, Reply, TlsRecord, Verb,
};
use crate::session::{Exchange, KeptReply, Session};
use crate::text::Text;

/// Words of our own in proofs, which are texts like those of servers.
pub(super) const WORDS: &[&str] = &[
    "acknowledged address after again alert an and announced announces answered as be by byte bytes",
    "came can certificate chose client closed connection data date ended expected failed finished for",
    "from handshake icmp implied in no not of offers on open out quiet reached read refused reset same",
    "says segments sent server silence still syn that the time times tls took tried unanswered unknown",
    "waited reply network host protocol port unreachable prohibited too big exceeded fragments lost",
    "successful successfully switching switched entering opening binary ascii mode data directory working",
    "current changed created removed renamed using use please specify password user logged in out login",
    "goodbye bye welcome transfer transferred complete completed done features unix type command commands",
    "service ready file files could not create open delete denied permission such no exists is a it your",
    "you are now on with at will must have has been was this only one first passive extended active new",
    "restarting next aborted session sessions connections too many timeout disk quota space left device",
    "fail login upload download mkdir rename delete ok", // what vsftpd's messages are named by
];

/// Exchanges before an event whose names are looked for in it.
const EVENT_NAMES: usize = 16;

impl Anonymizer {
    /// Gives a session that was judged, and its failures, other names.
    pub fn session(&self, session: &mut Session, failures: &mut [Failure]) {
        let names = names(session, usize::MAX);
        for failure in failures {
            failure.verb = failure.verb.map(|verb| self.verb(verb));
            for proof in &mut failure.proofs {
                proof.text = self.text(proof.text.bytes(), &names);
            }
        }
        for exchange in &mut session.exchanges {
            self.rename_exchange(exchange, &names);
        }
        for data in &mut session.data {
            data.announced = data.announced.as_ref().map(|end| self.end(end));
            if let Some(seen) = &mut data.seen {
                self.data(seen);
            }
        }
        for transfer in &mut session.transfers {
            transfer.path = transfer.path.as_ref().map(|path| self.path(path.bytes()));
        }
        if let Some(record) = &mut session.tls {
            self.tls(record);
        }
        for hearing in &mut session.also {
            *hearing = self.hearing(hearing);
        }
        session.client = session.client.as_ref().map(|end| self.end(end));
        session.server = session.server.as_ref().map(|end| self.end(end));
        session.user = session.user.as_ref().map(|user| self.user(user.bytes()));
        session.key = self.id(session.key);
    }

    /// An exchange that its session does not keep.
    pub fn exchange(&self, session: &Session, exchange: &Exchange) -> Exchange {
        let mut other = exchange.clone();
        self.rename_exchange(&mut other, &names(session, 0));
        other
    }

    /// A reply that its exchange does not keep.
    pub fn reply(&self, session: &Session, reply: &KeptReply) -> KeptReply {
        KeptReply {
            text: self.text(reply.text.bytes(), &names(session, 0)),
            ..reply.clone()
        }
    }

    fn rename_exchange(&self, exchange: &mut Exchange, names: &Names) {
        if let Some(command) = &mut exchange.command {
            let argument = command.argument.take();
            let other = |argument: Text| self.argument(command.verb, argument.bytes(), names);
            command.argument = argument.map(other);
            command.verb = self.verb(command.verb);
        }
        let replies = exchange
            .preliminary
            .as_deref_mut()
            .into_iter()
            .chain(&mut exchange.last);
        for reply in replies.chain(exchange.also.as_deref_mut()) {
            reply.text = self.text(reply.text.bytes(), names);
        }
    }

    /// The session that an event is shown with: its ends, its user, its id, and nothing of what was said in it.
    pub fn speakers(&self, session: &Session) -> Session {
        let mut other = session.without_content();
        self.session(&mut other, &mut []);
        other
    }

    /// Gives an event of a session other names, and hands it on.
    pub fn event(&self, session: &Session, event: &Event<'_>, then: impl FnOnce(&Event<'_>)) {
        let names = names(session, EVENT_NAMES);
        let text: Text;
        let kind = match &event.kind {
            EventKind::Command(command) => {
                text = match command.argument() {
                    Some(argument) => self.argument(command.verb, argument, &names),
                    None => Text::default(),
                };
                EventKind::Command(if command.is_secret() {
                    command.clone()
                } else {
                    Command::new(self.verb(command.verb), Some(text.bytes()))
                })
            }
            EventKind::Reply(reply) => {
                text = self.text(&reply.text, &names);
                EventKind::Reply(Reply {
                    text: Cow::Borrowed(text.bytes()),
                    ..reply.clone()
                })
            }
            EventKind::Login { user, accepted } => {
                text = self.user(user);
                EventKind::Login {
                    user: text.bytes(),
                    accepted: *accepted,
                }
            }
            EventKind::Transfer(record) => {
                text = self.path(record.path);
                let mut record = record.clone();
                record.path = text.bytes();
                EventKind::Transfer(record)
            }
            EventKind::Data(record) => {
                let mut record = record.clone();
                self.data(&mut record);
                EventKind::Data(record)
            }
            EventKind::Tls(record) => {
                let mut record = record.clone();
                self.tls(&mut record);
                EventKind::Tls(record)
            }
            EventKind::AlsoHeard(hearing) => EventKind::AlsoHeard(Box::new(self.hearing(hearing))),
            kind => kind.clone(),
        };
        then(&Event {
            session: self.id(event.session),
            kind,
            ..event.clone()
        });
    }

    fn argument(&self, verb: Verb, argument: &[u8], names: &Names) -> Text {
        let entry = catalogue().command(verb);
        match entry.map(|entry| entry.argument.as_str()) {
            Some("path") => self.path(argument),
            Some("user") => self.user(argument),
            Some("address") => self.address(argument, names),
            Some("number") if argument.iter().all(u8::is_ascii_digit) => Text::from(argument),
            _ => self.text(argument, names),
        }
    }

    /// `192,0,2,10,195,80` and `|1|192.0.2.10|50000|`.
    fn address(&self, argument: &[u8], names: &Names) -> Text {
        let text = String::from_utf8_lossy(argument);
        let part = |part: &str| match Host::read(part.as_bytes()) {
            Host::Ip(ip) => self.ip(ip).to_string(),
            Host::Name(_) if part.bytes().all(|b| b.is_ascii_digit()) => part.to_owned(),
            Host::Name(_) => self.text(part.as_bytes(), names).json().into_owned(),
        };
        let parts: Vec<String> = text.split('|').map(part).collect();
        parts.join("|").into()
    }

    fn data(&self, record: &mut DataRecord) {
        record.announced = self.end(&record.announced);
        record.opener = record.opener.as_ref().map(|end| self.end(end));
        if let Some(tls) = &mut record.tls {
            self.tls(tls);
        }
    }

    fn tls(&self, record: &mut TlsRecord) {
        let host = |name: &Text| match self.host(&Host::read(name.bytes())) {
            Host::Ip(ip) => Text::from(ip.to_string()),
            Host::Name(name) => (*name).clone(),
        };
        record.server_name = record.server_name.as_ref().map(host);
        if let Some(certificate) = &mut record.certificate {
            let Certificate {
                subject,
                issuer,
                names,
                ..
            } = &mut **certificate;
            for name in [subject, issuer].into_iter().chain(names) {
                *name = host(name);
            }
        }
    }

    fn hearing(&self, hearing: &Hearing) -> Hearing {
        Hearing {
            client: self.end(&hearing.client),
            server: self.end(&hearing.server),
        }
    }
}

/// The names that a session itself tells, those of its last exchanges.
fn names(session: &Session, exchanges: usize) -> Names {
    let mut names = Names::default();
    let ends = session.client.iter().chain(&session.server);
    for host in ends.map(|end| &end.host) {
        if let Host::Name(name) = host {
            names.add(name.bytes());
        }
    }
    names.add_user(session.user.as_ref().map_or(&[], Text::bytes));
    for exchange in session.exchanges.iter().rev().take(exchanges) {
        let told = exchange.verb() == Some(Verb::USER);
        let argument = exchange.command.as_ref().and_then(|c| c.argument.as_ref());
        names.add_user(argument.filter(|_| told).map_or(&[], Text::bytes));
        names.add(exchange.path().map_or(&[], Text::bytes));
    }
    for transfer in session.transfers.iter().rev().take(exchanges) {
        names.add(transfer.path.as_ref().map_or(&[], Text::bytes));
    }
    names
}
