//! `diff`: which inputs are which set, and both read.

use std::path::PathBuf;

use super::asked::{Rows, filter, time};
use super::found::Found;
use super::rules::no_conditions;
use super::state;
use super::targets::{targets, write_all};
use super::{COMPARED, Outcome, Trouble, look, merge, read, report_of, warn};
use crate::cli::{DiffArgs, Form, ReadArgs};
use crate::exit::Exit;
use crate::input;
use crate::report::diff::Diff;
use crate::report::{self, Report, earlier};
use crate::run::{Findings, Wanted};

/// Compares two sets of inputs, or what came before a time with what came after it.
pub(super) fn diff(args: &DiffArgs) -> Outcome {
    state::refuse(&args.read, "diff")?;
    no_conditions(&args.read.rules, "diff")?;
    let targets = targets(&args.read, COMPARED)?;
    let [before, after] = sets(args)?;
    filter(&after)?; // told before anything is read
    let (before, first) = set(&before)?;
    let (after, second) = set(&after)?;
    for report in [&before, &after] {
        warn(&args.read, report);
    }
    let diff = Diff::new(before, after);
    write_all(&targets, None, |target| match target.form {
        Form::Json | Form::Ndjson => report::json::diff(&diff),
        Form::Md => report::markdown::diff(&diff),
        Form::Html => report::html::diff(&diff),
        _ => report::diff::diff(&diff, look(&args.read, &target.place)),
    })?;
    Ok(first.and(second))
}

/// The arguments by which each of the two would be read alone.
fn sets(args: &DiffArgs) -> Result<[ReadArgs; 2], Trouble> {
    let mut sets = [args.read.clone(), args.read.clone()];
    let [before, after] = &mut sets;
    if let Some(at) = &args.at {
        let is_pipe = args.read.paths.iter().any(|path| path.as_os_str() == "-");
        if !args.after.is_empty() || is_pipe || args.read.paths.is_empty() {
            let words = "diff --at TIME takes one list of files, which are read twice";
            return Err(Trouble::Usage(words.to_owned()));
        }
        let at = time(&args.read, "--at", at)?;
        before.filter.until = Some(at.clone());
        after.filter.since = Some(at);
        return Ok(sets);
    }
    match (args.read.paths.as_slice(), args.after.is_empty()) {
        ([first, second], true) => {
            (before.paths, after.paths) = (vec![first.clone()], vec![second.clone()]);
        }
        ([_, ..], false) => after.paths.clone_from(&args.after),
        _ => {
            let words =
                "diff compares two inputs, two lists with -- between, or one list cut by --at TIME";
            return Err(Trouble::Usage(words.to_owned()));
        }
    }
    Ok(sets)
}

/// What was found in a set: read now, or in other runs where all of it are reports in JSON.
fn set(args: &ReadArgs) -> Result<(Report, Exit), Trouble> {
    let is_report = |path: &PathBuf| {
        let is_file = path.as_os_str() != "-" && path.is_file();
        is_file && earlier::is_report(&input::head(path))
    };
    let findings = if args.paths.iter().all(is_report) {
        if filter(args)?.is_some() || args.anonymize.is_some() {
            let words =
                "reports in JSON are compared as they are, without filters, --at and --anonymize";
            return Err(Trouble::Usage(words.to_owned()));
        }
        let sum = merge::sum(args.paths.iter().map(PathBuf::as_path));
        Found::from(Findings::from(sum))
    } else {
        read(args, Wanted::Tallies, None)?
    };
    let report = report_of(args, &findings, Rows::ALL)?;
    Ok((report, Exit::of(&findings.tallies)))
}
