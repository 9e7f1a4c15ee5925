//! Each wrapping and what it becomes, and files that only look wrapped.

use super::*;

fn check(wrapped: &[u8], expected: &str) {
    let wrapping = Wrapping::of(wrapped).unwrap();
    let mut unwrapped = Vec::new();
    let source = Box::new(io::Cursor::new(wrapped.to_vec()));
    Unwrapper::new(wrapping, source)
        .read_to_end(&mut unwrapped)
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&unwrapped), expected);
}

#[test]
fn utf_16_in_both_orders_and_across_pieces() {
    let text = format!("\u{feff}{}\u{1f600}é\r\nb\n", "a".repeat(2046));
    let units: Vec<u16> = text.encode_utf16().collect();
    let little: Vec<u8> = units.iter().flat_map(|u| u.to_le_bytes()).collect();
    let big: Vec<u8> = units.iter().flat_map(|u| u.to_be_bytes()).collect();
    check(&little, &text);
    check(&big, &text);
    check(&little[..7], "\u{feff}aa");
    check(b"\xff\xfe\x00\xd8a\0", "\u{feff}\u{fffd}a");
}

#[test]
fn journald_in_json() {
    check(
        br#"{"__REALTIME_TIMESTAMP":"1795335415123456","_HOSTNAME":"ftp1","SYSLOG_IDENTIFIER":"vsftpd","_PID":"7","MESSAGE":"[u] \"a\"\nb"}
{"MESSAGE":[104,105,255],"_COMM":"vsftpd","__REALTIME_TIMESTAMP":"1795335415000000"}
not json
{"MESSAGE":null,"X":1}"#,
        "2026-11-22T08:16:55.123456Z ftp1 vsftpd[7]: [u] \"a\"#012b\n\
         2026-11-22T08:16:55Z - vsftpd: hi\u{fffd}\n\
         not json\n\
         {\"MESSAGE\":null,\"X\":1}",
    );
}

#[test]
fn journald_in_its_export_form() {
    check(
        b"__CURSOR=s=1\n__REALTIME_TIMESTAMP=1795335415000000\n_HOSTNAME=ftp1\nSYSLOG_IDENTIFIER=vsftpd\n_PID=7\n\
          MESSAGE\n\x03\0\0\0\0\0\0\0a\nb\n\n\n__CURSOR=s=2\n__REALTIME_TIMESTAMP=1795335416000000\nMESSAGE=x=y",
        "2026-11-22T08:16:55Z ftp1 vsftpd[7]: a#012b\n2026-11-22T08:16:56Z - -: x=y\n",
    );
    check(
        b"__CURSOR=s=1\nMESSAGE\n\xff\xff\xff\xff\xff\xff\xff\xffab",
        "1970-01-01T00:00:00Z - -: ab\n",
    );
}

#[test]
fn docker_in_json() {
    check(
        br#"{"log":"230 \"hi\"\r\n","stream":"stdout","time":"2026-11-22T08:16:55.123456789Z"}
{"log":"part","stream":"stderr","time":"2026-11-22T08:16:56Z"}"#,
        "2026-11-22T08:16:55.123456789Z stdout F 230 \"hi\"\n2026-11-22T08:16:56Z stderr P part\n",
    );
}

/// 16 KiB of a line are in one entry of Docker, as much as fits in a buffer in one of the others.
#[test]
fn pieces_of_a_line_are_one_line_and_lines_keep_their_numbers() {
    check(
        br#"{"log":"230 a","stream":"stdout","time":"2026-11-22T08:16:55Z"}
{"log":"other\n","stream":"stderr","time":"2026-11-22T08:16:56Z"}
{"log":"b","stream":"stdout","time":"2026-11-22T08:16:57Z"}
{"log":"c\r\n","stream":"stdout","time":"2026-11-22T08:16:58Z"}
{"log":"next\n","stream":"stdout","time":"2026-11-22T08:16:59Z"}"#,
        "2026-11-22T08:16:56Z stderr F other\n\n\n2026-11-22T08:16:55Z stdout F 230 abc\n\
         2026-11-22T08:16:59Z stdout F next\n",
    );
    check(
        b"2026-11-22T08:16:55.1Z stdout P 230 a\n2026-11-22T08:16:55.2Z stdout P:x b\nno such line\n\
          2026-11-22T08:16:55.3Z stdout F \n2026-11-22T08:16:55.4Z stdout F c d\r\n2026-11-22T08:16:55.5Z stderr P e",
        "no such line\n\n\n2026-11-22T08:16:55.1Z stdout F 230 ab\n\
         2026-11-22T08:16:55.4Z stdout F c d\n2026-11-22T08:16:55.5Z stderr P e\n",
    );
}

#[test]
fn a_line_end_that_is_cut_in_two_is_one() {
    check(
        br#"{"log":"230 a\r","stream":"stdout","time":"2026-11-22T08:16:55Z"}
{"log":"\n","stream":"stdout","time":"2026-11-22T08:16:55Z"}"#,
        "\n2026-11-22T08:16:55Z stdout F 230 a\n",
    );
}

#[test]
fn a_line_that_never_ends_is_handed_on_in_bounded_pieces() {
    let piece = format!("2026-11-22T08:16:55Z stdout P {}\n", "x".repeat(100_000));
    let wrapped = piece.repeat(20).into_bytes();
    let mut unwrapped = Vec::new();
    let source = Box::new(io::Cursor::new(wrapped));
    Unwrapper::new(Wrapping::Cri, source)
        .read_to_end(&mut unwrapped)
        .unwrap();
    let lines: Vec<usize> = unwrapped.split(|b| *b == b'\n').map(<[u8]>::len).collect();
    assert_eq!(lines.len(), 21);
    assert!(
        lines
            .iter()
            .all(|length| *length < limits::LOG_ENTRY_BYTES + 100_100),
        "{lines:?}"
    );
}

#[test]
fn other_files_are_left_alone() {
    for head in [
        &b""[..],
        b"\xd4\xc3\xb2\xa1",
        b"{\"timestamp\":\"2026-11-22T08:16:55Z\",\"event_type\":\"ftp\"}\n{\"__REALTIME_TIMESTAMP\":1}",
        b"{\"level\":\"info\",\"sender\":\"FTP\",\"message\":\"x\"}",
        b"{\"log\":{\"offset\":0}}",
        b"date,user,code\n",
        b"message,\"it's\"\n",
        b"Sun Nov 22",
    ] {
        assert_eq!(Wrapping::of(head), None);
    }
}

#[test]
fn what_shippers_hand_on_as_json() {
    for (wrapped, expected) in [
        // Filebeat; Fluentd; GELF; rsyslog; Loki; Splunk; Elasticsearch.
        (
            r#"{"@timestamp":"2026-11-22T08:16:55.100Z","host":{"name":"ftp1"},"log":{"offset":0},"message":"Sun Nov 22 x \"a\"\nb"}"#,
            "2026-11-22T08:16:55.100Z stdout F Sun Nov 22 x \"a\"#012b\n",
        ),
        (r#"{"log":"Sun Nov 22 x"}"#, "Sun Nov 22 x\n"),
        (
            r#"{"version":"1.1","host":"ftp1","short_message":"hi","timestamp":1795335415.25}"#,
            "2026-11-22T08:16:55.250Z stdout F hi\n",
        ),
        (
            r#"{"timestamp":"2026-11-22T08:16:55+00:00","host":"ftp1","programname":"vsftpd","procid":7,"msg":"[u] OK"}"#,
            "2026-11-22T08:16:55+00:00 ftp1 vsftpd[7]: [u] OK\n",
        ),
        (
            r#"{"labels":{"job":"ftp"},"line":"hi","timestamp":"2026-11-22T08:16:55Z"}"#,
            "2026-11-22T08:16:55Z stdout F hi\n",
        ),
        (
            r#"{"preview":false,"result":{"_raw":"hi","index":"main"}}"#,
            "hi\n",
        ),
        (
            r#"{"_index":"x","_source":{"process":{"name":"a b","pid":7},"message":"hi"}}"#,
            "hi\n",
        ),
    ] {
        check(wrapped.as_bytes(), expected);
    }
    check(
        b"{\"message\":\"a\"}\nno object\n{\"message\":1}",
        "a\nno object\n{\"message\":1}",
    );
}

#[test]
fn what_stores_hand_out_as_csv() {
    check(
        b"\"timestamp\",\"source\",\"message\"\r\n\
          \"2026-11-22T08:16:55.100Z\",\"ftp1\",\"[pid 7] CONNECT: Client \"\"192.0.2.7\"\"\"\r\n\
          \"2026-11-22T08:16:56.100Z\",\"ftp1\",\"a\nb\"\n\
          broken \"row\nx,y",
        "\n2026-11-22T08:16:55.100Z stdout F [pid 7] CONNECT: Client \"192.0.2.7\"\n\n\
         2026-11-22T08:16:56.100Z stdout F a#012b\nbroken \"row\nx,y",
    );
    check(
        b"@timestamp,@message\n2026-11-22 08:16:55.000,\"{\"\"a\"\":1}\"\n",
        "\n2026-11-22T08:16:55.000Z stdout F {\"a\":1}\n",
    );
    check(
        b"timestamp,source,message\n2026-11-22T08:16:55Z,ftp1,vsftpd[7]: hi\n2026-11-22T08:16:55Z,,a [b]: hi\n",
        "\n2026-11-22T08:16:55Z ftp1 vsftpd[7]: hi\n2026-11-22T08:16:55Z stdout F a [b]: hi\n",
    );
}

#[test]
fn a_quote_that_is_never_closed_swallows_no_more_than_a_few_lines() {
    let rows = "a,message\n1,\"open\n".to_owned() + &"2,hi\n".repeat(100);
    let mut unwrapped = Vec::new();
    let source = Box::new(io::Cursor::new(rows.clone().into_bytes()));
    Unwrapper::new(Wrapping::Csv, source)
        .read_to_end(&mut unwrapped)
        .unwrap();
    let unwrapped = String::from_utf8(unwrapped).unwrap();
    assert_eq!(unwrapped.lines().count(), rows.lines().count());
    let left = unwrapped.lines().filter(|line| *line == "hi");
    assert_eq!(left.count(), 100 - (limits::CSV_ROW_LINES - 1));
}
