//! What can be said about an exchange in its session, each as one yes or no.
//!
//! Rules in the catalogue name these facts. Each is a small function over the
//! session; none looks at reply texts, and none knows where events came from.

use std::time::Duration;

use super::scene::is_foreign;
use super::{left, whole};
use crate::catalogue::catalogue;
use crate::ftp::{
    DataMode, DataRecord, Direction, End, Fate, Host, Sent, Side, TcpRecord, TlsRecord, Vantage,
    Verb, grammar,
};
use crate::limits;
use crate::session::{DataConnection, Exchange, Outcome, Pairing, Session, Transfer};
use crate::text::Text;

/// An exchange or a logged transfer in its session, or the session as a whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case<'s> {
    pub(super) session: &'s Session,
    pub(super) exchange: Option<(usize, &'s Exchange)>,
    pub(super) transfer: Option<&'s Transfer>,
}

/// A set of facts, a bit each in the order of [`all`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct FactSet(u128);

impl FactSet {
    /// The set of facts with these names; `None` when one is unknown.
    pub(super) fn named<'n>(names: impl Iterator<Item = &'n str>) -> Option<Self> {
        let mut set: u128 = 0;
        for name in names {
            set |= 1 << all().position(|fact| fact.name == name)?;
        }
        Some(Self(set))
    }

    /// How many there are.
    pub(super) fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Both sets in one.
    pub(super) fn and(self, more: Self) -> Self {
        Self(self.0 | more.0)
    }

    /// True when some fact is in both.
    pub(super) fn has_any(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }
}

/// A case and what was asked about it so far: most rules ask for few facts, and many ask for the same.
pub(super) struct Known<'c> {
    case: &'c Case<'c>,
    asked: u128,
    holds: u128,
}

impl<'c> Known<'c> {
    /// Nothing was asked yet.
    pub(super) fn new(case: &'c Case<'c>) -> Self {
        Self {
            case,
            asked: 0,
            holds: 0,
        }
    }

    /// True when all of `wanted` hold.
    #[inline]
    pub(super) fn all(&mut self, wanted: FactSet) -> bool {
        let fails = self.asked & !self.holds;
        wanted.0 & fails == 0 && self.ask(wanted)
    }

    fn ask(&mut self, wanted: FactSet) -> bool {
        let mut open = wanted.0 & !self.asked;
        while self.holds & wanted.0 == wanted.0 & self.asked && open != 0 {
            let bit = open & open.wrapping_neg();
            let fact = nth(bit.trailing_zeros() as usize);
            self.asked |= bit;
            if fact.is_some_and(|fact| (fact.holds)(self.case)) {
                self.holds |= bit;
            }
            open &= !bit;
        }
        self.holds & wanted.0 == wanted.0
    }
}

/// A named fact.
pub(super) struct Fact {
    /// What rules call it.
    pub(super) name: &'static str,
    pub(super) holds: fn(&Case<'_>) -> bool,
}

/// All facts. At most 128.
pub(super) fn all() -> impl Iterator<Item = &'static Fact> {
    FACTS.iter().chain(whole::FACTS)
}

fn nth(place: usize) -> Option<&'static Fact> {
    let more = || whole::FACTS.get(place.checked_sub(FACTS.len())?);
    FACTS.get(place).or_else(more)
}

#[rustfmt::skip]
const FACTS: &[Fact] = &[
    // The dialogue
    Fact { name: "greeting", holds: |c| c.exchange.is_some_and(|(i, e)| i == 0 && e.command.is_none()) },
    Fact { name: "unasked", holds: |c| exchange(c).is_some_and(|e| e.command.is_none() && e.paired == Pairing::Unasked) },
    Fact { name: "auth-just-agreed", holds: |c| c.exchange.is_some_and(|(index, _)| left::auth_just_agreed(c.session, index)) },
    Fact { name: "before-login", holds: |c| exchange(c).is_some_and(|e| !e.state.logged_in) },
    Fact { name: "logged-in", holds: |c| exchange(c).is_some_and(|e| e.state.logged_in) },
    Fact { name: "protected", holds: |c| exchange(c).is_some_and(|e| e.state.protected) },
    Fact { name: "anonymous", holds: |c| c.session.is_anonymous() },
    Fact { name: "unanswered", holds: |c| exchange(c).is_some_and(Exchange::is_unanswered) },
    Fact { name: "begun", holds: |c| exchange(c).is_some_and(|e| e.preliminary.is_some()) },
    Fact { name: "not-begun", holds: |c| exchange(c).is_some_and(|e| e.preliminary.is_none()) },
    Fact { name: "answered-late", holds: |c| exchange(c).and_then(Exchange::waited).is_some_and(|w| w >= TIMER_AT_LEAST) },
    Fact { name: "aborted", holds: |c| exchange(c).is_some_and(|e| e.aborted) },
    Fact { name: "client-went-on", holds: client_went_on },
    Fact { name: "login-failed-twice", holds: |c| exchange(c).is_some_and(|e| e.state.failed_logins >= 2) },
    Fact { name: "login-guessing", holds: |c| is_guessing(c.session) },
    Fact { name: "foreign-from-the-start", holds: |c| foreign_from_the_start(c.session) },
    Fact { name: "long-argument", holds: |c| exchange(c).and_then(|e| e.command.as_ref()?.argument.as_ref()).is_some_and(|a| a.bytes().len() >= limits::ARGUMENT_BYTES) },
    Fact { name: "without-argument", holds: without_argument },
    Fact { name: "needless-argument", holds: needless_argument },
    Fact { name: "no-such-command", holds: |c| exchange(c).and_then(Exchange::verb).is_some_and(|v| catalogue().command(v).is_none()) && !foreign_words(c) },
    Fact { name: "name-beyond-limits", holds: name_beyond_limits },
    Fact { name: "file-exists", holds: file_exists },
    Fact { name: "foreign-words", holds: foreign_words },
    Fact { name: "quiet-for-seconds", holds: |c| exchange(c).is_some_and(|e| e.quiet >= TIMER_AT_LEAST) },
    Fact { name: "quiet-for-round-time", holds: |c| exchange(c).is_some_and(|e| is_round(e.quiet)) },
    Fact { name: "transfer-after", holds: transfer_after },
    Fact { name: "same-direction-after", holds: same_direction_after },
    Fact { name: "command-refused-before", holds: data_command_refused_before },
    // Data connections
    Fact { name: "passive", holds: |c| mode(c).is_some_and(DataMode::is_passive) },
    Fact { name: "active", holds: |c| mode(c).is_some_and(|m| !m.is_passive()) },
    Fact { name: "no-data-address", holds: |c| exchange(c).is_some_and(|e| e.data.is_none() && heard_whole(c.session)) },
    Fact { name: "announced-unroutable", holds: announced_unroutable },
    Fact { name: "announced-elsewhere", holds: announced_elsewhere },
    Fact { name: "port-elsewhere", holds: |c| port_argument(c).is_some_and(|host| Some(&host) != client_host(c)) },
    Fact { name: "data-unseen", holds: |c| data(c).is_some() && seen(c).is_none() },
    Fact { name: "data-opened", holds: |c| fate(c) == Some(Fate::Opened) },
    Fact { name: "data-refused", holds: |c| fate(c) == Some(Fate::Refused) },
    Fact { name: "data-unanswered", holds: |c| fate(c) == Some(Fate::Unanswered) },
    Fact { name: "data-never-tried", holds: |c| fate(c) == Some(Fate::NeverTried) },
    Fact { name: "data-reset", holds: |c| seen(c).is_some_and(|d| d.end == Some(End::Reset)) },
    Fact { name: "data-ended-by-client", holds: |c| data_ended_by(c) == Some(Side::Client) },
    Fact { name: "data-ended-by-receiver", holds: data_ended_by_receiver },
    Fact { name: "data-open-at-end", holds: |c| seen(c).is_some_and(|d| d.fate == Fate::Opened && d.ended_by.is_none()) },
    Fact { name: "data-window-closed", holds: data_window_closed },
    Fact { name: "data-silent", holds: |c| tcp(c).is_some_and(|t| t.silence_at_end >= STALLED) && fate(c) == Some(Fate::Opened) },
    Fact { name: "data-unacknowledged", holds: |c| tcp(c).is_some_and(|t| t.by_client.unacknowledged.max(t.by_server.unacknowledged) >= 3) },
    Fact { name: "data-by-stranger", holds: data_by_stranger },
    Fact { name: "announced-nowhere", holds: announced_nowhere },
    Fact { name: "moved-nothing", holds: |c| seen(c).is_some_and(|d| d.fate == Fate::Opened && d.end == Some(End::Fin)) && !moved_bytes(c) },
    Fact { name: "bytes-expected", holds: |c| seen(c).and_then(|d| d.expected).is_some_and(|e| e.bytes > 0) },
    Fact { name: "moved-bytes", holds: moved_bytes },
    Fact { name: "paused-after", holds: paused_after },
    // The session's end
    Fact { name: "quiet-before-end", holds: |c| quiet_before_end(c.session).is_some_and(is_round) },
    Fact { name: "timer-before-end", holds: |c| quiet_before_end(c.session).is_some_and(is_timer) },
    Fact { name: "end-unannounced", holds: |c| end_unannounced(c.session) },
    Fact { name: "opened", holds: |c| c.session.opened },
    Fact { name: "syn-refused", holds: |c| c.session.fate() == Fate::Refused },
    Fact { name: "syn-unanswered", holds: |c| c.session.fate() == Fate::Unanswered },
    Fact { name: "no-reply-at-all", holds: |c| c.session.opened && c.session.replies == 0 && !c.session.protected },
    Fact { name: "waited-ten-seconds", holds: |c| c.session.duration().is_some_and(|d| d >= Duration::from_secs(10)) },
    Fact { name: "ended-by-server", holds: |c| c.session.ended_by() == Some(Side::Server) },
    Fact { name: "ended-by-client", holds: |c| c.session.ended_by() == Some(Side::Client) },
    Fact { name: "ended-by-reset", holds: |c| c.session.end() == End::Reset },
    Fact { name: "went-silent", holds: |c| matches!(c.session.end(), End::Idle | End::InputEnded) },
    Fact { name: "nothing-said", holds: |c| c.session.replies == 0 && c.session.commands == 0 && !c.session.protected },
    Fact { name: "client-gave-up", holds: |c| c.session.end() == End::Idle && c.session.ended_by() == Some(Side::Client) },
    Fact { name: "idle-before-last-command", holds: |c| idle_before_last_command(c.session) },
    Fact { name: "command-unanswered", holds: |c| last_command_unanswered(c.session) },
    Fact { name: "transfer-unanswered", holds: |c| transfer_unanswered(c.session) },
    Fact { name: "sent-again-unacknowledged", holds: |c| c.session.closing.as_ref().is_some_and(|x| x.unacknowledged.is_some()) },
    Fact { name: "tls-failed", holds: |c| tls(c).is_some_and(|t| t.completed == Some(false)) },
    Fact { name: "tls-alert", holds: |c| tls(c).is_some_and(|t| t.breaking().is_some()) },
    Fact { name: "data-tls-alert", holds: |c| c.session.data_handshakes().any(|t| t.breaking().is_some()) },
    Fact { name: "data-tls-anew", holds: |c| seen(c).is_some_and(left::took_up_nothing) },
    Fact { name: "tls-client-certificate-refused", holds: client_certificate_refused },
    Fact { name: "tls-agreed-in-vain", holds: |c| tls_agreed_in_vain(c.session) },
    Fact { name: "clear-on-implicit-port", holds: |c| clear_on_implicit_port(c.session) },
    Fact { name: "hidden-by-tls", holds: |c| c.session.protected },
    Fact { name: "bytes-missing", holds: |c| c.session.missing.1 > 0 },
    Fact { name: "transfer-log", holds: |c| c.session.vantage == Vantage::TransferLog },
];

pub(super) fn exchange<'s>(case: &Case<'s>) -> Option<&'s Exchange> {
    case.exchange.map(|(_, exchange)| exchange)
}

pub(super) fn data<'s>(case: &Case<'s>) -> Option<&'s DataConnection> {
    case.session.data_of(exchange(case)?)
}

pub(super) fn seen<'s>(case: &Case<'s>) -> Option<&'s DataRecord> {
    data(case)?.seen.as_deref()
}

fn mode(case: &Case<'_>) -> Option<DataMode> {
    data(case).map(|d| d.mode)
}

fn fate(case: &Case<'_>) -> Option<Fate> {
    seen(case).map(|d| d.fate)
}

fn client_host<'s>(case: &Case<'s>) -> Option<&'s Host> {
    case.session.client.as_ref().map(|c| &c.host)
}

/// Every exchange was heard: from the opening on, without holes.
fn heard_whole(session: &Session) -> bool {
    session.opened && session.missing.1 == 0 && session.elided == 0
}

fn client_went_on(case: &Case<'_>) -> bool {
    let Some((index, _)) = case.exchange else {
        return false;
    };
    let is_useful = |e: &&Exchange| e.verb().is_some_and(|v| v != Verb::QUIT);
    case.session
        .exchanges
        .get(index + 1..)
        .unwrap_or_default()
        .iter()
        .any(|e| is_useful(&e))
}

/// A transfer that succeeded follows: what failed before was a probe or was mended.
fn transfer_after(case: &Case<'_>) -> bool {
    let Some((index, _)) = case.exchange else {
        return false;
    };
    let later = case.session.exchanges.get(index + 1..).unwrap_or_default();
    later
        .iter()
        .take(4)
        .any(|e| e.outcome == Outcome::Success && e.verb().is_some_and(|v| v.is_transfer()))
}

/// A transfer in the same direction that succeeded follows, by whatever command: the client found another way.
fn same_direction_after(case: &Case<'_>) -> bool {
    let Some((index, exchange)) = case.exchange else {
        return false;
    };
    let direction = |e: &Exchange| e.verb().filter(Verb::is_transfer).map(Direction::of);
    let wanted = direction(exchange);
    let mut later = case.session.exchanges.iter().skip(index + 1);
    wanted.is_some() && later.any(|e| e.outcome == Outcome::Success && direction(e) == wanted)
}

/// The last command about data connections before this exchange was refused.
fn data_command_refused_before(case: &Case<'_>) -> bool {
    let Some((index, _)) = case.exchange else {
        return false;
    };
    let before = case.session.exchanges.get(..index).unwrap_or_default();
    let last = before
        .iter()
        .rev()
        .find(|e| e.verb().is_some_and(|v| v.is_passive() || v.is_active()));
    last.is_some_and(|e| e.outcome == Outcome::Failure)
}

/// Five logins failed. A long session is asked this for each of its failures, so the rest is not counted.
fn is_guessing(session: &Session) -> bool {
    let failed = |e: &&Exchange| {
        e.outcome == Outcome::Failure
            && e.verb().is_some_and(|v| v == Verb::PASS)
            && !e.state.logged_in
    };
    session.exchanges.iter().filter(failed).nth(4).is_some()
}

/// A server that speaks unasked or late, after so much silence, speaks because of it. Timers are whole seconds, three at the least,
/// and a clock may read a little less.
const TIMER_AT_LEAST: Duration = Duration::from_millis(2900);

/// Servers' and middleboxes' timers are round: within two seconds of one of these.
pub(super) fn is_round(quiet: Duration) -> bool {
    const TIMERS: [u64; 12] = [30, 45, 60, 90, 120, 180, 240, 300, 600, 900, 1800, 3600];
    TIMERS
        .iter()
        .any(|timer| quiet.abs_diff(Duration::from_secs(*timer)) <= Duration::from_secs(2))
}

/// A timer that somebody set: whole seconds, or a silence that no person bears. Taking note of the end takes a moment.
fn is_timer(quiet: Duration) -> bool {
    const PATIENCE: Duration = Duration::from_secs(60);
    let behind = quiet.subsec_millis();
    quiet >= PATIENCE || quiet >= TIMER_AT_LEAST && !(350..=950).contains(&behind)
}

/// A passive reply names an address that can't be reached from where the client is: unroutable, and not the one by
/// which the client reached the server.
fn announced_unroutable(case: &Case<'_>) -> bool {
    let Some(data) = data(case).filter(|d| d.mode == DataMode::Pasv) else {
        return false;
    };
    let Some(announced) = &data.announced else {
        return false;
    };
    if !grammar::is_unroutable(&announced.host) {
        return false;
    }
    match &case.session.server {
        Some(server) => server.host != announced.host,
        // A log does not know the server's address: it is wrong only for a client from elsewhere.
        None => client_host(case)
            .is_some_and(|client| client.ip().is_some() && !grammar::is_unroutable(client)),
    }
}

/// A passive reply names another address than the one by which the client reached the server.
fn announced_elsewhere(case: &Case<'_>) -> bool {
    let Some(data) = data(case).filter(|d| d.mode == DataMode::Pasv) else {
        return false;
    };
    let hosts = data.announced.as_ref().zip(case.session.server.as_ref());
    hosts.is_some_and(|(announced, server)| announced.host != server.host)
}

/// The host that PORT or EPRT names.
fn port_argument(case: &Case<'_>) -> Option<Host> {
    let command = exchange(case)?.command.as_ref()?;
    let argument = command.argument.as_ref().map(Text::bytes)?;
    let (ip, _) = match command.verb {
        Verb::PORT => grammar::host_port(argument)?,
        Verb::EPRT => grammar::extended_port(argument)?,
        _ => return None,
    };
    Some(Host::Ip(ip))
}

/// The side that closed or reset the data connection first, unless that was for a reply heard before.
fn data_ended_by(case: &Case<'_>) -> Option<Side> {
    const AT_ONCE: Duration = Duration::from_secs(1);
    let data = seen(case)?;
    let replied = exchange(case).and_then(|e| e.last.as_ref()?.at);
    let later = data
        .last
        .zip(replied)
        .map(|(last, replied)| last.since(replied));
    data.ended_by
        .filter(|_| later.is_none_or(|later| later <= AT_ONCE))
}

/// The side that receives closed or reset the data connection first.
fn data_ended_by_receiver(case: &Case<'_>) -> bool {
    let Some(verb) = exchange(case).and_then(Exchange::verb) else {
        return false;
    };
    let receiver = if Direction::of(verb) == Direction::Upload {
        Side::Server
    } else {
        Side::Client
    };
    data_ended_by(case) == Some(receiver)
}

/// From which time on a data connection without new bytes, or with a closed window, stands still. Servers wait for minutes;
/// a peer that lives answers in a second or two.
const STALLED: Duration = Duration::from_secs(5);

/// From which time on a device on the way may have forgotten a connection. The shortest common limit of firewalls and NAT.
pub(super) const FORGOTTEN: Duration = Duration::from_secs(60);

pub(super) fn tcp<'s>(case: &Case<'s>) -> Option<&'s TcpRecord> {
    seen(case)?.tcp.as_ref()
}

/// The receiver took no more bytes, up to the end.
fn data_window_closed(case: &Case<'_>) -> bool {
    let closed = |sent: &Sent| sent.zero_window_at_end && sent.zero_window_longest >= STALLED;
    tcp(case).is_some_and(|t| closed(&t.by_client) || closed(&t.by_server))
}

/// The data connection was opened from a host that is neither the one expected nor any of the control connection's.
fn data_by_stranger(case: &Case<'_>) -> bool {
    let Some(data) = seen(case).filter(|d| d.third_party) else {
        return false;
    };
    let opener = data.opener.as_ref().map(|end| &end.host);
    let server = case.session.server.as_ref().map(|end| &end.host);
    opener.is_some() && opener != client_host(case) && opener != server
}

/// A passive reply names 0.0.0.0 or `::`.
fn announced_nowhere(case: &Case<'_>) -> bool {
    let announced = data(case).filter(|d| d.mode.is_passive());
    let ip = announced.and_then(|d| d.announced.as_ref()?.host.ip());
    ip.is_some_and(|ip| ip.is_unspecified())
}

/// The control connection was silent for long before the last command, which nobody answered.
fn idle_before_last_command(session: &Session) -> bool {
    let mut newest = session.exchanges.iter().rev();
    let last = newest.by_ref().find(|e| e.command.is_some());
    let before = newest.find_map(Exchange::at);
    let unanswered = last.is_some_and(Exchange::is_unanswered);
    let idle = last.and_then(|e| e.sent).zip(before);
    unanswered && idle.is_some_and(|(sent, before)| sent.since(before) >= FORGOTTEN)
}

pub(super) fn moved_bytes(case: &Case<'_>) -> bool {
    let by_data = seen(case).is_some_and(|d| d.bytes_to_client + d.bytes_to_server > 0);
    by_data
        || case
            .transfer
            .is_some_and(|t| t.bytes.is_some_and(|b| b > 0))
}

/// The words of another protocol: an HTTP method, an SMTP greeting, or a first line that is no word at all.
fn foreign_words(case: &Case<'_>) -> bool {
    let Some((index, verb)) = case.exchange.and_then(|(i, e)| Some((i, e.verb()?))) else {
        return false;
    };
    let is_first = case
        .session
        .exchanges
        .get(..index)
        .unwrap_or_default()
        .iter()
        .all(|e| e.command.is_none());
    match verb {
        Verb::ODD => is_first,
        word => is_foreign(word) && !is_typed(case),
    }
}

/// `GET a.txt` after the login: a person who takes FTP's commands for those of a client.
fn is_typed(case: &Case<'_>) -> bool {
    exchange(case).is_some_and(|e| {
        let argument = e.command.as_ref().and_then(|c| c.argument.as_ref());
        let speaks_http =
            argument.is_some_and(|a| memchr::memmem::find(a.bytes(), b"HTTP/").is_some());
        e.state.logged_in && !speaks_http
    })
}

/// The first thing that the client said is no FTP, and no login followed.
fn foreign_from_the_start(session: &Session) -> bool {
    let mut verbs = session.exchanges.iter().filter_map(Exchange::verb);
    session.elided == 0 && !session.logged_in && verbs.next().is_some_and(is_foreign)
}

/// The client did nothing on the control connection for a second or more after this exchange.
fn paused_after(case: &Case<'_>) -> bool {
    let Some((index, exchange)) = case.exchange else {
        return false;
    };
    let next = case
        .session
        .exchanges
        .get(index + 1)
        .and_then(|e| e.sent)
        .or(case.session.last);
    let waited = next.zip(exchange.at()).map(|(next, at)| next.since(at));
    waited.is_some_and(|w| w >= Duration::from_secs(1))
}

/// Silence between the last command or reply and the end.
pub(super) fn quiet_before_end(session: &Session) -> Option<Duration> {
    let said = session
        .exchanges
        .iter()
        .rev()
        .find_map(|e| e.last.as_ref().and_then(|r| r.at).max(e.sent));
    Some(session.last?.since(said?))
}

/// The server hung up after a success: no 421 and no 221 said why.
fn end_unannounced(session: &Session) -> bool {
    let settled = session
        .exchanges
        .last()
        .is_some_and(|e| e.outcome == Outcome::Success);
    settled && session.end() == End::Fin && !session.protected
}

fn last_command_unanswered(session: &Session) -> bool {
    let last = session.exchanges.iter().rev().find(|e| e.command.is_some());
    !session.protected
        && last.is_some_and(|e| e.is_unanswered() && e.verb().is_some_and(|v| v != Verb::QUIT))
}

fn tls<'s>(case: &Case<'s>) -> Option<&'s TlsRecord> {
    case.session.tls.as_deref()
}

/// The server's alert is about a certificate: it can only mean the client's.
fn client_certificate_refused(case: &Case<'_>) -> bool {
    let alert = tls(case).and_then(TlsRecord::breaking);
    alert.is_some_and(|a| a.sender == Side::Server && a.is_about_certificate())
}

/// The client speaks in clear on the port on which TLS begins at once.
fn clear_on_implicit_port(session: &Session) -> bool {
    let port = session.server.as_ref().and_then(|s| s.port);
    let is_clear = session.vantage == Vantage::Wire && !session.protected;
    port == Some(limits::FTPS_PORT) && is_clear && session.commands > 0
}

fn without_argument(case: &Case<'_>) -> bool {
    let command = exchange(case).and_then(|e| e.command.as_ref());
    command.is_some_and(|c| c.argument.is_none() && !c.secret)
}

/// The command takes no argument and has one.
fn needless_argument(case: &Case<'_>) -> bool {
    let command = exchange(case).and_then(|e| e.command.as_ref());
    command.is_some_and(|c| {
        let entry = catalogue().command(c.verb);
        c.argument.is_some() && entry.is_some_and(|entry| entry.argument == "none")
    })
}

/// The command's argument.
pub(super) fn argument(exchange: &Exchange) -> Option<&[u8]> {
    exchange
        .command
        .as_ref()?
        .argument
        .as_ref()
        .map(Text::bytes)
}

/// The file that a command is about: SITE CHMOD has two words before it.
fn file_of(exchange: &Exchange) -> Option<&[u8]> {
    let words = match exchange.verb() {
        Some(Verb::SITE) => 3,
        _ => 1,
    };
    argument(exchange)?
        .splitn(words, |b| *b == b' ')
        .nth(words - 1)
}

/// No file system in use has names of more than 255 bytes.
fn name_beyond_limits(case: &Case<'_>) -> bool {
    let path = exchange(case).and_then(argument).unwrap_or_default();
    path.split(|b| *b == b'/').any(|name| name.len() > 255)
}

/// A command just before or after shows that there is a file of this name.
fn file_exists(case: &Case<'_>) -> bool {
    const NEAR: usize = 16;
    #[rustfmt::skip]
    const CHANGING: [Verb; 8] = [
        Verb::CWD, Verb::CDUP, Verb::DELE, Verb::RNTO, Verb::STOR, Verb::STOU, Verb::APPE, Verb::RMD,
    ];
    const SHOWING: [Verb; 4] = [Verb::SIZE, Verb::MDTM, Verb::RETR, Verb::RNFR];
    let Some((index, exchange)) = case.exchange else {
        return false;
    };
    let name = file_of(exchange);
    let succeeded = |e: &Exchange, verbs: &[Verb]| {
        e.outcome == Outcome::Success && e.verb().is_some_and(|v| verbs.contains(&v))
    };
    let changes = |e: &&Exchange| succeeded(e, &CHANGING);
    let shows = |e: &Exchange| succeeded(e, &SHOWING) && argument(e) == name;
    let (before, after) = case.session.exchanges.split_at(index);
    let mut before = before.iter().rev().take(NEAR).take_while(|e| !changes(e));
    let mut after = after.iter().skip(1).take(NEAR).take_while(|e| !changes(e));
    name.is_some() && (before.any(shows) || after.any(shows))
}

/// AUTH was answered by 234, and no handshake came, though the session went on or ended.
fn tls_agreed_in_vain(session: &Session) -> bool {
    let agreed = |e: &Exchange| e.code().is_some_and(|code| code.number() == 234);
    let ended = matches!(session.end(), End::Fin | End::Reset);
    let mut newest = session.exchanges.iter().rev();
    let went_on = !newest.next().is_some_and(agreed) && newest.any(agreed);
    let last = session.exchanges.last().is_some_and(agreed);
    session.vantage == Vantage::Wire && !session.protected && (went_on || last && ended)
}

pub(super) fn transfer_unanswered(session: &Session) -> bool {
    let is_open = |e: &Exchange| e.is_unanswered() && e.verb().is_some_and(|v| v.is_transfer());
    session.exchanges.iter().rev().take(3).any(is_open)
}
