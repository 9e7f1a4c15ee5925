//! The sessions of ProFTPD's messages, by process id.
//!
//! What [`talk`] makes of them, less the sessions of SSH, and with times in one zone.

use crate::diagnostic::{DiagnosticKind, Diagnostics, Origin};
use crate::limits;
use crate::log::{Fact, Follow, Marks, Out, Record, talk};
use crate::lookup::Lookup;
use crate::time::Timestamp;

use super::messages::{NOBODY_CAME, SSH, SSH_OVER};
use super::tls;
use super::zone::{self, Steady};

/// What is known of a process besides its session.
#[derive(Debug, Default)]
struct Process {
    /// Its times, where its session was opened in this log: process ids are used again.
    times: Option<Steady>,
    is_ssh: bool,
    is_logged_in: bool,
    /// It said that nobody came to the passive port.
    nobody_came: bool,
    /// Why the handshake that fails next fails.
    reason: Option<&'static str>,
}

/// The sessions of one log.
#[derive(Default)]
pub(super) struct Following {
    talk: talk::Following,
    processes: Lookup<u32, Process>,
    /// Who said the last line.
    speaker: u32,
    diagnostics: Diagnostics,
}

impl Following {
    /// What is to be known of the record's process from here on; nothing where the log has no process ids.
    fn process(&mut self, record: &Record<'_>) -> Option<&mut Process> {
        let number = match (record.number, &record.fact) {
            // A further line of what the process before said.
            (0, Fact::Remark(_)) => self.speaker,
            (number, _) => number,
        };
        self.speaker = number;
        let opens = matches!(record.fact, Fact::Opened { .. });
        let is_new = opens || self.processes.get(&number).is_none();
        if number == 0 || is_new && !opens && !matches!(record.fact, Fact::Remark(_)) {
            return None;
        }
        if is_new {
            if self.processes.len() >= limits::OPEN_SESSIONS {
                self.processes = Lookup::default();
            }
            let process = Process {
                times: opens.then(Steady::default),
                ..Process::default()
            };
            self.processes.insert(number, process);
        }
        self.processes.get_mut(&number)
    }

    /// The record's time, and what it says in the light of what its process said before. `None` where it is no FTP.
    fn seen<'b>(
        &mut self,
        record: &Record<'b>,
        at: Option<Timestamp>,
        origin: Origin,
    ) -> Option<(Record<'b>, Option<Timestamp>)> {
        let mut record = record.clone();
        let Some(process) = self.process(&record) else {
            let is_remark = matches!(record.fact, Fact::Remark(_));
            return (!is_remark).then_some((record, at));
        };
        match &mut record.fact {
            Fact::Remark(remark) => {
                process.is_ssh |= *remark == SSH;
                process.nobody_came |= *remark == NOBODY_CAME;
                if *remark != tls::FAILED {
                    process.reason = Some(*remark);
                }
                return None;
            }
            Fact::Failed { text, .. } if *text == tls::FAILED.as_bytes() => {
                *text = process.reason.take().map_or(*text, str::as_bytes);
            }
            Fact::Failed { closes: true, text, .. } if process.nobody_came => {
                *text = NOBODY_CAME.as_bytes();
            }
            _ => {}
        }
        if process.is_ssh {
            return None;
        }
        let logs_in = matches!(record.fact, Fact::Login { accepted: true, .. });
        let is_first = logs_in && !process.is_logged_in;
        process.is_logged_in |= logs_in;
        let (Some(at), Some(times)) = (at, &mut process.times) else {
            return Some((record, at));
        };
        let (at, is_new) = times.correct(at, is_first);
        if is_new {
            self.diagnostics.add(DiagnosticKind::Assumed, origin, zone::TOLD);
        }
        Some((record, Some(at)))
    }
}

impl Follow for Following {
    fn record(&mut self, record: &Record<'_>, at: Option<Timestamp>, origin: Origin, out: &mut Out<'_>) {
        if let Some((record, at)) = self.seen(record, at, origin) {
            self.talk.record(&record, at, origin, out);
        }
        if matches!(record.fact, Fact::Closed(_) | Fact::Opened { refused: true } | Fact::Remark(SSH_OVER)) {
            self.processes.remove(&record.number);
        }
    }

    fn marks(&mut self) -> Option<&mut Marks> {
        self.talk.marks()
    }

    fn finish(&mut self, out: &mut Out<'_>) {
        self.talk.finish(out);
    }

    fn take_diagnostics(&mut self) -> Diagnostics {
        let mut all = std::mem::take(&mut self.diagnostics);
        all.absorb(self.talk.take_diagnostics());
        all
    }
}
