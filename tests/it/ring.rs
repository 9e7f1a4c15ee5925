//! Rings of captures that are read with a state: between two runs files have come, and the oldest ones are gone.

use std::path::{Path, PathBuf};

use ftpwhy::diagnostic::DiagnosticKind;
use ftpwhy::run::Wanted;
use ftpwhy::state::State;
use ftpwhy::tally::Tallies;

use crate::state::{Sum, go_on};
use crate::support::{Temporary, files_below, run_with, settings};
use crate::synth::{Container, Conversation, Packet, capture, merge};
use crate::traffic::{Rng, random_conversation};

const SECOND: i64 = 1_000_000_000;

/// How files of a ring are named.
#[derive(Debug, Clone, Copy)]
enum Names {
    /// `tcpdump -C -W`: names are used again.
    Numbers,
    /// `tcpdump -G`, and somebody removes what is old.
    Times,
}

/// A ring of so many files.
struct Ring {
    folder: Temporary,
    names: Names,
    files: usize,
    /// Every file that ever was in it.
    all: Temporary,
    state: State,
    sum: Sum,
    told: Vec<String>,
}

impl Ring {
    fn new(names: Names, files: usize) -> Self {
        Self {
            folder: Temporary::new(),
            names,
            files,
            all: Temporary::new(),
            state: State::default(),
            sum: Sum::default(),
            told: Vec::new(),
        }
    }

    fn path(&self, number: usize) -> PathBuf {
        self.folder.path(&match self.names {
            Names::Numbers => format!("ring.pcap{:02}", number % self.files),
            Names::Times => format!("ring-20260301-{:02}{:02}00.pcap", number / 60, number % 60),
        })
    }

    /// Writes the file of that number, as far as its packets go, in the place of the oldest.
    fn write(&self, number: usize, bytes: &[u8]) {
        if number >= self.files {
            drop(std::fs::remove_file(self.path(number - self.files)));
        }
        std::fs::write(self.path(number), bytes).unwrap();
        self.all.file(&format!("all-{number:04}.pcap"), bytes);
    }

    fn read(&mut self, closes: bool) {
        let files = files_below(self.folder.path("x").parent().unwrap());
        let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        let settings = settings(&files, Wanted::Tallies);
        let tallies = go_on(&settings, &mut self.state, closes).tallies;
        self.sum.add_tallies(&tallies);
        self.told.extend(changed(&tallies));
    }

    /// What one run over all files counts.
    fn whole(&self) -> Sum {
        let files = files_below(self.all.path("x").parent().unwrap());
        let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        Sum::of(&run_with(&settings(&files, Wanted::Tallies)).0.tallies)
    }
}

fn changed(tallies: &Tallies) -> Vec<String> {
    let all = tallies.diagnostics.iter();
    let changed = all.filter(|(kind, ..)| *kind == DiagnosticKind::Changed);
    changed.map(|(_, reason, _)| reason.to_owned()).collect()
}

/// True where the control connection is ended by somebody: one that is only silent ends with the input, and what of it was
/// in a file that is gone can't be read again.
fn is_ended(packets: &[Packet]) -> bool {
    const FIN_OR_RST: u8 = 0x05;
    let of_control = |packet: &&Packet| packet.src.port() == 21 || packet.dst.port() == 21;
    let mut control = packets.iter().filter(of_control);
    control.any(|packet| packet.flags & FIN_OR_RST != 0)
}

/// Sessions that last some seconds at most: there is always one across a cut.
fn busy(seed: u64) -> Vec<Packet> {
    let mut rng = Rng::new(seed);
    let mut sessions = Vec::new();
    for index in 0..200 {
        let packets = random_conversation(&mut rng, index).packets();
        let ends = packets.first().zip(packets.last());
        let is_short = |(first, last): (&Packet, &Packet)| last.at_ns - first.at_ns < 5 * SECOND;
        if ends.is_some_and(is_short) && is_ended(&packets) {
            sessions.push(packets);
        }
    }
    merge(sessions)
}

#[test]
fn sessions_across_the_files_of_a_ring_are_one_and_count_once() {
    for (seed, names) in [
        (1, Names::Numbers),
        (2, Names::Times),
        (3, Names::Numbers),
        (4, Names::Times),
    ] {
        let mut ring = Ring::new(names, 12);
        let mut random = Rng::new(seed);
        let packets = busy(seed);
        let (mut runs, mut open) = (0, 0);
        let mut since = 0;
        for (number, packets) in packets.chunks(packets.len().div_ceil(40)).enumerate() {
            let whole = capture(packets, Container::PcapMicros);
            // What tcpdump has written so far may end anywhere.
            let cut = 24 + random.below(whole.len() - 24);
            for bytes in [&whole[..cut], &whole[..]] {
                ring.write(number, bytes);
                if random.below(5) == 0 || since > 5 {
                    ring.read(false);
                    runs += 1;
                    since = 0;
                    open += u32::from(ring.state.open_sessions() > 0);
                }
                since += 1;
            }
        }
        ring.read(true);
        assert!(runs > 10 && open > 10, "{runs} {open}");
        assert!(ring.told.is_empty(), "{names:?} {seed}: {:?}", ring.told);
        assert_eq!(ring.sum, ring.whole(), "{names:?} {seed}");
        assert_eq!(ring.state.open_sessions(), 0);
    }
}

/// A session that is older than the ring: what its first file held can't be read again.
#[test]
fn a_session_that_outlives_the_ring_is_told() {
    for names in [Names::Numbers, Names::Times] {
        let mut ring = Ring::new(names, 2);
        let long = "< 220 hi\n> USER a\n< 331 pw\n> PASS b\n< 230 in\nwait 60s\n> QUIT\n< 221 bye\n! server fin";
        let long = Conversation::parse(long).packets();
        let (first, last) = long.split_at(long.len() - 4);
        ring.write(0, &capture(first, Container::PcapMicros));
        ring.read(false);
        assert_eq!(ring.state.open_sessions(), 1, "{names:?}");
        for number in 1..3 {
            let start =
                format!("start 2026-03-01T00:00:{number}0Z\nclient 203.0.113.{number}:4000");
            let short = format!("{start}\n< 220 hi\n> QUIT\n< 221 bye\n! server fin");
            let short = Conversation::parse(&short).packets();
            ring.write(number, &capture(&short, Container::PcapMicros));
        }
        ring.read(false);
        let told = ring.told.join("\n");
        assert!(
            told.contains("is gone: what it held of 1 open session"),
            "{names:?}: {told}"
        );
        ring.write(3, &capture(last, Container::PcapMicros));
        ring.told.clear();
        ring.read(true);
        assert!(ring.told.is_empty(), "told once: {:?}", ring.told);
    }
}
