//! Tells cheaply which expressions can't match a text, so that few are compiled and run.
//!
//! From an expression it draws words of which at least one must stand in every text that matches (`(quota|limit) exceeded`
//! needs ` exceeded`), and holds their letters, three by three, against those of the text. It may let too much through,
//! never too little. It knows the expressions' dialect only as far as needed; what it doesn't know needs nothing.

/// The hashes of all three-letter parts of a text, as a set of bits.
pub(super) struct Letters([u64; 64]);

impl Letters {
    pub(super) fn of(text: &[u8]) -> Self {
        let mut bits = [0; 64];
        for part in parts(text) {
            if let Some(word) = bits.get_mut(usize::from(part >> 6)) {
                *word |= 1 << (part & 63);
            }
        }
        Self(bits)
    }

    fn has(&self, part: u16) -> bool {
        let word = self.0.get(usize::from(part >> 6)).copied().unwrap_or(0);
        word >> (part & 63) & 1 == 1
    }
}

/// Twelve bits for every three neighbouring letters.
fn parts(text: &[u8]) -> impl Iterator<Item = u16> {
    text.windows(3).map(|three| {
        let number = three.iter().fold(0_u32, |n, b| (n << 8) | u32::from(*b));
        u16::try_from(number.wrapping_mul(0x9e37_79b1) >> 20).unwrap_or(0)
    })
}

fn ends(word: &[u8]) -> Option<(u16, u16)> {
    Some((parts(word).next()?, parts(word).last()?))
}

/// What a text must have for an expression to match: the first and last part of one of these words.
pub(super) struct Need(Option<Vec<(u16, u16)>>);

/// The alternatives of an expression (`a|b|c`), and what each needs. A text matches it if it matches one of them.
pub(super) fn alternatives(expression: &str) -> Vec<(&str, Need)> {
    let mut reader = Reader::new(expression);
    let mut found = Vec::new();
    let mut rest = Some(expression);
    while let Some(from) = rest {
        let words = reader.sequence();
        let length = from.len() - reader.rest.len();
        found.extend(from.get(..length).map(|one| (one, Need::one_of(words))));
        rest = from.get(length + 1..).filter(|_| reader.take(b'|'));
    }
    if reader.is_at_end() {
        found
    } else {
        vec![(expression, Need(None))]
    }
}

impl Need {
    fn one_of(words: Words) -> Self {
        Self(words.and_then(|words| words.iter().map(|word| ends(word)).collect()))
    }

    /// False only if the expression can't match.
    pub(super) fn may_match(&self, letters: &Letters) -> bool {
        self.0.as_ref().is_none_or(|words| {
            words
                .iter()
                .any(|(first, last)| letters.has(*first) && letters.has(*last))
        })
    }
}

/// Words of which one must occur; `None` where nothing must.
type Words = Option<Vec<Vec<u8>>>;

struct Reader<'p> {
    rest: &'p [u8],
    known: bool,
}

impl<'p> Reader<'p> {
    fn new(expression: &'p str) -> Self {
        Self {
            rest: expression.as_bytes(),
            known: true,
        }
    }

    /// All of it was read and understood.
    fn is_at_end(&self) -> bool {
        self.known && self.rest.is_empty()
    }

    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    fn take(&mut self, what: u8) -> bool {
        let found = self.rest.first() == Some(&what);
        if found {
            self.next();
        }
        found
    }

    /// `a|b|c`: one of the words of any.
    fn alternatives(&mut self) -> Words {
        let mut all = self.sequence();
        while self.take(b'|') {
            let other = self.sequence();
            all = all.zip(other).map(|(mut all, other)| {
                all.extend(other);
                all
            });
        }
        all
    }

    /// `abc(d|e)f*`: the words of the part that is hardest to have.
    fn sequence(&mut self) -> Words {
        let mut best = None;
        let mut word = Vec::new();
        while let Some(first) = self.rest.first().copied() {
            if matches!(first, b'|' | b')') {
                break;
            }
            self.next();
            let literal = match first {
                b'(' => {
                    if self.take(b'?') {
                        self.known &= self.take(b':');
                    }
                    let inside = self.alternatives();
                    self.known &= self.take(b')');
                    if self.is_required() {
                        best = harder(best, inside);
                    }
                    None
                }
                b'[' => {
                    self.class();
                    self.is_required();
                    None
                }
                b'.' => {
                    self.is_required();
                    None
                }
                b'^' | b'$' => None,
                b'\\' => self.next().filter(u8::is_ascii_punctuation),
                plain => Some(plain),
            };
            let repeats = matches!(self.rest.first(), Some(b'?' | b'*' | b'+' | b'{'));
            let kept = self.is_required();
            word.extend(literal.filter(|_| kept));
            if literal.is_none() || repeats {
                best = harder(best, alone(&mut word));
            }
        }
        harder(best, alone(&mut word))
    }

    /// Reads over what is left of `[…]`.
    fn class(&mut self) {
        self.take(b'^');
        self.take(b']');
        while let Some(b) = self.next() {
            match b {
                b']' => return,
                b'\\' => {
                    self.next();
                }
                _ => {}
            }
        }
    }

    /// Reads over `?`, `*`, `+` or `{…}`; true if what stands before it occurs at least once.
    fn is_required(&mut self) -> bool {
        let required = match self.rest.first() {
            Some(b'?' | b'*') => {
                self.next();
                false
            }
            Some(b'+') => {
                self.next();
                true
            }
            Some(b'{') => {
                self.next();
                let required = self.rest.first().is_some_and(|b| matches!(b, b'1'..=b'9'));
                while self.next().is_some_and(|b| b != b'}') {}
                required
            }
            _ => return true,
        };
        self.take(b'?');
        required
    }
}

/// A word as the only one, and what follows begins anew. Words below three letters have no part, so they say nothing.
fn alone(word: &mut Vec<u8>) -> Words {
    if word.len() < 3 {
        word.clear();
        return None;
    }
    Some(vec![std::mem::take(word)])
}

/// The words that are rarer: the longer ones.
fn harder(a: Words, b: Words) -> Words {
    let shortest = |words: &Words| words.as_ref()?.iter().map(Vec::len).min();
    match (shortest(&a), shortest(&b)) {
        (left, right) if left >= right && left.is_some() => a,
        (_, Some(_)) => b,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_are_drawn_from_the_expression() {
        let words = |expression: &str| {
            let mut reader = Reader::new(expression);
            let words = reader.alternatives();
            assert!(reader.is_at_end(), "{expression}");
            words.map(|w| {
                w.iter()
                    .map(|w| String::from_utf8_lossy(w).into_owned())
                    .collect::<Vec<_>>()
                    .join("|")
            })
        };
        let check = |expression: &str, want: Option<&str>| {
            assert_eq!(words(expression).as_deref(), want, "{expression}");
        };
        check("quota", Some("quota"));
        check("(quota|limit) exceeded", Some(" exceeded"));
        check("no (file|dir)s?", Some("file|dir"));
        check(r"\bids?\b.{0,12}unknown|zzz", Some("unknown|zzz"));
        check("time ?-?out", Some("time"));
        check("abcd?", Some("abc"));
        check("abcd+e", Some("abcd"));
        check("[abc]{2,3}xyz{0,2}", None);
        check(r"\(the max", Some("(the max"));
        check("(long words)?ab|cde", None);
        check(".", None);
    }
    #[test]
    fn an_expression_is_parted_where_it_has_alternatives() {
        let check = |expression: &str, want: &[&str]| {
            let found = alternatives(expression);
            let found: Vec<&str> = found.iter().map(|(one, _)| *one).collect();
            assert_eq!(found, want, "{expression}");
        };
        check("one", &["one"]);
        check("one|two|", &["one", "two", ""]);
        check("(a|b)c|[|]d|e\\|f", &["(a|b)c", "[|]d", "e\\|f"]);
        check("нет|да", &["нет", "да"]);
        // What is not understood stays whole.
        check("a|(?i)b|c", &["a|(?i)b|c"]);
        check("a|b)|c", &["a|b)|c"]);
    }
}
