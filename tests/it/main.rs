//! All integration tests, in one binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "helpers of tests are tests"
)]

mod anonymize;
mod canary;
mod cases;
mod changes;
mod cli;
mod clients;
mod contract;
mod detection;
mod diff;
mod documents;
mod filter;
mod frames;
mod help;
mod inputs;
#[path = "../invariants/mod.rs"]
mod invariants;
mod joined;
mod kept;
mod laws;
mod licences;
mod limits;
mod long;
mod mail;
mod merge;
mod metrics;
mod month;
mod moved;
mod nightly;
mod oddities;
mod output;
mod pages;
#[cfg(feature = "parquet")]
mod parquet;
mod parts;
mod post_mortems;
mod problems;
mod protocol;
mod regressions;
mod ring;
mod rotation;
mod rules;
mod same_numbers;
mod seeds;
mod series;
mod state;
mod support;
mod synth;
mod tables;
mod tidy;
mod tls;
mod traffic;
mod wire;
