//! What was said against the protocol: breaches, and replies that no RFC lists for their command.
//!
//! Graded: a breach is told as such, a reply that servers are known to send all the same is information.

use std::cmp::Reverse;

use super::Report;
use super::heard::Heard;
use super::layout::Page;
use super::words::{replies, thousands};
use crate::catalogue::{Expectation, catalogue};
use crate::cause::{Proof, Rule};
use crate::ftp::{ReplyCode, Verb};
use crate::tally::VantageTally;

/// Replies outside the lists that are shown.
const OUTSIDE: usize = 6;

/// A rule that was broken.
#[derive(Debug, Clone)]
pub struct BreachRow {
    /// Which.
    pub rule: Rule,
    /// How often.
    pub count: u64,
    /// The first place.
    pub first: Option<Proof>,
}

/// A reply that no RFC lists for its command.
#[derive(Debug, Clone, Copy)]
pub struct OutsideRow {
    /// The command.
    pub verb: Verb,
    /// The reply.
    pub code: ReplyCode,
    /// How often.
    pub count: u64,
    /// True where servers are known to send it.
    pub common: bool,
}

/// What was said against the protocol.
#[derive(Debug, Clone, Default)]
pub struct Protocol {
    /// Breaches, the most frequent first.
    pub breaches: Vec<BreachRow>,
    /// Replies outside the lists, the most frequent first.
    pub outside: Vec<OutsideRow>,
}

impl Protocol {
    pub(super) fn new(tally: &VantageTally) -> Self {
        let row = |(rule, tally): (Rule, &crate::tally::BreachTally)| BreachRow {
            rule,
            count: tally.count,
            first: tally.first.iter().next().map(|(_, proof)| proof.clone()),
        };
        let mut breaches: Vec<_> = tally.breaches.iter().map(row).collect();
        breaches.sort_by_key(|row| (Reverse(row.count), row.rule));
        let mut outside: Vec<_> = tally.exchanges.iter().filter_map(outside).collect();
        outside.sort_by_key(|row| (Reverse(row.count), row.verb, row.code));
        Self { breaches, outside }
    }
}

fn outside(((verb, code), count): (&(Option<Verb>, ReplyCode), u64)) -> Option<OutsideRow> {
    let verb = verb.filter(|verb| catalogue().command(*verb).is_some())?;
    let expectation = catalogue().expects(verb, *code);
    (expectation != Expectation::Listed).then_some(OutsideRow {
        verb,
        code: *code,
        count,
        common: expectation == Expectation::AlsoSeen,
    })
}

impl Protocol {
    /// True where there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.breaches.is_empty() && self.outside.is_empty()
    }

    /// What all of it comes to.
    pub(super) fn told(&self) -> String {
        let total = self.breaches.iter().map(|row| row.count).sum();
        let unlisted = self.outside.iter().map(|row| row.count).sum();
        match total {
            0 => format!("{} outside the lists of the RFCs", replies(unlisted)),
            1 => "1 breach of RFC 959".to_owned(),
            n => format!("{} breaches of RFC 959", thousands(n)),
        }
    }

    /// The replies outside the lists that are shown, those that servers are known to send apart.
    pub(super) fn told_outside(&self) -> Vec<(&'static str, Vec<String>)> {
        let told = [("common", true), ("unlisted", false)].map(|(name, common)| {
            let rows = self.outside.iter().filter(|row| row.common == common);
            let words = rows.take(OUTSIDE).map(|row| {
                let verb = super::names::verb_name(Some(row.verb));
                format!("{} to {verb} {}", row.code.number(), thousands(row.count))
            });
            (name, words.collect::<Vec<_>>())
        });
        told.into_iter()
            .filter(|(_, words)| !words.is_empty())
            .collect()
    }
}

/// A few lines, where there is anything to say.
pub(super) fn section(page: &mut Page, report: &Report, heard: &Heard) {
    let look = page.look;
    let protocol = &heard.protocol;
    if protocol.is_empty() {
        return;
    }
    page.heading("PROTOCOL", &protocol.told());
    for row in &protocol.breaches {
        let place = row.first.as_ref().map_or_else(String::new, |proof| {
            let place = report.sources.place(proof.origin, look.ascii);
            format!("; {place}: {}", look.cut(look.show(&proof.text), 120))
        });
        let words = format!("{} {}{place}", thousands(row.count), row.rule.words());
        page.hang("   breach   ", &look.say(&words));
    }
    for (name, words) in protocol.told_outside() {
        page.groups(&format!("   {name:<9}"), &words);
    }
}
