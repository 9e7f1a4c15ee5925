//! Data connections of the table: which connection came for which announcement, and when what became of it is told.

use std::net::SocketAddr;

use super::{Connection, Role, Table};
use crate::capture::connection::Facts;
use crate::capture::control::{Control, Out};
use crate::capture::data::Announcement;
use crate::capture::stream::Place;
use crate::ftp::{End, EventKind, Fate, SessionKey};
use crate::limits;
use crate::time::Timestamp;

impl Table {
    /// Tells a control connection which connection came for its announcement. The first one stays.
    pub(super) fn join(&mut self, owner: usize, session: SessionKey, data: usize) {
        if let Some(Connection {
            role: Role::Control(control),
            ..
        }) = self.connections.get_mut(owner).and_then(Option::as_mut)
            && control.1.key == session
            && let Some((_, connection @ None)) = &mut control.1.announced
        {
            *connection = Some(data);
        }
    }

    /// The data connection was over before its announcement was read.
    pub(super) fn settle_if_over(&mut self, control: &mut Control, place: Place, out: Out<'_>) {
        let data = control.announced.as_ref().and_then(|(_, data)| *data);
        if data
            .and_then(|data| self.facts(data))
            .is_some_and(Facts::is_over)
            && let Some((announcement, data)) = control.announced.take()
        {
            self.settle(control, &announcement, data, place, out);
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
        for end in [announcement.announced, announcement.likely] {
            // Who names a port that speaks FTP hides no sessions by it.
            if end.port() == limits::FTP_PORT || self.servers.get(&end).is_some() {
                continue;
            }
            self.awaited.insert(end, (index, control.key));
            data = data.or_else(|| self.adopt(index, control.key, end, at));
        }
        control.announced = Some((announcement, data));
    }

    /// The announcement may be read after its connection began, or even ended, when bytes before it were late.
    pub(super) fn adopt(
        &mut self,
        owner: usize,
        session: SessionKey,
        end: SocketAddr,
        since: Option<Timestamp>,
    ) -> Option<usize> {
        let index = self.reached.get(&end).copied()?;
        let connection = self.connections.get_mut(index).and_then(Option::as_mut)?;
        let facts = &connection.facts;
        let is_free = match connection.role {
            Role::Undecided(_) | Role::Other => facts.ended.is_none() || facts.first.at >= since,
            Role::Over => !connection.used && facts.first.at >= since,
            Role::Control(_) | Role::Data { .. } => false,
        };
        if facts.ends[1] != end || !is_free {
            return None;
        }
        connection.used = true;
        connection.role = Role::Data { owner, session };
        Some(index)
    }

    /// An announcement is over: tells what became of it.
    pub(super) fn settle(
        &mut self,
        control: &Control,
        announcement: &Announcement,
        data: Option<usize>,
        place: Place,
        out: Out<'_>,
    ) {
        let facts = data.and_then(|d| self.facts(d));
        let record = announcement.record(facts);
        control.emit(place, EventKind::Data(Box::new(record)), out);
        self.forget(control.key, announcement);
        if let Some(Connection { role, .. }) = data
            .and_then(|d| self.connections.get_mut(d))
            .and_then(Option::as_mut)
        {
            *role = Role::Over;
        }
    }

    /// Its data connection is awaited no more.
    pub(super) fn forget(&mut self, session: SessionKey, announcement: &Announcement) {
        for end in [announcement.announced, announcement.likely] {
            if self
                .awaited
                .get(&end)
                .is_some_and(|(_, awaiting)| *awaiting == session)
            {
                self.awaited.remove(&end);
            }
        }
    }

    pub(super) fn end_data(
        &mut self,
        index: usize,
        (owner, session): (usize, SessionKey),
        place: Place,
        how: Option<End>,
        out: Out<'_>,
    ) {
        let Some(connection) = self.connections.get_mut(owner).and_then(Option::as_mut) else {
            return;
        };
        let Role::Control(control) = &mut connection.role else {
            return;
        };
        if control.1.key != session
            || control
                .1
                .announced
                .as_ref()
                .is_none_or(|(_, data)| *data != Some(index))
        {
            return;
        }
        if how.is_none() && self.facts(index).is_some_and(|f| f.fate() == Fate::Refused) {
            self.put(index, Role::Data { owner, session }); // the opener may try again
            return;
        }
        self.with_control(owner, |table, control| {
            if let Some((announcement, data)) = control.announced.take() {
                table.settle(control, &announcement, data, place, out);
            }
        });
    }
}
