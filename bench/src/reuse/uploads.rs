//! The client: the same few lines for every manner, on `tenure_proto` and blocking sockets, in a
//! process of its own.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tenure_proto::{Client, Config, Connection, Event, Limits, RequestLine, Timeouts, Version};

use super::sink::Sink;
use super::{Manner, UPLOAD};
use crate::cores;
use crate::process;
use crate::usage::Usage;

/// The name of the hidden subcommand that the child is started with.
pub(crate) const COMMAND: &str = "run-uploads";
/// Requests before the answer to the first of them, at most.
const DEPTH: u8 = 16;

/// What the child is told.
#[derive(Args, Debug)]
pub(crate) struct Told {
    manner: Manner,
    address: SocketAddr,
    uploads: u32,
    #[arg(long)]
    core: usize,
    /// Speak TLS and trust this certificate
    #[arg(long)]
    trust: Option<PathBuf>,
}

/// A child that is ready to begin.
pub(super) struct Process(process::Process);

/// What it did.
pub(super) struct Done {
    pub(super) connections: u64,
    pub(super) seconds: f64,
    pub(super) cpu: f64,
}

impl Process {
    pub(super) fn start(sink: &Sink, manner: Manner, uploads: u32, core: usize) -> io::Result<Self> {
        let [address, uploads, core] = [sink.address.to_string(), uploads.to_string(), core.to_string()];
        let mut arguments = vec![COMMAND.into(), manner.name().into(), address, uploads, "--core".into(), core]
            .into_iter()
            .map(std::ffi::OsString::from)
            .collect::<Vec<_>>();
        if let Some(certificate) = sink.certificate() {
            arguments.extend(["--trust".into(), certificate.into()]);
        }
        process::Process::start(Vec::new(), arguments).map(Self)
    }

    pub(super) fn go(&mut self) -> io::Result<Done> {
        self.0.ask("go")?;
        let connections = self.0.number()?;
        let mut seconds = || self.0.number().map(|micros| micros as f64 / 1e6);
        Ok(Done { connections, seconds: seconds()?, cpu: seconds()? })
    }
}

/// The child's side: uploads once for each line that comes, until the parent closes the pipe.
pub(crate) fn run(told: &Told) -> io::Result<()> {
    cores::pin(told.core)?;
    let mut uploader = Uploader::new(told)?;
    for line in io::stdin().lines() {
        line?;
        let (before, begun) = (Usage::now()?, Instant::now());
        let connections = uploader.upload(told.manner, told.uploads)?;
        let (took, used) = (begun.elapsed(), Usage::now()? - before);
        println!("{connections}\n{}\n{}", took.as_micros(), (used.user + used.system).as_micros());
    }
    Ok(())
}

trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

struct Uploader {
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    config: Arc<Config>,
    host: String,
    content: Vec<u8>,
    out: Vec<u8>,
    input: Vec<u8>,
}

impl Uploader {
    fn new(told: &Told) -> io::Result<Self> {
        let limits = Limits { outstanding: DEPTH, ..Limits::default() };
        Ok(Self {
            address: told.address,
            tls: told.trust.as_deref().map(trusting).transpose()?,
            config: Arc::new(Config { limits, timeouts: Timeouts::NONE, ..Config::default() }),
            host: told.address.to_string(),
            content: vec![b'x'; UPLOAD],
            out: Vec::new(),
            input: Vec::new(),
        })
    }

    /// How many connections it took.
    fn upload(&mut self, manner: Manner, uploads: u32) -> io::Result<u64> {
        match manner {
            Manner::Each => (0..uploads).try_for_each(|_| self.on_one_connection(1, 1))?,
            Manner::Persistent => self.on_one_connection(uploads, 1)?,
            Manner::Pipelined => self.on_one_connection(uploads, DEPTH.into())?,
        }
        Ok(if manner == Manner::Each { uploads.into() } else { 1 })
    }

    fn on_one_connection(&mut self, uploads: u32, depth: usize) -> io::Result<()> {
        let mut stream = self.connect()?;
        let mut connection = Connection::<Client>::new(Arc::clone(&self.config));
        let (mut begun, mut answered) = (0, 0);
        while answered < uploads {
            while begun < uploads && connection.outstanding() < depth {
                begun += 1;
                self.queue(&mut connection, begun == uploads)?;
            }
            stream.write_all(&self.out)?;
            stream.flush()?;
            self.out.clear();
            answered += self.receive(&mut connection, &mut *stream)?;
        }
        self.input.clear();
        Ok(())
    }

    fn queue(&mut self, connection: &mut Connection<Client>, last: bool) -> io::Result<()> {
        let line = RequestLine { method: "PUT", target: "/upload", version: Version::Http11 };
        let fields = [(&b"host"[..], self.host.as_bytes()), (b"connection", b"close")];
        let fields = &fields[..if last { 2 } else { 1 }];
        let length = Some(self.content.len() as u64);
        connection.send_head(line, fields.iter().copied(), length, &mut self.out).map_err(io::Error::other)?;
        let delimiters = connection.send_content(self.content.len()).map_err(io::Error::other)?;
        self.out.extend_from_slice(delimiters.before());
        self.out.extend_from_slice(&self.content);
        self.out.extend_from_slice(delimiters.after());
        connection.send_end([], &mut self.out).map_err(io::Error::other)
    }

    /// Reads once, and counts the answers that are whole.
    fn receive(&mut self, connection: &mut Connection<Client>, stream: &mut dyn Stream) -> io::Result<u32> {
        let mut piece = [0; 16 << 10];
        let n = stream.read(&mut piece)?;
        if n == 0 {
            return Err(io::Error::other("the server closed before it had answered"));
        }
        self.input.extend_from_slice(&piece[..n]);
        let (mut answered, mut at) = (0, 0);
        loop {
            let (used, event) = connection.receive(&self.input[at..], Instant::now()).map_err(io::Error::other)?;
            at += used;
            match event {
                Event::Head(head) if head.status != 204 => {
                    return Err(io::Error::other(format!("the server answered {}", head.status)));
                }
                Event::End(_) => answered += 1,
                Event::NeedInput | Event::Paused | Event::Closed => break,
                _ => {}
            }
        }
        self.input.drain(..at);
        Ok(answered)
    }

    fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let tcp = TcpStream::connect(self.address)?;
        tcp.set_nodelay(true)?;
        let Some(config) = &self.tls else { return Ok(Box::new(tcp)) };
        let name = ServerName::from(self.address.ip());
        let session = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        Ok(Box::new(StreamOwned::new(session, tcp)))
    }
}

fn trusting(file: &std::path::Path) -> io::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file).map_err(io::Error::other)?).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(Arc::new(builder.map_err(io::Error::other)?.with_root_certificates(roots).with_no_client_auth()))
}
