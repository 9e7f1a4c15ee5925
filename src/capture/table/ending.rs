//! How connections end: what was said last, and the last word on what became of them.
//!
//! By their own FINs or RST, because they are given up, or with the capture. Forgets nothing.

use super::{Connection, Dialogue, Out, Role, Table, side_of};
use crate::capture::probe::Verdict;
use crate::capture::stream::Place;
use crate::capture::undecided::{Undecided, hold, judge, server_direction};
use crate::ftp::{Closing, End, EventKind, Fate};
use crate::limits;

impl Table {
    /// The capture is over: ends everything, in the order of last use.
    pub(in crate::capture) fn finish(&mut self, out: Out<'_>) {
        for index in 0..self.connections.len() {
            self.hear_out(index, out);
        }
        while let Some(index) = self.recency.oldest() {
            let quiet = self.facts(index).map(|facts| facts.unheard_for(self.now));
            let how = if quiet.unwrap_or_default() >= limits::CONNECTION_IDLE_SECONDS {
                End::Idle
            } else {
                End::InputEnded
            };
            self.remove(index, how, out);
        }
    }

    /// What a control connection still waits for won't come: what was said behind it may be about connections that are to
    /// be ended first.
    fn hear_out(&mut self, index: usize, out: Out<'_>) {
        let connection = self.connections.get_mut(index).and_then(Option::as_mut);
        let Some(Connection { role, .. }) = connection else {
            return;
        };
        let role = match std::mem::replace(role, Role::Over) {
            Role::Control(mut dialogue) => {
                self.hear_rest(index, &mut dialogue, out);
                Role::Control(dialogue)
            }
            role => role,
        };
        self.put(index, role);
    }

    /// Hands over what waits, without what is missing.
    fn hear_rest(&mut self, index: usize, dialogue: &mut Dialogue, out: Out<'_>) {
        let Dialogue {
            reassembly,
            ears,
            control,
            opener_is_client,
        } = dialogue;
        reassembly.finish(&mut |direction, place, delivery| {
            let side = side_of(direction, *opener_is_client);
            ears.take(side, place, &delivery, &mut |said| {
                self.understand(index, control, said, out);
            });
        });
    }

    /// A connection is over: by its own FINs or RST (`how` is `None`), or because it is given up.
    pub(super) fn end(&mut self, index: usize, place: Place, how: Option<End>, out: Out<'_>) {
        self.end_guess(index, place, out);
        let Some(connection) = self.connections.get_mut(index).and_then(Option::as_mut) else {
            return;
        };
        match std::mem::replace(&mut connection.role, Role::Over) {
            Role::Control(mut dialogue) => self.end_control(index, &mut dialogue, place, how, out),
            Role::Undecided(undecided) => self.end_undecided(index, *undecided, place, how, out),
            Role::Data(owners) => self.end_data(index, owners, place, how, out),
            Role::Other | Role::Over => {}
        }
    }

    fn end_control(
        &mut self,
        index: usize,
        dialogue: &mut Dialogue,
        place: Place,
        how: Option<End>,
        out: Out<'_>,
    ) {
        self.hear_rest(index, dialogue, out);
        let Dialogue {
            ears,
            control,
            opener_is_client,
            ..
        } = dialogue;
        let opener_is_client = *opener_is_client;
        let side_of = |direction: usize| side_of(direction, opener_is_client);
        ears.finish(place, how.is_none(), &mut |said| {
            self.understand(index, control, said, out);
        });
        self.settle_all(control, place, out);
        let Some(facts) = self.facts(index) else {
            return;
        };
        let unacknowledged = facts.unacknowledged();
        let (end, by) = match (facts.ended, how) {
            // A FIN that nobody acknowledged ended nothing.
            (Some((End::Fin, _)), Some(how)) if unacknowledged.is_some() => (how, None),
            (Some((end, direction)), _) => (end, Some(side_of(direction))),
            (None, how) => (how.unwrap_or(End::InputEnded), None),
        };
        let unacknowledged = unacknowledged.map(|(direction, times)| (side_of(direction), times));
        let (tcp, fate) = (facts.record(side_of(0), place.at), facts.fate());
        control.emit(
            place,
            EventKind::Closed(Closing {
                end,
                by,
                fate,
                unacknowledged,
                tcp: Some(Box::new(tcp)),
            }),
            out,
        );
    }

    /// The last word on a connection that said too little: on FTP's port, even silence and a refusal are a session.
    fn end_undecided(
        &mut self,
        index: usize,
        mut undecided: Undecided,
        place: Place,
        how: Option<End>,
        out: Out<'_>,
    ) {
        let Undecided {
            reassembly,
            held,
            heads,
        } = &mut undecided;
        reassembly.finish(&mut |direction, place, delivery| {
            hold(direction, place, &delivery, held, heads);
        });
        let Some(facts) = self.facts(index) else {
            return;
        };
        let server = server_direction(facts, heads).unwrap_or(1);
        let known = self.is_known(facts, server);
        let silent = heads.get(server).is_none_or(Vec::is_empty) && !reassembly.was_spoken(server);
        let implicit = facts
            .ends
            .get(server)
            .is_some_and(|end| end.port() == limits::FTPS_PORT);
        let waited = self.now.zip(facts.first.at).map(|(now, at)| now.since(at));
        let tried = facts.attempts >= 2
            || facts.fate() != Fate::Unanswered
            || waited.is_some_and(|waited| waited.as_secs() >= limits::SYN_SECONDS);
        let nothing = heads.iter().all(Vec::is_empty) && silent;
        let is_session = (known || implicit && nothing) && silent && tried && !facts.mid_stream
            || judge(&undecided, facts, server, known, true) == Verdict::Ftp;
        if is_session
            && let Role::Control(mut dialogue) = self.become_control(index, server, undecided, out)
        {
            self.end_control(index, &mut dialogue, place, how, out);
        }
    }
}
