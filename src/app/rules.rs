//! What makes a run matter: conditions, the causes of an earlier report, and when nothing need be printed.

use std::collections::BTreeSet;

use super::Trouble;
use super::targets::Target;
use crate::cli::{ReadArgs, RuleArgs};
use crate::exit::Exit;
use crate::input;
use crate::output::Place;
use crate::report::{self, Mark, Report};
use crate::run::Findings;
use crate::text;
use crate::threshold::{Condition, Measured};

/// Conditions of one option, and what they are held against beside the report.
pub(super) struct Rules {
    conditions: Vec<Condition>,
    before: Option<BTreeSet<String>>,
    /// The earlier report, to compare with.
    pub(super) earlier: Option<Report>,
}

impl Rules {
    /// Those of `--fail-on`. Wrong ones are told before anything is read.
    pub(super) fn fail_on(args: &ReadArgs) -> Result<Self, Trouble> {
        let earlier = earlier(&args.rules)?;
        let before = earlier.as_ref().map(causes);
        let rules = Self::read("--fail-on", &args.rules.fail_on, before, args)?;
        Ok(Self { earlier, ..rules })
    }

    /// Reads the conditions of an option; `before` are the causes of the earlier report.
    pub(super) fn read(
        option: &'static str,
        typed: &[String],
        before: Option<BTreeSet<String>>,
        args: &ReadArgs,
    ) -> Result<Self, Trouble> {
        let conditions = typed.iter().map(|typed| Condition::read(option, typed));
        let conditions = conditions.collect::<Result<Vec<_>, _>>()?;
        let has_none = before.is_none() && args.state.is_none();
        if has_none && conditions.iter().any(Condition::needs_before) {
            let words = "what is new is told by an earlier report; give one with --baseline FILE, or go on from the last run with --state FILE";
            return Err(Trouble::Usage(format!("{option}: {words}")));
        }
        Ok(Self {
            conditions,
            before,
            earlier: None,
        })
    }

    /// True where nothing was asked for.
    pub(super) fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// The conditions that hold, each with the numbers met.
    pub(super) fn holding(&self, report: &Report, findings: &Findings) -> Vec<String> {
        let vantage = report.main.vantage;
        let known = findings.before.as_ref();
        let known = known.map(|known| known.known(report.window.first()));
        let measured = Measured {
            report,
            tally: vantage.and_then(|v| findings.tallies.by_vantage.get(&v)),
            before: self.before.as_ref().or(known.as_ref()),
        };
        let conditions = self.conditions.iter();
        conditions.filter_map(|c| c.holds(&measured)).collect()
    }
}

/// The causes of the report given with `--baseline`.
pub(super) fn earlier_causes(args: &RuleArgs) -> Result<Option<BTreeSet<String>>, Trouble> {
    Ok(earlier(args)?.as_ref().map(causes))
}

fn causes(report: &Report) -> BTreeSet<String> {
    let causes = report.main.causes.iter();
    causes.map(|cause| cause.id.name().to_owned()).collect()
}

/// The report given with `--baseline`.
fn earlier(args: &RuleArgs) -> Result<Option<Report>, Trouble> {
    let Some(path) = &args.baseline else {
        return Ok(None);
    };
    let name = text::terminal(path.as_os_str().as_encoded_bytes(), true);
    let wrong = |why: String| Trouble::Usage(format!("--baseline {name}: {why}"));
    let json = input::earlier_report(path).map_err(|error| wrong(error.0))?;
    report::earlier::report(&json).map(Some).map_err(wrong)
}

/// Refuses conditions where no report is made that they could be held against; `check` has its own.
pub(super) fn no_conditions(args: &RuleArgs, command: &str) -> Result<(), Trouble> {
    let compares = command == "check";
    let given = [
        (!args.fail_on.is_empty(), "--fail-on"),
        (args.baseline.is_some() && !compares, "--baseline"),
        (args.quiet_ok, "--quiet-ok"),
    ];
    match given.iter().find(|(is_given, _)| *is_given) {
        Some((_, option)) => {
            let other = if compares {
                "; it has --warn and --crit"
            } else {
                ""
            };
            let words = format!("{command} has no {option}{other}");
            Err(Trouble::Usage(words))
        }
        None => Ok(()),
    }
}

/// How a run ends; which conditions hold is said on standard error.
pub(super) fn ended(args: &ReadArgs, rules: &Rules, report: &Report, findings: &Findings) -> Exit {
    let holding = rules.holding(report, findings);
    let exit = Exit::of(&findings.tallies);
    for condition in &holding {
        if !args.quiet {
            #[expect(clippy::print_stderr, reason = "said beside the result")]
            {
                eprintln!(
                    "ftpwhy: --fail-on holds: {}",
                    text::terminal_str(condition, true)
                );
            }
        }
    }
    if holding.is_empty() {
        exit
    } else {
        exit.and(Exit::Condition)
    }
}

/// How a run ends, and the outputs that are written: with `--quiet-ok`, standard output only where there is something to
/// say. Conditions, where there are any, decide whether what failed is.
pub(super) fn settled(
    args: &ReadArgs,
    rules: &Rules,
    mut targets: Vec<Target>,
    report: &Report,
    findings: &Findings,
) -> (Exit, Vec<Target>) {
    let exit = ended(args, rules, report, findings);
    let is_harmless = !rules.is_empty() || report.verdict.mark == Mark::Note;
    let is_well = exit == Exit::Done && is_harmless;
    targets.retain(|target| !(args.rules.quiet_ok && is_well) || target.place != Place::Stdout);
    (exit, targets)
}
