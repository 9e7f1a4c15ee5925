//! The report for programs: one JSON object, in the shape that docs/OUTPUT.md promises.
//!
//! Strings of the input go out with every control and invisible character escaped, also those that JSON would let
//! through; bytes that are not UTF-8 become U+FFFD. Nothing is computed here.

mod diff;
mod groups;
mod moved;
mod patterns;
mod rows;
mod tcp;
mod tls;

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::ser::Formatter;
use serde_json::value::RawValue;

use super::heard::{CauseRow, CommandRow, Evidence, Heard, WaitRow};
use super::{Filtered, Note, Report, Sources};
use crate::cause::Explanation;
use crate::ftp::{Endpoint, Host, Uncounted, Verb};
use crate::tally::written::Written;
use crate::tally::{InputTally, Tallies};
use crate::text;
use crate::time::Timestamp;

use diff::ChangesObject;
pub use diff::diff;
use groups::Groups;
use moved::{Tops, Transfers};
pub use rows::{event, exchange, failure, place, session, sessions};

/// The name of the report's shape. It changes when a field that was promised does.
pub const SCHEMA: &str = "ftpwhy.report/1";

/// The report as one line of JSON, with a line end.
pub fn report(report: &Report) -> String {
    let mut out = Vec::new();
    line(&mut out, &ReportObject::new(report));
    String::from_utf8(out).unwrap_or_default()
}

/// What a report was made from, as it stands in it.
pub(super) fn sums(tallies: &Tallies) -> Option<Box<RawValue>> {
    let mut out = Vec::new();
    write(&mut out, &Written::new(tallies));
    RawValue::from_string(String::from_utf8(out).ok()?).ok()
}

/// The catalogue's answer as one line of JSON, with a line end.
pub fn explanation(explanation: &Explanation) -> String {
    let mut out = Vec::new();
    line(&mut out, explanation);
    String::from_utf8(out).unwrap_or_default()
}

/// Adds one object and a line end.
fn line(out: &mut Vec<u8>, object: &impl Serialize) {
    write(out, object);
    out.push(b'\n');
}

fn write(out: &mut Vec<u8>, object: &impl Serialize) {
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, Escaping);
    // Writing to a Vec can't fail, and no object here has keys that are not strings.
    let _ok = object.serialize(&mut serializer);
}

/// Compact, and with everything escaped that could act on a terminal.
struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if fragment.bytes().all(|b| matches!(b, b' '..=b'~')) {
            return writer.write_all(fragment.as_bytes());
        }
        for c in fragment.chars() {
            let mut bytes = [0; 4];
            let shown: &str = c.encode_utf8(&mut bytes);
            if text::terminal_str(shown, false) == shown {
                writer.write_all(shown.as_bytes())?;
                continue;
            }
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

/// A time as text.
struct Time(Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A duration in seconds.
struct Seconds(Duration);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0.as_secs_f64())
    }
}

/// An end of a connection; a host that is known only by name has no `ip`.
#[derive(Serialize)]
struct Address {
    ip: Option<String>,
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl Address {
    fn new(end: &Endpoint) -> Self {
        let (ip, name) = match &end.host {
            Host::Ip(ip) => (Some(ip.to_string()), None),
            Host::Name(_) => (None, Some(end.host.json())),
        };
        Self {
            ip,
            port: end.port,
            name,
        }
    }
}

#[derive(Serialize)]
struct ReportObject<'a> {
    schema: &'static str,
    inputs: Vec<InputObject>,
    window: Window,
    #[serde(skip_serializing_if = "Option::is_none")]
    filtered: Option<FilteredObject<'a>>,
    #[serde(flatten)]
    main: HeardObject<'a>,
    also: Vec<HeardObject<'a>>,
    verdict: VerdictObject<'a>,
    diagnostics: Vec<NoteObject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<ChangesObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tallies: Option<&'a RawValue>,
}

impl<'a> ReportObject<'a> {
    fn new(report: &'a Report) -> Self {
        let sources = &report.sources;
        let also = report.also.iter();
        let notes = report.diagnostics.iter();
        let inputs = report.inputs.iter();
        Self {
            schema: SCHEMA,
            inputs: inputs.map(|(_, input)| InputObject::new(input)).collect(),
            window: Window {
                first: report.window.first().map(Time),
                last: report.window.last().map(Time),
            },
            filtered: report.filtered.as_ref().map(FilteredObject::new),
            main: HeardObject::new(&report.main, sources),
            also: also.map(|h| HeardObject::new(h, sources)).collect(),
            verdict: VerdictObject {
                mark: report.verdict.mark.sign(),
                lines: &report.verdict.lines,
            },
            diagnostics: notes.map(|n| NoteObject::new(n, sources)).collect(),
            changes: report
                .since
                .as_ref()
                .map(|since| ChangesObject::new(since, report)),
            tallies: report.sums.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct FilteredObject<'a> {
    conditions: BTreeMap<&'a str, &'a str>,
    left_out: Vec<LeftOutObject>,
}

#[derive(Serialize)]
struct LeftOutObject {
    vantage: Option<&'static str>,
    of: u64,
    sessions: u64,
    operations: u64,
}

impl<'a> FilteredObject<'a> {
    fn new(filtered: &'a Filtered) -> Self {
        let conditions = filtered.conditions.iter();
        let row = |row: &super::filtered::FilteredRow| LeftOutObject {
            vantage: row.vantage.map(crate::ftp::Vantage::id),
            of: row.all,
            sessions: row.sessions,
            operations: row.operations,
        };
        Self {
            conditions: conditions
                .map(|(o, words)| (o.as_str(), words.as_str()))
                .collect(),
            left_out: filtered.rows.iter().map(row).collect(),
        }
    }
}

#[derive(Serialize)]
struct Window {
    first: Option<Time>,
    last: Option<Time>,
}

#[derive(Serialize)]
struct VerdictObject<'a> {
    mark: &'static str,
    lines: &'a [String],
}

#[derive(Serialize)]
struct InputObject {
    path: String,
    format: Option<&'static str>,
    vantage: Option<&'static str>,
    bytes: u64,
    records: u64,
    taken: u64,
    ignored: u64,
    unrecognised: u64,
    gaps: &'static [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<String>,
}

impl InputObject {
    fn new(input: &InputTally) -> Self {
        Self {
            path: input.path.json().into_owned(),
            format: input.format,
            vantage: input.vantage.map(crate::ftp::Vantage::id),
            bytes: input.bytes,
            records: input.records,
            taken: input.taken,
            ignored: input.ignored,
            unrecognised: input.unrecognised,
            gaps: input.gaps,
            report: input
                .reported
                .as_ref()
                .map(|of| of.name.json().into_owned()),
        }
    }
}

#[derive(Serialize)]
struct HeardObject<'a> {
    vantage: Option<&'static str>,
    replies: Replies<'a>,
    commands: Vec<Command>,
    sessions: Sessions,
    failures: Failures,
    latency: Vec<Wait>,
    after_last_byte: Option<Wait>,
    transfers: Vec<Transfers>,
    tops: Tops,
    brute_force: Vec<Guess>,
    #[serde(flatten)]
    patterns: patterns::Patterns,
    timeline: TimelineObject,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<Groups<'a>>,
}

impl<'a> HeardObject<'a> {
    fn new(heard: &'a Heard, sources: &Sources) -> Self {
        let sessions = &heard.sessions;
        let ends = sessions.ends.iter().map(|(end, n)| (end.id(), *n));
        let (after, waits): (Vec<&WaitRow>, Vec<_>) =
            heard.latency.iter().partition(|row| row.verb.is_none());
        Self {
            vantage: heard.vantage.map(crate::ftp::Vantage::id),
            replies: Replies::new(heard),
            commands: heard.commands.iter().map(Command::new).collect(),
            sessions: Sessions {
                total: sessions.total,
                logged_in: sessions.logged_in,
                failed: sessions.failed,
                clean: sessions.clean,
                ends: ends.collect(),
                tls: sessions.protected.0,
                joined: sessions.joined,
                replies_from_log: sessions.hidden,
            },
            failures: Failures::new(heard, sources),
            latency: waits.into_iter().map(Wait::new).collect(),
            after_last_byte: after.first().map(|row| Wait::new(row)),
            transfers: Transfers::all(heard),
            tops: Tops::new(heard),
            brute_force: Guess::all(heard),
            patterns: patterns::Patterns::new(heard, sources),
            timeline: TimelineObject::new(heard),
            groups: heard.groups.as_ref().map(Groups::new),
        }
    }
}

#[derive(Serialize)]
struct Replies<'a> {
    total: u64,
    by_class: BTreeMap<String, u64>,
    by_code: Vec<CodeObject>,
    candidates: Vec<CandidatesObject<'a>>,
}

#[derive(Serialize)]
struct CandidatesObject<'a> {
    codes: &'a [u16],
    implied_by: &'a str,
    count: u64,
}

#[derive(Serialize)]
struct CodeObject {
    code: u16,
    name: Option<&'static str>,
    observed: u64,
    implied: u64,
}

impl<'a> Replies<'a> {
    fn new(heard: &'a Heard) -> Self {
        let classes = heard.classes.iter();
        let code = |row: &super::heard::CodeRow| CodeObject {
            code: row.code.number(),
            name: row.name,
            observed: row.observed,
            implied: row.implied,
        };
        let candidates = |(reply, count): &'a (Uncounted, u64)| CandidatesObject {
            codes: &reply.codes,
            implied_by: &reply.by,
            count: *count,
        };
        Self {
            total: heard.replies,
            by_class: classes.map(|(class, n)| (class.to_string(), *n)).collect(),
            by_code: heard.codes.iter().map(code).collect(),
            candidates: heard.candidates.iter().map(candidates).collect(),
        }
    }
}

#[derive(Serialize)]
struct Command {
    verb: Option<String>,
    code: u16,
    count: u64,
}

impl Command {
    fn new(row: &CommandRow) -> Self {
        Self {
            verb: row.verb.map(|v| v.to_string()),
            code: row.code.number(),
            count: row.count,
        }
    }
}

#[derive(Serialize)]
struct Sessions {
    total: u64,
    logged_in: u64,
    failed: u64,
    clean: u64,
    ends: BTreeMap<&'static str, u64>,
    tls: u64,
    joined: u64,
    replies_from_log: u64,
}

#[derive(Serialize)]
struct Failures {
    total: u64,
    causes: Vec<CauseObject>,
    not_counted: Vec<NotCounted>,
}

#[derive(Serialize)]
struct NotCounted {
    id: &'static str,
    count: u64,
}

#[derive(Serialize)]
struct CauseObject {
    id: &'static str,
    title: &'static str,
    side: &'static str,
    confidence: &'static str,
    count: u64,
    sessions: u64,
    clients: u64,
    first: Option<Time>,
    last: Option<Time>,
    evidence: Vec<EvidenceObject>,
    advice: &'static [String],
    users: u64,
    exact: bool,
    #[serde(flatten)]
    pattern: patterns::CausePattern,
}

#[derive(Serialize)]
struct EvidenceObject {
    source: String,
    record: u64,
    text: String,
    session: String,
}

impl Failures {
    fn new(heard: &Heard, sources: &Sources) -> Self {
        let not_counted = heard.not_counted.iter().map(|row| NotCounted {
            id: row.id.name(),
            count: row.count,
        });
        let causes = heard.causes.iter();
        Self {
            total: heard.failures,
            causes: causes.map(|c| CauseObject::new(c, sources)).collect(),
            not_counted: not_counted.collect(),
        }
    }
}

impl CauseObject {
    fn new(row: &CauseRow, sources: &Sources) -> Self {
        let evidence = |e: &Evidence| EvidenceObject {
            source: text::json(sources.path(e.origin.source)).into_owned(),
            record: e.origin.record,
            text: e.text.json().into_owned(),
            session: e.session.to_string(),
        };
        Self {
            id: row.id.name(),
            title: &row.entry.title,
            side: row.side.id(),
            confidence: row.confidence,
            count: row.count,
            sessions: row.sessions,
            clients: row.clients,
            first: row.span.first().map(Time),
            last: row.span.last().map(Time),
            evidence: row.evidence.iter().map(evidence).collect(),
            advice: &row.entry.advice,
            users: row.users,
            exact: row.exact,
            pattern: patterns::CausePattern::new(&row.pattern),
        }
    }
}

#[derive(Serialize)]
struct Wait {
    #[serde(skip_serializing_if = "Option::is_none")]
    verb: Option<String>,
    n: u64,
    p50: Seconds,
    p90: Seconds,
    p99: Seconds,
    max: Seconds,
}

impl Wait {
    fn new(row: &WaitRow) -> Self {
        Self {
            verb: row.verb.map(|v: Verb| v.to_string()),
            n: row.count,
            p50: Seconds(row.p50),
            p90: Seconds(row.p90),
            p99: Seconds(row.p99),
            max: Seconds(row.max),
        }
    }
}

#[derive(Serialize)]
struct Guess {
    client: String,
    tries: u64,
    users: u64,
    accepted: u64,
    let_in: Option<LetIn>,
}

#[derive(Serialize)]
struct LetIn {
    session: String,
    at: Option<Time>,
    user: Option<String>,
}

impl LetIn {
    fn new(one: &crate::tally::LetIn) -> Self {
        Self {
            session: one.session.to_string(),
            at: one.at.map(Time),
            user: one.user.as_ref().map(|user| user.json().into_owned()),
        }
    }
}

impl Guess {
    fn all(heard: &Heard) -> Vec<Self> {
        let row = |row: &super::heard::Guesser| Self {
            client: row.client.json(),
            tries: row.tries,
            users: row.users,
            accepted: row.accepted,
            let_in: row.let_in.as_ref().map(LetIn::new),
        };
        heard.guessers.iter().map(row).collect()
    }
}

#[derive(Serialize)]
struct TimelineObject {
    hours: i64,
    buckets: Vec<BucketObject>,
}

#[derive(Serialize)]
struct BucketObject {
    from: Time,
    replies: u64,
    failures: u64,
}

impl TimelineObject {
    fn new(heard: &Heard) -> Self {
        let bucket = |row: &super::HourRow| BucketObject {
            from: Time(row.from),
            replies: row.bucket.replies,
            failures: row.bucket.failures,
        };
        Self {
            hours: heard.hours.hours,
            buckets: heard.hours.rows.iter().map(bucket).collect(),
        }
    }
}

#[derive(Serialize)]
struct NoteObject<'a> {
    severity: &'static str,
    kind: &'static str,
    source: String,
    record: u64,
    offset: u64,
    count: u64,
    text: &'a str,
    sample: Option<String>,
}

impl<'a> NoteObject<'a> {
    fn new(note: &'a Note, sources: &Sources) -> Self {
        let first = note.met.first;
        let sample = note.met.sample.as_ref();
        Self {
            severity: note.kind.severity().id(),
            kind: note.kind.id(),
            source: text::json(sources.path(first.source)).into_owned(),
            record: first.record,
            offset: first.offset,
            count: note.met.count,
            text: &note.reason,
            sample: sample.map(|s| s.json().into_owned()),
        }
    }
}
