const $ = (selector) => document.querySelector(selector);
const data = JSON.parse($("#data").textContent);

/** An element with attributes and children; text is only ever set as text. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** 1:02:03.4, or 2:03.4 below an hour; −0:01.5 before the picture begins. */
function clock(seconds, digits = 1) {
  const unit = 10 ** digits;
  const ticks = Math.round(Math.abs(seconds) * unit);
  const whole = Math.floor(ticks / unit);
  const parts = [Math.floor(whole / 60) % 60, whole % 60];
  if (whole >= 3600) parts.unshift(Math.floor(whole / 3600));
  const text = parts.map((part, i) => (i ? String(part).padStart(2, "0") : String(part))).join(":");
  const sign = seconds < 0 && ticks ? "−" : "";
  return sign + (digits ? `${text}.${String(ticks % unit).padStart(digits, "0")}` : text);
}

/** Letters as the search compares them: without case and without accents. */
function plain(text) {
  return text.normalize("NFD").replace(/\p{Mn}/gu, "").toLowerCase();
}

/** *text* with every place where *wanted* (plain) is found marked; whole where the two cannot be laid side by side. */
function marked(text, wanted) {
  const folded = plain(text);
  if (!wanted || folded.length !== text.length) return [text];
  const parts = [];
  let from = 0;
  for (let at = folded.indexOf(wanted); at >= 0; at = folded.indexOf(wanted, from)) {
    parts.push(text.slice(from, at), make("mark", {}, text.slice(at, at + wanted.length)));
    from = at + wanted.length;
  }
  return [...parts, text.slice(from)];
}

/** Calls *act* once things have been still for a moment. */
function later(act, wait = 120) {
  let timer = 0;
  return () => { clearTimeout(timer); timer = setTimeout(act, wait); };
}

/** Whether a key belongs to a field that is being written in. */
function isWriting(event) {
  return event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input[type=search], textarea, select");
}
