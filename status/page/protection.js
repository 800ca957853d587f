'use strict';

// protection.js says in one sentence whether this browser is protected, and
// below it what that rests on, with the fix for what is missing.

const CHECKS = [
  ['proxy', 'Proxy in use'],
  ['trust', 'Certificates trusted'],
  ['resolver', 'Resolver'],
];

function code(text) {
  return el('code', {}, text);
}

function setupLink(text = 'Setup, step by step') {
  return el('a', {href: '/setup'}, text);
}

function proxyCheck(found, status) {
  if (found === null) {
    return {state: 'unknown', text: 'Being looked at.'};
  }
  if (found.proxy) {
    return {state: 'ok', text: 'This browser sends its connections to echproxy.'};
  }
  const address = status.listen[0];
  return {
    state: 'bad',
    text: 'This browser does not use echproxy.',
    fix: () =>
        ['Set ', code(address), ' as its proxy for HTTP and HTTPS, or ',
         code(`http://${address}/proxy.pac`), ' for automatic configuration. ',
         setupLink()],
  };
}

function trustCheck(found) {
  if (found === null) {
    return {state: 'unknown', text: 'Being looked at.'};
  }
  if (found.trusted) {
    return {state: 'ok', text: 'This browser trusts the local CA of echproxy.'};
  }
  if (!found.proxy) {
    return {
      state: 'unknown',
      text: 'Can be told only once this browser uses echproxy.',
    };
  }
  return {
    state: 'bad',
    text: 'This browser does not trust the local CA, and so warns of every ' +
        'site that echproxy hides.',
    fix: () =>
        ['Run ', code('echproxy trust'), ' and start the browser again, or ',
         setupLink('import the certificate')],
  };
}

// where names a resolver by its host, which is what people know it by.
function where(servers) {
  const hosts = servers.map((server) => {
    try {
      return new URL(server).host || server;
    } catch (error) {
      return server;
    }
  });
  return joined(hosts, ' or ');
}

function resolverFix(status) {
  const file = status.config_file;
  return () =>
      ['Set another one as ', code('resolver = https://HOST/PATH'), ' under ',
       code('[resolver]'), ' in ', code(file || 'echproxy.conf'),
       file ? '' : ', which `echproxy config --init` writes',
       ', then send SIGHUP or start echproxy again.'];
}

function resolverCheck(status) {
  const {state, encrypted, servers, last_error: error} = status.resolver;
  const name = where(servers);
  if (state === 'failing') {
    return {
      state: 'bad',
      text: `${name} does not answer${error ? `: ${error}` : ''}. Sites are ` +
          'refused meanwhile, so that no name leaks.',
      fix: resolverFix(status),
    };
  }
  const said = state === 'ok' ? `${name} answers` :
                                `${name} has not been asked yet, and will be`;
  const over = state === 'ok' ? ', over an encrypted connection.' :
                                ' over an encrypted connection.';
  return encrypted ?
      {state: 'ok', text: said + over} :
      {
        state: 'warn',
        text: `${said}, without encryption. Whether names are encrypted ` +
            'beyond it, only that resolver knows.',
        fix: resolverFix(status),
      };
}

// What the sentence says, the first line that holds.
const SENTENCES = [
  {
    when: ({checks}) => checks.proxy.state === 'unknown',
    state: 'unknown',
    text: 'Checking whether this browser is protected.',
  },
  {
    when: ({checks}) => checks.proxy.state === 'bad',
    state: 'bad',
    text: 'This browser is not protected: it does not use echproxy.',
  },
  {
    when: ({checks}) => checks.trust.state !== 'ok',
    state: 'bad',
    text: 'This browser is not protected yet: it uses echproxy, but does not ' +
        'trust its certificates.',
  },
  {
    when: ({checks}) => checks.resolver.state === 'bad',
    state: 'warn',
    text: 'Nothing leaks, but sites cannot be reached: the resolver does not ' +
        'answer.',
  },
  {
    when: ({checks}) => checks.resolver.state === 'warn',
    state: 'warn',
    text: 'This browser is protected on the way to sites, but its lookups are ' +
        'not encrypted on the way to the resolver.',
  },
  {
    when: () => true,
    state: 'ok',
    text: 'This browser is protected right now.',
  },
];

function explain(state, status) {
  if (state !== 'ok') {
    return '';
  }
  return 'Sites that support Encrypted ClientHello (ECH) are reached without ' +
      'telling the network their names. ' +
      (status.mode === 'strict' ? 'All other sites are refused.' :
                                  'All other sites are passed through as they are.');
}

// What the sentence says while there is no status to judge by.
const WITHOUT_STATUS = {
  missing: {
    state: 'unknown',
    text: 'This page was opened without its key, and so it shows nothing.',
    fix: () =>
        ['Open it with ', code('echproxy status --open'),
         ', which only the user who runs echproxy can do. If echproxy is not ' +
         'set up yet: ', setupLink()],
  },
  expired: {
    state: 'unknown',
    text: 'echproxy was started anew, and this page belongs to its last run.',
    fix: () =>
        ['Open it again with ', code('echproxy status --open'),
         '. What was shown here is kept nowhere else.'],
  },
  stopped: {
    state: 'bad',
    text: 'echproxy does not answer: it was stopped, and protects nothing now.',
    fix: () =>
        ['A browser that is set to use it reaches no site until it is back: ' +
         'nothing leaks. Start it with ', code('echproxy run'), ' or ',
         code('systemctl --user start echproxy'), '. This page tries again by ' +
         'itself.'],
  },
  full: {
    state: 'unknown',
    text: 'Too many pages like this one are open.',
    fix: () => ['Close one of them. This page tries again by itself.'],
  },
};

class Protection {
  constructor() {
    this.section = byId('protection');
    this.sentence = byId('sentence');
    this.explanation = byId('explanation');
    this.rows = new Map(CHECKS.map(([id, title]) => [id, this.makeRow(title)]));
    byId('checks').append(...[...this.rows.values()].map((row) => row.item));
  }

  makeRow(title) {
    const row = {
      sign: icon('unknown'),
      state: el('span', {class: 'sr'}),
      text: el('p', {class: 'check-text'}),
      fix: el('p', {class: 'fix'}),
    };
    row.item = el('li', {'data-state': 'unknown'}, row.sign,
        el('div', {}, el('h2', {class: 'check-title'}, title, ' ', row.state),
            row.text, row.fix));
    return row;
  }

  showCheck(id, check) {
    const row = this.rows.get(id);
    const words = {ok: 'good', bad: 'to be fixed', warn: 'a weak point'};
    row.item.dataset.state = check.state;
    setIcon(row.sign, check.state);
    setText(row.state, words[check.state] || 'not known');
    setText(row.text, check.text);
    replaceIfNew(row.fix, check.fix ? check.text : '',
        () => check.fix ? check.fix() : []);
  }

  say(state, text, explanation) {
    this.section.dataset.state = state;
    setText(this.sentence, text);
    setText(this.explanation, explanation);
    document.title = `${text.split(':')[0].replace(/\.$/, '')} – echproxy`;
  }

  // show judges by `status` and by `found`, what probe() returned or null.
  show(status, found) {
    const checks = {
      proxy: proxyCheck(found, status),
      trust: trustCheck(found),
      resolver: resolverCheck(status),
    };
    const said = SENTENCES.find(({when}) => when({checks}));
    this.explanation.dataset.key = '';
    this.say(said.state, said.text, explain(said.state, status));
    byId('checks').hidden = false;
    Object.entries(checks).forEach(([id, check]) => this.showCheck(id, check));
  }

  // showWithout says why there is no status: a key of WITHOUT_STATUS.
  showWithout(why) {
    const {state, text, fix} = WITHOUT_STATUS[why];
    this.section.dataset.state = state;
    setText(this.sentence, text);
    document.title = `${text.split(/[:,]/)[0]} – echproxy`;
    replaceIfNew(this.explanation, why, fix);
    byId('checks').hidden = true;
  }
}
