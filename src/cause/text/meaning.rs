//! Tells a cause by what the words of a text mean, where no expression of the catalogue says anything.
//!
//! `words.txt` names meanings (`denied`, `not`, `space`) and lists the words for each, in the languages of servers;
//! `meanings.txt` says which of them, found in a reply to a command, make a cause (`space full`). Neither the order of
//! the words nor the grammar counts, so what it tells is only possible. Both files are read when a text first needs them.

use std::sync::LazyLock;

use memchr::memmem;

use crate::catalogue::{CauseId, CodePattern, catalogue};
use crate::ftp::{ReplyCode, Verb};

const WORDS: &str = include_str!("words.txt");
const MEANINGS: &str = include_str!("meanings.txt");

/// Words of one text that are looked at.
const WORDS_MAX: usize = 200;

/// The cause that the words of a text in its normal form make.
pub(super) fn tell(code: ReplyCode, verb: Option<Verb>, normal: &[u8]) -> Option<CauseId> {
    let of_code = |rule: &&Rule| {
        rule.codes.iter().any(|c| c.fits(code))
            && (rule.verbs.is_empty() || rule.verbs.contains(&verb))
    };
    let mut rules = RULES.iter().filter(of_code).peekable();
    rules.peek()?;
    let found = LEXICON.meanings(&String::from_utf8_lossy(normal));
    let rule = rules.find(|rule| rule.holds(found))?;
    Some(rule.cause)
}

/// Meanings as a set of bits, by their places in `words.txt`.
type Meanings = u128;

/// Words for one meaning that follow each other.
struct Phrase {
    words: Vec<&'static str>,
    /// False where the last word may go on.
    whole: bool,
    meaning: Meanings,
}

impl Phrase {
    fn begins(&self, text: &[&str]) -> bool {
        let Some((last, before)) = self.words.split_last() else {
            return false;
        };
        let heads = text.get(..before.len());
        let Some(end) = text.get(before.len()) else {
            return false;
        };
        heads == Some(before) && (end == last || (!self.whole && end.starts_with(last)))
    }
}

/// The words that are known.
#[derive(Default)]
struct Lexicon {
    names: Vec<&'static str>,
    /// In the order of their first words' first two bytes.
    phrases: Vec<Phrase>,
    /// Parts of words, of scripts that set no blanks.
    parts: Vec<(String, Meanings)>,
}

static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| Lexicon::read(WORDS));
static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| rules(MEANINGS, &LEXICON));

impl Lexicon {
    fn read(text: &'static str) -> Self {
        let mut lexicon = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let words = match line.split_once(':') {
                Some((name, words)) => {
                    lexicon.names.push(name);
                    words
                }
                None => line,
            };
            let last = lexicon.names.len().saturating_sub(1);
            for word in words.split_whitespace() {
                lexicon.push(word, bit(last));
            }
        }
        lexicon.phrases.sort_by_key(|phrase| head(first(phrase)));
        lexicon
    }

    fn push(&mut self, word: &'static str, meaning: Meanings) {
        if let Some(part) = word.strip_prefix('~') {
            self.parts.push((part.replace('_', ""), meaning));
            return;
        }
        let (whole, words) = word.strip_prefix('=').map_or((false, word), |w| (true, w));
        self.phrases.push(Phrase {
            words: words.split('_').collect(),
            whole,
            meaning,
        });
    }

    /// The meaning of this name.
    fn named(&self, name: &str) -> Option<Meanings> {
        let place = self.names.iter().position(|n| *n == name)?;
        Some(bit(place))
    }

    /// All meanings that occur in a text.
    fn meanings(&self, text: &str) -> Meanings {
        let mut found = 0;
        let words = text.split(|c: char| !c.is_alphanumeric());
        let words: Vec<&str> = words.filter(|w| !w.is_empty()).take(WORDS_MAX).collect();
        for (at, word) in words.iter().enumerate() {
            let from = words.get(at..).unwrap_or_default();
            for phrase in self.like(word).iter().filter(|p| p.begins(from)) {
                found |= phrase.meaning;
            }
        }
        if !text.is_ascii() {
            let joined: String = text.split_whitespace().collect();
            let has = |part: &str| memmem::find(joined.as_bytes(), part.as_bytes()).is_some();
            for (_, meaning) in self.parts.iter().filter(|(part, _)| has(part)) {
                found |= meaning;
            }
        }
        found
    }

    /// The phrases that may begin with a word.
    fn like(&self, word: &str) -> &[Phrase] {
        let head = head(word);
        let from = self
            .phrases
            .partition_point(|p| self::head(first(p)) < head);
        let rest = self.phrases.get(from..).unwrap_or_default();
        let length = rest.partition_point(|p| self::head(first(p)) == head);
        rest.get(..length).unwrap_or_default()
    }
}

fn first(phrase: &Phrase) -> &'static str {
    phrase.words.first().copied().unwrap_or_default()
}

fn head(word: &str) -> (Option<u8>, Option<u8>) {
    let mut bytes = word.bytes();
    (bytes.next(), bytes.next())
}

fn bit(place: usize) -> Meanings {
    u32::try_from(place).map_or(0, |place| 1_u128.checked_shl(place).unwrap_or(0))
}

/// Meanings that together make a cause.
struct Rule {
    codes: Vec<CodePattern>,
    /// `None` is a command that is not known.
    verbs: Vec<Option<Verb>>,
    /// Of each, one must occur.
    all: Vec<Meanings>,
    none: Meanings,
    cause: CauseId,
}

impl Rule {
    fn holds(&self, found: Meanings) -> bool {
        found & self.none == 0 && self.all.iter().all(|one| found & one != 0)
    }

    /// A line of four columns: codes, commands, meanings, cause.
    fn read(line: &str, groups: &[(&str, &str)], lexicon: &Lexicon) -> Option<Self> {
        let columns: Vec<&str> = line.split('\t').collect();
        let &[codes, verbs, meanings, cause] = columns.as_slice() else {
            return None;
        };
        let mut rule = Self {
            codes: codes
                .split(',')
                .map(CodePattern::read)
                .collect::<Option<_>>()?,
            verbs: if verbs == "*" {
                Vec::new()
            } else {
                read_verbs(verbs, groups)
            },
            all: Vec::new(),
            none: 0,
            cause: catalogue().cause_by_name(cause)?,
        };
        for word in meanings.split(' ') {
            let (absent, names) = word.strip_prefix('!').map_or((false, word), |w| (true, w));
            let mut one = 0;
            for name in names.split('|') {
                one |= lexicon.named(name)?;
            }
            if absent {
                rule.none |= one;
            } else {
                rule.all.push(one);
            }
        }
        Some(rule)
    }
}

fn rules(text: &str, lexicon: &Lexicon) -> Vec<Rule> {
    let groups: Vec<(&str, &str)> = lines(text).filter_map(|l| l.split_once(" = ")).collect();
    let rules = lines(text).filter(|line| !line.starts_with('@'));
    rules
        .filter_map(|line| Rule::read(line, &groups, lexicon))
        .collect()
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Commands and groups of them; `-` is one that is not known, `connect` the greeting.
fn read_verbs(names: &str, groups: &[(&str, &str)]) -> Vec<Option<Verb>> {
    let all = names.split(',').flat_map(|name| {
        let group = groups.iter().find(|(group, _)| *group == name);
        group.map_or(name, |(_, members)| *members).split(' ')
    });
    all.map(|name| match name {
        "-" => None,
        "connect" => Some(Verb::CONNECT),
        name => Some(Verb::new(name.as_bytes())),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_read_whole() {
        assert!(LEXICON.names.len() <= 128, "one bit for each meaning");
        let mut names = LEXICON.names.clone();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), LEXICON.names.len(), "a meaning is named twice");
        let written: Vec<&str> = lines(MEANINGS)
            .filter(|line| !line.starts_with('@'))
            .collect();
        let groups: Vec<_> = lines(MEANINGS)
            .filter_map(|l| l.split_once(" = "))
            .collect();
        for line in &written {
            assert!(Rule::read(line, &groups, &LEXICON).is_some(), "{line}");
        }
        assert_eq!(RULES.len(), written.len());
        assert!(RULES.len() > 50);
    }

    #[test]
    fn every_meaning_is_asked_for() {
        let asked = RULES.iter().fold(0, |all, rule| {
            rule.all.iter().fold(all | rule.none, |all, one| all | one)
        });
        for (place, name) in LEXICON.names.iter().enumerate() {
            assert_ne!(asked & bit(place), 0, "{name}");
        }
    }

    #[test]
    fn stems_are_as_the_normal_form_has_them() {
        for phrase in &LEXICON.phrases {
            let words = phrase.words.join(" ");
            let folded = crate::cause::text::fold::fold(words.as_bytes());
            assert_eq!(words.as_bytes(), folded, "{words}");
            assert!(
                phrase
                    .words
                    .iter()
                    .all(|w| w.chars().all(char::is_alphanumeric)),
                "{words}"
            );
        }
        for (part, _) in &LEXICON.parts {
            assert!(!part.is_ascii() && part.chars().count() > 0, "{part}");
        }
    }

    #[test]
    fn words_are_found_in_any_form_and_script() {
        let has = |text: &str, names: &[&str]| {
            let found = LEXICON.meanings(text);
            for name in names {
                assert_ne!(found & LEXICON.named(name).unwrap(), 0, "{text}: {name}");
            }
        };
        has("access is denied", &["right", "denied"]);
        has("tiedostoa ei loydy", &["file", "not", "found"]);
        has("файл не знайдено", &["file", "not", "found"]);
        has("磁盘已满", &["space", "full"]);
        has("sai mat khau", &["invalid", "password"]);
        has("the account is locked", &["user", "locked"]);
        assert_eq!(LEXICON.meanings(""), 0);
        assert_eq!(LEXICON.meanings("zzz ... qqq"), 0);
    }
}
