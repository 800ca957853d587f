'use strict';

// views.js shows one connection in full: what an observer saw of it, next to
// what was inside.

const DIFFERENCES = {
  same: 'same',
  differs: 'differs',
  outer: 'outside only',
  inner: 'inside only',
};

// byName keys fields by their names, the second one of a name apart.
function byName(hello) {
  const fields = new Map();
  for (const field of hello.fields) {
    let key = field.name;
    for (let nth = 2; fields.has(key); nth += 1) {
      key = `${field.name} (${nth})`;
    }
    fields.set(key, field);
  }
  return fields;
}

function octets(hello, field) {
  return hello.plain.slice(2 * field.offset, 2 * (field.offset + field.length));
}

function withPlainHex(hello) {
  return hello && {...hello, plain: hello.hex.replace(/[^0-9a-f]/gi, '')};
}

// align puts the fields of two hellos side by side: in the order of the outer
// one, and what is only inside behind the field that it follows there.
function align(outer, inner) {
  const outside = byName(outer);
  const inside = byName(inner);
  const keys = [...outside.keys()];
  let before = -1;
  for (const key of inside.keys()) {
    const at = keys.indexOf(key);
    before = at >= 0 ? at : before + 1;
    if (at < 0) {
      keys.splice(before, 0, key);
    }
  }
  return keys.map((key) => {
    const pair = {key, outer: outside.get(key), inner: inside.get(key)};
    return {...pair, difference: difference(pair, outer, inner)};
  });
}

function difference(pair, outer, inner) {
  if (!pair.inner) {
    return 'outer';
  }
  if (!pair.outer) {
    return 'inner';
  }
  return octets(outer, pair.outer) === octets(inner, pair.inner) ? 'same' :
                                                                   'differs';
}

// tellingFirst moves what ECH is about to the top, wherever in the message it is:
// the order of extensions is another one in each.
function tellingFirst(pairs) {
  const telling = ['server_name', 'encrypted_client_hello'];
  const first = telling.flatMap((name) => pairs.filter(({key}) => key === name));
  return [...first, ...pairs.filter(({key}) => !telling.includes(key))];
}

// marked returns `text` with each `name` in it marked.
function marked(text, name, kind) {
  if (!name) {
    return [text];
  }
  return text.split(name).flatMap((part, at) => at === 0 ? [part] :
      [el('mark', {class: kind}, name), part]);
}

function hexLines(hex) {
  return (hex.match(/.{1,32}/g) || [])
      .map((line) => line.match(/../g).join(' ')).join('\n');
}

function hexBlock(label, hello, field) {
  const cut = field.offset + field.length > hello.plain.length / 2;
  return el('div', {class: 'hex'},
      el('p', {class: 'second'}, `${label}: ${numberWord(field.length)} octets at ${
        field.offset}${cut ? ', not all of them kept' : ''}`),
      el('pre', {tabindex: 0, role: 'region', 'aria-label': `${label}, ${field.name} in hexadecimal`},
          hexLines(octets(hello, field))));
}

// valueCell shows a field of one side, and its octets under it on demand.
function valueCell(side, view, field) {
  const cell = el('td', {'role': 'cell', 'class': `v-${side}`,
    'data-label': view.label});
  if (!field) {
    cell.append(el('span', {class: 'absent'}, 'not there'));
    return {cell, toggle: () => {}};
  }
  cell.append(el('span', {class: 'v-text'},
      ...marked(field.value || (field.length ? '' : 'empty'), view.name, side)));
  let block = null;
  const toggle = (open) => {
    if (open && !block) {
      block = hexBlock(view.label, view.hello, field);
      cell.append(block);
    }
    if (block) {
      block.hidden = !open;
    }
  };
  return {cell, toggle};
}

function hexButton(key, cells) {
  const button = el('button', {
    'type': 'button',
    'class': 'small',
    'aria-expanded': 'false',
    'aria-label': `Octets of ${key}`,
  }, 'Hex');
  button.addEventListener('click', () => {
    const open = button.getAttribute('aria-expanded') !== 'true';
    button.setAttribute('aria-expanded', String(open));
    cells.forEach(({toggle}) => toggle(open));
  });
  return button;
}

// breakable lets a long name of an extension go on in the next line after any of
// its underscores, rather than in the midst of a word.
function breakable(name) {
  return name.split('_').flatMap((part, at) =>
    (at === 0 ? [part] : ['_', el('wbr'), part]));
}

function fieldRow(pair, views) {
  const cells = views.map((view) => valueCell(view.side, view, pair[view.side]));
  const code = (pair.outer || pair.inner).code;
  const head = el('th', {role: 'rowheader', scope: 'row', class: 'v-field'},
      el('span', {class: 'v-name'}, ...breakable(pair.key)),
      code === null || code === undefined ? null :
          el('span', {class: 'second'}, `extension ${code}`));
  const tools = el('td', {role: 'cell', class: 'v-tools'},
      pair.difference === null ? null :
          el('span', {'class': 'difference', 'data-is': pair.difference},
              DIFFERENCES[pair.difference]),
      hexButton(pair.key, cells));
  return el('tr', {'role': 'row', 'data-field': pair.key,
    'data-difference': pair.difference},
  head, ...cells.map(({cell}) => cell), tools);
}

function fieldTable(pairs, views) {
  const head = (text) => el('th', {role: 'columnheader', scope: 'col'}, text);
  return el('table', {role: 'table', class: `fields fields-${views.length}`},
      el('caption', {class: 'sr'}, 'The ClientHello, field by field'),
      el('thead', {role: 'rowgroup'}, el('tr', {role: 'row'}, head('Field'),
          ...views.map(({label}) => head(label)),
          head(views.length > 1 ? 'Difference' : 'Octets'))),
      el('tbody', {role: 'rowgroup'},
          ...pairs.map((pair) => fieldRow(pair, views))));
}

function wholeHex(label, hello) {
  return el('details', {class: 'whole'},
      el('summary', {}, `${label}, whole: ${numberWord(hello.bytes)} octets in ` +
          'hexadecimal'),
      hexBlock(label, hello, {offset: 0, length: hello.bytes, name: 'whole message'}));
}

// twoViews puts the outer hello beside the inner one.
function twoViews(visit, outer, inner) {
  const views = [
    {side: 'outer', label: 'What an observer saw', hello: outer,
      name: visit.observer.name},
    {side: 'inner', label: 'What was inside', hello: inner, name: visit.site},
  ];
  const pairs = tellingFirst(align(outer, inner));
  const table = fieldTable(pairs, views);
  const only = el('input', {type: 'checkbox'});
  only.addEventListener('change', () => {
    table.classList.toggle('differences-only', only.checked);
  });
  return [
    el('label', {class: 'only'}, only, ' Show differences only'), table,
    wholeHex('What an observer saw', outer), wholeHex('What was inside', inner),
  ];
}

// oneView is for a hello that went out as it was.
function oneView(visit, outer) {
  const view = {side: 'outer', label: 'Sent in the clear', hello: outer,
    name: visit.observer.name};
  const pairs = [...byName(outer)].map(([key, field]) =>
    ({key, outer: field, difference: null}));
  return [fieldTable(tellingFirst(pairs), [view]), wholeHex('Sent in the clear', outer)];
}

// verdictStory says in a sentence or two what the verdict means here.
function verdictStory(visit, hello) {
  const {address, name} = visit.observer;
  const saw = `An observer saw a connection to ${address || 'the site'}`;
  const because = (visit.cause || 'The cause is not known').replace(/\.$/, '');
  const stories = {
    hidden: () => `${saw} that names ${name || 'nobody'}. The name ${visit.site} ` +
        'was inside, encrypted, where only the site reads it.',
    passed: () => `${saw}${name ? ` that names ${name}` : ', and no name'}. ` +
        (hello && hello.outer ? 'Everything in this ClientHello was in the clear: ' +
        'the site was passed through as it is.' :
          'It was passed through as it is.'),
    refused: () => `${because}.${hello && hello.inner ?
        ` An observer saw ${name || 'no name'}; the site's name stayed inside.` : ''}`,
    abandoned: () => 'The browser left before it was decided what to do.',
    upgraded: () => 'It was asked for over http, and the browser was sent to ' +
        'https instead. Nothing went to the site.',
    open: () => 'It is under way: nothing has been decided yet.',
  };
  return (stories[visit.verdict] || (() => ''))();
}

// markedStory marks the two names, which are what it is about.
function markedStory(visit, story) {
  const {name} = visit.observer;
  return marked(story, name, 'outer').flatMap((part) =>
    typeof part === 'string' && visit.site !== name ?
        marked(part, visit.site, 'inner') : [part]);
}

// withoutHello says why there is nothing to show.
function withoutHello(visit) {
  if (visit.verdict === 'open') {
    return 'No ClientHello has been sent yet. It is shown here when it is.';
  }
  if (visit.verdict === 'passed') {
    return 'No ClientHello was seen: what was passed through was not TLS, or ' +
        'plain http. All of it was in the clear.';
  }
  return 'No ClientHello was sent to the site, so an observer saw none' +
      (visit.observer.address ? ', just a connection to its address.' : '.');
}

function factList(visit) {
  const facts = [
    ['Begun', clockWord(visit.started, true)],
    ['Took', visit.done ? tookWord(visit.duration_ms) : 'still open'],
    ['Step reached', visit.step],
    ['Connected to', visit.observer.address],
    ['TLS', joined([tlsWord(visit.tls), visit.cipher])],
    ['Group', visit.group],
    ['Protocol', visit.alpn],
    ['Session', joined([visit.resumed && 'resumed',
      visit.retried && 'ECH retried with the site\'s new configuration'])],
    ['Octets', `${numberWord(visit.bytes_up)} up, ${
      numberWord(visit.bytes_down)} down`],
  ];
  return el('dl', {class: 'facts'}, ...facts.filter(([, value]) => value).map(
      ([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value))));
}

function helloView(visit, hello) {
  const outer = withPlainHex(hello && hello.outer);
  const inner = withPlainHex(hello && hello.inner);
  if (!outer) {
    return [el('p', {class: 'notice'}, withoutHello(visit))];
  }
  return inner ? twoViews(visit, outer, inner) : oneView(visit, outer);
}

// Views is the dialog. While it is open it follows its connection.
class Views {
  constructor() {
    this.dialog = byId('views');
    this.body = byId('views-body');
    this.id = null;
    this.opener = null;
    byId('views-close').addEventListener('click', () => this.dialog.close());
    this.dialog.addEventListener('click', (event) => {
      if (event.target === this.dialog) {
        this.dialog.close();  // beside it
      }
    });
    this.dialog.addEventListener('close', () => this.onClose());
  }

  open(visit) {
    this.id = visit.id;
    this.opener = document.activeElement;
    this.known = null;
    this.due = null;
    setText(byId('views-title'), siteWord(visit));
    this.verdict = el('p', {class: 'story'});
    this.facts = el('div');
    this.hello = el('div', {class: 'hello'});
    this.hello.dataset.key = '';
    this.body.replaceChildren(this.verdict, ruleButtons(visit.site), this.hello,
        this.facts);
    this.showFacts(visit, null);
    this.dialog.showModal();
    this.dialog.scrollTop = 0;
    this.fetch();
  }

  onClose() {
    this.id = null;
    this.body.replaceChildren();
    if (this.opener && this.opener.isConnected) {
      this.opener.focus();
    }
  }

  // update hears of every change to a connection.
  update(visit) {
    if (visit.id !== this.id) {
      return;
    }
    this.showFacts(visit, this.known);
    const due = visit.verdict + visit.observer.hello_bytes + visit.observer.name;
    if (this.due !== due) {
      this.due = due;
      this.fetch();
    }
  }

  async fetch() {
    const {id} = this;
    let visit = null;
    let missed = null;
    try {
      visit = await getVisit(id);
    } catch (error) {
      missed = error;
    }
    if (this.id !== id) {
      return;
    }
    if (missed === null) {
      this.known = visit.hello;
      this.showFacts(visit, visit.hello);
      this.showHello(visit);
    } else if (this.hello.dataset.key === '') {
      this.showMissed(missed);
    }
  }

  showMissed(error) {
    const gone = error instanceof ApiError && error.status === 404;
    this.hello.replaceChildren(el('p', {class: 'notice'}, gone ?
        'echproxy keeps the newest 512 connections, and this one is no longer ' +
        'among them.' :
        'Its ClientHello could not be had: echproxy does not answer.'));
  }

  showFacts(visit, hello) {
    this.verdict.dataset.verdict = visit.verdict;
    const story = verdictStory(visit, hello);
    replaceIfNew(this.verdict, story, () =>
        [icon(visit.verdict), el('b', {}, `${verdictWord(visit.verdict)}${
           visit.verdict === 'refused' ? ':' : '.'}`), ' ',
         el('span', {}, ...markedStory(visit, story))]);
    this.facts.replaceChildren(factList(visit));
  }

  showHello(visit) {
    const {outer, inner} = visit.hello || {};
    const key = `${visit.verdict} ${outer && outer.hex} ${inner && inner.hex}`;
    replaceIfNew(this.hello, key, () => helloView(visit, visit.hello));
  }
}
