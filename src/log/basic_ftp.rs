//! What basic-ftp (Node.js) prints with `ftp.verbose`: `> ` commands and `< ` replies as in curl, but for its own messages.

use crate::ftp::{TlsVersion, Vantage, grammar};
use crate::log::transcript::{self, Aside};
use crate::log::{Bare, Description, Fact, Follow, Format, Read, Sample};

/// The format.
pub static FORMAT: BasicFtp = BasicFtp;

/// basic-ftp's messages.
#[derive(Debug)]
pub struct BasicFtp;

static DESCRIPTION: Description = Description {
    name: "basic-ftp",
    title: "basic-ftp (Node.js)",
    source: "basic-ftp 5 FtpContext.ts and Client.ts, and its messages",
    vantage: Vantage::ClientLog,
    gaps: &["the client's address", "the time", "how a connection ends"],
    samples: &[Sample {
        lines: "Connected to 192.0.2.10:21 (No encryption)\n\
                < 220 Ready\n\
                \n\
                Login security: No encryption\n\
                > USER alice\n\
                < 331 Password required\n\
                \n\
                > PASS ###\n\
                < 530 Login incorrect.\n\
                \n\
                FTPError: 530 Login incorrect.",
        events: "introduced; opened; 220 Ready; USER alice; 331 Password required; PASS secret; 530 Login incorrect.; \
                 closed input-ended",
    }],
};

impl Format for BasicFtp {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        let text = line.message;
        if let Some(said) = text.strip_prefix(b"< ") {
            return Read::Taken(transcript::record(transcript::said(said)));
        }
        if let Some(sent) = text.strip_prefix(b"> ") {
            return match grammar::command(sent) {
                Some(command) => Read::Taken(transcript::record(Fact::Command(command))),
                None => Read::Ignored("an empty command"),
            };
        }
        if let Some(place) = text.strip_prefix(b"Connected to ") {
            let server = place.split(|b| *b == b' ').next().and_then(transcript::endpoint);
            return Read::Taken(transcript::record(Fact::Client(Aside::Connected(server))));
        }
        // Otherwise it is "No encryption".
        let version = text.strip_prefix(b"Control socket is using: ");
        if let Some(version) = version.and_then(|words| TlsVersion::named(words.trim_ascii())) {
            let secured = Aside::Secured(Some(version));
            return Read::Taken(transcript::record(Fact::Client(secured)));
        }
        if is_own(text) {
            return Read::Ignored("a message of the client about a session");
        }
        // What a reply of several lines holds: only its first line has a mark.
        if grammar::reply_line(text).is_some() || text.first() == Some(&b' ') {
            return Read::Taken(transcript::record(transcript::said(text)));
        }
        Read::Unrecognised
    }

    fn knows(&self, head: &[u8]) -> bool {
        let starts: [&[u8]; 3] = [b"Login security: ", b"> PASS ###", b"Control socket is using: "];
        let is_own = |line: &[u8]| starts.iter().any(|start| line.starts_with(start)) || line.ends_with(b" encryption)");
        transcript::is_spoken(self, head) && super::first_lines(head).any(|line| is_own(line.trim_ascii_end()))
    }

    fn is_for_whole_files(&self) -> bool {
        true
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(transcript::Following::default())
    }
}

fn is_own(text: &[u8]) -> bool {
    const STARTS: [&str; 12] = [
        "Login security: ", "Control socket ", "Trying to find optimal transfer strategy", "Optimal transfer strategy",
        "Failed to find optimal", "Downloading from ", "Uploading to ", "FTPError: ", "Error: ", "Closing connections",
        "Using ", "Data socket ",
    ];
    STARTS.iter().any(|start| text.starts_with(start.as_bytes()))
}

#[cfg(test)]
mod tests {
    use crate::log::tests::events_of;

    #[test]
    fn lines_inside_a_reply_have_no_mark() {
        let told = events_of("basic-ftp", "Connected to 192.0.2.10:21 (TLS)\n< 211-Features:\n MDTM\n211 End\n\n> ACCT hunter2\n");
        let told: Vec<_> = told.iter().map(|(_, words)| words.as_str()).collect();
        assert_eq!(told[2..4], ["211 Features:\n MDTM\nEnd", "ACCT secret"]);
    }

    #[test]
    fn tls_is_told_where_there_is_some() {
        let lines = "Connected to 192.0.2.10:21 (No encryption)\n< 220 Hi\nControl socket is using: No encryption\n\
                     > AUTH TLS\n< 234 Go\nControl socket is using: TLSv1.3\n";
        let told = events_of("basic-ftp", lines);
        let told: Vec<_> = told.iter().map(|(_, words)| words.as_str()).collect();
        assert_eq!(told[2..], ["220 Hi", "AUTH TLS", "234 Go", "tls TLSv1.3", "closed input-ended"]);
    }
}
