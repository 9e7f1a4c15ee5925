//! What was seen of a TLS handshake, in words.

use jiff::tz::TimeZone;

use super::layout::Look;
use crate::ftp::{TlsRecord, TlsVersion};

/// What was seen of a TLS handshake, in one sentence.
pub(super) fn handshake(record: &TlsRecord, zone: &TimeZone, look: Look) -> String {
    let mut words = vec![
        match record.completed {
            Some(true) => "TLS handshake done",
            Some(false) => "TLS handshake failed",
            None => "TLS handshake not seen to its end",
        }
        .to_owned(),
    ];
    if let Some(alert) = record.breaking() {
        let who = alert.sender.id();
        words.push(match (alert.read, alert.name()) {
            (Some((_, number)), Some(name)) => format!("alert {number} {name} from the {who}"),
            _ => format!("an alert from the {who} that can't be read"),
        });
    }
    words.extend(record.version.map(TlsVersion::name));
    words.extend(record.cipher_name());
    if record.version.is_none() && !record.offered.is_empty() {
        let offered: Vec<String> = record.offered.iter().map(|v| v.name()).collect();
        words.push(format!("offered {}", offered.join(", ")));
    }
    words.extend(record.resumed.map(|resumed| {
        let word = if resumed {
            "session resumed"
        } else {
            "new session"
        };
        word.to_owned()
    }));
    if let Some(certificate) = &record.certificate {
        let until = certificate
            .not_after
            .map(|end| format!(", valid to {}", end.date_time(zone)));
        words.push(format!(
            "certificate of {} by {}{}",
            look.cut(look.show(&certificate.subject), 60),
            look.cut(look.show(&certificate.issuer), 60),
            until.unwrap_or_default()
        ));
    }
    words.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Origin;
    use crate::ftp::{Alert, Certificate, Side};
    use crate::time::Timestamp;

    fn words(record: &TlsRecord) -> String {
        let look = Look {
            ascii: true,
            colour: false,
            width: 78,
        };
        handshake(record, &TimeZone::UTC, look)
    }

    #[test]
    fn what_was_agreed_upon_and_what_was_not() {
        let certificate = Certificate {
            subject: "ftp.example\u{1b}[2J".into(),
            issuer: "A CA".into(),
            self_issued: false,
            names: Vec::new(),
            not_before: None,
            not_after: Some(Timestamp::from_seconds(0, 0)),
        };
        let mut record = TlsRecord {
            offered: vec![TlsVersion::TLS13, TlsVersion(0x0303)],
            version: Some(TlsVersion(0x0303)),
            cipher: Some(0xc02f),
            resumed: Some(false),
            certificate: Some(Box::new(certificate)),
            completed: Some(true),
            ..TlsRecord::default()
        };
        assert_eq!(
            words(&record),
            "TLS handshake done; TLSv1.2; TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256; new session; certificate of ftp.example\\x1b[2J by A CA, valid to 1970-01-01 00:00:00"
        );
        record.certificate = None;
        (record.version, record.cipher, record.completed) = (None, None, Some(false));
        record.resumed = None;
        record.alerts.push(Alert {
            sender: Side::Server,
            read: Some((2, 70)),
            origin: Origin::default(),
        });
        assert_eq!(
            words(&record),
            "TLS handshake failed; alert 70 protocol_version from the server; offered TLSv1.3, TLSv1.2"
        );
    }
}
