//! Bytes of any kind as a text of JSON: each is the letter with its number, so most can be read.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes that are a text in JSON.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Bytes(pub Vec<u8>);

impl Bytes {
    /// Those of a path.
    pub fn of(path: &Path) -> Self {
        Self(path.as_os_str().as_encoded_bytes().to_vec())
    }

    /// The path that they are.
    pub fn path(&self) -> PathBuf {
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStringExt as _;
            std::ffi::OsString::from_vec(self.0.clone()).into()
        }
        #[cfg(not(unix))]
        String::from_utf8_lossy(&self.0).into_owned().into()
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match str::from_utf8(&self.0) {
            // Nearly all are.
            Ok(text) if text.is_ascii() => serializer.serialize_str(text),
            _ => {
                let text: String = self.0.iter().copied().map(char::from).collect();
                serializer.serialize_str(&text)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Letters)
    }
}

/// Takes the letters where they stand.
struct Letters;

impl Visitor<'_> for Letters {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a letter for each byte")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Bytes, E> {
        if text.is_ascii() {
            return Ok(Bytes(text.as_bytes().to_vec()));
        }
        let bytes = text.chars().map(|letter| u8::try_from(u32::from(letter)));
        let bytes = bytes.collect::<Result<_, _>>();
        bytes
            .map(Bytes)
            .map_err(|_| E::custom("a letter that stands for no byte"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_come_back() {
        let all = Bytes((0..=255).collect());
        let text = serde_json::to_string(&all).unwrap();
        assert!(text.contains("ABCabc".get(..3).unwrap()));
        assert_eq!(serde_json::from_str::<Bytes>(&text).unwrap(), all);
        assert!(serde_json::from_str::<Bytes>("\"\u{20ac}\"").is_err());
    }
}
