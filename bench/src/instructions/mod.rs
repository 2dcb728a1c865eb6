//! `ladder instructions`: what one request costs each rung in user space, counted by callgrind and so the same in
//! every run, however busy the machine.

pub(crate) mod core;
pub(crate) mod groups;

use std::io;
use std::sync::Mutex;

use clap::Args;

use crate::callgrind::{self, Each};
use crate::check;
use crate::cores::Cores;
use crate::generator::{Generator, Load};
use crate::heads::Head;
use crate::rungs::{Rung, Runtime};
use crate::server::Server;

/// What to count.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// How many functions of each profile to print
    #[arg(long, default_value_t = 10)]
    top: usize,
    /// Only these
    #[arg(long, value_delimiter = ',', value_name = "RUNG,...")]
    rungs: Vec<Rung>,
}

/// A load that is counted: on one connection, so that every run has the same events in the same order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Work {
    pub(crate) rung: Rung,
    pub(crate) requests: [&'static [u8]; 2],
    pub(crate) depth: usize,
}

impl Work {
    /// Batches in two runs; what start and end cost falls out of the difference.
    const fn batches(self) -> (u64, u64) {
        if self.depth == 1 { (200, 1_200) } else { (20, 140) }
    }

    /// Instructions of one request.
    fn count(self, core: usize) -> io::Result<Each> {
        let (few, many) = self.batches();
        let counted = [few, many].map(|batches| self.run(core, batches));
        let [counted_few, counted_many] = counted;
        Ok(counted_many?.each_beyond(&counted_few?, (many - few) * self.depth as u64))
    }

    fn run(self, core: usize, batches: u64) -> io::Result<callgrind::Counted> {
        let folder = tempfile::tempdir()?;
        let wrapper = callgrind::wrapper(folder.path());
        let server = Server::start_under(self.rung, Runtime::Current, core, wrapper).map_err(callgrind::explain)?;
        let response = check::response_len(self.rung, server.address)?;
        let load = Load { connections: 1, depth: self.depth, requests: self.requests, response };
        let mut generator = Generator::connect(server.address, &load)?;
        generator.run_batches(batches)?;
        generator.finish()?;
        server.stop()?;
        callgrind::collect(folder.path())
    }
}

/// Counts all, two at a time, since it is not time that is measured. In the order of `works`.
pub(crate) fn count(works: &[Work], cores: Cores) -> io::Result<Vec<Each>> {
    let next = Mutex::new(works.iter().enumerate());
    let done = Mutex::new(Vec::new());
    let worker = |core: usize| -> io::Result<()> {
        loop {
            let Some((place, work)) = next.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next() else {
                return Ok(());
            };
            // Whatever else the machine does may keep a process from starting; twice would be our fault.
            let each = work.count(core).or_else(|e| {
                eprintln!("{}, depth {}: {e}; once more", work.rung.name(), work.depth);
                work.count(core)
            })?;
            done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((place, each));
        }
    };
    std::thread::scope(|scope| {
        let workers = [cores.server, cores.generator].map(|core| scope.spawn(move || worker(core)));
        let ends = workers.map(|worker| worker.join().unwrap_or_else(|_| Err(io::Error::other("a thread panicked"))));
        ends.into_iter().collect::<io::Result<Vec<()>>>()
    })?;
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|&(place, _)| place);
    Ok(done.into_iter().map(|(_, each)| each).collect())
}

/// Every rung with every head at both depths.
pub(crate) fn cases(rungs: &[Rung]) -> Vec<(Rung, Head, usize)> {
    let heads = |rung| Head::ALL.into_iter().flat_map(move |head| [1, 16].map(|depth| (rung, head, depth)));
    rungs.iter().copied().flat_map(heads).collect()
}

/// The same, as loads.
pub(crate) fn works(rungs: &[Rung]) -> Vec<Work> {
    cases(rungs).into_iter().map(|(rung, head, depth)| Work { rung, requests: head.in_turn(), depth }).collect()
}

/// Counts and prints.
pub(crate) fn run(options: &Options) -> io::Result<()> {
    let cores = Cores::choose()?;
    core::print(options.top)?;
    let rungs: Vec<Rung> =
        Rung::available().into_iter().filter(|rung| options.rungs.is_empty() || options.rungs.contains(rung)).collect();
    let counted = count(&works(&rungs), cores)?;
    println!("\ninstructions a request of the whole server, in user space (callgrind), one connection");
    print!("{:<12}", "rung");
    Head::ALL
        .into_iter()
        .for_each(|head| [1, 16].iter().for_each(|depth| print!(" {:>14}", format!("{}, {depth}", head.name()))));
    println!();
    for (rung, row) in rungs.iter().zip(counted.chunks(2 * Head::ALL.len())) {
        print!("{:<12}", rung.name());
        row.iter().for_each(|each| print!(" {:>14.0}", each.total));
        println!();
    }
    for (rung, row) in rungs.iter().zip(counted.chunks(2 * Head::ALL.len())) {
        for (head, each) in Head::ALL.into_iter().zip(row.iter().step_by(2)) {
            println!("\n{}, {head}, depth 1: where they are spent", rung.name());
            for (group, n) in groups::of(each) {
                println!("{n:>10.0}  {group}");
            }
        }
    }
    Ok(())
}
