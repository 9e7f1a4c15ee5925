//! Guesses the `LogFormat` of lines that are in no known layout.
//!
//! A line falls apart at blanks and punctuation, dates, and what stands in quotation marks. One value of each must be a
//! command of FTP and one the code of a reply. What the other columns hold is taken from all lines together; a column of
//! which nothing can be proven stands for nothing. A guess counts only where nearly all lines can be read by it in exactly
//! one way.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::LazyLock;

use crate::catalogue::catalogue;
use crate::ftp::{ReplyCode, Verb};
use crate::limits;
use crate::log::envelope;

use super::layout::{Cut, Layout};
use super::{is_command, is_ftp, is_of_the_web, strftime};

/// So many lines must be readable before a guess is one.
const LINES: usize = 3;

/// The forms of dates that are looked for, as variables of `LogFormat`, with what `strftime(3)` calls them.
static DATES: LazyLock<Vec<(&str, Vec<strftime::Part>)>> = LazyLock::new(|| {
    let compiled = |(variable, form): &(&'static str, &str)| Some((*variable, strftime::compile(form.as_bytes())?));
    FORMS.iter().filter_map(compiled).collect()
});

#[rustfmt::skip]
static FORMS: &[(&str, &str)] = &[
    ("%{%Y-%m-%dT%H:%M:%S%z}t", "%Y-%m-%dT%H:%M:%S%z"),
    ("%{%Y-%m-%dT%H:%M:%S}t", "%Y-%m-%dT%H:%M:%S"),
    ("%{%Y-%m-%d %H:%M:%S %z}t", "%Y-%m-%d %H:%M:%S %z"),
    ("%{%Y-%m-%d %H:%M:%S}t", "%Y-%m-%d %H:%M:%S"),
    ("%{%Y/%m/%d %H:%M:%S}t", "%Y/%m/%d %H:%M:%S"),
    ("%{%d/%b/%Y:%H:%M:%S %z}t", "%d/%b/%Y:%H:%M:%S %z"),
    ("%{%d/%b/%Y %H:%M:%S}t", "%d/%b/%Y %H:%M:%S"),
    ("%{%d.%m.%Y %H:%M:%S}t", "%d.%m.%Y %H:%M:%S"),
    ("%{%a %b %e %H:%M:%S %Y}t", "%a %b %e %H:%M:%S %Y"),
    ("%{%b %d %H:%M:%S}t", "%b %d %H:%M:%S"),
];

/// A piece of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'b> {
    /// What the layout says itself.
    Text(&'b [u8]),
    /// A date, by its variable.
    Date(&'static str),
    /// A whole command.
    Request(&'b [u8]),
    /// What ends at a blank or a mark.
    Word(&'b [u8]),
    /// What stands in quotation marks.
    Quoted(&'b [u8]),
    /// All the rest.
    Rest(&'b [u8]),
}

impl<'b> Piece<'b> {
    fn value(self) -> Option<&'b [u8]> {
        match self {
            Self::Word(value) | Self::Quoted(value) => Some(value),
            _ => None,
        }
    }

    /// True where both may be of the same layout.
    fn is_like(self, other: Self) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Date(a), Self::Date(b)) => a == b,
            _ => std::mem::discriminant(&self) == std::mem::discriminant(&other),
        }
    }
}

type Row<'b> = Vec<Piece<'b>>;

/// The layout that nearly all of these lines are in.
pub(super) fn guess(lines: &[&[u8]]) -> Option<String> {
    let rows: Vec<Row<'_>> = lines.iter().filter_map(|line| row(line)).collect();
    let with_text: Vec<Row<'_>> = rows.iter().filter_map(|row| up_to_code(row)).collect();
    [rows, with_text].iter().find_map(|rows| {
        let layout = Table::of(rows)?.layout()?;
        let compiled = Layout::compile(layout.as_bytes()).ok()?;
        let is_read = |line: &&&[u8]| matches!(compiled.cut(line), Cut::One(values) if is_ftp(&values));
        let read = lines.iter().filter(is_read).count();
        (read >= LINES && read * 10 >= lines.len() * 9).then_some(layout)
    })
}

/// Takes a line apart. `None` where it holds no command, or too much.
fn row(line: &[u8]) -> Option<Row<'_>> {
    let mut row: Row<'_> = Vec::new();
    let mut rest = line;
    while !rest.is_empty() && row.len() < limits::LOG_COLUMNS * 2 {
        let (piece, length) = next(rest, row.last().copied());
        row.push(piece);
        rest = rest.get(length..)?;
    }
    let has = |piece: &Piece<'_>| match piece {
        Piece::Request(_) => true,
        Piece::Word(word) => is_verb(word),
        _ => false,
    };
    (rest.is_empty() && row.iter().any(has)).then_some(row)
}

/// The next piece, and its length.
fn next<'b>(rest: &'b [u8], before: Option<Piece<'b>>) -> (Piece<'b>, usize) {
    let text = |length: usize| (Piece::Text(rest.get(..length).unwrap_or(rest)), length);
    if let Some((variable, length)) = date(rest) {
        return (Piece::Date(variable), length);
    }
    let Some((first, inside)) = rest.split_first() else {
        return text(0);
    };
    if let b'"' | b'\'' = first {
        if matches!(before, Some(Piece::Request(_) | Piece::Quoted(_))) {
            return text(1);
        }
        if *first == b'"' && before == Some(Piece::Text(b"\"")) && !inside.starts_with(b"\"") {
            return (Piece::Quoted(b""), 0);
        }
        // The mark itself is text, and so is what names the value behind it.
        return match quoted(inside, *first) {
            Some(length) if inside.get(length + 1) == Some(&b':') => text(length + 3),
            _ => text(1),
        };
    }
    if is_mark(*first) {
        return text(1);
    }
    if let Some(Piece::Text([.., mark @ (b'"' | b'\'')])) = before
        && let Some(length) = quoted(rest, *mark)
        && let Some(value) = rest.get(..length)
    {
        let is_request = is_verb(first_word(value));
        return (if is_request { Piece::Request(value) } else { Piece::Quoted(value) }, length);
    }
    // Between bars and tabulators a command may stand with its argument.
    if let Some(Piece::Text([.., mark @ (b'|' | b'\t' | b';')])) = before
        && is_verb(first_word(until(rest, |b| b == *mark)))
    {
        let value = until(rest, |b| b == *mark);
        return (Piece::Request(value), value.len());
    }
    let word = until(rest, is_mark);
    match label(word) {
        Some(length) => text(length),
        None => (Piece::Word(word), word.len()),
    }
}

fn is_mark(byte: u8) -> bool {
    b" \t|;,\"'[](){}<>".contains(&byte)
}

fn until(text: &[u8], is_end: impl Fn(u8) -> bool) -> &[u8] {
    let end = text.iter().position(|b| is_end(*b)).unwrap_or(text.len());
    text.get(..end).unwrap_or(text)
}

fn first_word(text: &[u8]) -> &[u8] {
    until(text, |b| b == b' ')
}

/// How long the text is that ends in the quotation mark with a mark or nothing behind it.
fn quoted(text: &[u8], mark: u8) -> Option<usize> {
    let is_end = |at: &usize| text.get(at + 1).is_none_or(|b| is_mark(*b) || *b == b':');
    let mut ends = memchr::memchr_iter(mark, text).filter(is_end);
    ends.next().filter(|length| *length > 0)
}

/// `user=`, `CODE:`, in front of a value.
fn label(word: &[u8]) -> Option<usize> {
    let at = word.iter().position(|b| !b.is_ascii_alphabetic() && *b != b'_')?;
    let is_label = at > 0 && word.get(at) == Some(&b'=') || at > 2 && word.get(at) == Some(&b':');
    is_label.then_some(at + 1)
}

/// The variable of the date that stands here, and how long it is.
fn date(text: &[u8]) -> Option<(&'static str, usize)> {
    let length = |rest: &[u8]| text.len() - rest.len();
    match text.first()? {
        b'[' => envelope::common_date(text).map(|(_, rest)| ("%t", length(rest))),
        b'0'..=b'9' | b'A'..=b'Z' => {
            let iso = envelope::blank_date(text).map(|(_, rest)| ("%{iso8601}", length(rest)));
            // With the fraction of a second, which no form of `strftime(3)` has.
            if let Some((_, length)) = iso
                && text.get(19).is_some_and(|b| *b == b',')
                && length == 23
            {
                return iso;
            }
            DATES.iter().find_map(|(variable, form)| {
                let (_, rest) = strftime::read(form, text)?;
                Some((*variable, length(rest)))
            })
        }
        _ => None,
    }
}

/// A command of FTP, in capital letters.
fn is_verb(word: &[u8]) -> bool {
    is_command(word) && !is_of_the_web(word) && catalogue().command(Verb::new(word)).is_some()
}

fn is_code(value: &[u8]) -> bool {
    value.len() == 3 && ReplyCode::from_digits(value).is_some_and(|code| catalogue().reply(code).is_some())
}

/// The row with all that stands behind the code as the reply's text.
fn up_to_code<'b>(row: &Row<'b>) -> Option<Row<'b>> {
    let request = row.iter().position(|piece| matches!(piece, Piece::Request(_)))?;
    let mut behind = row.iter().enumerate().skip(request);
    let (at, _) = behind.find(|(_, piece)| piece.value().is_some_and(is_code))?;
    let (Some(Piece::Text(b" ")), Some(Piece::Word(first))) = (row.get(at + 1), row.get(at + 2)) else {
        return None;
    };
    let mut short: Row<'b> = row.get(..at + 2)?.to_vec();
    short.push(Piece::Rest(first));
    Some(short)
}

/// The rows that are alike.
struct Table<'r, 'b> {
    rows: Vec<&'r Row<'b>>,
}

impl<'r, 'b> Table<'r, 'b> {
    /// Those that are most.
    fn of(rows: &'r [Row<'b>]) -> Option<Self> {
        let alike = |first: &Row<'b>| {
            let is_like = |row: &&'r Row<'b>| {
                row.len() == first.len() && row.iter().zip(first).all(|(a, b)| a.is_like(*b))
            };
            rows.iter().filter(is_like).collect::<Vec<_>>()
        };
        let tried = rows.iter().take(8).map(alike);
        let rows = tried.max_by_key(Vec::len)?;
        (rows.len() >= LINES).then_some(Self { rows })
    }

    fn column(&self, index: usize) -> Vec<&'b [u8]> {
        self.rows.iter().filter_map(|row| row.get(index)?.value()).collect()
    }

    /// The columns in which each value is so or missing, and one is not missing.
    fn columns(&self, is: impl Fn(&[u8]) -> bool) -> Vec<usize> {
        let width = self.rows.first().map_or(0, |row| row.len());
        let fits = |index: &usize| {
            let column = self.column(*index);
            let mut told = column.iter().filter(|value| !value.is_empty() && **value != b"-").peekable();
            told.peek().is_some() && told.all(|value| is(value))
        };
        (0..width).filter(fits).collect()
    }

    /// What stands in front of a column, without marks, in small letters.
    fn label(&self, index: usize) -> String {
        let row = self.rows.first().map_or(&[][..], |row| row.as_slice());
        let before = row.iter().take(index).rev();
        let mut texts = before.map_while(|piece| match piece {
            Piece::Text(text) => Some(*text),
            _ => None,
        });
        let text = texts.find(|text| text.iter().any(u8::is_ascii_alphabetic)).unwrap_or_default();
        let letters = text.iter().filter(|b| b.is_ascii_alphabetic());
        letters.map(|b| char::from(b.to_ascii_lowercase())).collect()
    }

    fn distinct(&self, index: usize) -> usize {
        let values: BTreeSet<_> = self.column(index).into_iter().filter(|value| *value != b"-").collect();
        values.len()
    }

    /// The layout, if a command and a code are in it.
    fn layout(&self) -> Option<String> {
        let first = self.rows.first()?;
        let known = self.known()?;
        let numbers = self.columns(|value| value.iter().all(u8::is_ascii_digit));
        let decimals = self.columns(is_decimal);
        let mut layout = String::new();
        for (index, piece) in first.iter().enumerate() {
            let variable = known.iter().find(|(place, _)| *place == index).map(|(_, variable)| *variable);
            match piece {
                Piece::Text(text) => layout.push_str(&std::str::from_utf8(text).ok()?.replace('%', "%%")),
                Piece::Date(variable) => layout.push_str(variable),
                Piece::Request(_) => layout.push_str("%r"),
                Piece::Rest(_) => layout.push_str("%S"),
                Piece::Word(_) | Piece::Quoted(_) => layout.push_str(variable.unwrap_or_else(|| match piece {
                    Piece::Quoted(_) => "%d",
                    _ if numbers.contains(&index) => "%I",
                    _ if decimals.contains(&index) => "%T",
                    _ => "%l",
                })),
            }
        }
        Some(layout)
    }

    /// The columns of which it is known what they hold, the surest first.
    fn known(&self) -> Option<Vec<(usize, &'static str)>> {
        let first = self.rows.first()?;
        let request = first.iter().position(|piece| matches!(piece, Piece::Request(_)));
        let method = match request {
            Some(request) => self.method_beside(request),
            None => self.columns(is_verb).into_iter().next(),
        };
        let verbs = request.or(method)?;
        let code = self.columns(is_code).into_iter().next()?;
        let client = self.client();
        let client_is_address = client.is_some_and(|client| self.columns(is_address).contains(&client));
        let bytes = self.bytes(verbs, code);
        let path = method.map(|method| method + 2).filter(|path| request.is_none() && self.is_path(*path));
        let mut known: Vec<(usize, &'static str)> = [
            (method, "%m"),
            (Some(code), "%s"),
            (client, if client_is_address { "%a" } else { "%h" }),
            (bytes, "%b"),
            (path, "%f"),
            (self.columns(|value| [&b"ftp"[..], b"ftps", b"sftp", b"scp"].contains(&value)).into_iter().next(), "%{protocol}"),
            (self.columns(is_outcome).into_iter().next(), "%{transfer-status}"),
            (self.labelled(&["text", "message", "msg", "response", "reply"]), "%S"),
            (self.labelled(&["reason"]), "%E"),
            (self.labelled(&["session", "sessionid"]), "%{UNIQUE_ID}e"),
        ]
        .into_iter()
        .filter_map(|(place, variable)| Some((place?, variable)))
        .collect();
        let is_taken = |index: usize| known.iter().any(|(place, _)| *place == index);
        let (user, process) = (self.user(verbs, &is_taken), self.process(&is_taken));
        known.extend(user.map(|user| (user, "%u")));
        known.extend(process.map(|process| (process, "%P")));
        Some(known)
    }

    /// The column that repeats the request's first word.
    fn method_beside(&self, request: usize) -> Option<usize> {
        let is_method = |index: &usize| {
            let mut rows = self.rows.iter();
            rows.all(|row| row.get(*index).and_then(|piece| piece.value()) == verb(row, request))
        };
        self.columns(is_verb).into_iter().find(is_method)
    }

    /// The column with one of these labels.
    fn labelled(&self, labels: &[&str]) -> Option<usize> {
        let row = self.rows.first()?;
        let is_so = |index: &usize| {
            let is_value = row.get(*index).is_some_and(|piece| piece.value().is_some());
            is_value && labels.contains(&self.label(*index).as_str())
        };
        (0..row.len()).find(is_so)
    }

    /// The column that names the client: the only one with addresses, or with names of hosts that are not all the same, or
    /// the one whose label says so.
    fn client(&self) -> Option<usize> {
        let is_labelled = |index: &usize| {
            let label = self.label(*index);
            ["client", "ip", "host", "remote", "from", "addr", "src"].iter().any(|word| label.starts_with(word))
        };
        for (columns, least) in [(self.columns(is_address), 1), (self.columns(is_name), 2)] {
            if let Some(labelled) = columns.iter().find(|index| is_labelled(index)) {
                return Some(*labelled);
            }
            let most = columns.iter().map(|index| self.distinct(*index)).max().unwrap_or(0);
            let mut best = columns.iter().filter(|index| self.distinct(**index) == most);
            if let (Some(one), None) = (best.next(), best.next())
                && most >= least
            {
                return Some(*one);
            }
        }
        None
    }

    /// The column that names the user: its label says so, or each is one that some `USER` names.
    fn user(&self, verbs: usize, is_taken: &impl Fn(usize) -> bool) -> Option<usize> {
        if let Some(labelled) = self.labelled(&["user", "username", "login", "account"]) {
            return Some(labelled).filter(|index| !is_taken(*index));
        }
        let names: BTreeSet<&[u8]> = self.rows.iter().filter_map(|row| user_named(row, verbs)).collect();
        let proven = |index: &usize| {
            let told = self.column(*index).into_iter().filter(|value| *value != b"-");
            // Before a login old releases name the user that the server runs as.
            let (known, other): (Vec<_>, Vec<_>) = told.partition(|value| names.contains(value));
            !known.is_empty() && other.iter().all(|value| [&b"root"[..], b"nobody", b"ftp", b"proftpd"].contains(value))
        };
        self.columns(|_| true).into_iter().filter(|index| !is_taken(*index)).find(proven)
    }

    /// The column that counts bytes: numbers where something is transferred, and nothing or 0 otherwise.
    fn bytes(&self, verbs: usize, code: usize) -> Option<usize> {
        let numbers = self.columns(|value| value.iter().all(u8::is_ascii_digit));
        if let Some(labelled) = self.labelled(&["bytes", "size"]) {
            return Some(labelled).filter(|index| numbers.contains(index));
        }
        let is_so = |index: &&usize| {
            let mut counts = false;
            let all = self.rows.iter().all(|row| {
                let (Some(value), Some(verb)) = (row.get(**index).and_then(|p| p.value()), verb(row, verbs)) else {
                    return false;
                };
                let is_none = value == b"-" || value == b"0";
                counts |= !is_none;
                is_none || is_transfer(verb)
            });
            all && counts
        };
        numbers.iter().filter(|index| **index != code).find(is_so).copied()
    }

    /// The column with the process id: a number that never misses, in brackets or by its label.
    fn process(&self, is_taken: &impl Fn(usize) -> bool) -> Option<usize> {
        let is_whole = |index: &usize| self.column(*index).iter().all(|v| *v != b"-") && !is_taken(*index);
        let is_in_brackets = |index: &usize| {
            let first = self.rows.first();
            let piece = |at: Option<usize>| first.and_then(|row| row.get(at?)).copied();
            piece(index.checked_sub(1)) == Some(Piece::Text(b"[")) && piece(Some(index + 1)) == Some(Piece::Text(b"]"))
        };
        let numbers = self.columns(|value| value.iter().all(u8::is_ascii_digit));
        let mut numbers = numbers.into_iter().filter(is_whole);
        numbers.find(|index| is_in_brackets(index) || ["pid", "process"].contains(&self.label(*index).as_str()))
    }

    fn is_path(&self, index: usize) -> bool {
        self.columns(|value| value.first() == Some(&b'/')).contains(&index)
    }
}

fn verb<'b>(row: &Row<'b>, verbs: usize) -> Option<&'b [u8]> {
    match row.get(verbs)? {
        Piece::Request(request) => Some(first_word(request)),
        piece => piece.value(),
    }
}

/// Whom a row's `USER` names.
fn user_named<'b>(row: &Row<'b>, verbs: usize) -> Option<&'b [u8]> {
    match row.get(verbs)? {
        Piece::Request(request) => request.strip_prefix(b"USER "),
        _ => None,
    }
}

fn is_transfer(verb: &[u8]) -> bool {
    let transfers: [&[u8]; 8] = [b"RETR", b"STOR", b"STOU", b"APPE", b"LIST", b"NLST", b"MLSD", b"STAT"];
    transfers.contains(&verb)
}

fn is_outcome(value: &[u8]) -> bool {
    [&b"success"[..], b"failed", b"cancelled", b"timeout"].contains(&value)
}

fn is_decimal(value: &[u8]) -> bool {
    let parts: Vec<&[u8]> = value.split(|b| *b == b'.').take(3).collect();
    parts.len() == 2 && parts.iter().all(|part| part.iter().all(u8::is_ascii_digit))
}

fn is_address(value: &[u8]) -> bool {
    std::str::from_utf8(value).is_ok_and(|value| value.parse::<IpAddr>().is_ok())
}

/// `c.example`
fn is_name(value: &[u8]) -> bool {
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || *b == b'.' || *b == b'-';
    let has_letter = value.iter().any(u8::is_ascii_alphabetic);
    value.contains(&b'.') && has_letter && value.iter().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guessed(log: &str) -> Option<String> {
        let lines: Vec<&[u8]> = log.lines().map(str::as_bytes).collect();
        guess(&lines)
    }

    #[test]
    fn a_layout_is_guessed_from_its_lines() {
        for (log, expected) in [
            (
                "\"USER bob\" 331 - 192.0.2.7 22/Nov/2026:08:16:55 +0000 -\n\
                 \"PASS (hidden)\" 230 - 192.0.2.7 22/Nov/2026:08:16:55 +0000 bob\n\
                 \"RETR a \"b\" c\" 226 997 192.0.2.7 22/Nov/2026:08:16:56 +0000 bob\n\
                 \"RETR a\" 226 99 192.0.2.7 22/Nov/2026:08:16:56 +0000 bob\n\
                 \"QUIT\" 221 - 192.0.2.7 22/Nov/2026:08:16:57 +0000 bob",
                "\"%r\" %s %b %a %{%d/%b/%Y:%H:%M:%S %z}t %u",
            ),
            (
                "2026-11-22 08:16:55 pid=7 ip=192.0.2.7 user=- cmd=\"USER bob\" code=331 text=\"go on\"\n\
                 2026-11-22 08:16:55 pid=7 ip=192.0.2.7 user=bob cmd=\"PASS (hidden)\" code=230 text=\"welcome\"\n\
                 2026-11-22 08:16:56 pid=7 ip=192.0.2.7 user=bob cmd=\"CWD x\" code=550 text=\"x: no\"",
                "%{%Y-%m-%d %H:%M:%S}t pid=%P ip=%a user=%u cmd=\"%r\" code=%s text=\"%S\"",
            ),
            (
                "{\"client\":\"192.0.2.7\",\"user\":\"-\",\"cmd\":\"USER bob\",\"code\":331}\n\
                 {\"client\":\"192.0.2.8\",\"user\":\"bob\",\"cmd\":\"PASS (hidden)\",\"code\":530}\n\
                 {\"client\":\"192.0.2.7\",\"user\":\"bob\",\"cmd\":\"STOR a b\",\"code\":226}",
                "{\"client\":\"%a\",\"user\":\"%u\",\"cmd\":\"%r\",\"code\":%s}",
            ),
            (
                "c.example|[22/Nov/2026:08:16:55 +0000]|USER bob|331|ftp1\n\
                 d.example|[22/Nov/2026:08:16:55 +0000]|PASS (hidden)|530|ftp1\n\
                 d.example|[22/Nov/2026:08:16:56 +0000]|QUIT|221|ftp1",
                "%h|%t|%r|%s|%l",
            ),
            (
                "[7] 192.0.2.7 \"USER bob\" 331 Password please\n\
                 [7] 192.0.2.7 \"PASS (hidden)\" 530 Login incorrect.\n\
                 [7] 192.0.2.7 \"QUIT\" 221 Goodbye.",
                "[%P] %a \"%r\" %s %S",
            ),
        ] {
            assert_eq!(guessed(log).as_deref(), Some(expected), "{log}");
        }
    }

    #[test]
    fn what_proves_nothing_is_not_guessed() {
        for log in [
            "",
            // Too few.
            "x 192.0.2.7 \"USER bob\" 331\nx 192.0.2.7 \"QUIT\" 221",
            // The web.
            "192.0.2.7 x \"GET /a HTTP/1.1\" 200 5 \"-\"\n192.0.2.7 x \"GET /a HTTP/1.1\" 404 5 \"-\"\n192.0.2.7 x \"POST /a HTTP/1.1\" 200 5 \"-\"",
            // Without codes.
            "192.0.2.7 \"USER bob\" x\n192.0.2.7 \"PASS (hidden)\" x\n192.0.2.7 \"QUIT\" x",
            // Words.
            "the client said QUIT at 221\nand then nothing at all\nbut at last STOR again",
        ] {
            assert_eq!(guessed(log), None, "{log}");
        }
    }
}
