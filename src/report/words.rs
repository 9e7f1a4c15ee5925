//! Numbers as people read them. Plain ASCII, integers only.

use std::time::Duration;

/// `41,007`
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 session`, `2,318 sessions`
pub fn count(number: u64, noun: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {noun}{s}", thousands(number))
}

/// `1 reply`, `41,007 replies`
pub fn replies(number: u64) -> String {
    match number {
        1 => "1 reply".to_owned(),
        n => format!("{} replies", thousands(n)),
    }
}

/// Parts of a thousand, rounded; 0 of nothing.
pub fn per_mille(part: u64, whole: u64) -> u64 {
    let (part, whole) = (u128::from(part), u128::from(whole));
    let rounded = (part * 1000 + whole / 2).checked_div(whole);
    rounded.and_then(|r| u64::try_from(r).ok()).unwrap_or(0)
}

/// `58.5 %`
pub fn percent(per_mille: u64) -> String {
    format!("{}.{} %", per_mille / 10, per_mille % 10)
}

/// Seconds with as many decimals as matter: `0.0004`, `0.03`, `67.05`.
pub fn seconds(time: Duration) -> String {
    let (whole, nanos) = (time.as_secs(), time.subsec_nanos());
    if whole == 0 && (1..10_000_000).contains(&nanos) {
        return format!("0.{:04}", nanos / 100_000);
    }
    let hundredths = u64::from(nanos).saturating_add(5_000_000) / 10_000_000;
    let whole = whole.saturating_add(hundredths / 100);
    format!("{}.{:02}", thousands(whole), hundredths % 100)
}

/// `7.2 s`, `1:07`, `11:06:40`
pub fn lasting(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds}.{} s", time.subsec_millis() / 100),
        60..3600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        _ => {
            let (minutes, seconds) = (seconds / 60 % 60, seconds % 60);
            format!(
                "{}:{minutes:02}:{seconds:02}",
                thousands(time.as_secs() / 3600)
            )
        }
    }
}

/// `512 B`, `38.1 GB` (powers of ten)
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut tenths = bytes / 100;
    let mut units = UNITS.iter();
    let mut unit = units.next();
    while tenths >= 10_000 {
        tenths /= 1000;
        unit = units.next();
    }
    let unit = unit.unwrap_or(&"");
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// Words as one word of a shell's command line; `None` where that could not be typed.
pub fn shell(word: &[u8]) -> Option<String> {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"_./-+=:,@%".contains(b);
    let quotable = |b: &u8| matches!(b, b' '..=b'~') && *b != b'\'';
    let text = std::str::from_utf8(word).ok()?;
    let text = if text.starts_with('-') {
        format!("./{text}")
    } else {
        text.to_owned()
    };
    if text.is_empty() || !word.iter().all(quotable) {
        return None;
    }
    if word.iter().all(plain) {
        return Some(text);
    }
    Some(format!("'{text}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_separators() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(count(1, "session"), "1 session");
        assert_eq!(count(1046, "reply code"), "1,046 reply codes");
    }

    #[test]
    fn shares_are_rounded_and_nothing_has_none() {
        assert_eq!(percent(per_mille(612, 1046)), "58.5 %");
        assert_eq!(percent(per_mille(1, 1)), "100.0 %");
        assert_eq!(per_mille(1, 0), 0);
    }

    #[test]
    fn times_and_sizes() {
        assert_eq!(seconds(Duration::from_micros(412)), "0.0004");
        assert_eq!(seconds(Duration::from_millis(67_059)), "67.06");
        assert_eq!(seconds(Duration::from_millis(1_999)), "2.00");
        assert_eq!(seconds(Duration::ZERO), "0.00");
        assert_eq!(lasting(Duration::from_millis(7_290)), "7.2 s");
        assert_eq!(lasting(Duration::from_secs(67)), "1:07");
        assert_eq!(lasting(Duration::from_secs(40_000)), "11:06:40");
        assert_eq!(size(999), "999 B");
        assert_eq!(size(4_100), "4.1 kB");
        assert_eq!(size(38_100_000_000), "38.1 GB");
        assert_eq!(size(u64::MAX), "18.4 EB");
    }

    #[test]
    fn a_path_that_can_not_be_typed_is_not_offered() {
        assert_eq!(shell(b"a/b.log").as_deref(), Some("a/b.log"));
        assert_eq!(shell(b"a b;rm.log").as_deref(), Some("'a b;rm.log'"));
        assert_eq!(shell(b"-rf").as_deref(), Some("./-rf"));
        assert_eq!(shell(b"it's"), None);
        assert_eq!(shell(b"a\x1b[0m"), None);
    }
}
