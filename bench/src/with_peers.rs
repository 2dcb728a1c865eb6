//! The commands that need more than tenure's own rungs: a build without the feature `peers` lacks them.

use std::io;
use std::path::PathBuf;

use clap::Subcommand;

use crate::{all, client, reuse};

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Everything about servers in one run: the ladder's tables, a plot, and what became of each target
    All(all::Options),
    /// Large content, and files that are small: this part of `all` by itself
    Large(all::large::Options),
    #[command(name = all::large::COMMAND, hide = true)]
    RunLargeSite {
        file: PathBuf,
        #[arg(long)]
        core: usize,
    },
    /// What a request costs a client: tenure's beside its peers, against nginx
    Client(client::Options),
    #[command(name = client::worker::COMMAND, hide = true)]
    RunClient {
        library: client::Library,
        url: String,
        #[arg(long)]
        core: usize,
    },
    /// What persistence and pipelining save, and how the congestion window grows
    Reuse(reuse::Options),
    #[command(name = reuse::SINK, hide = true)]
    RunUploadServer {
        #[arg(long)]
        core: usize,
        #[arg(long)]
        identity: Option<PathBuf>,
    },
    #[command(name = reuse::UPLOADS, hide = true)]
    RunUploads(reuse::Told),
}

impl Command {
    pub(crate) fn run(self) -> io::Result<()> {
        match self {
            Self::All(options) => all::run(&options),
            Self::Large(options) => all::large::run(&options),
            Self::RunLargeSite { file, core } => all::large::run_site(&file, core),
            Self::Client(options) => client::run(&options),
            Self::RunClient { library, url, core } => client::worker::run(library, &url, core),
            Self::Reuse(options) => reuse::run(&options),
            Self::RunUploadServer { core, identity } => reuse::run_sink(core, identity.as_deref()),
            Self::RunUploads(told) => reuse::run_uploads(&told),
        }
    }
}
