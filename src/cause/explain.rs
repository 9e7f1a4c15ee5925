//! Answers a question about one reply, one code or one cause, out of the catalogue alone.
//!
//! It turns what a person has at hand (`550`, `data-stalled`, `530 Sorry, only 3 connections`) into plain data that a
//! renderer can show. It knows no session, so it can't tell what stood before.

use serde::Serialize;

use crate::catalogue::{Cause, CauseId, Confidence, Directive, Party, ReplyEntry, catalogue};
use crate::cause::text::{self, Hit};
use crate::ftp::{ReplyClass, ReplyCode, Verb};

/// What the catalogue says. The field names are those of the machine-readable output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The code that was asked about.
    pub code: Option<u16>,
    /// The most probable cause; `None` for what is no failure or is not known.
    pub cause: Option<CauseId>,
    /// How sure the cause is; `None` where there is none, or where the question was the cause itself.
    pub confidence: Option<Confidence>,
    /// Every cause it may be, most probable first.
    pub candidates: Vec<CauseId>,
    /// The cause in one line.
    pub title: Option<&'static str>,
    /// Who can mend it.
    pub side: Option<Party>,
    /// True where it is no failure at all.
    pub benign: Option<bool>,
    /// What it means: the cause if a text told it, else the code.
    pub meaning: String,
    /// What to do.
    pub advice: &'static [String],
    /// The settings that the advice names, and where each is documented.
    pub directives: Vec<&'static Directive>,
    /// Families of servers that are known to send texts like this one.
    pub known_from: Vec<&'static str>,
    /// Where the cause, or else the code, is defined.
    pub source: Option<&'static str>,
    /// The code's own entry.
    pub reply: Option<&'static ReplyEntry>,
}

/// Explains a code (`550`), the id of a cause, or the text of a reply, with or without its code. ` / ` stands between the
/// lines of a reply of several lines.
pub fn explain(input: &str, command: Option<Verb>) -> Explanation {
    let input = input.trim();
    if let Some(id) = catalogue().cause_by_name(input) {
        return told(&[], None, Some(id), None);
    }
    let lines = input.replace(" / ", "\n");
    match split_code(&lines) {
        (Some(number), text) => match ReplyCode::new(number) {
            Some(code) => explain_reply(code, command, text),
            None => unknown(Some(number)),
        },
        (None, text) => {
            let readings = text::readings(None, command, text.as_bytes());
            told(
                &readings,
                None,
                readings.first().map(|h| h.cause),
                readings.first().copied(),
            )
        }
    }
}

/// Explains a line `VERB<TAB>CODE TEXT`, in whatever encoding the server sent it; the verb is `-` where it is not known,
/// `connect` for a greeting.
pub fn explain_line(line: &[u8]) -> Explanation {
    let line = text::read(line);
    let Some((word, reply)) = line.split_once('\t') else {
        return explain(&line, None);
    };
    let verb = match word.trim() {
        "-" | "" => None,
        "connect" => Some(Verb::CONNECT),
        word => Some(Verb::new(word.as_bytes())),
    };
    explain(reply, verb)
}

/// A number at the start that ends there or before a blank or a hyphen, and what follows.
fn split_code(input: &str) -> (Option<u16>, &str) {
    let digits = input.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = input.split_at_checked(digits).unwrap_or(("", input));
    let is_set_off = matches!(rest.bytes().next(), None | Some(b' ' | b'-' | b'\n'));
    // Longer and shorter numbers only count when they stand alone: error numbers of a client.
    match number.parse() {
        Ok(code) if is_set_off && (digits == 3 || rest.is_empty()) => {
            (Some(code), rest.get(1..).unwrap_or_default())
        }
        _ => (None, input),
    }
}

fn explain_reply(code: ReplyCode, verb: Option<Verb>, text: &str) -> Explanation {
    let readings = match code.number() {
        _ if text.trim().is_empty() => Vec::new(),
        _ if code.is_negative() => text::readings(Some(code), verb, text.as_bytes()),
        // These ask for more; whether the client can give it is the only question.
        331 | 332 | 336 => asked_for_more(code, verb, text),
        _ => Vec::new(),
    };
    match readings
        .first()
        .copied()
        .or_else(|| text::by_code(code, verb))
    {
        Some(hit) => told(&readings, Some((code, verb)), Some(hit.cause), Some(hit)),
        None => unknown(Some(code.number())),
    }
}

fn asked_for_more(code: ReplyCode, verb: Option<Verb>, text: &str) -> Vec<Hit> {
    let more = catalogue().cause_by_name("auth-more-credentials-needed");
    let mut readings = text::readings(Some(code), verb, text.as_bytes());
    readings.retain(|hit| Some(hit.cause) == more);
    readings
}

/// An explanation that has a cause, or, where even that is missing, none.
fn told(
    readings: &[Hit],
    reply: Option<(ReplyCode, Option<Verb>)>,
    cause: Option<CauseId>,
    hit: Option<Hit>,
) -> Explanation {
    let Some(id) = cause else {
        return unknown(None);
    };
    let cause: &'static Cause = catalogue().cause(id);
    let mut candidates: Vec<CauseId> = readings.iter().map(|h| h.cause).collect();
    // Words without a rule that knows the text leave open what the code may tell as well.
    if readings.iter().all(|hit| hit.rank.is_none())
        && let Some((code, verb)) = reply
    {
        let told = candidates.clone();
        let others = text::candidates(code, verb).into_iter();
        candidates.extend(others.filter(|other| !told.contains(other)));
    }
    let entry = reply.and_then(|(code, _)| catalogue().reply(code));
    let rank = hit.and_then(|hit| hit.rank);
    let is_guess = hit.is_some_and(|h| h.confidence == Confidence::Code);
    let meaning = entry
        .filter(|_| is_guess)
        .map_or(&cause.meaning, |e| &e.meaning);
    Explanation {
        code: reply.map(|(code, _)| code.number()),
        cause: Some(id),
        confidence: hit.map(|h| h.confidence),
        candidates,
        title: Some(&cause.title),
        side: Some(cause.side),
        benign: Some(cause.benign),
        meaning: meaning.clone(),
        advice: &cause.advice,
        directives: catalogue().directives_of(cause),
        known_from: rank.map_or_else(Vec::new, |rank| catalogue().families_of(rank)),
        source: Some(&cause.source),
        reply: entry,
    }
}

/// An explanation without a cause: what the number means, if it is known.
fn unknown(number: Option<u16>) -> Explanation {
    let entry = number.and_then(|n| catalogue().number(n));
    let meaning = match (entry, number.and_then(ReplyCode::new)) {
        (Some(entry), _) => entry.meaning.clone(),
        (None, Some(code)) => format!("{} {}", class(code.class()), subject(code)),
        (None, None) => "Nothing in the catalogue fits.".to_owned(),
    };
    Explanation {
        code: number,
        cause: None,
        confidence: None,
        candidates: Vec::new(),
        title: None,
        side: None,
        benign: None,
        meaning,
        advice: &[],
        directives: Vec::new(),
        known_from: Vec::new(),
        source: entry.map(|e| e.source.as_str()),
        reply: entry,
    }
}

/// What the first digit of a code that is not listed says (RFC 959 section 4.2.1, RFC 2228 section 5.1).
fn class(class: ReplyClass) -> &'static str {
    match class {
        ReplyClass::Preliminary => "Begun; another reply must follow.",
        ReplyClass::Completion => "Done.",
        ReplyClass::Intermediate => "Accepted; the server waits for the next command.",
        ReplyClass::TransientNegative => "Refused for now; trying again may help.",
        ReplyClass::PermanentNegative => {
            "Refused as it stands; some reasons pass, and then the same command works."
        }
        ReplyClass::Protected => "A protected reply; the real code is inside.",
    }
}

/// What its second digit says.
fn subject(code: ReplyCode) -> &'static str {
    match code.number() / 10 % 10 {
        0 => "It is about the command's syntax.",
        1 => "It gives information.",
        2 => "It is about the control or data connection.",
        3 => "It is about login and rights.",
        5 => "It is about files and storage.",
        _ => "The standard gives its second digit no meaning.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, command: Option<&str>, cause: Option<&str>, confidence: Option<&str>) {
        let told = explain(input, command.map(|c| Verb::new(c.as_bytes())));
        assert_eq!(told.cause.map(CauseId::name), cause, "{input}");
        assert_eq!(told.confidence.map(Confidence::id), confidence, "{input}");
        assert!(!told.meaning.is_empty());
    }

    #[test]
    fn codes_ids_and_texts_are_explained() {
        check("550", None, Some("path-unavailable"), Some("code"));
        check(
            "530",
            Some("PASS"),
            Some("auth-bad-credentials"),
            Some("code"),
        );
        check("data-stalled", None, Some("data-stalled"), None);
        check("226", None, None, None);
        check("226 Transfer failed", None, None, None);
        check("299", None, None, None);
        check("599", None, None, None);
        check("10061", None, None, None);
        check("zebra", None, None, None);
        check(
            "Permission denied",
            None,
            Some("access-permission-denied"),
            Some("likely"),
        );
        check("Disk full", None, Some("storage-full"), Some("certain"));
        check(
            "331 Send the one-time password",
            None,
            Some("auth-more-credentials-needed"),
            Some("certain"),
        );
        check("331 Anonymous only", None, None, None);
        check(
            "530-Sorry / 530-no more than 3 sessions from your address / 530 Bye",
            None,
            Some("limit-connections-per-client"),
            Some("likely"),
        );
    }

    #[test]
    fn a_code_that_is_not_listed_is_told_by_its_digits() {
        for (input, class, subject) in [
            ("108", "another reply must follow", "the command's syntax"),
            ("218", "Done.", "gives information"),
            (
                "329",
                "waits for the next command",
                "the control or data connection",
            ),
            ("239", "Done.", "login and rights"),
            ("348", "waits for the next command", "no meaning"),
            ("158", "another reply must follow", "files and storage"),
            ("699", "the real code is inside", "no meaning"),
        ] {
            let told = explain(input, None);
            assert!(told.reply.is_none(), "{input} is listed");
            let meaning = &told.meaning;
            assert!(
                meaning.contains(class) && meaning.contains(subject),
                "{input}: {meaning}"
            );
        }
    }

    #[test]
    fn a_number_is_a_code_where_it_stands_by_itself() {
        let code = |input: &str| explain(input, None).code;
        for input in ["550", "550 no", "550-no", "550\nno"] {
            assert_eq!(code(input), Some(550), "{input}");
        }
        for input in ["550x", "550.", "12 no", "10061 no", "no 550", ""] {
            assert_eq!(code(input), None, "{input}");
        }
        assert_eq!(code("10061"), Some(10_061));
    }

    #[test]
    fn what_only_words_mean_leaves_the_rest_open() {
        let told = explain("550 Tiedostoa ei l\u{f6}ydy", Some(Verb::RETR));
        assert_eq!(told.cause.map(CauseId::name), Some("path-not-found"));
        assert_eq!(told.confidence, Some(Confidence::Possible));
        assert_eq!(told.candidates.first(), told.cause.as_ref());
        assert!(told.candidates.len() > 10, "{:?}", told.candidates);
        let mut once = told.candidates.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), told.candidates.len());
    }

    #[test]
    fn lines_name_the_command() {
        let told = explain_line(b"MKD\t521 nope");
        assert_eq!(told.cause.map(CauseId::name), Some("path-already-exists"));
        assert_eq!(explain_line(b"-\t550 x").confidence, Some(Confidence::Code));
        let russian = b"550 \xd4\xe0\xe9\xeb \xed\xe5 \xed\xe0\xe9\xe4\xe5\xed";
        let told = explain_line(russian);
        assert_eq!(told.cause.map(CauseId::name), Some("path-not-found"));
        assert_eq!(explain_line(b"").cause, None);
        assert_eq!(explain_line(b"\xfc\t\xfc").cause, None);
    }

    #[test]
    fn a_bare_code_means_what_its_entry_says() {
        let told = explain("550", None);
        let entry = told.reply.unwrap();
        assert_eq!(told.meaning, entry.meaning);
        assert!((10..30).contains(&told.candidates.len()));
        assert_eq!(told.candidates.first(), told.cause.as_ref());
    }

    #[test]
    fn families_and_settings_are_named() {
        let told = explain("425 Failed to establish connection.", Some(Verb::LIST));
        assert!(
            told.known_from.contains(&"vsftpd 3.0.2"),
            "{:?}",
            told.known_from
        );
        let named = |d: &&Directive| d.server == "vsftpd" && d.name == "pasv_address";
        let told = explain("data-private-address", None);
        let address = told.directives.into_iter().find(named).unwrap();
        assert!(address.source.starts_with("vsftpd.conf(5)") && !address.default.is_empty());
        assert_eq!(explain("550", None).known_from, [""; 0]);
    }

    #[test]
    fn the_json_has_the_promised_names() {
        let json = serde_json::to_value(explain("530 Login incorrect.", None)).unwrap();
        assert_eq!(json["code"], 530);
        assert_eq!(json["cause"], "auth-bad-credentials");
        assert_eq!(json["confidence"], "certain");
        assert_eq!(json["candidates"][0], "auth-bad-credentials");
        assert!(json["advice"].is_array() && json["meaning"].is_string());
        assert!(explain("599", None).meaning.contains("some reasons pass"));
        let json = serde_json::to_value(explain("200", None)).unwrap();
        assert!(json["cause"].is_null() && json["confidence"].is_null());
    }
}
