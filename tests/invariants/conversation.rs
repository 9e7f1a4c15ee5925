//! Conversations of any bytes: a capture of one is read the same whatever happens to its segments on the way, in every
//! container; a password is not shown.
//!
//! An input is: what is done to the segments, a container, the place of a PASS, and steps, a line each: who speaks and
//! how the line ends, and the line.

use std::collections::BTreeMap;
use std::time::Duration;

use ftpwhy::capture::Flavour;
use serde_json::Value;

use super::capture::{assert_windows_change_nothing, read};
use super::shown::{Places, Shown};
use super::{CANARY, Choices, contains};
use crate::synth::{Container, Conversation, DataEnd, DataFate, Packet, Sender, Step, capture};
use crate::traffic::{Rng, duplicate, overlap, split_segments, swap_neighbours};

const CONTAINERS: [Container; 4] = [
    Container::PcapNanos,
    Container::PcapMicros,
    Container::PcapMicrosBe,
    Container::Pcapng,
];

/// Steps of a conversation that is read in a second.
const STEPS: usize = 200;

/// A step for a line of the input: its first byte says what happens.
fn steps(line: &[u8]) -> Vec<Step> {
    let Some((kind, rest)) = line.split_first() else {
        return Vec::new();
    };
    let ended = |end: &[u8]| [rest, end].concat();
    let wait = |length: usize| {
        Step::Wait(Duration::from_millis(
            10 * (length as u64) * (length as u64),
        ))
    };
    match kind {
        b'<' => vec![Step::Server(ended(b"\r\n"))],
        b'>' => vec![Step::Client(ended(b"\r\n"))],
        b',' => vec![Step::Server(ended(b""))],
        b'.' => vec![Step::Client(ended(b""))],
        b'(' => vec![Step::Server(ended(b"\n"))],
        b')' => vec![Step::Client(ended(b"\n"))],
        b'[' => vec![Step::Lost(Box::new(Step::Server(ended(b"\r\n"))))],
        b']' => vec![Step::Lost(Box::new(Step::Client(ended(b"\r\n"))))],
        b'w' => vec![wait(rest.len())],
        b'd' => data(rest),
        b'r' => vec![Step::ClientReset],
        b'R' => vec![Step::ServerReset],
        b'f' => vec![Step::ClientFin],
        b'F' => vec![Step::ServerFin],
        _ => Vec::new(),
    }
}

/// A data connection that is announced; how it fares is in the first byte.
fn data(line: &[u8]) -> Vec<Step> {
    let fate = line.first().copied().unwrap_or_default();
    let by = if fate & 1 == 0 {
        Sender::Server
    } else {
        Sender::Client
    };
    let end = [DataEnd::Fin, DataEnd::Reset, DataEnd::ReceiverReset][usize::from(fate >> 1) % 3];
    let fate = match fate % 5 {
        0 => DataFate::Refused,
        1 => DataFate::Unanswered,
        _ => DataFate::Opened {
            bytes: 10 * line.len() as u64,
            by,
            end,
        },
    };
    let announced = b"227 Entering Passive Mode (192,0,2,10,195,80).\r\n";
    vec![Step::Server(announced.to_vec()), Step::Data(fate)]
}

fn conversation(text: &[u8], secret_at: usize) -> Conversation {
    let empty = Conversation::parse("");
    let mut steps: Vec<Step> = text
        .split(|b| *b == b'\n')
        .flat_map(steps)
        .take(STEPS)
        .collect();
    let secret = format!("PASS {CANARY}\r\n").into_bytes();
    // Only where a line begins: behind a half one it would be a part of that.
    let place = secret_at % (steps.len() + 1);
    let said = steps.iter().take(place);
    let before: Vec<u8> = said
        .filter(|s| s.by() == Some(Sender::Client))
        .flat_map(|s| s.bytes().to_vec())
        .collect();
    if before.is_empty() || before.ends_with(b"\n") {
        steps.insert(place, Step::Client(secret));
    }
    Conversation { steps, ..empty }
}

fn heard(packets: &[Packet], container: Container) -> Shown {
    let flavour = match container {
        Container::Pcapng => Flavour::Pcapng,
        _ => Flavour::Pcap,
    };
    let file = capture(packets, container);
    let bytes = file.len() + 1;
    read(flavour, &[file], bytes, Places::Hidden)
}

/// What is said, by whom and in which order, in every session.
fn said(shown: &Shown) -> BTreeMap<String, Vec<String>> {
    let mut said = BTreeMap::<String, Vec<String>>::new();
    for row in shown.rows.lines() {
        let row: Value = serde_json::from_str(row).expect("a row is JSON");
        if matches!(row["kind"].as_str(), Some("command" | "reply")) {
            let words = ["kind", "verb", "argument", "code", "text", "lines"]
                .map(|field| row[field].to_string());
            let session = row["session"].to_string();
            said.entry(session).or_default().push(words.join(" "));
        }
    }
    said
}

/// Does something to segments that TCP undoes.
fn mangled(packets: &[Packet], way: usize, rng: &mut Rng) -> Vec<Packet> {
    match way % 5 {
        0 => split_segments(packets, rng),
        1 => duplicate(packets, rng),
        2 => swap_neighbours(&split_segments(packets, rng), rng),
        3 => overlap(packets, rng),
        _ => overlap(&duplicate(&split_segments(packets, rng), rng), rng),
    }
}

/// Reads a conversation.
pub fn check(data: &[u8]) {
    if contains(data, CANARY.as_bytes()) {
        return;
    }
    let mut choices = Choices::new(data);
    let (way, seed) = (choices.byte(), choices.byte());
    let container = CONTAINERS[choices.byte() % CONTAINERS.len()];
    let secret_at = choices.byte();
    let conversation = conversation(choices.rest(), secret_at);
    let packets = conversation.packets();
    let whole = heard(&packets, Container::PcapNanos);
    whole.assert_fit_to_show();
    let other = heard(&packets, container);
    assert_eq!(
        said(&other),
        said(&whole),
        "{container:?}: {conversation:?}"
    );
    let flavour = if container == Container::Pcapng {
        Flavour::Pcapng
    } else {
        Flavour::Pcap
    };
    assert_windows_change_nothing(flavour, &capture(&packets, container), 1 + seed);
    let mangled = mangled(&packets, way, &mut Rng::new(seed as u64));
    let mangled = heard(&mangled, Container::PcapNanos);
    mangled.assert_fit_to_show();
    // Behind a hole and behind noise, what looks like a line's beginning is one where a segment begins.
    let is_noise = |b: &u8| matches!(b, 1..=8 | 14..=26 | 28..=31);
    let is_gap = |step: &Step| matches!(step, Step::Lost(_)) || step.bytes().iter().any(is_noise);
    if !conversation.steps.iter().any(is_gap) {
        assert_eq!(said(&mangled), said(&whole), "way {way}: {conversation:?}");
    }
}

/// The conversations of the causes' samples.
pub fn seeds() -> Vec<Vec<u8>> {
    let causes: toml::Table = include_str!("../../src/catalogue/causes.toml")
        .parse()
        .expect("TOML");
    let causes = causes["cause"].as_array().cloned().unwrap_or_default();
    let samples = causes
        .iter()
        .filter_map(|cause| cause.get("sample")?.as_array());
    let talks = samples
        .flatten()
        .filter_map(|sample| sample.get("talk")?.as_str());
    let mut seeds = Vec::new();
    for (index, talk) in (0_usize..).zip(talks) {
        let mut text = String::new();
        for line in talk.lines().map(str::trim_start) {
            let rest = line.get(1..).unwrap_or_default().trim_start();
            match line.get(..1) {
                Some(side @ ("<" | ">")) => text += &format!("{side}{rest}\n"),
                Some("w") => text += &format!("w{}\n", "s".repeat(170)),
                Some("!") if rest.starts_with("data un") => text += "d\u{1}\n",
                Some("!") if rest.starts_with("data") => {
                    text += &format!("d\u{2}{}\n", "x".repeat(100));
                }
                Some("!") if rest == "client fin" => text += "f\n",
                Some("!") if rest == "server fin" => text += "F\n",
                Some("!") if rest == "client reset" => text += "r\n",
                Some("!") if rest == "server reset" => text += "R\n",
                Some("!") if rest.starts_with("lost < ") => text += &format!("[{}\n", &rest[7..]),
                Some("!") if rest.starts_with("lost > ") => text += &format!("]{}\n", &rest[7..]),
                _ => {}
            }
        }
        let choices =
            [index, index * 3, index / 5, 2 + index % 4].map(|choice| choice.to_le_bytes()[0]);
        seeds.push([&choices, text.as_bytes()].concat());
    }
    seeds
}
