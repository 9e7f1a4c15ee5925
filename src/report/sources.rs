//! Where something was read, as people and programs name it.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Origin, SourceId};
use crate::ftp::Vantage;
use crate::tally::Tallies;
use crate::text::{self, Text};

/// Parts of a path that a name is made of at most, before the whole path is shown.
const PARTS: usize = 4;

/// The paths of the sources, and which of them hold packets.
#[derive(Debug, Clone, Default)]
pub struct Sources(Vec<Source>);

#[derive(Debug, Clone, Default)]
struct Source {
    path: Text,
    packets: bool,
    /// Where the name begins in the path: the shortest end that no other path has.
    name: usize,
    /// The report that it was taken from, where another source has the same path.
    report: Option<Text>,
}

impl Sources {
    /// Sources by their paths as given, in the order of their ids.
    pub fn new(paths: impl IntoIterator<Item = Text>) -> Self {
        let source = |path| Source {
            path,
            ..Source::default()
        };
        let mut sources = Self(paths.into_iter().map(source).collect());
        sources.find_names();
        sources
    }

    /// Learns what was read: which sources are captures, and the paths that are not known yet.
    #[must_use]
    pub fn with(mut self, tallies: &Tallies) -> Self {
        let mut new = false;
        let known = tallies.inputs.len() + tallies.passed_over.len();
        for (source, input) in tallies.inputs.iter().chain(&tallies.passed_over) {
            let place = source.0 as usize;
            if place >= self.0.len() && place < known {
                self.0.resize(place + 1, Source::default());
            }
            if let Some(source) = self.0.get_mut(place) {
                source.packets = input.vantage == Some(Vantage::Wire);
                if source.path.is_empty() {
                    source.path.clone_from(&input.path);
                    source.report = input.reported.as_ref().map(|of| of.name.clone());
                    new = true;
                }
            }
        }
        if new {
            self.find_names();
        }
        self
    }

    /// The path as given.
    pub fn path(&self, source: SourceId) -> &[u8] {
        let source = self.0.get(source.0 as usize);
        source.map(|s| s.path.bytes()).unwrap_or_default()
    }

    /// The shortest end of the path that tells it from the others, or what the program calls a source without one; and the
    /// report where several have it.
    pub fn name(&self, source: SourceId, ascii: bool) -> String {
        self.file(source, ascii) + &self.report(source, ascii)
    }

    fn file(&self, source: SourceId, ascii: bool) -> String {
        let source = self.0.get(source.0 as usize);
        let name = source.and_then(|s| s.path.bytes().get(s.name..));
        let name = name.filter(|n| !n.is_empty());
        name.map_or_else(|| "(input)".to_owned(), |n| text::terminal(n, ascii))
    }

    /// ` (h1.json)`
    fn report(&self, source: SourceId, ascii: bool) -> String {
        let source = self.0.get(source.0 as usize);
        let report = source.and_then(|source| source.report.as_ref());
        report.map_or_else(String::new, |name| format!(" ({})", name.terminal(ascii)))
    }

    /// `web1.pcap #12`, `vsftpd.log:8812`, `vsftpd.log` where it is about the whole, `vsftpd.log:8812 (h1.json)`.
    pub fn place(&self, origin: Origin, ascii: bool) -> String {
        let file = self.file(origin.source, ascii);
        let report = self.report(origin.source, ascii);
        match origin.record {
            0 => file + &report,
            record => format!("{file}{}{report}", self.record(origin.source, record)),
        }
    }

    /// ` #12` or `:8812`
    pub fn record(&self, source: SourceId, record: u64) -> String {
        if self.0.get(source.0 as usize).is_some_and(|s| s.packets) {
            format!(" #{record}")
        } else {
            format!(":{record}")
        }
    }

    fn find_names(&mut self) {
        let mut times: BTreeMap<Text, u32> = BTreeMap::new();
        for source in &self.0 {
            *times.entry(source.path.clone()).or_default() += 1;
        }
        let starts = starts(times.keys());
        let shared = |path| times.get(path).is_some_and(|times| *times > 1);
        let reports: BTreeSet<Text> = self.0.iter().filter_map(|s| s.report.clone()).collect();
        let of_reports = self::starts(&reports);
        for source in &mut self.0 {
            source.name = starts.get(&source.path).copied().unwrap_or(0);
            let report = source.report.take().filter(|_| shared(&source.path));
            source.report = report.map(|name| {
                let start = of_reports.get(&name).copied().unwrap_or(0);
                Text::from(name.bytes().get(start..).unwrap_or_default())
            });
        }
    }
}

/// Where in each of different paths the shortest end begins that no other one has.
fn starts<'p>(paths: impl IntoIterator<Item = &'p Text>) -> BTreeMap<&'p Text, usize> {
    let paths: Vec<&Text> = paths.into_iter().collect();
    let mut starts = BTreeMap::new();
    for parts in 1..=PARTS {
        let mut met: BTreeMap<&[u8], u32> = BTreeMap::new();
        for path in &paths {
            *met.entry(end_of(path, parts).1).or_default() += 1;
        }
        for path in &paths {
            let (start, name) = end_of(path, parts);
            if met.get(name).is_some_and(|times| *times == 1) {
                starts.entry(*path).or_insert(start);
            }
        }
        if starts.len() == paths.len() {
            break;
        }
    }
    starts
}

/// Where the last few parts of a path begin, and these.
fn end_of(path: &Text, parts: usize) -> (usize, &[u8]) {
    let bytes = path.bytes();
    let whole = bytes.strip_suffix(b"/").unwrap_or(bytes);
    let slashes = whole.iter().enumerate().rev().filter(|(_, b)| **b == b'/');
    let start = slashes.map(|(at, _)| at + 1).nth(parts - 1).unwrap_or(0);
    (start, bytes.get(start..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_as_short_as_it_can_be_and_no_other_has_it() {
        let paths = [
            "a.log",
            "x/one/s.pcap",
            "x/two/s.pcap",
            "/y/b.log",
            "dup",
            "dup",
            "",
        ];
        let sources = Sources::new(paths.map(Text::from));
        let name = |n| sources.name(SourceId(n), true);
        let names: Vec<_> = (0..8).map(name).collect();
        let expected = [
            "a.log",
            "one/s.pcap",
            "two/s.pcap",
            "b.log",
            "dup",
            "dup",
            "(input)",
            "(input)",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn the_same_path_of_several_reports_is_told_apart_by_them() {
        let mut tallies = Tallies::default();
        let inputs = [
            ("/var/log/ftp.log", "in/h1.json"),
            ("/var/log/ftp.log", "in/h2.json"),
            ("/var/log/old.log", "in/h2.json"),
        ];
        for (place, (path, name)) in (0..).zip(inputs) {
            let input = crate::tally::InputTally {
                path: path.into(),
                reported: Some(crate::tally::Reported {
                    report: 1,
                    place: SourceId(0),
                    name: name.into(),
                }),
                ..crate::tally::InputTally::default()
            };
            tallies.inputs.insert(SourceId(place), input);
        }
        let sources = Sources::default().with(&tallies);
        let names: Vec<_> = (0..3).map(|n| sources.name(SourceId(n), true)).collect();
        assert_eq!(names, ["ftp.log (h1.json)", "ftp.log (h2.json)", "old.log"]);
        let at = Origin {
            source: SourceId(1),
            record: 8,
            offset: 0,
        };
        assert_eq!(sources.place(at, true), "ftp.log:8 (h2.json)");
    }
}
