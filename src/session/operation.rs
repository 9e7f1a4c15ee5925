//! What an exchange is about, and a session without its exchanges.

use super::{Exchange, Pairing, Session};
use crate::catalogue::catalogue;
use crate::ftp::{Introduction, Verb};
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

impl Session {
    /// Who speaks, without anything that was said.
    #[must_use]
    pub fn without_content(&self) -> Self {
        let introduction = Introduction {
            vantage: self.vantage,
            client: self.client.clone(),
            server: self.server.clone(),
            user: self.user.clone(),
            approximate: self.approximate,
        };
        Self::new(self.key, self.origin, &introduction)
    }
}
