//! Messages in several languages, odd names, and sessions without process ids.

use std::fmt::Write as _;

use super::*;
use crate::log::tests::events_of;

fn told(lines: &[&str]) -> String {
    let mut log = String::new();
    for line in lines {
        writeln!(log, "Nov 22 08:16:56 ftp1 pure-ftpd[9]: {line}").unwrap();
    }
    let words = events_of("pureftpd", &log).into_iter().map(|(_, w)| w);
    words.collect::<Vec<_>>().join("; ")
}

#[test]
fn a_message_stands_for_its_reply_in_every_language() {
    for line in [
        "(?@192.0.2.7) [WARNING] Authentication failed for user [bob]",
        "(?@192.0.2.7) [WARNING] Autentificación fallida para el usuario [bob]",
        "(?@192.0.2.7) [WARNING] Autentyfikacja nie powiodła się dla użytkownika [bob]",
        "(?@192.0.2.7) [WARNING] [bob] kullanıcısı için giriş hatalı",
        "(?@192.0.2.7) [WARNING] Авторизация не удалась пользователю [bob]",
        "(?@192.0.2.7) [WARNING] 使用者[bob]验证失败",
        "(?@192.0.2.7) [WARNING] [bob] 유저 인증 실패",
    ] {
        assert_eq!(
            told(&[line]),
            "introduced 192.0.2.7; login bob refused; 530 implied by Authentication failed; closed input-ended",
            "{line}"
        );
    }
}

#[test]
fn names_may_hold_what_ends_them() {
    let opened = "introduced 192.0.2.7 a; ";
    assert_eq!(
        told(&[
            "(a@192.0.2.7) [NOTICE] /x downloaded  (1 bytes, 2.00KB/sec) downloaded  (3 bytes, 4.00KB/sec)"
        ]),
        format!(
            "{opened}RETR /x downloaded  (1 bytes, 2.00KB/sec) 3 incomplete; closed input-ended"
        )
    );
    assert_eq!(
        told(&["(a@192.0.2.7) [ERROR] Can't open a is now logged in: b: Permission denied"]),
        format!(
            "{opened}RETR a is now logged in: b; 550 implied by Can't open; closed input-ended"
        )
    );
    assert_eq!(
        told(&["(a@192.0.2.7) [NOTICE] File successfully renamed or moved: [a]->[b]->[c d]"]),
        format!(
            "{opened}RNTO c d; 250 implied by successfully renamed or moved; closed input-ended"
        )
    );
}

#[test]
fn a_client_that_is_not_let_in_is_named_by_the_first_process() {
    assert_eq!(
        told(&[
            "(?@198.51.100.1) [INFO] New connection from 198.51.100.1",
            "(?@?) [WARNING] Too many connections (2) from this IP: [192.0.2.7]",
        ]),
        "introduced 198.51.100.1; opened; introduced 192.0.2.7; 421 implied by Too many connections from this IP; \
         closed fin by server; closed input-ended"
    );
}

#[test]
fn without_pids_sessions_of_one_user_are_kept_apart_while_they_nest() {
    let log = "Nov 22 08:00:00 h pure-ftpd: (?@192.0.2.7) [INFO] New connection from 192.0.2.7\n\
               Nov 22 08:00:00 h pure-ftpd: (?@192.0.2.7) [INFO] bob is now logged in\n\
               Nov 22 08:00:01 h pure-ftpd: (?@192.0.2.7) [INFO] New connection from 192.0.2.7\n\
               Nov 22 08:00:01 h pure-ftpd: (?@192.0.2.7) [INFO] bob is now logged in\n\
               Nov 22 08:00:02 h pure-ftpd: (bob@192.0.2.7) [INFO] Logout.\n\
               Nov 22 08:00:03 h pure-ftpd: (bob@192.0.2.7) [NOTICE] Deleted /b\n\
               Nov 22 08:00:04 h pure-ftpd: (bob@192.0.2.7) [INFO] Logout.\n";
    let ends: Vec<_> = events_of("pureftpd", log)
        .into_iter()
        .filter(|(_, words)| words.starts_with("DELE") || words.starts_with("closed"))
        .collect();
    let wanted = [(2, "closed fin"), (1, "DELE /b"), (1, "closed fin")];
    assert_eq!(ends, wanted.map(|(n, w)| (n, w.to_owned())));
}

#[test]
fn damaged_lines_are_passed_over() {
    for line in [
        "(", "(a@b", "(a@b) ", "(ab) [INFO] x", "(a@b) [INFO", "(a@b) [DEBUG] ", "(a@b) [DEBUG] 22",
        "(a@b) [DEBUG] x [y]", "(a@b) [NOTICE] x  (y bytes, KB/sec)", "(a@b) [NOTICE] KB/sec)", "(?@?) [INFO] Too",
    ] {
        let log = format!("Nov 22 08:16:56 ftp1 pure-ftpd[9]: {line}");
        let read = FORMAT.read(&Bare::read(log.as_bytes()));
        assert!(matches!(read, Read::Ignored(_)), "{line}: {read:?}");
    }
}
