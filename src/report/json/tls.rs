//! What was seen of a TLS handshake, for programs.

use std::borrow::Cow;

use serde::Serialize;

use super::Time;
use crate::ftp::{Alert, Certificate, Side, TlsRecord, TlsVersion};
use crate::text::Text;

#[derive(Serialize)]
pub(super) struct Tls<'a> {
    offered: Vec<String>,
    server_name: Option<Cow<'a, str>>,
    protocols: Vec<Cow<'a, str>>,
    version: Option<String>,
    cipher: Option<String>,
    resumption_offered: bool,
    resumed: Option<bool>,
    certificate: Option<Holder<'a>>,
    client_certificate_wanted: bool,
    client_certificate_sent: Option<bool>,
    completed: Option<bool>,
    content: Option<bool>,
    alerts: Vec<Warned>,
}

impl<'a> Tls<'a> {
    pub(super) fn new(record: &'a TlsRecord) -> Self {
        Self {
            offered: record.offered.iter().map(|v| v.name()).collect(),
            server_name: record.server_name.as_ref().map(Text::json),
            protocols: record.protocols.iter().map(Text::json).collect(),
            version: record.version.map(TlsVersion::name),
            cipher: record.cipher_name(),
            resumption_offered: record.offers_resumption,
            resumed: record.resumed,
            certificate: record.certificate.as_deref().map(Holder::new),
            client_certificate_wanted: record.wants_certificate,
            client_certificate_sent: record.client_certificate,
            completed: record.completed,
            content: record
                .version
                .filter(|v| *v != TlsVersion::TLS13)
                .map(|_| record.content),
            alerts: record.alerts.iter().map(Warned::new).collect(),
        }
    }
}

#[derive(Serialize)]
struct Holder<'a> {
    subject: Cow<'a, str>,
    issuer: Cow<'a, str>,
    self_issued: bool,
    names: Vec<Cow<'a, str>>,
    not_before: Option<Time>,
    not_after: Option<Time>,
}

impl<'a> Holder<'a> {
    fn new(certificate: &'a Certificate) -> Self {
        Self {
            subject: certificate.subject.json(),
            issuer: certificate.issuer.json(),
            self_issued: certificate.self_issued,
            names: certificate.names.iter().map(Text::json).collect(),
            not_before: certificate.not_before.map(Time),
            not_after: certificate.not_after.map(Time),
        }
    }
}

#[derive(Serialize)]
struct Warned {
    by: &'static str,
    level: Option<u8>,
    number: Option<u8>,
    name: Option<&'static str>,
    record: u64,
}

impl Warned {
    fn new(alert: &Alert) -> Self {
        Self {
            by: Side::id(alert.sender),
            level: alert.read.map(|(level, _)| level),
            number: alert.read.map(|(_, number)| number),
            name: alert.name(),
            record: alert.origin.record,
        }
    }
}
