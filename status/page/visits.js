'use strict';

// visits.js is the live table of connections. Every connection has one row,
// found by its number, and rows change at most once a frame.

const MAX_VISITS = 512;
const FILTERS = [
  ['all', 'All', () => true],
  ['hidden', 'Hidden', (verdict) => verdict === 'hidden'],
  ['passed', 'Passed', (verdict) => verdict === 'passed'],
  ['refused', 'Refused', (verdict) => verdict === 'refused'],
  ['other', 'Other', (verdict) =>
    !['hidden', 'passed', 'refused'].includes(verdict)],
];
const PAGE_ROWS = 10;

function sawNothing({observer}) {
  return !observer.name && !observer.address;
}

function observedName({observer}) {
  return observer.name || (observer.address ? 'no name' : 'nothing seen');
}

function observedRest({observer}) {
  return joined([
    observer.address,
    observer.hello_bytes ? `${numberWord(observer.hello_bytes)} octets` : '',
  ]);
}

function searchText(visit) {
  return joined([
    siteWord(visit), visit.observer.name, visit.observer.address, visit.cause,
    tlsWord(visit.tls), visit.group, visit.alpn, verdictWord(visit.verdict),
  ], ' ').toLowerCase();
}

// A row's cells, made once; show() changes what they say.
class VisitRow {
  constructor(visit) {
    this.id = visit.id;
    this.sign = icon('open');
    this.parts = {
      time: el('span', {class: 'num'}),
      site: el('button', {type: 'button', class: 'site', tabindex: -1}),
      verdict: el('span', {class: 'verdict-word'}),
      cause: el('span', {class: 'second'}),
      name: el('span', {class: 'first'}),
      rest: el('span', {class: 'second num'}),
      tls: el('span', {class: 'first'}),
      group: el('span', {class: 'second'}),
      up: el('span', {class: 'first num'}),
      down: el('span', {class: 'second num'}),
      took: el('span', {class: 'num'}),
    };
    this.button = this.parts.site;
    this.button.visitRow = this;
    this.row = this.makeRow();
    this.row.visitRow = this;
    this.show(visit);
  }

  makeRow() {
    const {parts} = this;
    const cell = (name, ...children) =>
        el('td', {role: 'cell', class: `c-${name}`}, ...children);
    return el('tr', {'role': 'row', 'data-id': this.id},
        cell('time', parts.time),
        el('th', {role: 'rowheader', scope: 'row', class: 'c-site'}, parts.site),
        cell('verdict', el('span', {class: 'verdict'}, this.sign, parts.verdict),
            parts.cause),
        cell('observer', parts.name, parts.rest),
        cell('tls', parts.tls, parts.group),
        cell('bytes', parts.up, parts.down),
        cell('took', parts.took));
  }

  show(visit) {
    this.visit = visit;
    this.text = searchText(visit);
    this.row.dataset.verdict = visit.verdict;
    setIcon(this.sign, visit.verdict in VERDICTS ? visit.verdict : 'unknown');
    for (const [name, text] of Object.entries(this.words(visit))) {
      setText(this.parts[name], text);
    }
    this.parts.name.classList.toggle('nothing', !visit.observer.name);
    this.parts.cause.title = visit.cause || '';
    this.button.title = siteWord(visit);
  }

  words(visit) {
    return {
      time: clockWord(visit.started),
      site: siteWord(visit),
      verdict: verdictWord(visit.verdict),
      cause: visit.cause || '',
      name: observedName(visit),
      rest: observedRest(visit),
      tls: joined([tlsWord(visit.tls), visit.alpn]),
      group: visit.group || '',
      up: sawNothing(visit) ? '' : `${bytesWord(visit.bytes_up)} up`,
      down: sawNothing(visit) ? '' : `${bytesWord(visit.bytes_down)} down`,
      took: visit.done ? tookWord(visit.duration_ms) : 'open',
    };
  }
}

class VisitTable {
  constructor(onOpen) {
    this.onOpen = onOpen;
    this.body = byId('visits');
    this.rows = new Map();
    this.pending = new Map();
    this.frame = 0;
    this.paused = false;
    this.reachable = null;
    this.verdict = FILTERS[0];
    this.words = [];
    this.pauseButton = byId('pause');
    this.makeFilters();
    this.listen();
    this.showCount();
  }

  makeFilters() {
    byId('verdict-filter').append(...FILTERS.map((filter, at) => {
      const [name, label] = filter;
      const input = el('input',
          {type: 'radio', name: 'verdict', value: name, checked: at === 0});
      input.addEventListener('change', () => {
        this.verdict = filter;
        this.filterAll();
      });
      return el('label', {class: 'choice'}, input, el('span', {}, label));
    }));
  }

  listen() {
    byId('text-filter').addEventListener('input', (event) => {
      this.words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
      this.filterAll();
    });
    this.pauseButton.addEventListener('click', () => this.pause(!this.paused));
    this.body.addEventListener('click', (event) => this.onClick(event));
    this.body.addEventListener('keydown', (event) => this.onKey(event));
    this.body.addEventListener('focusin', (event) => {
      if (event.target.visitRow) {
        this.makeReachable(event.target.visitRow);
      }
    });
  }

  // put takes a visit that is new or has changed.
  put(visit) {
    this.pending.set(visit.id, visit);
    if (this.pending.size > MAX_VISITS) {
      // Not the one put first: the last word of a newer one may be among them.
      this.pending.delete(Math.min(...this.pending.keys()));
    }
    if (this.paused) {
      this.showPause();
    } else if (!this.frame) {
      this.frame = requestAnimationFrame(() => this.flush());
    }
  }

  flush() {
    this.frame = 0;
    for (const visit of this.pending.values()) {
      this.place(visit);
    }
    this.pending.clear();
    this.dropOldest();
    this.keepReachable();
    this.showCount();
  }

  place(visit) {
    let row = this.rows.get(visit.id);
    if (row) {
      row.show(visit);
    } else {
      row = new VisitRow(visit);
      this.rows.set(visit.id, row);
      this.insert(row);
    }
    row.row.hidden = !this.matches(row);
  }

  // The newest is on top, and nearly every new row is the newest.
  insert(row) {
    let below = this.body.firstElementChild;
    while (below && below.visitRow.id > row.id) {
      below = below.nextElementSibling;
    }
    this.body.insertBefore(row.row, below);
  }

  // clear forgets every connection: those of another process have the same
  // numbers.
  clear() {
    this.pending.clear();
    this.rows.clear();
    this.body.replaceChildren();
    this.reachable = null;
    this.showCount();
  }

  dropOldest() {
    while (this.rows.size > MAX_VISITS) {
      const last = this.body.lastElementChild.visitRow;
      if (last.row.contains(document.activeElement)) {
        this.focusRow(this.neighbour(last, -1));
      }
      if (this.reachable === last) {
        this.reachable = null;
      }
      last.row.remove();
      this.rows.delete(last.id);
    }
  }

  matches({visit, text}) {
    return this.verdict[2](visit.verdict) &&
        this.words.every((word) => text.includes(word));
  }

  filterAll() {
    for (const row of this.rows.values()) {
      row.row.hidden = !this.matches(row);
    }
    this.keepReachable();
    this.showCount();
  }

  shown() {
    return [...this.rows.values()].filter(({row}) => !row.hidden).length;
  }

  showCount() {
    const all = this.rows.size;
    const shown = this.shown();
    const ones = all === 1 ? 'connection' : 'connections';
    setText(byId('count'), shown === all ? `${numberWord(all)} ${ones}` :
        `${numberWord(shown)} of ${numberWord(all)} ${ones}`);
    byId('empty').hidden = shown > 0;
    setText(byId('empty'), all === 0 ?
        'No connection yet. Open any site in a browser that uses echproxy, and ' +
        'it appears here.' :
        'No connection fits the filter.');
  }

  pause(paused) {
    this.paused = paused;
    if (!paused) {
      this.flush();
    }
    this.showPause();
  }

  showPause() {
    const waiting = this.pending.size;
    this.pauseButton.setAttribute('aria-pressed', String(this.paused));
    setText(this.pauseButton, this.paused ?
        `Go on${waiting ? ` (${waiting} waiting)` : ''}` : 'Pause');
  }

  onClick(event) {
    const row = event.target.closest('tr');
    if (row && String(getSelection()) === '') {
      this.open(row.visitRow);
    }
  }

  open(row) {
    this.makeReachable(row);
    row.button.focus();
    this.onOpen(row.visit);
  }

  onKey(event) {
    const row = event.target.visitRow;
    const steps = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: PAGE_ROWS,
      PageUp: -PAGE_ROWS,
      Home: -MAX_VISITS,
      End: MAX_VISITS,
    };
    if (row && event.key in steps && !event.ctrlKey && !event.altKey &&
        !event.metaKey) {
      event.preventDefault();
      this.focusRow(this.neighbour(row, steps[event.key]));
    }
  }

  // neighbour returns the row that is `steps` shown ones further down, or the
  // last on the way there.
  neighbour(row, steps) {
    const way = steps > 0 ? 'nextElementSibling' : 'previousElementSibling';
    let found = row;
    let left = Math.abs(steps);
    for (let next = row.row[way]; next && left > 0; next = next[way]) {
      if (!next.hidden) {
        found = next.visitRow;
        left -= 1;
      }
    }
    return found;
  }

  focusRow(row) {
    this.makeReachable(row);
    row.button.focus({preventScroll: true});
    row.row.scrollIntoView({block: 'nearest'});
  }

  // One row is in the order of the tab key; arrow keys go on from there.
  makeReachable(row) {
    if (this.reachable !== row) {
      if (this.reachable) {
        this.reachable.button.tabIndex = -1;
      }
      row.button.tabIndex = 0;
      this.reachable = row;
    }
  }

  keepReachable() {
    if (this.reachable && !this.reachable.row.hidden) {
      return;
    }
    const first = [...this.body.children].find((row) => !row.hidden);
    if (first) {
      this.makeReachable(first.visitRow);
    }
  }
}
