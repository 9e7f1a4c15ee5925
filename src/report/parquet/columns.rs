//! The columns of each table: their names, what kind of value they hold, and where it stands in a row's JSON.
//!
//! Names are those of JSON but where SQL has a use of its own for them: `time` for `at`, `ended` for `end`, `byte` for
//! `offset`.

/// Rows of which kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// What was heard, a row each.
    Events,
    /// Commands with their replies, a row each.
    Exchanges,
    /// Sessions, a row each.
    Sessions,
    /// Failed operations, and what harms nobody, a row each.
    Failures,
}

/// What a column holds. Whatever is not known is null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// UTF-8.
    Text,
    /// The JSON of what has no column of its own.
    Rest,
    /// A reply code.
    Code,
    /// A count, a size, a place.
    Number,
    /// Microseconds since 1970 in UTC.
    Time,
    /// Seconds.
    Seconds,
    /// True or false.
    Flag,
    /// Several texts.
    Texts,
}

/// A column.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// A JSON pointer (RFC 6901) into the row.
    pub(super) pointer: &'static str,
}

const fn column(name: &'static str, kind: Kind, pointer: &'static str) -> Column {
    Column {
        name,
        kind,
        pointer,
    }
}

impl Table {
    /// What the file says it holds.
    pub(super) fn schema(self) -> &'static str {
        match self {
            Self::Events => "ftpwhy.events/1",
            Self::Exchanges => "ftpwhy.exchanges/1",
            Self::Sessions => "ftpwhy.sessions/1",
            Self::Failures => "ftpwhy.failures/1",
        }
    }

    pub(super) fn columns(self) -> &'static [Column] {
        match self {
            Self::Events => EVENTS,
            Self::Exchanges => EXCHANGES,
            Self::Sessions => SESSIONS,
            Self::Failures => FAILURES,
        }
    }
}

use Kind::{Code, Flag, Number, Rest, Seconds, Text, Texts, Time};

#[rustfmt::skip]
const EVENTS: &[Column] = &[
    column("session", Text, "/session"),
    column("time", Time, "/at"),
    column("kind", Text, "/kind"),
    column("vantage", Text, "/vantage"),
    column("client", Text, "/client/ip"),
    column("client_port", Number, "/client/port"),
    column("client_name", Text, "/client/name"),
    column("server", Text, "/server/ip"),
    column("server_port", Number, "/server/port"),
    column("server_name", Text, "/server/name"),
    column("user", Text, "/user"),
    column("source", Text, "/origin/source"),
    column("record", Number, "/origin/record"),
    column("byte", Number, "/origin/offset"),
    column("verb", Text, "/verb"),
    column("argument", Text, "/argument"),
    column("secret", Flag, "/secret"),
    column("code", Code, "/code"),
    column("text", Text, "/text"),
    column("lines", Number, "/lines"),
    column("evidence", Text, "/evidence"),
    column("implied_by", Text, "/implied_by"),
    column("ends", Number, "/ends"),
    column("accepted", Flag, "/accepted"),
    column("path", Text, "/path"),
    column("direction", Text, "/direction"),
    column("bytes", Number, "/bytes"),
    column("complete", Flag, "/complete"),
    column("mode", Text, "/mode"),
    column("announced", Text, "/announced/ip"),
    column("announced_port", Number, "/announced/port"),
    column("fate", Text, "/fate"),
    column("bytes_to_client", Number, "/bytes_to_client"),
    column("bytes_to_server", Number, "/bytes_to_server"),
    column("bytes_per_second", Number, "/bytes_per_second"),
    column("guessed", Flag, "/guessed"),
    column("third_party", Flag, "/third_party"),
    column("attempts", Number, "/attempts"),
    column("expected_bytes", Number, "/expected/bytes"),
    column("expected_by", Text, "/expected/by"),
    column("restart", Number, "/offset"),
    column("ended", Text, "/end"),
    column("ended_by", Text, "/ended_by"),
    column("rest", Rest, ""),
];

#[rustfmt::skip]
const EXCHANGES: &[Column] = &[
    column("session", Text, "/session"),
    column("time", Time, "/at"),
    column("vantage", Text, "/vantage"),
    column("client", Text, "/client/ip"),
    column("client_port", Number, "/client/port"),
    column("client_name", Text, "/client/name"),
    column("server", Text, "/server/ip"),
    column("server_port", Number, "/server/port"),
    column("server_name", Text, "/server/name"),
    column("user", Text, "/user"),
    column("source", Text, "/origin/source"),
    column("record", Number, "/origin/record"),
    column("byte", Number, "/origin/offset"),
    column("verb", Text, "/verb"),
    column("argument", Text, "/argument"),
    column("secret", Flag, "/secret"),
    column("assumed", Flag, "/assumed"),
    column("preliminary", Code, "/preliminary"),
    column("code", Code, "/code"),
    column("text", Text, "/text"),
    column("evidence", Text, "/evidence"),
    column("implied_by", Text, "/implied_by"),
    column("replied_at", Time, "/replied_at"),
    column("waited", Seconds, "/waited"),
    column("hidden", Flag, "/hidden"),
    column("cause", Text, "/cause"),
    column("counted", Flag, "/counted"),
    column("rest", Rest, ""),
];

#[rustfmt::skip]
const SESSIONS: &[Column] = &[
    column("session", Text, "/session"),
    column("vantage", Text, "/vantage"),
    column("client", Text, "/client/ip"),
    column("client_port", Number, "/client/port"),
    column("client_name", Text, "/client/name"),
    column("server", Text, "/server/ip"),
    column("server_port", Number, "/server/port"),
    column("server_name", Text, "/server/name"),
    column("user", Text, "/user"),
    column("start", Time, "/start"),
    column("end_at", Time, "/end_at"),
    column("duration", Seconds, "/duration"),
    column("ended", Text, "/end"),
    column("ended_by", Text, "/ended_by"),
    column("tls", Flag, "/tls"),
    column("commands", Number, "/commands"),
    column("replies", Number, "/replies"),
    column("transfers", Number, "/transfers"),
    column("bytes", Number, "/bytes"),
    column("failures", Texts, "/failures"),
    column("not_counted", Texts, "/not_counted"),
    column("origins", Texts, "/origins"),
    column("rest", Rest, ""),
];

#[rustfmt::skip]
const FAILURES: &[Column] = &[
    column("session", Text, "/session"),
    column("time", Time, "/at"),
    column("vantage", Text, "/vantage"),
    column("client", Text, "/client/ip"),
    column("client_port", Number, "/client/port"),
    column("client_name", Text, "/client/name"),
    column("server", Text, "/server/ip"),
    column("server_port", Number, "/server/port"),
    column("server_name", Text, "/server/name"),
    column("user", Text, "/user"),
    column("cause", Text, "/cause"),
    column("counted", Flag, "/counted"),
    column("side", Text, "/side"),
    column("confidence", Text, "/confidence"),
    column("verb", Text, "/verb"),
    column("argument", Text, "/argument"),
    column("code", Code, "/code"),
    column("source", Text, "/evidence/0/source"),
    column("record", Number, "/evidence/0/record"),
    column("byte", Number, "/evidence/0/offset"),
    column("evidence", Text, "/evidence/0/text"),
    column("more_evidence", Rest, "/evidence"),
];
