//! The verdicts for people and for programs, and the table of defaults.

use serde::Serialize;

use super::defaults::{self, CONNECTIONS, Heeds, PRODUCTS};
use super::hop::Hop;
use super::verdict::{Finding, Verdict};
use crate::report::Paint;

/// Changes when a program that reads the JSON has to.
const VERSION: u32 = 1;

/// The path and what was found, `findings[i]` between `hops[i]` and the next.
pub(super) fn text(hops: &[Hop], findings: &[Finding], paint: Paint) -> String {
    let width = hops.iter().map(|hop| hop.name.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for (i, hop) in hops.iter().enumerate() {
        let mut times = Vec::new();
        if i > 0 {
            times.push(format!("keeps idle connections: {}", hop.keeps));
        }
        if i + 1 < hops.len() {
            times.push(format!("uses them again: {}", hop.reuses));
        }
        let name = format!("{:<width$}", hop.name);
        text += &format!("{}  {} ({})\n", paint.bold(&name), times.join("; "), hop.from);
        let Some(finding) = findings.get(i) else { continue };
        let word = match finding.verdict {
            Verdict::Safe => paint.green("safe"),
            Verdict::Race => paint.red("RACE"),
            Verdict::Unknown => "unknown".to_owned(),
        };
        text += &format!("{:width$}  | {word}: {}\n", "", finding.reason);
        for advice in &finding.advice {
            text += &format!("{:width$}  |   {advice}\n", "");
        }
    }
    let races = findings.iter().filter(|finding| finding.verdict == Verdict::Race).count();
    let unknown = findings.iter().filter(|finding| finding.verdict == Verdict::Unknown).count();
    text += &format!(
        "\n{}{}\n",
        match races {
            0 => "No race among the known times".to_owned(),
            1 => "1 race".to_owned(),
            n => format!("{n} races"),
        },
        if unknown > 0 { format!(", {unknown} of {} pairs unknown.", findings.len()) } else { ".".to_owned() }
    );
    text
}

#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    hops: Vec<HopRow<'a>>,
    neighbours: Vec<Neighbours<'a>>,
}

#[derive(Serialize)]
struct HopRow<'a> {
    name: &'a str,
    /// `null`: no limit, or not known; `keeps` says which.
    keeps_seconds: Option<f64>,
    keeps: String,
    reuses_seconds: Option<f64>,
    reuses: String,
    from: String,
}

#[derive(Serialize)]
struct Neighbours<'a> {
    downstream: &'a str,
    upstream: &'a str,
    verdict: &'static str,
    reason: &'a str,
    advice: &'a [String],
}

pub(super) fn json(hops: &[Hop], findings: &[Finding]) -> serde_json::Result<String> {
    let row = |hop: &'_ Hop| (hop.keeps, hop.reuses, hop.from.to_string());
    let rows = hops.iter().map(|hop| {
        let (keeps, reuses, from) = row(hop);
        HopRow {
            name: &hop.name,
            keeps_seconds: keeps.in_seconds(),
            keeps: keeps.to_string(),
            reuses_seconds: reuses.in_seconds(),
            reuses: reuses.to_string(),
            from,
        }
    });
    let neighbours = hops.windows(2).zip(findings).map(|(pair, finding)| Neighbours {
        downstream: &pair[0].name,
        upstream: &pair[1].name,
        verdict: finding.verdict.name(),
        reason: &finding.reason,
        advice: &finding.advice,
    });
    serde_json::to_string_pretty(&Report { version: VERSION, hops: rows.collect(), neighbours: neighbours.collect() })
}

/// The table as Markdown: docs/defaults.md is this text.
pub(super) fn defaults_text() -> String {
    let mut text = "\
# Idle timeouts by default

How long well-known programs keep an idle connection (as a server), and how long they may use one again (as a client), if
nobody sets it. `tenure chain` reads this table, and prints it: `tenure chain --defaults`.

| name | program | as a server, keeps | as a client, reuses | set by | source |
|---|---|---:|---:|---|---|
"
    .to_owned();
    for product in PRODUCTS {
        let sides = [&product.keeps, &product.reuses];
        let cell = |side: &Option<defaults::Default>| side.as_ref().map_or_else(String::new, |s| s.limit.to_string());
        let mut settings: Vec<&str> = sides.iter().copied().flatten().map(|s| s.setting.unwrap_or("fixed")).collect();
        settings.dedup();
        let mut sources: Vec<&str> = sides.iter().copied().flatten().map(|s| s.source).collect();
        sources.dedup();
        text += &format!(
            "| `{}` | {}{}{} | {} | {} | {} | {} |\n",
            product.name,
            product.title,
            heeds(product.heeds),
            product.announces.map_or_else(String::new, |s| format!("; announces `Keep-Alive: timeout={s}`")),
            cell(&product.keeps),
            cell(&product.reuses),
            settings
                .iter()
                .map(|s| if *s == "fixed" { "fixed".to_owned() } else { format!("`{s}`") })
                .collect::<Vec<_>>()
                .join("; "),
            sources.iter().map(|s| format!("<{s}>")).collect::<Vec<_>>().join(" ")
        );
    }
    text += "\n\
HAProxy has no default of its own: `timeout http-keep-alive` counts, without it `timeout http-request`, without that `timeout client`\n\
(<https://docs.haproxy.org/3.1/configuration.html#4.2-timeout%20http-keep-alive>). Python requests keeps a connection until it finds it closed.\n\
\n\
Connections to one host:\n\
\n\
| client | at most | source |\n\
|---|---:|---|\n";
    for (who, most, source) in CONNECTIONS {
        text += &format!("| {who} | {most} | <{source}> |\n");
    }
    text
}

const fn heeds(how: Heeds) -> &'static str {
    match how {
        Heeds::No => "",
        Heeds::IfShorter => "; an announced `Keep-Alive: timeout` counts if it is shorter",
        Heeds::Instead { less: 0 } => "; an announced `Keep-Alive: timeout` counts instead",
        Heeds::Instead { .. } => "; an announced `Keep-Alive: timeout` counts instead, a second less",
    }
}

#[derive(Serialize)]
struct Row {
    product: &'static str,
    title: &'static str,
    keeps_seconds: Option<f64>,
    reuses_seconds: Option<f64>,
    announces_seconds: Option<u64>,
    heeds_announcement: bool,
    sources: Vec<&'static str>,
}

/// The table for programs.
pub(super) fn defaults_json() -> serde_json::Result<String> {
    let seconds = |side: &Option<defaults::Default>| side.as_ref().and_then(|side| side.limit.in_seconds());
    let rows: Vec<Row> = PRODUCTS
        .iter()
        .map(|product| Row {
            product: product.name,
            title: product.title,
            keeps_seconds: seconds(&product.keeps),
            reuses_seconds: seconds(&product.reuses),
            announces_seconds: product.announces,
            heeds_announcement: product.heeds != Heeds::No,
            sources: [&product.keeps, &product.reuses].into_iter().flatten().map(|side| side.source).collect(),
        })
        .collect();
    serde_json::to_string_pretty(&serde_json::json!({ "version": VERSION, "products": rows }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_docs_is_this_table() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/defaults.md");
        let page = std::fs::read_to_string(page).unwrap();
        assert_eq!(page, defaults_text(), "write it again: tenure chain --defaults > docs/defaults.md");
    }

    #[test]
    fn every_product_has_a_name_of_its_own_a_time_and_a_source() {
        for (i, product) in PRODUCTS.iter().enumerate() {
            assert!(PRODUCTS[..i].iter().all(|other| other.name != product.name), "{} twice", product.name);
            let sides: Vec<_> = [&product.keeps, &product.reuses].into_iter().flatten().collect();
            assert!(
                !sides.is_empty() && sides.iter().all(|side| side.source.starts_with("https://")),
                "{}",
                product.name
            );
        }
    }
}
