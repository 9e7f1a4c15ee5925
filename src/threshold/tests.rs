//! Conditions that are read, that hold, and that are wrong.

use super::*;
use crate::report::Options;
use crate::tally::Tallies;
use crate::tally::tests::{Talk, failure};

/// One session of five replies, each after a tenth of a second, of which one failed.
fn tallies() -> Tallies {
    let talk = Talk::new(&[
        "< 220 ready",
        "> USER alice",
        "< 331 password",
        "> PASS hunter2",
        "< 230 in",
        "> RETR x",
        "< 550 No such file",
        "> QUIT",
        "< 221 bye",
    ]);
    let mut tallies = Tallies::default();
    let failure = failure("path-not-found", "RETR", 550, "RETR x -> 550 No such file");
    talk.count(&[failure], &mut tallies);
    tallies
}

fn holds(condition: &str, before: Option<&[&str]>) -> Option<String> {
    let tallies = tallies();
    let report = Report::new(&tallies, &Options::default());
    let before = before.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect());
    let measured = Measured {
        report: &report,
        tally: tallies.by_vantage.values().next(),
        before: before.as_ref(),
    };
    let condition = Condition::read("--fail-on", condition).unwrap();
    condition.holds(&measured)
}

#[test]
fn each_metric_is_held_against_its_bound() {
    for (condition, told) in [
        ("failures>0", "failures>0 (1)"),
        ("failures", "failures (1)"),
        ("sessions = 1", "sessions = 1 (1)"),
        ("replies>=5", "replies>=5 (5)"),
        ("count(550) > 0", "count(550) > 0 (1)"),
        ("count(5xx,!551)", "count(5xx,!551) (1)"),
        ("rate(5xx)>19.9%", "rate(5xx)>19.9% (20.0 %)"),
        ("rate(5xx) >= 20 %", "rate(5xx) >= 20 % (20.0 %)"),
        ("rate(4xx|5xx)<=0.2", "rate(4xx|5xx)<=0.2 (20.0 %)"),
        ("rate(failed)>99%", "rate(failed)>99% (100.0 %)"),
        ("cause(path-not-found)", "cause(path-not-found) (1)"),
        ("cause(path-*)>0", "cause(path-*)>0 (1)"),
        ("p95(RETR)<1h", "p95(RETR)<1h (0.1 s)"),
        ("p50(retr)>=100ms", "p50(retr)>=100ms (0.1 s)"),
        ("failures and sessions<2", "failures (1) and sessions<2 (1)"),
        ("count(421)>0 or failures>0", "failures>0 (1)"),
        (
            "(count(421) or failures) and sessions",
            "failures (1) and sessions (1)",
        ),
    ] {
        assert_eq!(holds(condition, None).as_deref(), Some(told), "{condition}");
    }
    for condition in [
        "failures>1",
        "failures<1",
        "rate(5xx)>20%",
        "rate(2xx,3xx)<80%",
        "cause(storage-full)",
        "p99(RETR)>3s",
        "p95(STOR)>0s",
        "unread>1%",
        "count(421) or failures>1",
        "count(421) and failures or sessions>1",
    ] {
        assert_eq!(holds(condition, None), None, "{condition}");
    }
}

#[test]
fn a_cause_is_new_only_against_an_earlier_report() {
    let told = Some("new-cause (path-not-found 1)".to_owned());
    assert_eq!(holds("new-cause", Some(&[])), told);
    assert_eq!(holds("new-cause", Some(&["path-not-found"])), None);
    assert_eq!(holds("new-cause", None), None);
    let needs = |condition| {
        Condition::read("--fail-on", condition)
            .unwrap()
            .needs_before()
    };
    assert!(needs("failures>3 and (new-cause or sessions)"));
    assert!(!needs("failures>3"));
}

#[test]
fn a_fault_points_at_the_character() {
    for (typed, at) in [
        ("", 0),
        ("rate(5xx)>", 10),
        ("rate(5xx)>2 apples", 12),
        ("rate(5xx)>2% nor failures", 13),
        ("rate(5xx)>2% or", 13),
        ("rate(9xx)>2%", 5),
        ("rate>2%", 4),
        ("(failures", 9),
        ("failures)", 8),
        ("failures(1)", 9),
        ("fail>1", 0),
        ("failures>2%", 9),
        ("p95(RE TR)>1s", 6),
        ("p95(RETR)>1%", 10),
        ("failures and cause(no-such)", 20),
        ("failures>99999999999999999999", 9),
    ] {
        let wrong = Condition::read("--fail-on", typed).unwrap_err();
        assert_eq!(wrong.at, at, "{typed}: {}", wrong.why);
    }
}

#[test]
fn brackets_without_end_are_refused() {
    let deep = "(".repeat(100_000);
    assert!(Condition::read("--fail-on", &deep).is_err());
}

#[test]
fn what_was_measured_is_compared_exactly() {
    // One of three is more than 33.333333 % and less than 33.333334 %.
    let value = Value {
        part: 1,
        whole: 3,
        unit: Unit::Share,
    };
    let bound = |typed: &str| match Condition::read("--warn", typed).unwrap().0 {
        Node::One(one) => one.bound,
        _ => 0,
    };
    let more = |bound: u64| value.part * MILLION > value.whole * u128::from(bound);
    assert!(more(bound("rate(5xx)>33.3333%")));
    assert!(!more(bound("rate(5xx)>33.3334%")));
}

/// As a script that puts a condition together may type it.
#[test]
fn a_fault_behind_very_many_characters_has_its_place() {
    let typed = " ".repeat(70_000) + "nothing";
    let wrong = Condition::read("--fail-on", &typed).unwrap_err();
    assert_eq!(wrong.at, 70_000);
    let mark = wrong.told().lines().last().map(str::len);
    assert_eq!(mark, Some(8 + 70_000 + 1));
}
