//! The law that names in a conversation never change its causes.
//!
//! Every sample of the catalogue is played again with other names of files and users, among them such as read like a
//! reason. What the client calls its things, and what the server repeats of it, says nothing about why it failed.

use super::failures_of;
use crate::catalogue::{CauseId, catalogue, samples};
use crate::ftp::{ReplyCode, Verb};

/// Names that read like a reason.
const FILES: &[&str] = &[
    "too many users.txt",
    "quota exceeded.zip",
    "Permission denied.log",
    "no such file",
    "530 login incorrect/disk full.dat",
    "Datei nicht gefunden.doc",
    "maintenance.shutdown",
    "запрещено.txt",
    "TLS required (not logged in).bin",
];
const USERS: &[&str] = &[
    "locked",
    "anonymous-only",
    "too-many-tries",
    "expired account",
    "ban",
];

/// The names in a conversation that are paths or users: the argument as a whole.
fn names(talk: &str, kind: &str) -> Vec<String> {
    let argument = |line: &str| {
        let (verb, argument) = line.strip_prefix("> ")?.split_once(' ')?;
        let entry = catalogue().command(Verb::new(verb.as_bytes()))?;
        // These have other words before the path.
        let is_whole = !matches!(verb, "LIST" | "NLST" | "STAT" | "MDTM" | "SITE");
        // An overlong one is a cause of its own.
        let is_name =
            (3..100).contains(&argument.len()) && !matches!(argument, "anonymous" | "ftp");
        (entry.argument == kind && is_whole && is_name).then(|| argument.to_owned())
    };
    talk.lines().filter_map(argument).collect()
}

/// The conversation with another name in the command and where a reply repeats it.
fn renamed(talk: &str, from: &str, to: &str) -> String {
    let is_word = from.bytes().all(|b| b.is_ascii_alphabetic());
    let mut out = String::new();
    for line in talk.lines() {
        let is_said = line
            .strip_prefix("> ")
            .and_then(|command| command.split_once(' '))
            .is_some_and(|(_, argument)| argument == from);
        // A name that is a word may be a word of the server's sentence too.
        let is_repeated = line.starts_with('<') && !is_word;
        if is_said || is_repeated {
            out.push_str(&line.replace(from, to));
        } else {
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}

fn causes(talk: &str) -> Vec<(CauseId, Option<ReplyCode>)> {
    failures_of(talk)
        .iter()
        .map(|f| (f.cause, f.code))
        .collect()
}

fn check(kind: &str, others: &[&str]) -> usize {
    let mut changed = Vec::new();
    let mut tried = 0;
    for (id, samples) in samples() {
        // What an attack looks like is told by names, among others.
        let is_attack = catalogue().cause(id).family == "abuse";
        let samples = samples.iter().filter(|_| !is_attack);
        // In text mode the end of a name tells whether the file is text.
        let samples = samples.filter(|sample| !sample.contains("> TYPE A"));
        for sample in samples {
            let expected = causes(sample);
            for name in names(sample, kind) {
                for other in others {
                    let talk = renamed(sample, &name, other);
                    tried += 1;
                    if causes(&talk) != expected {
                        changed.push(format!(
                            "{id}: {:?}, not {expected:?}\n{talk}",
                            causes(&talk)
                        ));
                    }
                }
            }
        }
    }
    assert!(changed.is_empty(), "{}", changed.join("\n"));
    tried
}

#[test]
fn other_names_of_files_change_no_cause() {
    assert!(check("path", FILES) > 300);
}

#[test]
fn other_names_of_users_change_no_cause() {
    assert!(check("user", USERS) > 300);
}

#[test]
fn a_repeated_name_changes_no_cause() {
    let after = |reply: &str| {
        format!(
            "< 220 ready\n> USER bob\n< 331 password please\n> PASS x\n< 230 in\n> DELE report-7.txt\n< {reply}\n"
        )
    };
    for reply in [
        "550 report-7.txt: No such file or directory",
        "550 \"report-7.txt\" could not be deleted: permission denied",
        "550 The file report-7.txt is in use",
        "550 Datei report-7.txt nicht gefunden",
        "550-Sorry\n<  report-7.txt is a directory\n< 550 End",
    ] {
        let talk = after(reply);
        let expected = causes(&talk);
        assert_eq!(expected.len(), 1, "{talk}");
        for other in FILES {
            assert_eq!(
                causes(&renamed(&talk, "report-7.txt", other)),
                expected,
                "{other}: {reply}"
            );
        }
    }
}

/// What an earlier command named stands in the reply to a later one.
#[test]
fn a_name_of_an_earlier_command_changes_no_cause() {
    let login = "< 220 ready\n> USER bob\n< 331 password please\n> PASS x\n< 230 in\n";
    let renaming = |name: &str| {
        format!(
            "{login}> RNFR {name}\n< 350 go on\n> RNTO b.txt\n< 550 {name} to b.txt: Permission denied\n"
        )
    };
    let in_folder = |name: &str| {
        format!(
            "{login}> CWD my {name}\n< 250 ok\n> DELE b.txt\n< 550 Can't remove /srv/bob/my {name}/b.txt: it is in use\n"
        )
    };
    let last = |talk: &str| causes(talk).pop();
    for name in FILES {
        let (first, second) = (renaming(name), in_folder(name));
        assert_eq!(last(&first), last(&renaming("a-1.txt")), "{first}");
        assert_eq!(last(&second), last(&in_folder("docs")), "{second}");
    }
    let refused = |user: &str, text: &str| {
        let text = text.replace("NAME", user);
        causes(&format!(
            "< 220 ready\n> USER {user}\n< 331 password please\n> PASS x\n< 530 {text}\n"
        ))
    };
    for text in [
        "User NAME: login incorrect",
        "Wrong password for NAME.",
        "NAME may not log in",
    ] {
        let expected = refused("bob-7", text);
        assert_eq!(expected.len(), 1, "{text}");
        for user in USERS.iter().filter(|user| user.contains(['-', ' '])) {
            assert_eq!(refused(user, text), expected, "{user}: {text}");
        }
    }
}

#[test]
fn other_addresses_in_texts_change_no_cause() {
    let with = |text: &str, address: &str| {
        causes(&format!("< 421 {}\n", text.replace("ADDRESS", address)))
    };
    for text in [
        "Too many connections from ADDRESS",
        "ADDRESS is banned",
        "Access from ADDRESS is denied",
        "Zu viele Verbindungen von der Adresse ADDRESS",
    ] {
        let expected = with(text, "192.0.2.7");
        assert_eq!(expected.len(), 1, "{text}");
        for other in [
            "198.51.100.200",
            "2001:db8::17",
            "[2001:db8::1]:21",
            "203.0.113.53:10061",
        ] {
            assert_eq!(with(text, other), expected, "{other}: {text}");
        }
    }
}
