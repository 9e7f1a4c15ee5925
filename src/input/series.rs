//! Rotated logs become one series, oldest first.
//!
//! `x.log.2.gz`, `x.log.1` and `x.log` continue one another, and so do
//! `x.log-20260101` and `x.log-20260102`; a session may begin in one and end in
//! the next. So do `u_ex260101.log` and `u_ex260102.log` (IIS), and
//! `ftp.08:00:00-09:00:00.log` and the hour after it (Zeek). Only names are
//! looked at.

use std::path::Path;

const SUFFIXES: [&str; 5] = [".gz", ".xz", ".zst", ".bz2", ".lz4"];

/// The name that the rotations of a file share, and the place of this one among them: higher is younger.
pub fn series_name(path: &Path) -> (String, u64) {
    let whole = path.to_string_lossy().into_owned();
    let mut name = whole.as_str();
    for suffix in SUFFIXES {
        name = name.strip_suffix(suffix).unwrap_or(name);
    }
    if let Some(dated) = dated_name(name) {
        return dated;
    }
    let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (stem, number) = name.split_at(name.len() - digits);
    let number = number.parse::<u64>().ok();
    // `10.0.0.5` is a host's log, not the fifth of a set.
    let base = stem.rsplit('/').next().unwrap_or(stem);
    if base.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return (name.to_owned(), u64::MAX);
    }
    match (stem.char_indices().next_back(), number) {
        // `.1` is younger than `.2`, and the file without number is the youngest.
        (Some((dot, '.')), Some(number)) if digits <= 3 => (cut(stem, dot), u64::MAX - 1 - number),
        (Some((dash, '-' | '.')), Some(date)) if digits >= 8 => (cut(stem, dash), date),
        _ => (name.to_owned(), u64::MAX),
    }
}

/// Names with the date or the time of day inside: `u_ex260101.log`, `ex26010108.log`, `ftp.08:00:00-09:00:00.log`.
fn dated_name(name: &str) -> Option<(String, u64)> {
    let (directory, base) = name.rsplit_once('/').unwrap_or(("", name));
    let inner = base.strip_suffix(".log")?;
    let (start, rest) = if let Some(rest) = inner.strip_prefix("ftp.") {
        let is_time = |c: char| c.is_ascii_digit() || matches!(c, ':' | '-');
        (
            "ftp.",
            Some(rest).filter(|rest| rest.len() >= 8 && rest.chars().all(is_time))?,
        )
    } else {
        let starts = ["u_ex", "u_in", "u_nc", "ex", "in", "nc"];
        let start = starts.into_iter().find(|start| inner.starts_with(start))?;
        let rest = inner.strip_prefix(start)?;
        let is_date = matches!(rest.len(), 6 | 8) && rest.chars().all(|c| c.is_ascii_digit());
        (start, Some(rest).filter(|_| is_date)?)
    };
    // An hour's end follows its start.
    let digits: String = rest.chars().filter(char::is_ascii_digit).take(14).collect();
    Some((format!("{directory}/{start}#.log"), digits.parse().ok()?))
}

/// The name that the files of a capture ring share: numbers and dates in it, and a number behind it, are those of one
/// file (`tcpdump -C`, `-W`, `-G`; `dumpcap -b`). Other captures may be named so too.
pub fn ring_name(path: &Path) -> String {
    let whole = path.to_string_lossy();
    let mut name = &*whole;
    for suffix in SUFFIXES {
        name = name.strip_suffix(suffix).unwrap_or(name);
    }
    let (directory, base) = name.rsplit_once('/').unwrap_or(("", name));
    let unnumbered = base.trim_end_matches(|c: char| c.is_ascii_digit());
    let kept = match unnumbered.rsplit_once('.') {
        // `x.pcap`, `x.pcap1` and `x.pcap00`.
        Some((_, extension)) if !extension.is_empty() => unnumbered,
        _ => base,
    };
    let mut shared = String::new();
    for c in kept.chars() {
        if !c.is_ascii_digit() {
            shared.push(c);
        } else if !shared.ends_with('#') {
            shared.push('#');
        }
    }
    format!("{directory}/{shared}")
}

fn cut(stem: &str, at: usize) -> String {
    stem.get(..at).unwrap_or(stem).to_owned()
}

/// Puts together what continues one another: lists of indexes into `paths`, each oldest first, in the order of the
/// series' names.
pub fn in_series(paths: &[&Path]) -> Vec<Vec<usize>> {
    let mut named: Vec<((String, u64), usize)> =
        paths.iter().map(|p| series_name(p)).zip(0..).collect();
    named.sort();
    let same = |a: &((String, u64), usize), b: &((String, u64), usize)| a.0.0 == b.0.0;
    named
        .chunk_by(same)
        .map(|chunk| chunk.iter().map(|(_, index)| *index).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotations_are_one_series_oldest_first() {
        let paths = [
            "a/x.log",
            "a/x.log.1",
            "a/x.log.2.gz",
            "a/y.log-20260102",
            "a/y.log-20260101.gz",
            "a/y.log",
            "b/x.log",
            "b/u_ex260102.log",
            "b/u_ex260101.log.gz",
            "b/ftp.10:00:00-11:00:00.log.gz",
            "b/ftp.09:00:00-10:00:00.log.gz",
            "b/exit.log",
            "b/ftp.log",
        ];
        let paths: Vec<&Path> = paths.iter().map(Path::new).collect();
        let names: Vec<Vec<&Path>> = in_series(&paths)
            .iter()
            .map(|s| s.iter().map(|i| paths[*i]).collect())
            .collect();
        let expected: [&[&str]; 7] = [
            &["a/x.log.2.gz", "a/x.log.1", "a/x.log"],
            &["a/y.log-20260101.gz", "a/y.log-20260102", "a/y.log"],
            &["b/exit.log"],
            &[
                "b/ftp.09:00:00-10:00:00.log.gz",
                "b/ftp.10:00:00-11:00:00.log.gz",
            ],
            &["b/ftp.log"],
            &["b/u_ex260101.log.gz", "b/u_ex260102.log"],
            &["b/x.log"],
        ];
        assert_eq!(
            names,
            expected.map(|s| s.iter().map(Path::new).collect::<Vec<_>>())
        );
    }
}
