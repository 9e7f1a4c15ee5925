//! Columns, versions, traps.

use super::*;
use crate::log::Detected;
use crate::log::tests::events_of;

fn told(lines: &str) -> Vec<String> {
    let told = events_of("tshark", lines);
    told.into_iter().map(|(s, w)| format!("{s} {w}")).collect()
}

#[test]
fn columns_in_any_order_and_none_named() {
    let expected = ["1 introduced 192.0.2.7", "1 RETR a b", "1 550 No.", "1 closed input-ended"];
    for lines in [
        "ftp.response.arg;ftp.response.code;ip.dst;ip.src;ftp.request.arg;ftp.request.command\n;;192.0.2.10;192.0.2.7;a b;RETR\nNo.;550;192.0.2.7;192.0.2.10;;\n",
        "\"ip.src\",\"ip.dst\",\"ftp.request.command\",\"ftp.request.arg\",\"ftp.response.code\",\"ftp.response.arg\"\n\
         \"192.0.2.7\",\"192.0.2.10\",\"RETR\",\"a b\",\"\",\"\"\n\"192.0.2.10\",\"192.0.2.7\",\"\",\"\",\"550\",\"No.\"\n",
        "12\t192.0.2.7\t40000\t192.0.2.10\t21\tRETR\ta b\t\t\n104\t192.0.2.10\t21\t192.0.2.7\t40000\t\t\t550\tNo.\n",
        "ip.src\tip.dst\t_ws.col.Info\n192.0.2.7\t192.0.2.10\tRequest: RETR a b\n192.0.2.10\t192.0.2.7\tResponse: 550 No.\n",
    ] {
        assert_eq!(told(lines), expected, "{lines}");
        assert_eq!(Detected::by_head(lines.as_bytes()), Detected::named("tshark"), "{lines}");
    }
}

#[test]
fn digits_that_are_no_code_are_no_reply() {
    let lines = "ip.src\tip.dst\tftp.response.code\tftp.response.arg\n192.0.2.10\t192.0.2.7\t127\t.0.1\n\
                 192.0.2.10\t192.0.2.7\t150,226\tA,B\n192.0.2.10\t192.0.2.7\t211,211\ta,b,c\n";
    assert_eq!(told(lines)[1..], ["1 150 A", "1 226 B", "1 211 a,b,c", "1 211 ", "1 closed input-ended"]);
}

#[test]
fn a_field_in_a_line_and_a_packet_in_a_line_give_whole_replies() {
    let packet = |fields: &str| {
        format!(
            "  {{\n    \"_index\": \"packets-2026-11-22\",\n    \"_source\": {{\n      \"layers\": {{\n\
             \"frame.time_epoch\": \"1795335415.5\",\n\"ip.src\": \"192.0.2.10\",\n\"ip.dst\": \"192.0.2.7\",\n\"tcp.stream\": \"7\",\n{fields}\n      }}\n    }}\n  }},\n"
        )
    };
    let lines = "[\n".to_owned()
        + &packet("\"ftp\": {\n\"ftp.response\": \"1\",\n\"211-a \\\\\\\"b\\\\r\\\\n\": {\n\"ftp.response.code\": \"211\"\n},\n\" C\\\\r\\\\n\": \"\"\n")
        + &packet("\"211 d\\\\r\\\\n\": {\n\"ftp.response.code\": \"211\"\n},")
        + &packet("\"ftp.response.code\": [\n\"550\"\n],\n\"ftp.response.arg\": [\n\"No.\"\n]");
    assert_eq!(
        told(&lines),
        ["1 introduced 192.0.2.7", "1 211 a \"b\n C\nd", "1 550 No.", "1 closed input-ended"]
    );
    assert_eq!(Detected::by_head(lines.as_bytes()), Detected::named("tshark"));
    let ek = "{\"timestamp\":\"1795335415100\",\"layers\":{\"ip_src\":[\"192.0.2.7\"],\"ip_dst\":[\"192.0.2.10\"],\"ftp_request_command\":[\"ACCT\"],\"ftp_request_arg\":[\"hunter2\"]}}\n";
    assert_eq!(told(ek)[1], "1 ACCT secret");
}

#[test]
fn a_second_greeting_is_a_second_session_where_no_stream_is_named() {
    let response = "1 0.1 192.0.2.10 -> 192.0.2.7 FTP 88 Response: 220 Ready\n";
    let request = "2 0.2 192.0.2.7 -> 192.0.2.10 FTP 88 Request: QUIT\n";
    let told = told(&[response, response, request, response].concat());
    assert_eq!(told.last().unwrap(), "2 closed input-ended");
}

#[test]
fn secrets_and_other_text_are_not_told() {
    let row = "12\t192.0.2.7\t192.0.2.10\tPASS\thunter2\tx\n";
    let read = FORMAT.read(&Bare::read(row.trim_end().as_bytes()));
    assert!(matches!(read, Read::Taken(_)) && !format!("{read:?}").contains("104, 117, 110"), "{read:?}");
    for head in ["a\tb\tc\n1\t2\t3\n", "{\n  \"a\": 1\n}\n", "220 Ready\n", "1,2,3\n", "ip.src,ip.dst\n1.2.3.4,1.2.3.5\n"] {
        assert_ne!(Detected::by_head(head.as_bytes()), Detected::named("tshark"), "{head}");
    }
}

#[test]
fn times_are_read_where_they_say_their_zone() {
    let at = Some(Timestamp::from_seconds(1_795_335_415, 100_000_000));
    for (text, expected) in [
        ("1795335415.100000000", at),
        ("Nov 22, 2026 08:16:55.100000000 UTC", at),
        ("2026-11-22T08:16:55.100000000Z", at),
        ("Nov 22, 2026 09:16:55.100000000 CET", None),
        ("0.013380000", None),
        ("", None),
    ] {
        assert_eq!(when(text.as_bytes()), expected, "{text}");
    }
}
