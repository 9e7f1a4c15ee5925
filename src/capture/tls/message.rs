//! Handshake messages of TLS become facts (RFC 5246 section 7.4, RFC 8446 section 4).
//!
//! A message may be cut, because a capture may hold the first bytes of each
//! packet only: what is whole of it counts. Everything up to the keys' use is
//! read, nothing behind it. Certificates are the business of `x509-parser`.

use nom::IResult;
use nom::Parser;
use nom::bytes::complete::take;
use nom::multi::many0;
use nom::number::complete::{be_u8, be_u16, be_u24};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};
use x509_parser::time::ASN1Time;

use crate::ftp::{Certificate, TlsRecord, TlsVersion};
use crate::limits;
use crate::text::Text;
use crate::time::Timestamp;

/// The random of a server's hello that asks the client for another one (RFC 8446 section 4.1.3), its first bytes.
const HELLO_RETRY: [u8; 8] = [0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11];

/// No number of a session.
pub(super) const NO_SESSION: [u8; 32] = [0; 32];

/// Bytes of a name that are kept.
const NAME_BYTES: usize = 256;

/// A hello of either side: what both have. Of a cut one, what is whole.
#[derive(Debug, Default)]
struct Hello<'b> {
    version: u16,
    random: &'b [u8],
    session: &'b [u8],
    cipher: Option<u16>,
    extensions: Vec<(u16, &'b [u8])>,
    /// All of it was captured.
    whole: bool,
}

fn block8(input: &[u8]) -> IResult<&[u8], &[u8]> {
    let (input, length) = be_u8(input)?;
    take(length)(input)
}

fn block16(input: &[u8]) -> IResult<&[u8], &[u8]> {
    let (input, length) = be_u16(input)?;
    take(length)(input)
}

fn start(input: &[u8]) -> IResult<&[u8], Hello<'_>> {
    let (input, version) = be_u16(input)?;
    let (input, random) = take(32usize)(input)?;
    let (input, session) = block8(input)?;
    let hello = Hello {
        version,
        random,
        session,
        ..Hello::default()
    };
    Ok((input, hello))
}

fn extension(input: &[u8]) -> IResult<&[u8], (u16, &[u8])> {
    (be_u16, block16).parse(input)
}

impl<'b> Hello<'b> {
    /// Takes the extensions behind their length, as far as they are there. Hellos before TLS 1.2 may have none.
    fn extend(&mut self, input: &'b [u8]) {
        let Ok((input, length)) = be_u16::<_, nom::error::Error<_>>(input) else {
            self.whole = input.is_empty() && self.version < 0x0303;
            return;
        };
        let inside = input.get(..usize::from(length));
        self.whole = inside.is_some();
        if let Ok((_, extensions)) = many0(extension).parse(inside.unwrap_or(input)) {
            self.extensions = extensions;
        }
    }
}

fn client(input: &[u8]) -> IResult<&[u8], Hello<'_>> {
    let (rest, mut hello) = start(input)?;
    if let Ok((rest, (_ciphers, _compressions))) = (block16, block8).parse(rest) {
        hello.extend(rest);
    }
    Ok((rest, hello))
}

fn server(input: &[u8]) -> IResult<&[u8], Hello<'_>> {
    fn choice(input: &[u8]) -> IResult<&[u8], (u16, u8)> {
        (be_u16, be_u8).parse(input)
    }
    let (rest, mut hello) = start(input)?;
    if let Ok((rest, (cipher, _compression))) = choice(rest) {
        hello.cipher = Some(cipher);
        hello.extend(rest);
    }
    Ok((rest, hello))
}

/// RFC 8701: numbers that clients send to be passed over.
fn is_grease(number: u16) -> bool {
    number & 0x0f0f == 0x0a0a
}

/// A client's hello. The second one, after a retry, says the same. Gives back the number of the session that it names.
pub(super) fn client_hello(body: &[u8], facts: &mut TlsRecord) -> [u8; 32] {
    let Ok((_, hello)) = client(body) else {
        return NO_SESSION;
    };
    facts.offered = vec![TlsVersion(hello.version)];
    let mut ticket = false;
    for (kind, content) in hello.extensions {
        match kind {
            0 => facts.server_name = name(content),
            16 => facts.protocols = protocols(content),
            35 => ticket = !content.is_empty(),
            41 => facts.offers_resumption = true,
            43 => facts.offered = versions(content),
            _ => {}
        }
    }
    // With TLS 1.3 the session's number only looks like one (RFC 8446 section 4.1.2).
    let modern = facts.offered.contains(&TlsVersion::TLS13);
    facts.offers_resumption |= ticket || !modern && !hello.session.is_empty();
    number(hello.session)
}

/// A server's hello. Gives back the number of the session; `None` where it is not readable, or asks for another hello.
pub(super) fn server_hello(body: &[u8], facts: &mut TlsRecord) -> Option<[u8; 32]> {
    let (_, hello) = server(body).ok()?;
    let mut version = TlsVersion(hello.version);
    let mut taken_up = false;
    for (kind, content) in &hello.extensions {
        match (kind, content) {
            (43, &&[high, low]) => version = TlsVersion(u16::from_be_bytes([high, low])),
            (41, _) => taken_up = true,
            _ => {}
        }
    }
    facts.cipher = hello.cipher.or(facts.cipher);
    if version.0 == 0x0303 && !hello.whole {
        return None; // what makes it TLS 1.3 may be in the part that is missing
    }
    facts.version = Some(version);
    if hello.random.starts_with(&HELLO_RETRY) {
        return None;
    }
    if version == TlsVersion::TLS13 {
        facts.resumed = Some(taken_up);
        return Some(NO_SESSION);
    }
    Some(number(hello.session))
}

fn number(session: &[u8]) -> [u8; 32] {
    let mut number = NO_SESSION;
    for (to, from) in number.iter_mut().zip(session) {
        *to = *from;
    }
    number
}

fn name(content: &[u8]) -> Option<Text> {
    fn host(input: &[u8]) -> IResult<&[u8], (u16, u8, &[u8])> {
        (be_u16, be_u8, block16).parse(input)
    }
    let (_, (_, kind, name)) = host(content).ok()?;
    (kind == 0 && !name.is_empty()).then(|| Text::cut(name, NAME_BYTES))
}

fn protocols(content: &[u8]) -> Vec<Text> {
    fn list(input: &[u8]) -> IResult<&[u8], Vec<&[u8]>> {
        let (input, _) = be_u16(input)?;
        many0(block8).parse(input)
    }
    let names = list(content).map(|(_, names)| names).unwrap_or_default();
    let real = |name: &&&[u8]| !matches!(***name, [a, b] if a == b && a & 0x0f == 0x0a);
    let names = names.iter().filter(real).take(limits::CERTIFICATE_NAMES);
    names.map(|name| Text::cut(name, NAME_BYTES)).collect()
}

fn versions(content: &[u8]) -> Vec<TlsVersion> {
    fn list(input: &[u8]) -> IResult<&[u8], Vec<u16>> {
        let (_, inside) = block8(input)?;
        many0(be_u16).parse(inside)
    }
    let numbers = list(content)
        .map(|(_, numbers)| numbers)
        .unwrap_or_default();
    let real = numbers.into_iter().filter(|n| !is_grease(*n));
    let mut versions: Vec<TlsVersion> = real.map(TlsVersion).collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    versions.dedup();
    versions
}

/// The first certificate of a message, which is the sender's own; `None` where it sends none.
fn first_certificate(body: &[u8]) -> Option<&[u8]> {
    fn first(input: &[u8]) -> IResult<&[u8], &[u8]> {
        let (input, _) = be_u24(input)?;
        let (input, length) = be_u24(input)?;
        take(length)(input)
    }
    first(body)
        .ok()
        .map(|(_, der)| der)
        .filter(|der| !der.is_empty())
}

/// The server's certificates.
pub(super) fn server_certificates(body: &[u8], facts: &mut TlsRecord) {
    let certificate = first_certificate(body).and_then(certificate);
    facts.certificate = certificate.map(Box::new).or(facts.certificate.take());
}

/// The client's certificates: whether there is one.
pub(super) fn client_certificates(body: &[u8], facts: &mut TlsRecord) {
    facts.client_certificate = Some(body.get(..3).is_some_and(|length| length != [0, 0, 0]));
}

fn certificate(der: &[u8]) -> Option<Certificate> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    let names = parsed.subject_alternative_name().ok().flatten();
    let names = names
        .map(|e| e.value.general_names.as_slice())
        .unwrap_or_default();
    let validity = parsed.validity();
    Some(Certificate {
        subject: common_name(parsed.subject()),
        issuer: common_name(parsed.issuer()),
        self_issued: parsed.subject() == parsed.issuer(),
        names: names
            .iter()
            .filter_map(alternative)
            .take(limits::CERTIFICATE_NAMES)
            .collect(),
        not_before: Some(moment(validity.not_before)),
        not_after: Some(moment(validity.not_after)),
    })
}

fn moment(time: ASN1Time) -> Timestamp {
    Timestamp::from_seconds(time.timestamp(), 0)
}

fn common_name(name: &X509Name<'_>) -> Text {
    let common = name.iter_common_name().next().and_then(|n| n.as_str().ok());
    let all = || Text::cut(name.to_string().as_bytes(), NAME_BYTES);
    common.map_or_else(all, |common| Text::cut(common.as_bytes(), NAME_BYTES))
}

fn alternative(name: &GeneralName<'_>) -> Option<Text> {
    match name {
        GeneralName::DNSName(name) => Some(Text::cut(name.as_bytes(), NAME_BYTES)),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(std::net::IpAddr::from);
            let v6 = || <[u8; 16]>::try_from(*bytes).map(std::net::IpAddr::from);
            v4.or_else(|_| v6())
                .ok()
                .map(|ip| Text::from(ip.to_string()))
        }
        _ => None,
    }
}
