//! Small letters without accents, so that one expression finds a word in every spelling and encoding that servers use.
//!
//! `Répertoire`, `répertoire` and the same in Latin-1 all become `repertoire`, `не НАЙДЕН` becomes `не найден`. Bytes that
//! are no UTF-8 are read as Windows-1252, or as Latin-2 where they make words only so: the encodings of older servers in
//! Europe. Others (KOI8-R, GBK) come out as letters that mean nothing, and so match nothing. It translates no word.

/// The text in small letters without accents, as UTF-8.
pub(super) fn fold(text: &[u8]) -> Vec<u8> {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut out = String::with_capacity(text.len());
    match std::str::from_utf8(text) {
        Ok(text) => push_all(&mut out, text.chars()),
        Err(_) if is_latin_2(text) => push_all(&mut out, text.iter().map(|byte| latin_2(*byte))),
        Err(_) => push_all(&mut out, text.iter().map(|byte| windows_1252(*byte))),
    }
    out.into_bytes()
}

fn push_all(out: &mut String, chars: impl Iterator<Item = char>) {
    for small in chars.flat_map(char::to_lowercase) {
        match plain(small) {
            Some(letters) => out.push_str(letters),
            None => out.push(small),
        }
    }
}

/// The letters that stand for an accented one, `None` for what stays.
fn plain(small: char) -> Option<&'static str> {
    Some(match small {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' | 'ă' | 'ą' | 'ạ'..='ặ' => "a",
        'æ' => "ae",
        'ç' | 'ć' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ė' | 'ę' | 'ě' | 'ẹ'..='ệ' => "e",
        'ğ' => "g",
        'ì' | 'í' | 'î' | 'ï' | 'ī' | 'ı' | 'ĩ' | 'ỉ'..='ị' => "i",
        'ĺ' | 'ľ' | 'ł' => "l",
        'ñ' | 'ń' | 'ň' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ő' | 'ơ' | 'ọ'..='ợ' => "o",
        'œ' => "oe",
        'ŕ' | 'ř' => "r",
        'ś' | 'ş' | 'ș' | 'š' => "s",
        'ß' => "ss",
        'ţ' | 'ț' | 'ť' => "t",
        'ù' | 'ú' | 'û' | 'ü' | 'ū' | 'ů' | 'ű' | 'ũ' | 'ư' | 'ụ'..='ự' => "u",
        'ý' | 'ÿ' | 'ỳ'..='ỹ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        'ё' => "е",
        '\u{a0}' | '\u{2007}' | '\u{202f}' | '\u{3000}' => " ",
        // Marks that a decomposed letter carries beside it.
        '\u{300}'..='\u{36f}' => "",
        // Typographic apostrophes and accents that stand for one.
        '\u{2018}' | '\u{2019}' | '\u{b4}' => "'",
        '\u{2010}'..='\u{2014}' => "-",
        _ => return None,
    })
}

/// True where signs that Latin-1 has no letters for stand within words, as in Polish or Czech in Latin-2.
fn is_latin_2(text: &[u8]) -> bool {
    text.windows(2).any(|two| match two {
        [before, sign] => {
            (before.is_ascii_alphabetic() || *before >= 0xc0)
                && matches!(sign, 0xb1 | 0xb3 | 0xb6 | 0xb9..=0xbf)
        }
        _ => false,
    })
}

/// The letter that a byte stands for in central Europe, as far as it loses its accent otherwise than in Latin-1.
fn latin_2(byte: u8) -> char {
    match byte {
        0xa1 | 0xb1 | 0xe3 => 'a',
        0xa3 | 0xb3 => 'l',
        0xa6 | 0xa9 | 0xb6 | 0xb9 | 0xba => 's',
        0xab | 0xbb | 0xde | 0xfe => 't',
        0xac | 0xae | 0xaf | 0xbc | 0xbe | 0xbf => 'z',
        0xc6 | 0xc8 | 0xe6 | 0xe8 => 'c',
        0xcc | 0xec => 'e',
        0xcf | 0xef => 'd',
        0xd2 | 0xf2 => 'n',
        0xd8 | 0xf8 => 'r',
        _ => char::from(byte),
    }
}

/// The letter that a byte stands for; of the block 0x80 to 0x9f only what texts contain.
fn windows_1252(byte: u8) -> char {
    match byte {
        0x8a | 0x9a => 'š',
        0x8e | 0x9e => 'ž',
        0x91 | 0x92 => '\'',
        0x96 | 0x97 => '-',
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_has_one_form() {
        let check = |text: &[u8], want: &str| {
            assert_eq!(String::from_utf8_lossy(&fold(text)), want);
        };
        check(b"Plain ASCII", "plain ascii");
        check("Répertoire ÉGARÉ".as_bytes(), "repertoire egare");
        check(b"R\xe9pertoire", "repertoire");
        check("Re\u{301}pertoire".as_bytes(), "repertoire");
        check(b"can\x92t", "can't");
        check("Größe ÜBERSCHRITTEN".as_bytes(), "grosse uberschritten");
        check("Файл НЕ найдЁн".as_bytes(), "файл не найден");
        check(b"Nie mo\xbfna prze\xb3\xb1czy\xe6", "nie mozna przelaczyc");
        check(b"p\xf8\xedkaz p\xf8ihl\xe1\xb9en", "prikaz prihlasen");
        check("İzin hatalı".as_bytes(), "izin hatali");
        check(
            "Sai mật khẩu, ổ đĩa đầy, người lạ, KỲ CŨ".as_bytes(),
            "sai mat khau, o dia day, nguoi la, ky cu",
        );
        check("找不到文件".as_bytes(), "找不到文件");
        check(b"", "");
    }
}
