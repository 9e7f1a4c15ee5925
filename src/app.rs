//! One command, from its arguments to its output.
//!
//! The only place that looks at the environment and the terminal. What is
//! computed is the business of [`crate::run`], how it looks that of
//! [`crate::report`].

mod asked;
mod check;
mod codes;
mod diff;
mod formats;
mod found;
mod from;
mod mail;
mod merge;
mod pages;
mod rules;
mod state;
mod tables;
mod targets;
mod whole;

use std::io::{self, IsTerminal as _, Read as _, Write};
use std::path::PathBuf;

use jiff::tz::TimeZone;

use crate::cause::{self, Explanation, Failure};
use crate::cli::{
    Cli, Color, Command, ExplainArgs, Form, ReadArgs, SessionArgs, Sort, TableArgs, TimelineArgs,
};
use crate::diagnostic::Severity;
use crate::exit::Exit;
use crate::ftp::Verb;
use crate::limits;
use crate::output::{Place, Unwritten};
use crate::report::gantt::{self, Gantt};
use crate::report::groups::{About, groups};
use crate::report::parquet::Table;
use crate::report::{self, Look, Options, Order, Report};
use crate::run::{self, Findings, Listed, Settings, Wanted};
use crate::session::Session;
use crate::tally::{By, Grouping};
use crate::text;
use asked::{Rows, anonymizer, filter};
use found::{Found, read, read_to};
use mail::Mail;
use rules::{Rules, ended, settled};
use targets::{Forms, Target, one_target, print, targets, write_all, write_each};
use whole::{whole, with_more};

/// Why a command ended without its result.
enum Trouble {
    /// Wrong usage, in words that say what to do.
    Usage(String),
    /// Outputs that can't be written.
    Output(Vec<Unwritten>),
    /// Another run is at it, in words.
    Busy(String),
}

impl From<Unwritten> for Trouble {
    fn from(unwritten: Unwritten) -> Self {
        Self::Output(vec![unwritten])
    }
}

impl Trouble {
    /// None where nothing failed.
    fn of(failed: Vec<Unwritten>) -> Result<(), Self> {
        if failed.is_empty() {
            Ok(())
        } else {
            Err(Self::Output(failed))
        }
    }
}

type Outcome = Result<Exit, Trouble>;

/// Runs a command.
pub fn main(cli: &Cli) -> Exit {
    let outcome = match &cli.command {
        None => report(&cli.report),
        Some(Command::Report(args)) => report(args),
        Some(Command::Codes(args)) => codes::codes(args),
        Some(Command::Causes(args)) => causes(args),
        Some(Command::Sessions(args)) => sessions(args),
        Some(Command::Timeline(args)) => timeline(args),
        Some(Command::Events(args)) => events(args),
        Some(Command::Check(args)) => check::check(args),
        Some(Command::Merge(args)) => merge::merge(args),
        Some(Command::Diff(args)) => diff::diff(args),
        Some(Command::Explain(args)) => explain(args),
        Some(Command::Formats(args)) => formats::formats(args),
        Some(Command::State(args)) => state::command(args),
        Some(Command::Man(args)) => pages::man(args),
        Some(Command::Completions(args)) => pages::completions(args),
    };
    match outcome {
        Ok(exit) => exit,
        Err(Trouble::Output(failed)) => failed.iter().fold(Exit::Done, |exit, unwritten| {
            // Whoever read our output has seen enough.
            if unwritten.error.kind() == io::ErrorKind::BrokenPipe {
                return exit;
            }
            complain(&unwritten.to_string())
        }),
        Err(Trouble::Usage(words)) => complain(&words),
        Err(Trouble::Busy(words)) => {
            complain(&words);
            Exit::Busy
        }
    }
}

#[expect(clippy::print_stderr, reason = "the one place that complains")]
fn complain(words: &str) -> Exit {
    eprintln!("ftpwhy: {words}");
    Exit::Nothing
}

fn zone(name: Option<&str>) -> Result<TimeZone, Trouble> {
    match name {
        None => Ok(TimeZone::system()),
        Some(name) => TimeZone::get(name).map_err(|_| {
            let words =
                format!("no time zone is called {name:?}; use a name like UTC or Europe/Berlin");
            Trouble::Usage(words)
        }),
    }
}

fn settings(args: &ReadArgs, wanted: Wanted, by: Option<By>) -> Result<Settings, Trouble> {
    let filter = filter(args)?; // told before anything is read
    let log_zone = zone(args.log_tz.as_deref())?;
    let zone = zone(args.tz.as_deref())?;
    let listed = listed(args)?;
    let piped = !io::stdin().is_terminal();
    let paths = match (args.paths.is_empty(), piped) {
        _ if listed.is_some() => Vec::new(),
        (false, _) => args.paths.clone(),
        (true, true) => vec![PathBuf::from("-")],
        (true, false) => {
            return Err(Trouble::Usage(
                "nothing to read; name a capture, a log or a directory".to_owned(),
            ));
        }
    };
    let mut tell = |words: &str| {
        if !args.quiet {
            complain(words);
        }
    };
    let from = args
        .from
        .as_deref()
        .map(|name| from::format(name, &mut tell));
    let from = from.transpose()?;
    Ok(Settings {
        paths,
        listed,
        joins: !args.no_join,
        from,
        log_zone,
        year: args.year.map(i64::from),
        wanted,
        filter,
        grouping: by.map(|by| Grouping::new(by, zone)),
        anonymizer: anonymizer(args)?,
        window_bytes: limits::WINDOW_BYTES,
        progress: !args.no_progress && io::stderr().is_terminal(),
    })
}

/// The inputs of a list, where one is given.
fn listed(args: &ReadArgs) -> Result<Option<Vec<Listed>>, Trouble> {
    let Some(path) = &args.inputs else {
        return Ok(None);
    };
    let listed = run::list(path).map_err(|why| {
        let path = text::terminal(path.as_os_str().as_encoded_bytes(), true);
        Trouble::Usage(format!("--inputs {path}: {why}"))
    });
    listed.map(Some)
}

/// Forms of the report.
const WHOLE: Forms = &[
    Form::Text,
    Form::Json,
    Form::Ndjson,
    Form::Csv,
    Form::Md,
    Form::Prom,
    Form::Html,
    Form::Eml,
    Form::Parquet,
];
/// Forms of its parts.
const PARTS: Forms = &[
    Form::Text,
    Form::Json,
    Form::Ndjson,
    Form::Csv,
    Form::Md,
    Form::Prom,
];
/// Forms of codes and causes: the parts', and exchanges or failures as rows.
const CAUSED: Forms = &[
    Form::Text,
    Form::Json,
    Form::Ndjson,
    Form::Csv,
    Form::Md,
    Form::Prom,
    Form::Parquet,
];
/// Forms of the list of sessions.
const LISTED: Forms = &[
    Form::Text,
    Form::Ndjson,
    Form::Json,
    Form::Csv,
    Form::Md,
    Form::Parquet,
];
/// The form of what is for people only.
const TEXT: Forms = &[Form::Text];
/// Forms of what the catalogue answers.
const ANSWERS: Forms = &[Form::Text, Form::Json, Form::Ndjson];
/// Forms of comparisons.
const COMPARED: Forms = &[Form::Text, Form::Json, Form::Ndjson, Form::Md, Form::Html];
/// Forms of events.
const ROWS: Forms = &[Form::Ndjson, Form::Json, Form::Parquet];

/// Says on standard error what was not read, for the commands whose output does not.
fn warn(args: &ReadArgs, report: &Report) {
    if args.quiet {
        return;
    }
    #[expect(clippy::print_stderr, reason = "diagnostics go beside the result")]
    if let Some(words) = report.filtered.as_ref().map(report::Filtered::told) {
        eprintln!("ftpwhy: {}", text::terminal_str(&words, true));
    }
    for note in report
        .diagnostics
        .iter()
        .filter(|n| n.kind.severity() > Severity::Note)
    {
        #[expect(clippy::print_stderr, reason = "diagnostics go beside the result")]
        {
            eprintln!(
                "ftpwhy: {}",
                report::terminal::note(report, note, Look::PIPED)
            );
        }
    }
}

/// How text looks: on a terminal as it can, in a file as in a pipe.
fn look(args: &ReadArgs, place: &Place) -> Look {
    let terminal = *place == Place::Stdout && io::stdout().is_terminal();
    #[expect(clippy::disallowed_methods, reason = "the environment enters here")]
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let dumb = variable("TERM") == "dumb";
    let colour = match args.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => terminal && !dumb && variable("NO_COLOR").is_empty(),
    };
    let columns = terminal_size::terminal_size().map(|(columns, _)| usize::from(columns.0));
    let default = columns.filter(|_| terminal).unwrap_or(Look::PIPED.width);
    let width = args.width.map_or(default, usize::from);
    Look {
        ascii: args.ascii || !terminal || dumb,
        colour,
        ..Look::terminal(width, colour)
    }
}

/// The report of a run.
fn report_of(args: &ReadArgs, findings: &Findings, rows: Rows) -> Result<Report, Trouble> {
    let top = match args.top {
        Some(0) => usize::MAX,
        top => top.unwrap_or(rows.most),
    };
    let options = Options {
        zone: zone(args.tz.as_deref())?,
        sources: findings.sources.clone(),
        top,
        by: rows.by,
        order: rows.order,
    };
    Ok(Report::new(&findings.tallies, &options))
}

/// How a command shows a report in the forms in which commands differ.
struct View {
    text: fn(&Report, Look) -> String,
    csv: fn(&Report) -> String,
    markdown: fn(&Report) -> String,
}

const REPORT: View = View {
    text: report::terminal::report,
    csv: report::csv::report,
    markdown: report::markdown::report,
};
const CODES: View = View {
    text: report::codes::codes,
    csv: report::csv::codes,
    markdown: report::markdown::codes,
};
const CAUSES: View = View {
    text: report::causes::causes,
    csv: report::csv::causes,
    markdown: report::markdown::causes,
};
const CODES_BY: View = View {
    text: |report, look| groups(report, About::Codes, look),
    csv: report::csv::groups,
    markdown: report::markdown::groups,
};
const CAUSES_BY: View = View {
    text: |report, look| groups(report, About::Causes, look),
    ..CODES_BY
};
const SESSIONS_BY: View = View {
    text: |report, look| groups(report, About::Sessions, look),
    ..CODES_BY
};
const MATRIX: View = View {
    text: report::groups::matrix,
    csv: report::csv::matrix,
    markdown: report::markdown::matrix,
};

impl View {
    fn render(
        &self,
        report: &Report,
        found: &Found,
        (target, args): (&Target, &ReadArgs),
    ) -> String {
        match target.form {
            Form::Text => (self.text)(report, look(args, &target.place)),
            Form::Json | Form::Ndjson => report::json::report(report),
            Form::Csv => (self.csv)(report),
            Form::Md => (self.markdown)(report),
            Form::Prom => found.metrics(report),
            // Mails and rows are not made of a report alone.
            Form::Html | Form::Eml | Form::Parquet => report::html::report(report),
        }
    }
}

fn report(args: &ReadArgs) -> Outcome {
    let targets = targets(args, WHOLE)?;
    let has = |form| targets.iter().any(|target| target.form == form);
    let wanted = match (has(Form::Html), has(Form::Parquet)) {
        (true, true) => Wanted::PageAndSessions,
        (true, false) => Wanted::Page,
        (false, true) => Wanted::Sessions,
        (false, false) => Wanted::Tallies,
    };
    let rules = Rules::fail_on(args)?;
    let mail = Mail::asked(args)?;
    let found = read(args, wanted, None)?;
    whole(args, targets, &rules, &mail, found)
}

/// One part of the report by itself.
fn part(args: &ReadArgs, rows: Rows, view: &View, forms: Forms) -> Outcome {
    let targets = targets(args, forms)?;
    let has_rows = targets.iter().any(|target| target.form == Form::Parquet);
    let wanted = if has_rows {
        Wanted::Sessions
    } else {
        Wanted::Tallies
    };
    let rules = Rules::fail_on(args)?;
    let mut findings = read(args, wanted, rows.by)?;
    let report = report_of(args, &findings, rows)?;
    let report = with_more(report, &findings, &rules, &targets);
    let (exit, targets) = settled(args, &rules, targets, &report, &findings);
    let next = findings.take_next(&report);
    write_each(&targets, next, |target, out| {
        if target.form == Form::Parquet {
            return tables::failures(out, &findings);
        }
        let text = view.render(&report, &findings, (target, args));
        out.write_all(text.as_bytes())
    })?;
    warn(args, &report);
    Ok(exit)
}

fn causes(args: &TableArgs) -> Outcome {
    let known = [Sort::Name, Sort::Count, Sort::Start, Sort::Sessions];
    let rows = Rows::of(args, Order::Failures, &known)?;
    let view = rows.by.map_or(CAUSES, |_| CAUSES_BY);
    let forms = if rows.by.is_some() { PARTS } else { CAUSED };
    part(&args.read, rows, &view, forms)
}

fn events(args: &ReadArgs) -> Outcome {
    let target = one_target(args, ROWS)?;
    if args.rules.quiet_ok {
        let words = "events are printed as they are read, so --quiet-ok can't keep them back";
        return Err(Trouble::Usage(words.to_owned()));
    }
    let rules = Rules::fail_on(args)?;
    let table = (target.form == Form::Parquet).then_some(Table::Events);
    let (mut findings, out) = read_to(args, Wanted::Events, None, (&target.place, table))?;
    let report = report_of(args, &findings, Rows::ALL)?;
    let exit = ended(args, &rules, &report, &findings);
    match findings.take_next(&report) {
        Some(next) => next.commit(vec![out.stage()?])?,
        None => out.finish()?,
    }
    warn(args, &report);
    Ok(exit)
}

fn sessions(args: &SessionArgs) -> Outcome {
    use Sort::{Bytes, Commands, Duration, Failures, Name, Replies, Start};
    let known = [Start, Name, Duration, Failures, Commands, Replies, Bytes];
    let rows = Rows::of(&args.table, Order::Sessions, &known)?;
    let read_args = &args.table.read;
    if rows.by.is_some() {
        return part(read_args, rows, &SESSIONS_BY, PARTS);
    }
    let targets = targets(read_args, LISTED)?;
    let rules = Rules::fail_on(read_args)?;
    let mut findings = read(read_args, Wanted::Sessions, None)?;
    let report = report_of(read_args, &findings, Rows::ALL)?;
    let order = args.worst.map(|_| Order::Failures).or(rows.order);
    let most = args.worst.or(read_args.top.filter(|top| *top > 0));
    report::sessions::choose(&mut findings.findings.sessions, order, most);
    let next = findings.take_next(&report);
    let (chosen, zone) = (&findings.sessions, &report.zone);
    let (exit, targets) = settled(read_args, &rules, targets, &report, &findings);
    write_each(&targets, next, |target, out| {
        let text = match target.form {
            Form::Parquet => return tables::sessions(out, &findings),
            // A list has neither a page nor a mail.
            Form::Text | Form::Html | Form::Eml => {
                let look = look(read_args, &target.place);
                let rows = chosen.iter();
                let rows = rows.map(|(s, f)| report::sessions::session(s, f, zone, look) + "\n");
                report::sessions::header(look) + "\n" + &rows.collect::<String>()
            }
            Form::Json | Form::Ndjson => {
                return report::json::sessions(out, chosen, &findings.sources);
            }
            Form::Csv => report::csv::sessions(chosen, &findings.sources),
            Form::Md => report::markdown::sessions(chosen, &report),
            Form::Prom => findings.metrics(&report),
        };
        out.write_all(text.as_bytes())
    })?;
    warn(read_args, &report);
    Ok(exit)
}

fn timeline(args: &TimelineArgs) -> Outcome {
    let targets = targets(&args.read, TEXT)?;
    let rules = Rules::fail_on(&args.read)?;
    let mut findings = read(&args.read, Wanted::Sessions, None)?;
    let report = report_of(&args.read, &findings, Rows::ALL)?;
    let order = args.worst.map(|_| Order::Failures);
    report::sessions::choose(&mut findings.findings.sessions, order, args.worst);
    let next = findings.take_next(&report);
    let (exit, targets) = settled(&args.read, &rules, targets, &report, &findings);
    write_all(&targets, next, |target| {
        let look = look(&args.read, &target.place);
        if args.gantt {
            let most = args
                .read
                .top
                .map_or(40, |top| if top == 0 { usize::MAX } else { top });
            let gantt = Gantt::new(&findings.sessions, gantt::columns(look), most);
            let shown = gantt.map(|bars| gantt::gantt(&bars, &report.zone, look));
            return shown.unwrap_or_else(|| "no session with a time fits\n".to_owned());
        }
        let ladder = |(session, failures): &(Session, Vec<Failure>)| {
            let (sources, zone) = (&report.sources, &report.zone);
            report::ladder::ladder(session, failures, sources, zone, look) + "\n"
        };
        if findings.sessions.is_empty() {
            return "no session fits; `ftpwhy sessions` lists them\n".to_owned();
        }
        findings.sessions.iter().map(ladder).collect()
    })?;
    warn(&args.read, &report);
    Ok(exit)
}

fn explain(args: &ExplainArgs) -> Outcome {
    let asked = args.text.join(" ");
    let verb = args.command.as_ref().map(|c| Verb::new(c.as_bytes()));
    let json = match args.form {
        None | Some(Form::Text) => false,
        Some(Form::Json | Form::Ndjson) => true,
        Some(form) => return Err(targets::unable(form, ANSWERS)),
    };
    let show = |explanation: &Explanation| {
        if json {
            report::json::explanation(explanation)
        } else {
            report::explain::explanation(explanation, Look::PIPED)
        }
    };
    if asked != "-" {
        let explanation = cause::explain(&asked, verb);
        let known = explanation.code.is_some() || explanation.cause.is_some();
        print(&show(&explanation))?;
        return Ok(if known { Exit::Done } else { Exit::Nothing });
    }
    let mut out = Place::Stdout.begin()?;
    let mut asked = Vec::new();
    if let Err(error) = io::stdin().read_to_end(&mut asked) {
        return Err(Trouble::Usage(format!(
            "cannot read standard input: {error}"
        )));
    }
    let asked = asked.strip_suffix(b"\n").unwrap_or(&asked);
    for line in asked.split(|byte| *byte == b'\n') {
        let explanation = cause::explain_line(line);
        let written = out.write_all(show(&explanation).as_bytes());
        written.map_err(|error| Place::Stdout.failed(error))?;
    }
    out.finish()?;
    Ok(Exit::Done)
}
