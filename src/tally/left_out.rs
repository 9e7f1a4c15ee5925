//! What was asked for, and what was read and is in no other number because it was not.

use serde::{Deserialize, Serialize};

use super::Part;

/// What was asked of a run that changes its numbers or names.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The filter's conditions: option, and what was asked for; times in UTC.
    pub conditions: Vec<(String, String)>,
    /// True where users, hosts and paths have other names.
    pub anonymized: bool,
}

/// What a filter took away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// Whole sessions.
    pub sessions: u64,
    /// Exchanges and transfers of the other sessions.
    pub operations: u64,
}

impl LeftOut {
    /// One whole session.
    pub const SESSION: Self = Self {
        sessions: 1,
        operations: 0,
    };
}

impl Part for LeftOut {
    fn absorb(&mut self, other: Self) {
        self.sessions += other.sessions;
        self.operations += other.operations;
    }
}
