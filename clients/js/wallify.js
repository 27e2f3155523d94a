const SCREENS = [540, 1080, 1440, 2160, 3840];
export class WallifyError extends Error {
    status;
    code;
    details;
    constructor(problem, status = 0) {
        super(problem.message || `The answer was ${status}.`);
        this.status = status;
        this.name = "WallifyError";
        this.code = problem.code || "unknown";
        this.details = problem.details || {};
    }
}
export class Wallify {
    #url;
    #token;
    constructor(url, token) {
        this.#url = url.replace(/\/+$/, "");
        this.#token = token;
    }
    async upload(file, options = {}) {
        const { collection, filename = file.name || "picture", onProgress, signal, onDuplicate } = options;
        const wish = {
            filename,
            bytes: file.size,
            ...(file.type && { content_type: file.type }),
            ...(collection && { collection }),
            ...(onDuplicate && { on_duplicate: onDuplicate }),
        };
        const made = await this.#ask("POST", "/uploads", { body: wish, signal });
        const form = made.uploads[0];
        const body = new FormData();
        for (const [name, value] of Object.entries(form.fields))
            body.append(name, value);
        body.append("file", file, filename);
        await send(form.url, body, file.size, onProgress, signal);
        const task = await this.finished(form.task_id, { signal });
        return task.result;
    }
    async finished(taskId, { signal, onChange } = {}) {
        for (;;) {
            const task = await this.#ask("GET", `/task/status/${taskId}?wait=15`, { signal });
            onChange?.(task);
            if (task.successful)
                return task;
            if (!task.ready) {
                await new Promise((wake) => setTimeout(wake, 1000));
                continue;
            }
            throw new WallifyError({ code: task.status.toLowerCase(), message: `The task is ${task.status}.`, ...task.error });
        }
    }
    image(imageId) {
        return this.#ask("GET", `/images/${imageId}`);
    }
    images(collection, filters = {}) {
        const query = new URLSearchParams(Object.entries(filters).map(([name, value]) => [name, String(value)]));
        return this.#ask("GET", `/collections/${encodeURIComponent(collection)}/images?${query}`);
    }
    rendition(imageId, preset) {
        return `${this.#url}/r/${imageId}/${preset}`;
    }
    async signedRendition(imageId, options, hours) {
        const text = Object.entries(options).map(([name, value]) => `${name}=${value}`).join(",");
        const body = { options: text, ...(hours && { hours }) };
        const signed = await this.#ask("POST", `/images/${imageId}/rendition-url`, { body });
        return signed.url;
    }
    srcset(image, format) {
        const given = format ? image.sources?.find((one) => one.format === format)?.srcset : image.srcset;
        const stored = (given || "").split(", ").filter(Boolean);
        const below = stored.filter((one) => widthOf(one) < image.width);
        const most = Math.max(0, ...below.map(widthOf));
        const screens = SCREENS.filter((width) => !image.private && width > most && width < image.width).map((width) => `${this.rendition(image.image_id, `screen-${width}`)} ${width}w`);
        return [...below, ...screens, ...stored.slice(below.length)].join(", ");
    }
    picture(image, { alt = "", sizes = "100vw", loading = "lazy" } = {}) {
        const { width, height, thumbhash } = image;
        const sources = (image.sources || []).map(({ type, format }) => tag("source", { type, srcset: this.srcset(image, format), sizes }));
        const isOpaque = thumbhash && !(atob(thumbhash).charCodeAt(2) & 128);
        const style = isOpaque ? `background:url(${placeholder(thumbhash)}) 0 0/100% 100%` : "";
        const srcset = this.srcset(image);
        const src = image.url || srcset.split(", ").at(-1).split(" ")[0];
        const img = { src, srcset, sizes, width, height, alt, loading, decoding: "async", style };
        return `<picture>${sources.join("")}${tag("img", img)}</picture>`;
    }
    async #ask(method, path, { body, signal } = {}) {
        for (let attempt = 0;; attempt++) {
            const answer = await fetch(this.#url + path, {
                method,
                signal: signal ?? null,
                headers: {
                    ...(this.#token && { Authorization: `Bearer ${this.#token}` }),
                    ...(body && { "Content-Type": "application/json" }),
                },
                body: body ? JSON.stringify(body) : null,
            });
            if (answer.ok)
                return answer.json();
            const isSafe = method === "GET" ? [429, 502, 503, 504] : [429, 503];
            if (attempt > 3 || !isSafe.includes(answer.status)) {
                throw new WallifyError(await answer.json().catch(() => ({})), answer.status);
            }
            await new Promise((wake) => setTimeout(wake, 1000 * (Number(answer.headers.get("Retry-After")) || 2 ** attempt)));
        }
    }
}
const widthOf = (entry) => parseInt(entry.slice(entry.lastIndexOf(" ")));
function tag(name, attributes) {
    const escaped = (value) => String(value).replace(/[&"<>]/g, (char) => `&#${char.charCodeAt(0)};`);
    const text = Object.entries(attributes).filter(([key, value]) => value !== "" || key === "alt");
    return `<${name} ${text.map(([key, value]) => `${key}="${escaped(value)}"`).join(" ")}>`;
}
async function send(url, body, total, onProgress, signal) {
    if (typeof XMLHttpRequest === "undefined") {
        const answer = await fetch(url, { method: "POST", body, signal: signal ?? null });
        if (!answer.ok)
            throw refused(await answer.text(), answer.status);
        onProgress?.(total, total);
        return;
    }
    signal?.throwIfAborted();
    await new Promise((done, failed) => {
        const request = new XMLHttpRequest();
        request.open("POST", url);
        request.upload.onprogress = ({ loaded }) => onProgress?.(Math.min(loaded, total), total);
        request.onload = () => (request.status < 300 ? done() : failed(refused(request.responseText, request.status)));
        request.onerror = () => failed(new WallifyError({ code: "network", message: "The connection failed." }));
        request.onabort = () => failed(signal?.reason);
        signal?.addEventListener("abort", () => request.abort(), { once: true });
        request.send(body);
    });
}
function refused(xml, status) {
    const text = (name) => xml.match(`<${name}>([^<]*)`)?.[1] ?? "";
    return new WallifyError({ code: text("Code"), message: text("Message") }, status);
}
export function placeholder(thumbhash) {
    const { width, height, rgba } = decoded(Uint8Array.from(atob(thumbhash), (char) => char.charCodeAt(0)));
    return `data:image/png;base64,${btoa(String.fromCharCode(...png(width, height, rgba)))}`;
}
function decoded(hash) {
    const bits = (from, count) => {
        let value = 0;
        for (let i = 0; i < count; i++)
            value |= ((hash[(from + i) >> 3] >> (from + i) % 8) & 1) << i;
        return value;
    };
    const hasAlpha = bits(23, 1);
    const isLandscape = bits(39, 1);
    const most = hasAlpha ? 5 : 7;
    const [across, down] = isLandscape ? [most, bits(24, 3)] : [bits(24, 3), most];
    let start = hasAlpha ? 48 : 40;
    const channel = (nx, ny, scale) => {
        const waves = [];
        for (let y = 0; y < ny; y++) {
            for (let x = y ? 0 : 1; x * ny < nx * (ny - y); x++, start += 4)
                waves.push([x, y, (bits(start, 4) / 7.5 - 1) * scale]);
        }
        return waves;
    };
    const light = channel(Math.max(3, across), Math.max(3, down), bits(18, 5) / 31);
    const yellow = channel(3, 3, (bits(27, 6) / 63) * 1.25);
    const red = channel(3, 3, (bits(33, 6) / 63) * 1.25);
    const alpha = hasAlpha ? channel(5, 5, bits(44, 4) / 15) : [];
    const ratio = across / down;
    const [width, height] = [Math.round(ratio > 1 ? 32 : 32 * ratio), Math.round(ratio > 1 ? 32 / ratio : 32)];
    const rgba = new Uint8Array(width * height * 4);
    for (let y = 0, i = 0; y < height; y++) {
        for (let x = 0; x < width; x++, i += 4) {
            const at = (mean, waves) => waves.reduce((sum, [cx, cy, size]) => sum + 2 * size * Math.cos((Math.PI / width) * (x + 0.5) * cx) * Math.cos((Math.PI / height) * (y + 0.5) * cy), mean);
            const l = at(bits(0, 6) / 63, light);
            const p = at(bits(6, 6) / 31.5 - 1, yellow);
            const q = at(bits(12, 6) / 31.5 - 1, red);
            const b = l - (2 / 3) * p;
            const r = (3 * l - b + q) / 2;
            const shown = [r, r - q, b, hasAlpha ? at(bits(40, 4) / 15, alpha) : 1];
            shown.forEach((value, k) => (rgba[i + k] = Math.max(0, Math.min(255, Math.round(255 * value)))));
        }
    }
    return { width, height, rgba };
}
function png(width, height, rgba) {
    const row = width * 4 + 1;
    const raw = new Uint8Array(row * height);
    for (let y = 0; y < height; y++)
        raw.set(rgba.subarray(y * width * 4, (y + 1) * width * 4), y * row + 1);
    let [a, b] = [1, 0];
    for (const byte of raw)
        [a, b] = [(a + byte) % 65521, (b + a + byte) % 65521];
    const size = raw.length;
    const word = (value) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
    const chunk = (name, data) => {
        const body = [...name].map((char) => char.charCodeAt(0)).concat(data);
        let crc = -1;
        for (const byte of body) {
            crc ^= byte;
            for (let k = 0; k < 8; k++)
                crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
        }
        return [...word(data.length), ...body, ...word(~crc)];
    };
    const stored = [0x78, 1, 1, size & 255, size >> 8, ~size & 255, (~size >> 8) & 255, ...raw, ...word(b * 65536 + a)];
    const head = [...word(width), ...word(height), 8, 6, 0, 0, 0];
    return [137, 80, 78, 71, 13, 10, 26, 10, ...chunk("IHDR", head), ...chunk("IDAT", stored), ...chunk("IEND", [])];
}
