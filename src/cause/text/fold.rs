//! Small letters without accents, so that one expression finds a word in every spelling and encoding that servers use.
//!
//! `Répertoire`, `répertoire` and the same in Latin-1 all become `repertoire`, `не НАЙДЕН` becomes `не найден`. Bytes that
//! are no UTF-8 are read in the encoding that they are most likely in (Windows-1251, KOI8, IBM 866, GBK, Big5, Shift JIS and
//! the like: what servers say in the language of their system); where that guess is wrong, letters come out that mean
//! nothing, and so match nothing. It translates no word.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};

/// The text in small letters without accents, as UTF-8.
pub(super) fn fold(text: &[u8]) -> Vec<u8> {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut out = String::with_capacity(text.len());
    for small in read(text).chars().flat_map(char::to_lowercase) {
        match plain(small) {
            Some(letters) => out.push_str(letters),
            None => out.push(small),
        }
    }
    out.into_bytes()
}

/// What the bytes say: in UTF-8, else in the encoding that they are most likely in.
pub(in crate::cause) fn read(text: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(text) {
        return Cow::Borrowed(text);
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(text, true);
    let encoding = detector.guess(None, Utf8Detection::Deny);
    encoding.decode_without_bom_handling(text).0
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

#[cfg(test)]
mod tests {
    use encoding_rs::{GBK, IBM866, KOI8_U, SHIFT_JIS, WINDOWS_1251};

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
        check(&WINDOWS_1251.encode("Файл НЕ найден").0, "файл не найден");
        check(&KOI8_U.encode("Доступ запрещен").0, "доступ запрещен");
        check(&IBM866.encode("Отказано в доступе").0, "отказано в доступе");
        check(
            &GBK.encode("系统找不到指定的文件").0,
            "系统找不到指定的文件",
        );
        check(
            &SHIFT_JIS.encode("ファイルが見つかりません").0,
            "ファイルが見つかりません",
        );
        check("İzin hatalı".as_bytes(), "izin hatali");
        check(
            "Sai mật khẩu, ổ đĩa đầy, người lạ, KỲ CŨ".as_bytes(),
            "sai mat khau, o dia day, nguoi la, ky cu",
        );
        check("找不到文件".as_bytes(), "找不到文件");
        check(b"", "");
    }
}
