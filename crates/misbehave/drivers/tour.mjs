// What the Node drivers share: the tour's requests one after the other, and what became of them. See README.md.
import { appendFileSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

export const TIMEOUT = 2000; // milliseconds a request may take

// `open()` makes a client with a pool of its own, `ask(client, step)` resolves to [status, id]; `close(client)` ends it.
export async function drive(open, ask, close) {
  let lane, client;
  for (const line of readFileSync(process.env.MISBEHAVE_TOUR, "utf8").trimEnd().split("\n")) {
    const [number, id, method, url, content, wait] = line.split("\t");
    if (number !== lane) {
      if (client) await close(client);
      [lane, client] = [number, open()];
    }
    const body = method === "GET" ? undefined : "c".repeat(Number(content));
    let told;
    try {
      told = await ask(client, { id, method, url, body });
    } catch (error) {
      told = ["error", [error, error.cause].filter(Boolean).join(": ").replace(/\s+/g, " ")];
    }
    appendFileSync(process.env.MISBEHAVE_OUTCOMES, [id, method, url, ...told].join("\t") + "\n");
    await pause(Number(wait));
  }
  process.exit(0); // whatever a client still waits for
}
