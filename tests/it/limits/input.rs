//! Bounds on files that are named: configurations, earlier reports, conditions.

use ftpwhy::limits;

use crate::cli::ftpwhy;
use crate::support::Temporary;

fn stderr(arguments: &[&str]) -> (i32, String) {
    let output = ftpwhy(arguments);
    let words = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), words)
}

const FORMAT: &str = "LogFormat own \"%h %u %t \\\"%r\\\" %s\"\n";

#[test]
fn a_configuration_that_includes_too_much_is_read_up_to_a_bound() {
    let temporary = Temporary::new();
    let folder = temporary.path("more");
    std::fs::create_dir(&folder).unwrap();
    for number in 0..limits::CONFIGURATION_FILES + 10 {
        std::fs::write(folder.join(format!("{number}.conf")), "# nothing\n").unwrap();
    }
    let text = format!("{FORMAT}Include more/*.conf\n");
    let file = temporary.file("proftpd.conf", text.as_bytes());
    let from = format!("proftpd-ext=@{}", file.display());
    let log = "203.0.113.7 bob [01/Mar/2026:00:00:00 +0000] \"CWD x\" 550\n";
    let log = temporary.file("own.log", log.as_bytes());
    let (code, words) = stderr(&["report", log.to_str().unwrap(), "--from", &from]);
    assert_eq!(code, 0, "{words}");
    assert!(words.contains("includes more than is read"), "{words}");
}

#[test]
fn a_configuration_that_is_too_large_is_none() {
    let temporary = Temporary::new();
    let mut text = FORMAT.as_bytes().to_vec();
    text.resize(limits::CONFIGURATION_BYTES + 1, b'\n');
    let file = temporary.file("proftpd.conf", &text);
    let from = format!("proftpd-ext=@{}", file.display());
    let (code, words) = stderr(&["report", "testdata/demo", "--from", &from]);
    assert_eq!(code, 2);
    assert!(words.contains("has more than 1048576 bytes"), "{words}");
}

#[test]
fn an_earlier_report_that_is_too_large_is_none() {
    let temporary = Temporary::new();
    let path = temporary.path("before.json");
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(limits::REPORT_BYTES as u64 + 1).unwrap();
    let path = path.to_str().unwrap();
    let (code, words) = stderr(&[
        "report",
        "testdata/demo",
        "--baseline",
        path,
        "--fail-on",
        "new",
    ]);
    assert_eq!(code, 2);
    assert!(words.contains("has more than 134217728 bytes"), "{words}");
}

#[test]
fn brackets_in_a_condition_are_bounded() {
    let condition =
        |brackets: usize| format!("{}failures{}", "(".repeat(brackets), ")".repeat(brackets));
    let run =
        |brackets: usize| stderr(&["report", "testdata/demo", "--fail-on", &condition(brackets)]);
    assert_eq!(run(limits::CONDITION_BRACKETS).0, 1);
    let (code, words) = run(limits::CONDITION_BRACKETS + 1);
    assert_eq!(code, 2);
    assert!(words.contains("too many brackets"), "{words}");
}
