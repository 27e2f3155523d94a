/**
 * ThumbHash (https://evanw.github.io/thumbhash/): some 25 bytes that hold a picture's lowest frequencies, as a
 * discrete cosine transform of luminance, two colour differences and, for some, alpha.
 */

const LONGEST = 32;

/** Paint the placeholder into a canvas; a hash that cannot be read leaves it empty. */
export function paint(base64, canvas) {
  try {
    const { width, height, pixels } = decode(Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)));
    [canvas.width, canvas.height] = [width, height];
    canvas.getContext("2d").putImageData(new ImageData(pixels, width, height), 0, 0);
  } catch {
    // What it stands for is on its way anyhow.
  }
  return canvas;
}

/** The pixels that a hash stands for, 32 on the longest side. */
export function decode(hash) {
  const head = header(hash);
  const channels = read(hash, head);
  const aspect = head.lx / head.ly;
  const width = Math.round(aspect > 1 ? LONGEST : LONGEST * aspect);
  const height = Math.round(aspect > 1 ? LONGEST / aspect : LONGEST);
  const pixels = new Uint8ClampedArray(4 * width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const place = 4 * (y * width + x);
      pixels.set(colour(channels.map((channel) => channel.at((x + 0.5) / width, (y + 0.5) / height))), place);
    }
  }
  return { width, height, pixels };
}

function header(hash) {
  const first = hash[0] | (hash[1] << 8) | (hash[2] << 16);
  const second = hash[3] | (hash[4] << 8);
  const alpha = Boolean(first >> 23);
  const landscape = Boolean(second >> 15);
  const short = second & 7;
  const long = alpha ? 5 : 7;
  return {
    alpha,
    lx: Math.max(3, landscape ? long : short),
    ly: Math.max(3, landscape ? short : long),
    means: [(first & 63) / 63, ((first >> 6) & 63) / 31.5 - 1, ((first >> 12) & 63) / 31.5 - 1],
    scales: [((first >> 18) & 31) / 31, ((second >> 3) & 63) / 63, ((second >> 9) & 63) / 63],
  };
}

function read(hash, { alpha, lx, ly, means, scales }) {
  let next = alpha ? 12 : 10;
  const nibble = () => ((hash[next >> 1] >> (4 * (next++ & 1))) & 15) / 7.5 - 1;
  // Colour gets a quarter more room than it was scaled to, as in the reference.
  const channels = [
    series(lx, ly, means[0], scales[0], nibble),
    series(3, 3, means[1], scales[1] * 1.25, nibble),
    series(3, 3, means[2], scales[2] * 1.25, nibble),
  ];
  if (alpha) channels.push(series(5, 5, (hash[5] & 15) / 15, (hash[5] >> 4) / 15, nibble));
  return channels;
}

/** One channel as a sum of cosines; only the corner of low frequencies is stored. */
function series(nx, ny, mean, scale, nibble) {
  const waves = [];
  for (let cy = 0; cy < ny; cy++) {
    for (let cx = cy ? 0 : 1; cx * ny < nx * (ny - cy); cx++) waves.push([cx, cy, 2 * scale * nibble()]);
  }
  const at = (x, y) =>
    waves.reduce((sum, [cx, cy, size]) => sum + size * Math.cos(Math.PI * cx * x) * Math.cos(Math.PI * cy * y), mean);
  return { at };
}

/** @param {number[]} channels */
function colour([light, yellow, red, alpha = 1]) {
  const blue = light - (2 / 3) * yellow;
  const r = (3 * light - blue + red) / 2;
  return [r, r - red, blue, alpha].map((part) => 255 * part);
}
