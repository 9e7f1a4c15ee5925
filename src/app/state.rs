//! `--state`: what the last run left is read under a lock, and what this one leaves is written with its outputs.
//!
//! Outputs are brought to the disk beside their places first, then what is printed is printed, then the state is written,
//! which names the outputs, and then these are put in their places. So the outputs of a run and its state come together:
//! where a run is ended before its state is written, nothing of it is left; where it is ended after that, the next run puts
//! its outputs in their places. Only what was printed, and no state written, is printed again by the next run.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::targets::print;
use super::{Outcome, Trouble};
use crate::cli::{ReadArgs, StateAction, StateArgs};
use crate::exit::Exit;
use crate::input;
use crate::output::{self, Place, Staged};
use crate::report::Report;
use crate::state::{Bytes, State, Wrong};
use crate::text;

/// What a run goes on from, or what it leaves.
pub(super) struct Next {
    path: PathBuf,
    state: State,
    /// Outputs that are on the disk.
    staged: Vec<Staged>,
    /// Other runs wait as long as this is open.
    _lock: File,
}

impl Next {
    /// Reads what the last run left; none where the run stands by itself.
    pub(super) fn begin(args: &ReadArgs) -> Result<Option<Self>, Trouble> {
        let Some(path) = &args.state else {
            return Ok(None);
        };
        if args.paths.is_empty() || args.paths.iter().any(|path| path.as_os_str() == "-") {
            let words = "standard input can't be read again, so --state needs files";
            return Err(Trouble::Usage(words.to_owned()));
        }
        Self::open(path).map(Some)
    }

    fn open(path: &Path) -> Result<Self, Trouble> {
        // A link stays one.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let lock = lock(&path)?;
        let state = load(&path)?;
        for (from, to) in &state.outputs {
            let (from, to) = (from.path(), to.path());
            if output::is_staged(&from, &to) {
                output::put_in_place(&from, &to)?;
            }
        }
        Ok(Self {
            path,
            state,
            staged: Vec::new(),
            _lock: lock,
        })
    }

    /// What the last run left.
    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// What this run leaves instead.
    pub(super) fn with(self, state: State) -> Self {
        Self { state, ..self }
    }

    /// The same, with what a later run compares its report to.
    pub(super) fn noting(mut self, report: &Report) -> Self {
        self.state.note(report);
        self
    }

    /// The same, with an output that comes with it.
    pub(super) fn and(mut self, output: Staged) -> Self {
        self.staged.push(output);
        self
    }

    /// Writes the state, and puts the outputs in their places.
    pub(super) fn commit(mut self, outputs: Vec<Staged>) -> Result<(), Trouble> {
        let mut all = std::mem::take(&mut self.staged);
        all.extend(outputs);
        let outputs = all;
        let paths = outputs.iter().filter_map(Staged::paths);
        let paths = paths.map(|(from, to)| (Bytes::of(&absolute(from)), Bytes::of(&absolute(to))));
        self.state.outputs = paths.collect();
        self.write()?;
        let failed = outputs
            .into_iter()
            .map(Staged::finish)
            .filter_map(Result::err);
        Trouble::of(failed.collect())
    }

    fn write(&self) -> Result<(), Trouble> {
        let place = Place::File(self.path.clone());
        let file = self.state.to_file();
        let file = file.map_err(|error| place.failed(error.into()))?;
        let mut writing = place.begin_private()?;
        writing
            .write_all(&file)
            .map_err(|error| place.failed(error))?;
        Ok(writing.finish()?)
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn shown(path: &Path) -> String {
    text::terminal(path.as_os_str().as_encoded_bytes(), true)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// The lock is a file of its own, since the state is replaced by each run.
fn lock(path: &Path) -> Result<File, Trouble> {
    let name = beside(path, ".lock");
    let wrong = |error: std::io::Error| Trouble::from(Place::File(name.clone()).failed(error));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let file = options.open(&name).map_err(wrong)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Trouble::Busy(format!(
            "another run holds the lock of {}; try again when it is over",
            shown(path)
        ))),
        Err(TryLockError::Error(error)) => Err(wrong(error)),
    }
}

fn load(path: &Path) -> Result<State, Trouble> {
    let wrong = |why: String| Trouble::Usage(format!("--state {}: {why}", shown(path)));
    match input::earlier_state(path) {
        Err(error) => Err(wrong(error.0)),
        Ok(None) => Ok(State::default()),
        Ok(Some(bytes)) => State::of_file(&bytes).map_err(|error: Wrong| wrong(error.to_string())),
    }
}

/// For the commands whose result is no sum of parts.
pub(super) fn refuse(args: &ReadArgs, command: &str) -> Result<(), Trouble> {
    if args.state.is_none() {
        return Ok(());
    }
    let words = format!("{command} looks at inputs as a whole, so it has no --state");
    Err(Trouble::Usage(words))
}

/// Shows, forgets or tidies up what runs have left.
pub(super) fn command(args: &StateArgs) -> Outcome {
    match &args.action {
        StateAction::Show { file } => show(file),
        StateAction::Reset { file } => reset(file),
        StateAction::Gc { file } => gc(file),
    }
}

fn existing(path: &Path) -> Result<(), Trouble> {
    if path.is_file() {
        return Ok(());
    }
    Err(Trouble::Usage(format!(
        "{}: there is no such state",
        shown(path)
    )))
}

fn show(path: &Path) -> Outcome {
    existing(path)?;
    let state = load(path)?;
    print(&state.shown())?;
    Ok(Exit::Done)
}

fn reset(path: &Path) -> Outcome {
    existing(path)?;
    let _lock = lock(path)?;
    let aside = beside(path, ".bad");
    output::put_in_place(path, &aside)?;
    print(&format!(
        "{} is now {}; the next run reads everything\n",
        shown(path),
        shown(&aside)
    ))?;
    Ok(Exit::Done)
}

fn gc(path: &Path) -> Outcome {
    existing(path)?;
    let mut next = Next::open(path)?;
    let before = next.state.logs.len();
    let runs = next.state.runs;
    next.state
        .logs
        .retain(|log| log.seen == runs || !log.carried.records.is_empty());
    let left = next.state.logs.len();
    next.commit(Vec::new())?;
    print(&format!(
        "{} of {before} logs forgotten: the last run did not find them\n",
        before - left
    ))?;
    Ok(Exit::Done)
}
