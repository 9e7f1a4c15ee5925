//! What an earlier report says, read back from its JSON: the causes it had. Adds nothing up.

use std::collections::BTreeSet;

use serde::Deserialize;

/// The fields of a report in JSON that are looked at.
#[derive(Deserialize)]
struct Written {
    schema: String,
    failures: Failures,
}

#[derive(Deserialize)]
struct Failures {
    causes: Vec<Cause>,
}

#[derive(Deserialize)]
struct Cause {
    id: String,
}

/// The ids of the causes in a report that `--as json` wrote.
///
/// # Errors
///
/// Says why it is none, or one of another version.
pub fn causes(json: &[u8]) -> Result<BTreeSet<String>, String> {
    let written: Written = serde_json::from_slice(json)
        .map_err(|error| format!("not a report in JSON, as --as json writes it: {error}"))?;
    if written.schema != super::json::SCHEMA {
        let schema = crate::text::terminal_str(&written.schema, true);
        return Err(format!(
            "a report of another version: its schema is {schema}, {} is read",
            super::json::SCHEMA
        ));
    }
    Ok(written.failures.causes.into_iter().map(|c| c.id).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_causes_of_a_report_are_read_back() {
        let json = br#"{"schema":"ftpwhy.report/1","more":1,"failures":{"total":3,"causes":[{"id":"a","count":1},{"id":"b"}]}}"#;
        let ids: Vec<_> = causes(json).unwrap().into_iter().collect();
        assert_eq!(ids, ["a", "b"]);
    }

    #[test]
    fn what_is_no_report_of_this_version_is_told() {
        let other = br#"{"schema":"ftpwhy.report/9","failures":{"causes":[]}}"#;
        assert!(causes(other).unwrap_err().contains("another version"));
        for broken in [
            &b""[..],
            b"{}",
            b"[1]",
            b"\xff",
            br#"{"schema":"ftpwhy.report/1"}"#,
        ] {
            assert!(causes(broken).unwrap_err().contains("not a report"));
        }
    }
}
