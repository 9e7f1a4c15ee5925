//! Arguments, clock zone and terminal in; exit code out.

use std::process::ExitCode;

use clap::Parser as _;
use ftpwhy::app;
use ftpwhy::cli::Cli;

/// Sessions are many small pieces that one thread makes and another drops; the system's allocator takes a fifth of the
/// time for that, this one a tenth.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    app::main(&Cli::parse()).into()
}
