//! Do two neighbours race? The downstream one sends requests on connections that it kept; the
//! upstream one closes those that were idle for too long. A request that leaves while the close is
//! on its way is lost (RFC 9112 section 9.5).

use std::time::Duration;

use super::defaults::Heeds;
use super::hop::Hop;
use super::limit::{Limit, short};

/// The upstream one has to wait this much longer: for the way of the request, and for timers.
const SLACK: Duration = Duration::from_secs(1);
/// What is advised is this much above the least.
const MARGIN: Duration = Duration::from_secs(5);

/// What becomes of the connections between two neighbours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Safe,
    Race,
    /// A time is not known.
    Unknown,
}

impl Verdict {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Race => "race",
            Self::Unknown => "unknown",
        }
    }
}

/// A verdict with its reason, and what to do about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    pub(super) reason: String,
    pub(super) advice: Vec<String>,
}

/// Judges the connections from `down` to `up`.
pub(super) fn judge(down: &Hop, up: &Hop) -> Finding {
    let (d, u) = (&down.name, &up.name);
    let (reuses, heeded) = in_force(down, up);
    let find = |verdict, reason, advice| Finding { verdict, reason, advice };
    match (reuses, up.keeps) {
        (_, Limit::Unknown) => find(
            Verdict::Unknown,
            format!("how long {u} keeps an idle connection is not known"),
            vec![format!("say it: {u}=TIME")],
        ),
        (Limit::Unknown, _) => find(
            Verdict::Unknown,
            format!("how long {d} uses an idle connection again is not known"),
            vec![format!("say it: {d}=KEEPS/REUSES, as {d}=75s/60s")],
        ),
        (_, Limit::Endless) => find(Verdict::Safe, format!("{u} never closes an idle connection"), vec![]),
        (Limit::After(Duration::ZERO), _) => find(Verdict::Safe, format!("{d} uses no connection twice"), vec![]),
        (_, Limit::After(Duration::ZERO)) => {
            find(Verdict::Safe, format!("{u} closes after each response, so none is idle"), vec![])
        }
        (Limit::After(reuses), Limit::After(keeps)) if keeps >= reuses.saturating_add(SLACK) => {
            let because = if heeded { format!(", as {u} announces") } else { String::new() };
            let longer = short(keeps - reuses);
            find(
                Verdict::Safe,
                format!("{d} lets go after {}{because}; {u} waits {longer} longer", short(reuses)),
                vec![],
            )
        }
        (Limit::After(reuses), Limit::Beyond(keeps)) if keeps >= reuses.saturating_add(SLACK) => find(
            Verdict::Safe,
            format!("{d} lets go after {}; {u} waits longer than {}", short(reuses), short(keeps)),
            vec![],
        ),
        (_, Limit::Beyond(keeps)) => find(
            Verdict::Unknown,
            format!("{u} waits longer than {}, and for how much longer was not measured", short(keeps)),
            vec!["measure for longer: --max-wait SECONDS".to_owned()],
        ),
        (reuses, Limit::After(keeps)) => {
            find(Verdict::Race, reason(d, u, reuses, keeps), advice(down, up, reuses, keeps))
        }
    }
}

/// How long `down` uses idle connections to `up`, and whether that is so because `up` announced a time.
fn in_force(down: &Hop, up: &Hop) -> (Limit, bool) {
    let Some(told) = up.announces() else { return (down.reuses, false) };
    let told = Duration::from_secs(told);
    match (down.heeds(), down.reuses) {
        (Heeds::No, own) => (own, false),
        (Heeds::IfShorter, Limit::After(own)) if own <= told => (down.reuses, false),
        (Heeds::IfShorter, _) => (Limit::After(told), true),
        (Heeds::Instead { less }, _) => (Limit::After(told.saturating_sub(Duration::from_secs(less))), true),
    }
}

fn reason(d: &str, u: &str, reuses: Limit, keeps: Duration) -> String {
    let keeps = short(keeps);
    match reuses {
        Limit::After(reuses) if short(reuses) == keeps => {
            format!("both give up after {keeps}: the last request of {d} and the close by {u} cross on the wire")
        }
        Limit::After(reuses) => format!(
            "{u} closes after {keeps}, {d} may send on a connection that was idle for up to {}: its request can meet the close",
            short(reuses)
        ),
        _ => format!(
            "{u} closes after {keeps}, {d} may send on a connection however long it was idle: its request can meet the close"
        ),
    }
}

/// Either end can mend it; the upstream one waiting longer is what RFC 9112 section 9.5 leaves to it.
fn advice(down: &Hop, up: &Hop, reuses: Limit, keeps: Duration) -> Vec<String> {
    let mut advice = Vec::new();
    if let Limit::After(reuses) = reuses {
        let least = short(Duration::from_secs((reuses + MARGIN).as_secs()));
        let how = up.product().and_then(|p| p.keeps.as_ref()).and_then(|keeps| keeps.setting);
        let how = how.map_or_else(String::new, |setting| format!(": {setting}"));
        advice.push(format!(
            "let {} keep idle connections for {least}, longer than {} uses them{how}",
            up.name, down.name
        ));
    }
    let side = down.product().and_then(|product| product.reuses.as_ref());
    if side.is_some_and(|side| side.setting.is_none()) {
        return advice;
    }
    let most = if keeps > 2 * SLACK { short(Duration::from_secs((keeps - SLACK).as_secs())) } else { short(keeps / 2) };
    let how = side.and_then(|side| side.setting).map_or_else(String::new, |setting| format!(": {setting}"));
    let or = if advice.is_empty() { "" } else { "or " };
    advice.push(format!("{or}let {} use no connection that was idle for {most}{how}", down.name));
    advice
}

#[cfg(test)]
mod tests {
    use super::super::hop::Given;
    use super::*;

    fn hop(text: &str) -> Hop {
        match Given::parse(text) {
            Ok(Given::Hop(hop)) => hop,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn verdict(down: &str, up: &str) -> Verdict {
        judge(&hop(down), &hop(up)).verdict
    }

    #[test]
    fn the_upstream_one_has_to_wait_longer() {
        use Verdict::{Race, Safe, Unknown};
        for (down, up, expected) in [
            ("a=60s", "b=5s", Race),
            ("a=60s", "b=60s", Race),
            ("a=60s", "b=60.9s", Race),
            ("a=60s", "b=61s", Safe),
            ("a=60s", "b=none", Safe),
            ("a=none", "b=1h", Race),
            ("a=none", "b=none", Safe),
            ("a=0s", "b=5s", Safe),
            ("a=60s", "b=0s", Safe),
            ("a=75s/60s", "b=65s", Safe),
            ("a=60s", "b=75s/1s", Safe),
            ("a=firefox", "b=nginx", Race),
            ("a=nginx", "b=gunicorn", Race),
            ("a=alb", "b=puma", Safe),
            ("a=gunicorn", "b=5s", Unknown),
            ("a=60s", "b=curl", Unknown),
        ] {
            assert_eq!(verdict(down, up), expected, "{down} {up}");
        }
    }

    #[test]
    fn who_heeds_the_announcement_lets_go_in_time() {
        let finding = judge(&hop("a=tenure"), &hop("b=tenure-serve"));
        assert_eq!(
            (finding.verdict, finding.reason.as_str()),
            (Verdict::Safe, "a lets go after 75 s, as b announces; b waits 5 s longer")
        );
        assert_eq!(verdict("a=reqwest", "b=tenure-serve"), Verdict::Race, "it does not know the field");
        assert_eq!(verdict("a=undici", "b=node"), Verdict::Safe, "a second earlier than announced");
        assert_eq!(verdict("a=httpurlconnection", "b=tenure-serve"), Verdict::Safe, "75 s in place of its own 5 s");
    }

    #[test]
    fn what_was_measured_counts_and_not_what_is_announced() {
        let uri = "http://h:1/".parse().unwrap();
        let up = |keeps, announced| Hop::measured(&uri, keeps, announced);
        let seconds = |n| Limit::After(Duration::from_secs(n));
        assert_eq!(judge(&hop("a=tenure"), &up(seconds(10), Some(5))).verdict, Verdict::Safe);
        assert_eq!(judge(&hop("a=tenure"), &up(seconds(5), Some(5))).verdict, Verdict::Race);
        assert_eq!(judge(&hop("a=curl"), &up(seconds(10), Some(200))).verdict, Verdict::Race);
        let beyond = Limit::Beyond(Duration::from_secs(120));
        assert_eq!(judge(&hop("a=90s"), &up(beyond, None)).verdict, Verdict::Safe);
        assert_eq!(judge(&hop("a=200s"), &up(beyond, None)).verdict, Verdict::Unknown);
        assert_eq!(judge(&hop("a=none"), &up(beyond, None)).verdict, Verdict::Unknown);
        assert_eq!(judge(&hop("a=90s"), &up(Limit::Unknown, None)).verdict, Verdict::Unknown);
    }

    #[test]
    fn the_advice_names_what_to_set() {
        let advice = judge(&hop("lb=alb"), &hop("app=gunicorn")).advice;
        assert_eq!(
            advice,
            [
                "let app keep idle connections for 65 s, longer than lb uses them: --keep-alive SECONDS",
                "or let lb use no connection that was idle for 1 s: idle_timeout.timeout_seconds",
            ]
        );
        let fixed = judge(&hop("lb=gcp-lb"), &hop("app=nginx")).advice;
        assert_eq!(
            fixed,
            ["let app keep idle connections for 605 s, longer than lb uses them: keepalive_timeout of http or server"]
        );
        let endless = judge(&hop("c=none"), &hop("app=5s")).advice;
        assert_eq!(endless, ["let c use no connection that was idle for 4 s"]);
        assert_eq!(judge(&hop("c=requests"), &hop("app=5s")).advice.len(), 0, "neither end can be set");
    }
}
