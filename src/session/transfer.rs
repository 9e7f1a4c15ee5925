//! Exchanges, data connections and logged transfers put together.

use super::{DataConnection, Exchange, Outcome, Session, Transfer};
use crate::diagnostic::Origin;
use crate::ftp::{
    DataMode, DataRecord, Direction, Endpoint, ReplyCode, TransferRecord, Verb, grammar,
};
use crate::limits;
use crate::text::Text;
use crate::time::Timestamp;

impl Session {
    /// A PASV, EPSV, PORT or EPRT that was accepted announces a data connection; gives its index.
    pub(super) fn announce(&mut self, index: usize) -> Option<usize> {
        let exchange = self.exchanges.get(index)?;
        if exchange.outcome != Outcome::Success {
            return None;
        }
        let (mode, announced, announced_by) = announcement(exchange, self.server.as_ref())?;
        self.data.push(DataConnection {
            mode,
            announced,
            announced_by,
            seen: None,
        });
        Some(self.data.len() - 1)
    }

    /// A data connection whose fate is known finds its announcement.
    pub(super) fn attach_data(&mut self, record: &DataRecord) {
        let by = record.announced_by;
        match self.data.iter_mut().rev().find(|d| d.announced_by == by) {
            Some(known) => known.seen = Some(Box::new(record.clone())),
            None => self.data.push(DataConnection {
                mode: record.mode,
                announced: Some(record.announced.clone()),
                announced_by: by,
                seen: Some(Box::new(record.clone())),
            }),
        }
    }

    /// A settled transfer command is a transfer; its bytes come from the data connection once that is over.
    pub(super) fn settle_transfer(&mut self, index: usize) {
        let Some(exchange) = self.exchanges.get(index) else {
            return;
        };
        let Some(command) = exchange.command.as_ref().filter(|c| c.verb.is_transfer()) else {
            return;
        };
        if let Some(known) = self
            .transfers
            .iter_mut()
            .rev()
            .find(|t| t.exchange == Some(index))
        {
            known.complete = known
                .complete
                .or(Some(exchange.outcome == Outcome::Success));
            return;
        }
        if exchange.preliminary.is_none() && exchange.outcome != Outcome::Success {
            return; // refused before anything could move
        }
        let transfer = Transfer {
            verb: command.verb,
            path: command.argument.clone(),
            direction: Direction::of(command.verb),
            bytes: None,
            complete: Some(exchange.outcome == Outcome::Success),
            exchange: Some(index),
            at: exchange.at(),
            origin: exchange.origin,
        };
        self.transfers.push(transfer);
    }

    /// A log says that a transfer is over: it belongs to the exchange that is or was just settled, if there is one.
    pub(super) fn log_transfer(
        &mut self,
        record: &TransferRecord<'_>,
        waiting: Option<usize>,
        at: Option<Timestamp>,
        origin: Origin,
    ) {
        let exchange = waiting.or_else(|| self.just_settled(record));
        let known = exchange.and_then(|e| {
            self.transfers
                .iter_mut()
                .rev()
                .find(|t| t.exchange == Some(e))
        });
        if let Some(known) = known {
            known.bytes = record.bytes;
            known.complete = record.complete.or(known.complete);
            return;
        }
        self.transfers.push(Transfer {
            verb: record.verb,
            path: (!record.path.is_empty()).then(|| Text::cut(record.path, limits::ARGUMENT_BYTES)),
            direction: Direction::of(record.verb),
            bytes: record.bytes,
            complete: record.complete,
            exchange,
            at,
            origin,
        });
    }

    /// vsftpd logs `FAIL UPLOAD` after the reply, and after that of an ABOR: one of the last exchanges, if it is a
    /// transfer of the same kind without a log record.
    fn just_settled(&self, record: &TransferRecord<'_>) -> Option<usize> {
        let transfers = |e: &Exchange| e.verb().filter(Verb::is_transfer);
        let mut newest = self.exchanges.iter().enumerate().rev().take(3);
        let (index, verb) = newest.find_map(|(i, e)| Some((i, transfers(e)?)))?;
        let same = Direction::of(verb) == Direction::of(record.verb);
        let logged = self
            .transfers
            .iter()
            .any(|t| t.exchange == Some(index) && t.bytes.is_some());
        (same && !logged).then_some(index)
    }

    /// When the session is over, every transfer takes its bytes from its data connection.
    pub(super) fn count_bytes(&mut self) {
        for transfer in &mut self.transfers {
            let exchange = transfer.exchange.and_then(|e| self.exchanges.get(e));
            let data = exchange.and_then(|e| e.data).and_then(|d| self.data.get(d));
            if let (None, Some(seen)) = (transfer.bytes, data.and_then(|d| d.seen.as_deref())) {
                transfer.bytes = Some(match transfer.direction {
                    Direction::Upload => seen.bytes_to_server,
                    Direction::Download | Direction::Listing => seen.bytes_to_client,
                });
            }
        }
    }
}

/// A port on the server's host.
fn at_server((server, port): (&Endpoint, u16)) -> Endpoint {
    Endpoint {
        host: server.host.clone(),
        port: Some(port),
    }
}

/// The address that an exchange announced, and the record that holds it: the 227 or 229 reply, the PORT or EPRT command.
pub(super) fn announcement(
    exchange: &Exchange,
    server: Option<&Endpoint>,
) -> Option<(DataMode, Option<Endpoint>, Origin)> {
    let command = exchange.command.as_ref()?;
    let argument = command
        .argument
        .as_ref()
        .map(Text::bytes)
        .unwrap_or_default();
    let reply = exchange.last.as_ref()?;
    let address =
        |found: Option<(std::net::IpAddr, u16)>| found.map(|(ip, port)| Endpoint::new(ip, port));
    let by_reply = |number: u16| ReplyCode::new(number) == Some(reply.code);
    match command.verb {
        Verb::PORT => Some((
            DataMode::Port,
            address(grammar::host_port(argument)),
            exchange.origin,
        )),
        Verb::EPRT => Some((
            DataMode::Eprt,
            address(grammar::extended_port(argument)),
            exchange.origin,
        )),
        Verb::LPRT => Some((
            DataMode::Lprt,
            address(grammar::long_port(argument)),
            exchange.origin,
        )),
        Verb::PASV if by_reply(227) => Some((
            DataMode::Pasv,
            address(grammar::passive(reply.text.bytes())),
            reply.origin,
        )),
        Verb::SPSV if by_reply(227) => {
            let port = grammar::short_passive(reply.text.bytes());
            Some((
                DataMode::Spsv,
                server.zip(port).map(at_server),
                reply.origin,
            ))
        }
        Verb::EPSV if by_reply(229) => {
            let (ip, port) = grammar::extended_passive(reply.text.bytes())?;
            let named = ip.map(|ip| Endpoint::new(ip, port));
            let announced = named.or_else(|| server.zip(Some(port)).map(at_server));
            Some((DataMode::Epsv, announced, reply.origin))
        }
        Verb::LPSV if by_reply(228) => Some((
            DataMode::Lpsv,
            address(grammar::long_passive(reply.text.bytes())),
            reply.origin,
        )),
        _ => None,
    }
}
