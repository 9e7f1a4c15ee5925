//! xferlog(5): one line for each transfer that is over.
//!
//! wu-ftpd's format, also written by vsftpd, ProFTPD, Pure-FTPd, glFTPd,
//! Serv-U and many devices. A line becomes a transfer; the transfers of one
//! user from one host become one session that is approximate. There are no
//! replies in it: `c` and `i` say whether a transfer is complete, and what an
//! `i` stands for differs between servers (vsftpd writes it for a refused file,
//! ProFTPD only for an aborted transfer), so none is made up.

use crate::diagnostic::{Diagnostics, Origin};
use crate::ftp::{
    Closing, End, Endpoint, Event, EventKind, Host, Introduction, SessionKey, TransferRecord,
    Vantage, Verb,
};
use crate::log::sessions::{Handle, Sessions, event};
use crate::log::{Bare, Description, Fact, Follow, Format, Marks, Out, Read, Record, Sample, envelope};
use crate::lookup::Lookup;
use crate::text::Text;
use crate::time::{Stamp, Timestamp};

/// The format.
pub static FORMAT: Xferlog = Xferlog;

/// xferlog(5).
#[derive(Debug)]
pub struct Xferlog;

static DESCRIPTION: Description = Description {
    name: "xferlog",
    title: "xferlog of wu-ftpd, vsftpd, ProFTPD, Pure-FTPd and others",
    source: "xferlog(5) of wu-ftpd 2.6.2 and ProFTPD 1.3.8; vsftpd 3.0.5 logging.c",
    vantage: Vantage::TransferLog,
    gaps: &[
        "commands and replies",
        "logins",
        "listings",
        "the start and end of sessions",
        "why a transfer failed",
    ],
    samples: &[
        Sample {
            lines: "Sun Nov 22 07:13:14 2026 1 192.0.2.7 12000 /up/a.txt b _ i r alice ftp 0 * c",
            events: "introduced 192.0.2.7 alice approximate; STOR /up/a.txt 12000 complete; closed input-ended",
        },
        Sample {
            lines: "Wed Sep 4 08:14:03 2002 1 ftp.example 0 /a b.so b _ o a x@y.example z ftp 0 * i",
            events: "introduced ftp.example anonymous approximate; RETR /a b.so 0 incomplete; closed input-ended",
        },
        Sample {
            lines: "Sun Nov 22 07:22:46 2026 0 2001:db8::7 12 /b b C_ d r alice ftps 1 alice c",
            events: "introduced 2001:db8::7 alice approximate; DELE /b 12 complete; closed input-ended",
        },
        Sample {
            lines: "Nov 22 07:22:46 ftp1 ftpd[9]: xferlog (recv): 2 192.0.2.7 12 /up/b.txt b _ i r alice ftp 0 * c",
            events: "introduced 192.0.2.7 alice approximate; STOR /up/b.txt 12 complete; closed input-ended",
        },
        Sample {
            lines: "Sun Nov 22 07:13:14 1996 1 192.0.2.7 12000 /up/a.txt b _ i r alice ftp 0 *",
            events: "introduced 192.0.2.7 alice approximate; STOR /up/a.txt 12000 incomplete; closed input-ended",
        },
    ],
};

impl Format for Xferlog {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        let fields = match line.tag {
            Some(_) => in_syslog(line),
            None => fields(line.message),
        };
        match fields {
            Some(fields) if !fields.is_ftp() => Read::Ignored("a transfer by another protocol"),
            Some(fields) => Read::Taken(fields.record),
            None => Read::Unrecognised,
        }
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(Following::default())
    }
}

struct Fields<'b> {
    record: Record<'b>,
    service: &'b [u8],
}

impl Fields<'_> {
    /// ProFTPD's `mod_sftp` and others write what went over SSH here too.
    fn is_ftp(&self) -> bool {
        let other: [&[u8]; 5] = [b"sftp", b"scp", b"ssh", b"ssh2", b"http"];
        !other.iter().any(|o| o.eq_ignore_ascii_case(self.service))
    }
}

/// The last word, and what is before it.
fn last_word(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let blank = memchr::memrchr(b' ', bytes)?;
    Some((bytes.get(blank + 1..)?, bytes.get(..blank)?))
}

/// `xferlog (send): ` and what follows the date: wu-ftpd's `log syslog`.
fn in_syslog<'b>(line: &Bare<'b>) -> Option<Fields<'b>> {
    let rest = line.message.strip_prefix(b"xferlog (")?;
    let end = memchr::memmem::find(rest, b"): ")?;
    behind_date(line.stamp, rest.get(end + 3..)?)
}

fn fields(line: &[u8]) -> Option<Fields<'_>> {
    let (stamp, rest) = envelope::ctime(line)?;
    behind_date(stamp, rest.strip_prefix(b" ")?)
}

fn behind_date(stamp: Stamp, rest: &[u8]) -> Option<Fields<'_>> {
    let (seconds, rest) = envelope::word(rest)?;
    envelope::number(seconds)?;
    let (client, rest) = envelope::word(rest)?;
    let (bytes, rest) = envelope::word(rest)?;
    let bytes = envelope::number(bytes)?;
    let whole = rest.trim_ascii_end();
    let (status, rest) = last_word(whole)?;
    let (complete, rest) = match status {
        b"c" => (Some(true), rest),
        b"i" => (Some(false), rest),
        // wu-ftpd before 2.5 does not say.
        _ => (None, whole),
    };
    let (_, rest) = last_word(rest)?;
    let (method, rest) = last_word(rest)?;
    if !matches!(method, b"0" | b"1") {
        return None;
    }
    let (service, rest) = last_word(rest)?;
    let (path, direction, user) = middle(rest)?;
    let verb = match direction {
        b'o' => Verb::new(b"RETR"),
        b'i' => Verb::new(b"STOR"),
        _ => Verb::new(b"DELE"),
    };
    let record = Record {
        stamp,
        number: 0,
        client,
        user: Some(user),
        times: 1,
        fact: Fact::Transfer(TransferRecord {
            verb,
            path,
            bytes: Some(bytes),
            complete,
        }),
        implied: None,
    };
    Some(Fields { record, service })
}

/// `path type flags direction access user` as path, direction and user. Path and user may hold blanks, so the four single words between them are
/// looked for, the last ones first: `a|b  C|U|T|_  o|i|d  a|g|r`. Where access is `a` the last field is the password that
/// an anonymous user gave (xferlog(5)), which is not kept.
fn middle(text: &[u8]) -> Option<(&[u8], u8, &[u8])> {
    memchr::memrchr_iter(b' ', text).find_map(|at| {
        let (path, kind) = text.get(..at)?.split_at_checked(at.checked_sub(2)?)?;
        if !matches!(kind, b" a" | b" b") || path.is_empty() {
            return None;
        }
        let (flags, after) = envelope::word(text.get(at + 1..)?)?;
        let (&[direction, b' ', access, b' '], user) = after.split_first_chunk::<4>()? else {
            return None;
        };
        let fits = flags.iter().all(|b| b"CUT_".contains(b))
            && b"oid".contains(&direction)
            && b"agr".contains(&access);
        let user = if access == b'a' { b"anonymous" } else { user };
        fits.then_some((path, direction, user))
    })
}

/// Session number (0 for none), host, user.
type Owner = (u32, Vec<u8>, Vec<u8>);

/// The sessions of a log of transfers: by host and user, and by a number where the log has one.
#[derive(Default)]
pub(super) struct Following {
    sessions: Sessions<Owner>,
    by_owner: Lookup<Owner, Handle>,
}

impl Following {
    fn begin(
        &mut self,
        owner: Owner,
        at: Option<Timestamp>,
        origin: Origin,
        out: &mut Out<'_>,
    ) -> Handle {
        let client = Some(Endpoint::host(Host::read(&owner.1)));
        let number = self.sessions.nth_of_second(at) | u64::from(owner.0);
        let key = SessionKey::new(client.as_ref(), None, at, number);
        let introduction = Introduction {
            vantage: Vantage::TransferLog,
            client,
            server: None,
            user: Some(Text::cut(&owner.2, crate::limits::ARGUMENT_BYTES)),
            approximate: owner.0 == 0,
        };
        out(event(
            key,
            at,
            origin,
            EventKind::Introduced(Box::new(introduction)),
        ));
        let handle = self.sessions.begin(key, at, origin, owner.clone());
        self.by_owner.insert(owner, handle);
        handle
    }

    fn end(&mut self, handle: Handle, end: End, out: &mut Out<'_>) {
        if let Some(open) = self.sessions.end(handle) {
            out(open.event(EventKind::Closed(Closing::heard(end))));
            if self.by_owner.get(&open.state) == Some(&handle) {
                self.by_owner.remove(&open.state);
            }
        }
    }
}

impl Follow for Following {
    fn record(
        &mut self,
        record: &Record<'_>,
        at: Option<Timestamp>,
        origin: Origin,
        out: &mut Out<'_>,
    ) {
        while let Some(handle) = self.sessions.overdue(at) {
            self.end(handle, End::Idle, out);
        }
        let owner = (
            record.number,
            record.client.to_vec(),
            record.user.unwrap_or_default().to_vec(),
        );
        let known = self.by_owner.get(&owner).copied();
        let handle = match known {
            Some(handle) if self.sessions.live(handle, at).is_some() => handle,
            Some(handle) => {
                self.end(handle, End::Idle, out);
                self.begin(owner, at, origin, out)
            }
            None => self.begin(owner, at, origin, out),
        };
        let Some(open) = self.sessions.get_mut(handle) else {
            return;
        };
        open.last = at.or(open.last);
        open.origin = origin;
        if let Fact::Transfer(transfer) = &record.fact {
            let kind = EventKind::Transfer(transfer.clone());
            let told: Event<'_> = event(open.key, at, origin, kind);
            out(told);
            if let Some(implied) = record.implied {
                out(event(open.key, at, origin, implied.told(b"")));
            }
        }
    }

    fn marks(&mut self) -> Option<&mut Marks> {
        Some(self.sessions.marks())
    }

    fn finish(&mut self, out: &mut Out<'_>) {
        while let Some(handle) = self.sessions.any() {
            self.end(handle, End::InputEnded, out);
        }
    }

    fn take_diagnostics(&mut self) -> Diagnostics {
        self.sessions.take_diagnostics()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(String, String, u64, Option<bool>)> {
        match FORMAT.read(&Bare::read(line.as_bytes())) {
            Read::Taken(Record {
                user: Some(user),
                fact: Fact::Transfer(transfer),
                ..
            }) => Some((
                String::from_utf8_lossy(transfer.path).into_owned(),
                String::from_utf8_lossy(user).into_owned(),
                transfer.bytes.unwrap(),
                transfer.complete,
            )),
            _ => None,
        }
    }

    fn check(tail: &str, path: &str, user: &str) {
        let line = format!("Sun Nov 22 07:13:14 2026 1 192.0.2.7 10 {tail}");
        let (p, u, ..) = read(&line).unwrap_or_else(|| panic!("{line}"));
        assert_eq!((p.as_str(), u.as_str()), (path, user), "{line}");
    }

    #[test]
    fn blanks_in_path_and_user_are_kept() {
        check("/a b c.txt b _ i r alice ftp 0 * c", "/a b c.txt", "alice");
        check("/a.txt a _ o r two words ftp 0 * c", "/a.txt", "two words");
        check(
            "/x b _ o r y b _ i r alice ftp 0 * c",
            "/x b _ o r y",
            "alice",
        );
        check("/x b CT i a m@h.example ftp 0 * i", "/x", "anonymous");
        check("/x b T d g alice ftp 1 alice c", "/x", "alice");
    }

    #[test]
    fn whether_all_was_moved_is_told_where_the_line_tells_it() {
        for (end, complete) in [(" c", Some(true)), (" i", Some(false)), ("", None)] {
            let line = format!("Sun Nov 22 07:13:14 1996 1 192.0.2.7 10 /a b _ i r bob ftp 0 *{end}");
            assert_eq!(read(&line).map(|told| told.3), Some(complete), "{line}");
        }
    }

    #[test]
    fn what_is_not_a_transfer_is_not_taken() {
        for line in [
            "Sun Nov 22 07:13:14 2026 [pid 5] CONNECT: Client \"192.0.2.7\"",
            "Sun Nov 22 07:13:14 2026 1 192.0.2.7 10 /x b _ z r alice ftp 0 * c",
            "Sun Nov 22 07:13:14 2026 1 192.0.2.7 10 /x b _ i r alice ftp 0 * x",
            "Sun Nov 22 07:13:14 2026 1 192.0.2.7 ten /x b _ i r alice ftp 0 * c",
            "Sun Nov 22 07:13:14 2026 1 192.0.2.7 10 b _ i r alice ftp 0 * c",
            "Sun Nov 22 07:13:14 2026",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }

    #[test]
    fn what_went_over_ssh_is_passed_over() {
        let line = b"Sun Nov 22 07:13:14 2026 1 192.0.2.7 10 /x b _ i r alice sftp 0 * c";
        assert_eq!(
            FORMAT.read(&Bare::read(line)),
            Read::Ignored("a transfer by another protocol")
        );
    }
}
