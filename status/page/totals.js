'use strict';

// totals.js draws the last hour by the minute, and shows shares and latencies.

const SERIES = [
  ['hidden', 'Hidden'],
  ['passed', 'Passed through'],
  ['refused', 'Refused'],
];
const BARS = 60;
const STEP = 10;  // of the drawing's own units, from bar to bar
const PLOT = 140;

// niceTop returns a round number, at least 4, that is no less than `value`.
function niceTop(value) {
  let unit = 1;
  while (unit * 10 <= value) {
    unit *= 10;
  }
  const top = [1, 2, 5, 10].map((n) => n * unit).find((n) => n >= value);
  return Math.max(4, top || 4);
}

function pattern(name) {
  const drawn = {
    hidden: [],
    passed: [svg('path', {d: 'M-1 1L1-1M0 6L6 0M5 7L7 5'})],
    refused: [svg('path', {d: 'M0 0L6 6M6 0L0 6'})],
  };
  return svg('pattern', {
    'id': `fill-${name}`,
    'class': `pattern-${name}`,
    'width': 6,
    'height': 6,
    'patternUnits': 'userSpaceOnUse',
  }, svg('rect', {width: 6, height: 6}), ...drawn[name]);
}

// Chart is made once; what changes are the bars' heights.
class Chart {
  constructor(parent) {
    const width = BARS * STEP;
    this.bars = SERIES.map(([name]) => this.makeBars(name));
    this.titles = Array.from({length: BARS}, () => svg('title'));
    this.highest = el('span');
    // It is stretched to the room that there is; its words are beside it.
    this.svg = svg('svg', {
      viewBox: `0 0 ${width} ${PLOT}`,
      preserveAspectRatio: 'none',
      role: 'img',
    },
    svg('defs', {}, ...SERIES.map(([name]) => pattern(name))),
    svg('path', {class: 'grid', d: `M0 0H${width}M0 ${PLOT / 2}H${width}`}),
    ...this.bars.flat(), ...this.makeTargets());
    const words = (name, ...children) =>
        el('div', {'class': name, 'aria-hidden': 'true'}, ...children);
    parent.append(
        el('div', {class: 'plot'},
            words('scale', this.highest, el('span', {}, '0')), this.svg,
            words('hours', el('span', {}, '60 minutes ago'), el('span', {}, 'now'))),
        this.makeLegend());
  }

  makeBars(name) {
    return Array.from({length: BARS}, (_, at) => svg('rect', {
      class: `bar-${name}`,
      x: at * STEP + 1,
      width: STEP - 2,
      y: 0,
      height: 0,
    }));
  }

  // One invisible column per minute says its numbers to the pointer.
  makeTargets() {
    return this.titles.map((title, at) => svg('rect', {
      class: 'target',
      x: at * STEP,
      width: STEP,
      y: 0,
      height: PLOT,
    }, title));
  }

  makeLegend() {
    return el('ul', {class: 'legend', 'aria-hidden': 'true'},
        ...SERIES.map(([name, label]) => el('li', {},
            svg('svg', {class: 'swatch', viewBox: '0 0 12 12'},
                svg('rect', {class: `bar-${name}`, width: 12, height: 12})),
            label)));
  }

  show(history) {
    const series = SERIES.map(([name]) => history[name]);
    const sums = series[0].map((_, at) =>
        series.reduce((sum, numbers) => sum + numbers[at], 0));
    const top = niceTop(Math.max(...sums));
    setText(this.highest, numberWord(top));
    for (let at = 0; at < BARS; at += 1) {
      this.showMinute(at, series.map((numbers) => numbers[at] || 0), top);
    }
    this.svg.setAttribute('aria-label', this.summary(history));
  }

  showMinute(at, numbers, top) {
    let base = PLOT;
    numbers.forEach((number, of) => {
      const height = PLOT * number / top;
      base -= height;
      this.bars[of][at].setAttribute('y', base);
      this.bars[of][at].setAttribute('height', height);
    });
    const ago = BARS - 1 - at;
    setText(this.titles[at], `${ago === 0 ? 'This minute' : `${ago} min ago`}: ${
      SERIES.map(([, label], of) => `${numbers[of]} ${label.toLowerCase()}`)
          .join(', ')}`);
  }

  summary(history) {
    const sum = (name) => history[name].reduce((all, n) => all + n, 0);
    return `Connections per minute in the last hour. In all: ${
      SERIES.map(([name, label]) => `${sum(name)} ${label.toLowerCase()}`)
          .join(', ')}.`;
  }
}

// Shares are of what was decided: hidden, passed through and refused.
class Shares {
  constructor(list) {
    this.values = new Map();
    for (const [name, label] of SERIES) {
      this.add(list, name, label, icon(name));
    }
    this.add(list, 'open', 'Open now', icon('open'));
    this.add(list, 'bytes', 'Octets up and down', null);
  }

  add(list, name, label, sign) {
    const value = el('span', {class: 'value'});
    const share = el('span', {class: 'share'});
    list.append(el('div', {'class': 'share-row', 'data-verdict': name},
        el('dt', {}, sign, label), el('dd', {}, value, ' ', share)));
    this.values.set(name, {value, share});
  }

  show(totals) {
    const decided = SERIES.reduce((sum, [name]) => sum + totals[name], 0);
    for (const [name] of SERIES) {
      this.set(name, numberWord(totals[name]), shareWord(totals[name], decided));
    }
    this.set('open', numberWord(totals.open), '');
    this.set('bytes',
        `${bytesWord(totals.bytes_up)} / ${bytesWord(totals.bytes_down)}`, '');
  }

  set(name, text, share) {
    setText(this.values.get(name).value, text);
    setText(this.values.get(name).share, share);
  }
}

class Latency {
  constructor(parent) {
    const head = ['', 'p50', 'p90', 'p99', 'Count'].map((text) => text ?
        el('th', {scope: 'col'}, text) : el('td'));
    this.rows = [['lookup', 'Lookup'], ['handshake', 'Handshake with ECH']].map(
        ([name, label]) => this.makeRow(name, label));
    parent.append(el('table', {},
        el('caption', {}, 'How long it takes'), el('thead', {}, el('tr', {}, ...head)),
        el('tbody', {}, ...this.rows.map(({row}) => row))));
  }

  makeRow(name, label) {
    const cells = Array.from({length: 4}, () => el('td'));
    return {name, cells, row: el('tr', {}, el('th', {scope: 'row'}, label), ...cells)};
  }

  show(latency) {
    for (const {name, cells} of this.rows) {
      const {count, p50_ms: p50, p90_ms: p90, p99_ms: p99} = latency[name];
      const times = count > 0 ? [p50, p90, p99].map(tookWord) : ['–', '–', '–'];
      [...times, numberWord(count)].forEach((text, at) => setText(cells[at], text));
    }
  }
}

class Totals {
  constructor() {
    this.chart = new Chart(byId('chart'));
    this.shares = new Shares(byId('shares'));
    this.latency = new Latency(byId('latency'));
  }

  show(status) {
    this.chart.show(status.history);
    this.shares.show(status.totals);
    this.latency.show(status.latency);
  }
}
