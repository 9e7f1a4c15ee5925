//! What the program says of itself: on one screen with `-h`, all of it with `--help`.

use std::process::Command;

use clap::CommandFactory as _;
use ftpwhy::cli::Cli;

/// Lines and columns of a screen.
const LINES: usize = 50;
const COLUMNS: usize = 80;

fn printed(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_ftpwhy"))
        .args(arguments)
        .env("COLUMNS", COLUMNS.to_string())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_short_help_fits_on_a_screen_and_has_six_examples() {
    let help = printed(&["-h"]);
    assert!(help.lines().count() <= LINES, "{help}");
    for line in help.lines() {
        assert!(line.chars().count() <= COLUMNS, "{line}");
    }
    let examples = help.split("Examples:\n").nth(1).unwrap();
    let examples: Vec<_> = examples
        .lines()
        .filter(|line| line.starts_with("  ftpwhy "))
        .collect();
    assert_eq!(examples.len(), 6, "{help}");
    let program = Cli::command();
    for command in program.get_subcommands() {
        let row = format!("\n  {} ", command.get_name());
        assert!(help.contains(&row), "{} has no line", command.get_name());
    }
    assert!(help.contains("--help"));
}

#[test]
fn every_command_says_what_matters_on_a_screen() {
    let program = Cli::command();
    for command in program.get_subcommands() {
        let help = printed(&[command.get_name(), "-h"]);
        assert!(
            help.lines().count() <= LINES,
            "{}: {help}",
            command.get_name()
        );
    }
}

#[test]
fn the_long_help_has_every_option_and_every_form() {
    let mut program = Cli::command();
    program.build();
    let commands = program
        .get_subcommands()
        .filter(|command| command.get_name() != "help");
    let mut told = 0;
    for command in commands {
        let help = printed(&[command.get_name(), "--help"]);
        // What a command has by its parts and refuses is not told.
        let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
        for option in shown.filter_map(clap::Arg::get_long) {
            assert!(
                help.contains(&format!("--{option}")),
                "{} --{option}",
                command.get_name()
            );
            told += 1;
        }
    }
    assert!(told > 200, "{told}");
    let help = printed(&["--help"]);
    for argument in program.get_arguments() {
        let long = argument.get_long().map(|long| format!("--{long}"));
        assert!(long.is_none_or(|long| help.contains(&long)), "{argument:?}");
    }
    for words in [
        "Exit status:",
        "- parquet:",
        "- eml:",
        "--mail-to",
        "./codes",
    ] {
        assert!(help.contains(words), "{words}");
    }
}
