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
