//! What all clients' logs have in common.

use super::*;
use crate::log::tests::events_of;

#[test]
fn endpoints_as_clients_write_them() {
    let read = |text: &str| endpoint(text.as_bytes()).map(|e| e.terminal(true));
    for (text, expected) in [
        ("192.0.2.10:21", Some("192.0.2.10:21")),
        ("[2001:db8::10]:21", Some("[2001:db8::10]:21")),
        ("[2001:db8::10]", Some("2001:db8::10")),
        ("2001:db8::10", Some("2001:db8::10")),
        ("ftp.example.com", Some("ftp.example.com")),
        ("ftp.example.com:2121", Some("ftp.example.com:2121")),
        ("", None),
        ("a b", None),
        ("a/b", None),
    ] {
        assert_eq!(read(text).as_deref(), expected, "{text}");
    }
    assert_eq!(
        read("192.0.2.10:0").as_deref(),
        Some("192.0.2.10:0"),
        "no port: a name"
    );
}

#[test]
fn fates_by_words_and_numbers() {
    for (words, expected) in [
        ("Connection refused", Some(Fate::Refused)),
        ("No route to host", Some(Fate::Refused)),
        (
            "ETIMEDOUT - Connection attempt timed out",
            Some(Fate::Unanswered),
        ),
        ("10060", Some(Fate::Unanswered)),
        ("Name or service not known", None),
    ] {
        assert_eq!(fate(words.as_bytes()), expected, "{words}");
    }
}

#[test]
fn sessions_of_files_without_times_have_keys_of_their_own() {
    // The same server, the same commands: a second greeting is a second session, that of HOST (RFC 7151) is not.
    let lines =
        "<--- 220 a\n---> HOST ftp.example.com\n<--- 220 b\n---> USER u\n<--- 331 p\n<--- 220 a\n";
    let told: Vec<_> = events_of("lftp", lines)
        .into_iter()
        .map(|(s, _)| s)
        .collect();
    assert_eq!(told, [1, 1, 1, 1, 1, 1, 1, 2, 2, 2]);
}

#[test]
fn the_envelope_has_the_time_and_the_process() {
    let line = |pid: u32, text: &str| format!("Nov 22 08:16:55 host backup[{pid}]: {text}\n");
    let lines = [
        line(7, "<--- 220 a"),
        line(8, "<--- 220 b"),
        line(7, "---> QUIT"),
        line(7, "<--- 221 c"),
    ];
    let told: Vec<_> = events_of("lftp", &lines.concat())
        .into_iter()
        .map(|(s, w)| format!("{s} {w}"))
        .collect();
    assert_eq!(told[4..7], ["1 QUIT", "1 221 c", "1 closed goodbye"]);
}
