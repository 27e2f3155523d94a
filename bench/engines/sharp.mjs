// sharp behind the bench's worker protocol (see worker.py): a JSON line, then the bodies that it announces.
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(process.cwd() + '/');
const sharp = require('sharp');
const { rgbaToThumbHash } = await import(pathToFileURL(require.resolve('thumbhash')));

sharp.concurrency(1);
sharp.cache(false);

const SIZES = [600, 300, 150];
const SETTINGS = JSON.parse(process.env.BENCH_SETTINGS);

const inside = (picture, size) => picture.resize(size, size, { fit: 'inside', withoutEnlargement: true });

const encode = {
  jpeg: (picture) => picture.jpeg({ quality: SETTINGS.jpeg, chromaSubsampling: '4:2:0', optimiseCoding: true }),
  png: (picture) => picture.png(),
  avif: (picture, size) =>
    picture.avif({ quality: SETTINGS.avif[size], effort: 9 - SETTINGS.avifSpeed, chromaSubsampling: '4:2:0' }),
  webp: (picture, size) => picture.webp({ quality: SETTINGS.webp[size], effort: SETTINGS.webpMethod }),
};

// By hand: one decode at the largest size, then each smaller picture from the one above it, as raw pixels.
async function cascade(data, formats) {
  let picture = inside(sharp(data).autoOrient(), SIZES[0]);
  const files = {};
  for (const size of SIZES) {
    const { data: pixels, info } = await inside(picture, size).raw().toBuffer({ resolveWithObject: true });
    const raw = { raw: { width: info.width, height: info.height, channels: info.channels } };
    for (const format of formats(info, size)) {
      files[`${size}.${format}`] = await encode[format](sharp(pixels, raw), size).toBuffer();
    }
    picture = sharp(pixels, raw);
  }
  return { files, smallest: picture };
}

// As the documentation shows it: each file straight from the upload.
async function straight(data) {
  const files = {};
  for (const size of SIZES) {
    files[`${size}.jpeg`] = await encode.jpeg(inside(sharp(data).autoOrient(), size)).toBuffer();
  }
  return { files };
}

// With transparency also WebP, as ours.
const plain = (info) => (info.channels === 4 ? ['png', 'webp'] : ['jpeg']);

async function ingest(data, second) {
  createHash('sha256').update(data).digest('hex');
  const also = (size) => (second !== 'avif' || size >= SETTINGS.avifFrom ? [second] : []);
  const { files, smallest } = await cascade(data, (info, size) => [...plain(info), ...also(size)]);
  const { data: rgba, info } = await inside(smallest, 100).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  rgbaToThumbHash(info.width, info.height, rgba);
  return { files };
}

async function still(data) {
  const png = await inside(sharp(data).autoOrient(), SIZES[0]).png({ compressionLevel: 1 }).toBuffer();
  return { files: { '600.png': png } };
}

const JOBS = {
  'tuned thumbs': (data) => cascade(data, plain),
  'tuned check': (data) => cascade(data, plain),
  'tuned ingest': (data) => ingest(data, 'avif'),
  'tuned ingest-webp': (data) => ingest(data, 'webp'),
  'docs thumbs': straight,
  'docs check': straight,
  'tuned still': still,
  'docs still': still,
  'tuned keep': async () => ({ files: {} }),
  'docs keep': async () => ({ files: {} }),
};

let kept = Buffer.alloc(0);

async function answer({ variant, job }, data) {
  if (job === 'keep') kept = data;
  const cpu = process.cpuUsage();
  const wall = process.hrtime.bigint();
  try {
    const { files } = await JOBS[`${variant} ${job}`](data.length ? data : kept);
    const wallMs = Number(process.hrtime.bigint() - wall) / 1e6;
    const { user, system } = process.cpuUsage(cpu);
    const named = Object.entries(files);
    const sizes = named.map(([name, body]) => [name, body.length]);
    const said = { wall_ms: wallMs, cpu_ms: (user + system) / 1e3, files: sizes };
    return [said, ...named.map(([, body]) => body)];
  } catch (error) {
    return [{ error: String(error.message) }];
  }
}

let waiting = [];
let length = 0;
let request = null;

for await (const chunk of process.stdin) {
  waiting.push(chunk);
  length += chunk.length;
  if (!request && chunk.includes(10)) {
    const all = Buffer.concat(waiting);
    const end = all.indexOf(10);
    request = JSON.parse(all.subarray(0, end));
    waiting = [all.subarray(end + 1)];
    length = waiting[0].length;
  }
  if (request && length >= request.bytes) {
    const [said, ...bodies] = await answer(request, Buffer.concat(waiting));
    process.stdout.write(Buffer.concat([Buffer.from(JSON.stringify(said) + '\n'), ...bodies]));
    [waiting, length, request] = [[], 0, null];
  }
}
