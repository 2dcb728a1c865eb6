//! What can be seen of a pipeline: depth, waiting, and each exchange.

use std::time::Duration;

use tokio::time::advance;

use super::*;

#[test]
fn each_response_tells_its_place_and_how_long_those_before_it_took() {
    run_paused(async {
        let (stage, mut peer) = Stage::shown(8).await;
        let gets = stage.gets(0..3);
        peer.expect(["GET /0", "GET /1", "GET /2"]).await;
        advance(Duration::from_secs(2)).await;
        peer.send(ok("0")).await;
        stage.story.until("exchanged 1.2").await;
        advance(Duration::from_secs(3)).await;
        peer.send(ok("1") + &ok("2")).await;
        let mut seen = Vec::new();
        for get in gets {
            let info = facts(get).await;
            seen.push((info.id, info.request, info.idle, info.pipelined.map(|p| (p.depth, p.waited.as_secs()))));
        }
        let none = Duration::ZERO;
        assert_eq!(seen, [(1, 2, none, None), (1, 3, none, Some((2, 2))), (1, 4, none, Some((3, 5)))]);
    });
}

#[test]
fn exchanges_in_a_pipeline_overlap_for_an_observer() {
    run(async {
        let (stage, mut peer) = Stage::shown(8).await;
        let gets = stage.gets(0..2);
        peer.expect(["GET /0", "GET /1"]).await;
        peer.send(ok("0")).await;
        peer.fin().await;
        tokio::spawn(stage.script.accept().await.echo());
        for get in gets {
            whole(get).await;
        }
        let lines = stage.story.until("exchanged 2.1").await;
        let expected = [
            "opened 1",
            "began 1.1 GET",
            "exchanged 1.1 'GET /first HTTP/1.1' 200 in 0 out 5 whole",
            "began 1.2 GET",
            "began 1.3 GET",
            "exchanged 1.2 'GET /0 HTTP/1.1' 200 in 0 out 1 whole",
            "exchanged 1.3 'GET /1 HTTP/1.1' 0 in 0 out 0 cut",
            "closed 1 peer-fin 2",
            "repeated unknown",
            "opened 2",
            "began 2.1 GET",
            "exchanged 2.1 'GET /1 HTTP/1.1' 200 in 0 out 1 whole",
        ];
        assert_eq!(lines, expected);
    });
}
