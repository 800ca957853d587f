'use strict';

// words.js says values as people have them.

const VERDICTS = {
  open: 'Under way',
  hidden: 'Hidden',
  passed: 'Passed through',
  refused: 'Refused',
  abandoned: 'Abandoned',
  upgraded: 'Sent to https',
};

const NUMBER = new Intl.NumberFormat('en');
const CLOCK = new Intl.DateTimeFormat('en-GB', {timeStyle: 'medium'});
const DAY_AND_CLOCK =
    new Intl.DateTimeFormat('en-GB', {dateStyle: 'medium', timeStyle: 'medium'});

function verdictWord(verdict) {
  return VERDICTS[verdict] || String(verdict);
}

function numberWord(number) {
  return NUMBER.format(number || 0);
}

function threeDigits(number) {
  return number < 10 ? number.toFixed(1) : String(Math.round(number));
}

function bytesWord(bytes) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes || 0;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : threeDigits(value)} ${units[unit]}`;
}

function tookWord(ms) {
  if (ms === null || ms === undefined) {
    return '–';
  }
  if (ms < 1000) {
    return `${ms < 10 ? Number(ms.toFixed(1)) : Math.round(ms)} ms`;
  }
  const seconds = ms / 1000;
  if (seconds < 60) {
    return `${threeDigits(seconds)} s`;
  }
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${Math.floor(seconds % 60)} s` :
                        `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function clockWord(iso, withDay = false) {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) {
    return '';
  }
  return (withDay ? DAY_AND_CLOCK : CLOCK).format(date);
}

function tlsWord(version) {
  return version ? version.replace(/^TLSv/, 'TLS ') : '';
}

function siteWord(visit) {
  return visit.port && visit.port !== 443 ? `${visit.site}:${visit.port}` :
                                            visit.site;
}

function joined(parts, between = ' · ') {
  return parts.filter(Boolean).join(between);
}

function shareWord(part, whole) {
  return whole > 0 ? `${Math.round(100 * part / whole)} %` : '–';
}
