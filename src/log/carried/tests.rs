//! What is carried of a log, and what is not.

use super::*;
use crate::log::transcript;

fn take(carrying: &mut Carrying, fact: Fact<'_>, key: Option<u64>, number: u32, line: &[u8]) {
    let record = Record {
        number,
        ..transcript::record(fact)
    };
    let kept = Kept {
        origin: Origin {
            record: u64::from(number),
            ..Origin::default()
        },
        at: None,
        header: None,
        begun: None,
        again: None,
        line: line.into(),
    };
    let heard = key.map(SessionKey);
    let turn = Turn::default();
    carrying.take((0, &record), heard, &turn, Entry::Kept(Box::new(kept)));
    carrying.end_window(|_, _, _| panic!("nothing stands in a window"));
}

#[test]
fn beyond_the_bound_the_session_that_is_silent_longest_is_given_up() {
    let line = vec![b'x'; 1 << 20];
    let most = limits::CARRIED_BYTES >> 20;
    let mut carrying = Carrying::default();
    for turn in 0..most {
        let key = u64::from(turn > 0);
        let said = Fact::Reply {
            text: b"",
            ends_line: true,
        };
        take(&mut carrying, said, Some(key), 1, &line);
    }
    let left = carrying.left();
    let given_up: Vec<u64> = left.given_up.iter().map(|(key, _)| key.0).collect();
    assert_eq!(
        given_up,
        [0],
        "not even all of them fit with what they take beside"
    );
    assert_eq!(left.records.len(), most - 1);
}

#[test]
fn of_too_many_remarks_the_last_are_kept() {
    let mut carrying = Carrying::default();
    let most = u32::try_from(limits::CARRIED_REMARKS).unwrap();
    for number in 0..most + 2 {
        take(&mut carrying, Fact::Remark("x"), None, number, b"x");
    }
    let left = carrying.left().records;
    assert_eq!(left.len(), limits::CARRIED_REMARKS);
    assert_eq!(left.first().unwrap().origin.record, 2);
}

#[test]
fn of_too_many_header_lines_the_last_are_kept() {
    let mut header = HeaderLines::default();
    for number in 0..=limits::HEADER_LINES {
        header.take_all(format!("#Name{number}: x\nline\n").as_bytes());
    }
    let text = String::from_utf8(header.text().to_vec()).unwrap();
    assert_eq!(text.lines().count(), limits::HEADER_LINES);
    assert!(text.starts_with("#Name1:"), "{text}");
}
