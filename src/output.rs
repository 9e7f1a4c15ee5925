//! Where results go: standard output, or a file that is either the old one or the whole new one.
//!
//! A file is written under another name in the same directory, brought to the disk and renamed, so that neither a full
//! disk nor the end of the program leaves half of it, and whoever reads it meanwhile reads the old one. What is no
//! regular file (a device, a named pipe) is written to as it is. Knows nothing of what is written.

use std::fmt;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::text;

/// Bytes that are put together before they are written.
const BUFFER: usize = 1 << 16;

/// Between these are names of files that are not in their places yet.
const PREFIX: &str = ".ftpwhy-";
const SUFFIX: &str = ".part";

/// Where something is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Standard output.
    Stdout,
    /// A file.
    File(PathBuf),
}

/// Why something could not be written.
#[derive(Debug)]
pub struct Unwritten {
    place: Place,
    /// What the system says.
    pub error: io::Error,
}

impl fmt::Display for Unwritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Stdout => write!(f, "cannot write the output: {}", self.error),
            Place::File(path) => {
                let path = text::terminal(path.as_os_str().as_encoded_bytes(), true);
                write!(f, "cannot write {path}: {}", self.error)
            }
        }
    }
}

impl Place {
    /// `-` is standard output.
    pub fn named(path: &Path) -> Self {
        if path.as_os_str() == "-" {
            Self::Stdout
        } else {
            Self::File(path.to_owned())
        }
    }

    /// Tries whether a file could be written there, and leaves nothing behind. Asked before hours of reading.
    pub fn check(&self) -> Result<(), Unwritten> {
        let Self::File(path) = self else {
            return Ok(());
        };
        let tried = match Target::of(path) {
            Ok(Target::Replaced(path, _)) => beside(&path).map(drop),
            Ok(Target::Direct) => Ok(()),
            Err(error) => Err(error),
        };
        tried.map_err(|error| self.failed(error))
    }

    /// Begins to write.
    pub fn begin(&self) -> Result<Writing, Unwritten> {
        let sink = match self {
            Self::Stdout => Ok(Sink::Stdout(BufWriter::with_capacity(BUFFER, io::stdout()))),
            Self::File(path) => Sink::open(path),
        };
        let sink = sink.map_err(|error| self.failed(error))?;
        Ok(Writing {
            place: self.clone(),
            sink,
        })
    }

    /// Begins to write what nobody else is to read.
    pub fn begin_private(&self) -> Result<Writing, Unwritten> {
        let mut writing = self.begin()?;
        if let Sink::Replacing { permissions, .. } = &mut writing.sink {
            set_private(permissions);
        }
        Ok(writing)
    }

    /// Writes all of it.
    pub fn write(&self, bytes: &[u8]) -> Result<(), Unwritten> {
        let mut writing = self.begin()?;
        if let Err(error) = writing.write_all(bytes) {
            return Err(self.failed(error));
        }
        writing.finish()
    }

    /// What could not be written there.
    pub fn failed(&self, error: io::Error) -> Unwritten {
        Unwritten {
            place: self.clone(),
            error,
        }
    }
}

/// How a path is written to.
enum Target {
    /// As it is: it is no regular file.
    Direct,
    /// By a new file in its place, which gets the old one's permissions.
    Replaced(PathBuf, Option<Permissions>),
}

impl Target {
    /// A link stays one: what it leads to is replaced.
    fn of(path: &Path) -> io::Result<Self> {
        let Ok(real) = path.canonicalize() else {
            return Ok(Self::Replaced(path.to_owned(), None));
        };
        let known = real.metadata()?;
        if known.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        if known.is_file() {
            Ok(Self::Replaced(real, Some(known.permissions())))
        } else {
            Ok(Self::Direct)
        }
    }
}

/// A new file that goes away unless it is kept.
fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // What the user's mask takes away from it goes, as with any new file.
        builder.permissions(Permissions::from_mode(0o666));
    }
    builder.tempfile_in(directory(path))
}

/// Lets nobody else read a file, on systems that have such permissions.
fn set_private(permissions: &mut Option<Permissions>) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        *permissions = Some(Permissions::from_mode(0o600));
    }
    #[cfg(not(unix))]
    let _ = permissions;
}

fn directory(path: &Path) -> &Path {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

enum Sink {
    Stdout(BufWriter<io::Stdout>),
    Direct(BufWriter<File>),
    Replacing {
        new: BufWriter<NamedTempFile>,
        path: PathBuf,
        permissions: Option<Permissions>,
    },
}

impl Sink {
    fn open(path: &Path) -> io::Result<Self> {
        match Target::of(path)? {
            Target::Direct => {
                let file = OpenOptions::new().write(true).open(path)?;
                Ok(Self::Direct(BufWriter::with_capacity(BUFFER, file)))
            }
            Target::Replaced(path, permissions) => Ok(Self::Replacing {
                new: BufWriter::with_capacity(BUFFER, beside(&path)?),
                path,
                permissions,
            }),
        }
    }

    fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::Stdout(out) => out,
            Self::Direct(out) => out,
            Self::Replacing { new, .. } => new,
        }
    }
}

/// Something that is being written. Nothing is in its place before [`Writing::finish`].
pub struct Writing {
    place: Place,
    sink: Sink,
}

impl Write for Writing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sink.writer().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.writer().flush()
    }
}

impl Writing {
    /// Puts what was written in its place.
    pub fn finish(self) -> Result<(), Unwritten> {
        self.stage()?.finish()
    }

    /// Brings what was written to the disk, but not yet in its place. What is no file of its own is written by then.
    pub fn stage(self) -> Result<Staged, Unwritten> {
        let place = self.place;
        let staged = match self.sink {
            Sink::Stdout(mut out) => out.flush().map(|()| None),
            Sink::Direct(mut out) => out.flush().map(|()| None),
            Sink::Replacing {
                new,
                path,
                permissions,
            } => brought_to_disk(new, permissions).map(|new| Some((new, path))),
        };
        match staged {
            Ok(file) => Ok(Staged { place, file }),
            Err(error) => Err(place.failed(error)),
        }
    }
}

/// Something that is on the disk and not in its place yet; it goes away unless it is put there.
pub struct Staged {
    place: Place,
    file: Option<(NamedTempFile, PathBuf)>,
}

impl Staged {
    /// Where it is and where it is to be, if it is a file of its own.
    pub fn paths(&self) -> Option<(&Path, &Path)> {
        let (new, path) = self.file.as_ref()?;
        Some((new.path(), path))
    }

    /// Puts it in its place.
    pub fn finish(self) -> Result<(), Unwritten> {
        let Some((new, path)) = self.file else {
            return Ok(());
        };
        let done = new.persist(&path).map_err(|failed| failed.error);
        done.map_err(|error| self.place.failed(error))?;
        sync_directory(&path);
        Ok(())
    }
}

/// Puts a file in the place for which an earlier run wrote it. False where it is there already.
///
/// # Errors
///
/// When it can't be renamed.
pub fn put_in_place(from: &Path, to: &Path) -> Result<bool, Unwritten> {
    match std::fs::rename(from, to) {
        Ok(()) => {
            sync_directory(to);
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Place::named(to).failed(error)),
    }
}

/// True where a path is one that is given to a file that is not in its place yet.
pub fn is_staged(from: &Path, to: &Path) -> bool {
    let name = from.file_name().unwrap_or_default().as_encoded_bytes();
    directory(from) == directory(to)
        && name.starts_with(PREFIX.as_bytes())
        && name.ends_with(SUFFIX.as_bytes())
}

fn brought_to_disk(
    new: BufWriter<NamedTempFile>,
    permissions: Option<Permissions>,
) -> io::Result<NamedTempFile> {
    let new = new.into_inner().map_err(io::IntoInnerError::into_error)?;
    if let Some(permissions) = permissions {
        new.as_file().set_permissions(permissions)?;
    }
    new.as_file().sync_all()?;
    Ok(new)
}

/// A name is on the disk when its directory is. Not every system lets one ask for that.
fn sync_directory(path: &Path) {
    if let Ok(directory) = OpenOptions::new().read(true).open(directory(path)) {
        drop(directory.sync_all());
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "reads what was written")]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_the_old_one_until_the_new_one_is_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report.json");
        std::fs::write(&path, "old").unwrap();
        let place = Place::named(&path);
        place.check().unwrap();
        let mut writing = place.begin().unwrap();
        writing.write_all(&vec![b'x'; 3 * BUFFER]).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        drop(writing);
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        place.write(b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        let names = std::fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(names, 1, "nothing else is left behind");
    }

    #[cfg(unix)]
    #[test]
    fn permissions_and_links_stay() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report.json");
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let link = directory.path().join("latest.json");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        Place::named(&link).write(b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert!(link.symlink_metadata().unwrap().is_symlink());
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
    }

    #[test]
    fn where_nothing_can_be_written_is_told_beforehand() {
        let directory = tempfile::tempdir().unwrap();
        let missing = Place::named(&directory.path().join("no/report.json"));
        assert!(missing.check().is_err() && missing.write(b"x").is_err());
        let a_directory = Place::named(directory.path());
        assert!(a_directory.check().is_err() && a_directory.write(b"x").is_err());
    }
}
