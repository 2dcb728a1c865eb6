// Node's fetch does a plan: see lib.sh.

import { subscribe } from 'node:diagnostics_channel';
import { createReadStream, readFileSync } from 'node:fs';

import { run } from './plan.mjs';

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
