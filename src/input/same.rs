//! Whether two inputs hold the same bytes, compression taken off: a copy, a link, a log and its packed twin.

use std::io::Read;

use crate::input::{Candidate, open};
use crate::limits;

/// Compares two files to their ends, or to the first difference. What can't be read is like nothing else.
pub fn same_bytes(a: &Candidate, b: &Candidate) -> bool {
    let (Ok(mut a), Ok(mut b)) = (open(a), open(b)) else {
        return false;
    };
    if a.head != b.head {
        return false;
    }
    let (mut left, mut right) = (Vec::new(), Vec::new());
    loop {
        let read = |source: &mut Box<dyn Read + Send>, bytes: &mut Vec<u8>| {
            bytes.clear();
            source.take(limits::WINDOW_BYTES as u64).read_to_end(bytes)
        };
        let (Ok(_), Ok(_)) = (
            read(&mut a.reader, &mut left),
            read(&mut b.reader, &mut right),
        ) else {
            return false;
        };
        if left != right {
            return false;
        }
        if left.is_empty() {
            return true;
        }
    }
}

/// True where all of a file, compression taken off, stands at the beginning of another.
pub fn is_beginning(part: &Candidate, whole: &Candidate) -> bool {
    beginning(part, whole).is_some()
}

/// True where that goes on behind it: a copy, packed or not, that is being made. A packed file ends before its last block.
pub fn is_copied_in_part(part: &Candidate, whole: &Candidate) -> bool {
    beginning(part, whole).unwrap_or(false)
}

/// Whether the whole goes on behind the part; nothing where it does not begin with it.
fn beginning(part: &Candidate, whole: &Candidate) -> Option<bool> {
    let (mut part, mut whole) = (open(part).ok()?, open(whole).ok()?);
    let (mut left, mut right) = (Vec::new(), Vec::new());
    loop {
        left.clear();
        right.clear();
        let wanted = limits::WINDOW_BYTES as u64;
        let read = { &mut part.reader }.take(wanted).read_to_end(&mut left);
        // What was read before an error stays.
        let is_over = match read {
            Ok(read) => (read as u64) < wanted,
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => true,
            Err(_) => return None,
        };
        let length = left.len() as u64;
        let read = { &mut whole.reader }.take(length).read_to_end(&mut right);
        if read.is_err() || left != right {
            return None;
        }
        if is_over {
            let next = { &mut whole.reader }.take(1).read_to_end(&mut right);
            return Some(next.is_ok_and(|more| more > 0));
        }
    }
}
