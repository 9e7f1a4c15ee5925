//! Is this connection an FTP control connection? The bytes decide, on any port.
//!
//! Reply-shaped lines and FTP's own verbs speak for it, the words of SMTP,
//! POP3, NNTP, IRC, HTTP, SIP and SSH against it. A port number only tips the
//! scale.

use crate::ftp::{Side, grammar};

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

/// Codes that other protocols with three-digit replies do not use, or not at the start of a line with these texts.
const OWN_CODES: [u16; 9] = [125, 150, 226, 227, 229, 234, 257, 331, 332];

/// Verbs of FTP that no neighbour has.
const OWN_VERBS: [&str; 33] = [
    "PASV", "EPSV", "PORT", "EPRT", "TYPE", "CWD", "XCWD", "PWD", "XPWD", "SYST", "FEAT", "OPTS",
    "STOR", "APPE", "STOU", "NLST", "MLSD", "MLST", "MDTM", "SIZE", "MKD", "RMD", "RNFR", "RNTO",
    "SITE", "PBSZ", "PROT", "CDUP", "ABOR", "REST", "STRU", "ALLO", "LPRT",
];

/// Verbs of FTP that POP3 and IRC have too, but with other answers than three digits at the start of a line. Those that
/// SMTP and NNTP share (MODE, LIST, AUTH, HELP, NOOP, QUIT) say nothing.
const SHARED_VERBS: [&str; 3] = ["USER", "PASS", "ACCT"];

/// First words that only others send.
const FOREIGN_VERBS: &[&str] = &[
    "EHLO",
    "HELO",
    "LHLO",
    "MAIL",
    "RCPT",
    "DATA",
    "STARTTLS",
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
    "RSET",
    "UIDL",
    "CAPA",
    "TOP",
    "VRFY",
];

/// What one side said, weighed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Weights {
    replies: u32,
    own: u32,
    shared: bool,
    foreign: bool,
    other_lines: u32,
}

/// Weighs the first bytes of one side, as if it were the client or the server. The last line may be cut.
pub(super) fn weigh(side: Side, bytes: &[u8]) -> Weights {
    let mut weights = Weights::default();
    for line in bytes
        .split(|b| *b == b'\n')
        .take(64)
        .filter(|l| !l.is_empty())
    {
        match side {
            Side::Server => weights.server_line(line),
            Side::Client => weights.client_line(line),
        }
    }
    weights
}

impl Weights {
    fn server_line(&mut self, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Some(reply) = grammar::reply_line(line) else {
            self.other_lines += 1;
            let foreign: [&[u8]; 6] = [b"SSH-", b"+OK", b"-ERR", b"HTTP/", b"* OK", b"SIP/"];
            self.foreign |= self.replies == 0 && foreign.iter().any(|f| line.starts_with(f));
            return;
        };
        self.replies += 1;
        let lower = reply.text.to_ascii_lowercase();
        let says = |word: &[u8]| memchr::memmem::find(&lower, word).is_some();
        let greeting = reply.code.number() == 220;
        let news = matches!(reply.code.number(), 200 | 201) && self.replies == 1;
        self.foreign |=
            news && (says(b"nntp") || says(b"nnrp") || says(b"news") || says(b"posting"));
        self.foreign |= greeting && (says(b"smtp") || says(b"nntp") || says(b"imap"));
        let names_itself = says(b"ftp") && (greeting || says(b"ftpd"));
        self.own += u32::from(names_itself || OWN_CODES.contains(&reply.code.number()));
    }

    fn client_line(&mut self, line: &[u8]) {
        let Some(command) = grammar::command(line) else {
            return;
        };
        let verb = command.verb.as_str();
        let upper = line.to_ascii_uppercase();
        let begins = |words: &[&[u8]]| words.iter().any(|w| upper.starts_with(w));
        let own_auth = begins(&[b"AUTH TLS", b"AUTH SSL", b"AUTH GSSAPI", b"AUTH KERBEROS"]);
        self.own += u32::from(own_auth || OWN_VERBS.contains(&verb));
        // IRC: USER name host server :real name. SIP, RTSP and HTTP lines end with a version.
        let fields = line
            .split(u8::is_ascii_whitespace)
            .filter(|f| !f.is_empty())
            .count();
        let irc = verb == "USER" && fields >= 5 && memchr::memchr(b':', line).is_some();
        let versioned = [&b" HTTP/"[..], b" SIP/", b" RTSP/"]
            .iter()
            .any(|v| memchr::memmem::find(line, v).is_some());
        let first_word = line
            .split(u8::is_ascii_whitespace)
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        self.foreign |= !own_auth && begins(&[b"AUTH ", b"MODE READER"]);
        self.foreign |=
            irc || versioned || FOREIGN_VERBS.iter().any(|f| f.as_bytes() == first_word);
        if SHARED_VERBS.contains(&verb) {
            self.shared = true;
        } else if !OWN_VERBS.contains(&verb) {
            self.other_lines += 1;
        }
    }
}

/// Decides from both sides. `known_port` says that the port speaks for FTP.
pub(super) fn decide(client: Weights, server: Weights, known_port: bool, enough: bool) -> Verdict {
    let spoke = server.replies > 0;
    let score = 2 * client.own.min(2)
        + 2 * server.own.min(2)
        + u32::from(spoke)
        + u32::from(client.shared && (spoke || known_port))
        + u32::from(known_port);
    let silent_about_ftp = !spoke && server.other_lines > 0;
    if client.foreign && !known_port || server.foreign && server.own == 0 {
        return Verdict::Other;
    }
    if silent_about_ftp && !known_port {
        return Verdict::Other;
    }
    match score {
        2.. => Verdict::Ftp,
        _ if enough => Verdict::Other,
        _ => Verdict::Unsure,
    }
}

/// Which side is the server, by what both said; `None` when that does not tell.
pub(super) fn server_of(first: &[u8], second: &[u8]) -> Option<usize> {
    let replies = |bytes: &[u8]| weigh(Side::Server, bytes).replies;
    let verbs = |bytes: &[u8]| {
        let weights = weigh(Side::Client, bytes);
        weights.own + u32::from(weights.shared)
    };
    let first_serves = replies(first) + verbs(second);
    let second_serves = replies(second) + verbs(first);
    match first_serves.cmp(&second_serves) {
        std::cmp::Ordering::Greater => Some(0),
        std::cmp::Ordering::Less => Some(1),
        std::cmp::Ordering::Equal => None,
    }
}

/// True when the bytes can't be the start of a line of text: a TLS record, say.
pub(super) fn is_tls(bytes: &[u8]) -> bool {
    matches!(bytes, [0x14..=0x17, 0x03, ..] | [0x16]) || matches!(bytes, [0x80, _, 0x01, 0x03, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(client: &str, server: &str, known_port: bool, expected: Verdict) {
        let (client, server) = (
            weigh(Side::Client, client.as_bytes()),
            weigh(Side::Server, server.as_bytes()),
        );
        assert_eq!(decide(client, server, known_port, false), expected);
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
    fn the_server_is_who_replies() {
        assert_eq!(server_of(b"220 hi\r\n", b"USER x\r\n"), Some(0));
        assert_eq!(server_of(b"USER x\r\n", b""), Some(1));
        assert_eq!(server_of(b"", b""), None);
    }
}
