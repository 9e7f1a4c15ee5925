//! Other names: the same for the same, and nothing of the old ones.

use proptest::prelude::*;

use super::words::Names;
use super::*;

fn anonymizer() -> Anonymizer {
    Anonymizer::new(b"a key")
}

fn text(text: &str, user: &str) -> String {
    let mut names = Names::default();
    names.add_user(user.as_bytes());
    let other = anonymizer().text(text.as_bytes(), &names);
    other.json().into_owned()
}

#[test]
fn the_same_name_becomes_the_same_and_by_another_key_another() {
    let (one, other) = (anonymizer(), Anonymizer::new(b"another key"));
    assert_eq!(one.user(b"alice"), Anonymizer::new(b"a key").user(b"alice"));
    assert_ne!(one.user(b"alice"), other.user(b"alice"));
    assert_ne!(one.user(b"alice"), one.user(b"Alice"));
    assert_eq!(one.user(b"anonymous").bytes(), b"anonymous");
    let ip = IpAddr::from([192, 0, 2, 7]);
    assert_ne!(one.ip(ip), other.ip(ip));
    assert_eq!(format!("{one:?}"), "Anonymizer");
}

#[test]
fn paths_keep_their_shape() {
    let path = |path: &str| anonymizer().path(path.as_bytes()).json().into_owned();
    let (first, second) = (
        path("/srv/alice/pay.csv"),
        path("/srv/alice/../bob/x.alice"),
    );
    let parts: Vec<&str> = first.split('/').collect();
    assert!(
        matches!(parts.as_slice(), ["", _, _, file] if file.split('.').nth(1) == Some("csv")),
        "{first}"
    );
    assert!(
        second.split('/').nth(1) == parts.get(1).copied(),
        "{first} {second}"
    );
    assert!(
        second.contains("/../") && !second.contains("alice"),
        "{second}"
    );
    assert_eq!(path(""), "");
}

#[test]
fn of_a_text_the_common_words_stay() {
    let shown = text(
        "Permission denied for carol at office.example.com (192.0.2.7).",
        "alice",
    );
    assert!(shown.starts_with("Permission denied for w-"), "{shown}");
    for gone in ["carol", "office", "example", "192.0.2.7"] {
        assert!(!shown.contains(gone), "{shown}");
    }
    assert!(shown.ends_with(")."), "{shown}");
    let ip = anonymizer().ip(IpAddr::from([192, 0, 2, 7]));
    assert!(shown.contains(&ip.to_string()), "{shown}");
}

/// A user may be called like a word that every server says.
#[test]
fn a_name_that_is_a_common_word_goes_as_well() {
    let shown = text(
        "User data logged in. Opening DATA connection, data5.",
        "data",
    );
    assert!(!shown.to_lowercase().contains("data"), "{shown}");
    let user = anonymizer().user(b"data").json().into_owned();
    assert!(shown.contains(&user), "{shown}");
}

#[test]
fn announced_addresses_and_ports_become_the_same_address_everywhere() {
    let ip = anonymizer().ip(IpAddr::from([192, 0, 2, 10])).to_string();
    let commas = ip.replace('.', ",");
    let shown = text("Entering Passive Mode (192,0,2,10,195,80).", "");
    assert_eq!(shown, format!("Entering Passive Mode ({commas},195,80)."));
    assert_eq!(text("=192,0,2,10,195,80", ""), format!("={commas},195,80"));
    assert_eq!(
        text("announces 192.0.2.10:50000;", ""),
        format!("announces {ip}:50000;")
    );
    let six: IpAddr = "2001:db8::7".parse().unwrap();
    assert_eq!(
        text("from 2001:db8::7", ""),
        format!("from {}", anonymizer().ip(six))
    );
}

#[test]
fn what_is_left_of_an_inputs_name_is_its_kind() {
    let input = |path: &[u8]| Anonymizer::input(2, path).json().into_owned();
    assert_eq!(input(b"/srv/alice/web1.pcap.gz"), "input-3.pcap.gz");
    assert_eq!(input(b"alice.log"), "input-3.log");
    assert_eq!(input(b"alice.bob"), "input-3");
    assert_eq!(input(b"-"), "input-3");
}

fn common(one: u128, other: u128) -> u32 {
    (one ^ other).leading_zeros()
}

proptest! {
    #[test]
    fn addresses_keep_their_prefixes(one: u32, other: u32, six: u128, place in 0..128_u32) {
        let four = |bits: u32| match anonymizer().ip(IpAddr::V4(bits.into())) {
            IpAddr::V4(ip) => u32::from(ip),
            IpAddr::V6(ip) => panic!("{ip}"),
        };
        let of = |bits: u32| u128::from(bits) << 96;
        prop_assert_eq!(common(of(one), of(other)), common(of(four(one)), of(four(other))));
        let wide = |bits: u128| match anonymizer().ip(IpAddr::V6(bits.into())) {
            IpAddr::V6(ip) => u128::from(ip),
            IpAddr::V4(ip) => panic!("{ip}"),
        };
        let near = six ^ (1 << place);
        prop_assert_eq!(common(six, near), common(wide(six), wide(near)));
    }

    #[test]
    fn any_bytes_are_a_text(bytes: Vec<u8>) {
        let mut names = Names::default();
        names.add(&bytes);
        anonymizer().text(&bytes, &names);
        anonymizer().path(&bytes);
    }
}
