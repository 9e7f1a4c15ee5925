//! Finds the `LogFormat`s in a `proftpd.conf`, and what it includes.
//!
//! Only two directives are read: `LogFormat name "layout"`, with the quotation marks in the layout escaped, and `Include`.
//! What that names is not opened here.

/// The names and layouts in a configuration, in its order.
pub(super) fn layouts(text: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let joined = without_continuations(text);
    joined.split(|b| *b == b'\n').filter_map(layout).collect()
}

/// The paths that a configuration includes, in its order. They may be patterns.
pub(super) fn included(text: &[u8]) -> Vec<Vec<u8>> {
    let joined = without_continuations(text);
    let lines = joined.split(|b| *b == b'\n');
    let path = |line| Some(word(&behind(b"Include", line)?)?.0);
    lines.filter_map(path).collect()
}

/// A line that ends in a backslash goes on in the next one.
fn without_continuations(text: &[u8]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(text.len());
    for line in text.split(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if let Some(line) = line.strip_suffix(b"\\") {
            joined.extend_from_slice(line);
        } else {
            joined.extend_from_slice(line);
            joined.push(b'\n');
        }
    }
    joined
}

/// `LogFormat name "layout"`
fn layout(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (name, rest) = word(&behind(b"LogFormat", line)?)?;
    let (layout, _) = word(&rest)?;
    Some((name, layout))
}

/// What follows a directive, whose name is of any case.
fn behind(directive: &[u8], line: &[u8]) -> Option<Vec<u8>> {
    let (name, rest) = word(line)?;
    name.eq_ignore_ascii_case(directive).then_some(rest)
}

/// The first word of a line, quoted or not, and what follows.
fn word(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let line = line.trim_ascii_start();
    let is_quoted = line.first() == Some(&b'"');
    let mut bytes = line.iter().copied().skip(usize::from(is_quoted));
    let mut word = Vec::new();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if is_quoted => break,
            b' ' | b'\t' if !is_quoted => break,
            b'\\' => word.extend(bytes.next()),
            _ => word.push(byte),
        }
    }
    (!word.is_empty()).then(|| (word, bytes.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn included_paths_are_found_by_their_directive() {
        let text = b"#Include /no\nInclude /etc/proftpd/conf.d/*.conf\n  include \"a b.conf\" \r\nIncludeOptions x\nInclude\n";
        assert_eq!(included(text), [&b"/etc/proftpd/conf.d/*.conf"[..], b"a b.conf"]);
    }

    #[test]
    fn layouts_are_found_by_their_directive() {
        let text = b"# LogFormat no \"%r\"\nServerName \"x\"\r\n<Global>\n  logformat auth \"%v [%P] \\\"%r\\\" %s\"\r\n\
                     LogFormat rich \\\n\"%t %r\"\nLogFormat plain %r\nLogFormat none\nExtendedLog /x ALL auth\nLogFormat \"a b\" \"%%\\\\\"";
        let found: Vec<(String, String)> = layouts(text)
            .into_iter()
            .map(|(name, layout)| {
                let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
                (text(name), text(layout))
            })
            .collect();
        let expected = [
            ("auth", "%v [%P] \"%r\" %s"),
            ("rich", "%t %r"),
            ("plain", "%r"),
            ("a b", "%%\\"),
        ];
        assert_eq!(found, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }
}
