//! What a conversation leaves behind: exchanges, what was in force when each began, and sums.

use super::*;
use crate::tally::tests::{Kept, Talk};

/// The session of what is said behind a greeting.
fn session(lines: &[&str]) -> Session {
    Talk::new(&[&["< 220 hi"], lines].concat()).session()
}

/// What was in force when the last command was sent.
fn before_last(lines: &[&str]) -> State {
    session(lines).exchanges.last().unwrap().state
}

#[test]
fn an_exchange_knows_its_verb_code_and_times() {
    let lines = [
        "> USER bob",
        "< 331 pw",
        "> RETR x",
        "< 150 go",
        "< 226 done",
        "> NOOP",
    ];
    let session = session(&lines);
    let told: Vec<_> = session
        .exchanges
        .iter()
        .map(|e| (e.verb(), e.code().map(ReplyCode::number), e.is_unanswered()))
        .collect();
    let expected = [
        (Some(Verb::CONNECT), Some(220), false),
        (Some(Verb::USER), Some(331), false),
        (Some(Verb::RETR), Some(226), false),
        (Some(Verb::new(b"NOOP")), None, true),
    ];
    assert_eq!(told[1..], expected[1..]);
    assert_eq!((told[0].1, told[0].2), (Some(220), false));
    let [_, user, retr, noop] = &session.exchanges[..] else {
        panic!("{} exchanges", session.exchanges.len());
    };
    // Each line comes a tenth of a second after the one before; the first reply ends the wait, the last one settles.
    assert_eq!(user.waited(), Some(Duration::from_millis(100)));
    assert_eq!(retr.waited(), Some(Duration::from_millis(100)));
    assert_eq!(
        retr.at().unwrap().since(retr.sent.unwrap()),
        Duration::from_millis(200)
    );
    assert_eq!((noop.at(), noop.waited()), (noop.sent, None));
    assert_eq!(session.duration(), Some(Duration::from_millis(900)));
}

#[test]
fn what_is_in_force_changes_by_what_was_granted() {
    let login = ["> USER bob", "< 331 pw", "> PASS x", "< 230 in"];
    let after = |lines: &[&str]| before_last(&[lines, &["> NOOP", "< 200 ok"]].concat());
    assert!(after(&login).logged_in);
    assert!(!after(&login[..2]).logged_in);
    assert!(after(&["> USER anonymous", "< 230 in"]).logged_in);
    let again = |answer| after(&[&login[..], &["> REIN", answer]].concat());
    assert!(!again("< 220 ready").logged_in);
    assert!(again("< 502 no").logged_in);
    assert_eq!(
        after(&["> PASS x", "< 530 no", "> PASS y", "< 530 no"]).failed_logins,
        2
    );
    assert_eq!(after(&login).failed_logins, 0);
    let ascii = |lines: &[&str]| after(lines).ascii;
    assert!(ascii(&["> TYPE A", "< 200 ok"]) && ascii(&["> TYPE a n", "< 200 ok"]));
    assert!(
        !ascii(&["> TYPE A", "< 504 no"])
            && !ascii(&["> TYPE A", "< 200 ok", "> TYPE I", "< 200 ok"])
    );
    let coded = |lines: &[&str]| after(lines).coded;
    assert!(coded(&["> MODE Z", "< 200 ok"]));
    assert!(
        !coded(&["> MODE Z", "< 504 no"])
            && !coded(&["> MODE Z", "< 200 ok", "> MODE S", "< 200 ok"])
    );
    let astray = |lines: &[&str]| after(lines).astray;
    assert!(astray(&["> CWD x", "< 550 no"]) && astray(&["> CDUP", "< 550 no"]));
    assert!(
        !astray(&["> CWD x", "< 250 ok"])
            && !astray(&["> CWD x", "< 550 no", "> CWD y", "< 250 ok"])
    );
}

#[test]
fn tls_is_agreed_upon_by_234_alone() {
    let agreed = |answer| session(&["> AUTH TLS", answer]).agreed_on_tls;
    assert!(agreed("< 234 go"));
    assert!(!agreed("< 334 more") && !agreed("< 500 no"));
}

#[test]
fn replies_that_may_be_one_of_several_are_counted_and_have_answered() {
    let session = session(&["> STOR a", "?", "> STOR b", "?", "c", "> NOOP", "< 200 ok"]);
    let counts: Vec<_> = session
        .candidates
        .iter()
        .map(|(reply, count)| (reply.codes.to_vec(), *count))
        .collect();
    assert_eq!(counts, [(vec![426, 451], 2)]);
    let code = session.exchanges.last().unwrap().code();
    assert_eq!(code.map(ReplyCode::number), Some(200));
}

#[test]
fn transfers_are_counted_with_their_bytes() {
    let session = session(&["+ RETR a", "+ STOR b", "+ RETR c"]);
    assert_eq!((session.transfer_count(), session.bytes()), (3, 3000));
    let session = Session {
        elided_transfers: 7,
        elided_bytes: 50,
        ..session
    };
    assert_eq!((session.transfer_count(), session.bytes()), (10, 3050));
}

/// The arguments of exchanges that were kept.
fn arguments(session: &Session) -> Vec<usize> {
    let commands = session.exchanges.iter().filter_map(|e| e.command.as_ref());
    let arguments = commands.filter_map(|c| c.argument.as_ref());
    arguments
        .map(|a| std::str::from_utf8(a.bytes()).unwrap().parse().unwrap())
        .collect()
}

#[test]
fn of_a_long_session_the_newest_half_stays_and_a_part_of_older_failures() {
    let long = |answer: &str, count: usize| {
        let lines = (0..count).flat_map(|n| [format!("> CWD {n}"), answer.to_owned()]);
        let lines: Vec<String> = lines.collect();
        session(&lines.iter().map(String::as_str).collect::<Vec<_>>())
    };
    // With the greeting it is one too many.
    let most = limits::KEPT_EXCHANGES;
    let succeeded = long("< 250 ok", most);
    let newest: Vec<_> = (most / 2..most).collect();
    assert_eq!(arguments(&succeeded), newest);
    assert_eq!(
        (succeeded.elided, succeeded.elided_failures),
        (most as u64 / 2 + 1, 0)
    );
    let failed = long("< 550 no", most);
    let newest: Vec<_> = (most / 4..most).collect();
    assert_eq!(arguments(&failed), newest);
    assert_eq!(
        (failed.elided, failed.elided_failures),
        (most as u64 / 4 + 1, most as u64 / 4)
    );
    // As long as there is room nothing goes.
    assert_eq!(arguments(&long("< 250 ok", most - 1)).len(), most - 1);
}

#[test]
fn of_commands_without_an_answer_the_oldest_are_given_up() {
    let most = limits::PENDING_COMMANDS;
    let sent = (0..most + 3).map(|n| format!("> SIZE {n}"));
    let lines: Vec<String> = sent
        .chain((0..most).map(|n| format!("< 213 {n}")))
        .collect();
    let session = session(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let answered = session
        .exchanges
        .iter()
        .filter(|e| e.command.is_some() && e.last.is_some());
    let unanswered = session.exchanges.iter().filter(|e| e.is_unanswered());
    assert_eq!(answered.count(), most);
    assert_eq!(unanswered.count(), 3);
    assert!(session.exchanges[1..=3].iter().all(Exchange::is_unanswered));
}

#[test]
fn where_many_sessions_are_open_each_keeps_the_newest_few() {
    const ROOM: usize = 100;
    const SESSIONS: usize = 20;
    let talk = |number: usize| {
        let line = |n| if n == 3 { "> CWD x" } else { "> NOOP" };
        let answer = |n| if n == 3 { "< 550 no" } else { "< 200 ok" };
        let lines = (0..30).flat_map(|n| [line(n), answer(n)]);
        Talk {
            number: number as u64,
            end: None,
            ..Talk::new(&lines.collect::<Vec<_>>())
        }
    };
    let told = |count: usize| {
        let (mut builder, mut kept) = (Builder::of(ROOM), Kept::default());
        (0..count).for_each(|number| talk(number).tell_to(&mut builder, &mut kept));
        builder.finish(&mut kept);
        kept.0
    };
    // As long as there is room nothing goes.
    assert_eq!(Builder::default().room, limits::OPEN_EXCHANGES);
    assert!(told(3).iter().all(|session| session.exchanges.len() == 31));
    let sessions = told(SESSIONS);
    let left: usize = sessions.iter().map(|s| s.exchanges.len()).sum();
    assert!(left <= ROOM + SESSIONS * limits::FEWEST_EXCHANGES, "{left}");
    for session in &sessions {
        assert_eq!(session.elided + session.exchanges.len() as u64, 31);
        assert_eq!((session.commands, session.replies), (30, 30));
        assert!(session.exchanges.len() >= limits::FEWEST_EXCHANGES / 2);
    }
    // A failure is kept, or counted as one that is not.
    let failed = |e: &Exchange| e.outcome == Outcome::Failure;
    let has_failed = |s: &&Session| s.elided_failures == 1 || s.exchanges.iter().any(failed);
    assert_eq!(sessions.iter().filter(has_failed).count(), SESSIONS);
}
