'use strict';

// probe.js finds out what this browser does: whether it sends its connections
// to the proxy, and whether it trusts the proxy's CA.

const PROBE_MS = 5000;
const PROBE_HOST = 'ech.internal';

async function reaches(scheme, key) {
  try {
    await fetch(`${scheme}//${PROBE_HOST}/probe?${key}`, {
      mode: 'no-cors',
      cache: 'no-store',
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
      signal: AbortSignal.timeout(PROBE_MS),
    });
    return true;
  } catch (error) {
    return false;
  }
}

// probe returns {proxy, trusted}. A page that came from ech.internal itself
// came through the proxy, and may not ask over http when it came over https.
//
// Somebody on the network may answer for that name over http when the proxy is
// not in use, but nobody without the local CA's key over https. So only the
// second makes a browser protected.
async function probe(key) {
  const here = location.hostname === PROBE_HOST;
  const [plain, secure] = await Promise.all([
    here || reaches('http:', key),
    (here && location.protocol === 'https:') || reaches('https:', key),
  ]);
  return {proxy: plain || secure, trusted: secure};
}
