//! What is kept from run to run.

use ftpwhy::diagnostic::DiagnosticKind;
use ftpwhy::limits;
use ftpwhy::run::Wanted;
use ftpwhy::state::{Log, State};
use ftpwhy::tally::Tallies;

use crate::cli::ftpwhy;
use crate::state::{busy_log, go_on};
use crate::support::{Temporary, settings};

fn told(tallies: &Tallies, kind: DiagnosticKind, words: &str) -> bool {
    let mut all = tallies.diagnostics.iter();
    all.any(|(other, reason, _)| other == kind && reason.contains(words))
}

#[test]
fn a_state_that_is_too_long_is_refused_unread() {
    let folder = Temporary::new();
    let log = folder.file("x.log", busy_log(1, 3).as_bytes());
    let state = folder.path("state");
    let file = std::fs::File::create(&state).unwrap();
    file.set_len(limits::STATE_BYTES + 1).unwrap();
    let output = ftpwhy(&[log.to_str().unwrap(), "--state", state.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("longer than any state"));
    assert_eq!(state.metadata().unwrap().len(), limits::STATE_BYTES + 1);
}

#[test]
fn of_too_many_logs_those_that_no_run_found_for_longest_are_forgotten() {
    let folder = Temporary::new();
    let path = folder.file("x.log", busy_log(1, 3).as_bytes());
    let settings = settings(&[&path], Wanted::Tallies);
    let log = |id: u64| Log {
        id,
        seen: id,
        ..Log::default()
    };
    let most = limits::STATE_LOGS as u64;
    let mut state = State {
        runs: most,
        next_log: most,
        logs: (1..most).map(log).collect(),
        ..State::default()
    };
    let one_more = go_on(&settings, &mut state, false).tallies;
    assert!(!told(&one_more, DiagnosticKind::LimitReached, "STATE_LOGS"));
    assert_eq!(state.logs.len(), limits::STATE_LOGS);
    std::fs::write(&path, busy_log(2, 3)).unwrap();
    let too_many = go_on(&settings, &mut state, false).tallies;
    assert!(told(&too_many, DiagnosticKind::LimitReached, "STATE_LOGS"));
    assert_eq!(state.logs.len(), limits::STATE_LOGS);
    assert_eq!(state.logs[0].id, 2);
}

#[test]
fn a_renamed_log_is_looked_for_in_the_youngest_of_its_rotations() {
    for (others, is_found) in [(limits::ROTATIONS - 1, true), (limits::ROTATIONS, false)] {
        let folder = Temporary::new();
        let log = busy_log(1, 9);
        let path = folder.file("x.log", &log.as_bytes()[..log.len() / 2]);
        let settings = settings(&[&path], Wanted::Tallies);
        let mut state = State::default();
        go_on(&settings, &mut state, false);
        for number in 1..=others {
            folder.file(&format!("x.log.{number}"), b"other\n");
        }
        folder.file(&format!("x.log.{}", others + 1), log.as_bytes());
        std::fs::write(&path, busy_log(2, 3)).unwrap();
        let next = go_on(&settings, &mut state, false).tallies;
        assert_eq!(
            told(&next, DiagnosticKind::Carried, "renamed"),
            is_found,
            "{others}"
        );
        assert_eq!(
            told(&next, DiagnosticKind::Changed, "not among the inputs"),
            !is_found
        );
    }
}

#[test]
fn a_log_is_known_by_bounded_pieces() {
    let folder = Temporary::new();
    let path = folder.file("x.log", busy_log(1, 40).as_bytes());
    let mut state = State::default();
    go_on(&settings(&[&path], Wanted::Tallies), &mut state, false);
    let print = &state.logs[0].print;
    let bound = limits::PRINT_BYTES as u64;
    assert!(path.metadata().unwrap().len() > 2 * bound);
    assert_eq!((print.head.length, print.tail.length), (bound, bound));
}

/// Who can write a state can't make a run endless with it.
#[test]
fn a_kept_line_is_not_told_more_often_than_a_log_could_say() {
    let folder = Temporary::new();
    let line = "Nov 22 08:16:55 ftp1 pure-ftpd: (?@192.0.2.7) [WARNING] Authentication failed for user [bob]\n";
    let path = folder.file("x.log", line.as_bytes());
    let settings = settings(&[&path], Wanted::Tallies);
    for times in [limits::LOG_REPETITIONS, u32::MAX] {
        let mut state = State::default();
        go_on(&settings, &mut state, false);
        state.logs[0].carried.records[0].again = Some(times);
        let told = go_on(&settings, &mut state, true).tallies;
        let replies = told.by_vantage.values().map(|tally| tally.implied.total());
        assert_eq!(replies.sum::<u64>(), u64::from(limits::LOG_REPETITIONS));
    }
}

#[test]
fn times_that_go_back_a_little_are_not_told() {
    for (back, is_told) in [
        (limits::LOG_BACK_SECONDS, false),
        (limits::LOG_BACK_SECONDS + 1, true),
    ] {
        let folder = Temporary::new();
        let line = |seconds: u64| {
            let (minute, second) = (seconds / 60, seconds % 60);
            format!(
                "Sun Nov 22 09:{minute:02}:{second:02} 2026 [pid 501] CONNECT: Client \"192.0.2.7\"\n"
            )
        };
        let path = folder.file("x.log", line(600).as_bytes());
        let settings = settings(&[&path], Wanted::Tallies);
        let mut state = State::default();
        go_on(&settings, &mut state, false);
        std::fs::write(&path, line(600) + &line(600 - back)).unwrap();
        let next = go_on(&settings, &mut state, false).tallies;
        assert_eq!(
            told(&next, DiagnosticKind::Changed, "go back"),
            is_told,
            "{back}"
        );
    }
}
