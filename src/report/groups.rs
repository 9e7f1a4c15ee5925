//! The same numbers for each user, client, path, hour and so on: rows in order, and as tables.

use std::cmp::Reverse;

use super::layout::{Look, Page};
use super::names::verb_name;
use super::words::{count, per_mille, percent, size, thousands};
use super::{Heard, Options, Report};
use crate::catalogue::CauseId;
use crate::ftp::{ReplyClass, ReplyCode, Verb};
use crate::tally::{By, Group, GroupTally, VantageTally};

/// Codes or causes named in one row.
const NAMED: usize = 6;
/// Characters of a name shown.
const NAME: usize = 32;

/// What rows are sorted by; what is more comes first, what is earlier too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The name, the code, the id, the hour.
    Name,
    /// How often.
    Count,
    /// The first time.
    First,
    /// Sessions.
    Sessions,
    /// Failed operations.
    Failures,
    /// Replies.
    Replies,
    /// Commands.
    Commands,
    /// Bytes moved.
    Bytes,
    /// How long it took.
    Duration,
}

/// What one group did.
#[derive(Debug, Clone)]
pub struct GroupRow {
    /// Which.
    pub group: Group,
    /// Sessions.
    pub sessions: u64,
    /// Of these with a failure that counts, and in parts of a thousand.
    pub failed: (u64, u64),
    /// Replies observed.
    pub replies: u64,
    /// The same by first digit, 1 to 6.
    pub classes: [u64; 6],
    /// The same by code.
    pub codes: Vec<(ReplyCode, u64)>,
    /// Negative ones among these, most frequent first.
    pub negative: Vec<(ReplyCode, u64)>,
    /// Failed operations that count.
    pub failures: u64,
    /// The same by cause, most frequent first.
    pub causes: Vec<(CauseId, u64)>,
    /// Transfers.
    pub transfers: u64,
    /// Bytes that they moved.
    pub bytes: u64,
}

/// Groups of one kind.
#[derive(Debug, Clone)]
pub struct GroupRows {
    /// The kind.
    pub by: By,
    /// The first of them.
    pub rows: Vec<GroupRow>,
    /// How many there are more.
    pub more: u64,
    /// True when there were too many to look at each.
    pub sampled: bool,
}

impl GroupRows {
    pub(super) fn new(tally: &VantageTally, options: &Options) -> Option<Self> {
        let by = options.by?;
        let mut rows: Vec<GroupRow> = tally.groups.iter().map(GroupRow::new).collect();
        rows.sort_by(|a, b| a.group.cmp(&b.group));
        match options.order {
            Some(Order::Name | Order::First) => {}
            None if by.is_of_time() => {}
            Some(Order::Failures) => rows.sort_by_key(|row| Reverse(row.failures)),
            Some(Order::Sessions) => rows.sort_by_key(|row| Reverse(row.sessions)),
            Some(Order::Bytes) => rows.sort_by_key(|row| Reverse(row.bytes)),
            _ => rows.sort_by_key(|row| Reverse(row.replies)),
        }
        let more = rows.len().saturating_sub(options.top);
        rows.truncate(options.top);
        Some(Self {
            by,
            rows,
            more: more as u64,
            sampled: tally.groups.is_sample(),
        })
    }
}

impl GroupRow {
    fn new((group, tally): (&Group, &GroupTally)) -> Self {
        let codes: Vec<_> = tally.replies.iter().map(|(code, n)| (*code, n)).collect();
        let of = |class: ReplyClass| {
            let codes = codes.iter().filter(|(code, _)| code.class() == class);
            codes.map(|(_, n)| n).sum()
        };
        let negative = codes.iter().filter(|(code, _)| code.is_negative());
        let mut negative: Vec<_> = negative.copied().collect();
        negative.sort_by_key(|(code, n)| (Reverse(*n), *code));
        let mut causes: Vec<_> = tally.causes.iter().map(|(id, n)| (*id, n)).collect();
        causes.sort_by_key(|(id, n)| (Reverse(*n), *id));
        Self {
            group: group.clone(),
            sessions: tally.sessions,
            failed: (tally.failed, per_mille(tally.failed, tally.sessions)),
            replies: tally.replies.total(),
            classes: ReplyClass::ALL.map(of),
            codes,
            negative,
            failures: tally.causes.total(),
            causes,
            transfers: tally.transfers,
            bytes: tally.bytes,
        }
    }

    /// What it is called.
    pub fn name(&self, by: By, look: Look) -> String {
        match &self.group {
            Group::Name(name) => look.show(name),
            Group::Host(host) => host.terminal(look.ascii),
            Group::Command(verb) => verb_name(Some(*verb)),
            Group::Number(hour) if by == By::Hour => format!("{hour:02}:00"),
            Group::Number(day) => weekday(*day).to_owned(),
            Group::Day(year, month, day) => format!("{year:04}-{month:02}-{day:02}"),
            Group::None => "-".to_owned(),
        }
    }
}

/// The day of the week, Monday being 0.
pub(super) fn weekday(day: i8) -> &'static str {
    let days = [
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
    ];
    let place = usize::try_from(day).unwrap_or(usize::MAX);
    days.get(place).copied().unwrap_or("?")
}

/// What a table of groups is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// Replies.
    Codes,
    /// Failed operations.
    Causes,
    /// Sessions.
    Sessions,
}

/// The groups of all vantages, as their own page.
pub fn groups(report: &Report, about: About, look: Look) -> String {
    let mut page = Page::new(look);
    section(&mut page, &report.main, about);
    for heard in &report.also {
        let vantage = heard.vantage.map_or("", super::vantage_words);
        page.heading("ALSO HEARD", &format!("by the {vantage}"));
        section(&mut page, heard, about);
    }
    page.finish()
}

fn section(page: &mut Page, heard: &Heard, about: About) {
    let Some(groups) = &heard.groups else { return };
    let by = groups.by.id();
    let title = match about {
        About::Codes => "REPLIES",
        About::Causes => "FAILURES",
        About::Sessions => "SESSIONS",
    };
    page.heading(&format!("{title} BY {}", by.to_uppercase()), "");
    let heads: &[&str] = match about {
        About::Codes => &["replies", "1xx", "2xx", "3xx", "4xx", "5xx", "refusals"],
        About::Causes => &["failures", "sessions", "failed", "causes"],
        About::Sessions => &["sessions", "failed", "", "failures", "transfers", "bytes"],
    };
    let heads = [by].into_iter().chain(heads.iter().copied());
    let mut table = vec![heads.map(str::to_owned).collect()];
    for row in &groups.rows {
        let look = page.look;
        let name = look.cut(row.name(groups.by, look), NAME);
        let cells = match about {
            About::Codes => of_codes(row),
            About::Causes => of_causes(row),
            About::Sessions => of_sessions(row),
        };
        table.push([vec![name], cells].concat());
    }
    let mut right = vec![true; 8];
    for (place, right) in right.iter_mut().enumerate() {
        let is_list = match about {
            About::Codes => place == 7,
            About::Causes => place == 4,
            About::Sessions => false,
        };
        *right = place > 0 && !is_list;
    }
    page.table(3, &right, table);
    if groups.more > 0 {
        page.line(&format!(
            "   and {} more: -n 0 for all",
            thousands(groups.more)
        ));
    }
    if groups.sampled {
        let words = "There were too many to look at each: these are of a sample.";
        page.hang("   ", words);
    }
}

fn or_blank(number: u64) -> String {
    match number {
        0 => String::new(),
        n => thousands(n),
    }
}

/// The most frequent ones with their numbers, and how many kinds there are more.
fn list(all: impl ExactSizeIterator<Item = (String, u64)>) -> String {
    let more = all.len().saturating_sub(NAMED);
    let named = all.take(NAMED);
    let mut words: Vec<_> = named
        .map(|(name, n)| format!("{name} {}", thousands(n)))
        .collect();
    if more > 0 {
        words.push(format!("{} more", thousands(more as u64)));
    }
    words.join(", ")
}

fn of_codes(row: &GroupRow) -> Vec<String> {
    let mut cells = vec![thousands(row.replies)];
    cells.extend(row.classes.iter().take(5).map(|n| or_blank(*n)));
    let code = |(code, n): &(ReplyCode, u64)| (code.number().to_string(), *n);
    cells.push(list(row.negative.iter().map(code)));
    cells
}

fn of_causes(row: &GroupRow) -> Vec<String> {
    let cause = |(id, n): &(CauseId, u64)| (id.to_string(), *n);
    vec![
        or_blank(row.failures),
        thousands(row.sessions),
        or_blank(row.failed.0),
        list(row.causes.iter().map(cause)),
    ]
}

fn of_sessions(row: &GroupRow) -> Vec<String> {
    let share = match row.failed.0 {
        0 => String::new(),
        _ => percent(row.failed.1),
    };
    vec![
        thousands(row.sessions),
        or_blank(row.failed.0),
        share,
        or_blank(row.failures),
        or_blank(row.transfers),
        size(row.bytes),
    ]
}

/// How many codes answered each command: commands down, codes across, in as many blocks as the width asks for.
pub fn matrix(report: &Report, look: Look) -> String {
    let mut page = Page::new(look);
    blocks(&mut page, &report.main);
    for heard in &report.also {
        let vantage = heard.vantage.map_or("", super::vantage_words);
        page.heading("ALSO HEARD", &format!("by the {vantage}"));
        blocks(&mut page, heard);
    }
    page.finish()
}

fn blocks(page: &mut Page, heard: &Heard) {
    let matrix = &heard.matrix;
    let settled = count(matrix.total, "settled command");
    page.heading("CODES BY COMMAND", &settled);
    let most = matrix.rows.iter().flat_map(|row| &row.cells).max();
    let cell = thousands(most.copied().unwrap_or(0)).len().max(3) + 2;
    let columns = page.look.width.saturating_sub(24) / cell;
    for from in (0..matrix.codes.len()).step_by(columns.max(1)) {
        let shown = from..matrix.codes.len().min(from + columns.max(1));
        let codes = matrix.codes.get(shown.clone()).unwrap_or_default();
        let heads = codes.iter().map(|code| code.number().to_string());
        page.line(&matrix_line("", "all", heads, cell));
        for row in &matrix.rows {
            let cells = row.cells.get(shown.clone()).unwrap_or_default();
            if cells.iter().all(|n| *n == 0) {
                continue;
            }
            let name = verb_name(row.verb);
            let cells = cells.iter().map(|n| or_blank(*n));
            page.line(&matrix_line(&name, &thousands(row.total), cells, cell));
        }
        page.line("");
    }
}

fn matrix_line(
    name: &str,
    total: &str,
    cells: impl Iterator<Item = String>,
    width: usize,
) -> String {
    let cells: Vec<_> = cells.map(|cell| format!("{cell:>width$}")).collect();
    format!("   {name:<10}{total:>10} {}", cells.concat())
}

/// Commands and the codes that settled them.
#[derive(Debug, Clone, Default)]
pub struct Matrix {
    /// The codes, in order.
    pub codes: Vec<ReplyCode>,
    /// The commands, most frequent first.
    pub rows: Vec<MatrixRow>,
    /// All cells together.
    pub total: u64,
}

/// One command.
#[derive(Debug, Clone)]
pub struct MatrixRow {
    /// The verb; `None` for replies that nobody asked for.
    pub verb: Option<Verb>,
    /// How often each code settled it, in the order of the codes.
    pub cells: Vec<u64>,
    /// All together.
    pub total: u64,
}

impl Matrix {
    pub(super) fn new(tally: &VantageTally) -> Self {
        let exchanges = &tally.exchanges;
        let mut codes: Vec<_> = exchanges.iter().map(|((_, code), _)| *code).collect();
        codes.sort_unstable();
        codes.dedup();
        let mut verbs: Vec<_> = exchanges.iter().map(|((verb, _), _)| *verb).collect();
        verbs.dedup(); // the keys are in the order of the verbs
        let row = |verb: Option<Verb>| {
            let cells: Vec<u64> = codes.iter().map(|c| exchanges.get(&(verb, *c))).collect();
            let total = cells.iter().sum();
            MatrixRow { verb, cells, total }
        };
        let mut rows: Vec<_> = verbs.into_iter().map(row).collect();
        rows.sort_by_key(|row| (Reverse(row.total), row.verb));
        Self {
            codes,
            rows,
            total: exchanges.total(),
        }
    }
}
