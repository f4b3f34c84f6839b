//! The listener: conversations over TCP, a limited number at a time, each line and each message limited too.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Mailbox;
use super::session::{Answer, LINE_BYTES, Letterhead, MESSAGE_BYTES, Session, line_of_message};

/// Conversations at a time.
const CONVERSATIONS: usize = 64;
/// Longest silence of a sender; the standard asks for five minutes, and a shop on the same machine needs none.
const SILENCE: Duration = Duration::from_mins(1);

/// Takes messages until the task is dropped.
pub(super) async fn serve(listener: TcpListener, mailbox: Arc<Mailbox>) {
    let room = Arc::new(Semaphore::new(CONVERSATIONS));
    // Dropped with this task, and every conversation with it.
    let mut tasks = JoinSet::new();
    loop {
        while tasks.try_join_next().is_some() {}
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else { continue };
        let mailbox = Arc::clone(&mailbox);
        tasks.spawn(async move {
            // A sender that hangs up in the middle has sent nothing.
            drop(converse(stream, &mailbox).await);
            drop(permit);
        });
    }
}

async fn converse(stream: TcpStream, mailbox: &Mailbox) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = Lines(BufReader::new(read));
    write.write_all(b"220 stateset-demo ESMTP\r\n").await?;
    let mut session = Session::default();
    while let Some(line) = lines.next(LINE_BYTES).await? {
        match session.command(&line) {
            Answer::Say(text) => write.write_all(format!("{text}\r\n").as_bytes()).await?,
            Answer::Message(head) => {
                write.write_all(b"354 go on, and end with a line of one dot\r\n").await?;
                let answer = message(&mut lines, head, mailbox).await?;
                write.write_all(answer.as_bytes()).await?;
            },
            Answer::Bye => return write.write_all(b"221 2.0.0 bye\r\n").await,
        }
    }
    Ok(())
}

/// Reads a message and keeps it. The 250 is sent only after it is kept.
async fn message(lines: &mut Lines, head: Letterhead, mailbox: &Mailbox) -> std::io::Result<&'static str> {
    let mut data = String::new();
    let mut fits = true;
    loop {
        let Some(line) = lines.next(MESSAGE_BYTES).await? else {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        };
        let Some(line) = line_of_message(&line) else { break };
        fits = fits && data.len() + line.len() <= MESSAGE_BYTES;
        if fits {
            data.push_str(line);
            data.push_str("\r\n");
        }
    }
    if !fits {
        return Ok("552 5.3.4 the message is too long\r\n");
    }
    match mailbox.keep(&head, &data) {
        Ok(()) => Ok("250 2.0.0 kept\r\n"),
        Err(_) => Ok("452 4.3.1 cannot be kept now\r\n"),
    }
}

/// Lines of bounded length from a sender that does not keep silent for long.
struct Lines(BufReader<OwnedReadHalf>);

impl Lines {
    async fn next(&mut self, most: usize) -> std::io::Result<Option<String>> {
        let mut bytes = Vec::new();
        let limit = u64::try_from(most).unwrap_or(u64::MAX);
        timeout(SILENCE, (&mut self.0).take(limit).read_until(b'\n', &mut bytes)).await??;
        if bytes.is_empty() {
            return Ok(None);
        }
        if bytes.pop() != Some(b'\n') {
            return Err(std::io::Error::other("a line without an end, or too long"));
        }
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }
}
