//! What became of a request that met a close: the rows of the client's design, as they look on the
//! wire. Two reuses of a connection: GET is answered, POST meets the close.

use super::build::{GET, OK, POST, Talk, story};
use crate::Who::{Client, Server};
use crate::{Basis, Outcome, Relation, Side};

/// GET was answered, and the connection is idle.
fn idle() -> Talk {
    Talk::new().open(50_000, 30).client(GET).after(50_000).server(OK).ack(Client).after(1_000_000)
}

#[track_caller]
fn second(talk: &Talk, side: Side) -> (String, Basis) {
    let life = talk.seen_at(side);
    assert_eq!(life.exchanges.len(), 2);
    match life.exchanges[1].outcome {
        Outcome::Lost { basis, .. } => (story(&life)[1].clone(), basis),
        other => panic!("{other:?}"),
    }
}

const NOT_PROCESSED: &str = "POST /b - likely-undelivered race";
const UNKNOWN: &str = "POST /b - unknown";
const UNKNOWN_RACE: &str = "POST /b - unknown race";

#[test]
fn closed_before_the_request_came() {
    let crossing = idle().unheard(Client, POST).after(5_000).fin(Server).after(45_000).bare_reset(Server);
    let late = idle().fin(Server).after(1_200).unheard(Client, POST).after(50_000).bare_reset(Server);
    for side in [Side::Client, Side::Server, Side::Middle, Side::Both] {
        assert_eq!(second(&crossing, side), (NOT_PROCESSED.into(), Basis::NothingAcknowledged));
        assert_eq!(second(&late, side), (NOT_PROCESSED.into(), Basis::NothingAcknowledged));
    }
    let relation = |talk: &Talk| match talk.life().exchanges[1].outcome {
        Outcome::Lost { race: Some(race), .. } => race.relation,
        other => panic!("{other:?}"),
    };
    assert_eq!(relation(&crossing), Relation::Crossed(std::time::Duration::from_millis(5)));
    assert_eq!(relation(&late), Relation::After(std::time::Duration::from_micros(1_200)));
}

#[test]
fn half_closed_then_read_then_reset_is_not_taken_for_undelivered() {
    // The hole in what a client's kernel can tell: only the reset acknowledges the request.
    let talk = idle().fin(Server).after(1_200).client(POST).after(50_000).reset(Server);
    assert_eq!(second(&talk, Side::Client), (UNKNOWN_RACE.into(), Basis::Acknowledged));
    let acknowledged = idle().fin(Server).after(1_200).client(POST).ack(Server).after(50_000).bare_reset(Server);
    assert_eq!(second(&acknowledged, Side::Client), (UNKNOWN_RACE.into(), Basis::Acknowledged));
}

#[test]
fn reset_before_the_request_came_is_proof_only_at_the_server() {
    let talk = idle().reset(Server).after(700).unheard(Client, POST).after(100).bare_reset(Server);
    for side in [Side::Server, Side::Both] {
        assert_eq!(second(&talk, side), (NOT_PROCESSED.into(), Basis::ResetBefore));
    }
    for side in [Side::Client, Side::Middle] {
        assert_eq!(second(&talk, side), (UNKNOWN_RACE.into(), Basis::ResetAlone));
    }
}

#[test]
fn what_the_server_acknowledged_may_have_been_processed() {
    let dropped = idle().client(POST).after(50_000).ack(Server).fin(Server);
    assert_eq!(second(&dropped, Side::Client), (UNKNOWN.into(), Basis::Acknowledged));
    let read_then_reset = idle().client(POST).after(50_000).reset(Server);
    assert_eq!(second(&read_then_reset, Side::Both), (UNKNOWN.into(), Basis::Acknowledged));
    // A part of it is enough.
    let part = idle().client(&POST[..30]).unheard(Client, &POST[30..]).fin(Server).bare_reset(Server);
    assert_eq!(second(&part, Side::Both), (UNKNOWN.into(), Basis::Acknowledged));
}

#[test]
fn without_the_reset_nothing_refuses_the_request() {
    let talk = idle().fin(Server).after(1_200).unheard(Client, POST);
    assert_eq!(second(&talk, Side::Client), (UNKNOWN_RACE.into(), Basis::NoReset));
}

#[test]
fn the_client_ended_it() {
    let gave_up = idle().client(POST).ack(Server).after(3_000_000).fin(Client);
    assert_eq!(second(&gave_up, Side::Client), (UNKNOWN.into(), Basis::ClientGaveUp));
    let half_sent = idle().client(&POST[..20]).after(100).reset(Client);
    // Its head is not even whole: no exchange, and so none that was lost.
    assert_eq!(story(&half_sent.life()), ["GET /a 200 answered"]);
    let no_content = &POST[..POST.len() - 2];
    let stopped = idle().client(no_content).after(100).reset(Client);
    assert_eq!(second(&stopped, Side::Client), ("POST /b - incomplete".into(), Basis::ClientStopped));
}

#[test]
fn answered_in_part() {
    let talk = idle().client(POST).server(&OK[..OK.len() - 1]).fin(Server);
    assert_eq!(second(&talk, Side::Both), ("POST /b 200 answered-in-part".into(), Basis::CutShort));
}

#[test]
fn a_408_that_crosses_the_request_is_no_answer_to_it() {
    let late = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let talk = idle().unheard(Client, POST).after(4_000).server(late).fin(Server).after(50_000).bare_reset(Server);
    assert_eq!(second(&talk, Side::Client), ("POST /b 408 refused race".into(), Basis::AnsweredBefore));
    // One that acknowledges the request is.
    let answer = idle().client(POST).after(50_000).server(late).fin(Server);
    assert_eq!(story(&answer.life())[1], "POST /b 408 answered");
}

#[test]
fn what_is_still_open_is_not_lost() {
    let life = idle().client(POST).ack(Server).life();
    assert_eq!(story(&life), ["GET /a 200 answered", "POST /b - open"]);
}

#[test]
fn a_fresh_connection_that_is_refused_carries_no_exchange() {
    let talk = Talk::new().open(100, 100).after(10).bare_reset(Server);
    assert!(talk.life().exchanges.is_empty());
}
