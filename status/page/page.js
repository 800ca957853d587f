'use strict';

// page.js puts the page together: what comes from the proxy goes to whoever
// shows it.

const PROBE_EVERY_MS = 30000;

class Page {
  constructor() {
    this.status = null;
    this.found = null;
    this.linkState = 'connecting';
    this.protection = new Protection();
    this.totals = new Totals();
    this.views = new Views();
    this.table = new VisitTable((visit) => this.views.open(visit));
    this.feed = new EventFeed((name, value) => this.onEvent(name, value),
        (state) => this.onLink(state));
  }

  start() {
    addEventListener('hashchange', () => this.onNewAddress());
    // A page that the browser keeps for the way back holds no connection.
    addEventListener('pagehide', () => this.feed.stop());
    addEventListener('pageshow', (event) => event.persisted && this.begin());
    document.addEventListener('visibilitychange', () => this.probe());
    setInterval(() => this.probe(), PROBE_EVERY_MS);
    this.begin();
  }

  begin() {
    if (takeToken() === null) {
      this.onLink('missing');
    } else {
      this.feed.restart();
    }
  }

  // A new address pasted into this tab does not load the page again.
  onNewAddress() {
    if (TOKEN.test(location.hash)) {
      takeToken();
      this.table.clear();
      this.feed.restart();
    }
  }

  onEvent(name, value) {
    if (name === 'visit') {
      this.table.put(value);
      this.views.update(value);
    } else if (name === 'status') {
      this.onStatus(value);
    }
  }

  onStatus(status) {
    const first = this.status === null;
    this.status = status;
    byId('live').hidden = false;
    setText(byId('version'), status.version);
    this.protection.show(status, this.found);
    showAdvice(status.advice);
    this.totals.show(status);
    if (first) {
      this.probe();
    }
  }

  onLink(state) {
    if (state === this.linkState) {
      return;
    }
    this.linkState = state;
    const words = {live: 'Live', stopped: 'Not connected', expired: 'Ended',
      full: 'Waiting', missing: 'No key'};
    byId('link').dataset.link = state;
    setText(byId('link'), words[state]);
    if (state !== 'live') {
      this.forget(state);
    }
  }

  // What was true of the last connection need not be of the next one.
  forget(why) {
    this.status = null;
    this.found = null;
    this.protection.showWithout(why);
    showAdvice([]);
    if (why === 'expired') {
      forgetToken();
    }
  }

  async probe() {
    const {status} = this;
    if (status === null || document.hidden || this.probing) {
      return;
    }
    this.probing = true;
    const found = await probe(status.probe_key);
    this.probing = false;
    if (this.status !== null) {
      this.found = found;
      this.protection.show(this.status, found);
    }
  }
}

new Page().start();
