//! What some sessions of our own are counted as.

use super::*;

#[test]
fn a_session_is_counted_to_the_last_reply() {
    let talk = Talk::new(&[
        "< 220 ready",
        "> USER alice",
        "< 331 password",
        "> PASS x",
        "< 530 no",
        "~ 530 no",
    ]);
    let mut tallies = Tallies::default();
    talk.count(
        &[failure("auth-bad-credentials", "PASS", 530, "no")],
        &mut tallies,
    );
    let tally = &tallies.by_vantage[&Vantage::Wire];
    let code = |n| ReplyCode::new(n).unwrap();
    let observed: Vec<_> = tally
        .observed
        .iter()
        .map(|(c, n)| (c.number(), n))
        .collect();
    assert_eq!(observed, [(220, 1), (331, 1), (530, 1)]);
    assert_eq!(tally.implied.get(&code(530)), 1);
    assert_eq!(tally.exchanges.get(&(Some(Verb::CONNECT), code(220))), 1);
    assert_eq!(
        tally.exchanges.get(&(Some(Verb::new(b"PASS")), code(530))),
        1
    );
    assert_eq!(tally.waits[&Verb::new(b"USER")].max().as_millis(), 100);
    assert_eq!((tally.sessions.total, tally.sessions.failed), (1, 1));
    let start = tally.span.first().unwrap().date_time(&TimeZone::UTC);
    assert_eq!(start, "2026-03-01 03:00:00");
}

#[test]
fn ten_failed_logins_over_sessions_are_brute_force_and_nine_are_not() {
    let mut tallies = Tallies::default();
    for number in 0..19 {
        let mut talk = Talk::new(&["> USER alice"]);
        talk.number = number;
        talk.client = [192, 0, 2, u8::from(number >= 10)];
        talk.count(
            &[failure("auth-bad-credentials", "PASS", 530, "no")],
            &mut tallies,
        );
    }
    let causes = tallies.by_vantage[&Vantage::Wire].judged_causes();
    let counts: Vec<_> = causes
        .iter()
        .map(|((id, _), t)| (id.name(), t.count, t.clients.count()))
        .collect();
    assert_eq!(
        counts,
        [("abuse-brute-force", 10, 1), ("auth-bad-credentials", 9, 1)]
    );
}

/// Of more clients than are kept, those that are known to guess are told, and no failure is lost or told twice.
#[test]
fn guesses_of_more_clients_than_are_kept_are_taken_from_the_others() {
    let mut tallies = Tallies::default();
    let refused = failure("auth-bad-credentials", "PASS", 530, "no");
    let guesses = vec![refused.clone(); usize::try_from(limits::BRUTE_FORCE_LOGINS).unwrap()];
    let clients = u32::try_from(limits::DISTINCT_EXACT).unwrap() + 500;
    for number in 0..clients {
        let [_, _, high, low] = number.to_be_bytes();
        let user = format!("> USER u{number}");
        let mut talk = Talk::new(&[&user]);
        talk.number = number.into();
        let guesses_here = number.is_multiple_of(2);
        talk.client = [if guesses_here { 10 } else { 172 }, high, low, 1];
        let failures = if guesses_here {
            &guesses[..]
        } else {
            &guesses[..1]
        };
        talk.count(failures, &mut tallies);
    }
    let (guessing, honest) = (u64::from(clients.div_ceil(2)), u64::from(clients / 2));
    let tally = &tallies.by_vantage[&Vantage::Wire];
    assert!(tally.clients.is_sample());
    let causes = tally.judged_causes();
    let count = |name: &str| causes[&(cause(name), false)].count;
    let (found, others) = (count("abuse-brute-force"), count("auth-bad-credentials"));
    let all = limits::BRUTE_FORCE_LOGINS * guessing + honest;
    assert_eq!(found + others, all);
    assert!(found > all / 2 && found.is_multiple_of(limits::BRUTE_FORCE_LOGINS));
    assert!(others >= honest);
    let sessions = |name: &str| causes[&(cause(name), false)].sessions;
    let told = sessions("abuse-brute-force") + sessions("auth-bad-credentials");
    assert_eq!(told, u64::from(clients));
}

/// A guesser with more names than are listed, whose failures have more proofs than are kept.
#[test]
fn names_examples_and_proofs_are_few_and_the_numbers_are_whole() {
    let names: Vec<String> = (0..200).map(|n| format!("> USER u{n}")).collect();
    let mut talk = Talk::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut failure = failure("auth-bad-credentials", "PASS", 530, "no");
    failure.proofs = vec![failure.proofs[0].clone(); 3 * limits::PROOFS];
    let mut tallies = Tallies::default();
    let sessions = 4 * limits::EXEMPLARS as u64;
    for number in 0..sessions {
        talk.number = number;
        talk.count(std::slice::from_ref(&failure), &mut tallies);
    }
    let tally = &tallies.by_vantage[&Vantage::Wire];
    let cause = tally.causes.values().next().unwrap();
    assert_eq!((cause.count, cause.sessions), (sessions, sessions));
    assert_eq!(cause.exemplars.iter().count(), limits::EXEMPLARS);
    assert!(
        cause
            .exemplars
            .iter()
            .all(|e| e.proofs.len() == limits::PROOFS)
    );
    let (_, client) = tally.clients.iter().next().unwrap();
    assert_eq!(
        (client.sessions, client.failed_logins),
        (sessions, sessions)
    );
    assert!(!client.users.is_exact());
    let about = client.users.count();
    assert!(
        about >= limits::DISTINCT_PER_CLIENT as u64 && about < 400,
        "{about}"
    );
}

/// Behind TLS every data connection is guessed, and no command tells of it.
#[test]
fn data_connections_of_one_session_are_kept_up_to_a_bound() {
    let lines: Vec<String> = (0..3 * limits::KEPT_EXCHANGES)
        .map(|n| format!("= {}", n + 1))
        .collect();
    let session = Talk::new(&lines.iter().map(String::as_str).collect::<Vec<_>>()).session();
    assert!(session.data.len() <= limits::KEPT_EXCHANGES);
    let newest = session.data.last().unwrap().announced_by;
    assert_eq!(newest, origin(3 * limits::KEPT_EXCHANGES as u64));
    let lines = vec!["+ RETR x"; 3 * limits::KEPT_EXCHANGES];
    let session = Talk::new(&lines).session();
    assert!(session.transfers.len() <= limits::KEPT_EXCHANGES);
    assert_eq!(session.bytes(), 3000 * limits::KEPT_EXCHANGES as u64);
}

#[test]
fn sessions_are_counted_with_what_they_lost_and_did_not_keep() {
    let mut tallies = Tallies::default();
    let mut benign = failure("client-command-unknown", "XFOO", 500, "no");
    benign.benign = true;
    let refused = failure("path-not-found", "RETR", 550, "no");
    let talks: [(&[&str], &[Failure]); 4] = [
        (
            &["< 220 hi", "> USER bob", "< 331 pw", "> PASS x", "< 230 in"],
            &[],
        ),
        (
            &["< 220 hi", "lost", "> XFOO", "< 500 no", "lost"],
            &[benign],
        ),
        (
            &[
                "< 220 hi", "tls", "> RETR x", "< 550 no", "> RETR y", "< 550 no",
            ],
            &[refused.clone(), refused.clone()],
        ),
        (&["< 220 hi", "> RETR x", "< 550 no"], &[refused]),
    ];
    for (number, (lines, failures)) in (0..).zip(talks) {
        let mut talk = Talk::new(lines);
        talk.number = number;
        talk.count(failures, &mut tallies);
    }
    let tally = &tallies.by_vantage[&Vantage::Wire];
    let sessions = &tally.sessions;
    assert_eq!(
        (sessions.total, sessions.logged_in, sessions.failed),
        (4, 1, 2)
    );
    assert_eq!((sessions.commands, sessions.missing), (6, (200, 2)));
    assert_eq!(
        (sessions.protected, sessions.joined, sessions.hidden),
        (1, 0, 0)
    );
    let causes = &tally.causes;
    let of = |name: &str, benign: bool| &causes[&(cause(name), benign)];
    let lost = of("path-not-found", false);
    assert_eq!((lost.count, lost.sessions, lost.protected), (3, 2, 2));
    assert_eq!((lost.clients.count(), lost.users.count()), (1, 0));
    assert_eq!(of("client-command-unknown", true).count, 1);
}

#[test]
fn a_login_fails_by_a_refusal_of_who_it_is() {
    let fails = |name: &str, verb: &str, benign: bool| {
        let mut failure = failure(name, verb, 530, "no");
        failure.benign = benign;
        cause::is_failed_login(&failure)
    };
    for verb in ["USER", "PASS", "ACCT"] {
        assert!(fails("auth-bad-credentials", verb, false), "{verb}");
        assert!(!fails("limit-connections-total", verb, false), "{verb}");
        assert!(!fails("auth-bad-credentials", verb, true), "{verb}");
    }
    assert!(fails("abuse-brute-force", "PASS", false));
    assert!(!fails("auth-bad-credentials", "RETR", false));
    assert!(cause::refused_login(cause("auth-bad-credentials")));
    assert!(!cause::refused_login(cause("auth-slow-login")));
}

/// Some inputs of one run are numbered as in the whole; no two parts may have the same.
#[test]
fn parts_of_one_run_have_inputs_of_their_own() {
    let part = |number: u32, passed_over: bool| {
        let mut tallies = Tallies::default();
        let input = InputTally {
            path: format!("{number}.log").as_bytes().into(),
            ..InputTally::default()
        };
        let inputs = if passed_over {
            &mut tallies.passed_over
        } else {
            &mut tallies.inputs
        };
        inputs.insert(SourceId(0), input);
        tallies.place(&[SourceId(number)]);
        tallies
    };
    let mut whole = part(3, false);
    assert_eq!(whole.inputs.keys().collect::<Vec<_>>(), [&SourceId(3)]);
    assert!(whole.merge_part(part(5, false)).is_ok());
    assert!(whole.merge_part(part(7, true)).is_ok());
    for (number, passed_over) in [(3, false), (5, true), (7, false), (7, true)] {
        let again = part(number, passed_over);
        let path = whole.merge_part(again).unwrap_err();
        assert_eq!(path.bytes(), format!("{number}.log").as_bytes());
    }
    assert_eq!((whole.inputs.len(), whole.passed_over.len()), (2, 1));
}
