//! What the variables mean, and listeners that go from one process to another.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Duration;

use command_fds::{CommandFdExt, FdMapping};

use super::super::rerun::rerun;
use super::*;

const PATIENCE: Duration = Duration::from_secs(60);
const OWN: u32 = 100;
const PARENT: u32 = 99;

/// Names and values.
type Variables = &'static [(&'static str, &'static str)];

fn announced_by(variables: Variables) -> Result<Option<Announced>, String> {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    announced(|name| variables.get(name).map(|v| (*v).to_owned()), OWN, PARENT).map_err(|e| e.to_string())
}

#[test]
fn listeners_for_this_process() {
    let rows: [(Variables, &[&str], Sender); 7] = [
        (&[("LISTEN_FDS", "2"), ("LISTEN_PID", "100")], &["unknown", "unknown"], Sender::Manager),
        (&[("LISTEN_FDS", "2"), ("LISTEN_PID", "100"), ("LISTEN_FDNAMES", "a:b")], &["a", "b"], Sender::Manager),
        (&[("LISTEN_FDS", "3"), ("LISTEN_PID", "100"), ("LISTEN_FDNAMES", "a::c")], &["a", "", "c"], Sender::Manager),
        (&[("LISTEN_FDS", "0"), ("LISTEN_PID", "100"), ("LISTEN_FDNAMES", "")], &[], Sender::Manager),
        (&[("LISTEN_FDS", "1"), (PREDECESSOR, "99")], &["unknown"], Sender::Predecessor),
        (&[("LISTEN_FDS", "1"), (PREDECESSOR, "99"), ("LISTEN_PID", "")], &["unknown"], Sender::Predecessor),
        // A manager's word counts more than what an earlier process left behind.
        (&[("LISTEN_FDS", "1"), (PREDECESSOR, "7"), ("LISTEN_PID", "100")], &["unknown"], Sender::Manager),
    ];
    for (variables, names, by) in rows {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(announced_by(variables), Ok(Some(Announced { names, by })), "{variables:?}");
    }
}

#[test]
fn listeners_of_others() {
    let rows: [Variables; 6] = [
        &[],
        &[("LISTEN_PID", "100")],
        &[("LISTEN_FDS", "1"), ("LISTEN_PID", "101")],
        &[("LISTEN_FDS", "1"), ("LISTEN_PID", "101"), (PREDECESSOR, "99")],
        &[("LISTEN_FDS", "1")],
        &[(PREDECESSOR, "99")],
    ];
    for variables in rows {
        assert_eq!(announced_by(variables), Ok(None), "{variables:?}");
    }
}

#[test]
fn variables_that_contradict() {
    let rows: [(Variables, &str); 8] = [
        (&[("LISTEN_FDS", "x"), ("LISTEN_PID", "100")], "LISTEN_FDS=x"),
        (&[("LISTEN_FDS", "-1"), ("LISTEN_PID", "100")], "LISTEN_FDS=-1"),
        (&[("LISTEN_FDS", "65536"), ("LISTEN_PID", "100")], "LISTEN_FDS=65536"),
        (&[("LISTEN_FDS", "1"), ("LISTEN_PID", "me")], "LISTEN_PID=me"),
        (&[("LISTEN_FDS", "1"), (PREDECESSOR, "me")], "TENURE_PREDECESSOR=me"),
        (&[("LISTEN_FDS", "2"), ("LISTEN_PID", "100"), ("LISTEN_FDNAMES", "a")], "LISTEN_FDNAMES=a"),
        (&[("LISTEN_FDS", "1"), ("LISTEN_PID", "100"), ("LISTEN_FDNAMES", "a:b")], "LISTEN_FDNAMES=a:b"),
        (&[("LISTEN_FDS", "1"), (PREDECESSOR, "98")], "process 98"),
    ];
    for (variables, told) in rows {
        let error = announced_by(variables).expect_err(told);
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn a_socket_that_is_only_bound_is_no_listener() {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().expect("an address").into()).expect("bound");
    let bound = Listener::Tcp(socket.into());
    assert!(bound.check().expect_err("it does not listen").to_string().contains("does not listen"));
    Listener::Tcp(TcpListener::bind("127.0.0.1:0").expect("a listener")).check().expect("it listens");
}

/// Two TCP listeners and a Unix one, and where to reach them.
struct Three {
    tcp: [TcpListener; 2],
    unix: UnixListener,
    folder: tempfile::TempDir,
}

impl Three {
    fn bind() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let unix = UnixListener::bind(folder.path().join("socket")).expect("a Unix listener");
        let tcp = [(), ()].map(|()| TcpListener::bind("127.0.0.1:0").expect("a TCP listener"));
        Self { tcp, unix, folder }
    }

    /// Closes the listeners of this process, and reads what the other says on each.
    fn ask_the_other(self) -> [String; 3] {
        let addresses = self.tcp.each_ref().map(|tcp| tcp.local_addr().expect("an address"));
        drop((self.tcp, self.unix));
        let [first, second] = addresses.map(|address| TcpStream::connect(address).expect("not refused"));
        let unix = UnixStream::connect(self.folder.path().join("socket")).expect("not refused");
        [said(first), said(second), said(unix)]
    }
}

fn said(mut stream: impl Read) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("the other process answers");
    text
}

#[tokio::test]
async fn a_new_process_takes_over_every_listener() {
    let three = Three::bind();
    let listeners = [("web", three.tcp[0].as_fd()), ("", three.tcp[1].as_fd()), ("local", three.unix.as_fd())];
    // A connection that waits in the queue meanwhile is not lost.
    let mut early = TcpStream::connect(three.tcp[0].local_addr().expect("an address")).expect("a connection");
    let mut new = hand_over(&listeners, rerun("net::activation::tests::other_process")).expect("it starts");
    let pid = new.ready(PATIENCE).await.expect("it serves");
    let mut text = String::new();
    let said = tokio::task::spawn_blocking(|| three.ask_the_other()).await.expect("asked");
    early.read_to_string(&mut text).expect("the early connection is answered");
    assert_eq!(text, format!("3 web of {pid}, closed on exec, after a predecessor"));
    assert_eq!(said[0], text);
    assert_eq!(said[1], format!("4  of {pid}, closed on exec, after a predecessor"));
    assert_eq!(said[2], format!("5 local of {pid}, closed on exec, after a predecessor"));
}

#[test]
fn a_service_manager_passes_listeners() {
    let three = Three::bind();
    let program = rerun("net::activation::tests::other_process");
    // As a manager does it: the process that is to take them has the stated id.
    let mut command = Command::new("sh");
    command.args(["-c", "LISTEN_PID=$$ exec \"$0\" \"$@\""]).arg(program.get_program()).args(program.get_args());
    command.env("LISTEN_FDS", "3").env("LISTEN_FDNAMES", "a:b:c").stdout(std::process::Stdio::null());
    let fds = [three.tcp[0].as_fd(), three.tcp[1].as_fd(), three.unix.as_fd()];
    let mappings = fds
        .iter()
        .zip(3..)
        .map(|(fd, child_fd)| FdMapping { parent_fd: fd.try_clone_to_owned().expect("a duplicate"), child_fd });
    command.fd_mappings(mappings.collect()).expect("no collision");
    let mut child = command.spawn().expect("sh starts");
    drop(command);
    let pid = child.id();
    let _early = TcpStream::connect(three.tcp[0].local_addr().expect("an address")).expect("a connection");
    let [a, b, c] = three.ask_the_other();
    assert_eq!(a, format!("3 a of {pid}, closed on exec"));
    assert_eq!(b, format!("4 b of {pid}, closed on exec"));
    assert_eq!(c, format!("5 c of {pid}, closed on exec"));
    assert!(child.wait().expect("it ends").success());
}

/// Answers two connections on the first listener and one on each other, then ends.
#[test]
#[ignore = "run by other tests in a process of its own"]
fn other_process() {
    let activation = take().expect("what the other test passed");
    assert!(take().expect("nothing more").listeners.is_empty());
    assert!(["LISTEN_FDS", "LISTEN_PID"].iter().all(|name| std::env::var_os(name).is_none()));
    let after = if activation.predecessor.is_some() { ", after a predecessor" } else { "" };
    if let Some(predecessor) = activation.predecessor {
        predecessor.ready().expect("it waits for this");
    }
    let mut connections = 2;
    for Named { name, listener } in activation.listeners {
        let fd = listener.as_fd().as_raw_fd();
        let flags = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).expect("Linux");
        // O_CLOEXEC and O_NONBLOCK, in octal, as every common platform of Linux has them.
        let flags = flags.lines().find_map(|line| line.strip_prefix("flags:")).expect("flags").trim().to_owned();
        let flags = u32::from_str_radix(&flags, 8).expect("octal");
        assert_ne!(flags & 0o4000, 0, "it does not block");
        let cloexec = if flags & 0o200_0000 == 0 { "" } else { ", closed on exec" };
        let text = format!("{fd} {name} of {}{cloexec}{after}", std::process::id());
        for _ in 0..connections {
            answer(&listener, &text).expect("a connection");
        }
        connections = 1;
    }
}

fn answer(listener: &Listener, text: &str) -> io::Result<()> {
    match listener {
        Listener::Tcp(tcp) => {
            tcp.set_nonblocking(false)?;
            tcp.accept()?.0.write_all(text.as_bytes())
        }
        Listener::Unix(unix) => {
            unix.set_nonblocking(false)?;
            unix.accept()?.0.write_all(text.as_bytes())
        }
    }
}

#[tokio::test]
async fn what_is_no_listener_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let connected = TcpStream::connect(good.local_addr().expect("an address")).expect("a connection");
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let file = File::open("/dev/null").expect("a file");
    for (name, wrong) in [("connected", connected.as_fd()), ("udp", udp.as_fd()), ("file", file.as_fd())] {
        let path = folder.path().join(name);
        let mut command = rerun("net::activation::tests::complaining_process");
        command.env("TENURE_TEST_OUTPUT", &path);
        let mut new = hand_over(&[("good", good.as_fd()), (name, wrong)], command).expect("it starts");
        new.ready(PATIENCE).await.expect_err("it ends");
        let text = fs::read_to_string(path).expect("what it complained about");
        assert!(text.contains(&format!("descriptor 4 ({name}) is no TCP or Unix stream listener")), "{text}");
    }
}

#[test]
#[ignore = "run by another test in a process of its own"]
fn complaining_process() {
    let error = take().expect_err("one of them is no listener");
    fs::write(std::env::var_os("TENURE_TEST_OUTPUT").expect("where to"), error.to_string()).expect("written");
}

#[tokio::test]
async fn a_new_process_that_fails_changes_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let passed = [("web", listener.as_fd())];
    let mut command = Command::new("sh");
    command.args(["-c", "exit 3"]);
    let error = hand_over(&passed, command).expect("sh starts").ready(PATIENCE).await.expect_err("it ends");
    assert!(error.to_string().contains("exit status: 3"), "{error}");
    let error = hand_over(&passed, Command::new("/nonexistent/program")).expect_err("no such program");
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    let error = hand_over(&[("a:b", listener.as_fd())], Command::new("true")).expect_err("a colon");
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    let _connection = TcpStream::connect(listener.local_addr().expect("an address")).expect("not refused");
    listener.accept().expect("still listening here");
}

#[tokio::test(start_paused = true)]
async fn a_new_process_that_is_never_ready_is_ended() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let mut command = Command::new("sh");
    // It would wait for ever: nobody writes to its standard input.
    command.args(["-c", "read line"]);
    let mut new = hand_over(&[("web", listener.as_fd())], command).expect("sh starts");
    let error = new.ready(PATIENCE).await.expect_err("never ready");
    assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
}
