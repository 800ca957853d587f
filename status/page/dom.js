'use strict';

// dom.js makes elements. What comes from the network reaches the page as text
// and as values of plain attributes only: nothing here parses HTML.

const SVG = 'http://www.w3.org/2000/svg';

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) {
      node.setAttribute(name, value === true ? '' : value);
    }
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

function el(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function icon(name) {
  return svg('svg', {class: 'icon', 'aria-hidden': 'true', focusable: 'false'},
      svg('use', {href: `#icon-${name}`}));
}

function byId(id) {
  return document.getElementById(id);
}

// setText leaves a node alone that says this already: a live region would be
// read out again, and what a person has selected would be lost.
function setText(node, text) {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

function setIcon(node, name) {
  const use = node.firstChild;
  const href = `#icon-${name}`;
  if (use.getAttribute('href') !== href) {
    use.setAttribute('href', href);
  }
}

// replaceIfNew puts `children` into `node` unless they say what is there.
// Buttons and links in them would lose the focus otherwise.
function replaceIfNew(node, key, makeChildren) {
  if (node.dataset.key !== key) {
    node.dataset.key = key;
    node.replaceChildren(...makeChildren());
  }
}
