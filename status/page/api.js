'use strict';

// api.js talks to the proxy. The token comes in the fragment of the address,
// which no request carries, and is kept for this tab alone.

const TOKEN_KEY = 'echproxy-token';
const TOKEN = /^#([A-Za-z0-9_-]{43})$/;
// The proxy sends something every 15 seconds.
const SILENCE_MS = 45000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10000;
const LONGEST_EVENT = 1 << 20;

// takeToken returns the token of the address, which it takes out of it, else
// the one that this tab had before, else null.
function takeToken() {
  const found = TOKEN.exec(location.hash);
  if (found) {
    history.replaceState(null, '', location.pathname);
    sessionStorage.setItem(TOKEN_KEY, found[1]);
  }
  return sessionStorage.getItem(TOKEN_KEY);
}

function forgetToken() {
  sessionStorage.removeItem(TOKEN_KEY);
}

class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

function request(path, options = {}) {
  return fetch(path, {
    cache: 'no-store',
    credentials: 'omit',
    redirect: 'error',
    ...options,
    headers: {
      Authorization: `Bearer ${sessionStorage.getItem(TOKEN_KEY)}`,
      ...options.headers,
    },
  });
}

// readJson returns what was asked for, or throws what the proxy says is wrong.
async function readJson(response) {
  const body = await response.json().catch(() => null);
  if (!response.ok || body === null) {
    const said = body !== null && typeof body.error === 'string' ? body.error :
        `echproxy answered with status ${response.status}`;
    throw new ApiError(response.status, said);
  }
  return body;
}

async function getVisit(id) {
  return readJson(await request(`/api/visits/${id}`));
}

async function postRule(site, mode) {
  return readJson(await request('/api/rules', {
    method: 'POST',
    headers: {'Content-Type': 'application/json'},
    body: JSON.stringify({site, mode}),
  }));
}

// EventParser takes the text of an event stream in any pieces and calls
// `onEvent(name, data)` for each whole event.
class EventParser {
  constructor(onEvent) {
    this.onEvent = onEvent;
    this.rest = '';
    this.name = '';
    this.data = [];
  }

  feed(text) {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop();
    if (this.rest.length > LONGEST_EVENT) {
      throw new Error('an event is too long');
    }
    lines.forEach((line) => this.takeLine(line.replace(/\r$/, '')));
  }

  takeLine(line) {
    if (line === '') {
      this.end();
    } else if (line.startsWith('event:')) {
      this.name = line.slice(6).trim();
    } else if (line.startsWith('data:')) {
      this.data.push(line.slice(5).replace(/^ /, ''));
    }
  }

  end() {
    const {name, data} = this;
    this.name = '';
    this.data = [];
    if (data.length > 0) {
      this.onEvent(name, data.join('\n'));
    }
  }
}

// EventFeed keeps an event stream open as long as the token is good. It calls
// `onEvent(name, value)`, and `onLink(state)` when that changes: 'live';
// 'stopped', nobody answers; 'full', too many pages watch; 'expired', the
// token is another process's, after which it ends.
class EventFeed {
  constructor(onEvent, onLink) {
    this.onEvent = onEvent;
    this.onLink = onLink;
    this.wait = FIRST_WAIT_MS;
    this.abort = null;
    this.timer = 0;
  }

  start() {
    clearTimeout(this.timer);
    this.run().then(
        (state) => this.again(state), () => this.again('stopped'));
  }

  // stop gives the stream up without a word.
  stop() {
    const {abort} = this;
    this.abort = null;
    this.wait = FIRST_WAIT_MS;
    clearTimeout(this.timer);
    if (abort) {
      abort.abort();
    }
  }

  // restart begins anew, with the token that there is now.
  restart() {
    this.stop();
    this.start();
  }

  again(state) {
    if (state === null) {
      return;  // another run took its place
    }
    this.onLink(state);
    if (state !== 'expired') {
      this.timer = setTimeout(() => this.start(), this.wait);
      this.wait = Math.min(2 * this.wait, LONGEST_WAIT_MS);
    }
  }

  // run reads one stream to its end and returns the state that it leaves, or
  // null when this run was given up.
  async run() {
    const abort = new AbortController();
    this.abort = abort;
    try {
      const response = await request('/api/events', {signal: abort.signal});
      if (!response.ok) {
        return this.refused(response.status);
      }
      await this.read(response.body.getReader(), abort);
    } catch (error) {
      if (this.abort !== abort) {
        return null;
      }
    }
    return this.abort === abort ? 'stopped' : null;
  }

  refused(status) {
    return status === 401 || status === 403 ? 'expired' :
        status === 503                      ? 'full' :
                                              'stopped';
  }

  async read(reader, abort) {
    const decoder = new TextDecoder();
    const parser = new EventParser((name, data) => this.take(name, data));
    for (;;) {
      const silence = setTimeout(() => abort.abort(), SILENCE_MS);
      const {done, value} =
          await reader.read().finally(() => clearTimeout(silence));
      if (done) {
        return;
      }
      parser.feed(decoder.decode(value, {stream: true}));
    }
  }

  take(name, data) {
    const value = JSON.parse(data);
    this.wait = FIRST_WAIT_MS;
    this.onLink('live');
    this.onEvent(name, value);
  }
}
