//! ProFTPD's `ExtendedLog`: a line per finished command, in a layout that the administrator chose (`LogFormat`).
//!
//! A layout is given (`--from 'proftpd-ext=%h %l %u %t "%r" %s %b'`, or with a `proftpd.conf`), or is one of the well-known,
//! which are tried on lines that look like FTP. What a line holds is the last reply to a command: no greeting, no 150. Where
//! the layout has `%E`, the last line of a session says why it ended; a time-out stands for its 421. Sessions are found by
//! process id (`%P`) or `mod_unique_id`, otherwise by client and user. Requests of SSH and their sessions are passed over.

mod configuration;
mod fields;
mod follow;
mod guess;
mod layout;
mod strftime;

use std::borrow::Cow;
use std::sync::LazyLock;
use std::time::Duration;

use crate::catalogue::catalogue;
use crate::ftp::{End, Endpoint, Evidence, Host, Reply, ReplyCode, Vantage};
use crate::log::{
    Bare, Description, Exchange, Fact, Follow, Format, Moved, Read, Record, Sample, envelope,
};
use crate::time::Stamp;

use fields::Slot;
use layout::{Cut, Layout, Values};

/// The format, in the layouts that are known.
pub static FORMAT: ProftpdExt = ProftpdExt { given: Vec::new(), guessed: None };

/// ProFTPD's `ExtendedLog`.
#[derive(Debug)]
pub struct ProftpdExt {
    /// The layouts that the user gave, tried before those that are known.
    given: Vec<Layout>,
    /// What to tell of one that was guessed instead.
    guessed: Option<String>,
}

static DESCRIPTION: Description = Description {
    name: "proftpd-ext",
    title: "ProFTPD's ExtendedLog, in any LogFormat",
    source: "ProFTPD 1.3.8 mod_log.c and doc/modules/mod_log.html",
    vantage: Vantage::ServerLog,
    gaps: &[
        "the greeting",
        "replies before the last one of a command (150)",
        "421, unless the LogFormat has %E and the ExtendedLog the class EXIT",
        "the words of replies, unless the LogFormat has %S",
        "which of a client's sessions speaks, unless the LogFormat has %P",
    ],
    samples: &[
        Sample {
            lines: "192.0.2.7 UNKNOWN - [22/Nov/2026:08:16:55 +0000] \"USER bob\" 331 -\n\
                    192.0.2.7 UNKNOWN - [22/Nov/2026:08:16:55 +0000] \"PASS (hidden)\" 530 -\n\
                    192.0.2.7 UNKNOWN - [22/Nov/2026:08:16:56 +0000] \"USER alice\" 331 -\n\
                    192.0.2.7 UNKNOWN alice [22/Nov/2026:08:16:56 +0000] \"PASS (hidden)\" 230 -\n\
                    192.0.2.7 UNKNOWN alice [22/Nov/2026:08:16:57 +0000] \"STOR a \"b\" 226 5\" 550 -\n\
                    192.0.2.7 UNKNOWN alice [22/Nov/2026:08:16:57 +0000] \"RETR c\" 226 260\n\
                    192.0.2.7 UNKNOWN alice [22/Nov/2026:08:16:57 +0000] \"OPTS_UTF8 ON\" 200 -\n\
                    192.0.2.7 UNKNOWN alice [22/Nov/2026:08:16:57 +0000] \"OPTS UTF8 ON\" - -\n\
                    192.0.2.7 UNKNOWN alice [22/Nov/2026:08:16:58 +0000] \"QUIT\" 221 -\n\
                    192.0.2.7 UNKNOWN alice [22/Nov/2026:08:16:58 +0000] \"\" - -",
            events: "introduced 192.0.2.7 approximate; USER bob; 331 ; PASS secret; 530 ; USER alice; 331 ; PASS secret; 230 ; \
                     STOR a \"b\" 226 5; 550 ; RETR c; RETR c 260 incomplete; 226 ; OPTS UTF8 ON; 200 ; QUIT; 221 ; closed goodbye",
        },
        Sample {
            lines: "FTP one [77] c.example [22/Nov/2026:08:16:55 +0000] \"USER bob\" 331\n\
                    FTP one [78] c.example [22/Nov/2026:08:16:55 +0000] \"USER bob\" 331\n\
                    FTP one [77] c.example [22/Nov/2026:08:16:55 +0000] \"PASS (hidden)\" 530",
            events: "introduced c.example; USER bob; 331 ; introduced c.example; USER bob; 331 ; PASS secret; 530 ; \
                     closed input-ended; closed input-ended",
        },
        Sample {
            lines: "[22/Nov/2026:08:16:55 +0000] 192.0.2.7 alice@example STOR \"/srv/a b.txt\" 226 997",
            events: "introduced 192.0.2.7 alice@example approximate; STOR /srv/a b.txt; STOR /srv/a b.txt 997 incomplete; \
                     226 ; closed input-ended",
        },
    ],
};

/// ProFTPD's own layout, those of its documents and of the sample configuration, the one for `AWStats`, and what others make of them.
#[rustfmt::skip]
static KNOWN: LazyLock<Vec<Layout>> = LazyLock::new(|| {
    // A layout whose last variables another one has in the middle of its own stands behind that.
    let layouts = [
        r#"%h %l %u %t "%r" %s %b"#,
        r#"%h %l %u %t "%r" %s %b %T"#,
        r#"%h %l %u %t "%r" %s "%f" %b"#,
        r#"%h %l %u %t [%P] "%r" %s %b"#,
        r#"%v [%P] %h %t "%r" %s"#,
        r#"%v %h %l %u %t "%r" %s %b"#,
        r#"%t %h %u "%r" %s %b"#,
        r#"%t [%P] %h %u "%r" %s %b"#,
        r#"%t %h %u %m "%f" %s %b"#,
        "%t %h %u %m %f %s %b",
        r#"%{%Y-%m-%d %H:%M:%S}t %h %u %m "%f" %s %b"#,
        "%{%Y-%m-%d %H:%M:%S}t %h %u %m %f %s %b",
        "%{%Y-%m-%d %H:%M:%S}t %u@%h [%r] %s",
        "%t|%a|%u|%f|%m|%s|%b",
        "TIME:%t CLIENT:%u IP:%a FILE:%F PATH:%f METHOD:%m CODE:%s",
        "TIME:%t CLIENT:%u IP:%a FILE:%F PATH:%f METHOD:%m CODE:%s RESP:%S",
        r#"%{iso8601} [%P] %h %u "%r" %s %b"#,
        r#"%{iso8601} %h %l %u "%r" %s %b"#,
        r#"%{iso8601} %h %u "%r" %s %b"#,
        r#"%u %{iso8601} "%r" %s %S %b"#,
        r#"%h %u %t "%r" %s %b"#,
        r#"%h %l %u %t "%r" %s"#,
        r#"%h %t "%r" %s"#,
        r#""%r" %s %b"#,
    ];
    layouts.iter().filter_map(|layout| Layout::compile(layout.as_bytes()).ok()).collect()
});

impl ProftpdExt {
    /// In the layout that a text holds, written as in `LogFormat`.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the layout.
    pub fn in_layout(layout: &str) -> Result<Self, String> {
        // Copied out of a configuration, where quotation marks are escaped.
        let layout = layout.replace("\\\"", "\"");
        let given = vec![Layout::compile(layout.as_bytes())?];
        Ok(Self { given, guessed: None })
    }

    /// In the layout that nearly all of these lines are in, though it is none that is known.
    pub fn guessed<'b>(lines: impl Iterator<Item = &'b [u8]>) -> Option<Self> {
        let lines: Vec<&[u8]> = lines.map(|line| Bare::read(line).message).filter(|line| !line.is_empty()).collect();
        let layout = guess::guess(&lines)?;
        let told = format!("its lines are taken for those of the LogFormat {layout:?}, which is guessed; --from gives another");
        let known = Self::in_layout(&layout).ok()?;
        Some(Self {
            guessed: Some(told),
            ..known
        })
    }

    /// The paths, or patterns of paths, that the text of a `proftpd.conf` includes.
    pub fn included(text: &[u8]) -> Vec<Vec<u8>> {
        configuration::included(text)
    }

    /// In the layouts of a `proftpd.conf`: the one of that name, or all of them.
    ///
    /// # Errors
    ///
    /// Says what is missing, or what is wrong with a layout.
    pub fn configured(text: &[u8], name: Option<&str>) -> Result<Self, String> {
        let mut found = configuration::layouts(text);
        found.retain(|(other, _)| name.is_none_or(|name| name.as_bytes() == other));
        let mut given = Vec::new();
        for (_, layout) in &found {
            match Layout::compile(layout) {
                Ok(layout) => given.push(layout),
                // Others of the same file may do.
                Err(_) if name.is_none() => {}
                Err(words) => return Err(words),
            }
        }
        if given.is_empty() {
            return Err("no LogFormat of a log of commands is in it".to_owned());
        }
        given.sort_by_key(|layout| std::cmp::Reverse(layout.weight()));
        Ok(Self { given, guessed: None })
    }
}

const TWO_WAYS: &str = "a line that can be read in two ways: what a client sent looks like the log's own text";
const SSH: &str = "a request of SSH, which is not FTP";

impl Format for ProftpdExt {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        if line.tag.is_some_and(|tag| !tag.starts_with(b"proftpd")) {
            return Read::Unrecognised;
        }
        for layout in &self.given {
            match layout.cut(line.message) {
                Cut::One(values) => return record(&values, line),
                Cut::Two => return Read::Ignored(TWO_WAYS),
                Cut::Other => {}
            }
        }
        known(line.message).map_or(Read::Unrecognised, |values| record(&values, line))
    }

    fn assumption(&self) -> Option<&str> {
        self.guessed.as_deref()
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(follow::Following::new())
    }
}

/// The values of a line in one of the known layouts, if it is one of FTP.
fn known(line: &[u8]) -> Option<Values<'_>> {
    // All known layouts but one end in a code, or in numbers behind it. Lines of other logs seldom do.
    let ends_so = line.last().is_some_and(|b| b.is_ascii_digit() || *b == b'-');
    let may_be_known = (ends_so || line.starts_with(b"TIME:[")) && memchr::memchr2(b' ', b'|', line).is_some();
    if !may_be_known {
        return None;
    }
    KNOWN.iter().find_map(|layout| match layout.cut(line) {
        Cut::One(values) => Some(values).filter(is_ftp),
        _ => None,
    })
}

/// True for a line in one of the known layouts: it may also go to syslog (`ExtendedLog syslog:info`).
pub(super) fn is_known(line: &[u8]) -> bool {
    known(line).is_some()
}

/// Web servers write the same layouts: the command and the code decide.
fn is_ftp(values: &Values<'_>) -> bool {
    let code = match values.get(Slot::Status) {
        Some(digits) => match ReplyCode::from_digits(digits) {
            Some(code) if catalogue().reply(code).is_some() => code.number(),
            _ => return false,
        },
        None => 0,
    };
    let Some(request) = values.get(Slot::Request).or_else(|| values.get(Slot::Method)) else {
        // The end of a session.
        return code == 0;
    };
    let word = request.split(|b| *b == b' ').next().unwrap_or_default();
    if ends_in_version(request) {
        return false;
    }
    // Commands are written in capital letters. What the server does not know may be any word, or none; then there must be
    // more than that to tell the log by.
    let is_refused = matches!(code, 421 | 500 | 501 | 502 | 503 | 504 | 530);
    let has_client = values.get(Slot::Host).or_else(|| values.get(Slot::Client)).is_some();
    is_refused && has_client || is_command(word) && !is_of_the_web(word) || code == 0 && is_ssh(word)
}

/// ` HTTP/1.1`, ` HTTP/2`
fn ends_in_version(request: &[u8]) -> bool {
    let ends = [" HTTP/1.1".len(), " HTTP/2".len()].map(|length| {
        let start = request.len().checked_sub(length)?;
        Some(request.get(start..)?.starts_with(b" HTTP/"))
    });
    ends.contains(&Some(true))
}

fn is_command(word: &[u8]) -> bool {
    let is_verb = (3..=8).contains(&word.len()) && word.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    is_verb || word.starts_with(OPTION)
}

fn is_of_the_web(word: &[u8]) -> bool {
    let words: [&[u8]; 11] = [
        b"GET", b"PUT", b"POST", b"HEAD", b"OPTIONS", b"DELETE", b"CONNECT", b"PATCH", b"TRACE", b"PROPFIND", b"SEARCH",
    ];
    words.contains(&word)
}

/// What stands for `OPTS `: the server knows each option as a command of its own, and logs its answer there.
const OPTION: &[u8] = b"OPTS_";

/// `mod_sftp` logs requests of SSH and SFTP as if they were commands, without a code.
#[rustfmt::skip]
fn is_ssh(word: &[u8]) -> bool {
    let words: [&[u8]; 24] = [
        b"KEXINIT", b"NEWKEYS", b"DISCONNECT", b"DEBUG", b"IGNORE", b"UNIMPLEMENTED", b"INIT", b"OPEN", b"CLOSE", b"READ",
        b"WRITE", b"LSTAT", b"FSTAT", b"SETSTAT", b"FSETSTAT", b"OPENDIR", b"READDIR", b"REMOVE", b"REALPATH", b"READLINK",
        b"SYMLINK", b"LINK", b"EXTENDED", b"VERSION",
    ];
    let parts: [&[u8]; 5] = [b"USERAUTH_", b"SERVICE_", b"CHANNEL_", b"GLOBAL_", b"KEX"];
    words.contains(&word) || parts.iter().any(|part| word.starts_with(part))
}

fn record<'b>(values: &Values<'b>, line: &Bare<'b>) -> Read<'b> {
    let stamp = if values.stamp == Stamp::None { line.stamp } else { values.stamp };
    let process = values.get(Slot::Process).and_then(envelope::number);
    let number = process.and_then(|process| u32::try_from(process).ok()).or(line.pid).unwrap_or(0);
    let method = values.get(Slot::Request).or_else(|| values.get(Slot::Method)).unwrap_or_default();
    let word = method.split(|b| *b == b' ').next().unwrap_or_default();
    let protocol = values.get(Slot::Protocol);
    let is_other = protocol.is_some_and(|p| !p.eq_ignore_ascii_case(b"ftp") && !p.eq_ignore_ascii_case(b"ftps"));
    if is_other || values.get(Slot::Status).is_none() && is_ssh(word) {
        if number == 0 || is_other {
            return Read::Ignored(SSH);
        }
        // What else the process says is of the same session.
        let record = Exchange::default().record(stamp);
        return Read::Taken(Record {
            number,
            fact: Fact::Remark(SSH),
            ..record
        });
    }
    if word == b"OPTS" && values.get(Slot::Status).is_none() {
        return Read::Ignored("OPTS without its answer, which stands in a line of its own if at all");
    }
    let code = values.get(Slot::Status);
    if values.get(Slot::Outcome) == Some(b"timeout") && code.is_some_and(|code| code.starts_with(b"1")) {
        return Read::Ignored("a transfer that was given up, whose end stands in a line of its own");
    }
    let exchange = exchange(values, number);
    Read::Taken(Record {
        number,
        ..exchange.record(stamp)
    })
}

fn exchange<'b>(values: &Values<'b>, process: u32) -> Exchange<'b> {
    let client = values.get(Slot::Client).or_else(|| values.get(Slot::Host));
    let mut exchange = match values.get(Slot::Session) {
        Some(name) => Exchange::of_named_session(name),
        None if process != 0 => Exchange::of_numbered_session(process.into(), client.unwrap_or_default()),
        None => Exchange::default(),
    };
    exchange.client = client.map(|client| end(client, values.get(Slot::ClientPort)));
    exchange.server = values.get(Slot::Server).map(|server| end(server, values.get(Slot::ServerPort)));
    let (verb, argument) = command(values);
    if let Some(verb) = verb {
        exchange.set_command(verb, Cow::Borrowed(argument));
    }
    let code = values.get(Slot::Status).and_then(ReplyCode::from_digits);
    if let Some(code) = code {
        exchange.replies.reserve_exact(1);
        let text = values.get(Slot::Text).unwrap_or_default().into();
        match values.get(Slot::Reason).filter(|reason| verb.is_some() && reason.starts_with(TIMEOUT)) {
            // The session ends with the transfer: what is logged as its reply is not sent any more.
            Some(reason) => {
                exchange.replies.push(implied(code, reason));
                exchange.end = Some(End::Fin);
            }
            None => exchange.add_reply(code, text),
        }
    }
    let is = |name: &[u8]| verb.is_some_and(|verb| verb.eq_ignore_ascii_case(name));
    // Before a login old releases name the user that the server runs as.
    let is_login = is(b"USER") || is(b"PASS");
    let is_in = code.is_some_and(|code| matches!(code.number(), 230 | 232));
    exchange.user = values.get(Slot::User).filter(|_| !is_login || is_in).map(Cow::Borrowed);
    let waited = values.get(Slot::Waited).and_then(envelope::number);
    exchange.waited = waited.filter(|waited| *waited > 0).map(Duration::from_millis);
    let bytes = values.get(Slot::Bytes).and_then(envelope::number);
    exchange.moved = bytes.map(|bytes| Moved {
        bytes: Some(bytes),
        complete: outcome(values),
    });
    if verb.is_none() {
        leave(&mut exchange, values);
    } else if is(b"QUIT") && code.is_some_and(|code| code.number() == 221) {
        exchange.end = Some(End::Goodbye);
    }
    exchange
}

fn end(host: &[u8], port: Option<&[u8]>) -> Endpoint {
    Endpoint {
        host: Host::read(host),
        port: port.and_then(envelope::number).and_then(|port| u16::try_from(port).ok()),
    }
}

/// The command as it was sent, or as far as the layout says: `%r`, or `%m` with `%J`, `%F` or `%f`.
fn command<'b>(values: &Values<'b>) -> (Option<&'b [u8]>, &'b [u8]) {
    let whole = values.get(Slot::Request).or_else(|| values.get(Slot::Method));
    let Some(whole) = whole else {
        return (None, b"");
    };
    if let Some(option) = whole.strip_prefix(OPTION) {
        return (Some(b"OPTS"), option);
    }
    let (verb, argument) = envelope::word(whole).unwrap_or((whole, b""));
    if !argument.is_empty() || values.get(Slot::Request).is_some() {
        return (Some(verb), argument);
    }
    let takes_path = !matches!(verb, b"USER" | b"PASS" | b"PASV" | b"EPSV" | b"QUIT" | b"TYPE" | b"PORT" | b"EPRT" | b"NOOP");
    let path = values.get(Slot::ClientPath).or_else(|| values.get(Slot::Path));
    let argument = values.get(Slot::Arguments).or_else(|| path.filter(|_| takes_path));
    (Some(verb), argument.unwrap_or_default())
}

fn outcome(values: &Values<'_>) -> Option<bool> {
    match values.get(Slot::Outcome)? {
        b"success" => Some(true),
        b"failed" | b"cancelled" | b"timeout" => Some(false),
        _ => None,
    }
}

/// What stands in `%E` where a limit of time ends the session.
const TIMEOUT: &[u8] = b"Timeout exceeded";

/// The last line of a session, and why it ended (`pr_session_get_disconnect_reason`).
fn leave<'b>(exchange: &mut Exchange<'b>, values: &Values<'b>) {
    exchange.end = Some(End::Fin);
    let Some(reason) = values.get(Slot::Reason) else {
        return;
    };
    let has = |word: &[u8]| memchr::memmem::find(reason, word).is_some();
    let code = if reason.starts_with(TIMEOUT) {
        // A stalled transfer ends the session without a word.
        ReplyCode::new(421).filter(|_| !has(b"TimeoutStalled"))
    } else {
        // The other limits are found out at PASS, which has a line of its own.
        ReplyCode::new(530).filter(|_| has(b"Denied by MaxConnectionsPerHost"))
    };
    exchange.replies.extend(code.map(|code| implied(code, reason)));
}

fn implied(code: ReplyCode, reason: &[u8]) -> Reply<'_> {
    Reply {
        code,
        text: Cow::Borrowed(reason),
        lines: 1,
        evidence: Evidence::Implied {
            by: "the reason why the session ended",
        },
    }
}

#[cfg(test)]
mod tests;
