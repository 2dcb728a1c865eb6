//! How instructions grow with the head: byte by byte, and field by field.

use std::io;

use serde::Serialize;

use crate::cores::Cores;
use crate::heads::{other, with_fields};
use crate::instructions::{self, Work, core};
use crate::rungs::Rung;
use crate::subject::Subject;

const FIELDS: [usize; 5] = [1, 10, 25, 50, 100];
const RUNGS: [Rung; 3] = [Rung::ServeRaw, Rung::Serve, Rung::Nginx];

/// A head of so many field lines.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) fields: usize,
    pub(super) bytes: usize,
    /// `proto` alone: the head whole, and byte by byte.
    pub(super) whole: f64,
    pub(super) dripped: f64,
    /// Whole servers, those of [`Growth::rungs`].
    pub(super) servers: Vec<f64>,
}

#[derive(Debug, Serialize)]
pub(super) struct Growth {
    pub(super) rungs: Vec<Rung>,
    pub(super) rows: Vec<Row>,
}

/// Counts instructions of one request.
pub(super) fn measure(cores: Cores) -> io::Result<Growth> {
    let rungs: Vec<Rung> = Rung::available().into_iter().filter(|rung| RUNGS.contains(rung)).collect();
    let works = FIELDS.iter().flat_map(|&fields| {
        // The program ends soon, and a load is what a program has from its start.
        let one: &'static [u8] = with_fields(fields).leak();
        // What is known from the request before would cost less.
        let requests = [one, other(one).leak()];
        rungs.iter().map(move |&rung| Work { rung, requests, depth: 1 })
    });
    let counted = instructions::count(&works.collect::<Vec<_>>(), cores)?;
    let mut rows = Vec::new();
    for (fields, servers) in FIELDS.into_iter().zip(counted.chunks(rungs.len())) {
        rows.push(Row {
            fields,
            bytes: with_fields(fields).len(),
            whole: core::count(Subject::Proto, &fields.to_string(), 100, 1_100)?.total,
            dripped: core::count(Subject::Dripped, &fields.to_string(), 10, 110)?.total,
            servers: servers.iter().map(|each| each.total).collect(),
        });
    }
    Ok(Growth { rungs, rows })
}

impl Growth {
    /// What one more of `unit` costs between the last two rows against the first two: 1 is a straight line.
    pub(super) fn bend(&self, unit: fn(&Row) -> f64, cost: impl Fn(&Row) -> f64) -> f64 {
        let slope = |a: &Row, b: &Row| (cost(b) - cost(a)) / (unit(b) - unit(a));
        match self.rows.as_slice() {
            [first, second, .., before, last] => slope(before, last) / slope(first, second),
            _ => f64::NAN,
        }
    }
}
