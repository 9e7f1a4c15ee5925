//! What is written is read back exactly, and what nobody wrote is refused in words.

use proptest::prelude::*;

use super::*;
use crate::diagnostic::{DiagnosticKind, Origin, SourceId};
use crate::ftp::{End, Host, ReplyCode, Vantage, Verb};
use crate::tally::tests::{Talk, count, failure, heard};
use crate::tally::{
    Bucket, By, Counts, Distinct, Group, Grouping, Histogram, InputTally, LeftOut, Limit, Smallest,
    Table, Timeline, VantageTally,
};
use crate::text::Text;
use crate::time::Timestamp;

fn written(tallies: &Tallies) -> String {
    serde_json::to_string(&Written::new(tallies)).unwrap()
}

/// Writes and reads one part.
fn again<T: Serialize + DeserializeOwned>(value: &T) -> T {
    let json = serde_json::to_string(value).unwrap();
    check_numbers(&json).unwrap();
    serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"))
}

fn refused<T: DeserializeOwned>(json: &str) -> String {
    let read = serde_json::from_str::<T>(json);
    read.err()
        .unwrap_or_else(|| panic!("taken: {json}"))
        .to_string()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_written_is_read_back(all in prop::collection::vec(heard(), 0..8)) {
        let tallies = count(&all);
        let json = written(&tallies);
        let read = read(&json);
        prop_assert_eq!(read.as_ref(), Ok(&tallies));
        prop_assert_eq!(written(&read.unwrap()), json);
    }

    #[test]
    fn sums_of_what_was_read_are_those_of_what_was_written(
        a in prop::collection::vec(heard(), 0..5),
        b in prop::collection::vec(heard(), 0..5),
    ) {
        let (a, b) = (count(&a), count(&b));
        let mut sum = read(&written(&a)).unwrap();
        sum.absorb(read(&written(&b)).unwrap());
        let mut whole = a;
        whole.absorb(b);
        prop_assert_eq!(sum, whole);
    }

    #[test]
    fn bytes_of_any_kind_come_back(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let text = Text::from(&*bytes);
        prop_assert_eq!(&again(&text), &text);
        let host = Host::Name(std::sync::Arc::new(text));
        prop_assert_eq!(&again(&host), &host);
    }

    #[test]
    fn times_and_numbers_come_back(nanos in any::<i64>(), number in any::<u64>(), code in 100..700_u16) {
        let at = Timestamp::from_nanos(nanos);
        prop_assert_eq!(again(&at), at);
        let whole = Timestamp::from_seconds(at.seconds(), 0);
        prop_assert_eq!(again(&whole), whole);
        let origin = Origin { source: SourceId(3), record: number, offset: number / 3 };
        prop_assert_eq!(again(&origin), origin);
        let code = ReplyCode::new(code).unwrap();
        prop_assert_eq!(again(&code), code);
    }

    #[test]
    fn nothing_that_is_read_makes_it_panic(json in "[\\[\\]{}\",:0-9a-z_ ]{0,80}", at in 0..2000_usize, cut in any::<bool>()) {
        let _error = read(&json);
        let mut sound = written(&sample());
        sound.truncate(at.min(sound.len()));
        if !cut {
            sound.push_str(&json);
        }
        prop_assert!(read(&sound).is_err() || at >= sound.len());
    }
}

/// Something of everything.
fn sample() -> Tallies {
    let mut talk = Talk::new(&[
        "< 220 ready",
        "> USER alice",
        "< 331 password",
        "> PASS x",
        "< 530 no",
        "?",
        "> STOR \u{fc}/a\\b",
        "+ STOR a",
        "lost",
        "tls",
    ]);
    let mut tallies = Tallies::default();
    for (place, name) in ["auth-bad-credentials", "limit-connections-total"]
        .into_iter()
        .enumerate()
    {
        talk.number = place as u64;
        let mut failure = failure(name, "PASS", 530, "530 \\ no");
        failure.at = Some(Timestamp::from_nanos(talk.start + 5));
        talk.count(&[failure], &mut tallies);
        let session = talk.session();
        let tally = tallies.by_vantage.get_mut(&Vantage::Wire).unwrap();
        for by in [By::User, By::Client, By::Hour, By::Day, By::Command] {
            Grouping::new(by, jiff::tz::TimeZone::UTC).session(&mut tally.groups, &session, &[]);
        }
    }
    tallies.leave_out(Vantage::ServerLog, LeftOut::SESSION);
    let sample = Some(Text::from(&b"\xff\x1b"[..]));
    let at = Origin {
        record: 3,
        ..Origin::default()
    };
    tallies.diagnostics.add_sample(
        DiagnosticKind::Malformed,
        at,
        "a line \n of no form",
        sample,
    );
    let input = InputTally {
        path: Text::from(&b"/var/log/\xfc.log"[..]),
        format: Some("vsftpd"),
        vantage: Some(Vantage::ServerLog),
        bytes: u64::MAX,
        records: 3,
        gaps: crate::log::Detected::named("vsftpd")
            .unwrap()
            .describe()
            .unwrap()
            .gaps,
        ..InputTally::default()
    };
    tallies.inputs.insert(SourceId(7), input);
    tallies
}

#[test]
fn everything_comes_back() {
    let tallies = sample();
    let json = written(&tallies);
    assert_eq!(read(&json).as_ref(), Ok(&tallies));
    assert!(
        json.starts_with(r#"{"form":1,"sums":{"by_vantage":[["wire",{"#),
        "{json}"
    );
    assert!(json.contains(r#""/var/log/\\xfc.log""#), "{json}");
    assert!(json.contains(r#""bytes":"18446744073709551615""#), "{json}");
}

#[test]
fn tables_and_numbers_beyond_their_bounds_come_back() {
    let (mut table, mut distinct) = (
        Table::<Text, crate::tally::PathTally>::default(),
        Distinct::<64>::default(),
    );
    for n in 0..5000_u32 {
        let name = Text::from(n.to_string());
        if let Some(row) = table.row(&name) {
            row.failures += 1;
        }
        distinct.add(&name);
    }
    assert!(table.is_sample() && !distinct.is_exact());
    assert_eq!(again(&table), table);
    assert_eq!(again(&distinct), distinct);
    let mut histogram = Histogram::default();
    for number in [0, 15, 16, u64::MAX] {
        histogram.add_number(number);
    }
    assert_eq!(again(&histogram), histogram);
    let mut timeline = Timeline::default();
    for day in -20_000..20_000 {
        let one = Bucket {
            replies: 1,
            failures: 0,
        };
        timeline.add(Timestamp::from_seconds(day * 86_400, 0), one);
    }
    assert_eq!(again(&timeline), timeline);
    for end in [i64::MIN, i64::MAX] {
        let mut timeline = Timeline::default();
        timeline.add(Timestamp::from_nanos(end), Bucket::default());
        assert_eq!(again(&timeline), timeline);
    }
}

#[test]
fn readers_that_know_only_doubles_lose_nothing() {
    // As such a reader would write it again: no number in it has more than eleven digits.
    let json = written(&sample());
    check_numbers(&json).unwrap();
    let doubled = r#"{"form":1,"sums":{"x":100000000000}}"#;
    assert_eq!(
        read(doubled).unwrap_err(),
        "a number of more than 11 digits"
    );
    assert!(
        read(r#"{"form":1,"sums":{"x":99999999999}}"#)
            .unwrap_err()
            .contains("unknown field")
    );
}

#[test]
fn a_source_is_read_or_passed_over() {
    let mut tallies = sample();
    tallies
        .passed_over
        .insert(SourceId(8), InputTally::default());
    assert_eq!(read(&written(&tallies)).as_ref(), Ok(&tallies));
    tallies
        .passed_over
        .insert(SourceId(7), InputTally::default());
    let told = read(&written(&tallies)).unwrap_err();
    assert_eq!(told, "a source that is read and passed over");
}

#[test]
fn another_form_is_told_as_what_it_is() {
    let newer = r#"{"form":2,"sums":[],"more":{}}"#;
    assert!(
        read(newer)
            .unwrap_err()
            .starts_with("made by a newer version")
    );
    assert!(
        read(r#"{"form":0}"#)
            .unwrap_err()
            .starts_with("made by an older version")
    );
    assert!(read("{}").unwrap_err().contains("missing field `form`"));
    assert!(read("").unwrap_err().contains("EOF"));
    let deep = "[".repeat(100_000);
    assert!(read(&format!(r#"{{"form":1,"sums":{deep}"#)).is_err());
}

#[test]
fn what_is_not_known_is_named() {
    let told = refused::<Counts<Verb>>(r#"[["retr",1]]"#);
    assert!(told.contains("\"retr\" is not a command"), "{told}");
    let told = refused::<crate::catalogue::CauseId>(r#""no-such-\u001bcause""#);
    assert!(
        told.contains("\"no-such-\\x1bcause\" is not a cause that this version knows"),
        "{told}"
    );
    let input = r#"{"path":"a","format":"ms-dos","vantage":null,"bytes":0,"records":0,"taken":0,"ignored":0,"unrecognised":0}"#;
    assert!(refused::<InputTally>(input).contains("\"ms-dos\" is not a format"));
    assert!(refused::<Vantage>("\"moon\"").contains("is not a vantage"));
    assert!(refused::<Host>("\"example.org\"").contains("is not an address"));
    assert!(refused::<ReplyCode>("99").contains("is no reply code"));
}

#[test]
fn what_nobody_writes_is_refused() {
    let twice = "twice";
    assert!(refused::<Counts<End>>(r#"[["fin",1],["fin",2]]"#).contains(twice));
    assert!(refused::<Counts<End>>(r#"[["fin",0]]"#).contains("never met"));
    assert!(refused::<Counts<End>>(r#"[["fin",-1]]"#).contains("-1"));
    assert!(
        refused::<Table<Text, crate::tally::PathTally>>(
            r#"[false,[["a",{"failures":1}],["a",{"failures":1}]]]"#
        )
        .contains(twice)
    );
    assert!(refused::<Distinct<64>>(&format!("\"{0}{0}\"", "0".repeat(16))).contains(twice));
    assert!(refused::<Distinct<64>>("\"+f00000000000000\"").contains("hexadecimal"));
    assert!(refused::<Smallest<Text, 5>>(r#"["a","a"]"#).contains(twice));
    assert!(
        refused::<Histogram>(r#"{"buckets":[[4000000000,1]],"largest":3}"#).contains("too large")
    );
    assert!(refused::<Timeline>("[7,[]]").contains("another width"));
    assert!(
        refused::<Timeline>(r#"[3600,[[99999999999,{"replies":1,"failures":0}]]]"#)
            .contains("too far")
    );
    assert!(refused::<Text>(r#""a\\""#).contains("backslash"));
    assert!(refused::<Text>(r#""\\xg0""#).contains("backslash"));
    assert!(refused::<Limit>("\"none\"").contains("unknown variant"));
    assert!(refused::<Group>(r#"{"number":1000}"#).contains("1000"));
    assert!(refused::<VantageTally>("{}").contains("missing field"));
    assert!(
        refused::<LeftOut>(r#"{"sessions":1,"operations":1,"more":1}"#).contains("unknown field")
    );
    assert!(
        refused::<LeftOut>(r#"{"sessions":1,"sessions":1,"operations":1}"#).contains("duplicate")
    );
}

#[test]
fn lists_beyond_their_bounds_are_refused() {
    let list = |item: &dyn Fn(usize) -> String, most: usize| {
        let items: Vec<_> = (0..=most).map(item).collect();
        format!("[{}]", items.join(","))
    };
    let named = |n: usize| format!("\"{n}\"");
    assert!(refused::<Smallest<Text, 5>>(&list(&named, 5)).contains("more than 5"));
    let rows = list(
        &|n| format!("[\"{n}\",{{\"failures\":1}}]"),
        limits::DISTINCT_EXACT,
    );
    assert!(
        refused::<Table<Text, crate::tally::PathTally>>(&format!("[true,{rows}]"))
            .contains("more than 4096")
    );
    let counts = list(&|n| format!("[\"{n}\",1]"), limits::WRITTEN_KEYS);
    assert!(refused::<Counts<Text>>(&counts).contains("more than 131072"));
    let hours = list(
        &|n| format!("[{n},{{\"replies\":1,\"failures\":0}}]"),
        limits::TIMELINE_BUCKETS,
    );
    assert!(refused::<Timeline>(&format!("[3600,{hours}]")).contains("more stretches"));
    let hashes: Vec<_> = (0..=64_u64).map(|n| format!("{n:016x}")).collect();
    let hashes = hashes.concat();
    assert!(refused::<Distinct<64>>(&format!("\"{hashes}\"")).contains("too many"));
}

#[test]
fn thousands_of_reports_with_the_largest_numbers_do_not_overflow() {
    let largest = 10_u64.pow(limits::WRITTEN_DIGITS) - 1;
    let rows = (limits::TIMELINE_BUCKETS as u64).max(limits::DISTINCT_EXACT as u64);
    let all = largest.checked_mul(limits::MERGED_REPORTS as u64);
    assert!(all.and_then(|all| all.checked_mul(rows)).is_some());
}
