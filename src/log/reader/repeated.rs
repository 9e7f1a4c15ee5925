//! `last message repeated 4 times`: how syslogd folds what was written again and again. The line stands for the one before it,
//! which a window or an earlier run may have ended with, so that one is kept.

use std::sync::Arc;

use super::resume::{Progress, line_at};
use super::{Headed, LogReader, Part, Placed};
use crate::diagnostic::{DiagnosticKind, Origin};
use crate::limits;
use crate::log::carried::{Entry, HeaderText, Kept, header_of, line_without_secrets};
use crate::log::{Bare, Detected, Fact, Out, Record, envelope};
use crate::time::Timestamp;

/// What a record of such a line holds.
const LAST: &str = "the last message, repeated";

/// Why such a line is of no use behind one of no use.
const OF_NOTHING: &str = "how often a message of no use was repeated";

/// The record of such a line.
pub(super) fn record<'w>(bare: &Bare<'w>) -> Option<Record<'w>> {
    const MARK: &[u8] = b"last message repeated ";
    let text = bare.message.strip_suffix(b" times")?;
    let at = memchr::memmem::rfind(text, MARK)?;
    let times = u32::try_from(envelope::number(text.get(at + MARK.len()..)?)?).unwrap_or(u32::MAX);
    let stamp = if bare.tag.is_some() {
        (at == 0).then_some(bare.stamp)?
    } else {
        // The daemon itself names no program: date and host stand in front.
        let (stamp, rest) = envelope::syslog_date(text.get(..at)?)?;
        let host = rest.strip_prefix(b" ")?.strip_suffix(b" ")?;
        (!host.contains(&b' ')).then_some(stamp)?
    };
    Some(Record {
        stamp,
        number: 0,
        client: b"",
        user: None,
        times: times.min(limits::LOG_REPETITIONS),
        fact: Fact::Remark(LAST),
        implied: None,
    })
}

pub(super) fn is_one(record: &Record<'_>) -> bool {
    matches!(record.fact, Fact::Remark(LAST))
}

/// The line that a window ends with, where it told something.
#[derive(Debug)]
pub(super) struct LastLine {
    header: Headed,
    line: Box<[u8]>,
}

/// A record, and the line behind which a repetition of it may stand; none is the line before the window.
pub(super) type Previous<'p, 'w> = Option<(&'p Placed<'w>, Option<u64>)>;

/// The record that a line repeats.
fn repeated<'p, 'w>(previous: Previous<'p, 'w>, line: u64) -> Option<&'p Placed<'w>> {
    let (placed, before) = previous?;
    (before.map_or(0, |before| before + 1) == line).then_some(placed)
}

/// The line whose record may be repeated; `last` are the line before the window and its record.
pub(super) fn line_of<'l>(
    previous: Previous<'_, '_>,
    (kept, again): (Option<&'l LastLine>, Option<&Placed<'_>>),
    bytes: &'l [u8],
) -> &'l [u8] {
    let Some((placed, _)) = previous else {
        return b"";
    };
    let before = again.filter(|again| std::ptr::eq(*again, placed));
    let before = before.and(kept).map(|kept| &*kept.line);
    before.unwrap_or_else(|| line_at(bytes, placed.offset))
}

impl LastLine {
    /// The last line of what an earlier run read of a source in this format.
    pub(super) fn known(format: Detected, progress: &Progress) -> Option<Arc<Self>> {
        let header = || Arc::new(header_of(&progress.header));
        let header = format.has_headers().then(header);
        let line = progress.last.clone()?;
        Some(Arc::new(Self { header, line }))
    }

    /// The same line for a later run, where syslogd may say that it was repeated: without secrets.
    pub(super) fn left(&self, format: Detected, header: &HeaderText) -> Option<Box<[u8]>> {
        let is_of_syslog = Bare::read(&self.line).tag.is_some();
        if !is_of_syslog && envelope::syslog_date(&self.line).is_none() {
            return None;
        }
        line_without_secrets(format, header.clone(), &self.line)
    }

    /// Reads it again where a window begins with a repetition of it.
    pub(super) fn again(&self, format: Detected, part: &Part<'_>) -> Option<Part<'_>> {
        let first = part.records.first()?;
        (first.line == 0 && is_one(&first.record)).then(|| format.lines(&self.line, &self.header))
    }

    /// The window's last line, where it told something; that of the one before stands on where only it was repeated.
    pub(super) fn of(
        part: &Part<'_>,
        (kept, again): (Option<&Arc<Self>>, Option<&Placed<'_>>),
        previous: Previous<'_, '_>,
    ) -> Option<Arc<Self>> {
        let Some(last) = part.lines.checked_sub(1) else {
            return kept.cloned();
        };
        let (placed, _) = previous.filter(|(_, line)| *line == Some(last))?;
        if again.is_some_and(|again| std::ptr::eq(again, placed)) {
            return kept.cloned();
        }
        Some(Arc::new(Self {
            header: part.header.clone(),
            line: line_at(part.bytes, placed.offset).into(),
        }))
    }
}

impl LogReader {
    /// Tells again what the line before told, which is this one.
    pub(super) fn repeat<'p, 'w>(
        &mut self,
        previous: Previous<'p, 'w>,
        placed: &Placed<'_>,
        (at, origin): (Option<Timestamp>, Origin),
        (line, header): (&[u8], HeaderText),
        out: &mut Out<'_>,
    ) -> Previous<'p, 'w> {
        let Some(last) = repeated(previous, placed.line) else {
            let counts = self.counts.entry(self.source).or_default();
            counts.taken -= 1;
            counts.ignored += 1;
            self.diagnostics
                .add(DiagnosticKind::NotRead, origin, OF_NOTHING);
            return previous;
        };
        let record = Record {
            times: placed.record.times,
            ..last.record.clone()
        };
        let kept = || Kept {
            origin,
            at,
            header,
            begun: None,
            again: Some(record.times),
            line: line.into(),
        };
        let format = self.format_of_source;
        let entry = self.carrying.is_some();
        let entry = entry.then(|| Entry::Copied(format, Box::new(kept())));
        self.follow((last.format, &record), at, origin, entry, out);
        Some((last, Some(placed.line)))
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use crate::diagnostic::SourceId;
    use crate::ftp::EventKind;
    use crate::log::tests::events_of;
    use crate::log::{Detected, LogReader};
    use crate::time::Clock;

    fn told(lines: &str) -> Vec<String> {
        let told = events_of("pureftpd", lines)
            .into_iter()
            .map(|(_, words)| words);
        told.filter(|words| words.starts_with("login")).collect()
    }

    const REFUSED: &str = "Nov 22 08:16:55 ftp1 pure-ftpd: (?@192.0.2.7) [WARNING] Authentication failed for user [bob]\n";

    #[test]
    fn a_repetition_stands_for_the_line_before_it() {
        let lines = format!(
            "{REFUSED}Nov 22 08:17:55 ftp1 pure-ftpd: last message repeated 2 times\n\
             Nov 22 08:18:55 ftp1 last message repeated 3 times\n"
        );
        assert_eq!(told(&lines).len(), 6, "{:?}", told(&lines));
    }

    #[test]
    fn a_window_may_end_before_a_repetition() {
        let again = "Nov 22 08:18:55 ftp1 last message repeated 3 times\n";
        for windows in [
            vec![REFUSED, again, again],
            vec![REFUSED, &again.repeat(2)],
            vec![&[REFUSED, again].concat(), again],
        ] {
            let format = Detected::named("pureftpd").unwrap();
            let mut reader = LogReader::new(
                format,
                SourceId(0),
                Clock::new(TimeZone::UTC, None, Some(2026)),
            );
            let (mut logins, mut offset) = (0, 0);
            for window in &windows {
                let part = reader.decode(window.as_bytes(), &None);
                reader.merge(offset, part, &mut |event| {
                    logins += usize::from(matches!(event.kind, EventKind::Login { .. }));
                });
                offset += window.len() as u64;
            }
            assert_eq!(
                (logins, reader.counts(SourceId(0)).taken),
                (7, 3),
                "{windows:?}"
            );
        }
    }

    #[test]
    fn a_repetition_of_another_line_stands_for_none() {
        let other = "Nov 22 08:17:00 ftp1 cron[1]: x\n";
        let lines = format!(
            "Nov 22 08:18:55 ftp1 last message repeated 3 times\n{REFUSED}{other}Nov 22 08:18:55 ftp1 last message repeated 3 times\n"
        );
        assert_eq!(told(&lines).len(), 1);
        let user = REFUSED.replace("[bob]", "[last message repeated 9 times]");
        assert_eq!(told(&user).len(), 1);
    }
}
