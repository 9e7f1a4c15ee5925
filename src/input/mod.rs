//! Paths become sources, sources become series, series become windows of whole records.
//!
//! Knows files, compression and how to spread work over threads. Knows no FTP:
//! what a file holds is told by the functions it is given.

mod compression;
mod discover;
mod open;
mod pattern;
mod print;
mod resumed;
mod same;
mod series;
mod window;
mod wrapped;

pub use discover::{Candidate, candidate, discover, rotations};
pub use open::{
    OpenError, Opened, configuration, earlier_report, earlier_state, head, list, open, unpacked,
};
pub use pattern::files_of;
pub use print::{Fit, Piece, Print, farthest, is_packed};
pub use resumed::{Place, Resumed, Tracked, open_at};
pub use same::{is_beginning, is_copied_in_part, same_bytes};
pub use series::{in_series, ring_name, series_name};
pub use window::{Cut, Decode, Ended, Window, Windows, read};
