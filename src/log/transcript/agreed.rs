//! A data connection that client and server agreed upon.

use crate::diagnostic::Origin;
use crate::ftp::{DataMode, Endpoint};

/// One that was agreed upon and whose transfer is not over.
#[derive(Debug, Clone)]
pub(super) struct Agreed {
    pub(super) mode: DataMode,
    pub(super) announced: Option<Endpoint>,
    pub(super) by: Origin,
    /// What became of it was told.
    pub(super) is_told: bool,
    /// The server said that data is on its way.
    pub(super) is_moving: bool,
}

impl Agreed {
    pub(super) fn new(mode: DataMode, announced: Option<Endpoint>, by: Origin) -> Self {
        Self {
            mode,
            announced,
            by,
            is_told: false,
            is_moving: false,
        }
    }
}
