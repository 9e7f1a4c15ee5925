//! `formats`: what is known, how each input is read, and which inputs are read as one.

use std::io::Write as _;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::value::RawValue;

use super::asked::Rows;
use super::rules::no_conditions;
use super::targets::{Forms, targets, write_all, write_each};
use super::{Outcome, TEXT, Trouble, look, read, report_of, settings, state};
use crate::cli::{Form, FormatArgs, ReadArgs};
use crate::exit::Exit;
use crate::report::{self, Options, Report};
use crate::run::{self, Listed, Planned, Task, Wanted};
use crate::text;

/// Forms of which inputs are read as one.
const SERIES: Forms = &[Form::Text, Form::Json];
/// Forms of first looks.
const LOOKS: Forms = &[Form::Ndjson];

pub(super) fn formats(args: &FormatArgs) -> Outcome {
    no_conditions(&args.read.rules, "formats")?;
    state::refuse(&args.read, "formats")?;
    if args.series || args.look {
        return planned(args);
    }
    let targets = targets(&args.read, TEXT)?;
    if args.read.paths.is_empty() && args.read.inputs.is_none() {
        write_all(&targets, None, |_| known_formats())?;
        return Ok(Exit::Done);
    }
    let findings = read(&args.read, Wanted::Tallies, None)?;
    let report = report_of(&args.read, &findings, Rows::ALL)?;
    write_all(&targets, None, |target| {
        report::terminal::inputs(&report, look(&args.read, &target.place))
    })?;
    Ok(Exit::of(&findings.tallies))
}

/// What is needed to read inputs at several places.
fn planned(args: &FormatArgs) -> Outcome {
    let read = &args.read;
    if read.anonymize.is_some() {
        let words = "what tells where inputs are can't have other names; give --anonymize to the runs that read them";
        return Err(Trouble::Usage(words.to_owned()));
    }
    if args.look {
        let targets = targets(read, LOOKS)?;
        let settings = settings(read, Wanted::Tallies, None)?;
        let looked = in_pool(read, || run::look(&settings)).map_err(Trouble::Usage)?;
        write_each(&targets, None, |_, out| {
            for input in &looked {
                serde_json::to_writer(&mut *out, input)?;
                out.write_all(b"\n")?;
            }
            Ok(())
        })?;
        return Ok(Exit::Done);
    }
    let targets = targets(read, SERIES)?;
    let settings = settings(read, Wanted::Tallies, None)?;
    let planned = in_pool(read, || run::tasks(&settings)).map_err(Trouble::Usage)?;
    write_each(&targets, None, |target, out| {
        if target.form == Form::Text {
            return out.write_all(in_words(&planned).as_bytes());
        }
        serde_json::to_writer(&mut *out, &SeriesObject::new(&planned))?;
        out.write_all(b"\n")
    })?;
    Ok(Exit::Done)
}

/// With as many threads as are asked for.
fn in_pool<T: Send>(args: &ReadArgs, work: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(args.threads.unwrap_or(0))
        .build();
    match pool {
        Ok(pool) => pool.install(work),
        Err(_) => work(), // no thread can be had: the global pool does it
    }
}

/// What is read as one, for programs.
#[derive(Serialize)]
struct SeriesObject<'p> {
    schema: &'static str,
    inputs: usize,
    bytes: u64,
    series: &'p [Task],
    /// A part of the whole report: what is told of how inputs belong together.
    report: Option<Box<RawValue>>,
}

impl<'p> SeriesObject<'p> {
    fn new(planned: &'p Planned) -> Self {
        let tasks = &planned.tasks;
        let options = Options {
            sources: planned.sources.clone(),
            ..Options::default()
        };
        let is_told = planned.told.diagnostics.iter().next().is_some();
        let report = is_told.then(|| {
            let report = Report::new(&planned.told, &options).with_sums(&planned.told);
            RawValue::from_string(report::json::report(&report).trim_end().to_owned()).ok()
        });
        Self {
            schema: "ftpwhy.series/1",
            inputs: tasks.iter().map(|task| task.inputs.len()).sum(),
            bytes: tasks.iter().map(|task| task.bytes).sum(),
            series: tasks,
            report: report.flatten(),
        }
    }
}

/// A paragraph for each that holds more than one input, the others in a line.
fn in_words(planned: &Planned) -> String {
    let (alone, several): (Vec<&Task>, Vec<&Task>) = planned
        .tasks
        .iter()
        .partition(|task| task.inputs.len() == 1);
    let mut lines = Vec::new();
    for task in several {
        let (kind, count) = (task.kind.replace('-', " "), task.inputs.len());
        lines.push(format!(
            "{count} inputs read as one, {} bytes: {kind}",
            task.bytes
        ));
        let paths = task.inputs.iter().map(Listed::path);
        let shown = |path: PathBuf| text::terminal(path.as_os_str().as_encoded_bytes(), true);
        lines.extend(paths.map(|path| format!("  {}", shown(path))));
    }
    let bytes: u64 = alone.iter().map(|task| task.bytes).sum();
    lines.push(format!(
        "{} inputs by themselves, {bytes} bytes",
        alone.len()
    ));
    lines.join("\n") + "\n"
}

fn known_formats() -> String {
    let captures = [
        ("pcap", "packet capture (tcpdump)"),
        ("pcapng", "packet capture (dumpcap, Wireshark)"),
    ];
    let mut lines: Vec<String> = captures
        .iter()
        .map(|(name, title)| format!("{name:<20}{title}"))
        .collect();
    for format in crate::log::FORMATS {
        let description = format.describe();
        lines.push(format!("{:<20}{}", description.name, description.title));
        for gap in description.gaps {
            lines.push(format!(
                "{:<20}  does not tell: {}",
                "",
                text::terminal_str(gap, true)
            ));
        }
    }
    lines.join("\n") + "\n"
}
