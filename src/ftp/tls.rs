//! What can be read of a TLS connection without its keys (RFC 5246, RFC 8446).
//!
//! Versions, names, the certificate, alerts, whether an older session was taken
//! up again, whether the two sides came to terms. Numbers stay numbers; names
//! are looked up for whoever shows them.

use crate::diagnostic::Origin;
use crate::ftp::Side;
use crate::text::Text;
use crate::time::Timestamp;

/// A version of TLS, as it stands in a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TlsVersion(pub u16);

impl TlsVersion {
    /// TLS 1.3 (RFC 8446 section 4.2.1).
    pub const TLS13: Self = Self(0x0304);

    /// The name: `TLSv1.2`; of an unknown one the number, in hexadecimal.
    pub fn name(self) -> String {
        match self.0 {
            0x0002 => "SSLv2".to_owned(),
            0x0300 => "SSLv3".to_owned(),
            0x0301 => "TLSv1.0".to_owned(),
            0x0302 => "TLSv1.1".to_owned(),
            0x0303 => "TLSv1.2".to_owned(),
            0x0304 => "TLSv1.3".to_owned(),
            other => format!("0x{other:04x}"),
        }
    }

    /// The version in a client's words, with or without a `v`: `TLSv1.3`, `TLS1.3`, `SSLv3`.
    pub fn named(words: &[u8]) -> Option<Self> {
        let plain: Vec<u8> = words.iter().copied().filter(|b| *b != b'v').collect();
        Some(Self(match &*plain {
            b"SSL3" => 0x0300,
            b"TLS1" | b"TLS1.0" => 0x0301,
            b"TLS1.1" => 0x0302,
            b"TLS1.2" => 0x0303,
            b"TLS1.3" => 0x0304,
            _ => return None,
        }))
    }
}

/// A certificate that was sent in clear (up to TLS 1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The subject's common name, or all of the subject where it has none.
    pub subject: Text,
    /// The issuer's.
    pub issuer: Text,
    /// True when subject and issuer are the same.
    pub self_issued: bool,
    /// Names and addresses that it is for (RFC 5280 section 4.2.1.6), at most [`crate::limits::CERTIFICATE_NAMES`].
    pub names: Vec<Text>,
    /// Not valid before.
    pub not_before: Option<Timestamp>,
    /// Not valid after.
    pub not_after: Option<Timestamp>,
}

/// An alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alert {
    /// Who sent it.
    pub sender: Side,
    /// Level and description, where they could be read: a TLS 1.3 alert and one after the handshake can't.
    pub read: Option<(u8, u8)>,
    /// The packet that holds it.
    pub origin: Origin,
}

impl Alert {
    /// True when it ended the connection: all but warnings and `close_notify`.
    pub fn is_fatal(&self) -> bool {
        self.read
            .is_some_and(|(level, description)| level != 1 && description != 0)
    }

    /// The description's name (RFC 8446 section 6), or `unknown`.
    pub fn name(&self) -> Option<&'static str> {
        let (_, description) = self.read?;
        let named = ALERTS.iter().find(|(number, _)| *number == description);
        Some(named.map_or("unknown", |(_, name)| name))
    }

    /// True when it is about a certificate: its form, its dates, its issuer, or that there is none.
    pub fn is_about_certificate(&self) -> bool {
        matches!(self.read, Some((_, 41..=46 | 48 | 111..=114 | 116)))
    }
}

/// Descriptions of alerts: RFC 8446 section 6, RFC 5246 section 7.2, RFC 6066 section 9.
#[rustfmt::skip]
const ALERTS: [(u8, &str); 34] = [
    (0, "close_notify"), (10, "unexpected_message"), (20, "bad_record_mac"), (21, "decryption_failed"),
    (22, "record_overflow"), (30, "decompression_failure"), (40, "handshake_failure"), (41, "no_certificate"),
    (42, "bad_certificate"), (43, "unsupported_certificate"), (44, "certificate_revoked"), (45, "certificate_expired"),
    (46, "certificate_unknown"), (47, "illegal_parameter"), (48, "unknown_ca"), (49, "access_denied"),
    (50, "decode_error"), (51, "decrypt_error"), (60, "export_restriction"), (70, "protocol_version"),
    (71, "insufficient_security"), (80, "internal_error"), (86, "inappropriate_fallback"), (90, "user_canceled"),
    (100, "no_renegotiation"), (109, "missing_extension"), (110, "unsupported_extension"),
    (111, "certificate_unobtainable"), (112, "unrecognized_name"), (113, "bad_certificate_status_response"),
    (114, "bad_certificate_hash_value"), (115, "unknown_psk_identity"), (116, "certificate_required"),
    (120, "no_application_protocol"),
];

/// What was seen of one TLS connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsRecord {
    /// The packet with the client's hello.
    pub hello: Option<Origin>,
    /// The versions that the client offers, newest first.
    pub offered: Vec<TlsVersion>,
    /// The name of the server that the client asks for (RFC 6066 section 3).
    pub server_name: Option<Text>,
    /// The protocols that the client offers (RFC 7301).
    pub protocols: Vec<Text>,
    /// The version that the server chose.
    pub version: Option<TlsVersion>,
    /// The cipher suite that the server chose.
    pub cipher: Option<u16>,
    /// The client has an older session that it would take up again.
    pub offers_resumption: bool,
    /// Whether the server took it up; `None` where its answer was not seen.
    pub resumed: Option<bool>,
    /// The server's certificate, where it was sent in clear.
    pub certificate: Option<Box<Certificate>>,
    /// The server asks for a certificate of the client, as far as that is sent in clear.
    pub wants_certificate: bool,
    /// Whether the client sent one when asked.
    pub client_certificate: Option<bool>,
    /// Whether both sides came to terms; `None` where bytes were lost before that was clear, or the capture ends.
    pub completed: Option<bool>,
    /// Content was sent. With TLS 1.3 that looks like the handshake, and this stays false.
    pub content: bool,
    /// Alerts, in order, at most [`crate::limits::TLS_ALERTS`].
    pub alerts: Vec<Alert>,
    /// When it was heard last.
    pub last: Option<Timestamp>,
}

impl TlsRecord {
    /// The alert that ended it, if one was readable.
    pub fn fatal(&self) -> Option<&Alert> {
        self.alerts.iter().find(|alert| alert.is_fatal())
    }

    /// An alert in place of the end of the handshake, readable or not.
    pub fn breaking(&self) -> Option<&Alert> {
        let unread = |alert: &&Alert| alert.read.is_none() && self.completed == Some(false);
        self.fatal().or_else(|| self.alerts.iter().find(unread))
    }

    /// The certificate was not valid at that time, by its own dates.
    pub fn is_out_of_date(&self, at: Timestamp) -> bool {
        self.certificate.as_ref().is_some_and(|certificate| {
            certificate.not_after.is_some_and(|end| end < at)
                || certificate.not_before.is_some_and(|start| at < start)
        })
    }

    /// The name of the cipher suite, or its number in hexadecimal.
    pub fn cipher_name(&self) -> Option<String> {
        let number = self.cipher?;
        let named = CIPHERS.iter().find(|(known, _)| *known == number);
        Some(named.map_or_else(|| format!("0x{number:04x}"), |(_, name)| (*name).to_owned()))
    }
}

/// Cipher suites that servers of FTP choose; any other is shown by its number. From IANA's registry of TLS parameters.
#[rustfmt::skip]
const CIPHERS: [(u16, &str); 35] = [
    (0x0004, "TLS_RSA_WITH_RC4_128_MD5"), (0x0005, "TLS_RSA_WITH_RC4_128_SHA"),
    (0x000a, "TLS_RSA_WITH_3DES_EDE_CBC_SHA"), (0x0016, "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA"),
    (0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA"), (0x0033, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"),
    (0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA"), (0x0039, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA"),
    (0x003c, "TLS_RSA_WITH_AES_128_CBC_SHA256"), (0x003d, "TLS_RSA_WITH_AES_256_CBC_SHA256"),
    (0x0067, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256"), (0x006b, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256"),
    (0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256"), (0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384"),
    (0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"), (0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"),
    (0x1301, "TLS_AES_128_GCM_SHA256"), (0x1302, "TLS_AES_256_GCM_SHA384"), (0x1303, "TLS_CHACHA20_POLY1305_SHA256"),
    (0x1304, "TLS_AES_128_CCM_SHA256"), (0xc009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"),
    (0xc00a, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"), (0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"),
    (0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"), (0xc023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"),
    (0xc024, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384"), (0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"),
    (0xc028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"), (0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
    (0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"), (0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    (0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"), (0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
    (0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
    (0xccaa, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_named_as_people_write_them() {
        for (number, name) in [
            (0x0300, "SSLv3"),
            (0x0301, "TLSv1.0"),
            (0x0302, "TLSv1.1"),
            (0x0303, "TLSv1.2"),
            (0x0304, "TLSv1.3"),
        ] {
            assert_eq!(TlsVersion(number).name(), name);
            let without = name.replace('v', "");
            for words in [name, &without] {
                let read = TlsVersion::named(words.as_bytes());
                assert_eq!(read, Some(TlsVersion(number)), "{words}");
            }
        }
        assert_eq!(TlsVersion(0x0002).name(), "SSLv2");
        assert_eq!(TlsVersion(0x7f1c).name(), "0x7f1c");
        assert_eq!(TlsVersion::named(b"TLSv1"), Some(TlsVersion(0x0301)));
        assert_eq!(TlsVersion::named(b"TLSv1.9"), None);
    }

    #[test]
    fn alerts_have_the_names_of_the_rfc_and_warnings_end_nothing() {
        let alert = |read| Alert {
            sender: Side::Server,
            read,
            origin: Origin::default(),
        };
        let told = |level: u8, description: u8| {
            let alert = alert(Some((level, description)));
            (alert.name(), alert.is_fatal(), alert.is_about_certificate())
        };
        assert_eq!(told(1, 0), (Some("close_notify"), false, false));
        assert_eq!(told(2, 0), (Some("close_notify"), false, false));
        assert_eq!(told(2, 40), (Some("handshake_failure"), true, false));
        assert_eq!(told(1, 90), (Some("user_canceled"), false, false));
        assert_eq!(told(2, 45), (Some("certificate_expired"), true, true));
        assert_eq!(told(2, 48), (Some("unknown_ca"), true, true));
        assert_eq!(told(2, 47), (Some("illegal_parameter"), true, false));
        assert_eq!(told(2, 116), (Some("certificate_required"), true, true));
        assert_eq!(told(2, 250), (Some("unknown"), true, false));
        // Behind TLS 1.3's encryption only its place is known.
        let hidden = alert(None);
        assert_eq!(
            (
                hidden.name(),
                hidden.is_fatal(),
                hidden.is_about_certificate()
            ),
            (None, false, false)
        );
    }
}
