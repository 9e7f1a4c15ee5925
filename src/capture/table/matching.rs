//! Data connections of the table: which connection came for which announcement, and when what became of it is told.

use super::{Connection, Owner, Owners, Role, Table};
use crate::capture::connection::Facts;
use crate::capture::control::{Control, Out};
use crate::capture::data::{Announcement, Offer};
use crate::capture::ends::Socket;
use crate::capture::stream::Place;
use crate::ftp::{End, EventKind, Fate, SessionKey, TlsRecord};
use crate::limits;
use crate::time::Timestamp;

impl Owners {
    fn one(owner: Owner) -> Self {
        Self {
            first: owner,
            second: None,
        }
    }

    /// With another one; of three the last two count.
    fn with(self, owner: Owner) -> Self {
        let other = [Some(self.first), self.second]
            .into_iter()
            .flatten()
            .rfind(|known| *known != owner);
        match other {
            Some(first) => Self {
                first,
                second: Some(owner),
            },
            None => Self::one(owner),
        }
    }

    fn without(self, session: SessionKey) -> Option<Self> {
        let mut left = self.each().filter(|(_, s)| *s != session);
        let first = left.next()?;
        Some(Self {
            first,
            second: left.next(),
        })
    }

    pub(super) fn each(self) -> impl Iterator<Item = Owner> {
        std::iter::once(self.first).chain(self.second)
    }
}

impl Connection {
    /// What was seen of its TLS.
    fn tls_record(&self) -> Option<Box<TlsRecord>> {
        self.tls.as_ref()?.record(self.facts.ended.is_some())
    }
}

impl Table {
    /// The control connection of a session.
    pub(super) fn control_of(&mut self, (place, session): Owner) -> Option<&mut Control> {
        let connection = self.connections.get_mut(place).and_then(Option::as_mut)?;
        match &mut connection.role {
            Role::Control(it) if it.control.key == session => Some(&mut it.control),
            _ => None,
        }
    }

    /// Tells a control connection which connection came for its announcement. The first one stays, unless it came to
    /// nothing, or is a stranger's and this one is the peer's.
    pub(super) fn join(&mut self, owner: Owner, data: usize) {
        let Some(control) = self.control_of(owner) else {
            return;
        };
        let hosts = control.hosts();
        let Some(offer) = control.announced else {
            return;
        };
        let peer = if offer.announcement.mode.is_passive() {
            hosts[0]
        } else {
            hosts[1]
        };
        let is_peers = |facts: &Facts| facts.ends[0].ip() == peer;
        let known = offer.data.and_then(|known| self.facts(known));
        let stays = known.is_some_and(|known| {
            let newer = self.facts(data);
            known.fate() == Fate::Opened && (is_peers(known) || !newer.is_some_and(is_peers))
        });
        if stays {
            return;
        }
        if let Some(offer) = self.control_of(owner).and_then(|c| c.announced.as_mut()) {
            offer.data = Some(data);
        }
    }

    /// The data connection was over before its announcement was read.
    pub(super) fn settle_if_over(&mut self, control: &mut Control, place: Place, out: Out<'_>) {
        let Some(data) = control.announced.as_ref().and_then(|offer| offer.data) else {
            return;
        };
        let facts = self.facts(data);
        if facts.is_some_and(|f| f.is_over() && f.is_whole() && f.fate() == Fate::Opened)
            && let Some(offer) = control.announced.take()
        {
            self.settle(control, &offer, place, out);
        }
    }

    pub(super) fn announce(
        &mut self,
        index: usize,
        control: &mut Control,
        announcement: Announcement,
        at: Option<Timestamp>,
    ) {
        let mut data = None;
        let owner = (index, control.key);
        for end in [announcement.announced, announcement.likely] {
            // Who names a port that speaks FTP hides no sessions by it.
            if end.port() == limits::FTP_PORT || self.servers.get(&end).is_some() {
                continue;
            }
            let owners = match self.awaited.get(&end) {
                Some(known) => known.with(owner),
                None => Owners::one(owner),
            };
            self.awaited.insert(end, owners);
            data = data.or_else(|| self.adopt(owner, end, at));
        }
        control.offered = true;
        control.announced = Some(Offer::new(announcement, data));
    }

    /// The announcement may be read after its connection began, or even ended, when bytes before it were late; or, from
    /// server to server, be the second one.
    fn adopt(&mut self, owner: Owner, end: Socket, since: Option<Timestamp>) -> Option<usize> {
        let index = self.reached.get(&end).copied()?;
        let connection = self.connections.get_mut(index).and_then(Option::as_mut)?;
        let facts = &connection.facts;
        if facts.ends[1] != end {
            return None;
        }
        let owners = match connection.role {
            Role::Data(owners) if facts.ended.is_none() && !owners.each().any(|o| o == owner) => {
                owners.with(owner)
            }
            Role::Undecided(_) | Role::Other
                if facts.ended.is_none() || facts.first.at >= since =>
            {
                Owners::one(owner)
            }
            Role::Over if !connection.used && facts.first.at >= since => Owners::one(owner),
            _ => return None,
        };
        connection.used = true;
        connection.guess = None;
        connection.role = Role::Data(owners);
        Some(index)
    }

    /// Another announcement follows: tells what became of this one, unless its connection is still busy.
    pub(super) fn put_by(
        &mut self,
        control: &mut Control,
        offer: Offer,
        place: Place,
        out: Out<'_>,
    ) {
        let facts = offer.data.and_then(|data| self.facts(data));
        let is_busy = facts.is_some_and(|f| f.fate() == Fate::Opened && !f.is_over());
        if !is_busy {
            return self.settle(control, &offer, place, out);
        }
        self.forget(control.key, &offer.announcement);
        if control.older.len() >= limits::OLDER_DATA_CONNECTIONS {
            let oldest = control.older.remove(0);
            self.settle(control, &oldest, place, out);
        }
        control.older.push(offer);
    }

    /// The session is over: tells what became of everything that was announced or looked like it.
    pub(super) fn settle_all(&mut self, control: &mut Control, place: Place, out: Out<'_>) {
        let older = std::mem::take(&mut control.older);
        for offer in older.iter().chain(&control.announced.take()) {
            self.settle(control, offer, place, out);
        }
        for data in std::mem::take(&mut control.guesses) {
            self.tell_guess(control, data, place, out);
        }
        let hosts = (control.client.ip(), control.server.ip());
        if self
            .blind
            .get(&hosts)
            .is_some_and(|(_, s)| *s == control.key)
        {
            self.blind.remove(&hosts);
        }
    }

    /// An announcement is over: tells what became of it.
    fn settle(&mut self, control: &mut Control, offer: &Offer, place: Place, out: Out<'_>) {
        let facts = offer.data.and_then(|d| self.facts(d));
        let mut record = offer.record(facts, control.hosts(), place.at);
        let connection = offer.data.and_then(|d| self.connections.get(d)?.as_ref());
        record.tls = connection.and_then(Connection::tls_record);
        control.emit(place, EventKind::Data(Box::new(record)), out);
        control.settled = place.at.max(control.settled);
        self.forget(control.key, &offer.announcement);
        if let Some(Connection { role, .. }) = offer
            .data
            .and_then(|d| self.connections.get_mut(d))
            .and_then(Option::as_mut)
            && let Role::Data(owners) = role
        {
            *role = owners.without(control.key).map_or(Role::Over, Role::Data);
        }
    }

    /// Its data connection is awaited no more.
    pub(super) fn forget(&mut self, session: SessionKey, announcement: &Announcement) {
        for end in [announcement.announced, announcement.likely] {
            let Some(owners) = self.awaited.get(&end) else {
                continue;
            };
            match owners.without(session) {
                Some(left) => self.awaited.insert(end, left),
                None => self.awaited.remove(&end),
            };
        }
    }

    pub(super) fn end_data(
        &mut self,
        index: usize,
        owners: Owners,
        place: Place,
        how: Option<End>,
        out: Out<'_>,
    ) {
        let came_to_nothing = self.facts(index).is_some_and(|facts| {
            facts.fate() == Fate::Refused || facts.is_empty() && self.is_stranger(facts, owners)
        });
        if how.is_none() && came_to_nothing {
            self.put(index, Role::Data(owners)); // the opener may try again, or the right one come
            return;
        }
        for owner in owners.each() {
            let Some(offer) = self.control_of(owner).and_then(|c| c.take_offer(index)) else {
                continue;
            };
            self.with_control(owner.0, |table, control| {
                table.settle(control, &offer, place, out);
            });
        }
    }

    /// True when the opener is on neither host of the sessions that await it.
    fn is_stranger(&self, facts: &Facts, owners: Owners) -> bool {
        let ip = facts.ends[0].ip();
        let mut controls = owners.each().filter_map(|(place, _)| self.facts(place));
        !controls.any(|control| control.ends.iter().any(|end| end.ip() == ip))
    }

    /// The session that a new connection may be a data connection of, though nobody said so: one between the same hosts
    /// whose announcements can't be heard. Never to a port that others use.
    pub(super) fn guess(&self, facts: &Facts) -> Option<Owner> {
        if self.blind.is_empty() || !self.may_carry_data(facts) {
            return None;
        }
        let (opener, listener) = (facts.ends[0].ip(), facts.ends[1].ip());
        let passive = self.blind.get(&(opener, listener));
        passive
            .or_else(|| self.blind.get(&(listener, opener)))
            .copied()
    }

    fn may_carry_data(&self, facts: &Facts) -> bool {
        let [opener, listener] = facts.ends;
        let is_high = |port: u16| port > 1023;
        is_high(listener.port())
            && (is_high(opener.port()) || opener.port() == limits::FTP_DATA_PORT)
            && self.servers.get(&listener).is_none()
    }

    /// Notes that a connection may belong to a session.
    pub(super) fn suspect(&mut self, owner: Owner, data: usize) {
        if let Some(control) = self.control_of(owner)
            && control.guesses.len() < limits::GUESSED_DATA_CONNECTIONS
        {
            control.guesses.push(data);
        }
    }

    /// A transfer begins whose announcement was not heard, or (not `begun`) one is over.
    pub(super) fn look_for(
        &mut self,
        index: usize,
        control: &mut Control,
        begun: bool,
        place: Place,
        out: Out<'_>,
    ) {
        let hosts = (control.client.ip(), control.server.ip());
        let owner = (index, control.key);
        if !begun {
            if !control.is_hidden() && self.blind.get(&hosts) == Some(&owner) {
                self.blind.remove(&hosts);
            }
            control.settled = place.at.max(control.settled);
            return;
        }
        for ends in [hosts, (hosts.1, hosts.0)] {
            let Some(data) = self.between.get(&ends).copied() else {
                continue;
            };
            let facts = self.facts(data);
            let fits = facts.is_some_and(|facts| {
                facts.first.at >= control.settled && self.may_carry_data(facts)
            });
            let connection = self.connections.get_mut(data).and_then(Option::as_mut);
            if let Some(connection) = connection
                && fits
                && !connection.used
                && connection.guess.is_none()
            {
                connection.guess = Some(owner);
                if connection.facts.is_over() {
                    self.tell_guess(control, data, place, out);
                } else if control.guesses.len() < limits::GUESSED_DATA_CONNECTIONS {
                    control.guesses.push(data);
                }
                return;
            }
        }
        self.blind.insert(hosts, owner);
    }

    /// A connection is over that may have been a session's.
    pub(super) fn end_guess(&mut self, index: usize, place: Place, out: Out<'_>) {
        let connection = self.connections.get_mut(index).and_then(Option::as_mut);
        let Some(owner) = connection.and_then(|c| c.guess) else {
            return;
        };
        let Some(control) = self.control_of(owner) else {
            return;
        };
        control.guesses.retain(|data| *data != index);
        self.with_control(owner.0, |table, control| {
            table.tell_guess(control, index, place, out);
        });
    }

    fn tell_guess(&mut self, control: &mut Control, data: usize, place: Place, out: Out<'_>) {
        let connection = self.connections.get_mut(data).and_then(Option::as_mut);
        let Some(connection) = connection else {
            return;
        };
        if connection.guess.take().is_none() {
            return;
        }
        connection.used = true;
        let facts = &connection.facts;
        let passive = facts.ends[1].ip() == control.server.ip();
        let offer = Offer::new(Announcement::guess(facts, passive), Some(data));
        let mut record = offer.record(Some(facts), control.hosts(), place.at);
        record.tls = connection.tls_record();
        control.emit(place, EventKind::Data(Box::new(record)), out);
    }
}
