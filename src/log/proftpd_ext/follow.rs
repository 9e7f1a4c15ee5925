//! The sessions of an `ExtendedLog`: what [`dialogue`] makes of its exchanges, less those of SSH, and with times in one zone.

use crate::diagnostic::{DiagnosticKind, Diagnostics, Origin};
use crate::ftp::Vantage;
use crate::limits;
use crate::log::proftpd::zone::{self, Steady};
use crate::log::{Fact, Follow, Marks, Out, Record, dialogue};
use crate::lookup::Lookup;
use crate::time::{Stamp, Timestamp};

/// What is known of a process besides its session.
#[derive(Debug, Default)]
struct Process {
    times: Steady,
    is_ssh: bool,
    /// A user was named, and is not in yet.
    logs_in: bool,
}

/// The sessions of one log.
pub(super) struct Following {
    dialogue: dialogue::Following,
    processes: Lookup<u32, Process>,
    diagnostics: Diagnostics,
}

impl Following {
    pub(super) fn new() -> Self {
        Self {
            dialogue: dialogue::Following::new(Vantage::ServerLog),
            processes: Lookup::default(),
            diagnostics: Diagnostics::default(),
        }
    }

    /// What is known of a record's process; nothing where the log has no process ids, or needs none of this.
    fn process(&mut self, record: &Record<'_>) -> Option<&mut Process> {
        let has_zone = matches!(record.stamp, Stamp::Utc(_) | Stamp::None);
        let is_ssh = matches!(record.fact, Fact::Remark(_));
        let number = record.number;
        if number == 0 || has_zone && !is_ssh && self.processes.is_empty() {
            return None;
        }
        if self.processes.get(&number).is_none() {
            if has_zone && !is_ssh {
                return None;
            }
            if self.processes.len() >= limits::OPEN_SESSIONS {
                self.processes = Lookup::default();
            }
            self.processes.insert(number, Process::default());
        }
        self.processes.get_mut(&number)
    }

    /// Whether the record is one of FTP, and its time in the zone of its session's beginning.
    fn seen(
        &mut self,
        record: &Record<'_>,
        at: Option<Timestamp>,
        origin: Origin,
    ) -> (bool, Option<Timestamp>) {
        let Some(process) = self.process(record) else {
            return (true, at);
        };
        let Fact::Exchange(exchange) = &record.fact else {
            process.is_ssh = true;
            return (false, at);
        };
        let is_first = process.logs_in && exchange.lets_in();
        process.logs_in = exchange.begins_login() || process.logs_in && !is_first;
        let is_local = !matches!(record.stamp, Stamp::Utc(_) | Stamp::None);
        let (Some(known), true) = (at, is_local && !process.is_ssh) else {
            return (!process.is_ssh, at);
        };
        let (known, is_new) = process.times.correct(known, is_first);
        if is_new {
            self.diagnostics.add(DiagnosticKind::Assumed, origin, zone::TOLD);
        }
        (true, Some(known))
    }
}

impl Follow for Following {
    fn record(&mut self, record: &Record<'_>, at: Option<Timestamp>, origin: Origin, out: &mut Out<'_>) {
        let (is_ftp, at) = self.seen(record, at, origin);
        if is_ftp {
            self.dialogue.record(record, at, origin, out);
        }
        if let Fact::Exchange(exchange) = &record.fact
            && exchange.end.is_some()
        {
            self.processes.remove(&record.number);
        }
    }

    fn marks(&mut self) -> Option<&mut Marks> {
        self.dialogue.marks()
    }

    fn finish(&mut self, out: &mut Out<'_>) {
        self.dialogue.finish(out);
    }

    fn take_diagnostics(&mut self) -> Diagnostics {
        let mut all = std::mem::take(&mut self.diagnostics);
        all.absorb(self.dialogue.take_diagnostics());
        all
    }
}
