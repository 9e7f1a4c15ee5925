//! Events in, finished sessions out.
//!
//! The builder keeps one session per control connection and hands it to its
//! observer when it is over. Of sessions that are long, or very many, the older part is only counted. Judging is the
//! observer's business.

use std::time::Duration;

use super::pair::{Pairing, Pending};
use super::{Exchange, KeptCommand, KeptReply, Outcome, Session, State, settles};
use crate::diagnostic::Origin;
use crate::ftp::{
    Closing, Command, End, Event, EventKind, Evidence, Introduction, Reply, ReplyClass, SessionKey,
    Side, Vantage, Verb,
};
use crate::limits;
use crate::lookup::Lookup;
use crate::text::Text;
use crate::time::Timestamp;

/// Exchanges for which a session gets room at most before it has any.
const USUAL: usize = 16;

/// Looks on while sessions are built.
pub trait Observer {
    /// An event was added to its session.
    fn event(&mut self, session: &Session, event: &Event<'_>);
    /// A reply that the session does not keep: another preliminary one of the same exchange.
    fn passed(&mut self, session: &Session, reply: &KeptReply);
    /// An exchange that a long session does not keep any longer.
    fn dropped(&mut self, session: &Session, exchange: &Exchange);
    /// A session is over.
    fn finished(&mut self, session: Session);
}

/// A session under construction.
#[derive(Debug)]
struct Draft {
    session: Session,
    state: State,
    pending: Pending,
    /// The data connection announced last and not used yet.
    announced: Option<usize>,
    heard: Option<Timestamp>,
    /// See [`Builder::with_all_texts`].
    all_texts: bool,
}

/// Builds the sessions of one series.
#[derive(Debug)]
pub struct Builder {
    places: Lookup<SessionKey, usize>,
    drafts: Vec<Option<Box<Draft>>>,
    free: Vec<usize>,
    /// The session of the event before, which most events are of as well, and its place.
    last: Option<(SessionKey, usize)>,
    /// Exchanges of the session that was over last, up to a few: sessions of one input are alike, so the next gets room for
    /// as many. To grow is to copy.
    usual: usize,
    /// What is kept of all open sessions, and how much of it there is room for.
    kept: usize,
    pub(super) room: usize,
    all_texts: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            places: Lookup::default(),
            drafts: Vec::new(),
            free: Vec::new(),
            last: None,
            usual: 0,
            kept: 0,
            room: limits::OPEN_EXCHANGES,
            all_texts: false,
        }
    }
}

impl Builder {
    /// Keeps every reply's text, for whoever shows sessions step by step.
    pub fn with_all_texts(all_texts: bool) -> Self {
        Self {
            all_texts,
            ..Self::default()
        }
    }

    /// With less room.
    #[cfg(test)]
    pub(super) fn of(room: usize) -> Self {
        Self {
            room,
            ..Self::default()
        }
    }

    /// How much of a session may be kept, now that so much is kept of all.
    fn most_of_each(&self) -> usize {
        if self.kept <= self.room {
            limits::KEPT_EXCHANGES
        } else {
            limits::FEWEST_EXCHANGES
        }
    }

    /// Takes the next event. Events of a session that was not introduced are dropped.
    pub fn take(&mut self, event: &Event<'_>, observer: &mut dyn Observer) {
        if let EventKind::Introduced(introduction) = &event.kind {
            self.introduce(event, introduction, observer);
        }
        let place = match self.last {
            Some((session, place)) if session == event.session => place,
            _ => {
                let Some(place) = self.places.get(&event.session) else {
                    return;
                };
                *place
            }
        };
        self.last = Some((event.session, place));
        let most = self.most_of_each();
        let Some(draft) = self.drafts.get_mut(place).and_then(Option::as_mut) else {
            return;
        };
        let before = draft.session.kept();
        draft.take(event, observer);
        draft.stay_small(most, observer);
        self.kept = self.kept + draft.session.kept() - before;
        observer.event(&draft.session, event);
        if matches!(event.kind, EventKind::Closed(_)) {
            self.close(place, observer);
        }
    }

    /// The input is over: hands over the sessions that are still open.
    pub fn finish(&mut self, observer: &mut dyn Observer) {
        for place in 0..self.drafts.len() {
            self.close(place, observer);
        }
    }

    fn introduce(
        &mut self,
        event: &Event<'_>,
        introduction: &Introduction,
        observer: &mut dyn Observer,
    ) {
        if let Some(place) = self.places.get(&event.session).copied() {
            self.close(place, observer); // the same ends at the same time: a new life of the connection
        }
        let place = self.free.pop().unwrap_or(self.drafts.len());
        if place == self.drafts.len() {
            self.drafts.push(None);
        }
        if let Some(slot) = self.drafts.get_mut(place) {
            *slot = Some(Box::new(Draft::new(
                event.session,
                event.origin,
                introduction,
                self.all_texts,
                self.usual,
            )));
            self.places.insert(event.session, place);
        }
    }

    fn close(&mut self, place: usize, observer: &mut dyn Observer) {
        let Some(draft) = self.drafts.get_mut(place).and_then(Option::take) else {
            return;
        };
        self.places.remove(&draft.session.key);
        self.kept -= draft.session.kept();
        self.last = None;
        self.free.push(place);
        self.usual = draft.session.exchanges.len().min(USUAL);
        observer.finished(draft.finish());
    }
}

impl Draft {
    fn new(
        key: SessionKey,
        origin: Origin,
        introduction: &Introduction,
        all_texts: bool,
        usual: usize,
    ) -> Self {
        let mut session = Session::new(key, origin, introduction);
        session.exchanges.reserve(usual);
        Self {
            all_texts,
            session,
            state: State::default(),
            pending: Pending::default(),
            announced: None,
            heard: None,
        }
    }

    fn take(&mut self, event: &Event<'_>, observer: &mut dyn Observer) {
        let session = &mut self.session;
        let source = event.origin.source;
        if session.sources.last() != Some(&source) && !session.sources.contains(&source) {
            session.sources.push(source);
        }
        if let EventKind::AlsoHeard(hearing) = &event.kind {
            return session.hear_also(hearing);
        }
        session.start = session.start.or(event.at);
        session.last = session.last.max(event.at);
        match &event.kind {
            EventKind::Introduced(_) | EventKind::AlsoHeard(_) => {}
            EventKind::Opened => self.open(event),
            EventKind::Command(command) => self.command(command, event),
            EventKind::Reply(reply) => self.reply(reply, event, observer),
            EventKind::Uncounted(reply) if reply.is_constant => {}
            EventKind::Uncounted(reply) => {
                self.session.add_candidates(reply);
                // Whatever it was, it has answered.
                self.pending.drop_oldest();
            }
            EventKind::Login { user, accepted } => self.login(user, *accepted, event),
            EventKind::Transfer(record) => {
                let waiting = self
                    .pending
                    .waits_for(record.verb)
                    .or_else(|| self.pending.oldest_transfer());
                self.session
                    .log_transfer(record, waiting, event.at, event.origin);
            }
            EventKind::Data(record) => session.attach_data(record),
            EventKind::Protected => {
                session.protected = true;
                self.state.protected = true;
            }
            EventKind::Tls(record) => session.tls = Some(record.clone()),
            EventKind::Unprotected => {
                self.state.protected = false;
                self.pending.lose();
            }
            EventKind::Missing { bytes, sender } => {
                session.missing.0 = session.missing.0.saturating_add(bytes.unwrap_or(0));
                session.missing.1 += 1;
                match sender {
                    Side::Server => self.pending.lose_replies(),
                    Side::Client => self.pending.lose(),
                }
            }
            EventKind::Closed(closing) => {
                self.session.closing = Some(self.as_goodbye(closing.clone()));
            }
        }
        self.heard = event.at.or(self.heard);
    }

    /// The greeting is waited for from here on.
    fn open(&mut self, event: &Event<'_>) {
        self.session.opened = true;
        if self.session.exchanges.is_empty() {
            self.pending
                .push(self.session.exchanges.len(), Verb::CONNECT);
            self.begin_exchange(None, None, event);
        }
    }

    fn command(&mut self, command: &Command<'_>, event: &Event<'_>) {
        self.session.commands += 1;
        if command.verb == Verb::USER {
            self.session.user = command
                .argument()
                .map(|a| Text::cut(a, limits::ARGUMENT_BYTES));
        }
        if command.verb == Verb::ABOR
            && let Some(index) = self.pending.oldest_transfer()
            && let Some(exchange) = self.session.exchanges.get_mut(index)
        {
            exchange.aborted = true;
        }
        self.await_reply(KeptCommand::new(command), event);
    }

    fn await_reply(&mut self, command: KeptCommand, event: &Event<'_>) {
        if self.pending.len() >= limits::PENDING_COMMANDS {
            self.pending.drop_oldest();
        }
        let verb = command.verb;
        let announced = &mut self.announced;
        let data = verb.is_transfer().then(|| announced.take()).flatten();
        self.pending.push(self.session.exchanges.len(), verb);
        self.begin_exchange(Some(command), data, event);
    }

    fn begin_exchange(
        &mut self,
        command: Option<KeptCommand>,
        data: Option<usize>,
        event: &Event<'_>,
    ) {
        let exchanges = &mut self.session.exchanges;
        if exchanges.len() == exchanges.capacity() {
            // Few, since there may be very many sessions, then soon many: each is large, and should not be moved often.
            let more = match exchanges.len() {
                0 => 2,
                few @ 1..8 => 3 * few,
                many => many,
            };
            exchanges.reserve_exact(more);
        }
        exchanges.push(Exchange {
            command,
            sent: event.at,
            origin: event.origin,
            preliminary: None,
            last: None,
            outcome: Outcome::Unanswered,
            paired: Pairing::Unasked,
            state: self.state,
            quiet: Duration::ZERO,
            aborted: false,
            data,
            also: None,
            hidden: false,
        });
    }

    fn reply(&mut self, reply: &Reply<'_>, event: &Event<'_>, observer: &mut dyn Observer) {
        if reply.evidence == Evidence::Observed {
            self.session.replies += 1;
        }
        let kept = KeptReply::new(reply, event.at, event.origin, self.keeps_text(reply));
        let turn = self
            .own_command(event.origin)
            .and_then(|own| self.pending.take_own(own, reply.code))
            .or_else(|| self.pending.take(reply.code));
        let (index, paired) = turn.map_or((self.session.exchanges.len(), Pairing::Unasked), |t| {
            (t.exchange, t.paired)
        });
        if turn.is_none() {
            self.begin_exchange(None, None, event);
        }
        let Some(exchange) = self.session.exchanges.get_mut(index) else {
            return;
        };
        exchange.paired = paired;
        // A client that pipelines sends the transfer command before the answer to its PASV.
        if exchange.data.is_none() && exchange.verb().is_some_and(|v| v.is_transfer()) {
            exchange.data = self.announced.take();
        }
        if !settles(reply.code) {
            if exchange.preliminary.is_none() {
                exchange.preliminary = Some(Box::new(kept));
            } else {
                observer.passed(&self.session, &kept);
            }
            return;
        }
        let since = event.at.zip(self.heard);
        exchange.quiet = since.map_or(Duration::ZERO, |(now, before)| now.since(before));
        exchange.outcome = match reply.code.class() {
            ReplyClass::TransientNegative | ReplyClass::PermanentNegative => Outcome::Failure,
            _ => Outcome::Success,
        };
        exchange.last = Some(kept);
        self.settled(index);
    }

    /// The command that stands in the same record. In a capture there is none: the two sides speak in packets of their own.
    fn own_command(&self, origin: Origin) -> Option<usize> {
        let last = self.session.exchanges.last()?;
        (last.origin == origin && last.command.is_some()).then(|| self.session.exchanges.len() - 1)
    }

    /// In a log the text of what succeeded explains nothing, but for a size in a 213 and the address in a 227, 228 or 229.
    fn keeps_text(&self, reply: &Reply<'_>) -> bool {
        self.all_texts
            || self.session.vantage == Vantage::Wire
            || reply.code.is_negative()
            || matches!(reply.code.number(), 213 | 227..=229)
    }

    fn stay_small(&mut self, most: usize, observer: &mut dyn Observer) {
        if self.session.is_too_long(most) {
            let (pending, announced) = (&mut self.pending, &mut self.announced);
            for exchange in self.session.compact(most, pending, announced) {
                observer.dropped(&self.session, &exchange);
            }
        }
    }

    /// What a settled exchange changes for those after it.
    fn settled(&mut self, index: usize) {
        let Some(exchange) = self.session.exchanges.get(index) else {
            return;
        };
        let (Some(code), Some(verb)) = (exchange.code(), exchange.verb()) else {
            return;
        };
        let success = exchange.outcome == Outcome::Success;
        match verb {
            Verb::USER | Verb::PASS | Verb::ACCT if matches!(code.number(), 230 | 232 | 202) => {
                self.accept_login();
            }
            Verb::AUTH if code.number() == 234 => self.session.agreed_on_tls = true,
            Verb::PASS if !success => self.state.failed_logins += 1,
            Verb::REIN if success => self.state.logged_in = false,
            _ if verb.is_passive() || verb.is_active() => {
                self.announced = self.session.announce(index);
            }
            _ if verb.is_transfer() => self.session.settle_transfer(index),
            Verb::CWD | Verb::XCWD | Verb::CDUP | Verb::XCUP => self.state.astray = !success,
            Verb::TYPE if success => self.state.ascii = exchange.argument_begins_with(b'A'),
            Verb::MODE if success => self.state.coded = !exchange.argument_begins_with(b'S'),
            _ => {}
        }
    }

    fn accept_login(&mut self) {
        self.state.logged_in = true;
        self.session.logged_in = true;
    }

    /// A log tells of a login: it stands for a PASS, unless one is waiting for its reply.
    fn login(&mut self, user: &[u8], accepted: bool, event: &Event<'_>) {
        if !user.is_empty() {
            self.session.user = Some(Text::cut(user, limits::ARGUMENT_BYTES));
        }
        if self.pending.is_empty() || self.only_greeting_waits() {
            self.pending = Pending::default();
            let verb = Verb::new(b"PASS");
            let command = KeptCommand {
                verb,
                argument: None,
                secret: true,
                assumed: true,
            };
            self.await_reply(command, event);
        }
        if accepted {
            self.accept_login();
        }
    }

    /// In logs without replies the greeting never comes.
    fn only_greeting_waits(&self) -> bool {
        self.pending.len() == 1 && self.pending.waits_for(Verb::CONNECT).is_some()
    }

    /// QUIT answered by 221 makes any orderly end a goodbye.
    fn as_goodbye(&self, closing: Closing) -> Closing {
        let said = |e: &Exchange| e.code().is_some_and(|c| c.number() == 221);
        let goodbye = self.session.exchanges.iter().rev().take(2).any(said);
        let end = if goodbye && closing.end == End::Fin {
            End::Goodbye
        } else {
            closing.end
        };
        Closing { end, ..closing }
    }

    fn finish(mut self: Box<Self>) -> Session {
        let ended = Closing::heard(End::InputEnded);
        self.session.closing.get_or_insert(ended);
        self.session.count_bytes();
        self.session
    }
}
