//! With `--anonymize` no name of the input is left in any output.

use crate::cli::ftpwhy;
use crate::support::Temporary;
use crate::synth::{Container, Conversation, capture};
use crate::traffic::vsftpd_log;

/// What must not be seen.
const NAMES: &[&str] = &[
    "mallory",
    "zanzibar",
    "payroll",
    "quixotic",
    "192.0.2.77",
    "192,0,2,77",
    "198.51.100.33",
    "2001:db8:77",
    "wanda",
    "hunter2",
    "giraffe",
    "kumquat",
];

fn conversation() -> Conversation {
    Conversation::parse(
        "client 198.51.100.33:40001\nserver 192.0.2.77:21\nstart 2026-03-01T10:00:00Z\n\
         < 220-giraffe.example FTP of Zanzibar\n< 220 kumquat ready (192.0.2.77)\n> USER mallory\n< 331 Password for mallory\n\
         > PASS hunter2\n< 230 Welcome, mallory of zanzibar, last seen from 2001:db8:77::1\n> CWD /srv/mallory/payroll\n\
         < 550 /srv/mallory/payroll: No such directory, ask wanda@zanzibar.example\n> PASV\n\
         < 227 Entering Passive Mode (192,0,2,77,195,80).\n! data unanswered\n> RETR quixotic.csv\n\
         < 425 Can't open data connection to 198.51.100.33.\n> SITE HELP wanda\n< 500 'SITE HELP wanda': giraffe\n\
         > XWANDA mallory\n< 502 XWANDA of kumquat\n> QUIT\n< 221 bye mallory\n! server fin",
    )
}

/// A capture and a log of it, in a folder that is named after somebody.
fn inputs(directory: &Temporary) -> [String; 2] {
    let folder = directory.path("mallory");
    std::fs::create_dir_all(&folder).unwrap();
    let talk = conversation();
    let pcap = folder.join("zanzibar.pcap");
    std::fs::write(&pcap, capture(&talk.packets(), Container::PcapNanos)).unwrap();
    let log = folder.join("giraffe.log");
    let words = vsftpd_log(&[talk], 3)
        + "Sun Mar  1 10:00:05 2026 [pid 9] a line of wanda that nobody knows\n";
    std::fs::write(&log, words).unwrap();
    [pcap, log].map(|path| path.to_str().unwrap().to_owned())
}

fn commands() -> Vec<Vec<&'static str>> {
    let by = ["user", "client", "server", "path", "command", "hour"];
    let mut commands: Vec<Vec<&str>> = by.iter().map(|by| vec!["causes", "--by", by]).collect();
    for form in ["text", "json", "csv", "md"] {
        for command in ["report", "codes", "causes", "sessions"] {
            commands.push(vec![command, "--as", form]);
        }
    }
    commands.extend([
        vec!["report", "--as", "html"],
        vec!["report", "--as", "prom"],
        vec!["timeline"],
        vec!["timeline", "--gantt"],
        vec!["events"],
        vec!["events", "--user", "mallory", "--client", "198.51.100.33"],
        vec!["report", "--user", "mal*", "--path", "!*wanda*"],
        vec!["formats"],
        vec!["diff", "--at", "2026-03-01T10:00:01Z"],
    ]);
    commands
}

fn told(arguments: &[&str]) -> String {
    let output = ftpwhy(arguments);
    let shown = [output.stdout, output.stderr].concat();
    String::from_utf8(shown).unwrap()
}

#[test]
fn no_name_is_left_in_any_output() {
    let directory = Temporary::new();
    let [pcap, log] = inputs(&directory);
    for inputs in [
        vec![pcap.as_str()],
        vec![log.as_str()],
        vec![pcap.as_str(), log.as_str()],
    ] {
        for command in commands() {
            let shown = told(&[&command[..], &["--anonymize=a key"], &inputs].concat());
            assert!(shown.len() > 40, "{command:?}: {shown}");
            let lower = shown.to_lowercase();
            for name in NAMES {
                assert!(
                    !lower.contains(name),
                    "{name} in {command:?} of {inputs:?}:\n{shown}"
                );
            }
        }
    }
    // They are there otherwise.
    let plain = told(&["events", &pcap, &log]).to_lowercase();
    let is_there = |name: &&&str| plain.contains(**name) || **name == "hunter2";
    assert_eq!(
        NAMES.iter().filter(is_there).count(),
        NAMES.len(),
        "{plain}"
    );
}

#[test]
fn numbers_and_causes_stay_and_names_are_the_same_everywhere() {
    let directory = Temporary::new();
    let [pcap, log] = inputs(&directory);
    let json = |key: &str| -> serde_json::Value {
        let output = ftpwhy(&["report", &pcap, &log, "--json", key]);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let (plain, other) = (json("--color=never"), json("--anonymize=k"));
    // A command that no RFC knows may be a name, and has another one as well.
    for field in ["replies", "sessions", "transfers", "timeline"] {
        assert_eq!(plain[field], other[field], "{field}");
    }
    let causes = |report: &serde_json::Value| {
        let causes = report["failures"]["causes"].as_array().unwrap().clone();
        causes
            .iter()
            .map(|c| (c["id"].clone(), c["count"].clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(causes(&plain), causes(&other));
    let user = other["tops"]["users"][0]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    for command in ["timeline", "events", "sessions", "causes"] {
        let shown = told(&[command, &pcap, "--anonymize=k", "--width", "200"]);
        assert!(
            command == "causes" || shown.contains(&user),
            "{user} in {command}: {shown}"
        );
    }
    assert_eq!(other, json("--anonymize=k"));
    let key = directory.file("key", b"k");
    assert_eq!(
        other,
        json(&format!("--anonymize=@{}", key.to_str().unwrap()))
    );
    let random = json("--anonymize");
    assert_ne!(
        random["tops"],
        json("--anonymize")["tops"],
        "each run has a key of its own"
    );
}
