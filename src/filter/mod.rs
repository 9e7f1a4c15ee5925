//! Which sessions are looked at, and what of them.
//!
//! What was typed becomes a [`Filter`], and a filter takes from a session what was not asked for. There are two kinds of
//! conditions. User, client, server, TLS, id and `failed` are about a *session*: all of it stays or goes. Time, code,
//! command, path, cause and side are about an *operation*: of a session those exchanges, transfers and failures stay
//! that all of these conditions hold for, and a session of which nothing stays goes. Things given for one option are
//! alternatives, options must hold together, `!` excludes.
//!
//! Nothing is counted here, and no clock is asked: what `now` is stands in [`Now`].

mod narrow;
mod pattern;
#[cfg(test)]
mod tests;
mod when;
mod words;

use std::collections::BTreeSet;

pub(crate) use pattern::{causes, code, verb};
pub use when::Now;
pub(crate) use words::Fault;
pub use words::Wrong;

use self::pattern::{Hosts, Name, Path, Server};
use self::words::Choice;
use crate::catalogue::{CauseId, CodePattern, Party};
use crate::cause::Failure;
use crate::ftp::Verb;
use crate::session::Session;
use crate::text::Text;
use crate::time::Timestamp;

/// Conditions as they were typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// From this time on.
    pub since: Option<String>,
    /// Before this time.
    pub until: Option<String>,
    /// Users.
    pub users: Vec<String>,
    /// Clients: addresses, networks, names.
    pub clients: Vec<String>,
    /// Servers: the same, with a port where one is given.
    pub servers: Vec<String>,
    /// Reply codes.
    pub codes: Vec<String>,
    /// Commands.
    pub commands: Vec<String>,
    /// Paths.
    pub paths: Vec<String>,
    /// Causes.
    pub causes: Vec<String>,
    /// Who can mend it.
    pub sides: Vec<String>,
    /// With TLS or without.
    pub tls: Option<bool>,
    /// Beginnings of ids.
    pub sessions: Vec<String>,
    /// With a failure that counts.
    pub failed: bool,
}

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    users: Choice<Name>,
    clients: Choice<Hosts>,
    servers: Choice<Server>,
    codes: Choice<CodePattern>,
    verbs: Choice<Verb>,
    paths: Choice<Path>,
    causes: Choice<BTreeSet<CauseId>>,
    sides: Choice<Party>,
    tls: Option<bool>,
    sessions: Choice<String>,
    failed: bool,
    /// The conditions in words, for people.
    conditions: Vec<(&'static str, String)>,
}

impl Filter {
    /// Understands what was typed; `None` where nothing was.
    ///
    /// # Errors
    ///
    /// Says which option is wrong, and where.
    pub fn read(words: &Words, now: &Now) -> Result<Option<Self>, Wrong> {
        if *words == Words::default() {
            return Ok(None);
        }
        let time = |option, typed: &Option<String>| {
            let read = |typed: &String| now.read(typed).map_err(|fault| fault.of(option, typed));
            typed.as_ref().map(read).transpose()
        };
        let (since, until) = (
            time("--since", &words.since)?,
            time("--until", &words.until)?,
        );
        if let (Some(from), Some(to), Some(typed)) = (since, until, &words.until)
            && to <= from
        {
            let why = format!("{to} is not later than --since, which is {from}");
            return Err(Fault::new(0, why).of("--until", typed));
        }
        Ok(Some(Self {
            since,
            until,
            users: Choice::read("--user", &words.users, false, Name::read)?,
            clients: Choice::read("--client", &words.clients, true, Hosts::read)?,
            servers: Choice::read("--server", &words.servers, true, Server::read)?,
            codes: Choice::read("--code", &words.codes, true, pattern::code)?,
            verbs: Choice::read("--command", &words.commands, true, pattern::verb)?,
            paths: Choice::read("--path", &words.paths, false, Path::read)?,
            causes: Choice::read("--cause", &words.causes, true, pattern::causes_of_sessions)?,
            sides: Choice::read("--side", &words.sides, true, pattern::side)?,
            tls: words.tls,
            sessions: Choice::read("--session", &words.sessions, true, pattern::session)?,
            failed: words.failed,
            conditions: conditions(words, since, until),
        }))
    }

    /// The conditions: option, and what it asks for.
    pub fn conditions(&self) -> &[(&'static str, String)] {
        &self.conditions
    }

    /// True for a session that is one of those asked for, as far as that shows without judging it.
    pub fn admits(&self, session: &Session) -> bool {
        let user = session.user.as_ref().map(Text::bytes);
        let client = session.client.as_ref().map(|end| &end.host);
        let id = || session.key.to_string();
        self.users.fits_known(user, |name, user| name.fits(user))
            && self
                .clients
                .fits_known(client, |hosts, client| hosts.fits(client))
            && self
                .servers
                .fits_known(session.server.as_ref(), |server, end| server.fits(end))
            && self.tls.is_none_or(|tls| tls == session.is_behind_tls())
            && (self.sessions.is_empty() || self.sessions.fits(|start| id().starts_with(start)))
            && self.reaches(session)
    }

    /// True for a session whose failures are as asked for.
    fn admits_judged(&self, failures: &[Failure]) -> bool {
        !self.failed || failures.iter().any(|failure| !failure.benign)
    }

    /// True where some of the session may be in the window. What has no time is in none.
    fn reaches(&self, session: &Session) -> bool {
        let (first, last) = (session.start, session.last.or(session.start));
        self.since
            .is_none_or(|since| last.is_some_and(|last| last >= since))
            && self
                .until
                .is_none_or(|until| first.is_some_and(|first| first < until))
    }

    /// True for a time that is asked for. What has no time is in no window.
    pub fn is_in_window(&self, at: Option<Timestamp>) -> bool {
        self.since
            .is_none_or(|since| at.is_some_and(|at| at >= since))
            && self
                .until
                .is_none_or(|until| at.is_some_and(|at| at < until))
    }
}

/// Takes names out of conditions that are to be shown.
pub fn hide_names(conditions: &mut [(&'static str, String)]) {
    let names = ["user", "client", "server", "path", "session"];
    for (option, words) in conditions {
        if names.contains(option) {
            "...".clone_into(words);
        }
    }
}

fn conditions(
    words: &Words,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
) -> Vec<(&'static str, String)> {
    let mut told = Vec::new();
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    told.extend(time(since).map(|at| ("since", at)));
    told.extend(time(until).map(|at| ("until", at)));
    let lists = [
        ("user", &words.users),
        ("client", &words.clients),
        ("server", &words.servers),
        ("code", &words.codes),
        ("command", &words.commands),
        ("path", &words.paths),
        ("cause", &words.causes),
        ("side", &words.sides),
        ("session", &words.sessions),
    ];
    let given = lists.into_iter().filter(|(_, list)| !list.is_empty());
    told.extend(given.map(|(option, list)| (option, list.join(","))));
    let tls = words.tls.map(|tls| if tls { "yes" } else { "no" });
    told.extend(tls.map(|tls| ("tls", tls.to_owned())));
    if words.failed {
        told.push(("failed", "yes".to_owned()));
    }
    told
}
