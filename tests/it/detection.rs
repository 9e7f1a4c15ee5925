//! What is an FTP control connection, and what only looks like one: on ports that say nothing, the bytes alone decide.

use ftpwhy::run::Wanted;

use crate::support::{Temporary, reply_codes, run_with, settings};
use crate::synth::{Container, Conversation, Packet, capture, merge};

/// The events of these packets as NDJSON.
fn events_of(packets: &[Packet]) -> String {
    let temporary = Temporary::new();
    let path = temporary.file("x.pcap", &capture(packets, Container::PcapMicros));
    run_with(&settings(&[&path], Wanted::Events)).1
}

/// The packets of a talk; those that one port sends may be left out of the capture.
fn packets(talk: &str, without_port: Option<u16>) -> Vec<Packet> {
    let mut packets = Conversation::parse(talk).packets();
    packets.retain(|p| Some(p.src.port()) != without_port);
    packets
}

/// The three ways in which a capture may hold a talk: both sides, the server's only, the client's only.
fn each_way(port: u16, talk: &str) -> Vec<(String, Vec<Packet>)> {
    let mut ways = Vec::new();
    for head in ["", "! no handshake\n"] {
        let whole = format!("server 192.0.2.10:{port}\n{head}{talk}");
        for without in [None, Some(40001), Some(port)] {
            let name = format!("{head}without port {without:?}: {talk}");
            ways.push((name, packets(&whole, without)));
        }
    }
    ways
}

fn is_not_ftp(port: u16, talk: &str) {
    for (name, packets) in each_way(port, talk) {
        assert_eq!(events_of(&packets), "", "{name}");
    }
}

/// These commands and replies must be found, on a port that says nothing.
fn is_ftp(talk: &str, codes: &[u16], verbs: &[&str]) {
    let found = |packets: &[Packet]| {
        let events = events_of(packets);
        let lines = events
            .lines()
            .map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
        let commands: Vec<String> = lines
            .filter(|e| e["kind"] == "command")
            .map(|e| e["verb"].as_str().unwrap().to_owned())
            .collect();
        (reply_codes(&events), commands)
    };
    let verbs: Vec<String> = verbs.iter().map(|v| (*v).to_owned()).collect();
    for head in ["", "! no handshake\n"] {
        let whole = format!("server 192.0.2.10:46321\n{head}{talk}");
        let both = (codes.to_vec(), verbs.clone());
        assert_eq!(found(&packets(&whole, None)), both, "{whole}");
        let replies = (codes.to_vec(), Vec::new());
        assert_eq!(
            found(&packets(&whole, Some(40001))),
            replies,
            "replies only: {whole}"
        );
        let commands = (Vec::new(), verbs.clone());
        assert_eq!(
            found(&packets(&whole, Some(46321))),
            commands,
            "commands only: {whole}"
        );
    }
}

#[test]
fn ftp_is_found_on_any_port_and_from_either_side() {
    is_ftp(
        "< 220 ready\n> USER bob\n< 331 password\n> PASS x\n< 230 in\n> PWD\n< 257 \"/\"\n> QUIT\n< 221 bye\n! server fin",
        &[220, 331, 230, 257, 221],
        &["USER", "PASS", "PWD", "QUIT"],
    );
    is_ftp(
        "< 220-Welcome to a server that does not say what it is\n<+ 220-\n<+ 220 \n> FEAT\n< 211-Features:\n<+  SIZE\n<+  UTF8\n<+ 211 End\n> user bob\n< 530 no\n> quit\n< 221 bye\n! server fin",
        &[220, 211, 530, 221],
        &["FEAT", "USER", "QUIT"],
    );
}

#[test]
fn ftp_is_found_without_its_greeting() {
    is_ftp(
        "> RETR a.txt\n< 550 no such file\n> CWD sub\n< 250 ok\n> SIZE b\n< 213 12\n> QUIT\n< 221 bye\n! server fin",
        &[550, 250, 213, 221],
        &["RETR", "CWD", "SIZE", "QUIT"],
    );
    // In the middle of a listing of features.
    let talk = "! no handshake\nserver 192.0.2.10:46321\n<  MDTM\n<+  SIZE\n<+  REST STREAM\n<+ 211 End\n> TYPE I\n< 200 ok\n> PASV\n< 227 ok (192,0,2,10,200,1)\n";
    assert_eq!(
        reply_codes(&events_of(&packets(talk, None))),
        [211, 200, 227]
    );
}

#[test]
fn a_greeting_alone_is_a_session_only_if_it_names_ftp() {
    let talk = |text: &str| format!("server 192.0.2.10:46321\n< 220 {text}\n! client fin");
    assert_eq!(
        reply_codes(&events_of(&packets(&talk("ProFTPD Server ready"), None))),
        [220]
    );
    assert_eq!(events_of(&packets(&talk("ready"), None)), "");
}

#[test]
fn a_long_greeting_is_waited_for() {
    let art =
        "<+  | painted with letters, all the way to the edge of the terminal, as it was done |\n"
            .repeat(90);
    is_ftp(
        &format!(
            "< 220-Hello\n{art}<+ 220 \n> USER bob\n< 331 pw\n> PWD\n< 257 here\n> QUIT\n< 221 bye\n! server fin"
        ),
        &[220, 331, 257, 221],
        &["USER", "PWD", "QUIT"],
    );
}

#[test]
fn mail_is_not_ftp() {
    is_not_ftp(
        2525,
        "< 220 mail.example ESMTP ready\n> EHLO ftp.example\n< 250-mail.example\n<+ 250-PIPELINING\n<+ 250-SIZE 1000\n<+ 250 STARTTLS\n> MAIL FROM:<a@example>\n< 250 2.1.0 Ok\n> RCPT TO:<b@example>\n< 250 2.1.5 Ok\n> DATA\n< 354 go\n> Subject: FTP\n>+ \n>+ 220 ftp.example FTP server ready\n>+ USER bob\n>+ 331 password\n>+ PASV\n>+ 227 Entering Passive Mode (192,0,2,1,2,3)\n>+ .\n< 250 2.0.0 queued\n> QUIT\n< 221 2.0.0 bye\n! server fin",
    );
    is_not_ftp(
        2525,
        "< 220 ftp.example ESMTP Postfix\n> HELO x\n< 250 ftp.example\n> NOOP\n< 250 2.0.0 Ok\n> QUIT\n< 221 2.0.0 Bye\n! server fin",
    );
    is_not_ftp(
        2424,
        "< 220 store.example LMTP ready\n> LHLO x\n< 250-store.example\n<+ 250 ENHANCEDSTATUSCODES\n> MAIL FROM:<a@example>\n< 250 2.1.0 ok\n> QUIT\n< 221 2.0.0 bye\n! server fin",
    );
    is_not_ftp(
        1110,
        "< +OK ready\n> USER bob\n< +OK\n> PASS x\n< +OK in\n> STAT\n< +OK 1 20\n> LIST\n< +OK\n<+ 1 20\n<+ .\n> RETR 1\n< +OK\n<+ Subject: log\n<+ \n<+ 220 FTP ready\n<+ 331 pw\n<+ 230 in\n<+ .\n> DELE 1\n< +OK\n> QUIT\n< +OK\n! server fin",
    );
    is_not_ftp(
        4190,
        "< \"IMPLEMENTATION\" \"x\"\n<+ \"SASL\" \"PLAIN\"\n<+ OK \"ready\"\n> AUTHENTICATE \"PLAIN\" \"AGEAYg==\"\n< OK\n> LISTSCRIPTS\n< OK\n> NOOP\n< OK\n> LOGOUT\n< OK\n! server fin",
    );
    is_not_ftp(
        1430,
        "< * OK ready\n> a1 LOGIN bob x\n< a1 OK\n> a2 NOOP\n< a2 OK\n! client fin",
    );
}

#[test]
fn news_and_dictionaries_are_not_ftp() {
    is_not_ftp(
        1119,
        "< 200 news.example InterNetNews server ready (posting ok)\n> MODE READER\n< 200 ok, posting\n> LIST\n< 215 list follows\n<+ comp.ftp 1 2 y\n<+ .\n> GROUP comp.ftp\n< 211 1 1 1 comp.ftp\n> ARTICLE 1\n< 220 1 <1@ftp.example> article\n<+ Subject: ftpd\n<+ \n<+ 220 ftp.example FTP server\n<+ 331 password\n<+ 227 Entering Passive Mode (192,0,2,1,2,3)\n<+ .\n> QUIT\n< 205 bye\n! server fin",
    );
    is_not_ftp(
        2628,
        "< 220 dict.example dictd 1.12 <auth.mime> <1@dict.example>\n> CLIENT x\n< 250 ok\n> SHOW DB\n< 110 2 databases present\n<+ wn \"WordNet\"\n<+ .\n<+ 250 ok\n> DEFINE wn ftp\n< 150 1 definitions retrieved\n<+ 151 \"ftp\" wn \"WordNet\"\n<+ ftp\n<+ .\n<+ 250 ok\n> QUIT\n< 221 bye\n! server fin",
    );
    is_not_ftp(
        8880,
        "< 201 cddb.example CDDBP server v1.5 ready\n> cddb hello bob x y 1\n< 200 hello\n> quit\n< 230 bye\n! server fin",
    );
}

#[test]
fn neighbours_with_user_and_three_digits_are_not_ftp() {
    is_not_ftp(
        106,
        "< 200 hello, who are you?\n> user bob\n< 200 your password please\n> pass x\n< 200 your new password please\n> newpass y\n< 200 done\n> quit\n< 200 bye\n! server fin",
    );
    is_not_ftp(
        444,
        "< 220 SNPP gateway ready\n> PAGE 12345\n< 250 ok\n> MESS hello\n< 250 ok\n> SEND\n< 250 sent\n> QUIT\n< 221 bye\n! server fin",
    );
    is_not_ftp(
        902,
        "< 220 VMware Authentication Daemon Version 1.10: SSL Required, MKSDisplayProtocol:VNC\n> USER root\n< 331 Password required\n> PASS x\n< 230 User root logged in.\n! client fin",
    );
    is_not_ftp(
        4559,
        "< 220 fax.example server (HylaFAX (tm) Version 6.0.7) ready.\n> USER bob\n< 230 User bob logged in.\n> JNEW\n< 200 New job created\n> QUIT\n< 221 Goodbye.\n! server fin",
    );
    is_not_ftp(
        9051,
        "> AUTHENTICATE \"x\"\n< 250 OK\n> GETINFO version\n< 250-version=0.4\n<+ 250 OK\n> SETEVENTS CIRC\n< 250 OK\n< 650 CIRC 1 BUILT\n> QUIT\n< 250 closing connection\n! server fin",
    );
    is_not_ftp(
        6112,
        "> bob\n< 2010 NAME bob\n<+ 1007 CHANNEL \"x\"\n<+ 1001 USER eve 0000\n<+ 1005 TALK eve 0000 \"220 ftp ready\"\n! client fin",
    );
    is_not_ftp(
        1863,
        "> VER 0 MSNP8\n< VER 0 MSNP8\n> USR 2 TWN I bob\n< 911 2\n! server fin",
    );
}

#[test]
fn chat_web_and_calls_are_not_ftp() {
    is_not_ftp(
        6667,
        "> NICK bob\n> USER bob 0 * :Bob\n< :irc.example 001 bob :Welcome\n<+ :irc.example 372 bob :220 FTP\n> JOIN #ftp\n< :bob JOIN #ftp\n> PRIVMSG #ftp :PASV\n> LIST\n> QUIT\n< ERROR :bye\n! server fin",
    );
    is_not_ftp(
        8080,
        "> POST /log HTTP/1.1\n>+ Host: x\n>+ \n>+ 220 FTP ready\n>+ USER bob\n>+ PASV\n>+ 227 Entering Passive Mode (192,0,2,1,2,3)\n< HTTP/1.1 200 OK\n<+ \n<+ 220 FTP ready\n<+ 331 pw\n<+ 230 in\n<+ 227 Entering Passive Mode (192,0,2,1,2,3)\n! server fin",
    );
    is_not_ftp(
        5060,
        "> REGISTER sip:example SIP/2.0\n>+ Via: SIP/2.0/TCP 192.0.2.1\n>+ \n< SIP/2.0 200 OK\n<+ \n> INVITE sip:a@example SIP/2.0\n>+ \n< SIP/2.0 180 Ringing\n<+ \n! client fin",
    );
}

#[test]
fn stores_and_old_services_are_not_ftp() {
    is_not_ftp(
        6379,
        "> *2\\r\\n$4\\r\\nTYPE\\r\\n$1\\r\\nk\n< +string\n> *3\\r\\n$6\\r\\nAPPEND\\r\\n$1\\r\\nk\\r\\n$1\\r\\nx\n< :2\n> SELECT 1\n< +OK\n! client fin",
    );
    is_not_ftp(
        11211,
        "> stats\n< STAT pid 1\n<+ STAT uptime 220\n<+ END\n> get k\n< VALUE k 0 9\n<+ 220 ready\n<+ END\n> quit\n! client fin",
    );
    is_not_ftp(
        6600,
        "< OK MPD 0.23.5\n> status\n< volume: 100\n<+ OK\n> list album\n< OK\n> password x\n< OK\n! client fin",
    );
    is_not_ftp(
        70,
        "> /ftp\n< iFTP\\tfake\\t(NULL)\\t0\n<+ 1files\\t/ftp\\tftp.example\\t70\n<+ .\n! server fin",
    );
    is_not_ftp(
        43,
        "> ftp.example\n< % whois\n<+ domain: ftp.example\n<+ 220 lines\n! server fin",
    );
    is_not_ftp(
        9418,
        "> 0032git-upload-pack /project.git\\x00host=ftp.example\\x00\\c\n< 00a1 HEAD\\x00multi_ack\n<+ 003f refs\n> 0032want 1\n>+ 0000\n! client fin",
    );
    is_not_ftp(
        2222,
        "< SSH-2.0-OpenSSH_9.2\n> SSH-2.0-x\n> \\x00\\x00\\x01\\x02\\c\n! client fin",
    );
    is_not_ftp(
        2323,
        "< \\xff\\xfd\\x18\\xff\\xfb\\x01\\r\\nhost login: \\c\n> bob\n< Password: \\c\n> x\n< \\r\\n$ \\c\n> ftp ftp.example\n< Connected to ftp.example.\n<+ 220 ftp.example FTP server ready\n<+ Name (ftp.example:bob): \\c\n> bob\n< 331 Password required\n<+ Password: \\c\n> x\n< 230 in\n<+ Remote system type is UNIX.\n<+ ftp> \\c\n> dir\n< 227 Entering Passive Mode (192,0,2,1,2,3)\n<+ 150 listing\n<+ -rw-r--r-- 1 a\n<+ 226 done\n<+ ftp> \\c\n> bye\n< 221 bye\n<+ $ \\c\n! client fin",
    );
}

/// A file that holds FTP, on a data connection whose announcement is not in the capture: from either end, to either end.
#[test]
fn a_transcript_in_a_data_connection_is_not_ftp() {
    let log = "220 ftp.example FTP server ready\n+ USER bob\n+ 331 password\n+ PASS x\n+ 230 in\n+ PASV\n+ 227 Entering Passive Mode (192,0,2,1,2,3)\n+ RETR a\n+ 150 go\n+ 226 done\n+ QUIT\n+ 221 bye\n";
    let replies = "220 ftp.example FTP server ready\n+ 331 password\n+ 230 in\n+ 227 Entering Passive Mode (192,0,2,1,2,3)\n+ 150 go\n+ 226 done\n+ 221 bye\n";
    let commands = "USER bob\n+ PASS x\n+ PASV\n+ RETR a\n+ PASV\n+ STOR b\n+ QUIT\n";
    for text in [log, replies, commands] {
        for (mark, end) in [("<", "server"), (">", "client")] {
            let said = text.replace("\n+", &format!("\n{mark}+"));
            for (client, server) in [
                ("198.51.100.11:40001", "192.0.2.10:50001"),
                ("192.0.2.10:20", "198.51.100.11:50001"),
            ] {
                for head in ["", "! no handshake\n"] {
                    let talk =
                        format!("client {client}\nserver {server}\n{head}{mark} {said}! {end} fin");
                    assert_eq!(events_of(&packets(&talk, None)), "", "{talk}");
                }
            }
        }
    }
}

/// A capture that is downloaded holds the bytes of FTP, line for line, between its own.
#[test]
fn a_capture_in_a_data_connection_is_not_ftp() {
    let talk = "< 220 hi\n> USER bob\n< 331 pw\n> PASS x\n< 230 in\n> FEAT\n< 211-Features\n<+  SIZE\n<+ 211 End\n> PASV\n< 227 ok (192,0,2,10,200,1)\n> QUIT\n< 221 bye\n! server fin";
    let file = capture(&Conversation::parse(talk).packets(), Container::PcapMicros);
    for from in [0, 500] {
        let bytes: Vec<String> = file[from..].iter().map(|b| format!("\\x{b:02x}")).collect();
        let text = bytes.concat();
        for head in ["", "! no handshake\n"] {
            let talk = format!("server 192.0.2.10:50001\n{head}< {text}\\c\n! server fin");
            assert_eq!(events_of(&packets(&talk, None)), "", "from {from} {head}");
        }
    }
}

/// Other connections, whatever they say, must not change what is read of the one that is FTP.
#[test]
fn ftp_among_others_is_still_found() {
    let ftp = "server 192.0.2.10:46321\n< 220 hi\n> USER bob\n< 331 pw\n> PASS x\n< 230 in\n> QUIT\n< 221 bye\n! server fin";
    let mail = "client 198.51.100.11:40002\nserver 192.0.2.10:25\n< 220 mail ESMTP\n> EHLO x\n< 250 ok\n> QUIT\n< 221 bye\n! server fin";
    let all = merge(vec![packets(ftp, None), packets(mail, None)]);
    assert_eq!(reply_codes(&events_of(&all)), [220, 331, 230, 221]);
}
