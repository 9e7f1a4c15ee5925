//! What `--from` says becomes a format: a name, a layout, or the layouts of a configuration with all that it includes.
//!
//! A configuration may be a copy from another machine, so what it includes may be absent; that is told, and the rest is read.

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use super::Trouble;
use crate::input::{self, OpenError};
use crate::limits;
use crate::log::proftpd_ext::ProftpdExt;
use crate::run::{Format, Layout};

/// A format by its name. Behind the name of one whose layout its administrator chooses may stand that layout, or a
/// configuration file in which it stands. `tell` gets what of the configuration could not be read.
pub(super) fn format(name: &str, tell: &mut dyn FnMut(&str)) -> Result<Format, Trouble> {
    let laid_out = name.strip_prefix("proftpd-ext=").map(|layout| {
        let Some(file) = layout.strip_prefix('@') else {
            return Format::laid_out(Layout::Written(layout));
        };
        let whole = (Configuration::read(file.as_ref()), None);
        let (read, name) = match (whole, file.rsplit_once(':')) {
            ((Err(_), _), Some((file, name))) => (Configuration::read(file.as_ref()), Some(name)),
            (whole, _) => whole,
        };
        let Configuration { text, unread } =
            read.map_err(|error| format!("{file}: {}", error.0))?;
        for words in &unread {
            tell(words);
        }
        Format::laid_out(Layout::Configured { text: &text, name })
    });
    let found = match laid_out {
        Some(Ok(format)) => Some(format),
        Some(Err(words)) => return Err(Trouble::Usage(format!("--from {name}: {words}"))),
        None => Format::named(name),
    };
    found.ok_or_else(|| {
        let words = format!("no format is called {name:?}; `ftpwhy formats` lists what is known");
        Trouble::Usage(words)
    })
}

/// A configuration, with what it includes behind it: the order of layouts does not matter.
#[derive(Debug, Default)]
struct Configuration {
    text: Vec<u8>,
    /// What could not be read, in words.
    unread: Vec<String>,
}

impl Configuration {
    fn read(file: &Path) -> Result<Self, OpenError> {
        let text = input::configuration(file)?;
        let mut read = Self::default();
        let mut known = BTreeSet::from([file.to_path_buf()]);
        let mut waiting = VecDeque::new();
        read.take(file, &text, &mut waiting);
        while let Some(file) = waiting.pop_front() {
            if known.contains(&file) {
                continue;
            }
            if known.len() >= limits::CONFIGURATION_FILES
                || read.text.len() >= limits::CONFIGURATION_BYTES
            {
                let words = format!(
                    "{}: the configuration includes more than is read",
                    file.display()
                );
                read.unread.push(words);
                break;
            }
            match input::configuration(&file) {
                Ok(text) => read.take(&file, &text, &mut waiting),
                Err(error) => read.leave(&file, &error),
            }
            known.insert(file);
        }
        Ok(read)
    }

    /// Adds the text of a file, and notes which files it includes. Their paths are relative to its own folder.
    fn take(&mut self, file: &Path, text: &[u8], waiting: &mut VecDeque<PathBuf>) {
        self.text.extend_from_slice(text);
        self.text.push(b'\n');
        let folder = file.parent().unwrap_or(Path::new(""));
        for included in ProftpdExt::included(text) {
            let pattern = folder.join(String::from_utf8_lossy(&included).as_ref());
            match input::files_of(&pattern) {
                Ok(files) => waiting.extend(files),
                Err(error) => self.leave(&pattern, &error),
            }
        }
    }

    fn leave(&mut self, file: &Path, error: &OpenError) {
        let words = format!(
            "{}, which the configuration includes: {}",
            file.display(),
            error.0
        );
        self.unread.push(words);
    }
}
