//! ProFTPD's messages: what each tells, what users may try, and the layouts of lines.

use super::*;
use crate::log::tests::{events_of, shows};

fn told(message: &str) -> String {
    let log = format!("2026-11-22 08:16:56,120 ftp1 proftpd[9] ftp1.example (c.example[192.0.2.7]): {message}\n");
    let words = events_of("proftpd", &log).into_iter().map(|(_, words)| words);
    words.collect::<Vec<_>>().join("; ")
}

#[track_caller]
fn check(message: &str, expected: &str) {
    let told = told(message);
    let told = told.strip_prefix("introduced 192.0.2.7; ").unwrap_or(&told);
    let told = told.strip_suffix("; closed input-ended").unwrap_or(told);
    assert_eq!(told, expected, "{message}");
}

#[test]
fn messages_tell_what_they_stand_for() {
    for (message, expected) in [
        ("ANON ftp: Login successful.", "login ftp accepted; 230 implied by Login successful"),
        ("USER bob: Login successful", "login bob accepted; 230 implied by Login successful"),
        ("USER bob (Login failed): Invalid shell: '/bin/false'", "login bob refused; 530 implied by Login failed"),
        ("ANON ftp (Login failed): Limit access denies login.", "login ftp refused; 530 implied by Login failed"),
        ("USER x (Login failed): maximum USER length exceeded", "login x refused; 501 implied by Login failed"),
        (
            "USER bob: user is not a UserAlias from c.example [192.0.2.7] to 192.0.2.10:21",
            "login bob refused; 530 implied by user is not a UserAlias",
        ),
        ("Refusing empty password from user 'bob'", "login  refused; 501 implied by Refusing empty password from user"),
        ("SECURITY VIOLATION: root login attempted.", "login  refused; 530 implied by SECURITY VIOLATION: root login attempted"),
        ("Client session idle timeout, disconnected", "421 implied by Client session idle timeout; closed fin by server"),
        ("Connection refused (MaxClients 3)", "530 implied by Connection refused; closed fin by server"),
        (
            "connection refused (closed (till noon)) from c.example [192.0.2.7]",
            "500 implied by connection refused; closed fin by server",
        ),
        ("Connection from c.example [192.0.2.7] denied.", "opened; closed fin by server"),
        ("Data transfer stall timeout: 300 seconds", "closed fin by server"),
        ("client sent HTTP command 'GET', disconnecting", "GET; closed fin by server"),
        ("chroot to '~/' failed for user 'bob': No such file or directory", "530 implied by chroot to; closed fin by server"),
        ("PORT '1,2' is not syntactically valid", "PORT 1,2; 501 implied by PORT is not valid"),
        ("'STOR a' b' denied by PathDenyFilter", "STOR a' b; 550 implied by denied by PathDenyFilter"),
        ("notice: user bob: aborting transfer: File too large", "552 implied by aborting transfer"),
        ("notice: user bob: aborting transfer: Pas de place", "one of [426, 450, 451, 452, 552] by aborting transfer"),
        ("Entering Passive Mode (192,0,2,10,195,80).", "PASV; 227 implied by Entering Passive Mode"),
        ("error deleting '/a': Permission denied", "DELE; 550 implied by error deleting"),
        ("unable to open '/a' for writing: Permission denied", "550 implied by unable to open"),
        ("dispatching CMD command 'RETR a' to b' to mod_xfer", "RETR a' to b"),
        ("dispatching CMD command 'PASS hunter2' to mod_auth", "PASS secret"),
        ("dispatching CMD command 'PASS (hidden)' to mod_auth", "PASS secret"),
    ] {
        check(message, expected);
    }
}

#[test]
fn messages_that_stand_for_more_than_one_reply_tell_nothing() {
    for message in [
        "",
        "USER",
        "USER bob",
        "USER bob: what?",
        "no such user 'bob'",
        "dispatching LOG_CMD command 'RETR a' to mod_log",
        "unable to open 'a': Permission denied",
        "chroot to '/srv' done",
        "Connection from mod_x",
        "mod_tls/2.9: TLS negotiation failed",
        "Refused data port",
        "'RETR a' denied by something",
        "client sent too-long command, ignoring",
        "FTP session closed.",
    ] {
        check(message, "");
    }
}

/// Users are told as they were sent, whatever they pretend to be.
#[test]
fn a_users_name_forges_nothing() {
    for (message, expected) in [
        (
            "USER h proftpd[1] h (x[198.51.100.1]): no such user found from c.example [192.0.2.7] to 192.0.2.10:21",
            "login h proftpd[1] h (x[198.51.100.1]) refused; 530 implied by no such user found",
        ),
        (
            "USER bob: Login successful.: no such user found from c.example [192.0.2.7] to 192.0.2.10:21",
            "login bob: Login successful. refused; 530 implied by no such user found",
        ),
        (
            "USER bob (Login failed): x: Login successful. (Login failed): Incorrect password",
            "login bob (Login failed): x: Login successful. refused; 530 implied by Login failed",
        ),
        (
            "USER a: no such user found from b [c] to d:21 (Login failed): Incorrect password",
            "login a: no such user found from b [c] to d:21 refused; 530 implied by Login failed",
        ),
        ("USER FTP session closed. (Login failed): Incorrect password", "login FTP session closed. refused; 530 implied by Login failed"),
    ] {
        check(message, expected);
    }
}

/// A process that fails does so for what it said last, in a line of its own or not.
#[test]
fn a_log_of_tls_tells_what_fails_and_why() {
    let anew = "client did not reuse TLS session, rejecting data connection (see the NoSessionReuseRequired TLSOptions parameter)";
    let data = "unable to open data connection: TLS negotiation failed";
    let told = |lines: &[(u32, &str)]| {
        let line = |(pid, message): &(u32, &str)| match pid {
            0 => format!("{message}\n"),
            _ => format!("2026-11-22 08:16:56,120 mod_tls/2.9.2[{pid}]: {message}\n"),
        };
        let log: String = lines.iter().map(line).collect();
        let words = events_of("proftpd", &log).into_iter().map(|(_, words)| words);
        words.filter(|words| words != "closed input-ended" && words != "introduced").collect::<Vec<_>>().join("; ")
    };
    for (lines, expected) in [
        (&[(7, "TLS/TLS-C requested, starting TLS handshake"), (7, "Protection set to Private")][..], ""),
        (&[(7, anew), (7, data)], "425 implied by unable to open data connection"),
        (
            &[(7, "unable to accept TLS connection: protocol error: "), (0, "  (1) error:0A000418:SSL routines::alert unknown ca"), (7, data)],
            "425 implied by unable to open data connection",
        ),
        (
            &[(7, "TLS/TLS-C negotiation failed on control channel")],
            "421 implied by negotiation failed on control channel; closed fin by server",
        ),
        (&[(7, "implicit SSL/TLS negotiation failed on control channel")], "closed fin by server"),
        (
            &[(7, "SSL/TLS required but absent for authentication, denying USER command")],
            "USER; 550 implied by TLS required but absent",
        ),
        (
            &[(7, "SSL/TLS required but absent on data channel, denying LIST command")],
            "LIST; 522 implied by TLS required but absent",
        ),
        (
            &[(7, "PROT: TLSRequired requires protection for data transfers"), (7, "PROT: unwilling to accept security parameter (C)")],
            "PROT; 534 implied by unwilling to accept security parameter",
        ),
        (&[(7, "AUTH KERBEROS_V4 unsupported, declining")], "AUTH KERBEROS_V4; 504 implied by unsupported, declining"),
        (&[(0, "  (1) error:0A00010B:SSL routines::wrong version number")], ""),
    ] {
        assert_eq!(told(lines), expected, "{lines:?}");
    }
}

fn format_of(line: &str) -> &'static str {
    match FORMAT.read(&Bare::read(line.as_bytes())) {
        Read::Taken(_) => "taken",
        Read::Ignored(reason) => reason,
        Read::Unrecognised => "unrecognised",
    }
}

#[test]
fn a_line_is_known_in_every_layout() {
    for line in [
        "2026-11-22 08:16:56,120 ftp1 proftpd[9] ftp1 (c[192.0.2.7]): FTP session opened.",
        "2026-11-22 08:16:56,120 ftp1 session[9] ftp1 (c[192.0.2.7]): FTP session opened.",
        "2026-11-22 08:16:56,120 proftpd[9] (c[192.0.2.7]): FTP session opened.",
        "2026-11-22 08:16:56,120 proftpd[9] ftp1(c[192.0.2.7]): FTP session opened.",
        "2026-11-22 08:16:56 ftp1 proftpd[9] 2001:db8::1 (2001:db8::7[2001:db8::7]): FTP session opened.",
        "Sep 06 08:16:56 ftp1 proftpd[9] ftp1 (c[192.0.2.7]): FTP session opened.",
        "M\u{e4}r 6 08:16:56 ftp1 proftpd[9] ftp1 (c[192.0.2.7]): FTP session opened.",
        "ftp1 proftpd[9] ftp1 (c[192.0.2.7]): FTP session opened.",
        "proftpd[9] ftp1 (c[192.0.2.7]): FTP session opened.",
        "Sep  6 08:16:56 ftp1 proftpd[9]: ftp1 (c[192.0.2.7]) - FTP session opened.",
        "<94>Sep  6 08:16:56 proftpd[9]: ftp1 (c[192.0.2.7]) - FTP session opened.",
        "2026-11-22T08:16:56.120+00:00 ftp1 proftpd[9]: ftp1 (c[192.0.2.7]) - FTP session opened.",
        "Sep  6 08:16:56 ftp1 proftpd[8]: 2026-11-22 08:16:56,120 ftp1 proftpd[9] ftp1 (c[192.0.2.7]): FTP session opened.",
        "log.1:2026-11-22 08:16:56,120 ftp1 proftpd[9] ftp1 (c[192.0.2.7]): FTP session opened.",
    ] {
        let Read::Taken(record) = FORMAT.read(&Bare::read(line.as_bytes())) else {
            panic!("{line}");
        };
        assert_eq!(record.number, 9, "{line}");
        assert!(record.client.starts_with(b"192.0.2.7") || record.client == b"2001:db8::7", "{line}");
    }
}

#[test]
fn other_lines_are_ignored_for_their_reason_or_not_known() {
    for (line, expected) in [
        ("2026-11-22 08:16:56,120 ftp1 proftpd[9] ftp1: ProFTPD 1.3.8 standalone mode STARTUP", DAEMON),
        ("2026-11-22 08:16:56,120 ftp1 proftpd[9]: warning: x", DAEMON),
        ("Sep  6 08:16:56 ftp1 proftpd[9]: ftp1 - ProFTPD killed (signal 15)", DAEMON),
        ("Sep  6 08:16:56 ftp1 proftpd: pam_unix(proftpd:session): session closed for user bob", "a message of PAM about a login"),
        ("2026-11-22 08:16:56,120 mod_sql/4.5[9]: opened connection", "a log of a module or of tracing"),
        ("2026-11-22 08:16:56,120 [9] <command:7>: dispatching CMD command 'NOOP'", "a log of a module or of tracing"),
        ("ftp1.example (c[192.0.2.7]) - FTP session opened.", "taken"),
        ("ftp1.example (c[nobody]) - FTP session opened.", "unrecognised"),
        ("Sep  6 08:16:56 ftp1 other[9]: ftp1 (c[192.0.2.7]) - FTP session opened.", "unrecognised"),
        ("proftpd[9] ftp1: FTP session opened.", "unrecognised"),
        ("proftpd[9]", "unrecognised"),
        ("2026-11-22 08:16:56,120 mod_tls/2.9.2", "unrecognised"),
        ("2026-11-22 08:16:56,120 ftp1 other[9] ftp1 (c[192.0.2.7]): FTP session opened.", "unrecognised"),
        ("Sep  6 08:16:56 ftp1 vsftpd[9]: ftp1 (c[192.0.2.7]) - FTP session opened.", "unrecognised"),
    ] {
        assert_eq!(format_of(line), expected, "{line}");
    }
}

/// The events of lines that differ in time, process and message, each behind the number of its session.
fn session(lines: &[(&str, u32, &str)]) -> Vec<String> {
    let lines = lines.iter().map(|(time, pid, message)| {
        format!("2026-11-22 {time},000 ftp1 proftpd[{pid}] ftp1 (c[192.0.2.7]): {message}\n")
    });
    let told = events_of("proftpd", &lines.collect::<String>());
    told.into_iter().map(|(number, words)| format!("{number} {words}")).collect()
}

#[test]
fn sessions_of_ssh_are_passed_over() {
    let told = session(&[
        ("08:00:00", 7, "SSH2 session opened."),
        ("08:00:01", 7, "USER bob: Login successful."),
        ("08:00:01", 8, "USER eve (Login failed): Incorrect password"),
        ("08:00:02", 7, "SSH2 session closed."),
        ("08:00:03", 7, "FTP session opened."),
    ]);
    let expected = [
        "1 introduced 192.0.2.7",
        "1 login eve refused",
        "2 introduced 192.0.2.7",
        "2 opened",
        "1 530 implied by Login failed",
        "1 closed input-ended",
        "2 closed input-ended",
    ];
    assert_eq!(told, expected);
}

#[test]
fn why_nobody_transferred_is_the_reason_for_closing() {
    let lines = [
        "2026-11-22 08:00:00,000 h proftpd[7] h (c[192.0.2.7]): FTP session opened.\n",
        "2026-11-22 08:10:00,000 h proftpd[7] h (c[192.0.2.7]): Passive data transfer failed, possibly due to network issues\n",
        "2026-11-22 08:10:00,000 h proftpd[7] h (c[192.0.2.7]): Check your PassivePorts and MasqueradeAddress settings,\n",
        "2026-11-22 08:10:00,000 h proftpd[7] h (c[192.0.2.7]): FTP no transfer timeout, disconnected\n",
    ];
    let told = events_of("proftpd", &lines.concat());
    assert_eq!(told[2].1, "421 implied by FTP no transfer timeout");
    let mut following = FORMAT.follow();
    let mut texts = Vec::new();
    for line in lines {
        if let Read::Taken(record) = FORMAT.read(&Bare::read(line.trim().as_bytes())) {
            following.record(&record, None, crate::diagnostic::Origin::default(), &mut |event| {
                if let crate::ftp::EventKind::Reply(reply) = &event.kind {
                    texts.push(reply.text.to_vec());
                }
            });
        }
    }
    assert_eq!(texts, [messages::NOBODY_CAME.as_bytes()]);
}

/// The clock of a process falls to UTC once it is locked into a directory.
#[test]
fn a_session_that_seems_to_go_back_is_one_session() {
    let told = session(&[
        ("10:00:00", 7, "FTP session opened."),
        ("08:04:17", 7, "USER bob: Login successful."),
        ("10:05:00", 8, "FTP session opened."),
        ("08:06:00", 7, "FTP no transfer timeout, disconnected"),
        ("15:05:01", 8, "USER eve: Login successful."),
        ("15:06:00", 8, "FTP session closed."),
    ]);
    let sessions = told.iter().filter(|words| words.contains("introduced")).count();
    assert_eq!(sessions, 2, "{told:?}");
    assert!(!told.iter().any(|words| words.contains("idle")), "{told:?}");
}

#[test]
fn no_password_is_in_a_record() {
    for message in [
        "dispatching CMD command 'PASS hunter2' to mod_auth",
        "dispatching CMD command 'SITE PSWD hunter2' to mod_site",
        "'PASS hunter2' denied by AllowFilter",
    ] {
        let line = format!("2026-11-22 08:16:56,120 ftp1 proftpd[9] ftp1 (c[192.0.2.7]): {message}");
        let read = FORMAT.read(&Bare::read(line.as_bytes()));
        assert!(matches!(read, Read::Taken(_)), "{message}");
        assert!(!shows(&read, "hunter2"), "{message}");
    }
}
