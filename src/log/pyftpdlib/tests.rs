//! Prefixes, versions, traps.

use super::*;
use crate::log::tests::{events_of, shows};

fn told(lines: &str) -> Vec<String> {
    let told = events_of("pyftpdlib", lines);
    told.into_iter().map(|(s, w)| format!("{s} {w}")).collect()
}

#[test]
fn sessions_are_known_behind_any_prefix() {
    let message = "192.0.2.7:40000-[] FTP session opened (connect)";
    for prefix in [
        "[I 2026-11-22 08:16:55] ",
        "[I 26-11-22 08:16:55] ",
        "[I 2026-11-22 08:16:55 712] ",
        "\u{1b}[32m[I 2026-11-22 08:16:55]\u{1b}[0m ",
        "2026-11-22 08:16:55,123 - pyftpdlib - INFO - ",
        "INFO:pyftpdlib:",
        "[1775 | INFO | 22/11/2026 08:16:55 AM] ",
        "",
    ] {
        let line = format!("{prefix}{message}");
        let Read::Taken(record) = FORMAT.read(&Bare::read(line.as_bytes())) else {
            panic!("{line}");
        };
        assert_eq!(record.client, b"192.0.2.7:40000", "{line}");
        assert_eq!(record.fact, Fact::Opened { refused: false }, "{line}");
        let has_date = !prefix.is_empty() && !prefix.starts_with("INFO") && !prefix.starts_with("[1775");
        assert_eq!(record.stamp != Stamp::None, has_date, "{line}");
    }
}

#[test]
fn old_versions_and_sessions_side_by_side() {
    let lines = "[I 13-02-01 19:12:26] XXX []@192.0.2.7 FTP session opened (connect)\n\
                 [I 13-02-01 19:12:26] 192.0.2.8:5-[] FTP session opened (connect)\n\
                 [I 13-02-01 19:12:27] XXX [john]@192.0.2.7 USER 'john' logged in.\n\
                 [I 13-02-01 19:12:28] 192.0.2.8:5-[u] RETR /a b\n\
                 [I 13-02-01 19:12:28] 192.0.2.8:5-[u] RETR /c completed=0 bytes=7 seconds=0.1\n\
                 [I 13-02-01 19:12:29] 192.0.2.8:5-[u] FTP session closed (disconnect).\n";
    assert_eq!(
        told(lines),
        [
            "1 introduced 192.0.2.7 approximate",
            "1 opened",
            "2 introduced 192.0.2.8",
            "2 opened",
            "1 login john accepted",
            "1 230 implied by logged in",
            "2 RETR /a b ? incomplete",
            "2 RETR /c 7 incomplete",
            "2 closed fin",
            "1 closed input-ended",
        ]
    );
}

#[test]
fn long_arrows_are_arrows() {
    let lines = "[u]@192.0.2.7:5 <== PASS hunter2\n[u]@192.0.2.7:5 ==> 230 in\n";
    assert_eq!(told(lines)[1..], ["1 PASS secret", "1 230 in", "1 closed input-ended"]);
}

#[test]
fn what_a_client_sends_can_not_forge_a_line() {
    let lines = "[D 2026-11-22 08:16:55] 192.0.2.7:1-[x] <- USER y] -> 230 in\n\
                 [D 2026-11-22 08:16:56] 192.0.2.7:1-[y] -> 230 in] -> 530 no\n\
                 [D 2026-11-22 08:16:57] 192.0.2.7:1-[] <- RETR 192.0.2.9:2-[root] FTP session closed\n\
                 [D 2026-11-22 08:16:57] 192.0.2.7:1-[] <- PASS hunter2 completed=1\n";
    let told = told(lines);
    assert_eq!(told[1], "1 USER y] -> 230 in");
    // A name that ends like a line's head can't be told from one: what is there is told, nothing else.
    assert_eq!(told[2], "1 230 in] -> 530 no");
    assert_eq!(told[3], "1 RETR 192.0.2.9:2-[root] FTP session closed");
    assert!(told.iter().all(|t| !t.contains("hunter2")));
    let line = "[D 2026-11-22 08:16:57] 192.0.2.7:1-[] <- PASS hunter2";
    let read = FORMAT.read(&Bare::read(line.as_bytes()));
    assert!(!shows(&read, "hunter2"));
}

#[test]
fn messages_without_a_session_are_passed_over_by_name() {
    for (line, reason) in [
        ("[I 2026-11-22 08:16:55] poller: <class 'x'>", "a message of the server about itself"),
        ("[D 2026-11-22 08:16:55] [debug] call: close() (<x>)", "a message of the library about itself"),
        ("[I 2026-11-22 08:16:55] 192.0.2.7:1-[] something else", "a message of the server about a session"),
        ("    Traceback (most recent call last):", "a line of a Python traceback"),
        ("ValueError: embedded null byte", "a line of a Python traceback"),
    ] {
        assert_eq!(FORMAT.read(&Bare::read(line.as_bytes())), Read::Ignored(reason), "{line}");
    }
    for line in ["[I yesterday] x", "a-[b] c", "1-[b] c", "[x]@y z", "hello", "-[", "]@"] {
        assert_eq!(FORMAT.read(&Bare::read(line.as_bytes())), Read::Unrecognised, "{line}");
    }
}
