//! Lines of vsftpd and the sessions they make, with the traps that are known of them.

use crate::log::tests::{events_of, shows};
use crate::log::vsftpd::FORMAT;
use crate::log::{Bare, Fact, Format, Read};

const FTP1: &str = "Sun Nov 22 08:16:55 2026 ";

/// Lines `PID rest` become a file's lines; `@` stands for the client.
fn file(lines: &[&str]) -> String {
    let line = |line: &&str| {
        let (pid, rest) = line.split_once(' ').unwrap();
        format!(
            "{FTP1}[pid {pid}] {}\n",
            rest.replace('@', "Client \"192.0.2.7\"")
        )
    };
    lines.iter().map(line).collect()
}

/// The events of lines, without those that open and close sessions.
fn check(lines: &[&str], expected: &[(usize, &str)]) {
    let told = events_of("vsftpd", &file(lines));
    let inner = |words: &str| {
        !words.starts_with("introduced") && words != "opened" && words != "closed input-ended"
    };
    let told: Vec<_> = told
        .iter()
        .map(|(s, w)| (*s, w.as_str()))
        .filter(|(_, w)| inner(w))
        .collect();
    assert_eq!(told, expected);
}

fn text_of(line: &str) -> Option<(String, Option<String>)> {
    let Read::Taken(record) = super::FORMAT.read(&Bare::read(line.as_bytes())) else {
        return None;
    };
    let lossy = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    let text = match record.fact {
        Fact::Command(command) => lossy(command.argument().unwrap_or_default()),
        Fact::Reply { text, .. } => lossy(text),
        Fact::Transfer(transfer) => lossy(transfer.path),
        Fact::Done { argument, .. } => lossy(&argument),
        Fact::Login { accepted, .. } => format!("login {accepted}"),
        Fact::Opened { refused } => format!("opened {refused}"),
        Fact::Failed { .. } | Fact::Exchange(_) | Fact::Closed(_) | Fact::Remark(_) | Fact::Client(_) | Fact::Piece(_) => {
            "not vsftpd".to_owned()
        }
    };
    Some((text, record.user.map(lossy)))
}

fn check_text(rest: &str, text: &str, user: Option<&str>) {
    let line = format!(
        "{FTP1}[pid 7] {}",
        rest.replace('@', "Client \"192.0.2.7\"")
    );
    assert_eq!(
        text_of(&line),
        Some((text.to_owned(), user.map(str::to_owned))),
        "{line}"
    );
}

#[test]
fn quotes_brackets_and_commas_in_names_are_kept() {
    check_text(
        "[u] OK UPLOAD: @, \"/a\", \"b, 5 bytes\", 11 bytes, 56.84Kbyte/sec",
        "/a\", \"b, 5 bytes",
        Some("u"),
    );
    check_text(
        "[u] FAIL DOWNLOAD: @, \"/a, 7 bytes\", 0.00Kbyte/sec",
        "/a, 7 bytes",
        Some("u"),
    );
    check_text(
        "[u] FTP response: @, \"257 \"/\" is the current directory\"",
        "257 \"/\" is the current directory",
        Some("u"),
    );
    check_text(
        "[two words \"q\"] FAIL LOGIN: @",
        "login false",
        Some("two words \"q\""),
    );
    check_text("[a] b] OK LOGIN: @", "login true", Some("a] b"));
    check_text(
        "FTP command: @, \"USER x] OK LOGIN: @\"",
        "x] OK LOGIN: Client \"192.0.2.7\"",
        None,
    );
    check_text("[u] OK RENAME: @, \"/a b /c d\"", "/c d", Some("u"));
}

#[test]
fn a_user_name_can_not_forge_a_login() {
    let name = "x] OK LOGIN: Client \"203.0.113.9\"";
    check_text(
        &format!("[{name}] FTP response: @, \"331 Please specify the password.\""),
        "331 Please specify the password.",
        Some(name),
    );
    let name = "x] OK LOGIN: Client \"203.0.113.9\", \"y";
    check_text(
        &format!("[{name}] FAIL LOGIN: @"),
        "login false",
        Some(name),
    );
}

#[test]
fn what_follows_a_login_is_never_kept() {
    check_text(
        "[ftp] OK LOGIN: @, anon password \"x@y.example\"",
        "login true",
        Some("ftp"),
    );
    check_text(
        "[u] FAIL LOGIN: @, \"User is not in the allow user list.\"",
        "login false",
        Some("u"),
    );
    let told = events_of(
        "vsftpd",
        &file(&["7 [ftp] OK LOGIN: @, anon password \"hunter2\""]),
    );
    assert!(!shows(&told, "hunter2"));
}

#[test]
fn a_record_behind_a_message_without_line_end_is_found() {
    let line = "Fri Apr  4 19:20:35 2025 vsftpd [pid 7]: \"\" from \"192.0.2.7\": priv_sock_get_cmd\
                Fri Apr  4 19:20:41 2025 [pid 9] CONNECT: Client \"192.0.2.7\"";
    assert_eq!(text_of(line), Some(("opened false".to_owned(), None)));
    let line = Bare::read(&line.as_bytes()[..80]);
    assert_eq!(
        super::FORMAT.read(&line),
        Read::Ignored("a message of the server about itself")
    );
}

#[test]
fn three_processes_are_one_session() {
    check(
        &[
            "501 CONNECT: @",
            "601 CONNECT: @",
            "500 [u] OK LOGIN: @",
            "600 [u] FAIL LOGIN: @",
            "600 [v] OK LOGIN: @",
            "502 [u] OK DELETE: @, \"/a\"",
            "602 [v] FAIL UPLOAD: @, \"/b\", 0.00Kbyte/sec",
        ],
        &[
            (1, "login u accepted"),
            (2, "login u refused"),
            (2, "530 implied by FAIL LOGIN"),
            (2, "login v accepted"),
            (1, "230 implied by OK LOGIN"),
            (2, "230 implied by OK LOGIN"),
            (2, "STOR /b 0 incomplete"),
            (1, "DELE /a"),
            (1, "250 implied by OK DELETE"),
            (2, "one of [421, 425, 426, 451, 522, 550, 553] by FAIL UPLOAD"),
        ],
    );
}

#[test]
fn an_observed_reply_is_never_implied_too() {
    check(
        &[
            "501 CONNECT: @",
            "501 FTP command: @, \"USER u\"",
            "501 [u] FTP response: @, \"331 Password.\"",
            "501 [u] FTP command: @, \"PASS <password>\"",
            "500 [u] FAIL LOGIN: @",
            "501 [u] FTP response: @, \"530 Login incorrect.\"",
            "501 FTP command: @, \"QUIT\"",
            "501 FTP response: @, \"221 Goodbye.\"",
            "700 [w] OK LOGIN: @",
            "702 [w] FTP response: @, \"230 Login successful.\"",
            "801 CONNECT: @, \"Connection refused: too many sessions.\"",
            "801 FTP response: @, \"421 Too many.\"",
            "901 CONNECT: @, \"Connection refused: tcp_wrappers denial.\"",
        ],
        &[
            (1, "USER u"),
            (1, "331 Password."),
            (1, "PASS secret"),
            (1, "login u refused"),
            (1, "530 Login incorrect."),
            (1, "QUIT"),
            (1, "221 Goodbye."),
            (1, "closed goodbye"),
            (2, "login w accepted"),
            (2, "230 Login successful."),
            (3, "421 Too many."),
            (3, "closed fin by server"),
            (4, "421 implied by Connection refused"),
            (4, "closed fin by server"),
        ],
    );
}

#[test]
fn a_refusal_and_its_reply_are_one_where_all_processes_have_the_same_number() {
    check(
        &[
            "2 CONNECT: @, \"Connection refused: tcp_wrappers denial.\"",
            "2 FTP response: @, \"421 Service not available.\"",
            "2 CONNECT: @",
            "2 FTP response: @, \"220 Hi\"",
        ],
        &[
            (1, "421 Service not available."),
            (1, "closed fin by server"),
            (2, "220 Hi"),
        ],
    );
}

#[test]
fn a_line_without_its_date_or_with_blanks_behind_it_is_read() {
    for line in [
        "FTP response: Client \"<hidden>\", \"331 Please specify the password.\"",
        "[pid 501] [two words] FAIL LOGIN: Client \"192.0.2.7\"",
        "Sun Nov 22 08:16:55 2026 [pid 501] CONNECT: Client \"192.0.2.7\"  ",
    ] {
        let read = FORMAT.read(&Bare::read(line.as_bytes()));
        assert!(matches!(read, Read::Taken(_)), "{line}: {read:?}");
    }
    let line = b"Sun Nov 22 08:16:55 2026 [pid 501] FTP command: Client \"192.0.2.7\", \"USER bob\" ";
    let Read::Taken(record) = FORMAT.read(&Bare::read(line)) else {
        panic!("not taken");
    };
    assert!(matches!(&record.fact, Fact::Command(command) if command.argument() == Some(b"bob")), "{record:?}");
}

#[test]
fn pieces_of_a_reply_are_no_replies() {
    check(
        &[
            "502 [u] FTP response: @, \"211-Status:\"",
            "502 [u] FTP response: @, \"     Connected to \"",
            "502 [u] FTP response: @, \"127.0.0.1\"",
            "502 [u] FTP response: @, \"??\"",
            "502 [u] FTP response: @, \"     Timeout is \"",
            "502 [u] FTP response: @, \"300\"",
            "502 [u] FTP response: @, \"??\"",
            "502 [u] FTP response: @, \"211 End\"",
            "502 [u] FTP response: @, \"300\"",
        ],
        &[(
            1,
            "211 Status:\n     Connected to 127.0.0.1\n     Timeout is 300\nEnd",
        )],
    );
}

#[test]
fn a_piece_with_a_line_end_in_it_spans_two_lines() {
    let lines = "<94>Nov 22 07:15:17 vsftpd[502]: [u] FTP response: Client \"192.0.2.7\", \"211-Features:\"\n\
                 <94>Nov 22 07:15:17 vsftpd[502]: [u] FTP response: Client \"192.0.2.7\", \" EPRT\r\n\"\n\
                 <94>Nov 22 07:15:17 vsftpd[502]: [u] FTP response: Client \"192.0.2.7\", \" EPSV#015#012\"\n\
                 <94>Nov 22 07:15:17 vsftpd[502]: [u] FTP response: Client \"192.0.2.7\", \"211 End\"\n";
    let told = events_of("vsftpd", lines);
    assert_eq!(told[1].1, "211 Features:\n EPRT\n EPSV\nEnd");
}

#[test]
fn in_a_pid_namespace_address_user_and_order_tell() {
    let lines = file(&[
        "2 CONNECT: @",
        "1 [u] OK LOGIN: @",
        "3 [u] OK DELETE: @, \"/a\"",
        "2 CONNECT: @",
        "1 [u] FAIL LOGIN: @",
        "3 [u] OK DELETE: @, \"/b\"",
        "2 CONNECT: Client \"192.0.2.8\"",
    ]);
    let told = events_of("vsftpd", &lines);
    let of = |words: &str| told.iter().find(|(_, w)| w == words).map(|(s, _)| *s);
    assert_eq!(of("introduced 192.0.2.8 approximate"), Some(3));
    assert_eq!((of("DELE /a"), of("DELE /b")), (Some(1), Some(1)));
    assert_eq!(of("login u refused"), Some(2));
}

#[test]
fn the_same_pid_later_is_another_session() {
    check(
        &[
            "501 CONNECT: @",
            "500 [u] OK LOGIN: @",
            "501 CONNECT: @",
            "500 [u] OK LOGIN: @",
        ],
        &[
            (1, "login u accepted"),
            (2, "login u accepted"),
            (1, "230 implied by OK LOGIN"),
            (2, "230 implied by OK LOGIN"),
        ],
    );
}

#[test]
fn a_login_given_to_the_wrong_session_is_given_back() {
    check(
        &[
            "505 CONNECT: @",
            "506 CONNECT: @",
            "505 FTP command: @, \"USER u\"",
            "506 FTP command: @, \"USER u\"",
            "506 [u] FTP command: @, \"PASS <password>\"",
            "505 [u] FTP command: @, \"PASS <password>\"",
            "500 [u] OK LOGIN: @",
            "505 [u] FTP response: @, \"530 Login incorrect.\"",
            "509 [u] FTP response: @, \"230 Login successful.\"",
        ],
        &[
            (1, "USER u"),
            (2, "USER u"),
            (2, "PASS secret"),
            (1, "PASS secret"),
            (1, "login u accepted"),
            (1, "530 Login incorrect."),
            (2, "230 Login successful."),
        ],
    );
}

/// A forwarder may take off the date only, or nothing at all.
#[test]
fn a_line_of_a_file_that_went_through_syslog_keeps_its_own_process() {
    let syslog = "Nov 22 08:16:55 ftp1 vsftpd: ";
    let lines = [
        "501 CONNECT: @",
        "500 [backup] FAIL LOGIN: @",
        "501 [backup] FTP response: @, \"530 Login incorrect.\"",
    ];
    let expected = ["introduced 192.0.2.7", "opened", "login backup refused", "530 Login incorrect.", "closed input-ended"];
    for tag in [syslog, "<14>1 2026-11-22T08:16:55Z ftp1 vsftpd.log 9 - - ", "Nov 22 08:16:55 ftp1 "] {
        let whole = file(&lines).replace(FTP1, &format!("{tag}{FTP1}"));
        let told: Vec<_> = events_of("vsftpd", &whole).into_iter().map(|(_, w)| w).collect();
        assert_eq!(told, expected, "{whole}");
    }
    let undated = file(&lines).replace(FTP1, syslog);
    let told: Vec<_> = events_of("vsftpd", &undated).into_iter().map(|(_, w)| w).collect();
    assert_eq!(told, expected, "{undated}");
    // Such is a user's name.
    let line = format!("{syslog}[pid 2210] FAIL LOGIN: Client \"192.0.2.7\"");
    assert_eq!(text_of(&line), Some(("login false".to_owned(), Some("pid 2210".to_owned()))));
}
