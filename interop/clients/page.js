// Runs in the browser: looks at the page's images, fetches files and compares their digests with `digests` (the output
// of sha256sum), uploads one and reads it back, and stores what it saw at /in/result.

let requests = 2, wrong = 0; // the page and this script
const notes = [];

const note = (text) => { wrong += 1; notes.push(`wrong: ${text}`); };
const get = (path, options) => { requests += 1; return fetch(path, { cache: 'no-store', ...options }); };

async function sha256(bytes) {
    const digest = await crypto.subtle.digest('SHA-256', bytes);
    return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function compare(line) {
    const [digest, path] = line.split(/ [ *]/);
    const answer = await get(path);
    const seen = await sha256(await answer.arrayBuffer());
    if (answer.status !== 200 || seen !== digest) note(`${path}: status ${answer.status}, digest ${seen}`);
}

async function upload() {
    const sent = new Uint8Array(1_000_000).map((_, i) => (i * i) >> 7);
    const stored = await get('/in/uploaded', { method: 'PUT', body: sent });
    const back = await get('/in/uploaded');
    if (stored.status !== 201 || await sha256(await back.arrayBuffer()) !== await sha256(sent)) note(`upload: ${stored.status}`);
}

addEventListener('load', async () => {
    try {
        // Image number n is n pixels wide.
        for (const image of document.images) {
            requests += 1;
            if (image.naturalWidth !== Number(image.alt)) note(`${image.src}: ${image.naturalWidth} pixels wide`);
        }
        const digests = await (await get('digests')).text();
        await Promise.all(digests.trimEnd().split('\n').map(compare));
        await upload();
    } catch (error) {
        note(error);
    }
    const report = `requests=${requests + 1} wrong=${wrong}\n`;
    await fetch('/in/result', { method: 'PUT', body: [...notes, report].join('\n') });
});
