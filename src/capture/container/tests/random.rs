//! What holds for any capture, sound or mangled.

use proptest::prelude::*;

use super::*;

/// A capture of either family, with a few bytes overwritten, taken out or put in.
fn mangled() -> impl Strategy<Value = Vec<u8>> {
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 0..6);
    (any::<bool>(), edits).prop_map(|(ng, edits)| {
        let mut bytes = if ng {
            let mut bytes = section(true);
            bytes.extend(interface(1, 0, None, 0, true));
            for tick in 0..8 {
                bytes.extend(enhanced(0, tick, b"0123456789", true));
            }
            bytes
        } else {
            pcap(0..8)
        };
        for (place, byte, edit) in edits {
            let place = 12 + place.index(bytes.len() - 12);
            match edit {
                0 => bytes[place] = byte,
                1 => bytes.truncate(place.max(60)),
                _ => bytes.insert(place, byte),
            }
        }
        bytes
    })
}

/// A sound capture of packets with random content, and where its records begin.
fn sound() -> impl Strategy<Value = (Vec<u8>, Vec<usize>)> {
    let packet = prop::collection::vec(any::<u8>(), 1..200);
    let packets = prop::collection::vec((packet, 0..1000_u32), 8..40);
    (any::<bool>(), packets).prop_map(|(ng, packets)| {
        let mut bytes = if ng {
            [section(false), interface(1, 0, None, 0, false)].concat()
        } else {
            pcap_header(0xa1b2_c3d4, false)
        };
        let mut starts = Vec::new();
        let mut second = SECOND;
        for (data, pause) in packets {
            starts.push(bytes.len());
            second += pause;
            bytes.extend(if ng {
                enhanced(0, u64::from(second) * 1_000_000, &data, false)
            } else {
                pcap_record(second, &data)
            });
        }
        (bytes, starts)
    })
}

fn offset(packet: &Seen) -> usize {
    usize::try_from(packet.4).unwrap()
}

proptest! {
    #[test]
    fn a_sound_capture_is_read_whole_and_nothing_is_told((bytes, starts) in sound()) {
        let found = cut(&bytes);
        let offsets: Vec<_> = found.packets.iter().map(offset).collect();
        prop_assert_eq!(offsets, starts);
        prop_assert_eq!(found.told(), []);
    }

    /// What lies wholly before a damage is read, and so is what lies behind it, but for the record that follows on it.
    #[test]
    fn damage_costs_what_it_hits(
        (mut bytes, starts) in sound(),
        place in any::<prop::sample::Index>(),
        noise in prop::collection::vec(any::<u8>(), 1..40),
    ) {
        let first = starts[0];
        let place = first + place.index(bytes.len() - first - noise.len());
        let end = place + noise.len();
        let whole = cut(&bytes);
        bytes[place..end].copy_from_slice(&noise);
        let found = cut(&bytes);
        let behind = starts.iter().position(|start| *start >= end).unwrap_or(starts.len());
        for (index, packet) in whole.packets.iter().enumerate() {
            let next = starts.get(index + 1).copied().unwrap_or(bytes.len());
            let is_found = found.packets.iter().any(|it| it.4 == packet.4 && it.2 == packet.2);
            if next <= place || index > behind {
                prop_assert!(is_found, "packet {} of {}", index, starts.len());
            }
        }
        for packet in &found.packets {
            let start = offset(packet);
            let touches = start < end && start + packet.2.len() + 40 > place;
            prop_assert!(touches || starts.contains(&start), "made up at {start}");
        }
    }

    #[test]
    fn the_result_does_not_depend_on_the_windows(bytes in mangled(), step in 1..200_usize) {
        prop_assert_eq!(cut_windows(&bytes, step), cut(&bytes));
    }

    #[test]
    fn packets_lie_in_the_file_in_order_and_apart(bytes in mangled()) {
        let found = cut(&bytes);
        let mut end = 0;
        for (_, _, data, _, offset) in found.packets {
            prop_assert!(offset >= end);
            end = offset + data.len() as u64;
        }
        prop_assert!(end <= bytes.len() as u64);
    }
}
