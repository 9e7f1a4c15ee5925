//! How far TLS has got on a control connection (RFC 4217): which of its bytes are TLS, and which are words.
//!
//! TLS begins where it was agreed upon (AUTH, 234), or unasked (implicit TLS);
//! a hello that is answered in words was none. It ends where words follow a
//! record: after CCC, or when the handshake failed. What the records say is the
//! business of [`super::tls`].

use super::stream::{Delivery, Place};
use super::tls::{self, Watch};
use crate::ftp::{Side, TlsRecord};
use crate::limits;

#[derive(Debug)]
enum State {
    Clear,
    /// AUTH was answered by 234: the next bytes should be TLS.
    Agreed,
    /// The client said hello unasked; it depends on the server what that was.
    Offered(Box<Hello>),
    On(Box<Watch>),
}

/// A client's hello that was not agreed upon.
#[derive(Debug)]
struct Hello {
    place: Place,
    ends: u64,
    bytes: Vec<u8>,
    /// Bytes after these are not in the capture.
    lost: u64,
}

/// What happened to the protection.
#[derive(Debug)]
pub(super) enum Step {
    /// TLS begins here.
    Begins(Place),
    /// How the handshake came out.
    Handshake(Place, Box<TlsRecord>),
    /// Words again.
    Ends(Place),
    /// A hello that nobody took for one; and the record that holds its last byte.
    Noise(Place, u64),
}

/// The protection of one control connection.
#[derive(Debug)]
pub(super) struct Secure {
    state: State,
    /// No word was heard yet.
    wordless: bool,
    mid_stream: bool,
}

impl Secure {
    /// For a connection whose beginning was heard, or not.
    pub(super) fn new(mid_stream: bool) -> Self {
        Self {
            state: State::Clear,
            wordless: true,
            mid_stream,
        }
    }

    /// A 234 was heard: TLS is to begin.
    pub(super) fn agree(&mut self) {
        if matches!(self.state, State::Clear | State::On(_)) {
            self.state = State::Agreed;
        }
    }

    /// Takes what a side sends where that is words for certain: no TLS begins with a letter or a digit. False where it has to
    /// be looked at.
    pub(super) fn are_words(&mut self, delivery: &Delivery<'_>) -> bool {
        let begins = delivery
            .bytes()
            .first()
            .is_some_and(u8::is_ascii_alphanumeric);
        let is_clear = begins && matches!(self.state, State::Clear);
        self.wordless &= !is_clear;
        is_clear
    }

    /// Takes what a side sends. `fresh` says that none of its lines is open. Gives back how many of the bytes are not words,
    /// or `None` where all of it, be it a loss, is TLS's.
    pub(super) fn take(
        &mut self,
        side: Side,
        place: Place,
        delivery: &Delivery<'_>,
        fresh: bool,
        steps: &mut Vec<Step>,
    ) -> Option<usize> {
        let bytes = delivery.bytes();
        if fresh && !bytes.is_empty() {
            self.begin(side, place, bytes, steps);
        }
        if let State::Offered(hello) = &mut self.state
            && side == Side::Client
            && hello.take(place, delivery)
        {
            return None;
        }
        let State::On(watch) = &mut self.state else {
            if !bytes.is_empty() {
                self.decline(side, bytes, steps);
                self.wordless = false;
            }
            return Some(0);
        };
        let was_clear = [Side::Client, Side::Server].map(|side| watch.is_clear(side));
        let taken = watch.take(side, place, delivery);
        let ends = was_clear == [false; 2] && watch.is_clear(side);
        if let Some(facts) = watch.tell(ends) {
            steps.push(Step::Handshake(place, facts));
        }
        if ends {
            steps.push(Step::Ends(place));
        }
        let is_words = watch.is_clear(side);
        self.wordless &= !is_words;
        is_words.then_some(taken)
    }

    /// The connection is over; `ended` says that this was seen.
    pub(super) fn finish(&mut self, place: Place, ended: bool, steps: &mut Vec<Step>) {
        match std::mem::replace(&mut self.state, State::Clear) {
            State::Offered(hello) if !self.wordless => steps.push(hello.as_noise()),
            // Nobody answered: whoever begins with a hello means TLS.
            State::Offered(hello) => {
                steps.push(Step::Begins(hello.place));
                finish(hello.watch(), place, ended, steps);
            }
            State::On(watch) => finish(watch, place, ended, steps),
            State::Clear | State::Agreed => {}
        }
    }

    /// Sees whether TLS begins with these bytes.
    fn begin(&mut self, side: Side, place: Place, bytes: &[u8], steps: &mut Vec<Step>) {
        let unheard = self.mid_stream && self.wordless;
        let (begun, watch) = match &mut self.state {
            State::Agreed if tls::may_begin(bytes) => (place, Box::default()),
            State::Clear if unheard && tls::goes_on(bytes) => (place, Box::default()),
            State::Clear if tls::begins(side, bytes) && side == Side::Server => {
                (place, Box::default())
            }
            State::Clear if tls::begins(side, bytes) => {
                self.state = State::Offered(Box::new(Hello {
                    place,
                    ends: place.origin.record,
                    bytes: Vec::new(),
                    lost: 0,
                }));
                return;
            }
            State::Offered(hello)
                if tls::may_begin(bytes) && (side == Side::Server || hello.is_whole()) =>
            {
                (hello.place, hello.watch())
            }
            _ => return,
        };
        steps.push(Step::Begins(begun));
        self.state = State::On(watch);
    }

    /// A client's hello is answered by words, or words follow it: it was no start of TLS.
    fn decline(&mut self, side: Side, bytes: &[u8], steps: &mut Vec<Step>) {
        let agrees = side == Side::Server && bytes.starts_with(b"234");
        match std::mem::replace(&mut self.state, State::Clear) {
            State::Offered(hello) if !agrees => steps.push(hello.as_noise()),
            state => self.state = state,
        }
    }
}

fn finish(mut watch: Box<Watch>, place: Place, ended: bool, steps: &mut Vec<Step>) {
    watch.finish(ended);
    if let Some(facts) = watch.tell(true) {
        steps.push(Step::Handshake(place, facts));
    }
}

impl Hello {
    /// Takes more of it; false when it was whole.
    fn take(&mut self, place: Place, delivery: &Delivery<'_>) -> bool {
        match delivery {
            _ if self.is_whole() => return false,
            Delivery::Hole(bytes) => self.lost += bytes,
            Delivery::Fin | Delivery::Conflict => {}
            Delivery::Bytes(bytes) => {
                self.bytes.extend_from_slice(bytes);
                self.ends = place.origin.record;
            }
        }
        true
    }

    fn is_whole(&self) -> bool {
        self.lost > 0 || tls::is_whole(&self.bytes) || self.bytes.len() > limits::TLS_RECORD_BYTES
    }

    /// The connection as TLS, from the hello on.
    fn watch(&self) -> Box<Watch> {
        let mut watch = Box::<Watch>::default();
        watch.take(Side::Client, self.place, &Delivery::Bytes(&self.bytes));
        if self.lost > 0 {
            watch.take(Side::Client, self.place, &Delivery::Hole(self.lost));
        }
        watch
    }

    fn as_noise(&self) -> Step {
        Step::Noise(self.place, self.ends)
    }
}
