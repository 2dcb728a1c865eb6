// Node's http.request with an Agent that keeps connections does a plan: see lib.sh.

import { createReadStream, statSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { pipeline } from 'node:stream/promises';

import { concurrency, run } from './plan.mjs';

let opened = 0;

class CountingAgent extends Agent {
    createConnection(...rest) {
        opened += 1;
        return super.createConnection(...rest);
    }
}

const agent = new CountingAgent({ keepAlive: true, maxSockets: concurrency });

async function exchange(step) {
    const put = step.method === 'PUT';
    const headers = put && !step.chunked ? { 'Content-Length': statSync(step.file).size } : {};
    const outgoing = request(step.url, { method: step.method, agent, headers, timeout: 20_000 });
    outgoing.on('timeout', () => outgoing.destroy(new Error('20 seconds of silence')));
    const answered = new Promise((resolve, reject) => outgoing.on('response', resolve).on('error', reject));
    const sent = put ? pipeline(createReadStream(step.file), outgoing) : outgoing.end();
    const [answer] = await Promise.all([answered, sent]);
    const content = Buffer.concat(await answer.toArray());
    return { status: answer.statusCode, length: answer.headers['content-length'] ?? null, content };
}

await run(exchange, () => opened);
agent.destroy();
