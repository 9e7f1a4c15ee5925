//! A first look at an input: what it is, when it begins, what it has in common with others.
//!
//! Made where the run is, or before that, where the input is; then it comes in a list.

use std::io;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Format, source_id};
use crate::capture::{self, Flavour, Survey, Surveyed};
use crate::input::{self, Candidate};
use crate::limits;
use crate::text;
use crate::time::Timestamp;

/// What a first look shows.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Look {
    #[serde(default, with = "by_name")]
    pub(super) format: Option<Format>,
    #[serde(default)]
    pub(super) starts: Option<Timestamp>,
    /// The first bytes, hashed; none where they hold nothing.
    #[serde(default)]
    pub(super) head: Option<String>,
    /// True where no byte follows them.
    #[serde(default)]
    pub(super) is_whole: bool,
    /// The connections of a capture, where all of it was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) survey: Option<Surveyed>,
}

impl Look {
    /// Looks at the beginning of an input that can be read more than once.
    pub(super) fn at_head(candidate: &Candidate, from: Option<Format>) -> Option<Self> {
        if !candidate.regular {
            return None;
        }
        let head = input::open(candidate).ok()?.head;
        Some(Self::of(&head, from))
    }

    /// The same, of captures at all of it, by opening it once.
    pub(super) fn at_all(candidate: &Candidate, from: Option<Format>) -> Option<Self> {
        let mut opened = input::open(candidate).ok()?;
        let mut look = Self::of(&opened.head, from);
        match look.format {
            Some(Format::Capture(flavour)) => {
                look.survey = Some(survey(&mut *opened.reader, flavour, limits::WINDOW_BYTES));
            }
            _ if opened.head.len() < limits::SNIFF_BYTES => {
                let rest = io::copy(&mut opened.reader, &mut io::sink());
                look.is_whole = rest.is_ok();
            }
            _ => {}
        }
        Some(look)
    }

    fn of(head: &[u8], from: Option<Format>) -> Self {
        let format = Format::of(from, head);
        let starts = match format {
            Some(Format::Capture(flavour)) => capture::Cutter::first_time(flavour, head),
            _ => None,
        };
        // Captures without a packet are all alike.
        let holds_something = match format {
            Some(Format::Capture(_)) => starts.is_some(),
            _ => !head.is_empty(),
        };
        Self {
            format,
            starts,
            head: holds_something.then(|| blake3::hash(head).to_hex().to_string()),
            is_whole: false,
            survey: None,
        }
    }

    /// True where it tells whether another one is like it.
    pub(super) fn is_told(&self) -> bool {
        self.is_whole || self.survey.is_some()
    }

    /// True where two that begin alike hold the same for sure, or nearly so. What is only nearly sure goes wrong in no way
    /// that matters: captures with the same connections are read as one anyway.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let are_whole = self.is_whole && other.is_whole;
        let connections = |look: &Self| look.survey.as_ref().map_or(0, |s| s.tracks.len());
        let are_surveyed = connections(self) > 0 && self.survey == other.survey;
        self.head == other.head && (are_whole || are_surveyed)
    }
}

/// Notes the connections of a capture.
pub(super) fn survey(
    source: &mut (dyn io::Read + Send),
    flavour: Flavour,
    window_bytes: usize,
) -> Surveyed {
    let mut survey = Survey::default();
    let id = source_id(0); // whose it is does not matter to connections
    input::read(
        source,
        window_bytes,
        &mut capture::Cutter::new(flavour, id),
        &capture::Decoder::new(id),
        |_, frames| survey.merge(&frames),
        &|_| {},
    );
    survey.finish()
}

/// A format is written down as its name.
mod by_name {
    use super::{Deserialize, Deserializer, Format, Serialize, Serializer, text};

    #[expect(clippy::ref_option, reason = "serde asks so")]
    pub(super) fn serialize<S: Serializer>(
        format: &Option<Format>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        format.map(Format::name).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Format>, D::Error> {
        let Some(name) = Option::<String>::deserialize(deserializer)? else {
            return Ok(None);
        };
        let words = || format!("no format is called {}", text::terminal_str(&name, true));
        let format = Format::named(&name).ok_or_else(|| serde::de::Error::custom(words()))?;
        Ok(Some(format))
    }
}
