//! Data connections matched with what announced them, and what TCP did on them and on control connections.

use ftpwhy::run::Wanted;
use serde_json::{Value, json};

use crate::support::{Temporary, run_with, settings};
use crate::synth::{Container, Conversation, Packet, capture, merge};

const LOGIN: &str = "< 220 hi\n> USER bob\n< 331 pw\n> PASS x\n< 230 in\n";
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

fn events_of(packets: &[Packet], kind: &str) -> Vec<Value> {
    let temporary = Temporary::new();
    let path = temporary.file("x.pcap", &capture(packets, Container::PcapMicros));
    let events = run_with(&settings(&[&path], Wanted::Events)).1;
    let events = events.lines().map(|l| serde_json::from_str(l).unwrap());
    events.filter(|e: &Value| e["kind"] == kind).collect()
}

fn packets_of(talk: &str) -> Vec<Packet> {
    Conversation::parse(&format!("{LOGIN}{talk}")).packets()
}

/// These fields of the data connections of packets.
fn data_of(packets: &[Packet], fields: &[&str]) -> Vec<Value> {
    let data = events_of(packets, "data");
    let field = |event: &Value, name: &str| event[name].clone();
    let row = |event: &Value| fields.iter().map(|name| field(event, name)).collect();
    data.iter().map(row).collect()
}

/// Mode, fate and bytes to the client.
fn told(talk: &str) -> Vec<Value> {
    data_of(&packets_of(talk), &["mode", "fate", "bytes_to_client"])
}

#[test]
fn the_announcement_in_force_gets_the_connection() {
    let transfer = "> RETR a\n< 150 go\n! data opened 500 server fin\n< 226 done\n";
    let pasv = |port| format!("> PASV\n< 227 ok (192,0,2,10,200,{port})\n");
    assert_eq!(
        told(&format!("{}{}{}{transfer}", pasv(1), pasv(2), pasv(3))),
        [
            json!(["PASV", "never-tried", 0]),
            json!(["PASV", "never-tried", 0]),
            json!(["PASV", "opened", 500])
        ]
    );
    let port = "> PORT 198,51,100,11,200,9\n< 200 ok\n";
    assert_eq!(
        told(&format!("{}{port}{transfer}", pasv(1))),
        [
            json!(["PASV", "never-tried", 0]),
            json!(["PORT", "opened", 500])
        ]
    );
    // EPSV ALL announces nothing.
    let all = "> EPSV\n< 229 ok (|||51201|)\n> EPSV ALL\n< 200 ok\n";
    assert_eq!(
        told(&format!("{all}{transfer}")),
        [json!(["EPSV", "opened", 500])]
    );
}

#[test]
fn a_port_that_is_used_again_at_once_moves_each_transfers_bytes() {
    let transfer = |bytes: u32| {
        format!(
            "> PASV\n< 227 ok (192,0,2,10,200,1)\n> RETR a\n< 150 go\n! data opened {bytes} server fin\n< 226 done\n"
        )
    };
    assert_eq!(
        told(&[transfer(100), transfer(200), transfer(300)].concat()),
        [
            json!(["PASV", "opened", 100]),
            json!(["PASV", "opened", 200]),
            json!(["PASV", "opened", 300])
        ]
    );
}

#[test]
fn announcements_in_every_form_are_read() {
    let talk = "> LPSV\n< 228 Entering Long Passive Mode (4,4,192,0,2,10,2,200,1)\n> LPRT 4,4,198,51,100,11,2,200,2\n\
        < 200 ok\n> SPSV\n< 227 51203\n> EPSV\n< 229 ok (|1|192.0.2.10|51204|)\n> PASV\n< 227 192, 0, 2, 10, 200, 5\n";
    let rows = data_of(&packets_of(talk), &["mode", "announced"]);
    let at = |mode: &str, ip: &str, port: u16| json!([mode, {"ip": ip, "port": port}]);
    assert_eq!(
        rows,
        [
            at("LPSV", "192.0.2.10", 51_201),
            at("LPRT", "198.51.100.11", 51_202),
            at("SPSV", "192.0.2.10", 51_203),
            at("EPSV", "192.0.2.10", 51_204),
            at("PASV", "192.0.2.10", 51_205),
        ]
    );
}

#[test]
fn from_server_to_server_both_sessions_have_the_connection() {
    let to = format!(
        "{LOGIN}> PASV\n< 227 ok (192,0,2,10,200,1)\n> STOR a\n< 150 go\nwait 3s\n< 226 done\n"
    );
    let from = format!(
        "client 198.51.100.11:40002\nserver 192.0.2.20:21\nstart 2026-03-01T00:00:01Z\n{LOGIN}> PORT 192,0,2,10,200,1\n\
         < 200 ok\n> RETR a\n< 150 go\n! data opened 700 server fin\n< 226 done\n"
    );
    let packets = merge(vec![
        Conversation::parse(&to).packets(),
        Conversation::parse(&from).packets(),
    ]);
    let mut rows = data_of(
        &packets,
        &[
            "mode",
            "fate",
            "third_party",
            "bytes_to_client",
            "bytes_to_server",
        ],
    );
    rows.sort_by_key(Value::to_string);
    assert_eq!(
        rows,
        [
            json!(["PASV", "opened", true, 0, 700]),
            json!(["PORT", "opened", true, 700, 0]),
        ]
    );
}

/// The data connection's packets with another opener.
fn by_a_stranger(packets: &[Packet]) -> Vec<Packet> {
    let stranger = "203.0.113.9".parse().unwrap();
    let mut packets = packets.to_vec();
    for packet in &mut packets {
        let (src, dst) = (&mut packet.src, &mut packet.dst);
        if dst.port() == 51_201 {
            src.set_ip(stranger);
        } else if src.port() == 51_201 {
            dst.set_ip(stranger);
        }
    }
    packets
}

#[test]
fn a_stranger_at_the_port_is_told_and_gives_way_to_the_peer() {
    let talk = "> PASV\n< 227 ok (192,0,2,10,200,1)\n> RETR a\n< 150 go\n! data opened 500 server fin\n< 226 done\n";
    let packets = packets_of(talk);
    let fields = ["fate", "third_party", "opener", "bytes_to_client"];
    let stranger = by_a_stranger(&packets);
    let rows = data_of(&stranger, &fields);
    assert_eq!(rows[0][1], json!(true));
    assert_eq!(rows[0][2]["ip"], json!("203.0.113.9"));
    // It knocks and is sent away; then the client comes.
    let is_data = |p: &&Packet| p.src.port() == 51_201 || p.dst.port() == 51_201;
    let mut knock: Vec<Packet> = stranger.iter().filter(is_data).take(3).cloned().collect();
    knock.push(Packet {
        flags: RST,
        ..knock[1].clone()
    });
    let begin = packets.iter().find(is_data).unwrap().at_ns;
    for (n, packet) in (0..).zip(&mut knock) {
        packet.at_ns = begin - 1_000_000 + n * 1000;
    }
    let rows = data_of(&merge(vec![knock, packets]), &fields);
    assert_eq!(rows.len(), 1);
    assert_eq!((&rows[0][1], &rows[0][3]), (&json!(false), &json!(500)));
}

#[test]
fn a_lost_announcement_is_guessed_by_ends_and_time() {
    let talk = "> PASV\n! lost < 227 ok (192,0,2,10,200,1)\n> RETR a\n< 150 go\n! data opened 5000 server fin\n< 226 ok\n";
    let fields = ["guessed", "mode", "fate", "bytes_to_client"];
    let expected = [json!([true, "PASV", "opened", 5000])];
    assert_eq!(data_of(&packets_of(talk), &fields), expected);
    // Also where the rest is heard in time, and where the connection comes after the reply.
    let late = format!("{talk}wait 30s\n> NOOP\n< 200 ok\nwait 30s\n> NOOP\n< 200 ok\n");
    assert_eq!(data_of(&packets_of(&late), &fields), expected);
    // Begun in mid-stream: what was announced before is not known.
    let cut = "! no handshake\n< 227 ok (192,0,2,10,200,1)\n";
    let packets = Conversation::parse(&format!(
        "{cut}> RETR a\n< 150 go\n! data opened 50 server fin\n< 226 ok\n"
    ))
    .packets()
    .split_off(2);
    assert_eq!(
        data_of(&packets, &fields),
        [json!([true, "PASV", "opened", 50])]
    );
}

#[test]
fn nothing_is_guessed_where_announcements_are_heard() {
    let talk = "> PASV\n< 227 ok (192,0,2,10,200,1)\n> RETR a\n< 150 go\n! data opened 500 server fin\n< 226 done\n";
    let other = "client 198.51.100.11:40099\nserver 192.0.2.10:8080\n> GET / HTTP/1.0\\r\\n\n< HTTP/1.0 200 ok\n";
    let packets = merge(vec![packets_of(talk), Conversation::parse(other).packets()]);
    assert_eq!(data_of(&packets, &["guessed"]), [json!([false])]);
}

#[test]
fn data_connections_behind_tls_are_guessed() {
    let tls = "> AUTH TLS\n< 234 go\n> \\x16\\x03\\x01\\x00\\x05hello\\c\n< \\x16\\x03\\x03\\x00\\x05hello\\c\n";
    let hidden = "! lost < 227 ok (192,0,2,10,200,1)\n! data opened 800 server fin\n\
        ! lost < 227 ok (192,0,2,10,200,2)\n! data unanswered\nwait 5s\n";
    let packets = Conversation::parse(&format!("< 220 hi\n{tls}{hidden}! client fin\n")).packets();
    let fields = ["guessed", "mode", "fate", "bytes_to_client"];
    assert_eq!(
        data_of(&packets, &fields),
        [
            json!([true, "PASV", "opened", 800]),
            json!([true, "PASV", "unanswered", 0]),
        ]
    );
}

#[test]
fn a_connection_that_is_busy_when_the_next_is_announced_is_told_at_its_end() {
    let talk = "> PASV\n< 227 ok (192,0,2,10,200,1)\n> RETR a\n< 150 go\n! data opened 4000 server fin\n< 226 done\n\
        > PASV\n< 227 ok (192,0,2,10,200,2)\n> RETR b\n< 150 go\n! data opened 60 server fin\n< 226 done\n";
    let mut packets = packets_of(talk);
    // The last data segment and the FINs of the first are captured only after all of the second.
    let end = packets.last().unwrap().at_ns;
    let first: Vec<usize> = (0..packets.len())
        .filter(|n| {
            [packets[*n].src, packets[*n].dst]
                .iter()
                .any(|e| e.port() == 51_201)
        })
        .collect();
    for n in first.iter().skip(first.len() - 5) {
        packets[*n].at_ns += end;
    }
    let packets = merge(vec![packets]);
    let mut rows = data_of(&packets, &["fate", "end", "bytes_to_client"]);
    rows.sort_by_key(Value::to_string);
    assert_eq!(
        rows,
        [json!(["opened", "fin", 4000]), json!(["opened", "fin", 60])]
    );
}

#[test]
fn bytes_are_held_against_what_was_promised() {
    let fields = ["verb", "expected", "offset", "bytes_to_client", "ended_by"];
    let begin = "> SIZE a\n< 213 900\n> REST 100\n< 350 ok\n> PASV\n< 227 ok (192,0,2,10,200,1)\n> RETR a\n";
    let cut = "! data opened 300 server by receiver reset\n< 426 broken\n";
    let sized = format!("{begin}< 150 go\n{cut}");
    assert_eq!(
        data_of(&packets_of(&sized), &fields),
        [json!(["RETR", {"bytes": 800, "by": "SIZE"}, 100, 300, "client"])]
    );
    let promised = format!("{begin}< 150 Opening for a (900 bytes).\n{cut}");
    assert_eq!(
        data_of(&packets_of(&promised), &fields),
        [json!(["RETR", {"bytes": 900, "by": "150"}, 100, 300, "client"])]
    );
}

/// `closed`, of packets.
fn closed(packets: &[Packet]) -> Vec<Value> {
    events_of(packets, "closed")
}

#[test]
fn silence_is_a_session_where_ftp_is_at_home() {
    let fate = |server: &str, what: &str| {
        let talk = format!("server {server}\n! syn {what}\n");
        closed(&Conversation::parse(&talk).packets()).len()
    };
    assert_eq!(
        (
            fate("192.0.2.10:21", "refused"),
            fate("192.0.2.10:990", "refused")
        ),
        (1, 1)
    );
    assert_eq!(
        (
            fate("192.0.2.10:990", "unanswered"),
            fate("192.0.2.10:8021", "refused")
        ),
        (1, 0)
    );
    // One SYN alone: an attempt only if the capture goes on long enough to show another.
    let syn = Conversation::parse("! syn unanswered").packets()[..1].to_vec();
    assert_eq!(closed(&syn).len(), 0);
    let later = "client 198.51.100.12:50000\nstart 2026-03-01T00:00:09Z\n< 220 hi\n";
    let packets = merge(vec![syn, Conversation::parse(later).packets()]);
    assert_eq!(closed(&packets).len(), 2);
    let unanswered = &closed(&Conversation::parse("! syn unanswered").packets())[0]["tcp"];
    assert_eq!(unanswered["retries"], json!([1.0, 3.0]));
    assert_eq!(unanswered["handshake"], Value::Null);
}

#[test]
fn the_control_connections_tcp_is_told() {
    let talk = format!("{LOGIN}wait 40s\n> NOOP\n< 200 ok\n> QUIT\n< 221 bye\n! server fin\n");
    let packets = Conversation::parse(&talk).packets();
    let told = &closed(&packets)[0];
    let tcp = &told["tcp"];
    assert_eq!(told["ended_by"], "server");
    assert_eq!(tcp["handshake"], json!(0.0001));
    let silence = tcp["silence"].as_f64().unwrap();
    assert!((40.0..41.0).contains(&silence), "{silence}");
    assert_eq!(
        tcp["by_client"]["bytes"],
        json!("USER bob\r\nPASS x\r\nNOOP\r\nQUIT\r\n".len())
    );
    assert_eq!(
        (&tcp["mid_stream"], &tcp["only"]),
        (&json!(false), &Value::Null)
    );
}

#[test]
fn what_disturbs_a_control_connection_is_counted() {
    let talk = format!("{LOGIN}wait 40s\n> NOOP\n< 200 ok\n> QUIT\n< 221 bye\n! server fin\n");
    let packets = Conversation::parse(&talk).packets();
    // A reset out of reach, a segment sent again, one captured twice, a keep-alive.
    let noop = packets
        .iter()
        .position(|p| p.payload.starts_with(b"NOOP"))
        .unwrap();
    let mut more = packets.clone();
    let sent = packets[noop].clone();
    let extra = [
        Packet {
            seq: sent.seq.wrapping_add(700_000_000),
            flags: RST,
            payload: vec![],
            ..sent.clone()
        },
        Packet {
            at_ns: sent.at_ns + 10_000,
            ..sent.clone()
        },
        Packet {
            at_ns: sent.at_ns + 5_000_000,
            ..sent.clone()
        },
        Packet {
            at_ns: sent.at_ns + 6_000_000,
            seq: sent.end().wrapping_sub(1),
            flags: ACK,
            payload: vec![],
            ..sent
        },
    ];
    more.extend(extra);
    let told = &closed(&merge(vec![more]))[0];
    let by = &told["tcp"]["by_client"];
    assert_eq!(told["end"], "fin");
    assert_eq!(told["tcp"]["resets_ignored"], 1);
    assert_eq!(
        (
            &by["duplicates"],
            &by["resent_segments"],
            &by["keep_alives"]
        ),
        (&json!(1), &json!(1), &json!(1))
    );

    // One side only, from the middle.
    let half: Vec<Packet> = packets[4..]
        .iter()
        .filter(|p| p.dst.port() == 21)
        .cloned()
        .collect();
    let told = &closed(&half)[0]["tcp"];
    assert_eq!(
        (&told["only"], &told["mid_stream"]),
        (&json!("client"), &json!(true))
    );

    // The same ends again.
    let again = format!("start 2026-03-01T00:02:00Z\n{talk}");
    let both = merge(vec![packets, Conversation::parse(&again).packets()]);
    let reused: Vec<Value> = closed(&both)
        .iter()
        .map(|c| c["tcp"]["reused"].clone())
        .collect();
    assert_eq!(reused, [json!(false), json!(true)]);
}

#[test]
fn a_syn_sent_again_with_another_number_is_one_attempt_more() {
    let mut packets = packets_of("> QUIT\n< 221 bye\n! server fin\n");
    let first = Packet {
        seq: packets[0].seq.wrapping_sub(99_999),
        at_ns: packets[0].at_ns - 1_000_000_000,
        ..packets[0].clone()
    };
    assert_eq!(packets[0].flags, SYN);
    packets.insert(0, first);
    let told = &closed(&packets);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["tcp"]["retries"], json!([1.0]));
    assert_eq!(told[0]["tcp"]["by_client"]["missing"], 0);
    assert_eq!(told[0]["end"], "fin");
}

#[test]
fn a_repetition_with_other_bytes_is_told_and_the_first_ones_count() {
    let mut packets = packets_of("> DELE a\n< 250 ok\n> QUIT\n< 221 bye\n! server fin\n");
    let at = packets
        .iter()
        .position(|p| p.payload.starts_with(b"DELE a"))
        .unwrap();
    let other = Packet {
        payload: b"DELE b\r\n".to_vec(),
        ..packets[at].clone()
    };
    packets.insert(at + 1, other);
    let names = events_of(&packets, "command");
    assert_eq!(names[2]["argument"], "a");
    let temporary = Temporary::new();
    let path = temporary.file("x.pcap", &capture(&packets, Container::PcapMicros));
    let (findings, _) = run_with(&settings(&[&path], Wanted::Events));
    let reasons: Vec<&str> = findings
        .tallies
        .diagnostics
        .iter()
        .map(|(_, reason, _)| reason)
        .collect();
    assert!(
        reasons.iter().any(|r| r.contains("the first ones count")),
        "{reasons:?}"
    );
}

fn words(text: &ftpwhy::text::Text) -> String {
    String::from_utf8_lossy(text.bytes()).into_owned()
}

/// Commands behind the login with their replies' codes and how sure these are, and what failed.
fn paired(talk: &str) -> (Vec<String>, Vec<String>) {
    let temporary = Temporary::new();
    let packets = packets_of(&format!("{talk}> QUIT\n< 221 bye\n! client fin"));
    let path = temporary.file("x.pcap", &capture(&packets, Container::PcapMicros));
    let (findings, _) = run_with(&settings(&[&path], Wanted::Sessions));
    let (session, failures) = findings.sessions.first().unwrap();
    let told = session.exchanges.iter().skip(3).map(|exchange| {
        let command = exchange.command.as_ref().unwrap();
        let argument = command.argument.as_ref().map(words);
        let code = exchange
            .code()
            .map(|code| format!(" {} {:?}", code.number(), exchange.paired));
        let verb = [command.verb.as_str().to_owned()];
        let said = verb.into_iter().chain(argument).collect::<Vec<_>>();
        said.join(" ") + &code.unwrap_or_default()
    });
    let failed = failures.iter().map(|failure| {
        let exchange = failure
            .exchange
            .and_then(|place| session.exchanges.get(place));
        let command = exchange.and_then(|e| e.command.as_ref()).unwrap();
        format!(
            "{} {}",
            command.argument.as_ref().map(words).unwrap_or_default(),
            failure.confidence.id()
        )
    });
    let mut told: Vec<_> = told.collect();
    assert_eq!(told.pop().unwrap(), "QUIT 221 InOrder");
    (told, failed.collect())
}

/// A client that waits for its answers has had those that the capture lacks.
#[test]
fn behind_a_hole_a_reply_is_that_of_the_command_that_can_have_it() {
    let missing = "550 No such file or directory.\n";
    let pasv = "> PASV\n! lost < 227 ok (192,0,2,10,200,1)\n";
    let (told, failed) = paired(&format!("{pasv}> RETR gone\n< {missing}"));
    assert_eq!(told, ["PASV", "RETR gone 550 ByCode"]);
    assert_eq!(failed, ["gone certain"]);
    // Both may have it, so that is not certain.
    let (told, failed) = paired(&format!("> CWD a\n! lost < 250 ok\n> CWD b\n< {missing}"));
    assert_eq!(told, ["CWD a", "CWD b 550 Assumed"]);
    assert_eq!(failed, ["b likely"]);
    // What the hole cut is no reply, and PWD has an answer of its own.
    let (told, failed) = paired("> CWD a\n! lost < 250 o\\c\n< k\n> PWD\n< 257 \"/\"\n");
    assert_eq!(told, ["CWD a", "PWD 257 ByCode"]);
    assert_eq!(failed, [""; 0]);
}

#[test]
fn where_nothing_is_missing_order_decides_as_ever() {
    let missing = "< 550 No such file or directory.\n";
    let (told, _) = paired(&format!("> PASV\n{missing}> RETR a\n{missing}"));
    assert_eq!(told, ["PASV 550 InOrder", "RETR a 550 InOrder"]);
    let (told, failed) = paired(&format!("> CWD a\n> CWD b\n{missing}< 250 ok\n"));
    assert_eq!(told, ["CWD a 550 InOrder", "CWD b 250 InOrder"]);
    assert_eq!(failed, ["a certain"]);
    // One command waits: it is its answer, of which the beginning is missing.
    let (told, _) =
        paired("> PASV\n< 227 ok (192,0,2,10,200,1)\n> RETR a\n! lost < 150 go\n< 226 ok\n");
    assert_eq!(told, ["PASV 227 InOrder", "RETR a 226 InOrder"]);
}

/// Of a client that sends commands ahead nobody knows how many were answered in the hole, but for the first one.
#[test]
fn behind_a_hole_a_client_that_sends_ahead_gets_its_second_command_answered() {
    let missing = "< 550 No such file or directory.\n";
    let three = "> CWD b\n> CWD c\n> CWD d\n! lost < 250 ok\n";
    let ahead = "> CWD a\n> PWD\n< 250 ok\n< 257 \"/\"\n";
    let (told, failed) = paired(&format!("{ahead}{three}{missing}< 250 ok\n"));
    let expected = [
        "CWD a 250 InOrder",
        "PWD 257 InOrder",
        "CWD b",
        "CWD c 550 Assumed",
        "CWD d 250 InOrder",
    ];
    assert_eq!(told, expected);
    assert_eq!(failed, ["c likely"]);
}
