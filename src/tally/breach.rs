//! Breaches of the protocol, by rule: how often, in how many sessions, and the first place.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::smallest::Smallest;
use super::written;
use crate::cause::{Proof, Rule, breaches, is_heard_whole};
use crate::diagnostic::Origin;
use crate::session::{KeptReply, Session};
use crate::text::Text;
use crate::time::Timestamp;

/// Breaches of one rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreachTally {
    /// How often.
    pub count: u64,
    /// The first one.
    pub first: Smallest<(Option<Timestamp>, Proof), 1>,
}

/// Breaches by rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breaches(#[serde(with = "written::map")] BTreeMap<Rule, BreachTally>);

impl Breaches {
    pub(super) fn observe(&mut self, session: &Session) {
        for breach in breaches(session) {
            self.add(breach.rule, session.start, breach.proof);
        }
    }

    /// A reply that a session does not keep: another 1yz one. A restart marker may come at any time.
    pub(super) fn observe_passed(&mut self, session: &Session, reply: &KeptReply) {
        if reply.code.number() != 110 && is_heard_whole(session) {
            let text = Text::from(
                &*[
                    reply.code.number().to_string().as_bytes(),
                    b" ",
                    reply.text.bytes(),
                ]
                .concat(),
            );
            let proof = Proof {
                origin: reply.origin,
                text,
            };
            self.add(Rule::BegunTwice, session.start, proof);
        }
    }

    fn add(&mut self, rule: Rule, at: Option<Timestamp>, proof: Proof) {
        let tally = self.0.entry(rule).or_default();
        tally.count += 1;
        tally.first.add((at, proof));
    }

    pub(super) fn absorb(&mut self, other: Self) {
        for (rule, part) in other.0 {
            let tally = self.0.entry(rule).or_default();
            tally.count += part.count;
            tally.first.absorb(part.first);
        }
    }

    /// Changes all places where something was read.
    pub(super) fn each_place(&mut self, place: &impl Fn(&mut Origin)) {
        for tally in self.0.values_mut() {
            tally.first.change(|(_, proof)| place(&mut proof.origin));
        }
    }

    /// By rule.
    pub fn iter(&self) -> impl Iterator<Item = (Rule, &BreachTally)> {
        self.0.iter().map(|(rule, tally)| (*rule, tally))
    }
}
