//! What is installed beside the program: manual pages, and what shells need to complete its command line.

use std::io;

use clap::CommandFactory as _;

use super::targets::print;
use super::{Outcome, Trouble};
use crate::cli::{Cli, CompletionArgs, ManArgs};
use crate::exit::Exit;
use crate::output::{Place, Unwritten};

/// Prints the manual page of the program, or writes those of all commands.
pub(super) fn man(args: &ManArgs) -> Outcome {
    let mut program = Cli::command();
    program.build();
    let Some(directory) = &args.into else {
        print(&page(&program)?)?;
        return Ok(Exit::Done);
    };
    let commands = program
        .get_subcommands()
        .filter(|command| command.get_name() != "help");
    let mut pages = vec![("ftpwhy".to_owned(), page(&program)?)];
    for command in commands {
        // The name as it is typed, with a hyphen as manual pages have it.
        let name = format!("ftpwhy-{}", command.get_name());
        let command = command.clone().display_name(&name).bin_name(&name);
        pages.push((name, page(&command)?));
    }
    let write = |(name, text): &(String, String)| {
        let path = directory.join(format!("{name}.1"));
        Place::named(&path).write(text.as_bytes())
    };
    let failed: Vec<Unwritten> = pages.iter().map(write).filter_map(Result::err).collect();
    Trouble::of(failed)?;
    Ok(Exit::Done)
}

fn page(command: &clap::Command) -> Result<String, Trouble> {
    let mut text = Vec::new();
    let rendered = clap_mangen::Man::new(command.clone()).render(&mut text);
    rendered.map_err(|error: io::Error| Place::Stdout.failed(error))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Prints a shell's completions.
pub(super) fn completions(args: &CompletionArgs) -> Outcome {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "ftpwhy", &mut text);
    print(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Done)
}
