//! The whole report of what was found, now or in other runs, in every form that is asked for.

use std::io::Write as _;

use super::asked::Rows;
use super::found::Found;
use super::mail::Mail;
use super::rules::{Rules, settled};
use super::targets::{Target, write_each};
use super::{Outcome, REPORT, report_of, tables};
use crate::cli::{Form, ReadArgs};
use crate::report::{self, Report};
use crate::run::Findings;

/// The whole report of what was found, now or in other runs.
pub(super) fn whole(
    args: &ReadArgs,
    targets: Vec<Target>,
    rules: &Rules,
    mail: &Mail,
    mut found: Found,
) -> Outcome {
    let report = report_of(args, &found, Rows::OF_REPORT)?;
    let report = with_more(report, &found, rules, &targets).with_sessions(&found.kept);
    let next = found.take_next(&report);
    let (exit, targets) = settled(args, rules, targets, &report, &found);
    write_each(&targets, next, |target, out| {
        let text = match target.form {
            Form::Parquet => return tables::failures(out, &found),
            Form::Eml => {
                let because = rules.holding(&report, &found);
                report::mail::report(&report, &mail.envelope(&report, because))
            }
            _ => REPORT.render(&report, &found, (target, args)),
        };
        out.write_all(text.as_bytes())
    })?;
    Ok(exit)
}

/// The report with what changed since an earlier one, where there is one, and with what it was made from, where programs
/// read it.
pub(super) fn with_more(
    report: Report,
    findings: &Findings,
    rules: &Rules,
    targets: &[Target],
) -> Report {
    let report = match &rules.earlier {
        Some(before) => report.with_earlier(before.clone()),
        None => report,
    };
    let is_json = |target: &Target| matches!(target.form, Form::Json | Form::Ndjson);
    if targets.iter().any(is_json) {
        report.with_sums(&findings.sums())
    } else {
        report
    }
}
