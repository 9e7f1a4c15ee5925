//! The text stage held against replies worded as servers word them.

use super::*;

/// Code, command (`-` where unknown), text with ` / ` between lines, cause.
const REPLIES: &str = include_str!("texts.tsv");

struct Row {
    code: ReplyCode,
    verb: Option<Verb>,
    text: String,
    cause: &'static str,
}

fn rows() -> Vec<Row> {
    let lines = REPLIES.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [code, verb, text, cause] = fields[..] else {
                panic!("{line}");
            };
            Row {
                code: ReplyCode::from_digits(code.as_bytes()).unwrap(),
                verb: match verb {
                    "-" => None,
                    "connect" => Some(Verb::CONNECT),
                    verb => Some(Verb::new(verb.as_bytes())),
                },
                text: text.replace(" / ", "\n"),
                cause,
            }
        })
        .collect()
}

#[track_caller]
fn check(code: u16, verb: &str, argument: &str, text: &str, cause: &str) {
    let code = ReplyCode::new(code).unwrap();
    let verb = Some(Verb::new(verb.as_bytes()));
    let named = Named {
        argument: Some(argument.as_bytes()),
        before: None,
    };
    let hit = by_text(code, verb, named, text.as_bytes()).or_else(|| by_code(code, verb));
    assert_eq!(hit.map_or("", |h| h.cause.name()), cause, "{text}");
}

#[test]
fn every_expression_compiles() {
    for text in TEXTS.iter() {
        let pattern = &text.rule.pattern;
        let parts = text.parts().iter().map(|part| part.pattern);
        for part in parts.chain([pattern.as_str()]) {
            assert!(compile(part).is_some(), "rank {}: {part}", text.rule.rank);
        }
        assert_eq!(
            pattern,
            &pattern.to_lowercase().replace(r"\s", r"\S"),
            "matched against small letters"
        );
    }
}

#[test]
fn replies_are_classified() {
    let mut wrong = Vec::new();
    let rows = rows();
    assert!(rows.len() > 150);
    for row in rows.iter().filter(|row| row.code.is_negative()) {
        let hit = by_text(row.code, row.verb, Named::default(), row.text.as_bytes());
        let hit = hit.or_else(|| by_code(row.code, row.verb)).unwrap();
        if hit.cause.name() != row.cause {
            wrong.push((row.code.number(), &row.text, row.cause, hit));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_sieve_lets_every_match_through() {
    let whole = |text: &Text| compile(&text.rule.pattern).unwrap();
    let texts: Vec<_> = TEXTS.iter().map(|text| (text, whole(text))).collect();
    for row in rows() {
        let normal = normal::normalize(
            row.text.as_bytes(),
            Some(row.code),
            row.verb,
            Named::default(),
        );
        let letters = Letters::of(&normal);
        for (text, whole) in &texts {
            assert_eq!(
                text.is_match(&letters, &normal),
                whole.is_match(normal.as_slice()),
                "rank {}: {}",
                text.rule.rank,
                row.text
            );
        }
    }
}

#[test]
fn the_sieve_keeps_most_expressions_from_running() {
    let letters = Letters::of(b"x1: no such file or directory");
    let parts: Vec<_> = TEXTS.iter().flat_map(Text::parts).collect();
    let left = parts.iter().filter(|part| part.need.may_match(&letters));
    let left = left.count();
    assert!(left * 20 < parts.len(), "{left} of {}", parts.len());
}

#[test]
fn names_say_nothing() {
    let gone = "path-not-found";
    let name = "too many users.txt";
    check(
        550,
        "RETR",
        name,
        "too many users.txt: No such file or directory",
        gone,
    );
    check(
        550,
        "RETR",
        name,
        "/srv/ftp/too many users.txt: No such file",
        gone,
    );
    check(
        550,
        "RETR",
        "a/b/quota exceeded",
        "quota exceeded: not found",
        gone,
    );
    check(
        550,
        "RETR",
        name,
        "\"permission denied.txt\" was not found",
        gone,
    );
    check(550, "RETR", "file", "No such file or directory", gone);
    check(
        550,
        "CWD",
        "disk full",
        "disk full: Not a directory",
        "path-not-a-directory",
    );
    check(
        550,
        "SITE",
        "CHMOD 600 disk full",
        "disk full: not found",
        gone,
    );
    check(
        530,
        "USER",
        "anonymous",
        "User anonymous refused: anonymous access is disabled",
        "auth-anonymous-refused",
    );
    check(504, "AUTH", "TLS", "TLS not supported", "tls-not-available");
}

#[test]
fn the_end_of_the_text_decides_a_failed_data_connection() {
    let tail = |tail: &str, cause: &str| {
        check(
            425,
            "LIST",
            "",
            &format!("Can't build data connection: {tail}"),
            cause,
        );
        check(
            425,
            "LIST",
            "",
            &format!("Cannot create data socket (192.0.2.1,20): {tail}."),
            cause,
        );
    };
    tail("Address already in use", "data-listener-failed");
    tail("Cannot assign requested address", "data-listener-failed");
    tail("No route to host", "data-active-connect-failed");
    tail("Connection refused", "data-active-connect-failed");
    tail("Too many open files", "server-resource-exhausted");
    tail("No file descriptors available", "server-resource-exhausted");
    tail("Connection timed out", "data-open-failed");
    tail("Broken pipe", "data-connection-lost");
}

#[test]
fn operating_systems_words_are_understood() {
    check(
        550,
        "RETR",
        "",
        "x.txt: Disk quota exceeded",
        "storage-quota-exceeded",
    );
    check(
        550,
        "CWD",
        "",
        "The directory name is invalid.",
        "path-not-a-directory",
    );
    check(
        550,
        "CWD",
        "",
        "The system cannot find the path specified.",
        "path-not-found",
    );
    check(550, "STOR", "", "Text file busy", "path-busy");
}

#[test]
fn two_reasons_in_one_text_are_not_certain() {
    let sure = |text: &str| {
        let code = ReplyCode::new(550).unwrap();
        let told = readings(Some(code), None, text.as_bytes());
        let hit = by_text(code, None, Named::default(), text.as_bytes());
        assert_eq!(hit, told.first().copied(), "{text}");
        hit.unwrap().confidence
    };
    assert_eq!(sure("No such file or directory"), Confidence::Certain);
    assert_eq!(sure("Not found or access denied"), Confidence::Likely);
    assert_eq!(sure("Disk full or quota exceeded"), Confidence::Likely);
}

#[test]
fn what_is_not_said_in_so_many_words_is_not_certain() {
    let certainty = |verb: &str, text: &str| {
        let verb = Some(Verb::new(verb.as_bytes()));
        let hit = by_text(
            ReplyCode::new(550).unwrap(),
            verb,
            Named::default(),
            text.as_bytes(),
        );
        hit.map(|hit| hit.confidence)
    };
    for (verb, text) in [
        ("RETR", "Session not found"),
        ("RETR", "User context does not exist"),
        ("STOR", "File exists check failed"),
        ("STOR", "Read-only file system access for this user"),
        ("STOR", "Destination directory is not empty"),
        ("RNFR", "Modifying shared folders is not allowed"),
        ("PASS", "Login times are 8 to 18"),
        ("PASS", "Login denied: invalid address"),
        ("REST", "This session can not be resumed"),
        ("RETR", "The request took too long"),
        ("LIST", "Cannot get directory listing"),
        ("STOR", "Cannot determine free space"),
        ("MKD", "Exceeded allowed path depth"),
        ("STOR", "A transfer runs, use ABOR first"),
        ("RETR", "Multiple transfers are not permitted"),
        ("CWD", "Bad path"),
        ("STOR", "The print buffer is full"),
        ("STOR", "Write protected"),
        ("RETR", "Tiedostoa ei l\u{f6}ydy"),
    ] {
        assert_ne!(certainty(verb, text), Some(Confidence::Certain), "{text}");
    }
    for (verb, text) in [
        ("RETR", "File not found"),
        ("RETR", "The path you requested does not exist."),
        ("MKD", "Directory exists"),
        ("STOR", "Read-only file system"),
        ("RMD", "Directory is not empty"),
        ("STOR", "Could not overwrite the file: disk full"),
    ] {
        assert_eq!(certainty(verb, text), Some(Confidence::Certain), "{text}");
    }
}

#[test]
fn words_alone_are_asked_last() {
    let told = |code: u16, verb: &str, text: &str| {
        let code = ReplyCode::new(code).unwrap();
        let verb = Some(Verb::new(verb.as_bytes()));
        by_text(code, verb, Named::default(), text.as_bytes())
            .map(|hit| (hit.cause.name(), hit.confidence, hit.rank.is_some()))
    };
    let possible = Confidence::Possible;
    assert_eq!(
        told(550, "RETR", "Akses ditolak"),
        Some(("access-permission-denied", possible, false))
    );
    assert_eq!(
        told(550, "RETR", "Permission denied: akses ditolak"),
        Some(("access-permission-denied", Confidence::Certain, true))
    );
    // The same words mean another thing after another command, and nothing where no line is for them.
    assert_eq!(
        told(530, "PASS", "Akses ditolak"),
        Some(("auth-user-not-permitted", possible, false))
    );
    assert_eq!(told(502, "SMNT", "Akses ditolak"), None);
    assert_eq!(told(550, "RETR", "zzz"), None);
}

#[test]
fn what_the_server_only_guesses_is_no_evidence() {
    check(
        550,
        "RNTO",
        "",
        "That failed (disk full?)",
        "path-unavailable",
    );
    check(550, "RNTO", "", "That failed (disk full)", "storage-full");
}

#[test]
fn standard_wording_is_no_evidence() {
    let text = "Requested action not taken. File unavailable (e.g., file not found, no access).";
    check(550, "RETR", "", text, "path-unavailable");
}

#[test]
fn only_negative_replies_have_causes() {
    for number in [150, 226, 331, 350, 631] {
        let code = ReplyCode::new(number).unwrap();
        assert_eq!(
            by_text(code, None, Named::default(), b"Permission denied"),
            None
        );
        assert_eq!(by_code(code, None), None);
        assert!(candidates(code, None).is_empty());
    }
}

#[test]
fn every_negative_code_has_a_guess() {
    for number in 400..600 {
        let code = ReplyCode::new(number).unwrap();
        let guess = by_code(code, None);
        // RFC 959 gives 6 to 9 as a second digit no meaning.
        assert!(guess.is_some() || number / 10 % 10 > 5, "{number}");
        assert_eq!(
            guess.map(|g| g.cause),
            candidates(code, None).first().copied()
        );
    }
}

#[test]
fn normal_form() {
    let normal = |text: &[u8]| {
        let code = ReplyCode::new(550);
        String::from_utf8_lossy(&normal::normalize(text, code, None, Named::default())).into_owned()
    };
    assert_eq!(normal(b"550-Can't  open\r\n550 it"), "can not open it");
    assert_eq!(normal(b"First\n\n End "), "first");
    assert_eq!(normal(b"End"), "end");
    assert_eq!(
        normal(b"You cannot, won't, don't"),
        "you can not, will not, do not"
    );
    assert_eq!(
        normal("Can\u{2019}t recognise".as_bytes()),
        "can not recognize"
    );
    assert_eq!(normal(b"Can\x92t"), "can not");
    assert_eq!(normal(b"'a b' and \"c\" and `d'"), "x1 and x1 and x1");
    assert_eq!(normal(b"the user's files'"), "the user's files'");
    assert_eq!(normal(b"use \"AUTH TLS\" first"), "use auth tls first");
    assert_eq!(normal(b"/a/b c: gone"), "x1: gone");
    assert_eq!(normal(b"open C:\\x\\y."), "open x1.");
    assert_eq!(normal(b"and/or 1/2"), "and/or 1/2");
    assert_eq!(
        normal(b"%s: {reason} at <path>, 100% full"),
        "x1: x1 at x1, 100% full"
    );
    assert_eq!(normal(b"unclosed \"quote"), "unclosed \"quote");
    assert!(!normal(b"\xff\xfe \x00").contains([' ', '\0']));
    assert_eq!(normal(b"R\xe9pertoire"), "repertoire");
    assert_eq!(
        normal(b"Allready there, unkown priviledges"),
        "already there, unknown privileges"
    );
    assert_eq!(normal(b"Failed (is it full?) now"), "failed now");
    assert_eq!(normal(b""), "");
    assert!(normal(&[b'a'; 10_000]).len() <= limits::REPLY_TEXT_BYTES);
}

/// What is remembered to be quick begins anew, and nothing that is told changes by it.
#[test]
fn more_texts_than_are_remembered_are_told_like_the_first() {
    let told = |text: &str| {
        let code = ReplyCode::new(530).unwrap();
        let hit = by_text(code, Some(Verb::PASS), Named::default(), text.as_bytes());
        hit.map(|hit| hit.cause.name())
    };
    let first = told("Login incorrect.");
    assert_eq!(first, Some("auth-bad-credentials"));
    let remembered = || MEMORY.with_borrow(|memory| memory.sent.len().max(memory.normal.len()));
    let mut most = 0;
    for number in 0..=limits::KNOWN_TEXTS {
        told(&format!("qx{number}"));
        most = remembered().max(most);
    }
    assert_eq!(most, limits::KNOWN_TEXTS);
    assert!(remembered() < most);
    assert_eq!(told("Login incorrect."), first);
}

/// What is remembered of a text must not be told where the client's own words stand in it, and the other way round.
#[test]
fn what_is_remembered_depends_on_no_order() {
    let told = |argument: &str| {
        let code = ReplyCode::new(550).unwrap();
        let named = Named {
            argument: Some(argument.as_bytes()),
            before: None,
        };
        let text = b"quota exceeded: No such file or directory";
        by_text(code, Some(Verb::RETR), named, text).map(|hit| hit.cause.name())
    };
    let alone = |argument| std::thread::spawn(move || told(argument)).join().unwrap();
    let (plain, own) = (alone("a.txt"), alone("quota exceeded"));
    assert_eq!(own, Some("path-not-found"));
    assert_ne!(plain, own);
    let both = |first, second| {
        std::thread::spawn(move || (told(first), told(second)))
            .join()
            .unwrap()
    };
    assert_eq!(both("a.txt", "quota exceeded"), (plain, own));
    assert_eq!(both("quota exceeded", "a.txt"), (own, plain));
    assert_eq!(both("a.txt", "a.txt"), (plain, plain));
}
