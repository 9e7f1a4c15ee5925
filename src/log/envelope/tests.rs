//! What others put around a message, and lines that only look so.

use super::*;

fn check(line: &str, stamp: Stamp, tag: &str, pid: Option<u32>, message: &str) {
    let bare = Bare::read(line.as_bytes());
    assert_eq!(bare.stamp, stamp, "{line}");
    assert_eq!(bare.tag.unwrap_or_default(), tag.as_bytes(), "{line}");
    assert_eq!(bare.pid, pid, "{line}");
    assert_eq!(bare.message, message.as_bytes(), "{line}");
}

#[test]
fn every_envelope_gives_the_same_message() {
    let days = days_from_date(2026, 11, 22) * DAY;
    let seconds = 8 * 3600 + 62;
    let yearless = Stamp::Yearless(11, 22, 8 * 3600 + 62);
    let local = Stamp::Local(days + seconds, 0);
    let utc = |nanos| Stamp::Utc(Timestamp::from_seconds(days + seconds, nanos));
    for (line, stamp) in [
        ("Nov 22 08:01:02 ftp1 vsftpd[7]: hi", yearless),
        ("<94>Nov 22 08:01:02 vsftpd[7]: hi", yearless),
        ("\0\0Nov 22 08:01:02 ftp1 vsftpd[7]: hi\r", yearless),
        ("Nov 22 08:01:02 ftp1 vsftpd(pam_unix)[7]: hi", yearless),
        ("2026-11-22T08:01:02 ftp1 vsftpd[7]: hi", local),
        ("2026-11-22T08:01:02+00:00 ftp1 vsftpd[7]: hi", utc(0)),
        (
            "2026-11-22T10:01:02.5+02:00 ftp1 vsftpd[7]: hi",
            utc(500_000_000),
        ),
        ("<94>1 2026-11-22T08:01:02Z ftp1 vsftpd 7 - - hi", utc(0)),
        (
            "<94>1 2026-11-22T08:01:02Z h vsftpd 7 - [a b=\"c\\]\"] \u{feff}hi",
            utc(0),
        ),
    ] {
        check(line, stamp, "vsftpd", Some(7), "hi");
    }
    let line = "Nov  2 00:00:00 ftp1 vsftpd: hi";
    check(line, Stamp::Yearless(11, 2, 0), "vsftpd", None, "hi");
}

#[test]
fn what_others_put_in_front_is_taken_off() {
    let seconds = days_from_date(2026, 11, 22) * DAY + 8 * 3600 + 62;
    let utc = Stamp::Utc(Timestamp::from_seconds(seconds, 0));
    let yearless = Stamp::Yearless(11, 22, 8 * 3600 + 62);
    for (line, stamp, tag, message) in [
        (
            "/var/log/vsftpd.log:Sun Nov x",
            Stamp::None,
            "",
            "Sun Nov x",
        ),
        ("vsftpd.log.1:17:Sun Nov x", Stamp::None, "", "Sun Nov x"),
        (
            "time=[22/Nov/2026:08:16:55 +0000] x",
            Stamp::None,
            "",
            "time=[22/Nov/2026:08:16:55 +0000] x",
        ),
        (
            "from=192.0.2.7:21:X",
            Stamp::None,
            "",
            "from=192.0.2.7:21:X",
        ),
        ("eve.json.7.gz:12477:{}", Stamp::None, "", "{}"),
        (
            "fzs.log:(000001)1/1/2026",
            Stamp::None,
            "",
            "(000001)1/1/2026",
        ),
        ("ftp.log:8:16 x", Stamp::None, "", "16 x"),
        ("lftp.log:---> QUIT", Stamp::None, "", "---> QUIT"),
        ("ftp-1  | Sun Nov x", Stamp::None, "", "Sun Nov x"),
        ("./a:Nov 22 08:01:02 h vsftpd: hi", yearless, "vsftpd", "hi"),
        (
            "Nov 22 08:01:02.123456 h vsftpd: hi",
            yearless,
            "vsftpd",
            "hi",
        ),
        ("2026-11-22T08:01:02+0000 h vsftpd: hi", utc, "vsftpd", "hi"),
        (
            "2026-11-22T08:01:02Z stdout F Sun Nov x",
            utc,
            "",
            "Sun Nov x",
        ),
        ("2026-11-22T08:01:02Z stderr P hi", utc, "", "hi"),
        (
            "2026-11-22T08:01:03Z stdout F Nov 22 08:01:02 h vsftpd: hi",
            yearless,
            "vsftpd",
            "hi",
        ),
        (
            "proftpd[7] host (a[b]): hi",
            Stamp::None,
            "",
            "proftpd[7] host (a[b]): hi",
        ),
        ("a.b:", Stamp::None, "", "a.b:"),
        ("a.b:c.d:X", Stamp::None, "", "a.b:c.d:X"),
        ("fe80::1 - - x", Stamp::None, "", "fe80::1 - - x"),
    ] {
        check(line, stamp, tag, None, message);
    }
}

#[test]
fn a_line_in_no_envelope_is_its_own_message() {
    for line in [
        "",
        "hello",
        "Nov",
        "<1",
        "<94>1",
        "2026-11-22",
        "Nov 22 99:99:99 a b: c",
        "Nov 22 08:01:02 a b c",
    ] {
        check(line, Stamp::None, "", None, line);
    }
}

#[test]
fn repetitions_are_counted() {
    let bare =
        Bare::read(b"Nov 22 08:01:02 h vsftpd[7]: message repeated 3 times: [ [u] FAIL LOGIN]");
    assert_eq!((bare.times, bare.message), (3, &b"[u] FAIL LOGIN"[..]));
}

#[test]
fn ctime_with_every_padding_and_nothing_else() {
    let local = Stamp::Local(days_from_date(2026, 11, 8) * DAY + 62, 0);
    for line in [
        "Sun Nov  8 00:01:02 2026 x",
        "Sun Nov 8 00:01:02 2026 x",
        "Sun Nov 08 00:01:02 2026 x",
    ] {
        assert_eq!(ctime(line.as_bytes()), Some((local, &b" x"[..])), "{line}");
    }
    for line in [
        "Sun Nov  8 24:01:02 2026",
        "Sun Nov 32 00:01:02 2026",
        "San Nov 12 00:01:02 2026",
        "Sun Nov",
    ] {
        assert_eq!(ctime(line.as_bytes()), None, "{line}");
    }
}

#[test]
fn who_passed_a_line_on_may_put_a_date_and_a_name_in_front() {
    let yearless = Stamp::Yearless(11, 22, 8 * 3600 + 62);
    let seconds = days_from_date(2026, 11, 22) * DAY + 8 * 3600 + 62;
    let utc = Stamp::Utc(Timestamp::from_seconds(seconds, 0));
    let line = "Nov 22 08:01:03 relay Nov 22 08:01:02 h vsftpd: hi";
    check(line, yearless, "vsftpd", None, "hi");
    let message = "Sun Nov 22 08:01:02 2026 [pid 5] x";
    let line = format!("2026-11-22T08:01:02Z relay {message}");
    check(&line, utc, "", None, message);
}

#[test]
fn a_line_that_a_forwarder_took_from_a_file_is_a_line_of_its_own() {
    let yearless = Stamp::Yearless(11, 22, 8 * 3600 + 62);
    let head = "Nov 22 08:01:02 h tag: ";
    for message in [
        "Sun Nov 22 08:01:02 2026 [pid 5] x",
        "2026-11-22 08:01:02,123 h proftpd[7] v (a[b]): x",
        "2026-11-22T08:01:02.123Z << [FTP Session 1 192.0.2.7] 220 x",
        "(000001)1/1/2026 8:00:00 - (not logged in) (192.0.2.7)> x",
        "{\"a\":1}",
        "192.0.2.7 - alice [22/Nov/2026:08:16:56 +0000] \"PUT /a\" 200 5",
        "[22/Nov/2026:08:16:56 +0000] 192.0.2.7 alice STOR \"/a\" 226 9",
        "1795335742 6b02a63e.35b5 alice 192.0.2.7 D 260 0 /a",
    ] {
        let line = format!("{head}{message}");
        let inside = Bare::read(line.as_bytes()).forwarded().unwrap();
        assert_eq!((inside.tag, inside.stamp), (None, yearless), "{line}");
        assert_eq!(inside.message, message.as_bytes(), "{line}");
    }
    let line = format!("{head}Nov 22 08:01:01 ftp1 vsftpd[7]: hi");
    let inside = Bare::read(line.as_bytes()).forwarded().unwrap();
    assert_eq!((inside.tag, inside.pid), (Some(&b"vsftpd"[..]), Some(7)));
    for message in ["hi", "[u] OK LOGIN", "2026 was", "Sunday", ""] {
        let line = format!("{head}{message}");
        assert_eq!(Bare::read(line.as_bytes()).forwarded(), None, "{line}");
    }
    assert_eq!(Bare::read(b"Sun Nov 22 08:01:02 2026 x").forwarded(), None);
}
