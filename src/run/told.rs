//! What a run says of itself in its tallies, so that they tell it wherever they are added up: what was asked for, and the
//! paths of what was passed over.

use std::borrow::Cow;

use super::plan::index as index_of;
use super::{Findings, Listed, Settings};
use crate::anonymize::Anonymizer;
use crate::diagnostic::{Diagnostics, SourceId};
use crate::filter;
use crate::input::{self, Candidate};
use crate::report::Sources;
use crate::tally::{Asked, InputTally, Tallies};
use crate::text::Text;

impl Settings {
    /// What is read.
    pub(super) fn candidates(&self, diagnostics: &mut Diagnostics) -> Vec<Candidate> {
        match &self.listed {
            Some(listed) => listed.iter().map(Listed::candidate).collect(),
            None => input::discover(&self.paths, diagnostics),
        }
    }

    /// What the inputs, and more behind them, are called.
    pub(super) fn sources<'p>(
        &self,
        candidates: &'p [Candidate],
        more: impl Iterator<Item = &'p [u8]>,
    ) -> Sources {
        let paths = candidates
            .iter()
            .map(|c| c.path.as_os_str().as_encoded_bytes());
        let places = self.places();
        let place = |index: usize| places.get(index).map_or(index, |source| index_of(*source));
        let called = |(index, path): (usize, &[u8])| match self.anonymizer {
            Some(_) => Anonymizer::input(place(index), path),
            None => Text::from(path),
        };
        Sources::new(paths.chain(more).enumerate().map(called))
    }

    /// The numbers of the inputs in the run of which this one is a part.
    pub(super) fn places(&self) -> Vec<SourceId> {
        let listed = self.listed.iter().flatten().zip(0..);
        listed.map(|(listed, index)| listed.source(index)).collect()
    }

    /// What is asked for, as the report tells it.
    pub(super) fn told(&self) -> Asked {
        let filter = self.filter.as_ref();
        let mut conditions = filter.map_or_else(Vec::new, |filter| filter.conditions().to_vec());
        if self.anonymizer.is_some() {
            filter::hide_names(&mut conditions);
        }
        let conditions = conditions.into_iter();
        Asked {
            conditions: conditions
                .map(|(option, words)| (option.to_owned(), words))
                .collect(),
            anonymized: self.anonymizer.is_some(),
        }
    }
}

/// What was found in another run.
impl From<Tallies> for Findings {
    fn from(tallies: Tallies) -> Self {
        Self {
            tallies,
            ..Self::default()
        }
    }
}

impl Findings {
    /// What was counted, with the sources numbered as in the run of which this one is a part.
    pub fn sums(&self) -> Cow<'_, Tallies> {
        if self.places.is_empty() {
            return Cow::Borrowed(&self.tallies);
        }
        let mut tallies = self.tallies.clone();
        tallies.place(&self.places);
        Cow::Owned(tallies)
    }

    /// Keeps the paths of sources that something is told about and nothing was read of.
    pub(super) fn name_passed_over(&mut self) {
        let tallies = &mut self.tallies;
        for (.., met) in tallies.diagnostics.iter() {
            let source = met.first.source;
            let path = Text::from(self.sources.path(source));
            if !path.is_empty() && !tallies.inputs.contains_key(&source) {
                let input = InputTally {
                    path,
                    ..InputTally::default()
                };
                tallies.passed_over.insert(source, input);
            }
        }
    }
}
