//! Who gets a report by mail, as asked for on the command line.

use super::asked::now;
use super::{Trouble, zone};
use crate::cli::{MailArgs, ReadArgs};
use crate::report::Report;
use crate::report::mail::{Address, Envelope};
use crate::text;
use crate::time::Timestamp;

/// What the subject begins with where nothing else is asked for.
const PREFIX: &str = "[ftpwhy]";

/// What is asked of a mail. Wrong addresses are told before anything is read.
pub(super) struct Mail {
    from: Address,
    to: Vec<Address>,
    prefix: String,
    /// True where a time was given that is to be the mail's.
    is_dated: bool,
    now: Timestamp,
}

/// True where something is asked for that only a mail has.
pub(super) fn is_asked(args: &MailArgs) -> bool {
    !args.mail_to.is_empty() || args.mail_from.is_some() || args.subject_prefix.is_some()
}

impl Mail {
    pub(super) fn asked(args: &ReadArgs) -> Result<Self, Trouble> {
        let asked = &args.mail;
        let to = asked.mail_to.iter();
        let to = to.map(|typed| address("--mail-to", typed));
        let to = to.collect::<Result<Vec<_>, _>>()?;
        let from = asked.mail_from.as_ref();
        let from = from
            .map(|typed| address("--mail-from", typed))
            .transpose()?;
        let of_first = || to.first().map(Address::of_program);
        let from = from.or_else(of_first);
        let from = from.map_or_else(|| address("--mail-from", "ftpwhy@localhost"), Ok)?;
        Ok(Self {
            from,
            to,
            prefix: asked
                .subject_prefix
                .clone()
                .unwrap_or_else(|| PREFIX.to_owned()),
            is_dated: args.filter.now.is_some(),
            now: now(args, &zone(args.tz.as_deref())?)?.at(),
        })
    }

    /// The date is the time of the last event, so that the same input gives the same mail; the time that was given instead,
    /// and that of the clock where the input has none.
    pub(super) fn envelope(&self, report: &Report, because: Vec<String>) -> Envelope {
        let last = report.window.last().filter(|_| !self.is_dated);
        Envelope {
            from: self.from.clone(),
            to: self.to.clone(),
            prefix: self.prefix.clone(),
            because,
            at: last.unwrap_or(self.now),
        }
    }
}

fn address(option: &str, typed: &str) -> Result<Address, Trouble> {
    Address::read(typed).ok_or_else(|| {
        let typed = text::terminal_str(typed, true);
        let words = format!("{option} {typed}: no mail address; write one as name@example.org");
        Trouble::Usage(words)
    })
}
