//! What one can open to see that a failure happened as told.

use std::time::Duration;

use super::Proof;
use crate::ftp::{End, Endpoint, Evidence, Fate, Side, TlsRecord, Vantage, Verb};
use crate::session::{DataConnection, Exchange, KeptReply, Outcome, Session, Transfer};
use crate::text::Text;

/// From which time on a wait is worth telling: a client's patience and a server's timers are longer.
const SLOW: Duration = Duration::from_millis(2900);

/// The proofs of a failed exchange: the command with its reply, then, where it failed for its data connection, what was
/// announced and seen of that.
pub(super) fn of_exchange(session: &Session, exchange: &Exchange) -> Vec<Proof> {
    let mut proofs = of_connection(session, exchange);
    if let Some(also) = exchange.also.as_deref() {
        let same = |reply: &KeptReply| (reply.code, &reply.text) == (also.code, &also.text);
        let is_same = exchange.last.as_ref().is_some_and(same);
        // What another source says in other words comes right behind the reply, the same words after all else.
        let place = if is_same { proofs.len() } else { 1 };
        proofs.insert(place.min(proofs.len()), told(also, is_same));
    }
    proofs
}

fn of_connection(session: &Session, exchange: &Exchange) -> Vec<Proof> {
    let mut proofs = vec![dialogue(exchange)];
    if exchange.command.is_none() {
        proofs.extend(handshake(session));
    }
    let Some(data) = session.data_of(exchange) else {
        return proofs;
    };
    let opened = data
        .seen
        .as_ref()
        .is_some_and(|seen| seen.fate == Fate::Opened);
    let about_path = exchange
        .code()
        .is_some_and(|code| !matches!(code.number(), 421..=429));
    let strange = data.seen.as_deref().is_some_and(|seen| seen.third_party);
    if opened && (exchange.preliminary.is_some() || strange) {
        proofs.extend(ending(data));
    } else if !opened && (!about_path || exchange.outcome == Outcome::Success) {
        // Logs without the words of replies have no address.
        if data.announced.is_some() || session.vantage == Vantage::Wire {
            proofs.push(announcement(session, data));
        }
        proofs.extend(attempt(data));
    }
    proofs
}

/// The nearest exchange before this one with a command that shows the cause too, or else the nearest after.
pub(super) fn beside(session: &Session, index: usize, verbs: &[Verb]) -> Option<Proof> {
    let is_shown = |e: &&Exchange| e.verb().is_some_and(|v| verbs.contains(&v));
    let (before, after) = session.exchanges.split_at_checked(index)?;
    let mut around = before.iter().rev().chain(after.iter().skip(1));
    around.find(is_shown).map(dialogue)
}

/// The proof of a transfer that only a log tells of.
pub(super) fn of_transfer(transfer: &Transfer) -> Proof {
    let path = transfer.path.as_ref().map(Text::bytes).unwrap_or_default();
    let bytes = transfer
        .bytes
        .map_or_else(String::new, |b| format!(" after {b} bytes"));
    let text = [
        transfer.verb.as_str().as_bytes(),
        b" ",
        path,
        b" failed",
        bytes.as_bytes(),
    ]
    .concat();
    Proof {
        origin: transfer.origin,
        text: Text::from(&*text),
    }
}

/// The proof about a session as a whole: where it was first heard, and what was heard last.
pub(super) fn of_session(session: &Session) -> Vec<Proof> {
    let name = |end: &Option<Endpoint>, unknown: &str| {
        end.as_ref()
            .map_or(unknown.to_owned(), |end| end.terminal(true))
    };
    let is_clients = session.vantage == Vantage::ClientLog;
    let client = name(&session.client, if is_clients { "the client" } else { "?" });
    let opened = format!("{client} -> {}{}", name(&session.server, "?"), end(session));
    let mut proofs = vec![Proof {
        origin: session.origin,
        text: Text::from(opened),
    }];
    proofs.extend(handshake(session));
    if let Some(last) = session.exchanges.iter().rev().find(|e| e.command.is_some()) {
        proofs.push(dialogue(last));
    }
    let hidden = session.data.iter().filter(|_| session.protected);
    let hidden = hidden.filter(|d| d.seen.as_deref().is_some_and(|s| s.guessed));
    let used = super::whole::finished(session).and_then(|(exchange, _)| session.data_of(exchange));
    proofs.extend(used.and_then(ending));
    proofs.extend(hidden.filter_map(attempt).take(1));
    proofs
}

/// How the control connection ended, and how long it had been silent then, where either tells something.
fn end(session: &Session) -> String {
    let by = session
        .ended_by()
        .map(|side| format!(" by the {}", side.id()));
    let quiet = super::facts::quiet_before_end(session).filter(|q| *q >= SLOW);
    match (session.end(), quiet) {
        (End::Reset | End::Fin, Some(quiet)) => {
            let end = if session.end() == End::Reset {
                "reset"
            } else {
                "closed"
            };
            let quiet = quiet.as_secs_f64();
            format!(
                ", {end}{} after {quiet:.1} s of silence",
                by.unwrap_or_default()
            )
        }
        _ => String::new(),
    }
}

/// A TLS handshake that failed: who broke it off and with which words, what was offered, whose certificate it was.
fn handshake(session: &Session) -> Option<Proof> {
    let failed = |t: &&TlsRecord| t.completed == Some(false);
    let control = session.tls.as_deref().filter(failed);
    let data = || session.data_handshakes().find(|t| t.breaking().is_some());
    let record = control.or_else(data)?;
    let mut words = Vec::new();
    if control.is_none() {
        words.push("on a data connection".to_owned());
    }
    let alert = record.breaking();
    words.push(
        match alert.map(|a| (a.sender.id(), a.read, a.name().unwrap_or_default())) {
            Some((who, Some((_, number)), name)) => {
                format!("TLS alert {number} {name} from the {who}")
            }
            Some((who, None, _)) => format!("TLS alert from the {who} that can't be read"),
            None => "TLS handshake not finished".to_owned(),
        },
    );
    let offered: Vec<String> = record.offered.iter().map(|v| v.name()).collect();
    if !offered.is_empty() {
        words.push(format!("the client offers {}", offered.join(", ")));
    }
    words.extend(
        record
            .version
            .map(|v| format!("the server chose {}", v.name())),
    );
    let mut text = words.join("; ").into_bytes();
    if let Some(certificate) = &record.certificate {
        text.extend_from_slice(b"; certificate of ");
        text.extend_from_slice(certificate.subject.bytes());
        if session.last.is_some_and(|at| record.is_out_of_date(at)) {
            text.extend_from_slice(b", out of date");
        }
    }
    Some(Proof {
        origin: alert.map(|a| a.origin).or(record.hello)?,
        text: Text::cut(&text, 300),
    })
}

/// `RETR x -> 550 No such file`
pub(super) fn dialogue(exchange: &Exchange) -> Proof {
    let mut text = Vec::new();
    if let Some(command) = &exchange.command {
        text.extend_from_slice(command.verb.as_str().as_bytes());
        if let Some(argument) = &command.argument {
            text.push(b' ');
            text.extend_from_slice(argument.bytes());
        }
        text.extend_from_slice(b" -> ");
    }
    match exchange.replies().next_back() {
        Some(reply) => push_reply(&mut text, reply),
        None => text.extend_from_slice(b"no reply"),
    }
    let waited = exchange.waited().filter(|w| *w >= SLOW);
    if let Some(waited) = waited.filter(|_| exchange.preliminary.is_none()) {
        text.extend_from_slice(format!(" (after {:.1} s)", waited.as_secs_f64()).as_bytes());
    }
    let origin = exchange.last.as_ref().map_or(exchange.origin, |r| r.origin);
    Proof {
        origin,
        text: Text::cut(&text, 300),
    }
}

/// A reply as another source tells it.
fn told(also: &KeptReply, is_same: bool) -> Proof {
    let mut text = Vec::new();
    if also.is_of_logged_transfer() {
        text.extend_from_slice(b"the same transfer");
    } else if is_same {
        text.extend_from_slice(b"the same ");
        text.extend_from_slice(also.code.number().to_string().as_bytes());
    } else {
        push_reply(&mut text, also);
    }
    Proof {
        origin: also.origin,
        text: Text::cut(&text, 300),
    }
}

fn push_reply(text: &mut Vec<u8>, reply: &KeptReply) {
    text.extend_from_slice(reply.code.number().to_string().as_bytes());
    text.push(b' ');
    match reply.evidence {
        Evidence::Observed => text.extend_from_slice(reply.text.bytes()),
        Evidence::Implied { by } => {
            if !reply.text.is_empty() && reply.text.bytes() != by.as_bytes() {
                text.extend_from_slice(reply.text.bytes());
                text.push(b' ');
            }
            text.extend_from_slice(format!("(implied by {by})").as_bytes());
        }
    }
}

fn announcement(session: &Session, data: &DataConnection) -> Proof {
    let announced = data
        .announced
        .as_ref()
        .map_or("an unknown address".to_owned(), |a| a.terminal(true));
    let server = session
        .server
        .as_ref()
        .filter(|s| data.announced.as_ref().is_some_and(|a| a.host != s.host));
    let known = server.filter(|_| data.mode.is_passive()).map(|s| {
        format!(
            "; the client reached the server as {}",
            s.host.terminal(true)
        )
    });
    let text = format!(
        "{} announces {announced}{}",
        data.mode.id(),
        known.unwrap_or_default()
    );
    Proof {
        origin: data.announced_by,
        text: Text::from(text),
    }
}

fn attempt(data: &DataConnection) -> Option<Proof> {
    let seen = data.seen.as_deref()?;
    let waited = seen
        .last
        .zip(seen.tried)
        .map(|(last, first)| last.since(first).as_secs_f64())
        .unwrap_or_default();
    let tcp = seen.tcp.as_ref();
    let after = tcp.and_then(|tcp| tcp.answered_after);
    let after = after.map_or(String::new(), |after| {
        format!(" after {} s", seconds(after))
    });
    if let Some(icmp) = tcp
        .and_then(|tcp| tcp.icmp)
        .filter(|_| seen.fate == Fate::Refused)
    {
        return Some(Proof {
            origin: icmp.origin,
            text: Text::from(format!("ICMP says {}{after}", icmp.why)),
        });
    }
    let text = match seen.fate {
        // No packet is at hand.
        Fate::Refused if seen.attempts == 0 => "refused, the client says".to_owned(),
        Fate::Unanswered if seen.attempts == 0 => "not answered, the client says".to_owned(),
        Fate::Refused => format!("SYN refused{after}, {} tried", seen.attempts),
        Fate::Unanswered => format!("SYN unanswered, {} in {waited:.1} s", seen.attempts),
        Fate::NeverTried | Fate::Opened => return None,
    };
    Some(Proof {
        origin: seen.first?,
        text: Text::from(text),
    })
}

/// Seconds, as many decimals as matter.
fn seconds(time: std::time::Duration) -> String {
    let digits = if time.as_millis() < 10 { 4 } else { 1 };
    format!("{:.digits$}", time.as_secs_f64())
}

fn ending(data: &DataConnection) -> Option<Proof> {
    let seen = data.seen.as_deref()?;
    let bytes = seen.bytes_to_client.max(seen.bytes_to_server);
    let mut words = match seen.end.zip(seen.ended_by) {
        Some((end, by)) => vec![format!(
            "data connection ended by the {} ({}) after {bytes} bytes",
            by.id(),
            end.id()
        )],
        None => vec![format!("data connection still open after {bytes} bytes")],
    };
    if let Some(expected) = seen.expected.filter(|e| e.bytes != bytes) {
        words.push(format!("{} expected by {}", expected.bytes, expected.by));
    }
    if let Some(opener) = seen.opener.as_ref().filter(|_| seen.third_party) {
        words.push(format!("it came from {}", opener.terminal(true)));
    }
    if let Some(tcp) = &seen.tcp {
        for side in [Side::Client, Side::Server] {
            let sent = tcp.sent(side);
            if sent.zero_window_at_end {
                let time = seconds(sent.zero_window_longest);
                words.push(format!("the {} took no bytes for {time} s", side.id()));
            }
            if sent.unacknowledged >= 3 {
                let times = sent.unacknowledged;
                words.push(format!(
                    "{times} segments of the {} sent again and not acknowledged",
                    side.id()
                ));
            }
        }
        if tcp.silence_at_end.as_secs() >= 1 {
            words.push(format!("no byte for {} s", seconds(tcp.silence_at_end)));
        }
    }
    Some(Proof {
        origin: seen.first?,
        text: Text::from(words.join(", ")),
    })
}
