//! Meters, dumps, failures, other protocols.

use super::*;
use crate::log::Detected;
use crate::log::tests::events_of;

fn told(lines: &str) -> Vec<String> {
    let told = events_of("curl", lines);
    told.into_iter().map(|(s, w)| format!("{s} {w}")).collect()
}

fn read(line: &str) -> Read<'_> {
    FORMAT.read(&Bare::read(line.as_bytes()))
}

#[test]
fn the_progress_meter_hides_nothing() {
    let meter = "  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0";
    for before in [format!("\r{meter}"), format!("\r{meter}\r{meter}"), meter.to_owned(), String::new()] {
        let line = format!("{before}< 530 no\r");
        assert_eq!(read(&line), Read::Taken(transcript::record(transcript::said(b"530 no"))), "{line:?}");
    }
    for line in [meter, "  % Total    % Received % Xferd", "                                 Dload  Upload   Total"] {
        assert_eq!(read(line), Read::Ignored("the progress meter"), "{line}");
    }
    let done = "\r100     6  100     6    0     0    228      0 --:--:-- --:--:-- --:--:--   230";
    assert_eq!(read(done), Read::Ignored("the progress meter"));
}

#[test]
fn a_hexadecimal_dump_is_read_too() {
    let dump = |bytes: &[u8]| {
        let rows = bytes.chunks(16).enumerate().map(|(i, row)| {
            let pairs: Vec<String> = row.iter().map(|b| format!("{b:02x} ")).collect();
            let pairs = pairs.concat();
            let shown: String = row.iter().map(|b| if b.is_ascii_graphic() || *b == b' ' { char::from(*b) } else { '.' }).collect();
            format!("{:04x}: {pairs:<48}{shown}\n", i * 16)
        });
        rows.collect::<String>()
    };
    let lines = format!(
        "<= Recv header, 36 bytes (0x24)\n{}=> Send header, 14 bytes (0xe)\n{}<= Recv data, 9 bytes (0x9)\n{}== Info: Closing connection 0\n",
        dump(b"211-Features:\r\n a long feature\r\n211 End\r\n"),
        dump(b"PASS hunter2 and more\r\n"),
        dump(b"550 data\r\n"),
    );
    assert_eq!(
        told(&lines),
        ["1 introduced", "1 211 Features:\n a long feature\nEnd", "1 PASS secret", "1 closed fin by client"]
    );
}

#[test]
fn attempts_that_fail_are_told_as_such() {
    let lines = "*   Trying [2001:db8::10]:21...\n\
                 *   Trying 192.0.2.10:21...\n\
                 * connect to 2001:db8::10 port 21 from 2001:db8::7 port 4000 failed: No route to host\n\
                 * connect to 192.0.2.10 port 21 failed: Connection timed out\n\
                 * Failed to connect to ftp.example.com port 21 after 5 ms: Couldn't connect to server\n\
                 * Closing connection 0\n\
                 *   Trying 192.0.2.11:21...\n\
                 * Connected to 192.0.2.11 (192.0.2.11) port 21 (#0)\n\
                 < 220 Ready\n> EPSV\n< 229 ok (|||50000|)\n\
                 *   Trying 192.0.2.11:50000...\n\
                 * connect to 192.0.2.11 port 50000 failed: Connection refused\n\
                 * Closing connection 0\n";
    let told = told(lines);
    assert_eq!(told[..6], ["1 introduced", "1 closed reset", "2 introduced", "2 closed idle", "3 introduced", "3 opened"]);
    assert!(told[9].contains("Refused") && told[9].contains("192.0.2.11") && told[9].contains("Epsv"), "{}", told[9]);
    assert_eq!(told[10..], ["3 closed fin by client"]);
}

#[test]
fn an_old_curl_names_the_control_connection_again() {
    let lines = "* Connected to 192.0.2.10 (192.0.2.10) port 21 (#0)\n< 220 Ready\n> EPSV\n< 229 ok (|||50000|)\n\
                 * Connecting to 192.0.2.10 (192.0.2.10) port 50000\n*   Trying 192.0.2.10:50000...\n\
                 * Connected to 192.0.2.10 (192.0.2.10) port 21 (#0)\n> RETR a\n< 150 ok\n< 226 done\n\
                 * Connection #0 to host 192.0.2.10 left intact\n";
    assert_eq!(told(lines).iter().filter(|t| t.contains("introduced")).count(), 1);
}

#[test]
fn other_protocols_are_no_ftp() {
    let http = b"*   Trying 192.0.2.10:80...\n* Connected to h (192.0.2.10) port 80 (#0)\n> GET / HTTP/1.1\n> Host: h\n\
                 > Accept: */*\n>\n< HTTP/1.1 200 OK\n< Server: x\n<\n* Connection #0 to host h left intact\n";
    assert_eq!(Detected::by_head(http), None);
    for line in ["> GET / HTTP/1.1", "> Host: h", "< HTTP/1.1 200 OK"] {
        assert_eq!(read(line), Read::Ignored("another protocol"), "{line}");
    }
    for line in ["0000 x", "00: x", "hello", "*x", "<x", "08:16:55 x"] {
        assert_eq!(read(line), Read::Unrecognised, "{line}");
    }
    for line in ["> PASS hunter2", "0000: PASS hunter2", "0000: pass hunter2"] {
        assert!(!format!("{:?}", read(line)).contains("104, 117, 110, 116"), "{line}");
    }
}

#[test]
fn what_is_behind_tls_is_told_once() {
    for (words, expected) in [
        ("SSL connection using TLSv1.3 / TLS_AES_256_GCM_SHA384 / X25519 / RSASSA-PSS", "tls TLSv1.3"),
        ("SSL connection using TLS1.2 / ECDHE_RSA_AES_128_GCM_SHA256", "tls TLSv1.2"),
        ("TLS 1.2 connection using TLS_RSA_WITH_AES_128_CBC_SHA", "tls TLSv1.2"),
        ("SSL connection using something", "tls"),
    ] {
        let lines = format!("*   Trying 192.0.2.10:990...\n* {words}\n< 220 Ready\n> PASV\n* {words}\n");
        let told = events_of("curl", &lines);
        let told: Vec<&str> = told.iter().map(|(_, words)| words.as_str()).collect();
        assert_eq!(told, ["introduced", "opened", expected, "220 Ready", "PASV", "closed input-ended"]);
    }
}
