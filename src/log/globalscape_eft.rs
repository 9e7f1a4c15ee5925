//! The log of Globalscape EFT in W3C's extended format (`ex261122.log`), in UTC.
//!
//! A line is a finished exchange with its last code: `[1]user` is the command and, before it, the number of the session,
//! which is counted anew with the server; `created` and `sent` stand for STOR and RETR. The same file holds sessions by
//! SFTP and HTTP with codes made up to look like FTP's: the server's port tells them, and they are passed over.

use std::borrow::Cow;

use crate::ftp::{End, Endpoint, Host, ReplyCode, Vantage};
use crate::log::header::{Column, Header, Row, Writer};
use crate::log::iis::{numbered, plain};
use crate::log::{
    Bare, Description, Exchange, Follow, Format, Moved, Read, Sample, dialogue, envelope,
};

/// The format.
pub static FORMAT: GlobalscapeEft = GlobalscapeEft;

/// The log of EFT.
#[derive(Debug)]
pub struct GlobalscapeEft;

static DESCRIPTION: Description = Description {
    name: "globalscape-eft",
    title: "Globalscape EFT",
    source: "Globalscape's document on EFT's log settings",
    vantage: Vantage::ServerLog,
    gaps: &[
        "the greeting",
        "replies before the last one of a command (150)",
        "the words of replies",
        "the start and end of sessions, but for QUIT",
        "blanks in names, which can not be told from plus signs",
    ],
    samples: &[Sample {
        lines: "#Version: 1.0\n\
                #Software: CuteLogger\n\
                #Date: 2026-11-22 08:00:00\n\
                #Fields: date time c-ip c-port cs-username cs-method cs-uri-stem cs-uri-query sc-status sc-bytes cs-bytes s-name s-port\n\
                2026-11-22 08:16:55 192.0.2.7 40000 alice [1]user alice - 331 - - - 21\n\
                2026-11-22 08:16:55 192.0.2.7 40000 alice [1]pass ******* - 230 - - - 21\n\
                2026-11-22 08:16:56 192.0.2.7 40000 alice [1]created /a+b.txt - 226 - 54 - 21\n\
                2026-11-22 08:16:57 192.0.2.8 - bob [2]user bob - 331 - - - 22\n\
                2026-11-22 08:16:58 192.0.2.7 40000 alice [1]dele /c.txt - 550 - - - 21\n\
                2026-11-22 08:16:59 192.0.2.7 40000 alice [1]quit - - 221 - - - 21",
        events: "introduced 192.0.2.7 alice; USER alice; 331 ; PASS secret; 230 ; STOR /a b.txt; \
                 STOR /a b.txt 54 incomplete; 226 ; DELE /c.txt; 550 ; QUIT; 221 ; closed goodbye",
    }],
};

/// The columns, where the header is in another file.
#[rustfmt::skip]
static ASSUMED: Header = {
    use Column::{Argument, ClientBytes, ClientIp, ClientPort, Date, Method, Other, Query, ServerBytes, ServerPort, Status, Time, User};
    Header::assumed(&[
        Date, Time, ClientIp, ClientPort, User, Method, Argument, Query, Status, ServerBytes, ClientBytes, Other, ServerPort,
    ])
};

impl Format for GlobalscapeEft {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        self.read_under(&ASSUMED, line)
    }

    fn is_headed_by(&self, header: &Header) -> Option<bool> {
        Some(header.writer == Writer::Globalscape)
    }

    fn read_under<'b>(&self, header: &Header, line: &Bare<'b>) -> Read<'b> {
        // Nothing is looked at twice that has no number in front of a command.
        if line.tag.is_some() || memchr::memmem::find(line.message, b" [").is_none() {
            return Read::Unrecognised;
        }
        let (header, loose) = match header.writer {
            Writer::Globalscape if header.has_columns() => (header, Column::User),
            Writer::Globalscape | Writer::Unknown => (&ASSUMED, Column::Other),
            _ => return Read::Unrecognised,
        };
        let row = header.row(line.message, loose);
        row.and_then(|row| record(header, &row)).unwrap_or(Read::Unrecognised)
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(dialogue::Following::new(Vantage::ServerLog))
    }
}

/// `None` for what is no line of this format.
fn record<'b>(header: &Header, row: &Row<'b>) -> Option<Read<'b>> {
    let stamp = row.stamp(header)?;
    let client = row.value(Column::ClientIp)?;
    let (number, method) = numbered(row.get(Column::Method))?;
    let code = match row.value(Column::Status) {
        Some(digits) => ReplyCode::new(u16::try_from(envelope::number(digits)?).ok()?),
        None => None,
    };
    let port = match row.value(Column::ServerPort) {
        Some(digits) => Some(u16::try_from(envelope::number(digits)?).ok()?),
        None => None,
    };
    if let Some(22 | 80 | 443) = port {
        return Some(Read::Ignored("a session by another protocol"));
    }
    let mut exchange = Exchange::of_numbered_session(number, client);
    exchange.client = Some(Endpoint {
        host: Host::read(client),
        port: row.port(Column::ClientPort),
    });
    exchange.user = row.value(Column::User).map(Cow::Borrowed);
    let verb = match method {
        b"sent" => &b"RETR"[..],
        b"created" => b"STOR",
        b"appended" => b"APPE",
        b"" => return None,
        other => other,
    };
    if verb.eq_ignore_ascii_case(b"closed") {
        exchange.end = Some(End::Fin);
    } else {
        exchange.set_command(verb, plain(row.get(Column::Argument)));
    }
    if verb.eq_ignore_ascii_case(b"quit") {
        exchange.end = Some(End::Goodbye);
    }
    if let Some(code) = code {
        exchange.add_reply(code, Cow::default());
    }
    // What it writes into which of the two is its own affair: `sent` has its bytes in `cs-bytes`, too.
    let bytes = row.number(Column::ServerBytes).max(row.number(Column::ClientBytes));
    exchange.moved = bytes.map(|bytes| Moved {
        bytes: Some(bytes),
        complete: None,
    });
    Some(Read::Taken(exchange.record(stamp)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::tests::{events_of, shows};
    use crate::log::{Detected, FORMATS};

    const ROW: &str = "2026-11-22 08:16:55 192.0.2.7 - alice [1]dele /a - 550 - - - 21";

    fn read(line: &str) -> Read<'_> {
        FORMAT.read(&Bare::read(line.as_bytes()))
    }

    #[test]
    fn a_line_without_a_header_is_read_by_what_it_writes_unless_told_otherwise() {
        let told = events_of("globalscape-eft", ROW);
        let told: Vec<_> = told.iter().map(|(_, words)| words.as_str()).collect();
        assert_eq!(told, ["introduced 192.0.2.7 alice", "DELE /a", "550 ", "closed input-ended"]);
        assert_eq!(Detected::by_head(format!("{ROW}\n").as_bytes()), Detected::named("globalscape-eft"));
    }

    #[test]
    fn half_lines_and_lies_are_not_believed() {
        for line in [
            ROW.replace("[1]", ""),
            ROW.replace("[1]dele", "[1]"),
            ROW.replace("[1]", "[x]"),
            ROW.replace("550", "55o"),
            ROW.replace(" 21", ""),
            ROW.replace(" 21", " port"),
            ROW.replace("192.0.2.7", "-"),
            ROW.replace("08:16:55", "08:16:65"),
            format!("{ROW} more"),
        ] {
            assert_eq!(read(&line), Read::Unrecognised, "{line}");
        }
        let ssh = ROW.replace(" 21", " 22");
        assert_eq!(read(&ssh), Read::Ignored("a session by another protocol"));
    }

    #[test]
    fn no_other_format_takes_its_lines_and_no_secret_is_kept() {
        let mut header = Header::default();
        for line in DESCRIPTION.samples[0].lines.lines().take(4) {
            header.take(line.as_bytes());
        }
        let pass = ROW.replace("dele /a", "pass hunter2");
        let bare = Bare::read(pass.as_bytes());
        let taken: Vec<_> = FORMATS
            .iter()
            .filter(|format| !format.is_for_whole_files())
            .filter(|format| format.read_under(&header, &bare) != Read::Unrecognised)
            .map(|format| format.describe().name)
            .collect();
        assert_eq!(taken, ["globalscape-eft"]);
        assert!(!shows(&FORMAT.read_under(&header, &bare), "hunter2"));
    }
}
