//! The sums of several reports become one. Each report has its own inputs: they stay apart, also where two hosts give
//! theirs the same path.
//!
//! Inputs are numbered by what they are (path, figures, report), so neither the order in which reports are added nor
//! whether some were added before can show. What stands in two reports counts twice; that is told, not mended.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::written::Written;
use super::{InputTally, Tallies, VantageTally};
use crate::diagnostic::{DiagnosticKind, Diagnostics, Occurrences, Origin, SourceId};
use crate::text::{StableHash, Text};

/// The report that an input was taken from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reported {
    /// Tells the reports of two runs apart.
    pub report: u64,
    /// The input's number in it.
    pub place: SourceId,
    /// What people call the report: its file's name.
    pub name: Text,
}

/// Where something was read that has no source, or one that nobody knows any more.
const NOWHERE: SourceId = SourceId(u32::MAX);

/// Old numbers of sources, and the new ones.
type Numbers = BTreeMap<SourceId, SourceId>;

impl Tallies {
    /// The same as those of a report with a name. What was merged before keeps the names it had. A report with other names
    /// for everything gets one for itself as well: a file's name often is a host's.
    #[must_use]
    pub fn of_report(mut self, name: &Text) -> Self {
        let json = serde_json::to_vec(&Written::new(&self)).unwrap_or_default();
        let report = StableHash::new().bytes(&json).finish();
        let name = if self.asked.iter().any(|asked| asked.anonymized) {
            format!("report-{:08x}", report >> 32).into()
        } else {
            name.clone()
        };
        for (place, input) in self.inputs.iter_mut().chain(&mut self.passed_over) {
            let own = || Reported {
                report,
                place: *place,
                name: name.clone(),
            };
            input.reported.get_or_insert_with(own);
        }
        self
    }

    /// Adds the sums of another report.
    pub fn merge(&mut self, mut other: Self) {
        let [own, others] = numbers(self, &other);
        self.renumber(&own);
        other.renumber(&others);
        self.absorb(other);
    }

    /// Numbers the sources as in a larger run, by their order in this one.
    pub fn place(&mut self, places: &[SourceId]) {
        let numbers = (0..).map(SourceId).zip(places.iter().copied());
        self.renumber(&numbers.collect());
    }

    /// Adds the sums of another part of the same run, in which no input has the number of one in this part.
    ///
    /// # Errors
    ///
    /// Gives the path of an input that both have.
    pub fn merge_part(&mut self, other: Self) -> Result<(), Text> {
        let known =
            |source| self.inputs.contains_key(source) || self.passed_over.contains_key(source);
        let others = other.inputs.iter().chain(&other.passed_over);
        if let Some((_, input)) = others.into_iter().find(|(source, _)| known(source)) {
            return Err(input.path.clone());
        }
        self.absorb(other);
        Ok(())
    }

    /// Inputs that stand in several reports with the same figures, told at the first of each.
    pub fn counted_twice(&self) -> Diagnostics {
        let mut groups: BTreeMap<_, Vec<(SourceId, &InputTally)>> = BTreeMap::new();
        let read = self.inputs.iter();
        for (source, input) in read.filter(|(_, i)| i.reported.is_some() && i.records > 0) {
            groups
                .entry(figures(input))
                .or_default()
                .push((*source, input));
        }
        let mut told = Diagnostics::default();
        for same in groups.values().filter(|same| same.len() > 1) {
            let Some((source, _)) = same.first() else {
                continue;
            };
            let names: BTreeSet<_> = same
                .iter()
                .filter_map(|(_, i)| Some(&i.reported.as_ref()?.name))
                .collect();
            let names: Vec<_> = names.into_iter().map(|name| name.terminal(false)).collect();
            let reason = format!(
                "stands in {} reports with the same figures and counts each time ({})",
                same.len(),
                names.join(", ")
            );
            let first = Origin {
                source: *source,
                ..Origin::default()
            };
            let met = Occurrences {
                first,
                count: same.len() as u64,
                sample: None,
            };
            told.add_many(DiagnosticKind::CountedTwice, &reason, met);
        }
        told
    }

    fn renumber(&mut self, numbers: &Numbers) {
        let new = |source: SourceId| numbers.get(&source).copied().unwrap_or(NOWHERE);
        for sources in [&mut self.inputs, &mut self.passed_over] {
            let old = std::mem::take(sources).into_iter();
            *sources = old.map(|(source, input)| (new(source), input)).collect();
        }
        let place = |at: &mut Origin| at.source = new(at.source);
        self.diagnostics.each_place(&place);
        for tally in self.by_vantage.values_mut() {
            tally.each_place(&place);
        }
    }
}

impl VantageTally {
    /// Looks at, and changes, all places where something was read.
    fn each_place(&mut self, place: &impl Fn(&mut Origin)) {
        self.sessions.worst.change(|worst| place(&mut worst.origin));
        for cause in self.causes.values_mut() {
            cause.each_place(place);
        }
        self.clients
            .each_part(|client| client.refused.each_place(place));
        self.breaches.each_place(place);
    }
}

/// What an input is, without whose report it is in.
fn figures(input: &InputTally) -> impl Ord + use<'_> {
    let InputTally {
        path,
        format,
        vantage,
        bytes,
        records,
        taken,
        ignored,
        unrecognised,
        gaps: _, // those of the format
        reported: _,
    } = input;
    let counts = [*bytes, *records, *taken, *ignored, *unrecognised];
    (path, format, vantage, counts)
}

/// The numbers that the sources of two get where both are one.
fn numbers(one: &Tallies, other: &Tallies) -> [Numbers; 2] {
    let mut sources = Vec::new();
    for (whose, tallies) in [one, other].into_iter().enumerate() {
        let all = tallies.inputs.iter().chain(&tallies.passed_over);
        sources.extend(all.map(|(source, input)| (input, whose, *source)));
    }
    // Two that are the same to the last figure are interchangeable: all that is told of one is told of the other.
    sources.sort_by(|(a, ..), (b, ..)| order(a, b));
    let mut numbers = [Numbers::new(), Numbers::new()];
    for (new, (_, whose, old)) in (0..).zip(sources) {
        if let Some(numbers) = numbers.get_mut(whose) {
            numbers.insert(old, SourceId(new));
        }
    }
    numbers
}

fn order(a: &InputTally, b: &InputTally) -> Ordering {
    figures(a)
        .cmp(&figures(b))
        .then_with(|| a.reported.cmp(&b.reported))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ftp::Vantage;
    use crate::tally::tests::{Heard, count, heard};
    use crate::tally::written;

    /// A report of two inputs with few different paths, so that many are the same.
    fn report() -> impl Strategy<Value = Tallies> {
        let many = || prop::collection::vec(heard(), 0..3);
        let path = || prop::sample::select(vec!["a.log", "b.log"]);
        let name = prop::sample::select(vec!["h1.json", "h2.json"]);
        (many(), many(), path(), path(), name).prop_map(|(one, two, first, second, name)| {
            let mut tallies = input(&one, 0, first);
            tallies.absorb(input(&two, 1, second));
            tallies.of_report(&name.into())
        })
    }

    fn input(heard: &[Heard], number: u32, path: &str) -> Tallies {
        let mut tallies = count(heard);
        tallies.renumber(&Numbers::from([(SourceId(0), SourceId(number))]));
        for input in tallies.inputs.values_mut() {
            input.path = path.into();
        }
        tallies
    }

    fn merged<'t>(parts: impl IntoIterator<Item = &'t Tallies>) -> Tallies {
        let mut sum = Tallies::default();
        for part in parts {
            sum.merge(part.clone());
        }
        sum
    }

    fn bytes(tallies: &Tallies) -> String {
        serde_json::to_string(&Written::new(tallies)).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn reports_add_up_in_any_order_and_nesting(
            parts in prop::collection::vec(report(), 0..6),
            at in 0..6_usize,
            turn in 0..6_usize,
        ) {
            let whole = merged(&parts);
            let (a, b) = parts.split_at(at.min(parts.len()));
            prop_assert_eq!(bytes(&merged([&merged(a), &merged(b)])), bytes(&whole));
            prop_assert_eq!(bytes(&merged([&merged(b), &merged(a)])), bytes(&whole));
            let mut turned = parts.clone();
            turned.rotate_left(turn.min(parts.len()));
            prop_assert_eq!(bytes(&merged(&turned)), bytes(&whole));
            turned.reverse();
            prop_assert_eq!(bytes(&merged(&turned)), bytes(&whole));
            prop_assert_eq!(bytes(&merged([&whole])), bytes(&whole));
            let read = written::read(&bytes(&whole)).unwrap();
            prop_assert_eq!(&read, &whole);
            let twice = |tallies: &Tallies| bytes(&merged([&tallies.clone().of_report(&"again.json".into())]));
            prop_assert_eq!(twice(&whole), bytes(&whole));
        }

        #[test]
        fn nothing_is_lost(parts in prop::collection::vec(report(), 0..4)) {
            let whole = merged(&parts);
            let sum = |of: &dyn Fn(&Tallies) -> u64| (of(&whole), parts.iter().map(of).sum::<u64>());
            let all: [&dyn Fn(&Tallies) -> u64; 3] = [
                &|t| t.inputs.len() as u64,
                &|t| t.by_vantage.values().map(|v| v.sessions.total).sum(),
                &|t| t.diagnostics.iter().map(|(.., met)| met.count).sum(),
            ];
            for of in all {
                let (found, expected) = sum(of);
                prop_assert_eq!(found, expected);
            }
        }
    }

    fn of(path: &str, records: u64) -> Tallies {
        let mut tallies = Tallies::default();
        let input = InputTally {
            path: path.into(),
            vantage: Some(Vantage::ServerLog),
            records,
            ..InputTally::default()
        };
        tallies.inputs.insert(SourceId(4), input);
        let at = Origin {
            source: SourceId(4),
            record: records,
            offset: 0,
        };
        tallies
            .diagnostics
            .add(DiagnosticKind::Malformed, at, "odd");
        tallies
    }

    #[test]
    fn the_same_path_of_two_hosts_is_two_inputs_and_what_is_told_follows_each() {
        let [one, two] = [("h1.json", 5), ("h2.json", 3)]
            .map(|(name, records)| of("/var/log/vsftpd.log", records).of_report(&name.into()));
        let sum = merged([&one, &two]);
        let inputs: Vec<_> = sum.inputs.values().collect();
        let told: Vec<_> = inputs
            .iter()
            .map(|i| (i.records, i.reported.as_ref().unwrap().name.terminal(true)))
            .collect();
        assert_eq!(told, [(3, "h2.json".to_owned()), (5, "h1.json".to_owned())]);
        let places: Vec<_> = sum
            .diagnostics
            .iter()
            .map(|(.., met)| (met.first.source.0, met.first.record))
            .collect();
        assert_eq!(places, [(0, 3), (1, 5)]);
        assert_eq!(sum.counted_twice().iter().count(), 0);
    }

    #[test]
    fn a_report_that_is_given_twice_is_told() {
        let part = of("a.log", 3);
        let [one, other] =
            ["h1.json", "copy.json"].map(|name| part.clone().of_report(&name.into()));
        let sum = merged([&one, &other]);
        let told = sum.counted_twice();
        let told: Vec<_> = told
            .iter()
            .map(|(kind, reason, met)| (kind, reason, met.count))
            .collect();
        let reason =
            "stands in 2 reports with the same figures and counts each time (copy.json, h1.json)";
        assert_eq!(told, [(DiagnosticKind::CountedTwice, reason, 2)]);
        // Empty files are alike everywhere.
        let empty = of("a.log", 0).of_report(&"h1.json".into());
        assert_eq!(merged([&empty, &empty]).counted_twice().iter().count(), 0);
    }

    #[test]
    fn what_has_no_source_stays_nowhere_and_other_names_hide_the_reports_name() {
        let mut part = of("input-1.log", 3);
        let at = Origin {
            source: SourceId(9),
            ..Origin::default()
        };
        part.diagnostics
            .add(DiagnosticKind::LimitReached, at, "too many files");
        part.asked.insert(crate::tally::Asked {
            anonymized: true,
            ..Default::default()
        });
        let sum = merged([&part.of_report(&"secret-host.json".into())]);
        let places: Vec<_> = sum
            .diagnostics
            .iter()
            .map(|(.., met)| met.first.source)
            .collect();
        assert_eq!(places, [SourceId(0), NOWHERE]);
        assert!(!bytes(&sum).contains("secret-host"), "{}", bytes(&sum));
        assert!(bytes(&sum).contains("\"report-"));
    }
}
