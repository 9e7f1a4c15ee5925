//! The sums in a report, as anybody may have written them: what is taken comes back as the same bytes, adds up in either
//! order, and can be shown; what is not is told in words.
//!
//! An input is the member `tallies` of a report.

use ftpwhy::diagnostic::{DiagnosticKind, Origin, SourceId};
use ftpwhy::report::{self, Options, Report, earlier};
use ftpwhy::tally::written::{self, Written};
use ftpwhy::tally::{InputTally, Tallies};

use super::shown::{Places, Shown};
use super::{log, seeds as recorded};

fn bytes(tallies: &Tallies) -> String {
    serde_json::to_string(&Written::new(tallies)).expect("tallies can be written")
}

fn sum(one: &Tallies, other: &Tallies) -> Tallies {
    let mut sum = Tallies::default();
    sum.merge(one.clone());
    sum.merge(other.clone());
    sum
}

/// Reads sums.
pub fn check(data: &[u8]) {
    let Ok(json) = std::str::from_utf8(data) else {
        return;
    };
    let whole = format!("{{\"schema\":\"ftpwhy.report/1\",\"tallies\":{json}}}");
    let of_report = earlier::tallies(whole.as_bytes());
    let tallies = match written::read(json) {
        Ok(tallies) => tallies,
        Err(why) => {
            let bad = why.bytes().find(|b| !matches!(b, b' '..=b'~'));
            assert_eq!(bad, None, "{why:?}");
            return;
        }
    };
    assert_eq!(of_report.as_deref(), Ok(std::slice::from_ref(&tallies)));
    let canonical = bytes(&tallies);
    let again = written::read(&canonical).expect("what was written is read");
    assert_eq!(again, tallies);
    assert_eq!(bytes(&again), canonical);
    let [one, other] =
        ["one.json", "other.json"].map(|name| tallies.clone().of_report(&name.into()));
    let both = sum(&one, &other);
    assert_eq!(bytes(&both), bytes(&sum(&other, &one)));
    assert_eq!(bytes(&sum(&both, &one)), bytes(&sum(&one, &both)));
    show(&tallies, &both);
}

/// Shows both in every form.
fn show(tallies: &Tallies, both: &Tallies) {
    for tallies in [tallies, both] {
        let shown = Shown {
            tallies: tallies.clone(),
            ..Shown::default()
        };
        shown.assert_fit_to_show();
    }
    let [before, after] = [tallies, both].map(|tallies| Report::new(tallies, &Options::default()));
    let report = after.with_earlier(before).with_sums(both);
    let forms = [
        report::csv::report,
        report::markdown::report,
        report::html::report,
        report::metrics::report,
        report::json::report,
    ];
    for form in forms {
        assert!(!form(&report).is_empty());
    }
}

/// Sums over the recorded logs, and over all of them.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut all = Tallies::default();
    let mut seeds = Vec::new();
    for lines in recorded::logs() {
        let Some(format) = ftpwhy::log::Detected::by_head(&lines) else {
            continue;
        };
        let mut tallies = log::read(format, &[&lines], 1 << 20, Places::Shown).tallies;
        for input in tallies.inputs.values_mut() {
            input.path = "a.log".into();
        }
        seeds.push(bytes(&tallies).into_bytes());
        all.merge(tallies.of_report(&"h1.json".into()));
    }
    let at = Origin {
        source: SourceId(999),
        ..Origin::default()
    };
    all.diagnostics.add(DiagnosticKind::NotRead, at, "no log");
    all.passed_over.insert(SourceId(999), InputTally::default());
    seeds.push(bytes(&all).into_bytes());
    seeds.push(bytes(&Tallies::default()).into_bytes());
    seeds
}
