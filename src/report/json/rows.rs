//! Events and sessions for programs: one JSON object a line.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;

use super::tcp::{DataRow, Tcp};
use super::tls::Tls;
use super::{Address, Seconds, Time, line};
use crate::catalogue::catalogue;
use crate::cause::{Failure, Proof};
use crate::diagnostic::Origin;
use crate::ftp::{Event, EventKind, Evidence, Hearing, ReplyCode, Side, Uncounted};
use crate::report::Sources;
use crate::report::heard::confidence_word;
use crate::session::{Exchange, Session};
use crate::text;

/// Adds a session that is over, with its failures, as one line.
pub fn session(out: &mut Vec<u8>, session: &Session, failures: &[Failure], sources: &Sources) {
    let ids = |benign: bool| {
        let of = failures.iter().filter(move |f| f.benign == benign);
        of.map(|f| f.cause.name()).collect()
    };
    let path = |source: &_| text::json(sources.path(*source));
    let row = SessionRow {
        session: session.key.to_string(),
        vantage: session.vantage.id(),
        client: session.client.as_ref().map(Address::new),
        server: session.server.as_ref().map(Address::new),
        user: session.user.as_ref().map(text::Text::json),
        start: session.start.map(Time),
        end_at: session.last.map(Time),
        duration: session.duration().map(Seconds),
        end: session.end().id(),
        ended_by: session.ended_by().map(Side::id),
        tls: session.is_behind_tls(),
        handshake: session.tls.as_deref().map(Tls::new),
        commands: session.commands,
        replies: session.replies,
        failures: ids(false),
        not_counted: ids(true),
        transfers: session.transfer_count(),
        bytes: session.bytes(),
        origins: session.sources.iter().map(path).collect(),
        tcp: session
            .closing
            .as_ref()
            .and_then(|closing| closing.tcp.as_deref())
            .map(Tcp::new),
        also: session.also.iter().map(Ends::new).collect(),
    };
    line(out, &row);
}

/// Writes sessions with their failures, a line each.
pub fn sessions<'s>(
    out: &mut dyn Write,
    all: impl IntoIterator<Item = &'s (Session, Vec<Failure>)>,
    sources: &Sources,
) -> io::Result<()> {
    let mut row = Vec::new();
    for (whole, failures) in all {
        row.clear();
        session(&mut row, whole, failures, sources);
        out.write_all(&row)?;
    }
    Ok(())
}

#[derive(Serialize)]
struct SessionRow<'a> {
    session: String,
    vantage: &'static str,
    client: Option<Address>,
    server: Option<Address>,
    user: Option<Cow<'a, str>>,
    start: Option<Time>,
    end_at: Option<Time>,
    duration: Option<Seconds>,
    end: &'static str,
    ended_by: Option<&'static str>,
    tls: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    handshake: Option<Tls<'a>>,
    commands: u64,
    replies: u64,
    failures: Vec<&'static str>,
    not_counted: Vec<&'static str>,
    transfers: u64,
    bytes: u64,
    origins: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tcp: Option<Tcp>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also: Vec<Ends>,
}

/// Adds an exchange of a session as one line, with why it failed.
pub fn exchange(
    out: &mut Vec<u8>,
    session: &Session,
    exchange: &Exchange,
    failure: Option<&Failure>,
    sources: &Sources,
) {
    let command = exchange.command.as_ref();
    let last = exchange.last.as_ref();
    let (evidence, implied_by) = match last.map(|reply| reply.evidence) {
        None => (None, None),
        Some(Evidence::Observed) => (Some("observed"), None),
        Some(Evidence::Implied { by }) => (Some("implied"), Some(by)),
    };
    let preliminary = exchange.preliminary.as_ref();
    let row = ExchangeRow {
        session: session.key.to_string(),
        at: exchange.sent.map(Time),
        vantage: session.vantage.id(),
        client: session.client.as_ref().map(Address::new),
        server: session.server.as_ref().map(Address::new),
        user: session.user.as_ref().map(text::Text::json),
        origin: Place::new(exchange.origin, sources),
        verb: exchange.asked().map(|verb| verb.to_string()),
        argument: command.and_then(|c| c.argument.as_ref().map(text::Text::json)),
        secret: command.is_some_and(|command| command.secret),
        assumed: command.is_some_and(|command| command.assumed),
        preliminary: preliminary.map(|reply| reply.code.number()),
        code: exchange.code().map(ReplyCode::number),
        text: last.map(|reply| reply.text.json()),
        evidence,
        implied_by,
        replied_at: last.and_then(|reply| reply.at).map(Time),
        waited: exchange.waited().map(Seconds),
        hidden: exchange.hidden,
        cause: failure.map(|failure| failure.cause.name()),
        counted: failure.map(|failure| !failure.benign),
    };
    line(out, &row);
}

#[derive(Serialize)]
struct ExchangeRow<'a> {
    session: String,
    at: Option<Time>,
    vantage: &'static str,
    client: Option<Address>,
    server: Option<Address>,
    user: Option<Cow<'a, str>>,
    origin: Place<'a>,
    verb: Option<String>,
    argument: Option<Cow<'a, str>>,
    secret: bool,
    assumed: bool,
    preliminary: Option<u16>,
    code: Option<u16>,
    text: Option<Cow<'a, str>>,
    evidence: Option<&'static str>,
    implied_by: Option<&'static str>,
    replied_at: Option<Time>,
    waited: Option<Seconds>,
    hidden: bool,
    cause: Option<&'static str>,
    counted: Option<bool>,
}

/// Adds a failure of a session as one line.
pub fn failure(out: &mut Vec<u8>, session: &Session, failure: &Failure, sources: &Sources) {
    let exchange = failure.exchange.and_then(|e| session.exchanges.get(e));
    let transfer = failure.transfer.and_then(|t| session.transfers.get(t));
    let named = exchange.and_then(|exchange| exchange.command.as_ref()?.argument.as_ref());
    let path = transfer.and_then(|transfer| transfer.path.as_ref());
    let proofs = failure.proofs.iter();
    let row = FailureRow {
        session: session.key.to_string(),
        at: failure.at.map(Time),
        vantage: session.vantage.id(),
        client: session.client.as_ref().map(Address::new),
        server: session.server.as_ref().map(Address::new),
        user: session.user.as_ref().map(text::Text::json),
        cause: failure.cause.name(),
        counted: !failure.benign,
        side: catalogue().cause(failure.cause).side.id(),
        confidence: confidence_word(failure.confidence),
        verb: failure.verb.map(|verb| verb.to_string()),
        argument: path.or(named).map(text::Text::json),
        code: failure.code.map(ReplyCode::number),
        evidence: proofs.map(|proof| ProofRow::new(proof, sources)).collect(),
    };
    line(out, &row);
}

#[derive(Serialize)]
struct FailureRow<'a> {
    session: String,
    at: Option<Time>,
    vantage: &'static str,
    client: Option<Address>,
    server: Option<Address>,
    user: Option<Cow<'a, str>>,
    cause: &'static str,
    counted: bool,
    side: &'static str,
    confidence: &'static str,
    verb: Option<String>,
    argument: Option<Cow<'a, str>>,
    code: Option<u16>,
    evidence: Vec<ProofRow<'a>>,
}

#[derive(Serialize)]
struct ProofRow<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    text: Cow<'a, str>,
}

impl<'a> ProofRow<'a> {
    fn new(proof: &'a Proof, sources: &'a Sources) -> Self {
        Self {
            place: Place::new(proof.origin, sources),
            text: proof.text.json(),
        }
    }
}

/// Both ends of a connection.
#[derive(Serialize)]
struct Ends {
    client: Address,
    server: Address,
}

impl Ends {
    fn new(hearing: &Hearing) -> Self {
        Self {
            client: Address::new(&hearing.client),
            server: Address::new(&hearing.server),
        }
    }
}

/// Adds an event of a session as one line. An introduction says nothing that was heard and adds no line.
pub fn event(out: &mut Vec<u8>, session: &Session, event: &Event<'_>, sources: &Sources) {
    let Some((kind, detail)) = detail(event) else {
        return;
    };
    let row = EventRow {
        kind,
        at: event.at.map(Time),
        session: event.session.to_string(),
        vantage: session.vantage.id(),
        client: session.client.as_ref().map(Address::new),
        server: session.server.as_ref().map(Address::new),
        user: session.user.as_ref().map(text::Text::json),
        origin: Place::new(event.origin, sources),
        detail,
    };
    line(out, &row);
}

#[derive(Serialize)]
struct EventRow<'a> {
    kind: &'static str,
    at: Option<Time>,
    session: String,
    vantage: &'static str,
    client: Option<Address>,
    server: Option<Address>,
    user: Option<Cow<'a, str>>,
    origin: Place<'a>,
    #[serde(flatten)]
    detail: Detail<'a>,
}

/// Adds a place as an object.
pub fn place(out: &mut Vec<u8>, origin: Origin, sources: &Sources) {
    line(out, &Place::new(origin, sources));
    out.pop(); // its line end
}

#[derive(Serialize)]
struct Place<'a> {
    source: Cow<'a, str>,
    record: u64,
    offset: u64,
}

impl<'a> Place<'a> {
    fn new(origin: Origin, sources: &'a Sources) -> Self {
        Self {
            source: text::json(sources.path(origin.source)),
            record: origin.record,
            offset: origin.offset,
        }
    }
}

/// What each kind says beyond what all of them say.
#[derive(Serialize)]
#[serde(untagged)]
enum Detail<'a> {
    Nothing {},
    AlsoHeard {
        also: Ends,
    },
    Command {
        verb: &'a str,
        argument: Option<Cow<'a, str>>,
        secret: bool,
    },
    Reply {
        code: Option<u16>,
        #[serde(skip_serializing_if = "Option::is_none")]
        codes: Option<&'static [u16]>,
        text: Cow<'a, str>,
        lines: u32,
        evidence: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        implied_by: Option<&'static str>,
        ends: u64,
    },
    Login {
        accepted: bool,
    },
    Transfer {
        verb: &'a str,
        path: Cow<'a, str>,
        direction: &'static str,
        bytes: Option<u64>,
        complete: Option<bool>,
    },
    Data(Box<DataRow<'a>>),
    Tls(Tls<'a>),
    Missing {
        bytes: Option<u64>,
        direction: &'static str,
    },
    Closed {
        end: &'static str,
        ended_by: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        tcp: Option<Box<Tcp>>,
    },
}

fn detail<'a>(event: &'a Event<'_>) -> Option<(&'static str, Detail<'a>)> {
    let told = match &event.kind {
        EventKind::Introduced(_) => return None,
        EventKind::AlsoHeard(hearing) => (
            "also-heard",
            Detail::AlsoHeard {
                also: Ends::new(hearing),
            },
        ),
        EventKind::Opened => ("opened", Detail::Nothing {}),
        EventKind::Protected => ("protected", Detail::Nothing {}),
        EventKind::Unprotected => ("unprotected", Detail::Nothing {}),
        EventKind::Tls(record) => ("tls", Detail::Tls(Tls::new(record))),
        EventKind::Command(command) => (
            "command",
            Detail::Command {
                verb: command.verb.as_str(),
                argument: command.argument().map(text::json),
                secret: command.is_secret(),
            },
        ),
        EventKind::Reply(_) | EventKind::Uncounted(_) => ("reply", reply(event)?),
        EventKind::Login { accepted, .. } => (
            "login",
            Detail::Login {
                accepted: *accepted,
            },
        ),
        EventKind::Transfer(record) => (
            "transfer",
            Detail::Transfer {
                verb: record.verb.as_str(),
                path: text::json(record.path),
                direction: crate::ftp::Direction::of(record.verb).id(),
                bytes: record.bytes,
                complete: record.complete,
            },
        ),
        EventKind::Data(record) => ("data", Detail::Data(Box::new(DataRow::new(record)))),
        EventKind::Missing { bytes, sender } => (
            "missing",
            Detail::Missing {
                bytes: *bytes,
                direction: match sender {
                    Side::Client => "to-server",
                    Side::Server => "to-client",
                },
            },
        ),
        EventKind::Closed(closing) => (
            "closed",
            Detail::Closed {
                end: closing.end.id(),
                ended_by: closing.by.map(Side::id),
                tcp: closing.tcp.as_deref().map(Tcp::new).map(Box::new),
            },
        ),
    };
    Some(told)
}

fn reply<'a>(event: &'a Event<'_>) -> Option<Detail<'a>> {
    let reply = match &event.kind {
        EventKind::Reply(reply) => reply,
        EventKind::Uncounted(reply) => return Some(uncounted(reply, event.ends)),
        _ => return None,
    };
    let (evidence, implied_by) = match reply.evidence {
        Evidence::Observed => ("observed", None),
        Evidence::Implied { by } => ("implied", Some(by)),
    };
    Some(Detail::Reply {
        code: Some(reply.code.number()),
        codes: None,
        text: text::json(&reply.text),
        lines: reply.lines,
        evidence,
        implied_by,
        ends: event.ends,
    })
}

fn uncounted(reply: &'static Uncounted, ends: u64) -> Detail<'static> {
    let constant = reply.codes.first().filter(|_| reply.is_constant);
    Detail::Reply {
        code: constant.copied(),
        codes: (!reply.is_constant).then_some(&*reply.codes),
        text: Cow::Borrowed(""),
        lines: 1,
        evidence: if reply.is_constant {
            "constant"
        } else {
            "candidates"
        },
        implied_by: Some(&reply.by),
        ends,
    }
}
