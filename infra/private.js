// CloudFront Function (cloudfront-js-2.0) for /private: objects of private collections lie under guarded/, where another
// behaviour leads, whose signatures S3 checks. Only requests whose signature CloudFront has checked reach the bucket.
function handler(event) {
  const request = event.request;
  request.uri = request.uri.replace(/^\/private\//, '/guarded/');
  return request;
}
