//! Any `LogFormat`: what it can't be is said in words; a line that is written in it is one of it; an escaped one is the
//! same; no password of its lines is kept.
//!
//! An input is a layout in its first line, and lines.

use ftpwhy::log::proftpd_ext::ProftpdExt;
use ftpwhy::log::{Bare, Format as _, Read};

use super::{CANARY, contains};

/// Variables with a value that ends by itself or is a plain word.
const VALUES: &[(&str, &str)] = &[
    ("%h", "client.example"),
    ("%a", "192.0.2.7"),
    ("%l", "UNKNOWN"),
    ("%u", "alice"),
    ("%t", "[22/Nov/2026:08:16:55 +0000]"),
    ("%r", "STOR a.txt"),
    ("%m", "STOR"),
    ("%J", "a.txt"),
    ("%f", "/srv/a.txt"),
    ("%F", "a.txt"),
    ("%s", "226"),
    ("%S", "Transfer complete"),
    ("%b", "997"),
    ("%P", "77"),
    ("%p", "21"),
    ("%v", "FTP"),
    ("%L", "192.0.2.10"),
    ("%T", "0.123"),
    ("%E", "-"),
];

const BETWEEN: [char; 7] = ['|', '"', '<', '>', '(', ')', ';'];

/// A line in the layout, if all its variables have values here and something stands between them that is in no value.
fn written(layout: &str) -> Option<String> {
    let mut line = String::new();
    let mut before_has_blanks = false;
    let mut rest = layout;
    while let Some(at) = rest.find('%') {
        let (before, variable) = rest.split_at(at);
        let is_blank = before.starts_with(' ') && !before_has_blanks;
        let is_apart = is_blank || before.starts_with(BETWEEN) && before.ends_with(BETWEEN);
        if !line.is_empty() && !is_apart {
            return None;
        }
        line += before;
        let (_, value) = VALUES.iter().find(|(name, _)| variable.starts_with(name))?;
        line += value;
        before_has_blanks = value.contains(' ') && !value.starts_with('[');
        rest = variable.get(2..)?;
    }
    let is_apart = rest.is_empty() || rest.starts_with(BETWEEN) || rest.starts_with(' ');
    is_apart.then(|| line + rest)
}

/// As it stands in a `proftpd.conf`.
fn configured(layout: &str) -> String {
    let escaped = layout.replace('\\', "\\\\").replace('"', "\\\"");
    format!("# x\nLogFormat other \"%h\"\n  LogFormat it \"{escaped}\"\nExtendedLog /x ALL it\n")
}

/// Reads lines in a layout.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if contains(data, CANARY.as_bytes()) {
        return;
    }
    let (layout, lines) = text.split_once('\n').unwrap_or((&text, ""));
    let plain = layout.replace("\\\"", "\"");
    let read = ProftpdExt::in_layout(layout);
    let again = ProftpdExt::configured(configured(&plain).as_bytes(), Some("it"));
    if !plain.is_empty() && !plain.contains('\r') {
        assert_eq!(format!("{again:?}"), format!("{read:?}"), "{plain:?}");
    }
    let format = match read {
        Ok(format) => format,
        Err(words) => {
            let bad = words.chars().find(|c| c.is_control());
            assert_eq!(bad, None, "{words:?}");
            return;
        }
    };
    // Where the text before the first variable looks like what syslog or `grep` puts before a line, it is taken for that.
    let is_bare = |line: &String| Bare::read(line.as_bytes()).message == line.as_bytes();
    if let Some(line) = written(&plain).filter(is_bare) {
        let read = format.read(&Bare::read(line.as_bytes()));
        assert_ne!(read, Read::Unrecognised, "{plain:?} does not read {line:?}");
        // Where two variables hold the command, changing one makes a line that nobody writes.
        let commands: usize = ["%m", "%r"].iter().map(|v| plain.matches(v).count()).sum();
        let is_once = commands == 1;
        let secret = line.replace("STOR a.txt", &format!("PASS {CANARY}"));
        if is_once && secret != line && !secret.contains("a.txt") {
            assert_silent(&format.read(&Bare::read(secret.as_bytes())));
        }
    }
    for line in lines.lines() {
        let _read = format.read(&Bare::read(line.as_bytes()));
    }
}

/// A record has slices of the line, which show themselves as numbers.
fn assert_silent(read: &Read<'_>) {
    let shown = format!("{read:?}");
    let numbers = format!("{:?}", CANARY.as_bytes());
    let numbers = numbers.trim_matches(['[', ']']);
    assert!(
        !shown.contains(CANARY) && !shown.contains(numbers),
        "{shown}"
    );
}

/// Layouts of ProFTPD's documents and others.
pub fn seeds() -> Vec<Vec<u8>> {
    let layouts = [
        r#"%h %l %u %t "%r" %s %b"#,
        r#"%v [%P] %h %t "%r" %s"#,
        r#"%t %h %u %m "%f" %s %b %{transfer-status} %{transfer-failure}"#,
        "%{%Y-%m-%d %H:%M:%S}t %u@%h [%r] %s %S",
        "%t|%a|%u|%F|%m|%J|%s|%b|%E",
        "TIME:%t CLIENT:%u IP:%a FILE:%F PATH:%f METHOD:%m CODE:%s RESP:%S",
        r#"%{iso8601}.%{millisecs} %{epoch} %{protocol} %{UNIQUE_ID}e [%P] %a:%{remote-port} %L:%p "%r" %s %R %T %I %O"#,
        r#"%{note:x} %{HOST}e \"%r\" %s 100%%"#,
        r#"%{%b %e %T}t %A %c %d %D %g %H %l %U %v %V %w "%r" %s %{file-size} %{total-bytes-xfer} %{version}"#,
        "%q %{unknown} %",
    ];
    let lines = "192.0.2.7 UNKNOWN alice [22/Nov/2026:08:16:56 +0000] \"STOR a \"b\" 226 5\" 550 -\n\
                 FTP [77] c.example [22/Nov/2026:08:16:55 +0000] \"PASS (hidden)\" 530\n";
    layouts
        .map(|layout| format!("{layout}\n{lines}").into_bytes())
        .to_vec()
}
