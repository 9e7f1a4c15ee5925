//! Anything typed as a condition on a report: what is wrong is told with its place; what is right means the same with blanks
//! around it, in brackets, twice, and in another order; and of more, equal and less exactly one holds.
//!
//! An input is: what is typed, and in the next lines a second condition and a number.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use ftpwhy::filter::Wrong;
use ftpwhy::report::{Options, Report};
use ftpwhy::tally::Tallies;
use ftpwhy::threshold::{Condition, Measured};

use super::shown::Places;
use super::{log, seeds as recorded};

/// Sums over a recorded log, and the causes that a report before had.
static HEARD: LazyLock<(Tallies, BTreeSet<String>)> = LazyLock::new(|| {
    let read = recorded::logs().into_iter().find_map(|lines| {
        let format = ftpwhy::log::Detected::by_head(&lines)?;
        let tallies = log::read(format, &[&lines], 1 << 20, Places::Hidden).tallies;
        let heard = tallies.by_vantage.values().next()?;
        let is_of_use = heard.observed.total() > 0 && !heard.waits.is_empty();
        is_of_use.then_some(tallies)
    });
    let before = ["path-not-found".to_owned()].into();
    (read.expect("a log with replies"), before)
});

/// What makes it hold, if it does.
fn holds(condition: &Condition) -> Option<String> {
    let (tallies, before) = &*HEARD;
    condition.holds(&Measured {
        report: &Report::new(tallies, &Options::default()),
        tally: tallies.by_vantage.values().next(),
        before: Some(before),
    })
}

fn read(typed: &str) -> Result<Condition, Wrong> {
    Condition::read("--fail-on", typed)
}

/// Whether it holds; `None` where it is no condition.
fn is_true(typed: &str) -> Option<bool> {
    let condition = read(typed).ok()?;
    Some(holds(&condition).is_some())
}

fn assert_told(wrong: &Wrong, typed: &str) {
    assert!(wrong.at <= typed.chars().count(), "{wrong:?}");
    let told = wrong.told();
    assert_eq!(told.lines().count(), 3, "{told:?}");
    let bad = told.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(bad, None, "{told:?}");
    assert!(told.ends_with('^') && told.starts_with("--fail-on: "));
}

/// Reads conditions.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.split('\n');
    let mut next = || lines.next().unwrap_or_default();
    let (typed, other, number) = (next(), next(), next());
    assert_compared(typed, number);
    let condition = match read(typed) {
        Ok(condition) => condition,
        Err(wrong) => return assert_told(&wrong, typed),
    };
    let told = holds(&condition);
    for same in [format!("  {typed}\t "), format!("({typed})")] {
        // Brackets have a bound.
        if let Ok(same) = read(&same) {
            assert_eq!(holds(&same), told, "{typed:?}");
        }
    }
    let truth = told.is_some();
    let both = |one: &str, word: &str, other: &str| is_true(&format!("({one}) {word} ({other})"));
    for word in ["and", "or"] {
        assert!(both(typed, word, typed).is_none_or(|same| same == truth));
    }
    if let Some(other_truth) = is_true(other) {
        let expected = |word| match word {
            "and" => truth && other_truth,
            _ => truth || other_truth,
        };
        for word in ["and", "or"] {
            let met = both(typed, word, other);
            assert_eq!(met, both(other, word, typed));
            assert!(
                met.is_none_or(|met| met == expected(word)),
                "{typed:?} {other:?}"
            );
        }
    }
}

/// Holds one thing that is measured against one number.
fn assert_compared(metric: &str, number: &str) {
    let is_one = |part: &str| !part.is_empty() && !part.contains(char::is_whitespace);
    // With a bracket it may end what a metric began: `cause([a` and `1]*)` is a pattern, and no number.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '%');
    let is_number =
        number.starts_with(|c: char| c.is_ascii_digit()) && number.chars().all(is_plain);
    if !is_one(metric) || metric.ends_with(['<', '>', '=']) || !is_number {
        return;
    }
    let compared = |relation: &str| is_true(&format!("{metric}{relation}{number}"));
    let all = [">", "=", "<", ">=", "<="].map(compared);
    let [
        Some(more),
        Some(equal),
        Some(less),
        Some(at_least),
        Some(at_most),
    ] = all
    else {
        assert_eq!(all, [None; 5], "{metric:?} {number:?}");
        return;
    };
    let holding = [more, equal, less].iter().filter(|holds| **holds).count();
    assert_eq!(holding, 1, "{metric:?} {number:?}");
    assert_eq!((at_least, at_most), (more || equal, less || equal));
}

/// Conditions of all kinds, with others and numbers.
pub fn seeds() -> Vec<Vec<u8>> {
    let pairs = [
        ("failures", "sessions>2", "1"),
        ("failures>0", "rate(5xx)>2%", "0"),
        ("rate(failed)", "cause(path-*)", "50%"),
        ("rate(4xx|5xx,!550)>=0.2", "unread<1%", "0.02"),
        ("count(550)", "count(421) or failures", "3"),
        ("cause(path-not-found,auth-*)", "new-cause", "1"),
        ("cause([a", "failures", "1]*)"),
        ("p95(PASS)", "p50(retr)>=100ms", "3s"),
        ("p999(RETR)>1.5min", "p100(STOR)<1h", "250ms"),
        (
            "(failures>0 or sessions=1) and replies",
            "((new-cause))",
            "2",
        ),
        ("unread", "failures and sessions or replies", "1.5%"),
        ("rate(5xx) > 2 %", "p95(LIST)>3", "18446744073709551615"),
        ("failures>>1", "rate(6xx", "x"),
    ];
    let lines = pairs.map(|(one, other, number)| format!("{one}\n{other}\n{number}"));
    lines.map(String::into_bytes).to_vec()
}
