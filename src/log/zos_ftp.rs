//! What the FTP client of z/OS shows, in a job's output or a terminal: `EZA1701I >>> USER …` and replies as they come.
//!
//! Message numbers stand in front of the client's own lines, or not at all (z/OS UNIX without `-v`); replies have no mark,
//! so a line must look like one. A job's output may have its lines one column to the right.

use crate::ftp::{End, Side, Vantage, grammar};
use crate::log::transcript::{self, Aside};
use crate::log::{Bare, Description, Fact, Follow, Format, Read, Sample};

/// The format.
pub static FORMAT: ZosFtp = ZosFtp;

/// The messages of z/OS's FTP client.
#[derive(Debug)]
pub struct ZosFtp;

static DESCRIPTION: Description = Description {
    name: "zos-ftp",
    title: "the FTP client of z/OS",
    source: "IBM z/OS Communications Server: IP User's Guide and Commands, Interpreting FTP client output, and output of V1R6 and V1R7",
    vantage: Vantage::ClientLog,
    gaps: &[
        "the client's address",
        "the time",
        "the user's password and account",
        "lines inside a reply that begin with neither a blank nor a code",
    ],
    samples: &[
        Sample {
            lines: "EZY2640I Using 'USER2.FTP.DATA' for local site configuration parameters.\n\
                    EZA1450I IBM FTP CS V1R7\n\
                    EZA1554I Connecting to: ftp.example.com 192.0.2.10 port: 21.\n\
                    220-FTPD1 IBM FTP CS V1R7 at FTP, 15:17:06 on 2026-11-22.\n\
                    220 Connection will close if idle for more than 45 minutes.\n\
                    EZA1459I NAME (ftp.example.com:USER2):\n\
                    EZA1701I >>> USER alice\n\
                    331 Send password please.\n\
                    EZA1701I >>> PASS\n\
                    230 ALICE is logged on.  Working directory is \"ALICE.\".\n\
                    EZA1460I Command:\n\
                    EZA1736I put a.txt\n\
                    EZA1701I >>> STOR a.txt\n\
                    550 STOR fails\n\
                    EZA1701I >>> QUIT\n\
                    221 Quit command received. Goodbye.",
            events: "introduced; opened; 220 FTPD1 IBM FTP CS V1R7 at FTP, 15:17:06 on 2026-11-22.\nConnection will close if \
                     idle for more than 45 minutes.; USER alice; 331 Send password please.; PASS secret; \
                     230 ALICE is logged on.  Working directory is \"ALICE.\".; STOR a.txt; 550 STOR fails; QUIT; \
                     221 Quit command received. Goodbye.; closed goodbye",
        },
        Sample {
            lines: "IBM FTP CS V2R5\n\
                    Connecting to: 192.0.2.10 port: 21.\n\
                    220 Ready\n\
                    >>> USER bob\n\
                    530 No.",
            events: "introduced; opened; 220 Ready; USER bob; 530 No.; closed input-ended",
        },
    ],
};

impl Format for ZosFtp {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        let (is_message, text) = without_number(line.message);
        if let Some(sent) = text.strip_prefix(b">>> ") {
            return match grammar::command(sent.trim_ascii_end()) {
                Some(command) => Read::Taken(transcript::record(Fact::Command(command))),
                None => Read::Ignored("an empty command"),
            };
        }
        if let Some(aside) = message(text) {
            return Read::Taken(transcript::record(Fact::Client(aside)));
        }
        if is_message {
            return Read::Ignored("what the client shows, or the user types");
        }
        if grammar::reply_line(text).is_some() || line.message.starts_with(b"  ") {
            return Read::Taken(transcript::record(transcript::said(text)));
        }
        Read::Ignored("what the client shows, or the user types")
    }

    fn knows(&self, head: &[u8]) -> bool {
        let mut has = (false, false);
        for line in super::first_lines(head) {
            let (is_message, text) = without_number(Bare::read(line).message);
            has.0 |= is_message || text.starts_with(b"IBM FTP CS ");
            has.1 |= text.starts_with(b">>> ");
        }
        has == (true, true)
    }

    fn is_for_whole_files(&self) -> bool {
        true
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(transcript::Following::default())
    }
}

/// Without `EZA1701I ` or `EZYFT25I `, and whether that stood there.
fn without_number(line: &[u8]) -> (bool, &[u8]) {
    let line = line.strip_prefix(b" ").filter(|rest| !rest.starts_with(b" ")).unwrap_or(line);
    let Some((number, rest)) = line.split_first_chunk::<8>() else {
        return (false, line);
    };
    let &[b'E', b'Z', a, c1, c2, d1, d2, kind] = number else {
        return (false, line);
    };
    let is_number = a.is_ascii_uppercase()
        && [c1, c2].iter().all(u8::is_ascii_alphanumeric)
        && [d1, d2].iter().all(u8::is_ascii_digit)
        && kind.is_ascii_uppercase();
    if !is_number || !(rest.is_empty() || rest.starts_with(b" ")) {
        return (false, line);
    }
    (true, rest.trim_ascii_start())
}

fn message(text: &[u8]) -> Option<Aside<'_>> {
    if let Some(server) = text.strip_prefix(b"Connecting to: ") {
        let (server, port) = server.split_at(memchr::memmem::find(server, b" port: ")?);
        let port = port.get(b" port: ".len()..)?.trim_ascii_end();
        let mut endpoint = transcript::endpoint(server.rsplit(|b| *b == b' ').next()?)?;
        endpoint.port = transcript::number(port.strip_suffix(b".").unwrap_or(port));
        return Some(Aside::Connected(Some(endpoint)));
    }
    let is_lost = text.starts_with(b"Connection to server interrupted or timed out");
    is_lost.then_some(Aside::Closed(End::Fin, None::<Side>))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::tests::events_of;

    #[test]
    fn lines_one_column_to_the_right_and_listings() {
        let lines = " EZA1450I IBM FTP CS V2R4\n EZA1554I Connecting to: 192.0.2.10 port: 2121.\n 220 Ready\n \
                     EZA1701I >>> NLST\n 125 List started OK\n EZA2284I 250 is a name\n 250 List completed successfully.\n \
                     EZA2589E Connection to server interrupted or timed out. Waiting for reply\n";
        let told: Vec<_> = events_of("zos-ftp", lines).into_iter().map(|(_, w)| w).collect();
        let expected = [
            "introduced",
            "opened",
            "220 Ready",
            "NLST",
            "125 List started OK",
            "250 List completed successfully.",
            "closed fin",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_shell_of_python_is_something_else() {
        for head in [
            ">>> USER alice\n331 x\n",
            "IBM FTP CS V1R7\n220 x\n",
            "EZA1450I IBM FTP CS V1R7\n220 x\n",
        ] {
            assert!(!FORMAT.knows(head.as_bytes()), "{head}");
        }
    }
}
