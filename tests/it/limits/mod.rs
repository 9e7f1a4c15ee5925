//! Every bound is reached once: that is told, memory stays what it was, and what comes behind it is counted as if nothing had
//! been.
//!
//! Those that only a part alone can reach cheaply are reached beside the code; `tidy.rs` knows which are named nowhere.

mod capture;
mod input;
mod log;
mod many;
mod named;
mod session;
mod state;

use ftpwhy::cause::Failure;
use ftpwhy::diagnostic::DiagnosticKind;
use ftpwhy::run::{Findings, Wanted};
use ftpwhy::session::Session;

use crate::support::{Temporary, run_with, settings};
use crate::synth::{Container, Conversation, Packet, capture};

/// What was found in one file, with all sessions.
fn read(name: &str, bytes: &[u8]) -> Findings {
    let temporary = Temporary::new();
    let path = temporary.file(name, bytes);
    run_with(&settings(&[&path], Wanted::Sessions)).0
}

fn of_packets(packets: &[Packet]) -> Findings {
    read("x.pcap", &capture(packets, Container::PcapNanos))
}

fn of_talk(talk: &str) -> Findings {
    of_packets(&Conversation::parse(talk).packets())
}

/// How often each kind of diagnostic was told.
fn count(findings: &Findings, kind: DiagnosticKind) -> u64 {
    let told = findings.tallies.diagnostics.iter();
    let told = told.filter(|(of, ..)| *of == kind);
    told.map(|(_, _, met)| met.count).sum()
}

/// The words that tell of limits.
fn limits_of(findings: &Findings) -> Vec<String> {
    let told = findings.tallies.diagnostics.iter();
    let told = told.filter(|(kind, ..)| *kind == DiagnosticKind::LimitReached);
    told.map(|(_, words, _)| words.to_owned()).collect()
}

/// Replies counted, of all vantages.
fn replies(findings: &Findings) -> u64 {
    let tallies = findings.tallies.by_vantage.values();
    tallies.map(|tally| tally.observed.total()).sum()
}

fn sessions(findings: &Findings) -> u64 {
    let tallies = findings.tallies.by_vantage.values();
    tallies.map(|tally| tally.sessions.total).sum()
}

fn only(findings: &Findings) -> &(Session, Vec<Failure>) {
    let [session] = &findings.sessions[..] else {
        panic!("{} sessions", findings.sessions.len());
    };
    session
}
