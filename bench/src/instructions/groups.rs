//! What instructions are for, by the source file they come from.

use std::collections::BTreeMap;

use crate::callgrind::{Each, Place};

/// The first that fits decides: a part of the source file's path, and what is done there. An inlined function counts
/// where its source is, so that a parser counts as one wherever it runs.
const BY_FILE: [(&str, &str); 30] = [
    ("proto/src/connection/send", WRITING),
    ("proto/src/message/", PARSING),
    ("proto/src/", DECIDING),
    ("/httparse-", PARSING),
    ("bench/src/rungs/epoll", "the epoll loop"),
    ("bench/src/rungs/", HANDLER),
    ("bench/src/counting", HEAP),
    ("tenure/src/server/request", TYPES),
    ("tenure/src/server/respond", WRITING),
    ("tenure/src/io/known_fields", TYPES),
    ("tenure/src/io/fields", TYPES),
    ("tenure/src/io/names", TYPES),
    ("tenure/src/io/head_copy", TYPES),
    ("tenure/src/io/", "reading and writing"),
    ("tenure/src/", "the server's loop"),
    ("/http-1", TYPES),
    ("/http-body", TYPES),
    ("/bytes-", TYPES),
    ("/axum-", ROUTING),
    ("/matchit-", ROUTING),
    ("/tower", ROUTING),
    ("/actix-router", ROUTING),
    ("/actix-web", ROUTING),
    ("/hyper-", "hyper"),
    ("/actix-", "actix"),
    ("/may", "may"),
    ("/tokio-", TOKIO),
    ("/mio-", TOKIO),
    ("/parking_lot", TOKIO),
    ("/httpdate-", WRITING),
];

/// Code of the standard library and of memchr counts for the crate of the function it was inlined into.
const BY_FUNCTION: [(&str, &str); 14] = [
    ("tenure_proto::connection::send", WRITING),
    ("tenure_proto::message", PARSING),
    ("tenure_proto", DECIDING),
    ("tenure::io", "reading and writing"),
    ("tenure::server::request", TYPES),
    ("tenure::server::respond", WRITING),
    ("tenure::", "the server's loop"),
    ("ladder::rungs", HANDLER),
    ("memchr::", PARSING),
    ("http::", TYPES),
    ("bytes::", TYPES),
    ("axum", ROUTING),
    ("hyper", "hyper"),
    ("tokio", TOKIO),
];

/// Functions of the C library, by their names.
const BY_LIBC: [(&str, &str); 14] = [
    ("malloc", HEAP),
    ("free", HEAP),
    ("calloc", HEAP),
    ("realloc", HEAP),
    ("mem", "copying and comparing"),
    ("__mem", "copying and comparing"),
    ("recv", SYSTEM),
    ("send", SYSTEM),
    ("read", SYSTEM),
    ("write", SYSTEM),
    ("epoll", SYSTEM),
    ("clock_gettime", "the clock"),
    ("pthread", TOKIO),
    ("__", SYSTEM),
];

const PARSING: &str = "parsing heads";
const DECIDING: &str = "framing, persistence, the exchange (RFC 9112 sections 6 and 9)";
const WRITING: &str = "writing heads";
const TYPES: &str = "http's types: requests, responses, header maps, bodies";
const HANDLER: &str = "the handler";
const ROUTING: &str = "routing and middleware";
const TOKIO: &str = "tokio and mio";
const HEAP: &str = "the heap";
const SYSTEM: &str = "entering system calls";
const REST: &str = "anything else";

/// Instructions for each purpose, most first.
pub(crate) fn of(each: &Each) -> Vec<(&'static str, f64)> {
    let mut groups: BTreeMap<&'static str, f64> = BTreeMap::new();
    for (place, n) in &each.places {
        *groups.entry(group(place)).or_default() += n;
    }
    let mut groups: Vec<_> = groups.into_iter().filter(|&(_, n)| n >= 0.5).collect();
    groups.sort_by(|a, b| b.1.total_cmp(&a.1));
    groups
}

fn group(place: &Place) -> &'static str {
    let by_file = BY_FILE.iter().find(|(part, _)| place.file.contains(part));
    // Generic functions name their type first: `<a::b as c>::d`.
    let function = place.function.trim_start_matches(['<', '&', '(']);
    let by_function = || {
        let starts = BY_FUNCTION.iter().find(|(start, _)| function.starts_with(start));
        starts.or_else(|| BY_FUNCTION.iter().find(|(part, _)| function.contains(part)))
    };
    let by_libc = || BY_LIBC.iter().find(|(part, _)| !function.contains("::") && function.contains(part));
    by_file.or_else(by_function).or_else(by_libc).map_or(REST, |(_, group)| group)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group_of(file: &str, function: &str) -> &'static str {
        group(&Place { file: file.into(), function: function.into() })
    }

    #[test]
    fn a_file_decides_before_a_function_and_a_crate_before_libc() {
        assert_eq!(group_of("/x/crates/proto/src/message/head.rs", "tenure::server::drive::run"), PARSING);
        assert_eq!(group_of("/rustc/core/src/slice/mod.rs", "tenure_proto::message::head::advance"), PARSING);
        assert_eq!(
            group_of("/rustc/core/src/ptr/mod.rs", "<tenure::server::drive::Drive<S> as X>::y"),
            "the server's loop"
        );
        assert_eq!(group_of("/registry/tokio-1.50.0/src/runtime/park.rs", "tokio::x"), TOKIO);
        assert_eq!(group_of("???", "__memcpy_avx_unaligned_erms"), "copying and comparing");
        assert_eq!(group_of("./malloc/malloc.c", "malloc"), HEAP);
        assert_eq!(group_of("???", "unknown"), REST);
    }
}
