//! Arguments, clock zone and terminal in; exit code out.

use std::process::ExitCode;

use clap::Parser as _;
use ftpwhy::app;
use ftpwhy::cli::Cli;

fn main() -> ExitCode {
    app::main(&Cli::parse()).into()
}
