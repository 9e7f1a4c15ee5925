//! What a failure is about.

use super::Failure;
use crate::session::Session;
use crate::text::Text;

impl Failure {
    /// The path that the operation was about, where it was about one.
    pub fn path<'s>(&self, session: &'s Session) -> Option<&'s Text> {
        match (self.exchange, self.transfer) {
            (Some(index), _) => session.exchanges.get(index)?.path(),
            (None, index) => session.transfers.get(index?)?.path.as_ref(),
        }
    }
}
