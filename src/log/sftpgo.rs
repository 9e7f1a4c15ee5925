//! SFTPGo's log in JSON: logins, transfers and what was changed, each in a line, of FTP and of other protocols.
//!
//! It has no replies, but for what the FTP library writes at the level debug. A login that failed stands alone, without
//! the number of its connection.

use std::borrow::Cow;

use crate::ftp::{End, TransferRecord, Vantage, Verb, grammar};
use crate::log::transcript::python::unescaped;
use crate::log::{
    Bare, Description, Fact, Follow, Format, Implied, Read, Record, Sample, envelope, talk,
};
use crate::text::StableHash;
use crate::time::Stamp;

/// The format.
pub static FORMAT: Sftpgo = Sftpgo;

/// SFTPGo's log.
#[derive(Debug)]
pub struct Sftpgo;

static DESCRIPTION: Description = Description {
    name: "sftpgo",
    title: "SFTPGo",
    source: "SFTPGo 2.6 internal/logger/logger.go and internal/ftpd, ftpserverlib 0.25, and logs of 2.6",
    vantage: Vantage::ServerLog,
    gaps: &[
        "commands and replies, but at the level debug of its FTP library",
        "what was refused, but logins and transfers that broke off",
        "the connection of a login that failed",
        "the time zone, where it writes local time",
    ],
    samples: &[
        Sample {
            lines: r#"{"level":"debug","time":"2026-11-22T08:16:55.100","sender":"ftpserverlib","server_id":"FTP_0","clientId":"13","clientIp":"192.0.2.7:40000","message":"Client connected"}
{"level":"info","time":"2026-11-22T08:16:56.100","sender":"FTP","connection_id":"FTP_0_13","message":"User \"alice\" logged in with \"password\" from ip \"192.0.2.7\", TLS enabled? false"}
{"level":"info","time":"2026-11-22T08:16:57.100","sender":"Upload","local_addr":"192.0.2.10:21","remote_addr":"192.0.2.7:40000","elapsed_ms":5,"size_bytes":12,"username":"alice","file_path":"/srv/a b","connection_id":"FTP_0_13","protocol":"FTP","ftp_mode":"passive"}
{"level":"debug","time":"2026-11-22T08:16:58.100","sender":"ftpserverlib","server_id":"FTP_0","clientId":"13","clientIp":"192.0.2.7:40000","message":"Client disconnected"}"#,
            events: "introduced 192.0.2.7; opened; login alice accepted; 230 implied by logged in; STOR /srv/a b 12 complete; \
                     226 implied by Upload; closed fin",
        },
        Sample {
            lines: r#"{"level":"debug","time":"2026-11-22T08:16:55.100","sender":"connection_failed","client_ip":"192.0.2.7","username":"bob","login_type":"password","protocol":"FTP","error":"invalid credentials"}
{"level":"debug","time":"2026-11-22T08:16:55.100","sender":"connection_failed","client_ip":"192.0.2.7","username":"bob","login_type":"password","protocol":"SSH","error":"invalid credentials"}"#,
            events: "introduced 192.0.2.7 approximate; login bob refused; 530 implied by connection_failed; closed input-ended",
        },
    ],
};

impl Format for Sftpgo {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        let text = line.message;
        let is_json = text.starts_with(b"{\"level\":\"") && text.ends_with(b"}");
        if !is_json && memchr::memmem::find(text, b" | sender=").is_none() {
            return Read::Unrecognised;
        }
        let (Some(sender), Some(time)) = (field(text, "sender"), field(text, "time")) else {
            return Read::Unrecognised;
        };
        let stamp = envelope::iso_date(time).unwrap_or(Stamp::None);
        match told(text, sender) {
            Ok(record) => Read::Taken(Record { stamp, ..record }),
            Err(reason) => Read::Ignored(reason),
        }
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(talk::Following::default())
    }
}

/// A value of a line, in JSON or as it is printed to a console: `2026-11-22T08:16:55.100 DBG words | sender=a line=text`.
fn field<'b>(line: &'b [u8], name: &str) -> Option<&'b [u8]> {
    if line.first() == Some(&b'{') {
        return value(line, name);
    }
    let bar = memchr::memmem::find(line, b" | sender=")?;
    let (head, rest) = (line.get(..bar)?, line.get(bar + 2..)?);
    match name {
        "time" => envelope::word(head).map(|(time, _)| time),
        "message" => head.splitn(3, |b| *b == b' ').nth(2),
        _ => {
            let key = format!(" {name}=");
            let text = rest.get(memchr::memmem::find(rest, key.as_bytes())? + key.len()..)?;
            // What was said is the last of all.
            let is_last = name == "line";
            if is_last { Some(text.trim_ascii_end()) } else { text.split(|b| *b == b' ').next() }
        }
    }
}

/// A value that is a string or a number, as it stands in the line. A quote inside a value has a backslash in front, so a
/// name in quotes is one of the line's own.
pub(super) fn value<'b>(line: &'b [u8], name: &str) -> Option<&'b [u8]> {
    let key = format!("\"{name}\":");
    let at = memchr::memmem::find(line, key.as_bytes())?;
    let rest = line.get(at + key.len()..)?.trim_ascii_start();
    let Some(text) = rest.strip_prefix(b"\"") else {
        let end = rest.iter().position(|b| !b.is_ascii_digit());
        return rest
            .get(..end.unwrap_or(rest.len()))
            .filter(|digits| !digits.is_empty());
    };
    let mut end = 0;
    loop {
        end += memchr::memchr2(b'"', b'\\', text.get(end..)?)?;
        if text.get(end) == Some(&b'"') {
            return text.get(..end);
        }
        end += 2;
    }
}

fn told<'b>(line: &'b [u8], sender: &[u8]) -> Result<Record<'b>, &'static str> {
    const OTHER: &str = "a session by another protocol";
    let protocol = value(line, "protocol");
    if protocol.is_some_and(|protocol| protocol != b"FTP") {
        return Err(OTHER);
    }
    match sender {
        b"ftpserverlib" => library(line),
        b"FTP" => message(line),
        b"connection_failed" => failed(line).ok_or(OTHER),
        b"SSH" | b"SFTP" | b"SCP" | b"DAV" | b"WebDAV" | b"HTTP" | b"HTTPShare" => Err(OTHER),
        _ => done(line, sender, protocol).ok_or("a message of the server about itself"),
    }
}

/// A record of the connection of that name.
fn of_connection<'b>(name: &[&[u8]], client: &'b [u8], fact: Fact<'b>) -> Record<'b> {
    let hash = name.iter().fold(StableHash::new(), |hash, part| part.iter().fold(hash, |h, b| h.number(u64::from(*b))));
    // 0 is no number.
    let number = u32::try_from(hash.finish() >> 32).unwrap_or_default().max(1);
    Record {
        stamp: Stamp::None,
        number,
        client: without_port(client),
        user: None,
        times: 1,
        fact,
        implied: None,
    }
}

fn without_port(address: &[u8]) -> &[u8] {
    let host = memchr::memrchr(b':', address).and_then(|colon| address.get(..colon)).unwrap_or(address);
    let bare = host.strip_prefix(b"[").and_then(|h| h.strip_suffix(b"]"));
    bare.unwrap_or(if memchr::memchr(b':', host).is_some() { address } else { host })
}

/// What ftpserverlib writes at the level debug.
fn library(line: &[u8]) -> Result<Record<'_>, &'static str> {
    const OTHER: &str = "a message of the server about itself";
    let client = field(line, "clientIp").unwrap_or_default();
    let (server, id) = (field(line, "server_id").unwrap_or_default(), field(line, "clientId").ok_or(OTHER)?);
    let words = field(line, "message").unwrap_or_default();
    let text = field(line, "line");
    let fact = match (words, text) {
        (b"Client connected", _) => Fact::Opened { refused: false },
        (b"Client disconnected", _) => Fact::Closed(End::Fin),
        (words, Some(text)) if words.starts_with(b"Received line") => {
            grammar::command(text).map(Fact::Command).ok_or("an empty command")?
        }
        (words, Some(text)) if words.starts_with(b"Sending answer") => Fact::Reply {
            text: text.strip_suffix(b"\\r\\n").unwrap_or(text),
            ends_line: true,
        },
        _ => return Err("a message of the server about a session"),
    };
    Ok(of_connection(&[server, b"_", id], client, fact))
}

/// `User "alice" logged in with "password" from ip "192.0.2.7", TLS enabled? false`
fn message(line: &[u8]) -> Result<Record<'_>, &'static str> {
    const OTHER: &str = "a message of the server about a session";
    let words = value(line, "message").ok_or(OTHER)?;
    let connection = value(line, "connection_id").ok_or(OTHER)?;
    let rest = words.strip_prefix(b"User \\\"").ok_or(OTHER)?;
    let (user, rest) = quoted(rest).ok_or(OTHER)?;
    let at = memchr::memmem::find(rest, b" from ip \\\"").ok_or(OTHER)?;
    let (client, _) = rest.get(at + 11..).and_then(quoted).ok_or(OTHER)?;
    if !rest.starts_with(b" logged in with ") {
        return Err(OTHER);
    }
    let fact = Fact::Login {
        accepted: true,
        reason: b"",
    };
    Ok(Record {
        user: Some(user),
        client,
        implied: Implied::new(230, "logged in"),
        ..of_connection(&[connection], b"", fact)
    })
}

/// Up to a quote with a backslash in front, and what follows.
fn quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memmem::find(text, b"\\\"")?;
    Some((text.get(..end)?, text.get(end + 2..)?))
}

fn failed(line: &[u8]) -> Option<Record<'_>> {
    value(line, "protocol")?;
    let fact = Fact::Login {
        accepted: false,
        reason: value(line, "error").unwrap_or_default(),
    };
    Some(Record {
        number: 0,
        user: Some(value(line, "username").unwrap_or_default()),
        client: value(line, "client_ip")?,
        implied: Implied::new(530, "connection_failed"),
        ..of_connection(&[], b"", fact)
    })
}

/// A transfer, or a change that was made. Only what succeeded is written, but for transfers.
fn done<'b>(line: &'b [u8], sender: &[u8], protocol: Option<&[u8]>) -> Option<Record<'b>> {
    protocol?;
    let connection = value(line, "connection_id")?;
    let client = value(line, "remote_addr").unwrap_or_default();
    let path = value(line, "file_path").unwrap_or_default();
    let transfer = |verb| {
        let is_whole = value(line, "error").is_none_or(<[u8]>::is_empty);
        Fact::Transfer(TransferRecord {
            verb,
            path,
            bytes: value(line, "size_bytes").and_then(envelope::number),
            complete: Some(is_whole),
        })
    };
    let done = |verb| Fact::Done {
        verb,
        argument: unescaped(path),
    };
    let (fact, implied) = match sender {
        b"Upload" => (transfer(Verb::STOR), Implied::new(226, "Upload")),
        b"Download" => (transfer(Verb::RETR), Implied::new(226, "Download")),
        b"Mkdir" => (done(Verb::new(b"MKD")), Implied::new(257, "Mkdir")),
        b"Rmdir" => (done(Verb::new(b"RMD")), Implied::new(250, "Rmdir")),
        b"Remove" => (done(Verb::new(b"DELE")), Implied::new(250, "Remove")),
        b"Rename" => (
            Fact::Done {
                verb: Verb::RNTO,
                argument: value(line, "target_path").map_or(Cow::default(), unescaped),
            },
            Implied::new(250, "Rename"),
        ),
        _ => return None,
    };
    let is_broken = matches!(&fact, Fact::Transfer(transfer) if transfer.complete == Some(false));
    Some(Record {
        user: value(line, "username").filter(|user| !user.is_empty()),
        implied: implied.filter(|_| !is_broken),
        ..of_connection(&[connection], client, fact)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::tests::events_of;

    fn told(lines: &[&str]) -> Vec<String> {
        let lines: Vec<String> = lines
            .iter()
            .map(|rest| format!("{{\"level\":\"info\",\"time\":\"2026-11-22T08:16:55.100\",{rest}}}\n"))
            .collect();
        let told = events_of("sftpgo", &lines.concat());
        told.into_iter().map(|(s, w)| format!("{s} {w}")).collect()
    }

    #[test]
    fn the_librarys_lines_are_what_was_said() {
        let id = r#""sender":"ftpserverlib","server_id":"FTP_0","clientId":"1","clientIp":"[2001:db8::7]:4000""#;
        let told = told(&[
            &format!(r#"{id},"message":"Client connected""#),
            &format!(r#"{id},"line":"220 Ready","message":"Sending answer""#),
            &format!(r#"{id},"line":"PASS hunter2","message":"Received line""#),
            &format!(r#"{id},"line":"530 No.","message":"Sending answer""#),
            &format!(r#"{id},"message":"Client disconnected""#),
        ]);
        assert_eq!(
            told,
            ["1 introduced 2001:db8::7", "1 opened", "1 220 Ready", "1 PASS secret", "1 530 No.", "1 closed fin by client"]
        );
    }

    #[test]
    fn transfers_that_break_off_and_changes() {
        let told = told(&[
            r#""sender":"Download","remote_addr":"192.0.2.7:1","size_bytes":5,"username":"u","file_path":"/a","connection_id":"FTP_0_2","protocol":"FTP","error":"broken""#,
            r#""sender":"Mkdir","username":"u","file_path":"/d\"\t","connection_id":"FTP_0_2","protocol":"FTP""#,
            r#""sender":"Upload","size_bytes":5,"username":"u","file_path":"/a","connection_id":"SFTP_1","protocol":"SFTP""#,
        ]);
        assert_eq!(
            told,
            ["1 introduced 192.0.2.7 u", "1 RETR /a 5 incomplete", "1 MKD /d\"\t", "1 257 implied by Mkdir", "1 closed input-ended"]
        );
    }

    #[test]
    fn other_lines_are_passed_over_by_name() {
        for (line, reason) in [
            (r#"{"level":"info","time":"x","sender":"service","message":"started"}"#, "a message of the server about itself"),
            (r#"{"level":"info","time":"x","sender":"SSH","message":"User \"sender\":\"FTP\""}"#, "a session by another protocol"),
            (r#"{"level":"info","time":"x","sender":"FTP","message":"other"}"#, "a message of the server about a session"),
        ] {
            assert_eq!(FORMAT.read(&Bare::read(line.as_bytes())), Read::Ignored(reason), "{line}");
        }
        for line in ["{}", "{\"level\":\"info\"}", "{\"level\":\"info\",\"time\":\"x\",\"msg\":\"y\"}", "{\"level\":\"", "x"] {
            assert_eq!(FORMAT.read(&Bare::read(line.as_bytes())), Read::Unrecognised, "{line}");
        }
    }
}
