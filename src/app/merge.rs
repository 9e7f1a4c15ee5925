//! `merge`: reports in JSON, read back and added up.

use std::path::{Path, PathBuf};

use super::found::Found;
use super::mail::Mail;
use super::rules::Rules;
use super::targets::{Forms, targets};
use super::whole::whole;
use super::{Outcome, Trouble};
use crate::cli::{Form, MergeArgs};
use crate::diagnostic::{DiagnosticKind, Origin, SourceId};
use crate::input;
use crate::limits;
use crate::report::earlier;
use crate::run::Findings;
use crate::tally::{InputTally, Tallies};
use crate::text::Text;

/// Forms of a sum: those of a report but rows, of which it has none.
const SUMS: Forms = &[
    Form::Text,
    Form::Json,
    Form::Ndjson,
    Form::Csv,
    Form::Md,
    Form::Prom,
    Form::Html,
    Form::Eml,
];

/// Adds up reports. What is no report is told, and the others are added up all the same.
pub(super) fn merge(merge: &MergeArgs) -> Outcome {
    let args = &merge.show;
    let targets = targets(args, SUMS)?;
    let rules = Rules::fail_on(args)?;
    let mail = Mail::asked(args)?;
    if args.paths.len() > limits::MERGED_REPORTS {
        let words = format!(
            "more than {} reports at once; add up sums of them",
            limits::MERGED_REPORTS
        );
        return Err(Trouble::Usage(words));
    }
    let paths = args.paths.iter().map(PathBuf::as_path);
    let sum = if merge.parts {
        whole_of(paths).map_err(Trouble::Usage)?
    } else {
        sum(paths)
    };
    let findings = Findings::from(sum);
    whole(args, targets, &rules, &mail, Found::from(findings))
}

/// The sum of the reports in these files.
pub(super) fn sum<'p>(paths: impl IntoIterator<Item = &'p Path>) -> Tallies {
    let mut sum = Tallies::default();
    for path in paths {
        let name = Text::from(path.as_os_str().as_encoded_bytes());
        let read =
            input::earlier_report(path).map_err(|error| (DiagnosticKind::Unreadable, error.0));
        let read = read.and_then(|json| {
            earlier::tallies(&json).map_err(|why| (DiagnosticKind::UnknownFormat, why))
        });
        match read {
            Ok(reports) => reports
                .into_iter()
                .for_each(|report| sum.merge(report.of_report(&name))),
            Err((kind, why)) => sum.merge(unread(&name, kind, &why)),
        }
    }
    sum
}

/// The run of which the reports in these files are parts. One that is missing would make a wrong whole.
fn whole_of<'p>(paths: impl IntoIterator<Item = &'p Path>) -> Result<Tallies, String> {
    let mut whole = Tallies::default();
    for path in paths {
        let name = Text::from(path.as_os_str().as_encoded_bytes());
        let wrong = |why: &str| format!("{}: {why}", name.terminal(true));
        let json = input::earlier_report(path).map_err(|error| wrong(&error.0))?;
        for part in earlier::tallies(&json).map_err(|why| wrong(&why))? {
            whole.merge_part(part).map_err(|input| {
                let why = format!(
                    "{} has the number of an input of another report, so they are not parts of one run",
                    input.terminal(true)
                );
                wrong(&why)
            })?;
        }
    }
    Ok(whole)
}

/// What is known of a report that can't be read.
fn unread(name: &Text, kind: DiagnosticKind, why: &str) -> Tallies {
    let mut tallies = Tallies::default();
    let input = InputTally {
        path: name.clone(),
        ..InputTally::default()
    };
    tallies.inputs.insert(SourceId(0), input);
    tallies.diagnostics.add(kind, Origin::default(), why);
    tallies
}
