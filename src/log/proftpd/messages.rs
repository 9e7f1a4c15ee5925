//! ProFTPD's messages, and what they tell.
//!
//! Users' names stand in them as the client sent them, so a message is cut at its end where the server wrote the end, and
//! never at the first mark that looks like the server's. A message that may stand for more than one reply is not here.

use crate::ftp::{Command, End, Uncounted, Verb, grammar};
use crate::log::{Fact, Implied, envelope};

/// What a message tells.
#[derive(Debug)]
pub(super) struct Said<'b> {
    pub user: Option<&'b [u8]>,
    pub fact: Fact<'b>,
    pub implied: Option<Implied>,
}

/// The process is a session of SSH, which is not FTP.
pub(super) const SSH: &str = "SSH2 session opened";

/// It is one no longer.
pub(super) const SSH_OVER: &str = "SSH2 session closed";

/// The server waited in vain at a passive port. It says so before it closes the connection.
pub(super) const NOBODY_CAME: &str = "Passive data transfer failed, possibly due to network issues";

const NO_REPLY: &str = "a message that tells of no reply";

/// What a message says by its first words.
#[derive(Clone, Copy)]
enum Says {
    /// A control connection opens.
    Opened,
    /// A control connection is closed before anything is said on it.
    Denied,
    /// The session is over.
    Over,
    /// The server says this code and closes; 0 where it says nothing.
    Dies(u16),
    /// See [`Fact::Remark`].
    Remark(&'static str),
    /// A login fails, with this code.
    Refused(u16),
    /// A command fails, or not, with this code. No verb where several may.
    Answered(&'static str, u16),
    /// Of no use.
    Nothing(&'static str),
}

use Says::{Answered, Denied, Dies, Nothing, Opened, Over, Refused, Remark};

const SETUP: &str = "a message of the server about what it does for a session";
const MODULE: &str = "a message of a module";
const PAM: &str = "a message of PAM about a login";
const AGAIN: &str = "what another message of the session tells as well";

/// The first words of messages, in the wordings of all releases.
#[rustfmt::skip]
static MESSAGES: &[(&str, Says)] = &[
    ("FTP session opened", Opened),
    ("FTP session closed", Over),
    ("SSH2 session opened", Remark(SSH)),
    ("SSH2 session closed", Remark(SSH_OVER)),
    ("Connection from ", Denied),
    ("Login timeout exceeded", Dies(421)),
    ("FTP login timed out", Dies(421)),
    ("Client session idle timeout", Dies(421)),
    ("FTP session idle timeout", Dies(421)),
    ("FTP no transfer timeout", Dies(421)),
    ("FTP session timed out", Dies(421)),
    ("Data transfer stall timeout", Dies(0)),
    ("Maximum login attempts (", Dies(0)),
    ("Connection refused (", Dies(530)),
    ("connection refused (", Dies(500)),
    ("ProFTPD terminating (signal", Dies(0)),
    ("ProFTPD killed (signal", Dies(0)),
    ("chroot to ", Dies(530)),
    ("error: unable to set DefaultRoot directory", Nothing(AGAIN)),
    ("error: unable to set default root directory", Nothing(AGAIN)),
    (NOBODY_CAME, Remark(NOBODY_CAME)),
    ("Check your PassivePorts and MasqueradeAddress", Nothing(AGAIN)),
    ("and any router, NAT, and firewall rules", Nothing(AGAIN)),
    ("SECURITY VIOLATION: Root login attempted", Refused(530)),
    ("SECURITY VIOLATION: root login attempted", Refused(530)),
    ("SECURITY VIOLATION: Passive connection from ", Answered("", 425)),
    ("Refusing empty password from user ", Refused(501)),
    ("no such user ", Nothing(AGAIN)),
    ("MaxStoreFileSize (", Nothing(AGAIN)),
    ("MaxRetrieveFileSize (", Nothing(AGAIN)),
    ("Transfer aborted after ", Nothing(AGAIN)),
    ("Transfer completed: ", Nothing("a transfer without its command and path")),
    ("Entering Passive Mode (", Answered("PASV", 227)),
    ("Entering Extended Passive Mode (", Answered("EPSV", 229)),
    ("unable to open '", Answered("", 550)),
    ("error deleting '", Answered("DELE", 550)),
    ("mod_", Nothing(MODULE)),
    ("PAM(", Nothing(PAM)),
    ("pam_", Nothing(PAM)),
    ("PAM-", Nothing(PAM)),
    ("AuthOrder in effect", Nothing(SETUP)),
    ("Preparing to chroot", Nothing(SETUP)),
    ("Environment successfully chroot", Nothing(SETUP)),
    ("RootRevoke in effect", Nothing(SETUP)),
    ("ROOT PRIVS", Nothing(SETUP)),
    ("RELINQUISH PRIVS", Nothing(SETUP)),
    ("SETUP PRIVS", Nothing(SETUP)),
    ("USER PRIVS", Nothing(SETUP)),
    ("REVOKE PRIVS", Nothing(SETUP)),
    ("user '", Nothing(SETUP)),
    ("in dir_check_full()", Nothing(SETUP)),
    ("dispatching ", Nothing("a further step of a command")),
];

/// What a session's message tells, or why it is of no use.
pub(super) fn said(message: &[u8]) -> Result<Said<'_>, &'static str> {
    let particular = login(message)
        .or_else(|| dispatched(message))
        .or_else(|| filtered(message))
        .or_else(|| port(message))
        .or_else(|| aborted(message))
        .or_else(|| foreign(message));
    if let Some(said) = particular {
        return Ok(said);
    }
    let known = MESSAGES.iter().find(|(text, _)| message.starts_with(text.as_bytes()));
    known.map_or(Err(NO_REPLY), |(text, says)| by_words(message, text, *says))
}

fn by_words<'b>(message: &'b [u8], by: &'static str, says: Says) -> Result<Said<'b>, &'static str> {
    let by = by.trim_end_matches([' ', '(', '\'']);
    Ok(match says {
        Opened => Said::of(Fact::Opened { refused: false }, 0, by),
        Denied => {
            let is_whole = without_stop(message).ends_with(b"] denied");
            let denied = Fact::Opened { refused: true };
            is_whole.then(|| Said::of(denied, 0, by)).ok_or(NO_REPLY)?
        }
        Over => Said::of(Fact::Closed(End::Fin), 0, by),
        Dies(code) => {
            // A home that is missing is created by some modules: only the failure counts.
            let is_other = by == "chroot to" && !contains(message, b" failed for user ");
            if is_other {
                return Err(NO_REPLY);
            }
            Said::of(answered("", None, message, true), code, by)
        }
        Remark(remark) => Said::of(Fact::Remark(remark), 0, by),
        Refused(code) => refused(None, message, code, by),
        Answered(verb, code) => {
            let is_other = by == "unable to open" && !contains(message, b" for writing: ");
            if is_other {
                return Err(NO_REPLY);
            }
            Said::of(answered(verb, None, message, false), code, by)
        }
        Nothing(reason) => return Err(reason),
    })
}

impl<'b> Said<'b> {
    pub(super) fn of(fact: Fact<'b>, code: u16, by: &'static str) -> Self {
        Self {
            user: None,
            fact,
            implied: Implied::new(code, by),
        }
    }
}

/// What the server says of a command. The log's words stand for the reply's.
pub(super) fn answered<'b>(verb: &str, argument: Option<&'b [u8]>, text: &'b [u8], closes: bool) -> Fact<'b> {
    Fact::Failed {
        verb: (!verb.is_empty()).then(|| Verb::new(verb.as_bytes())),
        argument,
        text,
        closes,
    }
}

fn refused<'b>(user: Option<&'b [u8]>, reason: &'b [u8], code: u16, by: &'static str) -> Said<'b> {
    let fact = Fact::Login {
        accepted: false,
        reason,
    };
    Said {
        user,
        ..Said::of(fact, code, by)
    }
}

/// `USER name: Login successful.`, `USER name: no such user found from host [address] to address:port`,
/// `USER name (Login failed): reason`; for anonymous users `ANON`.
fn login(message: &[u8]) -> Option<Said<'_>> {
    let rest = message.strip_prefix(b"USER ").or_else(|| message.strip_prefix(b"ANON "))?;
    let rest = rest.trim_ascii_end();
    if let Some(user) = without_stop(rest).strip_suffix(b": Login successful") {
        let fact = Fact::Login {
            accepted: true,
            reason: b"",
        };
        return Some(Said {
            user: Some(user),
            ..Said::of(fact, 230, "Login successful")
        });
    }
    for (mark, by) in [
        (&b": no such user found from "[..], "no such user found"),
        (b": user is not a UserAlias from ", "user is not a UserAlias"),
    ] {
        if let Some((user, who)) = cut(rest, mark)
            && is_way(who)
        {
            return Some(refused(Some(user), by.as_bytes(), 530, by));
        }
    }
    let (user, reason) = cut(rest, b" (Login failed): ")?;
    let code = if reason.starts_with(b"maximum USER length") { 501 } else { 530 };
    Some(refused(Some(user), reason, code, "Login failed"))
}

/// `host [address] to address:port`, or what an editor or a pager shows of it, with its mark where it cuts lines.
fn is_way(text: &[u8]) -> bool {
    if text.ends_with(b"$") || text.ends_with(b">") || text.ends_with("…".as_bytes()) {
        return contains(text, b" [");
    }
    let Some((from, to)) = cut(text, b"] to ") else {
        return false;
    };
    let port = memchr::memrchr(b':', to).and_then(|at| to.get(at + 1..));
    contains(from, b" [") && port.is_some_and(|port| envelope::number(port).is_some())
}

/// `dispatching CMD command 'RETR a' to mod_xfer`: at debug level 4 and above, once per command that the server knows.
fn dispatched(message: &[u8]) -> Option<Said<'_>> {
    let rest = message.strip_prefix(b"dispatching CMD command '")?;
    let (command, _) = cut(rest, b"' to mod_")?;
    let command = grammar::command(command)?;
    Some(Said::of(Fact::Command(command), 0, ""))
}

/// `'STOR a' denied by PathDenyFilter`
fn filtered(message: &[u8]) -> Option<Said<'_>> {
    let (command, filter) = cut(message.strip_prefix(b"'")?, b"' denied by ")?;
    let by = match without_stop(filter) {
        b"PathDenyFilter" => "denied by PathDenyFilter",
        b"PathAllowFilter" => "denied by PathAllowFilter",
        b"DenyFilter" => "denied by DenyFilter",
        b"AllowFilter" => "denied by AllowFilter",
        _ => return None,
    };
    let command: Command<'_> = grammar::command(command)?;
    let fact = Fact::Failed {
        verb: Some(command.verb),
        argument: command.argument(),
        text: by.as_bytes(),
        closes: false,
    };
    Some(Said::of(fact, 550, by))
}

/// `Refused PORT 192,0,2,7,0,22 (port 22 below 1024, possible bounce attack)`, `PORT '1,2' is not syntactically valid`
fn port(message: &[u8]) -> Option<Said<'_>> {
    if let Some(rest) = message.strip_prefix(b"Refused ") {
        let (verb, rest) = envelope::word(rest)?;
        let verb = match verb {
            b"PORT" => "PORT",
            b"EPRT" => "EPRT",
            _ => return None,
        };
        let (argument, _) = cut(rest, b" (")?;
        let fact = answered(verb, Some(argument), message, false);
        return Some(Said::of(fact, 500, "Refused"));
    }
    let (argument, why) = cut(message.strip_prefix(b"PORT '")?, b"' ")?;
    let is_known = why.starts_with(b"is not syntactically valid") || why.starts_with(b"has invalid value");
    let fact = answered("PORT", Some(argument), why, false);
    is_known.then(|| Said::of(fact, 501, "PORT is not valid"))
}

/// What comes of a transfer that is broken off for a reason that is not known here.
static ABORTED: Uncounted = Uncounted::one_of(&[426, 450, 451, 452, 552], "aborting transfer");

/// `notice: user alice: aborting transfer: File too large`: the reason decides the code (`pr_data_abort` of data.c). In
/// other languages the reason of the operating system is not known, and any of the codes may be it.
fn aborted(message: &[u8]) -> Option<Said<'_>> {
    let rest = message.strip_prefix(b"notice: user ")?;
    let (_, reason) = cut(rest, b": aborting transfer: ")?;
    let code = match reason {
        b"Data connection closed" | b"Operation not permitted" | b"Permission denied" | b"Connection refused" => 426,
        b"No space left on device" => 452,
        b"Disk quota exceeded" | b"File too large" => 552,
        b"Link to file server lost" => 450,
        b"Unexpected streams hangup"
        | b"Insufficient memory or file locked"
        | b"Input/output error"
        | b"Broken pipe"
        | b"Device or resource busy"
        | b"Text file busy"
        | b"Illegal seek"
        | b"Bad address"
        | b"Protocol error"
        | b"Timer expired"
        | b"Resource deadlock avoided" => 451,
        _ => 0,
    };
    let at = message.len() - reason.len() - b"aborting transfer: ".len();
    let text = message.get(at..).unwrap_or(reason);
    let by = "aborting transfer";
    let said = Said::of(answered("", None, text, false), code, by);
    Some(Said {
        implied: said.implied.or(Some(Implied::Uncounted(&ABORTED))),
        ..said
    })
}

/// `client sent HTTP command 'GET', disconnecting`
fn foreign(message: &[u8]) -> Option<Said<'_>> {
    let rest = message.strip_prefix(b"client sent ")?;
    let (_, rest) = envelope::word(rest)?;
    let word = rest.strip_prefix(b"command '")?.strip_suffix(b"', disconnecting")?;
    let verb = grammar::command(word).map(|command| command.verb);
    let fact = Fact::Failed {
        verb,
        argument: None,
        text: b"",
        closes: true,
    };
    Some(Said::of(fact, 0, ""))
}

/// What is before and behind the last place of a mark.
pub(super) fn cut<'b>(text: &'b [u8], mark: &[u8]) -> Option<(&'b [u8], &'b [u8])> {
    let at = memchr::memmem::rfind(text, mark)?;
    Some((text.get(..at)?, text.get(at + mark.len()..)?))
}

fn contains(text: &[u8], mark: &[u8]) -> bool {
    memchr::memmem::find(text, mark).is_some()
}

/// Releases differ in the full stop at the end.
fn without_stop(text: &[u8]) -> &[u8] {
    text.strip_suffix(b".").unwrap_or(text)
}
