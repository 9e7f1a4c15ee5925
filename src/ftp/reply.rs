//! Reply codes and replies (RFC 959 section 4.2).
//!
//! A code is a number that knows its class; which codes exist is the
//! catalogue's business.

use std::borrow::Cow;

/// A three-digit reply code, 100 to 699.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyCode(u16);

impl ReplyCode {
    /// A code from a number; `None` outside 100..=699.
    pub fn new(number: u16) -> Option<Self> {
        (100..=699).contains(&number).then_some(Self(number))
    }

    /// A code from the three digits at the start of a line.
    pub fn from_digits(line: &[u8]) -> Option<Self> {
        let (&[a, b, c], _) = line.split_first_chunk::<3>()?;
        if ![a, b, c].iter().all(u8::is_ascii_digit) {
            return None;
        }
        let digit = |d: u8| u16::from(d - b'0');
        Self::new(digit(a) * 100 + digit(b) * 10 + digit(c))
    }

    /// The number.
    pub fn number(self) -> u16 {
        self.0
    }

    /// What the first digit says.
    pub fn class(self) -> ReplyClass {
        match self.0 / 100 {
            1 => ReplyClass::Preliminary,
            2 => ReplyClass::Completion,
            3 => ReplyClass::Intermediate,
            4 => ReplyClass::TransientNegative,
            5 => ReplyClass::PermanentNegative,
            _ => ReplyClass::Protected,
        }
    }

    /// True for 4yz and 5yz.
    pub fn is_negative(self) -> bool {
        matches!(
            self.class(),
            ReplyClass::TransientNegative | ReplyClass::PermanentNegative
        )
    }
}

/// First digit of a code: RFC 959 section 4.2 for 1 to 5, RFC 2228 for 6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReplyClass {
    /// 1yz: begun, another reply follows.
    Preliminary,
    /// 2yz: done.
    Completion,
    /// 3yz: more is needed from the client.
    Intermediate,
    /// 4yz: refused, may work later.
    TransientNegative,
    /// 5yz: refused.
    PermanentNegative,
    /// 6yz: a protected reply.
    Protected,
}

impl ReplyClass {
    /// All classes in order.
    pub const ALL: [Self; 6] = [
        Self::Preliminary,
        Self::Completion,
        Self::Intermediate,
        Self::TransientNegative,
        Self::PermanentNegative,
        Self::Protected,
    ];

    /// The first digit.
    pub fn digit(self) -> u8 {
        match self {
            Self::Preliminary => 1,
            Self::Completion => 2,
            Self::Intermediate => 3,
            Self::TransientNegative => 4,
            Self::PermanentNegative => 5,
            Self::Protected => 6,
        }
    }
}

/// How a reply is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Evidence {
    /// The source holds the reply itself.
    Observed,
    /// The source holds a message that stands for exactly this code (vsftpd's `FAIL LOGIN` for 530).
    Implied {
        /// The message.
        by: &'static str,
    },
}

/// A reply of which a source tells no code that counts: it may have one of several, or the number that stands there is one
/// that its writer always prints.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uncounted {
    /// The message that stands for it, or who prints the number.
    pub by: Cow<'static, str>,
    /// The codes that it may have, lowest first; of a constant, the number that is printed.
    pub codes: Cow<'static, [u16]>,
    /// True for what the writer always prints: it tells nothing.
    pub is_constant: bool,
}

impl Uncounted {
    /// A message that stands for one of several replies.
    pub const fn one_of(codes: &'static [u16], by: &'static str) -> Self {
        Self {
            by: Cow::Borrowed(by),
            codes: Cow::Borrowed(codes),
            is_constant: false,
        }
    }

    /// A number that the writer always prints.
    pub const fn constant(code: &'static [u16; 1], by: &'static str) -> Self {
        Self {
            by: Cow::Borrowed(by),
            codes: Cow::Borrowed(code),
            is_constant: true,
        }
    }
}

/// One reply, of one or more lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply<'b> {
    /// The code.
    pub code: ReplyCode,
    /// All lines joined with LF; the code is taken off the first and last line.
    pub text: Cow<'b, [u8]>,
    /// The number of lines.
    pub lines: u32,
    /// How it is known.
    pub evidence: Evidence,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_make_a_code_only_from_100_to_699() {
        let read = |line: &[u8]| ReplyCode::from_digits(line).map(ReplyCode::number);
        assert_eq!(read(b"226 Done"), Some(226));
        assert_eq!(read(b"631 protected"), Some(631));
        assert_eq!(read(b"099 no"), None);
        assert_eq!(read(b"700 no"), None);
        assert_eq!(read(b"22"), None);
        assert_eq!(read(b"2x6 no"), None);
    }
    #[test]
    fn the_first_digit_is_the_class() {
        for class in ReplyClass::ALL {
            let digit = u16::from(class.digit());
            for code in [digit * 100, digit * 100 + 26, digit * 100 + 99] {
                let code = ReplyCode::new(code).unwrap();
                assert_eq!(code.class(), class);
                assert_eq!(code.is_negative(), digit == 4 || digit == 5);
            }
        }
        let digits = ReplyClass::ALL.map(ReplyClass::digit);
        assert_eq!(digits, [1, 2, 3, 4, 5, 6]);
    }
}
