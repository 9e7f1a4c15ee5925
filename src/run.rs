//! The pipeline, once: paths to findings.
//!
//! Small series are read whole, side by side; a large one gets all threads for
//! itself. Either way the same code reads a series, and what comes out is put
//! together in the order of the series' names.

mod exchanges;
mod joining;
mod listed;
mod look;
mod moved;
mod plan;
mod reading;
mod resume;
mod rows;
mod tasks;
mod told;
mod wanted;
mod watcher;

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Mutex;

use jiff::tz::TimeZone;
use rayon::prelude::*;

use crate::anonymize::Anonymizer;
use crate::capture::{self, Flavour};
use crate::cause::Failure;
use crate::diagnostic::{DiagnosticKind, Diagnostics, Origin, SourceId};
use crate::filter::Filter;
use crate::ftp::Vantage;
use crate::input::Candidate;
use crate::limits;
use crate::log::Detected;
use crate::log::proftpd_ext::ProftpdExt;
use crate::lookup::Lookup;
use crate::progress::Progress;
use crate::report::Sources;
use crate::session::{Builder, Session};
use crate::state::{Causes, State};
use crate::tally::{Gather, Grouping, KeptSessions, Tallies};
use crate::time::Timestamp;
use joining::Held;
pub use listed::{Listed, list};
use plan::Series;
use reading::Reading;
use resume::{Earlier, SeriesLeft};
pub use tasks::{Planned, Task, look, tasks};
pub use wanted::Wanted;
use watcher::{Asked, Watcher, judge};

/// What is asked of a run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Files, directories, `-`.
    pub paths: Vec<PathBuf>,
    /// Inputs of a larger run, instead of paths.
    pub listed: Option<Vec<Listed>>,
    /// False where a session that a capture and a server's log hold counts in each.
    pub joins: bool,
    /// The format of every input, where it is not to be found out.
    pub from: Option<Format>,
    /// The zone of logs that do not tell theirs.
    pub log_zone: TimeZone,
    /// The year of the first line of logs without years.
    pub year: Option<i64>,
    /// What is wanted besides the tallies.
    pub wanted: Wanted,
    /// Which sessions are looked at, and what of them; everything where there is none.
    pub filter: Option<Filter>,
    /// What is counted by name or time as well.
    pub grouping: Option<Grouping>,
    /// What gives other names to all that is shown.
    pub anonymizer: Option<Anonymizer>,
    /// Bytes of a window; [`limits::WINDOW_BYTES`] unless a test wants others.
    pub window_bytes: usize,
    /// True to show a progress bar when it takes long.
    pub progress: bool,
}

impl Settings {
    fn asked(&self) -> Asked<'_> {
        Asked {
            wanted: self.wanted,
            filter: self.filter.as_ref(),
            grouping: self.grouping.as_ref(),
            anonymizer: self.anonymizer.as_ref(),
        }
    }
}

/// What a file holds.
#[derive(Debug, Clone, Copy)]
pub enum Format {
    /// A packet capture.
    Capture(Flavour),
    /// A log.
    Log(Detected),
}

/// Where a layout comes from.
#[derive(Debug, Clone, Copy)]
pub enum Layout<'t> {
    /// It is given itself.
    Written(&'t str),
    /// It stands in a configuration.
    Configured {
        /// The configuration.
        text: &'t [u8],
        /// Its name there; all that are there where none is given.
        name: Option<&'t str>,
    },
}

impl Format {
    /// Tells a format by the first bytes of a file.
    pub fn detect(head: &[u8]) -> Option<Self> {
        Flavour::sniff(head)
            .map(Self::Capture)
            .or_else(|| Detected::by_head(head).map(Self::Log))
    }

    /// The format that is given, or that the first bytes tell. A layout of lines that is given says nothing of captures.
    fn of(given: Option<Self>, head: &[u8]) -> Option<Self> {
        let capture = match given {
            Some(Self::Log(log)) if log.has_layout() => Flavour::sniff(head),
            _ => None,
        };
        capture
            .map(Self::Capture)
            .or(given)
            .or_else(|| Self::detect(head))
    }

    /// A format by its name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "pcap" => Some(Self::Capture(Flavour::Pcap)),
            "pcapng" => Some(Self::Capture(Flavour::Pcapng)),
            _ => Detected::named(name).map(Self::Log),
        }
    }

    /// ProFTPD's `ExtendedLog` in a layout: one that is written as in `LogFormat`, or those of a configuration (the text of
    /// a `proftpd.conf`, and the name of one of them).
    ///
    /// # Errors
    ///
    /// Says what is wrong with the layout.
    pub fn laid_out(layout: Layout<'_>) -> Result<Self, String> {
        let format = match layout {
            Layout::Written(layout) => ProftpdExt::in_layout(layout),
            Layout::Configured { text, name } => ProftpdExt::configured(text, name),
        }?;
        let detected = Detected::given(format).ok_or("its format is not known")?;
        Ok(Self::Log(detected))
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Capture(flavour) => flavour.name(),
            Self::Log(detected) => detected.describe().map_or("", |d| d.name),
        }
    }

    fn vantage(self) -> Vantage {
        match self {
            Self::Capture(_) => Vantage::Wire,
            Self::Log(detected) => detected
                .describe()
                .map_or(Vantage::ServerLog, |d| d.vantage),
        }
    }

    fn gaps(self) -> &'static [&'static str] {
        match self {
            Self::Capture(_) => &[],
            Self::Log(detected) => detected.describe().map_or(&[], |d| d.gaps),
        }
    }
}

/// What a run found.
#[derive(Debug, Default)]
pub struct Findings {
    /// All numbers.
    pub tallies: Tallies,
    /// The sessions with their failures, by start, where they were wanted.
    pub sessions: Vec<(Session, Vec<Failure>)>,
    /// A choice of sessions, where a page is wanted.
    pub kept: KeptSessions,
    /// The sources' paths.
    pub sources: Sources,
    /// What was counted and is not in the tallies yet; nothing once all was read.
    gather: Gather,
    /// Sessions that are judged when all was read, because another input may hold them as well.
    held: Vec<Held>,
    /// The numbers of the sources in the run of which this one is a part.
    places: Vec<SourceId>,
    /// The causes that runs before found, where this one goes on from them.
    pub before: Option<Causes>,
    /// What is left for a later run.
    left: Vec<SeriesLeft>,
}

/// Reads everything. Events are written to `out` where they are wanted; only writing can fail.
pub fn run(settings: &Settings, out: &mut (dyn Write + Send)) -> io::Result<Findings> {
    let mut diagnostics = Diagnostics::default();
    let candidates = settings.candidates(&mut diagnostics);
    read_all(settings, &candidates, diagnostics, None, out)
}

/// Reads what is new since the run that left a state, and gives the state that this one leaves. With `closes` sessions that
/// are open at the end count as well, and nothing of them is left.
///
/// # Errors
///
/// When what is to be written can't be.
pub fn run_on(
    settings: &Settings,
    state: &State,
    closes: bool,
    out: &mut (dyn Write + Send),
) -> io::Result<(Findings, State)> {
    let mut diagnostics = Diagnostics::default();
    let found = Earlier::find(state, &settings.paths, closes, &mut diagnostics);
    read_on(settings, found, diagnostics, out)
}

/// Reads what is new in inputs that were found.
fn read_on(
    settings: &Settings,
    (candidates, earlier): (Vec<Candidate>, Earlier<'_>),
    diagnostics: Diagnostics,
    out: &mut (dyn Write + Send),
) -> io::Result<(Findings, State)> {
    let mut findings = read_all(settings, &candidates, diagnostics, Some(&earlier), out)?;
    findings.before = earlier.causes().cloned();
    let left = std::mem::take(&mut findings.left);
    let state = earlier.state(left, &candidates, &mut findings.tallies.diagnostics);
    Ok((findings, state))
}

fn read_all(
    settings: &Settings,
    candidates: &[Candidate],
    diagnostics: Diagnostics,
    earlier: Option<&Earlier<'_>>,
    out: &mut (dyn Write + Send),
) -> io::Result<Findings> {
    let mut findings = Findings::default();
    findings.tallies.diagnostics = diagnostics;
    let former = earlier.iter().flat_map(|earlier| earlier.former());
    findings.sources = settings.sources(candidates, former);
    findings.places = settings.places();
    let sources = findings.sources.clone();
    findings.tallies.asked.insert(settings.told());
    let total = candidates.iter().map(|c| c.length).sum();
    let progress = Progress::new(total, settings.progress);
    let mut job = Job {
        settings,
        candidates,
        sources: &sources,
        progress: &progress,
        joins: false,
        listed: settings.listed.as_deref().unwrap_or_default(),
        earlier,
        newest: None,
    };
    let asked = settings.asked();
    let series = job.plan(&mut findings.tallies.diagnostics);
    let mut rest = series.as_slice();
    while let Some(first) = rest.first() {
        let small = rest
            .iter()
            .take_while(|s| job.is_small(s))
            .count()
            .min(8 * rayon::current_num_threads());
        if small == 0 {
            findings.absorb(job.fenced(first, out)?);
            findings.let_go(asked, out)?;
            rest = rest.get(1..).unwrap_or_default();
            continue;
        }
        let (wave, later) = rest.split_at(small);
        let read = |series: &Series| {
            let mut rows = Vec::new();
            job.fenced(series, &mut rows).map(|part| (part, rows))
        };
        for part in wave.par_iter().map(read).collect::<Vec<_>>() {
            let (part, rows) = part?;
            out.write_all(&rows)?;
            findings.absorb(part);
            findings.let_go(asked, out)?;
        }
        rest = later;
    }
    progress.finish();
    findings.join(asked, out)?;
    let gather = std::mem::take(&mut findings.gather);
    findings.tallies.absorb(gather.finish());
    if settings.anonymizer.is_some() {
        findings.tallies.diagnostics.drop_samples();
    }
    findings.name_passed_over();
    findings
        .sessions
        .sort_by_key(|(a, _)| (a.start, a.origin, a.key));
    Ok(findings)
}

impl Findings {
    fn absorb(&mut self, other: Findings) {
        self.tallies.absorb(other.tallies);
        self.tallies.absorb(other.gather.finish());
        self.kept.absorb(other.kept);
        self.sessions.extend(other.sessions);
        self.held.extend(other.held);
        self.left.extend(other.left);
    }
}

/// What all series of a run share.
struct Job<'j> {
    settings: &'j Settings,
    candidates: &'j [Candidate],
    sources: &'j Sources,
    progress: &'j Progress,
    /// True where there are captures and server logs: what both hold counts once.
    joins: bool,
    /// What is known of each candidate, where this is a part of a larger run.
    listed: &'j [Listed],
    /// What earlier runs left, where this one goes on.
    earlier: Option<&'j Earlier<'j>>,
    /// When the latest capture begins that holds something new.
    newest: Option<Timestamp>,
}

impl Job<'_> {
    /// True where texts of replies that succeeded are shown: in sessions, and in events that only a log holds.
    fn shows_texts(&self) -> bool {
        match self.settings.wanted {
            Wanted::Sessions | Wanted::Exchanges => true,
            Wanted::Events => self.joins,
            Wanted::Tallies | Wanted::Page | Wanted::PageAndSessions => false,
        }
    }

    fn is_small(&self, series: &Series) -> bool {
        let members = series.members();
        let candidates = || members.iter().filter_map(|i| self.candidates.get(*i));
        candidates().all(|c| c.at().as_os_str() != "-")
            && candidates().map(|c| c.length).sum::<u64>() <= limits::SMALL_SERIES_BYTES
    }

    /// Reads a series; a fault of this program costs that series, not the run.
    fn fenced(&self, series: &Series, out: &mut (dyn Write + Send)) -> io::Result<Findings> {
        let caught = catch_unwind(AssertUnwindSafe(|| self.read_series(series, out)));
        caught.unwrap_or_else(|panic| {
            let words = panic.downcast_ref::<String>().map(String::as_str);
            let words = words
                .or(panic.downcast_ref::<&str>().copied())
                .unwrap_or("no message");
            let mut findings = Findings::default();
            let at = Origin {
                source: source_id(series.members().first().copied().unwrap_or(0)),
                ..Origin::default()
            };
            let reason = format!("a fault of this program, please report it: {words}");
            let tallies = &mut findings.tallies;
            tallies
                .diagnostics
                .add(DiagnosticKind::InternalError, at, &reason);
            for id in series.members().into_iter().map(source_id) {
                tallies.inputs.insert(id, self.input(id));
            }
            Ok(findings)
        })
    }

    /// Reads the sources of a series in order. Sessions that are over are judged beside that, in batches.
    fn read_series(&self, series: &Series, out: &mut (dyn Write + Send)) -> io::Result<Findings> {
        let asked = self.settings.asked();
        let judged = Mutex::new(Vec::new());
        let read = rayon::in_place_scope(|scope| {
            let judged = &judged;
            let judge_batch = move |finished: Vec<Session>| {
                // A poisoned lock is that of a batch that panicked, and the whole series is given up then.
                let known = judged.lock().map(|mut judged| judged.pop());
                let mut findings = known.ok().flatten().unwrap_or_default();
                judge(finished, asked, &mut findings);
                if let Ok(mut judged) = judged.lock() {
                    judged.push(findings);
                }
            };
            // Where nobody else could do it, it is done at once: what was just read is still in the core's cache.
            let is_alone = rayon::current_num_threads() == 1;
            let judge = |finished: Vec<Session>| {
                if is_alone {
                    judge_batch(finished);
                } else {
                    scope.spawn(move |_| judge_batch(finished));
                }
            };
            let watcher = Watcher {
                findings: Findings::default(),
                asked,
                sources: self.sources,
                out,
                failed: None,
                finished: Vec::new(),
                judge: &judge,
                holding: self
                    .joins
                    .then(|| joining::Holding::new(series.first(), asked)),
                apart: Lookup::default(),
                counting: self.earlier.map(|earlier| {
                    let is_again = matches!(series, Series::Captures(_));
                    earlier.counting(&series.members(), is_again)
                }),
            };
            let mut reading = Reading {
                builder: Builder::with_all_texts(self.shows_texts()),
                watcher,
                capture: capture::Reader::default(),
                log: None,
                left: SeriesLeft::default(),
            };
            match series {
                Series::Captures(parts) => self.read_captures(parts, &mut reading),
                Series::Files(indexes) => self.read_files(indexes, &mut reading),
                Series::Repeated(index) => self.leave_out(*index, &mut reading),
                Series::Known(index) => self.pass_over(*index, &mut reading),
            }
            let members = series.members();
            reading.finish(
                self.earlier
                    .is_some_and(|e| e.is_last(&members, self.newest)),
            )
        });
        let mut findings = read?;
        for part in judged.into_inner().unwrap_or_default() {
            findings.absorb(part);
        }
        Ok(findings)
    }
}

fn source_id(index: usize) -> SourceId {
    SourceId(u32::try_from(index).unwrap_or(u32::MAX))
}
