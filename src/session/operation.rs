//! What an exchange is about.

use super::{Exchange, Pairing};
use crate::catalogue::catalogue;
use crate::ftp::Verb;
use crate::text::Text;

impl Exchange {
    /// The command, [`Verb::CONNECT`] for what greets; `None` for a reply that nobody asked for.
    pub fn asked(&self) -> Option<Verb> {
        let connects = self.paired != Pairing::Unasked;
        self.verb().or(connects.then_some(Verb::CONNECT))
    }

    /// The path that the command names, as sent.
    pub fn path(&self) -> Option<&Text> {
        let command = self.command.as_ref()?;
        let entry = catalogue().command(command.verb)?;
        command
            .argument
            .as_ref()
            .filter(|_| entry.argument == "path")
    }
}
