//! Laws of reading captures and compressed files: what networks and disks do to an input changes nothing that was said.

use ftpwhy::run::Wanted;

use crate::frames;
use crate::support::{Temporary, reply_codes, run_with, settings};
use crate::traffic::{self, Rng};

/// The replies are the same for packets that a path with a small MTU cut up, and for those of a tunnel through one.
#[test]
fn packets_may_be_fragmented_and_fragments_come_in_any_order() {
    let mut rng = Rng::new(9);
    for index in 0..40 {
        let conversation = traffic::random_conversation(&mut rng, index);
        let expected = traffic::replies(&conversation);
        let mut numbers = 1..u16::MAX;
        let mut cut = |packet: &[u8], rng: &mut Rng| {
            let size = 8 * (1 + rng.below(6));
            let parts = frames::fragments(packet, size, numbers.next().unwrap());
            frames::shuffled(&parts, rng)
        };
        let (mut plain, mut tunnelled) = (Vec::new(), Vec::new());
        for packet in conversation.packets() {
            let parts = cut(&frames::packet(&packet.frame()), &mut rng);
            for part in &parts {
                let outer = cut(&frames::tunnelled(part), &mut rng);
                tunnelled.extend(outer.into_iter().map(|part| (packet.at_ns, part)));
            }
            plain.extend(parts.into_iter().map(|part| (packet.at_ns, part)));
        }
        for packets in [plain, tunnelled] {
            let temporary = Temporary::new();
            let path = temporary.file("x.pcap", &frames::pcap(101, &packets));
            let (findings, events) = run_with(&settings(&[&path], Wanted::Events));
            assert_eq!(reply_codes(&events), expected, "conversation {index}");
            let input = findings.tallies.inputs.values().next().unwrap();
            assert_eq!(input.records, input.taken + input.ignored);
        }
    }
}
