//! The written form of tallies: JSON from which exactly the same tallies are read back.
//!
//! The form depends on what is counted, not on what it is kept in: keys with their counts, few enough to be listed. What
//! stands for an entry of the catalogue, a format or one of several words is written as its id. Numbers are safe with
//! readers that know only doubles: what may be larger than [`limits::WRITTEN_DIGITS`] digits is text.
//!
//! Whoever reads takes nothing on trust: what is too long, too large, twice there or not known is an error in words.
//! Adding up what was read can't overflow as long as no more than [`limits::MERGED_REPORTS`] are added.

#[cfg(test)]
mod tests;
mod words;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

pub(super) use words::Hash;

use super::Tallies;
use crate::{limits, text};

/// The number of the form that is written. It changes when what is written means something else.
pub const FORM: u32 = 1;

/// Tallies as they are written.
#[derive(Debug, Serialize)]
pub struct Written<'t> {
    form: u32,
    sums: &'t Tallies,
}

impl<'t> Written<'t> {
    /// Of these.
    pub fn new(sums: &'t Tallies) -> Self {
        Self { form: FORM, sums }
    }
}

/// Reads what [`Written`] wrote.
///
/// # Errors
///
/// Says in words what is wrong with it and where.
pub fn read(json: &str) -> Result<Tallies, String> {
    #[derive(Deserialize)]
    struct Head {
        form: u32,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Whole {
        #[serde(rename = "form")]
        _form: u32,
        sums: Tallies,
    }
    let head: Head = parse(json)?;
    if head.form != FORM {
        let age = if head.form > FORM {
            "a newer"
        } else {
            "an older"
        };
        return Err(format!(
            "made by {age} version: its sums have the form {}, this one reads the form {FORM}",
            head.form
        ));
    }
    check_numbers(json)?;
    let sums = parse::<Whole>(json)?.sums;
    if sums
        .passed_over
        .keys()
        .any(|source| sums.inputs.contains_key(source))
    {
        return Err("a source that is read and passed over".to_owned());
    }
    Ok(sums)
}

fn parse<T: DeserializeOwned>(json: &str) -> Result<T, String> {
    serde_json::from_str(json).map_err(|error| text::terminal_str(&error.to_string(), true))
}

/// No number is longer than what can be added up; what may be larger is text.
fn check_numbers(json: &str) -> Result<(), String> {
    let (mut in_text, mut escaped, mut digits) = (false, false, 0);
    for byte in json.bytes() {
        match byte {
            b'"' if !escaped => in_text = !in_text,
            b'0'..=b'9' if !in_text => digits += 1,
            _ => digits = 0,
        }
        escaped = in_text && byte == b'\\' && !escaped;
        if digits > limits::WRITTEN_DIGITS {
            let most = limits::WRITTEN_DIGITS;
            return Err(format!("a number of more than {most} digits"));
        }
    }
    Ok(())
}

/// A list with at most so many things.
struct Listed<T, const MOST: usize>(Vec<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for Listed<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Listing<T, const MOST: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Listing<T, MOST> {
            type Value = Listed<T, MOST>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {MOST}")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = seq.next_element()? {
                    if list.len() >= MOST {
                        return Err(A::Error::custom(format!("a list of more than {MOST}")));
                    }
                    list.push(item);
                }
                Ok(Listed(list))
            }
        }
        deserializer.deserialize_seq(Listing(PhantomData))
    }
}

/// Reads a list of at most so many things.
pub(super) fn list<'de, D, T, const MOST: usize>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Listed::<T, MOST>::deserialize(deserializer).map(|list| list.0)
}

/// Reads a list of keys, each with something, in which no key occurs twice.
pub(super) fn pairs<'de, D, K, V, const MOST: usize>(
    deserializer: D,
) -> Result<BTreeMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord,
    V: Deserialize<'de>,
{
    let mut map = BTreeMap::new();
    for (key, value) in list::<D, (K, V), MOST>(deserializer)? {
        if map.insert(key, value).is_some() {
            return Err(D::Error::custom("a key that stands there twice"));
        }
    }
    Ok(map)
}

/// A map as a list of its keys, each with what it has.
pub(super) mod map {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::limits;

    pub(in crate::tally) fn serialize<K, V, S>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error>
    where
        K: Serialize,
        V: Serialize,
        S: Serializer,
    {
        serializer.collect_seq(map)
    }

    pub(in crate::tally) fn deserialize<'de, K, V, D>(
        deserializer: D,
    ) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        super::pairs::<D, K, V, { limits::WRITTEN_KEYS }>(deserializer)
    }
}

/// Numbers that may be larger than what is added up: they saturate, or are only compared.
pub(super) mod large {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::words::Large;

    /// What is written as [`Large`].
    pub(in crate::tally) trait Numbers: Sized {
        type Form: Serialize + for<'de> Deserialize<'de>;
        fn form(&self) -> Self::Form;
        fn read(form: Self::Form) -> Self;
    }

    impl Numbers for u64 {
        type Form = Large;

        fn form(&self) -> Large {
            Large(*self)
        }

        fn read(form: Large) -> Self {
            form.0
        }
    }

    impl Numbers for Option<u64> {
        type Form = Option<Large>;

        fn form(&self) -> Option<Large> {
            self.map(Large)
        }

        fn read(form: Option<Large>) -> Self {
            form.map(|number| number.0)
        }
    }

    /// The first of them is large.
    impl Numbers for (u64, u64) {
        type Form = (Large, u64);

        fn form(&self) -> (Large, u64) {
            (Large(self.0), self.1)
        }

        fn read(form: (Large, u64)) -> Self {
            (form.0.0, form.1)
        }
    }

    pub(in crate::tally) fn serialize<N: Numbers, S: Serializer>(
        of: &N,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        of.form().serialize(to)
    }

    pub(in crate::tally) fn deserialize<'de, N: Numbers, D: Deserializer<'de>>(
        from: D,
    ) -> Result<N, D::Error> {
        N::Form::deserialize(from).map(N::read)
    }
}

/// True for what need not be written where there are thousands.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Our own words, of which nothing could act on a terminal.
fn own_words(words: &str) -> Cow<'static, str> {
    Cow::Owned(text::terminal_str(words, false))
}

/// Writes what is shown as something else, and reads that back.
macro_rules! written {
    ($($type:ty as $other:ty: |$value:ident| $to:expr, |$read:ident| $back:expr;)*) => {$(
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let $value = self;
                let other: $other = $to;
                serde::Serialize::serialize(&other, serializer)
            }
        }
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let $read = <$other as serde::Deserialize>::deserialize(from)?;
                let read: Result<Self, String> = $back;
                read.map_err(serde::de::Error::custom)
            }
        }
    )*};
}
pub(super) use written;
