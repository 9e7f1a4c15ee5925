//! Reads packet captures and server logs, and says why FTP failed.
//!
//! ```text
//! paths ─► input ─┬─► capture ─┐
//!                 │            ├─► Event ─► session ─► cause ─► filter ─► tally ─► report ─► text, JSON
//!                 └─► log ─────┘
//! ```
//!
//! Captures and logs are two ways of hearing the same thing, so both end in one
//! [`ftp::Event`]. A [`session::Session`] is a fold over events, a
//! [`cause::Failure`] is a function of its session, and a [`report::Report`] is
//! a fold over sessions: nothing after the event knows where it came from.
//!
//! Begin with [`run`], which is the picture above as a program, and [`ftp`],
//! which has RFC 959's words as types. Every other module can be read by
//! itself. They stand here in the order in which data passes through them; a
//! module uses only those on earlier lines (a test holds that).
//!
//! * Reading never fails: it gives events and [`diagnostic`]s.
//! * Every packet and line is accounted for: seen = taken + ignored + unrecognised.
//! * A secret is dropped where a command is read and no other code ever holds one.
//! * Nothing depends on the number of threads, the size of a window, or a hash seed.

pub mod limits;
pub mod lookup;
pub mod text;
pub mod time;

pub mod diagnostic;

pub mod ftp;

pub mod catalogue;
pub mod input;

pub mod capture;
pub mod log;

pub mod session;

pub mod cause;
pub mod join;

pub mod anonymize;
pub mod filter;

pub mod tally;

pub mod report;

pub mod threshold;

pub mod cli;
pub mod exit;
pub mod output;
pub mod progress;

pub mod state;

pub mod run;

pub mod app;
