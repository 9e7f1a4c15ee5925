//! The grammar of single lines and arguments, with nom on whole lines.
//!
//! Every function takes bytes without the line's end and answers `None` where
//! they do not fit; nom's errors go no further.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nom::IResult;
use nom::Parser;
use nom::bytes::complete::{tag, take_till, take_while_m_n, take_while1};
use nom::character::complete::{self, char, digit1, one_of, space0};
use nom::combinator::{map_res, not, verify};
use nom::multi::separated_list1;
use nom::sequence::{delimited, preceded};

use crate::ftp::{Command, Host, ReplyCode, Verb};

/// A line that starts like a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyLine<'b> {
    /// The code.
    pub code: ReplyCode,
    /// True for `NNN `, false for `NNN-`.
    pub is_last: bool,
    /// What follows.
    pub text: &'b [u8],
}

/// `NNN text`, `NNN-text` or `NNN` alone (RFC 959 section 4.2).
pub fn reply_line(line: &[u8]) -> Option<ReplyLine<'_>> {
    let code = ReplyCode::from_digits(line)?;
    let (is_last, text) = match line.get(3) {
        None => (true, &[][..]),
        Some(b' ') => (true, line.get(4..)?),
        Some(b'-') => (false, line.get(4..)?),
        Some(_) => return None,
    };
    Some(ReplyLine {
        code,
        is_last,
        text,
    })
}

/// A command line. Any white space or control byte ends the verb; an empty line is no command.
pub fn command(line: &[u8]) -> Option<Command<'_>> {
    let is_blank = |b: &u8| *b <= b' ' || *b == 0x7f;
    let start = line.iter().position(|b| !is_blank(b))?;
    let line = line.get(start..)?;
    let end = line.iter().position(is_blank).unwrap_or(line.len());
    let (word, rest) = line.split_at_checked(end)?;
    Some(Command::new(Verb::new(word), rest.get(1..)))
}

fn byte(input: &[u8]) -> IResult<&[u8], u8> {
    complete::u8(input)
}

fn port(input: &[u8]) -> IResult<&[u8], u16> {
    complete::u16(input)
}

/// A comma between numbers; some servers put blanks around it.
fn comma(input: &[u8]) -> IResult<&[u8], char> {
    delimited(space0, char(','), space0).parse(input)
}

fn six_numbers(input: &[u8]) -> IResult<&[u8], (Ipv4Addr, u16)> {
    let next = || preceded(comma, byte);
    let (left, (a, b, c, d, high, low)) =
        (byte, next(), next(), next(), next(), next()).parse(input)?;
    let (left, ()) = not(next()).parse(left)?;
    Ok((
        left,
        (Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low])),
    ))
}

/// `h1,h2,h3,h4,p1,p2`, the argument of PORT (RFC 959 section 4.1.2).
pub fn host_port(argument: &[u8]) -> Option<(IpAddr, u16)> {
    let (_, (ip, port)) = six_numbers(argument.trim_ascii()).ok()?;
    Some((IpAddr::V4(ip), port))
}

/// What the first place in a text gives at which a number begins and the grammar fits.
fn first_number<T>(text: &[u8], read: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
    let mut at = text;
    let mut after_digit = false;
    while let Some((first, next)) = at.split_first() {
        if first.is_ascii_digit()
            && !after_digit
            && let Some(found) = read(at)
        {
            return Some(found);
        }
        after_digit = first.is_ascii_digit();
        at = next;
    }
    None
}

/// The address in a 227 reply's text. The brackets are optional in practice, so the first place that fits is taken
/// (RFC 1123 section 4.1.2.6).
pub fn passive(text: &[u8]) -> Option<(IpAddr, u16)> {
    first_number(text, |at| {
        let (_, (ip, port)) = six_numbers(at).ok()?;
        Some((IpAddr::V4(ip), port))
    })
}

/// A port and nothing else: the text of a 227 that answers SPSV.
pub fn short_passive(text: &[u8]) -> Option<u16> {
    let text = text.trim_ascii();
    let (left, port) = port(text).ok()?;
    (left.is_empty() || left == b".").then_some(port)
}

/// `af,hal,h1,…,pal,p1,…`: an address of RFC 1639.
fn long_address(input: &[u8]) -> Option<(IpAddr, u16)> {
    let (_, numbers) = separated_list1(comma, byte).parse(input).ok()?;
    let (&[family, length], rest) = numbers.split_first_chunk::<2>()?;
    let (host, rest) = rest.split_at_checked(usize::from(length))?;
    let &[2, high, low, ..] = rest else {
        return None;
    };
    let ip = match (family, host.len()) {
        (4, 4) => Ipv4Addr::from(<[u8; 4]>::try_from(host).ok()?).into(),
        (6, 16) => Ipv6Addr::from(<[u8; 16]>::try_from(host).ok()?).into(),
        _ => return None,
    };
    Some((ip, u16::from_be_bytes([high, low])))
}

/// The argument of LPRT (RFC 1639).
pub fn long_port(argument: &[u8]) -> Option<(IpAddr, u16)> {
    long_address(argument.trim_ascii())
}

/// The address in a 228 reply's text (RFC 1639).
pub fn long_passive(text: &[u8]) -> Option<(IpAddr, u16)> {
    first_number(text, long_address)
}

/// The port in a 229 reply's text: `(|||port|)` with any delimiter (RFC 2428 section 3), with brackets or without; and the
/// address, which some servers add and which the RFC forbids.
pub fn extended_passive(text: &[u8]) -> Option<(Option<IpAddr>, u16)> {
    fn inside(input: &[u8]) -> IResult<&[u8], (&[u8], u16)> {
        let (input, mark) = verify(nom::number::complete::u8, |d| {
            d.is_ascii_punctuation() && *d != b'('
        })
        .parse(input)?;
        let (input, _) = take_while_m_n(0, 1, |d| d == b'1' || d == b'2').parse(input)?;
        let (input, _) = tag(&[mark][..]).parse(input)?;
        let (input, address) = take_till(|b| b == mark).parse(input)?;
        let (input, _) = tag(&[mark][..]).parse(input)?;
        let (input, number) = port(input)?;
        let (input, _) = tag(&[mark][..]).parse(input)?;
        Ok((input, (address, number)))
    }
    let mut at = text;
    while !at.is_empty() {
        if let Ok((_, (address, port))) = inside(at) {
            let address = std::str::from_utf8(address).ok();
            return Some((address.and_then(|a| a.parse().ok()), port));
        }
        at = at.get(1..)?;
    }
    None
}

/// `|proto|address|port|`, the argument of EPRT (RFC 2428 section 2).
pub fn extended_port(argument: &[u8]) -> Option<(IpAddr, u16)> {
    fn fields(input: &[u8]) -> IResult<&[u8], (u8, &[u8], u16)> {
        let (input, mark) =
            verify(nom::number::complete::u8, |d| (33..=126).contains(d)).parse(input)?;
        let (input, family) = map_res(one_of("12"), |c| u8::try_from(u32::from(c))).parse(input)?;
        let (input, _) = tag(&[mark][..]).parse(input)?;
        let (input, address) = take_while1(|b| b != mark)(input)?;
        let (input, _) = tag(&[mark][..]).parse(input)?;
        let (input, number) = port(input)?;
        Ok((input, (family, address, number)))
    }
    let (_, (family, address, port)) = fields(argument.trim_ascii()).ok()?;
    let ip = std::str::from_utf8(address).ok()?;
    let ip = if family == b'1' {
        ip.parse::<Ipv4Addr>().ok()?.into()
    } else {
        ip.parse::<Ipv6Addr>().ok()?.into()
    };
    Some((ip, port))
}

/// The bytes that a 150 promises: `Opening BINARY mode data connection for x (12345 bytes).` The last bracket counts, a
/// file name may hold others.
pub fn promised_bytes(text: &[u8]) -> Option<u64> {
    fn size(input: &[u8]) -> IResult<&[u8], u64> {
        let (input, number) = map_res(digit1, |digits: &[u8]| {
            std::str::from_utf8(digits)
                .unwrap_or_default()
                .parse::<u64>()
        })
        .parse(input)?;
        let (input, _) = tag(" byte")(input)?;
        Ok((input, number))
    }
    let open = memchr::memrchr(b'(', text)?;
    size(text.get(open + 1..)?).ok().map(|(_, number)| number)
}

/// A number and nothing else: 213 after SIZE (RFC 3659 section 4).
pub fn size(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text.trim_ascii()).ok()?.parse().ok()
}

/// True for addresses that can't be reached from another network: private (RFC 1918), loopback, link-local, shared (RFC
/// 6598), unique local, unspecified.
pub fn is_unroutable(host: &Host) -> bool {
    match host.ip() {
        Some(IpAddr::V4(ip)) => {
            let shared = matches!(ip.octets(), [100, 64..=127, ..]);
            ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_unspecified()
                || shared
        }
        Some(IpAddr::V6(ip)) => {
            ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_unique_local()
                || ip.is_unicast_link_local()
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reply_lines() {
        let read = |l: &'static [u8]| reply_line(l).map(|r| (r.code.number(), r.is_last, r.text));
        assert_eq!(read(b"220 hi"), Some((220, true, &b"hi"[..])));
        assert_eq!(read(b"220-hi"), Some((220, false, &b"hi"[..])));
        assert_eq!(read(b"220"), Some((220, true, &b""[..])));
        assert_eq!(read(b"220hi"), None);
        assert_eq!(read(b"127.0.0.1"), None);
    }

    #[test]
    fn command_lines() {
        let read =
            |l: &'static [u8]| command(l).map(|c| (c.verb.as_str().to_owned(), c.argument()));
        assert_eq!(read(b"retr a b"), Some(("RETR".into(), Some(&b"a b"[..]))));
        assert_eq!(read(b"  QUIT"), Some(("QUIT".into(), None)));
        assert_eq!(read(b"PASS\thunter2"), Some(("PASS".into(), None)));
        assert_eq!(read(b"PASS\x01hunter2"), Some(("PASS".into(), None)));
        assert_eq!(read(b""), None);
        assert_eq!(read(b"\x16\x03\x01\x02"), None);
    }

    #[test]
    fn addresses() {
        let v4 = |a, b, c, d| IpAddr::V4(Ipv4Addr::new(a, b, c, d));
        assert_eq!(
            host_port(b"192,0,2,1,200,13"),
            Some((v4(192, 0, 2, 1), 51_213))
        );
        assert_eq!(host_port(b"192,0,2,1,256,13"), None);
        assert_eq!(
            passive(b"Entering Passive Mode (10,0,0,5,195,80)."),
            Some((v4(10, 0, 0, 5), 50_000))
        );
        assert_eq!(passive(b"=10,0,0,5,0,80"), Some((v4(10, 0, 0, 5), 80)));
        assert_eq!(passive(b"1,2,3 passive"), None);
        assert_eq!(
            extended_passive(b"Entering Extended Passive Mode (|||6446|)"),
            Some((None, 6446))
        );
        assert_eq!(extended_passive(b"(!!!6446!)"), Some((None, 6446)));
        assert_eq!(extended_passive(b"no"), None);
        assert_eq!(
            extended_port(b"|2|2001:db8::1|5282|"),
            Some(("2001:db8::1".parse().unwrap(), 5282))
        );
        assert_eq!(
            extended_port(b"|1|192.0.2.1|5282|"),
            Some((v4(192, 0, 2, 1), 5282))
        );
        assert_eq!(extended_port(b"|3|x|5282|"), None);
    }

    #[test]
    fn addresses_as_servers_write_them() {
        let v4 = |a, b, c, d| IpAddr::V4(Ipv4Addr::new(a, b, c, d));
        let at = Some((v4(192, 0, 2, 10), 51_213));
        for text in [
            "Entering Passive Mode (192,0,2,10,200,13)",
            "Entering Passive Mode 192,0,2,10,200,13",
            "Entering Passive Mode (192, 0, 2, 10, 200, 13).",
            "Entering Passive Mode ( 192 ,0,2,10 ,200,13 )",
            "=192,0,2,10,200,13",
            "PASV ok [192,0,2,10,200,13]",
            "Mode 2 (192,0,2,10,200,13)",
        ] {
            assert_eq!(passive(text.as_bytes()), at, "{text}");
        }
        assert_eq!(short_passive(b" 50000. "), Some(50_000));
        assert_eq!(short_passive(b"50000 is it"), None);
        let long = "4,4,192,0,2,10,2,200,13";
        assert_eq!(long_port(long.as_bytes()), at);
        let text = format!("Entering Long Passive Mode ({long})");
        assert_eq!(long_passive(text.as_bytes()), at);
        let six = b"6,16,32,1,13,184,0,0,0,0,0,0,0,0,0,0,0,1,2,20,162";
        assert_eq!(long_port(six), Some(("2001:db8::1".parse().unwrap(), 5282)));
        for broken in [
            "4,4,192,0,2,10",
            "4,16,1,2,3,4,2,1,1",
            "5,1,1,2,1,1",
            "4,255,1",
            "",
        ] {
            assert_eq!(long_port(broken.as_bytes()), None, "{broken}");
        }
        for (text, ip) in [
            ("ok (|1|192.0.2.10|51213|)", Some(v4(192, 0, 2, 10))),
            (
                "ok (|2|2001:db8::1|51213|)",
                Some("2001:db8::1".parse().unwrap()),
            ),
            ("ok |||51213|", None),
            ("Entering (Extended) Passive Mode (|||51213|)", None),
            ("ok (||nonsense|51213|)", None),
        ] {
            assert_eq!(
                extended_passive(text.as_bytes()),
                Some((ip, 51_213)),
                "{text}"
            );
        }
        assert_eq!(extended_passive(b"(|||70000|)"), None);
    }

    #[test]
    fn sizes() {
        assert_eq!(
            promised_bytes(b"Opening BINARY mode data connection for a (1 bytes) (77 bytes)."),
            Some(77)
        );
        assert_eq!(promised_bytes(b"Here comes the directory listing."), None);
        assert_eq!(size(b"4212"), Some(4212));
    }
}
