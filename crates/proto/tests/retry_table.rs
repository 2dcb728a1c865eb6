//! May a failed request be sent again (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1)? Every
//! combination, against a table written by hand.

use tenure_proto::{Attempt, Fate, MethodClass, Verdict};

/// What is known of the request; whether an idempotent one, and whether any other, may be repeated
/// on a connection that had carried an earlier exchange.
const TABLE: [(Fate, bool, bool); 7] = [
    (Fate::NotSent, true, true),
    (Fate::Refused, true, true),
    (Fate::LikelyUndelivered, true, true),
    (Fate::Withheld, true, true),
    // The part that was sent may have had an effect.
    (Fate::Incomplete, true, false),
    (Fate::Unknown, true, false),
    (Fate::AnsweredInPart, false, false),
];

/// Methods by name, and whether RFC 9110 section 9.2.2 calls them idempotent.
const METHODS: [(&str, bool); 11] = [
    ("GET", true),
    ("HEAD", true),
    ("OPTIONS", true),
    ("TRACE", true),
    ("PUT", true),
    ("DELETE", true),
    ("POST", false),
    ("PATCH", false),
    ("CONNECT", false),
    ("PURGE", false),
    // Methods are compared with case.
    ("get", false),
];

#[test]
fn every_attempt() {
    let mut retried = 0;
    for (fate, if_idempotent, otherwise) in TABLE {
        for (name, idempotent) in METHODS {
            let method = MethodClass::of(name.as_bytes());
            assert_eq!(method.is_idempotent(), idempotent, "{name}");
            for reused in [false, true] {
                for replayable in [false, true] {
                    for earlier in [0, 1, 2, 255] {
                        let attempt = Attempt { method, reused, replayable, earlier, fate };
                        let harmless = if idempotent { if_idempotent } else { otherwise };
                        // A fresh connection that fails is no race, content that is gone cannot be sent
                        // again, and one repetition is enough.
                        let expected = harmless && reused && replayable && earlier == 0;
                        assert_eq!(attempt.verdict() == Verdict::Retry, expected, "{name} {attempt:?}");
                        retried += usize::from(expected);
                    }
                }
            }
        }
    }
    // 11 methods for four fates, the six idempotent ones for two more.
    assert_eq!(retried, 11 * 4 + 6 * 2);
}

#[test]
fn fates_have_names_of_their_own() {
    let mut names: Vec<_> = TABLE.iter().map(|(fate, ..)| fate.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), TABLE.len());
}
