// What the Node clients share: a plan's lines dealt to the workers, and the judgement of an answer. See lib.sh.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const [, , planFile, url, folder, workers] = process.argv;
export const concurrency = Number(workers);

const steps = readFileSync(planFile, 'utf8').trimEnd().split('\n').map((line) => {
    const [method, status, path, file, framing] = line.split('\t');
    return { method, status: Number(status), url: url + path, file: join(folder, file), chunked: framing === 'chunked' };
});
const dealt = steps[Symbol.iterator]();
let requests = 0, wrong = 0;

// Does the plan by `exchange(step)`, which returns status, length (the Content-Length, or null) and content.
// `opened()` tells in the end how many connections the client made.
export async function run(exchange, opened) {
    await Promise.all(Array.from({ length: concurrency }, () => work(exchange)));
    console.log(`requests=${requests} wrong=${wrong} opened=${opened()}`);
}

async function work(exchange) {
    for (const step of dealt) {
        if (step.method === 'PAUSE') {
            await pause(1000 * step.status);
            continue;
        }
        requests += 1;
        const why = await exchange(step).then((answer) => judge(step, answer), (error) => `${error} ${error.cause ?? ''}`);
        if (why) {
            wrong += 1;
            console.log('wrong:', step, why);
        }
    }
}

function judge(step, { status, length, content }) {
    if (status !== step.status) return `status ${status}`;
    if (step.method === 'HEAD') {
        const right = content.length === 0 && Number(length) === readFileSync(step.file).length;
        return right ? null : `length ${length}, ${content.length} bytes`;
    }
    const differs = step.method === 'GET' && status === 200 && !content.equals(readFileSync(step.file));
    return differs ? `other bytes, ${content.length} of them` : null;
}
