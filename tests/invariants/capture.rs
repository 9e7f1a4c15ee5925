//! Bytes of a capture: every packet is counted, cuts into windows and into files change nothing.
//!
//! An input is: the size of windows, the packet before which the file is cut, and the capture.

use std::io::Cursor;

use ftpwhy::capture::{Cutter, Flavour, Outcome, Part, Reader, read_in_order};
use ftpwhy::diagnostic::{DiagnosticKind, SourceId};
use ftpwhy::ftp::Vantage;
use ftpwhy::tally::InputTally;

use super::Choices;
use super::shown::{Ended, Places, Shown, assert_same, shown};

/// Reads captures as one series, in windows of so many bytes or a little more.
pub fn read(flavour: Flavour, files: &[Vec<u8>], window_bytes: usize, places: Places) -> Shown {
    shown(places, |out| {
        let mut reader = Reader::default();
        let part = |(id, file): (u32, &Vec<u8>)| Part {
            id: SourceId(id),
            flavour,
            starts: Cutter::first_time(flavour, file),
            behind: 0,
        };
        let parts = (0..).zip(files).map(part).collect();
        let mut open = |id: SourceId| {
            let file = files.get(id.0 as usize)?;
            Some(Box::new(Cursor::new(file.clone())) as Box<dyn std::io::Read + Send>)
        };
        let outcomes = read_in_order(parts, &mut open, window_bytes, &mut reader, out, &|_| {});
        reader.finish(out);
        Ended {
            inputs: inputs(&outcomes, &reader),
            diagnostics: reader.take_diagnostics(),
        }
    })
}

fn inputs(outcomes: &[Outcome], reader: &Reader) -> Vec<(SourceId, InputTally)> {
    let input = |outcome: &Outcome| {
        let counts = reader
            .counts()
            .get(&outcome.id)
            .cloned()
            .unwrap_or_default();
        let read = counts.taken + counts.ignored;
        assert!(
            read + counts.unrecognised() <= outcome.records,
            "more packets are counted than were met: {counts:?} of {}",
            outcome.records
        );
        let input = InputTally {
            records: outcome.records,
            taken: counts.taken,
            ignored: counts.ignored,
            // Packets that could not even be cut out are not understood either.
            unrecognised: outcome.records - read,
            vantage: Some(Vantage::Wire),
            ..InputTally::default()
        };
        (outcome.id, input)
    };
    outcomes.iter().map(input).collect()
}

/// Any window gives the same.
pub fn assert_windows_change_nothing(flavour: Flavour, file: &[u8], window_bytes: usize) -> Shown {
    let files = [file.to_vec()];
    let whole = read(flavour, &files, file.len() + 1, Places::Shown);
    let parts = read(flavour, &files, window_bytes, Places::Shown);
    assert_same(
        &parts.rows,
        &whole.rows,
        &format!("windows of {window_bytes}"),
    );
    assert_same(
        &parts.numbers(),
        &whole.numbers(),
        &format!("windows of {window_bytes}"),
    );
    whole
}

/// A capture in two files is one capture. Not asked of a damaged one: where a record begins is a guess there. Nor where
/// numbers that contradict each other make two connections of one: the program says so.
pub fn assert_files_change_nothing(flavour: Flavour, file: &[u8], cut: usize, whole: &Shown) {
    let mut told = whole.tallies.diagnostics.iter();
    let is_unsound =
        told.any(|(kind, ..)| kind != DiagnosticKind::Missing && kind != DiagnosticKind::NotRead);
    let Some(files) = halves(flavour, file, cut).filter(|_| !is_unsound) else {
        return;
    };
    let whole = read(flavour, &[file.to_vec()], file.len() + 1, Places::Hidden);
    let parts = read(flavour, &files, file.len() + 1, Places::Hidden);
    let mut told = parts.tallies.diagnostics.iter();
    if told.any(|(kind, ..)| kind == DiagnosticKind::Assumed) {
        return;
    }
    assert_same(
        &parts.rows,
        &whole.rows,
        &format!("cut before packet {cut}"),
    );
    let taken = |shown: &Shown| -> u64 { shown.tallies.inputs.values().map(|i| i.taken).sum() };
    assert_eq!(taken(&parts), taken(&whole), "cut before packet {cut}");
}

/// A record of a capture.
struct Record {
    start: usize,
    /// When its packet was captured, in the file's unit; `None` where it holds none.
    time: Option<u64>,
    /// What a second file has to begin with as well.
    is_header: bool,
}

/// The capture in two, the second with the first one's header. `None` where a record is odd, or time goes back.
fn halves(flavour: Flavour, file: &[u8], cut: usize) -> Option<[Vec<u8>; 2]> {
    let records = match flavour {
        Flavour::Pcap => pcap_records(file)?,
        Flavour::Pcapng => pcapng_records(file)?,
    };
    let packets: Vec<(usize, u64)> = records
        .iter()
        .filter_map(|record| Some((record.start, record.time?)))
        .collect();
    let is_in_order = packets.windows(2).all(|pair| pair[0].1 <= pair[1].1);
    let cut = 1 + cut % packets.len().max(2).checked_sub(1)?;
    let (before, (at, time)) = (packets.get(cut.checked_sub(1)?)?, *packets.get(cut)?);
    if !is_in_order || before.1 == time {
        return None;
    }
    let mut second = Vec::new();
    let ends = records.iter().skip(1).map(|record| record.start);
    for (record, end) in records.iter().zip(ends.chain([file.len()])) {
        if record.is_header && record.start < at {
            second.extend_from_slice(file.get(record.start..end)?);
        }
    }
    second.extend_from_slice(file.get(at..)?);
    Some([file.get(..at)?.to_vec(), second])
}

fn word(bytes: &[u8], at: usize, is_big: bool) -> Option<u32> {
    let word = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(if is_big {
        u32::from_be_bytes(word)
    } else {
        u32::from_le_bytes(word)
    })
}

fn pcap_records(file: &[u8]) -> Option<Vec<Record>> {
    let is_big = matches!(file.get(..4)?, [0xa1, 0xb2, ..]);
    let mut records = vec![Record {
        start: 0,
        time: None,
        is_header: true,
    }];
    let mut start = 24;
    while start < file.len() {
        let length = word(file, start + 8, is_big)? as usize;
        let (seconds, rest) = (word(file, start, is_big)?, word(file, start + 4, is_big)?);
        records.push(Record {
            start,
            time: Some(u64::from(seconds) << 32 | u64::from(rest)),
            is_header: false,
        });
        start = start.checked_add(16 + length)?;
    }
    (start == file.len()).then_some(records)
}

/// Of one section with one interface, so that times have one unit.
fn pcapng_records(file: &[u8]) -> Option<Vec<Record>> {
    let is_big = file.get(8..12)? == [0x1a, 0x2b, 0x3c, 0x4d];
    let (mut records, mut start) = (Vec::new(), 0);
    let (mut sections, mut interfaces) = (0, 0);
    while start < file.len() {
        let (kind, length) = (word(file, start, is_big)?, word(file, start + 4, is_big)?);
        let time = || {
            let high = u64::from(word(file, start + 12, is_big)?) << 32;
            Some(high | u64::from(word(file, start + 16, is_big)?))
        };
        sections += usize::from(kind == 0x0a0d_0d0a);
        interfaces += usize::from(kind == 1);
        records.push(Record {
            start,
            time: if kind == 6 { Some(time()?) } else { None },
            is_header: matches!(kind, 0x0a0d_0d0a | 1),
        });
        // A simple packet has no time, the old packet block another form.
        if length < 12 || matches!(kind, 2 | 3) {
            return None;
        }
        start = start.checked_add(length as usize)?;
    }
    (start == file.len() && sections == 1 && interfaces == 1).then_some(records)
}

/// Reads a capture.
pub fn check(data: &[u8]) {
    let mut choices = Choices::new(data);
    let (window_bytes, cut) = (1 + choices.below(4000), choices.byte());
    let file = choices.rest();
    let Some(flavour) = Flavour::sniff(file) else {
        return;
    };
    let whole = assert_windows_change_nothing(flavour, file, window_bytes);
    whole.assert_fit_to_show();
    assert_files_change_nothing(flavour, file, cut, &whole);
}

/// The recordings, and their beginnings.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (index, file) in (0_u8..).zip(super::seeds::captures()) {
        let start = file.get(..3000).unwrap_or(&file);
        seeds.push([&[0, 100, index.wrapping_mul(7)], start].concat());
        seeds.push([&[3, 9, index], &*file].concat());
    }
    seeds
}
