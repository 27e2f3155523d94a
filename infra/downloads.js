// CloudFront Function (cloudfront-js-2.0) for renditions/*/download/*: the request gets the path of the rendition itself,
// and the response the name under which a browser saves it. The name comes from the address, which anybody can write, so
// the file keeps the extension of its bytes. cli/local/gateway_errors.py does the same; tests/infra/test_downloads.py
// compares both. Lines of comments are not deployed.

function handler(event) {
  const request = event.request;
  if (!event.response) {
    request.uri = request.uri.replace('/download/', '/');
    return request;
  }
  let name = 'picture';
  try {
    name = decodeURIComponent(request.querystring.name.value).replace(/[\x00-\x1f\x7f"\\/:*?<>|]/g, '_') || name;
  } catch (_) {} // no name, or none in UTF-8
  const end = request.uri.slice(request.uri.lastIndexOf('.'));
  const plain = name.replace(/[^ -~]+/g, '_') + end;
  const coded = encodeURIComponent(name + end).replace(/['()*!]/g, (c) => '%' + c.charCodeAt(0).toString(16));
  const value = 'attachment; filename="' + plain + '"; filename*=UTF-8\'\'' + coded;
  event.response.headers['content-disposition'] = { value: value };
  return event.response;
}
