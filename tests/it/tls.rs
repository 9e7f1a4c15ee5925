//! Where TLS begins on a control connection, and where words go on.

use ftpwhy::run::Wanted;
use serde_json::Value;

use crate::support::{Temporary, reply_codes, run_with, settings};
use crate::synth::{Container, Conversation, Packet, capture, merge};

/// The events of a talk, one a line: its packet, its kind, and a command's verb or a reply's code.
fn told(packets: &[Packet]) -> Vec<String> {
    let temporary = Temporary::new();
    let path = temporary.file("x.pcap", &capture(packets, Container::PcapMicros));
    let (_, events) = run_with(&settings(&[&path], Wanted::Events));
    let short = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap();
        let kind = event["kind"].as_str().unwrap();
        let what = match kind {
            "command" => event["verb"].as_str().unwrap().to_owned(),
            "reply" => event["code"].to_string(),
            "tls" => format!("tls {} {}", event["version"], event["completed"]),
            _ => kind.to_owned(),
        };
        format!("{} {what}", event["origin"]["record"])
    };
    events
        .lines()
        .map(short)
        .filter(|line| !line.ends_with("opened") && !line.ends_with("closed"))
        .collect()
}

fn check(talk: &str, expected: &[&str]) {
    assert_eq!(
        told(&Conversation::parse(talk).packets()),
        expected,
        "{talk}"
    );
}

/// A record as a talk writes it.
pub(crate) fn record(kind: u8, content: &[u8]) -> String {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let bytes = [&[kind, 3, 3], &length[..], content].concat();
    let escaped: Vec<String> = bytes.iter().map(|b| format!("\\x{b:02x}")).collect();
    escaped.concat()
}

fn message(kind: u8, body: &[u8]) -> String {
    let length = u8::try_from(body.len()).unwrap();
    record(22, &[&[kind, 0, 0, length], body].concat())
}

/// A client's hello that offers these protocols (RFC 7301).
pub(crate) fn hello(protocols: &str) -> String {
    let mut list = Vec::new();
    for name in protocols.split_whitespace() {
        list.push(u8::try_from(name.len()).unwrap());
        list.extend_from_slice(name.as_bytes());
    }
    let length = u8::try_from(list.len()).unwrap();
    let extension = [&[0, 16, 0, length + 2, 0, length], &list[..]].concat();
    let extensions = if list.is_empty() {
        Vec::new()
    } else {
        extension
    };
    let length = u8::try_from(extensions.len()).unwrap();
    message(
        1,
        &[
            &[3, 3],
            &[7; 32][..],
            &[0, 0, 2, 0xc0, 0x2f, 1, 0, 0, length],
            &extensions,
        ]
        .concat(),
    )
}

pub(crate) fn server_hello() -> String {
    message(
        2,
        &[&[3, 3], &[7; 32][..], &[0, 0xc0, 0x2f, 0, 0, 0]].concat(),
    )
}

/// A whole handshake of TLS 1.2, in four segments, without the client's hello.
pub(crate) fn rest_of_handshake() -> String {
    let keys = message(16, &[1; 40]);
    let ends = format!("{}{}", record(20, &[1]), record(22, &[0xaa; 40]));
    format!(
        "< {}{}\\c\n> {keys}{ends}\\c\n< {ends}\\c\n",
        server_hello(),
        message(14, &[])
    )
}

fn content() -> String {
    record(23, &[0xbb; 40])
}

const LOGIN: &str = "> USER bob\n< 331 pw\n> PASS x\n< 230 in\n";

#[test]
fn what_follows_auth_is_hidden_from_the_hello_on() {
    for mechanism in ["TLS", "SSL", "TLS-C", "TLS-P", "tls"] {
        let talk = format!(
            "< 220 hi\n> AUTH {mechanism}\n< 234 go\n> {}\\c\n{}> {}\\c\n< {}\\c\n! server fin",
            hello(""),
            rest_of_handshake(),
            content(),
            content()
        );
        check(
            &talk,
            &[
                "4 220",
                "6 AUTH",
                "8 234",
                "10 protected",
                "16 tls \"TLSv1.2\" true",
            ],
        );
    }
}

#[test]
fn a_refused_auth_leaves_the_words() {
    let talk = format!(
        "< 220 hi\n> AUTH TLS\n< 530 log in first\n> AUTH GSSAPI\n< 504 no\n{LOGIN}! client fin"
    );
    check(
        &talk,
        &[
            "4 220", "6 AUTH", "8 530", "10 AUTH", "12 504", "14 USER", "16 331", "18 PASS",
            "20 230",
        ],
    );
}

#[test]
fn words_after_234_are_words() {
    check(
        "< 220 hi\n> AUTH TLS\n< 234 go\n< 421 out of certificates\n! server fin",
        &["4 220", "6 AUTH", "8 234", "10 421"],
    );
    let talk = format!("< 220 hi\n> AUTH TLS\n< 234 go\n{LOGIN}! client fin");
    check(
        &talk,
        &[
            "4 220", "6 AUTH", "8 234", "10 USER", "12 331", "14 PASS", "16 230",
        ],
    );
}

#[test]
fn a_handshake_that_fails_gives_way_to_words() {
    let talk = format!(
        "< 220 hi\n> AUTH TLS\n< 234 go\n> {}\\c\n< {}\\c\n<+ 421 TLS handshake failed\n! server fin",
        hello(""),
        record(21, &[2, 40]).as_str()
    );
    let talk = talk.replace("\\c\n<+ ", "");
    check(
        &talk,
        &[
            "4 220",
            "6 AUTH",
            "8 234",
            "10 protected",
            "12 tls null false",
            "12 unprotected",
            "12 421",
        ],
    );
}

#[test]
fn after_ccc_words_are_read_again() {
    let close = record(21, &[0xcc; 26]);
    let talk = format!(
        "< 220 hi\n> AUTH TLS\n< 234 go\n> {}\\c\n{}> {}\\c\n< {}\\c\n< {close}\\c\n> {close}PWD\n< 257 \"/\"\n> AUTH TLS\n< 234 again\n> {}\\c\n{}! client fin",
        hello(""),
        rest_of_handshake(),
        content(),
        content(),
        hello(""),
        rest_of_handshake()
    );
    check(
        &talk,
        &[
            "4 220",
            "6 AUTH",
            "8 234",
            "10 protected",
            "16 tls \"TLSv1.2\" true",
            "24 unprotected",
            "24 PWD",
            "26 257",
            "28 AUTH",
            "30 234",
            "32 protected",
            "38 tls \"TLSv1.2\" true",
        ],
    );
}

#[test]
fn tls_from_the_first_byte_is_ftp_where_something_says_so() {
    let talk = |port: u16, protocols: &str| {
        format!(
            "server 192.0.2.10:{port}\n> {}\\c\n{}> {}\\c\n! client fin",
            hello(protocols),
            rest_of_handshake(),
            content()
        )
    };
    let session = ["4 protected", "10 tls \"TLSv1.2\" true"];
    check(&talk(990, ""), &session);
    check(&talk(990, "ftp"), &session);
    check(&talk(8443, "ftp"), &session);
    check(&talk(21, ""), &session);
    check(&talk(990, "h2 http/1.1"), &[]);
    check(&talk(8443, ""), &[]);
    check(&talk(8443, "h2"), &[]);
    let late = format!(
        "! no handshake\nserver 192.0.2.10:990\n< {}\\c\n> {}\\c\n! client fin",
        content(),
        content()
    );
    check(&late, &["1 protected", "3 tls null true"]);
    // A capture of one side.
    for port in [990, 40001] {
        let mut packets = Conversation::parse(&talk(990, "")).packets();
        packets.retain(|p| p.src.port() == port);
        let told = told(&packets);
        assert!(told[0].ends_with("protected"), "{told:?}");
    }
}

/// The same talk, with client and server exchanged.
fn flip(talk: &str) -> String {
    talk.replace("> ", "@ ")
        .replace("< ", "> ")
        .replace("@ ", "< ")
        .replace("! client", "! @")
        .replace("! server", "! client")
        .replace("! @", "! server")
}

/// The `data` events of a session with TLS on its data connection, which is opened by either side; its announcement is
/// heard (after CCC, say) or hidden.
#[test]
fn the_tls_of_a_data_connection_is_seen() {
    let alert = record(21, &[2, 48]);
    let broken = format!("< {}\\c\n> {alert}\\c\n! client fin", server_hello());
    let whole = format!("{}< {}\\c\n! server fin", rest_of_handshake(), content());
    for (rest, completed, content) in [
        (&broken, Value::Bool(false), "unknown_ca"),
        (&whole, Value::Bool(true), ""),
    ] {
        let passive = format!(
            "client 198.51.100.11:45000\nserver 192.0.2.10:51201\nstart 2026-03-01T00:00:00.105Z\n> {}\\c\n{rest}",
            hello("")
        );
        let active = format!(
            "client 192.0.2.10:20\nserver 198.51.100.11:51201\nstart 2026-03-01T00:00:00.105Z\n< {}\\c\n{}",
            hello(""),
            flip(rest)
        );
        for (data, announce) in [
            (&passive, "> PASV\n< 227 ok (192,0,2,10,200,1)\n"),
            (&active, "> PORT 198,51,100,11,200,1\n< 200 ok\n"),
        ] {
            let clear = format!(
                "< 220 hi\n> USER bob\n< 331 pw\n> PASS x\n< 230 in\n> PBSZ 0\n< 200 ok\n{announce}wait 1s\n> LIST\n< 226 ok\n! client fin"
            );
            let hidden = format!(
                "< 220 hi\n> AUTH TLS\n< 234 go\n> {}\\c\n{}> {}\\c\nwait 1s\n< {}\\c\n! client fin",
                hello(""),
                rest_of_handshake(),
                self::content(),
                self::content()
            );
            for control in [clear, hidden] {
                let packets = merge(vec![
                    Conversation::parse(&control).packets(),
                    Conversation::parse(data).packets(),
                ]);
                let temporary = Temporary::new();
                let path = temporary.file("x.pcap", &capture(&packets, Container::PcapMicros));
                let (_, events) = run_with(&settings(&[&path], Wanted::Events));
                let all: Vec<Value> = events
                    .lines()
                    .map(|l| serde_json::from_str(l).unwrap())
                    .collect();
                let found: Vec<&Value> = all.iter().filter(|e| e["kind"] == "data").collect();
                assert_eq!(found.len(), 1, "{control}\n{data}\n{events}");
                assert_eq!(found[0]["tls"]["completed"], completed, "{events}");
                let alert = found[0]["tls"]["alerts"][0]["name"]
                    .as_str()
                    .unwrap_or_default();
                assert_eq!(alert, content);
                let (findings, _) = run_with(&settings(&[&path], Wanted::Sessions));
                let causes: Vec<&str> = findings.sessions[0]
                    .1
                    .iter()
                    .map(|f| f.cause.name())
                    .collect();
                let is_blamed = causes.contains(&"tls-handshake-failed");
                assert_eq!(
                    is_blamed,
                    control.contains("AUTH") && !content.is_empty(),
                    "{causes:?}"
                );
            }
        }
    }
}

#[test]
fn a_hello_that_is_answered_by_words_is_noise() {
    let talk = format!("> {}\\c\n< 220 hi\n< 500 what\n! server fin", hello(""));
    check(&talk, &["4 ?", "6 220", "8 500"]);
    let talk = format!(
        "< 220 hi\n> {}\\c\n< 500 what\n{LOGIN}! client fin",
        hello("")
    );
    check(
        &talk,
        &[
            "4 220", "6 ?", "8 500", "10 USER", "12 331", "14 PASS", "16 230",
        ],
    );
}

#[test]
fn a_hello_may_precede_the_answer_to_auth() {
    let talk = format!(
        "< 220 hi\n> AUTH TLS\\r\\n{}\\c\n< 234 go\n{}! client fin",
        hello(""),
        rest_of_handshake()
    );
    let talk = talk.replace("AUTH TLS\\r\\n", "AUTH TLS\n> ");
    check(
        &talk,
        &[
            "4 220",
            "6 AUTH",
            "10 234",
            "8 protected",
            "16 tls \"TLSv1.2\" true",
        ],
    );
}

#[test]
fn protected_replies_of_rfc_2228_count_and_their_secrets_do_not_show() {
    let talk = "server 192.0.2.10:2811\n< 220 GridFTP Server ready.\n> AUTH GSSAPI\n< 334 go\n> ADAT hunter2\n< 335 ADAT=aHVudGVyMg==\n> ADAT hunter3\n< 235 ok\n> MIC aHVudGVyMg==\n< 631 aHVudGVyMg==\n> ENC aHVudGVyMg==\n< 632 aHVudGVyMg==\n> CONF aHVudGVyMg==\n< 633 aHVudGVyMg==\n! client fin";
    let packets = Conversation::parse(talk).packets();
    let temporary = Temporary::new();
    let path = temporary.file("x.pcap", &capture(&packets, Container::PcapMicros));
    let (_, events) = run_with(&settings(&[&path], Wanted::Events));
    assert_eq!(reply_codes(&events), [220, 334, 335, 235, 631, 632, 633]);
    assert!(!events.contains("hunter"), "{events}");
}
