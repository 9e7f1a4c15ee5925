//! Is this connection an FTP control connection? The bytes decide, on any port.
//!
//! Reply-shaped lines and FTP's own verbs speak for it, the words of mail, news,
//! dictionaries, chat, HTTP, SIP and SSH against it. A port number only tips the
//! scale. Where it says nothing, both sides must have spoken, so that a file
//! that holds a conversation is none.

use std::borrow::Cow;

use super::tls::{self, Offer};
use crate::ftp::{ReplyCode, Side, grammar};

/// What is known so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is FTP.
    Ftp,
    /// It is something else.
    Other,
    /// More bytes are needed.
    Unsure,
}

/// Codes of FTP that no neighbour with three digits has at all (227 to 229, 257), or that ask for the password of a USER.
const STRONG_CODES: [u16; 6] = [227, 228, 229, 257, 331, 332];

/// Codes that few neighbours have.
const OWN_CODES: [u16; 6] = [125, 150, 213, 226, 234, 350];

/// Codes that answer USER and PASS.
const LOGIN_CODES: [u16; 6] = [230, 331, 332, 421, 530, 532];

/// Verbs of FTP that no neighbour has.
const OWN_VERBS: [&str; 33] = [
    "PASV", "EPSV", "PORT", "EPRT", "TYPE", "CWD", "XCWD", "PWD", "XPWD", "SYST", "FEAT", "OPTS",
    "STOR", "APPE", "STOU", "NLST", "MLSD", "MLST", "MDTM", "SIZE", "MKD", "RMD", "RNFR", "RNTO",
    "SITE", "PBSZ", "PROT", "CDUP", "ABOR", "REST", "STRU", "ALLO", "LPRT",
];

/// Verbs of FTP that POP3 and IRC have too, but with other answers than three digits at the start of a line.
const SHARED_VERBS: [&str; 3] = ["USER", "PASS", "ACCT"];

/// Verbs of FTP that say nothing, because mail and news have them with the same answers.
const PLAIN_VERBS: [&str; 24] = [
    "RETR", "DELE", "LIST", "STAT", "NOOP", "QUIT", "HELP", "MODE", "AUTH", "REIN", "SMNT", "HOST",
    "LANG", "CLNT", "MFMT", "MFCT", "CCC", "ADAT", "MIC", "CONF", "ENC", "XMKD", "XRMD", "LPSV",
];

/// First words that only others send.
const FOREIGN_VERBS: &[&str] = &[
    "EHLO",
    "HELO",
    "LHLO",
    "MAIL",
    "RCPT",
    "DATA",
    "BDAT",
    "STARTTLS",
    "VRFY",
    "RSET",
    "GET",
    "POST",
    "HEAD",
    "PUT",
    "CONNECT",
    "PROPFIND",
    "NICK",
    "JOIN",
    "PRIVMSG",
    "CAP",
    "GROUP",
    "ARTICLE",
    "XOVER",
    "IHAVE",
    "CAPABILITIES",
    "INVITE",
    "REGISTER",
    "SUBSCRIBE",
    "APOP",
    "AUTHINFO",
    "XHDR",
    "NEWNEWS",
    "SLAVE",
    "UIDL",
    "CAPA",
    "TOP",
    "DEFINE",
    "MATCH",
    "CLIENT",
    "SHOW",
    "AUTHENTICATE",
    "LISTSCRIPTS",
    "PUTSCRIPT",
    "NEWPASS",
    "PAGE",
    "MESS",
    "CDDB",
    "PROTO",
];

/// First bytes that only others' servers send.
const FOREIGN_STARTS: [&[u8]; 9] = [
    b"SSH-", b"+OK", b"-ERR", b"HTTP/", b"* OK", b"SIP/", b"RTSP/", b"RFB ", b"@RSYNCD",
];

/// What others that begin with three digits call themselves in their greeting.
const FOREIGN_NAMES: [&[u8]; 14] = [
    b"smtp",
    b"lmtp",
    b"nntp",
    b"nnrp",
    b"imap",
    b"pop3",
    b"snpp",
    b"dictd",
    b"auth.mime",
    b"hylafax",
    b"cddb",
    b"poppass",
    b"sieve",
    b"vmware authentication",
];

/// Words in a reply that only SMTP gives to EHLO (RFC 1869), as a whole first word.
const FOREIGN_FEATURES: [&[u8]; 6] = [
    b"pipelining",
    b"8bitmime",
    b"enhancedstatuscodes",
    b"starttls",
    b"chunking",
    b"dsn",
];

/// Lines of one side that are weighed.
const LINES: usize = 128;

/// What both sides said so far, and what is known beside it.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "independent observations")]
pub(super) struct Talk<'h> {
    /// The first bytes of the client.
    pub(super) client: &'h [u8],
    /// The first bytes of the server.
    pub(super) server: &'h [u8],
    /// The port speaks for FTP, or the server's end was heard to speak it.
    pub(super) known: bool,
    /// The port speaks for FTP where TLS begins at once.
    pub(super) implicit: bool,
    /// The connection was heard from its first byte.
    pub(super) whole: bool,
    /// The client is known to have said nothing, the server is.
    pub(super) silent: [bool; 2],
    /// No more will be heard, or enough was.
    pub(super) enough: bool,
}

/// What one side said, weighed.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "signs that stand alone")]
struct Weights {
    /// Replies that are whole, or commands of FTP.
    fitting: u32,
    /// Lines that are neither, nor inside a reply.
    other: u32,
    own: u32,
    strong: bool,
    shared: bool,
    foreign: bool,
    /// The first line is a reply that may greet (RFC 959 section 5.4), and calls itself FTP.
    greets: bool,
    names_itself: bool,
    /// A reply that USER or PASS may get.
    answers_login: bool,
    /// What comes may be the rest of a reply that began earlier.
    inside: bool,
}

/// Weighs the first bytes of one side. Without `enough`, the last line counts only if it is whole; unless the connection
/// is heard as a whole, a server's first lines may be the end of a reply.
fn weigh(side: Side, bytes: &[u8], whole: bool, enough: bool) -> Weights {
    let mut weights = Weights {
        inside: !whole,
        ..Weights::default()
    };
    let mut open = None;
    for line in bytes.split_inclusive(|b| *b == b'\n').take(LINES) {
        if !line.ends_with(b"\n") && !enough {
            break;
        }
        let line = plain(line);
        if line.is_empty() {
            continue;
        }
        match side {
            Side::Server => weights.server_line(&line, &mut open),
            Side::Client => weights.client_line(&line),
        }
    }
    weights
}

/// A line without its end, and without NUL and Telnet commands of two bytes, which are all that precede a command.
fn plain(line: &[u8]) -> Cow<'_, [u8]> {
    let line = line.trim_ascii_end();
    if memchr::memchr2(0xff, 0, line).is_none() {
        return Cow::Borrowed(line);
    }
    let mut out = Vec::with_capacity(line.len());
    let mut bytes = line.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            0 => {}
            0xff => {
                if bytes.next().is_some_and(|b| matches!(b, 251..=254)) {
                    bytes.next();
                }
            }
            other => out.push(*other),
        }
    }
    Cow::Owned(out)
}

/// True where one of these words, which begin with two small letters, stands in a text.
fn names_one_of(text: &[u8], words: &[&[u8]]) -> bool {
    let letter = |byte: u8| 1_u32 << (byte & 31);
    // Few pairs of letters begin one.
    let begins = words
        .iter()
        .fold([0, 0], |[first, second], word| match word {
            [a, b, ..] => [first | letter(*a), second | letter(*b)],
            _ => [first, second],
        });
    let may_begin = |pair: &[u8]| match pair {
        [a, b] => begins[0] & letter(*a) != 0 && begins[1] & letter(*b) != 0,
        _ => false,
    };
    let mut places = text
        .windows(2)
        .enumerate()
        .filter(|(_, pair)| may_begin(pair));
    places.any(|(at, _)| {
        let rest = text.get(at..).unwrap_or_default();
        words.iter().any(|word| rest.starts_with(word))
    })
}

impl Weights {
    fn server_line(&mut self, line: &[u8], open: &mut Option<ReplyCode>) {
        let first = self.fitting + self.other == 0 && open.is_none();
        let reply = grammar::reply_line(line);
        let Some(reply) = reply.filter(|r| open.is_none_or(|code| code == r.code)) else {
            if open.is_none() {
                self.other += u32::from(!self.inside);
                self.foreign |= line == b"." || FOREIGN_STARTS.iter().any(|f| line.starts_with(f));
            }
            return;
        };
        let begins = open.is_none();
        self.inside = false;
        *open = (!reply.is_last).then_some(reply.code);
        self.fitting += u32::from(reply.is_last);
        self.server_reply(&reply, first);
        if !begins {
            return;
        }
        let number = reply.code.number();
        self.strong |= STRONG_CODES.contains(&number);
        self.answers_login |= LOGIN_CODES.contains(&number);
        self.own += u32::from(STRONG_CODES.contains(&number) || OWN_CODES.contains(&number));
    }

    fn server_reply(&mut self, reply: &grammar::ReplyLine<'_>, first: bool) {
        let number = reply.code.number();
        let lower = reply.text.to_ascii_lowercase();
        let says = |word: &[u8]| memchr::memmem::find(&lower, word).is_some();
        let word = lower
            .split(|b| !b.is_ascii_alphanumeric())
            .next()
            .unwrap_or_default();
        // RFC 3463: `250 2.1.0 Ok`. RFC 3977: `220 3000237 <id@host>`. RFC 5321: 354.
        let enhanced = matches!(
            *lower,
            [
                b'2' | b'4' | b'5',
                b'.',
                b'0'..=b'9',
                b'.' | b'0'..=b'9',
                ..
            ]
        );
        let article = (220..=223).contains(&number)
            && says(b" <")
            && says(b"@")
            && word.iter().all(u8::is_ascii_digit);
        self.foreign |= number == 354
            || enhanced
            || article
            || number == 250 && FOREIGN_FEATURES.contains(&word);
        if first {
            let news = matches!(number, 200 | 201) && (says(b"news") || says(b"posting"));
            self.foreign |= news || names_one_of(&lower, &FOREIGN_NAMES);
            self.greets = matches!(number, 120 | 220 | 230 | 400..=599);
        }
        let features = number == 211 && (says(b"feature") || says(b"extension"));
        self.own += u32::from(features);
        self.names_itself |= self.greets && self.fitting <= 1 && says(b"ftp") || says(b"ftpd");
    }

    fn client_line(&mut self, line: &[u8]) {
        if line.first().is_some_and(u8::is_ascii_whitespace) {
            return; // so look the features that a server lists
        }
        let Some(command) = grammar::command(line) else {
            return;
        };
        let verb = command.verb.as_str();
        let upper = line.trim_ascii_start().to_ascii_uppercase();
        let begins = |words: &[&[u8]]| words.iter().any(|w| upper.starts_with(w));
        let own_auth = begins(&[b"AUTH TLS", b"AUTH SSL", b"AUTH GSSAPI", b"AUTH KERBEROS"]);
        let own = own_auth || OWN_VERBS.contains(&verb);
        self.own += u32::from(own);
        // IRC: USER name host server :real name. SIP, RTSP and HTTP lines end with a version.
        let mut words = upper
            .split(u8::is_ascii_whitespace)
            .filter(|f| !f.is_empty());
        let first_word = words.next().unwrap_or_default();
        let irc = verb == "USER" && words.count() >= 4 && memchr::memchr(b':', line).is_some();
        let versioned = [&b" HTTP/"[..], b" SIP/", b" RTSP/"]
            .iter()
            .any(|v| memchr::memmem::find(line, v).is_some());
        self.foreign |= line == b"." || !own_auth && begins(&[b"AUTH ", b"MODE READER"]);
        self.foreign |=
            irc || versioned || FOREIGN_VERBS.iter().any(|f| f.as_bytes() == first_word);
        let shared = SHARED_VERBS.contains(&verb);
        self.shared |= shared;
        if own || shared || PLAIN_VERBS.contains(&verb) {
            self.fitting += 1;
        } else {
            self.other += 1;
        }
    }

    fn spoke(&self) -> bool {
        self.fitting + self.other > 0
    }
}

/// Decides from what both sides said.
pub(super) fn decide(talk: &Talk<'_>) -> Verdict {
    if let Some(verdict) = by_tls(talk).or_else(|| by_first_bytes(talk)) {
        return verdict;
    }
    let client = weigh(Side::Client, talk.client, talk.whole, talk.enough);
    let server = weigh(Side::Server, talk.server, talk.whole, talk.enough);
    if contradicts(talk, client, server) {
        return Verdict::Other;
    }
    let named = server.names_itself && talk.whole;
    let user = client.shared && (talk.known || server.greets || server.answers_login);
    let score = 2 * client.own.min(2)
        + 2 * server.own.min(2)
        + 2 * u32::from(named)
        + u32::from(server.fitting > 0)
        + u32::from(user)
        + u32::from(talk.known);
    // Where the port says nothing, both sides must have spoken, or one is not in the capture at all.
    let heard =
        talk.known || talk.silent == [false; 2] || talk.enough && (named || !talk.silent[1]);
    match score {
        2.. if heard => Verdict::Ftp,
        _ if talk.enough => Verdict::Other,
        _ => Verdict::Unsure,
    }
}

/// TLS from the first byte: FTP's where the port or the client's hello says so.
fn by_tls(talk: &Talk<'_>) -> Option<Verdict> {
    let begins = tls::begins(Side::Client, talk.client) || tls::begins(Side::Server, talk.server);
    let goes_on = !talk.whole && (tls::goes_on(talk.client) || tls::goes_on(talk.server));
    if !begins && !goes_on {
        return None;
    }
    let by_port = if talk.implicit {
        Verdict::Ftp
    } else {
        Verdict::Other
    };
    Some(match tls::offer(talk.client) {
        _ if talk.known => Verdict::Ftp,
        Offer::Ftp => Verdict::Ftp,
        Offer::Others => Verdict::Other,
        Offer::Cut if begins && !talk.enough => Verdict::Unsure,
        Offer::Cut | Offer::Nothing => by_port,
    })
}

/// Bytes that begin no line of text.
fn by_first_bytes(talk: &Talk<'_>) -> Option<Verdict> {
    let text = |b: &u8| matches!(b, b' '..=b'~' | b'\t' | b'\r' | b'\n' | 0 | 0x80..);
    let is_binary = |bytes: &[u8]| !bytes.iter().take(4).all(text);
    let binary = is_binary(talk.client) || is_binary(talk.server);
    (binary && !talk.known && talk.whole).then_some(Verdict::Other)
}

/// What was said can't be FTP.
fn contradicts(talk: &Talk<'_>, client: Weights, server: Weights) -> bool {
    if talk.known {
        return server.foreign && server.own == 0;
    }
    let foreign = client.foreign && !(server.strong && client.own > 0) || server.foreign;
    // A server's first word is a reply, and so are nearly all of its lines.
    let no_server = server.spoke() && talk.whole && server.fitting == 0 && server.other > 0
        || server.other > server.fitting;
    let no_client = client.other > client.fitting
        && (client.other > 1 || talk.enough)
        && !(server.names_itself && talk.whole);
    // Who gives three replies to nobody reads a transcript out.
    let read_out = talk.silent[0] && server.fitting >= 3;
    foreign || no_server || no_client || read_out
}

/// True where a greeting of many lines begins (RFC 959 section 5.4).
pub(super) fn is_greeting(bytes: &[u8]) -> bool {
    bytes.starts_with(b"220-") || bytes.starts_with(b"230-")
}

/// Which side is the server, by what both said; `None` when that does not tell.
pub(super) fn server_of(first: &[u8], second: &[u8]) -> Option<usize> {
    let replies = |bytes: &[u8]| weigh(Side::Server, bytes, true, true).fitting;
    let verbs = |bytes: &[u8]| {
        let weights = weigh(Side::Client, bytes, true, true);
        weights.own + u32::from(weights.shared || tls::begins(Side::Client, bytes))
    };
    let first_serves = replies(first) + verbs(second);
    let second_serves = replies(second) + verbs(first);
    match first_serves.cmp(&second_serves) {
        std::cmp::Ordering::Greater => Some(0),
        std::cmp::Ordering::Less => Some(1),
        std::cmp::Ordering::Equal => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(client: &str, server: &str, known: bool, expected: Verdict) {
        let talk = Talk {
            client: client.as_bytes(),
            server: server.as_bytes(),
            known,
            implicit: false,
            whole: true,
            silent: [false; 2],
            enough: false,
        };
        assert_eq!(decide(&talk), expected, "{client:?} {server:?}");
    }

    #[test]
    fn ftp_on_any_port() {
        check("", "220 (vsFTPd 3.0.5)\r\n", false, Verdict::Ftp);
        check("USER bob\r\n", "220 hello\r\n", false, Verdict::Ftp);
        check("user bob\r\n", "", true, Verdict::Ftp);
        check("", "331 Password\r\n", false, Verdict::Ftp);
        check("", "220 hello\r\n", true, Verdict::Ftp);
        check("PASV\r\n", "", false, Verdict::Ftp);
        check("", "220 hello\r\n", false, Verdict::Unsure);
    }

    #[test]
    fn others_are_not_ftp() {
        check(
            "EHLO x\r\n",
            "220 mail.example ESMTP\r\n",
            false,
            Verdict::Other,
        );
        check("USER bob\r\n", "+OK ready\r\n", false, Verdict::Other);
        check(
            "NICK bob\r\nUSER bob 0 * :Bob\r\n",
            "",
            false,
            Verdict::Other,
        );
        check("GET / HTTP/1.1\r\n", "", false, Verdict::Other);
        check("", "SSH-2.0-x\r\n", false, Verdict::Other);
        check("USER bob\r\n", "", false, Verdict::Unsure);
        check(
            "MODE READER\r\n",
            "200 news.example NNRP server ready\r\n",
            false,
            Verdict::Other,
        );
        check(
            "NOOP\r\nAUTH PLAIN AGJvYgBodW50ZXIy\r\n",
            "220 mail ready\r\n250 ok\r\n",
            false,
            Verdict::Other,
        );
        check(
            "MODE S\r\nLIST\r\nQUIT\r\n",
            "200 hello\r\n",
            false,
            Verdict::Unsure,
        );
    }

    #[test]
    fn a_name_is_found_wherever_it_stands() {
        let found = |text: &str| names_one_of(text.as_bytes(), &FOREIGN_NAMES);
        for name in FOREIGN_NAMES.map(|name| String::from_utf8(name.to_vec()).unwrap()) {
            for text in [
                format!("{name} ready"),
                format!("the {name}"),
                format!("s{name}x"),
            ] {
                assert!(found(&text), "{text}");
            }
            assert!(!found(name.split_at(name.len() - 1).0));
        }
        assert!(!found("") && !found("p") && !found("hello from the ftp server"));
    }

    #[test]
    fn the_server_is_who_replies() {
        assert_eq!(server_of(b"220 hi\r\n", b"USER x\r\n"), Some(0));
        assert_eq!(server_of(b"USER x\r\n", b""), Some(1));
        assert_eq!(server_of(b"", b""), None);
    }
}
