//! What is known about reply codes, commands and causes, settings and families of servers: TOML files, read once.
//!
//! To read TOML takes most of the time of a short run, so the program contains what the files say, but for the samples, as
//! `catalogue.json`. A test holds that it says the same, and writes it (`FTPWHY_WRITE_DOCS=1 cargo test --lib catalogue`);
//! the other unit tests read the TOML files themselves. So nobody meets a broken one; would one be broken all the same, the
//! catalogue is empty and every answer is "not known". Which rule decides a failure is the business of [`crate::cause`];
//! here is only data and how to look it up.

#[cfg(test)]
mod common_errors;
mod entry;
#[cfg(test)]
mod written;

use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize, Serializer};

use crate::ftp::{ReplyCode, Verb};
use crate::lookup::Lookup;

pub use entry::{
    Cause, CodePattern, CodeRule, CommandEntry, Confidence, Directive, Expectation, Family, Moment,
    Party, ReplyEntry, Scope, TextRule, When,
};

#[cfg(test)]
pub(crate) use written::samples;

/// What the TOML files say, as JSON.
#[cfg(not(test))]
fn json() -> &'static str {
    include_str!("catalogue.json")
}
#[cfg(test)]
use written::json;

static CATALOGUE: LazyLock<Catalogue> =
    LazyLock::new(|| Catalogue::read(json()).unwrap_or_default());

/// Stands where an id has no cause; no id of the catalogue comes to it.
static NO_CAUSE: Cause = Cause {
    id: String::new(),
    title: String::new(),
    meaning: String::new(),
    side: Party::Unknown,
    family: String::new(),
    advice: Vec::new(),
    source: String::new(),
    benign: false,
    needs: None,
    text: Vec::new(),
    code: Vec::new(),
    when: Vec::new(),
};

/// The catalogue of this program; read when first asked for.
pub fn catalogue() -> &'static Catalogue {
    &CATALOGUE
}

/// A cause of the catalogue. The order is that of the names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CauseId(u16);

impl CauseId {
    /// The name, as in machine-readable output.
    pub fn name(self) -> &'static str {
        &catalogue().cause(self).id
    }

    /// Its place among all causes.
    pub(crate) fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Display for CauseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for CauseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for CauseId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// All entries, each kind in its order.
#[derive(Debug, Default)]
pub struct Catalogue {
    replies: Vec<ReplyEntry>,
    commands: Vec<CommandEntry>,
    causes: Vec<Cause>,
    directives: Vec<Directive>,
    families: Vec<Family>,
    /// Codes by the commands that may have them.
    expected: Lookup<(Verb, u16), Expectation>,
}

impl Catalogue {
    fn read(written: &str) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Written {
            reply: Vec<ReplyEntry>,
            command: Vec<CommandEntry>,
            cause: Vec<Cause>,
            directive: Vec<Directive>,
            family: Vec<Family>,
        }
        let written: Written = serde_json::from_str(written)?;
        let mut catalogue = Self {
            replies: written.reply,
            commands: written.command,
            causes: written.cause,
            directives: written.directive,
            families: written.family,
            expected: Lookup::default(),
        };
        catalogue.replies.sort_by_key(|r| r.code);
        catalogue.commands.sort_by_key(|c| c.verb);
        catalogue.causes.sort_by(|a, b| a.id.cmp(&b.id));
        let expected = catalogue.commands.iter().flat_map(CommandEntry::expected);
        let mut expected: Vec<_> = expected.collect();
        // Where a code is in two lists of a command, the stronger one comes last and stays.
        expected.sort_unstable_by(|a, b| b.cmp(a));
        for (key, expectation) in expected {
            catalogue.expected.insert(key, expectation);
        }
        Ok(catalogue)
    }

    /// What is known of a code.
    pub fn reply(&self, code: ReplyCode) -> Option<&ReplyEntry> {
        self.number(code.number())
    }

    /// What is known of a number that stands where a code should: also an error number of a client.
    pub fn number(&self, number: u16) -> Option<&ReplyEntry> {
        let at = self
            .replies
            .binary_search_by_key(&number, |r| r.code)
            .ok()?;
        self.replies.get(at)
    }

    /// What is known of a command; [`Verb::CONNECT`] stands for the greeting.
    pub fn command(&self, verb: Verb) -> Option<&CommandEntry> {
        let at = self.commands.binary_search_by_key(&verb, |c| c.verb).ok()?;
        self.commands.get(at)
    }

    /// Whether a code may answer a command. One that is not known may have any answer.
    pub fn expects(&self, verb: Verb, code: ReplyCode) -> Expectation {
        match self.expected.get(&(verb, code.number())) {
            Some(expectation) => *expectation,
            None if self.command(verb).is_some() => Expectation::No,
            None => Expectation::AlsoSeen,
        }
    }

    /// A cause by its id.
    pub fn cause(&self, id: CauseId) -> &Cause {
        self.causes.get(usize::from(id.0)).unwrap_or(&NO_CAUSE)
    }

    /// The id of a cause by its name.
    pub fn cause_by_name(&self, name: &str) -> Option<CauseId> {
        let at = self
            .causes
            .binary_search_by(|c| c.id.as_str().cmp(name))
            .ok()?;
        u16::try_from(at).ok().map(CauseId)
    }

    /// The settings that a cause's advice names.
    pub fn directives_of(&self, cause: &Cause) -> Vec<&Directive> {
        let named = |d: &&Directive| cause.advice.iter().any(|advice| d.is_named_in(advice));
        self.directives.iter().filter(named).collect()
    }

    /// The families of servers whose replies were seen to match the text rule of this rank.
    pub fn families_of(&self, rank: u32) -> Vec<&str> {
        let known = self.families.iter().filter(|f| f.ranks.contains(&rank));
        known.map(|family| family.name.as_str()).collect()
    }

    /// All reply codes, lowest first.
    pub fn replies(&self) -> &[ReplyEntry] {
        &self.replies
    }

    /// All commands, by verb.
    pub fn commands(&self) -> &[CommandEntry] {
        &self.commands
    }

    /// All causes with their ids, by name.
    pub fn causes(&self) -> impl Iterator<Item = (CauseId, &Cause)> {
        (0..).map(CauseId).zip(&self.causes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_embedded_files_are_read() {
        let read = Catalogue::read(json()).unwrap();
        assert_eq!(read.replies.len(), 103);
        assert_eq!(read.commands.len(), 59);
        assert_eq!(read.causes.len(), catalogue().causes().count());
        assert!(read.causes.len() >= 79);
    }

    #[test]
    fn ids_come_back_as_names() {
        for (id, cause) in catalogue().causes() {
            assert_eq!(id.name(), cause.id);
            assert_eq!(id.to_string(), cause.id);
            assert_eq!(catalogue().cause_by_name(&cause.id), Some(id));
        }
        assert_eq!(catalogue().cause_by_name("no-such-cause"), None);
        let names: Vec<_> = catalogue().causes().map(|(_, c)| &c.id).collect();
        assert!(names.is_sorted() && names.windows(2).all(|w| w[0] != w[1]));
    }

    #[test]
    fn entries_are_complete() {
        for (_, cause) in catalogue().causes() {
            let id = &cause.id;
            assert!(id.starts_with(&format!("{}-", cause.family)), "{id}");
            assert!(
                !cause.title.is_empty() && !cause.title.ends_with('.'),
                "{id}"
            );
            assert!(cause.meaning.ends_with('.'), "{id}");
            assert!(!cause.advice.is_empty() && !cause.source.is_empty(), "{id}");
            assert!(cause.advice.iter().all(|a| a.ends_with('.')), "{id}");
            assert!(
                cause.text.iter().all(|t| t.confidence != Confidence::Code),
                "{id}"
            );
            let over = cause.when.iter().flat_map(|w| &w.over);
            for other in over.filter(|o| *o != "*") {
                assert!(catalogue().cause_by_name(other).is_some(), "{id}: {other}");
            }
        }
        let codes: BTreeSet<u16> = catalogue().replies().iter().map(|r| r.code).collect();
        assert_eq!(codes.len(), catalogue().replies().len());
        for command in catalogue().commands() {
            let verb = command.verb;
            // RFC 2228 answers a protected command with a protected reply.
            let all: [(&[u16], &[u16]); 4] = [
                (&[1], &command.preliminary),
                (&[2, 6], &command.completion),
                (&[3], &command.intermediate),
                (&[4, 5], &command.negative),
            ];
            for (digits, list) in all {
                assert!(list.iter().all(|c| digits.contains(&(c / 100))), "{verb}");
            }
        }
    }

    /// Words of advice that look like a setting: `pasv_address`, `PassivePorts`.
    fn settings_in(advice: &str) -> Vec<&str> {
        const OTHERS: [&str; 5] = [
            "ProFTPD",
            "FileZilla",
            "AppArmor",
            "close_notify",
            "SELinux",
        ];
        let words = advice.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let is_setting = |word: &&str| {
            let snake = word.contains('_');
            let humps = word
                .split(char::is_lowercase)
                .filter(|part| !part.is_empty())
                .count();
            let camel = humps >= 2 && word.starts_with(char::is_uppercase);
            (snake || camel) && word.len() > 4 && !OTHERS.contains(word)
        };
        words.filter(is_setting).collect()
    }

    #[test]
    fn every_setting_that_advice_names_has_its_source_and_no_other_is_kept() {
        let directives = &catalogue().directives;
        let mut named = BTreeSet::new();
        for (id, cause) in catalogue().causes() {
            for advice in &cause.advice {
                for word in settings_in(advice) {
                    let known = |d: &Directive| d.name.split(' ').any(|part| part == word);
                    assert!(directives.iter().any(known), "{id}: {word} has no source");
                }
                for directive in directives.iter().filter(|d| d.is_named_in(advice)) {
                    let server = &directive.server;
                    assert!(
                        advice.contains(server.as_str()) || server == "vsftpd",
                        "{id}: {} is one of {server}",
                        directive.name
                    );
                    named.insert((server, &directive.name));
                }
            }
        }
        for directive in directives {
            let name = &directive.name;
            assert!(
                named.contains(&(&directive.server, name)),
                "{name} stands in no advice"
            );
            assert!(!directive.source.is_empty(), "{name}");
        }
    }

    #[test]
    fn families_name_rules_that_exist() {
        let ranks: BTreeSet<u32> = catalogue()
            .causes()
            .flat_map(|(_, c)| &c.text)
            .map(|t| t.rank)
            .collect();
        assert!(catalogue().families.len() > 15);
        for family in &catalogue().families {
            let lost: Vec<_> = family.ranks.iter().filter(|r| !ranks.contains(r)).collect();
            assert!(
                lost.is_empty(),
                "{}: no text rule has the rank {lost:?}",
                family.name
            );
            assert!(family.ranks.is_sorted(), "{}", family.name);
        }
    }

    #[test]
    fn no_two_rules_have_one_rank() {
        let mut texts = BTreeSet::new();
        let mut codes = BTreeSet::new();
        for (_, cause) in catalogue().causes() {
            for rule in &cause.text {
                assert!(texts.insert(rule.rank), "text rank {}", rule.rank);
            }
            for rule in &cause.code {
                assert!(codes.insert(rule.rank), "code rank {}", rule.rank);
                assert!(!rule.scope.codes.is_empty(), "code rank {}", rule.rank);
            }
        }
    }

    #[test]
    fn codes_and_commands_are_found() {
        let code = |n| ReplyCode::new(n).unwrap();
        let reply = catalogue().reply(code(226)).unwrap();
        assert_eq!(reply.status, "standard");
        assert_eq!(catalogue().reply(code(299)), None);
        assert!(catalogue().number(10061).is_some());
        let retr = catalogue().command(Verb::new(b"RETR")).unwrap();
        assert_eq!(
            catalogue().expects(retr.verb, code(150)),
            Expectation::Listed
        );
        assert_eq!(
            catalogue().expects(retr.verb, code(226)),
            Expectation::Listed
        );
        assert_eq!(catalogue().expects(retr.verb, code(257)), Expectation::No);
        let greeting = catalogue().command(Verb::CONNECT).unwrap();
        assert_eq!(
            catalogue().expects(greeting.verb, code(220)),
            Expectation::Listed
        );
        assert_eq!(
            catalogue().expects(greeting.verb, code(530)),
            Expectation::AlsoSeen
        );
        assert_eq!(catalogue().command(Verb::ODD), None);
    }

    #[test]
    fn a_broken_file_is_an_error_not_half_a_catalogue() {
        let broken = json().replacen("\"code\":", "\"kode\":", 1);
        assert!(Catalogue::read(&broken).is_err());
        let empty = Catalogue::default();
        assert_eq!(empty.cause(CauseId(0)).id, "");
        assert_eq!(empty.cause_by_name("auth-bad-credentials"), None);
    }
}
