// undici's request(), an Agent for each lane.
import { Agent, request } from "undici";
import { drive, TIMEOUT } from "./tour.mjs";

async function ask(dispatcher, { id, method, url, body }) {
  const signal = AbortSignal.timeout(TIMEOUT);
  const answer = await request(url, { dispatcher, method, body, signal, headers: { "X-Request-Id": id } });
  await answer.body.arrayBuffer();
  return [answer.statusCode, answer.headers["x-request-id"] ?? ""];
}

await drive(() => new Agent(), ask, (agent) => agent.destroy());
