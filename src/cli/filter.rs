//! The options that say what of the inputs is looked at.

use clap::{Args, ValueEnum};

/// The heading of filters that keep or leave out whole sessions.
const SESSIONS: &str = "Filters that choose whole sessions";
/// The heading of filters that choose what is looked at of a session.
const OPERATIONS: &str = "Filters that choose commands, transfers and failures";

/// What is looked at. User, client, server, TLS, id and `--failed` choose whole sessions; time, code, command, path,
/// cause and side choose operations. What is given several times or between commas are alternatives; `!` excludes.
#[derive(Debug, Clone, Args)]
pub struct FilterArgs {
    /// Sessions of these users
    ///
    /// `*`, `?`, `[a-z]`, `{one,two}` stand for what they do in a shell
    #[arg(short, long, value_name = "NAME", help_heading = SESSIONS)]
    pub user: Vec<String>,
    /// Sessions of these clients
    ///
    /// Addresses, networks like `192.0.2.0/24` or `2001:db8::/32`, or names
    #[arg(short, long, value_name = "HOST", help_heading = SESSIONS)]
    pub client: Vec<String>,
    /// Sessions with these servers: the same, and a port as in `192.0.2.1:2121`, `[2001:db8::1]:21` or `:990`
    #[arg(long, value_name = "HOST", help_heading = SESSIONS, hide_short_help = true)]
    pub server: Vec<String>,
    /// Sessions with TLS, or without
    #[arg(long, value_name = "WHICH", value_enum, help_heading = SESSIONS, hide_short_help = true)]
    pub tls: Option<YesNo>,
    /// Sessions whose ids begin like this
    #[arg(short, long, value_name = "ID", help_heading = SESSIONS, hide_short_help = true)]
    pub session: Vec<String>,
    /// Sessions with failures
    #[arg(long, help_heading = SESSIONS)]
    pub failed: bool,
    /// What happened from this time on: 03:00, 2h, yesterday
    ///
    /// 2026-03-01T03:00, 03:00, 2h, `3 days ago`, today, yesterday, monday, last-week
    #[arg(short = 'S', long, value_name = "TIME", allow_hyphen_values = true)]
    #[arg(help_heading = OPERATIONS)]
    pub since: Option<String>,
    /// What happened before this time
    ///
    /// A date is where its day begins
    #[arg(short = 'U', long, value_name = "TIME", allow_hyphen_values = true)]
    #[arg(help_heading = OPERATIONS)]
    pub until: Option<String>,
    /// Takes this time for now in --since and --until, and for the date of a mail [default: the machine's clock]
    #[arg(long, value_name = "TIME", help_heading = OPERATIONS, hide_short_help = true)]
    pub now: Option<String>,
    /// Commands with these replies: 421, 55x, 5xx, !550
    #[arg(long, value_name = "CODE", help_heading = OPERATIONS)]
    pub code: Vec<String>,
    /// These commands; connect is the greeting
    #[arg(long, value_name = "VERB", help_heading = OPERATIONS, hide_short_help = true)]
    pub command: Vec<String>,
    /// Commands and transfers with these paths; without `/` the last part is meant, `**` also stands for `/`
    #[arg(long, value_name = "GLOB", help_heading = OPERATIONS, hide_short_help = true)]
    pub path: Vec<String>,
    /// Failures with these causes; tls-* for all that begin so
    #[arg(long, value_name = "CAUSE", help_heading = OPERATIONS, hide_short_help = true)]
    pub cause: Vec<String>,
    /// Failures that these can mend: client, server, network, policy, unknown
    #[arg(long, value_name = "SIDE", help_heading = OPERATIONS, hide_short_help = true)]
    pub side: Vec<String>,
}

/// Yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum YesNo {
    /// With.
    Yes,
    /// Without.
    No,
}
