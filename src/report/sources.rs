//! Where something was read, as people and programs name it.

use std::collections::BTreeMap;

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
        for (source, input) in &tallies.inputs {
            let place = source.0 as usize;
            if place >= self.0.len() && place < tallies.inputs.len() {
                self.0.resize(place + 1, Source::default());
            }
            if let Some(source) = self.0.get_mut(place) {
                source.packets = input.vantage == Some(Vantage::Wire);
                if source.path.is_empty() {
                    source.path.clone_from(&input.path);
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

    /// The shortest end of the path that tells it from the others, or what the program calls a source without one.
    pub fn name(&self, source: SourceId, ascii: bool) -> String {
        let source = self.0.get(source.0 as usize);
        let name = source.and_then(|s| s.path.bytes().get(s.name..));
        let name = name.filter(|n| !n.is_empty());
        name.map_or_else(|| "(input)".to_owned(), |n| text::terminal(n, ascii))
    }

    /// `web1.pcap #12`, `vsftpd.log:8812`, `vsftpd.log` where it is about the whole.
    pub fn place(&self, origin: Origin, ascii: bool) -> String {
        let name = self.name(origin.source, ascii);
        match origin.record {
            0 => name,
            record => format!("{name}{}", self.record(origin.source, record)),
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
        let mut open: Vec<usize> = (0..self.0.len()).collect();
        for parts in 1..=PARTS + 1 {
            let mut met: BTreeMap<&[u8], u32> = BTreeMap::new();
            for source in &self.0 {
                *met.entry(end_of(&source.path, parts).1).or_default() += 1;
            }
            let mut names = Vec::new();
            open.retain(|place| {
                let Some(source) = self.0.get(*place) else {
                    return false;
                };
                let (start, name) = end_of(&source.path, parts);
                let found = met.get(name).is_none_or(|times| *times < 2);
                names.push((*place, if parts > PARTS { 0 } else { start }));
                !found
            });
            for (place, start) in names {
                if let Some(source) = self.0.get_mut(place) {
                    source.name = start;
                }
            }
            if open.is_empty() {
                break;
            }
        }
    }
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
}
