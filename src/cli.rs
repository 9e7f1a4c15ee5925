//! The command line, as data. Imports nothing of the program's own.

mod filter;

use std::path::PathBuf;

use clap::{Arg, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub use filter::{FilterArgs, YesNo};

macro_rules! examples {
    () => {
        "Examples:\n  \
        ftpwhy /var/log/vsftpd.log             what failed, and why\n  \
        ftpwhy web1.pcap vsftpd.log*           a capture and the logs of that night\n  \
        ftpwhy timeline web1.pcap --worst 1    the worst session, step by step\n  \
        ftpwhy vsftpd.log -o a.html -o a.json  a page for people, one for programs\n  \
        ftpwhy events web1.pcap | jq .         every command and reply as JSON\n  \
        ftpwhy explain \"530 Login incorrect.\"  what a reply means, without any input"
    };
}

/// What people type most.
const EXAMPLES: &str = examples!();

/// Says why FTP failed: reads captures and logs, names causes, evidence, advice
///
/// Reads packet captures and logs of servers and clients, counts reply codes, and names the causes of failures with evidence
/// and advice.
#[derive(Debug, Parser)]
#[command(
    name = "ftpwhy",
    version,
    args_conflicts_with_subcommands = true,
    after_help = EXAMPLES,
    after_long_help = concat!(examples!(), "\n\n\
        A file with the name of a command: ./codes\n\
        Exit status: 0 done, 1 a --fail-on condition holds, 2 wrong usage or nothing could be read, 3 done but some input was not fully read, 75 another run holds the lock of --state.")
)]
pub struct Cli {
    /// What to do; `report` when left out.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The arguments of `report`.
    #[command(flatten)]
    pub report: ReadArgs,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// What failed and why (the default)
    ///
    /// Verdict, causes, codes, sessions, latency, coverage
    Report(ReadArgs),
    /// How often each reply code occurs
    Codes(CodeArgs),
    /// Every cause with its evidence and advice
    Causes(TableArgs),
    /// One line per session
    Sessions(SessionArgs),
    /// Sessions step by step
    ///
    /// Commands, replies, waits and data connections side by side
    Timeline(TimelineArgs),
    /// Every command, reply and other event as one JSON object a line
    Events(ReadArgs),
    /// One line and a status for monitoring
    ///
    /// The status is 0 OK, 1 warning, 2 critical, 3 unknown
    Check(CheckArgs),
    /// One report from many, of hosts or days
    ///
    /// Adds up reports in JSON, as if all their inputs had been read at once
    Merge(MergeArgs),
    /// What changed between two sets of inputs
    ///
    /// Two sets of inputs, or one cut in two: what is new, gone, more or less often, and whether by chance
    Diff(DiffArgs),
    /// What a code, a cause or a reply means
    ///
    /// And what to do about it; reads no input
    Explain(ExplainArgs),
    /// Formats that are known; with paths, how each file is read
    Formats(FormatArgs),
    /// What runs with --state have left: shows it, forgets it, tidies it up
    State(StateArgs),
    /// The manual page; `ftpwhy man | man -l -` shows it
    Man(ManArgs),
    /// What a shell needs to complete the command line
    Completions(CompletionArgs),
}

/// What is read, and how it is shown.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
pub struct ReadArgs {
    /// Captures, logs, directories; `-` is standard input
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Takes every input for this format instead of finding out, say pcap, vsftpd, xferlog, `proftpd-ext=%t %h "%r" %s` or
    /// `proftpd-ext=@/etc/proftpd/proftpd.conf:NAME`
    #[arg(short = 'f', long, value_name = "FORMAT", hide_short_help = true)]
    pub from: Option<String>,
    /// Time zone of the times shown [default: the machine's; UTC in JSON]
    #[arg(long, value_name = "ZONE", hide_short_help = true)]
    pub tz: Option<String>,
    /// Time zone of logs that do not tell theirs [default: the machine's]
    #[arg(long, value_name = "ZONE", hide_short_help = true)]
    pub log_tz: Option<String>,
    /// Year of the first line of logs without years [default: by the file's time]
    #[arg(long, value_name = "YEAR", hide_short_help = true)]
    pub year: Option<i16>,
    /// Writes to a file, in the form that its name ends in
    ///
    /// Forms: .txt .json .ndjson .csv .md .html .eml .prom .parquet; `-` is standard output. May be given
    /// several times: all is read once. A file is replaced when the new one is whole
    #[arg(short, long, value_name = "FILE")]
    pub output: Vec<PathBuf>,
    /// The form on standard output
    ///
    /// And of files whose names tell none [default: text, for events ndjson]
    #[arg(long = "as", value_name = "FORM", value_enum, hide_short_help = true)]
    pub form: Option<Form>,
    /// Short for --as json
    #[arg(long, conflicts_with = "form", hide_short_help = true)]
    pub json: bool,
    /// Short for --as ndjson
    #[arg(long, conflicts_with_all = ["form", "json"], hide_short_help = true)]
    pub ndjson: bool,
    /// Short for --as csv
    #[arg(long, conflicts_with_all = ["form", "json", "ndjson"], hide_short_help = true)]
    pub csv: bool,
    /// Short for --as md
    #[arg(long, conflicts_with_all = ["form", "json", "ndjson", "csv"], hide_short_help = true)]
    pub md: bool,
    /// Rows in each list; 0 for all
    ///
    /// [default: 5 in the report, 20 with --by, else all]
    #[arg(short = 'n', long, value_name = "N")]
    pub top: Option<usize>,
    /// Threads [default: one per core]
    #[arg(short = 'j', long, value_name = "N", hide_short_help = true)]
    pub threads: Option<usize>,
    /// Columns of text output [default: the terminal's, 78 when piped]
    #[arg(long, value_name = "COLUMNS", hide_short_help = true)]
    pub width: Option<u16>,
    /// Colours in text output
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Color::Auto, hide_short_help = true)]
    pub color: Color,
    /// Plain ASCII on a terminal too
    #[arg(long, hide_short_help = true)]
    pub ascii: bool,
    /// No progress bar
    #[arg(long, hide_short_help = true)]
    pub no_progress: bool,
    /// No diagnostics on standard error
    #[arg(short, long, hide_short_help = true)]
    pub quiet: bool,
    /// Other names for users, hosts and paths
    ///
    /// And for what texts hold of them, made by a key; with the same key (a text, or @FILE) they are the same in every run
    /// [default key: a new one each time]
    #[arg(long, value_name = "KEY", num_args = 0..=1, require_equals = true, default_missing_value = "", hide_short_help = true)]
    pub anonymize: Option<String>,
    /// Reads only what is new since the last run with it
    ///
    /// Notes in the file how far it came; rotated, renamed and packed logs are known again. Another run at the same time
    /// ends with status 75.
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// With --state: sessions that are open at the end count too, and are not left for the next run
    #[arg(long, requires = "state", hide_short_help = true)]
    pub close: bool,
    /// Reads the inputs that this list names, as `formats --series` writes it
    #[arg(long, value_name = "LIST", conflicts_with_all = ["paths", "state"], hide_short_help = true)]
    pub inputs: Option<PathBuf>,
    /// Captures and server logs each count what they hold, also what both do
    #[arg(long, hide_short_help = true)]
    pub no_join: bool,
    /// What of it is looked at.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// When it matters.
    #[command(flatten)]
    pub rules: RuleArgs,
    /// Who gets it by mail.
    #[command(flatten)]
    pub mail: MailArgs,
}

/// The heading of what only a mail has.
const MAIL: &str = "Mail (--as eml)";

/// Who gets a report by mail. Nothing is sent: `sendmail -t` does that.
#[derive(Debug, Clone, Args)]
pub struct MailArgs {
    /// Recipients
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',', help_heading = MAIL, hide_short_help = true)]
    pub mail_to: Vec<String>,
    /// The sender [default: ftpwhy at the first recipient's domain]
    #[arg(long, value_name = "ADDRESS", help_heading = MAIL, hide_short_help = true)]
    pub mail_from: Option<String>,
    /// What the subject begins with [default: ftpwhy in brackets]
    #[arg(long, value_name = "TEXT", help_heading = MAIL, hide_short_help = true)]
    pub subject_prefix: Option<String>,
}

/// The heading of what makes a run matter.
const CONDITIONS: &str = "Conditions";

/// When a run matters.
#[derive(Debug, Clone, Args)]
pub struct RuleArgs {
    /// Ends with status 1 when this holds: `rate(5xx)>2%`
    ///
    /// `failures>0`, `rate(5xx)>2%`, `count(425)>10`, `cause(storage-full)`,
    /// `p95(PASS)>3s`, `rate(failed)>10%`, `unread>1%`, `new-cause`; with `and`, `or` and brackets
    #[arg(long, value_name = "CONDITION", help_heading = CONDITIONS, hide_short_help = true)]
    pub fail_on: Vec<String>,
    /// A report in JSON of an earlier time: what changed since is told
    ///
    /// And only causes that it lacks are new
    #[arg(long, value_name = "FILE", help_heading = CONDITIONS, hide_short_help = true)]
    pub baseline: Option<PathBuf>,
    /// Prints nothing where nothing failed
    ///
    /// With `--fail-on`: where no condition holds, whatever failed. What could not be read is told in any case, and files
    /// are written all the same
    #[arg(long, help_heading = CONDITIONS, hide_short_help = true)]
    pub quiet_ok: bool,
}

/// What is put together, and in which order.
#[derive(Debug, Clone, Args)]
pub struct TableArgs {
    /// What is read, and how it is shown.
    #[command(flatten)]
    pub read: ReadArgs,
    /// A row for each of these; hours and days are those of --tz
    #[arg(long, value_name = "WHAT", value_enum)]
    pub by: Option<By>,
    /// What comes first: name (also code, id, hour), the others by size
    #[arg(long, value_name = "KEY", value_enum)]
    pub sort: Option<Sort>,
}

/// What the numbers of a row are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// The user last named in a session.
    User,
    /// The client's host.
    Client,
    /// The server's host.
    Server,
    /// The hour of the day.
    Hour,
    /// The day of the week.
    Weekday,
    /// The day.
    Day,
    /// The command.
    Command,
    /// The path that a command names.
    Path,
}

/// What rows are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    /// The name, the code, the id, the user.
    Name,
    /// How often.
    Count,
    /// When it began.
    Start,
    /// How long it took.
    Duration,
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
}

/// Which codes to show.
#[derive(Debug, Clone, Args)]
pub struct CodeArgs {
    /// What is put together, and in which order.
    #[command(flatten)]
    pub table: TableArgs,
    /// Commands down, codes across
    #[arg(long, conflicts_with = "by")]
    pub matrix: bool,
}

/// Which sessions to show.
#[derive(Debug, Clone, Args)]
pub struct SessionArgs {
    /// What is put together, and in which order.
    #[command(flatten)]
    pub table: TableArgs,
    /// Only the N sessions with the most failures
    #[arg(long, value_name = "N", conflicts_with_all = ["by", "sort"])]
    pub worst: Option<usize>,
}

/// Which sessions to show step by step.
#[derive(Debug, Clone, Args)]
pub struct TimelineArgs {
    /// What is read, and how it is shown.
    #[command(flatten)]
    pub read: ReadArgs,
    /// A bar for each session instead, and how many were open at once
    #[arg(long)]
    pub gantt: bool,
    /// Only the N sessions with the most failures
    #[arg(long, value_name = "N")]
    pub worst: Option<usize>,
}

/// When to warn.
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// What is read, and how it is shown.
    #[command(flatten)]
    pub read: ReadArgs,
    /// Conditions of a warning, like those of --fail-on [default: something failed]
    #[arg(long, value_name = "CONDITION")]
    pub warn: Vec<String>,
    /// Conditions that are critical [default: most that failed has one cause, if --warn is not given either]
    #[arg(long, value_name = "CONDITION")]
    pub crit: Vec<String>,
}

/// What is added up.
#[derive(Debug, Clone, Args)]
#[command(mut_args(of_merging))]
pub struct MergeArgs {
    /// Which reports, and how the sum is shown.
    #[command(flatten)]
    pub show: ReadArgs,
    /// The reports are parts of one run, made with --inputs: their inputs keep their numbers
    #[arg(long)]
    pub parts: bool,
}

/// Options of reading that mean nothing for what was read before.
const OF_READING: &[&str] = &[
    "from",
    "state",
    "close",
    "inputs",
    "no_join",
    "log_tz",
    "year",
    "threads",
    "no_progress",
    "anonymize",
    "user",
    "client",
    "server",
    "tls",
    "session",
    "failed",
    "since",
    "until",
    "code",
    "command",
    "path",
    "cause",
    "side",
];

/// The options of `merge`: those of reading are not there.
fn of_merging(arg: Arg) -> Arg {
    match arg.get_id().as_str() {
        "paths" => arg
            .value_name("REPORT")
            .required(true)
            .help("Reports in JSON, as `--as json` writes them; `-` is standard input"),
        id if OF_READING.contains(&id) => arg.hide(true).conflicts_with("paths"),
        _ => arg,
    }
}

/// Leaves conditions out of the help of a command that has none.
fn without_conditions(arg: Arg) -> Arg {
    let is_condition = matches!(arg.get_id().as_str(), "fail_on" | "baseline" | "quiet_ok");
    if is_condition { arg.hide(true) } else { arg }
}

/// What is compared.
#[derive(Debug, Clone, Args)]
#[command(mut_args(without_conditions))]
pub struct DiffArgs {
    /// What is read, and how it is shown.
    #[command(flatten)]
    pub read: ReadArgs,
    /// Compares what came before this time with what came after it; times as in --since
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, conflicts_with_all = ["since", "until"])]
    pub at: Option<String>,
    /// The second set, where either has several inputs
    #[arg(last = true, value_name = "AFTER")]
    pub after: Vec<PathBuf>,
}

/// What to explain.
#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    /// A code (550), a cause (data-private-address) or a whole reply; `-` reads replies from standard input, one a line:
    /// `VERB<TAB>CODE TEXT`
    #[arg(value_name = "TEXT", required = true)]
    pub text: Vec<String>,
    /// The command that the reply answers
    #[arg(long, value_name = "VERB")]
    pub command: Option<String>,
    /// How to print [default: text]
    #[arg(long = "as", value_name = "FORM", value_enum)]
    pub form: Option<Form>,
}

/// Which formats to show.
#[derive(Debug, Clone, Args)]
#[command(mut_args(without_conditions))]
pub struct FormatArgs {
    /// What is read, and how it is shown.
    #[command(flatten)]
    pub read: ReadArgs,
    /// Which inputs are read as one, to read the others elsewhere: --as json is for programs
    #[arg(long)]
    pub series: bool,
    /// A line for each input with what --series needs to know of it, as it is made where the input is
    #[arg(long, conflicts_with = "series")]
    pub look: bool,
}

/// What to do with a state.
#[derive(Debug, Clone, Args)]
pub struct StateArgs {
    /// What to do
    #[command(subcommand)]
    pub action: StateAction,
}

/// What can be done with a state.
#[derive(Debug, Clone, Subcommand)]
pub enum StateAction {
    /// Shows the logs that were read, how far, and the sessions that are open
    Show {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Puts the file aside, as FILE.bad: the next run reads everything
    Reset {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Forgets the logs that the last run did not find any more
    Gc {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// Which manual pages to write.
#[derive(Debug, Clone, Args)]
pub struct ManArgs {
    /// Writes the pages of the program and of each command into this directory
    #[arg(long, value_name = "DIRECTORY")]
    pub into: Option<PathBuf>,
}

/// Which shell.
#[derive(Debug, Clone, Args)]
pub struct CompletionArgs {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Shell,
}

/// A form of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For people.
    Text,
    /// One JSON object.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// A table for spreadsheets.
    Csv,
    /// Markdown, for a wiki.
    Md,
    /// Metrics for Prometheus.
    Prom,
    /// A page for a browser.
    Html,
    /// A mail, with the report as text and as HTML.
    Eml,
    /// Rows in typed columns, for databases.
    Parquet,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn paths_alone_are_a_report() {
        let cli = Cli::parse_from(["ftpwhy", "--as", "json", "a.pcap", "b.log"]);
        assert!(cli.command.is_none());
        assert_eq!(cli.report.paths.len(), 2);
        let cli = Cli::parse_from(["ftpwhy", "report", "a.pcap"]);
        assert!(matches!(cli.command, Some(Command::Report(args)) if args.paths.len() == 1));
    }
}
