//! The TLS of a data connection, until its handshake is over.
//!
//! The client of the control connection is TLS's client too, whoever opens the
//! data connection (RFC 4217 section 7); its hello tells the direction. What is
//! no TLS from its first byte on is let go at once.

use super::{Watch, begins};
use crate::capture::decode::Segment;
use crate::capture::stream::{Delivery, Place, Reassembly};
use crate::capture::undecided::feed;
use crate::ftp::{Side, TlsRecord};
use crate::limits;

/// What is known of a data connection's TLS.
#[derive(Debug, Default)]
pub(in crate::capture) struct DataTls {
    reassembly: Option<Box<Reassembly>>,
    watch: Watch,
    /// The direction of the client, once its hello or the server's was heard.
    client: Option<usize>,
    /// Bytes heard.
    heard: u64,
    /// Nothing more is to be learned.
    over: bool,
}

impl DataTls {
    /// Takes a segment of the connection.
    pub(in crate::capture) fn take(
        &mut self,
        direction: usize,
        segment: &Segment<'_>,
        place: Place,
    ) {
        if self.over {
            return;
        }
        let mut reassembly = self.reassembly.take().unwrap_or_default();
        feed(
            &mut reassembly,
            direction,
            segment,
            place,
            &mut |direction, place, delivery| self.hear(direction, place, &delivery),
        );
        self.over |= self.watch.is_done() || self.heard > limits::TLS_DATA_BYTES;
        if !self.over {
            self.reassembly = Some(reassembly);
        }
    }

    fn hear(&mut self, direction: usize, place: Place, delivery: &Delivery<'_>) {
        let bytes = delivery.bytes();
        self.heard += bytes.len() as u64;
        if self.client.is_none() && !bytes.is_empty() {
            self.client = [Side::Client, Side::Server]
                .into_iter()
                .find(|side| begins(*side, bytes))
                .map(|side| {
                    if side == Side::Client {
                        direction
                    } else {
                        1 - direction
                    }
                });
            self.over |= self.client.is_none();
        }
        let Some(client) = self.client.filter(|_| !self.over) else {
            return;
        };
        let side = if direction == client {
            Side::Client
        } else {
            Side::Server
        };
        self.watch.take(side, place, delivery);
    }

    /// What is known; `ended` says that the connection is over. `None` where it has no TLS.
    pub(in crate::capture) fn record(&self, ended: bool) -> Option<Box<TlsRecord>> {
        self.client?;
        Some(Box::new(self.watch.so_far(ended)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::decode::Flags;
    use crate::capture::ends::Socket;
    use crate::diagnostic::Origin;

    /// Records of a handshake that never comes to an end.
    #[test]
    fn a_handshake_is_followed_for_so_many_bytes() {
        let ends = [1024, 20].map(|port| Socket::new([192, 0, 2, 10].into(), port));
        let hello = [
            &[22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3][..],
            &[7; 32],
            &[0, 0, 2, 0xc0, 0x2f, 1, 0],
        ]
        .concat();
        let more = [&[22, 3, 3, 4, 0, 11, 0xff, 0xff, 0xff][..], &[0; 1020]].concat();
        let mut tls = DataTls::default();
        let mut sequence = 1;
        let mut taken = 0;
        while !tls.over {
            let payload = if taken == 0 { &hello } else { &more };
            let segment = Segment {
                source: ends[0],
                destination: ends[1],
                sequence,
                acknowledgment: 1,
                flags: Flags(16),
                id: 0,
                window: 1000,
                payload,
                missing: 0,
            };
            let place = Place {
                at: None,
                origin: Origin::default(),
            };
            tls.take(0, &segment, place);
            sequence += u32::try_from(payload.len()).unwrap();
            taken += payload.len() as u64;
            assert!(taken < 2 * limits::TLS_DATA_BYTES);
        }
        assert!(taken > limits::TLS_DATA_BYTES);
        assert!(tls.reassembly.is_none());
    }
}
