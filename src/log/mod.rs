//! Lines of logs become events.
//!
//! A line loses its [`envelope`], a [`Format`] reads it alone into a
//! [`Record`] (in parallel), and the format's [`Follow`] puts the records, in
//! the order of the file, together to sessions. A new format is one file in
//! this folder and one word in `formats!` below; detection, the list of
//! formats, and the tests of the sample lines follow from that.
//!
//! Nothing here opens files, and no session's meaning is judged.

mod carried;
mod dialogue;
pub mod envelope;
mod exchange;
pub mod header;
mod protocols;
mod reader;
pub mod sessions;
mod talk;
mod transcript;

use std::borrow::Cow;
use std::cell::OnceCell;

use crate::diagnostic::{Diagnostics, Origin};
use crate::ftp::{
    Command, End, Event, EventKind, Evidence, Reply, ReplyCode, TransferRecord, Uncounted, Vantage,
    Verb,
};
use crate::limits;
use crate::time::{Clock, Stamp, Timestamp};

pub use carried::{Carried, HeaderText, Kept};
pub use envelope::Bare;
pub use exchange::{Exchange, Moved};
pub use header::Header;
pub use reader::{Counts, Cutter, Headed, Lines, LogReader, Part, Progress};
pub use sessions::Marks;
pub use transcript::Aside;

/// What a format is.
#[derive(Debug)]
pub struct Description {
    /// Its name in options and output.
    pub name: &'static str,
    /// What a person calls it.
    pub title: &'static str,
    /// Where its grammar comes from.
    pub source: &'static str,
    /// From where such a log hears.
    pub vantage: Vantage,
    /// What such a log never holds.
    pub gaps: &'static [&'static str],
    /// Lines of it, with the events they give; a test reads them.
    pub samples: &'static [Sample],
}

/// Lines of a log with their events in a few words each, with `; ` between.
#[derive(Debug)]
pub struct Sample {
    /// The lines.
    pub lines: &'static str,
    /// The events.
    pub events: &'static str,
}

/// A log format.
pub trait Format: Sync {
    /// What it is.
    fn describe(&self) -> &'static Description;
    /// Reads one line by itself. Runs in parallel, so it knows no other line.
    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b>;
    /// Whether a header is one of this format. `None` where the format has none: then its files are not searched for them.
    fn is_headed_by(&self, _header: &Header) -> Option<bool> {
        None
    }
    /// Reads a line by what the header in force says of it.
    fn read_under<'b>(&self, _header: &Header, line: &Bare<'b>) -> Read<'b> {
        self.read(line)
    }
    /// Reads the next lines as long as they are in the one form that nearly all lines of this format have: gives what
    /// [`Bare::read`] and [`Format::read`] give, in less time.
    fn read_run(&self, _lines: &mut Lines<'_>) {}
    /// Whether a file that begins so may be in this format at all: asked where lines alone prove little.
    fn knows(&self, _head: &[u8]) -> bool {
        true
    }
    /// True where a line alone proves little: then none is read in files of other formats.
    fn is_for_whole_files(&self) -> bool {
        false
    }
    /// What is assumed to read it, for a person.
    fn assumption(&self) -> Option<&str> {
        None
    }
    /// True where a line is a part of a record, and only all lines together tell of a session: what goes on in a later run
    /// is then read again as a whole.
    fn is_in_pieces(&self) -> bool {
        false
    }
    /// Something that puts records together to sessions.
    fn follow(&self) -> Box<dyn Follow + Send + Sync>;
}

/// What a format makes of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read<'b> {
    /// A record.
    Taken(Record<'b>),
    /// The format's own line, of no use, and why.
    Ignored(&'static str),
    /// Not a line of this format.
    Unrecognised,
}

/// One line, read by itself. Which session it belongs to is not known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record<'b> {
    /// When it was written.
    pub stamp: Stamp,
    /// The process or session number; 0 where there is none.
    pub number: u32,
    /// The client's address or name as it stands there.
    pub client: &'b [u8],
    /// The user.
    pub user: Option<&'b [u8]>,
    /// How often it happened.
    pub times: u32,
    /// What it tells.
    pub fact: Fact<'b>,
    /// The reply that it stands for, where it stands for exactly one.
    pub implied: Option<Implied>,
}

/// A reply for which a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Implied {
    /// Exactly this one.
    Reply {
        /// The reply's code.
        code: ReplyCode,
        /// The message.
        by: &'static str,
    },
    /// One of several, or a number that is always there.
    Uncounted(&'static Uncounted),
}

impl Implied {
    /// `None` where the number is no reply code.
    pub fn new(number: u16, by: &'static str) -> Option<Self> {
        ReplyCode::new(number).map(|code| Self::Reply { code, by })
    }

    /// What it tells, with the reply's text where the message holds that.
    pub fn told(self, text: &[u8]) -> EventKind<'_> {
        match self {
            Self::Reply { code, by } => EventKind::Reply(Reply {
                code,
                text: Cow::Borrowed(text),
                lines: 1,
                evidence: Evidence::Implied { by },
            }),
            Self::Uncounted(reply) => EventKind::Uncounted(reply),
        }
    }
}

/// What a line tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact<'b> {
    /// A control connection opens; with `refused` set the server closes it at once.
    Opened {
        /// True when the server closes it at once.
        refused: bool,
    },
    /// A command.
    Command(Command<'b>),
    /// A piece of what the server says.
    Reply {
        /// The piece.
        text: &'b [u8],
        /// False where the piece is the beginning or middle of a line.
        ends_line: bool,
    },
    /// A login's outcome.
    Login {
        /// True when let in.
        accepted: bool,
        /// Why not, where the log says more than that.
        reason: &'b [u8],
    },
    /// A transfer that is over.
    Transfer(TransferRecord<'b>),
    /// Another command that is over.
    Done {
        /// The command.
        verb: Verb,
        /// Its argument.
        argument: Cow<'b, [u8]>,
    },
    /// Something that the server refuses, in the words of its reply.
    Failed {
        /// The command, where the message belongs to one only.
        verb: Option<Verb>,
        /// Its argument.
        argument: Option<&'b [u8]>,
        /// The reply's text.
        text: &'b [u8],
        /// True when the server closes the control connection with this reply.
        closes: bool,
    },
    /// A command together with what came of it.
    Exchange(Box<Exchange<'b>>),
    /// The control connection is over, as far as the line says how.
    Closed(End),
    /// No event by itself; the format's own [`Follow`] knows what it means for the lines that follow.
    Remark(&'static str),
    /// What a client notes beside what is said.
    Client(Aside<'b>),
    /// A part of what several lines tell together; the format's own [`Follow`] puts it together.
    Piece(tshark::Piece<'b>),
}

/// Where a format's sessions put their events.
pub type Out<'o> = dyn FnMut(Event<'_>) + 'o;

/// Puts the records of one series together to sessions.
pub trait Follow {
    /// Takes the next record in the order of the log.
    fn record(
        &mut self,
        record: &Record<'_>,
        at: Option<Timestamp>,
        origin: Origin,
        out: &mut Out<'_>,
    );
    /// What a run that reads records again has to know beside them: the session to which the record taken last belongs, be
    /// it told yet or not. Where none is named, it is that of the record's events.
    fn marks(&mut self) -> Option<&mut Marks> {
        None
    }
    /// No more records: ends what is open.
    fn finish(&mut self, out: &mut Out<'_>);
    /// Hands over what a person should know.
    fn take_diagnostics(&mut self) -> Diagnostics {
        Diagnostics::default()
    }
}

macro_rules! formats {
    ($($name:ident),* $(,)?) => {
        $(pub mod $name;)*
        /// All formats.
        pub static FORMATS: &[&dyn Format] = &[$(&$name::FORMAT),*];
    };
}

formats! {
    apache_ftpserver,
    aws_transfer,
    basic_ftp,
    bftpd,
    bsd_ftp,
    bsd_ftpd,
    crushftp,
    curl,
    dotnet,
    filezilla_client,
    filezilla_server_0,
    filezilla_server_1,
    glftpd,
    globalscape_eft,
    iis,
    ironport,
    lftp,
    library_trace,
    ncftp,
    ncftpd,
    proftpd,
    proftpd_ext,
    pureftpd,
    pureftpd_clf,
    pureftpd_stats,
    pureftpd_w3c,
    pyftpdlib,
    python_ftplib,
    serv_u,
    sftpgo,
    suricata,
    tshark,
    vsftpd,
    webstar,
    wget,
    winscp,
    ws_ftp_server,
    xferlog,
    zeek,
    zos_ftp,
}

/// The format of a source: the one that most of its lines are in.
#[derive(Clone, Copy)]
pub struct Detected {
    index: usize,
    /// The same format in a layout that was given, which lives as long as the program.
    given: Option<&'static dyn Format>,
}

impl PartialEq for Detected {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index && self.given.is_some() == other.given.is_some()
    }
}

impl std::fmt::Debug for Detected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.describe().map_or("?", |description| description.name);
        f.debug_tuple("Detected").field(&name).finish()
    }
}

impl Detected {
    /// The format of that name.
    pub fn named(name: &str) -> Option<Self> {
        let index = FORMATS.iter().position(|f| f.describe().name == name)?;
        Some(Self { index, given: None })
    }

    /// A format in a layout of its own, for the rest of the program's life.
    pub fn given(format: impl Format + Send + 'static) -> Option<Self> {
        let named = Self::named(format.describe().name)?;
        let given: &'static dyn Format = Box::leak(Box::new(format));
        Some(Self {
            given: Some(given),
            ..named
        })
    }

    /// True where a layout was given.
    pub fn has_layout(self) -> bool {
        self.given.is_some()
    }

    fn format(self, index: usize) -> Option<&'static dyn Format> {
        let given = self.given.filter(|_| index == self.index);
        given.or_else(|| FORMATS.get(index).copied())
    }

    /// What it is.
    pub fn describe(self) -> Option<&'static Description> {
        FORMATS.get(self.index).map(|f| f.describe())
    }

    /// Tells the format of a source by its first bytes; `None` where no format knows enough of them.
    ///
    /// A format wins by the lines it takes. Lines that say nothing (empty, of other programs in a common syslog, PAM's)
    /// neither help nor harm, but where there are only lines of the last kind their format is the answer.
    pub fn by_head(head: &[u8]) -> Option<Self> {
        let mut score = vec![(0_usize, 0_usize); FORMATS.len()];
        let may_be: Vec<bool> = FORMATS.iter().map(|f| f.knows(head)).collect();
        let mut unknown = 0;
        let mut header = Header::default();
        for line in first_lines(head) {
            let bare = Bare::read(line);
            if bare.message.first() == Some(&b'#') {
                header.take(bare.message);
                continue;
            }
            let mut known = bare.message.is_empty() || bare.tag.is_some();
            let inside = OnceCell::new();
            let formats = FORMATS.iter().zip(&mut score).zip(&may_be);
            for ((format, (taken, ignored)), _) in formats.filter(|(_, may_be)| **may_be) {
                match read_with(*format, &header, &bare, &inside) {
                    Read::Taken(_) => *taken += 1,
                    Read::Ignored(_) => *ignored += 1,
                    Read::Unrecognised => continue,
                }
                known = true;
            }
            unknown += usize::from(!known);
        }
        for (format, (_, ignored)) in FORMATS.iter().zip(&mut score) {
            *ignored += usize::from(format.is_headed_by(&header) == Some(true));
        }
        let (index, &(taken, ignored)) = score
            .iter()
            .enumerate()
            .max_by_key(|(index, score)| (**score, FORMATS.len() - index))?;
        let is_known = if taken > 0 {
            taken * 3 >= unknown
        } else {
            ignored > unknown
        };
        if is_known {
            return Some(Self { index, given: None });
        }
        proftpd_ext::ProftpdExt::guessed(first_lines(head)).and_then(Self::given)
    }

    /// What is assumed to read it, for a person.
    pub(crate) fn assumption(self) -> Option<&'static str> {
        self.given?.assumption()
    }

    /// See [`Format::is_in_pieces`].
    pub fn is_in_pieces(self) -> bool {
        let format = self.format(self.index);
        format.is_some_and(Format::is_in_pieces)
    }

    /// True where lines that begin with `#` say what is in those behind them.
    fn has_headers(self) -> bool {
        let format = self.format(self.index);
        format.is_some_and(|format| format.is_headed_by(&Header::default()).is_some())
    }

    /// Shows a clock the dates at the head of a source, so that it knows the order of day and month from the first line on.
    pub fn teach(self, clock: &mut Clock, head: &[u8]) {
        for line in whole_lines(head) {
            let (bare, header) = (Bare::read(line), Header::default());
            let inside = OnceCell::new();
            let format = self.format(self.index);
            match format.map(|format| read_with(format, &header, &bare, &inside)) {
                Some(Read::Taken(record)) if matches!(record.stamp, Stamp::Unordered(..)) => {
                    clock.learn(record.stamp);
                }
                // All dates of a source are of one kind.
                Some(Read::Taken(_)) | None => return,
                Some(_) => {}
            }
        }
    }

    /// Reads a line with the source's format only.
    fn read_own<'b>(self, header: &Header, bare: &Bare<'b>) -> (usize, Read<'b>) {
        let own = self.format(self.index);
        let read = own.map(|format| read_with(format, header, bare, &OnceCell::new()));
        (self.index, read.unwrap_or(Read::Unrecognised))
    }

    /// Reads a line with the source's format, then with the others: one file may hold two.
    fn read<'b>(self, header: &Header, bare: &Bare<'b>) -> (usize, Read<'b>) {
        let is_guest = |i: &usize| FORMATS.get(*i).is_some_and(|f| !f.is_for_whole_files());
        let others = (0..FORMATS.len()).filter(|i| *i != self.index);
        let inside = OnceCell::new();
        for index in std::iter::once(self.index).chain(others.filter(is_guest)) {
            let read = self
                .format(index)
                .map(|format| read_with(format, header, bare, &inside));
            if let Some(read @ (Read::Taken(_) | Read::Ignored(_))) = read {
                return (index, read);
            }
        }
        let read = if bare.message.is_empty() {
            Read::Ignored("empty line")
        } else if bare.tag.is_some() {
            Read::Ignored("another program's message")
        } else if bare.message.starts_with(b"-- ") {
            // `-- Boot 1f…`, `-- Journal begins at …`, `-- No entries --`
            Read::Ignored("a message of journalctl about the journal")
        } else {
            Read::Unrecognised
        };
        (self.index, read)
    }
}

/// Reads a line with a format, and where that takes nothing of it, the line that a forwarder put its envelope around: that
/// is looked for once.
fn read_with<'b>(
    format: &dyn Format,
    header: &Header,
    bare: &Bare<'b>,
    inside: &OnceCell<Option<Bare<'b>>>,
) -> Read<'b> {
    let read = format.read_under(header, bare);
    if bare.tag.is_none() || matches!(read, Read::Taken(_)) {
        return read;
    }
    let inside = inside.get_or_init(|| bare.forwarded()).as_ref();
    match inside.map(|inside| format.read_under(header, inside)) {
        Some(within @ (Read::Taken(_) | Read::Ignored(_))) => within,
        _ => read,
    }
}

/// The lines of a head by which a format is told.
fn first_lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    whole_lines(head).take(limits::SNIFF_LINES)
}

/// The non-empty lines of a head, without the last one where it is cut.
fn whole_lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = memchr::memrchr(b'\n', head).map_or(head.len(), |last| last + 1);
    let lines = head.get(..end).unwrap_or(head).split(|b| *b == b'\n');
    lines.filter(|line| !line.trim_ascii().is_empty())
}

#[cfg(test)]
mod tests;
