//! A report as metrics for Prometheus, in its text form (version 0.0.4), which `node_exporter`'s textfile collector reads.
//!
//! What a label may say is ours: codes, commands of the catalogue, causes, vantages. Nothing that a client can choose
//! becomes one, so there are some hundred rows at most. Computes nothing.

use std::fmt;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::prometheus_text::encode;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use serde::{Deserialize, Serialize};

use super::{CauseRow, CommandRow, Heard, Report, WaitRow};
use crate::catalogue::catalogue;
use crate::ftp::{ReplyCode, Verb};
use crate::tally::InputTally;
use crate::time::Timestamp;

/// The report; empty where it can't be told, which memory alone could cause.
pub fn report(report: &Report) -> String {
    shown(Families::of(report))
}

/// The same, with the counts of earlier reports in its own: counters that only grow.
pub fn report_after(report: &Report, counters: &Counters) -> String {
    let mut families = Families::of(report);
    families.set(counters);
    shown(families)
}

/// The counts of reports, added up.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counters(Vec<Counter>);

/// A count, by its name and labels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Counter {
    name: String,
    labels: Vec<(String, String)>,
    count: u64,
}

impl Counters {
    /// Adds the counts of a report.
    pub fn add(&mut self, report: &Report) {
        for Family { name, rows, .. } in Families::of(report).0 {
            for (labels, value) in rows {
                let Value::Count(count) = value else { continue };
                let known = self.0.iter_mut();
                match known
                    .into_iter()
                    .find(|known| known.name == name && known.labels == labels)
                {
                    Some(known) => known.count = known.count.saturating_add(count),
                    None => self.0.push(Counter {
                        name: name.to_owned(),
                        labels,
                        count,
                    }),
                }
            }
        }
        self.0
            .sort_by(|a, b| (&a.name, &a.labels).cmp(&(&b.name, &b.labels)));
    }
}

fn shown(families: Families) -> String {
    let mut registry = Registry::with_prefix("ftpwhy");
    registry.register_collector(Box::new(families));
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => text,
        Err(fmt::Error) => String::new(),
    }
}

type Labels = Vec<(&'static str, String)>;
type OwnLabels = Vec<(String, String)>;

#[derive(Debug)]
enum Value {
    Count(u64),
    Number(f64),
}

/// Rows of one name.
#[derive(Debug)]
struct Family {
    name: &'static str,
    help: &'static str,
    rows: Vec<(OwnLabels, Value)>,
}

impl Family {
    fn new(name: &'static str, help: &'static str, rows: Vec<(Labels, Value)>) -> Self {
        let own = |(labels, value): (Labels, Value)| {
            let labels = labels.into_iter();
            let labels = labels.map(|(name, label)| (name.to_owned(), label));
            (labels.collect(), value)
        };
        let rows = rows.into_iter().map(own).collect();
        Self { name, help, rows }
    }
}

#[derive(Debug)]
struct Families(Vec<Family>);

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for Family { name, help, rows } in self.0.iter().filter(|family| !family.rows.is_empty()) {
            let counts = matches!(rows.first(), Some((_, Value::Count(_))));
            let kind = if counts {
                MetricType::Counter
            } else {
                MetricType::Gauge
            };
            let mut family = encoder.encode_descriptor(name, help, None, kind)?;
            for (labels, value) in rows {
                let mut row = family.encode_family(labels)?;
                match value {
                    Value::Count(n) => row.encode_counter::<NoLabelSet, u64, u64>(n, None)?,
                    Value::Number(n) => row.encode_gauge(n)?,
                }
            }
        }
        Ok(())
    }
}

impl Families {
    fn of(report: &Report) -> Self {
        let parts: Vec<&Heard> = std::iter::once(&report.main)
            .filter(|heard| heard.vantage.is_some())
            .chain(&report.also)
            .collect();
        let each = |rows: fn(&Heard) -> Vec<(Labels, Value)>| {
            let of_part = |heard: &&Heard| {
                let vantage = heard.vantage.map_or("", |v| v.id());
                let with_vantage = move |(labels, value): (Labels, Value)| {
                    let first = ("vantage", vantage.to_owned());
                    (std::iter::once(first).chain(labels).collect(), value)
                };
                rows(heard).into_iter().map(with_vantage)
            };
            parts.iter().flat_map(of_part).collect::<Vec<_>>()
        };
        let family = Family::new;
        Self(vec![
            family("replies", "Replies by code, as heard", each(replies)),
            family(
                "implied_replies",
                "Replies that messages stand for",
                each(implied),
            ),
            family(
                "commands",
                "Commands of the catalogue by the code that settled them",
                each(commands),
            ),
            family("failures", "Failed operations by cause", each(failures)),
            family(
                "not_counted",
                "What harms nobody, by cause",
                each(not_counted),
            ),
            family(
                "sessions",
                "Sessions, with and without failures",
                each(sessions),
            ),
            family("transfers", "Transfers begun", each(transfers)),
            family(
                "transferred_bytes",
                "Bytes of transfers, where known",
                each(bytes),
            ),
            family(
                "reply_seconds",
                "Time from a command to its first reply",
                each(waits),
            ),
            family(
                "records",
                "Packets and lines by what became of them",
                records(&report.all_inputs),
            ),
            family(
                "first_event_timestamp_seconds",
                "Time of the first event",
                time(report.window.first()),
            ),
            family(
                "last_event_timestamp_seconds",
                "Time of the last event",
                time(report.window.last()),
            ),
        ])
    }
}

impl Families {
    /// Gives counts other values, and rows to those that have none.
    fn set(&mut self, counters: &Counters) {
        for family in &mut self.0 {
            let known = counters.0.iter().filter(|known| known.name == family.name);
            let rows = known.map(|known| (known.labels.clone(), Value::Count(known.count)));
            let rows: Vec<_> = rows.collect();
            if !rows.is_empty() {
                family.rows = rows;
            }
        }
    }
}

/// The name of a command that the catalogue knows; another one is no label.
fn command(verb: Option<Verb>) -> Option<(&'static str, String)> {
    let known = |verb: &Verb| *verb == Verb::CONNECT || catalogue().command(*verb).is_some();
    let name = match verb {
        None => Some("unasked".to_owned()),
        Some(verb) => known(&verb).then(|| verb.to_string()),
    };
    Some(("command", name?))
}

fn code(code: ReplyCode) -> (&'static str, String) {
    ("code", code.number().to_string())
}

fn replies(heard: &Heard) -> Vec<(Labels, Value)> {
    let rows = heard.codes.iter().filter(|row| row.observed > 0);
    rows.map(|row| (vec![code(row.code)], Value::Count(row.observed)))
        .collect()
}

fn implied(heard: &Heard) -> Vec<(Labels, Value)> {
    let rows = heard.codes.iter().filter(|row| row.implied > 0);
    rows.map(|row| (vec![code(row.code)], Value::Count(row.implied)))
        .collect()
}

fn commands(heard: &Heard) -> Vec<(Labels, Value)> {
    let rows = heard.commands.iter();
    let labels = |row: &CommandRow| Some(vec![command(row.verb)?, code(row.code)]);
    rows.filter_map(|row| Some((labels(row)?, Value::Count(row.count))))
        .collect()
}

fn cause(row: &CauseRow) -> (&'static str, String) {
    ("cause", row.id.name().to_owned())
}

fn failures(heard: &Heard) -> Vec<(Labels, Value)> {
    let labels = |row: &CauseRow| vec![cause(row), ("side", row.side.id().to_owned())];
    let rows = heard.causes.iter();
    rows.map(|row| (labels(row), Value::Count(row.count)))
        .collect()
}

fn not_counted(heard: &Heard) -> Vec<(Labels, Value)> {
    let rows = heard.not_counted.iter();
    rows.map(|row| (vec![cause(row)], Value::Count(row.count)))
        .collect()
}

fn sessions(heard: &Heard) -> Vec<(Labels, Value)> {
    let row = |result: &str, n| (vec![("result", result.to_owned())], Value::Count(n));
    vec![
        row("clean", heard.sessions.clean),
        row("failed", heard.sessions.failed),
    ]
}

fn transfers(heard: &Heard) -> Vec<(Labels, Value)> {
    let rows = heard.transfers.iter();
    rows.map(|row| {
        let direction = row.direction.id().to_owned();
        (
            vec![("direction", direction)],
            Value::Count(row.tally.files),
        )
    })
    .collect()
}

fn bytes(heard: &Heard) -> Vec<(Labels, Value)> {
    let rows = heard.transfers.iter();
    rows.map(|row| {
        let direction = row.direction.id().to_owned();
        (
            vec![("direction", direction)],
            Value::Count(row.tally.bytes),
        )
    })
    .collect()
}

fn waits(heard: &Heard) -> Vec<(Labels, Value)> {
    let each = |row: &WaitRow| {
        let command = row.verb.and_then(|verb| command(Some(verb)));
        let waits = [
            ("50", row.p50),
            ("90", row.p90),
            ("99", row.p99),
            ("100", row.max),
        ];
        let of_command = move |command: (&'static str, String)| {
            waits.map(|(percentile, wait)| {
                let labels = vec![command.clone(), ("percentile", percentile.to_owned())];
                (labels, Value::Number(wait.as_secs_f64()))
            })
        };
        command.map(of_command).into_iter().flatten()
    };
    heard.latency.iter().flat_map(each).collect()
}

fn records(inputs: &InputTally) -> Vec<(Labels, Value)> {
    let row = |state: &str, n| (vec![("state", state.to_owned())], Value::Count(n));
    vec![
        row("taken", inputs.taken),
        row("ignored", inputs.ignored),
        row("unrecognised", inputs.unrecognised),
    ]
}

fn time(at: Option<Timestamp>) -> Vec<(Labels, Value)> {
    let seconds = at.map(|at| Duration::from_nanos(u64::try_from(at.nanos()).unwrap_or(0)));
    let row = |seconds: Duration| (Vec::new(), Value::Number(seconds.as_secs_f64()));
    seconds.map(row).into_iter().collect()
}
