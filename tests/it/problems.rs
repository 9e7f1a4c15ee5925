//! What people bring to ftpwhy, and what its report must say about it: the cause, who can mend it, what shows it, what to
//! do, and what can't be known. testdata/README.md has the list.

use crate::cli::ftpwhy;
use crate::support::Temporary;
use crate::synth::{Container, Conversation, capture, merge};
use crate::traffic::vsftpd_log;

pub(crate) const LOGIN: &str =
    "< 220 ready\n> USER bob\n< 331 password please\n> PASS x\n< 230 welcome\n";
pub(crate) const PASV: &str = "> PASV\n< 227 Entering Passive Mode (192,0,2,10,195,80).\n";
pub(crate) const BYE: &str = "> QUIT\n< 221 bye\n! client fin\n";

pub(crate) fn conversations(talks: &[String]) -> Vec<Conversation> {
    talks.iter().map(|talk| Conversation::parse(talk)).collect()
}

/// The report about a file, its lines joined by one blank each.
fn report_of(name: &str, bytes: &[u8]) -> String {
    let temporary = Temporary::new();
    let path = temporary.file(name, bytes);
    let output = ftpwhy(&[path.to_str().unwrap(), "--year", "2026", "--log-tz", "UTC"]);
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The report about a capture of these sessions.
fn of_capture(talks: &[String]) -> String {
    let packets = conversations(talks)
        .iter()
        .map(Conversation::packets)
        .collect();
    report_of("x.pcap", &capture(&merge(packets), Container::PcapMicros))
}

/// The report about a server's log of these sessions.
fn of_log(talks: &[String]) -> String {
    report_of(
        "vsftpd.log",
        vsftpd_log(&conversations(talks), 1).as_bytes(),
    )
}

fn check(report: &str, says: &[&str]) {
    for words in says {
        assert!(report.contains(words), "no {words:?} in {report}");
    }
}

/// The sessions of clients from .1 on, a minute apart, with what `talk` gives for each.
pub(crate) fn sessions(count: u32, talk: impl Fn(u32) -> String) -> Vec<String> {
    let head = |n: u32| {
        let (host, minute) = (n % 200 + 1, n % 60);
        let port = 40_000 + n;
        format!(
            "client 198.51.100.{host}:{port}\nstart 2026-03-01T{:02}:{minute:02}:00Z\n",
            n / 60
        )
    };
    (0..count).map(|n| head(n) + &talk(n)).collect()
}

#[test]
fn the_listing_hangs_for_a_private_address() {
    let talk = format!(
        "{LOGIN}> PASV\n< 227 Entering Passive Mode (10,0,0,5,195,80)\n> LIST\n! data unanswered\nwait 60s\n< 425 Failed to establish connection.\n{BYE}"
    );
    check(
        &of_capture(std::slice::from_ref(&talk)),
        &[
            "data-private-address server",
            "certain",
            "PASV announces 10.0.0.5:50000; the client reached the server as 192.0.2.10",
            "SYN unanswered, 3 in 3.0 s",
            "vsftpd: pasv_address; ProFTPD: MasqueradeAddress; Pure-FTPd: ForcePassiveIP; IIS: FTP Firewall Support",
        ],
    );
    check(
        &of_log(&[talk]),
        &[
            "data-private-address server",
            "likely",
            "-> 425 Failed to establish connection. (after 60.0 s)",
        ],
    );
}

#[test]
fn the_listing_hangs_for_a_closed_port() {
    let talk = |fate: &str| {
        format!(
            "{LOGIN}{PASV}> LIST\n! data {fate}\nwait 60s\n< 425 Failed to establish connection.\n{BYE}"
        )
    };
    let open = "Open the passive port range in every firewall on the way (vsftpd: pasv_min_port, pasv_max_port";
    check(
        &of_capture(&[talk("unanswered")]),
        &[
            "data-passive-not-connected network",
            "certain",
            "SYN unanswered, 3 in 3.0 s",
            open,
        ],
    );
    check(
        &of_capture(&[talk("refused")]),
        &["data-passive-not-connected network", "SYN refused after"],
    );
    // A log only shows how long the server waited.
    check(
        &of_log(&[talk("unanswered")]),
        &[
            "data-passive-not-connected network",
            "likely",
            "(after 60.0 s)",
        ],
    );
}

#[test]
fn the_tls_session_of_the_data_connection_is_not_resumed() {
    let talk = format!(
        "< 220 ready\n> AUTH TLS\n< 234 go on\n> USER bob\n< 331 password please\n> PASS x\n< 230 welcome\n{PASV}> LIST\n< 150 go\n\
         < 522 SSL connection failed; session reuse required: see require_ssl_reuse option in vsftpd.conf man page\n{BYE}"
    );
    check(
        &of_log(&[talk]),
        &[
            "tls-session-reuse-required client",
            "certain",
            "LIST -> 522 SSL connection failed; session reuse required",
            "vsftpd: require_ssl_reuse=NO; ProFTPD: TLSOptions NoSessionReuseRequired",
        ],
    );
}

#[test]
fn the_control_connection_dies_in_a_long_transfer() {
    let talk = format!(
        "{LOGIN}{PASV}> RETR big.iso\n< 150 go\nwait 3600s\n! data opened 490000 server fin\nwait 2s\n! server reset\n"
    );
    check(
        &of_capture(&[talk]),
        &[
            "net-control-lost-in-transfer network",
            "likely",
            "reset by the server after 3602",
            "data connection ended by the server (fin) after 490000 bytes",
            "TCP keep-alive, or send NOOP during long transfers",
        ],
    );
    let idle = format!("{LOGIN}wait 300s\n< 421 Timeout.\n! server fin\n");
    check(
        &of_log(&[idle]),
        &["No failure seen", "not counted: 1 timeout-idle"],
    );
    let busy = format!(
        "{LOGIN}{}< 421 No transfer timeout (600 seconds): closing control connection\n! server fin\n",
        "> MKD a\n< 257 made\nwait 20s\n".repeat(30)
    );
    check(
        &of_log(&[busy]),
        &[
            "timeout-no-transfer server",
            "likely",
            "421 No transfer timeout",
            "ProFTPD: TimeoutNoTransfer",
        ],
    );
}

#[test]
fn the_file_is_there_and_the_server_says_426() {
    let talk = format!(
        "< 220 ready\n> AUTH TLS\n< 234 go on\n> USER bob\n< 331 password please\n> PASS x\n< 230 welcome\n{PASV}> STOR a.bin\n< 150 go\n\
         ! data opened 468445 client fin\n< 426 Failure reading network stream.\n> SIZE a.bin\n< 213 468445\n{BYE}"
    );
    check(
        &of_log(&[talk]),
        &[
            "tls-closed-uncleanly client",
            "likely",
            "STOR a.bin -> 426 Failure reading network stream.",
            "SIZE a.bin -> 213 468445",
            "vsftpd: strict_ssl_read_eof=NO",
        ],
    );
    let cancelled = format!(
        "{LOGIN}{PASV}> RETR a.bin\n< 150 go\n! data opened 9000 server by receiver reset\n< 426 Failure writing network stream.\n{BYE}"
    );
    check(
        &of_capture(&[cancelled]),
        &["data connection ended by the client (reset) after 9000 bytes"],
    );
}

#[test]
fn the_right_password_is_refused() {
    let oops = "< 220 ready\n> USER bob\n< 331 password please\n> PASS x\n< 500 OOPS: vsftpd: refusing to run with writable root inside chroot()\n! server fin\n";
    check(
        &of_capture(&[oops.to_owned()]),
        &[
            "auth-home-unavailable server",
            "certain",
            "allow_writeable_chroot=YES",
        ],
    );
    let limit = "< 220 ready\n> USER bob\n< 331 password please\n> PASS x\n< 530 Sorry, the maximum number of clients (3) for this user are already connected.\n! server fin\n";
    check(
        &of_capture(&[limit.to_owned()]),
        &["limit-connections-per-client"],
    );
    let list = "< 220 ready\n> USER bob\n< 530 Permission denied.\n! server fin\n";
    check(
        &of_log(&[list.to_owned()]),
        &[
            "auth-user-not-permitted policy",
            "userlist_file",
            "/etc/shells",
        ],
    );
    let wrong = format!(
        "< 220 ready\n> USER bob\n< 331 password please\n> PASS x\n< 530 Login incorrect.\n{BYE}"
    );
    check(
        &of_log(&[wrong]),
        &[
            "auth-bad-credentials client",
            "Read the server's authentication log for the true reason",
        ],
    );
}

#[test]
fn it_is_550_and_553_but_why() {
    let probe = format!(
        "{LOGIN}> SIZE a.txt\n< 550 Could not get file size.\n{PASV}> STOR a.txt\n< 150 go\n! data opened 99 client fin\n< 226 done\n{BYE}"
    );
    check(
        &of_log(&[probe]),
        &["No failure seen", "not counted: 1 path-unavailable"],
    );
    let missing = format!("{LOGIN}{PASV}> RETR a.txt\n< 550 No such file or directory.\n{BYE}");
    check(&of_log(&[missing]), &["path-not-found client"]);
    let denied = format!("{LOGIN}{PASV}> STOR a.txt\n< 550 Permission denied.\n{BYE}");
    check(
        &of_log(&[denied]),
        &[
            "access-permission-denied server",
            "Compare owner, group and mode",
        ],
    );
    let astray = format!(
        "{LOGIN}> CWD reports\n< 550 Failed to change directory.\n{PASV}> RETR a.txt\n< 550 Failed to open file.\n{BYE}"
    );
    check(
        &of_log(&[astray]),
        &[
            "path-wrong-directory client",
            "RETR a.txt -> 550",
            "CWD reports -> 550",
            "stop after a refused CWD",
        ],
    );
}

#[test]
fn the_upload_was_reported_fine_and_the_file_is_short() {
    let short = format!(
        "{LOGIN}> ALLO 4212\n< 200 ok\n{PASV}> STOR index.php\n< 150 go\n! data opened 1448 client fin\n< 226 Transfer complete.\n{BYE}"
    );
    check(
        &of_capture(&[short]),
        &[
            "data-incomplete client",
            "likely",
            "STOR index.php -> 226",
            "after 1448 bytes, 4212 expected by ALLO",
            "compare the sizes",
        ],
    );
    let empty = format!(
        "{LOGIN}> ALLO 4212\n< 200 ok\n{PASV}> STOR index.php\n< 150 go\n! data opened 0 client fin\n< 226 Transfer complete.\n{BYE}"
    );
    check(
        &of_capture(&[empty]),
        &["data-empty", "after 0 bytes, 4212 expected by ALLO"],
    );
    let spoiled = format!(
        "{LOGIN}> TYPE A\n< 200 ok\n> SIZE a.zip\n< 213 50000\n{PASV}> RETR a.zip\n< 150 go\n! data opened 50208 server fin\n< 226 Transfer complete.\n{BYE}"
    );
    check(
        &of_capture(&[spoiled]),
        &[
            "data-ascii-damage client",
            "likely",
            "TYPE A -> 200",
            "after 50208 bytes, 50000 expected by SIZE",
            "Send TYPE I",
        ],
    );
}

#[test]
fn a_quota_or_a_full_disk_hides_under_another_message() {
    let talk = |reply: &str| {
        format!(
            "{LOGIN}{PASV}> STOR a.bin\n< 150 go\n! data opened 4000 client fin\n< {reply}\n{BYE}"
        )
    };
    check(
        &of_log(&[talk(
            "552-Transfer aborted.\n<+ 552 Quota exceeded: used 245791 of 245760 KB",
        )]),
        &["storage-quota-exceeded policy"],
    );
    check(
        &of_log(&[talk("452 Error writing file: No space left on device")]),
        &["storage-full server", "certain"],
    );
    // vsftpd gives no reason: what can't be known is said.
    check(
        &of_log(&[talk("451 Failure writing to local file.")]),
        &["storage-io-error server", "full or a quota is used up"],
    );
}

#[test]
fn the_login_is_slow() {
    let talk = format!("wait 10s\n{LOGIN}{BYE}");
    check(
        &of_capture(&[talk]),
        &[
            "No failure seen",
            "not counted: 1 server-slow-greeting",
            "greeting 1 10.0",
        ],
    );
    let explained = ftpwhy(&["explain", "server-slow-greeting"]).stdout;
    let explained = String::from_utf8(explained).unwrap();
    assert!(
        explained.contains("reverse_lookup_enable=NO"),
        "{explained}"
    );
}

#[test]
fn active_mode_from_behind_nat() {
    let talk = |end: &str| format!("{LOGIN}> PORT 192,168,0,100,199,61\n{end}{BYE}");
    check(
        &of_capture(&[talk("< 500 Illegal PORT command.\n")]),
        &[
            "data-port-refused client",
            "certain",
            "PORT 192,168,0,100,199,61 -> 500",
            "Switch the client to passive mode.",
        ],
    );
    let unanswered = format!(
        "{LOGIN}> PORT 198,51,100,11,199,61\n< 200 ok\n> LIST\n! data unanswered\nwait 60s\n< 425 Failed to establish connection.\n{BYE}"
    );
    check(
        &of_capture(&[unanswered]),
        &[
            "data-active-connect-failed network",
            "certain",
            "SYN unanswered",
            "Switch the client to passive mode.",
        ],
    );
    let bounce = format!("{LOGIN}> PORT 192,0,2,77,0,25\n< 500 Illegal PORT command.\n{BYE}");
    check(
        &of_capture(&[bounce]),
        &[
            "data-port-refused",
            "PORT 192,0,2,77,0,25 -> 500",
            "Treat many different targets from one client as abuse.",
        ],
    );
}

#[test]
fn the_server_hangs_up_before_it_greets() {
    let talks = sessions(3, |_| "! server fin\n".to_owned());
    check(
        &of_capture(&talks),
        &[
            "access-host-denied policy",
            "likely",
            "hosts.allow and hosts.deny",
        ],
    );
}

#[test]
fn the_log_can_not_tell() {
    let log = "Sun Mar  1 00:00:01 2026 [pid 7] CONNECT: Client \"198.51.100.11\"\n\
               Sun Mar  1 00:00:02 2026 [pid 6] [bob] OK LOGIN: Client \"198.51.100.11\"\n\
               Sun Mar  1 00:00:03 2026 [pid 8] [bob] FAIL UPLOAD: Client \"198.51.100.11\", \"/a\", 0.00Kbyte/sec\n\
               half a li\n";
    check(
        &report_of("vsftpd.log", log.as_bytes()),
        &[
            "This server log holds no reply codes: failures that only a reply tells of are not in it.",
            "vsftpd.log vsftpd 4 3 0 1",
            "vsftpd does not tell: commands and replies, without log_ftp_protocol=YES",
            "log_ftp_protocol=YES with xferlog_std_format=NO writes the replies down",
        ],
    );
}

#[test]
fn too_many_connections_and_the_limit_in_force() {
    let stay = |n: u32| {
        let port = 41_000 + n;
        format!(
            "client 198.51.100.23:{port}\nstart 2026-03-01T00:00:0{n}Z\n{LOGIN}wait 600s\n{BYE}"
        )
    };
    let refused = |n: u32| {
        let (port, minute) = (42_000 + n, n + 1);
        format!(
            "client 198.51.100.23:{port}\nstart 2026-03-01T00:0{minute}:00Z\n< 421 There are too many connections from your internet address.\n! server fin\n"
        )
    };
    let talks: Vec<String> = (0..8).map(stay).chain((0..5).map(refused)).collect();
    check(
        &of_capture(&talks),
        &[
            "limit-connections-per-client client",
            "limit 8 sessions of the client open at each of 5 refusals",
            "vsftpd: max_per_ip; ProFTPD: MaxClientsPerHost",
        ],
    );
    let others: Vec<String> = talks
        .iter()
        .map(|talk| talk.replace("from your internet address", "to this server"))
        .collect();
    check(
        &of_capture(&others),
        &["limit 8 sessions open at each of 5 refusals"],
    );
}

#[test]
fn the_passive_pool_is_too_small() {
    let fine = |n: u32| {
        let port = n % 10;
        format!(
            "{LOGIN}> PASV\n< 227 Entering Passive Mode (192,0,2,10,195,8{port}).\n> LIST\n< 150 go\n! data opened 99 server fin\n< 226 done\n{BYE}"
        )
    };
    let none = |_| {
        format!("{LOGIN}> PASV\n< 425 Can't open passive connection: Address already in use\n{BYE}")
    };
    let mut talks = sessions(20, fine);
    talks.extend(sessions(26, none).split_off(20));
    check(
        &of_capture(&talks),
        &[
            "data-pool-exhausted server",
            "likely",
            "ports 50000 to 50009, 10 ports given out",
            "PASV -> 425",
            "ProFTPD: PassivePorts",
        ],
    );
}

#[test]
fn passwords_are_guessed_from_one_place_and_from_many() {
    let wrong = |user: &str| {
        format!("> USER {user}\n< 331 password please\n> PASS x\n< 530 Login incorrect.\n")
    };
    let one = format!(
        "client 203.0.113.77:40001\n< 220 ready\n{}{BYE}",
        wrong("admin").repeat(12)
    );
    let got_in = format!(
        "client 203.0.113.77:40002\nstart 2026-03-01T01:00:00Z\n< 220 ready\n> USER backup\n< 331 pw\n> PASS y\n< 230 welcome\n{BYE}"
    );
    check(
        &of_capture(&[one, got_in]),
        &[
            "abuse-brute-force client",
            "203.0.113.77: 12 logins refused",
            "got in as backup at 01:00:00",
            "look there first",
            "fail2ban",
        ],
    );
    // Three tries from each of nine neighbours.
    let talk = |n: u32| {
        format!(
            "client 203.0.113.{n}:40001\nstart 2026-03-01T00:0{n}:00Z\n< 220 ready\n{}{BYE}",
            wrong("bob").repeat(3)
        )
    };
    check(
        &of_capture(&(1..10).map(talk).collect::<Vec<_>>()),
        &[
            "27 100.0 % 9",
            "abuse-brute-force",
            "network 203.0.113.0/24: 27 logins refused, 9 clients, 0 let in",
        ],
    );
    // One name from everywhere.
    let talk = |n: u32| {
        format!(
            "client 203.0.{n}.7:40001\nstart 2026-03-01T00:{n}:00Z\n< 220 ready\n{}{BYE}",
            wrong("root")
        )
    };
    check(
        &of_capture(&(10..22).map(talk).collect::<Vec<_>>()),
        &[
            "abuse-brute-force",
            "user root: 12 logins refused, 12 clients, 0 let in",
        ],
    );
    // Let in before and refused since: a change, not a guess.
    let mut talks = sessions(4, |_| format!("{LOGIN}{BYE}"));
    talks.extend(sessions(8, |_| format!("< 220 ready\n{}{BYE}", wrong("bob"))).split_off(4));
    check(
        &of_capture(&talks),
        &[
            "auth-bad-credentials",
            "turned away bob: 4 logins refused from 4 clients since 00:04:00, let in until 00:03:00",
        ],
    );
    // Who gets the password right in the end is not turned away.
    let patient = |_| {
        let tries = wrong("bob").repeat(4);
        format!("< 220 ready\n{tries}> USER bob\n< 331 pw\n> PASS y\n< 230 welcome\n{BYE}")
    };
    let report = of_capture(&sessions(1, patient));
    check(&report, &["auth-bad-credentials"]);
    assert!(!report.contains("turned away"), "{report}");
}

#[test]
fn plain_ftp_works_and_ftps_does_not() {
    let list = "> LIST\n< 150 go\n! data opened 99 server fin\n< 226 done\n";
    let blocked = "> LIST\n! data unanswered\nwait 60s\n< 425 Failed to establish connection.\n";
    let plain = |_| format!("{LOGIN}{PASV}{list}{BYE}");
    let tls = |_| {
        format!(
            "< 220 ready\n> AUTH TLS\n< 234 go on\n> USER bob\n< 331 password please\n> PASS x\n< 230 welcome\n{PASV}{blocked}{BYE}"
        )
    };
    let mut talks = sessions(6, plain);
    talks.extend(sessions(12, tls).split_off(6));
    check(
        &of_log(&talks),
        &[
            "data-firewall-blind network",
            "likely",
            "TLS hides it",
            "Open a fixed range of passive ports in the firewall",
            "tls behind TLS 100.0 %",
        ],
    );
}

#[test]
fn who_is_still_on_plain_ftp() {
    let plain = |_| format!("{LOGIN}{BYE}");
    let tls = |_| {
        format!(
            "< 220 ready\n> AUTH TLS\n< 234 go on\n> USER eve\n< 331 password please\n> PASS x\n< 230 welcome\n{BYE}"
        )
    };
    let mut talks = sessions(2, plain);
    talks.extend(sessions(3, tls).split_off(2));
    check(
        &of_log(&talks),
        &[
            "TLS in 1 of 3 sessions (33.3 %)",
            "clear text 2 logins: bob",
            "No failure seen",
        ],
    );
    let explained =
        String::from_utf8(ftpwhy(&["explain", "auth-clear-text-login"]).stdout).unwrap();
    assert!(explained.contains("force_local_logins_ssl"), "{explained}");
}

#[test]
fn a_daily_report_only_says_what_matters() {
    let fine = |_| {
        format!("{LOGIN}{PASV}> LIST\n< 150 go\n! data opened 99 server fin\n< 226 done\n{BYE}")
    };
    let broken = |_| format!("{LOGIN}{PASV}> RETR /in/a.txt\n< 550 Permission denied.\n{BYE}");
    let mut talks = sessions(90, fine);
    talks.extend(sessions(110, broken).split_off(90));
    check(
        &of_log(&talks),
        &[
            "20 failed operations in 20 of 110 sessions. All have one cause, since 01:30:00",
            "when the first 1:30:00 into the input",
            "where /in/",
            "20 of 110 clients",
            "WHAT FAILURES SHARE",
            "command RETR 100.0 % 0.0 % only",
        ],
    );
}
