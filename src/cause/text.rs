//! Turns a negative reply into a cause: by its text, or, as a guess, by its code.
//!
//! A reply's text is brought into one form (see `normal`), then the catalogue's text rules are tried in the order of
//! their ranks; the first that matches decides. It looks at nothing but the reply and its command: what happened before or
//! on the data connection is judged elsewhere.

mod fold;
mod meaning;
mod normal;
mod sieve;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::sync::{LazyLock, OnceLock};

use regex_automata::meta::{Config, Regex};
use regex_automata::util::syntax;

use crate::catalogue::{CauseId, CodeRule, Confidence, TextRule, catalogue};
use crate::ftp::{ReplyCode, Verb};
use crate::limits;
use crate::lookup::Lookup;

use normal::Parts;
use sieve::{Letters, Need};

pub(super) use fold::read;
pub(super) use normal::Named;

/// What was found, by code, verb and normal form.
type Known = Lookup<Vec<u8>, Option<Hit>>;

/// What was found of a text as it was sent.
struct Sent {
    /// Where no name stands in it.
    hit: Option<Hit>,
    parts: Parts,
}

/// Servers say the same few sentences over and over; each is looked up once per thread.
#[derive(Default)]
struct Memory {
    /// Texts as they were sent, by code, verb and text.
    sent: Lookup<Vec<u8>, Sent>,
    /// Texts in their normal form.
    normal: Known,
    /// Causes that codes point to, by code and verb.
    by_code: Lookup<(u16, u64), Option<CauseId>>,
    /// The key that is looked for.
    key: Vec<u8>,
}

thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::default();
}

/// A cause that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hit {
    /// The cause.
    pub cause: CauseId,
    /// How sure it is.
    pub confidence: Confidence,
    /// The rank of the text rule that told it.
    pub rank: Option<u32>,
}

/// The cause that the reply's text tells. `None` for replies that are not negative and for texts that say nothing known.
///
/// What the client has `named` is not taken for words of the server.
pub(super) fn by_text(
    code: ReplyCode,
    verb: Option<Verb>,
    named: Named<'_>,
    text: &[u8],
) -> Option<Hit> {
    if !code.is_negative() {
        return None;
    }
    MEMORY.with_borrow_mut(|memory| {
        memory.look_for(code, verb, text);
        let known = memory.sent.get(memory.key.as_slice());
        if let Some(known) = known
            && !(named.may_stand_in(&known.parts) && normal::is_named_in(text, verb, named))
        {
            return known.hit;
        }
        let is_new = known.is_none() && !normal::is_named_in(text, verb, named);
        let hit = memory.by_form(code, verb, named, text);
        if is_new {
            memory.look_for(code, verb, text);
            let parts = Parts::of(text);
            remember(&mut memory.sent, &memory.key, Sent { hit, parts });
        }
        hit
    })
}

impl Memory {
    fn look_for(&mut self, code: ReplyCode, verb: Option<Verb>, text: &[u8]) {
        let key = &mut self.key;
        key.clear();
        key.extend_from_slice(&code.number().to_be_bytes());
        key.extend_from_slice(&verb.map_or(0, Verb::number).to_be_bytes());
        key.extend_from_slice(text);
    }

    /// What is known of a text's normal form; else it is found out and kept.
    fn by_form(
        &mut self,
        code: ReplyCode,
        verb: Option<Verb>,
        named: Named<'_>,
        text: &[u8],
    ) -> Option<Hit> {
        let normal = normal::normalize(text, Some(code), verb, named);
        self.look_for(code, verb, &normal);
        if let Some(hit) = self.normal.get(self.key.as_slice()) {
            return *hit;
        }
        let mut hits = matching(&normal, Some(code), verb);
        let hit = hits.next().map(|first| weighed(first, &normal, hits));
        let hit = hit.or_else(|| by_meaning(code, verb, &normal));
        remember(&mut self.normal, &self.key, hit);
        hit
    }
}

fn remember<V>(known: &mut Lookup<Vec<u8>, V>, key: &[u8], found: V) {
    if known.len() >= limits::KNOWN_TEXTS {
        *known = Lookup::default();
    }
    known.insert(key.to_vec(), found);
}

/// What the words of a text mean beside each other, where no rule knows the text.
fn by_meaning(code: ReplyCode, verb: Option<Verb>, normal: &[u8]) -> Option<Hit> {
    meaning::tell(code, verb, normal).map(|cause| Hit {
        cause,
        confidence: Confidence::Possible,
        rank: None,
    })
}

/// The usual cause behind a code that answers this command: a guess.
pub(super) fn by_code(code: ReplyCode, verb: Option<Verb>) -> Option<Hit> {
    if !code.is_negative() {
        return None;
    }
    let asked = (code.number(), verb.map_or(0, Verb::number));
    let cause = MEMORY.with_borrow_mut(|memory| {
        let known = &mut memory.by_code;
        if let Some(cause) = known.get(&asked) {
            return *cause;
        }
        let holds = |(_, rule): &&(CauseId, &CodeRule)| rule.scope.holds(code, verb);
        let cause = CODES.iter().find(holds).map(|(cause, _)| *cause);
        if known.len() >= limits::KNOWN_TEXTS {
            *known = Lookup::default();
        }
        known.insert(asked, cause);
        cause
    });
    Some(Hit {
        cause: cause?,
        confidence: Confidence::Code,
        rank: None,
    })
}

/// The causes that may stand behind a code which answers this command: first the guess, then what texts under this code
/// tell, as far as it is what the code is about. An unknown command stands for any.
pub(super) fn candidates(code: ReplyCode, verb: Option<Verb>) -> Vec<CauseId> {
    let mut found = Vec::new();
    if !code.is_negative() {
        return found;
    }
    let guess = by_code(code, verb).map(|hit| hit.cause);
    let texts = TEXTS.iter().filter(|t| {
        let scope = &t.rule.scope;
        let verb_fits = verb.is_none() || scope.holds_verb(verb);
        let is_about = families(code).contains(&catalogue().cause(t.cause).family.as_str());
        is_about && verb_fits && scope.codes.iter().any(|c| c.fits(code))
    });
    for cause in guess.into_iter().chain(texts.map(|t| t.cause)) {
        if !found.contains(&cause) {
            found.push(cause);
        }
    }
    found
}

/// The families of causes that a code is about, by its second digit (RFC 959 section 4.2.1) and by practice. A text may
/// tell of others.
fn families(code: ReplyCode) -> &'static [&'static str] {
    match (code.number(), code.number() / 10 % 10) {
        (421, _) => &["server", "limit", "timeout", "access", "abuse"],
        (_, 0) => &["client", "tls"],
        (_, 1) => &["server"],
        (_, 2) => &["data", "tls"],
        (_, 3) => &["auth", "access", "tls", "limit"],
        (_, 5) => &["path", "access", "storage", "server"],
        _ => &[],
    }
}

/// Everything that a text may tell, in the order of the ranks; without a code it is held against the rules for all codes.
pub(super) fn readings(code: Option<ReplyCode>, verb: Option<Verb>, text: &[u8]) -> Vec<Hit> {
    let normal = normal::normalize(text, code, verb, Named::default());
    let mut found: Vec<Hit> = Vec::new();
    for hit in matching(&normal, code, verb) {
        if found.iter().all(|f| f.cause != hit.cause) {
            found.push(hit);
        }
    }
    if code.is_none() && found.len() > 1 {
        // Ranks decide between rules for one code; without it, the words that leave less open do. The code might decide else.
        found.sort_by_key(|hit| hit.confidence);
        let sure = found.iter_mut().map(|hit| &mut hit.confidence);
        sure.for_each(|confidence| *confidence = (*confidence).max(Confidence::Likely));
    }
    if let Some((first, others)) = found.split_first_mut() {
        *first = weighed(*first, &normal, others.iter().copied());
    } else if let Some(code) = code {
        found.extend(by_meaning(code, verb, &normal));
    }
    found
}

/// A cause is not certain where the server itself names another one: `not found or access denied`.
fn weighed(first: Hit, normal: &[u8], mut others: impl Iterator<Item = Hit>) -> Hit {
    let is_other = |hit: Hit| hit.cause != first.cause && hit.confidence <= Confidence::Likely;
    let is_open = first.confidence == Confidence::Certain
        && memchr::memmem::find(normal, b" or ").is_some()
        && others.any(is_other);
    let confidence = if is_open {
        Confidence::Likely
    } else {
        first.confidence
    };
    Hit {
        confidence,
        ..first
    }
}

fn matching(
    normal: &[u8],
    code: Option<ReplyCode>,
    verb: Option<Verb>,
) -> impl Iterator<Item = Hit> {
    let in_scope = move |text: &&Text| match code {
        Some(code) => text.rule.scope.holds(code, verb),
        None => text.rule.scope.holds_verb(verb),
    };
    let letters = Letters::of(normal);
    TEXTS
        .iter()
        .filter(in_scope)
        .filter(move |text| text.is_match(&letters, normal))
        .map(|text| Hit {
            cause: text.cause,
            confidence: text.rule.confidence,
            rank: Some(text.rule.rank),
        })
}

/// A text rule whose expression is read and compiled when it is first needed: a run meets few codes, so it needs few of them.
struct Text {
    cause: CauseId,
    rule: &'static TextRule,
    parts: OnceLock<Vec<Part>>,
}

/// One of the alternatives of an expression. Of those of a long one, a text is held against few.
struct Part {
    pattern: &'static str,
    need: Need,
    regex: OnceLock<Option<Regex>>,
}

impl Text {
    fn parts(&self) -> &[Part] {
        self.parts.get_or_init(|| {
            let alternatives = sieve::alternatives(&self.rule.pattern).into_iter();
            let parts = alternatives.map(|(pattern, need)| Part {
                pattern,
                need,
                regex: OnceLock::new(),
            });
            parts.collect()
        })
    }

    fn is_match(&self, letters: &Letters, normal: &[u8]) -> bool {
        let mut parts = self.parts().iter();
        parts.any(|part| part.need.may_match(letters) && part.is_match(normal))
    }
}

impl Part {
    fn is_match(&self, normal: &[u8]) -> bool {
        let regex = self.regex.get_or_init(|| compile(self.pattern));
        regex.as_ref().is_some_and(|regex| regex.is_match(normal))
    }
}

/// A test compiles all expressions of the catalogue. Few texts are ever held against one, since a text is looked up once: what
/// makes a search fast and takes long to build would cost more than it saves.
fn compile(pattern: &str) -> Option<Regex> {
    let config = Config::new()
        .utf8_empty(false)
        .auto_prefilter(false)
        .hybrid(false)
        .onepass(false)
        .dfa(false);
    let syntax = syntax::Config::new().unicode(false).utf8(false);
    let mut builder = Regex::builder();
    builder.configure(config).syntax(syntax).build(pattern).ok()
}

static TEXTS: LazyLock<Vec<Text>> = LazyLock::new(|| {
    let mut texts: Vec<Text> = catalogue()
        .causes()
        .flat_map(|(cause, entry)| {
            entry.text.iter().map(move |rule| Text {
                cause,
                rule,
                parts: OnceLock::new(),
            })
        })
        .collect();
    texts.sort_by_key(|text| text.rule.rank);
    texts
});

static CODES: LazyLock<Vec<(CauseId, &'static CodeRule)>> = LazyLock::new(|| {
    let mut codes: Vec<_> = catalogue()
        .causes()
        .flat_map(|(cause, entry)| entry.code.iter().map(move |rule| (cause, rule)))
        .collect();
    codes.sort_by_key(|(_, rule)| rule.rank);
    codes
});
