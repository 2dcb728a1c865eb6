//! Runtimes for tests, each with an end: a test that hangs fails, in real time.

use std::future::Future;
use std::sync::mpsc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

/// Far above what any test needs on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// One thread, the real clock.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    block_on(&runtime, test)
}

/// One thread, the real clock, and no thread for blocking work until the test drops what it is given.
pub(crate) fn run_with_busy_pool<T>(test: impl AsyncFnOnce(mpsc::Sender<()>) -> T) -> T {
    let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
    let (release, held) = mpsc::channel::<()>();
    block_on(&runtime, async {
        drop(tokio::task::spawn_blocking(move || held.recv()));
        test(release).await
    })
}

/// Two worker threads, the real clock.
pub(crate) fn run_threads<T>(test: impl Future<Output = T>) -> T {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    block_on(&runtime, test)
}

fn block_on<T>(runtime: &Runtime, test: impl Future<Output = T>) -> T {
    runtime.block_on(async { tokio::time::timeout(PATIENCE, test).await.expect("the test hangs") })
}

/// One thread, and a clock that moves only by `tokio::time::advance`: sockets take their real time
/// meanwhile, however long that is.
pub(crate) fn run_paused<T>(test: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let (ended, end) = mpsc::channel::<()>();
    let watch = std::thread::spawn(move || match end.recv_timeout(PATIENCE) {
        Err(mpsc::RecvTimeoutError::Timeout) => {
            eprintln!("the test hangs");
            std::process::abort();
        }
        _ => drop(end),
    });
    // While a blocking task runs, an idle runtime does not jump to the next timer.
    let (release, held) = mpsc::channel::<()>();
    let result = runtime.block_on(async {
        let _hold = tokio::task::spawn_blocking(move || held.recv());
        let result = test.await;
        drop(release);
        result
    });
    drop(ended);
    watch.join().unwrap();
    result
}

/// Gives the tasks their turns.
pub(crate) async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// Polls a future once, for nobody.
pub(crate) fn is_pending<F: Future + Unpin>(future: &mut F) -> bool {
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    std::pin::Pin::new(future).poll(&mut cx).is_pending()
}
