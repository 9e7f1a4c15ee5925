//! How fast the parts are by themselves: grammar, reassembly, a log's reader, the classifier; and what they allocate.
//!
//! `cargo bench --bench parts` measures, a word as an argument picks the parts whose names contain it, and `-- --test` runs
//! each once. All inputs are what the same conversations from a fixed seed leave behind; the hash in a name is that of the
//! input's bytes, and figures of different hashes do not compare. `pipeline.rs` tells what a user waits for.

mod inputs;
#[path = "../tests/it/synth.rs"]
mod synth;
#[path = "../tests/it/traffic.rs"]
mod traffic;

use std::fmt;

use divan::counter::{BytesCount, ItemsCount};
use divan::{AllocProfiler, Bencher};
use ftpwhy::capture;
use ftpwhy::cause::classify_showing;
use ftpwhy::diagnostic::SourceId;
use ftpwhy::ftp::{Event, grammar};
use ftpwhy::input::{Decode as _, Windows};
use ftpwhy::limits;
use ftpwhy::log::{self, Detected, Format, LogReader};
use ftpwhy::session::{Builder, Exchange, KeptReply, Observer, Session};
use ftpwhy::time::Clock;
use jiff::tz::TimeZone;

use inputs::{Digest, SEED};
use synth::{Container, Conversation, Packet, Step};
use traffic::{Rng, duplicate, random_conversation, split_segments, swap_neighbours, vsftpd_log};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const CONVERSATIONS: u32 = 300;

fn main() {
    divan::main();
}

/// What is read, and what it is called.
#[derive(Clone)]
struct Input {
    name: &'static str,
    bytes: Vec<u8>,
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, Digest::of(&self.bytes))
    }
}

/// Sessions, and what they were made of.
struct Sessions {
    log: Input,
    sessions: Vec<Session>,
}

impl fmt::Display for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.log)
    }
}

fn conversations() -> Vec<Conversation> {
    let mut rng = Rng::new(SEED);
    (0..CONVERSATIONS)
        .map(|index| random_conversation(&mut rng, index))
        .collect()
}

/// All that both sides say.
fn said() -> Input {
    let conversations = conversations();
    let steps = conversations.iter().flat_map(|c| &c.steps);
    let said = steps.filter_map(|step| match step {
        Step::Client(bytes) | Step::Server(bytes) => Some(&bytes[..]),
        _ => None,
    });
    Input {
        name: "said",
        bytes: said.collect::<Vec<_>>().concat(),
    }
}

/// Control connections, as they were sent.
fn in_order() -> Input {
    captured("in-order", |packets, _| packets)
}

/// The same with segments that are split, repeated and swapped.
fn mangled() -> Input {
    captured("mangled", |packets, rng| {
        let packets = split_segments(&packets, rng);
        let packets = duplicate(&packets, rng);
        swap_neighbours(&packets, rng)
    })
}

fn captured(name: &'static str, change: fn(Vec<Packet>, &mut Rng) -> Vec<Packet>) -> Input {
    let mut rng = Rng::new(SEED);
    let mut all = Vec::new();
    for conversation in conversations() {
        let mut packets = conversation.packets();
        packets.retain(|p| p.src.port() == 21 || p.dst.port() == 21);
        all.extend(change(packets, &mut rng));
    }
    all.sort_by_key(|packet| packet.at_ns);
    let bytes = synth::capture(&all, Container::PcapMicros);
    Input { name, bytes }
}

fn vsftpd() -> Input {
    Input {
        name: "vsftpd",
        bytes: vsftpd_log(&conversations(), 10).into_bytes(),
    }
}

/// The log's sessions.
fn sessions() -> Sessions {
    let log = vsftpd();
    let (mut builder, mut finished) = (Builder::default(), Finished::default());
    read_log(log.name, &log.bytes, &mut |event| {
        builder.take(&event, &mut finished);
    });
    builder.finish(&mut finished);
    Sessions {
        log,
        sessions: finished.0,
    }
}

#[derive(Default)]
struct Finished(Vec<Session>);

impl Observer for Finished {
    fn event(&mut self, _: &Session, _: &Event<'_>) {}
    fn passed(&mut self, _: &Session, _: &KeptReply) {}
    fn dropped(&mut self, _: &Session, _: &Exchange) {}
    fn finished(&mut self, session: Session) {
        self.0.push(session);
    }
}

/// The samples of each format, as often as it takes to fill a megabyte.
fn logs() -> Vec<Input> {
    let of = |format: &&dyn Format| {
        let description = format.describe();
        let samples = description.samples.iter();
        let lines: Vec<&str> = samples.flat_map(|s| [s.lines, "\n"]).collect();
        let lines = lines.concat();
        Input {
            name: description.name,
            bytes: lines.repeat(1_000_000 / lines.len()).into_bytes(),
        }
    };
    log::FORMATS.iter().map(of).collect()
}

fn read_log(name: &str, bytes: &[u8], out: &mut log::Out<'_>) {
    let Some(format) = Detected::named(name) else {
        return;
    };
    let clock = Clock::new(TimeZone::UTC, None, None);
    let mut reader = LogReader::new(format, SourceId(0), clock);
    let mut cutter = log::Cutter::new(format);
    let mut windows = Windows::new(bytes, limits::WINDOW_BYTES);
    while let Some(window) = windows.next(&mut cutter, &|_| {}) {
        reader.merge(window.offset, format.decode(&window), out);
    }
    reader.finish(out);
}

fn read_capture(bytes: &[u8], out: &mut dyn FnMut(Event<'_>)) {
    let Some(flavour) = capture::Flavour::sniff(bytes) else {
        return;
    };
    let mut reader = capture::Reader::default();
    let mut cutter = capture::Cutter::new(flavour, SourceId(0));
    let decoder = capture::Decoder::new(SourceId(0));
    let mut windows = Windows::new(bytes, limits::WINDOW_BYTES);
    while let Some(window) = windows.next(&mut cutter, &|_| {}) {
        reader.merge(&decoder.decode(&window), out);
    }
    reader.finish(out);
}

/// How many events there are.
fn count(read: impl FnOnce(&mut dyn FnMut(Event<'_>))) -> usize {
    let mut events = 0;
    read(&mut |_| events += 1);
    events
}

/// Lines as commands and as replies; half of them are neither.
#[divan::bench(args = [said()])]
fn lines(bencher: Bencher<'_, '_>, input: &Input) {
    let lines: Vec<&[u8]> = input.bytes.split(|byte| *byte == b'\n').collect();
    let is_known = |line: &[u8]| match grammar::reply_line(line) {
        Some(reply) => grammar::passive(reply.text).is_some(),
        None => grammar::command(line).is_some(),
    };
    let read = || lines.iter().filter(|line| is_known(line)).count();
    assert!(read() > lines.len() / 3);
    let counted = bencher.counter(ItemsCount::new(lines.len()));
    counted.bench_local(read);
}

/// Packets into events.
#[divan::bench(args = [in_order(), mangled()])]
fn reassembly(bencher: Bencher<'_, '_>, input: &Input) {
    let read = || count(|out| read_capture(&input.bytes, out));
    assert!(read() > CONVERSATIONS as usize);
    let counted = bencher.counter(BytesCount::of_slice(&input.bytes));
    counted.bench_local(read);
}

/// Lines of a log into events: what a server wrote, and the samples of every format over and over.
#[divan::bench(args = [vec![vsftpd()], logs()].concat())]
fn log_reader(bencher: Bencher<'_, '_>, input: &Input) {
    let read = || count(|out| read_log(input.name, &input.bytes, out));
    assert!(read() > CONVERSATIONS as usize);
    let counted = bencher.counter(BytesCount::of_slice(&input.bytes));
    counted.bench_local(read);
}

/// Sessions into failures, none of which is shown.
#[divan::bench(args = [sessions()])]
fn classifier(bencher: Bencher<'_, '_>, input: &Sessions) {
    let failures = |session: &Session| classify_showing(session, &|_| false).len();
    let judge = || input.sessions.iter().map(failures).sum::<usize>();
    assert!(judge() > 0);
    let counted = bencher.counter(ItemsCount::new(input.sessions.len()));
    counted.bench_local(judge);
}
