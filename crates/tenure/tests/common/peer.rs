//! A peer that is only bytes: it writes what it is told and reads messages with a small parser of
//! its own, so that a mistake of the library cannot hide behind itself.

use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One end of a connection.
pub(crate) struct Peer<S = TcpStream> {
    pub(crate) stream: S,
    pub(crate) unread: Vec<u8>,
}

/// A message, as read.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) start: String,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) content: Vec<u8>,
    pub(crate) trailers: Vec<(String, String)>,
}

impl Message {
    /// A field's value; of several lines, the first.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The `Connection` field, lower case, empty if there is none.
    pub(crate) fn connection(&self) -> String {
        self.field("connection").unwrap_or_default().to_ascii_lowercase()
    }

    pub(crate) fn status(&self) -> u16 {
        let code = self.start.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
        code.and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("no status line: {:?}", self.start))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.content).unwrap()
    }
}

impl Peer {
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self::over(stream)
    }

    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::new(TcpStream::connect(address).await.unwrap())
    }

    /// Ends the connection by a reset.
    pub(crate) fn reset(self) {
        socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// True if nothing has come.
    pub(crate) fn is_quiet(&self) -> bool {
        let error = self.stream.try_read(&mut [0]).map_err(|e| e.kind());
        error == Err(ErrorKind::WouldBlock)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    pub(crate) fn over(stream: S) -> Self {
        Self { stream, unread: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Sends and reads one response.
    pub(crate) async fn ask(&mut self, request: impl AsRef<[u8]>) -> Message {
        self.send(request).await;
        self.response().await
    }

    /// Closes the sending side.
    pub(crate) async fn fin(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Reads once more; false is the other side's FIN.
    pub(crate) async fn fill(&mut self) -> Result<bool, Error> {
        Ok(self.stream.read_buf(&mut self.unread).await? > 0)
    }

    /// Everything up to the FIN. A reset fails the test.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.fill().await.expect("a FIN, not a reset") {}
        std::mem::take(&mut self.unread)
    }

    /// The FIN, and nothing before it.
    pub(crate) async fn end(&mut self) {
        let rest = self.rest().await;
        assert!(rest.is_empty(), "more than expected: {:?}", String::from_utf8_lossy(&rest));
    }

    /// A response to a request other than HEAD.
    pub(crate) async fn response(&mut self) -> Message {
        self.try_response().await.expect("a whole response")
    }

    /// A request.
    pub(crate) async fn request(&mut self) -> Message {
        self.try_message(Some(0)).await.expect("a whole request")
    }

    pub(crate) async fn try_request(&mut self) -> Result<Message, Error> {
        self.try_message(Some(0)).await
    }

    pub(crate) async fn try_response(&mut self) -> Result<Message, Error> {
        self.try_message(None).await
    }

    /// A head alone, whatever it says of content.
    pub(crate) async fn head(&mut self) -> Message {
        self.try_head().await.expect("a whole head")
    }

    async fn try_head(&mut self) -> Result<Message, Error> {
        let end = self.find(b"\r\n\r\n").await?;
        let head = String::from_utf8(self.take(end + 4)).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        Ok(Message { start, fields: fields(lines), content: Vec::new(), trailers: Vec::new() })
    }

    /// `default`: the content's length where the head says nothing; `None` up to the FIN.
    async fn try_message(&mut self, default: Option<usize>) -> Result<Message, Error> {
        let mut message = self.try_head().await?;
        let bodiless = ["HTTP/1.1 1", "HTTP/1.1 204", "HTTP/1.1 304"].iter().any(|s| message.start.starts_with(s));
        let length = message.field("content-length").map(|n| n.parse().unwrap());
        match (message.field("transfer-encoding"), length.or(default)) {
            _ if bodiless => {}
            (Some(coding), _) => {
                assert!(coding.eq_ignore_ascii_case("chunked"), "{coding}");
                assert_eq!(length, None, "both a length and a coding");
                self.chunks(&mut message).await?;
            }
            (None, Some(length)) => message.content = self.exactly(length).await?,
            (None, None) => {
                while self.fill().await? {}
                message.content = std::mem::take(&mut self.unread);
            }
        }
        Ok(message)
    }

    async fn chunks(&mut self, message: &mut Message) -> Result<(), Error> {
        loop {
            let end = self.find(b"\r\n").await?;
            let line = String::from_utf8(self.take(end + 2)).unwrap();
            let size = usize::from_str_radix(line.trim_end(), 16).unwrap();
            if size == 0 {
                break;
            }
            let mut data = self.exactly(size + 2).await?;
            assert!(data.ends_with(b"\r\n"), "the chunk is not ended");
            data.truncate(size);
            message.content.append(&mut data);
        }
        loop {
            let end = self.find(b"\r\n").await?;
            let line = String::from_utf8(self.take(end + 2)).unwrap();
            match line.trim_end() {
                "" => return Ok(()),
                line => message.trailers.append(&mut fields([line])),
            }
        }
    }

    /// A head as it came, to the empty line.
    pub(crate) async fn exactly_head(&mut self) -> Vec<u8> {
        let end = self.find(b"\r\n\r\n").await.expect("a whole head");
        self.take(end + 4)
    }

    /// So many bytes.
    pub(crate) async fn exactly(&mut self, n: usize) -> Result<Vec<u8>, Error> {
        while self.unread.len() < n {
            self.more().await?;
        }
        Ok(self.take(n))
    }

    async fn find(&mut self, what: &[u8]) -> Result<usize, Error> {
        loop {
            if let Some(at) = self.unread.windows(what.len()).position(|w| w == what) {
                return Ok(at);
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Result<(), Error> {
        match self.fill().await? {
            true => Ok(()),
            false => Err(Error::new(
                ErrorKind::UnexpectedEof,
                format!("cut after {:?}", String::from_utf8_lossy(&self.unread[..self.unread.len().min(200)])),
            )),
        }
    }

    fn take(&mut self, n: usize) -> Vec<u8> {
        let rest = self.unread.split_off(n);
        std::mem::replace(&mut self.unread, rest)
    }
}

fn fields<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<(String, String)> {
    let split = |line: &str| {
        let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no field line: {line:?}"));
        (name.to_owned(), value.trim().to_owned())
    };
    lines.into_iter().map(split).collect()
}

/// A listener whose connections a test plays by hand.
pub(crate) struct Script {
    listener: TcpListener,
    pub(crate) address: SocketAddr,
}

impl Script {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self { listener, address }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn accept(&self) -> Peer {
        Peer::new(self.listener.accept().await.unwrap().0)
    }

    /// True if no connection waits to be accepted.
    pub(crate) fn is_quiet(&self) -> bool {
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        self.listener.poll_accept(&mut cx).is_pending()
    }
}
