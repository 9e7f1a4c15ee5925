//! One line and a status, as monitoring systems want it of a plugin (Monitoring Plugins Development Guidelines).

use super::asked::Rows;
use super::rules::{Rules, earlier_causes, no_conditions};
use super::targets::print;
use super::{Outcome, Trouble, read, report_of};
use crate::cli::CheckArgs;
use crate::exit::{Exit, Status};
use crate::report::{self, Report};
use crate::run::{Findings, Wanted};

/// What was found in one line, and how bad it is. What can't be read is unknown, unless what could be read is bad.
pub(super) fn check(args: &CheckArgs) -> Outcome {
    match checked(args) {
        Err(Trouble::Usage(words) | Trouble::Busy(words)) => {
            let status = Status::Unknown;
            print(&report::check::line(status.word(), &words, None))?;
            Ok(Exit::Checked(status))
        }
        outcome => outcome,
    }
}

fn checked(args: &CheckArgs) -> Outcome {
    no_conditions(&args.read.rules, "check")?;
    let before = earlier_causes(&args.read.rules)?;
    let warn = Rules::read("--warn", &args.warn, before.clone(), &args.read)?;
    let crit = Rules::read("--crit", &args.crit, before, &args.read)?;
    let mut findings = read(&args.read, Wanted::Tallies, None)?;
    let report = report_of(&args.read, &findings, Rows::ALL)?;
    let (status, why) = status(&warn, &crit, &report, &findings);
    print(&report::check::line(status.word(), &why, Some(&report)))?;
    if let Some(next) = findings.take_next(&report) {
        next.commit(Vec::new())?;
    }
    Ok(Exit::Checked(status))
}

fn status(warn: &Rules, crit: &Rules, report: &Report, findings: &Findings) -> (Status, String) {
    let critical = crit.holding(report, findings);
    let warning = warn.holding(report, findings);
    let verdict = || report.verdict.lines.join(" ");
    if !critical.is_empty() {
        return (Status::Critical, critical.join(", ") + ": " + &verdict());
    }
    if !warning.is_empty() {
        return (Status::Warning, warning.join(", ") + ": " + &verdict());
    }
    if Exit::of(&findings.tallies) != Exit::Done {
        return (
            Status::Unknown,
            "not all could be read: ".to_owned() + &verdict(),
        );
    }
    let is_bad = warn.is_empty() && crit.is_empty() && report.main.failures > 0;
    let status = if is_bad { Status::Warning } else { Status::Ok };
    (status, verdict())
}
