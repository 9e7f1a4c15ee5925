//! Names and replies that strangers wrote to act where a report is read, in every form that a report has.

use pulldown_cmark::{Event as Markdown, Options as Dialect, Parser, Tag};

use super::*;
use crate::cause::Proof;
use crate::text;

/// Each is a user's name, a file's name, a reply's text and an input's path at once.
const ATTACKS: &[(&str, &[u8])] = &[
    ("a formula", b"=cmd|' /C calc'!A0"),
    ("a formula behind a blank", b" @SUM(1+9)*cmd"),
    ("a formula with a wide sign", "\u{ff1d}1+1".as_bytes()),
    ("a number that is added", b"+1-1"),
    ("a tag", b"<img src=x onerror=alert(1)>"),
    ("the end of a script", b"</script><script>alert(1)</script>"),
    (
        "the end of an attribute",
        b"\" onmouseover=\"alert(1)\" x='",
    ),
    ("a cell and a row", b"a|b\n| forged | 999 |"),
    ("an escaped bar", b"a\\|b\\"),
    ("the end of code", b"a` <b>x</b> ``b"),
    (
        "a link",
        b"[x](javascript:alert(1)) http://evil.example @all",
    ),
    ("an image", b"![x](http://evil.example/x.png)"),
    ("an escape sequence", b"\x1b[31m\x1b]52;c;eA==\x07"),
    ("a carriage return", b"x\r226 Transfer complete."),
    ("a bidirectional override", "a\u{202e}gpj.exe".as_bytes()),
    ("an invisible letter", "al\u{200b}ice\u{feff}".as_bytes()),
    ("a NUL", b"a\x00b\x00"),
    ("no UTF-8", b"\xff\xfe<\xc3"),
    ("a template", b"{{ 7 * 7 }}{% raw %}${1}"),
    ("quotation marks", b"a\",\"b\"\"\r\n=1"),
    ("an entity", b"&lt;b&gt; &#60;i&#62;"),
];

type Sessions = Vec<(Session, Vec<Failure>)>;

fn attacked(attack: &[u8]) -> (Report, Sessions) {
    let (mut talk, mut failures) = one_failure();
    talk.lines[1] = [b"> USER ", attack].concat();
    talk.lines[5] = [b"> RETR ", attack].concat();
    talk.lines[6] = [b"< 550 ", attack].concat();
    failures[0].proofs[0].text = attack.into();
    let mut tallies = Tallies::default();
    talk.count(&failures, &mut tallies);
    let input = tallies.inputs.entry(SourceId(0)).or_default();
    (input.path, input.format) = (attack.into(), Some("vsftpd"));
    let at = Origin::default();
    let sample = Some(Text::from(attack));
    let kind = DiagnosticKind::Malformed;
    tallies.diagnostics.add_sample(kind, at, "no reply", sample);
    let session = talk.session();
    let mut kept = KeptSessions::default();
    kept.observe(&session, &failures, &session, |_| failures.clone());
    let mut report = report_of(&tallies).with_sessions(&kept);
    add_patterns(&mut report, attack, &failures[0].proofs[0]);
    (report, vec![(session, failures)])
}

/// What only shows across sessions, with the attack for every name in it.
fn add_patterns(report: &mut Report, attack: &[u8], proof: &Proof) {
    let main = &mut report.main;
    let name = Text::from(attack);
    main.causes[0].pattern.directory = Some(name.clone());
    let patterns = &mut main.patterns;
    patterns.shared = vec![SharedRow {
        attribute: "user",
        value: name.clone(),
        failed: (7, 1000),
        others: (0, 0),
        tenths: None,
    }];
    patterns.spread = vec![SpreadRow {
        kind: "user",
        value: name.clone(),
        clients: 12,
        tries: 12,
        accepted: 0,
    }];
    patterns.turned_away = vec![TurnedAway {
        user: name.clone(),
        tries: 3,
        clients: 3,
        refused: Span::default(),
        let_in: None,
    }];
    patterns.clear = ClearRow {
        count: 1,
        users: 1,
        names: vec![name],
    };
    main.protocol.breaches = vec![BreachRow {
        rule: crate::cause::Rule::Unasked,
        count: 1,
        first: Some(proof.clone()),
    }];
}

/// As people are shown it.
fn shown(attack: &[u8]) -> String {
    text::terminal(attack, false)
}

#[test]
fn no_cell_of_a_table_is_a_formula_or_ends_early() {
    for (name, attack) in ATTACKS {
        let (report, sessions) = attacked(attack);
        let tables = [
            csv::report(&report),
            csv::codes(&report),
            csv::causes(&report),
            csv::sessions(&sessions, &report.sources),
        ];
        let mut cells = Vec::new();
        for table in &tables {
            assert!(is_clean(table), "{name}: {table:?}");
            // The reader fails where a row has more or fewer cells than the first.
            let mut reader = ::csv::Reader::from_reader(table.as_bytes());
            let rows: Vec<_> = reader.records().map(|row| row.expect(name)).collect();
            cells.extend(rows.iter().flatten().map(str::to_owned));
        }
        let is_formula = |cell: &String| {
            let first = cell.trim_start().chars().next();
            first.is_some_and(|c| "=+-@\t\r\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}".contains(c))
        };
        assert_eq!(cells.iter().find(|c| is_formula(c)), None, "{name}");
        let is_shown = |cell: &String| cell.trim_start_matches('\'') == shown(attack);
        assert!(
            cells.iter().filter(|c| is_shown(c)).count() >= 4,
            "{name}: {cells:?}"
        );
    }
}

#[test]
fn no_name_is_markup_in_a_wiki() {
    for (name, attack) in ATTACKS {
        let (report, sessions) = attacked(attack);
        let pages = [
            markdown::report(&report),
            markdown::causes(&report),
            markdown::codes(&report),
            markdown::sessions(&sessions, &report),
        ];
        let mut code = Vec::new();
        for page in &pages {
            assert!(is_clean(page), "{name}: {page:?}");
            let mut span = String::new();
            for event in Parser::new_ext(page, Dialect::all()) {
                match event {
                    Markdown::Code(words) => span.push_str(&words),
                    // A bar or a backtick of the input stands between two spans.
                    Markdown::Text(words) if matches!(&*words, "|" | "`") => span.push_str(&words),
                    Markdown::Html(_)
                    | Markdown::InlineHtml(_)
                    | Markdown::InlineMath(_)
                    | Markdown::DisplayMath(_)
                    | Markdown::FootnoteReference(_)
                    | Markdown::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::CodeBlock(_)) => {
                        panic!("{name}: {event:?} in {page}")
                    }
                    _ => code.push(std::mem::take(&mut span)),
                }
            }
        }
        let is_shown = |span: &&String| span.trim() == shown(attack).trim();
        assert!(
            code.iter().filter(is_shown).count() >= 4,
            "{name}: {code:?}"
        );
    }
}

/// The tags of a page, with all that is in them, up to the commands to type next: not every path can be typed.
fn tags(page: &str) -> Vec<&str> {
    let page = page.split("<section id=\"next\">").next().unwrap();
    let parts = page.split('<').skip(1);
    parts.map(|part| part.split('>').next().unwrap()).collect()
}

/// What a browser shows of a page's text.
fn unescaped(page: &str) -> String {
    let mut text = page.to_owned();
    for (entity, sign) in [
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#38;", "&"),
    ] {
        text = text.replace(entity, sign);
    }
    text
}

#[test]
fn no_name_adds_a_tag_or_an_attribute_to_a_page() {
    let page = html::report(&attacked(b"alice").0);
    let harmless = tags(&page);
    assert!(
        harmless.contains(&"/section") && page.matches("alice").count() >= 6,
        "{page}"
    );
    for (name, attack) in ATTACKS {
        let page = html::report(&attacked(attack).0);
        assert!(is_clean(&page), "{name}: {page:?}");
        let differs = tags(&page)
            .into_iter()
            .zip(&harmless)
            .find(|(one, other)| one != *other);
        assert_eq!(differs, None, "{name}");
        assert_eq!(tags(&page).len(), harmless.len(), "{name}");
        let shown = unescaped(&page).matches(&shown(attack)).count();
        assert!(shown >= 4, "{name}: {shown} in {page}");
    }
}
