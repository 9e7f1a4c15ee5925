//! What holds for every input (docs/ARCHITECTURE.md, invariants), as functions over bytes that panic where it does not.
//!
//! Tests hand them seeds and what they make up of these; the fuzzer (`fuzz/`) hands them what it finds. The first bytes
//! of an input choose (format, size of windows, places of cuts), the rest is read. Any bytes are a valid input.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "each includer uses a part"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::format_push_string,
    clippy::disallowed_methods,
    reason = "helpers of tests are tests"
)]

pub mod capture;
pub mod condition;
pub mod conversation;
pub mod file;
pub mod layout;
pub mod log;
pub mod packed;
pub mod report;
pub mod seeds;
pub mod shown;
pub mod state;

/// A word that is planted as a password, and must come out nowhere.
pub const CANARY: &str = "c4n4ry-hunter2";

/// An invariant: its name, the check, and inputs to begin with.
pub struct Invariant {
    /// The name of its fuzz target.
    pub name: &'static str,
    /// Panics where it is broken.
    pub check: fn(&[u8]),
    /// Inputs that reach far.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const ALL: &[Invariant] = &[
    Invariant {
        name: "log",
        check: log::check,
        seeds: log::seeds,
    },
    Invariant {
        name: "capture",
        check: capture::check,
        seeds: capture::seeds,
    },
    Invariant {
        name: "conversation",
        check: conversation::check,
        seeds: conversation::seeds,
    },
    Invariant {
        name: "layout",
        check: layout::check,
        seeds: layout::seeds,
    },
    Invariant {
        name: "packed",
        check: packed::check,
        seeds: packed::seeds,
    },
    Invariant {
        name: "file",
        check: file::check,
        seeds: file::seeds,
    },
    Invariant {
        name: "state",
        check: state::check,
        seeds: state::seeds,
    },
    Invariant {
        name: "report",
        check: report::check,
        seeds: report::seeds,
    },
    Invariant {
        name: "condition",
        check: condition::check,
        seeds: condition::seeds,
    },
];

/// The first bytes of an input, which choose.
pub struct Choices<'d> {
    rest: &'d [u8],
}

impl<'d> Choices<'d> {
    pub fn new(data: &'d [u8]) -> Self {
        Self { rest: data }
    }

    /// The next byte; 0 at the end.
    pub fn byte(&mut self) -> usize {
        let Some((first, rest)) = self.rest.split_first() else {
            return 0;
        };
        self.rest = rest;
        usize::from(*first)
    }

    /// A number below `limit`, from two bytes.
    pub fn below(&mut self, limit: usize) -> usize {
        let number = self.byte() << 8 | self.byte();
        number % limit.max(1)
    }

    /// What was not looked at.
    pub fn rest(self) -> &'d [u8] {
        self.rest
    }
}

/// True where the bytes hold these.
pub fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|part| part == wanted)
}

/// Places behind the line ends, the last one left out.
pub fn line_starts(bytes: &[u8]) -> Vec<usize> {
    let ends = bytes.iter().enumerate().filter(|(_, b)| **b == b'\n');
    let starts = ends.map(|(at, _)| at + 1);
    starts.filter(|at| *at < bytes.len()).collect()
}
