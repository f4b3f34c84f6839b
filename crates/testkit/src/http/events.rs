//! Reading a stream of server-sent events (WHATWG HTML, "Server-sent events") as it arrives.

use std::time::Duration;

use super::connection::{Connection, Framing};
use super::{HttpError, Request, Response};

/// One event of the stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerEvent {
    pub id: Option<String>,
    /// The event's type; `None` when the server names none.
    pub event: Option<String>,
    /// Data lines joined by line feeds.
    pub data: String,
    /// Comment lines that came before or inside the event, such as heartbeats.
    pub comments: Vec<String>,
}

/// An open stream of server-sent events on a connection of its own.
#[derive(Debug)]
pub struct EventStream {
    connection: Connection,
    framing: Framing,
    headers: Vec<(String, String)>,
    received: Vec<u8>,
}

impl EventStream {
    pub(super) async fn open(mut connection: Connection, request: &Request<'_>) -> Result<Self, HttpError> {
        connection.send(request).await?;
        let (head, mut framing) = connection.read_head(request.method).await?;
        if head.status == 200 && head.mentions("content-type", "text/event-stream") {
            return Ok(Self { connection, framing, headers: head.headers, received: Vec::new() });
        }
        let mut body = Vec::new();
        while connection.read_body(&mut framing, &mut body).await? {}
        Err(HttpError::Unexpected(Box::new(Response { status: head.status, headers: head.headers, body })))
    }

    /// The response's headers, names in lower case.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The next event, `None` when the server ended the stream. After [`HttpError::Timeout`]
    /// the stream can be read on.
    pub async fn next(&mut self, within: Duration) -> Result<Option<ServerEvent>, HttpError> {
        tokio::time::timeout(within, self.read_event()).await.unwrap_or(Err(HttpError::Timeout))
    }

    async fn read_event(&mut self) -> Result<Option<ServerEvent>, HttpError> {
        loop {
            if let Some(end) = end_of_block(&self.received) {
                let block: Vec<u8> = self.received.drain(..end).collect();
                return Ok(Some(parse_block(&String::from_utf8_lossy(&block))));
            }
            if !self.connection.read_body(&mut self.framing, &mut self.received).await? {
                return Ok(None);
            }
        }
    }
}

/// Where the first block ends, its empty line included.
fn end_of_block(bytes: &[u8]) -> Option<usize> {
    let lf = bytes.windows(2).position(|pair| pair == b"\n\n").map(|at| at + 2);
    let crlf = bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
    lf.into_iter().chain(crlf).min()
}

fn parse_block(block: &str) -> ServerEvent {
    let mut event = ServerEvent::default();
    let mut data = Vec::new();
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" if !line.is_empty() => event.comments.push(value.to_owned()),
            "id" => event.id = Some(value.to_owned()),
            "event" => event.event = Some(value.to_owned()),
            "data" => data.push(value),
            _ => {},
        }
    }
    event.data = data.join("\n");
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_cut_and_parsed() {
        let text = b": beat\nid: 7\nevent: sequenced\ndata: {\"a\":1}\ndata:b\n\nid: 8\n";
        let end = end_of_block(text).unwrap();
        let event = parse_block(std::str::from_utf8(&text[..end]).unwrap());
        assert_eq!(event.id.as_deref(), Some("7"));
        assert_eq!(event.event.as_deref(), Some("sequenced"));
        assert_eq!(event.data, "{\"a\":1}\nb");
        assert_eq!(event.comments, ["beat"]);
        assert_eq!(end_of_block(&text[end..]), None);
        assert_eq!(end_of_block(b"data: x\r\n\r\n"), Some(11));
    }
}
