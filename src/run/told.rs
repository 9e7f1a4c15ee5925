//! What a run says of itself in its tallies, so that they tell it wherever they are added up: what was asked for, and the
//! paths of what was passed over.

use super::{Findings, Settings};
use crate::filter;
use crate::tally::{Asked, InputTally, Tallies};
use crate::text::Text;

impl Settings {
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
