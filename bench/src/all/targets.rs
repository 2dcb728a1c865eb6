//! The project's aims for its servers, beside what was measured. Reasons are written by hand, in the page.

use std::fmt;

use super::Run;
use super::large::Way;
use crate::heads::Head;
use crate::report::{Summary, summaries};
use crate::rungs::Rung;

/// One aim.
pub(super) struct Target {
    pub(super) name: String,
    pub(super) wanted: String,
    pub(super) measured: String,
    pub(super) verdict: Verdict,
}

pub(super) enum Verdict {
    Met,
    /// Missed, by this much of what was wanted.
    Missed(f64),
    /// Something it needs is not installed.
    Unknown,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Met => f.write_str("met"),
            Self::Missed(gap) => write!(f, "**missed** by {:.0} %", gap * 100.0),
            Self::Unknown => f.write_str("not measured"),
        }
    }
}

impl Verdict {
    fn at_most(n: f64, most: f64) -> Self {
        match n {
            n if n.is_nan() => Self::Unknown,
            n if n <= most => Self::Met,
            n => Self::Missed((n - most) / most),
        }
    }

    fn at_least(n: f64, least: f64) -> Self {
        match n {
            n if n.is_nan() => Self::Unknown,
            n if n >= least => Self::Met,
            n => Self::Missed((least - n) / least),
        }
    }
}

/// All of them.
pub(super) fn of(run: &Run) -> Vec<Target> {
    let mut targets = Vec::new();
    counts(run, &mut targets);
    rates(run, &mut targets);
    cpu(run, &mut targets);
    idle(run, &mut targets);
    growth(run, &mut targets);
    large(run, &mut targets);
    targets
}

fn target(name: impl Into<String>, wanted: impl Into<String>, measured: impl Into<String>, verdict: Verdict) -> Target {
    Target { name: name.into(), wanted: wanted.into(), measured: measured.into(), verdict }
}

fn counts(run: &Run, out: &mut Vec<Target>) {
    for rung in [Rung::ServeRaw, Rung::Serve] {
        for (depth, most) in [(1, 2.0), (16, 2.0 / 16.0)] {
            let each = run.syscalls.iter().find(|each| each.rung == rung && each.depth == depth);
            let calls = each.map_or(f64::NAN, |each| each.read + each.write + each.other);
            let share = each.map_or(f64::NAN, |each| each.epoll_wait);
            out.push(target(
                format!("system calls, `{}`, depth {depth}", rung.name()),
                format!("{most} and a share of `epoll_wait`"),
                format!("{calls:.3} and {share:.3}"),
                Verdict::at_most(calls, most + 0.001),
            ));
        }
        let (most, wanted) = if rung == Rung::ServeRaw {
            (0.0, "0".to_owned())
        } else {
            let handler = run.handler_allocations;
            (2.0 + handler, format!("2, beside {handler} of the handler's response"))
        };
        for head in Head::ALL {
            let all = run.allocations.iter().filter(|each| each.rung == rung && each.head == head);
            let count = all.map(|each| each.count).fold(f64::NAN, f64::max);
            // Against what a request may cost at all; a share of nothing has no meaning.
            let verdict =
                if count < most + 0.005 { Verdict::Met } else { Verdict::Missed((count - most) / most.max(1.0)) };
            let name = format!("allocations, `{}`, {} heads", rung.name(), head.name());
            out.push(target(name, &*wanted, format!("{count:.2}"), verdict));
        }
    }
}

/// The lines of a rung and of raw epoll in a case.
fn lines(run: &Run, head: Head, depth: usize, rung: Rung) -> Option<(Summary, Summary)> {
    let case = run.rates.cases.iter().find(|case| case.head == head && case.depth == depth)?;
    let line = |rung| summaries(case).find(|line| line.rung == rung);
    Some((line(rung)?, line(Rung::RawEpoll)?))
}

fn rates(run: &Run, out: &mut Vec<Target>) {
    if let Some((own, raw)) = lines(run, Head::Small, 1, Rung::ServeRaw) {
        let overlap = own.rate.max >= raw.rate.min;
        let verdict = if overlap { Verdict::Met } else { Verdict::Missed(1.0 - own.rate_ratio.median) };
        let wanted = "intervals overlap with raw epoll's";
        out.push(target("rate, `serve-raw`, depth 1", wanted, own.rate_ratio.to_string(), verdict));
    }
    for (rung, head, depth, least) in [
        (Rung::Serve, Head::Small, 1, 0.92),
        (Rung::ServeRaw, Head::Small, 16, 0.75),
        (Rung::Serve, Head::Small, 16, 0.45),
        (Rung::ServeRaw, Head::Browser, 16, 0.45),
        (Rung::Serve, Head::Browser, 16, 0.28),
        (Rung::ServeRaw, Head::Changing, 16, 0.45),
        (Rung::Serve, Head::Changing, 16, 0.28),
    ] {
        let Some((own, _)) = lines(run, head, depth, rung) else { continue };
        let name = format!("rate, `{}`, depth {depth}, {} heads", rung.name(), head.name());
        let verdict = Verdict::at_least(own.rate_ratio.median, least);
        out.push(target(name, format!("{least} of raw epoll's"), own.rate_ratio.to_string(), verdict));
    }
    for (head, depth) in Head::ALL.into_iter().flat_map(|head| [1, 16].map(|depth| (head, depth))) {
        fastest(run, head, depth, out);
    }
}

/// Faster than every peer, by CPU time, which the generator does not limit.
fn fastest(run: &Run, head: Head, depth: usize, out: &mut Vec<Target>) {
    let Some(case) = run.rates.cases.iter().find(|case| case.head == head && case.depth == depth) else { return };
    let peers = summaries(case).filter(|line| !line.rung.is_own() && line.rung != Rung::RawEpoll);
    let Some(best) = peers.min_by(|a, b| a.cpu_ratio.median.total_cmp(&b.cpu_ratio.median)) else { return };
    for rung in [Rung::ServeRaw, Rung::Serve] {
        let Some(own) = summaries(case).find(|line| line.rung == rung) else { continue };
        out.push(target(
            format!("CPU time, `{}`, depth {depth}, {} heads", rung.name(), head.name()),
            format!("less than the best peer ({})", best.rung.name()),
            format!("{:.2} against {:.2} of raw epoll's", own.cpu_ratio.median, best.cpu_ratio.median),
            Verdict::at_most(own.cpu_ratio.median, best.cpu_ratio.median),
        ));
    }
}

fn cpu(run: &Run, out: &mut Vec<Target>) {
    for (rung, head, most) in [
        (Rung::ServeRaw, Head::Small, 1.9),
        (Rung::ServeRaw, Head::Browser, 2.6),
        (Rung::ServeRaw, Head::Changing, 2.6),
        (Rung::Serve, Head::Small, 3.0),
        (Rung::Serve, Head::Browser, 4.8),
        (Rung::Serve, Head::Changing, 4.8),
    ] {
        let Some((own, _)) = lines(run, head, 1, rung) else { continue };
        out.push(target(
            format!("user CPU, `{}`, depth 1, {} heads", rung.name(), head.name()),
            format!("{most} times raw epoll's"),
            format!("{:.1}", own.user_ratio),
            Verdict::at_most(own.user_ratio, most),
        ));
    }
}

fn idle(run: &Run, out: &mut Vec<Target>) {
    let Some(most) = run.quiet.rows.iter().map(|row| row.connections).max() else { return };
    let row = |server: &str| run.quiet.rows.iter().find(|row| row.server == server && row.connections == most);
    if let (Some(serve), Some(nginx)) = (row("serve"), row("nginx")) {
        let peer = nginx.pss + nginx.preallocated;
        let measured = format!("{:.0} bytes against {peer:.0}", serve.pss);
        out.push(target(
            "PSS of a parked connection",
            "less than nginx's",
            measured,
            Verdict::at_most(serve.pss, peer),
        ));
    }
    if let Some(serve) = row("serve") {
        let more = serve.woken_more;
        let wanted = "at most 10 us more than a hot one at p99";
        let verdict = Verdict::at_most(more.median, 10.0);
        out.push(target("waking a parked connection", wanted, format!("{more:.1} us"), verdict));
        out.push(target(
            format!("CPU time of a request beside {most} idle connections"),
            "as without (at most 1.05)",
            format!("{:.2}", serve.cpu_ratio),
            Verdict::at_most(serve.cpu_ratio, 1.05),
        ));
    }
}

fn growth(run: &Run, out: &mut Vec<Target>) {
    let growth = &run.growth;
    let bend = growth.bend(|row| row.bytes as f64, |row| row.dripped);
    let name = "a byte of a head that comes byte by byte, of 4,000 against of 400";
    out.push(target(name, "costs the same (at most 1.1)", format!("{bend:.2}"), Verdict::at_most(bend, 1.1)));
    for (place, rung) in growth.rungs.iter().enumerate().filter(|(_, rung)| rung.is_own()) {
        let bend = growth.bend(|row| row.fields as f64, |row| row.servers.get(place).copied().unwrap_or(f64::NAN));
        let name = format!("a field line, `{}`, of 100 against of 10", rung.name());
        out.push(target(name, "costs the same (at most 1.1)", format!("{bend:.2}"), Verdict::at_most(bend, 1.1)));
    }
    let row = |rung| run.connecting.iter().find(|row| row.rung == rung);
    if let (Some(serve), Some(nginx)) = (row(Rung::Serve), row(Rung::Nginx)) {
        out.push(target(
            "a new connection with one request, `serve`",
            "at most nginx's CPU time",
            format!("{:.1} us against {:.1}", serve.cpu.median, nginx.cpu.median),
            Verdict::at_most(serve.cpu.median, nginx.cpu.median),
        ));
    }
}

fn large(run: &Run, out: &mut Vec<Target>) {
    let row = |way| run.large.iter().find(|row| row.way == way);
    for (way, peer) in [(Way::MemoryDown, Way::NginxDown), (Way::OwnFileDown, Way::NginxDown), (Way::Up, Way::NginxUp)]
    {
        let Some(own) = row(way) else { continue };
        if let Some(peer) = row(peer) {
            out.push(target(
                way.label(),
                "at least nginx's throughput per CPU second",
                format!("{:.0} against {:.0} MiB", own.per_cpu.median, peer.per_cpu.median),
                Verdict::at_least(own.per_cpu.median, peer.per_cpu.median),
            ));
        }
        let name = format!("memory, {}", way.label());
        let grown = format!("{:.0} KiB more", own.grown.median);
        out.push(target(name, "flat (1 MiB at most)", grown, Verdict::at_most(own.grown.median, 1024.0)));
    }
}
