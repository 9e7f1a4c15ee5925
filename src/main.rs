//! Arguments, clock zone and terminal in; exit code out.

use std::process::ExitCode;

use clap::Parser as _;
use ftpwhy::app;
use ftpwhy::cli::Cli;
use ftpwhy::exit::{Exit, Status};

/// Sessions are many small pieces that one thread makes and another drops; the system's allocator takes a fifth of the
/// time for that, this one a tenth.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => app::main(&cli).into(),
        Err(error) => usage(&error),
    }
}

/// Help and version are asked for; anything else is wrong usage, which a monitoring system must not take for a finding.
fn usage(error: &clap::Error) -> ExitCode {
    let is_wrong = error.use_stderr();
    let is_check = std::env::args_os()
        .nth(1)
        .is_some_and(|word| word == "check");
    // Where not even this can be said, the status says it.
    drop(error.print());
    match (is_wrong, is_check) {
        (false, _) => Exit::Done,
        (true, true) => Exit::Checked(Status::Unknown),
        (true, false) => Exit::Nothing,
    }
    .into()
}
