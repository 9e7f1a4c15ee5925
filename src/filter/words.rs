//! What was typed, and where it is wrong.

use crate::text;

/// A condition that can't be understood: which option, what was typed, and the place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The option, say `--since`.
    pub option: &'static str,
    /// What was typed.
    pub typed: String,
    /// The first character that does not fit, counted from 0; behind the last one where something is missing.
    pub at: usize,
    /// What is the matter, and what would be right.
    pub why: String,
}

impl Wrong {
    /// The option and what is the matter, what was typed, and a mark below the place.
    pub fn told(&self) -> String {
        let before: String = self.typed.chars().take(self.at).collect();
        let column = text::terminal_str(&before, true).chars().count();
        let typed = text::terminal_str(&self.typed, true);
        let why = text::terminal_str(&self.why, true);
        // Not by a width, of which there are no more than 65,535.
        let blanks = " ".repeat(column);
        format!("{}: {why}\n        {typed}\n        {blanks}^", self.option)
    }
}

/// A fault in a part of what was typed: its place there, and what is the matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(super) at: usize,
    pub(super) why: String,
}

impl Fault {
    pub(crate) fn new(at: usize, why: impl Into<String>) -> Self {
        Self {
            at,
            why: why.into(),
        }
    }

    /// The same fault in a text that has so many more characters before this one.
    pub(crate) fn behind(self, before: usize) -> Self {
        Self {
            at: self.at + before,
            ..self
        }
    }

    pub(crate) fn of(self, option: &'static str, typed: &str) -> Wrong {
        Wrong {
            option,
            typed: typed.to_owned(),
            at: self.at,
            why: self.why,
        }
    }
}

/// Things of which one must fit, if there are any, and things of which none may.
#[derive(Debug, Clone)]
pub(super) struct Choice<T> {
    only: Vec<T>,
    not: Vec<T>,
}

impl<T> Default for Choice<T> {
    fn default() -> Self {
        Self {
            only: Vec::new(),
            not: Vec::new(),
        }
    }
}

impl<T> Choice<T> {
    /// Reads an option that was given any number of times: one thing each, or several between commas; `!` excludes.
    pub(super) fn read(
        option: &'static str,
        given: &[String],
        is_list: bool,
        read: impl Fn(&str) -> Result<T, Fault>,
    ) -> Result<Self, Wrong> {
        let mut choice = Self::default();
        for typed in given {
            let items: Vec<&str> = if is_list {
                typed.split(',').collect()
            } else {
                vec![typed]
            };
            let mut before = 0;
            for item in items {
                let (excluded, word) = match item.strip_prefix('!') {
                    Some(word) => (true, word),
                    None => (false, item),
                };
                let start = before + usize::from(excluded);
                let found = match word {
                    "" => Err(Fault::new(0, "nothing stands here")),
                    word => read(word),
                };
                let found = found.map_err(|fault| fault.behind(start).of(option, typed))?;
                let list = if excluded {
                    &mut choice.not
                } else {
                    &mut choice.only
                };
                list.push(found);
                before += item.chars().count() + 1;
            }
        }
        Ok(choice)
    }

    /// True where nothing was asked for.
    pub(super) fn is_empty(&self) -> bool {
        self.only.is_empty() && self.not.is_empty()
    }

    /// True for something that one of the wanted fits and none of the excluded.
    pub(super) fn fits(&self, fits: impl Fn(&T) -> bool) -> bool {
        (self.only.is_empty() || self.only.iter().any(&fits)) && !self.not.iter().any(&fits)
    }

    /// The same for something that may be missing: it is none of those that are excluded.
    pub(super) fn fits_known<V>(&self, known: Option<V>, fits: impl Fn(&T, &V) -> bool) -> bool {
        match known {
            Some(known) => self.fits(|item| fits(item, &known)),
            None => self.only.is_empty(),
        }
    }
}
