// Node's own fetch. Its pool is hidden; each lane gets a new one all the same, of the same kind.
import { drive, TIMEOUT } from "./tour.mjs";

const POOL = Symbol.for("undici.globalDispatcher.1");

function open() {
  const pool = globalThis[POOL];
  if (pool) globalThis[POOL] = new pool.constructor();
  return pool;
}

async function ask(_, { id, method, url, body }) {
  const signal = AbortSignal.timeout(TIMEOUT);
  const answer = await fetch(url, { method, body, signal, redirect: "manual", headers: { "X-Request-Id": id } });
  await answer.arrayBuffer();
  return [answer.status, answer.headers.get("x-request-id") ?? ""];
}

await fetch("data:,").then((answer) => answer.text()); // makes the pool
await drive(open, ask, async () => {});
