//! One conversation as every client shows it gives the same replies, the same failure, and no secret.

use ftpwhy::log::Detected;
use ftpwhy::run::Wanted;

use crate::support::{Temporary, reply_codes, run_with, settings};

/// What is said: `>` by the client, `<` by the server.
const TALK: [(char, &str); 9] = [
    ('<', "220 Ready"),
    ('>', "USER alice"),
    ('<', "331 Password required"),
    ('>', "PASS hunter2"),
    ('<', "230 Welcome"),
    ('>', "PASV"),
    ('<', "227 Entering Passive Mode (192,0,2,10,195,80)"),
    ('>', "RETR missing.txt"),
    ('<', "550 No such file or directory"),
];

/// A client, what it shows first, how it shows a command, and a reply.
type Client = (
    &'static str,
    &'static str,
    fn(&str) -> String,
    fn(&str) -> String,
);

const CLIENTS: [Client; 13] = [
    (
        "filezilla-client",
        "Status:\tConnecting to 192.0.2.10:21...\n",
        |c| format!("Command:\t{c}\n"),
        |r| format!("Response:\t{r}\n"),
    ),
    (
        "filezilla-client",
        "2026-11-22 08:16:55 7 1 Status: Verbinde mit 192.0.2.10:21...\n",
        |c| format!("2026-11-22 08:16:55 7 1 Befehl: {c}\n"),
        |r| format!("2026-11-22 08:16:55 7 1 Antwort: {r}\n"),
    ),
    (
        "lftp",
        "---- Connecting to 192.0.2.10 (192.0.2.10) port 21\n",
        |c| format!("---> {c}\n"),
        |r| format!("<--- {r}\n"),
    ),
    (
        "curl",
        "*   Trying 192.0.2.10:21...\n",
        |c| format!("> {c}\r\n"),
        |r| format!("< {r}\r\n"),
    ),
    (
        "curl",
        "== Info:   Trying 192.0.2.10:21...\n",
        |c| format!("=> Send header, 9 bytes (0x9)\n0000: {c}\n"),
        |r| format!("<= Recv header, 9 bytes (0x9)\n0000: {r}\n"),
    ),
    (
        "python-ftplib",
        "",
        |c| format!("*cmd* '{c}'\n*put* '{c}\\r\\n'\n"),
        |r| format!("*get* '{r}\\n'\n*resp* '{r}'\n"),
    ),
    (
        "bsd-ftp",
        "Connected to 192.0.2.10.\n",
        |c| format!("---> {c}\n"),
        |r| format!("{r}\n"),
    ),
    (
        "wget",
        "--2026-11-22 08:16:55--  ftp://192.0.2.10/missing.txt\nConnecting to 192.0.2.10:21... connected.\n",
        |c| format!("--> {c}\r\n\r\n"),
        |r| format!("{r}\n"),
    ),
    (
        "library-trace",
        "Net::FTP>>> Net::FTP(3.14)\n",
        |c| format!("Net::FTP=GLOB(0x1)>>> {c}\n"),
        |r| format!("Net::FTP=GLOB(0x1)<<< {r}\n"),
    ),
    (
        "winscp",
        ". 2026-11-22 08:16:55.100 Connecting to 192.0.2.10 ...\r\n",
        |c| format!("> 2026-11-22 08:16:55.100 {c}\r\n"),
        |r| format!("< 2026-11-22 08:16:55.100 {r}\r\n"),
    ),
    (
        "ncftp",
        "LibNcFTP 3.2.6\n",
        |c| format!("Cmd: {c}\n"),
        |r| r.replacen(' ', ": ", 1) + "\n",
    ),
    (
        "basic-ftp",
        "Connected to 192.0.2.10:21 (No encryption)\n",
        |c| format!("> {c}\n"),
        |r| format!("< {r}\n\n"),
    ),
    (
        "dotnet",
        "",
        |c| format!("System.Net Information: 0 : [1] FtpControlStream#7 - Sending command [{c}]\n"),
        |r| {
            format!(
                "System.Net Information: 0 : [1] FtpControlStream#7 - Received response [{r}]\n"
            )
        },
    ),
];

#[test]
fn every_client_shows_the_same_conversation() {
    let directory = Temporary::new();
    for (number, (format, first, command, reply)) in CLIENTS.iter().enumerate() {
        let said = TALK.iter().map(|(who, words)| {
            if *who == '>' {
                command(words)
            } else {
                reply(words)
            }
        });
        let text = (*first).to_owned() + &said.collect::<String>();
        let path = directory.file(&format!("{number}.txt"), text.as_bytes());
        let (_, events) = run_with(&settings(&[&path], Wanted::Events));
        assert_eq!(
            reply_codes(&events),
            [220, 331, 230, 227, 550],
            "{format}: {text}"
        );
        assert_eq!(
            events.matches("\"kind\":\"command\"").count(),
            4,
            "{format}: {events}"
        );
        assert!(!events.contains("hunter2"), "{format}: {events}");
        let detected = Detected::by_head(text.as_bytes()).and_then(Detected::describe);
        assert_eq!(detected.map(|d| d.name), Some(*format), "{text}");
        let (findings, _) = run_with(&settings(&[&path], Wanted::Sessions));
        let failures: Vec<_> = findings
            .sessions
            .iter()
            .flat_map(|(_, failures)| failures)
            .collect();
        let codes: Vec<_> = failures
            .iter()
            .map(|f| f.code.map(ftpwhy::ftp::ReplyCode::number))
            .collect();
        assert_eq!(codes, [Some(550)], "{format}: {failures:?}");
    }
}
