//! Dates of syslog whose month is in another language than English: `LC_TIME` decides what journalctl and some servers
//! write. A name stands here with all ways in which it is cut short; one that means two months in two languages does not.

use crate::time::Stamp;

/// The names of January, February, … in small letters and without a stop at the end.
#[rustfmt::skip]
const NAMES: [&[&str]; 12] = [
    &["jan", "jän", "jänner", "janv", "ene", "gen", "ian", "sty", "led", "янв", "січ", "oca", "tammi", "sau", "ιαν", "sij"],
    &["feb", "febr", "fév", "févr", "fev", "úno", "фев", "şub", "helmi", "vas", "φεβ"],
    &["mar", "mär", "märz", "mrz", "mars", "mrt", "març", "març", "már", "márc", "bře", "мар", "maalis", "kov", "μαρ"],
    &["apr", "avr", "avril", "abr", "kwi", "dub", "ápr", "апр", "кві", "nis", "huhti", "απρ"],
    &["may", "mai", "mag", "mei", "maj", "maig", "kvě", "máj", "мая", "май", "тра", "touko", "μαι", "μαΐ"],
    &["jun", "juin", "juni", "juny", "giu", "cze", "čen", "jún", "июн", "чер", "haz", "kesä", "iun", "ιουν"],
    &["jul", "juil", "juli", "lug", "čec", "júl", "июл", "tem", "heinä", "iul", "ιουλ"],
    &["aug", "aoû", "août", "ago", "sie", "авг", "сер", "ağu", "elo", "αυγ"],
    &["sep", "sept", "set", "wrz", "zář", "szept", "сен", "вер", "eyl", "syys", "σεπ"],
    &["oct", "okt", "ott", "out", "paź", "říj", "окт", "жов", "eki", "loka", "οκτ"],
    &["nov", "ноя", "marras", "kas", "νοε"],
    &["dec", "dez", "déc", "dic", "des", "gru", "дек", "ara", "joulu", "δεκ"],
];

/// The longest name, in bytes.
const NAME_BYTES: usize = 16;

/// The month of that name: `Mär`, `févr.`, `11月`, `11월`.
fn month(name: &[u8]) -> Option<u8> {
    let name = name.strip_suffix(b".").unwrap_or(name);
    let numbered = ["月", "월"]
        .iter()
        .find_map(|sign| name.strip_suffix(sign.as_bytes()));
    if let Some(digits) = numbered {
        let month = super::number(digits).and_then(|month| u8::try_from(month).ok());
        return month.filter(|month| (1..=12).contains(month));
    }
    if name.len() > NAME_BYTES || name.first().is_none_or(u8::is_ascii_digit) {
        return None;
    }
    let name = std::str::from_utf8(name).ok()?.to_lowercase();
    let at = NAMES
        .iter()
        .position(|names| names.contains(&name.as_str()))?;
    u8::try_from(at + 1).ok()
}

/// `févr. 22 08:22:20`, and what follows. The day is padded with a blank, a zero, or not at all.
pub fn foreign_syslog_date(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let head = line.get(..NAME_BYTES).unwrap_or(line);
    let (name, rest) = line.split_at_checked(memchr::memchr(b' ', head)?)?;
    let (day, rest) = super::day(rest.strip_prefix(b" ")?)?;
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let seconds = u32::try_from(super::clock(*time)?).ok()?;
    // The name comes last: it is what costs most.
    let stamp = Stamp::Yearless(month(name)?, u8::try_from(day).ok()?, seconds);
    Some((stamp, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_of_many_languages_are_known() {
        for (name, number) in [
            ("Mär", 3),
            ("März", 3),
            ("févr.", 2),
            ("août", 8),
            ("ene", 1),
            ("dic.", 12),
            ("11月", 11),
            ("1月", 1),
            ("3월", 3),
            ("окт", 10),
            ("МАЯ", 5),
            ("paź", 10),
            ("Şub", 2),
            ("lug", 7),
            ("mei", 5),
            ("Nov", 11),
            ("jún.", 6),
        ] {
            let line = format!("{name}  8 08:22:20 host vsftpd[1]: x");
            let read = foreign_syslog_date(line.as_bytes());
            assert_eq!(
                read,
                Some((
                    Stamp::Yearless(number, 8, 30_140),
                    &b" host vsftpd[1]: x"[..]
                )),
                "{name}"
            );
        }
    }

    #[test]
    fn other_words_are_no_months() {
        for line in [
            "lis 08 08:22:20 h",
            "13月 08 08:22:20 h",
            "0月 08 08:22:20 h",
            "月 08 08:22:20 h",
            "11 08 08:22:20 h",
            "févr. 32 08:22:20 h",
            "févr. 08 24:22:20 h",
            "févr. 08",
            "févr.",
            "",
            " 08 08:22:20 h",
            "user 08 08:22:20 h",
        ] {
            assert_eq!(foreign_syslog_date(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn no_name_stands_for_two_months() {
        let mut names: Vec<_> = NAMES
            .iter()
            .enumerate()
            .flat_map(|(at, names)| names.iter().map(move |name| (*name, at)))
            .collect();
        names.sort_unstable();
        names.dedup();
        let twice: Vec<_> = names
            .windows(2)
            .filter(|pair| pair.first().map(|p| p.0) == pair.last().map(|p| p.0))
            .collect();
        assert!(twice.is_empty(), "{twice:?}");
        assert!(
            names
                .iter()
                .all(|(name, _)| name.len() <= NAME_BYTES && *name == name.to_lowercase())
        );
    }
}
