//! The shapes of the catalogue's entries: what the TOML files may hold, field by field, but for the samples of causes.
//!
//! Serde turns a file's tables into these; a field that is not named here is an error. Nothing is decided here.

use std::fmt;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ftp::{ReplyCode, Verb};

/// Who can mend a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Party {
    /// The one who runs the client.
    Client,
    /// The one who runs the server.
    Server,
    /// The one who runs the network between.
    Network,
    /// The one who made the rule that was applied.
    Policy,
    /// Not to be told from what was seen.
    Unknown,
}

impl Party {
    /// The word in machine-readable output.
    pub fn id(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Network => "network",
            Self::Policy => "policy",
            Self::Unknown => "unknown",
        }
    }
}

impl Serialize for Party {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

/// How sure a cause is. The surest comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Nothing else fits.
    Certain,
    /// The usual meaning of what was seen.
    Likely,
    /// One meaning of several.
    Possible,
    /// A guess from the code (and command) alone.
    Code,
}

impl Confidence {
    /// The word in machine-readable output.
    pub fn id(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
            Self::Possible => "possible",
            Self::Code => "code",
        }
    }
}

impl Serialize for Confidence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

/// Codes by their digits: `550`, `55` for 550 to 559, `?5?` for every code with a 5 in the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CodePattern([u8; 3]);

impl CodePattern {
    /// One to three digits or question marks; what is left out at the end is a question mark.
    pub fn read(text: &str) -> Option<Self> {
        let mut pattern = *b"???";
        if text.is_empty() || text.len() > 3 {
            return None;
        }
        for (to, from) in pattern.iter_mut().zip(text.bytes()) {
            if !from.is_ascii_digit() && from != b'?' {
                return None;
            }
            *to = from;
        }
        Some(Self(pattern))
    }

    /// True when the code has these digits.
    pub fn fits(self, code: ReplyCode) -> bool {
        let number = code.number();
        let digits = [number / 100, number / 10 % 10, number % 10];
        self.0
            .iter()
            .zip(digits)
            .all(|(want, digit)| *want == b'?' || u16::from(want - b'0') == digit)
    }
}

impl<'de> Deserialize<'de> for CodePattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Digits)
    }
}

/// A pattern as it is written: `"55"`, or `550` as a number.
struct Digits;

impl Visitor<'_> for Digits {
    type Value = CodePattern;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a code pattern")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<CodePattern, E> {
        CodePattern::read(text).ok_or_else(|| E::custom(format!("`{text}` is no code pattern")))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<CodePattern, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<CodePattern, E> {
        self.visit_str(&number.to_string())
    }
}

/// When a rule applies. An empty list of codes or commands stands for all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Codes.
    pub codes: Vec<CodePattern>,
    /// Commands.
    pub commands: Vec<Verb>,
}

impl Scope {
    /// True for a reply with this code to this command. A command that is not known is in no list.
    pub fn holds(&self, code: ReplyCode, verb: Option<Verb>) -> bool {
        (self.codes.is_empty() || self.codes.iter().any(|c| c.fits(code))) && self.holds_verb(verb)
    }

    /// True for a reply to this command, whatever the code.
    pub fn holds_verb(&self, verb: Option<Verb>) -> bool {
        self.commands.is_empty() || verb.is_some_and(|v| self.commands.contains(&v))
    }
}

/// A reply code.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReplyEntry {
    /// The number. Those above 999 are error numbers that clients print in a code's place.
    pub code: u16,
    /// A short name in small letters.
    pub name: String,
    /// The text that goes with it in its source.
    pub text: String,
    /// Where it is defined, or who sends it.
    pub source: String,
    /// `standard`, `extension`, `experimental`, `proposal`, `obsolete`, `vendor` or `client`.
    pub status: String,
    /// The commands it answers.
    pub commands: Vec<String>,
    /// What it means, in full sentences.
    pub meaning: String,
}

/// A command, and the replies it may have.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandEntry {
    /// The verb; [`Verb::CONNECT`] stands for the greeting.
    #[serde(deserialize_with = "verb")]
    pub verb: Verb,
    /// What it is for: `access`, `file`, `transfer`, `security`, ….
    pub group: String,
    /// Where it is defined.
    pub source: String,
    /// What its argument is: `path`, `text`, `user`, `secret`, `address`, `number` or `none`.
    pub argument: String,
    /// 1yz codes it may have.
    pub preliminary: Vec<u16>,
    /// 2yz codes it may have.
    pub completion: Vec<u16>,
    /// 3yz codes it may have.
    pub intermediate: Vec<u16>,
    /// 4yz and 5yz codes it may have.
    pub negative: Vec<u16>,
    /// Codes that servers send although no RFC lists them.
    pub also_seen: Vec<u16>,
    /// What it does.
    pub meaning: String,
}

/// Whether a code may answer a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Expectation {
    /// The RFCs list it.
    Listed,
    /// The RFCs don't list it, servers send it all the same.
    AlsoSeen,
    /// Neither.
    No,
}

impl CommandEntry {
    /// The codes that may answer the command.
    pub(super) fn expected(&self) -> impl Iterator<Item = ((Verb, u16), Expectation)> {
        let listed = [
            &self.preliminary,
            &self.completion,
            &self.intermediate,
            &self.negative,
        ];
        let listed = listed.into_iter().flatten();
        let listed = listed.map(|code| (code, Expectation::Listed));
        let also = self.also_seen.iter();
        let all = listed.chain(also.map(|code| (code, Expectation::AlsoSeen)));
        all.map(|(code, expectation)| ((self.verb, *code), expectation))
    }
}

/// A cause of failures, with all that points to it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    /// The name; stable, begins with the family.
    pub id: String,
    /// One line for a table.
    pub title: String,
    /// What happened, in full sentences.
    pub meaning: String,
    /// Who can mend it.
    pub side: Party,
    /// The family.
    pub family: String,
    /// What to do, one step an entry.
    pub advice: Vec<String>,
    /// Where this is defined, or whose replies show it.
    pub source: String,
    /// True where it is no failure at all, so that it is counted apart.
    pub benign: bool,
    /// What must be in the input before this cause can be told.
    #[serde(default)]
    pub needs: Option<String>,
    /// Reply texts that point to it.
    #[serde(default)]
    pub text: Vec<TextRule>,
    /// Codes that point to it where no text did.
    #[serde(default)]
    pub code: Vec<CodeRule>,
    /// Facts about a session that point to it.
    #[serde(default)]
    pub when: Vec<When>,
}

/// A setting of a server that advice names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Directive {
    /// The server.
    pub server: String,
    /// The setting, as it is written.
    pub name: String,
    /// The page of the server's documentation, with its version.
    pub source: String,
    /// What it is when left out; empty where that is not documented, or where it is a page of settings.
    pub default: String,
}

impl Directive {
    /// True when a text names it as a word of its own.
    pub fn is_named_in(&self, text: &str) -> bool {
        let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        text.match_indices(&self.name).any(|(at, name)| {
            let (before, from) = text.split_at_checked(at).unwrap_or_default();
            let after = from.strip_prefix(name).unwrap_or_default();
            !before.ends_with(part) && !after.starts_with(part)
        })
    }
}

/// A family of servers, and the text rules that its replies were seen to match.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Family {
    /// The name, with the version whose texts were read.
    pub name: String,
    /// The ranks of the rules.
    pub ranks: Vec<u32>,
}

/// A pattern over a reply's text in lower case. Of all that match, the one of the lowest rank decides.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "WrittenTextRule")]
pub struct TextRule {
    /// Its place among all text rules; no two are equal.
    pub rank: u32,
    /// A regular expression.
    pub pattern: String,
    /// Replies it applies to.
    pub scope: Scope,
    /// How sure it makes.
    pub confidence: Confidence,
}

/// A code that points to a cause. Of all that fit, the one of the lowest rank decides.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "WrittenCodeRule")]
pub struct CodeRule {
    /// Its place among all code rules; no two are equal.
    pub rank: u32,
    /// Replies it applies to.
    pub scope: Scope,
}

/// What a [`When`] is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Moment {
    /// A command with its replies.
    #[default]
    Exchange,
    /// A command with its replies, that succeeded by what the server says.
    Success,
    /// A session that is over.
    Session,
    /// A transfer that is over.
    Transfer,
    /// A data connection that was agreed upon and that no transfer used.
    Announcement,
    /// A command that succeeded and led to nothing, in a server's log.
    Left,
}

/// Facts that, all together, make a cause.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "WrittenWhen")]
pub struct When {
    /// The facts that must all hold.
    pub facts: Vec<String>,
    /// Replies it applies to.
    pub scope: Scope,
    /// Ids of causes that give way to this one, though a text or code points to them; `*` for all.
    /// Without any, only a guess from the code gives way.
    pub over: Vec<String>,
    /// How sure it makes; unset: as sure as what it builds upon.
    pub confidence: Option<Confidence>,
    /// Whether it is no failure in this case; unset: as the cause says.
    pub benign: Option<bool>,
    /// What it is held against.
    pub at: Moment,
    /// Commands whose nearest exchange before, or else after, shows it too.
    pub shows: Vec<Verb>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTextRule {
    rank: u32,
    #[serde(rename = "match", deserialize_with = "alternatives")]
    pattern: String,
    #[serde(default)]
    codes: Vec<CodePattern>,
    #[serde(default, deserialize_with = "verbs")]
    commands: Vec<Verb>,
    confidence: Confidence,
}

/// One expression, or several of which one must match.
fn alternatives<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    deserializer.deserialize_any(Expressions)
}

struct Expressions;

impl<'de> Visitor<'de> for Expressions {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an expression or a list of them")
    }

    fn visit_str<E: Error>(self, expression: &str) -> Result<String, E> {
        Ok(expression.to_owned())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, expressions: A) -> Result<String, A::Error> {
        let expressions = SeqAccessDeserializer::new(expressions);
        Ok(Vec::<String>::deserialize(expressions)?.join("|"))
    }
}

impl From<WrittenTextRule> for TextRule {
    fn from(written: WrittenTextRule) -> Self {
        Self {
            rank: written.rank,
            pattern: written.pattern,
            scope: Scope {
                codes: written.codes,
                commands: written.commands,
            },
            confidence: written.confidence,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCodeRule {
    rank: u32,
    codes: Vec<CodePattern>,
    #[serde(default, deserialize_with = "verbs")]
    commands: Vec<Verb>,
}

impl From<WrittenCodeRule> for CodeRule {
    fn from(written: WrittenCodeRule) -> Self {
        Self {
            rank: written.rank,
            scope: Scope {
                codes: written.codes,
                commands: written.commands,
            },
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenWhen {
    facts: Vec<String>,
    #[serde(default)]
    codes: Vec<CodePattern>,
    #[serde(default, deserialize_with = "verbs")]
    commands: Vec<Verb>,
    #[serde(default)]
    over: Vec<String>,
    #[serde(default)]
    confidence: Option<Confidence>,
    #[serde(default)]
    benign: Option<bool>,
    #[serde(default)]
    at: Moment,
    #[serde(default, deserialize_with = "verbs")]
    shows: Vec<Verb>,
}

impl From<WrittenWhen> for When {
    fn from(written: WrittenWhen) -> Self {
        Self {
            facts: written.facts,
            scope: Scope {
                codes: written.codes,
                commands: written.commands,
            },
            over: written.over,
            confidence: written.confidence,
            benign: written.benign,
            at: written.at,
            shows: written.shows,
        }
    }
}

fn verb<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Verb, D::Error> {
    read_verb(&String::deserialize(deserializer)?)
}

fn verbs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Verb>, D::Error> {
    let words = Vec::<String>::deserialize(deserializer)?;
    words.iter().map(|w| read_verb(w)).collect()
}

fn read_verb<E: Error>(word: &str) -> Result<Verb, E> {
    match (word, Verb::new(word.as_bytes())) {
        ("connect", _) => Ok(Verb::CONNECT),
        (_, Verb::ODD) => Err(E::custom(format!("`{word}` is no command"))),
        (_, verb) => Ok(verb),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_patterns_fit_by_digit() {
        let fits = |pattern: &str, number: u16| {
            let pattern = CodePattern::read(pattern).unwrap();
            pattern.fits(ReplyCode::new(number).unwrap())
        };
        assert!(fits("550", 550) && !fits("550", 551));
        assert!(fits("55", 551) && !fits("55", 450));
        assert!(fits("?5?", 450) && fits("?5?", 550) && !fits("?5?", 530));
        assert_eq!(CodePattern::read("5x0"), None);
        assert_eq!(CodePattern::read(""), None);
        assert_eq!(CodePattern::read("5500"), None);
    }

    #[test]
    fn a_cause_may_have_every_field() {
        let cause: Cause = toml::from_str(
            r#"
            id = "x-y"
            title = "t"
            meaning = "m"
            side = "network"
            family = "x"
            advice = []
            source = "s"
            benign = false
            needs = "packets"
            [[when]]
            facts = ["passive", "announced-address-private"]
            codes = [425, "42"]
            commands = ["RETR", "connect"]
            over = ["data-open-failed"]
            confidence = "certain"
            benign = true
            at = "transfer"
            [[when]]
            facts = []
            "#,
        )
        .unwrap();
        assert_eq!(cause.when[0].at, Moment::Transfer);
        assert_eq!(cause.when[0].scope.codes.len(), 2);
        assert_eq!(cause.when[0].scope.commands[1], Verb::CONNECT);
        assert_eq!(cause.when[1].at, Moment::Exchange);
        assert_eq!(cause.when[1].confidence, None);
        assert!(toml::from_str::<CodeRule>("rank = 1\ncodes = []\nmore = 1").is_err());
    }
}
