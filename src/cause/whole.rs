//! Facts about what a reply of success or failure hides: whether all that was to move has moved, in which mode and to
//! which directory, and how long it took. Each is a small function over the session; none looks at reply texts.

use std::time::Duration;

use super::facts::{self, Case, Fact};
use crate::ftp::{DataRecord, Direction, End, Fate, Side, Verb, grammar};
use crate::session::{Exchange, Outcome, Session, Transfer};
use crate::text::Text;

/// More facts; those that look at more than the exchange itself come last.
#[rustfmt::skip]
pub(super) const FACTS: &[Fact] = &[
    Fact { name: "ascii-in-force", holds: |c| facts::exchange(c).is_some_and(|e| e.state.ascii) },
    Fact { name: "astray", holds: |c| facts::exchange(c).is_some_and(|e| e.state.astray) },
    Fact { name: "data-unprotected", holds: data_unprotected },
    Fact { name: "behind-tls", holds: |c| c.session.agreed_on_tls || facts::exchange(c).is_some_and(|e| e.state.protected) },
    Fact { name: "resolver-time", holds: |c| facts::exchange(c).and_then(Exchange::waited).is_some_and(is_resolver_time) },
    Fact { name: "binary-name", holds: |c| argument(c).is_some_and(has_binary_name) },
    Fact { name: "relative-path", holds: |c| argument(c).is_some_and(is_relative) },
    Fact { name: "moved-less", holds: moved_less },
    Fact { name: "sizes-differ", holds: sizes_differ },
    Fact { name: "data-ended-by-sender", holds: data_ended_by_sender },
    Fact { name: "data-finished", holds: |c| finished(c.session).is_some() },
    Fact { name: "quiet-in-transfer", holds: |c| quiet_in_transfer(c.session).is_some_and(|q| q >= facts::FORGOTTEN) },
    Fact { name: "hidden-data-unanswered", holds: |c| hidden_data_unanswered(c.session) },
    Fact { name: "busy-without-transfer", holds: busy_without_transfer },
    Fact { name: "whole-by-size", holds: whole_by_size },
    Fact { name: "earlier-copy-larger", holds: earlier_copy_larger },
];

fn argument<'s>(case: &Case<'s>) -> Option<&'s [u8]> {
    facts::argument(facts::exchange(case)?)
}

/// Look-ups of names that nobody answers end after five seconds, or a few times five (resolv.conf(5), `timeout`).
fn is_resolver_time(waited: Duration) -> bool {
    let (whole, beyond) = (waited.as_millis() / 5000, waited.as_millis() % 5000);
    whole > 0 && beyond < 500 || whole < 12 && beyond > 4900
}

/// Ends of names of files that a change of line ends spoils.
const BINARY: [&[u8]; 36] = [
    b"7z", b"avi", b"bin", b"bmp", b"bz2", b"class", b"db", b"deb", b"dll", b"doc", b"docx",
    b"exe", b"gif", b"gz", b"ico", b"iso", b"jar", b"jpeg", b"jpg", b"mov", b"mp3", b"mp4", b"msi",
    b"pdf", b"png", b"ppt", b"pptx", b"rar", b"rpm", b"so", b"tar", b"tgz", b"xls", b"xlsx", b"xz",
    b"zip",
];

fn has_binary_name(path: &[u8]) -> bool {
    let Some(dot) = memchr::memrchr(b'.', path) else {
        return false;
    };
    let end = path.get(dot + 1..).unwrap_or_default();
    BINARY.iter().any(|known| known.eq_ignore_ascii_case(end))
}

/// A path that is looked for in the current directory.
fn is_relative(path: &[u8]) -> bool {
    let absolute = |b: &u8| matches!(b, b'/' | b'\\' | b'~');
    !path.first().is_none_or(absolute) && path.get(1) != Some(&b':')
}

fn direction(exchange: &Exchange) -> Option<Direction> {
    exchange.verb().map(Direction::of)
}

/// Bytes that a data connection in clear moved the transfer's way.
fn moved(exchange: &Exchange, seen: &DataRecord) -> Option<u64> {
    if seen.tls.is_some() || exchange.state.protected {
        return None;
    }
    Some(match direction(exchange)? {
        Direction::Upload => seen.bytes_to_server,
        Direction::Download | Direction::Listing => seen.bytes_to_client,
    })
}

/// Bytes moved and bytes expected, where both are known and the mode leaves them as they are. Some servers count in their
/// 150 what REST skips: the smaller number counts.
fn moved_and_expected(case: &Case<'_>) -> Option<(u64, u64)> {
    let exchange = facts::exchange(case).filter(|e| !e.state.coded)?;
    let seen = facts::seen(case)?;
    let expected = seen.expected?;
    let by_reply = expected.by == "150";
    if by_reply && exchange.verb() != Some(Verb::RETR) {
        return None;
    }
    let moved = moved(exchange, seen)?;
    let rest = expected.bytes.saturating_sub(seen.offset);
    let expected = if by_reply && moved <= rest {
        rest
    } else {
        expected.bytes
    };
    (moved > 0).then_some((moved, expected))
}

/// Less arrived than was to come, and the data connection is over.
fn moved_less(case: &Case<'_>) -> bool {
    let over = facts::seen(case).is_some_and(|d| matches!(d.end, Some(End::Fin | End::Reset)));
    over && moved_and_expected(case).is_some_and(|(moved, expected)| moved < expected)
}

fn sizes_differ(case: &Case<'_>) -> bool {
    moved_and_expected(case).is_some_and(|(moved, expected)| moved != expected)
}

/// The side that sends the file closed the data connection in order, after bytes had passed.
fn data_ended_by_sender(case: &Case<'_>) -> bool {
    let (Some(exchange), Some(seen)) = (facts::exchange(case), facts::seen(case)) else {
        return false;
    };
    let upload = direction(exchange) == Some(Direction::Upload);
    let (sender, bytes) = if upload {
        (Side::Client, seen.bytes_to_server)
    } else {
        (Side::Server, seen.bytes_to_client)
    };
    seen.end == Some(End::Fin) && seen.ended_by == Some(sender) && bytes > 0
}

/// The transfer that was begun last and that nobody said was over, and its data connection, closed in order after bytes
/// had passed.
pub(super) fn finished(session: &Session) -> Option<(&Exchange, &DataRecord)> {
    let waits = |e: &&Exchange| {
        let begun = e.preliminary.is_some() && e.is_unanswered();
        begun && e.verb().is_some_and(|v| v.is_transfer())
    };
    let exchange = session.exchanges.iter().rev().take(3).find(waits)?;
    let seen = session.data_of(exchange)?.seen.as_deref()?;
    let bytes = seen.bytes_to_client.saturating_add(seen.bytes_to_server);
    let closed = seen.fate == Fate::Opened && seen.end == Some(End::Fin);
    (closed && bytes > 0).then_some((exchange, seen))
}

/// How long that transfer left the control connection silent.
pub(super) fn quiet_in_transfer(session: &Session) -> Option<Duration> {
    let (exchange, seen) = finished(session)?;
    let begun = exchange.preliminary.as_ref()?.at?;
    Some(seen.last?.since(begun))
}

/// The client tried to reach a port that TLS hides from everybody on the way, in vain.
fn hidden_data_unanswered(session: &Session) -> bool {
    // What a log's transfer uses is judged with that.
    let is_used = |index: usize| session.exchanges.iter().any(|e| e.data == Some(index));
    let seen = session
        .data
        .iter()
        .enumerate()
        .filter(|(_, d)| d.mode.is_passive());
    let seen = seen.filter_map(|(index, d)| Some((index, d.seen.as_deref()?)));
    let seen = seen.filter(|(_, d)| d.guessed);
    let failed = |d: &DataRecord| matches!(d.fate, Fate::Unanswered | Fate::Refused);
    session.protected
        && seen
            .into_iter()
            .any(|(index, d)| failed(d) && !is_used(index))
}

/// It asks for data in clear, or PROT P was not agreed upon before it.
fn data_unprotected(case: &Case<'_>) -> bool {
    let Some((index, exchange)) = case.exchange else {
        return false;
    };
    let asks = |e: &Exchange, level: &[u8]| {
        let argument = facts::argument(e);
        e.verb() == Some(Verb::PROT)
            && argument.is_some_and(|argument| argument.eq_ignore_ascii_case(level))
    };
    let before = case.session.exchanges.get(..index).unwrap_or_default();
    let is_clear = || {
        !before
            .iter()
            .any(|e| e.outcome == Outcome::Success && asks(e, b"P"))
    };
    match exchange.verb() {
        Some(Verb::PROT) => asks(exchange, b"C"),
        _ => case.session.elided == 0 && is_clear(),
    }
}

/// A minute of commands or more went by, the last of them just now, and none of the newest moved anything.
fn busy_without_transfer(case: &Case<'_>) -> bool {
    const NEWEST: usize = 16;
    let Some((index, exchange)) = case.exchange else {
        return false;
    };
    let before = case.session.exchanges.get(..index).unwrap_or_default();
    let moved = |e: &Exchange| e.verb().is_some_and(|v| v.is_transfer());
    let age = exchange.at().zip(case.session.start);
    let age = age.map(|(now, start)| now.since(start));
    let busy = age.is_some_and(|age| age >= facts::FORGOTTEN && exchange.quiet < age / 10);
    busy && !before.iter().rev().take(NEWEST).any(moved)
}

/// The place of the exchange's transfer. Transfers end in the order of their commands, so none is searched for long.
fn transfer_of(case: &Case<'_>) -> Option<usize> {
    let (index, _) = case.exchange?;
    let transfers = &case.session.transfers;
    transfers
        .binary_search_by_key(&Some(index), |t| t.exchange)
        .ok()
}

/// Bytes of the transfer, as a log or its data connection tells.
fn bytes_of(case: &Case<'_>) -> Option<u64> {
    case.session.transfers.get(transfer_of(case)?)?.bytes
}

/// The answer to a SIZE soon after is the number of bytes that were moved.
fn whole_by_size(case: &Case<'_>) -> bool {
    const NEAR: usize = 8;
    let Some((index, exchange)) = case.exchange else {
        return false;
    };
    let path = facts::argument(exchange);
    let later = case.session.exchanges.iter().skip(index + 1).take(NEAR);
    let sizes = later.filter(|e| {
        let asked = e.verb() == Some(Verb::SIZE) && facts::argument(e) == path;
        asked && e.outcome == Outcome::Success
    });
    let mut sizes = sizes.filter_map(|e| grammar::size(e.last.as_ref()?.text.bytes()));
    path.is_some() && sizes.any(|size| size > 0 && bytes_of(case) == Some(size))
}

/// Nothing was stored, where this session had stored something under the same name not long before.
fn earlier_copy_larger(case: &Case<'_>) -> bool {
    const NEAR: usize = 64;
    let path = argument(case);
    let Some(place) = transfer_of(case).filter(|_| path.is_some()) else {
        return false;
    };
    let (before, from) = case.session.transfers.split_at(place);
    let same = |t: &&Transfer| {
        t.direction == Direction::Upload && t.path.as_ref().map(Text::bytes) == path
    };
    let mut copies = before.iter().rev().take(NEAR).filter(same);
    let empty = from.first().is_some_and(|t| t.bytes == Some(0));
    empty && copies.any(|t| t.bytes.is_some_and(|b| b > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_resolvers_are_a_few_times_five_seconds() {
        let holds = |millis| is_resolver_time(Duration::from_millis(millis));
        assert!(holds(5_010) && holds(10_020) && holds(20_300) && holds(4_950));
        assert!(!holds(3_000) && !holds(7_000) && !holds(40) && !holds(4_500));
    }

    #[test]
    fn names_tell_what_line_ends_would_spoil_and_where_they_are_looked_for() {
        assert!(has_binary_name(b"a/b.ZIP") && has_binary_name(b"x.tar.gz"));
        assert!(
            !has_binary_name(b"zip") && !has_binary_name(b"a.txt") && !has_binary_name(b"a.zip/b")
        );
        assert!(is_relative(b"a.txt") && is_relative(b"../a") && is_relative(b"d/a"));
        assert!(
            !is_relative(b"/a")
                && !is_relative(b"C:\\a")
                && !is_relative(b"~/a")
                && !is_relative(b"")
        );
    }
}
