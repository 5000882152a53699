// Small helpers. Text is only ever set as text: file names are anybody's.

export const $ = (selector, root = document) => root.querySelector(selector);

/** Sets the text of an element only where it changes, so that nothing is drawn anew for nothing. */
export function say(element, text) {
  if (element.textContent !== String(text)) element.textContent = text;
}

/** An element with attributes, and children or text. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

/** A template's only element, copied. */
export function copy(id) {
  return document.getElementById(id).content.firstElementChild.cloneNode(true);
}

const whole = new Intl.NumberFormat("en");

export const number = (value) => whole.format(value);

export const count = (value, noun) => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;

export function size(bytes) {
  if (bytes === null || bytes === undefined) return "";
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 999500) return `${(bytes / 1000).toFixed(bytes < 9950 ? 1 : 0)} kB`;
  return `${(bytes / 1e6).toFixed(bytes < 99.95e6 ? 1 : 0)} MB`;
}

export function milliseconds(value) {
  if (value === null || value === undefined) return "";
  if (value < 9.95) return `${value.toFixed(1)} ms`;
  return value < 1000 ? `${value.toFixed(0)} ms` : `${(value / 1000).toFixed(1)} s`;
}

export const seconds = (value) =>
  value < 100 ? `${Math.round(value)} s` : value < 6000 ? `${Math.round(value / 60)} min` : `${Math.round(value / 3600)} h`;

export const dimensions = (result) => (result.width ? `${result.width} × ${result.height}` : "");

/** What people call a format. */
export const format = (name) => (name ? ({ webp: "WebP" }[name] ?? name.toUpperCase()) : "");

/** `image-2` before `image-10`. */
export const natural = new Intl.Collator("en", { numeric: true }).compare;

export const calm = matchMedia("(prefers-reduced-motion: reduce)");
