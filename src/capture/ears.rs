//! Both directions' bytes of a control connection become what was said.
//!
//! Keeps what is needed to read on: lines that are not whole, a reply that is open, how far TLS has got. What is said is
//! handed over at once and borrows the bytes that it was read from; what follows from it is the business of
//! [`super::control`].

use super::secure::{Secure, Step};
use super::stream::{Delivery, Place};
use crate::ftp::{Command, Found, Line, LineEnd, Lines, Replies, Reply, Side, TlsRecord, grammar};

/// Something that was said or happened on the control connection.
#[derive(Debug)]
pub(super) enum Said<'b> {
    /// A client's line; no command where it is none.
    Command(Option<Command<'b>>, Line<'b>),
    /// A reply, and the record that holds its last byte.
    Reply(Reply<'b>, Place, u64),
    /// A server's line that is no reply.
    Stray(Line<'b>),
    /// The rest of a client's line; it may hold a secret.
    Rest(Place),
    Protected(Place),
    Handshake(Place, Box<TlsRecord>),
    Unprotected(Place),
    Missing(Place, Side, u64),
    /// Bytes were sent again, but others.
    Conflict(Place),
}

/// Receives what was said.
pub(super) type Each<'e> = &'e mut dyn FnMut(Said<'_>);

/// What listens to both directions.
#[derive(Debug)]
pub(super) struct Ears {
    client: Lines,
    server: Lines,
    replies: Replies,
    secure: Secure,
}

impl Ears {
    /// `whole` says that the connection's first bytes were heard.
    pub(super) fn new(whole: bool) -> Self {
        let lines = if whole { Lines::new } else { Lines::mid_stream };
        Self {
            client: lines(Side::Client),
            server: lines(Side::Server),
            replies: Replies::default(),
            secure: Secure::new(!whole),
        }
    }

    /// Takes the next bytes of a side.
    pub(super) fn take(
        &mut self,
        side: Side,
        place: Place,
        delivery: &Delivery<'_>,
        each: Each<'_>,
    ) {
        if self.secure.are_words(delivery) {
            return self.listen(side, place, delivery.bytes(), each);
        }
        let fresh = match side {
            Side::Client => self.client.is_between_lines(),
            Side::Server => self.server.is_between_lines() && !self.replies.is_open(),
        };
        let mut steps = Vec::new();
        let taken = self.secure.take(side, place, delivery, fresh, &mut steps);
        tell(steps, each);
        match (delivery, taken) {
            (Delivery::Fin, _) | (Delivery::Bytes(_), None) => {}
            (Delivery::Conflict, _) => each(Said::Conflict(place)),
            (Delivery::Hole(bytes), _) => {
                if taken.is_some() {
                    self.lose(side, each);
                }
                each(Said::Missing(place, side, *bytes));
            }
            (Delivery::Bytes(bytes), Some(taken)) => {
                let words = bytes.get(taken..).unwrap_or_default();
                self.listen(side, place, words, each);
            }
        }
    }

    /// A 234 was heard: TLS is to begin.
    pub(super) fn agree(&mut self) {
        self.secure.agree();
    }

    fn listen(&mut self, side: Side, place: Place, bytes: &[u8], each: Each<'_>) {
        match side {
            Side::Client => {
                self.replies
                    .client_spoke(&mut |found| each(of_server(found)));
                let each = &mut |line: Line<'_>| each(of_client(line));
                self.client.push(bytes, place.at, place.origin, each);
            }
            Side::Server => {
                self.client.answered(&mut |line| each(of_client(line)));
                let replies = &mut self.replies;
                let each = &mut |line: Line<'_>| {
                    replies.line(line, &mut |found| each(of_server(found)));
                };
                self.server.push(bytes, place.at, place.origin, each);
            }
        }
    }

    fn lose(&mut self, side: Side, each: Each<'_>) {
        match side {
            Side::Client => self.client.lose(&mut |line| each(of_client(line))),
            Side::Server => {
                let replies = &mut self.replies;
                self.server.lose(&mut |line| {
                    replies.line(line, &mut |found| each(of_server(found)));
                });
                replies.lose(&mut |found| each(of_server(found)));
            }
        }
    }

    /// The connection is over: gives back what was still open. `ended` says that the end was seen.
    pub(super) fn finish(&mut self, place: Place, ended: bool, each: Each<'_>) {
        let replies = &mut self.replies;
        self.server.finish(&mut |line| {
            replies.line(line, &mut |found| each(of_server(found)));
        });
        replies.finish(&mut |found| each(of_server(found)));
        self.client.finish(&mut |line| each(of_client(line)));
        let mut steps = Vec::new();
        self.secure.finish(place, ended, &mut steps);
        tell(steps, each);
    }
}

fn tell(steps: Vec<Step>, each: Each<'_>) {
    for step in steps {
        each(match step {
            Step::Begins(place) => Said::Protected(place),
            Step::Handshake(place, record) => Said::Handshake(place, record),
            Step::Ends(place) => Said::Unprotected(place),
            // Stands for what is no word.
            Step::Noise(Place { at, origin }, ends) => of_client(Line {
                bytes: b"?",
                at,
                origin,
                ends,
                end: LineEnd::Whole,
            }),
        });
    }
}

fn of_client(line: Line<'_>) -> Said<'_> {
    match line.end {
        LineEnd::Rest => Said::Rest(place_of(&line)),
        LineEnd::Whole | LineEnd::Cut => Said::Command(grammar::command(line.bytes), line),
    }
}

fn of_server(found: Found<'_>) -> Said<'_> {
    match found {
        Found::Stray(line) => Said::Stray(line),
        Found::Reply {
            reply,
            at,
            origin,
            ends,
            ..
        } => Said::Reply(reply, Place { at, origin }, ends),
    }
}

fn place_of(line: &Line<'_>) -> Place {
    Place {
        at: line.at,
        origin: line.origin,
    }
}

impl Said<'_> {
    /// When and where.
    pub(super) fn place(&self) -> Place {
        match self {
            Self::Command(_, line) | Self::Stray(line) => place_of(line),
            Self::Reply(_, place, _)
            | Self::Rest(place)
            | Self::Protected(place)
            | Self::Handshake(place, _)
            | Self::Unprotected(place)
            | Self::Missing(place, ..)
            | Self::Conflict(place) => *place,
        }
    }
}
