//! Reports in JSON, read back: what they were made from. Adds nothing up but several in one file.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Options, json};
use crate::tally::Tallies;
use crate::tally::written;
use crate::text;

/// What every report in JSON begins with.
const HEAD: &[u8] = br#"{"schema":"ftpwhy.report/"#;

/// The fields of a report in JSON that are looked at.
#[derive(Deserialize)]
struct Report<'j> {
    schema: String,
    #[serde(borrow)]
    tallies: Option<&'j RawValue>,
}

/// True for what can hardly be anything but a report in JSON.
pub fn is_report(head: &[u8]) -> bool {
    // Blanks and line ends may stand between the words.
    let mut bytes = head.iter().filter(|byte| !byte.is_ascii_whitespace());
    HEAD.iter().all(|byte| bytes.next() == Some(byte))
}

/// What the reports that `--as json` wrote were made from, one behind the other.
///
/// # Errors
///
/// Says why one of them is none, or one of another version.
pub fn tallies(json: &[u8]) -> Result<Vec<Tallies>, String> {
    let reports = serde_json::Deserializer::from_slice(json).into_iter::<Report<'_>>();
    let mut all = Vec::new();
    for report in reports {
        let report = report.map_err(|error| {
            let error = text::terminal_str(&error.to_string(), true);
            format!("not a report in JSON, as --as json writes it: {error}")
        })?;
        all.push(sums(&report)?);
    }
    if all.is_empty() {
        return Err("not a report in JSON: nothing stands in it".to_owned());
    }
    Ok(all)
}

/// An earlier report, made once more from what it was made from.
///
/// # Errors
///
/// Says why it is none.
pub fn report(json: &[u8]) -> Result<super::Report, String> {
    let mut sum = Tallies::default();
    tallies(json)?.into_iter().for_each(|part| sum.merge(part));
    let options = Options {
        top: usize::MAX,
        ..Options::default()
    };
    Ok(super::Report::new(&sum, &options))
}

fn sums(report: &Report<'_>) -> Result<Tallies, String> {
    if report.schema != json::SCHEMA {
        return Err(format!(
            "a report of another version: its schema is {}, {} is read",
            text::terminal_str(&report.schema, true),
            json::SCHEMA
        ));
    }
    let written = report.tallies.ok_or(
        "made by an older version, or its member \"tallies\" was taken out: it can't be added up or compared",
    )?;
    let read = written::read(written.get());
    read.map_err(|error| format!("its member \"tallies\": {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Report;
    use crate::tally::tests::{Talk, failure};

    fn sample() -> (Tallies, String) {
        let mut tallies = Tallies::default();
        let failed = failure("path-not-found", "RETR", 550, "550 \u{202e} no");
        Talk::new(&["> RETR x", "< 550 no"]).count(&[failed], &mut tallies);
        let report = Report::new(&tallies, &Options::default()).with_sums(&tallies);
        (tallies, json::report(&report))
    }

    #[test]
    fn what_a_report_was_made_from_is_read_back() {
        let (sums, json) = sample();
        assert!(is_report(json.as_bytes()) && json.is_ascii(), "{json}");
        let one = tallies(json.as_bytes()).unwrap();
        assert_eq!(one, std::slice::from_ref(&sums));
        let two = json.clone() + &json;
        assert_eq!(tallies(two.as_bytes()).unwrap(), [sums.clone(), sums]);
    }

    #[test]
    fn what_is_no_report_of_this_version_is_told() {
        let other = br#"{"schema":"ftpwhy.report/9","tallies":{}}"#;
        assert!(tallies(other).unwrap_err().contains("another version"));
        let older = br#"{"schema":"ftpwhy.report/1"}"#;
        assert!(tallies(older).unwrap_err().contains("older version"));
        let newer = br#"{"schema":"ftpwhy.report/1","tallies":{"form":99}}"#;
        assert!(tallies(newer).unwrap_err().contains("newer version"));
        let json = sample().1;
        let cut = &json.as_bytes()[..json.len() / 2];
        for broken in [&b""[..], b"{}", b"[1]", b"\xff", cut] {
            let why = tallies(broken).unwrap_err();
            assert!(why.starts_with("not a report in JSON"), "{why}");
        }
        assert!(is_report(b"{ \"schema\": \"ftpwhy.report/1\""));
        assert!(!is_report(b"{\"schema\":\"ftpwhy.diff/1"));
    }
}
