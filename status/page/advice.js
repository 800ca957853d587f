'use strict';

// advice.js shows what the proxy advises, and the buttons that write a rule
// for a site.

const RULES = [
  ['pass', 'Pass through', 'is passed through from now on, its name in the clear'],
  ['strict', 'Strict', 'is reached with its name hidden, or not at all'],
  ['default', 'Default', 'is treated like every other site'],
];

async function writeRule(site, mode, effect, said) {
  said.dataset.state = 'busy';
  setText(said, 'Writing the rule.');
  try {
    const {file, line} = await postRule(site, mode);
    said.dataset.state = 'ok';
    setText(said, `Written to ${file}${line ? `, line ${line}` : ''}: ${site} ` +
        `${effect}. In force for its next connection.`);
  } catch (error) {
    said.dataset.state = 'bad';
    setText(said, error instanceof ApiError ?
        `Not written: ${error.message}` :
        'Not written: echproxy does not answer.');
  }
}

function ruleButton(site, [mode, label, effect], said, text = label) {
  const button = el('button', {type: 'button', 'data-mode': mode}, text);
  button.addEventListener('click', () => writeRule(site, mode, effect, said));
  return button;
}

function ruleResult() {
  return el('p', {class: 'rule-said', role: 'status'});
}

// ruleButtons makes the three buttons for `site`, and where they say what they
// did.
function ruleButtons(site) {
  const said = ruleResult();
  const buttons = RULES.map((rule) => ruleButton(site, rule, said));
  return el('div', {class: 'rules', role: 'group', 'aria-label': `Rule for ${site}`},
      el('span', {class: 'rules-title'}, 'Rule for ', el('b', {}, site)),
      ...buttons, said);
}

function adviceItem({kind, site, text, fix}) {
  const item = el('li', {'data-kind': kind}, icon('warn'));
  const body = el('div', {}, el('p', {}, text));
  if (fix) {
    body.append(el('p', {class: 'fix'}, 'Fix: ', code(fix)));
  }
  if (kind === 'pinned_app' && site) {
    const said = ruleResult();
    body.append(
        el('p', {class: 'fix'},
            ruleButton(site, RULES[0], said, `Pass ${site} through`)),
        said);
  }
  item.append(body);
  return item;
}

function showAdvice(advice) {
  const list = byId('advice');
  list.hidden = advice.length === 0;
  replaceIfNew(list, JSON.stringify(advice), () => advice.map(adviceItem));
}
