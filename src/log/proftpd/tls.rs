//! `mod_tls`'s messages, in a log of its own (`TLSLog`), and what they tell.
//!
//! `date mod_tls/2.9.2[pid]: message`. There are neither clients nor commands in it, and what went well is in the server's
//! other logs as well, so only what fails counts. Why a handshake fails stands in messages before the one that stands for
//! the reply: the last of them that says more than that it failed is the reply's text.

use crate::ftp::{Verb, grammar};
use crate::log::Fact;

use super::messages::{Said, answered, cut};

/// Why the next thing fails, by words that such a message holds, and what is told of it. The first that fits counts.
#[rustfmt::skip]
static REASONS: &[(&str, &str)] = &[
    ("client did not reuse ", "client did not reuse the TLS session of the control connection"),
    ("wrong version number", "TLS negotiation failed: what came was not TLS"),
    ("http request", "TLS negotiation failed: what came was not TLS"),
    ("unknown protocol", "TLS negotiation failed: unknown protocol"),
    ("unsupported protocol", "TLS negotiation failed: unsupported protocol version"),
    ("alert protocol version", "TLS negotiation failed: unsupported protocol version"),
    ("no shared cipher", "TLS negotiation failed: no shared cipher"),
    ("client does not support any cipher", "TLS negotiation failed: no shared cipher"),
    ("alert unknown ca", "TLS negotiation failed: the client does not know who signed the server's certificate"),
    ("alert certificate expired", "TLS negotiation failed: the client takes the server's certificate for expired"),
    ("alert certificate unknown", "TLS negotiation failed: the client does not accept the server's certificate"),
    ("alert bad certificate", "TLS negotiation failed: the client does not accept the server's certificate"),
    ("did not return a certificate", "client certificate required"),
    ("certificate verify failed", "client certificate not verified"),
];

/// What those say that give no reason.
pub(super) const FAILED: &str = "TLS negotiation failed";

const NO_REPLY: &str = "a message of TLS that tells of no refusal";
const AGAIN: &str = "what another message of the session tells as well";

fn reason(message: &[u8]) -> Option<&'static str> {
    let has = |words: &str| memchr::memmem::find(message, words.as_bytes()).is_some();
    REASONS.iter().find(|(words, _)| has(words)).map(|(_, told)| *told)
}

/// `  (1) error:0A000418:SSL routines::tlsv1 alert unknown ca`: a further line of the message before, without its head.
pub(super) fn continued(line: &[u8]) -> Option<Result<Said<'_>, &'static str>> {
    let rest = line.trim_ascii_start().strip_prefix(b"(")?;
    let close = rest.iter().position(|b| !b.is_ascii_digit()).filter(|close| *close > 0)?;
    let error = rest.get(close..)?.strip_prefix(b") error:")?;
    let remark = |reason| Said::of(Fact::Remark(reason), 0, "");
    Some(reason(error).map(remark).ok_or(AGAIN))
}

/// What a message says, or why it is of no use.
pub(super) fn said(message: &[u8]) -> Result<Said<'_>, &'static str> {
    let has = |words: &str| memchr::memmem::find(message, words.as_bytes()).is_some();
    let is_reason = message.starts_with(b"unable to accept ")
        || message.starts_with(b"client did not reuse ")
        || message.starts_with(b"client did not return a certificate");
    if is_reason {
        return Ok(Said::of(Fact::Remark(reason(message).unwrap_or(FAILED)), 0, ""));
    }
    if has("negotiation failed on control channel") {
        let closes = answered("", None, FAILED.as_bytes(), true);
        // Where TLS begins with the connection, nothing can be said.
        let code = if message.starts_with(b"implicit ") { 0 } else { 421 };
        return Ok(Said::of(closes, code, "negotiation failed on control channel"));
    }
    if message.starts_with(b"unable to open data connection: ") && has("negotiation failed") {
        return Ok(Said::of(answered("", None, FAILED.as_bytes(), false), 425, "unable to open data connection"));
    }
    if message.starts_with(b"PROT: unwilling to accept security parameter") {
        let text = b"protection required for data transfers";
        return Ok(Said::of(answered("PROT", None, text, false), 534, "unwilling to accept security parameter"));
    }
    if message.starts_with(b"PROT: TLSRequired") {
        return Err(AGAIN);
    }
    absent(message).or_else(|| declined(message)).ok_or(NO_REPLY)
}

/// `SSL/TLS required but absent on data channel, denying LIST command`
fn absent(message: &[u8]) -> Option<Said<'_>> {
    let (reason, command) = cut(message, b", denying ")?;
    let verb = grammar::command(command.strip_suffix(b" command")?)?.verb;
    let (_, place) = cut(reason, b" required but absent ")?;
    let (text, code): (&[u8], _) = match place {
        b"on data channel" => (b"TLS required on the data channel", 522),
        b"on control channel" | b"for authentication" => (b"TLS required on the control channel", 550),
        _ => return None,
    };
    Some(failed(verb, None, text, code, "TLS required but absent"))
}

/// `AUTH KERBEROS_V4 unsupported, declining`
fn declined(message: &[u8]) -> Option<Said<'_>> {
    let command = grammar::command(message.strip_suffix(b" unsupported, declining")?)?;
    let is_auth = command.verb == Verb::new(b"AUTH");
    is_auth.then(|| failed(command.verb, command.argument(), b"unsupported", 504, "unsupported, declining"))
}

fn failed<'b>(verb: Verb, argument: Option<&'b [u8]>, text: &'b [u8], code: u16, by: &'static str) -> Said<'b> {
    let fact = Fact::Failed {
        verb: Some(verb),
        argument,
        text,
        closes: false,
    };
    Said::of(fact, code, by)
}
