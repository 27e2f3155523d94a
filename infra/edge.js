// CloudFront Function (cloudfront-js-2.0) that runs before the cache, for /cdn, /i, /p and /r: it replaces what clients
// send in many spellings by few values, so that the cache keeps few copies of each redirect. The API has the same rules
// (chalicelib/delivery/negotiation.py), and tests/infra/test_edge.py compares both. Lines of comments are not deployed.

// The formats that renditions have, preferred first between equals; AVIF and WebP only if the client names them.
const FORMATS = ['avif', 'webp', 'jpeg', 'png'];
const OPT_IN = 2;
const QUALITIES = ['', ';q=0.9', ';q=0.8', ';q=0.7'];
const MOST_RANGES = 50;
const RANGE = /^[ \t]*([\w!#$&^.+*-]{1,100}\/[\w!#$&^.+*-]{1,100})[ \t]*(;.*)?$/;
const WEIGHT = /;[ \t]*q[ \t]*=[ \t]*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)[ \t]*(?:;|$)/i;
const ANY_WEIGHT = /;[ \t]*q[ \t]*=/i;

// Widths that hints are rounded up to; a hint beyond the last one asks for the full form.
const STEPS = [540, 1080, 1440, 2160, 3840];
const MOST_PIXELS = 16384;
const PIXELS = /^[1-9]\d{0,4}$/;
const DENSITY = /^\d{1,2}(?:\.\d{1,4})?$/;
// Width for clients that save data and tell no width.
const SAVING = 1080;
const QUERY = ['width', 'download', 'expires', 'signature'];

function handler(event) {
  const request = event.request;
  const headers = request.headers;
  const query = {};
  QUERY.forEach(function (name) {
    if (request.querystring[name]) query[name] = request.querystring[name];
  });
  if (request.uri.indexOf('/cdn/') === 0 && !query.width && !isOn(query.download)) {
    const width = hintedWidth(headers);
    if (width) query.width = { value: String(width) };
  }
  request.querystring = query;
  headers.accept = { value: normalAccept(text(headers, 'accept')) };
  return request;
}

// What is saved is whole, whatever the screen.
function isOn(given) {
  return Boolean(given) && /^(true|1|yes|on)$/i.test(given.value);
}

function text(headers, name) {
  const header = headers[name];
  if (!header) return '';
  const every = header.multiValue ? header.multiValue.map(function (one) { return one.value; }) : [header.value];
  return every.join(',');
}

function normalAccept(header) {
  const weights = weightsOf(header);
  const ranks = FORMATS.map(function (format, age) { return preference(weights, format, age); });
  const order = FORMATS.map(function (_, at) { return at; });
  order.sort(function (one, other) { return compare(ranks[other], ranks[one]) || one - other; });
  let level = 0;
  return order.map(function (at, place) {
    if (place && compare(ranks[order[place - 1]], ranks[at])) level += 1;
    return 'image/' + FORMATS[at] + QUALITIES[level];
  }).join(',');
}

function weightsOf(header) {
  const found = {};
  header.split(',').slice(0, MOST_RANGES).forEach(function (part) {
    const range = RANGE.exec(part);
    const weight = range ? weightOf(range[2] || '') : -1;
    const name = range ? range[1].toLowerCase() : '';
    if (weight >= 0 && found[name] === undefined) found[name] = weight;
  });
  return found;
}

function weightOf(parameters) {
  const match = WEIGHT.exec(parameters);
  if (match) return parseFloat(match[1]);
  return ANY_WEIGHT.test(parameters) ? -1 : 1;
}

function preference(weights, format, age) {
  const any = weightFor(weights, 'image/' + format);
  const named = weights['image/' + format] || 0;
  const weight = age < OPT_IN ? named : any;
  const kind = Math.min(age, OPT_IN);
  return [weight, weight ? 0 : any, weight ? -kind : kind];
}

function weightFor(weights, type) {
  if (!Object.keys(weights).length) return 1;
  const name = [type, 'image/*', '*/*'].find(function (one) { return weights[one] !== undefined; });
  return name ? weights[name] : 0;
}

function compare(one, other) {
  return one[0] - other[0] || one[1] - other[1] || one[2] - other[2];
}

function hintedWidth(headers) {
  const density = number(headers, ['sec-ch-dpr', 'dpr'], DENSITY, 10) || 1;
  const saves = text(headers, 'save-data').trim().toLowerCase() === 'on';
  const width = number(headers, ['sec-ch-width', 'width'], PIXELS, MOST_PIXELS);
  const viewport = number(headers, ['sec-ch-viewport-width', 'viewport-width'], PIXELS, MOST_PIXELS);
  const pixels = width || viewport * density;
  if (!pixels) return saves ? SAVING : 0;
  const wanted = saves && density > 1 ? pixels / density : pixels;
  return STEPS.find(function (step) { return step >= wanted; }) || 0;
}

function number(headers, names, pattern, most) {
  const name = names.find(function (one) { return headers[one]; });
  const value = name ? text(headers, name).trim() : '';
  const found = pattern.test(value) ? parseFloat(value) : 0;
  return found <= most ? found : 0;
}
