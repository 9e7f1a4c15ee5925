//! Commands (RFC 959 section 4.1), without their secrets.
//!
//! The only place in the program that ever sees a password: [`Command::new`]
//! drops it, so no later stage can show it.

use std::fmt;

/// Up to eight upper-case letters or digits, inline. Anything else that stood where a verb should is [`Verb::ODD`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Verb([u8; 8]);

/// Letters as upper-case ones, and digits; 0 for what a verb does not hold.
static UPPER: [u8; 256] = {
    let mut upper = [0; 256];
    let mut byte = 0;
    while byte < 128_u8 {
        if byte.is_ascii_alphanumeric() {
            #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
            (upper[byte as usize] = byte.to_ascii_uppercase());
        }
        byte += 1;
    }
    upper
};

/// Names of verbs that code asks for; [`Verb`] itself knows any.
macro_rules! verbs {
    ($($name:ident),* $(,)?) => {
        #[expect(missing_docs, reason = "each is the command of its name")]
        impl Verb {
            $(pub const $name: Self = Self::constant(stringify!($name));)*
        }
    };
}

#[rustfmt::skip]
verbs! {
    ABOR, ACCT, ADAT, ALLO, APOP, APPE, APSS, AUTH, AUTHINFO, CDUP, CWD, DELE, EPRT, EPSV, HOST, LIST, LOGIN, LPRT,
    LPSV, MDTM, MLSD, MODE, NLST, NOOP, PAS, PASS, PASV, PORT, PROT, PSAS, PSS, QUIT, REIN, REST, RETR, RMD, RNFR,
    RNTO, SITE, SIZE, SPSV, STAT, STOR, STOU, TYPE, USER, XCUP, XCWD, XPASS,
}

impl Verb {
    /// Stands for a first word that is no verb: too long, or not letters and digits.
    pub const ODD: Self = Self(*b"?\0\0\0\0\0\0\0");
    /// Stands for the connection itself where a table is by verb: the greeting answers it.
    pub const CONNECT: Self = Self(*b"connect\0");

    const fn constant(word: &str) -> Self {
        let word = word.as_bytes();
        let mut verb = [0; 8];
        let mut at = 0;
        while at < word.len() {
            #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
            (verb[at] = word[at]);
            at += 1;
        }
        Self(verb)
    }

    /// One number per verb, in the order of their letters; none has 0.
    pub const fn number(self) -> u64 {
        u64::from_be_bytes(self.0)
    }

    /// Eight letters at once: a pattern would compare one after the other.
    fn is_one_of<const N: usize>(self, verbs: [Self; N]) -> bool {
        verbs
            .iter()
            .fold(false, |is, verb| is | (self.number() == verb.number()))
    }

    /// A verb from a word of any case. A word that begins with PASS and is longer is none: it may hold the password.
    pub fn new(word: &[u8]) -> Self {
        let glued = word.len() > 4
            && word
                .get(..4)
                .is_some_and(|w| w.eq_ignore_ascii_case(b"PASS"));
        if word.is_empty() || word.len() > 8 || glued {
            return Self::ODD;
        }
        let mut verb = [0; 8];
        for (to, from) in verb.iter_mut().zip(word) {
            *to = UPPER.get(usize::from(*from)).copied().unwrap_or(0);
            if *to == 0 {
                return Self::ODD;
            }
        }
        Self(verb)
    }

    /// The verb as text.
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|b| *b == 0).unwrap_or(8);
        // Always ASCII by construction.
        self.0
            .get(..end)
            .and_then(|b| std::str::from_utf8(b).ok())
            .unwrap_or("?")
    }

    /// True for the commands that use a data connection (RFC 959 sections 4.1.3 and 3.2; MLSD: RFC 3659 section 7).
    #[rustfmt::skip]
    pub fn is_transfer(&self) -> bool {
        self.is_one_of([Self::RETR, Self::STOR, Self::STOU, Self::APPE, Self::LIST, Self::NLST, Self::MLSD])
    }

    /// True for PASV, EPSV and their kin: the server listens.
    pub fn is_passive(&self) -> bool {
        self.is_one_of([Self::PASV, Self::EPSV, Self::LPSV, Self::SPSV])
    }

    /// True for PORT, EPRT and LPRT: the client listens.
    pub fn is_active(&self) -> bool {
        self.is_one_of([Self::PORT, Self::EPRT, Self::LPRT])
    }

    /// True for the verbs whose argument is a secret (RFC 959: PASS, ACCT; RFC 2228: ADAT), for what looks like a misspelt
    /// PASS, and for the same of other protocols.
    #[rustfmt::skip]
    pub fn is_secret(&self) -> bool {
        self.is_one_of([
            Self::PASS, Self::ACCT, Self::ADAT, Self::XPASS, Self::PAS, Self::PSS, Self::PSAS, Self::APSS,
            Self::AUTHINFO, Self::APOP, Self::LOGIN,
        ])
    }
}

impl Ord for Verb {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.number().cmp(&other.number())
    }
}

impl PartialOrd for Verb {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl std::hash::Hash for Verb {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write_u64(self.number());
    }
}

impl fmt::Debug for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A command line, cut into verb and argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command<'b> {
    /// The verb.
    pub verb: Verb,
    argument: Option<&'b [u8]>,
    secret: bool,
}

impl<'b> Command<'b> {
    /// A command from its two parts. What is or may be a secret is dropped here: the arguments of [`Verb::is_secret`], what
    /// follows an odd first word, and of AUTH all but the mechanism (SMTP sends passwords in it).
    pub fn new(verb: Verb, argument: Option<&'b [u8]>) -> Self {
        let secret = verb.is_secret() || verb == Verb::ODD || is_secret_site(verb, argument);
        let argument = argument.filter(|a| !secret && !a.is_empty());
        let word = |a: &'b [u8]| a.split(u8::is_ascii_whitespace).next().unwrap_or_default();
        let argument = if verb == Verb::AUTH {
            argument.map(word)
        } else {
            argument
        };
        Self {
            verb,
            argument,
            secret,
        }
    }

    /// The argument as sent; `None` when there is none or when it is a secret.
    pub fn argument(&self) -> Option<&'b [u8]> {
        self.argument
    }

    /// True when the argument was not kept because it is a secret.
    pub fn is_secret(&self) -> bool {
        self.secret
    }
}

/// `SITE PSWD old new` and its kin change a password (Serv-U, glFTPd, Pure-FTPd patches).
fn is_secret_site(verb: Verb, argument: Option<&[u8]>) -> bool {
    let word = argument
        .and_then(|a| a.split(u8::is_ascii_whitespace).next())
        .unwrap_or_default();
    let secret: [&[u8]; 5] = [b"PSWD", b"PASS", b"PASSWD", b"GPASS", b"CHPASS"];
    verb == Verb::SITE && secret.iter().any(|s| s.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_are_upper_case_and_bounded() {
        assert_eq!(Verb::new(b"retr").as_str(), "RETR");
        assert_eq!(Verb::new(b"GET/HTTP"), Verb::ODD);
        assert_eq!(Verb::new(b"ABCDEFGHI"), Verb::ODD);
        assert_eq!(Verb::new(b"PASShunt"), Verb::ODD);
        assert_eq!(Verb::new(b"ABCDEFGH").as_str(), "ABCDEFGH");
    }

    #[test]
    fn verbs_are_of_one_kind_or_none() {
        let kinds = |verb: &str| {
            let verb = Verb::new(verb.as_bytes());
            [verb.is_transfer(), verb.is_passive(), verb.is_active()]
        };
        for verb in ["RETR", "STOR", "STOU", "APPE", "LIST", "NLST", "MLSD"] {
            assert_eq!(kinds(verb), [true, false, false], "{verb}");
        }
        for verb in ["PASV", "EPSV", "LPSV", "SPSV"] {
            assert_eq!(kinds(verb), [false, true, false], "{verb}");
        }
        for verb in ["PORT", "EPRT", "LPRT"] {
            assert_eq!(kinds(verb), [false, false, true], "{verb}");
        }
        for verb in ["MLST", "STAT", "USER", "QUIT"] {
            assert_eq!(kinds(verb), [false; 3], "{verb}");
        }
        assert_eq!(format!("{:?} {:>5}", Verb::RETR, Verb::RETR), "RETR  RETR");
    }

    #[test]
    fn secrets_are_gone() {
        for verb in ["PASS", "pass", "Acct", "ADAT"] {
            let command = Command::new(Verb::new(verb.as_bytes()), Some(b"hunter2"));
            assert_eq!(command.argument(), None);
            assert!(command.is_secret());
            assert!(!format!("{command:?}").contains("hunter2"));
        }
        assert_eq!(
            Command::new(Verb::new(b"USER"), Some(b"bob")).argument(),
            Some(&b"bob"[..])
        );
        assert!(Command::new(Verb::new(b"SITE"), Some(b"pswd hunter2 hunter3")).is_secret());
        assert!(
            Command::new(Verb::new(b"SITE"), Some(b"CHMOD 600 x"))
                .argument()
                .is_some()
        );
    }
}
