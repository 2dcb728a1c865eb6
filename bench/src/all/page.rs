//! The tables of `ladder all`, as Markdown.

use std::collections::BTreeSet;
use std::fmt::{Error, Write};

use super::{Run, large, paced, targets};
use crate::heads::Head;
use crate::rates;
use crate::report::summaries;
use crate::rungs::Rung;

/// Everything between the marks of the page.
pub(super) fn text(run: &Run) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_all(run, &mut text);
    text
}

fn write_all(run: &Run, out: &mut String) -> Result<(), Error> {
    writeln!(out, "{}.\n", run.machine)?;
    writeln!(out, "## Targets\n\n| target | wanted | measured | |\n|---|---|---|---|")?;
    for target in targets::of(run) {
        writeln!(out, "| {} | {} | {} | {} |", target.name, target.wanted, target.measured, target.verdict)?;
    }
    writeln!(out, "\n## The ladder\n\n![rate and CPU time against raw epoll](performance.svg)")?;
    rates(&run.rates, out)?;
    writeln!(out, "\n## On the runtime of `#[tokio::main]`")?;
    rates(&run.multi, out)?;
    writeln!(out, "\n## Counts of one request")?;
    counts(run, out)?;
    writeln!(out, "\n## At a fixed rate, and by wrk")?;
    clocks(run, out)?;
    writeln!(out, "\n## Where the user time goes")?;
    for head in Head::ALL {
        profile(run, head, out)?;
    }
    writeln!(out, "\n## How cost grows")?;
    growth(run, out)?;
    writeln!(out, "\n## Idle and new connections")?;
    connections(run, out)?;
    writeln!(out, "\n## Large content")?;
    large(run, out)
}

fn rates(run: &rates::Run, out: &mut String) -> Result<(), Error> {
    for case in &run.cases {
        writeln!(
            out,
            "\nDepth {}, {}, {} connections; median (min-max) of {} rounds of {} s:\n\n\
            | rung | rate | CPU time | user ns | against raw epoll | system ns | busy |\n|---|---:|---:|---:|---:|---:|---:|",
            case.depth,
            case.head,
            run.connections,
            case.rungs.first().map_or(0, |samples| samples.rounds.len()),
            run.seconds
        )?;
        for line in summaries(case) {
            writeln!(
                out,
                "| `{}` | {} | {} | {:.0} | {:.1} | {:.0} | {:.0} % |",
                line.rung.name(),
                line.rate_ratio,
                line.cpu_ratio,
                line.user_ns,
                line.user_ratio,
                line.system_ns,
                line.busy.median * 100.0
            )?;
        }
    }
    Ok(())
}

/// The rungs of the run, in order.
fn rungs(run: &Run) -> Vec<Rung> {
    run.paced.iter().map(|row| row.rung).collect()
}

/// As displayed, or a dash for what was not measured.
fn cell(n: Option<f64>, decimals: usize) -> String {
    n.map_or_else(|| "-".into(), |n| format!("{n:.decimals$}"))
}

fn counts(run: &Run, out: &mut String) -> Result<(), Error> {
    writeln!(
        out,
        "\nInstructions in user space (callgrind, one connection), allocations (at depth 1), system calls with small heads \
        (strace, 64 connections; reads and writes and others, with the share of `epoll_wait` behind):\n\n\
        | rung | small, 1 deep | small, 16 | browser, 1 | browser, 16 | changing, 1 | changing, 16 | allocations, small | browser | changing | calls, 1 deep | 16 |\n\
        |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    )?;
    for rung in rungs(run) {
        write!(out, "| `{}` |", rung.name())?;
        for each in run.instructions.iter().filter(|each| each.rung == rung) {
            write!(out, " {:.0} |", each.each)?;
        }
        for head in Head::ALL {
            let each = run.allocations.iter().find(|each| each.rung == rung && each.head == head && each.depth == 1);
            write!(out, " {} |", cell(each.map(|each| each.count), 1))?;
        }
        for each in run.syscalls.iter().filter(|each| each.rung == rung) {
            write!(out, " {:.3} + {:.3} |", each.read + each.write + each.other, each.epoll_wait)?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn clocks(run: &Run, out: &mut String) -> Result<(), Error> {
    writeln!(
        out,
        "\n{} requests a second on {} connections, each when it is due: microseconds from then to the end of its answer, median \
        (min-max) of the rounds. wrk, 64 connections, one thread, one second: its rate against that of raw epoll, and the \
        server's CPU time.\n\n\
        | rung | p50 | p99 | wrk, 1 deep | CPU us | wrk, 16 deep | CPU us |\n|---|---:|---:|---:|---:|---:|---:|",
        paced::RATE,
        paced::CONNECTIONS
    )?;
    let wrk = |rung, depth| run.wrk.iter().find(|row| row.rung == rung && row.depth == depth);
    for row in &run.paced {
        write!(out, "| `{}` | {:.0} | {:.0} |", row.rung.name(), row.p50, row.p99)?;
        for depth in [1, 16] {
            let (own, base) = (wrk(row.rung, depth), wrk(Rung::RawEpoll, depth));
            let ratio = own.zip(base).map(|(own, base)| own.rate / base.rate);
            write!(out, " {} | {} |", cell(ratio, 2), cell(own.map(|own| own.cpu), 2))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Instructions for each purpose, and the share that they have of the user time measured in the same run.
fn profile(run: &Run, head: Head, out: &mut String) -> Result<(), Error> {
    let rungs: Vec<Rung> =
        rungs(run).into_iter().filter(|rung| Rung::OWN.contains(rung) || *rung == Rung::Hyper).collect();
    let of = |rung| run.instructions.iter().find(|each| each.rung == rung && each.head == head && each.depth == 1);
    let case = run.rates.cases.iter().find(|case| case.head == head && case.depth == 1);
    let user = |rung| case.and_then(|case| summaries(case).find(|line| line.rung == rung)).map(|line| line.user_ns);
    let mut names = BTreeSet::new();
    for &rung in &rungs {
        names.extend(of(rung).into_iter().flat_map(|each| each.groups.iter().map(|&(name, _)| name)));
    }
    let in_group =
        |rung, name: &str| of(rung).and_then(|each| Some(each.groups.iter().find(|group| group.0 == name)?.1));
    let mut names: Vec<_> = names.into_iter().collect();
    let most = |name: &&str| rungs.iter().filter_map(|&rung| in_group(rung, name)).fold(0.0, f64::max);
    names.sort_by(|a, b| most(b).total_cmp(&most(a)));
    write!(
        out,
        "\nDepth 1, {head}: instructions, and in brackets the part of the user ns above that goes with them\n\n| |"
    )?;
    rungs.iter().try_for_each(|rung| write!(out, " `{}` |", rung.name()))?;
    writeln!(out, "\n|---|{}", "---:|".repeat(rungs.len()))?;
    for name in names {
        write!(out, "| {name} |")?;
        for &rung in &rungs {
            match (in_group(rung, name), of(rung), user(rung)) {
                (Some(n), Some(all), Some(user)) => write!(out, " {n:.0} ({:.0}) |", n / all.each * user)?,
                _ => write!(out, " |")?,
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

fn growth(run: &Run, out: &mut String) -> Result<(), Error> {
    let growth = &run.growth;
    write!(
        out,
        "\nInstructions of one request by the number of field lines:\n\n| field lines | bytes | `proto`, whole | `proto`, byte by byte |"
    )?;
    growth.rungs.iter().try_for_each(|rung| write!(out, " `{}` |", rung.name()))?;
    writeln!(out, "\n|---:|---:|---:|---:|{}", "---:|".repeat(growth.rungs.len()))?;
    for row in &growth.rows {
        write!(out, "| {} | {} | {:.0} | {:.0} |", row.fields, row.bytes, row.whole, row.dripped)?;
        row.servers.iter().try_for_each(|n| write!(out, " {n:.0} |"))?;
        writeln!(out)?;
    }
    Ok(())
}

fn connections(run: &Run, out: &mut String) -> Result<(), Error> {
    writeln!(
        out,
        "\nBeside so many idle connections; CPU time of a request of 64 connections at work against the same without idle ones; \
        the p99 of the first request on an idle connection, and of the next one; how much more the one is, over sets of 2,000 connections:\n\n\
        | server | idle | PSS each | preallocated each | CPU time | p99 first, us | next | more |\n|---|---:|---:|---:|---:|---:|---:|---:|"
    )?;
    for row in &run.quiet.rows {
        writeln!(
            out,
            "| `{}` | {} | {:.0} | {:.0} | {:.2} | {:.0} | {:.0} | {} |",
            row.server,
            row.connections,
            row.pss,
            row.preallocated,
            row.cpu_ratio,
            row.woken,
            row.hot,
            row.woken_more.brief(0)
        )?;
    }
    writeln!(
        out,
        "\nConnections that are accepted, asked once and reset, sixteen at a time:\n\n\
        | rung | a second | CPU us each |\n|---|---:|---:|"
    )?;
    for row in &run.connecting {
        writeln!(out, "| `{}` | {:.0} | {:.1} |", row.rung.name(), row.rate, row.cpu)?;
    }
    Ok(())
}

fn large(run: &Run, out: &mut String) -> Result<(), Error> {
    large::table(&run.large, out)?;
    large::files::table(&run.files, out)
}
