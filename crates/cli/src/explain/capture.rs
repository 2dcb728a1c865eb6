//! Raw bytes, as people capture or paste them: requests, responses, or both in one file.
//!
//! Between messages, bytes that begin with `HTTP/` are a response to the oldest request without
//! one; anything else is a request. Within a message there is no choice, but for a client that
//! waits for 100 (Continue).

use std::io;

use tenure_proto::{CloseReason, Framing};

use super::conversation::{Conversation, Form, Next, Seen, Tally, Way};
use super::failure;
use super::half;
use super::page::{Page, Tone};
use super::show;
use super::text::{self, count};
use super::verdict;

/// Explains `bytes`. `methods` are those of the requests, if only responses are there.
pub(super) fn explain(bytes: &[u8], methods: &[String], page: &mut Page<'_>) -> io::Result<Tally> {
    let mut walk = Walk {
        seen: Seen { bytes, base: 0 },
        at: 0,
        before: None,
        conversation: Conversation::new(Form::Capture, methods),
    };
    walk.run(page)?;
    walk.conversation.sum_up(page)?;
    Ok(walk.conversation.tally)
}

struct Walk<'a> {
    seen: Seen<'a>,
    at: u64,
    /// The direction of the message before.
    before: Option<Way>,
    conversation: Conversation,
}

impl<'a> Walk<'a> {
    fn run(&mut self, page: &mut Page<'_>) -> io::Result<()> {
        loop {
            let (way, seen) = self.direction();
            let boundary = !self.is_under_way();
            if boundary && self.rest().is_empty() {
                return Ok(());
            }
            if boundary && let Some(why) = self.conversation.closed(way) {
                let only_empty_lines = seen.bytes.len() < self.seen.bytes.len();
                if !only_empty_lines {
                    return self.left_over(why, page);
                }
                show::empty_lines(page, seen.from(self.at).len())?;
                self.at = seen.end();
                continue;
            }
            if boundary && self.before == Some(Way::Requests) && self.may_be_handed_over() {
                return self.another_protocol("if the answer hands the connection over, ", page);
            }
            let (used, next) = self.conversation.step(way, seen, self.at, None, page)?;
            self.at += used as u64;
            self.before = Some(way);
            self.hint_at_head(page)?;
            match next {
                Next::Proceed => {}
                Next::NeedInput if self.is_under_way() => {
                    return self.conversation.end_of_input(way, self.seen, None, page);
                }
                Next::NeedInput | Next::Over | Next::Failed => return Ok(()),
            }
        }
    }

    fn rest(&self) -> &'a [u8] {
        self.seen.from(self.at)
    }

    const fn is_under_way(&self) -> bool {
        self.conversation.requests.is_under_way() || self.conversation.responses.is_under_way()
    }

    /// Whose bytes come next, and as many of them as can be given to the core at once.
    fn direction(&self) -> (Way, Seen<'a>) {
        let (conversation, rest) = (&self.conversation, self.seen.from(self.at));
        if conversation.responses.is_under_way() {
            return (Way::Responses, self.seen);
        }
        if conversation.requests.is_under_way() {
            let answered = conversation.waits_for_continue() && rest.starts_with(b"HTTP/");
            return (if answered { Way::Responses } else { Way::Requests }, self.seen);
        }
        // Old browsers send an empty line after the content of a POST; it is the client's.
        let empty = half::empty_lines(rest);
        if empty > 0 && self.before != Some(Way::Responses) && rest[empty..].starts_with(b"HTTP/") {
            let end = usize::try_from(self.at).unwrap_or(0) + empty;
            return (Way::Requests, Seen { bytes: &self.seen.bytes[..end], base: 0 });
        }
        let response = rest.starts_with(b"HTTP/")
            || (self.before == Some(Way::Responses) && !looks_like_a_request(rest))
            || (conversation.unanswered().next().is_some() && !rest.is_empty() && b"HTTP/".starts_with(rest));
        (if response { Way::Responses } else { Way::Requests }, self.seen)
    }

    /// A response whose content is not there may answer HEAD.
    fn hint_at_head(&self, page: &mut Page<'_>) -> io::Result<()> {
        let responses = &self.conversation.responses;
        let Some(message) = &responses.message else { return Ok(()) };
        let has_content = message.head.framing != Framing::Length(0);
        let assumed = self.conversation.unanswered().next().is_none();
        let just_begun = message.head_end == self.at && message.content.len == 0;
        if !(assumed && has_content && just_begun && self.rest().starts_with(b"HTTP/1.")) {
            return Ok(());
        }
        let number = self.conversation.tally.responses + 1;
        let text = format!(
            "hint: right after the head of response {number} stands another status line; {}",
            failure::head_hint(number)
        );
        page.blank()?;
        page.prose(Tone::Hint, &text)
    }

    /// After CONNECT or an offer to upgrade, whose answer is not here: no more HTTP comes.
    fn may_be_handed_over(&self) -> bool {
        let rest = self.rest();
        self.conversation.may_be_handed_over() && !rest.starts_with(b"HTTP/") && !looks_like_a_request(rest)
    }

    fn another_protocol(&self, condition: &str, page: &mut Page<'_>) -> io::Result<()> {
        let (at, rest) = (self.at, self.rest());
        page.title(&format!("Another protocol: {} from byte {at}", count(rest.len() as u64, "byte")))?;
        page.at(at, Tone::Plain, &text::preview(rest))?;
        page.note(
            Tone::Quiet,
            &format!("{condition}these bytes are no HTTP: the core gives them to the protocol agreed on"),
        )
    }

    /// Bytes after the connection's end.
    fn left_over(&mut self, why: CloseReason, page: &mut Page<'_>) -> io::Result<()> {
        if why == CloseReason::HandedOver {
            return self.another_protocol("", page);
        }
        let (at, rest) = (self.at, self.rest());
        let (left, preview) = (count(rest.len() as u64, "byte"), text::preview(rest));
        page.title(&format!("Left over: {left} from byte {at}"))?;
        page.at(at, Tone::Plain, &preview)?;
        let reason = verdict::reason(why, "the message before");
        page.note(Tone::Bad, &format!("nobody reads these: the connection closes at byte {at}, since {reason}"))?;
        page.note(
            Tone::Hint,
            &format!(
                "hint: if they are from another connection, explain them apart: `tail -c +{} FILE | tenure explain -`",
                at + 1
            ),
        )?;
        self.conversation.tally.problems += 1;
        Ok(())
    }
}

/// A first line with `HTTP/` where a request line has it; good or not is for the core to say.
pub(super) fn looks_like_a_request(bytes: &[u8]) -> bool {
    let line = &bytes[..bytes.len().min(8_192)];
    let line = &line[..line.iter().position(|&b| b == b'\n').unwrap_or(line.len())];
    line.first().is_some_and(u8::is_ascii_alphabetic) && line.windows(6).any(|w| w == b" HTTP/")
}
