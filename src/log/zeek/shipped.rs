//! Rows of an `ftp.log` in the schema that Filebeat's and Elastic's integrations for Zeek give them.

use serde::Deserialize;

use super::{Object, Time, record};
use crate::log::Read;

/// The document, or what Elasticsearch puts around it.
#[derive(Deserialize)]
struct Document {
    #[serde(rename = "_source")]
    source_of_hit: Option<Box<Document>>,
    #[serde(rename = "@timestamp")]
    at: Option<String>,
    zeek: Option<Zeek>,
    source: Option<Half>,
    destination: Option<Half>,
}

#[derive(Deserialize)]
struct Zeek {
    session_id: String,
    ftp: Ftp,
}

#[derive(Deserialize)]
struct Ftp {
    user: Option<String>,
    command: Option<String>,
    arg: Option<String>,
    reply: Option<Reply>,
}

#[derive(Deserialize)]
struct Reply {
    code: Option<u16>,
    msg: Option<String>,
}

#[derive(Deserialize)]
struct Half {
    ip: Option<String>,
    address: Option<String>,
    port: Option<u16>,
}

/// A line that holds such a document.
pub(super) fn read(line: &[u8]) -> Read<'static> {
    let text = String::from_utf8_lossy(line);
    let row = serde_json::from_str::<Document>(&text).ok().and_then(row);
    row.and_then(record).map_or(Read::Unrecognised, Read::Taken)
}

/// The row that Zeek wrote.
fn row(document: Document) -> Option<Object> {
    let document = match document.source_of_hit {
        Some(inside) => *inside,
        None => document,
    };
    let Zeek { session_id: uid, ftp } = document.zeek?;
    let (orig_h, orig_p) = ends(document.source);
    let (resp_h, resp_p) = ends(document.destination);
    let (reply_code, reply_msg) = ftp.reply.map_or((None, None), |reply| (reply.code, reply.msg));
    Some(Object {
        path: None,
        ts: Time::Text(document.at.unwrap_or_default()),
        uid,
        orig_h,
        orig_p,
        resp_h,
        resp_p,
        id: None,
        user: ftp.user,
        command: ftp.command,
        arg: ftp.arg,
        reply_code,
        reply_msg,
    })
}

fn ends(half: Option<Half>) -> (Option<String>, Option<u16>) {
    half.map_or((None, None), |half| (half.ip.or(half.address), half.port))
}
