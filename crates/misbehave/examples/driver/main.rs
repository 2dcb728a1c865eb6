//! `tenure::Client` takes the tour of a server that misbehaves, as the drivers of other clients do
//! (`crates/misbehave/drivers`):
//! ```text
//! cargo build -p tenure-misbehave --example driver
//! tenure misbehave --tls -- target/debug/examples/driver
//! ```

mod client;
mod session;
mod tour;

fn main() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ca = session::ca()?;
    runtime.block_on(session::run(|| client::open(ca.as_deref()), client::ask))
}
