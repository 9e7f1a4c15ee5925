//! One session as a ladder: what the client sent on the left, what the server answered to the right of it, data
//! connections further right, each with its time, how long it was waited for, and what failed right below.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::handshake::handshake;
use super::heard::{Mark, confidence_word};
use super::layout::{Look, Page};
use super::names::end_words;
use super::sources::Sources;
use super::wire;
use super::words::{count, lasting, seconds, size, thousands};
use crate::cause::Failure;
use crate::diagnostic::Origin;
use crate::ftp::{End, Endpoint, Evidence, Fate, Vantage};
use crate::session::{DataConnection, Exchange, KeptCommand, KeptReply, Pairing, Session};
use crate::time::Timestamp;

/// Columns of time and wait.
const TIMES: usize = 21;
/// Characters of a reply or command shown.
const SHOWN: usize = 300;

/// What stands in a row, and from which column on.
struct Row {
    at: Option<Timestamp>,
    waited: Option<Duration>,
    lane: Lane,
    words: String,
    /// The packet or line.
    origin: Option<Origin>,
    /// The same in words, with what stands before it.
    place: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lane {
    Command,
    Reply,
    Data,
    Remark(Mark),
}

/// The ladder of one session, ending in a line end.
pub fn ladder(
    session: &Session,
    failures: &[Failure],
    sources: &Sources,
    zone: &TimeZone,
    look: Look,
) -> String {
    let mut page = Page::new(look);
    head(&mut page, session, failures);
    if let Some(start) = session.start {
        page.line(&format!("  {}", start.date_time(zone)));
    }
    let rungs = Rungs {
        zone,
        session,
        failures,
        sources,
        look,
    };
    let decisive = decisive(failures);
    let mut is_marked = false;
    for row in in_order(rungs.rows()) {
        let proves = row.origin.is_some_and(|origin| decisive.contains(&origin));
        let proves = proves && !matches!(row.lane, Lane::Remark(_));
        is_marked |= proves;
        draw(&mut page, session.start, &row, proves);
    }
    if is_marked {
        let sign = look.mark(Mark::Failure);
        page.line(&format!(
            "  {}: what shows the failure",
            sign.replacen("! ", "!", 1)
        ));
    }
    foot(&mut page, session);
    page.finish()
}

fn head(page: &mut Page, session: &Session, failures: &[Failure]) {
    let look = page.look;
    let end = |end: Option<&Endpoint>| end.map_or("?".to_owned(), |e| e.terminal(look.ascii));
    let to = look.pick("->", "\u{2192}");
    let mut words = vec![
        session.key.to_string().chars().take(8).collect(),
        format!(
            "{} {to} {}",
            end(session.client.as_ref()),
            end(session.server.as_ref())
        ),
    ];
    words.extend(session.user.as_ref().map(|u| look.cut(look.show(u), 40)));
    words.push(
        if session.is_behind_tls() {
            "TLS"
        } else {
            "plain"
        }
        .to_owned(),
    );
    words.extend(session.duration().map(lasting));
    let mut causes: Vec<&str> = Vec::new();
    for failure in failures.iter().filter(|f| !f.benign) {
        if !causes.contains(&failure.cause.name()) {
            causes.push(failure.cause.name());
        }
    }
    words.push(if causes.is_empty() {
        "no failure".to_owned()
    } else {
        format!("FAILED  {}", causes.join(", "))
    });
    page.groups("session ", &words);
}

/// Where the failures that count show.
fn decisive(failures: &[Failure]) -> BTreeSet<Origin> {
    let counted = failures.iter().filter(|f| !f.benign);
    let proofs = counted.flat_map(|failure| &failure.proofs);
    proofs.map(|proof| proof.origin).collect()
}

/// Rows without a time follow the one before them.
fn in_order(mut rows: Vec<Row>) -> Vec<Row> {
    let mut known = None;
    for row in &mut rows {
        row.at = row.at.or(known);
        known = row.at;
    }
    rows.sort_by_key(|row| row.at);
    rows
}

fn draw(page: &mut Page, start: Option<Timestamp>, row: &Row, proves: bool) {
    let look = page.look;
    let since = row.at.zip(start).map(|(at, start)| at.since(start));
    let since = since
        .map(|s| format!("+{}", seconds(s)))
        .unwrap_or_default();
    let waited = row
        .waited
        .map(|w| format!("{} s", seconds(w)))
        .unwrap_or_default();
    let sign = if proves {
        look.mark(Mark::Failure)
    } else {
        "  ".to_owned()
    };
    let times = format!("{sign}{since:>7} {waited:>9}  ");
    let data_lane = if look.width >= 120 {
        look.width - 50
    } else {
        TIMES + 8
    };
    let (indent, sign) = match row.lane {
        Lane::Command => (TIMES, String::new()),
        Lane::Reply => (
            reply_lane(look),
            look.pick("<-- ", "\u{25c0}\u{2500}\u{2500} ").to_owned(),
        ),
        Lane::Data => (data_lane, look.pick("| ", "\u{2502} ").to_owned()),
        Lane::Remark(mark) => (TIMES, format!("{} ", look.mark(mark))),
    };
    let wide = match row.lane {
        Lane::Remark(_) => 3,
        _ => sign.chars().count(),
    };
    let shift = " ".repeat(indent - TIMES);
    let start = match row.lane {
        Lane::Remark(_) => format!("{:TIMES$}{sign}", ""),
        _ => format!("{times}{shift}{sign}"),
    };
    let arrow = match row.lane {
        Lane::Command => arrow(look, row.words.chars().count()),
        _ => String::new(),
    };
    let words = format!("{}{arrow}{}", row.words, row.place);
    page.hang_at(&start, indent + wide, &words);
}

/// The column in which replies begin.
fn reply_lane(look: Look) -> usize {
    TIMES + if look.width >= 120 { 30 } else { 14 }
}

/// What leads from a command to the replies' lane, if there is room.
fn arrow(look: Look, used: usize) -> String {
    let room = (reply_lane(look) + 3).saturating_sub(TIMES + used + 2);
    if room < 2 {
        return String::new();
    }
    let shaft = look.pick("-", "\u{2500}").repeat(room);
    format!(" {shaft}{}", look.pick(">", "\u{25b6}"))
}

struct Rungs<'a> {
    zone: &'a TimeZone,
    session: &'a Session,
    failures: &'a [Failure],
    sources: &'a Sources,
    look: Look,
}

impl Rungs<'_> {
    fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        if self.session.elided > 0 {
            let words = count(self.session.elided, "earlier exchange");
            rows.push(remark(Mark::Note, format!("{words} not kept")));
        }
        for (index, exchange) in self.session.exchanges.iter().enumerate() {
            self.exchange(exchange, &mut rows);
            let own = self.failures.iter().filter(|f| f.exchange == Some(index));
            for failure in own {
                rows.push(self.failed(failure));
            }
        }
        if let Some(record) = &self.session.tls {
            let mut row = remark(Mark::Note, handshake(record, self.zone, self.look));
            row.at = record.last;
            rows.push(row);
        }
        for data in &self.session.data {
            self.data(data, &mut rows);
        }
        for failure in self.failures.iter().filter(|f| f.exchange.is_none()) {
            let mut row = self.failed(failure);
            row.at = failure.at.or(self.session.last);
            rows.push(row);
        }
        rows
    }

    /// The packet or line: its number, where it is of the session's own source.
    fn place(&self, origin: Origin) -> String {
        if origin.source == self.session.origin.source && origin.record > 0 {
            let record = self.sources.record(origin.source, origin.record);
            record.trim_start().to_owned()
        } else {
            self.sources.place(origin, self.look.ascii)
        }
    }

    fn exchange(&self, exchange: &Exchange, rows: &mut Vec<Row>) {
        if let Some(command) = &exchange.command {
            rows.push(Row {
                at: exchange.sent,
                waited: None,
                lane: Lane::Command,
                words: self.command(command),
                origin: Some(exchange.origin),
                place: format!("  {}", self.place(exchange.origin)),
            });
        }
        if exchange.command.is_none() && exchange.paired != Pairing::Unasked {
            rows.push(Row {
                at: exchange.sent,
                waited: None,
                lane: Lane::Command,
                words: "(connects)".to_owned(),
                origin: None,
                place: String::new(),
            });
        }
        let mut before = exchange.sent;
        for reply in exchange.replies() {
            rows.push(Row {
                at: reply.at,
                waited: reply.at.zip(before).map(|(now, before)| now.since(before)),
                lane: Lane::Reply,
                words: self.reply(reply),
                origin: Some(reply.origin),
                place: format!(
                    "  {}{}",
                    self.place(reply.origin),
                    self.other_place(exchange, reply)
                ),
            });
            before = reply.at;
        }
        if exchange.last.is_none() && exchange.command.is_some() {
            let mut row = remark(Mark::Note, "no reply was heard".to_owned());
            row.at = before;
            rows.push(row);
        }
    }

    /// Where a log holds the reply as well.
    fn other_place(&self, exchange: &Exchange, reply: &KeptReply) -> String {
        let also = exchange
            .also
            .as_ref()
            .filter(|also| also.code == reply.code);
        let place = also.map(|also| self.sources.place(also.origin, self.look.ascii));
        place.map_or_else(String::new, |place| format!("   {place}"))
    }

    fn command(&self, command: &KeptCommand) -> String {
        let argument = match (&command.argument, command.secret) {
            (_, true) => " **********".to_owned(),
            (Some(argument), _) => format!(" {}", self.look.cut(self.look.show(argument), SHOWN)),
            (None, _) => String::new(),
        };
        let words = format!("{}{argument}", command.verb);
        if command.assumed {
            format!("({words}, not in the log itself)")
        } else {
            words
        }
    }

    fn reply(&self, reply: &KeptReply) -> String {
        let text = self.look.cut(self.look.show(&reply.text), SHOWN);
        let words = format!("{} {text}", reply.code.number());
        match reply.evidence {
            Evidence::Observed => words,
            Evidence::Implied { by } => format!("({}; implied by {by})", words.trim_end()),
        }
    }

    fn failed(&self, failure: &Failure) -> Row {
        let mark = if failure.benign {
            Mark::Note
        } else {
            Mark::Severe
        };
        let proof = failure.proofs.first().map(|proof| {
            let place = self.sources.place(proof.origin, self.look.ascii);
            let text = self.look.cut(self.look.show(&proof.text), SHOWN);
            format!(": {text}   {place}")
        });
        let sure = confidence_word(failure.confidence);
        let words = format!("{} ({sure}){}", failure.cause, proof.unwrap_or_default());
        remark(mark, words)
    }

    fn data(&self, data: &DataConnection, rows: &mut Vec<Row>) {
        let announced = data.announced.as_ref().map(|a| a.terminal(self.look.ascii));
        let announced = announced.unwrap_or_else(|| "?".to_owned());
        let announcing = |e: &&Exchange| {
            let reply = e.last.as_ref().map(|r| r.origin);
            e.origin == data.announced_by || reply == Some(data.announced_by)
        };
        let announcement = self.session.exchanges.iter().find(announcing);
        let announcement = announcement.and_then(Exchange::at);
        let mut row = |at: Option<Timestamp>, words: String, origin: Option<Origin>| {
            rows.push(Row {
                origin,
                place: String::new(),
                at: at.or(announcement).or(self.session.last),
                waited: None,
                lane: Lane::Data,
                words,
            });
        };
        // Logs without the words of replies have no address.
        if data.announced.is_some() || self.session.vantage == Vantage::Wire {
            row(
                None,
                format!("{} expects {announced}", data.mode.id()),
                None,
            );
        }
        let Some(seen) = &data.seen else { return };
        let place = seen.first.map(|o| self.sources.record(o.source, o.record));
        let place = place.unwrap_or_default();
        row(
            seen.tried,
            format!("{}{place}", wire::tried(seen, self.look.ascii)),
            seen.first,
        );
        if let Some(record) = &seen.tls {
            row(record.last, handshake(record, self.zone, self.look), None);
        }
        if seen.fate == Fate::Opened {
            row(seen.last, wire::moved(seen), None);
        }
    }
}

fn remark(mark: Mark, words: String) -> Row {
    Row {
        at: None,
        waited: None,
        lane: Lane::Remark(mark),
        words,
        origin: None,
        place: String::new(),
    }
}

fn foot(page: &mut Page, session: &Session) {
    let closed = if session.end() == End::Goodbye {
        ", closed"
    } else {
        ""
    };
    let by = session.ended_by();
    let by = by
        .map(|side| format!("{closed} by the {}", side.id()))
        .unwrap_or_default();
    let moved = match session.transfer_count() {
        0 => "Nothing transferred.".to_owned(),
        n => format!("{}, {}.", count(n, "transfer"), size(session.bytes())),
    };
    let (missing, times) = session.missing;
    let lost = match times {
        0 => String::new(),
        _ => format!("  The capture lacks {} bytes.", thousands(missing)),
    };
    let tcp = session.closing.as_ref().and_then(|c| c.tcp.as_deref());
    let fared = tcp.and_then(wire::of_control);
    let fared = fared.map(|words| format!("  {words}")).unwrap_or_default();
    page.hang(
        "  ",
        &format!(
            "Ended: {}{by}.  {moved}{lost}{fared}",
            end_words(session.end())
        ),
    );
}
