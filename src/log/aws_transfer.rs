//! AWS Transfer Family's log from CloudWatch, one JSON object a line: connections and what was moved, of every protocol.
//!
//! Only the line of a login shows the protocol: one by SFTP names an SSH client. So sessions are told that begin in the
//! log, and others are passed over. The time stands in front of the object, where CloudWatch or its client put it.

use crate::ftp::{End, TransferRecord, Vantage, Verb};
use crate::log::sftpgo::value;
use crate::log::{
    Bare, Description, Fact, Follow, Format, Implied, Read, Record, Sample, envelope, protocols,
};
use crate::text::StableHash;

/// The format.
pub static FORMAT: AwsTransfer = AwsTransfer;

/// The log of AWS Transfer Family.
#[derive(Debug)]
pub struct AwsTransfer;

static DESCRIPTION: Description = Description {
    name: "aws-transfer",
    title: "AWS Transfer Family",
    source: "AWS Transfer Family User Guide, CloudWatch log structure and example entries, and its list of activities",
    vantage: Vantage::ServerLog,
    gaps: &[
        "commands and replies",
        "logins that failed, whose protocol is not told",
        "what was refused, and whether a change was made",
        "ports",
        "the time, where CloudWatch's is cut off",
    ],
    samples: &[Sample {
        lines: r#"2026-11-22T08:16:55.100Z {"activity-type":"CONNECTED","source-ip":"192.0.2.7","resource-arn":"arn:aws:transfer:us-east-1:1:server/s-1","home-dir":"/","user":"alice","session-id":"9ca9a0e1cec6ad9d"}
2026-11-22T08:16:56.100Z {"mode":"CREATE|TRUNCATE|WRITE","path":"/bucket/alice/a.txt","activity-type":"OPEN","session-id":"9ca9a0e1cec6ad9d"}
2026-11-22T08:16:57.100Z {"path":"/bucket/alice/a.txt","activity-type":"CLOSE","bytes-in":"121","session-id":"9ca9a0e1cec6ad9d"}
2026-11-22T08:16:58.100Z {"activity-type":"CONNECTED","client":"SSH-2.0-OpenSSH_7.4","kex":"x","source-ip":"192.0.2.8","user":"bob","session-id":"0000000000000002"}
2026-11-22T08:16:59.100Z {"path":"/bucket/bob/b","activity-type":"CLOSE","bytes-out":"5","session-id":"0000000000000002"}
2026-11-22T08:17:00.100Z {"activity-type":"DISCONNECTED","session-id":"9ca9a0e1cec6ad9d"}"#,
        events: "introduced 192.0.2.7; login alice accepted; 230 implied by CONNECTED; STOR /bucket/alice/a.txt 121 complete; \
                 226 implied by CLOSE; closed fin",
    }],
};

impl Format for AwsTransfer {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        let text = line.message;
        if text.first() != Some(&b'{') || !text.ends_with(b"}") {
            return Read::Unrecognised;
        }
        let Some(activity) = value(text, "activity-type") else {
            return Read::Unrecognised;
        };
        match told(text, activity) {
            Ok((fact, implied)) => Read::Taken(Record {
                stamp: line.stamp,
                number: session(value(text, "session-id").unwrap_or_default()),
                client: value(text, "source-ip").unwrap_or_default(),
                user: value(text, "user"),
                times: line.times,
                fact,
                implied,
            }),
            Err(reason) => Read::Ignored(reason),
        }
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(protocols::Following::seldom_ftp())
    }
}

/// The session's name as a number, which is not 0.
fn session(name: &[u8]) -> u32 {
    let hash = StableHash::new().bytes(name).finish();
    u32::try_from(hash >> 32).unwrap_or_default().max(1)
}

type Told<'b> = (Fact<'b>, Option<Implied>);

fn told<'b>(line: &'b [u8], activity: &[u8]) -> Result<Told<'b>, &'static str> {
    match activity {
        b"CONNECTED" => {
            let is_ssh = value(line, "client").is_some_and(|client| client.starts_with(b"SSH-"))
                || value(line, "kex").is_some();
            if is_ssh {
                return Ok((Fact::Remark("SSH"), None));
            }
            let fact = Fact::Login {
                accepted: true,
                reason: b"",
            };
            Ok((fact, Implied::new(230, "CONNECTED")))
        }
        b"DISCONNECTED" => Ok((Fact::Closed(End::Fin), None)),
        b"CLOSE" => Ok((moved(line, true).ok_or("a file that was closed unused")?, Implied::new(226, "CLOSE"))),
        b"PARTIAL_CLOSE" => Ok((moved(line, false).ok_or("a file that was closed unused")?, None)),
        b"OPEN" => Err("the beginning of a transfer"),
        b"AUTH_FAILURE" => Err("a failed login by a protocol that is not told"),
        b"DELETE" | b"MKDIR" | b"RMDIR" | b"RENAME" => Err("a change, made or not"),
        _ => Err("a message of the server about a session"),
    }
}

fn moved(line: &[u8], is_whole: bool) -> Option<Fact<'_>> {
    let (verb, bytes) = match (value(line, "bytes-in"), value(line, "bytes-out")) {
        (Some(bytes), _) => (Verb::STOR, bytes),
        (_, Some(bytes)) => (Verb::RETR, bytes),
        _ => return None,
    };
    Some(Fact::Transfer(TransferRecord {
        verb,
        path: value(line, "path").unwrap_or_default(),
        bytes: envelope::number(bytes),
        complete: Some(is_whole),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::tests::events_of;

    #[test]
    fn a_session_without_its_login_is_not_told_and_other_lines_are_named() {
        let line = r#"{ "path": "/b", "activity-type": "CLOSE", "bytes-in": "121", "session-id": "9c" }"#;
        assert_eq!(events_of("aws-transfer", line), []);
        for (activity, reason) in [
            ("AUTH_FAILURE", "a failed login by a protocol that is not told"),
            ("RENAME", "a change, made or not"),
            ("TLS_RESUME_FAILURE", "a message of the server about a session"),
            ("CLOSE", "a file that was closed unused"),
        ] {
            let line = format!(r#"{{"activity-type":"{activity}","session-id":"9c"}}"#);
            assert_eq!(FORMAT.read(&Bare::read(line.as_bytes())), Read::Ignored(reason), "{line}");
        }
        for line in [r#"{"activity":"OPEN"}"#, r#"{"activity-type":"OPEN""#, "x"] {
            assert_eq!(FORMAT.read(&Bare::read(line.as_bytes())), Read::Unrecognised, "{line}");
        }
    }
}
