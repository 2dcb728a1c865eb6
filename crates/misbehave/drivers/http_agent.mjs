// Node's http.request and https.request, an Agent with keepAlive for each lane.
import http from "node:http";
import https from "node:https";
import { drive, TIMEOUT } from "./tour.mjs";

function ask({ plain, secure }, { id, method, url, body }) {
  const [module, agent] = url.startsWith("https:") ? [https, secure] : [http, plain];
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(TIMEOUT);
    const asked = module.request(url, { method, agent, signal, headers: { "X-Request-Id": id } }, (answer) => {
      answer.on("error", reject);
      answer.on("end", () => resolve([answer.statusCode, answer.headers["x-request-id"] ?? ""]));
      answer.resume();
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

const open = () => ({ plain: new http.Agent({ keepAlive: true }), secure: new https.Agent({ keepAlive: true }) });

async function close({ plain, secure }) {
  plain.destroy();
  secure.destroy();
}

await drive(open, ask, close);
