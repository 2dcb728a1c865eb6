// Node's fetch does a plan: see lib.sh. It gets a pool of as many connections as there are workers, or with a fifth
// argument `default` its own.

import { subscribe } from 'node:diagnostics_channel';
import { createReadStream, readFileSync } from 'node:fs';

import { concurrency, run } from './plan.mjs';

// Node exports no way to set this; the packaged undici finds the pool of the one inside Node by the same symbol.
const pool = Symbol.for('undici.globalDispatcher.1');
if (process.argv[6] !== 'default') {
    await fetch('data:,'); // makes the pool
    globalThis[pool] = new globalThis[pool].constructor({ connections: concurrency });
}

let opened = 0;
subscribe('undici:client:connected', () => { opened += 1; });

function content(step) {
    if (step.method !== 'PUT') return {};
    return step.chunked ? { body: createReadStream(step.file), duplex: 'half' } : { body: readFileSync(step.file) };
}

await run(async (step) => {
    const answer = await fetch(step.url, { method: step.method, ...content(step), signal: AbortSignal.timeout(20_000) });
    const bytes = Buffer.from(await answer.arrayBuffer());
    return { status: answer.status, length: answer.headers.get('content-length'), content: bytes };
}, () => opened);
