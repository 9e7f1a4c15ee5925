//! The report as a whole message of RFC 5322: the verdict in its subject, and the same report as text and as HTML.
//!
//! Headers are written by the library, which encodes what is not plain ASCII and folds what is long; before that, text of
//! the input has lost its line ends and controls, and addresses are of a form that leaves no room for others. The same
//! report gives the same bytes: date, Message-ID and boundary follow from what is in it. Sends nothing.

use blake3::Hasher;
use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address as Header;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::date::Date;
use mail_builder::headers::message_id::MessageId;
use mail_builder::headers::raw::Raw;
use mail_builder::mime::MimePart;

use super::layout::Look;
use super::{Report, html, terminal};
use crate::text;
use crate::time::Timestamp;

/// Characters of a subject, and of the words it begins with.
const SUBJECT: usize = 180;
const PREFIX: usize = 60;

/// An address that a mail can go to: `local@domain` in ASCII, without a name, comments or quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// RFC 5321 section 4.1.2, the dot-string form; lengths of its section 4.5.3.1.
    pub fn read(typed: &str) -> Option<Self> {
        let typed = typed.trim_matches(' ');
        let (local, domain) = typed.rsplit_once('@')?;
        let is_atom = |atom: &str| {
            let is_fit = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
            !atom.is_empty() && atom.bytes().all(is_fit)
        };
        let is_label = |label: &str| {
            let is_fit = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
            let ends_well = !label.starts_with('-') && !label.ends_with('-');
            (1..=63).contains(&label.len()) && ends_well && label.bytes().all(is_fit)
        };
        let is_whole = local.len() <= 64
            && local.split('.').all(is_atom)
            && domain.len() <= 253
            && domain.split('.').all(is_label);
        is_whole.then(|| Self(typed.to_owned()))
    }

    /// `ftpwhy` at the same domain.
    #[must_use]
    pub fn of_program(&self) -> Self {
        Self(format!("ftpwhy@{}", self.domain()))
    }

    fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// Who sends a report to whom, and when.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// The sender.
    pub from: Address,
    /// The recipients; a message without any is a draft.
    pub to: Vec<Address>,
    /// What the subject begins with.
    pub prefix: String,
    /// What made it worth a mail, in words: the conditions that hold.
    pub because: Vec<String>,
    /// The date of the message.
    pub at: Timestamp,
}

/// The whole message, its lines ended by CR LF.
pub fn report(report: &Report, envelope: &Envelope) -> String {
    let subject = subject(report, envelope);
    let (plain, page) = (terminal::report(report, Look::PIPED), html::letter(report));
    let id = id(&[&subject, &plain, &page], envelope);
    let alternatives = vec![
        MimePart::new("text/plain", plain),
        MimePart::new("text/html", page),
    ];
    let kind = ContentType::new("multipart/alternative").attribute("boundary", format!("={id}"));
    let address = |address: &Address| Header::new_address(None::<&str>, address.0.clone());
    let mut message = MessageBuilder::new()
        .header("MIME-Version", Raw::new("1.0"))
        .date(Date::new(envelope.at.seconds()))
        .from(address(&envelope.from))
        .subject(subject)
        .message_id(MessageId::new(format!("{id}@{}", envelope.from.domain())))
        // Vacation notices and their kin are not wanted in answer (RFC 3834).
        .header("Auto-Submitted", Raw::new("auto-generated"))
        .body(MimePart::new(kind, alternatives));
    if !envelope.to.is_empty() {
        let to = envelope.to.iter().map(address).collect();
        message = message.to(Header::new_list(to));
    }
    // Writing to a Vec can't fail, and all of it is text.
    message.write_to_string().unwrap_or_default()
}

/// What the reader sees in the list of messages: `[ftp] !! 67 failed operations in 18 of 30 sessions: abuse-brute-force 50`,
/// or, where a condition holds, that instead of the most frequent cause: `new-cause (storage-full 2)`.
fn subject(report: &Report, envelope: &Envelope) -> String {
    let cut = |words: &str, most| Look::WHOLE.cut(text::terminal_str(words, false), most);
    let verdict = report.verdict.lines.first().map_or("", String::as_str);
    let verdict = verdict.trim_end_matches('.');
    let worst = report.main.causes.first();
    let worst = || worst.map(|cause| format!("{} {}", cause.id, cause.count));
    let why = envelope.because.first().cloned().or_else(worst);
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    let verdict = format!("{verdict}{why}");
    let prefix = cut(&envelope.prefix, PREFIX);
    let words = [prefix.trim(), report.verdict.mark.sign(), &verdict].join(" ");
    // A reader would decode what looks encoded (RFC 2047), line ends and all.
    cut(&words.trim().replace("=?", "= ?"), SUBJECT)
}

/// Thirty-two digits that stand for what is in a message.
fn id(parts: &[&str], envelope: &Envelope) -> String {
    let mut hasher = Hasher::new();
    let addresses = envelope.to.iter().chain([&envelope.from]);
    let parts = addresses
        .map(|address| address.0.as_str())
        .chain(parts.iter().copied());
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.update(&envelope.at.nanos().to_le_bytes());
    hasher.finalize().to_hex().chars().take(32).collect()
}
