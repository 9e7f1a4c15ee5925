//! Reads packet captures and server logs, and says why FTP failed.

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

pub mod tally;

pub mod report;
